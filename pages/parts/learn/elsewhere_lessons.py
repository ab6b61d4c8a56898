"""Lessons on other hospitals, other ages and views: scores that came with Pneumo, whatever model is in use."""

import streamlit as st

from pages.parts.learn.lesson_frame import AS_ON_THE_CARD, ask, cell, draw
from pages.parts.shared.frame import text_colour
from pages.parts.shared.problems import plain
from pneumo_core.learn import (
    FINDING,
    NORMAL,
    OTHER,
    Elsewhere,
    ages_chart,
    ap_shares,
    one_threshold_line,
    place_results,
    read_elsewhere,
    shortcut_rules,
    shortcuts_chart,
    view_results,
)
from pneumo_core.stats import area, percent

POINTS = ("screening", "balanced", "rule-in")
SOURCE = (
    "All are development images: children's validation X-rays (Kermany 2018), and adults set aside by patient (RSNA "
    f"2018, NIH). {AS_ON_THE_CARD}"
)


def another_age_lesson() -> None:
    """Draw each stored network's scores on children and on adults, and the flags at each population's point."""
    _another_age(read_elsewhere())


def shortcuts_lesson() -> None:
    """Draw how well the view and the lungs' area alone tell opacity, beside the stored networks."""
    found = read_elsewhere()
    rules, shares = shortcut_rules(found.images, found.networks), ap_shares(found.images)
    ask("How much does the view tell, without a look at the lungs?")
    with st.container(key="stack_lesson_shortcuts"):
        picture, numbers = st.columns([6, 5], gap="large")
    with picture:
        draw(shortcuts_chart(rules, text_colour()))
    with numbers:
        st.table(
            [
                {
                    "Told by": rule.name,
                    "Opacity against normal": area(rule.from_normal),
                    "Opacity against other findings": area(rule.from_other),
                }
                for rule in rules
            ]
        )
    st.markdown(
        f"{percent(shares[FINDING])} % of the opacities are AP, {percent(shares[OTHER])} % of the other findings and "
        f"{percent(shares[NORMAL])} % of the normal X-rays. Patients who cannot stand are X-rayed lying (AP), and they "
        "are sicker. So a rule that knows only the view seems to know disease. An outline of the lungs loses what is "
        "opaque, so its area tells disease, too. A figure over both views holds such clues. Read it beside each view's "
        "own."
    )
    with st.container(key="lesson_figures"):
        st.table(
            [
                {
                    "Whole normal adults": f"{network.about.name}, {result.view}",
                    "Flagged at the balanced point, %": cell(percent, result.flagged),
                    "Middle score (log odds)": f"{result.median:.1f}",
                }
                for network in found.networks
                for result in view_results(found.images, network, "balanced")
            ]
        )
    _source("adults whose X-ray shows the lungs alone, with the outside painted bright, and whole normal adults.")


@st.fragment
def _another_age(found: Elsewhere) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ask("Does one threshold serve all ages?")
        point: str = st.segmented_control(
            "Operating point", POINTS, default="balanced", required=True, key="lesson_age_point"
        )
    results = [place_results(found.images, network, point) for network in found.networks]
    with st.container(key="stack_lesson_ages"):
        columns = st.columns(len(results), gap="large")
    for column, network, of_network in zip(columns, found.networks, results, strict=True):
        with column:
            draw(ages_chart(network.about, of_network, point, text_colour()))
    with st.container(key="lesson_figures"):
        st.table(
            [
                {
                    "Flagged, %": of_place[0].name,
                    **{
                        f"{network.about.name}, point for {population.name}": cell(percent, flagged)
                        for network, place in zip(found.networks, of_place, strict=True)
                        for population, flagged in zip(network.about.populations, place.flagged, strict=True)
                    },
                }
                for of_place in zip(*results, strict=True)
            ]
        )
    lines = [one_threshold_line(network.about, place) for network, place in zip(found.networks, results, strict=True)]
    st.markdown(plain(" ".join(lines)))
    st.markdown(
        "A child's chest and an adult's differ in size, sharpness and the device that took them. Each of these moves a "
        "score. Weak labels were mined from reports. Radiologists read 287 X-rays with the weak label 'pneumonia' "
        "again: 43 % were opacities, 37 % other findings, 20 % normal."
    )
    _source("whole X-rays of children and of adults.")


def _source(images: str) -> None:
    st.markdown(f":small[{plain(f'Source: stored scores of {images} {SOURCE}')}]")
