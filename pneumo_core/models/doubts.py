"""What speaks against putting a model in use, asked about once more on the page and on the command line."""

from collections.abc import Sequence
from dataclasses import replace

from pneumo_core.gate import NO_GATE
from pneumo_core.models.challenge import Gate, read_gate, why_no_evidence
from pneumo_core.models.store import ModelEntry


def doubts(entry: ModelEntry, entries: Sequence[ModelEntry]) -> list[str]:
    """Say what speaks against putting a model in use, or that nothing speaks for it.

    Args:
        entries: all models of the installation.
    """
    weights = entry.card.weights_sha256 if entry.card else ""
    gate = gate_of(entry, entries)
    missing = why_no_evidence(gate, weights, weights_in_use(entries))
    found = [missing] if missing else []
    if gate is not None and gate.candidate_weights == weights:
        if gate.worse:
            found.append(f"Worse than {gate.current} by more than chance: {'; '.join(gate.worse)}.")
        if gate.losses_left_open:
            found.append(gate.losses_in_words())
    return found if entry.has_input_gate else [*found, NO_GATE]


def gate_of(entry: ModelEntry, entries: Sequence[ModelEntry]) -> Gate | None:
    """Read a comparison, the model that it was made with named as it is listed: an import may have another name."""
    gate = read_gate(entry.folder)
    current = model_with(gate.current_weights, entries) if gate is not None else None
    return gate if gate is None or current is None else replace(gate, current=current.name)


def model_with(weights: str, entries: Sequence[ModelEntry]) -> ModelEntry | None:
    """Find a model by its weights, the one in use first."""
    found = [entry for entry in entries if entry.card and entry.card.weights_sha256 == weights]
    return next((entry for entry in found if entry.is_active), found[0] if found else None)


def weights_in_use(entries: Sequence[ModelEntry]) -> str | None:
    """Give the weights of the model in use; None where there is none that can be used."""
    return next((entry.card.weights_sha256 for entry in entries if entry.is_active and entry.card), None)
