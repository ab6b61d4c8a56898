"""The part of an image that is read: where the picture lies within a uniform frame, found from its pixels alone.

A collimated exposure, or a picture on a page, lies within plain black, white or grey. The network reads what lies
inside, so that a frame changes no score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# A frame's pixels keep to its level within this part of the range, which allows for what JPEG adds.
SAME_GREY = 0.04
# So much of a row or column may differ all the same, as a side marker does.
MOST_DIFFERENT = 0.05
# A frame lies on three sides at least, or takes more than this share of the height or the width.
LEAST_FRAMED_SIDES, MOST_UNFRAMED = 3, 0.25
# A picture that takes less than this share of a side is small on a page. It is not cut out, and so it is refused.
LEAST_SIDE = 0.4
# About so many pixels of each row and column are looked at.
_SAMPLES = 512


@dataclass(frozen=True, slots=True)
class Window:
    """A part of an image, as shares of its height and width from the top and the left, each in [0, 1].

    Raises:
        ValueError: it is no part of an image.
    """

    top: float
    left: float
    bottom: float
    right: float

    def __post_init__(self) -> None:
        if not (0 <= self.top < self.bottom <= 1 and 0 <= self.left < self.right <= 1):
            raise ValueError("no part of an image")

    def slices(self, height: int, width: int) -> tuple[slice, slice]:
        """Give the rows and columns of the part in an image of this size; one at least of each."""
        return _slice(self.top, self.bottom, height), _slice(self.left, self.right, width)

    def within(self, outer: Window) -> Window:
        """Give a part of a part as a part of the whole."""
        high, wide = outer.bottom - outer.top, outer.right - outer.left
        return Window(
            outer.top + high * self.top,
            outer.left + wide * self.left,
            min(1.0, outer.top + high * self.bottom),
            min(1.0, outer.left + wide * self.right),
        )

    @property
    def is_too_small(self) -> bool:
        """True where less than `LEAST_SIDE` of the height or the width is left."""
        return min(self.bottom - self.top, self.right - self.left) < LEAST_SIDE


def exposed_area(pixels: np.ndarray) -> Window | None:
    """Find the picture within a uniform frame; None where there is no frame, or only a small picture within it.

    Args:
        pixels: float32 `(height, width)` in [0, 1].
    """
    height, width = pixels.shape
    top, bottom = _ends(pixels[:, :: max(1, width // _SAMPLES)])
    left, right = _ends(pixels[:: max(1, height // _SAMPLES)].T)
    framed = sum((top > 0, bottom < height, left > 0, right < width))
    unframed = min((bottom - top) / height, (right - left) / width)
    if framed < LEAST_FRAMED_SIDES and not unframed < 1 - MOST_UNFRAMED:
        return None
    if unframed < LEAST_SIDE:
        return None
    return Window(top / height, left / width, bottom / height, right / width)


def _ends(lines: np.ndarray) -> tuple[int, int]:
    """Give the first line that is no frame, and the one after the last, of float32 `(lines, samples)`."""
    first, last = (_plain_lines(of_side) for of_side in (lines, lines[::-1]))
    return (first, len(lines) - last) if first + last < len(lines) else (0, len(lines))


def _plain_lines(lines: np.ndarray) -> int:
    """Count the lines from the first on that keep to the level of the first one."""
    level = float(np.median(lines[0]))
    # Most images have no frame at all.
    if not _keeps_to(level, lines[:1])[0]:
        return 0
    plain = _keeps_to(level, lines)
    return len(lines) if plain.all() else int(np.argmin(plain))


def _keeps_to(level: float, lines: np.ndarray) -> np.ndarray:
    return np.asarray((np.abs(lines - level) > SAME_GREY).mean(axis=1) <= MOST_DIFFERENT)


def _slice(start: float, end: float, length: int) -> slice:
    first = min(round(start * length), length - 1)
    return slice(first, max(first + 1, round(end * length)))
