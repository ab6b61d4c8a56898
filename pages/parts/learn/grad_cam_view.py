"""Grad-CAM opened up, step by step, on a film of the reader's choice."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts.learn.menu import chosen_by_address, is_presented, put_into_address
from pages.parts.learn.population import classifier_to_learn_from
from pages.parts.shared.cached import tracer
from pages.parts.shared.frame import text_colour
from pages.parts.shared.session_results import kept
from pneumo_core.draw import (
    CHART_CONFIG,
    Display,
    coloured,
    data_uri,
    enlarged,
    film_picture,
    fitted,
    maps_sheet,
    overlay_picture,
)
from pneumo_core.explain import TITLES, cells_figure, layer_in_words, maps_figure, steps_of, weights_figure
from pneumo_core.film import resize
from pneumo_core.read import Reading

if TYPE_CHECKING:
    from pneumo_core.explain import Trace
    from pneumo_core.network import Explanation

COLUMNS, MAPS = 4, 16
PICTURE_PIXELS, PRESENTED_PIXELS = 420, 600
DISPLAY = Display()


def grad_cam_view(reading: Reading) -> None:
    """Draw the lesson about a film."""
    classifier = classifier_to_learn_from()
    film = reading.prepared
    sha256 = reading.radiograph.sha256
    walked = tracer(classifier, reading.card.weights_sha256)
    traces = kept(reading.card, sha256, "trace", lambda: walked.trace(film))

    @st.fragment
    def walk() -> None:
        step = _step()
        with st.container(key="stack_step"):
            text, picture = st.columns([2, 5], gap="large")
        with text:
            layer = _layer(traces)
            trace = traces[layer]
            channel = _channel(trace) if step in _PICTURES_OF_A_MAP else None
            words = steps_of(trace, reading)[step - 1]
            st.header(f"{step}. {words.title}")
            st.markdown(words.sentence)
            st.latex(words.formula)
            if step in (6, 8):
                difference = kept(
                    reading.card,
                    sha256,
                    f"difference at {layer}",
                    lambda: walked.difference_from_library(film, trace),
                )
                st.markdown(
                    f"The map was computed twice. The largest difference of any cell from **tf-keras-vis** is "
                    f"{difference:.1e} of the map's largest value."
                )
        with picture:
            if channel is None:
                _PICTURES[step](reading, trace)
            else:
                _PICTURES_OF_A_MAP[step](reading, trace, channel)

    walk()


def _layer(traces: "dict[str, Trace]") -> str:
    names = list(traces)
    if len(names) == 1:
        # The model holds several networks that have no layer in common.
        return names[0]
    if st.session_state.get("layer") not in names:
        st.session_state["layer"] = names[-1]
    layer: str = st.select_slider(
        "Layer, from edges to lungs",
        names,
        key="layer",
        format_func=lambda name: layer_in_words(traces[name]),
        persist_state="session",
    )
    return layer


def _step() -> int:
    numbers = list(range(1, len(TITLES) + 1))
    asked = chosen_by_address(
        "step", [str(number) for number in numbers], "There is no step of the number in the address."
    )
    if asked is not None:
        st.session_state["step"] = int(asked)
    st.session_state.setdefault("step", 1)
    with st.container(horizontal=True, vertical_alignment="center", key="step_row"):
        st.button(
            "Back",
            icon=":material/arrow_back:",
            on_click=_go,
            args=(-1,),
            disabled=st.session_state["step"] == numbers[0],
        )
        chosen = st.segmented_control(
            "Step",
            numbers,
            key="step",
            required=True,
            format_func=lambda number: f"{number} {TITLES[number - 1]}",
            label_visibility="collapsed",
            persist_state="session",
            wrap=True,
        )
        step = chosen or 1
        st.button("Next", icon=":material/arrow_forward:", on_click=_go, args=(1,), disabled=step == numbers[-1])
    put_into_address("step", str(step))
    return step


def _go(by: int) -> None:
    st.session_state["step"] += by


def _input(reading: Reading, trace: "Trace") -> None:
    shown = reading.card.preprocessing
    film = film_picture(fitted(reading.pixels_read, _pixels()), DISPLAY)
    seen = film_picture(resize(reading.pixels_read, shown.height, shown.width, shown.resampling), DISPLAY)
    _side_by_side(
        (film, f"The X-ray, {reading.pixels_read.shape[1]} x {reading.pixels_read.shape[0]} pixels"),
        (seen, f"The network's input, {shown.width} x {shown.height} pixels"),
    )


def _maps(reading: Reading, trace: "Trace", channel: int) -> None:
    left, right = st.columns(2)
    with left:
        st.plotly_chart(
            maps_figure(
                data_uri(maps_sheet(trace.feature_maps, trace.strongest(MAPS), COLUMNS)),
                trace.strongest(MAPS),
                trace.weights,
                channel,
                COLUMNS,
                text_colour(),
            ),
            config=CHART_CONFIG,
            height=_pixels(),
            key="maps",
            on_select=_map_was_clicked,
            selection_mode="points",
            alt=f"The {MAPS} feature maps with the largest weights, each with its number and weight; map {channel} is "
            "framed",
        )
    with right:
        _image(
            overlay_picture(_film(reading), _over(reading, trace.map_alone(channel)), DISPLAY),
            f"Map {channel}, weight {trace.weights[channel]:+.2e}, over the X-ray",
        )


def _gradients(reading: Reading, trace: "Trace", channel: int) -> None:
    left, right = st.columns(2)
    for place, values, title, is_evidence in (
        (left, trace.feature_maps[:, :, channel], f"Map {channel}", False),
        (right, trace.gradients[:, :, channel], f"Its gradient, mean {trace.weights[channel]:+.2e}", True),
    ):
        place.plotly_chart(
            cells_figure(values, title, text_colour(), is_evidence=is_evidence),
            config=CHART_CONFIG,
            height=_pixels(),
            key=title,
            alt=f"{title}: cells of layer {trace.layer}",
        )


def _weights(reading: Reading, trace: "Trace", channel: int) -> None:
    st.plotly_chart(
        weights_figure(trace.weights, channel, text_colour()),
        config=CHART_CONFIG,
        height=_pixels(),
        key="weights",
        alt=f"The weights of all maps, ordered; map {channel} has {trace.weights[channel]:+.2e}",
    )


def _sum(reading: Reading, trace: "Trace") -> None:
    # The chart is as wide as its neighbours' pictures, so that the scale is beside the cells.
    st.columns(2)[0].plotly_chart(
        cells_figure(trace.weighted_sum, "Weighted sum: purple is for, green is against", text_colour()),
        config=CHART_CONFIG,
        height=_pixels(),
        key="sum",
        alt="The weighted sum of all maps, cell by cell",
    )


def _relu(reading: Reading, trace: "Trace") -> None:
    left, right = st.columns(2)
    for place, values, title in (
        (left, trace.evidence.unscaled, "Kept: for pneumonia"),
        (right, -trace.counter_evidence.unscaled, "Cut off: against pneumonia"),
    ):
        place.plotly_chart(
            cells_figure(values, title, text_colour(), trace.limit),
            config=CHART_CONFIG,
            height=_pixels(),
            key=title,
            alt=title,
        )


def _upsampling(reading: Reading, trace: "Trace") -> None:
    film = _film(reading)
    coarse = resize(trace.evidence.coarse, film.shape[0], film.shape[1], "nearest")
    _side_by_side(
        (coloured(coarse, DISPLAY.colour_map), "The heat map's cells"),
        (coloured(_over(reading, trace.evidence), DISPLAY.colour_map), "Stretched smoothly over the X-ray"),
    )


def _overlay(reading: Reading, trace: "Trace") -> None:
    film = _film(reading)
    _side_by_side(
        (overlay_picture(film, _over(reading, trace.evidence), DISPLAY), "For: heat map of the logit"),
        (
            overlay_picture(film, _over(reading, trace.counter_evidence), DISPLAY),
            "Against: heat map of the negated logit",
        ),
    )


_PICTURES = {1: _input, 5: _sum, 6: _relu, 7: _upsampling, 8: _overlay}
_PICTURES_OF_A_MAP = {2: _maps, 3: _gradients, 4: _weights}


def _channel(trace: "Trace") -> int:
    strongest = trace.strongest(MAPS)
    if st.session_state.get("map") not in strongest:
        st.session_state["map"] = strongest[0]
    chosen: int = st.selectbox(
        f"One of the {len(strongest)} maps with the largest weights",
        strongest,
        key="map",
        format_func=lambda channel: f"map {channel}, weight {trace.weights[channel]:+.2e}",
        persist_state="session",
    )
    return chosen


def _map_was_clicked() -> None:
    for point in st.session_state["maps"].selection.points[:1]:
        st.session_state["map"] = point["customdata"]


def _film(reading: Reading) -> Any:
    film = fitted(reading.pixels_read, _pixels())
    return film_picture(enlarged(film, _pixels(), _pixels()), DISPLAY)


def _over(reading: Reading, explanation: "Explanation") -> Any:
    return explanation.heatmap(*_film(reading).shape)


def _side_by_side(*pictures: tuple[Any, str]) -> None:
    for place, (picture, caption) in zip(st.columns(len(pictures)), pictures, strict=True):
        with place:
            _image(picture, caption)


def _image(picture: Any, caption: str) -> None:
    st.image(picture, caption, width=_pixels(), alt=caption)


def _pixels() -> int:
    return PRESENTED_PIXELS if is_presented() else PICTURE_PIXELS
