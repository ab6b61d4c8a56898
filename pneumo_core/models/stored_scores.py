"""The scores that training wrote into a model's folder (`scores.csv`): scores, labels and file names, no films."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumo_core.data import patient_and_kind
from pneumo_core.errors import ModelError
from pneumo_core.models.card import STORED_SCORES_FILE, ModelCard
from pneumo_core.models.populations import Population
from pneumo_core.models.results import EvaluationResult
from pneumo_core.stats import area_under_roc, probabilities

STORED_SCORES_COLUMNS = ["films", "name", "kind", "has_pneumonia", "logit"]
# A model made before sizes were written has no such column.
SIZE_COLUMN = "file_bytes"
# The name of the population on the card; a table of one population may lack it.
POPULATION_COLUMN = "population"
FURTHER_COLUMNS: tuple[list[str], ...] = ([], [SIZE_COLUMN], [POPULATION_COLUMN], [SIZE_COLUMN, POPULATION_COLUMN])
# Logits are stored with six decimals, which can turn round films that nearly tie.
SAME_AREA = 1e-3
KIND_LABELS = {
    "normal": "without pneumonia",
    "bacteria": "bacterial",
    "virus": "viral",
    "pneumonia": "pneumonia, kind not named",
    "other": "another abnormality",
}


@dataclass(frozen=True, slots=True, eq=False)
class ScoredFilms:
    """Films of one part with the model's scores.

    Attributes:
        films: what they are, as on the model card.
        kinds: str `(n,)`, as in `Case`.
        patients: str `(n,)`, as the names of the files tell them.
        has_pneumonia: bool `(n,)`.
        logits: float64 `(n,)`.
        probabilities: float64 `(n,)` in [0, 1], calibrated.
        file_bytes: int64 `(n,)`, the size of each film's file; None where it is not known of all.
    """

    films: str
    kinds: np.ndarray
    patients: np.ndarray
    has_pneumonia: np.ndarray
    logits: np.ndarray
    probabilities: np.ndarray
    file_bytes: np.ndarray | None

    def __len__(self) -> int:
        return len(self.logits)

    @property
    def prevalence(self) -> float:
        return float(self.has_pneumonia.mean())


@dataclass(frozen=True, slots=True, eq=False)
class StoredScores:
    """The logits of a model on its validation films and on its test films.

    Attributes:
        validation_copies: the validation films and their further views and stressed copies; the films as they are
            stand first.
    """

    validation_copies: tuple[ScoredFilms, ...]
    test: ScoredFilms

    @property
    def validation(self) -> ScoredFilms:
        return self.validation_copies[0]


def read_stored_scores(folder: Path, card: ModelCard, population: Population | None = None) -> StoredScores:
    """Read the scores that training wrote into a model's folder.

    Args:
        population: whose X-rays; the card's first where none is named. A table without the column `population` is of
            the first.

    Raises:
        ModelError: there are none, none of test films, they are damaged, or another model's.
    """
    path, of = folder / STORED_SCORES_FILE, population or card.first
    if not path.is_file():
        raise ModelError(
            f"The model {card.name} has no {STORED_SCORES_FILE}, the scores of its validation and test X-rays that "
            "are needed here; a model that was imported comes without. Please put a model in use that was trained "
            "here."
        )
    for part, results in (("validation", of.validation), ("test", of.test)):
        if not results:
            raise ModelError(
                f"The model {card.name} was made without {part} X-rays, whose scores are needed here. Please put a "
                f"model in use that was trained on a folder with {part} X-rays."
            )
    rows = [row for row in _rows(path, card) if (row.get(POPULATION_COLUMN) or card.first.name) == of.name]
    return StoredScores(
        tuple(_scored(rows, result, card, of, place == 0) for place, result in enumerate(of.validation)),
        _scored(rows, of.test[0], card, of),
    )


def _rows(path: Path, card: ModelCard) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            columns = list(table.fieldnames or [])
            further = columns[len(STORED_SCORES_COLUMNS) :]
            if columns[: len(STORED_SCORES_COLUMNS)] != STORED_SCORES_COLUMNS or further not in FURTHER_COLUMNS:
                raise ValueError(f"columns {', '.join(columns)}")
            rows = []
            for row in table:
                _check(row)
                rows.append(row)
            return rows
    except (ValueError, csv.Error) as error:
        raise ModelError(
            f"{STORED_SCORES_FILE} of the model {card.name} is not as training writes it. Expected are the columns "
            f"{', '.join(STORED_SCORES_COLUMNS)} and, where known, {SIZE_COLUMN} and {POPULATION_COLUMN}, "
            f"kinds among {', '.join(KIND_LABELS)}, "
            "0 or 1 for has_pneumonia and a finite number for every logit. Please copy the whole model folder again."
        ) from error


def _check(row: dict[str, str]) -> None:
    # A row with too many cells or too few has None among its keys or values.
    if None in row or None in row.values():
        raise ValueError("cells")
    if row["kind"] not in KIND_LABELS or row["has_pneumonia"] not in ("0", "1"):
        raise ValueError("kind or label")
    # Python reads "1_000" as a number, and NumPy does not.
    if "_" in row["logit"] or not math.isfinite(float(row["logit"])):
        raise ValueError("logit")
    size = row.get(SIZE_COLUMN) or "1"
    if "_" in size or not 1 <= int(size) < 2**63:
        raise ValueError("size")


def _scored(
    rows: list[dict[str, str]],
    result: EvaluationResult,
    card: ModelCard,
    population: Population,
    is_first: bool = True,
) -> ScoredFilms:
    """Give the films that a result on the card is of, and see that they give that result."""
    chosen = [row for row in rows if row["films"] == result.films]
    has_pneumonia = np.array([row["has_pneumonia"] == "1" for row in chosen], bool)
    logits = np.array([float(row["logit"]) for row in chosen])
    sizes = [row.get(SIZE_COLUMN, "") for row in chosen]
    area = area_under_roc(has_pneumonia, logits).value
    if math.isnan(area):
        raise ModelError(
            f"{STORED_SCORES_FILE} of the model {card.name} holds {len(chosen)} X-rays of '{result.films}', "
            f"{int(has_pneumonia.sum())} of them with pneumonia. Expected are X-rays of both classes. Please copy "
            "the whole model folder again, or put a model in use that was tested on both."
        )
    # Only the films as they are can tell: on a further copy of few films, near ties can move the area much farther.
    is_same_area = not is_first or abs(area - result.area_under_roc.value) <= SAME_AREA
    if (len(chosen), int(has_pneumonia.sum())) != (result.n, result.n_pneumonia) or not is_same_area:
        raise ModelError(
            f"{STORED_SCORES_FILE} of the model {card.name} belongs to another model: of '{result.films}' it holds "
            f"{len(chosen)} X-rays with an area under the ROC curve of {area:.3f}, and the card {result.n} X-rays "
            f"with {result.area_under_roc.value:.3f}. Please copy the whole model folder again."
        )
    names = [row["name"].rpartition("/")[2] for row in chosen]
    return ScoredFilms(
        films=result.films,
        kinds=np.array([row["kind"] for row in chosen]),
        patients=np.array(
            [patient_and_kind(name, bool(sick))[0] or name for name, sick in zip(names, has_pneumonia, strict=True)]
        ),
        has_pneumonia=has_pneumonia,
        logits=logits,
        probabilities=probabilities(logits, population.calibration),
        file_bytes=np.array(sizes, np.int64) if all(sizes) else None,
    )
