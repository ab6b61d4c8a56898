"""Targets of the faults: drawn films and two small models in their own folder; processes that can be killed."""

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

import click

from pneumo_core.cli import commands
from pneumo_core.files import MODELS_VARIABLE, RUNS_VARIABLE
from pneumo_core.keras_network import load_network
from pneumo_core.models import NETWORK_FILE, active_model_folder, list_models, promotions
from pneumo_core.serve import AUDIT_LOG_VARIABLE
from tests.conftest import drawn_film, png

# The import of TensorFlow takes seconds: every process is forked from this one, which imports and never uses it.
_CONTEXT = multiprocessing.get_context("fork")
IN_USE, OTHER = "steady", "other"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting:
    """Where things lie: films in the Kaggle layout, the folder of models with one in use, the folder of runs."""

    folder: Path
    data: Path
    models: Path
    runs: Path


@dataclass(slots=True)
class Case:
    """The tries of one kind of fault and the losses, a sentence each."""

    name: str
    done: int = 0
    facts: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def make_setting(folder: Path, films: int = 20) -> Setting:
    """Draw so many films of each class and split, and train the model in use and another one."""
    setting = Setting(folder, folder / "data", folder / "models", folder / "runs")
    os.environ |= {MODELS_VARIABLE: str(setting.models), RUNS_VARIABLE: str(setting.runs)}
    # So small a network gains nothing from more.
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    os.environ.pop(AUDIT_LOG_VARIABLE, None)
    draw_films(setting.data, films)
    words = ["train", str(setting.data), "--out", str(setting.models / IN_USE)]
    words += ["--architecture", "SmallCNN", "--size", "32", "--epochs", "2"]
    process = begin(lambda: commands(words), folder / "made.txt")
    process.join()
    if process.exitcode:
        raise RuntimeError((folder / "made.txt").read_text(encoding="utf-8"))
    shutil.copytree(setting.models / IN_USE, setting.models / OTHER)
    answer(lambda: command("models", "promote", IN_USE, "--yes", "--who", "harness", "--note", "first"))
    return setting


def draw_films(folder: Path, count: int, splits: tuple[str, ...] = ("train", "test")) -> None:
    """Fill a folder in the Kaggle layout with so many films of each class and split, each of a patient of its own."""
    for place, split in enumerate(splits):
        for name, has_pneumonia in (("NORMAL", False), ("PNEUMONIA", True)):
            (folder / split / name).mkdir(parents=True)
            for number in range(1000 * place, 1000 * place + count):
                film = f"person{number}_bacteria_{number}.png" if has_pneumonia else f"IM-{number:04d}-0001.png"
                content = png(drawn_film(has_pneumonia, 2 * number + has_pneumonia))
                (folder / split / name / film).write_bytes(content)


def command(*words: str) -> tuple[int, str]:
    """Run a command of the command line in this process; give its exit status and all that it printed.

    An exception that the command line does not take for a refusal goes on.
    """
    from click.testing import CliRunner

    result = CliRunner().invoke(commands, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def is_sentence(output: str) -> bool:
    """Say whether the last line that was printed is a sentence for a person."""
    last = output.strip().rpartition("\n")[2]
    return last.endswith(".") and "Errno" not in last and "Traceback" not in output


def begin(work: Callable[[], Any], output: Path) -> BaseProcess:
    """Begin work in a process of its own; what it prints is added to a file."""

    def go() -> None:
        printed = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        work()

    process = _CONTEXT.Process(target=go, daemon=True)
    process.start()
    return process


def answer(work: Callable[[], T]) -> T:
    """Give what a function gives in a process of its own: what it changes there, and TensorFlow, ends with it."""
    receiver, sender = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=lambda: sender.send(work()), daemon=True)
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        raise RuntimeError("a process of the harness has failed; it has printed why") from None
    finally:
        process.join()


def tried(work: Callable[[], tuple[int, str]]) -> tuple[int, str]:
    """Give exit status and words of what is done; -1, which is a loss, where it ends in a traceback."""
    try:
        return work()
    # Whatever it is, no person may meet it: it is counted as lost, with its words.
    except Exception as error:  # noqa: BLE001
        return -1, f"{type(error).__name__}: {error}"


def losses(check: Callable[[], list[str]]) -> list[str]:
    """Give what a check finds lost, in a process of its own; one that cannot be made has found something too."""

    def go() -> list[str]:
        try:
            return check()
        except Exception as error:  # noqa: BLE001
            return [f"{type(error).__name__}: {error}"]

    return answer(go)


def kill(process: BaseProcess, case: Case) -> bool:
    """Kill a process with SIGKILL; False where it had ended. Processes of its own must end with it."""
    assert process.pid is not None
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    theirs = children.read_text(encoding="ascii").split() if children.is_file() else []
    process.kill()
    process.join()
    if process.exitcode != -signal.SIGKILL:
        return False
    case.done += 1
    click.echo(f"\r{case.name}: {case.done} kills, {len(case.lost)} lost", nl=False, err=True)
    end = time.monotonic() + 10
    while any(is_alive(pid) for pid in theirs) and time.monotonic() < end:
        time.sleep(0.02)
    case.lost += [f"process {pid} outlives the one that began it" for pid in theirs if is_alive(pid)]
    return True


def is_alive(pid: str) -> bool:
    """Say whether a process is there and is more than an entry in the system's list."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2][1] != "Z"
    except OSError:
        return False


def damage(setting: Setting, in_use: tuple[str, ...] = (IN_USE,), is_loaded: bool = True) -> list[str]:
    """Say what is wrong with the models: each must load, card and network, and one of those named must be in use.

    Args:
        is_loaded: load the networks too; else their hashes must be those that their cards name.
    """
    found = []
    for entry in list_models(setting.models):
        if entry.problem:
            found.append(f"{entry.name}: {entry.problem}")
        if is_loaded:
            load_network(entry.folder / NETWORK_FILE)
    active = active_model_folder(setting.models).name
    if active not in in_use:
        found.append(f"{active} is in use, and was not put in use")
    promotions(setting.models)
    return found


def left_over(*folders: Path) -> list[Path]:
    """List what stands under hidden names in folders and below; locks are no left-overs."""
    found = (path for folder in folders for path in folder.rglob(".*"))
    return [path for path in found if not path.name.endswith(".lock")]
