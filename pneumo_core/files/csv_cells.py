"""Cells of a table that no spreadsheet takes for a formula, and back again."""

# A spreadsheet takes a text that starts with one of these for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain_cell(text: str) -> str:
    """Give a text that no spreadsheet takes for a formula: an apostrophe is put before one."""
    return f"'{text}" if _would_run(text) else text


def text_of_cell(cell: str) -> str:
    """Give the text that `plain_cell` made a cell of."""
    return cell[1:] if cell.startswith("'") and _would_run(cell) else cell


def _would_run(text: str) -> bool:
    # Behind apostrophes too, so that the way back is never in doubt.
    return text.lstrip("'").startswith(FORMULA_STARTS)
