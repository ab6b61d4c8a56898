"""In a real browser: the verdict and the image on the screen are those of the chosen row, whatever a translator did.

Needs Chromium on the PATH; without, these tests are skipped by name.
"""

import hashlib
import re
from pathlib import Path

import pytest

from pneumo_core.files.places import sample_files
from tests.pages.test_browser import CHROMIUM, browser, page, playwright, server  # noqa: F401

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
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


def files() -> list[dict[str, object]]:
    """Give four samples that are read, and two files that are refused."""
    content = {path.name: path.read_bytes() for path in sample_files()[:4]}
    content |= {"notes.png": b"just text", "empty.png": b""}
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
def test_verdict_image_and_name_are_those_of_the_chosen_row(page, server: tuple[str, Path], is_translated: bool):  # noqa: F811
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
        for number in (*range(len(listed)), 0, len(listed) - 1, 1):
            choose(page, number)
            assert is_chosen(page, number)
            assert rows(page) == listed
            check(page, listed[number], digests)


def test_the_verdict_follows_the_operating_point_under_a_translator(page, server: tuple[str, Path]):  # noqa: F811
    digests = upload_all(page, server[0])
    page.evaluate(TRANSLATOR)
    results = set()
    for number in (0, 1, 2, 0):
        choose(page, number)
        for point in ("screening", "balanced", "rule-in", "balanced", "screening"):
            page.get_by_test_id("stButtonGroup").get_by_text(re.compile(f"^{point}")).click()
            at_rest(page)
            row = rows(page)[number]
            check(page, row, digests)
            results |= {cell for cell in row if cell in ("Flagged", "Not flagged")}
            sentences = page.locator(".st-key-stack_film").inner_text()
            assert re.findall(r"The amber line is the (\S+) operating point", sentences) == [point]
    assert results == {"Flagged", "Not flagged"}


def test_a_browser_is_told_to_translate_no_page(page, server: tuple[str, Path]):  # noqa: F811
    page.goto(f"{server[0]}/explain")
    page.get_by_text("one or several").wait_for()
    assert page.locator("html").get_attribute("translate") == "no"
    assert "notranslate" in page.locator("html").get_attribute("class").split()
    assert page.locator("meta[name=google]").get_attribute("content") == "notranslate"
