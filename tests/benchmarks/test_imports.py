"""No page waits for TensorFlow when it is imported, in a fresh process."""

from benchmarks.imports import NETWORKS, PAGES, import_lines, imported


def test_no_page_imports_a_network():
    assert {"Home", "Explain", "Learn", "Evaluate", "Train", "Models"} == PAGES.keys()
    _, packages = imported("\n".join(map(import_lines, PAGES.values())))
    assert {"streamlit", "pneumo_core", "pages"} <= packages
    assert not packages & set(NETWORKS)
