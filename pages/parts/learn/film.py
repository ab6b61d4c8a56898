"""The film that lessons are about."""

from collections import Counter

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.learn.menu import chosen_by_address, is_presented, put_into_address
from pages.parts.learn.population import card_to_learn_from
from pages.parts.shared.cached import card_of_active_model
from pages.parts.shared.corrections import offer_corrections
from pages.parts.shared.films import NEWEST, WAITING, Film, add_waiting, films_at_hand, read_waiting
from pages.parts.shared.model_state import ready_classifier
from pages.parts.shared.problems import plain
from pages.parts.shared.session_results import kept
from pages.parts.shared.warnings_box import warnings_box
from pneumo_core.files import DEMO_SAMPLE, file_sha256, sample_files
from pneumo_core.film import FILE_KINDS, read_radiograph
from pneumo_core.read import Reading, for_population, read_xray
from pneumo_core.wording import counted

# The names of the last upload here, until a refusal among them is dismissed.
UPLOADED = "learn_uploaded"


def film_to_learn_from(messages: DeltaGenerator) -> Reading:
    """Draw an uploader and the choice of a film, from samples and this session's films; give its reading.

    Args:
        messages: the place for the progress of reading and for refusals.
    """
    card, population = card_of_active_model(), card_to_learn_from().first.name
    samples = {path.name: path for path in sample_files()}
    place = st.container(width=300)
    with st.expander("Upload X-rays", icon=":material/upload_file:", width=300):
        batch = st.session_state.setdefault("learn_upload", 0)
        uploaded = st.file_uploader(
            f"{FILE_KINDS}, kept in this session's memory only",
            accept_multiple_files=True,
            key=f"learn_upload_{batch}",
        )
        if uploaded:
            st.session_state["learn_upload"] = batch + 1
            st.session_state[UPLOADED] = [file.name for file in uploaded]
            add_waiting([(file.name, file.getvalue()) for file in uploaded])
    if st.session_state.get(WAITING):
        # The films that are read now are shown next.
        st.session_state.pop("learn_film", None)
    with messages:
        read_waiting(card)
        films = films_at_hand()
        _refusals([film for film in films if film.reason and film.name in st.session_state.get(UPLOADED, [])])
    # Content tells films apart: two may have one name, or the name of a sample.
    own = {
        film.reading.radiograph.sha256: (film.name, film.reading)
        for film in films
        if film.reading
        and (film.name not in samples or film.reading.radiograph.sha256 != file_sha256(samples[film.name]))
    }
    named = Counter(name for name, _ in own.values())
    options = [*own, *samples]
    asked = chosen_by_address("film", list(samples), "There is no sample of the name in the address.")
    if asked is not None:
        st.session_state["learn_film"] = asked
    if st.session_state.get("learn_film") not in options:
        newest = st.session_state.get(NEWEST)
        st.session_state["learn_film"] = newest if newest in own else next(iter(own), DEMO_SAMPLE)

    def words(option: str) -> str:
        if option in samples:
            return f"{option} (sample)"
        name, _ = own[option]
        return f"{name} ({option[:6]})" if named[name] > 1 or name in samples else name

    option: str = place.selectbox(
        "X-ray", options, format_func=words, key="learn_film", persist_state="session", on_change=_dismiss
    )
    if option in own:
        # Its name may be a patient's, which must not stand in the address.
        put_into_address("film", None)
        return for_population(own[option][1], population)
    put_into_address("film", option)
    reading: Reading = kept(
        card, option, "reading", lambda: read_xray(ready_classifier(), read_radiograph(samples[option], option))
    )
    return for_population(reading, population)


def standing_warnings(reading: Reading) -> None:
    """Draw the warnings about a film's score; several of them are closed in the presenter view."""
    warnings = reading.warnings
    if len(warnings) > 1 and is_presented():
        words = f"{counted(len(warnings), 'warning')} about this X-ray: {', '.join(reading.tags)}"
        with st.expander(plain(words), icon=":material/info:"):
            warnings_box(warnings)
    else:
        warnings_box(warnings)


def _refusals(refused: list[Film]) -> None:
    if not refused:
        return
    listed = [plain(film.reason or "") for film in refused]
    st.error("Not read, no score:\n" + "\n".join(f"- {reason}" for reason in listed), icon=":material/block:")
    with st.container(horizontal=True):
        offer_corrections(refused)
        st.button("Dismiss", icon=":material/close:", on_click=_dismiss)


def _dismiss() -> None:
    # The page Explain still lists them among its films.
    st.session_state.pop(UPLOADED, None)
