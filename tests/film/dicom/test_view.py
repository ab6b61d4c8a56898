"""A DICOM header's word on the body part and the view: understood, warned of or refused; and left on the right."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from pneumo_core.errors import UnsuitableImageError
from pneumo_core.film.dicom import subject as dicom_subject, view as dicom_view
from pneumo_core.film.dicom.view import FRONTAL, VIEW_POSITIONS, check_part, part_in, unmirrored, view_in, view_position
from pneumo_core.gate.suitability import NOT_FRONTAL
from pneumo_core.wording import Caution
from tests.film.dicom.test_subject import header
from tests.film.test_radiograph import dicom, ramp, read
from tests.test_prose import MOST_WORDS, faults

pytestmark = pytest.mark.filterwarnings("ignore")


def code(value: str, meaning: str = "") -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodeMeaning = value, meaning
    return [item]


def view(**elements) -> tuple[str | None, list[str]]:
    cautions: list[Caution] = []
    return view_position(header(**elements), [], cautions), [caution.tag for caution in cautions]


def part(**elements) -> tuple[str, list[str]]:
    """Give "refused" or "read", and the tags of the cautions."""
    cautions: list[Caution] = []
    try:
        check_part(header(**elements), cautions)
    except UnsuitableImageError as refusal:
        assert refusal.code == "body_part"
        return "refused", []
    return "read", [caution.tag for caution in cautions]


def test_every_view_that_is_not_frontal_is_refused_by_the_gate():
    assert {*VIEW_POSITIONS} - {*FRONTAL} == {*NOT_FRONTAL}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        *[("LLAT", "LL"), ("L LAT", "LL"), ("LEFT LATERAL", "LL"), ("RLAT", "RL"), ("R-LAT", "RL"), ("RT LAT", "RL")],
        *[("LARGE LATERAL", "LATERAL"), ("LATERAL CHEST", "LATERAL"), ("XTLAT", "LATERAL"), ("PROFIL", "LATERAL")],
        *[("SWIMMERS", "SWIMMERS"), ("DECUB", "DECUBITUS"), ("LEFT LATERAL DECUBITUS", "LLD"), ("RAO", "OBLIQUE")],
        *[("PA OBLIQUE", "OBLIQUE"), ("LORDOTIC", "LORDOTIC"), ("AP LORDOTIC", "LORDOTIC"), ("AP SUPINE", "AP")],
        *[("PAERECT", "PA"), ("POSTERO-ANTERIOR", "PA"), ("AP/PA", "FRONTAL"), ("PORTABLE", None), ("PA LAT", None)],
        *[("P.A.", "PA"), ("A/P", "AP"), ("FACE", "FRONTAL"), ("W033 THORAX, P.A.", "PA"), ("LTL", "LATERAL")],
        *[("AXIAL", "NOT FRONTAL"), ("SUPEROINFERIOR", "NOT FRONTAL"), ("SUPERO-INFERIOR", "NOT FRONTAL")],
        *[("XTABLE LATERAL", "LATERAL"), ("CROSS TABLE LATERAL", "LATERAL"), ("XTABLELAT", "LATERAL")],
        *[("XTABLE", None), ("AP AXIAL", None), ("FACE PROFIL", None), ("A", None), ("A PORTABLE", None)],
        *[("BILATERAL", None), ("LATERALITY", None), ("LATE", None)],
    ],
)
def test_a_view_is_understood_as_devices_and_people_write_it(text, found):
    assert view_in(text) == found


@pytest.mark.parametrize(
    ("elements", "outcome"),
    [
        ({}, (None, [])),
        ({"ViewPosition": "LL"}, ("LL", [])),
        ({"ViewPosition": "PORTABLE"}, (None, [])),
        ({"ViewPosition": "XYZ"}, (None, ["view not understood"])),
        ({"ViewPosition": "PA LAT"}, (None, ["view not understood"])),
        ({"ViewPosition": "LORDOTIC"}, ("LORDOTIC", ["lordotic view"])),
        ({"ViewPosition": "XYZ", "ViewCodeSequence": code("R-10206")}, ("AP", [])),
        ({"ViewCodeSequence": code("R-10236")}, ("LL", [])),
        ({"ViewCodeSequence": code("399198007")}, ("RL", [])),
        ({"ViewCodeSequence": code("399067008")}, ("LATERAL", [])),
        ({"ViewCodeSequence": code("R-10206")}, ("AP", [])),
        ({"ViewCodeSequence": code("LOCAL1", "Left lateral")}, ("LL", [])),
        ({"ViewCodeSequence": code("LOCAL1", "Special")}, (None, ["view not understood"])),
        ({"ViewPosition": "PA", "ViewCodeSequence": code("R-10236")}, ("PA", ["view contradicted"])),
        ({"ViewPosition": "LL", "ViewCodeSequence": code("R-10206")}, ("LL", [])),
        ({"PatientOrientation": ["A", "F"]}, ("LATERAL", [])),
        ({"PatientOrientation": ["PL", "F"]}, ("LATERAL", [])),
        ({"PatientOrientation": ["L", "P"]}, ("NOT FRONTAL", [])),
        ({"PatientOrientation": ["LP", "FA"]}, (None, [])),
        ({"ViewPosition": "PA", "PatientOrientation": ["A", "F"]}, ("PA", ["view contradicted"])),
        ({"ViewPosition": "PA", "SeriesDescription": "Chest lat"}, ("PA", ["perhaps no frontal view"])),
        ({"ProtocolName": "Thorax lateral"}, (None, ["perhaps no frontal view"])),
        ({"SeriesDescription": "Chest PA & lat"}, (None, [])),
        ({"SeriesDescription": "Thorax p.a., lat."}, (None, [])),
        ({"ViewPosition": "XTABLE"}, (None, ["view not understood"])),
    ],
)
def test_the_view_comes_from_words_codes_and_orientation_and_a_doubt_is_said(elements, outcome):
    assert view(**elements) == outcome


@pytest.mark.parametrize(
    ("text", "found"),
    [
        *[
            (chest, "chest")
            for chest in ("CHEST PA", "TÓRAX", "THORAX", "LUNG", "BRUSTKORB", "KLATKA PIERSIOWA", "CXR")
        ],
        *[(more, "more") for more in ("CHESTABDPELVIS", "NECKCHEST", "WHOLEBODY", "BABYGRAM")],
        *[("TSPINE", "thoracic spine"), ("DORSAL SPINE", "thoracic spine"), ("RIBS", "ribs"), ("CLAVICLE", "clavicle")],
        *[("SINUS", "sinus"), ("KUB", "abdomen"), ("ABD", "abdomen"), ("LSSPINE", "spine"), ("LWS", "spine")],
        *[("SKULL", "skull"), ("UP_EXM", "extremity"), ("HÜFTE", "hip"), ("PELVIS", "pelvis"), ("IAC", "skull")],
        *[(none, "") for none in ("", "AP", "PORTABLE", "ERECT", "MOBILE")],
        *[(unknown, "?") for unknown in ("XYZ", "WHEELCHAIR", "HEARING")],
    ],
)
def test_a_body_part_is_understood_as_devices_and_people_write_it(text, found):
    assert part_in(text) == found


@pytest.mark.parametrize(
    ("elements", "outcome"),
    [
        ({}, ("read", [])),
        ({"BodyPartExamined": ""}, ("read", [])),
        ({"BodyPartExamined": "SINUS"}, ("refused", [])),
        ({"BodyPartExamined": "RIB"}, ("read", ["exposed for a part of the chest"])),
        ({"BodyPartExamined": "CHESTABDOMEN"}, ("read", ["more than a chest"])),
        ({"BodyPartExamined": "XYZ"}, ("read", ["body part not understood"])),
        ({"BodyPartExamined": "XYZ", "SeriesDescription": "Chest PA"}, ("read", [])),
        ({"BodyPartExamined": "SKULL", "ProtocolName": "Thorax"}, ("read", ["body part contradicted"])),
        (
            {"BodyPartExamined": "SKULL", "AnatomicRegionSequence": code("T-D3000")},
            ("read", ["body part contradicted"]),
        ),
        ({"AnatomicRegionSequence": code("818981001")}, ("read", ["body part contradicted"])),
        ({"BodyPartExamined": "", "AnatomicRegionSequence": code("818981001")}, ("refused", [])),
        ({"BodyPartExamined": "", "AnatomicRegionSequence": code("51185008")}, ("read", [])),
        ({"BodyPartExamined": "", "AnatomicRegionSequence": code("X", "Knee")}, ("refused", [])),
        ({"BodyPartExamined": "", "AnatomicRegionSequence": code("X", "X")}, ("read", ["body part not understood"])),
        ({"AnatomicRegionSequence": code("T-11300")}, ("read", [])),
        ({"SeriesDescription": "Abdomen a.p. liegend"}, ("read", ["perhaps another body part"])),
        ({"BodyPartExamined": "", "ProtocolName": "Hand PA"}, ("read", ["perhaps another body part"])),
        ({"BodyPartExamined": "XYZ", "SeriesDescription": "KUB supine"}, ("read", ["perhaps another body part"])),
        ({"SeriesDescription": "Chest and abdomen"}, ("read", [])),
        ({"SeriesDescription": "Knee left AP", "ProtocolName": "Thorax"}, ("read", [])),
        ({"SeriesDescription": "Face, arms up, hand-held"}, ("read", [])),
    ],
)
def test_another_part_than_the_chest_is_refused_and_a_doubt_is_said(elements, outcome):
    assert part(**elements) == outcome


# Where each pixel of a picture comes from, by the direction of its rows and columns.
PIXELS = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize(
    ("orientation", "shown"),
    [
        (["L", "F"], PIXELS),
        (["R", "F"], PIXELS[:, ::-1]),
        (["RP", "FA"], PIXELS[:, ::-1]),
        (["L", "H"], PIXELS[::-1]),
        # A turn, without a mirror.
        (["R", "H"], PIXELS),
        (["F", "R"], PIXELS),
        # A turn and a mirror.
        (["F", "L"], PIXELS[:, ::-1]),
        (["A", "F"], PIXELS),
        (["R"], PIXELS),
    ],
)
def test_left_and_right_are_exchanged_where_the_orientation_is_a_mirrors(orientation, shown):
    notes: list[str] = []
    cautions: list[Caution] = []
    found = unmirrored(PIXELS, header(PatientOrientation=orientation), notes, cautions)
    np.testing.assert_array_equal(found, shown)
    assert bool(notes) == (found is not PIXELS)
    is_turned_over = orientation == ["L", "H"]
    tags = ["left and right exchanged"] if notes and not is_turned_over else []
    assert [caution.tag for caution in cautions] == tags


def test_a_mirrored_x_ray_is_read_the_right_way_round():
    plain, mirrored = read(dicom()), read(dicom(ramp(12)[:, ::-1], PatientOrientation=["R", "F"]))
    np.testing.assert_array_equal(plain.pixels, mirrored.pixels)
    assert len(mirrored.origin.notes) == len(plain.origin.notes) + 1
    assert len(mirrored.origin.cautions) == len(plain.origin.cautions) + 1


@pytest.mark.parametrize(
    "caution", [one for room in (dicom_subject, dicom_view) for one in vars(room).values() if isinstance(one, Caution)]
)
def test_a_caution_is_short_and_its_tag_fits_into_a_rows_list(caution: Caution):
    assert faults(caution.warning, MOST_WORDS) == []
    assert "," not in caution.tag
