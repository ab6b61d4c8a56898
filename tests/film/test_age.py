"""Ages as files and people write them: both sides of each edge."""

import pytest

from pneumo_core.film.age import age_in_years, possible_age


@pytest.mark.parametrize(
    ("text", "years"),
    [("045Y", 45), ("45Y", 45), ("45", 45), ("3y", 3), (" 062 ", 62), ("18M", 1.5), ("0D", 0), ("130Y", 130)],
)
def test_an_age_is_read_with_and_without_zeros_and_unit(text: str, years: float):
    assert age_in_years(text) == pytest.approx(years)


def test_weeks_and_days_are_parts_of_a_year():
    assert age_in_years("052W") == pytest.approx(0.9966, abs=1e-4)
    assert age_in_years("365D") == pytest.approx(0.9993, abs=1e-4)


@pytest.mark.parametrize("text", ["", "131", "131Y", "999Y", "-3", "4.5", "Y", "45 years", "45YY", "four", "0045Y"])
def test_what_is_no_age_of_a_patient_is_not_known(text: str):
    assert age_in_years(text) is None


def test_a_possible_age_lies_between_0_and_130_years():
    assert [possible_age(years) for years in (-0.01, 0.0, 130.0, 130.01)] == [None, 0.0, 130.0, None]
