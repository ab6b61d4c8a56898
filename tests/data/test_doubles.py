"""The same content under several names: it counts once, and with both labels not at all."""

from pathlib import Path

import pytest

from pneumo_core.data.cases import Case, find_cases
from pneumo_core.data.doubles import without_doubles
from pneumo_core.errors import DataError


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


def test_empty_files_are_no_copies(tmp_path: Path):
    films = laid(tmp_path, train__NORMAL__a=b"", train__PNEUMONIA__b=b"")
    assert without_doubles(films)[0] == films


def test_a_file_that_is_gone_is_refused(tmp_path: Path):
    films = laid(tmp_path, train__NORMAL__a=b"x")
    films[0].views[0].unlink()
    with pytest.raises(DataError):
        without_doubles(films)
