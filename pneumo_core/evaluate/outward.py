"""Outward facts of the files of a run, beside their pictures: held in memory while it scores, kept as figures alone.

The header's facts (device, exposure, date) and further columns of a table never stand in a row of a run. Once films are
scored, `outward.json` in the run's folder says how well each fact separates the classes, and over how many films.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from pneumo_core.evaluate.cohort import Cohort
from pneumo_core.files import write_whole
from pneumo_core.stats import Estimate, areas_of_metadata, facts_by_name

OUTWARD_FILE = "outward.json"

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
