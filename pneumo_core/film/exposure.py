"""How and when an X-ray was taken, as a DICOM header says it: outward facts that can give a class away.

These facts serve figures over many files only. They are never written, logged or shown together with an image.
"""

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

MAX_WORD = 24
# More than this is no measure of anything.
_LARGEST = 1e9
_FIRST_DAY = date(1900, 1, 1).toordinal()
_DATES = ("AcquisitionDate", "StudyDate", "ContentDate")
_SPACINGS = ("ImagerPixelSpacing", "PixelSpacing")
NUMBER_IN_SERIES = "number in the series"
EXPOSURE_ELEMENTS = (
    *("Manufacturer", "ManufacturerModelName", "KVP", "Exposure", "ExposureInuAs", "XRayTubeCurrent", "ExposureTime"),
    *("RelativeXRayExposure", "ExposureIndex", *_SPACINGS, *_DATES, "InstanceNumber"),
)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Facts of an exposure; None where the file does not say them, or says no such thing.

    Attributes:
        manufacturer, model: of the device: A to Z, digits and single spaces, at most `MAX_WORD` characters.
        kvp: peak voltage in kV.
        exposure_mas: tube current by time, in mAs.
        relative_exposure, exposure_index: as the detector gives them, in units of its own (IEC 62494-1 for the index).
        pixel_spacing_mm: between rows, at the detector where the file says it.
        day: days since 1900-01-01. It serves as a number only.
        number_in_series: DICOM's InstanceNumber.

    Raises:
        ValueError: a text of other characters or length, or a number that is not finite.
    """

    manufacturer: str | None = None
    model: str | None = None
    kvp: float | None = None
    exposure_mas: float | None = None
    relative_exposure: float | None = None
    exposure_index: float | None = None
    pixel_spacing_mm: float | None = None
    day: int | None = None
    number_in_series: int | None = None

    def __post_init__(self) -> None:
        # An answer of a decoder that a file took over may hold anything.
        for word in (self.manufacturer, self.model):
            if word is not None and not re.fullmatch(f"[A-Z0-9 ]{{1,{MAX_WORD}}}", word):
                raise ValueError("a device's name of other characters")
        numbers = (self.kvp, self.exposure_mas, self.relative_exposure, self.exposure_index, self.pixel_spacing_mm)
        if not all(number is None or math.isfinite(number) for number in numbers):
            raise ValueError("a number that is not finite")


class Header(Protocol):
    """The part of a header that is asked: a pydicom `Dataset`, or a mapping of keywords to values."""

    def get(self, keyword: str, /) -> Any: ...


def exposure_of(header: Header | Mapping[str, Any]) -> Exposure:
    """Read the facts of an exposure from a DICOM header; what cannot be understood is None, and nothing is raised.

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


def _text(header: Header | Mapping[str, Any], keyword: str) -> str:
    """Give an element's first value as text, "" where there is none or it cannot be read."""
    try:
        value = header.get(keyword)
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            value = value[0] if len(value) else None
        return "" if value is None else str(value).strip()
    # pydicom converts a value when it is asked for, and raises errors of many kinds at rubbish.
    except Exception:  # noqa: BLE001
        return ""


def _word(header: Header | Mapping[str, Any], keyword: str) -> str | None:
    words = " ".join(re.sub("[^A-Z0-9]+", " ", _text(header, keyword).upper()).split())
    return words[:MAX_WORD].rstrip() or None


def _number(header: Header | Mapping[str, Any], keyword: str) -> float | None:
    with suppress(ValueError):
        number = float(_text(header, keyword).replace(",", "."))
        if abs(number) < _LARGEST:
            return number
    return None


def _positive(header: Header | Mapping[str, Any], keyword: str) -> float | None:
    number = _number(header, keyword)
    return number if number is not None and number > 0 else None


def _day(header: Header | Mapping[str, Any], keyword: str) -> int | None:
    """Give a date such as 20240131, 2024.01.31 (ACR-NEMA) or 2024-01-31 as days since 1900."""
    found = re.fullmatch(r"([0-9]{4})([.-]?)([0-9]{2})\2([0-9]{2})", _text(header, keyword))
    with suppress(ValueError):
        if found and (day := date(int(found[1]), int(found[3]), int(found[4])).toordinal() - _FIRST_DAY) > 0:
            return day
    return None
