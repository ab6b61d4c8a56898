"""A candidate against the model in use on the same films: the grounds for a promotion."""

from pathlib import Path

import streamlit as st

from pages.parts.shared.cached import kept_classifier, known_models
from pages.parts.shared.frame import rows_height, text_colour
from pages.parts.shared.model_state import ready_classifier
from pages.parts.shared.problems import plain, problems_shown
from pneumo_core.draw import CHART_CONFIG, Display, film_picture, fitted, overlay_picture
from pneumo_core.files import below
from pneumo_core.film import read_radiograph
from pneumo_core.models import (
    IN_USE,
    WHEN_WORSE,
    Challenge,
    ModelCard,
    ModelEntry,
    Pair,
    challenge_of,
    changed_in_words,
    changed_rows,
    copy_rows,
    films_in_words,
    main_rows,
    model_with,
    outcome,
    paired_chart,
    weights_in_use,
    why_no_evidence,
)
from pneumo_core.read import read_xray
from pneumo_core.train import busy_in_words, read_plan, read_state, run_at_work, run_of_model, start_run
from pneumo_core.wording import time_in_words

PICTURE_PIXELS = 560
# A list of more differences stays folded.
MOST_LINES = 6
# A larger difference from the kept score means another film than the one that was compared.
SAME_FILM = 0.02


def gate_view(entry: ModelEntry, card: ModelCard) -> None:
    """Draw the comparison, or the reason why there is none and the way to make it."""
    st.header(f"{plain(entry.name)} against the model in use")
    gate = challenge_of(entry, known_models())
    if gate is not None and gate.candidate_weights != card.weights_sha256:
        gate = None
    missing = why_no_evidence(gate, card.weights_sha256, weights_in_use(known_models()))
    if missing:
        st.warning(plain(missing), icon=":material/balance:")
    run = run_of_model(entry.folder, card.weights_sha256)
    if weights_in_use(known_models()) not in (None, card.weights_sha256):
        _compare(run, missing)
    if gate is not None:
        _evidence(gate, entry, run, bool(missing))


def _compare(run: Path | None, missing: str) -> None:
    if run is None:
        if missing:
            st.markdown(
                "The training run that made this model is not on this server, so it cannot be compared from here. "
                "In Batch evaluation, please score labelled X-rays that neither model was trained on. Then choose "
                "*Against another model* there."
            )
        return
    if run_at_work() == run.name:
        _at_work(run)
        return
    state = read_state(run)
    if missing and state.stage in ("failed", "interrupted"):
        st.error(plain(state.problem or "The last comparison stopped early and gave no reason."))
    elif missing and state.problem:
        st.error(plain(state.problem), icon=":material/error:")
    if st.button("Compare again" if not missing else "Compare now", icon=":material/balance:"):
        if run_at_work() is not None:
            st.warning(busy_in_words())
            return
        start_run(run)
        st.rerun()


def _at_work(run: Path) -> None:
    @st.fragment(run_every=1.0)
    def progress() -> None:
        if run_at_work() != run.name:
            # Draws the whole page again, with the findings.
            st.rerun()
        state = read_state(run)
        share = state.done / state.of if state.of and state.stage == "reading the films" else 0.0
        of = f", {state.done} of {state.of}" if share else ""
        st.progress(min(1.0, share), f"The run {plain(run.name)} is at work: {state.stage}{of}")
        st.markdown("The run continues if you reload or leave the page.")

    progress()


def _evidence(gate: Challenge, entry: ModelEntry, run: Path | None, is_outdated: bool) -> None:
    found = outcome(gate, "the model then in use" if is_outdated else IN_USE)
    box, icon = {
        "worse": (st.error, ":material/trending_down:"),
        "open": (st.warning, ":material/question_mark:"),
        "better": (st.success, ":material/trending_up:"),
        "alike": (st.info, ":material/drag_handle:"),
    }[found.kind]
    box(f"**{plain(found.words)}**", icon=icon)
    st.markdown(
        f"{'Then' if is_outdated else 'Now'} in use: **{plain(gate.current)}**, weights `{gate.current_weights[:12]}`. "
        f"Compared at {plain(time_in_words(gate.made))}."
    )
    for part in gate.by_population:
        name = f"**{plain(part.population.capitalize())}**: " if gate.others else ""
        st.markdown(f"{name}{plain(films_in_words(part))}")
    losses = gate.losses_in_words() if found.kind == "worse" else ""
    st.markdown(plain(f"{gate.in_words()} {losses}".strip()))
    with st.container(key="stack_better"):
        better, worse = st.columns(2, gap="large")
    for column, title, lines in (
        (better, "Better by more than chance", gate.better),
        (worse, "Worse by more than chance", gate.worse),
    ):
        with column:
            st.subheader(title)
            st.markdown("\n".join(f"- {plain(line)}" for line in lines[:MOST_LINES]) or "Nothing.")
            if len(lines) > MOST_LINES:
                with st.expander(f"{len(lines) - MOST_LINES} more"):
                    st.markdown("\n".join(f"- {plain(line)}" for line in lines[MOST_LINES:]))
    st.markdown(
        "**Test X-rays have no say here.** A model that is chosen by its test figures has been fitted to them by "
        "hand. Then no X-rays are left to show how it performs on X-rays that chose nothing."
    )
    for place, part in enumerate(gate.by_population):
        if gate.others:
            st.header(plain(part.population.capitalize()))
        _tables(part)
        _films(part, entry, run, place)


def _tables(gate: Challenge) -> None:
    """Draw the figures of both models in one population."""
    st.subheader("On the unchanged X-rays")
    st.table(main_rows(gate), alt="Figures of both models on the unchanged X-rays, with differences")
    st.markdown(
        "Each model is used at its own balanced threshold, with one X-ray per patient "
        f"(n = {gate.copies[0].comparison.n}). The difference is candidate minus model in use, with its 95 % interval "
        "(DeLong for the area, Newcombe for shares). The p-values come from DeLong's test and McNemar's exact test. "
        f"For two equal models p is below 0.05 once in 20 times. {WHEN_WORSE}"
    )
    st.subheader("On every copy of the X-rays")
    st.table(copy_rows(gate), alt="Differences on every copy of the X-rays, and calibration of both models")
    st.markdown(
        "The differences are as above. The copies are the same X-rays under other contrast, gamma, resampling, noise, "
        "margins and cuts. In copies with evened shapes, X-rays with pneumonia are wider and others higher, by as "
        "much as the files of Kermany et al. differ. Their shape then gives no help. Among so many "
        "differences some lie beyond chance by chance alone. Brier score and expected calibration error (ECE) are "
        f"given as candidate / in use, on all {gate.films} X-rays. Smaller is better; they have no interval here."
    )


@st.fragment
def _films(gate: Challenge, entry: ModelEntry, run: Path | None, place: int) -> None:
    chart = paired_chart(gate, text_colour())
    with st.container(key=f"stack_changed_{place}" if place else "stack_changed"):
        left, right = st.columns(2, gap="large")
    with left:
        st.subheader(chart.title)
        st.plotly_chart(chart.figure, config=CHART_CONFIG, key=f"paired_{place}" if place else "paired", alt=chart.alt)
        st.markdown(chart.reads)
    changed = gate.changed_sides
    with right:
        st.subheader("X-rays that changed sides")
        st.markdown(changed_in_words(gate))
        if not changed:
            return
        percent = st.column_config.NumberColumn(format="%.1f %%", width="small")
        chosen = st.dataframe(
            changed_rows(gate),
            hide_index=True,
            height=rows_height(len(changed)),
            key=f"changed_sides_{place}" if place else "changed_sides",
            on_select="rerun",
            selection_mode="single-row",
            column_config={"X-ray": st.column_config.TextColumn(width=225), "Candidate": percent, "In use": percent},
            alt="X-rays that one model flags and the other does not, the largest difference first",
        )
        st.markdown(
            "The table gives both calibrated probabilities. *Right* names the model on the side of the label. Choose a "
            "row to see the X-ray with both heat maps."
        )
    if chosen.selection.rows and chosen.selection.rows[0] < len(changed):
        with problems_shown():
            _look(gate, changed[chosen.selection.rows[0]], entry, run, place)


def _look(gate: Challenge, pair: Pair, entry: ModelEntry, run: Path | None, place: int) -> None:
    if run is None:
        st.markdown("The run that made this model is not on this server, so the place of its X-rays is not known.")
        return
    radiograph = read_radiograph(below(read_plan(run).data, pair.name), pair.name)
    film = film_picture(fitted(radiograph.pixels, PICTURE_PIXELS), Display())
    with st.container(key=f"stack_look_{place}" if place else "stack_look"):
        columns = st.columns(3)
    label = "with" if pair.has_pneumonia else "without"
    columns[0].image(film, f"{plain(pair.name)}: {label} pneumonia.", width="stretch", alt="The X-ray")
    current = model_with(gate.current_weights, known_models())
    has_changed = False
    for column, model, who, kept, threshold in (
        (columns[1], entry, "Candidate", pair.candidate, gate.candidate_threshold),
        (columns[2], current, "In use", pair.current, gate.current_threshold),
    ):
        with column:
            if model is None:
                st.markdown(f"{plain(gate.current)} is no longer among the models.")
                continue
            classifier = ready_classifier() if model.is_active else kept_classifier(model.folder)
            reading = read_xray(classifier, radiograph)
            probability = reading.prediction.probability
            has_changed = has_changed or abs(probability - kept) > SAME_FILM
            side = "flagged" if probability >= threshold else "not flagged"
            blank = (
                " The heat map is blank: the network found no evidence in favour."
                if reading.explanation.is_blank
                else ""
            )
            st.image(
                overlay_picture(film, reading.explanation.heatmap(*film.shape), Display()),
                f"{who}, {plain(model.name)}: probability {100 * probability:.1f} %, {side} at "
                f"{100 * threshold:.1f} %.{blank}",
                width="stretch",
                alt=f"The X-ray under the heat map of {model.name}",
            )
    if has_changed:
        st.warning(
            "This file now has another score than in the comparison, so it has changed since. Please compare again.",
            icon=":material/difference:",
        )
    st.markdown(
        "Bright areas: each network found evidence in favour there. The scale is each map's own, so the two maps can "
        "be compared by place only, not by brightness. A bright area is no outline of a lesion."
    )
