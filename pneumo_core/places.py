"""Where things lie in a checkout of the project."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
# A film that the shipped model flags.
DEMO_SAMPLE = "synthetic_02.png"
MODELS_VARIABLE = "PNEUMO_MODEL_DIR"


def models_folder() -> Path:
    """Give the folder of models: the one named by `PNEUMO_MODEL_DIR`, else the project's own."""
    return Path(os.environ.get(MODELS_VARIABLE) or ROOT / "model")


def sample_files() -> list[Path]:
    """List the sample films, in the order of their names."""
    return sorted(path for path in SAMPLES.glob("synthetic_*") if path.suffix in {".png", ".dcm"})
