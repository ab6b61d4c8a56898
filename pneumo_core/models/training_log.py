"""The log that training writes, a line of JSON for each epoch; it lies in the run's folder, then in the model's."""

import json
from pathlib import Path
from typing import Any

from pneumo_core.errors import ModelError
from pneumo_core.models.card import LOG_FILE
from pneumo_core.wording import counted


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Give the log's entry of every epoch so far, of a run's folder or a model's.

    A last line cut short counts as not there; a damaged one is left out (`damaged_log_lines` counts them).
    """
    return [entry for entry in map(_log_entry, _log_lines(folder)) if entry is not None]


def damaged_log_lines(folder: Path) -> int:
    """Count the whole lines of a log that hold no epoch."""
    return sum(_log_entry(line) is None for line in _log_lines(folder))


def check_log(folder: Path) -> None:
    """Refuse a log of which not every whole line says what an epoch was.

    Raises:
        ModelError: as said.
    """
    if damaged := damaged_log_lines(folder):
        raise ModelError(
            f"{LOG_FILE} of {folder.name} is not as training writes it: {counted(damaged, 'line')} of it cannot be "
            "read. Expected are lines of JSON with the figures of an epoch. Please copy the whole folder again, or "
            "leave this file out."
        )


def _log_lines(folder: Path) -> list[bytes]:
    path = folder / LOG_FILE
    return path.read_bytes().split(b"\n")[:-1] if path.is_file() else []


def _log_entry(line: bytes) -> dict[str, Any] | None:
    """Give what a line says of an epoch; None where no curve could be drawn of it."""
    try:
        entry = json.loads(line)
        parts = [entry[name] for name in ("training", "validation", "validation_averaged") if name in entry]
        if "best" in entry:
            parts.append(entry[entry["best"]])
        numbers = [entry["learning_rate"], *(value for part in parts for value in part.values())]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
    return (
        entry
        if isinstance(entry.get("epoch"), int) and all(isinstance(number, int | float) for number in numbers)
        else None
    )
