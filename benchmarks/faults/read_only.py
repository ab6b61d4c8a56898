"""A folder of models that may be read and not written to."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.faults.kills import RECIPE
from benchmarks.faults.setting import (
    IN_USE,
    OTHER,
    Case,
    Setting,
    answer,
    command,
    damage,
    is_sentence,
    losses,
    tried,
)
from pneumo_core.train import Plan, plan_run


def read_only_cases(setting: Setting) -> list[Case]:
    """Do all that reads the models and all that changes them where they may only be read."""
    export = setting.folder / "read-only.zip"
    answer(lambda: command("models", "export", OTHER, "--out", str(export)))
    folder = plan_run(Plan(setting.data, setting.models / "read-only", RECIPE, start="random"))
    said = ("--who", "harness", "--note", "read only")
    film = next((setting.data / "test" / "PNEUMONIA").iterdir())
    refused = {
        "promote": ("models", "promote", OTHER, "--yes", *said),
        "roll back": ("models", "roll-back", *said),
        "import": ("models", "import", str(export), "--name", "taken"),
        "delete": ("models", "delete", OTHER, "--yes"),
        "record known answers": ("doctor", "--record"),
        "train": ("train", "--resume", str(folder)),
    }
    read = {
        "list": ("models", "list"),
        "export": ("models", "export", IN_USE, "--out", str(setting.folder / "exported.zip")),
        "read a film": ("read", str(film)),
        "batch": ("evaluate", str(setting.data / "test"), "--out", str(setting.folder / "read-only-batch")),
    }
    case = Case("read-only models: refused, read")
    before = {path: path.read_bytes() for path in setting.models.rglob("*") if path.is_file()}
    with _read_only(setting.models) as problem:
        if problem:
            return [Case(case.name, facts=[problem])]
        for is_refused, operations in ((True, refused), (False, read)):
            for name, words in operations.items():
                status, printed = answer(lambda words=words: tried(lambda: command(*words)))
                case.done += 1
                if is_refused and not (status == 1 and is_sentence(printed)):
                    case.lost.append(f"{name} is not refused in a sentence: {printed.strip()[-300:]}")
                if not is_refused and status:
                    case.lost.append(f"{name} is refused: {printed.strip()[-300:]}")
    if before != {path: path.read_bytes() for path in setting.models.rglob("*") if path.is_file()}:
        case.lost.append("files of the models have changed")
    case.lost += losses(lambda: damage(setting, (IN_USE, OTHER)))
    status, printed = answer(lambda: command("train", "--resume", str(folder)))
    if status:
        case.lost.append(f"the run cannot go on once the folder can be written to: {printed.strip()[-300:]}")
    case.facts = [
        f"{', '.join(refused)}: each refused in a sentence; {', '.join(read)}: at work; the refused training run ended "
        "once the folder could be written to"
    ]
    return [case]


@contextmanager
def _read_only(folder: Path) -> Iterator[str]:
    """Let nobody write to a folder and below, and give why that cannot be: permissions stop no root, a mount does."""
    if os.geteuid() == 0:
        if subprocess.run(["mount", "--bind", folder, folder], check=False).returncode:
            yield "not done: root may not mount here, and permissions do not stop it"
            return
        try:
            subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
            yield ""
        finally:
            subprocess.run(["umount", folder], check=True)
        return
    inside = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in inside:
        path.chmod(0o555)
    try:
        yield ""
    finally:
        for path in inside:
            path.chmod(0o755)
