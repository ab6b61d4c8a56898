"""An evaluation as files: JSON and CSV for machines, one self-contained HTML page for people.

A film is named by its number and SHA-256; file names, which can carry a patient's name, stand in a table only if asked.
"""

import csv
import datetime
import hashlib
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pneumo_core.draw import Chart, chart_html, page_template
from pneumo_core.evaluate.assessment import Assessment, GroupResult, group_results, points
from pneumo_core.evaluate.figures import (
    confusion_figure,
    decision_figure,
    histogram_figure,
    precision_recall_figure,
    reliability_figure,
    roc_figure,
)
from pneumo_core.evaluate.runs import FilmScore
from pneumo_core.files import plain_cell
from pneumo_core.stats import (
    OperatingPoint,
    ThresholdFigures,
    area,
    interval_in_words,
    named_data,
    number_in_words,
    number_or_none,
    probabilities,
    threshold_table,
    value_in_words,
    with_interval,
)
from pneumo_core.versions import versions_in_words
from pneumo_core.wording import NOTICE, counted

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


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the model is to be used, as the table of thresholds takes it; costs are in any one unit."""

    prevalence: float = 0.1
    cost_per_film: float = 1.0
    cost_per_confirmation: float = 5.0


SETTING = Setting()


def figure_rows(assessment: Assessment, figures: ThresholdFigures) -> list[tuple[str, str, str, int]]:
    """List every figure as label, value, 95 % interval and number of films."""
    found = [(label, getattr(figures, name)) for name, label in THRESHOLD_LABELS.items()]
    found += [(label, getattr(assessment.overall, name)) for name, label in OVERALL_LABELS.items()]
    return [(label, value_in_words(estimate), interval_in_words(estimate), estimate.n) for label, estimate in found]


def honesty_lines(assessment: Assessment) -> list[str]:
    """Say what speaks against the figures, in whole sentences."""
    lines = []
    together = assessment.metadata[-1][1]
    of_network = assessment.overall.area_under_roc
    if math.isnan(together.value):
        lines.append("Too few patients to say how well the files' outward facts alone separate the classes.")
    else:
        lines.append(
            f"File size, aspect ratio, pixel count, colour mode and mean brightness alone reach an area of "
            f"{area(together)}; the network reaches {of_network.value:.3f}. "
            "What the files give away without a look at the lungs is no merit of a network."
        )
    if assessment.known is None:
        lines.append("The model has no list of its training films, so it is not known how many of these it has seen.")
    else:
        count, n = int(assessment.known.sum()), len(assessment.cohort)
        others = "none is left to be a test" if count == n else "the groups hold the figures without them"
        lines.append(
            f"{count} of {counted(n, 'film')} {'is' if count == 1 else 'are'} known to the model from its training or "
            "validation" + (f"; {others}." if count else ".")
        )
    if not math.isnan(assessment.best_threshold):
        in_use = assessment.card.operating_point("balanced").threshold
        found, best = (
            assessment.figures(threshold).balanced_accuracy for threshold in (in_use, assessment.best_threshold)
        )
        start = f"The balanced threshold, chosen on validation films, is {100 * in_use:.1f} %; "
        lines.append(
            start + "no other would have been better on these very films."
            if found.value >= best.value
            else f"{start}on these very films {100 * assessment.best_threshold:.1f} % would have been best: a "
            f"balanced accuracy of {best.value:.3f} and not {found.value:.3f}. A large gap says that the threshold "
            "does not carry over; choosing it here and reporting it here would be circular."
        )
    if assessment.patients_repeat:
        lines.append(
            f"{len(assessment.cohort)} films are of {counted(assessment.patients, 'patient')}: all intervals are by "
            "patient."
        )
    if assessment.contradictory:
        lines.append(
            f"{len(assessment.contradictory)} films were given with both labels (the very same file): in no figure."
        )
    if assessment.warned_of:
        counts = ", ".join(f"{name} {count}" for name, count in assessment.warned_of.items())
        lines.append(f"Scored with a warning that stays on the film (a film may have several): {counts}.")
    return lines


def charts(assessment: Assessment, figures: ThresholdFigures, text_colour: str) -> list[Chart]:
    """Draw all figures of an evaluation at a threshold, the confusion matrix first."""
    cohort, matrix, curves = assessment.cohort, figures.confusion, assessment.curves
    at_points = points(assessment)
    return [
        Chart(
            "Confusion matrix",
            confusion_figure(matrix, text_colour),
            f"{matrix.true_positives} true positives, {matrix.false_negatives} false negatives, "
            f"{matrix.false_positives} false positives, {matrix.true_negatives} true negatives",
            "A row is what the films are labelled, a column what the network says at this threshold.",
        ),
        Chart(
            "ROC curve",
            roc_figure(curves.roc, figures, at_points, text_colour),
            f"ROC curve, area {value_in_words(assessment.overall.area_under_roc)}",
            "Each point is a threshold: up is more cases found, right is more false alarms. The area is the chance "
            "that a film with pneumonia scores higher than one without.",
        ),
        Chart(
            "Precision and recall",
            precision_recall_figure(curves.precision_recall, figures, at_points, text_colour),
            f"Precision over recall, average precision {value_in_words(assessment.overall.average_precision)}",
            "What share of the flagged films have pneumonia, over the share of cases found. It holds at the prevalence "
            "of these films only.",
        ),
        Chart(
            "Reliability",
            reliability_figure(curves.reliability, text_colour),
            "Predicted probability against observed share, expected calibration error "
            + value_in_words(assessment.overall.expected_calibration_error),
            "Points on the dotted line: of films scored 80 %, 80 in 100 have pneumonia. It holds at the prevalence of "
            "these films; larger points are more films.",
        ),
        Chart(
            "Scores by class",
            histogram_figure(cohort.has_pneumonia, cohort.probabilities, figures.threshold, text_colour),
            f"Histogram of probabilities by class, threshold {figures.threshold:.3f}",
            "The amber line is the threshold: all to its right is flagged.",
        ),
        Chart(
            "Decision curve",
            decision_figure(curves.decision, figures.threshold, text_colour),
            "Net benefit of the model, of flagging all and of flagging none, over threshold probabilities",
            "True positives per film, less false alarms weighed by the threshold: where the model lies above both "
            "other lines, acting on it is better than flagging all or none. It holds at the prevalence of these films, "
            f"to which the probabilities are not recalibrated (they are calibrated at {_calibrated_at(assessment)}).",
        ),
    ]


def evaluation_data(assessment: Assessment, left_out: Sequence[str] | None = None) -> dict[str, Any]:
    """Give an evaluation as plain data; what is not defined is None.

    Args:
        left_out: a sentence on each file that was left out before scoring; None where that is no longer known.
    """
    cohort = assessment.cohort
    n = len(cohort)
    overall = assessment.overall
    return {
        "films": assessment.films,
        "scored": len(assessment.scores) - len(assessment.refused),
        "refused": len(assessment.refused),
        "n": n,
        "n_pneumonia": int(cohort.has_pneumonia.sum()),
        "patients": assessment.patients,
        "intervals": "bootstrap by patient" if assessment.patients_repeat else "Wilson, DeLong, bootstrap by film",
        "prevalence": float(cohort.has_pneumonia.mean()) if n else None,
        "model": assessment.card.name,
        "weights_sha256": assessment.card.weights_sha256,
        **named_data("auc", overall.area_under_roc),
        **{
            key: value
            for name in OVERALL_LABELS
            if name != "area_under_roc"
            for key, value in named_data(name, getattr(overall, name)).items()
        },
        "operating_points": {point.name: _point_data(point, figures) for point, figures in points(assessment)},
        "groups": [
            _group_data(group)
            for group in group_results(assessment, assessment.card.operating_point("balanced").threshold)
        ],
        "metadata_alone": {name: named_data("auc", alone) for name, alone in assessment.metadata},
        "known_to_the_model": None if assessment.known is None else int(assessment.known.sum()),
        "best_threshold_here": number_or_none(assessment.best_threshold),
        "contradictory": len(assessment.contradictory),
        "left_out": None if left_out is None else list(left_out),
        "warned_of": assessment.warned_of,
        "refusals": [{"film": score.number + 1, "reason": score.reason} for score in assessment.refused],
        "notice": NOTICE,
    }


def evaluation_json(assessment: Assessment, left_out: Sequence[str] | None = None) -> bytes:
    """Give `evaluation_data` as a JSON file."""
    return (json.dumps(evaluation_data(assessment, left_out), indent=2) + "\n").encode()


def scores_csv(assessment: Assessment, names: Sequence[str] | None = None) -> bytes:
    """Give a row a film, in the source's order; `suspected_pneumonia` is likely, uncertain or unlikely.

    Args:
        names: the films' file names by number, for a column of their own; none unless given.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    at, regions = assessment.card.operating_points, assessment.regions
    writer.writerow(
        [
            "film",
            *(["file"] if names is not None else []),
            "sha256",
            "outcome",
            "reason",
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
                *([plain_cell(names[score.number])] if names is not None else []),
                score.sha256 or "",
                "refused" if probability is None else "read",
                plain_cell(score.reason or ""),
                ", ".join(assessment.tags(score)),
                "" if score.has_pneumonia is None else int(score.has_pneumonia),
                "" if probability is None else f"{probability:.6f}",
                "" if probability is None or regions is None else regions.outcome(probability),
                *("" if probability is None else int(probability >= point.threshold) for point in at),
            ]
        )
    return file.getvalue().encode()


def worklist_order(assessment: Assessment) -> list[tuple[FilmScore, float]]:
    """Give the scored films with their probabilities, the highest first; equal ones stay in the source's order."""
    films = [score for score in assessment.scores if score.logit is not None]
    values = probabilities(np.array([score.logit for score in films], np.float64), assessment.card.calibration)
    return [(films[place], float(values[place])) for place in np.argsort(-values, kind="stable")]


def films_of_cell(
    assessment: Assessment, has_pneumonia: bool, is_flagged: bool, threshold: float
) -> list[tuple[FilmScore, float]]:
    """Give the films of one cell of the confusion matrix with their probabilities, the most wrong or surest first."""
    cohort = assessment.cohort
    chosen = (cohort.has_pneumonia == has_pneumonia) & ((cohort.probabilities >= threshold) == is_flagged)
    films = [(cohort.scores[place], float(cohort.probabilities[place])) for place in np.flatnonzero(chosen)]
    return sorted(films, key=lambda film: -abs(film[1] - threshold))


def screening_rows(
    assessment: Assessment, prevalence: float, cost_per_film: float, cost_per_confirmation: float
) -> list[dict[str, Any]]:
    """Give the WHO/TDR table as rows: thresholds in steps of 5 %, and the model's operating points."""
    cohort = assessment.cohort
    own = [point.threshold for point in assessment.card.operating_points]
    thresholds = np.unique(np.concatenate([np.linspace(0.05, 0.95, 19), own]))
    table = threshold_table(
        cohort.has_pneumonia, cohort.probabilities, thresholds, prevalence, cost_per_film, cost_per_confirmation
    )
    names = {point.threshold: point.name for point in reversed(assessment.card.operating_points)}
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
        "Counts, sensitivity and specificity are those of these films; predictive values and costs hold at the "
        "prevalence and costs named (after the WHO/TDR toolkit for CAD thresholds, 2021). The probabilities are not "
        f"recalibrated to that prevalence: they stay as calibrated at {_calibrated_at(assessment)}, and a threshold is "
        "the same score everywhere."
    )


def _calibrated_at(assessment: Assessment) -> str:
    return f"a prevalence of {100 * assessment.card.calibration.prevalence:.3g} %"


def evaluation_html(
    assessment: Assessment, threshold: float, setting: Setting = SETTING, left_out: Sequence[str] | None = None
) -> bytes:
    """Give the evaluation at a threshold as one page with all figures and the drawing library in it.

    Args:
        setting: what the table of thresholds is for.
        left_out: as in `evaluation_data`.
    """
    figures = assessment.figures(threshold)
    drawn = charts(assessment, figures, "#1f2937")
    page = page_template("pneumo_core.evaluate", "evaluation.html").render(
        notice=NOTICE,
        card=assessment.card,
        films=counted(assessment.films, "film"),
        n=len(assessment.cohort),
        n_pneumonia=int(assessment.cohort.has_pneumonia.sum()),
        refused=assessment.refused,
        left_out=left_out or (),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        device=assessment.device or "not written down",
        versions=versions_in_words(),
        points=[_point_words(point, figures_there) for point, figures_there in points(assessment)],
        setting=setting,
        screening=screening_rows(assessment, setting.prevalence, setting.cost_per_film, setting.cost_per_confirmation),
        screening_note=screening_note(assessment),
        threshold=f"{100 * threshold:.1f} %",
        rows=figure_rows(assessment, figures),
        honesty=honesty_lines(assessment),
        groups=[group_words(group) for group in group_results(assessment, threshold)],
        charts=[
            (chart, chart_html(chart, f"chart{place}", with_library=place == 0)) for place, chart in enumerate(drawn)
        ],
    )
    return page.encode()


def _point_words(point: OperatingPoint, figures: ThresholdFigures) -> dict[str, str]:
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
        "Films": f"{group.attribute}{': ' if group.name else ''}{group.name}",
        "n (with pneumonia)": f"{group.n} ({group.n_pneumonia})",
        "AUC": with_interval(group.area_under_roc),
        "Sensitivity": with_interval(group.sensitivity),
        "Specificity": with_interval(group.specificity),
        "Note": "few films: these figures say little" if group.is_small else "",
    }


def content_name(content: bytes, ending: str) -> str:
    """Name a file by its content."""
    return f"pneumo_evaluation_{hashlib.sha256(content).hexdigest()[:12]}.{ending}"


def _probability(score: FilmScore, assessment: Assessment) -> float | None:
    if score.logit is None:
        return None
    return float(probabilities(np.array(score.logit), assessment.card.calibration))


def _point_data(point: OperatingPoint, figures: ThresholdFigures) -> dict[str, Any]:
    matrix = figures.confusion
    return {
        "threshold": point.threshold,
        "tp": matrix.true_positives,
        "fp": matrix.false_positives,
        "tn": matrix.true_negatives,
        "fn": matrix.false_negatives,
        **{key: value for name in THRESHOLD_LABELS for key, value in named_data(name, getattr(figures, name)).items()},
    }


def _group_data(group: GroupResult) -> dict[str, Any]:
    return {
        "attribute": group.attribute,
        "name": group.name,
        "n": group.n,
        "n_pneumonia": group.n_pneumonia,
        **named_data("auc", group.area_under_roc),
        **named_data("sensitivity", group.sensitivity),
        **named_data("specificity", group.specificity),
    }
