"""An evaluation as rows: of figures, operating points, groups and thresholds in words, and of films as CSV.

A film is named by its number and SHA-256; file names, which can carry a patient's name, stand in a table only if asked.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pneumo_core.evaluate.assessment import Assessment, GroupResult
from pneumo_core.evaluate.runs import FilmScore
from pneumo_core.files import plain_cell
from pneumo_core.stats import (
    OperatingPoint,
    ThresholdFigures,
    interval_in_words,
    number_in_words,
    probabilities,
    threshold_table,
    value_in_words,
    with_interval,
)

THRESHOLD_LABELS = {
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity (recall)",
    "specificity": "Specificity",
    "positive_predictive_value": "Positive predictive value (precision)",
    "negative_predictive_value": "Negative predictive value",
    "f1": "F1",
    "balanced_accuracy": "Balanced accuracy",
    "matthews_correlation": "Matthews correlation",
}
OVERALL_LABELS = {
    "area_under_roc": "Area under the ROC curve",
    "average_precision": "Average precision",
    "brier_score": "Brier score",
    "log_loss": "Log loss",
    "expected_calibration_error": "Expected calibration error",
}
_LABELS = {None: "", False: "NORMAL", True: "PNEUMONIA"}


@dataclass(frozen=True, slots=True)
class ScreeningSetting:
    """Where the model is to be used, as the table of thresholds takes it; costs are in any one unit."""

    prevalence: float = 0.1
    cost_per_film: float = 1.0
    cost_per_confirmation: float = 5.0


SETTING = ScreeningSetting()


def figure_rows(assessment: Assessment, figures: ThresholdFigures) -> list[tuple[str, str, str, int]]:
    """List every figure as label, value, 95 % interval and number of films."""
    found = [(label, getattr(figures, name)) for name, label in THRESHOLD_LABELS.items()]
    found += [(label, getattr(assessment.overall, name)) for name, label in OVERALL_LABELS.items()]
    return [(label, value_in_words(estimate), interval_in_words(estimate), estimate.n) for label, estimate in found]


def point_words(point: OperatingPoint, figures: ThresholdFigures) -> dict[str, str]:
    """Give an operating point with its counts and its figures in words, for a table."""
    matrix = figures.confusion
    return {
        "Point": point.name,
        "Threshold %": f"{100 * point.threshold:.1f}",
        "Chosen for": point.chosen_for,
        "TP": str(matrix.true_positives),
        "FP": str(matrix.false_positives),
        "TN": str(matrix.true_negatives),
        "FN": str(matrix.false_negatives),
        "Sensitivity": with_interval(figures.sensitivity),
        "Specificity": with_interval(figures.specificity),
    }


def group_words(group: GroupResult) -> dict[str, str]:
    """Give a group's figures in words, for a table."""
    return {
        "X-rays": f"{group.attribute}{': ' if group.name else ''}{group.name}",
        "n (with pneumonia)": f"{group.n} ({group.n_pneumonia})",
        "AUC": with_interval(group.area_under_roc),
        "Sensitivity": with_interval(group.sensitivity),
        "Specificity": with_interval(group.specificity),
        "Note": _doubt_of(group),
    }


def outward_rows(assessment: Assessment) -> list[dict[str, str]]:
    """Give what each outward fact of the files alone can do, and all together, as rows of a table."""
    return [
        {"Fact": name, "AUC without the picture": with_interval(alone), "n": str(alone.n)}
        for name, alone in assessment.metadata
    ]


def _doubt_of(group: GroupResult) -> str:
    doubts = ["few X-rays: these figures say little"] if group.is_small else []
    doubts += ["few patients: no interval"] if group.has_few_patients else []
    return "; ".join(doubts)


def screening_rows(
    assessment: Assessment, prevalence: float, cost_per_film: float, cost_per_confirmation: float
) -> list[dict[str, Any]]:
    """Give the WHO/TDR table as rows: thresholds in steps of 5 %, and the model's operating points."""
    cohort = assessment.cohort
    own = [point.threshold for point in assessment.card.first.operating_points]
    thresholds = np.unique(np.concatenate([np.linspace(0.05, 0.95, 19), own]))
    table = threshold_table(
        cohort.has_pneumonia, cohort.probabilities, thresholds, prevalence, cost_per_film, cost_per_confirmation
    )
    names = {point.threshold: point.name for point in reversed(assessment.card.first.operating_points)}
    return [
        {
            "Threshold %": f"{100 * thresholds[row]:.1f}",
            "Point": names.get(float(thresholds[row]), ""),
            "TP": int(table.true_positives[row]),
            "FP": int(table.false_positives[row]),
            "TN": int(table.true_negatives[row]),
            "FN": int(table.false_negatives[row]),
            "Sensitivity %": number_in_words(100 * table.sensitivity[row], ".1f"),
            "Specificity %": number_in_words(100 * table.specificity[row], ".1f"),
            "PPV %": number_in_words(100 * table.positive_predictive_value[row], ".1f"),
            "NPV %": number_in_words(100 * table.negative_predictive_value[row], ".1f"),
            "Cases missed %": number_in_words(100 * table.share_of_cases_missed[row], ".1f"),
            "Cost per case found": number_in_words(table.cost_per_case_found[row], ".2f"),
        }
        for row in range(len(thresholds))
    ]


def screening_note(assessment: Assessment) -> str:
    """Say what the table of thresholds holds for."""
    return (
        "Counts, sensitivity and specificity are those of these X-rays. Predictive values and costs hold at the "
        "prevalence and costs named (after the WHO/TDR toolkit for CAD thresholds, 2021). The probabilities are not "
        f"recalibrated to that prevalence. They stay as calibrated at {calibrated_at(assessment)}. A threshold is "
        "the same score everywhere."
    )


def calibrated_at(assessment: Assessment) -> str:
    """Say at which prevalence the model's probabilities are calibrated."""
    return f"a prevalence of {100 * assessment.card.first.calibration.prevalence:.3g} %"


def scores_csv(assessment: Assessment, names: Sequence[str] | None = None) -> bytes:
    """Give a row a film, in the source's order; `suspected_pneumonia` is likely, uncertain or unlikely.

    `copy_of` is the number of the film whose very same content counts instead of this one.

    Args:
        names: the films' file names by number, for a column of their own; none unless given. With them it is a table of
            files and labels, which can be evaluated again, and begins with a mark by which spreadsheets know UTF-8.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    at, regions = assessment.card.first.operating_points, assessment.regions
    writer.writerow(
        [
            "film",
            *(["file", "label"] if names is not None else []),
            "sha256",
            "outcome",
            "reason",
            "copy_of",
            "warned_of",
            "has_pneumonia",
            "probability",
            "suspected_pneumonia",
        ]
        + [f"flagged_{point.name}" for point in at]
    )
    for score in assessment.scores:
        probability = _probability(score, assessment)
        writer.writerow(
            [
                score.number + 1,
                *([plain_cell(names[score.number]), _LABELS[score.has_pneumonia]] if names is not None else []),
                score.sha256 or "",
                "refused" if probability is None else "read",
                plain_cell(score.reason or ""),
                assessment.copies.get(score.number, -1) + 1 or "",
                ", ".join(assessment.tags(score)),
                "" if score.has_pneumonia is None else int(score.has_pneumonia),
                "" if probability is None else f"{probability:.6f}",
                "" if probability is None or regions is None else regions.outcome(probability),
                *("" if probability is None else int(probability >= point.threshold) for point in at),
            ]
        )
    return file.getvalue().encode("utf-8" if names is None else "utf-8-sig")


def worklist_order(assessment: Assessment) -> list[tuple[FilmScore, float]]:
    """Give the scored films with their probabilities, the highest first; equal ones stay in the source's order."""
    films = [score for score in assessment.scores if score.logit is not None]
    values = probabilities(np.array([score.logit for score in films], np.float64), assessment.card.first.calibration)
    return [(films[place], float(values[place])) for place in np.argsort(-values, kind="stable")]


def films_of_cell(
    assessment: Assessment, has_pneumonia: bool, is_flagged: bool, threshold: float
) -> list[tuple[FilmScore, float]]:
    """Give the films of one cell of the confusion matrix with their probabilities, the most wrong or surest first."""
    cohort = assessment.cohort
    chosen = (cohort.has_pneumonia == has_pneumonia) & ((cohort.probabilities >= threshold) == is_flagged)
    films = [(cohort.scores[place], float(cohort.probabilities[place])) for place in np.flatnonzero(chosen)]
    return sorted(films, key=lambda film: -abs(film[1] - threshold))


def _probability(score: FilmScore, assessment: Assessment) -> float | None:
    if score.logit is None:
        return None
    return float(probabilities(np.array(score.logit), assessment.card.first.calibration))
