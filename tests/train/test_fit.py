"""Fitting: what is trained and what is kept still, the best weights, several devices."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from pneumo_core.data.cases import Case
from pneumo_core.keras_network.layers import load_network
from pneumo_core.models.training_log import read_log
from pneumo_core.stats.metrics import area_under_roc
from pneumo_core.train.build import build_network
from pneumo_core.train.films import Films
from pneumo_core.train.fit import FitStep, fit, mixed_stress, predict_logits, training_model
from pneumo_core.train.plan import Recipe
from pneumo_core.train.stress import EVENED, shaped_by_class
from tests.conftest import drawn_film

SMALL = Recipe(architecture="SmallCNN", size=32, epochs=2, batch_size=8, frozen_normalization=False, dense_units=(4,))


def drawn_films(count: int) -> Films:
    labels = np.arange(count) % 2 == 1
    film = np.stack([drawn_film(bool(label), n)[10:42, :32] for n, label in enumerate(labels)])
    cases = tuple(Case(f"{n}.png", (Path(f"{n}.png"),), bool(label), f"{n}", "", "") for n, label in enumerate(labels))
    return Films(cases, np.stack([film, 255 - film]), labels, tuple((f"{n}",) * 2 for n in range(count)))


def weights_of(network: keras.Model) -> dict[str, list[np.ndarray]]:
    return {layer.name: layer.get_weights() for layer in network.layers if layer.weights}


def changed(before: dict[str, list[np.ndarray]], network: keras.Model) -> set[str]:
    after = weights_of(network)
    return {name for name in before if not all(map(np.array_equal, before[name], after[name]))}


@pytest.mark.parametrize(
    ("settings", "still"),
    [
        ({"frozen_epochs": 2}, {f"block{n}_{part}" for n in (1, 2, 3) for part in ("conv", "normalization")}),
        ({"fine_tune_from": "block3"}, {f"block{n}_{part}" for n in (1, 2) for part in ("conv", "normalization")}),
        ({"frozen_normalization": True}, {f"block{n}_normalization" for n in (1, 2, 3)}),
        ({}, set()),
    ],
)
def test_what_is_frozen_stays_as_it_was(settings: dict, still: set[str], tmp_path: Path):
    keras.utils.set_random_seed(3)
    recipe = Recipe(**(SMALL_SETTINGS | settings))
    network = build_network(recipe)
    before = weights_of(network)
    assert fit(network, network, drawn_films(16), drawn_films(6), recipe, tmp_path)
    assert changed(before, network) == set(before) - still


SMALL_SETTINGS = {name: getattr(SMALL, name) for name in SMALL.__dataclass_fields__}


def test_the_network_kept_is_that_of_the_best_logged_figure(tmp_path: Path):
    network = build_network(SMALL)
    validation = drawn_films(12)
    fit(network, network, drawn_films(16), validation, SMALL, tmp_path)
    log = read_log(tmp_path)
    best = max(
        (entry[name]["auc"], entry["epoch"], entry[name]["loss"])
        for entry in log
        for name in ("validation", "validation_averaged")
    )
    kept, stressed = load_network(tmp_path / "classifier.keras"), mixed_stress(validation.views)
    signs = np.where(validation.has_pneumonia, 1.0, -1.0)
    losses, areas = [], []
    for factor in (EVENED, 1 / EVENED):
        logits = predict_logits(kept, shaped_by_class(stressed, validation.has_pneumonia, factor))
        losses.append(float(np.mean(np.logaddexp(0.0, -signs * logits))))
        areas.append(area_under_roc(validation.has_pneumonia, logits).value)
    assert best[2] == pytest.approx(losses[int(np.argmin(areas))], abs=1e-4)
    assert best[0] == pytest.approx(min(areas), abs=1e-4)


def test_every_step_is_told_and_the_last_word_stops_the_fit(tmp_path: Path):
    told: list[FitStep] = []
    network = build_network(SMALL)
    going_on = fit(
        network,
        network,
        drawn_films(20),
        drawn_films(6),
        SMALL,
        tmp_path,
        lambda step: told.append(step) or (step.epoch, step.step) != (2, 2),
    )
    assert not going_on
    assert [(step.epoch, step.step, step.steps) for step in told] == [
        (1, 1, 3),
        (1, 2, 3),
        (1, 3, 3),
        (2, 1, 3),
        (2, 2, 3),
    ]
    assert all({"loss", "accuracy", "auc", "sensitivity", "specificity"} <= step.figures.keys() for step in told)
    assert len(read_log(tmp_path)) == 1


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ({"schedule": "constant", "warm_up_epochs": 0.5}, (2e-6, 1e-4, 1e-4)),
        ({"schedule": "cosine", "warm_up_epochs": 0.5}, (2e-6, 1e-4, 0.0)),
    ],
)
def test_the_learning_rate_warms_up_and_stays_or_falls(settings: dict, rates: tuple[float, float, float]):
    recipe = Recipe(**(SMALL_SETTINGS | {"peak_learning_rate": 1e-4, "epochs": 2} | settings))
    schedule = training_model(build_network(recipe), recipe, False, 8 * 100).optimizer._learning_rate
    assert [float(schedule(step)) for step in (0, 50, 200)] == pytest.approx(rates, abs=2e-6)


def test_logits_do_not_depend_on_the_batch():
    network = build_network(SMALL)
    films = drawn_films(7).views[0]
    assert predict_logits(network, films, 3) == pytest.approx(predict_logits(network, films, 7), abs=1e-5)


def test_two_devices_share_every_batch_and_end_with_one_network(tmp_path: Path):
    result = subprocess.run(
        [sys.executable, "-m", "tests.two_devices", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert "2 replicas, 2 epochs" in result.stdout
