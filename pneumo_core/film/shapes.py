"""Shapes in a mask, bool `(rows, columns)`: its pieces, its hull, the lines round it."""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def smoothed(mask: Mask) -> Mask:
    """Take off specks and spikes up to 2 cells wide, and close gaps up to 4 cells wide."""
    cells = mask.astype(np.uint8)
    opened = cv2.morphologyEx(cells, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0


def pieces(mask: Mask) -> list[Mask]:
    """Give the connected pieces of a mask, the largest first; cells that touch at a corner are connected."""
    count, labels, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = facts[:, cv2.CC_STAT_AREA]
    return [labels == label for label in sorted(range(1, count), key=lambda label: -areas[label])]


def convex_hull(mask: Mask) -> Mask:
    """Give the smallest convex shape that holds a mask, as a mask; an empty one of an empty one."""
    filled = np.zeros(mask.shape, np.uint8)
    places = np.argwhere(mask)[:, ::-1].astype(np.int32)
    if len(places):
        cv2.fillConvexPoly(filled, cv2.convexHull(places), 1)
    return filled > 0


def contours(mask: Mask) -> list[NDArray[np.float64]]:
    """Give the line round each piece of a mask, float64 `(points, 2)`: across and down, in shares of the mask's sides.

    It runs through the centres of the piece's outer cells. The first point is not repeated at the end.
    """
    rows, columns = mask.shape
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [(line[:, 0] + 0.5) / (columns, rows) for line in found]
