"""Films, data folders and a tiny trained model, all made here: no data set, no GPU, no network access."""

import dataclasses
import importlib.util
import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from pneumo_core.files import places
from pneumo_core.files.places import MODELS_VARIABLE, RUNS_VARIABLE

# Names what has to be here, with spaces between: what a test needs and lacks is else a test that is skipped by name.
PROMISED_VARIABLE = "PNEUMO_TESTS_PROMISED"
# Programs that are no packages of Python, by the commands that show they are here.
PROGRAMS = {"chromium": ("chromium", "chromium-browser", "google-chrome"), "dcmtk": ("dcm2pnm",)}
# The same examples in each run, none kept on disk, and none timed: other processes may have the machine's cores.
settings.register_profile(
    "pneumo",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("pneumo")


def pytest_configure() -> None:
    """Stop before the first test where something is missing that was promised: no skip may hide it."""
    promised = os.environ.get(PROMISED_VARIABLE, "").split()
    if missing := [name for name in promised if not is_here(name)]:
        raise pytest.UsageError(
            f"{PROMISED_VARIABLE} promises {', '.join(missing)}, and there is none here. Please install what "
            "requirements-dev.lock names, Chromium and dcmtk, or promise less."
        )


def is_here(name: str) -> bool:
    """Say whether a package or a program can be had; nothing is imported, as some packages call home then."""
    if commands := PROGRAMS.get(name):
        return any(map(shutil.which, commands))
    return importlib.util.find_spec(name) is not None


def drawn_film(has_pneumonia: bool, seed: int) -> np.ndarray:
    """Draw something like a chest, uint8 (110, 130): two dark fields, with a bright patch where there is pneumonia."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:110, 0:130]
    film = np.full((110, 130), 170.0)
    for centre in (40, 90):
        film[((rows - 55) / 42) ** 2 + ((columns - centre) / 19) ** 2 < 1] = 50
    if has_pneumonia:
        film[((rows - random.integers(45, 70)) / 16) ** 2 + ((columns - random.choice([40, 90])) / 14) ** 2 < 1] = 160
    return np.clip(film + random.normal(0, 6, film.shape), 0, 255).astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    """Give pixels as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session", autouse=True)
def runs_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep what the tests run out of the project's own folder of runs."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("runs")
        patch.setenv(RUNS_VARIABLE, str(folder))
        yield folder


@pytest.fixture(scope="session")
def make_data() -> Callable[[Path, int], Path]:
    """Give a function that fills a folder in the Kaggle layout with so many films of each class."""

    def make(folder: Path, count: int, splits: tuple[str, ...] = ("train", "test")) -> Path:
        for place, split in enumerate(splits):
            for name, has_pneumonia in (("NORMAL", False), ("PNEUMONIA", True)):
                target = folder / split / name
                target.mkdir(parents=True)
                for number in range(count):
                    film = "person{0}_bacteria_{0}.png" if has_pneumonia else "IM-{:04d}-0001.png"
                    content = png(drawn_film(has_pneumonia, 1000 * place + 2 * number + has_pneumonia))
                    (target / film.format(1000 * place + number)).write_bytes(content)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, make_data: Callable[..., Path]) -> Path:
    """Train a small network on 40 drawn films with the project's own command; give the model's folder."""
    from click.testing import CliRunner

    from pneumo_core.cli.group import commands

    folder = tmp_path_factory.mktemp("tiny")
    data = make_data(folder / "data", 10)
    out = folder / "models" / "tiny"
    arguments = ["train", str(data), "--out", str(out), "--architecture", "SmallCNN", "--size", "32", "--epochs", "2"]
    with pytest.MonkeyPatch.context() as patch:
        # No model is in use there, to which it would be compared.
        patch.setenv(MODELS_VARIABLE, str(out.parent))
        # The first test that asks for it may have other samples.
        patch.setattr(places, "SAMPLES", places.ROOT / "samples")
        result = CliRunner().invoke(commands, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="session")
def gated_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory, make_data: Callable[..., Path]) -> Path:
    """Give the tiny model with a gate fitted on drawn films."""
    from pneumo_core.data.sources import open_source
    from pneumo_core.keras_network.classifier import load_classifier
    from pneumo_core.models import gate_record as input_gate_record
    from pneumo_core.train.input_gate import fit as input_gate_fit
    from pneumo_core.train.input_gate.groups import GateGroup

    folder = tmp_path_factory.mktemp("gated") / "gated"
    shutil.copytree(tiny_model, folder)
    films = sorted(open_source(make_data(folder.parent / "data", 80)).films, key=lambda film: film.name)
    classifier = load_classifier(folder)
    with pytest.MonkeyPatch.context() as patch:
        # So few features and films tell more of them apart with a weaker penalty.
        patch.setattr(input_gate_fit, "PENALTY", 1.0)
        # At 32 x 32 pixels a drawn chest as of a portable device is hardly one.
        patch.setattr(input_gate_fit, "PORTABLE_SHARE", 0.25)
        patch.setattr(input_gate_record, "LEAST_TRAINING", 80)
        # Nor is it as good as one that is kept.
        patch.setattr(input_gate_record, "MOST_REFUSED", 1.0)
        patch.setattr(input_gate_record, "LEAST_FOUND", 0.0)
        group = GateGroup("drawn", tuple(films[::2]), tuple(films[1::2]), is_known=True)
        input_gate_fit.fit_gate_of(classifier, folder, [group], lambda done, of: True)
    return folder


@pytest.fixture(scope="session")
def model_with_lungs(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the tiny model with a segmenter that calls all lung which is darker than the film's mean."""
    import keras

    from pneumo_core.files.hashes import file_sha256
    from pneumo_core.models.card import LUNGS_FILE, read_card, write_card

    folder = tmp_path_factory.mktemp("with_lungs") / "with_lungs"
    shutil.copytree(tiny_model, folder)
    film = keras.Input((32, 32, 1), name="film")
    x = keras.layers.AveragePooling2D(2)(film)
    logit = keras.layers.Conv2D(1, 1, name="lungs_logit")
    network = keras.Model(film, logit(keras.ops.subtract(x, keras.layers.GlobalAveragePooling2D(keepdims=True)(x))))
    logit.set_weights([np.full((1, 1, 1, 1), -0.1), np.zeros(1)])
    network.save(folder / LUNGS_FILE)
    write_card(dataclasses.replace(read_card(folder), lungs_sha256=file_sha256(folder / LUNGS_FILE)), folder)
    return folder


@pytest.fixture
def tiny_model_in_use(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the tiny model the one in use."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tiny_model))
    return tiny_model


@pytest.fixture(scope="session")
def chest_xray_dir() -> Path:
    """Give the folder of real films, where there is one."""
    folder = os.environ.get("CHEST_XRAY_DIR")
    if not folder:
        pytest.skip("CHEST_XRAY_DIR is not set: no real films here")
    return Path(folder)
