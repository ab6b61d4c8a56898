"""Where things lie in a checkout of the project."""

import os
from pathlib import Path

from pneumo_core.errors import DataError

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
# A film that the shipped model flags.
DEMO_SAMPLE = "synthetic_04.png"
MODELS_VARIABLE = "PNEUMO_MODEL_DIR"
RUNS_VARIABLE = "PNEUMO_RUNS_DIR"
DATA_VARIABLE = "PNEUMO_DATA_DIRS"
BACKBONE_WEIGHTS_VARIABLE = "PNEUMO_BACKBONE_WEIGHTS"


def models_folder() -> Path:
    """Give the folder of models: the one named by `PNEUMO_MODEL_DIR`, else the project's own."""
    return Path(os.environ.get(MODELS_VARIABLE) or ROOT / "model")


def runs_folder() -> Path:
    """Give the folder of batch runs: the one named by `PNEUMO_RUNS_DIR`, else `runs` in the project."""
    return Path(os.environ.get(RUNS_VARIABLE) or ROOT / "runs")


def trainings_folder() -> Path:
    """Give the folder of training runs."""
    return runs_folder() / "training"


def data_folders() -> list[Path]:
    """List the folders on the server's disk that a page may read films from.

    They are those that `PNEUMO_DATA_DIRS` names, parted as in PATH, else `data` in the project; those that exist.
    """
    named = os.environ.get(DATA_VARIABLE)
    roots = [Path(name) for name in named.split(os.pathsep) if name] if named else [ROOT / "data"]
    return [root.resolve() for root in roots if root.is_dir()]


def below(root: Path, inside: str) -> Path:
    """Give what a reader names below an open folder.

    Raises:
        DataError: it lies elsewhere, or is not there.
    """
    inside = inside.strip()
    path = (root / inside).resolve()
    if not path.exists() and inside.split("/")[0] == root.name:
        # Named as the list of the open folders names it.
        path = (root.parent / inside).resolve()
    if not path.is_relative_to(root.resolve()) or not path.exists():
        raise DataError(
            f"'{inside[:80]}' is not in {root.name}. Expected is the name of a folder, CSV or zip below it. "
            "Please check the name."
        )
    return path


def sample_files() -> list[Path]:
    """List the sample films, in the order of their names."""
    return sorted(path for path in SAMPLES.glob("synthetic_*") if path.suffix in {".png", ".dcm"})
