"""Two models on the same films: by hand, from published tables, and against the papers written out."""

import math

import numpy as np
import pytest

from pneumo_core.stats.comparison import compare, compare_areas, compare_shares, paired_difference
from pneumo_core.stats.metrics import ConfusionMatrix, area_under_roc

pytestmark = pytest.mark.filterwarnings("error")

SICK, WELL = True, False


def films(n: int = 80, levels: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, and the correlated scores of two models, with ties."""
    random = np.random.default_rng(3)
    has_pneumonia = random.random(n) < 0.5
    common = 0.35 + 0.25 * has_pneumonia + random.normal(0, 0.15, n)
    first, second = (np.rint(levels * (common + random.normal(0, noise, n))) / levels for noise in (0.05, 0.25))
    return has_pneumonia, first, second


def rights(both: int, only_first: int, only_second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    first = [True] * (both + only_first) + [False] * (only_second + neither)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    return np.array(first, bool), np.array(second, bool)


@pytest.mark.parametrize("levels", [3, 12, 10**6])
def test_delongs_paired_test_equals_the_paper_written_out_pair_by_pair(levels: int):
    has_pneumonia, first, second = films(levels=levels)
    m, n = int(has_pneumonia.sum()), int((~has_pneumonia).sum())

    def components(scores: np.ndarray) -> tuple[float, list[float], list[float]]:
        sick, well = scores[has_pneumonia], scores[~has_pneumonia]
        pairs = [[1.0 if x > y else 0.5 if x == y else 0.0 for y in well] for x in sick]
        of_well = [sum(row[j] for row in pairs) / m for j in range(n)]
        return sum(map(sum, pairs)) / (m * n), [sum(row) / n for row in pairs], of_well

    def covariance(xs: list[float], x: float, ys: list[float], y: float) -> float:
        return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / (len(xs) - 1)

    # DeLong et al. 1988: S = S10 / m + S01 / n, and the contrast (1, -1) of the two areas.
    found = [components(first), components(second)]
    s = [
        [covariance(f[1], f[0], g[1], g[0]) / m + covariance(f[2], f[0], g[2], g[0]) / n for g in found] for f in found
    ]
    difference = found[0][0] - found[1][0]
    error = math.sqrt(s[0][0] + s[1][1] - 2 * s[0][1])
    result = compare_areas(has_pneumonia, first, second)
    assert abs(difference) > 0.02
    assert result.difference.value == pytest.approx(difference)
    assert result.z == pytest.approx(difference / error)
    assert result.p == pytest.approx(math.erfc(abs(difference / error) / math.sqrt(2)))
    assert result.difference.low == pytest.approx(difference - 1.959964 * error, abs=1e-6)
    assert result.difference.high == pytest.approx(difference + 1.959964 * error, abs=1e-6)
    assert result.first == area_under_roc(has_pneumonia, first)
    assert result.second == area_under_roc(has_pneumonia, second)


def test_exchanging_the_models_turns_the_difference_around():
    has_pneumonia, first, second = films()
    one, other = compare_areas(has_pneumonia, first, second), compare_areas(has_pneumonia, second, first)
    assert one.z == pytest.approx(-other.z)
    assert one.p == pytest.approx(other.p)
    assert one.difference.low == pytest.approx(-other.difference.high)


def test_delongs_test_keeps_to_its_level():
    # Two models equally good: about 1 in 20 of the tests are below 0.05.
    random = np.random.default_rng(1)
    below = 0
    for _ in range(400):
        has_pneumonia = random.random(100) < 0.5
        common = has_pneumonia + random.normal(0, 1, 100)
        first, second = (common + random.normal(0, 0.7, 100) for _ in range(2))
        below += compare_areas(has_pneumonia, first, second).p < 0.05
    assert 8 <= below <= 34


def test_identical_scores_differ_by_nothing():
    has_pneumonia, first, _ = films()
    found = compare_areas(has_pneumonia, first, first.copy())
    assert (found.difference.value, found.difference.low, found.difference.high) == (0, 0, 0)
    assert (found.z, found.p) == (0, 1)


def test_two_perfect_models_have_no_spread_to_judge_a_difference_by():
    has_pneumonia = np.array([SICK] * 3 + [WELL] * 3)
    found = compare_areas(has_pneumonia, np.array([6.0, 5, 4, 3, 2, 1]), np.array([4.0, 5, 6, 1, 2, 3]))
    assert (found.difference.value, found.z, found.p) == (0, 0, 1)
    assert math.isnan(found.difference.low)


def test_a_difference_without_spread_has_no_test():
    has_pneumonia = np.array([SICK] * 3 + [WELL] * 3)
    found = compare_areas(has_pneumonia, np.array([6.0, 5, 4, 3, 2, 1]), np.ones(6))
    assert found.difference.value == 0.5
    assert np.isnan([found.difference.low, found.difference.high, found.z, found.p]).all()


def test_one_film_of_a_class_gives_a_difference_without_a_test():
    has_pneumonia = np.array([SICK, WELL, WELL])
    found = compare_areas(has_pneumonia, np.array([0.9, 0.1, 0.2]), np.array([0.5, 0.4, 0.6]))
    assert found.difference.value == 0.5
    assert np.isnan([found.difference.low, found.z, found.p]).all()


def test_mcnemars_exact_test_counted_by_hand():
    found = compare_shares(*rights(both=1, only_first=1, only_second=7, neither=12))
    assert (found.both_right, found.only_first_right, found.only_second_right, found.both_wrong) == (1, 1, 7, 12)
    # Of 8 tosses 1 head or fewer, or 7 or more: 2 x (1 + 8) of 256.
    assert found.p == pytest.approx(18 / 256)
    assert (found.first.value, found.second.value) == (2 / 21, 8 / 21)
    assert found.difference.value == pytest.approx(-6 / 21)


@pytest.mark.parametrize(
    ("both", "only_first", "only_second", "neither", "low", "high"),
    [
        # Fagerland, Lydersen & Laake, Stat Med 33:2850 (2014): airway hyper-responsiveness, Newcombe's interval.
        (1, 1, 7, 12, -0.507, -0.026),
        # Altman et al., Statistics with Confidence (2000), table 6.2.
        (14, 5, 0, 22, 0.011, 0.226),
    ],
)
def test_newcombes_paired_interval_is_the_published_one(both, only_first, only_second, neither, low, high):
    found = paired_difference(both, only_first, only_second, neither)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)


def test_newcombes_paired_interval_covers_what_it_should():
    random = np.random.default_rng(2)
    shares = np.array([0.6, 0.2, 0.1, 0.1])
    tables = random.multinomial(60, shares, size=2000)
    found = [paired_difference(*(int(count) for count in table)) for table in tables]
    covered = np.mean([estimate.low <= 0.1 <= estimate.high for estimate in found])
    assert 0.93 < covered < 0.975


def test_the_paired_interval_stays_within_minus_1_and_1():
    for table in [(0, 5, 0, 0), (0, 0, 5, 0), (5, 0, 0, 0), (0, 0, 0, 5), (1, 0, 0, 0), (0, 1, 0, 0)]:
        found = paired_difference(*table)
        assert -1 <= found.low <= found.value <= found.high <= 1


def test_models_that_agree_on_every_film_do_not_differ():
    found = compare_shares(*rights(7, 0, 0, 3))
    assert (found.difference.value, found.p) == (0, 1)
    assert found.difference.low < 0 < found.difference.high


def test_each_model_is_compared_at_its_own_threshold():
    has_pneumonia = np.array([SICK, SICK, SICK, WELL, WELL, WELL, WELL])
    first = np.array([0.9, 0.6, 0.4, 0.5, 0.1, 0.2, 0.3])
    second = np.array([0.3, 0.1, 0.2, 0.1, 0.3, 0.0, 0.1])
    found = compare(has_pneumonia, first, second, first_threshold=0.5, second_threshold=0.2)
    # First: sick right, right, wrong; well wrong, right, right, right. Second: right, wrong, right; right, wrong, ...
    assert (found.n, found.n_pneumonia) == (7, 3)
    assert (found.sensitivity.only_first_right, found.sensitivity.only_second_right) == (1, 1)
    assert (found.specificity.only_first_right, found.specificity.only_second_right) == (1, 1)
    assert (found.accuracy.both_right, found.accuracy.both_wrong) == (3, 0)
    for model, scores, threshold in (("first", first, 0.5), ("second", second, 0.2)):
        matrix = ConfusionMatrix.count(has_pneumonia, scores >= threshold)
        for rate in ("accuracy", "sensitivity", "specificity"):
            assert getattr(getattr(found, rate), model) == getattr(matrix, rate)


@pytest.mark.parametrize("labels", [[], [SICK], [WELL], [SICK, SICK, SICK]])
def test_without_films_of_a_class_what_needs_it_is_not_defined(labels: list[bool]):
    has_pneumonia = np.array(labels, bool)
    first, second = np.full(len(labels), 0.5), np.full(len(labels), 0.3)
    found = compare(has_pneumonia, first, second, 0.4, 0.4)
    area = found.area_under_roc
    assert np.isnan([area.first.value, area.difference.value, area.difference.low, area.z, area.p]).all()
    missing = found.specificity if SICK in labels else found.sensitivity
    assert np.isnan([missing.difference.value, missing.difference.low, missing.p]).all()
    assert math.isnan(found.accuracy.p) == (not labels)
    assert found.area_under_roc.difference.n == len(labels)
