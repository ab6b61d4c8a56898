"""Time one X-ray stage by stage, from a full-size file to the page, beside the bare forward pass.

    python -m benchmarks.one_xray [FILM] [--repetitions 30] [--record docs/benchmarks]

All stages take turns in changing order, so that a slow minute of the machine, and what ran before, hit them alike;
ratios are medians of those of each round.
"""

import io
import statistics
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import click
import keras
import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

from benchmarks.engines import bare_pass
from benchmarks.record import Cell, Table, record_option, tell
from benchmarks.timing import in_turns, ratio
from pages.parts.explain import fragility_view
from pages.parts.explain.film_view import SCREEN_LONG_SIDE
from pneumo_core.draw import Display, data_uri, film_picture, fitted, overlay_picture
from pneumo_core.explain import measure_fragility
from pneumo_core.files import models_folder, sample_files
from pneumo_core.film import prepare, read_radiograph
from pneumo_core.gate import measure_quality
from pneumo_core.keras_network import KerasClassifier, explain, gate_features, load_classifier
from pneumo_core.read import Reading, case_report, overlay_png, read_xray

HEIGHT, WIDTH = 1200, 1500
PREVALENCE = 0.5
BARE = "network: bare compiled pass"
WITHOUT_GATE = "network and Grad-CAM, without the input gate"
WITH_GATE = "network, Grad-CAM and input gate"
TO_RESULT = "file to result: decode, quality, prepare, network, Grad-CAM, gate and checks"
PAGE = "page: its script, in Streamlit's test runner"


def full_size_film(number: int = 0) -> bytes:
    """Give a sample as a JPEG of a film's size, with noise so that it takes as long to decode; each number another."""
    samples = [path for path in sample_files() if path.suffix == ".png"]
    film = np.asarray(Image.open(samples[number % len(samples)]).convert("L").resize((WIDTH, HEIGHT)), np.float32)
    noisy = film + np.random.default_rng(number).normal(0, 8, film.shape)
    file = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


def page() -> None:
    """Draw a reading as the page Explain does, and keep how long it took."""
    import time

    import streamlit as st

    from pages.parts.explain.film_view import film_view

    started = time.perf_counter()
    film_view(st.session_state["reading"], st.session_state["point"], st.session_state["prevalence"])
    st.session_state["seconds"] = time.perf_counter() - started


def page_milliseconds(classifier: KerasClassifier, reading: Reading, repetitions: int) -> float:
    """Draw a reading again and again, its small changes scored before; give the median of what the script took."""
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["reading"] = reading
    app.session_state["point"] = classifier.card.first.operating_point("balanced")
    app.session_state["prevalence"] = PREVALENCE
    app.session_state["with_heatmap"] = True
    found = []
    # The page would load a network of its own.
    with patch.object(fragility_view, "ready_classifier", lambda: classifier):
        app.run()
        for _ in range(repetitions):
            assert not app.run().exception
            found.append(1000 * app.session_state["seconds"])
    return statistics.median(found)


def stages(classifier: KerasClassifier, content: bytes) -> dict[str, Callable[[], object]]:
    """Give what is timed, in the order of its work, each on what the stage before it gives."""
    network, card = classifier.network, classifier.card
    radiograph = read_radiograph(content, "film")
    reading = read_xray(classifier, radiograph)
    prepared = prepare(radiograph.pixels, card.preprocessing)
    batch = prepared[np.newaxis]
    bare = bare_pass(network)
    explained = network.get_layer(card.explained_layer).output
    head = keras.Model(explained, network.output)
    maps = keras.Model(network.input, explained)(batch, training=False)
    without_gate = KerasClassifier(network, card)
    point, display = card.first.operating_point("balanced"), Display()
    film = film_picture(fitted(radiograph.pixels, SCREEN_LONG_SIDE), display)
    overlay = overlay_picture(film, reading.explanation.heatmap(*film.shape), display)
    found: dict[str, Callable[[], object]] = {
        "decode, in a process of its own": lambda: read_radiograph(content, "film"),
        "quality": lambda: measure_quality(radiograph.pixels),
        "prepare": lambda: prepare(radiograph.pixels, card.preprocessing),
        BARE: lambda: bare(batch),
        "Grad-CAM alone": lambda: explain(head, maps, card.explained_layer),
        WITHOUT_GATE: lambda: without_gate.look(prepared),
        TO_RESULT: lambda: read_xray(classifier, read_radiograph(content, "film")),
        "page: picture of the film and overlay": lambda: overlay_picture(
            film_picture(fitted(radiograph.pixels, SCREEN_LONG_SIDE), display),
            reading.explanation.heatmap(*film.shape),
            display,
        ),
        "page: both as JPEG": lambda: (data_uri(film), data_uri(overlay)),
        "download: overlay as PNG": lambda: overlay_png(reading, point.name, display),
        "download: report as HTML": lambda: case_report(reading, point.name, PREVALENCE, display),
        "after the result: score of twelve small changes": lambda: measure_fragility(
            classifier, radiograph.pixels, reading.prediction.probability
        ),
    }
    if classifier.gate is not None:
        gate = classifier.gate
        features = keras.Model(network.input, gate_features(network, card.explained_layer))(batch, training=False)
        found["input gate alone, on the network's features"] = lambda: gate.judge(features.numpy())
        found[WITH_GATE] = lambda: classifier.look(prepared)
    return found


@click.command()
@click.argument("film", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--repetitions", default=30, show_default=True)
@record_option
def benchmark(film: Path | None, repetitions: int, record: Path | None) -> None:
    """Time one X-ray; without FILM a sample enlarged to 1,500 x 1,200 pixels."""
    content = film.read_bytes() if film else full_size_film()
    classifier = load_classifier(models_folder())
    times = in_turns(stages(classifier, content), repetitions)
    radiograph = read_radiograph(content, "film")
    reading = read_xray(classifier, radiograph)
    bare = times[BARE]
    drawn = page_milliseconds(classifier, reading, repetitions)
    rows = [(name, round(statistics.median(taken), 1), round(ratio(taken, bare), 2)) for name, taken in times.items()]
    rows.append((PAGE, round(drawn, 1), round(drawn / statistics.median(bare), 2)))
    beyond = statistics.median(one - other for one, other in zip(times[TO_RESULT], bare, strict=True))
    sums: list[tuple[Cell, ...]] = [
        (f"{BARE}, ms", round(statistics.median(bare), 1), None),
        (f"{WITHOUT_GATE}, times the bare pass", round(ratio(times[WITHOUT_GATE], bare), 2), "at most 1.25"),
        ("file to result, ms", round(statistics.median(times[TO_RESULT]), 1), None),
        ("file to result, ms beyond the bare pass", round(beyond, 1), "at most 60"),
    ]
    if WITH_GATE in times:
        sums.insert(2, (f"{WITH_GATE}, times the bare pass", round(ratio(times[WITH_GATE], bare), 2), None))
    height, width = radiograph.pixels.shape
    tables = [
        Table("Summary", ("measured", "found", "aim"), tuple(sums)),
        Table("Stages", ("stage", "ms", "times the bare pass"), tuple(rows)),
    ]
    details = {"repetitions": repetitions, "height": height, "width": width, "bytes": len(content)}
    tell(record, "one_xray", tables, classifier.card, classifier.device, details=details)


if __name__ == "__main__":
    benchmark()
