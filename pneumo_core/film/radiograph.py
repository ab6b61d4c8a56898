"""Read one chest X-ray from DICOM, PNG, JPEG, TIFF or BMP: bounded, checked, without any name in it.

Every file gives the same kind of pixels: float32 `(height, width)` in [0, 1], air dark and bone bright.
`read_radiograph` is the only way in, and the only place that knows the file's name. The functions below it raise
refusals that begin after the name ("is empty. ...").
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from pneumo_core.errors import PneumoError, UnreadableImageError
from pneumo_core.film.decoder import DECODER
from pneumo_core.film.grey import Levels
from pneumo_core.film.pixels import FILE_KINDS, MAX_FILE_BYTES, MAX_MEGAPIXELS, Decoded, Origin, check_side_lengths


@dataclass(frozen=True, slots=True, eq=False)
class StoredValues:
    """An X-ray's values before any window, as levels and what each level stands for.

    Attributes:
        levels: uint8 or uint16 `(height, width)`, as the pixels lie; read-only.
        values: float32 `(256,)` or `(65536,)`: the value of each level, in `Origin.unit`; read-only. The image's values
            are `values[levels]`, and its windows stand in `Origin.windows`. A level that is no part of the image, as
            padding, has the value `nan`.
    """

    levels: Levels
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Radiograph:
    """One X-ray, ready for anything that looks at pixels.

    Attributes:
        pixels: float32, shape `(height, width)`, in [0, 1], air dark and bone
            bright; read-only and C-contiguous.
        name: the file's name, for the screen only, never for a report or a log.
        sha256: hex digest of the file's bytes.
        origin: the record of the file.
        stored: the values before any window; None where the file has no other values than `pixels`.
    """

    pixels: NDArray[np.float32]
    name: str
    sha256: str
    origin: Origin
    stored: StoredValues | None = None

    @property
    def outside(self) -> NDArray[np.bool_] | None:
        """Tell which pixels are no part of the image, bool `(height, width)`; None where all are."""
        outer = None if self.stored is None else np.isnan(self.stored.values)
        if self.stored is None or outer is None or not outer.any():
            return None
        return np.asarray(outer[self.stored.levels])


def read_radiograph(file: str | Path | bytes | BinaryIO, name: str | None = None) -> Radiograph:
    """Read one X-ray, recognised by its content and never by its extension.

    Args:
        file: a path, as text too; the bytes; or an open binary file (read from its start where it can be rewound).
        name: its name in messages; the path's own name by default.

    Raises:
        UnreadableImageError: no file, no image, damaged, too small or too large, several pictures.
        UnsuitableImageError: a DICOM of another modality or body part, or raw data of a detector.
    """
    if isinstance(file, str):
        file = Path(file)
    if name is None:
        name = Path(str(getattr(file, "name", "The file"))).name
    # Control characters could forge lines in a terminal or a log.
    name = "".join(letter for letter in name if letter.isprintable()).strip()[:80] or "The file"
    try:
        content = _read_bytes(file)
        decoded, sha256 = _decoded_and_hashed(content)
    except PneumoError as refusal:
        raise type(refusal)(f"{name} {refusal}", code=refusal.code) from refusal.__cause__
    pixels, levels, origin = decoded.pixels, decoded.levels, decoded.origin
    if origin.pixel_aspect != 1:
        height, width = _true_side_lengths(origin)
        pixels, levels = _stretched(pixels, height, width), _repeated(levels, height, width)
        origin = replace(origin, height=height, width=width)
    stored = None if decoded.scale is None else StoredValues(cast("Levels", levels), decoded.scale.values)
    for array in (pixels, levels, *(decoded.scale or ())):
        array.setflags(write=False)
    return Radiograph(pixels, name, sha256, origin, stored)


def _decoded_and_hashed(content: bytes) -> tuple[Decoded, str]:
    """Hash a file in this process while another one decodes it."""
    with ThreadPoolExecutor(1) as hashing:
        digest = hashing.submit(hashlib.sha256, content)
        return DECODER.decode(content), digest.result().hexdigest()


def _true_side_lengths(origin: Origin) -> tuple[int, int]:
    """Give height and width with square pixels: the coarser side grows, or else the finer one shrinks."""
    height, width, aspect = origin.height, origin.width, origin.pixel_aspect
    grown = (round(height * aspect), width) if aspect > 1 else (height, round(width / aspect))
    if grown[0] * grown[1] <= MAX_MEGAPIXELS * 1_000_000:
        return grown
    shrunk = (height, round(width / aspect)) if aspect > 1 else (round(height * aspect), width)
    check_side_lengths(*shrunk)
    return shrunk


def _places(count: int, length: int) -> NDArray[np.float64]:
    """Give where the centres of `count` new pixels lie among `length` old ones."""
    return np.clip((np.arange(count) + 0.5) * length / count - 0.5, 0, length - 1)


def _repeated(levels: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    rows, columns = (_places(height, levels.shape[0]), _places(width, levels.shape[1]))
    return levels[np.rint(rows).astype(int)][:, np.rint(columns).astype(int)]


def _stretched(pixels: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Interpolate a picture to new side lengths, one of which stays."""
    if width != pixels.shape[1]:
        return np.ascontiguousarray(_stretched(pixels.T, width, height).T)
    places = _places(height, len(pixels))
    above = np.minimum(places.astype(int), len(pixels) - 2)
    share = (places - above).astype(np.float32)[:, None]
    return np.asarray(pixels[above] * (1 - share) + pixels[above + 1] * share)


def offered_sha256(file: bytes | Path) -> str | None:
    """Give the SHA-256 of a file that may be refused, in hexadecimal; None where it cannot be read."""
    if isinstance(file, bytes):
        return hashlib.sha256(file).hexdigest()
    try:
        # Opening a pipe would wait for ever.
        if not file.is_file():
            return None
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return None


def _read_bytes(file: Path | bytes | BinaryIO) -> bytes:
    """Give the file's bytes, never more than `MAX_FILE_BYTES`."""
    if isinstance(file, Path):
        try:
            if not file.is_file():
                found = "is a folder" if file.is_dir() else "does not exist"
                message = f"{found}. Please choose a {FILE_KINDS} file."
                raise UnreadableImageError(message, code="not_found")
            _check_byte_count(file.stat().st_size)
            content = file.read_bytes()
        except OSError as error:
            message = "cannot be opened. Please check that you may read it."
            raise UnreadableImageError(message, code="not_found") from error
    elif isinstance(file, bytes):
        content = file
    else:
        if file.seekable():
            file.seek(0)
        content = file.read(MAX_FILE_BYTES + 1)
    _check_byte_count(len(content))
    return content


def _check_byte_count(count: int) -> None:
    if count == 0:
        raise UnreadableImageError("is empty. Please export or download it again.", code="empty")
    if count > MAX_FILE_BYTES:
        limit = f"Files up to {MAX_FILE_BYTES // 2**20} MiB can be read"
        raise UnreadableImageError(f"is too large. {limit}. Please export a single X-ray.", code="too_large")
