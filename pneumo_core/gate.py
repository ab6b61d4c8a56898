"""A candidate against the model in use on the same films: what a person decides a promotion by.

The films are the candidate's validation films and their stressed copies, less those that the model in use was trained
on. Test films have no say: whoever promotes by them has chosen by them.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from pneumo_core.calibration import probabilities, stressed_copies
from pneumo_core.cases import Case
from pneumo_core.comparison import Comparison, compare
from pneumo_core.errors import DataError
from pneumo_core.evaluation import Estimate, brier_score, expected_calibration_error
from pneumo_core.fitting import predict_logits
from pneumo_core.known_films import read_known_films
from pneumo_core.model_card import NETWORK_FILE, ModelCard, read_card
from pneumo_core.network import load_network
from pneumo_core.preprocessing import fingerprint
from pneumo_core.training_films import Films, read_films
from pneumo_core.whole_file import write_whole

GATE_FILE = "against.json"
FILMS_AS_THEY_ARE = "the films as they are"


@dataclass(frozen=True, slots=True)
class Pair:
    """One film with both models' probabilities, each calibrated by its own card."""

    name: str
    has_pneumonia: bool
    candidate: float
    current: float


@dataclass(frozen=True, slots=True)
class CopyResult:
    """Both models on one copy of the films; differences are candidate less current.

    Attributes:
        films: which copy.
        comparison: each at its own balanced point, on one film a patient.
        candidate_brier, current_brier: Brier scores, on all films; the others likewise.
    """

    films: str
    comparison: Comparison
    candidate_brier: float
    current_brier: float
    candidate_calibration_error: float
    current_calibration_error: float


@with_config(ConfigDict(ser_json_inf_nan="constants", extra="forbid"))
@dataclass(frozen=True, slots=True)
class Gate:
    """What stands between a candidate and its use.

    Attributes:
        candidate, current: names of the models, with the weights that were compared.
        made: when, UTC.
        films, patients: how many were compared.
        left_out: films that the model in use was trained on, so that they would flatter it.
        copies: the films as they are first, then every stressed copy.
        pairs: every film as it is.
    """

    candidate: str
    candidate_weights: str
    candidate_threshold: float
    current: str
    current_weights: str
    current_threshold: float
    made: str
    films: int
    patients: int
    left_out: int
    copies: tuple[CopyResult, ...]
    pairs: tuple[Pair, ...]

    @property
    def changed_sides(self) -> tuple[Pair, ...]:
        """Give the films that one model flags and the other does not, the largest difference first."""
        changed = (
            pair
            for pair in self.pairs
            if (pair.candidate >= self.candidate_threshold) != (pair.current >= self.current_threshold)
        )
        return tuple(sorted(changed, key=lambda pair: -abs(pair.candidate - pair.current)))

    def is_right(self, pair: Pair) -> bool:
        """True where the candidate is right on a film."""
        return (pair.candidate >= self.candidate_threshold) == pair.has_pneumonia

    @property
    def better(self) -> tuple[str, ...]:
        """Say where the candidate is better by more than chance: where the 95 % interval lies above 0."""
        return tuple(text for text, difference in self._differences() if difference.low > 0)

    @property
    def worse(self) -> tuple[str, ...]:
        """Say where it is worse by more than chance."""
        return tuple(text for text, difference in self._differences() if difference.high < 0)

    def in_words(self) -> str:
        """Say in a sentence what the comparison says about a promotion."""
        count = len(list(self._differences()))
        return (
            f"Of {count} paired differences from {self.current} the candidate is better in {len(self.better)} and "
            f"worse in {len(self.worse)} by their 95 % intervals; of so many, {count * 0.025:.1f} each way are to be "
            "expected of two models that are alike."
        )

    def _differences(self) -> Iterator[tuple[str, Estimate]]:
        for copy in self.copies:
            found = copy.comparison
            for what, difference in (
                ("area under the ROC curve", found.area_under_roc.difference),
                ("sensitivity", found.sensitivity.difference),
                ("specificity", found.specificity.difference),
            ):
                yield (
                    f"{what}, {copy.films}: {difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})",
                    difference,
                )


_GATE = TypeAdapter(Gate)


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


def write_gate(gate: Gate, folder: Path) -> None:
    """Write a comparison into the candidate's folder."""
    write_whole(folder / GATE_FILE, _GATE.dump_json(gate, indent=2) + b"\n")


def read_gate(folder: Path) -> Gate | None:
    """Read the comparison in a model's folder; None where there is none, or one that cannot be read."""
    try:
        return _GATE.validate_json((folder / GATE_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def _copies(films: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield FILMS_AS_THEY_ARE, films
    for name, stress in stressed_copies(films).items():
        yield name, stress()


def _read(cases: Sequence[Case], card: ModelCard) -> Films:
    films = read_films(cases, card.preprocessing)
    assert films is not None
    return films
