"""The grey that a DICOM's stored values mean, one rule after the other, as slowly as the standard says it.

The code under test shares nothing with this file, which reads the elements itself: of a data set in memory, little
endian, not compressed. The rules, by DICOM PS3.3 and, where it is silent, by decision (D):

1. Words (C.7.6.3.1). A word of `BitsAllocated` is shifted right by `HighBit + 1 - BitsStored`; `BitsStored` bits count,
   and whatever is above or below them does not. `PixelRepresentation` 1 makes the highest of them the sign.
2. Outside. Stored values equal to `PixelPaddingValue`, or from it to `PixelPaddingRangeLimit`, both included, are no
   image (C.7.5.1.1.2); nor is what lies outside of any shutter of `ShutterShape` (C.7.6.11). Rows and columns count
   from 1, and a pixel on the edge of a shutter is inside (D). Rows and columns at the edges that are all outside are
   cut off; then, at each edge of what stays, those of which less than a twentieth is image (D). Pixels outside that
   stay are black in the end, after inversion, and count in no range (D). Where less than 96 pixels a side would stay,
   nothing is outside (D).
3. Values (C.11.1). The first item of the modality LUT; without, slope and intercept. One that is missing or empty is 1
   or 0. A slope of zero, or either of them no number, is as good as none (D). The first mapped value is signed as the
   pixels are (C.11.1.1).
4. Candidates for a view, in this order: each item of the VOI LUT sequence, each pair of window centre and width
   (C.11.2). All windows have one `VOILUTFunction`: LINEAR, also where it is missing, LINEAR_EXACT or SIGMOID.
5. A table. Its count is unsigned, and 0 is 65536. Its first mapped value is signed where the values may be below zero,
   whatever its VR says (C.11.2.1.1). Values before it take its first entry, values after it the last, values between
   two whole numbers the nearer one. The largest entry says how many bits there are: n, as few as hold it; entries are
   divided by 2**n - 1, and what the descriptor declares does not count (D). Entries of 8 bits may be packed.
6. A candidate is unusable if it is no number or no table, a table without data or shorter than its count, a window of
   a width below 1 (LINEAR) or not above 0 (others), or if no two greys of the image differ by more than 1/1000 (D).
7. A usable candidate clips if it shows more than 60 % of the image at or above 0.99 or at or below 0.01. The first
   that is usable and does not clip is taken; if all of them clip, the first (D).
8. Without a usable candidate, images of at most 8 bits and without a modality LUT show all values that their header
   allows; others show their own range, `image_range`, with its brightest
   value at 96.5 % of white; but white lies within as many bits as that value has, from 8 on, and is not below 0
   where it is above (D).
9. MONOCHROME1 is inverted at the end (C.7.6.3.1.2); `PresentationLUTShape` does not count (D).
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_SIDE = 96
LEAST_DIFFERENCE = 1 / 1000
MOST_CLIPPED = 0.6
NEARLY_WHITE, NEARLY_BLACK = 0.99, 0.01


class Unusable(Exception):
    """A hint of the header that says nothing."""


@dataclass(frozen=True)
class Shown:
    """What is to be seen.

    Attributes:
        grey: float64 `(rows, columns)` in [0, 1], air dark and bone bright.
        view: the place of the view among the candidates; None where the header has none that is usable.
        clipped: the share of the image that each candidate clips; None for the unusable ones.
    """

    grey: Values
    view: int | None
    clipped: tuple[float | None, ...]


def image_range(values: Values) -> tuple[float, float]:
    """Give the values that are black and white where nothing says so (D).

    They are the lowest and the highest, once the pixels are left out that stand apart: up to a quarter of all where the
    gap is as wide as all the rest, and up to one in 200 where nearly nothing lies in the next 15 % of the range.
    """
    left = sorted(values.ravel().tolist())
    total = len(left)
    while True:
        gap, place = max((after - before, at) for at, (before, after) in enumerate(pairwise(left), 1))
        lower, upper = left[:place], left[place:]
        if 0 < lower[-1] - lower[0] <= gap and len(upper) <= total / 4:
            left = lower
        elif 0 < upper[-1] - upper[0] <= gap and len(lower) <= total / 4:
            left = upper
        else:
            break
    count = len(left)
    low, high = left[math.ceil(count / 200) - 1], left[math.ceil(count * 199 / 200) - 1]
    step, few = 0.15 * (high - low), max(1, total / 5000)
    while len(beyond := [value for value in left if high < value <= high + step]) >= few:
        high = max(beyond)
    while len(beyond := [value for value in left if low - step <= value < low]) >= few:
        low = min(beyond)
    return low, high


def shown(dataset: Dataset) -> Shown:
    """Give what is to be seen of a data set in memory, little endian, not compressed."""
    stored = stored_values(dataset)
    stored, inside = without_outside(stored, padding(dataset, stored) | shuttered(dataset, stored.shape))
    values, lowest, highest = modality_values(dataset, stored)
    greys: list[Values | None] = []
    for candidate in candidates(dataset):
        try:
            greys.append(grey_of(candidate, dataset, values, inside, lowest < 0))
        except Unusable:
            greys.append(None)
    clipped = tuple(None if grey is None else clipped_share(grey[inside]) for grey in greys)
    usable = [place for place, grey in enumerate(greys) if grey is not None]
    view = next((place for place in usable if not_clipping(clipped[place])), usable[0] if usable else None)
    grey = through_no_view(dataset, values, inside, lowest, highest) if view is None else greys[view]
    assert grey is not None
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        grey = 1 - grey
    return Shown(np.where(inside, grey, 0), view, clipped)


# --- words and what is outside ------------------------------------------------------------------


def stored_values(dataset: Dataset) -> Values:
    """Rule 1."""
    count = dataset.Rows * dataset.Columns
    kind = "<u2" if dataset.BitsAllocated == 16 else "u1"
    words = np.frombuffer(dataset.PixelData, kind)[:count].astype(np.int64)
    values = (words >> (dataset.HighBit + 1 - dataset.BitsStored)) & (2**dataset.BitsStored - 1)
    if dataset.PixelRepresentation == 1:
        values = np.where(values >= 2 ** (dataset.BitsStored - 1), values - 2**dataset.BitsStored, values)
    return values.reshape(dataset.Rows, dataset.Columns).astype(np.float64)


def padding(dataset: Dataset, stored: Values) -> Mask:
    """Rule 2, the values that are no image."""
    value = whole_number(dataset, "PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, bool)
    limit = whole_number(dataset, "PixelPaddingRangeLimit")
    signed = dataset.PixelRepresentation == 1
    ends = [word(end, signed) for end in (value, value if limit is None else limit)]
    return (stored >= min(ends)) & (stored <= max(ends))


def shuttered(dataset: Dataset, shape: tuple[int, ...]) -> Mask:
    """Rule 2, the pixels outside of any shutter."""
    rows, columns = np.mgrid[1 : shape[0] + 1, 1 : shape[1] + 1]
    visible = np.ones(shape, bool)
    for name in texts(dataset, "ShutterShape"):
        if name == "RECTANGULAR":
            left, right = dataset.ShutterLeftVerticalEdge, dataset.ShutterRightVerticalEdge
            upper, lower = dataset.ShutterUpperHorizontalEdge, dataset.ShutterLowerHorizontalEdge
            visible &= (left <= columns) & (columns <= right) & (upper <= rows) & (rows <= lower)
        elif name == "CIRCULAR":
            row, column = map(int, dataset.CenterOfCircularShutter)
            radius = int(dataset.RadiusOfCircularShutter)
            visible &= (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
        elif name == "POLYGONAL":
            numbers = list(map(int, dataset.VerticesOfThePolygonalShutter))
            visible &= in_polygon(rows, columns, list(zip(numbers[::2], numbers[1::2], strict=True)))
    return ~visible


def in_polygon(rows: NDArray[np.int64], columns: NDArray[np.int64], corners: list[tuple[int, int]]) -> Mask:
    """Say which pixels lie on an edge, or have an odd number of edges to their right."""
    is_odd, is_on_edge = np.zeros(rows.shape, bool), np.zeros(rows.shape, bool)
    for (row, column), (next_row, next_column) in zip(corners, corners[1:] + corners[:1], strict=True):
        # Twice the area of the triangle of the edge and the pixel: zero on the edge's line, its sign tells the side.
        area = (next_column - column) * (rows - row) - (next_row - row) * (columns - column)
        is_between = (rows - row) * (rows - next_row) + (columns - column) * (columns - next_column) <= 0
        is_on_edge |= (area == 0) & is_between
        crosses = (row > rows) != (next_row > rows)
        is_odd ^= crosses & ((area > 0) if next_row > row else (area < 0))
    return is_odd | is_on_edge


def without_outside(stored: Values, outside: Mask) -> tuple[Values, Mask]:
    """Rule 2: give what is left once the edges are cut off, and which pixels of it are the image."""
    if outside.all():
        return stored, np.ones(stored.shape, bool)
    rows, columns = np.flatnonzero(~outside.all(axis=1)), np.flatnonzero(~outside.all(axis=0))
    kept = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    image = ~outside[kept]
    few = [[line.sum() * 20 < line.size for line in lines] for lines in (image, image.T)]
    if all(few[0]) or all(few[1]):
        return stored, np.ones(stored.shape, bool)
    (first_row, last_row), (first, last) = ((line.index(False), line[::-1].index(False)) for line in few)
    kept = (slice(rows[0] + first_row, rows[-1] + 1 - last_row), slice(columns[0] + first, columns[-1] + 1 - last))
    if min(stored[kept].shape) < LEAST_SIDE:
        return stored, np.ones(stored.shape, bool)
    return stored[kept], ~outside[kept]


# --- values -------------------------------------------------------------------------------------


def modality_values(dataset: Dataset, stored: Values) -> tuple[Values, float, float]:
    """Rule 3: give the values, and the lowest and highest that the header allows."""
    bits = dataset.BitsStored
    signed = dataset.PixelRepresentation == 1
    lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if sequence := dataset.get("ModalityLUTSequence"):
        entries, first = table(sequence[0], signed)
        return looked_up(stored, entries, first), float(entries.min()), float(entries.max())
    try:
        slope, intercept = (
            number("".join(texts(dataset, name)[:1]) or without)
            for name, without in (("RescaleSlope", "1"), ("RescaleIntercept", "0"))
        )
        if slope == 0:
            raise Unusable
    except Unusable:
        slope, intercept = 1.0, 0.0
    ends = sorted((lowest * slope + intercept, highest * slope + intercept))
    return stored * slope + intercept, ends[0], ends[1]


def table(item: Dataset, signed: bool) -> tuple[Values, int]:
    """Give the entries of a look-up table and its first mapped value."""
    descriptor = item.get("LUTDescriptor")
    data = item.get("LUTData")
    if descriptor is None or data is None or len(descriptor) != 3:
        raise Unusable
    count = int(descriptor[0]) % 65536 or 65536
    if isinstance(data, bytes):
        is_packed = len(data) in (count, count + count % 2)
        entries = np.frombuffer(data, "u1" if is_packed else "<u2")
    else:
        entries = np.array(data) % 65536
    if len(entries) < count:
        raise Unusable
    return entries[:count].astype(np.float64), word(int(descriptor[1]), signed)


def looked_up(values: Values, entries: Values, first: int) -> Values:
    """Give the entry of each value: the first and the last go on for ever."""
    return entries[np.clip(np.rint(values - first), 0, len(entries) - 1).astype(int)]


# --- the view -----------------------------------------------------------------------------------


def candidates(dataset: Dataset) -> list[Dataset | tuple[str, str]]:
    """Rule 4: tables, then windows as their texts."""
    windows = zip(texts(dataset, "WindowCenter"), texts(dataset, "WindowWidth"), strict=False)
    return [*(dataset.get("VOILUTSequence") or []), *windows]


def grey_of(
    candidate: Dataset | tuple[str, str], dataset: Dataset, values: Values, inside: Mask, may_be_negative: bool
) -> Values:
    """Rules 5 and 6: give the grey of the values."""
    if isinstance(candidate, Dataset):
        entries, first = table(candidate, may_be_negative)
        bits = int(entries.max()).bit_length()
        if bits == 0:
            raise Unusable
        grey = looked_up(values, entries, first) / (2**bits - 1)
    else:
        center, width = map(number, candidate)
        function = (texts(dataset, "VOILUTFunction") or ["LINEAR"])[0]
        grey = through_window(values, center, width, function)
    if np.ptp(grey[inside]) <= LEAST_DIFFERENCE:
        raise Unusable
    return grey


def through_window(values: Values, center: float, width: float, function: str) -> Values:
    """C.11.2.1.2 and C.11.2.1.3, for an output from 0 to 1."""
    if width < 1 if function == "LINEAR" else width <= 0:
        raise Unusable
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    low, high = center - width / 2, center + width / 2
    slope = (values - center) / width + 0.5 if width else np.zeros(values.shape)
    return np.where(values <= low, 0.0, np.where(values > high, 1.0, slope))


def clipped_share(grey: Values) -> float:
    """Rule 7: the share that is nearly white or nearly black."""
    return float(np.mean((grey >= NEARLY_WHITE) | (grey <= NEARLY_BLACK)))


def not_clipping(share: float | None) -> bool:
    return share is not None and share <= MOST_CLIPPED


def through_no_view(dataset: Dataset, values: Values, inside: Mask, lowest: float, highest: float) -> Values:
    """Rule 8."""
    if dataset.BitsStored > 8 or dataset.get("ModalityLUTSequence"):
        lowest, highest = image_range(values[inside])
        room = (highest - lowest) * (1 - 0.965) / 0.965
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            lowest = lowest - room if lowest < 0 else max(lowest - room, 0)
        elif highest < 255:
            highest += room
        else:
            end = next(2**bits - 1 for bits in range(1, 40) if 2**bits > highest)
            highest = max(highest, min(highest + room, end))
    return np.clip((values - lowest) / (highest - lowest), 0, 1)


# --- elements -----------------------------------------------------------------------------------


def texts(dataset: Dataset, keyword: str) -> list[str]:
    """Give the values of an element as texts, also where they are no numbers; none where it is missing."""
    tag = Tag(keyword)
    if tag not in dataset:
        return []
    value = dataset.get_item(tag).value
    if isinstance(value, bytes):
        return [text.strip(" \0") for text in value.decode("ascii").split("\\")]
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(one) for one in (value if np.iterable(value) else [value])]


def number(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise Unusable from error
    if not np.isfinite(value):
        raise Unusable
    return value


def whole_number(dataset: Dataset, keyword: str) -> int | None:
    value = dataset.get(keyword)
    return None if value is None else int(value)


def word(value: int, signed: bool) -> int:
    """Read a word of 16 bits as signed or unsigned, whatever its VR made of it."""
    value %= 65536
    return value - 65536 if signed and value >= 32768 else value
