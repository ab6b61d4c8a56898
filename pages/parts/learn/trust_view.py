"""Whether the heat map of a film can be trusted: tests of this film's map, and their results on many films."""

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.shared.cached import survey_of_active_model
from pages.parts.shared.frame import text_colour
from pages.parts.shared.heat_map_check import draw_checks, test_on_request
from pages.parts.shared.named import anew
from pneumo_core.draw import CHART_CONFIG, Display, enlarged, film_picture, fitted, overlay_picture
from pneumo_core.explain import curves_figure, stages_figure, survey_rows
from pneumo_core.read import Reading

if TYPE_CHECKING:
    from pneumo_core.explain import ExplanationTest

PICTURE_PIXELS = 108
# The first half of the survey; both halves fit a screen.
FIRST_ROWS = 10
BLANK = "The heat map of this X-ray is blank: the network found nothing in favour, so there is no picture to trust."


def trust_view(reading: Reading) -> None:
    """Draw the lesson about a film."""
    ways = ["This X-ray", "Many X-rays"]
    way = st.segmented_control(
        "Tested on", ways, default=ways[0], required=True, key="trust", label_visibility="collapsed"
    )
    if way == ways[1]:
        _many(reading)
    elif reading.explanation.is_blank:
        st.info(BLANK)
    else:
        test = test_on_request(reading, "balanced", is_short=False, button="Test this heat map")
        if test is None:
            st.markdown(
                "A heat map can look right and mean nothing. The test has four parts. It shuffles the network's "
                "weights block by block: a map that stays shows the X-ray, not the training (Adebayo 2018). It moves "
                "the X-ray a little. It removes the areas that the map calls important (Petsiuk 2018). It covers one "
                "patch after another."
            )
        else:
            with anew(reading.card.identity, reading.radiograph.sha256):
                _result(reading, test)


def _result(reading: Reading, test: "ExplanationTest") -> None:
    st.markdown(f"**{test.verdict}**")
    with st.container(key="stack_trust"):
        left, right = st.columns(2, gap="large")
    with left, st.container(key="trust_checks", gap="xsmall"):
        draw_checks(test)
        if test.deletion is None:
            st.markdown(
                "Deletion and insertion are left out: they need an X-ray that is flagged, and a sample that is not."
            )
        st.markdown(test.empty_in_words)
    with right:
        st.plotly_chart(
            stages_figure(
                [stage.block for stage in test.stages], [stage.correlation for stage in test.stages], text_colour()
            ),
            config=CHART_CONFIG,
            key="stages",
            alt="Rank correlation with the trained network's map while weights are shuffled from the top down",
        )
        if test.deletion is not None and test.insertion is not None:
            names = (f"removed, area {test.deletion.area:.2f}", f"restored, area {test.insertion.area:.2f}")
            st.plotly_chart(
                curves_figure(test.deletion.probabilities, test.insertion.probabilities, names, text_colour()),
                config=CHART_CONFIG,
                key="curves",
                alt="Probability while the X-ray is removed and restored, the brightest areas of the map first",
            )
    _maps(reading, test)


def _maps(reading: Reading, test: "ExplanationTest") -> None:
    small = fitted(reading.pixels_read, PICTURE_PIXELS)
    film = film_picture(enlarged(small, PICTURE_PIXELS, PICTURE_PIXELS), Display())
    maps = [("as trained", test.explanation), *((f"+ {stage.block}", stage.explanation) for stage in test.stages)]
    with st.container(horizontal=True, key="trust_maps"):
        for name, explanation in maps:
            st.image(
                overlay_picture(film, explanation.heatmap(*film.shape), Display()),
                f"{name}: blank" if explanation.is_blank else name,
                width=PICTURE_PIXELS,
                alt=f"The X-ray under the heat map, {name}",
            )


def _many(reading: Reading) -> None:
    survey = survey_of_active_model()
    if survey is None:
        st.info(
            "The model in use has no survey of its heat maps. Whoever runs the server can make one with "
            "`./run core survey FOLDER --record`. It takes some minutes for 100 X-rays."
        )
        return
    st.markdown(
        f"The same tests were run on **{len(survey.films)} X-rays**, spread evenly over the folder "
        f"'{survey.films_from}', on {survey.made} with {reading.card.name}. Brackets hold 95 % intervals."
    )
    rows = survey_rows(survey)
    with st.container(key="stack_survey"):
        left, right = st.columns(2, gap="large")
    left.table(rows[:FIRST_ROWS])
    right.table(rows[FIRST_ROWS:])
