"""One film: picture and heat map, gauge, the meaning of the number, facts, downloads."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.explain.age import age_view
from pages.parts.explain.fragility_view import fragility_view
from pages.parts.explain.populations import condition_of
from pages.parts.explain.shares_view import shares_view
from pages.parts.shared.cached import conformal_of_active_model
from pages.parts.shared.films import Film
from pages.parts.shared.frame import text_colour
from pages.parts.shared.heat_map_check import draw_checks, test_on_request
from pages.parts.shared.model_state import known_in_words
from pages.parts.shared.named import anew, file_named
from pages.parts.shared.problems import plain
from pages.parts.shared.viewer_box import viewer_box
from pages.parts.shared.warnings_box import warnings_box
from pneumo_core.draw import COLOUR_MAPS, Display
from pneumo_core.lungs import outline_in_words, share_in_words
from pneumo_core.models import NOT_THE_FLAG, Conformal, not_assessed_by
from pneumo_core.read import (
    PopulationVerdict,
    Reading,
    at_prevalence,
    case_report,
    facts,
    gauge,
    in_words,
    is_score_a_fact,
    overlay_png,
    ranges_in_words,
    receipt_json,
    score_in_words,
    side_in_words,
    verdict,
)
from pneumo_core.wording import hash_start

SCREEN_LONG_SIDE = 1200


@st.fragment
def film_view(film: Film, point_name: str, prevalence: float) -> None:
    """Draw one film and its reading, or the reason of its refusal; a display control redraws only this."""
    reading = film.reading
    if reading is None:
        _refusal(film)
        return
    identity = (film.identity, reading.card.identity, reading.correction, reading.age_years, reading.age_from)
    with anew(identity, "warnings"):
        warnings_box(reading.warnings)
    conformal = conformal_of_active_model()
    with st.container(key="stack_film"):
        score, pictures = st.columns([4, 9], gap="large")
    places_of_shares: list[DeltaGenerator] = []
    with score:
        file_named(film.name, film.sha256, verdict(reading, point_name))
        with anew(identity, "age"):
            age_view(film, reading)
        for one in reading.verdicts:
            with anew(identity, point_name, one.population.name, "score"):
                _score(reading, one, point_name, *conformal[one.population.name])
            places_of_shares.append(st.container())
        with anew(identity, point_name, prevalence):
            _among_patients(reading, point_name, prevalence)
    with pictures:
        display = _viewer(film, reading, identity)
        small_changes = st.container()
        known = {name: found for name, (found, _) in conformal.items() if found is not None}
        _downloads(reading, point_name, prevalence, display, known)
        with anew(identity, point_name, "trust"):
            _trust(reading, point_name)
    with anew(identity, "facts"):
        _facts(reading)
    # Drawn last: everything else is on the screen while these are scored.
    for one, place in zip(reading.verdicts, places_of_shares, strict=True):
        with place, anew(identity, one.population.name, "shares"):
            shares_view(reading, one)
    if reading.verdicts:
        with small_changes, anew(identity, point_name, "small changes"):
            fragility_view(reading, point_name)


def _refusal(film: Film) -> None:
    file_named(film.name, film.sha256, "Refused: no score")
    with anew(film.identity, "refused"):
        st.error(plain(film.reason or ""), icon=":material/block:")


def _score(
    reading: Reading, one: PopulationVerdict, point_name: str, conformal: Conformal | None, why_not: str
) -> None:
    """Draw the verdict by the limits of one population."""
    population, probability = one.population, one.prediction.probability
    point = population.operating_point(point_name)
    of = ""
    if len(reading.verdicts) > 1:
        of = f" for {population.name}"
        st.subheader(f"By the limits for {population.name}: {side_in_words(one, point_name)}")
    uncertain = conformal.regions.uncertain if conformal else None
    framed = f", uncertain from {100 * uncertain[0]:.1f} to {100 * uncertain[1]:.1f} percent" if uncertain else ""
    st.plotly_chart(
        gauge(probability, point, text_colour(), uncertain),
        config={"displayModeBar": False},
        key=f"gauge_{population.name}",
        alt=f"Gauge: probability{of} {100 * probability:.1f} percent, threshold {100 * point.threshold:.1f} percent"
        + framed,
    )
    if conformal is None:
        st.markdown(f"This model cannot say likely, uncertain or unlikely{of}. {plain(why_not)}")
    else:
        regions = conformal.regions
        st.markdown(
            f"**{regions.in_words(probability, population.finding)}** "
            f"{regions.reason(probability, population.condition)} {NOT_THE_FLAG}"
        )
        with st.expander(f"How well the {100 * regions.coverage:g} % hold{of}"):
            st.markdown(conformal.in_words(population.condition))
    sentence, words = plain(score_in_words(reading, one)), in_words(probability)
    if is_score_a_fact(reading):
        sentence = sentence.replace(words, f"**{words}**")
    st.markdown(
        f"{sentence} The amber line is the threshold of the {point.use} ({point.name}): X-rays are flagged from "
        f"{100 * point.threshold:.1f} % on."
    )


def _among_patients(reading: Reading, point_name: str, prevalence: float) -> None:
    rows = at_prevalence(reading, point_name, prevalence)
    if not rows:
        return
    title = f"If {100 * prevalence:.0f} in 100 of your patients have {condition_of(reading)}"
    # The rows of several populations are long, and one of them at most is about this patient.
    with st.expander(title) if len(reading.verdicts) > 1 else st.container():
        if len(reading.verdicts) == 1:
            st.markdown(f"{title}:")
        st.markdown("\n".join(f"- {label}: **{text}**" for label, text in rows))
        if ranges := ranges_in_words(rows):
            st.markdown(ranges)


def _viewer(film: Film, reading: Reading, identity: object) -> Display:
    with st.container(horizontal=True, vertical_alignment="center"):
        # Without a verdict there is nothing that a heat map could explain.
        with_heatmap = bool(reading.verdicts) and st.toggle("Heat map", key="with_heatmap", persist_state="session")
        is_inverted = st.toggle("Invert grey scale", key="is_inverted", persist_state="session")
        with_outline = reading.outline is not None and st.checkbox(
            "Show the lungs' outline", key="with_outline", persist_state="session"
        )
        with st.popover("Window and colours", icon=":material/tune:"):
            level = st.slider(
                "Level",
                0.0,
                1.0,
                0.5,
                0.01,
                key="level",
                persist_state="session",
                help="The grey value shown as middle grey.",
            )
            width = st.slider(
                "Width", 0.05, 1.0, 1.0, 0.01, key="width", persist_state="session", help="Smaller: more contrast."
            )
            opacity = st.slider("Heat map opacity", 0.0, 1.0, 0.5, 0.05, key="opacity", persist_state="session")
            colour_map = st.selectbox("Heat map colours", COLOUR_MAPS, key="colour_map", persist_state="session")
            st.markdown("These settings change the picture only. The network reads the X-ray as it was uploaded.")
    display = Display(level, width, is_inverted, colour_map, opacity)
    file_named(film.name, film.sha256)
    identity_of_zoom = reading.radiograph.sha256
    viewer_box(reading, display, with_heatmap, SCREEN_LONG_SIDE, "viewer", identity_of_zoom, "80vh", with_outline)
    with anew(identity, with_heatmap, with_outline):
        if with_outline and reading.outline is not None:
            st.markdown(
                f"{outline_in_words(reading.outline)} A network drew the outline. It learned on normal lungs, and "
                "misses the sickest."
            )
        if with_heatmap and reading.explanation.is_blank:
            st.info(
                f"The heat map is blank: the network found no evidence in favour of {condition_of(reading)} on this "
                "X-ray."
            )
        elif with_heatmap:
            st.markdown(
                "Bright areas: the network found evidence in favour there. The scale is this X-ray's own, so two "
                "X-rays cannot be compared by brightness. A bright area is no outline of a lesion. Evidence at side "
                "markers, in corners or along borders is a shortcut of the network, not disease. Scroll to zoom, drag "
                f"to move. {share_in_words(reading.share_inside)}"
            )
    return display


def _trust(reading: Reading, point_name: str) -> None:
    if not reading.verdicts or not st.session_state["with_heatmap"] or reading.explanation.is_blank:
        return
    test = test_on_request(reading, point_name, is_short=True, button="How far can I trust this picture?")
    if test is not None:
        with st.container(border=True):
            st.markdown(f"**{test.verdict}**")
            draw_checks(test)
            st.markdown(
                "This is the short test, with fewer random maps and coarser curves. Lesson 3 of *Learn* tests a heat "
                "map block by block, and against occlusion."
            )


def _facts(reading: Reading) -> None:
    with st.container(key="stack_facts"):
        left, right = st.columns([2, 3], gap="large")
    with left:
        st.header("What the number does not mean")
        st.markdown(
            "The number is no diagnosis. It measures no severity and names no cause. It holds for patients like those "
            f"the network was trained on: {known_in_words(reading.card)}\n\n"
            + plain(not_assessed_by(one.population for one in reading.verdicts))
        )
    with right:
        st.header("What was read, and by what")
        st.table([{"Fact": label, "Value": text} for label, text in facts(reading)])


def _downloads(
    reading: Reading, point_name: str, prevalence: float, display: Display, conformal: dict[str, Conformal]
) -> None:
    name = f"pneumo_{hash_start(reading.radiograph.sha256)}_{point_name}"
    with st.container(horizontal=True):
        st.download_button(
            "Report (HTML)",
            lambda: case_report(reading, point_name, prevalence, display, conformal),
            f"{name}.html",
            "text/html",
            on_click="ignore",
            icon=":material/description:",
        )
        if reading.verdicts:
            st.download_button(
                "Overlay (PNG)",
                lambda: overlay_png(reading, point_name, display),
                f"{name}.png",
                "image/png",
                on_click="ignore",
                icon=":material/image:",
            )
        st.download_button(
            "Receipt (JSON)",
            lambda: receipt_json(reading, point_name, prevalence, conformal),
            f"{name}.json",
            "application/json",
            on_click="ignore",
            icon=":material/receipt_long:",
        )
