"""Random changes of a film and its mask, so that the lungs are found on images unlike those of the pairs.

The pairs show whole, upright, normal chests that fill their image. Portable images of children do not.
"""

import cv2
import numpy as np

Random = np.random.Generator
# The logarithm's range: a chest is shrunk to 58 % of its size, or enlarged to 128 %.
SMALLEST, LARGEST = -0.55, 0.25


def augmented(film: np.ndarray, mask: np.ndarray, random: Random) -> tuple[np.ndarray, np.ndarray]:
    """Change a film and its mask.

    Args:
        film: uint8 `(side, side)`.
        mask: bool `(side, side)`, where there is lung.

    Returns:
        float32 `(side, side)` in [0, 255], and the share of lung in each cell, float32
        `(side / 2, side / 2)` in [0, 1].
    """
    x, lung = _moved(film, mask.astype(np.float32), random)
    x = _toned(x, random)
    if random.random() < 0.5:
        _cloud(x, lung, random)
    if random.random() < 0.25:
        _wire(x, random)
    if random.random() < 0.2:
        _collimate(x, lung, random)
    if random.random() < 0.3:
        x = cv2.GaussianBlur(x, (0, 0), random.uniform(0.5, 2))
    x = x + random.normal(0, random.uniform(0, 0.04), x.shape)
    if random.random() < 0.5:
        x, lung = x[:, ::-1], lung[:, ::-1]
    return np.clip(x, 0, 1).astype(np.float32) * np.float32(255), shrunk(lung)


def shrunk(lung: np.ndarray) -> np.ndarray:
    """Give the share of lung in each cell of two by two pixels, float32 `(side / 2, side / 2)` in [0, 1]."""
    side = len(lung) // 2
    return np.asarray(lung, np.float32).reshape(side, 2, side, 2).mean((1, 3))


def _moved(film: np.ndarray, lung: np.ndarray, random: Random) -> tuple[np.ndarray, np.ndarray]:
    """Turn, shrink, widen and move a chest; a frame or its own border fills the rest."""
    side = len(film)
    degrees = random.uniform(-35, 35) if random.random() < 0.04 else random.normal(0, 9)
    scale, wider = np.exp(random.uniform(SMALLEST, LARGEST)), np.exp(random.uniform(-0.2, 0.2))
    turn = np.asarray(cv2.getRotationMatrix2D((side / 2, side / 2), degrees, scale), np.float64)
    turn[:, 0] *= wider
    turn[0, 2] += (1 - wider) * side / 2
    turn[:, 2] += random.uniform(-0.12, 0.12, 2) * side
    edge, level = cv2.BORDER_CONSTANT, 0.0
    if random.random() < 0.35:
        edge = cv2.BORDER_REPLICATE
    else:
        level = float(random.choice([0, 0, random.uniform(0, 60), random.uniform(150, 255)]))
    moved = cv2.warpAffine(film, turn, (side, side), borderMode=edge, borderValue=level)
    return moved.astype(np.float32) / np.float32(255), cv2.warpAffine(lung, turn, (side, side))


def _toned(x: np.ndarray, random: Random) -> np.ndarray:
    curved = x ** np.float32(np.exp(random.uniform(-0.6, 0.6)))
    contrast, brightness = random.uniform(0.5, 1.4), random.uniform(-0.15, 0.15)
    return np.asarray((curved - 0.5) * np.float32(contrast) + np.float32(0.5 + brightness))


def _cloud(x: np.ndarray, lung: np.ndarray, random: Random) -> None:
    """Lay soft opacities over parts of the lungs, in place: the outline is asked for all the same."""
    places = np.argwhere(lung > 0.5)
    if not len(places):
        return
    side = len(x)
    rows, columns = np.mgrid[0:side, 0:side]
    for _ in range(random.integers(1, 4)):
        down, across = places[random.integers(len(places))]
        high, wide = random.uniform(0.045, 0.2) * side, random.uniform(0.045, 0.17) * side
        near = np.exp(-0.5 * (((rows - down) / high) ** 2 + ((columns - across) / wide) ** 2))
        share = (near * random.uniform(0.3, 0.95)).astype(np.float32)
        x[:] = x * (1 - share) + np.float32(np.percentile(x, random.uniform(65, 92))) * share


def _wire(x: np.ndarray, random: Random) -> None:
    """Draw lines and electrodes, in place."""
    side = len(x)
    for _ in range(random.integers(1, 5)):
        corners, level = random.integers(0, side, (4, 2)).astype(np.int32), float(random.uniform(0.6, 1))
        cv2.polylines(x, [corners.reshape(-1, 1, 2)], False, level, int(random.integers(1, 3)))
        if random.random() < 0.5:
            cv2.circle(x, (int(corners[0, 0]), int(corners[0, 1])), int(random.integers(2, 7)), level, -1)


def _collimate(x: np.ndarray, lung: np.ndarray, random: Random) -> None:
    """Cover the sides by a plain frame, in place; no lung is asked for under it."""
    side = len(x)
    top, bottom, left, right = (random.uniform(0, 0.14, 4) * side).astype(int)
    covered = np.ones((side, side), bool)
    covered[top : side - bottom, left : side - right] = False
    x[covered] = float(random.choice([0, 0, 0.05, 1]))
    lung[covered] = 0
