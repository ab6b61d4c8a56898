"""The segmenter: a small U-Net that sees a film at half its size, in its own mean and contrast."""

from collections.abc import Sequence

import keras
from keras import layers

# Each step down halves the size, and has these channels.
CHANNELS = (12, 20, 32, 48, 64)
# All its layers are called so, that a network which holds them can be told apart.
PREFIX = "lungs_"
# Added to the variance, in grey levels squared: a film without any contrast stays as it is.
LEAST_VARIANCE = 4.0


def lungs_network(size: int = 224, channels: Sequence[int] = CHANNELS) -> keras.Model:
    """Build the segmenter with random weights.

    Args:
        size: of a film's side in pixels, a multiple of 2 for each of `channels`.

    Returns:
        network: float32 `(n, size, size, 1)` in [0, 255] -> logit float32 `(n, size / 2, size / 2, 1)`.
    """
    film = keras.Input((size, size, 1), name="film")
    return keras.Model(film, lungs_logit(film, channels), name="lungs")


def lungs_logit(film: keras.KerasTensor, channels: Sequence[int] = CHANNELS) -> keras.KerasTensor:
    """Build the segmenter's layers on a film, and give its logit of lung."""
    x = _standardised(layers.AveragePooling2D(2, name=f"{PREFIX}half")(film))
    skipped = []
    for step, count in enumerate(channels):
        if step:
            skipped.append(x)
            x = layers.MaxPooling2D(name=f"{PREFIX}pool{step - 1}")(x)
        x = _block(x, count, f"{PREFIX}down{step}")
    for step, (count, beside) in enumerate(zip(channels[-2::-1], skipped[::-1], strict=True)):
        x = layers.UpSampling2D(interpolation="bilinear", name=f"{PREFIX}up{step}")(x)
        x = layers.Concatenate(name=f"{PREFIX}skip{step}")([x, beside])
        x = _block(x, count, f"{PREFIX}rise{step}")
    return layers.Conv2D(1, 1, name=f"{PREFIX}logit")(x)


def _standardised(x: keras.KerasTensor) -> keras.KerasTensor:
    """Give a film with a mean of 0 and a deviation of 1, of its own."""
    mean = layers.GlobalAveragePooling2D(keepdims=True, name=f"{PREFIX}mean")(x)
    centred = keras.ops.subtract(x, mean)
    squares = keras.ops.multiply(centred, centred)
    variance = layers.GlobalAveragePooling2D(keepdims=True, name=f"{PREFIX}variance")(squares)
    return keras.ops.divide(
        centred, keras.ops.sqrt(layers.Rescaling(1.0, LEAST_VARIANCE, name=f"{PREFIX}deviation")(variance))
    )


def _block(x: keras.KerasTensor, channels: int, name: str) -> keras.KerasTensor:
    for part in "ab":
        x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"{name}{part}_conv")(x)
        x = layers.BatchNormalization(name=f"{name}{part}_norm")(x)
        x = layers.ReLU(name=f"{name}{part}_relu")(x)
    return x
