"""Which populations of a model an X-ray of a run is asked of, by its patient's age, and what they come to."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pneumo_core.evaluate.runs import FilmScore
from pneumo_core.models import Asked, ModelCard, asked
from pneumo_core.stats import probabilities

# Stands for no verdict: the populations asked differ, or none was asked.
NO_VERDICT = -1


def asked_of(score: FilmScore, card: ModelCard) -> Asked:
    """Say which populations of the model a patient of this age is asked of."""
    return asked(card, score.age_years)


def own_probabilities(scores: Sequence[FilmScore], card: ModelCard) -> np.ndarray:
    """Give each scored X-ray's probability for the first population asked, float64 `(n,)`; `nan` where none is."""
    found = np.full(len(scores), np.nan)
    logits = np.array([score.logit for score in scores], np.float64)
    firsts = [next(iter(names), None) for names in _names_asked(scores, card)]
    for population in card.populations:
        chosen = np.array([first == population.name for first in firsts], bool)
        found[chosen] = probabilities(logits[chosen], population.calibration)
    return found


def flags_at(scores: Sequence[FilmScore], card: ModelCard, point_name: str) -> np.ndarray:
    """Say of each scored X-ray whether it is flagged by its own population's point of a name.

    Returns:
        int8 `(n,)`: 1 flagged, 0 not, `NO_VERDICT` where the populations asked differ, or none was asked.
    """
    logits = np.array([score.logit for score in scores], np.float64)
    sides = np.zeros((len(card.populations), len(scores)), bool)
    is_asked, names = np.zeros_like(sides), _names_asked(scores, card)
    for place, population in enumerate(card.populations):
        threshold = population.operating_point(point_name).threshold
        sides[place] = probabilities(logits, population.calibration) >= threshold
        is_asked[place] = [population.name in of_score for of_score in names]
    flagging, asking = (sides & is_asked).sum(axis=0), is_asked.sum(axis=0)
    agree = (asking > 0) & ((flagging == 0) | (flagging == asking))
    return np.where(agree, flagging > 0, NO_VERDICT).astype(np.int8)


def verdict_columns(score: FilmScore, card: ModelCard) -> dict[str, Any]:
    """Give what an X-ray comes to at the balanced point, for a table: `probability`, `population`, `flagged`."""
    if score.logit is None:
        return {"probability": None, "population": None, "flagged": None}
    probability, flag = own_probabilities([score], card)[0], int(flags_at([score], card, "balanced")[0])
    return {
        "probability": None if np.isnan(probability) else float(probability),
        "population": asked_of(score, card).name,
        "flagged": None if flag == NO_VERDICT else bool(flag),
    }


def verdict_in_words(score: FilmScore, card: ModelCard, point_name: str) -> str:
    """Say in a few words what the populations asked come to at an operating point, for a list of scored X-rays."""
    populations = asked_of(score, card).populations
    if not populations:
        return "No verdict"
    flag = int(flags_at([score], card, point_name)[0])
    if flag == NO_VERDICT:
        return "No single verdict"
    if not flag:
        return "Not flagged"
    return f"Flagged: {' or '.join(dict.fromkeys(population.finding for population in populations))}"


def _names_asked(scores: Sequence[FilmScore], card: ModelCard) -> list[tuple[str, ...]]:
    """Name the populations that each X-ray is asked of."""
    by_age = {score.age_years: asked_of(score, card) for score in scores}
    names = {age: tuple(population.name for population in found.populations) for age, found in by_age.items()}
    return [names[score.age_years] for score in scores]
