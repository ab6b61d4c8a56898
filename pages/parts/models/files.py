"""A model's files: export, deletion, and import from elsewhere."""

from pathlib import PurePath

import streamlit as st

from pages.parts.models.promotion_view import DELETE, DONE, ask
from pages.parts.shared.problems import plain, problems_shown
from pneumo_core.files import models_folder
from pneumo_core.keras_network import import_model
from pneumo_core.models import ModelEntry, export_model
from pneumo_core.serve import MAX_SESSION_BYTES
from pneumo_core.train import run_at_work


def model_files_view(entry: ModelEntry) -> None:
    """Draw export and deletion of a model."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if entry.card is not None:
            st.download_button(
                "Export (zip)",
                lambda: export_model(entry.folder),
                f"{entry.name}.zip",
                "application/zip",
                on_click="ignore",
                icon=":material/download:",
                help="The zip holds network, card, input gate, log and known answers. It leaves out the scores, which "
                "hold file names.",
            )
        if entry.is_active:
            st.markdown("The model in use cannot be deleted.")
        elif run_at_work() == entry.name:
            st.markdown("The run that made this model is at work on it.")
        elif st.button(f"Delete {plain(entry.name)} ...", icon=":material/delete:"):
            ask(DELETE, entry.name)


def ask_to_import() -> None:
    """Draw the import of a model from elsewhere."""
    with st.expander("Import a model", icon=":material/upload:"):
        st.markdown(
            "A zip from *Export* is expected, or one with `classifier.keras` and `card.json`. Members and sizes, hash, "
            "layers, shapes and weights are checked before anything of it is loaded. Then the input gate, if there is "
            "one, and the known answers on the samples are checked. The figures are those that the file claims. "
            "Measure the model on X-rays of your own before you trust them. An import puts no model in use."
        )
        file = st.file_uploader("Zip of a model", type="zip", max_upload_size=MAX_SESSION_BYTES >> 20)
        given = PurePath(file.name).stem if file is not None else ""
        name = st.text_input("Name of its folder", given, max_chars=60, key=f"import_name_{given}")
        with problems_shown():
            if st.button("Import", disabled=file is None, icon=":material/upload:") and file is not None:
                with st.spinner("Checking the model: some seconds ..."):
                    imported = import_model(models_folder(), file, name.strip())
                passed = "" if imported.unchecked else " It passed all checks."
                st.session_state[DONE] = (
                    f"{plain(imported.folder.name)} is imported, and not in use.{passed} {plain(imported.note)}"
                )
                st.query_params["model"] = imported.folder.name
                st.rerun()
