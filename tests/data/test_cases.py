"""Labelled films on disk: what their names say, and how patients are kept together."""

import io
import zipfile
from pathlib import Path

import pytest

from pneumo_core.data.audit import audit_folder
from pneumo_core.data.cases import (
    Case,
    find_cases,
    find_data_folders,
    links_in,
    manifest_sha256,
    split_by_patient,
    unknown_folders,
)
from pneumo_core.data.sources import Source, open_source, open_uploads
from pneumo_core.errors import DataError


def data_folder(folder: Path, *names: str) -> Path:
    """Write files that hold their own name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def case(patient: str, has_pneumonia: bool, number: int = 1) -> Case:
    return Case(f"train/X/{patient}-{number}.jpeg", (), has_pneumonia, patient, "pneumonia", "train")


def many(count: int = 20) -> tuple[Case, ...]:
    """`count` patients of each class, with one, two or three films each."""
    return tuple(
        case(f"{'sick' if has_pneumonia else 'well'}{patient}", has_pneumonia, number)
        for has_pneumonia in (True, False)
        for patient in range(count)
        for number in range(1 + patient % 3)
    )


def patients(cases: tuple[Case, ...]) -> set[str]:
    return {case.patient for case in cases}


@pytest.mark.parametrize(
    ("name", "patient", "kind"),
    [
        ("PNEUMONIA/person123_bacteria_456.jpeg", "person123", "bacteria"),
        ("PNEUMONIA/person1_virus_7.jpeg", "person1", "virus"),
        ("PNEUMONIA/PERSON123_Bacteria_456.JPEG", "person123", "bacteria"),
        ("PNEUMONIA/person1_virus_7 - Copy.jpeg", "person1", "virus"),
        ("PNEUMONIA/BACTERIA-1135262-0001.jpeg", "1135262", "bacteria"),
        ("PNEUMONIA/virus-614452-0003.png", "614452", "virus"),
        ("NORMAL/NORMAL-28501-0001.jpeg", "28501", "normal"),
        ("PNEUMONIA/00000013_045.png", "00000013", "pneumonia"),
        ("NORMAL/00030805_000.png", "00030805", "normal"),
        # A date and a number are no patient of NIH.
        ("NORMAL/20240131_001.png", "train/NORMAL/20240131_001.png", "normal"),
        ("NORMAL/00012345_1234.png", "train/NORMAL/00012345_1234.png", "normal"),
        ("PNEUMONIA/person1_fungus_7.jpeg", "train/PNEUMONIA/person1_fungus_7.jpeg", "pneumonia"),
        ("NORMAL/IM-0115-0001.jpeg", "IM-0115", "normal"),
        ("NORMAL/IM-0115-0001-0002.jpeg", "IM-0115", "normal"),
        ("NORMAL/NORMAL2-IM-1427-0001.jpeg", "NORMAL2-IM-1427", "normal"),
        ("NORMAL/NORMAL2-IM-0115-0001.jpeg", "NORMAL2-IM-0115", "normal"),
        ("NORMAL/Copy of im-0115-0001.jpeg", "IM-0115", "normal"),
        ("NORMAL/scan.dcm", "train/NORMAL/scan.dcm", "normal"),
        # The folder is the label, whatever the name says of the disease.
        ("NORMAL/person1_virus_7.jpeg", "person1", "normal"),
        ("PNEUMONIA/IM-0115-0001.jpeg", "IM-0115", "pneumonia"),
        ("PNEUMONIA/NORMAL-28501-0001.jpeg", "28501", "pneumonia"),
    ],
)
def test_a_files_folder_and_name_give_label_patient_and_kind(tmp_path, name: str, patient: str, kind: str):
    (found,) = find_cases(data_folder(tmp_path, f"train/{name}"))
    assert found.name == f"train/{name}"
    assert found.split == "train"
    assert found.patient == patient
    assert found.kind == kind
    assert found.has_pneumonia == name.startswith("PNEUMONIA/")
    assert found.views == (tmp_path / "train" / name,)


def test_person1_and_person10_are_two_patients(tmp_path):
    data_folder(tmp_path, "train/PNEUMONIA/person1_virus_10.jpeg", "train/PNEUMONIA/person10_virus_1.jpeg")
    assert patients(find_cases(tmp_path)) == {"person1", "person10"}


def test_films_come_split_by_split_class_by_class_in_the_order_of_their_names(tmp_path):
    ordered = [
        "train/NORMAL/IM-0001-0001.jpeg",
        "train/NORMAL/IM-0002-0001.jpeg",
        "train/PNEUMONIA/person1_virus_1.jpeg",
        "val/NORMAL/IM-0003-0001.jpeg",
        "test/PNEUMONIA/person2_virus_1.jpeg",
    ]
    data_folder(tmp_path, *reversed(ordered))
    assert [case.name for case in find_cases(tmp_path)] == ordered


def test_what_evaluate_takes_for_films_a_data_folder_takes_too(tmp_path):
    films = [
        "a.jpeg",
        "b.jpg",
        "c.png",
        "d.dcm",
        "deeper/j.jpeg",
        "e.JPEG",
        "f.jfif",
        "g",
        "h.tif",
        "i.jpe",
        "j.tiff",
        "m.bmp",
    ]
    others = [".hidden.jpeg", "Thumbs.db", "notes.txt", "k.jpeg.part", "@eaDir/a.jpeg/THUMB_XL.jpg", "~$a.png"]
    data_folder(tmp_path, *(f"train/NORMAL/{name}" for name in films + others))
    data_folder(tmp_path, "train/OTHER/h.jpeg", "extra/NORMAL/i.jpeg", "k.jpeg", "$RECYCLE.BIN/NORMAL/a.png")
    (tmp_path / "train/NORMAL/n.scan").write_bytes(b"\xff\xd8\xff a picture under another ending")
    expected = [f"train/NORMAL/{name}" for name in [*films, "n.scan"]]
    assert [case.name for case in find_cases(tmp_path)] == expected
    for found in (open_source(tmp_path).films, zip_of(tmp_path).films):
        assert sorted(film.name for film in found if film.name.startswith("train/NORMAL/")) == expected


def zip_of(folder: Path) -> Source:
    """Give the source that a zip of the folder is."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder).as_posix())
    return open_uploads([("films.zip", content.getvalue())])


@pytest.mark.parametrize(
    ("split", "class_folder", "told"),
    [
        ("Train", "Normal", ("train", False, "normal")),
        ("VAL", "normal", ("val", False, "normal")),
        ("Validation", "0_NORMAL", ("val", False, "normal")),
        ("training_set", "Pneumonia", ("train", True, "pneumonia")),
        ("Testing", "Viral Pneumonia", ("test", True, "virus")),
        ("test", "BACTERIA", ("test", True, "bacteria")),
        ("test", "bacterial-pneumonia", ("test", True, "bacteria")),
        ("test", "PNEUMONIA/VIRUS", ("test", True, "virus")),
        ("test", "No Finding", ("test", False, "normal")),
    ],
)
def test_a_folder_means_a_split_or_a_class_by_its_words_to_train_as_to_evaluate(tmp_path, split, class_folder, told):
    (case,) = find_cases(data_folder(tmp_path, f"{split}/{class_folder}/a.png"))
    assert (case.split, case.has_pneumonia, case.kind) == told
    (film,) = open_source(tmp_path).films
    assert (film.has_pneumonia, film.kind) == told[1:]
    assert find_data_folders(tmp_path) == [tmp_path]


OTHER_FOLDERS = ["COVID", "abnormal", "chest_xray_pneumonia", "normal vs pneumonia", "0"]


@pytest.mark.parametrize("folder", [*OTHER_FOLDERS, "Lung_Opacity"])
def test_a_folder_of_other_words_means_no_class_to_train(tmp_path, folder):
    data_folder(tmp_path, f"train/{folder}/a.png", "train/NORMAL/b.png")
    assert [case.name for case in find_cases(tmp_path)] == ["train/NORMAL/b.png"]
    assert unknown_folders(tmp_path) == (f"train/{folder}",)
    assert any(alarm.kind == "ignored" for alarm in audit_folder(tmp_path).alarms)


@pytest.mark.parametrize("folder", OTHER_FOLDERS)
def test_a_folder_of_other_words_means_no_class_to_evaluate(tmp_path, folder):
    source = open_source(data_folder(tmp_path, f"train/{folder}/a.png", "train/NORMAL/b.png"))
    assert {film.name: film.has_pneumonia for film in source.films}[f"train/{folder}/a.png"] is None
    (problem,) = source.problems
    assert f"train/{folder}" in problem
    assert folder not in source.nameless_problems[0].split("Expected")[0]


def test_class_folders_count_at_any_depth_with_the_split_above_them(tmp_path):
    names = ["chest/chest/val/NORMAL/a.png", "chest/test/PNEUMONIA/b.png", "chest/deep/Virus/c.png"]
    data_folder(tmp_path, *names, "chest/test/COVID/deep/d.png")
    told = {(case.name, case.split, case.has_pneumonia) for case in find_cases(tmp_path)}
    assert told == {(names[0], "val", False), (names[1], "test", True), (names[2], "train", True)}
    assert unknown_folders(tmp_path) == ("chest/test/COVID",)


def test_a_link_is_no_film_and_leads_nowhere(tmp_path):
    outside = data_folder(tmp_path / "outside", "a.png", "b.png")
    data = data_folder(tmp_path / "data", "train/NORMAL/a.png", "train/PNEUMONIA/a.png")
    (data / "train/NORMAL/link.png").symlink_to(outside / "a.png")
    (data / "train/NORMAL/inside").symlink_to(outside)
    (data / "train/Bacteria").symlink_to(outside)
    assert {case.name for case in find_cases(data)} == {"train/NORMAL/a.png", "train/PNEUMONIA/a.png"}
    linked = ("train/Bacteria", "train/NORMAL/inside", "train/NORMAL/link.png")
    assert links_in(data) == audit_folder(data).ignored == linked
    assert all(any(name in problem for problem in open_source(data).problems) for name in linked)
    (data / "val").symlink_to(data / "train")
    with pytest.raises(DataError):
        find_cases(data)


def test_each_copy_gives_another_view_in_its_order(tmp_path):
    name = "train/NORMAL/IM-0001-0001.jpeg"
    main, small, tiny = (data_folder(tmp_path / folder, name) for folder in ("main", "small", "tiny"))
    data_folder(small, "train/NORMAL/IM-0003-0001.jpeg")
    (found,) = find_cases(main, copies=[small, tiny])
    assert found.views == (main / name, small / name, tiny / name)


def test_a_copy_that_is_not_whole_is_refused(tmp_path):
    first, second = "train/NORMAL/IM-0001-0001.jpeg", "train/NORMAL/IM-0002-0001.jpeg"
    main, small = data_folder(tmp_path / "main", first, second), data_folder(tmp_path / "small", first)
    with pytest.raises(DataError) as refusal:
        find_cases(main, copies=[small])
    assert str(refusal.value) == (
        f"The copy {small} lacks 1 of 2 X-rays, the first of them {second}. Expected are the same X-rays under the "
        "same names. Please complete it, or leave it out."
    )


def test_a_path_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(DataError) as refusal:
        find_cases(tmp_path / "nowhere")
    assert str(refusal.value) == (
        f"{tmp_path / 'nowhere'} is not a folder. Expected is a folder that holds train, val and test, each with "
        "NORMAL and PNEUMONIA. Please check the path."
    )


def test_a_folder_without_films_is_refused(tmp_path):
    data_folder(tmp_path, "others/IM-0001-0001.jpeg")
    with pytest.raises(DataError) as refusal:
        find_cases(tmp_path)
    assert str(refusal.value) == (
        f"No X-ray was found in {tmp_path}. Expected are DICOM, PNG, JPEG, TIFF or BMP files in train/NORMAL, "
        "train/PNEUMONIA, and the same in val and test; or in NORMAL and PNEUMONIA alone. Found: others. Please check "
        "the folder's layout."
    )


def test_the_two_classes_without_splits_are_all_for_training(tmp_path):
    data_folder(tmp_path, "NORMAL/IM-0001-0001.jpeg", "PNEUMONIA/person1_virus_1.jpeg")
    assert [(case.name, case.split, case.has_pneumonia) for case in find_cases(tmp_path)] == [
        ("NORMAL/IM-0001-0001.jpeg", "train", False),
        ("PNEUMONIA/person1_virus_1.jpeg", "train", True),
    ]


def test_beside_splits_the_two_classes_do_not_count(tmp_path):
    data_folder(tmp_path, "NORMAL/IM-0001-0001.jpeg", "train/NORMAL/IM-0002-0001.jpeg")
    assert [case.name for case in find_cases(tmp_path)] == ["train/NORMAL/IM-0002-0001.jpeg"]


def test_a_split_keeps_every_film_once_and_whole_patients_together():
    cases = many()
    training, validation = split_by_patient(cases, share=0.2, seed=0)
    assert sorted(map(repr, training + validation)) == sorted(map(repr, cases))
    assert patients(training).isdisjoint(patients(validation))


@pytest.mark.parametrize(("share", "expected"), [(0.01, 1), (0.05, 1), (0.2, 4), (0.5, 10)])
def test_the_share_is_of_the_patients_of_each_class_and_at_least_one(share: float, expected: int):
    _, validation = split_by_patient(many(20), share, seed=0)
    assert len({case.patient for case in validation if case.has_pneumonia}) == expected
    assert len({case.patient for case in validation if not case.has_pneumonia}) == expected


def test_a_patient_with_films_of_both_classes_stays_on_one_side():
    mixed = [case("mixed", True, 1), case("mixed", False, 2)]
    for seed in range(10):
        training, validation = split_by_patient([*many(3), *mixed], 0.5, seed)
        assert ("mixed" in patients(training)) != ("mixed" in patients(validation))


def test_the_split_is_the_same_in_whatever_order_films_are_found():
    training, validation = split_by_patient(many(), 0.2, seed=1)
    other_training, other_validation = split_by_patient(tuple(reversed(many())), 0.2, seed=1)
    assert set(training) == set(other_training)
    assert set(validation) == set(other_validation)


def test_another_seed_sets_other_patients_aside():
    assert patients(split_by_patient(many(), 0.2, seed=1)[1]) != patients(split_by_patient(many(), 0.2, seed=2)[1])


def test_further_films_of_known_patients_move_nobody():
    before = patients(split_by_patient(many(), 0.2, seed=1)[1])
    more = (*many(), *(case(f"sick{patient}", True, 9) for patient in range(20)))
    assert patients(split_by_patient(more, 0.2, seed=1)[1]) == before


def test_new_patients_of_one_class_move_nobody_of_the_other():
    new = tuple(case(f"new{patient}", True) for patient in range(30))
    before = {name for name in patients(split_by_patient(many(), 0.2, seed=1)[1]) if name.startswith("well")}
    after = {name for name in patients(split_by_patient((*many(), *new), 0.2, seed=1)[1]) if name.startswith("well")}
    assert after == before


def test_new_patients_never_swap_known_ones():
    # How many of the known are set aside may change, but some only come or only go: nobody trades places.
    known = {f"sick{patient}" for patient in range(20)}
    changes = set()
    for seed in range(8):
        before = patients(split_by_patient(many(), 0.2, seed)[1]) & known
        for count in (5, 60):
            new = tuple(case(f"new{patient}", True) for patient in range(count))
            after = patients(split_by_patient((*many(), *new), 0.2, seed)[1]) & known
            assert after <= before or before <= after
            changes.add(len(after) - len(before))
    assert len(changes) > 1


@pytest.mark.parametrize(
    ("sick", "well", "class_folder", "found"),
    [(2, 0, "NORMAL", 0), (2, 1, "NORMAL", 1), (0, 2, "PNEUMONIA", 0), (1, 2, "PNEUMONIA", 1)],
)
def test_a_class_with_fewer_than_two_patients_is_refused(sick: int, well: int, class_folder: str, found: int):
    cases = [case(f"sick{patient}", True) for patient in range(sick)]
    cases += [case(f"well{patient}", False) for patient in range(well)]
    with pytest.raises(DataError) as refusal:
        split_by_patient(cases, 0.2, seed=0)
    assert str(refusal.value) == (
        f"{found} patient{'' if found == 1 else 's'} found in {class_folder}. Expected are at least two, one to "
        "train on and one to validate on. Please add X-rays of this class."
    )


def test_two_patients_of_each_class_are_enough():
    training, validation = split_by_patient(many(2), 0.2, seed=0)
    assert {case.has_pneumonia for case in training} == {case.has_pneumonia for case in validation} == {True, False}


def test_the_manifest_changes_with_content_name_label_and_views_and_not_with_order(tmp_path):
    folder = data_folder(tmp_path / "main", "train/NORMAL/a.jpeg", "train/NORMAL/b.jpeg", "train/PNEUMONIA/c.jpeg")
    first, second, third = find_cases(folder)
    one, two, three = ["aa"], ["bb"], ["cc"]
    manifest = manifest_sha256([first, second, third], [one, two, three])
    assert len(manifest) == 64
    assert manifest_sha256([third, first, second], [three, one, two]) == manifest

    relabelled = Case(first.name, first.views, True, first.patient, first.kind, first.split)
    renamed = Case("train/NORMAL/z.jpeg", first.views, False, first.patient, first.kind, first.split)
    changed = {manifest_sha256([other, second, third], [one, two, three]) for other in (relabelled, renamed)}
    changed.add(manifest_sha256([first, second, third], [one * 2, two, three]))
    changed.add(manifest_sha256([second, third], [two, three]))
    changed.add(manifest_sha256([first, second, third], [["dd"], two, three]))
    assert len(changed | {manifest}) == 6


def test_a_large_share_still_leaves_a_patient_of_each_class_to_train_on():
    cases = tuple(
        case(f"{has_pneumonia}{patient}", has_pneumonia) for has_pneumonia in (True, False) for patient in (1, 2)
    )
    training, validation = split_by_patient(cases, 0.9, seed=1)
    assert len(training) == len(validation) == 2
    assert {film.has_pneumonia for film in training} == {True, False}


def test_a_folder_with_a_films_name_is_no_film(tmp_path: Path):
    data_folder(tmp_path, "train/NORMAL/a.jpeg", "train/NORMAL/b.jpeg/inside.txt")
    assert [film.name for film in find_cases(tmp_path)] == ["train/NORMAL/a.jpeg"]


def test_folders_of_films_are_found_below_a_root_and_not_behind_links(tmp_path: Path):
    data_folder(
        tmp_path / "root",
        "one/train/NORMAL/a.jpeg",
        "one/copies/train/NORMAL/a.jpeg",
        "two/deep/NORMAL/a.jpeg",
        "1/2/3/4/train/NORMAL/a.jpeg",
        ".hidden/train/NORMAL/a.jpeg",
        "else/a.jpeg",
    )
    data_folder(tmp_path / "outside", "train/NORMAL/a.jpeg")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    root = tmp_path / "root"
    # What lies in a folder of films is its own matter.
    assert find_data_folders(root) == [root / "one", root / "two" / "deep"]
    assert find_data_folders(root / "one") == [root / "one"]
    assert find_data_folders(tmp_path / "missing") == []
