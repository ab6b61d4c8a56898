"""The one frame of a DICOM, decoded: whole, bounded, of the header's size."""

import codecs
import struct
import zlib
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.charset import python_encoding
from pydicom.encaps import encapsulate
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array

from pneumo_core.errors import UnreadableImageError
from pneumo_core.film.dicom.codestream import Codestream, is_codestream, read_codestream
from pneumo_core.film.dicom.header import REQUIRED, number
from pneumo_core.film.dicom.pydicom_inside import read_file_meta
from pneumo_core.film.jpeg import check_jpeg_is_whole, with_more_data

# Deflate shrinks up to 1000 : 1. An image of 50 megapixels with 16 bits and its header fit in this.
MAX_INFLATED_BYTES = 128 * 2**20
# pydicom raises these on damaged files, beside Python's own errors.
DICOM_ERRORS = (InvalidDicomError, BytesLengthException)

_PIXELS = [*REQUIRED, "HighBit", "PlanarConfiguration", "PixelData"]
# PS3.5 A.4. pydicom 3.0 decodes neither, and does not know the second one's name.
_ENCAPSULATED = uid.UID("1.2.840.10008.1.2.1.98")
_DEFLATED_FRAME = uid.UID("1.2.840.10008.1.2.8.1")
_NAMES = {_DEFLATED_FRAME: "Deflated Image Frame Compression"}
_NATIVE = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian)
_HTJ2K = (uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)
# The syntaxes that a codestream may have. What the frame holds is decoded, whatever the header calls it.
_SYNTAXES = {
    "JPEG": (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit),
    "JPEG Lossless": (uid.JPEGLosslessSV1, uid.JPEGLossless),
    "JPEG-LS": (uid.JPEGLSLossless, uid.JPEGLSNearLossless),
    "JPEG 2000": (uid.JPEG2000Lossless, uid.JPEG2000, *_HTJ2K),
}
# Each kind has one decoder, so that a file reads the same everywhere. Pillow comes first, because its decoders are the
# best tested against hostile files. python-gdcm reads the rest.
_DECODERS = {"JPEG": "pillow", "JPEG Lossless": "gdcm", "JPEG-LS": "gdcm", "JPEG 2000": "pillow"}
_READ = (
    *_NATIVE,
    _ENCAPSULATED,
    _DEFLATED_FRAME,
    uid.RLELossless,
    *(syntax for syntaxes in _SYNTAXES.values() for syntax in syntaxes),
)
_ITEM = b"\xfe\xff\x00\xe0"


class Frame(NamedTuple):
    """The frame of a DICOM, before any number of the header is applied to its values.

    Attributes:
        words: monochrome: `(height, width)`, uint8 or uint16, right-aligned: the value's lowest bit is bit 0. A signed
            value is in two's complement. Bits from `bits` on may hold anything: padding values and overlays lie there
            (DICOM PS3.3 C.7.5.1.1.2, PS3.5 8.1.1). Colour: `(height, width, 3)`, RGB.
        bits: how many low bits hold the value: BitsStored, or the precision of the codestream where that is less.
        syntax: the transfer syntax, in words.
        notes: whole sentences about what the header says and the frame does not.
    """

    words: NDArray[Any]
    bits: int
    syntax: str
    notes: tuple[str, ...] = ()


def import_dicom_decoders() -> None:
    """Import now what pydicom would import when a file first asks for it: decoders and texts' encodings."""
    for syntax in _READ:
        if syntax not in (_ENCAPSULATED, _DEFLATED_FRAME):
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
    if syntax is not None and syntax not in _READ:
        # An unknown UID's name is the UID itself, which is text of the file.
        raise _undecodable("an unknown transfer syntax" if syntax.name == syntax else syntax.name)
    return content, None


def _undecodable(in_words: str) -> UnreadableImageError:
    message = f"is stored as {in_words}, which cannot be decoded. Please export it uncompressed."
    return UnreadableImageError(message, code="unsupported")


def decode(content: bytes) -> Frame:
    """Decode the one frame to the words that are stored.

    Raises:
        UnreadableImageError: several frames, a kind that cannot be decoded, a frame that contradicts the header.
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
    in_words = _NAMES.get(syntax, syntax.name)
    notes: list[str] = []
    is_encapsulated = dataset["PixelData"].is_undefined_length
    frame = _joined(dataset.PixelData) if is_encapsulated else dataset.PixelData
    has_stream = is_codestream(frame) and (is_encapsulated or syntax not in _NATIVE)
    if has_stream:
        words, bits = _decoded_stream(dataset, read_codestream(frame), notes)
        return Frame(words, bits, in_words, tuple(notes))
    # YBR_FULL_422 shares its two colour samples between neighbours.
    samples = 2 if dataset.PhotometricInterpretation == "YBR_FULL_422" else dataset.SamplesPerPixel
    expected = dataset.Rows * dataset.Columns * samples * dataset.BitsAllocated // 8
    bits, plugin = int(dataset.BitsStored), ""
    if is_encapsulated and syntax == uid.RLELossless:
        _check_run_lengths(frame, expected)
        dataset.PixelData, plugin = encapsulate([frame]), "pydicom"
    else:
        _lay_plain(dataset, frame, expected, notes)
    if dataset.SamplesPerPixel != 1:
        return Frame(pixel_array(dataset, index=0, decoding_plugin=plugin), bits, in_words, tuple(notes))
    shift = _shift(dataset, int(dataset.BitsAllocated), notes)
    if plugin or dataset.file_meta.TransferSyntaxUID == uid.ExplicitVRBigEndian:
        words = _words(dataset, int(dataset.BitsAllocated), plugin)
    else:
        # These are the words already. pydicom would copy them.
        plain = np.frombuffer(dataset.PixelData, f"<u{dataset.BitsAllocated // 8}", dataset.Rows * dataset.Columns)
        words = plain.reshape(dataset.Rows, dataset.Columns)
    return Frame(_right_aligned(words, bits, shift, notes), bits, in_words, tuple(notes))


def _lay_plain(dataset: pydicom.Dataset, frame: bytes, expected: int, notes: list[str]) -> None:
    """Lay an uncompressed or deflated frame before pydicom in a syntax that it decodes, once it is whole."""
    syntax, is_encapsulated = dataset.file_meta.TransferSyntaxUID, dataset["PixelData"].is_undefined_length
    if is_encapsulated and syntax == _DEFLATED_FRAME:
        frame = zlib.decompressobj(-zlib.MAX_WBITS).decompress(frame, 2 * expected)
    elif syntax not in ((_ENCAPSULATED,) if is_encapsulated else _NATIVE):
        if not expected <= len(frame) <= expected + 1:
            raise ValueError("neither a codestream nor plain pixels")
        notes.append("The pixels are stored uncompressed, which the header does not say. They were read so.")
    if len(frame) < expected:
        raise EOFError("truncated pixel data")
    if len(frame) >= 2 * expected:
        raise _several_frames()
    if is_encapsulated or syntax not in _NATIVE:
        dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        dataset.PixelData = frame
        dataset["PixelData"].is_undefined_length = False


def _several_frames() -> UnreadableImageError:
    message = "is a DICOM with several frames. Please upload a single X-ray."
    return UnreadableImageError(message, code="several_pictures")


def _joined(pixel_data: bytes) -> bytes:
    """Join the fragments of the one frame (DICOM PS3.5 A.4); a table of offsets may stand before them."""
    items = []
    position = 0
    while pixel_data[position : position + 4] == _ITEM:
        length = int.from_bytes(pixel_data[position + 4 : position + 8], "little")
        items.append(pixel_data[position + 8 : position + 8 + length])
        if len(items[-1]) < length:
            raise ValueError("a fragment is longer than the pixel data")
        position += 8 + length
    # Careless writers leave the table out, or give it an entry for each fragment.
    offsets = b"" if not items or is_codestream(items[0]) else items.pop(0)
    starts = sum(map(is_codestream, items))
    if starts > 1 or (starts == 0 and len(offsets) > 4):
        raise _several_frames()
    return b"".join(items)


def _words(dataset: pydicom.Dataset, bits: int, plugin: str) -> NDArray[Any]:
    """Decode to unsigned words, in which pydicom neither masks bits nor extends a sign."""
    # GDCM ends the process where it is told of fewer than 8 bits, and reads them where it is told of 8.
    bits = max(bits, 8)
    dataset.BitsAllocated, dataset.BitsStored, dataset.PixelRepresentation = (8 if bits == 8 else 16), bits, 0
    words = pixel_array(dataset, index=0, decoding_plugin=plugin)
    return words.astype(f"u{words.dtype.itemsize}", copy=False)


def _decoded_stream(dataset: pydicom.Dataset, stream: Codestream, notes: list[str]) -> tuple[NDArray[Any], int]:
    """Decode to `Frame.words` and `Frame.bits`."""
    said, syntaxes = dataset.file_meta.TransferSyntaxUID, _SYNTAXES[stream.kind]
    if said not in syntaxes:
        notes.append(f"The pixels are stored as {stream.kind}, which the header does not say. They were read so.")
    if stream.components != dataset.SamplesPerPixel:
        found = {1: "in grey", 3: "in colour"}.get(stream.components, "of another kind")
        message = f"is a DICOM whose frame is {found}, against its header. Please export it uncompressed."
        raise UnreadableImageError(message, code="header")
    if stream.precision > dataset.BitsAllocated:
        message = (
            f"is a DICOM whose header says {dataset.BitsAllocated} bits and whose frame has {stream.precision}. "
            "Please export it uncompressed."
        )
        raise UnreadableImageError(message, code="header")
    # Otherwise a decoder could fill the memory.
    if (stream.height, stream.width) != (dataset.Rows, dataset.Columns):
        raise ValueError("the frame and the header differ in size")
    if stream.kind == "JPEG" and stream.precision == 8:
        check_jpeg_is_whole(stream.content)
    bits, plugin = min(int(dataset.BitsStored), stream.precision), _DECODERS[stream.kind]
    dataset.file_meta.TransferSyntaxUID = said if said in syntaxes and said not in _HTJ2K else syntaxes[0]
    dataset.PixelData = encapsulate([stream.content])
    if dataset.SamplesPerPixel == 1:
        return _grey_stream(dataset, stream, plugin, notes), bits
    if stream.kind == "JPEG" and stream.precision > 8:
        raise _undecodable("JPEG in colour with 12 bits")
    dataset.BitsAllocated, dataset.BitsStored = (8 if stream.precision <= 8 else 16), bits
    pixels = pixel_array(dataset, index=0, decoding_plugin=plugin)
    if stream.kind == "JPEG Lossless":
        dataset.PixelData = encapsulate([_with_more_data(stream)])
        if not np.array_equal(pixels, pixel_array(dataset, index=0, decoding_plugin=plugin)):
            raise EOFError("truncated scan")
    return pixels, bits


def _grey_stream(dataset: pydicom.Dataset, stream: Codestream, plugin: str, notes: list[str]) -> NDArray[Any]:
    bits, is_signed = int(dataset.BitsStored), dataset.PixelRepresentation == 1
    shift = _shift(dataset, stream.precision, notes)
    if stream.kind == "JPEG" and stream.precision > 8:
        # Pillow has no such decoder. GDCM has, and takes any JPEG, but pydicom asks it for lossless ones alone.
        dataset.file_meta.TransferSyntaxUID, plugin = uid.JPEGLosslessSV1, "gdcm"
    words = _words(dataset, stream.precision, plugin)
    if plugin == "gdcm" and stream.kind != "JPEG-LS":
        dataset.PixelData = encapsulate([_with_more_data(stream)])
        if not np.array_equal(words, _words(dataset, stream.precision, plugin)):
            raise EOFError("truncated scan")
    if stream.is_signed:
        # Pillow gives the values of a signed stream raised by half of their range.
        half = 2 ** (stream.precision - 1)
        has_negative = bool(words.min() < half)
        words = words ^ words.dtype.type(half)
        if has_negative and not is_signed:
            words = words + words.dtype.type(2 ** (min(bits, stream.precision) - 1))
            notes.append(
                "The header says that no value is negative, but some are. All were raised by half their range."
            )
    return _right_aligned(words, bits, shift, notes)


def _with_more_data(stream: Codestream) -> bytes:
    """Put data behind a stream's own. They change the picture where it misses some.

    There GDCM silently repeats the last pixel, or takes the missing bits of a lossy stream for zeros. A second byte too
    many in a lossy stream makes it refuse some whole ones, after warnings of its own.
    """
    return with_more_data(stream.content) if stream.kind == "JPEG Lossless" else with_more_data(stream.content, b"\xaa")


def _shift(dataset: pydicom.Dataset, width: int, notes: list[str]) -> int:
    """Give by how many bits the values lie too high in words of this width (DICOM PS3.5 8.1.1).

    A codestream may hold the values alone, or the words that they lay in. Its precision tells.
    """
    stored = int(dataset.BitsStored)
    high = int(number(dataset, "HighBit", stored - 1))
    if not stored - 1 <= high < dataset.BitsAllocated:
        # `_check_pixel_header` lets this pass where the values can lie in one place only.
        notes.append(f"HighBit is {high}, which {stored} stored bits make impossible. The lowest bits were read.")
        return 0
    if width <= stored:
        return 0
    if width <= high:
        message = (
            f"is a DICOM whose header puts the highest bit at {high} and whose frame has {width} bits. "
            "Please export it uncompressed."
        )
        raise UnreadableImageError(message, code="header")
    return high + 1 - stored


def _right_aligned(words: NDArray[Any], bits: int, shift: int, notes: list[str]) -> NDArray[Any]:
    if shift == 0:
        return words
    if words.max() < 2**bits and np.any(words & words.dtype.type(2**shift - 1)):
        notes.append(
            "HighBit says that the values lie in the upper bits, but they lie in the lower. They were read so."
        )
        return words
    return words >> words.dtype.type(shift)


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
