"""A film, alone or beside its heat map, in a box of its own shape; both are zoomed and moved together."""

import streamlit as st

from pages.parts.shared.frame import text_colour
from pneumo_core.draw import Display, data_uri, film_picture, fitted, overlay_picture
from pneumo_core.read import VIEWER_CONFIG, Reading, viewer


def viewer_box(
    reading: Reading,
    display: Display,
    with_heatmap: bool,
    long_side: int,
    key: str,
    identity: str,
    most_height: str,
    with_outline: bool = False,
) -> None:
    """Draw a reading's film, with the lungs' outline on it where there is one and it is asked for.

    Args:
        long_side: of the picture, in pixels at most.
        key: of the chart.
        identity: the zoom is kept as long as this stays the same.
        most_height: of the box, in CSS.
    """
    film = film_picture(fitted(reading.radiograph.pixels, long_side), display)
    height, width = film.shape
    panels = [("X-ray", data_uri(film))]
    if with_heatmap:
        overlay = overlay_picture(film, reading.explanation.heatmap(height, width), display)
        panels.append(("Where the network found evidence", data_uri(overlay)))
    lines = reading.outline.contours() if with_outline and reading.outline is not None else []
    # The chart takes the shape of its pictures (and some height for their titles) at every screen width.
    shape = width * len(panels) / (1.08 * height)
    st.html(f"<style>.st-key-{key}_box {{ aspect-ratio: {shape:.3f}; max-height: {most_height}; }}</style>")
    with st.container(key=f"{key}_box", gap=None):
        st.plotly_chart(
            viewer(panels, height, width, identity, text_colour(), lines),
            config=VIEWER_CONFIG,
            height="stretch",
            key=key,
            alt="The X-ray"
            + (", and beside it the X-ray under its heat map" if with_heatmap else "")
            + (", with the lungs' outline" if lines else ""),
        )
