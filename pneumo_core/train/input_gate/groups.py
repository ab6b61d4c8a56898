"""The X-rays that a gate is fitted to and tried with: of each group of patients, no patient on both sides."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pneumo_core.data import SourceFilm, open_source, patient_key
from pneumo_core.errors import DataError
from pneumo_core.models import HASH_DIGITS, KnownFilms
from pneumo_core.wording import counted

# One patient of so many is tried and not fitted to, where the model's list names none of a group's X-rays.
ONE_TRIED_OF = 5
# A lung cut out of its X-ray is no whole chest, whatever else a table says of it.
VIEW_OF, LUNGS_ONLY = "view_of", "lungs_only"


class GateGroup(NamedTuple):
    """A group of patients by its name, and its X-rays; `is_known` is True where the model was trained on some."""

    name: str
    training: tuple[SourceFilm, ...]
    validation: tuple[SourceFilm, ...]
    is_known: bool


def groups_of(known: KnownFilms | None, sources: Sequence[tuple[str, Path]]) -> list[GateGroup]:
    """List the X-rays of each group: those that the model's list names, or else all of them, split by patient.

    Args:
        known: the films that the model was trained on and validated with.
        sources: name of a group, and a folder or table of whole upright chest X-rays; one group may have several.

    Raises:
        DataError: a source cannot be read; the list names X-rays of none, or those of one part only; a group has
            nothing to fit to or to try.
    """
    found: dict[str, list[GateGroup]] = {}
    for name, path in sources:
        found.setdefault(name, []).append(_group(known, name, path))
    if not any(group.is_known for groups in found.values() for group in groups):
        raise DataError(
            "The model's list of known X-rays names none that it was trained on and validated with below "
            f"{', '.join(path.name for _, path in sources)}. Expected are some of both. Please name the folder that it "
            "was trained from, too.",
            code="gate_films",
        )
    joined = [
        GateGroup(
            name,
            tuple(film for group in groups for film in group.training),
            tuple(film for group in groups for film in group.validation),
            any(group.is_known for group in groups),
        )
        for name, groups in found.items()
    ]
    for group in joined:
        if not group.training or not group.validation:
            raise DataError(
                f"The group {group.name} has {counted(len(group.training), 'whole X-ray')} to fit a gate to and "
                f"{len(group.validation)} to try it with. Expected are some of both. Please name a folder of whole "
                "X-rays of several patients, or leave the group out.",
                code="gate_films",
            )
    return joined


def _group(known: KnownFilms | None, name: str, path: Path) -> GateGroup:
    films = [film for film in open_source(path).films if film.columns.get(VIEW_OF) != LUNGS_ONLY]
    parts: dict[str, list[SourceFilm]] = {"training": [], "validation": []}
    for film in films if known is not None else ():
        part = known.hashes.get(hashlib.sha256(film.read()).hexdigest()[:HASH_DIGITS]) if known is not None else None
        if part is not None:
            parts[part].append(film)
    training, validation = parts["training"], parts["validation"]
    if training and validation:
        return GateGroup(name, tuple(training), tuple(validation), is_known=True)
    if training or validation:
        raise DataError(
            f"{path.name} holds {len(training)} X-rays that the model was trained on and {len(validation)} that it was "
            "validated with. Expected are some of both, or none of either. Please name the whole folder that it was "
            "trained from.",
            code="gate_films",
        )
    tried = [_is_tried(film.patient) for film in films]
    return GateGroup(
        name,
        tuple(film for film, is_tried in zip(films, tried, strict=True) if not is_tried),
        tuple(film for film, is_tried in zip(films, tried, strict=True) if is_tried),
        is_known=False,
    )


def _is_tried(patient: str) -> bool:
    """Tell the side of a patient, the same in every source."""
    return int(hashlib.sha256(patient_key(patient).encode()).hexdigest(), 16) % ONE_TRIED_OF == 0
