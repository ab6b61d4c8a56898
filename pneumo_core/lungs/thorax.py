"""The thorax round both lungs: how far a heat map lies in it, and how far an image shows anything else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pneumo_core.film import Mask, convex_hull, resize
from pneumo_core.lungs.outline import SIDES, Box, Outline, box_of

# A thorax wider or higher than these shares of the image fills it well enough. docs/lungs.md says how they were chosen.
MOST_WIDTH, MOST_HEIGHT = 0.53, 0.58
# On each side so much of the thorax's own width or height is kept beside it.
MARGIN = 0.25
# A crop is made only where both lungs are at least this alike in size.
LEAST_ALIKE = 0.5


def thorax_hull(outline: Outline) -> Mask | None:
    """Give the thorax, bool `(rows, columns)`: lungs, heart and all that lies behind the diaphragm.

    It is the convex hull of both lungs. Below it reaches to the lower one of both lungs' ends, on both sides.

    Returns:
        None where a lung is not outlined, since nobody knows then how far the thorax reaches.
    """
    if outline.missing:
        return None
    corners = outline.both.copy()
    lowest = int(np.flatnonzero(corners.any(1))[-1])
    for side, end in zip(SIDES, (0, -1), strict=True):
        columns = np.flatnonzero(outline.lung(side).any(0))
        corners[lowest, columns[end]] = True
    return convex_hull(corners)


def share_inside(heatmap: NDArray[np.floating], outline: Outline) -> float | None:
    """Give the share of a heat map that lies inside the thorax, in [0, 1].

    Args:
        heatmap: float `(any rows, any columns)`, 0 or more, over the whole image.

    Returns:
        None where a lung is not outlined or the map is blank.
    """
    hull = thorax_hull(outline)
    if hull is None or heatmap.sum() <= 0:
        return None
    heat = resize(heatmap.astype(np.float32), hull.shape[0], hull.shape[1], "linear")
    return float(heat[hull].sum() / heat.sum())


def exposed_thorax(outline: Outline) -> Box | None:
    """Give the box that an image may be cropped to, because its chest fills only part of the frame.

    Returns:
        None where the chest fills the frame, where a lung is not outlined, or where both are not alike in size. Whoever
        cropped there could crop a sick lung away.
    """
    sizes = [float(outline.lung(side).sum()) for side in SIDES]
    hull = thorax_hull(outline)
    if hull is None or min(sizes) < LEAST_ALIKE * max(sizes):
        return None
    box = box_of(hull)
    assert box is not None
    across, down = box.right - box.left, box.bottom - box.top
    if across > MOST_WIDTH or down > MOST_HEIGHT:
        return None
    return Box(
        max(0.0, box.left - MARGIN * across),
        min(1.0, box.right + MARGIN * across),
        max(0.0, box.top - MARGIN * down),
        min(1.0, box.bottom + MARGIN * down),
    )
