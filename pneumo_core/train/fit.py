"""Fit a network to films: stages, checkpoints, the best epoch; what was killed goes on from its last whole epoch."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.errors import ModelError
from pneumo_core.files import write_whole, written_whole
from pneumo_core.keras_network import body_and_head, explain, put_weights, save_network
from pneumo_core.models import LOG_FILE, NETWORK_FILE, read_log
from pneumo_core.stats import area_under_roc
from pneumo_core.train.augmentation import augmentation_layers
from pneumo_core.train.build import BACKBONES
from pneumo_core.train.films import Films, epoch_batches
from pneumo_core.train.mixed.groups import Mix, target_of
from pneumo_core.train.mixed.teaching import GroupLoss, OfFinding, mixed_batches, of_three
from pneumo_core.train.plan import Recipe
from pneumo_core.train.stress import EVENED, shaped_by_class, stressed_copies

CHECKPOINT_FILE = "checkpoint.npz"
# So many films of each class have their heat map drawn after every epoch.
WATCHED_FILMS = 3


@dataclass(frozen=True, slots=True)
class FitStep:
    """Where a fit is; epochs and steps count from 1, `figures` are those of the epoch so far."""

    epoch: int
    step: int
    steps: int
    films_per_second: float
    learning_rate: float
    figures: Mapping[str, float]


def fit(
    network: keras.Model,
    served: keras.Model,
    training: Films,
    validation: Films,
    recipe: Recipe,
    folder: Path,
    on_step: Callable[[FitStep], bool] = lambda step: True,
    report: Callable[[str], None] = lambda line: None,
    mix: Mix | None = None,
    strata: np.ndarray | None = None,
) -> bool:
    """Fit a network in place, from the checkpoint in the folder on if there is one.

    After each epoch the folder holds a line of log, a checkpoint, and the best network so far.

    Args:
        network: as `build_network` gives it.
        served: the network that is validated and kept: the same one, or one of full precision with the same weights.
        on_step: is called after every step; False stops the fit.
        mix: deals out the training films by the groups of a plan; None for all of them in each epoch.
        strata: of each validation film a number, int `(n,)`: the AUC that chooses the epoch is the mean over these.

    Returns:
        False where it was stopped before its end.

    Raises:
        ModelError: the training diverged; the best network so far stands in the folder.
    """
    judge = Judge(network, served, validation, recipe, folder, report, strata)
    films = tf.constant(training.views) if mix is None else None
    labels = tf.constant(_labels(training, recipe), tf.float32)
    count = len(training.cases) if mix is None else len(mix)
    model: keras.Model | None = None
    while not judge.is_over:
        epoch = judge.epoch + 1
        if model is None or epoch == recipe.frozen_epochs + 1:
            model = training_model(network, recipe, epoch <= recipe.frozen_epochs, count)
            judge.attach(model)
        seed_layers(model, recipe.seed, epoch)
        watch = Watch(judge, epoch, recipe, count, on_step)
        started = time.monotonic()
        done = model.fit(
            epoch_batches(films, labels, recipe, epoch) if mix is None else mixed_batches(mix, recipe, epoch),
            shuffle=False,
            verbose=0,
            callbacks=[watch],
            class_weight=_class_weights(np.asarray(labels)) if recipe.balance == "class weights" and not mix else None,
        )
        if watch.is_stopped:
            return False
        figures = {name: values[-1] for name, values in done.history.items()}
        judge.after_epoch(time.monotonic() - started, watch.learning_rate, figures)
    return True


class Judge:
    """After each epoch: validate the weights and their moving average, keep the best so far, log, set a checkpoint.

    It validates on a copy of the validation films in which each film is stressed in one of the ways of
    `stressed_copies`. An epoch that wins on clean films only does not carry over. In one such copy films with pneumonia
    are widened and the others made higher, in another one the reverse. The lower AUC counts, because the shape of a
    file, squashed into its pixels, is no sign of disease.
    """

    def __init__(
        self,
        network: keras.Model,
        served: keras.Model,
        validation: Films,
        recipe: Recipe,
        folder: Path,
        report: Callable[[str], None],
        strata: np.ndarray | None = None,
    ) -> None:
        self.network, self.served, self.recipe, self.folder, self.report = network, served, recipe, folder, report
        self.labels = validation.has_pneumonia
        self.strata = np.zeros(len(self.labels), np.int64) if strata is None else strata
        stressed = mixed_stress(validation.views)
        self.copies = [shaped_by_class(stressed, self.labels, factor) for factor in (EVENED, 1 / EVENED)]
        self.watched = [
            int(place) for label in (True, False) for place in np.flatnonzero(self.labels == label)[:WATCHED_FILMS]
        ]
        self.watched_names = [validation.cases[place].name for place in self.watched]
        self.watched_films = validation.views[0][self.watched, ..., np.newaxis].astype(np.float32)
        layer = BACKBONES[recipe.architecture].explained_layer
        body, self.head = body_and_head(served, layer)
        self.body = tf.function(lambda films: body(films, training=False))
        self.layer = layer
        self.model: keras.Model | None = None
        self.optimizer_state: list[np.ndarray] | None = None
        self.epoch = self.steps = self.best_epoch = 0
        self.best_area = -1.0
        self.average = [np.array(weight) for weight in network.get_weights()]
        self._resume()

    @property
    def is_over(self) -> bool:
        """True after the last epoch, or after so many without a better one as the recipe allows."""
        patience = self.recipe.early_stopping_epochs
        return self.epoch >= self.recipe.epochs or bool(patience and self.epoch - self.best_epoch >= patience)

    def attach(self, model: keras.Model) -> None:
        """Watch over a model that trains the network, its optimizer as the checkpoint left it."""
        self.model = model
        state, self.optimizer_state = self.optimizer_state, None
        model.optimizer.build(model.trainable_variables)
        # At the first epoch of a stage the optimizer has other weights to care for, and starts anew.
        is_new = self.epoch in (0, self.recipe.frozen_epochs)
        if state is not None and not is_new:
            for variable, value in zip(model.optimizer.variables, state, strict=True):
                variable.assign(value)

    def after_step(self) -> None:
        """Move the average of the weights on by one step; its momentum grows from 0, so that it forgets the start."""
        self.steps += 1
        if not self.recipe.averaging_momentum:
            return
        momentum = min(self.recipe.averaging_momentum, self.steps / (self.steps + 10))
        for average, variable in zip(self.average, self.network.weights, strict=True):
            average += (1 - momentum) * (keras.ops.convert_to_numpy(variable) - average)

    def after_epoch(self, seconds: float, learning_rate: float, training: Mapping[str, float]) -> None:
        """Validate, log, keep the best, set a checkpoint.

        Raises:
            ModelError: the training diverged; the best network so far stands in the folder.
        """
        epoch = self.epoch + 1
        if not np.isfinite(training["loss"]):
            raise ModelError(
                f"The training diverged in epoch {epoch}: its loss is no number. Please train again with a lower "
                "learning rate."
            )
        last = self.network.get_weights()
        entry: dict[str, Any] = {
            "epoch": epoch,
            "seconds": round(seconds, 1),
            "learning_rate": learning_rate,
            "training": {name: round(float(value), 5) for name, value in training.items()},
        }
        candidates = {"validation": last}
        if self.recipe.averaging_momentum:
            candidates["validation_averaged"] = self.average
        for name, weights in candidates.items():
            put_weights(self.served, weights)
            figures = min(
                (self._judged(predict_logits(self.served, copy)) for copy in self.copies),
                key=lambda found: found["auc"],
            )
            entry[name] = figures
            if figures["auc"] >= self.best_area:
                self.best_area, self.best_epoch = figures["auc"], epoch
                entry["best"] = name
                save_network(self.served, self.folder / NETWORK_FILE)
        put_weights(self.served, last)
        entry["attention"] = self._attention()
        self.epoch = epoch
        log = self.folder / LOG_FILE
        before = log.read_bytes() if log.is_file() else b""
        # A kill between the two leaves a line too many, which the next start takes back.
        write_whole(log, before + json.dumps(entry).encode() + b"\n")
        self._set_checkpoint(last)
        shown = {name: entry[name] for name in ("training", *candidates)}
        self.report(f"epoch {epoch}/{self.recipe.epochs}: {seconds:.0f} s, {json.dumps(shown)}")

    def _judged(self, logits: np.ndarray) -> dict[str, float]:
        """Give the figures of all validation films; the AUC is the mean of the strata that have both classes."""
        figures = _figures(self.labels, logits)
        parts = [self.strata == stratum for stratum in np.unique(self.strata)]
        parts = [part for part in parts if len(np.unique(self.labels[part])) > 1]
        if len(parts) < 2:
            return figures
        areas = [_figures(self.labels[part], logits[part])["auc"] for part in parts]
        return figures | {"auc": round(float(np.mean(areas)), 5)}

    def _attention(self) -> list[dict[str, Any]]:
        """Give the heat maps of a few validation films, the same ones each time, coarse as the layer gives them."""
        maps = np.asarray(self.body(tf.constant(self.watched_films)))
        logits = np.asarray(self.head(maps, training=False))[:, 0]
        return [
            {
                "name": name,
                "has_pneumonia": bool(self.labels[place]),
                "logit": round(float(logit), 3),
                "map": np.round(explain(self.head, one[np.newaxis], self.layer).coarse.astype(float), 2).tolist(),
            }
            for place, name, logit, one in zip(self.watched, self.watched_names, logits, maps, strict=True)
        ]

    def _set_checkpoint(self, weights: list[np.ndarray]) -> None:
        assert self.model is not None
        arrays: dict[str, Any] = {f"weight{n}": weight for n, weight in enumerate(weights)}
        arrays |= {f"average{n}": weight for n, weight in enumerate(self.average)}
        arrays |= {
            f"optimizer{n}": keras.ops.convert_to_numpy(variable)
            for n, variable in enumerate(self.model.optimizer.variables)
        }
        counts = np.array([self.epoch, self.steps, self.best_epoch])
        with written_whole(self.folder / CHECKPOINT_FILE) as path, path.open("wb") as file:
            np.savez(file, counts=counts, best_area=self.best_area, **arrays)

    def _resume(self) -> None:
        path = self.folder / CHECKPOINT_FILE
        if path.is_file():
            with np.load(path, allow_pickle=False) as stored:
                self.epoch, self.steps, self.best_epoch = (int(count) for count in stored["counts"])
                self.best_area = float(stored["best_area"])
                put_weights(self.network, _numbered(stored, "weight"))
                self.average = _numbered(stored, "average")
                self.optimizer_state = _numbered(stored, "optimizer")
        log = self.folder / LOG_FILE
        if log.is_file():
            kept = [entry for entry in read_log(self.folder) if entry["epoch"] <= self.epoch]
            write_whole(log, "".join(json.dumps(entry) + "\n" for entry in kept).encode())


class Watch(keras.callbacks.Callback):
    """Tells of every step, and stops where it is asked to."""

    def __init__(
        self, judge: Judge, epoch: int, recipe: Recipe, films: int, on_step: Callable[[FitStep], bool]
    ) -> None:
        super().__init__()
        self.judge, self.epoch, self.recipe, self.films, self.on_step = judge, epoch, recipe, films, on_step
        self.learning_rate = 0.0
        self.is_stopped = False

    def on_train_begin(self, logs: Any = None) -> None:
        self.started = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self.judge.after_step()
        self.learning_rate = float(self.model.optimizer.learning_rate)
        done = min((batch + 1) * self.recipe.batch_size, self.films)
        speed = done / (time.monotonic() - self.started)
        steps = -(-self.films // self.recipe.batch_size)
        step = FitStep(self.epoch, batch + 1, steps, speed, self.learning_rate, dict(logs or {}))
        if not self.on_step(step):
            self.is_stopped = self.model.stop_training = True


class _Rate(keras.metrics.Mean):
    """The share of films of one class that lie on their side of the logit 0."""

    def __init__(self, name: str, label: float) -> None:
        super().__init__(name=name)
        self.label = label

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        labels, logits = keras.ops.reshape(y_true, (-1,)), keras.ops.reshape(y_pred, (-1,))
        is_right = keras.ops.equal(logits > 0, self.label > 0)
        super().update_state(is_right, sample_weight=keras.ops.equal(labels, self.label))


def predict_logits(network: keras.Model, films: np.ndarray, batch_size: int = 32) -> np.ndarray:
    """Give the logits of films uint8 `(n, height, width)`: float32 `(n,)`."""
    parts = [
        _infer(network, tf.convert_to_tensor(films[start : start + batch_size, ..., np.newaxis], tf.float32))
        for start in range(0, len(films), batch_size)
    ]
    return np.concatenate([np.asarray(part)[:, 0] for part in parts])


def mixed_stress(views: np.ndarray) -> np.ndarray:
    """Change every film in one way, in turn; the views take turns too: uint8 `(n, height, width)`.

    Args:
        views: uint8 `(views, n, height, width)`.
    """
    mixed = np.empty_like(views[0])
    ways = len(stressed_copies(views[0][:1]))
    for way in range(ways):
        chosen = np.arange(len(mixed)) % ways == way
        for number, view in enumerate(views):
            of_view = chosen & (np.arange(len(mixed)) // ways % len(views) == number)
            if of_view.any():
                mixed[of_view] = list(stressed_copies(view[of_view]).values())[way]()
    return mixed


@tf.function(reduce_retracing=True)
def _infer(network: keras.Model, films: tf.Tensor) -> tf.Tensor:
    return network(films, training=False)


def training_model(network: keras.Model, recipe: Recipe, backbone_is_frozen: bool, count: int) -> keras.Model:
    """Put the augmentation before the network, and compile both for one stage of the run."""
    body, _ = body_and_head(network, BACKBONES[recipe.architecture].explained_layer)
    is_tuned = not recipe.fine_tune_from
    for layer in network.layers:
        in_body = layer in body.layers
        is_tuned = is_tuned or layer.name.startswith(recipe.fine_tune_from)
        is_kept = isinstance(layer, keras.layers.BatchNormalization) and recipe.frozen_normalization
        layer.trainable = not in_body or (is_tuned and not backbone_is_frozen and not is_kept)
    films = x = keras.Input(network.input_shape[1:])
    for change in augmentation_layers(recipe.augmentation_strength, recipe.seed, recipe.augmentations):
        x = change(x)
    is_of_three = recipe.classes == 3
    model = keras.Model(films, of_three(network)(x) if is_of_three else network(x))
    metrics = [
        keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy"),
        keras.metrics.AUC(from_logits=True, name="auc"),
        _Rate("sensitivity", 1.0),
        _Rate("specificity", 0.0),
    ]
    epochs = recipe.frozen_epochs if backbone_is_frozen else recipe.epochs - recipe.frozen_epochs
    model.compile(
        optimizer=_optimizer(recipe, epochs, -(-count // recipe.batch_size), backbone_is_frozen),
        loss=GroupLoss(recipe.label_smoothing)
        if is_of_three
        else keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
        metrics=[OfFinding(metric) if is_of_three else metric for metric in metrics],
        # XLA takes minutes to compile a network of this size on a CPU.
        jit_compile=False,
    )
    return model


def _optimizer(recipe: Recipe, epochs: int, steps: int, backbone_is_frozen: bool) -> keras.optimizers.Optimizer:
    peak = recipe.head_learning_rate if backbone_is_frozen else recipe.peak_learning_rate
    warm_up = max(1, round(recipe.warm_up_epochs * steps))
    schedules = keras.optimizers.schedules
    if recipe.schedule == "cosine":
        rate = schedules.CosineDecay(
            peak / 50, max(1, epochs * steps - warm_up), warmup_target=peak, warmup_steps=warm_up
        )
    else:
        rate = schedules.PolynomialDecay(peak / 50, warm_up, peak)
    clip = recipe.gradient_clip or None
    if recipe.optimizer == "AdamW":
        return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay, global_clipnorm=clip)
    if recipe.optimizer == "Adam":
        return keras.optimizers.Adam(rate, global_clipnorm=clip)
    return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, global_clipnorm=clip)


def seed_layers(model: keras.Model, seed: int, epoch: int) -> None:
    """Begin an epoch with random numbers that depend on it alone, so that a run that goes on draws them again."""
    random = np.random.default_rng((seed, epoch, 1))
    for variable in model.variables:
        if "seed_generator_state" in variable.path:
            variable.assign(random.integers(0, 2**31, variable.shape).astype(variable.dtype))


def _labels(films: Films, recipe: Recipe) -> np.ndarray:
    """Give the labels that a network of a recipe's classes is taught: float32 `(n,)` or `(n, 3)`."""
    targets = np.stack([target_of(case) for case in films.cases])
    return targets if recipe.classes == 3 else films.has_pneumonia.astype(np.float32)


def _class_weights(labels: np.ndarray) -> dict[int, float]:
    if labels.ndim == 1:
        share = (labels > 0).mean()
        return {0: 0.5 / (1 - share), 1: 0.5 / share}
    shares = np.bincount(labels.argmax(axis=1), minlength=3) / len(labels)
    # A group that is not there has no weight to be shared out.
    return {place: 1 / (np.count_nonzero(shares) * share) if share else 0.0 for place, share in enumerate(shares)}


def _figures(has_pneumonia: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    signs = np.where(has_pneumonia, 1.0, -1.0)
    return {
        "loss": round(float(np.mean(np.logaddexp(0.0, -signs * logits))), 5),
        "accuracy": round(float(np.mean((logits > 0) == has_pneumonia)), 5),
        "auc": round(area_under_roc(has_pneumonia, logits).value, 5),
        "sensitivity": round(float(np.mean(logits[has_pneumonia] > 0)), 5),
        "specificity": round(float(np.mean(logits[~has_pneumonia] <= 0)), 5),
    }


def _numbered(stored: Mapping[str, np.ndarray], name: str) -> list[np.ndarray]:
    count = sum(key.startswith(name) for key in stored)
    return [stored[f"{name}{n}"] for n in range(count)]
