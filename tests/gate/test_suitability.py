"""What may be scored, and what has to be said beside the score: each refusal and both sides of its edge."""

import numpy as np
import pytest

from pneumo_core.errors import UnsuitableImageError
from pneumo_core.film.age import age_in_years
from pneumo_core.gate.ages import age_in_words
from pneumo_core.gate.input_gate import NEAR_SHARE
from pneumo_core.gate.suitability import FAR, Suitability, assess
from pneumo_core.wording import Caution
from tests.makers import radiograph

YEARS = ((1.0, 5.0),)
UNREMARKABLE = Suitability(is_outside_population=False, cautions=())


def refusal_of(**film) -> str:
    with pytest.raises(UnsuitableImageError) as refusal:
        assess(radiograph(name="scan.png", **film), YEARS)
    return refusal.value.code


def of_contrast(contrast: float) -> np.ndarray:
    """Half of the pixels at 0.4, half `contrast` above."""
    pixels = np.full((100, 100), 0.4, np.float32)
    pixels[:50] += np.float32(contrast)
    return pixels


def test_a_frontal_film_of_a_child_of_three_needs_no_word():
    assert assess(radiograph(age_years=3.0, view_position="AP"), YEARS) == UNREMARKABLE


def test_a_colour_picture_is_refused():
    assert refusal_of(colour=0.0601, age_years=3.0) == "colour"


def test_a_tinted_scan_is_not():
    assert assess(radiograph(colour=0.06, age_years=3.0), YEARS) == UNREMARKABLE


def test_an_almost_blank_picture_is_refused():
    assert refusal_of(pixels=of_contrast(0.02)) == "blank"


def test_a_picture_just_under_the_contrast_is_refused_and_one_just_over_it_is_not():
    assert refusal_of(pixels=of_contrast(0.0499)) == "blank"
    assert assess(radiograph(of_contrast(0.0501), age_years=3.0), YEARS) == UNREMARKABLE


def test_a_few_bright_pixels_do_not_make_a_blank_picture_a_film():
    pixels = np.zeros((100, 100), np.float32)
    pixels[0, :16] = 1.0
    assert refusal_of(pixels=pixels) == "blank"


@pytest.mark.parametrize("shape", [(100, 251), (251, 100)])
def test_a_strip_is_refused_lying_or_standing(shape: tuple[int, int]):
    height, width = shape
    assert refusal_of(height=height, width=width) == "shape"


@pytest.mark.parametrize("shape", [(100, 250), (250, 100), (100, 100)])
def test_a_film_up_to_two_and_a_half_times_as_long_as_wide_is_not(shape: tuple[int, int]):
    height, width = shape
    assert assess(radiograph(height=height, width=width, age_years=3.0), YEARS) == UNREMARKABLE


@pytest.mark.parametrize("view", ["LL", "RL", "LAT", "LATERAL", "LLD", "RLD", "LLO", "RLO"])
def test_a_view_that_is_not_frontal_is_refused(view: str):
    assert refusal_of(view_position=view) == "lateral_view"


@pytest.mark.parametrize("view", ["AP", "PA", None])
def test_a_frontal_view_or_an_unknown_one_is_not(view: str | None):
    assert assess(radiograph(view_position=view, age_years=3.0), YEARS) == UNREMARKABLE


@pytest.mark.parametrize("age", [1.0, 5.0, 5.9])
def test_five_years_last_until_the_sixth_birthday(age: float):
    assert assess(radiograph(age_years=age), YEARS) == UNREMARKABLE


@pytest.mark.parametrize(
    ("age", "in_words"),
    [(0.0, "0 months"), (0.5, "6 months"), (0.9, "10 months"), (6.0, "6 years"), (71.0, "71 years")],
)
def test_a_patient_of_another_age_is_scored_with_a_warning(age: float, in_words: str):
    assert assess(radiograph(age_years=age), YEARS) == Suitability(
        is_outside_population=True,
        cautions=(
            Caution(
                "outside population",
                f"This score is not validated for this patient: the file gives an age of {in_words}. The network knows "
                "X-rays of children of 1 to 5 years only.",
            ),
        ),
    )


def test_a_file_without_an_age_is_scored_with_a_warning_but_not_called_outside():
    assert assess(radiograph(age_years=None), YEARS) == Suitability(
        is_outside_population=False,
        cautions=(
            Caution(
                "no age given",
                "The file gives no age. The network knows X-rays of children of 1 to 5 years only. For any other "
                "patient this score is not validated.",
            ),
        ),
    )


def test_a_far_image_is_told_by_the_share_that_the_gate_is_fitted_by():
    assert f"more from the training images than {100 * NEAR_SHARE:g} % of the validation images do." in FAR.warning


def test_the_population_is_the_cards():
    assert assess(radiograph(age_years=12.0), ((10.0, 17.0),)) == UNREMARKABLE
    (warning,) = assess(radiograph(age_years=3.0), ((10.0, 17.0),)).warnings
    assert "age of 3 years. The network knows X-rays of children of 10 to 17 years only." in warning


@pytest.mark.parametrize("months", range(24))
def test_an_age_in_months_is_said_as_it_is_written(months: int):
    age = age_in_years(f"{months:03d}M")
    assert age is not None
    assert age_in_words(age) == f"{months} months"
