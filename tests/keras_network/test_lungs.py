"""The segmenter: its file is checked as the classifier's is, and both engines give the same outline."""

import importlib.util
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from pneumo_core.errors import ModelError
from pneumo_core.film.preprocessing import Preprocessing, prepare
from pneumo_core.keras_network import lungs
from pneumo_core.keras_network.lungs import load_segmenter
from pneumo_core.network.engine import KERAS, OPENVINO
from pneumo_core.train.segmenter.network import lungs_network

# Only looked for: its import calls home unless the engine has seen to it.
needs_openvino = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")
SMALL, LARGER = Preprocessing(height=32, width=32), Preprocessing(height=128, width=128)
CONFIG = "config.json"


def dark_is_lung(size: int) -> keras.Model:
    """Give a segmenter that calls all lung which is darker than the film's mean, as its weights are set by hand."""
    film = keras.Input((size, size, 1), name="film")
    x = keras.layers.AveragePooling2D(2, name="lungs_half")(film)
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True, name="lungs_mean")(x)
    logit = keras.layers.Conv2D(1, 1, name="lungs_logit")
    network = keras.Model(film, logit(keras.ops.subtract(x, mean)))
    logit.set_weights([np.full((1, 1, 1, 1), -0.1), np.zeros(1)])
    return network


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lungs") / "lungs.keras"
    keras.utils.set_random_seed(3)
    lungs_network(32, (4, 6)).save(path)
    return path


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    path = tmp_path / "lungs.keras"
    dark_is_lung(128).save(path)
    return path


def chest(height: int, width: int) -> np.ndarray:
    """Draw two dark lungs, float32 `(height, width)` in [0, 1]."""
    pixels = np.full((height, width), 0.8, np.float32)
    for left in (0.125, 0.5625):
        pixels[height // 4 : 3 * height // 4, round(left * width) : round((left + 0.3125) * width)] = 0.2
    return pixels


@pytest.mark.parametrize("engine", [KERAS, pytest.param(OPENVINO, marks=needs_openvino)])
def test_a_segmenter_outlines_the_lungs_in_the_images_own_geometry(drawn: Path, engine: str):
    outline = load_segmenter(drawn, LARGER, engine).outline(chest(320, 640))
    assert outline.missing == ()
    assert (outline.height, outline.width) == (320, 640)
    assert outline.zone("right", "upper") == pytest.approx((0.125, 0.4375, 0.25, 0.4375), abs=1 / 64)
    assert outline.zone("left", "lower") == pytest.approx((0.5625, 0.875, 0.5625, 0.75), abs=1 / 64)


@needs_openvino
def test_both_engines_give_the_same_probabilities(file: Path):
    films = np.stack([prepare(chest(64, 64 + n), SMALL) for n in range(3)])
    ours, theirs = (load_segmenter(file, SMALL, engine).probabilities(films) for engine in (KERAS, OPENVINO))
    assert ours.shape == (3, 16, 16)
    assert ours == pytest.approx(theirs, abs=1e-4)


def test_the_tone_of_a_film_does_not_move_its_outline(file: Path):
    segmenter, film = load_segmenter(file, SMALL), prepare(chest(64, 64), SMALL)
    plain, toned = segmenter.probabilities(np.stack([film, 0.5 * film + 60]))
    assert plain == pytest.approx(toned, abs=0.01)


def test_a_file_that_is_missing_is_refused(tmp_path: Path):
    with pytest.raises(ModelError) as refusal:
        load_segmenter(tmp_path / "lungs.keras", SMALL)
    assert refusal.value.code == "lungs"


def test_a_classifier_is_no_segmenter(tmp_path: Path):
    film = keras.Input((32, 32, 1))
    keras.Model(film, keras.layers.Dense(1)(keras.layers.Flatten()(film))).save(tmp_path / "lungs.keras")
    with pytest.raises(ModelError) as refusal:
        load_segmenter(tmp_path / "lungs.keras", SMALL)
    assert refusal.value.code == "network_output"


def test_a_segmenter_of_films_of_another_size_is_refused(file: Path):
    with pytest.raises(ModelError) as refusal:
        load_segmenter(file, Preprocessing(height=64, width=64))
    assert refusal.value.code == "network_input"


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda layers: layers["lungs_up0"]["config"].update(size=[4096, 4096]), "network_size"),
        (lambda layers: layers["lungs_up0"]["config"].update(interpolation="lanczos3"), "network_class"),
        (lambda layers: layers["lungs_half"].update(class_name="Lambda"), "network_class"),
        (lambda layers: layers["lungs_logit"]["config"].update(activation="sigmoid"), "network_activation"),
    ],
)
def test_a_hostile_file_is_refused_before_anything_is_loaded(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: Callable[[dict[str, Any]], object], code: str
):
    hostile = tmp_path / "lungs.keras"
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(hostile, "w") as archive:
        for name in whole.namelist():
            content = whole.read(name)
            if name == CONFIG:
                config = json.loads(content)
                edit({layer["name"]: layer for layer in config["config"]["layers"]})
                content = json.dumps(config).encode()
            archive.writestr(name, content)
    monkeypatch.setattr(lungs, "load_network", None)
    with pytest.raises(ModelError) as refusal:
        load_segmenter(hostile, SMALL)
    assert refusal.value.code == code
