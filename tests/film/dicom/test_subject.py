"""A DICOM header's word on the kind of image and the patient's age: read, noted, warned of or refused."""

import math
import re

import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from pneumo_core.errors import IMAGE_CODES, UnsuitableImageError
from pneumo_core.film.dicom.header import HEADER, codes, number, word, words
from pneumo_core.film.dicom.subject import age_of, check_subject
from pneumo_core.film.dicom.view import view_position
from pneumo_core.gate.suitability import assess
from pneumo_core.wording import Caution
from tests.film.test_radiograph import CANARY, dicom, read

# The tests write what the standard forbids.
pytestmark = pytest.mark.filterwarnings("ignore")

DATES = {"PatientBirthDate": "19800101", "StudyDate": "20250601"}


def header(**elements) -> Dataset:
    dataset = Dataset()
    for keyword, value in {"Modality": "DX", "BodyPartExamined": "CHEST", **elements}.items():
        setattr(dataset, keyword, value)
    return dataset


def subject(**elements) -> tuple[str, int, list[str]]:
    """Give the code of the refusal, "" if none, the count of notes, and the tags of the cautions."""
    notes: list[str] = []
    cautions: list[Caution] = []
    try:
        check_subject(header(**elements), notes, cautions)
    except UnsuitableImageError as refusal:
        assert refusal.code in IMAGE_CODES
        return refusal.code, 0, []
    return "", len(notes), [caution.tag for caution in cautions]


def age(**elements) -> tuple[float | None, bool, int, list[str]]:
    notes: list[str] = []
    cautions: list[Caution] = []
    found = age_of(header(**elements), notes, cautions)
    return found.years, found.is_unclear, len(notes), [caution.tag for caution in cautions]


@pytest.mark.parametrize(
    ("elements", "years", "notes", "tags"),
    [
        ({"PatientAge": "045Y"}, 45, 0, []),
        ({"PatientAge": "045Y", **DATES}, 45, 0, []),
        ({"PatientAge": "62"}, 62, 1, []),
        ({"PatientAge": "45", **DATES}, 45, 1, []),
        ({"PatientAge": "5", **DATES}, 45, 1, ["age contradicted"]),
        ({"PatientAge": "005Y", **DATES}, 5, 0, ["age contradicted"]),
        ({"PatientAge": "000Y", **DATES}, 45, 1, []),
        ({"PatientAge": "999Y", **DATES}, 45, 1, []),
        ({"PatientAge": "045Y", **DATES, "PatientBirthDate": "19000101"}, 45, 1, []),
        ({"PatientBirthDate": "1980.01.01", "StudyDate": "2025-06-01"}, 45, 1, []),
        ({"PatientBirthDate": "19800101", "StudyDate": "19000101", "ContentDate": "20250601"}, 45, 1, []),
        ({"PatientAge": "045Y", "PatientBirthDate": "1980", "StudyDate": "20250601"}, 45, 1, []),
        *(
            ({"PatientBirthDate": "19800101", "StudyDate": "", keyword: "20250601"}, 45, 1, [])
            for keyword in ("SeriesDate", "AcquisitionDate", "ContentDate")
        ),
        ({"PatientBirthDate": "19800101", "AcquisitionDateTime": "20250601101500.5"}, 45, 1, []),
    ],
)
def test_an_age_comes_from_patientage_with_a_unit_and_else_from_the_dates(elements, years, notes, tags):
    assert age(**elements) == (years, False, notes, tags)


@pytest.mark.parametrize(
    ("elements", "is_unclear"),
    [
        ({}, False),
        ({"PatientAge": "", "StudyDate": "20250601"}, False),
        ({"PatientAge": "about four"}, True),
        ({"PatientAge": "1Y6M"}, True),
        ({"PatientAge": "000Y"}, True),
        ({"PatientAge": "0"}, True),
        ({"PatientBirthDate": "1980", "StudyDate": "20250601"}, True),
        ({"PatientBirthDate": "20250602", "StudyDate": "20250601"}, True),
    ],
)
def test_no_age_and_an_age_that_is_not_understood_are_told_apart(elements, is_unclear):
    assert age(**elements) == (None, is_unclear, int(is_unclear), [])


@pytest.mark.parametrize("stated", ["000Y", "1Y6M"])
def test_a_given_age_wins_over_an_unclear_one_of_the_file(stated):
    found = read(dicom(PatientAge=stated))
    assert [caution.tag for caution in assess(found, ((1, 5),), 8).cautions] == ["outside population"]
    assert assess(found, ((1, 5),), 4).cautions == ()


@pytest.mark.parametrize("born", ["19000101", "1900.01.01", "18991230"])
def test_a_birth_date_that_stands_for_an_unknown_one_gives_no_age(born):
    assert age(**DATES | {"PatientBirthDate": born}) == (None, False, 1, [])
    assert age(**DATES | {"PatientBirthDate": "19000102"})[0] == 125


@pytest.mark.parametrize(
    ("elements", "found"),
    [
        ({"Modality": "SC"}, "of a modality other than X-ray (modality SC)"),
        ({"Modality": "CT"}, "a CT slice (modality CT)"),
        ({"Modality": "XR"}, "of an unknown modality"),
        ({"Modality": CANARY}, "of an unknown modality"),
        ({"SOPClassUID": uid.DigitalXRayImageStorageForProcessing}, "raw data of a detector by its SOP class"),
    ],
)
def test_a_refusal_says_by_what_and_quotes_only_terms_of_dicom(elements, found):
    with pytest.raises(UnsuitableImageError, match=re.escape(f"is {found}")) as refused:
        check_subject(header(PresentationIntentType="FOR PRESENTATION", **elements), [], [])
    assert CANARY.upper() not in str(refused.value).upper()


@pytest.mark.parametrize(
    ("elements", "outcome"),
    [
        ({"Modality": "CR"}, ("", 0, [])),
        ({"Modality": "OT"}, ("", 0, ["modality not given as X-ray"])),
        *(({"Modality": modality}, ("modality", 0, [])) for modality in ("RF", "XA", "SC", "PX", "DOE")),
        *(
            ({"SOPClassUID": sop_class}, ("modality", 0, []))
            for sop_class in (
                uid.CTImageStorage,
                uid.XRayAngiographicImageStorage,
                uid.DigitalMammographyXRayImageStorageForPresentation,
                uid.SegmentationStorage,
            )
        ),
        ({"SOPClassUID": uid.DigitalMammographyXRayImageStorageForProcessing}, ("for_processing", 0, [])),
        ({"SOPClassUID": "1.2.3.4"}, ("", 0, [])),
        # RSNA's 26,684 X-rays are such files.
        ({"SOPClassUID": uid.SecondaryCaptureImageStorage, "ConversionType": "WSD"}, ("", 1, [])),
        ({"SOPClassUID": uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage}, ("", 1, [])),
        ({"ConversionType": "DV"}, ("", 0, ["scanned or filmed"])),
        ({"ConversionType": "SD"}, ("modality", 0, [])),
        ({"Manufacturer": "Pneumo"}, ("own_export", 0, [])),
        ({"BurnedInAnnotation": "YES"}, ("", 0, ["may show a name"])),
        ({"BurnedInAnnotation": "NO", "LossyImageCompression": "00"}, ("", 0, [])),
        ({"LossyImageCompression": "01"}, ("", 1, [])),
        ({"LossyImageCompressionRatio": 40}, ("", 1, ["strongly compressed"])),
        ({"LossyImageCompression": "00", "LossyImageCompressionRatio": 40}, ("", 1, ["strongly compressed"])),
        ({"LossyImageCompression": "00", "LossyImageCompressionRatio": 1}, ("", 0, [])),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": 10}, ("", 1, [])),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": 10.5}, ("", 1, ["strongly compressed"])),
    ],
)
def test_the_kind_of_image_and_how_it_was_made_are_read_noted_warned_of_or_refused(elements, outcome):
    assert subject(**elements) == outcome


@pytest.mark.parametrize(
    ("elements", "outcome"),
    [
        ({"ImageType": ["DERIVED", "PRIMARY", "", "BONE"]}, ("derived", [])),
        ({"ImageType": ["DERIVED", "PRIMARY", "SOFT_TISSUE"]}, ("derived", [])),
        ({"ImageType": ["DERIVED", "PRIMARY", ""]}, ("", [])),
        ({"SeriesDescription": "Dual Energy bone"}, ("derived", [])),
        ({"AcquisitionDeviceProcessingDescription": "energy subtraction soft tissue"}, ("derived", [])),
        ({"ImageComments": "DE_SOFT"}, ("derived", [])),
        ({"DerivationDescription": "bone-suppressed"}, ("derived", [])),
        ({"SeriesDescription": "Dual energy standard"}, ("", [])),
        ({"SeriesDescription": "Bone survey chest"}, ("", [])),
        ({"SeriesDescription": "Soft tissue"}, ("", ["perhaps bone or soft tissue alone"])),
    ],
)
def test_bone_or_soft_tissue_alone_is_refused_where_the_header_surely_says_so(elements, outcome):
    code, _, tags = subject(**elements)
    assert (code, tags) == outcome


def test_values_of_another_kind_than_the_standard_says_are_no_error():
    dataset = Dataset()
    item = header(CodeValue="R-10236")
    for keyword in HEADER:
        dataset.add_new(keyword, "SQ", [item])
    assert (word(dataset, "Modality"), words(dataset, "PatientAge")) == ("", [])
    assert math.isnan(number(dataset, "WindowCenter", 3))
    for keyword in HEADER:
        dataset.add_new(keyword, "LO", "CT\\1")
    assert (codes(dataset, "ViewCodeSequence"), words(dataset, "ViewCodeSequence")) == ([], ["CT", "1"])
    for keyword in HEADER:
        dataset.add_new(keyword, "FD", 45.0)
    assert (word(dataset, "PatientAge"), number(dataset, "WindowCenter", 3)) == ("45.0", 45)
    assert age_of(dataset, [], []).years == 45
    view_position(dataset, [], [])


def test_a_number_that_is_none_is_told_from_an_absent_one():
    notes = read(dicom(LossyImageCompression="01")).origin.notes
    wrong = dicom(LossyImageCompression="01")
    wrong.add_new("LossyImageCompressionRatio", "LO", "many")
    wrong.add_new("ViewCodeSequence", "US", 7)
    assert read(wrong).origin.notes == notes
    assert math.isnan(number(wrong, "LossyImageCompressionRatio", 3))
    assert number(wrong, "ImagesInAcquisition", 3) == 3


def test_free_text_is_searched_and_never_handed_on():
    texts = dict.fromkeys(("SeriesDescription", "ProtocolName", "ImageComments", "BodyPartExamined"), f"{CANARY} LAT")
    origin = read(dicom(**texts, ViewPosition=CANARY, PatientOrientation=[CANARY, "F"], PatientAge=CANARY)).origin
    assert len(origin.cautions) == 3
    assert CANARY.upper() not in repr(origin).upper()
