"""The three steps of the training page, and the choice of films for them."""

from pathlib import Path
from typing import NamedTuple

import streamlit as st

from pneumo_core.data import Manifest, find_data_folders
from pneumo_core.files import data_folders
from pneumo_core.train import run_at_work

DATA, PLAN, RUNS = "1. Data", "2. Plan", "3. Runs"
STEP, NEXT_STEP, SPLIT = "training_step", "next_training_step", "training_split"


def chosen_step() -> str:
    """Draw the steps and give the chosen one; the runs come first while one is at work or in the address."""
    if NEXT_STEP in st.session_state:
        st.session_state[STEP] = st.session_state.pop(NEXT_STEP)
    st.session_state.setdefault(STEP, RUNS if "run" in st.query_params or run_at_work() else DATA)
    return st.segmented_control("Step", [DATA, PLAN, RUNS], key=STEP, required=True) or DATA


def go_to(step: str) -> None:
    """Draw the page again with another step."""
    st.session_state[NEXT_STEP] = step
    st.rerun()


class Chosen(NamedTuple):
    """The folder of X-rays, further copies of the same X-rays, and further folders to train on together with it."""

    folder: Path
    copies: tuple[Path, ...]
    more: tuple[Path, ...]

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of different X-rays."""
        return (self.folder, *self.more)


def ask_for_data() -> Chosen | None:
    """Draw the choice of the data folder, its copies and further ones, the same on each step; None without a folder."""
    folders = named_data_folders()
    if not folders:
        st.info(
            "No folder of labelled X-rays is open to this page. A folder with `train`, `val` and `test` (any of them) "
            "is expected, each with `NORMAL` and `PNEUMONIA`; or one with a table `labels.csv`. It must be at most "
            "three levels below a folder named in `PNEUMO_DATA_DIRS` or below `data` in the project. Please ask "
            "whoever runs the server."
        )
        return None
    names = list(folders)
    if "data" in st.query_params and st.query_params["data"] not in folders:
        del st.query_params["data"]
        st.error("There is no folder of the name in the address. Please choose one.", icon=":material/error:")
    first = names.index(st.query_params["data"]) if "data" in st.query_params else 0
    with st.container(key="stack_data"):
        left, right = st.columns(2, gap="large")
    with left:
        name = st.selectbox(
            "Folder of X-rays",
            names,
            first,
            key="training_data",
            persist_state="session",
            help="Its layout is that of the Kaggle data set: train, val and test, each with NORMAL and PNEUMONIA. Or a "
            "table labels.csv in it, or beside it under its name, labels the X-rays. It is only read: no file is moved "
            "or changed.",
        )
    others, copies, more = [other for other in names if other != name], [], []
    # Without another folder the control would do nothing, and be too pale to read.
    if others:
        copies = right.multiselect(
            "Further copies of the same X-rays",
            others,
            key=f"training_copies_{name}",
            persist_state="session",
            help="A copy holds the same X-rays under the same names, resampled or compressed in another way. Training "
            "shows each X-ray in a copy drawn at random, so the network cannot learn a copy's texture. Leave it "
            "empty if you have only one.",
        )
        more = right.multiselect(
            "Further folders, trained on together",
            [other for other in others if other not in copies],
            key=f"training_more_{name}",
            persist_state="session",
            help="These are other X-rays. A patient of several folders is one patient, on one side of the split: the "
            "same patient in their tables, or the same file name.",
        )
    return Chosen(folders[name], tuple(folders[copy] for copy in copies), tuple(folders[other] for other in more))


def named_data_folders() -> dict[str, Path]:
    """Give the data folders below the server's open ones, by unique names."""
    return {
        (root.name if folder == root else f"{root.name}/{folder.relative_to(root).as_posix()}"): folder
        for root in data_folders()
        for folder in find_data_folders(root)
    }


def split_of(folders: tuple[Path, ...]) -> Manifest | None:
    """Give the split that this session made of some folders together."""
    found: tuple[tuple[Path, ...], Manifest] | None = st.session_state.get(SPLIT)
    return found[1] if found is not None and found[0] == folders else None


def keep_split(folders: tuple[Path, ...], manifest: Manifest) -> None:
    """Keep a split for the plan, instead of any earlier one."""
    st.session_state[SPLIT] = (folders, manifest)
