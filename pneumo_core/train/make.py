"""Train a model as a plan says, calibrate it, choose its thresholds, and write the model folder.

The way of a training run (`run_training`): films -> split by patient -> `fitting`, best epoch by validation AUC ->
input gate (`input_gate_fit`) -> temperature and operating points on validation and its stressed copies -> evaluation
of the test films, once -> model folder. It can be stopped or killed at any moment, and goes on from where its last
epoch ended.
"""

import dataclasses
import datetime
import errno
import json
import math
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.data import Case, count_patients, links_in, manifest_sha256, mask_of, unknown_folders
from pneumo_core.errors import DataError, ModelError, PneumoError
from pneumo_core.files import file_sha256, models_folder, write_whole
from pneumo_core.film import Preprocessing, fingerprint, resize
from pneumo_core.gate import InputGate, write_gate
from pneumo_core.keras_network import (
    MAX_PARAMETERS,
    KerasClassifier,
    load_network,
    load_segmenter,
    put_weights,
    save_network,
)
from pneumo_core.models import (
    CARD_FILE,
    LOG_FILE,
    NETWORK_FILE,
    STORED_SCORES_FILE,
    GateFit,
    ModelCard,
    Population,
    TrainingData,
    active_model_folder,
    gate_in_words,
    population_name,
    read_card,
    write_card,
    write_challenge,
    write_known_films,
    write_record,
)
from pneumo_core.network import record_known_answers
from pneumo_core.train.build import BACKBONES, build_network, start_from
from pneumo_core.train.challenge import compare_with_current, score_copies
from pneumo_core.train.films import Films, read_films
from pneumo_core.train.fit import CHECKPOINT_FILE, FitStep, fit
from pneumo_core.train.input_gate.fit import GateFilms, fit_gate
from pneumo_core.train.mixed.baselines import BASELINES_FILE, baseline_rows
from pneumo_core.train.mixed.groups import Mix, Outliner
from pneumo_core.train.plan import (
    IMAGENET,
    RANDOM,
    Plan,
    PlannedPopulation,
    groups_in_words,
    read_plan,
    recipe_settings,
)
from pneumo_core.train.recalibration import ScoreRow, choose_and_test, chosen_films, write_scores
from pneumo_core.train.run import (
    MADE_FILE,
    State,
    alone,
    is_asked_to_stop,
    memory_bytes,
    now,
    partial_folder,
    planned_split,
    population_of,
    write_state,
)
from pneumo_core.wording import end_in_words

FILMS_FILE = "films.sha256"
INTENDED_USE = (
    "research and teaching: flags chest X-rays with suspected pneumonia and shows where the network found "
    "evidence; not a medical device, not for diagnosis, not stand-alone"
)
LIMITATIONS = (
    "Not validated for patients of another age or from other hospitals than those it was trained on, nor for views "
    "that are not upright and frontal. Networks trained on the films of Kermany et al. fell from an AUC of 0.95 to "
    "0.54 on films of children from elsewhere (Xin 2021, doi:10.1007/s10140-021-01954-x).",
    "Only suspected pneumonia was taught. A film that is not flagged may show any other finding.",
    "The heat map shows where the network found evidence; it is no outline of a lesion. Evidence at side markers, in "
    "corners or along borders is a shortcut of the network, not disease.",
    "Predictive values depend on how common pneumonia is among the patients at hand.",
)


def run_training(
    folder: Path, finish: bool = False, report: Callable[[str], None] = lambda line: None
) -> ModelCard | None:
    """Train as the plan in a run's folder says, from where the run stands, and write the model's folder.

    The model's folder appears when all is done; until then everything is in the run's folder.

    Args:
        finish: no more epochs: make a model of the best network so far.
        report: is called with lines for a person to read.

    Returns:
        the card of the model; None where somebody asked the run to stop.

    Raises:
        PneumoError: the data, the start, the machine or the program are not as they must be, or another run is at
            work.
    """
    plan = read_plan(folder)
    with alone(folder):
        run = _Run(plan, folder, report)
        try:
            with _strategy().scope():
                return run.go(finish)
        except PneumoError as error:
            run.fail(str(error))
            raise
        except Exception as error:
            # It may run in the background, where nobody sees what else it prints.
            problem = _end_in_words(error, folder)
            run.fail(problem)
            raise ModelError(problem) from error


class _Run:
    """One start of a run: its knowledge, and its reports."""

    def __init__(self, plan: Plan, folder: Path, report: Callable[[str], None]) -> None:
        self.plan, self.recipe, self.folder, self.report = plan, plan.recipe, folder, report
        self.preprocessing = Preprocessing(height=plan.recipe.size, width=plan.recipe.size)
        self.state = State("waiting", epochs=plan.recipe.epochs)
        self.told = 0.0
        # The logits of the validation films, by the model that this run made; empty until they are scored.
        self.logits: dict[str, np.ndarray] = {}
        self.notes: tuple[str, ...] = ()
        # The validation films before they are shown as the plan's groups say.
        self.as_they_lie: Films

    def go(self, finish: bool) -> ModelCard | None:
        """Do what is still to be done: fit, write the model, compare it with the one in use."""
        plan, recipe = self.plan, self.recipe
        keras.utils.set_random_seed(recipe.seed)
        training, validation, tests, self.notes = planned_split(plan)
        card = self._card_written_before()
        networks = None
        if card is None:
            if plan.out.exists() and any(plan.out.iterdir()):
                raise ModelError(
                    f"{plan.out} is not empty, and a model is never overwritten. Please name a new folder."
                )
            _refuse_unwritable(plan.out.parent)
            if finish and not (self.folder / NETWORK_FILE).is_file():
                raise ModelError(
                    "This run has no epoch behind it yet that a model could be made of. Please let it go on."
                )
            # Before the films are read, so that missing weights are named at once.
            networks = self._networks()

        self.tell("reading the films", force=True)
        for name in () if plan.manifest is not None else unknown_folders(plan.data):
            self.report(f"left aside: {name}, which is no folder of a known class (NORMAL, PNEUMONIA, BACTERIA, VIRUS)")
        for name in () if plan.manifest is not None else links_in(plan.data):
            self.report(f"left aside: {name}, which is a link, and links are not followed")
        for note in self.notes:
            self.report(note)
        self.report(f"reading {len(validation)} validation films")
        validation_films = read_films(validation, self.preprocessing, self._read)
        if validation_films is None:
            self._stop()
            return None
        if networks is not None:
            self.report(f"reading {len(training)} training films")
            training_films = read_films(training, self.preprocessing, self._read)
            if training_films is None:
                self._stop()
                return None
            self._refuse_changed_films(training_films, validation_films)
            self.state = dataclasses.replace(self.state, left_out=validation_films.left_out + training_films.left_out)
            for line in self.state.left_out:
                self.report(f"left out: {line}")
            self._keep_baselines(training_films, validation_films)
            mix = Mix(plan, training_films, self._outliner()) if plan.groups else None
            self.as_they_lie, validation_films = validation_films, self._as_shown(validation_films)
            strata = self._strata(validation_films)
            if not finish and not fit(
                *networks, training_films, validation_films, recipe, self.folder, self._step, self.report, mix, strata
            ):
                self._stop()
                return None
            best = load_network(self.folder / NETWORK_FILE)
            fitted = self._fit_gate(best, training_films, validation_films)
            if fitted is None:
                self._stop()
                return None
            card = self._write_model(best, training_films, validation_films, tests, *fitted)
        assert card is not None
        self._compare(card, validation_films)
        self.tell("done", force=True)
        self.report(f"written: {plan.out}")
        return card

    def tell(self, stage: Any, force: bool = False, **facts: Any) -> None:
        """Write down how far the run is, at most twice a second unless it must be."""
        self.state = dataclasses.replace(self.state, stage=stage, **facts)
        if force or time.monotonic() - self.told > 0.5:
            self.told = time.monotonic()
            write_state(self.folder, dataclasses.replace(self.state, memory_bytes=memory_bytes(), written=now()))

    def fail(self, problem: str) -> None:
        self.state = dataclasses.replace(self.state, stage="failed", problem=problem)
        try:
            write_state(self.folder, dataclasses.replace(self.state, written=now()))
        except OSError:
            # A full disk has no place for the reason either; the caller prints it.
            self.report(problem)

    def _stop(self) -> None:
        self.tell("stopped", force=True)
        has_network = (self.folder / NETWORK_FILE).is_file()
        self.report("stopped; " + ("the best network so far is kept" if has_network else "no epoch stands yet"))

    def _card_written_before(self) -> ModelCard | None:
        """Give the card of the model where an earlier start of this run wrote it."""
        mark, out = self.folder / MADE_FILE, self.plan.out
        if not mark.is_file() or not (out / CARD_FILE).is_file():
            return None
        card = read_card(out)
        return card if card.weights_sha256 == mark.read_text(encoding="ascii") else None

    def _compare(self, card: ModelCard, validation: Films) -> None:
        """Compare the model with the one in use, where there is one; the model stands whatever comes of it."""
        out = self.plan.out
        try:
            current = active_model_folder(models_folder())
            if current.resolve() == out:
                return
            self.tell("comparing with the model in use", force=True, done=0, of=0)
            ours = self.logits or self._scored(load_network(out / NETWORK_FILE), validation)
            challenge = compare_with_current(card, self._by_population(card, validation, ours), current, self._counted)
        except PneumoError as error:
            self.state = dataclasses.replace(
                self.state, problem=f"The model is made, but was not compared with the one in use. {error}"
            )
            self.report(str(self.state.problem))
            return
        write_challenge(challenge, out)
        self.report(challenge.in_words())

    def _by_population(
        self, card: ModelCard, validation: Films, logits: Mapping[str, np.ndarray]
    ) -> dict[str, tuple[Films, dict[str, np.ndarray]]]:
        """Give each population's validation films with their logits."""
        if not self.plan.populations:
            return {card.first.name: (validation, dict(logits))}
        found = {}
        for one in card.populations:
            places = [n for n, case in enumerate(validation.cases) if population_of(self.plan, case) == one.name]
            found[one.name] = chosen_films(validation, places), {name: got[places] for name, got in logits.items()}
        return found

    def _read(self, done: int, of: int) -> bool:
        self.tell("reading the films", done=done, of=of)
        return not is_asked_to_stop(self.folder)

    def _step(self, step: FitStep) -> bool:
        epochs_left = self.recipe.epochs - step.epoch + 1 - step.step / step.steps
        films = step.steps * self.recipe.batch_size
        self.tell(
            "training",
            epoch=step.epoch,
            done=step.step,
            of=step.steps,
            films_per_second=step.films_per_second,
            seconds_left=epochs_left * films / step.films_per_second,
            learning_rate=step.learning_rate,
            figures={name: float(value) for name, value in step.figures.items() if math.isfinite(value)},
        )
        return not is_asked_to_stop(self.folder)

    def _refuse_changed_films(self, training: Films, validation: Films) -> None:
        """See that a run that goes on has the films that it began with."""
        path, found = self.folder / FILMS_FILE, _manifest(training, validation)
        if not path.is_file():
            write_whole(path, found.encode())
        elif path.read_text(encoding="ascii") != found:
            raise DataError(
                "The films are not those that this run began with: some were added, removed or changed since. Please "
                "bring the folder back to what it was, or begin a new run."
            )

    def _networks(self) -> tuple[keras.Model, keras.Model]:
        """Build the network to be trained, and the one to be kept: another one only in mixed precision."""
        recipe = self.recipe
        if recipe.mixed_precision and not tf.config.list_physical_devices("GPU"):
            raise DataError("Mixed precision is for a GPU, and this machine has none. Please train without it.")
        served = build_network(recipe)
        if served.count_params() > MAX_PARAMETERS:
            raise DataError(
                f"This head makes a network of {served.count_params() / 1e6:.0f} million weights; expected are at most "
                f"{MAX_PARAMETERS / 1e6:.0f} million, since no larger one is loaded again. Please choose pooled "
                "features, fewer units or a smaller image size."
            )
        # A run that goes on has its weights from its checkpoint.
        if not (self.folder / CHECKPOINT_FILE).is_file():
            start_from(served, recipe, self.plan.start)
        if not recipe.mixed_precision:
            return served, served
        keras.mixed_precision.set_global_policy("mixed_float16")
        try:
            network = build_network(recipe)
        finally:
            keras.mixed_precision.set_global_policy("float32")
        put_weights(network, served.get_weights())
        return network, served

    def _outliner(self) -> Outliner | None:
        """Give what outlines the lungs of whole films; None where the plan names no segmenter."""
        if self.plan.segmenter is None:
            return None
        segmenter = load_segmenter(self.plan.segmenter, self.preprocessing)

        def outlined(films: np.ndarray) -> np.ndarray:
            cells = segmenter.probabilities(films[..., np.newaxis].astype(np.float32))
            return np.stack([resize(one, *films.shape[1:]) for one in cells])

        return outlined

    def _as_shown(self, validation: Films) -> Films:
        """Give validation films as the plan's groups show them: a network for whole X-rays has seen no lungs alone."""
        if not self.plan.groups:
            return validation
        self.report("making composites and lungs views of the validation films")
        return Mix(self.plan, validation, self._outliner()).as_shown()

    def _strata(self, validation: Films) -> np.ndarray:
        """Number the populations of validation films, int `(n,)`."""
        names = [population_of(self.plan, case) for case in validation.cases]
        return np.array([sorted(set(names)).index(name) for name in names], np.int64)

    def _keep_baselines(self, training: Films, validation: Films) -> None:
        """Keep beside the plan how far the outward facts of its films tell the classes apart without any picture."""
        rows = baseline_rows(training, validation)
        if rows:
            write_whole(self.folder / BASELINES_FILE, json.dumps(rows, indent=1).encode() + b"\n")
        for row in rows:
            against = f" against {row['against']}" if row["against"] else ""
            self.report(f"without the picture, {row['fact']} alone{against}: AUC {row['in_words']}")

    def _scored(self, network: keras.Model, validation: Films) -> dict[str, np.ndarray]:
        self.logits = score_copies(network, validation, self._counted)
        return self.logits

    def _counted(self, done: int, of: int) -> None:
        self.tell(self.state.stage, force=True, done=done, of=of)

    def _testing(self, line: str) -> None:
        self.tell("testing", force=True, done=0, of=0)
        self.report(line)

    def _fit_gate(
        self, network: keras.Model, training: Films, validation: Films
    ) -> tuple[InputGate | None, GateFit] | None:
        """Fit the input gate on the films in memory; None where somebody asked to stop."""
        if not self.recipe.fit_input_gate:
            return None, GateFit(len(training.cases), len(validation.cases), is_wanted=False)
        self.tell("fitting the input gate", force=True, done=0, of=0)
        explained_layer = BACKBONES[self.recipe.architecture].explained_layer
        groups = self._gate_groups(training, self.as_they_lie)
        return fit_gate(network, explained_layer, self.preprocessing, groups, self._fitted, self.recipe.seed)

    def _gate_groups(self, training: Films, validation: Films) -> list[GateFilms]:
        """Give the whole films of each planned population: lungs that stand alone are nothing to let in."""
        plan = self.plan
        if not plan.groups:
            return [GateFilms(population_name(plan.population_years), training.views[0], validation.views[0])]
        groups = []
        for name in [one.name for one in plan.populations] or [population_name(plan.population_years)]:
            parts = [
                films.views[0][
                    [
                        place
                        for place, case in enumerate(films.cases)
                        if (not plan.populations or population_of(plan, case) == name)
                        and mask_of(films.views[0, place].astype(np.float32) / 255) is None
                    ]
                ]
                for films in (training, validation)
            ]
            groups += [GateFilms(name, *parts)] if all(len(part) for part in parts) else []
        return groups

    def _fitted(self, done: int, of: int) -> bool:
        self.tell(self.state.stage, done=done, of=of)
        return not is_asked_to_stop(self.folder)

    def _write_model(
        self,
        network: keras.Model,
        training: Films,
        validation: Films,
        tests: Sequence[Case],
        input_gate: InputGate | None,
        fit: GateFit,
    ) -> ModelCard:
        plan, recipe = self.plan, self.recipe
        self.tell("choosing thresholds", force=True, done=0, of=0)
        logits = self._scored(network, validation)
        parts = list(self._populations(network, training, validation, logits, tests))
        partial = partial_folder(plan.out)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            save_network(network, partial / NETWORK_FILE)
            shutil.copy(self.folder / LOG_FILE, partial / LOG_FILE)
            write_known_films(partial, [*_known("training", training), *_known("validation", self.as_they_lie)])
            names = [population.name for population, rows in parts for _ in rows] if len(parts) > 1 else []
            write_scores(partial / STORED_SCORES_FILE, [row for _, rows in parts for row in rows], names)
            card = ModelCard(
                name=plan.out.name,
                created=datetime.datetime.now(datetime.UTC).date().isoformat(),
                architecture=recipe.architecture,
                preprocessing=self.preprocessing,
                explained_layer=BACKBONES[recipe.architecture].explained_layer,
                weights_sha256=file_sha256(partial / NETWORK_FILE),
                intended_use=INTENDED_USE,
                limitations=LIMITATIONS,
                recipe=recipe_settings(recipe) | {"starts_from": _start_in_words(plan.start)} | groups_in_words(plan),
                populations=tuple(population for population, _ in parts),
                versions={"python": platform.python_version()}
                | {name: metadata.version(name) for name in ("tensorflow", "keras", "numpy")},
            )
            if input_gate is not None:
                write_gate(dataclasses.replace(input_gate, weights_sha256=card.weights_sha256), partial)
            write_record(fit, partial, card.weights_sha256)
            words = gate_in_words(partial, card.weights_sha256)
            self.report(" ".join(words))
            write_card(card, partial, words)
            record_known_answers(KerasClassifier(network, card), partial)
            # Before the model has its name: by this the run knows its own.
            write_whole(self.folder / MADE_FILE, card.weights_sha256.encode())
            if plan.out.exists():
                plan.out.rmdir()
            partial.rename(plan.out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return card

    def _populations(
        self,
        network: keras.Model,
        training: Films,
        validation: Films,
        logits: Mapping[str, np.ndarray],
        tests: Sequence[Case],
    ) -> Iterator[tuple[Population, tuple[ScoreRow, ...]]]:
        """Choose calibration and points of each population on its own validation films, and test it on its own."""
        plan = self.plan
        names = [data.name for data in (plan.data, *plan.copies)]
        planned = plan.populations or (
            PlannedPopulation(population_name(plan.population_years), plan.population, plan.population_years),
        )
        for one in planned:
            places = [
                [
                    place
                    for place, case in enumerate(cases)
                    if not plan.populations or population_of(plan, case) == one.name
                ]
                for cases in (training.cases, validation.cases, tests)
            ]
            ours = chosen_films(training, places[0]), chosen_films(validation, places[1])
            of_ours = {name: copy[places[1]] for name, copy in logits.items()}
            own_tests = [tests[place] for place in places[2]]
            chosen = choose_and_test(network, self.preprocessing, ours[1], of_ours, own_tests, names, self._testing)
            population = Population(
                name=one.name,
                description=one.description,
                years=one.years,
                calibration=chosen.calibration,
                operating_points=chosen.operating_points,
                training_data=_describe(*ours, plan, self.notes),
                validation=chosen.validation,
                test=chosen.test,
                finding=one.finding,
            )
            yield population, chosen.scores


def _strategy() -> Any:
    """All GPUs of the machine where there are several; else nothing special."""
    gpus = tf.config.list_logical_devices("GPU")
    return tf.distribute.MirroredStrategy(gpus) if len(gpus) > 1 else tf.distribute.get_strategy()


def _refuse_unwritable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / f".trial.{os.getpid()}"
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise ModelError(
            f"The folder {folder} cannot be written to ({error.strerror}), so that no model could be kept there. "
            "Please name another one, or change its permissions."
        ) from error


def _end_in_words(error: Exception, folder: Path) -> str:
    if not isinstance(error, OSError) or error.errno == errno.ENOMEM:
        return end_in_words(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(folder).free / 2**20
        return (
            f"The disk is full ({free:.0f} MiB left). The run keeps what it has; the models are as they were. Please "
            "make room and resume it."
        )
    return (
        f"The run could not go on: {error.strerror or error} ({error.filename or 'no file named'}). Please resume it."
    )


def _start_in_words(start: str) -> str:
    if start == IMAGENET:
        return "Keras' ImageNet weights"
    if start == RANDOM:
        return "random weights"
    path = Path(start)
    return f"{path.name}, sha256 {file_sha256(path / NETWORK_FILE if path.is_dir() else path)}"


def _describe(training: Films, validation: Films, plan: Plan, notes: Sequence[str]) -> TrainingData:
    recipe = plan.recipe
    how = (
        f"split by patient as the manifest with sha256 {file_sha256(plan.manifest)} says"
        if plan.manifest
        else "train and val of a folder in the Kaggle layout, split again by patient: "
        f"{recipe.validation_share:.0%} of the patients for validation, seed {recipe.seed}"
    )
    return TrainingData(
        description=". ".join((how, *(note.removesuffix(".") for note in notes))),
        films=len(training.cases),
        films_with_pneumonia=int(training.has_pneumonia.sum()),
        patients=count_patients((case.patient, case.name) for case in training.cases),
        views_of_each_film=len(training.views),
        validation_films=len(validation.cases),
        validation_films_with_pneumonia=int(validation.has_pneumonia.sum()),
        validation_patients=count_patients((case.patient, case.name) for case in validation.cases),
        manifest_sha256=_manifest(training, validation),
    )


def _manifest(training: Films, validation: Films) -> str:
    return manifest_sha256((*training.cases, *validation.cases), (*training.sha256s, *validation.sha256s))


def _known(part: str, films: Films) -> Iterator[tuple[str, Sequence[str], str]]:
    for sha256s, film in zip(films.sha256s, films.views[0], strict=True):
        yield part, sha256s, fingerprint(film.astype(np.float32))
