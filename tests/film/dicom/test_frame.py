"""The frame of a DICOM: its words and bits, in every transfer syntax, wherever the values lie in the words."""

import struct
import zlib
from base64 import b85decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread, uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended, fragment_frame, itemize_fragment
from pydicom.filebase import DicomBytesIO

from pneumo_core.film.dicom.frame import Frame, decode, inflated
from tests.film.headers import draw
from tests.film.literal import stored_values
from tests.film.test_radiograph import code_of, dicom, encapsulated, gdcm_dicom, ramp, read, saved, written

pytestmark = pytest.mark.filterwarnings("ignore")

ENCAPSULATED, DEFLATED_FRAME = uid.UID("1.2.840.10008.1.2.1.98"), uid.UID("1.2.840.10008.1.2.8.1")
GREY, SIGNED = ramp(12), ramp(12).astype(np.int16) - 2048
ROW, COLUMN = np.indices((96, 96))
# 12 values of 12 bits in 12 blocks.
BLOCKS = (ROW // 32 * 1300 + COLUMN // 24 * 400).astype(np.uint16)
# What no installed library writes: the blocks by OpenJPH 0.26.3, by libjpeg-turbo 3.1.3 with 12 bits and, divided by
# 256, without loss with 4 bits.
HTJ2K = (
    "c-s5#|38pH(}4j95}+6cQ2C7fjEw&S7&sW1fE=#>K@2=V79#^I3yTBe{}={gg^meGprfPXe+q**1EYUIYMxhsheB9tk%EDqk(r*c-v0><Tp$"
    "x!f%^YXKER;6;5L))pVa^6A1{Bk{__00PTBXL8s29)8Gc(Z9AFTe!oZl-u)qG~i6dQqecj$LG2KyUsGY%}8*}YYs&0&$SD?#JhK1Z`k{K&@0"
    "+ox$GBCsj7|ryUGCe(4S18xa$Y{}`%F1iklrE+zD=TZwf(o-rSuJ*V;^JTk+QYC^XX%t6FHP3NK?XWVgfoxf5dmi&)-^9I3{PoF99SL$GJlH"
    "$gZO%e+2(ienC0(!_srKkZ}#lGyxHcvcjo5pg5Y~^o^9Lt5`rr?&%XU^85Ez*gD6JQ@V7ysBIob|G~A}*V^GzTIFHfx?aJlzs$Ri}D?#46TM"
    "<OntzduKuUBBi%B9nyvJk}IFQ2Y$UGr!Pf8D77+uxcF-(uHhM;_IX`#WVp^|zqLHyfFN-nmu4!20#V!Gi*9?9LK0Jc$JcJU#=A&m8<;5i|G7"
    "clDjtE8qDSl?UIM_vGF3owg_M`WIDC-Zk&ZclA=+lkfaqRZqTyqHGQuzjuRNk2quVrBaryYu9eOm9-iN;lRi$5`dG)ijL0RdNm9O(a6N5v7i"
    "AL@#la3;-+g`*Jeju+uQ{X_wR3(GT+~X5)Dy61?eK-Xn23qi+z78Qmn8XV9?+5fI<Auf&M`TJ{$h8e`@I$Jca6ng@hg(cVkmAoABI>MV)H1$"
    "Rn&Sx(NH4kVX9cU+@2*4qDWqL>F4@p+{x}q;N!uL$oMGkKw&+|8D{S+fG`C"
)
JPEG_12 = (
    "c-s4a<NpH&0WUXCHwH#V1_nkTWcYuZ!I^=H5d=Ua69}*{gGg2u7G@SURyH;;X6NJpVs<t*4sH%kE)W2+c(}QEK%D;v8Mt{E5*QK~83h^sA7P"
    "MS02|1F1h{!Q`G7Ja0w|&&@c$MA2S}|w!{`4D4>mFAG;k|0oBR=TV4c92!jLw<=>!8vkmvG;NCvRrO$I1qRvotj6G+zB|6mGOkS+5ENIOvQO"
    "#_s1)*ft5B!lE~48!aH-vj`k>o$Y"
)
LOSSLESS_4 = (
    "c-s4a<NpH&0WUXCHwH#V1_nkTWcYuWft!UPfgypBQIO&P5e5mM6eCC$0T`K>S^nQ*;9vx6_}sw2uz-QVgn@yn0W3Yr8C;xK5b6R00~c6klry"
    "+E%qt+20|SEwSZb6rxH$a(Zvp@!!*we"
)


def unpacked(text: str) -> bytes:
    return zlib.decompress(b85decode(text))


def jpeg_2000(values: np.ndarray) -> bytes:
    """A lossless stream whose precision is the whole word."""
    return saved(Image.fromarray(values), "JPEG2000", no_jp2=True)


def with_open_tile(stream: bytes) -> bytes:
    """The stream of one tile, which leaves its length open."""
    place = stream.index(b"\xff\x90\0\x0a") + 6
    return stream[:place] + bytes(4) + stream[place + 4 :]


def cut_and_closed(stream: bytes, part: float) -> bytes:
    return stream[: int(part * len(stream))].rstrip(b"\xff") + b"\xff\xd9"


def compressed(values: np.ndarray, name: str, folder: Path) -> Dataset:
    return dcmread(DicomBytesIO(gdcm_dicom(values, name, folder)))


def values_of(frame: Frame) -> np.ndarray:
    """The low bits, as unsigned numbers."""
    return frame.words & (2**frame.bits - 1)


# --- where the values lie -------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless])
@pytest.mark.parametrize("high_bit", [11, 13, 15])
def test_values_are_read_wherever_they_lie_in_their_words(syntax, high_bit):
    # All that is above them may be set, all that is below is empty.
    raw = (GREY << (high_bit - 11)) | np.uint16(0xFFFF << (high_bit + 1) & 0xFFFF)
    dataset = dicom(raw, uid.ExplicitVRLittleEndian if syntax.is_compressed else syntax, HighBit=high_bit)
    if syntax.is_compressed:
        dataset.compress(syntax)
    frame = decode(written(dataset))
    assert (frame.words.dtype, frame.bits, frame.notes) == (np.uint16, 12, ())
    assert np.array_equal(values_of(frame), GREY)


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless])
def test_what_lies_above_the_values_is_given_as_it_is(syntax):
    # Padding values may be there.
    raw = GREY.copy()
    raw[:20] = 0xFFFF
    dataset = dicom(raw)
    if syntax.is_compressed:
        dataset.compress(syntax)
    assert np.array_equal(decode(written(dataset)).words, raw)


@pytest.mark.parametrize("high_bit", [11, 15])
def test_signed_values_are_in_twos_complement(high_bit):
    raw = (SIGNED.astype(np.int32) << (high_bit - 11)).astype(np.int16)
    frame = decode(written(dicom(raw, HighBit=high_bit)))
    assert np.array_equal(values_of(frame), SIGNED.view(np.uint16) & 0xFFF)


def test_values_that_lie_lower_than_their_high_bit_says_are_read_with_a_note():
    frame = decode(written(dicom(HighBit=15)))
    assert np.array_equal(values_of(frame), GREY)
    assert len(frame.notes) == 1


@pytest.mark.parametrize("layout", [{"HighBit": 7}, {"HighBit": 0}, {"BitsStored": 16, "HighBit": 11}])
def test_a_high_bit_too_low_for_its_values_is_read_with_a_note(layout):
    # They would begin below the word, so they can lie in its lowest bits only.
    radiograph = read(dicom(**layout, WindowCenter=2048, WindowWidth=4096))
    assert radiograph.pixels == pytest.approx(GREY / 4095, abs=1e-6)
    assert len(radiograph.origin.notes) == 1


def test_a_stream_of_whole_words_holds_values_where_the_header_says():
    left = encapsulated(jpeg_2000(GREY << 4), uid.JPEG2000Lossless, GREY, HighBit=15)
    assert np.array_equal(values_of(decode(left)), GREY)


def test_a_stream_of_the_values_alone_is_not_shifted():
    frame = decode(encapsulated(unpacked(JPEG_12), uid.JPEGExtended12Bit, BLOCKS, HighBit=15))
    assert np.abs(frame.words.astype(int) - BLOCKS).max() < 30
    assert frame.notes == ()


def test_a_stream_that_is_neither_words_nor_values_is_refused():
    layout = {"BitsStored": 10, "HighBit": 15}
    assert code_of(encapsulated(unpacked(JPEG_12), uid.JPEGExtended12Bit, BLOCKS, **layout)) == "header"


def test_an_overlay_in_a_stream_is_not_seen():
    raw = GREY.copy()
    raw[40:60, 40:60] |= 0x8000
    pixels = read(encapsulated(jpeg_2000(raw), uid.JPEG2000Lossless, raw)).pixels
    assert pixels == pytest.approx(GREY / 4095, abs=1e-6)


def test_random_headers_hold_the_values_that_a_literal_reading_finds():
    for seed in range(20):
        header = draw(seed)
        values = values_of(decode(inflated(header.content())[0])).astype(np.int64)
        bits = header.dataset.BitsStored
        signed = values - 2**bits * (values >> (bits - 1)) if header.dataset.PixelRepresentation else values
        assert np.array_equal(signed, stored_values(header.dataset)), header.facts


# --- what the stream knows better than the header -------------------------------------------------


@pytest.mark.parametrize(
    "name", ["JPEGLosslessProcess14_1", "JPEGLSLossless", "JPEG2000Lossless", "RLELossless", "JPEGLosslessProcess14"]
)
def test_signed_values_are_read_from_every_lossless_stream(name, tmp_path):
    assert read(gdcm_dicom(SIGNED, name, tmp_path)).pixels == pytest.approx(GREY / 4095, abs=1e-6)


@pytest.mark.parametrize(("lowest", "raised", "notes"), [(-2048, 2048, 1), (0, 0, 0)])
def test_a_signed_stream_under_an_unsigned_header_is_raised_where_it_goes_below_0(lowest, raised, notes, tmp_path):
    values = ramp(11).astype(np.int16) + np.int16(lowest)
    dataset = compressed(values, "JPEG2000Lossless", tmp_path)
    dataset.PixelRepresentation = 0
    frame = decode(written(dataset))
    assert np.array_equal(values_of(frame), values + raised)
    assert len(frame.notes) == notes


def test_a_stream_of_8_bits_under_a_header_of_12_fills_the_range():
    stream = saved(Image.fromarray(ramp()), "JPEG", quality=95)
    frame = decode(encapsulated(stream, uid.JPEGExtended12Bit, GREY))
    assert (frame.bits, frame.words.dtype) == (8, np.uint8)
    pixels = read(encapsulated(stream, uid.JPEGExtended12Bit, GREY, WindowCenter=128, WindowWidth=256)).pixels
    assert np.abs(pixels - ramp() / 255).max() < 0.03


def test_a_stream_of_more_bits_than_the_header_has_room_for_is_refused():
    assert code_of(encapsulated(jpeg_2000(GREY), uid.JPEG2000Lossless, ramp())) == "header"


@pytest.mark.parametrize("header", [ramp(), np.dstack([ramp()] * 3)])
def test_a_stream_of_other_samples_than_the_header_says_is_refused(header):
    picture = np.dstack([ramp()] * 3) if header.ndim == 2 else ramp()
    stream = saved(Image.fromarray(picture), "JPEG")
    assert code_of(encapsulated(stream, uid.JPEGBaseline8Bit, header)) == "header"


def test_4_bits_of_a_lossless_stream_are_read():
    frame = decode(encapsulated(unpacked(LOSSLESS_4), uid.JPEGLosslessSV1, BLOCKS.astype(np.uint8), BitsStored=4))
    assert frame.bits == 4
    assert np.array_equal(values_of(frame), BLOCKS >> 8)


def test_what_the_frame_holds_is_read_whatever_the_header_calls_it(tmp_path):
    dataset = compressed(GREY, "JPEGLSLossless", tmp_path)
    dataset.file_meta.TransferSyntaxUID = uid.JPEGLosslessSV1
    plain = dicom()
    plain["PixelData"].is_undefined_length = False
    content = written(plain)
    native = content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0")
    streamed = written(dataset)
    for one in (streamed, native):
        frame = decode(one)
        assert np.array_equal(values_of(frame), GREY)
        assert len(frame.notes) == 1


# --- transfer syntaxes that pydicom leaves to others ----------------------------------------------


@pytest.mark.parametrize("syntax", [uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K])
def test_high_throughput_jpeg_2000_is_read(syntax):
    radiograph = read(encapsulated(unpacked(HTJ2K), syntax, BLOCKS))
    assert radiograph.pixels == pytest.approx(BLOCKS / 4095, abs=1e-6)
    assert radiograph.origin.transfer_syntax.startswith("High-Throughput JPEG 2000")


@pytest.mark.parametrize("syntax", [uid.JPEGExtended12Bit, uid.JPEGBaseline8Bit])
def test_a_jpeg_of_12_bits_is_read(syntax):
    frame = decode(encapsulated(unpacked(JPEG_12), syntax, BLOCKS))
    assert (frame.bits, len(frame.notes)) == (12, 0)
    assert np.abs(frame.words.astype(int) - BLOCKS).max() < 30


@pytest.mark.parametrize("padding", [b"", b"\0", bytes(3), b"\xff" * 5, b" " * 200])
@pytest.mark.parametrize("make", [lambda: jpeg_2000(BLOCKS), lambda: unpacked(HTJ2K)])
def test_an_open_tile_length_is_read_before_any_padding(make, padding):
    frame = decode(encapsulated(with_open_tile(make()) + padding, uid.JPEG2000Lossless, BLOCKS))
    assert np.array_equal(values_of(frame), BLOCKS)


@pytest.mark.parametrize(
    ("stream", "syntax"),
    [
        (unpacked(HTJ2K), uid.HTJ2K),
        (with_open_tile(unpacked(HTJ2K)), uid.HTJ2K),
        (with_open_tile(jpeg_2000(GREY[:96, :96])), uid.JPEG2000Lossless),
        (unpacked(JPEG_12), uid.JPEGExtended12Bit),
    ],
)
@pytest.mark.parametrize("part", [0.7, 0.9, 0.98])
def test_a_frame_cut_and_closed_again_is_refused(stream, syntax, part):
    assert code_of(encapsulated(cut_and_closed(stream, part), syntax, BLOCKS)) == "damaged"


@pytest.mark.parametrize("values", [GREY, ramp(), np.dstack([ramp()] * 3)], ids=["16 bits", "8 bits", "colour"])
@pytest.mark.parametrize("syntax", [ENCAPSULATED, DEFLATED_FRAME])
def test_uncompressed_and_deflated_frames_in_fragments_are_read(values, syntax):
    content = in_fragments(values, syntax)
    assert np.array_equal(decode(content).words, values)
    assert "1.2" not in decode(content).syntax


@pytest.mark.parametrize(("part", "code"), [(0.5, "damaged"), (3, "several_pictures")])
@pytest.mark.parametrize("syntax", [ENCAPSULATED, DEFLATED_FRAME])
def test_such_a_frame_of_another_length_is_refused(part, code, syntax):
    assert code_of(in_fragments(GREY, syntax, part)) == code


def test_a_frame_that_inflates_without_end_is_stopped():
    content = in_fragments(GREY, DEFLATED_FRAME, 4000)
    assert len(content) < 200_000
    assert code_of(content) == "several_pictures"


def in_fragments(values: np.ndarray, syntax: uid.UID, part: float = 1) -> bytes:
    """A DICOM with a part of the values, or so many times the values, in one fragment."""
    frame = values.astype(values.dtype.newbyteorder("<")).tobytes()
    frame = frame[: int(part * len(frame))] + bytes(max(0, int((part - 1) * len(frame))))
    if syntax == DEFLATED_FRAME:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        frame = packer.compress(frame) + packer.flush()
    dataset = dicom(values, uid.JPEG2000Lossless)
    dataset.PixelData = encapsulate([frame])
    content, old = written(dataset), uid.JPEG2000Lossless.encode()
    return content.replace(old, syntax.encode().ljust(len(old), b"\0"), 1)


# --- how a frame is laid into the file ------------------------------------------------------------


def item(content: bytes) -> bytes:
    return itemize_fragment(content + bytes(len(content) % 2))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("offsets", [None, [], [0], [0, 500, 1000]])
def test_fragments_are_joined_whatever_table_stands_before_them(count, offsets):
    stream = jpeg_2000(GREY)
    dataset = dicom(GREY, uid.JPEG2000Lossless)
    table = b"" if offsets is None else item(struct.pack(f"<{len(offsets)}I", *offsets))
    dataset.PixelData = table + b"".join(map(item, fragment_frame(stream, count)))
    assert np.array_equal(values_of(decode(written(dataset))), GREY)


def test_an_extended_table_of_offsets_is_read():
    dataset = dicom(GREY, uid.JPEG2000Lossless)
    pixel_data, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended(
        [jpeg_2000(GREY)]
    )
    dataset.PixelData = pixel_data
    assert np.array_equal(values_of(decode(written(dataset))), GREY)


def test_two_frames_without_a_table_are_refused():
    dataset = dicom(GREY, uid.JPEG2000Lossless)
    dataset.PixelData = encapsulate([jpeg_2000(GREY)] * 2, has_bot=False)
    assert code_of(dataset) == "several_pictures"


@pytest.mark.parametrize("frames", [None, "0", "1 ", "01", ""])
def test_a_number_of_frames_that_means_one_is_read(frames):
    dataset = dicom() if frames is None else dicom(NumberOfFrames=frames)
    origin = read(dataset).origin
    assert len(origin.notes) == (frames == "0")


@pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian])
def test_floating_point_pixels_are_refused_by_their_name(keyword, syntax):
    dataset = dicom(syntax=syntax, PixelData=None)
    setattr(dataset, keyword, bytes(8 * GREY.size))
    assert code_of(dataset) == "unsupported"
