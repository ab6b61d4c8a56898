"""What is kept between runs of a page: the only `st.cache_*` lines of the project."""

import gc
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pneumo_core.assessment import Assessment, assess_run
from pneumo_core.jobs import Jobs
from pneumo_core.known_films import read_known_films
from pneumo_core.model_card import ModelCard, active_model_folder, model_stamp, read_card
from pneumo_core.places import models_folder
from pneumo_core.runs import read_run, read_scores, scores_stamp

if TYPE_CHECKING:
    from pneumo_core.classifier import Classifier

PAGE_FIRST_SECONDS = 0.7


def loading_classifier() -> "Future[Classifier]":
    """Give the model in use as a future, one for all sessions; a changed model folder is loaded anew.

    Its result raises a `ModelError` where there is no model.
    """
    return _loading(models_folder(), model_stamp(models_folder()))


def card_of_active_model() -> ModelCard:
    """Give the card of the model in use, without loading its network.

    Raises:
        ModelError: there is no model, or its card belongs to other weights.
    """
    return _card(models_folder(), model_stamp(models_folder()))


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """Give the batch runs of this server, one set for all sessions."""
    return Jobs()


def assessment_of_run(folder: Path, model: Path | None = None) -> Assessment:
    """Evaluate what a run has scored so far, once for all sessions; it holds neither pixels nor names.

    Args:
        model: the folder of the model that scored it; the one in use unless given.
    """
    model = model or active_model_folder(models_folder())
    return _assessment(folder, scores_stamp(folder), model, model_stamp(model))


@st.cache_resource(show_spinner="Evaluating ...", max_entries=4)
def _assessment(folder: Path, scores: tuple[float, ...], model: Path, stamp: tuple[float, ...]) -> Assessment:
    run = read_run(folder)
    return assess_run(read_scores(folder), run.films, read_card(model), read_known_films(model), run.device)


def other_classifier(model: Path) -> "Classifier":
    """Load a model that is not the one in use, for one run with it."""
    from pneumo_core.classifier import load_classifier

    return load_classifier(model)


@st.cache_resource(show_spinner=False, max_entries=1)
def _loading(models: Path, stamp: tuple[float, ...]) -> "Future[Classifier]":
    return ThreadPoolExecutor(1, thread_name_prefix="load-model").submit(_load, models)


def _load(models: Path) -> "Classifier":
    # Imported here, in the background thread, and not at once: TensorFlow's import takes seconds, in which
    # the first page would wait for the interpreter.
    time.sleep(PAGE_FIRST_SECONDS)
    from pneumo_core.classifier import load_classifier

    classifier = load_classifier(models)
    # Streamlit collects garbage after each run of a page; looking through TensorFlow for it takes 0.3 s every time.
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    return classifier


@st.cache_data(show_spinner=False, max_entries=1)
def _card(models: Path, stamp: tuple[float, ...]) -> ModelCard:
    return read_card(active_model_folder(models))
