"""One line of `read --json`: a JSON object with every key in every line, null where a key does not apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core.errors import PneumoError
from pneumo_core.models import Conformal
from pneumo_core.read.reading import Reading
from pneumo_core.read.report import conformal_outcome
from pneumo_core.stats import OperatingPoint

if TYPE_CHECKING:
    # The import is for types only, because a line can be written before TensorFlow has been imported.
    from pneumo_core.network import Classifier


def reading_line(
    file: str,
    sha256: str | None,
    outcome: Reading | PneumoError,
    classifier: Classifier,
    point: OperatingPoint,
    conformal: Conformal | None = None,
    notes: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Give the line of one file, its keys in the order of `docs/command-line.md`.

    Args:
        file: as the caller named it.
        sha256: of the file's bytes; None where they could not be read.
        outcome: the reading, or the refusal.
        notes: on how a refused file was read, because the refusal may rest on them.
    """
    card = classifier.card
    line: dict[str, Any] = {
        "file": file,
        "sha256": sha256,
        "outcome": "refused",
        "code": None,
        "reason": None,
        "probability": None,
        "flagged": None,
        "operating_point": point.name,
        "threshold": point.threshold,
        "conformal": None,
        "population": None,
        "by_population": None,
        "age_years": None,
        "age_from": None,
        "warnings": [],
        "notes": list(notes if isinstance(outcome, PneumoError) else outcome.notes),
        "known_from": None,
        "model": card.name,
        "weights_sha256": card.weights_sha256,
        "engine": classifier.engine,
    }
    if isinstance(outcome, PneumoError):
        return line | {"code": outcome.code, "reason": str(outcome)}
    probability = outcome.prediction.probability
    return line | {
        "outcome": "read",
        "probability": probability,
        "flagged": outcome.prediction.is_flagged(point),
        "conformal": conformal_outcome(conformal, probability),
        "population": outcome.population,
        "age_years": outcome.age_years,
        "age_from": outcome.age_from,
        "warnings": list(outcome.warnings),
        "known_from": outcome.known_from,
    }
