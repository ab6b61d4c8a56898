"""One command runs the benchmarks, one after the other, and tells of those that fail."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as everything
from benchmarks.record import RECORDS
from pneumo_core.places import ROOT


def test_each_is_a_module_that_keeps_records(tmp_path: Path):
    found = everything.commands(True, tmp_path, (tmp_path,), tmp_path)
    for name, *_ in found:
        assert "@record_option" in (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
    names = [words[0] for words in found]
    assert names.count("load") == names.count("robustness") == 2
    assert not {"load", "robustness"} & {words[0] for words in everything.commands(False, None, (), None)}


def test_what_fails_stops_nothing_and_is_told(monkeypatch: pytest.MonkeyPatch):
    run: list[list[str]] = []

    def failing_batch(words: list[str], **settings: object) -> subprocess.CompletedProcess[bytes]:
        run.append(words[1:])
        return subprocess.CompletedProcess(words, int("benchmarks.batch" in words))

    monkeypatch.setattr(subprocess, "run", failing_batch)
    result = CliRunner().invoke(everything.main, [])
    assert result.exit_code == 1
    assert "These failed: batch." in result.output
    assert run[0] == ["-m", "benchmarks.one_xray", "--record", str(RECORDS)]
    assert run[-1] == ["-m", "benchmarks.tables"]
