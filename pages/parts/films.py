"""The films of this session: kept in its memory while it lasts, never on disk, never shared."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.parts.model_state import ready_classifier
from pneumo_core.errors import PneumoError
from pneumo_core.model_card import ModelCard
from pneumo_core.radiograph import read_radiograph
from pneumo_core.reading import Reading, read_xray

FILMS, WAITING, NEWEST = "films", "waiting_files", "newest_film"


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A file that was offered: its reading, or the reason why there is none."""

    name: str
    reading: Reading | None
    reason: str | None


def films_at_hand() -> list[Film]:
    """Give this session's films: the highest probability first, refused files last, none left out."""
    films: dict[str, Film] = st.session_state.get(FILMS, {})
    return sorted(films.values(), key=lambda film: -film.reading.prediction.probability if film.reading else 1.0)


def add_waiting(files: list[tuple[str, bytes | Path]]) -> None:
    """Put files in line: they are read even if the page is left in the middle of it."""
    st.session_state.setdefault(WAITING, []).extend(files)


def remove_all() -> None:
    """Let go of all films, read or waiting."""
    st.session_state[FILMS], st.session_state[WAITING] = {}, []


def read_waiting(card: ModelCard) -> None:
    """Read the files in line, with progress; one that is refused never stops the others.

    Films that another model read before are read again. Of the new films the one with the highest
    probability is shown.
    """
    films: dict[str, Film] = st.session_state.setdefault(FILMS, {})
    for key, film in films.items():
        if film.reading is not None and film.reading.card != card:
            films[key] = Film(film.name, read_xray(ready_classifier(), film.reading.radiograph), None)
    if any(film.reading is not None and film.reading.card != card for film in films.values()):
        # Another model came in use in the middle of it, and the page has the thresholds of the one before.
        st.rerun()
    waiting: list[tuple[str, bytes | Path]] = st.session_state.setdefault(WAITING, [])
    if not waiting:
        return
    classifier = ready_classifier()
    progress, count = st.progress(0.0, "Reading ..."), len(waiting)
    highest = -1.0
    while waiting:
        progress.progress(1 - len(waiting) / count, f"Reading film {count - len(waiting) + 1} of {count} ...")
        name, content = waiting[0]
        try:
            radiograph = read_radiograph(content, name)
            reading = read_xray(classifier, radiograph)
            # The same film under two names is two rows: none is removed.
            films[f"{radiograph.sha256} {name}"] = Film(name, reading, None)
            if reading.prediction.probability > highest:
                highest, st.session_state[NEWEST] = reading.prediction.probability, radiograph.sha256
        except PneumoError as error:
            digest = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else name
            films[f"refused {name} {digest}"] = Film(name, None, str(error))
        waiting.pop(0)
    # Drawn anew: the uploader makes room for the films.
    st.rerun()
