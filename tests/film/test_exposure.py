"""Facts of an exposure: what a header says of them, and what rubbish becomes."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given, strategies as st
from pydantic import TypeAdapter, ValidationError
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from pneumo_core.film.decoder_process import read_content
from pneumo_core.film.dicom.exposure import EXPOSURE_ELEMENTS, exposure_of
from pneumo_core.film.exposure import Exposure
from pneumo_core.film.outward import outward_facts
from pneumo_core.film.pixels import Origin
from tests.film.test_radiograph import dicom, written

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR")


def stored(header: dict[str, object]) -> Dataset:
    """A header of these values as a file holds them, valid or not."""
    dataset = Dataset()
    for keyword, value in header.items():
        texts = [str(one) for one in (value if isinstance(value, list) else [value])]
        content, tag = "\\".join(texts).encode("utf-8", "replace"), Tag(keyword)
        dataset[tag] = RawDataElement(tag, "LO", len(content), content, 0, False, True)
    return dataset


def test_the_facts_of_a_file_are_read_into_its_record():
    elements = {
        "Manufacturer": "Agfa-Gevaert  N.V.",
        "ManufacturerModelName": "DX-D 600",
        "KVP": "70",
        "ExposureInuAs": "2500",
        "RelativeXRayExposure": "312",
        "ExposureIndex": "450.5",
        "ImagerPixelSpacing": ["0.139", "0.139"],
        "PixelSpacing": ["0.2", "0.2"],
        "StudyDate": "19000111",
        "InstanceNumber": "3",
    }
    origin = read_content(written(dicom(**elements))).origin
    assert origin.exposure == Exposure("AGFA GEVAERT N V", "DX D 600", 70, 2.5, 312, 450.5, 0.139, 10, 3)


def test_what_a_file_tells_beside_its_picture_has_a_name_and_what_it_lacks_has_none():
    exposure = Exposure("ACME", kvp=70.0, day=40_000, number_in_series=0)
    facts = outward_facts(Origin("DICOM", 100, 120, 12, window=(40.0, 400.0), view_position="AP", exposure=exposure))
    assert facts == {
        "file format": "DICOM",
        "bits": 12,
        "view": "AP",
        "window centre": 40.0,
        "window width": 400.0,
        "manufacturer": "ACME",
        "tube voltage": 70.0,
        "date": 40_000,
        "number in the series": 0,
    }


def test_a_file_that_says_nothing_has_no_facts():
    assert exposure_of(Dataset()) == Exposure() == exposure_of(stored({"KVP": "", "Manufacturer": []}))


@pytest.mark.parametrize(
    ("header", "facts"),
    [
        ({"Manufacturer": " - "}, {}),
        ({"Manufacturer": "ImagingDynamicsCompanyLtd"}, {"manufacturer": "IMAGINGDYNAMICSCOMPANYLT"}),
        ({"KVP": "0", "Exposure": "0", "PixelSpacing": [0, 0]}, {}),
        ({"KVP": "70,5"}, {"kvp": 70.5}),
        ({"KVP": "1e400"}, {}),
        ({"KVP": "nan", "ExposureIndex": "high"}, {}),
        ({"XRayTubeCurrent": 200, "ExposureTime": 10}, {"exposure_mas": 2.0}),
        ({"PixelSpacing": []}, {}),
        ({"AcquisitionDate": "00010101", "ContentDate": "1900-01-03"}, {"day": 2}),
        ({"StudyDate": "20240231"}, {}),
        ({"StudyDate": "1900.01.02"}, {"day": 1}),
    ],
)
def test_a_fact_is_understood_or_left_aside(header, facts):
    assert exposure_of(stored(header)) == Exposure(**facts)


def test_a_value_that_pydicom_cannot_convert_is_left_aside():
    broken = stored({})
    broken[Tag("KVP")] = RawDataElement(Tag("KVP"), "FD", 3, b"abc", 0, False, True)
    assert exposure_of(broken) == Exposure()


@given(st.dictionaries(st.sampled_from(EXPOSURE_ELEMENTS), st.text() | st.floats() | st.lists(st.text(), max_size=2)))
def test_any_header_gives_facts_that_the_decoders_answer_can_carry(header):
    exposure = exposure_of(stored(header))
    told = json.dumps(asdict(exposure))
    assert "\\" not in told
    assert TypeAdapter(Exposure).validate_json(told, strict=True) == exposure


@pytest.mark.parametrize(
    "lie", [{"manufacturer": "Meyer^Anna"}, {"model": "A" * 25}, {"kvp": float("nan")}, {"day": "1"}]
)
def test_a_decoder_that_was_taken_over_hands_no_other_text_on(lie):
    with pytest.raises(ValidationError):
        TypeAdapter(Exposure).validate_json(json.dumps(lie), strict=True)
