"""The same content counts once under several names, and so does a patient under several spellings."""

from pathlib import Path

import pytest

from pneumo_core.data.cases import Case, find_cases, follow_up
from pneumo_core.data.counts import INDEPENDENT, is_rounded, patient_key, untold_patients, without_doubles


def laid(folder: Path, **films: bytes) -> tuple[Case, ...]:
    """Films of these contents, named "split_class_name" with two underscores."""
    for key, content in films.items():
        path = folder.joinpath(*key.split("__")).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return find_cases(folder)


def names(cases: tuple[Case, ...]) -> list[str]:
    return [case.name for case in cases]


def test_a_copy_is_left_out_and_said_and_others_of_its_length_stay(tmp_path: Path):
    films = laid(tmp_path, train__NORMAL__a=b"one", train__NORMAL__b=b"two", train__NORMAL__c=b"one")
    kept, doubles = without_doubles(films)
    assert names(kept) == ["train/NORMAL/a.png", "train/NORMAL/b.png"]
    assert doubles.copies == {"train/NORMAL/c.png": "train/NORMAL/a.png"}
    assert doubles.in_words() == ("1 copy of an X-ray that is there already was left out.",)


def test_a_test_xray_stays_and_its_copies_in_training_go(tmp_path: Path):
    films = laid(tmp_path, train__NORMAL__a=b"x", val__NORMAL__b=b"x", test__NORMAL__z=b"x")
    assert names(without_doubles(films)[0]) == ["test/NORMAL/z.png"]


def test_the_same_content_with_both_labels_is_left_out_whole(tmp_path: Path):
    films = laid(
        tmp_path, train__NORMAL__a=b"x", train__PNEUMONIA__b=b"x", test__PNEUMONIA__c=b"x", train__NORMAL__d=b"y"
    )
    kept, doubles = without_doubles(films)
    assert names(kept) == ["train/NORMAL/d.png"]
    assert len(doubles.conflicts) == 3
    assert doubles.copies == {}
    assert doubles.in_words()[0].startswith("3 X-rays were given with both labels")


def test_patients_under_whose_names_one_xray_lies_are_one(tmp_path: Path):
    films = {"train__PNEUMONIA__person1_virus_1": b"x", "train__PNEUMONIA__person2_virus_1": b"x"}
    kept, _ = without_doubles(laid(tmp_path, **films, train__PNEUMONIA__person2_virus_2=b"y"))
    assert [(case.name.rsplit("/", 1)[1], case.patient) for case in kept] == [
        ("person1_virus_1.png", "person1"),
        ("person2_virus_2.png", "person1"),
    ]


def test_a_picture_that_lies_under_many_names_makes_no_one_of_many_patients(tmp_path: Path):
    nothing = {f"train__PNEUMONIA__person{n}_virus_1": b"black" for n in range(6)}
    seen = {f"train__PNEUMONIA__person{n}_virus_2": f"film {n}".encode() for n in range(6)}
    kept, doubles = without_doubles(laid(tmp_path, **nothing, **seen))
    assert len(doubles.copies) == 5
    assert {case.patient for case in kept} == {f"person{n}" for n in range(6)}


def test_empty_files_are_no_copies(tmp_path: Path):
    films = laid(tmp_path, train__NORMAL__a=b"", train__PNEUMONIA__b=b"")
    assert without_doubles(films)[0] == films


def test_a_link_and_a_file_that_is_gone_are_no_copies(tmp_path: Path):
    films = laid(tmp_path, train__NORMAL__a=b"x", train__NORMAL__b=b"x", train__NORMAL__c=b"x")
    films[1].views[0].unlink()
    films[1].views[0].symlink_to(films[0].views[0])
    films[2].views[0].unlink()
    kept, doubles = without_doubles(films)
    assert (kept, doubles.copies) == (films, {})


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
