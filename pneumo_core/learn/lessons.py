"""What stored scores teach: threshold, prevalence, shortcuts, splits, calibration.

The lessons count of each part of the stored scores the films as they are, not their further copies.
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
# Beside that of the test films: a ward where it is common, a screening where it is rare.
OTHER_PREVALENCES = (0.1, 0.01)
CALIBRATION_ERRORS = {"brier_score": "Brier score", "expected_calibration_error": "expected calibration error"}


@dataclass(frozen=True, slots=True)
class Consequences:
    """What a threshold means at a prevalence.

    Attributes:
        figures: counts and rates of the films.
        positive_predictive_value, negative_predictive_value: at the prevalence, with the range that the rates' 95 %
            intervals leave them.
        cost_per_case_found: in the unit that costs were given in; `nan` where no case is found.
        crowd: what would come of 1,000 patients, in whole patients.
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
    """What the size of the files alone does on test films, direction and limit chosen on validation films.

    Attributes:
        smaller_is_pneumonia: the direction.
        limit_bytes: films of at most (or at least, the other way) so many bytes are taken for pneumonia.
        right: the share of test films taken right at the limit.
        areas: the network's area first, that of the size second, on the same films.
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
    """Say what a threshold means where so many of the patients have pneumonia; costs as in `threshold_table`."""
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
    """Give what the rates of a matrix would make of 1,000 patients, in whole patients."""
    sick = round(CROWD * prevalence)
    found, passed = round(sick * matrix.sensitivity.value), round((CROWD - sick) * matrix.specificity.value)
    return ConfusionMatrix(found, CROWD - sick - passed, passed, sick - found)


def file_size_result(scores: StoredScores, card: ModelCard) -> FileSizeResult:
    """Let the size of the files alone tell the test films apart, as the validation films say how.

    Raises:
        ModelError: the sizes were not stored with the scores.
    """
    validation, test = scores.validation, scores.test
    if validation.file_bytes is None or test.file_bytes is None:
        raise ModelError(
            f"{STORED_SCORES_FILE} of the model {card.name} does not give the size of every film's file. Expected is "
            f"the column {SIZE_COLUMN}, which training writes since this version; the other lessons need none. Please "
            "put a model in use that was trained since."
        )
    smaller = area_under_roc(validation.has_pneumonia, validation.file_bytes).value < 0.5
    sign = -1 if smaller else 1
    chosen = roc_points(validation.has_pneumonia, sign * validation.file_bytes)
    # Youden's point; the first one, infinity, is no size.
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
    """Give the figures of both parts: the area, and at a threshold and at 0.5 what is right."""
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
    """Count the patients' names of the test films that occur among the validation films too, and all of them."""
    names = set(scores.test.patients.tolist())
    return len(names & set(scores.validation.patients.tolist())), len(names)


def calibration_result(films: ScoredFilms, calibration: Calibration) -> CalibrationResult:
    """Say what temperature scaling did to the calibration of some films; intervals by patient (bootstrap)."""
    bootstrap = Bootstrap(films.patients)
    both = (probabilities(films.logits, Calibration(1.0, calibration.prevalence)), films.probabilities)
    before, after = (figures_overall(films.has_pneumonia, values, bootstrap) for values in both)
    resampled = [_resampled_errors(films.has_pneumonia, values, bootstrap) for values in both]
    errors = []
    for place, (name, label) in enumerate(CALIBRATION_ERRORS.items()):
        first, second = getattr(before, name), getattr(after, name)
        change, changes = second.value - first.value, resampled[1][place] - resampled[0][place]
        # As in `figures_overall`: noise in the bins counts upwards, and not for both alike.
        low, high = percentile_interval(changes - changes.mean() + change)
        errors.append(CalibrationError(label, first, second, Estimate(change, low, high, len(films))))
    bins = [reliability_bins(films.has_pneumonia, values) for values in both]
    return CalibrationResult(calibration.temperature, bins[0], bins[1], tuple(errors))


def results_by_kind(films: ScoredFilms, threshold: float) -> tuple[KindResult, ...]:
    """Count what is right and wrong among the films of each kind at a threshold."""
    is_right = (films.probabilities >= threshold) == films.has_pneumonia
    found = []
    for kind in KIND_LABELS:
        right, n = int(np.sum(is_right & (films.kinds == kind))), int(np.sum(films.kinds == kind))
        if n:
            found.append(KindResult(kind, proportion(right, n), n - right))
    return tuple(found)


def split_line(figures: tuple[SplitFigure, ...]) -> str:
    """Say how far apart both parts are at the balanced point, and whether so many films can tell."""
    accuracy = figures[1]
    first, second = accuracy.validation, accuracy.test
    verdict = "; so few films do not tell whether one set is easier."
    if first.low > second.high:
        verdict = "; the intervals do not meet: it does better on the validation films."
    elif second.low > first.high:
        verdict = "; the intervals do not meet: it does better on the test films."
    return (
        f"At the balanced point the same network is right on {percent(first)} % of the validation films and on "
        f"{percent(second)} % of the test films{verdict}"
    )


def calibration_lines(result: CalibrationResult) -> list[str]:
    """Say whether temperature scaling helped, and then what it did, measure by measure."""
    lines, signs = [], []
    for error in result.errors:
        change, name = error.difference, error.name
        interval = f"95 % interval of the difference {change.low:.3f} to {change.high:.3f}"
        if math.isnan(change.low):
            lines.append(f"The {name} stays as it is.")
            continue
        sign = 1 if change.low > 0 else -1 if change.high < 0 else 0
        signs.append(sign)
        word = {1: "worse", -1: "better", 0: "not clearly different"}[sign]
        values = f"{error.before.value:.3f} before, {error.after.value:.3f} after"
        lines.append(f"The {name} is {word}: {values} ({interval}).")
    if 1 in signs and -1 in signs:
        verdict = "It helped by one measure and harmed by the other."
    elif 1 in signs:
        verdict = "Scaling did not help on these films."
    elif -1 in signs:
        verdict = "Scaling helped on these films."
    else:
        verdict = "Whether scaling helped cannot be told from these films."
    return [verdict, *lines]


def kind_line(results: tuple[KindResult, ...]) -> str:
    """Say where the misses are at a threshold, and whether so many films can tell; "" without both kinds."""
    found = {result.kind: result for result in results}
    if not {"bacteria", "virus"} <= found.keys():
        return ""
    bacterial, viral = found["bacteria"], found["virus"]
    verdict = "so few films do not tell whether one kind is missed more often."
    if bacterial.right.low > viral.right.high:
        verdict = "the intervals do not meet: viral pneumonia is missed more often."
    elif viral.right.low > bacterial.right.high:
        verdict = "the intervals do not meet: bacterial pneumonia is missed more often."
    return (
        f"Missed are {bacterial.wrong} of {bacterial.right.n} bacterial and {viral.wrong} of {viral.right.n} viral "
        f"films; {verdict}"
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
