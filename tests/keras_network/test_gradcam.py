"""The heat map: equal to tf-keras-vis on the full network, blank said as blank."""

import keras
import numpy as np
import pytest
from tf_keras_vis.gradcam import Gradcam

from pneumo_core.keras_network.gradcam import explain
from pneumo_core.keras_network.layers import body_and_head
from pneumo_core.network.explanation import Explanation
from pneumo_core.train.build import BACKBONES, build_network
from pneumo_core.train.plan import ARCHITECTURES, Recipe
from tests.conftest import drawn_film


@pytest.mark.parametrize(
    ("architecture", "pooling", "side"),
    [(architecture, "average", 64) for architecture in ARCHITECTURES] + [("SmallCNN", "flatten", 32)],
)
def test_the_map_from_the_head_equals_that_of_the_full_network(architecture: str, pooling: str, side: int):
    keras.utils.set_random_seed(5)
    network = build_network(Recipe(architecture=architecture, pooling=pooling, size=side, dense_units=(8,)))
    # Random weights let next to nothing through some backbones.
    network.get_layer("dense1").kernel.assign(network.get_layer("dense1").kernel * 1e6)
    layer = BACKBONES[architecture].explained_layer
    film = drawn_film(True, 1)[np.newaxis, :side, :side, np.newaxis].astype(np.float32)
    expected = Gradcam(network, clone=False)(
        lambda logit: logit[:, 0],
        film,
        penultimate_layer=layer,
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    body, head = body_and_head(network, layer)
    explanation = explain(head, body(film), layer)
    expected = np.asarray(expected[0])
    assert explanation.peak > 0
    assert explanation.peak * explanation.coarse == pytest.approx(expected, abs=1e-4 * float(expected.max()))


def planted(weight: float) -> tuple[keras.Model, np.ndarray]:
    """Give a head whose logit is `weight` times the mean of its one map, and a map with a single bright cell."""
    maps = keras.Input((3, 4, 1))
    logit = keras.layers.Dense(1, use_bias=False)(keras.layers.GlobalAveragePooling2D()(maps))
    head = keras.Model(maps, logit)
    head.set_weights([np.array([[weight]], np.float32)])
    evidence = np.zeros((1, 3, 4, 1), np.float32)
    evidence[0, 1, 2, 0] = 6.0
    return head, evidence


def test_planted_evidence_is_found_where_it_lies():
    head, evidence = planted(2.0)
    explanation = explain(head, evidence, "planted")
    assert explanation.coarse[1, 2] == 1
    assert explanation.coarse.sum() == 1
    # The gradient is 2 / 12 everywhere; times 6.
    assert explanation.peak == pytest.approx(1.0)
    assert not explanation.is_blank


def test_evidence_against_is_no_evidence_and_the_map_is_blank():
    head, evidence = planted(-2.0)
    explanation = explain(head, evidence, "planted")
    assert explanation.is_blank
    assert not explanation.coarse.any()
    assert not explanation.heatmap(30, 40).any()


def test_the_map_takes_the_radiographs_size_with_its_centre_in_place():
    coarse = np.zeros((7, 7), np.float32)
    coarse[3, 3] = 1
    heatmap = Explanation(coarse, 1.0, "layer").heatmap(701, 911)
    assert heatmap.shape == (701, 911)
    assert heatmap.min() >= 0
    assert heatmap.max() <= 1
    assert np.unravel_index(heatmap.argmax(), heatmap.shape) == (350, 455)
