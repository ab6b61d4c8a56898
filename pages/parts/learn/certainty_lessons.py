"""Lessons on how sure a score is: whether it holds, and which films are left to the reader."""

import streamlit as st

from pages.parts.learn.lesson_frame import ask, cell, draw, figure_in_words, source
from pages.parts.shared.cached import card_of_active_model, stored_scores
from pages.parts.shared.frame import text_colour
from pages.parts.shared.session_results import kept
from pneumo_core.learn import calibration_lines, calibration_result, reliability_chart, uncertain_chart
from pneumo_core.models import COVERAGE, Conformal, ModelCard, StoredScores, conformal_by_coverage
from pneumo_core.stats import percent


def calibration_lesson() -> None:
    """Draw reliability before and after temperature scaling, and say whether it helped."""
    card, films = card_of_active_model(), stored_scores().test
    result = kept(
        card, "stored scores", "calibration of test films", lambda: calibration_result(films, card.calibration)
    )
    ask("Does a score of 80 % mean 80 of 100?")
    with st.container(key="stack_lesson_calibration"):
        before, after, words = st.columns(3, gap="large")
    with before:
        draw(reliability_chart(result.before, "Before: temperature 1", text_colour()))
    with after:
        draw(reliability_chart(result.after, f"After: temperature {result.temperature:.3f}", text_colour()))
    with words:
        st.table(
            [
                {"Measure": error.name, "Before": figure_in_words(error.before), "After": figure_in_words(error.after)}
                for error in result.errors
            ]
        )
        verdict, *lines = calibration_lines(result)
        st.markdown(f"**{verdict}**\n" + "\n".join(f"- {line}" for line in lines))
    st.markdown(
        "Temperature scaling divides every logit by one number, fitted on validation films and their stressed copies "
        f"so that probabilities hold where {100 * card.calibration.prevalence:.0f} % have pneumonia; of these test "
        f"films {100 * films.prevalence:.1f} % have it. It changes no order and no ROC curve. What was fitted on other "
        "films need not carry over: look at the points, not at the word 'calibrated'."
    )
    source(card, films, intervals="95 % intervals: bootstrap by patient; of points Wilson's.")


def uncertain_lesson() -> None:
    """Let the reader set a coverage, and show how many films are left to him and how many errors remain."""
    card, scores = card_of_active_model(), stored_scores()
    found = kept(card, "stored scores", "regions by coverage", lambda: conformal_by_coverage(scores))
    _uncertain(card, scores, {each.regions.coverage: each for each in found})


@st.fragment
def _uncertain(card: ModelCard, scores: StoredScores, found: dict[float, Conformal]) -> None:
    ask("Which films should be left to you?")
    coverage = st.select_slider(
        "Coverage: the share of films of each class that is to keep its class",
        list(found),
        value=COVERAGE if COVERAGE in found else max(found),
        format_func=lambda share: f"{100 * share:.0f} %",
        key="lesson_coverage",
    )
    now = found[coverage]
    measured = now.measured
    with st.container(key="stack_lesson_uncertain"):
        picture, numbers = st.columns([6, 5], gap="large")
    with picture:
        draw(uncertain_chart(list(found.values()), now, text_colour()))
    with numbers:
        st.table(
            [
                {"Of the test films, %": label, f"At a coverage of {100 * coverage:.0f} %": cell(percent, figure)}
                for label, figure in (
                    ("left to the reader: uncertain", measured.uncertain),
                    ("wrong, of those decided", measured.wrong),
                    ("covered, with pneumonia", measured.with_pneumonia),
                    ("covered, without", measured.without),
                )
            ]
        )
        st.markdown(
            f"**{now.regions.limits_in_words}** Wrong are {measured.missed} missed (unlikely, with pneumonia) and "
            f"{measured.false_alarms} false alarms (likely, without)."
        )
        st.markdown(
            "A class is kept where the score is no stranger than those of so many of its validation films. A film is "
            "decided where one class is kept, and left to you where neither is (its score is unlike most of both) or "
            "both are (it is like many of both). The fewer films are left to you, the more errors tend to remain."
        )
    st.markdown(
        "The promise (split conformal prediction: Vovk 2012, Sadinle 2019) is for films like those that set it: "
        f"validation films, each class at the worst of {len(scores.validation_copies)} copies. Where less was covered "
        "than asked, the test films are not like them. A film may be flagged and uncertain: the flag follows the "
        "threshold alone."
    )
    source(card, scores.validation, scores.test)
