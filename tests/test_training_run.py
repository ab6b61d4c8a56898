"""A training run in its folder: planned, started as a process of its own, watched, stopped, found again."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pneumo_core.errors import BusyError, DataError, ModelError
from pneumo_core.locks import held
from pneumo_core.model_card import read_card
from pneumo_core.plan import Plan, Recipe
from pneumo_core.training_run import (
    STOP_FILE,
    State,
    alone,
    ask_to_stop,
    list_runs,
    plan_run,
    read_log,
    read_state,
    run_at_work,
    start_run,
    trainings_folder,
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
    start_run(folder)
    wait_for(lambda: run_at_work() is None)
    state = read_state(folder)
    assert state.stage == "failed"
    assert "is not a folder" in str(state.problem)
