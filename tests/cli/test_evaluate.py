"""evaluate and score on the command line."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pneumo_core.evaluate import assessment
from pneumo_core.models.conformal import Conformal, Measured, Regions
from pneumo_core.stats.metrics import proportion
from tests.cli.calls import run
from tests.conftest import drawn_film, png


def test_the_table_of_films_says_likely_or_not_where_the_model_can(
    tiny_model_in_use: Path, tmp_path: Path, make_data, monkeypatch: pytest.MonkeyPatch
):
    some = proportion(9, 10)
    found = Conformal(Regions(0.9, 0.0, 0.0), Measured(some, some, some, some, 1, 0), (20, 1))
    monkeypatch.setattr(assessment, "read_conformal", lambda folder, card, population: (found, ""))
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
    assert "9 X-rays, 1 refused" in result.stdout
    assert "Sensitivity (recall): " in result.stdout
    assert "refused: test/NORMAL/broken.png: The image seems to be a text file" in result.stderr
    in_json = run(*arguments, "--resume", "--json")
    assert "refused: test/NORMAL/broken.png: " in in_json.stderr
    assert [refusal["code"] for refusal in json.loads(in_json.stdout)["refusals"]] == ["not_an_image"]
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"evaluation.json", "evaluation.html", "films.csv"}
    again = run(*arguments)
    assert again.exit_code == 2
    assert "--resume" in again.stderr
    resumed = run(*arguments, "--resume", "--json")
    assert resumed.exit_code == 1
    assert json.loads(resumed.stdout) == json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert json.loads(resumed.stdout)["n"] == 8


def test_what_scripts_rely_on_stands_in_every_evaluation(
    tiny_model_in_use: Path, tmp_path: Path, make_data: Callable[..., Path]
):
    data = make_data(tmp_path / "data", 4, ("test",))
    names = [path.relative_to(tmp_path).as_posix() for path in data.rglob("*.png")]
    (tmp_path / "list.csv").write_text("\n".join(["Image", *names]))
    labelled = json.loads(run("evaluate", data, "--json", "--out", tmp_path / "run").stdout)
    of_list = run("evaluate", tmp_path / "list.csv", "--json")
    unlabelled = json.loads(of_list.stdout)
    assert labelled["notes"] == []
    assert [f"note: {note}" in of_list.stderr for note in unlabelled["notes"]] == [True, True]
    written = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    for found in (labelled, unlabelled, written):
        assert found.keys() >= {"n", "n_pneumonia", "auc", "auc_ci", "operating_points"}
        assert found["operating_points"].keys() == {"screening", "balanced", "rule-in"}
        for point in found["operating_points"].values():
            assert point.keys() >= {"threshold", "tp", "fp", "tn", "fn"}
            assert point.keys() >= {"sensitivity", "sensitivity_ci", "specificity", "specificity_ci"}
    point = labelled["operating_points"]["balanced"]
    assert (labelled["n"], labelled["n_pneumonia"]) == (8, 4)
    assert (point["tp"] + point["fn"], point["tn"] + point["fp"]) == (4, 4)
    assert point["sensitivity"] == point["tp"] / 4
    assert point["sensitivity_ci"][0] <= point["sensitivity"] <= point["sensitivity_ci"][1]
    assert (unlabelled["n"], unlabelled["auc"], unlabelled["auc_ci"]) == (0, None, None)
    point = unlabelled["operating_points"]["balanced"]
    assert (point["tp"], point["sensitivity"], point["sensitivity_ci"]) == (0, None, None)


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
    assert "1 X-ray, 0 refused, 0 with score and label" in result.stdout
    assert result.stdout.endswith("%  one.png\n")


def test_score_is_exit_status_one_where_a_film_was_refused(tiny_model_in_use: Path, tmp_path: Path, make_data):
    data = make_data(tmp_path / "data", 1, ("test",))
    assert run("score", data, "--out", tmp_path / "first").exit_code == 0
    (data / "test" / "NORMAL" / "broken.png").write_bytes(b"no film")
    result = run("score", data, "--out", tmp_path / "second")
    assert result.exit_code == 1
    assert "refused: 1 X-ray; each one's reason stands in scores.jsonl." in result.stderr


def test_the_age_of_those_that_give_none_is_told_once(tiny_model_in_use: Path, tmp_path: Path, make_data):
    data = make_data(tmp_path / "data", 1, ("test",))
    assert run("evaluate", data, "--age", "8M", "--out", tmp_path / "run").exit_code == 0
    rows = list(csv.DictReader((tmp_path / "run" / "films.csv").read_text().splitlines()))
    assert {(row["age"], row["age_from"]) for row in rows} == {("8M", "option")}
    assert run("score", data, "--age", "140", "--out", tmp_path / "other").exit_code == 2
