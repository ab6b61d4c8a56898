"""What stored scores teach: threshold, prevalence, shortcuts, splits, calibration.

Training writes the model's scores of its validation and test films into its folder (`scores.csv`): scores, labels and
file names, no films. The lessons count of each part the films as they are, not their further copies.
"""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumo_core.data import patient_and_kind
from pneumo_core.errors import ModelError
from pneumo_core.models import SCORES_FILE, EvaluationResult, ModelCard
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

COLUMNS = ["films", "name", "kind", "has_pneumonia", "logit"]
# A model made before sizes were written has no such column.
SIZE_COLUMN = "file_bytes"
# Logits are stored with six decimals, which can turn round films that nearly tie.
SAME_AREA = 1e-3
CROWD = 1000
# Beside that of the test films: a ward where it is common, a screening where it is rare.
OTHER_PREVALENCES = (0.1, 0.01)
CALIBRATION_ERRORS = {"brier_score": "Brier score", "expected_calibration_error": "expected calibration error"}
KIND_LABELS = {
    "normal": "without pneumonia",
    "bacteria": "bacterial",
    "virus": "viral",
    "pneumonia": "pneumonia, kind not named",
}


@dataclass(frozen=True, slots=True, eq=False)
class ScoredFilms:
    """Films of one part with the model's scores.

    Attributes:
        films: what they are, as on the model card.
        kinds: str `(n,)`, as in `Case`.
        patients: str `(n,)`, as the names of the files tell them.
        has_pneumonia: bool `(n,)`.
        logits: float64 `(n,)`.
        probabilities: float64 `(n,)` in [0, 1], calibrated.
        file_bytes: int64 `(n,)`, the size of each film's file; None where it is not known of all.
    """

    films: str
    kinds: np.ndarray
    patients: np.ndarray
    has_pneumonia: np.ndarray
    logits: np.ndarray
    probabilities: np.ndarray
    file_bytes: np.ndarray | None

    def __len__(self) -> int:
        return len(self.logits)

    @property
    def prevalence(self) -> float:
        return float(self.has_pneumonia.mean())


@dataclass(frozen=True, slots=True, eq=False)
class StoredScores:
    """What a model gave on its validation films and on its test films.

    Attributes:
        validation_copies: the validation films and their further views and stressed copies; the films as they are
            stand first.
    """

    validation_copies: tuple[ScoredFilms, ...]
    test: ScoredFilms

    @property
    def validation(self) -> ScoredFilms:
        return self.validation_copies[0]


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


def read_stored_scores(folder: Path, card: ModelCard) -> StoredScores:
    """Read the scores that training wrote into a model's folder.

    Raises:
        ModelError: there are none, none of test films, they are damaged, or another model's.
    """
    path = folder / SCORES_FILE
    if not path.is_file():
        raise ModelError(
            f"The model {card.name} has no {SCORES_FILE}, the scores of its validation and test films that are needed "
            "here; a model that was imported comes without. Please put a model in use that was trained here."
        )
    for part, results in (("validation", card.validation), ("test", card.test)):
        if not results:
            raise ModelError(
                f"The model {card.name} was made without {part} films, whose scores are needed here. Please put a "
                f"model in use that was trained on a folder with {part} films."
            )
    rows = _rows(path, card)
    return StoredScores(
        tuple(_scored(rows, result, card, place == 0) for place, result in enumerate(card.validation)),
        _scored(rows, card.test[0], card),
    )


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
            f"{SCORES_FILE} of the model {card.name} does not give the size of every film's file. Expected is the "
            f"column {SIZE_COLUMN}, which training writes since this version; the other lessons need none. Please put "
            "a model in use that was trained since."
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


def _rows(path: Path, card: ModelCard) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            columns = list(table.fieldnames or [])
            if columns not in (COLUMNS, [*COLUMNS, SIZE_COLUMN]):
                raise ValueError(f"columns {', '.join(columns)}")
            rows = []
            for row in table:
                _check(row)
                rows.append(row)
            return rows
    except (ValueError, csv.Error) as error:
        raise ModelError(
            f"{SCORES_FILE} of the model {card.name} is not as training writes it. Expected are the columns "
            f"{', '.join(COLUMNS)} and {SIZE_COLUMN}, kinds among {', '.join(KIND_LABELS)}, 0 or 1 for has_pneumonia "
            "and a finite number for every logit. Please copy the whole model folder again."
        ) from error


def _check(row: dict[str, str]) -> None:
    # A row with too many cells or too few has None among its keys or values.
    if None in row or None in row.values():
        raise ValueError("cells")
    if row["kind"] not in KIND_LABELS or row["has_pneumonia"] not in ("0", "1"):
        raise ValueError("kind or label")
    # Python reads "1_000" as a number, and NumPy does not.
    if "_" in row["logit"] or not math.isfinite(float(row["logit"])):
        raise ValueError("logit")
    size = row.get(SIZE_COLUMN) or "1"
    if "_" in size or not 1 <= int(size) < 2**63:
        raise ValueError("size")


def _scored(
    rows: list[dict[str, str]], result: EvaluationResult, card: ModelCard, is_first: bool = True
) -> ScoredFilms:
    """Give the films that a result on the card is of, and see that they give that result."""
    chosen = [row for row in rows if row["films"] == result.films]
    has_pneumonia = np.array([row["has_pneumonia"] == "1" for row in chosen], bool)
    logits = np.array([float(row["logit"]) for row in chosen])
    sizes = [row.get(SIZE_COLUMN, "") for row in chosen]
    area = area_under_roc(has_pneumonia, logits).value
    if math.isnan(area):
        raise ModelError(
            f"Of '{result.films}' {SCORES_FILE} of the model {card.name} holds {len(chosen)} films, "
            f"{int(has_pneumonia.sum())} of them with pneumonia. Expected are films of both classes. Please copy the "
            "whole model folder again, or put a model in use that was tested on both."
        )
    # Of the films as they are; on a further copy of few films, near ties can turn the area round much farther.
    is_same_area = not is_first or abs(area - result.area_under_roc.value) <= SAME_AREA
    if (len(chosen), int(has_pneumonia.sum())) != (result.n, result.n_pneumonia) or not is_same_area:
        raise ModelError(
            f"{SCORES_FILE} of the model {card.name} belongs to another model: of '{result.films}' it holds "
            f"{len(chosen)} films with an area under the ROC curve of {area:.3f}, and the card {result.n} films with "
            f"{result.area_under_roc.value:.3f}. Please copy the whole model folder again."
        )
    names = [row["name"].rpartition("/")[2] for row in chosen]
    return ScoredFilms(
        films=result.films,
        kinds=np.array([row["kind"] for row in chosen]),
        patients=np.array(
            [patient_and_kind(name, bool(sick))[0] or name for name, sick in zip(names, has_pneumonia, strict=True)]
        ),
        has_pneumonia=has_pneumonia,
        logits=logits,
        probabilities=probabilities(logits, card.calibration),
        file_bytes=np.array(sizes, np.int64) if all(sizes) else None,
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
