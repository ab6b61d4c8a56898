"""The training page: audit, split, plan, augmented films, runs at work, ended and done, and refusals."""

import json
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts.shared import cached
from pages.parts.train import plan_view, run_view as training_view
from pages.parts.train.steps import DATA, PLAN, RUNS
from pneumo_core.data.audit import audit_folder
from pneumo_core.errors import DataError
from pneumo_core.files.places import (
    BACKBONE_WEIGHTS_VARIABLE,
    DATA_VARIABLE,
    MODELS_VARIABLE,
    ROOT,
    RUNS_VARIABLE,
    trainings_folder,
)
from pneumo_core.models.card import LOG_FILE, NETWORK_FILE
from pneumo_core.serve import jobs
from pneumo_core.train import starts
from pneumo_core.train.make import run_training
from pneumo_core.train.plan import SETTINGS, Plan, Recipe, checked_recipe, read_plan, settings_of_start
from pneumo_core.train.run import (
    MANIFEST_FILE,
    OUTPUT_FILE,
    STOP_FILE,
    Stage,
    State,
    alone,
    ask_to_stop,
    list_runs,
    plan_run,
    write_state,
)
from pneumo_core.wording import Progress
from tests.conftest import drawn_film, png

QUICK = Recipe(architecture="SmallCNN", size=32, epochs=2, batch_size=8, frozen_normalization=False)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path, make_data: Callable[..., Path]) -> Path:
    """Give a data folder of drawn films in a root that is open, beside a folder of models and one of runs."""
    shutil.copytree(tiny_model, tmp_path / "models" / "tiny")
    (tmp_path / "models" / "active.txt").write_text("tiny")
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "open"))
    monkeypatch.delenv(BACKBONE_WEIGHTS_VARIABLE, raising=False)
    monkeypatch.setattr(cached, "imagenet_problem", lambda architecture: None)
    monkeypatch.setattr(plan_view, "check_start", lambda recipe, start, weights: None)
    st.cache_data.clear()
    return make_data(tmp_path / "open" / "films", 6)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Record which runs the page starts, and whether they are only to be finished, instead of starting them."""
    calls: list[tuple[str, bool]] = []

    def start(folder: Path, finish: bool = False) -> None:
        calls.append((folder.name, finish))

    for page in (plan_view, training_view):
        monkeypatch.setattr(page, "start_run", start)
    return calls


def opened(step: str = DATA, run: str | None = None) -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=120).run().switch_page("pages/train.py")
    if run is not None:
        app.query_params["run"] = run
        return app.run()
    app.run()
    return app if step == DATA else app.segmented_control(key="training_step").set_value(step).run()


def planned(app: AppTest | None = None) -> AppTest:
    """Open the plan of a small network, the films not drawn."""
    app = app or opened(PLAN)
    app.toggle(key="plan_draw_augmented").set_value(False).run()
    app.selectbox(key="plan_architecture").set_value("SmallCNN").run()
    app.number_input(key="plan_size").set_value(32).run()
    return app.number_input(key="plan_epochs").set_value(2).run()


def click(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def text(app: AppTest) -> str:
    elements = (*app.markdown, *app.header, *app.success, *app.warning, *app.error, *app.info)
    return " ".join(element.value for element in elements).replace("\\", "")


def audited(app: AppTest) -> AppTest:
    click(app, "Audit")
    for thread in threading.enumerate():
        if thread.name == "audit":
            thread.join(60)
    return app.run()


def run_of(data: Path, recipe: Recipe = QUICK, name: str = "new") -> Path:
    return plan_run(Plan(data, data.parent.parent / "models" / name, recipe, start="random"))


def logged(folder: Path, epochs: int) -> None:
    """Write a log as `fitting` does."""
    figures = {"loss": 0.5, "accuracy": 0.8, "auc": 0.9, "sensitivity": 0.7, "specificity": 0.9}
    name = "train/NORMAL/IM-0000-0001.png"
    watched = {"name": name, "has_pneumonia": False, "logit": -0.5, "map": [[0.0, 1.0], [0.5, 0.0]]}
    lines = [
        {"epoch": epoch, "seconds": 1.0, "learning_rate": 1e-3, "training": figures, "validation": figures}
        | {"best": "validation", "attention": [watched]}
        for epoch in range(1, epochs + 1)
    ]
    (folder / LOG_FILE).write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_without_an_open_folder_the_page_says_how_to_open_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "missing"))
    for step in (DATA, PLAN):
        assert "PNEUMO_DATA_DIRS" in text(opened(step))


def test_an_address_without_a_folder_is_a_sentence():
    app = AppTest.from_file(ROOT / "app.py", default_timeout=120).run().switch_page("pages/train.py")
    app.query_params["data"] = "../etc"
    app.run()
    assert app.error[0].value.startswith("There is no folder of the name in the address")
    assert app.selectbox(key="training_data").value == "open/films"


def test_an_audit_is_shown_with_alarms_first_and_found_again_by_a_second_person(data: Path):
    (data / "train" / "NORMAL" / "broken.png").write_bytes(b"no film")
    app = audited(opened())
    assert not app.exception
    assert app.query_params["data"] == "open/films"
    assert "25 X-rays, of which 1 cannot be used" in text(app)
    assert "**Unreadable**" in app.warning[1].value
    assert list(app.table[0].value["X-rays"]) == ["7", "6", "6", "6"] or list(app.table[0].value["X-rays"]) == [
        7,
        6,
        6,
        6,
    ]
    assert set(app.dataframe[0].value["Split"]) == {"all", "train", "test"}
    assert "1 X-ray that cannot be used" in [block.label for block in app.expander]
    assert [button.label for button in app.get("download_button")] == ["Audit (HTML)"]
    assert len(app.image) == 2
    again = opened()
    assert "25 X-rays, of which 1 cannot be used" in text(again)


def test_an_audit_is_cancelled_and_one_of_another_folder_waits(
    data: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    make_data(data.parent / "other", 2)
    go = threading.Event()

    def waiting(folder, report, is_cancelled, more):
        report(Progress(3, 24, 1.0))
        go.wait(60)
        return audit_folder(folder, report, is_cancelled, more)

    monkeypatch.setattr(jobs, "audit_folder", waiting)
    app = click(opened(), "Audit")
    assert "continues if you reload" in text(app)
    other = opened()
    other.selectbox(key="training_data").set_value("open/other").run()
    assert "Another folder is being audited" in text(click(other, "Audit"))
    click(app, "Cancel")
    assert "Stopping after the current X-ray" in text(app)
    go.set()
    for thread in threading.enumerate():
        if thread.name == "audit":
            thread.join(60)
    assert "The audit was cancelled" in text(app.run())


def test_a_split_made_here_is_the_runs_and_lies_beside_its_plan(data: Path, started: list):
    app = audited(opened())
    click(app, "Make this split")
    assert "train: 10 X-rays of 10 patients" in text(app)
    click(app, "On to the plan with it")
    app = planned(app)
    assert list(app.table[-1].value["X-rays"]) == ["10", "2", "12"]
    click(app, "Start training")
    folder = list_runs()[0]
    assert started == [(folder.name, False)]
    assert read_plan(folder).manifest == folder / MANIFEST_FILE
    assert (folder / MANIFEST_FILE).read_text().startswith("file,label,patient,split\n")
    assert app.query_params["run"] == folder.name


def test_whether_names_in_test_are_other_people_is_asked_and_counted(data: Path):
    shutil.copy(next((data / "train" / "NORMAL").iterdir()), data / "test" / "NORMAL" / "IM-0001-0009.png")
    app = audited(opened())
    assert "1 of 13 patient names in test also occur outside it" in app.radio[0].label
    app.radio[0].set_value(False).run()
    click(app, "Make this split")
    assert "because an X-ray of a patient of the same name is in the test split" in text(app)


def test_without_test_films_some_patients_can_be_set_aside(data: Path):
    shutil.rmtree(data / "test")
    app = audited(opened())
    click(app, "Make this split")
    assert "test: 2 X-rays of 2 patients" in text(app)


def test_the_defaults_are_the_shipped_recipe_and_what_differs_is_said(started: list):
    app = opened(PLAN)
    assert not app.exception
    assert "All settings are the defaults" in text(app)
    assert "14 epochs of 1 steps" in text(app)
    click(app, "Start training")
    plan = read_plan(list_runs()[0])
    shipped = checked_recipe(settings_of_start("EfficientNetV2B0", "imagenet"))
    assert (plan.recipe, plan.start) == (shipped, "imagenet")
    app = planned()
    assert "Changed settings: architecture SmallCNN (default: EfficientNetV2B0); size 32 (default: 224)" in text(app)


def widget_of(app: AppTest, name: str) -> Any:
    """Find the one widget that asks for a setting."""
    kinds = (app.toggle, app.selectbox, app.multiselect, app.text_input, app.slider, app.number_input)
    (found,) = [widget for kind in kinds for widget in kind if re.match(rf"plan_{name}(_|$)", widget.key or "")]
    return found


def test_every_setting_of_a_recipe_has_a_widget_of_its_own_range():
    app = planned()
    app.text_input(key="plan_dense_units").set_value("8").run()
    app.number_input(key="plan_frozen_epochs").set_value(1).run()
    for name, setting in SETTINGS.items():
        widget = widget_of(app, name)
        assert widget.label == setting.title, name
        assert setting.help in widget.help, name
        if hasattr(widget, "min"):
            assert (widget.min, widget.max) == (setting.lowest, setting.highest), name
            assert setting.step in (None, widget.step), name
        elif setting.choices:
            assert widget.options == [setting.words.get(choice, choice) for choice in setting.choices], name
        else:
            assert isinstance(setting.default, bool | tuple | str), name
    for name in ("epochs", "dropout", "peak_learning_rate", "validation_share"):
        assert hasattr(widget_of(app, name), "min")


def test_what_is_typed_out_of_its_range_is_a_sentence():
    app = planned()
    app.text_input(key="plan_dense_units").set_value("64, 0").run()
    assert "The setting dense_units (Dense layers) is '64, 0'" in text(app)


def test_a_plan_may_leave_out_the_input_gate(started: list):
    app = planned()
    app.toggle(key="plan_fit_input_gate").set_value(False).run()
    assert "fit_input_gate False (default: True)" in text(app)
    click(app, "Start training")
    assert not read_plan(list_runs()[0]).recipe.fit_input_gate


def test_every_stage_has_words():
    assert set(training_view.IN_WORDS) == set(get_args(Stage))


def test_augmented_films_are_drawn_anew_when_strength_or_kinds_change():
    app = opened(PLAN)
    app.number_input(key="plan_size").set_value(32).run()
    pictures = [app.image[0].value[0]]
    app.slider(key="plan_augmentation_strength").set_value(2.0).run()
    pictures.append(app.image[0].value[0])
    app.multiselect(key="plan_augmentations").set_value(["noise"]).run()
    pictures.append(app.image[0].value[0])
    assert len(set(pictures)) == 3
    app.slider(key="plan_augmentation_strength").set_value(0.0).run()
    assert not app.exception


def test_without_a_connection_and_a_file_the_page_says_so_before_training(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cached, "imagenet_problem", lambda architecture: f"{architecture} cannot be had.")
    app = opened(PLAN)
    assert app.error[0].value == r"EfficientNetV2B0 cannot be had\."
    assert app.button(key="start_training").disabled
    app.selectbox(key="plan_start_EfficientNetV2B0").set_value("file").run()
    assert app.error[0].value.startswith("There is no weights file")
    assert app.button(key="start_training").disabled
    app.selectbox(key="plan_start_EfficientNetV2B0").set_value("model").run()
    assert app.error[0].value.startswith("There is no model with the backbone EfficientNetV2B0")
    app.selectbox(key="plan_start_EfficientNetV2B0").set_value("scratch").run()
    assert not app.error
    assert not app.button(key="start_training").disabled
    assert app.toggle(key="plan_frozen_normalization_True").value is False


def test_a_run_starts_from_a_file_of_the_server_an_upload_or_a_model(
    data: Path, started: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "named.weights.h5").write_bytes(b"weights")
    (data.parent / "own.weights.h5").write_bytes(b"weights")
    monkeypatch.setenv(BACKBONE_WEIGHTS_VARIABLE, str(tmp_path / "named.weights.h5"))
    app = opened(PLAN)
    chosen = app.selectbox(key="plan_Weights file_EfficientNetV2B0")
    assert chosen.options == ["named.weights.h5", "own.weights.h5"]
    unchecked = plan_view.check_start
    monkeypatch.setattr(plan_view, "check_start", starts.check_start)
    click(app, "Start training")
    assert r"named\.weights\.h5 is damaged" in app.error[0].value
    assert (started, list_runs()) == ([], [])
    monkeypatch.setattr(plan_view, "check_start", unchecked)
    click(app, "Start training")
    assert read_plan(list_runs()[0]).start == str(tmp_path / "named.weights.h5")

    app = opened(PLAN)
    app.selectbox(key="plan_start_EfficientNetV2B0").set_value("upload").run()
    assert app.button(key="start_training").disabled
    app.file_uploader(key="plan_weights").upload("mine.weights.h5", b"uploaded", "application/x-hdf5").run()
    click(app, "Start training")
    start = Path(read_plan(trainings_folder() / app.query_params["run"]).start)
    assert start.read_bytes() == b"uploaded"
    assert start.parent == trainings_folder() / app.query_params["run"]

    app = planned()
    app.selectbox(key="plan_start_SmallCNN").set_value("model").run()
    click(app, "Start training")
    assert Path(read_plan(trainings_folder() / app.query_params["run"]).start).name == "tiny"


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("plan_frozen_epochs", 9, "9 epochs with a frozen backbone are more than the 2 of the whole run"),
        ("plan_dense_units", "many", "The setting dense_units (Dense layers) is 'many'. Expected: whole numbers"),
        ("plan_name_0", "../x", "cannot be the name of a model's folder"),
        ("plan_name_0", "tiny", "is not empty, and a model is never overwritten"),
    ],
)
def test_a_setting_that_makes_no_sense_is_a_sentence(key: str, value: object, sentence: str):
    app = planned()
    widgets = app.number_input if key == "plan_frozen_epochs" else app.text_input
    widgets(key=key).set_value(value).run()
    assert not app.exception
    assert sentence in text(app)
    assert not any(button.label == "Start training" for button in app.button)


def test_ages_that_make_no_sense_are_a_sentence(started: list):
    app = planned()
    app.number_input(key="plan_youngest").set_value(9.0).run()
    click(app, "Start training")
    assert "A model card cannot say that" in text(app)
    assert not list_runs()


def test_settings_that_go_with_others_are_asked_for_with_them(started: list):
    app = planned()
    app.number_input(key="plan_frozen_epochs").set_value(1).run()
    app.number_input(key="plan_head_learning_rate").set_value(0.01).run()
    app.text_input(key="plan_dense_units").set_value("16, 8").run()
    app.selectbox(key="plan_activation").set_value("gelu").run()
    app.selectbox(key="plan_optimizer").set_value("SGD").run()
    app.selectbox(key="plan_fine_tune_from_SmallCNN_").set_value("block3").run()
    click(app, "Start training")
    recipe = read_plan(list_runs()[0]).recipe
    assert (recipe.head_learning_rate, recipe.dense_units, recipe.activation) == (0.01, (16, 8), "gelu")
    assert (recipe.optimizer, recipe.fine_tune_from, recipe.frozen_normalization) == ("SGD", "block3", False)


def test_data_that_cannot_be_split_are_refused_before_the_run(data: Path):
    shutil.rmtree(data / "train" / "PNEUMONIA")
    assert "0 patients found in PNEUMONIA" in text(opened(PLAN))


def test_a_split_that_is_uploaded_is_checked_before_the_run(data: Path, started: list):
    app = planned()
    app.segmented_control(key="training_split_way_False").set_value("table").run()
    app.file_uploader(key="training_split_table").upload("split.csv", b"file,label\n", "text/csv").run()
    assert "The split has no columns file, label, patient and split" in text(app)
    rows = [
        f"train/{label}/{path.name},{label},{path.stem},{'val' if place < 2 else 'train'}"
        for label in ("NORMAL", "PNEUMONIA")
        for place, path in enumerate(sorted((data / "train" / label).iterdir()))
    ]
    table = "\n".join(["file,label,patient,split", *rows]).encode()
    app.file_uploader(key="training_split_table").upload("split.csv", table, "text/csv").run()
    assert "There are no test X-rays" in text(app)
    assert "The model will have no input gate" in text(app)
    toggle = next(toggle for toggle in app.toggle if toggle.label == "Fit an input gate")
    toggle.set_value(False).run()
    assert "The model will have no input gate" not in text(app)
    click(app, "Start training")
    assert (list_runs()[0] / MANIFEST_FILE).read_bytes() == table


def test_a_second_training_waits_and_leaves_no_folder(data: Path):
    app = planned()
    with alone(trainings_folder() / "first"):
        click(app, "Start training")
    assert "The training run first is at work, and one at a time has the machine" in text(app)
    assert not list_runs()


def test_a_run_at_work_is_watched_and_stopped(data: Path):
    folder = run_of(data)
    logged(folder, 1)
    figures = {"loss": 0.41, "auc": 0.87}
    state = State("training", 2, 2, 3, 8, 12.5, 130.0, 1e-3, figures, 3 << 30, left_out=("a.png: broken.",))
    write_state(folder, state)
    with alone(folder):
        app = opened()
        assert app.segmented_control(key="training_step").value == RUNS
        app.selectbox(key="training_run_None_1").set_value("new").run()
        assert app.query_params["run"] == "new"
        said = text(app)
        assert app.progress[0].text == ("**Training**: epoch 2 of 2, step 3 of 8, about 2 min of steps left")
        assert "12.5 X-rays/s · learning rate 1.00e-03 · memory 3.0 GiB" in said
        assert "Loss 0.410, Area under the ROC curve 0.870" in said
        assert "a.png: broken." in said
        assert len(app.get("plotly_chart")) == 6
        click(app, "Stop training")
        assert (folder / STOP_FILE).exists()
        assert "Stopping after the current step" in text(app)
        assert not any(button.label == "Delete it for good" for button in app.button)
        write_state(folder, State("reading the films", 0, 2, 3, 12))
        assert opened(run="new").progress[0].text == "**Reading the X-rays**: 3 of 12"
        write_state(folder, State("fitting the input gate", 2, 2, 64, 420))
        words = opened(run="new").progress[0].text
        assert words.startswith("**Fitting the input gate, which refuses what is no chest X-ray")
        assert words.endswith("**: 64 of 420 pictures")


def test_a_damaged_line_of_the_log_is_told_and_left_out(data: Path, started: list):
    folder = run_of(data)
    logged(folder, 3)
    lines = (folder / LOG_FILE).read_text().splitlines(keepends=True)
    (folder / LOG_FILE).write_text("".join([lines[0], "no JSON\n", lines[2]]))
    write_state(folder, State("stopped", epoch=3, epochs=3))
    app = opened(run=folder.name)
    assert not app.exception
    assert any("1 line of the training log is damaged" in box.value for box in app.warning)


def test_an_interrupted_run_says_what_it_printed_and_goes_on_or_is_finished(data: Path, started: list):
    folder = run_of(data)
    (folder / OUTPUT_FILE).write_text("early\n" + 20 * "line\n" + "Killed\n")
    app = opened(run="new")
    assert "This run was interrupted" in text(app)
    assert "No epoch is complete yet" in text(app)
    assert app.code[0].value.endswith("Killed")
    assert not any(button.label.startswith("Make a model") for button in app.button)
    logged(folder, 1)
    (folder / NETWORK_FILE).touch()
    app = opened(run="new")
    assert "Complete epochs: 1 of 2. The best is epoch 1." in text(app)
    click(app, "Continue")
    click(opened(run="new"), "Make a model of the best epoch so far")
    assert started == [("new", False), ("new", True)]


def test_a_failed_and_a_stopped_run_say_why(data: Path):
    folder = run_of(data)
    write_state(folder, State("failed", problem="The disk is full."))
    assert "The disk is full. No epoch is complete yet." in text(opened(run="new"))
    write_state(folder, State("stopped"))
    assert "This run was stopped by a person" in text(opened(run="new"))


def test_a_run_that_is_done_shows_its_models_figures(data: Path):
    run_training(run_of(data))
    app = opened(run="new")
    assert not app.exception
    assert "Done: the model new is made" in text(app)
    table = app.table[0].value
    assert list(table["n (with pneumonia)"]) == 3 * ["12 (6)"] + 3 * ["2 (1)"]
    assert len(app.get("plotly_chart")) == 6
    pictures = next(element.value for element in app.html if "watched" in element.value[:40])
    assert pictures.count("<img") == 2 * 2
    assert "Test X-rays chose nothing and were read once" in text(app)
    assert "This model has no learned input gate" in text(app)
    assert "There were 10 training films and 2 validation films" in text(app)
    shutil.rmtree(data.parent.parent / "models" / "new")
    assert "the model that it made no longer exists" in text(opened(run="new"))


def test_a_stopped_run_goes_on_from_the_page_to_its_end(data: Path, monkeypatch: pytest.MonkeyPatch):
    folder = run_of(data)
    ask_to_stop(folder)
    assert run_training(folder) is None
    (folder / STOP_FILE).unlink()
    monkeypatch.setattr(training_view, "start_run", lambda folder: run_training(folder))
    app = click(opened(run="new"), "Continue")
    assert "Done: the model new is made" in text(app)


def test_a_run_is_deleted_and_its_address_is_a_sentence(data: Path):
    folder = run_of(data)
    app = click(opened(run="new"), "Delete it for good")
    assert not folder.exists()
    assert "There is no training run on this server yet" in text(app)
    assert "There is no training run of this name" in text(opened(run="new"))
    assert "There is no training run of this name" in text(opened(run="../../etc"))


def test_a_refusal_of_the_core_is_shown_where_a_run_is_started(data: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(folder: Path) -> None:
        raise DataError("Not now.")

    monkeypatch.setattr(plan_view, "start_run", refuse)
    assert "Not now." in text(click(planned(), "Start training"))


def test_folders_with_tables_are_audited_and_planned_as_one_set(data: Path):
    for source, labels in (("adults", ("opacity", "abnormal_no_opacity", "normal")), ("bodies", ("normal",))):
        rows = ["path,label,view,patient"]
        (data.parent / source).mkdir()
        for place, label in enumerate(labels):
            for n in range(3):
                name = f"{label}{n}.png"
                (data.parent / source / name).write_bytes(png(drawn_film(label == "opacity", 50 * place + n)))
                rows.append(f"{name},{label},{'AP' if label == 'opacity' else 'PA'},{10 * place + n}")
        (data.parent / source / "labels.csv").write_text("\n".join(rows) + "\n")
    app = opened()
    app.selectbox(key="training_data").set_value("open/adults").run()
    app.multiselect(key="training_more_open/adults").set_value(["open/bodies"]).run()
    audited(app)
    assert not app.exception
    assert "12 X-rays, of which 0 cannot be used" in text(app)
    assert "finding 100 % (3 of 3), other 0 % (0 of 3), normal 0 % (0 of 6)" in text(app)
    assert {"Finding: 3 X-rays drawn at random", "Other: 3 X-rays drawn at random"} <= {h.value for h in app.header}
    click(app, "Make this split")
    app = app.segmented_control(key="training_step").set_value(PLAN).run()
    assert not app.exception
    assert not app.error
    assert any("Patients" in table.value.columns for table in app.table)
