"""How much of the answer lies outside the picture: what the files' outward facts alone can tell.

Facts of the file (size, shape, colour), of its header (device, exposure, date) and further columns of a table, each
alone and all together. Values serve the figures only. Identifiers are no facts: whoever gives facts leaves them out.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from pneumo_core.stats.metrics import Estimate, area_under_roc

FOLDS = 5
TOGETHER = "all of these together"
# More words of a fact than these, and words of fewer files, count as one: they would tell single patients apart.
MOST_WORDS, FEWEST_FILES = 20, 5

Fact = float | str | None


class OutwardFacts(Protocol):
    """Facts that a file tells without a look at its film; `brightness`, in [0, 1], is the mean of its pixels."""

    @property
    def file_bytes(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def samples_per_pixel(self) -> int: ...
    @property
    def brightness(self) -> float: ...


def areas_of_metadata(
    films: Sequence[OutwardFacts],
    has_pneumonia: np.ndarray,
    patients: np.ndarray,
    more: Mapping[str, Sequence[Fact]] | None = None,
    joint: Mapping[str, Sequence[str]] | None = None,
) -> list[tuple[str, Estimate]]:
    """Say how well the files' outward facts separate the classes, without the picture.

    Areas under the ROC curve of logistic regressions, each film scored by a fit on other patients' films
    (5 folds, grouped by patient). All that is clearly above 0.5 is a shortcut that lies ready in these files.

    A further fact enters with its value and its quarters, or with its words, and with whether it is there at all: a
    header that is silent on one class tells it, too. One that is the same for all films tells nothing, and is left out.

    Args:
        films: n of them.
        has_pneumonia: bool `(n,)`, the reference standard.
        patients: int `(n,)`, equal for films of one patient.
        more: further facts by their names, each of the n films: numbers or words, None where a film has none.
        joint: facts that are one thing together, such as a mask's shape, by its name: they stand together, not alone.

    Returns:
        label and area: of each fact alone, then of facts that are one, then of all together; `nan` with fewer than 10
        patients of a class.
    """
    facts = {
        "file size": [math.log(max(film.file_bytes, 1)) for film in films],
        "aspect ratio": [math.log(film.width / film.height) for film in films],
        "pixels": [math.log(film.height * film.width) for film in films],
        "colour mode": [float(film.samples_per_pixel > 1) for film in films],
        "mean brightness": [film.brightness for film in films],
    }
    columns = {name: np.array(values, np.float64)[:, np.newaxis] for name, values in facts.items()}
    columns |= {
        name: _columns_of(values) for name, values in (more or {}).items() if len({*values}) > 1 and name not in columns
    }
    folds = _folds(has_pneumonia, patients)
    parts = {name: [columns[fact] for fact in facts if fact in columns] for name, facts in (joint or {}).items()}
    whole = {fact for facts in (joint or {}).values() for fact in facts}
    alone = {name: of_fact for name, of_fact in columns.items() if name not in whole}
    alone |= {name: np.hstack(of_facts) for name, of_facts in parts.items() if of_facts}
    areas = [(name, _area_of(of_fact, has_pneumonia, folds)) for name, of_fact in alone.items()]
    return [*areas, (TOGETHER, _area_of(np.hstack(list(columns.values())), has_pneumonia, folds))]


def facts_by_name(facts: Sequence[Mapping[str, float | str]]) -> dict[str, list[Fact]]:
    """Turn the facts of each film into the films of each fact, in the order in which facts come first."""
    names = dict.fromkeys(name for of_film in facts for name in of_film)
    return {name: [of_film.get(name) for of_film in facts] for name in names}


def _columns_of(values: Sequence[Fact]) -> np.ndarray:
    """Turn a fact into numbers: float64 `(n, columns)`, whatever of it is missing."""
    if any(isinstance(value, str) for value in values):
        counts = Counter(value for value in values if value is not None)
        words = [word for word, count in counts.most_common(MOST_WORDS) if count >= FEWEST_FILES]
        found = [[value == word for word in words] + [value is None] for value in values]
        return np.array(found, np.float64)
    numbers = np.array([math.nan if value is None else value for value in values], np.float64)
    is_there = ~np.isnan(numbers)
    numbers = np.where(is_there, numbers, np.median(numbers[is_there]))
    edges = np.unique(np.quantile(numbers[is_there], (0.25, 0.5, 0.75)))
    # A fact that rises with neither class, such as a voltage for infants, for children and for adults.
    quarters = np.searchsorted(edges, numbers, "right")[:, np.newaxis] == np.arange(len(edges) + 1)
    return np.column_stack([numbers, quarters, ~is_there]).astype(np.float64)


def _folds(has_pneumonia: np.ndarray, patients: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """Part the films into folds, whole patients together; None with too few patients of a class."""
    of_class = [len(np.unique(patients[has_pneumonia == label])) for label in (False, True)]
    if min(of_class) < 2 * FOLDS:
        return None
    # Its import takes a second.
    from sklearn.model_selection import StratifiedGroupKFold

    parts = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    return list(parts.split(np.zeros(len(patients)), has_pneumonia, patients))


def _area_of(
    columns: np.ndarray, has_pneumonia: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]] | None
) -> Estimate:
    if folds is None:
        return Estimate(math.nan, math.nan, math.nan, len(has_pneumonia))
    if not np.ptp(columns, axis=0).any():
        # The same for all: there is nothing to fit.
        return area_under_roc(has_pneumonia, np.zeros(len(has_pneumonia)))
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    scores = cross_val_predict(model, columns, has_pneumonia, cv=folds, method="decision_function")
    return area_under_roc(has_pneumonia, scores)
