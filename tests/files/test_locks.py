"""Locks between processes, and processes that hold one from their first moment on."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pneumo_core.errors import BusyError
from pneumo_core.files.locks import HELD_VARIABLE, held, held_by, start_holding


def test_a_lock_is_held_once_and_tells_by_whom(tmp_path: Path):
    lock = tmp_path / "folder" / "lock"
    assert held_by(lock) is None
    with held(lock, "first"):
        assert held_by(lock) == "first"
        with pytest.raises(BusyError), held(lock, "second"):
            pass
        assert held_by(lock) == "first"
    assert held_by(lock) is None
    with held(lock, "second"):
        assert held_by(lock) == "second"


def test_a_killed_process_lets_go(tmp_path: Path):
    lock = tmp_path / "lock"
    script = (
        "import sys, time; from pathlib import Path; from pneumo_core.files.locks import held\n"
        "with held(Path(sys.argv[1]), 'it'): time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(lock)])
    wait_for(lambda: held_by(lock) == "it")
    process.kill()
    process.wait()
    assert held_by(lock) is None


def test_a_started_process_holds_the_lock_at_once_and_until_it_ends(tmp_path: Path):
    lock, output = tmp_path / "lock", tmp_path / "output.txt"
    start_holding(lock, "task", ["--help"], output)
    assert held_by(lock) == "task"
    with pytest.raises(BusyError):
        start_holding(lock, "another", ["--help"], output)
    wait_for(lambda: held_by(lock) is None)
    assert "Usage:" in output.read_text()


def test_a_process_that_was_handed_a_lock_does_not_wait_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lock = tmp_path / "lock"
    monkeypatch.setenv(HELD_VARIABLE, str(lock))
    with held(lock, "mine"):
        assert held_by(lock) is None
    assert HELD_VARIABLE in os.environ


def wait_for(condition) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
