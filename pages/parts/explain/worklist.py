"""Several films as a worklist: the highest probability first, none left out."""

import hashlib
from collections.abc import Callable

import streamlit as st

from pages.parts.shared.cached import conformal_of_active_model
from pages.parts.shared.corrections import offer_corrections
from pages.parts.shared.films import ARRIVALS, SHOWN, Film
from pages.parts.shared.frame import rows_height
from pages.parts.shared.named import anew
from pages.parts.shared.problems import plain
from pneumo_core.gate import age_in_words
from pneumo_core.models import ModelCard, Regions
from pneumo_core.read import NO_VERDICT, PopulationVerdict, Reading
from pneumo_core.wording import hash_start


def worklist(card: ModelCard, films: list[Film], point_name: str) -> Film | None:
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
    found = conformal_of_active_model()
    regions = {name: conformal.regions for name, (conformal, _) in found.items() if conformal}
    # A tick is a row's number, so new files and another order make a new list with a choice of its own.
    order = hashlib.sha256("\n".join(identities).encode()).hexdigest()[:16]
    chosen = st.dataframe(
        [_row(number, film, card, point_name, regions) for number, film in enumerate(films, start=1)],
        hide_index=True,
        height=rows_height(len(films)),
        key=f"worklist_{st.session_state.get(ARRIVALS)}_{order}",
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [first]}},
        column_config={
            "Order": st.column_config.NumberColumn(width=60),
            "Result": st.column_config.TextColumn(width="small"),
            "Probability": st.column_config.ProgressColumn(width="small", min_value=0, max_value=100, format="%.1f %%")
            if len(card.populations) == 1
            else st.column_config.TextColumn(width="medium"),
            "SHA-256, start": st.column_config.TextColumn(width="small"),
        },
        alt="Worklist of all X-rays, the highest probability first, refused files last",
    )
    rows = [row for row in chosen.selection.rows if row < len(films)]
    film = films[rows[0] if rows else first]
    # Kept until the page is opened again.
    st.session_state[SHOWN] = film.identity
    return film


def _row(number: int, film: Film, card: ModelCard, point_name: str, regions: dict[str, Regions]) -> dict[str, object]:
    reading, is_one = film.reading, len(card.populations) == 1
    if reading is None:
        # Only the first sentence: the whole reason stands above the list, and the name beside it.
        result, to_know = "Refused", (film.reason or "").removeprefix(film.name).split(". ")[0].strip()
    else:
        result, to_know = _result(reading, point_name), ", ".join(reading.tags)
    verdicts = reading.verdicts if reading else ()
    outcomes = _by_population(
        verdicts,
        lambda one: (
            regions[one.population.name].outcome(one.prediction.probability) if one.population.name in regions else ""
        ),
    )
    probabilities = _by_population(verdicts, lambda one: f"{100 * one.prediction.probability:.1f} %")
    return {
        "Order": number,
        "X-ray": film.name,
        "Result": result,
        **({} if is_one else {"Age": _age(reading) if reading else ""}),
        **({card.first.finding.capitalize() if is_one else "Likely?": outcomes} if regions else {}),
        "Probability": (100 * verdicts[0].prediction.probability if verdicts else None) if is_one else probabilities,
        "To know": to_know,
        "SHA-256, start": hash_start(film.sha256),
    }


def _result(reading: Reading, point_name: str) -> str:
    if not reading.verdicts:
        return NO_VERDICT
    flagged = reading.flagged(point_name)
    if flagged is None:
        return "Verdicts differ"
    return "Flagged" if flagged else "Not flagged"


def _age(reading: Reading) -> str:
    if reading.age_years is None:
        return "not known"
    return f"{age_in_words(reading.age_years)} ({'file' if reading.age_from == 'file' else 'reader'})"


def _by_population(verdicts: tuple[PopulationVerdict, ...], word: Callable[[PopulationVerdict], str]) -> str:
    """Say a word of each population asked, with its name where there are several; an empty one is left out."""
    words = [(one.population.name, word(one)) for one in verdicts]
    return ", ".join(f"{name} {found}" if len(words) > 1 else found for name, found in words if found)
