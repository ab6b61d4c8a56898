"""Read DICOM files: header, frame, grey. pydicom and its decoders live in this folder."""

import logging
from dataclasses import replace
from io import BytesIO

import numpy as np
import pydicom
from numpy.typing import NDArray

from pneumo_core.errors import UnreadableImageError
from pneumo_core.film.dicom.display import display, pixel_aspect
from pneumo_core.film.dicom.exposure import EXPOSURE_ELEMENTS, exposure_of
from pneumo_core.film.dicom.frame import decode, inflated
from pneumo_core.film.dicom.header import HEADER, MONOCHROME, REQUIRED, number, word
from pneumo_core.film.dicom.subject import age_of, check_subject
from pneumo_core.film.dicom.view import unmirrored, view_position
from pneumo_core.film.grey import Levels
from pneumo_core.film.pixels import Decoded, Origin, Scale, check_side_lengths, to_grey
from pneumo_core.wording import Caution

# pydicom's warnings quote values of the header.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
# (7FE0,0010) as little- and as big-endian files write it.
_PIXEL_DATA_TAGS = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
# (7FE0,0008) and (7FE0,0009), likewise.
_FLOAT_PIXEL_DATA_TAGS = (b"\xe0\x7f\x08\x00", b"\x7f\xe0\x00\x08", b"\xe0\x7f\x09\x00", b"\x7f\xe0\x00\x09")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


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


def read_dicom(content: bytes) -> Decoded:
    """Read the header and the one frame; refusals begin after the file's name."""
    content, syntax_name = inflated(content)
    header = pydicom.dcmread(
        BytesIO(content), force=True, stop_before_pixels=True, specific_tags=[*HEADER, *EXPOSURE_ELEMENTS]
    )
    notes: list[str] = []
    cautions: list[Caution] = []
    modality = check_subject(header, notes, cautions)
    if not any(tag in content for tag in _PIXEL_DATA_TAGS):
        if any(tag in content for tag in _FLOAT_PIXEL_DATA_TAGS):
            message = "is a DICOM whose pixels are floating-point numbers. Please export it with 8 or 16 bits."
            raise UnreadableImageError(message, code="unsupported")
        raise UnreadableImageError("is a DICOM without pixel data. Please export the X-ray itself.", code="no_pixels")
    _check_pixel_header(header, notes)
    frame = decode(content)
    # The codestream knows better than the header how many bits it holds.
    header.BitsStored = frame.bits
    notes += frame.notes
    sex = word(header, "PatientSex")
    origin = Origin(
        "DICOM",
        height=frame.words.shape[0],
        width=frame.words.shape[1],
        bits=frame.bits,
        photometric_interpretation=word(header, "PhotometricInterpretation"),
        transfer_syntax=syntax_name or frame.syntax,
        is_linear=word(header, "PixelIntensityRelationship") == "LIN",
        modality=modality or None,
        sex=sex if sex in ("M", "F", "O") else None,
        samples_per_pixel=int(header.SamplesPerPixel),
        exposure=exposure_of(header),
    )
    pixels: NDArray[np.float32] | Levels
    if origin.photometric_interpretation in MONOCHROME:
        # Shutters lie where the file has them, so an exchange of left and right comes after them.
        shown = display(frame.words, header, notes)
        pixels, scale = shown.levels, Scale(shown.grey, shown.values)
        origin = replace(
            origin,
            bits=shown.bits,
            is_inverted=shown.is_inverted,
            window=shown.window,
            voi=shown.voi,
            windows=shown.windows,
            unit=shown.unit,
            cut_off=shown.cut_off,
        )
    else:
        scale = None
        pixels, colour = to_grey(frame.words, frame.bits)
        origin = replace(origin, colour=colour)
    pixels = np.ascontiguousarray(unmirrored(pixels, header, notes, cautions))
    height, width = pixels.shape
    view, age = view_position(header, notes, cautions), age_of(header, notes, cautions)
    return Decoded(
        pixels,
        replace(
            origin,
            height=height,
            width=width,
            pixel_aspect=pixel_aspect(header, notes),
            view_position=view,
            age_years=age.years,
            is_age_unclear=age.is_unclear,
            notes=tuple(notes),
            cautions=tuple(cautions),
        ),
        scale,
    )


def _check_pixel_header(header: pydicom.Dataset, notes: list[str]) -> None:
    """Refuse a DICOM whose header shows that it cannot be decoded to one picture."""
    for keyword in REQUIRED:
        if header.get(keyword) in (None, ""):
            message = f"is a DICOM without {keyword}, so its pixels cannot be read. Please export it again."
            raise UnreadableImageError(message, code="header")
    check_side_lengths(int(header.Rows), int(header.Columns))
    frames = number(header, "NumberOfFrames", 1)
    if frames == 0:
        # pydicom and others take it so. More frames than one are refused where they are decoded.
        notes.append("NumberOfFrames is 0, although there are pixels. They were read as one frame.")
    elif frames != 1:
        found = f"{frames:.0f} frames" if frames > 1 else "an impossible number of frames"
        code = "several_pictures" if frames > 1 else "header"
        raise UnreadableImageError(f"is a DICOM with {found}. Please upload a single X-ray.", code=code)
    photometric = word(header, "PhotometricInterpretation")
    if photometric not in (*MONOCHROME, *_COLOUR):
        found = "in palette colour" if photometric == "PALETTE COLOR" else "of an unknown pixel kind"
        raise UnreadableImageError(f"is a DICOM {found}. Please export it as MONOCHROME2.", code="unsupported")
    unusual = _unusual_layout(header, 1 if photometric in MONOCHROME else 3)
    if unusual is not None:
        raise UnreadableImageError(f"is a DICOM {unusual}. Please export it with 8 or 16 bits.", code="unsupported")


def _unusual_layout(header: pydicom.Dataset, samples: int) -> str | None:
    """Say what of a pixel's layout cannot be read, None where all can."""
    allocated, stored = int(header.BitsAllocated), int(header.BitsStored)
    high = number(header, "HighBit", stored - 1)
    if allocated not in (8, 16):
        return f"with BitsAllocated {allocated} where it must be 8 or 16"
    if not 1 <= stored <= allocated:
        return f"with BitsStored {stored} where BitsAllocated is {allocated}"
    if header.SamplesPerPixel != samples:
        return f"with SamplesPerPixel {header.SamplesPerPixel} where it must be {samples}"
    if header.PixelRepresentation not in (0, 1):
        return "whose pixels are neither signed nor unsigned"
    # Where the values fill the word, or would begin below it, they can lie in one place only (PS3.5 8.1.1).
    is_known = stored == allocated or high < allocated
    if not is_known or (samples > 1 and high != stored - 1):
        return f"with HighBit {high:.0f} where BitsStored is {stored} and BitsAllocated {allocated}"
    return None
