"""The Keras graph: built, saved and loaded, and the device it runs on.

Every network is one flat functional graph, grey film in, one logit out (tf-keras-vis needs a flat
graph, and a sigmoid end would fade the heat map as the network gets sure).
"""

import os
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from pneumo_core.errors import ModelError
from pneumo_core.preprocessing import Preprocessing

BACKBONE_WEIGHTS_VARIABLE = "PNEUMO_BACKBONE_WEIGHTS"
MAX_MODEL_FILE_BYTES = 1 << 30

for _gpu in tf.config.list_physical_devices("GPU"):
    # Without this TensorFlow takes all of the GPU's memory at once, from everybody.
    tf.config.experimental.set_memory_growth(_gpu, True)


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network's body: how it is built on an input, and the layer whose feature maps are explained."""

    build: Callable[..., keras.Model]
    explained_layer: str
    has_imagenet_weights: bool


def small_cnn(include_top: bool, weights: None, input_tensor: keras.KerasTensor) -> keras.Model:
    """Build a small convolutional network for teaching and tests, to be trained from scratch."""
    x = layers.Rescaling(1 / 255)(input_tensor)
    for block, filters in enumerate((8, 16, 32), start=1):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name=f"block{block}_conv")(x)
        x = layers.BatchNormalization(name=f"block{block}_normalization")(x)
        x = layers.ReLU(name=f"block{block}_activation")(x)
    return keras.Model(keras.utils.get_source_inputs(input_tensor), x)


BACKBONES = {
    "EfficientNetV2B0": Backbone(keras.applications.EfficientNetV2B0, "top_activation", True),
    "SmallCNN": Backbone(small_cnn, "block3_activation", False),
}


def build_network(
    architecture: str,
    preprocessing: Preprocessing,
    dropout: float,
    backbone_weights: Path | str | None = None,
) -> keras.Model:
    """Build film -> backbone -> global average pooling -> dropout -> logit as one flat graph.

    Args:
        architecture: a key of `BACKBONES`.
        preprocessing: gives the input's size.
        dropout: share of pooled features dropped in training, in [0, 1).
        backbone_weights: a `.weights.h5` file of the backbone without its top, "imagenet" for
            Keras' own download, or None to start from random weights.

    Returns:
        network: float32 `(n, height, width, 1)` in [0, 255] -> logit float32 `(n, 1)`.

    Raises:
        ModelError: the weights cannot be had, or are of another network.
    """
    backbone = BACKBONES[architecture]
    film = keras.Input((preprocessing.height, preprocessing.width, 1), name="film")
    three_channels = layers.Concatenate(name="grey_to_rgb")([film, film, film])
    body = backbone.build(include_top=False, weights=None, input_tensor=three_channels)
    if backbone_weights is not None:
        body.set_weights(_backbone_weights(backbone, backbone_weights, preprocessing))
    x = layers.GlobalAveragePooling2D(name="pooled")(body.output)
    x = layers.Dropout(dropout, name="head_dropout")(x)
    logit = layers.Dense(1, name="logit", dtype="float32")(x)
    return keras.Model(film, logit, name=f"pneumo_{architecture.lower()}")


def _backbone_weights(backbone: Backbone, weights: Path | str, preprocessing: Preprocessing) -> list[np.ndarray]:
    if not backbone.has_imagenet_weights:
        raise ModelError("This backbone has no ImageNet weights. Please train it from scratch.")
    shape = (preprocessing.height, preprocessing.width, 3)
    try:
        if weights == "imagenet":
            return backbone.build(include_top=False, weights="imagenet", input_shape=shape).get_weights()
        plain = backbone.build(include_top=False, weights=None, input_shape=shape)
        with warnings.catch_warnings():
            # Keras only warns of layers that the file does not hold, and leaves them random.
            warnings.simplefilter("error", UserWarning)
            plain.load_weights(str(weights))
        return plain.get_weights()
    except (OSError, ValueError, KeyError, UserWarning) as error:
        raise ModelError(
            f"The ImageNet weights could not be had ({'download failed' if weights == 'imagenet' else weights}). "
            f"Expected is a connection for Keras' own download, or a .weights.h5 file of this backbone without its "
            f"top, named by {BACKBONE_WEIGHTS_VARIABLE}. Please provide one of them, or train from scratch."
        ) from error


def save_network(network: keras.Model, path: Path) -> None:
    """Save a network so that the file is either whole or not there (`model.save` alone is not atomic)."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp.keras")
    try:
        network.save(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_network(path: Path) -> keras.Model:
    """Load a network that `save_network` wrote.

    Raises:
        ModelError: the file is missing, damaged, of another kind, or holds weights that are not finite.
    """
    if not path.is_file():
        raise ModelError(f"There is no network at {path}. Expected is a .keras file. Please train or copy one.")
    if path.stat().st_size > MAX_MODEL_FILE_BYTES or not zipfile.is_zipfile(path):
        raise ModelError(f"{path.name} is no .keras file of a sensible size. Please copy the model again.")
    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path.name} could not be loaded: it is damaged or was written by another version of Keras. "
            "Please copy the model again, or retrain it."
        ) from error
    if network.output_shape != (None, 1) or len(network.input_shape) != 4 or network.input_shape[-1] != 1:
        raise ModelError(
            f"{path.name} takes {network.input_shape} and gives {network.output_shape}. Expected is one grey film in "
            "and one logit out. Please use a network that this project trained."
        )
    if not all(np.isfinite(weight).all() for weight in network.get_weights()):
        raise ModelError(f"{path.name} holds weights that are not finite numbers. Please retrain the model.")
    return network


def device_in_words() -> str:
    """Name the device that networks run on: "GPU (NVIDIA H100)" or "CPU (8 cores)"."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return f"GPU ({details.get('device_name', 'unknown type')})"
    return f"CPU ({os.cpu_count()} cores)"
