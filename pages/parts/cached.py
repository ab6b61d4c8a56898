"""What is kept between runs of a page: the only `st.cache_*` lines of the project."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pneumo_core.model_card import CARD_FILE, ModelCard, active_model_folder, read_card
from pneumo_core.places import models_folder

if TYPE_CHECKING:
    from pneumo_core.classifier import Classifier


def start_loading() -> None:
    """See that the model in use is loaded, or being loaded in the background; no model at all is no hindrance."""
    if (models_folder() / "active.txt").exists() or (models_folder() / CARD_FILE).exists():
        loading_classifier()


def loading_classifier() -> "Future[Classifier]":
    """Give the model in use as a future, one for all sessions; a changed model folder is loaded anew.

    Raises:
        ModelError: there is no model.
    """
    folder = active_model_folder(models_folder())
    return _loading(folder, _changed(folder))


def card_of_active_model() -> ModelCard:
    """Give the card of the model in use, without loading its network.

    Raises:
        ModelError: there is no model, or its card belongs to other weights.
    """
    folder = active_model_folder(models_folder())
    return _card(folder, _changed(folder))


@st.cache_resource(show_spinner=False, max_entries=1)
def _loading(folder: Path, changed: float) -> "Future[Classifier]":
    return ThreadPoolExecutor(1, thread_name_prefix="load-model").submit(_load, folder)


def _load(folder: Path) -> "Classifier":
    # Imported here, in the background thread: TensorFlow takes seconds, the page is drawn meanwhile.
    from pneumo_core.classifier import load_classifier

    return load_classifier(folder)


@st.cache_data(show_spinner=False, max_entries=4)
def _card(folder: Path, changed: float) -> ModelCard:
    return read_card(folder)


def _changed(folder: Path) -> float:
    card = folder / CARD_FILE
    return card.stat().st_mtime if card.exists() else 0.0
