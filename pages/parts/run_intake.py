"""Where the films of a batch run come in."""

import streamlit as st

from pages.parts.cached import loading_classifier
from pages.parts.frame import MAX_UPLOAD_BYTES
from pages.parts.problems import plain
from pages.parts.run_start import start_run
from pneumo_core.model_card import ModelCard
from pneumo_core.places import below, data_folders
from pneumo_core.runs import run_name
from pneumo_core.sources import Source, open_source, open_uploads

FILES, FOLDER, SERVER = "Files or a zip", "A folder of this computer", "A folder of the server"


def ask_for_run(card: ModelCard) -> None:
    """Draw the ways in; start the run, whose name the page's address then carries."""
    with st.expander("Films to evaluate", icon=":material/folder_open:", expanded="run" not in st.query_params):
        way = st.segmented_control("Where are they?", [FILES, FOLDER, SERVER], default=FILES, required=True)
        source = _from_server() if way == SERVER else _from_browser(way == FOLDER)
        st.markdown(
            "Labels come from folders named `NORMAL` and `PNEUMONIA`, or from a CSV with the columns `file,label` "
            "(words or 0/1) among the files. Without labels you get a worklist. Written to the server's disk are "
            "hashes, scores and labels; no picture and no file name."
        )
    if source is None:
        return
    name = run_name(source.listing_sha256, card.weights_sha256)
    if start_run(name, source, loading_classifier().result):
        st.query_params["run"] = name
        st.rerun()


def _from_browser(is_folder: bool) -> Source | None:
    files = st.file_uploader(
        "A folder" if is_folder else "X-rays, zips of X-rays, and a CSV that labels them",
        accept_multiple_files="directory" if is_folder else True,
        max_upload_size=MAX_UPLOAD_BYTES >> 20,
        key=f"films_{is_folder}",
    )
    if st.button("Evaluate", type="primary", disabled=not files, key="evaluate_uploads"):
        return open_uploads([(file.name, file.getvalue()) for file in files])
    return None


def _from_server() -> Source | None:
    roots = data_folders()
    if not roots:
        st.info(
            "No folder of the server is open to this page. Whoever runs it names folders in `PNEUMO_DATA_DIRS`, or "
            "makes a folder `data` in the project."
        )
        return None
    root = roots[0]
    if len(roots) > 1:
        root = st.selectbox("Root", roots, format_func=lambda path: path.name)
    inside = st.text_input(
        f"Folder, CSV or zip in {plain(root.name)}",
        help=f"For example test; empty for all of {plain(root.name)}.",
    )
    if st.button("Evaluate", type="primary", key="evaluate_folder"):
        return open_source(below(root, inside))
    return None
