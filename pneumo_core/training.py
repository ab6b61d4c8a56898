"""Fit a network on cases, calibrate it, choose its thresholds, and write the model folder.

The way of a training run (`train`): films -> split by patient -> fit with augmentation, best epoch
by validation AUC -> temperature and operating points on validation and its stressed copies ->
evaluation of the test films, once -> model folder.
"""

import csv
import dataclasses
import datetime
import json
import platform
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.augmentation import augmentation_layers
from pneumo_core.calibration import (
    choose_operating_points,
    fit_temperature,
    probabilities,
    stressed_copies,
)
from pneumo_core.cases import Case, find_cases, manifest_sha256, split_by_patient
from pneumo_core.errors import DataError, ModelError, UnreadableImageError, UnsuitableImageError
from pneumo_core.evaluation import area_under_roc
from pneumo_core.known_films import write_known_films
from pneumo_core.model_card import (
    CARD_FILE,
    LOG_FILE,
    NETWORK_FILE,
    SCORES_FILE,
    ModelCard,
    TrainingData,
    evaluate,
    file_sha256,
    write_card,
)
from pneumo_core.network import BACKBONES, build_network, save_network
from pneumo_core.preprocessing import Preprocessing, fingerprint, prepare
from pneumo_core.radiograph import read_radiograph

INTENDED_USE = (
    "research and teaching: flags chest X-rays with suspected pneumonia and shows where the network found "
    "evidence; not a medical device, not for diagnosis, not stand-alone"
)
POPULATION = (
    "children of 1 to 5 years, frontal AP films from one hospital in Guangzhou, screened for quality "
    "(Kermany et al., Cell 172:1122, 2018)"
)
POPULATION_YEARS = (1.0, 5.0)
LIMITATIONS = (
    "Not validated for patients of another age or from other hospitals than those it was trained on, nor for views "
    "that are not upright and frontal. Networks trained on the films of Kermany et al. fell from an AUC of 0.95 to "
    "0.54 on films of children from elsewhere (Xin 2021, doi:10.1007/s10140-021-01954-x).",
    "Only suspected pneumonia was taught. A film that is not flagged may show any other finding.",
    "The heat map shows where the network found evidence; it is no outline of a lesion. Evidence at side markers, in "
    "corners or along borders is a shortcut of the network, not disease.",
    "Predictive values depend on how common pneumonia is among the patients at hand.",
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a training run; the defaults are the shipped recipe.

    `peak_learning_rate` is reached after `warm_up_epochs` and falls to 0 by a cosine.
    `averaging_momentum` is that of the moving average of all weights, a step.
    `frozen_normalization` keeps the statistics and scales of batch normalisation as they were.
    """

    architecture: str = "EfficientNetV2B0"
    epochs: int = 12
    batch_size: int = 32
    peak_learning_rate: float = 2e-4
    warm_up_epochs: float = 1.0
    weight_decay: float = 1e-2
    gradient_clip: float = 1.0
    label_smoothing: float = 0.06
    dropout: float = 0.35
    augmentation_strength: float = 1.0
    averaging_momentum: float = 0.995
    frozen_normalization: bool = True
    balanced_class_weights: bool = True
    validation_share: float = 0.15
    seed: int = 7


@dataclass(frozen=True, slots=True, eq=False)
class Films:
    """Films in memory, resampled to the network's size.

    `views` holds for each view number uint8 `(n, height, width)`, `has_pneumonia` bool `(n,)`.
    """

    cases: tuple[Case, ...]
    views: tuple[np.ndarray, ...]
    has_pneumonia: np.ndarray


class TrainingFilms:
    """Batches of an epoch: of each film one view, order and views drawn anew by `shuffle`."""

    def __init__(self, films: Films, batch_size: int, seed: int) -> None:
        self.films, self.batch_size = films, batch_size
        self.random = np.random.default_rng(seed)
        self.shuffle()

    def __len__(self) -> int:
        return -(-len(self.films.cases) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = slice(index * self.batch_size, (index + 1) * self.batch_size)
        films = np.stack([self.films.views[v][i] for i, v in zip(self.order[chosen], self.view[chosen], strict=True)])
        labels = self.films.has_pneumonia[self.order[chosen]]
        return films[..., np.newaxis].astype(np.float32), labels.astype(np.float32)

    def shuffle(self) -> None:
        """Draw order and views for the next epoch."""
        count = len(self.films.cases)
        self.order = self.random.permutation(count)
        self.view = self.random.integers(0, len(self.films.views), count)


class Judge:
    """After each epoch: log, validate the weights and their moving average, keep the best so far.

    It validates on a copy of the validation films in which each film is stressed in one of the ways of
    `stressed_copies`, since an epoch that wins on clean films only does not carry over.
    """

    def __init__(
        self, network: keras.Model, validation: Films, recipe: Recipe, folder: Path, report: Callable[[str], None]
    ) -> None:
        self.network, self.recipe, self.folder, self.report = network, recipe, folder, report
        self.labels = validation.has_pneumonia
        self.films = _mixed_stress(validation.views)
        self.average = [np.array(weight) for weight in network.get_weights()]
        self.steps = 0
        self.best_area = -1.0
        self.best_weights = [weight.copy() for weight in self.average]

    def after_step(self) -> None:
        """Move the average of the weights on by one step; its momentum grows from 0, so that it forgets the start."""
        self.steps += 1
        momentum = min(self.recipe.averaging_momentum, self.steps / (self.steps + 10))
        for average, variable in zip(self.average, self.network.weights, strict=True):
            average += (1 - momentum) * (keras.ops.convert_to_numpy(variable) - average)

    def after_epoch(self, epoch: int, seconds: float, learning_rate: float, training: Mapping[str, float]) -> None:
        """Validate, log and keep the best; `epoch` counts from 1.

        Raises:
            ModelError: the training diverged; the best weights so far stand in the folder.
        """
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
        for name, weights in (("validation", last), ("validation_averaged", self.average)):
            self.network.set_weights(weights)
            figures = _figures(self.labels, predict_logits(self.network, self.films))
            entry[name] = figures
            if figures["auc"] >= self.best_area:
                self.best_area = figures["auc"]
                self.best_weights = [weight.copy() for weight in weights]
                entry["best"] = name
        self.network.set_weights(self.best_weights)
        save_network(self.network, self.folder / NETWORK_FILE)
        self.network.set_weights(last)
        with (self.folder / LOG_FILE).open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        self.report(
            f"epoch {epoch}/{self.recipe.epochs}: {seconds:.0f} s, {entry['training']}, "
            f"validation {entry['validation']}, averaged {entry['validation_averaged']}"
        )


def train(
    data: Path,
    out: Path,
    recipe: Recipe,
    preprocessing: Preprocessing,
    copies: Sequence[Path] = (),
    backbone_weights: Path | str | None = None,
    population: str = POPULATION,
    population_years: tuple[float, float] = POPULATION_YEARS,
    report: Callable[[str], None] = lambda line: None,
) -> ModelCard:
    """Train a model from a folder in the Kaggle layout and write it to a new folder.

    The folder `out` appears when all is done; until then the run writes to `out` + ".partial".

    Args:
        data: holds `train` and `val` (joined, then split by patient) and `test` (read once, at the end).
        copies: further copies of the same films, used as other views of them, and tested separately.
        backbone_weights: see `build_network`.
        population, population_years: whose films these are, and their lowest and highest age.
        report: is called with lines for a person to read.

    Returns:
        the card of the model written.

    Raises:
        DataError: the folder is not as it must be, or too few films can be read.
        ModelError: `out` holds a model already, or the backbone's weights cannot be had.
    """
    if len({folder.name for folder in (data, *copies)}) <= len(copies):
        raise DataError(
            "Two of the data folders have the same name, so that their results could not be told apart. Please "
            "rename one."
        )
    if out.exists() and any(out.iterdir()):
        raise ModelError(f"{out} is not empty, and a model is never overwritten. Please name a new folder.")
    cases = find_cases(data, copies)
    training, validation = split_by_patient(
        (case for case in cases if case.split != "test"), recipe.validation_share, recipe.seed
    )
    keras.utils.set_random_seed(recipe.seed)
    network = build_network(recipe.architecture, preprocessing, recipe.dropout, backbone_weights)
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)

    report(f"reading {len(training)} training films, {len(validation)} validation films")
    validation_films = read_films(validation, preprocessing, report)
    training_films = read_films(training, preprocessing, report)
    judge = fit(network, training_films, validation_films, recipe, partial, report)
    network.set_weights(judge.best_weights)

    has_pneumonia = validation_films.has_pneumonia
    logits = {name: predict_logits(network, films) for name, films in validation_copies(validation_films)}
    calibration = fit_temperature(np.concatenate(list(logits.values())), np.tile(has_pneumonia, len(logits)))
    scores = {name: probabilities(copy, calibration) for name, copy in logits.items()}
    points = choose_operating_points(scores, has_pneumonia)

    tests = [case for case in cases if case.split == "test"]
    rows = list(_score_rows(validation_films.cases, has_pneumonia, logits))
    test_results = []
    if tests:
        report(f"reading {len(tests)} test films, once")
        test_films = read_films(tests, preprocessing, report)
        test_logits = {
            f"test, {folder.name}": predict_logits(network, view)
            for folder, view in zip((data, *copies), test_films.views, strict=True)
        }
        rows += _score_rows(test_films.cases, test_films.has_pneumonia, test_logits)
        test_results = [
            evaluate(name, test_films.has_pneumonia, probabilities(copy, calibration), points)
            for name, copy in test_logits.items()
        ]

    save_network(network, partial / NETWORK_FILE)
    write_known_films(partial, [*_known("training", training_films), *_known("validation", validation_films)])
    card = ModelCard(
        name=out.name,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        architecture=recipe.architecture,
        preprocessing=preprocessing,
        explained_layer=BACKBONES[recipe.architecture].explained_layer,
        calibration=calibration,
        operating_points=points,
        weights_sha256=file_sha256(partial / NETWORK_FILE),
        population=population,
        population_years=population_years,
        intended_use=INTENDED_USE,
        limitations=LIMITATIONS,
        recipe=dataclasses.asdict(recipe) | {"starts_from": _start_in_words(backbone_weights)},
        training_data=_describe(training_films.cases, validation_films.cases, recipe),
        validation=tuple(evaluate(name, has_pneumonia, copy, points) for name, copy in scores.items()),
        test=tuple(test_results),
        versions={"python": platform.python_version()}
        | {name: metadata.version(name) for name in ("tensorflow", "keras", "numpy")},
    )
    _write_scores(partial / SCORES_FILE, rows)
    write_card(card, partial)
    if out.exists():
        out.rmdir()
    partial.rename(out)
    report(f"written: {out / CARD_FILE}")
    return card


def read_films(cases: Sequence[Case], preprocessing: Preprocessing, report: Callable[[str], None]) -> Films:
    """Read films into memory, resampled; a film of which a view cannot be read is left out and reported.

    Raises:
        DataError: of one of the classes no film could be read.
    """
    kept, images = [], []
    for case in cases:
        try:
            images.append([_prepared(path, preprocessing) for path in case.views])
            kept.append(case)
        except (UnreadableImageError, UnsuitableImageError) as error:
            report(f"left out: {error}")
    if len({case.has_pneumonia for case in kept}) < 2:
        raise DataError(
            f"Of {len(cases)} films {len(kept)} could be read, and they are not of both classes. Expected are "
            "readable X-rays in NORMAL and in PNEUMONIA. Please check the files."
        )
    views = tuple(np.stack(view) for view in zip(*images, strict=True))
    return Films(tuple(kept), views, np.array([case.has_pneumonia for case in kept]))


def fit(
    network: keras.Model,
    training: Films,
    validation: Films,
    recipe: Recipe,
    folder: Path,
    report: Callable[[str], None],
) -> Judge:
    """Fit a network in place; the judge returned holds the best weights and where they came from.

    Writes the log and, after each epoch, the best network so far into `folder`.
    """
    for layer in network.layers:
        if recipe.frozen_normalization and isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    films = x = keras.Input(network.input_shape[1:])
    for change in augmentation_layers(recipe.augmentation_strength, recipe.seed):
        x = change(x)
    model = keras.Model(films, network(x))
    batches = TrainingFilms(training, recipe.batch_size, recipe.seed)
    warm_up = max(1, round(recipe.warm_up_epochs * len(batches)))
    model.compile(
        optimizer=keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(
                recipe.peak_learning_rate / 50,
                max(1, recipe.epochs * len(batches) - warm_up),
                warmup_target=recipe.peak_learning_rate,
                warmup_steps=warm_up,
            ),
            weight_decay=recipe.weight_decay,
            global_clipnorm=recipe.gradient_clip,
        ),
        loss=keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")],
        # XLA takes minutes to compile a network of this size on a CPU.
        jit_compile=False,
    )
    shares = training.has_pneumonia.mean()
    weights = {0: 0.5 / (1 - shares), 1: 0.5 / shares} if recipe.balanced_class_weights else None
    judge = Judge(network, validation, recipe, folder, report)
    # Step by step: `fit` feeds batches through a generator that makes the allocator give its memory back
    # to the system at every step, a third of the time on a CPU.
    for epoch in range(1, recipe.epochs + 1):
        started = time.monotonic()
        sums: Counter[str] = Counter()
        for index in range(len(batches)):
            batch, labels = batches[index]
            # The figures of this batch alone: Keras forgets those of the batches before.
            figures = model.train_on_batch(batch, labels, class_weight=weights, return_dict=True)
            sums.update({name: float(value) * len(labels) for name, value in figures.items()})
            judge.after_step()
        means = {name: total / len(training.cases) for name, total in sums.items()}
        judge.after_epoch(epoch, time.monotonic() - started, float(model.optimizer.learning_rate), means)
        batches.shuffle()
    return judge


def predict_logits(network: keras.Model, films: np.ndarray, batch_size: int = 32) -> np.ndarray:
    """Give the logits of films uint8 `(n, height, width)`: float32 `(n,)`."""
    parts = [
        _infer(network, tf.convert_to_tensor(films[start : start + batch_size, ..., np.newaxis], tf.float32))
        for start in range(0, len(films), batch_size)
    ]
    return np.concatenate([np.asarray(part)[:, 0] for part in parts])


def validation_copies(films: Films) -> Iterator[tuple[str, np.ndarray]]:
    """Give the validation films as they are, in each view, and in every stressed copy, one at a time."""
    for number, view in enumerate(films.views, start=1):
        yield f"validation, view {number}", view
    for name, stress in stressed_copies(films.views[0]).items():
        yield f"validation, {name}", stress()


@tf.function(reduce_retracing=True)
def _infer(network: keras.Model, films: tf.Tensor) -> tf.Tensor:
    return network(films, training=False)


def _prepared(path: Path, preprocessing: Preprocessing) -> np.ndarray:
    film = prepare(read_radiograph(path).pixels, preprocessing)[:, :, 0]
    return np.clip(np.rint(film), 0, 255).astype(np.uint8)


def _mixed_stress(views: Sequence[np.ndarray]) -> np.ndarray:
    """Change every film in one way, in turn; the views take turns too."""
    mixed = np.empty_like(views[0])
    ways = len(stressed_copies(views[0][:1]))
    for way in range(ways):
        chosen = np.arange(len(mixed)) % ways == way
        for number, view in enumerate(views):
            of_view = chosen & (np.arange(len(mixed)) // ways % len(views) == number)
            if of_view.any():
                mixed[of_view] = list(stressed_copies(view[of_view]).values())[way]()
    return mixed


def _figures(has_pneumonia: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    signs = np.where(has_pneumonia, 1.0, -1.0)
    return {
        "auc": round(area_under_roc(has_pneumonia, logits).value, 5),
        "loss": round(float(np.mean(np.logaddexp(0.0, -signs * logits))), 5),
        "sensitivity": round(float(np.mean(logits[has_pneumonia] > 0)), 5),
        "specificity": round(float(np.mean(logits[~has_pneumonia] <= 0)), 5),
    }


def _start_in_words(backbone_weights: Path | str | None) -> str:
    if isinstance(backbone_weights, Path):
        return f"{backbone_weights.name}, sha256 {file_sha256(backbone_weights)}"
    return "Keras' ImageNet weights" if backbone_weights else "random weights"


def _describe(training: Sequence[Case], validation: Sequence[Case], recipe: Recipe) -> TrainingData:
    return TrainingData(
        description="train and val of a folder in the Kaggle layout, split again by patient: "
        f"{recipe.validation_share:.0%} of the patients for validation, seed {recipe.seed}",
        films=len(training),
        films_with_pneumonia=sum(case.has_pneumonia for case in training),
        patients=len({case.patient for case in training}),
        views_of_each_film=max(len(case.views) for case in training),
        validation_films=len(validation),
        validation_films_with_pneumonia=sum(case.has_pneumonia for case in validation),
        validation_patients=len({case.patient for case in validation}),
        manifest_sha256=manifest_sha256((*training, *validation)),
    )


def _known(part: str, films: Films) -> Iterator[tuple[str, list[str], str]]:
    for case, film in zip(films.cases, films.views[0], strict=True):
        yield part, [file_sha256(view) for view in case.views], fingerprint(film.astype(np.float32))


def _score_rows(
    cases: Sequence[Case], has_pneumonia: np.ndarray, logits: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, str, str, int, str]]:
    for copy, values in logits.items():
        for case, positive, logit in zip(cases, has_pneumonia, values, strict=True):
            yield copy, case.name, case.kind, int(positive), f"{logit:.6f}"


def _write_scores(path: Path, rows: Sequence[tuple[str, str, str, int, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("films", "name", "kind", "has_pneumonia", "logit"))
        writer.writerows(rows)
