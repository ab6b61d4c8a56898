"""Score validation films and their stressed copies; compare a candidate with the model in use on them.

The films of a comparison are the candidate's validation films, less those that the model in use was trained on.
"""

import dataclasses
import datetime
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import keras
import numpy as np

from pneumo_core.errors import DataError
from pneumo_core.film import fingerprint
from pneumo_core.keras_network import load_network
from pneumo_core.models import (
    NETWORK_FILE,
    Challenge,
    CopyResult,
    KnownFilms,
    ModelCard,
    Pair,
    Population,
    read_card,
    read_known_films,
)
from pneumo_core.stats import brier_score, compare, expected_calibration_error, probabilities
from pneumo_core.train.films import Films, read_films
from pneumo_core.train.fit import predict_logits
from pneumo_core.train.stress import EVENED, shaped_by_class, stressed_copies

# The validation films of a population, as the candidate takes them, and its logits as `score_copies` gives them.
Scored = tuple[Films, Mapping[str, np.ndarray]]


def score_copies(
    network: keras.Model, films: Films, progress: Callable[[int, int], None] = lambda done, of: None
) -> dict[str, np.ndarray]:
    """Give the logits of films as they are, in each view, with their shapes evened, and of every stressed copy of both.

    Args:
        progress: is called with how many of how many copies are scored.

    Returns:
        float32 `(n,)` by the name of the copy; the films as they are come first.
    """
    logits: dict[str, np.ndarray] = {}
    copies = _copies(films)
    for name, copy in copies.items():
        logits[name] = predict_logits(network, copy())
        progress(len(logits), len(copies))
    return logits


def compare_with_current(
    card: ModelCard,
    scored: Mapping[str, Scored],
    current_folder: Path,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Challenge:
    """Score the candidate's validation films and their copies with the model in use, and compare, by population.

    Populations are the same where they have the same name. Two models of one population each are compared whatever
    their names.

    Args:
        card: the candidate's.
        scored: its validation films and its logits, by the name of its population. One that is missing has no films
            that another model could be compared on.

    Raises:
        DataError: of the films so few are left that one class is missing, or the models know no population in common.
        ModelError: the model in use cannot be loaded.
    """
    current_card = read_card(current_folder)
    ours, theirs = ([one.name for one in each.populations] for each in (card, current_card))
    pairs = [(one, current_card.population_of(one.name)) for one in card.populations if one.name in theirs]
    if len(ours) == len(theirs) == 1:
        pairs = [(card.first, current_card.first)]
    if not pairs:
        raise DataError(
            f"The candidate knows {', '.join(ours)}, and {current_card.name} knows {', '.join(theirs)}. Expected is a "
            "population that both know. Please compare both on labelled X-rays in Batch evaluation.",
            "population",
        )
    current = load_network(current_folder / NETWORK_FILE)
    known = read_known_films(current_folder)
    found = [
        _compared(card, one, other, scored[one.name], current_card, current, known, progress)
        for one, other in pairs
        if one.name in scored
    ]
    if not found:
        raise DataError(
            f"The candidate has no validation X-rays that {current_card.name} could score, too. Please compare both on "
            "labelled X-rays in Batch evaluation.",
            "population",
        )
    both = {name for one, other in pairs for name in (one.name, other.name)}
    first, *others = found
    return dataclasses.replace(
        first,
        others=tuple(others),
        only_candidate=tuple(name for name in ours if name not in both),
        only_current=tuple(name for name in theirs if name not in both),
    )


def _compared(
    card: ModelCard,
    population: Population,
    of_current: Population,
    scored: Scored,
    current_card: ModelCard,
    current: keras.Model,
    known: KnownFilms | None,
    progress: Callable[[int, int], None],
) -> Challenge:
    """Compare both models on the films of one population, each with its own calibration and point."""
    films, logits = scored
    parts = [
        known and known.part_of(sha256s[0], fingerprint(film.astype(np.float32)))
        for sha256s, film in zip(films.sha256s, films.views[0], strict=True)
    ]
    fresh = np.array([part != "training" for part in parts], bool)
    labels = films.has_pneumonia[fresh]
    if len(set(labels.tolist())) < 2:
        raise DataError(
            f"{int(fresh.sum())} of {len(fresh)} validation X-rays were not used to train {current_card.name}. "
            "Expected are such X-rays of both classes, on which the models can be compared. Please choose another "
            "split."
        )
    for_current = films
    if current_card.preprocessing != card.preprocessing:
        read = read_films(films.cases, current_card.preprocessing)
        assert read is not None
        for_current = read
    if len(logits) == 1:
        current_logits = {name: predict_logits(current, for_current.views[0]) for name in logits}
    else:
        current_logits = score_copies(current, for_current, progress)
    cases = [case for case, is_fresh in zip(films.cases, fresh, strict=True) if is_fresh]
    one_each = np.unique([case.patient for case in cases], return_index=True)[1]
    points = tuple(one.operating_point("balanced").threshold for one in (population, of_current))
    copies: list[CopyResult] = []
    pairs: list[Pair] = []
    for name, ours in logits.items():
        scores = (
            probabilities(ours[fresh], population.calibration),
            probabilities(current_logits[name][fresh], of_current.calibration),
        )
        copies.append(
            CopyResult(
                name,
                compare(labels[one_each], scores[0][one_each], scores[1][one_each], *points),
                *(brier_score(labels, score) for score in scores),
                *(expected_calibration_error(labels, score) for score in scores),
            )
        )
        pairs = pairs or [
            Pair(case.name, case.has_pneumonia, float(one), float(other))
            for case, one, other in zip(cases, *scores, strict=True)
        ]
    return Challenge(
        candidate=card.name,
        candidate_weights=card.weights_sha256,
        candidate_threshold=points[0],
        current=current_card.name,
        current_weights=current_card.weights_sha256,
        current_threshold=points[1],
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        films=len(labels),
        patients=len(one_each),
        left_out=int((~fresh).sum()),
        copies=tuple(copies),
        pairs=tuple(pairs),
        validated_by_current=None if known is None else parts.count("validation"),
        population=population.name,
    )


def _copies(films: Films) -> dict[str, Callable[[], np.ndarray]]:
    """Give ways to make the copies, by name: one at a time is made, since all together would be large."""
    first, *others = films.views
    evened = shaped_by_class(first, films.has_pneumonia, EVENED)
    further = {f"copy {number} of them, as it is": partial(np.asarray, view) for number, view in enumerate(others, 2)}
    return {
        "the films as they are": lambda: first,
        **further,
        **stressed_copies(first),
        "shapes evened": lambda: evened,
        **{f"{name}, shapes evened": stress for name, stress in stressed_copies(evened).items()},
    }
