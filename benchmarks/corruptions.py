"""Damage that films take on their way, at five severities: the list of MedMNIST-C for `pneumoniamnist`.

Kinds and severities are those of Di Salvo, Doerrich, Ledig, "MedMNIST-C" (2024), arXiv:2406.17536, made anew with the
project's own tools: noise is drawn from a seed, and a blur's width follows from its kernel as torchvision has it.
"""

from collections.abc import Callable

import numpy as np

from pneumo_core.film import blurred, recompressed, resize

SEVERITIES = 5
# Takes a film, float32 `(height, width)` in [0, 1], the strength, and what draws; gives the like, clipped after it.
Corruption = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def _pixelate(film: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    height, width = film.shape
    return resize(resize(film, int(share * height), int(share * width), "area"), height, width, "nearest")


def _impulses(film: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    is_hit, is_white = random.random(film.shape) < share, random.random(film.shape) < 0.5
    return np.where(is_hit, is_white, film)


def _blur(film: np.ndarray, kernel: float, random: np.random.Generator) -> np.ndarray:
    return blurred(film, 0.3 * ((kernel - 1) / 2 - 1) + 0.8)


def _brightness(film: np.ndarray, factor: float, random: np.random.Generator) -> np.ndarray:
    return film * factor


def _contrast(film: np.ndarray, factor: float, random: np.random.Generator) -> np.ndarray:
    return (film - film.mean()) * factor + film.mean()


def _gamma(film: np.ndarray, exponent: float, random: np.random.Generator) -> np.ndarray:
    return film**exponent


CORRUPTIONS: dict[str, tuple[Corruption, tuple[float, ...]]] = {
    "pixelate": (_pixelate, (0.8, 0.7, 0.6, 0.5, 0.4)),
    "JPEG": (lambda film, quality, random: recompressed(film, int(quality)), (50, 30, 15, 10, 7)),
    "Gaussian noise": (
        lambda film, deviation, random: film + random.normal(0, deviation, film.shape),
        (0.04, 0.05, 0.06, 0.07, 0.08),
    ),
    "speckle noise": (
        lambda film, deviation, random: film * (1 + random.normal(0, deviation, film.shape)),
        (0.05, 0.07, 0.1, 0.15, 0.2),
    ),
    "impulse noise": (_impulses, (0.005, 0.01, 0.013, 0.017, 0.02)),
    "shot noise": (lambda film, photons, random: random.poisson(film * photons) / photons, (300, 200, 150, 100, 80)),
    # The list names six kernels; 11 is left out.
    "Gaussian blur": (_blur, (3, 5, 7, 9, 13)),
    "brightness up": (_brightness, (1.1, 1.2, 1.3, 1.4, 1.5)),
    "brightness down": (_brightness, (0.9, 0.8, 0.7, 0.6, 0.5)),
    "contrast up": (_contrast, (1.1, 1.2, 1.3, 1.4, 1.6)),
    "contrast down": (_contrast, (0.9, 0.8, 0.7, 0.6, 0.4)),
    "gamma up": (_gamma, (1.1, 1.2, 1.3, 1.4, 1.6)),
    "gamma down": (_gamma, (0.9, 0.8, 0.7, 0.6, 0.4)),
}


def corrupted(films: np.ndarray, name: str, severity: int, seed: int = 1) -> np.ndarray:
    """Give films corrupted: uint8 `(n, height, width)`.

    Args:
        films: uint8 `(n, height, width)`.
        name: one of `CORRUPTIONS`.
        severity: 1 to `SEVERITIES`.
    """
    corruption, strengths = CORRUPTIONS[name]
    strength, random = strengths[severity - 1], np.random.default_rng((seed, severity))
    changed = [corruption(film.astype(np.float32) / np.float32(255), strength, random) for film in films]
    return np.rint(255 * np.clip(np.stack(changed), 0, 1)).astype(np.uint8)
