"""The network that outlines the lungs, as one thing with the way in which it takes an X-ray. An engine runs it."""

from __future__ import annotations

import numpy as np

from pneumo_core.film import Preprocessing, prepare
from pneumo_core.lungs import Outline
from pneumo_core.network.engine import Engine


class Segmenter:
    """A loaded segmenter. It is never changed after loading, so that all sessions may share it."""

    def __init__(self, engine: Engine, preprocessing: Preprocessing) -> None:
        """Join an engine and the way to prepare an X-ray.

        Args:
            engine: its output is the logit of lung, `(n, rows, columns, 1)`.
        """
        self.preprocessing = preprocessing
        self._forward = engine.forward

    def probabilities(self, films: np.ndarray) -> np.ndarray:
        """Give the probability of lung in each cell, float32 `(n, rows, columns)` in [0, 1].

        Args:
            films: float32 `(n, height, width, 1)` as `preprocessing.prepare` gives them.
        """
        logits = np.asarray(self._forward(films)[0])[..., 0]
        return np.asarray(0.5 + 0.5 * np.tanh(logits / 2), np.float32)

    def outline(self, pixels: np.ndarray) -> Outline:
        """Outline the lungs on an X-ray, float32 `(height, width)` in [0, 1]."""
        return self.outline_of(prepare(pixels, self.preprocessing), pixels.shape[0], pixels.shape[1])

    def outline_of(self, film: np.ndarray, height: int, width: int) -> Outline:
        """Outline the lungs on a film that is prepared already, float32 `(height, width, 1)`.

        Args:
            height, width: of the X-ray that it was made of, in pixels.
        """
        return Outline.of(self.probabilities(film[np.newaxis])[0], height, width, film[:, :, 0])
