"""The thorax round both lungs: how far a heat map lies in it, and how far an image shows anything else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pneumo_core.film import resize
from pneumo_core.lungs.outline import SIDES, Box, Outline, box_of

# A thorax wider or higher than these shares of the image fills it well enough. docs/lungs.md says how they were chosen.
MOST_WIDTH, MOST_HEIGHT = 0.53, 0.58
# On each side so much of the thorax's own width or height is kept beside it.
MARGIN = 0.25
# A crop is made only where both lungs are at least this alike in size.
LEAST_ALIKE = 0.5


def share_inside(heatmap: NDArray[np.floating], outline: Outline) -> float | None:
    """Give the share of a heat map that lies inside the thorax, in [0, 1].

    Args:
        heatmap: float `(any rows, any columns)`, 0 or more, over the whole image.

    Returns:
        None where a lung is not outlined or the map is blank.
    """
    hull = outline.thorax
    if hull is None or heatmap.sum() <= 0:
        return None
    heat = resize(heatmap.astype(np.float32), hull.shape[0], hull.shape[1], "linear")
    return float(heat[hull].sum() / heat.sum())


def exposed_thorax(outline: Outline) -> Box | None:
    """Give the box that an image may be cropped to, because its chest fills only part of the frame.

    Returns:
        None where the chest fills the frame. None, too, where a lung is not outlined or opaque, or both are not alike
        in size: a crop there could take a sick lung away.
    """
    sizes = [float(outline.lung(side).sum()) for side in SIDES]
    hull = outline.thorax
    if hull is None or outline.opaque or min(sizes) < LEAST_ALIKE * max(sizes):
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
