"""Ages as files and people write them: both sides of each edge."""

from datetime import date

import pytest

from pneumo_core.film.age import age_between, age_in_years, day_in, possible_age


@pytest.mark.parametrize(
    ("text", "years"),
    [
        *[("045Y", 45), ("45Y", 45), ("45", 45), ("3y", 3), (" 062 ", 62), ("18M", 1.5), ("0D", 0), ("130Y", 130)],
        *[("0045Y", 45), ("4YR", 4), ("4 YRS", 4), ("45 years", 45), ("45 Y.O.", 45), ("18MO", 1.5), ("045 Y", 45)],
        *[("6 months", 0.5), ("45 Jahre", 45), ("45.0", 45)],
    ],
)
def test_an_age_is_read_as_devices_and_people_write_it(text: str, years: float):
    assert age_in_years(text) == pytest.approx(years)


def test_weeks_and_days_are_parts_of_a_year():
    assert age_in_years("052W") == pytest.approx(0.9966, abs=1e-4)
    assert age_in_years("365D") == pytest.approx(0.9993, abs=1e-4)


@pytest.mark.parametrize("text", ["", "131", "131Y", "999Y", "-3", "4.5", "Y", "45J", "45YY", "4Y6M", "four", "1979"])
def test_what_is_no_age_of_a_patient_is_not_known(text: str):
    assert age_in_years(text) is None


def test_a_possible_age_lies_between_0_and_130_years():
    assert [possible_age(years) for years in (-0.01, 0.0, 130.0, 130.01)] == [None, 0.0, 130.0, None]


@pytest.mark.parametrize("text", ["19790115", "1979.01.15", "1979-01-15", "1979/01/15", "19790115103000.5+0100"])
def test_a_day_is_read_with_and_without_dots_and_dashes(text: str):
    assert day_in(text) == date(1979, 1, 15)


@pytest.mark.parametrize("text", ["", "1979", "197901", "19790230", "1979-0115", "15.01.1979", "19790115-19800115"])
def test_what_is_no_one_day_is_not_known(text: str):
    assert day_in(text) is None


@pytest.mark.parametrize(
    ("seen", "years"),
    [((2023, 2, 27), 2.0), ((2023, 2, 28), 2.0), ((2023, 3, 1), 3.0), ((2021, 5, 29), 1.25), ((2020, 2, 28), None)],
)
def test_an_age_between_two_days_is_in_completed_years_and_first_in_months(seen, years):
    assert age_between(date(2020, 2, 29), date(*seen)) == years
