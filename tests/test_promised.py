"""What the continuous integration promises is there, or its tests fail."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pneumo_core.files.places import ROOT
from tests.conftest import PROMISED_VARIABLE, is_here


def collected(promised: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    """Collect one small file of tests in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "--collect-only", "tests/files/test_csv_cells.py"]
    environment = {**os.environ, PROMISED_VARIABLE: promised, "PATH": path}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_promised_package_that_is_missing_stops_the_tests():
    refused = collected("numpy no_such_package")
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR
    assert "promises no_such_package," in refused.stderr


def test_a_promised_browser_that_is_missing_stops_the_tests(tmp_path: Path):
    assert collected("chromium", str(tmp_path)).returncode == pytest.ExitCode.USAGE_ERROR
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    assert collected("chromium", str(tmp_path)).returncode == pytest.ExitCode.OK


def test_a_program_is_here_where_its_command_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not is_here("dcmtk")
    program = tmp_path / "dcm2pnm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert is_here("dcmtk")


def test_without_a_promise_nothing_is_needed(tmp_path: Path):
    assert collected("", str(tmp_path)).returncode == pytest.ExitCode.OK


def test_all_that_tests_skip_for_is_promised():
    """A test that skips for lack of a package, which the promise leaves out, would never run unnoticed."""
    promised = re.search(rf'{PROMISED_VARIABLE}="(.*)"', (ROOT / ".ci" / "run").read_text())
    skipped_for = {
        name.split(".")[0]
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r'(?:importorskip|find_spec|is_here)\("([\w.]+)"\)', path.read_text(encoding="utf-8"))
    }
    assert {"playwright", "ray", "openvino", "dcmtk"} <= skipped_for
    assert promised
    assert skipped_for <= {*promised[1].split()}
