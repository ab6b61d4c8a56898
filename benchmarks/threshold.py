"""Server time of one move of the threshold's slider on the page Batch evaluation, and of its parts.

    python -m benchmarks.threshold [--films 10000] [--record docs/benchmarks]

The films' scores are drawn at random, of patients with two films each and with all groups that there can be; the page's
own functions do the rest, in Streamlit's test runner. The time a browser takes to draw is not in it.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from streamlit.testing.v1 import AppTest

from benchmarks.record import Cell, Table, record_option, tell
from pneumo_core.evaluate import (
    Assessment,
    FilmScore,
    assess_run,
    charts,
    figure_rows,
    group_results,
    group_words,
    screening_rows,
)
from pneumo_core.files import models_folder
from pneumo_core.models import active_model_folder, read_card

ROUNDS = 25
TIMES, MOVE = "A move of the threshold", "a move of the slider, on the page"


def drawn_scores(films: int) -> list[FilmScore]:
    """Draw so many films with scores, labels and facts."""
    random = np.random.default_rng(0)
    found = []
    patients_have_pneumonia = random.random(films) < 0.6
    for number in range(films):
        has_pneumonia = bool(patients_have_pneumonia[number // 2])
        found.append(
            FilmScore(
                number=number,
                patient=number // 2,
                has_pneumonia=has_pneumonia,
                kind=str(random.choice(["bacteria", "virus"])) if has_pneumonia else "normal",
                sha256=f"{number:064x}",
                logit=float(random.normal(2 if has_pneumonia else -2, 2)),
                file_bytes=int(random.integers(10_000, 90_000)),
                height=int(random.integers(600, 1200)),
                width=int(random.integers(800, 1600)),
                brightness=float(random.uniform(0.3, 0.6)),
                fingerprint=f"{number:064x}",
                view_position=str(random.choice(["AP", "PA"])),
                sex=str(random.choice(["F", "M"])),
                age_years=float(random.uniform(0, 90)),
            )
        )
    return found


def page() -> None:
    """Draw what a move of the slider draws anew, and keep how long it took."""
    import time

    import streamlit as st

    from pages.parts.evaluate import evaluation_view

    started = time.perf_counter()
    evaluation_view._at_threshold(st.session_state["assessment"], None)
    st.session_state["seconds"] = time.perf_counter() - started


def milliseconds(work: Callable[[float], object], thresholds: np.ndarray) -> list[float]:
    """Time some work at each threshold."""
    found = []
    for threshold in thresholds:
        started = time.perf_counter()
        work(float(threshold))
        found.append(1000 * (time.perf_counter() - started))
    return found


def on_the_page(assessment: Assessment, thresholds: np.ndarray) -> list[float]:
    """Move the slider to each threshold and give the milliseconds that the page's script took."""
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["assessment"] = assessment
    app.run()
    found = []
    for threshold in thresholds:
        app.slider(key="threshold").set_value(round(100 * float(threshold), 1)).run()
        assert not app.exception
        found.append(1000 * app.session_state["seconds"])
    return found


@click.command()
@click.option("--films", default=10_000, show_default=True)
@record_option
def benchmark(films: int, record: Path | None) -> None:
    """Time a move of the slider and its parts."""
    card = read_card(active_model_folder(models_folder()))
    started = time.perf_counter()
    assessment = assess_run(drawn_scores(films), films, card, None)
    first = 1000 * (time.perf_counter() - started)
    thresholds = np.random.default_rng(1).uniform(0, 1, ROUNDS)
    now = assessment.figures(0.5)
    drawn = charts(assessment, now, "#000000")
    parts: list[tuple[str, Callable[[float], object]]] = [
        ("figures and their table", lambda threshold: figure_rows(assessment, assessment.figures(threshold))),
        ("charts", lambda threshold: charts(assessment, now, "#000000")),
        ("charts as JSON", lambda threshold: [chart.figure.to_json(validate=False) for chart in drawn]),
        ("groups", lambda threshold: [group_words(group) for group in group_results(assessment, threshold)]),
        ("threshold table (not moved by the slider)", lambda threshold: screening_rows(assessment, None, 1.0, 5.0)),
    ]
    rows: list[tuple[Cell, ...]] = [("evaluation of the run, once", round(first, 1), None)]
    for name, work in parts:
        work(0.5)
        rows.append(_row(name, milliseconds(work, thresholds)))
    rows.append(_row(MOVE, on_the_page(assessment, thresholds)))
    details = {
        "films": films,
        "groups": len(assessment.groups),
        "KiB of all charts' JSON": round(sum(len(chart.figure.to_json()) for chart in drawn) / 1024),
    }
    tell(record, "threshold", [Table(TIMES, ("work", "ms, median", "at most"), tuple(rows))], card, details=details)


def _row(name: str, taken: list[float]) -> tuple[Cell, ...]:
    return name, round(statistics.median(taken), 1), round(max(taken), 1)


if __name__ == "__main__":
    benchmark()
