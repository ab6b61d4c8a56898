"""Training runs on drawn films: what is written, what is repeatable, what is refused."""

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.calibration import stressed_copies
from pneumo_core.cases import find_cases
from pneumo_core.errors import DataError, ModelError
from pneumo_core.known_films import read_known_films
from pneumo_core.model_card import file_sha256, read_card
from pneumo_core.network import build_network
from pneumo_core.preprocessing import Preprocessing
from pneumo_core.training import (
    Films,
    Recipe,
    TrainingFilms,
    fit,
    predict_logits,
    read_films,
    train,
    validation_copies,
)
from tests.conftest import drawn_film

SMALL = Preprocessing(32, 32)
QUICK = Recipe(architecture="SmallCNN", epochs=1, batch_size=8)


def silent(line: str) -> None:
    pass


def drawn_films(count: int, side: int = 32) -> Films:
    labels = np.arange(count) % 2 == 1
    views = np.stack([drawn_film(bool(label), n)[10 : 10 + side, :side] for n, label in enumerate(labels)])
    return Films((None,) * count, (views, 255 - views), labels)


def test_a_run_writes_network_card_log_and_scores(tiny_model: Path):
    assert sorted(path.name for path in tiny_model.iterdir()) == [
        "MODEL_CARD.md",
        "card.json",
        "classifier.keras",
        "known_films.csv",
        "scores.csv",
        "training_log.jsonl",
    ]
    assert not tiny_model.with_name("tiny.partial").exists()


def test_a_run_leaves_a_list_by_which_its_films_are_known(tiny_model: Path):
    known = read_known_films(tiny_model)
    data = tiny_model.parent.parent / "data"
    seen, unseen = ([file_sha256(path) for path in (data / part).rglob("*.png")] for part in ("train", "test"))
    assert known is not None
    assert known.holds(seen, ["ff" * 32] * 20).all()
    assert not known.holds(unseen, ["ff" * 32] * 20).any()


def test_the_card_counts_films_and_patients_of_each_part(tiny_model: Path):
    data = read_card(tiny_model).training_data
    # 10 patients a class, 15 % rounded: 2 a class for validation, one film each.
    assert (data.films, data.films_with_pneumonia, data.patients) == (16, 8, 16)
    assert (data.validation_films, data.validation_films_with_pneumonia, data.validation_patients) == (4, 2, 4)
    assert [result.n for result in read_card(tiny_model).test] == [20]


def test_the_log_has_a_line_an_epoch_with_training_and_validation(tiny_model: Path):
    lines = [json.loads(line) for line in (tiny_model / "training_log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    for line in lines:
        assert set(line["training"]) == {"loss", "accuracy"}
        assert (
            set(line["validation"]) == set(line["validation_averaged"]) == {"auc", "loss", "sensitivity", "specificity"}
        )


def test_the_stored_scores_give_the_cards_figures(tiny_model: Path):
    card = read_card(tiny_model)
    with (tiny_model / "scores.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["films"] == card.test[0].films]
    logits = np.array([float(row["logit"]) for row in rows])
    has_pneumonia = np.array([row["has_pneumonia"] == "1" for row in rows])
    flagged = 1 / (1 + np.exp(-logits / card.calibration.temperature)) >= card.operating_point("balanced").threshold
    balanced = next(point.confusion for point in card.test[0].points if point.name == "balanced")
    assert balanced.true_positives == int(np.sum(flagged & has_pneumonia))
    assert balanced.false_positives == int(np.sum(flagged & ~has_pneumonia))


def test_the_same_seed_gives_the_same_model(tmp_path: Path, make_data: Callable[..., Path]):
    data = make_data(tmp_path / "data", 6)
    first, second = (train(data, tmp_path / name, QUICK, SMALL) for name in ("one", "two"))
    assert first.calibration == second.calibration
    assert first.operating_points == second.operating_points
    assert first.validation == second.validation


def test_a_model_is_never_overwritten(tiny_model: Path, tmp_path: Path, make_data: Callable[..., Path]):
    before = (tiny_model / "card.json").read_bytes()
    with pytest.raises(ModelError, match="a model is never overwritten"):
        train(make_data(tmp_path / "data", 3), tiny_model, QUICK, SMALL)
    assert (tiny_model / "card.json").read_bytes() == before


def test_a_run_without_test_films_reports_none(tmp_path: Path, make_data: Callable[..., Path]):
    card = train(make_data(tmp_path / "data", 4, ("train",)), tmp_path / "model", QUICK, SMALL)
    assert card.test == ()


def test_a_damaged_film_is_left_out_and_named(tmp_path: Path, make_data: Callable[..., Path]):
    data = make_data(tmp_path / "data", 3, ("train",))
    (data / "train" / "NORMAL" / "IM-9999-0001.png").write_bytes(b"no picture")
    lines: list[str] = []
    films = read_films(find_cases(data), SMALL, lines.append)
    assert len(films.cases) == 6
    assert lines == [
        "left out: IM-9999-0001.png seems to be a text file, not an X-ray. Please upload a DICOM, PNG or JPEG file."
    ]


def test_films_of_one_class_only_are_refused(tmp_path: Path, make_data: Callable[..., Path]):
    cases = [case for case in find_cases(make_data(tmp_path / "data", 3, ("train",))) if case.has_pneumonia]
    with pytest.raises(DataError, match="not of both classes"):
        read_films(cases, SMALL, silent)


def test_a_further_copy_is_another_view_of_the_same_films(tmp_path: Path, make_data: Callable[..., Path]):
    first, second = (make_data(tmp_path / name, 3, ("train",)) for name in ("one", "two"))
    films = read_films(find_cases(first, [second]), SMALL, silent)
    assert len(films.views) == 2
    assert films.views[0].shape == films.views[1].shape == (6, 32, 32)
    assert films.views[0].dtype == np.uint8


def test_an_epoch_shows_every_film_once_in_one_of_its_views():
    films = drawn_films(10)
    batches = TrainingFilms(films, batch_size=4, seed=3)
    shown = [batches[index] for index in range(len(batches))]
    assert [len(labels) for _, labels in shown] == [4, 4, 2]
    pixels = np.concatenate([pictures for pictures, _ in shown])[..., 0]
    for number in range(10):
        matches = [(pixels == view[number]).all(axis=(1, 2)).sum() for view in films.views]
        assert sum(matches) == 1


def test_epochs_differ_in_order_and_view():
    batches = TrainingFilms(drawn_films(10), batch_size=10, seed=3)
    first = batches[0][0]
    batches.shuffle()
    assert not np.array_equal(first, batches[0][0])


def test_frozen_normalisation_keeps_its_statistics(tmp_path: Path):
    network = build_network("SmallCNN", SMALL, 0.0)
    before = network.get_layer("block1_normalization").get_weights()
    frozen = dataclasses.replace(QUICK, frozen_normalization=True)
    fit(network, drawn_films(8), drawn_films(6), frozen, tmp_path, silent)
    after = network.get_layer("block1_normalization").get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_the_best_weights_are_those_of_the_best_logged_figure(tmp_path: Path):
    network = build_network("SmallCNN", SMALL, 0.0)
    judge = fit(network, drawn_films(16), drawn_films(8), Recipe(epochs=3, batch_size=8), tmp_path, silent)
    lines = [json.loads(line) for line in (tmp_path / "training_log.jsonl").read_text().splitlines()]
    figures = [line[name]["auc"] for line in lines for name in ("validation", "validation_averaged")]
    assert judge.best_area == max(figures)


def test_the_validation_copies_are_every_view_and_every_stress():
    films = drawn_films(4)
    names = [name for name, _ in validation_copies(films)]
    assert names[:2] == ["validation, view 1", "validation, view 2"]
    assert names[2:] == [f"validation, {name}" for name in stressed_copies(films.views[0])]


def test_logits_do_not_depend_on_the_batch():
    network = build_network("SmallCNN", SMALL, 0.5)
    films = drawn_films(7).views[0]
    assert predict_logits(network, films, 3) == pytest.approx(predict_logits(network, films, 7), abs=1e-5)
