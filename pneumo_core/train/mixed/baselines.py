"""How far a table and the masks of a run tell its classes without any picture: a network has to be better than that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from pneumo_core.data import MASK_SHAPE, AuditedFilm, area_in_words, areas_of, mask_of

if TYPE_CHECKING:
    from pneumo_core.train.films import Films

BASELINES_FILE = "baselines.json"
_ROWS = TypeAdapter(list[dict[str, Any]])
# Facts of the set; those of the files are the audit's.
KEPT = ("view", "source", "sex", "age", MASK_SHAPE)


def read_baselines(folder: Path) -> list[dict[str, Any]]:
    """Give the rows that a run's folder keeps; none where it keeps none, or a damaged file."""
    try:
        rows: list[dict[str, Any]] = _ROWS.validate_json((folder / BASELINES_FILE).read_bytes())
    except (OSError, ValidationError):
        return []
    return rows


def baseline_rows(*parts: Films) -> list[dict[str, Any]]:
    """Say how far view, source, sex, age and the masks' shape separate the classes, as `areas_of_metadata` measures it.

    Args:
        parts: films of a run, those to train on and those to validate with, read as they lie there.

    Returns:
        rows of `fact`, `against` ("" for all others, "normal" for normal alone), `auc`, `low`, `high` (None where it is
        not defined), `n`, and `in_words`; none where no table tells anything.
    """
    films = [
        AuditedFilm(
            case.name,
            "train",
            case.has_pneumonia,
            case.patient,
            case.kind,
            height=1,
            width=1,
            told=case.told,
            mask=mask_of(film.astype(np.float32) / 255),
        )
        for part in parts
        for case, film in zip(part.cases, part.views[0], strict=True)
        if case.told is not None
    ]
    found = [area for area in areas_of(films, {}) if area.fact in KEPT] if films else []
    return [
        {
            "fact": area.fact,
            "against": area.against,
            **{
                name: None if np.isnan(value) else round(value, 4)
                for name, value in (("auc", area.area.value), ("low", area.area.low), ("high", area.area.high))
            },
            "n": area.area.n,
            "in_words": area_in_words(area.area),
        }
        for area in found
    ]
