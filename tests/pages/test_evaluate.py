"""The batch evaluation page: from a zip to figures, a cell's films, a stopped run, and refusals."""

import dataclasses
import io
import json
import shutil
import threading
import zipfile
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts.shared.problems import plain
from pneumo_core.evaluate.runs import read_run, read_scores
from pneumo_core.files.hashes import file_sha256
from pneumo_core.files.places import DATA_VARIABLE, MODELS_VARIABLE, ROOT, RUNS_VARIABLE
from pneumo_core.keras_network.layers import load_network
from pneumo_core.models.card import read_card, write_card
from pneumo_core.serve.audit_log import AUDIT_LOG_VARIABLE
from pneumo_core.serve.jobs import Jobs
from pneumo_core.stats.mix import NO_MIX
from tests.conftest import drawn_film, png


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model_in_use: Path) -> Path:
    folder = tmp_path / "runs"
    monkeypatch.setenv(RUNS_VARIABLE, str(folder))
    return folder


def zipped(with_labels: bool = True, count: int = 12) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number in range(count):
            folder = ("PNEUMONIA/" if number % 2 else "NORMAL/") if with_labels else ""
            archive.writestr(f"{folder}Mueller_{number}.png", png(drawn_film(number % 2 == 1, number)))
        archive.writestr("NORMAL/broken.png" if with_labels else "broken.png", b"no film")
    return content.getvalue()


def wait_for_the_run() -> None:
    for thread in threading.enumerate():
        if thread.name == "run":
            thread.join(60)


def opened(run: str | None = None) -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60).run().switch_page("pages/evaluate.py")
    if run:
        app.query_params["run"] = run
    return app.run()


def uploaded(content: bytes) -> AppTest:
    app = opened()
    app.file_uploader[0].upload("films.zip", content, "application/zip").run()
    next(button for button in app.button if button.label == "Evaluate").click().run()
    wait_for_the_run()
    return app.run()


def text(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.header))


def test_a_run_stands_in_the_audit_log_by_its_name(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(AUDIT_LOG_VARIABLE, str(tmp_path / "audit.jsonl"))
    uploaded(zipped(count=2))
    (line,) = map(json.loads, (tmp_path / "audit.jsonl").read_text().splitlines())
    (run,) = runs.iterdir()
    assert (line["event"], line["run"], line["weights_sha256"]) == (
        "run asked for",
        run.name,
        read_run(run).weights_sha256,
    )
    monkeypatch.setenv(AUDIT_LOG_VARIABLE, str(tmp_path / "no folder" / "audit.jsonl"))
    app = opened()
    app.file_uploader[0].upload("films.zip", zipped(count=4), "application/zip").run()
    next(button for button in app.button if button.label == "Evaluate").click().run()
    assert "The audit log cannot be written" in app.error[0].value
    assert list(runs.iterdir()) == [run]


def test_a_zip_becomes_figures_and_a_refused_film_is_named(runs: Path):
    app = uploaded(zipped())
    assert not app.exception
    assert "13 X-rays" in text(app)
    assert "12 scored, of which 12 count in the figures (6 with pneumonia); 1 refused" in text(app)
    assert "What speaks against these figures" in text(app)
    assert NO_MIX in text(app)
    assert "The probabilities are not recalibrated to it" in text(app)
    assert read_run(runs / app.query_params["run"]).device
    assert list(app.table[0].value["Figure"])[:3] == ["Accuracy", "Sensitivity (recall)", "Specificity"]
    refused = app.table[-1].value
    assert list(refused["X-ray"]) == [plain("NORMAL/broken.png")]
    written = b"".join(path.read_bytes() for path in runs.rglob("*") if path.is_file())
    assert b"Mueller" not in written


def test_one_threshold_moves_the_figures():
    app = uploaded(zipped())
    app.slider(key="threshold").set_value(0.0).run()
    rows = dict(zip(app.table[0].value["Figure"], app.table[0].value["Value"], strict=True))
    assert (rows["Sensitivity (recall)"], rows["Specificity"]) == ("1.000", "0.000")
    assert rows["Negative predictive value, of these X-rays"] == "not defined"
    next(button for button in app.button if button.label.startswith("rule-in")).click().run()
    assert app.slider(key="threshold").value > 0


def test_a_cell_shows_its_films_and_leads_to_explain():
    app = uploaded(zipped())
    app.slider(key="threshold").set_value(0.0).run()
    app.segmented_control(key="cell").set_value("true positives").run()
    assert not app.exception
    assert "True positives: 6" in text(app)
    assert any(button.label == "Open in Explain an X-ray" for button in app.button)


def test_films_without_labels_become_a_worklist():
    app = uploaded(zipped(with_labels=False))
    assert not app.exception
    assert "Worklist: the highest probability first" in text(app)
    listed = app.dataframe[0].value
    probabilities = list(listed["Probability"])
    assert len(probabilities) == 12
    assert probabilities == sorted(probabilities, reverse=True)
    # Drawn films are dark in their middle, and have no fine detail.
    assert set(listed["To know"]) == {
        f"{known}exposure, blur, no input gate, no age given"
        for known in ("known from training, ", "known from validation, ")
    }
    assert list(app.table[-1].value["X-ray"]) == [plain("broken.png")]
    # The film that is chosen is looked at, with all that is to know of it.
    assert any("For any other patient this score is not validated" in warning.value for warning in app.warning)
    assert [button.label for button in app.get("download_button")] == ["X-rays (CSV)"]
    next(button for button in app.button if button.label == "Open in Explain an X-ray").click().run()
    assert not app.exception


def test_the_chosen_film_of_a_list_is_named_at_its_verdict():
    app = uploaded(zipped(with_labels=False))
    app.slider(key="threshold").set_value(50.0).run()
    listed = app.dataframe[0].value
    for row in (0, 11, 4):
        app.session_state[app.dataframe[0].key] = {"selection": {"rows": [row], "columns": [], "cells": []}}
        app.run()
        (block,) = [html.proto.body for html in app.get("html") if 'class="film-name' in html.proto.body]
        assert 'notranslate" translate="no"' in block
        film = listed.iloc[row]
        for words in (film["X-ray"], film["SHA-256, start"], f">{film['Result']}", f"{film['Probability']:.1f} %"):
            assert words in block


def test_the_threshold_flags_films_in_the_worklist_by_their_finding_and_removes_none():
    app = uploaded(zipped(with_labels=False))
    app.slider(key="threshold").set_value(0.0).run()
    assert "**12 of 12** X-rays are flagged" in text(app)
    assert set(app.dataframe[0].value["Result"]) == {"Flagged: suspected pneumonia"}
    app.slider(key="threshold").set_value(100.0).run()
    assert "**0 of 12** X-rays are flagged" in text(app)
    assert list(app.dataframe[0].value["Result"]) == 12 * ["Not flagged"]


def test_films_without_a_label_among_others_are_listed_too():
    content = io.BytesIO(zipped())
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("new.png", png(drawn_film(True, 99)))
    app = uploaded(content.getvalue())
    assert "13 scored, of which 12 count in the figures" in text(app)
    assert "They count in no figure" in text(app)
    assert list(app.dataframe[0].value["X-ray"]) == ["new.png"]


def test_what_was_left_out_is_shown_openly_where_it_is_little():
    content = io.BytesIO(zipped())
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("more.zip", b"PK")
    app = uploaded(content.getvalue())
    folded = next(block for block in app.expander if block.label.startswith("Left out or without a label: 1 "))
    assert folded.proto.expanded


def test_a_stopped_run_says_so_and_the_same_films_go_on_with_it(runs: Path):
    name = uploaded(zipped()).query_params["run"]
    path = runs / name / "scores.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:5]))
    app = opened(name)
    assert app.warning[1].value.startswith("Stopped: 8 of 13 X-rays are not scored yet")
    next(button for button in app.button if button.label == "Continue").click().run()
    wait_for_the_run()
    assert sorted(score.number for score in read_scores(runs / name)) == list(range(13))
    assert "12 scored" in text(app.run())


def test_a_damaged_line_is_told_and_its_film_is_scored_again(runs: Path):
    name = uploaded(zipped()).query_params["run"]
    path = runs / name / "scores.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], "no JSON\n", *lines[2:]]))
    app = opened(name)
    assert not app.exception
    assert any("1 line of scores.jsonl is damaged" in box.value.replace("\\", "") for box in app.warning)
    next(button for button in app.button if button.label == "Continue").click().run()
    wait_for_the_run()
    app.run()
    assert not any("damaged" in box.value for box in app.warning)
    assert sorted(score.number for score in read_scores(runs / name)) == list(range(13))


def test_after_a_restart_the_same_films_go_on_with_a_stopped_run(runs: Path):
    name = uploaded(zipped()).query_params["run"]
    path = runs / name / "scores.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:5]))
    st.cache_resource.clear()
    assert "choose the same X-rays again" in text(opened(name))
    assert uploaded(zipped()).query_params["run"] == name
    assert sorted(score.number for score in read_scores(runs / name)) == list(range(13))


@pytest.mark.parametrize("name", ["../../etc", "a" * 24, "", "A" * 24])
def test_an_address_without_a_run_is_a_sentence(name: str):
    app = opened(name or "x")
    assert not app.exception
    assert app.error[0].value.startswith("There is no run of this name")


def folder_field(app: AppTest):
    return next(field for field in app.text_input if field.label.startswith("Folder"))


def test_a_folder_of_the_server_is_read_only_below_the_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_data
):
    make_data(tmp_path / "open", 3, ("test",))
    (tmp_path / "closed").mkdir()
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "open"))
    app = opened()
    app.segmented_control[0].set_value("A folder of the server").run()
    folder_field(app).set_value("../closed").run()
    next(button for button in app.button if button.label == "Evaluate").click().run()
    assert "is not in open" in app.error[0].value
    folder_field(app).set_value("test").run()
    next(button for button in app.button if button.label == "Evaluate").click().run()
    wait_for_the_run()
    assert "6 scored, of which 6 count in the figures (3 with pneumonia)" in text(app.run())


def test_without_an_open_folder_the_page_says_how_to_open_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "missing"))
    app = opened()
    app.segmented_control[0].set_value("A folder of the server").run()
    assert "PNEUMO_DATA_DIRS" in app.info[0].value


def test_another_model_scores_the_same_films_and_the_differences_are_paired(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    models = tmp_path / "models"
    # The same card's name in both, as an import under another name leaves it; and the first one once more.
    for name in ("one", "two", "again"):
        shutil.copytree(tiny_model, models / name)
    card = read_card(models / "two")
    (models / "active.txt").write_text("one")
    # Other weights, so that it is another run.
    network = load_network(models / "two" / "classifier.keras")
    network.set_weights([weight * 1.1 for weight in network.get_weights()])
    network.save(models / "two" / "classifier.keras")
    write_card(
        dataclasses.replace(card, weights_sha256=file_sha256(models / "two" / "classifier.keras")), models / "two"
    )
    monkeypatch.setenv(MODELS_VARIABLE, str(models))
    app = uploaded(zipped())
    assert app.selectbox(key="other_model").options == ["two"]
    app.selectbox(key="other_model").set_value("two").run()
    next(button for button in app.button if button.label == "Score these X-rays with two too").click().run()
    wait_for_the_run()
    app.run()
    assert not app.exception
    assert next(iter(app.table[-1].value["Figure"])) == "Area under the ROC curve (DeLong)"
    assert list(app.table[-1].value.columns[1:3]) == ["one", "two"]

    (models / "active.txt").write_text("two")
    app.run()
    assert not app.exception
    assert "These X-rays were scored with again, which is not the model in use" in app.info[0].value
    assert f"{100 * read_card(models / 'one').first.operating_point('balanced').threshold:.1f} %" in app.button[1].label
    shutil.rmtree(models / "one")
    shutil.rmtree(models / "again")
    app.run()
    assert "no model of this server has them any more" in app.error[0].value


def test_a_second_run_is_told_to_wait_for_the_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Jobs, "start", lambda *arguments: None)
    app = opened()
    app.file_uploader[0].upload("films.zip", zipped(), "application/zip").run()
    next(button for button in app.button if button.label == "Evaluate").click().run()
    assert app.warning[1].value.startswith("Another run is at work on this server")
    assert "run" not in app.query_params


def test_the_mix_of_patients_that_is_stated_gives_predictive_values():
    app = uploaded(zipped())
    for group, share in (("finding", 10.0), ("other", 0.0), ("normal", 80.0)):
        app.number_input(key=f"mix_{group}").set_value(share)
    app.run()
    assert any("sum to 90" in warning.value for warning in app.warning)
    app.number_input(key="mix_normal").set_value(90.0).run()
    assert not app.exception
    assert NO_MIX not in text(app)
    assert any("PPV %" in found.value.columns for found in app.table)


def test_each_population_of_a_model_has_its_own_figures(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = shutil.copytree(tiny_model, tmp_path / "models" / "both")
    card = read_card(folder)
    adults = dataclasses.replace(card.first, name="adults", years=(18.0, 120.0), finding="suspected lung opacity")
    write_card(dataclasses.replace(card, populations=(card.first, adults)), folder)
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    app = opened()
    app.text_input(key="age_of_those_without").set_value("40").run()
    app.file_uploader[0].upload("films.zip", zipped(count=4), "application/zip").run()
    next(button for button in app.button if button.label == "Evaluate").click().run()
    wait_for_the_run()
    app.run()
    assert not app.exception
    assert list(app.table[0].value["Population"]) == ["children", "adults"]
    app.segmented_control(key="population").set_value("adults").run()
    assert not app.exception
    app.segmented_control(key="population").set_value("children").run()
    assert not app.exception
    assert "None of these X-rays is known to be of children" in text(app)
    app.segmented_control(key="population").set_value("all together").run()
    app.segmented_control(key="cell_of_all").set_value("true negatives").run()
    assert not app.exception
