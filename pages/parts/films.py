"""The films of this session: kept in its memory while it lasts, never on disk, never shared."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from pages.parts.audit_record import record_reading, record_refusal
from pages.parts.model_state import ready_classifier
from pneumo_core.errors import CorrectableImageError, PneumoError
from pneumo_core.model_card import ModelCard
from pneumo_core.radiograph import read_radiograph
from pneumo_core.reading import Reading, read_xray

FILMS, WAITING, NEWEST = "films", "waiting_files", "newest_film"


@dataclass(frozen=True, slots=True, eq=False)
class Refused:
    """A refused film that could be read once it is turned or inverted: its content, and the correction's name."""

    content: bytes | Path
    correction: str


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A file that was offered: its reading, or the reason why there is none."""

    name: str
    reading: Reading | None
    reason: str | None
    refused: Refused | None = None


def films_at_hand() -> list[Film]:
    """Give this session's films: the highest probability first, refused files last, none left out."""
    films: dict[str, Film] = st.session_state.get(FILMS, {})
    return sorted(films.values(), key=lambda film: -film.reading.prediction.probability if film.reading else 1.0)


def add_waiting(files: list[tuple[str, bytes | Path]]) -> None:
    """Put files in line: they are read even if the page is left in the middle of it."""
    st.session_state.setdefault(WAITING, []).extend((name, content, None) for name, content in files)


def read_corrected(film: Film) -> None:
    """Put a refused film in line once more, to be turned or inverted before it is read."""
    films: dict[str, Film] = st.session_state[FILMS]
    st.session_state[FILMS] = {key: other for key, other in films.items() if other is not film}
    if film.refused is not None:
        st.session_state.setdefault(WAITING, []).append((film.name, film.refused.content, film.refused.correction))


def forget_refused() -> None:
    """Let go of the files that were refused."""
    films: dict[str, Film] = st.session_state.get(FILMS, {})
    st.session_state[FILMS] = {key: film for key, film in films.items() if film.reading}


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
            films[key] = _read_again(film.name, film.reading)
    if any(film.reading is not None and film.reading.card != card for film in films.values()):
        # Another model came in use in the middle of it, and the page has the thresholds of the one before.
        st.rerun()
    waiting: list[tuple[str, bytes | Path, str | None]] = st.session_state.setdefault(WAITING, [])
    if not waiting:
        return
    classifier = ready_classifier()
    progress, count = st.progress(0.0, "Reading ..."), len(waiting)
    highest = -1.0
    while waiting:
        progress.progress(1 - len(waiting) / count, f"Reading film {count - len(waiting) + 1} of {count} ...")
        name, content, correction = waiting[0]
        try:
            radiograph = read_radiograph(content, name)
            reading = read_xray(classifier, radiograph, correction)
            record_reading(reading)
            # The same film under two names is two rows: none is removed.
            films[f"{radiograph.sha256} {name}"] = Film(name, reading, None)
            if reading.prediction.probability > highest:
                highest, st.session_state[NEWEST] = reading.prediction.probability, radiograph.sha256
        except PneumoError as error:
            digest = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else name
            record_refusal(digest, card)
            refused = Refused(content, error.correction) if isinstance(error, CorrectableImageError) else None
            films[f"refused {name} {digest}"] = Film(name, None, str(error), refused)
        waiting.pop(0)
    # Drawn anew: the uploader makes room for the films.
    st.rerun()


def _read_again(name: str, reading: Reading) -> Film:
    try:
        again = read_xray(ready_classifier(), reading.radiograph)
        record_reading(again)
    except PneumoError as error:
        return Film(name, None, str(error))
    return Film(name, replace(again, correction=reading.correction), None)
