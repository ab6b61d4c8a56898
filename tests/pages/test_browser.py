"""The upload flow in a real browser, against the server started as a user starts it.

Needs Chromium on the PATH; without, these tests are skipped by name.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pneumo_core.explain.steps import TITLES
from pneumo_core.files.places import DATA_VARIABLE, MODELS_VARIABLE, ROOT, RUNS_VARIABLE, sample_files
from pneumo_core.serve.audit_log import AUDIT_LOG_VARIABLE, verify_audit_log
from pneumo_core.serve.sign_in import visitor
from tests.conftest import drawn_film

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
# Keeps the browser's own calls home out of the record.
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
# Milliseconds; the first film waits for TensorFlow on a slow machine.
PATIENCE = 90_000
NOBODY = visitor(None)
ROW_PIXELS = 35
# The script does as a browser's translator: it replaces each text of the page by a translated copy, at once after each
# change. It heeds no mark. The copies read the same, so that the page can be judged by them.
TRANSLATOR = """() => {
  const skipped = "font, canvas, svg, script, style, textarea, select, noscript";
  const replace = (place) => {
    const walk = document.createTreeWalker(place, NodeFilter.SHOW_TEXT), found = [];
    while (walk.nextNode()) found.push(walk.currentNode);
    for (const text of found) {
      if (!text.nodeValue.trim() || !text.parentElement || text.parentElement.closest(skipped)) continue;
      const outer = document.createElement("font");
      const inner = outer.appendChild(document.createElement("font"));
      inner.textContent = text.nodeValue;
      text.replaceWith(outer);
    }
  };
  replace(document.body);
  new MutationObserver(() => replace(document.body)).observe(
    document.body, { childList: true, characterData: true, subtree: true });
}"""


@pytest.fixture(scope="module")
def server(
    tiny_model: Path, tmp_path_factory: pytest.TempPathFactory, make_data: Callable[..., Path]
) -> Iterator[tuple[str, Path]]:
    """Start the app on a free port; give its address and the file that its output goes to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    home = tmp_path_factory.mktemp("temporary")
    make_data(home / "data" / "drawn", 12)
    audit_log = home / "audit.jsonl"
    folders = {MODELS_VARIABLE: str(tiny_model), RUNS_VARIABLE: str(home / "runs"), DATA_VARIABLE: str(home / "data")}
    environment = {**os.environ, **folders, AUDIT_LOG_VARIABLE: str(audit_log), "TMPDIR": str(home)}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://localhost:{port}"
    try:
        wait_until_healthy(address)
        yield address, log
    finally:
        process.terminate()
        process.wait(20)
    left = [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in left if "CANARY" in path.name or b"CANARY" in path.read_bytes()] == []
    if audit_log not in left:
        # No test that was asked for has read a film.
        return
    assert verify_audit_log(audit_log).broken is None
    events = [json.loads(line) for line in audit_log.read_text().splitlines()]
    assert {event["event"] for event in events} <= {"read", "refused", "run asked for"}
    assert {event["user"] for event in events} == {NOBODY}
    assert all(0 < event["probability"] < 1 for event in events if event["event"] == "read")


def wait_until_healthy(address: str) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health") as answer:
                if answer.read() == b"ok":
                    return
        except OSError:
            time.sleep(0.25)
    pytest.fail("the server did not become healthy within a minute")


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: "playwright.Browser", server: tuple[str, Path]) -> Iterator["playwright.Page"]:
    """Give a page that records every request; the test fails if one went elsewhere, or if the guard stopped one."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000}, accept_downloads=True)
    page.set_default_timeout(PATIENCE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    yield page
    page.close()
    own = server[0].partition("//")[2]
    assert asked
    assert [url for url in asked if not re.match(rf"(http|ws)://{own}/|data:|blob:", url)] == []
    assert [text for text in said if "Content Security Policy" in text] == []


def film(seed: int, side: int = 0) -> dict[str, object]:
    """Give an upload with a canary in its name and in its text chunk; over 1 MiB of noise where a side is given."""
    pixels = drawn_film(True, seed)
    if side:
        noise = np.random.default_rng(seed).integers(0, 90, (side, side), np.uint8)
        pixels = np.asarray(Image.fromarray(pixels).resize((side, side))) // 2 + noise
    facts, file = PngInfo(), io.BytesIO()
    facts.add_text("Patient", "CANARY^PATIENT")
    Image.fromarray(pixels).save(file, "PNG", pnginfo=facts)
    return {"name": f"CANARY_{seed}.png", "mimeType": "image/png", "buffer": file.getvalue()}


def with_canary_tags(film: Path) -> bytes:
    """Give a DICOM film with a canary in the tags that name patient, doctor and place."""
    dataset, file = pydicom.dcmread(film), io.BytesIO()
    for keyword in ("PatientName", "PatientID", "PatientComments", "ReferringPhysicianName", "InstitutionName"):
        setattr(dataset, keyword, "CANARY")
    dataset.save_as(file)
    return file.getvalue()


def click_until(page: "playwright.Page", place: "playwright.Locator", wanted: "playwright.Locator") -> None:
    """Click where something is drawn, again if the page was still moving, until what is wanted is there."""
    # Longer each time: a click that comes while the page answers the one before makes it begin anew.
    for seconds in (5, 10, 20, 40, 60):
        page.locator("[data-test-script-state=notRunning]").wait_for()
        # A chart that is drawn anew between two of these steps takes the place away with it: then once more.
        with contextlib.suppress(playwright.Error):
            # Each time anew: what is drawn above it may have pushed it out of sight. Words in an SVG are not brought
            # into view by themselves, so what they are drawn in is.
            place.evaluate("(place) => place.closest('.js-plotly-plot').scrollIntoView({ block: 'center' })")
            box = place.bounding_box()
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            # A chart clicks on what the mouse was seen over.
            page.mouse.move(x - 4, y - 4)
            page.mouse.move(x, y, steps=3)
            page.wait_for_timeout(300)
            page.mouse.click(x, y)
            wanted.wait_for(timeout=1000 * seconds)
            return
        # An answer may come late, and a second click on a chosen cell would close it again.
        page.locator("[data-test-script-state=notRunning]").wait_for()
        if wanted.count():
            return
    shown = page.locator("[data-testid=stMain]").inner_text()
    pytest.fail(f"a click on the drawn cell opened nothing; the page shows: {shown[:3000]}")


def test_a_film_is_uploaded_explained_and_kept(page: "playwright.Page", server: tuple[str, Path]):
    address, log = server
    page.goto(address)
    page.get_by_text("Ready on").wait_for()
    page.get_by_role("link", name="Explain an X-ray").first.click()
    page.get_by_text("one or several").wait_for()
    # A proxy refuses one of three.
    page.route("**/_stcore/upload_file/**", lambda asked: asked.fulfill(status=413), times=1)
    page.locator("input[type=file]").set_input_files([film(3), film(1), film(2, side=1300)])
    page.get_by_text("What was read, and by what").wait_for()
    refused = page.locator("#refused-uploads")
    assert len(re.findall(r"CANARY_\d\.png was not taken\. It is too large for", refused.inner_text())) == 1
    refused.get_by_role("button", name="Close").click()
    page.locator(".js-plotly-plot").nth(1).wait_for()

    page.get_by_text("Heat map", exact=True).click()
    page.get_by_text("Where the network found evidence").first.wait_for()
    page.get_by_role("link", name="Home").click()
    page.get_by_text("The model in use").wait_for()
    page.get_by_role("link", name="Explain an X-ray").first.click()
    page.get_by_text("What was read, and by what").wait_for()

    for label, start in (
        ("Report (HTML)", b"<!doctype html>"),
        ("Overlay (PNG)", b"\x89PNG"),
        ("Receipt (JSON)", b"{"),
    ):
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        content = Path(download.value.path()).read_bytes()
        assert content.startswith(start)
        assert b"CANARY" not in content
        assert "CANARY" not in download.value.suggested_filename
    assert "CANARY" not in log.read_text()


def test_a_deep_link_has_the_frame_and_works(page: "playwright.Page", server: tuple[str, Path]):
    page.goto(f"{server[0]}/explain")
    page.get_by_text("not a medical device").wait_for()
    page.locator("input[type=file]").set_input_files(
        [film(3), {"name": "notes.png", "mimeType": "image/png", "buffer": b"text"}]
    )
    page.get_by_text("seems to be a text file").first.wait_for()
    page.get_by_text("What was read, and by what").wait_for()


def test_a_zip_of_samples_is_evaluated_a_cell_opened_and_the_page_reloaded(
    page: "playwright.Page", server: tuple[str, Path]
):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number, sample in enumerate(sample_files()):
            folder = "PNEUMONIA" if number % 2 else "NORMAL"
            content_of_film = with_canary_tags(sample) if sample.suffix == ".dcm" else sample.read_bytes()
            archive.writestr(f"CANARY/{folder}/CANARY_{number}{sample.suffix}", content_of_film)
        archive.writestr("CANARY/NORMAL/CANARY_broken.png", b"text")
    page.goto(f"{server[0]}/evaluate")
    page.locator("input[type=file]").set_input_files(
        [{"name": "CANARY.zip", "mimeType": "application/zip", "buffer": content.getvalue()}]
    )
    page.get_by_role("button", name="Evaluate", exact=True).click()
    page.get_by_text("8 scored, of which 8 count in the figures (4 with pneumonia); 1 refused").wait_for()
    page.get_by_text("What speaks against these figures").wait_for()
    page.reload()
    page.get_by_text("8 scored, of which 8 count in the figures").wait_for()

    drawn = page.locator(".js-plotly-plot").first
    drawn.scroll_into_view_if_needed()
    page.get_by_text("of row").first.wait_for()
    for name in ("true positives", "false negatives"):
        click_until(page, drawn.get_by_text(name), page.get_by_role("heading", name=name.capitalize()))
    for label in ("X-rays (CSV)", "Figures (JSON)", "Report at this threshold (HTML)"):
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        assert b"CANARY" not in Path(download.value.path()).read_bytes()
    assert "CANARY" not in server[1].read_text()


def test_films_are_audited_and_a_model_is_trained_on_them(page: "playwright.Page", server: tuple[str, Path]):
    page.goto(f"{server[0]}/train")
    page.get_by_role("button", name="Audit", exact=True).click()
    page.get_by_role("heading", name="Alarms").wait_for()
    page.get_by_role("button", name="Make this split").click()
    page.get_by_role("button", name="On to the plan with it").click()
    page.get_by_alt_text("eight random variants").wait_for()

    backbone, option = page.locator(".st-key-plan_architecture"), page.get_by_role("option", name="SmallCNN")
    for _ in range(10):
        # A list that is opened while the page is still being drawn may be closed by the drawing.
        with contextlib.suppress(playwright.TimeoutError):
            backbone.get_by_role("combobox").click(timeout=5_000)
            option.click(timeout=5_000)
        with contextlib.suppress(playwright.TimeoutError):
            page.get_by_text("Changed settings: architecture SmallCNN").wait_for(timeout=8_000)
            break
        page.keyboard.press("Escape")
    for label, value in (("Image size, pixels a side", "32"), ("Epochs, at most", "2"), ("Batch, X-rays", "8")):
        page.get_by_label(label, exact=True).fill(value)
        page.get_by_label(label, exact=True).press("Enter")
    page.get_by_text("2 epochs of 3 steps").wait_for()
    page.get_by_role("button", name="Start training").click()
    page.get_by_test_id("stProgress").wait_for()
    page.reload()
    page.get_by_text("Done: the model my-model-1 is made").wait_for()
    assert page.url.endswith("run=my-model-1")
    page.get_by_role("heading", name="Where it looks, epoch by epoch").wait_for()
    pictures = page.locator("table.watched img")
    # The heading stands before them.
    pictures.nth(2 * 4 - 1).wait_for()
    assert pictures.count() == 2 * 4


@pytest.mark.parametrize("path", ["/", "/explain", "/evaluate", "/train", "/learn", "/learn?lesson=threshold"])
def test_nothing_runs_over_the_side_at_800_pixels(page: "playwright.Page", server: tuple[str, Path], path: str):
    page.set_viewport_size({"width": 800, "height": 900})
    page.goto(server[0] + path)
    page.get_by_text("not a medical device").wait_for()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 800


def test_grad_cam_is_walked_through_on_an_upload_and_a_map_clicked(page: "playwright.Page", server: tuple[str, Path]):
    address, log = server
    page.goto(f"{address}/learn?lesson=grad-cam")
    page.locator("input[type=file]").set_input_files([film(7)])
    page.get_by_role("heading", name="1. Input").wait_for()
    page.get_by_text("130 x 110 pixels is resized").wait_for()
    assert "CANARY" not in page.url
    for number, title in enumerate(TITLES[1:], start=2):
        page.get_by_role("button", name="Next").click()
        page.get_by_role("heading", name=f"{number}. {title}").wait_for()
        page.locator(".katex").first.wait_for()
        assert page.url.endswith(f"step={number}")
    page.get_by_text("tf-keras-vis").wait_for()

    page.goto(f"{address}/learn?lesson=grad-cam&step=2")
    shown = page.get_by_text("over the X-ray").first
    shown.wait_for()
    before = shown.inner_text()
    # The last map of the sheet; the first is shown unasked.
    drawn = page.locator(".js-plotly-plot .annotation").last
    click_until(page, drawn, page.locator("[data-testid=stImageCaption]").filter(has_not_text=before))
    assert "CANARY" not in log.read_text()


def test_a_quiz_is_read_to_its_end_and_names_no_film_before_the_answer(
    page: "playwright.Page", server: tuple[str, Path]
):
    page.goto(f"{server[0]}/learn?lesson=quiz")
    page.get_by_label(re.compile("How many X-rays")).fill("2")
    page.get_by_label(re.compile("How many X-rays")).press("Enter")
    page.get_by_role("button", name="Start").click()
    for number in (1, 2):
        page.get_by_text(f"X-ray {number} of 2").wait_for()
        page.locator("[data-test-script-state=notRunning]").wait_for()
        assert "synthetic_" not in page.content()
        assert "Reference standard" not in page.content()
        page.get_by_text("Yes", exact=True).click()
        page.get_by_role("button", name="Answer and reveal").click()
        page.get_by_text("Reference standard:").wait_for()
        page.get_by_text("Where the network found evidence").first.wait_for()
        page.get_by_role("button", name="To the scoreboard" if number == 2 else "Next X-ray").click()
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("CSV")).click()
    content = Path(download.value.path()).read_text()
    assert len(content.splitlines()) == 3
    assert "synthetic_" not in content


# The names on the screen, whatever a translator did


def files() -> list[dict[str, object]]:
    """Give three samples that are read, and a file that is refused."""
    content = {path.name: path.read_bytes() for path in sample_files()[:3]}
    content |= {"notes.png": b"just text"}
    return [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in content.items()]


def rows(screen: "playwright.Page") -> list[list[str]]:
    """Give the worklist as it is drawn, from the table that stands for its canvas."""
    return screen.evaluate(
        """() => [...document.querySelectorAll("[data-testid=stDataFrame] canvas table tbody tr")].map(
          (row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent))"""
    )


def is_chosen(screen: "playwright.Page", row: int) -> bool:
    return screen.evaluate(
        """(row) => document.querySelectorAll("[data-testid=stDataFrame] canvas table tbody tr")[row]
          .getAttribute("aria-selected") === "true" """,
        row,
    )


def at_rest(screen: "playwright.Page") -> None:
    screen.wait_for_timeout(300)
    screen.locator("[data-test-script-state=notRunning]").wait_for()
    screen.wait_for_timeout(300)


def choose(screen: "playwright.Page", row: int) -> None:
    screen.get_by_test_id("stDataFrame").click(position={"x": 15, "y": ROW_PIXELS * (row + 1.5)})
    at_rest(screen)


def shown(screen: "playwright.Page") -> str:
    """Give the words of the page below the list, and of its drawings."""
    return screen.evaluate(
        """() => [...document.querySelectorAll(
          "[data-testid=stMain] h2, .film-name > p, [data-testid=stMain] svg text, [data-testid=stTable]")]
          .map((place) => place.textContent).join("\\n")"""
    )


def upload_all(screen: "playwright.Page", address: str) -> dict[str, str]:
    screen.goto(f"{address}/explain")
    screen.locator("input[type=file]").set_input_files(files())
    screen.get_by_text("What was read, and by what").wait_for()
    screen.locator(".js-plotly-plot").nth(1).wait_for()
    at_rest(screen)
    return {file["name"]: hashlib.sha256(file["buffer"]).hexdigest() for file in files()}


def check(screen: "playwright.Page", row: list[str], digests: dict[str, str]) -> None:
    """Check that all that is shown is of this row of the list."""
    name = next(cell for cell in row if cell in digests)
    result = next(cell for cell in row if cell in ("Flagged", "Not flagged", "Refused"))
    words = shown(screen)
    others = [other for other in digests if other != name]
    if result == "Refused":
        assert "lagged" not in words
        assert "%" not in words
        assert not any(digest in words for digest in digests.values())
    else:
        (share,) = (float(cell.removesuffix("%")) for cell in row if re.fullmatch(r"[\d.]+ ?%?", cell) and "." in cell)
        assert f"{share:.1f} %" in words.replace("%", " %").replace("  ", " ")
        verdicts = re.findall(r"Flagged: suspected pneumonia|Not flagged", words)
        assert verdicts == ["Flagged: suspected pneumonia" if result == "Flagged" else "Not flagged"]
        assert digests[name] in words
    names = screen.evaluate("() => [...document.querySelectorAll('.film-name')].map((place) => place.innerText)")
    assert len(names) == (1 if result == "Refused" else 2)
    for place in names:
        assert name in place
        assert digests[name][:12] in place
        assert not any(other in place for other in others)


@pytest.mark.parametrize("is_translated", [False, True])
def test_all_shown_is_of_the_chosen_row_and_point(
    page: "playwright.Page", server: tuple[str, Path], is_translated: bool
):
    digests = upload_all(page, server[0])
    if is_translated:
        page.evaluate(TRANSLATOR)
        assert page.locator("font").count() > 20
    for is_sorted in (False, True):
        if is_sorted:
            page.get_by_test_id("stDataFrame").click(position={"x": 150, "y": ROW_PIXELS // 2})
            at_rest(page)
        listed = rows(page)
        assert len(listed) == len(digests)
        for number in (*range(len(listed)), 0):
            choose(page, number)
            assert is_chosen(page, number)
            assert rows(page) == listed
            check(page, listed[number], digests)
    if not is_translated:
        return
    results = set()
    for number in (number for number, row in enumerate(rows(page)) if "Refused" not in row):
        choose(page, number)
        for point, use in (
            ("screening", "second look"),
            ("rule-in", "few false alarms"),
            ("balanced", "worklist flag"),
        ):
            page.get_by_test_id("stButtonGroup").get_by_text(re.compile(f"^{use}")).click()
            at_rest(page)
            row = rows(page)[number]
            check(page, row, digests)
            results |= {cell for cell in row if cell in ("Flagged", "Not flagged")}
            sentences = page.locator(".st-key-stack_film").inner_text()
            assert re.findall(r"The amber line is the threshold of the [^(]*\((\S+)\)", sentences) == [point]
    assert results == {"Flagged", "Not flagged"}


def test_a_browser_is_told_to_translate_no_page(page: "playwright.Page", server: tuple[str, Path]):
    page.goto(f"{server[0]}/explain")
    page.get_by_text("one or several").wait_for()
    assert page.locator("html").get_attribute("translate") == "no"
    assert "notranslate" in page.locator("html").get_attribute("class").split()
    assert page.locator("meta[name=google]").get_attribute("content") == "notranslate"
