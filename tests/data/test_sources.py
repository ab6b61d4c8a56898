"""Films from folders, tables, zips and uploads: what is taken in, how it is labelled, and what is left out."""

import gc
import io
import os
import struct
import weakref
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pneumo_core.data import listing, zips
from pneumo_core.data.labels import NO_LABELS
from pneumo_core.data.sources import Source, open_source, open_uploads
from pneumo_core.errors import DataError, UnreadableImageError
from pneumo_core.film.pixels import MAX_FILE_BYTES

JPEG = b"\xff\xd8\xff"


def filled(folder: Path, *names: str) -> Path:
    """Write files that hold their own name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def zipped(*members: str | tuple[str | zipfile.ZipInfo, bytes], **options: int) -> bytes:
    """Pack members; those given by name only hold their own name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for member in members:
            archive.writestr(*(member if isinstance(member, tuple) else (member, member.encode())))
    return file.getvalue()


def table(*rows: str, header: str = "file,label") -> bytes:
    return "\n".join([header, *rows]).encode()


def csv_source(folder: Path, content: bytes, *names: str) -> Source:
    """Open a CSV beside files that hold their own name."""
    (filled(folder, *names) / "labels.csv").write_bytes(content)
    return open_source(folder / "labels.csv")


def zip_source(content: bytes) -> Source:
    return open_uploads([("films.zip", content)])


def labels(source: Source) -> dict[str, bool | None]:
    return {film.name: film.has_pneumonia for film in source.films}


def refusal_of(function: Callable[[], object], kind: type[Exception] = DataError) -> str:
    with pytest.raises(kind) as refusal:
        function()
    return str(refusal.value)


def patched(content: bytes, offset: int, value: bytes, at: bytes = b"PK\x01\x02") -> bytes:
    """Overwrite bytes of the last record that begins with `at`: of the directory, if not said otherwise."""
    start = content.rindex(at) + offset
    return content[:start] + value + content[start + len(value) :]


# Folders


@pytest.mark.parametrize(
    ("name", "has_pneumonia", "patient", "kind"),
    [
        ("NORMAL/IM-0115-0001.jpeg", False, "IM-0115", "normal"),
        ("train/PNEUMONIA/person1_virus_7.jpeg", True, "person1", "virus"),
        ("deep/er/Pneumonia/person12_bacteria_7.JPG", True, "person12", "bacteria"),
        ("val/normal/more/scan.dcm", False, "val/normal/more/scan.dcm", "normal"),
        ("PNEUMONIA/scan.dicom", True, "PNEUMONIA/scan.dicom", "pneumonia"),
        # The folder is the label, whatever the name says.
        ("NORMAL/person1_virus_7.png", False, "person1", "normal"),
        ("other/person1_virus_7.png", None, "person1", ""),
        ("NORMAL2-IM-1427-0001.jpeg", None, "NORMAL2-IM-1427", ""),
        ("normal.png", None, "normal.png", ""),
        ("IMG0001", None, "IMG0001", ""),
        # A UID has no suffix.
        ("1.2.840.113619.2.5", None, "1.2.840.113619.2.5", ""),
    ],
)
def test_a_films_folder_and_name_give_label_patient_and_kind(tmp_path, name, has_pneumonia, patient, kind):
    (film,) = open_source(filled(tmp_path, name)).films
    assert (film.name, film.has_pneumonia, film.patient, film.kind) == (name, has_pneumonia, patient, kind)
    assert film.read() == name.encode()
    (packed,) = zip_source(zipped(name)).films
    assert (packed.name, packed.has_pneumonia, packed.patient, packed.kind) == (name, has_pneumonia, patient, kind)
    assert packed.read() == name.encode()


def test_films_without_a_label_stay_in_beside_labelled_ones(tmp_path):
    source = open_source(filled(tmp_path, "NORMAL/a.png", "PNEUMONIA/b.png", "c.png"))
    assert labels(source) == {"NORMAL/a.png": False, "PNEUMONIA/b.png": True, "c.png": None}
    assert source.problems == ()
    assert source.name == tmp_path.name


def test_the_folders_above_the_chosen_one_are_no_label(tmp_path):
    source = open_source(filled(tmp_path / "PNEUMONIA", "NORMAL/a.png", "b.png"))
    assert labels(source) == {"NORMAL/a.png": False, "b.png": None}


def test_a_film_under_both_classes_is_left_out(tmp_path):
    source = open_source(filled(tmp_path, "NORMAL/pneumonia/a.png", "b.png"))
    assert labels(source) == {"b.png": None}
    assert source.problems == (
        "NORMAL/pneumonia/a.png was left out: it lies under both NORMAL and PNEUMONIA. Please move it to one of them.",
    )


def test_what_lies_in_many_folders_is_passed_over_in_silence_and_anything_else_is_named(tmp_path):
    silent = [".DS_Store", ".hidden/a.png", "__MACOSX/._a.png", "Thumbs.db", "desktop.ini", "README", "readme.md"]
    silent += ["notes.txt", "labels.csv", "DICOMDIR", "NORMAL/.a.png", "@eaDir/x.png/SYNOPHOTO_THUMB_XL.jpg"]
    silent += ["$RECYCLE.BIN/a.png", "#recycle/a.png", "lost+found/a.png", "System Volume Information/a.png"]
    silent += [".Trash-1000/files/a.png", "~$labels.png", "Icon\r"]
    named = ["a.gif", "b.zip", "c.tar.gz", "d.exe"]
    for source in (
        open_source(filled(tmp_path, "x.png", *silent, *named)),
        zip_source(zipped("x.png", *silent, *named)),
    ):
        assert labels(source) == {"x.png": None}
        left_out = [problem for problem in source.problems if not problem.startswith("labels.csv has no columns")]
        assert [problem.split(" was left out: ")[0] for problem in left_out] == named
        assert "it is no X-ray by its name" in left_out[0]
        assert "it is an archive" in left_out[1]
        assert "it is an archive" in left_out[2]


def test_links_are_not_followed_and_named(tmp_path):
    filled(tmp_path / "outside", "NORMAL/secret.png")
    folder = filled(tmp_path / "inside", "a.png")
    (folder / "b.png").symlink_to(tmp_path / "outside/NORMAL/secret.png")
    (folder / "NORMAL").symlink_to(tmp_path / "outside/NORMAL")
    (folder / "round").symlink_to(folder)
    source = open_source(folder)
    assert labels(source) == {"a.png": None}
    why = "was left out: it is a link, and links are not followed. Please put the file itself there."
    assert source.problems == (f"NORMAL {why}", f"b.png {why}", f"round {why}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_left_out_because_reading_it_would_wait_forever(tmp_path):
    os.mkfifo(filled(tmp_path, "a.png") / "b.png")
    source = open_source(tmp_path)
    assert labels(source) == {"a.png": None}
    assert "b.png was left out: it is no regular file" in source.problems[0]
    assert "does not exist" in refusal_of(lambda: open_source(tmp_path / "b.png"))


def test_a_folder_holds_so_many_files_and_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "MAX_FILMS", 3)
    folder = filled(tmp_path, "a.png", "b/c.png", "d.png")
    assert len(open_source(folder).films) == 3
    filled(tmp_path, "b/notes.txt")
    assert refusal_of(lambda: open_source(folder)) == (
        "The folder holds more than 3 files. Expected are at most that many. Please split it up."
    )


def test_the_limit_is_fifty_thousand():
    assert listing.MAX_FILMS == 50_000


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    filled(tmp_path, "a.png", "closed/b.png")
    scandir = os.scandir

    def refusing(folder: Path):
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    source = open_source(tmp_path)
    assert labels(source) == {"a.png": None}
    assert source.problems == ("closed cannot be opened. Please check that you may read this folder.",)


def test_a_file_that_goes_away_while_the_folder_is_listed_is_left_out(tmp_path, monkeypatch):
    walk = os.walk

    def removing(*arguments, **options):
        for found in walk(*arguments, **options):
            (tmp_path / "b.png").unlink()
            yield found

    monkeypatch.setattr(os, "walk", removing)
    source = open_source(filled(tmp_path, "a.png", "b.png"))
    assert labels(source) == {"a.png": None}
    assert source.problems == (
        "b.png was left out: there is no such file in here, or you may not read it. Please check its name.",
    )


@pytest.mark.filterwarnings("error")
def test_a_zips_file_is_closed_with_its_last_film(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped("a.png"))
    reader = weakref.ref(open_source(tmp_path / "a.zip").films[0].read.args[0].fp)
    gc.collect()
    assert reader() is None


def test_control_characters_leave_a_name(tmp_path):
    (film,) = open_source(filled(tmp_path, "a\x1b[31m\n\u202e.png")).films
    assert film.name == "a[31m.png"


def test_spaces_of_all_kinds_stay_in_a_name(tmp_path):
    # macOS writes U+202F into the names of screenshots.
    name = "Scan 3.45\u202fPM.png"
    assert labels(csv_source(tmp_path, table(f"{name},1"), name)) == {name: True}


def test_names_that_look_the_same_on_the_screen_are_one(tmp_path):
    source = open_source(filled(tmp_path, "a\x01.png", "a\x02.png"))
    assert [film.read() for film in source.films] == [b"a\x01.png"]
    assert "another file has the same name" in source.problems[0]


def test_a_file_that_went_away_is_refused_when_it_is_read(tmp_path):
    (film,) = open_source(filled(tmp_path, "a.png")).films
    (tmp_path / "a.png").unlink()
    assert refusal_of(film.read, UnreadableImageError) == (
        "cannot be opened. Please check that it is there and you may read it."
    )


def test_never_more_than_one_byte_over_the_limit_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "MAX_FILE_BYTES", 4)
    monkeypatch.setattr(zips, "MAX_FILE_BYTES", 4)
    content = zipped(("ok.png", b"1234"), ("no.png", b"12345"))
    (film,) = open_source(filled(tmp_path, "123456.png")).films
    assert film.read() == b"12345"
    (film,) = open_uploads([("a.png", b"123456")]).films
    assert film.read() == b"12345"
    source = zip_source(content)
    assert [film.read() for film in source.films] == [b"1234"]
    assert "no.png was left out: it is too large" in source.problems[0]


# Single files


def test_a_single_film_is_a_source_without_a_label(tmp_path):
    (tmp_path / "labels.csv").write_bytes(JPEG + b"film")
    source = open_source(tmp_path / "labels.csv")
    assert labels(source) == {"labels.csv": None}
    assert source.films[0].read() == JPEG + b"film"


def test_a_zip_is_told_by_its_content(tmp_path):
    (tmp_path / "films.bin").write_bytes(zipped("NORMAL/a.png"))
    assert labels(open_source(tmp_path / "films.bin")) == {"NORMAL/a.png": False}


def test_a_path_that_is_not_there_is_refused(tmp_path):
    assert refusal_of(lambda: open_source(tmp_path / "nowhere")) == (
        f"{tmp_path / 'nowhere'} does not exist. Expected is a folder, a CSV, a zip or an X-ray. Please check the path."
    )


def test_a_source_without_films_is_refused_with_its_first_problem(tmp_path):
    expected = "Expected are DICOM, PNG, JPEG, TIFF or BMP files, and readable labels if a table names them."
    assert refusal_of(lambda: open_source(tmp_path)) == (
        f"No X-ray is left to evaluate in {tmp_path.name}. {expected} Please check what you chose."
    )
    assert refusal_of(lambda: open_uploads([("a.exe", b"")])) == (
        f"No X-ray is left to evaluate in a.exe. {expected} The problem: a.exe was left out: it is no X-ray by its "
        "name. Expected are DICOM, PNG, JPEG, TIFF or BMP files. Please take it out."
    )
    assert "No X-ray is left to evaluate in films.zip" in refusal_of(lambda: zip_source(zipped()))
    assert "No X-ray is left to evaluate" in refusal_of(lambda: open_uploads([]))


def test_another_patient_column_is_another_listing(tmp_path):
    listings = set()
    for patients in (("a", "a"), ("a", "b"), ("", "")):
        rows = "".join(f"{n}.png,1,{patient}\n" for n, patient in enumerate(patients))
        table = ("labels.csv", f"file,label,patient\n{rows}".encode())
        listings.add(open_uploads([("0.png", b"x"), ("1.png", b"x"), table]).listing_sha256)
    assert len(listings) == 3


# Tables


@pytest.mark.parametrize(
    ("word", "label"),
    [
        *((word, False) for word in ("normal", "NORMAL", "Negative", "no", "False", "0", "0.0", " normal ")),
        *((word, True) for word in ("pneumonia", "Positive", "YES", "true", "1", "1.0")),
        ("", None),
    ],
)
def test_a_label_is_a_word_or_a_digit_or_nothing(tmp_path, word, label):
    assert labels(csv_source(tmp_path, table(f"a.png,{word}"), "a.png")) == {"a.png": label}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", ", "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_delimiters_encodings_and_line_ends_of_all_kinds_are_read(tmp_path, delimiter, encoding, line_end):
    rows = [["Label", "FILE"], ["1", "Müller.png"], ["0", "b.png"]]
    content = line_end.join(delimiter.join(f'"{cell}"' for cell in row) for row in rows).encode(encoding)
    assert labels(csv_source(tmp_path, content, "Müller.png", "b.png")) == {"Müller.png": True, "b.png": False}


def test_big_endian_utf_16_is_read(tmp_path):
    content = b"\xfe\xff" + "file,label\na.png,1".encode("utf-16-be")
    assert labels(csv_source(tmp_path, content, "a.png")) == {"a.png": True}


def test_further_columns_are_ignored_and_a_patient_column_counts(tmp_path):
    content = table(
        "1,a.png,normal,Smith\x1b",
        "2,person1_virus_2.png,1,",
        "3,person3_virus_2.png,0,=cmd()",
        header='"id, number",File,LABEL,Patient',
    )
    source = csv_source(tmp_path, content, "a.png", "person1_virus_2.png", "person3_virus_2.png")
    assert [film.patient for film in source.films] == ["Smith", "person1", "=cmd()"]
    assert [film.kind for film in source.films] == ["normal", "virus", "normal"]
    assert source.problems == ()


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("/etc/passwd.png", "its path is absolute"),
        ("\\\\server\\share\\a.png", "its path is absolute"),
        ("../outside.png", "its path leads out of the folder"),
        ("in/../../outside.png", "its path leads out of the folder"),
        ("in\\..\\..\\outside.png", "its path leads out of the folder"),
        (".\x01./outside.png", "its path leads out of the folder"),
        ("C:\\films\\a.png", "it begins with a drive letter or as a web address"),
        ("c:a.png", "it begins with a drive letter or as a web address"),
        ("http://example.org/a.png", "it begins with a drive letter or as a web address"),
        ("file:///etc/passwd", "it begins with a drive letter or as a web address"),
        ("s3://bucket/a.png", "it begins with a drive letter or as a web address"),
        ("link.png", "it lies behind a link"),
        ("linked/outside.png", "it lies behind a link"),
        ("linked/../a.png/../../a.png", "its path leads out of the folder"),
        ("missing.png", "there is no such file"),
        ("in", "it is no regular file"),
        ("a.png/b.png", "there is no such file"),
        ("x" * 5000 + ".png", "there is no such file"),
        (".", "it names no file"),
        ("", "it names no file"),
        ("notes.exe", "it is no X-ray by its name"),
        ("a.png,1", "it has more or fewer cells"),
    ],
)
def test_a_row_whose_file_is_not_plainly_below_the_table_is_left_out(tmp_path, file, reason):
    filled(tmp_path, "outside.png")
    folder = filled(tmp_path / "folder", "a.png", "in/b.png", "notes.exe")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "linked").symlink_to(tmp_path)
    source = csv_source(folder, table("in/b.png,0", f"{file},1"))
    assert labels(source) == {"in/b.png": False}
    (problem,) = source.problems
    assert problem.startswith("Row 3")
    assert f" was left out: {reason}" in problem
    assert len(problem) < 400
    if "link" not in reason and not file.startswith("x"):
        packed = zip_source(zipped("a.png", "in/b.png", ("labels.csv", table("in/b.png,0", f"{file},1"))))
        assert packed.problems[0].startswith("Row 3")
        assert labels(packed)["in/b.png"] is False


def test_paths_that_stay_below_are_brought_into_one_form(tmp_path):
    source = csv_source(tmp_path, table(".\\in\\b.png,0", "in/../a.png,1"), "a.png", "in/b.png")
    assert labels(source) == {"in/b.png": False, "a.png": True}
    assert source.problems == ()


def test_bad_rows_are_named_in_order_and_the_others_stay(tmp_path):
    content = table("a.png,perhaps", "b.png", "", ";", "c.png,1,2", "d.png,1", "a.png,0")
    source = csv_source(tmp_path, content, "a.png", "b.png", "c.png", "d.png")
    assert labels(source) == {"a.png": False, "d.png": True}
    ragged = "was left out: it has more or fewer cells than the first row. Please correct it."
    assert source.problems == (
        "Row 2 (a.png) was left out: its label is perhaps. Expected is normal, pneumonia, 0, 1, or nothing. "
        "Please correct it.",
        f"Row 3 (b.png) {ragged}",
        f"Row 5 (;) {ragged}",
        f"Row 6 (c.png) {ragged}",
    )


def test_a_file_named_twice_counts_once_and_with_two_labels_not_at_all(tmp_path):
    content = table("a.png,1", "./a.png,pneumonia", "b.png,1", "b.png,0", "b.png,1", "c.png,", "c.png,0", "d.png,0")
    source = csv_source(tmp_path, content, "a.png", "b.png", "c.png", "d.png")
    assert labels(source) == {"a.png": True, "d.png": False}
    different = "was left out: rows give this file different labels. Please keep the right one."
    assert source.problems == (
        "Row 3 (./a.png) was left out: row 2 has the same file and label, and an X-ray counts once.",
        *(f"Row {row} (b.png) {different}" for row in (4, 5, 6)),
        *(f"Row {row} (c.png) {different}" for row in (7, 8)),
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"name,label\na.png,1",
        b"file,label,label\na.png,1,0",
        b"file|label\na.png|1",
        b"file,label\na.png,1\0",
        "file,label\na.png,1".encode("utf-16-le"),
        "\ufefffile,label\na.png,1".encode("utf-32-le"),
        b"\xff\xfe\x00",
        bytes(range(256)),
    ],
)
def test_a_table_without_the_column_file_or_that_is_no_text_is_refused(tmp_path, content):
    with pytest.raises(DataError) as refusal:
        csv_source(tmp_path, content, "a.png")
    assert refusal.value.code == "table"


def test_a_table_without_labels_is_a_worklist(tmp_path):
    content = table("NORMAL/a.png", "b.png", "missing.png", header="file")
    source = csv_source(tmp_path, content, "NORMAL/a.png", "b.png", "c.png")
    assert labels(source) == {"NORMAL/a.png": None, "b.png": None}
    assert [problem.split(" was left out")[0] for problem in source.problems] == ["Row 4 (missing.png)"]
    with_patients = csv_source(tmp_path, table("b.png;p7", header="file;patient"), "b.png")
    assert [(film.name, film.has_pneumonia, film.patient) for film in with_patients.films] == [("b.png", None, "p7")]
    uploads = [("b.png", b"b"), ("list.csv", table("b.png", header="file"))]
    assert labels(open_uploads(uploads)) == {"b.png": None}


def test_a_table_without_labels_takes_none_from_uploaded_folders():
    uploads = [("films/NORMAL/b.png", b"b"), ("films/list.csv", table("NORMAL/b.png", header="file"))]
    assert "films/list.csv has no columns file and label" in refusal_of(lambda: open_uploads(uploads))


def test_what_was_left_out_is_also_said_without_names(tmp_path):
    content = table("Doe_John.png,Smith", "Doe_Jane.png,1,0", "a.png,0", "a.png,0", "Doe_Jim.png,1", "/Doe.png,1")
    rows = csv_source(tmp_path, content, "a.png", "Doe_John.png")
    top = (("Doe.csv", b"x,y"), "Doe_Jane.exe", "a.png", "NORMAL/PNEUMONIA/Doe.png")
    files = zip_source(zipped(*top))
    table_short = zip_source(zipped("a.png", "Doe_John.png", ("Doe.csv", table("a.png,1"))))
    for source in (rows, files, table_short):
        assert len(source.nameless_problems) == len(source.problems) > 0
        said = " ".join(source.nameless_problems)
        assert not any(name in said for name in ("Doe", "Smith", "a.png"))
    assert rows.nameless_problems[0] == (
        "Row 2 was left out: its label is none of the known ones. Expected is normal, pneumonia, 0, 1, or nothing. "
        "Please correct it."
    )
    assert files.nameless_problems[0].startswith("A file was left out: it is no X-ray by its name.")
    assert table_short.nameless_problems[0].startswith("1 of 2 X-rays is in no row of the table, and has no label.")


@pytest.mark.parametrize("row", ['"a.png,1\nb.png,0', "x" * 140_000 + ",1", '"a".png,1'])
def test_a_table_whose_cells_do_not_end_is_refused(tmp_path, row):
    assert "has a quotation mark that is not closed, or a cell that is far too long" in refusal_of(
        lambda: csv_source(tmp_path, table(row), "a.png")
    )
    first = b'"' + b"x" * 140_000 + b",file,label"
    assert refusal_of(lambda: csv_source(tmp_path, first, "a.png"))


def test_a_table_has_so_many_bytes_and_rows_and_no_more(tmp_path, monkeypatch):
    content = table("a.png,1", "", "b.png,0")
    monkeypatch.setattr("pneumo_core.data.labels.MAX_TABLE_BYTES", len(content))
    monkeypatch.setattr(listing, "MAX_FILMS", 2)
    assert len(csv_source(tmp_path, content, "a.png", "b.png").films) == 2
    assert "holds more than 2 files" in refusal_of(lambda: csv_source(tmp_path, table("a,", "a,", "a,")))
    assert "labels.csv is too large" in refusal_of(lambda: csv_source(tmp_path, content + b"\n"))


@pytest.mark.parametrize(("values", "is_refused"), [("121", True), ("012", False), ("111", False)])
def test_labels_of_1_and_2_are_not_guessed(tmp_path, values, is_refused):
    content = table(*(f"{place}.png,{value}" for place, value in enumerate(values)))
    names = [f"{place}.png" for place in range(3)]
    if not is_refused:
        assert csv_source(tmp_path, content, *names).films
        return
    with pytest.raises(DataError) as refusal:
        csv_source(tmp_path, content, *names)
    assert refusal.value.code == "labels"


def test_where_no_label_is_understood_the_columns_or_folders_are_named_on_the_screen_alone(tmp_path):
    content = table("a.png,Effusion,7", "b.png,No Finding,8", header="Image Index,Finding Labels,Patient ID")
    by_table = csv_source(tmp_path / "table", content, "a.png", "b.png")
    filled(tmp_path / "folders", "Doe/a.png", "Roe/b.png")
    by_folders = open_source(tmp_path / "folders")
    assert "finding labels." in by_table.shown_notes[-1] and "finding" not in by_table.notes[-1]
    assert "Doe, Roe." in by_folders.shown_notes[-1] and "Doe" not in by_folders.notes[-1]
    beside = open_source(tmp_path / "table")
    assert "Finding Labels" in beside.problems[0] and "Finding" not in beside.nameless_problems[0]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("file,label,Age", "Ages of the table"),
        ("file,label,PatientAge", "Ages of the table"),
        ("file,label,Alter", "Ages of the table"),
        ("file,Pneumonia,No Finding", "Not read as labels: no finding"),
        ("file,label,page", None),
    ],
)
def test_columns_that_are_not_read_as_one_may_think_are_said(tmp_path, header, said):
    notes = " ".join(csv_source(tmp_path, table("a.png,1,0", header=header), "a.png").notes)
    assert said in notes if said else "table" not in notes


def test_a_first_line_that_tells_another_delimiter_is_not_said_to_tell_it(tmp_path):
    (note,) = csv_source(tmp_path, b"sep=;\n" + table("a.png,1"), "a.png").notes
    assert "was ignored" in note


def test_a_table_of_dos_is_read_with_a_note(tmp_path):
    source = csv_source(tmp_path, table("M\u00fcller.png,1").decode().encode("cp850"), "M\u00fcller.png")
    assert labels(source) == {"M\u00fcller.png": True}
    assert any("DOS" in note for note in source.notes)


@pytest.mark.parametrize(("folder", "label"), [("Normals", False), ("Gesund", False), ("Pneumonias", True)])
def test_other_words_of_class_folders_are_understood(tmp_path, folder, label):
    filled(tmp_path, f"{folder}/a.png")
    assert labels(open_source(tmp_path)) == {f"{folder}/a.png": label}


def test_a_table_is_read_as_spreadsheets_write_it_and_each_step_is_said_once(tmp_path):
    rows = ["sep=;", "Study of 2024;;;", "", "File;Label;;", "f1.png;0,0;;", "f2.png;WAHR;;", "f3.png;#N/A;;"]
    source = csv_source(tmp_path, "\r\n".join(rows).encode("utf-8-sig"), "f1.png", "f2.png", "f3.png")
    assert labels(source) == {"f1.png": False, "f2.png": True, "f3.png": None}
    assert source.problems == ()
    assert source.notes == (
        "The first line of the table tells its delimiter (sep=).",
        "1 row above the table's header was passed over.",
        "1 label with a decimal comma was read as 0 or 1.",
        "1 row says that a label is not known (such as N/A), so it has none.",
        "Labels were read by their words: wahr as pneumonia.",
    )


@pytest.mark.parametrize(
    ("no", "yes"),
    [
        *(("0,0", "1,0"), ("0,00", "1,00"), ("FALSCH", "WAHR"), ("FAUX", "VRAI"), ("FALSO", "VERDADERO")),
        *(("nein", "ja"), ("no", "yes"), ("non", "oui"), ("no", "sí"), ("n", "y")),
        *(("No Finding", "Viral Pneumonia"), ("healthy", "BACTERIA")),
    ],
)
def test_a_label_is_understood_in_the_words_of_other_countries(tmp_path, no, yes):
    content = table(f"a.png;{no}", f"b.png;{yes}", "c.png;N/A", header="file;label")
    source = csv_source(tmp_path, content, "a.png", "b.png", "c.png")
    assert labels(source) == {"a.png": False, "b.png": True, "c.png": None}
    assert source.problems == ()


@pytest.mark.parametrize(
    ("on_disk", "in_table"),
    [
        ("Mu\u0308ller.png", "M\u00fcller.png"),
        ("M\u00fcller.png", "Mu\u0308ller.png"),
        ("f3.png", "F3.PNG"),
        ("f3.png", "f3"),
        ("F3.dcm", "f3"),
        ("films/f3.png", "FILMS\\F3"),
        ("deep/er/f3.png", "f3.png"),
        ("deep/er/f3.png", "F3"),
        ("a\u202fb.png", "a b.png"),
        # Unpacked by a program that took UTF-8 for the code page of DOS.
        ("Mu\u0308ller.png".encode().decode("cp437"), "M\u00fcller.png"),
    ],
)
def test_names_that_equal_each_other_to_the_eye_are_one_and_that_is_said_once(tmp_path, on_disk, in_table):
    content = table(f"{in_table},1", "other.png,0")
    beside = csv_source(tmp_path, content, on_disk, "other.png")
    packed = zip_source(zipped(on_disk, "other.png", ("labels.csv", content)))
    dropped = open_uploads([(on_disk, b"a"), ("other.png", b"b"), ("labels.csv", content)])
    for source in (beside, packed, dropped, open_source(tmp_path)):
        assert labels(source) == {on_disk: True, "other.png": False}
        assert source.problems == ()
        assert sum("in another spelling" in note for note in source.notes) == 1


@pytest.mark.parametrize("encoding", ["mac_roman", "cp850"])
def test_a_table_in_an_old_code_page_names_its_films(tmp_path, encoding):
    content = table("J\u00e4ger.png,1", "other.png,0").decode().encode(encoding)
    assert labels(csv_source(tmp_path, content, "J\u00e4ger.png", "other.png"))["J\u00e4ger.png"] is True


@pytest.mark.parametrize(
    ("named", "offered"),
    [("f3.jpg", "f3.png"), ("F4", "f4.jpg or f4.png"), ("F5.PNG", "F5.png or f5.png"), ("zzz.png", None)],
)
def test_a_name_that_fits_no_file_or_several_is_left_out_and_the_nearest_is_offered(tmp_path, named, offered):
    names = ("f3.png", "f4.png", "f4.jpg", "f5.png", "F5.png")
    source = csv_source(tmp_path, table("f3.png,0", f"{named},1"), *names)
    assert labels(source) == {"f3.png": False}
    assert source.problems[0].split("Did you mean ")[1:] == ([f"{offered}? Please correct it."] if offered else [])
    assert "f3" not in source.nameless_problems[0] and "f4" not in source.nameless_problems[0]
    assert ("of nearly that name" in source.nameless_problems[0]) == (offered is not None)


def test_a_folder_without_class_folders_is_labelled_by_its_table(tmp_path):
    filled(tmp_path, "a.png", "b.png", "readme.txt")
    (tmp_path / "labels.txt").write_bytes("file\tlabel\r\na.png\t1\r\nb.png\t0\r\n".encode("utf-16"))
    source = open_source(tmp_path)
    assert labels(source) == {"a.png": True, "b.png": False}
    assert source.notes == ("A table among the X-rays gives the labels.",)
    assert labels(open_source(tmp_path / "labels.txt")) == labels(source)
    uploads = [(path.name, path.read_bytes()) for path in tmp_path.iterdir()]
    assert labels(open_uploads(uploads)) == labels(source)


def test_class_folders_label_before_a_table_beside_them_and_that_is_said(tmp_path):
    (filled(tmp_path, "NORMAL/a.png") / "split.csv").write_bytes(table("NORMAL/a.png,1"))
    source = open_source(tmp_path)
    assert labels(source) == {"NORMAL/a.png": False}
    assert "A table beside them was not read" in source.notes[0]


def test_a_source_without_any_label_says_so(tmp_path):
    assert open_source(filled(tmp_path, "one/a.png", "two/b.png")).notes == (NO_LABELS,)
    uploads = [("a.png", b"a"), ("b.png", b"b"), ("more.zip", zipped("NORMAL/c.png"))]
    assert open_uploads(uploads).notes == ()


@pytest.mark.parametrize("name", ["labels.xlsx", "labels.XLS", "labels.ods", "labels.numbers"])
def test_a_workbook_is_refused_before_a_run_without_its_labels(tmp_path, name):
    workbook = zipped(("xl/workbook.xml", b"<workbook/>"))
    (filled(tmp_path, "a.png", "b.png") / name).write_bytes(workbook)
    uploads = [("a.png", b"a"), (name, workbook)]
    packed = zipped("a.png", (name, workbook))
    doors = [lambda: open_source(tmp_path), lambda: open_source(tmp_path / name), lambda: open_uploads(uploads)]
    for door in (*doors, lambda: zip_source(packed), lambda: open_uploads([("labels.csv", workbook), uploads[0]])):
        with pytest.raises(DataError) as refusal:
            door()
        assert refusal.value.code == "workbook"
    # Where something else gives the labels, it is left out like any other file.
    (tmp_path / "labels.csv").write_bytes(table("a.png,1", "b.png,0"))
    source = open_source(tmp_path)
    assert labels(source) == {"a.png": True, "b.png": False}
    assert source.problems[0].startswith(f"{name} was left out: it is a")


def test_a_column_of_another_name_counts_where_only_one_can_be_meant(tmp_path):
    source = csv_source(tmp_path, table("a.png,1", header="Image Index,Target"), "a.png")
    assert labels(source) == {"a.png": True}
    assert source.notes == ("The column image index was read as file.", "The column target was read as label.")
    two = csv_source(tmp_path, table("a.png,1,0", "b.png,0,1", header="file,class,target"), "a.png", "b.png")
    assert labels(two) == {"a.png": None, "b.png": None}
    assert two.notes == (NO_LABELS,)


# Zips


def test_nothing_of_a_zip_is_written_to_disk(tmp_path, monkeypatch):
    (tmp_path / "films.zip").write_bytes(zipped("NORMAL/a.png", "../up.png", "/tmp/absolute.png"))
    monkeypatch.chdir(tmp_path)
    source = open_source(Path("films.zip"))
    assert [film.read() for film in source.films] == [b"NORMAL/a.png"]
    assert [path.name for path in tmp_path.iterdir()] == ["films.zip"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/a.png", "its path is absolute"),
        ("\\a.png", "its path is absolute"),
        ("../a.png", "its path leads out of the folder"),
        ("b/../../a.png", "its path leads out of the folder"),
        ("b\\..\\..\\a.png", "its path leads out of the folder"),
        ("C:/a.png", "it begins with a drive letter or as a web address"),
        ("http://a.png", "it begins with a drive letter or as a web address"),
        ("inner.zip", "it is an archive"),
        ("inner.TAR", "it is an archive"),
        ("inner.7z", "it is an archive"),
        ("inner.dcm.gz", "it is an archive"),
    ],
)
def test_a_member_with_a_bad_name_is_left_out_and_the_others_stay(name, reason):
    source = zip_source(zipped("good.png", name))
    assert labels(source) == {"good.png": None}
    assert len(source.problems) == 1
    assert f" was left out: {reason}" in source.problems[0]


def test_folders_in_a_zip_are_no_films():
    assert labels(zip_source(zipped("NORMAL/", "x\\", "NORMAL/a.png"))) == {"NORMAL/a.png": False}


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (8, b"\x01", "it is encrypted"),
        (10, struct.pack("<H", zipfile.ZIP_BZIP2), "its compression is not supported"),
        (10, struct.pack("<H", zipfile.ZIP_LZMA), "its compression is not supported"),
        (10, struct.pack("<H", 99), "its compression is not supported"),
        (24, struct.pack("<I", MAX_FILE_BYTES + 1), "it is too large"),
        (24, struct.pack("<I", 2**20 + 1), "it unpacks to more than 200 times its size"),
        (38, struct.pack("<I", 0o120777 << 16), "it is a link or a special file"),
        (38, struct.pack("<I", 0o020666 << 16), "it is a link or a special file"),
    ],
)
def test_a_member_that_cannot_be_read_safely_is_left_out_and_the_others_stay(offset, value, reason):
    source = zip_source(patched(zipped("good.png", "bad.png"), offset, value))
    assert [film.read() for film in source.films] == [b"good.png"]
    assert f"bad.png was left out: {reason}" in source.problems[0]


def test_a_member_over_one_mebibyte_may_shrink_two_hundred_times_and_no_more(monkeypatch):
    content = zipped(("a.png", bytes(2**20 + 1)), compression=zipfile.ZIP_DEFLATED)
    assert "it unpacks to more than 200 times its size" in refusal_of(lambda: zip_source(content))
    assert zip_source(zipped(("a.png", bytes(2**20)), compression=zipfile.ZIP_DEFLATED)).films
    shrinks = (2**20 + 1) / zipfile.ZipFile(io.BytesIO(content)).infolist()[0].compress_size
    monkeypatch.setattr(zips, "MAX_FILM_RATIO", int(shrinks) + 1)
    assert zip_source(content).films[0].read() == bytes(2**20 + 1)


def test_a_member_of_the_largest_size_is_still_listed():
    content = patched(zipped("a.png"), 20, struct.pack("<II", MAX_FILE_BYTES, MAX_FILE_BYTES))
    # The declared size makes it overlap the directory.
    assert "overlap" in refusal_of(lambda: zip_source(content))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_is_refused_when_it_is_read_and_the_others_are_not(compression):
    film = bytes(range(256)) * 8
    content = zipped(("bad.png", film), ("good.png", film), compression=compression)
    damaged = content[:60] + bytes([content[60] ^ 0xFF]) + content[61:]
    bad, good = zip_source(damaged).films
    assert refusal_of(bad.read, UnreadableImageError) == (
        "is damaged in the zip and cannot be read. Please pack it again."
    )
    assert good.read() == film


@pytest.mark.parametrize(("declared"), [4, 9, 2**20])
def test_a_member_that_lies_about_its_size_is_refused_when_it_is_read(declared):
    # Eight bytes are there.
    (film,) = zip_source(patched(zipped("film.png"), 24, struct.pack("<I", declared))).films
    assert "is damaged in the zip" in refusal_of(film.read, UnreadableImageError)


def test_a_second_member_of_the_same_name_is_left_out():
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped(("a.png", b"first"), ("a.png", b"second"))
    for packed in (content, zipped(("a.png", b"first"), ("./a.png", b"second"))):
        source = zip_source(packed)
        assert [film.read() for film in source.films] == [b"first"]
        assert "another file has the same name, and the first is kept" in source.problems[0]


def test_members_that_share_bytes_are_refused():
    content = zipped("a.png", "b.png")
    # The second entry of the directory points at the first member, or into it, or the directory begins inside it.
    for offset in (0, 20):
        packed = patched(content, 42, struct.pack("<I", offset))
        assert refusal_of(lambda packed=packed: zip_source(packed)) == (
            "films.zip holds members that overlap or lie outside it, as in a zip bomb. Please pack the X-rays again."
        )


def test_members_before_the_beginning_are_refused():
    # zipfile itself refuses this in newer versions of Python.
    content = patched(zipped("a.png"), 16, struct.pack("<I", 2**31), at=b"PK\x05\x06")
    assert refusal_of(lambda: zip_source(content)).startswith("films.zip ")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zip",
        b"PK\x03\x04 cut short",
        zipped("a.png")[:-30],
        patched(zipped("a.png"), 0, b"XX"),
        patched(zipped("a.png"), 12, struct.pack("<I", 2**31), at=b"PK\x05\x06"),
        patched(zipped("a.png"), 6, struct.pack("<H", 640)),
        patched(zipped("ä.png"), 46, b"\xff\xff"),
    ],
    # The contents hold the time.
    ids=["empty", "no zip", "its start alone", "cut", "other start", "no list", "unknown version", "no name"],
)
def test_a_damaged_zip_is_refused(tmp_path, content):
    (tmp_path / "films.zip").write_bytes(content)
    for function in (lambda: open_source(tmp_path / "films.zip"), lambda: zip_source(content)):
        assert refusal_of(function) == ("films.zip is no zip that can be read, or it is damaged. Please pack it again.")


def empty_entries(count: int) -> bytes:
    """A zip's directory of many entries, made by hand because packing them would take long."""
    local = b"PK\x03\x04" + bytes(22) + struct.pack("<HH", 0, 0)
    entries = [
        struct.pack("<4s20xIHHH8xI", b"PK\x01\x02", 0, 5, 0, 0, 30 * number) + b"%05d" % number
        for number in range(count)
    ]
    directory = b"".join(entries)
    end = struct.pack("<4s4xHHIIH", b"PK\x05\x06", min(count, 65535), min(count, 65535), len(directory), 30 * count, 0)
    return local * count + directory + end


def test_a_zip_holds_fifty_thousand_members_and_no_more():
    assert len(zip_source(empty_entries(50_000)).films) == 50_000
    refused = "The zip holds more than 50,000 files. Expected are at most that many. Please split it up."
    content = empty_entries(50_001)
    assert refusal_of(lambda: zip_source(content)) == refused
    # A count that lies changes nothing.
    assert refusal_of(lambda: zip_source(patched(content, 8, b"\1\0\1\0", at=b"PK\x05\x06"))) == refused


def test_a_directory_of_many_members_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr(listing, "MAX_FILMS", 3)
    monkeypatch.setattr(zipfile, "ZipInfo", None)
    assert "The zip holds more than 3 files" in refusal_of(lambda: zip_source(empty_entries(4)))


def test_a_zip_unpacks_to_so_much_and_no_more(monkeypatch):
    content = zipped(("a.png", b"1234"), ("b.png", b"1234"))
    monkeypatch.setattr(zips, "MAX_UNPACKED_BYTES", 8)
    assert len(zip_source(content).films) == 2
    monkeypatch.setattr(zips, "MAX_UNPACKED_BYTES", 7)
    assert "films.zip is too large" in refusal_of(lambda: zip_source(content))


def test_a_zip_with_bytes_before_it_and_one_in_zip64_are_read(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open("a.png", "w", force_zip64=True) as member:
        member.write(b"film")
    (tmp_path / "a.zip").write_bytes(file.getvalue())
    (tmp_path / "b.zip").write_bytes(b"before" + zipped(("a.png", b"film")))
    for name in ("a.zip", "b.zip"):
        assert open_source(tmp_path / name).films[0].read() == b"film"


def test_films_of_one_zip_are_read_in_many_threads(tmp_path):
    contents = {f"{number:03d}.png": bytes([number]) * 50_000 for number in range(60)}
    (tmp_path / "films.zip").write_bytes(zipped(*contents.items(), compression=zipfile.ZIP_DEFLATED))
    films = open_source(tmp_path / "films.zip").films
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda film: film.read(), films)) == list(contents.values())


def test_a_film_that_holds_a_zips_directory_is_a_film(monkeypatch):
    monkeypatch.setattr(listing, "MAX_FILMS", 3)
    film = b"PK\x01\x02" * 2**15
    (found,) = zip_source(zipped(("a.png", film))).films
    assert found.read() == film


@pytest.mark.parametrize("top", ["", "data set/"])
def test_a_table_at_the_top_of_a_zip_labels_its_members(top):
    content = table("NORMAL/a.png,1", "b.png,0", "../c.png,0", "missing.png,1")
    packed = zipped(f"{top}NORMAL/a.png", f"{top}b.png", f"{top}d.png", (f"{top}labels.csv", content))
    source = zip_source(packed)
    assert labels(source) == {f"{top}NORMAL/a.png": True, f"{top}b.png": False, f"{top}d.png": None}
    assert [problem.split(":")[0] for problem in source.problems[:2]] == [
        "Row 4 (../c.png) was left out",
        "Row 5 (missing.png) was left out",
    ]
    assert source.problems[2] == (
        f"1 of 3 X-rays is in no row of {top}labels.csv, and has no label. Please add rows for it if it shall count."
    )


def test_a_table_deeper_in_a_zip_labels_nothing():
    source = zip_source(zipped("NORMAL/a.png", "b.png", ("NORMAL/labels.csv", table("a.png,1"))))
    assert labels(source) == {"NORMAL/a.png": False, "b.png": None}


def test_a_table_at_the_top_that_cannot_be_used_is_named_and_the_folders_label():
    source = zip_source(zipped("NORMAL/a.png", ("labels.csv", b"name,label\na.png,1")))
    assert labels(source) == {"NORMAL/a.png": False}
    assert "labels.csv has no columns file and label" in source.problems[0]
    content = zipped("NORMAL/a.png", ("labels.csv", table("NORMAL/a.png,1")))
    source = zip_source(content.replace(b"a.png,1", b"a.png,0"))
    assert labels(source) == {"NORMAL/a.png": False}
    assert source.problems == ("labels.csv is damaged in the zip and cannot be read. Please pack it again.",)


def test_two_tables_at_the_top_of_a_zip_are_refused():
    content = zipped("a.png", ("one.csv", table("a.png,1")), ("two.csv", table("a.png,0")))
    assert refusal_of(lambda: zip_source(content)) == (
        "one.csv and two.csv both give labels. Expected is at most one table. Please leave the others out."
    )


def with_raw_names(content: bytes, *names: tuple[str, bytes]) -> bytes:
    """Give members of a zip the bytes of another name, which says nothing of its alphabet."""
    for name, raw in names:
        assert len(raw) == len(name)
        content = content.replace(name.encode(), raw)
    return content


@pytest.mark.parametrize(
    ("raw", "system", "name"),
    [
        ("Mu\u0308ller.png".encode(), 3, "Mu\u0308ller.png"),
        ("M\u00fcller \u00c0.png".encode("cp850"), 0, "M\u00fcller \u00c0.png"),
        ("M\u00fcller.png".encode("cp437"), 0, "M\u00fcller.png"),
        ("M\u00fcller.png".encode("cp1252"), 0, "M\u00fcller.png"),
        ("M\u00fcller.png".encode("cp1252"), 3, "M\u00fcller.png"),
    ],
)
def test_names_of_a_zip_that_does_not_tell_its_alphabet_are_read_as_they_were_meant(raw, system, name):
    stand_in = "x" * len(raw)
    content = with_raw_names(zipped(stand_in, ("labels.csv", table("M\u00fcller.png,1"))), (stand_in, raw))
    at = content.index(b"PK\x01\x02") + 5
    content = content[:at] + bytes([system]) + content[at + 1 :]
    assert [film.name for film in zip_source(content).films] == [name]


def test_a_zip_that_holds_its_names_in_utf_8_beside_a_code_page_is_read_by_these():
    raw, meant = b"\x8e\x8e\x8e.png", "\u0416.png"
    member = zipfile.ZipInfo("xxx.png")
    inside = b"\x01" + struct.pack("<I", zlib.crc32(raw)) + meant.encode()
    member.extra = struct.pack("<HH", 0x7075, len(inside)) + inside
    content = with_raw_names(zipped((member, b"film")), ("xxx.png", raw))
    assert [film.name for film in zip_source(content).films] == [meant]


# Uploads


def test_films_zips_and_a_table_are_dropped_together():
    files = [
        ("labels.csv", table("b.png,1", "more.zip/NORMAL/a.png,1")),
        ("more.zip", zipped("NORMAL/a.png", "NORMAL/c.png")),
        ("b.png", b"film"),
        ("notes.txt", b"text"),
    ]
    source = open_uploads(files)
    assert labels(source) == {"b.png": True, "more.zip/NORMAL/a.png": True, "more.zip/NORMAL/c.png": None}
    assert [film.read() for film in source.films] == [b"film", b"NORMAL/a.png", b"NORMAL/c.png"]
    assert source.name == "4 files"
    without = open_uploads(files[1:])
    assert labels(without) == {"b.png": None, "more.zip/NORMAL/a.png": False, "more.zip/NORMAL/c.png": False}


def test_a_table_dropped_beside_one_zip_names_its_members():
    packed = zipped("NORMAL/a.png", ("labels.csv", table("NORMAL/a.png,0")))
    source = open_uploads([("other.csv", table("NORMAL/a.png,1")), ("films.zip", packed)])
    assert labels(source) == {"NORMAL/a.png": True}


def test_zips_with_the_same_members_are_kept_apart():
    packed = zipped("NORMAL/a.png", ("labels.csv", table("NORMAL/a.png,1")))
    source = open_uploads([("two.zip", packed), ("one.zip", zipped("NORMAL/a.png"))])
    assert labels(source) == {"one.zip/NORMAL/a.png": False, "two.zip/NORMAL/a.png": True}


def test_problems_of_every_upload_are_told():
    packed = zipped("NORMAL/PNEUMONIA/a.png", "b.exe")
    source = open_uploads([("b.png", b"1"), ("b.png", b"2"), ("../c.png", b""), ("one.zip", packed)])
    assert [film.read() for film in source.films] == [b"1"]
    assert [problem.split(" was left out")[0] for problem in source.problems] == [
        "../c.png",
        "b.png",
        "one.zip/b.exe",
        "one.zip/NORMAL/PNEUMONIA/a.png",
    ]


def test_two_tables_or_too_many_files_are_refused(monkeypatch):
    two = [("a.csv", table("c.png,1")), ("b.csv", table("c.png,1")), ("c.png", b"")]
    assert refusal_of(lambda: open_uploads(two)) == (
        "2 CSV files were given. Expected is at most one. Please leave the others out."
    )
    packed = [("one.zip", zipped("a.png", "b.png")), ("c.png", b""), ("d.png", b"")]
    monkeypatch.setattr(listing, "MAX_FILMS", 4)
    assert len(open_uploads(packed).films) == 4
    monkeypatch.setattr(listing, "MAX_FILMS", 3)
    assert "3 files holds more than 3 files" in refusal_of(lambda: open_uploads(packed))
    monkeypatch.setattr(listing, "MAX_FILMS", 2)
    assert "The upload holds more than 2 files" in refusal_of(lambda: open_uploads(packed))


# What all have in common


def test_problems_end_with_a_count_of_the_rest(monkeypatch):
    def problems_of(count: int) -> tuple[str, ...]:
        return open_uploads([("a.png", b""), *((f"{number:04d}.exe", b"") for number in range(count))]).problems

    assert len(problems_of(1_000)) == 1_000
    assert len(problems_of(1_002)) == 1_001
    assert problems_of(1_002)[-1] == "And 2 more were left out."


def test_equal_content_gives_equal_order_and_hash(tmp_path):
    names = ["NORMAL/b.png", "PNEUMONIA/a.png", "c.png"]
    folder = open_source(filled(tmp_path, *names))
    packed = [zip_source(zipped(*order)) for order in (names, reversed(names))]
    assert len({source.listing_sha256 for source in packed}) == 1
    assert len(packed[0].listing_sha256) == 64
    # Of films on disk the contents are not read.
    assert folder.listing_sha256 != packed[0].listing_sha256
    for source in packed:
        assert [film.name for film in source.films] == [film.name for film in folder.films] == names


def test_films_of_one_name_and_length_make_other_uploads_and_other_zips():
    contents = (b"x" * 1000, b"x" * 999 + b"y")
    assert len({open_uploads([("a.dcm", content)]).listing_sha256 for content in contents}) == 2
    assert len({zip_source(zipped(("a.dcm", content))).listing_sha256 for content in contents}) == 2


def test_the_hash_changes_with_names_sizes_and_labels():
    films = [("a.png", b"1"), ("b.png", b"2")]
    sizes = [("a.png", b"11"), ("b.png", b"2")]
    names = [("a.png", b"1"), ("c.png", b"2")]
    others = [
        films,
        films[:1],
        sizes,
        names,
        [*films, ("l.csv", table("a.png,1"))],
        [*films, ("l.csv", table("a.png,0"))],
    ]
    assert len({open_uploads(files).listing_sha256 for files in others}) == 6
    assert open_uploads(films).listing_sha256 == open_uploads(films[::-1]).listing_sha256


def test_a_table_tells_age_and_group_where_its_cells_mean_them(tmp_path: Path):
    rows = ("a.png,opacity,45", "b.png,abnormal_no_opacity,8M", "c.png,normal,", "d.png,0,150", "e.png,PNEUMONIA,30.0")
    found = csv_source(tmp_path, table(*rows, header="path,label,Patient Age"), *(row[:5] for row in rows))
    told = [(film.has_pneumonia, film.group, film.age_years) for film in found.films]
    assert told == [
        (True, "finding", 45.0),
        (False, "other", 8 / 12),
        (False, "normal", None),
        # 0 says that there is no pneumonia, and not that there is nothing.
        (False, None, None),
        (True, "finding", 30.0),
    ]
    assert "1 age of the table could not be understood: taken as not known." in found.notes
    assert found.films[1].kind == ""


def test_folders_of_three_groups_tell_them(tmp_path: Path):
    names = ("opacity/a.png", "Lung_Opacity/e.png", "abnormal_no_opacity/b.png", "normal/c.png", "negative/d.png")
    found = open_source(filled(tmp_path, *names))
    told = {film.name: (film.has_pneumonia, film.group) for film in found.films}
    assert told == {
        "opacity/a.png": (True, "finding"),
        "Lung_Opacity/e.png": (True, "finding"),
        "abnormal_no_opacity/b.png": (False, "other"),
        "normal/c.png": (False, "normal"),
        "negative/d.png": (False, None),
    }


def test_ages_change_what_a_source_is_and_their_absence_does_not(tmp_path: Path):
    first = csv_source(tmp_path, table("a.png,normal"), "a.png")
    without = csv_source(tmp_path, table("a.png,normal,", header="file,label,age"))
    aged = csv_source(tmp_path, table("a.png,normal,4", header="file,label,age"))
    assert first.listing_sha256 == without.listing_sha256 != aged.listing_sha256
