"""A run's folder as a whole: evaluated, and the evaluation written into it for machines and people."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pneumo_core.evaluate.assessment import Assessment, assess_run, compare_assessments
from pneumo_core.evaluate.report import evaluation_data, evaluation_html
from pneumo_core.evaluate.runs import read_run, read_scores
from pneumo_core.evaluate.tables import SETTING, scores_csv
from pneumo_core.files import write_whole
from pneumo_core.models import read_card, read_conformal, read_known_films
from pneumo_core.stats import comparison_data


def assess_folder(folder: Path, model: Path) -> Assessment:
    """Evaluate what a run has scored so far.

    Args:
        folder: of the run, as `run_source` writes it.
        model: the folder of the model that scored it.

    Raises:
        DataError: the folder holds no run.
        ModelError: there is no such model, or its files do not belong together.
    """
    run, card = read_run(folder), read_card(model)
    conformal, _ = read_conformal(model, card)
    regions = conformal.regions if conformal else None
    return assess_run(read_scores(folder), run.films, card, read_known_films(model), run.device, regions)


def compared_data(
    assessment: Assessment, left_out: Sequence[str] | None = None, other: Assessment | None = None
) -> dict[str, Any]:
    """Give `evaluation_data`, and under `comparison` the paired differences from another model, where there is one."""
    data = evaluation_data(assessment, left_out)
    if other is not None:
        compared = comparison_data(compare_assessments(assessment, other))
        data["comparison"] = {"with": other.card.name, **compared}
    return data


def write_evaluation(
    folder: Path,
    assessment: Assessment,
    data: dict[str, Any],
    left_out: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
) -> None:
    """Write evaluation.json, films.csv and, at the balanced point, evaluation.html into a folder that is there.

    Args:
        data: as `compared_data` gives it.
        left_out: as in `evaluation_data`.
        names: as in `scores_csv`.
    """
    threshold = assessment.card.operating_point("balanced").threshold
    write_whole(folder / "evaluation.json", json.dumps(data, indent=2).encode() + b"\n")
    write_whole(folder / "films.csv", scores_csv(assessment, names))
    write_whole(folder / "evaluation.html", evaluation_html(assessment, threshold, SETTING, left_out))
