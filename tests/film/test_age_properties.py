"""Any text is an age from 0 to 130 years, or none."""

import pytest
from hypothesis import given, strategies as st

from pneumo_core.film.age import age_in_years

UNITS_A_YEAR = {"": 1, "Y": 1, "M": 12, "W": 365.25 / 7, "D": 365.25}


@given(st.one_of(st.text(max_size=6), st.text("0123456789DWMYdwmy .+-٣²", max_size=6)))
def test_any_text_is_a_possible_age_or_none(text: str):
    years = age_in_years(text)
    assert years is None or 0 <= years <= 130
    # No other digits than these are a number here, and nothing stands before them.
    assert years is None or text.strip()[0] in "0123456789"


@given(st.integers(0, 999), st.sampled_from(sorted(UNITS_A_YEAR)), st.integers(1, 3), st.sampled_from(["", " ", "  "]))
def test_a_number_and_a_unit_are_so_many_years(number: int, unit: str, digits: int, between: str):
    years = number / UNITS_A_YEAR[unit]
    for text in (f"{number:0{digits}d}{between}{unit}", f" {number}{unit.lower()} "):
        assert age_in_years(text) == (pytest.approx(years) if years <= 130 else None)


@given(st.integers(1, 130))
def test_an_age_in_a_smaller_unit_is_never_more(number: int):
    in_days, in_weeks, in_months, in_years = (age_in_years(f"{number}{unit}") for unit in "DWMY")
    assert in_days is not None and in_weeks is not None and in_months is not None and in_years is not None
    assert in_days < in_weeks < in_months < in_years
