"""The models page: list, comparison, promotion and roll back, files; every question and refusal."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.models import challenge_view as gate_view
from pages.parts.shared.problems import plain
from pneumo_core.files.hashes import file_sha256
from pneumo_core.files.places import MODELS_VARIABLE, ROOT, RUNS_VARIABLE, trainings_folder
from pneumo_core.keras_network.layers import load_network
from pneumo_core.models.card import ModelCard, active_model_folder, read_card, write_card
from pneumo_core.models.challenge import Challenge, CopyResult, Pair, read_challenge, write_challenge
from pneumo_core.models.store import ModelEntry, export_model, list_models, promote, promotions
from pneumo_core.stats.comparison import compare
from pneumo_core.train.plan import Plan, write_plan
from pneumo_core.train.run import MADE_FILE, State, write_state
from tests.conftest import drawn_film, png
from tests.makers import with_thresholds

HAVE_PNEUMONIA = [True] * 100 + [False] * 100


@pytest.fixture(scope="session")
def other_weights(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the tiny model's network with other weights, as a file."""
    network = load_network(tiny_model / "classifier.keras")
    network.set_weights([weight * 1.1 for weight in network.get_weights()])
    path = tmp_path_factory.mktemp("other") / "classifier.keras"
    network.save(path)
    return path


@pytest.fixture
def models(tiny_model: Path, other_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of models `one`, which is in use, and `two`; and no training runs."""
    folder = tmp_path / "models"
    for name in ("one", "two"):
        shutil.copytree(tiny_model, folder / name)
    shutil.copy(other_weights, folder / "two" / "classifier.keras")
    for name in ("one", "two"):
        found = file_sha256(folder / name / "classifier.keras")
        card = replace(card_of(tiny_model), name=name, weights_sha256=found)
        write_card(card, folder / name)
    (folder / "active.txt").write_text("one\n")
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    return folder


def card_of(folder: Path) -> ModelCard:
    return read_card(folder)


def compared(
    models: Path,
    candidate: list[float],
    current: list[float],
    weights_in_use: str = "",
    labels: list[bool] = HAVE_PNEUMONIA,
) -> Challenge:
    """Write a comparison of `two` with `one` on made-up films."""
    comparison = compare(np.array(labels), np.array(candidate), np.array(current), 0.5, 0.4)
    result = CopyResult("the films as they are", comparison, 0.1, 0.2, 0.3, 0.4)
    pairs = tuple(
        Pair(f"val/{'PNEUMONIA' if label else 'NORMAL'}/{number}.png", label, first, second)
        for number, (label, first, second) in enumerate(zip(labels, candidate, current, strict=True))
    )
    gate = Challenge(
        candidate="two",
        candidate_weights=card_of(models / "two").weights_sha256,
        candidate_threshold=0.5,
        current="one",
        current_weights=weights_in_use or card_of(models / "one").weights_sha256,
        current_threshold=0.4,
        made="2026-11-21T10:00:00+00:00",
        films=len(labels),
        patients=len(labels),
        left_out=3,
        copies=(result,),
        pairs=pairs,
    )
    write_challenge(gate, models / "two")
    return gate


def better(models: Path) -> Challenge:
    return compared(models, [0.9] * 100 + [0.1] * 100, [0.9] * 90 + [0.1] * 110)


def worse(models: Path) -> Challenge:
    return compared(models, [0.9] * 90 + [0.1] * 110, [0.9] * 100 + [0.1] * 100)


def run_of(models: Path, data: Path | None = None, **state) -> Path:
    """Make the folder of the run that made `two`."""
    folder = trainings_folder() / "two"
    folder.mkdir(parents=True)
    write_plan(Plan(data or models / "no data", models / "two"), folder)
    (folder / MADE_FILE).write_text(card_of(models / "two").weights_sha256)
    write_state(folder, State(**({"stage": "done"} | state)))
    return folder


def opened(name: str = "two") -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60).run().switch_page("pages/models.py")
    app.query_params["model"] = name
    return app.run()


def text(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.header, *app.subheader, *app.markdown))


def click(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    return app.run()


def buttons(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def give_reason(app: AppTest, who: str = "Dr Ada", note: str = "better on our films") -> AppTest:
    for field in app.text_input:
        if field.label in ("Who decides it", "Why: a note"):
            field.set_value(who if field.label == "Who decides it" else note)
    return app.run()


def refusals(app: AppTest) -> str:
    return "\n".join(element.value for element in app.error)


# List


def test_models_are_listed_with_their_figures_and_the_one_in_use(models: Path):
    app = opened("one")
    assert not app.exception
    assert not app.error
    rows = app.table[0].value
    assert list(rows["Model"]) == ["one", "two"]
    assert list(rows["State"]) == ["**in use**, no input gate", "no input gate"]
    assert "n = 20 (10 with pneumonia)" in rows["AUC, test"][0]
    assert all(point in rows["Flagged from, %"][0] for point in ("screening", "balanced", "rule"))
    # The model in use is no candidate, and cannot be deleted.
    assert "against the model in use" not in text(app)
    assert "The model in use cannot be deleted." in text(app)
    assert "This model has no learned input gate. It does not refuse all turned or inverted" in text(app).replace(
        "\\", ""
    )
    assert "There were 16 training films and 4 validation films" in text(app)
    assert not [label for label in buttons(app) if label.startswith(("Promote", "Delete"))]


def test_thresholds_that_nearly_coincide_are_told_apart_and_said_to(models: Path):
    for name, apart in (("one", 0.1), ("two", 0.0001)):
        card = card_of(models / name)
        write_card(with_thresholds(card, *(0.5 + apart * n for n in range(3))), models / name)
    app = opened("one")
    shown = app.table[0].value["Flagged from, %"]
    assert all(digits in shown[1].replace("\\", "") for digits in ("50.00,", "50.01,", "50.02"))
    assert "**two**: The three thresholds nearly coincide" in text(app)
    assert "**one**: The three" not in text(app)


def test_a_model_that_cannot_be_used_says_why_and_can_be_deleted(models: Path):
    (models / "two" / "classifier.keras").write_bytes(b"other")
    app = opened("two")
    assert not app.exception
    assert list(app.table[0].value["State"]) == ["**in use**, no input gate", "cannot be used"]
    assert "belongs to other weights" in refusals(app)
    assert "Delete two ..." in buttons(app)
    assert "Promote two" not in buttons(app)


def test_without_a_model_in_use_one_can_be_promoted(models: Path):
    (models / "active.txt").unlink()
    app = opened("two")
    assert refusals(app).startswith("No model of models is in use")
    assert "There is no model in use to compare it with" in app.warning[1].value
    click(click(give_reason(app), "Promote two"), "Promote all the same")
    assert active_model_folder(models).name == "two"


def test_without_any_model_one_can_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    app = opened("two")
    assert not app.exception
    assert app.info[0].value.startswith("There is no model here yet")
    assert "Import" in buttons(app)


def test_the_address_names_the_model_and_follows_the_choice(models: Path):
    app = opened("two")
    assert app.selectbox(key="model_shown").value == "two"
    app.selectbox(key="model_shown").set_value("one").run()
    assert app.query_params["model"] == "one"
    app = opened("../../etc")
    assert not app.exception
    assert "no model of the name in the address" in refusals(app)
    assert app.selectbox(key="model_shown").value == "one"


def test_a_single_models_folder_is_listed_and_not_changed(tiny_model_in_use: Path):
    app = opened(tiny_model_in_use.name)
    assert not app.exception
    assert len(app.table[0].value) == 1
    assert "The model in use cannot be deleted." in text(app)


def test_card_and_training_curves_are_shown_when_asked_for(models: Path):
    app = opened("two")
    assert "# Model card: two" not in text(app)
    app.segmented_control(key="record_two").set_value("Model card and recipe").run()
    assert "# Model card: two" in text(app)
    app.segmented_control(key="record_two").set_value("Training curves").run()
    assert not app.exception
    assert "Area under the ROC curve" in text(app)
    assert any("training, augmented" in element.value for element in app.html)
    (models / "two" / "training_log.jsonl").unlink()
    app.run()
    assert "This model has no training log." in text(app)


# Comparison


def test_a_comparison_shows_what_got_better_and_which_films_changed_sides(models: Path):
    better(models)
    app = opened("two")
    assert not app.exception
    assert len(app.warning) == 1
    assert not app.error
    assert app.success[0].value.startswith("**Better than the model in use by more than chance in 2 of 3")
    found = text(app).replace("\\", "")
    assert "200 X-rays (100 with pneumonia) of 200 patients" in found
    assert "3 further X-rays are left out, because one was trained on them" in found
    assert "in 2 and worse in 0 of" in found
    assert "Test X-rays have no say here" in found
    assert "10 of 200 X-rays changed sides" in found
    assert "The candidate is right on 10, the model in use on 0" in found
    main, copies = app.table[1].value, app.table[2].value
    assert main["Figure"][0] == "Area under the ROC curve (DeLong)"
    assert copies["Sensitivity difference"][0] == "+0.1000 (+0.0419 to +0.1744, p = 0.002)"
    assert (copies["Brier score"][0], copies["ECE"][0]) == ("0.100 / 0.200", "0.300 / 0.400")
    changed = app.dataframe[0].value
    assert len(changed) == 10
    assert set(changed["Right"]) == {"candidate"}
    assert set(changed["Label"]) == {"with pneumonia"}


def test_a_worse_model_is_said_to_be_in_one_box_before_all_else(models: Path):
    worse(models)
    app = opened("two")
    assert not app.exception
    assert refusals(app) == "**Worse than the model in use by more than chance in 2 of 3 differences\\.**"
    # The one of the frame.
    assert len(app.warning) == 1
    assert "do not rule out a loss" in text(app)
    assert "only where both agree" in text(app)


def test_a_loss_that_is_not_ruled_out_is_the_verdict_where_nothing_is_worse(models: Path):
    compared(models, [0.9, 0.1], [0.9, 0.1], labels=[True, False])
    app = opened("two")
    assert not app.error
    assert app.warning[1].value.startswith("**Not shown to be as good")


def test_the_model_in_use_is_called_as_it_is_listed(models: Path):
    write_card(replace(card_of(models / "one"), name="elsewhere"), models / "one")
    worse(models)
    gate = read_challenge(models / "two")
    assert gate is not None
    write_challenge(replace(gate, current="elsewhere"), models / "two")
    app = click(give_reason(opened("two")), "Promote two")
    assert "Worse than one by more than chance" in text(app)
    assert "elsewhere" not in text(app)


def test_without_a_comparison_and_without_its_run_the_page_says_what_to_do(models: Path):
    app = opened("two")
    assert "was not compared with the model in use" in app.warning[1].value
    assert "is not on this server" in text(app)
    assert "Batch evaluation" in text(app)
    assert not [label for label in buttons(app) if label.startswith("Compare")]


def test_an_outdated_comparison_says_so_and_the_run_compares_again(models: Path, monkeypatch: pytest.MonkeyPatch):
    compared(models, [0.9] * 100 + [0.1] * 100, [0.9] * 90 + [0.1] * 110, weights_in_use="ab" * 32)
    folder = run_of(models)
    started: list[Path] = []
    monkeypatch.setattr(gate_view, "start_run", started.append)
    app = opened("two")
    assert "is outdated" in app.warning[1].value
    assert "Then in use" in text(app)
    click(app, "Compare now")
    assert started == [folder]


def test_a_run_of_other_weights_does_not_compare(models: Path):
    (run_of(models) / MADE_FILE).write_text("ab" * 32)
    assert not [label for label in buttons(opened("two")) if label.startswith("Compare")]


def test_while_another_run_is_at_work_nothing_is_compared(models: Path, monkeypatch: pytest.MonkeyPatch):
    run_of(models)
    monkeypatch.setattr(gate_view, "run_at_work", lambda: "another")
    monkeypatch.setattr(gate_view, "start_run", lambda folder: pytest.fail("started"))
    app = click(opened("two"), "Compare now")
    assert "one at a time" in app.warning[-1].value


def test_a_comparison_at_work_shows_its_state(models: Path, monkeypatch: pytest.MonkeyPatch):
    run_of(models, stage="reading the films", done=3, of=12)
    monkeypatch.setattr("pneumo_core.train.run.run_at_work", lambda: "two")
    monkeypatch.setattr(gate_view, "run_at_work", lambda: "two")
    app = opened("two")
    assert not app.exception
    assert "The run continues if you reload" in text(app)
    assert not [label for label in buttons(app) if label.startswith("Compare")]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"problem": "The model is made, but was not compared."}, "was not compared"),
        ({"stage": "failed", "problem": "The disk is full."}, "The disk is full"),
        ({"stage": "training"}, "stopped early and gave no reason"),
    ],
)
def test_a_comparison_that_failed_says_why(models: Path, state: dict, words: str):
    run_of(models, **state)
    assert words in refusals(opened("two"))


def test_a_film_that_changed_sides_is_shown_with_both_heat_maps(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    gate = better(models)
    name = gate.changed_sides[0].name
    (tmp_path / "data" / name).parent.mkdir(parents=True)
    (tmp_path / "data" / name).write_bytes(png(drawn_film(True, 7)))
    run_of(models, tmp_path / "data")
    app = opened("two")
    assert not app.get("image")
    app.session_state["changed_sides"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert not app.exception
    assert len(app.get("image")) == 3
    # The made-up comparison knows other probabilities.
    assert "has changed since" in app.warning[-1].value


def test_a_film_that_is_gone_is_said_to_be(models: Path, tmp_path: Path):
    better(models)
    (tmp_path / "data").mkdir()
    run_of(models, tmp_path / "data")
    app = opened("two")
    app.session_state["changed_sides"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert "is not in data" in refusals(app)


# Promotion


def test_a_promotion_without_who_or_why_is_refused(models: Path):
    better(models)
    app = click(opened("two"), "Promote two")
    assert "needs who decides it" in refusals(app)
    app = click(give_reason(app, note=" "), "Promote two")
    assert "needs a note" in refusals(app)
    assert active_model_folder(models).name == "one"


def test_a_better_model_is_promoted_at_once_and_the_whole_app_uses_it(models: Path, monkeypatch: pytest.MonkeyPatch):
    better(models)
    monkeypatch.setattr(ModelEntry, "has_input_gate", True)
    app = click(give_reason(opened("two")), "Promote two")
    assert not app.exception
    assert app.success[0].value.startswith("two is in use since")
    (change,) = promotions(models)
    assert (change.who, change.note, change.from_model, change.to_model) == (
        "Dr Ada",
        "better on our films",
        "one",
        "two",
    )
    log = app.table[1].value
    assert (log["Who"][0], log["Note"][0], log["What"][0]) == ("Dr Ada", "better on our films", "promoted")
    app.switch_page("app.py").run()
    assert any(card_of(models / "two").weights_sha256[:12] in element.value for element in app.markdown)


@pytest.mark.parametrize("evidence", ["worse", "missing", "outdated", "few", "no input gate"])
def test_what_speaks_against_a_promotion_is_asked_about_once_more(models: Path, evidence: str):
    if evidence == "worse":
        worse(models)
    elif evidence == "outdated":
        compared(models, [0.9] * 100 + [0.1] * 100, [0.9] * 90 + [0.1] * 110, weights_in_use="ab" * 32)
    elif evidence == "no input gate":
        better(models)
    elif evidence == "few":
        compared(models, [0.9, 0.1], [0.9, 0.1], labels=[True, False])
    app = click(give_reason(opened("two")), "Promote two")
    said = {
        "worse": "Worse than one by more than chance",
        "missing": "was not compared",
        "no input gate": "This model has no learned input gate",
        "outdated": "is outdated",
        "few": "Not shown to be as good. The X-rays of 2 patients",
    }
    assert said[evidence] in text(app).replace("\\", "")
    assert active_model_folder(models).name == "one"
    click(app, "Cancel")
    assert "Promote all the same" not in buttons(app)
    assert active_model_folder(models).name == "one"
    click(click(app, "Promote two"), "Promote all the same")
    assert not app.exception
    assert "Promote all the same" not in buttons(app)
    assert active_model_folder(models).name == "two"


def test_a_roll_back_needs_who_and_why_and_is_logged(models: Path):
    promote(models, "two", "Ada", "x")
    app = click(opened("one"), "Roll back to one")
    click(app, "Roll back")
    assert "needs who decides it" in refusals(app)
    assert active_model_folder(models).name == "two"
    click(give_reason(app, "Bob", "worse at night"), "Roll back")
    assert not app.exception
    assert active_model_folder(models).name == "one"
    assert [entry.kind for entry in promotions(models)] == ["promoted", "rolled back"]
    # The newest first.
    assert list(app.table[1].value["What"]) == ["rolled back", "promoted"]
    assert not [label for label in buttons(app) if label.startswith("Roll back")]


def test_a_model_put_in_use_by_hand_is_told_from_the_log(models: Path):
    promote(models, "two", "Ada", "x")
    (models / "active.txt").write_text("one\n")
    assert "The model in use is one, but the newest line names another one." in opened("one").warning[-1].value


def test_a_damaged_log_is_a_sentence(models: Path):
    (models / "promotions.jsonl").write_text("no line\n")
    app = opened("two")
    assert not app.exception
    assert "is not as it was written" in refusals(app).replace("\\", "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_a_sentence(models: Path):
    better(models)
    models.chmod(0o555)
    app = click(give_reason(opened("two")), "Promote two")
    models.chmod(0o755)
    assert "cannot be read or written to" in refusals(app)


def test_names_and_notes_are_shown_as_they_are(models: Path):
    promote(models, "two", "**Ada** :material/home:", "<b>x</b> _y_")
    row = opened("two").table[1].value
    assert row["Who"][0] == plain("**Ada** :material/home:")
    assert row["Note"][0] == plain("<b>x</b> _y_")


# Files


def test_a_model_is_deleted_after_a_question(models: Path):
    app = click(opened("two"), "Delete two ...")
    assert "deleted for good" in text(app)
    assert (models / "two").is_dir()
    click(app, "Cancel")
    click(click(app, "Delete two ..."), "Delete")
    assert not app.exception
    assert not (models / "two").exists()
    assert app.success[0].value == "two is deleted."
    assert app.selectbox(key="model_shown").value == "one"


def test_the_model_that_a_roll_back_goes_to_is_deleted_with_a_warning(models: Path):
    promote(models, "two", "Ada", "x")
    app = click(opened("one"), "Delete one ...")
    assert app.warning[-1].value == "A roll back would return to this model."


def test_an_exported_model_is_imported_and_not_in_use(models: Path):
    content = export_model(models / "two")
    assert "Export (zip)" in [button.label for button in opened("two").get("download_button")]
    app = opened("one")
    app.file_uploader[0].upload("three.zip", content, "application/zip").run()
    click(app, "Import")
    assert not app.exception
    assert app.success[0].value.startswith("three is imported, and not in use.")
    assert "It passed all checks." in app.success[0].value
    assert "are claims of the file. They were not measured here" in app.success[0].value.replace("\\", "")
    assert "This model has no learned input gate" in app.success[0].value
    assert list(app.table[0].value["State"]) == [
        "**in use**, no input gate",
        "no input gate, imported: its file claims the figures",
        "no input gate",
    ]
    assert [entry.name for entry in list_models(models)] == ["one", "three", "two"]
    assert app.selectbox(key="model_shown").value == "three"
    assert active_model_folder(models).name == "one"


def test_what_could_not_be_checked_of_an_imported_model_is_said(models: Path):
    (models / "two" / "known_answers.json").unlink()
    app = opened("one")
    app.file_uploader[0].upload("three.zip", export_model(models / "two"), "application/zip").run()
    click(app, "Import")
    assert "Not checked: The model" in app.success[0].value.replace("\\", "")
    assert "It passed all checks" not in app.success[0].value
    assert "They were not measured here" in app.success[0].value


@pytest.mark.parametrize(("name", "why"), [("two.zip", "holds 'two' already"), ("my model.zip", "cannot be the name")])
def test_an_import_under_a_name_that_cannot_be_is_refused(models: Path, name: str, why: str):
    app = opened("one")
    app.file_uploader[0].upload(name, export_model(models / "two"), "application/zip").run()
    click(app, "Import")
    assert why in refusals(app).replace("\\", "")


def test_a_file_that_is_no_model_is_refused(models: Path):
    app = opened("one")
    app.file_uploader[0].upload("three.zip", json.dumps({}).encode(), "application/zip").run()
    click(app, "Import")
    assert not app.exception
    assert app.error
    assert not (models / "three").exists()


def test_a_model_that_its_run_is_at_work_on_is_not_deleted(models: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pages.parts.models.files.run_at_work", lambda: "two")
    assert not [label for label in buttons(opened("two")) if label.startswith("Delete")]


def test_two_copies_of_one_model_need_no_comparison(models: Path):
    shutil.rmtree(models / "two")
    shutil.copytree(models / "one", models / "two")
    app = opened("two")
    assert "has the same weights as the model in use" in app.warning[1].value
    assert not [label for label in buttons(app) if label.startswith("Compare")]
