"""The offer to turn or invert a refused film that could then be read."""

import streamlit as st

from pages.parts.shared.films import Film, read_corrected
from pages.parts.shared.problems import plain
from pneumo_core.gate import CORRECTIONS


def offer_corrections(films: list[Film]) -> None:
    """Draw a button for each refused film that could be read once it is turned or inverted."""
    with st.container(horizontal=True):
        for number, film in enumerate(films):
            if film.refused is not None:
                done = CORRECTIONS[film.refused.correction][2]
                st.button(
                    f"Read {plain(film.name)} {done}",
                    icon=":material/rotate_right:",
                    key=f"correct_{number}_{film.name}",
                    on_click=read_corrected,
                    args=(film,),
                )
