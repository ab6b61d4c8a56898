"""The codestream of one compressed frame: what it says of itself, and whether it is whole."""

import math
import struct
from dataclasses import dataclass
from typing import Literal

_START_OF_CODESTREAM = b"\xff\x4f\xff\x51"
_START_OF_TILE = b"\xff\x90"
_END = b"\xff\xd9"
# ITU-T T.81 B.2.2 (start of frame, less DHT, JPG and DAC) and T.87 C.2.2 (JPEG-LS).
_LOSSLESS = (0xC3, 0xC7, 0xCB, 0xCF)
_LOSSY = (0xC0, 0xC1, 0xC2, 0xC5, 0xC6, 0xC9, 0xCA, 0xCD, 0xCE)
_JPEG_LS = 0xF7


@dataclass(frozen=True, slots=True)
class Codestream:
    """A JPEG, lossless JPEG, JPEG-LS or JPEG 2000 stream, and what its own header says.

    Attributes:
        content: from its start marker to its end marker, without padding.
        precision: bits of a sample.
        components: samples of a pixel.
        is_signed: its samples are signed. Only JPEG 2000 has such.
    """

    content: bytes
    kind: Literal["JPEG", "JPEG Lossless", "JPEG-LS", "JPEG 2000"]
    height: int
    width: int
    precision: int
    components: int
    is_signed: bool = False


def read_codestream(frame: bytes) -> Codestream:
    """Read the header of a frame's codestream.

    Raises:
        EOFError: it has no end marker, or misses tiles.
        ValueError: no such codestream. A header that ends too soon raises IndexError or struct.error.
    """
    end = frame.rfind(_END) + len(_END)
    if end < len(_END):
        raise EOFError("truncated frame")
    frame = frame[:end]
    if frame.startswith(b"\xff\xd8"):
        return _jpeg(frame)
    # A JP2 file may lie around a JPEG 2000 codestream, although DICOM has no place for it.
    start = frame.find(_START_OF_CODESTREAM)
    if start < 0:
        raise ValueError("no codestream")
    return _jpeg_2000(frame[:start], frame[start:])


def is_codestream(frame: bytes) -> bool:
    """Tell by its first bytes; a JP2 file around JPEG 2000 counts too."""
    return frame.startswith((b"\xff\xd8\xff", _START_OF_CODESTREAM, b"\0\0\0\x0cjP  "))


def _jpeg(stream: bytes) -> Codestream:
    position = 2
    while stream[position] == 0xFF:
        marker = stream[position + 1]
        if marker in (*_LOSSY, *_LOSSLESS, _JPEG_LS):
            precision, height, width, components = struct.unpack_from(">B2HB", stream, position + 4)
            kind: Literal["JPEG", "JPEG Lossless", "JPEG-LS"] = "JPEG Lossless" if marker in _LOSSLESS else "JPEG"
            return Codestream(stream, "JPEG-LS" if marker == _JPEG_LS else kind, height, width, precision, components)
        position += 1 if marker == 0xFF else 2 + int.from_bytes(stream[position + 2 : position + 4])
    raise ValueError("no start of frame")


def _jpeg_2000(before: bytes, stream: bytes) -> Codestream:
    # ISO/IEC 15444-1 A.5.1 and B.3: far and near corner of the picture, size and near corner of the first tile.
    right, bottom, left, top = struct.unpack_from(">4I", stream, 8)
    # One byte for the precision and the sign, then the sampling in both directions, for each component.
    components, depth, across, down = struct.unpack_from(">H3B", stream, 40)
    if (across, down) != (1, 1):
        raise ValueError("fewer samples than pixels")
    content = before + _with_tiles(stream)
    return Codestream(
        content, "JPEG 2000", bottom - top, right - left, (depth & 0x7F) + 1, components, is_signed=depth >= 0x80
    )


def _with_tiles(stream: bytes) -> bytes:
    """Refuse a JPEG 2000 stream without all parts of its tiles: OpenJPEG leaves missing ones black.

    Two careless ways of writing are mended, which OpenJPEG calls broken. A last part may leave its length open, so that
    padding behind the end would belong to it. A tile may have more parts than it says.
    """
    right, bottom, _, _, width, height, left, top = struct.unpack_from(">8I", stream, 8)
    expected = math.ceil((right - left) / width) * math.ceil((bottom - top) / height)
    position = 2
    while position < len(stream) and stream[position : position + 2] != _START_OF_TILE:
        position += 2 + int.from_bytes(stream[position + 2 : position + 4])
    mended = bytearray(stream)
    # Where the parts of each tile begin, and how many it says that there are: 0 where it does not say.
    starts: dict[int, list[int]] = {}
    declared: dict[int, int] = {}
    while stream[position : position + 2] == _START_OF_TILE:
        # A.4.2: a length of 0 means all the rest.
        tile, length, _, parts = struct.unpack_from(">HI2B", stream, position + 4)
        starts.setdefault(tile, []).append(position)
        declared[tile] = max(parts, declared.get(tile, 0))
        if length == 0:
            length = len(stream) - len(_END) - position
            struct.pack_into(">I", mended, position + 6, length)
        position += length
    if len(starts) != expected or stream[position:] != _END:
        raise EOFError("truncated: tiles are missing")
    for tile, found in starts.items():
        if len(found) < declared[tile]:
            raise EOFError("truncated: a part of a tile is missing")
        if len(found) > declared[tile]:
            for start in found:
                mended[start + 11] = 0
    return bytes(mended)
