"""How much of a model's figures hangs on place, view, margins and frames instead of lungs.

    python -m benchmarks.shortcuts FOLDER... [--lungs-only FOLDER] [--population NAME] [--model M] [--most 300]

A FOLDER is in the Kaggle layout or holds a table of labels. Its test images are left out without `--test`, and so is
what the model was trained on. Where lungs are hidden, the inner three quarters are painted in their mean grey: an area
above 0.5 is then evidence outside the lungs. A figure with positives of one place and negatives of another counts only
where the same figure with the lungs hidden is near 0.5.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.adults import filled_outside
from benchmarks.record import Table, record_option, tell
from benchmarks.robustness import margins_only
from pneumo_core.data import Case, TableRules, group_of, list_xrays
from pneumo_core.files import models_folder
from pneumo_core.film import prepare, read_radiograph
from pneumo_core.keras_network import load_classifier
from pneumo_core.network import Classifier
from pneumo_core.stats import Estimate, area, area_under_roc, areas_of_metadata, percent, proportion

FOLDER = click.Path(exists=True, path_type=Path)
FINDING, OTHER, NORMAL = "finding", "other", "normal"
# The width of the black frame, as a share of each side: 4 of 224 pixels.
FRAME = 4 / 224
# With the lungs hidden, an area above this says that something else tells the classes.
MOST_HIDDEN = 0.6
BATCH = 32
# A list of known X-rays names the start of each hash.
HASH_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Outward:
    """Facts of a file that need no look at the lungs, as `areas_of_metadata` takes them."""

    file_bytes: int
    height: int
    width: int
    samples_per_pixel: int
    brightness: float


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Images with a model's logits on them, changed in three ways.

    Attributes:
        groups: str `(n,)`, "finding", "other" or "normal".
        places: str `(n,)`, the source as a table names it, else the name of the folder.
        plain, framed, hidden: float64 `(n,)`, logits of the images as they are, in a black frame, and without lungs.
    """

    groups: np.ndarray
    places: np.ndarray
    plain: np.ndarray
    framed: np.ndarray
    hidden: np.ndarray


def with_frame(pixels: np.ndarray) -> np.ndarray:
    """Paint a black frame over the edges of an image, float32 `(height, width)` in [0, 1]."""
    height, width = pixels.shape
    rows, columns = max(1, round(FRAME * height)), max(1, round(FRAME * width))
    framed = np.zeros_like(pixels)
    framed[rows:-rows, columns:-columns] = pixels[rows:-rows, columns:-columns]
    return framed


def places_table(found: Measured) -> Table:
    """Set each area beside the same area with the lungs hidden, by the places of positives and negatives."""
    rows = []
    for of_positives in np.unique(found.places):
        for group, of_negatives in ((group, place) for group in (NORMAL, OTHER) for place in np.unique(found.places)):
            chosen = ((found.groups == FINDING) & (found.places == of_positives)) | (
                (found.groups == group) & (found.places == of_negatives)
            )
            labels = found.groups[chosen] == FINDING
            if labels.all() or not labels.any():
                continue
            plain, hidden = (area_under_roc(labels, logits[chosen]) for logits in (found.plain, found.hidden))
            rows.append(
                (
                    f"{of_positives} ({labels.sum()})",
                    f"{group}, {of_negatives} ({(~labels).sum()})",
                    area(plain),
                    area(hidden),
                    verdict(hidden),
                )
            )
    return Table(
        "AUC by place, beside the same with the lungs hidden",
        ("findings of (n)", "against (n)", "AUC", "AUC, lungs hidden", "the figure is"),
        tuple(rows),
    )


def verdict(hidden: Estimate) -> str:
    """Say whether a figure counts, by the same figure with the lungs hidden."""
    away = max(hidden.value, 1 - hidden.value)
    return "kept" if away <= MOST_HIDDEN else "dropped: more than lungs tells the classes"


def frame_table(found: Measured, limit: float) -> Table:
    """Count the flags that a black frame turns, at a threshold on the logit."""
    rows = []
    for group in (FINDING, OTHER, NORMAL):
        chosen = found.groups == group
        before, after = found.plain[chosen] >= limit, found.framed[chosen] >= limit
        n = int(chosen.sum())
        if n:
            flips = percent(proportion(int((before != after).sum()), n))
            rows.append((group, n, percent(proportion(int(before.sum()), n)), flips))
    return Table("A black frame of 4 of 224 pixels", ("group", "n", "flagged as it is, %", "flips, %"), tuple(rows))


def baselines_table(
    groups: np.ndarray, facts: Sequence[Outward], patients: Sequence[str], views: Sequence[str], places: np.ndarray
) -> Table:
    """Say how well facts outside the picture tell the finding from all others, by fits on other patients' images."""
    numbers = np.unique(patients, return_inverse=True)[1]
    more = {"view": [view or None for view in views], "place": places.tolist()}
    found = areas_of_metadata(facts, groups == FINDING, numbers, more)
    return Table(
        "Without a look at the lungs: finding against all others",
        ("told by", "AUC", "n"),
        tuple((name, area(estimate), estimate.n) for name, estimate in found),
    )


def chosen_cases(cases: Sequence[Case], is_test: bool, most: int) -> list[Case]:
    """Choose at most so many of each place and group, at random but the same each time."""
    of_kind = defaultdict(list)
    for case in cases:
        if (case.split == "test") == is_test and (case.told is None or case.told.group):
            of_kind[place_of_case(case), group_of(case)].append(case)
    random = np.random.default_rng(0)
    return [
        of_kind[kind][number]
        for kind in sorted(of_kind)
        for number in sorted(random.permutation(len(of_kind[kind]))[:most])
    ]


def place_of_case(case: Case) -> str:
    """Name where an X-ray is from."""
    return case.told.source if case.told else "folder without a table"


class Measure:
    """Collects the images of a run and a model's logits on them."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.cases: list[Case] = []
        self.facts: list[Outward] = []
        self._logits: list[np.ndarray] = []

    def look(self, cases: Sequence[Case]) -> None:
        """Score images as they are, in a black frame, and with the lungs hidden; not those of the training."""
        films: list[np.ndarray] = []
        for case in cases:
            radiograph = read_radiograph(case.views[0])
            known = self._classifier.known
            if known and known.hashes.get(radiograph.sha256[:HASH_DIGITS]) == "training":
                continue
            pixels = radiograph.pixels
            self.cases.append(case)
            self.facts.append(
                Outward(
                    case.views[0].stat().st_size,
                    *pixels.shape,
                    radiograph.origin.samples_per_pixel,
                    float(pixels.mean()),
                )
            )
            if case.told and case.told.view_of == "lungs_only":
                plain = filled_outside(prepare(pixels, self._classifier.card.preprocessing))[0]
                framed = with_frame(plain[:, :, 0])[:, :, np.newaxis]
            else:
                plain, framed = (self._classifier.framed(one).film for one in (pixels, with_frame(pixels)))
            hidden = margins_only(np.rint(plain[:, :, 0])[np.newaxis].astype(np.uint8))[0, :, :, np.newaxis]
            films += [plain, framed, hidden.astype(np.float32)]
        if films:
            self._logits.append(self._classifier.logits(np.stack(films)).astype(np.float64))

    def found(self) -> Measured:
        """Give all that was measured."""
        logits = np.concatenate(self._logits).reshape(-1, 3)
        groups = np.array([group_of(case) for case in self.cases])
        places = np.array([place_of_case(case) for case in self.cases])
        return Measured(groups, places, *logits.T)


@click.command()
@click.argument("folders", nargs=-1, required=True, type=FOLDER)
@click.option("--lungs-only", "masked", multiple=True, type=FOLDER, help="A folder whose images show the lungs alone.")
@click.option("--model", type=FOLDER, help="A model's folder; without, the model in use.")
@click.option("--population", help="Whose balanced point counts; without, the model's first population.")
@click.option("--test", "is_test", is_flag=True, help="The test images, and no others.")
@click.option("--most", default=300, show_default=True, help="Images of each place and group, at most.")
@record_option
def main(
    folders: tuple[Path, ...],
    masked: tuple[Path, ...],
    model: Path | None,
    population: str | None,
    is_test: bool,
    most: int,
    record: Path | None,
) -> None:
    """Tell how much of a model's figures on the images of FOLDERS hangs on place, view, margins and frames."""
    classifier = load_classifier(model or models_folder())
    card = classifier.card
    of = card.population_of(population) if population else card.first
    rules = [*([None] * len(folders)), *([TableRules(view_of="lungs_only")] * len(masked))]
    listed = chosen_cases(list_xrays([*folders, *masked], (), rules).cases, is_test, most)
    measure = Measure(classifier)
    for start in range(0, len(listed), BATCH):
        measure.look(listed[start : start + BATCH])
        click.echo(f"{min(start + BATCH, len(listed))} of {len(listed)}", err=True)
    found = measure.found()
    threshold = of.operating_point("balanced").threshold
    limit = of.calibration.temperature * float(np.log(threshold / (1 - threshold)))
    views = [case.told.view if case.told else "" for case in measure.cases]
    tables = [
        places_table(found),
        frame_table(found, limit),
        baselines_table(found.groups, measure.facts, [case.patient for case in measure.cases], views, found.places),
    ]
    part = "test" if is_test else "development"
    tell(record, f"shortcuts_{of.name}_{part}", tables, card, classifier.device, details={"n": len(measure.cases)})


if __name__ == "__main__":
    main()
