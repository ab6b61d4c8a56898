"""Time a cold start as a person at the browser sees it: server start -> page -> model -> first result.

    python benchmarks/cold_start.py [FILM]

Needs Chromium on the PATH and what `requirements-dev.txt` names. The film (a sample by default) is
uploaded as soon as the page is drawn, while the network is still being loaded.
"""

import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import click
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PORT = 8599


@click.command()
@click.argument("film", type=click.Path(exists=True, path_type=Path), default=ROOT / "samples" / "synthetic_01.png")
def benchmark(film: Path) -> None:
    """Time a cold start with one film."""
    address = f"http://localhost:{PORT}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.set_default_timeout(120_000)
        started = time.perf_counter()
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(PORT)]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(f"{address}/_stcore/health")
            report("server answers", started)
            asked = time.perf_counter()
            page.goto(f"{address}/explain")
            page.locator("input[type=file]").wait_for(state="attached")
            report("page drawn", started)
            report("  of which after the first request", asked)
            page.locator("input[type=file]").set_input_files(film)
            page.get_by_text("What was read, and by what").wait_for()
            report("first result, film uploaded at once", started)
            second = browser.new_page()
            asked = time.perf_counter()
            second.goto(f"{address}/explain")
            second.locator("input[type=file]").set_input_files(film)
            second.get_by_text("What was read, and by what").wait_for()
            report("a second visitor's result, from opening the page", asked)
        finally:
            server.terminate()
            server.wait()
            browser.close()


def wait_for(address: str) -> None:
    """Wait until the server answers."""
    while True:
        try:
            urllib.request.urlopen(address).read()
        except OSError:
            time.sleep(0.02)
        else:
            return


def report(what: str, since: float) -> None:
    """Print the seconds since a moment."""
    click.echo(f"{time.perf_counter() - since:6.2f} s  {what}")


if __name__ == "__main__":
    benchmark()
