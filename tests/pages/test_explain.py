"""The Explain page: upload, score, refusals, worklist, settings."""

import dataclasses
import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.explain import film_view
from pages.parts.shared import cached, films
from pages.parts.shared.problems import plain
from pneumo_core.errors import UnsuitableImageError
from pneumo_core.files import places
from pneumo_core.files.places import MODELS_VARIABLE, ROOT, sample_files
from pneumo_core.models.card import read_card, write_card
from pneumo_core.models.conformal import NOT_THE_FLAG, Conformal, Measured, Regions
from pneumo_core.serve.audit_log import AUDIT_LOG_VARIABLE
from pneumo_core.stats.metrics import proportion
from tests.conftest import drawn_film, png
from tests.makers import times, with_first


@pytest.fixture
def page(tiny_model_in_use: Path) -> AppTest:
    return AppTest.from_file(ROOT / "app.py", default_timeout=60).run().switch_page("pages/explain.py").run()


def upload(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    uploader = page.file_uploader[0]
    for name, content in files:
        uploader.upload(name, content, "image/png")
    return page.run()


def film(has_pneumonia: bool, seed: int) -> tuple[str, bytes]:
    return f"film_{seed}.png", png(drawn_film(has_pneumonia, seed))


def texts(page: AppTest) -> str:
    return "\n".join(element.value for element in (*page.markdown, *page.header))


def strip(page: AppTest) -> str:
    return next(html.proto.body for html in page.get("html") if html.proto.body.startswith('<ul class="fragility"'))


def choose_row(page: AppTest, row: int) -> AppTest:
    """Tick a row of the list, as its number in the order that the list was given."""
    page.session_state[page.dataframe[0].key] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    return page.run()


def named(page: AppTest) -> list[str]:
    """Give each place that names a file, without its markup; the verdict is part of the first."""
    blocks = [html.proto.body for html in page.get("html") if 'class="film-name' in html.proto.body]
    assert all('notranslate" translate="no"' in block for block in blocks)
    return [re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", block)).strip() for block in blocks]


def test_an_uploaded_film_gets_a_score_a_flag_and_its_facts(page: AppTest):
    upload(page, film(True, 1))
    assert not page.exception
    assert not page.error
    # These tests' model was measured on a handful of films.
    assert "Read as a frequency this score means" in texts(page)
    assert "images only, with an expected calibration error of" in texts(page)
    assert "images scored like this" not in texts(page)
    assert named(page)[0].endswith(("Flagged: suspected pneumonia", "Not flagged"))
    facts = page.table[0].value
    assert "SmallCNN" in " ".join(facts["Value"])
    # These tests' model was trained on this film, and has no input gate; the page's notice stands before.
    starts = (
        "The model was",
        "This image is dark",
        "This image is blurred",
        "This model has no learned",
        "The file gives",
    )
    (box,) = page.warning[1:]
    for warning, start in zip(box.value.split("\n"), starts, strict=True):
        assert warning.startswith(f"- {start}")


def test_a_score_is_a_fact_on_the_page_where_the_calibration_was_measured_well_enough(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "tiny"
    shutil.copytree(tiny_model, folder)
    card = read_card(folder)
    well_measured = times(
        dataclasses.replace((card.first.test or card.first.validation)[0], expected_calibration_error=0.04), 30
    )
    write_card(with_first(card, test=(well_measured,)), folder)
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    page = AppTest.from_file(ROOT / "app.py", default_timeout=60).run().switch_page("pages/explain.py").run()
    upload(page, film(True, 1))
    assert re.search(r"Among images scored like this, \*\*.+ 100\*\* show pneumonia", texts(page))
    assert "Read as a frequency this score means" not in texts(page)


def test_the_operating_point_decides_the_flag(page: AppTest, tiny_model: Path):
    upload(page, film(True, 1))
    card = read_card(tiny_model)
    for point in card.first.operating_points:
        page.segmented_control(key="operating_point").set_value(point.name).run()
        assert f"flagged from {100 * point.threshold:.1f} % on" in texts(page)


def test_the_prevalence_moves_the_films_probability(page: AppTest):
    upload(page, film(True, 1))
    page.slider(key="prevalence").set_value(50).run()
    half = texts(page)
    page.slider(key="prevalence").set_value(5).run()
    assert "5 in 100 of your patients have pneumonia" in texts(page)
    assert half != texts(page)


def test_one_bad_file_never_stops_the_others(page: AppTest):
    upload(page, film(False, 2), ("notes.png", b"just text"), film(True, 3))
    assert not page.exception
    assert len(page.error) == 1
    assert plain("notes.png seems to be a text file, not an X-ray.") in page.error[0].value
    worklist = page.dataframe[0].value
    assert sorted(worklist["X-ray"]) == ["film_2.png", "film_3.png", "notes.png"]
    assert worklist["X-ray"].iloc[-1] == "notes.png"
    assert worklist["Result"].iloc[-1] == "Refused"
    assert worklist["To know"].iloc[-1] == "seems to be a text file, not an X-ray"
    # Drawn films are dark in their middle, and have no fine detail; these tests' model was trained on them.
    assert set(worklist["To know"].iloc[:2]) == {
        f"known from {part}, dark, blurred, no input gate, no age given" for part in ("training", "validation")
    }
    assert worklist["Probability"].iloc[0] >= worklist["Probability"].iloc[1]


def test_an_unsuitable_film_gets_no_score(page: AppTest):
    upload(page, ("blank.png", png(np.full((120, 120), 40, np.uint8))))
    assert "almost blank" in page.error[0].value
    assert not page.header
    assert "this score means" not in texts(page)


def test_an_inverted_film_is_refused_and_read_once_the_reader_asks_for_it(
    gated_model: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(MODELS_VARIABLE, str(gated_model))
    page = AppTest.from_file(ROOT / "app.py", default_timeout=60).run().switch_page("pages/explain.py").run()
    upload(page, ("film.png", png(255 - drawn_film(True, 300))))
    assert "seems to be inverted" in page.error[0].value
    assert not page.header
    next(button for button in page.button if button.label.endswith("inverted")).click().run()
    assert not page.exception
    assert not page.error
    assert "This image was inverted before reading, at the reader's request." in page.warning[1].value


def test_a_file_name_is_shown_as_it_is_and_never_as_markdown(page: AppTest):
    upload(page, ("[click](http://bad.example) *x*.png", b"no film"))
    assert r"\[click\]\(http\:" in page.error[0].value


def test_films_stay_when_pages_are_switched(page: AppTest):
    upload(page, film(True, 4), film(False, 5))
    page.switch_page("app.py").run()
    page.switch_page("pages/explain.py").run()
    assert sorted(page.dataframe[0].value["X-ray"]) == ["film_4.png", "film_5.png"]


def test_the_same_film_twice_stands_in_the_list_once(page: AppTest):
    upload(page, film(True, 4), film(False, 5))
    upload(page, film(True, 4))
    assert len(page.dataframe[0].value) == 2


def test_all_films_can_be_removed(page: AppTest):
    upload(page, film(True, 4))
    next(button for button in page.button if button.label == "Remove all X-rays").click().run()
    assert not page.header
    assert not page.table


def test_a_sample_can_be_chosen(page: AppTest):
    sample = sample_files()[0].name
    page.selectbox[0].set_value(sample).run()
    assert not page.error
    assert page.header


@pytest.fixture
def audit_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(AUDIT_LOG_VARIABLE, str(tmp_path / "audit.jsonl"))
    return tmp_path / "audit.jsonl"


def test_a_refused_sample_stands_in_the_audit_log_by_its_hash(
    page: AppTest, audit_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    blank = tmp_path / "synthetic_CANARY.png"
    blank.write_bytes(png(np.full((120, 120), 40, np.uint8)))
    monkeypatch.setattr(places, "SAMPLES", tmp_path)
    page.run().selectbox[0].set_value(blank.name).run()
    assert len(page.error) == 1
    (line,) = map(json.loads, audit_log.read_text().splitlines())
    assert (line["event"], line["film_sha256"]) == ("refused", hashlib.sha256(blank.read_bytes()).hexdigest())
    assert "CANARY" not in audit_log.read_text()


def test_a_sample_that_is_gone_stands_in_the_audit_log_without_a_hash(page: AppTest, audit_log: Path, tmp_path: Path):
    page.session_state["waiting_files"] = [("CANARY.png", tmp_path / "CANARY.png", None)]
    page.run()
    assert not page.exception
    (line,) = map(json.loads, audit_log.read_text().splitlines())
    assert (line["event"], line["film_sha256"]) == ("refused", None)
    assert "CANARY" not in audit_log.read_text()


def test_a_film_that_the_next_model_refuses_stands_in_the_audit_log(
    page: AppTest, audit_log: Path, monkeypatch: pytest.MonkeyPatch
):
    name, content = film(True, 1)
    upload(page, (name, content))
    (kept,) = page.session_state["films"].items()
    older = dataclasses.replace(
        kept[1].reading, card=dataclasses.replace(kept[1].reading.card, weights_sha256="0" * 64)
    )
    page.session_state["films"] = {kept[0]: dataclasses.replace(kept[1], reading=older)}

    def refuse(*arguments: object, **options: object) -> None:
        raise UnsuitableImageError(f"{name} is none.", "not_a_chest")

    monkeypatch.setattr(films, "read_xray", refuse)
    page.run()
    events = [json.loads(line) for line in audit_log.read_text().splitlines()]
    assert [event["event"] for event in events] == ["read", "refused"]
    assert events[1]["film_sha256"] == hashlib.sha256(content).hexdigest()


def test_display_controls_never_touch_the_score(page: AppTest):
    upload(page, film(True, 6))
    before = texts(page)
    page.toggle(key="is_inverted").set_value(True).run()
    page.slider(key="width").set_value(0.3).run()
    page.toggle(key="with_heatmap").set_value(True).run()
    assert not page.exception
    scores = [line for line in before.splitlines() if "this score means" in line]
    assert scores
    assert all(line in texts(page) for line in scores)


def test_two_refused_files_of_one_name_both_stand_in_the_list(page: AppTest):
    upload(page, ("image.dcm", b"one"), ("image.dcm", b"two"), film(True, 7), film(True, 8))
    assert list(page.dataframe[0].value["X-ray"]).count("image.dcm") == 2


def test_files_in_line_are_read_even_if_the_run_that_took_them_was_cut_off(page: AppTest):
    page.session_state["waiting_files"] = [(*film(True, 9), None)]
    page.run()
    assert page.header
    assert page.session_state["waiting_files"] == []


def test_an_address_with_an_unknown_sample_is_a_sentence(page: AppTest):
    page.query_params["sample"] = "nope"
    page.run()
    assert not page.exception
    assert page.error[0].value.startswith("There is no sample of the name")
    assert page.selectbox


def test_a_model_that_comes_in_use_in_the_middle_brings_its_own_thresholds(
    page: AppTest, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
):
    upload(page, film(True, 1))
    card = read_card(tiny_model)
    points = tuple(dataclasses.replace(point, threshold=0.123) for point in card.first.operating_points)
    before = with_first(card, operating_points=points)
    # The page asks for the card before the change, and again after it.
    cards = [card, before]
    monkeypatch.setattr(cached, "card_of_active_model", lambda: cards.pop() if len(cards) > 1 else cards[0])
    page.run()
    assert not page.exception
    assert len(cards) == 1
    assert "flagged from 12.3 % on" not in texts(page)


def test_a_model_without_enough_validation_films_says_why_it_says_no_likely(page: AppTest):
    upload(page, film(True, 1))
    assert "This model cannot say likely, uncertain or unlikely." in texts(page)
    assert "takes at least 9 of each class" in texts(page)
    assert "Suspected pneumonia:" not in texts(page)


@pytest.mark.parametrize(
    ("ends", "outcome"), [((0.0, 0.0), "likely"), ((2.0, 0.0), "uncertain"), ((2.0, 1.0), "unlikely")]
)
def test_a_film_is_likely_uncertain_or_unlikely_beside_its_flag(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, ends: tuple[float, float], outcome: str
):
    some = proportion(9, 10)
    conformal = Conformal(Regions(0.9, *ends), Measured(some, some, some, some, 1, 0), (20, 1))
    monkeypatch.setattr(film_view, "conformal_of_active_model", lambda: {"children": (conformal, "")})
    upload(page, film(True, 1))
    assert not page.exception
    assert f"**Suspected pneumonia: {outcome}.**" in texts(page)
    assert NOT_THE_FLAG in texts(page)
    assert named(page)[0].endswith(("Flagged: suspected pneumonia", "Not flagged"))
    assert conformal.in_words() in [words.value for box in page.expander for words in box.markdown]
    low, high = (f"{100 * end:.1f}" for end in conformal.regions.uncertain)
    assert page.get("plotly_chart")[0].proto.alt.endswith(f", uncertain from {low} to {high} percent")


def test_a_film_has_its_score_under_twelve_small_changes(page: AppTest):
    upload(page, film(True, 1))
    first = strip(page)
    assert first.count("<li") == 12
    assert "12 small changes.**" in texts(page)
    # At the other operating points the same scores, with other flips perhaps.
    page.segmented_control(key="operating_point").set_value("rule-in").run()
    assert re.findall("<b>.*?</b>", strip(page)) == re.findall("<b>.*?</b>", first)


def test_a_chosen_row_that_was_refused_shows_its_refusal_and_nothing_of_another_file(page: AppTest):
    upload(page, film(False, 2), ("notes.png", b"just text"), film(True, 3))
    choose_row(page, 2)
    assert not page.exception
    digest = hashlib.sha256(b"just text").hexdigest()[:12]
    assert named(page) == [f"notes.png SHA-256 {digest} Refused: no score"]
    assert "seems to be a text file" in page.error[-1].value
    assert not page.header
    assert not page.table
    assert not page.get("plotly_chart")
    assert not page.get("download_button")
    assert "flagged from" not in texts(page)
    choose_row(page, 0)
    assert page.header
    assert len(page.error) == 1


def test_every_chosen_row_is_named_at_its_verdict_and_at_its_image(page: AppTest):
    files = [film(False, 2), film(True, 3), film(True, 5), film(False, 8)]
    upload(page, *files)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files}
    for row, (name, result) in enumerate(page.dataframe[0].value[["X-ray", "Result"]].itertuples(index=False)):
        choose_row(page, row)
        at_verdict, at_image = named(page)
        start = f"{name} SHA-256 {digests[name][:12]}"
        assert at_image == start
        words = {"Flagged": "Flagged: suspected pneumonia", "Not flagged": "Not flagged"}[result]
        assert at_verdict == f"{start} {words}"
        assert digests[name] in list(page.table[0].value["Value"])
    assert list(page.dataframe[0].value["SHA-256, start"]) == [
        digests[name][:12] for name in page.dataframe[0].value["X-ray"]
    ]


def test_one_read_and_one_refused_file_are_a_list_too(page: AppTest):
    upload(page, film(True, 3), ("notes.png", b"just text"))
    assert list(page.dataframe[0].value["Result"])[1] == "Refused"
    assert named(page)[0].startswith("film_3.png")
    choose_row(page, 1)
    assert [block.split()[0] for block in named(page)] == ["notes.png"]


def test_a_file_that_comes_in_and_is_refused_takes_the_verdict_before_off_the_screen(page: AppTest):
    upload(page, film(True, 3))
    assert page.header
    upload(page, ("notes.png", b"just text"))
    assert [block.split()[0] for block in named(page)] == ["notes.png"]
    assert not page.header


def test_one_film_under_two_names_is_named_as_it_was_chosen_also_when_the_page_is_opened_again(page: AppTest):
    _, content = film(True, 3)
    upload(page, ("first.png", content), ("second.png", content), film(False, 2))
    rows = list(page.dataframe[0].value["X-ray"])
    for name in ("second.png", "first.png"):
        choose_row(page, rows.index(name))
        assert [block.split()[0] for block in named(page)] == [name, name]
        page.switch_page("app.py").run()
        page.switch_page("pages/explain.py").run()
        assert [block.split()[0] for block in named(page)] == [name, name]


def test_a_file_name_is_no_markup_where_a_verdict_is_named(page: AppTest):
    name, content = "<img src=x> & *y*.png", film(True, 3)[1]
    upload(page, (name, content))
    (block,) = {html.proto.body.split("</b>")[0] for html in page.get("html") if 'class="film-name' in html.proto.body}
    assert block.endswith("<b>&lt;img src=x&gt; &amp; *y*.png")


def test_the_lungs_outline_is_drawn_on_request_and_said_in_words(
    model_with_lungs: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(MODELS_VARIABLE, str(model_with_lungs))
    page = AppTest.from_file(ROOT / "app.py", default_timeout=60).run().switch_page("pages/explain.py").run()
    upload(page, film(False, 1))

    def alt() -> str:
        return next(chart.proto.alt for chart in page.get("plotly_chart") if chart.proto.alt.startswith("The X-ray"))

    assert "outline" not in alt()
    next(box for box in page.checkbox if "outline" in box.label).check().run()
    assert not page.exception
    assert "outline" in alt()
    assert "lung is outlined" in texts(page)
