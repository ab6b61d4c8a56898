"""Grad-CAM step by step, at any layer, for teaching: the way from a film to its heat map."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.keras_network import layers_to_walk, library_map, maps_of_whole_films
from pneumo_core.network import Explanation


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The values that Grad-CAM computes at one layer, for one film (Selvaraju et al. 2017).

    Attributes:
        layer: the layer's name.
        feature_maps: float32 `(rows, columns, channels)`: the layer's output for the film.
        gradients: float32, of the same shape: how much the logit rises with each value of the maps.
        logit: the network's output.
        views: a sentence on what the maps see, where a part of the network sees the lungs alone; else "".
    """

    layer: str
    feature_maps: np.ndarray
    gradients: np.ndarray
    logit: float
    views: str = ""

    @property
    def weights(self) -> np.ndarray:
        """Give each map's weight, the mean of its gradients: float32 `(channels,)`, of either sign."""
        return self.gradients.mean(axis=(0, 1))

    @property
    def weighted_sum(self) -> np.ndarray:
        """Give the sum of all maps times their weights: float32 `(rows, columns)`, of either sign."""
        return self.feature_maps @ self.weights

    @property
    def evidence(self) -> Explanation:
        """Keep the evidence for pneumonia (ReLU): the heat map, as tf-keras-vis computes it."""
        return Explanation.of(np.maximum(self.weighted_sum, 0.0), self.layer)

    @property
    def counter_evidence(self) -> Explanation:
        """Keep the evidence against it: the heat map of the negated logit, on a scale of its own."""
        return Explanation.of(np.maximum(-self.weighted_sum, 0.0), self.layer)

    @property
    def limit(self) -> float:
        """Give the largest value of the weighted sum, whatever its sign."""
        return float(np.abs(self.weighted_sum).max())

    def map_alone(self, channel: int) -> Explanation:
        """Give one feature map, on a scale of its own; values below 0 are left out."""
        return Explanation.of(np.maximum(self.feature_maps[:, :, channel], 0.0), self.layer)

    def strongest(self, count: int = 16) -> list[int]:
        """Give the channels with the largest weights, whatever their sign, the largest first."""
        return np.argsort(-np.abs(self.weights), kind="stable")[:count].tolist()


class Tracer:
    """A network compiled so that one pass gives maps and gradients at all layers of `layers`.

    Attributes:
        layers: names, from the film to the layer that the heat map explains.
    """

    def __init__(self, network: keras.Model, explained_layer: str) -> None:
        self.layers = layers_to_walk(network, explained_layer)
        self._network = network
        self._views = _views(network, explained_layer, self.layers)
        outputs = [network.get_layer(name).output for name in self.layers]
        walked = keras.Model(network.input, [*outputs, network.output])

        def maps_and_gradients(film: tf.Tensor) -> tuple[list[tf.Tensor], list[tf.Tensor], tf.Tensor]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(film)
                *maps, logit = walked(film, training=False)
            return maps, tape.gradient(logit, maps), logit

        shape = (1, *network.input_shape[1:])
        self._compute = tf.function(maps_and_gradients, input_signature=[tf.TensorSpec(shape, tf.float32)])

    def trace(self, film: np.ndarray) -> dict[str, Trace]:
        """Trace one film at every layer; the first call takes seconds to compile the network.

        Args:
            film: float32 `(height, width, 1)` as `preprocessing.prepare` gives it.
        """
        maps, gradients, logit = self._compute(tf.constant(film[np.newaxis]))
        return {
            name: Trace(name, values[0].numpy(), slopes[0].numpy(), float(logit[0, 0]), self._views.get(name, ""))
            for name, values, slopes in zip(self.layers, maps, gradients, strict=True)
        }

    def difference_from_library(self, film: np.ndarray, trace: Trace) -> float:
        """Compare a trace's heat map with that of tf-keras-vis on the whole network.

        Returns:
            the largest difference of any cell, as a share of the map's largest value; 0 where both maps are blank.
        """
        reference = library_map(self._network, film[np.newaxis], trace.layer)
        own = np.maximum(trace.weighted_sum, 0.0)
        largest = float(reference.max())
        return float(np.abs(own - reference).max()) / largest if largest > 0 else float(own.max())


def _views(network: keras.Model, explained_layer: str, walked: tuple[str, ...]) -> dict[str, str]:
    """Say of each layer that is walked what its maps see, where a part of the network sees the lungs alone."""
    all_maps = network.get_layer(explained_layer).output.shape[-1]
    whole = sum(maps.shape[-1] for maps in maps_of_whole_films(network, explained_layer))
    if whole == all_maps:
        return {}
    before = "These maps see the whole X-ray. The part of the network that sees the lungs alone is not shown."
    last = f"{whole:,} of its maps see the whole X-ray, the other {all_maps - whole:,} the lungs alone."
    return dict.fromkeys(walked, before) | {explained_layer: last}
