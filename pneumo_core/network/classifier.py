"""The network and its card, as one thing that scores X-rays and explains its scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.errors import ModelError
from pneumo_core.gate import InputGate, Verdict, read_gate
from pneumo_core.keras_network import (
    DAMAGE,
    Explanation,
    check_network_file,
    device_in_words,
    explain,
    gate_features,
    load_network,
)
from pneumo_core.models import NETWORK_FILE, KnownFilms, ModelCard, active_model_folder, read_card, read_known_films
from pneumo_core.network.engine import ENGINES, TENSORFLOW, engine_in_use
from pneumo_core.stats import probabilities


class Classifier:
    """A loaded model. It is never changed after loading, so that all sessions may share it.

    Attributes:
        known: the films that it was trained on or validated with; None where there is no list of them.
        gate: what judges whether a picture is a chest X-ray to be read; None where the model has none.
        engine, device: what runs it, one of `ENGINES`; and on what, in words.
    """

    def __init__(
        self,
        network: keras.Model,
        card: ModelCard,
        known: KnownFilms | None = None,
        gate: InputGate | None = None,
        engine: str = TENSORFLOW,
    ) -> None:
        """Put together what belongs together.

        Args:
            engine: which of `ENGINES` runs the network; all but TensorFlow keep the weights that it has now.

        Raises:
            PneumoError: the engine is not installed.
            ModelError: it cannot run this network, or the gate is of another one.
        """
        explained = network.get_layer(card.explained_layer).output
        self.card = card
        self.known = known
        self.gate = gate
        self.network = network
        self._head = keras.Model(explained, network.output)
        outputs = [network.output, explained]
        if gate is not None:
            features = gate_features(network, card.explained_layer)
            if features.shape[1:] != gate.centre.shape:
                raise ModelError(
                    f"The input gate of {card.name} judges {len(gate.centre)} features, its network gives "
                    f"{features.shape[1]}. Please copy the whole model folder again, or fit the gate again."
                )
            outputs.append(features)
        made = ENGINES[engine](keras.Model(network.input, outputs))
        self.engine = engine
        self.device, self._forward = made.device, made.forward

    def logits(self, films: np.ndarray) -> np.ndarray:
        """Give the network's logits, float32 `(n,)`.

        Args:
            films: float32 `(n, height, width, 1)` as `preprocessing.prepare` gives them.
        """
        return np.asarray(self._forward(films)[0])[:, 0]

    def logits_and_verdicts(self, films: np.ndarray) -> tuple[np.ndarray, list[Verdict | None]]:
        """Give logits, float32 `(n,)`, and what the gate says of each film; None without a gate."""
        logits, _, *features = self._forward(films)
        return np.asarray(logits)[:, 0], self._judge(features) or [None] * len(films)

    def score(self, films: np.ndarray) -> np.ndarray:
        """Give calibrated probabilities, float64 `(n,)` in [0, 1], of films as `logits` takes them."""
        return probabilities(self.logits(films), self.card.calibration)

    def score_and_judge(self, films: np.ndarray) -> tuple[np.ndarray, list[Verdict | None]]:
        """Give calibrated probabilities as `score` does, and what the gate says of each film; None without a gate."""
        logits, verdicts = self.logits_and_verdicts(films)
        return probabilities(logits, self.card.calibration), verdicts

    def score_and_explain(self, film: np.ndarray) -> tuple[float, float, Explanation]:
        """Give logit, calibrated probability and Grad-CAM map of one film, whatever the gate says of it.

        Args:
            film: float32 `(height, width, 1)` as `preprocessing.prepare` gives it.
        """
        logit, probability, explanation, _ = self.look(film)
        return logit, probability, explanation

    def look(self, film: np.ndarray) -> tuple[float, float, Explanation, Verdict | None]:
        """Give logit, calibrated probability, Grad-CAM map and what the gate says, from one pass through the body."""
        logits, feature_maps, *features = self._forward(film[np.newaxis])
        logit = float(logits[0, 0])
        probability = float(probabilities(np.array(logit), self.card.calibration))
        explanation = explain(self._head, feature_maps, self.card.explained_layer)
        return logit, probability, explanation, next(iter(self._judge(features)), None)

    def _judge(self, features: Sequence[Any]) -> list[Verdict | None]:
        return [] if self.gate is None else list(self.gate.judge(np.asarray(features[0])))


def load_classifier(models: Path) -> Classifier:
    """Load the model in use, after all checks of its files, and run it once: the first film waits for no compilation.

    The engine that `PNEUMO_ENGINE` names runs it.

    Args:
        models: a model's folder, or the folder of models with `active.txt`.

    Raises:
        PneumoError: `PNEUMO_ENGINE` names no engine, or one that is not installed.
        ModelError: network, card, list of known films or input gate are missing, damaged, hostile, or do not belong
            together.
    """
    engine = engine_in_use()
    folder = active_model_folder(models)
    card = read_card(folder)
    # Whoever laid it there: a file from elsewhere is no safer by that.
    check_network_file(folder / NETWORK_FILE, card.preprocessing, card.explained_layer)
    network = load_network(folder / NETWORK_FILE)
    known, gate = read_known_films(folder), read_gate(folder, card.weights_sha256)
    black = np.zeros((card.preprocessing.height, card.preprocessing.width, 1), np.float32)
    try:
        classifier = Classifier(network, card, known, gate, engine)
        if not np.isfinite(classifier.score_and_explain(black)[0]):
            raise ValueError("a logit that is no number")
    except tf.errors.OpError as error:
        raise ModelError(
            f"The network of {card.name} could not be run on {device_in_words()}: TensorFlow reports "
            f"{type(error).__name__}. Please free the GPU's memory and start again, or set CUDA_VISIBLE_DEVICES=-1 to "
            "use the CPU."
        ) from error
    except DAMAGE as error:
        raise ModelError(
            f"{NETWORK_FILE} passes the checks of its parts, and cannot be run all the same. Please use a network that "
            "this project trained."
        ) from error
    return classifier
