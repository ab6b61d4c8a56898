"""Files found by names that equal theirs to the eye, where exactly one fits.

Systems write one name in several ways: macOS takes "ü" apart into two letters (NFD), Windows does not tell capitals
apart, old zips and tables hold names in a code page that they do not tell, and people leave out endings and folders.
"""

import difflib
import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

# To look for alike names takes time: so many files at most, for so many missing ones.
MAX_ALIKE_NAMES, MAX_ALIKE_SEARCHES, MAX_OFFERED = 2_000, 20, 3
# A text that was read as the first although it was written as the second.
_MISTAKEN = (("cp437", "utf-8"), ("cp1252", "utf-8"), ("cp1252", "cp850"), ("cp1252", "mac_roman"), ("cp850", "cp1252"))


class Match(NamedTuple):
    """The one file that fits a name, or None; then files that may be meant."""

    name: str | None
    offered: tuple[str, ...] = ()


_Keys = Callable[[str], Iterable[str]]


class Matcher:
    """Finds among files the one whose name equals a given one to the eye."""

    def __init__(self, names: Iterable[str], endings: Collection[str]) -> None:
        """Take the files' names, and the endings that they may have: a name without one may lack it."""
        self.names = tuple(names)
        self._endings = endings
        self._searches = 0
        self._indexes: dict[_Keys, Mapping[str, list[str]]] = {}

    def find(self, name: str) -> Match:
        """Give the file that fits, at the closest likeness that any fits; else those that may be meant."""
        # The keys of the name, and those of the files.
        likenesses: list[tuple[_Keys, _Keys]] = [(keys, keys) for keys in (_composed, _seen, _in_a_code_page)]
        has_no_ending = posixpath.splitext(name)[1].lower() not in self._endings
        if has_no_ending:
            likenesses.append((_seen, _without_ending))
        if "/" not in name:
            likenesses.append((_seen, _without_folder))
            if has_no_ending:
                likenesses.append((_seen, _without_folder_and_ending))
        for of_name, of_file in likenesses:
            index = self._index(of_file)
            found = sorted({file for key in of_name(name) for file in index.get(key, ())})
            if found:
                return Match(found[0]) if len(found) == 1 else Match(None, tuple(found[:MAX_OFFERED]))
        return Match(None, self._alike(name))

    def _index(self, keys: _Keys) -> Mapping[str, list[str]]:
        if keys not in self._indexes:
            index: defaultdict[str, list[str]] = defaultdict(list)
            for name in self.names:
                for key in set(keys(name)):
                    index[key].append(name)
            self._indexes[keys] = index
        return self._indexes[keys]

    def _alike(self, name: str) -> tuple[str, ...]:
        """Give files of another ending, else the one whose name is nearest."""
        others = {file for key in _without_ending(name) for file in self._index(_without_ending).get(key, ())}
        if others:
            return tuple(sorted(others)[:MAX_OFFERED])
        self._searches += 1
        if self._searches > MAX_ALIKE_SEARCHES or len(self.names) > MAX_ALIKE_NAMES or len(name) > 120:
            return ()
        (seen,) = _seen(name)
        by_key = {key: film for film in self.names for key in _seen(film)}
        return tuple(by_key[key] for key in difflib.get_close_matches(seen, by_key, 1, 0.8))


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
    stem, ending = posixpath.splitext(name)
    # The last number of a UID is no ending.
    yield from _seen(name if ending[1:].isdigit() else stem)


def _without_folder(name: str) -> Iterator[str]:
    yield from _seen(posixpath.basename(name))


def _without_folder_and_ending(name: str) -> Iterator[str]:
    yield from _without_ending(posixpath.basename(name))
