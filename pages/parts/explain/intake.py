"""The upload of films, and the settings that hold for all of them."""

from pathlib import Path

import streamlit as st

from pages.parts.explain.populations import conditions_of, thresholds_of
from pages.parts.shared.films import add_waiting, films_at_hand, remove_all
from pneumo_core.files import sample_files
from pneumo_core.film import FILE_KINDS, MAX_FILE_BYTES, MAX_MEGAPIXELS, MIN_SIDE_PIXELS
from pneumo_core.models import ModelCard


def ask_for_films() -> None:
    """Draw uploader and samples, small once there are films, and put the chosen files in line to be read."""
    add_waiting(_linked_sample())
    if not films_at_hand():
        with st.container(border=True):
            add_waiting(_ask_for_files())
        return
    # A new key after each upload closes the expander. A popover would lose an upload if it was closed during it.
    key = f"add_{st.session_state['upload_batch']}"
    with st.expander("Add X-rays", icon=":material/add_photo_alternate:", key=key):
        add_waiting(_ask_for_files())
        st.button("Remove all X-rays", icon=":material/delete:", on_click=remove_all)


def reader_settings(card: ModelCard) -> tuple[str, float]:
    """Draw the choice of operating point and prevalence; give the point's name, and the prevalence as a share."""
    with st.container(key="stack_settings"):
        points, prevalences = st.columns(2, gap="large", vertical_alignment="bottom")
    with points:
        name = st.segmented_control(
            "Operating point: how readily an X-ray is flagged",
            [point.name for point in card.first.operating_points],
            default="balanced",
            required=True,
            key="operating_point",
            persist_state="session",
            format_func=lambda name: card.first.operating_point(name).use,
            help=" ".join(f"{point.use.capitalize()}: {point.chosen_for}." for point in card.first.operating_points)
            + " The order of a list needs no point: the highest probability stands first.",
        )
        st.markdown(thresholds_of(card, name))
        for population in card.populations:
            threshold = population.operating_point(name).threshold
            same = [other.use for other in population.operating_points if other.threshold == threshold]
            if len(same) > 1:
                of = f" for {population.name}" if len(card.populations) > 1 else ""
                st.markdown(
                    f"{' and '.join(same).capitalize()} are one threshold here{of}, which keeps the promises of both."
                )
    with prevalences:
        prevalence = st.slider(
            f"Prevalence: of 100 of your patients, how many have {conditions_of(card)}?",
            min_value=1,
            max_value=99,
            value=10,
            key="prevalence",
            persist_state="session",
        )
    return name, prevalence / 100


def _linked_sample() -> list[tuple[str, bytes | Path]]:
    """Give the sample that the page's address names, once."""
    name = st.query_params.get("sample")
    if name is None:
        return []
    del st.query_params["sample"]
    found: list[tuple[str, bytes | Path]] = [(path.name, path) for path in sample_files() if path.name == name]
    if not found:
        st.error("There is no sample of the name in the address. Please choose one below.", icon=":material/error:")
    return found


def _ask_for_files() -> list[tuple[str, bytes | Path]]:
    batch = st.session_state.setdefault("upload_batch", 0)
    samples = {path.name: path for path in sample_files()}
    uploaded = st.file_uploader(
        f"Chest X-rays, one or several ({FILE_KINDS})",
        accept_multiple_files=True,
        key=f"upload_{batch}",
        help=f"An image has at least {MIN_SIDE_PIXELS} pixels a side and at most {MAX_MEGAPIXELS} megapixels. "
        f"A file has at most {MAX_FILE_BYTES >> 20} MiB.",
    )
    st.markdown("X-rays stay in this session's memory only. Reloading or closing the page removes them.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sample = st.selectbox(
            "Or a sample: a synthetic image, of no patient",
            list(samples),
            index=None,
            placeholder="Choose a sample",
            key=f"sample_{batch}",
            width=320,
        )
        all_samples = st.button("Add all samples", icon=":material/library_add:")
    if uploaded or sample:
        # A new uploader next time: the chosen files are in line, and each is taken once.
        st.session_state["upload_batch"] = batch + 1
    wanted = list(samples) if all_samples else [sample] if sample else []
    return [*((file.name, file.getvalue()) for file in uploaded), *((name, samples[name]) for name in wanted)]
