"""How a figure is said: every `Estimate`, difference and comparison in words, or as plain data for JSON.

A figure that is `nan` is "not defined" in words, and null in data.
"""

import math
from dataclasses import replace
from typing import Any

from pneumo_core.stats.comparison import AreaComparison, Comparison, ShareComparison
from pneumo_core.stats.metrics import Estimate
from pneumo_core.wording import counted

NOT_DEFINED = "not defined"


def number_in_words(value: float, form: str = ".3f") -> str:
    """Give a number as "0.938", in Python's format `form`."""
    return NOT_DEFINED if math.isnan(value) else format(value, form)


def value_in_words(estimate: Estimate) -> str:
    """Give a figure's value as "0.938"."""
    return number_in_words(estimate.value)


def interval_in_words(estimate: Estimate) -> str:
    """Give a figure's 95 % interval as "0.916 to 0.955"; "none" for a value without one, "" without a value."""
    if math.isnan(estimate.value):
        return ""
    held = without_empty_interval(estimate)
    return "none" if math.isnan(held.low) else f"{held.low:.3f} to {held.high:.3f}"


def in_brackets(
    estimate: Estimate, form: str = ".3f", *, times: int = 1, between: str = " to ", none: str = "no interval"
) -> str:
    """Give a figure with its 95 % interval in brackets: "0.938 (0.916 to 0.955)".

    Args:
        form: Python's format of all three numbers.
        times: what they are multiplied by, 100 for percent.
        between: what stands between the interval's ends.
        none: what stands in the brackets without an interval; "" for no brackets.
    """
    if math.isnan(estimate.value):
        return NOT_DEFINED
    value, low, high = (format(times * number, form) for number in (estimate.value, estimate.low, estimate.high))
    interval = none if math.isnan(estimate.low) else f"{low}{between}{high}"
    return f"{value} ({interval})" if interval else value


def with_interval(estimate: Estimate) -> str:
    """Give any figure as "0.938 (0.916 to 0.955)"; "0.938 (none)" without an interval."""
    return in_brackets(without_empty_interval(estimate), none="none")


def area(estimate: Estimate) -> str:
    """Give an area as "0.983 (0.971-0.995)"; "1.000 (no interval)" without an interval."""
    return in_brackets(without_empty_interval(estimate), between="-")


def percent(estimate: Estimate, digits: int = 1) -> str:
    """Give a proportion as "93.2 (90.4-95.4)", in percent."""
    return in_brackets(estimate, f".{digits}f", times=100, between="-")


def finely(estimate: Estimate) -> str:
    """Give a proportion as `percent` does, with a second digit where the first would make its upper end 100."""
    return percent(estimate, 2 if 0.9995 <= estimate.high < 1 else 1)


def percent_with_films(estimate: Estimate) -> str:
    """Give a proportion as "93.2 % (95 % interval 90.4 to 95.4, n = 390)"."""
    if math.isnan(estimate.value):
        return NOT_DEFINED
    value, low, high = 100 * estimate.value, 100 * estimate.low, 100 * estimate.high
    return f"{value:.1f} % (95 % interval {low:.1f} to {high:.1f}, n = {estimate.n})"


def percent_or_range(estimate: Estimate, widest: float) -> str:
    """Give a proportion as "38.4 % (31.0-47.6)", and a range wider than `widest` alone as "2.6 to 100.0 %"."""
    if math.isnan(estimate.value):
        return NOT_DEFINED
    value, low, high = 100 * estimate.value, 100 * estimate.low, 100 * estimate.high
    if estimate.high - estimate.low > widest:
        return f"{low:.1f} to {high:.1f} %"
    return f"{value:.1f} % ({low:.1f}-{high:.1f})"


def p_in_words(p: float) -> str:
    """Give a test's p as "p = 0.032", "p < 0.001" or "p not defined"."""
    return f"p {NOT_DEFINED}" if math.isnan(p) else "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def difference_in_words(difference: Estimate, p: float) -> str:
    """Give a paired difference as "+0.0120 (-0.0031 to +0.0271, p = 0.12)"."""
    if math.isnan(difference.value):
        return NOT_DEFINED
    held = without_empty_interval(difference)
    interval = "no interval" if math.isnan(held.low) else f"{held.low:+.4f} to {held.high:+.4f}"
    return f"{difference.value:+.4f} ({interval}{'' if math.isnan(p) else f', {p_in_words(p)}'})"


def without_empty_interval(estimate: Estimate) -> Estimate:
    """Give a figure without an interval of no width, DeLong's of a perfect order: few films are no certainty."""
    return replace(estimate, low=math.nan, high=math.nan) if estimate.low == estimate.high else estimate


def comparison_rows(comparison: Comparison, first: str, second: str) -> list[dict[str, str]]:
    """Give two models on the same films as rows: both figures, their paired difference, and the test's p."""
    areas = comparison.area_under_roc
    rows = [("Area under the ROC curve (DeLong)", areas.first, areas.second, areas.difference, areas.p, "")]
    for label, share in (
        ("Accuracy (McNemar)", comparison.accuracy),
        ("Sensitivity (McNemar)", comparison.sensitivity),
        ("Specificity (McNemar)", comparison.specificity),
    ):
        only = f"{share.only_first_right} / {share.only_second_right}"
        rows.append((label, share.first, share.second, share.difference, share.p, only))
    return [
        {
            "Figure": label,
            first: value_in_words(one),
            second: value_in_words(other),
            "Difference": with_interval(difference),
            "p": number_in_words(p, ".3g"),
            "Right: only the first / only the second": only,
        }
        for label, one, other, difference, p, only in rows
    ]


def comparison_lines(comparison: Comparison, first: str, second: str) -> list[str]:
    """Say which of two models is better at what: by how much, with its interval, and the test's p."""
    areas = comparison.area_under_roc
    films = f"{counted(comparison.n, 'X-ray')} ({comparison.n_pneumonia} with pneumonia)"
    lines = [
        f"{first} against {second} on the same {films}, each at its own balanced point:",
        _difference_line("Area under the ROC curve", "DeLong", areas, first, second),
    ]
    for label, share in (
        ("Accuracy", comparison.accuracy),
        ("Sensitivity", comparison.sensitivity),
        ("Specificity", comparison.specificity),
    ):
        lines.append(_difference_line(label, "McNemar", share, first, second))
        if not math.isnan(share.p):
            lines[-1] += f" Right alone: {first} {share.only_first_right}, {second} {share.only_second_right}."
    return lines


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """Give two models on the same films as plain data; differences are first minus second."""
    found: dict[str, Any] = {"n": comparison.n, "n_pneumonia": comparison.n_pneumonia}
    for name in ("area_under_roc", "accuracy", "sensitivity", "specificity"):
        part = getattr(comparison, name)
        found[name] = {
            **named_data("first", part.first),
            **named_data("second", part.second),
            **named_data("difference", part.difference),
            "p": number_or_none(part.p),
        }
    return found


def number_or_none(value: float) -> float | None:
    """Give a number as JSON can hold it: None for `nan`."""
    return None if math.isnan(value) else value


def interval_data(estimate: Estimate) -> list[float] | None:
    """Give a figure's 95 % interval as [low, high]; None without one."""
    held = without_empty_interval(estimate)
    return None if math.isnan(held.value) or math.isnan(held.low) else [held.low, held.high]


def named_data(name: str, estimate: Estimate) -> dict[str, Any]:
    """Give a figure as plain data: its value under `name`, its interval under `name` and "_ci"."""
    return {name: number_or_none(estimate.value), f"{name}_ci": interval_data(estimate)}


def estimate_data(estimate: Estimate | None) -> dict[str, float] | None:
    """Give a figure as plain data: value, low and high; None where it is not defined, or there is none."""
    if estimate is None or math.isnan(estimate.value):
        return None
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _difference_line(label: str, test: str, part: AreaComparison | ShareComparison, first: str, second: str) -> str:
    difference = part.difference
    if math.isnan(difference.value):
        return f"{label}: {NOT_DEFINED} on these X-rays."
    better, sign = (first, 1) if difference.value >= 0 else (second, -1)
    low, high = sorted((sign * difference.low, sign * difference.high))
    found = f"{better} is higher by {abs(difference.value):.3f}"
    if difference.value == 0:
        found = "no difference"
    elif not part.p < 0.05:
        found = f"no clear difference: {found}"
    interval = "no interval" if math.isnan(low) or low == high else f"95 % interval {low:.3f} to {high:.3f}"
    values = f"{first} {part.first.value:.3f}, {second} {part.second.value:.3f}"
    return f"{label}: {values}; {found} ({interval}, {test}'s {p_in_words(part.p)})."
