"""Which film is for what: a split of labelled films as a table, so that no file has to be moved.

The table is a CSV of `file,label,patient,split`: the path below the data folder with forward slashes, NORMAL or
PNEUMONIA or the label of a training table, whatever names the patient, and train, val or test. Of several folders each
path begins with the folder's name. A patient is on one side only.
"""

import csv
import dataclasses
import io
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pneumo_core.data.cases import (
    CLASS_NAMES,
    SPLITS,
    Case,
    check_copies,
    patient_and_kind,
    split_by_patient,
)
from pneumo_core.data.counts import (
    count_patients,
    is_rounded,
    joined_patients,
    of_patients,
    patient_key,
    untold_patients,
)
from pneumo_core.data.labels import read_label
from pneumo_core.data.listing import head_of, is_linked
from pneumo_core.data.names import check_film_name, kind_by_folders, relative_name, split_of_words
from pneumo_core.data.table import CODE, MAX_TABLE_BYTES, TableRow, read_table
from pneumo_core.errors import DataError
from pneumo_core.files import plain_cell, write_whole
from pneumo_core.wording import counted

MANIFEST_COLUMNS = ("file", "label", "patient", "split")
VALIDATION_SHARE, SEED = 0.15, 7
MAX_MANIFEST_BYTES = MAX_TABLE_BYTES
PATIENT_IN_TEST = "an X-ray of a patient of the same name is in the test split"
TWIN_IN_TEST = "an X-ray that looks the same as one of its patient is in the test split"

_EXPECTED = (
    f"Expected are the columns {','.join(MANIFEST_COLUMNS)} and one X-ray in each row. Please make the split again."
)


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One film: its path below the data folder, its label, its patient, and "train", "val" or "test".

    `label` is that of a table; "" where folders tell it.
    """

    file: str
    has_pneumonia: bool
    patient: str
    split: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A film that is on no side, and why, as the end of a sentence."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A split; rows and films left out are in the order of their names, whatever order they were found in."""

    rows: tuple[ManifestRow, ...]
    left_out: tuple[LeftOut, ...]

    def in_words(self) -> tuple[str, ...]:
        """Say what is on each side and what was left out, a line each."""
        lines = []
        finding = "the finding" if any(row.label for row in self.rows) else "pneumonia"
        for split in SPLITS:
            rows = [row for row in self.rows if row.split == split]
            if rows:
                sick = sum(row.has_pneumonia for row in rows)
                patients = of_patients(count_patients((row.patient, row.file) for row in rows))
                lines.append(f"{split}: {len(rows)} X-rays {patients}, {sick} X-rays with {finding}")
        for reason, count in Counter(film.reason for film in self.left_out).most_common():
            lines.append(f"left out: {counted(count, 'X-ray')}, because {reason}")
        if untold := untold_patients(row.patient != row.file for row in self.rows):
            lines.append(untold)
        return tuple(lines)


def make_manifest(
    cases: Iterable[Case],
    left_out: Mapping[str, str] | None = None,
    same_looks: Iterable[Sequence[str]] = (),
    validation_share: float = VALIDATION_SHARE,
    test_share: float | None = None,
    seed: int = SEED,
    test_names_are_others: bool = False,
) -> Manifest:
    """Split films by patient, stratified by class as `split_by_patient` does.

    Patients who share a film, or films that look the same, count as one. As the test split that was given is kept as
    it is, films of its patients that lie elsewhere are left out.

    Args:
        left_out: name and reason of films that are to be on no side.
        same_looks: names of films that look the same, a group each.
        validation_share: of the patients, in (0, 1); of those outside the test split where that is kept.
        test_share: of the patients; None keeps the test split that was given, if there is one.
        seed: another one puts other patients on each side.
        test_names_are_others: the names of the test split that was given number other people than those of train and
            val, so that the same name on both sides means nothing; told in the table by "test/" before the name.

    Raises:
        DataError: a class has too few patients; the shares leave nothing to train on.
    """
    if not 0 < validation_share < 1 or not 0 <= (test_share or 0) < 1 or validation_share + (test_share or 0) >= 1:
        raise DataError(
            f"A share of {validation_share} to validate and {test_share or 0} to test leave nothing to train on. "
            "Expected are shares between 0 and 1 that add up to less than 1. Please choose smaller ones."
        )
    dropped = dict(left_out or {})
    films = sorted(cases, key=lambda case: case.name)
    kept_test = test_share is None
    if kept_test and test_names_are_others:
        elsewhere = {film.patient for film in films if film.split != "test"}
        films = [
            dataclasses.replace(film, patient=f"test/{film.patient}")
            if film.split == "test" and film.patient in elsewhere
            else film
            for film in films
        ]
    patients = {film.name: film.patient for film in films}
    # Films that are left out join patients, too: a copy under another name tells that both are one.
    joined = joined_patients(patients, same_looks)
    grouped = [dataclasses.replace(film, patient=joined[film.patient]) for film in films if film.name not in dropped]
    sides: dict[str, tuple[Case, ...]] = {}
    if test_share:
        grouped_left, sides["test"] = split_by_patient(grouped, test_share, seed)
        sides["train"], sides["val"] = split_by_patient(grouped_left, validation_share / (1 - test_share), seed)
    else:
        sides["test"] = tuple(film for film in grouped if kept_test and film.split == "test")
        tested = {film.patient for film in sides["test"]}
        tested_names = {patients[film.name] for film in sides["test"]}
        for film in grouped:
            if film.patient in tested and film.split != "test":
                dropped[film.name] = PATIENT_IN_TEST if patients[film.name] in tested_names else TWIN_IN_TEST
        others = [film for film in grouped if film.patient not in tested]
        sides["train"], sides["val"] = split_by_patient(others, validation_share, seed)
    rows = [
        ManifestRow(film.name, film.has_pneumonia, patients[film.name], split, film.told.label if film.told else "")
        for split, side in sides.items()
        for film in side
    ]
    return Manifest(
        tuple(sorted(rows, key=lambda row: row.file)),
        tuple(LeftOut(file, reason) for file, reason in sorted(dropped.items())),
    )


def manifest_csv(manifest: Manifest) -> bytes:
    """Give a split as CSV; no cell of it runs in a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(MANIFEST_COLUMNS)
    for row in manifest.rows:
        cells = (row.file, row.label or CLASS_NAMES[row.has_pneumonia], row.patient, row.split)
        writer.writerow([plain_cell(cell) for cell in cells])
    return file.getvalue().encode()


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write a split as CSV."""
    write_whole(path, manifest_csv(manifest))


def read_manifest(path: Path, folder: Path, copies: Sequence[Path] = ()) -> tuple[Case, ...]:
    """Give the films that a split names, as `cases_of_manifest` does.

    Raises:
        DataError: the file cannot be opened, or as there.
    """
    return cases_of_manifest(manifest_content(path), path.name, folder, copies)


def manifest_content(path: Path) -> bytes:
    """Read the file of a split, or so much of it that it is too large.

    Raises:
        DataError: it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be opened. Expected is a split as CSV. Please check the path.") from error


def cases_of_manifest(content: bytes, table: str, folder: Path, copies: Sequence[Path] = ()) -> tuple[Case, ...]:
    """Give the films that a split names, each with the side that it names, in the order of `find_cases`.

    Args:
        content: a CSV as `manifest_csv` gives it, or as a spreadsheet saved it again (semicolons, tabs).
        table: the table's name, for refusals.
        folder: the data folder that the files lie in.
        copies: further folders that hold the same films under the same names.

    Raises:
        DataError: the table is damaged or empty; a file is missing, named twice, or lies outside; a label or split is
            unknown; a patient is on two sides; train or val lacks a class; a copy is not whole.
    """
    cases: dict[str, Case] = {}
    missing: list[str] = []
    for row in _rows(content, table):
        case = _case(f"{table}, row {row.number}", row, folder, copies)
        if cases.setdefault(case.name, case) is not case:
            raise DataError(f"{table}, row {row.number}: {case.name} is named twice. Please leave one of the rows out.")
        # Not Path.is_file, which some versions of Python let fail on names that are too long.
        if not os.path.isfile(case.views[0]):  # noqa: PTH113
            missing.append(case.name)
    if missing:
        raise DataError(
            f"{len(missing)} of the {len(cases)} X-rays that {table} names are not in {folder.name}, the first of "
            f"them {missing[0]}. Expected is the folder that the split was made of. Please name it, or make the "
            "split again."
        )
    _check_sides(table, list(cases.values()))
    found = sorted(cases.values(), key=lambda case: (SPLITS.index(case.split), case.has_pneumonia, case.name))
    check_copies(found, copies)
    return tuple(found)


def split_as_named(content: bytes, table: str, cases: Iterable[Case]) -> tuple[Case, ...]:
    """Give those of listed films that a split names, each with the side that it names, in the order of `find_cases`.

    Labels and patients are those of the listing: a table says more of a film than a split does.

    Args:
        content, table: as of `cases_of_manifest`.
        cases: as `find_xrays` gives them.

    Raises:
        DataError: as `cases_of_manifest`; or a film that is named is none of the listing.
    """
    listed = {case.name: case for case in cases}
    chosen: dict[str, Case] = {}
    missing: list[str] = []
    for row in _rows(content, table):
        name, side = row.cell("file"), split_of_words(row.cell("split"))
        if side is None:
            raise DataError(
                f"{table}, row {row.number}: the split is '{row.cell('split')[:40]}'. Expected is "
                f"{' or '.join(SPLITS)}. Please correct it."
            )
        if name in chosen:
            raise DataError(f"{table}, row {row.number}: {name} is named twice. Please leave one of the rows out.")
        if name in listed:
            chosen[name] = dataclasses.replace(listed[name], split=side)
        else:
            missing.append(name)
    if missing:
        raise DataError(
            f"{len(missing)} of the X-rays that {table} names have no label or are not there, the first of them "
            f"{missing[0][:80]}. Expected are the folders that the split was made of. Please make the split again."
        )
    _check_sides(table, list(chosen.values()))
    return tuple(sorted(chosen.values(), key=lambda case: (SPLITS.index(case.split), case.has_pneumonia, case.name)))


def _rows(content: bytes, table: str) -> list[TableRow]:
    """Read the rows of the table under its header."""
    rows = list(read_table(content, table, MANIFEST_COLUMNS, max_bytes=MAX_MANIFEST_BYTES))
    for row in rows:
        if row.is_ragged:
            found = f"{table}, row {row.number} has {len(row.cells)} cells, not {row.width}."
            raise DataError(f"{found} {_EXPECTED}", code=CODE)
    if not rows:
        raise DataError(f"{table} names no X-ray. {_EXPECTED}", code=CODE)
    return rows


def _case(row: str, cells: TableRow, folder: Path, copies: Sequence[Path]) -> Case:
    try:
        name = relative_name(cells.cell("file"))
        if not is_linked(folder, name):
            check_film_name(name, partial(head_of, folder / name))
    except DataError as refusal:
        raise DataError(f"{row}: {refusal}") from refusal
    label, split = cells.cell("label"), cells.cell("split")
    meant = read_label(label)
    if meant is None or meant.has_pneumonia is None:
        expected = "Expected is NORMAL or PNEUMONIA, or another word for one of them. Please correct it."
        raise DataError(f"{row}: the label is '{label[:40]}'. {expected}")
    side = split_of_words(split)
    if side is None:
        expected = f"Expected is {' or '.join(SPLITS)}. Please correct it."
        raise DataError(f"{row}: the split is '{split[:40]}'. {expected}")
    if is_linked(folder, name):
        raise DataError(f"{row}: {name} is a link, and links are not followed. Please put the file itself there.")
    told, kind = patient_and_kind(Path(name).name, meant.has_pneumonia)
    given = cells.cell("patient")
    patient = told or name if is_rounded(given) else given or told or name
    views = (folder / name, *(copy / name for copy in copies))
    return Case(name, views, meant.has_pneumonia, patient, kind_by_folders(name, kind), side)


def _key(case: Case) -> str:
    return case.name if case.patient == case.name else patient_key(case.patient)


def _check_sides(name: str, cases: Sequence[Case]) -> None:
    sides: defaultdict[str, set[str]] = defaultdict(set)
    for case in cases:
        sides[_key(case)].add(case.split)
    torn = sorted((case for case in cases if len(sides[_key(case)]) > 1), key=lambda case: case.patient)
    if torn:
        where = " and ".join(split for split in SPLITS if split in sides[_key(torn[0])])
        raise DataError(
            f"{name} has X-rays of {len({_key(case) for case in torn})} patients on more than one side, the first of "
            f"them {torn[0].patient} in {where}. Expected is each patient on one side. Please make the split again."
        )
    for split in ("train", "val"):
        classes = {case.has_pneumonia for case in cases if case.split == split}
        if len(classes) < 2:
            found = f"{CLASS_NAMES[classes.pop()]} only" if classes else "no X-ray"
            raise DataError(
                f"{name} has {found} in {split}. Expected are both classes in train and in val. Please make the split "
                "again."
            )
