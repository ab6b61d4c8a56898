"""Lessons on clues outside the lungs: the size of the files, and the way films were split."""

import streamlit as st

from pages.parts.learn.lesson_frame import ask, cell, draw, figure_in_words, source
from pages.parts.learn.population import card_to_learn_from, scores_to_learn_from
from pages.parts.shared.frame import text_colour
from pages.parts.shared.problems import plain
from pages.parts.shared.session_results import kept
from pneumo_core.learn import (
    FileSizeResult,
    file_size_chart,
    file_size_result,
    patients_in_both,
    split_figures,
    split_line,
    splits_chart,
)
from pneumo_core.models import ModelCard, StoredScores
from pneumo_core.stats import area, percent


def file_size_lesson() -> None:
    """Let the reader guess how much the size of the files tells, then compare it with the network."""
    card, scores = card_to_learn_from(), scores_to_learn_from()
    _file_size(card, scores, kept(card, "stored scores", "file size", lambda: file_size_result(scores, card)))


def two_splits_lesson() -> None:
    """Draw the figures of one network on validation films, set aside from train, and on the official test films."""
    card, scores = card_to_learn_from(), scores_to_learn_from()
    figures = split_figures(scores, card.first.operating_point("balanced").threshold)
    ask("Why can 99 % in a paper be 85 % at work?")
    with st.container(key="stack_lesson_splits"):
        picture, numbers = st.columns([6, 5], gap="large")
    with picture:
        draw(splits_chart(figures, text_colour()))
    with numbers:
        st.table(
            [
                {
                    "Figure (in %, except the area)": figure.name,
                    "Validation X-rays": cell(area if place == 0 else percent, figure.validation),
                    "Test X-rays": cell(area if place == 0 else percent, figure.test),
                }
                for place, figure in enumerate(figures)
            ]
        )
    shared, names = patients_in_both(scores)
    st.markdown(
        f"{split_line(figures)} Validation X-rays were set aside from the training X-rays. They chose the epoch, the "
        "temperature and the thresholds, so their figures flatter. A paper that pools all X-rays and splits them again "
        f"tests on X-rays of that kind. {shared} of {names} patients' names among the test X-rays occur among "
        "validation X-rays too. It is not established whether they are the same patients."
    )
    st.markdown(f"The X-rays were split like this: {plain(card.first.training_data.description)}.")
    source(card, scores.validation, scores.test)


@st.fragment
def _file_size(card: ModelCard, scores: StoredScores, result: FileSizeResult) -> None:
    ask("How well does the size of a file tell pneumonia?")
    said = st.session_state.get("size_said")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if said is None:
            guess = st.slider(
                "Take 100 pairs of test X-rays, one with pneumonia and one without. In how many does the size of the "
                "files alone tell which is which? (50 is a coin's toss.)",
                50,
                100,
            )
            _say("Reveal", guess)
        else:
            areas = result.areas
            st.markdown(
                f"You said that the size alone tells {said} of 100 pairs of X-rays, one with pneumonia and one "
                f"without. It tells **{percent(areas.second)}**. The network tells {percent(areas.first)}."
            )
            _say("Ask again", None)
    if said is not None:
        with st.container(key="stack_lesson_size"):
            picture, words = st.columns(2, gap="large")
        with picture:
            draw(file_size_chart(result, text_colour()))
        with words:
            st.table(
                [
                    {"Told apart by": name, "Area under the ROC curve": figure_in_words(figure)}
                    for name, figure in (
                        ("the size of the file alone", areas.second),
                        ("the network", areas.first),
                        ("difference (DeLong)", areas.difference),
                    )
                ]
            )
            st.markdown(
                f"The validation X-rays suggest a rule: a file of at "
                f"{'most' if result.smaller_is_pneumonia else 'least'} {result.limit_bytes:,} bytes means pneumonia. "
                f"It is right on {percent(result.right)} % of the test X-rays. Calling every X-ray pneumonia is right "
                f"on {100 * scores.test.prevalence:.1f} %."
            )
            st.markdown(
                "The network does not see the size. The causes of the difference (detail, noise, borders, an earlier "
                "compression) are in the pixels. X-rays whose files differ by class cannot show that a network looks "
                "at lungs."
            )
            st.markdown(
                "On Kermany's 5,856 original X-rays the rule 'over 386 kB means NORMAL' is right on at least 91 % "
                "(calculated). The model that comes with this app knows copies of them, encoded again at 224 x 224."
            )
    source(card, scores.test)


def _say(label: str, guess: int | None) -> None:
    st.button(
        label,
        type="secondary" if guess is None else "primary",
        on_click=st.session_state.update,
        args=({"size_said": guess},),
        key="size_reveal",
    )
