"""The lesson "What if?": a film is covered, turned or brightened, and score and heat map follow."""

import time
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.learn.population import classifier_to_learn_from
from pages.parts.shared.cached import one_at_a_time
from pages.parts.shared.frame import text_colour
from pages.parts.shared.named import anew
from pneumo_core.draw import CHART_CONFIG
from pneumo_core.explain import (
    CONTROLS,
    HIDDEN_BY,
    Change,
    FlipCurve,
    Region,
    film_chart,
    flip_chart,
    flip_curve,
    look_at,
    region_of,
    scores_chart,
    zones_of,
)
from pneumo_core.read import Reading
from pneumo_core.stats import OperatingPoint

NOTHING, CURVES, ZONE = "nothing", "what_if_curves", "what_if_zone"
REST_SECONDS = 0.1
REGION_SLIDERS = (("what_if_across", "Left to right, %"), ("what_if_down", "Top to bottom, %"))
# The session's values for the unchanged film; mouse and sliders both move these and nothing else.
AS_IT_IS = {
    "what_if_hide": NOTHING,
    "what_if_across": (30, 70),
    "what_if_down": (30, 70),
    **{f"what_if_{name}": 0.0 for name in CONTROLS},
}


def what_if_view(reading: Reading) -> None:
    """Draw the lesson about a film."""
    _what_if(reading, reading.card.first.operating_point("balanced"))


@st.fragment
def _what_if(reading: Reading, point: OperatingPoint) -> None:
    for key, value in {**AS_IT_IS, "what_if_curve": "contrast"}.items():
        st.session_state.setdefault(key, value)
    change = _change()
    look = look_at(classifier_to_learn_from(), reading.pixels_read, change)
    with st.container(key="stack_what_if"):
        pictures, numbers = st.columns([9, 5], gap="medium")
    with pictures:
        drawn = film_chart(look, change.region, text_colour())
        # A new key after each box removes the box drawn by hand and leaves the region's own outline.
        key = f"what_if_film_{st.session_state.setdefault('what_if_boxes', 0)}"
        st.plotly_chart(
            drawn.figure,
            config=CHART_CONFIG,
            key=key,
            on_select=lambda: _box_was_drawn(key),
            selection_mode="box",
            alt=drawn.alt,
        )
    with numbers, st.container(gap="xsmall"):
        _scores(reading.prediction.probability, look.probability, point)
        st.markdown(f":material/block: **{look.check.in_words()}**" if look.check.refusal else look.check.in_words())
        shown = st.segmented_control(
            "The control whose flips are drawn",
            list(CONTROLS),
            required=True,
            key="what_if_curve",
            persist_state="session",
            format_func=lambda name: CONTROLS[name].label,
            label_visibility="collapsed",
        )
        chart = st.empty()
    with st.container(key="stack_controls"):
        hiding, *columns = st.columns([3, *(2 for _ in CONTROLS)], gap="medium")
    with hiding, st.container(gap="xsmall"):
        _region(zones_of(reading.outline, reading.explanation.window))
    sentences = {}
    for column, name in zip(columns, CONTROLS, strict=True):
        with column, st.container(gap="xsmall"):
            sentences[name] = _slider(name)
    _note(point)
    # Curves come after the picture, the shown one first: a move of its own control leaves it unchanged.
    for name in sorted(CONTROLS, key=lambda name: name != shown):
        curve = _curve(reading, change, name, point)
        sentences[name].markdown(f"{curve.in_words()}. {curve.check_in_words()}")
        if name == shown:
            drawn = flip_chart(curve, getattr(change, name), look.probability, point.threshold, text_colour())
            chart.plotly_chart(drawn.figure, config=CHART_CONFIG, key="what_if_flips", alt=drawn.alt)


def _change() -> Change:
    state = st.session_state
    change = Change(**{name: state[f"what_if_{name}"] for name in CONTROLS})
    if state["what_if_hide"] == NOTHING:
        return change
    region = Region(*state["what_if_across"], *state["what_if_down"])
    return replace(change, region=region, hidden_by=state["what_if_hide"])


def _scores(before: float, after: float, point: OperatingPoint) -> None:
    was, now = ("flagged" if probability >= point.threshold else "not flagged" for probability in (before, after))
    with anew("flag", was, now):
        st.subheader(f"The flag stays: {now}" if was == now else f"The flag flips: {was}, now {now}")
    drawn = scores_chart(before, after, point.threshold, text_colour())
    st.plotly_chart(drawn.figure, config=CHART_CONFIG, key="what_if_scores", alt=drawn.alt)


def _region(zones: dict[str, Region]) -> None:
    st.segmented_control(
        "Hide: draw a box on the X-ray, or set it here",
        [NOTHING, *HIDDEN_BY],
        required=True,
        key="what_if_hide",
        persist_state="session",
        format_func=str.capitalize,
    )
    if zones:
        st.selectbox(
            "Hide a zone of the lungs",
            list(zones),
            index=None,
            placeholder="Choose a zone",
            key=ZONE,
            format_func=str.capitalize,
            on_change=_zone_was_chosen,
            args=(zones,),
        )
    for column, (key, label) in zip(st.columns(2), REGION_SLIDERS, strict=True):
        column.slider(label, 0, 100, key=key, persist_state="session", on_change=_region_was_set)


def _slider(name: str) -> DeltaGenerator:
    """Draw a control's slider; give the place under it for the sentence on its flips."""
    control = CONTROLS[name]
    st.slider(
        f"{control.label}, {control.unit}",
        control.lowest,
        control.highest,
        step=control.step,
        format="%.0f" if control.step >= 1 else "%.1f",
        key=f"what_if_{name}",
        persist_state="session",
        on_change=st.session_state.update,
        args=({"what_if_curve": name},),
    )
    place = st.empty()
    place.markdown("Looking for flips ...")
    return place


def _note(point: OperatingPoint) -> None:
    with st.container(key="stack_note"):
        back, note = st.columns([2, 9], gap="small", vertical_alignment="center")
    back.button(
        "Back to the unchanged X-ray", icon=":material/undo:", on_click=st.session_state.update, args=(AS_IT_IS,)
    )
    note.markdown(
        f"Amber: flagged from {100 * point.threshold:.1f} % on ({point.name} operating point). A flip shows how "
        "fragile the network is, not the patient's disease. An X-ray with a hidden region is unlike any that the "
        "network knows. The text under each control names its flip while the other controls stay. It also names the "
        "value from which Explain would give no probability. The lesson gives it all the same."
    )


def _curve(reading: Reading, change: Change, name: str, point: OperatingPoint) -> FlipCurve:
    """Give a control's curve; the last of each is kept, so a control's own moves compute nothing for it."""
    kept: dict[str, tuple[object, FlipCurve]] = st.session_state.setdefault(CURVES, {})
    others = change.at(name, 0.0)
    of = (reading.card.identity, reading.radiograph.sha256, point.threshold, others)
    if name not in kept or kept[name][0] != of:
        # A further move of a control ends this run at the next line drawn, before anything is computed.
        time.sleep(REST_SECONDS)
        with one_at_a_time():
            classifier = classifier_to_learn_from()
            kept[name] = of, flip_curve(classifier, reading.pixels_read, others, name, point.threshold)
    return kept[name][1]


def _box_was_drawn(key: str) -> None:
    for box in st.session_state[key].selection.box[:1]:
        _set_region(region_of(box["x"], box["y"]))


def _zone_was_chosen(zones: dict[str, Region]) -> None:
    # From here on the sliders say where the region lies.
    if (name := st.session_state.pop(ZONE, None)) is not None:
        _set_region(zones[name])


def _set_region(region: Region) -> None:
    st.session_state["what_if_across"] = (region.left, region.right)
    st.session_state["what_if_down"] = (region.top, region.bottom)
    st.session_state["what_if_boxes"] += 1
    _region_was_set()


def _region_was_set() -> None:
    if st.session_state["what_if_hide"] == NOTHING:
        st.session_state["what_if_hide"] = HIDDEN_BY[0]
