"""The teaching trace: equal to tf-keras-vis at every layer, for and against, from edges to lungs."""

import keras
import numpy as np
import pytest

from pneumo_core.explain.trace import Trace, Tracer
from pneumo_core.keras_network.gradcam import library_map
from pneumo_core.keras_network.layers import layers_to_walk
from pneumo_core.train.build import BACKBONES, build_network
from pneumo_core.train.plan import ARCHITECTURES, Recipe
from tests.conftest import drawn_film

FILM = drawn_film(True, 1)[:64, :64, np.newaxis].astype(np.float32)


def network_of(architecture: str) -> keras.Model:
    keras.utils.set_random_seed(5)
    network = build_network(Recipe(architecture=architecture, size=64, dense_units=(8,)))
    # Random weights let next to nothing through some backbones.
    network.get_layer("dense1").kernel.assign(network.get_layer("dense1").kernel * 1e6)
    return network


@pytest.mark.parametrize("architecture", ["EfficientNetV2B0", "SmallCNN", "VGG16"])
def test_the_trace_equals_tf_keras_vis_at_every_layer(architecture: str):
    network = network_of(architecture)
    tracer = Tracer(network, BACKBONES[architecture].explained_layer)
    traces = tracer.trace(FILM)
    assert tuple(traces) == tracer.layers
    for name, trace in traces.items():
        expected = library_map(network, FILM[np.newaxis], name)
        assert expected.max() > 0
        assert trace.evidence.unscaled == pytest.approx(expected, abs=1e-4 * float(expected.max()))
        assert tracer.difference_from_library(FILM, trace) < 1e-4
        assert trace.logit == pytest.approx(float(network(FILM[np.newaxis])[0, 0]), rel=1e-4)


def test_the_map_of_the_negated_logit_is_what_speaks_against():
    network = network_of("SmallCNN")
    negated = keras.Model(network.input, keras.layers.Rescaling(-1.0, name="negated")(network.output))
    layer = BACKBONES["SmallCNN"].explained_layer
    trace = Tracer(network, layer).trace(FILM)[layer]
    expected = library_map(negated, FILM[np.newaxis], layer)
    assert expected.max() > 0
    assert trace.counter_evidence.unscaled == pytest.approx(expected, abs=1e-4 * float(expected.max()))


def test_the_steps_are_what_the_formulas_say():
    maps = np.zeros((2, 2, 2), np.float32)
    maps[0, 0] = (1, 10)
    maps[1, 1] = (3, 0)
    gradients = np.zeros((2, 2, 2), np.float32)
    gradients[:, :, 0] = [[4, 0], [0, 0]]
    gradients[:, :, 1] = -0.25
    trace = Trace("layer", maps, gradients, 0.5)
    # The means of four cells.
    assert trace.weights.tolist() == [1.0, -0.25]
    assert trace.strongest(1) == [0]
    assert trace.weighted_sum.tolist() == [[1 - 2.5, 0], [0, 3]]
    assert trace.evidence.unscaled.tolist() == [[0, 0], [0, 3]]
    assert trace.counter_evidence.unscaled.tolist() == [[1.5, 0], [0, 0]]
    assert trace.limit == 3
    assert trace.map_alone(1).peak == 10


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_layers_go_from_many_cells_to_few_and_end_with_the_explained_one(architecture: str):
    network = build_network(Recipe(architecture=architecture, size=64))
    explained = BACKBONES[architecture].explained_layer
    names = layers_to_walk(network, explained)
    assert len(names) >= 3
    assert names[-1] == explained
    assert len(set(names)) == len(names)
    sides = [network.get_layer(name).output.shape[1] for name in names]
    assert sides == sorted(sides, reverse=True)
    assert sides[0] >= 4 * sides[-1]
