"""The test of one film's heat map: run on request, and drawn check by check."""

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.shared.cached import explanation_tester
from pages.parts.shared.model_state import ready_classifier
from pages.parts.shared.session_results import on_request
from pneumo_core.read import Reading

if TYPE_CHECKING:
    from pneumo_core.explain import ExplanationTest, ExplanationTester


def test_on_request(reading: Reading, point: str, is_short: bool, button: str) -> "ExplanationTest | None":
    """Draw a button that tests a reading's heat map at an operating point; give the result once there is one.

    Where several populations were asked, the scores are those of the first.
    """
    film, population = reading.prepared, reading.verdicts[0].population
    threshold = population.operating_point(point).threshold

    def tester() -> "ExplanationTester":
        classifier = ready_classifier().of(population)
        return explanation_tester(classifier, classifier.card.identity)

    return on_request(
        reading.card,
        reading.radiograph.sha256,
        f"test at {point} for {population.name}{', short' if is_short else ''}",
        button,
        lambda progress: tester().test(film, threshold, is_short, progress),
    )


def draw_checks(test: "ExplanationTest") -> None:
    """Draw the finding of each check, and whether the map passes it."""
    for check in test.checks:
        sign = ":material/check: Passes" if check.has_passed else ":material/close: **Fails**"
        st.markdown(f"{sign} · **{check.name.capitalize()}**. {check.found}")
