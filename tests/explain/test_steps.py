"""The steps in words: shapes and numbers are those of the trace."""

from pathlib import Path

import numpy as np
import pytest

from pneumo_core.explain.steps import TITLES, layer_in_words, steps_of
from pneumo_core.explain.trace import Trace
from pneumo_core.film.radiograph import read_radiograph
from pneumo_core.keras_network.classifier import load_classifier
from pneumo_core.read.reading import Reading, read_xray
from tests.conftest import drawn_film, png


@pytest.fixture(scope="module")
def reading(tiny_model: Path) -> Reading:
    return read_xray(load_classifier(tiny_model), read_radiograph(png(drawn_film(True, 1)), "film.png"))


def trace_of(gradients: np.ndarray) -> Trace:
    return Trace("block9_add", np.ones((4, 5, 3), np.float32), gradients.astype(np.float32), 1.25)


def test_every_step_has_its_words_and_the_shapes_of_this_network(reading: Reading):
    gradients = np.zeros((4, 5, 3))
    gradients[:, :, 0], gradients[:, :, 1] = 2.0, -1.0
    steps = steps_of(trace_of(gradients), reading)
    assert tuple(step.title for step in steps) == TITLES
    assert "130 x 110 pixels is resized to the network's input of 32 x 32" in steps[0].sentence
    assert r"\mathbb{R}^{4\times5\times3}" in steps[1].formula
    assert "y=1.25" in steps[2].formula
    assert "have the same gradient" in steps[2].sentence
    assert "1 of 3 maps speak for pneumonia" in steps[3].sentence
    assert r"\frac{1}{20}" in steps[3].formula
    # One map of ones with weight 2, one with -1.
    assert r"\max L=1" in steps[5].formula
    assert "blank" not in steps[5].sentence
    assert "one cell covers 26 x 28 of its pixels" in steps[6].sentence


def test_gradients_that_differ_and_a_blank_map_are_said(reading: Reading):
    gradients = np.zeros((4, 5, 3))
    gradients[0, 0, 0] = -1.0
    steps = steps_of(trace_of(gradients), reading)
    assert "differ from cell to cell" in steps[2].sentence
    assert "the heat map is blank" in steps[5].sentence


def test_a_layer_is_named_with_its_shape():
    assert layer_in_words(trace_of(np.zeros((4, 5, 3)))) == "block9: 4 x 5, 3 maps"
