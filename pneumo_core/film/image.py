"""Read PNG, JPEG, TIFF and BMP files."""

import logging
import struct
import zlib
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pneumo_core.errors import UnreadableImageError
from pneumo_core.film.grey import count_levels, own_range
from pneumo_core.film.jpeg import bytes_behind_jpeg, check_jpeg_is_whole
from pneumo_core.film.kinds import refusal_of_kind
from pneumo_core.film.pixels import (
    MAX_MEGAPIXELS,
    OWN_SOFTWARE,
    Grey,
    Origin,
    check_side_lengths,
    effective_bits,
    to_grey,
)
from pneumo_core.film.tiff import TIFF, checked_tiff, unsupported

# A progressive JPEG has about 10 scans; each further one decodes the whole picture again.
MAX_JPEG_SCANS = 100
# Some programs write a few bytes behind a JPEG; from here on they are said.
MOST_TRAILING_BYTES = 1024
_ORIENTATION, _BITFIELDS = 0x0112, 3

# Pillow logs the EXIF tags at DEBUG.
logging.getLogger("PIL").setLevel(logging.CRITICAL + 1)

# First row and column of each pass, and its steps.
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
_PNG, _JPEG, _JPEG_LS = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd8\xff\xf7"
# The sizes of BMP headers, which follow the 14 bytes of the file's own.
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
# The keys are EXIF orientations, the values make the picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def import_picture_decoders() -> None:
    """Import now what Pillow would import when a file first asks for it."""
    from PIL import Jpeg2KImagePlugin, MpoImagePlugin, TiffImagePlugin  # noqa: F401

    Image.preinit()


def read_picture(content: bytes) -> tuple[NDArray[np.uint8] | NDArray[np.float32], Origin]:
    """Read one PNG, JPEG, TIFF or BMP.

    Returns:
        pixels: `(height, width)`, float32 in [0, 1], or uint8 where 255 stands for 1: a quarter of the bytes.
        origin: the record of the file.
    """
    notes: list[str] = []
    is_white_zero, orientation = False, 0
    form: Literal["PNG", "JPEG", "TIFF", "BMP"]
    if content.startswith(_PNG):
        # Byte 24 of a PNG is its bit depth.
        form, image, bits = "PNG", _png(content), content[24]
    elif content.startswith(_JPEG) and not content.startswith(_JPEG_LS):
        form, image, bits = "JPEG", _jpeg(content, notes), 8
    elif content.startswith(TIFF):
        tiff = checked_tiff(content)
        notes += tiff.notes
        form, image, bits, is_white_zero = "TIFF", _tiff(tiff.content), tiff.bits, tiff.is_white_zero
        orientation = tiff.orientation
    elif content.startswith(b"BM") and int.from_bytes(content[14:18], "little") in _BMP_HEADERS:
        form, image, bits = "BMP", _bmp(content, notes), 8
    else:
        raise refusal_of_kind(content)
    turn = _UPRIGHT.get(orientation or image.getexif().get(_ORIENTATION, 1))
    if turn is not None:
        image = image.transpose(turn)
    # Pillow keeps 16 bits for grey only.
    if bits == 16 and not image.mode.startswith("I"):
        notes.append("Only the upper 8 of 16 bits of each channel were read.")
    grey = _picture_pixels(image, notes)
    pixels = grey.pixels
    if is_white_zero:
        pixels = 255 - pixels if pixels.dtype == np.uint8 else 1 - pixels
    height, width = pixels.shape
    samples = len(image.getbands())
    return pixels, Origin(
        form,
        height,
        width,
        grey.bits,
        is_inverted=is_white_zero,
        samples_per_pixel=samples,
        colour=grey.colour,
        colour_patch=grey.colour_patch,
        notes=tuple(notes),
    )


def _picture_pixels(image: Image.Image, notes: list[str]) -> Grey:
    """Turn a loaded picture of any Pillow mode to grey in [0, 1]."""
    if image.mode.startswith("I"):
        # Pillow's `convert("L")` would clip everything above 255.
        levels = np.asarray(image).astype(np.uint16)
        grey = own_range(np.arange(2**16), count_levels(levels), notes)
        return Grey(grey[levels], effective_bits(int(levels.max())))
    if image.mode in ("1", "L") and not image.has_transparency_data:
        return Grey(np.asarray(image.convert("L")), 8)
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))
        notes.append("The alpha channel was laid on black.")
    image = image.convert("RGB")
    pixels, colour = to_grey(np.asarray(image), 8)
    return Grey(pixels, 8, colour=colour, colour_patch=_colour_patch(image))


def _colour_patch(image: Image.Image) -> float:
    """Measure `Origin.colour_patch` of an RGB picture."""
    parts = np.asarray(image.resize((4, 4), Image.Resampling.BOX), np.float64).reshape(16, 3) / 255
    grey = parts.mean(axis=1, keepdims=True)
    # A tint of the whole, by lamp or by program, is about linear in the brightness.
    line = np.hstack([grey, np.ones_like(grey)])
    tint, *_ = np.linalg.lstsq(line, parts - grey, rcond=None)
    return round(float(np.abs(parts - grey - line @ tint).mean(axis=1).max()), 6)


def _open_picture(content: bytes, form: str) -> Image.Image:
    """Open the header only, and refuse a picture that must not be decoded."""
    try:
        image = Image.open(BytesIO(content), formats=[form])
    except Image.DecompressionBombError as error:
        message = f"has too many pixels. Please upload an X-ray of at most {MAX_MEGAPIXELS} megapixels."
        raise UnreadableImageError(message, code="too_large") from error
    check_side_lengths(image.height, image.width)
    # A PNG says who made it in a text, a JPEG in a comment.
    maker = image.info.get("Software") or image.info.get("comment")
    if maker in (OWN_SOFTWARE, OWN_SOFTWARE.encode()):
        raise UnreadableImageError(
            "is a picture that Pneumo itself drew, not an X-ray. Please upload the X-ray that it was drawn from.",
            code="own_export",
        )
    return image


def _png(content: bytes) -> Image.Image:
    image = _open_picture(content, "PNG")
    if getattr(image, "n_frames", 1) > 1:
        raise UnreadableImageError("holds several pictures. Please upload a single X-ray.", code="several_pictures")
    # Pillow decodes without checking the checksums. `verify` checks them, and uses the image up.
    image.verify()
    image = _open_picture(content, "PNG")
    _check_png_rows(content)
    image.load()
    return image


def _jpeg(content: bytes, notes: list[str]) -> Image.Image:
    image = _open_picture(content, "JPEG")
    behind = bytes_behind_jpeg(content)
    if image.info.get("progressive") and content.count(b"\xff\xda", 0, len(content) - behind) > MAX_JPEG_SCANS:
        raise UnreadableImageError("is a JPEG with unusually many scans. Please save it as PNG.", code="too_large")
    image.load()
    check_jpeg_is_whole(content, image)
    pictures = getattr(image, "n_frames", 1)
    # Phones add previews, maps of brightness or depth, and film clips.
    if pictures > 1:
        notes.append(f"The file holds {pictures} pictures, as phones save them. The first one was read.")
    elif behind > MOST_TRAILING_BYTES:
        notes.append("The file holds more data behind its picture, as phones add them. They were left out.")
    return image


def _tiff(content: bytes) -> Image.Image:
    try:
        image = _open_picture(content, "TIFF")
    except UnidentifiedImageError as error:
        raise unsupported("of an unusual kind of pixels") from error
    image.load()
    return image.convert("LA") if image.mode == "La" else image


def _bmp(content: bytes, notes: list[str]) -> Image.Image:
    """Open a BMP, once it is known to be whole and of a kind that Pillow reads right."""
    (start,) = struct.unpack_from("<I", content, 10)
    is_old = content[14] == 12
    # OS/2 of 1987 and Windows of 1990; a negative height counts from the top.
    width, height, _, bits = struct.unpack_from("<2H2H" if is_old else "<2i2H", content, 18)
    (compression,) = (0,) if is_old else struct.unpack_from("<I", content, 30)
    if bits not in (1, 4, 8, 16, 24, 32) or compression not in (0, _BITFIELDS):
        message = "is a BMP of an unusual kind, which is not read. Please save it as PNG."
        raise UnreadableImageError(message, code="unsupported")
    check_side_lengths(abs(height), width)
    if start + (width * bits + 31) // 32 * 4 * abs(height) > len(content):
        raise EOFError("truncated rows")
    image = _open_picture(content, "BMP")
    image.load()
    # Many programs leave the alpha channel at zero.
    if image.mode == "RGBA" and not image.getchannel("A").getbbox():
        notes.append("The alpha channel is empty. It was left out.")
        return image.convert("RGB")
    return image


def _check_png_rows(content: bytes) -> None:
    """Refuse a PNG of fewer or more rows than it declares, because Pillow leaves missing rows black."""
    width, height, bits, colour_type, _, _, is_interlaced = struct.unpack_from(">2I5B", content, 16)
    # PNG specification, 11.2.1 IHDR and 8.1 (interlaced pictures).
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour_type]
    passes = _ADAM7 if is_interlaced else ((0, 0, 1, 1),)
    row_bytes, expected = 0, 0
    for top, left, down, right in passes:
        rows, columns = len(range(top, height, down)), len(range(left, width, right))
        row_bytes = (columns * bits * channels + 7) // 8
        # Each row begins with the number of its filter.
        expected += rows * (1 + row_bytes) if columns else 0
    found, inflater, position = 0, zlib.decompressobj(), 8
    while position < len(content) and found <= expected + row_bytes:
        length, kind = struct.unpack_from(">I4s", content, position)
        if kind == b"IEND":
            # Data that some programs append do not belong to the picture.
            break
        packed = content[position + 8 : position + 8 + length] if kind == b"IDAT" else b""
        while packed and not inflater.eof:
            found += len(inflater.decompress(packed, 2**20))
            packed = inflater.unconsumed_tail
        position += 12 + length
    if found < expected:
        raise EOFError("truncated rows")
    # Some programs write a few bytes too many.
    if found > expected + row_bytes:
        raise ValueError("more rows than declared")
