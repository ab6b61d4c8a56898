"""The groups of patients that a model knows, with what holds for each, and which of them a patient is asked of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, get_args

from pydantic import model_validator

from pneumo_core.errors import ModelError
from pneumo_core.gate import GROWN_UP, Years, groups_in_words, route
from pneumo_core.models.results import Age, EvaluationResult, Text, TrainingData
from pneumo_core.stats import Calibration, OperatingPoint, PointName
from pneumo_core.wording import NOT_ASSESSED, NOTICE

if TYPE_CHECKING:
    from pneumo_core.models.card import ModelCard

CHILDREN, ADULTS = "children", "adults"
# Names of what a patient is asked of that is no single population.
BETWEEN, BOTH, UNKNOWN, NONE, OUTSIDE = NO_POPULATIONS = ("between", "both", "unknown", "none", "outside")
CHILDREN_YEARS: Years = (1.0, 5.0)
# Begins what a flag is called where the label was a finding of a reader.
SUSPECTED = "suspected "
FINDING = f"{SUSPECTED}pneumonia"

_NAME = re.compile("[a-z][a-z0-9-]{0,39}")
# Names of the models that the project itself ships.
_COMES_WITH = re.compile(r"pneumo-\d+")


@dataclass(frozen=True, slots=True)
class Population:
    """A group of patients with the calibration, operating points and figures that hold for it.

    Attributes:
        name: a slug, as "children".
        description: whose X-rays these are, for the reader.
        years: the youngest and the oldest, in whole years, both of them in it.
        calibration: from the network's logit to this group's probability.
        operating_points: one of each name.
        training_data, validation, test: of this group's X-rays.
        finding: what a flag says, as the labels were: "suspected pneumonia".
        limitations: those of this group alone.
    """

    name: Text
    description: Text
    years: tuple[Age, Age]
    calibration: Calibration
    operating_points: tuple[OperatingPoint, ...]
    training_data: TrainingData
    validation: tuple[EvaluationResult, ...]
    test: tuple[EvaluationResult, ...]
    finding: Text = FINDING
    limitations: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        points = [(point.name, point.threshold) for point in self.operating_points]
        if sorted(name for name, _ in points) != sorted(get_args(PointName)):
            found = ", ".join(name for name, _ in points) or "none"
            raise ValueError(
                f"it holds the operating points {found}. Expected are {', '.join(get_args(PointName))}, once each"
            )
        if self.name in NO_POPULATIONS or not _NAME.fullmatch(self.name):
            raise ValueError(
                "it holds a name that no group can have. Expected are 1 to 40 small letters, digits and dashes, a "
                f"letter first, and none of {', '.join(NO_POPULATIONS)}"
            )
        youngest, oldest = self.years
        if youngest > oldest:
            raise ValueError(f"it holds ages of {youngest:g} to {oldest:g}. Expected is the lower age first")
        for where, results in (("validation", self.validation), ("test", self.test)):
            for number, result in enumerate(results, start=1):
                if [(point.name, point.threshold) for point in result.points] != points:
                    raise ValueError(
                        f"{where}, number {number}, holds results at other points than its operating points. Expected "
                        "is one at each, in the same order"
                    )
        return self

    def operating_point(self, name: str) -> OperatingPoint:
        """Give the operating point of a name.

        Raises:
            ModelError: there is none of this name.
        """
        for point in self.operating_points:
            if point.name == name:
                return point
        names = ", ".join(point.name for point in self.operating_points)
        raise ModelError(f"The model has no operating point '{name[:40]}'. Please choose one of: {names}.")

    @property
    def condition(self) -> str:
        """Name what an X-ray shows where the flag is right: "pneumonia"."""
        return self.finding.removeprefix(SUSPECTED)

    @property
    def identity(self) -> str:
        """Tell it from populations that score or flag otherwise."""
        points = ", ".join(f"{point.name} {point.threshold!r}" for point in self.operating_points)
        return f"{self.name} {self.years!r}, temperature {self.calibration.temperature!r}, {points}"


@dataclass(frozen=True, slots=True)
class Asked:
    """The populations that a patient is asked of.

    `name` is the population's where the patient is of one, or nearest to it; "none", "between", "unknown" where not.
    It is "outside" where a model of one population does not know the patient's age.
    """

    name: str
    populations: tuple[Population, ...]


def asked(card: ModelCard, age_years: float | None) -> Asked:
    """Say which populations of a model a patient of this age is asked of.

    A model of one population is asked whatever the age: outside its years it is the warning that counts.

    Args:
        age_years: in years; None where it is not known.
    """
    found = route(age_years, card.years)
    populations = tuple(card.populations[place] for place in found.places)
    # A model of several has a limit for the oldest, too: the warning of the age stays.
    is_one = found.kind == ("unknown" if len(card.populations) == 1 else "outside") or found.kind == "inside"
    return Asked(populations[0].name if is_one else found.kind, populations)


def population_name(years: Years) -> str:
    """Name a population by its years alone, as a card of format 1 gives them: "children" is 1 to 5 years."""
    youngest, oldest = years
    if youngest >= GROWN_UP:
        return ADULTS
    return CHILDREN if (youngest, oldest) == CHILDREN_YEARS else f"ages-{youngest:.0f}-to-{oldest:.0f}"


def notice_of(card: ModelCard) -> str:
    """Give the standing notice, with whose X-rays a model knows."""
    network = "The network that comes with it" if _COMES_WITH.fullmatch(card.name) else "The network in use"
    return f"{NOTICE} {network} knows chest X-rays of {groups_in_words(card.years)} only."


def not_assessed_by(populations: Iterable[Population]) -> str:
    """Say what was scored, and that nothing else was assessed.

    Args:
        populations: those that gave a verdict; none where no verdict may be given.
    """
    findings = list(dict.fromkeys(population.finding for population in populations))
    if not findings:
        return f"No finding was scored. {NOT_ASSESSED}"
    return f"Only {' and '.join(findings)} {'was' if len(findings) == 1 else 'were'} scored. {NOT_ASSESSED}"
