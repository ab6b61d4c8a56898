"""A table of films means the same wherever it is given: as a source, as an archive, as a split to train by."""

from pathlib import Path

import pytest

from pneumo_core.data.manifest import read_manifest
from pneumo_core.data.sources import open_source
from pneumo_core.data.table import read_table
from pneumo_core.errors import DataError
from pneumo_core.evaluate.cluster import list_archive

HEADER = "file,label,patient,split"
ROWS = ("a.png,normal,p1,train", "b.png,normal,p2,val", "c.png,pneumonia,p3,train", "Müller.png,pneumonia,p4,val")
FILMS = {
    "a.png": (False, "p1"),
    "b.png": (False, "p2"),
    "c.png": (True, "p3"),
    "Müller.png": (True, "p4"),
}


def text(*rows: str, header: str = HEADER, end: str = "\n") -> str:
    return end.join([header, *rows]) + end


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (*FILMS, "d.png"):
        (tmp_path / name).write_bytes(b"film")
    (tmp_path / "link.png").symlink_to(tmp_path / "d.png")
    (tmp_path / "notes.exe").write_bytes(b"no film")
    return tmp_path


def through_sources(path: Path) -> tuple[dict[str, tuple[bool | None, str]], tuple[str, ...]]:
    source = open_source(path)
    return {film.name: (film.has_pneumonia, film.patient) for film in source.films}, source.problems


def through_archive(path: Path) -> tuple[dict[str, bool | None], dict[str, int], tuple[str, ...]]:
    archive = list_archive(str(path))
    labels = {film.name: film.has_pneumonia for film in archive.films}
    return labels, {film.name: film.patient for film in archive.films}, archive.problems


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", ", "])
@pytest.mark.parametrize(
    "content",
    [
        text(*ROWS),
        text(*ROWS, end="\r\n"),
        text(*ROWS, header="File, Label ,PATIENT, split"),
        text(*ROWS, header=f"\n{HEADER}"),
        text(*ROWS[:2], "", ",,,", " , , , ", *ROWS[2:]),
        text(*(row.replace(",", " , ") for row in ROWS)),
        text(*(f'"{row}"'.replace(",", '","') for row in ROWS)),
        text(*(f"40,{row},x" for row in ROWS), header=f"age,{HEADER},notes"),
        text(*(row.replace("normal", "0").replace("pneumonia", "1.0") for row in ROWS)),
        text(*(row.replace("normal", "NORMAL").replace("pneumonia", "Positive") for row in ROWS)),
        text(*(f"./{row}" for row in ROWS)),
        f"sep=,\n{text(*ROWS)}",
        f"List of X-rays\n\n{text(*ROWS)}",
        text(*(f"{row},," for row in ROWS), header=f"{HEADER},"),
        text(*(row.replace("train", "Training").replace("val", "Validation") for row in ROWS)),
    ],
)
def test_a_table_means_the_same_through_all_three_doors(content: str, delimiter: str, encoding: str, folder: Path):
    path = folder / "films.csv"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path.write_bytes((mark + content.replace(",", delimiter)).encode(encoding))
    assert through_sources(path) == (FILMS, ())
    labels, patients, problems = through_archive(path)
    assert (labels, problems) == ({name: label for name, (label, _) in FILMS.items()}, ())
    assert sorted(patients.values()) == [0, 1, 2, 3]
    assert {case.name: (case.has_pneumonia, case.patient) for case in read_manifest(path, folder)} == FILMS


@pytest.mark.parametrize(
    ("row", "left_out"),
    [
        ("missing.png,normal,p9,train", {"missing.png"}),
        ("../d.png,normal,p9,train", set()),
        ("link.png,normal,p9,train", {"link.png"}),
        ("notes.exe,normal,p9,train", {"notes.exe"}),
        ("d.png,perhaps,p9,train", {"d.png"}),
        ("d.png,normal,p9", {"d.png"}),
        ("d.png,normal,p9,train,more", {"d.png"}),
        (",normal,p9,train", set()),
        ("./a.png,normal,p1,train", set()),
        ("a.png,pneumonia,p1,train", {"a.png"}),
    ],
)
def test_a_row_that_cannot_be_used_is_said_through_both_doors_of_films_and_stops_a_split(
    row: str, left_out: set[str], folder: Path
):
    path = folder / "films.csv"
    path.write_text(text(*ROWS, row), encoding="utf-8")
    films, said = through_sources(path)
    labels, _, said_of_archive = through_archive(path)
    assert films == {name: film for name, film in FILMS.items() if name not in left_out}
    assert labels == {name: label for name, (label, _) in films.items()}
    assert said_of_archive == said
    assert any(problem.startswith("Row 6") for problem in said)
    with pytest.raises(DataError):
        read_manifest(path, folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        text(*ROWS, header="name,label,patient,split").encode(),
        text(*ROWS, header="file,label,patient,file").encode(),
        text(*ROWS, 'd.png,normal,"p9,train').encode(),
        text(*ROWS, "x" * 140_000 + ",normal,p9,train").encode(),
        text(*ROWS).encode() + b"\0",
        text(*ROWS).encode("utf-16-le"),
        text(*ROWS).encode("utf-16")[:-1],
        text(*ROWS, "d\x81\xb0.png,normal,p9,train").encode("latin-1"),
    ],
)
def test_what_is_no_table_is_refused_with_one_code_through_all_three_doors(content: bytes, folder: Path):
    path = folder / "films.csv"
    path.write_bytes(content)
    for door in (through_sources, through_archive, lambda path: read_manifest(path, folder)):
        with pytest.raises(DataError) as refusal:
            door(path)
        assert refusal.value.code == "table"


def test_further_columns_stay_reachable_by_their_names_and_lacking_ones_are_empty():
    content = b" Age ;file;notes;notes\n8M; 'x.png ;first;second\n;'=y.png;;\n40;z.png\n"
    rows = list(read_table(content, "t", ["file"], ["label"]))
    assert [row.cell("age") for row in rows] == ["8M", "", "40"]
    # An apostrophe goes where it keeps a spreadsheet from running a cell, and nowhere else.
    assert [row.cell("file") for row in rows] == ["'x.png", "=y.png", "z.png"]
    assert [row.cell("notes") for row in rows] == ["first", "", ""]
    assert {row.cell("label") for row in rows} == {""}
    assert [(row.number, row.is_ragged) for row in rows] == [(2, False), (3, False), (4, True)]


def test_a_table_has_so_many_bytes_and_no_more():
    content = b"file\na.png\n"
    assert len(list(read_table(content, "t", ["file"], max_bytes=len(content)))) == 1
    with pytest.raises(DataError) as refusal:
        read_table(content, "t", ["file"], max_bytes=len(content) - 1)
    assert refusal.value.code == "table"


def test_the_header_is_the_row_with_the_very_names_even_below_a_title_that_has_one_of_others():
    notes: list[str] = []
    content = b"Image;;\nsite A\n\nfile;label\na.png;1\n"
    rows = list(read_table(content, "t", ["file"], ["label"], other_names={"file": ["image"]}, notes=notes))
    assert [(row.number, row.cells) for row in rows] == [(5, ("a.png", "1"))]
    assert notes == ["2 rows above the table's header were passed over."]
    # A line that tells the delimiter is no row to a spreadsheet.
    rows = list(read_table(b"sep=|\nfile|label\na.png|1\n", "t", ["file", "label"]))
    assert [(row.number, row.cells) for row in rows] == [(2, ("a.png", "1"))]
