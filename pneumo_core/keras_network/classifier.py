"""A classifier whose network is a Keras graph, loaded after all checks of its files and then run once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.errors import ModelError
from pneumo_core.files import models_folder
from pneumo_core.gate import InputGate, read_gate
from pneumo_core.keras_network.engines import ENGINES
from pneumo_core.keras_network.file_check import DAMAGE, check_network_file
from pneumo_core.keras_network.gradcam import explain
from pneumo_core.keras_network.heads import other_logit
from pneumo_core.keras_network.layers import device_in_words, gate_features, load_network
from pneumo_core.keras_network.lungs import load_segmenter
from pneumo_core.models import (
    LUNGS_FILE,
    NETWORK_FILE,
    KnownFilms,
    ModelCard,
    active_model_folder,
    read_card,
    read_known_films,
)
from pneumo_core.network import KERAS, Classifier, Explanation, Segmenter, engine_in_use


class KerasClassifier(Classifier):
    """A classifier that also gives access to its network, for training and for looking into it.

    Attributes:
        network: the Keras graph, float32 `(n, height, width, 1)` -> logit `(n, 1)`.
    """

    def __init__(
        self,
        network: keras.Model,
        card: ModelCard,
        known: KnownFilms | None = None,
        gate: InputGate | None = None,
        engine: str = KERAS,
        lungs: Segmenter | None = None,
    ) -> None:
        """Join a network, its card, its list of known films, its input gate and its segmenter.

        Args:
            engine: the one of `ENGINES` that runs the network; all but Keras keep the weights that it has now.

        Raises:
            PneumoError: the engine is not installed.
            ModelError: it cannot run this network, or the gate is of another one.
        """
        explained = network.get_layer(card.explained_layer).output
        outputs = [network.output, explained]
        if gate is not None:
            features = gate_features(network, card.explained_layer)
            if features.shape[1:] != gate.centre.shape:
                raise ModelError(
                    f"The input gate of {card.name} judges {len(gate.centre)} features. Its network gives "
                    f"{features.shape[1]}. Please copy the whole model folder again, or fit the gate again.",
                    code="input_gate_of_other_network",
                )
            outputs.append(features)
        others = other_logit(network)
        if others is not None:
            outputs.append(others)
        self.network = network
        head = keras.Model(explained, network.output)

        def explained_by_head(feature_maps: Any) -> Explanation:
            return explain(head, feature_maps, card.explained_layer)

        runs = ENGINES[engine](keras.Model(network.input, outputs))
        super().__init__(card, runs, explained_by_head, known, gate, lungs, knows_others=others is not None)


def load_classifier(models: Path | str | None = None) -> KerasClassifier:
    """Load the model in use after all checks of its files, and run it once so that no film waits for compilation.

    The engine that `PNEUMO_ENGINE` names runs it.

    Args:
        models: a model's folder, or the folder of models with `active.txt`; by default the installation's own.

    Raises:
        PneumoError: `PNEUMO_ENGINE` names no engine, or one that is not installed.
        ModelError: network, card, list of known films, input gate or segmenter are missing, damaged, hostile, or do
            not belong together.
    """
    engine = engine_in_use()
    folder = active_model_folder(models_folder() if models is None else Path(models))
    card = read_card(folder)
    # The check does not depend on who put the file there, because any file can come from elsewhere.
    check_network_file(folder / NETWORK_FILE, card.preprocessing, card.explained_layer)
    network = load_network(folder / NETWORK_FILE)
    known, gate = read_known_films(folder), read_gate(folder, card.weights_sha256)
    lungs = load_segmenter(folder / LUNGS_FILE, card.preprocessing, engine) if card.lungs_sha256 else None
    black = np.zeros((card.preprocessing.height, card.preprocessing.width, 1), np.float32)
    try:
        classifier = KerasClassifier(network, card, known, gate, engine, lungs)
        if not np.isfinite(classifier.score_and_explain(black)[0]):
            raise ValueError("a logit that is no number")
    except tf.errors.OpError as error:
        raise ModelError(
            f"The network of {card.name} could not be run on {device_in_words()}: TensorFlow reports "
            f"{type(error).__name__}. Please free the GPU's memory and start again, or set CUDA_VISIBLE_DEVICES=-1 to "
            "use the CPU.",
            code="network_not_run",
        ) from error
    except DAMAGE as error:
        raise ModelError(
            f"{NETWORK_FILE} passes the checks of its parts, but cannot be run. Please use a network that this project "
            "trained.",
            code="network_not_run",
        ) from error
    return classifier
