"""Bad input, case by case: a named refusal or the right reading, within 10 s and bounded memory, never anything else.

Every case stands in one table: `CASES` makes it here, `ELSEWHERE` names the test that has it.
"""

import io
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset

from pneumo_core.errors import PneumoError, UnreadableImageError, UnsuitableImageError
from pneumo_core.files.places import ROOT
from pneumo_core.film.decoder_process import MEMORY_BYTES
from pneumo_core.film.radiograph import read_radiograph
from pneumo_core.keras_network.classifier import load_classifier
from pneumo_core.read.reading import read_xray
from tests.conftest import drawn_film
from tests.film.test_radiograph import (
    CUT_SHORT,
    DAMAGED,
    dicom,
    encapsulated,
    gdcm_dicom,
    png,
    png_chunk,
    ramp,
    saved,
    table,
    written,
)

pytestmark = pytest.mark.filterwarnings("ignore")

SEVERAL_FRAMES = "scan is a DICOM with several frames. Please upload a single X-ray."
SECONDS = 10
READ = "is read"
NO_PIXELS = "scan is a DICOM without pixel data. Please export the X-ray itself."
TOO_MANY = "Please upload an X-ray of at most 50 megapixels."
TOO_SMALL = "Please upload an X-ray of at least 96 x 96."
WITH_8_OR_16 = ". Please export it with 8 or 16 bits."
OTHER_MODALITY = "scan is {}. Projection X-rays (CR, DX, RG) can be read. Please upload a chest X-ray."
DOC, RTPLAN = (OTHER_MODALITY.format(f"of a modality other than X-ray (modality {one})") for one in ("DOC", "RTPLAN"))
NOISE = np.random.default_rng(0).integers(0, 256, (100, 120), dtype=np.uint8)
RAMP_PNG, RAMP_JPEG = png(ramp()), saved(Image.fromarray(ramp()), "JPEG")
NOISE_JPEG = saved(Image.fromarray(NOISE), "JPEG")
ZEROS = zlib.compress(bytes(100 * 2**20), 1)


def seems(words: str, advice: str = "Please upload a DICOM, PNG, JPEG, TIFF or BMP file.") -> str:
    return f"scan seems to be {words}, not an X-ray. {advice}"


def with_chunks(*chunks: tuple[bytes, bytes], film: bytes = RAMP_PNG) -> bytes:
    """A PNG with more chunks behind its header."""
    return film[:33] + b"".join(png_chunk(*chunk) for chunk in chunks) + film[33:]


def with_wrong_checksum(kind: bytes) -> bytes:
    content = bytearray(with_chunks((b"tEXt", b"a\0b")))
    place = content.index(kind) - 4
    content[place + 8 + int.from_bytes(content[place : place + 4])] ^= 1
    return bytes(content)


def png_declared(height: int, width: int) -> bytes:
    """The noise as a PNG that declares another size, its checksum right."""
    film = png(NOISE)
    return film[:8] + png_chunk(b"IHDR", struct.pack(">2I", width, height) + film[24:29]) + film[33:]


def interlaced(values: np.ndarray) -> bytes:
    """An 8-bit grey PNG in Adam7, which Pillow cannot write."""
    height, width = values.shape
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = b"".join(
        b"\0" + row.tobytes() for top, left, down, right in passes for row in values[top::down, left::right]
    )
    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 1)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return RAMP_PNG[:8] + b"".join(png_chunk(*chunk) for chunk in chunks)


def jpeg_declared(height: int, width: int, **options) -> bytes:
    content = saved(Image.fromarray(NOISE), "JPEG", **options)
    place = content.index(b"\xff\xc2" if options else b"\xff\xc0") + 5
    return content[:place] + struct.pack(">2H", height, width) + content[place + 4 :]


def closed(stream: bytes, part: float) -> bytes:
    """A JPEG stream cut and given its end marker again, as programs that repair do."""
    cut = stream[: int(part * len(stream))].rstrip(b"\xff")
    return cut + bytes(len(cut) % 2) + b"\xff\xd9"


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    return made


def many_scans() -> bytes:
    content = saved(Image.fromarray(np.zeros((3000, 3000), np.uint8)), "JPEG", progressive=True)
    return content[:-2] + content[content.rindex(b"\xff\xda") : -2] * 80 + b"\xff\xd9"


def dicom_png() -> bytes:
    """A PNG whose text has DICOM's mark where DICOM has it."""
    content = with_chunks((b"tEXt", b"a" * 87 + b"DICM" * 4))
    assert content[128:132] == b"DICM"
    return content


def meta_of(content: bytes) -> int:
    """Where the first element behind the group of the file's own information is."""
    return 132 + 12 + struct.unpack_from("<I", content, 140)[0]


def with_preamble(start: bytes) -> bytes:
    return start[:128].ljust(128, b"\0") + written(dicom())[128:]


def with_element(element: bytes, times: int = 1) -> bytes:
    content = written(dicom())
    return content[: meta_of(content)] + element * times + content[meta_of(content) :]


def deflate_bomb() -> bytes:
    content = written(dicom(syntax=uid.DeflatedExplicitVRLittleEndian))
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return content[: meta_of(content)] + packer.compress(bytes(150 * 2**20)) + packer.flush()


def j2k(picture: tuple[int, int] | None = None, tile: tuple[int, int] | None = None, **elements) -> bytes:
    """A JPEG 2000 DICOM of the ramp whose stream declares other sizes, given as (width, height)."""
    stream = saved(Image.fromarray(ramp()), "JPEG2000", no_jp2=True)
    place = stream.index(b"\xff\x51")
    size = struct.pack(">4I", *(picture or (120, 100)), 0, 0) + struct.pack(
        ">4I", *(tile or picture or (120, 100)), 0, 0
    )
    return encapsulated(stream[: place + 6] + size + stream[place + 38 :], uid.JPEG2000Lossless, ramp(), **elements)


def run_lengths(start: bytes, body: bytes) -> bytes:
    return encapsulated(start + body, uid.RLELossless, np.zeros((7000, 7000), np.uint8))


def junk_frame(syntax: uid.UID, frame: bytes) -> Callable[[], bytes]:
    return lambda: encapsulated(frame, syntax, ramp() if syntax == uid.JPEGBaseline8Bit else ramp(12))


def fragment_too_long() -> bytes:
    dataset = dicom(ramp(), uid.JPEGBaseline8Bit)
    dataset.PixelData = b"\xfe\xff\x00\xe0\xff\xff\xff\x7f" + b"junk" * 50
    dataset["PixelData"].VR = "OB"
    return written(dataset)


def longer_pixels(times: float) -> bytes:
    dataset = dicom()
    dataset.PixelData += bytes(2 * int(12_000 * (times - 1)))
    return written(dataset)


def float_pixels() -> bytes:
    dataset = dicom(PixelData=None)
    dataset.FloatPixelData = ramp().astype(np.float32).tobytes()
    return written(dataset)


def dicomdir() -> bytes:
    dataset = Dataset()
    dataset.file_meta = dicom().file_meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = uid.MediaStorageDirectoryStorage, "1.2.3"
    dataset.FileSetID = "DISK"
    return written(dataset)


def empty_table() -> list[Dataset]:
    (item,) = table([1], 16)
    item.LUTDescriptor = [0, 0, 16]
    return [item]


JUNK = np.random.default_rng(1).bytes(4000) + b"\xff\xd9"
NESTED = struct.pack("<2H2sHI", 9, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<2HI", 0xFFFE, 0xE000, 0xFFFFFFFF)
SMALL_ELEMENT = struct.pack("<2H2sH", 9, 1, b"LO", 2) + b"ab"
LONG_TEXT = struct.pack("<2H2sHI", 9, 1, b"UT", 0, 10**7) + b"A" * 10**7
HTML = "<img src=x onerror=alert(1)>"

# What it is: how it is made, and what is said of it (its end is enough); READ where it must be read.
CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    # --- images ---
    "a PNG that is text under its name": (lambda: b"name;age\n1;2\n", seems("a text file")),
    "a program": (lambda: b"MZ" + bytes(200), seems("a file of an unknown kind")),
    "wrong checksum of IHDR": (lambda: with_wrong_checksum(b"IHDR"), DAMAGED),
    "wrong checksum of IDAT": (lambda: with_wrong_checksum(b"IDAT"), DAMAGED),
    "wrong checksum of tEXt": (lambda: with_wrong_checksum(b"tEXt"), DAMAGED),
    "49 megapixels in 48 kB": (lambda: png(np.zeros((7000, 7000), np.uint8)), READ),
    "PNG of 2**31 - 1 pixels a side": (lambda: png_declared(2**31 - 1, 2**31 - 1), TOO_MANY),
    "PNG of no rows": (lambda: png_declared(0, 120), DAMAGED),
    "PNG that declares more rows": (lambda: png_declared(200, 120), CUT_SHORT),
    "PNG that declares more columns": (lambda: png_declared(100, 240), CUT_SHORT),
    "PNG that declares fewer rows": (lambda: png_declared(97, 120), DAMAGED),
    "PNG that declares fewer columns": (lambda: png_declared(100, 97), DAMAGED),
    "an interlaced PNG": (lambda: interlaced(NOISE), READ),
    "JPEG that declares more rows": (lambda: jpeg_declared(200, 120), CUT_SHORT),
    "JPEG that declares more columns": (lambda: jpeg_declared(100, 240), CUT_SHORT),
    "JPEG of 65,500 pixels a side": (lambda: jpeg_declared(65_500, 65_500), TOO_MANY),
    "progressive JPEG that declares more rows": (lambda: jpeg_declared(200, 120, progressive=True), CUT_SHORT),
    "JPEG cut and closed again": (lambda: closed(NOISE_JPEG, 0.5), CUT_SHORT),
    "progressive JPEG cut and closed again": (
        lambda: closed(saved(Image.fromarray(NOISE), "JPEG", progressive=True), 0.5),
        CUT_SHORT,
    ),
    "CMYK JPEG cut and closed again": (
        lambda: closed(saved(Image.fromarray(NOISE).convert("CMYK"), "JPEG"), 0.6),
        CUT_SHORT,
    ),
    "a JPEG as grey as what stands for missing data": (lambda: saved(Image.new("L", (120, 100), 128), "JPEG"), READ),
    "80 scans of 9 megapixels": (many_scans, READ),
    "zTXt of 100 MiB": (lambda: with_chunks((b"zTXt", b"a\0\0" + ZEROS)), DAMAGED),
    "iTXt of 100 MiB": (lambda: with_chunks((b"iTXt", b"a\0\1\0\0\0" + ZEROS)), DAMAGED),
    "80 texts of 1 MB": (lambda: with_chunks(*[(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6)))] * 80), DAMAGED),
    "ICC profile of 100 MiB": (lambda: with_chunks((b"iCCP", b"a\0\0" + ZEROS)), DAMAGED),
    "100,000 empty chunks": (lambda: with_chunks(*[(b"prVt", b"")] * 100_000), READ),
    "EXIF orientation 0": (lambda: png(ramp(), exif=exif(0)), READ),
    "EXIF orientation 9": (lambda: png(ramp(), exif=exif(9)), READ),
    "EXIF that is junk": (lambda: with_chunks((b"eXIf", b"MM\0*junk")), READ),
    "EXIF that points at itself": (
        lambda: saved(
            Image.fromarray(ramp()), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\xff\xff" * 2
        ),
        READ,
    ),
    "a GIF in front of a PNG": (
        lambda: b"GIF89a" + RAMP_PNG,
        seems("a GIF image", "Please save the picture as JPEG or PNG, and upload that."),
    ),
    "a PDF in front of a JPEG": (
        lambda: b"%PDF-1.4\n" + RAMP_JPEG,
        seems("a PDF document", "Please export the X-ray itself from the program that made it."),
    ),
    "an archive behind a PNG": (lambda: RAMP_PNG + b"PK\x03\x04" * 100, READ),
    "a script behind a JPEG": (lambda: RAMP_JPEG + b"<script>alert(1)</script>\xff\xd9", READ),
    "a DICOM's mark in a PNG": (dicom_png, NO_PIXELS),
    "1 x 1": (lambda: png(np.zeros((1, 1), np.uint8)), TOO_SMALL),
    "20,000 x 300": (lambda: png(np.zeros((20_000, 300), np.uint8)), READ),
    "300 x 20,000": (lambda: png(np.zeros((300, 20_000), np.uint8)), READ),
    # --- DICOM ---
    "no rows": (lambda: written(dicom(Rows=0)), "scan is 0 x 120 pixels. " + TOO_SMALL),
    "no columns": (lambda: written(dicom(Columns=0)), "scan is 100 x 0 pixels. " + TOO_SMALL),
    "65,535 pixels a side": (lambda: written(dicom(Rows=65_535, Columns=65_535)), TOO_MANY),
    "1 bit": (
        lambda: written(dicom(BitsAllocated=1, BitsStored=1, HighBit=0)),
        "with BitsAllocated 1 where it must be 8 or 16" + WITH_8_OR_16,
    ),
    "32 bits": (
        lambda: written(dicom(BitsAllocated=32, BitsStored=32, HighBit=31)),
        "with BitsAllocated 32 where it must be 8 or 16" + WITH_8_OR_16,
    ),
    "0 bits stored": (
        lambda: written(dicom(BitsStored=0)),
        "with BitsStored 0 where BitsAllocated is 16" + WITH_8_OR_16,
    ),
    "palette without its table": (
        lambda: written(dicom(ramp(), PhotometricInterpretation="PALETTE COLOR")),
        "scan is a DICOM in palette colour. Please export it as MONOCHROME2.",
    ),
    "pixels of floats": (float_pixels, "whose pixels are floating-point numbers" + WITH_8_OR_16),
    "a fifth more pixel data than pixels": (lambda: longer_pixels(1.2), READ),
    "three times the pixel data": (lambda: longer_pixels(3), SEVERAL_FRAMES),
    "a million frames": (
        lambda: written(dicom(NumberOfFrames=1_000_000)),
        "scan is a DICOM with 1000000 frames. Please upload a single X-ray.",
    ),
    "junk for JPEG": (junk_frame(uid.JPEGBaseline8Bit, JUNK), DAMAGED),
    "junk for JPEG Lossless": (junk_frame(uid.JPEGLosslessSV1, JUNK), DAMAGED),
    "junk for JPEG-LS": (junk_frame(uid.JPEGLSLossless, JUNK), DAMAGED),
    "junk for JPEG 2000": (junk_frame(uid.JPEG2000Lossless, JUNK), DAMAGED),
    "junk for RLE": (junk_frame(uid.RLELossless, JUNK), DAMAGED),
    "nothing but markers": (junk_frame(uid.JPEGLSLossless, b"\xff\xd8\xff\xd9"), DAMAGED),
    "nothing but fill bytes": (junk_frame(uid.JPEGBaseline8Bit, b"\xff" * 1000 + b"\xd9"), DAMAGED),
    "a fragment longer than the file": (fragment_too_long, DAMAGED),
    "a JPEG frame cut and closed again": (
        lambda: encapsulated(closed(NOISE_JPEG, 0.5), uid.JPEGBaseline8Bit, NOISE),
        CUT_SHORT,
    ),
    "RLE of runs of one byte": (
        lambda: run_lengths(struct.pack("<16I", 1, 64, *[0] * 14), b"\x00\x01" * 500_000),
        DAMAGED,
    ),
    "RLE whose segments are one": (
        lambda: run_lengths(struct.pack("<16I", 15, *[64] * 15), b"\x81\x00" * 10**5),
        DAMAGED,
    ),
    "JPEG 2000 of 60,000 pixels a side": (lambda: j2k((60_000, 60_000)), DAMAGED),
    "JPEG 2000 of 12,000 tiles, one there": (lambda: j2k(tile=(1, 1)), CUT_SHORT),
    "JPEG 2000 of tiles without size": (lambda: j2k(tile=(0, 0)), DAMAGED),
    "deflated 150 MiB": (
        deflate_bomb,
        "scan is too large once unpacked. Please export it uncompressed, as a single X-ray.",
    ),
    "5,000 nested sequences beside a whole film": (lambda: with_element(NESTED, 5000), DAMAGED),
    "100,000 elements": (lambda: with_element(SMALL_ELEMENT, 100_000), READ),
    "a text of 10 MB": (lambda: with_element(LONG_TEXT), READ),
    "slope 1e300": (lambda: written(dicom(RescaleSlope="1e300")), DAMAGED),
    "a window of no numbers": (lambda: written(dicom(WindowCenter="1e400", WindowWidth="1e400")), READ),
    "a lookup table of 65,536 entries that has one": (lambda: written(dicom(VOILUTSequence=empty_table())), READ),
    "an encapsulated PDF": (lambda: written(dicom(Modality="DOC")), DOC),
    "a radiotherapy plan": (lambda: written(dicom(Modality="RTPLAN")), RTPLAN),
    "a modality that is a script": (
        lambda: written(dicom(Modality="<script>")),
        OTHER_MODALITY.format("of an unknown modality"),
    ),
    "a body part that is HTML": (lambda: written(dicom(BodyPartExamined=HTML)), READ),
    "a photometric interpretation that is HTML": (
        lambda: written(dicom(PhotometricInterpretation=HTML[:16])),
        "scan is a DICOM of an unknown pixel kind. Please export it as MONOCHROME2.",
    ),
    "a Windows program in the preamble": (lambda: with_preamble(b"MZ\x90\0"), READ),
    "a Linux program in the preamble": (lambda: with_preamble(b"\x7fELF\2\1\1"), READ),
    "a PNG in the preamble": (lambda: with_preamble(RAMP_PNG), READ),
    "a DICOMDIR": (
        dicomdir,
        "scan is a DICOMDIR, which lists the files of a disk, not an image. Please upload the X-ray itself.",
    ),
}

# Cases of issue and code, and the tests of other files that have them.
ELSEWHERE = {
    "empty": "test_radiograph.test_an_empty_file_is_refused",
    "other types": "test_radiograph.test_other_kinds_of_file_are_refused",
    "pixel bomb": "test_radiograph.test_900_megapixels_are_refused_too",
    "animated": "test_radiograph.test_an_animated_png_is_refused",
    "several pictures": "test_radiograph.test_the_first_picture_of_a_phone_is_read_and_the_second_one_is_said",
    "TIFF that contradicts itself": "test_tiff.test_a_tiff_that_contradicts_itself_is_refused",
    "CMYK": "test_radiograph.test_a_cmyk_jpeg_is_read",
    "alpha": "test_radiograph.test_alpha_is_laid_on_black",
    "palette": "test_radiograph.test_a_transparent_palette_entry_is_black",
    "1-bit and every other mode": "test_radiograph.test_every_mode_of_a_grey_png_gives_the_same_grey",
    "16-bit": "test_radiograph.test_a_16_bit_png_keeps_its_range",
    "EXIF 1-8": "test_radiograph.test_exif_orientation_is_applied",
    "names with control characters": "test_radiograph.test_a_name_is_cleaned_of_control_characters_and_cut_to_80",
    "no preamble": "test_radiograph.test_a_dicom_without_preamble_is_read",
    "DICOM cut": "test_radiograph.test_uncompressed_pixel_data_cut_short_is_refused",
    "frame cut": "test_radiograph.test_compressed_pixel_data_cut_short_is_refused",
    "missing PixelData": "test_radiograph.test_a_dicom_without_pixel_data_is_refused",
    "missing Rows, Photometric": "test_radiograph.test_a_dicom_without_a_required_element_is_refused",
    "bad bit depths": "test_radiograph.test_unusual_layouts_are_refused",
    "frames -1, 10": "test_radiograph.test_a_number_of_frames_other_than_1_is_refused",
    "undeclared frames": "test_radiograph.test_more_frames_than_declared_are_refused",
    "unknown syntax": "test_radiograph.test_a_transfer_syntax_that_cannot_be_decoded_is_refused",
    "frame of another size": "test_radiograph.test_a_frame_of_another_size_than_the_header_is_refused",
    "RLE bomb": "test_radiograph.test_an_rle_frame_that_unpacks_too_far_is_refused",
    "deflated DICOM in a deflated DICOM": "test_radiograph.test_a_deflated_dicom_in_a_deflated_dicom_is_refused",
    "5,000 nested sequences": "test_radiograph.test_5000_nested_sequences_are_refused",
    "MONOCHROME1": "test_radiograph.test_monochrome1_and_monochrome2_give_equal_pixels",
    "MONOCHROME1 with a window": "test_radiograph.test_monochrome1_is_inverted_after_its_window",
    "INVERSE": "test_radiograph.test_presentation_lut_shape_inverse_never_inverts_twice",
    "signed": "test_radiograph.test_signed_pixels_are_shifted_by_the_smallest_signed_value",
    "window 0": "test_radiograph.test_a_window_that_cannot_be_used_is_left_out",
    "many windows": "test_radiograph.test_the_first_of_several_windows_is_applied",
    "slope 0": "test_radiograph.test_an_impossible_rescale_is_left_aside_with_a_note",
    "SR, CT, MR": "test_radiograph.test_other_modalities_are_refused",
    "hand": "test_radiograph.test_other_body_parts_are_refused",
    "big-endian": "test_radiograph.test_uncompressed_dicoms_are_read",
    "words for numbers": "test_radiograph.test_a_header_with_words_for_numbers_is_said_so_without_quoting_them",
    "texts that name a patient": ("test_radiograph.test_no_identifier_gets_into_the_value_the_logs_or_the_warnings"),
    "a file that crashes a decoder": "test_decoder.test_a_film_that_crashes_its_process_is_refused_alone",
    "a file that hangs a decoder": "test_decoder.test_a_film_that_uses_too_much_processor_time_is_stopped",
    "a file that takes a decoder over": "test_decoder.test_an_answer_that_is_none_is_refused",
    "a file that fills the memory": "test_decoder.test_a_process_may_open_nothing_and_has_little_memory",
}


def outcome(content: bytes) -> str:
    """What is said of a file, `READ` if it is read; an exception that is no refusal goes through."""
    started = time.monotonic()
    try:
        radiograph = read_radiograph(content, "scan")
    except PneumoError as refusal:
        said = str(refusal)
        assert isinstance(refusal, UnreadableImageError | UnsuitableImageError)
    else:
        said = READ
        assert radiograph.pixels.shape == (radiograph.origin.height, radiograph.origin.width)
        assert radiograph.pixels.min() >= 0 and radiograph.pixels.max() <= 1
    assert time.monotonic() - started < SECONDS
    return said


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused_by_name_or_read(case):
    make, said = CASES[case]
    assert outcome(make()).endswith(said)


def test_every_case_of_the_table_has_its_test():
    folder = Path(__file__).parent
    for place in ELSEWHERE.values():
        module, name = place.split(".")
        assert f"\ndef {name}(" in (folder / f"{module}.py").read_text(encoding="utf-8"), place


def test_an_interlaced_film_and_one_with_a_program_in_front_are_read_right():
    assert np.array_equal(read_radiograph(interlaced(NOISE), "scan").pixels, NOISE / np.float32(255))
    film = read_radiograph(with_preamble(b"MZ"), "scan")
    assert film.pixels == pytest.approx(ramp(12) / 4095, abs=1e-6)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "progressive", "DICOM", "RLE", "JPEG DICOM"])
def test_a_film_cut_at_any_length_is_refused_or_read_as_the_whole(kind):
    whole = {
        "PNG": lambda: png(NOISE),
        "JPEG": lambda: NOISE_JPEG,
        "progressive": lambda: saved(Image.fromarray(NOISE), "JPEG", progressive=True),
        "DICOM": lambda: written(dicom(NOISE)),
        "RLE": lambda: compressed_by_rle(NOISE),
        "JPEG DICOM": lambda: encapsulated(NOISE_JPEG, uid.JPEGBaseline8Bit, NOISE),
    }[kind]()
    expected = read_radiograph(whole, "scan").pixels
    ends = {1, 2, 4, 8, 16, 132, 140, len(whole) - 20, len(whole) - 3, len(whole) - 2, len(whole) - 1}
    for length in sorted({*ends, *range(200, len(whole), len(whole) // 20)}):
        if outcome(whole[:length]) == READ:
            assert np.array_equal(read_radiograph(whole[:length], "scan").pixels, expected), length


def compressed_by_rle(values: np.ndarray) -> bytes:
    dataset = dicom(values)
    dataset.compress(uid.RLELossless)
    return written(dataset)


@pytest.mark.parametrize(
    "name", ["JPEGLosslessProcess14", "JPEGLosslessProcess14_1", "JPEGLSLossless", "JPEG2000Lossless"]
)
@pytest.mark.parametrize("part", [0.5, 0.95])
def test_a_losslessly_compressed_frame_cut_and_closed_again_is_refused(name, part, tmp_path):
    from pydicom import dcmread
    from pydicom.encaps import get_frame

    values = NOISE.astype(np.uint16) * 16
    dataset = dcmread(io.BytesIO(gdcm_dicom(values, name, tmp_path)))
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    cut = encapsulated(closed(frame, part), dataset.file_meta.TransferSyntaxUID, values)
    assert outcome(cut) in (DAMAGED, CUT_SHORT)


@pytest.mark.parametrize(
    "kind", ["PNG", "JPEG", "DICOM", "RLE", "JPEG 2000", "JPEGLosslessProcess14_1", "JPEGLSLossless"]
)
def test_changed_bytes_end_in_a_refusal_or_a_picture(kind, tmp_path):
    whole = {
        "PNG": lambda: png(NOISE),
        "JPEG": lambda: NOISE_JPEG,
        "DICOM": lambda: written(dicom()),
        "RLE": lambda: compressed_by_rle(ramp(12)),
        "JPEG 2000": j2k,
    }.get(kind, lambda: gdcm_dicom(ramp(12), kind, tmp_path))()
    random = np.random.default_rng(len(whole))
    # Of a DICOM, the header: its pixels may be any.
    places = 700 if kind == "DICOM" else len(whole)
    # After most of these, a process is not used again, and another takes half a second to start.
    for _ in range(8 if kind.startswith(("JPEGL", "RLE")) else 25):
        changed = bytearray(whole)
        for place in random.integers(0, places, random.integers(1, 6)):
            changed[place] = random.integers(0, 256)
        outcome(bytes(changed))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "../../etc/passwd"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\x00b\r\nSet-Cookie: c", "abSet-Cookie: c"),
        ("\udcff\ud800.png", ".png"),
        ("x" * 100_000, "x" * 80),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("   ", "The file"),
        ("\u200b", "The file"),
    ],
)
def test_a_hostile_name_is_shown_as_letters_alone(name, shown):
    with pytest.raises(UnreadableImageError) as caught:
        read_radiograph(b"", name)
    assert str(caught.value) == f"{shown} is empty. Please export or download it again."


# --- memory -------------------------------------------------------------------------------------


def most_memory() -> bytes:
    """49 megapixels of 16 bits through the window that needs the most."""
    window = {"WindowCenter": 1000, "WindowWidth": 500, "VOILUTFunction": "SIGMOID"}
    return written(dicom(np.zeros((7000, 7000), np.uint16), uid.DeflatedExplicitVRLittleEndian, **window))


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(
    ("make", "said"),
    [(most_memory, READ), CASES["zTXt of 100 MiB"]],
)
def test_memory_stays_within_the_bound_of_a_process(make, said, tmp_path):
    film = tmp_path / "film"
    film.write_bytes(make())
    code = (
        "import sys; from pathlib import Path; from pneumo_core.film import decoder_process as process\n"
        "film = Path(sys.argv[1]).read_bytes(); status = open('/proc/self/status', 'rb', buffering=0)\n"
        "process.give_up_rights(); header, _ = process.answer(film)\n"
        "peak = next(line for line in status.read().decode().splitlines() if line.startswith('VmPeak'))\n"
        "print(header.get('text', 'is read'), peak.split()[1], sep='|')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(film)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    found, peak = done.stdout.split("|")
    assert said.endswith(found)
    assert int(peak) * 1024 <= MEMORY_BYTES


# --- the same film in every way that it can come -------------------------------------------------


def test_the_same_film_gets_the_same_probability_however_it_is_stored(tiny_model, tmp_path):
    film = drawn_film(True, 3)
    deep = film.astype(np.uint16) * 16 + film // 16
    lossless = {
        "PNG 8": png(film),
        "PNG 16": png(film.astype(np.uint16) * 257),
        "PNG 12 in 16": png(deep),
        "PNG RGB": png(np.dstack([film] * 3)),
        "interlaced PNG": interlaced(film),
        "DICOM 8": written(dicom(film)),
        "DICOM 12": written(dicom(deep)),
        "DICOM 16": written(dicom(film.astype(np.uint16) * 257, BitsStored=16, HighBit=15)),
        "signed": written(dicom(deep.astype(np.int16) - 2048)),
        "MONOCHROME1": written(dicom(4095 - deep, PhotometricInterpretation="MONOCHROME1")),
        "RGB": written(dicom(np.dstack([film] * 3))),
        "implicit": written(dicom(deep, uid.ImplicitVRLittleEndian)),
        "big-endian": written(dicom(deep, uid.ExplicitVRBigEndian)),
        "deflated": written(dicom(deep, uid.DeflatedExplicitVRLittleEndian)),
        "RLE": compressed_by_rle(deep),
        **{
            name: gdcm_dicom(deep, name, tmp_path)
            for name in ("JPEGLosslessProcess14", "JPEGLosslessProcess14_1", "JPEGLSLossless", "JPEG2000Lossless")
        },
    }
    jpeg = saved(Image.fromarray(film), "JPEG", quality=90)
    lossy = {"JPEG": jpeg, "JPEG DICOM": encapsulated(jpeg, uid.JPEGBaseline8Bit, film)}
    classifier = load_classifier(tiny_model)

    def probability(content: bytes) -> float:
        return read_xray(classifier, read_radiograph(content, "film")).prediction.probability

    expected = probability(lossless.pop("PNG 8"))
    for name, content in lossless.items():
        assert probability(content) == pytest.approx(expected, abs=0.01), name
    for name, content in lossy.items():
        assert probability(content) == pytest.approx(expected, abs=0.02), name
