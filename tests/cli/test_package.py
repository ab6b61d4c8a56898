"""`pip install .`: what the wheel carries, and that the command `pneumo` needs no checkout and leaves itself alone."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pneumo_core.files.places import MODELS_VARIABLE, ROOT, RUNS_VARIABLE
from pneumo_core.models.versions import PNEUMO

ACTIVE = (ROOT / "model" / "active.txt").read_text(encoding="utf-8").strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of a checkout in which another model was trained, and promoted and put back."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name in ("pneumo_core", "model", "samples"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__", ".models*"))
    for name in (".gitignore", "pyproject.toml", "hatch_build.py", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout / name)
    (checkout / "model" / "other").mkdir()
    (checkout / "model" / "other" / "card.json").write_text("{}")
    (checkout / "model" / "promotions.jsonl").write_text("{}\n")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=checkout, check=True)
    (built,) = (checkout / "dist").iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it into a folder of its own, without what it depends on."""
    target = tmp_path_factory.mktemp("installed")
    words = ["install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    return target


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def pneumo(installed: Path, home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command from an empty folder, as a user with this home."""
    folder = home / "X-rays of today"
    folder.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in (MODELS_VARIABLE, RUNS_VARIABLE)}
    environment |= {"HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
    environment |= {"PYTHONPATH": str(installed)}
    return subprocess.run(
        [installed / "bin" / "pneumo", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def stamps(folder: Path) -> dict[Path, tuple[int, int]]:
    """Give size and time of last change of each file and folder."""
    found = {path: path.stat() for path in folder.rglob("*")}
    return {path: (status.st_size, status.st_mtime_ns) for path, status in found.items()}


def test_the_wheel_carries_the_package_the_model_in_use_and_the_samples_and_nothing_else(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = {path for path in (ROOT / "pneumo_core").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    model = {path for path in (ROOT / "model" / ACTIVE).rglob("*") if path.is_file()}
    samples = {path for path in (ROOT / "samples").iterdir() if path.suffix in {".png", ".dcm", ".json"}}
    assert {Path("pneumo_core/gate/__init__.pyi"), Path("pneumo_core/gate/chest_position.npz")} <= {
        path.relative_to(ROOT) for path in package
    }
    shipped = {ROOT / "model" / "active.txt", *model, *samples}
    assert names == {
        *(path.relative_to(ROOT).as_posix() for path in package),
        *(f"pneumo_core/shipped/{path.relative_to(ROOT).as_posix()}" for path in shipped),
    }


def test_the_wheel_names_the_version_and_what_it_needs_as_the_project_does(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        metadata = BytesParser().parsebytes(archive.read(f"pneumo-{PNEUMO}.dist-info/METADATA"))
    assert metadata["Version"] == PNEUMO
    assert f"\nversion: {PNEUMO}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    needed = {str(line) for line in map(Requirement, metadata.get_all("Requires-Dist")) if line.marker is None}
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert needed == {str(Requirement(line)) for line in lines if not line.startswith("#")}


def test_the_command_reads_a_sample_from_any_folder_and_writes_nothing(installed: Path, home: Path):
    before = stamps(installed)
    sample = installed / "pneumo_core" / "shipped" / "samples" / "synthetic_04.png"
    result = pneumo(installed, home, "read", sample, "--json")
    assert result.returncode == 0, result.stderr
    line = json.loads(result.stdout)
    assert (line["model"], line["outcome"]) == (ACTIVE, "read")
    assert stamps(installed) == before
    assert not (home / "data").exists()
    assert list((home / "X-rays of today").iterdir()) == []


def test_a_model_is_put_in_use_in_the_users_data_folder_and_not_in_the_package(installed: Path, home: Path):
    before = stamps(installed)
    shipped = installed / "pneumo_core" / "shipped" / "model" / ACTIVE
    mine = home / "data" / "pneumo" / "model" / "mine"
    shutil.copytree(shipped, mine)
    listed = pneumo(installed, home, "models", "list")
    assert [line[:2].strip() + line[2:].split(":")[0] for line in listed.stdout.splitlines()] == ["mine", f"*{ACTIVE}"]
    promoted = pneumo(installed, home, "models", "promote", "mine", "--yes", "--who", "me", "--note", "a test")
    assert promoted.returncode == 0, promoted.stderr
    assert (mine.parent / "active.txt").read_text() == "mine\n"
    rolled_back = pneumo(installed, home, "models", "roll-back", "--who", "me", "--note", "a test")
    assert rolled_back.returncode == 0, rolled_back.stderr
    assert (mine.parent / "active.txt").read_text() == f"{ACTIVE}\n"
    assert stamps(installed) == before
