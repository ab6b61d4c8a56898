"""The outline of both lungs, made of a map of probabilities.

The segmenter learned on normal lungs, so it misses the sickest. An outline refuses nothing and hides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pneumo_core.film import Mask, contours, convex_hull, pieces, resize, smoothed

# They are the patient's, in the order in which they lie on the image from its left to its right.
SIDES = ("right", "left")
ZONES = ("upper", "middle", "lower")
# A piece of a lung covers this share of the image, or it is a speck.
LEAST_PIECE = 0.002
# A lung covers this share of the image and this share of the other one. docs/lungs.md says how the limits were chosen.
LEAST_LUNG, LEAST_OF_OTHER = 0.006, 0.35
# Two pieces are of two lungs where their middles lie farther apart than this share of their mean width.
APART = 0.6
# Both lungs touch where a piece is this wide for its height, in squares of the image, and narrow in its middle third.
WIDE, NARROW = 0.9, 0.5
# A lung that touches this share of one of the image's sides, or more, is cut off there.
LEAST_CONTACT = 0.06
# A lung is opaque where its middle grey level is not this much darker than the tissue between both lungs, as a share of
# the thorax's range of grey levels.
LEAST_AIR = 0.15
EDGES = ("left", "right", "top", "bottom")
# The drawn line has this many points for each cell of the map.
FINER = 4


class Box(NamedTuple):
    """A rectangle on an image; its sides are shares of the image's width from the left, and height from the top."""

    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True, eq=False)
class Outline:
    """Both lungs on one X-ray.

    Attributes:
        right, left: the patient's lungs, bool `(rows, columns)` over the whole image, squashed; empty where a lung was
            not outlined. The right lung lies at the left of the image.
        height, width: of the X-ray itself, in pixels.
        opaque: the sides whose lung is outlined, but as bright as the tissue between both lungs.
    """

    right: Mask
    left: Mask
    height: int
    width: int
    opaque: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, probability: NDArray[np.floating], height: int, width: int, film: NDArray[np.floating] | None = None
    ) -> Outline:
        """Make an outline of the probability of lung.

        Args:
            probability: float `(rows, columns)` in [0, 1], over the whole image.
            height, width: of the X-ray, in pixels.
            film: its grey levels, float `(any rows, any columns)`, air dark and bone bright; without them no lung is
                found opaque.
        """
        cells = probability.size
        found = [piece for piece in pieces(lungs_mask(probability)) if piece.sum() >= LEAST_PIECE * cells]
        right, left = _sides(found, probability.shape)
        least = max(LEAST_LUNG * cells, LEAST_OF_OTHER * max(right.sum(), left.sum()))
        # A small rest of a lung would be drawn as if it were the lung.
        right, left = (lung if lung.sum() >= least else np.zeros_like(lung) for lung in (right, left))
        for lung in (right, left):
            lung.setflags(write=False)
        found_so = cls(right, left, height, width)
        return found_so if film is None else replace(found_so, opaque=found_so._opaque_on(film))

    def lung(self, side: str) -> Mask:
        """Give the lung of one of `SIDES`."""
        return self.right if side == "right" else self.left

    @property
    def both(self) -> Mask:
        """Give both lungs as one mask."""
        return self.right | self.left

    @property
    def missing(self) -> tuple[str, ...]:
        """Name the sides whose lung was not outlined."""
        return tuple(side for side in SIDES if not self.lung(side).any())

    @property
    def share(self) -> float:
        """Give the share of the image that the lungs cover, in [0, 1]."""
        return float(self.both.mean())

    @cached_property
    def box(self) -> Box | None:
        """Give the smallest box with all that was outlined; None where nothing was."""
        return box_of(self.both)

    @cached_property
    def thorax(self) -> Mask | None:
        """Give the thorax, bool `(rows, columns)`: lungs, heart and all that lies behind the diaphragm.

        It is the convex hull of both lungs. Below it reaches to the lower one of both lungs' ends, on both sides.

        Returns:
            None where a lung is not outlined, since nobody knows then how far the thorax reaches.
        """
        if self.missing:
            return None
        corners = self.both
        lowest = int(np.flatnonzero(corners.any(1))[-1])
        for side, end in zip(SIDES, (0, -1), strict=True):
            corners[lowest, np.flatnonzero(self.lung(side).any(0))[end]] = True
        return convex_hull(corners)

    def _opaque_on(self, film: NDArray[np.floating]) -> tuple[str, ...]:
        """Name the sides whose lung holds no air to be seen; none where nothing between both lungs tells."""
        between = None if self.thorax is None else self.thorax & ~self.both
        if self.thorax is None or between is None or not between.any():
            return ()
        grey = resize(film.astype(np.float32), self.both.shape[0], self.both.shape[1])
        darkest, brightest = np.percentile(grey[self.thorax], [2, 98])
        least = LEAST_AIR * (brightest - darkest)
        tissue = np.median(grey[between])
        return tuple(side for side in SIDES if tissue - np.median(grey[self.lung(side)]) < least)

    @property
    def cut_off(self) -> tuple[str, ...]:
        """Name the `EDGES` of the image that a lung runs into."""
        both = self.both
        contacts = (both[:, 0], both[:, -1], both[0], both[-1])
        return tuple(edge for edge, cells in zip(EDGES, contacts, strict=True) if cells.mean() >= LEAST_CONTACT)

    def contours(self) -> list[NDArray[np.float64]]:
        """Give the lines round the lungs, float64 `(points, 2)`: across and down, in shares of the image's sides."""
        rows, columns = self.right.shape
        # A line from cell to cell would go in steps.
        fine = (
            resize(self.lung(side).astype(np.float32), FINER * rows, FINER * columns, "cubic") > 0.5 for side in SIDES
        )
        return [line for lung in fine for line in contours(lung)]

    def zone(self, side: str, zone: str) -> Box | None:
        """Give the box of one of the `ZONES` of a lung, each a third of its height; None where it is not outlined."""
        lung = self.lung(side)
        whole = box_of(lung)
        if whole is None:
            return None
        rows = len(lung)
        top, bottom = round(whole.top * rows), round(whole.bottom * rows)
        place = ZONES.index(zone)
        first, last = (top + round((bottom - top) * third / len(ZONES)) for third in (place, place + 1))
        part = np.zeros_like(lung)
        part[first:last] = lung[first:last]
        return box_of(part)


def lungs_mask(probability: NDArray[np.floating]) -> Mask:
    """Give where lung is more probable than not, without specks and small gaps: bool `(rows, columns)`."""
    return smoothed(probability > 0.5)


def box_of(mask: Mask) -> Box | None:
    """Give the smallest box with all of a mask; None where it is empty."""
    if not mask.any():
        return None
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return Box(
        float(columns[0] / mask.shape[1]),
        float((columns[-1] + 1) / mask.shape[1]),
        float(rows[0] / mask.shape[0]),
        float((rows[-1] + 1) / mask.shape[0]),
    )


def _sides(found: list[Mask], shape: tuple[int, ...]) -> tuple[Mask, Mask]:
    """Lay the pieces to the right and the left lung; they come with the largest first."""
    sides = np.zeros(shape, bool), np.zeros(shape, bool)
    if not found:
        return sides
    found = [part for piece in found[:1] for part in _parted(piece)] + found[1:]
    middles = [_middle(piece) for piece in found]
    other = next((place for place in range(1, len(found)) if _are_apart(found[0], found[place])), None)
    # With one lung only the image's middle says whose it is.
    border = shape[1] / 2 if other is None else (middles[0] + middles[other]) / 2
    for piece, middle in zip(found, middles, strict=True):
        sides[int(middle > border)][piece] = True
    return sides


def _middle(piece: Mask) -> float:
    return float(np.average(np.arange(piece.shape[1]) + 0.5, weights=piece.sum(0)))


def _are_apart(one: Mask, other: Mask) -> bool:
    widths = [np.count_nonzero(piece.any(0)) for piece in (one, other)]
    return abs(_middle(one) - _middle(other)) > APART * sum(widths) / 2


def _parted(piece: Mask) -> list[Mask]:
    """Part both lungs where they touch, at the narrowest place between them."""
    box = box_of(piece)
    assert box is not None
    columns = np.flatnonzero(piece.any(0))
    heights = piece[:, columns[0] : columns[-1] + 1].sum(0)
    third = len(heights) // 3
    if box.right - box.left < WIDE * (box.bottom - box.top) or third == 0:
        return [piece]
    narrowest = third + int(heights[third:-third].argmin())
    if heights[narrowest] > NARROW * min(heights[:narrowest].max(), heights[narrowest:].max()):
        return [piece]
    parts = piece.copy(), piece.copy()
    parts[0][:, columns[0] + narrowest :] = False
    parts[1][:, : columns[0] + narrowest] = False
    return list(parts)
