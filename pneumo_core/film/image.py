"""Read PNG and JPEG files."""

import logging
import struct
import zlib
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumo_core.errors import UnreadableImageError
from pneumo_core.film.jpeg import check_jpeg_is_whole
from pneumo_core.film.pixels import MAX_MEGAPIXELS, Grey, Origin, check_side_lengths, effective_bits, to_grey

# A progressive JPEG has about 10 scans; each further one decodes the whole picture again.
MAX_JPEG_SCANS = 100

# Pillow logs the EXIF tags at DEBUG.
logging.getLogger("PIL").setLevel(logging.CRITICAL + 1)

# First row and column of each pass, and its steps.
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
# Each entry is an offset, the magic bytes there, and the kind in words.
_OTHER_KINDS = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive or an Office document"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"\x1f\x8b", "a gzip archive, as NIfTI volumes often are"),
    (344, b"n+1\x00", "a NIfTI volume"),
    (0, b"II*\x00", "a TIFF image"),
    (0, b"MM\x00*", "a TIFF image"),
    (0, b"GIF8", "a GIF image"),
    (0, b"BM", "a BMP image"),
    (8, b"WEBP", "a WebP image"),
    (4, b"ftyp", "a HEIC photo or a video"),
    (4, b"jP  ", "a JPEG 2000 image"),
)
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


def _kind_in_words(content: bytes) -> str:
    """Name the likely kind of a file that is no DICOM, PNG or JPEG."""
    for offset, magic, words in _OTHER_KINDS:
        if content.startswith(magic, offset):
            return words
    start = content[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    is_text = all(byte >= 32 or byte in b"\t\r\n" for byte in start)
    return "a text file" if is_text else "a file of an unknown kind"


def read_picture(content: bytes) -> tuple[NDArray[np.uint8] | NDArray[np.float32], Origin]:
    """Read one PNG or JPEG.

    Returns:
        pixels: `(height, width)`, float32 in [0, 1], or uint8 where 255 stands for 1: a quarter of the bytes.
        origin: the record of the file.
    """
    if not content.startswith((_PNG, _JPEG)):
        raise UnreadableImageError(
            f"seems to be {_kind_in_words(content)}, not an X-ray. Please upload a DICOM, PNG or JPEG file.",
            code="not_an_image",
        )
    image = _open_picture(content)
    is_png = image.format == "PNG"
    if is_png:
        # Pillow decodes without checking the checksums. `verify` checks them, and uses the image up.
        image.verify()
        image = _open_picture(content)
        _check_png_rows(content)
    image.load()
    if not is_png:
        check_jpeg_is_whole(content, image)
    orientation = image.getexif().get(0x0112)
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    notes: list[str] = []
    # Byte 24 of a PNG is its bit depth. Pillow keeps 16 bits for grey only.
    if is_png and content[24] == 16 and not image.mode.startswith("I"):
        notes.append("Only the upper 8 of 16 bits of each channel were read.")
    grey = _picture_pixels(image, notes)
    height, width = grey.pixels.shape
    form: Literal["PNG", "JPEG"] = "PNG" if is_png else "JPEG"
    samples = len(image.getbands())
    return grey.pixels, Origin(
        form, height, width, grey.bits, samples_per_pixel=samples, colour=grey.colour, notes=tuple(notes)
    )


def _picture_pixels(image: Image.Image, notes: list[str]) -> Grey:
    """Turn a loaded picture of any Pillow mode to grey in [0, 1]."""
    if image.mode.startswith("I"):
        # Pillow's `convert("L")` would clip everything above 255.
        values = np.asarray(image)
        bits = effective_bits(int(values.max()))
        return Grey(values.astype(np.float32) / np.float32(2**bits - 1), bits)
    if image.mode in ("1", "L") and not image.has_transparency_data:
        return Grey(np.asarray(image.convert("L")), 8)
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))
        notes.append("The alpha channel was laid on black.")
    pixels, colour = to_grey(np.asarray(image.convert("RGB")), 8)
    return Grey(pixels, 8, colour=colour)


def _open_picture(content: bytes) -> Image.Image:
    """Open the header only, and refuse a picture that must not be decoded."""
    try:
        image = Image.open(BytesIO(content), formats=["JPEG", "PNG"])
    except Image.DecompressionBombError as error:
        message = f"has too many pixels. Please upload an X-ray of at most {MAX_MEGAPIXELS} megapixels."
        raise UnreadableImageError(message, code="too_large") from error
    if getattr(image, "n_frames", 1) > 1:
        raise UnreadableImageError("holds several pictures. Please upload a single X-ray.", code="several_pictures")
    check_side_lengths(image.height, image.width)
    if image.info.get("progressive") and content.count(b"\xff\xda") > MAX_JPEG_SCANS:
        raise UnreadableImageError("is a JPEG with unusually many scans. Please save it as PNG.", code="too_large")
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
