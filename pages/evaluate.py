"""Batch evaluation: many labelled films, figures with intervals, and what speaks against them."""

import streamlit as st

from pages.parts.cached import card_of_active_model
from pages.parts.frame import frame
from pages.parts.problems import problems_shown
from pages.parts.run_intake import ask_for_run
from pages.parts.run_view import run_view

frame("Batch evaluation")
with problems_shown():
    card = card_of_active_model()
    ask_for_run(card)
    if "run" in st.query_params:
        run_view(st.query_params["run"], card)
