"""The lesson "What if?" on the page Learn: controls move the number, and one press brings the film back."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.learn import what_if_view
from pages.parts.shared.session_results import RESULTS
from pneumo_core.explain.what_if import CONTROLS, Change, Check, Look, Region
from pneumo_core.files.places import MODELS_VARIABLE, ROOT


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Change, Look]]:
    """Keep what the lesson looks at: the change, and what was found."""
    kept, look_at = [], what_if_view.look_at

    def kept_look(classifier, pixels, change):
        kept.append((change, look_at(classifier, pixels, change)))
        return kept[-1][1]

    monkeypatch.setattr(what_if_view, "look_at", kept_look)
    return kept


@pytest.fixture
def lesson(tiny_model_in_use: Path, looks: list) -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60).run().switch_page("pages/learn.py")
    app.query_params["lesson"] = "what-if"
    app.run()
    assert not app.exception
    return app


def alts(app: AppTest) -> str:
    return "\n".join(chart.proto.alt for chart in app.get("plotly_chart"))


def sentences(app: AppTest) -> list[str]:
    return [text.value for text in app.markdown if text.value.startswith(("Flips at", "No flip"))]


def test_the_film_as_it_is_scores_as_when_it_is_read(lesson: AppTest, looks: list):
    change, look = looks[-1]
    readings = [kept for key, kept in lesson.session_state[RESULTS].items() if key[2] == "reading"]
    assert change == Change()
    assert look.probability == readings[0].prediction.probability
    percent = f"{100 * look.probability:.1f} percent"
    assert f"{percent} for the X-ray as it is, {percent} as changed" in alts(lesson)
    assert lesson.subheader[0].value.startswith("The flag stays")


def test_every_control_says_where_the_flag_flips_or_that_it_does_not(lesson: AppTest):
    assert len(sentences(lesson)) == len(CONTROLS)
    assert "Looking for flips" not in "\n".join(text.value for text in lesson.markdown)
    assert any("not the patient's disease" in text.value for text in lesson.markdown)


@pytest.mark.parametrize("name", CONTROLS)
def test_a_slider_moves_the_number_and_one_press_brings_it_back(lesson: AppTest, looks: list, name: str):
    before = looks[-1][1].probability
    lesson.slider(key=f"what_if_{name}").set_value(CONTROLS[name].highest).run()
    assert not lesson.exception
    change, look = looks[-1]
    assert change == Change(**{name: CONTROLS[name].highest})
    assert look.probability != before
    assert f"{100 * look.probability:.1f} percent as changed" in alts(lesson)
    # The chart is that of the control that was moved.
    assert f"Probability over {name}" in alts(lesson)
    next(button for button in lesson.button if button.label == "Back to the unchanged X-ray").click().run()
    assert looks[-1][0] == Change()
    assert looks[-1][1].probability == before
    assert lesson.slider(key=f"what_if_{name}").value == 0


def test_the_words_say_when_the_flag_flips(lesson: AppTest, looks: list, monkeypatch: pytest.MonkeyPatch):
    _, look = looks[-1]
    flagged = lesson.subheader[0].value == "The flag stays: flagged"
    other = dataclasses.replace(look, probability=0.0 if flagged else 1.0)
    monkeypatch.setattr(what_if_view, "look_at", lambda *_: other)
    lesson.slider(key="what_if_contrast").set_value(5.0).run()
    words = ("flagged", "not flagged") if flagged else ("not flagged", "flagged")
    assert lesson.subheader[0].value == "The flag flips: {}, now {}".format(*words)


def test_what_explain_would_do_stands_beside_the_score_and_under_each_control(
    lesson: AppTest, looks: list, monkeypatch: pytest.MonkeyPatch
):
    words = [text.value for text in lesson.markdown]
    assert looks[-1][1].check.in_words() in words
    assert all(". Explain would " in sentence for sentence in sentences(lesson))
    refused = dataclasses.replace(looks[-1][1], check=Check("it seems to be upside down", ()))
    monkeypatch.setattr(what_if_view, "look_at", lambda *_: refused)
    lesson.slider(key="what_if_rotation").set_value(30.0).run()
    assert f":material/block: **{refused.check.in_words()}**" in [text.value for text in lesson.markdown]


def test_a_region_set_by_sliders_is_hidden_in_grey_at_once(lesson: AppTest, looks: list):
    before = looks[-1][1].film
    lesson.slider(key="what_if_across").set_value((10, 50)).run()
    change, look = looks[-1]
    assert change == Change(region=Region(10, 50, 30, 70), hidden_by="grey")
    changed = before != look.film
    height, width = before.shape
    assert changed[height // 2, width // 4]
    assert not changed[:, round(0.5 * width) :].any()
    assert not changed[: round(0.3 * height)].any()
    assert lesson.segmented_control(key="what_if_hide").value == "grey"
    assert "hidden from 10 to 50 percent of its width" in alts(lesson)


def test_a_region_can_be_blurred_and_shown_again(lesson: AppTest, looks: list):
    before = looks[-1][1].film
    lesson.segmented_control(key="what_if_hide").set_value("blur").run()
    assert looks[-1][0] == Change(region=Region(30, 70, 30, 70), hidden_by="blur")
    lesson.segmented_control(key="what_if_hide").set_value("nothing").run()
    np.testing.assert_array_equal(looks[-1][1].film, before)


def test_a_control_keeps_its_curve_while_only_itself_is_moved(lesson: AppTest, monkeypatch: pytest.MonkeyPatch):
    scored, flip_curve = [], what_if_view.flip_curve

    def counted(classifier, pixels, change, name, threshold):
        scored.append(name)
        return flip_curve(classifier, pixels, change, name, threshold)

    monkeypatch.setattr(what_if_view, "flip_curve", counted)
    lesson.slider(key="what_if_contrast").set_value(20.0).run()
    assert sorted(scored) == ["blur", "brightness", "rotation"]
    scored.clear()
    lesson.segmented_control(key="what_if_curve").set_value("blur").run()
    assert not scored
    assert "Probability over blur" in alts(lesson)


def test_the_change_is_kept_when_another_page_is_opened(lesson: AppTest, looks: list):
    lesson.slider(key="what_if_rotation").set_value(12.0).run()
    lesson.switch_page("app.py").run()
    lesson.switch_page("pages/learn.py").run()
    assert not lesson.exception
    assert looks[-1][0] == Change(rotation=12.0)


def test_a_zone_of_an_outlined_lung_is_hidden_by_its_name(
    model_with_lungs: Path, monkeypatch: pytest.MonkeyPatch, looks: list
):
    monkeypatch.setenv(MODELS_VARIABLE, str(model_with_lungs))
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60).run().switch_page("pages/learn.py")
    app.query_params["lesson"] = "what-if"
    app.run()
    zones = next(box for box in app.selectbox if box.label == "Hide a zone of the lungs")
    zones.select(next(option for option in zones.options if option.endswith("lower zone"))).run()
    assert not app.exception
    region = looks[-1][0].region
    assert region is not None and region.top >= 40
    assert app.session_state["what_if_down"] == (region.top, region.bottom)
    # The list is ready for the next zone.
    assert next(box for box in app.selectbox if box.label == "Hide a zone of the lungs").value is None
