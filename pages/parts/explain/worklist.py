"""Several films as a worklist: the highest probability first, none left out."""

import hashlib

import streamlit as st

from pages.parts.shared.cached import conformal_of_active_model
from pages.parts.shared.corrections import offer_corrections
from pages.parts.shared.films import ARRIVALS, SHOWN, Film
from pages.parts.shared.frame import rows_height
from pages.parts.shared.named import anew
from pages.parts.shared.problems import plain
from pneumo_core.models import Regions
from pneumo_core.read import NO_VERDICT
from pneumo_core.stats import OperatingPoint
from pneumo_core.wording import hash_start

SIDES = {True: "Flagged", False: "Not flagged"}


def worklist(films: list[Film], point: OperatingPoint) -> Film | None:
    """Draw a list of more than one file; give the one to show, or None where all were refused."""
    refused = [plain(film.reason) for film in films if film.reason]
    if refused:
        with anew("refused", *refused):
            st.error("Not read, no score:\n" + "\n".join(f"- {reason}" for reason in refused), icon=":material/block:")
            offer_corrections(films)
    if len(refused) == len(films):
        return None
    if len(films) == 1:
        return films[0]
    identities = [film.identity for film in films]
    shown = st.session_state.get(SHOWN)
    first = identities.index(shown) if shown in identities else 0
    conformal, _ = conformal_of_active_model()
    regions = conformal.regions if conformal else None
    # A tick is a row's number, so new files and another order make a new list with a choice of its own.
    order = hashlib.sha256("\n".join(identities).encode()).hexdigest()[:16]
    chosen = st.dataframe(
        [_row(number, film, point, regions) for number, film in enumerate(films, start=1)],
        hide_index=True,
        height=rows_height(len(films)),
        key=f"worklist_{st.session_state.get(ARRIVALS)}_{order}",
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [first]}},
        column_config={
            "Order": st.column_config.NumberColumn(width=60),
            "Result": st.column_config.TextColumn(width="small"),
            "Probability": st.column_config.ProgressColumn(width="small", min_value=0, max_value=100, format="%.1f %%"),
            "SHA-256, start": st.column_config.TextColumn(width="small"),
        },
        alt="Worklist of all X-rays, the highest probability first, refused files last",
    )
    rows = [row for row in chosen.selection.rows if row < len(films)]
    film = films[rows[0] if rows else first]
    # Kept until the page is opened again.
    st.session_state[SHOWN] = film.identity
    return film


def _row(number: int, film: Film, point: OperatingPoint, regions: Regions | None) -> dict[str, object]:
    if film.reading is None:
        # Only the first sentence: the whole reason stands above the list, and the name beside it.
        result, probability, outcome = "Refused", None, ""
        to_know = (film.reason or "").removeprefix(film.name).split(". ")[0].strip()
    else:
        reading, flagged = film.reading, film.reading.flagged(point.name)
        result = ("No single verdict" if reading.verdicts else NO_VERDICT) if flagged is None else SIDES[flagged]
        probability = reading.prediction.probability if flagged is not None else None
        # The regions are the first population's.
        is_first = reading.shown is not None and reading.shown.population == reading.card.first
        outcome = regions.outcome(probability) if regions and is_first and probability is not None else ""
        to_know = ", ".join(film.reading.tags)
    return {
        "Order": number,
        "X-ray": film.name,
        "Result": result,
        **({"Suspected pneumonia": outcome} if regions else {}),
        "Probability": None if probability is None else 100 * probability,
        "To know": to_know,
        "SHA-256, start": hash_start(film.sha256),
    }
