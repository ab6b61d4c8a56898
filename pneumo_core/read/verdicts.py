"""The verdict on an X-ray by the limits of each population that was asked, in words and as data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pneumo_core.models import Conformal, Population
from pneumo_core.stats import OperatingPoint, probabilities

NO_VERDICT = "No verdict"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The network's result: the logit and the calibrated probability, in [0, 1]."""

    logit: float
    probability: float

    def is_flagged(self, point: OperatingPoint) -> bool:
        """True where the probability is at the operating point's threshold or above."""
        return self.probability >= point.threshold


@dataclass(frozen=True, slots=True)
class PopulationVerdict:
    """The prediction for one population, in its own calibrated probability."""

    population: Population
    prediction: Prediction

    def is_flagged(self, point_name: str) -> bool:
        """True where the probability reaches the population's own threshold.

        Raises:
            ModelError: the population has no operating point of this name.
        """
        return self.prediction.is_flagged(self.population.operating_point(point_name))


def verdicts_on(logit: float, populations: Sequence[Population]) -> tuple[PopulationVerdict, ...]:
    """Give the verdict of each population on a logit of the network."""
    return tuple(
        PopulationVerdict(one, Prediction(logit, float(probabilities(np.array(logit), one.calibration))))
        for one in populations
    )


def side_in_words(verdict: PopulationVerdict, point_name: str) -> str:
    """Say in a few words whether a population's limits flag the X-ray, and for what."""
    return f"Flagged: {verdict.population.finding}" if verdict.is_flagged(point_name) else "Not flagged"


def verdict_in_words(verdicts: Sequence[PopulationVerdict], point_name: str) -> str:
    """Say in a few words what the populations asked come to at an operating point."""
    if not verdicts:
        return NO_VERDICT
    flagging = [verdict.population for verdict in verdicts if verdict.is_flagged(point_name)]
    if not flagging:
        return "Not flagged"
    if len(flagging) == len(verdicts):
        return f"Flagged: {' or '.join(dict.fromkeys(population.finding for population in flagging))}"
    others = [verdict.population.name for verdict in verdicts if verdict.population not in flagging]
    return (
        f"No single verdict: flagged by the limits for {' and '.join(one.name for one in flagging)}, not by those for "
        f"{' and '.join(others)}"
    )


def verdict_data(verdict: PopulationVerdict, point_name: str, conformal: Conformal | None) -> dict[str, Any]:
    """Give a population's verdict as plain data."""
    population, probability = verdict.population, verdict.prediction.probability
    return {
        "finding": population.finding,
        "probability": probability,
        "probability_refers_to_prevalence": population.calibration.prevalence,
        "flagged": verdict.is_flagged(point_name),
        "operating_point": point_name,
        "threshold": population.operating_point(point_name).threshold,
        "conformal": conformal_outcome(conformal, probability),
    }


def data_by_population(
    verdicts: Sequence[PopulationVerdict], point_name: str, conformal: Mapping[str, Conformal]
) -> dict[str, dict[str, Any]]:
    """Give the verdicts as plain data by the populations' names.

    Args:
        conformal: regions by the population's name, of those that have any.
    """
    return {
        verdict.population.name: verdict_data(verdict, point_name, conformal.get(verdict.population.name))
        for verdict in verdicts
    }


def conformal_outcome(conformal: Conformal | None, probability: float) -> dict[str, Any] | None:
    """Give likely, uncertain or unlikely as plain data, with its two probability limits."""
    if conformal is None:
        return None
    regions = conformal.regions
    return {"outcome": regions.outcome(probability), **dataclasses.asdict(regions)}
