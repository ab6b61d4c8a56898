"""Figures at every threshold: ROC, precision and recall, reliability, net benefit, and costs of screening."""

import math
from dataclasses import dataclass

import numpy as np

from pneumo_core.stats.metrics import Estimate, bin_of, proportion


@dataclass(frozen=True, slots=True, eq=False)
class RocPoints:
    """The corners of a ROC curve, from no film flagged (threshold infinity) to all; float `(points,)`."""

    false_positive_rate: np.ndarray
    sensitivity: np.ndarray
    thresholds: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class PrecisionRecallPoints:
    """The points of a precision-recall curve, from all films flagged to none (threshold infinity); float `(points,)`.

    Where no film is flagged precision is not defined; the last point draws it as 1.
    """

    positive_predictive_value: np.ndarray
    sensitivity: np.ndarray
    thresholds: np.ndarray


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Films with a probability from `low` to below `high` (the last bin: to 1), and how many have pneumonia."""

    low: float
    high: float
    mean_probability: float
    observed: Estimate

    @property
    def n(self) -> int:
        return self.observed.n


@dataclass(frozen=True, slots=True, eq=False)
class DecisionCurve:
    """Net benefit, in true positives per film, over threshold probabilities; float `(thresholds,)`."""

    thresholds: np.ndarray
    model: np.ndarray
    flag_all: np.ndarray
    flag_none: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """All that is drawn of films whatever the threshold in use."""

    roc: RocPoints
    precision_recall: PrecisionRecallPoints
    reliability: tuple[ReliabilityBin, ...]
    decision: DecisionCurve


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdTable:
    """Figures of each threshold where the model is to be used: a row a threshold, arrays `(thresholds,)`.

    Counts (int), sensitivity and specificity are those of the films; predictive values and the cost hold at
    `prevalence`. Float and `nan` where not defined; the cost is in the unit that costs were given in.
    """

    prevalence: float
    thresholds: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray
    true_negatives: np.ndarray
    false_negatives: np.ndarray
    sensitivity: np.ndarray
    specificity: np.ndarray
    positive_predictive_value: np.ndarray
    negative_predictive_value: np.ndarray
    share_of_cases_missed: np.ndarray
    cost_per_case_found: np.ndarray


def all_curves(has_pneumonia: np.ndarray, probabilities: np.ndarray) -> Curves:
    """Give every curve of some films; bool and float `(n,)`."""
    return Curves(
        roc_points(has_pneumonia, probabilities),
        precision_recall_points(has_pneumonia, probabilities),
        reliability_bins(has_pneumonia, probabilities),
        decision_curve(has_pneumonia, probabilities),
    )


def roc_points(has_pneumonia: np.ndarray, probabilities: np.ndarray) -> RocPoints:
    """Give the ROC curve, without points on straight lines; bool and float `(n,)`.

    Where a class is missing there is no curve: no points.
    """
    # Imported here, as below: importing scikit-learn costs a page half a second.
    from sklearn.metrics import roc_curve

    if has_pneumonia.all() or not has_pneumonia.any():
        return RocPoints(np.empty(0), np.empty(0), np.empty(0))
    return RocPoints(*roc_curve(has_pneumonia, probabilities))


def precision_recall_points(has_pneumonia: np.ndarray, probabilities: np.ndarray) -> PrecisionRecallPoints:
    """Give precision over recall; bool and float `(n,)`.

    Without pneumonia there is no curve: no points.
    """
    from sklearn.metrics import precision_recall_curve

    if not has_pneumonia.any():
        return PrecisionRecallPoints(np.empty(0), np.empty(0), np.empty(0))
    precision, recall, thresholds = precision_recall_curve(has_pneumonia, probabilities, drop_intermediate=True)
    return PrecisionRecallPoints(precision, recall, np.append(thresholds, math.inf))


def reliability_bins(
    has_pneumonia: np.ndarray, probabilities: np.ndarray, bins: int = 10
) -> tuple[ReliabilityBin, ...]:
    """Give, for each of the equal-width bins of probability, what was predicted and what was observed.

    The bins are those of the expected calibration error; one without films has `nan` figures and n = 0.
    """
    found = bin_of(probabilities, bins)
    films = np.bincount(found, minlength=bins)
    cases = np.bincount(found[has_pneumonia], minlength=bins)
    means = _share(np.bincount(found, weights=probabilities, minlength=bins), films)
    return tuple(
        ReliabilityBin(b / bins, (b + 1) / bins, float(means[b]), proportion(int(cases[b]), int(films[b])))
        for b in range(bins)
    )


def decision_curve(
    has_pneumonia: np.ndarray,
    probabilities: np.ndarray,
    thresholds: np.ndarray | None = None,
    prevalence: float | None = None,
) -> DecisionCurve:
    """Give the net benefit of flagging by the model, all, and none (Vickers & Elkin, Med Decis Making 26:565, 2006).

    A threshold probability says what a false alarm costs: at 0.2, missing one case is as bad as four false alarms.

    Args:
        has_pneumonia: bool `(n,)`.
        probabilities: float `(n,)` in [0, 1].
        thresholds: float `(thresholds,)`, threshold probabilities; 0.01 to 0.99 unless given. At 1, `nan`.
        prevalence: where the model is to be used; that of the films unless given. The probabilities themselves
            are not changed: they should be calibrated to this prevalence.
    """
    thresholds = np.linspace(0.01, 0.99, 99) if thresholds is None else np.asarray(thresholds, float)
    odds = _share(thresholds, 1 - thresholds)
    found, alarms = _count_flagged(has_pneumonia, probabilities, thresholds)
    n, cases = len(has_pneumonia), int(has_pneumonia.sum())
    if prevalence is None:
        # Counted and not by way of sensitivity, which a missing class would leave undefined.
        true_positives, false_positives, sick = _share(found, n), _share(alarms, n), _share(cases, n)
    else:
        true_positives = _share(found, cases) * prevalence
        false_positives = _share(alarms, n - cases) * (1 - prevalence)
        sick = np.asarray(prevalence)
    flag_none = np.where(np.isnan(odds), math.nan, 0.0)
    return DecisionCurve(thresholds, true_positives - false_positives * odds, sick - (1 - sick) * odds, flag_none)


def threshold_table(
    has_pneumonia: np.ndarray,
    probabilities: np.ndarray,
    thresholds: np.ndarray,
    prevalence: float,
    cost_per_film: float,
    cost_per_confirmation: float,
    weights: np.ndarray | None = None,
) -> ThresholdTable:
    """Give what each threshold finds, misses and costs at a prevalence, for choosing one locally.

    After the WHO/TDR toolkit "Determining the local calibration of computer-assisted detection (CAD) thresholds and
    other parameters" (2021). Everyone has a film, everyone flagged a confirmatory test, which is taken to be right.

    Args:
        has_pneumonia: bool `(n,)`.
        probabilities: float `(n,)` in [0, 1]; films at or above a threshold are flagged.
        thresholds: float `(thresholds,)`.
        prevalence: share with pneumonia where the model is to be used, in [0, 1].
        cost_per_film: of one film and its reading, in any unit.
        cost_per_confirmation: of one confirmatory test, in the same unit.
        weights: float `(n,)` from 0 on, how often patients like each film's come where the model is to be used; counts
            only among films without pneumonia, whose groups may have another mix there. Predictive values and costs
            follow it, counts and the specificity do not.
    """
    thresholds = np.asarray(thresholds, float)
    found, alarms = _count_flagged(has_pneumonia, probabilities, thresholds)
    cases = int(has_pneumonia.sum())
    others = len(has_pneumonia) - cases
    sensitivity, specificity = _share(found, cases), _share(others - alarms, others)
    passed = specificity if weights is None else _weighted_passed(has_pneumonia, probabilities, thresholds, weights)
    # Shares of all people screened, at the prevalence asked for.
    cases_flagged, others_flagged = sensitivity * prevalence, (1 - passed) * (1 - prevalence)
    cases_passed, others_passed = (1 - sensitivity) * prevalence, passed * (1 - prevalence)
    flagged = cases_flagged + others_flagged
    return ThresholdTable(
        prevalence=prevalence,
        thresholds=thresholds,
        true_positives=found,
        false_positives=alarms,
        true_negatives=others - alarms,
        false_negatives=cases - found,
        sensitivity=sensitivity,
        specificity=specificity,
        positive_predictive_value=_share(cases_flagged, flagged),
        negative_predictive_value=_share(others_passed, cases_passed + others_passed),
        share_of_cases_missed=1 - sensitivity,
        cost_per_case_found=_share(cost_per_film + flagged * cost_per_confirmation, cases_flagged),
    )


def _count_flagged(
    has_pneumonia: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Count true and false positives at each threshold: two int `(thresholds,)`."""
    cases, others = np.sort(probabilities[has_pneumonia]), np.sort(probabilities[~has_pneumonia])
    return len(cases) - np.searchsorted(cases, thresholds), len(others) - np.searchsorted(others, thresholds)


def _weighted_passed(
    has_pneumonia: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Give the weighted share of films without pneumonia that is not flagged at each threshold."""
    others, weights = probabilities[~has_pneumonia], weights[~has_pneumonia]
    order = np.argsort(others, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(weights[order])])
    return _share(below[np.searchsorted(others[order], thresholds)], below[-1])


def _share(part: np.ndarray | int, whole: np.ndarray | int) -> np.ndarray:
    """Divide; `nan` where the whole is 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, float), np.asarray(whole, float))
    return np.divide(part, whole, out=np.full(part.shape, math.nan), where=whole != 0)
