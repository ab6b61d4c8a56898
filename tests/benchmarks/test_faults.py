"""What `benchmarks/faults` has found, each as a fast test: left-overs of the killed, full disks, clocks set back."""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pneumo_core.cli import serve
from pneumo_core.cli.group import commands
from pneumo_core.errors import DataError, ModelError
from pneumo_core.files.whole import write_whole, written_whole
from pneumo_core.models.training_log import read_log
from pneumo_core.serve import jobs
from pneumo_core.train import run as training_run
from pneumo_core.train.plan import Plan, Recipe
from pneumo_core.train.run import State, alone, delete_run, list_runs, partial_folder, plan_run, start_run, write_state
from pneumo_core.wording import disk_in_words

LEFT = f".card.{'0' * 32}.json"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PNEUMO_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("PNEUMO_MODEL_DIR", str(tmp_path / "none"))
    return tmp_path / "runs" / "training"


def planned(name: str, folder: Path) -> Path:
    for film in ("NORMAL/IM-0001-0001.png", "PNEUMONIA/person1_virus_1.png"):
        (folder / "data" / film).parent.mkdir(parents=True, exist_ok=True)
        (folder / "data" / film).touch()
    return plan_run(Plan(folder / "data", folder / "models" / name, Recipe(), start="random"))


def full(*arguments: object, **named: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_a_killed_writer_left_is_cleared_away_by_the_next(tmp_path: Path):
    others = [tmp_path / name for name in (f".other.{'0' * 32}.json", ".card.json", "card.json.old")]
    for path in (tmp_path / LEFT, *others):
        path.write_text("half")
    write_whole(tmp_path / "card.json", b"whole")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "card.json", *others])
    assert (tmp_path / "card.json").read_bytes() == b"whole"


def test_a_file_that_is_cleared_away_before_it_is_locked_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lock, locked = fcntl.flock, []

    def late(file: object, how: int) -> None:
        if not locked:
            # Another writer takes it for one that was left.
            next(tmp_path.glob(".card.*")).unlink()
        locked.append(file)
        lock(file, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", late)
    write_whole(tmp_path / "card.json", b"whole")
    assert (tmp_path / "card.json").read_bytes() == b"whole"


def test_what_another_writer_is_at_is_left_alone(tmp_path: Path):
    with written_whole(tmp_path / "card.json") as first:
        first.write_bytes(b"first")
        write_whole(tmp_path / "card.json", b"second")
        assert first.read_bytes() == b"first"
    assert (tmp_path / "card.json").read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [tmp_path / "card.json"]


def test_a_file_system_without_locks_clears_nothing_away_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def none(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    (tmp_path / LEFT).write_text("half")
    write_whole(tmp_path / "card.json", b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {LEFT, "card.json"}


def test_a_files_name_is_on_the_disk_before_it_counts_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced, sync = [], os.fsync

    def noted(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
            synced.append([path.name for path in tmp_path.iterdir()])
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    write_whole(tmp_path / "card.json", b"whole")
    assert synced == [["card.json"]]


def test_a_file_system_that_syncs_no_folders_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    sync = os.fsync

    def of_files_alone(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", of_files_alone)
    write_whole(tmp_path / "card.json", b"whole")
    assert (tmp_path / "card.json").read_bytes() == b"whole"


def test_a_full_disk_is_a_sentence_where_a_run_is_planned_and_started(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(training_run, "write_plan", full)
        with pytest.raises(DataError, match=r"^The disk is full\. .* Please make room, and try again\.$"):
            planned("one", tmp_path)
    # Its name is not taken by that.
    folder = planned("one", tmp_path)
    monkeypatch.setattr(training_run, "start_holding", full)
    with pytest.raises(DataError, match="The disk is full"):
        start_run(folder)


def test_a_run_that_was_started_is_no_refusal_where_its_state_cannot_be_written(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    started: list[str] = []
    monkeypatch.setattr(training_run, "start_holding", lambda lock, name, words, output: started.append(name))
    monkeypatch.setattr(training_run, "write_state", full)
    start_run(planned("one", tmp_path))
    assert started == ["one"]


def test_a_full_disk_is_a_sentence_of_a_job_and_of_the_command_line(monkeypatch: pytest.MonkeyPatch):
    class Writing(jobs.Work):
        def work(self) -> None:
            full()

    job = Writing("write")
    job.wait()
    assert job.problem == disk_in_words(OSError(errno.ENOSPC, ""))
    monkeypatch.setattr(serve, "verify_audit_log", full)
    result = CliRunner().invoke(commands, ["audit-log", "verify", "log"])
    assert (result.exit_code, result.output.strip()) == (1, job.problem)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(OSError) as caught:
        (tmp_path / "gone").read_bytes()
    assert disk_in_words(caught.value).startswith(
        f"A file or folder {tmp_path / 'gone'} cannot be read or written (No such file or directory). Please"
    )


def test_a_deleted_run_leaves_no_half_model_behind(runs: Path, tmp_path: Path):
    folder = planned("run", tmp_path)
    half = partial_folder(tmp_path / "models" / "run")
    half.mkdir(parents=True)
    (half / "classifier.keras").write_bytes(b"half")
    delete_run(folder)
    assert not folder.exists()
    assert not half.exists()


def test_the_newest_run_comes_first_after_the_clock_was_set_back(runs: Path, tmp_path: Path):
    first = planned("first", tmp_path)
    ahead = time.time() + 86400
    os.utime(first / "plan.json", (ahead, ahead))
    second, third = (planned(name, tmp_path) for name in ("second", "third"))
    assert list_runs() == [third, second, first]


def test_a_clock_that_is_set_back_makes_no_wait_longer(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder, started = planned("run", tmp_path), time.monotonic()
    clock = iter([1e9, *(0.0 for _ in range(10_000))])
    monkeypatch.setattr(time, "time", lambda: next(clock))
    with alone(folder):
        write_state(folder, State("done"))
        training_run._wait_for_its_end(folder, 0.3)
    assert 0.3 <= time.monotonic() - started < 10


def test_a_disk_that_is_full_at_the_log_of_epochs_leaves_it_whole(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    from pneumo_core.train import fit as fitting
    from pneumo_core.train.make import run_training

    recipe = Recipe(architecture="SmallCNN", size=32, epochs=2, batch_size=8, frozen_normalization=False)
    folder = plan_run(Plan(make_data(tmp_path / "data", 4), tmp_path / "model", recipe, start="random"))
    lines = iter([write_whole, full])
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "write_whole", lambda path, content: next(lines)(path, content))
        with pytest.raises(ModelError, match="The disk is full"):
            run_training(folder)
    assert [entry["epoch"] for entry in read_log(folder)] == [1]
    assert (folder / "training_log.jsonl").read_bytes().endswith(b"\n")
    assert run_training(folder) is not None
    assert [entry["epoch"] for entry in read_log(tmp_path / "model")] == [1, 2]
