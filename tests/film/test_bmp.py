"""BMP as Windows programs, scanners and OpenCV write it."""

import struct

import numpy as np
import pytest
from PIL import Image

from tests.film.test_radiograph import code_of, ramp, read, saved

HEIGHT, WIDTH = ramp().shape
GREY = Image.fromarray(ramp())


def bmp(bits: int, rows: bytes, colours: bytes = b"", compression: int = 0, height: int = HEIGHT) -> bytes:
    start = 54 + len(colours)
    header = struct.pack("<2sI2HI", b"BM", start + len(rows), 0, 0, start)
    header += struct.pack("<I2i2H6I", 40, WIDTH, height, 1, bits, compression, len(rows), 0, 0, len(colours) // 4, 0)
    return header + colours + rows


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA"])
def test_a_grey_bmp_of_any_mode_is_read(mode):
    radiograph = read(saved(GREY.convert(mode), "BMP"))
    assert radiograph.origin.format == "BMP"
    assert np.abs(radiograph.pixels - ramp() / 255).max() < 1e-6
    assert radiograph.origin.colour == pytest.approx(0, abs=1e-6)


def test_a_bmp_of_1_bit_is_read_with_either_colour_first():
    bits = ramp() > 127
    rows = b"".join(np.packbits(row).tobytes().ljust(16, b"\0") for row in bits[::-1])
    for colours, expected in ((b"\0\0\0\0\xff\xff\xff\0", bits), (b"\xff\xff\xff\0\0\0\0\0", ~bits)):
        assert np.array_equal(read(bmp(1, rows, colours)).pixels > 0.5, expected)


def test_a_bmp_may_count_its_rows_from_the_top():
    colours = bytes(value for level in range(256) for value in (level, level, level, 0))
    from_below, from_top = (read(bmp(8, ramp().tobytes(), colours, height=sign * HEIGHT)).pixels for sign in (1, -1))
    assert np.abs(from_top - ramp() / 255).max() < 1e-6
    assert np.array_equal(from_below, from_top[::-1])


def test_an_alpha_channel_that_is_empty_is_left_out_and_said():
    image = Image.fromarray(np.dstack([ramp(), ramp(), ramp(), np.zeros_like(ramp())]))
    rows = np.asarray(image)[::-1, :, [2, 1, 0, 3]].tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    start = 14 + 108
    header = struct.pack("<2sI2HI", b"BM", start + len(rows), 0, 0, start)
    header += struct.pack("<I2i2H6I", 108, WIDTH, HEIGHT, 1, 32, 3, len(rows), 0, 0, 0, 0) + masks + bytes(52)
    radiograph = read(header + rows)
    assert np.abs(radiograph.pixels - ramp() / 255).max() < 1e-6
    assert len(radiograph.origin.notes) == 1


@pytest.mark.parametrize(("bits", "compression"), [(8, 1), (4, 2), (24, 4), (24, 5), (2, 0), (64, 0)])
def test_other_kinds_of_bmp_are_refused(bits, compression):
    assert code_of(bmp(bits, bytes(HEIGHT * WIDTH * 8), compression=compression)) == "unsupported"


@pytest.mark.parametrize("dropped", [1, 5000, 12_500])
def test_a_bmp_cut_short_is_refused(dropped):
    assert code_of(saved(GREY, "BMP")[:-dropped]) == "damaged"


def test_a_bmp_of_too_many_pixels_is_refused_before_decoding():
    content = bytearray(saved(GREY, "BMP"))
    struct.pack_into("<2i", content, 18, 2**31 - 1, -(2**31))
    assert code_of(bytes(content)) == "too_large"


@pytest.mark.parametrize("size", [0, -120])
def test_a_bmp_of_no_width_is_refused(size):
    content = bytearray(saved(GREY, "BMP"))
    struct.pack_into("<i", content, 18, size)
    assert code_of(bytes(content)) == "too_small"
