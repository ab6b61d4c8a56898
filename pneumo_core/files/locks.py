"""Locks that the system lets go of when their holder ends, however it ends."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pneumo_core.errors import BusyError
from pneumo_core.files.places import ROOT

HELD_VARIABLE = "PNEUMO_HELD_LOCK"
# Whoever looks who holds a lock has it for a moment.
LOOKS = 5


@contextmanager
def held(lock: Path, name: str = "") -> Iterator[None]:
    """Hold a lock, its folder made where it is missing; whoever finds it held can read `name`.

    Raises:
        BusyError: another process holds it.
    """
    if os.environ.get(HELD_VARIABLE) == str(lock):
        # Whoever started this process has taken it, and handed it on.
        yield
        return
    with _taken(lock, name):
        yield


def held_by(lock: Path) -> str | None:
    """Give the name under which a lock is held; None where nobody holds it."""
    try:
        with lock.open("r", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return file.read()
    except FileNotFoundError:
        pass
    return None


def start_holding(lock: Path, name: str, words: Sequence[str], output: Path) -> None:
    """Start the command line with some words as a process of its own that holds a lock from its first moment on.

    It outlives whoever starts it. What it prints goes to `output`.

    Raises:
        BusyError: another process holds the lock.
    """
    with _taken(lock, name) as number, output.open("ab") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "pneumo_core", *words],
            cwd=ROOT,
            env=os.environ | {HELD_VARIABLE: str(lock)},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            pass_fds=[number],
            start_new_session=True,
        )
    # Else it would stay in the system's list after its end, for as long as this process lives.
    threading.Thread(target=process.wait, name="reap", daemon=True).start()


@contextmanager
def _taken(lock: Path, name: str) -> Iterator[int]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+", encoding="utf-8") as file:
        for attempt in range(LOOKS):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if attempt == LOOKS - 1:
                    raise BusyError(f"{lock} is held by another process.") from error
                time.sleep(0.02)
        file.truncate(0)
        file.write(name)
        file.flush()
        yield file.fileno()
