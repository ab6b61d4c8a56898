"""One line of `read --json`: a JSON object with every key in every line, null where a key does not apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pneumo_core.errors import PneumoError
from pneumo_core.models import Conformal
from pneumo_core.read.reading import Reading
from pneumo_core.read.verdicts import data_by_population

if TYPE_CHECKING:
    # The import is for types only, because a line can be written before TensorFlow has been imported.
    from pneumo_core.network import Classifier


def reading_line(
    file: str,
    sha256: str | None,
    outcome: Reading | PneumoError,
    classifier: Classifier,
    point_name: str,
    conformal: Mapping[str, Conformal] | None = None,
    notes: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Give the line of one file, its keys in the order of `docs/command-line.md`.

    Args:
        file: as the caller named it.
        sha256: of the file's bytes; None where they could not be read.
        outcome: the reading, or the refusal.
        point_name: of the operating point; each population has its own.
        conformal: regions by the population's name, of those that have any.
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
        "operating_point": point_name,
        "threshold": card.first.operating_point(point_name).threshold if len(card.populations) == 1 else None,
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
    by_population = data_by_population(outcome.verdicts, point_name, conformal or {})
    flagged = outcome.flagged(point_name)
    if flagged is not None:
        # Where several populations agree, the first one's figures stand for the verdict that they share.
        shown = next(iter(by_population.values()))
        line |= {key: shown[key] for key in ("probability", "threshold", "conformal")}
    return line | {
        "outcome": "read",
        "flagged": flagged,
        "population": outcome.population_at(point_name),
        "by_population": by_population,
        "age_years": outcome.age_years,
        "age_from": outcome.age_from,
        "warnings": list(outcome.warnings),
        "known_from": outcome.known_from,
    }
