"""Figures in words: what a reader sees of an estimate, with and without an interval, and of a comparison."""

import json
import math

import numpy as np
import pytest

from pneumo_core.stats.comparison import compare
from pneumo_core.stats.metrics import Estimate
from pneumo_core.stats.words import (
    area,
    comparison_data,
    comparison_lines,
    comparison_rows,
    difference_in_words,
    estimate_data,
    finely,
    in_brackets,
    interval_in_words,
    named_data,
    p_in_words,
    percent,
    percent_or_range,
    percent_with_films,
    value_in_words,
    with_interval,
)

FOUND = Estimate(0.932, 0.9042, 0.9538, 390)
# A perfect order of few films, and the single film of a class.
NO_WIDTH, NO_INTERVAL = Estimate(1.0, 1.0, 1.0, 9), Estimate(0.5, math.nan, math.nan, 2)
UNDEFINED = Estimate(math.nan, math.nan, math.nan, 0)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (value_in_words, "0.932"),
        (interval_in_words, "0.904 to 0.954"),
        (with_interval, "0.932 (0.904 to 0.954)"),
        (area, "0.932 (0.904-0.954)"),
        (percent, "93.2 (90.4-95.4)"),
        (percent_with_films, "93.2 % (95 % interval 90.4 to 95.4, n = 390)"),
        (in_brackets, "0.932 (0.904 to 0.954)"),
    ],
)
def test_a_figure_is_said_with_its_interval(said, expected):
    assert said(FOUND) == expected


@pytest.mark.parametrize("estimate", [NO_WIDTH, NO_INTERVAL])
def test_an_interval_of_no_width_is_none(estimate: Estimate):
    value = value_in_words(estimate)
    assert interval_in_words(estimate) == "none"
    assert with_interval(estimate) == f"{value} (none)"
    assert area(estimate) == f"{value} (no interval)"
    assert difference_in_words(estimate, math.nan) == f"+{value}0 (no interval)"
    assert named_data("auc", estimate) == {"auc": estimate.value, "auc_ci": None}


def test_a_figure_without_an_interval_never_shows_nan():
    assert percent(NO_INTERVAL) == "50.0 (no interval)"
    assert in_brackets(NO_INTERVAL, ".2f", none="") == "0.50"


@pytest.mark.parametrize(
    "said", [value_in_words, with_interval, area, percent, finely, percent_with_films, in_brackets]
)
def test_what_is_not_defined_is_said_in_words(said):
    assert said(UNDEFINED) == "not defined"
    assert interval_in_words(UNDEFINED) == ""
    assert difference_in_words(UNDEFINED, math.nan) == percent_or_range(UNDEFINED, 0.3) == "not defined"


def test_what_is_not_defined_is_null_in_data():
    assert estimate_data(UNDEFINED) is estimate_data(None) is None
    assert named_data("auc", UNDEFINED) == {"auc": None, "auc_ci": None}
    assert estimate_data(FOUND) == {"value": 0.932, "low": 0.9042, "high": 0.9538}
    assert named_data("auc", FOUND) == {"auc": 0.932, "auc_ci": [0.9042, 0.9538]}


def test_a_wide_range_stands_without_its_middle():
    assert percent_or_range(Estimate(0.384, 0.31, 0.476, 40), 0.3) == "38.4 % (31.0-47.6)"
    assert percent_or_range(Estimate(0.5, 0.026, 1.0, 40), 0.3) == "2.6 to 100.0 %"


def test_a_p_is_said_to_two_digits_and_a_small_one_by_its_bound():
    said = [p_in_words(p) for p in (0.0316, 1.0, 0.0009, math.nan)]
    assert said == ["p = 0.032", "p = 1", "p < 0.001", "p not defined"]
    assert said == ["p = 0.032", "p = 1", "p < 0.001", "p not defined"]


def test_a_share_that_would_read_100_has_a_digit_more():
    assert finely(Estimate(0.9981, 0.9952, 0.9991, 624)) == "99.8 (99.5-99.9)"
    assert finely(Estimate(0.99981, 0.99956, 0.99992, 624)) == "99.98 (99.96-99.99)"
    assert finely(Estimate(1.0, 0.9, 1.0, 9)) == "100.0 (90.0-100.0)"


def test_two_models_are_compared_in_plain_lines():
    sick = np.arange(40) < 20
    good, poor = np.where(sick, 0.9, 0.1), np.where(np.arange(40) % 4 < 2, 0.9, 0.1)
    found = compare(sick, poor, good, 0.5, 0.5)
    lines = comparison_lines(found, "poor", "good")
    assert lines[0] == "poor against good on the same 40 X-rays (20 with pneumonia), each at its own balanced point:"
    assert lines[1].startswith("Area under the ROC curve: poor 0.500, good 1.000; good is higher by 0.500 (95 % inter")
    assert lines[1].endswith("DeLong's p < 0.001).")
    assert lines[2].startswith("Accuracy: poor 0.500, good 1.000; good is higher by 0.500 (95 % interval 0.3")
    assert lines[2].endswith("McNemar's p < 0.001). Right alone: poor 0, good 20.")
    same = comparison_lines(compare(sick, good, good, 0.5, 0.5), "a", "b")
    assert "a 1.000, b 1.000; no difference (no interval, DeLong's p = 1)." in same[1]
    nearly = good.copy()
    nearly[0] = 0.2
    lines = comparison_lines(compare(sick, nearly, good, 0.5, 0.5), "nearly", "good")
    assert "no clear difference: good is higher by 0.025" in lines[2]
    without = compare(sick[:20], good[:20], poor[:20], 0.5, 0.5)
    assert comparison_lines(without, "a", "b")[4] == "Specificity: not defined on these X-rays."


def test_a_comparison_in_rows_and_data_says_what_the_lines_say():
    sick = np.arange(40) < 20
    good, poor = np.where(sick, 0.9, 0.1), np.where(np.arange(40) % 4 < 2, 0.9, 0.1)
    found = compare(sick, poor, good, 0.5, 0.5)
    rows = {row["Figure"]: row for row in comparison_rows(found, "poor", "good")}
    sensitivity = rows["Sensitivity (McNemar)"]
    assert (sensitivity["poor"], sensitivity["good"]) == ("0.500", "1.000")
    assert sensitivity["Right: only the first / only the second"] == "0 / 10"
    data = comparison_data(found)["sensitivity"]
    assert (data["first"], data["second"], data["difference"]) == (0.5, 1.0, -0.5)
    assert sensitivity["Difference"] == with_interval(found.sensitivity.difference)
    assert data["difference_ci"] == [found.sensitivity.difference.low, found.sensitivity.difference.high]
    without = comparison_data(compare(sick[:20], good[:20], poor[:20], 0.5, 0.5))
    assert json.loads(json.dumps(without, allow_nan=False))["specificity"]["p"] is None
