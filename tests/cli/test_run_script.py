"""`./run core` from any folder: the reader's files are of that folder, the program's are of the project."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pneumo_core.files.places import ROOT
from tests.conftest import drawn_film, png


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project's folder with the script, the packages, and an environment that is this one."""
    project = tmp_path / "the project"
    (project / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "run", project / "run")
    (project / "pneumo_core").symlink_to(ROOT / "pneumo_core")
    (project / "requirements.lock").write_text("some\n")
    (project / ".venv" / "made-from-requirements.lock").write_text("some\n")
    python = project / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a reader's folder, with an X-ray and a file that is named as a package of the project is."""
    folder = tmp_path / "X-rays of today"
    folder.mkdir()
    (folder / "film.png").write_bytes(png(drawn_film(True, 5)))
    (folder / "click.py").write_text("raise SystemExit(77)\n")
    return folder


def run(script: Path | str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(script), "core", *words], cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("way", ["absolute", "relative", "link", "link to a link"])
def test_a_file_is_named_as_the_reader_sees_it(project: Path, folder: Path, way: str):
    script: Path | str = project / "run"
    if way == "relative":
        script = os.path.relpath(script, folder)
    elif way != "absolute":
        script = folder.parent / "bin" / "pneumo"
        script.parent.mkdir()
        script.symlink_to(Path("..", project.name, "run"))
        if way == "link to a link":
            (folder / "pneumo").symlink_to(Path("..", "bin", "pneumo"))
            script = "./pneumo"
    (folder / "audit.jsonl").write_text("")
    result = run(script, folder, "audit-log", "verify", "audit.jsonl")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("0 lines")


def test_x_rays_of_the_readers_folder_are_read_and_what_is_written_of_them_lies_there(project: Path, folder: Path):
    for label in ("NORMAL", "PNEUMONIA"):
        (folder / "films" / "train" / label).mkdir(parents=True)
        shutil.copy(folder / "film.png", folder / "films" / "train" / label)
    # It reads each X-ray as `read` does, without the seconds that TensorFlow takes to load.
    result = run(project / "run", folder, "audit", "films", "--out", "found")
    assert result.returncode == 1, result.stderr
    assert {path.name for path in (folder / "found").iterdir()} == {"audit.json", "audit.html"}
    assert "NORMAL/film.png" in (folder / "found" / "audit.json").read_text()
    assert not (project / "found").exists()


def test_the_environment_is_made_in_the_project(project: Path, folder: Path):
    (project / "requirements.lock").write_text("other\n")
    (project / ".venv" / "bin" / "python").write_text('#!/bin/sh\necho "$PWD $*" >>"$CALLS"\n')
    calls = folder / "calls"
    subprocess.run(
        [project / "run", "core", "models", "list"], cwd=folder, env={**os.environ, "CALLS": str(calls)}, check=True
    )
    *made, called = calls.read_text().splitlines()
    assert made
    assert all(line.startswith(f"{project} -m pip") for line in made)
    assert made[0].endswith("--require-hashes --only-binary :all: -r requirements.lock")
    assert called.startswith(f"{folder} ")
    assert called.endswith("-m pneumo_core models list")
    assert (project / ".venv" / "made-from-requirements.lock").read_text() == "other\n"
    assert not (folder / ".venv").exists()
