"""What this session has computed of films: kept for a while, and computed once."""

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from pages.parts.shared.cached import one_at_a_time
from pneumo_core.models import ModelCard

RESULTS, MOST_RESULTS = "session_results", 24
Result = TypeVar("Result")


def kept(card: ModelCard, film: str, what: str, compute: Callable[[], Result]) -> Result:
    """Give what this session has computed of a film, computing it the first time; the oldest results are let go of.

    Args:
        card: of the model that computes it.
        film: the film's SHA-256, or another word that tells it from others.
        what: what is computed, with all that it depends on beside model and film.
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
    """Give what this session has computed as `kept` does; else draw a button, and compute when it is pressed.

    One session of the server at a time computes; readings wait for none of them.

    Args:
        button: its label.
        compute: is given a function to tell its progress to: the share done, and what is at work.

    Returns:
        None as long as nothing was computed, or where it was stopped.
    """
    results, key = _results(), (card.identity, film, what)
    if key in results:
        return results[key]
    place = st.empty()
    if not place.button(button, icon=":material/science:", key=f"request_{what}"):
        return None
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, "Beginning ...")

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
