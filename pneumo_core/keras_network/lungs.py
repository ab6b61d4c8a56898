"""The segmenter of a model, checked as its network is, and loaded."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from pneumo_core.errors import ModelError
from pneumo_core.film import Preprocessing
from pneumo_core.keras_network.engines import ENGINES
from pneumo_core.keras_network.file_check import DAMAGE, check_lungs_file
from pneumo_core.keras_network.layers import load_network
from pneumo_core.network import KERAS, Segmenter


class KerasSegmenter(Segmenter):
    """A segmenter that also gives access to its network.

    Attributes:
        network: the Keras graph, float32 `(n, height, width, 1)` -> logit `(n, height / 2, width / 2, 1)`.
    """

    def __init__(self, network: keras.Model, preprocessing: Preprocessing, engine: str = KERAS) -> None:
        """Let one of `ENGINES` run a network.

        Raises:
            PneumoError: the engine is not installed.
            ModelError: it cannot run this network.
        """
        self.network = network
        super().__init__(ENGINES[engine](network), preprocessing)


def load_segmenter(path: Path, preprocessing: Preprocessing, engine: str = KERAS) -> KerasSegmenter:
    """Load a segmenter after all checks of its file, and run it once so that no film waits for compilation.

    Args:
        preprocessing: of the classifier beside it, since both take the same films.

    Raises:
        PneumoError: the engine is not installed.
        ModelError: the file is missing, damaged, hostile or no segmenter for such films.
    """
    if not path.is_file():
        raise ModelError(
            f"There is no {path.name} beside the network, although its card names one. Please copy the whole model "
            "folder again.",
            code="lungs",
        )
    check_lungs_file(path, preprocessing)
    height, width = preprocessing.height, preprocessing.width
    network = load_network(path, (None, height // 2, width // 2, 1))
    try:
        segmenter = KerasSegmenter(network, preprocessing, engine)
        if not np.isfinite(segmenter.probabilities(np.zeros((1, height, width, 1), np.float32))).all():
            raise ValueError("a logit that is no number")
    except DAMAGE as error:
        raise ModelError(
            f"{path.name} passes the checks of its parts, but cannot be run. Please use a segmenter that this project "
            "trained.",
            code="network_not_run",
        ) from error
    return segmenter
