"""Whose X-ray it is: the same patient under several spellings, and what is said where nothing tells the patients."""

import re
import unicodedata
from collections.abc import Iterable

# As a spreadsheet writes a number of more than 11 digits: the others are lost, and several patients share the rest.
_ROUNDED = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]{2,}", re.IGNORECASE)
_NUMBER = re.compile(r"0*([0-9]+)(?:\.0+)?")
INDEPENDENT = "The names tell no patients, so the images were taken for independent."


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
