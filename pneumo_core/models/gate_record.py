"""The record of fitting a model's input gate: kept beside it, and said in words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config

from pneumo_core.errors import ModelError
from pneumo_core.files import file_sha256, write_whole
from pneumo_core.gate import GATE_FILE, HAS_GATE, KINDS, NO_GATE
from pneumo_core.models.results import Count
from pneumo_core.stats import percent, proportion
from pneumo_core.wording import counted

RECORD_FILE = "input_gate.json"
MAX_RECORD_BYTES = 2**16
# Fewer films tell too little of what the others look like, or of how many of them would be refused.
LEAST_TRAINING, LEAST_VALIDATION = 100, 20
# A gate that refuses more of the films that are to be read is not kept; one film always may be refused, since few
# films say little of a share.
MOST_REFUSED = 0.02
# Nor one that refuses fewer of the pictures that are none: it would only look like a protection.
LEAST_FOUND = 0.9
# The name of a group of patients gets into texts of many kinds.
GroupName = Annotated[str, Field(pattern=r"\A[A-Za-z0-9][A-Za-z0-9 _-]{0,39}\z")]


@dataclass(frozen=True, slots=True)
class MadePictures:
    """Pictures of one of `KINDS` that were made of validation films, and how many of them the gate refuses."""

    kind: str
    n: Count
    refused: Count


@dataclass(frozen=True, slots=True)
class FittedSet:
    """How a gate was fitted to one group of patients, and what it refuses of them.

    Attributes:
        name: of the group, as "children".
        training_films: that it was fitted on.
        validation_films, validation_refused: of the films that are to be read.
        portable, portable_refused: pictures as of portable devices, made of validation films: to be read, too.
        made: what is to be refused, made of validation films.
        is_known: the network was trained on films of this group.
    """

    name: GroupName
    training_films: Count
    validation_films: Count
    validation_refused: Count = 0
    portable: Count = 0
    portable_refused: Count = 0
    made: tuple[MadePictures, ...] = ()
    is_known: bool = True

    @property
    def refuses_too_many(self) -> bool:
        return self.validation_refused > max(1, math.floor(MOST_REFUSED * self.validation_films))


@dataclass(frozen=True, slots=True)
class GateFit:
    """How a gate was fitted and what it refuses.

    Attributes:
        is_wanted: the plan asked for a gate.
        training_films: that it was fitted on; or that there were, where none was fitted.
        validation_films, validation_refused: of the films that are to be read.
        made: what is to be refused.
        sets: the same by group of patients; none in a record of before 2026-12.
    """

    training_films: Count
    validation_films: Count
    validation_refused: Count = 0
    made: tuple[MadePictures, ...] = ()
    is_wanted: bool = True
    sets: tuple[FittedSet, ...] = ()

    @classmethod
    def of(cls, sets: Sequence[FittedSet]) -> Self:
        """Give the record of a fit to groups of patients, and their sums."""
        kinds = dict.fromkeys(made.kind for group in sets for made in group.made)
        of_kind = {kind: [made for group in sets for made in group.made if made.kind == kind] for kind in kinds}
        return cls(
            sum(group.training_films for group in sets),
            sum(group.validation_films for group in sets),
            sum(group.validation_refused for group in sets),
            tuple(
                MadePictures(kind, sum(made.n for made in found), sum(made.refused for made in found))
                for kind, found in of_kind.items()
            ),
            sets=tuple(sets),
        )

    @property
    def has_films(self) -> bool:
        """True where there are films enough to fit a gate and to see what it refuses."""
        return self.training_films >= LEAST_TRAINING and self.validation_films >= LEAST_VALIDATION

    @property
    def problem(self) -> str:
        """Say why no gate is kept, as a sentence; "" where it is."""
        made, found = sum(kind.n for kind in self.made), sum(kind.refused for kind in self.made)
        if not self.is_wanted:
            return "The plan of its training left it out."
        if not self.has_films:
            return (
                f"There were {counted(self.training_films, 'training film')} and "
                f"{counted(self.validation_films, 'validation film')}; to fit and try one takes at least "
                f"{LEAST_TRAINING} and {LEAST_VALIDATION}."
            )
        for group in self.sets:
            if group.refuses_too_many:
                return (
                    f"One was fitted and not kept: of the group {group.name} it would refuse "
                    f"{group.validation_refused} of {group.validation_films} validation films, more than "
                    f"{100 * MOST_REFUSED:g} %."
                )
        if not self.sets and self.validation_refused > max(1, math.floor(MOST_REFUSED * self.validation_films)):
            return (
                f"One was fitted and not kept: it would refuse {self.validation_refused} of "
                f"{self.validation_films} validation films, more than {100 * MOST_REFUSED:g} %."
            )
        if found < LEAST_FOUND * made:
            return (
                f"One was fitted and not kept: it would refuse {found} of {made} pictures that are no upright, whole "
                f"chest X-ray, fewer than {100 * LEAST_FOUND:g} %."
            )
        return ""


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class _Record:
    """A fit as it lies beside a model; it belongs to these weights, and this gate's file where one is kept."""

    weights_sha256: str
    gate_sha256: str | None
    fit: GateFit


_RECORD = TypeAdapter(_Record)


def write_record(fit: GateFit, folder: Path, weights_sha256: str) -> None:
    """Write down what came of fitting, after the gate itself where one is kept."""
    record = _Record(weights_sha256, _gate_sha256(folder), fit)
    write_whole(folder / RECORD_FILE, _RECORD.dump_json(record, indent=2) + b"\n")


def read_record(folder: Path, weights_sha256: str) -> GateFit | None:
    """Read what came of fitting the gate that lies in a model's folder now; None where nobody wrote it down.

    Raises:
        ModelError: the record is damaged, or holds counts that cannot be.
    """
    record = _read(folder)
    if record is None:
        return None
    is_of_both = (record.weights_sha256, record.gate_sha256) == (weights_sha256, _gate_sha256(folder))
    return record.fit if is_of_both else None


def lacks_its_gate(folder: Path) -> bool:
    """Say whether the record in a model's folder is of a gate that is not there.

    Raises:
        ModelError: as `read_record`.
    """
    record = _read(folder)
    return record is not None and record.gate_sha256 is not None and not (folder / GATE_FILE).is_file()


def gate_in_words(folder: Path, weights_sha256: str) -> tuple[str, ...]:
    """Say whether a model has an input gate, and what it refuses or why there is none; whole sentences.

    The first one is `NO_GATE` where there is none.
    """
    known: tuple[str, ...] = ()
    has_gate = (folder / GATE_FILE).is_file()
    try:
        if fit := read_record(folder, weights_sha256):
            known = _fit_in_words(fit) if has_gate else (fit.problem,)
    except ModelError as error:
        known = (str(error),)
    return (HAS_GATE if has_gate else NO_GATE, *known)


def _read(folder: Path) -> _Record | None:
    path = folder / RECORD_FILE
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > MAX_RECORD_BYTES:
            raise ValueError("too large")
        record = _RECORD.validate_json(path.read_bytes())
        fit = record.fit
        made = (*fit.made, *(kind for group in fit.sets for kind in group.made))
        counts = (
            (fit.validation_films, fit.validation_refused),
            *((group.validation_films, group.validation_refused) for group in fit.sets),
            *((group.portable, group.portable_refused) for group in fit.sets),
            *((kind.n, kind.refused) for kind in made),
        )
        if any(refused > n for n, refused in counts) or any(kind.kind not in KINDS for kind in made):
            raise ValueError("counts")
    except (OSError, ValueError, ValidationError) as error:
        raise ModelError(
            f"{RECORD_FILE} of the model is not as training writes it. Please copy the whole model folder again, or "
            "leave this file out."
        ) from error
    return record


def _gate_sha256(folder: Path) -> str | None:
    gate = folder / GATE_FILE
    return file_sha256(gate) if gate.is_file() else None


def _fit_in_words(fit: GateFit) -> tuple[str, ...]:
    made = "; ".join(f"{kind.kind} {_share(kind.refused, kind.n)} of {kind.n}" for kind in fit.made)
    return (
        f"Fitted on {fit.training_films} training films; of {fit.validation_films} validation films it refuses "
        f"{fit.validation_refused}, in percent {_share(fit.validation_refused, fit.validation_films)}.",
        *(_group_in_words(group) for group in fit.sets),
        f"It refuses of pictures made of validation films, in percent: {made}. 95 % intervals in brackets (Wilson).",
        "Validation films set one of its limits and decided that it is kept, and the pictures are made by the "
        "generators that it was fitted with: what nobody has thought of is harder.",
    )


def _group_in_words(group: FittedSet) -> str:
    as_portable = (
        f"; of {group.portable} such films made to look as of portable devices {group.portable_refused}, in percent "
        f"{_share(group.portable_refused, group.portable)}"
        if group.portable
        else ""
    )
    return (
        f"Group {group.name}: fitted on {group.training_films} films; of {group.validation_films} others it refuses "
        f"{group.validation_refused}, in percent {_share(group.validation_refused, group.validation_films)}"
        f"{as_portable}."
    )


def _share(part: int, of: int) -> str:
    return percent(proportion(part, of))
