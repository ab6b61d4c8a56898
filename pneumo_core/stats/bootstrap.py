"""Resampling patients: how far a figure would move had other patients come. Numpy only."""

import math
from collections.abc import Iterator

import numpy as np


class Bootstrap:
    """Resamples of one set of films, for figures without a closed interval (Efron & Tibshirani 1993).

    Whole patients are drawn with replacement, because films of one patient are alike. The seed is fixed:
    the same films always give the same intervals.

    Args:
        patients: str `(n,)`, whose film each is; nothing is kept of the names.
        resamples: how many sets are drawn, each of as many patients as there are.
    """

    def __init__(self, patients: np.ndarray, resamples: int = 1000, seed: int = 20_240_229) -> None:
        names, self._patient_of = np.unique(patients, return_inverse=True)
        self.patients = len(names)
        self.films = len(patients)
        self.resamples = resamples
        self._seed = seed

    @classmethod
    def of_films(cls, films: int) -> "Bootstrap":
        """Resample single films, as if each were of another patient."""
        return cls(np.arange(films))

    def patients_among(self, is_chosen: np.ndarray) -> int:
        """Count the patients with at least one chosen film; bool `(n,)`."""
        return int(np.count_nonzero(np.bincount(self._patient_of[is_chosen], minlength=1)))

    def counts(self, has_pneumonia: np.ndarray, is_flagged: np.ndarray) -> np.ndarray:
        """Give int `(resamples, 4)`: true and false positives, true and false negatives of each resample.

        Patients with equal counts are interchangeable, so it is drawn how many of each kind there are, and not
        who they are: the same distribution as drawing patient by patient, and no matrix of patients.
        """
        if self.films == 0:
            return np.zeros((self.resamples, 4), int)
        cell = np.where(is_flagged, np.where(has_pneumonia, 0, 1), np.where(has_pneumonia, 3, 2))
        of_patient = np.bincount(4 * self._patient_of + cell, minlength=4 * self.patients).reshape(-1, 4)
        # One number a kind: sorting rows would take ten times as long.
        most = of_patient.max(axis=0) + 1
        numbers, patients_of_kind = np.unique(np.ravel_multi_index(tuple(of_patient.T), most), return_counts=True)
        kinds = np.column_stack(np.unravel_index(numbers, most))
        random = np.random.default_rng(self._seed)
        drawn = random.multinomial(self.patients, patients_of_kind / self.patients, size=self.resamples)
        return drawn @ kinds

    def weights(self) -> Iterator[np.ndarray]:
        """Give how often each film is in each resample: float64 `(some, n)`, all `resamples` rows in pieces."""
        random = np.random.default_rng(self._seed)
        # Pieces of 8 MB keep 10,000 films from filling the memory.
        piece = max(1, 1_000_000 // max(1, self.films))
        for start in range(0, self.resamples if self.films else 0, piece):
            rows = min(piece, self.resamples - start)
            drawn = random.integers(self.patients, size=(rows, self.patients))
            drawn += self.patients * np.arange(rows)[:, None]
            times = np.bincount(drawn.ravel(), minlength=rows * self.patients).reshape(rows, self.patients)
            yield times[:, self._patient_of].astype(float)


def percentile_interval(resampled: np.ndarray) -> tuple[float, float]:
    """Give the central 95 % of a figure's resamples, float `(resamples,)` with `nan` where it is not defined.

    There is no interval, `nan`, where more than 1 in 20 resamples leave the figure undefined (too few films of one
    kind). There is none where all resamples agree, either: an interval of no width would call a perfect figure of few
    films certain.
    """
    defined = resampled[~np.isnan(resampled)]
    if len(defined) == 0 or len(defined) < 0.95 * len(resampled):
        return math.nan, math.nan
    low, high = (float(edge) for edge in np.quantile(defined, [0.025, 0.975]))
    return (low, high) if high - low > 1e-12 else (math.nan, math.nan)
