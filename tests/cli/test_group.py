"""The parts that all commands share: where they stand, how a call ends, words that are wrong use."""

import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from pneumo_core import explain
from pneumo_core.files.places import ROOT
from pneumo_core.models.versions import PNEUMO
from tests.cli.calls import run
from tests.conftest import drawn_film, png


def python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
    )


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "film.png").write_bytes(png(drawn_film(True, 5)))
    return folder


def test_every_command_says_what_it_does():
    listed = run("--help").stdout.partition("Commands:\n")[2].splitlines()
    names = [line.split()[0] for line in listed if line.startswith("  ") and line[2] != " "]
    assert {"read", "evaluate", "score", "train", "audit", "fit-gate", "models", "doctor", "audit-log"} <= set(names)
    for name in names:
        result = run(name, "--help")
        assert result.exit_code == 0, name
        assert f" {name} " in result.stdout.splitlines()[0]


def test_a_name_that_is_nearly_a_command_is_wrong_use_and_the_command_is_named():
    result = run("trian")
    assert result.exit_code == 2
    assert "'train'" in result.stderr


def test_reading_imports_nothing_of_training():
    code = (
        "import sys; from pneumo_core.cli.group import commands; commands(['read', '--help'], standalone_mode=False); "
        "print([name for name in sys.modules if name.startswith(('pneumo_core.train', 'pneumo_core.cli.train'))])"
    )
    assert python("-c", code).stdout.splitlines()[-1] == "[]"


def test_the_version_is_said_in_a_word():
    assert run("--version").stdout.split() == ["pneumo", PNEUMO]


def test_usage_names_the_command_that_was_called():
    assert python("-m", "pneumo_core", "read").stderr.startswith("Usage: python -m pneumo_core read ")
    # As the script does that an installation writes.
    installed = "import sys; sys.argv[0] = '/usr/bin/pneumo'; from pneumo_core.cli.group import commands; commands()"
    assert python("-c", installed, "read").stderr.startswith("Usage: pneumo read ")


@pytest.mark.parametrize(
    "words",
    [
        ("train", "data", "--out", ""),
        ("train", "data", "--out", "new", "--manifest", ""),
        ("train", "--resume", ""),
        ("evaluate", "data", "--out", ""),
        ("evaluate", "data", "--model", ""),
        ("evaluate", ""),
        ("score", "data", "--out", ""),
        ("score", "data", "--out", "", "--engine", "ray"),
        ("score", "data", "--out", "out", "--address", ""),
        ("score", "data", "--out", "out", "--engine", "ray", "--address", ""),
        ("audit", "data", "--out", ""),
        ("audit", "data", "--split", ""),
        ("recalibrate", "data", "--out", ""),
        ("blend", "data", "--model", "a", "--model", "b", "--out", ""),
        ("read", "film.png", "--heatmaps", ""),
        ("models", "export", "a", "--out", ""),
    ],
    ids=" ".join,
)
def test_an_empty_word_for_a_path_is_wrong_use_and_no_folder_at_hand(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert run(*words).exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, ""), tf.errors.InternalError(None, None, "")]
)
def test_what_the_machine_refuses_is_one_line_and_exit_status_one(
    tiny_model_in_use: Path, films: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    def refuse(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(explain, "survey_films", refuse)
    result = run("survey", films)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)


def test_a_fault_of_the_program_is_no_refusal(tiny_model_in_use: Path, films: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(explain, "survey_films", fail)
    assert isinstance(run("survey", films).exception, ZeroDivisionError)


def test_an_empty_name_is_no_model_in_use(tiny_model_in_use: Path, tmp_path: Path):
    (tmp_path / "some.zip").write_bytes(b"PK")
    for words in (
        ("fit-gate", tmp_path, "--model", ""),
        ("recalibrate", tmp_path, "--out", tmp_path / "new", "--model", ""),
        ("models", "import", tmp_path / "some.zip", "--name", ""),
    ):
        result = run(*words)
        assert result.exit_code == 1
        assert "''" in result.stderr
