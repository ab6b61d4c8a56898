"""Raw data of a detector under another name: refused by its pixels, either way up, and no image for viewing with it."""

from dataclasses import replace

import numpy as np
import pytest

from pneumo_core.errors import CorrectableImageError, UnsuitableImageError
from pneumo_core.files.places import ROOT
from pneumo_core.film.radiograph import Radiograph, read_radiograph
from pneumo_core.gate.admission import before
from pneumo_core.gate.input_gate import INVERTED, LEFT, Verdict
from pneumo_core.gate.raw import PERHAPS, is_judged, raw_log_odds
from tests.makers import NEAR, radiograph

YEARS = ((1.0, 5.0),)
SAMPLES = sorted((ROOT / "samples").glob("synthetic_*.png"))
STEEP, FLAT = 4.6, 3.0


@pytest.fixture(scope="module", params=SAMPLES, ids=lambda path: path.stem)
def sample(request: pytest.FixtureRequest) -> np.ndarray:
    return read_radiograph(request.param).pixels


@pytest.fixture(scope="module")
def last_sample() -> np.ndarray:
    return read_radiograph(SAMPLES[-1]).pixels


def exposure(film: np.ndarray, steepness: float) -> np.ndarray:
    """Exposure behind a body that the film shows, air bright: the law of Beer and Lambert, in 12 bits."""
    shown = np.exp(-steepness * film)
    shown = (shown - shown.min()) / (shown.max() - shown.min())
    return (np.rint(4095 * shown) / 4095).astype(np.float32)


def file_of(pixels: np.ndarray, **origin) -> Radiograph:
    return radiograph(np.ascontiguousarray(pixels, np.float32), **{"bits": 12, "age_years": 3.0, **origin})


def code_of(film: Radiograph) -> str | None:
    refusal = before(film, YEARS).refusal
    return None if refusal is None else refusal.code


def test_raw_data_are_refused_or_leave_a_doubt_with_air_bright_and_with_air_dark(sample: np.ndarray):
    raw = exposure(sample, STEEP)
    for pixels in (raw, 1 - raw):
        admission = before(file_of(pixels), YEARS)
        # A sample with little air leaves a doubt only.
        is_refused = admission.refusal is not None and admission.refusal.code == "for_processing"
        assert is_refused or PERHAPS in admission.doubts


def test_images_for_viewing_are_read_as_they_are_dark_flat_steep_and_inverted(sample: np.ndarray):
    for pixels in (sample, 0.3 * sample, sample**0.8, sample**1.3, 0.4 + 0.3 * sample, 1 - sample):
        admission = before(file_of(pixels), YEARS)
        assert (admission.refusal, admission.doubts) == (None, ())


@pytest.mark.parametrize(
    "origin",
    [{"bits": 8}, {"voi": "LUT"}, {"voi": "window", "window": (600.0, 400.0)}],
    ids=["8 bits", "LUT", "window"],
)
def test_greys_that_a_program_has_chosen_are_not_judged(origin: dict[str, object], last_sample: np.ndarray):
    assert not is_judged(file_of(last_sample, **origin))
    assert code_of(file_of(exposure(last_sample, STEEP), **origin)) is None


def test_a_window_as_wide_as_the_range_is_none(last_sample: np.ndarray):
    assert code_of(file_of(exposure(last_sample, STEEP), voi="window", window=(2048.0, 4096.0))) == "for_processing"


def test_a_doubt_is_said_as_caution_and_as_finding(last_sample: np.ndarray):
    film = before(file_of(1 - exposure(last_sample, FLAT)), YEARS).after(NEAR)
    assert (film.refusal, PERHAPS in film.cautions, PERHAPS.tag in film.findings) == (None, True, True)


def test_doubtful_pixels_with_air_bright_are_raw_data_and_are_not_offered_inverted(last_sample: np.ndarray):
    doubtful = before(file_of(exposure(last_sample, FLAT)), YEARS)
    refusal = doubtful.after(Verdict(INVERTED, 0.1, False)).refusal
    assert isinstance(refusal, UnsuitableImageError)
    assert (refusal.code, isinstance(refusal, CorrectableImageError)) == ("for_processing", False)
    turned = doubtful.after(Verdict(LEFT, 0.1, False)).refusal
    assert turned is not None and turned.code == "turned"
    plain = before(file_of(1 - last_sample), YEARS).after(Verdict(INVERTED, 0.1, False)).refusal
    assert plain is not None and plain.code == "inverted"


def test_a_picture_and_its_negative_are_judged_alike_at_any_size_and_scale(last_sample: np.ndarray):
    raw = exposure(last_sample, STEEP)
    odds = raw_log_odds(raw)
    assert raw_log_odds(1 - raw) == pytest.approx(odds, abs=0.05)
    assert raw_log_odds(0.2 + 0.5 * raw) == pytest.approx(odds, abs=0.05)
    assert raw_log_odds(np.repeat(np.repeat(raw, 3, 0), 2, 1)) == pytest.approx(odds, abs=0.5)


def test_a_picture_that_a_program_clipped_white_is_not_raw(last_sample: np.ndarray):
    assert raw_log_odds(np.clip(2.5 * last_sample, 0, 1)) < raw_log_odds(1 - exposure(last_sample, FLAT))


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (96, 96)])
def test_plain_and_tiny_pictures_are_judged_without_a_fault(shape: tuple[int, int]):
    for grey in (0.0, 0.5, 1.0):
        assert not np.isnan(raw_log_odds(np.full(shape, grey, np.float32)))


def test_a_doubt_is_certain_where_the_header_says_that_grey_is_linear(sample: np.ndarray):
    doubtful = [
        film
        for steepness in np.linspace(1, STEEP, 20)
        if PERHAPS in before(film := file_of(1 - exposure(sample, steepness)), YEARS).doubts
    ]
    assert doubtful
    for film in doubtful:
        assert code_of(replace(film, origin=replace(film.origin, is_linear=True))) == "for_processing"
    assert code_of(file_of(sample, is_linear=True)) is None
