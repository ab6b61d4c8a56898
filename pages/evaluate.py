"""Batch evaluation: many labelled X-rays, figures with intervals, and their limits."""

import streamlit as st

from pages.parts.evaluate.run_intake import ask_for_run
from pages.parts.evaluate.run_view import run_view
from pages.parts.shared.cached import card_of_active_model
from pages.parts.shared.frame import frame
from pages.parts.shared.problems import problems_shown

frame("Batch evaluation")
with problems_shown():
    card = card_of_active_model()
    ask_for_run(card)
    if "run" in st.query_params:
        run_view(st.query_params["run"], card)
