"""How often the input gate refuses what it should, and what it should not: by category, with n and 95 % intervals.

    python -m benchmarks.input_gate FILMS [--read FOLDER] [--pictures FOLDER]

FILMS is a folder of upright chest films that the gate was not fitted on. These are to be read, and so is what is made
of them as of portable devices; all else that is made of them is to be refused. Every picture in --pictures is to be
refused, every one in --read to be read.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from pneumo_core.errors import PneumoError
from pneumo_core.files import models_folder
from pneumo_core.film import read_radiograph, resize
from pneumo_core.keras_network import load_classifier
from pneumo_core.network import Classifier
from pneumo_core.stats import proportion
from pneumo_core.train import OTHERS, inverted, part_or_several, portable, turned

SIDE, MOST, SEED = 224, 300, 4242
OTHER_NAMES = ("pages of text", "noise", "shapes", "films on a screen", "drawn bones")


def read(folder: Path) -> Iterator[np.ndarray]:
    """Give the pictures of a folder that can be read, float32 `(224, 224)` in [0, 1]; the others are refused before."""
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file():
                yield resize(read_radiograph(path).pixels, SIDE, SIDE)
        except PneumoError as error:
            click.echo(f"refused before the gate: {error}")


def tell(name: str, classifier: Classifier, pictures: Sequence[np.ndarray]) -> None:
    """Print the share of pictures that is refused."""
    verdicts = []
    for first in range(0, len(pictures), 32):
        films = [classifier.framed(picture).film for picture in pictures[first : first + 32]]
        verdicts += classifier.logits_and_verdicts(np.stack(films))[1]
    share = proportion(sum(verdict.is_refused for verdict in verdicts), len(verdicts))
    far = proportion(sum(verdict.is_far for verdict in verdicts), len(verdicts))
    click.echo(
        f"{name:28} n = {share.n:4}  refused {100 * share.value:5.1f} % ({100 * share.low:.1f} to "
        f"{100 * share.high:.1f})  far {100 * far.value:5.1f} %"
    )


@click.command()
@click.argument("films", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--read", "to_read", multiple=True, type=click.Path(exists=True, path_type=Path))
@click.option("--pictures", multiple=True, type=click.Path(exists=True, path_type=Path))
def main(films: Path, to_read: tuple[Path, ...], pictures: tuple[Path, ...]) -> None:
    """Tell how often the gate of the model in use refuses FILMS, and what is made of them."""
    classifier = load_classifier(models_folder())
    random = np.random.default_rng(SEED)
    upright = list(read(films))
    tell("films, as they are", classifier, upright)
    for folder in to_read:
        tell(f"to be read: {folder.name}", classifier, list(read(folder)))
    some = [upright[place] for place in random.permutation(len(upright))[:MOST]]
    tell("as of portable devices", classifier, [portable(film, random) for film in some])
    for quarters, name in ((1, "turned left"), (2, "upside down"), (3, "turned right")):
        tell(name, classifier, [turned(film, random, quarters) for film in some])
    tell("inverted", classifier, [inverted(film, random) for film in some])
    tell("part or several", classifier, [part_or_several(film, upright, random) for film in some])
    for name, make in zip(OTHER_NAMES, OTHERS, strict=True):
        tell(name, classifier, [make(film, random) for film in some])
    for folder in pictures:
        tell(f"to be refused: {folder.name}", classifier, list(read(folder)))


if __name__ == "__main__":
    main()
