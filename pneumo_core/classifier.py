"""The network and its card, as one thing that scores X-rays and explains its scores."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.calibration import probabilities
from pneumo_core.errors import ModelError
from pneumo_core.gradcam import Explanation, explain
from pneumo_core.input_gate import InputGate, Verdict, read_gate
from pneumo_core.known_films import KnownFilms, read_known_films
from pneumo_core.model_card import NETWORK_FILE, ModelCard, active_model_folder, read_card
from pneumo_core.network import device_in_words, gate_features, load_network


class Classifier:
    """A loaded model. It is never changed after loading, so that all sessions may share it.

    Attributes:
        known: the films that it was trained on or validated with; None where there is no list of them.
        gate: what judges whether a picture is a chest X-ray to be read; None where the model has none.
    """

    def __init__(
        self,
        network: keras.Model,
        card: ModelCard,
        known: KnownFilms | None = None,
        gate: InputGate | None = None,
    ) -> None:
        explained = network.get_layer(card.explained_layer).output
        self.card = card
        self.known = known
        self.gate = gate
        self.network = network
        self.device = device_in_words()
        self._head = keras.Model(explained, network.output)
        outputs = [network.output, explained]
        if gate is not None:
            outputs.append(gate_features(network, card.explained_layer))
        self._body_and_head = keras.Model(network.input, outputs)
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

    def logits_and_verdicts(self, films: np.ndarray) -> tuple[np.ndarray, list[Verdict | None]]:
        """Give logits, float32 `(n,)`, and what the gate says of each film; None without a gate."""
        logits, _, *features = self._forward(tf.constant(films))
        return np.asarray(logits)[:, 0], self._judge(features) or [None] * len(films)

    def score(self, films: np.ndarray) -> np.ndarray:
        """Give calibrated probabilities, float64 `(n,)` in [0, 1], of films as `logits` takes them."""
        return probabilities(self.logits(films), self.card.calibration)

    def score_and_explain(self, film: np.ndarray) -> tuple[float, float, Explanation]:
        """Give logit, calibrated probability and Grad-CAM map of one film, whatever the gate says of it.

        Args:
            film: float32 `(height, width, 1)` as `preprocessing.prepare` gives it.
        """
        logit, probability, explanation, _ = self.look(film)
        return logit, probability, explanation

    def look(self, film: np.ndarray) -> tuple[float, float, Explanation, Verdict | None]:
        """Give logit, calibrated probability, Grad-CAM map and what the gate says, from one pass through the body."""
        logits, feature_maps, *features = self._forward(tf.constant(film[np.newaxis]))
        logit = float(logits[0, 0])
        probability = float(probabilities(np.array(logit), self.card.calibration))
        explanation = explain(self._head, feature_maps, self.card.explained_layer)
        return logit, probability, explanation, next(iter(self._judge(features)), None)

    def _judge(self, features: list[tf.Tensor]) -> list[Verdict | None]:
        return [] if self.gate is None else list(self.gate.judge(features[0].numpy()))


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
        classifier = Classifier(network, card, read_known_films(folder), read_gate(folder, card.weights_sha256))
        classifier.score_and_explain(np.zeros(size, np.float32))
    except tf.errors.OpError as error:
        raise ModelError(
            f"The network of {card.name} could not be run on {device_in_words()}: TensorFlow reports "
            f"{type(error).__name__}. Please free the GPU's memory and start again, or set CUDA_VISIBLE_DEVICES=-1 to "
            "use the CPU."
        ) from error
    return classifier
