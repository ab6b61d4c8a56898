"""Each reason for which an image gets no score has its code, which is the same on both sides of the decoder's pipe."""

import errno
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate

from pneumo_core.draw.picture import captioned_png
from pneumo_core.errors import (
    IMAGE_CODES,
    CorrectableImageError,
    PneumoError,
    UnreadableImageError,
    UnsuitableImageError,
)
from pneumo_core.film import decoder_process
from pneumo_core.film.decoder import Decoder
from pneumo_core.film.radiograph import read_radiograph
from pneumo_core.gate.input_gate import INVERTED, KINDS, LEFT, OTHER, OVER, PART, RIGHT, UPRIGHT, Verdict
from pneumo_core.gate.quality import measure_quality, refuse_clipped
from pneumo_core.gate.suitability import NOT_FRONTAL, assess, refuse_by
from tests.film.test_decoder import FILM, does, liar, python
from tests.film.test_radiograph import declared_png, dicom, encapsulated, png, ramp, saved, written
from tests.makers import radiograph

pytestmark = pytest.mark.filterwarnings("ignore")

GREY = Image.fromarray(ramp())
YEARS = ((1.0, 5.0),)


def two_frames() -> bytes:
    dataset = dicom(ramp(), uid.JPEGBaseline8Bit)
    dataset.PixelData = encapsulate([saved(GREY, "JPEG")] * 2)
    return written(dataset)


def twice_the_pixels() -> bytes:
    dataset = dicom()
    dataset.PixelData *= 2
    return written(dataset)


def bmp() -> bytes:
    return saved(GREY, "BMP")


def of_syntax(syntax: uid.UID) -> bytes:
    """A DICOM that only says that it is of this transfer syntax."""
    content = written(dicom(syntax=uid.UID("1.2.840.10008.1.2.1")))
    old = struct.pack("<2H2sH", 2, 0x10, b"UI", 20) + b"1.2.840.10008.1.2.1\0"
    assert old in content
    name = syntax.encode().ljust(20, b"\0")
    assert len(name) == 20
    return content.replace(old, old[:8] + name)


# What is wrong with a file's bytes: how it is made, and the class and code of its refusal.
FILES: dict[str, tuple[Callable[[], bytes], type[PneumoError], str]] = {
    "no bytes": (lambda: b"", UnreadableImageError, "empty"),
    "too many bytes": (lambda: bytes(64 * 2**20 + 1), UnreadableImageError, "too_large"),
    "a text": (lambda: b"patient;age\n", UnreadableImageError, "not_an_image"),
    "a PNG cut short": (lambda: png(ramp())[:-60], UnreadableImageError, "damaged"),
    "a PNG of few pixels": (lambda: png(np.zeros((95, 120), np.uint8)), UnreadableImageError, "too_small"),
    "a PNG of 50.005 megapixels": (lambda: declared_png(5000, 10001), UnreadableImageError, "too_large"),
    "a PNG of 900 megapixels": (lambda: declared_png(30000, 30000), UnreadableImageError, "too_large"),
    "several pictures": (
        lambda: saved(GREY, "TIFF", save_all=True, append_images=[GREY]),
        UnreadableImageError,
        "several_pictures",
    ),
    "a DICOMDIR": (
        lambda: written(dicom(SOPClassUID=uid.MediaStorageDirectoryStorage)),
        UnreadableImageError,
        "no_pixels",
    ),
    "a picture drawn by Pneumo": (
        lambda: captioned_png(ramp(), ["A line"], "0" * 64),
        UnreadableImageError,
        "own_export",
    ),
    "a TIFF of fractions": (
        lambda: saved(Image.fromarray(ramp().astype(np.float32)), "TIFF"),
        UnreadableImageError,
        "unsupported",
    ),
    "a BMP in runs": (
        lambda: bmp()[:30] + b"\1" + bmp()[31:],
        UnreadableImageError,
        "unsupported",
    ),
    "a JPEG of many scans": (
        lambda: saved(GREY, "JPEG", progressive=True)[:-2] + b"\xff\xda" * 101,
        UnreadableImageError,
        "too_large",
    ),
    "a CT": (lambda: written(dicom(Modality="CT")), UnsuitableImageError, "modality"),
    "a modality unheard of": (lambda: written(dicom(Modality="DOE")), UnsuitableImageError, "modality"),
    "a hand": (lambda: written(dicom(BodyPartExamined="HAND")), UnsuitableImageError, "body_part"),
    "raw data": (
        lambda: written(dicom(PresentationIntentType="FOR PROCESSING")),
        UnsuitableImageError,
        "for_processing",
    ),
    "no pixel data": (lambda: written(dicom(PixelData=None)), UnreadableImageError, "no_pixels"),
    "no Rows": (lambda: written(dicom(Rows=None)), UnreadableImageError, "header"),
    "few rows": (lambda: written(dicom(Rows=95)), UnreadableImageError, "too_small"),
    "frames -1": (lambda: written(dicom(NumberOfFrames=-1)), UnreadableImageError, "header"),
    "frames 10": (lambda: written(dicom(NumberOfFrames=10)), UnreadableImageError, "several_pictures"),
    "frames not declared": (twice_the_pixels, UnreadableImageError, "several_pictures"),
    "frames not declared, compressed": (two_frames, UnreadableImageError, "several_pictures"),
    "palette": (
        lambda: written(dicom(ramp(), PhotometricInterpretation="PALETTE COLOR")),
        UnreadableImageError,
        "unsupported",
    ),
    "an unusual layout": (lambda: written(dicom(BitsAllocated=32)), UnreadableImageError, "unsupported"),
    "an unknown syntax": (lambda: of_syntax(uid.UID("1.2.840.10008.1.2.9")), UnreadableImageError, "unsupported"),
    "a frame in colour, a header in grey": (
        lambda: encapsulated(saved(GREY.convert("RGB"), "JPEG"), uid.JPEGBaseline8Bit, ramp()),
        UnreadableImageError,
        "header",
    ),
    "pixels cut short": (lambda: written(dicom())[:-1000], UnreadableImageError, "damaged"),
    "a frame of another size": (
        lambda: encapsulated(saved(Image.new("L", (500, 500)), "JPEG"), uid.JPEGBaseline8Bit, ramp()),
        UnreadableImageError,
        "damaged",
    ),
    "150 MiB, deflated": (
        lambda: written(dicom(np.zeros((9000, 8000), np.uint16), uid.DeflatedExplicitVRLittleEndian)),
        UnreadableImageError,
        "too_large",
    ),
}


def all_white() -> np.ndarray:
    pixels = np.ones((200, 200), np.float32)
    pixels[:20] = 0
    return pixels


# The same of what was decoded.
IMAGES: dict[str, tuple[Callable[[], object], type[PneumoError], str]] = {
    "colour": (lambda: assess(radiograph(colour=0.07), YEARS), UnsuitableImageError, "colour"),
    "one grey": (
        lambda: assess(radiograph(np.full((100, 100), 0.4, np.float32)), YEARS),
        UnsuitableImageError,
        "blank",
    ),
    "a strip": (lambda: assess(radiograph(height=100, width=251), YEARS), UnsuitableImageError, "shape"),
    "white": (lambda: refuse_clipped(measure_quality(all_white()), "scan"), UnsuitableImageError, "clipped"),
    **{
        view: (lambda view=view: assess(radiograph(view_position=view), YEARS), UnsuitableImageError, "lateral_view")
        for view in NOT_FRONTAL
    },
    **{
        kind: (lambda kind=kind: refuse_by(Verdict(kind, 0.1, False), "scan"), refusal, code)
        for kind, refusal, code in (
            (UPRIGHT, UnsuitableImageError, "not_a_chest"),
            (LEFT, CorrectableImageError, "turned"),
            (OVER, CorrectableImageError, "turned"),
            (RIGHT, CorrectableImageError, "turned"),
            (INVERTED, CorrectableImageError, "inverted"),
            (PART, UnsuitableImageError, "cut_off_or_several"),
            (OTHER, UnsuitableImageError, "not_a_chest"),
        )
    },
}


def refused(act: Callable[[], object]) -> tuple[type[PneumoError], str]:
    with pytest.raises(PneumoError) as caught:
        act()
    return type(caught.value), caught.value.code


@pytest.mark.parametrize("case", FILES)
def test_a_file_is_refused_with_the_code_of_its_reason(case: str):
    make, refusal, code = FILES[case]
    assert refused(lambda: read_radiograph(make(), "scan")) == (refusal, code)


@pytest.mark.parametrize("case", IMAGES)
def test_an_image_is_refused_with_the_code_of_its_reason(case: str):
    act, refusal, code = IMAGES[case]
    assert refused(act) == (refusal, code)


def test_every_kind_that_the_gate_knows_has_a_code():
    assert set(KINDS) <= set(IMAGES)


def test_a_path_without_a_file_is_refused_as_not_found(tmp_path: Path):
    for path in (tmp_path / "none.png", tmp_path, tmp_path / ("x" * 300)):
        assert refused(lambda path=path: read_radiograph(path)) == (UnreadableImageError, "not_found")


def test_a_file_that_may_not_be_opened_is_refused_as_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def closed(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    (tmp_path / "film.png").write_bytes(FILM)
    monkeypatch.setattr(Path, "read_bytes", closed)
    assert refused(lambda: read_radiograph(tmp_path / "film.png")) == (UnreadableImageError, "not_found")


def lies(code: object) -> tuple[str, ...]:
    refusal = {"refusal": "UnreadableImageError", "text": "is a lie.", "is_spent": False}
    return liar(refusal if code is None else refusal | {"code": code})


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (does("import os; os.abort()"), "damaged"),
        (does("import time; time.sleep(60)"), "not_decoded"),
        (does("import os; os.kill(os.getpid(), 9)"), "not_decoded"),
        (python("raise SystemExit"), "not_decoded"),
        # What a process says that was taken over is believed as far as it is one of the codes.
        (lies("blank"), "blank"),
        (lies("CANARY"), "damaged"),
        (lies(["blank"]), "damaged"),
        (lies(None), "damaged"),
    ],
)
def test_a_process_that_gives_no_pixels_ends_in_one_of_the_codes(words: tuple[str, ...], code: str):
    decoder = Decoder(2, words)
    try:
        assert refused(lambda: decoder.decode(FILM)) == (UnreadableImageError, code)
    finally:
        decoder.close()


def test_a_film_that_takes_too_much_memory_is_refused_as_too_large(monkeypatch: pytest.MonkeyPatch):
    def fills(content: bytes) -> None:
        raise MemoryError

    monkeypatch.setattr(decoder_process, "read_content", fills)
    header, _ = decoder_process.answer(FILM)
    assert header["code"] == "too_large"


def test_every_code_that_is_raised_is_one_of_the_codes():
    assert {code for _, _, code in (*FILES.values(), *IMAGES.values())} <= set(IMAGE_CODES)
