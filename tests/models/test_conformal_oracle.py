"""Regions keep the classes that crepes, another's conformal prediction, keeps at the same coverage."""

import numpy as np
import pytest
from crepes import ConformalClassifier
from crepes.extras import hinge
from hypothesis import given, strategies as st

from pneumo_core.models.conformal import Regions, fit_regions, measure
from pneumo_core.models.stored_scores import ScoredFilms
from tests.models.test_conformal import films

# Multiples of 1/64, which floats hold exactly, as they hold 1 less them; so that films tie, too.
EXACT = st.integers(0, 64).map(lambda number: number / 64)
GRID = np.arange(129) / 128
# 0.8 of 24 + 1 films and 0.9 of 19 + 1 are whole numbers: the edge of a rank.
COVERAGES = [0.8, 0.85, 0.9, 0.95]


def kept_by_crepes(calibration: ScoredFilms, probabilities: np.ndarray, coverage: float) -> np.ndarray:
    """Give which classes crepes keeps for each probability, bool `(n, 2)`: no pneumonia, pneumonia."""
    classes = np.array([False, True])
    scores = np.column_stack([1 - calibration.probabilities, calibration.probabilities])
    classifier = ConformalClassifier()
    classifier.fit(hinge(scores, classes, calibration.has_pneumonia), bins=calibration.has_pneumonia)
    new = hinge(np.column_stack([1 - probabilities, probabilities]))
    # By the class that is asked about; without smoothing, which leaves ties to chance.
    values = [classifier.predict_p(new, bins=np.full(len(new), label), smoothing=False)[:, label] for label in (0, 1)]
    # Vovk, Gammerman and Shafer, 2005, 2.2: a class is kept where its p-value is above 1 - coverage. Never by a hair:
    # p-values are whole numbers over n + 1.
    return np.column_stack(values) > 1 - coverage + 1e-9


def kept_by_regions(regions: Regions, probabilities: np.ndarray) -> np.ndarray:
    """Give which classes regions keep by the word they give, and whether the two overlap."""
    words = [regions.outcome(probability) for probability in probabilities]
    of_word = {"likely": (False, True), "unlikely": (True, False)}
    both = regions.pneumonia_from <= regions.none_up_to
    return np.array([of_word.get(word, (both, both)) for word in words])


@pytest.mark.parametrize("coverage", COVERAGES)
@given(
    st.lists(EXACT, min_size=19, max_size=30),
    st.lists(EXACT, min_size=19, max_size=30),
)
def test_regions_keep_what_crepes_keeps(coverage: float, sick: list[float], well: list[float]):
    calibration = films(sick, well)
    regions = fit_regions([calibration], coverage)
    assert regions is not None
    np.testing.assert_array_equal(kept_by_regions(regions, GRID), kept_by_crepes(calibration, GRID, coverage))


@pytest.mark.parametrize("coverage", COVERAGES)
def test_what_regions_cover_and_leave_open_is_what_crepes_counts(coverage: float):
    random = np.random.default_rng(3)

    def drawn(count: int) -> ScoredFilms:
        sick, well = random.beta(4, 2, count), random.beta(2, 4, count)
        return films((np.rint(1024 * sick) / 1024).tolist(), (np.rint(1024 * well) / 1024).tolist())

    calibration, test = drawn(57), drawn(200)
    regions = fit_regions([calibration], coverage)
    assert regions is not None
    found, kept = measure(regions, test), kept_by_crepes(calibration, test.probabilities, coverage)
    sick = test.has_pneumonia
    assert found.with_pneumonia.value == pytest.approx(kept[sick, 1].mean())
    assert found.without.value == pytest.approx(kept[~sick, 0].mean())
    is_single = kept.sum(axis=1) == 1
    assert found.uncertain.value == pytest.approx(1 - is_single.mean())
    assert found.missed == np.sum(is_single & kept[:, 0] & sick)
    assert found.false_alarms == np.sum(is_single & kept[:, 1] & ~sick)
