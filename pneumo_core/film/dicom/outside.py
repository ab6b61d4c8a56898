"""The pixels of a DICOM that are no part of the image: padding, and whatever a display shutter hides."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from pneumo_core.film.dicom.header import raw_shorts, raw_texts
from pneumo_core.film.grey import Levels, count_levels
from pneumo_core.film.pixels import MIN_SIDE_PIXELS

# A row or column at the edge goes where less than this share of it is image.
_LEAST_INSIDE = 0.05
# A shutter is a few straight edges; each further vertex takes a look at every pixel.
_MOST_VERTICES = 200


@dataclass(frozen=True, slots=True, eq=False)
class Outside:
    """An image without its outside.

    Attributes:
        levels: uint8 or uint16 `(height, width)`, without the rows and columns that were cut off.
        outer: bool `(256,)` or `(65536,)`, the levels that are outside; None where there are none.
        cut_off: rows cut off at the top and bottom, columns at the left and right.
    """

    levels: Levels
    outer: NDArray[np.bool_] | None = None
    cut_off: tuple[int, int, int, int] = (0, 0, 0, 0)

    def counted(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Leave the outside out of the counts of levels."""
        return counts if self.outer is None else np.where(self.outer, 0, counts)

    def without_values(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give no value (`nan`) for the outside."""
        return values if self.outer is None else np.where(self.outer, np.float32(np.nan), values)

    def blackened(self, grey: NDArray[np.float32]) -> NDArray[np.float32]:
        """Show the outside black, whatever the polarity."""
        return grey if self.outer is None else np.where(self.outer, np.float32(0), grey)


def outside_of(words: Levels, stored: NDArray[np.float64], header: pydicom.Dataset, notes: list[str]) -> Outside:
    """Find padding (DICOM PS3.3 C.7.5.1.1.2) and shutters (C.7.6.11), and cut off what lies outside at the edges.

    Args:
        words: `(height, width)`.
        stored: the value of each word.
    """
    padding, shutter = _padding(stored, header), _open_part(words.shape, header, notes)
    name = "padding"
    if padding is None and shutter is None and (unnamed := _unnamed_padding(words, stored)) is not None:
        padding, name = unnamed, "padding that the header does not name"
    hidden = None if padding is None else padding[words]
    if shutter is not None:
        hidden = ~shutter if hidden is None else hidden | ~shutter
    if hidden is None or not hidden.any():
        return Outside(words)
    box = _inner_box(hidden)
    names = " and ".join(
        kind for kind, there in ((name, padding is not None), ("the shutter", shutter is not None)) if there
    )
    if box is None:
        notes.append(f"Almost nothing of the image is left without {names}, so the whole image was taken.")
        return Outside(words)
    top, bottom, left, right = box
    height, width = words.shape
    words, hidden = words[top:bottom, left:right], hidden[top:bottom, left:right]
    cut_off = (top, height - bottom, left, width - right)
    if any(cut_off):
        notes.append(f"Rows or columns that are no part of the image ({names}) were cut off at its edges.")
    if not hidden.any():
        return Outside(words, cut_off=cut_off)
    notes.append(f"Pixels that are no part of the image ({names}) are shown black.")
    outer = np.zeros(len(stored), np.bool_) if padding is None else padding.copy()
    if shutter is not None:
        # Padding has a level of its own. Else one is taken that the image does not use.
        level = int(outer.argmax()) if outer.any() else int(np.bincount(words[~hidden], minlength=len(outer)).argmin())
        words = np.where(hidden, words.dtype.type(level), words)
        outer[level] = True
    return Outside(words, outer, cut_off)


def _padding(stored: NDArray[np.float64], header: pydicom.Dataset) -> NDArray[np.bool_] | None:
    """Tell which words are padding, by their value or by the word itself, which may lie outside of BitsStored."""
    limits = [raw_shorts(header, keyword) for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if limits[0] is None or not len(limits[0]):
        return None
    ends = [int(limit[0]) for limit in limits if limit is not None and len(limit)]
    is_signed = bool(stored.min() < 0)
    values = [end - 2**16 if is_signed and end >= 2**15 else end for end in ends]
    padding = (stored >= min(values)) & (stored <= max(values))
    for end in ends:
        padding[end & (len(stored) - 1)] = True
    return padding


def _unnamed_padding(words: Levels, stored: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Find padding that no element names: an edge of one value, farther from all other values than they spread."""
    edges = (words[0], words[-1], words[:, 0], words[:, -1])
    candidates = {int(edge[0]) for edge in edges if (edge == edge[0]).all()}
    if not candidates:
        return None
    counts = count_levels(words)
    padding = np.zeros(len(stored), np.bool_)
    for level in candidates:
        others = counts.copy()
        others[level] = 0
        there = stored[others > 0]
        if len(there) > 1:
            low, high = there.min(), there.max()
            padding[level] = max(low - stored[level], stored[level] - high) >= high - low
    return padding if padding.any() else None


def _inner_box(hidden: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Give top, bottom, left and right of the image; None where almost nothing is left."""
    rows, columns = (np.flatnonzero(~hidden.all(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    # A few pixels of a corner or of writing in the padding would leave a frame.
    inside = ~hidden[top:bottom, left:right]
    rows, columns = (np.flatnonzero(inside.mean(axis=axis) >= _LEAST_INSIDE) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return None
    top, bottom, left, right = (
        top + int(rows[0]),
        top + int(rows[-1]) + 1,
        left + int(columns[0]),
        left + int(columns[-1]) + 1,
    )
    return (top, bottom, left, right) if min(bottom - top, right - left) >= MIN_SIDE_PIXELS else None


def _open_part(shape: tuple[int, ...], header: pydicom.Dataset, notes: list[str]) -> NDArray[np.bool_] | None:
    """Tell which pixels all shutters leave open, bool `(height, width)`; None where there is no usable shutter.

    DICOM counts rows and columns from 1, and the edges of a shutter belong to the open part.
    """
    rows, columns = (np.arange(1, length + 1) for length in shape)
    is_open = None
    for kind in raw_texts(header, "ShutterShape"):
        part = _part_of(kind.upper(), rows, columns, header)
        if part is None:
            notes.append("A display shutter cannot be understood and was left aside.")
            continue
        is_open = part if is_open is None else is_open & part
    return is_open


def _part_of(kind: str, rows: NDArray[Any], columns: NDArray[Any], header: pydicom.Dataset) -> NDArray[np.bool_] | None:
    if kind == "RECTANGULAR":
        edges = [_whole(header, f"Shutter{edge}") for edge in _EDGES]
        if any(len(edge) != 1 for edge in edges):
            return None
        left, right, upper, lower = (edge[0] for edge in edges)
        return ((rows >= upper) & (rows <= lower))[:, None] & ((columns >= left) & (columns <= right))
    if kind == "CIRCULAR":
        center, radius = _whole(header, "CenterOfCircularShutter"), _whole(header, "RadiusOfCircularShutter")
        if len(center) != 2 or len(radius) != 1:
            return None
        return np.asarray(((rows - center[0]) ** 2)[:, None] + (columns - center[1]) ** 2 <= radius[0] ** 2)
    if kind == "POLYGONAL":
        flat = _whole(header, "VerticesOfThePolygonalShutter")
        if len(flat) < 6 or len(flat) % 2 or len(flat) > 2 * _MOST_VERTICES:
            return None
        return _polygon(list(zip(flat[::2], flat[1::2], strict=True)), rows, columns)
    return None


_EDGES = ("LeftVerticalEdge", "RightVerticalEdge", "UpperHorizontalEdge", "LowerHorizontalEdge")


def _polygon(corners: list[tuple[int, int]], rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Fill a polygon of (row, column) corners by the even-odd rule."""
    inside, on_edge = (np.zeros((len(rows), len(columns)), np.bool_) for _ in range(2))
    for (row, column), (next_row, next_column) in zip(corners, [*corners[1:], corners[0]], strict=True):
        from_row, to_row = min(row, next_row), max(row, next_row)
        if from_row == to_row:
            from_column, to_column = min(column, next_column), max(column, next_column)
            on_edge[np.ix_(rows == row, (columns >= from_column) & (columns <= to_column))] = True
            continue
        touched = np.flatnonzero((rows >= from_row) & (rows <= to_row))
        at = column + (rows[touched] - row) * (next_column - column) / (next_row - row)
        # The upper end of an edge belongs to it and the lower end to the next one, so that no corner counts twice.
        crossed = rows[touched] < to_row
        inside[touched[crossed]] ^= columns >= at[crossed, None]
        on_edge[touched] |= np.abs(columns - at[:, None]) < 1e-9
    return inside | on_edge


def _whole(header: pydicom.Dataset, keyword: str) -> list[int]:
    """Give an element's whole numbers, [] where one is none."""
    try:
        return [int(float(text)) for text in raw_texts(header, keyword)]
    except (ValueError, OverflowError):
        return []
