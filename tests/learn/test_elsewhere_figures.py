"""Figures of the lessons on other ages and on shortcuts: what is drawn is what was found."""

import math

import pytest

from pneumo_core.learn.elsewhere import PlaceResult, Rule, StoredNetwork, StoredPopulation
from pneumo_core.learn.figures import ages_chart, shortcuts_chart
from pneumo_core.stats.calibration import Calibration
from pneumo_core.stats.metrics import Estimate

QUANTILES = (-2.0, -1.0, 0.0, 1.0, 3.0)


def network(*thresholds: float) -> StoredNetwork:
    populations = tuple(
        StoredPopulation(f"group-{place}", (1, 5), "suspected pneumonia", Calibration(2.0, 0.5), {"balanced": one})
        for place, one in enumerate(thresholds)
    )
    return StoredNetwork("tiny", "2026-11-30", "0" * 64, populations)


def test_a_box_holds_the_quantiles_and_each_population_has_its_line():
    chart = ages_chart(network(0.5, 0.9), [PlaceResult("normal children", QUANTILES, ())], "balanced", "#000")
    box, first, second = chart.figure.data
    assert [box[name][0] for name in ("lowerfence", "q1", "median", "q3", "upperfence")] == list(QUANTILES)
    assert {*first.x} == {0.0}
    assert second.x[0] == pytest.approx(2 * math.log(9))
    assert second.name == "balanced point, group-1"


def test_a_threshold_that_flags_everything_has_no_line():
    chart = ages_chart(network(0.0), [PlaceResult("normal children", QUANTILES, ())], "balanced", "#000")
    assert len(chart.figure.data) == 1


def test_each_rule_is_a_mark_with_its_interval():
    rules = [Rule("view", Estimate(0.8, 0.7, 0.95, 9), Estimate(0.5, 0.4, 0.6, 9))]
    chart = shortcuts_chart(rules, "#000")
    marks = chart.figure.data[1]
    assert (marks.x[0], marks.error_x.array[0], marks.error_x.arrayminus[0]) == pytest.approx((0.8, 0.15, 0.1))
    assert "view: 0.800 (0.700-0.950)" in chart.alt
