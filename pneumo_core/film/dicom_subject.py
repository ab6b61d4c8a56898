"""The subject of a DICOM by its header: the kind of exposure, the body part, the view, the patient."""

import re
from contextlib import suppress
from datetime import date

import pydicom
from pydicom import uid

from pneumo_core.errors import UnreadableImageError, UnsuitableImageError
from pneumo_core.film.age import DAYS_IN_A_YEAR, age_in_years, possible_age
from pneumo_core.film.dicom_header import DATES, word

# DICOM PS3.4 B.5; each has a sister for presentation.
_RAW_DATA = (
    uid.DigitalXRayImageStorageForProcessing,
    uid.DigitalMammographyXRayImageStorageForProcessing,
    uid.DigitalIntraOralXRayImageStorageForProcessing,
)
# DICOM PS3.4 B.5 and PS3.3 F: objects that hold no image, by the beginning of their class.
_NO_IMAGES = {
    uid.MediaStorageDirectoryStorage: "a DICOMDIR, which lists the files of a disk",
    uid.EncapsulatedPDFStorage: "a PDF document in a DICOM",
    "1.2.840.10008.5.1.4.1.1.104.": "a document in a DICOM",
    uid.KeyObjectSelectionDocumentStorage: "a list of chosen images",
    "1.2.840.10008.5.1.4.1.1.88.": "a structured report",
    "1.2.840.10008.5.1.4.1.1.11.": "a presentation state, which says how another image is shown",
}
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
VIEW_POSITIONS = ("AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO", "LAT", "LATERAL")


def check_subject(header: pydicom.Dataset, notes: list[str]) -> str:
    """Refuse all but a projection X-ray of the chest for presentation; give the modality, "" if absent."""
    _check_is_image(header)
    modality = word(header, "Modality")
    if not modality:
        notes.append("The DICOM names no modality. It was read as an X-ray.")
    elif modality not in _PROJECTION_XRAYS:
        words = _MODALITIES_IN_WORDS.get(modality)
        found = f"{words} (modality {modality})" if words else "of a modality other than X-ray"
        raise UnsuitableImageError(
            f"is {found}. Projection X-rays (CR, DX, RG) can be read. Please upload a chest X-ray.",
            code="modality",
        )
    body_part = word(header, "BodyPartExamined")
    other = _OTHER_BODY_PARTS.search(body_part)
    if other and not _CHEST.search(body_part):
        raise UnsuitableImageError(
            f"is an X-ray of another body part ({other[0].lower()}). Please upload a chest X-ray.", code="body_part"
        )
    if word(header, "SOPClassUID") in _RAW_DATA or word(header, "PresentationIntentType") == "FOR PROCESSING":
        raise UnsuitableImageError(
            "is raw data of a detector (FOR PROCESSING), not an image for viewing. The same exposure has an image FOR "
            "PRESENTATION. Please export and upload that one.",
            code="for_processing",
        )
    return modality


def _check_is_image(header: pydicom.Dataset) -> None:
    """Refuse, by its name, a DICOM of a class that holds no image."""
    # Dataset.file_meta is there where the file has that group.
    kind = word(header, "SOPClassUID") or word(getattr(header, "file_meta", header), "MediaStorageSOPClassUID")
    for beginning, words in _NO_IMAGES.items():
        if kind.startswith(beginning):
            raise UnreadableImageError(f"is {words}, not an image. Please upload the X-ray itself.", code="no_pixels")


def age_of(header: pydicom.Dataset, notes: list[str]) -> float | None:
    """Give the age in years from PatientAge, else from the dates; None if neither can be read.

    DICOM PS3.5 6.2 allows "045Y" only. Devices also write "45Y", and "45" for years.
    """
    stated, dates = word(header, "PatientAge"), [word(header, keyword) for keyword in DATES]
    years = None
    if stated:
        years = age_in_years(stated)
        unusable = "PatientAge could not be understood"
    elif all(dates):
        years = _years_between(*dates)
        unusable = " and ".join(DATES) + " give no possible age"
    else:
        return None
    if years is None:
        notes.append(f"{unusable}, so the age is not known.")
        return None
    if not stated:
        notes.append(f"The age was computed from {' and '.join(DATES)}.")
    return years


def _years_between(born: str, seen: str) -> float | None:
    matches = [re.fullmatch("([0-9]{4})([0-9]{2})([0-9]{2})", text) for text in (born, seen)]
    with suppress(ValueError):
        days = [date(*map(int, match.groups())) for match in matches if match]
        return possible_age((days[1] - days[0]).days / DAYS_IN_A_YEAR) if len(days) == 2 else None
    return None
