"""The engine that runs a network, chosen by `PNEUMO_ENGINE`. Keras and OpenVINO are behind `keras_network`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pneumo_core.errors import PneumoError

ENGINE_VARIABLE = "PNEUMO_ENGINE"
KERAS, OPENVINO = "keras", "openvino"
# The keys are the accepted values. "tensorflow" is an older name of the Keras engine, which runs on TensorFlow.
ENGINE_NAMES = {"auto": KERAS, KERAS: KERAS, "tensorflow": KERAS, OPENVINO: OPENVINO}


@dataclass(frozen=True, slots=True)
class Engine:
    """A network made ready to run, for any number of threads at once.

    Attributes:
        name: `KERAS` or `OPENVINO`.
        forward: turns films, float32 `(n, height, width, 1)`, into the network's outputs, float32, in their order.
        device: the device and the library, in words.
    """

    name: str
    forward: Callable[[np.ndarray], Sequence[Any]]
    device: str


def engine_in_use() -> str:
    """Give the engine that `PNEUMO_ENGINE` names, `KERAS` or `OPENVINO`; where it names none, `KERAS`.

    Raises:
        PneumoError: it names no engine.
    """
    name = os.environ.get(ENGINE_VARIABLE) or "auto"
    if name not in ENGINE_NAMES:
        raise PneumoError(
            f"{ENGINE_VARIABLE} is '{name[:40]}'. It must be one of {', '.join(ENGINE_NAMES)}. Please correct it, or "
            "leave it out.",
            code="engine",
        )
    return ENGINE_NAMES[name]
