"""Films a second from image files on disk to scores, beside what its parts and the usual loop reach.

    python -m benchmarks.batch [FOLDER] [--films 144] [--most 0] [--record docs/benchmarks]

FOLDER holds X-rays at full size; they are read again and again until there are as many as asked for. Without it,
samples are enlarged. `--most 10000` scores 1, 10, 100 ... films too, in one process, and measures its memory (Linux).
"""

import itertools
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import keras
import numpy as np

from benchmarks.load import MIB, memory_of
from benchmarks.one_xray import full_size_film
from benchmarks.record import Table, record_option, tell
from pneumo_core.data import Source, SourceFilm, open_source
from pneumo_core.evaluate import BATCH_SIZE, READERS, run_source
from pneumo_core.files import models_folder
from pneumo_core.film import prepare, read_radiograph
from pneumo_core.gate import measure_quality
from pneumo_core.keras_network import KerasClassifier, load_classifier

ROUNDS = 3
SPEED, GROWTH = "Films a second", "Growth"
ENLARGED = 8
PIPELINE = "pipeline: files to scores"
TOGETHER = "network and decoding together, at best"
USUAL = "usual loop: load_img and model.predict"


def rates(ways: dict[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """Give the films a second of each way, medians of rounds in turns.

    Args:
        ways: each with the films that it works on.
    """
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (work, films) in ways.items():
            started = time.perf_counter()
            work()
            found[name].append(films / (time.perf_counter() - started))
    return {name: statistics.median(speeds) for name, speeds in found.items()}


def repeated(source: Source, count: int) -> Source:
    """Give a source of so many films, the same ones again and again."""
    films: list[SourceFilm] = list(itertools.islice(itertools.cycle(source.films), count))
    return Source(source.name, tuple(films), (), f"{count} films")


def score(source: Source, classifier: KerasClassifier) -> None:
    """Run the project's own way, writing to a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        run_source(source, classifier, Path(folder))


def peak_mib() -> float:
    """Give the most memory that this process has held, without those that decode for it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / MIB


def compare(source: Source, classifier: KerasClassifier) -> Table:
    """Time the pipeline, its parts with all cores to themselves, and the usual loop."""
    contents = [film.read() for film in source.films]
    few = contents[: max(1, len(contents) // 4)]
    preprocessing = classifier.card.preprocessing
    size = (preprocessing.height, preprocessing.width)
    inputs = np.random.default_rng(0).uniform(0, 255, (BATCH_SIZE, *size, 1)).astype(np.float32)
    batches = max(1, len(contents) // BATCH_SIZE)
    pixels = read_radiograph(contents[0], "film").pixels

    def decode(content: bytes) -> None:
        prepare(read_radiograph(content, "film").pixels, preprocessing)

    def quality(content: bytes) -> None:
        measure_quality(pixels)

    def on_all(work: Callable[[bytes], None]) -> None:
        with ThreadPoolExecutor(READERS) as threads:
            list(threads.map(work, contents))

    def usual() -> None:
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "film.jpeg"
            for content in few:
                path.write_bytes(content)
                picture = keras.utils.load_img(path, color_mode="grayscale", target_size=size)
                classifier.network.predict(keras.utils.img_to_array(picture)[np.newaxis], verbose=0)

    network = f"network alone, batches of {BATCH_SIZE}"
    decoders = f"decoding and resizing alone, {READERS} at a time"
    qualities = f"measuring quality alone, {READERS} at a time"
    score(source, classifier)
    found = rates(
        {
            network: (lambda: [classifier.logits(inputs) for _ in range(batches)], batches * BATCH_SIZE),
            decoders: (lambda: on_all(decode), len(contents)),
            qualities: (lambda: on_all(quality), len(contents)),
            PIPELINE: (lambda: score(source, classifier), len(contents)),
            USUAL: (usual, len(few)),
        }
    )
    # Each part had all cores: what a film costs them adds up.
    together = 1 / (1 / found[network] + 1 / found[decoders])
    with_quality = 1 / (1 / together + 1 / found[qualities])
    order = (network, decoders, qualities, TOGETHER, f"{TOGETHER}, with quality", PIPELINE, USUAL)
    found |= {TOGETHER: together, f"{TOGETHER}, with quality": with_quality}
    rows = tuple((name, round(found[name], 1), round(found[name] / together, 2)) for name in order)
    return Table(SPEED, ("work", "films/s", "share of network and decoding"), rows)


def grow(found: Source, classifier: KerasClassifier, most: int) -> Table:
    """Score 1, 10, 100 ... films; give time and memory."""
    counts = list(itertools.takewhile(lambda count: count <= most, (10**power for power in itertools.count())))
    rows = []
    for count in counts:
        started = time.perf_counter()
        score(repeated(found, count), classifier)
        seconds = time.perf_counter() - started
        held = memory_of(os.getpid()) / MIB
        rows.append((count, round(seconds, 2), round(count / seconds, 1), round(held), round(peak_mib())))
    columns = (
        "films",
        "seconds",
        "films/s",
        "MiB held after it, decoding processes included",
        "MiB at most, without them",
    )
    return Table(GROWTH, columns, tuple(rows))


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--films", default=144, show_default=True)
@click.option("--most", default=0, show_default=True, help="Score 1, 10, 100 ... films too, up to so many.")
@record_option
def benchmark(folder: Path | None, films: int, most: int, record: Path | None) -> None:
    """Time a batch of full-size films."""
    classifier = load_classifier(models_folder())
    with tempfile.TemporaryDirectory() as temporary:
        if folder is None:
            folder = Path(temporary)
            for number in range(ENLARGED):
                (folder / f"{number}.jpeg").write_bytes(full_size_film(number))
        found = open_source(folder)
        score(repeated(found, 2 * BATCH_SIZE), classifier)
        # First: the peak is to be that of the pipeline.
        tables = [grow(found, classifier, most)] if most else []
        tables.insert(0, compare(repeated(found, films), classifier))
    tell(record, "batch", tables, classifier.card, classifier.device, details={"different films": len(found.films)})


if __name__ == "__main__":
    benchmark()
