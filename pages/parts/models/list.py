"""The models of this installation as a list, and the choice of one to look at."""

import streamlit as st

from pages.parts.shared.cached import known_models
from pages.parts.shared.problems import plain
from pneumo_core.models import ModelEntry, area_with_films, nearly_one_threshold, thresholds_in_words

CHOSEN = "model_shown"


def choose_model() -> ModelEntry | None:
    """Draw the list and the choice of a model, which the page's address names; None where there is none."""
    entries = {entry.name: entry for entry in known_models()}
    if not entries:
        st.info("There is no model here yet. Please train one, or import one below.")
        return None
    st.table([row for entry in entries.values() for row in _rows(entry)], alt="The models of this installation")
    for entry in entries.values():
        if entry.problem:
            st.error(f"**{plain(entry.name)}** cannot be used. {plain(entry.problem)}", icon=":material/block:")
    st.markdown(
        "The AUC, with its 95 % interval, was measured on the unchanged X-rays; the card has every copy of them. "
        "Figures on different X-rays do not say which of two models is better. Compare them on the same X-rays, below "
        "or in Batch evaluation under *Against another model*."
    )
    for entry in entries.values():
        for population in entry.card.populations if entry.card else ():
            if words := nearly_one_threshold(population.operating_points):
                of = f", {population.name}" if entry.card and len(entry.card.populations) > 1 else ""
                st.markdown(f"**{plain(entry.name)}**{of}: {plain(words)}")
    _take_from_address(entries)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Model to look at",
            list(entries),
            format_func=lambda name: f"{name} (in use)" if entries[name].is_active else name,
            key=CHOSEN,
            on_change=_put_into_address,
            width=420,
        )
        st.page_link("pages/evaluate.py", label="Two models on X-rays of your own", icon=":material/analytics:")
    return entries[name]


def _take_from_address(entries: dict[str, ModelEntry]) -> None:
    named = st.query_params.get("model")
    if named is not None and named not in entries:
        del st.query_params["model"]
        st.error("There is no model of the name in the address. Please choose one.", icon=":material/error:")
    elif named is not None:
        st.session_state[CHOSEN] = named
    if st.session_state.get(CHOSEN) not in entries:
        st.session_state[CHOSEN] = next(
            (name for name, entry in entries.items() if entry.is_active), next(iter(entries))
        )


def _put_into_address() -> None:
    st.query_params["model"] = st.session_state[CHOSEN]


def _rows(entry: ModelEntry) -> list[dict[str, str]]:
    """Give a model as a row a population, since figures of several are never pooled."""
    card = entry.card
    state = ["**in use**"] if entry.is_active else []
    if card is not None and not entry.has_input_gate:
        state.append("no input gate")
    if entry.is_imported:
        state.append("imported: its file claims the figures")
    row = {"Model": plain(entry.name), "State": ", ".join(state)}
    size = f"{entry.size / 1e6:.1f} MB"
    if card is None:
        names = ("Network", "Made", "Population", "AUC, validation", "AUC, test", "Flagged from, %")
        return [{**row, "State": ", ".join([*state, "cannot be used"]), **dict.fromkeys(names, ""), "Size": size}]
    row |= {"Network": plain(card.architecture), "Made": plain(card.created)}
    return [
        {
            **(row if place == 0 else dict.fromkeys(row, "")),
            "Population": population.name,
            "AUC, validation": area_with_films(population.validation, population.condition),
            "AUC, test": area_with_films(population.test, population.condition),
            "Flagged from, %": plain(", ".join(thresholds_in_words(population.operating_points))),
            "Size": size if place == 0 else "",
        }
        for place, population in enumerate(card.populations)
    ]
