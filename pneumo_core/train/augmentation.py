"""Random changes of training films, as Keras layers: what other positionings, scanners and exports do.

All layers take and give float32 `(n, height, width, 1)` in [0, 255], change each film with its own
random numbers, and do nothing outside training. They run inside the training graph, on its device.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops, random

from pneumo_core.train.plan import AUGMENTATIONS

Tensor: TypeAlias = Any

# ITU-T T.81, annex K.1: the luminance table that common JPEG encoders scale by quality.
_JPEG_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=np.float32,
)


class RandomChange(keras.layers.Layer):
    """A change that is applied to each film with a given chance, in training only."""

    def __init__(self, chance: float, seed: int) -> None:
        super().__init__()
        self.chance = chance
        self.seeds = random.SeedGenerator(seed)

    def call(self, films: Tensor, training: bool = False) -> Tensor:
        if not training:
            return films
        chosen = self.uniform(films, 0.0, 1.0) < self.chance
        return ops.where(chosen, ops.clip(self.change(films), 0.0, 255.0), films)

    def change(self, films: Tensor) -> Tensor:
        """Give every film of the batch changed."""
        raise NotImplementedError

    def uniform(self, films: Tensor, low: float, high: float) -> Tensor:
        """Draw one number a film, in [low, high): float32 `(n, 1, 1, 1)`."""
        return random.uniform((ops.shape(films)[0], 1, 1, 1), low, high, seed=self.seeds)

    def factor(self, films: Tensor, largest: float) -> Tensor:
        """Draw one factor a film in [1 / largest, largest), as often under 1 as over it."""
        return ops.exp(self.uniform(films, -float(np.log(largest)), float(np.log(largest))))


class RandomGeometry(RandomChange):
    """Rotation, shift, zoom, stretch (the aspect ratio is no clue) and mirroring, resampled once."""

    def __init__(
        self,
        chance: float,
        seed: int,
        degrees: float,
        shift: float,
        zoom: float,
        stretch: float,
        mirror: bool,
    ) -> None:
        super().__init__(chance, seed)
        self.degrees, self.shift, self.zoom, self.stretch, self.mirror = degrees, shift, zoom, stretch, mirror

    def change(self, films: Tensor) -> Tensor:
        height, width = films.shape[1], films.shape[2]
        angle = self.uniform(films, -self.degrees, self.degrees) * (np.pi / 180)
        zoom, stretch = self.factor(films, self.zoom), self.factor(films, self.stretch)
        # How much of the stretch enlarges one axis; the rest shrinks the other.
        share = self.uniform(films, 0.0, 1.0)
        wide, high = zoom * stretch**share, zoom * stretch ** (share - 1)
        mirrored = ops.where(self.uniform(films, 0.0, 1.0) < 0.5, -1.0, 1.0) if self.mirror else 1.0
        right = self.uniform(films, -self.shift, self.shift) * width
        down = self.uniform(films, -self.shift, self.shift) * height
        # Output pixel (x, y) comes from input pixel (a0 x + a1 y + a2, b0 x + b1 y + b2), about the centre.
        a0, a1 = ops.cos(angle) / wide * mirrored, -ops.sin(angle) / high
        b0, b1 = ops.sin(angle) / wide * mirrored, ops.cos(angle) / high
        centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
        a2 = centre_x - a0 * centre_x - a1 * centre_y + right
        b2 = centre_y - b0 * centre_x - b1 * centre_y + down
        zero = ops.zeros_like(a0)
        transform = ops.reshape(ops.concatenate([a0, a1, a2, b0, b1, b2, zero, zero], axis=-1), (-1, 8))
        moved = [
            ops.image.affine_transform(films, transform, interpolation=interpolation, fill_mode=fill)
            for interpolation, fill in (("bilinear", "nearest"), ("bilinear", "constant"), ("nearest", "constant"))
        ]
        # Half of the films go on at their edges as they end: black there is no sign of anything.
        chosen = self.uniform(films, 0.0, 1.0)
        return ops.where(chosen < 0.5, moved[0], ops.where(chosen < 0.75, moved[1], moved[2]))


class RandomTone(RandomChange):
    """Gamma, contrast about the film's mean, and brightness: what exposure and display processing do."""

    def __init__(self, chance: float, seed: int, gamma: float, contrast: float, brightness: float) -> None:
        super().__init__(chance, seed)
        self.gamma, self.contrast, self.brightness = gamma, contrast, brightness

    def change(self, films: Tensor) -> Tensor:
        films = 255.0 * ops.power(ops.maximum(films, 1e-3) / 255.0, self.factor(films, self.gamma))
        means = ops.mean(films, axis=(1, 2, 3), keepdims=True)
        films = (films - means) * self.factor(films, self.contrast) + means
        return films + 255.0 * self.uniform(films, -self.brightness, self.brightness)


class RandomBlur(RandomChange):
    """Gaussian blur of a random width in pixels: movement, a coarser detector, smoothing resampling."""

    def __init__(self, chance: float, seed: int, largest_sigma: float) -> None:
        super().__init__(chance, seed)
        self.largest_sigma = largest_sigma

    def change(self, films: Tensor) -> Tensor:
        height, width = films.shape[1], films.shape[2]
        sigma = ops.reshape(self.uniform(films, 0.3, self.largest_sigma), (-1, 1, 1))
        planes = ops.squeeze(films, axis=-1)
        # A separable blur is one matrix from the left and one from the right.
        blurred = ops.matmul(ops.matmul(_blur_matrix(height, sigma), planes), _blur_matrix(width, sigma, True))
        return ops.expand_dims(blurred, axis=-1)


class RandomNoise(RandomChange):
    """Gaussian noise, its deviation as a share of the full range."""

    def __init__(self, chance: float, seed: int, largest_deviation: float) -> None:
        super().__init__(chance, seed)
        self.largest_deviation = largest_deviation

    def change(self, films: Tensor) -> Tensor:
        deviation = 255.0 * self.uniform(films, 0.0, self.largest_deviation)
        return films + deviation * random.normal(ops.shape(films), seed=self.seeds)


class RandomJpeg(RandomChange):
    """The loss of baseline JPEG at a random quality: 8 x 8 cosine transform, rounded by its table, and back.

    Films whose sides are no multiple of 8 lose nothing in the incomplete blocks at the right and bottom.
    """

    def __init__(self, chance: float, seed: int, lowest_quality: float, highest_quality: float = 95.0) -> None:
        super().__init__(chance, seed)
        self.qualities = (lowest_quality, highest_quality)

    def change(self, films: Tensor) -> Tensor:
        return compress_as_jpeg(films, self.uniform(films, *self.qualities))


class RandomBorder(RandomChange):
    """The film's margins replaced by one grey, or by those of another film of the batch.

    Side markers, burnt-in text, corners and collimation then go with neither class, so that they are no
    shortcut to it.
    """

    def __init__(self, chance: float, seed: int, largest_width: float) -> None:
        super().__init__(chance, seed)
        self.largest_width = largest_width

    def change(self, films: Tensor) -> Tensor:
        inside: Tensor = True
        for axis in (1, 2):
            place = _places(films, axis)
            # A quarter of the sides stays as it was.
            near, far = (self.largest_width * ops.relu(self.uniform(films, -1 / 3, 1.0)) for _ in range(2))
            inside = ops.logical_and(inside, ops.logical_and(place >= near, place < 1.0 - far))
        # Squared: margins are dark more often than bright.
        grey = 255.0 * ops.square(self.uniform(films, 0.0, 1.0))
        outside = ops.where(self.uniform(films, 0.0, 1.0) < 0.5, ops.roll(films, 1, axis=0), grey)
        return ops.where(inside, films, outside)


class RandomErasing(RandomChange):
    """One rectangle of the film set to a random grey, so that no single place decides (Zhong et al. 2020)."""

    def __init__(self, chance: float, seed: int, largest_side: float) -> None:
        super().__init__(chance, seed)
        self.largest_side = largest_side

    def change(self, films: Tensor) -> Tensor:
        inside: Tensor = True
        for axis in (1, 2):
            side = self.uniform(films, 0.1, self.largest_side)
            start = self.uniform(films, 0.0, 1.0) * (1.0 - side)
            place = _places(films, axis)
            inside = ops.logical_and(inside, ops.logical_and(place >= start, place < start + side))
        return ops.where(inside, 255.0 * self.uniform(films, 0.0, 1.0), films)


def augmentation_layers(strength: float, seed: int, kinds: Sequence[str] = AUGMENTATIONS) -> list[keras.layers.Layer]:
    """Give the project's augmentation, in the order in which nature and technique would do it.

    Args:
        strength: 1 is the default, 0 is none at all; the ranges grow with it.
        kinds: which of `AUGMENTATIONS`.
    """
    s = strength
    if s == 0:
        return []
    changes: list[tuple[str, keras.layers.Layer]] = [
        # Before the geometry: what lies at the edge of a film that is made smaller is otherwise black, and stays.
        ("border", RandomBorder(min(0.8 * s, 1.0), seed + 6, 0.25)),
        ("geometry", RandomGeometry(1.0, seed, 8.0 * s, 0.06 * s, 1.0 + 0.15 * s, 1.0 + 0.6 * s, mirror=True)),
        # And once more, for what the geometry has laid at the edges.
        ("border", RandomBorder(min(0.5 * s, 1.0), seed + 7, 0.2)),
        ("erasing", RandomErasing(0.3, seed + 1, min(0.1 + 0.25 * s, 1.0))),
        ("tone", RandomTone(0.9, seed + 2, 1.0 + 0.9 * s, 1.0 + 0.9 * s, 0.15 * s)),
        ("blur", RandomBlur(0.35, seed + 3, 0.3 + 1.7 * s)),
        ("noise", RandomNoise(0.35, seed + 4, 0.08 * s)),
        ("jpeg", RandomJpeg(0.35, seed + 5, 20.0)),
    ]
    return [layer for kind, layer in changes if kind in kinds]


def variants(films: np.ndarray, layers: Sequence[keras.layers.Layer], count: int) -> np.ndarray:
    """Change films at random as a training step would: uint8 `(n, count, height, width)`.

    Args:
        films: uint8 `(n, height, width)`; several lie beside each other in the batch, since some changes take the
            margins of another film.
    """
    batch = np.tile(films, (count, 1, 1))[..., np.newaxis].astype(np.float32)
    for layer in layers:
        batch = layer(batch, training=True)
    changed = np.rint(ops.convert_to_numpy(batch)[..., 0]).astype(np.uint8)
    return changed.reshape(count, len(films), *films.shape[1:]).swapaxes(0, 1)


def compress_as_jpeg(films: Tensor, quality: Tensor) -> Tensor:
    """Give films as baseline JPEG of a quality would bring them back.

    Args:
        films: float32 `(n, height, width, 1)` in [0, 255].
        quality: float32 `(n, 1, 1, 1)` in [1, 100], as the Independent JPEG Group scales it.
    """
    height, width = films.shape[1] // 8 * 8, films.shape[2] // 8 * 8
    whole = films[:, :height, :width, 0]
    blocks = ops.transpose(ops.reshape(whole, (-1, height // 8, 8, width // 8, 8)), (0, 1, 3, 2, 4)) - 128.0
    scale = ops.where(quality < 50.0, 5000.0 / quality, 200.0 - 2.0 * quality) / 100.0
    table = ops.clip(ops.round(_JPEG_LUMINANCE * ops.expand_dims(scale, -1)), 1.0, 255.0)
    cosine = _cosine_matrix()
    coefficients = ops.matmul(ops.matmul(cosine, blocks), cosine.T)
    coefficients = ops.round(coefficients / table) * table
    blocks = ops.round(ops.matmul(ops.matmul(cosine.T, coefficients), cosine)) + 128.0
    whole = ops.reshape(ops.transpose(blocks, (0, 1, 3, 2, 4)), (-1, height, width, 1))
    padding = ((0, 0), (0, films.shape[1] - height), (0, films.shape[2] - width), (0, 0))
    is_whole = ops.pad(ops.ones_like(whole), padding)
    return ops.clip(ops.where(is_whole > 0, ops.pad(whole, padding), films), 0.0, 255.0)


def _places(films: Tensor, axis: int) -> Tensor:
    """Where each pixel's centre lies along an axis, as a share of it."""
    shape = [1, 1, 1, 1]
    shape[axis] = films.shape[axis]
    return ops.reshape((ops.arange(shape[axis], dtype="float32") + 0.5) / shape[axis], shape)


def _cosine_matrix() -> np.ndarray:
    frequency, place = np.arange(8)[:, None], np.arange(8)[None, :]
    matrix = np.cos((2 * place + 1) * frequency * np.pi / 16) / 2
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def _blur_matrix(size: int, sigma: Tensor, transposed: bool = False) -> Tensor:
    distance = np.arange(size, dtype=np.float32)[:, None] - np.arange(size, dtype=np.float32)[None, :]
    weights = ops.exp(-0.5 * ops.square(distance / sigma))
    weights = weights / ops.sum(weights, axis=-1, keepdims=True)
    return ops.transpose(weights, (0, 2, 1)) if transposed else weights
