"""The film that lessons are about, and what this session has computed of it."""

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from pages.parts.cached import card_of_active_model, one_at_a_time
from pages.parts.films import add_waiting, films_at_hand, read_waiting
from pages.parts.model_state import ready_classifier
from pneumo_core.model_card import ModelCard
from pneumo_core.places import DEMO_SAMPLE, sample_files
from pneumo_core.radiograph import read_radiograph
from pneumo_core.reading import Reading, read_xray

RESULTS, MOST_RESULTS = "learn_results", 24
Result = TypeVar("Result")


def film_to_learn_from() -> Reading:
    """Draw the choice of a film, a sample or one of this session's, and an uploader; give its reading."""
    card = card_of_active_model()
    samples = {path.name: path for path in sample_files()}
    place = st.container(width=300)
    with st.expander("Upload X-rays", icon=":material/upload_file:", width=300):
        batch = st.session_state.setdefault("learn_upload", 0)
        uploaded = st.file_uploader(
            "JPEG, PNG or DICOM; they stay in this session's memory only",
            accept_multiple_files=True,
            key=f"learn_upload_{batch}",
        )
        if uploaded:
            st.session_state["learn_upload"] = batch + 1
            st.session_state.pop("learn_film", None)
            add_waiting([(file.name, file.getvalue()) for file in uploaded])
    read_waiting(card)
    films = films_at_hand()
    for film in films:
        if film.reason:
            st.error(film.reason, icon=":material/block:")
    own = {film.name: film.reading for film in films if film.reading and film.name not in samples}
    names = [*own, *samples]
    if st.session_state.get("learn_film") not in names:
        asked = st.query_params.get("film")
        st.session_state["learn_film"] = next(iter(own)) if own else asked if asked in samples else DEMO_SAMPLE
    name: str = place.selectbox(
        "Film",
        names,
        format_func=lambda name: f"{name} (sample)" if name in samples else name,
        key="learn_film",
        persist_state="session",
    )
    if name in own:
        # Its name may be a patient's, and would stand in the address.
        st.query_params.pop("film", None)
        return own[name]
    st.query_params["film"] = name
    return kept(card, name, "reading", lambda: read_xray(ready_classifier(), read_radiograph(samples[name], name)))


def kept(card: ModelCard, film: str, what: str, compute: Callable[[], Result]) -> Result:
    """Give what this session has computed of a film, computing it the first time; the oldest results are let go of.

    Args:
        card: of the model that computes it.
        film: the film's SHA-256, or another word that tells it from others.
        what: what is computed, with all that it depends on beside model and film.
    """
    results, key = _results(), (card.weights_sha256, film, what)
    if key not in results:
        with one_at_a_time():
            results[key] = compute()
        while len(results) > MOST_RESULTS:
            del results[next(iter(results))]
    return results[key]


def on_request(
    card: ModelCard, film: str, what: str, button: str, compute: Callable[[Callable[[float, str], None]], Result]
) -> Result | None:
    """Give what this session has computed as `kept` does; else draw a button, and compute when it is pressed.

    Args:
        button: its label.
        compute: is given a function to tell its progress to: the share done, and what is at work.

    Returns:
        None as long as nothing was computed, or where it was stopped.
    """
    results, key = _results(), (card.weights_sha256, film, what)
    if key in results:
        return results[key]
    place = st.empty()
    if not place.button(button, icon=":material/science:", key=f"request_{what}"):
        return None
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, "Beginning ...")
        # Any click ends this run of the page at its next word of progress.
        st.button("Stop", icon=":material/stop:", key=f"stop_{what}")
        result = kept(card, film, what, lambda: compute(bar.progress))
    place.empty()
    return result


def _results() -> dict[tuple[str, str, str], Any]:
    results: dict[tuple[str, str, str], Any] = st.session_state.setdefault(RESULTS, {})
    return results
