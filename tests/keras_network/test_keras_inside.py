"""What Keras keeps to itself is still there, in the version that it was looked at with."""

import importlib

import keras
import pytest

from pneumo_core.keras_network.file_check import OPERATIONS
from pneumo_core.keras_network.keras_inside import SAVED_GRAPH, SAVED_OPERATIONS, keep_kernels
from tests.looked_at import assert_version


def test_this_was_looked_at_with_the_keras_that_is_installed():
    assert_version("keras", "3.15", "pneumo_core/keras_network/keras_inside.py")


@pytest.mark.parametrize("module, name", [SAVED_GRAPH, *((SAVED_OPERATIONS, name) for name in sorted(OPERATIONS))])
def test_keras_still_writes_its_classes_under_these_names(module: str, name: str):
    found = getattr(importlib.import_module(module), name, None)
    assert found is not None, f"Keras has no {name} in {module}; see what a .keras file now calls it."
    assert (found.__module__, found.__name__) == (module, name)


def test_streamlit_cannot_make_tensorflow_forget_its_kernels(monkeypatch: pytest.MonkeyPatch):
    from streamlit.runtime.scriptrunner import script_runner

    forgotten: list[str] = []
    monkeypatch.setattr(keras.backend, "clear_session", lambda: forgotten.append("kernels"))
    # What it does before each run of a page; if that has another name, see whether it still does it.
    script_runner._clean_problem_modules()
    assert forgotten == ["kernels"]
    keep_kernels()
    script_runner._clean_problem_modules()
    assert forgotten == ["kernels"]
