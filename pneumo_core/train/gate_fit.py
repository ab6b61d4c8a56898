"""Fit the input gate of a model, its training films against what they are not, and count what it refuses."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.errors import DataError, ModelError, PneumoError
from pneumo_core.files import file_sha256, write_whole
from pneumo_core.film import Preprocessing, prepare, read_radiograph, resize
from pneumo_core.gate import (
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
    write_gate,
)
from pneumo_core.keras_network import KerasClassifier, gate_features
from pneumo_core.models import (
    CARD_TEXT_FILE,
    HASH_DIGITS,
    GateFit,
    MadePictures,
    card_text,
    gate_in_words,
    write_record,
)
from pneumo_core.train.negatives import OTHERS, as_exported, inverted, of_a_photograph, part_or_several, turned

MOST_FILMS = 2600
# Features of all pictures together, 0.5 GB: a network that has more of them is fitted on fewer films.
MOST_VALUES = 2**27
# Of the pictures that are made, in pixels; larger only where the network's input is.
SIDE = 224
# Pictures made of each of those films, on average.
SHARES = {LEFT: 0.27, OVER: 0.27, RIGHT: 0.27, INVERTED: 0.27, PART: 0.62, OTHER: 0.7}
PHOTOGRAPH_SHARE = 0.25
PICTURES_A_FILM = 1.5 + sum(SHARES.values()) + PHOTOGRAPH_SHARE
COMPONENTS = 256
# Inverse strength of the penalty; what was in view when it was set: docs/input-gate.md.
PENALTY = 0.003
BATCH = 32
# Of each kind, made of as many validation films, to count how many are refused.
MOST_COUNTED = 200

Random = np.random.Generator
Progress = Callable[[int, int], bool]
Pictures = Iterator[tuple[str, np.ndarray]]


class _Stopped(Exception):
    """Somebody wants no more of it."""


class FeatureReader:
    """Reads the gate's features of pictures, with a network."""

    def __init__(self, network: keras.Model, explained_layer: str, preprocessing: Preprocessing) -> None:
        reader = keras.Model(network.input, gate_features(network, explained_layer))
        shape = (None, *network.input_shape[1:])
        self.features: int = reader.output_shape[1]
        self._preprocessing = preprocessing
        self._read = tf.function(
            lambda films: reader(films, training=False), input_signature=[tf.TensorSpec(shape, tf.float32)]
        )

    def read(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """Give float32 `(n, features)` of pictures, float32 `(height, width)` in [0, 1]."""
        films = np.stack([prepare(picture, self._preprocessing) for picture in pictures])
        return np.asarray(self._read(tf.constant(films)))


def fit_gate(
    network: keras.Model,
    explained_layer: str,
    preprocessing: Preprocessing,
    training: np.ndarray,
    validation: np.ndarray,
    progress: Progress = lambda done, of: True,
    seed: int = 1,
) -> tuple[InputGate | None, GateFit] | None:
    """Fit a gate to a network, and count what it refuses.

    Args:
        training: films that the network was trained on, uint8 `(n, height, width)`, of its own size or another; at
            most `MOST_FILMS` of them are used.
        validation: films that it was not trained on, likewise; for the distance and the counts.
        progress: is called with how many of how many pictures are read; False stops the work.
        seed: of what is drawn.

    Returns:
        the gate, of no weights yet, or None where it is not worth keeping, and what came of it; None where it was
        stopped.
    """
    fit = GateFit(len(training), len(validation))
    if not fit.has_films:
        return None, fit
    random = np.random.default_rng(seed)
    reader = FeatureReader(network, explained_layer, preprocessing)
    most = min(MOST_FILMS, int(MOST_VALUES / (PICTURES_A_FILM * reader.features)))
    chosen = training[random.permutation(len(training))[:most]]
    side = max(SIDE, preprocessing.height, preprocessing.width)
    counted_films = validation[random.permutation(len(validation))[:MOST_COUNTED]]
    to_learn = (
        -(-len(chosen) // 2)
        + len(chosen)
        + sum(round(share * len(chosen)) for share in (*SHARES.values(), PHOTOGRAPH_SHARE))
    )
    of = to_learn + len(validation) + len(SHARES) * len(counted_films)
    done = 0

    def read(pictures: Pictures) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
        nonlocal done
        while batch := list(itertools.islice(pictures, BATCH)):
            kinds, arrays = zip(*batch, strict=True)
            yield kinds, reader.read(arrays)
            done += len(batch)
            if not progress(done, of):
                raise _Stopped

    try:
        kinds, features = zip(*read(_to_learn(chosen, side, random)), strict=True)
        labels = np.array([KINDS.index(kind) for kind in itertools.chain(*kinds)])
        gate = _fitted(np.concatenate(features), labels, seed)
        del features
        distances, refused = [], 0
        for _, found in read((UPRIGHT, _film(film)) for film in validation):
            distances.append(gate.distances(gate.reduced(found)))
            refused += sum(verdict.is_refused for verdict in gate.judge(found))
        counts = {kind: [0, 0] for kind in SHARES}
        for names, found in read(_to_count(counted_films, side, random)):
            for kind, verdict in zip(names, gate.judge(found), strict=True):
                counts[kind][0] += 1
                counts[kind][1] += verdict.is_refused
    except _Stopped:
        return None
    made = tuple(MadePictures(kind, *numbers) for kind, numbers in counts.items())
    fit = GateFit(len(chosen), len(validation), refused, made)
    far = float(np.quantile(np.concatenate(distances), NEAR_SHARE))
    return None if fit.problem else dataclasses.replace(gate, far=far), fit


def fit_gate_of(
    classifier: KerasClassifier, folder: Path, training: Sequence[Path], validation: Sequence[Path], progress: Progress
) -> None:
    """Fit a gate to a model that stands, and write it, what came of it and the card's text into the model's folder.

    Args:
        training, validation: films that it was trained on and validated with; what cannot be read is left out.
        progress: as in `fit_gate`.

    Raises:
        ModelError: the gate is not worth keeping; the folder is as it was.
    """
    card = classifier.card
    learnt, tried = _read(training, card.preprocessing), _read(validation, card.preprocessing)
    found = fit_gate(classifier.network, card.explained_layer, card.preprocessing, learnt, tried, progress)
    if found is None:
        return
    gate, fit = found
    if gate is None:
        raise ModelError(f"{card.name} gets no input gate. {fit.problem}")
    write_gate(dataclasses.replace(gate, weights_sha256=card.weights_sha256), folder)
    write_record(fit, folder, card.weights_sha256)
    write_whole(folder / CARD_TEXT_FILE, card_text(card, gate_in_words(folder, card.weights_sha256)).encode())


def films_it_knows(classifier: KerasClassifier, data: Path) -> tuple[list[Path], list[Path]]:
    """List the films below a folder that a model was trained on, and those that it was validated with.

    Raises:
        DataError: there are not some of both.
    """
    parts: dict[str, list[Path]] = {"training": [], "validation": []}
    for path in sorted(data.rglob("*")):
        if path.is_file() and classifier.known is not None:
            part = classifier.known.hashes.get(file_sha256(path)[:HASH_DIGITS])
            if part is not None:
                parts[part].append(path)
    if not all(parts.values()):
        raise DataError(
            f"{data} holds {len(parts['training'])} films that {classifier.card.name} was trained on and "
            f"{len(parts['validation'])} that it was validated with. Expected are some of both, as its list of known "
            "films names them. Please name the folder that it was trained from."
        )
    return parts["training"], parts["validation"]


def _read(paths: Sequence[Path], preprocessing: Preprocessing) -> np.ndarray:
    """Read films at the network's size, uint8 `(n, height, width)`."""
    of_bytes = dataclasses.replace(preprocessing, scale=255.0)
    films = np.empty((len(paths), preprocessing.height, preprocessing.width), np.uint8)
    kept = 0
    for path in paths:
        with suppress(PneumoError):
            films[kept] = np.rint(prepare(read_radiograph(path).pixels, of_bytes)[:, :, 0])
            kept += 1
    return films[:kept]


def _to_learn(films: np.ndarray, side: int, random: Random) -> Pictures:
    """Make the pictures that a gate is fitted on, one after the other: all of them at once would fill the memory."""
    # A second that a reading need not pay.
    from sklearn.datasets import load_sample_images

    photographs = [(picture.mean(axis=2) / 255).astype(np.float32) for picture in load_sample_images().images]
    large = _Resized(films, side)
    for film in films[::2]:
        yield UPRIGHT, _film(film)
    for film in large:
        yield UPRIGHT, as_exported(film, random)
    for kind, share in SHARES.items():
        for place in random.choice(len(films), round(share * len(films))):
            yield kind, _made(kind, large[place], large, random)
    for _ in range(round(PHOTOGRAPH_SHARE * len(films))):
        yield OTHER, of_a_photograph(photographs, side, random)


def _to_count(films: np.ndarray, side: int, random: Random) -> Pictures:
    """Make a picture of each kind of each film; pieces of the photographs that it was fitted with would say nothing."""
    large = _Resized(films, side)
    for kind in SHARES:
        for film in large:
            yield kind, _made(kind, film, large, random)


class _Resized(Sequence[np.ndarray]):
    """Films at the size that pictures are made of, float32 `(side, side)` in [0, 1], each when it is asked for."""

    def __init__(self, films: np.ndarray, side: int) -> None:
        self._films, self._side = films, side

    def __len__(self) -> int:
        return len(self._films)

    def __getitem__(self, place: Any) -> Any:
        return resize(_film(self._films[place]), self._side, self._side)


def _film(film: np.ndarray) -> np.ndarray:
    return film.astype(np.float32) / np.float32(255)


def _made(kind: str, film: np.ndarray, others: _Resized, random: Random) -> np.ndarray:
    if kind == INVERTED:
        return inverted(film, random)
    if kind == PART:
        return part_or_several(film, others, random)
    if kind == OTHER:
        return OTHERS[random.integers(len(OTHERS))](film, random)
    return turned(film, random, {LEFT: 1, OVER: 2, RIGHT: 3}[kind])


def _fitted(features: np.ndarray, labels: np.ndarray, seed: int) -> InputGate:
    """Fit a gate to features, float32 `(n, features)`, and places in `KINDS`, `(n,)`; its limit of distance is open."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression

    centre, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)
    standard = standardised(features, centre, scale)
    principal = PCA(min(COMPONENTS, *standard.shape), random_state=seed).fit(standard)
    # Where pictures are few, the last ones vary by nothing but rounding.
    varies = principal.explained_variance_ > 1e-6 * principal.explained_variance_[0]
    deviations = np.sqrt(principal.explained_variance_[varies])
    components = (principal.components_[varies].T / deviations).astype(np.float32)
    kept = standard @ components
    regression = LogisticRegression(C=PENALTY, max_iter=500).fit(kept, labels)
    upright = kept[labels == 0]
    precision = np.linalg.inv(np.cov(upright.T) + 0.05 * np.eye(kept.shape[1]))
    return InputGate(
        weights_sha256="",
        centre=centre,
        scale=scale,
        components=components,
        coefficients=regression.coef_.T.astype(np.float32),
        intercepts=regression.intercept_.astype(np.float32),
        middle=upright.mean(axis=0).astype(np.float32),
        precision=precision.astype(np.float32),
        far=np.inf,
    )
