"""Two models on the same films: is one better, and by how much? Differences are first minus second.

Films count as independent of each other: of a patient with several, give one.
"""

import math
from dataclasses import dataclass

import numpy as np

from pneumo_core.stats.metrics import Z_95, Estimate, area_under_roc, proportion, shares_ordered_right


@dataclass(frozen=True, slots=True)
class AreaComparison:
    """The areas under two ROC curves, their difference, and DeLong's test; `nan` where not defined."""

    first: Estimate
    second: Estimate
    difference: Estimate
    z: float
    p: float


@dataclass(frozen=True, slots=True)
class ShareComparison:
    """How often two models are right on the same films, and McNemar's exact test on those where they differ.

    `only_first_right` and `only_second_right` are McNemar's b and c; `p` is `nan` without films.
    """

    both_right: int
    only_first_right: int
    only_second_right: int
    both_wrong: int
    first: Estimate
    second: Estimate
    difference: Estimate
    p: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same films, each at its own threshold; the area needs none."""

    n: int
    n_pneumonia: int
    area_under_roc: AreaComparison
    accuracy: ShareComparison
    sensitivity: ShareComparison
    specificity: ShareComparison


def compare(
    has_pneumonia: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    first_threshold: float,
    second_threshold: float,
) -> Comparison:
    """Compare two models on the same films, in the same order.

    Args:
        has_pneumonia: bool `(n,)`.
        first: probabilities of the first model, float `(n,)` in [0, 1].
        second: those of the second.
        first_threshold: the first model flags films at or above it.
        second_threshold: the second model flags films at or above it.
    """
    return compare_flags(has_pneumonia, first, second, first >= first_threshold, second >= second_threshold)


def compare_flags(
    has_pneumonia: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    first_flagged: np.ndarray,
    second_flagged: np.ndarray,
) -> Comparison:
    """Compare two models as `compare` does, by the films that each flags, bool `(n,)`."""
    first_right, second_right = first_flagged == has_pneumonia, second_flagged == has_pneumonia
    return Comparison(
        n=len(has_pneumonia),
        n_pneumonia=int(has_pneumonia.sum()),
        area_under_roc=compare_areas(has_pneumonia, first, second),
        accuracy=compare_shares(first_right, second_right),
        sensitivity=compare_shares(first_right[has_pneumonia], second_right[has_pneumonia]),
        specificity=compare_shares(first_right[~has_pneumonia], second_right[~has_pneumonia]),
    )


def compare_areas(has_pneumonia: np.ndarray, first: np.ndarray, second: np.ndarray) -> AreaComparison:
    """Test whether two areas under ROC curves of the same films differ (DeLong et al., Biometrics 44:837, 1988).

    Where the films give no spread to judge a difference by, there is no interval, and p is 1 for a difference of 0.

    Args:
        has_pneumonia: bool `(n,)`.
        first: scores of the first model, float `(n,)`.
        second: those of the second.
    """
    areas = area_under_roc(has_pneumonia, first), area_under_roc(has_pneumonia, second)
    n, cases = len(has_pneumonia), int(has_pneumonia.sum())
    difference = areas[0].value - areas[1].value
    if math.isnan(difference):
        return AreaComparison(*areas, Estimate(math.nan, math.nan, math.nan, n), math.nan, math.nan)
    if np.array_equal(first, second):
        return AreaComparison(*areas, Estimate(0.0, 0.0, 0.0, n), 0.0, 1.0)
    error = 0.0
    if min(cases, n - cases) > 1:
        cases_of_first, others_of_first = shares_ordered_right(has_pneumonia, first)
        cases_of_second, others_of_second = shares_ordered_right(has_pneumonia, second)
        error = math.sqrt(
            (cases_of_first - cases_of_second).var(ddof=1) / cases
            + (others_of_first - others_of_second).var(ddof=1) / (n - cases)
        )
    # Shares are fractions of counts: what is smaller than this is rounding.
    if error < 1e-12:
        z, p = (0.0, 1.0) if abs(difference) < 1e-12 else (math.nan, math.nan)
        return AreaComparison(*areas, Estimate(difference, math.nan, math.nan, n), z, p)
    z = difference / error
    low, high = max(-1.0, difference - Z_95 * error), min(1.0, difference + Z_95 * error)
    return AreaComparison(*areas, Estimate(difference, low, high, n), z, math.erfc(abs(z) / math.sqrt(2)))


def compare_shares(first_right: np.ndarray, second_right: np.ndarray) -> ShareComparison:
    """Test whether two models are right equally often on the same films (McNemar, Psychometrika 12:153, 1947).

    The test is the exact one, on the films where only one model is right; without any, p is 1.

    Args:
        first_right: bool `(n,)`, whether the first model is right.
        second_right: the same of the second.
    """
    # Imported here: importing scipy.stats costs a page half a second.
    from scipy.stats import binomtest

    both = int(np.sum(first_right & second_right))
    only_first, only_second = int(np.sum(first_right & ~second_right)), int(np.sum(~first_right & second_right))
    neither = len(first_right) - both - only_first - only_second
    differing = only_first + only_second
    p = float(binomtest(only_first, differing, 0.5).pvalue) if differing else 1.0
    return ShareComparison(
        both_right=both,
        only_first_right=only_first,
        only_second_right=only_second,
        both_wrong=neither,
        first=proportion(both + only_first, len(first_right)),
        second=proportion(both + only_second, len(first_right)),
        difference=paired_difference(both, only_first, only_second, neither),
        p=p if len(first_right) else math.nan,
    )


def paired_difference(both: int, only_first: int, only_second: int, neither: int) -> Estimate:
    """Give the difference of two shares of the same films (Newcombe, Stat Med 17:2635, 1998, method 10).

    Wilson's intervals of the two shares, combined with allowance for their correlation.
    """
    n = both + only_first + only_second + neither
    first, second = proportion(both + only_first, n), proportion(both + only_second, n)
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    agreement: float = both * neither - only_first * only_second
    if agreement > 0:
        # Newcombe's continuity correction, for a positive correlation only.
        agreement = max(agreement - n / 2, 0)
    correlation = agreement / math.sqrt(margins) if margins else 0.0

    def combined(one: float, other: float) -> float:
        return math.sqrt(one**2 - 2 * correlation * one * other + other**2)

    difference = first.value - second.value
    low = difference - combined(first.value - first.low, second.high - second.value)
    high = difference + combined(first.high - first.value, second.value - second.low)
    return Estimate(difference, low, high, n)
