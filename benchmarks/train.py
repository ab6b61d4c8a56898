"""Steps a second of training, beside the same steps on tensors that lie ready; and memory.

    python -m benchmarks.train FOLDER [--films 384] [--rounds 5] [--record docs/benchmarks]

FOLDER is in the Kaggle layout. The pipeline deals films of the epoch, tells of every step and keeps the moving average
of the weights; the ready tensors are one batch, again and again, and nothing else. Rounds of both take turns.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import tensorflow as tf

from benchmarks.record import Cell, Table, record_option, tell
from benchmarks.timing import ratio
from pneumo_core.data import find_cases, split_by_patient
from pneumo_core.film import Preprocessing
from pneumo_core.keras_network import device_in_words
from pneumo_core.train import (
    FitStep,
    Judge,
    Recipe,
    Watch,
    build_network,
    epoch_batches,
    memory_bytes,
    read_films,
    seed_layers,
    training_model,
)


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--films", default=384, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@click.option("--architecture", default="EfficientNetV2B0", show_default=True)
@record_option
def benchmark(folder: Path, films: int, rounds: int, architecture: str, record: Path | None) -> None:
    """Time the steps of training."""
    recipe = Recipe(architecture=architecture)
    cases, rest = split_by_patient((case for case in find_cases(folder) if case.split != "test"), 0.9, 1)
    preprocessing = Preprocessing(height=recipe.size, width=recipe.size)
    held: list[tuple[Cell, ...]] = [("before the films are read", _mib())]
    started = time.perf_counter()
    training, validation = (
        read_films((*cases, *rest)[part], preprocessing) for part in (slice(films), slice(-32, None))
    )
    assert training is not None
    assert validation is not None
    seconds = time.perf_counter() - started
    held.append((f"after {films + 32} films were read", _mib()))
    network = build_network(recipe)
    model = training_model(network, recipe, False, films)
    pixels, labels = tf.constant(training.views), tf.constant(training.has_pneumonia, tf.float32)
    ready = next(iter(epoch_batches(pixels, labels, recipe, 1)))
    steps = -(-films // recipe.batch_size)

    with tempfile.TemporaryDirectory() as temporary:
        judge = Judge(network, network, validation, recipe, Path(temporary), lambda line: None)

        def pipeline(epoch: int) -> None:
            seed_layers(model, recipe.seed, epoch)
            watch = Watch(judge, epoch, recipe, films, _go_on)
            weights = {0: 1.0, 1: 1.0}
            batches = epoch_batches(pixels, labels, recipe, epoch)
            model.fit(batches, shuffle=False, verbose=0, callbacks=[watch], class_weight=weights)

        def on_ready_tensors(epoch: int) -> None:
            batches = tf.data.Dataset.from_tensors(ready).repeat(steps)
            model.fit(batches, shuffle=False, verbose=0, class_weight={0: 1.0, 1: 1.0})

        found: dict[str, list[float]] = {"pipeline": [], "ready tensors": []}
        ways: tuple[Callable[[int], None], ...] = (pipeline, on_ready_tensors)
        for way in ways:
            way(1)
        for epoch in range(2, rounds + 2):
            # Each goes first in turn.
            for name, way in sorted(zip(found, ways, strict=True), reverse=epoch % 2 == 0):
                started = time.perf_counter()
                way(epoch)
                found[name].append(steps / (time.perf_counter() - started))
    held.append(("at the end", _mib()))
    steps_a_second = [
        (name, *(round(rate, 2) for rate in (statistics.median(rates), min(rates), max(rates))))
        for name, rates in found.items()
    ]
    tables = [
        Table("Steps", ("work", "steps/s", "least", "most"), tuple(steps_a_second)),
        Table("Memory", ("when", "MiB"), tuple(held)),
    ]
    details = {
        "architecture": architecture,
        "films": films,
        "films/s, read": round((films + 32) / seconds, 1),
        "pipeline, of the ready tensors' speed": round(ratio(found["pipeline"], found["ready tensors"]), 3),
    }
    tell(record, "train", tables, device=device_in_words(), details=details)


def _mib() -> int:
    return round(memory_bytes() / 2**20)


def _go_on(step: FitStep) -> bool:
    return True


if __name__ == "__main__":
    benchmark()
