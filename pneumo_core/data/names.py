"""Paths that others wrote, brought into one form, and whether a file is a film by its name."""

import posixpath
import re
import unicodedata

from pneumo_core.data.cases import FILM_SUFFIXES
from pneumo_core.errors import DataError

_SUFFIXES = FILM_SUFFIXES | {"", ".dicom"}
TABLE_SUFFIXES = {".csv", ".tsv"}
_ARCHIVE_SUFFIXES = {".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz", ".zst"}
_SILENT_ENDS = (".txt", ".md")
_SILENT_NAMES = {"thumbs.db", "desktop.ini", "dicomdir", "readme"}
# http://..., file:..., C:...
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_EXPECTED_PATH = "Expected is a path below the top, such as train/NORMAL/x.png. Please correct it."


def relative_name(raw: str) -> str:
    """Bring a path that others wrote into one form, or refuse it where it may point outside."""
    name = printable(raw).replace("\\", "/")
    given, name = name, posixpath.normpath(name)
    # Behind "./" too, a drive letter leads to its drive.
    if _ADDRESS.match(given) or _ADDRESS.match(name):
        raise DataError(f"it begins with a drive letter or as a web address. {_EXPECTED_PATH}")
    if name.startswith("/"):
        raise DataError(f"its path is absolute. {_EXPECTED_PATH}")
    if name.split("/")[0] == "..":
        raise DataError(f"its path leads out of the folder. {_EXPECTED_PATH}")
    if name == ".":
        raise DataError(f"it names no file. {_EXPECTED_PATH}")
    return name


def folder_of(name: str) -> str:
    """Give the folder part of a path, with its last slash; "" at the top."""
    return name[: name.rfind("/") + 1]


def printable(text: str) -> str:
    """Remove control characters, which could forge lines or turn a name around on a screen."""
    if text.isprintable():
        return text
    # Zs: spaces of all kinds, which macOS puts into names.
    return "".join(letter for letter in text if letter.isprintable() or unicodedata.category(letter) == "Zs")


def as_shown(name: str) -> str:
    """Bring a name or a cell that others wrote into a sentence: printable, and 120 letters at most."""
    name = printable(name)
    return name if len(name) <= 120 else f"{name[:119]}…"


def suffix_of(name: str) -> str:
    """Give the suffix of a path in small letters, with its dot; "" without one."""
    suffix = posixpath.splitext(name)[1].lower()
    # 1.2.840.113619.2.5: a DICOM file called by its UID has no suffix.
    return "" if suffix[1:].isdigit() else suffix


def check_film_name(name: str) -> None:
    """Refuse what is no film by its suffix; the text begins after "left out: "."""
    suffix = suffix_of(name)
    if suffix in _ARCHIVE_SUFFIXES:
        raise DataError("it is an archive, and archives in here are not opened. Please unpack it, or choose it alone.")
    if suffix not in _SUFFIXES:
        raise DataError("it is no film by its name. Expected are JPEG, PNG and DICOM files. Please take it out.")


def is_film_name(name: str) -> bool:
    """True for a path that is a film's by its name: not hidden, not made by the system, of a film's suffix."""
    return not is_silent(name) and suffix_of(name) in _SUFFIXES


def is_hidden(part: str) -> bool:
    return part.startswith(".") or part == "__MACOSX"


def is_silent(name: str) -> bool:
    """Tell what lies in many folders and is no film: hidden, made by the system, or a text."""
    *folders, last = name.split("/")
    is_known = last.lower() in _SILENT_NAMES or last.lower().endswith(_SILENT_ENDS)
    return is_known or any(map(is_hidden, [*folders, last]))
