"""Learn: Grad-CAM opened up on an X-ray of your choice, lessons with real numbers, and a quiz."""

import streamlit as st

from pages.parts.learn.certainty_lessons import calibration_lesson, uncertain_lesson
from pages.parts.learn.data_lessons import file_size_lesson, two_splits_lesson
from pages.parts.learn.elsewhere_lessons import another_age_lesson, shortcuts_lesson
from pages.parts.learn.film import film_to_learn_from, standing_warnings
from pages.parts.learn.grad_cam_view import grad_cam_view
from pages.parts.learn.menu import chosen_lesson
from pages.parts.learn.methods_view import methods_view
from pages.parts.learn.population import choose_population
from pages.parts.learn.quiz_view import quiz_view
from pages.parts.learn.threshold_lessons import kinds_lesson, prevalence_lesson, threshold_lesson
from pages.parts.learn.trust_view import trust_view
from pages.parts.learn.what_if_view import what_if_view
from pages.parts.shared.frame import frame
from pages.parts.shared.named import anew
from pages.parts.shared.problems import problems_shown

LESSONS_OF_A_FILM = {"grad-cam": grad_cam_view, "methods": methods_view, "trust": trust_view, "what-if": what_if_view}
LESSONS = {
    "threshold": threshold_lesson,
    "prevalence": prevalence_lesson,
    "file-size": file_size_lesson,
    "two-splits": two_splits_lesson,
    "calibration": calibration_lesson,
    "uncertain": uncertain_lesson,
    "bacterial-viral": kinds_lesson,
    "another-age": another_age_lesson,
    "shortcuts": shortcuts_lesson,
    "quiz": quiz_view,
}

frame("Learn")
with problems_shown():
    row = st.container(horizontal=True, vertical_alignment="bottom", key="lessons")
    under_row = st.container()
    with row:
        lesson = chosen_lesson()
        choose_population()
        reading = film_to_learn_from(under_row) if lesson in LESSONS_OF_A_FILM else None
    if reading is None:
        LESSONS[lesson]()
    else:
        with anew(reading.card.identity, reading.radiograph.sha256, reading.correction):
            standing_warnings(reading)
        LESSONS_OF_A_FILM[lesson](reading)
