"""Put a model in use, or the one before again, with the log of changes. Questions are asked in a dialog."""

from collections.abc import Callable

import streamlit as st

from pages.parts.shared.audit_record import record_promotion
from pages.parts.shared.cached import known_models, model_in_use_before
from pages.parts.shared.problems import plain, problems_shown
from pneumo_core.files import models_folder
from pneumo_core.models import (
    CARD_FILE,
    MAX_WORDS,
    ModelEntry,
    Promotion,
    check_reason,
    delete_model,
    doubts,
    promote,
    promotions,
    roll_back,
)
from pneumo_core.wording import time_in_words

# Session keys: the question and its model; the last change; the last person who decided.
QUESTION, DONE = "models_question", "models_done"
PROMOTE, ROLL_BACK, DELETE = "promote", "roll back", "delete"
WHO = "models_who"


def last_change_shown() -> None:
    """Show the last change, once."""
    if DONE in st.session_state:
        st.success(st.session_state.pop(DONE), icon=":material/check_circle:")


def ask_to_promote(entry: ModelEntry) -> None:
    """Draw name, note and the button; ask once more where there are doubts."""
    st.header(f"Put {plain(entry.name)} in use")
    if (models_folder() / CARD_FILE).is_file():
        st.markdown("The folder of models holds a single model, which is always in use.")
        return
    who, note = _reason(entry.name)
    with problems_shown():
        if st.button(f"Promote {plain(entry.name)}", type="primary", icon=":material/upgrade:"):
            check_reason(who, note)
            if doubts(entry, known_models()):
                ask(PROMOTE, entry.name, who, note)
            else:
                _promote(entry.name, who, note)


def promotion_log() -> None:
    """Draw the log of changes (model, person, time, reason) and the way back."""
    st.header("Changes of the model in use")
    log = promotions(models_folder())
    before = model_in_use_before()
    if before is not None and st.button(f"Roll back to {plain(before)}", icon=":material/undo:"):
        ask(ROLL_BACK, before)
    if not log:
        st.markdown("There is no change yet. Each one will be listed here with its person, time and reason.")
        return
    st.table([_row(entry) for entry in reversed(log)], alt="Changes of the model in use, the newest first")
    active = next((entry for entry in known_models() if entry.is_active), None)
    used = (active.name, active.card.weights_sha256) if active and active.card else None
    if used is not None and used != (log[-1].to_model, log[-1].to_weights):
        st.warning(
            f"The model in use is {plain(used[0])}, but the newest line names another one. That change was not "
            "completed, or `active.txt` was written by hand.",
            icon=":material/rule:",
        )


def ask(what: str, name: str, *reason: str) -> None:
    """Ask a question about a model in a dialog; a promotion comes with its person and reason."""
    st.session_state[QUESTION] = (what, name, *reason)
    st.rerun()


def question_shown() -> None:
    """Draw the dialog of an open question."""
    if QUESTION not in st.session_state:
        return
    what, name, *reason = st.session_state[QUESTION]
    views: dict[str, tuple[str, Callable[..., None]]] = {
        PROMOTE: (f"Promote {plain(name)} all the same?", _confirm_promotion),
        ROLL_BACK: (f"Roll back to {plain(name)}?", _confirm_roll_back),
        DELETE: (f"Delete {plain(name)}?", _confirm_deletion),
    }
    title, view = views[what]
    st.dialog(title, on_dismiss=_forget)(view)(name, *reason)


def _confirm_promotion(name: str, who: str, note: str) -> None:
    entry = next((entry for entry in known_models() if entry.name == name), None)
    if entry is not None:
        st.markdown("\n".join(f"- {plain(doubt)}" for doubt in doubts(entry, known_models())))
    st.markdown(
        f"All sessions then use {plain(name)} with its own thresholds. The present model stays, and a roll back "
        "returns to it."
    )
    with problems_shown():
        if _answered("Promote all the same"):
            _promote(name, who, note)


def _confirm_roll_back(name: str) -> None:
    st.markdown(f"All sessions then use {plain(name)} with its own thresholds, as before the last promotion.")
    # No model's folder has a name with a blank.
    who, note = _reason("roll back")
    with problems_shown():
        if _answered("Roll back"):
            _changed(roll_back(models_folder(), who, note))


def _confirm_deletion(name: str) -> None:
    st.markdown(
        "Network, card, log and scores are deleted for good. Export the model first if you may want it again. The "
        "export holds everything except the scores."
    )
    if model_in_use_before() == name:
        st.warning("A roll back would return to this model.", icon=":material/undo:")
    with problems_shown():
        if _answered("Delete"):
            delete_model(models_folder(), name)
            st.query_params.pop("model", None)
            _done(f"{plain(name)} is deleted.")


def _answered(yes: str) -> bool:
    with st.container(horizontal=True):
        is_sure = st.button(yes, type="primary")
        if st.button("Cancel"):
            _forget()
            st.rerun()
    return is_sure


def _reason(key: str) -> tuple[str, str]:
    with st.container(key=f"stack_reason_{key}"):
        left, right = st.columns([1, 2])
    kept = "The log of changes keeps it for all to read."
    last = st.session_state.get(WHO, "")
    who = left.text_input("Who decides it", last, max_chars=MAX_WORDS, key=f"who_{key}", help=kept)
    note = right.text_input("Why: a note", max_chars=MAX_WORDS, key=f"note_{key}", help=kept)
    return who, note


def _promote(name: str, who: str, note: str) -> None:
    _changed(promote(models_folder(), name, who, note))


def _changed(change: Promotion) -> None:
    record_promotion(change)
    st.session_state[WHO] = change.who
    before = plain(change.from_model or "none")
    _done(f"{plain(change.to_model)} is in use since {plain(time_in_words(change.at))} (before: {before}).")


def _done(text: str) -> None:
    _forget()
    st.session_state[DONE] = text
    st.rerun()


def _forget() -> None:
    st.session_state.pop(QUESTION, None)


def _row(entry: Promotion) -> dict[str, str]:
    return {
        "When": plain(time_in_words(entry.at)),
        "What": entry.kind,
        "From": _model(entry.from_model, entry.from_weights),
        "To": _model(entry.to_model, entry.to_weights),
        "Who": plain(entry.who),
        "Note": plain(entry.note),
    }


def _model(name: str | None, weights: str | None) -> str:
    return "none" if name is None else f"{plain(name)} ({(weights or 'no weights')[:12]})"
