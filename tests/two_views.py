"""Small networks of two views and three classes, with weights at random or set by hand."""

import keras
import numpy as np

from pneumo_core.keras_network.joining import join_views
from pneumo_core.train.build import build_network
from pneumo_core.train.plan import Recipe

SIDE = 32
SMALL, EXPLAINED = Recipe(architecture="SmallCNN", size=SIDE, classes=3), "block3_activation"
DENSE = ("opacity", "other")


def segmenter(seed: int = 3, side: int = SIDE) -> keras.Model:
    """Give a small one of the kinds of layers that the real one has, with weights at random."""
    layers, ops = keras.layers, keras.ops
    film = keras.Input((side, side, 1))
    half = layers.AveragePooling2D(2)(film)
    centred = ops.subtract(half, layers.GlobalAveragePooling2D(keepdims=True)(half))
    variance = layers.GlobalAveragePooling2D(keepdims=True)(ops.multiply(centred, centred))
    x = ops.divide(centred, ops.sqrt(layers.Rescaling(1.0, 4.0)(variance)))
    fine = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(3, 3, padding="same")(x)))
    coarse = layers.Conv2D(4, 3, padding="same", activation="relu")(layers.MaxPooling2D()(fine))
    x = layers.Concatenate()([layers.UpSampling2D(interpolation="bilinear")(coarse), fine])
    network = keras.Model(film, layers.Conv2D(1, 1, name="logit")(x))
    random = np.random.default_rng(seed)
    network.set_weights([np.abs(w) if w.ndim == 1 else random.normal(0, 1, w.shape) for w in network.get_weights()])
    return network


def of_three_classes(seed: int) -> keras.Model:
    """Give a network with weights at random, whose log odds differ from film to film."""
    keras.utils.set_random_seed(seed)
    network = build_network(SMALL)
    random = np.random.default_rng(seed)
    for name in DENSE:
        network.get_layer(name).set_weights([random.normal(0, 3, (32, 1)), random.normal(0, 1, 1)])
    return network


def joined_at_random(shares: tuple[float, float] = (0.7, 0.6)) -> keras.Model:
    """Give both views of such networks, joined."""
    return join_views((of_three_classes(1), of_three_classes(2)), (EXPLAINED, EXPLAINED), segmenter(), shares)


def averaging() -> keras.Model:
    """Give a network whose first map is the mean grey of 8 x 8 pixels, and whose logit rises with it."""
    network = build_network(SMALL)
    for place in (1, 2, 3):
        layer = network.get_layer(f"block{place}_conv")
        kernel = np.zeros(layer.kernel.shape, np.float32)
        kernel[:2, :2, 0, 0] = 0.25
        layer.set_weights([kernel])
    first = np.eye(32, 1, dtype=np.float32)
    network.get_layer("opacity").set_weights([first, np.zeros(1, np.float32)])
    network.get_layer("other").set_weights([-first, np.zeros(1, np.float32)])
    return network


def lungs_everywhere() -> keras.Model:
    """Give a segmenter that finds lung in each cell of 2 x 2 pixels."""
    film = keras.Input((SIDE, SIDE, 1))
    cells = keras.layers.AveragePooling2D(2)(film)
    network = keras.Model(film, keras.layers.Conv2D(1, 1, name="logit")(cells))
    network.set_weights([np.zeros((1, 1, 1, 1), np.float32), np.full(1, 20.0, np.float32)])
    return network


def joined_averages(shares: tuple[float, float] = (0.5, 0.5)) -> keras.Model:
    """Give both views of networks that find what is bright, joined; all is taken for lung."""
    return join_views((averaging(), averaging()), (EXPLAINED, EXPLAINED), lungs_everywhere(), shares)
