"""Scored films of a run as a list, and a look at one of them."""

import math

import streamlit as st

from pages.parts.shared.audit_record import record_reading
from pages.parts.shared.cached import card_of_active_model, kept_classifier, model_with_weights
from pages.parts.shared.films import add_waiting
from pages.parts.shared.frame import rows_height
from pages.parts.shared.model_state import ready_classifier
from pages.parts.shared.named import anew, file_named
from pages.parts.shared.problems import problems_shown
from pages.parts.shared.warnings_box import warnings_box
from pneumo_core.data import Source
from pneumo_core.draw import Display, film_picture, fitted, overlay_picture
from pneumo_core.evaluate import Assessment, FilmScore, age_in_short, asked_of, outcome_of, verdict_in_words
from pneumo_core.film import read_radiograph
from pneumo_core.models import ModelCard
from pneumo_core.read import Reading, read_xray
from pneumo_core.wording import hash_start

PICTURE_PIXELS = 720
READING = "reading_in_list"


def film_list(
    films: list[tuple[FilmScore, float]],
    assessment: Assessment,
    source: Source | None,
    at: float | str,
    key: str,
    alt: str,
) -> None:
    """Draw films in the order given, each with its probability; under them the chosen one and its heat map.

    Args:
        at: a threshold, or the name of an operating point, which each population has its own of.
    """
    card = assessment.card
    certainty = "Certainty" if assessment.is_mixed else assessment.population.finding.capitalize()
    chosen = st.dataframe(
        [
            {
                "X-ray": film_name(score.number, source),
                "Result": _result(assessment, score, probability, at),
                **(
                    {certainty: outcome_of(assessment, asked_of(score, card), probability)}
                    if assessment.regions
                    else {}
                ),
                "Probability": None if math.isnan(probability) else 100 * probability,
                "Age": age_in_short(score.age_years),
                **({"Population": asked_of(score, card).name} if len(card.populations) > 1 else {}),
                "To know": ", ".join(assessment.tags(score)),
                "SHA-256, start": hash_start(score.sha256 or ""),
            }
            for score, probability in films
        ],
        hide_index=True,
        height=rows_height(len(films)),
        key=key,
        on_select="rerun",
        selection_mode="single-row-required",
        column_config={
            "Result": st.column_config.TextColumn(width="small"),
            "Probability": st.column_config.ProgressColumn(width="small", min_value=0, max_value=100, format="%.1f %%"),
        },
        alt=alt,
    )
    if source is None:
        st.markdown("The X-rays themselves are no longer in memory. To look at them, please choose them again.")
        return
    # A threshold that was moved may have made the list shorter.
    rows = [row for row in chosen.selection.rows if row < len(films)]
    score, probability = films[rows[0] if rows else 0]
    with problems_shown():
        result = _result(assessment, score, probability, at)
        _look(film_name(score.number, source), _reading(score, source, card), result, probability, at)
        if st.button("Open in Explain an X-ray", icon=":material/radiology:", key=f"explain_{key}"):
            add_waiting([(film_name(score.number, source), source.films[score.number].read())])
            st.switch_page("pages/explain.py")


def is_flagged(assessment: Assessment, score: FilmScore, probability: float, at: float | str) -> bool:
    """Say whether a film is flagged at a threshold, or by its own population's point of a name."""
    if not isinstance(at, str):
        return probability >= at
    return verdict_in_words(score, assessment.card, at).startswith("Flagged")


def _result(assessment: Assessment, score: FilmScore, probability: float, at: float | str) -> str:
    if isinstance(at, str):
        return verdict_in_words(score, assessment.card, at)
    return f"Flagged: {assessment.population.finding}" if probability >= at else "Not flagged"


def film_name(number: int, source: Source | None) -> str:
    """Name a film by its file where the source is at hand, else by its number."""
    return source.films[number].name if source is not None else f"X-ray {number + 1}"


def _reading(score: FilmScore, source: Source, card: ModelCard) -> Reading:
    """Read a film with the model that scored it, once while it is chosen: a moved threshold needs no network."""
    model = model_with_weights(card.weights_sha256)
    is_in_use = card.weights_sha256 == card_of_active_model().weights_sha256
    classifier = ready_classifier() if is_in_use or model is None else kept_classifier(model)
    kept: Reading | None = st.session_state.get(READING)
    is_kept = kept is not None and kept.radiograph.sha256 == score.sha256 and kept.age_years == score.age_years
    if kept is None or not is_kept or not kept.card.is_of_same_model(classifier.card):
        content = source.films[score.number].read()
        radiograph = read_radiograph(content, film_name(score.number, source))
        kept = read_xray(classifier, radiograph, age_years=score.age_years)
        record_reading(kept)
        st.session_state[READING] = kept
    return kept


def _look(name: str, reading: Reading, result: str, probability: float, at: float | str) -> None:
    point = f"the {at} point" if isinstance(at, str) else f"{100 * at:.1f} %"
    words = f"{result} at {point}{'' if math.isnan(probability) else f': probability {100 * probability:.1f} %'}"
    sha256 = reading.radiograph.sha256
    file_named(name, sha256, words)
    with anew(name, sha256, reading.card.identity):
        warnings_box(reading.warnings)
        _pictures(reading)


def _pictures(reading: Reading) -> None:
    film = film_picture(fitted(reading.radiograph.pixels, PICTURE_PIXELS), Display())
    overlay = overlay_picture(film, reading.explanation.heatmap(*film.shape), Display())
    left, right = st.columns(2)
    left.image(
        film,
        f"X-ray {hash_start(reading.radiograph.sha256)}",
        width="stretch",
        alt="The X-ray",
    )
    right.image(
        overlay,
        "The heat map is blank: the network found no evidence in favour."
        if reading.explanation.is_blank
        else "Bright areas: the network found evidence there. They are no outline of a lesion.",
        width="stretch",
        alt="The X-ray under its heat map",
    )
