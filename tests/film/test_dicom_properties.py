"""Any file with changed bytes gives pixels in [0, 1] or a refusal. Random headers are in `test_against_literal`."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from pneumo_core.errors import IMAGE_CODES
from pneumo_core.film.decoder_process import answer, read_content
from tests.film.test_radiograph import dicom, png, ramp, written

# What pydicom says of unusual values.
pytestmark = pytest.mark.filterwarnings("ignore")


@given(st.integers(0, 999), st.sampled_from(["D", "W", "M", "Y", ""]), st.booleans())
def test_any_age_of_a_header_is_its_number_of_units(number: int, unit: str, has_zeros: bool):
    stated = f"{number:03d}{unit}" if has_zeros else f"{number}{unit}"
    origin = read_content(written(dicom(ramp(8), PatientAge=stated))).origin
    years = number / {"D": 365.25, "W": 365.25 / 7, "M": 12, "Y": 1, "": 1}[unit]
    # 0 years often stand for an unknown age.
    is_known = years <= 130 and (number > 0 or unit in ("D", "W", "M"))
    assert origin.age_years == (pytest.approx(years) if is_known else None)


def assert_answers(content: bytes) -> None:
    """Check that any bytes come back as pixels in [0, 1] or as a refusal of a known code that quotes none of them."""
    header, arrays = answer(content)
    if "refusal" in header:
        assert header["refusal"] in ("UnreadableImageError", "UnsuitableImageError")
        assert header["code"] in IMAGE_CODES
        assert str(header["text"]).isascii()
    else:
        levels = np.frombuffer(arrays[0], str(header["values"]))
        assert levels.size and len(arrays) == (3 if header["has_scale"] else 1)
        grey = np.frombuffer(arrays[1], np.float32) if header["has_scale"] else levels
        assert grey.min() >= 0 and grey.max() <= (255 if grey.dtype == np.uint8 else 1)


FILM = written(dicom(ramp(12), PatientAge="045Y", WindowCenter="2048", WindowWidth="4096", RescaleSlope="1"))
PICTURE = png(ramp())


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(content: bytes):
    for start in (b"", FILM[:132], FILM[:300], PICTURE[:8], PICTURE[:40], b"\xff\xd8\xff"):
        assert_answers(start + content)


@pytest.mark.parametrize("whole", [FILM, PICTURE], ids=["DICOM", "PNG"])
@settings(max_examples=100)
@given(data=st.data())
def test_a_file_with_a_changed_header_is_answered(whole: bytes, data: st.DataObject):
    content = bytearray(whole)
    # The picture's pixels shrink to fewer bytes than a header has.
    places = st.tuples(st.integers(128 if whole is FILM else 0, min(len(whole), 560) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, min_size=1, max_size=4)):
        content[place] = value
    assert_answers(bytes(content))
