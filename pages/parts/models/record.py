"""The record of a model: its card, and the curves of its training."""

import streamlit as st

from pages.parts.shared.input_gate_state import input_gate_shown
from pages.parts.shared.problems import plain
from pages.parts.shared.training_curves import damage_shown, training_curves
from pneumo_core.models import ModelCard, ModelEntry, card_text, read_log

CARD, TRAINING = "Model card and recipe", "Training curves"


@st.fragment
def model_record(entry: ModelEntry, card: ModelCard) -> None:
    """Draw the card or the curves once one is chosen, since both are long."""
    st.header(f"Record of {plain(entry.name)}")
    input_gate_shown(entry.input_gate)
    chosen = st.segmented_control("Show or hide", [CARD, TRAINING], key=f"record_{entry.name}")
    if chosen is None:
        return
    if chosen == CARD:
        with st.container(border=True):
            st.markdown(card_text(card, entry.input_gate))
        return
    log = read_log(entry.folder)
    damage_shown(entry.folder)
    if not log:
        st.markdown("This model has no training log.")
        return
    training_curves(log, log[-1]["epoch"])
