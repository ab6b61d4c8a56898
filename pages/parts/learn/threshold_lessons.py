"""Lessons on the effect of one threshold: at one place, at others, and on each kind of pneumonia."""

import streamlit as st

from pages.parts.learn.lesson_frame import ask, cell, draw, source, threshold_slider
from pages.parts.learn.population import card_to_learn_from, scores_to_learn_from
from pages.parts.shared.frame import text_colour
from pneumo_core.evaluate import SETTING
from pneumo_core.learn import (
    OTHER_PREVALENCES,
    consequences,
    crowd_chart,
    kind_line,
    kinds_chart,
    results_by_kind,
    threshold_charts,
)
from pneumo_core.models import KIND_LABELS, ModelCard, ScoredFilms
from pneumo_core.stats import finely, percent


def threshold_lesson() -> None:
    """Draw the effect of one threshold: matrix, point on the ROC curve, predictive values, cost, a crowd."""
    _threshold(card_to_learn_from(), scores_to_learn_from().test)


def prevalence_lesson() -> None:
    """Draw one test where pneumonia is common, less common and rare."""
    _prevalence(card_to_learn_from(), scores_to_learn_from().test)


def kinds_lesson() -> None:
    """Draw the scores of bacterial and viral pneumonia, and the misses among them."""
    _kinds(card_to_learn_from(), scores_to_learn_from().test)


@st.fragment
def _threshold(card: ModelCard, films: ScoredFilms) -> None:
    ask("What does one threshold decide?")
    with st.container(key="stack_lesson_settings"):
        place, presets, settings = st.columns([30, 35, 35], gap="medium", vertical_alignment="bottom")
    threshold = threshold_slider(card, "lesson_threshold", place, presets)
    with settings:
        prevalences, costs, confirmations = st.columns(3, vertical_alignment="bottom")
    prevalence = prevalences.number_input("Prevalence, 1-99 %", 1, 99, round(100 * SETTING.prevalence))
    cost_per_film = costs.number_input("Cost per X-ray", 0.0, value=SETTING.cost_per_film, step=1.0)
    cost_per_confirmation = confirmations.number_input(
        "Cost to confirm", 0.0, value=SETTING.cost_per_confirmation, step=1.0
    )
    now = consequences(films, threshold, prevalence / 100, cost_per_film, cost_per_confirmation)
    with st.container(key="stack_lesson_threshold"):
        columns = st.columns([10, 9, 10], gap="medium")
    for column, chart in zip(
        columns, threshold_charts(films, card.first.operating_points, now, text_colour()), strict=True
    ):
        with column:
            draw(chart)
    with st.container(key="lesson_figures"):
        st.table(
            [
                {
                    "Sensitivity %": cell(percent, now.figures.sensitivity),
                    "Specificity %": cell(percent, now.figures.specificity),
                    f"PPV % at {prevalence} %": finely(now.positive_predictive_value),
                    f"NPV % at {prevalence} %": finely(now.negative_predictive_value),
                    f"Cost per case found at {prevalence} %": now.cost_in_words,
                }
            ]
        )
    st.markdown(
        "A lower threshold finds more cases and raises more false alarms. The point moves along the curve, and the "
        "curve stays. Predictive values, cost and crowd hold at the prevalence that you set, not at that of the test "
        f"X-rays ({100 * films.prevalence:.1f} %). The probabilities are not recalibrated to it. The range of a "
        "predictive value follows from the intervals of both rates."
    )
    source(card, films)


@st.fragment
def _prevalence(card: ModelCard, films: ScoredFilms) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ask("How good is the same test where pneumonia is rare?")
        names = [point.name for point in card.first.operating_points]
        name = st.segmented_control("Operating point", names, default="balanced", required=True, key="lesson_point")
    threshold = card.first.operating_point(name).threshold
    found = [consequences(films, threshold, prevalence) for prevalence in (films.prevalence, *OTHER_PREVALENCES)]
    with st.container(key="stack_lesson_prevalence"):
        columns = st.columns(3, gap="large")
    for column, now in zip(columns, found, strict=True):
        with column:
            draw(crowd_chart(now, text_colour()))
            st.markdown(
                f"**{now.flagged_of_crowd} flagged, {now.crowd.true_positives} of them with pneumonia.**  \n"
                f"PPV {finely(now.positive_predictive_value)} %, NPV {finely(now.negative_predictive_value)} %"
            )
    figures = found[0].figures
    st.markdown(
        f"The test is the same three times: sensitivity {percent(figures.sensitivity)} %, specificity "
        f"{percent(figures.specificity)} %, measured on the test X-rays. Only the share of patients with pneumonia "
        "differs, and with it the meaning of a flag. The probabilities are not recalibrated. Patients elsewhere are "
        "assumed to look alike on X-rays, which must be measured, not believed."
    )
    source(card, films)


@st.fragment
def _kinds(card: ModelCard, films: ScoredFilms) -> None:
    ask("Where are the misses: bacterial or viral?")
    with st.container(key="stack_lesson_settings"):
        place, presets = st.columns([3, 2], gap="large", vertical_alignment="bottom")
    threshold = threshold_slider(card, "lesson_kinds_threshold", place, presets)
    results = results_by_kind(films, threshold)
    with st.container(key="stack_lesson_kinds"):
        picture, numbers = st.columns([3, 2], gap="large")
    with picture:
        draw(kinds_chart(films, threshold, text_colour()))
    with numbers:
        st.table(
            [
                {
                    "Kind": KIND_LABELS[result.kind],
                    "Wrong": f"{result.wrong} {'false alarms' if result.kind == 'normal' else 'missed'}",
                    "Right, %": cell(percent, result.right),
                }
                for result in results
            ]
        )
        st.markdown(kind_line(results))
    st.markdown(
        "X-rays with pneumonia are right if they are flagged (sensitivity), others if they are not (specificity). "
        "The kinds come from the file names of the data set. It is not known here how each was established. A score "
        "does not tell bacterial from viral, since the network was taught pneumonia only."
    )
    source(card, films)
