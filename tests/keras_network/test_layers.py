"""The Keras graph, its files and the checks on loading."""

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from pneumo_core.errors import ModelError
from pneumo_core.keras_network.layers import device_in_words, load_network, save_network
from pneumo_core.train.build import build_network
from pneumo_core.train.plan import Recipe

SMALL = Recipe(architecture="SmallCNN", size=32, dense_units=(16,))


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_network(SMALL)


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
    with pytest.raises(ModelError) as refusal:
        load_network(tmp_path / "classifier.keras")
    assert refusal.value.code == "network_missing"


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path):
    path = tmp_path / "classifier.keras"
    path.write_bytes(b"not a network")
    with pytest.raises(ModelError) as refusal:
        load_network(path)
    assert refusal.value.code == "network_no_archive"


def test_an_archive_without_a_network_is_refused(tmp_path: Path):
    path = tmp_path / "classifier.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(ModelError) as refusal:
        load_network(path)
    assert refusal.value.code == "network_not_loaded"


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
    with pytest.raises(ModelError) as refusal:
        load_network(tmp_path / "classifier.keras")
    assert refusal.value.code == "network_not_finite"


def test_a_network_of_another_kind_is_refused(tmp_path: Path):
    film = keras.Input((32, 32, 3))
    two = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(film))
    save_network(keras.Model(film, two), tmp_path / "classifier.keras")
    with pytest.raises(ModelError) as refusal:
        load_network(tmp_path / "classifier.keras")
    assert refusal.value.code == "network_ends"


def test_the_device_is_said_in_words():
    assert device_in_words().startswith(("CPU (", "GPU ("))
