"""Chests as portable devices show them: small in the frame, tilted, off centre, under electrodes and lines.

They are good images, which the input gate has to let in. Every function takes and gives float32 `(side, side)` in
[0, 1], air dark and bone bright, and draws what it does from the generator it is given.
"""

from math import comb

import cv2
import numpy as np

from pneumo_core.film import blurred
from pneumo_core.train.input_gate.negatives import Random, photometric

# The chest's share of the frame's side, and how far it may be tilted, in degrees. Chests that take less of the side are
# among the negatives, as X-rays that are small on a page.
SMALLEST, LARGEST, MOST_TILT = 0.55, 1.0, 20.0
# How far a chest may leave the frame, as a share of the side: this belongs to tilted and large ones.
MOST_OUTSIDE = 0.06
_STEPS = np.linspace(0, 1, 24)
# Weights of four points along a cubic Bezier curve, float64 `(24, 4)`.
_BERNSTEIN = np.stack([comb(3, k) * _STEPS**k * (1 - _STEPS) ** (3 - k) for k in range(4)], axis=1)


def portable(film: np.ndarray, random: Random) -> np.ndarray:
    """Give an upright whole chest as a portable device may show it: still to be read."""
    side = len(film)
    if random.random() < 0.15:
        film = film[:, ::-1]
    turn = _placed(side, random)
    chest, mask = (
        cv2.warpAffine(picture, turn, (side, side), flags=cv2.INTER_AREA) for picture in (film, np.ones_like(film))
    )
    feather = random.uniform(0, 0.03) * side
    if feather > 1:
        mask = mask * np.clip(2 * blurred(mask, feather) - 1, 0, 1)
    if random.random() < 0.5:
        ground = _body_around(film, turn, random)
        picture = chest * mask + ground * (1 - mask)
        if random.random() < 0.6:
            picture = _collimated(picture, turn, random)
    else:
        picture = chest * mask + _plain_ground(side, random) * (1 - mask)
    if random.random() < 0.6:
        _draw_lines(picture, random)
    if random.random() < 0.4:
        _draw_markers(picture, random)
    picture = (picture - picture.mean()) * np.float32(random.uniform(0.45, 1.1)) + picture.mean()
    return photometric(np.clip(picture, 0, 1).astype(np.float32), random)


def _placed(side: int, random: Random) -> np.ndarray:
    """Draw size, stretch, tilt and place of the chest: a float64 `(2, 3)` transform."""
    scale = random.uniform(SMALLEST, LARGEST)
    # Squares are made of images of all shapes.
    stretch = np.exp(random.uniform(-0.12, 0.12))
    wide, high = scale * stretch, scale / stretch
    largest = max(wide, high) / LARGEST
    wide, high = (length / max(1.0, largest) for length in (wide, high))
    tilt = np.radians(np.clip(random.normal(0, 7), -MOST_TILT, MOST_TILT) if random.random() < 0.7 else 0)
    matrix = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]) @ np.diag([wide, high])
    free = (1 - np.array([wide, high])) / 2 + MOST_OUTSIDE
    centre = side * (0.5 + random.uniform(-1, 1, 2) * free * np.array([0.8, 0.8]))
    return np.column_stack([matrix, centre - matrix @ np.full(2, side / 2)])


def _plain_ground(side: int, random: Random) -> np.ndarray:
    """Draw what surrounds an exposed field: black mostly, or grey, white, or a slope of grey."""
    grey = float(random.choice([0.0, 0.0, 0.0, random.uniform(0, 0.3), random.uniform(0.3, 0.8), 1.0]))
    ground = np.full((side, side), grey, np.float32)
    if random.random() < 0.25:
        rows, columns = np.mgrid[:side, :side] / np.float32(side) - 0.5
        ground += rows * np.float32(random.uniform(-0.4, 0.4)) + columns * np.float32(random.uniform(-0.4, 0.4))
    if random.random() < 0.3:
        ground += random.normal(0, random.uniform(0.005, 0.03), ground.shape).astype(np.float32)
    return np.clip(ground, 0, 1)


def _body_around(film: np.ndarray, turn: np.ndarray, random: Random) -> np.ndarray:
    """Draw the body around a chest roughly: its edges go on, with a head above, arms beside, the abdomen below."""
    side = len(film)
    ground = cv2.warpAffine(film, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    ground = blurred(ground, random.uniform(0.02, 0.06) * side)
    body = float(np.percentile(film, random.uniform(60, 85)))
    air = float(np.percentile(film, random.uniform(1, 10)))
    drawn: np.ndarray = np.zeros((side, side), np.float32)
    bone: np.ndarray = np.zeros((side, side), np.float32)

    def place(across: float, down: float) -> tuple[int, int]:
        """Give where a point of the film, in shares of its sides, comes to lie."""
        column, row = turn @ np.array([across * side, down * side, 1.0])
        return int(column), int(row)

    unit = side * float(np.sqrt(np.linalg.det(turn[:, :2])))
    if random.random() < 0.6:
        head = place(random.uniform(0.42, 0.58), random.uniform(-0.28, -0.12))
        axes = (int(unit * random.uniform(0.13, 0.22)), int(unit * random.uniform(0.16, 0.26)))
        cv2.ellipse(drawn, head, axes, 0, 0, 360, 1.0, -1)
        cv2.ellipse(bone, head, axes, 0, 0, 360, 0.6, max(1, int(0.02 * unit)))
    for sign in (-1, 1):
        if random.random() < 0.6:
            shoulder = place(0.5 + sign * random.uniform(0.4, 0.55), random.uniform(0.05, 0.2))
            elbow = place(0.5 + sign * random.uniform(0.5, 0.85), random.choice([-0.3, 0.6, 0.9]))
            width = int(unit * random.uniform(0.08, 0.16))
            cv2.line(drawn, shoulder, elbow, 0.9, width)
            cv2.line(bone, shoulder, elbow, 0.5, max(1, width // 3))
    if random.random() < 0.7:
        belly = place(0.5, 1.25)
        axes = (int(unit * random.uniform(0.35, 0.5)), int(unit * random.uniform(0.3, 0.5)))
        cv2.ellipse(drawn, belly, axes, 0, 0, 360, 1.0, -1)
        for _ in range(random.integers(0, 7)):
            bubble = place(random.uniform(0.15, 0.85), random.uniform(0.95, 1.5))
            cv2.circle(bone, bubble, int(unit * random.uniform(0.02, 0.07)), -0.45, -1)
    soft = blurred(drawn, random.uniform(0.01, 0.03) * side)
    ground = ground * (1 - soft) + body * soft if random.random() < 0.5 else air * (1 - soft) + body * soft
    ground = ground + 0.35 * blurred(bone, random.uniform(0.004, 0.015) * side)
    return np.clip(ground + random.normal(0, 0.01, ground.shape), 0, 1).astype(np.float32)


def _collimated(picture: np.ndarray, turn: np.ndarray, random: Random) -> np.ndarray:
    """Darken all outside a field around the chest, with a hard or soft border of a tilt of its own."""
    side = len(picture)
    around = np.array([[0, 0], [side, 0], [side, side], [0, side]]) - side / 2
    field = around * (1 + random.uniform(0.0, 0.5, 2)) + side / 2
    corners = np.column_stack([field, np.ones(4)]) @ turn.T
    centre = corners.mean(axis=0)
    angle = np.radians(random.normal(0, 4))
    spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = (corners - centre) @ spin.T + centre
    mask = cv2.fillPoly(np.zeros((side, side), np.float32), [np.rint(corners).astype(np.int32)], 1.0)
    if random.random() < 0.5:
        mask = blurred(mask, random.uniform(0.004, 0.03) * side)
    shade = np.float32(random.choice([0.0, 0.0, random.uniform(0.02, 0.25), 1.0]))
    return picture * mask + shade * (1 - mask)


def _draw_lines(picture: np.ndarray, random: Random) -> None:
    """Draw electrodes with their leads, tubes and catheters over a picture."""
    side = len(picture)
    for _ in range(random.integers(1, 6)):
        grey = float(random.uniform(0.65, 1.0))
        points = np.cumsum(random.normal(0, 0.17, (4, 2)), axis=0) + random.uniform(0.1, 0.9, 2)
        curve = np.rint(side * _BERNSTEIN @ points).astype(np.int32)
        thickness = max(1, int(side * random.uniform(0.003, 0.012)))
        cv2.polylines(picture, [curve.reshape(-1, 1, 2)], False, grey, thickness, cv2.LINE_AA)
        if random.random() < 0.6:
            radius = max(2, int(side * random.uniform(0.012, 0.035)))
            at = (int(curve[0, 0]), int(curve[0, 1]))
            cv2.circle(picture, at, radius, grey, -1 if random.random() < 0.5 else max(1, radius // 3), cv2.LINE_AA)


def _draw_markers(picture: np.ndarray, random: Random) -> None:
    """Write one or two side markers or words near the edge."""
    side = len(picture)
    for _ in range(random.integers(1, 3)):
        word = str(random.choice(["L", "R", "AP", "PORTABLE", "SUPINE", "1"]))
        column = int(side * random.choice([random.uniform(0.01, 0.15), random.uniform(0.7, 0.92)]))
        row = int(side * random.choice([random.uniform(0.06, 0.2), random.uniform(0.8, 0.97)]))
        size = side / 224 * random.uniform(0.25, 0.7)
        ink: np.ndarray = np.zeros((side, side), np.uint8)
        cv2.putText(ink, word, (column, row), cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA)
        np.maximum(picture, ink * np.float32(random.uniform(0.7, 1) / 255), out=picture)
