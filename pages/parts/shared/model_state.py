"""The state of the model: loading, ready, or why not."""

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.shared.cached import card_of_active_model, loading_classifier
from pages.parts.shared.input_gate_state import input_gate_shown
from pages.parts.shared.problems import plain, problems_shown
from pneumo_core.files import models_folder
from pneumo_core.models import ModelCard, active_model_folder, gate_in_words
from pneumo_core.stats import area, percent

if TYPE_CHECKING:
    from pneumo_core.keras_network import KerasClassifier

# Each look costs time that the loading could use.
LOADING_POLL_SECONDS = 2.0


def ready_classifier() -> "KerasClassifier":
    """Wait for the loaded model, with a message on the page, and give it.

    Raises:
        ModelError: it cannot be loaded.
    """
    loading = loading_classifier()
    if loading.done():
        return loading.result()
    with st.spinner("Loading the network, once for all users. It takes a few seconds ..."):
        return loading.result()


def model_state() -> None:
    """Draw the model in use: its name, whether it is ready, and its figures on test films."""
    with problems_shown():
        card = card_of_active_model()
        with st.container(border=True):
            st.header("The model in use")
            _readiness()
            st.markdown(
                f"**{card.name}** ({card.architecture}), weights `{card.weights_sha256[:12]}`, made {card.created}. "
                f"It knows: {known_in_words(card)}"
            )
            input_gate_shown(gate_in_words(active_model_folder(models_folder()), card.weights_sha256)[:1])
            _measured(card)


def known_in_words(card: ModelCard) -> str:
    """Say whose X-rays a model knows, as sentences or as a list."""
    if len(card.populations) == 1:
        return f"{plain(card.first.description)}."
    return "\n" + "\n".join(
        f"- {population.name} ({population.finding}): {plain(population.description)}"
        for population in card.populations
    )


def _measured(card: ModelCard) -> None:
    """Draw the figures on test films by population; those of several are never pooled."""
    rows = [
        {
            "Population": population.name,
            "Test X-rays": result.films.removeprefix("test, "),
            "n": f"{result.n} ({result.n_pneumonia} with {population.condition})",
            "AUC": area(result.area_under_roc),
            "Sensitivity %": percent(point.confusion.sensitivity),
            "Specificity %": percent(point.confusion.specificity),
        }
        for population in card.populations
        for result in population.test
        for point in result.points
        if point.name == "balanced"
    ]
    if rows:
        st.table(rows)
        st.markdown(
            "All figures are at the balanced operating point (the worklist flag), chosen on validation X-rays. "
            "Brackets hold 95 % intervals."
        )
    without = [population.name for population in card.populations if not population.test]
    if rows and without:
        st.markdown(f"Nothing was measured on test X-rays of {' and '.join(without)}.")


def _readiness() -> None:
    is_ready = loading_classifier().done()

    @st.fragment(run_every=None if is_ready else LOADING_POLL_SECONDS)
    def state() -> None:
        loading = loading_classifier()
        if loading.done() and not is_ready:
            # Draws the whole page again, which stops the polling.
            st.rerun()
        if not loading.done():
            st.markdown(":material/hourglass_top: Loading in the background ...")
            return
        # A fragment runs again by itself, outside the block that drew it.
        with problems_shown():
            st.markdown(f":material/check_circle: **Ready** on {loading.result().device}")

    state()
