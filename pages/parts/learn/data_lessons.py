"""Lessons on what films can give away: the size of their files, and how they were split."""

import streamlit as st

from pages.parts.learn.lesson_frame import ask, cell, draw, figure_in_words, source
from pages.parts.shared.cached import card_of_active_model, stored_scores
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
    """Let the reader guess how well the size of the files does, then show it against the network."""
    card, scores = card_of_active_model(), stored_scores()
    _file_size(card, scores, kept(card, "stored scores", "file size", lambda: file_size_result(scores, card)))


def two_splits_lesson() -> None:
    """Draw the same network on validation films, set aside from train, and on the official test films."""
    card, scores = card_of_active_model(), stored_scores()
    figures = split_figures(scores, card.operating_point("balanced").threshold)
    ask("Why can 99 % in a paper be 85 % at work?")
    with st.container(key="stack_lesson_splits"):
        picture, numbers = st.columns([6, 5], gap="large")
    with picture:
        draw(splits_chart(figures, text_colour()))
    with numbers:
        st.table(
            [
                {
                    "Figure (% but for the area)": figure.name,
                    "Validation films": cell(area if place == 0 else percent, figure.validation),
                    "Test films": cell(area if place == 0 else percent, figure.test),
                }
                for place, figure in enumerate(figures)
            ]
        )
    shared, names = patients_in_both(scores)
    st.markdown(
        f"{split_line(figures)} Validation films were set aside from those to train on, and chose the epoch, the "
        "temperature and the thresholds: they flatter. A paper that pools all films and splits them anew tests on "
        f"films of that kind. {shared} of {names} patients' names among the test films occur among validation films "
        "too; whether they are the same patients is not established."
    )
    st.markdown(f"How the films were split: {plain(card.training_data.description)}.")
    source(card, scores.validation, scores.test)


@st.fragment
def _file_size(card: ModelCard, scores: StoredScores, result: FileSizeResult) -> None:
    ask("How well does the size of a file tell pneumonia?")
    said = st.session_state.get("size_said")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if said is None:
            guess = st.slider(
                "Of 100 pairs of test films, one with pneumonia and one without: in how many would the size of the "
                "files alone tell which is which? (50: a coin's toss)",
                50,
                100,
            )
            _say("Reveal", guess)
        else:
            areas = result.areas
            st.markdown(
                f"Of 100 pairs, one film with pneumonia and one without, you said that the size alone tells {said}. It "
                f"tells **{percent(areas.second)}**; the network {percent(areas.first)}."
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
                f"Taking every file of at {'most' if result.smaller_is_pneumonia else 'least'} "
                f"{result.limit_bytes:,} bytes for pneumonia, as the validation films say, is right on "
                f"{percent(result.right)} % of the test films; taking all for pneumonia, on "
                f"{100 * scores.test.prevalence:.1f} %."
            )
            st.markdown(
                "The network is not shown the size, but what makes sizes differ (detail, noise, borders, an earlier "
                "compression) is in the pixels. Films whose files differ by class cannot show that a network looks at "
                "lungs."
            )
            st.markdown(
                "Of the 5,856 originals of Kermany's films, 'over 386 kB means NORMAL' is right on at least 91 % "
                "(calculated). The model that comes with this app knows copies of them, encoded anew at 224 x 224."
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
