"""The state of the model: loading, ready, or why not."""

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.shared.cached import card_of_active_model, loading_classifier
from pages.parts.shared.input_gate_state import input_gate_shown
from pages.parts.shared.problems import problems_shown
from pneumo_core.models import active_model_folder, gate_in_words
from pneumo_core.places import models_folder
from pneumo_core.stats import area, percent

if TYPE_CHECKING:
    from pneumo_core.keras_network import KerasClassifier

# Each look takes some of the time in which the model could be loaded.
LOADING_POLL_SECONDS = 2.0


def ready_classifier() -> "KerasClassifier":
    """Give the loaded model, waiting for it with a word.

    Raises:
        ModelError: it cannot be loaded.
    """
    loading = loading_classifier()
    if loading.done():
        return loading.result()
    with st.spinner("Loading the network, once for all users: a few seconds ..."):
        return loading.result()


def model_state() -> None:
    """Draw what model is in use, whether it is ready, and how it did on test films."""
    with problems_shown():
        card = card_of_active_model()
        with st.container(border=True):
            st.header("The model in use")
            _readiness()
            st.markdown(
                f"**{card.name}** ({card.architecture}), weights `{card.weights_sha256[:12]}`, made {card.created}. "
                f"Knows: {card.population}."
            )
            input_gate_shown(gate_in_words(active_model_folder(models_folder()), card.weights_sha256)[:1])
            if card.test:
                st.table(
                    [
                        {
                            "Test films": result.films.removeprefix("test, "),
                            "n": f"{result.n} ({result.n_pneumonia} with pneumonia)",
                            "AUC": area(result.area_under_roc),
                            "Sensitivity %": percent(point.confusion.sensitivity),
                            "Specificity %": percent(point.confusion.specificity),
                        }
                        for result in card.test
                        for point in result.points
                        if point.name == "balanced"
                    ]
                )
                st.markdown("At the balanced operating point, chosen on validation films; 95 % intervals in brackets.")


def _readiness() -> None:
    is_ready = loading_classifier().done()

    @st.fragment(run_every=None if is_ready else LOADING_POLL_SECONDS)
    def state() -> None:
        loading = loading_classifier()
        if loading.done() and not is_ready:
            # The whole page once more, which stops the polling.
            st.rerun()
        if not loading.done():
            st.markdown(":material/hourglass_top: Loading in the background ...")
            return
        # A fragment runs again by itself, outside the block that drew it.
        with problems_shown():
            st.markdown(f":material/check_circle: **Ready** on {loading.result().device}")

    state()
