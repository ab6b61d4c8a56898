"""Robustness: hand-counted summaries, and a whole run with the tests' own model."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.corruptions import CORRUPTIONS, SEVERITIES
from benchmarks.record import read_record
from benchmarks.robustness import (
    AIMS,
    CONTRAST,
    MEAN_DROP,
    MOST_FLIPS,
    WORST_DROP,
    Found,
    main,
    summary,
    tables_of,
)
from pneumo_core.stats.metrics import Estimate, proportion


def found(auc: float, specificity: float = 0.9, flips: int = 0) -> Found:
    specific = Estimate(specificity, specificity, specificity, 100)
    return Found(Estimate(auc, auc, auc, 100), proportion(90, 100), specific, proportion(flips, 100))


def test_the_summary_is_counted_by_hand():
    of_seed = {(name, severity): found(0.95) for name in CORRUPTIONS for severity in range(1, SEVERITIES + 1)}
    of_seed["JPEG", 3] = found(0.80)
    of_seed["JPEG", 5] = found(0.70)
    of_seed["contrast down", 3] = found(0.95, specificity=0.6)
    of_seed["gamma up", 1] = found(0.95, flips=7)
    figures = summary(found(0.95), of_seed)
    assert figures.keys() == AIMS.keys()
    assert figures[MEAN_DROP] == pytest.approx((0.15 + 0.25) / 65)
    assert figures[WORST_DROP] == pytest.approx(0.15)
    assert figures[CONTRAST] == pytest.approx(60)
    assert figures[MOST_FLIPS] == pytest.approx(7)


def test_seeds_are_given_as_mean_and_spread():
    seeds = [
        {(name, severity): found(0.95 - drop) for name in CORRUPTIONS for severity in range(1, SEVERITIES + 1)}
        for drop in (0.01, 0.02, 0.03)
    ]
    _, whole, drops, _ = tables_of("test", found(0.95), {}, seeds)
    row = next(cells for cells in whole.rows if cells[0] == MEAN_DROP)
    assert row == (MEAN_DROP, 0.02, 0.01, 0.01, 0.03, "at most 0.02")
    assert drops.rows[0] == ("pixelate", 0.02, 0.02, 0.02, 0.02, 0.02)


def test_a_whole_run_is_recorded(tiny_model_in_use: Path, make_data: Callable[..., Path], tmp_path: Path):
    data = make_data(tmp_path / "drawn", 6)
    words = [str(data), "--seeds", "2", "--record", str(tmp_path)]
    assert CliRunner().invoke(main, words, catch_exceptions=False).exit_code == 0
    record = read_record(tmp_path / "robustness_test.json")
    assert record.details["n"] == 12
    of_copy = record.details["copies"]["drawn"]
    assert len(of_copy["seed 1"]) == 65
    # What draws nothing is the same with each seed.
    assert of_copy["seed 1"]["JPEG 3"] == of_copy["seed 2"]["JPEG 3"]
    assert [len(table.rows) for table in record.tables] == [5, 5, 13, 13]
