"""Values kept between runs of a page: the only `st.cache_*` lines of the project."""

import gc
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pneumo_core.data import count_patients
from pneumo_core.draw import montage
from pneumo_core.evaluate import Assessment, assess_folder, scores_stamp
from pneumo_core.explain import SURVEY_FILE, Survey, read_survey
from pneumo_core.files import files_stamp, models_folder
from pneumo_core.film import DECODER
from pneumo_core.models import (
    STORED_SCORES_FILE,
    Conformal,
    ModelCard,
    ModelEntry,
    StoredScores,
    active_model_folder,
    list_models,
    model_before,
    model_stamp,
    models_stamp,
    read_card,
    read_conformal,
    read_stored_scores,
)
from pneumo_core.serve import Audits, Jobs
from pneumo_core.train import (
    Plan,
    Recipe,
    augmented_sheet,
    imagenet_problem,
    planned_split,
    sources_of,
    watched_films,
    watched_table,
)

if TYPE_CHECKING:
    from pneumo_core.explain import ExplanationTester, Methods, Tracer
    from pneumo_core.keras_network import KerasClassifier

PAGE_FIRST_SECONDS = 0.7


def loading_classifier() -> "Future[KerasClassifier]":
    """Give the model in use as a future, one for all sessions; a changed model folder is loaded again.

    Its result raises a `ModelError` where there is no model.
    """
    return _loading(models_folder(), model_stamp(models_folder()))


def card_of_active_model() -> ModelCard:
    """Give the card of the model in use, without loading its network.

    Raises:
        ModelError: there is no model, or its card belongs to other weights.
    """
    return _card(models_folder(), model_stamp(models_folder()))


def survey_of_active_model() -> Survey | None:
    """Give the survey of the model's heat maps on many films; None where nobody made it.

    Raises:
        ModelError: its file is damaged.
    """
    return _survey(models_folder(), model_stamp(models_folder(), SURVEY_FILE))


def conformal_of_active_model() -> dict[str, tuple[Conformal | None, str]]:
    """Give the limits of likely, uncertain and unlikely of the model in use, by its populations' names.

    None, and why, for a population without.
    """
    return _conformal(models_folder(), model_stamp(models_folder(), STORED_SCORES_FILE))


def stored_scores(population: str) -> StoredScores:
    """Give the scores of a population's validation and test films that the model in use came with.

    Raises:
        ModelError: it has none, they are damaged, or it knows no such population.
    """
    return _stored_scores(models_folder(), model_stamp(models_folder(), STORED_SCORES_FILE), population)


def known_models() -> list[ModelEntry]:
    """List the models, reading their weights only where something has changed."""
    return _models(models_folder(), models_stamp(models_folder()))


def model_in_use_before() -> str | None:
    """Name the model that a roll back would go to.

    Raises:
        ModelError: the log of promotions is damaged.
    """
    return _before(models_folder(), models_stamp(models_folder()))


def model_with_weights(weights_sha256: str) -> Path | None:
    """Give the folder of the model with these weights, the one in use first; None where none has them."""
    if card_of_active_model().weights_sha256 == weights_sha256:
        return active_model_folder(models_folder())
    found = (entry.folder for entry in known_models() if entry.card and entry.card.weights_sha256 == weights_sha256)
    return next(found, None)


def kept_classifier(model: Path) -> "KerasClassifier":
    """Load a model that is not the one in use; the last one is kept."""
    return _other(model, model_stamp(model))


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """Give the batch runs of this server, one set for all sessions."""
    return Jobs()


@st.cache_resource(show_spinner=False)
def audits() -> Audits:
    """Give the audits of this server, one set for all sessions."""
    return Audits()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one session of this server at a time compute for seconds; the others see that they wait."""
    turn, waiting = _turn(), st.empty()
    if turn.locked():
        waiting.info("Another session is computing on this server. Yours is next ...", icon=":material/hourglass_top:")
    with turn:
        waiting.empty()
        yield


@st.cache_data(show_spinner="Drawing X-rays ...", max_entries=4)
def films_side_by_side(folder: Path, names: tuple[str, ...], audited_at: str) -> Any:
    """Draw films of a folder as one picture, once after each audit."""
    return montage(folder, names)


def augmented(films: tuple[Path, ...], recipe: Recipe) -> Any:
    """Draw films with the random changes of training."""
    return _augmented(films, files_stamp(films), recipe)


@st.cache_data(show_spinner="Drawing X-rays with the random changes of training. The first time, TensorFlow loads ...")
def _augmented(films: tuple[Path, ...], stamp: tuple[object, ...], recipe: Recipe) -> Any:
    return augmented_sheet(films, recipe)


@st.cache_data(show_spinner="Listing the X-rays ...", ttl=60, max_entries=8)
def split_to_come(
    data: Path,
    copies: tuple[Path, ...],
    share: float,
    seed: int,
    manifest: bytes | None,
    more: tuple[Path, ...] = (),
) -> tuple[dict[str, tuple[int, int, int]], tuple[Path, ...], tuple[str, ...]]:
    """Count films, films with pneumonia and patients (0 where nothing tells them) in each part of a plan.

    Give a film of each class, too, and what is to be known of the split, in whole sentences.

    Raises:
        DataError: the films cannot be split so.
    """
    recipe = Recipe(validation_share=share, seed=seed)
    split = planned_split(Plan(data, data, recipe, copies, sources=sources_of(data, more)), manifest)
    counts = {
        name: (
            len(cases),
            sum(case.has_pneumonia for case in cases),
            count_patients((case.patient, case.name) for case in cases),
        )
        for name, cases in zip(("train", "validation", "test"), split[:3], strict=True)
    }
    of_class = [
        next((case.views[0] for case in split.training if case.has_pneumonia == label), None) for label in (True, False)
    ]
    return counts, tuple(path for path in of_class if path is not None), split.notes


@st.cache_data(show_spinner="Checking whether Keras can get the weights ...", ttl=30)
def keras_problem(architecture: str) -> str | None:
    """Say why Keras cannot get ImageNet weights; the answer is kept for half a minute."""
    return imagenet_problem(architecture)


@st.cache_data(show_spinner=False, max_entries=8)
def attention_table(
    _log: list[dict[str, Any]], data: Path, run: Path, stamp: tuple[int, float], more: tuple[Path, ...] = ()
) -> str:
    """Draw the heat maps of a run's watched films, once after each epoch."""
    return watched_table(watched_films(_log, data, more=more))


def assessment_of_run(folder: Path, model: Path | None = None) -> Assessment:
    """Evaluate the scores of a run so far, once for all sessions; the result holds neither pixels nor names.

    Args:
        model: the folder of the model that scored it; the one in use unless given.
    """
    model = model or active_model_folder(models_folder())
    return _assessment(folder, scores_stamp(folder), model, model_stamp(model, STORED_SCORES_FILE))


@st.cache_resource(show_spinner="Evaluating ...", max_entries=4)
def _assessment(folder: Path, scores: tuple[object, ...], model: Path, stamp: tuple[object, ...]) -> Assessment:
    return assess_folder(folder, model)


def other_classifier(model: Path) -> "KerasClassifier":
    """Load a model that is not the one in use, for one run with it."""
    from pneumo_core.keras_network import load_classifier

    return load_classifier(model)


@st.cache_resource(
    show_spinner="Compiling the network for this lesson, once for all users. It takes some seconds ...", max_entries=1
)
def tracer(_classifier: "KerasClassifier", weights_sha256: str) -> "Tracer":
    """Give the model in use, compiled for a walk through it step by step."""
    from pneumo_core.explain import Tracer

    return Tracer(_classifier.network, _classifier.card.explained_layer)


@st.cache_resource(show_spinner="Compiling seven methods, once for all users. It takes some seconds ...", max_entries=1)
def methods(_classifier: "KerasClassifier", weights_sha256: str) -> "Methods":
    """Give the methods of explaining the model in use, compiled."""
    from pneumo_core.explain import Methods

    return Methods(_classifier)


@st.cache_resource(show_spinner="Making a copy of the network to shuffle, once for all users ...", max_entries=1)
def explanation_tester(_classifier: "KerasClassifier", identity: str) -> "ExplanationTester":
    """Give the tests of the heat maps of the model in use."""
    from pneumo_core.explain import ExplanationTester, prepared_samples

    return ExplanationTester(_classifier, prepared_samples(_classifier.card.preprocessing))


@st.cache_resource(show_spinner=False)
def _turn() -> threading.Lock:
    return threading.Lock()


@st.cache_resource(show_spinner=False, max_entries=1)
def _loading(models: Path, stamp: tuple[object, ...]) -> "Future[KerasClassifier]":
    return ThreadPoolExecutor(1, thread_name_prefix="load-model").submit(_load, models)


def _load(models: Path) -> "KerasClassifier":
    # Imported here, in the background thread, and after a pause: TensorFlow's import takes seconds, in which the first
    # page would wait for the interpreter.
    time.sleep(PAGE_FIRST_SECONDS)
    from pneumo_core.keras_network import keep_kernels, load_classifier

    # Streamlit collects garbage after each run of a page, and a search of TensorFlow takes 0.4 s every time. A page
    # that polls for the model would take this time from the loading.
    gc.freeze()
    DECODER.start()
    classifier = load_classifier(models)
    keep_kernels()
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    return classifier


@st.cache_data(show_spinner="Reading the models ...", max_entries=1)
def _models(models: Path, stamp: tuple[object, ...]) -> list[ModelEntry]:
    return list_models(models)


@st.cache_data(show_spinner=False, max_entries=1)
def _before(models: Path, stamp: tuple[object, ...]) -> str | None:
    return model_before(models)


@st.cache_resource(show_spinner="Loading the other network ...", max_entries=1)
def _other(model: Path, stamp: tuple[object, ...]) -> "KerasClassifier":
    return other_classifier(model)


@st.cache_resource(show_spinner=False, ttl=60, max_entries=1)
def _survey(models: Path, stamp: tuple[object, ...]) -> Survey | None:
    folder = active_model_folder(models)
    return read_survey(folder, read_card(folder).weights_sha256)


@st.cache_data(show_spinner=False, max_entries=1)
def _card(models: Path, stamp: tuple[object, ...]) -> ModelCard:
    return read_card(active_model_folder(models))


@st.cache_data(show_spinner=False, max_entries=1)
def _conformal(models: Path, stamp: tuple[object, ...]) -> dict[str, tuple[Conformal | None, str]]:
    folder = active_model_folder(models)
    card = read_card(folder)
    return {population.name: read_conformal(folder, card, population) for population in card.populations}


@st.cache_data(show_spinner=False, max_entries=2)
def _stored_scores(models: Path, stamp: tuple[object, ...], population: str) -> StoredScores:
    folder = active_model_folder(models)
    card = read_card(folder)
    return read_stored_scores(folder, card, card.population_of(population))
