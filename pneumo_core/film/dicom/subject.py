"""The subject of a DICOM by its header: the kind of image, how it was made, the body part, the patient's age."""

import math
import re
from datetime import date
from typing import NamedTuple

import pydicom
from pydicom import uid

from pneumo_core.errors import UnreadableImageError, UnsuitableImageError
from pneumo_core.film.age import age_between, age_in_years, day_in, names_unit
from pneumo_core.film.dicom.header import BIRTH, SEEN, number, text_of_image, word, words
from pneumo_core.film.dicom.view import check_part
from pneumo_core.wording import Caution

# DICOM PS3.4 B.5; each has a sister for presentation.
_RAW_DATA = (
    uid.DigitalXRayImageStorageForProcessing,
    uid.DigitalMammographyXRayImageStorageForProcessing,
    uid.DigitalIntraOralXRayImageStorageForProcessing,
)
# DICOM PS3.4 B.5 and PS3.3 F: objects that hold no image, by the beginning of their class.
_NO_IMAGE_CLASSES = {
    uid.MediaStorageDirectoryStorage: "a DICOMDIR, which lists the files of a disk",
    uid.EncapsulatedPDFStorage: "a PDF document in a DICOM",
    "1.2.840.10008.5.1.4.1.1.104.": "a document in a DICOM",
    uid.KeyObjectSelectionDocumentStorage: "a list of chosen images",
    "1.2.840.10008.5.1.4.1.1.88.": "a structured report",
    "1.2.840.10008.5.1.4.1.1.11.": "a presentation state, which says how another image is shown",
}
_PROJECTION_XRAYS = ("CR", "DX", "RG")
# Terms of DICOM PS3.3 C.7.3.1.1.1 that name no X-ray, retired ones too; then two that some programs write.
_OTHER_MODALITIES = (
    "ANN AR AS ASMT AU BDUS BI BMD CD CF CP CS CTPROTOCOL DD DF DG DM DMS DOC DS EC ECG EEG EMG EOG EPS ES FA FID "
    "FS GM HC HD IVOCT IVUS KER KO LEN LP LS M3D MA MS OAM OCT OP OPM OPR OPT OPTBSV OPTENF OPV OSS PLAN POS PR "
    "REG RESP RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SRF ST STAIN "
    "TEXTUREMAP TG VA VF XC XAPROTOCOL SC PDF"
)
_MODALITIES_IN_WORDS = {
    **dict.fromkeys(_OTHER_MODALITIES.split(), "of a modality other than X-ray"),
    "CT": "a CT slice",
    "MR": "an MR image",
    "MG": "a mammogram",
    "XA": "an angiogram",
    "RF": "a fluoroscopy image",
    "IO": "an X-ray of teeth",
    "PX": "a panoramic X-ray of the jaws",
    "US": "an ultrasound image",
    "NM": "a nuclear medicine image",
    "PT": "a PET image",
    "SR": "a structured report",
}
_STORAGE = "1.2.840.10008.5.1.4.1.1."
# Secondary Capture (PS3.4 B.5) is for any image that is no longer the device's own, an X-ray's copy among others.
_CAPTURES = f"{_STORAGE}7"
_SOP_CLASSES = (uid.ComputedRadiographyImageStorage, uid.DigitalXRayImageStorageForPresentation)
_SOP_CLASSES_IN_WORDS = {
    uid.CTImageStorage: "a CT slice",
    uid.EnhancedCTImageStorage: "a CT slice",
    uid.MRImageStorage: "an MR image",
    uid.EnhancedMRImageStorage: "an MR image",
    uid.DigitalMammographyXRayImageStorageForPresentation: "a mammogram",
    uid.DigitalIntraOralXRayImageStorageForPresentation: "an X-ray of teeth",
    uid.XRayAngiographicImageStorage: "an angiogram",
    uid.XRayRadiofluoroscopicImageStorage: "a fluoroscopy image",
    uid.UltrasoundImageStorage: "an ultrasound image",
    uid.NuclearMedicineImageStorage: "a nuclear medicine image",
    uid.PositronEmissionTomographyImageStorage: "a PET image",
}
# DICOM PS3.3 C.8.6.1, ConversionType.
_NO_XRAYS = {"DRW": "a drawing", "SD": "a scanned document"}
_FILMED = ("DV", "SI")
_OTHER_MODALITY = Caution(
    "modality not given as X-ray",
    "The header gives the modality as OT (other), as programs write it that convert images. Please check that this is "
    "the X-ray itself.",
)
_CAPTURED = Caution(
    "scanned or filmed",
    "The header says that the image was scanned, or filmed from a screen. Its grey may differ from the X-ray's own.",
)
_NAMED = Caution(
    "may show a name",
    "The header says that text is burned into the image (BurnedInAnnotation). It may name the patient.",
)
# Loose et al., RöFo 2009: a consensus of German radiologists allows 10 to 1 for digital X-rays of the chest.
MOST_COMPRESSED = 10
_COMPRESSED = Caution(
    "strongly compressed",
    f"The header says that the image was compressed with loss by more than {MOST_COMPRESSED} to 1. Fine structure may "
    "be lost, and blocks may look like structure.",
)

# One exposure with two energies gives an image of bone and one of soft tissue. A program makes them of one energy, too.
_ENERGY = re.compile(r"DUAL[\W_]*ENERGY|ENERGY[\W_]*SUB|SUBTRACT|(?<![A-Z])(?:DE|DES|ES)(?![A-Z])")
_BONE_OR_TISSUE = re.compile(r"(?<![A-Z])BONES?(?![A-Z])|SOFT(?![A-Z])|SOFT[\W_]*TISSUE")
_SUPPRESSED = re.compile(r"BONES?[\W_]*SUPP|RIBS?[\W_]*SUPP")
_BY_TYPE = re.compile(r"BONE|SOFT|SUBTRACT|SUPPRESS")
_PERHAPS_COMPUTED = re.compile(r"SOFT[\W_]*TISSUE|BONE[\W_]*(?:IMAGE|VIEW|ONLY)")
_PERHAPS_IN_PART = Caution(
    "perhaps bone or soft tissue alone",
    "A description in the header names soft tissue or bone. Please check that this is the whole X-ray, and not a part "
    "of it computed from two energies.",
)

# PatientAge may have been written at another time of the same course of examinations.
_AGREE_YEARS = 2
# The first days of the calendars of spreadsheets and databases.
_NO_BIRTHS = (date(1899, 12, 30), date(1899, 12, 31), date(1900, 1, 1))
_DISAGREE = f"PatientAge and the dates in the header give ages that differ by more than {_AGREE_YEARS} years."
_AGE_WAS_USED = Caution("age contradicted", f"{_DISAGREE} PatientAge was used. Please check which is right.")
_DATES_WERE_USED = Caution("age contradicted", f"{_DISAGREE} The dates were used. Please check which is right.")


class Age(NamedTuple):
    """A patient's age in years, None where it is not known; `is_unclear` where the header gives one all the same."""

    years: float | None
    is_unclear: bool = False


def check_subject(header: pydicom.Dataset, notes: list[str], cautions: list[Caution]) -> str:
    """Refuse all but a projection X-ray for presentation, as it was exposed; give the modality, "" if absent.

    Raises:
        UnreadableImageError: it holds no image.
        UnsuitableImageError: of another modality, raw data, or an image computed from X-rays.
    """
    modality, sop_class = word(header, "Modality"), _sop_class(header)
    _check_is_image(sop_class)
    if word(header, "Manufacturer") == "PNEUMO":
        raise UnsuitableImageError(
            "is a picture that Pneumo made, not an X-ray. Please upload the X-ray itself.", code="own_export"
        )
    if not modality:
        notes.append("The DICOM names no modality. It was read as an X-ray.")
    elif modality == "OT":
        cautions.append(_OTHER_MODALITY)
    elif modality not in _PROJECTION_XRAYS:
        # Any other word may be free text, which is never quoted.
        kind = _MODALITIES_IN_WORDS.get(modality)
        raise _other_kind(f"{kind} (modality {modality})" if kind else "of an unknown modality")
    check_part(header, cautions)
    if sop_class in _RAW_DATA or word(header, "PresentationIntentType") == "FOR PROCESSING":
        by = " by its SOP class" if sop_class in _RAW_DATA else ""
        raise UnsuitableImageError(
            f"is raw data of a detector{by} (FOR PROCESSING), not an image for viewing. The same exposure has an image "
            "FOR PRESENTATION. Please export and upload that one.",
            code="for_processing",
        )
    _check_sop_class(header, sop_class, notes, cautions)
    _check_whole(header, cautions)
    _tell_compression(header, notes, cautions)
    if word(header, "BurnedInAnnotation") == "YES":
        cautions.append(_NAMED)
    return modality


def _check_is_image(sop_class: str) -> None:
    """Refuse, by its name, a DICOM of a class that holds no image."""
    for beginning, found in _NO_IMAGE_CLASSES.items():
        if sop_class.startswith(beginning):
            raise UnreadableImageError(f"is {found}, not an image. Please upload the X-ray itself.", code="no_pixels")


def age_of(header: pydicom.Dataset, notes: list[str], cautions: list[Caution]) -> Age:
    """Give the age from PatientAge with a unit, else from the dates, else from a bare number of years.

    DICOM PS3.5 6.2 allows "045Y" only. "000Y" and "0" often stand for an unknown age, so they give none.
    """
    stated = word(header, "PatientAge")
    years = age_in_years(stated) if stated else None
    # A child of 0 days or months is newborn.
    is_unknown = years == 0 and ("Y" in stated or not names_unit(stated))
    is_weak = years is not None and (not names_unit(stated) or is_unknown)
    by_dates, seen = _age_by_dates(header, notes)
    dates = f"{BIRTH} and {seen}"
    computed = f"The age was computed from {dates}."
    if by_dates is None:
        if seen:
            notes.append(f"{dates} give no possible age.")
        if stated and years is None:
            notes.append("PatientAge could not be understood.")
        elif is_unknown:
            notes.append("PatientAge is 0, which often stands for an unknown age.")
        elif is_weak:
            notes.append("PatientAge names no unit. It was read as years.")
        known = None if is_unknown else years
        return Age(known, is_unclear=known is None and bool(stated or seen))
    if not stated:
        notes.append(computed)
    elif years is None:
        notes.append(f"PatientAge could not be understood. {computed}")
    else:
        is_contradicted = abs(years - by_dates) > _AGREE_YEARS
        if not is_weak:
            cautions += [_AGE_WAS_USED] if is_contradicted else []
            return Age(years)
        if is_unknown:
            notes.append(f"PatientAge is 0. {computed}")
        else:
            notes.append(f"PatientAge names no unit. {computed}")
            cautions += [_DATES_WERE_USED] if is_contradicted else []
    return Age(by_dates)


def _age_by_dates(header: pydicom.Dataset, notes: list[str]) -> tuple[float | None, str]:
    """Give the age on the first date of the exposure that gives a possible one, and the date's name, "" if none is."""
    born, named = word(header, BIRTH), [keyword for keyword in SEEN if word(header, keyword)]
    birth = day_in(born)
    if birth in _NO_BIRTHS:
        notes.append(f"{BIRTH} is a day that programs write for an unknown one. It was left aside.")
        return None, ""
    if not born or not named:
        return None, ""
    for keyword in named:
        seen = day_in(word(header, keyword))
        years = age_between(birth, seen) if birth and seen else None
        if years is not None:
            return years, keyword
    return None, named[0]


def _sop_class(header: pydicom.Dataset) -> str:
    # Dataset.file_meta is there where the file has that group.
    return word(header, "SOPClassUID") or word(getattr(header, "file_meta", header), "MediaStorageSOPClassUID")


def _other_kind(found: str) -> UnsuitableImageError:
    return UnsuitableImageError(
        f"is {found}. Projection X-rays (CR, DX, RG) can be read. Please upload a chest X-ray.", code="modality"
    )


def _check_sop_class(header: pydicom.Dataset, sop_class: str, notes: list[str], cautions: list[Caution]) -> None:
    """Refuse what is no projection X-ray by its SOP class, whatever Modality says; tell of a copy."""
    is_capture = sop_class == _CAPTURES or sop_class.startswith(f"{_CAPTURES}.")
    if sop_class.startswith(_STORAGE) and sop_class not in _SOP_CLASSES and not is_capture:
        kind = _SOP_CLASSES_IN_WORDS.get(uid.UID(sop_class))
        raise _other_kind(f"{kind or 'of a kind other than X-ray'} by its SOP class")
    conversion = word(header, "ConversionType")
    if conversion in _NO_XRAYS:
        raise _other_kind(f"{_NO_XRAYS[conversion]} by its ConversionType")
    if conversion in _FILMED:
        cautions.append(_CAPTURED)
    elif is_capture:
        notes.append("The header calls the image a secondary capture, which is a copy and not the device's own image.")


def _check_whole(header: pydicom.Dataset, cautions: list[Caution]) -> None:
    """Refuse bone or soft tissue alone, as dual-energy exposures and programs give them."""
    text = text_of_image(header)
    by_text = _SUPPRESSED.search(text) or (_ENERGY.search(text) and _BONE_OR_TISSUE.search(text))
    if by_text or _BY_TYPE.search(" ".join(words(header, "ImageType")[2:])):
        raise UnsuitableImageError(
            "is an image of bone or soft tissue alone, computed from an X-ray. The network knows whole X-rays only. "
            "Please upload the X-ray that it was computed from.",
            code="derived",
        )
    if _PERHAPS_COMPUTED.search(text):
        cautions.append(_PERHAPS_IN_PART)


def _tell_compression(header: pydicom.Dataset, notes: list[str], cautions: list[Caution]) -> None:
    """Say that there was compression with loss; warn of a strong one (DICOM PS3.3 C.7.6.1.1.5)."""
    ratio = number(header, "LossyImageCompressionRatio", math.nan)
    by = f" by about {ratio:.3g} to 1" if 1 < ratio < 1000 else ""
    if word(header, "LossyImageCompression") in ("01", "1", "YES"):
        notes.append(f"The header says that the image was compressed with loss{by}.")
    elif by:
        notes.append(f"By its ratio, the image was compressed with loss{by}. LossyImageCompression does not say so.")
    else:
        return
    if ratio > MOST_COMPRESSED:
        cautions.append(_COMPRESSED)
