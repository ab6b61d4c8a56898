"""Counts of X-rays and of patients.

The same content under several names counts once, and with both labels not at all. The same patient under several
spellings is one. Where nothing tells the patients, that is said.
"""

import dataclasses
import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from pneumo_core.data.cases import Case
from pneumo_core.files import file_sha256
from pneumo_core.wording import counted

_Key = TypeVar("_Key", bound=Hashable)
_Item = TypeVar("_Item")
# One content under more patients' names than these is no X-ray of anybody, such as a picture of nothing.
MOST_JOINED = 5
# Headers and the last rows of pixels differ, where files do.
_END_BYTES = 2**14
# Test X-rays choose nothing, so that a copy elsewhere gives way to them.
_PRECEDENCE = ("test", "train", "val")
# As a spreadsheet writes a number of more than 11 digits: the others are lost, and several patients share the rest.
_ROUNDED = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]{2,}", re.IGNORECASE)
_NUMBER = re.compile(r"0*([0-9]+)(?:\.0+)?")
INDEPENDENT = "The names tell no patients, so the images were taken for independent."


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

    Patients under whose names the same X-ray lies become one. Only files of the same length and ends are read whole,
    and of a film with several views the first. A link, which is not followed, and a file that cannot be read are no
    copies: whoever reads the films says what is wrong with them.
    """
    cases = tuple(cases)
    # Empty files are no X-rays, and so no copies of one.
    long = _grouped((length, case) for case in cases if (length := _length(case.views[0])))
    alike = _grouped((_ends(case.views[0], length), case) for length, group in long.items() for case in group)
    doubles = find_doubles(
        Content(case.name, case.split, case.has_pneumonia, content)
        for group in alike.values()
        for case in group
        if (content := _hash(case.views[0]))
    )
    patients = {case.name: case.patient for case in cases}
    of_few = (group for group in doubles.groups if len({patients[name] for name in group}) <= MOST_JOINED)
    joined = joined_patients(patients, of_few)
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


def _ends(path: Path, length: int) -> tuple[int, bytes]:
    """Give a file's length and a hash of its ends: files of one length, as devices write them, differ there."""
    with suppress(OSError), path.open("rb") as file:
        ends = file.read(_END_BYTES)
        file.seek(max(0, length - _END_BYTES))
        return length, hashlib.sha256(ends + file.read(_END_BYTES)).digest()
    return length, b""


def _length(path: Path) -> int:
    """Give a file's length; 0 for a link, and for what is not there."""
    with suppress(OSError):
        return 0 if path.is_symlink() else path.stat().st_size
    return 0


def _hash(path: Path) -> str:
    with suppress(OSError):
        return file_sha256(path)
    return ""


# Patients


def patient_key(patient: str) -> str:
    """Give the same key for the spellings of one patient: other case, other spaces, 00012, 12 and 12.0.

    Two people whose ids differ in no more than that count as one, which makes intervals wider and keeps a split whole.
    """
    key = " ".join(unicodedata.normalize("NFKC", patient).split()).casefold()
    number = _NUMBER.fullmatch(key)
    return number[1] if number else key


def is_rounded(patient: str) -> bool:
    """Tell an id that a spreadsheet destroyed, such as 1.2E+10: it names nobody."""
    return _ROUNDED.fullmatch(patient.strip()) is not None


def count_patients(films: Iterable[tuple[str, str]]) -> int:
    """Count patients; 0 where nothing tells one.

    Args:
        films: of each X-ray its patient and its own name, which are equal where nothing tells the patient.
    """
    films = list(films)
    return len({patient for patient, _ in films}) if any(patient != name for patient, name in films) else 0


def of_patients(count: int, other: str = "") -> str:
    """Say "of 12 patients", "of 12 other patients"; what it says of 0 is that nobody knows.

    Args:
        other: a word before "patients", with its space.
    """
    if not count:
        return f"of {other}patients whom the names do not tell"
    return f"of 1 {other}patient" if count == 1 else f"of {count} {other}patients"


def untold_patients(told: Iterable[bool]) -> str | None:
    """Say that patients are not known, and what follows for a split; None where every X-ray's patient is told.

    Args:
        told: of each X-ray, whether its name or a table tells the patient.
    """
    told = list(told)
    if all(told):
        return None
    if not any(told):
        return f"{INDEPENDENT} A split may put one patient on both sides."
    return (
        f"The names tell the patients of {sum(told)} of {len(told)} X-rays. The others were taken for independent. A "
        "split may put one of their patients on both sides."
    )


def _grouped(keyed: Iterable[tuple[_Key, _Item]]) -> dict[_Key, list[_Item]]:
    """Give the groups of more than one by their key."""
    groups: defaultdict[_Key, list[_Item]] = defaultdict(list)
    for key, item in keyed:
        groups[key].append(item)
    return {key: group for key, group in groups.items() if len(group) > 1}
