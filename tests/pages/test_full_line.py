"""A page of somebody for whose films there is no room in the line: a word, nothing lost, and a way to go on."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.explain import fragility_view
from pages.parts.shared import films
from pneumo_core.files.places import ROOT
from pneumo_core.read.queue import ReadingQueue
from tests.conftest import drawn_film, png


@pytest.fixture
def page(tiny_model_in_use: Path) -> AppTest:
    return AppTest.from_file(ROOT / "app.py", default_timeout=60).run().switch_page("pages/explain.py").run()


def upload(page: AppTest) -> AppTest:
    for seed in (1, 2):
        page.file_uploader[0].upload(f"film_{seed}.png", png(drawn_film(seed == 1, seed)), "image/png")
    return page.run()


def test_films_without_room_in_the_line_are_kept_and_read_once_there_is_room(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as full:
        full.setattr(films, "READINGS", ReadingQueue(most_waiting=0))
        upload(page)
        assert not page.exception
        assert [info.value.split(",")[0] for info in page.info] == ["Busy: 0 ahead of you"]
        assert not page.header
    # The page does this by itself every few seconds.
    page.run()
    assert not page.exception
    assert not page.info
    assert sorted(page.dataframe[0].value["X-ray"]) == ["film_1.png", "film_2.png"]


def test_small_changes_without_room_in_the_line_are_scored_by_a_click(page: AppTest, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as full:
        full.setattr(fragility_view, "READINGS", ReadingQueue(most_waiting=0))
        upload(page)
        assert page.header
        assert [error.value.split(",")[0] for error in page.error] == ["Busy\\: 0 ahead of you"]
    next(button for button in page.button if button.label == "Score the X-ray's small changes").click().run()
    assert not page.exception
    assert not page.error
    assert any("small changes" in text.value for text in page.markdown)
