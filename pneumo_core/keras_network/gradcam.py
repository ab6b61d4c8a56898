"""Where the network looked: Grad-CAM (Selvaraju et al. 2017). The one home of tf-keras-vis.

The gradient at the explained layer needs the head only, which takes the feature maps of the forward pass. It is that of
the real logit: with three classes, of the log odds of the finding against the other two. The map equals that of
tf-keras-vis on the full network, as tests show. Where networks were joined, the maps of all lie in one layer, in the
film's geometry, and give one heat map.
"""

import keras
import numpy as np
from tf_keras_vis.gradcam import Gradcam

from pneumo_core.network import Explanation


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
        inputs: float32, the network's input for one film.
        layer: name or index of the layer whose feature maps are explained.

    Returns:
        float32 `(rows, columns)` of that layer, 0 or more.
    """
    maps = Gradcam(network, clone=False)(
        lambda logit: logit[:, 0],
        inputs,
        penultimate_layer=layer,
        # Otherwise tf-keras-vis silently replaces the layer by an earlier convolution.
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    return np.asarray(maps[0], np.float32)
