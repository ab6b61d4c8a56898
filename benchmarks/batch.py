"""Films a second from image files on disk to scores, beside what its parts and the usual loop reach.

    python -m benchmarks.batch FOLDER [--films 144] [--memory]

FOLDER holds X-rays at full size; they are read again and again until there are as many as asked for. With --memory
the peak of the process is measured at 100 and at 10,000 films.
"""

import itertools
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import keras
import numpy as np

from pneumo_core.batch import BATCH_SIZE, run_source
from pneumo_core.classifier import Classifier, load_classifier
from pneumo_core.places import models_folder
from pneumo_core.preprocessing import prepare
from pneumo_core.radiograph import read_radiograph
from pneumo_core.sources import Source, SourceFilm, open_source

ROUNDS = 3


def per_second(work: Callable[[], None], films: int) -> float:
    """Give the median films a second of some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return films / sorted(seconds)[ROUNDS // 2]


def repeated(source: Source, count: int) -> Source:
    """Give a source of so many films, the same ones again and again."""
    films: list[SourceFilm] = list(itertools.islice(itertools.cycle(source.films), count))
    return Source(source.name, tuple(films), (), f"{count} films")


def score(source: Source, classifier: Classifier) -> None:
    """Run the project's own way, writing to a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        run_source(source, classifier, Path(folder))


def peak_megabytes() -> float:
    """Give the most memory that this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--films", default=144, show_default=True)
@click.option("--memory", is_flag=True, help="Also score 100 and 10,000 films, and compare the peaks.")
def benchmark(folder: Path, films: int, memory: bool) -> None:
    """Time a batch of full-size films."""
    classifier = load_classifier(models_folder())
    found = open_source(folder)
    source = repeated(found, films)
    if memory:
        for count in (100, 10_000):
            score(repeated(found, count), classifier)
            click.echo(f"{peak_megabytes():8.0f} MiB  at most, after {count} films")
        return
    inputs = np.random.default_rng(0).uniform(0, 255, (BATCH_SIZE, 224, 224, 1)).astype(np.float32)
    contents = [film.read() for film in source.films]
    preprocessing = classifier.card.preprocessing

    def network() -> None:
        for _ in range(max(1, films // BATCH_SIZE)):
            classifier.logits(inputs)

    def decoding() -> None:
        for content in contents:
            prepare(read_radiograph(content, "film").pixels, preprocessing)

    def usual() -> None:
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "film.jpeg"
            for content in contents[: films // 4]:
                path.write_bytes(content)
                size = (preprocessing.height, preprocessing.width)
                picture = keras.utils.load_img(path, color_mode="grayscale", target_size=size)
                classifier.network.predict(keras.utils.img_to_array(picture)[np.newaxis], verbose=0)

    score(repeated(found, 2 * BATCH_SIZE), classifier)
    network_alone = per_second(network, max(1, films // BATCH_SIZE) * BATCH_SIZE)
    decoding_alone = per_second(decoding, films)
    ours = per_second(lambda: score(source, classifier), films)
    loop = per_second(usual, films // 4)
    # One thread decodes while the network takes all cores: at best both costs add up over the cores.
    together = 1 / (1 / network_alone + 1 / decoding_alone)
    click.echo(f"{network_alone:7.1f} films/s  (a) network alone, batches of {BATCH_SIZE}")
    click.echo(f"{decoding_alone:7.1f} films/s  (b) decoding and resizing alone, one thread")
    click.echo(f"{together:7.1f} films/s      one after the other")
    click.echo(f"{ours:7.1f} films/s  the pipeline: {ours / together:.2f} times one after the other")
    click.echo(f"{loop:7.1f} films/s  (c) load_img + model.predict: the pipeline is {ours / loop:.1f} times faster")


if __name__ == "__main__":
    benchmark()
