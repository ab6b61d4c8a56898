"""Any table that the csv module writes is read back cell by cell; any bytes are a table or are refused."""

import codecs
import csv
import io

import pytest
from hypothesis import given, settings, strategies as st

from pneumo_core.data.table import TableRow, read_table
from pneumo_core.errors import DataError
from pneumo_core.files.csv_cells import plain_cell

# The letters behind 0x00, and halves of surrogate pairs, are no text of a table.
ANY_TEXT = st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=8)
WINDOWS_TEXT = st.text(st.characters(min_codepoint=1, codec="cp1252"), max_size=8)
HARD_CELLS = st.sampled_from(
    ["", 'a"b', "a,b", "a;b", "a\tb", "a\nb", "a\r\nb", "=1+1", "-3", "'=x", "''", '"', "film"]
)
ENCODINGS = {
    "utf-8": (b"", ANY_TEXT),
    "utf-8-sig": (b"", ANY_TEXT),
    "utf-16-le": (codecs.BOM_UTF16_LE, ANY_TEXT),
    "utf-16-be": (codecs.BOM_UTF16_BE, ANY_TEXT),
    "cp1252": (b"", WINDOWS_TEXT),
}
# The last makes a table in Windows-1252 no UTF-8.
HEADER = ["file", "label", "größe"]


def all_rows(content: bytes) -> list[TableRow]:
    return list(read_table(content, "films.csv", ["file"], ["label"]))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@settings(max_examples=25)
@given(data=st.data())
def test_a_written_table_is_read_back_cell_by_cell(encoding: str, delimiter: str, data: st.DataObject):
    mark, texts = ENCODINGS[encoding]
    cell = st.one_of(HARD_CELLS, texts.map(str.strip))
    rows = data.draw(st.lists(st.lists(cell, min_size=3, max_size=3), max_size=5))
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting)
    writer.writerow(HEADER)
    writer.writerows([plain_cell(value) for value in row] for row in rows)
    found = all_rows(mark + text.getvalue().encode(encoding))
    # A blank row is passed over, and counted.
    expected = [(number, tuple(row)) for number, row in enumerate(rows, start=2) if any(row)]
    assert [(row.number, row.cells) for row in found] == expected
    assert all((row.cell("file"), row.cell("größe")) == (row.cells[0], row.cells[2]) for row in found)
    assert not any(row.is_ragged for row in found)


PIECES = st.sampled_from(
    [
        b"file",
        b"label",
        b",",
        b";",
        b"\t",
        b'"',
        b"\n",
        b"\r",
        b"\0",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\x81",
    ]
)


@given(st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=30).map(b"".join)))
def test_any_bytes_are_a_table_or_are_refused(content: bytes):
    for start in (b"", b"file,label\n", b"\xff\xfe" + "file\n".encode("utf-16-le")):
        try:
            rows = all_rows(start + content)
        except DataError as refusal:
            assert refusal.code in ("table", "workbook")
        else:
            assert all(any(row.cells) for row in rows)
