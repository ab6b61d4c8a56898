"""Lessons from stored scores: threshold, prevalence, shortcuts, splits, calibration.

In each part of the stored scores the lessons count the films as they are, without their further copies.
"""

import math
from dataclasses import dataclass

import numpy as np

from pneumo_core.errors import ModelError
from pneumo_core.models import KIND_LABELS, SIZE_COLUMN, STORED_SCORES_FILE, ModelCard, ScoredFilms, StoredScores
from pneumo_core.stats import (
    AreaComparison,
    Bootstrap,
    Calibration,
    ConfusionMatrix,
    Estimate,
    ReliabilityBin,
    RocPoints,
    ThresholdFigures,
    area_under_roc,
    bin_of,
    compare_areas,
    figures_at,
    figures_overall,
    number_in_words,
    percent,
    percentile_interval,
    predictive_value_estimates,
    probabilities,
    proportion,
    reliability_bins,
    roc_points,
    threshold_table,
)

CROWD = 1000
# These are shown beside the test films' prevalence: a ward where pneumonia is common, a screening where it is rare.
OTHER_PREVALENCES = (0.1, 0.01)
CALIBRATION_ERRORS = {"brier_score": "Brier score", "expected_calibration_error": "expected calibration error"}


@dataclass(frozen=True, slots=True)
class Consequences:
    """The consequences of a threshold at a prevalence.

    Attributes:
        figures: counts and rates of the films.
        positive_predictive_value, negative_predictive_value: at the prevalence, with the range that follows from the
            rates' 95 % intervals.
        cost_per_case_found: in the unit of the given costs; `nan` where no case is found.
        crowd: the counts for 1,000 patients, in whole patients.
    """

    prevalence: float
    figures: ThresholdFigures
    positive_predictive_value: Estimate
    negative_predictive_value: Estimate
    cost_per_case_found: float
    crowd: ConfusionMatrix

    @property
    def flagged_of_crowd(self) -> int:
        return self.crowd.true_positives + self.crowd.false_positives

    @property
    def cost_in_words(self) -> str:
        return number_in_words(self.cost_per_case_found, ",.2f")


@dataclass(frozen=True, slots=True, eq=False)
class FileSizeResult:
    """The file size as a classifier of test films, with direction and limit chosen on validation films.

    Attributes:
        smaller_is_pneumonia: the direction.
        limit_bytes: films of at most (in the other direction: at least) this size count as pneumonia.
        right: the share of test films classified correctly at the limit.
        areas: the network's area first, the size's area second, on the same films.
    """

    smaller_is_pneumonia: bool
    limit_bytes: int
    right: Estimate
    areas: AreaComparison
    network_curve: RocPoints
    size_curve: RocPoints


@dataclass(frozen=True, slots=True)
class SplitFigure:
    """One figure on the validation films and on the test films."""

    name: str
    validation: Estimate
    test: Estimate


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """One measure of calibration before and after temperature scaling; the difference is after minus before."""

    name: str
    before: Estimate
    after: Estimate
    difference: Estimate


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """Test films before (temperature 1) and after temperature scaling."""

    temperature: float
    before: tuple[ReliabilityBin, ...]
    after: tuple[ReliabilityBin, ...]
    errors: tuple[CalibrationError, ...]


@dataclass(frozen=True, slots=True)
class KindResult:
    """Films of one kind at a threshold. With pneumonia, `right` is the share flagged; without, that not flagged."""

    kind: str
    right: Estimate
    wrong: int


def consequences(
    films: ScoredFilms,
    threshold: float,
    prevalence: float,
    cost_per_film: float = 0.0,
    cost_per_confirmation: float = 0.0,
) -> Consequences:
    """Give the consequences of a threshold at a prevalence of pneumonia; costs are as in `threshold_table`."""
    figures = figures_at(films.has_pneumonia, films.probabilities, threshold)
    table = threshold_table(
        films.has_pneumonia,
        films.probabilities,
        np.array([threshold]),
        prevalence,
        cost_per_film,
        cost_per_confirmation,
    )
    return Consequences(
        prevalence,
        figures,
        *predictive_value_estimates(figures.sensitivity, figures.specificity, prevalence),
        float(table.cost_per_case_found[0]),
        crowd_of(figures.confusion, prevalence),
    )


def crowd_of(matrix: ConfusionMatrix, prevalence: float) -> ConfusionMatrix:
    """Apply the rates of a matrix to 1,000 patients, in whole patients."""
    sick = round(CROWD * prevalence)
    found, passed = round(sick * matrix.sensitivity.value), round((CROWD - sick) * matrix.specificity.value)
    return ConfusionMatrix(found, CROWD - sick - passed, passed, sick - found)


def file_size_result(scores: StoredScores, card: ModelCard) -> FileSizeResult:
    """Classify the test films by file size alone, with direction and limit from the validation films.

    Raises:
        ModelError: the sizes were not stored with the scores.
    """
    validation, test = scores.validation, scores.test
    if validation.file_bytes is None or test.file_bytes is None:
        raise ModelError(
            f"{STORED_SCORES_FILE} of the model {card.name} does not give the size of every image's file. It needs the "
            f"column {SIZE_COLUMN}, which training has written since this version. The other lessons work without it. "
            "Please put a model in use that was trained since.",
            code="no_file_sizes",
        )
    smaller = area_under_roc(validation.has_pneumonia, validation.file_bytes).value < 0.5
    sign = -1 if smaller else 1
    chosen = roc_points(validation.has_pneumonia, sign * validation.file_bytes)
    # The limit is Youden's point. The first threshold, infinity, is no size.
    limit = float(chosen.thresholds[1 + np.argmax((chosen.sensitivity - chosen.false_positive_rate)[1:])])
    by_size = sign * test.file_bytes
    right = int(np.sum((by_size >= limit) == test.has_pneumonia))
    return FileSizeResult(
        smaller_is_pneumonia=smaller,
        limit_bytes=round(sign * limit),
        right=proportion(right, len(test)),
        areas=compare_areas(test.has_pneumonia, test.probabilities, by_size),
        network_curve=roc_points(test.has_pneumonia, test.probabilities),
        size_curve=roc_points(test.has_pneumonia, by_size),
    )


def split_figures(scores: StoredScores, threshold: float) -> tuple[SplitFigure, ...]:
    """Give the figures of both parts: the area, and the rates at a threshold and at 0.5."""
    parts = (scores.validation, scores.test)
    found = [
        SplitFigure("Area under the ROC curve", *(area_under_roc(part.has_pneumonia, part.logits) for part in parts))
    ]
    for at, value in (("balanced point", threshold), ("0.5", 0.5)):
        matrices = [ConfusionMatrix.count(part.has_pneumonia, part.probabilities >= value) for part in parts]
        for name in ("accuracy", "sensitivity", "specificity"):
            found.append(SplitFigure(f"{name.capitalize()} at {at}", *(getattr(matrix, name) for matrix in matrices)))
    return tuple(found)


def patients_in_both(scores: StoredScores) -> tuple[int, int]:
    """Count the test films' patient names that also occur among the validation films, and all of them."""
    names = set(scores.test.patients.tolist())
    return len(names & set(scores.validation.patients.tolist())), len(names)


def calibration_result(films: ScoredFilms, calibration: Calibration) -> CalibrationResult:
    """Compare the calibration of some films before and after temperature scaling; intervals by patient (bootstrap)."""
    bootstrap = Bootstrap(films.patients)
    both = (probabilities(films.logits, Calibration(1.0, calibration.prevalence)), films.probabilities)
    before, after = (figures_overall(films.has_pneumonia, values, bootstrap) for values in both)
    resampled = [_resampled_errors(films.has_pneumonia, values, bootstrap) for values in both]
    errors = []
    for place, (name, label) in enumerate(CALIBRATION_ERRORS.items()):
        first, second = getattr(before, name), getattr(after, name)
        change, changes = second.value - first.value, resampled[1][place] - resampled[0][place]
        # As in `figures_overall`, noise in the bins raises the error, and not by the same amount in both.
        low, high = percentile_interval(changes - changes.mean() + change)
        errors.append(CalibrationError(label, first, second, Estimate(change, low, high, len(films))))
    bins = [reliability_bins(films.has_pneumonia, values) for values in both]
    return CalibrationResult(calibration.temperature, bins[0], bins[1], tuple(errors))


def results_by_kind(films: ScoredFilms, threshold: float) -> tuple[KindResult, ...]:
    """Count right and wrong films of each kind at a threshold."""
    is_right = (films.probabilities >= threshold) == films.has_pneumonia
    found = []
    for kind in KIND_LABELS:
        right, n = int(np.sum(is_right & (films.kinds == kind))), int(np.sum(films.kinds == kind))
        if n:
            found.append(KindResult(kind, proportion(right, n), n - right))
    return tuple(found)


def split_line(figures: tuple[SplitFigure, ...]) -> str:
    """Say how far apart both parts are at the balanced point, and whether the films suffice to tell."""
    accuracy = figures[1]
    first, second = accuracy.validation, accuracy.test
    verdict = "There are too few images to tell whether one set is easier."
    if first.low > second.high:
        verdict = "The intervals do not overlap: it does better on the validation images."
    elif second.low > first.high:
        verdict = "The intervals do not overlap: it does better on the test images."
    return (
        f"At the balanced point the same network is right on {percent(first)} % of the validation images and on "
        f"{percent(second)} % of the test images. {verdict}"
    )


def calibration_lines(result: CalibrationResult) -> list[str]:
    """Say whether temperature scaling helped, then its effect on each measure."""
    lines, signs = [], []
    for error in result.errors:
        change, name = error.difference, error.name
        interval = f"95 % interval of the difference {change.low:.3f} to {change.high:.3f}"
        if math.isnan(change.low):
            lines.append(f"The {name} does not change.")
            continue
        sign = 1 if change.low > 0 else -1 if change.high < 0 else 0
        signs.append(sign)
        word = {1: "worse", -1: "better", 0: "not clearly different"}[sign]
        values = f"{error.before.value:.3f} before, {error.after.value:.3f} after"
        lines.append(f"The {name} is {word}: {values} ({interval}).")
    if 1 in signs and -1 in signs:
        verdict = "Scaling helped by one measure and harmed by the other."
    elif 1 in signs:
        verdict = "Scaling did not help on these images."
    elif -1 in signs:
        verdict = "Scaling helped on these images."
    else:
        verdict = "These images cannot tell whether scaling helped."
    return [verdict, *lines]


def kind_line(results: tuple[KindResult, ...]) -> str:
    """Say where the misses are at a threshold, and whether the films suffice to tell; "" without both kinds."""
    found = {result.kind: result for result in results}
    if not {"bacteria", "virus"} <= found.keys():
        return ""
    bacterial, viral = found["bacteria"], found["virus"]
    verdict = "There are too few images to tell whether one kind is missed more often."
    if bacterial.right.low > viral.right.high:
        verdict = "The intervals do not overlap: viral pneumonia is missed more often."
    elif viral.right.low > bacterial.right.high:
        verdict = "The intervals do not overlap: bacterial pneumonia is missed more often."
    return (
        f"The network misses {bacterial.wrong} of {bacterial.right.n} bacterial and {viral.wrong} of {viral.right.n} "
        f"viral images. {verdict}"
    )


def _resampled_errors(has_pneumonia: np.ndarray, values: np.ndarray, bootstrap: Bootstrap) -> np.ndarray:
    """Give Brier score and expected calibration error of each resample, float `(2, resamples)`."""
    differences = values - has_pneumonia
    in_bin = bin_of(values, 10)[:, None] == np.arange(10)
    of_film = np.column_stack([differences**2, differences[:, None] * in_bin])
    pieces = []
    for weights in bootstrap.weights():
        means = weights @ of_film / weights.sum(axis=1, keepdims=True)
        pieces.append(np.vstack([means[:, 0], np.abs(means[:, 1:]).sum(axis=1)]))
    return np.hstack(pieces)
