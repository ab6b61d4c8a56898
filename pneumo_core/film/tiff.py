"""Check a TIFF before Pillow and libtiff see it, and hand on only what was checked.

A TIFF is a web of offsets and counts, which can point anywhere, overlap, and promise more than there is. Pillow leaves
out or misreads what it does not know. So the directory of the one picture is read here, tag by tag. Then a new
directory is written that holds the checked tags alone.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise

from pneumo_core.errors import UnreadableImageError
from pneumo_core.film.jpeg import check_jpeg_is_whole
from pneumo_core.film.pixels import MAX_MEGAPIXELS, check_side_lengths

# The last two are BigTIFF, of files above 4 GiB; scanners write it for smaller ones too.
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# TIFF 6.0, section 2, and BigTIFF: the `struct` letter of each type that a needed tag can have.
_LETTERS = {1: "B", 3: "H", 4: "I", 7: "B", 13: "I", 16: "Q", 18: "Q"}
_SHORT, _LONG, _UNDEFINED = 3, 4, 7
# The needed tags: what a picture is, where its pixels lie, and what a pixel means.
_ABOUT = _SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, _ORIENTATION, _SUB_DIRECTORIES = 254, 255, 256, 257, 274, 330
_IN_STRIPS = _STRIPS, _ROWS_A_STRIP, _STRIP_BYTES = 273, 278, 279
_IN_TILES = _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 322, 323, 324, 325
_CODED = _BITS, _COMPRESSION, _FILL_ORDER, _PREDICTOR, _SAMPLE_FORMAT, _JPEG_TABLES = 258, 259, 266, 317, 339, 347
_COLOURED = _PHOTOMETRIC, _SAMPLES, _PLANAR, _COLOUR_MAP, _EXTRA_SAMPLES, _SUBSAMPLING = 262, 277, 284, 320, 338, 530
_DNG = 50706
_NEEDED = frozenset((*_ABOUT, *_IN_STRIPS, *_IN_TILES, *_CODED, *_COLOURED, _DNG))
_RAW, _JPEG = 1, 7
_PACKED = (5, 8, 32773, 32946)  # LZW, Deflate, PackBits, Deflate by its older number.
_OTHER_COMPRESSIONS = {2: "fax", 3: "fax", 4: "fax", 6: "an old way of JPEG", 34712: "JPEG 2000"}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
# How many samples each kind of pixel has.
_OWN_SAMPLES = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3}
# Real files have fewer than a hundred entries, and at most a few strips for each row.
MAX_DIRECTORIES, _MAX_ENTRIES, _MAX_VALUES = 100, 1000, 2**21
# A picture of at most this size beside one of four times its size is a preview.
_PREVIEW_SIDE, _PREVIEW_TIMES = 256, 4

Tags = dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class CheckedTiff:
    """A TIFF that holds one picture, and nothing that was not checked.

    Attributes:
        content: the file for Pillow. Grey is BlackIsZero in it, and it has no orientation.
        orientation: as EXIF counts it.
        bits: stored for each sample.
        is_white_zero: 0 stands for white, so that the grey must be inverted.
        notes: whole sentences about decisions on the way.
    """

    content: bytes
    orientation: int
    bits: int
    is_white_zero: bool
    notes: tuple[str, ...]


def unsupported(found: str) -> UnreadableImageError:
    """Give the refusal of a TIFF that is whole, but of a kind that is not read."""
    return UnreadableImageError(
        f"is a TIFF {found}, which is not read. Please save it with 8 or 16 bits in grey, without compression.",
        code="unsupported",
    )


def checked_tiff(content: bytes) -> CheckedTiff:
    """Find the picture of a TIFF, and check all that decoding it relies on.

    Raises:
        UnreadableImageError: several pictures, a forbidden size, or a kind of TIFF that is not read.
        EOFError: the file is cut short.
        ValueError: the file contradicts itself.
    """
    order = "<" if content.startswith(b"II") else ">"
    notes: list[str] = []
    tags = _picture_tags(_directories(content, order), notes)
    height, width = _one(tags, _HEIGHT, 0), _one(tags, _WIDTH, 0)
    check_side_lengths(height, width)
    fields = _checked_pixel_tags(tags, notes)
    bits = fields[_BITS][0]
    _add_places(fields, tags, content)
    # Up to 12 bits the order of bytes does not matter, and Pillow reads 12 bits as "II" alone.
    content = _with_directory(content, order if bits == 16 else "<", fields)
    is_white_zero = _one(tags, _PHOTOMETRIC, _BLACK_IS_ZERO) == _WHITE_IS_ZERO
    if is_white_zero:
        notes.append("The TIFF stores white as 0, so its grey was inverted on reading.")
    return CheckedTiff(content, _one(tags, _ORIENTATION, 1), bits, is_white_zero, tuple(notes))


def _one(tags: Tags, tag: int, default: int) -> int:
    return tags[tag][0] if tags.get(tag) else default


def _directories(content: bytes, order: str) -> list[Tags]:
    """Read the chain of directories, one for each picture of the file."""
    is_big = content[2:4] in (b"+\0", b"\0+")
    (place,) = _unpacked(content, order + "Q", 8) if is_big else _unpacked(content, order + "I", 4)
    found: list[Tags] = []
    seen: set[int] = set()
    # A directory that follows itself ends the chain, as in all readers.
    while place and place not in seen:
        if len(found) == MAX_DIRECTORIES:
            raise _several()
        seen.add(place)
        tags, place = _directory(content, order, place, is_big=is_big)
        found.append(tags)
    return found


def _several() -> UnreadableImageError:
    return UnreadableImageError("holds several pictures. Please upload a single X-ray.", code="several_pictures")


def _directory(content: bytes, order: str, place: int, *, is_big: bool) -> tuple[Tags, int]:
    """Read one directory's needed tags; give them, and where the next directory is."""
    tags: Tags = {}
    counted, entry, room = ("Q", "HHQ", 8) if is_big else ("H", "HHI", 4)
    (count,) = _unpacked(content, order + counted, place)
    place += struct.calcsize(order + counted)
    size = struct.calcsize(order + entry)
    if count > _MAX_ENTRIES:
        raise ValueError("a directory too long")
    for _ in range(count):
        tag, kind, values = _unpacked(content, order + entry, place)
        if tag in _NEEDED and tag not in tags and kind in _LETTERS:
            if values > _MAX_VALUES:
                raise ValueError("a tag of too many values")
            form, at = f"{order}{values}{_LETTERS[kind]}", place + size
            # More values than fit in the entry are elsewhere, and the entry says where.
            if struct.calcsize(form) > room:
                (at,) = _unpacked(content, order + ("Q" if is_big else "I"), at)
            tags[tag] = _unpacked(content, form, at)
        place += size + room
    (following,) = _unpacked(content, order + ("Q" if is_big else "I"), place)
    return tags, following


def _unpacked(content: bytes, form: str, place: int) -> tuple[int, ...]:
    if place + struct.calcsize(form) > len(content):
        raise EOFError("truncated directory")
    return struct.unpack_from(form, content, place)


def _picture_tags(directories: list[Tags], notes: list[str]) -> Tags:
    """Choose the one picture; smaller copies of it and masks are left out."""
    full = [tags for tags in directories if not _is_marked_smaller(tags)]
    longest = max((_long_side(tags) for tags in full), default=0)
    full = [tags for tags in full if not _long_side(tags) <= min(_PREVIEW_SIDE, longest // _PREVIEW_TIMES)]
    if len(full) > 1 or (not full and len(directories) > 1):
        raise _several()
    if not directories:
        raise ValueError("no directory")
    tags = full[0] if full else directories[0]
    # Raw photos of cameras keep a preview in front, and the photo behind it.
    if _DNG in tags or (not full and _SUB_DIRECTORIES in tags):
        raise unsupported("of a camera's raw photo")
    if len(directories) > 1 or _SUB_DIRECTORIES in tags:
        notes.append("The TIFF also holds smaller copies of its picture. They were left out.")
    return tags


def _is_marked_smaller(tags: Tags) -> bool:
    # TIFF 6.0, NewSubfileType: bit 0 is a copy of lower resolution, bit 2 a mask. SubfileType 2 is a smaller copy.
    return bool(_one(tags, _SUBFILE, 0) & 0b101) or _one(tags, _OLD_SUBFILE, 1) == 2


def _long_side(tags: Tags) -> int:
    return max(_one(tags, _HEIGHT, 0), _one(tags, _WIDTH, 0))


def _checked_pixel_tags(tags: Tags, notes: list[str]) -> Tags:
    """Give the tags that say what a pixel is, without contradictions; refuse what would be misread."""
    compression = _one(tags, _COMPRESSION, _RAW)
    if compression not in (_RAW, _JPEG, *_PACKED):
        raise unsupported(f"compressed as {_OTHER_COMPRESSIONS.get(compression, 'few programs do')}")
    formats = set(tags.get(_SAMPLE_FORMAT, (1,)))
    # 4 means that the format is not said.
    if not formats <= {1, 4}:
        raise unsupported("of signed numbers" if formats == {2} else "of fractions (floating point)")
    samples = _one(tags, _SAMPLES, 1)
    depths = tags.get(_BITS, (1,))
    bits = depths[0] if depths else 1
    if bits not in (1, 2, 4, 8, 12, 16) or set(depths) != {bits}:
        raise unsupported(f"of {max(depths, default=1)} bits for each value")
    if _PHOTOMETRIC not in tags:
        notes.append("The TIFF does not say what its values mean. 0 was read as black.")
    photometric = _one(tags, _PHOTOMETRIC, _BLACK_IS_ZERO if samples < 3 else _RGB)
    own = _OWN_SAMPLES.get(photometric, 0)
    is_jpeg = compression == _JPEG
    if not own or samples < own or (photometric == _YCBCR and not is_jpeg):
        raise unsupported("in a space of colours that few programs use")
    extra = (*tags.get(_EXTRA_SAMPLES, ()), *[0] * samples)[: samples - own]
    if is_jpeg and (bits != 8 or photometric == _PALETTE or samples == 2):
        raise unsupported("of an unusual JPEG compression")
    if extra and extra[0] not in (1, 2):
        notes.append("The TIFF has channels beside those of its picture. They were left out.")
    is_planar = samples > 1 and _one(tags, _PLANAR, 1) == 2
    if is_planar and (bits != 8 or extra or is_jpeg):
        raise unsupported("whose colours lie apart")
    colours = tags.get(_COLOUR_MAP, ())
    if photometric == _PALETTE:
        if len(colours) < 3 * 2**bits:
            raise ValueError("a palette too short")
        # Some programs write 8 bits where 16 are meant.
        colours = tuple(257 * colour for colour in colours) if max(colours) < 256 else colours
    fields: Tags = {
        _WIDTH: tags[_WIDTH],
        _HEIGHT: tags[_HEIGHT],
        _BITS: (bits,) * samples,
        _COMPRESSION: (compression,),
        _PHOTOMETRIC: (_BLACK_IS_ZERO if photometric == _WHITE_IS_ZERO else photometric,),
        _SAMPLES: (samples,),
        _PLANAR: (2 if is_planar else 1,),
        _FILL_ORDER: (_one(tags, _FILL_ORDER, 1),),
        _PREDICTOR: (_one(tags, _PREDICTOR, 1),),
        _EXTRA_SAMPLES: extra,
        _COLOUR_MAP: colours if photometric == _PALETTE else (),
        _JPEG_TABLES: tags.get(_JPEG_TABLES, ()) if is_jpeg else (),
        _SUBSAMPLING: tags.get(_SUBSAMPLING, ()) if photometric == _YCBCR else (),
    }
    return {tag: values for tag, values in fields.items() if values}


def _add_places(fields: Tags, tags: Tags, content: bytes) -> None:
    """Add where the pixels lie, once it is sure that they are all there, each once."""
    height, width = fields[_HEIGHT][0], fields[_WIDTH][0]
    planes = fields[_SAMPLES][0] if fields[_PLANAR][0] == 2 else 1
    is_tiled = _TILES in tags
    if is_tiled:
        block_height, block_width = _one(tags, _TILE_HEIGHT, 0), _one(tags, _TILE_WIDTH, 0)
        places, sizes = tags[_TILES], tags.get(_TILE_BYTES, ())
    else:
        block_height, block_width = min(_one(tags, _ROWS_A_STRIP, height), height), width
        places, sizes = tags.get(_STRIPS, ()), tags.get(_STRIP_BYTES, ())
    if not block_height or not block_width:
        raise ValueError("blocks without size")
    down, across = -(-height // block_height), -(-width // block_width)
    if down * block_height * across * block_width > 2 * MAX_MEGAPIXELS * 1_000_000:
        raise unsupported("of far larger tiles than its picture")
    if len(places) != down * across * planes:
        raise ValueError("another number of blocks than the picture has")
    row_bytes = -(-block_width * fields[_BITS][0] * (fields[_SAMPLES][0] // planes) // 8)
    if fields[_COMPRESSION][0] == _RAW:
        # Programs get these counts wrong, and for raw pixels they are known.
        rows = [block_height] * len(places)
        if not is_tiled:
            rows = [min(block_height, height - top) for top in range(0, height, block_height)] * planes
        sizes = tuple(count * row_bytes for count in rows)
    elif len(sizes) < len(places):
        raise ValueError("blocks without a count of bytes")
    spans = sorted(zip(places, sizes, strict=False))
    if spans[0][0] < 8 or any(place + size > following for (place, size), (following, _) in pairwise(spans)):
        raise ValueError("blocks that overlap")
    if sum(spans[-1]) > len(content):
        raise EOFError("truncated blocks")
    if fields[_COMPRESSION][0] == _JPEG:
        # Each block is a JPEG that may lack its tables.
        tables = bytes(fields.get(_JPEG_TABLES, b"\xff\xd8\xff\xd9"))[:-2]
        for place, size in spans:
            check_jpeg_is_whole(tables + content[place + 2 : place + size], largest=(block_width, block_height))
    if is_tiled:
        fields |= {_TILE_WIDTH: (block_width,), _TILE_HEIGHT: (block_height,), _TILES: places, _TILE_BYTES: sizes}
    else:
        fields |= {_ROWS_A_STRIP: (block_height,), _STRIPS: places, _STRIP_BYTES: sizes[: len(places)]}


def _with_directory(content: bytes, order: str, fields: Tags) -> bytes:
    """Give the file a new directory behind its end, which holds these fields alone."""
    long_tags = (_WIDTH, _HEIGHT, _STRIPS, _STRIP_BYTES, _ROWS_A_STRIP, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES)
    start = len(content) + len(content) % 2
    # The values lie behind the directory: its count, its entries, and the place of the next one, which is none.
    place = start + 2 + 12 * len(fields) + 4
    entries, values_apart = b"", b""
    for tag, values in sorted(fields.items()):
        kind = _LONG if tag in long_tags else _UNDEFINED if tag == _JPEG_TABLES else _SHORT
        packed = struct.pack(f"{order}{len(values)}{_LETTERS[kind]}", *values)
        if len(packed) > 4:
            at = place + len(values_apart)
            values_apart += packed + bytes(len(packed) % 2)
            packed = struct.pack(order + "I", at)
        entries += struct.pack(order + "2HI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    directory = struct.pack(order + "H", len(fields)) + entries + bytes(4)
    return b"".join((header, content[8:], bytes(len(content) % 2), directory, values_apart))
