"""Whether a JPEG stream, in a file or in a DICOM, holds all of its picture."""

import re
from io import BytesIO

from PIL import Image

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_MORE_DATA = bytes(range(1, 255)) * 4


def check_jpeg_is_whole(
    stream: bytes, image: Image.Image | None = None, largest: tuple[int, int] | None = None
) -> None:
    """Refuse a JPEG whose data end before its picture does, although its end marker is there.

    libjpeg silently fills missing parts with grey, or leaves out the finer detail of a progressive picture.

    Args:
        stream: a baseline, extended or progressive JPEG.
        image: the decoded picture, if there is one already.
        largest: width and height that the picture must not exceed; checked before it is decoded.

    Raises:
        EOFError: data are missing.
        ValueError: the picture is larger than it may be.
    """
    if image is None:
        image = Image.open(BytesIO(stream), formats=["JPEG"])
    if largest is not None and (image.width > largest[0] or image.height > largest[1]):
        raise ValueError("a larger picture than declared")
    # The fill is the middle of the range, the same in a block of 8 x 8. It is 127 where inverted, as in CMYK.
    last_block = image.crop((image.width - 1 & -8, image.height - 1 & -8, image.width, image.height))
    is_filled = all(band.getextrema() in ((127, 127), (128, 128)) for band in last_block.split())
    if not is_filled and not image.info.get("progressive"):
        return
    longer = Image.open(BytesIO(with_more_data(stream)), formats=["JPEG"])
    if longer.tobytes() != image.tobytes():
        raise EOFError("truncated scan")


def with_more_data(stream: bytes, data: bytes = _MORE_DATA) -> bytes:
    """Put more data behind the last scan of any JPEG, lossless ones too.

    They do not change a whole picture. If they change the picture, data are missing.
    """
    end = _end_of_jpeg(stream)
    return stream[:end] + data + stream[end:]


def _end_of_jpeg(stream: bytes) -> int:
    """Give where a JPEG's end marker is, behind its last scan."""
    position = 2
    # ITU-T T.81 B.1.1.2: a marker, then the length of what belongs to it.
    while stream[position + 1] != 0xDA:
        position += 1 if stream[position + 1] == 0xFF else 2 + int.from_bytes(stream[position + 2 : position + 4])
    while True:
        # In a scan, FF 00 means a byte of data, and FF D0 to D7 are restarts.
        marker = _MARKER.search(stream, position + 2)
        if marker is None:
            raise EOFError("truncated scan")
        position = marker.start()
        if stream[position + 1] == 0xD9:
            return position
        position += int.from_bytes(stream[position + 2 : position + 4])


def bytes_behind_jpeg(stream: bytes) -> int:
    """Count the bytes that follow a JPEG's end marker, 0 if it has none; they belong to no picture of it."""
    try:
        return len(stream) - _end_of_jpeg(stream) - 2
    except (EOFError, IndexError):
        return 0
