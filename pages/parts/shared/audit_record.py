"""The pages' entries in the audit log, where there is one."""

import streamlit as st

from pneumo_core.models import ModelCard, Promotion
from pneumo_core.read import Reading
from pneumo_core.serve import COOKIE, AuditEvent, is_sign_in_asked_for, record_event, visitor


def record_reading(reading: Reading) -> None:
    """Record that a film was read, before its score is shown; no probability where there is no single verdict.

    Raises:
        DataError: the log cannot be written.
    """
    outcome = "read with a warning" if reading.warnings else "read"
    weights, is_one = reading.card.weights_sha256, reading.flagged("balanced") is not None
    probability = reading.prediction.probability if is_one else None
    record_event(AuditEvent("read", _user(), reading.radiograph.sha256, weights, probability, outcome))


def record_refusal(film_sha256: str | None, card: ModelCard) -> None:
    """Record that a film was refused, by its hash where it could be read; as `record_reading`."""
    record_event(AuditEvent("refused", _user(), film_sha256, card.weights_sha256, outcome="refused"))


def record_run(name: str, weights_sha256: str) -> None:
    """Record that a batch run, by its name, was asked for; as `record_reading`."""
    record_event(AuditEvent("run asked for", _user(), weights_sha256=weights_sha256, run=name))


def record_promotion(change: Promotion) -> None:
    """Record that another model is in use; the log of promotions holds the name that the person gave."""
    record_event(AuditEvent(change.kind, _user(), weights_sha256=change.to_weights))


def _user() -> str:
    return visitor(st.context.cookies.get(COOKIE) if is_sign_in_asked_for() else None)
