"""Films to evaluate from outside: a folder, a table (CSV), a zip, or what a browser dropped.

Whatever it is, it becomes one `Source`: films in a fixed order, each with its label where one is known, and a
sentence for everything that was left out. No film is decoded in here, and a zip is read where it lies: nothing is
extracted.

Two steps: what is there is listed (`_Listing`), then labelled: by a table where there is one, else by folders called
NORMAL and PNEUMONIA. The refusal of one file or one row begins after "... was left out: " and is kept as a problem.
"""

import hashlib
import io
import json
import os
import posixpath
import re
import stat
import struct
import threading
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from pneumo_core.data.cases import CLASS_FOLDERS, FILM_SUFFIXES, patient_and_kind
from pneumo_core.data.table import MAX_TABLE_BYTES, read_table
from pneumo_core.errors import DataError, UnreadableImageError
from pneumo_core.film import MAX_FILE_BYTES
from pneumo_core.wording import counted

MAX_FILMS = 50_000
MAX_PROBLEMS = 1_000
# Of a zip: all members together once unpacked, and its directory (50,000 entries have about 8 MiB).
MAX_UNPACKED_BYTES = 20 * 2**30
MAX_DIRECTORY_BYTES = 64 * 2**20
# Films hardly shrink, and an all-black one about a hundredfold; deflate ends at 1,032.
MAX_RATIO = 200
MIN_BOMB_BYTES = 2**20

_SUFFIXES = FILM_SUFFIXES | {"", ".dicom"}
_TABLE_SUFFIXES = {".csv", ".tsv"}
_ARCHIVE_SUFFIXES = {".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz", ".zst"}
_SILENT_ENDS = (".txt", ".md")
_SILENT_NAMES = {"thumbs.db", "desktop.ini", "dicomdir", "readme"}
LABELS: dict[str, bool | None] = {
    "": None,
    # 0.0 and 1.0: so pandas writes 0 and 1 where other labels are empty.
    **dict.fromkeys(("normal", "negative", "no", "false", "0", "0.0"), False),
    **dict.fromkeys(("pneumonia", "positive", "yes", "true", "1", "1.0"), True),
}
# http://..., file:..., C:...
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HEAD_BYTES = 132
_MISSING = "there is no such file in here, or you may not read it. Please check its name."
_SAME_NAME = "another file has the same name, and the first is kept. Please rename one of them."
_EXPECTED_PATH = "Expected is a path below the top, such as train/NORMAL/x.png. Please correct it."
_ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError)


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
    name = _printable(path.absolute().name) or "The folder"
    if path.is_dir():
        listing = _list_folder(path)
        return _source(name, _label_by_folders(listing), listing.problems)
    if not path.is_file():
        raise DataError(f"{path} does not exist. Expected is a folder, a CSV, a zip or a film. Please check the path.")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            rest = file.read(MAX_TABLE_BYTES) if (kind := _kind_of_content(name, head)) == "table" else b""
        if kind == "zip":
            listing = _list_zip(name, path.open("rb", buffering=0))
            return _source(name, _label(listing), listing.problems)
        film = _File(name, path.stat().st_size, partial(_read_path, path))
    except OSError as error:
        raise DataError(f"{name} cannot be opened. Please check that you may read it.") from error
    if kind == "film":
        return _source(name, [_Labelled(film, None)], [])
    problems: list[_Problem] = []
    rows = _read_table(name, head + rest, needs_labels=False)

    def find(raw: str) -> _File:
        file = relative_name(raw)
        return _File(file, find_below(path.parent, file), partial(_read_path, path.parent / file))

    films = _label_by_rows(rows, find, problems)
    return _source(name, films, problems)


def open_uploads(files: Sequence[tuple[str, bytes]]) -> Source:
    """List what a browser dropped: films, zips, and at most one CSV, which then labels them all.

    The films of a zip are named below it ("a.zip/NORMAL/x.png") where other films or zips came with it.

    Args:
        files: name and content of each; the contents stay in memory as long as the source does.

    Raises:
        DataError: two CSVs; a damaged CSV or zip; too many files or too large; no film among them.
    """
    _check_count(len(files), "The upload")
    loose = _Listing()
    zips: dict[str, bytes] = {}
    tables: dict[str, bytes] = {}
    for raw, content in sorted(files):
        with _left_out(loose.problems, _shown(raw)):
            name = relative_name(raw)
            kind = _kind_of_content(name, content[:_HEAD_BYTES])
            if kind == "film" and not is_silent(name):
                loose.add(name, hashlib.sha256(content).hexdigest(), partial(_first_bytes, content))
            elif kind != "film" and (tables if kind == "table" else zips).setdefault(name, content) is not content:
                raise DataError(_SAME_NAME)
    if len(tables) > 1:
        raise DataError(f"{len(tables)} CSV files were given. Expected is at most one. Please leave the others out.")
    is_alone = len(zips) == 1 and not loose.films
    listings = [loose]
    listings += [_list_zip(name, io.BytesIO(zips[name]), "" if is_alone else f"{name}/") for name in zips]
    if tables:
        together = _Listing({name: film for listing in listings for name, film in listing.films.items()})
        ((name, content),) = tables.items()
        # Else a list without labels would take away those that the folders tell.
        needs_labels = any({*CLASS_FOLDERS} & {*film.upper().split("/")[:-1]} for film in together.films)
        films = _label_by_table(together, name, _read_table(name, content, needs_labels))
        listings.append(together)
    else:
        films = [film for listing in listings for film in _label(listing)]
    problems = [problem for listing in listings for problem in listing.problems]
    return _source(_printable(files[0][0]) if len(files) == 1 else f"{len(files)} files", films, problems)


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
    problems: list[_Problem] = []

    def file_of(raw: str) -> _File:
        film, size = find(raw)
        # Whoever lists so reads films by their names, not by this.
        return _File(film, "" if size is None else size, bytes)

    films = [
        TableFilm(
            file.name, file.content if isinstance(file.content, int) else None, has_pneumonia, _printable(patient)
        )
        for file, has_pneumonia, patient in _label_by_rows(_rows(name, content, False, max_bytes), file_of, problems)
    ]
    return sorted(films, key=lambda film: film.name), tuple(problem.named for problem in _bounded(problems))


class _File(NamedTuple):
    """A file that was listed; `content` tells it from others of its name: a checksum where there is one, its size."""

    name: str
    content: str | int
    read: Callable[[], bytes]


class _Row(NamedTuple):
    """One row of a table, whose header is row 1."""

    number: int
    file: str
    label: str
    patient: str
    is_ragged: bool

    @property
    def place(self) -> str:
        return f"Row {self.number}"

    @property
    def shown(self) -> str:
        return f"{self.place} ({_shown(self.file)})" if self.file else self.place


class _Labelled(NamedTuple):
    file: _File
    has_pneumonia: bool | None
    patient: str = ""


class _Problem(NamedTuple):
    """Why something was left out, as a whole sentence: with the names of files, and without."""

    named: str
    nameless: str


@dataclass(slots=True)
class _Listing:
    """What is in one place, before it is labelled."""

    films: dict[str, _File] = field(default_factory=dict)
    tables: list[_File] = field(default_factory=list)
    problems: list[_Problem] = field(default_factory=list)

    def add(self, name: str, content: str | int, read: Callable[[], bytes]) -> None:
        """Take a film or a table in, told by its name."""
        file = _File(name, content, read)
        if _suffix(name) in _TABLE_SUFFIXES:
            self.tables.append(file)
            return
        check_film_name(name)
        if self.films.setdefault(name, file) is not file:
            raise DataError(_SAME_NAME)


@contextmanager
def _left_out(problems: list[_Problem], named: str, nameless: str = "A file") -> Iterator[None]:
    """Keep the refusal of one file or one row as a sentence, and go on with the next."""
    try:
        yield
    except DataError as refusal:
        problems.append(_Problem(*(f"{what} was left out: {refusal}" for what in (named, nameless))))


# Listing: a folder


def _list_folder(folder: Path) -> _Listing:
    listing = _Listing()

    def cannot_open(error: OSError) -> None:
        name = Path(error.filename).relative_to(folder).as_posix()
        said = "cannot be opened. Please check that you may read this folder."
        listing.problems.append(_Problem(f"{_shown(name)} {said}", f"A folder {said}"))

    count = 0
    for top, folders, files in os.walk(folder, onerror=cannot_open):
        # In place, for os.walk: in a fixed order, and not into hidden ones.
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        count += len(files)
        _check_count(count, "The folder")
        for path in (Path(top, name) for name in sorted([*folders, *files])):
            name = _printable(path.relative_to(folder).as_posix())
            if not is_silent(name):
                with _left_out(listing.problems, _shown(name)):
                    if path.is_symlink():
                        raise DataError("it is a link, and links are not followed. Please put the file itself there.")
                    if path.name not in folders:
                        listing.add(name, _size_on_disk(path), partial(_read_path, path))
    return listing


def find_below(folder: Path, name: str) -> int:
    """Give the size in bytes of the film that a row names: below the table's folder, and through no link.

    Args:
        name: as `relative_name` gives it.

    Raises:
        DataError: it is not there, no film by its name, no regular file, or behind a link; begins after "left out: ".
    """
    path = folder
    for part in name.split("/"):
        path /= part
        # Not Path.is_symlink, which some versions of Python let fail on names that are too long.
        if os.path.islink(path):  # noqa: PTH114
            raise DataError("it lies behind a link, and links are not followed. Please name the file itself.")
    check_film_name(name)
    return _size_on_disk(path)


def _size_on_disk(path: Path) -> int:
    try:
        found = path.lstat()
    except (OSError, ValueError) as error:
        raise DataError(_MISSING) from error
    # Reading a pipe or a device could wait forever.
    if not stat.S_ISREG(found.st_mode):
        raise DataError("it is no regular file. Expected is a film. Please name a file.")
    return found.st_size


def _read_path(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UnreadableImageError("cannot be opened. Please check that it is there and you may read it.") from error


def _first_bytes(content: bytes) -> bytes:
    return content[: MAX_FILE_BYTES + 1]


# Listing: a zip


class _ZipReader(io.BufferedReader):
    """Bounds what `ZipFile` reads while it parses the directory, because it believes the sizes an archive declares."""

    is_parsing = True

    def read(self, size: int | None = -1, /) -> bytes:
        if not self.is_parsing:
            return super().read(size)
        content = super().read(min(size, MAX_DIRECTORY_BYTES) if size and size > 0 else size)
        # Each entry of the directory begins so.
        _check_count(content.count(b"PK\x01\x02"), "The zip")
        return content

    def __del__(self) -> None:
        # Nobody else closes it: it lives as long as the films that are read from it.
        self.close()


def _list_zip(name: str, file: io.FileIO | io.BytesIO, prefix: str = "") -> _Listing:
    """List a zip's members under `prefix`; the file stays open as long as one of them may be read."""
    reader = _ZipReader(file)
    try:
        archive = zipfile.ZipFile(reader)
    except _ZIP_DAMAGE as error:
        reader.close()
        raise DataError(f"{name} is no zip that can be read, or it is damaged. Please pack it again.") from error
    reader.is_parsing = False
    members = archive.infolist()
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        limit = f"Zips of up to {MAX_UNPACKED_BYTES // 2**30} GiB unpacked can be read"
        raise DataError(f"{name} is too large. {limit}. Please pack it in several parts.")
    _check_overlap(name, members, archive.start_dir)
    listing = _Listing()
    # Reading moves the one position that the file has.
    lock = threading.Lock()
    for member in members:
        with _left_out(listing.problems, _shown(prefix + member.filename)):
            member_name = relative_name(member.filename)
            if not member.filename.endswith(("/", "\\")) and not is_silent(member_name):
                _check_member(member)
                # The zip's directory has it; a member that is not of it is refused when it is read.
                content = f"{member.file_size} bytes, CRC {member.CRC:08x}"
                listing.add(prefix + member_name, content, partial(_read_member, archive, lock, member))
    return listing


def _check_overlap(name: str, members: Iterable[zipfile.ZipInfo], start_of_directory: int) -> None:
    """Refuse members that share bytes: so a small zip unpacks to a huge one (Fifield, A better zip bomb, 2019)."""
    # A member takes at least 30 bytes and its content.
    spans = sorted((member.header_offset, member.header_offset + 30 + member.compress_size) for member in members)
    for (_, end), (start, _) in pairwise([(0, 0), *spans, (start_of_directory, 0)]):
        if end > start:
            raise DataError(
                f"{name} holds members that overlap or lie outside it, as in a zip bomb. Please pack the films again."
            )


def _check_member(member: zipfile.ZipInfo) -> None:
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        raise DataError("it is a link or a special file. Expected are films. Please pack the file itself.")
    if member.flag_bits & 0x1:
        raise DataError("it is encrypted. Please pack it without a password.")
    # bzip2 and LZMA cannot be unpacked in bounded steps by zipfile.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError("its compression is not supported. Expected is deflate, the usual one. Please pack it again.")
    if member.file_size > MAX_FILE_BYTES:
        limit = f"Files up to {MAX_FILE_BYTES // 2**20} MiB can be read"
        raise DataError(f"it is too large. {limit}. Please export a single X-ray.")
    if member.file_size > max(MIN_BOMB_BYTES, MAX_RATIO * member.compress_size):
        raise DataError(f"it unpacks to more than {MAX_RATIO} times its size. Please pack it without compression.")


def _read_member(archive: zipfile.ZipFile, lock: threading.Lock, member: zipfile.ZipInfo) -> bytes:
    try:
        with lock, archive.open(member) as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) != member.file_size:
            raise EOFError("shorter than declared")
    except _ZIP_DAMAGE as error:
        raise UnreadableImageError("is damaged in the zip and cannot be read. Please pack it again.") from error
    return content


# Labelling


def _label(listing: _Listing) -> list[_Labelled]:
    """Label by the table at the top, if there is one that says file and label, else by folders."""
    shared = posixpath.commonprefix(list(listing.films))
    usable: list[tuple[str, list[_Row]]] = []
    for table in listing.tables:
        if shared.startswith(_folder_of(table.name)):
            try:
                usable.append((table.name, list(_read_table(table.name, table.read()))))
            except DataError as refusal:
                listing.problems.append(
                    _Problem(str(refusal), f"A table{str(refusal).removeprefix(_shown(table.name))}")
                )
            except UnreadableImageError as refusal:
                listing.problems.append(_Problem(f"{_shown(table.name)} {refusal}", f"A table {refusal}"))
        if len(usable) > 1:
            names = " and ".join(_shown(name) for name, _ in usable)
            raise DataError(f"{names} both give labels. Expected is at most one table. Please leave the others out.")
    return _label_by_table(listing, *usable[0]) if usable else _label_by_folders(listing)


def _label_by_folders(listing: _Listing) -> list[_Labelled]:
    films = []
    for file in listing.films.values():
        with _left_out(listing.problems, _shown(file.name)):
            films.append(_Labelled(file, label_by_folders(file.name)))
    return films


def label_by_folders(name: str) -> bool | None:
    """Give the label that the folders of a film's path tell; None where they tell none.

    Raises:
        DataError: they tell both.
    """
    folders = {folder.upper() for folder in name.split("/")[:-1]}
    labels = {label for folder, label in CLASS_FOLDERS.items() if folder in folders}
    if len(labels) > 1:
        raise DataError("it lies under both NORMAL and PNEUMONIA. Please move it to one of them.")
    return labels.pop() if labels else None


def _label_by_table(listing: _Listing, table: str, rows: Iterable[_Row]) -> list[_Labelled]:
    """Label the films of a listing by a table among them; films that no row names have no label."""
    unnamed = dict(listing.films)

    def find(raw: str) -> _File:
        name = relative_name(raw)
        unnamed.pop(_folder_of(table) + name, None)
        if (file := listing.films.get(_folder_of(table) + name)) is None:
            raise DataError(_MISSING)
        return file

    films = _label_by_rows(rows, find, listing.problems)
    if unnamed:
        found = f"{len(unnamed)} of {counted(len(listing.films), 'film')}"
        are, have, them, they = ("is", "has", "it", "it") if len(unnamed) == 1 else ("are", "have", "them", "they")
        rest = f"and {have} no label. Please add rows for {them} if {they} shall count."
        tables = (_shown(table), "the table")
        listing.problems.append(_Problem(*(f"{found} {are} in no row of {of}, {rest}" for of in tables)))
    return [*films, *(_Labelled(file, None) for file in unnamed.values())]


def _label_by_rows(rows: Iterable[_Row], find: Callable[[str], _File], problems: list[_Problem]) -> list[_Labelled]:
    """Label the files that rows name. A file named twice counts once, and not at all with two labels."""
    said: list[tuple[int, _Problem]] = []
    claims: dict[str, list[tuple[_Row, _Labelled]]] = {}
    for row in rows:
        refused_here: list[_Problem] = []
        with _left_out(refused_here, row.shown, row.place):
            if row.is_ragged:
                raise DataError("it has more or fewer cells than the first row. Please correct it.")
            file = find(row.file)
            if row.label.lower() not in LABELS:
                expected = "Expected is normal, pneumonia, 0, 1, or nothing. Please correct it."
                shown = ((row.shown, f"label is {_shown(row.label)}"), (row.place, "label is none of the known ones"))
                refused_here.append(
                    _Problem(*(f"{what} was left out: its {label}. {expected}" for what, label in shown))
                )
            else:
                labelled = _Labelled(file, LABELS[row.label.lower()], row.patient)
                claims.setdefault(file.name, []).append((row, labelled))
        said += [(row.number, problem) for problem in refused_here]
    films = []
    for claim in claims.values():
        first, film = claim[0]
        if len({labelled.has_pneumonia for _, labelled in claim}) == 1:
            films.append(film)
            refused, reason = claim[1:], f"row {first.number} has the same file and label, and a film counts once."
        else:
            refused, reason = claim, "rows give this file different labels. Please keep the right one."
        for row, _ in refused:
            problem = _Problem(*(f"{what} was left out: {reason}" for what in (row.shown, row.place)))
            said.append((row.number, problem))
    problems += [problem for _, problem in sorted(said, key=lambda numbered: numbered[0])]
    return films


def _read_table(name: str, content: bytes, needs_labels: bool = True) -> Iterator[_Row]:
    """Read the rows of a source's table under its header, one by one."""
    for count, row in enumerate(_rows(name, content, needs_labels, MAX_TABLE_BYTES), start=1):
        _check_count(count, _shown(name))
        yield row


def _rows(name: str, content: bytes, needs_labels: bool, max_bytes: int) -> Iterator[_Row]:
    needed, optional = (("file", "label"), ("patient",)) if needs_labels else (("file",), ("label", "patient"))
    for row in read_table(content, _shown(name), needed, optional, max_bytes):
        yield _Row(row.number, row.cell("file"), row.cell("label"), row.cell("patient"), row.is_ragged)


def _film(file: _File, has_pneumonia: bool | None, patient: str) -> SourceFilm:
    """Add what the file's name tells of patient and kind: as `cases` does, by the label where there is one."""
    told, kind = patient_and_kind(posixpath.basename(file.name), has_pneumonia)
    # Without anything that tells, each film is taken for another patient's: the same name in two folders says nothing.
    return SourceFilm(file.name, has_pneumonia, _printable(patient) or told or file.name, kind, file.read)


def _source(name: str, films: Sequence[_Labelled], problems: Sequence[_Problem]) -> Source:
    _check_count(len(films), name)
    if not films:
        expected = "Expected are JPEG, PNG or DICOM files, and readable labels if a table names them."
        which = "The problem" if len(problems) == 1 else f"The first of {len(problems)} problems"
        first = f"{which}: {problems[0].named}" if problems else "Please check what you chose."
        raise DataError(f"No X-ray is left to evaluate in {name}. {expected} {first}")
    films = sorted(films, key=lambda labelled: labelled.file.name)
    listing = json.dumps([(file.name, file.content, has_pneumonia, patient) for file, has_pneumonia, patient in films])
    digest = hashlib.sha256(listing.encode()).hexdigest()
    named, nameless = (tuple(problem[place] for problem in _bounded(problems)) for place in (0, 1))
    return Source(name, tuple(_film(*labelled) for labelled in films), named, digest, nameless)


def _bounded(problems: Sequence[_Problem]) -> Sequence[_Problem]:
    if len(problems) <= MAX_PROBLEMS:
        return problems
    rest = f"And {len(problems) - MAX_PROBLEMS:,} more were left out."
    return [*problems[:MAX_PROBLEMS], _Problem(rest, rest)]


# Names


def relative_name(raw: str) -> str:
    """Bring a path that others wrote into one form, or refuse it where it may point outside."""
    name = _printable(raw).replace("\\", "/")
    if _ADDRESS.match(name):
        raise DataError(f"it begins with a drive letter or as a web address. {_EXPECTED_PATH}")
    if name.startswith("/"):
        raise DataError(f"its path is absolute. {_EXPECTED_PATH}")
    name = posixpath.normpath(name)
    if name.split("/")[0] == "..":
        raise DataError(f"its path leads out of the folder. {_EXPECTED_PATH}")
    if name == ".":
        raise DataError(f"it names no file. {_EXPECTED_PATH}")
    return name


def _folder_of(name: str) -> str:
    return name[: name.rfind("/") + 1]


def _printable(text: str) -> str:
    """Remove control characters, which could forge lines or turn a name around on a screen."""
    if text.isprintable():
        return text
    # Zs: spaces of all kinds, which macOS puts into names.
    return "".join(letter for letter in text if letter.isprintable() or unicodedata.category(letter) == "Zs")


def _shown(name: str) -> str:
    name = _printable(name)
    return name if len(name) <= 120 else f"{name[:119]}…"


def _suffix(name: str) -> str:
    suffix = posixpath.splitext(name)[1].lower()
    # 1.2.840.113619.2.5: a DICOM file called by its UID has no suffix.
    return "" if suffix[1:].isdigit() else suffix


def check_film_name(name: str) -> None:
    """Refuse what is no film by its suffix; the text begins after "left out: "."""
    suffix = _suffix(name)
    if suffix in _ARCHIVE_SUFFIXES:
        raise DataError("it is an archive, and archives in here are not opened. Please unpack it, or choose it alone.")
    if suffix not in _SUFFIXES:
        raise DataError("it is no film by its name. Expected are JPEG, PNG and DICOM files. Please take it out.")


def is_film_name(name: str) -> bool:
    """True for a path that is a film's by its name: not hidden, not made by the system, of a film's suffix."""
    return not is_silent(name) and _suffix(name) in _SUFFIXES


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or part == "__MACOSX"


def is_silent(name: str) -> bool:
    """Tell what lies in many folders and is no film: hidden, made by the system, or a text."""
    *folders, last = name.split("/")
    is_known = last.lower() in _SILENT_NAMES or last.lower().endswith(_SILENT_ENDS)
    return is_known or any(map(_is_hidden, [*folders, last]))


def _kind_of_content(name: str, head: bytes) -> Literal["film", "table", "zip"]:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG")) or head[128:132] == b"DICM":
        return "film"
    if _suffix(name) in _TABLE_SUFFIXES:
        return "table"
    return "zip" if _suffix(name) == ".zip" else "film"


def _check_count(count: int, where: str) -> None:
    if count > MAX_FILMS:
        raise DataError(
            f"{where} holds more than {MAX_FILMS:,} files. Expected are at most that many. Please split it up."
        )
