"""The start of a training run: the backbone, its first weights, and whether these are available."""

from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from pages.parts.shared.cached import keras_problem
from pages.parts.shared.problems import plain
from pages.parts.train.setting_widgets import ask_for, columns_of, kept_as
from pneumo_core.places import data_folders, models_folder
from pneumo_core.serve import MAX_SESSION_BYTES
from pneumo_core.train import (
    ARCHITECTURES,
    BACKBONE,
    IMAGENET,
    RANDOM,
    SETTINGS,
    default_start,
    models_of,
    settings_of_start,
    weights_files,
)

KERAS, FILE, UPLOAD, MODEL, SCRATCH = "keras", "file", "upload", "model", "scratch"
STARTS = {
    KERAS: "ImageNet: Keras' own download",
    FILE: "ImageNet: a weights file on the server",
    UPLOAD: "ImageNet: a weights file that you upload",
    MODEL: "A model of this installation",
    SCRATCH: "Random weights: from scratch",
}


class Start(NamedTuple):
    """The start of a run.

    Attributes:
        name: its name in a plan; "" where nothing is chosen yet.
        weights: the uploaded file, as bytes.
        settings: the backbone's, by their names.
        is_ready: whether a run can begin with it.
    """

    name: str
    weights: bytes | None
    settings: dict[str, Any]
    is_ready: bool


def ask_for_start() -> Start:
    """Draw the choice of backbone and first weights."""
    with st.container(border=True):
        st.header(BACKBONE)
        left, right = columns_of("start", 2)
        with left:
            architecture = ask_for(SETTINGS["architecture"])
            size = ask_for(SETTINGS["size"])
        with right:
            way = _ask_for_way(architecture)
            name, weights, is_ready = _ask_for_weights(way, architecture)
            frozen = ask_for(SETTINGS["frozen_normalization"], way != SCRATCH, variant=f"_{way == SCRATCH}")
        if not name:
            st.info("Please choose or upload the weights that the network starts from.")
    settings = settings_of_start(architecture, name) | {"size": size, "frozen_normalization": frozen}
    return Start(name, weights, settings, is_ready)


def _ask_for_way(architecture: str) -> str:
    ways = list(STARTS) if ARCHITECTURES[architecture].has_imagenet_weights else [SCRATCH, MODEL]
    return st.selectbox(
        "Start from",
        ways,
        0 if default_start(architecture) in (IMAGENET, RANDOM) else ways.index(FILE),
        format_func=STARTS.__getitem__,
        help="A backbone with ImageNet weights knows edges and textures, so it needs far fewer X-rays. A model of this "
        "installation is trained further on your X-rays. Random weights are for teaching, or for very many X-rays.",
        **kept_as(f"start_{architecture}"),
    )


def _ask_for_weights(way: str, architecture: str) -> tuple[str, bytes | None, bool]:
    """Give the start's name in a plan, the uploaded weights, and whether a run can begin with it."""
    if way == SCRATCH:
        return RANDOM, None, True
    if way == KERAS:
        problem = keras_problem(architecture)
        if problem is not None:
            st.error(plain(problem), icon=":material/cloud_off:")
        return IMAGENET, None, problem is None
    if way == UPLOAD:
        file = st.file_uploader(
            "Weights of this backbone without its top (.weights.h5)",
            type="h5",
            max_upload_size=MAX_SESSION_BYTES >> 20,
            key="plan_weights",
        )
        return (IMAGENET, file.getvalue(), True) if file is not None else ("", None, False)
    if way == FILE:
        path = _ask_for_path(
            "Weights file",
            weights_files(data_folders()),
            architecture,
            "There is no weights file. A `.weights.h5` file of this backbone without its top is expected. Please put "
            "it below an open data folder, or ask whoever runs the server to name it in `PNEUMO_BACKBONE_WEIGHTS`.",
        )
    else:
        path = _ask_for_path(
            "Model",
            models_of(models_folder(), architecture),
            architecture,
            f"There is no model with the backbone {architecture}. Please choose its backbone, or another start.",
        )
    return path, None, bool(path)


def _ask_for_path(label: str, paths: list[Path], architecture: str, none: str) -> str:
    if not paths:
        st.error(none, icon=":material/error:")
        return ""
    kept = kept_as(f"{label}_{architecture}")
    return str(st.selectbox(label, paths, format_func=lambda path: path.name, **kept))
