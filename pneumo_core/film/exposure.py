"""The facts of an exposure: how and when an X-ray was taken. They are outward facts that can give a class away.

These facts serve figures over many files only. They are never written, logged or shown together with an image.
"""

import math
import re
from dataclasses import dataclass

MAX_WORD = 24
NUMBER_IN_SERIES = "number in the series"


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
