"""The results that this session has computed of films: kept for a while, and computed once."""

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from pages.parts.shared.cached import one_at_a_time
from pneumo_core.models import ModelCard

RESULTS, MOST_RESULTS = "session_results", 24
Result = TypeVar("Result")


def kept(card: ModelCard, film: str, what: str, compute: Callable[[], Result]) -> Result:
    """Give a result about a film, computed the first time and then kept; the oldest results are dropped.

    Args:
        card: of the model that computes it.
        film: the film's SHA-256, or another word that tells it from others.
        what: the name of the result, with everything that it depends on beside model and film.
    """
    results, key = _results(), (card.identity, film, what)
    if key not in results:
        results[key] = compute()
        while len(results) > MOST_RESULTS:
            del results[next(iter(results))]
    return results[key]


def on_request(
    card: ModelCard, film: str, what: str, button: str, compute: Callable[[Callable[[float, str], None]], Result]
) -> Result | None:
    """Give a kept result as `kept` does; else draw a button, and compute when it is pressed.

    One session of the server at a time computes, and no reading waits for it.

    Args:
        button: its label.
        compute: gets a function to report its progress to: the share done, and the name of the present step.

    Returns:
        None while there is no result, or where the work was stopped.
    """
    results, key = _results(), (card.identity, film, what)
    if key in results:
        return results[key]
    place = st.empty()
    if not place.button(button, icon=":material/science:", key=f"request_{what}"):
        return None
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, "Starting ...")

        def tell(share: float, words: str) -> None:
            bar.progress(share, words)

        # Any click ends this run of the page at its next word of progress.
        st.button("Stop", icon=":material/stop:", key=f"stop_{what}")
        with one_at_a_time():
            result = kept(card, film, what, lambda: compute(tell))
    place.empty()
    return result


def _results() -> dict[tuple[str, str, str], Any]:
    results: dict[tuple[str, str, str], Any] = st.session_state.setdefault(RESULTS, {})
    return results
