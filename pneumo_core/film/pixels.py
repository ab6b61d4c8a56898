"""Limits, grey pixels, and the record of the file, common to all kinds of image files."""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pneumo_core.errors import UnreadableImageError
from pneumo_core.film.exposure import Exposure
from pneumo_core.wording import Caution

# The kinds of file that are read, as refusals name them.
FILE_KINDS = "DICOM, PNG, JPEG, TIFF or BMP"
# The maker that stands in every picture drawn from an X-ray, so that it is not read as an X-ray.
OWN_SOFTWARE = "Pneumo: drawn from an X-ray"
# Below this a lung field has too few pixels to be judged. The network's own input is larger.
MIN_SIDE_PIXELS = 96
# The largest detectors in use have about 20 megapixels. A pixel takes about 20 bytes while the image is read.
MAX_MEGAPIXELS = 50
# One uncompressed 16-bit X-ray of a large detector has about 40 MiB.
MAX_FILE_BYTES = 64 * 2**20
# Processor time is the same on a busy machine. A film takes a tenth of a second. A hostile file must not delay the
# others for long.
DECODING_SECONDS = 8
# The clock stops a process that sleeps, and every one on Windows, which limits no processor time.
STOPPING_SECONDS = 60
DAMAGED = "is damaged and cannot be read. Please export or download it again."
_ROWS_AT_ONCE = 64
# ITU-R BT.601, as Pillow's and OpenCV's conversions to grey.
GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Origin:
    """The record of a file in closed vocabularies and numbers; no text of the file gets in here but in `exposure`.

    Attributes:
        height, width: pixels, after the orientation was applied.
        bits: effective bit depth, which the values were scaled by.
        photometric_interpretation: as DICOM spells it; None for all other files.
        is_inverted: True when MONOCHROME1, PresentationLUTShape INVERSE or a TIFF of WhiteIsZero was turned air-dark.
        window: (WindowCenter, WindowWidth) that was applied.
        windows: all windows that the file names, as (WindowCenter, WindowWidth).
        unit: of the values before the window, one of `dicom.display.UNITS`; None where the file names none.
        cut_off: rows cut off at the top and bottom and columns at the left and right of what the file stores, because
            they are no part of the image.
        pixel_aspect: a stored pixel's height divided by its width.
        is_linear: True where PixelIntensityRelationship says that values are in proportion to the exposure.
        transfer_syntax: name in words.
        view_position: one of `dicom.view.VIEW_POSITIONS`; None where the header names no view that is known.
        age_years: in [0, 130]; from PatientAge or the dates.
        is_age_unclear: True where the file gives an age, or its dates, that could not be understood.
        sex: M, F or O.
        samples_per_pixel: the file's; 1 is grey, 3 or more is stored in colour, whatever it shows.
        colour: mean absolute deviation of red, green and blue from their mean, in [0, 1];
            0 for grey, 0.44 for pure red.
        colour_patch: the same of the most coloured of 4 x 4 parts, less the tint that all of the picture has. A heat
            map over a film shows in it, small writing hardly. 0 for DICOM.
        notes: whole sentences for the record about what was done or read on the way.
        cautions: doubts found on the way, which a reader must know before she believes the score. A tag has no comma.
        exposure: how it was taken, for figures over many files only; its devices' names are cleaned text of the file.
    """

    format: Literal["JPEG", "PNG", "TIFF", "BMP", "DICOM"]
    height: int
    width: int
    bits: int
    photometric_interpretation: str | None = None
    is_inverted: bool = False
    window: tuple[float, float] | None = None
    windows: tuple[tuple[float, float], ...] = ()
    unit: str | None = None
    cut_off: tuple[int, int, int, int] = (0, 0, 0, 0)
    pixel_aspect: float = 1.0
    voi: Literal["window", "LUT"] | None = None
    is_linear: bool = False
    transfer_syntax: str | None = None
    modality: str | None = None
    view_position: str | None = None
    age_years: float | None = None
    is_age_unclear: bool = False
    sex: str | None = None
    samples_per_pixel: int = 1
    colour: float = 0.0
    colour_patch: float = 0.0
    notes: tuple[str, ...] = ()
    cautions: tuple[Caution, ...] = ()
    exposure: Exposure = field(default_factory=Exposure)


def check_side_lengths(height: int, width: int) -> None:
    """Refuse by the declared size, before a single pixel is decoded."""
    if min(height, width) < MIN_SIDE_PIXELS:
        raise UnreadableImageError(
            f"is {height} x {width} pixels. Please upload an X-ray of at least {MIN_SIDE_PIXELS} x {MIN_SIDE_PIXELS}.",
            code="too_small",
        )
    if height * width > MAX_MEGAPIXELS * 1_000_000:
        raise UnreadableImageError(
            f"is {height} x {width} pixels. Please upload an X-ray of at most {MAX_MEGAPIXELS} megapixels.",
            code="too_large",
        )


def effective_bits(largest: int) -> int:
    """Give the smallest usual bit depth that holds the largest value: 12-bit data often comes in 16 bits."""
    return next((bits for bits in (8, 10, 12, 14) if largest < 2**bits), 16)


def to_grey(rgb: NDArray[Any], bits: int) -> tuple[NDArray[np.float32], float]:
    """Turn `(height, width, 3)` integers to grey in [0, 1], and measure the colour (`Origin.colour`)."""
    grey = np.empty(rgb.shape[:2], dtype=np.float32)
    deviation = 0.0
    # Strips save memory: a float copy of the whole would take 600 MB for 50 megapixels.
    for top in range(0, len(rgb), 256):
        strip = rgb[top : top + 256].astype(np.float32) / np.float32(2**bits - 1)
        grey[top : top + 256] = strip @ GREY_WEIGHTS
        deviation += float(np.abs(strip - strip.mean(axis=2, keepdims=True)).sum(dtype=np.float64))
    return np.clip(grey, 0, 1, out=grey), round(deviation / rgb.size, 6)


class Grey(NamedTuple):
    """Grey pixels before inversion, and how they came about (fields as in `Origin`).

    Attributes:
        pixels: float32 in [0, 1], or uint8 with 255 for 1.
    """

    pixels: NDArray[np.float32] | NDArray[np.uint8]
    bits: int
    voi: Literal["window", "LUT"] | None = None
    window: tuple[float, float] | None = None
    colour: float = 0.0
    colour_patch: float = 0.0


class Scale(NamedTuple):
    """The meaning of an image's levels: float32 `(256,)` for uint8 levels, `(65536,)` for uint16 levels.

    Attributes:
        grey: in [0, 1], air dark and bone bright.
        values: before any window, in `Origin.unit`; `nan` for what is no part of the image, as padding.
    """

    grey: NDArray[np.float32]
    values: NDArray[np.float32]


class Decoded(NamedTuple):
    """A file's pixels as its process hands them on.

    Attributes:
        levels: `(height, width)`: with a scale uint8 or uint16; else grey, float32 in [0, 1] or uint8 with 255 for 1.
    """

    levels: NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]
    origin: Origin
    scale: Scale | None = None

    @property
    def pixels(self) -> NDArray[np.float32]:
        """Give grey, float32 `(height, width)` in [0, 1]."""
        if self.scale is not None:
            levels: NDArray[Any] = self.levels
            pixels = np.empty(levels.shape, np.float32)
            # Indices of 64 bits are made of the levels. Those of some rows stay in the processor's cache.
            for top in range(0, len(pixels), _ROWS_AT_ONCE):
                rows = slice(top, top + _ROWS_AT_ONCE)
                np.take(self.scale.grey, levels[rows], out=pixels[rows], mode="clip")
            return pixels
        grey = self.levels.astype(np.float32, copy=False)
        return grey / np.float32(255) if self.levels.dtype == np.uint8 else grey
