"""The common frame of the lessons with real numbers.

Each lesson has a question, one picture, a conclusion, and the source of its figures, and it fits a screen. The figures
come from the model in use on test films.
"""

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.shared.problems import plain
from pneumo_core.draw import CHART_CONFIG, Chart
from pneumo_core.models import ModelCard, ScoredFilms, thresholds_in_words
from pneumo_core.stats import Estimate, interval_in_words, value_in_words

# Headings, tables and gaps are tighter than Streamlit's, so that a lesson fits a screen.
STYLE = """<style>
[class*="st-key-stack_lesson"] .stVerticalBlock { gap: 0.5rem; }
[data-testid="stMainBlockContainer"] :is(h2, h3) { padding: 0.2rem 0 !important; }
[class*="st-key-stack_lesson"] :is(th, td), .st-key-lesson_figures :is(th, td) { padding: 0.25rem 0.5rem; }
</style>"""
AS_ON_THE_CARD = "95 % intervals as on the model card: each X-ray counts as another patient's."


def ask(question: str) -> None:
    """Draw a lesson's question, and the style that makes the lesson fit a screen."""
    st.html(STYLE)
    st.header(question)


def threshold_slider(card: ModelCard, key: str, place: DeltaGenerator, presets: DeltaGenerator) -> float:
    """Draw a slider of the threshold with a button an operating point; give the threshold in [0, 1]."""
    if key not in st.session_state or st.session_state.get(f"{key}_of") != card.identity:
        # A threshold of another population or model means nothing here.
        st.session_state[f"{key}_of"] = card.identity
        st.session_state[key] = 100 * card.first.operating_point("balanced").threshold
    with presets, st.container(horizontal=True):
        for point, label in zip(
            card.first.operating_points, thresholds_in_words(card.first.operating_points), strict=True
        ):
            st.button(
                f"{label} %",
                help=point.chosen_for,
                on_click=st.session_state.update,
                args=({key: 100 * point.threshold},),
                key=f"{key}_{point.name}",
            )
    with place:
        percent_of_one: float = st.slider(
            "Threshold: X-rays are flagged from here on, %", 0.0, 100.0, step=0.1, format="%.1f", key=key
        )
    return percent_of_one / 100


def draw(chart: Chart) -> None:
    """Draw a chart with its title and the way to read it."""
    st.subheader(chart.title, help=chart.reads)
    st.plotly_chart(chart.figure, config=CHART_CONFIG, key=f"lesson_{chart.title}", alt=chart.alt)


def cell(in_words: Callable[[Estimate], str], figure: Estimate) -> str:
    """Give a figure for a cell of a table, with its number of films."""
    return f"{in_words(figure)}, n = {figure.n}"


def figure_in_words(figure: Estimate) -> str:
    """Give a figure that can be negative or lack an interval."""
    return f"{value_in_words(figure)} ({interval_in_words(figure)})"


def source(card: ModelCard, *parts: ScoredFilms, intervals: str = AS_ON_THE_CARD) -> None:
    """Draw the source of a lesson's figures."""
    films = "; ".join(
        f"'{part.films}', {len(part)} X-rays ({part.has_pneumonia.sum()} with pneumonia)" for part in parts
    )
    st.markdown(f":small[{plain(f'Source: stored scores of {card.name}: {films}. {intervals}')}]")
