"""Time one X-ray in one run: bare forward pass, score + heat map, the usual way, and a full-size file.

    python benchmarks/one_xray.py [FILM]

Prints medians over interleaved repetitions (so that a slow minute of the machine hits all alike) and
the ratios between them; with `--json` as one JSON object.
"""

import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


@click.command()
@click.argument("film", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--repetitions", default=30, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def benchmark(film: Path | None, repetitions: int, as_json: bool) -> None:
    """Time one X-ray; without FILM a sample enlarged to 1,500 x 1,200 pixels."""
    import tensorflow as tf
    from tf_keras_vis.gradcam import Gradcam

    from pneumo_core.classifier import load_classifier
    from pneumo_core.places import models_folder
    from pneumo_core.preprocessing import prepare
    from pneumo_core.radiograph import read_radiograph
    from pneumo_core.reading import read_xray

    content = film.read_bytes() if film else enlarged_sample()
    classifier = load_classifier(models_folder())
    network, card = classifier.network, classifier.card
    prepared = prepare(read_radiograph(content, "film").pixels, card.preprocessing)
    batch = prepared[np.newaxis]
    signature = [tf.TensorSpec((None, *batch.shape[1:]), tf.float32)]
    forward = tf.function(lambda films: network(films, training=False), input_signature=signature)
    gradcam = Gradcam(network, clone=False)

    def the_usual_way() -> None:
        network.predict(batch, verbose=0)
        gradcam(lambda logit: logit[:, 0], batch, penultimate_layer=card.explained_layer)

    ways: dict[str, Callable[[], object]] = {
        "bare forward pass": lambda: forward(tf.constant(batch)).numpy(),
        "probability + heat map": lambda: classifier.score_and_explain(prepared),
        "usual way: predict + Gradcam on the full network": the_usual_way,
        "file to result": lambda: read_xray(classifier, read_radiograph(content, "film")),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(repetitions):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            times[name].append(1000 * (time.perf_counter() - started))
    medians = {name: statistics.median(values) for name, values in times.items()}
    bare, ours, usual, _ = medians.values()
    result = {
        "device": classifier.device,
        "model": card.name,
        "milliseconds": {name: round(value, 1) for name, value in medians.items()},
        "heat map and all, over the bare pass": round(ours / bare, 2),
        "times faster than the usual way": round(usual / ours, 1),
    }
    if as_json:
        click.echo(json.dumps(result))
        return
    click.echo(f"{classifier.device}, {card.name}, median of {repetitions}:")
    for name, value in medians.items():
        click.echo(f"{value:9.1f} ms  {name}")
    click.echo(f"score + heat map take {ours / bare:.2f} times the bare pass")
    click.echo(f"score + heat map are {usual / ours:.1f} times as fast as the usual way")


def enlarged_sample() -> bytes:
    """Give a sample as a JPEG of a film's size, with noise so that it takes as long to decode."""
    from PIL import Image

    from pneumo_core.places import sample_files

    film = np.asarray(Image.open(sample_files()[0]).convert("L").resize((1500, 1200)), np.float32)
    noisy = film + np.random.default_rng(1).normal(0, 8, film.shape)
    file = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


if __name__ == "__main__":
    benchmark()
