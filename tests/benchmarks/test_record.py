"""What a benchmark found: kept and read again, as tables, without names of hosts or paths."""

import os
import platform
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmarks.record import Table, read_record, record_option, tell
from pneumo_core.files.places import ROOT
from pneumo_core.models.card import active_model_folder, read_card

FILMS = Table("Films", ("work", "films/s", "share"), (("network", 80.5, None), ("pipeline", 1046, 0.9)))


@click.command()
@record_option
def benchmark(record: Path | None) -> None:
    tell(record, "films", [FILMS], read_card(active_model_folder(ROOT / "model")), packages=["click"], details={"n": 2})


def test_a_record_is_printed_kept_and_read_again(tmp_path: Path):
    result = CliRunner().invoke(benchmark, ["--record", str(tmp_path / "new")], catch_exceptions=False)
    assert "| pipeline | 1,046 | 0.9 |" in result.output
    record = read_record(tmp_path / "new" / "films.json")
    assert record.tables == (FILMS,)
    assert record.weights_sha256 == read_card(active_model_folder(ROOT / "model")).weights_sha256
    assert record.machine.cores == os.cpu_count()
    assert {"python", "tensorflow", "keras", "streamlit", "numpy", "opencv-python-headless", "click"} <= set(
        record.versions
    )
    assert record.details == {"n": 2}
    assert record.circumstances() in result.output


def test_a_record_names_no_host_and_no_path(tmp_path: Path):
    CliRunner().invoke(benchmark, ["--record", str(tmp_path)], catch_exceptions=False)
    text = (tmp_path / "films.json").read_text(encoding="utf-8")
    assert platform.node() not in text
    assert str(tmp_path) not in text and str(ROOT) not in text


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(benchmark, [], catch_exceptions=False).exit_code == 0
    assert not list(tmp_path.iterdir())


def test_numbers_stand_to_the_right():
    assert FILMS.markdown()[:3] == ["| work | films/s | share |", "| --- | ---: | ---: |", "| network | 80.5 |  |"]
