"""What runs a network: TensorFlow, or OpenVINO where it is installed and asked for."""

import dataclasses
import importlib.util
import os
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import engines, two_views
from benchmarks.record import read_record
from pneumo_core.cli.group import commands
from pneumo_core.errors import ModelError, PneumoError
from pneumo_core.files.places import ROOT
from pneumo_core.film.preprocessing import prepare
from pneumo_core.keras_network.classifier import KerasClassifier, load_classifier
from pneumo_core.keras_network.engines import keras_engine, openvino_engine
from pneumo_core.keras_network.layers import JOINED_MAPS
from pneumo_core.network.engine import ENGINE_VARIABLE, engine_in_use
from tests.conftest import drawn_film
from tests.two_views import SIDE, joined_at_random

# Only looked for: its import calls home unless the engine has seen to it.
needs_openvino = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")


@pytest.fixture(scope="module")
def usual(gated_model: Path) -> KerasClassifier:
    return load_classifier(gated_model)


@pytest.fixture(scope="module")
def asked_for(gated_model: Path) -> KerasClassifier:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENGINE_VARIABLE, "openvino")
        return load_classifier(gated_model)


@pytest.fixture(scope="module")
def films(usual: KerasClassifier) -> np.ndarray:
    pixels = (drawn_film(bool(number % 2), number) / np.float32(255) for number in range(8))
    return np.stack([prepare(film, usual.card.preprocessing) for film in pixels])


@pytest.mark.parametrize("name", [None, "", "auto", "keras", "tensorflow"])
def test_keras_runs_a_network_unless_another_engine_is_asked_for(name: str | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(ENGINE_VARIABLE, raising=False)
    if name is not None:
        monkeypatch.setenv(ENGINE_VARIABLE, name)
    assert engine_in_use() == "keras"


def test_the_device_names_the_engine(usual: KerasClassifier):
    assert usual.device.endswith(", TensorFlow")


def test_an_unknown_engine_is_refused_before_anything_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ENGINE_VARIABLE, "OpenVino")
    with pytest.raises(PneumoError) as refusal:
        load_classifier(tmp_path / "no model")
    assert refusal.value.code == "engine"


def test_an_engine_that_is_not_installed_is_refused(gated_model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setenv(ENGINE_VARIABLE, "openvino")
    with pytest.raises(PneumoError) as refusal:
        load_classifier(gated_model)
    assert refusal.value.code == "engine"


@needs_openvino
def test_openvino_scores_judges_and_explains_as_tensorflow_does(
    usual: KerasClassifier, asked_for: KerasClassifier, films: np.ndarray
):
    assert asked_for.device.startswith(f"CPU ({os.cpu_count()} cores), OpenVINO 20")
    assert asked_for.logits(films) == pytest.approx(usual.logits(films), abs=1e-4)
    for film in films:
        logit, explanation, verdict = asked_for.look(film)
        known_logit, known_explanation, known_verdict = usual.look(film)
        assert logit == pytest.approx(known_logit, abs=1e-4)
        assert explanation.unscaled == pytest.approx(known_explanation.unscaled, abs=1e-4)
        assert verdict is not None and known_verdict is not None
        assert verdict.kind == known_verdict.kind
        assert verdict.probability == pytest.approx(known_verdict.probability, abs=1e-3)


@needs_openvino
def test_openvino_agrees_on_two_views_and_three_classes(usual: KerasClassifier):
    card = dataclasses.replace(usual.card, explained_layer=JOINED_MAPS)
    network = joined_at_random()
    ours, other = (KerasClassifier(network, card, engine=engine) for engine in ("keras", "openvino"))
    films = np.random.default_rng(4).uniform(0, 255, (5, SIDE, SIDE, 1)).astype(np.float32)
    assert np.ptp(ours.logits(films)) > 0.01
    assert other.logits(films) == pytest.approx(ours.logits(films), abs=1e-3)
    for film in films:
        expected = ours.score_and_explain(film)[2].unscaled
        assert other.score_and_explain(film)[2].unscaled == pytest.approx(expected, abs=1e-3)
        shares, theirs = ours.shares(film), other.shares(film)
        assert shares is not None and theirs is not None
        assert dataclasses.astuple(theirs) == pytest.approx(dataclasses.astuple(shares), abs=1e-4)
        assert shares.finding == pytest.approx(ours.score(film[np.newaxis])[0], abs=1e-6)
        odds = keras.Model(network.input, network.get_layer("other").output)(film[np.newaxis])
        assert shares.other / shares.normal == pytest.approx(float(np.exp(odds[0, 0])), rel=1e-3)
    assert usual.shares(films[0]) is None


@needs_openvino
def test_many_threads_get_the_score_of_their_own_film(asked_for: KerasClassifier, films: np.ndarray):
    alone = [asked_for.score(film[np.newaxis])[0] for film in films]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda film: asked_for.score(film[np.newaxis])[0], np.concatenate([films] * 8)))
    assert together == pytest.approx(alone * 8, abs=1e-6)


@needs_openvino
def test_what_was_found_stays_when_the_next_film_is_read(asked_for: KerasClassifier, films: np.ndarray):
    first = asked_for.look(films[0])[1]
    before = first.unscaled.copy()
    asked_for.look(films[1])
    assert np.array_equal(first.unscaled, before)


@needs_openvino
def test_tensorflow_sees_weights_that_are_set_later_and_openvino_does_not():
    film = keras.Input((8, 8, 1))
    network = keras.Model(film, [keras.layers.Dense(1)(keras.layers.Flatten()(film)), keras.layers.Rescaling(2)(film)])
    ones = np.ones((1, 8, 8, 1), np.float32)
    usual, other = keras_engine(network), openvino_engine(network)
    before = float(np.asarray(usual.forward(ones)[0])[0, 0])
    network.set_weights([2 * weight for weight in network.get_weights()])
    assert float(np.asarray(usual.forward(ones)[0])[0, 0]) == pytest.approx(2 * before, abs=1e-4)
    assert float(other.forward(ones)[0][0, 0]) == pytest.approx(before, abs=1e-4)


@needs_openvino
def test_a_network_that_openvino_cannot_run_is_refused():
    film = keras.Input((8, 8, 1))
    network = keras.Model(film, [keras.layers.Lambda(_incomplete_beta)(film), keras.layers.Rescaling(2)(film)])
    with pytest.raises(ModelError) as refusal:
        openvino_engine(network)
    assert refusal.value.code == "engine"


def _incomplete_beta(film):
    import tensorflow as tf

    return tf.math.betainc(film, film, film)


@needs_openvino
def test_openvino_calls_nobody(asked_for: KerasClassifier):
    assert sys.modules["openvino_telemetry"] is None


@needs_openvino
def test_the_doctor_says_which_engine_reads_and_finds_the_known_answers(
    tiny_model_in_use: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(ENGINE_VARIABLE, "openvino")
    result = CliRunner().invoke(commands, ["doctor"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "cores), OpenVINO 20" in result.stdout
    assert "largest difference in probability 0.0000" in result.stdout


def test_the_benchmark_names_what_is_left_out_and_times_the_rest(
    tiny_model_in_use: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    result = CliRunner().invoke(engines.benchmark, ["--repetitions", "1", "--record", str(tmp_path)])
    assert result.exit_code == 0, result.output
    for missing in ("openvino", "onnxruntime, tf2onnx", "torchxrayvision, grad-cam"):
        assert f"left out, not installed: {missing} (pip install '.[benchmarks]')" in result.stderr
    record = read_record(tmp_path / "engines.json")
    passes, results = record.tables
    assert [row[0] for row in passes.rows] == [engines.BARE, engines.TENSORFLOW]
    assert [row[0] for row in results.rows] == ["ours", engines.USUAL]
    assert passes.rows[0][2:] == (1.0, None)
    assert passes.rows[1][3] == 0.0


def test_two_views_are_timed_beside_the_model_in_use(
    tiny_model_in_use: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(two_views, "find_spec", lambda name: None)
    monkeypatch.setattr(two_views, "two_views", lambda size: joined_at_random())
    result = CliRunner().invoke(two_views.benchmark, ["--repetitions", "1", "--record", str(tmp_path)])
    assert result.exit_code == 0, result.output
    (table,) = read_record(tmp_path / "two_views.json").tables
    assert [row[:2] for row in table.rows] == [("keras", two_views.ONE), ("keras", two_views.MANY)]
    assert all(row[-1] > 0 for row in table.rows)


def test_what_the_benchmark_names_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {line.split(" == ")[0] for line in project["optional-dependencies"]["benchmarks"]}
    assert pinned >= engines.IMPORTED_AS.keys()
