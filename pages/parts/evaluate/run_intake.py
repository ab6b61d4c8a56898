"""The choice of the films of a batch run."""

from dataclasses import replace

import streamlit as st

from pages.parts.evaluate.run_start import start_job
from pages.parts.shared.cached import loading_classifier
from pages.parts.shared.source_intake import FILES, FOLDER, SERVER, ask_for_source
from pneumo_core.evaluate import run_name
from pneumo_core.film import OLDEST_YEARS, age_in_years
from pneumo_core.models import ModelCard


def ask_for_run(card: ModelCard) -> None:
    """Draw the choice of films and start the run; the page's address then carries its name."""
    with st.expander("X-rays to evaluate", icon=":material/folder_open:", expanded="run" not in st.query_params):
        way = st.segmented_control("Where are they?", [FILES, FOLDER, SERVER], default=FILES, required=True)
        age = _ask_for_age()
        source = ask_for_source(way, "Evaluate")
        st.markdown(
            "Labels come from folders such as `NORMAL` and `PNEUMONIA`, or from a CSV with the columns `file,label` "
            "(words or 0/1; also `patient` and `age`) among the files. A note says how names and labels were "
            "understood. Without labels you get a worklist. The server's disk keeps hashes, scores and labels, but no "
            "picture and no file name."
        )
    if source is None:
        return
    source = replace(source, age_years=age)
    name = run_name(source.listing_sha256, card.weights_sha256, age)
    if start_job(name, source, card.weights_sha256, loading_classifier().result):
        st.query_params["run"] = name
        st.rerun()


def _ask_for_age() -> float | None:
    """Ask once for the age of all patients whose file and table tell none; None where it is not known."""
    text = st.text_input(
        "Age of those that give none",
        placeholder="not known",
        key="age_of_those_without",
        help="It holds where neither the file nor the table's column age tells one: 45, 45Y, 8M, 3W, 10D. Leave it "
        "empty where ages differ or are not known.",
        width=320,
    ).strip()
    age = age_in_years(text) if text else None
    if text and age is None:
        st.warning(
            f"This is no age from 0 to {OLDEST_YEARS} years, and counts as not known. Please write it as 45, 45Y, 8M, "
            "3W or 10D."
        )
    return age
