"""How the model in use stands up to what goes wrong with films: 13 corruptions at 5 severities, mirror, shortcuts.

    python -m benchmarks.robustness DATA [--copy FOLDER] [--part test] [--seeds 3] [--record docs/benchmarks]

DATA is in the Kaggle layout. The corruptions change films as the network gets them; what is random in them is drawn
anew with each seed. Nothing is chosen here: the threshold is that of the model's card.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from benchmarks.record import Cell, Table, record_option, tell
from pneumo_core.data import Case, find_cases
from pneumo_core.files import models_folder
from pneumo_core.keras_network import load_classifier
from pneumo_core.network import Classifier
from pneumo_core.stats import ConfusionMatrix, Estimate, area, area_under_roc, percent, proportion
from pneumo_core.train import EVENED, SHAPE_RATIO, Films, read_films, shaped_by_class, validated_with

# The share of each side that stays when the lungs are painted out.
MARGIN = 1 / 8
BATCH = 32
WHOLE, SUMMARY = "mirrored, margins only, shapes", "summary"
DROPS, FLIPS = "AUC drop", "flips of the flag, %"
MEAN_DROP, WORST_DROP = "AUC drop, mean", "AUC drop, worst at severity 3"
CONTRAST = "specificity % at severity 3 of contrast, the lower"
MEAN_FLIPS, MOST_FLIPS = "flips % at severity 1, mean", "flips % at severity 1, most"
AIMS = {
    MEAN_DROP: "at most 0.02",
    WORST_DROP: "at most 0.05",
    CONTRAST: "at least 80",
    MEAN_FLIPS: "at most 2",
    MOST_FLIPS: "at most 2",
}


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
    return validated_with(films, classifier.known)


@dataclass(frozen=True, slots=True)
class Found:
    """The results of a classifier on films at one threshold; `flips` against the same films as they are."""

    auc: Estimate
    sensitivity: Estimate
    specificity: Estimate
    flips: Estimate


# By corruption and severity.
Corrupted = dict[tuple[str, int], Found]


class Measure:
    """Measures a classifier on films that are changed in one way after the other, at the balanced point."""

    def __init__(self, classifier: Classifier, films: np.ndarray, labels: np.ndarray) -> None:
        self.films = films
        self._classifier, self._labels = classifier, labels
        self._threshold = classifier.card.first.operating_point("balanced").threshold
        self._is_flagged = self._scores(films) >= self._threshold

    def look(self, films: np.ndarray) -> Found:
        """Score changed films."""
        scores = self._scores(films)
        is_flagged = scores >= self._threshold
        matrix = ConfusionMatrix.count(self._labels, is_flagged)
        flips = proportion(int((is_flagged != self._is_flagged).sum()), len(scores))
        return Found(area_under_roc(self._labels, scores), matrix.sensitivity, matrix.specificity, flips)

    def corrupted(self, seeds: int) -> list[Corrupted]:
        """Give what came of each corruption and severity, by seed."""
        found: list[Corrupted] = [{} for _ in range(seeds)]
        for name in CORRUPTIONS:
            click.echo(name, err=True)
            for severity in range(1, SEVERITIES + 1):
                before: np.ndarray | None = None
                for number, of_seed in enumerate(found):
                    changed = corrupted(self.films, name, severity, 1 + number)
                    # Most draw nothing: they are scored once.
                    is_same = before is not None and np.array_equal(changed, before)
                    of_seed[name, severity] = found[number - 1][name, severity] if is_same else self.look(changed)
                    before = changed
        return found

    def _scores(self, films: np.ndarray) -> np.ndarray:
        batches = (films[start : start + BATCH, ..., np.newaxis] for start in range(0, len(films), BATCH))
        return np.concatenate([self._classifier.score(batch.astype(np.float32)) for batch in batches])


def summary(clean: Found, found: Corrupted) -> dict[str, float]:
    """Sum up what came of the corruptions of one seed; drops in AUC, the rest in percent."""
    drops = {key: clean.auc.value - one.auc.value for key, one in found.items()}
    flips = [100 * one.flips.value for (_, severity), one in found.items() if severity == 1]
    contrast = [found[name, 3].specificity.value for name in CORRUPTIONS if name.startswith("contrast")]
    return {
        MEAN_DROP: float(np.mean(list(drops.values()))),
        WORST_DROP: max(drop for (_, severity), drop in drops.items() if severity == 3),
        CONTRAST: 100 * min(contrast),
        MEAN_FLIPS: float(np.mean(flips)),
        MOST_FLIPS: max(flips),
    }


def tables_of(films: str, clean: Found, ways: dict[str, Found], seeds: list[Corrupted]) -> list[Table]:
    """Lay out what came of one copy of the films: whole, summed up over the seeds, and by corruption and severity.

    Args:
        films: what they are, for the titles.
        ways: what came of changing films in other ways, by name.
    """
    whole = [
        (name, area(one.auc), percent(one.sensitivity), percent(one.specificity), percent(one.flips))
        for name, one in (("as they are", clean), *ways.items())
    ]
    sums = [summary(clean, of_seed) for of_seed in seeds]

    def by_severity(figure: Callable[[Found], float], digits: int) -> tuple[tuple[Cell, ...], ...]:
        severities = range(1, SEVERITIES + 1)
        return tuple(
            (name, *(_mean([figure(of_seed[name, severity]) for of_seed in seeds], digits) for severity in severities))
            for name in CORRUPTIONS
        )

    columns = ("corruption", *(f"severity {severity}" for severity in range(1, SEVERITIES + 1)))
    of_seeds = (f"mean of {len(seeds)} seeds", "standard deviation", "least", "most", "aim")
    return [
        Table(f"{films}: {WHOLE}", ("films", "AUC", "sensitivity %", "specificity %", "flips %"), tuple(whole)),
        Table(
            f"{films}: {SUMMARY}",
            ("13 corruptions at 5 severities", *of_seeds),
            tuple(_spread(name, [of_seed[name] for of_seed in sums], aim) for name, aim in AIMS.items()),
        ),
        Table(f"{films}: {DROPS}", columns, by_severity(lambda one: clean.auc.value - one.auc.value, 4)),
        Table(f"{films}: {FLIPS}", columns, by_severity(lambda one: 100 * one.flips.value, 1)),
    ]


def _spread(name: str, values: list[float], aim: str) -> tuple[Cell, ...]:
    digits = 4 if name in (MEAN_DROP, WORST_DROP) else 1
    deviation = round(float(np.std(values, ddof=1)), digits) if len(values) > 1 else None
    return name, _mean(values, digits), deviation, round(min(values), digits), round(max(values), digits), aim


def _mean(values: list[float], digits: int) -> float:
    return round(float(np.mean(values)), digits)


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--copy", "copies", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--part", type=click.Choice(["test", "validation"]), default="test")
@click.option("--seeds", default=3, show_default=True, help="How often what is random is drawn.")
@record_option
def main(data: Path, copies: tuple[Path, ...], part: str, seeds: int, record: Path | None) -> None:
    """Tell how the model in use stands up to corruptions of the films of DATA."""
    classifier = load_classifier(models_folder())
    films = films_of(part, classifier, data, copies)
    tables: list[Table] = []
    details: dict[str, Any] = {"part": part, "n": len(films.has_pneumonia), "seeds": seeds, "copies": {}}
    for folder, view in zip((data, *copies), films.views, strict=True):
        measure = Measure(classifier, view, films.has_pneumonia)
        clean = measure.look(view)
        ways = {
            "mirrored": measure.look(view[:, :, ::-1]),
            "margins only": measure.look(margins_only(view)),
            "shapes evened": measure.look(shaped_by_class(view, films.has_pneumonia, EVENED)),
            "shapes turned": measure.look(shaped_by_class(view, films.has_pneumonia, SHAPE_RATIO)),
        }
        found = measure.corrupted(seeds)
        tables += tables_of(f"{part}, {folder.name}", clean, ways, found)
        details["copies"][folder.name] = {
            "as they are": asdict(clean),
            **{name: asdict(one) for name, one in ways.items()},
            **{
                f"seed {seed}": {f"{name} {severity}": asdict(one) for (name, severity), one in of_seed.items()}
                for seed, of_seed in enumerate(found, 1)
            },
        }
    tell(record, f"robustness_{part}", tables, classifier.card, classifier.device, details=details)


if __name__ == "__main__":
    main()
