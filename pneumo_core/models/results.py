"""Figures that a model card holds of labelled X-rays, and why some are no figures of any X-rays."""

import math
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from pneumo_core.stats import (
    ConfusionMatrix,
    Estimate,
    GroupRates,
    OperatingPoint,
    PointName,
    area_under_roc,
    brier_score,
    expected_calibration_error,
    proportion,
)

MAX_AGE = 150
MAX_TEXT = 2000
# Rounding may add this much to a figure.
ROUNDING = 1e-9

Count = Annotated[int, Field(ge=0, le=10**9)]
Age = Annotated[float, Field(ge=0, le=MAX_AGE)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Sha256 = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]


@dataclass(frozen=True, slots=True)
class GroupCount:
    """How many films of a group there are, and how many of them are flagged."""

    flagged: Count
    n: Count


@dataclass(frozen=True, slots=True)
class Groups:
    """Counts of three groups: with the finding, with another abnormality, and normal; None where not measured."""

    finding: GroupCount | None = None
    other: GroupCount | None = None
    normal: GroupCount | None = None


@dataclass(frozen=True, slots=True)
class PointResult:
    """Results at one operating point: threshold on the probability, and counts of films.

    `groups` splits the counts further where the labels do; None where they do not.
    """

    name: PointName
    threshold: float
    confusion: ConfusionMatrix
    groups: Groups | None = None

    @property
    def rates(self) -> GroupRates:
        """Give the rates of the three groups of patients, as far as they were counted apart."""
        groups = self.groups or Groups()
        return GroupRates(self.confusion.sensitivity, _passed(groups.other), _passed(groups.normal))


def _passed(group: GroupCount | None) -> Estimate | None:
    return None if group is None else proportion(group.n - group.flagged, group.n)


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """How a model did on one set of labelled films; figures at the prevalence of these films."""

    films: Text
    n: Count
    n_pneumonia: Count
    area_under_roc: Estimate
    brier_score: float
    expected_calibration_error: float
    points: tuple[PointResult, ...]

    @model_validator(mode="after")
    def _is_of_films(self) -> Self:
        if problem := _why_impossible(self):
            raise ValueError(f"it holds {problem}, which no films give")
        return self


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The films that a model was fitted to and validated on; `patients` are 0 where nothing tells them."""

    description: Text
    films: Count
    films_with_pneumonia: Count
    patients: Count
    views_of_each_film: Count
    validation_films: Count
    validation_films_with_pneumonia: Count
    validation_patients: Count
    manifest_sha256: Sha256

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        for some, of in (
            (self.films_with_pneumonia, self.films),
            (self.validation_films_with_pneumonia, self.validation_films),
        ):
            if some > of:
                raise ValueError(f"it holds {some} films with pneumonia of {of}. Expected are no more than films")
        return self


def evaluation_of(
    films: str,
    has_pneumonia: np.ndarray,
    probabilities: np.ndarray,
    operating_points: tuple[OperatingPoint, ...],
    groups: np.ndarray | None = None,
) -> EvaluationResult:
    """Evaluate calibrated probabilities against the reference standard.

    Args:
        films: what these films are, for the reader.
        has_pneumonia: bool `(n,)`.
        probabilities: float `(n,)` in [0, 1].
        groups: str `(n,)`, "finding", "other" or "normal", where the labels tell the three apart.
    """
    return EvaluationResult(
        films=films,
        n=len(has_pneumonia),
        n_pneumonia=int(has_pneumonia.sum()),
        area_under_roc=area_under_roc(has_pneumonia, probabilities),
        brier_score=brier_score(has_pneumonia, probabilities),
        expected_calibration_error=expected_calibration_error(has_pneumonia, probabilities),
        points=tuple(
            PointResult(
                point.name,
                point.threshold,
                ConfusionMatrix.count(has_pneumonia, probabilities >= point.threshold),
                None if groups is None else _groups_of(groups, probabilities >= point.threshold),
            )
            for point in operating_points
        ),
    )


def _groups_of(groups: np.ndarray, flagged: np.ndarray) -> Groups:
    """Count each group that has films."""

    def count(name: str) -> GroupCount | None:
        chosen = flagged[groups == name]
        return GroupCount(int(chosen.sum()), len(chosen)) if len(chosen) else None

    return Groups(count("finding"), count("other"), count("normal"))


def _why_impossible(result: EvaluationResult) -> str:
    """Say what figure of a result no films could give, as one that was changed by hand; "" where all could be."""
    area = result.area_under_roc
    if result.n_pneumonia > result.n:
        return f"{result.n_pneumonia} of {result.n} films with pneumonia"
    if area.n != result.n:
        return f"an AUC of {area.n} films among {result.n}"
    if math.isnan(area.value) != (result.n_pneumonia in (0, result.n)):
        return "an AUC of one class alone, or none of both"
    if not math.isnan(area.value):
        if not -ROUNDING <= area.value <= 1 + ROUNDING:
            return f"an AUC of {area.value:.3f}"
        if math.isnan(area.low) != math.isnan(area.high):
            return "an AUC with half an interval"
        if not math.isnan(area.low) and not (
            0 <= area.low <= area.value + ROUNDING and area.value - ROUNDING <= area.high <= 1
        ):
            return f"an AUC of {area.value:.3f} outside its own interval, {area.low:.3f} to {area.high:.3f}"
    for name, value in (("Brier score", result.brier_score), ("ECE", result.expected_calibration_error)):
        # Without films there is none.
        if result.n and not 0 <= value <= 1:
            return f"the {name} {value:.3f}"
    for point in result.points:
        matrix = point.confusion
        counts = matrix.true_positives, matrix.false_negatives, matrix.true_negatives, matrix.false_positives
        with_pneumonia = matrix.true_positives + matrix.false_negatives
        if min(counts) < 0:
            return f"a count below 0 at the {point.name} point"
        if (matrix.n, with_pneumonia) != (result.n, result.n_pneumonia):
            return (
                f"counts of {matrix.n} films, {with_pneumonia} with pneumonia, at the {point.name} point of {result.n} "
                f"films, {result.n_pneumonia} with pneumonia"
            )
        if problem := _why_groups_impossible(point):
            return f"{problem} at the {point.name} point"
    return ""


def _why_groups_impossible(point: PointResult) -> str:
    if point.groups is None:
        return ""
    matrix, groups = point.confusion, point.groups
    without = [group for group in (groups.other, groups.normal) if group is not None]
    finding = [groups.finding] if groups.finding is not None else []
    for what, parts, flagged, passed in (
        ("with", finding, matrix.true_positives, matrix.false_negatives),
        ("without", without, matrix.false_positives, matrix.true_negatives),
    ):
        n = flagged + passed
        found = sum(part.flagged for part in parts), sum(part.n for part in parts)
        if parts and found != (flagged, n):
            return f"groups of {found[1]} films {what} the finding, {found[0]} flagged, beside {n}, {flagged} flagged,"
    return ""
