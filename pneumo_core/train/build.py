"""Networks to be trained: built as a recipe says, and begun from weights that are there."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers

from pneumo_core.errors import ModelError
from pneumo_core.keras_network import (
    body_and_head,
    head_of_three,
    head_of_two,
    load_network,
    maps_of_whole_films,
    put_weights,
)
from pneumo_core.models import NETWORK_FILE, read_card
from pneumo_core.train.plan import ARCHITECTURES, IMAGENET, RANDOM, WAY_OUT, WEIGHTS_CODE, Recipe


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network's body: how it is built on an RGB input in [0, 255], and the layer whose feature maps are explained.

    `caffe_means` are subtracted from blue, green and red by those that do not prepare their input themselves.
    """

    build: Callable[..., keras.Model]
    explained_layer: str
    caffe_means: tuple[float, ...] = ()


def small_cnn(include_top: bool, weights: None, input_tensor: keras.KerasTensor) -> keras.Model:
    """Build a small convolutional network for teaching and tests, to be trained from scratch."""
    x = layers.Rescaling(1 / 255)(input_tensor)
    for block, filters in enumerate((8, 16, 32), start=1):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name=f"block{block}_conv")(x)
        x = layers.BatchNormalization(name=f"block{block}_normalization")(x)
        x = layers.ReLU(name=f"block{block}_activation")(x)
    return keras.Model(keras.utils.get_source_inputs(input_tensor), x)


_CAFFE_MEANS = (103.939, 116.779, 123.68)
_IMAGENET_DEVIATIONS = np.array([0.229, 0.224, 0.225], np.float32)
BACKBONES = {
    "EfficientNetV2B0": Backbone(keras.applications.EfficientNetV2B0, "top_activation"),
    "EfficientNetB0": Backbone(keras.applications.EfficientNetB0, "top_activation"),
    "ResNet50": Backbone(keras.applications.ResNet50, "conv5_block3_out", _CAFFE_MEANS),
    "VGG16": Backbone(keras.applications.VGG16, "block5_conv3", _CAFFE_MEANS),
    # Its last layer's name counts the networks built before.
    "MobileNetV3Large": Backbone(keras.applications.MobileNetV3Large, "features"),
    "SmallCNN": Backbone(small_cnn, "block3_activation"),
}


def build_network(recipe: Recipe) -> keras.Model:
    """Build film -> backbone -> head -> logit as one flat graph with random weights, as a recipe says.

    Returns:
        network: float32 `(n, size, size, 1)` in [0, 255] -> logit float32 `(n, 1)`. With three classes it is the log
        odds of the finding against the other two, whose own layers are named `FINDING` and `OTHER`.
    """
    backbone = BACKBONES[recipe.architecture]
    film = keras.Input((recipe.size, recipe.size, 1), name="film")
    rgb = layers.Concatenate(name="grey_to_rgb")([film, film, film])
    if backbone.caffe_means:
        # Grey films have equal channels, so that their order matters for the means alone.
        variances = [1.0] * len(backbone.caffe_means)
        rgb = layers.Normalization(mean=list(backbone.caffe_means), variance=variances, name="caffe_means")(rgb)
    x = backbone.build(include_top=False, weights=None, input_tensor=rgb).output
    if backbone.explained_layer == "features":
        x = layers.Activation("linear", name="features")(x)
    x = {"average": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D, "flatten": layers.Flatten}[
        recipe.pooling
    ](name="pooled")(x)
    for place, units in enumerate(recipe.dense_units, start=1):
        x = layers.Dropout(recipe.dropout, name=f"dense{place}_dropout")(x)
        x = layers.Dense(units, recipe.activation, name=f"dense{place}")(x)
    x = layers.Dropout(recipe.dropout, name="head_dropout")(x)
    logit = head_of_three(x) if recipe.classes == 3 else head_of_two(x)
    return keras.Model(film, logit, name=f"pneumo_{recipe.architecture.lower()}")


def start_from(network: keras.Model, recipe: Recipe, start: str) -> None:
    """Put first weights, as a plan names them, into a network built by `build_network`.

    Raises:
        ModelError: they cannot be had, or are of another network.
    """
    path = Path(start)
    if start == IMAGENET or start.endswith(".h5") or path.is_file():
        start_from_imagenet(network, recipe, None if start == IMAGENET else path)
    elif start != RANDOM:
        card = read_card(path)
        start_from_model(network, recipe, load_network(path / NETWORK_FILE), card.explained_layer)


def start_from_imagenet(network: keras.Model, recipe: Recipe, weights: Path | None) -> None:
    """Put what ImageNet has taught the backbone into a network built by `build_network`.

    Args:
        weights: a `.weights.h5` file of the backbone without its top, or None for Keras' own download.

    Raises:
        ModelError: the weights cannot be had, or are of another network.
    """
    backbone = BACKBONES[recipe.architecture]
    if not ARCHITECTURES[recipe.architecture].has_imagenet_weights:
        raise ModelError("This backbone has no ImageNet weights. Please train it from scratch.", WEIGHTS_CODE)
    body, _ = body_and_head(network, backbone.explained_layer)
    plain = _downloaded(recipe) if weights is None else _of_file(recipe, weights)
    put_weights(body, plain.get_weights())
    if recipe.architecture == "EfficientNetB0":
        # Keras divides by one more square root of the deviation where it fetches these weights itself, in a layer
        # that a network built without them does not have.
        normalization = next(layer for layer in body.layers if isinstance(layer, layers.Normalization))
        mean, variance, count = normalization.get_weights()
        normalization.set_weights([mean, variance * _IMAGENET_DEVIATIONS, count])
        normalization.finalize_state()


def _downloaded(recipe: Recipe) -> keras.Model:
    shape = (recipe.size, recipe.size, 3)
    try:
        return BACKBONES[recipe.architecture].build(include_top=False, weights="imagenet", input_shape=shape)
    except Exception as error:
        # Keras raises no class of its own where it cannot fetch a file.
        if type(error) is not Exception and not isinstance(error, OSError | ValueError):
            raise
        raise ModelError(
            f"Keras' download of the ImageNet weights of {recipe.architecture} failed. Expected is a connection, or a "
            f".weights.h5 file of this backbone without its top. {WAY_OUT}",
            WEIGHTS_CODE,
        ) from error


def _of_file(recipe: Recipe, weights: Path) -> keras.Model:
    expected = f"Expected is a .weights.h5 file of {recipe.architecture} without its top. {WAY_OUT}"
    if not weights.is_file():
        raise ModelError(f"There is no weights file {weights}. {expected}", WEIGHTS_CODE)
    shape = (recipe.size, recipe.size, 3)
    plain = BACKBONES[recipe.architecture].build(include_top=False, weights=None, input_shape=shape)
    # Keras only warns of layers that the file does not hold, and leaves them as they are. Its warnings are hundreds.
    plain.set_weights(
        [np.full_like(weight, np.nan) if weight.dtype.kind == "f" else weight for weight in plain.get_weights()]
    )
    refusal = ModelError(f"The weights file {weights.name} is damaged, or of another network. {expected}", WEIGHTS_CODE)
    try:
        with warnings.catch_warnings(action="ignore"):
            plain.load_weights(str(weights))
    except (OSError, ValueError, KeyError) as error:
        raise refusal from error
    if not all(np.isfinite(weight).all() for weight in plain.get_weights()):
        raise refusal
    return plain


def start_from_model(network: keras.Model, recipe: Recipe, model: keras.Model, explained_layer: str) -> None:
    """Take over a trained model's backbone, and its head where that fits.

    Joined networks have several backbones: the first one that sees whole films is taken, without the common head.

    Raises:
        ModelError: the model has another backbone.
    """
    body, head = body_and_head(network, BACKBONES[recipe.architecture].explained_layer)
    trained = keras.Model(model.input, maps_of_whole_films(model, explained_layer)[0])
    if not _take_over(body, trained):
        raise ModelError(
            f"The model to start from has another backbone than {recipe.architecture}. Please choose its backbone, "
            "or start from something else."
        )
    _take_over(head, body_and_head(model, explained_layer)[1])


def _take_over(network: keras.Model, trained: keras.Model) -> bool:
    """Take over a trained network's weights where they fit, and say whether they do."""
    weights = trained.get_weights()
    fits = [weight.shape for weight in weights] == [weight.shape for weight in network.get_weights()]
    if fits:
        put_weights(network, weights)
    return fits
