"""A DICOM header, read tolerantly: the elements that are looked at, and their first values."""

from collections.abc import MutableSequence
from typing import Any

import pydicom

# The dataset holds these elements only, because an element that is never read cannot leak.
_LAYOUT = ["BitsAllocated", "BitsStored", "SamplesPerPixel", "PixelRepresentation"]
REQUIRED = ["Rows", "Columns", *_LAYOUT, "PhotometricInterpretation"]
_SUBJECT = ["SOPClassUID", "PresentationIntentType", "Modality", "BodyPartExamined", "ViewPosition", "PatientSex"]
DATES = ("PatientBirthDate", "StudyDate")
_AGE = ["PatientAge", *DATES]
_MODALITY_LUT = ["ModalityLUTSequence", "RescaleSlope", "RescaleIntercept"]
_VOI_LUT = ["VOILUTSequence", "VOILUTFunction", "WindowCenter", "WindowWidth", "PresentationLUTShape"]
HEADER = [*REQUIRED, "HighBit", "NumberOfFrames", *_SUBJECT, *_AGE, *_MODALITY_LUT, *_VOI_LUT]
MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


def word(header: pydicom.Dataset, keyword: str) -> str:
    """Give an element's first value in capitals, "" if absent."""
    return str(first(header.get(keyword)) or "").strip().upper()


def first(value: Any) -> Any:
    if isinstance(value, MutableSequence):
        return value[0] if len(value) else None
    return value


def number(header: pydicom.Dataset, keyword: str, default: float) -> float:
    value = first(header.get(keyword))
    return default if value in (None, "") else float(value)
