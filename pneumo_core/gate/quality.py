"""Quality of a film, measured on its pixels: exposure, blur, rotation, missing parts, burned-in writing, frames.

All but a frame is measured within it, on copies of fixed sizes, so that a film and its small copy give the same
verdict. docs/input-gate.md says how the limits were chosen, and how often a warning is false.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from pneumo_core.errors import UnsuitableImageError
from pneumo_core.film import blurred, exposed_area, resize
from pneumo_core.wording import Caution

# Sides of the copies in pixels: for letters (the longest long side), for grey levels and sharpness, for the position.
WRITING_SIDE, SIDE, POSITION_SIDE = 1024, 224, 64
# This share of the copy's side is left out all around, because the middle shows how the lungs are exposed.
MARGIN = 0.2
# The clipped limits are shares of the middle's pixels. The grey limits are shares of the range. Sharpness has no unit.
MOST_CLIPPED, MOST_CLIPPED_TO_READ = 0.05, 0.6
LEAST_MIDDLE, LEAST_SPREAD, LEAST_SHARPNESS = 0.25, 0.15, 0.35
MOST_DEGREES = 10.0
# The limits are shares of the whole film, in the order of `SIDES`.
SIDES = ("left", "right", "top", "bottom")
MOST_MISSING = (0.11, 0.11, 0.17, 0.12)
MOST_LETTERS = 5
# An edge row or column is plain if nearly all of it is white or black. `PLAIN` allows for what JPEG adds.
# A frame has at least one row or column of the image itself, on three sides or more.
PLAIN, NEARLY_ALL, LEAST_FRAMED_SIDES = 0.04, 0.95, 3
# Strokes are this much brighter than their surroundings, out of 255. The least height is in pixels. The largest height
# is a share of the long side.
STROKE_CONTRAST, WIDEST_STROKE, LEAST_HEIGHT, MOST_HEIGHT = 80, 13, 6, 0.05
# Two letters side by side keep these limits, as shares of the higher one's height. They are the least height of the
# lower one, the widest gap, the widest overlap, and the largest difference of their bases.
LIKE_HEIGHT, WIDEST_GAP, OVERLAP, BASE_SHIFT = 0.6, 1.3, 0.25, 0.2
CELLS, DIRECTIONS = 8, 9
POSITION_FILE = Path(__file__).with_name("chest_position.npz")

EXPOSURE, BLUR, ROTATION, CUT_OFF, WRITING, FRAME = FINDINGS = (
    "exposure",
    "blur",
    "rotation",
    "cut off",
    "writing",
    "frame",
)


@dataclass(frozen=True, slots=True)
class Quality:
    """The measured quality of one film.

    Attributes:
        white, black: shares of the film's middle part at either end of the range.
        middle: median grey level there, in [0, 1].
        spread: grey levels between its darkest and brightest two percent, in [0, 1].
        sharpness: fine detail through coarser detail.
        degrees: by how much the chest is turned clockwise, roughly.
        missing: shares of the whole film that seem to be cut off at each of `SIDES`, roughly.
        letters: of the longest line of writing, roughly.
        frame: how far the film is plain white or black from each of `SIDES` on, as a share of it.
    """

    white: float
    black: float
    middle: float
    spread: float
    sharpness: float
    degrees: float
    missing: tuple[float, float, float, float]
    letters: int
    frame: tuple[float, float, float, float]

    @property
    def findings(self) -> tuple[str, ...]:
        """Name the findings that need a warning, each one of `FINDINGS`."""
        return tuple(name for name, _ in self._found())

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Give for each finding the measured value, the expected one, and the next step."""
        return tuple(caution for _, caution in self._found())

    def _found(self) -> list[tuple[str, Caution]]:
        found = []
        if exposure := self._exposure():
            found.append((EXPOSURE, exposure))
        if self.sharpness < LEAST_SHARPNESS:
            sentence = (
                f"This image is blurred, or was enlarged from a small copy (sharpness {self.sharpness:.2f}; expected: "
                f"at least {LEAST_SHARPNESS}). Fine signs cannot be seen on it. Please upload the X-ray as the device "
                "exported it."
            )
            found.append((BLUR, Caution("blurred", sentence)))
        if abs(self.degrees) > MOST_DEGREES:
            turned = "clockwise" if self.degrees > 0 else "counter-clockwise"
            sentence = (
                f"The chest seems to be turned by about {abs(self.degrees):.0f} degrees {turned}. It should be upright "
                f"within {MOST_DEGREES:.0f} degrees, because turning can change the score. Please turn the image and "
                "upload it again."
            )
            found.append((ROTATION, Caution(f"turned about {abs(self.degrees):.0f}°", sentence)))
        missing = {
            side: f"{100 * share:.0f} % at its {side}"
            for side, share, most in zip(SIDES, self.missing, MOST_MISSING, strict=True)
            if share > most
        }
        if missing:
            sentence = (
                f"Part of the chest seems to be cut off or off-centre. The image lacks about "
                f"{' and '.join(missing.values())}. Both whole lungs should be visible, because missing parts are not "
                "read. Please upload the uncut X-ray."
            )
            found.append((CUT_OFF, Caution(f"cut off at {' and '.join(missing)}", sentence)))
        if self.letters > MOST_LETTERS:
            sentence = (
                f"A line of about {self.letters} letters is burned into this image. At most a side marker is expected. "
                "The line may name the patient. Please check it before you share the image, and have it removed."
            )
            found.append((WRITING, Caution("writing", sentence)))
        if sum(share > 0 for share in self.frame) >= LEAST_FRAMED_SIDES:
            sentence = (
                f"This image has a plain white or black frame, up to {100 * max(self.frame):.1g} % of its side wide. "
                "No frame is expected, because a frame can raise the score. So the network reads what lies inside it. "
                "Please check that no part of the chest lies in the frame."
            )
            found.append((FRAME, Caution("framed", sentence)))
        return found

    def _exposure(self) -> Caution | None:
        again = "Please export it again with the device's own window."
        clipped = max((self.white, "white"), (self.black, "black"))
        if clipped[0] > MOST_CLIPPED:
            share = f"{100 * clipped[0]:.0f} %"
            return Caution(
                f"{share} plain {clipped[1]}",
                f"{share} of the middle of this image is plain {clipped[1]}, without detail. At most "
                f"{100 * MOST_CLIPPED:.0f} % is expected. The exposure was poor, or the export window was too narrow. "
                f"{again}",
            )
        if self.middle < LEAST_MIDDLE:
            return Caution(
                "dark",
                f"This image is dark: half of its middle is below {100 * self.middle:.0f} % of the range. At least "
                f"{100 * LEAST_MIDDLE:.0f} % is expected. {again}",
            )
        if self.spread < LEAST_SPREAD:
            return Caution(
                "little contrast",
                f"This image has little contrast: its middle spans {100 * self.spread:.0f} % of the range. At least "
                f"{100 * LEAST_SPREAD:.0f} % is expected. {again}",
            )
        return None


def measure_quality(pixels: np.ndarray, outside: np.ndarray | None = None) -> Quality:
    """Measure a film.

    Args:
        pixels: float32 `(height, width)` in [0, 1], air dark and bone bright.
        outside: bool `(height, width)`, the pixels that are no part of the image; None where all are. They count in no
            measure of exposure and are no frame.
    """
    film = _shrunk(pixels)
    whole, is_whole = resize(film, SIDE, SIDE), _is_image(outside)
    small, is_image = whole, is_whole
    if (area := exposed_area(pixels)) is not None:
        # The network is shown what lies within the frame, so this part is judged.
        inside = area.slices(*pixels.shape)
        small = resize(_shrunk(pixels[inside]), SIDE, SIDE)
        is_image = _is_image(None if outside is None else outside[inside])
    white, black, middle, spread = _exposure_of(small, is_image)
    degrees, *missing = position_of(small)
    left, right, top, bottom = (share / 100 for share in missing)
    return Quality(
        white,
        black,
        middle,
        spread,
        _sharpness_of(small),
        degrees,
        (left, right, top, bottom),
        _letters_of(film),
        _frame_of(pixels, whole, is_whole),
    )


def refuse_clipped(quality: Quality, name: str) -> None:
    """Refuse a film on which most of the lungs' part is plain white or black.

    Raises:
        UnsuitableImageError: as said.
    """
    clipped = quality.white + quality.black
    if clipped > MOST_CLIPPED_TO_READ:
        raise UnsuitableImageError(
            f"{name} is plain white or black in {100 * clipped:.0f} % of its middle, without detail. At most "
            f"{100 * MOST_CLIPPED_TO_READ:.0f} % is expected. Please export it again with the device's own window.",
            code="clipped",
        )


def position_features(film: np.ndarray) -> np.ndarray:
    """Give which way edges run in each part of a film: float32 `(CELLS * CELLS * DIRECTIONS,)`.

    Histograms of oriented gradients (Dalal and Triggs 2005), one a cell, each scaled by its own strength.

    Args:
        film: float32 `(height, width)` in [0, 1].
    """
    down, right = np.gradient(resize(film, POSITION_SIDE, POSITION_SIDE))
    strength = np.hypot(down, right)
    direction = np.minimum(np.arctan2(down, right) % np.pi / np.pi * DIRECTIONS, DIRECTIONS - 1).astype(int)
    by_direction = strength[:, :, np.newaxis] * (direction[:, :, np.newaxis] == np.arange(DIRECTIONS))
    pixels = POSITION_SIDE // CELLS
    cells = by_direction.reshape(CELLS, pixels, CELLS, pixels, DIRECTIONS).mean(axis=(1, 3))
    lengths = np.sqrt((cells**2).sum(axis=2, keepdims=True))
    return (cells / (lengths + 0.3 * lengths.mean() + 1e-6)).astype(np.float32).ravel()


def position_of(film: np.ndarray) -> tuple[float, float, float, float, float]:
    """Give degrees clockwise and percent missing at left, right, top and bottom, of a film as `position_features`."""
    coefficients, intercepts = _position()
    degrees, left, right, top, bottom = (position_features(film) @ coefficients + intercepts).tolist()
    return degrees, left, right, top, bottom


def _shrunk(pixels: np.ndarray) -> np.ndarray:
    """Give a copy of at most `WRITING_SIDE` pixels a side: whole blocks averaged, the rest by interpolation.

    An average over broken blocks takes three times as long and gives the same result.
    """
    block = max(pixels.shape) // WRITING_SIDE
    if block > 1:
        pixels = resize(pixels, *(max(1, length // block) for length in pixels.shape))
    shrink = min(1.0, WRITING_SIDE / max(pixels.shape))
    height, width = (max(1, round(shrink * length)) for length in pixels.shape)
    return resize(pixels, height, width, "linear")


@cache
def _position() -> tuple[np.ndarray, np.ndarray]:
    with np.load(POSITION_FILE) as file:
        return file["coefficients"], file["intercepts"]


def _is_image(outside: np.ndarray | None) -> np.ndarray:
    """Tell which pixels of a copy of `SIDE` a side are part of the image, bool."""
    if outside is None:
        return np.ones((SIDE, SIDE), bool)
    return np.asarray(resize(outside.astype(np.float32), SIDE, SIDE) == 0)


def _exposure_of(small: np.ndarray, is_image: np.ndarray) -> tuple[float, float, float, float]:
    margin = round(MARGIN * SIDE)
    inner = slice(margin, SIDE - margin)
    inside = small[inner, inner][is_image[inner, inner]]
    if not inside.size:
        return 0.0, 1.0, 0.0, 0.0
    low, middle, high = np.percentile(inside, (2, 50, 98)).tolist()
    return float((inside >= 0.99).mean()), float((inside <= 0.01).mean()), middle, high - low


def _frame_of(pixels: np.ndarray, small: np.ndarray, is_image: np.ndarray) -> tuple[float, float, float, float]:
    plain = is_image & _is_plain(small)
    across, down = plain.mean(axis=0) >= NEARLY_ALL, plain.mean(axis=1) >= NEARLY_ALL
    shares = [float(np.cumprod(of_side).mean()) for of_side in (across, across[::-1], down, down[::-1])]
    # A frame of one pixel is lost in the copy, and moves the score as well.
    edges = (pixels[:, 0], pixels[:, -1], pixels[0], pixels[-1])
    height, width = pixels.shape
    for side, (edge, length) in enumerate(zip(edges, (width, width, height, height), strict=True)):
        if is_image.all() and _is_plain(edge).mean() >= NEARLY_ALL:
            shares[side] = max(shares[side], 1 / length)
    left, right, top, bottom = shares
    return left, right, top, bottom


def _is_plain(grey: np.ndarray) -> np.ndarray:
    return (grey >= 1 - PLAIN) | (grey <= PLAIN)


def _sharpness_of(small: np.ndarray) -> float:
    # Markers, writing and collimators lie within a tenth of the edge.
    inside = np.s_[SIDE // 10 : -(SIDE // 10), SIDE // 10 : -(SIDE // 10)]
    softer, softest = blurred(small, 1.0), blurred(small, 3.0)
    fine, coarse = (np.quantile(np.abs(detail[inside]), 0.9) for detail in (small - softer, softer - softest))
    return float(fine / (coarse + 0.001))


def _letters_of(film: np.ndarray) -> int:
    """Count the letters of the longest line: bright pieces of one height side by side on one base."""
    levels = np.rint(255 * film).astype(np.uint8)
    opened = cv2.morphologyEx(levels, cv2.MORPH_OPEN, np.ones((WIDEST_STROKE, WIDEST_STROKE), np.uint8))
    strokes = (cv2.subtract(levels, opened) > STROKE_CONTRAST).astype(np.uint8)
    outlines, _ = cv2.findContours(strokes, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    pieces = np.array(sorted(tuple(cv2.boundingRect(outline)) for outline in outlines)).reshape(-1, 4)
    left, top, width, height = pieces.T
    # Letters that touch are one piece, which can hold up to eight.
    is_like = (height >= LEAST_HEIGHT) & (height <= MOST_HEIGHT * max(film.shape)) & (width <= 6 * height)
    is_like &= width >= 0.12 * height
    left, top, width, height = (values[is_like] for values in (left, top, width, height))
    letters = np.maximum(1, np.rint(width / (0.75 * height))).astype(int).tolist()
    longest = list(letters)
    for before, piece in _neighbours(left, left + width, top + height, height):
        longest[piece] = max(longest[piece], longest[before] + letters[piece])
    return max(longest, default=0)


def _neighbours(left: np.ndarray, right: np.ndarray, base: np.ndarray, height: np.ndarray) -> list[list[int]]:
    """Give pairs of pieces side by side in a line: the places of the left and the right one, by the right one's.

    Each piece looks only where a neighbour can end. A page of noise has tens of thousands of pieces, and all pairs of
    them would fill the memory.

    Args:
        left, right, base, height: int `(pieces,)`, from left to right.
    """
    # A neighbour can be no higher. The limits are a pixel too wide here, because the exact rule follows.
    highest = height / LIKE_HEIGHT + 1
    off_base = (BASE_SHIFT * highest + 1).astype(int)
    # The ends of the pieces are sorted row by row, so that a search finds those in reach.
    columns = int(right.max(initial=0)) + 1
    order = np.argsort(base * columns + right)
    ends = (base * columns + right)[order]
    # Each piece takes one look for each row in which its neighbour may end.
    piece, row = _counted_up(2 * off_base + 1)
    start = (base[piece] + row - off_base[piece]) * columns
    nearest, farthest = np.maximum(left - WIDEST_GAP * highest, 0), np.minimum(left + OVERLAP * highest, columns - 1)
    first = np.searchsorted(ends, start + nearest[piece])
    look, place = _counted_up(np.searchsorted(ends, start + farthest[piece], "right") - first)
    before, piece = order[first[look] + place], piece[look]
    higher, lower = np.maximum(height[before], height[piece]), np.minimum(height[before], height[piece])
    gap = left[piece] - right[before]
    follows = (before < piece) & (lower >= LIKE_HEIGHT * higher)
    follows &= (gap <= WIDEST_GAP * higher) & (gap >= -OVERLAP * higher)
    follows &= np.abs(base[before] - base[piece]) <= BASE_SHIFT * higher + 1
    pairs = np.stack((before[follows], piece[follows]), axis=1)
    return pairs[np.argsort(pairs[:, 1], kind="stable")].tolist()


def _counted_up(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Repeat each place by its count, and number the repeats: 2 and 3 give 0 0 1 1 1 and 0 1 0 1 2."""
    whose = np.repeat(np.arange(len(counts)), counts)
    return whose, np.arange(len(whose)) - (np.cumsum(counts) - counts)[whose]
