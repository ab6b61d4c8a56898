"""Fit the segmenter to pairs, judge it on other patients, and write it with its card."""

import datetime
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.errors import DataError
from pneumo_core.files import file_sha256, write_whole
from pneumo_core.keras_network import save_network
from pneumo_core.models import LUNGS_CARD_FILE, LUNGS_FILE, versions_at_work
from pneumo_core.stats import Bootstrap, Estimate, percentile_interval
from pneumo_core.train.segmenter.augmentation import augmented, shrunk
from pneumo_core.train.segmenter.network import CHANNELS, lungs_network
from pneumo_core.train.segmenter.pairs import Pairs

BATCH = 16
LEARNING_RATE = 2e-3
LIMITATIONS = (
    "It learned on normal lungs of adults, so it misses the sickest lungs.",
    "A lung that it does not outline may be opaque, absent or off the image.",
    "Its outline refuses no image.",
)


@dataclass(frozen=True, slots=True)
class LungsFit:
    """How a segmenter was made, and how well it outlines the lungs of patients that it has not seen.

    Attributes:
        dice: the mean over validation images of twice the common area through the sum of both areas, with an interval
            by patient; in [0, 1].
        dice_by_view: likewise for each view that the pairs name.
        epoch: the best one, whose weights are kept.
    """

    training: int
    training_patients: int
    validation: int
    validation_patients: int
    left_out: int
    dice: Estimate
    dice_by_view: dict[str, Estimate]
    epochs: int
    epoch: int
    seed: int


def fit_lungs(
    pairs: Pairs,
    folder: Path,
    *,
    epochs: int = 18,
    seed: int = 0,
    validation_share: float = 0.15,
    channels: Sequence[int] = CHANNELS,
    progress: Callable[[int, int], bool] = lambda done, of: True,
) -> LungsFit | None:
    """Fit a segmenter, and write it and its card into a folder; each is whole or not there.

    Args:
        validation_share: of the patients, by whose films it is judged and the best epoch is chosen.
        progress: is called with how many of how many steps are done; False stops the work.

    Returns:
        None where it was stopped: nothing is written then.

    Raises:
        DataError: there are too few patients.
    """
    judged = _judged(pairs.patients, validation_share, seed)
    steps = -(-int((~judged).sum()) // BATCH)
    # The first step compiles the network for seconds.
    if not progress(0, epochs * steps):
        return None
    films, lungs, random = pairs.films[~judged], pairs.lungs[~judged], np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    network = lungs_network(pairs.films.shape[1], channels)
    # The network itself stays without an optimizer, which would be saved with it.
    learner = keras.Model(network.input, network.output)
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * steps)
    # XLA would compile for longer than a small training takes.
    learner.compile(keras.optimizers.Adam(schedule), loss=_loss, jit_compile=False)
    best: tuple[float, int, list[np.ndarray]] = (-1.0, 0, [])
    for epoch in range(1, epochs + 1):
        order = random.permutation(len(films))
        for step in range(steps):
            shown = [
                augmented(films[place], lungs[place], random) for place in order[step * BATCH : (step + 1) * BATCH]
            ]
            inputs, targets = (np.stack(arrays)[..., np.newaxis] for arrays in zip(*shown, strict=True))
            learner.train_on_batch(inputs, targets)
            if not progress((epoch - 1) * steps + step + 1, epochs * steps):
                return None
        mean = float(np.mean(dice(network, pairs.films[judged], pairs.lungs[judged])))
        if mean > best[0]:
            best = mean, epoch, network.get_weights()
    network.set_weights(best[2])
    patients, views = np.array(pairs.patients)[judged], np.array(pairs.views)[judged]
    found = dice(network, pairs.films[judged], pairs.lungs[judged])
    fit = LungsFit(
        training=len(films),
        training_patients=len(set(np.array(pairs.patients)[~judged])),
        validation=len(found),
        validation_patients=len(set(patients)),
        left_out=pairs.left_out,
        dice=mean_by_patient(found, patients),
        dice_by_view={
            str(view): mean_by_patient(found[views == view], patients[views == view])
            for view in sorted(set(views))
            if view
        },
        epochs=epochs,
        epoch=best[1],
        seed=seed,
    )
    folder.mkdir(parents=True, exist_ok=True)
    save_network(network, folder / LUNGS_FILE)
    card = lungs_card(fit, network, channels, pairs.sources, pairs.terms, file_sha256(folder / LUNGS_FILE))
    write_whole(folder / LUNGS_CARD_FILE, json.dumps(card, indent=2).encode() + b"\n")
    return fit


def lungs_card(
    fit: LungsFit,
    network: keras.Model,
    channels: Sequence[int],
    sources: Sequence[str],
    terms: Sequence[str],
    sha256: str,
) -> dict[str, Any]:
    """Give the segmenter's card as plain data."""
    facts = asdict(fit)
    return {
        "format": 1,
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "sha256": sha256,
        "architecture": f"U-Net, channels {', '.join(map(str, channels))}",
        "parameters": network.count_params(),
        "input": list(network.input_shape[1:]),
        "output": list(network.output_shape[1:]),
        "training_data": {
            "description": "whole X-rays, and the same ones with all but the lungs blanked",
            "sources": list(sources),
            "terms": list(terms),
        },
        **facts,
        "limitations": list(LIMITATIONS),
        "versions": versions_at_work(),
    }


def dice(network: keras.Model, films: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Give how well a network's lungs agree with the masks: float64 `(n,)` in [0, 1], 1 where they are the same.

    Args:
        films: uint8 `(n, size, size)`.
        lungs: bool `(n, size, size)`; they are compared in the network's cells.
    """
    found = []
    for start in range(0, len(films), BATCH):
        batch = tf.constant(films[start : start + BATCH, ..., np.newaxis], tf.float32)
        ours = np.asarray(_infer(network, batch))[..., 0] > 0
        theirs = np.stack([shrunk(mask) for mask in lungs[start : start + BATCH]]) > 0.5
        common, areas = (ours & theirs).sum((1, 2)), ours.sum((1, 2)) + theirs.sum((1, 2))
        found.append(2 * common / np.maximum(areas, 1))
    return np.concatenate(found)


def mean_by_patient(values: np.ndarray, patients: np.ndarray) -> Estimate:
    """Give the mean of figures of images, float `(n,)`, with a bootstrap interval that resamples patients."""
    resampled = np.concatenate([weights @ values / weights.sum(1) for weights in Bootstrap(patients).weights()])
    return Estimate(float(values.mean()), *percentile_interval(resampled), len(values))


def _judged(patients: Sequence[str], share: float, seed: int) -> np.ndarray:
    """Tell which films are for validation: by the hash of their patient, so that a patient always falls alike."""
    least = 256**4 * share
    numbers = [int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:4], "big") for name in patients]
    judged = np.array(numbers) < least
    if not judged.any() or judged.all():
        raise DataError(
            f"The pairs are of {len(set(patients))} patients. With a share of {share:g} for validation, one side of "
            "the split is empty. Please give more pairs, or another share."
        )
    return judged


def _loss(shares: Any, logits: Any) -> Any:
    """Binary cross-entropy, and one minus the overlap of whole lungs: small lungs count as much as large ones."""
    probabilities = keras.ops.sigmoid(logits)
    entropy = keras.ops.mean(keras.losses.binary_crossentropy(shares, logits, from_logits=True))
    common = keras.ops.sum(shares * probabilities, (1, 2, 3))
    areas = keras.ops.sum(shares, (1, 2, 3)) + keras.ops.sum(probabilities, (1, 2, 3))
    return entropy + keras.ops.mean(1 - (2 * common + 1) / (areas + 1))


@tf.function(reduce_retracing=True)
def _infer(network: keras.Model, films: tf.Tensor) -> tf.Tensor:
    return network(films, training=False)
