"""One patient under several spellings, and names that tell nobody."""

import pytest

from pneumo_core.data.cases import follow_up
from pneumo_core.data.patients import INDEPENDENT, is_rounded, patient_key, untold_patients


@pytest.mark.parametrize(
    ("one", "other"),
    [("P 12", " p  12 "), ("00012", "12"), ("12", "12.0"), ("000", "0"), ("Ä1", "A\u03081"), ("12", "\uff11\uff12")],
)
def test_spellings_of_one_patient_have_one_key(one: str, other: str):
    assert patient_key(one) == patient_key(other)


@pytest.mark.parametrize(("one", "other"), [("P1", "P10"), ("12", "120"), ("1.2", "12"), ("P0012", "P12")])
def test_other_patients_have_other_keys(one: str, other: str):
    assert patient_key(one) != patient_key(other)


@pytest.mark.parametrize("patient", ["1.2E+10", "1,23457E+15", "1e+16", " 4.5E+11 "])
def test_an_id_that_a_spreadsheet_rounded_names_nobody(patient: str):
    assert is_rounded(patient)


@pytest.mark.parametrize("patient", ["", "12", "3E5", "1.2", "E+10", "A1.2E+10", "12000000000"])
def test_other_ids_are_whole(patient: str):
    assert not is_rounded(patient)


def test_what_nobody_tells_is_said_and_what_is_told_is_not():
    assert untold_patients([True, True]) is None
    assert untold_patients([]) is None
    nobody, some = untold_patients([False] * 3), untold_patients([True, False, False])
    assert nobody is not None
    assert nobody.startswith(INDEPENDENT)
    assert some is not None
    assert "1 of 3" in some


@pytest.mark.parametrize(("name", "number"), [("00000013_045.png", 45), ("00000013_000.png", 0), ("IM-1-1.png", None)])
def test_the_number_in_a_patients_series_is_read_from_nihs_names(name: str, number: int | None):
    assert follow_up(name) == number
