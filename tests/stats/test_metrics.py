"""Counts, rates, areas and their intervals: by hand, from published examples, and against scikit-learn."""

import math
import time
from dataclasses import astuple

import numpy as np
import pytest
from sklearn import metrics

from pneumo_core.stats.bootstrap import Bootstrap
from pneumo_core.stats.metrics import (
    ConfusionMatrix,
    Estimate,
    area_by_patient,
    area_under_roc,
    average_precision,
    brier_score,
    expected_calibration_error,
    figures_at,
    figures_overall,
    log_loss,
    predictive_value_estimates,
    predictive_values,
    proportion,
    sensitivity_and_specificity,
    shares_ordered_right,
)

pytestmark = pytest.mark.filterwarnings("error")

MATRIX = ConfusionMatrix(true_positives=18, false_positives=5, true_negatives=45, false_negatives=2)
SICK, WELL = True, False


def films(n: int = 60, levels: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores with many ties, of both classes, that overlap."""
    random = np.random.default_rng(7)
    has_pneumonia = random.random(n) < 0.6
    scores = np.rint(levels * np.clip(0.35 + 0.25 * has_pneumonia + random.normal(0, 0.2, n), 0, 1)) / levels
    return has_pneumonia, scores


def test_films_are_counted_by_label_and_flag():
    has_pneumonia = np.array([SICK, SICK, SICK, WELL, WELL, WELL, WELL, SICK, WELL, WELL])
    is_flagged = np.array([True, True, True, True, True, False, False, False, False, False])
    matrix = ConfusionMatrix.count(has_pneumonia, is_flagged)
    assert matrix == ConfusionMatrix(true_positives=3, false_positives=2, true_negatives=4, false_negatives=1)
    assert matrix.n == 10


@pytest.mark.parametrize(
    ("rate", "value", "n"),
    [
        ("sensitivity", 0.9, 20),
        ("specificity", 0.9, 50),
        ("positive_predictive_value", 18 / 23, 23),
        ("negative_predictive_value", 45 / 47, 47),
        ("accuracy", 0.9, 70),
    ],
)
def test_each_rate_is_a_share_of_its_own_films(rate: str, value: float, n: int):
    estimate = getattr(MATRIX, rate)
    assert estimate.value == pytest.approx(value)
    assert estimate.n == n
    assert estimate.low < value < estimate.high


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    precision, recall = 18 / 23, 18 / 20
    assert MATRIX.f1 == pytest.approx(2 * precision * recall / (precision + recall))


@pytest.mark.parametrize(
    ("matrix", "undefined", "defined"),
    [
        (ConfusionMatrix(0, 3, 7, 0), "sensitivity", "specificity"),
        (ConfusionMatrix(3, 0, 0, 7), "specificity", "sensitivity"),
        (ConfusionMatrix(0, 0, 7, 3), "positive_predictive_value", "negative_predictive_value"),
        (ConfusionMatrix(3, 7, 0, 0), "negative_predictive_value", "positive_predictive_value"),
        (ConfusionMatrix(0, 0, 0, 0), "accuracy", None),
    ],
)
def test_a_rate_without_films_is_not_a_number_and_never_0(matrix, undefined, defined):
    estimate = getattr(matrix, undefined)
    assert all(math.isnan(number) for number in (estimate.value, estimate.low, estimate.high))
    assert estimate.n == 0
    assert defined is None or not math.isnan(getattr(matrix, defined).value)


def test_f1_is_not_a_number_only_where_nothing_is_positive_or_flagged():
    assert math.isnan(ConfusionMatrix(0, 0, 9, 0).f1)
    assert ConfusionMatrix(0, 1, 9, 0).f1 == 0


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Newcombe, Stat Med 17:857 (1998), table I, method 3 (Wilson's score, no continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_that_of_newcombes_published_table(successes, n, low, high):
    estimate = proportion(successes, n)
    assert estimate.value == successes / n
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)


def test_none_of_n_starts_at_0_and_all_of_n_ends_at_1_exactly():
    none, every = proportion(0, 20), proportion(20, 20)
    assert none.low == 0.0
    assert every.high == 1.0
    assert every.low == pytest.approx(1 - none.high)


def test_an_estimate_reads_as_a_sentence():
    assert str(Estimate(0.9, 0.699, 0.972, 20)) == "0.900 (95 % interval 0.699 to 0.972, n = 20)"
    assert str(proportion(0, 0)) == "not defined (n = 0)"


def test_the_area_counts_pairs_ordered_right_and_ties_half():
    # Of 2 x 3 pairs: 0.9 beats all three; 0.4 beats one, ties with one, loses to one.
    has_pneumonia = np.array([SICK, SICK, WELL, WELL, WELL])
    scores = np.array([0.9, 0.4, 0.1, 0.4, 0.8])
    assert area_under_roc(has_pneumonia, scores).value == pytest.approx(4.5 / 6)


@pytest.mark.parametrize("levels", [3, 12, 10**6])
def test_the_area_equals_that_of_scikit_learn_with_many_few_and_no_ties(levels: int):
    has_pneumonia, scores = films(levels=levels)
    expected = metrics.roc_auc_score(has_pneumonia, scores)
    assert 0.6 < expected < 0.95
    assert area_under_roc(has_pneumonia, scores).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("levels", [3, 12, 10**6])
def test_delongs_interval_equals_the_paper_written_out_pair_by_pair(levels: int):
    has_pneumonia, scores = films(levels=levels)
    sick, well = scores[has_pneumonia], scores[~has_pneumonia]
    # DeLong et al. 1988: psi is 1, 1/2 or 0 for each pair; V10 and V01 are its means over the other class.
    pairs = [[1.0 if x > y else 0.5 if x == y else 0.0 for y in well] for x in sick]
    area = sum(map(sum, pairs)) / (len(sick) * len(well))
    of_sick = [sum(row) / len(well) for row in pairs]
    of_well = [sum(row[j] for row in pairs) / len(sick) for j in range(len(well))]
    variance = sum((v - area) ** 2 for v in of_sick) / (len(sick) - 1) / len(sick)
    variance += sum((v - area) ** 2 for v in of_well) / (len(well) - 1) / len(well)
    half = 1.959964 * math.sqrt(variance)
    found = area_under_roc(has_pneumonia, scores)
    assert half > 0.03
    assert (found.low, found.high) == pytest.approx((area - half, area + half), abs=1e-6)
    assert found.n == 60


def test_the_interval_of_the_area_is_cut_at_1():
    has_pneumonia = np.array([SICK] * 4 + [WELL] * 4)
    found = area_under_roc(has_pneumonia, np.array([0.9, 0.8, 0.7, 0.4, 0.5, 0.3, 0.2, 0.1]))
    assert found.value == pytest.approx(15 / 16)
    assert found.high == 1.0
    assert 0.5 < found.low < found.value


@pytest.mark.parametrize("label", [SICK, WELL])
def test_a_missing_class_leaves_the_area_undefined(label: bool):
    found = area_under_roc(np.array([label] * 3), np.array([0.1, 0.5, 0.9]))
    assert math.isnan(found.value)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.n == 3


@pytest.mark.parametrize("label", [SICK, WELL])
def test_one_film_in_a_class_gives_an_area_without_interval(label: bool):
    has_pneumonia = np.array([label, not label, not label])
    found = area_under_roc(has_pneumonia, np.array([0.5, 0.4, 0.6]))
    assert found.value == 0.5
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_two_films_in_each_class_are_enough_for_an_interval():
    found = area_under_roc(np.array([SICK, SICK, WELL, WELL]), np.array([0.9, 0.4, 0.5, 0.1]))
    assert found.value == 0.75
    assert not math.isnan(found.low)


def test_the_brier_score_equals_that_of_scikit_learn():
    has_pneumonia, probabilities = films()
    expected = metrics.brier_score_loss(has_pneumonia, probabilities)
    assert expected > 0.1
    assert brier_score(has_pneumonia, probabilities) == pytest.approx(expected)


def test_the_calibration_error_weighs_each_bins_gap_by_its_films():
    # Bin 0.2-0.3: mean 0.22, observed 1/2, gap 0.28, 2 of 5. Bin 0.9-1: mean 0.95, observed 2/3, gap 0.2833, 3 of 5.
    probabilities = np.array([0.21, 0.23, 0.91, 0.94, 1.0])
    has_pneumonia = np.array([SICK, WELL, SICK, SICK, WELL])
    expected = 0.28 * 2 / 5 + (0.95 - 2 / 3) * 3 / 5
    assert expected_calibration_error(has_pneumonia, probabilities) == pytest.approx(expected)


def test_the_calibration_error_depends_on_how_films_are_binned():
    probabilities, has_pneumonia = np.array([0.3, 0.4]), np.array([SICK, WELL])
    assert expected_calibration_error(has_pneumonia, probabilities, bins=10) == pytest.approx((0.7 + 0.4) / 2)
    # In one bin the gaps, one up and one down, cancel to |0.35 - 0.5|.
    assert expected_calibration_error(has_pneumonia, probabilities, bins=1) == pytest.approx(0.15)


def test_without_films_scores_of_probabilities_are_not_defined():
    none = np.array([], bool), np.array([], float)
    assert math.isnan(brier_score(*none))
    assert math.isnan(expected_calibration_error(*none))


@pytest.mark.parametrize(("prevalence", "positive"), [(0.625, 0.94), (0.10, 0.51), (0.05, 0.33)])
def test_the_positive_predictive_value_falls_with_the_prevalence(prevalence: float, positive: float):
    found, _ = predictive_values(sensitivity=0.932, specificity=0.901, prevalence=prevalence)
    assert found == pytest.approx(positive, abs=0.005)


def test_predictive_values_of_a_thousand_patients_counted_by_hand():
    # 100 sick: 90 flagged, 10 passed. 900 well: 180 flagged, 720 passed.
    assert predictive_values(0.9, 0.8, 0.1) == pytest.approx((90 / 270, 720 / 730))


def test_predictive_values_are_not_defined_where_nothing_is_flagged_or_passed():
    positive, negative = predictive_values(sensitivity=0.0, specificity=1.0, prevalence=0.25)
    assert math.isnan(positive)
    assert negative == pytest.approx(0.75)
    positive, negative = predictive_values(sensitivity=1.0, specificity=0.0, prevalence=0.25)
    assert positive == pytest.approx(0.25)
    assert math.isnan(negative)


def test_predictive_values_reach_from_both_low_ends_to_both_high_ends_of_the_rates():
    # Of 1000, 100 sick. Low ends: 80 sick and 180 well flagged; 20 and 720 passed. High: 100 and 45; 0 and 855.
    positive, negative = predictive_value_estimates(
        Estimate(0.9, 0.8, 1.0, 30), Estimate(0.9, 0.8, 0.95, 50), prevalence=0.1
    )
    assert astuple(positive) == pytest.approx((90 / 180, 80 / 260, 100 / 145, 80))
    assert astuple(negative) == pytest.approx((810 / 820, 720 / 740, 1, 80))


@pytest.mark.parametrize("prevalence", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("sick_flagged", [0, 1, 7, 10])
@pytest.mark.parametrize("well_passed", [0, 1, 7, 10])
def test_a_predictive_value_lies_in_its_range_whatever_was_counted(
    prevalence: float, sick_flagged: int, well_passed: int
):
    rates = proportion(sick_flagged, 10), proportion(well_passed, 10)
    for found in predictive_value_estimates(*rates, prevalence):
        assert math.isnan(found.value) or 0 <= found.low <= found.value <= found.high <= 1
        assert math.isnan(found.low) == math.isnan(found.high) == math.isnan(found.value)
        # Ten films of a class never settle a value that nothing else settles.
        assert math.isnan(found.value) or found.high - found.low > 0.003


def test_the_range_of_a_predictive_value_is_not_defined_where_the_value_or_a_rate_is_not():
    for rates in ((proportion(0, 10), proportion(10, 10)), (proportion(0, 0), proportion(9, 10))):
        positive, _ = predictive_value_estimates(*rates, 0.1)
        assert all(math.isnan(figure) for figure in (positive.value, positive.low, positive.high))


PROPORTIONS = ("accuracy", "sensitivity", "specificity", "positive_predictive_value", "negative_predictive_value")
COMPOUNDS = ("f1", "balanced_accuracy", "matthews_correlation")
OVERALL = ("area_under_roc", "average_precision", "brier_score", "log_loss", "expected_calibration_error")


def repeated(n: int = 60, times: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The films of `films`, each of another patient and taken several times: no more is known than from one."""
    has_pneumonia, scores = films(n)
    return np.repeat(has_pneumonia, times), np.repeat(scores, times), np.repeat(np.arange(n).astype(str), times)


def test_balanced_accuracy_is_the_mean_of_sensitivity_and_specificity():
    assert ConfusionMatrix(3, 1, 5, 1).balanced_accuracy == pytest.approx((3 / 4 + 5 / 6) / 2)
    assert math.isnan(ConfusionMatrix(3, 0, 0, 1).balanced_accuracy)
    assert math.isnan(ConfusionMatrix(0, 1, 5, 0).balanced_accuracy)


def test_the_matthews_correlation_counted_by_hand():
    # (3 x 5 - 1 x 1) / sqrt(4 x 4 x 6 x 6)
    assert ConfusionMatrix(3, 1, 5, 1).matthews_correlation == pytest.approx(14 / 24)
    assert ConfusionMatrix(4, 0, 6, 0).matthews_correlation == 1
    assert ConfusionMatrix(0, 6, 0, 4).matthews_correlation == -1


@pytest.mark.parametrize("counts", [(0, 3, 7, 0), (3, 0, 0, 7), (0, 0, 7, 3), (3, 7, 0, 0), (0, 0, 0, 0)])
def test_without_two_labels_and_two_flags_nothing_correlates(counts: tuple[int, int, int, int]):
    assert math.isnan(ConfusionMatrix(*counts).matthews_correlation)


def test_figures_at_a_threshold_equal_those_of_scikit_learn():
    has_pneumonia, probabilities = films()
    found = figures_at(has_pneumonia, probabilities, 0.5)
    is_flagged = probabilities >= 0.5
    expected = {
        "accuracy": metrics.accuracy_score,
        "sensitivity": metrics.recall_score,
        "positive_predictive_value": metrics.precision_score,
        "f1": metrics.f1_score,
        "balanced_accuracy": metrics.balanced_accuracy_score,
        "matthews_correlation": metrics.matthews_corrcoef,
    }
    for name, score in expected.items():
        assert getattr(found, name).value == pytest.approx(score(has_pneumonia, is_flagged)), name
    assert found.confusion == ConfusionMatrix.count(has_pneumonia, is_flagged)
    assert found.threshold == 0.5


def test_figures_without_threshold_equal_those_of_scikit_learn():
    has_pneumonia, probabilities = films()
    found = figures_overall(has_pneumonia, probabilities)
    assert found.area_under_roc == area_under_roc(has_pneumonia, probabilities)
    assert found.average_precision.value == pytest.approx(metrics.average_precision_score(has_pneumonia, probabilities))
    assert found.brier_score.value == pytest.approx(metrics.brier_score_loss(has_pneumonia, probabilities))
    assert found.log_loss.value == pytest.approx(metrics.log_loss(has_pneumonia, probabilities))
    assert found.expected_calibration_error.value == expected_calibration_error(has_pneumonia, probabilities)
    assert {getattr(found, name).n for name in OVERALL} == {60}


@pytest.mark.parametrize("levels", [1, 3, 12, 10**6])
def test_average_precision_equals_that_of_scikit_learn_with_and_without_ties(levels: int):
    has_pneumonia, scores = films(levels=levels)
    expected = metrics.average_precision_score(has_pneumonia, scores)
    assert average_precision(has_pneumonia, scores) == pytest.approx(expected)


def test_average_precision_counted_by_hand():
    # Recall rises at ranks 1 and 3, where precision is 1 and 2/3.
    found = average_precision(np.array([SICK, WELL, SICK, WELL]), np.array([0.9, 0.8, 0.7, 0.1]))
    assert found == pytest.approx((1 + 2 / 3) / 2)


def test_log_loss_counted_by_hand():
    found = log_loss(np.array([SICK, WELL]), np.array([0.5, 0.75]))
    assert found == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_a_wrong_certainty_costs_much_and_not_infinity():
    wrong = np.array([SICK, WELL]), np.array([0.0, 1.0])
    assert log_loss(*wrong) == pytest.approx(metrics.log_loss(*wrong))
    assert log_loss(*wrong) == pytest.approx(36.04, abs=0.01)
    assert log_loss(np.array([SICK, WELL]), np.array([1.0, 0.0])) == pytest.approx(0, abs=1e-12)


def test_the_share_of_films_ordered_right_counts_ties_half():
    has_pneumonia = np.array([SICK, SICK, WELL, WELL, WELL])
    of_sick, of_well = shares_ordered_right(has_pneumonia, np.array([0.9, 0.4, 0.1, 0.4, 0.8]))
    assert list(of_sick) == pytest.approx([1, 1.5 / 3])
    assert list(of_well) == pytest.approx([1, 1.5 / 2, 1 / 2])


def test_proportions_keep_wilsons_interval_unless_asked_otherwise():
    has_pneumonia, probabilities, patients = repeated()
    found = figures_at(has_pneumonia, probabilities, 0.5, Bootstrap(patients))
    for name in PROPORTIONS:
        assert getattr(found, name) == getattr(found.confusion, name)


def test_the_bootstrap_of_single_films_agrees_with_wilson_and_delong():
    has_pneumonia, probabilities = films(n=2000)
    at = figures_at(has_pneumonia, probabilities, 0.5), figures_at(has_pneumonia, probabilities, 0.5, by_patient=True)
    overall = (
        figures_overall(has_pneumonia, probabilities),
        figures_overall(has_pneumonia, probabilities, by_patient=True),
    )
    pairs = [(getattr(at[0], name), getattr(at[1], name)) for name in PROPORTIONS]
    for closed, resampled in [*pairs, (overall[0].area_under_roc, overall[1].area_under_roc)]:
        assert resampled.value == closed.value
        assert (resampled.low, resampled.high) == pytest.approx((closed.low, closed.high), abs=0.005)
        assert closed.high - closed.low > 0.015


@pytest.mark.parametrize("name", [*PROPORTIONS, *COMPOUNDS])
def test_films_taken_four_times_say_no_more_than_once(name: str):
    has_pneumonia, probabilities, patients = repeated()
    once = getattr(figures_at(has_pneumonia[::4], probabilities[::4], 0.5, by_patient=True), name)
    four = getattr(figures_at(has_pneumonia, probabilities, 0.5, Bootstrap(patients), by_patient=True), name)
    as_if_others = getattr(figures_at(has_pneumonia, probabilities, 0.5, by_patient=True), name)
    assert (four.value, four.n) == (once.value, 4 * once.n)
    assert four.high - four.low == pytest.approx(once.high - once.low, rel=0.15)
    assert as_if_others.high - as_if_others.low == pytest.approx((once.high - once.low) / 2, rel=0.2)


@pytest.mark.parametrize("name", OVERALL)
def test_overall_figures_too_know_that_films_of_one_patient_are_alike(name: str):
    has_pneumonia, probabilities, patients = repeated()
    four = getattr(figures_overall(has_pneumonia, probabilities, Bootstrap(patients), by_patient=True), name)
    as_if_others = getattr(figures_overall(has_pneumonia, probabilities, by_patient=True), name)
    assert four.low < four.value < four.high
    assert as_if_others.high - as_if_others.low < 0.75 * (four.high - four.low)


def test_intervals_are_those_of_scikit_learns_scores_on_resamples_drawn_one_by_one():
    has_pneumonia, probabilities = films(n=150)
    random = np.random.default_rng(3)
    drawn = [random.integers(150, size=150) for _ in range(500)]
    at, overall = figures_at(has_pneumonia, probabilities, 0.5), figures_overall(has_pneumonia, probabilities)
    for found, score, scores, tolerance in [
        (at.f1, metrics.f1_score, probabilities >= 0.5, 0.02),
        (at.balanced_accuracy, metrics.balanced_accuracy_score, probabilities >= 0.5, 0.015),
        (at.matthews_correlation, metrics.matthews_corrcoef, probabilities >= 0.5, 0.03),
        (overall.average_precision, metrics.average_precision_score, probabilities, 0.015),
        (overall.brier_score, metrics.brier_score_loss, probabilities, 0.008),
        (overall.log_loss, metrics.log_loss, probabilities, 0.015),
    ]:
        resampled = [score(has_pneumonia[films], scores[films]) for films in drawn]
        assert (found.low, found.high) == pytest.approx(tuple(np.quantile(resampled, [0.025, 0.975])), abs=tolerance)
        assert found.high - found.low > 4 * tolerance, score


def test_the_interval_of_the_calibration_error_holds_the_error_of_a_well_calibrated_model():
    # Without taking the resamples' own bias out, the whole interval would lie above the figure.
    random = np.random.default_rng(4)
    probabilities = random.random(400)
    found = figures_overall(random.random(400) < probabilities, probabilities).expected_calibration_error
    assert 0 <= found.low < found.value < found.high < 0.15


def test_a_share_of_all_or_none_has_wilsons_interval_of_its_patients():
    has_pneumonia = np.array([SICK] * 24 + [WELL] * 6)
    probabilities = np.array([0.9] * 24 + [0.1] * 4 + [0.9] * 2)
    patients = np.concatenate([np.arange(24) // 2, 100 + np.arange(6)])
    found = figures_at(has_pneumonia, probabilities, 0.5, Bootstrap(patients), by_patient=True).sensitivity
    assert found == Estimate(1.0, proportion(12, 12).low, 1.0, 24)


def few(patients: int) -> tuple[np.ndarray, np.ndarray, Bootstrap]:
    """Six films of each of so many patients of each class, ordered well but not perfectly."""
    numbers = np.arange(12 * patients)
    random = np.random.default_rng(1)
    return (
        numbers % 2 == 1,
        np.clip(0.35 + 0.3 * (numbers % 2) + random.normal(0, 0.2, len(numbers)), 0, 1),
        Bootstrap(numbers % (2 * patients)),
    )


@pytest.mark.parametrize("patients", [1, 2, 3, 9])
def test_a_handful_of_patients_gives_no_interval_by_patient(patients: int):
    has_pneumonia, probabilities, bootstrap = few(patients)
    at = figures_at(has_pneumonia, probabilities, 0.5, bootstrap, by_patient=True)
    overall = figures_overall(has_pneumonia, probabilities, bootstrap, by_patient=True)
    found = [getattr(at, name) for name in ("sensitivity", "specificity", *COMPOUNDS)]
    found += [getattr(overall, name) for name in OVERALL]
    found += [area_by_patient(has_pneumonia, probabilities, bootstrap)]
    found += sensitivity_and_specificity(has_pneumonia, probabilities >= 0.5, bootstrap, by_patient=True)
    assert all(math.isnan(estimate.low) and math.isnan(estimate.high) for estimate in found)
    assert not any(math.isnan(estimate.value) for estimate in found)


@pytest.mark.parametrize("patients", [10, 12])
def test_no_interval_by_patient_is_narrower_than_that_of_single_films(patients: int):
    has_pneumonia, probabilities, bootstrap = few(patients)
    # Films of a patient that differ more than those of several make the bootstrap by patient narrow.
    by_patient = figures_at(has_pneumonia, probabilities, 0.5, bootstrap, by_patient=True)
    alone = figures_at(has_pneumonia, probabilities, 0.5)
    overall = figures_overall(has_pneumonia, probabilities, bootstrap, by_patient=True)
    overall_alone = figures_overall(has_pneumonia, probabilities)
    pairs = [(getattr(by_patient, name), getattr(alone, name)) for name in (*PROPORTIONS, *COMPOUNDS)]
    pairs += [(getattr(overall, name), getattr(overall_alone, name)) for name in OVERALL]
    narrow = 0
    for one, other in pairs:
        assert one.low <= other.low
        assert one.high >= other.high
        narrow += one.low == other.low or one.high == other.high
    assert narrow > 0


def test_a_perfect_score_of_few_films_has_no_bootstrap_interval():
    perfect = np.array([SICK] * 5 + [WELL] * 5), np.array([1.0] * 5 + [0.0] * 5)
    at, overall = figures_at(*perfect, 0.5), figures_overall(*perfect)
    for found in (at.f1, at.balanced_accuracy, at.matthews_correlation, overall.average_precision):
        assert found.value == 1
        assert math.isnan(found.low)
        assert math.isnan(found.high)
    assert str(at.f1) == "1.000 (no interval, n = 10)"


def test_too_few_films_of_a_class_leave_the_bootstrap_without_interval():
    # One film of ten is left out of a third of the resamples, and with it the class.
    found = figures_at(np.array([SICK] + [WELL] * 9), np.array([0.9] + [0.6, 0.1, 0.2] * 3), 0.5)
    assert found.balanced_accuracy.value == pytest.approx((1 + 6 / 9) / 2)
    assert math.isnan(found.balanced_accuracy.low)


@pytest.mark.parametrize("by_patient", [False, True])
@pytest.mark.parametrize(
    ("labels", "scores", "undefined"),
    [
        ([], [], {*PROPORTIONS, *COMPOUNDS, *OVERALL}),
        (
            [WELL],
            [0.3],
            {"sensitivity", "positive_predictive_value", *COMPOUNDS, "area_under_roc", "average_precision"},
        ),
        (
            [SICK] * 3,
            [0.9, 0.9, 0.2],
            {"specificity", "balanced_accuracy", "matthews_correlation", "area_under_roc"},
        ),
        ([SICK, SICK, WELL, WELL], [0.7] * 4, {"negative_predictive_value", "matthews_correlation"}),
    ],
    ids=["no films", "one film", "one class", "constant scores"],
)
def test_at_the_edges_nothing_warns_and_only_the_undefined_is_not_a_number(labels, scores, undefined, by_patient):
    films = np.array(labels, bool), np.array(scores, float)
    at, overall = figures_at(*films, 0.5, by_patient=by_patient), figures_overall(*films, by_patient=by_patient)
    found = {name: getattr(at, name) for name in (*PROPORTIONS, *COMPOUNDS)}
    found |= {name: getattr(overall, name) for name in OVERALL}
    assert {name for name, estimate in found.items() if math.isnan(estimate.value)} == undefined
    for name in undefined:
        assert math.isnan(found[name].low)
        assert math.isnan(found[name].high)
    for estimate in found.values():
        assert math.isnan(estimate.low) or estimate.low <= estimate.value <= estimate.high


def test_figures_of_ten_thousand_films_are_ready_while_a_slider_moves():
    has_pneumonia, probabilities = films(n=10_000)
    bootstrap = Bootstrap(np.arange(10_000) // 3)
    start = time.perf_counter()
    figures_at(has_pneumonia, probabilities, 0.4, bootstrap)
    # It takes 10 ms; drawing the patients one by one takes 200.
    assert time.perf_counter() - start < 0.15


@pytest.mark.parametrize("by_patient", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.1])
def test_sensitivity_and_specificity_alone_are_those_among_all_figures(by_patient: bool, threshold: float):
    has_pneumonia, probabilities = films()
    bootstrap = Bootstrap(np.arange(len(has_pneumonia)) // 3)
    both = sensitivity_and_specificity(has_pneumonia, probabilities >= threshold, bootstrap, by_patient)
    every = figures_at(has_pneumonia, probabilities, threshold, bootstrap, by_patient)
    assert both == (every.sensitivity, every.specificity)
