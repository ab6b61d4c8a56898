"""The one frame of a DICOM, decoded: whole, bounded, of the header's size."""

import codecs
import math
import struct
import zlib
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.charset import python_encoding
from pydicom.encaps import encapsulate, get_frame, parse_basic_offsets
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array

from pneumo_core.errors import UnreadableImageError
from pneumo_core.film.dicom_header import REQUIRED
from pneumo_core.film.jpeg import check_jpeg_is_whole, with_more_data
from pneumo_core.film.pydicom_inside import read_file_meta

# Deflate shrinks up to 1000 : 1. An image of 50 megapixels with 16 bits and its header fit in this.
MAX_INFLATED_BYTES = 128 * 2**20
# pydicom raises these on damaged files, beside Python's own errors.
DICOM_ERRORS = (InvalidDicomError, BytesLengthException)

_PIXELS = [*REQUIRED, "PlanarConfiguration", "PixelData"]
# Each syntax has one decoder, so that a file reads the same everywhere. Pillow comes first, because its decoders are
# the best tested against hostile files. python-gdcm reads the rest.
_DECODERS = {
    **dict.fromkeys((uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian), ""),
    **dict.fromkeys((uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit), "pillow"),
    **dict.fromkeys((uid.JPEG2000Lossless, uid.JPEG2000), "pillow"),
    **dict.fromkeys((uid.JPEGLossless, uid.JPEGLosslessSV1), "gdcm"),
    **dict.fromkeys((uid.JPEGLSLossless, uid.JPEGLSNearLossless), "gdcm"),
    uid.RLELossless: "pydicom",
}
_START_OF_TILE = b"\xff\x90"
_SEVERAL_FRAMES = "is a DICOM with several frames. Please upload a single X-ray."


class Frame(NamedTuple):
    """The frame of a DICOM, before any number of the header is applied to its values.

    Attributes:
        words: monochrome: `(height, width)`, uint8 or uint16, right-aligned: the value's lowest bit is bit 0. A signed
            value is in two's complement. Bits from `bits` on may hold anything: padding values and overlays lie there
            (DICOM PS3.3 C.7.5.1.1.2, PS3.5 8.1.1). Colour: `(height, width, 3)`, RGB.
        bits: how many low bits hold the value: BitsStored, or the precision of the codestream where that is less.
        syntax: the transfer syntax.
    """

    words: NDArray[Any]
    bits: int
    syntax: uid.UID


def import_dicom_decoders() -> None:
    """Import now what pydicom would import when a file first asks for it: decoders and texts' encodings."""
    for syntax in _DECODERS:
        get_decoder(syntax)
    for encoding in python_encoding.values():
        codecs.lookup(encoding)


def inflated(content: bytes) -> tuple[bytes, str | None]:
    """Unpack a deflated DICOM within a bound, and name its syntax; give others back as they are.

    pydicom would inflate without bound (1 MB took 3.1 GB). This gives the dataset alone, which pydicom reads as a DICOM
    without preamble.
    """
    stream = BytesIO(content)
    syntax = read_file_meta(stream).get("TransferSyntaxUID")
    if syntax == uid.DeflatedExplicitVRLittleEndian:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        content = inflater.decompress(stream.read(), MAX_INFLATED_BYTES + 1)
        if len(content) > MAX_INFLATED_BYTES:
            message = "is too large once unpacked. Please export it uncompressed, as a single X-ray."
            raise UnreadableImageError(message, code="too_large")
        if not inflater.eof:
            raise EOFError("truncated deflate stream")
        if content[128:132] == b"DICM" or content.startswith(b"\x02\x00"):
            raise ValueError("a DICOM inside a DICOM would be inflated again, without bound")
        return content, str(syntax.name)
    if syntax is not None and syntax not in _DECODERS:
        # An unknown UID's name is the UID itself, which is text of the file.
        words = syntax.name if syntax in uid.AllTransferSyntaxes else "an unknown transfer syntax"
        raise UnreadableImageError(_undecodable(words), code="unsupported")
    return content, None


def _undecodable(syntax_in_words: str) -> str:
    return f"is stored as {syntax_in_words}, which cannot be decoded. Please export it uncompressed."


def decode(content: bytes) -> Frame:
    """Decode the one frame to the words that are stored.

    Raises:
        UnreadableImageError: several frames, a kind that cannot be decoded.
        EOFError: data are missing.
        ValueError: damaged in another way.
    """
    dataset = pydicom.dcmread(BytesIO(content), force=True, specific_tags=_PIXELS)
    if "PixelData" not in dataset:
        raise EOFError("truncated pixel data")
    if "TransferSyntaxUID" not in dataset.file_meta:
        is_implicit, is_little_endian = dataset.original_encoding
        explicit = uid.ExplicitVRLittleEndian if is_little_endian else uid.ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian if is_implicit else explicit
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax == uid.JPEGExtended12Bit and dataset.BitsStored > 8:
        raise UnreadableImageError(_undecodable("JPEG Extended with 12 bits"), code="unsupported")
    # YBR_FULL_422 shares its two colour samples between neighbours.
    is_halved = dataset.PhotometricInterpretation == "YBR_FULL_422" and not syntax.is_compressed
    samples = 2 if is_halved else dataset.SamplesPerPixel
    expected = dataset.Rows * dataset.Columns * samples * dataset.BitsAllocated // 8
    if syntax.is_compressed:
        _check_frame(dataset, syntax, expected)
    elif len(dataset.PixelData) < expected:
        raise EOFError("truncated pixel data")
    elif len(dataset.PixelData) >= 2 * expected:
        raise UnreadableImageError(_SEVERAL_FRAMES, code="several_pictures")
    pixels = pixel_array(dataset, index=0, decoding_plugin=_DECODERS[syntax])
    if syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1):
        # Where data are missing, GDCM silently repeats the last pixel.
        dataset.PixelData = encapsulate([with_more_data(get_frame(dataset.PixelData, 0, number_of_frames=1))])
        if not np.array_equal(pixels, pixel_array(dataset, index=0, decoding_plugin="gdcm")):
            raise EOFError("truncated scan")
    bits = int(dataset.BitsStored)
    if dataset.SamplesPerPixel == 1:
        pixels = pixels.astype(f"u{pixels.dtype.itemsize}", copy=False)
    return Frame(pixels, bits, syntax)


def _check_frame(dataset: pydicom.Dataset, syntax: uid.UID, expected: int) -> None:
    """Refuse a compressed frame that is not whole or not of the header's size.

    Otherwise a decoder could fill the memory, or give half a picture as a whole one.
    """
    if len(parse_basic_offsets(dataset.PixelData)) > 1:
        raise UnreadableImageError(_SEVERAL_FRAMES, code="several_pictures")
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if syntax == uid.RLELossless:
        _check_run_lengths(frame, expected)
        return
    # Every JPEG, JPEG-LS and JPEG 2000 stream ends with this marker, perhaps padded.
    if b"\xff\xd9" not in frame[-64:]:
        raise EOFError("truncated frame")
    if _frame_side_lengths(frame) != (dataset.Rows, dataset.Columns):
        raise ValueError("the frame and the header differ in size")
    if syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit):
        check_jpeg_is_whole(frame)
    if syntax in (uid.JPEG2000Lossless, uid.JPEG2000):
        _check_tiles(frame)


def _frame_side_lengths(frame: bytes) -> tuple[int, int]:
    """Read (height, width) from a JPEG, JPEG-LS or JPEG 2000 stream."""
    if not frame.startswith(b"\xff\xd8"):
        start = frame.index(b"\xff\x4f\xff\x51")
        # ISO/IEC 15444-1 A.5.1: the SIZ segment gives the far and the near corner.
        right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
        return bottom - top, right - left
    position = 2
    while frame[position] == 0xFF:
        marker = frame[position + 1]
        # ITU-T T.81 B.2.2 (start of frame, less DHT, JPG and DAC) and T.87 C.2.2 (JPEG-LS).
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            height, width = struct.unpack_from(">2H", frame, position + 5)
            return height, width
        position += 1 if marker == 0xFF else 2 + int.from_bytes(frame[position + 2 : position + 4])
    raise ValueError("no start of frame")


def _check_tiles(frame: bytes) -> None:
    """Refuse a JPEG 2000 stream without all of its tiles: OpenJPEG leaves those black."""
    start = frame.index(b"\xff\x4f\xff\x51")
    # ISO/IEC 15444-1 A.5.1 and B.3: far and near corner of the picture, size and near corner of the first tile.
    right, bottom, _, _, width, height, left, top = struct.unpack_from(">8I", frame, start + 8)
    expected = math.ceil((right - left) / width) * math.ceil((bottom - top) / height)
    position = start + 2
    while position < len(frame) and frame[position : position + 2] != _START_OF_TILE:
        position += 2 + int.from_bytes(frame[position + 2 : position + 4])
    found = set()
    while frame[position : position + 2] == _START_OF_TILE:
        # A.4.2: a tile may come in parts. A length of 0 means all the rest.
        tile, length = struct.unpack_from(">HI", frame, position + 4)
        found.add(tile)
        position += length or len(frame)
    if len(found) != expected:
        raise EOFError("truncated: tiles are missing")


def _check_run_lengths(frame: bytes, expected: int) -> None:
    """Refuse an RLE frame that unpacks to more than the header says (DICOM PS3.5 annex G)."""
    count, *offsets = struct.unpack_from("<16I", frame)
    ends = [*offsets[1:count], len(frame)]
    unpacked = 0
    for position, end in zip(offsets[:count], ends, strict=False):
        while position < end and unpacked <= expected + 2 * count:
            control = frame[position]
            if control < 128:
                unpacked, position = unpacked + control + 1, position + control + 2
            elif control > 128:
                unpacked, position = unpacked + 257 - control, position + 2
            else:
                position += 1
    if unpacked > expected + 2 * count:
        raise ValueError("the frame is longer than the header says")
