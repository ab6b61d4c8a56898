"""Single X-rays on the command line, whether the model is well, and whether its heat maps hold."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pneumo_core.cli.group import Age, GivenPath, tell, tell_progress
from pneumo_core.errors import ModelError, PneumoError
from pneumo_core.files import models_folder, own_models_folder, write_whole
from pneumo_core.models import PNEUMO

if TYPE_CHECKING:
    from pneumo_core.network import Classifier
    from pneumo_core.read import Reading


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of words.")
@click.option("--heatmaps", type=GivenPath(file_okay=False), help="Write an overlay PNG of each X-ray.")
@click.option("--model", type=GivenPath(), help="A model's folder; default: the model in use.")
@click.option(
    "--operating-point",
    type=click.Choice(["screening", "balanced", "rule-in"]),
    default="balanced",
    show_default=True,
)
@click.option("--age", type=Age(), help="The patients' age where a file says none: 45, 45Y, 8M, 3W, 10D.")
def read(
    files: tuple[Path, ...],
    as_json: bool,
    heatmaps: Path | None,
    model: Path | None,
    operating_point: str,
    age: float | None,
) -> None:
    """Read X-rays (DICOM, PNG, JPEG, TIFF, BMP). Exit status 0: all read; 1: some refused; 2: wrong use."""
    from pneumo_core.keras_network import load_classifier
    from pneumo_core.models import active_model_folder, read_conformal
    from pneumo_core.read import reading_line

    folder = active_model_folder(model or models_folder())
    classifier = load_classifier(folder)
    card = classifier.card
    found = {population.name: read_conformal(folder, card, population)[0] for population in card.populations}
    conformal = {name: regions for name, regions in found.items() if regions is not None}
    any_refused = False
    for file in files:
        sha256, outcome, notes = _outcome(classifier, file, age)
        any_refused = any_refused or isinstance(outcome, PneumoError)
        if as_json:
            answer = json.dumps(reading_line(str(file), sha256, outcome, classifier, operating_point, conformal, notes))
        else:
            answer = f"{file}: {_in_words(outcome, operating_point)}"
        if heatmaps:
            _write_heatmap(outcome, operating_point, heatmaps)
            # The pictures are wanted, whoever reads this.
            tell(answer, err=False)
        else:
            click.echo(answer)
    if any_refused:
        raise SystemExit(1)


def _outcome(
    classifier: "Classifier", file: Path, age: float | None
) -> "tuple[str | None, Reading | PneumoError, tuple[str, ...]]":
    """Give the hash of a file, None where it cannot be had, its reading or why there is none, and its notes."""
    from pneumo_core.film import offered_sha256, read_radiograph
    from pneumo_core.read import read_xray

    try:
        radiograph = read_radiograph(file)
    except PneumoError as error:
        return offered_sha256(file), error, ()
    notes = radiograph.origin.notes
    try:
        return radiograph.sha256, read_xray(classifier, radiograph, age_years=age), notes
    except PneumoError as error:
        return radiograph.sha256, error, notes


def _in_words(outcome: "Reading | PneumoError", point_name: str) -> str:
    from pneumo_core.read import scores_in_short, verdict

    if isinstance(outcome, PneumoError):
        return f"refused: {outcome}"
    return "\n    ".join([f"{verdict(outcome, point_name)}{scores_in_short(outcome)}", *outcome.warnings])


def _write_heatmap(outcome: "Reading | PneumoError", point_name: str, folder: Path) -> None:
    from pneumo_core.draw import Display
    from pneumo_core.read import overlay_png

    folder.mkdir(parents=True, exist_ok=True)
    if not isinstance(outcome, PneumoError):
        # Named by hash: file names may carry a patient's name, and pictures travel.
        write_whole(folder / f"{outcome.radiograph.sha256}.png", overlay_png(outcome, point_name, Display()))


@click.command()
@click.option("--record", is_flag=True, help="Write down how the model in use scores the samples: the known answers.")
def doctor(record: bool) -> None:
    """Check versions, device, model and known answers. Exit status 0: all well; 1: something is wrong."""
    _tell_versions()

    from pneumo_core.keras_network import load_classifier
    from pneumo_core.models import active_model_folder
    from pneumo_core.network import check_known_answers, record_known_answers

    folder = active_model_folder(own_models_folder() if record else models_folder())
    classifier = load_classifier(folder)
    card = classifier.card
    tell(f"device: {classifier.device}", err=False)
    tell(f"model: {card.name}, weights {card.weights_sha256[:12]}, and its card belongs to them", err=False)

    if record:
        record_known_answers(classifier, folder)
    answers = check_known_answers(classifier, folder)
    if answers.largest_difference is not None:
        tell(
            f"known answers: {answers.samples} samples, largest difference in probability "
            f"{answers.largest_difference:.5f}",
            err=False,
        )
    if answers.problem:
        raise ModelError(answers.problem)
    tell("all well", err=False)


def _tell_versions() -> None:
    from importlib import metadata

    tell(f"Pneumo {PNEUMO}", err=False)
    tell(f"Python {sys.version.split()[0]}", err=False)
    for package in ("tensorflow", "keras", "tf-keras-vis", "streamlit", "opencv-python-headless", "pydicom"):
        tell(f"{package} {metadata.version(package)}", err=False)


@click.command()
@click.argument("source", type=GivenPath())
@click.option("--films", type=click.IntRange(1), default=104, show_default=True, help="How many, spread over SOURCE.")
@click.option("--record", is_flag=True, help="Keep it in the folder of the model in use: the page Learn shows it.")
def survey(source: Path, films: int, record: bool) -> None:
    """Test the heat maps of many X-rays of SOURCE (as in evaluate): do they depend on what the network learnt?"""
    from pneumo_core.data import open_source
    from pneumo_core.explain import (
        SURVEY_FILE,
        ExplanationTester,
        prepared_samples,
        survey_films,
        survey_rows,
        write_survey,
    )
    from pneumo_core.keras_network import load_classifier
    from pneumo_core.models import active_model_folder

    folder = active_model_folder(own_models_folder() if record else models_folder())
    classifier = load_classifier(folder)
    tester = ExplanationTester(classifier, prepared_samples(classifier.card.preprocessing))
    found = survey_films(tester, open_source(source), films, tell_progress)
    for row in survey_rows(found):
        tell(f"{row['Asked']}: {row['Found']}, n = {row['n']}", err=False)
    if record:
        write_survey(found, folder / SURVEY_FILE)
