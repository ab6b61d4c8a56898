"""The lessons with real numbers, each opened by its address, on a model that was trained here."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pneumo_core.files.places import MODELS_VARIABLE, ROOT
from pneumo_core.learn.elsewhere import read_elsewhere
from pneumo_core.learn.lessons import consequences
from pneumo_core.models.card import STORED_SCORES_FILE, read_card, write_card
from pneumo_core.models.results import evaluation_of
from pneumo_core.models.stored_scores import read_stored_scores
from pneumo_core.stats.calibration import probabilities
from pneumo_core.stats.words import percent
from tests.makers import with_first

QUESTIONS = {
    "threshold": "What does one threshold decide?",
    "prevalence": "How good is the same test where pneumonia is rare?",
    "file-size": "How well does the size of a file tell pneumonia?",
    "two-splits": "Why can 99 % in a paper be 85 % at work?",
    "calibration": "Does a score of 80 % mean 80 of 100?",
    "bacterial-viral": "Where are the misses: bacterial or viral?",
}


def opened(lesson: str) -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60).run()
    app.query_params["lesson"] = lesson
    app.switch_page("pages/learn.py").run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    """Give the page's text without what escapes Markdown."""
    return "\n".join(text.value for text in app.markdown).replace("\\", "")


def charts(app: AppTest) -> list[str]:
    """Give the specification of every plotly figure on the page."""
    return [chart.proto.spec for chart in app.get("plotly_chart")]


@pytest.fixture
def copied_model(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a copy of the tiny model the one in use, to be changed."""
    folder = tmp_path / "copied"
    shutil.copytree(tiny_model, folder)
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    return folder


@pytest.mark.parametrize("lesson", QUESTIONS)
def test_a_lesson_opens_by_its_address_with_its_question_and_the_source_of_its_figures(
    lesson: str, tiny_model_in_use: Path
):
    app = opened(lesson)
    assert not app.error
    assert [header.value for header in app.header] == [QUESTIONS[lesson]]
    parts = "'validation, the films as they are', 4 X-rays (2 with pneumonia); " if lesson == "two-splits" else ""
    source = f"Source: stored scores of tiny: {parts}'test, data', 20 X-rays (10 with pneumonia). 95 % intervals"
    assert source in words(app)


@pytest.mark.parametrize("lesson", QUESTIONS)
def test_a_lesson_says_in_a_sentence_that_the_model_has_no_scores(lesson: str, copied_model: Path):
    (copied_model / STORED_SCORES_FILE).unlink()
    app = opened(lesson)
    assert len(app.error) == 1
    assert "has no scores\\.csv, the scores of its validation and test X\\-rays" in app.error[0].value
    assert not app.header


def test_the_threshold_moves_matrix_curve_crowd_and_figures(tiny_model_in_use: Path):
    card = read_card(tiny_model_in_use)
    films = read_stored_scores(tiny_model_in_use, card).test
    app = opened("threshold")
    before = charts(app)
    assert len(before) == 3
    now = consequences(films, card.first.operating_point("balanced").threshold, 0.1, 1.0, 5.0)
    assert app.table[0].value.iloc[0, 0] == f"{percent(now.figures.sensitivity)}, n = 10"
    app.slider(key="lesson_threshold").set_value(0.0).run()
    assert all(first != second for first, second in zip(before, charts(app), strict=True))
    row = app.table[0].value.iloc[0]
    assert row["Sensitivity %"] == "100.0 (72.2-100.0), n = 10"
    assert row["Specificity %"] == "0.0 (0.0-27.8), n = 10"
    # Everyone is flagged: a film and a confirmation for each of ten patients, one of whom has pneumonia.
    assert row["Cost per case found at 10 %"] == "60.00"
    next(button for button in app.button if button.label.startswith("balanced")).click().run()
    assert charts(app) == before


def test_prevalence_and_costs_are_the_readers(tiny_model_in_use: Path):
    app = opened("threshold")
    app.slider(key="lesson_threshold").set_value(0.0).run()
    prevalence, film, confirmation = app.number_input
    prevalence.set_value(50).run()
    film.set_value(2.0).run()
    confirmation.set_value(0.0).run()
    row = app.table[0].value.iloc[0]
    assert row["PPV % at 50 %"].startswith("50.0 ")
    assert row["Cost per case found at 50 %"] == "4.00"
    assert "1,000 patients, 50 % with pneumonia" in [subheader.value for subheader in app.subheader]


def test_the_same_test_is_shown_at_three_prevalences(tiny_model_in_use: Path):
    app = opened("prevalence")
    assert [subheader.value for subheader in app.subheader] == [
        "1,000 patients, 50 % with pneumonia",
        "1,000 patients, 10 % with pneumonia",
        "1,000 patients, 1 % with pneumonia",
    ]
    assert len(charts(app)) == 3
    assert words(app).count(" of them with pneumonia.**") == 3
    assert "probabilities are not recalibrated" in words(app)


def test_the_file_size_is_shown_only_after_a_guess(tiny_model_in_use: Path):
    app = opened("file-size")
    assert not charts(app)
    assert not app.table
    app.slider[0].set_value(77).run()
    app.button(key="size_reveal").click().run()
    assert "You said that the size alone tells 77 of 100 pairs" in words(app)
    assert len(charts(app)) == 1
    assert list(app.table[0].value["Told apart by"]) == [
        "the size of the file alone",
        "the network",
        "difference (DeLong)",
    ]
    assert not app.slider
    app.button(key="size_reveal").click().run()
    assert not charts(app)
    assert app.slider[0].value == 50


def test_scores_without_sizes_serve_the_other_lessons(copied_model: Path):
    path = copied_model / STORED_SCORES_FILE
    path.write_text("".join(f"{line.rpartition(',')[0]}\n" for line in path.read_text().splitlines()))
    app = opened("file-size")
    assert "does not give the size of every image's file" in app.error[0].value.replace("\\", "")
    assert not opened("threshold").error


def test_two_splits_stand_side_by_side(tiny_model_in_use: Path):
    card = read_card(tiny_model_in_use)
    app = opened("two-splits")
    table = app.table[0].value
    assert list(table.iloc[:, 0])[:2] == ["Area under the ROC curve", "Accuracy at balanced point"]
    balanced = next(point.confusion for point in card.first.test[0].points if point.name == "balanced")
    assert table["Test X-rays"].iloc[1] == f"{percent(balanced.accuracy)}, n = 20"
    assert table["Validation X-rays"].iloc[1].endswith("n = 4")
    assert "0 of 20 patients' names among the test X-rays occur among validation X-rays too" in words(app)


def test_calibration_stands_before_and_after(tiny_model_in_use: Path):
    card = read_card(tiny_model_in_use)
    app = opened("calibration")
    assert [subheader.value for subheader in app.subheader] == [
        "Before: temperature 1",
        f"After: temperature {card.first.calibration.temperature:.3f}",
    ]
    table = app.table[0].value
    assert list(table["Measure"]) == ["Brier score", "expected calibration error"]
    assert table["After"].iloc[0].startswith(f"{card.first.test[0].brier_score:.3f}")


def test_misses_are_counted_by_kind_at_a_threshold(tiny_model_in_use: Path):
    app = opened("bacterial-viral")
    before = charts(app)
    app.slider(key="lesson_kinds_threshold").set_value(100.0).run()
    table = app.table[0].value
    assert table.values.tolist() == [
        ["without pneumonia", "0 false alarms", "100.0 (72.2-100.0), n = 10"],
        ["bacterial", "10 missed", "0.0 (0.0-27.8), n = 10"],
    ]
    assert charts(app) != before
    assert "The kinds come from the file names of the data set" in words(app)


def test_a_coverage_is_set_and_the_chart_and_the_figures_follow(copied_model: Path):
    # 40 films of each class, with ten of each among the other's scores.
    has_pneumonia = np.repeat([False, True], 40)
    logits = np.concatenate([np.linspace(-4, 2, 40), np.linspace(-2, 4, 40)])
    card = read_card(copied_model)
    values = probabilities(logits, card.first.calibration)
    films = ("validation, all", "test, all")
    results = [evaluation_of(name, has_pneumonia, values, card.first.operating_points) for name in films]
    write_card(with_first(card, validation=(results[0],), test=(results[1],)), copied_model)
    lines = ["films,name,kind,has_pneumonia,logit"]
    for name in films:
        for sick, logit in zip(has_pneumonia, logits, strict=True):
            lines.append(f'"{name}",a.png,{"bacteria" if sick else "normal"},{int(sick)},{logit:.6f}')
    (copied_model / STORED_SCORES_FILE).write_text("\n".join(lines))
    app = opened("uncertain")
    assert not app.error
    assert [header.value for header in app.header] == ["Which X-rays should be left to you?"]
    assert "Source: stored scores of tiny: 'validation, all', 80 X-rays (40 with pneumonia); 'test, all'" in words(app)
    # The films suffice up to ceil(41 * 0.97) = 40 of 40.
    slider = app.select_slider(key="lesson_coverage")
    assert (slider.options[0], slider.options[-1], slider.value) == ("80 %", "97 %", 0.9)
    # ceil(41 * 0.9) = 37 of 40 of each class, on the films that set it.
    table = app.table[0].value
    assert table.columns[1] == "At a coverage of 90 %"
    assert [cell.split()[0] for cell in table.iloc[2:, 1]] == ["92.5", "92.5"]
    before = charts(app)
    slider.set_value(0.97).run()
    assert [cell.split()[0] for cell in app.table[0].value.iloc[2:, 1]] == ["100.0", "100.0"]
    assert "where both classes are kept" in words(app)
    assert charts(app) != before


def test_a_model_validated_on_too_few_films_has_no_coverage_to_set(tiny_model_in_use: Path):
    app = opened("uncertain")
    assert "A coverage of 80 % takes at least 4 of each class" in app.error[0].value
    assert not app.header


def test_the_lesson_on_ages_follows_the_operating_point(tiny_model_in_use: Path):
    app = opened("another-age")
    assert [header.value for header in app.header] == ["Does one threshold serve all ages?"]
    assert len(charts(app)) == len(read_elsewhere().networks)
    before = app.table[0].value
    assert list(before["Flagged, %"])[:3] == ["normal children", "children with pneumonia", "normal adults"]
    app.segmented_control(key="lesson_age_point").set_value("screening").run()
    # A lower threshold flags no group less, and some more.
    shares = [[float(cell.split()[0]) for cell in table.iloc[:, 1]] for table in (before, app.table[0].value)]
    assert all(first <= second for first, second in zip(*shares, strict=True))
    assert shares[0] != shares[1]


def test_the_lesson_on_shortcuts_sets_rules_without_lungs_beside_each_view(tiny_model_in_use: Path):
    app = opened("shortcuts")
    rules, views = (table.value for table in app.table)
    networks = [network.about.name for network in read_elsewhere().networks]
    assert len(rules) == 2 + 3 * len(networks)
    assert list(views["Whole normal adults"]) == [f"{name}, {view}" for name in networks for view in ("AP", "PA")]
    assert "% of the opacities are AP" in words(app)
