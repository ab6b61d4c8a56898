"""The imports that are timed are those of every page; tests/test_homes.py sees that no network is among them."""

from benchmarks.imports import PAGES, import_lines, imported


def test_every_page_is_timed_by_its_own_imports():
    assert {"Home", "Explain", "Learn", "Evaluate", "Train", "Models"} == PAGES.keys()
    for page in PAGES.values():
        assert "import" in import_lines(page)
    seconds, packages = imported("import json\nimport zipfile")
    assert seconds > 0
    assert "zipfile" in packages
