"""Time a cold start as a person at the browser sees it: server start -> page -> model -> first result; memory at idle.

    python -m benchmarks.cold_start [FILM] [--rounds 3] [--record docs/benchmarks]

Needs Chromium on the PATH and what `requirements-dev.lock` names; Linux only, as memory is what the system counts as
resident. In each round the app is started twice: once for a look at the home page until the model is ready, once with a
film (a sample by default) that is uploaded as soon as the page is drawn, while the network is being loaded.
"""

import shutil
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import click
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.load import MIB, app_started, memory_of
from benchmarks.record import Table, record_option, tell
from pneumo_core.files import DEMO_SAMPLE, SAMPLES, models_folder
from pneumo_core.models import active_model_folder, read_card

COLD_START, MEMORY = "Cold start", "Memory"
FIRST_RESULT = "first result, film uploaded at once"
PATIENCE = 300_000
# Until what was only needed to load the network is given back.
SETTLED_SECONDS = 5.0

# Keeps a figure under its name.
Keep = Callable[[str, float], None]


def opened(browser: Browser, address: str) -> Page:
    """Open an address in a window of its own."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    return page


def without_a_film(browser: Browser, keep: Keep) -> None:
    """Start the app, look at the home page until the model is ready, and measure the server's memory."""
    started = time.perf_counter()
    with app_started() as (address, process):
        keep("server answers", time.perf_counter() - started)
        page = opened(browser, address)
        page.get_by_text("The model in use").wait_for()
        keep("home page drawn", time.perf_counter() - started)
        page.get_by_text("Ready on").wait_for()
        keep("model ready", time.perf_counter() - started)
        time.sleep(SETTLED_SECONDS)
        keep(MEMORY, memory_of(process) / MIB)
        page.close()


def with_a_film(browser: Browser, film: Path, keep: Keep) -> None:
    """Start the app and upload a film at once; then again as a second visitor."""

    def upload(page: Page) -> None:
        page.locator("input[type=file]").set_input_files(film)
        page.get_by_text("What was read, and by what").wait_for()
        page.close()

    started = time.perf_counter()
    with app_started() as (address, _):
        page = opened(browser, f"{address}/explain")
        page.locator("input[type=file]").wait_for(state="attached")
        keep("page Explain drawn", time.perf_counter() - started)
        upload(page)
        keep(FIRST_RESULT, time.perf_counter() - started)
        asked = time.perf_counter()
        upload(opened(browser, f"{address}/explain"))
        keep("a second visitor's result, from opening the page", time.perf_counter() - asked)


@click.command()
@click.argument("film", type=click.Path(exists=True, path_type=Path), default=SAMPLES / DEMO_SAMPLE)
@click.option("--rounds", default=3, show_default=True)
@record_option
def benchmark(film: Path, rounds: int, record: Path | None) -> None:
    """Time cold starts with one film."""
    found: defaultdict[str, list[float]] = defaultdict(list)

    def keep(name: str, figure: float) -> None:
        found[name].append(figure)

    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(rounds):
            without_a_film(browser, keep)
            with_a_film(browser, film, keep)
        browser.close()
    memory = found.pop(MEMORY)
    rows = [
        (name, *(round(figure, 1) for figure in (statistics.median(seconds), min(seconds), max(seconds))))
        for name, seconds in found.items()
    ]
    held = ("server at idle, model ready", round(statistics.median(memory)), round(min(memory)), round(max(memory)))
    tables = [
        Table(COLD_START, ("until", "seconds", "least", "most"), tuple(rows)),
        Table(MEMORY, ("of", "MiB", "least", "most"), (held,)),
    ]
    card = read_card(active_model_folder(models_folder()))
    tell(record, "cold_start", tables, card, packages=["playwright"], details={"rounds": rounds})


if __name__ == "__main__":
    benchmark()
