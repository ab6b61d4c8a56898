"""Numbers of the patients of a run, and who told them; no name leaves this module."""

import posixpath
from collections.abc import Iterable
from typing import NamedTuple

from pneumo_core.data import is_rounded, patient_and_kind, patient_key


class Whose(NamedTuple):
    """Whose film it is: a number that films of one patient share, from 0, and who told it, as in `FilmScore`."""

    number: int
    told: str


def numbered_patients(films: Iterable[tuple[str, str, bool | None]]) -> list[Whose]:
    """Number the patients of films in the order in which they come first.

    Args:
        films: of each its name (its path, with forward slashes), the patient that a table or its name tells ("" or its
            own name where neither does), and its label.
    """
    numbers: dict[str, int] = {}
    found = []
    for name, patient, has_pneumonia in films:
        is_usable = patient not in ("", name) and not is_rounded(patient)
        told = patient if is_usable else patient_and_kind(posixpath.basename(name), has_pneumonia)[0]
        who = "rounded" if is_rounded(patient) else "told" if told else "nothing"
        # No patient's key is in capitals.
        number = numbers.setdefault(patient_key(told) if told else f"X-RAY {name}", len(numbers))
        found.append(Whose(number, who))
    return found
