"""Pictures that are no upright frontal chest X-ray, made of films, photographs and nothing; for the input gate.

Every function takes and gives float32 `(side, side)` in [0, 1], air dark and bone bright, and draws what it does
from the generator it is given.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pneumo_core.film import LEAST_SIDE, resize

WORDS = (
    "film",
    "taken",
    "supine",
    "AP",
    "portable",
    "no",
    "acute",
    "finding",
    "report",
    "patient",
    "dose",
    "70",
    "kV",
    "mAs",
    "page",
    "table",
    "figure",
    "results",
    "0123",
    "normal",
    "heart",
    "size",
    "lungs",
    "clear",
    "date",
    "name",
    "12",
    "mm",
    "left",
    "right",
    "L",
    "R",
)
Random = np.random.Generator


def as_exported(film: np.ndarray, random: Random) -> np.ndarray:
    """Give an upright film as viewers and exports may change it: still to be read."""
    side = len(film)
    if random.random() < 0.5:
        turn = np.asarray(
            cv2.getRotationMatrix2D((side / 2, side / 2), random.uniform(-8, 8), random.uniform(0.95, 1.12)), np.float64
        )
        turn[:, 2] += random.uniform(-0.045, 0.045, 2) * side
        edge = cv2.BORDER_CONSTANT if random.random() < 0.5 else cv2.BORDER_REPLICATE
        film = cv2.warpAffine(film, turn, (side, side), borderMode=edge)
    top, bottom, left, right = (random.uniform(0, 0.1, 4) * side).astype(int)
    inside = np.s_[top : side - bottom, left : side - right]
    chance = random.random()
    if chance < 0.35:
        page = np.full((side, side), 1.0 if random.random() < 0.25 else 0.0, np.float32)
        page[inside] = resize(film, *page[inside].shape)
        film = page
    elif chance < 0.6:
        film = resize(np.ascontiguousarray(film[inside]), side, side)
    # Some exports are mirrored, which the network was trained to read.
    return photometric(film[:, ::-1] if random.random() < 0.15 else film, random)


def turned(film: np.ndarray, random: Random, quarters: int) -> np.ndarray:
    """Turn a film to the left by so many quarters."""
    return photometric(np.rot90(film if random.random() < 0.8 else film[:, ::-1], quarters), random)


def inverted(film: np.ndarray, random: Random) -> np.ndarray:
    """Show air white and bone black."""
    return 1 - as_exported(film, random)


def part_or_several(film: np.ndarray, others: Sequence[np.ndarray], random: Random) -> np.ndarray:
    """Give one lung, a close crop, half a film, several films, mirrored tiles, or a film small on a page."""
    side = len(film)
    how = random.integers(6)
    if how == 0:
        width = int(side * random.uniform(0.38, 0.56))
        piece = film[:, :width] if random.random() < 0.5 else film[:, side - width :]
    elif how == 1:
        size = int(side * random.uniform(0.25, 0.5))
        top, left = random.integers(0, side - size, 2)
        piece = film[top : top + size, left : left + size]
    elif how == 2:
        height = int(side * random.uniform(0.35, 0.55))
        piece = film[:height] if random.random() < 0.5 else film[side - height :]
    elif how == 3:
        columns = int(random.integers(2, 4))
        rows = int(random.integers(1, 4)) if columns == 2 else columns
        sheet = [
            [resize(others[int(random.integers(len(others)))], side // rows, side // columns) for _ in range(columns)]
            for _ in range(rows)
        ]
        piece = np.block(sheet)
    elif how == 4:
        half = film[:, : side // 2]
        piece = np.hstack([half[:, ::-1], half]) if random.random() < 0.5 else np.vstack([film[: side // 2]] * 2)
    else:
        piece = np.full((side, side), random.choice([0.0, 1.0, 0.9, 0.2]), np.float32)
        # A larger one on a plain page is cut out before it is judged, and read.
        is_written_on = random.random() < 0.6
        size = int(side * random.uniform(0.2, 0.5 if is_written_on else LEAST_SIDE - 0.02))
        top, left = random.integers(0, side - size, 2)
        piece[top : top + size, left : left + size] = resize(film, size, size)
        if is_written_on:
            piece = _written_on(piece, random, int(random.integers(2, 4)))
    return photometric(resize(np.ascontiguousarray(piece, np.float32), side, side), random)


def on_a_screen(film: np.ndarray, random: Random) -> np.ndarray:
    """Photograph a film on a screen: at an angle, with its bezel, moire and glare."""
    side = len(film)
    room = np.full((side, side), random.uniform(0.1, 0.8), np.float32)
    cv2.rectangle(room, (10, 10), (side - 10, side - 10), float(random.uniform(0, 0.2)), -1)
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    inwards = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32)
    moved = corners + inwards * random.uniform(0.07, 0.27, (4, 2)).astype(np.float32) * side
    angle = cv2.getPerspectiveTransform(corners, moved)
    seen, mask = (cv2.warpPerspective(picture, angle, (side, side)) for picture in (film, np.ones_like(film)))
    rows, columns = np.mgrid[:side, :side]
    moire = 0.06 * np.sin(columns * random.uniform(0.8, 2.5) + rows * random.uniform(-0.6, 0.6))
    top, left = random.uniform(0.13, 0.85, 2) * side
    spread = random.uniform(0.04, 0.18) * side
    glare = random.uniform(0.1, 0.5) * np.exp(-((columns - left) ** 2 + (rows - top) ** 2) / (2 * spread**2))
    return photometric(room * (1 - mask) + (seen + moire) * mask + glare, random)


def of_a_photograph(photographs: Sequence[np.ndarray], side: int, random: Random) -> np.ndarray:
    """Cut a piece out of a photograph, float32 `(height, width)` in [0, 1]."""
    photograph = photographs[int(random.integers(len(photographs)))]
    size = int(min(photograph.shape) * random.uniform(0.35, 1))
    top, left = (int(random.integers(0, length - size + 1)) for length in photograph.shape)
    piece = photograph[top : top + size, left : left + size]
    if random.random() < 0.5:
        piece = piece[:, ::-1]
    if random.random() < 0.15:
        piece = np.rot90(piece, int(random.integers(1, 4)))
    piece = resize(np.ascontiguousarray(piece, np.float32), side, side)
    return photometric(1 - piece if random.random() < 0.1 else piece, random)


def page_of_text(side: int, random: Random) -> np.ndarray:
    """Write a page, black on white or white on black."""
    page = np.full((side, side), random.choice([0.0, 1.0]), np.float32)
    return _written_on(page, random, int(random.integers(3, 20)))


def noise(side: int, random: Random) -> np.ndarray:
    """Draw noise: white, or with the spectrum of clouds, smooth, of two levels, or of few."""
    how = random.integers(4)
    if how == 0:
        return random.random((side, side)).astype(np.float32)
    frequencies = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequencies[0, 0] = 1
    spectrum = np.fft.fft2(random.normal(size=(side, side))) / frequencies ** random.uniform(0.5, 2.4)
    clouds = np.real(np.fft.ifft2(spectrum))
    clouds = (clouds - clouds.min()) / np.ptp(clouds)
    if how == 2:
        clouds = clouds > np.median(clouds)
    elif how == 3:
        clouds = np.round(clouds * random.integers(2, 6)) / 5
    return np.clip(clouds, 0, 1).astype(np.float32)


def shapes(side: int, random: Random) -> np.ndarray:
    """Draw rectangles, ellipses, lines and polygons, perhaps on a slope of grey, perhaps blurred."""
    picture: np.ndarray = np.full((side, side), random.uniform(0, 0.6), np.float32)
    if random.random() < 0.5:
        rows, columns = np.mgrid[:side, :side] / np.float32(side)
        picture += (0.7 * (columns * random.uniform(-1, 1) + rows * random.uniform(-1, 1))).astype(np.float32)
    for _ in range(random.integers(1, 14)):
        grey, line = float(random.random()), int(random.choice([-1, 2, 5, 10]))
        first, second = _point(side, random, -0.1), _point(side, random, -0.1)
        how = random.integers(4)
        if how == 0:
            cv2.rectangle(picture, first, second, grey, line)
        elif how == 1:
            _ellipse(picture, first, random.uniform(0.02, 0.4, 2) * side, random.uniform(0, 180), grey, line)
        elif how == 2:
            cv2.line(picture, first, second, grey, int(random.integers(1, 14)))
        else:
            corners = random.integers(0, side, (int(random.integers(3, 7)), 2)).astype(np.int32)
            cv2.fillPoly(picture, [corners], grey)
    if random.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), float(random.uniform(0.5, 8)))
    return photometric(picture, random)


def other_bones(texture: np.ndarray, random: Random) -> np.ndarray:
    """Draw, roughly, bones of another part of the body in soft tissue: shafts, a hand, a skull, a pelvis.

    Args:
        texture: a film whose grain they get.
    """
    side = len(texture)
    bone: np.ndarray = np.zeros((side, side), np.float32)
    soft: np.ndarray = np.zeros((side, side), np.float32)

    def shaft(first: tuple[int, int], second: tuple[int, int], width: float, grey: float) -> None:
        cv2.line(soft, first, second, 1.0, int(width * random.uniform(2, 4.5)))
        cv2.line(bone, first, second, grey, int(width))
        # The marrow is darker than the cortex.
        cv2.line(bone, first, second, 0.6 * grey, max(1, int(0.45 * width)))
        for end in (first, second):
            cv2.circle(bone, end, int(width * random.uniform(0.6, 1.1)), grey * random.uniform(0.7, 1), -1)

    unit = side / 224
    how = random.integers(4)
    if how == 0:
        for _ in range(random.integers(1, 4)):
            ends = _point(side, random, 0.05), _point(side, random, 0.05)
            shaft(*ends, unit * random.uniform(6, 26), random.uniform(0.5, 0.95))
    elif how == 1:
        wrist = np.array([side / 2 + unit * random.uniform(-20, 20), 0.75 * side])
        for angle in np.linspace(-0.7, 0.7, 5):
            joint = wrist
            for _ in range(4):
                after = joint + np.array([np.sin(angle), -np.cos(angle)]) * unit * random.uniform(26, 48)
                ends = tuple(joint.astype(int).tolist()), tuple(after.astype(int).tolist())
                shaft(*ends, unit * random.uniform(6, 12), random.uniform(0.5, 0.9))
                joint = after
    elif how == 2:
        axes = unit * random.uniform((55, 65), (90, 100))
        middle = (side // 2, side // 2)
        _ellipse(soft, middle, axes + 8, 0, 1.0, -1)
        _ellipse(bone, middle, axes, 0, 0.9, int(random.integers(4, 14)))
        for _ in range(random.integers(2, 8)):
            grey, line = float(random.uniform(0.2, 0.9)), int(random.choice([-1, 3, 6]))
            axes = unit * random.uniform(5, 30, 2)
            _ellipse(bone, _point(side, random, 0.1), axes, random.uniform(0, 180), grey, line)
    else:
        soft[:] = 1
        for sign in (-1, 1):
            hip = (int(side / 2 + sign * unit * random.uniform(40, 60)), int(unit * random.uniform(60, 120)))
            axes = unit * random.uniform((25, 40), (50, 70))
            _ellipse(bone, hip, axes, 25 * sign, 0.7, int(random.integers(4, 20)))
            knee = (int(side / 2 + sign * unit * random.uniform(60, 95)), int(side - 5 * unit))
            shaft((int(side / 2 + sign * 60 * unit), int(150 * unit)), knee, unit * random.uniform(10, 24), 0.8)
        for vertebra in range(4):
            top = 10 + 22 * vertebra
            first, second = ((int(unit * x), int(unit * y)) for x, y in ((100, top), (124, top + 16)))
            cv2.rectangle(bone, first, second, 0.75, -1)
    soft = cv2.GaussianBlur(soft, (0, 0), float(random.uniform(2, 8)))
    bone = cv2.GaussianBlur(bone, (0, 0), float(random.uniform(0.6, 3)))
    grain = (texture - texture.mean()) * 0.35 * (soft > 0.2)
    return photometric(soft * random.uniform(0.2, 0.5) + 0.6 * bone + grain + random.uniform(0, 0.05), random)


# The first are made of nothing, the others of a film.
OTHERS: tuple[Callable[[np.ndarray, Random], np.ndarray], ...] = (
    lambda film, random: page_of_text(len(film), random),
    lambda film, random: noise(len(film), random),
    lambda film, random: shapes(len(film), random),
    on_a_screen,
    other_bones,
)


def photometric(picture: np.ndarray, random: Random) -> np.ndarray:
    """Change contrast, brightness and gamma a little; perhaps lose resolution, perhaps add noise."""
    mean = picture.mean()
    changed = (picture - mean) * random.uniform(0.7, 1.35) + mean + random.uniform(-0.12, 0.12)
    changed = np.clip(changed, 0, 1).astype(np.float32) ** np.float32(random.uniform(0.75, 1.35))
    side = len(picture)
    if random.random() < 0.4:
        less = max(2, int(side * random.uniform(0.4, 0.9)))
        changed = resize(resize(changed, less, less), side, side)
    if random.random() < 0.4:
        changed = changed + random.normal(0, random.uniform(0.005, 0.03), changed.shape)
    return np.clip(changed, 0, 1).astype(np.float32)


def _written_on(page: np.ndarray, random: Random, lines: int) -> np.ndarray:
    picture = Image.fromarray(np.rint(255 * page).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    size = max(6, int(len(page) * random.uniform(0.035, 0.13)))
    font = ImageFont.load_default(size)
    ink = 0 if page[0, 0] > 0.5 else 255
    for line in range(lines):
        words = " ".join(random.choice(WORDS, random.integers(1, 9)))
        place = (int(random.integers(0, max(1, len(page) // 4))), int(line * size * 1.3))
        pen.text(place, words, fill=ink if random.random() < 0.8 else int(random.integers(256)), font=font)
    return np.asarray(picture, np.float32) / 255


def _point(side: int, random: Random, margin: float) -> tuple[int, int]:
    column, row = random.uniform(margin * side, (1 - margin) * side, 2).astype(int).tolist()
    return column, row


def _ellipse(
    picture: np.ndarray, middle: tuple[int, int], axes: np.ndarray, angle: float, grey: float, line: int
) -> None:
    width, height = np.maximum(1, axes).astype(int).tolist()
    cv2.ellipse(picture, middle, (width, height), float(angle), 0, 360, grey, line)
