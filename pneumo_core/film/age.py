"""A patient's age as files and people write it: DICOM's AS, with fewer digits, or a bare number of years."""

import re

DAYS_IN_A_YEAR = 365.25
OLDEST_YEARS = 130
_AGE_WORD = re.compile(r"([0-9]{1,3}) *([DWMY]?)")
_YEARS = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 7 / DAYS_IN_A_YEAR, "D": 1 / DAYS_IN_A_YEAR}


def age_in_years(text: str) -> float | None:
    """Read an age: "045Y", "45Y", "45", "8M", "3 w"; None where it is no age from 0 to 130 years.

    DICOM PS3.5 6.2 (AS) has three digits and a unit: D, W, M or Y. Devices and people write less. A number without a
    unit counts years.
    """
    match = _AGE_WORD.fullmatch(text.strip().upper())
    return possible_age(int(match[1]) * _YEARS[match[2]]) if match else None


def possible_age(years: float) -> float | None:
    """Give an age in years as it is where a patient can have it, else None."""
    return years if 0 <= years <= OLDEST_YEARS else None
