"""A DICOM header, read tolerantly: the elements that are looked at, and their values.

Values may be absent, empty, of another kind than the standard says, or a sequence where a value is expected. No
function here raises for that.
"""

import math
from collections.abc import MutableSequence
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.datadict import tag_for_keyword

# The dataset holds these elements only, because an element that is never read cannot leak.
_LAYOUT = ["BitsAllocated", "BitsStored", "SamplesPerPixel", "PixelRepresentation"]
REQUIRED = ["Rows", "Columns", *_LAYOUT, "PhotometricInterpretation"]
_KIND = ["SOPClassUID", "PresentationIntentType", "Modality", "ConversionType", "ImageType", "Manufacturer"]
_MADE = ["PixelIntensityRelationship", "LossyImageCompression", "LossyImageCompressionRatio", "BurnedInAnnotation"]
# These are free text. They are searched for a few words and never handed on.
_SERIES_TEXTS = ["SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription"]
_TEXTS = [*_SERIES_TEXTS, "ImageComments", "DerivationDescription"]
_PART = ["BodyPartExamined", "AnatomicRegionSequence"]
_VIEW = ["ViewPosition", "ViewCodeSequence", "PatientOrientation"]
BIRTH = "PatientBirthDate"
# The dates of the exposure, in the order in which they are asked.
SEEN = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime")
_PATIENT = ["PatientSex", "PatientAge", BIRTH, *SEEN]
_SUBJECT = [*_KIND, *_MADE, *_TEXTS, *_PART, *_VIEW, *_PATIENT]
_MODALITY_LUT = ["ModalityLUTSequence", "RescaleSlope", "RescaleIntercept", "RescaleType"]
_VOI_LUT = ["VOILUTSequence", "VOILUTFunction", "WindowCenter", "WindowWidth", "PresentationLUTShape"]
_OUTSIDE = [
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "ShutterShape", "ShutterLeftVerticalEdge"),
    *("ShutterRightVerticalEdge", "ShutterUpperHorizontalEdge", "ShutterLowerHorizontalEdge"),
    *("CenterOfCircularShutter", "RadiusOfCircularShutter", "VerticesOfThePolygonalShutter"),
]
# In the order in which they are asked for the shape of a pixel.
SPACINGS = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
HEADER = [*REQUIRED, "HighBit", "NumberOfFrames", *_SUBJECT, *_MODALITY_LUT, *_VOI_LUT, *_OUTSIDE, *SPACINGS]
# The longest free text of DICOM, LT (PS3.5 6.2). Only a hostile file has more.
_MOST_LETTERS = 10240
MONOCHROME = ("MONOCHROME1", "MONOCHROME2")


def word(header: pydicom.Dataset, keyword: str) -> str:
    """Give an element's first value in capitals, "" if absent."""
    return next(iter(words(header, keyword)), "")


def words(header: pydicom.Dataset, keyword: str) -> list[str]:
    """Give all values of an element in capitals, in their order; [] if absent or a sequence of items."""
    value = _value(header, keyword)
    values = value if isinstance(value, MutableSequence) else [value]
    texts = ["" if one is None else str(one)[:_MOST_LETTERS] for one in values if not _is_item(one)]
    return [text.strip(" \0\t\r\n").upper() for text in texts]


def text_of_series(header: pydicom.Dataset) -> str:
    """Give the free text about the series in capitals, for a search only."""
    return " ".join(text for keyword in _SERIES_TEXTS for text in words(header, keyword))


def text_of_image(header: pydicom.Dataset) -> str:
    """Give the free text about the series, the image and its making in capitals, for a search only."""
    return " ".join(text for keyword in _TEXTS for text in words(header, keyword))


def codes(header: pydicom.Dataset, keyword: str) -> list[tuple[str, str]]:
    """Give the items of a code sequence as (CodeValue, CodeMeaning) in capitals (DICOM PS3.3 8.8)."""
    items = _value(header, keyword)
    if not isinstance(items, MutableSequence):
        return []
    return [(word(item, "CodeValue"), word(item, "CodeMeaning")) for item in items if _is_item(item)]


def first(value: Any) -> Any:
    if isinstance(value, MutableSequence):
        return value[0] if len(value) else None
    return value


def number(header: pydicom.Dataset, keyword: str, default: float) -> float:
    """Give an element's first value as a number, `default` if absent or empty, `nan` where it is no number."""
    value = first(_value(header, keyword))
    if value in (None, ""):
        return default
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _value(header: pydicom.Dataset, keyword: str) -> Any:
    """Give an element's value; as text, where pydicom cannot convert what is stored."""
    try:
        return header.get(keyword)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001
        # pydicom converts values on access, and raises whatever their conversion raises.
        raw = header.get_item(tag_for_keyword(keyword) or 0)
        stored = getattr(raw, "value", None)
        return stored.decode("latin-1") if isinstance(stored, bytes) else None


def _is_item(value: Any) -> bool:
    return isinstance(value, pydicom.Dataset)


def raw_texts(header: pydicom.Dataset, keyword: str) -> list[str]:
    """Give an element's values as the file writes them, [] if absent or empty.

    pydicom converts a value when it is asked for, and raises where that fails. This asks for no conversion.
    """
    element = header.get_item(keyword)
    value = getattr(element, "value", None)
    if isinstance(value, bytes):
        texts = value.decode("ascii", "replace").strip(" \0")
        return [text.strip(" \0") for text in texts.split("\\")] if texts else []
    if value is None or value == "":
        return []
    return [str(one) for one in (value if isinstance(value, MutableSequence) else [value])]


def raw_shorts(header: pydicom.Dataset, keyword: str) -> NDArray[np.uint16] | None:
    """Give an element's bytes as unsigned 16-bit words, whatever its value representation says; None if absent."""
    element = header.get_item(keyword)
    value = getattr(element, "value", None)
    if isinstance(value, bytes):
        order = ">" if getattr(element, "is_little_endian", True) is False else "<"
        return np.frombuffer(value[: len(value) & ~1], f"{order}u2").astype(np.uint16)
    if value is None or isinstance(value, str):
        return None
    numbers = value if isinstance(value, MutableSequence) else [value]
    return np.asarray([int(one) & 0xFFFF for one in numbers], np.uint16)


def number_in(texts: list[str], default: float | None = None) -> float | None:
    """Read the first text as a finite number, with a decimal point or comma; None where it is none."""
    if not texts:
        return default
    try:
        value = float(texts[0].replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
