"""Fit the input gate of a model: its training films against what they are not."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.classifier import Classifier
from pneumo_core.errors import PneumoError
from pneumo_core.input_gate import (
    INVERTED,
    KINDS,
    LEFT,
    NEAR_SHARE,
    OTHER,
    OVER,
    PART,
    RIGHT,
    UPRIGHT,
    InputGate,
    standardised,
)
from pneumo_core.negatives import (
    OTHERS,
    as_exported,
    inverted,
    of_a_photograph,
    part_or_several,
    turned,
)
from pneumo_core.network import gate_features
from pneumo_core.preprocessing import prepare, resize
from pneumo_core.radiograph import read_radiograph

MOST_FILMS = 2600
# Of the pictures that are made, in pixels.
SIDE = 224
# Pictures made of each of those films, on average.
SHARES = {LEFT: 0.27, OVER: 0.27, RIGHT: 0.27, INVERTED: 0.27, PART: 0.62}
OTHER_SHARE, PHOTOGRAPH_SHARE = 0.7, 0.25
COMPONENTS = 256
# Inverse strength of the penalty; what was in view when it was set: docs/input-gate.md.
PENALTY = 0.003
BATCH = 32


class FeatureReader:
    """Reads the gate's features of pictures, with a classifier's network."""

    def __init__(self, classifier: Classifier) -> None:
        network, card = classifier.network, classifier.card
        self._preprocessing = card.preprocessing
        reader = keras.Model(network.input, gate_features(network, card.explained_layer))
        shape = (None, *network.input_shape[1:])
        self._read = tf.function(
            lambda films: reader(films, training=False), input_signature=[tf.TensorSpec(shape, tf.float32)]
        )

    def read(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Give float32 `(n, features)` of pictures, float32 `(height, width)` in [0, 1]."""
        batches = [pictures[first : first + BATCH] for first in range(0, len(pictures), BATCH)]
        return np.concatenate(
            [
                self._read(tf.constant(np.stack([prepare(one, self._preprocessing) for one in batch])))
                for batch in batches
            ]
        )


def fit_gate(
    classifier: Classifier,
    training: Sequence[Path],
    validation: Sequence[Path],
    progress: Callable[[str], None],
    seed: int = 1,
) -> InputGate:
    """Fit a gate to a model's network.

    Args:
        training: films that the network was trained on; at most `MOST_FILMS` of them are used.
        validation: films that it was not trained on, for the distance.
        progress: is told what is at work.
        seed: of what is drawn.
    """
    # A second that a reading need not pay.
    from sklearn.datasets import load_sample_images
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(seed)
    reader = FeatureReader(classifier)
    progress("Reading films ...")
    films = _read([training[place] for place in random.permutation(len(training))[:MOST_FILMS]], SIDE)
    photographs = [(picture.mean(axis=2) / 255).astype(np.float32) for picture in load_sample_images().images]
    features, kinds = [], []

    def add(kind: str, pictures: list[np.ndarray]) -> None:
        progress(f"{len(pictures)} pictures: {kind} ...")
        features.append(reader.read(pictures))
        kinds.extend([KINDS.index(kind)] * len(pictures))

    def some(share: float) -> list[np.ndarray]:
        return [films[place] for place in random.choice(len(films), round(share * len(films)))]

    add(UPRIGHT, [*films[::2], *(as_exported(film, random) for film in films)])
    for quarters, kind in ((1, LEFT), (2, OVER), (3, RIGHT)):
        add(kind, [turned(film, random, quarters) for film in some(SHARES[kind])])
    add(INVERTED, [inverted(film, random) for film in some(SHARES[INVERTED])])
    add(PART, [part_or_several(film, films, random) for film in some(SHARES[PART])])
    add(OTHER, [OTHERS[random.integers(len(OTHERS))](film, random) for film in some(OTHER_SHARE)])
    add(
        OTHER,
        [of_a_photograph(photographs, SIDE, random) for _ in range(round(PHOTOGRAPH_SHARE * len(films)))],
    )

    progress("Fitting ...")
    of_all, labels = np.concatenate(features), np.array(kinds)
    centre, scale = of_all.mean(axis=0), np.maximum(of_all.std(axis=0), 1e-6)
    standard = standardised(of_all, centre, scale)
    principal = PCA(min(COMPONENTS, *standard.shape), random_state=seed).fit(standard)
    components = (principal.components_.T / np.sqrt(principal.explained_variance_)).astype(np.float32)
    kept = standard @ components
    regression = LogisticRegression(C=PENALTY, max_iter=500).fit(kept, labels)
    upright = kept[labels == 0]
    middle = upright.mean(axis=0)
    precision = np.linalg.inv(np.cov(upright.T) + 0.05 * np.eye(kept.shape[1]))
    fitted = InputGate(
        weights_sha256=classifier.card.weights_sha256,
        centre=centre,
        scale=scale,
        components=components,
        coefficients=regression.coef_.T.astype(np.float32),
        intercepts=regression.intercept_.astype(np.float32),
        middle=middle.astype(np.float32),
        precision=precision.astype(np.float32),
        far=np.inf,
    )
    far = np.quantile(fitted.distances(fitted.reduced(reader.read(_read(validation, SIDE)))), NEAR_SHARE)
    return dataclasses.replace(fitted, far=float(far))


def _read(paths: Sequence[Path], side: int) -> list[np.ndarray]:
    films = []
    for path in paths:
        try:
            films.append(resize(read_radiograph(path).pixels, side, side))
        except PneumoError:
            continue
    return films
