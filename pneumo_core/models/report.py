"""A comparison with the model in use as tables, a chart and words, for whoever decides on a promotion."""

from pathlib import PurePosixPath
from typing import Literal, NamedTuple

import numpy as np

from pneumo_core.draw import Chart
from pneumo_core.models.challenge import LARGE_LOSS, Challenge
from pneumo_core.models.figures import paired_figure
from pneumo_core.stats import comparison_rows, difference_in_words
from pneumo_core.wording import counted

CANDIDATE, IN_USE = "the candidate", "the model in use"
WHEN_WORSE = (
    "Where few X-rays differ, the interval of a share (Newcombe) and its test (McNemar, exact) can disagree. The "
    "interval is an approximation. The test counts only X-rays on which one model alone is right. A difference is "
    "called better or worse only where both agree."
)


class Outcome(NamedTuple):
    """The outcome of a comparison in a sentence: "worse", "open" (a large loss is not ruled out), "better", "alike"."""

    kind: Literal["worse", "open", "better", "alike"]
    words: str


def outcome(challenge: Challenge, in_use: str = IN_USE) -> Outcome:
    """Say what comes first: worse anywhere, a large loss left open, or neither."""
    of = counted(challenge.differences, "difference")
    populations = challenge.populations_in_words()
    beside = f" {populations}" if populations else ""
    if challenge.worse:
        words = f"Worse than {in_use} by more than chance in {len(challenge.worse)} of {of}."
        better = [part.population for part in challenge.by_population if part.better and not part.worse]
        if challenge.others and better:
            words = f"Better in {', '.join(better)} does not make up for it: {words[:1].lower()}{words[1:]}"
        return Outcome("worse", f"{words}{beside}")
    if challenge.losses_left_open:
        return Outcome("open", f"{challenge.losses_in_words()}{beside}")
    ruled_out = f"on the films as they are, a loss of more than {LARGE_LOSS} is ruled out (95 % intervals)"
    if challenge.better:
        return Outcome(
            "better",
            f"Better than {in_use} by more than chance in {len(challenge.better)} of {of}, "
            f"and worse in none; {ruled_out}.{beside}",
        )
    return Outcome("alike", f"Neither better nor worse than {in_use} by more than chance; {ruled_out}.{beside}")


def films_in_words(challenge: Challenge) -> str:
    """Say on which films the models were compared."""
    with_pneumonia = sum(pair.has_pneumonia for pair in challenge.pairs)
    is_one = challenge.left_out == 1
    others = (
        f"{counted(challenge.left_out, 'further X-ray')} {'is' if is_one else 'are'} left out, because "
        f"{challenge.current} was trained on {'it' if is_one else 'them'} and would look better than it is."
        if challenge.left_out
        else f"{challenge.current} is not known to have been trained on any of them."
    )
    return (
        f"{counted(challenge.films, 'X-ray')} ({with_pneumonia} with pneumonia) of "
        f"{counted(challenge.patients, 'patient')}: the candidate's validation X-rays. "
        f"{_whom_they_favour(challenge)} {others}"
    )


def _whom_they_favour(challenge: Challenge) -> str:
    chose, both = "They chose the epoch and the thresholds of the candidate", challenge.validated_by_current
    if both is None:
        return f"{chose}, which favours it. It is not known whether any also chose those of the model in use."
    if both == 0:
        return f"{chose}, which favours it. They chose none of those of the model in use."
    if both >= challenge.films:
        return f"{chose}. All of them also chose those of the model in use, which favours both."
    rest = challenge.films - both
    return (
        f"{chose}, and {both} of them also chose those of the model in use. Only the other {rest} "
        f"{'favours' if rest == 1 else 'favour'} the candidate alone."
    )


def main_rows(challenge: Challenge) -> list[dict[str, str]]:
    """List both models' figures on the films as they are, with their differences."""
    return comparison_rows(challenge.copies[0].comparison, CANDIDATE.capitalize(), IN_USE.capitalize())


def copy_rows(challenge: Challenge) -> list[dict[str, str]]:
    """List every copy of the films with the differences on it, and how well both are calibrated."""
    return [
        {
            "X-rays": copy.films,
            **{
                f"{label} difference": difference_in_words(part.difference, part.p)
                for label, part in (
                    ("AUC", copy.comparison.area_under_roc),
                    ("Sensitivity", copy.comparison.sensitivity),
                    ("Specificity", copy.comparison.specificity),
                )
            },
            "Brier score": f"{copy.candidate_brier:.3f} / {copy.current_brier:.3f}",
            "ECE": f"{copy.candidate_calibration_error:.3f} / {copy.current_calibration_error:.3f}",
        }
        for copy in challenge.copies
    ]


def paired_chart(challenge: Challenge, text_colour: str) -> Chart:
    """Draw both models' probabilities of every film."""
    has_pneumonia, first, second = (
        np.array([getattr(pair, name) for pair in challenge.pairs])
        for name in ("has_pneumonia", "candidate", "current")
    )
    thresholds = (challenge.candidate_threshold, challenge.current_threshold)
    only_first = int(((first >= thresholds[0]) & (second < thresholds[1])).sum())
    changed = len(challenge.changed_sides)
    return Chart(
        "Both probabilities of every X-ray",
        paired_figure(has_pneumonia, first, second, thresholds, (CANDIDATE, IN_USE), text_colour),
        f"Paired probabilities of {counted(len(challenge.pairs), 'X-ray')}: {only_first} flagged by the candidate "
        f"only, {changed - only_first} by the model in use only",
        f"One mark is one X-ray. Amber: each model's own balanced threshold (candidate {100 * thresholds[0]:.1f} %, "
        f"in use {100 * thresholds[1]:.1f} %). Upper left of both: the candidate flags alone; lower right: the model "
        "in use.",
    )


def changed_rows(challenge: Challenge) -> list[dict[str, object]]:
    """List the films that changed sides, the largest difference first."""
    return [
        {
            # Its folders say split and label, and cut the name off.
            "X-ray": PurePosixPath(pair.name).name,
            "Candidate": 100 * pair.candidate,
            "In use": 100 * pair.current,
            "Right": "candidate" if challenge.is_right(pair) else "in use",
            "Label": "with pneumonia" if pair.has_pneumonia else "without pneumonia",
        }
        for pair in challenge.changed_sides
    ]


def changed_in_words(challenge: Challenge) -> str:
    """Say how many films changed sides, and who is right on them."""
    changed = challenge.changed_sides
    right = sum(challenge.is_right(pair) for pair in changed)
    return (
        f"{len(changed)} of {counted(challenge.films, 'X-ray')} changed sides, each model at its balanced threshold. "
        f"The candidate is right on {right}, the model in use on {len(changed) - right}."
    )
