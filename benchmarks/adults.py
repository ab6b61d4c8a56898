"""The adults' development data: which patients are set aside, and what is done to images that show the lungs alone."""

from collections.abc import Iterable

import numpy as np

# Blanked images are black outside the lungs, and 40 to 255 inside. JPEG blurs the edge.
BLANK_UP_TO = 20
# Tissue around the lungs is bright. Black would look like air.
OUTSIDE = 232.0
# The share of patients that is set aside, and the draw of them.
VALIDATION_SHARE, SEED = 0.13, 7


def validation_patients(patients: Iterable[str]) -> set[str]:
    """Draw the patients that no network of ours learns from, out of those that have no image with a weak label.

    Patients with such an image are set aside besides, whole.

    Args:
        patients: whole numbers, as the NIH numbers them.
    """
    ordered = np.array(sorted({int(patient) for patient in patients}))
    drawn = np.random.default_rng(SEED).permutation(ordered)[: int(VALIDATION_SHARE * len(ordered))]
    return {str(patient) for patient in drawn}


def filled_outside(film: np.ndarray) -> tuple[np.ndarray, float]:
    """Give an image that shows the lungs alone with a bright outside, and the share of it that the lungs take.

    Args:
        film: float32 `(height, width, 1)` in [0, 255], blank outside the lungs.
    """
    lungs = film > BLANK_UP_TO
    return np.where(lungs, film, np.float32(OUTSIDE)), float(lungs.mean())
