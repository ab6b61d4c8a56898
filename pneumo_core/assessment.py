"""A run of labelled films evaluated: figures with intervals, groups, and what speaks against them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pneumo_core.bootstrap import Bootstrap
from pneumo_core.calibration import OperatingPoint
from pneumo_core.cohort import (
    FEW_FILMS,
    Cohort,
    Subgroup,
    areas_of_metadata,
    best_threshold,
    contradictions,
    known_to_the_model,
    labelled_cohort,
    subgroups,
)
from pneumo_core.evaluation import (
    Estimate,
    OverallFigures,
    ThresholdFigures,
    area_under_roc,
    figures_at,
    figures_overall,
)
from pneumo_core.known_films import KnownFilms
from pneumo_core.model_card import ModelCard
from pneumo_core.runs import FilmScore


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What a run of films says of a model.

    Attributes:
        refused: the films without a score, each with its reason, in the source's order.
        contradictory: films whose very same file was given with both labels; they are in no figure.
        cohort: the films that the figures are of.
        patients: how many patients these are of; with fewer than films, all intervals are by patient.
        known: bool `(n,)`: films that the model was trained on or validated with; None where the model has no list.
        metadata: how well the files' outward facts alone separate the classes.
        best_threshold: what would have been best on these very films; `nan` where a class is missing.
    """

    card: ModelCard
    films: int
    scores: tuple[FilmScore, ...]
    refused: tuple[FilmScore, ...]
    contradictory: tuple[FilmScore, ...]
    cohort: Cohort
    patients: int
    bootstrap: Bootstrap
    overall: OverallFigures
    known: np.ndarray | None
    metadata: tuple[tuple[str, Estimate], ...]
    best_threshold: float

    @property
    def patients_repeat(self) -> bool:
        return self.patients < len(self.cohort)

    def figures(self, threshold: float) -> ThresholdFigures:
        """Give all figures at a threshold."""
        cohort = self.cohort
        return figures_at(
            cohort.has_pneumonia, cohort.probabilities, threshold, self.bootstrap, by_patient=self.patients_repeat
        )


@dataclass(frozen=True, slots=True)
class GroupResult:
    """How the model did on some of the films."""

    attribute: str
    name: str
    n: int
    n_pneumonia: int
    area_under_roc: Estimate
    sensitivity: Estimate
    specificity: Estimate

    @property
    def is_small(self) -> bool:
        """True where a class has so few films that the figures say little."""
        return min(self.n_pneumonia, self.n - self.n_pneumonia) < FEW_FILMS


def assess_run(scores: Sequence[FilmScore], films: int, card: ModelCard, known: KnownFilms | None) -> Assessment:
    """Evaluate what a run has scored so far.

    Args:
        films: how many the run's source has.
        known: the list of films that the model has seen.
    """
    cohort = labelled_cohort(scores, card.calibration)
    bootstrap = Bootstrap(cohort.patients)
    patients = len(np.unique(cohort.patients))
    return Assessment(
        card=card,
        films=films,
        scores=tuple(scores),
        refused=tuple(score for score in scores if score.logit is None),
        contradictory=tuple(contradictions(scores)),
        cohort=cohort,
        patients=patients,
        bootstrap=bootstrap,
        overall=figures_overall(
            cohort.has_pneumonia, cohort.probabilities, bootstrap, by_patient=patients < len(cohort)
        ),
        known=None if known is None else known_to_the_model(cohort, known),
        metadata=tuple(areas_of_metadata(cohort)),
        best_threshold=best_threshold(cohort),
    )


def group_results(assessment: Assessment, threshold: float) -> list[GroupResult]:
    """Give the figures of every group in the data; first of all films, and of those that the model has not seen."""
    cohort, everyone = assessment.cohort, np.ones(len(assessment.cohort), bool)
    groups = [Subgroup("all films", "", everyone)]
    if assessment.known is not None and assessment.known.any():
        groups.append(Subgroup("not known to the model", "", ~assessment.known))
    return [_result(group, cohort, threshold) for group in [*groups, *subgroups(cohort)]]


def points(assessment: Assessment) -> list[tuple[OperatingPoint, ThresholdFigures]]:
    """Give the figures at each of the model's operating points."""
    return [(point, assessment.figures(point.threshold)) for point in assessment.card.operating_points]


def _result(group: Subgroup, cohort: Cohort, threshold: float) -> GroupResult:
    films = cohort.only(group.chosen)
    bootstrap = Bootstrap(films.patients)
    found = figures_at(
        films.has_pneumonia,
        films.probabilities,
        threshold,
        bootstrap,
        by_patient=len(np.unique(films.patients)) < len(films),
    )
    return GroupResult(
        group.attribute,
        group.name,
        len(films),
        int(films.has_pneumonia.sum()),
        area_under_roc(films.has_pneumonia, films.probabilities),
        found.sensitivity,
        found.specificity,
    )
