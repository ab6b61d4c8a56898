"""The Keras graph, its files and the checks on loading."""

import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from pneumo_core.errors import ModelError
from pneumo_core.network import build_network, device_in_words, load_network, save_network
from pneumo_core.preprocessing import Preprocessing

SMALL = Preprocessing(height=32, width=32)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_network("SmallCNN", SMALL, dropout=0.2)


def test_a_grey_film_goes_in_and_one_logit_comes_out(network: keras.Model):
    assert network.input_shape == (None, 32, 32, 1)
    assert network.output_shape == (None, 1)
    assert network.layers[-1].activation is keras.activations.linear


def test_the_graph_is_flat_as_grad_cam_needs_it(network: keras.Model):
    assert not any(isinstance(layer, keras.Model) for layer in network.layers)


def test_a_saved_network_gives_the_same_logits(network: keras.Model, tmp_path: Path):
    films = np.random.default_rng(2).uniform(0, 255, (3, 32, 32, 1)).astype(np.float32)
    save_network(network, tmp_path / "classifier.keras")
    loaded = load_network(tmp_path / "classifier.keras")
    assert np.asarray(loaded(films)) == pytest.approx(np.asarray(network(films)), abs=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["classifier.keras"]


def test_a_save_that_fails_leaves_the_old_file(network: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "classifier.keras"
    save_network(network, path)
    before = path.read_bytes()

    def half_a_save(target: Path) -> None:
        Path(target).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(network, "save", half_a_save)
    with pytest.raises(OSError, match="disk full"):
        save_network(network, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["classifier.keras"]


def test_a_missing_network_is_named(tmp_path: Path):
    with pytest.raises(ModelError, match="There is no network at"):
        load_network(tmp_path / "classifier.keras")


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path):
    path = tmp_path / "classifier.keras"
    path.write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"no \.keras file of a sensible size"):
        load_network(path)


def test_an_archive_without_a_network_is_refused(tmp_path: Path):
    path = tmp_path / "classifier.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(ModelError, match="could not be loaded"):
        load_network(path)


def test_a_truncated_network_is_refused(network: keras.Model, tmp_path: Path):
    path = tmp_path / "classifier.keras"
    save_network(network, path)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ModelError):
        load_network(path)


def test_weights_that_are_no_numbers_are_refused(network: keras.Model, tmp_path: Path):
    broken = keras.models.clone_model(network)
    broken.set_weights([np.full_like(weight, np.nan) for weight in network.get_weights()])
    save_network(broken, tmp_path / "classifier.keras")
    with pytest.raises(ModelError, match="not finite"):
        load_network(tmp_path / "classifier.keras")


def test_a_network_of_another_kind_is_refused(tmp_path: Path):
    film = keras.Input((32, 32, 3))
    two = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(film))
    save_network(keras.Model(film, two), tmp_path / "classifier.keras")
    with pytest.raises(ModelError, match="Expected is one grey film in and one logit out"):
        load_network(tmp_path / "classifier.keras")


def test_a_weights_file_of_another_network_is_refused(network: keras.Model, tmp_path: Path):
    path = tmp_path / "other.weights.h5"
    network.save_weights(path)
    with pytest.raises(ModelError, match="ImageNet weights could not be had"):
        build_network("EfficientNetV2B0", SMALL, dropout=0.2, backbone_weights=path)


def test_a_backbone_without_imagenet_weights_says_so():
    with pytest.raises(ModelError, match="train it from scratch"):
        build_network("SmallCNN", SMALL, dropout=0.2, backbone_weights="imagenet")


def test_the_backbones_weights_arrive_in_the_flat_graph(tmp_path: Path):
    plain = keras.applications.EfficientNetV2B0(include_top=False, weights=None, input_shape=(32, 32, 3))
    plain.save_weights(tmp_path / "backbone.weights.h5")
    network = build_network("EfficientNetV2B0", SMALL, 0.2, tmp_path / "backbone.weights.h5")
    shutil.rmtree(tmp_path)
    film = np.random.default_rng(3).uniform(0, 255, (1, 32, 32, 1)).astype(np.float32)
    maps = keras.Model(network.input, network.get_layer("top_activation").output)(film)
    assert np.asarray(maps) == pytest.approx(np.asarray(plain(np.repeat(film, 3, axis=-1))), abs=1e-5)


def test_the_device_is_said_in_words():
    assert device_in_words().startswith(("CPU (", "GPU ("))
