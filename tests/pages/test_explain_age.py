"""The patient's age on the page Explain: whose limits the verdict is by, and where the age is from."""

import dataclasses
import re
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pneumo_core.files.places import MODELS_VARIABLE, ROOT
from pneumo_core.models.card import read_card, write_card
from pneumo_core.network.classifier import Classifier
from pneumo_core.network.shares import Shares
from pneumo_core.read.report import receipt
from pneumo_core.stats.calibration import Calibration
from tests.conftest import drawn_film, png


@pytest.fixture(scope="module")
def model_of_two(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the tiny model as one that flags every child and no adult."""
    folder = tmp_path_factory.mktemp("two") / "two"
    shutil.copytree(tiny_model, folder)
    card = read_card(folder)

    def population(name: str, years: tuple[float, float], finding: str, threshold: float):
        return dataclasses.replace(
            card.first,
            name=name,
            years=years,
            finding=finding,
            calibration=Calibration(1.0 if name == "children" else 2.0, 0.5),
            operating_points=tuple(
                dataclasses.replace(point, threshold=threshold) for point in card.first.operating_points
            ),
            validation=(),
            test=(),
        )

    two = (
        population("children", (1.0, 5.0), "suspected pneumonia", 0.0),
        population("adults", (18.0, 100.0), "suspected lung opacity", 1.0),
    )
    write_card(dataclasses.replace(card, populations=two), folder)
    return folder


@pytest.fixture
def page(model_of_two: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv(MODELS_VARIABLE, str(model_of_two))
    return AppTest.from_file(ROOT / "app.py", default_timeout=60).run().switch_page("pages/explain.py").run()


def upload(page: AppTest, *seeds: int) -> AppTest:
    for seed in seeds:
        page.file_uploader[0].upload(f"film_{seed}.png", png(drawn_film(True, seed)), "image/png")
    return page.run()


def verdict(page: AppTest) -> str:
    (heading,) = [
        found[1]
        for html in page.get("html")
        if (found := re.search('<h2 class="verdict">(.*?)</h2>', html.proto.body)) is not None
    ]
    return heading


def say(page: AppTest, number: int | None, unit: str, button: str = "Use for this X-ray") -> AppTest:
    page.number_input[0].set_value(number)
    next(group for group in page.segmented_control if group.label == "In").set_value(unit)
    return next(each for each in page.button if each.label.startswith(button)).click().run()


def gauges(page: AppTest) -> list[str]:
    charts = [chart.proto.alt for chart in page.get("plotly_chart")]
    return [alt for alt in charts if alt.startswith("Gauge")]


def texts(page: AppTest) -> str:
    return "\n".join(element.value for element in (*page.markdown, *page.subheader, *page.warning))


def test_an_unknown_age_has_both_verdicts_and_no_flag_where_they_differ(page: AppTest):
    upload(page, 1)
    assert not page.exception
    assert verdict(page).startswith("No single verdict")
    assert len(gauges(page)) == 2
    assert "By the limits for children: Flagged: suspected pneumonia" in texts(page)
    assert "By the limits for adults: Not flagged" in texts(page)


def test_the_age_that_the_reader_gives_decides_and_stands_with_its_source(page: AppTest):
    upload(page, 1)
    say(page, 45, "years")
    assert not page.exception
    assert verdict(page) == "Not flagged"
    assert len(gauges(page)) == 1
    assert "Age: 45 years, given by the reader." in texts(page)
    say(page, 30, "months")
    assert verdict(page) == "Flagged: suspected pneumonia"
    say(page, None, "not known")
    assert verdict(page).startswith("No single verdict")


def test_between_the_populations_both_are_asked_and_the_page_says_that_it_was_not_measured(page: AppTest):
    upload(page, 1)
    say(page, 9, "years")
    assert len(gauges(page)) == 2
    assert "The model was not measured on patients of this age: the given age is 9 years." in texts(page)


def test_under_one_year_there_is_no_verdict_no_score_and_no_heat_map(page: AppTest):
    upload(page, 1)
    say(page, 7, "months")
    assert not page.exception
    assert verdict(page) == "No verdict"
    assert "There is no verdict for patients under 1 year: the given age is 7 months." in texts(page)
    assert gauges(page) == []
    assert "Heat map" not in [toggle.label for toggle in page.toggle]
    assert "small changes" not in texts(page)
    (film,) = page.session_state["films"].values()
    assert receipt(film.reading, "balanced", 0.1)["flagged"] is None


@pytest.mark.parametrize(("number", "words"), [(None, "There is no age yet"), (131, "The age is 131 years")])
def test_an_answer_that_is_no_age_changes_nothing(page: AppTest, number: int | None, words: str):
    upload(page, 1)
    before = verdict(page)
    say(page, number, "years")
    assert words in page.error[0].value
    assert verdict(page) == before


def test_one_answer_serves_all_without_an_age_but_those_answered_alone(page: AppTest):
    upload(page, 1, 2, 3)
    shown = page.session_state["shown_file"]
    say(page, 3, "years")
    others = [film for film in page.session_state["films"].values() if film.identity != shown]
    page.session_state["shown_file"] = others[0].identity
    page.session_state["arrivals_of_files"] += 1
    page.run()
    for years in (50, 60):
        say(page, years, "years", "Use for all")
        ages = {film.identity: film.reading.age_years for film in page.session_state["films"].values()}
        assert ages == {shown: 3.0, others[0].identity: years, others[1].identity: years}
    assert sorted(page.dataframe[0].value["Result"]) == ["Flagged", "Not flagged", "Not flagged"]
    assert sorted(page.dataframe[0].value["Age"]) == ["3 years (reader)", "60 years (reader)", "60 years (reader)"]


def test_an_age_never_carries_to_a_new_upload(page: AppTest):
    upload(page, 1)
    say(page, 45, "years")
    upload(page, 1)
    assert "Age: not given." in texts(page)
    assert page.number_input[0].value is None
    upload(page, 2)
    assert [film.reading.age_years for film in page.session_state["films"].values()] == [None, None]


def test_a_list_says_where_verdicts_differ_and_shows_each_populations_probability(page: AppTest):
    upload(page, 1, 2)
    rows = page.dataframe[0].value
    assert set(rows["Result"]) == {"Verdicts differ"}
    assert all(re.fullmatch(r"children [\d.]+ %, adults [\d.]+ %", words) for words in rows["Probability"])


def test_a_patient_without_a_verdict_has_no_number_in_the_list(page: AppTest):
    upload(page, 1, 2)
    say(page, 7, "months", "Use for all")
    assert set(page.dataframe[0].value["Result"]) == {"No verdict"}
    assert set(page.dataframe[0].value["Probability"]) == {""}


def test_a_network_of_three_classes_shows_their_shares_and_calls_them_no_diagnosis(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Classifier, "shares", lambda self, film, population: Shares(0.5, 0.3, 0.2))
    upload(page, 1)
    say(page, 45, "years")
    (box,) = [box for box in page.expander if box.label.startswith("How the network shares out the three classes")]
    listed, words = (element.value for element in box.markdown)
    assert listed.split("\n") == ["- lung opacity: 50 %", "- other abnormality: 30 %", "- normal: 20 %"]
    assert "no diagnosis" in words
