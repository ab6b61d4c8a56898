"""An evaluation as rows: of figures, operating points, groups and thresholds in words, and of films as CSV.

A film is named by its number and SHA-256; file names, which can carry a patient's name, stand in a table only if asked.
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pneumo_core.evaluate.assessment import Assessment, GroupResult
from pneumo_core.evaluate.cohort import Cohort
from pneumo_core.evaluate.routing import NO_VERDICT, asked_of, flags_at, own_probabilities
from pneumo_core.evaluate.runs import FilmScore
from pneumo_core.files import plain_cell
from pneumo_core.film import DAYS_IN_A_YEAR
from pneumo_core.models import Asked
from pneumo_core.stats import (
    Estimate,
    Mix,
    OperatingPoint,
    ThresholdFigures,
    interval_in_words,
    number_in_words,
    threshold_table,
    value_in_words,
    values_in_mix,
    why_no_values,
    with_interval,
)

THRESHOLD_LABELS = {
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity (recall)",
    "specificity": "Specificity",
    "positive_predictive_value": "Positive predictive value (precision), of these X-rays",
    "negative_predictive_value": "Negative predictive value, of these X-rays",
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
# Labels of groups that these would not tell apart.
_LABELS_OF_GROUPS = {"other": "abnormal_no_opacity"}
_IN_MIX = ("PPV %", "NPV %", "Cost per case found")


@dataclass(frozen=True, slots=True)
class ScreeningSetting:
    """Where the model is to be used, as the table of thresholds takes it; costs are in any one unit.

    `mix` is that of the site's patients; None where nobody has stated one.
    """

    mix: Mix | None = None
    cost_per_film: float = 1.0
    cost_per_confirmation: float = 5.0

    @property
    def prevalence(self) -> float:
        """Give the share with the finding; where no mix is stated, one to begin a lesson with."""
        return self.mix.finding if self.mix else 0.1


SETTING = ScreeningSetting()


def figure_rows(assessment: Assessment, figures: ThresholdFigures) -> list[tuple[str, str, str, int]]:
    """List every figure as label, value, 95 % interval and number of films."""
    found = [(label, getattr(figures, name)) for name, label in THRESHOLD_LABELS.items()]
    found += [(label, getattr(assessment.overall, name)) for name, label in OVERALL_LABELS.items()]
    return [(label, value_in_words(estimate), interval_in_words(estimate), estimate.n) for label, estimate in found]


def point_words(point: OperatingPoint, figures: ThresholdFigures, *, is_mixed: bool = False) -> dict[str, str]:
    """Give an operating point with its counts and its figures in words, for a table.

    Args:
        is_mixed: where each population has a threshold of its own.
    """
    matrix = figures.confusion
    return {
        "Point": point.name,
        "Threshold %": "each population's own" if is_mixed else f"{100 * point.threshold:.1f}",
        "Chosen for": point.use if is_mixed else point.chosen_for,
        "TP": str(matrix.true_positives),
        "FP": str(matrix.false_positives),
        "TN": str(matrix.true_negatives),
        "FN": str(matrix.false_negatives),
        "Sensitivity": with_interval(figures.sensitivity),
        "Specificity": with_interval(figures.specificity),
    }


def population_rows(assessment: Assessment) -> list[dict[str, str]]:
    """Give the figures at each population's balanced point as rows of a table; none where the model has one."""
    rows = []
    for part in assessment.parts:
        figures = part.figures("balanced")
        rows.append(
            {
                "Population": part.population.name,
                "A flag says": part.population.finding,
                "Threshold %": f"{100 * part.threshold('balanced'):.1f}",
                "n (with the finding)": f"{len(part.cohort)} ({int(part.cohort.has_pneumonia.sum())})",
                "AUC": with_interval(part.overall.area_under_roc),
                "Sensitivity": with_interval(figures.sensitivity),
                "Specificity": with_interval(figures.specificity),
            }
        )
    return rows


def label_group_rows(assessment: Assessment, mix: Mix | None) -> list[dict[str, str]]:
    """Give at each point the rates of three groups of labels, and the predictive values in a mix of patients."""
    if not assessment.cohort.has_three_groups:
        return []
    rows = []
    for point in assessment.population.operating_points:
        rates = assessment.rates(point.name)
        values = values_in_mix(rates, mix)
        rows.append(
            {
                "Point": point.name,
                "Sensitivity": _rate(rates.sensitivity),
                "Specificity, other abnormalities": _rate(rates.specificity_other),
                "Specificity, normal": _rate(rates.specificity_normal),
                **({} if values is None else {"PPV in the mix": with_interval(values[0])}),
                **({} if values is None else {"NPV in the mix": with_interval(values[1])}),
            }
        )
    return rows


def _rate(rate: Estimate | None) -> str:
    return "not measured" if rate is None else f"{with_interval(rate)}, n = {rate.n}"


def why_no_values_here(assessment: Assessment, mix: Mix | None) -> str:
    """Say why there are no predictive values for a mix of patients; "" where there are."""
    return why_no_values(assessment.rates("balanced"), mix)


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
    assessment: Assessment, mix: Mix | None, cost_per_film: float, cost_per_confirmation: float
) -> list[dict[str, Any]]:
    """Give the WHO/TDR table as rows: thresholds in steps of 5 %, and the model's operating points.

    Predictive values and costs stand in it where a mix is stated and all its groups are among these X-rays.
    """
    cohort = assessment.cohort
    own = [point.threshold for point in assessment.population.operating_points]
    thresholds = np.unique(np.concatenate([np.linspace(0.05, 0.95, 19), own]))
    table = threshold_table(
        cohort.has_pneumonia,
        cohort.probabilities,
        thresholds,
        mix.finding if mix else 0.5,
        cost_per_film,
        cost_per_confirmation,
        _weights(cohort, mix) if mix else None,
    )
    names = {point.threshold: point.name for point in reversed(assessment.population.operating_points)}
    left_out = _IN_MIX if why_no_values_here(assessment, mix) else ()
    rows = [
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
    return [{name: value for name, value in row.items() if name not in left_out} for row in rows]


def _weights(cohort: Cohort, mix: Mix) -> np.ndarray:
    """Weigh each film without the finding so that other abnormalities and normal ones stand as in the mix."""
    weights = np.zeros(len(cohort))
    for group in ("other", "normal"):
        chosen = cohort.of_group(group)
        weights[chosen] = getattr(mix, group) / max(1, int(chosen.sum()))
    return weights


def screening_note(assessment: Assessment, mix: Mix | None) -> str:
    """Say what the table of thresholds holds for."""
    own = "Counts, sensitivity and specificity are those of these X-rays."
    if why := why_no_values_here(assessment, mix):
        return f"{own} {why} A threshold is the same score everywhere."
    return (
        f"{own} Predictive values and costs hold for the mix of patients and the costs named (after the WHO/TDR "
        "toolkit for CAD thresholds, 2021). The probabilities are not recalibrated to that mix. They stay as "
        f"calibrated at {calibrated_at(assessment)}. A threshold is the same score everywhere."
    )


def calibrated_at(assessment: Assessment) -> str:
    """Say at which prevalence the model's probabilities are calibrated."""
    return f"a prevalence of {100 * assessment.population.calibration.prevalence:.3g} %"


def scores_csv(assessment: Assessment, names: Sequence[str] | None = None) -> bytes:
    """Give a row a film, in the source's order; `suspected_pneumonia` is likely, uncertain or unlikely.

    `copy_of` is the number of the film whose very same content counts instead of this one. `probability` is that for
    the first population asked. A column of flags is empty where the populations asked differ, or none was asked.

    Args:
        names: the films' file names by number, for a column of their own; none unless given. With them it is a table of
            files and labels, which can be evaluated again, and begins with a mark by which spreadsheets know UTF-8.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    card, at = assessment.card, assessment.population.operating_points
    scored = [score for score in assessment.scores if score.logit is not None]
    flags = {
        point.name: {
            score.number: "" if flag == NO_VERDICT else int(flag)
            for score, flag in zip(scored, flags_at(scored, card, point.name).tolist(), strict=True)
        }
        for point in at
    }
    of_film = {score.number: one for score, one in zip(scored, own_probabilities(scored, card).tolist(), strict=True)}
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
            "group",
            "age",
            "age_from",
            "population",
            "finding",
            "probability",
            "suspected_pneumonia",
        ]
        + [f"flagged_{point.name}" for point in at]
    )
    for score in assessment.scores:
        probability, who = of_film.get(score.number), asked_of(score, card)
        is_shown = probability is not None and not math.isnan(probability)
        label = _LABELS_OF_GROUPS.get(score.group, _LABELS[score.has_pneumonia])
        writer.writerow(
            [
                score.number + 1,
                *([plain_cell(names[score.number]), label] if names is not None else []),
                score.sha256 or "",
                "refused" if probability is None else "read",
                plain_cell(score.reason or ""),
                assessment.copies.get(score.number, -1) + 1 or "",
                ", ".join(assessment.tags(score)),
                "" if score.has_pneumonia is None else int(score.has_pneumonia),
                score.group,
                age_in_short(score.age_years),
                age_source(score),
                "" if probability is None else who.name,
                " or ".join(dict.fromkeys(population.finding for population in who.populations)),
                f"{probability:.6f}" if is_shown else "",
                outcome_of(assessment, who, probability),
                *(flags[point.name].get(score.number, "") for point in at),
            ]
        )
    return file.getvalue().encode("utf-8" if names is None else "utf-8-sig")


def age_in_short(age_years: float | None) -> str:
    """Write an age as DICOM does: "45Y", below two years "8M", below two months "10D"; "" where it is not known."""
    if age_years is None:
        return ""
    months = int(12 * age_years + 1e-6)
    if age_years >= 2:
        return f"{int(age_years)}Y"
    return f"{months}M" if months >= 2 else f"{round(DAYS_IN_A_YEAR * age_years)}D"


def age_source(score: FilmScore) -> str:
    """Name who tells a patient's age: "file", "table" or "option"; "" where nobody does."""
    return "" if score.age_years is None else score.age_from or "file"


def outcome_of(assessment: Assessment, who: Asked, probability: float | None) -> str:
    """Say likely, uncertain or unlikely where one population is asked that has such limits; else ""."""
    if probability is None or len(who.populations) != 1:
        return ""
    regions = assessment.regions.get(who.populations[0].name)
    return "" if regions is None else regions.outcome(probability)


def worklist_order(assessment: Assessment) -> list[tuple[FilmScore, float]]:
    """Give the scored films with their probabilities, the highest first; equal ones stay in the source's order.

    Films of patients whom no population is asked of come last, with `nan`.
    """
    films = [score for score in assessment.scores if score.logit is not None]
    values = own_probabilities(films, assessment.card)
    return [(films[place], float(values[place])) for place in np.argsort(-values, kind="stable")]


def films_of_cell(
    assessment: Assessment, has_pneumonia: bool, is_flagged: bool, at: float | str
) -> list[tuple[FilmScore, float]]:
    """Give the films of one cell of the confusion matrix with their probabilities, the most wrong or surest first."""
    cohort, flagged = assessment.cohort.decided(at)
    chosen = (cohort.has_pneumonia == has_pneumonia) & (flagged == is_flagged)
    films = [(cohort.scores[place], float(cohort.probabilities[place])) for place in np.flatnonzero(chosen)]
    return sorted(films, key=lambda film: -abs(film[1] - _threshold_of(assessment, film[0], at)))


def _threshold_of(assessment: Assessment, score: FilmScore, at: float | str) -> float:
    """Give the threshold that a film's probability is compared with: its own population's, the first asked."""
    if not isinstance(at, str):
        return at
    return asked_of(score, assessment.card).populations[0].operating_point(at).threshold
