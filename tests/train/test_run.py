"""A training run in its folder: planned, started as a process of its own, watched, stopped, found again."""

import dataclasses
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from pneumo_core.data.cases import find_cases
from pneumo_core.data.manifest import make_manifest, manifest_csv
from pneumo_core.errors import BusyError, DataError, ModelError
from pneumo_core.files.locks import held
from pneumo_core.files.places import trainings_folder
from pneumo_core.models.card import LOG_FILE, read_card
from pneumo_core.models.training_log import check_log, damaged_log_lines, read_log
from pneumo_core.train.make import run_training
from pneumo_core.train.plan import Plan, Recipe, read_plan
from pneumo_core.train.run import (
    MANIFEST_FILE,
    OUTPUT_FILE,
    STOP_FILE,
    WEIGHTS_FILE,
    State,
    alone,
    ask_to_stop,
    delete_run,
    find_run,
    free_name,
    last_words,
    list_runs,
    new_model_folder,
    plan_run,
    planned_split,
    read_state,
    run_at_work,
    start_run,
    write_state,
)

LONG = Recipe(architecture="SmallCNN", size=32, epochs=500, batch_size=8, frozen_normalization=False)


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_data: Callable[..., Path]) -> Plan:
    monkeypatch.setenv("PNEUMO_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("PNEUMO_MODEL_DIR", str(tmp_path / "models"))
    return Plan(make_data(tmp_path / "data", 8), tmp_path / "models" / "new", LONG, start="random")


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def test_a_folder_that_holds_no_films_takes_no_name(plan: Plan):
    with pytest.raises(DataError, match="is not a folder"):
        plan_run(dataclasses.replace(plan, data=plan.data / "mistyped"))
    assert list_runs() == []


def test_a_run_is_named_as_its_model_and_only_once(plan: Plan):
    folder = plan_run(plan)
    assert folder == trainings_folder() / "new"
    assert list_runs() == [folder]
    with pytest.raises(DataError, match="a training run of the name new already"):
        plan_run(plan)


def test_a_name_that_is_none_is_refused(plan: Plan, tmp_path: Path):
    with pytest.raises(ModelError, match="cannot be the name of a model's folder"):
        plan_run(Plan(plan.data, tmp_path / "models" / "a b", LONG))


def test_a_state_without_a_process_is_an_interrupted_run(plan: Plan):
    folder = plan_run(plan)
    write_state(folder, State("training", epoch=3, epochs=9))
    assert (read_state(folder).stage, read_state(folder).epoch) == ("interrupted", 3)
    with alone(folder):
        assert read_state(folder).stage == "training"
    write_state(folder, State("done"))
    assert read_state(folder).stage == "done"


def test_one_run_at_a_time(plan: Plan):
    folder = plan_run(plan)
    with held(trainings_folder() / "training.lock", "another"):
        assert run_at_work() == "another"
        with pytest.raises(BusyError, match="another is at work, and one at a time has the machine"):
            start_run(folder)


def test_a_run_in_a_process_of_its_own_is_stopped_finished_and_done(plan: Plan):
    folder = plan_run(plan)
    start_run(folder)
    assert run_at_work() == "new"
    wait_for(lambda: len(read_log(folder)) >= 2)
    state = read_state(folder)
    assert state.stage == "training"
    assert state.epochs == 500
    assert state.memory_bytes > 1e8
    ask_to_stop(folder)
    wait_for(lambda: run_at_work() is None)
    assert read_state(folder).stage == "stopped"
    assert not plan.out.exists()

    start_run(folder, finish=True)
    assert not (folder / STOP_FILE).exists()
    wait_for(lambda: run_at_work() is None)
    assert read_state(folder).stage == "done", (folder / "output.txt").read_text()
    assert read_card(plan.out).name == "new"


def test_a_run_that_fails_says_why(plan: Plan, tmp_path: Path):
    folder = plan_run(plan)
    plan.data.rename(tmp_path / "gone")
    with pytest.raises(DataError):
        run_training(folder)
    assert run_at_work() is None
    state = read_state(folder)
    assert state.stage == "failed"
    assert "is not a folder" in str(state.problem)


def test_what_was_uploaded_lies_beside_the_plan_which_names_it(plan: Plan):
    folder = plan_run(plan, b"weights", b"split")
    kept = read_plan(folder)
    assert (kept.start, kept.manifest) == (str(folder / WEIGHTS_FILE), folder / MANIFEST_FILE)
    assert ((folder / WEIGHTS_FILE).read_bytes(), (folder / MANIFEST_FILE).read_bytes()) == (b"weights", b"split")


@pytest.mark.parametrize(
    "wrong",
    [
        {"population": ""},
        {"population": "x" * 2001},
        {"population": "![x](y)"},
        {"population_years": (5.0, 1.0)},
        {"population_years": (0.0, 151.0)},
    ],
)
def test_a_plan_that_does_not_say_whose_films_these_are_is_refused(plan: Plan, wrong: dict):
    with pytest.raises(DataError, match="A model card cannot say that"):
        plan_run(dataclasses.replace(plan, **wrong))
    assert list_runs() == []


def test_a_run_is_deleted_with_all_it_has_but_never_at_work(plan: Plan):
    folder = plan_run(plan, manifest=b"split")
    with alone(folder), pytest.raises(BusyError, match="new is at work"):
        delete_run(folder)
    other = plan_run(dataclasses.replace(plan, out=plan.out.with_name("other")))
    with alone(other):
        delete_run(folder)
    assert not folder.exists()
    assert list_runs() == [other]


def test_a_run_is_found_by_its_name_alone(plan: Plan):
    folder = plan_run(plan)
    assert find_run("new") == folder
    for name in ("", "old", "../training/new", str(folder)):
        with pytest.raises(DataError, match="no training run of this name"):
            find_run(name)


def test_a_new_model_has_a_free_name_and_stands_beside_a_model_that_is_named(
    plan: Plan, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
):
    assert new_model_folder("new") == plan.out
    for name in ("../new", "a/b", ".", ""):
        with pytest.raises(ModelError, match="cannot be the name"):
            new_model_folder(name)
    assert free_name() == "my-model-1"
    plan_run(dataclasses.replace(plan, out=new_model_folder("my-model-1")))
    new_model_folder("my-model-2").mkdir(parents=True)
    assert free_name() == "my-model-3"
    monkeypatch.setenv("PNEUMO_MODEL_DIR", str(tiny_model))
    assert new_model_folder("new") == tiny_model.parent / "new"


def test_the_last_words_of_a_process_are_few(plan: Plan):
    folder = plan_run(plan)
    assert last_words(folder) == ""
    (folder / OUTPUT_FILE).write_text("".join(f"line {n}\n" for n in range(5000)))
    assert last_words(folder, 2) == "line 4998\nline 4999"


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b"3",
        b"[" * 100_000,
        b'{"epoch": "2", "learning_rate": 0.1}',
        b'{"epoch": 2}',
        b'{"epoch": 2, "learning_rate": 0.1, "training": {"loss": "x"}}',
        b'{"epoch": 2, "learning_rate": 0.1, "training": []}',
        b'{"epoch": 2, "learning_rate": 0.1, "best": "validation"}',
    ],
)
def test_a_damaged_line_of_a_log_is_left_out_and_counted(tmp_path: Path, damaged: bytes):
    first, last = (b'{"epoch": %d, "learning_rate": 0.1, "training": {"loss": 0.5}}\n' % epoch for epoch in (1, 3))
    (tmp_path / LOG_FILE).write_bytes(first + damaged + b"\n" + last + b'{"epoch": 4')
    assert [entry["epoch"] for entry in read_log(tmp_path)] == [1, 3]
    assert damaged_log_lines(tmp_path) == 1


def test_a_process_that_has_said_its_last_word_is_waited_for(plan: Plan):
    folder = plan_run(plan)
    write_state(folder, State("stopped"))
    with ExitStack() as held_by_it:
        held_by_it.enter_context(alone(folder))
        ending = threading.Timer(0.5, held_by_it.close)
        ending.start()
        delete_run(folder)
        ending.join()
    assert not folder.exists()


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b"[]",
        b"[" * 100_000,
        b'{"epoch": 1}',
        b'{"epoch": "1", "learning_rate": 0.1}',
        b'{"epoch": 1, "learning_rate": 0.1, "training": {"loss": "x"}}',
        b'{"epoch": 1, "learning_rate": 0.1, "training": []}',
        b'{"epoch": 1, "learning_rate": 0.1, "best": "validation"}',
        b"\xff",
    ],
)
def test_a_line_of_a_log_that_no_curve_can_be_drawn_of_is_left_out_and_refused_in_an_import(
    tmp_path: Path, line: bytes
):
    (tmp_path / LOG_FILE).write_bytes(b'{"epoch": 1, "learning_rate": 0.1}\n' + line + b"\n")
    assert ([entry["epoch"] for entry in read_log(tmp_path)], damaged_log_lines(tmp_path)) == ([1], 1)
    with pytest.raises(ModelError) as refusal:
        check_log(tmp_path)
    assert refusal.value.code == "model"


def test_a_run_uses_no_xray_twice_and_says_so_and_that_no_name_tells_a_patient(
    tmp_path: Path, make_data: Callable[..., Path]
):
    data = make_data(tmp_path / "data", 6)
    normal = data / "train" / "NORMAL"
    (normal / "IM-0000-0001 - Copy.png").write_bytes((normal / "IM-0000-0001.png").read_bytes())
    shown = data / "test" / "PNEUMONIA" / "person1000_bacteria_1000.png"
    (data / "train" / "PNEUMONIA" / "person77_virus_1.png").write_bytes(shown.read_bytes())
    plan = Plan(data, tmp_path / "model", Recipe(validation_share=0.3))
    table = manifest_csv(make_manifest(find_cases(data), validation_share=0.5))
    for split in (planned_split(plan), planned_split(plan, table)):
        assert sum(len(part) for part in split[:3]) == 24
        assert shown in {case.views[0] for case in split.tests}
        assert split.notes == ("2 copies of X-rays that are there already were left out.",)
    for number, path in enumerate(sorted((data / "train").glob("*/*.png"))):
        path.rename(path.with_name(f"{number}.png"))
    assert any(note.startswith("The names tell the patients of 12 of 24") for note in planned_split(plan).notes)


def test_the_split_of_a_plan_is_that_of_its_run_and_can_come_from_memory(
    tmp_path: Path, make_data: Callable[..., Path]
):
    data = make_data(tmp_path / "data", 6)
    plan = Plan(data, tmp_path / "model", Recipe(validation_share=0.3))
    *parts, notes = planned_split(plan)
    assert [len(part) for part in parts] == [8, 4, 12]
    assert notes == ()
    table = manifest_csv(make_manifest(find_cases(data), validation_share=0.5))
    assert [len(part) for part in planned_split(plan, table)[:3]] == [6, 6, 12]
    (tmp_path / "split.csv").write_bytes(table)
    kept = dataclasses.replace(plan, manifest=tmp_path / "split.csv")
    assert planned_split(kept) == planned_split(plan, table)
    with pytest.raises(DataError, match="have the same name"):
        planned_split(dataclasses.replace(plan, copies=(data,)))
