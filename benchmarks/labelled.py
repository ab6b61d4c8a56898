"""Folders of images with a `labels.csv`, as the development data of adults have, and what is done to their images."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LABELS_FILE = "labels.csv"
GROUPS = {
    "opacity": "finding",
    "pneumonia": "finding",
    "abnormal_no_opacity": "other",
    "normal": "normal",
    "no_finding": "normal",
}
MOST_AGE = 100
# Blanked images are black outside the lungs, and 40 to 255 inside. JPEG blurs the edge.
BLANK_UP_TO = 20
# Tissue around the lungs is bright. Black would look like air.
OUTSIDE = 232.0
# The share of patients that is set aside, and the draw of them.
VALIDATION_SHARE, SEED = 0.13, 7


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """A row of `labels.csv`.

    Attributes:
        group: "finding", "other" or "normal".
        view: "AP", "PA", or "" where the table does not say.
        source, patient: "" where the table does not say.
        age: in years; None where it is not known, or above 100.
    """

    path: Path
    group: str
    view: str
    source: str
    patient: str
    age: float | None


def read_labels(folder: Path) -> list[LabelledImage]:
    """Read the table of a folder, in its order.

    Raises:
        KeyError: the table has no column `label` or `path`, or a label that is not one of `GROUPS`.
    """
    with (folder / LABELS_FILE).open(encoding="utf-8", newline="") as file:
        return [
            LabelledImage(
                folder / row["path"],
                GROUPS[row["label"]],
                row.get("view") or "",
                row.get("source") or "",
                row.get("patient") or "",
                _age(row.get("age") or ""),
            )
            for row in csv.DictReader(file)
        ]


def adult_validation_patients(patients: Iterable[str]) -> set[str]:
    """Draw the patients that no network of ours learns from, out of those that have no image with a weak label.

    Patients with such an image are set aside besides, whole.
    """
    ordered = np.array(sorted(map(int, patients)))
    drawn = np.random.default_rng(SEED).permutation(ordered)[: int(VALIDATION_SHARE * len(ordered))]
    return {str(patient) for patient in drawn}


def filled_outside(film: np.ndarray) -> tuple[np.ndarray, float]:
    """Give an image that shows the lungs alone with a bright outside, and the share of it that the lungs take.

    Args:
        film: float32 `(height, width, 1)` in [0, 255], blank outside the lungs.
    """
    lungs = film > BLANK_UP_TO
    return np.where(lungs, film, np.float32(OUTSIDE)), float(lungs.mean())


def _age(text: str) -> float | None:
    try:
        age = float(text)
    except ValueError:
        return None
    return age if age <= MOST_AGE else None
