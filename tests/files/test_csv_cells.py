"""Cells that no spreadsheet runs."""

import pytest

from pneumo_core.files.csv_cells import plain_cell, text_of_cell


@pytest.mark.parametrize("text", ["=A1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "'=1", "''=1"])
def test_a_text_that_a_spreadsheet_would_run_is_quoted_and_understood_again(text: str):
    assert plain_cell(text) == "'" + text
    assert text_of_cell(plain_cell(text)) == text


@pytest.mark.parametrize("text", ["a=1", "", "'", "'a", "person1", "''"])
def test_any_other_text_stays_as_it_is(text: str):
    assert plain_cell(text) == text_of_cell(text) == text
