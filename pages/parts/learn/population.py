"""The population that a lesson is about, where the model in use knows several."""

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.shared.cached import card_of_active_model, stored_scores
from pages.parts.shared.model_state import ready_classifier
from pneumo_core.models import ModelCard, StoredScores, card_for

if TYPE_CHECKING:
    from pneumo_core.keras_network import KerasClassifier

CHOSEN = "learn_population"


def choose_population() -> None:
    """Draw the choice of a population where the model in use knows several."""
    names = [population.name for population in card_of_active_model().populations]
    if st.session_state.get(CHOSEN) not in names:
        st.session_state[CHOSEN] = names[0]
    if len(names) > 1:
        st.selectbox(
            "Limits and figures for",
            names,
            key=CHOSEN,
            persist_state="session",
            width=200,
            help="A lesson shows one population: its calibration, its thresholds, its measured figures.",
        )


def card_to_learn_from() -> ModelCard:
    """Give the card of the model in use as that of the chosen population alone."""
    card = card_of_active_model()
    names = [population.name for population in card.populations]
    chosen = st.session_state.get(CHOSEN)
    return card_for(card, chosen if chosen in names else names[0])


def scores_to_learn_from() -> StoredScores:
    """Give the stored scores of the chosen population.

    Raises:
        ModelError: there are none, or they are damaged.
    """
    return stored_scores(card_to_learn_from().first.name)


def classifier_to_learn_from() -> "KerasClassifier":
    """Give the model in use, once it is loaded, as one of the chosen population alone.

    Raises:
        ModelError: it cannot be loaded.
    """
    classifier = ready_classifier()
    return classifier.of(classifier.card.population_of(card_to_learn_from().first.name))
