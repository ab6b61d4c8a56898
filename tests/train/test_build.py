"""Networks built as a recipe says, and begun from weights that are there."""

import dataclasses
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from pneumo_core.errors import ModelError
from pneumo_core.keras_network.layers import body_and_head
from pneumo_core.train.build import BACKBONES, build_network, start_from_imagenet, start_from_model
from pneumo_core.train.plan import ARCHITECTURES, WEIGHTS_CODE, Recipe

SMALL = Recipe(architecture="SmallCNN", size=32, dense_units=(16,))


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_network(SMALL)


def test_a_grey_film_goes_in_and_one_logit_comes_out(network: keras.Model):
    assert network.input_shape == (None, 32, 32, 1)
    assert network.output_shape == (None, 1)
    assert network.layers[-1].activation is keras.activations.linear


def test_the_graph_is_flat_as_grad_cam_needs_it(network: keras.Model):
    assert not any(isinstance(layer, keras.Model) for layer in network.layers)


def recipe(architecture: str, **settings) -> Recipe:
    return Recipe(architecture=architecture, size=32, **settings)


def film(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (1, 32, 32, 1)).astype(np.float32)


def test_what_is_said_of_each_backbone_is_true():
    assert BACKBONES.keys() == ARCHITECTURES.keys()
    for name, architecture in ARCHITECTURES.items():
        layers = build_network(recipe(name)).layers
        names = [layer.name for layer in layers]
        assert BACKBONES[name].explained_layer in names
        first = [next(place for place, found in enumerate(names) if found.startswith(b)) for b in architecture.blocks]
        assert first == sorted(first)
        assert not any(isinstance(layer, keras.Model) for layer in layers)


@pytest.mark.parametrize(("pooling", "features"), [("average", 32), ("max", 32), ("flatten", 4 * 4 * 32)])
def test_the_head_is_as_the_recipe_says(pooling: str, features: int):
    network = build_network(recipe("SmallCNN", pooling=pooling, dense_units=(7, 5), activation="tanh", dropout=0.25))
    dense = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.kernel.shape for layer in dense] == [(features, 7), (7, 5), (5, 1)]
    assert [layer.activation for layer in dense[:2]] == [keras.activations.tanh] * 2
    assert [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)] == [0.25] * 3


def test_a_weights_file_of_another_network_is_refused(network: keras.Model, tmp_path: Path):
    path = tmp_path / "other.weights.h5"
    network.save_weights(path)
    other = recipe("EfficientNetV2B0")
    with pytest.raises(ModelError) as refusal:
        start_from_imagenet(build_network(other), other, path)
    assert refusal.value.code == WEIGHTS_CODE


def test_a_backbone_without_imagenet_weights_says_so(network: keras.Model):
    with pytest.raises(ModelError, match="train it from scratch"):
        start_from_imagenet(network, SMALL, None)


def test_a_download_that_fails_is_a_refusal_and_no_fault_of_the_program(monkeypatch: pytest.MonkeyPatch):
    def fails(**settings: object) -> keras.Model:
        raise Exception("URL fetch failure") if settings["weights"] else AssertionError("No download was asked for.")

    known = BACKBONES["MobileNetV3Large"]
    chosen = recipe("MobileNetV3Large")
    network = build_network(chosen)
    monkeypatch.setitem(BACKBONES, "MobileNetV3Large", dataclasses.replace(known, build=fails))
    with pytest.raises(ModelError) as refusal:
        start_from_imagenet(network, chosen, None)
    assert refusal.value.code == WEIGHTS_CODE


@pytest.mark.parametrize("architecture", [name for name, found in ARCHITECTURES.items() if found.has_imagenet_weights])
def test_the_backbones_weights_arrive_with_its_own_preparation_of_films(architecture: str, tmp_path: Path):
    chosen = recipe(architecture)
    backbone = BACKBONES[architecture]
    plain = backbone.build(include_top=False, weights=None, input_shape=(32, 32, 3))
    path = tmp_path / "backbone.weights.h5"
    if architecture == "EfficientNetB0":
        normalization = next(layer for layer in plain.layers if isinstance(layer, keras.layers.Normalization))
        mean, variance = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.052, 0.050, 0.051], np.float32)
        normalization.set_weights([mean, variance, *normalization.get_weights()[2:]])
        normalization.finalize_state()
    plain.save_weights(path)
    network = build_network(chosen)
    start_from_imagenet(network, chosen, path)
    shutil.rmtree(tmp_path)

    rgb = np.repeat(film(3), 3, axis=-1)
    if architecture in ("ResNet50", "VGG16"):
        rgb = keras.applications.resnet50.preprocess_input(rgb)
    expected = (
        plain.get_layer(backbone.explained_layer).output if backbone.explained_layer != "features" else plain.output
    )
    if architecture == "EfficientNetB0":
        # What Keras' own ImageNet network has between these two layers; see keras.applications.efficientnet.
        stem = plain.get_layer("stem_conv_pad")
        normalized = keras.Model(plain.input, stem.input)(rgb) / np.sqrt(np.array([0.229, 0.224, 0.225], np.float32))
        maps = keras.Model(stem.input, expected)(normalized)
    else:
        maps = keras.Model(plain.input, expected)(rgb)
    found = body_and_head(network, backbone.explained_layer)[0](film(3))
    assert np.asarray(found) == pytest.approx(np.asarray(maps), rel=1e-3, abs=1e-4 * float(np.abs(maps).max()))


def test_a_model_is_taken_over_with_its_head_where_that_fits(network: keras.Model):
    same = build_network(SMALL)
    start_from_model(same, SMALL, network, "block3_activation")
    assert np.asarray(same(film(4))) == pytest.approx(np.asarray(network(film(4))), abs=1e-6)

    other_head = recipe("SmallCNN", dense_units=(4,))
    changed = build_network(other_head)
    head_before = changed.get_layer("logit").get_weights()
    start_from_model(changed, other_head, network, "block3_activation")
    ours, theirs = (body_and_head(one, "block3_activation")[0](film(4)) for one in (changed, network))
    assert np.array_equal(ours, theirs)
    assert np.array_equal(head_before[0], changed.get_layer("logit").get_weights()[0])


def test_a_model_with_another_backbone_is_refused(network: keras.Model):
    other = recipe("MobileNetV3Large")
    with pytest.raises(ModelError, match="another backbone than MobileNetV3Large"):
        start_from_model(build_network(other), other, network, "block3_activation")


def test_a_head_of_three_classes_gives_the_log_odds_of_the_finding_against_the_other_two():
    network = build_network(recipe("SmallCNN", classes=3))
    random = np.random.default_rng(6)
    for name in ("opacity", "other"):
        network.get_layer(name).set_weights([random.normal(0, 2, (32, 1)), random.normal(0, 1, 1)])
    inside = keras.Model(network.input, [network.get_layer(name).output for name in ("opacity", "other")])
    films = random.uniform(0, 255, (6, 32, 32, 1)).astype(np.float32)
    a, b = (np.asarray(values, np.float64) for values in inside(films))
    share = np.exp(a) / (np.exp(a) + np.exp(b) + 1)
    assert np.ptp(share) > 0.01
    assert np.asarray(network(films)) == pytest.approx(np.log(share / (1 - share)), rel=1e-4, abs=1e-4)


def test_a_head_of_three_classes_begins_anew_on_the_backbone_of_a_model_of_two(network: keras.Model):
    three = recipe("SmallCNN", classes=3)
    ours = build_network(three)
    before = ours.get_layer("opacity").get_weights()[0]
    start_from_model(ours, three, network, "block3_activation")
    found, expected = (body_and_head(one, "block3_activation")[0](film(4)) for one in (ours, network))
    assert np.array_equal(found, expected)
    assert np.array_equal(before, ours.get_layer("opacity").get_weights()[0])
