"""Figures of any films equal those of scikit-learn and SciPy, and those of the definitions where neither has them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from sklearn import calibration, metrics

from pneumo_core.stats.calibration import Calibration, fit_temperature, probabilities as probabilities_of
from pneumo_core.stats.comparison import compare_shares
from pneumo_core.stats.curves import precision_recall_points, reliability_bins, roc_points
from pneumo_core.stats.metrics import (
    ConfusionMatrix,
    area_under_roc,
    average_precision,
    brier_score,
    expected_calibration_error,
    log_loss,
    proportion,
)

pytestmark = pytest.mark.filterwarnings("error")

# Few values, so that films tie; none on the edge of a bin, which scikit-learn counts to the bin below.
SCORES = st.integers(0, 39).map(lambda number: (number + 0.5) / 40)


@st.composite
def films(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of 2 to 40 films, at least one of each class."""
    scored = draw(st.lists(st.tuples(st.booleans(), SCORES), max_size=38))
    scored += [(True, draw(SCORES)), (False, draw(SCORES))]
    return np.array([label for label, _ in scored]), np.array([score for _, score in scored])


@settings(max_examples=30)
@given(films())
def test_figures_of_any_films_equal_those_of_scikit_learn(scored: tuple[np.ndarray, np.ndarray]):
    for function, oracle in (
        (lambda *scored: area_under_roc(*scored).value, metrics.roc_auc_score),
        (average_precision, metrics.average_precision_score),
        (brier_score, metrics.brier_score_loss),
        (log_loss, metrics.log_loss),
    ):
        assert function(*scored) == pytest.approx(oracle(*scored), abs=1e-12)


@given(films())
def test_the_area_of_any_films_is_that_of_mann_and_whitneys_test(scored: tuple[np.ndarray, np.ndarray]):
    has_pneumonia, scores = scored
    u = stats.mannwhitneyu(scores[has_pneumonia], scores[~has_pneumonia], method="asymptotic").statistic
    pairs = has_pneumonia.sum() * (~has_pneumonia).sum()
    assert area_under_roc(has_pneumonia, scores).value == pytest.approx(u / pairs)


@given(films())
def test_curves_of_any_films_enclose_the_areas_and_hold_what_each_threshold_gives(scored):
    has_pneumonia, scores = scored
    roc, precision_recall = roc_points(*scored), precision_recall_points(*scored)
    area = np.trapezoid(roc.sensitivity, roc.false_positive_rate)
    assert area == pytest.approx(area_under_roc(*scored).value)
    assert (roc.sensitivity[[0, -1]].tolist(), roc.false_positive_rate[[0, -1]].tolist()) == ([0, 1], [0, 1])
    for points in (roc, precision_recall):
        for place, threshold in enumerate(points.thresholds):
            assert points.sensitivity[place] == pytest.approx(np.mean(scores[has_pneumonia] >= threshold))
    for place, threshold in enumerate(roc.thresholds):
        assert roc.false_positive_rate[place] == pytest.approx(np.mean(scores[~has_pneumonia] >= threshold))
    for place, threshold in enumerate(precision_recall.thresholds[:-1]):
        assert precision_recall.positive_predictive_value[place] == pytest.approx(
            np.mean(has_pneumonia[scores >= threshold])
        )


@pytest.mark.parametrize("bins", [5, 10])
@given(films())
def test_bins_of_any_films_are_those_of_scikit_learn(bins: int, scored: tuple[np.ndarray, np.ndarray]):
    observed, predicted = calibration.calibration_curve(*scored, n_bins=bins)
    found = [bin for bin in reliability_bins(*scored, bins=bins) if bin.n]
    assert [bin.observed.value for bin in found] == pytest.approx(observed.tolist())
    assert [bin.mean_probability for bin in found] == pytest.approx(predicted.tolist())
    assert sum(bin.n for bin in found) == len(scored[0])
    shares = np.array([bin.n for bin in found]) / len(scored[0])
    error = float(np.sum(shares * np.abs(observed - predicted)))
    assert expected_calibration_error(*scored, bins=bins) == pytest.approx(error)


@pytest.mark.parametrize("n", [1, 2, 7, 30, 624])
def test_wilsons_interval_is_that_of_scipy_for_any_count(n: int):
    for successes in range(0, n + 1, max(1, n // 40)):
        expected = stats.binomtest(successes, n).proportion_ci(method="wilson")
        found = proportion(successes, n)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.integers(1, 200), st.data())
def test_the_ends_of_wilsons_interval_are_where_the_score_test_gives_5_percent(n: int, data: st.DataObject):
    successes = data.draw(st.integers(0, n))
    found = proportion(successes, n)
    # The definition: the true shares from which the one found lies 1.96 standard errors away.
    for end, side in ((found.low, 1), (found.high, -1)):
        if 0 < end < 1:
            z = (successes / n - end) / math.sqrt(end * (1 - end) / n)
            assert 2 * stats.norm.sf(side * z) == pytest.approx(0.05)


@settings(max_examples=30)
@given(*[st.integers(0, 500)] * 4)
def test_figures_of_any_counts_equal_those_of_scikit_learn(tp: int, fp: int, tn: int, fn: int):
    matrix = ConfusionMatrix(tp, fp, tn, fn)
    labels, flags, counts = [True, False, False, True], [True, True, False, False], [tp, fp, tn, fn]
    if min(tp + fn, tn + fp, tp + fp, tn + fn) == 0:
        assert math.isnan(matrix.matthews_correlation)
        return
    for found, oracle in (
        (matrix.f1, metrics.f1_score),
        (matrix.matthews_correlation, metrics.matthews_corrcoef),
        (matrix.balanced_accuracy, metrics.balanced_accuracy_score),
        (matrix.accuracy.value, metrics.accuracy_score),
    ):
        assert found == pytest.approx(oracle(labels, flags, sample_weight=counts), abs=1e-9)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 30))
def test_mcnemars_exact_test_is_twice_the_smaller_tail(only_first: int, only_second: int, both: int):
    counts = [both, only_first, only_second]
    first, second = np.repeat([True, True, False], counts), np.repeat([True, False, True], counts)
    tail = stats.binom.cdf(min(only_first, only_second), only_first + only_second, 0.5)
    assert compare_shares(first, second).p == pytest.approx(min(1, 2 * tail))


@pytest.mark.parametrize("seed", range(5))
def test_the_temperature_fitted_is_that_of_a_logistic_regression_without_intercept(seed: int):
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(seed)
    has_pneumonia = np.arange(200) < 60 + 10 * seed
    logits = random.normal(np.where(has_pneumonia, 1.5, -1.5), 2)
    model = LogisticRegression(C=1e9, fit_intercept=False, class_weight="balanced", tol=1e-9)
    slope = model.fit(logits[:, None], has_pneumonia).coef_[0, 0]
    assert fit_temperature(logits, has_pneumonia).temperature == pytest.approx(1 / slope, rel=1e-3)
    expected = model.predict_proba(logits[:, None])[:, 1]
    np.testing.assert_allclose(probabilities_of(logits, Calibration(1 / slope, 0.5)), expected, atol=1e-9)
