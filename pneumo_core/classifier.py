"""The network and its card, as one thing that scores X-rays and explains its scores."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.calibration import probabilities
from pneumo_core.errors import ModelError
from pneumo_core.gradcam import Explanation, explain
from pneumo_core.known_films import KnownFilms, read_known_films
from pneumo_core.model_card import NETWORK_FILE, ModelCard, active_model_folder, read_card
from pneumo_core.network import device_in_words, load_network


class Classifier:
    """A loaded model. It is never changed after loading, so that all sessions may share it.

    Attributes:
        known: the films that it was trained on or validated with; None where there is no list of them.
    """

    def __init__(self, network: keras.Model, card: ModelCard, known: KnownFilms | None = None) -> None:
        explained = network.get_layer(card.explained_layer).output
        self.card = card
        self.known = known
        self.network = network
        self.device = device_in_words()
        self._head = keras.Model(explained, network.output)
        self._body_and_head = keras.Model(network.input, [network.output, explained])
        # One trace for every batch size: a new trace would cost seconds in the middle of a reading.
        shape = (None, card.preprocessing.height, card.preprocessing.width, 1)
        self._forward = tf.function(
            lambda films: self._body_and_head(films, training=False),
            input_signature=[tf.TensorSpec(shape, tf.float32)],
        )

    def logits(self, films: np.ndarray) -> np.ndarray:
        """Give the network's logits, float32 `(n,)`.

        Args:
            films: float32 `(n, height, width, 1)` as `preprocessing.prepare` gives them.
        """
        return np.asarray(self._forward(tf.constant(films))[0])[:, 0]

    def score(self, films: np.ndarray) -> np.ndarray:
        """Give calibrated probabilities, float64 `(n,)` in [0, 1], of films as `logits` takes them."""
        return probabilities(self.logits(films), self.card.calibration)

    def score_and_explain(self, film: np.ndarray) -> tuple[float, float, Explanation]:
        """Give logit, calibrated probability and Grad-CAM map of one film, from one pass through the body.

        Args:
            film: float32 `(height, width, 1)` as `preprocessing.prepare` gives it.
        """
        logits, feature_maps = self._forward(tf.constant(film[np.newaxis]))
        logit = float(logits[0, 0])
        probability = float(probabilities(np.array(logit), self.card.calibration))
        return logit, probability, explain(self._head, feature_maps, self.card.explained_layer)


def load_classifier(models: Path) -> Classifier:
    """Load the model in use and run it once, so that the first film does not wait for compilation.

    Args:
        models: a model's folder, or the folder of models with `active.txt`.

    Raises:
        ModelError: network, card or list of known films are missing, damaged, or do not belong together.
    """
    folder = active_model_folder(models)
    card = read_card(folder)
    network = load_network(folder / NETWORK_FILE)
    size = (card.preprocessing.height, card.preprocessing.width, 1)
    if network.input_shape[1:] != size:
        raise ModelError(
            f"The network of {card.name} takes films of {network.input_shape[1:]}, its card says {size}. "
            "Please copy the whole model folder again."
        )
    if card.explained_layer not in {layer.name for layer in network.layers}:
        raise ModelError(
            f"The network of {card.name} has no layer '{card.explained_layer}', which its card explains. "
            "Please copy the whole model folder again."
        )
    try:
        classifier = Classifier(network, card, read_known_films(folder))
        classifier.score_and_explain(np.zeros(size, np.float32))
    except tf.errors.OpError as error:
        raise ModelError(
            f"The network of {card.name} could not be run on {device_in_words()}: TensorFlow reports "
            f"{type(error).__name__}. Please free the GPU's memory and start again, or set CUDA_VISIBLE_DEVICES=-1 to "
            "use the CPU."
        ) from error
    return classifier
