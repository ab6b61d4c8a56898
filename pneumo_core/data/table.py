"""A table (CSV) of films, read the same way wherever one is given: its text, its columns, its rows.

Spreadsheets of several countries write commas, semicolons or tabs, in UTF-8, UTF-16 or Windows-1252. A delimiter is the
one with which the first row holds the columns that are needed. An encoding is told by its mark, else by whether the
bytes are text in it.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pneumo_core.errors import DataError
from pneumo_core.files import text_of_cell

MAX_TABLE_BYTES = 32 * 2**20
# The code of a refusal that is about a table, not about one of its rows.
CODE = "table"
DELIMITERS = ",;\t"
_PART = 2**20


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table.

    Attributes:
        number: as a spreadsheet counts; blank rows count, too, and the header is row 1 where none stands before it.
        cells: without spaces around them, and without the apostrophe that `csv_cells.plain_cell` puts before a formula.
        columns: of the whole table: name, in lower case, and place of each column.
        width: how many cells the header has.
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


def read_table(
    content: bytes,
    name: str,
    needed: Sequence[str],
    optional: Sequence[str] = (),
    max_bytes: int = MAX_TABLE_BYTES,
) -> Iterator[TableRow]:
    """Give the rows below a table's header that are not blank, one by one: a table may have millions.

    Columns may have spaces around them and be in any case. Columns that nobody asked for stay reachable by their name;
    of two of one name the first.

    Args:
        name: the table's name, for refusals.
        needed: columns without which it is refused.
        optional: columns that count where they are there; like the needed ones, none of them may be there twice.

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
    encoding = _encoding(content, name)
    for delimiter in DELIMITERS:
        lines = _lines(content, encoding, delimiter)
        try:
            _, header = next(lines, (0, []))
        except csv.Error:
            continue
        header = [cell.lower() for cell in header]
        if set(needed) <= set(header):
            break
    else:
        columns = f"column {needed[0]}" if len(needed) == 1 else f"columns {', '.join(needed[:-1])} and {needed[-1]}"
        raise DataError(
            f"{name} has no {columns}. Expected is a first row such as "
            f"{','.join(needed) if len(needed) > 1 else 'file,label'}, with commas, semicolons or tabs, and then one "
            "X-ray in each row. Please correct it.",
            code=CODE,
        )
    if twice := [column for column in (*needed, *optional) if header.count(column) > 1]:
        raise DataError(
            f"{name} has the column {twice[0]} more than once. Expected is each column once. Please leave the other "
            "out.",
            code=CODE,
        )
    return _rows(lines, header, name)


def _rows(lines: Iterator[tuple[int, list[str]]], header: list[str], name: str) -> Iterator[TableRow]:
    columns = {column: place for place, column in reversed(list(enumerate(header))) if column}
    try:
        for number, cells in lines:
            yield TableRow(number, tuple(cells), columns, len(header))
    except csv.Error as error:
        found = "has a quotation mark that is not closed, or a cell that is far too long"
        raise DataError(f"{name} {found}. Please save it as CSV again.", code=CODE) from error


def _lines(content: bytes, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Give number and cells of each row that is not blank."""
    with _opened(content, encoding) as text:
        # Strict: else one open quotation mark would swallow the rows after it.
        for number, line in enumerate(csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=True), 1):
            cells = [text_of_cell(cell.strip()).strip() for cell in line]
            if any(cells):
                yield number, cells


def _encoding(content: bytes, name: str) -> str:
    is_marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if is_marked else ("utf-8-sig", "cp1252"):
        if _is_text(content, encoding):
            return encoding
    raise DataError(
        f"{name} is no text that can be read. Expected is a CSV in UTF-8 (UTF-16 and Windows-1252 can be read, too). "
        "Please save it as CSV again.",
        code=CODE,
    )


def _is_text(content: bytes, encoding: str) -> bool:
    try:
        with _opened(content, encoding) as text:
            # No text holds a zero byte, which UTF-16 without a mark is full of.
            return all("\0" not in part for part in iter(partial(text.read, _PART), ""))
    except UnicodeDecodeError:
        return False


def _opened(content: bytes, encoding: str) -> io.TextIOWrapper:
    # Piece by piece: the text of a table of millions would take several times its bytes.
    return io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
