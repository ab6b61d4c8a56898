"""An audit in lines and in rows of tables."""

import math
from collections import Counter
from dataclasses import replace

from pneumo_core.data.audited import Audit, FactArea, FilmCount, Twins, class_names
from pneumo_core.data.cases import CLASS_NAMES
from pneumo_core.data.counts import of_patients
from pneumo_core.stats import TOGETHER, Estimate


def summary(audit: Audit) -> list[str]:
    """Say in lines what is there and what is wrong with it."""
    lines = [f"{audit.folder}: {len(audit.films)} X-rays, {len(audit.unusable)} cannot be used"]
    lines += [
        f"{count.split} {_class(count)}: {count.films} X-rays, {count.usable} of use, {of_patients(count.patients)}"
        for count in audit.counts
    ]
    kinds = Counter(film.kind for film in audit.films if film.has_pneumonia)
    if told := kinds["bacteria"] + kinds["virus"]:
        untold = kinds.total() - told
        rest = f", {untold} of a cause that is not told" if untold else ""
        lines.append(f"PNEUMONIA: {kinds['bacteria']} X-rays by bacteria, {kinds['virus']} by a virus{rest}")
    lines += [
        f"{area.fact}{' alone' if area.fact != TOGETHER else ''}{_against(area)}: AUC {area_in_words(area.area)}"
        for area in audit.areas
        if area.split == "all"
    ]
    lines += [f"ALARM, {alarm.kind}: {alarm.text}" for alarm in audit.alarms]
    return lines if audit.alarms else [*lines, "Nothing alarming was found."]


def count_rows(audit: Audit) -> list[dict[str, str | int]]:
    """Give the counts as rows of a table, one for each split and class."""
    return [
        {
            "Split": count.split,
            "Class": _class(count),
            "X-rays": count.films,
            "Usable": count.usable,
            "Patients": count.patients or "not told",
        }
        for count in audit.counts
    ]


def area_rows(audit: Audit) -> list[dict[str, str]]:
    """Give what the outward facts alone can do as rows of a table, with the medians of both classes."""
    names = class_names(audit.films)
    return [
        {
            "Fact": area.fact,
            "Split": f"{area.split}{_against(area)}",
            "AUC": area_in_words(area.area),
            names[False]: fact_in_words(area.fact, area.normal),
            names[True]: fact_in_words(area.fact, area.pneumonia),
        }
        for area in audit.areas
    ]


def _class(count: FilmCount) -> str:
    return count.group or CLASS_NAMES[count.has_pneumonia]


def _against(area: FactArea) -> str:
    return f" against {area.against}" if area.against else ""


def twins_in_words(twins: Twins) -> str:
    """Say in a line which films are the same, and how sure that is."""
    how = "the same byte by byte" if twins.is_exact else f"fingerprints at most {twins.bits} of 256 bits apart"
    return f"{', '.join(twins.films)}: {how}{', in both classes' if twins.is_conflict else ''}"


def fact_in_words(fact: str, value: float | None) -> str:
    """Say a fact's median as in `FactArea` with its unit; "" for None."""
    if value is None:
        return ""
    return {
        "file size": f"{value / 1024:.1f} KiB",
        "pixels": f"{value / 1e6:.2f} megapixels",
        "colour mode": f"{100 * value:.1f} % in colour",
    }.get(fact, f"{value:.2f}")


def area_in_words(area: Estimate) -> str:
    """Say an area under the ROC curve with its 95 % interval."""
    # An interval of no width, DeLong's of a perfect order, is none: few films are no certainty.
    return str(replace(area, low=math.nan, high=math.nan) if area.low == area.high else area)
