"""Films to evaluate from outside: a folder, a table (CSV), a zip, or what a browser dropped.

Whatever it is, it becomes one `Source`: films in a fixed order, each with its label where one is known, and a
sentence for everything that was left out. No film is decoded in here, and a zip is read where it lies: nothing is
extracted.

Two steps: what is there is listed (`listing`, `zips`), then labelled (`labels`).
"""

import hashlib
import io
import json
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from pneumo_core.data.cases import Group, patient_and_kind
from pneumo_core.data.labels import (
    MAX_FOLDERS,
    NO_LABELS,
    Labelled,
    Row,
    further_columns,
    is_at_top,
    label_by_rows,
    label_by_table,
    label_folder,
    label_listing,
    rows_of_source,
    rows_of_table,
    tells_class,
    usable_tables,
)
from pneumo_core.data.listing import (
    SAME_NAME,
    File,
    FilmsBelow,
    Listing,
    Problem,
    bounded,
    check_count,
    first_bytes,
    left_out,
    list_folder,
    matched_in_words,
    read_path,
)
from pneumo_core.data.names import (
    HEAD_BYTES,
    TABLE_SUFFIXES,
    TEXT_SUFFIX,
    WORKBOOKS,
    as_shown,
    folder_of,
    is_silent,
    kind_by_folders,
    may_be_table,
    printable,
    relative_name,
    starts_as_film,
    suffix_of,
)
from pneumo_core.data.table import MAX_TABLE_BYTES
from pneumo_core.data.zips import list_zip
from pneumo_core.errors import DataError
from pneumo_core.film import FILE_KINDS


@dataclass(frozen=True, slots=True, eq=False)
class SourceFilm:
    """One film of a source, not read yet.

    Attributes:
        name: path within the source, with forward slashes and without control characters.
        has_pneumonia: the reference standard; None without a label.
        patient: from the table, else from the file's name as in `cases`.
        kind: "normal", "bacteria", "virus", "pneumonia", or "" without a label.
        read: gives the file's bytes, at most `MAX_FILE_BYTES` + 1 of them, in any thread; raises
            `UnreadableImageError` with a text that begins after the file's name.
        columns: cells of a table's further columns, by these. They may hold anything, and are written nowhere.
        group: the finding, another abnormality, or neither; None where the label leaves it open.
        age_years: of the patient, from the table; None where it tells none. The file's own age comes first.
    """

    name: str
    has_pneumonia: bool | None
    patient: str
    kind: str
    read: Callable[[], bytes]
    columns: Mapping[str, str] = field(default_factory=dict)
    group: Group | None = None
    age_years: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Films to evaluate, and what was left out.

    Attributes:
        name: for the screen.
        films: ordered by name.
        problems: whole sentences, `MAX_PROBLEMS` of them at most and one that counts the rest.
        listing_sha256: of the names, labels and given patients of the films, and of their contents where these come in
            an upload or a zip; of their sizes where they lie on disk.
        nameless_problems: the same as `problems` without what is written in names and cells, for files that travel.
        notes: whole sentences on how names, tables and labels were understood, each said once; without any name.
        found: where no film has a label, a sentence that names the folders or columns; "" else.
        age_years: the age of all patients whose file and table tell none, as whoever asks says; None where not known.
    """

    name: str
    films: tuple[SourceFilm, ...]
    problems: tuple[str, ...]
    listing_sha256: str
    nameless_problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    found: str = ""
    age_years: float | None = None

    @property
    def shown_notes(self) -> tuple[str, ...]:
        """The notes for the screen: with `found`, which holds names."""
        return tuple(f"{note} {self.found}" if note == NO_LABELS and self.found else note for note in self.notes)


def open_source(path: Path) -> Source:
    """List the films of a folder, a CSV, a zip, or a single film, told by content where that tells.

    A folder is labelled by folders such as NORMAL and PNEUMONIA, at any depth below it, else by a CSV at its top. A CSV
    has the columns `file` and `label`, and `patient` if wanted; its files lie below its own folder, and without `label`
    none has a label. A zip is labelled by such a CSV at its top, else by its folders.

    Raises:
        DataError: none of these; damaged; too many files or too large; no film in it; a workbook that may hold the
            labels, of the code "workbook".
    """
    name = printable(path.absolute().name) or "The folder"
    if path.is_dir():
        listing = list_folder(path)
        return _source(name, label_folder(listing), [listing])
    if not path.is_file():
        raise DataError(
            f"{path} does not exist. Expected is a folder, a CSV, a zip or an X-ray. Please check the path."
        )
    if (suffix := suffix_of(name)) in WORKBOOKS:
        raise DataError(
            f"{name} is {WORKBOOKS[suffix]}. Expected is a table as CSV. Please save its sheet as CSV.", code="workbook"
        )
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            rest = file.read(MAX_TABLE_BYTES) if (kind := _kind_of_content(name, head)) == "table" else b""
        if kind == "zip":
            listing = list_zip(name, path.open("rb", buffering=0))
            return _source(name, label_listing(listing), [listing])
        film = File(name, path.stat().st_size, partial(read_path, path))
    except OSError as error:
        raise DataError(f"{name} cannot be opened. Please check that you may read it.") from error
    listing = Listing()
    if kind == "film":
        return _source(name, [Labelled(film, None)], [listing])
    below = FilmsBelow(path.parent)
    rows = rows_of_source(name, head + rest, needs_labels=False, notes=listing.notes)
    films = label_by_rows(rows, below.find, listing.problems, listing.notes)
    if below.matched:
        listing.notes.append(matched_in_words(below.matched))
    return _source(name, films, [listing], has_table=True)


def open_uploads(files: Sequence[tuple[str, bytes]]) -> Source:
    """List what a browser dropped: films, zips, and at most one CSV, which then labels them all.

    The films of a zip are named below it ("a.zip/NORMAL/x.png") where other films or zips came with it.

    Args:
        files: name and content of each; the contents stay in memory as long as the source does.

    Raises:
        DataError: two CSVs; a damaged CSV or zip; too many files or too large; no film among them.
    """
    check_count(len(files), "The upload")
    loose = Listing()
    zips: dict[str, bytes] = {}
    tables: dict[str, bytes] = {}
    for raw, content in sorted(files):
        with left_out(loose.problems, as_shown(raw)):
            name = relative_name(raw)
            kind = _kind_of_content(name, content[:HEAD_BYTES])
            if may_be_table(name) or (kind == "film" and not is_silent(name)):
                sha256 = hashlib.sha256(content).hexdigest()
                loose.add(name, sha256, partial(first_bytes, content), partial(_head_of, content))
            elif kind != "film" and (tables if kind == "table" else zips).setdefault(name, content) is not content:
                raise DataError(SAME_NAME)
    if len(tables) > 1:
        raise DataError(f"{len(tables)} CSV files were given. Expected is at most one. Please leave the others out.")
    is_alone = len(zips) == 1 and not loose.films
    listings = [loose]
    listings += [list_zip(name, io.BytesIO(zips[name]), "" if is_alone else f"{name}/") for name in zips]
    together = Listing({name: film for listing in listings for name, film in listing.films.items()})
    rows: tuple[str, Iterable[Row]] | None = None
    if tables:
        ((name, content),) = tables.items()
        # Else a list without labels would take away those that the folders tell.
        needs_labels = any(tells_class(folder) for film in together.films for folder in film.split("/")[:-1])
        rows = name, rows_of_source(name, content, needs_labels, together.notes)
    elif texts := usable_tables(Listing(together.films, loose.tables, notes=together.notes)):
        rows = texts[0]
    if rows is not None:
        films = label_by_table(together, *rows)
        listings.append(together)
    else:
        films = [film for listing in listings for film in label_listing(listing)]
    name = printable(files[0][0]) if len(files) == 1 else f"{len(files)} files"
    return _source(name, films, listings, has_table=rows is not None)


class TableFilm(NamedTuple):
    """One film that a table names: its name, its size in bytes where known, its label, its patient or "".

    `group` and `age_years` as in `SourceFilm`.
    """

    name: str
    size: int | None
    has_pneumonia: bool | None
    patient: str
    group: Group | None = None
    age_years: float | None = None


def list_table(
    name: str, content: bytes, find: Callable[[str], tuple[str, int | None]], max_bytes: int
) -> tuple[list[TableFilm], tuple[str, ...], tuple[str, ...]]:
    """Give the films that a table names, ordered by name; sentences on the rows left out; and notes as in `Source`.

    The rows mean what they mean to `open_source`; there may be as many as the table has bytes for.

    Args:
        name: the table's name.
        find: from the cell of the column `file` to the film's name and size; its `DataError` leaves the row out.

    Raises:
        DataError: the table cannot be read.
    """
    problems: list[Problem] = []
    notes: list[str] = []

    def file_of(raw: str) -> File:
        film, size = find(raw)
        # Whoever lists so reads films by their names, not by this.
        return File(film, "" if size is None else size, bytes)

    rows = rows_of_table(name, content, False, max_bytes, notes)
    films = [
        TableFilm(
            film.file.name,
            film.file.content if isinstance(film.file.content, int) else None,
            film.has_pneumonia,
            printable(film.patient),
            film.group,
            film.age_years,
        )
        for film in label_by_rows(rows, file_of, problems, notes)
    ]
    if films and all(film.has_pneumonia is None for film in films):
        notes.append(NO_LABELS)
    said = tuple(problem.named for problem in bounded(problems))
    return sorted(films, key=lambda film: film.name), said, tuple(notes)


def _film(labelled: Labelled) -> SourceFilm:
    """Add what the file's name tells of patient and kind: as `cases` does, by the label where there is one."""
    file = labelled.file
    told, kind = patient_and_kind(posixpath.basename(file.name), labelled.has_pneumonia)
    # Without anything that tells, each film is taken for another patient's: the same name in two folders says nothing.
    return SourceFilm(
        file.name,
        labelled.has_pneumonia,
        printable(labelled.patient) or told or file.name,
        kind_of_group(labelled.group, kind_by_folders(file.name, kind)),
        file.read,
        labelled.others,
        labelled.group,
        labelled.age_years,
    )


def kind_of_group(group: Group | None, kind: str) -> str:
    """Give an X-ray's kind, which is none where it shows another abnormality."""
    return "" if group == "other" else kind


def in_listing(film: Labelled | TableFilm) -> list[float | str]:
    """Give what a listing's hash holds of age and group; nothing where these are as before tables told them."""
    return ([film.age_years] if film.age_years is not None else []) + (["other"] if film.group == "other" else [])


def _source(name: str, films: Sequence[Labelled], listings: Sequence[Listing], has_table: bool = False) -> Source:
    check_count(len(films), name)
    problems = [problem for listing in listings for problem in listing.problems]
    if not films:
        expected = f"Expected are {FILE_KINDS} files, and readable labels if a table names them."
        expected += " A table names files below its own folder." if has_table else ""
        which = "The problem" if len(problems) == 1 else f"The first of {len(problems)} problems"
        first = f"{which}: {problems[0].named}" if problems else "Please check what you chose."
        raise DataError(f"No X-ray is left to evaluate in {name}. {expected} {first}")
    is_worklist = all(film.has_pneumonia is None for film in films)
    if is_worklist and not has_table:
        _refuse_workbooks(listings)
    films = sorted(films, key=lambda labelled: labelled.file.name)
    listed = json.dumps(
        [(film.file.name, film.file.content, film.has_pneumonia, film.patient, *in_listing(film)) for film in films]
    )
    digest = hashlib.sha256(listed.encode()).hexdigest()
    named, nameless = (tuple(problem[place] for problem in bounded(problems)) for place in (0, 1))
    notes = [note for listing in listings for note in listing.notes]
    notes += [NO_LABELS] if is_worklist and len(films) > 1 else []
    return Source(
        name,
        tuple(map(_film, films)),
        named,
        digest,
        nameless,
        tuple(dict.fromkeys(notes)),
        _found(films) if is_worklist else "",
    )


def _found(films: Sequence[Labelled]) -> str:
    """Name the columns of the table, else the folders, that tell no label."""
    names, what = further_columns(films), "column"
    if not names:
        names = list(dict.fromkeys(folder for film in films if (folder := folder_of(film.file.name).rstrip("/"))))
        what = "folder"
    others = " and others" if len(names) > MAX_FOLDERS else ""
    shown = ", ".join(as_shown(name) for name in names[:MAX_FOLDERS])
    return f"No label was understood in the {what}{'s' if len(names) > 1 else ''} {shown}{others}." if names else ""


def _refuse_workbooks(listings: Sequence[Listing]) -> None:
    """Refuse to go on without labels where a workbook beside the films may hold them."""
    for listing in listings:
        for workbook in listing.workbooks:
            if is_at_top(listing, workbook):
                raise DataError(
                    f"{as_shown(workbook)} is {WORKBOOKS[suffix_of(workbook)]}, which is not read, and no X-ray has a "
                    "label without it. Expected is a CSV. Please save its sheet as CSV. For a list without labels, "
                    "please take it out.",
                    code="workbook",
                )


def _head_of(content: bytes) -> bytes:
    return content[:HEAD_BYTES]


def _kind_of_content(name: str, head: bytes) -> Literal["film", "table", "zip"]:
    suffix = suffix_of(name)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")) and suffix not in WORKBOOKS:
        return "zip"
    if starts_as_film(head):
        return "film"
    if suffix in TABLE_SUFFIXES or suffix == TEXT_SUFFIX:
        return "table"
    return "zip" if suffix == ".zip" else "film"
