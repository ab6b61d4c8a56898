"""From a DICOM's stored values to grey: the modality LUT or rescale, then the first VOI LUT or window that fits.

A header is believed only as far as its numbers can be used. Each hint that cannot be used is left aside with a note,
and the next one is tried. The last resort is the range of the image itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pydicom
from numpy.typing import NDArray

from pneumo_core.film.dicom.header import SPACINGS, number_in, raw_shorts, raw_texts, word
from pneumo_core.film.dicom.outside import outside_of
from pneumo_core.film.grey import Levels, clipped_share, contrast, count_levels, own_range, spread, windowed
from pneumo_core.film.pixels import effective_bits

# A hint that shows less than this difference of grey shows nothing.
_LEAST_CONTRAST = 0.001
# A hint that makes more of the image plain black or white gives way to a later one that does not.
_MOST_CLIPPED = 0.6
# A pixel whose sides differ by less is square. One whose sides differ by more is a mistake of the header.
_SQUARE, _MOST_ASPECT = 0.01, 4.0
# Terms of RescaleType and ModalityLUTType (DICOM PS3.3 C.11.1.1.2). US means unspecified.
UNITS = ("OD", "HU", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT")
_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True, slots=True, eq=False)
class Display:
    """One image's levels, and what each level stands for.

    Attributes:
        levels: uint8 or uint16 `(height, width)`, without the rows and columns that were cut off.
        grey: float32 `(256,)` or `(65536,)` in [0, 1], one a level, air dark and bone bright.
        values: float32, one a level, after the modality LUT or rescale, in `unit`; `nan` for what is no image.
        bits: effective bit depth of the stored values.
        voi, window: the kind of hint that was applied; the window's centre and width.
        windows: all windows of the file that are numbers.
        cut_off: rows cut off at the top and bottom, columns at the left and right.
    """

    levels: Levels
    grey: NDArray[np.float32]
    values: NDArray[np.float32]
    bits: int
    is_inverted: bool
    voi: Literal["window", "LUT"] | None
    window: tuple[float, float] | None
    windows: tuple[tuple[float, float], ...]
    unit: str | None
    cut_off: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class _Hint:
    """One way to grey that the file names, and what it shows of each level."""

    voi: Literal["window", "LUT"]
    grey: NDArray[np.float32]
    window: tuple[float, float] | None = None
    note: str | None = None


def display(words: Levels, header: pydicom.Dataset, notes: list[str]) -> Display:
    """Find the grey of a monochrome image (DICOM PS3.3 C.7.5.1.1.2, C.7.6.11, C.11.1 and C.11.2, in this order).

    Args:
        words: uint8 or uint16 `(height, width)`: the stored words, right-aligned, in two's complement where signed.
            Bits above BitsStored may hold anything.
    """
    bits, is_signed = int(header.BitsStored), header.PixelRepresentation == 1
    if words.dtype == np.uint8 and "ShutterShape" in header:
        # A shutter needs a level of its own, and an image of 8 bits may use them all.
        words = words.astype(np.uint16)
    stored = _stored_values(words.dtype, bits, is_signed)
    outside = outside_of(words, stored, header, notes)
    words = outside.levels
    values, unit, is_mapped = _modality(stored, header, notes)
    is_small = bits <= 8 and not (is_mapped and values.max() > 255)
    if bits == 16 and not is_signed:
        # Careless devices write 16 for 12-bit data.
        bits = effective_bits(int(words.max()))
    counts = outside.counted(count_levels(words))
    hint = _fitting(_hints(values, is_signed_range=bool(values.min() < 0), header=header, notes=notes), counts, notes)
    is_inverted = word(header, "PhotometricInterpretation") == "MONOCHROME1"
    if hint is not None:
        grey = hint.grey
    elif is_small:
        grey = spread(values, float(values.min()), float(values.max()))
    else:
        grey = own_range(values, counts, notes, is_inverted=is_inverted)
    if is_inverted:
        # DICOM PS3.3 C.7.6.3.1.2: MONOCHROME1 shows its lowest value as white.
        grey = 1 - grey
    shape = word(header, "PresentationLUTShape")
    if shape in ("IDENTITY", "INVERSE") and (shape == "INVERSE") != is_inverted:
        notes.append("PresentationLUTShape contradicts PhotometricInterpretation and was ignored.")
    return Display(
        levels=words,
        grey=outside.blackened(grey),
        values=outside.without_values(values.astype(np.float32)),
        bits=bits,
        is_inverted=is_inverted,
        voi=hint.voi if hint else None,
        window=hint.window if hint else None,
        windows=tuple(window for window in _windows(header) if window is not None),
        unit=unit,
        cut_off=outside.cut_off,
    )


def _stored_values(kind: np.dtype[Any], bits: int, is_signed: bool) -> NDArray[np.float64]:
    """Give the stored value of each word: the lowest `bits` bits, in two's complement where signed (PS3.5 8.1.1)."""
    words = np.arange(2 ** (8 * kind.itemsize)) & (2**bits - 1)
    return (words - ((words >> (bits - 1)) << bits) if is_signed else words).astype(np.float64)


def _modality(
    stored: NDArray[np.float64], header: pydicom.Dataset, notes: list[str]
) -> tuple[NDArray[np.float64], str | None, bool]:
    """Apply the modality LUT or rescale; give the values, their unit, and whether a LUT made them."""
    for item in _items(header, "ModalityLUTSequence"):
        table = _table(item, is_signed=bool(stored.min() < 0))
        if isinstance(table, str):
            notes.append(f"The modality lookup table {table} and was left aside.")
            continue
        first, entries = table
        unit = word(item, "ModalityLUTType")
        return _looked_up(stored, first, entries), unit if unit in UNITS else None, True
    slope, intercept = (
        number_in(raw_texts(header, keyword), default)
        for keyword, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
    )
    unit = word(header, "RescaleType")
    if any("," in text for keyword in ("RescaleSlope", "RescaleIntercept") for text in raw_texts(header, keyword)):
        notes.append("RescaleSlope or RescaleIntercept is written with a decimal comma. It was read as a number.")
    if slope is None or intercept is None or slope == 0:
        notes.append("RescaleSlope or RescaleIntercept cannot be used. The stored values were taken as they are.")
        return stored, None, False
    return stored * slope + intercept, unit if unit in UNITS else None, False


def _hints(
    values: NDArray[np.float64], *, is_signed_range: bool, header: pydicom.Dataset, notes: list[str]
) -> Iterator[_Hint]:
    """Give each VOI LUT, then each window, that can be applied to `values`."""
    for item in _items(header, "VOILUTSequence"):
        table = _table(item, is_signed_range)
        if isinstance(table, str):
            notes.append(f"A lookup table {table} and was left aside.")
            continue
        first, entries = table
        held, declared = max(1, int(entries.max()).bit_length()), _declared_bits(item)
        note = None
        if held != declared:
            note = (
                f"The lookup table declares {declared} bits, but its values need {held}. It was scaled by {held} bits."
            )
        yield _Hint("LUT", (_looked_up(values, first, entries) / (2**held - 1)).astype(np.float32), note=note)
    function = word(header, "VOILUTFunction") or "LINEAR"
    if function not in _FUNCTIONS:
        notes.append("VOILUTFunction is an unknown word. LINEAR was taken.")
        function = "LINEAR"
    has_comma = any("," in text for keyword in ("WindowCenter", "WindowWidth") for text in raw_texts(header, keyword))
    for window in _windows(header):
        if window is None or window[1] < (1 if function == "LINEAR" else 1e-9):
            reason = "is no number" if window is None else "has no width"
            notes.append(f"A stored window {reason} and was left aside.")
            continue
        grey = windowed(values, *window, cast("Literal['LINEAR', 'LINEAR_EXACT', 'SIGMOID']", function))
        comma = "The window is written with a decimal comma. It was read as a number." if has_comma else None
        yield _Hint("window", grey, window, comma)


def _fitting(hints: Iterator[_Hint], counts: NDArray[np.int64], notes: list[str]) -> _Hint | None:
    """Choose the first hint that shows the image; None where no hint shows anything.

    Args:
        counts: of the image's pixels, one a level.
    """
    usable, chosen = [], None
    for hint in hints:
        if contrast(hint.grey, counts) < _LEAST_CONTRAST:
            kind = "lookup table" if hint.voi == "LUT" else "window"
            notes.append(f"A stored {kind} shows nothing of this image and was left aside.")
            continue
        usable.append(hint)
        if chosen is None and clipped_share(hint.grey, counts) <= _MOST_CLIPPED:
            chosen = hint
    if not usable:
        return None
    if chosen is None:
        chosen = usable[0]
    elif chosen is not usable[0]:
        notes.append("The first lookup table or window makes most of this image plain. A later one fits.")
    if len(usable) > 1:
        which = "first" if chosen is usable[0] else "first fitting"
        kind = "lookup table" if chosen.voi == "LUT" else "one"
        stored = "lookup tables or windows" if any(hint.voi == "LUT" for hint in usable) else "windows"
        notes.append(f"Several {stored} are stored. The {which} {kind} was applied.")
    if chosen.note:
        notes.append(chosen.note)
    return chosen


def _items(header: pydicom.Dataset, keyword: str) -> list[pydicom.Dataset]:
    """Give a sequence's items, [] where it is absent, empty or no sequence."""
    value = header.get(keyword)
    return list(value) if isinstance(value, pydicom.Sequence) else []


def _declared_bits(item: pydicom.Dataset) -> int:
    descriptor = raw_shorts(item, "LUTDescriptor")
    return int(descriptor[2]) if descriptor is not None and len(descriptor) == 3 else 0


def _table(item: pydicom.Dataset, is_signed: bool) -> tuple[int, NDArray[np.float64]] | str:
    """Give a lookup table's first mapped value and its entries, or the reason why it cannot be used.

    DICOM PS3.3 C.11.1.1. Its numbers are read as words of 16 bits, because files write them with either sign. The
    first mapped value has the sign of what is mapped.
    """
    descriptor = raw_shorts(item, "LUTDescriptor")
    if descriptor is None or len(descriptor) != 3:
        return "has no descriptor"
    count, first = int(descriptor[0]) or 2**16, int(descriptor[1])
    data, words = item.get_item("LUTData"), raw_shorts(item, "LUTData")
    if words is None or not len(words):
        return "has no data"
    value = getattr(data, "value", None)
    if len(words) < count and isinstance(value, bytes) and len(value) >= count and descriptor[2] <= 8:
        # Entries of 8 bits may be packed, two a word.
        words = np.frombuffer(value, np.uint8).astype(np.uint16)
    if len(words) < count:
        return "is shorter than it says"
    return first - 2**16 if is_signed and first >= 2**15 else first, words[:count].astype(np.float64)


def _looked_up(values: NDArray[np.float64], first: int, entries: NDArray[np.float64]) -> NDArray[np.float64]:
    return entries[np.clip(np.rint(values - first), 0, len(entries) - 1).astype(np.int64)]


def _windows(header: pydicom.Dataset) -> list[tuple[float, float] | None]:
    """Give the stored windows' centres and widths; None for one that is no number."""
    centers, widths = raw_texts(header, "WindowCenter"), raw_texts(header, "WindowWidth")
    # Where one of two lists is longer, its rest belongs to no window.
    pairs = [(number_in([center]), number_in([width])) for center, width in zip(centers, widths, strict=False)]
    if not pairs and (centers or widths):
        return [None]
    return [None if center is None or width is None else (center, width) for center, width in pairs]


def pixel_aspect(header: pydicom.Dataset, notes: list[str]) -> float:
    """Give a pixel's height divided by its width, 1 where the header gives none that is plausible.

    DICOM PS3.3 C.7.6.3.1.7 and 10.7.1.3: the first number is the vertical one.
    """
    for keyword in SPACINGS:
        texts = raw_texts(header, keyword)
        height, width = (number_in([text]) for text in texts) if len(texts) == 2 else (None, None)
        if height and width and height > 0 and width > 0:
            aspect = height / width
            if not 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT:
                continue
            if abs(aspect - 1) <= _SQUARE:
                return 1.0
            notes.append("The pixels are not square. The image was stretched to its true shape.")
            return aspect
    return 1.0
