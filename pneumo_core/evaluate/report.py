"""An evaluation as files: JSON for machines, one self-contained HTML page for people; a film is named by its number."""

import dataclasses
import datetime
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pneumo_core.draw import chart_html, page_template
from pneumo_core.evaluate.assessment import Assessment, GroupResult, compare_assessments, group_results, points
from pneumo_core.evaluate.figures import charts
from pneumo_core.evaluate.tables import (
    OVERALL_LABELS,
    SETTING,
    THRESHOLD_LABELS,
    ScreeningSetting,
    figure_rows,
    group_words,
    label_group_rows,
    outward_rows,
    point_words,
    population_rows,
    scores_csv,
    screening_note,
    screening_rows,
    why_no_values_here,
)
from pneumo_core.files import write_whole
from pneumo_core.models import notice_of, versions_in_words
from pneumo_core.stats import (
    FEW_PATIENTS,
    MIX_GROUPS,
    Estimate,
    Mix,
    OperatingPoint,
    ThresholdFigures,
    area,
    comparison_data,
    in_brackets,
    named_data,
    number_or_none,
    values_in_mix,
)
from pneumo_core.wording import counted

# A sentence that names more of them nobody reads.
MOST_FACTS_NAMED = 6


def honesty_lines(assessment: Assessment) -> list[str]:
    """Say what speaks against the figures, in whole sentences."""
    lines = []
    together = assessment.metadata[-1][1]
    of_network = assessment.overall.area_under_roc
    if math.isnan(together.value):
        lines.append("Too few patients to say how well the files' outward facts alone separate the classes.")
    else:
        names = [name for name, _ in assessment.metadata[:-1]]
        named = f"{', '.join(names[:-1])} and {names[-1]}"
        if len(names) > MOST_FACTS_NAMED:
            named = f"the {len(names)} outward facts of these files"
        lines.append(
            f"{named[0].upper()}{named[1:]} alone reach an area of {area(together)} over "
            f"{counted(together.n, 'X-ray')}; the network reaches {of_network.value:.3f}. Anything the files reveal "
            "without the lungs must not be credited to the network."
        )
        name, best = max(assessment.metadata[:-1], key=lambda of_fact: of_fact[1].value)
        lines.append(f"Among these facts, {name} alone reaches most, {area(best)}.")
    if assessment.known is None:
        lines.append("The model has no list of its training X-rays. It is not known how many of these it has seen.")
    else:
        count, n = int(assessment.known.sum()), len(assessment.cohort)
        others = "none is left to be a test" if count == n else "the groups hold the figures without them"
        lines.append(
            f"{count} of {counted(n, 'X-ray')} {'is' if count == 1 else 'are'} known to the model from its training "
            "or validation" + (f"; {others}." if count else ".")
        )
    lines += _on_populations(assessment)
    lines += _on_refusals(assessment)
    if not math.isnan(assessment.best_threshold):
        in_use = assessment.threshold("balanced")
        found, best = (
            assessment.figures(threshold).balanced_accuracy for threshold in (in_use, assessment.best_threshold)
        )
        start = f"The balanced threshold, chosen on validation X-rays, is {100 * in_use:.1f} %; "
        lines.append(
            start + "no other would have been better on these very X-rays."
            if found.value >= best.value
            else f"{start}on these very X-rays {100 * assessment.best_threshold:.1f} % would have been best, with a "
            f"balanced accuracy of {best.value:.3f} instead of {found.value:.3f}. A large gap means that the "
            "threshold does not carry over. Choosing a threshold here and reporting it here would be circular."
        )
    lines += assessment.doubts
    if assessment.warned_of:
        counts = ", ".join(f"{name} {count}" for name, count in assessment.warned_of.items())
        lines.append(f"Scored with a warning that stays on the X-ray (an X-ray may have several): {counts}.")
    return lines


def _on_populations(assessment: Assessment) -> list[str]:
    """Say which populations the X-rays were asked of, and which have no verdict; nothing of a model of one."""
    if not assessment.is_mixed:
        return []
    asked = assessment.asked
    names = [population.name for population in assessment.card.populations]
    lines = [f"By age, {' and '.join(f'{asked.get(name, 0)} X-rays are asked of {name}' for name in names)}."]
    several = {"between": "of an age between the populations", "unknown": "without a known age"}
    for kind, words in several.items():
        if count := asked.get(kind):
            lines.append(
                f"{counted(count, 'X-ray')} {'is' if count == 1 else 'are'} {words}. All populations were asked, and "
                "a verdict counts where they agree."
            )
    if differing := assessment.without_verdict("balanced"):
        sick = int(differing.has_pneumonia.sum())
        lines.append(
            f"The populations differ at the balanced point on {counted(len(differing), 'X-ray')} ({sick} with the "
            "finding). These have no verdict and are in no count of this point."
        )
    if count := asked.get("none", 0):
        sick = sum(score.has_pneumonia is True for score in assessment.no_population)
        are = "is of a patient" if count == 1 else "are of patients"
        lines.append(f"{counted(count, 'X-ray')} {are} under 1 year ({sick} with the finding): no verdict, no figure.")
    lines.append("The area over all ages mixes populations that differ in their scores. Please read each one's own.")
    return lines


def _on_refusals(assessment: Assessment) -> list[str]:
    """Say the sensitivity with refused X-rays of the finding counted as missed, where there are such."""
    refused = sum(score.has_pneumonia is True for score in assessment.refused)
    if not refused:
        return []
    of_all = assessment.sensitivity_of_all("balanced")
    have = "X-ray has" if refused == 1 else "X-rays have"
    missed = "refused ones and those without a verdict" if assessment.is_mixed else "refused ones"
    return [
        f"{refused} refused {have} the finding. With {missed} counted as missed, the sensitivity at the balanced point "
        f"is {in_brackets(of_all)}, n = {of_all.n}."
    ]


def evaluation_data(
    assessment: Assessment,
    left_out: Sequence[str] | None = None,
    other: Assessment | None = None,
    notes: Sequence[str] | None = None,
    mix: Mix | None = None,
) -> dict[str, Any]:
    """Give an evaluation as plain data; what is not defined is None.

    Where the model has several populations, each X-ray counts by its own population's point, and `populations` holds
    the same keys for each of them.

    Args:
        left_out: a sentence on each file that was left out before scoring; None where that is no longer known.
        other: another model on the same films; the paired differences then stand under `comparison`.
        notes: sentences on how the files were understood, as in `Source`; None where that is no longer known.
        mix: of the site's patients, for predictive values; None where nobody has stated one.
    """
    return {
        **_figures_data(assessment, mix),
        "mix": None if mix is None else dataclasses.asdict(mix),
        "no_values_in_mix_because": why_no_values_here(assessment, mix) or None,
        **({"asked": assessment.asked} if assessment.is_mixed else {}),
        "populations": {part.population.name: _figures_data(part, mix) for part in assessment.parts},
        "contradictory": len(assessment.contradictory),
        "copies": {str(copy + 1): first + 1 for copy, first in assessment.copies.items()},
        "look_alikes": [[number + 1 for number in group] for group in assessment.look_alikes],
        "warnings": list(assessment.doubts),
        "left_out": None if left_out is None else list(left_out),
        "notes": None if notes is None else list(notes),
        "warned_of": assessment.warned_of,
        "refusals": [
            {"film": score.number + 1, "code": score.code, "reason": score.reason} for score in assessment.refused
        ],
        "notice": notice_of(assessment.card),
        **({} if other is None else {"comparison": _comparison_with(other, assessment)}),
    }


def _figures_data(assessment: Assessment, mix: Mix | None) -> dict[str, Any]:
    """Give the figures of all X-rays, or of a population's."""
    cohort = assessment.cohort
    n, overall = len(cohort), assessment.overall
    three = {group: {"n": int(cohort.of_group(group).sum())} for group in MIX_GROUPS}
    return {
        "films": assessment.films,
        "scored": len(assessment.scores) - len(assessment.refused),
        "refused": len(assessment.refused),
        "n_refused_pneumonia": sum(score.has_pneumonia is True for score in assessment.refused),
        "n_no_population": len(assessment.no_population),
        "n_no_population_pneumonia": sum(score.has_pneumonia is True for score in assessment.no_population),
        "n_without_verdict": len(assessment.without_verdict("balanced")) + len(assessment.no_population),
        "finding": None if assessment.is_mixed else assessment.population.finding,
        "n": n,
        "n_pneumonia": int(cohort.has_pneumonia.sum()),
        "patients": assessment.patients if assessment.are_patients_known else None,
        "intervals": _intervals(assessment),
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
        "operating_points": {
            point.name: _point_data(assessment, point, figures, mix) for point, figures in points(assessment)
        },
        "groups": three if cohort.has_three_groups else None,
        "subgroups": [_group_data(group) for group in group_results(assessment, "balanced")],
        "metadata_alone": {name: {**named_data("auc", alone), "n": alone.n} for name, alone in assessment.metadata},
        "known_to_the_model": None if assessment.known is None else int(assessment.known.sum()),
        "best_threshold_here": number_or_none(assessment.best_threshold),
    }


def evaluation_json(
    assessment: Assessment,
    left_out: Sequence[str] | None = None,
    notes: Sequence[str] | None = None,
    mix: Mix | None = None,
) -> bytes:
    """Give `evaluation_data` as a JSON file."""
    return _as_file(evaluation_data(assessment, left_out, notes=notes, mix=mix))


def write_evaluation(
    folder: Path,
    assessment: Assessment,
    data: dict[str, Any],
    left_out: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    notes: Sequence[str] | None = None,
    mix: Mix | None = None,
) -> None:
    """Write evaluation.json, films.csv and, at the balanced point, evaluation.html into a folder that is there.

    Args:
        data: as `evaluation_data` gives it.
        left_out: as in `evaluation_data`.
        names: as in `scores_csv`.
        notes, mix: as in `evaluation_data`.
    """
    setting = dataclasses.replace(SETTING, mix=mix)
    write_whole(folder / "evaluation.json", _as_file(data))
    write_whole(folder / "films.csv", scores_csv(assessment, names))
    write_whole(folder / "evaluation.html", evaluation_html(assessment, "balanced", setting, left_out, notes))


def evaluation_html(
    assessment: Assessment,
    at: float | str,
    setting: ScreeningSetting = SETTING,
    left_out: Sequence[str] | None = None,
    notes: Sequence[str] | None = None,
) -> bytes:
    """Give the evaluation as one page with all figures and the drawing library in it.

    Args:
        at: a threshold, or the name of an operating point, which each population has its own of.
        setting: what the table of thresholds is for.
        left_out: as in `evaluation_data`.
        notes: as in `evaluation_data`.
    """
    if assessment.is_mixed and not isinstance(at, str):
        at = "balanced"
    sections = [_section(part, at, setting, place) for place, part in enumerate(assessment.parts or (assessment,))]
    page = page_template("pneumo_core.evaluate", "evaluation.html").render(
        notice=notice_of(assessment.card),
        card=assessment.card,
        films=counted(assessment.films, "X-ray"),
        n=len(assessment.cohort),
        n_pneumonia=int(assessment.cohort.has_pneumonia.sum()),
        refused=assessment.refused,
        left_out=left_out or (),
        notes=notes or (),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        device=assessment.device or "not written down",
        versions=versions_in_words(),
        populations=population_rows(assessment),
        all_points=[point_words(point, figures, is_mixed=True) for point, figures in points(assessment)]
        if assessment.is_mixed
        else [],
        all_groups=label_group_rows(assessment, setting.mix) if assessment.is_mixed else [],
        sections=sections,
        setting=setting,
        mix="" if setting.mix is None else setting.mix.in_words(),
        why_no_values=why_no_values_here(assessment, setting.mix),
        honesty=honesty_lines(assessment),
        outward=outward_rows(assessment),
    )
    return page.encode()


def _section(assessment: Assessment, at: float | str, setting: ScreeningSetting, number: int) -> dict[str, Any]:
    """Give the part of a page that is of one population."""
    figures, threshold = assessment.figures(at), assessment.threshold(at)
    drawn = charts(assessment, figures, "#1f2937")
    return {
        "population": assessment.population,
        "n": len(assessment.cohort),
        "threshold": f"{100 * threshold:.1f} %",
        "rows": figure_rows(assessment, figures),
        "points": [point_words(point, figures_there) for point, figures_there in points(assessment)],
        "label_groups": label_group_rows(assessment, setting.mix),
        "groups": [group_words(group) for group in group_results(assessment, threshold)],
        "screening": screening_rows(assessment, setting.mix, setting.cost_per_film, setting.cost_per_confirmation),
        "screening_note": screening_note(assessment, setting.mix),
        "has_values": not why_no_values_here(assessment, setting.mix),
        "charts": [
            (chart, chart_html(chart, f"chart{number}_{place}", with_library=number == 0 and place == 0))
            for place, chart in enumerate(drawn)
        ],
    }


def _intervals(assessment: Assessment) -> str:
    if assessment.has_few_patients:
        return f"bootstrap by patient, none where a class has fewer than {FEW_PATIENTS} patients"
    return "bootstrap by patient" if assessment.patients_repeat else "Wilson, DeLong, bootstrap by X-ray"


def _as_file(data: dict[str, Any]) -> bytes:
    return (json.dumps(data, indent=2) + "\n").encode()


def _comparison_with(other: Assessment, assessment: Assessment) -> dict[str, Any]:
    return {"with": other.card.name, **comparison_data(compare_assessments(assessment, other))}


def content_name(content: bytes, ending: str) -> str:
    """Name a file by its content."""
    return f"pneumo_evaluation_{hashlib.sha256(content).hexdigest()[:12]}.{ending}"


def _point_data(
    assessment: Assessment, point: OperatingPoint, figures: ThresholdFigures, mix: Mix | None
) -> dict[str, Any]:
    matrix, rates = figures.confusion, assessment.rates(point.name)
    values = values_in_mix(rates, mix)
    none = Estimate(math.nan, math.nan, math.nan, 0)
    positive, negative = values or (none, none)
    is_of_three = assessment.cohort.has_three_groups
    return {
        # Each population has its own.
        "threshold": None if assessment.is_mixed else point.threshold,
        "tp": matrix.true_positives,
        "fp": matrix.false_positives,
        "tn": matrix.true_negatives,
        "fn": matrix.false_negatives,
        "n_without_verdict": len(assessment.without_verdict(point.name)),
        **{key: value for name in THRESHOLD_LABELS for key, value in named_data(name, getattr(figures, name)).items()},
        **named_data("sensitivity_refused_missed", assessment.sensitivity_of_all(point.name)),
        **named_data("specificity_normal", (rates.specificity_normal or none) if is_of_three else none),
        **named_data("specificity_other", (rates.specificity_other or none) if is_of_three else none),
        **named_data("positive_predictive_value_in_mix", positive),
        **named_data("negative_predictive_value_in_mix", negative),
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
