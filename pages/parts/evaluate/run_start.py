"""Start a batch run, or say that another one is running on the server."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.shared.audit_record import record_run
from pages.parts.shared.cached import jobs
from pneumo_core.data import Source
from pneumo_core.files import runs_folder

if TYPE_CHECKING:
    from pneumo_core.network import Classifier


def start_job(name: str, source: Source, weights_sha256: str, classifier: "Callable[[], Classifier]") -> bool:
    """Start a run in its folder; return False, with a message on the page, while another one is running.

    Args:
        weights_sha256: of the model that scores.
    """
    record_run(name, weights_sha256)
    if jobs().start(name, source, runs_folder() / name, classifier) is not None:
        return True
    st.warning("Another run is at work on this server. Please start yours after it has ended.")
    return False
