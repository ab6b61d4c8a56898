"""How often a classifier is right: counts, rates, areas and their 95 % intervals. No Keras in here."""

import math
import statistics
from dataclasses import dataclass, replace

import numpy as np

from pneumo_core.stats.bootstrap import Bootstrap, percentile_interval

Z_95 = statistics.NormalDist().inv_cdf(0.975)
# Fewer films of a class than these, and its figures say little.
FEW_FILMS = 30
# With fewer patients of a class than these there is no interval by patient: resampling a handful gives one that is far
# too narrow (Cameron, Gelbach & Miller, Rev Econ Stat 90:414, 2008). Simulated for a share of 0.8 with four alike films
# of each patient, 47 % of such 95 % intervals hold the truth with 2 patients, 77 % with 5, 88 % with 10, 93 % with 30.
FEW_PATIENTS = 10


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

    @property
    def balanced_accuracy(self) -> float:
        """The mean of sensitivity and specificity; `nan` where a class is missing."""
        return (self.sensitivity.value + self.specificity.value) / 2

    @property
    def matthews_correlation(self) -> float:
        """The correlation of label and flag (Matthews, Biochim Biophys Acta 405:442, 1975).

        `nan` where all films are of one class, or all or none are flagged.
        """
        tp, fp, tn, fn = self.true_positives, self.false_positives, self.true_negatives, self.false_negatives
        margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return (tp * tn - fp * fn) / math.sqrt(margins) if margins else math.nan


@dataclass(frozen=True, slots=True)
class ThresholdFigures:
    """All figures that depend on the threshold; a film is flagged at or above it."""

    threshold: float
    confusion: ConfusionMatrix
    accuracy: Estimate
    sensitivity: Estimate
    specificity: Estimate
    positive_predictive_value: Estimate
    negative_predictive_value: Estimate
    f1: Estimate
    balanced_accuracy: Estimate
    matthews_correlation: Estimate


@dataclass(frozen=True, slots=True)
class OverallFigures:
    """All figures that depend on no threshold."""

    area_under_roc: Estimate
    average_precision: Estimate
    brier_score: Estimate
    log_loss: Estimate
    expected_calibration_error: Estimate


def figures_at(
    has_pneumonia: np.ndarray,
    probabilities: np.ndarray,
    threshold: float,
    bootstrap: Bootstrap | None = None,
    by_patient: bool = False,
) -> ThresholdFigures:
    """Give all figures at one threshold, proportions with Wilson's interval, the others with the bootstrap's.

    Args:
        has_pneumonia: bool `(n,)`.
        probabilities: float `(n,)` in [0, 1].
        threshold: films at or above it are flagged.
        bootstrap: of these films; without it each film counts as another patient's.
        by_patient: give proportions the bootstrap's interval too, as Wilson's is too narrow where patients repeat.
            A share of none or all, which no resample changes, has Wilson's interval with patients counted for films.
            No interval is narrower than that of single films, and there is none with fewer than `FEW_PATIENTS`
            patients among the films that a figure is of (in each class, where it is of both).
    """
    return figures_of_flags(has_pneumonia, probabilities >= threshold, threshold, bootstrap, by_patient)


def figures_of_flags(
    has_pneumonia: np.ndarray,
    is_flagged: np.ndarray,
    threshold: float = math.nan,
    bootstrap: Bootstrap | None = None,
    by_patient: bool = False,
) -> ThresholdFigures:
    """Give `figures_at` of films that were flagged by several thresholds, each by its own.

    Args:
        is_flagged: bool `(n,)`.
        threshold: where there is one for all.
    """
    bootstrap = bootstrap or Bootstrap.of_films(len(has_pneumonia))
    matrix = ConfusionMatrix.count(has_pneumonia, is_flagged)
    resampled = _rates(bootstrap.counts(has_pneumonia, is_flagged))
    of_films = _rates(Bootstrap.of_films(matrix.n).counts(has_pneumonia, is_flagged)) if by_patient else {}

    def share(name: str, films: np.ndarray) -> Estimate:
        wilson: Estimate = getattr(matrix, name)
        return _by_patient(wilson, resampled[name], bootstrap.patients_among(films)) if by_patient else wilson

    def compound(name: str, value: float) -> Estimate:
        found = _estimate(value, resampled[name], matrix.n)
        if not by_patient:
            return found
        return _held(found, _estimate(value, of_films[name], matrix.n), _patients_of_a_class(bootstrap, has_pneumonia))

    return ThresholdFigures(
        threshold=threshold,
        confusion=matrix,
        accuracy=share("accuracy", np.ones(len(has_pneumonia), bool)),
        sensitivity=share("sensitivity", has_pneumonia),
        specificity=share("specificity", ~has_pneumonia),
        positive_predictive_value=share("positive_predictive_value", is_flagged),
        negative_predictive_value=share("negative_predictive_value", ~is_flagged),
        f1=compound("f1", matrix.f1),
        balanced_accuracy=compound("balanced_accuracy", matrix.balanced_accuracy),
        matthews_correlation=compound("matthews_correlation", matrix.matthews_correlation),
    )


def sensitivity_and_specificity(
    has_pneumonia: np.ndarray, is_flagged: np.ndarray, bootstrap: Bootstrap, by_patient: bool
) -> tuple[Estimate, Estimate]:
    """Give these two of `figures_of_flags`, in a fraction of its time."""
    matrix = ConfusionMatrix.count(has_pneumonia, is_flagged)
    if not by_patient:
        return matrix.sensitivity, matrix.specificity
    resampled = _rates(bootstrap.counts(has_pneumonia, is_flagged))
    return (
        _by_patient(matrix.sensitivity, resampled["sensitivity"], bootstrap.patients_among(has_pneumonia)),
        _by_patient(matrix.specificity, resampled["specificity"], bootstrap.patients_among(~has_pneumonia)),
    )


def figures_overall(
    has_pneumonia: np.ndarray,
    probabilities: np.ndarray,
    bootstrap: Bootstrap | None = None,
    by_patient: bool = False,
) -> OverallFigures:
    """Give all figures without a threshold, the area with DeLong's interval, the others with the bootstrap's.

    It takes a second for 10,000 films: ask once for a set of films.

    Args:
        has_pneumonia: bool `(n,)`.
        probabilities: float `(n,)` in [0, 1].
        bootstrap: of these films; without it each film counts as another patient's.
        by_patient: give the area the bootstrap's interval too, as DeLong's is too narrow where patients repeat. No
            interval is narrower than that of single films, and there is none with fewer than `FEW_PATIENTS` patients
            of a class.
    """
    n = len(has_pneumonia)
    bootstrap = bootstrap or Bootstrap.of_films(n)
    area = area_under_roc(has_pneumonia, probabilities)
    values = {
        "area_under_roc": area.value,
        "average_precision": average_precision(has_pneumonia, probabilities),
        "brier_score": brier_score(has_pneumonia, probabilities),
        "log_loss": log_loss(has_pneumonia, probabilities),
        "expected_calibration_error": expected_calibration_error(has_pneumonia, probabilities),
    }

    def estimates(resampled: dict[str, np.ndarray]) -> dict[str, Estimate]:
        if n:
            # Each resample adds noise to its bins, and a gap counts upwards whatever its sign: take that bias out.
            gaps = resampled["expected_calibration_error"]
            bias = gaps.mean() - values["expected_calibration_error"]
            resampled["expected_calibration_error"] = np.maximum(0, gaps - bias)
        return {name: _estimate(value, resampled[name], n) for name, value in values.items()}

    found = estimates(_resampled_overall(has_pneumonia, probabilities, bootstrap))
    if not by_patient:
        return OverallFigures(**{**found, "area_under_roc": area})
    patients = _patients_of_a_class(bootstrap, has_pneumonia)
    alone = estimates(_resampled_overall(has_pneumonia, probabilities, Bootstrap.of_films(n)))
    alone["area_under_roc"] = area
    return OverallFigures(**{name: _held(found[name], alone[name], patients) for name in found})


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
    m, n = int(has_pneumonia.sum()), int((~has_pneumonia).sum())
    if m == 0 or n == 0:
        return Estimate(math.nan, math.nan, math.nan, m + n)
    above_negatives, below_positives = shares_ordered_right(has_pneumonia, scores)
    area = float(above_negatives.mean())
    if m == 1 or n == 1:
        return Estimate(area, math.nan, math.nan, m + n)
    error = math.sqrt(above_negatives.var(ddof=1) / m + below_positives.var(ddof=1) / n)
    return Estimate(area, max(0.0, area - Z_95 * error), min(1.0, area + Z_95 * error), m + n)


def area_by_patient(has_pneumonia: np.ndarray, probabilities: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """Give the area under the ROC curve with the bootstrap's interval, as `figures_overall` does where patients repeat.

    Args:
        bootstrap: of these films.
    """
    alone = area_under_roc(has_pneumonia, probabilities)
    areas = [_ranking_areas(has_pneumonia, probabilities, weights)[0] for weights in bootstrap.weights()]
    found = _estimate(alone.value, np.concatenate(areas) if areas else np.empty(0), len(has_pneumonia))
    return _held(found, alone, _patients_of_a_class(bootstrap, has_pneumonia))


def shares_ordered_right(has_pneumonia: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give each film's share of films of the other class that it is ordered right against; ties count half.

    These are the structural components V10 and V01 of DeLong et al. 1988; the mean of either is the area.

    Returns:
        float `(films with pneumonia,)` and `(films without,)` in [0, 1]; both classes must be there.
    """
    positives, negatives = scores[has_pneumonia], scores[~has_pneumonia]
    m, n = len(positives), len(negatives)
    ranks = _mid_ranks(np.concatenate([positives, negatives]))
    return (ranks[:m] - _mid_ranks(positives)) / n, 1 - (ranks[m:] - _mid_ranks(negatives)) / m


def average_precision(has_pneumonia: np.ndarray, probabilities: np.ndarray) -> float:
    """Give the precision averaged over the steps of recall, without interpolation; `nan` without pneumonia."""
    _, precision = _ranking_areas(has_pneumonia, probabilities, np.ones((1, len(probabilities))))
    return float(precision[0])


def log_loss(has_pneumonia: np.ndarray, probabilities: np.ndarray) -> float:
    """Give the mean negative logarithm of the probability given to what was the case: 0 is best."""
    return float(_log_losses(has_pneumonia, probabilities).mean()) if len(probabilities) else math.nan


def brier_score(has_pneumonia: np.ndarray, probabilities: np.ndarray) -> float:
    """Give the mean squared difference of probability and outcome (Brier 1950): 0 is best."""
    return float(np.mean((probabilities - has_pneumonia) ** 2)) if len(probabilities) else math.nan


def expected_calibration_error(has_pneumonia: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Give the mean gap between probability and observed share over equal-width bins (Guo et al. 2017)."""
    if len(probabilities) == 0:
        return math.nan
    # A bin's gap times its share of films is the sum of its films' differences over all films.
    sums = np.bincount(bin_of(probabilities, bins), weights=probabilities - has_pneumonia)
    return float(np.abs(sums).sum() / len(probabilities))


def bin_of(probabilities: np.ndarray, bins: int) -> np.ndarray:
    """Give the equal-width bin of each probability, from 0; a bin holds its lower edge, the last one also 1."""
    return np.minimum((probabilities * bins).astype(int), bins - 1)


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float, float]:
    """Give positive and negative predictive value at a prevalence (Bayes); `nan` where not defined."""
    flagged_sick = sensitivity * prevalence
    flagged_well = (1 - specificity) * (1 - prevalence)
    passed_well = specificity * (1 - prevalence)
    passed_sick = (1 - sensitivity) * prevalence
    flagged, passed = flagged_sick + flagged_well, passed_well + passed_sick
    return (flagged_sick / flagged if flagged else math.nan), (passed_well / passed if passed else math.nan)


def predictive_value_estimates(
    sensitivity: Estimate, specificity: Estimate, prevalence: float
) -> tuple[Estimate, Estimate]:
    """Give `predictive_values` with the range that the 95 % intervals of both rates leave them.

    Both values rise with both rates, so both low ends give the lowest and both high ends the highest. It is
    conservative: that both rates lie at such an end at once is rarer than that one does, so the range holds the
    true value more often than a 95 % interval would. Where a value is not defined, its range is not either.
    """
    ends = [
        predictive_values(one, other, prevalence)
        for one, other in (
            (sensitivity.value, specificity.value),
            (sensitivity.low, specificity.low),
            (sensitivity.high, specificity.high),
        )
    ]
    positive, negative = (
        Estimate(math.nan, math.nan, math.nan, sensitivity.n + specificity.n)
        if math.isnan(value)
        else Estimate(value, low, high, sensitivity.n + specificity.n)
        for value, low, high in zip(*ends, strict=True)
    )
    return positive, negative


def _mid_ranks(values: np.ndarray) -> np.ndarray:
    """Rank from 1; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _rates(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Give the figures of `ThresholdFigures` for many counts at once, int `(resamples, 4)`; `nan` where undefined."""
    tp, fp, tn, fn = counts.T.astype(float)
    with np.errstate(invalid="ignore"):
        sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
        return {
            "accuracy": (tp + tn) / (tp + fp + tn + fn),
            "sensitivity": sensitivity,
            "specificity": specificity,
            "positive_predictive_value": tp / (tp + fp),
            "negative_predictive_value": tn / (tn + fn),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "balanced_accuracy": (sensitivity + specificity) / 2,
            "matthews_correlation": (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
        }


def _resampled_overall(
    has_pneumonia: np.ndarray, probabilities: np.ndarray, bootstrap: Bootstrap
) -> dict[str, np.ndarray]:
    """Give the figures of `OverallFigures` for each resample, float `(resamples,)`."""
    differences = probabilities - has_pneumonia
    in_bin = bin_of(probabilities, 10)[:, None] == np.arange(10)
    of_film = np.column_stack(
        [differences**2, _log_losses(has_pneumonia, probabilities), differences[:, None] * in_bin]
    )
    pieces = []
    for weights in bootstrap.weights():
        means = weights @ of_film / weights.sum(axis=1, keepdims=True)
        areas = _ranking_areas(has_pneumonia, probabilities, weights)
        pieces.append(np.vstack([*areas, means[:, 0], means[:, 1], np.abs(means[:, 2:]).sum(axis=1)]))
    names = ("area_under_roc", "average_precision", "brier_score", "log_loss", "expected_calibration_error")
    return dict(zip(names, np.hstack(pieces) if pieces else np.empty((len(names), 0)), strict=True))


def _ranking_areas(has_pneumonia: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the area under the ROC curve and the average precision of each row of weights, float `(rows, n)`."""
    order = np.argsort(-scores, kind="stable")
    # Films of equal score are flagged together: only the last of them is a threshold.
    is_last = np.append(np.diff(scores[order]) != 0, True)[: len(order)]
    weights = weights[:, order]
    sick = np.cumsum(weights * has_pneumonia[order], axis=1)[:, is_last]
    flagged = np.cumsum(weights, axis=1)[:, is_last]
    well = flagged - sick
    more_sick, more_well = np.diff(sick, axis=1, prepend=0), np.diff(well, axis=1, prepend=0)
    sick_in_all, well_in_all = more_sick.sum(axis=1), more_well.sum(axis=1)
    with np.errstate(invalid="ignore"):
        area = (more_well * (sick - more_sick / 2)).sum(axis=1) / (sick_in_all * well_in_all)
        precision = (more_sick * sick / np.maximum(flagged, 1)).sum(axis=1) / sick_in_all
    return area, precision


def _log_losses(has_pneumonia: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Give each film's log loss; a wrong probability of 0 or 1 costs 36 and not infinity, as in scikit-learn."""
    smallest = np.finfo(float).eps
    clipped = np.clip(probabilities, smallest, 1 - smallest)
    return -np.log(np.where(has_pneumonia, clipped, 1 - clipped))


def _by_patient(share: Estimate, resampled: np.ndarray, patients: int) -> Estimate:
    """Give a share the bootstrap's interval; one of none or all has Wilson's with patients counted for films."""
    if share.value in (0.0, 1.0):
        found = replace(proportion(patients if share.value else 0, patients), n=share.n)
    else:
        found = _estimate(share.value, resampled, share.n)
    return _held(found, share, patients)


def _held(by_patient: Estimate, of_films: Estimate, patients: int) -> Estimate:
    """Take an interval from a figure of too few patients, and let no other be narrower than that of single films."""
    if patients < FEW_PATIENTS:
        return replace(by_patient, low=math.nan, high=math.nan)
    if math.isnan(by_patient.low) or math.isnan(of_films.low):
        return by_patient
    return replace(by_patient, low=min(by_patient.low, of_films.low), high=max(by_patient.high, of_films.high))


def _patients_of_a_class(bootstrap: Bootstrap, has_pneumonia: np.ndarray) -> int:
    """Count the patients of the class that has fewer."""
    return min(bootstrap.patients_among(has_pneumonia), bootstrap.patients_among(~has_pneumonia))


def _estimate(value: float, resampled: np.ndarray, n: int) -> Estimate:
    low, high = (math.nan, math.nan) if math.isnan(value) else percentile_interval(resampled)
    return Estimate(value, low, high, n)
