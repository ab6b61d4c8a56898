"""read, survey and doctor on the command line."""

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pneumo_core import models
from pneumo_core.files import places
from pneumo_core.files.places import MODELS_VARIABLE
from pneumo_core.models.card import read_card
from pneumo_core.models.conformal import Conformal, Measured, Regions
from pneumo_core.models.versions import PNEUMO
from pneumo_core.stats.metrics import proportion
from tests.cli.calls import run
from tests.conftest import drawn_film, png


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.png"
    path.write_bytes(png(drawn_film(True, 5)))
    return path


def test_each_film_gives_one_json_object_a_line(tiny_model_in_use: Path, film: Path, tmp_path: Path):
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(film.read_bytes()[:500])
    result = run("read", film, damaged, film, "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    card = read_card(tiny_model_in_use)
    assert result.exit_code == 1
    assert [line["outcome"] for line in lines] == ["read", "refused", "read"]
    keys = (
        "file sha256 outcome code reason probability flagged operating_point threshold conformal population "
        "by_population age_years age_from warnings notes known_from model weights_sha256 engine"
    )
    assert [set(line) for line in lines] == 3 * [set(keys.split())]
    assert lines[0]["probability"] == lines[2]["probability"]
    assert lines[0]["flagged"] == (lines[0]["probability"] >= card.first.operating_point("balanced").threshold)
    assert lines[0]["weights_sha256"] == card.weights_sha256
    assert lines[1]["probability"] is None
    assert (lines[0]["code"], lines[1]["code"]) == (None, "damaged")
    assert lines[1]["sha256"] == hashlib.sha256(damaged.read_bytes()).hexdigest()


def test_a_film_is_likely_uncertain_or_unlikely_where_the_model_can_say_so(
    tiny_model_in_use: Path, film: Path, monkeypatch: pytest.MonkeyPatch
):
    def said() -> dict[str, float] | None:
        return json.loads(run("read", film, "--json").stdout)["conformal"]

    # Too few validation films.
    assert said() is None
    some = proportion(9, 10)
    found = Conformal(Regions(0.9, 2.0, 0.0), Measured(some, some, some, some, 0, 1), (20, 1))
    monkeypatch.setattr(models, "read_conformal", lambda folder, card, population: (found, ""))
    assert said() == {"outcome": "uncertain", "coverage": 0.9, "pneumonia_from": 2.0, "none_up_to": 0.0}


def test_all_read_is_exit_status_nought_and_words(tiny_model_in_use: Path, film: Path):
    result = run("read", film)
    assert result.exit_code == 0
    assert "probability" in result.stdout


@pytest.mark.parametrize(("said", "years"), [("45", 45), ("8M", 8 / 12), ("004Y", 4)])
def test_an_age_that_is_given_holds_where_the_file_says_none(
    tiny_model_in_use: Path, film: Path, said: str, years: float
):
    (line,) = (json.loads(line) for line in run("read", film, "--json", "--age", said).stdout.splitlines())
    assert (line["age_years"], line["age_from"]) == (pytest.approx(years), "option")
    assert line["population"] == ("children" if 1 <= years < 6 else None)
    assert any("not validated for this patient" in warning for warning in line["warnings"]) == (not 1 <= years < 6)


def test_the_age_of_the_file_wins(tiny_model_in_use: Path):
    line = json.loads(run("read", places.SAMPLES / "synthetic_08.dcm", "--json", "--age", "45").stdout)
    assert (line["age_years"] < 6, line["age_from"]) == (True, "file")


@pytest.mark.parametrize("said", ["131", "-1", "old", "999Y", ""])
def test_what_is_no_age_is_wrong_use(film: Path, said: str):
    assert run("read", film, "--age", said).exit_code == 2


def test_a_film_from_the_training_is_said_to_be_known(tiny_model_in_use: Path, film: Path):
    seen = tiny_model_in_use.parent.parent / "data" / "train" / "NORMAL" / "IM-0000-0001.png"
    film.write_bytes(png(drawn_film(True, 5)[:, ::-1]))
    known, other = (json.loads(line) for line in run("read", seen, film, "--json").stdout.splitlines())
    assert known["known_from"] in ("training", "validation")
    assert any(warning.endswith("its score here is no test.") for warning in known["warnings"])
    assert other["known_from"] is None
    assert "its score here is no test." in run("read", seen).stdout


def test_wrong_use_is_exit_status_two():
    assert run("read").exit_code == 2
    assert run("read", "x.png", "--operating-point", "wrong").exit_code == 2


def test_a_folder_without_a_model_is_one_line_and_exit_status_one(film: Path, tmp_path: Path):
    result = run("read", film, "--model", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("No model was found in")
    assert len(result.stderr.splitlines()) == 1


def test_heat_maps_are_written_where_asked(tiny_model_in_use: Path, film: Path, tmp_path: Path):
    result = run("read", film, "--heatmaps", tmp_path / "maps")
    assert result.exit_code == 0
    (picture,) = (tmp_path / "maps").iterdir()
    assert picture.name == f"{hashlib.sha256(film.read_bytes()).hexdigest()}.png"
    assert Image.open(picture).height > 110


def test_a_file_that_is_not_there_or_may_not_be_read_is_a_refused_line(
    tiny_model_in_use: Path, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    closed = tmp_path / "closed.png"
    closed.write_bytes(film.read_bytes())
    opened = Path.open

    def refuse(path: Path, *arguments: Any, **named: Any) -> Any:
        if path == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *arguments, **named)

    # Nothing is closed to root, who may run the tests.
    monkeypatch.setattr(Path, "open", refuse)
    result = run("read", tmp_path / "nowhere.png", tmp_path, closed, film, "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [line["outcome"] for line in lines] == ["refused", "refused", "refused", "read"]
    assert [line["sha256"] for line in lines[:3]] == [None, None, None]
    assert all(line["reason"] for line in lines[:3])


@pytest.fixture
def checkup(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a copy of the tiny model the one in use, with two samples; give its folder."""
    model = tmp_path / "tiny"
    shutil.copytree(tiny_model, model)
    monkeypatch.setenv(MODELS_VARIABLE, str(model))
    monkeypatch.setattr(places, "SAMPLES", tmp_path)
    for number in (1, 2):
        (tmp_path / f"synthetic_{number:02}.png").write_bytes(png(drawn_film(number == 1, number)))
    return model


def test_the_doctor_finds_known_answers_right(checkup: Path):
    assert run("doctor", "--record").exit_code == 0
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert "known answers: 2 samples, largest difference in probability 0.00000" in result.stdout
    assert result.stdout.startswith(f"Pneumo {PNEUMO}\n")
    assert result.stdout.endswith("all well\n")


def test_the_doctor_finds_a_known_answer_wrong(checkup: Path):
    run("doctor", "--record")
    answers = checkup / "known_answers.json"
    known = json.loads(answers.read_text())
    known["synthetic_01.png"]["probability"] += 0.02
    answers.write_text(json.dumps(known))
    result = run("doctor")
    assert result.exit_code == 1
    assert "from their known answers" in result.stderr


def test_the_doctor_wants_known_answers(checkup: Path):
    (checkup / "known_answers.json").unlink()
    result = run("doctor")
    assert result.exit_code == 1
    assert "has no known_answers.json" in result.stderr


def test_the_doctor_wants_the_same_samples(checkup: Path):
    run("doctor", "--record")
    (checkup.parent / "synthetic_02.png").unlink()
    result = run("doctor")
    assert result.exit_code == 1
    assert "covers 2 samples, but 1 other ones are here" in result.stderr
