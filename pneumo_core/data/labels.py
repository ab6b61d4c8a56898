"""Which label a film has: by a table where there is one, else by folders called NORMAL and PNEUMONIA."""

import codecs
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from pneumo_core.data.cases import Group
from pneumo_core.data.listing import File, FilmsListed, Listing, Problem, check_count, left_out, matched_in_words
from pneumo_core.data.names import (
    as_shown,
    class_of_words,
    folder_of,
    may_be_table,
)
from pneumo_core.data.table import MAX_TABLE_BYTES, read_table
from pneumo_core.errors import DataError, UnreadableImageError
from pneumo_core.film import age_in_years
from pneumo_core.wording import counted

# Cells that say that nothing is known; the last with a # are the error values of German, French and Spanish.
_NOTHING = {"", "na", "n/a", "#n/a", "#nv", "#n/d", "nan", "null", "?", "-"}
_PLAIN = {"normal": False, "negative": False, "no": False, "false": False}
_PLAIN |= {"pneumonia": True, "positive": True, "yes": True, "true": True}
# Yes and no, true and false, in the spreadsheets of other languages.
_WORDS = {
    **dict.fromkeys(("n", "nein", "falsch", "negativ", "non", "faux", "négatif", "falso", "negativo", "não"), False),
    **dict.fromkeys(("y", "j", "ja", "wahr", "positiv", "oui", "vrai", "positif", "sí", "si", "sì"), True),
    **dict.fromkeys(("verdadero", "verdadeiro", "vero", "sim", "positivo"), True),
}
# Labels of tables that tell three groups (RSNA 2018 among them), by their words.
_GROUPS: dict[str, Group] = {
    **dict.fromkeys(("opacity", "lung opacity"), "finding"),
    **dict.fromkeys(("abnormal no opacity", "abnormal without opacity", "no lung opacity not normal"), "other"),
}
# 0,0 and 1.0: so spreadsheets and pandas write 0 and 1 where other labels are empty.
_NUMBER = re.compile(r"(?P<digit>[01])(?P<fraction>[.,]0*)?")
_ONE_OR_TWO = re.compile(r"(?P<digit>[12])([.,]0*)?")
# Labels that say that the finding is not there, and leave open whether anything else is.
_NO_FINDING_ALONE = {
    "negative",
    "no pneumonia",
    "non pneumonia",
    "not pneumonia",
    "without pneumonia",
    "keine pneumonie",
}
# Texts that may be tables are looked at if they are so few.
MAX_TEXTS = 20
COLUMNS = {
    "file": (
        *("filename", "file name", "filepath", "file path", "path", "image", "image name", "image path", "image index"),
        *("x ray image name", "datei", "dateiname", "fichier", "archivo"),
    ),
    "label": (
        "labels",
        "class",
        "target",
        "has pneumonia",
        "pneumonia",
        "pneumonie",
        "neumonia",
        "polmonite",
        "ground truth",
    ),
    "patient": ("patient id", "patientid", "patient number"),
    "age": ("patient age", "patientage", "age years", "patient age years", "age y", "alter", "alter jahre", "edad"),
}
MAX_FOLDERS = 5
NO_LABELS = (
    "No X-ray has a label. Labels come from folders such as NORMAL and PNEUMONIA, or from a table with the columns "
    "file and label."
)
_NAMES = {True: "pneumonia", False: "normal"}


class Label(NamedTuple):
    """Meaning of a cell: pneumonia, none, or None for nothing; `note` tells how, where that is not plain."""

    has_pneumonia: bool | None
    note: str = ""


def read_label(cell: str) -> Label | None:
    """Give what a label means; None where it is none that is known."""
    word = cell.strip().casefold()
    if word in _NOTHING:
        return Label(None, "nothing" if word else "")
    if word in _PLAIN:
        return Label(_PLAIN[word])
    if number := _NUMBER.fullmatch(word):
        return Label(number["digit"] == "1", "decimal comma" if "," in (number["fraction"] or "") else "")
    if word in _WORDS:
        return Label(_WORDS[word], word)
    if group := _GROUPS.get(label_words(word)):
        return Label(group == "finding")
    meaning = class_of_words(word)
    return Label(meaning.has_pneumonia) if meaning else None


def label_words(cell: str) -> str:
    """Give a label's words in small letters with single spaces: "abnormal no opacity"."""
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", cell).casefold()))


def group_of_label(cell: str) -> Group | None:
    """Give the group that a label means; None where it says nothing, or is none that is known."""
    label = read_label(cell)
    if label is None or label.has_pneumonia is None:
        return None
    return _GROUPS.get(label_words(cell), "finding" if label.has_pneumonia else "normal")


def told_group(cell: str) -> Group | None:
    """Give the group that a label or a folder's name tells of an X-ray; None where it leaves that open.

    "0" and "negative" say that the finding is not there. They do not say that nothing else is.
    """
    word = cell.strip().casefold()
    group = group_of_label(cell)
    is_open = word != "normal" and (word in _PLAIN or word in _WORDS or _NUMBER.fullmatch(word) is not None)
    is_open = is_open or label_words(word) in _NO_FINDING_ALONE
    return None if group == "normal" and is_open else group


class Row(NamedTuple):
    """One row of a table, whose header is row 1; `others` are the cells of further columns by these."""

    number: int
    file: str
    label: str
    patient: str
    is_ragged: bool
    others: Mapping[str, str] = MappingProxyType({})
    age: str = ""

    @property
    def place(self) -> str:
        return f"Row {self.number}"

    @property
    def shown(self) -> str:
        return f"{self.place} ({as_shown(self.file)})" if self.file else self.place


class Labelled(NamedTuple):
    """A file with the label and the patient that its row or its folders tell, and with what else its row says.

    `group` is None where the label leaves it open, `age_years` where the row tells no age.
    """

    file: File
    has_pneumonia: bool | None
    patient: str = ""
    others: Mapping[str, str] = MappingProxyType({})
    group: Group | None = None
    age_years: float | None = None


def label_listing(listing: Listing) -> list[Labelled]:
    """Label by the table at the top, if there is one that says file and label, else by folders."""
    tables = usable_tables(listing)
    if not tables:
        return label_listing_by_folders(listing)
    listing.notes.append("A table among the X-rays gives the labels.")
    return label_by_table(listing, *tables[0])


def label_folder(listing: Listing) -> list[Labelled]:
    """Label by folders; where these tell nothing, by the table at the top."""
    if not any(tells_class(folder) for name in listing.films for folder in name.split("/")[:-1]):
        return label_listing(listing)
    try:
        has_table = bool(usable_tables(Listing(listing.films, listing.tables)))
    except DataError:
        # Several.
        has_table = True
    if has_table:
        listing.notes.append(
            "Folders give the labels. A table beside them was not read. To use it, please name the table itself."
        )
    return label_listing_by_folders(listing)


def usable_tables(listing: Listing) -> list[tuple[str, list[Row]]]:
    """Give the table at the top that says file and label, if there is one, and keep why others do not.

    Raises:
        DataError: two tables give labels.
    """
    tables = [table for table in listing.tables if is_at_top(listing, table.name)]
    texts = [table.name for table in tables if may_be_table(table.name)]
    usable: list[tuple[str, list[Row]]] = []
    for table in tables:
        if table.name in texts and len(texts) > MAX_TEXTS:
            continue
        notes: list[str] = []
        try:
            content = table.read()
            usable.append((table.name, list(rows_of_source(table.name, content, notes=notes))))
            listing.notes += notes
        except DataError as refusal:
            # A text that no spreadsheet wrote is no table.
            if table.name not in texts or content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                said = str(getattr(refusal, "nameless", refusal))
                nameless = f"A table{said.removeprefix(as_shown(table.name))}"
                listing.problems.append(Problem(str(refusal), nameless))
        except UnreadableImageError as refusal:
            listing.problems.append(Problem(f"{as_shown(table.name)} {refusal}", f"A table {refusal}"))
        if len(usable) > 1:
            names = " and ".join(as_shown(name) for name, _ in usable)
            raise DataError(f"{names} both give labels. Expected is at most one table. Please leave the others out.")
    return usable


def is_at_top(listing: Listing, name: str) -> bool:
    """True for a file in the folder that all films lie below."""
    return posixpath.commonprefix(list(listing.films)).startswith(folder_of(name))


def label_listing_by_folders(listing: Listing) -> list[Labelled]:
    """Label by folders; a film that lies under both classes is left out."""
    films = []
    for file in listing.films.values():
        with left_out(listing.problems, as_shown(file.name)):
            label = label_by_folders(file.name)
            films.append(Labelled(file, label, group=group_by_folders(file.name) if label is not None else None))
    _say_unlabelled(listing, films)
    return films


def _say_unlabelled(listing: Listing, films: list[Labelled]) -> None:
    """Say which folders tell no class where others do."""
    unlabelled = [film.file.name for film in films if film.has_pneumonia is None]
    folders = Counter(folder_of(name).rstrip("/") for name in unlabelled)
    folders.pop("", None)
    if not folders or len(unlabelled) == len(films):
        return
    found = f"{folders.total()} of {counted(len(films), 'X-ray')}"
    lie, have = ("lies", "has") if folders.total() == 1 else ("lie", "have")
    where = ", ".join(as_shown(folder) for folder in list(folders)[:MAX_FOLDERS])
    others = " and others" if len(folders) > MAX_FOLDERS else ""
    expected = "Expected are NORMAL, PNEUMONIA, BACTERIA or VIRUS. Please rename folders that shall count."
    parts = (f" Found: {where}{others}.", f" Found: {counted(len(folders), 'folder')} of other names.")
    listing.problems.append(
        Problem(
            *(f"{found} {lie} in no folder of a known class, and {have} no label.{part} {expected}" for part in parts)
        )
    )


def label_by_folders(name: str) -> bool | None:
    """Give the label that the folders of a film's path tell; None where they tell none.

    Raises:
        DataError: they tell both.
    """
    labels = {_has_pneumonia(folder) for folder in name.split("/")[:-1]} - {None}
    if len(labels) > 1:
        raise DataError("it lies under both NORMAL and PNEUMONIA. Please move it to one of them.")
    return labels.pop() if labels else None


def group_by_folders(name: str) -> Group | None:
    """Give the group that the folders of an X-ray's path tell; None where they leave it open, or tell several."""
    folders = [folder for folder in name.split("/")[:-1] if tells_class(folder)]
    groups = {told_group(folder) for folder in folders}
    return groups.pop() if len(groups) == 1 else None


def tells_class(folder: str) -> bool:
    """Say whether a folder's name tells a label."""
    return _has_pneumonia(folder) is not None


def _has_pneumonia(folder: str) -> bool | None:
    if group := _GROUPS.get(label_words(folder)):
        return group == "finding"
    meaning = class_of_words(folder)
    return meaning.has_pneumonia if meaning else None


def label_by_table(listing: Listing, table: str, rows: Iterable[Row]) -> list[Labelled]:
    """Label the films of a listing by a table among them; films that no row names have no label."""
    listed = FilmsListed(listing.films, table)
    films = label_by_rows(rows, listed.find, listing.problems, listing.notes)
    if listed.matched:
        listing.notes.append(matched_in_words(listed.matched))
    unnamed = listed.unnamed
    if unnamed:
        found = f"{len(unnamed)} of {counted(len(listing.films), 'X-ray')}"
        are, have, them, they = ("is", "has", "it", "it") if len(unnamed) == 1 else ("are", "have", "them", "they")
        rest = f"and {have} no label. Please add rows for {them} if {they} shall count."
        tables = (as_shown(table), "the table")
        listing.problems.append(Problem(*(f"{found} {are} in no row of {of}, {rest}" for of in tables)))
    return [*films, *(Labelled(file, None) for file in unnamed.values())]


def label_by_rows(
    rows: Iterable[Row], find: Callable[[str], File], problems: list[Problem], notes: list[str]
) -> list[Labelled]:
    """Label the files that rows name. A file named twice counts once, and not at all with two labels.

    Raises:
        DataError: of the code "labels": the labels are 1 and 2, and none is 0, so that 1 may mean either class.
    """
    numbers: set[str] = set()
    said: list[tuple[int, Problem]] = []
    claims: dict[str, list[tuple[Row, Labelled]]] = {}
    understood: Counter[str] = Counter()
    no_ages = 0
    for row in rows:
        refused_here: list[Problem] = []
        with left_out(refused_here, row.shown, row.place):
            if row.is_ragged:
                raise DataError("it has more or fewer cells than the first row. Please correct it.")
            file = find(row.file)
            label = read_label(row.label)
            if number := (_ONE_OR_TWO.fullmatch(row.label) or _NUMBER.fullmatch(row.label)):
                numbers.add(number["digit"])
            if label is None:
                expected = "Expected is normal, pneumonia, 0, 1, or nothing. Please correct it."
                shown = ((row.shown, f"label is {as_shown(row.label)}"), (row.place, "label is none of the known ones"))
                refused_here.append(
                    Problem(*(f"{what} was left out: its {label}. {expected}" for what, label in shown))
                )
            else:
                understood.update([label.note] if label.note else [])
                age = age_of_cell(row.age)
                no_ages += age is None and row.age.strip().casefold() not in _NOTHING
                group = None if label.has_pneumonia is None else told_group(row.label)
                labelled = Labelled(file, label.has_pneumonia, row.patient, row.others, group, age)
                claims.setdefault(file.name, []).append((row, labelled))
        said += [(row.number, problem) for problem in refused_here]
    if numbers == {"1", "2"}:
        raise DataError(
            "The labels are 1 and 2, and nothing says which is pneumonia. Expected are 0 for none and 1 for pneumonia. "
            "Please write 0 and 1.",
            code="labels",
        )
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
    notes += _labels_in_words(understood)
    if no_ages:
        notes.append(f"{counted(no_ages, 'age')} of the table could not be understood: taken as not known.")
    return films


def age_of_cell(cell: str) -> float | None:
    """Give the age in years of a table's cell: 45, 45Y, 8M; None where it is none from 0 to 130 years."""
    return age_in_years(re.sub(r"[.,]0+$", "", cell.strip()))


def _labels_in_words(understood: Counter[str]) -> Iterator[str]:
    """Say once for a table how its labels were understood."""
    if count := understood.pop("decimal comma", 0):
        yield f"{counted(count, 'label')} with a decimal comma {'was' if count == 1 else 'were'} read as 0 or 1."
    if count := understood.pop("nothing", 0):
        says, has = ("says", "it has") if count == 1 else ("say", "they have")
        yield f"{counted(count, 'row')} {says} that a label is not known (such as N/A), so {has} none."
    if understood:
        meant = {label: sorted(word for word in understood if _WORDS[word] == label) for label in (True, False)}
        parts = [f"{' and '.join(words)} as {name}" for label, name in _NAMES.items() if (words := meant[label])]
        yield f"Labels were read by their words: {', '.join(parts)}."


def rows_of_source(
    name: str, content: bytes, needs_labels: bool = True, notes: list[str] | None = None
) -> Iterator[Row]:
    """Read the rows of a source's table under its header, one by one; `notes` as in `read_table`."""
    for count, row in enumerate(rows_of_table(name, content, needs_labels, MAX_TABLE_BYTES, notes, True), start=1):
        check_count(count, as_shown(name))
        yield row


def rows_of_table(
    name: str,
    content: bytes,
    needs_labels: bool,
    max_bytes: int,
    notes: list[str] | None = None,
    with_others: bool = False,
) -> Iterator[Row]:
    """Read the rows of a table under its header, one by one, however many; `notes` as in `read_table`.

    Args:
        with_others: keep the cells of further columns, too, which takes memory.
    """
    needed, optional = (("file", "label"), ()) if needs_labels else (("file",), ("label",))
    is_first = notes is not None
    for row in read_table(content, as_shown(name), needed, (*optional, "patient", "age"), max_bytes, COLUMNS, notes):
        if is_first and notes is not None:
            notes += _columns_in_words(row.columns)
            is_first = False
        others = {name: row.cell(name) for name in _further(row.columns)} if with_others else {}
        yield Row(
            row.number, row.cell("file"), row.cell("label"), row.cell("patient"), row.is_ragged, others, row.cell("age")
        )


def _further(columns: Mapping[str, int]) -> Iterator[str]:
    """Name the columns beside file, label and patient, an age that has another name by that alone."""
    for name, place in columns.items():
        is_twice = name == "age" and any(other != name and columns[other] == place for other in columns)
        if name not in ("file", "label", "patient") and not is_twice:
            yield name


def _columns_in_words(columns: Mapping[str, int]) -> Iterator[str]:
    """Say which columns of a table one might think were read, and were not."""
    read = columns.get("label")
    others = sorted({" ".join(re.findall(r"[^\W_]+", name)) for name, place in columns.items() if place != read})
    if read is not None and (classes := [name for name in others if class_of_words(name)]):
        yield f"Labels come from one column alone. Not read as labels: {', '.join(classes)}."
    if "age" in columns:
        yield "Ages of the table hold for X-rays whose file gives none."


def further_columns(films: Iterable[Labelled]) -> list[str]:
    """Name the columns of a table that tell neither file nor patient."""
    known = {*COLUMNS["file"], *COLUMNS["patient"]}
    names = dict.fromkeys(name for film in films for name in film.others)
    return [name for name in names if " ".join(re.findall(r"[^\W_]+", name)) not in known]
