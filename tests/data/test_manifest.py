"""Splits as tables: who is on which side, and what is refused on reading one."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from pneumo_core.data.cases import Case, split_by_patient
from pneumo_core.data.listing import is_linked
from pneumo_core.data.manifest import (
    PATIENT_IN_TEST,
    TWIN_IN_TEST,
    Manifest,
    ManifestRow,
    make_manifest,
    read_manifest,
    write_manifest,
)
from pneumo_core.errors import DataError

HEADER = "file,label,patient,split\n"
GOOD = (
    "train/NORMAL/a.png,NORMAL,p1,train\n"
    "train/NORMAL/b.png,NORMAL,p2,val\n"
    "train/PNEUMONIA/c.png,PNEUMONIA,p3,train\n"
    "val/PNEUMONIA/d.png,PNEUMONIA,p4,val\n"
)
FILES = ("train/NORMAL/a.png", "train/NORMAL/b.png", "train/PNEUMONIA/c.png", "val/PNEUMONIA/d.png")


def case(patient: str, has_pneumonia: bool, number: int = 1, split: str = "train") -> Case:
    folder = "PNEUMONIA" if has_pneumonia else "NORMAL"
    return Case(f"{split}/{folder}/{patient}-{number}.png", (), has_pneumonia, patient, "", split)


def many(count: int = 20) -> list[Case]:
    """`count` patients of each class with one to three films, a fifth of them in test, one of each in val."""
    return [
        case(f"{'sick' if sick else 'well'}{n}", sick, number, "test" if n % 5 == 0 else "val" if n == 1 else "train")
        for sick in (True, False)
        for n in range(count)
        for number in range(1 + n % 3)
    ]


def side(manifest: Manifest, split: str) -> set[str]:
    return {row.patient for row in manifest.rows if row.split == split}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"film")
    return folder


def read(tmp_path: Path, data: Path, text: str | bytes, copies: Sequence[Path] = ()) -> tuple[Case, ...]:
    path = tmp_path / "split.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_manifest(path, data, copies)


def refusal(tmp_path: Path, data: Path, text: str | bytes) -> str:
    with pytest.raises(DataError) as refused:
        read(tmp_path, data, text)
    return str(refused.value)


# Making a split


def test_every_film_is_on_one_side_with_its_patient_and_the_test_split_stays():
    manifest = make_manifest(many())
    assert sorted(row.file for row in manifest.rows) == sorted(film.name for film in many())
    assert manifest.left_out == ()
    assert {row.file for row in manifest.rows if row.split == "test"} == {f.name for f in many() if f.split == "test"}
    train, val, test = (side(manifest, split) for split in ("train", "val", "test"))
    assert not train & val and not train & test and not val & test
    # 15 % of 16 patients a class.
    assert len(val) == 4


def test_without_twins_the_split_is_that_of_split_by_patient():
    manifest = make_manifest(many(), seed=3)
    _, validation = split_by_patient((film for film in many() if film.split != "test"), 0.15, 3)
    assert side(manifest, "val") == {film.patient for film in validation}


def test_the_same_seed_gives_the_same_split_in_whatever_order_films_are_found():
    assert make_manifest(many()[::-1]) == make_manifest(many())
    assert make_manifest(many(), seed=8) != make_manifest(many())


def test_a_test_share_deals_all_films_out_anew():
    manifest = make_manifest(many(), test_share=0.2, validation_share=0.2)
    train, val, test = (side(manifest, split) for split in ("train", "val", "test"))
    assert (len(train), len(val), len(test)) == (24, 8, 8)
    assert not train & val and not train & test and not val & test


@pytest.mark.parametrize(("validation", "test"), [(0, None), (1, None), (0.5, 0.5), (0.2, -0.1), (-1, 0.5)])
def test_shares_that_leave_nothing_to_train_on_are_refused(validation, test):
    with pytest.raises(DataError, match="leave nothing to train on"):
        make_manifest(many(), validation_share=validation, test_share=test)


def test_patients_whose_films_look_the_same_stay_together():
    looks = [("train/PNEUMONIA/sick2-1.png", "train/PNEUMONIA/sick3-0.png")]
    looks += [("train/PNEUMONIA/sick3-0.png", "train/PNEUMONIA/sick4-1.png", "no/such/film.png")]
    sides = set()
    for seed in range(30):
        manifest = make_manifest(many(), same_looks=looks, seed=seed)
        (where,) = {row.split for row in manifest.rows if row.patient in ("sick2", "sick3", "sick4")}
        sides.add(where)
        assert {row.patient for row in manifest.rows} == {film.patient for film in many()}
    assert sides == {"train", "val"}


def test_films_of_a_patient_of_the_test_split_are_left_out_elsewhere():
    films = [*many(), case("sick0", True, 9), case("sick0", True, 8, "val")]
    manifest = make_manifest(films)
    assert [(film.file, film.reason) for film in manifest.left_out] == [
        ("train/PNEUMONIA/sick0-9.png", PATIENT_IN_TEST),
        ("val/PNEUMONIA/sick0-8.png", PATIENT_IN_TEST),
    ]
    assert manifest.in_words()[-1] == f"left out: 2 X-rays, because {PATIENT_IN_TEST}"


def test_where_test_names_are_others_nothing_is_left_out_and_no_name_is_on_two_sides():
    manifest = make_manifest([*many(), case("sick0", True, 9)], test_names_are_others=True)
    assert manifest.left_out == ()
    patients = {row.file: row.patient for row in manifest.rows}
    assert patients["test/PNEUMONIA/sick0-0.png"] == "test/sick0"
    assert patients["train/PNEUMONIA/sick0-9.png"] == "sick0"
    assert patients["test/PNEUMONIA/sick5-0.png"] == "sick5"


def test_a_twin_of_a_test_film_leaves_with_all_films_of_its_patient():
    looks = [("test/NORMAL/well5-0.png", "train/NORMAL/well2-1.png")]
    for others in (False, True):
        manifest = make_manifest(many(), same_looks=looks, test_names_are_others=others)
        assert {(film.file[:18], film.reason) for film in manifest.left_out} == {("train/NORMAL/well2", TWIN_IN_TEST)}
        assert len(manifest.left_out) == 3


def test_films_to_leave_out_are_on_no_side_and_their_reason_is_kept():
    manifest = make_manifest(many(), {"train/NORMAL/well2-1.png": "it is blank"})
    assert [(film.file, film.reason) for film in manifest.left_out] == [("train/NORMAL/well2-1.png", "it is blank")]
    assert len(manifest.rows) == len(many()) - 1
    assert manifest.in_words()[:3] == tuple(
        f"{split}: {len(rows)} X-rays of {len({row.patient for row in rows})} patients, "
        f"{sum(row.has_pneumonia for row in rows)} X-rays with pneumonia"
        for split in ("train", "val", "test")
        for rows in [[row for row in manifest.rows if row.split == split]]
    )


def test_too_few_patients_of_a_class_are_refused():
    with pytest.raises(DataError, match=r"0 patients found in NORMAL"):
        make_manifest([case("a", True), case("b", True)])


# Writing and reading


def test_a_split_is_written_and_read_back_whatever_its_names(tmp_path, data):
    names = ["=1+1", "+x", "'=x", "-", 'quo"te', "a,b", "p\tq"]
    splits = ["train", "train", "val", "val", "test", "test", "train"]
    rows = [
        ManifestRow(f"train/{'PNEUMONIA' if n % 2 else 'NORMAL'}/{n};'.png", bool(n % 2), name, split)
        for n, (name, split) in enumerate(zip(names, splits, strict=True))
    ]
    for row in rows:
        (data / row.file).write_bytes(b"film")
    path = tmp_path / "split.csv"
    write_manifest(Manifest(tuple(rows), ()), path)
    with path.open(newline="") as file:
        assert not [cell for line in csv.reader(file) for cell in line if cell.startswith(("=", "+", "-", "@"))]
    found = read_manifest(path, data)
    assert {ManifestRow(film.name, film.has_pneumonia, film.patient, film.split) for film in found} == set(rows)
    assert [film.split for film in found] == ["train", "train", "train", "val", "val", "test", "test"]


def test_kind_and_views_are_those_of_find_cases(tmp_path, data):
    name, copy = "train/PNEUMONIA/person5_virus_7.png", tmp_path / "copy"
    (data / name).write_bytes(b"film")
    for file in (*FILES, name):
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        (copy / file).write_bytes(b"film")
    found = {film.name: film for film in read(tmp_path, data, HEADER + GOOD + f"{name},PNEUMONIA,,train\n", [copy])}
    assert found[name] == Case(name, (data / name, copy / name), True, "person5", "virus", "train")
    (copy / name).unlink()
    with pytest.raises(DataError, match=r"The copy .* lacks 1 of 5 X-rays"):
        read(tmp_path, data, HEADER + GOOD + f"{name},PNEUMONIA,,train\n", [copy])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_that_a_spreadsheet_saved_again_is_read(tmp_path, data, delimiter: str):
    text = (HEADER.upper() + GOOD.replace("NORMAL,p", "normal,p")).replace(",", delimiter).replace("\n", "\r\n")
    assert len(read(tmp_path, data, b"\xef\xbb\xbf" + text.encode() + b"\r\n")) == 4


def test_further_columns_do_not_matter(tmp_path, data):
    lines = (HEADER + GOOD).splitlines()
    assert len(read(tmp_path, data, "\n".join(f"{line},{n}" for n, line in enumerate(lines)))) == 4


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("../x.png,NORMAL,p9,train", "row 6: its path leads out of the folder"),
        ("train/../../x.png,NORMAL,p9,train", "row 6: its path leads out of the folder"),
        ("/etc/passwd,NORMAL,p9,train", "row 6: its path is absolute"),
        ("C:\\x.png,NORMAL,p9,train", "row 6: it begins with a drive letter"),
        (",NORMAL,p9,train", "row 6: it names no file"),
        ("train/NORMAL/a.png,SICK,p9,train", "row 6: the label is 'SICK'. Expected is NORMAL or PNEUMONIA"),
        ("train/NORMAL/a.png,NORMAL,p9,extra", "row 6: the split is 'extra'. Expected is train or val or test"),
        ("train/NORMAL/a.png,NORMAL,p1,train", "row 6: train/NORMAL/a.png is named twice"),
        ("train/NORMAL/./a.png,NORMAL,p1,train", "row 6: train/NORMAL/a.png is named twice"),
        ("train/NORMAL/a.png,NORMAL,p1", "row 6 has 3 cells, not 4"),
        ("train/NORMAL/a.png,NORMAL,p1,train,x", "row 6 has 5 cells, not 4"),
        ("train/NORMAL/x.png,NORMAL,p9,train", "1 of the 5 X-rays that split.csv names are not in data, the first of"),
        ("train/NORMAL,NORMAL,p9,train", "1 of the 5 X-rays"),
        (f"{'x' * 5000}.png,NORMAL,p9,train", "1 of the 5 X-rays"),
        ("train/NORMAL/link.png,NORMAL,p9,train", "row 6: train/NORMAL/link.png is a link"),
        ("linked/e.png,NORMAL,p9,train", "row 6: linked/e.png is a link"),
        ("train/NORMAL/e.png,NORMAL,p2,train", "1 patients on more than one side, the first of them p2 in train and v"),
        ("train/NORMAL/e.png,NORMAL,p1,test", "the first of them p1 in train and test"),
        ('train/NORMAL/e.png,NORMAL,"p9,train', "split.csv has a quotation mark that is not closed"),
    ],
)
def test_a_row_that_cannot_be_is_refused(tmp_path, data, row: str, said: str):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "e.png").write_bytes(b"film")
    (data / "train/NORMAL/e.png").write_bytes(b"film")
    (data / "train/NORMAL/link.png").symlink_to(elsewhere / "e.png")
    (data / "linked").symlink_to(elsewhere)
    found = refusal(tmp_path, data, f"{HEADER}{GOOD}{row}\n")
    assert said in found
    assert "Expected" in found or "Please" in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER, "split.csv names no X-ray"),
        (HEADER + "\n,,,\n", "names no X-ray"),
        (HEADER + GOOD.replace("p2,val", "p2,train"), "has PNEUMONIA only in val"),
        (HEADER + GOOD.replace("p3,train", "p3,val"), "has NORMAL only in train"),
        (HEADER + GOOD.replace(",val", ",train"), "has no X-ray in val"),
        (HEADER + "".join(line for line in GOOD.splitlines(True) if ",NORMAL," in line), "has NORMAL only in train"),
    ],
)
def test_a_table_that_is_no_split_is_refused(tmp_path, data, text: str | bytes, said: str):
    found = refusal(tmp_path, data, text)
    assert said in found
    assert "Please make the split again." in found


@pytest.mark.parametrize(
    "text",
    ["", "file,label,patient\na,NORMAL,p", "file,file,label,patient,split\n", HEADER, b"\xff\xfe\x00\x00", b"\x81\x00"],
)
def test_a_table_that_lacks_a_column_or_is_no_text_is_refused_as_a_table(tmp_path, data, text: str | bytes):
    with pytest.raises(DataError) as refused:
        read(tmp_path, data, text)
    assert refused.value.code == "table"


def test_a_table_that_is_not_there_or_too_large_is_refused(tmp_path, data, monkeypatch):
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(DataError, match=r"cannot be opened\. Expected is a split as CSV"):
            read_manifest(path, data)
    monkeypatch.setattr("pneumo_core.data.manifest.MAX_MANIFEST_BYTES", 10)
    assert "split.csv is too large" in refusal(tmp_path, data, HEADER + GOOD)


def test_a_link_anywhere_on_the_way_counts(tmp_path, data):
    (tmp_path / "link").symlink_to(data)
    assert is_linked(tmp_path, "link/train/NORMAL/a.png")
    assert not is_linked(data, "train/NORMAL/a.png")
    assert not is_linked(tmp_path / "link", "train/NORMAL/a.png")
