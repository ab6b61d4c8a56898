"""One X-ray in the many ways that machines store it: each file shows the same grey, or says what was left aside.

The picture is a sample whose darkest and brightest 2 in 100 pixels are black and white. `CASES` are by kind: look-up
tables that declare other bits than they hold or another sign, padding, shutters, no window, unusable hints, bits that
do not count, polarity.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from pneumo_core.files.places import ROOT
from pneumo_core.film.radiograph import Radiograph, read_radiograph
from tests.film import literal
from tests.film.headers import plain, set_text, set_words, table_item, written

# What pydicom says of unusual values.
pytestmark = pytest.mark.filterwarnings("ignore")

Grey = NDArray[np.float64]
Whole = NDArray[np.int64]
# Entries of 8 bits are the coarsest of all.
MOST_DIFFERENCE = 0.01
MARGIN = 12
IMPLICIT, BIG = uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian


def reference() -> Grey:
    """Give the picture, float64 (104, 148) from 0 to 1."""
    sample = np.asarray(Image.open(ROOT / "samples" / "synthetic_02.png"), np.float64)[::4, ::4]
    low, high = np.quantile(sample, (0.02, 0.98))
    return np.clip((sample - low) / (high - low), 0, 1)


# The brightest pixel of an X-ray seldom is white, and its own range leaves room for that.
PICTURE = 0.965 * reference()


def levels(low: float = 0, high: float = 4095, picture: Grey = PICTURE) -> Whole:
    """Give the picture as whole numbers from low to high."""
    return np.rint(low + picture * (high - low)).astype(np.int64)


def film(stored: Whole | None = None, bits: int = 12, **elements: object) -> Dataset:
    """Give a CR of stored values: the picture in 12 bits by default."""
    return plain(levels() if stored is None else stored, bits, **elements)


def signed(stored: Whole, bits: int = 12, **elements: object) -> Dataset:
    return film(stored, bits, PixelRepresentation=1, **elements)


def with_texts(dataset: Dataset | None = None, **texts: str) -> Dataset:
    """Store texts where numbers belong; a backslash stands between several."""
    dataset = film() if dataset is None else dataset
    for keyword, text in texts.items():
        set_text(dataset, keyword, text)
    return dataset


def windowed(dataset: Dataset | None = None, center: str = "2048", width: str = "4096", **elements: object) -> Dataset:
    """Give a film whose window shows all of its 12 bits, unless told otherwise."""
    dataset = with_texts(dataset, WindowCenter=center, WindowWidth=width)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def with_tables(dataset: Dataset | None = None, *items: Dataset) -> Dataset:
    dataset = film() if dataset is None else dataset
    dataset.VOILUTSequence = [*items]
    return dataset


def rising(count: int, largest: int) -> Whole:
    """Give the entries of a table from 0 to the largest."""
    return np.rint(np.linspace(0, largest, count)).astype(np.int64)


def table_holding(held: int, declared: int, falling: bool = False, **elements: object) -> Dataset:
    """Give the picture in 736 to 2800, and a table of so many bits for it."""
    entries = rising(2065, 2**held - 1)
    return with_tables(
        film(levels(736, 2800), **elements), table_item(entries[::-1] if falling else entries, 736, declared)
    )


# --- padding and shutters -----------------------------------------------------------------------


def framed(around: int, stored: Whole | None = None) -> Whole:
    """Lay a border of one value around the picture."""
    return np.pad(levels() if stored is None else stored, MARGIN, constant_values=around)


def padded(stored: Whole, value: int, limit: int | None = None, vr: str = "US", bits: int = 12, **elements) -> Dataset:
    dataset = film(stored, bits, **elements)
    dataset.add_new("PixelPaddingValue", vr, value)
    if limit is not None:
        dataset.add_new("PixelPaddingRangeLimit", vr, limit)
    return dataset


ROWS, COLUMNS = np.mgrid[1 : PICTURE.shape[0] + 1, 1 : PICTURE.shape[1] + 1]
BLOCK = (abs(ROWS - 50) < 9) & (abs(COLUMNS - 80) < 20)
# A detector that was turned leaves four corners empty.
CORNERS = (ROWS + COLUMNS < 40) | (ROWS - COLUMNS > 70) | (COLUMNS - ROWS > 115) | (ROWS + COLUMNS > 220)
ALL_BUT_A_STRIP = ROWS > 60
# Rows and columns 3 to 101 and 4 to 140.
RECTANGLE = {
    "ShutterShape": "RECTANGULAR",
    "ShutterUpperHorizontalEdge": 3,
    "ShutterLowerHorizontalEdge": 101,
    "ShutterLeftVerticalEdge": 4,
    "ShutterRightVerticalEdge": 140,
}
CIRCLE = {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [52, 70], "RadiusOfCircularShutter": 60}
IN_CIRCLE = (ROWS - 52) ** 2 + (COLUMNS - 70) ** 2 <= 60**2
# A triangle whose corners lie outside of the image, with little of it inside.
SMALL_POLYGON = {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [-5, -5, -5, 400, 40, -5]}
BIG_POLYGON = {
    "ShutterShape": "POLYGONAL",
    "VerticesOfThePolygonalShutter": [0, 30, 0, 149, 105, 149, 105, 0, 30, 0],
}
IN_BIG_POLYGON = ROWS + COLUMNS >= 30


def hidden(mask: NDArray[np.bool_], value: int, picture: Whole | None = None) -> Whole:
    """Give the picture with one value where the mask is."""
    return np.where(mask, value, levels() if picture is None else picture)


def black(mask: NDArray[np.bool_]) -> Grey:
    return np.where(mask, 0, PICTURE)


# --- other forms --------------------------------------------------------------------------------


def png(stored: Whole) -> bytes:
    file = io.BytesIO()
    Image.fromarray(stored.astype(np.uint16)).save(file, "PNG")
    return file.getvalue()


def jpeg_2000(words: Whole, **elements: object) -> bytes:
    """Give a DICOM of a lossless JPEG 2000 stream of 16 bits, whose header says 12."""
    stream = io.BytesIO()
    Image.fromarray(words.astype(np.uint16)).save(stream, "JPEG2000", no_jp2=True)
    dataset = film(**elements)
    dataset.add_new("PixelData", "OB", encapsulate([stream.getvalue()]))
    return written(dataset, uid.JPEG2000Lossless)


def with_bits(extra: int, **elements: object) -> Dataset:
    """Give the picture with bits of a drawing above its 12, in every third pixel."""
    dataset = film(**elements)
    set_words(dataset, drawn_over(extra))
    return dataset


def drawn_over(extra: int) -> Whole:
    return levels() | np.where((ROWS + COLUMNS) % 3 == 0, extra, 0)


# Eight pixels, 5 in 10,000, are a small letter in a corner.
LETTER = (ROWS < 5) & (COLUMNS < 3)


# --- the cases ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One way to store the picture.

    Attributes:
        make: gives the data set, or the file.
        syntax: the transfer syntax of a data set's file.
        shows: what is to be seen.
        is_said: a note says that something is outside of the image, or what was left aside.
    """

    make: Callable[[], Dataset | bytes]
    syntax: uid.UID = uid.ExplicitVRLittleEndian
    shows: Grey | None = None
    is_said: bool = False


said = partial(Case, is_said=True)
CASES = {
    # F02: a table is as deep as its largest entry.
    "table of 12 bits": Case(lambda: table_holding(12, 12)),
    "table declares 16, holds 12": said(lambda: table_holding(12, 16)),
    "table declares 16, holds 11": said(lambda: table_holding(11, 16)),
    "table declares 16, holds 10": said(lambda: table_holding(10, 16)),
    "table declares 16, holds 8": said(lambda: table_holding(8, 16)),
    "table declares 12, holds 11": said(lambda: table_holding(11, 12)),
    "table declares 8, holds 12": said(lambda: table_holding(12, 8)),
    "falling table declares 16, holds 10": said(
        lambda: table_holding(10, 16, falling=True, PhotometricInterpretation="MONOCHROME1")
    ),
    "table of packed bytes": Case(
        lambda: with_tables(film(levels(736, 2800)), table_item(rising(2065, 255), 736, 8, form="packed"))
    ),
    "table of 65536 entries": Case(lambda: with_tables(film(levels(0, 65535), 16), table_item(rising(65536, 65535)))),
    # F21: the sign of a table's first value is that of the values.
    "unsigned values, first as SS": Case(
        lambda: with_tables(film(levels(40_000, 44_095), 16), table_item(rising(4096, 4095), 40_000, 12, "SS"))
    ),
    "unsigned values, first as SS, implicit": Case(
        lambda: with_tables(film(levels(40_000, 44_095), 16), table_item(rising(4096, 4095), 40_000, 12, "SS")),
        IMPLICIT,
    ),
    "unsigned values, first as US, big endian": Case(
        lambda: with_tables(film(levels(40_000, 44_095), 16), table_item(rising(4096, 4095), 40_000, 12, "US")), BIG
    ),
    "signed values, first as US": Case(
        lambda: with_tables(signed(levels(-2048, 2047)), table_item(rising(4096, 4095), -2048, 12, "US"))
    ),
    "signed values, first as SS, implicit": Case(
        lambda: with_tables(signed(levels(-2048, 2047)), table_item(rising(4096, 4095), -2048, 12, "SS")), IMPLICIT
    ),
    "unsigned values that an intercept moves below zero": Case(
        lambda: with_tables(
            film(RescaleSlope="1", RescaleIntercept="-1024"), table_item(rising(4096, 4095), -1024, 12, "US")
        )
    ),
    "40000 entries, as SS": Case(
        lambda: with_tables(signed(levels(-20_000, 19_999), 16), table_item(rising(40_000, 4095), -20_000, 12, "SS"))
    ),
    "modality table of signed values, first as US": Case(
        lambda: signed(levels(-2048, 2047), ModalityLUTSequence=[table_item(rising(4096, 65535), -2048, 16, "US")])
    ),
    # F03: padding is outside of the image.
    "padding 0, inverted": said(lambda: padded(framed(0, levels(4095, 1)), 0, PhotometricInterpretation="MONOCHROME1")),
    "padding 65535 of 16 bits": said(lambda: padded(framed(65535), 65535, bits=16)),
    "padding 4095 of 12 bits": said(lambda: padded(framed(4095, levels(0, 4000)), 4095)),
    "padding 4095, with a window": said(
        lambda: windowed(padded(framed(4095, levels(0, 4000)), 4095), "2000.5", "4001")
    ),
    "padding 4095, inverted, with a window": said(
        lambda: windowed(
            padded(framed(4095, levels(4000, 0)), 4095, PhotometricInterpretation="MONOCHROME1"), "2000.5", "4001"
        )
    ),
    "padding below zero": said(
        lambda: padded(framed(-32768, levels(-1000, 1000)), -32768, vr="SS", bits=16, PixelRepresentation=1)
    ),
    "padding below zero as US": said(
        lambda: padded(framed(-2048, levels(-1000, 1000)), 63_488, vr="US", PixelRepresentation=1)
    ),
    "padding 65535 as SS": said(lambda: padded(framed(65535), -1, vr="SS", bits=16), IMPLICIT),
    "padding from 4090 to 4095": said(
        lambda: padded(framed(4095, hidden(ROWS < 4, 4091, levels(0, 4000))), 4090, 4095),
        shows=PICTURE[3:],
    ),
    "padding from 4095 down to 4090": said(
        lambda: padded(framed(4095, hidden(ROWS < 4, 4091, levels(0, 4000))), 4095, 4090),
        shows=PICTURE[3:],
    ),
    "padding, left-aligned": said(lambda: padded(framed(4095, levels(0, 4000)), 4095, HighBit=15)),
    "padding in the middle": said(lambda: padded(hidden(BLOCK, 4095, levels(0, 4000)), 4095), shows=black(BLOCK)),
    "padding in the middle, inverted": said(
        lambda: padded(hidden(BLOCK, 0, levels(4095, 50)), 0, PhotometricInterpretation="MONOCHROME1"),
        shows=black(BLOCK),
    ),
    "padding of four corners": said(lambda: padded(hidden(CORNERS, 4095, levels(0, 3000)), 4095), shows=black(CORNERS)),
    "padding that is nowhere": Case(lambda: padded(levels(0, 4000), 4095)),
    "padding of all": said(lambda: windowed(padded(levels(), 0, 4095))),
    "padding that leaves too little": said(
        lambda: windowed(padded(hidden(ALL_BUT_A_STRIP, 0, levels(1, 4095)), 0)), shows=black(ALL_BUT_A_STRIP)
    ),
    # Shutters are as good as padding.
    "rectangular shutter": said(lambda: windowed(film(**RECTANGLE)), shows=PICTURE[2:101, 3:140]),
    "rectangular shutter, inverted": said(
        lambda: windowed(film(levels(4095, 0), PhotometricInterpretation="MONOCHROME1", **RECTANGLE)),
        shows=PICTURE[2:101, 3:140],
    ),
    "rectangular shutter before what is white": said(
        lambda: film(hidden(ROWS < 3, 4095, levels(0, 1500)), **RECTANGLE), shows=PICTURE[2:101, 3:140]
    ),
    "circular shutter": said(lambda: windowed(film(**CIRCLE)), shows=black(~IN_CIRCLE)[:, 10:129]),
    "circular shutter, inverted": said(
        lambda: windowed(film(levels(4095, 0), PhotometricInterpretation="MONOCHROME1", **CIRCLE)),
        shows=black(~IN_CIRCLE)[:, 10:129],
    ),
    "polygonal shutter": said(lambda: windowed(film(**BIG_POLYGON)), shows=black(~IN_BIG_POLYGON)),
    "polygonal shutter that leaves too little": said(lambda: windowed(film(**SMALL_POLYGON))),
    "two shutters": said(
        lambda: windowed(film(**(CIRCLE | RECTANGLE | {"ShutterShape": ["CIRCULAR", "RECTANGULAR"]}))),
        shows=black(~IN_CIRCLE)[2:101, 10:129],
    ),
    "shutter and padding": said(
        lambda: windowed(padded(hidden(BLOCK, 0, levels(1, 4095)), 0, **RECTANGLE)), shows=black(BLOCK)[2:101, 3:140]
    ),
    # F04: without a window, the image's own range.
    "0 to 1500 of 4095": Case(lambda: film(levels(0, 1500))),
    "0 to 1500 with its window": Case(lambda: windowed(film(levels(0, 1500)), "750.5", "1501")),
    "1500 to 0, inverted": Case(lambda: film(levels(1500, 0), PhotometricInterpretation="MONOCHROME1")),
    "11 bits in 16": Case(lambda: film(levels(0, 2047), 16)),
    "10 bits in 16, big endian": Case(lambda: film(levels(0, 1023), 16), BIG),
    "12 bits signed in 16": Case(lambda: signed(levels(-2048, 2047), 16)),
    "3000 to 9000 of 14 bits, DX": Case(lambda: film(levels(3000, 9000), 14, modality="DX")),
    "a slope": Case(lambda: film(levels(100, 3000), RescaleSlope="0.25", RescaleIntercept="-100")),
    "signed, with an intercept": Case(lambda: signed(levels(-2048, 2047), RescaleSlope="1", RescaleIntercept="1024")),
    "a slope below zero": Case(lambda: film(levels(3000, 100), RescaleSlope="-0.001", RescaleIntercept="4")),
    "a letter of 65535 over 12 bits in 16": Case(
        lambda: film(hidden(LETTER, 65535), 16), shows=np.where(LETTER, 1, PICTURE)
    ),
    "a letter of 4095 over 0 to 1500": Case(
        lambda: film(hidden(LETTER, 4095, levels(0, 1500))), shows=np.where(LETTER, 1, PICTURE)
    ),
    "a letter of 0 over 3000 to 9000": Case(
        lambda: film(hidden(LETTER, 0, levels(3000, 9000)), 14), shows=np.where(LETTER, 0, PICTURE)
    ),
    "8 bits show all that they may hold": Case(
        lambda: film(levels(50, 200), 8), shows=levels(50, 200).astype(np.float64) / 255
    ),
    "8 bits signed": Case(lambda: signed(levels(-128, 127), 8)),
    "PNG of 11 bits": Case(lambda: png(levels(0, 2047))),
    "PNG of 0 to 1500": Case(lambda: png(levels(0, 1500))),
    "PNG of 16 bits": Case(lambda: png(levels(0, 65535))),
    "a letter of 65535 in a PNG of 12 bits": Case(
        lambda: png(hidden(LETTER, 65535)), shows=np.where(LETTER, 1, PICTURE)
    ),
    # F08: one bad hint does not stand in the way of a good one, or of the image's own range.
    "window of words": said(lambda: windowed(None, "AUTO", "AUTO")),
    "window of words and a good one": said(lambda: windowed(film(levels(0, 1500)), "AUTO\\750.5", "AUTO\\1501")),
    "width of words": said(lambda: windowed(None, "2048", "WIDE")),
    "window with a decimal comma": said(lambda: windowed(None, "2048,0", "4096,0")),
    "window of no width": said(lambda: windowed(None, "2048", "0")),
    "window far away": said(lambda: windowed(None, "40000", "400")),
    "window far away and a good one": said(lambda: windowed(film(levels(0, 1500)), "-40000\\750.5", "400\\1501")),
    "window that clips and a good one": said(lambda: windowed(film(levels(0, 1500)), "20\\750.5", "40\\1501")),
    "two good windows": Case(lambda: windowed(None, "2048\\750.5", "4096\\1501")),
    "a good table and a good window": Case(lambda: windowed(table_holding(12, 12), "1768.5", "900")),
    "empty window": Case(lambda: windowed(None, "", "")),
    "centre without a width": said(lambda: with_texts(WindowCenter="2048")),
    "table shorter than it says, and a window": said(
        lambda: windowed(with_tables(None, cut(table_item(rising(4096, 4095), 0, 12))))
    ),
    "table without data, and a window": said(lambda: windowed(with_tables(None, described(0, 0, 12)))),
    "empty item, and a window": said(lambda: windowed(with_tables(None, Dataset()))),
    "empty item, and a good table": said(
        lambda: with_tables(film(levels(0, 1500)), Dataset(), table_item(rising(1501, 4095), 0, 12))
    ),
    "short table, and a good one": said(
        lambda: with_tables(
            film(levels(0, 1500)), cut(table_item(rising(4096, 4095), 0, 12)), table_item(rising(1501, 4095), 0, 12)
        )
    ),
    "level table, and a window": said(lambda: windowed(with_tables(None, table_item(np.full(4096, 4095), 0, 12)))),
    "no items, and a window": Case(lambda: windowed(with_tables())),
    "slope with a decimal comma": said(lambda: windowed(with_texts(RescaleSlope="1,0", RescaleIntercept="0,0"))),
    "slope of words": said(lambda: windowed(with_texts(RescaleSlope="NONE", RescaleIntercept="0"))),
    "slope of zero": said(lambda: windowed(with_texts(RescaleSlope="0", RescaleIntercept="0"))),
    # F14: bits above those that count are no grey.
    "bit 15 set": Case(lambda: with_bits(0x8000)),
    "bits 12 and 13 set, inverted": Case(lambda: inverted_with_bits(0x3000)),
    "bit 15 set, run lengths": Case(lambda: with_bits(0x8000), uid.RLELossless),
    "bit 15 set, JPEG 2000": Case(lambda: jpeg_2000(drawn_over(0x8000))),
    "bits 12 and 14 set, JPEG 2000": Case(lambda: jpeg_2000(drawn_over(0x5000))),
    "left-aligned": Case(lambda: film(HighBit=15)),
    "left-aligned, below a drawing": Case(lambda: left_aligned_with_bits(0x0005)),
    # Polarity is the photometric interpretation's.
    "inverted": Case(lambda: film(levels(4095, 0), PhotometricInterpretation="MONOCHROME1")),
    "inverted, said twice": Case(
        lambda: film(levels(4095, 0), PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    ),
    "inverted, denied": Case(
        lambda: film(levels(4095, 0), PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="IDENTITY"),
    ),
    "not inverted, denied by a CR": said(lambda: film(PresentationLUTShape="INVERSE")),
    "not inverted, denied by a DX": said(lambda: film(modality="DX", PresentationLUTShape="INVERSE")),
    "inverted and signed": Case(lambda: signed(levels(2047, -2048), PhotometricInterpretation="MONOCHROME1")),
    "inverted after a falling slope": Case(
        lambda: windowed(film(PhotometricInterpretation="MONOCHROME1", RescaleSlope="-1", RescaleIntercept="4095"))
    ),
}


def cut(item: Dataset) -> Dataset:
    """Let a table claim 65536 entries."""
    item.LUTDescriptor = [0, *item.LUTDescriptor[1:]]
    return item


def described(*descriptor: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [*descriptor])
    return item


def inverted_with_bits(extra: int) -> Dataset:
    dataset = with_bits(extra, PhotometricInterpretation="MONOCHROME1")
    set_words(dataset, (4095 - levels()) | (drawn_over(extra) & ~0xFFF))
    return dataset


def left_aligned_with_bits(extra: int) -> Dataset:
    dataset = film(HighBit=15)
    set_words(dataset, levels() << 4 | extra)
    return dataset


def read(made: Dataset | bytes, syntax: uid.UID = uid.ExplicitVRLittleEndian) -> Radiograph:
    return read_radiograph(written(made, syntax) if isinstance(made, Dataset) else made)


@pytest.fixture(scope="module")
def usual_notes() -> frozenset[str]:
    """Give what is said of files whose headers are in order."""
    return frozenset(note for made in (film(), windowed()) for note in read(made).origin.notes)


@pytest.mark.parametrize("name", CASES)
def test_each_way_to_store_a_picture_shows_the_same_grey(name: str, usual_notes: frozenset[str]):
    case = CASES[name]
    radiograph = read(case.make(), case.syntax)
    np.testing.assert_allclose(
        radiograph.pixels, PICTURE if case.shows is None else case.shows, rtol=0, atol=MOST_DIFFERENCE
    )
    if case.is_said:
        assert {*radiograph.origin.notes} - usual_notes


@pytest.mark.parametrize("name", CASES)
def test_the_literal_reading_of_the_standard_shows_the_same_grey(name: str):
    made, shows = CASES[name].make(), CASES[name].shows
    # It decodes no stream, and a PNG has no header.
    if isinstance(made, Dataset):
        expected = PICTURE if shows is None else shows
        np.testing.assert_allclose(literal.shown(made).grey, expected, rtol=0, atol=MOST_DIFFERENCE)
