"""The populations of a model in words: what a flag says, and from where on it flags."""

from collections.abc import Iterable

from pneumo_core.models import ModelCard, Population
from pneumo_core.read import Reading


def condition_of(reading: Reading) -> str:
    """Name what an X-ray shows where the flag is right, by the populations asked: "pneumonia or lung opacity"."""
    return _conditions(verdict.population for verdict in reading.verdicts)


def conditions_of(card: ModelCard) -> str:
    """Name what the X-rays show that a model looks for."""
    return _conditions(card.populations)


def thresholds_of(card: ModelCard, point_name: str) -> str:
    """Name an operating point by its use and its name, with the threshold of each population."""
    point, several = card.first.operating_point(point_name), len(card.populations) > 1
    thresholds = ", ".join(
        f"{100 * population.operating_point(point_name).threshold:.1f} %{f' ({population.name})' if several else ''}"
        for population in card.populations
    )
    return f"{point.use.capitalize()} ({point.name}): from a probability of {thresholds} on."


def _conditions(populations: Iterable[Population]) -> str:
    return " or ".join(dict.fromkeys(population.condition for population in populations))
