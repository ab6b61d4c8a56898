"""How often a classifier is right: counts, rates, areas and their 95 % intervals. No Keras in here."""

import math
import statistics
from dataclasses import dataclass

import numpy as np

Z_95 = statistics.NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured figure with its 95 % interval and the number of films behind it; `nan` where not defined."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if math.isnan(self.value):
            return f"not defined (n = {self.n})"
        if math.isnan(self.low):
            return f"{self.value:.3f} (no interval, n = {self.n})"
        return f"{self.value:.3f} (95 % interval {self.low:.3f} to {self.high:.3f}, n = {self.n})"


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """Counts of films at one threshold, and the rates that follow from them.

    A rate is an `Estimate` with Wilson's interval; its value is `nan` where its denominator is 0.
    """

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @classmethod
    def count(cls, has_pneumonia: np.ndarray, is_flagged: np.ndarray) -> "ConfusionMatrix":
        """Count films; both arrays are bool, shape `(n,)`."""
        return cls(
            true_positives=int(np.sum(has_pneumonia & is_flagged)),
            false_positives=int(np.sum(~has_pneumonia & is_flagged)),
            true_negatives=int(np.sum(~has_pneumonia & ~is_flagged)),
            false_negatives=int(np.sum(has_pneumonia & ~is_flagged)),
        )

    @property
    def n(self) -> int:
        return self.true_positives + self.false_positives + self.true_negatives + self.false_negatives

    @property
    def sensitivity(self) -> Estimate:
        """Recall: the share of films with pneumonia that are flagged."""
        return proportion(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def specificity(self) -> Estimate:
        """The share of films without pneumonia that are not flagged."""
        return proportion(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def positive_predictive_value(self) -> Estimate:
        """Precision: the share of flagged films that have pneumonia, at the prevalence of these films."""
        return proportion(self.true_positives, self.true_positives + self.false_positives)

    @property
    def negative_predictive_value(self) -> Estimate:
        """The share of films not flagged that have no pneumonia, at the prevalence of these films."""
        return proportion(self.true_negatives, self.true_negatives + self.false_negatives)

    @property
    def accuracy(self) -> Estimate:
        """The share of films that are labelled as the reference standard labels them."""
        return proportion(self.true_positives + self.true_negatives, self.n)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; `nan` where no film is positive or flagged."""
        denominator = 2 * self.true_positives + self.false_positives + self.false_negatives
        return 2 * self.true_positives / denominator if denominator else math.nan


def proportion(successes: int, n: int) -> Estimate:
    """Give a share with Wilson's score interval (Wilson, J Am Stat Assoc 22:209, 1927)."""
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    share, z2 = successes / n, Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Estimate(share, low, high, n)


def area_under_roc(has_pneumonia: np.ndarray, scores: np.ndarray) -> Estimate:
    """Give the area under the ROC curve with DeLong's interval (DeLong et al., Biometrics 44:837, 1988).

    Args:
        has_pneumonia: bool `(n,)`.
        scores: float `(n,)`; higher means more suspected. Ties count half.

    Returns:
        value `nan` where one of the classes is missing; the interval is cut at 0 and 1.
    """
    positives, negatives = scores[has_pneumonia], scores[~has_pneumonia]
    m, n = len(positives), len(negatives)
    if m == 0 or n == 0:
        return Estimate(math.nan, math.nan, math.nan, m + n)
    # Mid-ranks give each film's share of films of the other class that it is ordered right against.
    ranks = _mid_ranks(np.concatenate([positives, negatives]))
    above_negatives = (ranks[:m] - _mid_ranks(positives)) / n
    below_positives = 1 - (ranks[m:] - _mid_ranks(negatives)) / m
    area = float(above_negatives.mean())
    if m == 1 or n == 1:
        return Estimate(area, math.nan, math.nan, m + n)
    error = math.sqrt(above_negatives.var(ddof=1) / m + below_positives.var(ddof=1) / n)
    return Estimate(area, max(0.0, area - Z_95 * error), min(1.0, area + Z_95 * error), m + n)


def brier_score(has_pneumonia: np.ndarray, probabilities: np.ndarray) -> float:
    """Give the mean squared difference of probability and outcome (Brier 1950): 0 is best."""
    return float(np.mean((probabilities - has_pneumonia) ** 2)) if len(probabilities) else math.nan


def expected_calibration_error(has_pneumonia: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Give the mean gap between probability and observed share over equal-width bins (Guo et al. 2017)."""
    if len(probabilities) == 0:
        return math.nan
    bin_of = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [
        abs(float(probabilities[bin_of == b].mean()) - float(has_pneumonia[bin_of == b].mean()))
        * float(np.mean(bin_of == b))
        for b in np.unique(bin_of)
    ]
    return float(sum(gaps))


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float, float]:
    """Give positive and negative predictive value at a prevalence (Bayes); `nan` where not defined."""
    flagged_sick = sensitivity * prevalence
    flagged_well = (1 - specificity) * (1 - prevalence)
    passed_well = specificity * (1 - prevalence)
    passed_sick = (1 - sensitivity) * prevalence
    flagged, passed = flagged_sick + flagged_well, passed_well + passed_sick
    return (flagged_sick / flagged if flagged else math.nan), (passed_well / passed if passed else math.nan)


def _mid_ranks(values: np.ndarray) -> np.ndarray:
    """Rank from 1; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]
