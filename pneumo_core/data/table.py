"""A table (CSV) of films, read the same way wherever one is given: its text, its columns, its rows.

Spreadsheets of several countries write commas, semicolons or tabs, in UTF-8, UTF-16 or Windows-1252, old ones in the
code page of DOS. A first line `sep=;` tells the delimiter. Else, and where its rows have another one, it is the one
with which one of the first rows holds the columns that are needed; rows above that one are a title. An encoding is told
by its mark, else by whether the bytes are text in it.
"""

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice

from pneumo_core.data.names import as_shown
from pneumo_core.errors import DataError
from pneumo_core.files import text_of_cell
from pneumo_core.wording import counted

MAX_TABLE_BYTES = 32 * 2**20
# The code of a refusal that is about a table, not about one of its rows.
CODE = "table"
DELIMITERS = ",;\t"
# The header is one of so many first rows that are not blank.
HEADER_ROWS = 20
_PART = 2**20
_DOS = "cp850"
_DOS_NOTE = "The table does not tell its alphabet. It was read in the code page of DOS (850)."
_MAX_CELLS = 8
# A workbook under the name of a CSV: a zip, or a compound file of older versions.
_WORKBOOK_STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_SEP_LINE = re.compile(r'"?sep=(?P<delimiter>[^"\s]|\t)"?[\s,;]*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table.

    Attributes:
        number: as a spreadsheet counts; blank rows count, too, and the header is row 1 where none stands before it. A
            line `sep=;` is no row.
        cells: without spaces around them, and without the apostrophe that `csv_cells.plain_cell` puts before a formula;
            without the empty ones that a spreadsheet writes behind the last column.
        columns: of the whole table: name, in lower case, and place of each column.
        width: how many cells the header has, up to its last name.
    """

    number: int
    cells: tuple[str, ...]
    columns: Mapping[str, int]
    width: int

    @property
    def is_ragged(self) -> bool:
        """True where it has more or fewer cells than the header."""
        return len(self.cells) != self.width

    def cell(self, column: str) -> str:
        """Give the cell of a column; "" where the table has no such column, or the row ends before it."""
        place = self.columns.get(column, len(self.cells))
        return self.cells[place] if place < len(self.cells) else ""


class NoColumnsError(DataError):
    """A table lacks columns that are needed; `nameless` says so without the cells of its first row."""

    def __init__(self, lacks: str, cells: Sequence[str], expected: str) -> None:
        others = " and others" if len(cells) > _MAX_CELLS else ""
        shown = ", ".join(as_shown(cell) for cell in cells[:_MAX_CELLS])
        super().__init__(
            f"{lacks} Its first row is {shown}{others}. {expected}" if cells else f"{lacks} {expected}", code=CODE
        )
        self.nameless = f"{lacks} {expected}"


def read_table(
    content: bytes,
    name: str,
    needed: Sequence[str],
    optional: Sequence[str] = (),
    max_bytes: int = MAX_TABLE_BYTES,
    other_names: Mapping[str, Collection[str]] | None = None,
    notes: list[str] | None = None,
) -> Iterator[TableRow]:
    """Give the rows below a table's header that are not blank, one by one: a table may have millions.

    Columns may have spaces around them and be in any case. Columns that nobody asked for stay reachable by their name;
    of two of one name the first.

    Args:
        name: the table's name, for refusals.
        needed: columns without which it is refused.
        optional: columns that count where they are there; like the needed ones, none of them may be there twice.
        other_names: of columns, in small letters and with spaces between words; one of them counts where the column
            itself is missing.
        notes: takes sentences on how the table was understood, without anything that only this table holds.

    Raises:
        DataError: of the code "table": too large; no text; its columns are missing or there twice; or, once the rows
            are read, a quotation mark that is not closed or a cell that does not end.
    """
    if len(content) > max_bytes:
        raise DataError(
            f"{name} is too large. Tables up to {max_bytes // 2**20} MiB can be read. Please leave out what is not "
            "needed.",
            code=CODE,
        )
    if content.startswith(_WORKBOOK_STARTS):
        raise DataError(
            f"{name} is a workbook of a spreadsheet, not a CSV. Please open it there and save its sheet as CSV.",
            code="workbook",
        )
    encoding = _encoding(content, name)
    header = _find_header(content, encoding, needed, other_names or {})
    if header is None:
        columns = f"column {needed[0]}" if len(needed) == 1 else f"columns {', '.join(needed[:-1])} and {needed[-1]}"
        raise NoColumnsError(
            f"{name} has no {columns}.",
            _first_cells(content, encoding),
            f"Expected is a first row such as {','.join(needed) if len(needed) > 1 else 'file,label'}, with commas, "
            "semicolons or tabs, and then one X-ray in each row. Please correct it.",
        )
    if twice := [column for column in (*needed, *optional) if header.cells.count(column) > 1]:
        raise DataError(
            f"{name} has the column {twice[0]} more than once. Expected is each column once. Please leave the other "
            "out.",
            code=CODE,
        )
    if notes is not None:
        notes += [_DOS_NOTE] if encoding == _DOS else []
        notes += header.notes((*needed, *optional))
    return _rows(header, name)


@dataclass(frozen=True, slots=True)
class _Header:
    """The header of a table.

    Attributes:
        lines: the rows below it.
        cells: in lower case.
        columns: name and place, those under another name, too.
        renamed: columns and the name that each stands under.
        above: how many rows that are not blank stand above it.
        is_told: the first line told the delimiter; None where there is no such line, False where it told another one.
    """

    lines: Iterator[tuple[int, list[str]]]
    cells: list[str]
    columns: Mapping[str, int]
    renamed: Mapping[str, str]
    above: int
    is_told: bool | None

    def notes(self, wanted: Collection[str]) -> list[str]:
        """Say how it was found."""
        notes = ["The first line of the table tells its delimiter (sep=)."] if self.is_told else []
        if self.is_told is False:
            notes.append(
                "The first line of the table (sep=) tells another delimiter than its rows have, and was ignored."
            )
        if self.above:
            notes.append(f"{counted(self.above, 'row')} above the table's header {_was(self.above)} passed over.")
        notes += [
            f"The column {other} was read as {name}."
            for name, other in self.renamed.items()
            if name in wanted and name != other
        ]
        return notes


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _find_header(
    content: bytes, encoding: str, needed: Sequence[str], other_names: Mapping[str, Collection[str]]
) -> _Header | None:
    """Find the first row that holds the needed columns, with whatever delimiter."""
    with _opened(content, encoding) as text:
        told = _SEP_LINE.fullmatch(text.readline(100).strip("\ufeff"))
    found: list[tuple[bool, int, str]] = []
    for delimiter in dict.fromkeys(([told["delimiter"]] if told else []) + [*DELIMITERS]):
        try:
            for above, (_, cells) in enumerate(islice(_lines(content, encoding, delimiter, bool(told)), HEADER_ROWS)):
                columns, renamed = _columns(_in_lower_case(cells), other_names)
                if set(needed) <= columns.keys():
                    found.append((not renamed.keys().isdisjoint(needed), above, delimiter))
        except csv.Error:
            continue
    if not found:
        return None
    # Columns of the very names come first, then the upper row.
    _, above, delimiter = min(found, key=lambda row: row[:2])
    lines = _lines(content, encoding, delimiter, bool(told))
    _, cells = next(islice(lines, above, None))
    names = _in_lower_case(cells)
    return _Header(lines, names, *_columns(names, other_names), above, delimiter == told["delimiter"] if told else None)


def _first_cells(content: bytes, encoding: str) -> list[str]:
    """Give the cells of the first row, with the delimiter that parts it most."""
    rows = []
    for delimiter in DELIMITERS:
        with suppress(csv.Error):
            rows += [cells for _, cells in islice(_lines(content, encoding, delimiter, False), 1)]
    return [cell for cell in max(rows, key=len, default=[]) if cell]


def _in_lower_case(cells: Sequence[str]) -> list[str]:
    return [cell.strip("\ufeff").lower() for cell in cells]


def _columns(names: list[str], other_names: Mapping[str, Collection[str]]) -> tuple[dict[str, int], dict[str, str]]:
    """Give name and place of the columns, of two of one name the first; and which stand under another name."""
    columns = {column: place for place, column in reversed(list(enumerate(names))) if column}
    words = {" ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", name))): name for name in columns}
    renamed = {}
    for column, others in other_names.items():
        there = [other for other in (column, *others) if other in words]
        if column not in columns and len(there) == 1:
            renamed[column] = there[0]
    return columns | {column: columns[words[other]] for column, other in renamed.items()}, renamed


def _rows(header: _Header, name: str) -> Iterator[TableRow]:
    width = max(header.columns.values()) + 1
    try:
        for number, cells in header.lines:
            # Cells below a column without a name, and empty ones behind the last column.
            has_more = len(cells) > len(header.cells) and any(cells[len(header.cells) :])
            yield TableRow(number, tuple(cells if has_more else cells[:width]), header.columns, width)
    except csv.Error as error:
        found = "has a quotation mark that is not closed, or a cell that is far too long"
        raise DataError(f"{name} {found}. Please save it as CSV again.", code=CODE) from error


def _lines(content: bytes, encoding: str, delimiter: str, skips_first: bool) -> Iterator[tuple[int, list[str]]]:
    """Give number and cells of each row that is not blank."""
    with _opened(content, encoding) as text:
        if skips_first:
            text.readline()
        # Strict: else one open quotation mark would swallow the rows after it.
        for number, line in enumerate(csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=True), 1):
            cells = [text_of_cell(cell.strip()).strip() for cell in line]
            if any(cells):
                yield number, cells


def _encoding(content: bytes, name: str) -> str:
    is_marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if is_marked else ("utf-8-sig", "cp1252", _DOS):
        if _is_text(content, encoding):
            return encoding
    raise DataError(
        f"{name} is no text that can be read. Expected is a CSV in UTF-8 (UTF-16, Windows-1252 and DOS 850 can be "
        "read, too). Please save it as CSV again.",
        code=CODE,
    )


def _is_text(content: bytes, encoding: str) -> bool:
    try:
        with _opened(content, encoding) as text:
            # No text holds a zero byte, which UTF-16 without a mark is full of.
            parts = iter(partial(text.read, _PART), "")
            return all("\0" not in part and (encoding != _DOS or _is_latin(part)) for part in parts)
    except UnicodeDecodeError:
        return False


def _is_latin(text: str) -> bool:
    """True where all letters are Latin: each byte is some letter of DOS, and frames and shades are no words."""
    return all(letter.isascii() or unicodedata.name(letter, "").startswith("LATIN ") for letter in set(text))


def _opened(content: bytes, encoding: str) -> io.TextIOWrapper:
    # Piece by piece: the text of a table of millions would take several times its bytes.
    return io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
