"""The library's rooms and the pages' parts keep to their doors; read from the source, with nothing imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pneumo_core.files.places import ROOT

MOST_FILES, MOST_BOXES = 16, 26
CORE, PARTS = ROOT / "pneumo_core", ROOT / "pages" / "parts"
ROOMS = {path.parent.name for path in CORE.glob("*/__init__.py")}
SOURCES = [
    ROOT / "app.py",
    *(path for name in ("pneumo_core", "pages", "benchmarks", "samples") for path in (ROOT / name).rglob("*.py")),
]


def imports(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Give each module that a file imports, wherever in it, and the names that it takes from it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), [alias.name for alias in node.names]


def defined(path: Path) -> set[str]:
    """Give the names that a module itself makes at its top."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            names |= {
                part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }
    return names


@pytest.mark.parametrize(
    "door", [*CORE.rglob("__init__.py"), *PARTS.rglob("__init__.py")], ids=lambda path: path.parent.name
)
def test_a_folder_is_seen_at_a_glance(door: Path):
    assert len([*door.parent.glob("*.py")]) - 1 <= MOST_FILES


def test_the_whole_is_seen_at_a_glance():
    files = {path.stem for path in CORE.glob("*.py")} - {"__init__"}
    assert len(ROOMS) >= 16
    assert len(ROOMS | files | {"app", "pages", "benchmarks", "samples"}) <= MOST_BOXES


def test_a_room_is_entered_through_its_door():
    through_walls = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in SOURCES
        for module, _ in imports(path)
        if (parts := module.split("."))[0] == "pneumo_core" and len(parts) > 2 and parts[1] in ROOMS
        if CORE / parts[1] not in path.parents
    ]
    assert through_walls == []


def test_a_page_uses_its_own_parts_and_the_shared_ones():
    across = []
    for path in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]:
        own = path.parent.name if path.is_relative_to(PARTS) else path.stem.replace("app", "home")
        for module, names in imports(path):
            used = module.split(".")[2:3] if module != "pages.parts" else names
            if module.startswith("pages.parts") and not {*used} <= {own, "shared"}:
                across.append(f"{path.relative_to(ROOT)} imports {module}")
    assert across == []


def test_a_door_hands_on_what_is_there():
    missing = []
    for stub in CORE.glob("*/__init__.pyi"):
        for module, names in imports(stub):
            there = defined(stub.parent / f"{module.removeprefix('.').replace('.', '/')}.py")
            missing += [f"{stub.parent.name}{module} makes no {name}" for name in names if name not in there]
    assert missing == []


def test_every_name_is_imported_by_name():
    everywhere = [*SOURCES, *CORE.rglob("*.pyi"), *(ROOT / "tests").rglob("*.py")]
    assert [path for path in everywhere for _, names in imports(path) if "*" in names] == []
