"""The choice of the films of a batch run."""

import streamlit as st

from pages.parts.evaluate.run_start import start_job
from pages.parts.shared.cached import loading_classifier
from pages.parts.shared.source_intake import FILES, FOLDER, SERVER, ask_for_source
from pneumo_core.evaluate import run_name
from pneumo_core.models import ModelCard


def ask_for_run(card: ModelCard) -> None:
    """Draw the choice of films and start the run; the page's address then carries its name."""
    with st.expander("X-rays to evaluate", icon=":material/folder_open:", expanded="run" not in st.query_params):
        way = st.segmented_control("Where are they?", [FILES, FOLDER, SERVER], default=FILES, required=True)
        source = ask_for_source(way, "Evaluate")
        st.markdown(
            "Labels come from folders such as `NORMAL` and `PNEUMONIA`, or from a CSV with the columns `file,label` "
            "(words or 0/1) among the files. A note says how names and labels were understood. Without "
            "labels you get a worklist. The server's disk keeps hashes, scores and labels, but no picture and no "
            "file name."
        )
    if source is None:
        return
    name = run_name(source.listing_sha256, card.weights_sha256)
    if start_job(name, source, card.weights_sha256, loading_classifier().result):
        st.query_params["run"] = name
        st.rerun()
