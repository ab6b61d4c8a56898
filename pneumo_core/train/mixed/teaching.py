"""How a network of three classes is taught: its two log odds, their loss, and the batches of a mix."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from pneumo_core.errors import ModelError
from pneumo_core.keras_network import FINDING, other_logit
from pneumo_core.train.mixed.groups import Mix
from pneumo_core.train.plan import Recipe


def of_three(network: keras.Model) -> keras.Model:
    """Give a network with its log odds beside its logit: float32 `(n, 3)` of a, b and the logit.

    a and b are the log odds of the finding and of another abnormality, each against normal.

    Raises:
        ModelError: it has two classes.
    """
    other = other_logit(network)
    if other is None:
        raise ModelError(
            "The network knows the finding alone. Expected is one of three classes. Please set classes=3.", "network"
        )
    parts = [network.get_layer(FINDING).output, other, network.output]
    return keras.Model(network.input, layers.Concatenate(name="log_odds")(parts))


class GroupLoss(keras.losses.Loss):
    """Cross-entropy of the three groups, whose logits are a, b and 0; labels are their shares `(n, 3)`."""

    def __init__(self, label_smoothing: float) -> None:
        super().__init__(name="groups")
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        logits = ops.concatenate([y_pred[:, :2], ops.zeros_like(y_pred[:, :1])], axis=1)
        return keras.losses.categorical_crossentropy(
            y_true, logits, from_logits=True, label_smoothing=self.label_smoothing
        )


class OfFinding(keras.metrics.Metric):
    """A metric of two classes on a network of three: the finding against the other two, by the logit."""

    def __init__(self, metric: keras.metrics.Metric) -> None:
        super().__init__(name=metric.name)
        self.metric = metric

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        has_finding = ops.cast(ops.equal(ops.argmax(y_true, axis=1), 0), "float32")
        self.metric.update_state(has_finding[:, None], y_pred[:, 2:], sample_weight=sample_weight)

    def result(self) -> Any:
        return self.metric.result()

    def reset_state(self) -> None:
        self.metric.reset_state()


def mixed_batches(mix: Mix, recipe: Recipe, epoch: int) -> tf.data.Dataset:
    """Deal the images of a mix in batches: float32 `(batch, height, width, 1)` in [0, 255], their labels and weights.

    Labels are shares of the groups `(batch, 3)`, or of a network of two classes the finding's share `(batch,)`. Images
    are made while the network trains.
    """
    height, width = mix.films.views.shape[2:]
    is_of_three = recipe.classes == 3

    def images() -> Iterator[tuple[Any, Any, Any]]:
        for item in mix.epoch(epoch):
            film, target, weight = mix.image(item, epoch)
            yield film[..., np.newaxis], target if is_of_three else target[0], weight

    signature = (
        tf.TensorSpec((height, width, 1), tf.float32),
        tf.TensorSpec((3,) if is_of_three else (), tf.float32),
        tf.TensorSpec((), tf.float32),
    )
    dealt = tf.data.Dataset.from_generator(images, output_signature=signature)
    dealt = dealt.apply(tf.data.experimental.assert_cardinality(len(mix)))
    return dealt.batch(recipe.batch_size).prefetch(2)
