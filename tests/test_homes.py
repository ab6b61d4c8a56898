"""Each outside package has its home, by room and file name; import-linter in `pyproject.toml` holds the rooms apart."""

import ast
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from benchmarks import imports
from pneumo_core.files.places import ROOT

CORE = [path for path in sorted((ROOT / "pneumo_core").rglob("*.py")) if path.name != "__init__.py"]
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]
WITH_KERAS = ("keras_network/*", "train/*", "explain/*")
# By the name a package is imported by: where it may be, below `pneumo_core`.
HOMES = {
    "PIL": ("film/image.py", "film/jpeg.py", "film/decoder_process.py", "draw/*", "train/input_gate/negatives.py"),
    "pydicom": ("film/dicom/*",),
    "cv2": (
        "film/preprocessing.py",
        "film/shapes.py",
        "gate/quality.py",
        "train/input_gate/negatives.py",
        "train/input_gate/portable.py",
        "train/segmenter/*",
        "train/mixed/*",
    ),
    "tf_keras_vis": ("keras_network/gradcam.py", "explain/methods.py"),
    "plotly": ("*/figures.py", "explain/what_if_figures.py"),
    "jinja2": ("*/report.py",),
    "click": ("cli/*",),
    "keras": WITH_KERAS,
    "tensorflow": WITH_KERAS,
    "ray": ("evaluate/cluster.py",),
    "pyarrow": ("evaluate/cluster.py",),
    "h5py": ("keras_network/file_check.py",),
    "openvino": ("keras_network/engines.py",),
    "scipy": ("stats/*", "explain/methods.py"),
    "sklearn": ("stats/*", "train/input_gate/fit.py"),
    "starlette": ("serve/*",),
    "platformdirs": ("files/places.py",),
}
EVERYWHERE = {"numpy", "pydantic", "lazy_loader"}
CATCHING = {"pages/parts/shared/problems.py", "pages/parts/shared/films.py", "pages/parts/home/server.py"}


def outside(tree: ast.AST) -> set[str]:
    """Name the outside packages that a tree imports, in functions and under TYPE_CHECKING too."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
    return {name.split(".")[0] for name in found} - sys.stdlib_module_names - {"pneumo_core", "pages"}


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def below(path: Path, folder: str = "") -> str:
    return path.relative_to(ROOT / folder).as_posix()


def test_packages_are_found_in_functions_and_under_type_checking():
    tree = ast.parse(
        "import a.b, os\nif TYPE_CHECKING:\n    import c\ndef f():\n    from d.e import x\n    from . import y\n"
    )
    assert outside(tree) == {"a", "c", "d"}


@pytest.mark.parametrize("path", CORE, ids=below)
def test_an_outside_package_is_imported_in_its_home_only(path: Path):
    for package in outside(parsed(path)) - EVERYWHERE:
        assert package in HOMES, f"{below(path)} imports {package}, which has no home"
        assert any(fnmatch(below(path, "pneumo_core"), home) for home in HOMES[package]), (below(path), package)


def test_every_home_is_lived_in():
    lived = {(package, below(path, "pneumo_core")) for path in CORE for package in outside(parsed(path))}
    for package, homes in HOMES.items():
        for home in homes:
            assert any(package == one and fnmatch(place, home) for one, place in lived), (package, home)


def test_no_import_hides_from_these_tests():
    # __import__ and importlib.import_module would not be seen. The group of commands imports its own room's files so.
    for path in {*CORE, *PAGES} - {ROOT / "pneumo_core" / "cli" / "group.py"}:
        assert not re.search(r"__import__|import_module", path.read_text(encoding="utf-8")), below(path)


def test_the_process_that_decodes_knows_of_pillow_only_what_it_raises():
    tree = parsed(ROOT / "pneumo_core" / "film" / "decoder_process.py")
    (pillow,) = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "PIL"]
    assert [alias.name for alias in pillow.names] == ["Image"]
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Image"
    }
    assert used == {"DecompressionBombError"}


def test_neither_what_reads_nor_what_a_page_draws_itself_with_waits_for_keras():
    rooms = (
        "stats",
        "files",
        "film",
        "lungs",
        "gate",
        "draw",
        "data",
        "models",
        "network",
        "read",
        "evaluate",
        "serve",
        "learn",
    )
    without = [path for path in CORE if path.parent.name in rooms and path.name != "decoder_process.py"]
    parts = [path for path in PAGES if "parts" in path.parts and path.name != "__init__.py"]
    modules = [below(path).removesuffix(".py").replace("/", ".") for path in (*without, *parts)]
    lines = [f"import {module}" for module in modules] + list(map(imports.import_lines, imports.PAGES.values()))
    _, packages = imports.imported("\n".join(lines))
    assert {"streamlit", "pneumo_core", "pages"} <= packages
    assert not packages & {*imports.NETWORKS, "openvino"}


@pytest.mark.parametrize("path", PAGES, ids=below)
def test_a_page_computes_nothing_and_opens_no_file(path: Path):
    tree = parsed(path)
    assert not outside(tree) & {"numpy", "tensorflow", "keras", "tf_keras_vis", "cv2", "PIL", "pydicom"}
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = {node.id for node in called if isinstance(node, ast.Name)}
    methods = {node.attr for node in called if isinstance(node, ast.Attribute)}
    assert not (names | methods) & {"open", "read_bytes", "read_text", "write_bytes", "write_text"}


@pytest.mark.parametrize("path", PAGES, ids=below)
def test_only_problems_films_and_server_catch_and_only_refusals(path: Path):
    tree = parsed(path)
    tries = [node for node in ast.walk(tree) if isinstance(node, ast.Try | ast.TryStar)]
    if below(path) in CATCHING:
        caught = [ast.unparse(handler.type) if handler.type else "" for node in tries for handler in node.handlers]
        assert set(caught) <= {"PneumoError", "BusyError"}
    else:
        assert not tries
    assert "suppress" not in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
