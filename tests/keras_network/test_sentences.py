"""The sentences of this room, each beside what provokes it. Other tests hold classes and codes."""

import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from pneumo_core.errors import PneumoError
from pneumo_core.film.preprocessing import Preprocessing
from pneumo_core.keras_network.engines import openvino_engine
from pneumo_core.keras_network.file_check import check_network_file
from pneumo_core.keras_network.layers import load_network, save_network
from pneumo_core.train.build import build_network
from pneumo_core.train.plan import Recipe
from tests.test_prose import MOST_WORDS, faults

SMALL = Recipe(architecture="SmallCNN", size=32)
LAYER = "block3_act"


def said(act: Callable[[], object]) -> str:
    """Give the sentence of a refusal, which keeps the rules of prose."""
    with pytest.raises(PneumoError) as refusal:
        act()
    assert faults(str(refusal.value), MOST_WORDS) == []
    return str(refusal.value)


def test_a_network_that_cannot_be_loaded_is_said_with_its_reason(tmp_path: Path):
    path = tmp_path / "classifier.keras"
    assert said(lambda: load_network(path)) == (
        f"There is no network at {path}. A .keras file is expected. Please train or copy one."
    )
    path.write_bytes(b"not a network")
    assert said(lambda: load_network(path)) == (
        "classifier.keras is no .keras file of a sensible size. Please copy the model again."
    )
    film = keras.Input((32, 32, 3))
    save_network(keras.Model(film, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(film))), path)
    assert said(lambda: load_network(path)) == (
        "classifier.keras takes (None, 32, 32, 3) and gives (None, 2). Expected: one grey image in and one logit out. "
        "Please use a network that this project trained."
    )
    network = build_network(SMALL)
    network.set_weights([np.full_like(weight, np.nan) for weight in network.get_weights()])
    save_network(network, path)
    assert said(lambda: load_network(path)) == (
        "classifier.keras holds weights that are not finite numbers. Please retrain the model."
    )


def test_a_network_file_that_does_not_fit_is_said_with_what_it_holds(tmp_path: Path):
    path = tmp_path / "classifier.keras"
    save_network(build_network(SMALL), path)
    assert said(lambda: check_network_file(path, Preprocessing(64, 96), LAYER)) == (
        "classifier.keras holds an input of 32 x 32 x 1. Expected: 64 x 96 x 1, as the card says. Please use a network "
        "that this project trained."
    )
    assert said(lambda: check_network_file(path, Preprocessing(32, 32), "nowhere")) == (
        "classifier.keras holds no layer 'nowhere' with feature maps, although the card names it for the heat map. "
        "Expected: the network of this card. Please use a network that this project trained."
    )


def test_an_engine_that_is_not_installed_is_said_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert said(lambda: openvino_engine(build_network(SMALL))) == (
        "OpenVINO is not installed here, and PNEUMO_ENGINE asks for it. Please run "
        "pip install '.[openvino]' in Pneumo's folder, or leave PNEUMO_ENGINE out."
    )
