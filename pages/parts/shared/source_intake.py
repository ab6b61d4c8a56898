"""The two sources of many films: the browser, or a folder of the server."""

import streamlit as st

from pages.parts.shared.problems import plain
from pneumo_core.data import Source, open_source, open_uploads
from pneumo_core.files import below, data_folders
from pneumo_core.serve import MAX_FILES, MAX_SESSION_BYTES

FILES, FOLDER, SERVER = "Files or a zip", "A folder of this computer", "A folder of the server"


def ask_for_source(way: str, action: str) -> Source | None:
    """Draw the choice of a source and a button named after the action; give the films when it is pressed."""
    return _from_server(action) if way == SERVER else _from_browser(way == FOLDER, action)


def _from_browser(is_folder: bool, action: str) -> Source | None:
    files = st.file_uploader(
        "A folder" if is_folder else "X-rays, zips of X-rays, and a CSV that labels them",
        accept_multiple_files="directory" if is_folder else True,
        # A zip of films fits; larger sources come from a folder of the server.
        max_upload_size=MAX_SESSION_BYTES >> 20,
        key=f"films_{is_folder}",
        help=f"A session may keep {MAX_SESSION_BYTES >> 20} MiB of uploads in at most {MAX_FILES} files. A larger "
        "upload fails with the error 413. For more X-rays, please use a folder of the server.",
    )
    if st.button(action, type="primary", disabled=not files, key="take_uploads"):
        return open_uploads([(file.name, file.getvalue()) for file in files])
    return None


def _from_server(action: str) -> Source | None:
    roots = data_folders()
    if not roots:
        st.info(
            "No folder of the server is open to this page. Whoever runs the server can name folders in "
            "`PNEUMO_DATA_DIRS`, or make a folder `data` in the project."
        )
        return None
    root = roots[0]
    if len(roots) > 1:
        root = st.selectbox("Root", roots, format_func=lambda path: path.name)
    inside = st.text_input(
        f"Folder, CSV or zip in {plain(root.name)}",
        help=f"For example test. Leave it empty for all of {plain(root.name)}.",
    )
    if st.button(action, type="primary", key="take_folder"):
        return open_source(below(root, inside))
    return None
