"""Read DICOM files. The one home of pydicom and its decoders."""

import codecs
import logging
import math
import re
import struct
import zlib
from collections.abc import MutableSequence
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.charset import python_encoding
from pydicom.encaps import encapsulate, get_frame, parse_basic_offsets
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array

from pneumo_core.errors import UnreadableImageError, UnsuitableImageError
from pneumo_core.film.age import DAYS_IN_A_YEAR, age_in_years, possible_age
from pneumo_core.film.exposure import EXPOSURE_ELEMENTS, exposure_of
from pneumo_core.film.jpeg import check_jpeg_is_whole, with_more_data
from pneumo_core.film.pixels import Grey, Origin, check_side_lengths, effective_bits, to_grey
from pneumo_core.film.pydicom_inside import read_file_meta

# Deflate shrinks up to 1000 : 1. An image of 50 megapixels with 16 bits and its header fit in this.
MAX_INFLATED_BYTES = 128 * 2**20

# pydicom's warnings quote values of the header.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
# pydicom raises these on damaged files, beside Python's own errors.
DICOM_ERRORS = (InvalidDicomError, BytesLengthException)

# The dataset holds these elements only, because an element that is never read cannot leak.
_LAYOUT = ["BitsAllocated", "BitsStored", "SamplesPerPixel", "PixelRepresentation"]
_REQUIRED = ["Rows", "Columns", *_LAYOUT, "PhotometricInterpretation"]
_SUBJECT = ["SOPClassUID", "PresentationIntentType", "Modality", "BodyPartExamined", "ViewPosition", "PatientSex"]
_DATES = ("PatientBirthDate", "StudyDate")
_AGE = ["PatientAge", *_DATES]
_MODALITY_LUT = ["ModalityLUTSequence", "RescaleSlope", "RescaleIntercept"]
_VOI_LUT = ["VOILUTSequence", "VOILUTFunction", "WindowCenter", "WindowWidth", "PresentationLUTShape"]
_HEADER = [*_REQUIRED, "HighBit", "NumberOfFrames", *_SUBJECT, *_AGE, *_MODALITY_LUT, *_VOI_LUT, *EXPOSURE_ELEMENTS]
# (7FE0,0010) as little- and as big-endian files write it.
_PIXEL_DATA_TAGS = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
_PIXELS = [*_REQUIRED, "PlanarConfiguration", "PixelData"]
# Each syntax has one decoder, so that a file reads the same everywhere. Pillow comes first, because its decoders are
# the best tested against hostile files. python-gdcm reads the rest.
_DECODERS = {
    **dict.fromkeys((uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian), ""),
    **dict.fromkeys((uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit), "pillow"),
    **dict.fromkeys((uid.JPEG2000Lossless, uid.JPEG2000), "pillow"),
    **dict.fromkeys((uid.JPEGLossless, uid.JPEGLosslessSV1), "gdcm"),
    **dict.fromkeys((uid.JPEGLSLossless, uid.JPEGLSNearLossless), "gdcm"),
    uid.RLELossless: "pydicom",
}
_START_OF_TILE = b"\xff\x90"
# DICOM PS3.4 B.5; each has a sister for presentation.
_RAW_DATA = (
    uid.DigitalXRayImageStorageForProcessing,
    uid.DigitalMammographyXRayImageStorageForProcessing,
    uid.DigitalIntraOralXRayImageStorageForProcessing,
)
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
_SEVERAL_FRAMES = "is a DICOM with several frames. Please upload a single X-ray."
_DATE = "%Y%m%d"


def import_dicom_decoders() -> None:
    """Import now what pydicom would import when a file first asks for it: decoders and texts' encodings."""
    for syntax in _DECODERS:
        get_decoder(syntax)
    for encoding in python_encoding.values():
        codecs.lookup(encoding)
    datetime.strptime("20000101", _DATE)


def is_dicom(content: bytes) -> bool:
    """Tell DICOM by its prefix or, without the preamble, by a first element of group 0002 or 0008."""
    if content[128:132] == b"DICM":
        return True
    has_value_representation = content[4:6].isalpha() and content[4:6].isupper()
    if content.startswith(b"\x00\x08\x00"):
        return has_value_representation
    is_short = content[6:8] == b"\x00\x00"
    return (
        content[:2] in (b"\x02\x00", b"\x08\x00") and content[3:4] == b"\x00" and (has_value_representation or is_short)
    )


def read_dicom(content: bytes) -> tuple[NDArray[np.float32], Origin]:
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
        pixels, colour = to_grey(stored, bits)
        grey = Grey(pixels, bits, colour=colour)
    is_inverted = _is_inverted(header, photometric, modality, notes)
    # DICOM PS3.3 C.7.6.3.1.2: MONOCHROME1 shows its lowest value as white.
    pixels = np.ascontiguousarray(1 - grey.pixels if is_inverted else grey.pixels, dtype=np.float32)
    if not np.isfinite(pixels).all():
        raise ValueError("the header's numbers make pixels that are no numbers")
    height, width = pixels.shape
    age_years = _age_years(header, notes)
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
        age_years=age_years,
        sex=sex if sex in ("M", "F", "O") else None,
        samples_per_pixel=int(header.SamplesPerPixel),
        colour=grey.colour,
        notes=tuple(notes),
        exposure=exposure_of(header),
    )


def _inflate(content: bytes) -> tuple[bytes, str | None]:
    """Unpack a deflated DICOM within a bound, and name its syntax; give others back as they are.

    pydicom would inflate without bound (1 MB took 3.1 GB). This gives the dataset alone, which pydicom reads as a DICOM
    without preamble.
    """
    stream = BytesIO(content)
    syntax = read_file_meta(stream).get("TransferSyntaxUID")
    if syntax == uid.DeflatedExplicitVRLittleEndian:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        content = inflater.decompress(stream.read(), MAX_INFLATED_BYTES + 1)
        if len(content) > MAX_INFLATED_BYTES:
            message = "is too large once unpacked. Please export it uncompressed, as a single X-ray."
            raise UnreadableImageError(message, code="too_large")
        if not inflater.eof:
            raise EOFError("truncated deflate stream")
        if content[128:132] == b"DICM" or content.startswith(b"\x02\x00"):
            raise ValueError("a DICOM inside a DICOM would be inflated again, without bound")
        return content, str(syntax.name)
    if syntax is not None and syntax not in _DECODERS:
        # An unknown UID's name is the UID itself, which is text of the file.
        words = syntax.name if syntax in uid.AllTransferSyntaxes else "an unknown transfer syntax"
        raise UnreadableImageError(_undecodable(words), code="unsupported")
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
    """Refuse all but a projection X-ray of the chest for presentation; give the modality, "" if absent."""
    modality = _word(header, "Modality")
    if not modality:
        notes.append("The DICOM names no modality. It was read as an X-ray.")
    elif modality not in _PROJECTION_XRAYS:
        words = _MODALITIES_IN_WORDS.get(modality)
        found = f"{words} (modality {modality})" if words else "of a modality other than X-ray"
        raise UnsuitableImageError(
            f"is {found}. Projection X-rays (CR, DX, RG) can be read. Please upload a chest X-ray.",
            code="modality",
        )
    body_part = _word(header, "BodyPartExamined")
    other = _OTHER_BODY_PARTS.search(body_part)
    if other and not _CHEST.search(body_part):
        raise UnsuitableImageError(
            f"is an X-ray of another body part ({other[0].lower()}). Please upload a chest X-ray.", code="body_part"
        )
    if _word(header, "SOPClassUID") in _RAW_DATA or _word(header, "PresentationIntentType") == "FOR PROCESSING":
        raise UnsuitableImageError(
            "is raw data of a detector (FOR PROCESSING), not an image for viewing. The same exposure has an image FOR "
            "PRESENTATION. Please export and upload that one.",
            code="for_processing",
        )
    return modality


def _check_pixel_header(header: pydicom.Dataset, *, has_pixels: bool) -> None:
    """Refuse a DICOM whose header shows that it cannot be decoded to one picture."""
    if not has_pixels:
        raise UnreadableImageError("is a DICOM without pixel data. Please export the X-ray itself.", code="no_pixels")
    for keyword in _REQUIRED:
        if header.get(keyword) in (None, ""):
            message = f"is a DICOM without {keyword}, so its pixels cannot be read. Please export it again."
            raise UnreadableImageError(message, code="header")
    check_side_lengths(int(header.Rows), int(header.Columns))
    frames = _number(header, "NumberOfFrames", 1)
    if frames != 1:
        found = f"{frames:.0f} frames" if frames > 1 else "an impossible number of frames"
        code = "several_pictures" if frames > 1 else "header"
        raise UnreadableImageError(f"is a DICOM with {found}. Please upload a single X-ray.", code=code)
    photometric = _word(header, "PhotometricInterpretation")
    if photometric not in (*_MONOCHROME, *_COLOUR):
        found = "in palette colour" if photometric == "PALETTE COLOR" else "of an unknown pixel kind"
        raise UnreadableImageError(f"is a DICOM {found}. Please export it as MONOCHROME2.", code="unsupported")
    allocated, stored = int(header.BitsAllocated), int(header.BitsStored)
    samples = 1 if photometric in _MONOCHROME else 3
    if (
        allocated not in (8, 16)
        or not 1 <= stored <= allocated
        or header.SamplesPerPixel != samples
        or header.PixelRepresentation not in (0, 1)
        or _number(header, "HighBit", stored - 1) != stored - 1
    ):
        message = "is a DICOM whose pixels are laid out in an unusual way. Please export it with 8 or 16 bits."
        raise UnreadableImageError(message, code="unsupported")


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
        raise UnreadableImageError(_undecodable("JPEG Extended with 12 bits"), code="unsupported")
    # YBR_FULL_422 shares its two colour samples between neighbours.
    is_halved = dataset.PhotometricInterpretation == "YBR_FULL_422" and not syntax.is_compressed
    samples = 2 if is_halved else dataset.SamplesPerPixel
    expected = dataset.Rows * dataset.Columns * samples * dataset.BitsAllocated // 8
    if syntax.is_compressed:
        _check_frame(dataset, syntax, expected)
    elif len(dataset.PixelData) < expected:
        raise EOFError("truncated pixel data")
    elif len(dataset.PixelData) >= 2 * expected:
        raise UnreadableImageError(_SEVERAL_FRAMES, code="several_pictures")
    pixels = pixel_array(dataset, index=0, decoding_plugin=_DECODERS[syntax])
    if syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1):
        # Where data are missing, GDCM silently repeats the last pixel.
        dataset.PixelData = encapsulate([with_more_data(get_frame(dataset.PixelData, 0, number_of_frames=1))])
        if not np.array_equal(pixels, pixel_array(dataset, index=0, decoding_plugin="gdcm")):
            raise EOFError("truncated scan")
    return pixels, syntax


def _check_frame(dataset: pydicom.Dataset, syntax: uid.UID, expected: int) -> None:
    """Refuse a compressed frame that is not whole or not of the header's size.

    Otherwise a decoder could fill the memory, or give half a picture as a whole one.
    """
    if len(parse_basic_offsets(dataset.PixelData)) > 1:
        raise UnreadableImageError(_SEVERAL_FRAMES, code="several_pictures")
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if syntax == uid.RLELossless:
        _check_run_lengths(frame, expected)
        return
    # Every JPEG, JPEG-LS and JPEG 2000 stream ends with this marker, perhaps padded.
    if b"\xff\xd9" not in frame[-64:]:
        raise EOFError("truncated frame")
    if _frame_side_lengths(frame) != (dataset.Rows, dataset.Columns):
        raise ValueError("the frame and the header differ in size")
    if syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit):
        check_jpeg_is_whole(frame)
    if syntax in (uid.JPEG2000Lossless, uid.JPEG2000):
        _check_tiles(frame)


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


def _check_tiles(frame: bytes) -> None:
    """Refuse a JPEG 2000 stream without all of its tiles: OpenJPEG leaves those black."""
    start = frame.index(b"\xff\x4f\xff\x51")
    # ISO/IEC 15444-1 A.5.1 and B.3: far and near corner of the picture, size and near corner of the first tile.
    right, bottom, _, _, width, height, left, top = struct.unpack_from(">8I", frame, start + 8)
    expected = math.ceil((right - left) / width) * math.ceil((bottom - top) / height)
    position = start + 2
    while position < len(frame) and frame[position : position + 2] != _START_OF_TILE:
        position += 2 + int.from_bytes(frame[position + 2 : position + 4])
    found = set()
    while frame[position : position + 2] == _START_OF_TILE:
        # A.4.2: a tile may come in parts. A length of 0 means all the rest.
        tile, length = struct.unpack_from(">HI", frame, position + 4)
        found.add(tile)
        position += length or len(frame)
    if len(found) != expected:
        raise EOFError("truncated: tiles are missing")


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


def _display_values(stored: NDArray[Any], header: pydicom.Dataset, notes: list[str]) -> Grey:
    """Apply modality LUT or rescale, then VOI LUT or window (DICOM PS3.3 C.11.1, C.11.2, in this order).

    Args:
        stored: integers, shape `(height, width)`.

    Returns:
        pixels float32, shape `(height, width)`, in [0, 1]: the output range of the
        VOI function or, without one, the range of the effective bits.
    """
    is_signed, bits = header.PixelRepresentation == 1, int(header.BitsStored)
    low = -(2.0 ** (bits - 1)) if is_signed else 0.0
    if not is_signed and bits == 16:
        # Careless devices write 16 for 12-bit data. A smaller number is taken as it is.
        bits = effective_bits(int(stored.max()))
    high = low + 2**bits - 1
    table = _first(header.get("ModalityLUTSequence"))
    if table:
        values, depth, _ = _look_up(stored, table)
        bits = min(depth, effective_bits(int(values.max())))
        low, high = 0.0, 2.0**bits - 1
    else:
        slope, intercept = _number(header, "RescaleSlope", 1), _number(header, "RescaleIntercept", 0)
        if slope == 0 or not math.isfinite(slope) or not math.isfinite(intercept):
            message = "is a DICOM with an impossible RescaleSlope or RescaleIntercept. Please export it again."
            raise UnreadableImageError(message, code="header")
        values = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
        low, high = sorted((low * slope + intercept, high * slope + intercept))
    table = _first(header.get("VOILUTSequence"))
    if table:
        if len(header.VOILUTSequence) > 1 or "WindowCenter" in header:
            notes.append("Several lookup tables or windows are stored. The first lookup table was applied.")
        values, depth, held = _look_up(values, table)
        if held < depth:
            # Careless devices declare 16 bits for a table of 12. The picture would be 16 times too dark.
            notes.append(
                f"The lookup table declares {depth} bits, but its values need only {held}. It was scaled by {held}."
            )
        return Grey(values / np.float32(2**held - 1), bits, "LUT")
    window = _usable_window(header, notes)
    if window is not None:
        return Grey(_apply_window(values, *window, _voi_function(header)), bits, "window", window)
    values -= np.float32(low)
    values /= np.float32(high - low)
    return Grey(np.clip(values, 0, 1, out=values), bits)


def _look_up(values: NDArray[Any], table: pydicom.Dataset) -> tuple[NDArray[np.float32], int, int]:
    """Map values through a DICOM lookup table (PS3.3 C.11.1.1); give them with its declared and its used bit depth.

    pydicom's own `apply_voi` counts entries in the output's type, so a table of 4096 entries of 8 bits wraps around.
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
    entries = np.clip(entries, 0, 2**depth - 1)
    return entries[index], depth, min(depth, effective_bits(int(entries.max())))


def _voi_function(header: pydicom.Dataset) -> str:
    return _word(header, "VOILUTFunction") or "LINEAR"


def _usable_window(header: pydicom.Dataset, notes: list[str]) -> tuple[float, float] | None:
    """Give the first window as (WindowCenter, WindowWidth); None where there is no usable one."""
    center, width = (_number(header, keyword, math.nan) for keyword in ("WindowCenter", "WindowWidth"))
    if math.isnan(center) and math.isnan(width):
        return None
    # DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3: LINEAR needs a width of 1 or more, the others above 0.
    function = _voi_function(header)
    is_wide_enough = width >= 1 if function == "LINEAR" else width > 0
    is_known = function in ("LINEAR", "LINEAR_EXACT", "SIGMOID")
    if not (is_wide_enough and is_known and math.isfinite(center) and math.isfinite(width)):
        notes.append("The stored window cannot be used. The full range was shown.")
        return None
    if header["WindowCenter"].VM > 1:
        notes.append("Several windows are stored. The first was applied.")
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

    In DX, MONOCHROME1 and PresentationLUTShape INVERSE say the same thing (PS3.3 C.8.11.3), so the two together never
    invert twice. INVERSE with MONOCHROME2 is a contradiction, and PhotometricInterpretation wins.
    """
    if photometric != "MONOCHROME2" or _word(header, "PresentationLUTShape") != "INVERSE":
        return photometric == "MONOCHROME1"
    if modality == "DX":
        notes.append("PresentationLUTShape contradicts PhotometricInterpretation and was ignored.")
    return modality != "DX"


def _age_years(header: pydicom.Dataset, notes: list[str]) -> float | None:
    """Give the age in years from PatientAge, else from the dates; None if neither can be read.

    DICOM PS3.5 6.2 allows "045Y" only. Devices also write "45Y", and "45" for years.
    """
    stated, dates = _word(header, "PatientAge"), [_word(header, keyword) for keyword in _DATES]
    years = None
    if stated:
        years = age_in_years(stated)
        unusable = "PatientAge could not be understood"
    elif all(dates):
        years = _years_between(*dates)
        unusable = " and ".join(_DATES) + " give no possible age"
    else:
        return None
    if years is None:
        notes.append(f"{unusable}, so the age is not known.")
        return None
    if not stated:
        notes.append(f"The age was computed from {' and '.join(_DATES)}.")
    return years


def _years_between(born: str, seen: str) -> float | None:
    # `strptime` also takes fewer digits.
    if not all(re.fullmatch("[0-9]{8}", date) for date in (born, seen)):
        return None
    with suppress(ValueError):
        return possible_age((datetime.strptime(seen, _DATE) - datetime.strptime(born, _DATE)).days / DAYS_IN_A_YEAR)
    return None
