"""Lessons on the certainty of a score: calibration, and the films that are left to the reader."""

import streamlit as st

from pages.parts.learn.lesson_frame import ask, cell, draw, figure_in_words, source
from pages.parts.learn.population import card_to_learn_from, scores_to_learn_from
from pages.parts.shared.frame import text_colour
from pages.parts.shared.session_results import kept
from pneumo_core.learn import calibration_lines, calibration_result, reliability_chart, uncertain_chart
from pneumo_core.models import COVERAGE, Conformal, ModelCard, StoredScores, conformal_by_coverage
from pneumo_core.stats import percent


def calibration_lesson() -> None:
    """Draw reliability before and after temperature scaling, and say whether it helped."""
    card, films = card_to_learn_from(), scores_to_learn_from().test
    result = kept(
        card, "stored scores", "calibration of test films", lambda: calibration_result(films, card.first.calibration)
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
        "Temperature scaling divides every logit by one number, fitted on validation X-rays and stressed copies. "
        f"Probabilities then hold where {100 * card.first.calibration.prevalence:.0f} % have pneumonia. Here "
        f"{100 * films.prevalence:.1f} % of the test X-rays have it. The order and the ROC curve stay the same. "
        "A fit on other X-rays need not carry over: look at the points, not at the word 'calibrated'."
    )
    source(card, films, intervals="95 % intervals: bootstrap by patient, and Wilson's for points.")


def uncertain_lesson() -> None:
    """Let the reader set a coverage; show how many films are left to the reader and how many errors remain."""
    card, scores = card_to_learn_from(), scores_to_learn_from()
    found = kept(card, "stored scores", "regions by coverage", lambda: conformal_by_coverage(scores))
    _uncertain(card, scores, {each.regions.coverage: each for each in found})


@st.fragment
def _uncertain(card: ModelCard, scores: StoredScores, found: dict[float, Conformal]) -> None:
    ask("Which X-rays should be left to you?")
    coverage = st.select_slider(
        "Coverage: the share of X-rays of each class that should keep its class",
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
                {
                    "Share of the test X-rays, %": label,
                    f"At a coverage of {100 * coverage:.0f} %": cell(percent, figure),
                }
                for label, figure in (
                    ("left to the reader: uncertain", measured.uncertain),
                    ("wrong, of those decided", measured.wrong),
                    ("covered, with pneumonia", measured.with_pneumonia),
                    ("covered, without", measured.without),
                )
            ]
        )
        st.markdown(
            f"**{now.regions.limits_in_words}** The errors are {measured.missed} missed (unlikely, with pneumonia) "
            f"and {measured.false_alarms} false alarms (likely, without)."
        )
        st.markdown(
            "A class is kept if at least that share of its validation X-rays scored as unusually or more. An X-ray "
            "with one class kept is decided. It is left to you where no class is kept (its score is unlike most of "
            "both) or both are (it is like many of both). If fewer X-rays are left to you, more errors tend to remain."
        )
    st.markdown(
        "The promise (split conformal prediction: Vovk 2012, Sadinle 2019) holds for X-rays like those that set it: "
        f"validation X-rays, each class at the worst of {len(scores.validation_copies)} copies. Where less was covered "
        "than asked, the test X-rays are not like them. An X-ray can be flagged and uncertain, since the flag depends "
        "on the threshold only."
    )
    source(card, scores.validation, scores.test)
