"""The facts of an exposure, read from a DICOM header."""

import re
from datetime import date

import pydicom

from pneumo_core.film.age import day_in
from pneumo_core.film.dicom.header import number_in, raw_texts
from pneumo_core.film.exposure import MAX_WORD, Exposure

# More than this is no measure of anything.
_LARGEST = 1e9
_FIRST_DAY = date(1900, 1, 1).toordinal()
_DATES = ("AcquisitionDate", "StudyDate", "ContentDate")
_SPACINGS = ("ImagerPixelSpacing", "PixelSpacing")
EXPOSURE_ELEMENTS = (
    *("Manufacturer", "ManufacturerModelName", "KVP", "Exposure", "ExposureInuAs", "XRayTubeCurrent", "ExposureTime"),
    *("RelativeXRayExposure", "ExposureIndex", *_SPACINGS, *_DATES, "InstanceNumber"),
)


def exposure_of(header: pydicom.Dataset) -> Exposure:
    """Read the facts of an exposure; what cannot be understood is None, and nothing is raised.

    A voltage, an exposure or a spacing of 0 is how devices write that they do not know it.
    """
    current, time_ms = _positive(header, "XRayTubeCurrent"), _positive(header, "ExposureTime")
    exposure_uas = _positive(header, "ExposureInuAs")
    exposure_mas = _positive(header, "Exposure")
    if exposure_mas is None and exposure_uas is not None:
        exposure_mas = exposure_uas / 1000
    if exposure_mas is None and current is not None and time_ms is not None:
        exposure_mas = current * time_ms / 1000
    number = _number(header, "InstanceNumber")
    return Exposure(
        manufacturer=_word(header, "Manufacturer"),
        model=_word(header, "ManufacturerModelName"),
        kvp=_positive(header, "KVP"),
        exposure_mas=exposure_mas,
        relative_exposure=_number(header, "RelativeXRayExposure"),
        exposure_index=_number(header, "ExposureIndex"),
        pixel_spacing_mm=next((mm for name in _SPACINGS if (mm := _positive(header, name)) is not None), None),
        day=next((day for name in _DATES if (day := _day(header, name)) is not None), None),
        number_in_series=None if number is None else int(number),
    )


def _word(header: pydicom.Dataset, keyword: str) -> str | None:
    text = " ".join(raw_texts(header, keyword)[:1]).upper()
    return " ".join(re.sub("[^A-Z0-9]+", " ", text).split())[:MAX_WORD].rstrip() or None


def _number(header: pydicom.Dataset, keyword: str) -> float | None:
    number = number_in(raw_texts(header, keyword))
    return number if number is not None and abs(number) < _LARGEST else None


def _positive(header: pydicom.Dataset, keyword: str) -> float | None:
    number = _number(header, keyword)
    return number if number is not None and number > 0 else None


def _day(header: pydicom.Dataset, keyword: str) -> int | None:
    """Give a date as days since 1900."""
    found = day_in(" ".join(raw_texts(header, keyword)[:1]))
    days = 0 if found is None else found.toordinal() - _FIRST_DAY
    return days if days > 0 else None
