"""Seconds that what each page imports takes in a fresh process, and whether TensorFlow is among it.

    python -m benchmarks.imports [--rounds 3] [--record docs/benchmarks]

Only the lines at the top of a page's file are run, as they are before it draws anything.
"""

import ast
import json
import statistics
import subprocess
import sys
from pathlib import Path

import click

from benchmarks.record import Table, record_option, tell
from pneumo_core.files import ROOT

# The home page imports its view when it is run.
PAGES = {"Home": ROOT / "pages" / "parts" / "home" / "home_view.py"} | {
    path.stem.capitalize(): path for path in sorted((ROOT / "pages").glob("*.py"))
}
NETWORKS = ("tensorflow", "keras", "tf_keras_vis")
IMPORTS = "Imports"
# Run in a fresh process: times the lines that come by standard input.
TIMER = """
import json, sys, time
lines = sys.stdin.read()
started = time.perf_counter()
exec(lines)
print(json.dumps([time.perf_counter() - started, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def import_lines(page: Path) -> str:
    """Give the imports at the top of a file."""
    nodes = ast.parse(page.read_text(encoding="utf-8")).body
    return "\n".join(ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))


def imported(lines: str) -> tuple[float, set[str]]:
    """Run imports in a fresh process; give the seconds, and the packages that are there after it."""
    done = subprocess.run(
        [sys.executable, "-c", TIMER], input=lines, cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, packages = json.loads(done.stdout)
    return seconds, set(packages)


@click.command()
@click.option("--rounds", default=3, show_default=True)
@record_option
def benchmark(rounds: int, record: Path | None) -> None:
    """Time what each page imports."""
    taken: dict[str, list[float]] = {name: [] for name in ("Streamlit alone", *PAGES)}
    found: dict[str, set[str]] = {}
    for _ in range(rounds):
        for name in taken:
            seconds, found[name] = imported(import_lines(PAGES[name]) if name in PAGES else "import streamlit")
            taken[name].append(seconds)
    rows = [
        (name, round(statistics.median(seconds), 2), ", ".join(sorted(found[name] & set(NETWORKS))) or "none")
        for name, seconds in taken.items()
    ]
    tell(record, "imports", [Table(IMPORTS, ("page", "seconds", "of TensorFlow, Keras and tf-keras-vis"), tuple(rows))])


if __name__ == "__main__":
    benchmark()
