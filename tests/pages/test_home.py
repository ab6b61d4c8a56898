"""Every page opens with its frame; home shows the state of the model."""

from pathlib import Path

import pytest
from starlette.formparsers import MultiPartParser
from streamlit.testing.v1 import AppTest

from pages.parts.home.server import guards
from pneumo_core import keras_network
from pneumo_core.files.places import MODELS_VARIABLE, ROOT
from pneumo_core.models.card import read_card
from pneumo_core.models.populations import notice_of
from pneumo_core.serve.upload_bounds import MAX_SESSION_BYTES
from pneumo_core.wording import NOTICE

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pages").glob("*.py"))


def opened(page: str = "app.py") -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60).run()
    return app if page == "app.py" else app.switch_page(page).run()


@pytest.mark.parametrize("page", ["app.py", *PAGES])
def test_every_page_opens_with_the_standing_notice_of_the_model_in_use(page: str, tiny_model_in_use: Path):
    app = opened(page)
    assert not app.exception
    assert not app.error
    assert app.warning[0].value == notice_of(read_card(tiny_model_in_use))
    assert len(app.title) == 1


@pytest.mark.parametrize("page", ["app.py", *PAGES])
def test_every_page_says_in_a_sentence_that_there_is_no_model(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    app = opened(page)
    assert not app.exception
    assert app.error[0].value.startswith("No model was found in")
    assert app.warning[0].value == NOTICE


def test_home_names_the_model_and_its_figures(tiny_model_in_use: Path):
    app = opened()
    card = read_card(tiny_model_in_use)
    assert any(card.weights_sha256[:12] in text.value for text in app.markdown)
    table = app.table[0].value
    assert list(table["n"]) == ["20 (10 with pneumonia)"]
    area = card.first.test[0].area_under_roc
    assert list(table["AUC"]) == [f"{area.value:.3f} ({area.low:.3f}-{area.high:.3f})"]


def test_an_upload_stays_in_memory_up_to_the_largest_file():
    guards()
    assert MultiPartParser.spool_max_size > MAX_SESSION_BYTES


def test_the_sample_button_leads_to_a_film_that_is_read(tiny_model_in_use: Path):
    app = opened()
    next(button for button in app.button if button.label.startswith("Try a sample")).click().run()
    assert not app.exception
    assert app.table


def test_a_second_visitor_gets_the_same_loaded_model(tiny_model_in_use: Path, monkeypatch: pytest.MonkeyPatch):
    opened("pages/explain.py")
    monkeypatch.setattr(keras_network, "load_classifier", lambda models: pytest.fail("loaded twice"))
    app = opened()
    assert any("Ready" in text.value or "Loading" in text.value for text in app.markdown)
    assert not app.exception
