"""Keras on TensorFlow, and OpenVINO where `PNEUMO_ENGINE` asks for it. The one home of OpenVINO.

OpenVINO is faster on a CPU (`benchmarks/engines.py` measures by how much) and uses the same weights in float32. It
gives the feature maps too, so that heat maps come from the pass that gave the score. TensorFlow does all else, such as
training and the gradients of the network's head.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.errors import ModelError, PneumoError
from pneumo_core.keras_network.layers import device_in_words
from pneumo_core.network import ENGINE_VARIABLE, KERAS, OPENVINO, Engine


def keras_engine(network: keras.Model) -> Engine:
    """Let Keras run a network on TensorFlow, on the GPU if there is one; it sees weights that are set later.

    Args:
        network: float32 `(n, height, width, 1)` -> its outputs.
    """
    # One trace for every batch size: a new trace would cost seconds in the middle of a reading.
    # A single output comes bare.
    forward = tf.function(
        lambda films: keras.tree.flatten(network(films, training=False)), input_signature=[_films(network)]
    )
    return Engine(KERAS, lambda films: forward(tf.constant(films)), f"{device_in_words()}, TensorFlow")


def openvino_engine(network: keras.Model, precision: str = "f32") -> Engine:
    """Let OpenVINO run a network on the processor, with the weights that it has now. Nothing is written to disk.

    Args:
        network: float32 `(n, height, width, 1)` -> its outputs.
        precision: OpenVINO's name of the number type that it computes in; "bf16" moves probabilities by hundredths.

    Raises:
        PneumoError: OpenVINO is not installed.
        ModelError: it cannot run this network.
    """
    # OpenVINO would report every import and conversion to its makers through Google Analytics, and write an identifier
    # into the home folder. Nothing of this project calls home.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
        from openvino.frontend import OpConversionFailure
    except ImportError as error:
        raise PneumoError(
            f"OpenVINO is not installed here, and {ENGINE_VARIABLE} asks for it. Please run "
            f"pip install '.[openvino]' in Pneumo's folder, or leave {ENGINE_VARIABLE} out.",
            code="engine",
        ) from error
    try:
        converted = openvino.convert_model(_with_constants(network).get_concrete_function())
        # OpenVINO also counts unused tensors as outputs, and would keep them through the whole pass.
        outputs = [converted.output(str(place)) for place in range(len(network.outputs))]
        compiled = openvino.compile_model(
            openvino.Model(outputs, converted.get_parameters()),
            "CPU",
            {
                # By default some processors get another precision, and threads are pinned to cores that may be busy.
                "INFERENCE_PRECISION_HINT": precision,
                "ENABLE_CPU_PINNING": False,
                # A cluster's workers share a machine, so they limit their threads. 0 stands for all cores.
                "INFERENCE_NUM_THREADS": int(os.environ.get("TF_NUM_INTRAOP_THREADS", 0)),
            },
        )
    except (OpConversionFailure, RuntimeError) as error:
        raise ModelError(
            f"OpenVINO cannot run this network ({type(error).__name__}). It must support all of the network's layers. "
            f"Please leave {ENGINE_VARIABLE} out: TensorFlow runs every model of this project.",
            code="engine",
        ) from error

    def forward(films: np.ndarray) -> Sequence[Any]:
        # Each call makes its own request, because two threads cannot share one.
        found = compiled.create_infer_request().infer([films])
        return [found[place] for place in range(len(outputs))]

    return Engine(OPENVINO, forward, f"CPU ({os.cpu_count()} cores), OpenVINO {openvino.__version__.partition('-')[0]}")


def _films(network: keras.Model) -> tf.TensorSpec:
    return tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)


def _with_constants(network: keras.Model) -> tf.types.experimental.PolymorphicFunction:
    """Give a network as a function whose weights are part of its graph, its outputs named by their place.

    With variables the conversion would look up each one in a list of all, and take 5 s instead of 1.
    """
    trained = [variable.numpy() for variable in network.trainable_variables]
    others = [variable.numpy() for variable in network.non_trainable_variables]

    def forward(films: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs, _ = network.stateless_call(trained, others, films, training=False)
        return {str(place): output for place, output in enumerate(keras.tree.flatten(outputs))}

    return tf.function(forward, input_signature=[_films(network)])


ENGINES: dict[str, Callable[[keras.Model], Engine]] = {KERAS: keras_engine, OPENVINO: openvino_engine}
