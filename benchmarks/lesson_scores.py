"""Score the images of the lessons on other hospitals and ages with a model, and keep the scores with the lessons.

    python -m benchmarks.lesson_scores CHILDREN ADULTS [--model FOLDER] [--anew]

CHILDREN is in the Kaggle layout; its validation images are those that the model was validated with. ADULTS holds
`adult_rsna_normal`, `adult_rsna_lungs` and `adult_nih_weak`, each with its `labels.csv`. Only development images are
scored. An image that the model was trained on stops the run. Images that show the lungs alone get a bright outside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.adults import filled_outside, validation_patients
from pneumo_core.data import Case, find_cases, find_xrays
from pneumo_core.files import file_sha256, models_folder
from pneumo_core.film import prepare, read_radiograph
from pneumo_core.keras_network import load_classifier
from pneumo_core.learn import (
    ADULTS,
    CHILDREN,
    FINDING,
    IMAGES_FILE,
    LUNGS,
    NETWORKS,
    NORMAL,
    WEAK,
    Images,
    StoredNetwork,
    StoredPopulation,
    images_csv,
    images_from,
    write_network,
)
from pneumo_core.models import KnownFilms, ModelCard

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
# The folders below ADULTS, by the name that the lessons give their images.
FOLDERS = {ADULTS: "adult_rsna_normal", WEAK: "adult_nih_weak", LUNGS: "adult_rsna_lungs"}
GROWN_UP = 18
BATCH = 32
# A list of known X-rays names the start of each hash.
HASH_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Chosen:
    """An image of the lessons: its file, and what it is, as in `Images`."""

    path: Path
    kind: str
    group: str
    view: str


def chosen_adults(listed: Mapping[str, Sequence[Case]]) -> list[Chosen]:
    """Choose adults of known age: all images with weak labels, and of the others those of the validation patients."""
    weak = {case.patient for case in listed[WEAK]}
    others = {case.patient for kind in (ADULTS, LUNGS) for case in listed[kind]} - weak
    validation = validation_patients(others) | weak
    return [
        Chosen(case.views[0], kind, case.told.group, case.told.view)
        for kind, cases in listed.items()
        for case in cases
        if case.patient in validation and case.told is not None and case.told.group is not None
        if case.told.age_years is not None and case.told.age_years >= GROWN_UP
    ]


def chosen_children(folder: Path, known: KnownFilms | None) -> list[Chosen]:
    """Choose the images of train and val that a model was validated with, by the hashes of their files."""
    if known is None:
        raise click.ClickException("The model has no list of known X-rays, so its validation images are not known.")
    return [
        Chosen(case.views[0], CHILDREN, FINDING if case.has_pneumonia else NORMAL, "")
        for case in find_cases(folder)
        if known.hashes.get(file_sha256(case.views[0])[:HASH_DIGITS]) == "validation"
    ]


def described(card: ModelCard) -> StoredNetwork:
    """Say of a card what the lessons keep."""
    populations = tuple(
        StoredPopulation(
            population.name,
            population.years,
            population.finding,
            population.calibration,
            {point.name: point.threshold for point in population.operating_points},
        )
        for population in card.populations
    )
    return StoredNetwork(card.name, card.created, card.weights_sha256, populations)


@click.command()
@click.argument("children", type=FOLDER)
@click.argument("adults", type=FOLDER)
@click.option("--model", type=FOLDER, help="A model's folder; without, the model in use.")
@click.option("--anew", is_flag=True, help="Choose the images anew; scores of other networks on others are removed.")
@click.option("--to", "target", default=NETWORKS, type=click.Path(file_okay=False, path_type=Path))
def main(children: Path, adults: Path, model: Path | None, anew: bool, target: Path) -> None:
    """Keep a model's scores on the development images of CHILDREN and of ADULTS for the lessons."""
    classifier = load_classifier(model or models_folder())
    known = classifier.known
    chosen = [
        *chosen_children(children, known),
        *chosen_adults({kind: find_xrays([adults / name]) for kind, name in FOLDERS.items()}),
    ]
    shares, logits = [], []
    for start in range(0, len(chosen), BATCH):
        films = []
        for image in chosen[start : start + BATCH]:
            radiograph = read_radiograph(image.path)
            if known and known.hashes.get(radiograph.sha256[:HASH_DIGITS]) == "training":
                raise click.ClickException("The model was trained on one of the images. Nothing was written.")
            share = np.nan
            if image.kind == LUNGS:
                film, share = filled_outside(prepare(radiograph.pixels, classifier.card.preprocessing))
            else:
                film = classifier.framed(radiograph.pixels).film
            films.append(film)
            shares.append(share)
        logits.append(classifier.logits(np.stack(films)))
        click.echo(f"{start + len(films)} of {len(chosen)}", err=True)
    images = Images(
        *(np.array([getattr(image, name) for image in chosen]) for name in ("kind", "group", "view")),
        np.array(shares),
    )
    _keep_images(target, images, anew)
    write_network(target, described(classifier.card), np.concatenate(logits))


def _keep_images(target: Path, images: Images, anew: bool) -> None:
    target.mkdir(parents=True, exist_ok=True)
    path, text = target / IMAGES_FILE, images_csv(images)
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        if not anew:
            raise click.ClickException(
                f"{IMAGES_FILE} lists other images ({len(images_from(path.read_text(encoding='utf-8')))}) than these "
                f"({len(images)}). Scores of networks on different images cannot be compared. Please see --anew."
            )
        for old in (*target.glob("*.json"), *target.glob("*.csv")):
            old.unlink()
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
