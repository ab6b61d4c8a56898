"""Names that others wrote: paths in one form, what is a film by its name or its start, and what a folder's name means.

A folder means a class or a split by its words, in any case: `Normal`, `1_PNEUMONIA`, `Viral Pneumonia`, `Validation`.
"""

import posixpath
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from pneumo_core.errors import DataError
from pneumo_core.film import FILE_KINDS

# Stands for the film's name in a refusal that is kept or shown: names can be those of patients, or carry the answer.
UNNAMED_FILM = "The image"
# Without an ending too: so DICOM files are often called.
FILM_SUFFIXES = frozenset(
    {"", ".jpeg", ".jpg", ".jpe", ".jfif", ".jif", ".png", ".dcm", ".dicom", ".dic", ".tif", ".tiff", ".bmp", ".dib"}
)
TABLE_SUFFIXES = {".csv", ".tsv", ".tab"}
# A spreadsheet's "Unicode Text" has this ending; most texts are no table.
TEXT_SUFFIX = ".txt"
WORKBOOKS = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".xltx"), "an Excel workbook"),
    **dict.fromkeys((".ods", ".fods"), "a LibreOffice workbook"),
    ".numbers": "a Numbers workbook",
}
# So many bytes from the start of a file tell whether it is a film.
HEAD_BYTES = 132
# The last two are BigTIFF.
_PICTURE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ARCHIVE_SUFFIXES = {".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz", ".zst"}
_SILENT_ENDS = (TEXT_SUFFIX, ".md")
_SILENT_NAMES = {"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "dicomdir", "readme", "icon"}
# Made by systems and network drives: macOS, Windows, Linux, Synology, QNAP.
_SYSTEM_FOLDERS = {
    "__macosx",
    "network trash folder",
    "temporary items",
    "$recycle.bin",
    "recycler",
    "system volume information",
    "lost+found",
    "@eadir",
    "@tmp",
    "@sharebin",
    "#recycle",
    "#snapshot",
    "@recycle",
    "@recently-snapshot",
}
# http://..., file:..., C:...
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_EXPECTED_PATH = "Expected is a path below the top, such as train/NORMAL/x.png. Please correct it."

_WORD = re.compile(r"[^\W\d_]+")
_PNEUMONIA = {"pneumonia", "pneumonie", "neumonia", "neumonía", "polmonite", "pneumonias", "positive"}
_BACTERIA, _VIRUS = {"bacteria", "bacterial", "bacterium"}, {"virus", "viral"}
_NORMAL = [{"normal"}, {"negative"}, {"healthy"}, {"no", "pneumonia"}, {"non", "pneumonia"}, {"no", "finding"}]
_NORMAL += [{"no", "findings"}, {"not", "pneumonia"}, {"without", "pneumonia"}]
_NORMAL += [{"normals"}, {"gesund"}, {"gesunde"}, {"kein", "befund"}, {"keine", "pneumonie"}, {"sano"}, {"sain"}]
_SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


class Meaning(NamedTuple):
    """A class told by words: the label, and "normal", "bacteria", "virus" or "pneumonia" as in `Case.kind`."""

    has_pneumonia: bool
    kind: str


@lru_cache(4096)
def class_of_words(text: str) -> Meaning | None:
    """Give the class that a folder's name or a label means by its words; None where it means none."""
    words = _words(text)
    if words in _NORMAL:
        return Meaning(False, "normal")
    if not words or words - _PNEUMONIA - _BACTERIA - _VIRUS:
        return None
    kinds = [kind for kind, known in (("bacteria", _BACTERIA), ("virus", _VIRUS)) if words & known]
    return Meaning(True, kinds[0] if len(kinds) == 1 else "pneumonia")


@lru_cache(4096)
def split_of_words(text: str) -> str | None:
    """Give "train", "val" or "test" where a folder's name or a cell means it; else None."""
    words = _words(text) - {"set", "data", "split"}
    return _SPLIT_WORDS.get(next(iter(words))) if len(words) == 1 else None


def kind_by_folders(name: str, kind: str) -> str:
    """Give the kind of a film with pneumonia by the folders of its path, where its file's name does not tell it."""
    if kind != "pneumonia":
        return kind
    told = {meaning.kind for folder in name.split("/")[:-1] if (meaning := class_of_words(folder))} - {"pneumonia"}
    return told.pop() if len(told) == 1 else kind


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


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


def check_film_name(name: str, head: Callable[[], bytes] = bytes) -> None:
    """Refuse what is no film by its suffix or its start; the text begins after "left out: ".

    Args:
        head: gives `HEAD_BYTES` from the file's start; asked only where the name tells nothing.
    """
    suffix = suffix_of(name)
    if suffix in WORKBOOKS:
        raise DataError(f"it is {WORKBOOKS[suffix]}, which is not read. Please save its sheet as CSV.")
    if suffix in _ARCHIVE_SUFFIXES:
        raise DataError("it is an archive, and archives in here are not opened. Please unpack it, or choose it alone.")
    if suffix not in FILM_SUFFIXES and not starts_as_film(head()):
        raise DataError(f"it is no X-ray by its name. Expected are {FILE_KINDS} files. Please take it out.")


def starts_as_film(head: bytes) -> bool:
    """True where a file starts as one of `FILE_KINDS` does."""
    is_bitmap = head.startswith(b"BM") and head[6:10] == bytes(4)
    return head.startswith(_PICTURE_STARTS) or head[128:132] == b"DICM" or is_bitmap


def is_film_name(name: str, head: Callable[[], bytes] = bytes) -> bool:
    """True for a path that is a film's: not hidden, not made by the system, of a film's suffix or start.

    Args:
        head: as in `check_film_name`.
    """
    return not is_silent(name) and (suffix_of(name) in FILM_SUFFIXES or starts_as_film(head()))


def is_hidden(part: str) -> bool:
    """True for a file or folder that is hidden, or made by the system."""
    return part.startswith((".", "~$")) or part.lower() in _SYSTEM_FOLDERS


def is_silent(name: str) -> bool:
    """Tell what lies in many folders and is no film: hidden, made by the system, or a text."""
    *folders, last = name.split("/")
    is_known = last.lower() in _SILENT_NAMES or last.lower().endswith(_SILENT_ENDS)
    return is_known or any(map(is_hidden, [*folders, last]))


def may_be_table(name: str) -> bool:
    """True for a text that is passed over in silence unless it is a table."""
    return suffix_of(name) == TEXT_SUFFIX and not any(map(is_hidden, name.split("/")))
