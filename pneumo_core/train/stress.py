"""Films as other scanners, viewers and exports would give them, and with the classes' shapes evened.

A choice on clean validation films does not carry over (`stats.calibration`), so these copies choose, too.
"""

from collections.abc import Callable

import numpy as np

from pneumo_core.film import resize

# About how many times as wide for their height the files of Kermany et al. with pneumonia are as those without: 36
# training films give 1.28.
SHAPE_RATIO = 1.25
# Each class changed by so much, one against the other: together by as much as the files differ.
EVENED = SHAPE_RATIO**0.5


def cut(films: np.ndarray, axis: int, margin: float) -> np.ndarray:
    """Cut a share of films off at both ends of an axis, and stretch what is left to their size.

    Args:
        films: uint8 `(n, height, width)`.
        axis: 1 for rows, 2 for columns.
    """
    height, width = films.shape[1:]
    lost = round(margin * films.shape[axis])
    inside = films.take(range(lost, films.shape[axis] - lost), axis=axis)
    return np.stack([resize(film, height, width, "linear") for film in inside])


def shaped_by_class(films: np.ndarray, has_pneumonia: np.ndarray, factor: float) -> np.ndarray:
    """Make films with pneumonia wider by a factor, at the cost of columns, and the others higher, of rows; or reversed.

    A network that takes the shape of the file, which was squashed into the pixels, for evidence orders them worse.

    Args:
        films: uint8 `(n, height, width)`.
        factor: below 1 films with pneumonia become higher and the others wider.
    """
    margin = (1 - min(factor, 1 / factor)) / 2
    axes = (2, 1) if factor > 1 else (1, 2)
    changed = np.empty_like(films)
    for chosen, axis in zip((has_pneumonia, ~has_pneumonia), axes, strict=True):
        if chosen.any():
            changed[chosen] = cut(films[chosen], axis, margin)
    return changed


def stressed_copies(films: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """Give ways to change films as other scanners, viewers and exports would.

    Args:
        films: uint8 `(n, height, width)`.

    Returns:
        by name, a function that makes the changed copy: uint8, of the same shape. One copy at a
        time is made, since all of them together would be large.
    """
    levels = np.arange(256, dtype=np.float32)

    def through(curve: np.ndarray) -> Callable[[], np.ndarray]:
        table = np.clip(np.rint(curve), 0, 255).astype(np.uint8)
        return lambda: table[films]

    def contrast(factor: float) -> Callable[[], np.ndarray]:
        def change() -> np.ndarray:
            means = films.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
            return np.clip(np.rint((films - means) * np.float32(factor) + means), 0, 255).astype(np.uint8)

        return change

    def coarser(share: float, resampling: str) -> Callable[[], np.ndarray]:
        def change() -> np.ndarray:
            height, width = films.shape[1:]
            small = (round(height * share), round(width * share))
            return np.stack([resize(resize(film, *small, resampling), height, width, "linear") for film in films])

        return change

    def foreign_margins() -> np.ndarray:
        changed = films[::-1].copy()
        height, width = films.shape[1:]
        rows, columns = (slice(round(0.1 * side), side - round(0.1 * side)) for side in (height, width))
        changed[:, rows, columns] = films[:, rows, columns]
        return changed

    def noisy() -> np.ndarray:
        # All films share one: one for each film would take more memory than the films.
        noise = np.random.default_rng(0).normal(0, 8, films.shape[1:]).astype(np.float32)
        changed = np.empty_like(films)
        for place, film in enumerate(films):
            changed[place] = np.clip(np.rint(film + noise), 0, 255)
        return changed

    return {
        "contrast x 1.8": contrast(1.8),
        "contrast x 0.5": contrast(0.5),
        "gamma 1.8": through(255 * (levels / 255) ** 1.8),
        "gamma 0.55": through(255 * (levels / 255) ** 0.55),
        "a third of the resolution": coarser(1 / 3, "area"),
        "half the resolution, nearest neighbour": coarser(0.5, "nearest"),
        "margins of another film": foreign_margins,
        "cut at top and bottom": lambda: cut(films, 1, 1 / 12),
        "cut at the sides": lambda: cut(films, 2, 1 / 12),
        "noise": noisy,
    }
