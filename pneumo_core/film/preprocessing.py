"""From a radiograph to the network's input. The one home of OpenCV in the core."""

from dataclasses import dataclass
from typing import Annotated, Literal

import cv2
import numpy as np
from pydantic import Field

from pneumo_core.film.window import Window

RESAMPLINGS = {
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "nearest": cv2.INTER_NEAREST,
}
FINGERPRINT_SIDE = 16
Side = Annotated[int, Field(ge=16, le=1024)]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a film becomes the network's input: stored in the model card, used in training and reading alike.

    A film is resampled to `height` x `width` whatever its shape was, because the training films are such squares. Then
    it is multiplied by `scale`, from [0, 1] to the range that the network's graph takes.
    """

    height: Side = 224
    width: Side = 224
    resampling: Literal["area", "linear", "cubic", "nearest"] = "area"
    scale: Annotated[float, Field(gt=0, le=65535)] = 255.0


def prepare(pixels: np.ndarray, preprocessing: Preprocessing, window: Window | None = None) -> np.ndarray:
    """Give the network's input for one film.

    Args:
        pixels: float32 `(height, width)` in [0, 1], air dark and bone bright.
        window: the part that is read; None for the whole.

    Returns:
        float32 `(preprocessing.height, preprocessing.width, 1)` in [0, `preprocessing.scale`].
    """
    if window is not None:
        pixels = pixels[window.slices(*pixels.shape)]
    resampled = resize(pixels, preprocessing.height, preprocessing.width, preprocessing.resampling)
    # Cubic interpolation overshoots at edges.
    return np.clip(resampled[:, :, np.newaxis], 0.0, 1.0) * np.float32(preprocessing.scale)


def resize(pixels: np.ndarray, height: int, width: int, resampling: str = "area") -> np.ndarray:
    """Resample a 2-D float32 array to `(height, width)`, without shifting its centre.

    "area" averages over each new pixel, so that shrinking a film does not alias it. An array that has to grow is
    interpolated linearly.
    """
    if pixels.shape == (height, width):
        return pixels
    grows = height > pixels.shape[0] or width > pixels.shape[1]
    how = "linear" if resampling == "area" and grows else resampling
    return cv2.resize(pixels, (width, height), interpolation=RESAMPLINGS[how])


def blurred(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Blur a 2-D float32 array by a Gaussian whose deviation is `sigma` pixels; the edges are mirrored outwards."""
    return cv2.GaussianBlur(pixels, (0, 0), sigma)


def rotated(pixels: np.ndarray, degrees: float, aspect: float) -> np.ndarray:
    """Turn a 2-D float32 array clockwise about its centre, in the same frame; corners from outside are 0.

    Args:
        aspect: width through height of the film before it was resampled, so that it is turned and not sheared.
    """
    height, width = pixels.shape
    # A resampled pixel is this many times as high as it is wide.
    pixel = width / height / aspect
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    turn = np.array([[cosine, -sine * pixel], [sine / pixel, cosine]])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return cv2.warpAffine(pixels, np.column_stack([turn, centre - turn @ centre]), (width, height))


def shifted(film: np.ndarray, down: int, right: int) -> np.ndarray:
    """Move a film, float32 `(height, width)` or `(height, width, 1)`, by whole pixels; its edge is repeated."""
    height, width = film.shape[:2]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return np.ascontiguousarray(film[rows][:, columns])


def recompressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Give a 2-D float32 array in [0, 1] as it comes back from a JPEG of 8 bits at a quality of 1 to 100."""
    levels = np.rint(255 * pixels).astype(np.uint8)
    _, file = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)


def fingerprint(pixels: np.ndarray) -> str:
    """Give the difference hash of a film: 256 bits, in hexadecimal.

    Each bit says whether one of 16 x 17 cells is brighter than its left neighbour. So resampling, recompression and a
    change of contrast leave most bits alone (Krawetz 2013, "dHash").

    Args:
        pixels: 2-D float32.
    """
    cells = resize(pixels, FINGERPRINT_SIDE, FINGERPRINT_SIDE + 1)
    return np.packbits(cells[:, 1:] > cells[:, :-1]).tobytes().hex()
