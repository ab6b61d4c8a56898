"""Seven ways to explain one film, side by side, each with its meaning, its time, and its agreement with occlusion."""

import functools
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam
from tf_keras_vis.scorecam import Scorecam

from pneumo_core.film import resize
from pneumo_core.keras_network import KerasClassifier, body_and_head
from pneumo_core.network import Explanation

SCORECAM_MAPS = 64
SMOOTHGRAD_COPIES = 16
# The noise's deviation is this share of the film's range, as in the paper.
SMOOTHGRAD_NOISE = 0.1
# The sizes are in pixels of a network input of 224. Other inputs scale them in proportion.
PATCH, STRIDE = 32, 16


@dataclass(frozen=True, slots=True)
class Method:
    """A way to explain a score, with its meaning in one sentence and its source."""

    name: str
    measures: str
    source: str


METHODS = (
    Method("Grad-CAM", "It adds up the layer's maps, each weighted by its mean gradient.", "Selvaraju 2017"),
    Method("Grad-CAM++", "It is Grad-CAM with rising gradients weighted by higher derivatives.", "Chattopadhay 2018"),
    Method("LayerCAM", "It is Grad-CAM with each cell of a map weighted by its own gradient.", "Jiang 2021"),
    Method(
        "Score-CAM", "It weights each map by the score of the X-ray seen through it, without gradients.", "Wang 2020"
    ),
    Method("Saliency", "It shows how much each pixel moves the logit.", "Simonyan 2013"),
    Method("SmoothGrad", "It is the mean saliency over noisy copies of the X-ray.", "Smilkov 2017"),
    Method("Occlusion", "It shows how far the logit falls if a patch is covered with grey.", "Zeiler and Fergus 2014"),
)


@dataclass(frozen=True, slots=True, eq=False)
class MethodResult:
    """One method's result for one film: its map, its time, and its rank correlation with occlusion."""

    method: Method
    explanation: Explanation
    milliseconds: float
    with_occlusion: float

    @property
    def agreement_in_words(self) -> str:
        """Say how far the map agrees with occlusion, which tests the network directly."""
        if self.explanation.is_blank:
            return " The map is blank: nothing in favour was found."
        if self.method.name == "Occlusion" or np.isnan(self.with_occlusion):
            return ""
        return f" Its rank correlation with occlusion is {self.with_occlusion:.2f}."


class Methods:
    """All methods on one network, compiled; a film's maps explain its real logit.

    The constructor compiles for some seconds, so that the measured time of a method is its own.
    """

    def __init__(self, classifier: KerasClassifier) -> None:
        self._classifier = classifier
        self._layer = classifier.card.explained_layer
        network = classifier.network
        self._body, self._head = body_and_head(network, self._layer)
        # Score-CAM takes a softmax over the outputs. Over the logit alone it is 1. Over 0 and the logit it is the
        # probability.
        no_pneumonia = keras.layers.Rescaling(0.0, name="no_pneumonia")(network.output)
        self._two_classes = keras.Model(
            network.input, keras.layers.Concatenate(name="two_classes")([no_pneumonia, network.output])
        )

        def slopes(films: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(films)
                logits = network(films, training=False)
            return tape.gradient(logits, films)

        shape = (None, *network.input_shape[1:])
        self._slopes = tf.function(slopes, input_signature=[tf.TensorSpec(shape, tf.float32)])
        self._ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
            "Grad-CAM++": lambda film: self._from_head(GradcamPlusPlus, film),
            "LayerCAM": lambda film: self._from_head(Layercam, film),
            "Score-CAM": self._score_cam,
            "Saliency": lambda film: self._saliency(film[np.newaxis]),
            "SmoothGrad": self._smooth_grad,
            "Occlusion": lambda film: np.maximum(occlusion(self._classifier, film), 0.0),
        }
        # Score-CAM would write the progress of its predictions to standard output.
        self._two_classes.predict = functools.partial(self._two_classes.predict, verbose=0)
        blank = np.zeros(network.input_shape[1:], np.float32)
        for name in ("Grad-CAM++", "LayerCAM", "Score-CAM", "SmoothGrad"):
            self._ways[name](blank)

    def explain_all(self, film: np.ndarray, progress: Callable[[float, str], None]) -> list[MethodResult]:
        """Explain one film by all of `METHODS`, in their order.

        Args:
            film: float32 `(height, width, 1)` as `preprocessing.prepare` gives it.
            progress: gets the share done, in [0, 1], and the name of the method at work.
        """
        timed = []
        for number, method in enumerate(METHODS):
            progress(number / len(METHODS), f"{method.name} ...")
            started = time.perf_counter()
            timed.append((method, self.explain(method.name, film), 1000 * (time.perf_counter() - started)))
        occluded = next(explanation for method, explanation, _ in timed if method.name == "Occlusion")
        return [
            MethodResult(method, explanation, milliseconds, rank_correlation(explanation.coarse, occluded.coarse))
            for method, explanation, milliseconds in timed
        ]

    def explain(self, name: str, film: np.ndarray) -> Explanation:
        """Explain one film by the method of this name, one of `METHODS`; the film as `explain_all` takes it."""
        if name == "Grad-CAM":
            return self._classifier.score_and_explain(film)[2]
        return Explanation.of(self._ways[name](film).astype(np.float32), self._layer)

    def _from_head(self, kind: type[GradcamPlusPlus] | type[Layercam], film: np.ndarray) -> np.ndarray:
        maps = kind(self._head, clone=False)(
            lambda logit: logit[:, 0],
            self._body(film[np.newaxis], training=False),
            penultimate_layer=0,
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
        return np.asarray(maps[0])

    def _score_cam(self, film: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            # Score-CAM hands Keras a list of one film instead of a film, and Keras warns of it.
            warnings.simplefilter("ignore", UserWarning)
            maps = Scorecam(self._two_classes, clone=False)(
                lambda outputs: outputs[:, 1],
                film[np.newaxis],
                penultimate_layer=self._layer,
                seek_penultimate_conv_layer=False,
                max_N=min(SCORECAM_MAPS, self._body.output.shape[-1]),
                expand_cam=False,
                normalize_cam=False,
            )
        return np.asarray(maps[0])

    def _saliency(self, films: np.ndarray) -> np.ndarray:
        return np.abs(self._slopes(tf.constant(films)).numpy()).mean(axis=0)[:, :, 0]

    def _smooth_grad(self, film: np.ndarray) -> np.ndarray:
        spread = SMOOTHGRAD_NOISE * (film.max() - film.min())
        noise = np.random.default_rng(0).normal(0.0, spread, (SMOOTHGRAD_COPIES, *film.shape))
        return self._saliency((film + noise).astype(np.float32))


def occlusion(classifier: KerasClassifier, film: np.ndarray) -> np.ndarray:
    """Cover one patch after the other with the film's mean grey, and measure how far the logit falls.

    Args:
        film: float32 `(height, width, 1)` as `preprocessing.prepare` gives it.

    Returns:
        float32 `(rows, columns)`, a cell for each place of the patch: above 0 where covering it lowers the logit.
    """
    height, width = film.shape[:2]
    patch, stride = max(1, round(PATCH * height / 224)), max(1, round(STRIDE * height / 224))
    tops, lefts = range(0, height - patch + 1, stride), range(0, width - patch + 1, stride)
    covered = np.repeat(film[np.newaxis], 1 + len(tops) * len(lefts), axis=0)
    for place, (top, left) in enumerate((top, left) for top in tops for left in lefts):
        covered[1 + place, top : top + patch, left : left + patch] = film.mean()
    logits = np.concatenate([classifier.logits(covered[first : first + 32]) for first in range(0, len(covered), 32)])
    return (logits[0] - logits[1:]).reshape(len(tops), len(lefts))


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Give Spearman's rank correlation of two maps; the larger is first brought to the smaller one's cells.

    Args:
        first: float32 `(rows, columns)`.
        second: float32, of its own rows and columns.

    Returns:
        from -1 to 1; `nan` where one of them has the same value everywhere, as a blank map has.
    """
    from scipy import stats  # half a second that a page need not pay

    rows, columns = min(first.shape[0], second.shape[0]), min(first.shape[1], second.shape[1])
    one, other = (resize(cells, rows, columns).ravel() for cells in (first, second))
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(stats.spearmanr(one, other).statistic)
