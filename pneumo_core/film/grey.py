"""From values to grey. An image has at most 65,536 levels, so each step works on a table of them, not on the pixels.

A level is what the file stores for a pixel. Tables have one entry a level: the value that it stands for, and its grey.
"""

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.uint8] | NDArray[np.uint16]
# Grey at or beyond these limits is plain black or white, as in the quality of a picture.
PLAIN_BLACK, PLAIN_WHITE = 0.01, 0.99
# The rarest pixels at either end are kept out of the range where a gap sets them apart: markers, dead pixels.
RARE_SHARE, RARE_GAP, EMPTY_SHARE = 0.005, 0.15, 0.0002
# So many are kept out only where the gap is as wide as all the rest: borders, blocks of writing.
MANY_SHARE = 0.25
# The brightest pixel of an X-ray of 8 bits seldom is white. docs/input.md says how this share of white was chosen.
BRIGHTEST = 0.965
# From this value on, the last value of a number of bits is taken for the end of what a device writes.
_LEAST_BITS_END = 255
# As many pixels or more are counted, which is enough to know what they show.
COUNTED_PIXELS = 1_000_000
_PIXELS_A_COUNT = 2**18


class Range(NamedTuple):
    """The values that are shown as black and as white, and the share of pixels beyond them."""

    low: float
    high: float
    share_beyond: float


def count_levels(levels: Levels) -> NDArray[np.int64]:
    """Count the pixels of each level, int64 `(256,)` or `(65536,)`; of a large image those of some rows and columns."""
    count = 2 ** (8 * levels.itemsize)
    counts = np.zeros(count, np.int64)
    every = max(1, math.isqrt(levels.size // COUNTED_PIXELS))
    flat = levels[::every, ::every].ravel()
    # Counting makes 64-bit copies. Small parts of the image stay in the processor's cache.
    for start in range(0, flat.size, _PIXELS_A_COUNT):
        counts += np.bincount(flat[start : start + _PIXELS_A_COUNT], minlength=count)
    return counts


def image_range(values: NDArray[Any], counts: NDArray[np.int64]) -> Range:
    """Give the range of an image that names no window: its lowest and highest value, without what stands apart.

    Percentiles alone would clip each image, and the lowest and highest value alone would follow one dead pixel.

    Args:
        values: float `(n,)`, one a level.
        counts: of the pixels of each level, `(n,)`; not all 0.
    """
    total = int(counts.sum())
    there = np.flatnonzero(counts)
    order = there[np.argsort(values[there], kind="stable")]
    found, number = values[order].astype(np.float64), counts[order]
    while len(found) > 2:
        gaps = np.diff(found)
        widest = int(gaps.argmax())
        below = int(number[: widest + 1].sum())
        if total - below <= MANY_SHARE * total and 0 < found[widest] - found[0] <= gaps[widest]:
            found, number = found[: widest + 1], number[: widest + 1]
        elif below <= MANY_SHARE * total and 0 < found[-1] - found[widest + 1] <= gaps[widest]:
            found, number = found[widest + 1 :], number[widest + 1 :]
        else:
            break
    shares = np.cumsum(number) / number.sum()
    low, high = (float(found[np.searchsorted(shares, share)]) for share in (RARE_SHARE, 1 - RARE_SHARE))
    step, fewest = RARE_GAP * (high - low), max(1.0, EMPTY_SHARE * total)
    high = _widened(found, number, high, step, fewest)
    low = -_widened(-found[::-1], number[::-1], -low, step, fewest)
    inside = int(number[(found >= low) & (found <= high)].sum())
    return Range(low, high, 1 - inside / total)


def _widened(found: NDArray[Any], number: NDArray[Any], edge: float, step: float, fewest: float) -> float:
    """Move an upper edge outwards, step by step, until a step meets too few pixels."""
    while True:
        first, last = np.searchsorted(found, (edge, edge + step), "right")
        if number[first:last].sum() < fewest:
            return edge
        edge = float(found[last - 1])


def spread(values: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """Give grey in [0, 1], float32: 0 at `low` and below, 1 at `high` and above."""
    return np.clip((values - low) / max(high - low, 1e-9), 0, 1).astype(np.float32)


def windowed(
    values: NDArray[Any], center: float, width: float, function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
) -> NDArray[np.float32]:
    """Show values through a window.

    DICOM PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID) and C.11.2.1.3.2 (LINEAR_EXACT).

    Args:
        values: float64, any shape, after the modality LUT.
        width: at least 1 for LINEAR, above 0 for the others.

    Returns:
        float32, the same shape, in [0, 1].
    """
    if function == "SIGMOID":
        # Beyond 50 the result is 0 or 1 in float32, and exp would overflow.
        return (1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -50, 50)))).astype(np.float32)
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    if width == 0:
        return (values > center).astype(np.float32)
    return np.clip((values - center) / width + 0.5, 0, 1).astype(np.float32)


def clipped_share(grey: NDArray[np.float32], counts: NDArray[np.int64]) -> float:
    """Give the share of pixels that are plain black or plain white."""
    return float(counts[(grey <= PLAIN_BLACK) | (grey >= PLAIN_WHITE)].sum() / counts.sum())


def contrast(grey: NDArray[np.float32], counts: NDArray[np.int64]) -> float:
    """Give the difference between the brightest and the darkest grey that occurs."""
    shown = grey[counts > 0]
    return float(shown.max() - shown.min())


def own_range(
    values: NDArray[Any], counts: NDArray[np.int64], notes: list[str], *, is_inverted: bool = False
) -> NDArray[np.float32]:
    """Spread grey over the image's own range, and say so; `values` and `counts` as in `image_range`.

    Args:
        is_inverted: True where the lowest value will be the brightest.
    """
    low, high, share_beyond = image_range(values, counts)
    room = (1 / BRIGHTEST - 1) * (high - low)
    # The room ends at 0, and at the last value of as many bits as the highest value takes.
    if is_inverted:
        low = max(low - room, 0.0) if low >= 0 else low - room
    else:
        last = 2.0 ** int(high).bit_length() - 1 if high >= _LEAST_BITS_END else np.inf
        high = max(high, min(high + room, last))
    notes.append("The file names no window that can be used. Grey was spread over the image's own values.")
    if share_beyond:
        share = f"{100 * share_beyond:.2g} %" if share_beyond >= 0.0001 else "Less than 0.01 %"
        notes.append(f"{share} of the pixels lie apart from all others, as markers do. They count in no range of grey.")
    return spread(values, low, high)
