"""Nobody reads what the command line prints any more: that is no error."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

import pytest

from pneumo_core.cli.group import commands
from pneumo_core.files.places import MODELS_VARIABLE, ROOT, RUNS_VARIABLE
from tests.conftest import drawn_film, png

# TensorFlow has words of its own.
OURS = re.compile("Pipe|pipe|Traceback|cannot be")


def heard(words: Sequence[object], lines: int, *, with_errors: bool = False) -> tuple[int, list[str], str]:
    """Call the command line and close its output after so many lines; give exit status, lines, and standard error."""
    ours, theirs = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "pneumo_core", *map(str, words)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs if with_errors else subprocess.PIPE,
        text=True,
    ) as process:
        os.close(theirs)
        with os.fdopen(ours, "r") as output:
            found = [output.readline() for _ in range(lines)]
        _, errors = process.communicate(timeout=300)
        return process.returncode, found, errors or ""


@contextmanager
def unread() -> Iterator[TextIO]:
    """Give a stream into a pipe that nobody reads."""
    ours, theirs = os.pipe()
    os.close(ours)
    stream = os.fdopen(theirs, "w")
    yield stream
    # A stream that the program still holds breaks here.
    stream.close()


def unheard(words: Sequence[object], *, with_errors: bool = False) -> int:
    """Call the command line in this process, its output into a pipe that nobody reads; give the exit status."""
    with unread() as out, unread() as errors, redirect_stdout(out):
        with redirect_stderr(errors) if with_errors else nullcontext(), pytest.raises(SystemExit) as ended:
            commands([str(word) for word in words])
        return int(ended.value.code or 0)


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"film_{number}.png" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(png(drawn_film(number % 2 == 0, number)))
    # One that is refused: its exit status is not that of a closed pipe.
    paths[1].write_bytes(b"no film")
    return paths


def test_films_are_read_as_long_as_somebody_listens(tiny_model_in_use: Path, films: list[Path]):
    status, lines, errors = heard(["read", *films], 1)
    assert lines[0].startswith(str(films[0]))
    assert (status, OURS.findall(errors)) == (0, [])


def test_heat_maps_are_all_written_whoever_listens(tiny_model_in_use: Path, films: list[Path], tmp_path: Path):
    # One film was refused, as its line would have said.
    assert unheard(["read", *films, "--heatmaps", tmp_path / "maps"], with_errors=True) == 1
    assert len(list((tmp_path / "maps").iterdir())) == 3


@pytest.mark.parametrize("words", [["--help"], ["train", "--list-settings"], ["models", "list", "--json"]])
def test_a_command_that_only_tells_ends_quietly(tiny_model_in_use: Path, words: list[str]):
    assert heard(words, 0) == (0, [], "")


@pytest.mark.parametrize(
    ("words", "exit_status"),
    [
        (["models", "delete", "none", "--yes"], 1),
        (["read"], 2),
        (["reed"], 2),
        (["evaluate", "data", "--out", ""], 2),
        (["train", "data"], 2),
        (["models", "promote"], 2),
        ([], 2),
    ],
    ids=str,
)
def test_what_is_refused_or_wrong_use_is_so_whoever_listens(words: list[str], exit_status: int):
    assert unheard(words, with_errors=True) == exit_status


def test_wrong_use_that_nobody_reads_ends_a_process_as_wrong_use():
    assert heard(["read"], 0, with_errors=True)[0] == 2


def test_wrong_use_is_so_without_a_standard_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    # As Python begins where it was closed (2>&-).
    monkeypatch.setattr(sys, "stderr", None)
    with pytest.raises(SystemExit) as ended:
        commands(["read"])
    assert (ended.value.code, capsys.readouterr().out) == (2, "")


def test_an_audit_and_its_split_are_written_whoever_listens(tmp_path: Path, make_data: Callable[..., Path]):
    data = make_data(tmp_path / "data", 8)
    words = ["audit", data, "--out", tmp_path / "out", "--split", tmp_path / "split.csv"]
    # These few films are cause for alarm.
    assert unheard(words, with_errors=True) == 1
    assert (tmp_path / "split.csv").is_file()
    assert (tmp_path / "out" / "audit.html").is_file()


def test_films_are_all_scored_whoever_listens(tiny_model_in_use: Path, tmp_path: Path, make_data: Callable[..., Path]):
    data = make_data(tmp_path / "data", 20, ("test",))
    for number in range(3):
        # Each is told on standard error, before the first film is scored.
        (data / "test" / "NORMAL" / f"{number}.zip").write_bytes(b"PK")
    assert unheard(["score", data / "test", "--out", tmp_path / "out"], with_errors=True) == 1
    assert len((tmp_path / "out" / "scores.jsonl").read_text().splitlines()) == 40
    assert unheard(["evaluate", data / "test", "--out", tmp_path / "other"]) == 0
    assert len((tmp_path / "other" / "scores.jsonl").read_text().splitlines()) == 40


def test_a_training_goes_on_whoever_listens(
    tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    words = ["train", make_data(tmp_path / "data", 4), "--out", tmp_path / "models" / "new"]
    words += ["--architecture", "SmallCNN", "--size", "32", "--epochs", "1", "--set", "fit_input_gate=false"]
    assert unheard(words, with_errors=True) == 0
    assert (tmp_path / "models" / "new" / "card.json").is_file()
