"""The lungs view, as layers of a network: one tone inside the lungs, one bright level outside, the film's geometry."""

import keras
from keras import layers

from pneumo_core.errors import ModelError

# Inside the lungs the film has this mean and, but for `SOFT`, this deviation; no grey level is above the highest.
MEAN, DEVIATION, HIGHEST = 110.0, 45.0, 240.0
# Grey levels, added to the film's deviation, so that lungs without any contrast get none.
SOFT = 8.0
# Outside it is bright, as a consolidation is: one that the outline leaves out still looks like what it is.
OUTSIDE = 232.0
# Added to the lungs' share of the film and to the variance, so that nothing is divided by 0.
TINY = 1e-3


def lungs_view(film: keras.KerasTensor, lungs_logit: keras.KerasTensor) -> keras.KerasTensor:
    """Give a film as the body sees it that looks at the lungs alone. Nothing is cropped.

    With m, the probability of lung enlarged to the film, and the film's mean and deviation weighted by it::

        view = clip((film - mean) / (deviation + SOFT) * DEVIATION + MEAN, 0, HIGHEST) * m + OUTSIDE * (1 - m)

    Args:
        film: float32 `(n, height, width, 1)` in [0, 255].
        lungs_logit: float32 `(n, rows, columns, 1)`, the logit of lung in cells of equal size.

    Returns:
        float32 `(n, height, width, 1)` in [0, HIGHEST].

    Raises:
        ModelError: the film cannot be parted into such cells.
    """
    sides, cells = film.shape[1:3], lungs_logit.shape[1:3]
    if lungs_logit.shape[3:] != (1,) or any(side % cell for side, cell in zip(sides, cells, strict=True)):
        raise ModelError(
            f"The lungs are outlined in {' x '.join(map(str, lungs_logit.shape[1:]))} cells, on films of "
            f"{sides[0]} x {sides[1]} pixels. Expected is one value for cells of equal size. Please choose a segmenter "
            "for films of this size.",
            code="network_lungs",
        )
    size = tuple(side // cell for side, cell in zip(sides, cells, strict=True))
    probability = layers.Activation("sigmoid", name="view_probability")(lungs_logit)
    inside = layers.UpSampling2D(size, interpolation="bilinear", name="view_mask")(probability)

    area = layers.GlobalAveragePooling2D(keepdims=True, name="view_area")(inside)
    area = layers.Rescaling(1.0, TINY, name="view_weight")(area)

    def mean(values: keras.KerasTensor, name: str) -> keras.KerasTensor:
        weighted = layers.Multiply(name=f"view_{name}_inside")([inside, values])
        total = layers.GlobalAveragePooling2D(keepdims=True, name=f"view_{name}_sum")(weighted)
        return keras.ops.divide(total, area)

    centred = keras.ops.subtract(film, mean(film, "film"))
    variance = mean(keras.ops.multiply(centred, centred), "square")
    deviation = keras.ops.sqrt(layers.Rescaling(1.0, TINY, name="view_variance")(variance))
    deviation = layers.Rescaling(1 / DEVIATION, SOFT / DEVIATION, name="view_deviation")(deviation)
    tone = layers.Rescaling(1.0, MEAN, name="view_tone")(keras.ops.divide(centred, deviation))
    tone = layers.ReLU(max_value=HIGHEST, name="view_clip")(tone)
    lungs = layers.Multiply(name="view_lungs")([tone, inside])
    outside = layers.Rescaling(-OUTSIDE, OUTSIDE, name="view_outside")(inside)
    return layers.Add(name="lungs_view")([lungs, outside])
