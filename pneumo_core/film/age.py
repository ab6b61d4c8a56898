"""A patient's age as files and people write it: DICOM's AS, the same in words, or a bare number of years."""

import re
from datetime import date

DAYS_IN_A_YEAR = 365.25
OLDEST_YEARS = 130
_AGE = re.compile(r"0{0,3}([0-9]{1,3})(?:\.0+)? *([A-Z][A-Z ./]*)?")
# "J" and "A" are missing: they are years in one language and days, or nothing, in another.
_UNITS = {
    1.0: "Y YR YRS YEAR YEARS YO YEAROLD YEARSOLD JAHR JAHRE JAAR ANS ANNI ANOS",
    1 / 12: "M MO MOS MON MONS MTH MTHS MONTH MONTHS MONTHOLD MONTHSOLD MONAT MONATE MAAND MAANDEN MOIS MESI MESES",
    7 / DAYS_IN_A_YEAR: "W WK WKS WEEK WEEKS WEEKOLD WEEKSOLD WOCHE WOCHEN",
    1 / DAYS_IN_A_YEAR: "D DAY DAYS DAYOLD DAYSOLD TAG TAGE",
}
_YEARS = {unit: years for years, units in _UNITS.items() for unit in units.split()}
# DA (DICOM PS3.5 6.2), its form before 1993 with dots, that of ISO 8601, and the beginning of DT.
_DATE = re.compile(r"([0-9]{4})([-./]?)([0-9]{2})\2([0-9]{2})(?![0-9])|([0-9]{4})([0-9]{2})([0-9]{2})[0-9]{2}.*")


def age_in_years(text: str) -> float | None:
    """Read an age: "045Y", "45Y", "45", "8M", "3 w", "4 yrs"; None where it is no age from 0 to 130 years.

    DICOM PS3.5 6.2 (AS) has three digits and a unit: D, W, M or Y. Devices and people write less or more. A number
    without a unit counts years.
    """
    match = _AGE.fullmatch(text.strip().upper())
    if match is None:
        return None
    unit = re.sub("[ ./]", "", match[2] or "Y")
    return possible_age(int(match[1]) * _YEARS[unit]) if unit in _YEARS else None


def names_unit(text: str) -> bool:
    """Tell whether an age says in words or by a letter whether it counts years, months, weeks or days."""
    return any(letter.isalpha() for letter in text)


def possible_age(years: float) -> float | None:
    """Give an age in years as it is where a patient can have it, else None."""
    return years if 0 <= years <= OLDEST_YEARS else None


def day_in(text: str) -> date | None:
    """Read a day: "20230131", "2023.01.31", "2023-01-31", or the beginning of a date and time; None if it is none."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day = (match[1], match[3], match[4]) if match[1] else (match[5], match[6], match[7])
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def age_between(born: date, seen: date) -> float | None:
    """Give the age in completed years, below two years in completed months; None where no patient can have it."""
    months = 12 * (seen.year - born.year) + seen.month - born.month - (seen.day < born.day)
    return possible_age(float(months // 12) if months >= 24 else months / 12)
