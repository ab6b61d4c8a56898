"""Curves and the threshold table: by hand, and against scikit-learn and the definitions."""

import math
import time

import numpy as np
import pytest
from sklearn import metrics

from pneumo_core.stats.curves import (
    decision_curve,
    precision_recall_points,
    reliability_bins,
    roc_points,
    threshold_table,
)
from pneumo_core.stats.metrics import ConfusionMatrix, expected_calibration_error, predictive_values, proportion

pytestmark = pytest.mark.filterwarnings("error")

SICK, WELL = True, False
# At 0.5: 3 of 4 sick flagged, 1 of 6 well flagged.
HAS_PNEUMONIA = np.array([SICK] * 4 + [WELL] * 6)
PROBABILITIES = np.array([0.9, 0.8, 0.5, 0.2, 0.7, 0.4, 0.3, 0.3, 0.1, 0.0])
NO_FILMS = np.array([], bool), np.array([], float)


def films(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(11)
    has_pneumonia = random.random(n) < 0.4
    return has_pneumonia, np.round(np.clip(0.3 + 0.3 * has_pneumonia + random.normal(0, 0.2, n), 0, 1), 2)


def test_the_roc_curve_encloses_the_area_and_each_corner_is_what_its_threshold_gives():
    has_pneumonia, probabilities = films()
    points = roc_points(has_pneumonia, probabilities)
    assert metrics.auc(points.false_positive_rate, points.sensitivity) == pytest.approx(
        metrics.roc_auc_score(has_pneumonia, probabilities)
    )
    for rate, sensitivity, threshold in zip(
        points.false_positive_rate, points.sensitivity, points.thresholds, strict=True
    ):
        matrix = ConfusionMatrix.count(has_pneumonia, probabilities >= threshold)
        assert (1 - matrix.specificity.value, matrix.sensitivity.value) == pytest.approx((rate, sensitivity))
    assert points.thresholds[0] == math.inf


def test_each_point_of_precision_and_recall_is_what_its_threshold_gives():
    has_pneumonia, probabilities = films()
    points = precision_recall_points(has_pneumonia, probabilities)
    assert len(points.thresholds) == len(points.sensitivity) == len(points.positive_predictive_value) > 20
    for i, threshold in enumerate(points.thresholds[:-1]):
        matrix = ConfusionMatrix.count(has_pneumonia, probabilities >= threshold)
        assert points.sensitivity[i] == pytest.approx(matrix.sensitivity.value)
        assert points.positive_predictive_value[i] == pytest.approx(matrix.positive_predictive_value.value)
    assert (points.sensitivity[-1], points.positive_predictive_value[-1], points.thresholds[-1]) == (0, 1, math.inf)


@pytest.mark.parametrize("films", [NO_FILMS, (np.array([WELL] * 3), np.array([0.1, 0.5, 0.9]))])
def test_where_a_curve_is_not_defined_it_has_no_points(films):
    assert len(roc_points(*films).thresholds) == 0
    assert len(precision_recall_points(*films).thresholds) == 0


def test_with_pneumonia_only_there_is_precision_and_no_roc_curve():
    sick = np.array([SICK] * 3), np.array([0.1, 0.5, 0.5])
    assert len(roc_points(*sick).thresholds) == 0
    assert (precision_recall_points(*sick).positive_predictive_value == 1).all()


def test_a_constant_score_gives_the_diagonal():
    points = roc_points(HAS_PNEUMONIA, np.full(10, 0.3))
    assert list(points.false_positive_rate) == [0, 1]
    assert list(points.sensitivity) == [0, 1]


def test_each_bin_says_what_was_predicted_and_what_was_observed():
    probabilities = np.array([0.21, 0.23, 0.91, 0.94, 1.0])
    bins = reliability_bins(np.array([SICK, WELL, SICK, SICK, WELL]), probabilities)
    assert len(bins) == 10
    assert (bins[2].low, bins[2].high, bins[2].n) == (0.2, 0.3, 2)
    assert bins[2].mean_probability == pytest.approx(0.22)
    assert bins[2].observed == proportion(1, 2)
    assert bins[9].mean_probability == pytest.approx(0.95)
    assert bins[9].observed == proportion(2, 3)
    assert sum(bin.n for bin in bins) == 5
    assert math.isnan(bins[0].mean_probability)
    assert math.isnan(bins[0].observed.value)


def test_the_gaps_of_the_bins_add_up_to_the_calibration_error():
    has_pneumonia, probabilities = films()
    bins = [bin for bin in reliability_bins(has_pneumonia, probabilities, bins=15) if bin.n]
    error = sum(bin.n / 300 * abs(bin.mean_probability - bin.observed.value) for bin in bins)
    assert error == pytest.approx(expected_calibration_error(has_pneumonia, probabilities, bins=15))
    assert [bin.n for bin in reliability_bins(*NO_FILMS)] == [0] * 10


def test_net_benefit_of_ten_films_counted_by_hand():
    curve = decision_curve(HAS_PNEUMONIA, PROBABILITIES, np.array([0.2, 0.5]))
    # At 0.2: 4 found, 4 false alarms, each a quarter of a case. At 0.5: 3 found, 1 false alarm, worth a case.
    assert list(curve.model) == pytest.approx([(4 - 4 / 4) / 10, (3 - 1) / 10])
    assert list(curve.flag_all) == pytest.approx([(4 - 6 / 4) / 10, (4 - 6) / 10])
    assert list(curve.flag_none) == [0, 0]


def test_net_benefit_at_the_prevalence_of_the_films_is_the_one_counted():
    counted = decision_curve(*films())
    weighted = decision_curve(*films(), prevalence=float(films()[0].mean()))
    assert counted.model == pytest.approx(weighted.model)
    assert counted.flag_all == pytest.approx(weighted.flag_all)
    assert (counted.thresholds[0], counted.thresholds[-1], len(counted.thresholds)) == (0.01, 0.99, 99)


def test_net_benefit_at_another_prevalence_by_hand():
    # 1000 people, 100 sick: 75 found; of 900 well 150 flagged, at odds 1.
    curve = decision_curve(HAS_PNEUMONIA, PROBABILITIES, np.array([0.5]), prevalence=0.1)
    assert curve.model[0] == pytest.approx((75 - 150) / 1000)
    assert curve.flag_all[0] == pytest.approx((100 - 900) / 1000)


def test_no_false_alarm_is_cheap_enough_at_a_threshold_of_1():
    curve = decision_curve(HAS_PNEUMONIA, PROBABILITIES, np.array([0.0, 1.0]))
    # At 0 false alarms cost nothing, and all are flagged.
    assert curve.model[0] == curve.flag_all[0] == pytest.approx(0.4)
    assert np.isnan([curve.model[1], curve.flag_all[1], curve.flag_none[1]]).all()


def test_net_benefit_of_one_class_is_defined_at_its_own_prevalence_only():
    well = np.array([WELL] * 4), np.array([0.1, 0.2, 0.5, 0.9])
    assert decision_curve(*well, np.array([0.5])).model[0] == pytest.approx(-0.5)
    assert math.isnan(decision_curve(*well, np.array([0.5]), prevalence=0.1).model[0])
    assert np.isnan(decision_curve(*NO_FILMS).model).all()


def test_the_threshold_table_of_a_thousand_people_counted_by_hand():
    table = threshold_table(HAS_PNEUMONIA, PROBABILITIES, np.array([0.5]), 0.1, 2.0, 20.0)
    counts = (table.true_positives, table.false_positives, table.true_negatives, table.false_negatives)
    assert [int(count[0]) for count in counts] == [3, 1, 5, 1]
    assert table.sensitivity[0] == 0.75
    assert table.specificity[0] == pytest.approx(5 / 6)
    assert table.share_of_cases_missed[0] == 0.25
    # Of 1000: 75 of 100 sick and 150 of 900 well are flagged; 25 sick and 750 well are not.
    assert table.positive_predictive_value[0] == pytest.approx(75 / 225)
    assert table.negative_predictive_value[0] == pytest.approx(750 / 775)
    assert table.cost_per_case_found[0] == pytest.approx((1000 * 2 + 225 * 20) / 75)


def test_each_row_of_the_table_is_what_its_threshold_gives():
    has_pneumonia, probabilities = films()
    thresholds = np.linspace(0, 1, 101)
    table = threshold_table(has_pneumonia, probabilities, thresholds, 0.08, 1, 1)
    for i, threshold in enumerate(thresholds):
        matrix = ConfusionMatrix.count(has_pneumonia, probabilities >= threshold)
        assert matrix == ConfusionMatrix(
            table.true_positives[i], table.false_positives[i], table.true_negatives[i], table.false_negatives[i]
        )
        expected = predictive_values(matrix.sensitivity.value, matrix.specificity.value, 0.08)
        found = table.positive_predictive_value[i], table.negative_predictive_value[i]
        assert found == pytest.approx(expected, nan_ok=True)


def test_where_no_case_is_found_its_cost_is_not_defined():
    table = threshold_table(HAS_PNEUMONIA, PROBABILITIES, np.array([0.0, 0.95]), 0.1, 2.0, 20.0)
    assert table.cost_per_case_found[0] == pytest.approx((1000 * 2 + 1000 * 20) / 100)
    assert math.isnan(table.cost_per_case_found[1])
    assert math.isnan(table.positive_predictive_value[1])
    assert table.negative_predictive_value[1] == pytest.approx(0.9)
    assert table.share_of_cases_missed[1] == 1
    none = threshold_table(HAS_PNEUMONIA, PROBABILITIES, np.array([0.5]), 0.0, 2.0, 20.0)
    assert math.isnan(none.cost_per_case_found[0])
    assert none.positive_predictive_value[0] == 0


@pytest.mark.parametrize("films", [NO_FILMS, (np.array([WELL]), np.array([0.5])), (np.array([SICK]), np.array([0.5]))])
def test_a_table_of_one_class_has_no_predictive_values(films):
    table = threshold_table(*films, np.array([0.1, 0.9]), 0.1, 2.0, 20.0)
    assert np.isnan(table.positive_predictive_value).all()
    assert np.isnan(table.cost_per_case_found).all()


def test_ten_thousand_films_are_tabled_at_once():
    has_pneumonia, probabilities = films(10_000)
    start = time.perf_counter()
    threshold_table(has_pneumonia, probabilities, np.linspace(0, 1, 101), 0.1, 1, 1)
    # It takes 1 ms; counting films anew for each threshold takes 20.
    assert time.perf_counter() - start < 0.2
