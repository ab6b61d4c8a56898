"""Values that pages keep between runs are read again as soon as their file has changed."""

import csv
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pages.parts.shared import cached
from pneumo_core.explain.survey import SURVEY_FILE, Survey, write_survey
from pneumo_core.files.places import MODELS_VARIABLE
from pneumo_core.models.card import read_card
from pneumo_core.train.plan import Recipe
from tests.conftest import drawn_film, png


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the tiny model that is in use, in a folder of models."""
    shutil.copytree(tiny_model, tmp_path / "models" / "tiny")
    (tmp_path / "models" / "active.txt").write_text("tiny\n")
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models" / "tiny"


def doubled(model: Path) -> None:
    """Double every logit of the stored scores, which leaves their order; the file's time stays as it was."""
    path = model / "scores.csv"
    times = path.stat().st_mtime_ns
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"logit": f"{2 * float(row['logit']):.9f}"} for row in rows)
    os.utime(path, ns=(times, times))


def test_other_stored_scores_are_read_anew(model: Path):
    before = cached.stored_scores("children").test.logits
    assert cached.stored_scores("children").test.logits.tolist() == before.tolist()
    doubled(model)
    assert cached.stored_scores("children").test.logits == pytest.approx(2 * before)


def test_scores_that_are_gone_leave_no_word(model: Path):
    assert "takes at least" in cached.conformal_of_active_model()["children"][1]
    (model / "scores.csv").unlink()
    assert "has no scores.csv" in cached.conformal_of_active_model()["children"][1]


def survey(model: Path, refused: int) -> Survey:
    return Survey(read_card(model).weights_sha256, "films", "ab" * 32, "2026-01-01", ("all",), (), refused)


def test_another_survey_is_read_anew(model: Path):
    assert cached.survey_of_active_model() is None
    for refused in (3, 14):
        write_survey(survey(model, refused), model / SURVEY_FILE)
        found = cached.survey_of_active_model()
        assert found is not None
        assert found.refused == refused


@pytest.mark.parametrize("name", ["card.json", "classifier.keras", "known_films.csv", "active.txt"])
def test_the_network_is_loaded_anew_with_each_file_that_it_is_loaded_from(
    model: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cached, "_load", lambda models: object())
    first = cached.loading_classifier().result()
    assert cached.loading_classifier().result() is first
    path = model.parent / name if name == "active.txt" else model / name
    os.utime(path, (1, 1))
    assert cached.loading_classifier().result() is not first


def test_the_network_is_not_loaded_anew_for_scores(model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cached, "_load", lambda models: object())
    first = cached.loading_classifier().result()
    doubled(model)
    assert cached.loading_classifier().result() is first


def test_another_film_is_shown_as_training_would_change_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shown: list[bytes] = []
    sheet: Callable[..., int] = lambda films, recipe: shown.append(films[0].read_bytes()) or len(shown)  # noqa: E731
    monkeypatch.setattr(cached, "augmented_sheet", sheet)
    film = tmp_path / "film.png"
    for seed in (1, 2):
        film.write_bytes(png(drawn_film(True, seed)))
        assert cached.augmented((film,), Recipe()) == cached.augmented((film,), Recipe()) == seed


def test_an_assessment_is_made_anew_with_other_stored_scores(model: Path, tmp_path: Path, monkeypatch):
    made: list[Path] = []
    monkeypatch.setattr(cached, "assess_folder", lambda *of: made.append(tmp_path) or len(made))
    run = tmp_path / "run"
    run.mkdir()
    assert cached.assessment_of_run(run) == cached.assessment_of_run(run) == 1
    doubled(model)
    assert cached.assessment_of_run(run) == 2
