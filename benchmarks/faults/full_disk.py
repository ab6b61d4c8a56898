"""A disk that is full from one write on: the first, the second, ... until what is done needs none further."""

import builtins
import errno
import io
import itertools
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.faults.setting import IN_USE, OTHER, Case, Setting, answer, command, damage, is_sentence, tried
from pneumo_core.errors import PneumoError
from pneumo_core.evaluate import read_scores
from pneumo_core.models import read_log
from pneumo_core.serve import AUDIT_LOG_VARIABLE, AuditEvent, Job, record_event, verify_audit_log
from pneumo_core.train import Plan, Recipe, list_runs, plan_run, run_at_work, start_run

RECIPE = Recipe(architecture="SmallCNN", size=32, epochs=1, batch_size=32, frozen_normalization=False)
FILMS = 40


class _Disk:
    """Counts what asks a disk for room below a folder, and refuses all from the n-th on, or from a place on.

    Attributes:
        refused: what was refused first; "" as long as nothing was.
        places: what has asked for room, each once: what for, and the file's name without what is random in it.
    """

    def __init__(self, root: Path, refuses_at: int = 0, refuses_place: str = "") -> None:
        self.root, self.refuses_at, self.refuses_place = root, refuses_at, refuses_place
        self.count, self.refused = 0, ""
        self.places: dict[str, None] = {}

    def ask(self, what: str, path: Any) -> None:
        name = Path(f"/proc/self/fd/{path}").readlink() if isinstance(path, int) else Path(path)
        if not name.is_relative_to(self.root):
            return
        place = f"{what} {re.sub('[0-9a-f]{32}|[0-9]+', '', name.name)}"
        self.count += 1
        self.places[place] = None
        if self.refused or self.count == self.refuses_at or place == self.refuses_place:
            self.refused = self.refused or place
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(name))


@contextmanager
def full(disk: _Disk) -> Iterator[None]:
    """Let this process ask a disk for room wherever it opens, makes, writes or syncs what lies on it."""
    opened, os_open, mkdir, fsync = io.open, os.open, os.mkdir, os.fsync

    class Raw(io.FileIO):
        def write(self, content: Any) -> int:
            disk.ask("write", self.fileno())
            return super().write(content)

    def open_(file: Any, mode: str = "r", buffering: int = -1, *more: Any, **named: Any) -> Any:
        if not set(mode) & set("wax+"):
            return opened(file, mode, buffering, *more, **named)
        if not isinstance(file, int):
            disk.ask("open", file)
        binary = mode.replace("b", "").replace("t", "")
        raw = Raw(file, binary, closefd=named.pop("closefd", True), opener=named.pop("opener", None))
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        names = ("encoding", "errors", "newline")
        arguments = dict(zip(names, more, strict=False)) | named
        return buffered if "b" in mode else io.TextIOWrapper(buffered, **arguments)

    def os_open_(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & os.O_CREAT:
            disk.ask("open", path)
        return os_open(path, flags, *more, **named)

    def mkdir_(path: Any, *more: Any, **named: Any) -> None:
        disk.ask("make", path)
        mkdir(path, *more, **named)

    def fsync_(number: int) -> None:
        disk.ask("sync", number)
        fsync(number)

    io.open = builtins.open = open_  # type: ignore[assignment]
    os.open, os.mkdir, os.fsync = os_open_, mkdir_, fsync_  # type: ignore[assignment]
    # Else the system copies a file without a write that could be counted.
    shutil._USE_CP_SENDFILE = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        io.open = builtins.open = opened
        os.open, os.mkdir, os.fsync = os_open, mkdir, fsync


def full_disk_cases(setting: Setting) -> Iterator[Case]:
    """Let each operation meet the full disk at each of its writes, then do it again with room."""
    said = ("--who", "harness", "--note", "full")
    models = setting.models
    data = setting.folder / "few"
    shutil.copytree(setting.data, data)
    for path in sorted(data.rglob("*.png"))[::2]:
        path.unlink()
    export = setting.folder / "full.zip"
    operations: dict[str, Callable[[int], Callable[[], tuple[int, str]]]] = {
        "promote": lambda n: lambda: command("models", "promote", OTHER, "--yes", *said),
        "roll back": lambda n: lambda: command("models", "roll-back", *said),
        "export": lambda n: lambda: command("models", "export", OTHER, "--out", str(export)),
        "import": lambda n: lambda: command("models", "import", str(export), "--name", "taken"),
        "delete": lambda n: lambda: command("models", "delete", "taken", "--yes"),
        "known answers": lambda n: lambda: command("doctor", "--record"),
        "audit log": lambda n: lambda: _logged(setting.folder / "audit.jsonl"),
        "batch": lambda n: (
            lambda: command("evaluate", str(data), "--out", str(setting.folder / f"full-{n}"), "--resume", "--json")
        ),
        "batch on the page": lambda n: lambda: _job(data, setting.folder / f"job-{n}", models),
        "planning of a run": lambda n: lambda: _plan(data, models / f"plan-{n}"),
        "start of a run": lambda n: _starting(data, models / f"start-{n}"),
        "training": lambda n: _training(data, models / f"full-{n}"),
    }
    for name, operation in operations.items():
        yield answer(lambda name=name, operation=operation: _swept(setting, name, operation))
    answer(lambda: command("models", "promote", IN_USE, "--yes", *said))


def _swept(setting: Setting, name: str, operation: Callable[[int], Callable[[], tuple[int, str]]]) -> Case:
    import tensorflow as tf

    # To trace functions takes seconds, and writes nothing.
    tf.config.run_functions_eagerly(True)
    # Keras' temporary files lie on that disk too.
    tempfile.tempdir = str(setting.folder / "temporary")
    Path(tempfile.tempdir).mkdir(exist_ok=True)
    case, refused = Case(f"disk full: {name}"), Counter[str]()
    for at, disk in enumerate(_disks(setting, name, operation), start=1):
        work = operation(at)
        with full(disk):
            status, words = tried(work)
        if disk.refused:
            case.done += 1
            refused[disk.refused.split()[0]] += 1
            where = f"at write {at} ({disk.refused})"
            # A refused write that only informs others does not matter.
            if status and not is_sentence(words):
                case.lost.append(f"{where}: {words.strip()[-200:] or 'no word'}")
            case.lost += [f"{where}: {problem}" for problem in damage(setting, (IN_USE, OTHER), is_loaded=False)]
            _read_runs(setting)
            status, words = tried(work) if status else (0, "")
        if status:
            case.lost.append(f"refused with room at {at}: {words.strip()[-200:]}")
        if not disk.refused and not disk.refuses_place:
            # The next step works on the result of this one.
            break
        _undo(setting, name)
    case.facts = [f"{case.done} writes refused, one after the other: {_in_words(refused)}"]
    return case


def _disks(setting: Setting, name: str, operation: Callable[[int], Callable[[], tuple[int, str]]]) -> Iterator[_Disk]:
    """Give disks that are full at the first write, the second, ...; of a long operation, at each place's first."""
    if name != "training":
        yield from (_Disk(setting.folder, at) for at in itertools.count(1))
    disk, work = _Disk(setting.folder), operation(0)
    with full(disk):
        work()
    _undo(setting, name)
    yield from (_Disk(setting.folder, refuses_place=place) for place in disk.places)


def _undo(setting: Setting, name: str) -> None:
    """Make what has been done undone, so that it can be done again."""
    said = ("--who", "harness", "--note", "undone")
    if name == "promote":
        command("models", "roll-back", *said)
    elif name == "roll back":
        command("models", "promote", OTHER, "--yes", *said)
    elif name == "import":
        command("models", "delete", "taken", "--yes")
    elif name == "delete":
        command("models", "import", str(setting.folder / "full.zip"), "--name", "taken")
    elif name in ("batch", "batch on the page"):
        for path in (*setting.folder.glob("full-*/"), *setting.folder.glob("job-*/")):
            shutil.rmtree(path)
    elif name in ("planning of a run", "start of a run", "training"):
        for folder in (
            *setting.runs.glob("training/*-*"),
            *setting.models.glob("full-*"),
            *setting.models.glob("start-*"),
        ):
            shutil.rmtree(folder)


def _read_runs(setting: Setting) -> None:
    """Read all that runs have written; whatever cannot be read raises."""
    for folder in list_runs():
        read_log(folder)
    for path in setting.folder.glob("*/run.json"):
        read_scores(path.parent)


def _logged(path: Path) -> tuple[int, str]:
    os.environ[AUDIT_LOG_VARIABLE] = str(path)
    try:
        record_event(AuditEvent("read", "not signed in", "f" * 64, "a" * 64, 0.5, "read"))
    except PneumoError as error:
        return 1, str(error)
    finally:
        del os.environ[AUDIT_LOG_VARIABLE]
    verified = verify_audit_log(path)
    return (0, "") if verified.broken is None else (-1, f"line {verified.broken} of the audit log is broken")


def _job(data: Path, folder: Path, models: Path) -> tuple[int, str]:
    from pneumo_core.data import open_source
    from pneumo_core.keras_network import load_classifier

    source = open_source(data)
    job = Job(source, folder, lambda: load_classifier(models))
    job.wait()
    if job.problem is None and len(read_scores(folder)) != len(source.films):
        return -1, "films are missing, and nothing was said"
    return (1, job.problem) if job.problem is not None else (0, "")


def _plan(data: Path, out: Path) -> tuple[int, str]:
    try:
        plan_run(Plan(data, out, RECIPE, start="random"), b"weights", b"file,label,patient,split\n")
    except PneumoError as error:
        return 1, str(error)
    return 0, ""


def _starting(data: Path, out: Path) -> Callable[[], tuple[int, str]]:
    folder = plan_run(Plan(data, out, RECIPE, start="random"))
    begin = subprocess.Popen

    def start() -> tuple[int, str]:
        # The process itself is another operation; what counts here is what is written before and after it is started.
        subprocess.Popen = lambda words, **named: begin(["true"], **named)  # type: ignore[assignment, misc]
        try:
            start_run(folder)
        except PneumoError as error:
            return 1, str(error)
        finally:
            subprocess.Popen = begin  # type: ignore[misc]
        while run_at_work() is not None:
            time.sleep(0.01)
        return 0, ""

    return start


def _training(data: Path, out: Path) -> Callable[[], tuple[int, str]]:
    folder = plan_run(Plan(data, out, RECIPE, start="random"))
    return lambda: command("train", "--resume", str(folder))


def _in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
