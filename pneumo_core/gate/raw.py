"""Does a picture look like raw data of a detector, with grey in proportion to the exposure behind the patient?

Exposure falls by the same factor with each centimetre of the body (Beer and Lambert), and an image for viewing shows
about its logarithm. Two things tell the exposure itself. Most of the body lies in a small share of the range, far from
the air. And local contrast goes with brightness: a rib that takes away a tenth of the exposure does so in dark and in
bright places. A logistic regression weighs them. `python -m benchmarks.raw_pixels` fits and measures it.

Air may be bright or dark, so both are tried. A picture of 8 bits, or shown through a window or lookup table, is not
judged: a program has chosen its greys.
"""

import numpy as np

from pneumo_core.errors import UnsuitableImageError
from pneumo_core.film import Radiograph
from pneumo_core.wording import Caution

# Copies of this side are judged. Their outer tenth, often a frame or a collimator, is left out.
SIDE, SAMPLES = 112, 2
MARGIN, BLOCK, BLOCKS = 11, 6, 15
# The range of grey levels ends at these percentiles.
ENDS = (0.5, 99.5)
# Nothing below these is told from noise or from rounding to 8 bits.
LEAST_GREY, LEAST_CONTRAST = 0.02, 0.003
# More of the picture than this, plain at the end of the body, was clipped by a program. Detectors leave noise there.
MAX_CLIPPED = 0.05
# A window as wide as this share of the range of the bits hides nothing.
IDLE_WINDOW = 0.95
# By the order of `exposure_features`.
WEIGHTS, INTERCEPT = (-1.55, -2.11, -1.14, 10.73, -2.28, 2.30, -1.28), -17.09
# Log odds. docs/input-gate.md tells how they were chosen.
RAW, PERHAPS_RAW = 4.9, 1.8
PERHAPS = Caution(
    "perhaps raw data",
    "The pixels look a little like raw data of a detector. The network knows images for viewing only. Please check "
    "that the X-ray was exported FOR PRESENTATION.",
)


def raw_refusal(name: str) -> UnsuitableImageError:
    """Word the refusal of a picture that looks like raw data."""
    return UnsuitableImageError(
        f"{name} is not an image for viewing: its pixels look like raw data of a detector. The same exposure has an "
        "image FOR PRESENTATION. Please export and upload that one.",
        code="for_processing",
    )


def refuse_raw(radiograph: Radiograph) -> tuple[Caution, ...]:
    """Refuse raw data where the pixels tell; give the caution where they leave a doubt.

    Raises:
        UnsuitableImageError: the pixels look like raw data.
    """
    odds = raw_log_odds(radiograph.pixels) if is_judged(radiograph) else -np.inf
    # DICOM PS3.3 C.8.11.3.1.2: LIN is in proportion to the exposure. Processed images say it, too, so it is no proof.
    if odds >= (PERHAPS_RAW if radiograph.origin.is_linear else RAW):
        raise raw_refusal(radiograph.name)
    return (PERHAPS,) if odds >= PERHAPS_RAW else ()


def is_judged(radiograph: Radiograph) -> bool:
    """Tell whether a file may hold raw data: more than 8 bits, and no window or lookup table that shapes its greys."""
    origin = radiograph.origin
    if origin.bits <= 8 or origin.voi == "LUT":
        return False
    return origin.window is None or origin.window[1] >= IDLE_WINDOW * (2**origin.bits - 1)


def raw_log_odds(pixels: np.ndarray) -> float:
    """Give the log odds that grey is in proportion to exposure, upwards or downwards.

    Args:
        pixels: float32 `(height, width)` in [0, 1].
    """
    copy = small_copy(pixels)
    candidates = (exposure_features(exposure) for exposure in (copy, 1 - copy))
    return max(-np.inf if found is None else float(found @ WEIGHTS) + INTERCEPT for found in candidates)


def small_copy(pixels: np.ndarray) -> np.ndarray:
    """Give a copy float32 `(SIDE, SIDE)` whose range is about [0, 1]."""
    height, width = pixels.shape
    places = np.arange(SIDE * SAMPLES)
    some = pixels[np.ix_(places * height // len(places), places * width // len(places))]
    copy = some.reshape(SIDE, SAMPLES, SIDE, SAMPLES).mean((1, 3))
    low, high = np.percentile(copy, ENDS)
    return np.clip((copy - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)


def exposure_features(exposure: np.ndarray) -> np.ndarray | None:
    """Measure tone and local contrast of what may be exposure; None where a program has clipped it.

    Args:
        exposure: float32 `(SIDE, SIDE)` in [0, 1], air bright.

    Returns:
        7 numbers: the logarithm of three percentiles; how local contrast goes with grey (slope and correlation of the
        logarithms); relative contrast of the darker less the brighter half, and of the whole.
    """
    inside = exposure[MARGIN:-MARGIN, MARGIN:-MARGIN].reshape(BLOCKS, BLOCK, BLOCKS, BLOCK)
    grey = inside.mean((1, 3)).ravel()
    contrast = np.sqrt(np.maximum((inside**2).mean((1, 3)).ravel() - grey**2, 0))
    if (inside.max((1, 3)) == 0).mean() > MAX_CLIPPED:
        return None
    log_grey, log_contrast = np.log(grey + LEAST_GREY), np.log(contrast + LEAST_CONTRAST)
    relative = log_contrast - log_grey
    is_dark = grey < np.median(grey)
    difference = np.median(relative[is_dark]) - np.median(relative[~is_dark]) if is_dark.any() else 0.0
    is_inner = (grey > LEAST_GREY) & (grey < 0.97)
    if is_inner.sum() >= 10:
        log_grey, log_contrast = log_grey[is_inner], log_contrast[is_inner]
    off_grey, off_contrast = log_grey - log_grey.mean(), log_contrast - log_contrast.mean()
    together, spread = (off_grey * off_contrast).mean(), (off_grey**2).mean()
    slope = np.clip(together / (spread + 1e-3), -4, 4)
    correlation = together / np.sqrt(spread * (off_contrast**2).mean() + 1e-6)
    tone = np.log(np.percentile(grey, (10, 50, 90)) + LEAST_GREY)
    return np.array([*tone, slope, correlation, difference, np.median(relative)])
