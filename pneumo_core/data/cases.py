"""Labelled X-rays on disk, grouped and split by patient.

The layout is that of the Kaggle data set `chest-xray-pneumonia`
(Kermany et al., Cell 172:1122, 2018)::

    DATA/train/NORMAL/IM-0115-0001.jpeg
    DATA/train/PNEUMONIA/person123_bacteria_456.jpeg
    DATA/val/...   DATA/test/...

or NORMAL and PNEUMONIA alone, which are then all `train`; or either of these at any depth. Folders may be called in any
way that `names` understands, in any case: Normal, Viral Pneumonia, BACTERIA, Validation.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from pneumo_core.data.listing import head_of
from pneumo_core.data.names import (
    check_film_name,
    class_of_words,
    is_hidden,
    is_silent,
    kind_by_folders,
    split_of_words,
)
from pneumo_core.errors import DataError
from pneumo_core.film import FILE_KINDS
from pneumo_core.wording import counted

TABLE_FILE = "labels.csv"
SPLITS = ("train", "val", "test")
CLASS_FOLDERS = {"NORMAL": False, "PNEUMONIA": True}
# A refusal names so many folders at most.
MAX_SHOWN = 5
CLASS_NAMES = {has_pneumonia: name for name, has_pneumonia in CLASS_FOLDERS.items()}

# The names of the Kaggle copy.
_PERSON_NAME = re.compile(r"(?<![A-Z0-9])(?P<patient>PERSON\d+)_(?P<kind>BACTERIA|VIRUS)_", re.IGNORECASE)
_IM_NAME = re.compile(r"(?<![A-Z0-9])(?P<patient>(?:NORMAL\d*-)?IM-\d+)-\d+", re.IGNORECASE)
# Those of the archive at Mendeley Data (doi:10.17632/rscbjbr9sj): disease, patient, number of the patient's image.
_ARCHIVE_NAME = re.compile(r"(?<![A-Z0-9])(?P<kind>BACTERIA|VIRUS|NORMAL)-(?P<patient>\d+)-\d+", re.IGNORECASE)
# Those of NIH ChestX-ray14 (Wang et al. 2017), whose patients are 1 to 30,805: patient, follow-up.
_NIH_NAME = re.compile(r"(?<![A-Z0-9])(?P<patient>000[0-3]\d{4})_(?P<number>\d{3})(?!\d)", re.IGNORECASE)


Group = Literal["finding", "other", "normal"]
GROUPS: tuple[Group, ...] = ("finding", "other", "normal")
ViewOf = Literal["", "whole", "lungs_only"]


@dataclass(frozen=True, slots=True)
class Told:
    """The facts that a table tells of an X-ray beside its file.

    Attributes:
        group: the class: the finding, another abnormality, or neither; None where the label is not known.
        label: as the table writes it, in small letters with single spaces.
        age_years: None where it is not known.
        sex: "F", "M", or "" where it is not known.
        view: "AP", "PA", "lateral", or "" where it is not known.
        source: where the X-ray is from, as the table writes it, else the name of the table's folder.
        view_of: the whole chest, or the lungs alone with all around them blanked; "" where it is not told.
        weight: how much the X-ray counts in training.
        soft_label: shares of the three groups, which sum to 1; None where the label is taken as certain.
    """

    group: Group | None
    label: str = ""
    age_years: float | None = None
    sex: Literal["", "F", "M"] = ""
    view: Literal["", "AP", "PA", "lateral"] = ""
    source: str = ""
    view_of: ViewOf = ""
    weight: float = 1.0
    soft_label: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled film.

    `name` is the path below the data folder, with forward slashes: the film's identity.
    `views` are the files that show this film: the one in the main data folder, then one of each
    further copy (another resampling, another compression).
    `patient` is the film's own name where nothing tells it.
    `kind` is "normal", "bacteria", "virus", or "pneumonia" where the file name does not tell.
    `told` is what a table tells of it, where a table gives the label; `has_pneumonia` then says whether it has the
    finding.
    """

    name: str
    views: tuple[Path, ...]
    has_pneumonia: bool
    patient: str
    kind: str
    split: str
    told: Told | None = None


def find_cases(folder: Path, copies: Sequence[Path] = ()) -> tuple[Case, ...]:
    """List the films of a folder in the Kaggle layout, by split, class and name.

    A link is not followed, and is no film; `links_in` names them.

    Args:
        folder: holds `train`, `val`, `test` (any of them), each with `NORMAL` and `PNEUMONIA` at any depth. Where these
            hold no film: class folders at any depth, in a split where a folder above them tells one, else in `train`.
        copies: further folders that hold the same films under the same names.

    Raises:
        DataError: the folder does not exist or holds no film in this layout, or a copy is not whole.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder} is not a folder. Expected is a folder that holds train, val and test, each with "
            "NORMAL and PNEUMONIA. Please check the path."
        )
    tops = _split_folders(folder)
    if linked := [top.name for _, top in tops if top.is_symlink()]:
        raise DataError(
            f"{linked[0]} in {folder} is a link, and links are not followed. Please put the folder itself there."
        )
    cases = [case for _, top in tops for case in _cases_of(folder, top, copies)]
    cases = cases or _cases_of(folder, folder, copies)
    if not cases:
        unknown = unknown_folders(folder)
        found = f"Found: {', '.join(unknown[:MAX_SHOWN])}{' and others' if len(unknown) > MAX_SHOWN else ''}. "
        raise DataError(
            f"No X-ray was found in {folder}. Expected are {FILE_KINDS} files in train/NORMAL, "
            "train/PNEUMONIA, and the same in val and test; or in NORMAL and PNEUMONIA alone. "
            f"{found if unknown else ''}Please check the folder's layout."
        )
    cases.sort(key=lambda case: (SPLITS.index(case.split), case.has_pneumonia, case.name))
    check_copies(cases, copies)
    return tuple(cases)


def table_of(folder: Path) -> Path | None:
    """Give the table of a folder's X-rays for training; None where there is none.

    That is a CSV that is named itself, `labels.csv` at the folder's top, or a CSV of the folder's name beside it.
    """
    beside = folder.with_name(f"{folder.name}.csv")
    tables = (folder if folder.suffix.lower() == ".csv" else folder / TABLE_FILE, beside)
    return next((table for table in tables if table.is_file() and not is_hidden(table.name)), None)


def find_data_folders(root: Path, depth: int = 3) -> list[Path]:
    """List the folders that can be trained on, the root itself or so far below it, in the order of their names.

    These are in the layout of `find_cases`, or hold a table of their X-rays.

    Links are not followed, as they may lead out of the root.
    """
    tops = [root, *(top for _, top in _split_folders(root) if not top.is_symlink())]
    if table_of(root) or any(class_of_words(path.name) for top in tops for path in _folders_in(top)):
        return [root]
    if not depth:
        return []
    inside = (path for path in _folders_in(root) if not path.is_symlink())
    return [found for path in inside for found in find_data_folders(path, depth - 1)]


def unknown_folders(folder: Path) -> tuple[str, ...]:
    """Name the folders in the layout of `find_cases` that mean no class and hold films, the highest of each."""
    tops = [top for _, top in _split_folders(folder)]
    films = [path.relative_to(folder) for top in tops for path in _films_below(top)]
    if not any(_meanings(path) for path in films):
        films = [path.relative_to(folder) for path in _films_below(folder)]
    known = {above for path in films if _meanings(path) for above in path.parents}
    found = (
        next((above for above in reversed(path.parents) if above not in known and above != Path()), None)
        for path in films
        if not _meanings(path)
    )
    return tuple(dict.fromkeys(above.as_posix() for above in found if above is not None))


def links_in(folder: Path) -> tuple[str, ...]:
    """Name the links below a folder, which are not followed; not those that are hidden or made by the system."""
    found = []
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_hidden(name)]
        found += [path for name in (*folders, *files) if (path := Path(top, name)).is_symlink()]
    names = (path.relative_to(folder).as_posix() for path in found)
    return tuple(sorted(name for name in names if not is_silent(name)))


def check_copies(cases: Sequence[Case], copies: Sequence[Path]) -> None:
    """Refuse a copy that does not hold all films.

    Raises:
        DataError: it lacks one.
    """
    for copy in copies:
        missing = [case.name for case in cases if not (copy / case.name).is_file()]
        if missing:
            raise DataError(
                f"The copy {copy} lacks {len(missing)} of {len(cases)} X-rays, the first of them {missing[0]}. "
                "Expected are the same X-rays under the same names. Please complete it, or leave it out."
            )


def split_by_patient(cases: Iterable[Case], share: float, seed: int) -> tuple[tuple[Case, ...], tuple[Case, ...]]:
    """Split films into a training and a validation part, whole patients together.

    Within each class the patients are ordered by a hash of the seed and their name. The first `share` of them (at
    least one, and never all) is set aside. So the same patient falls on the same side in every copy of the data set,
    in whatever order its files are found.

    Args:
        share: of the patients for validation, in (0, 1).

    Raises:
        DataError: a class has fewer than two patients, so that it cannot be on both sides.
    """
    cases = tuple(cases)
    with_pneumonia = {case.patient for case in cases if case.has_pneumonia}
    without = {case.patient for case in cases} - with_pneumonia
    set_aside: set[str] = set()
    for class_folder, patients in (("NORMAL", without), ("PNEUMONIA", with_pneumonia)):
        if len(patients) < 2:
            raise DataError(
                f"{counted(len(patients), 'patient')} found in {class_folder}. Expected are at least two, one to "
                "train on and one to validate on. Please add X-rays of this class."
            )
        ordered = sorted(patients, key=lambda patient: hashlib.sha256(f"{seed}:{patient}".encode()).digest())
        set_aside.update(ordered[: min(len(ordered) - 1, max(1, round(share * len(ordered))))])
    training = tuple(case for case in cases if case.patient not in set_aside)
    validation = tuple(case for case in cases if case.patient in set_aside)
    return training, validation


def patient_and_kind(file_name: str, has_pneumonia: bool | None) -> tuple[str | None, str]:
    """Give what a file name of a known data set tells: patient (None if nothing) and kind, as in `Case`.

    The names are those of Kermany et al. 2018 (Kaggle's copy and the archive at Mendeley Data) and of NIH ChestX-ray14,
    in any case, whatever stands before or behind them ("Copy of ...", "... - Copy"). Without a label the kind is "".
    """
    archive = _ARCHIVE_NAME.search(file_name)
    person = _PERSON_NAME.search(file_name)
    if person is not None:
        patient = person["patient"].lower()
    elif image := _IM_NAME.search(file_name):
        patient = image["patient"].upper()
    else:
        numbered = archive or _NIH_NAME.search(file_name)
        patient = numbered["patient"] if numbered else None
    named = person or archive
    kind = named["kind"].lower() if named else "normal"
    if has_pneumonia:
        return patient, kind if kind != "normal" else "pneumonia"
    return patient, "" if has_pneumonia is None else "normal"


def follow_up(file_name: str) -> int | None:
    """Give the number in the patient's series that a file name of NIH ChestX-ray14 tells, from 0."""
    found = _NIH_NAME.search(file_name)
    return int(found["number"]) if found else None


def manifest_sha256(cases: Iterable[Case], sha256s: Iterable[Sequence[str]]) -> str:
    """Hash what a model was trained on: name, label and content of every file of every film.

    Args:
        sha256s: of each film, the SHA-256 of each of its files, in hexadecimal.
    """
    digest = hashlib.sha256()
    for case, contents in sorted(zip(cases, sha256s, strict=True), key=lambda pair: pair[0].name):
        digest.update(f"{case.name} {int(case.has_pneumonia)} {' '.join(contents)}\n".encode())
    return digest.hexdigest()


def _folders_in(folder: Path) -> list[Path]:
    """Give the folders in a folder in order, and links to some; not those that are hidden or made by the system."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name))
    except OSError:
        return []


def _split_folders(folder: Path) -> list[tuple[str, Path]]:
    return [(split, path) for path in _folders_in(folder) if (split := split_of_words(path.name))]


def _cases_of(folder: Path, top: Path, copies: Sequence[Path]) -> list[Case]:
    found = []
    for path in _films_below(top):
        name = path.relative_to(folder)
        meant = _meanings(name)
        # A film under both classes has no label.
        if len(meant) == 1:
            found.append(_case(folder, path, _split_of(name), meant.pop(), copies))
    return found


def _meanings(name: Path) -> set[bool]:
    """Give the labels that the folders of a film tell."""
    return {meaning.has_pneumonia for part in name.parts[:-1] if (meaning := class_of_words(part))}


def _split_of(name: Path) -> str:
    """Give the split that a folder above the class folder tells, else `train`."""
    for part in name.parts[:-1]:
        if class_of_words(part):
            break
        if split := split_of_words(part):
            return split
    return "train"


def _films_below(folder: Path) -> Iterator[Path]:
    """Give the films below a folder in order; links are not followed."""
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield from (path for name in sorted(files) if _is_film(path := Path(top, name)))


def _is_film(path: Path) -> bool:
    if is_silent(path.name) or path.is_symlink() or not path.is_file():
        return False
    try:
        check_film_name(path.name, partial(head_of, path))
    except DataError:
        return False
    return True


def _case(folder: Path, path: Path, split: str, has_pneumonia: bool, copies: Sequence[Path]) -> Case:
    name = path.relative_to(folder).as_posix()
    patient, kind = patient_and_kind(path.name, has_pneumonia)
    views = (path, *(copy / name for copy in copies))
    return Case(name, views, has_pneumonia, patient or name, kind_by_folders(name, kind), split)
