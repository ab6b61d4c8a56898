"""Score validation films and their stressed copies; compare a candidate with the model in use on them.

The films of a comparison are the candidate's validation films, less those that the model in use was trained on.
"""

import datetime
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import keras
import numpy as np

from pneumo_core.errors import DataError
from pneumo_core.film import fingerprint
from pneumo_core.keras_network import load_network
from pneumo_core.models import NETWORK_FILE, Challenge, CopyResult, ModelCard, Pair, read_card, read_known_films
from pneumo_core.stats import brier_score, compare, expected_calibration_error, probabilities
from pneumo_core.train.films import Films, read_films
from pneumo_core.train.fit import predict_logits
from pneumo_core.train.stress import EVENED, shaped_by_class, stressed_copies


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
    logits: Mapping[str, np.ndarray],
    films: Films,
    current_folder: Path,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Challenge:
    """Score the candidate's validation films and their stressed copies with the model in use, and compare.

    Args:
        card: the candidate's.
        logits: its logits, as `score_copies` gives them.
        films: its validation films, as it takes them.

    Raises:
        DataError: of the films so few are left that one class is missing.
        ModelError: the model in use cannot be loaded.
    """
    current_card = read_card(current_folder)
    known = read_known_films(current_folder)
    parts = [
        known and known.part_of(sha256s[0], fingerprint(film.astype(np.float32)))
        for sha256s, film in zip(films.sha256s, films.views[0], strict=True)
    ]
    fresh = np.array([part != "training" for part in parts])
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
    current_logits = score_copies(load_network(current_folder / NETWORK_FILE), for_current, progress)
    cases = [case for case, is_fresh in zip(films.cases, fresh, strict=True) if is_fresh]
    one_each = np.unique([case.patient for case in cases], return_index=True)[1]
    points = card.first.operating_point("balanced").threshold, current_card.first.operating_point("balanced").threshold
    copies: list[CopyResult] = []
    pairs: list[Pair] = []
    for name, ours in logits.items():
        scores = (
            probabilities(ours[fresh], card.first.calibration),
            probabilities(current_logits[name][fresh], current_card.first.calibration),
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
