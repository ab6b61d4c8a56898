"""A codestream's own header is read, and mended where a decoder needs it."""

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import get_frame

from pneumo_core.film.dicom.codestream import read_codestream
from tests.film.dicom.test_frame import HTJ2K, JPEG_12, LOSSLESS_4, jpeg_2000, unpacked, with_open_tile
from tests.film.test_radiograph import ramp, saved

JP2 = b"\0\0\0\x0cjP  \r\n\x87\x0a"


@pytest.mark.parametrize(
    ("content", "kind", "shape", "precision", "components"),
    [
        (saved(Image.fromarray(ramp()), "JPEG"), "JPEG", (100, 120), 8, 1),
        (saved(Image.fromarray(np.dstack([ramp()] * 3)), "JPEG", progressive=True), "JPEG", (100, 120), 8, 3),
        (unpacked(JPEG_12), "JPEG", (96, 96), 12, 1),
        (unpacked(LOSSLESS_4), "JPEG Lossless", (96, 96), 4, 1),
        (jpeg_2000(ramp(12)), "JPEG 2000", (100, 120), 16, 1),
        (saved(Image.fromarray(ramp()), "JPEG2000"), "JPEG 2000", (100, 120), 8, 1),
        (unpacked(HTJ2K), "JPEG 2000", (96, 96), 16, 1),
    ],
)
@pytest.mark.parametrize("padding", [b"", b"\0", b"\xff" * 100])
def test_a_stream_says_what_it_is_and_ends_with_its_end_marker(content, kind, shape, precision, components, padding):
    stream = read_codestream(content + padding)
    assert (stream.kind, (stream.height, stream.width)) == (kind, shape)
    assert (stream.precision, stream.components, stream.is_signed) == (precision, components, False)
    assert stream.content == content[: content.rindex(b"\xff\xd9") + 2]


def test_an_open_length_is_filled_in():
    content = jpeg_2000(ramp(12))
    assert read_codestream(with_open_tile(content) + b"\0").content == content


def test_a_tile_with_more_parts_than_it_says_does_not_say_how_many():
    # A file of GDCM's, in which each of 16 tiles has 6 parts and says 5.
    frame = get_frame(
        dcmread(get_testdata_file("GDCMJ2K_TextGBR.dcm", download=False)).PixelData, 0, number_of_frames=1
    )
    assert frame.count(b"\xff\x90\0\x0a") == 16 * 6
    content = read_codestream(frame).content
    picture = np.asarray(Image.open(BytesIO(content)))
    assert picture.shape == (400, 400, 3)
    assert picture.std() > 10


@pytest.mark.parametrize(
    ("marker", "place", "form", "value"),
    [
        pytest.param(b"\xff\x51", 22, ">I", 60, id="two tiles wide, and one there"),
        pytest.param(b"\xff\x90\0\x0a", 6, ">I", 20, id="a tile shorter than its data"),
        pytest.param(b"\xff\x90\0\x0a", 11, ">B", 2, id="two parts of a tile, and one there"),
    ],
)
def test_a_stream_whose_tiles_are_not_as_it_says_is_cut_short(marker, place, form, value):
    content = bytearray(jpeg_2000(ramp(12)))
    struct.pack_into(form, content, content.index(marker) + place, value)
    with pytest.raises(EOFError):
        read_codestream(bytes(content))


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xd9", JP2 + b"\xff\xd9", b"\xff" * 100 + b"\xd9"])
def test_what_is_no_stream_is_refused(content):
    with pytest.raises((EOFError, ValueError, IndexError, struct.error)):
        read_codestream(content)
