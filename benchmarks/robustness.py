"""How the model in use stands up to what goes wrong with films: 13 corruptions at 5 severities, mirror, margins alone.

    python -m benchmarks.robustness DATA [--copy FOLDER] [--part test] [--json FILE]

DATA is in the Kaggle layout. The corruptions change films as the network gets them. Nothing is chosen here: the
threshold is that of the model's card.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from benchmarks.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from pneumo_core.calibration import probabilities
from pneumo_core.cases import Case, find_cases
from pneumo_core.classifier import Classifier, load_classifier
from pneumo_core.evaluation import ConfusionMatrix, area_under_roc, proportion
from pneumo_core.fitting import predict_logits
from pneumo_core.places import models_folder
from pneumo_core.preprocessing import fingerprint
from pneumo_core.training_films import Films, read_films

# Of each side: what is left of a film whose lungs are painted out.
MARGIN = 1 / 8


def margins_only(films: np.ndarray) -> np.ndarray:
    """Paint the inner three quarters of films in their mean grey."""
    height, width = films.shape[1:]
    painted = films.copy()
    inside = painted[
        :,
        round(MARGIN * height) : height - round(MARGIN * height),
        round(MARGIN * width) : width - round(MARGIN * width),
    ]
    inside[:] = inside.mean(axis=(1, 2), keepdims=True).astype(np.uint8)
    return painted


def films_of(part: str, classifier: Classifier, data: Path, copies: Sequence[Path]) -> Films:
    """Read the test films, or those of train and val that the model was validated with."""
    wanted = {"test"} if part == "test" else {"train", "val"}
    cases: list[Case] = [case for case in find_cases(data, copies) if case.split in wanted]
    films = read_films(cases, classifier.card.preprocessing)
    assert films is not None
    if part == "test":
        return films
    if classifier.known is None:
        raise click.ClickException("The model has no list of the films that it was validated with.")
    parts = [
        classifier.known.part_of(sha256s[0], fingerprint(film.astype(np.float32)))
        for sha256s, film in zip(films.sha256s, films.views[0], strict=True)
    ]
    kept = [place for place, of in enumerate(parts) if of == "validation"]
    return Films(
        tuple(films.cases[place] for place in kept),
        films.views[:, kept],
        films.has_pneumonia[kept],
        tuple(films.sha256s[place] for place in kept),
    )


class Measure:
    """Measures a classifier on films that are changed in one way after the other; `figures` keeps what was found."""

    def __init__(self, classifier: Classifier, films: np.ndarray, labels: np.ndarray) -> None:
        self.classifier, self.labels = classifier, labels
        self.threshold = classifier.card.operating_point("balanced").threshold
        self.clean = self.score(films)
        self.figures: dict[str, dict[str, object]] = {}

    def score(self, films: np.ndarray) -> np.ndarray:
        return probabilities(predict_logits(self.classifier.network, films), self.classifier.card.calibration)

    def tell(self, name: str, films: np.ndarray) -> dict[str, object]:
        """Print and keep what the classifier makes of changed films."""
        scores = self.score(films)
        area = area_under_roc(self.labels, scores)
        matrix = ConfusionMatrix.count(self.labels, scores >= self.threshold)
        flips = proportion(int(((scores >= self.threshold) != (self.clean >= self.threshold)).sum()), len(scores))
        click.echo(
            f"{name:24} AUC {area.value:.3f} ({area.low:.3f}-{area.high:.3f})  "
            + "  ".join(
                f"{what} {100 * rate.value:5.1f} ({100 * rate.low:.1f}-{100 * rate.high:.1f})"
                for what, rate in (
                    ("sensitivity", matrix.sensitivity),
                    ("specificity", matrix.specificity),
                    ("flips", flips),
                )
            )
        )
        found: dict[str, object] = {
            "auc": asdict(area),
            "sensitivity": asdict(matrix.sensitivity),
            "specificity": asdict(matrix.specificity),
            "flips": asdict(flips),
        }
        self.figures[name] = found
        return found


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--copy", "copies", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--part", type=click.Choice(["test", "validation"]), default="test")
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path))
def main(data: Path, copies: tuple[Path, ...], part: str, out: Path | None) -> None:
    """Tell how the model in use stands up to corruptions of the films of DATA."""
    classifier = load_classifier(models_folder())
    films = films_of(part, classifier, data, copies)
    measured = {}
    for folder, view in zip((data, *copies), films.views, strict=True):
        click.echo(f"{classifier.card.name}, {part} films of {folder.name}, n = {len(view)}, at the balanced point")
        measure = Measure(classifier, view, films.has_pneumonia)
        clean = measure.tell("as they are", view)
        measure.tell("mirrored", view[:, :, ::-1])
        measure.tell("margins only", margins_only(view))
        drops, flips, specificities = {}, [], []
        for name in CORRUPTIONS:
            for severity in range(1, SEVERITIES + 1):
                found = measure.tell(f"{name} {severity}", corrupted(view, name, severity))
                drops[name, severity] = clean["auc"]["value"] - found["auc"]["value"]  # type: ignore[index]
                if severity == 1:
                    flips.append(found["flips"]["value"])  # type: ignore[index]
                if severity == 3 and name.startswith("contrast"):
                    specificities.append(found["specificity"]["value"])  # type: ignore[index]
        worst = max((key for key in drops if key[1] == 3), key=lambda key: drops[key])
        click.echo(
            f"AUC drop: mean {np.mean(list(drops.values())):.4f}, worst at severity 3 {drops[worst]:.4f} ({worst[0]}); "
            f"specificity at severity 3 of contrast, the lower: {100 * min(specificities):.1f} %; flips at severity 1: "
            f"mean {100 * np.mean(flips):.1f} %, most {100 * max(flips):.1f} %\n"
        )
        measured[folder.name] = measure.figures
    if out is not None:
        about = {"model": classifier.card.name, "weights": classifier.card.weights_sha256, "part": part}
        out.write_text(json.dumps(about | {"figures": measured}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
