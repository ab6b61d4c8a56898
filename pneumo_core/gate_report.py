"""A comparison with the model in use as tables, a chart and words, for whoever decides on a promotion."""

import numpy as np

from pneumo_core.evaluation import Estimate
from pneumo_core.evaluation_figures import Chart, paired_figure
from pneumo_core.evaluation_report import comparison_rows, interval_in_words
from pneumo_core.gate import Gate
from pneumo_core.wording import counted

CANDIDATE, IN_USE = "the candidate", "the model in use"


def films_in_words(gate: Gate) -> str:
    """Say on which films the models were compared."""
    with_pneumonia = sum(pair.has_pneumonia for pair in gate.pairs)
    is_one = gate.left_out == 1
    others = (
        f"{counted(gate.left_out, 'further film')} {'is' if is_one else 'are'} left out, because {gate.current} was "
        f"trained on {'it' if is_one else 'them'} and would look better than it is."
        if gate.left_out
        else f"{gate.current} is not known to have been trained on any of them."
    )
    return (
        f"{counted(gate.films, 'film')} ({with_pneumonia} with pneumonia) of {counted(gate.patients, 'patient')}: the "
        f"candidate's validation films. They chose its epoch and its thresholds, which favours it. {others}"
    )


def main_rows(gate: Gate) -> list[dict[str, str]]:
    """List both models' figures on the films as they are, with their differences."""
    return comparison_rows(gate.copies[0].comparison, CANDIDATE.capitalize(), IN_USE.capitalize())


def copy_rows(gate: Gate) -> list[dict[str, str]]:
    """List every copy of the films with the differences on it, and how well both are calibrated."""
    return [
        {
            "Films": copy.films,
            "AUC difference": _difference(copy.comparison.area_under_roc.difference, copy.comparison.area_under_roc.p),
            "Sensitivity difference": _difference(
                copy.comparison.sensitivity.difference, copy.comparison.sensitivity.p
            ),
            "Specificity difference": _difference(
                copy.comparison.specificity.difference, copy.comparison.specificity.p
            ),
            "Brier score": f"{copy.candidate_brier:.3f} / {copy.current_brier:.3f}",
            "ECE": f"{copy.candidate_calibration_error:.3f} / {copy.current_calibration_error:.3f}",
        }
        for copy in gate.copies
    ]


def paired_chart(gate: Gate, text_colour: str) -> Chart:
    """Draw both models' probabilities of every film."""
    has_pneumonia, first, second = (
        np.array([getattr(pair, name) for pair in gate.pairs]) for name in ("has_pneumonia", "candidate", "current")
    )
    thresholds = (gate.candidate_threshold, gate.current_threshold)
    only_first = int(((first >= thresholds[0]) & (second < thresholds[1])).sum())
    changed = len(gate.changed_sides)
    return Chart(
        "Both probabilities of every film",
        paired_figure(has_pneumonia, first, second, thresholds, (CANDIDATE, IN_USE), text_colour),
        f"Paired probabilities of {counted(len(gate.pairs), 'film')}: {only_first} flagged by the candidate only, "
        f"{changed - only_first} by the model in use only",
        f"One mark a film. Amber: each model's own balanced threshold (candidate {100 * thresholds[0]:.1f} %, in use "
        f"{100 * thresholds[1]:.1f} %). Upper left of both: the candidate flags alone; lower right: the model in use.",
    )


def changed_rows(gate: Gate) -> list[dict[str, object]]:
    """List the films that changed sides, the largest difference first."""
    return [
        {
            "Film": pair.name,
            "Candidate": 100 * pair.candidate,
            "In use": 100 * pair.current,
            "Right": "candidate" if gate.is_right(pair) else "in use",
            "Label": "with pneumonia" if pair.has_pneumonia else "without pneumonia",
        }
        for pair in gate.changed_sides
    ]


def changed_in_words(gate: Gate) -> str:
    """Say how many films changed sides, and who is right on them."""
    changed = gate.changed_sides
    right = sum(gate.is_right(pair) for pair in changed)
    return (
        f"{len(changed)} of {counted(gate.films, 'film')} changed sides, each model at its balanced threshold: the "
        f"candidate is right on {right}, the model in use on {len(changed) - right}."
    )


def _difference(difference: Estimate, p: float) -> str:
    if np.isnan(difference.value):
        return "not defined"
    interval = interval_in_words(difference)
    words = "no interval" if interval == "none" else f"{difference.low:+.3f} to {difference.high:+.3f}"
    chance = "" if np.isnan(p) else ", p < 0.001" if p < 0.001 else f", p = {p:.2g}"
    return f"{difference.value:+.3f} ({words}{chance})"
