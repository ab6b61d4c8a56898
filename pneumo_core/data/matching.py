"""Files found by names that equal theirs to the eye, where exactly one fits.

Systems write one name in several ways: macOS takes "ü" apart into two letters (NFD), Windows does not tell capitals
apart, old zips and tables hold names in a code page that they do not tell, and people leave out endings and folders.
"""

import difflib
import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from pneumo_core.data.listing import MISSING, File, find_below, list_folder, read_path
from pneumo_core.data.names import FILM_SUFFIXES, as_shown, folder_of, relative_name, suffix_of
from pneumo_core.errors import DataError
from pneumo_core.wording import counted

# To look for alike names takes time: so many files at most, for so many missing ones.
MAX_ALIKE_NAMES, MAX_ALIKE_SEARCHES, MAX_OFFERED = 2_000, 20, 3
# A text that was read as the first although it was written as the second.
_MISTAKEN = (("cp437", "utf-8"), ("cp1252", "utf-8"), ("cp1252", "cp850"), ("cp1252", "mac_roman"), ("cp850", "cp1252"))


class NotThereError(DataError):
    """A row names a file that is not there; `nameless` says so without the names of other files."""

    def __init__(self, offered: Iterable[str] = ()) -> None:
        names = " or ".join(as_shown(name) for name in offered)
        super().__init__(
            f"there is no such file in here. Did you mean {names}? Please correct it." if names else MISSING
        )
        self.nameless = MISSING


_Keys = Callable[[str], Iterable[str]]


class Matcher:
    """Finds among files the one whose name equals a given one to the eye."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self._searches = 0
        self._indexes: dict[_Keys, Mapping[str, list[str]]] = {}

    def find(self, name: str) -> str:
        """Give the one file that fits, at the closest likeness that any fits.

        Raises:
            NotThereError: none fits, or several do; it offers alike names.
        """
        # The keys of the name, and those of the files.
        likenesses: list[tuple[_Keys, _Keys]] = [(keys, keys) for keys in (_composed, _seen, _in_a_code_page)]
        has_no_ending = suffix_of(name) not in FILM_SUFFIXES - {""}
        if has_no_ending:
            likenesses.append((_seen, _without_ending))
        if "/" not in name:
            likenesses.append((_seen, _without_folder))
            if has_no_ending:
                likenesses.append((_seen, _without_folder_and_ending))
        for of_name, of_file in likenesses:
            index = self._index(of_file)
            found = sorted({file for key in of_name(name) for file in index.get(key, ())})
            if len(found) == 1:
                return found[0]
            if found:
                raise NotThereError(found[:MAX_OFFERED])
        raise NotThereError(self._alike(name))

    def _index(self, keys: _Keys) -> Mapping[str, list[str]]:
        if keys not in self._indexes:
            index: defaultdict[str, list[str]] = defaultdict(list)
            for name in self.names:
                for key in set(keys(name)):
                    index[key].append(name)
            self._indexes[keys] = index
        return self._indexes[keys]

    def _alike(self, name: str) -> Iterable[str]:
        """Give files of another ending, else the one whose name is nearest."""
        others = {file for key in _without_ending(name) for file in self._index(_without_ending).get(key, ())}
        if others:
            return sorted(others)[:MAX_OFFERED]
        self._searches += 1
        if self._searches > MAX_ALIKE_SEARCHES or len(self.names) > MAX_ALIKE_NAMES or len(name) > 120:
            return ()
        (seen,) = _seen(name)
        by_key = {key: film for film in self.names for key in _seen(film)}
        return [by_key[key] for key in difflib.get_close_matches(seen, by_key, 1, 0.8)]


class FilmsBelow:
    """The films that the rows of a table on disk name: below the table's folder, and through no link.

    Attributes:
        matched: how many names were matched to a file of another spelling.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.matched = 0
        self._others: tuple[Mapping[str, File], Matcher] | None = None

    def find(self, raw: str) -> File:
        """Give the film that a cell names.

        Raises:
            DataError: as `find_below`; begins after "left out: ".
        """
        name = relative_name(raw)
        try:
            return File(name, find_below(self.folder, name), partial(read_path, self.folder / name))
        except DataError as refusal:
            if str(refusal) != MISSING:
                raise
        films, matcher = self._listed()
        file = films[matcher.find(name)]
        self.matched += 1
        return file

    def _listed(self) -> tuple[Mapping[str, File], Matcher]:
        # Only where a name is missing: the folder may hold far more than the table names.
        if self._others is None:
            try:
                films = list_folder(self.folder).films
            except DataError:
                films = {}
            self._others = films, Matcher(films)
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
            self._matcher = self._matcher or Matcher(
                film.removeprefix(self._folder) for film in self._films if film.startswith(self._folder)
            )
            name = self._folder + self._matcher.find(name.removeprefix(self._folder))
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


def _composed(name: str) -> Iterator[str]:
    yield unicodedata.normalize("NFC", name)


def _seen(name: str) -> Iterator[str]:
    yield " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())


def _in_a_code_page(name: str) -> Iterator[str]:
    yield from _seen(name)
    if not name.isascii():
        for read, written in _MISTAKEN:
            try:
                yield from _seen(name.encode(read).decode(written))
            except UnicodeError:
                continue


def _without_ending(name: str) -> Iterator[str]:
    yield from _seen(posixpath.splitext(name)[0] if suffix_of(name) else name)


def _without_folder(name: str) -> Iterator[str]:
    yield from _seen(posixpath.basename(name))


def _without_folder_and_ending(name: str) -> Iterator[str]:
    yield from _without_ending(posixpath.basename(name))
