"""Radiographs from files made in memory: what is read, what is refused, and in which words."""

import hashlib
import io
import logging
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import apply_voi, apply_windowing

from pneumo_core.errors import PneumoError, UnreadableImageError, UnsuitableImageError
from pneumo_core.film import radiograph as radiograph_module
from pneumo_core.film.dicom import frame as dicom_frame
from pneumo_core.film.dicom.reading import read_dicom
from pneumo_core.film.radiograph import Radiograph, read_radiograph
from pneumo_core.gate.suitability import UNCLEAR_AGE, assess
from tests.conftest import drawn_film

# What pydicom says to the tests' own writing of unusual values, and to its own overflow.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Invalid value for VR"),
    pytest.mark.filterwarnings("ignore:overflow encountered in exp"),
]

HEIGHT, WIDTH = 100, 120
DAMAGED = "scan is damaged and cannot be read. Please export or download it again."
CUT_SHORT = "scan is cut short and cannot be read. Please export or download it again."


def ramp(bits: int = 8) -> np.ndarray:
    """Integers, shape (100, 120), from 0 to 2**bits - 1; no symmetry, so that a turn shows."""
    values = np.linspace(0, 2**bits - 1, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    return np.rint(values).astype(np.uint8 if bits <= 8 else np.uint16)


def saved(image: Image.Image, form: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def png(values: np.ndarray, **options) -> bytes:
    return saved(Image.fromarray(values), **options)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def declared_png(height: int, width: int) -> bytes:
    """A PNG that only declares its size."""
    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(b"\0")) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


HINTS = ("WindowCenter", "WindowWidth", "VOILUTSequence", "ModalityLUTSequence", "RescaleSlope")


def dicom(values: np.ndarray | None = None, syntax: uid.UID = uid.ExplicitVRLittleEndian, **elements) -> Dataset:
    """A chest DX of the values (12 bits in 16 by default), without any patient."""
    values = ramp(12) if values is None else values
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = "1.2.3"
    dataset.Modality, dataset.BodyPartExamined = "DX", "CHEST"
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.BitsAllocated = 8 * values.dtype.itemsize
    dataset.BitsStored = 12 if dataset.BitsAllocated == 16 else 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.SamplesPerPixel = 1 if values.ndim == 2 else 3
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    dataset.PhotometricInterpretation = "MONOCHROME2" if values.ndim == 2 else "RGB"
    if values.ndim == 3:
        dataset.PlanarConfiguration = 0
    order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
    dataset.PixelData = values.astype(values.dtype.newbyteorder(order)).tobytes()
    dataset["PixelData"].VR = "OW" if dataset.BitsAllocated == 16 else "OB"
    for keyword, value in elements.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    if values.ndim == 2 and not any(hint in dataset for hint in HINTS):
        # The range of the stored bits, which the standard would not take by itself.
        bits, is_signed = dataset.BitsStored, dataset.PixelRepresentation == 1
        dataset.WindowCenter, dataset.WindowWidth = 0 if is_signed else 2 ** (bits - 1), 2**bits
    return dataset


def written(dataset: Dataset) -> bytes:
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def encapsulated(frame: bytes, syntax: uid.UID, values: np.ndarray, **elements) -> bytes:
    dataset = dicom(values, syntax, **elements)
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    return written(dataset)


def gdcm_dicom(values: np.ndarray, syntax_name: str, folder: Path) -> bytes:
    """A DICOM whose frame GDCM has compressed."""
    gdcm = pytest.importorskip("gdcm")
    (folder / "plain.dcm").write_bytes(written(dicom(values)))
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(folder / "plain.dcm"))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax_name)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(folder / "compressed.dcm"))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return (folder / "compressed.dcm").read_bytes()


def read(content: bytes | Dataset) -> Radiograph:
    return read_radiograph(written(content) if isinstance(content, Dataset) else content, "scan")


def refusal(content: bytes | Dataset) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        read(content)
    return str(caught.value)


def code_of(content: bytes | Dataset, kind: type[PneumoError] = UnreadableImageError) -> str:
    with pytest.raises(kind) as caught:
        read(content)
    return caught.value.code


def shown(**elements) -> Dataset:
    """A DICOM whose window is plain, so that nothing is said of its grey."""
    return dicom(WindowCenter=2048, WindowWidth=4096, **elements)


def table(entries: list[int], bits: int, first: int = 0) -> list[Dataset]:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    item.add_new("LUTData", "US", entries)
    return [item]


# --- the promise --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [png(ramp()), png(ramp(16)), *(saved(Image.fromarray(ramp()), form) for form in ("JPEG", "TIFF", "BMP"))]
)
def test_pixels_are_float32_between_0_and_1_and_read_only(content):
    pixels = read(content).pixels
    assert pixels.dtype == np.float32
    assert pixels.shape == (HEIGHT, WIDTH)
    assert pixels.min() >= 0 and pixels.max() <= 1
    assert pixels.flags.c_contiguous
    with pytest.raises(ValueError):
        pixels[0, 0] = 0


def test_dicom_pixels_keep_the_same_promise():
    for inverted in ("MONOCHROME1", "MONOCHROME2"):
        pixels = read(dicom(PhotometricInterpretation=inverted)).pixels
        assert pixels.dtype == np.float32 and pixels.flags.c_contiguous and not pixels.flags.writeable


def test_bytes_path_and_open_file_give_the_same(tmp_path):
    content = png(ramp())
    path = tmp_path / "film.png"
    path.write_bytes(content)
    with path.open("rb") as file:
        file.seek(10)
        from_file = read_radiograph(file)
    from_path, from_bytes = read_radiograph(path), read_radiograph(content)
    assert from_file.sha256 == from_path.sha256 == from_bytes.sha256
    assert (from_file.name, from_path.name, from_bytes.name) == ("film.png", "film.png", "The file")
    assert np.array_equal(from_path.pixels, from_bytes.pixels)


def test_a_path_as_text_is_a_path(tmp_path):
    path = tmp_path / "film.png"
    path.write_bytes(png(ramp()))
    from_text = read_radiograph(str(path))
    assert (from_text.name, from_text.sha256) == ("film.png", read_radiograph(path).sha256)
    assert read_radiograph(str(path), "scan").name == "scan"
    for missing in ("", "none.png", "\x89PNG\r\n\x1a\n\0", "x" * 5000):
        with pytest.raises(UnreadableImageError) as caught:
            read_radiograph(missing)
        assert caught.value.code == "not_found"


def test_sha256_is_of_the_files_bytes():
    content = png(ramp())
    assert read(content).sha256 == hashlib.sha256(content).hexdigest()


def test_the_type_is_told_by_content_and_not_by_name():
    assert read_radiograph(png(ramp()), "film.dcm").origin.format == "PNG"
    assert read_radiograph(written(dicom()), "film.png").origin.format == "DICOM"


def test_a_name_is_cleaned_of_control_characters_and_cut_to_80():
    assert read_radiograph(png(ramp()), "a\nb\x1b[31m" + "c" * 100).name == "ab[31m" + "c" * 74


def test_several_threads_read_at_once():
    found = []
    content = written(dicom())
    threads = [threading.Thread(target=lambda: found.append(read(content).sha256)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1


# --- PNG and JPEG -------------------------------------------------------------------------------


def test_an_8_bit_png_is_divided_by_255():
    radiograph = read(png(ramp()))
    assert np.array_equal(radiograph.pixels, ramp().astype(np.float32) / np.float32(255))
    assert (radiograph.origin.format, radiograph.origin.bits, radiograph.origin.colour) == ("PNG", 8, 0)


def test_a_16_bit_png_keeps_its_range():
    values = ramp(16)
    values[0, :4] = [0, 1000, 30000, 65535]
    pixels = read(png(values)).pixels
    assert pixels[0, :4] == pytest.approx([0, 1000 / 65535, 30000 / 65535, 1])


@pytest.mark.parametrize(
    ("largest", "bits"),
    [(255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (4096, 14), (16383, 14), (16384, 16)],
)
def test_effective_bits_are_the_smallest_usual_depth_that_holds_the_largest_value(largest, bits):
    values = np.zeros((HEIGHT, WIDTH), dtype=np.uint16)
    values[0, 0] = largest
    assert read(png(values)).origin.bits == bits


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_deep_pngs_look_like_the_same_picture_in_8_bits(bits):
    assert np.abs(read(png(ramp(bits))).pixels - read(png(ramp(8))).pixels).max() < 1 / 255


def test_a_jpeg_is_read():
    radiograph = read(saved(Image.fromarray(ramp()), "JPEG", quality=95))
    assert radiograph.origin.format == "JPEG"
    assert np.abs(radiograph.pixels - ramp() / 255).max() < 0.03


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_mode_of_a_grey_png_gives_the_same_grey(mode):
    grey = Image.fromarray(np.where(ramp() > 127, 255, 0).astype(np.uint8))
    radiograph = read(saved(grey.convert(mode)))
    assert radiograph.pixels == pytest.approx(np.asarray(grey) / 255, abs=1e-6)
    assert radiograph.origin.colour == pytest.approx(0, abs=1e-6)


def test_the_first_picture_of_a_phone_is_read_and_the_second_one_is_said():
    second = Image.new("L", (60, 50), 255)
    radiograph = read(saved(Image.fromarray(ramp()), "MPO", quality=95, save_all=True, append_images=[second]))
    assert radiograph.origin.format == "JPEG"
    assert np.abs(radiograph.pixels - ramp() / 255).max() < 0.03
    assert len(radiograph.origin.notes) == 1


@pytest.mark.parametrize(("appended", "notes"), [(bytes(16), 0), (b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 2000, 1)])
@pytest.mark.parametrize("progressive", [False, True])
def test_what_a_phone_puts_behind_a_jpeg_is_left_out_and_said(appended, notes, progressive):
    content = saved(Image.fromarray(ramp()), "JPEG", progressive=progressive)
    radiograph = read(content + appended)
    assert np.array_equal(radiograph.pixels, read(content).pixels)
    assert len(radiograph.origin.notes) == notes


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_png_of_few_bits_is_read(bits):
    levels = ramp() >> (8 - bits)
    in_a_byte = 8 // bits
    packed = sum(levels[:, place::in_a_byte].astype(int) << (8 - bits * (place + 1)) for place in range(in_a_byte))
    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(packed, np.uint8))
    header = png_chunk(b"IHDR", struct.pack(">2I5B", WIDTH, HEIGHT, bits, 0, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    assert read(content).pixels == pytest.approx(levels / (2**bits - 1), abs=0.003)


@pytest.mark.parametrize("chunk", [(b"gAMA", struct.pack(">I", 45455)), (b"sBIT", b"\x0c"), (b"sRGB", b"\0")])
def test_pixels_of_a_png_are_read_as_they_are_stored(chunk):
    content = png(ramp(16))
    # The header's chunk ends at byte 33.
    assert np.array_equal(read(content[:33] + png_chunk(*chunk) + content[33:]).pixels, read(content).pixels)


def test_a_cmyk_jpeg_is_read():
    cmyk = Image.fromarray(ramp()).convert("RGB").convert("CMYK")
    assert np.abs(read(saved(cmyk, "JPEG", quality=95)).pixels - ramp() / 255).max() < 0.03


def test_alpha_is_laid_on_black():
    rgba = np.full((HEIGHT, WIDTH, 4), 255, dtype=np.uint8)
    rgba[0, :, 3] = 0
    rgba[1, :, 3] = 51
    radiograph = read(png(rgba))
    assert radiograph.pixels[:3, 0] == pytest.approx([0, 0.2, 1], abs=0.003)
    assert radiograph.origin.notes == ("The alpha channel was laid on black.",)


def test_a_transparent_palette_entry_is_black():
    image = Image.fromarray(ramp()).convert("P")
    image.putpalette([255] * 768)
    content = saved(image, transparency=0)
    pixels = read(content).pixels
    assert pixels[0, 0] == 0
    assert pixels[-1, -1] == pytest.approx(1)


def test_colour_is_the_mean_deviation_of_the_channels():
    # Pure red: the mean is 1/3, the deviations 2/3, 1/3, 1/3; their mean 4/9.
    red = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    red[:, :, 0] = 255
    radiograph = read(png(red))
    assert radiograph.origin.colour == pytest.approx(4 / 9, abs=1e-4)
    assert radiograph.pixels[0, 0] == pytest.approx(0.299)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation, form):
    turned = {
        1: lambda upright: upright,
        2: np.fliplr,
        3: lambda upright: np.rot90(upright, 2),
        4: np.flipud,
        5: np.transpose,
        6: lambda upright: np.rot90(upright, -1),
        7: lambda upright: np.rot90(upright, 2).T,
        8: np.rot90,
    }[orientation](ramp())
    exif = Image.Exif()
    exif[0x0112] = orientation
    radiograph = read(saved(Image.fromarray(ramp()), form, exif=exif))
    assert (radiograph.origin.height, radiograph.origin.width) == turned.shape
    assert np.abs(radiograph.pixels - turned / 255).max() < 0.1


def test_a_16_bit_png_is_turned_too():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert np.array_equal(read(png(ramp(16), exif=exif)).pixels, np.rot90(read(png(ramp(16))).pixels, -1))


def test_a_16_bit_colour_png_says_that_its_lower_bits_were_not_read():
    rows = b"".join(b"\0" + b"\x80\x00" * 3 * WIDTH for _ in range(HEIGHT))
    header = struct.pack(">2I5B", WIDTH, HEIGHT, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    radiograph = read(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks))
    assert radiograph.pixels[0, 0] == pytest.approx(128 / 255)
    assert radiograph.origin.notes == ("Only the upper 8 of 16 bits of each channel were read.",)


# --- DICOM --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("syntax", "words"),
    [
        (uid.ImplicitVRLittleEndian, "Implicit VR Little Endian"),
        (uid.ExplicitVRLittleEndian, "Explicit VR Little Endian"),
        (uid.ExplicitVRBigEndian, "Explicit VR Big Endian"),
        (uid.DeflatedExplicitVRLittleEndian, "Deflated Explicit VR Little Endian"),
    ],
)
def test_uncompressed_dicoms_are_read(syntax, words):
    radiograph = read(dicom(syntax=syntax))
    assert radiograph.pixels == pytest.approx(ramp(12) / 4095, abs=1e-6)
    assert (radiograph.origin.transfer_syntax, radiograph.origin.bits) == (words, 12)


@pytest.mark.parametrize("has_meta", [True, False])
@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian])
def test_a_dicom_without_preamble_is_read(syntax, has_meta):
    content = written(dicom(syntax=syntax))[132:]
    if not has_meta:
        # The group's own length, then what follows that element.
        content = content[12 + struct.unpack_from("<I", content, 8)[0] :]
    assert read(content).pixels == pytest.approx(ramp(12) / 4095, abs=1e-6)


def test_an_rle_dicom_is_read():
    dataset = dicom()
    dataset.compress(uid.RLELossless)
    radiograph = read(dataset)
    assert radiograph.pixels == pytest.approx(ramp(12) / 4095, abs=1e-6)
    assert radiograph.origin.transfer_syntax == "RLE Lossless"


@pytest.mark.parametrize(
    "syntax_name",
    ["JPEGLosslessProcess14", "JPEGLosslessProcess14_1", "JPEGLSLossless", "JPEG2000Lossless"],
)
def test_losslessly_compressed_dicoms_are_read(syntax_name, tmp_path):
    radiograph = read(gdcm_dicom(ramp(12), syntax_name, tmp_path))
    assert radiograph.pixels == pytest.approx(ramp(12) / 4095, abs=1e-6)


def test_a_jpeg_baseline_dicom_is_read():
    frame = saved(Image.fromarray(ramp()), "JPEG", quality=95)
    radiograph = read(encapsulated(frame, uid.JPEGBaseline8Bit, ramp()))
    assert np.abs(radiograph.pixels - ramp() / 255).max() < 0.03
    assert radiograph.origin.transfer_syntax == "JPEG Baseline (Process 1)"


def test_monochrome1_and_monochrome2_give_equal_pixels():
    inverted = read(dicom(4095 - ramp(12), PhotometricInterpretation="MONOCHROME1"))
    plain = read(dicom())
    assert inverted.pixels == pytest.approx(plain.pixels, abs=1e-6)
    assert (inverted.origin.is_inverted, plain.origin.is_inverted) == (True, False)


def test_monochrome1_is_inverted_after_its_window():
    # LINEAR is not symmetric about its center: mirrored in 4095, center c becomes 4096 - c.
    plain = read(dicom(WindowCenter=1500, WindowWidth=1000))
    inverted = read(
        dicom(4095 - ramp(12), PhotometricInterpretation="MONOCHROME1", WindowCenter=2596, WindowWidth=1000)
    )
    assert inverted.pixels == pytest.approx(plain.pixels, abs=1e-5)


@pytest.mark.parametrize(
    ("photometric", "modality", "is_inverted"),
    [("MONOCHROME1", "DX", True), ("MONOCHROME2", "DX", False), ("MONOCHROME2", "CR", False)],
)
def test_presentation_lut_shape_inverse_never_inverts_twice(photometric, modality, is_inverted):
    origin = read(
        dicom(PhotometricInterpretation=photometric, Modality=modality, PresentationLUTShape="INVERSE")
    ).origin
    assert origin.is_inverted is is_inverted


def test_a_12_bit_window_by_hand():
    # LINEAR, center 2000, width 1001: from 1499.5 (black) to 2499.5 (white).
    values = np.full((HEIGHT, WIDTH), 4095, dtype=np.uint16)
    values[0, :6] = [0, 1499, 1500, 2000, 2499, 2500]
    radiograph = read(dicom(values, WindowCenter=2000, WindowWidth=1001))
    assert radiograph.pixels[0, :6] == pytest.approx([0, 0, 0.0005, 0.5005, 0.9995, 1], abs=1e-6)
    assert (radiograph.origin.voi, radiograph.origin.window) == ("window", (2000, 1001))


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("width", [1, 2, 300, 5000])
def test_windows_equal_pydicoms(function, width):
    dataset = dicom(WindowCenter=1000, WindowWidth=width, VOILUTFunction=function)
    expected = apply_windowing(ramp(12), dataset) / 4095
    assert read(dataset).pixels == pytest.approx(expected, abs=1e-5)


def test_rescale_comes_before_the_window():
    values = ramp(12)
    values[0, 0] = 1000
    exact = {"VOILUTFunction": "LINEAR_EXACT", "WindowCenter": 1500, "WindowWidth": 2000}
    # 2 * 1000 - 100 = 1900; (1900 - 1500) / 2000 + 0.5 = 0.7.
    pixels = read(dicom(values, RescaleSlope=2, RescaleIntercept=-100, **exact)).pixels
    assert pixels[0, 0] == pytest.approx(0.7)


def test_a_negative_slope_turns_the_picture():
    turned = read(dicom(RescaleSlope=-1, RescaleIntercept=4095))
    assert turned.pixels == pytest.approx(1 - ramp(12) / 4095, abs=1e-6)


def test_signed_pixels_are_shifted_by_the_smallest_signed_value():
    values = ramp(12).astype(np.int16) - 2048
    assert read(dicom(values.astype(np.int16))).pixels == pytest.approx(ramp(12) / 4095, abs=1e-6)


def test_12_bits_declared_as_16_use_the_full_range():
    dataset = dicom(BitsStored=16, HighBit=15)
    del dataset.WindowCenter
    radiograph = read(dataset)
    assert (radiograph.origin.bits, radiograph.pixels.max()) == (12, 1)


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_a_voi_lut_equals_pydicoms(syntax):
    entries = [int(1023 * (entry / 4095) ** 2) for entry in range(4096)]
    dataset = dicom(syntax=syntax, VOILUTSequence=table(entries, 10), WindowCenter=5, WindowWidth=9)
    radiograph = read(dataset)
    assert radiograph.pixels == pytest.approx(apply_voi(ramp(12), dataset) / 1023, abs=1e-6)
    assert (radiograph.origin.voi, radiograph.origin.window) == ("LUT", None)
    assert radiograph.origin.notes == (
        "Several lookup tables or windows are stored. The first lookup table was applied.",
    )


def test_a_voi_lut_of_8_bits_and_4096_entries_does_not_wrap_around():
    entries = [entry // 16 for entry in range(4096)]
    pixels = read(dicom(VOILUTSequence=table(entries, 8))).pixels
    assert pixels == pytest.approx((ramp(12) // 16) / 255, abs=1e-6)


def test_a_voi_lut_holds_its_ends():
    values = np.full((HEIGHT, WIDTH), 4000, dtype=np.uint16)
    values[0, :4] = [0, 100, 101, 102]
    pixels = read(dicom(values, VOILUTSequence=table([0, 51, 255], 8, first=100))).pixels
    assert pixels[0, :5] == pytest.approx([0, 0, 0.2, 1, 1])


@pytest.mark.parametrize(("largest", "bits"), [(255, 8), (4095, 12), (4000, 12), (16383, 14)])
def test_a_voi_lut_is_scaled_by_what_it_holds_and_not_by_what_it_declares(largest, bits):
    entries = [entry * largest // 4095 for entry in range(4096)]
    radiograph = read(dicom(VOILUTSequence=table(entries, 16)))
    assert radiograph.pixels == pytest.approx(np.array(entries)[ramp(12)] / (2**bits - 1), abs=1e-6)
    assert radiograph.origin.notes == (
        f"The lookup table declares 16 bits, but its values need {bits}. It was scaled by {bits} bits.",
    )


@pytest.mark.parametrize(("largest", "bits"), [(32768, 16), (65535, 16), (1023, 10), (600, 10), (200, 8)])
def test_a_voi_lut_that_holds_what_it_declares_is_scaled_by_that(largest, bits):
    entries = [entry * largest // 4095 for entry in range(4096)]
    radiograph = read(dicom(VOILUTSequence=table(entries, bits)))
    assert radiograph.pixels == pytest.approx(np.array(entries)[ramp(12)] / (2**bits - 1), abs=1e-6)
    assert radiograph.origin.notes == ()


def test_a_modality_lut_is_applied():
    entries = [65535 - 16 * entry for entry in range(4096)]
    radiograph = read(dicom(ModalityLUTSequence=table(entries, 16)))
    assert radiograph.pixels == pytest.approx(1 - ramp(12) / 4095.0, abs=1e-6)
    assert radiograph.stored is not None
    assert radiograph.stored.values[radiograph.stored.levels] == pytest.approx(65535 - 16.0 * ramp(12))


def test_the_first_of_several_windows_is_applied():
    origin = read(dicom(WindowCenter=[2000, 100], WindowWidth=[1000, 50])).origin
    assert origin.window == (2000, 1000)
    assert origin.notes == ("Several windows are stored. The first one was applied.",)


@pytest.mark.parametrize(
    "window",
    [
        {"WindowCenter": 100, "WindowWidth": 0},
        {"WindowCenter": 100, "WindowWidth": "0.9"},
        {"WindowCenter": 100},
        {"WindowCenter": 100, "WindowWidth": 0, "VOILUTFunction": "SIGMOID"},
    ],
)
def test_a_window_that_cannot_be_used_is_left_out(window):
    radiograph = read(dicom(**window))
    assert radiograph.origin.window is None
    assert len(radiograph.origin.notes) == 2
    assert radiograph.pixels == pytest.approx(ramp(12) / 4095, abs=1e-6)


def test_a_window_of_an_unknown_function_is_linear():
    radiograph = read(dicom(WindowCenter=2048, WindowWidth=4096, VOILUTFunction="CUBIC"))
    assert radiograph.pixels == pytest.approx(ramp(12) / 4095, abs=1e-6)
    assert len(radiograph.origin.notes) == 1


def test_the_values_before_the_window_stay_at_hand_in_the_files_unit():
    slope = {"RescaleSlope": 2, "RescaleIntercept": -1024, "RescaleType": "HU"}
    radiograph = read(dicom(**slope, WindowCenter=[3000, 400], WindowWidth=[6000, 800]))
    assert radiograph.stored is not None
    assert np.array_equal(radiograph.stored.values[radiograph.stored.levels], 2.0 * ramp(12) - 1024)
    assert (radiograph.origin.unit, radiograph.origin.windows) == ("HU", ((3000, 6000), (400, 800)))
    assert not radiograph.stored.levels.flags.writeable and not radiograph.stored.values.flags.writeable


def test_a_picture_has_no_other_values_than_its_grey():
    assert read(png(ramp())).stored is None


@pytest.mark.parametrize(
    ("elements", "shape"),
    [
        ({"PixelAspectRatio": [1, 3]}, (HEIGHT, 3 * WIDTH)),
        ({"PixelAspectRatio": [2, 1]}, (2 * HEIGHT, WIDTH)),
        ({"ImagerPixelSpacing": ["0.2", "0.1"]}, (2 * HEIGHT, WIDTH)),
        ({"PixelSpacing": ["0.143", "0.143"], "ImagerPixelSpacing": ["0.2", "0.1"]}, (HEIGHT, WIDTH)),
        ({"PixelSpacing": ["0.1", "9"]}, (HEIGHT, WIDTH)),
        ({"PixelSpacing": ["0", "0"]}, (HEIGHT, WIDTH)),
    ],
)
def test_pixels_that_are_not_square_are_stretched_to_their_true_shape(elements, shape):
    radiograph = read(dicom(**elements))
    assert radiograph.pixels.shape == (radiograph.origin.height, radiograph.origin.width) == shape
    assert radiograph.stored is not None and radiograph.stored.levels.shape == shape
    assert bool(radiograph.origin.notes) == (shape != (HEIGHT, WIDTH))
    # The picture stays what it was: its first and last pixels, and its mean.
    assert radiograph.pixels[0, 0] == 0 and radiograph.pixels[-1, -1] == pytest.approx(ramp(12)[-1, -1] / 4095)
    assert radiograph.pixels.mean() == pytest.approx((ramp(12) / 4095).mean(), abs=1e-4)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_a_colour_dicom_becomes_grey_and_its_colour_is_measured(photometric):
    # Red, in YBR_FULL by DICOM PS3.3 C.7.6.3.1.2: 0.299 * 255 = 76, 85 and 255.
    stored = (255, 0, 0) if photometric == "RGB" else (76, 85, 255)
    values = np.full((HEIGHT, WIDTH, 3), stored, dtype=np.uint8)
    radiograph = read(dicom(values, PhotometricInterpretation=photometric))
    assert radiograph.pixels[0, 0] == pytest.approx(0.299, abs=0.005)
    assert radiograph.origin.colour == pytest.approx(4 / 9, abs=0.005)


@pytest.mark.parametrize(
    ("stated", "years"),
    [
        ("004Y", 4),
        ("018M", 1.5),
        ("012W", 84 / 365.25),
        ("030D", 30 / 365.25),
        ("0045Y", 45),
        ("45Y", 45),
        ("3Y", 3),
        ("18M", 1.5),
        (" 045Y", 45),
        ("045y ", 45),
        ("045 Y", 45),
        ("130Y", 130),
    ],
)
def test_an_age_is_read_as_devices_write_it(stated, years):
    origin = read(shown(PatientAge=stated)).origin
    assert (origin.age_years, origin.notes) == (pytest.approx(years), ())


@pytest.mark.parametrize("stated", ["131Y", "999", "-04Y", "abcY", "Y", "4.5Y", "0x4Y", "19600101", "4YY"])
def test_an_age_that_is_none_is_not_known_and_said_so_without_quoting_it(stated):
    origin = read(shown(PatientAge=stated)).origin
    assert (origin.age_years, origin.is_age_unclear) == (None, True)
    assert origin.notes == ("PatientAge could not be understood.",)
    (caution,) = assess(read(shown(PatientAge=stated)), ((1.0, 5.0),)).cautions
    assert caution.tag == UNCLEAR_AGE


def test_an_adult_whose_age_lacks_its_unit_is_outside_of_a_childrens_network():
    film = read(shown(PatientAge="62"))
    assert assess(film, ((1.0, 5.0),)).is_outside_population


@pytest.mark.parametrize("stated", [None, ""])
def test_an_age_is_computed_from_the_dates_where_none_is_stated(stated):
    elements = {} if stated is None else {"PatientAge": stated}
    origin = read(shown(PatientBirthDate="20190101", StudyDate="20230101", **elements)).origin
    assert origin.age_years == pytest.approx(1461 / 365.25)
    assert origin.notes == ("The age was computed from PatientBirthDate and StudyDate.",)
    assert "2019" not in repr(origin) and "2023" not in repr(origin)


@pytest.mark.parametrize(
    ("born", "seen"),
    [
        ("20230102", "20230101"),
        ("18900101", "20230101"),
        ("2019", "20230101"),
        ("2019011", "20230101"),
        ("20190230", "20230101"),
        ("20190101", "2023"),
    ],
)
def test_dates_that_are_no_dates_give_no_age_and_are_said_so(born, seen):
    origin = read(shown(PatientBirthDate=born, StudyDate=seen)).origin
    assert (origin.age_years, origin.is_age_unclear) == (None, True)
    assert origin.notes == ("PatientBirthDate and StudyDate give no possible age.",)


@pytest.mark.parametrize(("born", "seen"), [("", "20230101"), ("20190101", "")])
def test_one_date_alone_gives_no_age(born, seen):
    origin = read(shown(PatientBirthDate=born, StudyDate=seen)).origin
    assert (origin.age_years, origin.is_age_unclear, origin.notes) == (None, False, ())


@pytest.mark.parametrize(("stored", "kept"), [("PA", "PA"), ("LL", "LL"), ("pa ", "PA"), ("DOE JOHN", None)])
def test_view_position_comes_from_the_vocabulary_alone(stored, kept):
    assert read(dicom(ViewPosition=stored)).origin.view_position == kept


@pytest.mark.parametrize(("stored", "kept"), [("M", "M"), ("F", "F"), ("O", "O"), ("X", None), ("", None)])
def test_sex_is_m_f_or_o(stored, kept):
    assert read(dicom(PatientSex=stored)).origin.sex == kept


@pytest.mark.parametrize("modality", ["CR", "DX", "RG"])
def test_projection_xrays_are_read(modality):
    assert read(dicom(Modality=modality)).origin.modality == modality


def test_a_dicom_without_modality_is_read_with_a_note():
    origin = read(shown(Modality=None)).origin
    assert origin.modality is None
    assert origin.notes == ("The DICOM names no modality. It was read as an X-ray.",)


@pytest.mark.parametrize("body_part", ["", "CHEST", "chest pa", "THORAX", "LUNG", "CHEST ABDOMEN", "AP"])
def test_a_chest_by_any_name_is_read(body_part):
    read(dicom(BodyPartExamined=body_part))


# --- refusals -----------------------------------------------------------------------------------


def test_an_empty_file_is_refused():
    assert code_of(b"") == "empty"


@pytest.mark.parametrize("as_file", [True, False])
def test_a_file_of_too_many_bytes_is_refused(as_file, monkeypatch):
    monkeypatch.setattr(radiograph_module, "MAX_FILE_BYTES", 2**20)
    content = bytes(2**20 + 1)
    with pytest.raises(UnreadableImageError) as caught:
        read_radiograph(io.BytesIO(content) if as_file else content, "scan")
    assert caught.value.code == "too_large"


def test_a_large_path_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("was read"))
    with pytest.raises(UnreadableImageError) as caught:
        read_radiograph(path)
    assert caught.value.code == "too_large"


def test_a_missing_path_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(UnreadableImageError) as caught:
            read_radiograph(path)
        assert caught.value.code == "not_found"


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7",
        b"PK\x03\x04....",
        b"\x1f\x8b\x08",
        bytes(344) + b"n+1\0",
        b"<!DOCTYPE html><p>",
        b"patient;age\n1;2\n",
        b"\x01\x02\x03\xff" * 50,
        *(saved(Image.new("RGB", (100, 100)), form) for form in ("GIF", "WEBP", "AVIF")),
    ],
)
def test_other_kinds_of_file_are_refused(content):
    assert code_of(content) == "not_an_image"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP"])
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_a_picture_cut_short_is_refused(form, part):
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    content = saved(Image.fromarray(noise), form)
    assert refusal(content[: int(part * len(content))]) == CUT_SHORT


def test_a_png_with_a_wrong_checksum_is_refused():
    content = bytearray(png(ramp()))
    content[content.index(b"IDAT") + 60] ^= 1
    assert refusal(bytes(content)) == DAMAGED


@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_garbage_behind_the_right_first_bytes_is_refused(start):
    assert refusal(start + b"garbage" * 100) in (DAMAGED, CUT_SHORT)


@pytest.mark.parametrize("shape", [(95, 120), (120, 95)])
def test_95_pixels_are_too_few(shape):
    assert code_of(png(np.zeros(shape, np.uint8))) == "too_small"
    assert code_of(dicom(np.zeros(shape, np.uint8))) == "too_small"


def test_96_pixels_are_enough():
    assert read(png(np.zeros((96, 96), np.uint8))).origin.height == 96
    assert read(dicom(np.zeros((96, 96), np.uint8))).origin.width == 96


def test_more_than_50_megapixels_are_refused_before_decoding():
    assert code_of(declared_png(5000, 10001)) == "too_large"
    assert code_of(dicom(Rows=5000, Columns=10001)) == "too_large"
    # Exactly 50 megapixels pass that check and fail at the missing pixels.
    assert code_of(declared_png(5000, 10000)) == "damaged"


def test_900_megapixels_are_refused_too():
    assert code_of(declared_png(30000, 30000)) == "too_large"


def test_an_animated_png_is_refused():
    image = Image.fromarray(ramp())
    content = saved(image, save_all=True, append_images=[image.transpose(Image.Transpose.ROTATE_180)])
    assert code_of(content) == "several_pictures"


def test_a_jpeg_of_hundreds_of_scans_is_refused():
    content = saved(Image.fromarray(ramp()), "JPEG", progressive=True)
    assert read(content).origin.format == "JPEG"
    assert code_of(content[:-2] + b"\xff\xda" * 101) == "too_large"


@pytest.mark.parametrize("modality", ["CT", "MG", "SR", "DOE"])
def test_other_modalities_are_refused(modality):
    assert code_of(dicom(Modality=modality), UnsuitableImageError) == "modality"


@pytest.mark.parametrize("body_part", ["HAND", "LEFT KNEE", "ABDOMEN", "LSPINE"])
def test_other_body_parts_are_refused(body_part):
    assert code_of(dicom(BodyPartExamined=body_part), UnsuitableImageError) == "body_part"


@pytest.mark.parametrize(
    "elements",
    [
        {"SOPClassUID": uid.DigitalXRayImageStorageForProcessing},
        {"SOPClassUID": uid.DigitalMammographyXRayImageStorageForProcessing},
        {"SOPClassUID": uid.DigitalIntraOralXRayImageStorageForProcessing},
        {"SOPClassUID": uid.ComputedRadiographyImageStorage, "PresentationIntentType": "FOR PROCESSING"},
        {"PresentationIntentType": "FOR PROCESSING"},
        {"PresentationIntentType": "for processing "},
        {"SOPClassUID": uid.DigitalXRayImageStorageForProcessing, "PresentationIntentType": "FOR PRESENTATION"},
    ],
)
@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian])
def test_raw_data_of_a_detector_are_refused(elements, syntax):
    assert code_of(dicom(syntax=syntax, **elements), UnsuitableImageError) == "for_processing"


@pytest.mark.parametrize("intent", ["FOR PRESENTATION", ""])
def test_an_image_for_presentation_is_read(intent):
    assert read(dicom(PresentationIntentType=intent)).origin.modality == "DX"


@pytest.mark.parametrize(("frames", "code"), [(-1, "header"), (10, "several_pictures")])
def test_a_number_of_frames_other_than_1_is_refused(frames, code):
    assert code_of(dicom(NumberOfFrames=frames)) == code


def test_more_frames_than_declared_are_refused():
    dataset = dicom()
    dataset.PixelData *= 2
    assert code_of(dataset) == "several_pictures"
    frames = [saved(Image.fromarray(ramp()), "JPEG")] * 2
    dataset = dicom(ramp(), uid.JPEGBaseline8Bit)
    dataset.PixelData = encapsulate(frames)
    assert code_of(dataset) == "several_pictures"


def test_a_dicom_without_pixel_data_is_refused():
    assert code_of(dicom(PixelData=None)) == "no_pixels"


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "BitsAllocated", "PhotometricInterpretation"])
def test_a_dicom_without_a_required_element_is_refused(keyword):
    assert code_of(dicom(**{keyword: None})) == "header"


@pytest.mark.parametrize("photometric", ["PALETTE COLOR", "DOE"])
def test_other_pixel_kinds_are_refused(photometric):
    assert code_of(dicom(PhotometricInterpretation=photometric)) == "unsupported"


@pytest.mark.parametrize(
    "layout",
    [{"BitsAllocated": 32}, {"BitsStored": 17}, {"BitsStored": 0}, {"SamplesPerPixel": 3}, {"HighBit": 16}],
)
def test_unusual_layouts_are_refused(layout):
    assert code_of(dicom(**layout)) == "unsupported"


@pytest.mark.parametrize(
    "rescale",
    [{"RescaleSlope": 0}, {"RescaleSlope": "1e999"}, {"RescaleIntercept": "-1e999"}],
)
def test_an_impossible_rescale_is_left_aside_with_a_note(rescale):
    radiograph = read(dicom(**rescale, WindowCenter=2048, WindowWidth=4096))
    assert radiograph.pixels == pytest.approx(ramp(12) / 4095, abs=1e-6)
    assert len(radiograph.origin.notes) == 1


def test_numbers_too_large_for_float32_are_refused():
    assert refusal(dicom(RescaleSlope="1e300")) == DAMAGED


def of_syntax(syntax: uid.UID) -> bytes:
    """A DICOM of a syntax planted afterwards, because pydicom would not write an unknown one."""
    dataset = dicom()
    dataset.PixelData = encapsulate([b"\xff\xd8"])
    dataset.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    dataset.save_as(file, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return file.getvalue()


@pytest.mark.parametrize("syntax", [uid.MPEG2MPML, uid.UID("1.2.3.4.5")])
def test_a_transfer_syntax_that_cannot_be_decoded_is_refused(syntax):
    assert code_of(of_syntax(syntax)) == "unsupported"


@pytest.mark.parametrize("dropped", [1, 1000, 20000])
def test_uncompressed_pixel_data_cut_short_is_refused(dropped):
    assert refusal(written(dicom())[:-dropped]) == CUT_SHORT


def test_compressed_pixel_data_cut_short_is_refused():
    frame = saved(Image.fromarray(ramp()), "JPEG")
    whole = encapsulated(frame, uid.JPEGBaseline8Bit, ramp())
    assert refusal(whole[:-500]) == CUT_SHORT
    # The file is whole here, and the frame in it is not.
    assert refusal(encapsulated(frame[:-500], uid.JPEGBaseline8Bit, ramp())) == CUT_SHORT


def test_a_frame_of_another_size_than_the_header_is_refused():
    frame = saved(Image.new("L", (5000, 5000)), "JPEG")
    assert refusal(encapsulated(frame, uid.JPEGBaseline8Bit, ramp())) == DAMAGED


def test_an_rle_frame_that_unpacks_too_far_is_refused():
    # One segment of 10,000 runs of 128 bytes: 1.28 million instead of 12,000.
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\x00" * 10_000
    assert refusal(encapsulated(frame, uid.RLELossless, ramp())) == DAMAGED


def test_a_deflated_dicom_is_inflated_within_bounds(monkeypatch):
    monkeypatch.setattr(dicom_frame, "MAX_INFLATED_BYTES", 20_000)
    content = written(dicom(np.zeros((HEIGHT, WIDTH), np.uint16), uid.DeflatedExplicitVRLittleEndian))
    with pytest.raises(UnreadableImageError) as caught:
        read_dicom(content)
    assert caught.value.code == "too_large"


def test_a_deflated_dicom_cut_short_is_refused():
    assert refusal(written(dicom(syntax=uid.DeflatedExplicitVRLittleEndian))[:-100]) == CUT_SHORT


def test_a_deflated_dicom_in_a_deflated_dicom_is_refused():
    inner = written(dicom(syntax=uid.DeflatedExplicitVRLittleEndian))
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(inner) + packer.flush()
    meta = inner[: 132 + 12 + struct.unpack_from("<I", inner, 140)[0]]
    assert refusal(meta + packed) == DAMAGED


def test_5000_nested_sequences_are_refused():
    start, item = (
        struct.pack("<2H2sHI", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF),
        struct.pack("<2HI", 0xFFFE, 0xE000, 0xFFFFFFFF),
    )
    plain = written(dicom())
    meta = plain[: 132 + 12 + struct.unpack_from("<I", plain, 140)[0]]
    assert refusal(meta + (start + item) * 5000) == DAMAGED


@pytest.mark.parametrize("keyword", ["RescaleSlope", "WindowCenter"])
def test_a_header_with_words_for_numbers_is_said_so_without_quoting_them(keyword):
    content = written(dicom(**{keyword: "1234567"}, WindowWidth=10)).replace(b"1234567", b"JOHNDOE")
    origin = read(content).origin
    assert len(origin.notes) > 0
    assert "DOE" not in repr(origin)


def test_an_element_of_a_wrong_length_is_refused():
    content = written(dicom())
    length = content.index(b"\x28\x00\x10\x00US\x02\x00") + 6
    assert refusal(content[:length] + b"\x03" + content[length + 1 :]) == DAMAGED


# --- privacy ------------------------------------------------------------------------------------

CANARY = "Canarybird"


def test_no_identifier_gets_into_the_value_the_logs_or_the_warnings(caplog, capfd):
    dataset = dicom(PatientAge="004Y", WindowCenter=[100, 200], WindowWidth=[50, 60])
    named = "PatientName PatientID OtherPatientIDs PatientAddress PatientComments InstitutionName"
    for keyword in [*named.split(), "ReferringPhysicianName", "AccessionNumber", "StudyDescription"]:
        setattr(dataset, keyword, CANARY)
    dataset.ViewPosition = dataset.PatientSex = CANARY
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Values that pydicom warns about, quoting them.
        dataset.SOPInstanceUID = dataset.StudyInstanceUID = CANARY
        dataset.StudyDate = CANARY
        dataset.file_meta.MediaStorageSOPInstanceUID = CANARY
        content = written(dataset)
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = CANARY
    picture = saved(Image.fromarray(ramp()), "JPEG", exif=exif, comment=CANARY.encode())
    assert CANARY.encode() in content and CANARY.encode() in picture

    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        radiographs = [read_radiograph(content, "scan"), read_radiograph(picture, "scan")]
        message = refusal(content[:-1000])
    printed = capfd.readouterr()
    for text in (*map(repr, radiographs), message, caplog.text, str(raised), printed.out, printed.err):
        assert CANARY not in text
    assert raised == []
    assert radiographs[0].origin.age_years == 4


def test_importing_reads_no_keras_opencv_or_streamlit_and_no_decoder_of_files():
    code = "import sys, pneumo_core.film.radiograph; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {"keras", "tensorflow", "cv2", "streamlit", "PIL", "pydicom"}.isdisjoint(loaded.split())


@pytest.mark.parametrize("appended", [b"\n", b"more", bytes(100)], ids=["line", "word", "zeros"])
def test_what_is_appended_to_a_whole_png_does_not_matter(appended: bytes):
    content = png(drawn_film(True, 1))
    expected = read_radiograph(content, "film.png").pixels
    assert np.array_equal(read_radiograph(content + appended, "film.png").pixels, expected)
