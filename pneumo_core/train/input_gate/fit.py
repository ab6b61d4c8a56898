"""Fit the input gate of a model, whole chest X-rays against what they are not, and count what it refuses."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.data import UNNAMED_FILM, SourceFilm
from pneumo_core.errors import ModelError, PneumoError
from pneumo_core.files import write_whole
from pneumo_core.film import Preprocessing, exposed_area, prepare, read_radiograph, resize
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
    FittedSet,
    GateFit,
    MadePictures,
    card_text,
    gate_in_words,
    write_record,
)
from pneumo_core.network import Segmenter, framed
from pneumo_core.train.input_gate.groups import GateGroup
from pneumo_core.train.input_gate.negatives import (
    OTHERS,
    Random,
    as_exported,
    inverted,
    of_a_photograph,
    part_or_several,
    turned,
)
from pneumo_core.train.input_gate.portable import portable

MOST_FILMS = 2600
# Features of all pictures together, 0.5 GB: a network that has more of them is fitted on fewer films.
MOST_VALUES = 2**27
# The side of the pictures that are made, in pixels. It is larger only where the network's input is.
GATE_SIDE = 224
# Pictures made of each of those films, on average.
SHARES = {LEFT: 0.27, OVER: 0.27, RIGHT: 0.27, INVERTED: 0.27, PART: 0.62, OTHER: 0.7}
PHOTOGRAPH_SHARE = 0.25
# Good ones made of each film, on average: as it is, as viewers export it, as portable devices show it.
PLAIN_SHARE, EXPORTED_SHARE, PORTABLE_SHARE = 0.5, 1.0, 1.5
PICTURES_A_FILM = PLAIN_SHARE + EXPORTED_SHARE + PORTABLE_SHARE + sum(SHARES.values()) + PHOTOGRAPH_SHARE
COMPONENTS = 256
# Inverse strength of the penalty; what was in view when it was set: docs/input-gate.md.
PENALTY = 0.003
BATCH = 32
# So many pictures of each kind, made of as many validation films, show how many are refused.
MOST_COUNTED = 200

TellCount = Callable[[int, int], bool]


class Picture(NamedTuple):
    """A picture to learn from or to count, float32 `(height, width)` in [0, 1], and its kind.

    `is_standard` is True for X-rays that the network was trained on, as they are or as viewers export them: others are
    told to be far by them.
    """

    kind: str
    array: np.ndarray
    is_standard: bool = False


Pictures = Iterator[Picture]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class GateFilms:
    """Whole upright chest X-rays of one group of patients: a gate is to let them in.

    Attributes:
        name: of the group, for the record: "children", "adults".
        training, validation: uint8 `(n, height, width)`, of the network's own size or another; none of a patient who is
            in the other.
        is_known: whether the network was trained on the first of them.
    """

    name: str
    training: np.ndarray
    validation: np.ndarray
    is_known: bool = True


class _Stopped(Exception):
    """Somebody wants no more of it."""


class FeatureReader:
    """Reads the gate's features of pictures, with a network."""

    def __init__(
        self, network: keras.Model, explained_layer: str, preprocessing: Preprocessing, lungs: Segmenter | None = None
    ) -> None:
        reader = keras.Model(network.input, gate_features(network, explained_layer))
        shape = (None, *network.input_shape[1:])
        self.features: int = reader.output_shape[1]
        self._preprocessing, self._lungs = preprocessing, lungs
        self._read = tf.function(
            lambda films: reader(films, training=False), input_signature=[tf.TensorSpec(shape, tf.float32)]
        )

    def read(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """Give float32 `(n, features)` of pictures, float32 `(height, width)` in [0, 1], framed as for reading."""
        films = np.stack([framed(picture, self._preprocessing, self._lungs).film for picture in pictures])
        return np.asarray(self._read(tf.constant(films)))


def fit_gate(
    network: keras.Model,
    explained_layer: str,
    preprocessing: Preprocessing,
    groups: Sequence[GateFilms],
    progress: TellCount = lambda done, of: True,
    seed: int = 1,
    lungs: Segmenter | None = None,
) -> tuple[InputGate | None, GateFit] | None:
    """Fit a gate to a network, and count what it refuses, by group of patients.

    Args:
        groups: at most `MOST_FILMS` of all their training films are used, of each group alike where it has so many.
            Validation films serve the limit of the distance and the counts.
        progress: is called with how many of how many pictures are read; False stops the work.
        seed: of what is drawn.
        lungs: the network that outlines the lungs, where the model has one: pictures are framed as for reading.

    Returns:
        the gate, of no weights yet, or None where it is not worth keeping, and what came of it; None where it was
        stopped.
    """
    fit = GateFit(sum(len(group.training) for group in groups), sum(len(group.validation) for group in groups))
    if not fit.has_films:
        return None, fit
    random = np.random.default_rng(seed)
    reader = FeatureReader(network, explained_layer, preprocessing, lungs)
    most = min(MOST_FILMS, int(MOST_VALUES / (PICTURES_A_FILM * reader.features)))
    counts = _even_counts([len(group.training) for group in groups], most)
    side = max(GATE_SIDE, preprocessing.height, preprocessing.width)
    chosen = [
        _Films(group.training[random.permutation(len(group.training))[:count]], side, group.is_known)
        for group, count in zip(groups, counts, strict=True)
    ]
    counted = [
        _Films(group.validation[random.permutation(len(group.validation))[:MOST_COUNTED]], side, group.is_known)
        for group in groups
    ]
    of = (
        sum(_count_to_learn(len(films)) for films in chosen)
        + sum(len(group.validation) for group in groups)
        + (1 + len(SHARES)) * sum(len(films) for films in counted)
    )
    done = 0

    def read(pictures: Pictures) -> Iterator[tuple[tuple[str, ...], tuple[bool, ...], np.ndarray]]:
        nonlocal done
        while batch := list(itertools.islice(pictures, BATCH)):
            kinds, arrays, standard = zip(*batch, strict=True)
            yield kinds, standard, reader.read(arrays)
            done += len(batch)
            if not progress(done, of):
                raise _Stopped

    try:
        kinds, standard, features = zip(*read(_to_learn(chosen, side, random)), strict=True)
        labels = np.array([KINDS.index(kind) for kind in itertools.chain(*kinds)])
        gate = _fitted(np.concatenate(features), labels, np.array([*itertools.chain(*standard)]), seed)
        del features
        distances, found_of = [], []
        for group, films in zip(groups, counted, strict=True):
            refused = 0
            for _, _, found in read(Picture(UPRIGHT, _film(film)) for film in group.validation):
                refused += sum(verdict.is_refused for verdict in gate.judge(found))
                if group.is_known:
                    distances.append(gate.distances(gate.reduced(found)))
            made = {kind: [0, 0] for kind in (UPRIGHT, *SHARES)}
            for names, _, found in read(_to_count(films, random)):
                for kind, verdict in zip(names, gate.judge(found), strict=True):
                    made[kind][0] += 1
                    made[kind][1] += verdict.is_refused
            found_of.append((refused, made))
    except _Stopped:
        return None
    sets = [
        FittedSet(
            group.name,
            count,
            len(group.validation),
            refused,
            portable=made[UPRIGHT][0],
            portable_refused=made[UPRIGHT][1],
            made=tuple(MadePictures(kind, *made[kind]) for kind in SHARES),
            is_known=group.is_known,
        )
        for group, count, (refused, made) in zip(groups, counts, found_of, strict=True)
    ]
    fit = GateFit.of(sets)
    far = float(np.quantile(np.concatenate(distances), NEAR_SHARE)) if distances else np.inf
    return None if fit.problem else dataclasses.replace(gate, far=far), fit


def fit_gate_of(classifier: KerasClassifier, folder: Path, groups: Sequence[GateGroup], progress: TellCount) -> None:
    """Fit a gate to a model that stands, and write it, what came of it and the card's text into the model's folder.

    Args:
        groups: as `groups_of` gives them; what cannot be read is left out.
        progress: as in `fit_gate`.

    Raises:
        ModelError: the gate is not worth keeping; the folder is as it was.
    """
    card = classifier.card
    films = [
        GateFilms(
            group.name,
            _read(group.training, card.preprocessing),
            _read(group.validation, card.preprocessing),
            group.is_known,
        )
        for group in groups
    ]
    network, lungs = classifier.network, classifier.lungs
    found = fit_gate(network, card.explained_layer, card.preprocessing, films, progress, lungs=lungs)
    if found is None:
        return
    gate, fit = found
    if gate is None:
        raise ModelError(f"{card.name} gets no input gate. {fit.problem}")
    write_gate(dataclasses.replace(gate, weights_sha256=card.weights_sha256), folder)
    write_record(fit, folder, card.weights_sha256)
    write_whole(folder / CARD_TEXT_FILE, card_text(card, gate_in_words(folder, card.weights_sha256)).encode())


def _read(films: Sequence[SourceFilm], preprocessing: Preprocessing) -> np.ndarray:
    """Read films at the network's size, framed as for reading, uint8 `(n, height, width)`."""
    of_bytes = dataclasses.replace(preprocessing, scale=255.0)
    read = np.empty((len(films), preprocessing.height, preprocessing.width), np.uint8)
    kept = 0
    for film in films:
        with suppress(PneumoError):
            pixels = read_radiograph(film.read(), UNNAMED_FILM).pixels
            read[kept] = np.rint(prepare(pixels, of_bytes, exposed_area(pixels))[:, :, 0])
            kept += 1
    return read[:kept]


def _even_counts(lengths: Sequence[int], most: int) -> list[int]:
    """Share out `most` films to groups of these lengths: alike, and what a small group leaves goes to the others."""
    counts = [0] * len(lengths)
    by_length = sorted(range(len(lengths)), key=lambda place: lengths[place])
    for done, place in enumerate(by_length):
        counts[place] = min(lengths[place], (most - sum(counts)) // (len(lengths) - done))
    return counts


class _Films(Sequence[np.ndarray]):
    """Films at the size that pictures are made of, float32 `(side, side)` in [0, 1], each when it is asked for."""

    def __init__(self, films: np.ndarray, side: int, is_known: bool) -> None:
        self.films, self.is_known, self._side = films, is_known, side

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, place: Any) -> Any:
        return resize(_film(self.films[place]), self._side, self._side)


def _count_to_learn(films: int) -> int:
    drawn = (PORTABLE_SHARE, *SHARES.values(), PHOTOGRAPH_SHARE)
    return -(-films // 2) + films + sum(round(share * films) for share in drawn)


def _to_learn(groups: Sequence[_Films], side: int, random: Random) -> Pictures:
    """Make the pictures that a gate is fitted on, one after the other: all of them at once would fill the memory."""
    # A second that a reading need not pay.
    from sklearn.datasets import load_sample_images

    photographs = [(picture.mean(axis=2) / 255).astype(np.float32) for picture in load_sample_images().images]
    for films in groups:
        for film in films.films[::2]:
            yield Picture(UPRIGHT, _film(film), films.is_known)
        for film in films:
            yield Picture(UPRIGHT, as_exported(film, random), films.is_known)
        for place in random.choice(len(films), round(PORTABLE_SHARE * len(films))):
            yield Picture(UPRIGHT, portable(films[place], random))
        for kind, share in SHARES.items():
            for place in random.choice(len(films), round(share * len(films))):
                yield Picture(kind, _made(kind, films[place], films, random))
        for _ in range(round(PHOTOGRAPH_SHARE * len(films))):
            yield Picture(OTHER, of_a_photograph(photographs, side, random))


def _to_count(films: _Films, random: Random) -> Pictures:
    """Make a picture of each kind of each film; pieces of the photographs that it was fitted with would say nothing."""
    for film in films:
        yield Picture(UPRIGHT, portable(film, random))
    for kind in SHARES:
        for film in films:
            yield Picture(kind, _made(kind, film, films, random))


def _film(film: np.ndarray) -> np.ndarray:
    return film.astype(np.float32) / np.float32(255)


def _made(kind: str, film: np.ndarray, others: _Films, random: Random) -> np.ndarray:
    if kind == INVERTED:
        return inverted(film, random)
    if kind == PART:
        return part_or_several(film, others, random)
    if kind == OTHER:
        return OTHERS[random.integers(len(OTHERS))](film, random)
    return turned(film, random, {LEFT: 1, OVER: 2, RIGHT: 3}[kind])


def _fitted(features: np.ndarray, labels: np.ndarray, is_standard: np.ndarray, seed: int) -> InputGate:
    """Fit a gate to features, float32 `(n, features)`, and places in `KINDS`, `(n,)`; its limit of distance is open.

    Args:
        is_standard: bool `(n,)`, the pictures from which a distance is measured; all upright ones where there are few.
    """
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
    upright = kept[is_standard if is_standard.sum() > 1 else labels == 0]
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
