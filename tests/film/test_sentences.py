"""The sentences of this room, each beside what provokes it. Other tests hold classes and codes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import uid

from pneumo_core.draw.picture import captioned_png
from pneumo_core.errors import PneumoError, UnreadableImageError
from pneumo_core.film import radiograph as radiograph_module
from pneumo_core.film.dicom import frame as dicom_frame
from pneumo_core.film.dicom.reading import read_dicom
from pneumo_core.film.radiograph import read_radiograph
from tests.film.dicom.test_frame import BLOCKS, JPEG_12, unpacked
from tests.film.test_radiograph import (
    HEIGHT,
    WIDTH,
    declared_png,
    dicom,
    encapsulated,
    of_syntax,
    png,
    ramp,
    saved,
    written,
)
from tests.test_prose import MOST_WORDS, faults

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR")

GREY = Image.fromarray(ramp())
NOT_AN_X_RAY = "scan seems to be {}, not an X-ray. {}"
UPLOAD = "Please upload a DICOM, PNG, JPEG, TIFF or BMP file."
SAVE = "Please save the picture as JPEG or PNG, and upload that."
UNPACK = "Please unpack it, and upload the X-ray itself."
EXPORT = "Please export the X-ray itself from the program that made it."
TIFF = "scan is a TIFF {}, which is not read. Please save it with 8 or 16 bits in grey, without compression."
NO_IMAGE = "scan is {}, not an image. Please upload the X-ray itself."
MODALITY = "scan is {}. Projection X-rays (CR, DX, RG) can be read. Please upload a chest X-ray."
BODY_PART = "scan is an X-ray of another body part ({}). Please upload a chest X-ray."
SEVERAL = "scan holds several pictures. Please upload a single X-ray."
FRAMES = "scan is a DICOM with {}. Please upload a single X-ray."
SYNTAX = "scan is stored as {}, which cannot be decoded. Please export it uncompressed."
REFUSALS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "scan is empty. Please export or download it again."),
    "PDF": (lambda: b"%PDF-1.7", NOT_AN_X_RAY.format("a PDF document", EXPORT)),
    "ZIP": (lambda: b"PK\x03\x04....", NOT_AN_X_RAY.format("a ZIP archive", UNPACK)),
    "gzip": (
        lambda: b"\x1f\x8b\x08",
        NOT_AN_X_RAY.format("a gzip archive, as NIfTI volumes often are", UNPACK),
    ),
    "NIfTI": (lambda: bytes(344) + b"n+1\0", NOT_AN_X_RAY.format("a NIfTI volume", UPLOAD)),
    "web page": (lambda: b"<!DOCTYPE html><p>", NOT_AN_X_RAY.format("a web page", UPLOAD)),
    "text": (lambda: b"patient;age\n1;2\n", NOT_AN_X_RAY.format("a text file", UPLOAD)),
    "unknown": (lambda: b"\x01\x02\x03\xff" * 50, NOT_AN_X_RAY.format("a file of an unknown kind", UPLOAD)),
    "HEIC": (lambda: b"\0\0\0\x18ftypheic", NOT_AN_X_RAY.format("a HEIC photo", SAVE)),
    "GIF": (lambda: saved(GREY, "GIF"), NOT_AN_X_RAY.format("a GIF image", SAVE)),
    "floats in a TIFF": (
        lambda: saved(Image.fromarray(ramp().astype(np.float32)), "TIFF"),
        TIFF.format("of fractions (floating point)"),
    ),
    "a fax in a TIFF": (
        lambda: saved(GREY.convert("1"), "TIFF", compression="group4"),
        TIFF.format("compressed as fax"),
    ),
    "a BMP in runs": (
        lambda: saved(GREY, "BMP")[:30] + b"\1" + saved(GREY, "BMP")[31:],
        "scan is a BMP of an unusual kind, which is not read. Please save it as PNG.",
    ),
    "own picture": (
        lambda: captioned_png(ramp(), ["A line"], "0" * 64),
        "scan is a picture that Pneumo itself drew, not an X-ray. Please upload the X-ray that it was drawn from.",
    ),
    "DICOMDIR": (
        lambda: written(dicom(SOPClassUID=uid.MediaStorageDirectoryStorage)),
        NO_IMAGE.format("a DICOMDIR, which lists the files of a disk"),
    ),
    "PDF in a DICOM": (
        lambda: written(dicom(SOPClassUID=uid.EncapsulatedPDFStorage)),
        NO_IMAGE.format("a PDF document in a DICOM"),
    ),
    "too small": (
        lambda: png(np.zeros((95, 120), np.uint8)),
        "scan is 95 x 120 pixels. Please upload an X-ray of at least 96 x 96.",
    ),
    "too large": (
        lambda: declared_png(5000, 10001),
        "scan is 5000 x 10001 pixels. Please upload an X-ray of at most 50 megapixels.",
    ),
    "far too large": (
        lambda: declared_png(30000, 30000),
        "scan has too many pixels. Please upload an X-ray of at most 50 megapixels.",
    ),
    "several pictures": (lambda: saved(GREY, "TIFF", save_all=True, append_images=[GREY]), SEVERAL),
    "many scans": (
        lambda: saved(GREY, "JPEG", progressive=True)[:-2] + b"\xff\xda" * 101,
        "scan is a JPEG with unusually many scans. Please save it as PNG.",
    ),
    "damaged": (
        lambda: written(dicom(RescaleSlope="1e300")),
        "scan is damaged and cannot be read. Please export or download it again.",
    ),
    "cut short": (
        lambda: written(dicom())[:-1000],
        "scan is cut short and cannot be read. Please export or download it again.",
    ),
    "CT": (lambda: written(dicom(Modality="CT")), MODALITY.format("a CT slice (modality CT)")),
    "MG": (lambda: written(dicom(Modality="MG")), MODALITY.format("a mammogram (modality MG)")),
    "SR": (lambda: written(dicom(Modality="SR")), MODALITY.format("a structured report (modality SR)")),
    "DOE": (lambda: written(dicom(Modality="DOE")), MODALITY.format("of an unknown modality")),
    **{
        part: (lambda part=part: written(dicom(BodyPartExamined=part)), BODY_PART.format(found))
        for part, found in (("HAND", "hand"), ("LEFT KNEE", "knee"), ("ABDOMEN", "abdomen"), ("LSPINE", "spine"))
    },
    "raw data": (
        lambda: written(dicom(PresentationIntentType="FOR PROCESSING")),
        "scan is raw data of a detector (FOR PROCESSING), not an image for viewing. The same exposure has an image FOR "
        "PRESENTATION. Please export and upload that one.",
    ),
    "no frames": (lambda: written(dicom(NumberOfFrames=-1)), FRAMES.format("an impossible number of frames")),
    "10 frames": (lambda: written(dicom(NumberOfFrames=10)), FRAMES.format("10 frames")),
    "no pixel data": (
        lambda: written(dicom(PixelData=None)),
        "scan is a DICOM without pixel data. Please export the X-ray itself.",
    ),
    "no rows": (
        lambda: written(dicom(Rows=None)),
        "scan is a DICOM without Rows, so its pixels cannot be read. Please export it again.",
    ),
    "palette": (
        lambda: written(dicom(PhotometricInterpretation="PALETTE COLOR")),
        "scan is a DICOM in palette colour. Please export it as MONOCHROME2.",
    ),
    "pixel kind": (
        lambda: written(dicom(PhotometricInterpretation="DOE")),
        "scan is a DICOM of an unknown pixel kind. Please export it as MONOCHROME2.",
    ),
    "allocated": (
        lambda: written(dicom(BitsAllocated=32)),
        "scan is a DICOM with BitsAllocated 32 where it must be 8 or 16. Please export it with 8 or 16 bits.",
    ),
    "stored": (
        lambda: written(dicom(BitsStored=17)),
        "scan is a DICOM with BitsStored 17 where BitsAllocated is 16. Please export it with 8 or 16 bits.",
    ),
    "samples": (
        lambda: written(dicom(SamplesPerPixel=3)),
        "scan is a DICOM with SamplesPerPixel 3 where it must be 1. Please export it with 8 or 16 bits.",
    ),
    "sign": (
        lambda: written(dicom(PixelRepresentation=2)),
        "scan is a DICOM whose pixels are neither signed nor unsigned. Please export it with 8 or 16 bits.",
    ),
    "high bit": (
        lambda: written(dicom(HighBit=16)),
        "scan is a DICOM with HighBit 16 where BitsStored is 12 and BitsAllocated 16. "
        "Please export it with 8 or 16 bits.",
    ),
    "floats": (
        lambda: written(dicom(PixelData=None, FloatPixelData=bytes(4))),
        "scan is a DICOM whose pixels are floating-point numbers. Please export it with 8 or 16 bits.",
    ),
    "another high bit": (
        lambda: encapsulated(unpacked(JPEG_12), uid.JPEGExtended12Bit, BLOCKS, BitsStored=10, HighBit=15),
        "scan is a DICOM whose header puts the highest bit at 15 and whose frame has 12 bits. "
        "Please export it uncompressed.",
    ),
    "more bits": (
        lambda: encapsulated(unpacked(JPEG_12), uid.JPEGExtended12Bit, BLOCKS.astype(np.uint8)),
        "scan is a DICOM whose header says 8 bits and whose frame has 12. Please export it uncompressed.",
    ),
    "other samples": (
        lambda: encapsulated(saved(GREY.convert("RGB"), "JPEG"), uid.JPEGBaseline8Bit, ramp()),
        "scan is a DICOM whose frame is in colour, against its header. Please export it uncompressed.",
    ),
    "MPEG2": (lambda: of_syntax(uid.MPEG2MPML), SYNTAX.format("MPEG2 Main Profile / Main Level")),
    "unknown syntax": (lambda: of_syntax(uid.UID("1.2.3.4.5")), SYNTAX.format("an unknown transfer syntax")),
}


def said(act: Callable[[], object]) -> str:
    with pytest.raises(PneumoError) as refusal:
        act()
    return str(refusal.value)


@pytest.mark.parametrize(("make", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_of_a_file_has_its_sentence(make: Callable[[], bytes], sentence: str):
    assert said(lambda: read_radiograph(make(), "scan")) == sentence
    assert faults(sentence, MOST_WORDS) == []


def test_frames_that_are_not_declared_have_their_sentence():
    dataset = dicom()
    dataset.PixelData *= 2
    assert said(lambda: read_radiograph(written(dataset), "scan")) == FRAMES.format("several frames")


def test_a_path_that_is_no_file_has_its_sentence(tmp_path: Path):
    rest = "Please choose a DICOM, PNG, JPEG, TIFF or BMP file."
    assert said(lambda: read_radiograph(tmp_path / "none.png")) == f"none.png does not exist. {rest}"
    assert said(lambda: read_radiograph(tmp_path)) == f"{tmp_path.name} is a folder. {rest}"


def test_too_many_bytes_have_their_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(radiograph_module, "MAX_FILE_BYTES", 2**20)
    assert said(lambda: read_radiograph(bytes(2**20 + 1), "scan")) == (
        "scan is too large. Files up to 1 MiB can be read. Please export a single X-ray."
    )


def test_too_many_bytes_once_unpacked_have_their_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dicom_frame, "MAX_INFLATED_BYTES", 20_000)
    content = written(dicom(np.zeros((HEIGHT, WIDTH), np.uint16), uid.DeflatedExplicitVRLittleEndian))
    with pytest.raises(UnreadableImageError) as refusal:
        read_dicom(content)
    assert str(refusal.value) == "is too large once unpacked. Please export it uncompressed, as a single X-ray."
