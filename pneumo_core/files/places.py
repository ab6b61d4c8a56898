"""Where things lie: in a checkout all in the project; installed, what is written in the user's data folder."""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from platformdirs import user_data_path

from pneumo_core.errors import DataError

# Where `pneumo_core` is imported from: the checkout, or the folder of installed packages.
ROOT = Path(__file__).resolve().parents[2]
# An installed package brings this folder along; a checkout has none (hatch_build.py).
SHIPPED = Path(__file__).resolve().parents[1] / "shipped"
SAMPLES = (SHIPPED if SHIPPED.is_dir() else ROOT) / "samples"
# A film that the shipped model flags.
DEMO_SAMPLE = "synthetic_04.png"
MODELS_VARIABLE = "PNEUMO_MODEL_DIR"
RUNS_VARIABLE = "PNEUMO_RUNS_DIR"
DATA_VARIABLE = "PNEUMO_DATA_DIRS"
BACKBONE_WEIGHTS_VARIABLE = "PNEUMO_BACKBONE_WEIGHTS"


def home_folder() -> Path:
    """Give the folder for all that is written: the checkout; for an installed package the user's data folder."""
    return user_data_path("pneumo", appauthor=False) if SHIPPED.is_dir() else ROOT


def models_folder() -> Path:
    """Give the folder of models, to read from: the one named by `PNEUMO_MODEL_DIR`, else the project's own.

    An installed package gives the user's own if it holds any model, else the shipped one, which is never changed.
    """
    if named := os.environ.get(MODELS_VARIABLE):
        return Path(named)
    own = home_folder() / "model"
    if not SHIPPED.is_dir():
        return own
    return own_models_folder() if any(own.glob("[!.]*/card.json")) else SHIPPED / "model"


def own_models_folder() -> Path:
    """Give the folder of models, to write to: `models_folder()`, but for an installed package the user's own.

    Where that names no model in use, the shipped one is copied there first, whole or not at all.

    Raises:
        OSError: the folder cannot be written to.
    """
    if os.environ.get(MODELS_VARIABLE) or not SHIPPED.is_dir():
        return models_folder()
    own, shipped = home_folder() / "model", SHIPPED / "model"
    if not (own / "active.txt").exists():
        own.mkdir(parents=True, exist_ok=True)
        name = (shipped / "active.txt").read_text(encoding="utf-8").strip()
        with TemporaryDirectory(prefix=".copying-", dir=own) as hidden:
            copy = Path(shutil.copytree(shipped, Path(hidden, "model"), copy_function=_copy_to_disk))
            try:
                (copy / name).rename(own / name)
            except OSError:
                # Another process was faster, or one was stopped right here.
                if not (own / name).is_dir():
                    raise
            # Last: with it the copy counts. Another process may have put a model in use by now.
            if not (own / "active.txt").exists():
                (copy / "active.txt").rename(own / "active.txt")
    return own


def _copy_to_disk(source: str, target: str) -> None:
    shutil.copyfile(source, target)
    with Path(target).open("rb") as file:
        os.fsync(file.fileno())


def runs_folder() -> Path:
    """Give the folder of batch runs: the one named by `PNEUMO_RUNS_DIR`, else `runs` in `home_folder()`."""
    return Path(os.environ.get(RUNS_VARIABLE) or home_folder() / "runs")


def trainings_folder() -> Path:
    """Give the folder of training runs."""
    return runs_folder() / "training"


def data_folders() -> list[Path]:
    """List the folders on the server's disk that a page may read films from.

    They are those that `PNEUMO_DATA_DIRS` names, parted as in PATH, else `data` in `home_folder()`; those that exist.
    """
    named = os.environ.get(DATA_VARIABLE)
    roots = [Path(name) for name in named.split(os.pathsep) if name] if named else [home_folder() / "data"]
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
