"""Read one chest X-ray from DICOM, PNG or JPEG: bounded, checked, without any name in it.

Whatever the file, what comes out is one promise: float32 `(height, width)` in
[0, 1], air dark and bone bright. `read_radiograph` is the only way in, and the
only place that knows the file's name; the functions below it raise refusals
that begin after the name ("is empty. ...").
"""

import hashlib
import logging
import math
import pickle
import re
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from collections.abc import MutableSequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.encaps import get_frame, parse_basic_offsets
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.pixels.utils import as_pixel_options, pixel_array

from pneumo_core.errors import PneumoError, UnreadableImageError, UnsuitableImageError

# Below this a lung field has too few pixels to be judged; the network's own input is larger.
MIN_SIDE_PIXELS = 96
# The largest detectors in use have about 20 megapixels; each costs about 20 bytes while being read.
MAX_MEGAPIXELS = 50
# One uncompressed 16-bit X-ray of a large detector has about 40 MiB.
MAX_FILE_BYTES = 64 * 2**20
# Deflate shrinks up to 1000 : 1; 50 megapixels of 16 bits and a header fit in this.
MAX_INFLATED_BYTES = 128 * 2**20
# A progressive JPEG has about 10 scans; each further one decodes the whole picture again.
MAX_JPEG_SCANS = 100
# GDCM takes about 1 second for 9 megapixels; a hostile frame must not hold up the others for long.
DECODING_SECONDS = 60
# ITU-R BT.601, as Pillow's and OpenCV's conversions to grey.
GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], dtype=np.float32)

# Both libraries log values of the header (pydicom in its warnings, Pillow the EXIF tags at DEBUG).
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
logging.getLogger("PIL").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Origin:
    """What was read, in closed vocabularies and numbers: no text of the file gets in here.

    Attributes:
        height, width: pixels, after the orientation was applied.
        bits: effective bit depth that the values were scaled by.
        photometric_interpretation: as DICOM spells it; None for PNG and JPEG.
        is_inverted: True when MONOCHROME1 (or PresentationLUTShape INVERSE) was turned air-dark.
        window: (WindowCenter, WindowWidth) that was applied.
        transfer_syntax: name in words.
        view_position: DICOM ViewPosition; None for words outside the vocabulary.
        age_years: PatientAge, else StudyDate less PatientBirthDate.
        sex: M, F or O.
        colour: mean absolute deviation of red, green and blue from their mean, in [0, 1];
            0 for grey, 0.44 for pure red.
        notes: whole sentences for the reader about what was decided on the way.
    """

    format: Literal["JPEG", "PNG", "DICOM"]
    height: int
    width: int
    bits: int
    photometric_interpretation: str | None = None
    is_inverted: bool = False
    window: tuple[float, float] | None = None
    voi: Literal["window", "LUT"] | None = None
    transfer_syntax: str | None = None
    modality: str | None = None
    view_position: str | None = None
    age_years: float | None = None
    sex: str | None = None
    colour: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Radiograph:
    """One X-ray, ready for anything that looks at pixels.

    Attributes:
        pixels: float32, shape `(height, width)`, in [0, 1], air dark and bone
            bright; read-only and C-contiguous.
        name: the file's name, for the screen only; never for a report or a log.
        sha256: hex digest of the file's bytes.
        origin: what was read.
    """

    pixels: NDArray[np.float32]
    name: str
    sha256: str
    origin: Origin


def read_radiograph(file: bytes | Path | BinaryIO, name: str | None = None) -> Radiograph:
    """Read one X-ray, told by its content and never by its extension.

    Args:
        file: the bytes, a path, or an open binary file (read from its start where it can be rewound).
        name: what to call it in messages; the path's own name if not given.

    Raises:
        UnreadableImageError: no file, no image, damaged, too small or too large, several pictures.
        UnsuitableImageError: a DICOM of another modality or body part.
    """
    if name is None:
        name = Path(str(getattr(file, "name", "The file"))).name
    # Control characters could forge lines in a terminal or a log.
    name = "".join(letter for letter in name if letter.isprintable())[:80] or "The file"
    try:
        content = _read_bytes(file)
        pixels, origin = _read_content(content)
    except PneumoError as refusal:
        raise type(refusal)(f"{name} {refusal}") from refusal.__cause__
    pixels.setflags(write=False)
    return Radiograph(pixels, name, hashlib.sha256(content).hexdigest(), origin)


# What Pillow, pydicom and the decoders have been seen to raise on damaged files.
_FILE_ERRORS = (OSError, ValueError, SyntaxError, EOFError, MemoryError, struct.error, zlib.error)
_PARSER_ERRORS = (RuntimeError, LookupError, AttributeError, TypeError, ArithmeticError, SystemError)
_LIBRARY_ERRORS = (Image.DecompressionBombError, InvalidDicomError, BytesLengthException)
_DAMAGE = (*_FILE_ERRORS, *_PARSER_ERRORS, *_LIBRARY_ERRORS)
# `warnings.catch_warnings` changes the whole process, so two readings must not cross.
# The lock also bounds memory: one large X-ray is decoded at a time.
_ONE_AT_A_TIME = threading.Lock()


def _read_content(content: bytes) -> tuple[NDArray[np.float32], Origin]:
    """Read by content; whatever the libraries raise becomes a refusal that quotes nothing of the file."""
    try:
        # Warnings are held back, because their texts can quote values of the header.
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read_dicom(content) if _is_dicom(content) else _read_picture(content)
    except _DAMAGE as error:
        how = "cut short" if "truncated" in str(error).lower() else "damaged"
        message = f"is {how} and cannot be read. Please export or download it again."
        raise UnreadableImageError(message) from error


def _read_bytes(file: bytes | Path | BinaryIO) -> bytes:
    """Give the file's bytes, never more than `MAX_FILE_BYTES`."""
    if isinstance(file, Path):
        if not file.is_file():
            found = "is a folder" if file.is_dir() else "does not exist"
            raise UnreadableImageError(f"{found}. Please choose a DICOM, PNG or JPEG file.")
        try:
            _check_byte_count(file.stat().st_size)
            content = file.read_bytes()
        except OSError as error:
            raise UnreadableImageError("cannot be opened. Please check that you may read it.") from error
    elif isinstance(file, bytes):
        content = file
    else:
        if file.seekable():
            file.seek(0)
        content = file.read(MAX_FILE_BYTES + 1)
    _check_byte_count(len(content))
    return content


def _check_byte_count(count: int) -> None:
    if count == 0:
        raise UnreadableImageError("is empty. Please export or download it again.")
    if count > MAX_FILE_BYTES:
        limit = f"Files up to {MAX_FILE_BYTES // 2**20} MiB can be read"
        raise UnreadableImageError(f"is too large. {limit}. Please export a single X-ray.")


def _check_side_lengths(height: int, width: int) -> None:
    """Refuse by the declared size, before a single pixel is decoded."""
    if min(height, width) < MIN_SIDE_PIXELS:
        raise UnreadableImageError(
            f"is {height} x {width} pixels. "
            f"Please upload an X-ray of at least {MIN_SIDE_PIXELS} x {MIN_SIDE_PIXELS}."
        )
    if height * width > MAX_MEGAPIXELS * 1_000_000:
        raise UnreadableImageError(
            f"is {height} x {width} pixels. Please upload an X-ray of at most {MAX_MEGAPIXELS} megapixels."
        )


def _effective_bits(largest: int) -> int:
    """Give the smallest usual bit depth that holds the largest value: 12-bit data often comes in 16 bits."""
    return next((bits for bits in (8, 10, 12, 14) if largest < 2**bits), 16)


def _to_grey(rgb: NDArray[Any], bits: int) -> tuple[NDArray[np.float32], float]:
    """Turn `(height, width, 3)` integers to grey in [0, 1], and measure the colour (`Origin.colour`)."""
    grey = np.empty(rgb.shape[:2], dtype=np.float32)
    deviation = 0.0
    # In strips: a float copy of the whole would take 600 MB for 50 megapixels.
    for top in range(0, len(rgb), 256):
        strip = rgb[top : top + 256].astype(np.float32) / np.float32(2**bits - 1)
        grey[top : top + 256] = strip @ GREY_WEIGHTS
        deviation += float(np.abs(strip - strip.mean(axis=2, keepdims=True)).sum(dtype=np.float64))
    return np.clip(grey, 0, 1, out=grey), round(deviation / rgb.size, 6)


class _Grey(NamedTuple):
    """Grey pixels before inversion, and how they came about (fields as in `Origin`)."""

    pixels: NDArray[np.float32]
    bits: int
    voi: Literal["window", "LUT"] | None = None
    window: tuple[float, float] | None = None
    colour: float = 0.0


# --- PNG and JPEG -------------------------------------------------------------------------------

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
# (offset, magic bytes, what it seems to be)
_OTHER_KINDS = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive or an Office document"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"\x1f\x8b", "a gzip archive, as NIfTI volumes often are"),
    (344, b"n+1\x00", "a NIfTI volume"),
    (0, b"II*\x00", "a TIFF image"),
    (0, b"MM\x00*", "a TIFF image"),
    (0, b"GIF8", "a GIF image"),
    (0, b"BM", "a BMP image"),
    (8, b"WEBP", "a WebP image"),
    (4, b"ftyp", "a HEIC photo or a video"),
    (4, b"jP  ", "a JPEG 2000 image"),
)
# EXIF orientation -> what makes the picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _kind_in_words(content: bytes) -> str:
    """Name what a file seems to be that is no DICOM, PNG or JPEG."""
    for offset, magic, words in _OTHER_KINDS:
        if content.startswith(magic, offset):
            return words
    start = content[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    is_text = all(byte >= 32 or byte in b"\t\r\n" for byte in start)
    return "a text file" if is_text else "a file of an unknown kind"


def _read_picture(content: bytes) -> tuple[NDArray[np.float32], Origin]:
    if not content.startswith((_PNG, _JPEG)):
        raise UnreadableImageError(
            f"seems to be {_kind_in_words(content)}, not an X-ray. Please upload a DICOM, PNG or JPEG file."
        )
    image = _open_picture(content)
    is_png = image.format == "PNG"
    if is_png:
        # Pillow decodes without looking at the checksums; `verify` does, and uses the image up.
        image.verify()
        image = _open_picture(content)
    image.load()
    orientation = image.getexif().get(0x0112)
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    notes: list[str] = []
    # Byte 24 of a PNG is its bit depth; Pillow keeps 16 bits for grey alone.
    if is_png and content[24] == 16 and not image.mode.startswith("I"):
        notes.append("Only the upper 8 of 16 bits of each channel were read.")
    grey = _picture_pixels(image, notes)
    height, width = grey.pixels.shape
    form: Literal["PNG", "JPEG"] = "PNG" if is_png else "JPEG"
    return grey.pixels, Origin(form, height, width, grey.bits, colour=grey.colour, notes=tuple(notes))


def _picture_pixels(image: Image.Image, notes: list[str]) -> _Grey:
    """Turn a loaded picture of any Pillow mode to grey in [0, 1]."""
    if image.mode.startswith("I"):
        # Pillow's `convert("L")` would clip everything above 255.
        values = np.asarray(image)
        bits = _effective_bits(int(values.max()))
        return _Grey(values.astype(np.float32) / np.float32(2**bits - 1), bits)
    if image.mode in ("1", "L") and not image.has_transparency_data:
        return _Grey(np.asarray(image.convert("L")).astype(np.float32) / np.float32(255), 8)
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))
        notes.append("The alpha channel was laid on black.")
    pixels, colour = _to_grey(np.asarray(image.convert("RGB")), 8)
    return _Grey(pixels, 8, colour=colour)


def _open_picture(content: bytes) -> Image.Image:
    """Open the header only, and refuse what must not be decoded."""
    try:
        image = Image.open(BytesIO(content), formats=["JPEG", "PNG"])
    except Image.DecompressionBombError as error:
        message = f"has too many pixels. Please upload an X-ray of at most {MAX_MEGAPIXELS} megapixels."
        raise UnreadableImageError(message) from error
    if getattr(image, "n_frames", 1) > 1:
        raise UnreadableImageError("holds several pictures. Please upload a single X-ray.")
    _check_side_lengths(image.height, image.width)
    if image.info.get("progressive") and content.count(b"\xff\xda") > MAX_JPEG_SCANS:
        raise UnreadableImageError("is a JPEG of unusually many scans. Please save it as PNG.")
    return image


# --- DICOM --------------------------------------------------------------------------------------

# The dataset holds these elements alone: what is not read cannot leak.
_LAYOUT = ["BitsAllocated", "BitsStored", "SamplesPerPixel", "PixelRepresentation"]
_REQUIRED = ["Rows", "Columns", *_LAYOUT, "PhotometricInterpretation"]
_SUBJECT = ["Modality", "BodyPartExamined", "ViewPosition", "PatientSex"]
_AGE = ["PatientAge", "PatientBirthDate", "StudyDate"]
_MODALITY_LUT = ["ModalityLUTSequence", "RescaleSlope", "RescaleIntercept"]
_VOI_LUT = ["VOILUTSequence", "VOILUTFunction", "WindowCenter", "WindowWidth", "PresentationLUTShape"]
_HEADER = [*_REQUIRED, "HighBit", "NumberOfFrames", *_SUBJECT, *_AGE, *_MODALITY_LUT, *_VOI_LUT]
# (7FE0,0010) as little- and as big-endian files write it.
_PIXEL_DATA_TAGS = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
_PIXELS = [*_REQUIRED, "PlanarConfiguration", "PixelData"]
# One decoder for each syntax, so that the same file reads the same everywhere. Pillow where it can:
# its decoders are the best tested against hostile files. python-gdcm for what nothing else reads.
_DECODERS = {
    **dict.fromkeys((uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian), ""),
    **dict.fromkeys((uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit), "pillow"),
    **dict.fromkeys((uid.JPEG2000Lossless, uid.JPEG2000), "pillow"),
    **dict.fromkeys((uid.JPEGLossless, uid.JPEGLosslessSV1), "gdcm"),
    **dict.fromkeys((uid.JPEGLSLossless, uid.JPEGLSNearLossless), "gdcm"),
    uid.RLELossless: "pydicom",
}
_DECODING_CHILD = """
import pickle, sys
import numpy
from pydicom.pixels import get_decoder
options = pickle.load(sys.stdin.buffer)
pixels, _ = get_decoder(options.pop("syntax")).as_array(**options, decoding_plugin="gdcm")
numpy.save(sys.stdout.buffer, pixels, allow_pickle=False)
"""
_PROJECTION_XRAYS = ("CR", "DX", "RG")
_MODALITIES_IN_WORDS = {
    "CT": "a CT slice",
    "MR": "an MR image",
    "MG": "a mammogram",
    "XA": "an angiogram",
    "RF": "a fluoroscopy image",
    "US": "an ultrasound image",
    "NM": "a nuclear medicine image",
    "PT": "a PET image",
    "OT": "an image of modality 'other'",
    "SR": "a structured report",
}
_CHEST = re.compile("CHEST|THORAX|TORAX|LUNG")
_OTHER_BODY_PARTS = re.compile(
    "ABDOMEN|PELVIS|SPINE|SKULL|HEAD|NECK|JAW|BREAST|SHOULDER|CLAVICLE|SCAPULA|HUMERUS|ELBOW|FOREARM|ARM|WRIST"
    "|HAND|FINGER|THUMB|HIP|FEMUR|THIGH|KNEE|PATELLA|TIBIA|LEG|ANKLE|FOOT|CALCANEUS|TOE|EXTREMITY"
)
# The terms of DICOM PS3.3 C.8.11.5, with two spellings of "lateral" that devices write.
_VIEW_POSITIONS = ("AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO", "LAT", "LATERAL")
_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_DAYS_IN_A_YEAR = 365.25
_YEARS = {"Y": 1, "M": 1 / 12, "W": 7 / _DAYS_IN_A_YEAR, "D": 1 / _DAYS_IN_A_YEAR}


def _is_dicom(content: bytes) -> bool:
    """Tell DICOM by its prefix or, without the preamble, by a first element of group 0002 or 0008."""
    if content[128:132] == b"DICM":
        return True
    has_value_representation = content[4:6].isalpha() and content[4:6].isupper()
    if content.startswith(b"\x00\x08\x00"):
        return has_value_representation
    is_short = content[6:8] == b"\x00\x00"
    return (
        content[:2] in (b"\x02\x00", b"\x08\x00")
        and content[3:4] == b"\x00"
        and (has_value_representation or is_short)
    )


def _read_dicom(content: bytes) -> tuple[NDArray[np.float32], Origin]:
    content, syntax_name = _inflate(content)
    header = pydicom.dcmread(BytesIO(content), force=True, stop_before_pixels=True, specific_tags=_HEADER)
    notes: list[str] = []
    modality = _check_subject(header, notes)
    _check_pixel_header(header, has_pixels=any(tag in content for tag in _PIXEL_DATA_TAGS))
    stored, syntax = _decode(content)
    photometric = _word(header, "PhotometricInterpretation")
    if photometric in _MONOCHROME:
        grey = _display_values(stored, header, notes)
    else:
        bits = int(header.BitsStored)
        pixels, colour = _to_grey(stored, bits)
        grey = _Grey(pixels, bits, colour=colour)
    is_inverted = _is_inverted(header, photometric, modality, notes)
    # DICOM PS3.3 C.7.6.3.1.2: MONOCHROME1 shows its lowest value as white.
    pixels = np.ascontiguousarray(1 - grey.pixels if is_inverted else grey.pixels, dtype=np.float32)
    if not np.isfinite(pixels).all():
        raise ValueError("the header's numbers make pixels that are no numbers")
    height, width = pixels.shape
    view_position, sex = _word(header, "ViewPosition"), _word(header, "PatientSex")
    return pixels, Origin(
        "DICOM",
        height,
        width,
        grey.bits,
        photometric_interpretation=photometric,
        is_inverted=is_inverted,
        window=grey.window,
        voi=grey.voi,
        transfer_syntax=syntax_name or syntax.name,
        modality=modality or None,
        view_position=view_position if view_position in _VIEW_POSITIONS else None,
        age_years=_age_years(header),
        sex=sex if sex in ("M", "F", "O") else None,
        colour=grey.colour,
        notes=tuple(notes),
    )


def _inflate(content: bytes) -> tuple[bytes, str | None]:
    """Unpack a deflated DICOM within a bound, and name its syntax; give others back as they are.

    pydicom would inflate without bound (1 MB took 3.1 GB). What comes back here is
    the dataset alone, which pydicom reads as a DICOM without preamble.
    """
    stream = BytesIO(content)
    read_preamble(stream, force=True)
    # `dcmread` uses this same function, so the two cannot disagree about what is deflated.
    syntax = _read_file_meta_info(stream).get("TransferSyntaxUID")
    if syntax == uid.DeflatedExplicitVRLittleEndian:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        content = inflater.decompress(stream.read(), MAX_INFLATED_BYTES + 1)
        if len(content) > MAX_INFLATED_BYTES:
            message = "is too large once unpacked. Please export it uncompressed, as a single X-ray."
            raise UnreadableImageError(message)
        if not inflater.eof:
            raise EOFError("truncated deflate stream")
        if content[128:132] == b"DICM" or content.startswith(b"\x02\x00"):
            raise ValueError("a DICOM inside a DICOM would be inflated again, without bound")
        return content, str(syntax.name)
    if syntax is not None and syntax not in _DECODERS:
        # An unknown UID's name is the UID itself, which is text of the file.
        words = syntax.name if syntax in uid.AllTransferSyntaxes else "an unknown transfer syntax"
        raise UnreadableImageError(_undecodable(words))
    return content, None


def _undecodable(syntax_in_words: str) -> str:
    return f"is stored as {syntax_in_words}, which cannot be decoded. Please export it uncompressed."


def _word(header: pydicom.Dataset, keyword: str) -> str:
    """Give an element's first value in capitals, "" if absent."""
    return str(_first(header.get(keyword)) or "").strip().upper()


def _first(value: Any) -> Any:
    if isinstance(value, MutableSequence):
        return value[0] if len(value) else None
    return value


def _number(header: pydicom.Dataset, keyword: str, default: float) -> float:
    value = _first(header.get(keyword))
    return default if value in (None, "") else float(value)


def _check_subject(header: pydicom.Dataset, notes: list[str]) -> str:
    """Refuse what is no projection X-ray of the chest; give the modality, "" if absent."""
    modality = _word(header, "Modality")
    if not modality:
        notes.append("The DICOM names no modality; it was read as an X-ray.")
    elif modality not in _PROJECTION_XRAYS:
        words = _MODALITIES_IN_WORDS.get(modality)
        found = f"{words} (modality {modality})" if words else "of a modality other than X-ray"
        raise UnsuitableImageError(
            f"is {found}. Projection X-rays (CR, DX, RG) can be read. Please upload a chest X-ray."
        )
    body_part = _word(header, "BodyPartExamined")
    other = _OTHER_BODY_PARTS.search(body_part)
    if other and not _CHEST.search(body_part):
        raise UnsuitableImageError(
            f"is an X-ray of another body part ({other[0].lower()}). Please upload a chest X-ray."
        )
    return modality


def _check_pixel_header(header: pydicom.Dataset, *, has_pixels: bool) -> None:
    """Refuse by the header what cannot be decoded to one picture."""
    if not has_pixels:
        raise UnreadableImageError("is a DICOM without pixel data. Please export the X-ray itself.")
    for keyword in _REQUIRED:
        if header.get(keyword) in (None, ""):
            message = f"is a DICOM without {keyword}, so its pixels cannot be read. Please export it again."
            raise UnreadableImageError(message)
    _check_side_lengths(int(header.Rows), int(header.Columns))
    frames = _number(header, "NumberOfFrames", 1)
    if frames != 1:
        found = f"{frames:.0f} frames" if frames > 1 else "an impossible number of frames"
        raise UnreadableImageError(f"is a DICOM of {found}. Please upload a single X-ray.")
    photometric = _word(header, "PhotometricInterpretation")
    if photometric not in (*_MONOCHROME, *_COLOUR):
        found = "in palette colour" if photometric == "PALETTE COLOR" else "of an unknown pixel kind"
        raise UnreadableImageError(f"is a DICOM {found}. Please export it as MONOCHROME2.")
    allocated, stored = int(header.BitsAllocated), int(header.BitsStored)
    samples = 1 if photometric in _MONOCHROME else 3
    if (
        allocated not in (8, 16)
        or not 1 <= stored <= allocated
        or header.SamplesPerPixel != samples
        or header.PixelRepresentation not in (0, 1)
        or _number(header, "HighBit", stored - 1) != stored - 1
    ):
        message = (
            "is a DICOM whose pixels are laid out in an unusual way. Please export it with 8 or 16 bits."
        )
        raise UnreadableImageError(message)


def _decode(content: bytes) -> tuple[NDArray[Any], uid.UID]:
    """Decode the one frame to integers: `(height, width)`, or `(height, width, 3)` RGB."""
    dataset = pydicom.dcmread(BytesIO(content), force=True, specific_tags=_PIXELS)
    if "PixelData" not in dataset:
        raise EOFError("truncated pixel data")
    if "TransferSyntaxUID" not in dataset.file_meta:
        is_implicit, is_little_endian = dataset.original_encoding
        explicit = uid.ExplicitVRLittleEndian if is_little_endian else uid.ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian if is_implicit else explicit
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax == uid.JPEGExtended12Bit and dataset.BitsStored > 8:
        raise UnreadableImageError(_undecodable("JPEG Extended with 12 bits"))
    # YBR_FULL_422 shares its two colour samples between neighbours.
    is_halved = dataset.PhotometricInterpretation == "YBR_FULL_422" and not syntax.is_compressed
    samples = 2 if is_halved else dataset.SamplesPerPixel
    expected = dataset.Rows * dataset.Columns * samples * dataset.BitsAllocated // 8
    if syntax.is_compressed:
        _check_frame(dataset, syntax, expected)
    elif len(dataset.PixelData) < expected:
        raise EOFError("truncated pixel data")
    elif len(dataset.PixelData) >= 2 * expected:
        raise UnreadableImageError("is a DICOM of several frames. Please upload a single X-ray.")
    if _DECODERS[syntax] == "gdcm":
        return _decode_apart(dataset, syntax), syntax
    return pixel_array(dataset, index=0, decoding_plugin=_DECODERS[syntax]), syntax


def _decode_apart(dataset: pydicom.Dataset, syntax: uid.UID) -> NDArray[Any]:
    """Decode with GDCM in a process of its own: damaged frames crash it.

    Of 24 runs over 60 frames with 1 to 5 changed bytes, 16 ended in a segmentation
    fault or an abort (GDCM 3.2.6); in the server's own process, one such file would
    end every session. The child gets the frame and its layout, nothing of the patient.
    """
    options = {**as_pixel_options(dataset), "syntax": str(syntax), "src": dataset.PixelData, "index": 0}
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-c", _DECODING_CHILD],
            input=pickle.dumps(options),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=DECODING_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise ValueError("the decoder failed") from error
    pixels: NDArray[Any] = np.load(BytesIO(child.stdout), allow_pickle=False)
    if pixels.shape[:2] != (dataset.Rows, dataset.Columns) or pixels.dtype.kind not in "iu":
        raise ValueError("the decoder gave something else than the frame")
    return pixels


def _check_frame(dataset: pydicom.Dataset, syntax: uid.UID, expected: int) -> None:
    """Refuse a compressed frame that is not whole or not of the header's size.

    A decoder that believed the frame could fill the memory, or give half a picture as a whole one.
    """
    if len(parse_basic_offsets(dataset.PixelData)) > 1:
        raise UnreadableImageError("is a DICOM of several frames. Please upload a single X-ray.")
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if syntax == uid.RLELossless:
        _check_run_lengths(frame, expected)
        return
    # Every JPEG, JPEG-LS and JPEG 2000 stream ends with this marker, perhaps padded.
    if b"\xff\xd9" not in frame[-64:]:
        raise EOFError("truncated frame")
    if _frame_side_lengths(frame) != (dataset.Rows, dataset.Columns):
        raise ValueError("the frame and the header differ in size")


def _frame_side_lengths(frame: bytes) -> tuple[int, int]:
    """Read (height, width) from a JPEG, JPEG-LS or JPEG 2000 stream."""
    if not frame.startswith(b"\xff\xd8"):
        start = frame.index(b"\xff\x4f\xff\x51")
        # ISO/IEC 15444-1 A.5.1: the SIZ segment gives the far and the near corner.
        right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
        return bottom - top, right - left
    position = 2
    while frame[position] == 0xFF:
        marker = frame[position + 1]
        # ITU-T T.81 B.2.2 (start of frame, less DHT, JPG and DAC) and T.87 C.2.2 (JPEG-LS).
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            height, width = struct.unpack_from(">2H", frame, position + 5)
            return height, width
        position += 1 if marker == 0xFF else 2 + int.from_bytes(frame[position + 2 : position + 4])
    raise ValueError("no start of frame")


def _check_run_lengths(frame: bytes, expected: int) -> None:
    """Refuse an RLE frame that unpacks to more than the header says (DICOM PS3.5 annex G)."""
    count, *offsets = struct.unpack_from("<16I", frame)
    ends = [*offsets[1:count], len(frame)]
    unpacked = 0
    for position, end in zip(offsets[:count], ends, strict=False):
        while position < end and unpacked <= expected + 2 * count:
            control = frame[position]
            if control < 128:
                unpacked, position = unpacked + control + 1, position + control + 2
            elif control > 128:
                unpacked, position = unpacked + 257 - control, position + 2
            else:
                position += 1
    if unpacked > expected + 2 * count:
        raise ValueError("the frame is longer than the header says")


def _display_values(stored: NDArray[Any], header: pydicom.Dataset, notes: list[str]) -> _Grey:
    """Apply modality LUT or rescale, then VOI LUT or window (DICOM PS3.3 C.11.1, C.11.2, in this order).

    Args:
        stored: integers, shape `(height, width)`.

    Returns:
        pixels float32, shape `(height, width)`, in [0, 1]: the output range of the
        VOI function or, without one, the range of the effective bits.
    """
    is_signed, bits = header.PixelRepresentation == 1, int(header.BitsStored)
    low = -(2.0 ** (bits - 1)) if is_signed else 0.0
    if not is_signed:
        bits = min(bits, _effective_bits(int(stored.max())))
    high = low + 2**bits - 1
    table = _first(header.get("ModalityLUTSequence"))
    if table:
        values, depth = _look_up(stored, table)
        bits = min(depth, _effective_bits(int(values.max())))
        low, high = 0.0, 2.0**bits - 1
    else:
        slope, intercept = _number(header, "RescaleSlope", 1), _number(header, "RescaleIntercept", 0)
        if slope == 0 or not math.isfinite(slope) or not math.isfinite(intercept):
            message = (
                "is a DICOM with an impossible RescaleSlope or RescaleIntercept. Please export it again."
            )
            raise UnreadableImageError(message)
        values = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
        low, high = sorted((low * slope + intercept, high * slope + intercept))
    table = _first(header.get("VOILUTSequence"))
    if table:
        if len(header.VOILUTSequence) > 1 or "WindowCenter" in header:
            notes.append("Several lookup tables or windows are stored; the first lookup table was applied.")
        values, depth = _look_up(values, table)
        return _Grey(values / np.float32(2**depth - 1), bits, "LUT")
    window = _usable_window(header, notes)
    if window is not None:
        return _Grey(_apply_window(values, *window, _voi_function(header)), bits, "window", window)
    values -= np.float32(low)
    values /= np.float32(high - low)
    return _Grey(np.clip(values, 0, 1, out=values), bits)


def _look_up(values: NDArray[Any], table: pydicom.Dataset) -> tuple[NDArray[np.float32], int]:
    """Map values through a DICOM lookup table (PS3.3 C.11.1.1); give them with the table's bit depth.

    pydicom's own `apply_voi` counts entries in the output's type, so a table
    of 4096 entries of 8 bits wraps around.
    """
    count, first, depth = (int(number) for number in table.LUTDescriptor)
    count = count or 2**16
    data = table.LUTData
    if isinstance(data, bytes):
        order = "<" if table.original_encoding[1] is not False else ">"
        data = np.frombuffer(data, dtype=f"{order}u2" if len(data) >= 2 * count else "u1")
    entries = np.asarray(data, dtype=np.float32)[:count]
    if len(entries) < count or not 8 <= depth <= 16:
        raise ValueError("the lookup table is not as its descriptor says")
    index = np.clip(np.rint(values - np.float32(first)), 0, count - 1).astype(np.int32)
    return np.clip(entries, 0, 2**depth - 1)[index], depth


def _voi_function(header: pydicom.Dataset) -> str:
    return _word(header, "VOILUTFunction") or "LINEAR"


def _usable_window(header: pydicom.Dataset, notes: list[str]) -> tuple[float, float] | None:
    """Give the first window as (WindowCenter, WindowWidth); None where there is none that can be used."""
    center, width = (_number(header, keyword, math.nan) for keyword in ("WindowCenter", "WindowWidth"))
    if math.isnan(center) and math.isnan(width):
        return None
    # DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3: LINEAR needs a width of 1 or more, the others above 0.
    function = _voi_function(header)
    is_wide_enough = width >= 1 if function == "LINEAR" else width > 0
    is_known = function in ("LINEAR", "LINEAR_EXACT", "SIGMOID")
    if not (is_wide_enough and is_known and math.isfinite(center) and math.isfinite(width)):
        notes.append("The stored window cannot be used; the full range was shown.")
        return None
    if header["WindowCenter"].VM > 1:
        notes.append("Several windows are stored; the first was applied.")
    return center, width


def _apply_window(
    values: NDArray[np.float32], center: float, width: float, function: str = "LINEAR"
) -> NDArray[np.float32]:
    """Show values through a window, in float so that no bit is lost.

    DICOM PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID) and C.11.2.1.3.2 (LINEAR_EXACT).

    Args:
        values: float32, any shape, after the modality LUT.

    Returns:
        float32, the same shape, in [0, 1].
    """
    if function == "SIGMOID":
        # Beyond 50 the result is 0 or 1 in float32, and exp would overflow.
        exponent = np.clip(-4 * (values - np.float32(center)) / np.float32(width), -50, 50)
        return np.asarray(1 / (1 + np.exp(exponent)), dtype=np.float32)
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    if width == 0:
        return (values > center).astype(np.float32)
    shown = (values - np.float32(center)) / np.float32(width) + np.float32(0.5)
    return np.clip(shown, 0, 1, out=shown)


def _is_inverted(header: pydicom.Dataset, photometric: str, modality: str, notes: list[str]) -> bool:
    """Tell whether low values are bright.

    In DX, MONOCHROME1 and PresentationLUTShape INVERSE say the same thing
    (PS3.3 C.8.11.3), so the two together never invert twice, and INVERSE
    against MONOCHROME2 is a contradiction that PhotometricInterpretation wins.
    """
    if photometric != "MONOCHROME2" or _word(header, "PresentationLUTShape") != "INVERSE":
        return photometric == "MONOCHROME1"
    if modality == "DX":
        notes.append("PresentationLUTShape contradicts PhotometricInterpretation and was left aside.")
    return modality != "DX"


def _age_years(header: pydicom.Dataset) -> float | None:
    """Give the age in years from PatientAge ("004Y"), else from the dates; None if neither can be read."""
    stated = _word(header, "PatientAge")
    if stated:
        match = re.fullmatch(r"(\d{3})([DWMY])", stated)
        return int(match[1]) * _YEARS[match[2]] if match else None
    try:
        born, seen = (
            datetime.strptime(_word(header, keyword), "%Y%m%d")
            for keyword in ("PatientBirthDate", "StudyDate")
        )
    except ValueError:
        return None
    return (seen - born).days / _DAYS_IN_A_YEAR if seen >= born else None
