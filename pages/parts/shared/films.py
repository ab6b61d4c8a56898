"""The films of this session: kept in its memory while it lasts, never on disk, never shared."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.shared.audit_record import record_reading, record_refusal
from pages.parts.shared.model_state import ready_classifier
from pneumo_core.errors import BusyError, CorrectableImageError, PneumoError
from pneumo_core.film import offered_sha256, read_radiograph
from pneumo_core.models import ModelCard
from pneumo_core.read import READINGS, Reading, at_age, read_xray

if TYPE_CHECKING:
    from pneumo_core.network import Classifier

FILMS, WAITING, NEWEST = "films", "waiting_files", "newest_film"
# SHOWN holds the identity of the file on the page Explain; ARRIVALS counts how often files came in.
SHOWN, ARRIVALS = "shown_file", "arrivals_of_files"
# A page looks again after this time whether the line has room.
ROOM_SECONDS = 3.0
# Below -1, the rank of a film without a verdict.
REFUSED_RANK = -2.0


@dataclass(frozen=True, slots=True, eq=False)
class Refused:
    """A refused film that could be read once it is turned or inverted: its content, and the correction's name."""

    content: bytes | Path
    correction: str


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A file that was offered: its reading, or the reason why there is none.

    Attributes:
        sha256: of the file's bytes, in hexadecimal; empty where it could not be read at all.
        shares_age: whether its age was said for all films that give none.
    """

    name: str
    sha256: str
    reading: Reading | None
    reason: str | None
    refused: Refused | None = None
    shares_age: bool = False

    @property
    def identity(self) -> str:
        """Tell it from other files: one film may have two names, and two films may have one name."""
        return f"{self.sha256} {self.name}"

    @property
    def rank(self) -> float:
        """Give the highest probability by the populations asked; -1 without a verdict, -2 for a refused one."""
        if self.reading is None:
            return REFUSED_RANK
        return max((verdict.prediction.probability for verdict in self.reading.verdicts), default=-1.0)


def films_at_hand() -> list[Film]:
    """Give this session's films: the highest probability first, those without one after them, refused files last."""
    films: dict[str, Film] = st.session_state.get(FILMS, {})
    return sorted(films.values(), key=lambda film: -film.rank)


def without_age() -> list[Film]:
    """Give the read films whose files give no age, but for those whose age the reader said for them alone."""
    return [
        film
        for film in films_at_hand()
        if film.reading and film.reading.age_from != "file" and (film.reading.age_years is None or film.shares_age)
    ]


def say_age(films_of_age: list[Film], age_years: float | None, *, is_for_all: bool) -> None:
    """Renew the verdicts on films for the age that the reader gives; the scores stay, and no later film takes it.

    Args:
        age_years: None where it is not known.
        is_for_all: whether it was said for all films that give none.

    Raises:
        DataError: the audit log cannot be written; the verdicts before then stay.
    """
    films, meant = st.session_state[FILMS], {film.identity for film in films_of_age}
    for key, film in films.items():
        if film.identity in meant and film.reading is not None:
            reading = at_age(film.reading, age_years)
            record_reading(reading)
            films[key] = replace(film, reading=reading, shares_age=is_for_all)


def add_waiting(files: list[tuple[str, bytes | Path]]) -> None:
    """Put files in line; they are read even if the page is left meanwhile."""
    st.session_state.setdefault(WAITING, []).extend((name, content, None) for name, content in files)


def read_corrected(film: Film) -> None:
    """Put a refused film in line once more, to be turned or inverted before it is read."""
    films: dict[str, Film] = st.session_state[FILMS]
    st.session_state[FILMS] = {key: other for key, other in films.items() if other is not film}
    if film.refused is not None:
        st.session_state.setdefault(WAITING, []).append((film.name, film.refused.content, film.refused.correction))


def remove_all() -> None:
    """Remove all films, read or waiting."""
    st.session_state[FILMS], st.session_state[WAITING] = {}, []


def read_waiting(card: ModelCard) -> None:
    """Read the files in line, with progress; one that is refused never stops the others.

    Each film waits for its turn among those of all sessions. Films that another model read before are read again.
    The page then shows the new film with the highest probability, or the last one where all were refused.
    """
    films: dict[str, Film] = st.session_state.setdefault(FILMS, {})
    for key, film in films.items():
        if film.reading is not None and not film.reading.card.is_of_same_model(card):
            films[key] = _read_again(card, film, film.reading)
    if any(film.reading is not None and not film.reading.card.is_of_same_model(card) for film in films.values()):
        # Another model came in use meanwhile, and the page has the thresholds of the model before.
        st.rerun()
    waiting: list[tuple[str, bytes | Path, str | None]] = st.session_state.setdefault(WAITING, [])
    if not waiting:
        return
    classifier = ready_classifier()
    progress, count = st.progress(0.0, "Reading ..."), len(waiting)
    highest = REFUSED_RANK
    st.session_state[ARRIVALS] = st.session_state.get(ARRIVALS, 0) + 1
    while waiting:
        share, words = 1 - len(waiting) / count, f"Reading X-ray {count - len(waiting) + 1} of {count} ..."
        try:
            with READINGS.turn(partial(_say_busy, progress, share)):
                progress.progress(share, words)
                key, film = _read(classifier, card, *waiting[0])
        except BusyError:
            progress.empty()
            _wait_for_room()
            return
        films[key] = film
        if film.rank > highest:
            highest, st.session_state[NEWEST] = film.rank, film.sha256
            st.session_state[SHOWN] = film.identity
        elif highest == REFUSED_RANK:
            # Otherwise the verdict on an earlier image would pass for this one's.
            st.session_state[SHOWN] = film.identity
        waiting.pop(0)
    # The page is drawn again: the uploader makes room for the films.
    st.rerun()


def _say_busy(progress: DeltaGenerator, share: float, ahead: int) -> None:
    progress.progress(share, f"Busy: {ahead} ahead of you ...")


@st.fragment(run_every=ROOM_SECONDS)
def _wait_for_room() -> None:
    if READINGS.has_room():
        st.rerun()
    st.info(
        f"Busy: {READINGS.ahead} ahead of you, and no room in the line. Your X-rays are kept, and read as soon as "
        "there is room. Please leave this page open.",
        icon=":material/hourglass_top:",
    )


def _read(
    classifier: "Classifier", card: ModelCard, name: str, content: bytes | Path, correction: str | None
) -> tuple[str, Film]:
    """Read a film, or say why not; give its key, too."""
    try:
        radiograph = read_radiograph(content, name)
        reading = read_xray(classifier, radiograph, correction)
        record_reading(reading)
    except PneumoError as error:
        digest = offered_sha256(content)
        record_refusal(digest, card)
        refused = Refused(content, error.correction) if isinstance(error, CorrectableImageError) else None
        return f"refused {name} {digest}", Film(name, digest or "", None, str(error), refused)
    # The same film under two names is two rows: none is removed.
    return f"{radiograph.sha256} {name}", Film(name, radiograph.sha256, reading, None)


def _read_again(card: ModelCard, film: Film, reading: Reading) -> Film:
    try:
        again = read_xray(ready_classifier(), reading.radiograph, age_years=reading.age_years)
        record_reading(again)
    except PneumoError as error:
        record_refusal(reading.radiograph.sha256, card)
        return replace(film, reading=None, reason=str(error))
    return replace(film, reading=replace(again, correction=reading.correction))
