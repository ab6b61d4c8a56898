"""List the files of one place before they are labelled, with a sentence for everything left out.

The refusal of one file or one row begins after "... was left out: " and is kept as a problem.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pneumo_core.data.names import (
    FILM_SUFFIXES,
    HEAD_BYTES,
    TABLE_SUFFIXES,
    TEXT_SUFFIX,
    WORKBOOKS,
    as_shown,
    check_film_name,
    folder_of,
    is_hidden,
    is_silent,
    may_be_table,
    printable,
    relative_name,
    suffix_of,
)
from pneumo_core.errors import DataError, UnreadableImageError
from pneumo_core.files import Matcher
from pneumo_core.film import MAX_FILE_BYTES
from pneumo_core.wording import counted

MAX_FILMS = 50_000
MAX_PROBLEMS = 1_000
MISSING = "there is no such file in here, or you may not read it. Please check its name."
SAME_NAME = "another file has the same name, and the first is kept. Please rename one of them."


class File(NamedTuple):
    """A file that was listed; `content` tells it from others of its name: a checksum where there is one, its size."""

    name: str
    content: str | int
    read: Callable[[], bytes]


class Problem(NamedTuple):
    """Why something was left out, as a whole sentence: with the names of files, and without."""

    named: str
    nameless: str


@dataclass(slots=True)
class Listing:
    """The files of one place, before they are labelled.

    Attributes:
        tables: those that may be one, too: texts.
        workbooks: names of spreadsheets' own files, which are not read.
        notes: whole sentences on how files were understood, without anything that is written in them.
    """

    films: dict[str, File] = field(default_factory=dict)
    tables: list[File] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    workbooks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(
        self, name: str, content: str | int, read: Callable[[], bytes], head: Callable[[], bytes] | None = None
    ) -> None:
        """Take a film or a table in, told by its name, or by its start, which `head` gives at less cost than `read`."""
        file = File(name, content, read)
        if (suffix := suffix_of(name)) in TABLE_SUFFIXES or suffix == TEXT_SUFFIX:
            self.tables.append(file)
            return
        if suffix in WORKBOOKS:
            self.workbooks.append(name)
        check_film_name(name, head or read)
        if self.films.setdefault(name, file) is not file:
            raise DataError(SAME_NAME)


class NotThereError(DataError):
    """A row names a file that is not there; `nameless` says so and how many are alike, without their names."""

    def __init__(self, offered: Iterable[str] = ()) -> None:
        offered = tuple(offered)
        names = " or ".join(as_shown(name) for name in offered)
        offer = f"there is no such file in here. Did you mean {names}? Please correct it."
        super().__init__(offer if names else MISSING)
        alike = "one is of nearly that name" if len(offered) == 1 else f"{len(offered)} are of nearly that name"
        self.nameless = f"there is no such file in here, but {alike}. Please correct it." if names else MISSING


@contextmanager
def left_out(problems: list[Problem], named: str, nameless: str = "A file") -> Iterator[None]:
    """Keep the refusal of one file or one row as a sentence, and go on with the next."""
    try:
        yield
    except DataError as refusal:
        said = getattr(refusal, "nameless", refusal)
        problems.append(Problem(f"{named} was left out: {refusal}", f"{nameless} was left out: {said}"))


def list_folder(folder: Path) -> Listing:
    """List the films and tables below a folder; hidden folders are passed over, and links not followed."""
    listing = Listing()

    def cannot_open(error: OSError) -> None:
        name = Path(error.filename).relative_to(folder).as_posix()
        said = "cannot be opened. Please check that you may read this folder."
        listing.problems.append(Problem(f"{as_shown(name)} {said}", f"A folder {said}"))

    count = 0
    for top, folders, files in os.walk(folder, onerror=cannot_open):
        # os.walk takes the list as it is changed here: a fixed order, without hidden folders.
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        count += len(files)
        check_count(count, "The folder")
        for path in (Path(top, name) for name in sorted([*folders, *files])):
            name = printable(path.relative_to(folder).as_posix())
            if not is_silent(name) or may_be_table(name):
                with left_out(listing.problems, as_shown(name)):
                    if path.is_symlink():
                        raise DataError("it is a link, and links are not followed. Please put the file itself there.")
                    if path.name not in folders:
                        listing.add(name, _size_on_disk(path), partial(read_path, path), partial(head_of, path))
    return listing


def is_linked(folder: Path, name: str) -> bool:
    """True where a file lies behind a link below a folder: links are not followed, as they may lead out of it."""
    path = folder
    for part in name.split("/"):
        path /= part
        # Not Path.is_symlink, which some versions of Python let fail on names that are too long.
        if os.path.islink(path):  # noqa: PTH114
            return True
    return False


def find_below(folder: Path, name: str) -> int:
    """Give the size in bytes of the film that a row names: below the table's folder, and through no link.

    Args:
        name: as `relative_name` gives it.

    Raises:
        DataError: it is not there, no film by its name, no regular file, or behind a link; begins after "left out: ".
    """
    if is_linked(folder, name):
        raise DataError("it lies behind a link, and links are not followed. Please name the file itself.")
    size = _size_on_disk(folder / name)
    check_film_name(name, partial(head_of, folder / name))
    return size


def _size_on_disk(path: Path) -> int:
    try:
        found = path.lstat()
    except (OSError, ValueError) as error:
        raise DataError(MISSING) from error
    # Reading a pipe or a device could wait forever.
    if not stat.S_ISREG(found.st_mode):
        raise DataError("it is no regular file. Expected is an X-ray. Please name a file.")
    return found.st_size


def read_path(path: Path) -> bytes:
    """Read a film, or so much of it that it is too large; the refusal begins after the file's name."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UnreadableImageError("cannot be opened. Please check that it is there and you may read it.") from error


def head_of(path: Path) -> bytes:
    """Give the start of a file, which tells whether it is a film; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def first_bytes(content: bytes) -> bytes:
    """Give of a film in memory what `read_path` would of a file."""
    return content[: MAX_FILE_BYTES + 1]


def bounded(problems: Sequence[Problem]) -> Sequence[Problem]:
    """Give `MAX_PROBLEMS` of them at most, and one that counts the rest."""
    if len(problems) <= MAX_PROBLEMS:
        return problems
    rest = f"And {len(problems) - MAX_PROBLEMS:,} more were left out."
    return [*problems[:MAX_PROBLEMS], Problem(rest, rest)]


def check_count(count: int, where: str) -> None:
    """Refuse more than `MAX_FILMS` files."""
    if count > MAX_FILMS:
        raise DataError(
            f"{where} holds more than {MAX_FILMS:,} files. Expected are at most that many. Please split it up."
        )


# Films that rows name


class FilmsBelow:
    """The films that the rows of a table on disk name: below the table's folder, and through no link.

    Attributes:
        matched: how many names were matched to a file of another spelling.
    """

    def __init__(self, folder: Path) -> None:
        self._root = folder
        self.matched = 0
        self._others: tuple[Mapping[str, File], Matcher] | None = None

    def find(self, raw: str) -> File:
        """Give the film that a cell names.

        Raises:
            DataError: as `find_below`; begins after "left out: ".
        """
        name = relative_name(raw)
        try:
            return File(name, find_below(self._root, name), partial(read_path, self._root / name))
        except DataError as refusal:
            if str(refusal) != MISSING:
                raise
        films, matcher = self._listed()
        match = matcher.find(name)
        if match.name is None:
            raise NotThereError(match.offered)
        self.matched += 1
        return films[match.name]

    def _listed(self) -> tuple[Mapping[str, File], Matcher]:
        # Only where a name is missing: the folder may hold far more than the table names.
        if self._others is None:
            try:
                films = list_folder(self._root).films
            except DataError:
                films = {}
            self._others = films, Matcher(films, FILM_SUFFIXES - {""})
        return self._others


class FilmsListed:
    """The films that the rows of a table in a folder, a zip or an upload name; `matched` as in `FilmsBelow`.

    Attributes:
        unnamed: the films that no row has named so far.
    """

    def __init__(self, films: Mapping[str, File], table: str) -> None:
        self._folder = folder_of(table)
        self._films = films
        self._matcher: Matcher | None = None
        self.unnamed = dict(films)
        self.matched = 0

    def find(self, raw: str) -> File:
        """Give the film that a cell names, as in `FilmsBelow`."""
        name = self._folder + relative_name(raw)
        if name not in self._films:
            if self._matcher is None:
                below = (film.removeprefix(self._folder) for film in self._films if film.startswith(self._folder))
                self._matcher = Matcher(below, FILM_SUFFIXES - {""})
            match = self._matcher.find(name.removeprefix(self._folder))
            if match.name is None:
                raise NotThereError(match.offered)
            name = self._folder + match.name
            self.matched += 1
        self.unnamed.pop(name, None)
        return self._films[name]


def matched_in_words(matched: int) -> str:
    """Say once for a table how many of its names were matched."""
    are = "name their file" if matched > 1 else "names its file"
    return (
        f"{counted(matched, 'row')} of the table {are} in another spelling (capitals, accents, its ending or its "
        "folder). Each was matched to the one file that fits."
    )
