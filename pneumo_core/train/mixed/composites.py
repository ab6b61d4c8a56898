"""Lungs that stand alone put into the body of another X-ray, and the view of an X-ray that shows its lungs alone.

The only X-rays of adults with a radiologist's label may be there as lungs alone, with all around them blanked. Pasted
into the body of a whole normal X-ray they are whole again. Lungs of all groups are treated alike: nothing in here knows
a label. Random numbers come from a generator that is given, so that an epoch is made anew by its seed.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pneumo_core.film import pieces, smoothed

Grey = NDArray[np.float32]
Outline = NDArray[np.bool_]
# The lungs view, as `keras_network` has it in the network: mean and deviation inside, highest grey, grey outside.
VIEW_MEAN, VIEW_DEVIATION, VIEW_HIGHEST, VIEW_OUTSIDE = 110.0, 45.0, 240.0, 232.0
SOFT, TINY = 8.0, 1e-3
# Blanked pixels are 0, but for what JPEG leaves; lungs begin at 40.
BLANKED = 20
# Lungs of less than this share of an image are not pasted.
LEAST_SHARE = 0.01
# The body is stretched by no more, so that it stays one.
LEAST_STRETCH, MOST_STRETCH = 0.5, 1.9
# How much of the difference in grey is taken off where the body is matched to the lungs.
MATCHED = 0.8
# Pieces smaller than a share of the largest one, and of the image, are no lung.
_SMALL_PIECE, _SPECK = 0.08, 0.004
# Pixels at a side of 224, to which the widths below belong.
_SIDE = 224


def outline_of(film: NDArray[np.uint8]) -> Outline:
    """Give the lungs of an X-ray of which they alone are left: bool `(height, width)`, without specks.

    Args:
        film: `(height, width)`, 0 around the lungs.
    """
    mask = smoothed(film > BLANKED)
    found = pieces(mask)
    large = [one for one in found if one.sum() > max(_SMALL_PIECE * found[0].sum(), _SPECK * mask.size)]
    return np.any(large, axis=0) if large else np.zeros(mask.shape, bool)


def softened(outline: Outline) -> Grey:
    """Give an outline as the network sees one, through half its size and back: float32 `(height, width)` in [0, 1]."""
    height, width = outline.shape
    half = cv2.resize(outline.astype(np.float32), (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(half, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def filled(film: Grey, outline: Outline) -> Grey:
    """Give lungs that stand alone with all around them the grey of the nearest lung, so that no edge is left."""
    mask = outline.astype(np.float32)
    near, share = _blurred(film * mask, 3), _blurred(mask, 3)
    mean = float(film[outline].mean()) if outline.any() else 0.0
    around = np.where(share > 0.02, near / (share + TINY), mean)
    return np.where(outline, film, around).astype(np.float32)


def lungs_view(film: Grey, mask: Grey) -> Grey:
    """Give an X-ray as the part of the network sees it that looks at the lungs alone, in the same geometry.

    With the mean and the deviation of the film, weighted by the mask::

        clip((film - mean) / (deviation + 8) * 45 + 110, 0, 240) * mask + 232 * (1 - mask)

    Args:
        film: float32 `(height, width)` in [0, 255].
        mask: float32 `(height, width)` in [0, 1].

    Returns:
        float32 `(height, width)` in [0, 240].
    """
    weight = mask.mean() + TINY
    centred = film - (mask * film).mean() / weight
    deviation = np.sqrt((mask * centred**2).mean() / weight + TINY)
    tone = np.clip(centred / (deviation + SOFT) * VIEW_DEVIATION + VIEW_MEAN, 0, VIEW_HIGHEST)
    return np.asarray(tone * mask + VIEW_OUTSIDE * (1 - mask), np.float32)


def fit_of(lungs_mask: Outline, body_mask: Outline) -> float:
    """Say how far the shape of a body's lungs is from that of others, 0 for equal; infinite where it cannot be fitted.

    It is the logarithm of the ratio of both boxes' proportions.
    """
    if min(lungs_mask.mean(), body_mask.mean()) < LEAST_SHARE:
        return float("inf")
    (high, wide), (body_high, body_wide) = _size(lungs_mask), _size(body_mask)
    stretches = high / body_high, wide / body_wide
    if min(stretches) <= LEAST_STRETCH or max(stretches) >= MOST_STRETCH:
        return float("inf")
    return float(abs(np.log(stretches[0] / stretches[1])))


def compose(
    lungs: NDArray[np.uint8],
    lungs_mask: Outline,
    body: NDArray[np.uint8],
    body_mask: Outline,
    rng: np.random.Generator,
) -> Grey | None:
    """Paste lungs that stand alone into the body of a whole X-ray.

    The body is stretched so that the box of its lungs is that of the others. Greys are matched at the 10th percentile
    inside the lungs: the body's to the lungs' in one half of cases, the lungs' to the body's in the other. Gaps between
    the two outlines are filled from their neighbourhood, brightened by chance as tissue is, and the seam is blurred.

    Args:
        lungs, body: `(height, width)`, of one size.
        lungs_mask, body_mask: bool `(height, width)`, where each has its lungs.
        rng: decides which grey is matched, and how bright gaps are.

    Returns:
        float32 `(height, width)` in [0, 255]; None where the two do not fit.
    """
    if not np.isfinite(fit_of(lungs_mask, body_mask)):
        return None
    around, outline = _stretched(body, body_mask, lungs_mask)
    pasted = lungs.astype(np.float32)
    dark, body_dark = (float(np.percentile(*pair)) for pair in ((pasted[lungs_mask], 10), (around[outline], 10)))
    gain, noise, brightness = rng.uniform(0.75, 1.15), rng.normal(0, 1, lungs.shape), rng.uniform(0.4, 0.9)
    if rng.random() < 0.5:
        around = np.clip(around + MATCHED * (dark - body_dark), 0, 255)
    else:
        pasted = np.clip((pasted - dark) * gain + body_dark, 0, 255)
    both = _grown(lungs_mask | outline, 1)
    inside = _shrunk(lungs_mask, 1)
    ring = _grown(both, _scaled(7, lungs)) & ~both
    tissue = float(np.percentile(around[ring], 60)) if ring.any() else 180.0
    known = (inside | ~both).astype(np.float32)
    known_grey = np.where(inside, pasted, around).astype(np.float32)
    near, share = _blurred(known_grey * known, 5), _blurred(known, 5) + TINY
    far, far_share = _blurred(known_grey * known, 18), _blurred(known, 18) + TINY
    gap = np.where(share > 0.15, near / share, far / far_share)
    tissue_share = brightness * np.clip((0.5 - share) / 0.35, 0, 1)
    gap = (1 - tissue_share) * gap + tissue_share * np.maximum(gap, tissue)
    gap += 6 * _blurred(noise.astype(np.float32), 1.2)
    whole = np.where(known > 0, known_grey, gap).astype(np.float32)
    edge = _blurred(known, 1.2)
    whole = np.where((edge > 0.15) & (edge < 0.85), _blurred(whole, 1), whole)
    return np.clip(whole, 0, 255).astype(np.float32)


def _stretched(body: NDArray[np.uint8], body_mask: Outline, lungs_mask: Outline) -> tuple[Grey, Outline]:
    """Stretch a body so that the box of its lungs lies on that of others."""
    (top, left), (high, wide) = _corner(lungs_mask), _size(lungs_mask)
    (body_top, body_left), (body_high, body_wide) = _corner(body_mask), _size(body_mask)
    down, across = high / body_high, wide / body_wide
    way = np.array([[across, 0, left - across * body_left], [0, down, top - down * body_top]], np.float32)
    size = body.shape[::-1]
    moved = cv2.warpAffine(body, way, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(body_mask.astype(np.uint8) * 255, way, size, flags=cv2.INTER_LINEAR)
    return moved.astype(np.float32), mask > 127


def _corner(mask: Outline) -> tuple[int, int]:
    return int(np.flatnonzero(mask.any(1))[0]), int(np.flatnonzero(mask.any(0))[0])


def _size(mask: Outline) -> tuple[int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)


def _scaled(width: float, film: NDArray[np.uint8]) -> int:
    return max(1, round(width * film.shape[0] / _SIDE))


def _blurred(values: NDArray[np.float32], width: float) -> Grey:
    sigma = width * values.shape[0] / _SIDE
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)


def _grown(mask: Outline, by: int) -> Outline:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0)


def _shrunk(mask: Outline, by: int) -> Outline:
    return np.asarray(cv2.erode(mask.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0)
