"""The command line."""

import csv
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from click.testing import CliRunner, Result
from PIL import Image

from pneumo_core import explain, models, places, train
from pneumo_core.cli import group as main
from pneumo_core.errors import DataError
from pneumo_core.models.card import read_card
from pneumo_core.models.conformal import Conformal, Measured, Regions
from pneumo_core.places import MODELS_VARIABLE, RUNS_VARIABLE
from pneumo_core.stats.metrics import proportion
from pneumo_core.train import make as training
from pneumo_core.train.plan import SETTINGS, Plan, read_plan
from tests.conftest import drawn_film, png


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main.commands, [str(argument) for argument in arguments])


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
    assert lines[0]["flagged"] == (lines[0]["probability"] >= card.operating_point("balanced").threshold)
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
    monkeypatch.setattr(models, "read_conformal", lambda folder, card: (found, ""))
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
    assert any("Not validated for this patient" in warning for warning in line["warnings"]) == (not 1 <= years < 6)


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


def test_an_unknown_architecture_is_wrong_use(tmp_path: Path):
    result = run("train", tmp_path, "--out", tmp_path / "out", "--architecture", "NoSuchNet")
    assert result.exit_code == 2
    assert "EfficientNetV2B0" in result.stderr


def test_training_on_a_folder_that_is_none_is_refused_in_a_sentence(tmp_path: Path):
    result = run("train", tmp_path / "nowhere", "--out", tmp_path / "out", "--architecture", "SmallCNN")
    assert result.exit_code == 1
    assert "is not a folder" in result.stderr


def test_the_list_of_settings_names_each_with_its_range_and_default():
    result = run("train", "--list-settings")
    assert result.exit_code == 0
    listed = " ".join(result.stdout.split())
    for name, setting in SETTINGS.items():
        assert f" {name}: {setting.expected}; default: " in listed, name
        assert setting.help in listed, name
    assert "weight_decay: a number from 0 to 1; default: 0.01; only with optimizer=AdamW" in listed


def test_the_help_of_train_gives_the_ranges_of_its_own_options():
    said = " ".join(run("train", "--help").stdout.split())
    for name in ("epochs", "size", "seed"):
        setting = SETTINGS[name]
        assert f"[{setting.lowest}<=x<={setting.highest}]" in said.split(f"--{name} ")[1].split("--")[0], name
    assert "--list-settings" in said


@pytest.mark.parametrize(("option", "value"), [("--seed", -1), ("--size", 31), ("--size", 1025), ("--epochs", 1001)])
def test_an_option_of_train_out_of_its_range_is_wrong_use(option: str, value: int, tmp_path: Path):
    assert run("train", tmp_path, "--out", tmp_path / "out", option, value).exit_code == 2


def test_a_seed_of_zero_is_a_seed(tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    planned: list[Plan] = []

    def stop(plan: Plan) -> Path:
        planned.append(plan)
        raise DataError("Enough.")

    monkeypatch.setattr(train, "plan_run", stop)
    run("train", tmp_path, "--out", tmp_path / "out", "--seed", 0, "--set", "augmentations=tone,jpeg")
    assert (planned[0].recipe.seed, planned[0].recipe.augmentations) == (0, ("tone", "jpeg"))


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


@pytest.mark.parametrize(
    "error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, ""), tf.errors.InternalError(None, None, "")]
)
def test_what_the_machine_refuses_is_one_line_and_exit_status_one(
    tiny_model_in_use: Path, film: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    def refuse(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(explain, "survey_films", refuse)
    result = run("survey", film.parent)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)


def test_a_fault_of_the_program_is_no_refusal(tiny_model_in_use: Path, film: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(explain, "survey_films", fail)
    assert isinstance(run("survey", film.parent).exception, ZeroDivisionError)


@pytest.fixture
def planned(
    tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Result, Plan | None]]:
    """Give a function that calls train with further words, up to where the run begins: its result, and its plan."""
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    monkeypatch.setattr(training, "run_training", lambda folder, finish, report: None)
    data = make_data(tmp_path / "data", 2)

    def call(*words: object) -> tuple[Result, Plan | None]:
        result = run("train", data, "--out", tmp_path / "models" / "new", "--architecture", "SmallCNN", *words)
        folder = tmp_path / "runs" / "training" / "new"
        return result, read_plan(folder) if folder.is_dir() else None

    return call


def test_nought_is_a_seed_and_an_age(planned: Callable[..., tuple[Result, Plan | None]]):
    result, plan = planned(
        "--seed", 0, "--ages", 0, 0, "--set", "averaging_momentum=0", "--set", "fit_input_gate=false"
    )
    assert result.exit_code == 0, result.output
    assert plan is not None
    assert (plan.recipe.seed, plan.population_years) == (0, (0, 0))
    assert (plan.recipe.averaging_momentum, plan.recipe.fit_input_gate) == (0, False)


@pytest.mark.parametrize(
    ("words", "exit_status"),
    [(("--population", ""), 1), (("--start", ""), 2), (("--weights", ""), 2), (("--set", "fine_tune_from"), 2)],
)
def test_an_empty_word_is_refused_and_never_the_default(
    planned: Callable[..., tuple[Result, Plan | None]], words: tuple[str, str], exit_status: int
):
    result, plan = planned(*words)
    assert (result.exit_code, plan) == (exit_status, None)


def test_an_empty_name_is_no_model_in_use(checkup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "some.zip").write_bytes(b"PK")
    for words in (
        ("fit-gate", tmp_path, "--model", ""),
        ("recalibrate", tmp_path, "--out", tmp_path / "new", "--model", ""),
        ("models", "import", tmp_path / "some.zip", "--name", ""),
    ):
        result = run(*words)
        assert result.exit_code == 1
        assert "''" in result.stderr
    assert run("score", tmp_path, "--out", tmp_path / "out", "--address", "").exit_code == 2
    assert run("score", tmp_path, "--out", tmp_path / "out", "--engine", "ray", "--address", "").exit_code == 2


def test_a_folder_that_is_no_run_is_left_as_it_is(tmp_path: Path):
    (tmp_path / "stop").touch()
    assert run("train", "--resume", tmp_path).exit_code == 1
    assert (tmp_path / "stop").exists()


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
    assert result.stdout.endswith("all well\n")


def test_the_doctor_finds_a_known_answer_wrong(checkup: Path):
    run("doctor", "--record")
    answers = checkup / "known_answers.json"
    known = json.loads(answers.read_text())
    known["synthetic_01.png"]["probability"] += 0.02
    answers.write_text(json.dumps(known))
    result = run("doctor")
    assert result.exit_code == 1
    assert "off their known answers" in result.stderr


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
    assert "is of 2 samples, and 1 other ones are here" in result.stderr


def test_a_copy_of_the_films_is_trained_on_and_tested_separately(tmp_path: Path, make_data: Callable[..., Path]):
    first, second = (make_data(tmp_path / name, 4) for name in ("one", "two"))
    out = tmp_path / "model"
    settings = ["--architecture", "SmallCNN", "--size", 32, "--epochs", 1, "--seed", 3]
    result = run("train", first, "--copy", second, "--out", out, *settings)
    assert result.exit_code == 0, result.output
    card = read_card(out)
    assert card.training_data.views_of_each_film == 2
    assert [evaluated.films for evaluated in card.test] == ["test, one", "test, two"]
    assert (card.recipe["seed"], card.recipe["epochs"]) == (3, 1)


def test_the_table_of_films_says_likely_or_not_where_the_model_can(
    tiny_model_in_use: Path, tmp_path: Path, make_data, monkeypatch: pytest.MonkeyPatch
):
    some = proportion(9, 10)
    found = Conformal(Regions(0.9, 0.0, 0.0), Measured(some, some, some, some, 1, 0), (20, 1))
    monkeypatch.setattr(models, "read_conformal", lambda folder, card: (found, ""))
    data = make_data(tmp_path / "data", 2, ("test",))
    assert run("evaluate", data, "--out", tmp_path / "run").exit_code == 0
    rows = list(csv.DictReader((tmp_path / "run" / "films.csv").read_text().splitlines()))
    assert [row["suspected_pneumonia"] for row in rows] == 4 * ["likely"]
    assert all(row["warned_of"].endswith("no age given") for row in rows)


def test_a_folder_is_evaluated_and_run_again_with_resume(tiny_model_in_use: Path, tmp_path: Path, make_data):
    data = make_data(tmp_path / "data", 4, ("test",))
    (data / "test" / "NORMAL" / "broken.png").write_bytes(b"no film")
    arguments = ("evaluate", data, "--out", tmp_path / "run")
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert "9 films, 1 refused" in result.stdout
    assert "Sensitivity (recall): " in result.stdout
    assert "refused: test/NORMAL/broken.png: The X-ray seems to be a text file" in result.stderr
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"evaluation.json", "evaluation.html", "films.csv"}
    again = run(*arguments)
    assert again.exit_code == 2
    assert "--resume" in again.stderr
    resumed = run(*arguments, "--resume", "--json")
    assert resumed.exit_code == 1
    assert json.loads(resumed.stdout) == json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert json.loads(resumed.stdout)["n"] == 8


def test_films_of_damaged_lines_are_scored_again_with_resume_and_it_is_said(
    tiny_model_in_use: Path, tmp_path: Path, make_data: Callable[..., Path]
):
    arguments = ("evaluate", make_data(tmp_path / "data", 3, ("test",)) / "test", "--out", tmp_path / "run")
    first = run(*arguments, "--json")
    path = tmp_path / "run" / "scores.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], "{}\n", *lines[3:]]))
    resumed = run(*arguments, "--json", "--resume")
    assert resumed.exit_code == first.exit_code == 0
    assert json.loads(resumed.stdout)["films"] == json.loads(first.stdout)["films"]
    assert "1 line of scores.jsonl is damaged" in resumed.stderr
    assert len(path.read_text().splitlines()) == 6
    assert "damaged" not in run(*arguments, "--resume").stderr


def test_films_without_labels_are_listed_the_highest_first(tiny_model_in_use: Path, tmp_path: Path, make_data):
    data = make_data(tmp_path / "data", 3, ("test",))
    (tmp_path / "plain").mkdir()
    for number, path in enumerate(sorted(data.rglob("*.png"))):
        path.rename(tmp_path / "plain" / f"film{number}.png")
    result = run("evaluate", tmp_path / "plain")
    shares = [float(line.split("%")[0]) for line in result.stdout.splitlines()[1:]]
    assert len(shares) == 6
    assert shares == sorted(shares, reverse=True)


def test_a_model_against_itself_shows_no_difference(tiny_model_in_use: Path, tmp_path: Path, make_data):
    data = make_data(tmp_path / "data", 4, ("test",))
    result = run("evaluate", data, "--against", tiny_model_in_use, "--json")
    compared = json.loads(result.stdout)["comparison"]
    assert (compared["n"], compared["area_under_roc"]["difference"], compared["accuracy"]["p"]) == (8, 0, 1)
    lines = run("evaluate", data, "--against", tiny_model_in_use).stdout.splitlines()[-5:]
    assert lines[0].startswith("this model against the other on the same 8 X-rays (4 with pneumonia)")
    assert "; no difference (" in lines[1]
    assert lines[2].endswith("McNemar's p = 1). Right alone: this model 0, the other 0.")


def test_a_wrong_model_to_compare_with_is_refused_before_any_film_is_scored(
    tiny_model_in_use: Path, tmp_path: Path, make_data
):
    data = make_data(tmp_path / "data", 1, ("test",))
    result = run("evaluate", data, "--against", tmp_path / "nowhere", "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert "No model was found in" in result.stderr
    assert "films/s" not in result.stderr
    assert not (tmp_path / "run").exists()


def test_evaluate_is_exit_status_nought_where_all_is_scored_and_one_where_a_file_was_left_out(
    tiny_model_in_use: Path, tmp_path: Path, make_data
):
    data = make_data(tmp_path / "data", 2, ("test",))
    assert run("evaluate", data).exit_code == 0
    (data / "test" / "Mueller.exe").write_bytes(b"no film")
    result = run("evaluate", data, "--json", "--out", tmp_path / "run")
    assert result.exit_code == 1
    (sentence,) = json.loads(result.stdout)["left_out"]
    assert sentence.startswith("A file was left out: it is no X-ray by its name.")
    written = b"".join(path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert b"Mueller" not in written
    assert sentence.encode() in (tmp_path / "run" / "evaluation.html").read_bytes()
    named = json.loads(run("evaluate", data, "--json", "--names").stdout)["left_out"]
    assert named[0].startswith("test/Mueller.exe was left out:")


def test_a_csv_of_files_alone_is_a_worklist(tiny_model_in_use: Path, tmp_path: Path):
    (tmp_path / "one.png").write_bytes(png(drawn_film(True, 5)))
    (tmp_path / "list.csv").write_text("file\none.png\n")
    result = run("evaluate", tmp_path / "list.csv")
    assert result.exit_code == 0, result.output
    assert "1 film, 0 refused, 0 with score and label" in result.stdout
    assert result.stdout.endswith("%  one.png\n")


def test_score_is_exit_status_one_where_a_film_was_refused(tiny_model_in_use: Path, tmp_path: Path, make_data):
    data = make_data(tmp_path / "data", 1, ("test",))
    assert run("score", data, "--out", tmp_path / "first").exit_code == 0
    (data / "test" / "NORMAL" / "broken.png").write_bytes(b"no film")
    result = run("score", data, "--out", tmp_path / "second")
    assert result.exit_code == 1
    assert "refused: 1 film; each one's reason stands in scores.jsonl." in result.stderr
