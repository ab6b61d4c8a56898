"""Figures of the lessons: what is drawn is what was found, and words say it too."""

import math

import numpy as np
import plotly.graph_objects as go
import pytest

from pneumo_core.draw.figures import TEXT_PIXELS
from pneumo_core.files.places import ROOT
from pneumo_core.learn.figures import (
    OUTCOMES,
    crowd_chart,
    file_size_chart,
    kinds_chart,
    reliability_chart,
    splits_chart,
    threshold_charts,
    uncertain_chart,
)
from pneumo_core.learn.lessons import consequences, file_size_result, split_figures
from pneumo_core.models.card import ModelCard, active_model_folder, read_card
from pneumo_core.models.conformal import conformal_by_coverage
from pneumo_core.models.stored_scores import ScoredFilms, StoredScores, read_stored_scores
from pneumo_core.stats.calibration import Calibration, OperatingPoint, probabilities
from pneumo_core.stats.curves import reliability_bins

SHIPPED = active_model_folder(ROOT / "model")
LOGITS = np.array([-2.0, -1.0, 1.0, -1.5, 2.0, 0.0, 3.0])
KINDS = np.array(["normal"] * 3 + ["bacteria"] * 2 + ["virus"] * 2)
CALIBRATION = Calibration(1.0, 0.5)
FILMS = ScoredFilms(
    "test", KINDS, np.arange(7).astype(str), KINDS != "normal", LOGITS, probabilities(LOGITS, CALIBRATION), None
)
POINTS = (OperatingPoint("screening", 0.2, ""), OperatingPoint("balanced", 0.5, ""))


def marks(figure: go.Figure) -> dict[str, int]:
    """Count the marks of each trace by its name."""
    return {trace.name: sum(x is not None for x in trace.x) for trace in figure.data}


@pytest.fixture(scope="module")
def shipped() -> tuple[ModelCard, StoredScores]:
    card = read_card(SHIPPED)
    return card, read_stored_scores(SHIPPED, card)


def test_the_point_on_the_curve_and_the_matrix_move_with_the_threshold():
    def drawn(threshold: float) -> tuple[list[str], tuple[float, float], str]:
        matrix, roc, crowd = threshold_charts(FILMS, POINTS, consequences(FILMS, threshold, 0.1), "#000000")
        in_use = next(trace for trace in roc.figure.data if trace.name == "in use")
        assert next(trace for trace in roc.figure.data if trace.name == "operating points").text == (
            "screening",
            "balanced",
        )
        return [note.text for note in matrix.figure.layout.annotations], (in_use.x[0], in_use.y[0]), crowd.alt

    words, point, crowd = drawn(0.5)
    assert [text.split(">")[1].split("<")[0] for text in words] == ["3", "1", "1", "2"]
    assert point == pytest.approx((1 / 3, 3 / 4))
    assert crowd.startswith("1,000 patients, 10 % with pneumonia: 75 found (flagged); 25 missed (not flagged)")
    words, point, crowd = drawn(0.9)
    assert [text.split(">")[1].split("<")[0] for text in words] == ["1", "3", "0", "3"]
    assert point == (0, 1 / 4)
    assert crowd.endswith("0 false alarms (flagged); 900 others (not flagged)")


def test_the_matrix_of_a_lesson_has_nothing_to_click_at():
    matrix = threshold_charts(FILMS, POINTS, consequences(FILMS, 0.5, 0.1), "#000000")[0]
    assert [type(trace) for trace in matrix.figure.data] == [go.Heatmap]
    assert matrix.alt == "3 true positives, 1 false negatives, 1 false positives, 2 true negatives"


def test_a_crowd_has_a_mark_a_patient_each_in_a_place_of_its_own():
    figure = crowd_chart(consequences(FILMS, 0.5, 0.1), "#000000").figure
    assert marks(figure) == {
        "75 found (flagged)": 75,
        "25 missed (not flagged)": 25,
        "300 false alarms (flagged)": 300,
        "600 others (not flagged)": 600,
    }
    places = {(x, y) for trace in figure.data for x, y in zip(trace.x, trace.y, strict=True)}
    assert places == {(x, y) for x in range(40) for y in range(25)}


def test_four_outcomes_are_told_apart_by_colour_and_by_shape():
    figure = crowd_chart(consequences(FILMS, 0.5, 0.1), "#000000").figure
    assert (
        len({trace.marker.color for trace in figure.data}) == len({trace.marker.symbol for trace in figure.data}) == 4
    )
    assert len({colour for _, colour, _ in OUTCOMES}) == len({symbol for _, _, symbol in OUTCOMES}) == 4


def test_an_outcome_that_does_not_come_about_stays_in_the_legend():
    figure = crowd_chart(consequences(FILMS, 0.9, 0.1), "#000000").figure
    assert marks(figure)["0 false alarms (flagged)"] == 0
    assert list(figure.data[2].x) == [None]


def test_both_splits_are_drawn_with_their_intervals(shipped: tuple[ModelCard, StoredScores]):
    card, scores = shipped
    figures = split_figures(scores, card.first.operating_point("balanced").threshold)
    chart = splits_chart(figures, "#000000")
    validation, test = chart.figure.data
    assert (validation.name, test.name) == ("validation images", "test images")
    assert list(test.x) == [figure.test.value for figure in figures]
    assert np.allclose(np.subtract(test.x, test.error_x.arrayminus), [figure.test.low for figure in figures])
    assert np.allclose(np.add(validation.x, validation.error_x.array), [figure.validation.high for figure in figures])
    assert list(chart.figure.layout.yaxis.ticktext) == [figure.name for figure in figures]
    assert validation.marker.symbol != test.marker.symbol


def test_the_curves_of_size_and_network_differ_in_more_than_colour(shipped: tuple[ModelCard, StoredScores]):
    card, scores = shipped
    result = file_size_result(scores, card)
    chart = file_size_chart(result, "#000000")
    chance, size, network = chart.figure.data
    assert (chance.name, size.name, network.name) == ("chance", "size of the file alone", "network")
    assert len({trace.line.dash for trace in chart.figure.data}) == 3
    assert list(network.y) == list(result.network_curve.sensitivity)
    assert f"area is {result.areas.first.value:.3f}" in chart.alt
    assert f"{result.areas.second.value:.3f} " in chart.alt


def test_a_reliability_chart_says_its_points_in_words():
    bins = reliability_bins(np.array([True, False, True]), np.array([0.05, 0.05, 0.95]))
    chart = reliability_chart(bins, "Before", "#000000")
    assert chart.alt == "Before: 0.05 predicted, 0.50 observed, n = 2; 0.95 predicted, 1.00 observed, n = 1"


def test_every_film_is_a_mark_in_the_row_of_its_kind():
    chart = kinds_chart(FILMS, 0.5, "#000000")
    assert marks(chart.figure) == {
        "found (flagged)": 3,
        "missed (not flagged)": 1,
        "false alarms (flagged)": 1,
        "others (not flagged)": 2,
    }
    assert list(chart.figure.layout.yaxis.ticktext) == ["without pneumonia", "bacterial", "viral"]
    missed = chart.figure.data[1]
    # On the scale of log odds a logit stands at itself.
    assert missed.x[0] == pytest.approx(-1.5)
    assert round(missed.y[0]) == 1
    assert chart.figure.layout.shapes[0].x0 == pytest.approx(0)
    assert chart.alt == "without pneumonia: 1 of 3 flagged; bacterial: 1 of 2 flagged; viral: 2 of 2 flagged"


def test_a_threshold_of_all_or_nothing_is_drawn_at_the_edge():
    lines = [kinds_chart(FILMS, threshold, "#000000").figure.layout.shapes[0].x0 for threshold in (0.0, 1.0)]
    assert lines == pytest.approx([math.log(0.0005 / 0.9995), math.log(0.9995 / 0.0005)])


def test_what_is_left_and_what_is_wrong_are_drawn_over_the_coverage(shipped: tuple[ModelCard, StoredScores]):
    found = conformal_by_coverage(shipped[1])
    now = found[10]
    chart = uncertain_chart(found, now, "#000000")
    left, left_now, wrong, wrong_now = chart.figure.data
    assert left.x == pytest.approx(range(80, 100))
    assert left.y == pytest.approx([100 * each.measured.uncertain.value for each in found])
    assert wrong.y == pytest.approx([100 * each.measured.wrong.value for each in found])
    assert (left.line.color, left.line.dash, left.marker.symbol) != (
        wrong.line.color,
        wrong.line.dash,
        wrong.marker.symbol,
    )
    for mark, share in ((left_now, now.measured.uncertain), (wrong_now, now.measured.wrong)):
        assert (mark.x, mark.y) == ((90,), (100 * share.value,))
        assert mark.error_y.array[0] == pytest.approx(100 * (share.high - share.value))
        assert mark.error_y.arrayminus[0] == pytest.approx(100 * (share.value - share.low))
    assert chart.alt.count(" left and ") == 20


def test_text_is_read_from_the_back_of_a_hall(shipped: tuple[ModelCard, StoredScores]):
    card, scores = shipped
    now = consequences(scores.test, 0.5, 0.1)
    bins = reliability_bins(FILMS.has_pneumonia, FILMS.probabilities)
    taught = conformal_by_coverage(scores)
    for chart in (
        *threshold_charts(scores.test, card.first.operating_points, now, "#000000"),
        crowd_chart(now, "#000000"),
        file_size_chart(file_size_result(scores, card), "#000000"),
        splits_chart(split_figures(scores, 0.5), "#000000"),
        reliability_chart(bins, "Before", "#000000"),
        kinds_chart(scores.test, 0.5, "#000000"),
        uncertain_chart(taught, taught[0], "#000000"),
    ):
        layout = chart.figure.layout
        sizes = [layout.font.size, layout.legend.font.size, layout.xaxis.tickfont.size, layout.yaxis.tickfont.size]
        sizes += [layout.xaxis.title.font.size, layout.yaxis.title.font.size]
        assert {*sizes, *(note.font.size for note in layout.annotations)} == {TEXT_PIXELS}
        assert chart.alt
        assert chart.title
