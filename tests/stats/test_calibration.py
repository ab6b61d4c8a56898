"""From logits to probabilities and thresholds: by hand, and both sides of each promise."""

import math

import numpy as np
import pytest

from pneumo_core.stats.calibration import (
    Calibration,
    choose_operating_points,
    fit_temperature,
    probabilities,
    probability_at,
)

HALF = Calibration(temperature=2.0, prevalence=0.5)
LOG_4 = math.log(4)  # sigmoid(log 4) = 4 / 5


def sensitivity(scores: np.ndarray, has_pneumonia: np.ndarray, threshold: float) -> float:
    return float(np.mean(scores[has_pneumonia] >= threshold))


def specificity(scores: np.ndarray, has_pneumonia: np.ndarray, threshold: float) -> float:
    return float(np.mean(scores[~has_pneumonia] < threshold))


def of_each_class(count: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Two copies of so many films with pneumonia and as many without; the classes overlap, the copies differ."""
    random = np.random.default_rng(3)
    has_pneumonia = np.arange(2 * count) < count
    clean = np.clip(0.35 + 0.3 * has_pneumonia + random.normal(0, 0.13, 2 * count), 0.0, 1.0)
    return {"clean": clean, "darker": clean**1.3}, has_pneumonia


def test_a_probability_is_the_sigmoid_of_the_logit_over_the_temperature():
    found = probabilities(np.array([[0.0, 2 * LOG_4, -2 * LOG_4]], np.float32), HALF)
    assert found.dtype == np.float64
    assert found.shape == (1, 3)
    np.testing.assert_allclose(found, [[0.5, 0.8, 0.2]], atol=1e-6)


def test_a_very_large_logit_gives_0_or_1_without_a_warning(recwarn):
    np.testing.assert_array_equal(probabilities(np.array([-1e6, 1e6]), HALF), [0.0, 1.0])
    assert not recwarn.list


@pytest.mark.parametrize("probability", [0.0, 0.003, 0.5, 0.97, 1.0])
def test_at_the_calibrations_own_prevalence_a_probability_stays_as_it_is(probability: float):
    calibration = Calibration(temperature=1.0, prevalence=0.3)
    assert probability_at(probability, calibration, 0.3) == pytest.approx(probability)


def test_another_prevalence_shifts_the_odds_as_bayes_says():
    # At one half the odds of 0.8 are the likelihood ratio, 4; at 1 in 10 they become 4 x 1/9 = 4/9.
    assert probability_at(0.8, HALF, 0.1) == pytest.approx((4 / 9) / (1 + 4 / 9))
    # From 1 in 5 (odds 1/4) to 1 in 2: odds 1 become 4.
    assert probability_at(0.5, Calibration(1.0, 0.2), 0.5) == pytest.approx(0.8)


def test_where_nobody_or_everybody_has_pneumonia_the_film_changes_nothing():
    assert probability_at(0.8, HALF, 0.0) == 0.0
    assert probability_at(0.8, HALF, 1.0) == 1.0


def test_a_certain_probability_stays_certain_at_any_prevalence():
    assert probability_at(0.0, HALF, 0.9) == 0.0
    assert probability_at(1.0, HALF, 0.1) == 1.0


def calibrated_logits() -> tuple[np.ndarray, np.ndarray]:
    """Logits of +-log 4 on the right side in 4 of 5 films of each class, which is what log 4 promises."""
    logits = LOG_4 * np.array([1, 1, 1, 1, -1, -1, -1, -1, -1, 1])
    return logits, np.arange(10) < 5


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_logits_scaled_by_a_factor_give_that_factor_as_temperature(factor: float):
    logits, has_pneumonia = calibrated_logits()
    found = fit_temperature(factor * logits, has_pneumonia)
    assert found.temperature == pytest.approx(factor, rel=1e-3)
    assert found.prevalence == 0.5


def test_both_classes_weigh_the_same_however_many_films_they_have():
    # With pneumonia 4 of 5 right, without 3 of 5: at equal weights 7 of 10, so sigmoid(log 4 / T) = 0.7.
    logits = LOG_4 * np.array([1, 1, 1, 1, -1, -1, -1, -1, 1, 1])
    has_pneumonia = np.arange(10) < 5
    expected = LOG_4 / math.log(7 / 3)
    ten_times_the_sick = np.concatenate([np.repeat(np.arange(5), 10), np.arange(5, 10)])
    assert fit_temperature(logits, has_pneumonia).temperature == pytest.approx(expected, rel=1e-3)
    skewed = fit_temperature(logits[ten_times_the_sick], has_pneumonia[ten_times_the_sick])
    assert skewed.temperature == pytest.approx(expected, rel=1e-3)


def test_with_few_films_screening_misses_none_and_rule_in_flags_none_wrongly():
    # 3 sick and 4 well, overlapping: 0.4 is the lowest sick film, 0.7 the highest well one.
    scores = np.array([0.4, 0.6, 0.9, 0.1, 0.2, 0.5, 0.7])
    has_pneumonia = np.arange(7) < 3
    screening, balanced, rule_in = choose_operating_points({"clean": scores}, has_pneumonia)
    assert (screening.name, balanced.name, rule_in.name) == ("screening", "balanced", "rule-in")
    assert screening.threshold == 0.4
    assert "3 of a class are too few to show one of 0.97" in screening.chosen_for
    assert rule_in.threshold == np.nextafter(0.7, 1)
    # At 0.6 sensitivity is 2/3 and specificity 3/4; at 0.5 specificity is 2/4 only, at 0.7 sensitivity is 1/3.
    # Anything in (0.5, 0.6] counts alike.
    assert balanced.threshold == pytest.approx(0.55)


@pytest.mark.parametrize(("n", "errors"), [(30, 0), (125, 0), (184, 0), (185, 1), (1000, 19)])
def test_so_many_films_may_be_wrong_that_the_interval_still_holds_the_promise(n: int, errors: int):
    # Wilson: of 185 films 184 give 97.002 %, of 184 films 183 give 96.99 %; 981 of 1000 give 97.05 %, 980 96.93 %.
    scores = np.concatenate([np.arange(n), np.arange(n)]) / 2000
    screening, _, rule_in = choose_operating_points({"clean": scores}, np.arange(2 * n) < n)
    assert screening.threshold == errors / 2000
    assert rule_in.threshold == np.nextafter((n - 1 - errors) / 2000, 1)


def test_the_class_of_which_fewer_films_are_known_is_given_the_more_room():
    # 400 sick in (0.5, 0.9), 40 well in (0.1, 0.6): equal rates lie lower than equal lower ends.
    sick, well = np.linspace(0.5, 0.9, 400), np.linspace(0.1, 0.6, 40)
    has_pneumonia = np.arange(440) < 400
    _, balanced, _ = choose_operating_points({"clean": np.concatenate([sick, well])}, has_pneumonia)
    missed, wrongly_flagged = (sick < balanced.threshold).mean(), (well >= balanced.threshold).mean()
    assert missed > wrongly_flagged


def test_the_promises_hold_on_every_copy_and_one_step_further_one_of_them_fails():
    scores, has_pneumonia = of_each_class(1000)
    screening, _, rule_in = choose_operating_points(scores, has_pneumonia)
    every = np.unique(np.concatenate(list(scores.values())))
    for copy in scores.values():
        assert sensitivity(copy, has_pneumonia, screening.threshold) >= 0.981
        assert specificity(copy, has_pneumonia, rule_in.threshold) >= 0.981
    # Of 1000 films 19 may be wrong.
    higher = every[every > screening.threshold][0]
    assert min(sensitivity(copy, has_pneumonia, higher) for copy in scores.values()) < 0.981
    lower = every[every < rule_in.threshold][-1]
    assert min(specificity(copy, has_pneumonia, lower) for copy in scores.values()) < 0.981


def test_the_worst_copy_decides_each_threshold():
    has_pneumonia = np.arange(4) < 2
    scores = {"clean": np.array([0.5, 0.6, 0.4, 0.45]), "darker": np.array([0.3, 0.4, 0.1, 0.2])}
    screening, _, rule_in = choose_operating_points(scores, has_pneumonia)
    assert screening.threshold == 0.3
    assert rule_in.threshold == np.nextafter(0.45, 1)


def test_no_threshold_is_better_than_the_balanced_one_at_its_worst_rate():
    scores, has_pneumonia = of_each_class(100)

    def worst(threshold: float) -> float:
        rates = [
            rate(copy, has_pneumonia, threshold) for copy in scores.values() for rate in (sensitivity, specificity)
        ]
        return min(rates)

    _, balanced, _ = choose_operating_points(scores, has_pneumonia)
    every = np.unique(np.concatenate(list(scores.values())))
    assert worst(balanced.threshold) == max(worst(threshold) for threshold in every)
    assert 0.7 < worst(balanced.threshold) < 1


def test_the_three_thresholds_never_fall_even_where_the_classes_are_apart():
    apart = {"clean": np.array([0.8, 0.9, 0.1, 0.2])}
    # One of these may be missed and one wrongly flagged, which would cross the two promises.
    far_apart = {"clean": np.concatenate([np.linspace(0.8, 0.9, 200), np.linspace(0.1, 0.2, 200)])}
    sets = ((apart, np.arange(4) < 2), (far_apart, np.arange(400) < 200), of_each_class(100))
    for scores, has_pneumonia in sets:
        screening, balanced, rule_in = choose_operating_points(scores, has_pneumonia)
        assert screening.threshold <= balanced.threshold <= rule_in.threshold


def test_classes_that_are_apart_are_told_apart_at_all_three_points():
    scores, has_pneumonia = np.array([0.8, 0.9, 0.1, 0.2]), np.arange(4) < 2
    for point in choose_operating_points({"clean": scores}, has_pneumonia):
        assert 0.2 < point.threshold <= 0.8


def test_where_both_promises_hold_on_a_whole_stretch_the_points_lie_at_its_two_ends():
    scores, has_pneumonia = np.array([0.8, 0.9, 0.1, 0.2]), np.arange(4) < 2
    screening, balanced, rule_in = choose_operating_points({"clean": scores}, has_pneumonia)
    assert screening.threshold == np.nextafter(0.2, 1)
    assert balanced.threshold == pytest.approx(0.5)
    assert rule_in.threshold == 0.8


def test_where_all_scores_tie_screening_flags_all_and_rule_in_none():
    scores, has_pneumonia = np.full(6, 0.5), np.arange(6) < 3
    screening, balanced, rule_in = choose_operating_points({"clean": scores}, has_pneumonia)
    assert screening.threshold == balanced.threshold == 0.5
    assert rule_in.threshold == np.nextafter(0.5, 1)


def test_the_three_points_never_fall_whatever_the_scores():
    random = np.random.default_rng(11)
    for _ in range(300):
        has_pneumonia = np.arange(60) < random.integers(5, 55)
        scores = {
            name: np.clip(random.normal(0.5 + 0.15 * has_pneumonia, random.uniform(0.02, 0.3)), 0, 1)
            for name in ("clean", "darker")
        }
        thresholds = [point.threshold for point in choose_operating_points(scores, has_pneumonia)]
        assert thresholds == sorted(thresholds)
