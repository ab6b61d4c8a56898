"""Every page opens with its frame; home shows the state of the model."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pneumo_core.model_card import read_card
from pneumo_core.places import MODELS_VARIABLE, ROOT
from pneumo_core.wording import NOTICE

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pages").glob("*.py"))


def opened(page: str = "app.py") -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60).run()
    return app if page == "app.py" else app.switch_page(page).run()


@pytest.mark.parametrize("page", ["app.py", *PAGES])
def test_every_page_opens_with_the_standing_notice(page: str, tiny_model_in_use: Path):
    app = opened(page)
    assert not app.exception
    assert not app.error
    assert app.warning[0].value == NOTICE
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
    area = card.test[0].area_under_roc
    assert list(table["AUC"]) == [f"{area.value:.3f} ({area.low:.3f}-{area.high:.3f})"]
