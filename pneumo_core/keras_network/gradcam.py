"""Where the network looked: Grad-CAM (Selvaraju et al. 2017). The one home of tf-keras-vis.

The network's head is linear in the pooled feature maps, so the gradient at the explained layer needs
the head only: the feature maps that the forward pass gave anyway go in, and the map equals that of
tf-keras-vis on the full network (a test proves it).
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from tf_keras_vis.gradcam import Gradcam

from pneumo_core.film import resize

# Below this largest value of the unscaled map there is nothing in favour, only rounding.
BLANK_PEAK = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Where the network found evidence in favour of pneumonia, within one film.

    Attributes:
        coarse: float32 `(rows, columns)` of the explained layer, in [0, 1], scaled by this film's own
            largest value: two maps cannot be compared by brightness. All 0 where `is_blank`.
        peak: that largest value before scaling, in logit units of the layer; 0 or more.
        layer: the explained layer's name.
    """

    coarse: np.ndarray
    peak: float
    layer: str

    @classmethod
    def of(cls, unscaled: np.ndarray, layer: str) -> Explanation:
        """Scale a map, float32 `(rows, columns)` with values of 0 or more, by its own largest value."""
        peak = float(unscaled.max())
        coarse = unscaled / np.float32(peak) if peak >= BLANK_PEAK else np.zeros_like(unscaled)
        coarse.setflags(write=False)
        return cls(coarse, peak, layer)

    @property
    def is_blank(self) -> bool:
        """True where no evidence in favour was found."""
        return self.peak < BLANK_PEAK

    @property
    def unscaled(self) -> np.ndarray:
        """Give the map before scaling: float32 `(rows, columns)`, 0 or more."""
        return self.coarse * np.float32(self.peak)

    def heatmap(self, height: int, width: int) -> np.ndarray:
        """Give the map in a radiograph's size: float32 `(height, width)` in [0, 1], centres aligned."""
        return np.clip(resize(self.coarse, height, width, "cubic"), 0.0, 1.0)


def explain(head: keras.Model, feature_maps: np.ndarray, layer: str) -> Explanation:
    """Show where the network found evidence for pneumonia.

    Only evidence in favour is kept (ReLU), of the real logit. A bright area is not a lesion outline.

    Args:
        head: from the explained layer's feature maps to the logit.
        feature_maps: float32 `(1, rows, columns, channels)`, as the body gave them for one film.
        layer: the explained layer's name, for the record.
    """
    return Explanation.of(library_map(head, feature_maps, 0), layer)


def library_map(network: keras.Model, inputs: np.ndarray, layer: str | int) -> np.ndarray:
    """Give the unscaled Grad-CAM map of tf-keras-vis.

    Args:
        network: ends in the logit.
        inputs: float32, what the network takes, of one film.
        layer: name or index of the layer whose feature maps are explained.

    Returns:
        float32 `(rows, columns)` of that layer, 0 or more.
    """
    maps = Gradcam(network, clone=False)(
        lambda logit: logit[:, 0],
        inputs,
        penultimate_layer=layer,
        # Else tf-keras-vis silently replaces the layer by an earlier convolution.
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    return np.asarray(maps[0], np.float32)
