"""Any usual header gives the pixels that the DICOM standard asks for; any changed header gives those or a refusal."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from pneumo_core.errors import IMAGE_CODES
from pneumo_core.film.decoder_process import answer, read_content
from tests.film.test_radiograph import dicom, png, ramp, written

# What pydicom says of unusual values.
pytestmark = pytest.mark.filterwarnings("ignore")

SHAPE = (96, 97)
HALVES = st.integers(-2000, 9000).map(lambda number: number / 2)


def as_device_writes(number: float) -> st.SearchStrategy[str]:
    """A decimal text (DS) of a number, in one of the ways that the standard allows: at most 16 letters."""
    return st.sampled_from([f"{number:g}", f"{number:.2f}", f" {number:.1f} ", f"{number:+.1f}", f"{number:.4E}"])


@st.composite
def films(draw: st.DrawFn) -> tuple[np.ndarray, dict[str, object], np.ndarray]:
    """Stored values, a header, and what is to be seen of both, float64 in [0, 1] by DICOM PS3.3 C.7.6.3 and C.11."""
    allocated = draw(st.sampled_from([8, 16]))
    bits = draw(st.integers(1, allocated))
    is_signed = draw(st.booleans())
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if is_signed else (0, 2**bits - 1)
    ends = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    kind = f"{'i' if is_signed else 'u'}{allocated // 8}"
    stored = random.integers(ends[0], ends[1], SHAPE, endpoint=True).astype(kind)
    photometric = draw(st.sampled_from(["MONOCHROME1", "MONOCHROME2"]))
    header: dict[str, object] = {
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PhotometricInterpretation": photometric,
    }
    if not is_signed and bits == 16:
        # As `read_dicom` promises: 16 bits that hold fewer are taken for the fewer.
        high = next(2**depth - 1 for depth in (8, 10, 12, 14, 16) if stored.max() < 2**depth)
    values = stored.astype(np.float64)
    if draw(st.booleans()):
        slope, intercept = draw(st.sampled_from([1.0, 2.0, 0.5, -1.0])), float(draw(st.integers(-1024, 1024)))
        header["RescaleSlope"] = draw(as_device_writes(slope))
        header["RescaleIntercept"] = f"{intercept:g}"
        values = values * slope + intercept
        low, high = sorted((low * slope + intercept, high * slope + intercept))
    function = draw(st.sampled_from([None, "LINEAR", "LINEAR_EXACT", "SIGMOID"]))
    if draw(st.booleans()):
        center, width = draw(HALVES), float(draw(st.integers(1, 9000)))
        header["WindowCenter"], header["WindowWidth"] = draw(as_device_writes(center)), f"{width:.1f}"
        # The text is what counts: "1.2345E+03" has lost a digit.
        center = float(str(header["WindowCenter"]))
        if function:
            header["VOILUTFunction"] = function
        shown = np.array([through_window(value, center, width, function or "LINEAR") for value in values.ravel()])
        shown = shown.reshape(SHAPE)
    else:
        shown = (values - low) / (high - low)
    return stored, header, 1 - shown if photometric == "MONOCHROME1" else shown


def through_window(value: float, center: float, width: float, function: str) -> float:
    """The pseudo code of DICOM PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2, for an output from 0 to 1."""
    if function == "SIGMOID":
        return float(1 / (1 + np.exp(np.clip(-4 * (value - center) / width, -700, 700))))
    if function == "LINEAR":
        if value <= center - 0.5 - (width - 1) / 2:
            return 0.0
        if value > center - 0.5 + (width - 1) / 2:
            return 1.0
        return (value - (center - 0.5)) / (width - 1) + 0.5
    if value <= center - width / 2:
        return 0.0
    if value > center + width / 2:
        return 1.0
    return (value - center) / width + 0.5


@settings(max_examples=80)
@given(films())
def test_any_grey_header_shows_what_the_standard_asks_for(film: tuple[np.ndarray, dict[str, object], np.ndarray]):
    stored, header, expected = film
    decoded = read_content(written(dicom(stored, **header)))
    pixels, origin = decoded.pixels, decoded.origin
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, expected, atol=1e-5)
    assert origin.is_inverted == (header["PhotometricInterpretation"] == "MONOCHROME1")
    assert (origin.window is not None) == ("WindowCenter" in header)
    if origin.window:
        assert origin.window == (float(str(header["WindowCenter"])), float(str(header["WindowWidth"])))


@given(st.integers(0, 999), st.sampled_from(["D", "W", "M", "Y", ""]), st.booleans())
def test_any_age_of_a_header_is_its_number_of_units(number: int, unit: str, has_zeros: bool):
    stated = f"{number:03d}{unit}" if has_zeros else f"{number}{unit}"
    origin = read_content(written(dicom(ramp(8), PatientAge=stated))).origin
    years = number / {"D": 365.25, "W": 365.25 / 7, "M": 12, "Y": 1, "": 1}[unit]
    assert origin.age_years == (pytest.approx(years) if years <= 130 else None)


def assert_answers(content: bytes) -> None:
    """Check that any bytes come back as pixels in [0, 1] or as a refusal of a known code that quotes none of them."""
    header, pixels = answer(content)
    if "refusal" in header:
        assert header["refusal"] in ("UnreadableImageError", "UnsuitableImageError")
        assert header["code"] in IMAGE_CODES
        assert str(header["text"]).isascii()
    else:
        values = np.frombuffer(pixels, str(header["values"]))
        assert values.size and values.min() >= 0 and values.max() <= (255 if header["values"] == "uint8" else 1)


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
