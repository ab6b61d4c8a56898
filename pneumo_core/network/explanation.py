"""A map of the evidence for pneumonia and its scale, independent of the method that computed it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pneumo_core.film import Window, resize

# If the unscaled map's largest value is below this, it holds rounding errors only.
BLANK_PEAK = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """The map of the evidence for pneumonia, within one film.

    Attributes:
        coarse: float32 `(rows, columns)` of the explained layer, in [0, 1], scaled by this film's own largest value. So
            two maps cannot be compared by brightness. All 0 where `is_blank`.
        peak: that largest value before scaling, in logit units of the layer; 0 or more.
        layer: the explained layer's name.
        window: the part of the image that the network was shown; None for the whole.
    """

    coarse: np.ndarray
    peak: float
    layer: str
    window: Window | None = None

    @classmethod
    def of(cls, unscaled: np.ndarray, layer: str, window: Window | None = None) -> Explanation:
        """Scale a map, float32 `(rows, columns)` with values of 0 or more, by its own largest value."""
        peak = float(unscaled.max())
        coarse = unscaled / np.float32(peak) if peak >= BLANK_PEAK else np.zeros_like(unscaled)
        coarse.setflags(write=False)
        return cls(coarse, peak, layer, window)

    @property
    def is_blank(self) -> bool:
        """True where no evidence in favour was found."""
        return self.peak < BLANK_PEAK

    @property
    def unscaled(self) -> np.ndarray:
        """Give the map before scaling: float32 `(rows, columns)`, 0 or more."""
        return self.coarse * np.float32(self.peak)

    def heatmap(self, height: int, width: int) -> np.ndarray:
        """Give the map in a radiograph's size: float32 `(height, width)` in [0, 1], centres aligned.

        It is 0 outside the part that the network was shown.
        """
        if self.window is None:
            return np.clip(resize(self.coarse, height, width, "cubic"), 0.0, 1.0)
        rows, columns = self.window.slices(height, width)
        whole = np.zeros((height, width), np.float32)
        inside = resize(self.coarse, rows.stop - rows.start, columns.stop - columns.start, "cubic")
        whole[rows, columns] = np.clip(inside, 0.0, 1.0)
        return whole
