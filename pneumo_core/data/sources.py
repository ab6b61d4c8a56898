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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from pneumo_core.data.cases import CLASS_FOLDERS, patient_and_kind
from pneumo_core.data.labels import (
    Labelled,
    label_by_rows,
    label_by_table,
    label_listing,
    label_listing_by_folders,
    rows_of_source,
    rows_of_table,
)
from pneumo_core.data.listing import (
    SAME_NAME,
    File,
    Listing,
    Problem,
    bounded,
    check_count,
    find_below,
    first_bytes,
    left_out,
    list_folder,
    read_path,
)
from pneumo_core.data.names import (
    TABLE_SUFFIXES,
    as_shown,
    is_silent,
    printable,
    relative_name,
    suffix_of,
)
from pneumo_core.data.table import MAX_TABLE_BYTES
from pneumo_core.data.zips import list_zip
from pneumo_core.errors import DataError

_HEAD_BYTES = 132


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
    """

    name: str
    has_pneumonia: bool | None
    patient: str
    kind: str
    read: Callable[[], bytes]


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
    """

    name: str
    films: tuple[SourceFilm, ...]
    problems: tuple[str, ...]
    listing_sha256: str
    nameless_problems: tuple[str, ...] = ()


def open_source(path: Path) -> Source:
    """List the films of a folder, a CSV, a zip, or a single film, told by content where that tells.

    A folder is labelled by the folders NORMAL and PNEUMONIA, at any depth below it. A CSV has the columns `file` and
    `label`, and `patient` if wanted; its files lie below its own folder, and without `label` none has a label. A zip is
    labelled by such a CSV at its top, else by its folders.

    Raises:
        DataError: none of these; damaged; too many files or too large; no film in it.
    """
    name = printable(path.absolute().name) or "The folder"
    if path.is_dir():
        listing = list_folder(path)
        return _source(name, label_listing_by_folders(listing), listing.problems)
    if not path.is_file():
        raise DataError(
            f"{path} does not exist. Expected is a folder, a CSV, a zip or an X-ray. Please check the path."
        )
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            rest = file.read(MAX_TABLE_BYTES) if (kind := _kind_of_content(name, head)) == "table" else b""
        if kind == "zip":
            listing = list_zip(name, path.open("rb", buffering=0))
            return _source(name, label_listing(listing), listing.problems)
        film = File(name, path.stat().st_size, partial(read_path, path))
    except OSError as error:
        raise DataError(f"{name} cannot be opened. Please check that you may read it.") from error
    if kind == "film":
        return _source(name, [Labelled(film, None)], [])
    problems: list[Problem] = []
    rows = rows_of_source(name, head + rest, needs_labels=False)

    def find(raw: str) -> File:
        file = relative_name(raw)
        return File(file, find_below(path.parent, file), partial(read_path, path.parent / file))

    films = label_by_rows(rows, find, problems)
    return _source(name, films, problems)


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
            kind = _kind_of_content(name, content[:_HEAD_BYTES])
            if kind == "film" and not is_silent(name):
                loose.add(name, hashlib.sha256(content).hexdigest(), partial(first_bytes, content))
            elif kind != "film" and (tables if kind == "table" else zips).setdefault(name, content) is not content:
                raise DataError(SAME_NAME)
    if len(tables) > 1:
        raise DataError(f"{len(tables)} CSV files were given. Expected is at most one. Please leave the others out.")
    is_alone = len(zips) == 1 and not loose.films
    listings = [loose]
    listings += [list_zip(name, io.BytesIO(zips[name]), "" if is_alone else f"{name}/") for name in zips]
    if tables:
        together = Listing({name: film for listing in listings for name, film in listing.films.items()})
        ((name, content),) = tables.items()
        # Else a list without labels would take away those that the folders tell.
        needs_labels = any({*CLASS_FOLDERS} & {*film.upper().split("/")[:-1]} for film in together.films)
        films = label_by_table(together, name, rows_of_source(name, content, needs_labels))
        listings.append(together)
    else:
        films = [film for listing in listings for film in label_listing(listing)]
    problems = [problem for listing in listings for problem in listing.problems]
    return _source(printable(files[0][0]) if len(files) == 1 else f"{len(files)} files", films, problems)


class TableFilm(NamedTuple):
    """One film that a table names: its name, its size in bytes where known, its label, its patient or ""."""

    name: str
    size: int | None
    has_pneumonia: bool | None
    patient: str


def list_table(
    name: str, content: bytes, find: Callable[[str], tuple[str, int | None]], max_bytes: int
) -> tuple[list[TableFilm], tuple[str, ...]]:
    """Give the films that a table names, ordered by name, and whole sentences on the rows that were left out.

    The rows mean what they mean to `open_source`; there may be as many as the table has bytes for.

    Args:
        name: the table's name.
        find: from the cell of the column `file` to the film's name and size; its `DataError` leaves the row out.

    Raises:
        DataError: the table cannot be read.
    """
    problems: list[Problem] = []

    def file_of(raw: str) -> File:
        film, size = find(raw)
        # Whoever lists so reads films by their names, not by this.
        return File(film, "" if size is None else size, bytes)

    films = [
        TableFilm(file.name, file.content if isinstance(file.content, int) else None, has_pneumonia, printable(patient))
        for file, has_pneumonia, patient in label_by_rows(
            rows_of_table(name, content, False, max_bytes), file_of, problems
        )
    ]
    return sorted(films, key=lambda film: film.name), tuple(problem.named for problem in bounded(problems))


def _film(file: File, has_pneumonia: bool | None, patient: str) -> SourceFilm:
    """Add what the file's name tells of patient and kind: as `cases` does, by the label where there is one."""
    told, kind = patient_and_kind(posixpath.basename(file.name), has_pneumonia)
    # Without anything that tells, each film is taken for another patient's: the same name in two folders says nothing.
    return SourceFilm(file.name, has_pneumonia, printable(patient) or told or file.name, kind, file.read)


def _source(name: str, films: Sequence[Labelled], problems: Sequence[Problem]) -> Source:
    check_count(len(films), name)
    if not films:
        expected = "Expected are JPEG, PNG or DICOM files, and readable labels if a table names them."
        which = "The problem" if len(problems) == 1 else f"The first of {len(problems)} problems"
        first = f"{which}: {problems[0].named}" if problems else "Please check what you chose."
        raise DataError(f"No X-ray is left to evaluate in {name}. {expected} {first}")
    films = sorted(films, key=lambda labelled: labelled.file.name)
    listing = json.dumps([(file.name, file.content, has_pneumonia, patient) for file, has_pneumonia, patient in films])
    digest = hashlib.sha256(listing.encode()).hexdigest()
    named, nameless = (tuple(problem[place] for problem in bounded(problems)) for place in (0, 1))
    return Source(name, tuple(_film(*labelled) for labelled in films), named, digest, nameless)


def _kind_of_content(name: str, head: bytes) -> Literal["film", "table", "zip"]:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG")) or head[128:132] == b"DICM":
        return "film"
    if suffix_of(name) in TABLE_SUFFIXES:
        return "table"
    return "zip" if suffix_of(name) == ".zip" else "film"
