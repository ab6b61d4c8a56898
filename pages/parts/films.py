"""The films of this session: kept in its memory while it lasts, never on disk, never shared."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.parts.model_state import ready_classifier
from pneumo_core.errors import PneumoError
from pneumo_core.model_card import ModelCard
from pneumo_core.radiograph import read_radiograph
from pneumo_core.reading import Reading, read_xray

FILMS, NEWEST, MODEL = "films", "newest_film", "films_read_by"


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A file that was offered: its reading, or the reason why there is none."""

    name: str
    reading: Reading | None
    reason: str | None


def films_at_hand() -> list[Film]:
    """Give this session's films: the highest probability first, refused files last, none left out."""
    films: dict[str, Film] = st.session_state.setdefault(FILMS, {})
    return sorted(films.values(), key=lambda film: -film.reading.prediction.probability if film.reading else 1.0)


def read_films(files: list[tuple[str, bytes | Path]], card: ModelCard) -> None:
    """Read files, with progress; one that is refused never stops the others. The last one read is shown.

    Films that another model read before are read again.
    """
    films: dict[str, Film] = st.session_state.setdefault(FILMS, {})
    if st.session_state.get(MODEL) != card.weights_sha256:
        for key, film in films.items():
            if film.reading is not None:
                films[key] = Film(film.name, read_xray(ready_classifier(), film.reading.radiograph), None)
        st.session_state[MODEL] = card.weights_sha256
    if not files:
        return
    classifier = ready_classifier()
    progress = st.progress(0.0, "Reading ...")
    for number, (name, content) in enumerate(files, start=1):
        progress.progress((number - 1) / len(files), f"Reading film {number} of {len(files)} ...")
        try:
            radiograph = read_radiograph(content, name)
            films[radiograph.sha256] = Film(name, read_xray(classifier, radiograph), None)
            st.session_state[NEWEST] = radiograph.sha256
        except PneumoError as error:
            films[f"refused {name}"] = Film(name, None, str(error))
    progress.empty()
    # Drawn anew: the uploader makes room for the films.
    st.rerun()
