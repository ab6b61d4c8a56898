"""The page Learn: deep links, the film, Grad-CAM step by step, methods, tests of a heat map."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.learn.menu import LESSONS
from pages.parts.shared import films
from pneumo_core.explain.methods import METHODS
from pneumo_core.explain.steps import TITLES
from pneumo_core.explain.survey import SURVEY_FILE, write_survey
from pneumo_core.files.hashes import file_sha256
from pneumo_core.files.places import DEMO_SAMPLE, MODELS_VARIABLE, ROOT, sample_files
from pneumo_core.gate.input_gate import LEFT, Verdict
from pneumo_core.gate.suitability import refuse_by
from pneumo_core.keras_network.layers import load_network, save_network
from pneumo_core.models.card import NETWORK_FILE, read_card, write_card
from pneumo_core.read.reading import read_xray
from tests.conftest import drawn_film, png
from tests.explain.test_survey import example


def learn(lesson: str, **query: str) -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=90).run().switch_page("pages/learn.py")
    app.query_params["lesson"] = lesson
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def texts(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.header, *app.info))


def alts(app: AppTest) -> list[str]:
    return [chart.proto.alt for chart in app.get("plotly_chart")]


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_deep_link_opens_a_lesson_with_the_standing_notice(lesson: str, tiny_model_in_use: Path):
    app = learn(lesson)
    assert not app.exception
    # These tests' model was validated on too few films for one of them.
    assert bool(app.error) == (lesson == "uncertain")
    assert "not a medical device" in app.warning[0].value
    assert app.selectbox(key="lesson").value == lesson
    assert app.query_params["lesson"] == lesson


def test_an_unknown_lesson_is_said_and_the_first_one_opens(tiny_model_in_use: Path):
    app = learn("astrology")
    assert app.error[0].value == "There is no lesson of the name in the address. Please choose one."
    assert app.selectbox(key="lesson").value == "grad-cam"


def test_without_a_model_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    app = learn("grad-cam")
    assert not app.exception
    assert len(app.error) == 1


def test_all_steps_are_walked_through_and_back(tiny_model_in_use: Path):
    app = learn("grad-cam")
    for number, title in enumerate(TITLES, start=1):
        assert not app.exception
        assert app.header[0].value == f"{number}. {title}"
        assert app.query_params["step"] == str(number)
        assert app.latex[0].value
        if number < len(TITLES):
            next(button for button in app.button if button.label == "Next").click().run()
    assert next(button for button in app.button if button.label == "Next").disabled
    next(button for button in app.button if button.label == "Back").click().run()
    assert app.header[0].value == "7. Upsampling"


def test_a_link_opens_a_step_and_one_that_is_none_the_first(tiny_model_in_use: Path):
    assert learn("grad-cam", step="4").header[0].value == "4. Weights"
    app = learn("grad-cam", step="9")
    assert app.header[0].value == "1. Input"
    assert "There is no step of the number" in app.error[0].value


def test_the_browsers_back_takes_the_lesson_and_the_step_from_the_address(tiny_model_in_use: Path):
    app = learn("grad-cam", step="4")
    next(button for button in app.button if button.label == "Next").click().run()
    assert app.query_params["step"] == "5"
    app.query_params["step"] = "4"
    app.run()
    assert app.header[0].value == "4. Weights"
    app.selectbox(key="lesson").set_value("threshold").run()
    app.query_params["lesson"] = "grad-cam"
    app.run()
    assert app.selectbox(key="lesson").value == "grad-cam"


def test_the_difference_from_tf_keras_vis_is_shown(tiny_model_in_use: Path):
    app = learn("grad-cam", step="6")
    (line,) = [text.value for text in app.markdown if "tf-keras-vis" in text.value]
    assert float(line.split(" is ")[1].split(" of ")[0]) < 1e-4


def test_layer_and_map_are_chosen_and_stay(tiny_model_in_use: Path):
    app = learn("grad-cam", step="2")
    assert "block3_activation: 4 x 4, 32 maps" in app.select_slider(key="layer").options
    app.select_slider(key="layer").set_value("block1_activation").run()
    assert r"16\times16\times8" in app.latex[0].value
    # A layer of 8 maps shows 8.
    assert len(app.selectbox(key="map").options) == 8
    app.selectbox(key="map").select_index(5).run()
    chosen = app.selectbox(key="map").value
    assert f"map {chosen} is framed" in alts(app)[0]
    app.segmented_control(key="step").set_value(4).run()
    assert f"map {chosen} has" in alts(app)[0]


def test_a_sample_is_named_in_the_address_and_an_upload_is_not(tiny_model_in_use: Path):
    name = sample_files()[1].name
    app = learn("grad-cam", film=name)
    assert app.selectbox(key="learn_film").value == name
    app.file_uploader[0].upload("CANARY^PATIENT.png", png(drawn_film(True, 3)), "image/png")
    app.run()
    assert not app.exception
    assert "CANARY^PATIENT.png" in app.selectbox(key="learn_film").options
    assert "film" not in app.query_params
    assert "130 x 110 pixels" in texts(app)
    app = learn("grad-cam", film="no_such.png")
    assert app.selectbox(key="learn_film").value == DEMO_SAMPLE
    assert "There is no sample of the name in the address" in app.error[0].value


def test_two_uploads_of_one_name_are_two_films_and_the_newest_is_shown(tiny_model_in_use: Path):
    app = learn("grad-cam")
    shown = []
    for seed in (3, 4):
        app.file_uploader[0].upload("film.png", png(drawn_film(True, seed)), "image/png")
        app.run()
        shown.append(app.selectbox(key="learn_film").value)
    assert shown[0] != shown[1]
    named = [option for option in app.selectbox(key="learn_film").options if option.startswith("film.png (")]
    assert len(named) == 2
    # One that is called like a sample is no sample.
    app.file_uploader[0].upload(DEMO_SAMPLE, png(drawn_film(False, 5)), "image/png")
    app.run()
    assert "130 x 110 pixels" in texts(app)


def refusals(app: AppTest) -> list[str]:
    return [error.value.replace("\\", "") for error in app.error]


def test_a_refused_upload_is_said_under_the_row_and_the_lesson_goes_on(tiny_model_in_use: Path):
    app = learn("grad-cam")
    app.file_uploader[0].upload("notes.png", b"text", "image/png")
    app.run()
    assert "seems to be a text file" in refusals(app)[0]
    assert app.header[0].value == "1. Input"
    next(button for button in app.button if button.label == "Dismiss").click().run()
    assert not app.error
    # The page Explain leaves no file out.
    (film,) = app.session_state[films.FILMS].values()
    assert "seems to be a text file" in film.reason


def test_a_refusal_goes_when_another_film_is_chosen_or_read(tiny_model_in_use: Path):
    app = learn("grad-cam")
    app.file_uploader[0].upload("notes.png", b"text", "image/png")
    app.run()
    app.selectbox(key="lesson").set_value("methods").run()
    assert len(app.error) == 1
    app.selectbox(key="learn_film").set_value(sample_files()[1].name).run()
    assert not app.error
    app.file_uploader[0].upload("notes.png", b"text", "image/png")
    app.run()
    assert len(app.error) == 1
    app.file_uploader[0].upload("film.png", png(drawn_film(True, 3)), "image/png")
    app.run()
    assert not app.error


def test_a_refused_film_is_read_turned_at_a_press_and_is_the_lessons(
    tiny_model_in_use: Path, monkeypatch: pytest.MonkeyPatch
):
    def read(classifier, radiograph, correction=None):
        if correction is None:
            refuse_by(Verdict(LEFT, 0.1, False), radiograph.name)
        return read_xray(classifier, radiograph, correction)

    monkeypatch.setattr(films, "read_xray", read)
    app = learn("grad-cam")
    app.file_uploader[0].upload("film.png", png(drawn_film(True, 3)), "image/png")
    app.run()
    assert "film.png seems to be turned by 90 degrees to the left" in refusals(app)[0]
    app.button(key="correct_0_film.png").click().run()
    assert not app.error
    assert "film.png" in app.selectbox(key="learn_film").options
    assert "110 x 130 pixels" in texts(app)
    assert "This image was turned by 90 degrees to the right before reading" in app.warning[1].value


@pytest.mark.parametrize("lesson", ["grad-cam", "methods", "trust", "what-if"])
def test_what_is_warned_of_a_film_stands_once_in_each_lesson_about_it(lesson: str, tiny_model_in_use: Path):
    app = learn(lesson)
    assert len(app.warning) == 2
    # Drawn films without a gate or an age.
    assert "This model has no learned input gate" in app.warning[1].value
    assert "The file gives no age." in app.warning[1].value
    assert not [box for box in app.expander if "warnings about this X" in box.label]


def test_the_presenter_view_keeps_much_that_is_warned_of_closed_under_its_count(tiny_model_in_use: Path):
    app = learn("grad-cam", presenter="true")
    (box,) = [box for box in app.expander if "warnings about this X" in box.label]
    assert not box.proto.expanded
    assert "no input gate" in box.label
    assert "The file gives no age." in box.warning[0].value


def test_seven_methods_stand_side_by_side_after_a_click_and_stay(tiny_model_in_use: Path):
    app = learn("methods")
    assert f"**{METHODS[0].name}, " not in texts(app)
    app.button(key="request_methods").click().run()
    assert not app.exception
    for method in METHODS:
        assert f"**{method.name}, " in texts(app)
        assert method.measures in texts(app)
    app.selectbox(key="lesson").set_value("grad-cam").run()
    app.selectbox(key="lesson").set_value("methods").run()
    assert f"**{METHODS[-1].name}, " in texts(app)


@pytest.fixture
def seeing_model_in_use(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a model the one in use that finds something in favour on every film."""
    folder = tmp_path / "seeing"
    shutil.copytree(tiny_model, folder)
    network = load_network(folder / NETWORK_FILE)
    kernel, bias = network.get_layer("logit").get_weights()
    network.get_layer("logit").set_weights([np.abs(kernel), bias])
    save_network(network, folder / NETWORK_FILE)
    card = dataclasses.replace(read_card(tiny_model), weights_sha256=file_sha256(folder / NETWORK_FILE))
    write_card(card, folder)
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    return folder


def test_a_blank_heat_map_has_nothing_to_test(tiny_model_in_use: Path):
    app = learn("trust")
    assert "is blank: the network found nothing in favour" in texts(app)
    assert not [button for button in app.button if button.label == "Test this heat map"]


def test_a_heat_map_is_tested_after_a_click(seeing_model_in_use: Path):
    app = learn("trust")
    assert "Adebayo 2018" in texts(app)
    app.button(key="request_test at balanced for children").click().run()
    assert not app.exception
    assert "**Depends on what was learnt**" in texts(app)
    assert "**Agrees with occlusion**" in texts(app)
    assert "evenly grey image" in texts(app)
    assert "Rank correlation with the trained network's map" in alts(app)[0]


def test_many_films_show_the_survey_of_these_weights_or_say_how_one_is_made(
    tiny_model_in_use: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    app = learn("trust")
    app.segmented_control(key="trust").set_value("Many X-rays").run()
    assert "./run core survey FOLDER --record" in app.info[0].value

    folder = tmp_path / "tiny"
    shutil.copytree(tiny_model_in_use, folder)
    weights = read_card(folder).weights_sha256
    write_survey(dataclasses.replace(example(), weights_sha256=weights), folder / SURVEY_FILE)
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    app = learn("trust")
    app.segmented_control(key="trust").set_value("Many X-rays").run()
    assert "**6 X-rays**" in texts(app)
    assert "Flagged images with a blank heat map, %" in list(app.table[0].value["Asked"])


def test_the_short_test_is_on_the_explain_page_where_the_heat_map_is(seeing_model_in_use: Path):
    app = AppTest.from_file(ROOT / "app.py", default_timeout=90).run().switch_page("pages/explain.py")
    app.query_params["sample"] = DEMO_SAMPLE
    app.run()
    assert not [button for button in app.button if "How far" in button.label]
    app.toggle(key="with_heatmap").set_value(True).run()
    next(button for button in app.button if button.label == "How far can I trust this picture?").click().run()
    assert not app.exception
    assert "the short test, with fewer random maps" in texts(app)
    assert "**Depends on what was learnt**" in texts(app)
    assert "Agrees with occlusion" not in texts(app)


def test_the_presenter_view_is_in_the_address(tiny_model_in_use: Path):
    app = learn("threshold", presenter="true")
    assert app.toggle(key="presenter").value
    assert any("font-size: 22px" in element.proto.body for element in app.get("html"))
    assert "not a medical device" in app.warning[0].value
