"""TIFF as scanners, OpenCV, Photoshop and teaching files write it; and TIFF that lies about itself."""

import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from pneumo_core.errors import UnreadableImageError
from pneumo_core.film.radiograph import Radiograph, read_radiograph
from pneumo_core.film.tiff import MAX_DIRECTORIES
from tests.film.test_radiograph import code_of, png, ramp, read, refusal, saved

HEIGHT, WIDTH = ramp().shape
SHORT, LONG, LONG8 = 3, 4, 16
WIDTH_TAG, HEIGHT_TAG, BITS, COMPRESSION, PHOTOMETRIC, STRIPS, SAMPLES = 256, 257, 258, 259, 262, 273, 277
ORIENTATION, ROWS_A_STRIP, STRIP_BYTES, PLANAR, PREDICTOR, COLOUR_MAP = 274, 278, 279, 284, 317, 320
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, SUB_DIRECTORIES, EXTRA, FORMAT = 322, 323, 324, 325, 330, 338, 339
SUBFILE, DNG = 254, 50706
DEFLATE = 8

Field = int | list[int]


def page(blocks: list[bytes], fields: dict[int, Field], is_tiled: bool = False) -> tuple[list[bytes], dict[int, Field]]:
    """The blocks of one picture, and its tags but for where the blocks lie; a tag of -1 is left out."""
    tags: dict[int, Field] = {WIDTH_TAG: WIDTH, HEIGHT_TAG: HEIGHT, BITS: 8, COMPRESSION: 1, PHOTOMETRIC: 1, SAMPLES: 1}
    tags |= {TILES if is_tiled else STRIPS: [], TILE_BYTES if is_tiled else STRIP_BYTES: [len(b) for b in blocks]}
    tags |= fields
    return blocks, {tag: value for tag, value in tags.items() if value != -1}


def tiff(*pages: tuple[list[bytes], dict[int, Field]], order: str = "<", is_big: bool = False) -> bytes:
    """Write a TIFF, or a BigTIFF, tag by tag: pixels first, then the directories."""
    number, kind = ("Q", LONG8) if is_big else ("I", LONG)
    content = b"II" if order == "<" else b"MM"
    content += struct.pack(order + "3HQ", 43, 8, 0, 0) if is_big else struct.pack(order + "HI", 42, 0)
    link, link_form = (8, order + "Q") if is_big else (4, order + "I")
    for blocks, given in pages:
        tags = dict(given)
        for tag in (STRIPS, TILES):
            if tags.get(tag) == []:
                tags[tag] = [len(content) + sum(map(len, blocks[:i])) for i in range(len(blocks))]
        content += b"".join(blocks)
        entries, apart = b"", b""
        count = struct.pack(order + ("Q" if is_big else "H"), len(tags))
        behind = len(content) + len(count) + len(tags) * (20 if is_big else 12) + struct.calcsize(number)
        for tag, value in sorted(tags.items()):
            values = value if isinstance(value, list) else [value]
            packed = struct.pack(f"{order}{len(values)}{number}", *values)
            if len(values) > 1:
                place = behind + len(apart)
                apart += packed
                packed = struct.pack(order + number, place)
            entries += struct.pack(order + "2H" + number, tag, kind, len(values)) + packed
        content = content[:link] + struct.pack(link_form, len(content)) + content[link + struct.calcsize(link_form) :]
        link = len(content) + len(count) + len(entries)
        content += count + entries + struct.pack(link_form, 0) + apart
    return content


def grey(values: np.ndarray | None = None, order: str = "<", rows: int = HEIGHT, **options: Field) -> bytes:
    """An uncompressed TIFF in strips of some rows."""
    values = ramp() if values is None else values
    blocks = [
        values[top : top + rows].astype(values.dtype.newbyteorder(order)).tobytes() for top in range(0, HEIGHT, rows)
    ]
    tags = {BITS: 8 * values.itemsize, ROWS_A_STRIP: rows} | {int(tag): value for tag, value in options.items()}
    return tiff(page(blocks, tags), order=order)


def with_tags(tags: dict[int, Field], rows: int = HEIGHT) -> bytes:
    return grey(rows=rows, **{str(tag): value for tag, value in tags.items()})


def squeezed(values: np.ndarray, tags: dict[int, Field] | None = None) -> bytes:
    return tiff(page([zlib.compress(values.tobytes())], {COMPRESSION: DEFLATE} | (tags or {})))


def shows(radiograph: Radiograph, expected: np.ndarray, within: float = 1e-6) -> bool:
    return radiograph.origin.format == "TIFF" and bool(np.abs(radiograph.pixels - expected).max() <= within)


# --- what is read ---------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("rows", [HEIGHT, 7])
def test_grey_in_either_byte_order_and_any_strips_is_read(order, bits, rows):
    radiograph = read(grey(ramp(bits), order, rows))
    assert shows(radiograph, ramp(bits) / (2**bits - 1))
    same = read(png(ramp(bits))).origin
    assert (radiograph.origin.bits, radiograph.origin.notes) == (same.bits, same.notes)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"])
@pytest.mark.parametrize("bits", [8, 16])
def test_losslessly_compressed_grey_is_read(compression, bits):
    content = saved(Image.fromarray(ramp(bits)), "TIFF", compression=compression)
    assert shows(read(content), ramp(bits) / (2**bits - 1))


def test_differences_between_neighbours_are_added_up():
    differences = np.diff(ramp(), axis=1, prepend=np.uint8(0)).astype(np.uint8)
    assert shows(read(squeezed(differences, {PREDICTOR: 2})), ramp() / 255)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_in_a_tiff_is_read(mode):
    content = saved(Image.fromarray(ramp()).convert("RGB").convert(mode), "TIFF", compression="jpeg")
    assert shows(read(content), ramp() / 255, within=0.02)


def test_twelve_bits_packed_by_a_scanner_are_read():
    words = ramp(12).reshape(-1, 2)
    high, middle, low = words[:, 0] >> 4, (words[:, 0] & 15) << 4 | words[:, 1] >> 8, words[:, 1] & 255
    packed = np.stack([high, middle, low], axis=1).astype(np.uint8).tobytes()
    for order in "<>":
        radiograph = read(tiff(page([packed], {BITS: 12}), order=order))
        assert shows(radiograph, ramp(12) / 4095)
        assert radiograph.origin.bits == 12


@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiles_and_big_tiffs_are_read(is_big, order):
    padded = np.pad(ramp(16), ((0, 28), (0, 8))).astype(np.dtype(np.uint16).newbyteorder(order))
    blocks = [padded[y : y + 64, x : x + 64].tobytes() for y in (0, 64) for x in (0, 64)]
    tags: dict[int, Field] = {BITS: 16, TILE_WIDTH: 64, TILE_HEIGHT: 64}
    assert shows(read(tiff(page(blocks, tags, is_tiled=True), order=order, is_big=is_big)), ramp(16) / 65535)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 16])
def test_white_stored_as_0_is_turned_air_dark_and_said(bits, order):
    radiograph = read(grey(ramp(bits), order, **{str(PHOTOMETRIC): 0}))
    assert shows(radiograph, 1 - ramp(bits) / (2**bits - 1))
    assert radiograph.origin.is_inverted
    assert len(radiograph.origin.notes) == 1 + len(read(png(ramp(bits))).origin.notes)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_read(bits):
    values = ramp() >> (8 - bits)
    in_a_byte = 8 // bits
    packed = sum(values[:, place::in_a_byte].astype(int) << (8 - bits * (place + 1)) for place in range(in_a_byte))
    content = tiff(page([np.asarray(packed, np.uint8).tobytes()], {BITS: bits}))
    assert shows(read(content), values / (2**bits - 1), within=0.003)


@pytest.mark.parametrize("planar", [1, 2])
def test_grey_in_three_channels_is_read(planar):
    channels = np.stack([ramp()] * 3, axis=2 if planar == 1 else 0)
    blocks = [channels.tobytes()] if planar == 1 else [channel.tobytes() for channel in channels]
    content = tiff(page(blocks, {BITS: [8] * 3, SAMPLES: 3, PHOTOMETRIC: 2, PLANAR: planar}))
    radiograph = read(content)
    assert shows(radiograph, ramp() / 255)
    assert radiograph.origin.colour == pytest.approx(0, abs=1e-6)


def test_sixteen_bits_in_three_channels_say_that_the_lower_ones_were_not_read():
    content = tiff(page([np.dstack([ramp(16)] * 3).tobytes()], {BITS: [16] * 3, SAMPLES: 3, PHOTOMETRIC: 2}))
    radiograph = read(content)
    assert shows(radiograph, ramp(16) / 65535, within=1 / 255)
    assert len(radiograph.origin.notes) == 1


@pytest.mark.parametrize("scale", [1, 257])
def test_a_palette_of_8_or_16_bits_is_read(scale):
    colours = [scale * (255 - level) for level in range(256)] * 3
    assert shows(read(with_tags({PHOTOMETRIC: 3, COLOUR_MAP: colours})), 1 - ramp() / 255)


def test_alpha_is_laid_on_black_and_other_channels_are_left_out_and_said():
    pixels = np.dstack([ramp(), np.zeros_like(ramp())])
    tags: dict[int, Field] = {BITS: [8, 8], SAMPLES: 2}
    alpha, other = (read(tiff(page([pixels.tobytes()], tags | {EXTRA: kind}))) for kind in (2, 0))
    assert alpha.pixels.max() == 0 and len(alpha.origin.notes) == 1
    assert shows(other, ramp() / 255) and len(other.origin.notes) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_turned_as_a_png_of_the_same_orientation(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    upright = read(saved(Image.fromarray(ramp()), exif=exif)).pixels
    assert np.array_equal(read(with_tags({ORIENTATION: orientation})).pixels, upright)


def test_byte_counts_that_programs_leave_out_or_get_wrong_do_not_matter_for_raw_pixels():
    for counts in (-1, 0, 17):
        assert shows(read(with_tags({STRIP_BYTES: counts})), ramp() / 255)


def test_a_tiff_that_does_not_say_what_0_means_is_read_with_a_note():
    radiograph = read(with_tags({PHOTOMETRIC: -1}))
    assert shows(radiograph, ramp() / 255)
    assert len(radiograph.origin.notes) == 1


# --- several pictures -----------------------------------------------------------------------------

FULL = page([ramp().tobytes()], {})
SMALL = page([bytes(50 * 60)], {WIDTH_TAG: 60, HEIGHT_TAG: 50, SUBFILE: 1})


@pytest.mark.parametrize("pages", [(FULL, SMALL), (SMALL, FULL), (FULL, SMALL, SMALL)])
def test_a_marked_preview_is_left_out_and_said(pages):
    radiograph = read(tiff(*pages))
    assert shows(radiograph, ramp() / 255)
    assert len(radiograph.origin.notes) == 1


def test_a_preview_is_known_by_its_size_too():
    large = np.repeat(np.repeat(ramp(), 5, axis=0), 5, axis=1)
    picture = page([large.tobytes()], {WIDTH_TAG: 5 * WIDTH, HEIGHT_TAG: 5 * HEIGHT})
    assert read(tiff(FULL, picture)).pixels.shape == large.shape


@pytest.mark.parametrize("pages", [(FULL, FULL), (SMALL, SMALL)])
def test_several_pictures_in_a_tiff_are_refused(pages):
    assert code_of(tiff(*pages)) == "several_pictures"


def test_a_chain_of_many_previews_is_refused():
    assert code_of(tiff(FULL, *[SMALL] * MAX_DIRECTORIES)) == "several_pictures"


def test_a_directory_that_follows_itself_ends_the_chain():
    content = bytearray(grey())
    (directory,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, directory)
    struct.pack_into("<I", content, directory + 2 + 12 * count, directory)
    assert shows(read(bytes(content)), ramp() / 255)


@pytest.mark.parametrize("tags", [{DNG: 1}, {SUBFILE: 1, SUB_DIRECTORIES: 8}])
def test_a_cameras_raw_photo_is_refused(tags):
    assert code_of(with_tags(tags)) == "unsupported"


# --- what is not read -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, np.uint32, np.int16])
def test_numbers_other_than_whole_ones_of_16_bits_are_refused(kind):
    sample_format = {"f": 3, "i": 2, "u": 1}[np.dtype(kind).kind]
    assert code_of(grey(ramp().astype(kind), **{str(FORMAT): sample_format})) == "unsupported"


@pytest.mark.parametrize("compression", [2, 3, 4, 6, 34712, 50000, 50001, 65000])
def test_other_compressions_are_refused(compression):
    assert code_of(with_tags({COMPRESSION: compression})) == "unsupported"


@pytest.mark.parametrize("photometric", [4, 6, 8, 32803, 65000])
def test_other_kinds_of_pixels_are_refused(photometric):
    content = tiff(page([bytes(3 * HEIGHT * WIDTH)], {BITS: [8] * 3, SAMPLES: 3, PHOTOMETRIC: photometric}))
    assert code_of(content) == "unsupported"


def test_kinds_that_pillow_does_not_know_are_refused_as_such():
    pixels = np.dstack([ramp(16)] * 2).tobytes()
    assert code_of(tiff(page([pixels], {BITS: [16, 16], SAMPLES: 2, EXTRA: 2}))) == "unsupported"


# --- files that are damaged, or made to do harm ---------------------------------------------------


@pytest.mark.parametrize("make", [grey, lambda: squeezed(ramp()), lambda: grey(rows=7)])
def test_a_tiff_cut_at_any_length_is_refused_as_cut_short(make):
    content = make()
    for length in np.linspace(9, len(content) - 1, 12).astype(int):
        assert refusal(content[:length]) == "scan is cut short and cannot be read. Please export or download it again."


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_fewer_data_than_pixels_are_refused(compression):
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    content = saved(Image.fromarray(noise), "TIFF", compression=compression)
    (directory,) = struct.unpack_from("<I", content, 4)
    changed = bytearray(content)
    for entry in range(directory + 2, directory + 2 + 12 * content[directory], 12):
        tag, _, _, value = struct.unpack_from("<2H2I", content, entry)
        if tag == STRIP_BYTES:
            struct.pack_into("<I", changed, entry + 8, value // 2)
    assert code_of(bytes(changed)) == "damaged"


HOSTILE: dict[str, bytes] = {
    "strips that overlap": with_tags({STRIPS: [8] * 10}, rows=10),
    "strips that overlap in part": with_tags({STRIPS: [8 + 1199 * i for i in range(10)]}, rows=10),
    "a strip in the header": with_tags({STRIPS: 0}),
    "a strip behind the end": with_tags({STRIPS: 2**32 - 1}),
    "too few strips": with_tags({ROWS_A_STRIP: 5}),
    "too many strips": with_tags({ROWS_A_STRIP: 60}, rows=10),
    "no rows in a strip": with_tags({ROWS_A_STRIP: 0}),
    "no strips": with_tags({STRIPS: -1}),
    "no palette": with_tags({PHOTOMETRIC: 3}),
    "tiles of no size": tiff(page([b""], {TILE_WIDTH: 0, TILE_HEIGHT: 16}, is_tiled=True)),
    "compressed without a count of bytes": squeezed(ramp(), {STRIP_BYTES: -1}),
    "a count of bytes behind the end": squeezed(ramp(), {STRIP_BYTES: 2**32 - 1}),
    "no directory": b"II*\0" + bytes(300),
    "a directory behind the end": b"MM\0*" + b"\xff" * 300,
    "a directory of 65,535 entries": b"II*\0" + struct.pack("<IH", 8, 65535) + bytes(12 * 65535 + 4),
    "noise for deflate": tiff(page([np.random.default_rng(1).bytes(5000)], {COMPRESSION: DEFLATE})),
    "noise for LZW": tiff(page([np.random.default_rng(1).bytes(5000)], {COMPRESSION: 5})),
    "noise for JPEG": tiff(page([np.random.default_rng(1).bytes(5000)], {COMPRESSION: 7})),
    "a JPEG larger than its strip": tiff(
        page([saved(Image.new("L", (WIDTH, 2000)), "JPEG")], {COMPRESSION: 7, ROWS_A_STRIP: HEIGHT})
    ),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_tiff_that_contradicts_itself_is_refused(content):
    assert code_of(content) == "damaged"


def test_a_count_that_overflows_is_refused_in_any_tag():
    content = grey()
    (directory,) = struct.unpack_from("<I", content, 4)
    for entry in range(directory + 2, directory + 2 + 12 * content[directory], 12):
        for count in (2**31, 2**32 - 1, 2**22):
            changed = bytearray(content)
            struct.pack_into("<I", changed, entry + 4, count)
            assert code_of(bytes(changed)) == "damaged"


@pytest.mark.parametrize(
    "tags",
    [
        {WIDTH_TAG: 2**31 - 1, HEIGHT_TAG: 2**31 - 1},
        {WIDTH_TAG: 30_000, HEIGHT_TAG: 30_000},
        {WIDTH_TAG: 5_000, HEIGHT_TAG: 10_001},
    ],
)
def test_a_tiff_of_too_many_pixels_is_refused_before_decoding(tags):
    assert code_of(with_tags(tags)) == "too_large"


def test_one_tile_far_larger_than_the_picture_is_refused():
    content = tiff(page([b"x"], {COMPRESSION: DEFLATE, TILE_WIDTH: 60_000, TILE_HEIGHT: 60_000}, is_tiled=True))
    assert code_of(content) == "unsupported"


def test_a_bomb_is_read_within_its_size_or_refused_in_time():
    started = time.monotonic()
    # 40 MiB of zeros for a picture of 12 kB.
    bomb = tiff(page([zlib.compress(bytes(40 * 2**20), 1)], {COMPRESSION: DEFLATE}))
    assert read(bomb).pixels.max() == 0
    assert time.monotonic() - started < 5


def test_changed_bytes_end_in_a_refusal_or_a_picture():
    random = np.random.default_rng(4)
    for content in (grey(rows=7), squeezed(ramp())):
        for _ in range(15):
            changed = bytearray(content)
            for place in random.integers(len(changed) - 200, len(changed), 2):
                changed[place] = random.integers(256)
            try:
                assert read_radiograph(bytes(changed), "scan").pixels.ndim == 2
            except UnreadableImageError as refused:
                assert refused.code
