"""The same X-ray more than once: what lies there twice counts once, and with both labels not at all."""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from pneumo_core.data.cases import Case
from pneumo_core.errors import DataError
from pneumo_core.wording import counted

_Item = TypeVar("_Item")
# Test X-rays choose nothing, so that a copy elsewhere gives way to them.
_PRECEDENCE = ("test", "train", "val")


class Content(NamedTuple):
    """An X-ray and what is the same for copies of it alone, such as its SHA-256."""

    name: str
    split: str
    has_pneumonia: bool
    content: Hashable


@dataclass(frozen=True, slots=True)
class Doubles:
    """Which of some X-rays are of no use, since the same content is there under another name.

    Attributes:
        groups: names of X-rays with the same content, those that are copies last.
        copies: of each X-ray that is one, the X-ray that counts instead of it.
        conflicts: X-rays whose very same content has both labels; none of them counts.
    """

    groups: tuple[tuple[str, ...], ...]
    copies: Mapping[str, str]
    conflicts: frozenset[str]

    def in_words(self) -> tuple[str, ...]:
        """Say what was left out, a sentence each; nothing where nothing was."""
        said = []
        if self.copies:
            said.append(f"{copies_in_words(len(self.copies))} left out.")
        if self.conflicts:
            said.append(f"{conflicts_in_words(len(self.conflicts))} They were left out.")
        return tuple(said)


def copies_in_words(count: int) -> str:
    """Begin a sentence: "6 copies of X-rays that are there already were"."""
    if count == 1:
        return "1 copy of an X-ray that is there already was"
    return f"{count} copies of X-rays that are there already were"


def conflicts_in_words(count: int) -> str:
    """Say that the same content has both labels."""
    return f"{counted(count, 'X-ray')} were given with both labels (the very same file)."


def find_doubles(films: Iterable[Content]) -> Doubles:
    """Find X-rays with the same content; of each group one counts, a test X-ray first, and none with both labels."""
    groups: list[tuple[str, ...]] = []
    copies: dict[str, str] = {}
    conflicts: set[str] = set()
    for group in _grouped((film.content, film) for film in films).values():
        names = [film.name for film in sorted(group, key=lambda film: (_PRECEDENCE.index(film.split), film.name))]
        groups.append(tuple(names))
        if len({film.has_pneumonia for film in group}) > 1:
            conflicts.update(names)
        else:
            copies.update(dict.fromkeys(names[1:], names[0]))
    return Doubles(tuple(groups), copies, frozenset(conflicts))


def without_doubles(cases: Iterable[Case]) -> tuple[tuple[Case, ...], Doubles]:
    """Keep one X-ray of those with the same content, a test X-ray first, and none where its labels differ.

    Patients under whose names the same X-ray lies become one. Only files of the same length are read, and of a film
    with several views the first.

    Raises:
        DataError: a file cannot be read.
    """
    cases = tuple(cases)
    try:
        alike = _grouped((case.views[0].stat().st_size, case) for case in cases)
        # Empty files are no X-rays, and so no copies of one.
        read = [case for length, group in alike.items() if length for case in group]
        doubles = find_doubles(
            Content(case.name, case.split, case.has_pneumonia, hashlib.sha256(case.views[0].read_bytes()).digest())
            for case in read
        )
    except OSError as error:
        raise DataError(
            f"An X-ray cannot be read ({error.strerror}). Expected are X-rays that stay where they are. Please check "
            "the folder."
        ) from error
    joined = joined_patients({case.name: case.patient for case in cases}, doubles.groups)
    kept = tuple(
        dataclasses.replace(case, patient=joined[case.patient])
        for case in cases
        if case.name not in doubles.copies and case.name not in doubles.conflicts
    )
    return kept, doubles


def joined_patients(patients: Mapping[str, str], same: Iterable[Sequence[str]]) -> dict[str, str]:
    """Give for each patient the first of all those whom the same X-rays join with them.

    Args:
        patients: of each X-ray's name its patient.
        same: names of X-rays that are the same, a group each.
    """
    first = {patient: patient for patient in patients.values()}

    def root(patient: str) -> str:
        while first[patient] != patient:
            first[patient] = first[first[patient]]
            patient = first[patient]
        return patient

    for names in same:
        roots = sorted({root(patients[name]) for name in names if name in patients})
        for other in roots[1:]:
            first[other] = roots[0]
    return {patient: root(patient) for patient in first}


def _grouped(keyed: Iterable[tuple[Hashable, _Item]]) -> dict[Hashable, list[_Item]]:
    """Give the groups of more than one by their key."""
    groups: defaultdict[Hashable, list[_Item]] = defaultdict(list)
    for key, item in keyed:
        groups[key].append(item)
    return {key: group for key, group in groups.items() if len(group) > 1}
