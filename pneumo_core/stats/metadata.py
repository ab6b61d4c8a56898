"""How much of the answer lies outside the picture: what the files' outward facts alone can tell."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from pneumo_core.stats.metrics import Estimate, area_under_roc

FOLDS = 5


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
    films: Sequence[OutwardFacts], has_pneumonia: np.ndarray, patients: np.ndarray
) -> list[tuple[str, Estimate]]:
    """Say how well the files' outward facts separate the classes, without the picture.

    Areas under the ROC curve of logistic regressions, each film scored by a fit on other patients' films
    (5 folds, grouped by patient). All that is clearly above 0.5 is a shortcut that lies ready in these files.

    Args:
        films: n of them.
        has_pneumonia: bool `(n,)`, the reference standard.
        patients: int `(n,)`, equal for films of one patient.

    Returns:
        label and area: of each fact alone, then of all together; `nan` with fewer than 10 patients of a class.
    """
    facts = {
        "file size": [math.log(max(film.file_bytes, 1)) for film in films],
        "aspect ratio": [math.log(film.width / film.height) for film in films],
        "pixels": [math.log(film.height * film.width) for film in films],
        "colour mode": [float(film.samples_per_pixel > 1) for film in films],
        "mean brightness": [film.brightness for film in films],
    }
    columns = np.array(list(facts.values()), np.float64).T
    folds = _folds(has_pneumonia, patients)
    areas = [(name, _area_of(columns[:, [place]], has_pneumonia, folds)) for place, name in enumerate(facts)]
    return [*areas, ("all of these together", _area_of(columns, has_pneumonia, folds))]


def _folds(has_pneumonia: np.ndarray, patients: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """Part the films into folds, whole patients together; None with too few patients of a class."""
    from sklearn.model_selection import StratifiedGroupKFold

    of_class = [len(np.unique(patients[has_pneumonia == label])) for label in (False, True)]
    if min(of_class) < 2 * FOLDS:
        return None
    parts = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    return list(parts.split(np.zeros(len(patients)), has_pneumonia, patients))


def _area_of(
    columns: np.ndarray, has_pneumonia: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]] | None
) -> Estimate:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if folds is None:
        return Estimate(math.nan, math.nan, math.nan, len(has_pneumonia))
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    scores = cross_val_predict(model, columns, has_pneumonia, cv=folds, method="decision_function")
    return area_under_roc(has_pneumonia, scores)
