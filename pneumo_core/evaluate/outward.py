"""Outward facts of the files of a run, beside their pictures: held in memory while it scores, kept as figures alone.

The header's facts (device, exposure, date) and further columns of a table never stand in a row of a run. Once films are
scored, `outward.json` in the run's folder says how well each fact separates the classes, and over how many films.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from pneumo_core.data import is_rounded
from pneumo_core.evaluate.cohort import Cohort
from pneumo_core.files import write_whole
from pneumo_core.stats import MOST_WORDS, Estimate, areas_of_metadata, facts_by_name

OUTWARD_FILE = "outward.json"
MAX_COLUMN = 40
_NO_FACTS = {
    *("id", "ids", "uid", "uuid", "mrn", "name", "names", "index", "hash", "sha256", "md5", "key", "accession", "ssn"),
    *("birth", "dob", "born", "birthday", "birthdate", "path", "file", "filename", "url", "link", "email", "phone"),
    *("address", "comment", "comments", "report", "text", "note", "notes"),
    # A label is no outward fact, and neither is a result.
    *("label", "labels", "class", "target", "finding", "findings", "diagnosis", "diagnoses", "pneumonia", "opacity"),
    *("truth", "outcome", "split", "fold", "kind", "score", "probability", "prediction", "logit"),
}
_IDS = "(patient|image|study|series|sop|instance|subject|case|exam|file|person|record|row)u?id$"
_LONG_ID = re.compile("[0-9]{6,}")

Facts = Mapping[str, float | str]
Areas = tuple[tuple[str, Estimate], ...]
_AREAS: TypeAdapter[Areas] = TypeAdapter(Areas)


def outward_areas(cohort: Cohort, facts: Mapping[int, Facts] | None = None) -> Areas:
    """Say how well outward facts separate the classes, as `areas_of_metadata` does; each alone, then all together.

    Args:
        facts: of films by their number; with them the areas are of these films alone, without them of what stands in
            the rows.
    """
    rows: list[Facts]
    if facts is None:
        rows = [{"view": score.view_position} if score.view_position else {} for score in cohort.scores]
    else:
        cohort = cohort.only(np.array([score.number in facts for score in cohort.scores], bool))
        rows = [facts[score.number] for score in cohort.scores]
    more = facts_by_name(rows)
    return tuple(areas_of_metadata(cohort.scores, cohort.has_pneumonia, cohort.patients, more))


def facts_of_columns(rows: Sequence[Mapping[str, str]]) -> list[Facts]:
    """Turn the further columns of a table into facts: numbers, dates as days, words.

    Columns that look like identifiers by their name or their cells are none (ids, names, birth dates, texts that differ
    in most rows), and neither are those that tell the label or a result.

    Args:
        rows: of each film the cells of its row, by the columns.

    Returns:
        the facts of each film, those it has.
    """
    facts: list[dict[str, float | str]] = [{} for _ in rows]
    for column in dict.fromkeys(name for row in rows for name in row):
        cells = {place: cell for place, row in enumerate(rows) if (cell := _said(row.get(column, "")))}
        name = " ".join(re.sub("[^a-z0-9#_ -]+", " ", column.lower()).split())[:MAX_COLUMN]
        if cells and name and not _is_no_fact(column, list(cells.values())):
            kinds: tuple[Callable[[str], float | str | None], ...] = (_day, _number, str.casefold)
            value_of = next(kind for kind in kinds if all(kind(cell) is not None for cell in cells.values()))
            for place, cell in cells.items():
                facts[place][f"column {name}"] = value_of(cell) or 0.0
    return list(facts)


def _said(cell: str) -> str:
    cell = cell.strip()
    return "" if cell.casefold() in ("nan", "na", "n/a", "null", "none", "-", "?") else cell


def _is_no_fact(column: str, cells: Sequence[str]) -> bool:
    words = re.split("[^a-z0-9]+", column.lower())
    if _NO_FACTS & {*words} or re.search(_IDS, "".join(words)):
        return True
    different = len({*cells})
    if all(_number(cell) is not None for cell in cells):
        is_rounded_id = any(is_rounded(cell) for cell in cells)
        return is_rounded_id or (different == len(cells) and all(_LONG_ID.fullmatch(cell) for cell in cells))
    return different > MOST_WORDS and 2 * different > len(cells) and any(_day(cell) is None for cell in cells)


def _number(cell: str) -> float | None:
    with suppress(ValueError):
        number = float(cell.replace(",", "."))
        return number if math.isfinite(number) else None
    return None


def _day(cell: str) -> float | None:
    """Give a date as days: 20240131, 2024-01-31, 31.01.2024."""
    for form in ("%Y%m%d", "%Y-%m-%d", "%d.%m.%Y"):
        with suppress(ValueError):
            day = datetime.strptime(cell, form)
            # `strptime` also takes fewer digits.
            if len(cell) >= 8 and 1900 <= day.year < 2100:
                return float(day.toordinal())
    return None


def keep_outward(folder: Path, cohort: Cohort, facts: Mapping[int, Facts]) -> None:
    """Write the areas of the facts that are in memory into a run's folder, unless those there are of more films."""
    areas = outward_areas(cohort, facts)
    kept = read_outward(folder)
    # There are no figures of few patients.
    if not math.isnan(areas[-1][1].value) and (kept is None or kept[-1][1].n <= areas[-1][1].n):
        write_whole(folder / OUTWARD_FILE, _AREAS.dump_json(areas, indent=2) + b"\n")


def read_outward(folder: Path) -> Areas | None:
    """Give what `keep_outward` wrote; None where there is nothing, or nothing that can be read."""
    try:
        return _AREAS.validate_json((folder / OUTWARD_FILE).read_bytes()) or None
    except (OSError, ValidationError):
        return None
