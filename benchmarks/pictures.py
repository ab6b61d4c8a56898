"""Make the documents' pictures of the app anew, with the model in use: each page as its caption tells of it.

    python -m benchmarks.pictures [--only learn/trust] [--data chest_xray]

Needs Chromium on the PATH and what `requirements-dev.lock` names. The app is started in a process of its own. The films
are samples; the picture of Batch evaluation shows figures of the official test films, so it needs `--data` and is left
out without. Left out always are `training.png` and `models.png`: they show runs of training that were made for them.
After a new model please make its survey first (`./run core survey FOLDER --films 104 --record`), then look at each
picture and at the sentence beside it: another sample may be the one whose flag flips.
"""

import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

from benchmarks.load import app_started
from pneumo_core.files import DATA_VARIABLE, ROOT, RUNS_VARIABLE, SAMPLES

DOCUMENTS = ROOT / "docs"
PATIENCE = 600_000
# Until charts have grown to their size and what a click faded has come back, milliseconds.
REST = 2_000
WIDTH, HEIGHT = 1440, 900
FLAGGED, FLIPPING, NOT_FLAGGED = "synthetic_02.png", "synthetic_01.png", "synthetic_05.png"
DEGREES = 18.0
QUESTIONS = 4
READ = "What was read, and by what"

Steps = Callable[[Page], None]


@dataclass(frozen=True, slots=True)
class Picture:
    """A page of the app in a state.

    Attributes:
        address: of the page, from the root of the app on.
        steps: from the opened page to that state.
        height: of the window, in pixels.
        needs_data: whether the official test films must be at hand.
    """

    address: str
    steps: Steps
    height: int = HEIGHT
    needs_data: bool = False


def settled(page: Page) -> None:
    """Wait until the page is drawn to its end."""
    page.wait_for_timeout(REST)
    page.locator("[data-test-script-state=notRunning]").wait_for()
    page.wait_for_timeout(REST)


def seen(text: str) -> Steps:
    """Give the step of waiting for a text."""
    return lambda page: page.get_by_text(text).first.wait_for()


def plotted(text: str) -> Steps:
    """Give the steps of waiting for a text, a chart and a table."""

    def steps(page: Page) -> None:
        seen(text)(page)
        page.locator(".js-plotly-plot .main-svg").first.wait_for()
        page.locator("table").last.wait_for()

    return steps


def pressed(button: str, text: str) -> Steps:
    """Give the steps of pressing a button and waiting for a text."""

    def steps(page: Page) -> None:
        # Before its words may stand its icon's.
        page.get_by_role("button", name=re.compile(f"{button}$")).click()
        seen(text)(page)

    return steps


def chosen(option: str, text: str) -> Steps:
    """Give the steps of choosing one of several options and waiting for a text."""

    def steps(page: Page) -> None:
        page.get_by_text(option, exact=True).click()
        seen(text)(page)

    return steps


def explained(page: Page) -> None:
    """Switch the heat map on, and wait for the film's small changes."""
    seen(READ)(page)
    settled(page)
    page.get_by_text("Heat map", exact=True).click()
    seen("Where the network found evidence")(page)
    seen("small changes.")(page)


def uploaded(name: str, film: Image.Image, text: str) -> Steps:
    """Give the steps of uploading a film and waiting for a text."""
    content = io.BytesIO()
    film.save(content, "PNG")
    file = FilePayload(name=name, mimeType="image/png", buffer=content.getvalue())

    def steps(page: Page) -> None:
        page.locator("input[type=file]").set_input_files(file)
        seen(text)(page)

    return steps


def slanted(film: Image.Image) -> Image.Image:
    """Turn a film clockwise by some degrees; what turns in from outside goes on as the film's edge."""
    pixels = np.asarray(film)
    margin = max(pixels.shape)
    larger = Image.fromarray(np.pad(pixels, margin, mode="edge"))
    turned = larger.rotate(-DEGREES, resample=Image.Resampling.BICUBIC)
    return turned.crop((margin, margin, margin + film.width, margin + film.height))


def evaluated(page: Page) -> None:
    """Evaluate the test films of the server's folder."""
    page.get_by_text("A folder of the server", exact=True).click()
    folder = page.get_by_role("textbox", name="Folder, CSV or zip in")
    folder.fill("test")
    folder.press("Enter")
    settled(page)
    pressed("Evaluate", "What speaks against these figures")(page)


def more_contrast(page: Page) -> None:
    """Move the contrast to its most, and wait until flips have been looked for."""
    settled(page)
    page.get_by_role("slider", name="Contrast").press("End")
    settled(page)
    page.get_by_text("Looking for flips").first.wait_for(state="detached")


def file_size_guessed(page: Page) -> None:
    """Guess that files' sizes tell 65 of 100 pairs apart."""
    slider = page.get_by_role("slider")
    slider.wait_for()
    for _ in range(15):
        slider.press("ArrowRight")
    settled(page)
    pressed("Reveal", "You said that the size alone tells 65")(page)


def quiz_begun(page: Page) -> None:
    """Ask for a quiz of a few samples."""
    count = page.get_by_role("spinbutton", name="How many X-rays")
    count.fill(str(QUESTIONS))
    count.press("Enter")
    settled(page)
    pressed("Start", f"X-ray 1 of {QUESTIONS}")(page)


def answered(page: Page) -> None:
    """Answer No, whatever the film shows."""
    settled(page)
    page.get_by_text("No", exact=True).click()
    page.get_by_role("button", name="Answer and reveal").click()
    seen("Reference standard:")(page)


def quiz_wrong(page: Page) -> None:
    """Answer No, film by film, until that is wrong."""
    quiz_begun(page)
    answered(page)
    while not page.get_by_text("You were wrong").is_visible():
        page.get_by_role("button", name="Next X-ray").click()
        answered(page)


def quiz_finished(page: Page) -> None:
    """Answer No to every film."""
    quiz_begun(page)
    for _ in range(QUESTIONS - 1):
        answered(page)
        page.get_by_role("button", name="Next X-ray").click()
    answered(page)
    page.get_by_role("button", name="To the scoreboard").click()
    seen("Scoreboard:")(page)


def pictures() -> dict[str, Picture]:
    """Give the pictures by name: the path in `docs`, without its ending."""
    sample = Image.open(SAMPLES / NOT_FLAGGED).convert("L")
    lesson, film = "/learn?lesson=", f"&film={FLAGGED}"
    source = seen("Source: stored scores")
    return {
        "explain": Picture(f"/explain?sample={FLAGGED}", explained, 1000),
        "small-changes": Picture(f"/explain?sample={FLIPPING}", explained, 1230),
        "warning": Picture("/explain", uploaded("slanted.png", slanted(sample), READ), 1060),
        "refused": Picture(
            "/explain",
            uploaded("turned.png", sample.transpose(Image.Transpose.ROTATE_90), "Not read, no score"),
            540,
        ),
        "evaluate": Picture("/evaluate", evaluated, 1440, needs_data=True),
        "learn/grad-cam": Picture(f"{lesson}grad-cam&step=2{film}", seen("2. Feature maps")),
        "learn/grad-cam-relu": Picture(f"{lesson}grad-cam&step=6{film}", seen("computed twice")),
        "learn/grad-cam-overlay": Picture(f"{lesson}grad-cam&step=8{film}", seen("computed twice")),
        "learn/methods": Picture(
            f"{lesson}methods{film}", pressed("Explain this X-ray in seven ways", "patch is covered with grey")
        ),
        "learn/trust": Picture(f"{lesson}trust{film}", pressed("Test this heat map", "An evenly grey image"), 960),
        "learn/trust-many": Picture(f"{lesson}trust{film}", chosen("Many X-rays", "The same tests were run on"), 960),
        "learn/what-if": Picture(f"{lesson}what-if&film={FLIPPING}", more_contrast, 1000),
        "learn/threshold": Picture(f"{lesson}threshold", source),
        "learn/prevalence": Picture(f"{lesson}prevalence", source),
        "learn/file-size": Picture(f"{lesson}file-size", file_size_guessed),
        "learn/two-splits": Picture(f"{lesson}two-splits", source),
        "learn/calibration": Picture(f"{lesson}calibration", source),
        "learn/uncertain": Picture(f"{lesson}uncertain", source),
        "learn/bacterial-viral": Picture(f"{lesson}bacterial-viral", source),
        "learn/another-age": Picture(f"{lesson}another-age", plotted("Source: stored scores")),
        "learn/shortcuts": Picture(f"{lesson}shortcuts", plotted("Source: stored scores")),
        "learn/quiz": Picture(f"{lesson}quiz", quiz_wrong),
        "learn/quiz-scores": Picture(f"{lesson}quiz", quiz_finished),
    }


def take(browser: Browser, server: str, picture: Picture, path: Path) -> None:
    """Bring a page into its state, and write its picture."""
    page = browser.new_page(viewport={"width": WIDTH, "height": picture.height}, color_scheme="light")
    page.set_default_timeout(PATIENCE)
    page.goto(f"{server}{picture.address}")
    picture.steps(page)
    # Nothing is pointed at.
    page.mouse.move(WIDTH - 1, 1)
    settled(page)
    with Image.open(io.BytesIO(page.screenshot())) as shown:
        # Chosen otherwise, most of 256 colours go to the film, and a small red cross gets the amber of a threshold;
        # without the means, greys get a tint.
        few = shown.convert("RGB").quantize(method=Image.Quantize.MAXCOVERAGE, kmeans=1)
    few.save(path, optimize=True)
    page.close()


@click.command()
@click.option("--only", "names", multiple=True, type=click.Choice(list(pictures())), help="One; may be repeated.")
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="In the Kaggle layout.")
def main(names: tuple[str, ...], data: Path | None) -> None:
    """Make the pictures of the documents anew."""
    wanted = {name: picture for name, picture in pictures().items() if not names or name in names}
    with tempfile.TemporaryDirectory() as runs, sync_playwright() as playwright:
        os.environ[RUNS_VARIABLE] = runs
        if data is not None:
            os.environ[DATA_VARIABLE] = str(data.resolve())
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with app_started() as (server, _):
            for name, picture in wanted.items():
                if picture.needs_data and data is None:
                    click.echo(f"{name}: left out, needs --data", err=True)
                    continue
                take(browser, server, picture, DOCUMENTS / f"{name}.png")
                click.echo(name, err=True)
        browser.close()


if __name__ == "__main__":
    main()
