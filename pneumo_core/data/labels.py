"""Which label a film has: by a table where there is one, else by folders called NORMAL and PNEUMONIA."""

import posixpath
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pneumo_core.data.cases import CLASS_FOLDERS
from pneumo_core.data.listing import MISSING, File, Listing, Problem, check_count, left_out
from pneumo_core.data.names import as_shown, folder_of, relative_name
from pneumo_core.data.table import MAX_TABLE_BYTES, read_table
from pneumo_core.errors import DataError, UnreadableImageError
from pneumo_core.wording import counted

LABELS: dict[str, bool | None] = {
    "": None,
    # 0.0 and 1.0: so pandas writes 0 and 1 where other labels are empty.
    **dict.fromkeys(("normal", "negative", "no", "false", "0", "0.0"), False),
    **dict.fromkeys(("pneumonia", "positive", "yes", "true", "1", "1.0"), True),
}


class Row(NamedTuple):
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
        return f"{self.place} ({as_shown(self.file)})" if self.file else self.place


class Labelled(NamedTuple):
    """A file with the label and the patient that its row or its folders tell."""

    file: File
    has_pneumonia: bool | None
    patient: str = ""


def label_listing(listing: Listing) -> list[Labelled]:
    """Label by the table at the top, if there is one that says file and label, else by folders."""
    shared = posixpath.commonprefix(list(listing.films))
    usable: list[tuple[str, list[Row]]] = []
    for table in listing.tables:
        if shared.startswith(folder_of(table.name)):
            try:
                usable.append((table.name, list(rows_of_source(table.name, table.read()))))
            except DataError as refusal:
                listing.problems.append(
                    Problem(str(refusal), f"A table{str(refusal).removeprefix(as_shown(table.name))}")
                )
            except UnreadableImageError as refusal:
                listing.problems.append(Problem(f"{as_shown(table.name)} {refusal}", f"A table {refusal}"))
        if len(usable) > 1:
            names = " and ".join(as_shown(name) for name, _ in usable)
            raise DataError(f"{names} both give labels. Expected is at most one table. Please leave the others out.")
    return label_by_table(listing, *usable[0]) if usable else label_listing_by_folders(listing)


def label_listing_by_folders(listing: Listing) -> list[Labelled]:
    """Label by folders; a film that lies under both classes is left out."""
    films = []
    for file in listing.films.values():
        with left_out(listing.problems, as_shown(file.name)):
            films.append(Labelled(file, label_by_folders(file.name)))
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


def label_by_table(listing: Listing, table: str, rows: Iterable[Row]) -> list[Labelled]:
    """Label the films of a listing by a table among them; films that no row names have no label."""
    unnamed = dict(listing.films)

    def find(raw: str) -> File:
        name = relative_name(raw)
        unnamed.pop(folder_of(table) + name, None)
        if (file := listing.films.get(folder_of(table) + name)) is None:
            raise DataError(MISSING)
        return file

    films = label_by_rows(rows, find, listing.problems)
    if unnamed:
        found = f"{len(unnamed)} of {counted(len(listing.films), 'X-ray')}"
        are, have, them, they = ("is", "has", "it", "it") if len(unnamed) == 1 else ("are", "have", "them", "they")
        rest = f"and {have} no label. Please add rows for {them} if {they} shall count."
        tables = (as_shown(table), "the table")
        listing.problems.append(Problem(*(f"{found} {are} in no row of {of}, {rest}" for of in tables)))
    return [*films, *(Labelled(file, None) for file in unnamed.values())]


def label_by_rows(rows: Iterable[Row], find: Callable[[str], File], problems: list[Problem]) -> list[Labelled]:
    """Label the files that rows name. A file named twice counts once, and not at all with two labels."""
    said: list[tuple[int, Problem]] = []
    claims: dict[str, list[tuple[Row, Labelled]]] = {}
    for row in rows:
        refused_here: list[Problem] = []
        with left_out(refused_here, row.shown, row.place):
            if row.is_ragged:
                raise DataError("it has more or fewer cells than the first row. Please correct it.")
            file = find(row.file)
            if row.label.lower() not in LABELS:
                expected = "Expected is normal, pneumonia, 0, 1, or nothing. Please correct it."
                shown = ((row.shown, f"label is {as_shown(row.label)}"), (row.place, "label is none of the known ones"))
                refused_here.append(
                    Problem(*(f"{what} was left out: its {label}. {expected}" for what, label in shown))
                )
            else:
                labelled = Labelled(file, LABELS[row.label.lower()], row.patient)
                claims.setdefault(file.name, []).append((row, labelled))
        said += [(row.number, problem) for problem in refused_here]
    films = []
    for claim in claims.values():
        first, film = claim[0]
        if len({labelled.has_pneumonia for _, labelled in claim}) == 1:
            films.append(film)
            refused, reason = claim[1:], f"row {first.number} has the same file and label, and an X-ray counts once."
        else:
            refused, reason = claim, "rows give this file different labels. Please keep the right one."
        for row, _ in refused:
            problem = Problem(*(f"{what} was left out: {reason}" for what in (row.shown, row.place)))
            said.append((row.number, problem))
    problems += [problem for _, problem in sorted(said, key=lambda numbered: numbered[0])]
    return films


def rows_of_source(name: str, content: bytes, needs_labels: bool = True) -> Iterator[Row]:
    """Read the rows of a source's table under its header, one by one."""
    for count, row in enumerate(rows_of_table(name, content, needs_labels, MAX_TABLE_BYTES), start=1):
        check_count(count, as_shown(name))
        yield row


def rows_of_table(name: str, content: bytes, needs_labels: bool, max_bytes: int) -> Iterator[Row]:
    """Read the rows of a table under its header, one by one, however many."""
    needed, optional = (("file", "label"), ("patient",)) if needs_labels else (("file",), ("label", "patient"))
    for row in read_table(content, as_shown(name), needed, optional, max_bytes):
        yield Row(row.number, row.cell("file"), row.cell("label"), row.cell("patient"), row.is_ragged)
