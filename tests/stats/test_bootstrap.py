"""Resampling patients: by hand, and against drawing them one by one."""

import math

import numpy as np
import pytest

from pneumo_core.stats.bootstrap import Bootstrap, percentile_interval


def test_each_resample_holds_as_many_films_as_there_are_when_no_patient_repeats():
    bootstrap = Bootstrap.of_films(40)
    weights = np.vstack(list(bootstrap.weights()))
    assert weights.shape == (1000, 40)
    assert (weights.sum(axis=1) == 40).all()
    assert weights.mean(axis=0) == pytest.approx(1, abs=0.15)


def test_films_of_one_patient_come_together():
    patients = np.array(["a", "b", "a", "c", "b", "a"])
    weights = np.vstack(list(Bootstrap(patients).weights()))
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 0] == weights[:, 5]).all()
    assert (weights[:, 1] == weights[:, 4]).all()
    # Three patients are drawn, whatever their films.
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_pieces_of_weights_make_up_all_resamples():
    pieces = [len(weights) for weights in Bootstrap(np.arange(300_000), resamples=7).weights()]
    assert pieces == [3, 3, 1]


def test_counts_have_the_distribution_of_drawing_patients_one_by_one():
    random = np.random.default_rng(5)
    patients = random.integers(0, 40, 120)
    has_pneumonia, is_flagged = random.random(120) < 0.5, random.random(120) < 0.4
    bootstrap = Bootstrap(patients, resamples=20_000)
    counts = bootstrap.counts(has_pneumonia, is_flagged)
    cells = (
        has_pneumonia & is_flagged,
        ~has_pneumonia & is_flagged,
        ~has_pneumonia & ~is_flagged,
        has_pneumonia & ~is_flagged,
    )
    drawn = np.vstack(list(bootstrap.weights())) @ np.column_stack(cells)
    assert counts.shape == (20_000, 4)
    assert counts.mean(axis=0) == pytest.approx(drawn.mean(axis=0), abs=0.15)
    assert np.cov(counts.T) == pytest.approx(np.cov(drawn.T), abs=1.2)
    assert np.diag(np.cov(drawn.T)).min() > 10


def test_the_same_films_give_the_same_resamples():
    has_pneumonia, is_flagged = np.array([True, True, False, False]), np.array([True, False, True, False])
    first, second = (Bootstrap.of_films(4).counts(has_pneumonia, is_flagged) for _ in range(2))
    assert (first == second).all()


def test_patients_are_counted_once_however_many_films():
    bootstrap = Bootstrap(np.array(["a", "a", "b", "c"]))
    assert (bootstrap.patients, bootstrap.films) == (3, 4)
    assert bootstrap.patients_among(np.array([True, True, False, True])) == 2
    assert bootstrap.patients_among(np.zeros(4, bool)) == 0


def test_without_films_there_is_nothing_to_resample():
    bootstrap = Bootstrap.of_films(0)
    assert list(bootstrap.weights()) == []
    assert not bootstrap.counts(np.array([], bool), np.array([], bool)).any()
    assert bootstrap.patients_among(np.array([], bool)) == 0


def test_the_interval_leaves_out_one_in_forty_at_each_end():
    assert percentile_interval(np.arange(1001) / 1000) == pytest.approx((0.025, 0.975))


def test_a_few_undefined_resamples_are_left_out_and_many_leave_no_interval():
    resampled = np.arange(1000) / 1000
    resampled[-50:] = math.nan
    assert percentile_interval(resampled) == pytest.approx(tuple(np.quantile(resampled[:950], [0.025, 0.975])))
    resampled[-51:] = math.nan
    assert np.isnan(percentile_interval(resampled)).all()


def test_resamples_that_all_agree_give_no_interval():
    assert np.isnan(percentile_interval(np.ones(1000))).all()
    assert np.isnan(percentile_interval(np.array([]))).all()
