"""Time a network of two views, with its segmenter, beside the model in use, by each engine.

    python -m benchmarks.two_views [--against FOLDER] [--repetitions 20] [--record docs/benchmarks]

The network is of full size, with weights at random: two bodies as the recipe has them, a head of three classes and the
lungs' segmenter. One X-ray is a pass with its heat map; a batch is a pass alone. All take turns, so that the last
column holds on a busy machine, too.
"""

import dataclasses
import statistics
from importlib.util import find_spec
from pathlib import Path

import click
import keras
import numpy as np

from benchmarks.record import Table, record_option, tell
from benchmarks.timing import in_turns, ratio
from pneumo_core.files import models_folder
from pneumo_core.keras_network import JOINED_MAPS, KerasClassifier, join_views, load_classifier
from pneumo_core.network import KERAS, OPENVINO
from pneumo_core.train import Recipe, build_network, lungs_network

BATCH = 16
ONE, MANY = "one X-ray: score and heat map", f"a batch of {BATCH}: scores"
EXPLAINED = "top_activation"


def two_views(size: int) -> keras.Model:
    """Give a network of two views with weights at random, for films of `size` pixels a side."""
    recipe = Recipe(size=size, classes=3)
    bodies = (build_network(recipe), build_network(recipe))
    return join_views(bodies, (EXPLAINED, EXPLAINED), lungs_network(size))


@click.command()
@click.option(
    "--against",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A model other than the one in use.",
)
@click.option("--repetitions", default=20, show_default=True)
@record_option
def benchmark(against: Path | None, repetitions: int, record: Path | None) -> None:
    """Time two views against one: a ratio of 1.5 takes half as long again."""
    usual = load_classifier(against or models_folder())
    card = usual.card
    joined = two_views(card.preprocessing.height)
    random = np.random.default_rng(1)
    films = random.uniform(0, 255, (BATCH, *usual.network.input_shape[1:])).astype(np.float32)
    engines = [KERAS, OPENVINO] if find_spec("openvino") else [KERAS]
    ways = {}
    for engine in engines:
        one = KerasClassifier(usual.network, card, engine=engine)
        two = KerasClassifier(joined, dataclasses.replace(card, explained_layer=JOINED_MAPS), engine=engine)
        for name, classifier in (("one view", one), ("two views", two)):
            ways[engine, ONE, name] = lambda classifier=classifier: classifier.look(films[0])
            ways[engine, MANY, name] = lambda classifier=classifier: classifier.logits(films)
    times = in_turns(ways, repetitions)
    rows = [
        (
            engine,
            work,
            *(round(statistics.median(times[engine, work, name]), 1) for name in ("one view", "two views")),
            round(ratio(times[engine, work, "two views"], times[engine, work, "one view"]), 2),
        )
        for engine in engines
        for work in (ONE, MANY)
    ]
    table = Table("", ("engine", "work", "one view, ms", "two views, ms", "times one view"), tuple(rows))
    tell(record, "two_views", [table], card, usual.device, ["openvino"] * (len(engines) > 1))


if __name__ == "__main__":
    benchmark()
