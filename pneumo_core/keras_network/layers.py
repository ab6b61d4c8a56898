"""The Keras graph: saved, loaded and taken apart, and the device it runs on.

Every network is one flat functional graph with a grey film in and one logit out. tf-keras-vis needs a flat graph, and
a sigmoid at the end would fade the heat map near probabilities of 0 and 1.
"""

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from pneumo_core.errors import ModelError
from pneumo_core.files import written_whole

MAX_MODEL_FILE_BYTES = 1 << 30

for _gpu in tf.config.list_physical_devices("GPU"):
    # Without this TensorFlow takes all of the GPU's memory at once, and leaves none to other processes.
    tf.config.experimental.set_memory_growth(_gpu, True)


# The explained layer of networks that were joined.
JOINED_MAPS = "joined_maps"
# The names of a segmenter's layers begin so.
LUNGS_PREFIX = "lungs_"
# The input gate sees feature maps and the film in this many cells a side.
GATE_GRID, GATE_FILM = 4, 16


def body_and_head(network: keras.Model, explained_layer: str) -> tuple[keras.Model, keras.Model]:
    """Give film -> explained feature maps, and these -> logit: views of the network, with its weights."""
    maps = network.get_layer(explained_layer).output
    return keras.Model(network.input, maps), keras.Model(maps, network.output)


def layers_to_walk(network: keras.Model, explained_layer: str) -> tuple[str, ...]:
    """Name layers from edges to lungs: the last one of each size, and the ends of blocks with other channels.

    In joined networks these are the layers that all of them share. Where one of them sees the lungs alone, they are
    those of the whole X-ray: neither the segmenter nor the body behind it is walked.

    Returns:
        names in the order of the network; the last one is the explained layer.
    """
    names = [layer.name for layer in network.layers]
    explained = network.get_layer(explained_layer)
    before = network.layers[: names.index(explained_layer)]
    if isinstance(explained, layers.Concatenate):
        parts = [keras.Model(network.input, part).layers for part in maps_of_whole_films(network, explained_layer)]
        before = [layer for layer in before if all(layer in part for part in parts)]
    # Paddings and the single cells inside squeeze and excitation are no maps to look at.
    kinds = (layers.Conv2D, layers.Activation, layers.ReLU, layers.Add)
    maps = [layer for layer in before if isinstance(layer, kinds) and layer.output.shape[1] > 1]
    ends = [layer for layer in maps if isinstance(layer, layers.Add)]
    sizes = {layer.output.shape[1] for layer in (*ends, explained)}
    last_of_shape = {layer.output.shape[1:]: layer.name for layer in ends}
    last_of_size = {layer.output.shape[1]: layer.name for layer in maps if layer.output.shape[1] not in sizes}
    return (*sorted((*last_of_size.values(), *last_of_shape.values()), key=names.index), explained_layer)


def maps_of_whole_films(network: keras.Model, explained_layer: str) -> list[keras.KerasTensor]:
    """Give the explained maps by the bodies that made them, but for bodies that see the lungs alone.

    Returns:
        float32 `(n, rows, columns, channels)` each; of all bodies where none sees the whole film.
    """
    explained = network.get_layer(explained_layer)
    if not isinstance(explained, layers.Concatenate):
        return [explained.output]
    parts = [(part, keras.Model(network.input, part).layers) for part in explained.input]
    whole = [part for part, body in parts if not any(layer.name.startswith(LUNGS_PREFIX) for layer in body)]
    return whole or list(explained.input)


def gate_features(network: keras.Model, explained_layer: str) -> keras.KerasTensor:
    """Give the input gate's features, float32 `(n, features)`, as a further output of the network's graph.

    They have three parts. The explained layer's maps are averaged whole. The maps of the two last layers before it that
    still resolve positions are averaged over a grid of `GATE_GRID` a side. The film itself is shrunk to `GATE_FILM`.
    A view of the lungs alone adds nothing to them: its segmenter knows chests, and finds one in anything.
    """
    film = network.input
    finer = [
        network.get_layer(name).output
        for name in layers_to_walk(network, explained_layer)[:-1]
        if network.get_layer(name).output.shape[1] >= 2 * GATE_GRID
    ]
    pieces = [
        layers.GlobalAveragePooling2D(name=f"gate_explained_{place}")(maps)
        for place, maps in enumerate(maps_of_whole_films(network, explained_layer))
    ]
    for place, (maps, grid) in enumerate([*((maps, GATE_GRID) for maps in finer[-2:]), (film, GATE_FILM)]):
        size = max(1, maps.shape[1] // grid)
        pooled = layers.AveragePooling2D(size, name=f"gate_pooled_{place}")(maps)
        pieces.append(layers.Flatten(name=f"gate_flat_{place}")(pooled))
    return layers.Concatenate(name="gate_features")(pieces)


def put_weights(network: keras.Model, weights: Sequence[np.ndarray]) -> None:
    """Set all weights of a network, in the order of `get_weights`."""
    network.set_weights(weights)
    for layer in network.layers:
        if isinstance(layer, layers.Normalization) and layer.weights:
            # Keras computes with copies of mean and variance, and renews them only on request.
            layer.finalize_state()


def save_network(network: keras.Model, path: Path) -> None:
    """Save a network so that the file is either whole or not there (`model.save` alone is not atomic)."""
    with written_whole(path) as temporary:
        network.save(temporary)


def load_network(path: Path, output: tuple[int | None, ...] = (None, 1)) -> keras.Model:
    """Load a network that `save_network` wrote.

    Args:
        output: the shape that it must give; by default one logit.

    Raises:
        ModelError: the file is missing, damaged, of another kind, or holds weights that are not finite.
    """
    if not path.is_file():
        message = f"There is no network at {path}. A .keras file is expected. Please train or copy one."
        raise ModelError(message, code="network_missing")
    if path.stat().st_size > MAX_MODEL_FILE_BYTES or not zipfile.is_zipfile(path):
        message = f"{path.name} is no .keras file of a sensible size. Please copy the model again."
        raise ModelError(message, code="network_no_archive")
    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path.name} could not be loaded: it is damaged or was written by another version of Keras. "
            "Please copy the model again, or retrain it.",
            code="network_not_loaded",
        ) from error
    if network.output_shape != output or len(network.input_shape) != 4 or network.input_shape[-1] != 1:
        expected = "one logit" if output == (None, 1) else f"{output}"
        raise ModelError(
            f"{path.name} takes {network.input_shape} and gives {network.output_shape}. Expected: one grey image in "
            f"and {expected} out. Please use a network that this project trained.",
            code="network_ends",
        )
    if not all(np.isfinite(weight).all() for weight in network.get_weights()):
        message = f"{path.name} holds weights that are not finite numbers. Please retrain the model."
        raise ModelError(message, code="network_not_finite")
    return network


def device_in_words() -> str:
    """Name the device that networks run on: "GPU (NVIDIA H100)" or "CPU (8 cores)"."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return f"GPU ({details.get('device_name', 'unknown type')})"
    return f"CPU ({os.cpu_count()} cores)"
