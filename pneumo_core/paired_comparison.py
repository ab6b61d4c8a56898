"""Score a candidate and the model in use on the same films, for a promotion gate.

The films are the candidate's validation films and their stressed copies, less those that the model in use was trained
on.
"""

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

from pneumo_core.calibration import probabilities, stressed_copies
from pneumo_core.cases import Case
from pneumo_core.comparison import compare
from pneumo_core.errors import DataError
from pneumo_core.evaluation import brier_score, expected_calibration_error
from pneumo_core.fitting import predict_logits
from pneumo_core.gate import FILMS_AS_THEY_ARE, CopyResult, Gate, Pair
from pneumo_core.known_films import read_known_films
from pneumo_core.model_card import NETWORK_FILE, ModelCard, read_card
from pneumo_core.network import load_network
from pneumo_core.preprocessing import fingerprint
from pneumo_core.training_films import Films, read_films


def compare_with_current(
    candidate: tuple[keras.Model, ModelCard], current_folder: Path, cases: Sequence[Case], films: Films | None = None
) -> Gate:
    """Score the candidate's validation films and their stressed copies with both models, and compare.

    Args:
        cases: the candidate's validation films.
        films: these read already as the candidate takes them.

    Raises:
        DataError: of the films so few are left that one class is missing.
        ModelError: the model in use cannot be loaded.
    """
    network, card = candidate
    current_card = read_card(current_folder)
    current = load_network(current_folder / NETWORK_FILE)
    films = films or _read(cases, card)
    known = read_known_films(current_folder)
    fresh = np.array(
        [
            known is None or known.part_of(sha256s[0], fingerprint(film.astype(np.float32))) != "training"
            for sha256s, film in zip(films.sha256s, films.views[0], strict=True)
        ]
    )
    for_current = films if current_card.preprocessing == card.preprocessing else _read(films.cases, current_card)
    labels = films.has_pneumonia[fresh]
    if len(set(labels.tolist())) < 2:
        raise DataError(
            f"Of {len(fresh)} validation films {int(fresh.sum())} are not among those that {current_card.name} was "
            "trained on, and they are not of both classes. The models cannot be compared on them; please choose "
            "another split."
        )
    patients = np.array([case.patient for case in films.cases])[fresh]
    one_each = np.unique(patients, return_index=True)[1]
    points = card.operating_point("balanced").threshold, current_card.operating_point("balanced").threshold
    copies: list[CopyResult] = []
    pairs: list[Pair] = []
    for (name, ours), (_, theirs) in zip(
        _copies(films.views[0][fresh]), _copies(for_current.views[0][fresh]), strict=True
    ):
        scores = (
            probabilities(predict_logits(network, ours), card.calibration),
            probabilities(predict_logits(current, theirs), current_card.calibration),
        )
        copies.append(
            CopyResult(
                name,
                compare(labels[one_each], scores[0][one_each], scores[1][one_each], *points),
                *(brier_score(labels, score) for score in scores),
                *(expected_calibration_error(labels, score) for score in scores),
            )
        )
        if not pairs:
            cases_left = [case for case, is_fresh in zip(films.cases, fresh, strict=True) if is_fresh]
            pairs = [
                Pair(case.name, case.has_pneumonia, float(one), float(other))
                for case, one, other in zip(cases_left, *scores, strict=True)
            ]
    return Gate(
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
    )


def _copies(films: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield FILMS_AS_THEY_ARE, films
    for name, stress in stressed_copies(films).items():
        yield name, stress()


def _read(cases: Sequence[Case], card: ModelCard) -> Films:
    films = read_films(cases, card.preprocessing)
    assert films is not None
    return films
