"""Several films as a worklist: highest probability first, none left out."""

import streamlit as st

from pages.parts.films import NEWEST, Film, read_corrected
from pages.parts.frame import rows_height
from pages.parts.problems import plain
from pneumo_core.calibration import OperatingPoint
from pneumo_core.reading import Reading
from pneumo_core.report import verdict
from pneumo_core.suitability import CORRECTIONS

SHOWN = "shown_film"


def worklist(films: list[Film], point: OperatingPoint) -> Reading | None:
    """Draw the list where there is more than one film; give the reading to show, None where all were refused."""
    read = [film.reading for film in films if film.reading]
    refused = [plain(film.reason) for film in films if film.reason]
    if refused:
        st.error("Not read, no score:\n" + "\n".join(f"- {reason}" for reason in refused), icon=":material/block:")
        offer_corrections(films)
    if len(read) < 2:
        return read[0] if read else None
    newest = st.session_state.get(NEWEST)
    shown = st.session_state.get(SHOWN, {}).get(newest, newest)
    first = next((row for row, reading in enumerate(read) if reading.radiograph.sha256 == shown), 0)
    chosen = st.dataframe(
        [_row(number, film, point) for number, film in enumerate(films, start=1)],
        hide_index=True,
        height=rows_height(len(films)),
        # Films that come in make a new list, in which the newest is chosen.
        key=f"worklist_{newest}",
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [first]}},
        column_config={
            "Order": st.column_config.NumberColumn(width="small"),
            "Probability": st.column_config.ProgressColumn(min_value=0, max_value=100, format="%.1f %%"),
            "To know": st.column_config.TextColumn(width="large"),
        },
        alt="Worklist of all films, the highest probability first, refused files last",
    )
    rows = [row for row in chosen.selection.rows if row < len(read)]
    reading = read[rows[0] if rows else first]
    # Kept for when the page is left and opened again, in this list only.
    st.session_state[SHOWN] = {newest: reading.radiograph.sha256}
    return reading


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


def _row(number: int, film: Film, point: OperatingPoint) -> dict[str, object]:
    # First sentences: the whole stands above the film that is shown.
    warnings = film.reading.warnings if film.reading else (film.reason or "",)
    to_know = " ".join(warning.split(". ")[0].rstrip(".") + "." for warning in warnings)
    return {
        "Order": number,
        "Film": film.name,
        "Result": verdict(film.reading, point) if film.reading else "Refused",
        "Probability": 100 * film.reading.prediction.probability if film.reading else None,
        "To know": to_know,
    }
