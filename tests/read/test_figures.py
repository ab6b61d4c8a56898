"""Plotly figures of a reading: their numbers, panels and colours."""

import numpy as np
import pytest

from pneumo_core.read.figures import VIEWER_CONFIG, gauge, viewer
from pneumo_core.stats.calibration import OperatingPoint

PICTURE = "data:image/jpeg;base64,AAAA"


def panels(count: int) -> list[tuple[str, str]]:
    return [(f"Panel {number}", f"{PICTURE}{number}") for number in range(1, count + 1)]


def test_the_gauge_shows_the_probability_and_the_threshold_in_percent():
    (indicator,) = gauge(0.625, OperatingPoint("balanced", 0.31, "x"), "#111111").data
    assert indicator.value == 62.5
    assert indicator.gauge.threshold.value == 31.0
    assert indicator.gauge.axis.range == (0, 100)
    assert indicator.number.suffix == " %"
    assert indicator.number.font.color == "#111111"


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_the_gauge_reaches_both_ends(probability: float):
    (indicator,) = gauge(probability, OperatingPoint("balanced", 0.5, "x"), "#111111").data
    low, high = indicator.gauge.axis.range
    assert indicator.value == (high if probability else low)


def test_the_gauge_frames_where_a_film_is_uncertain_and_says_so_in_a_word():
    figure = gauge(0.625, OperatingPoint("balanced", 0.31, "x"), "#111111", (0.25, 0.75))
    (step,) = figure.data[0].gauge.steps
    assert step.range == (25, 75)
    # A frame of the text's colour: no colour has a second meaning.
    assert (step.color, step.line.color) == ("rgba(0,0,0,0)", "#111111")
    axis = figure.data[0].gauge.axis
    # The number where the word stands has given way.
    assert axis.tickvals == (0, 25, 75, 100, 50)
    assert axis.ticktext == ("0", "25", "75", "100", "uncertain")


@pytest.mark.parametrize(("low", "high", "kept"), [(0.05, 0.09, (0, 25, 50, 75, 100)), (0.0, 0.06, (25, 50, 75, 100))])
def test_a_narrow_frame_at_the_end_of_the_gauge_has_room_for_its_word(low: float, high: float, kept: tuple[int, ...]):
    figure = gauge(0.5, OperatingPoint("balanced", 0.31, "x"), "#111111", (low, high))
    assert figure.data[0].gauge.axis.tickvals[:-1] == kept
    assert figure.layout.margin.l > gauge(0.5, OperatingPoint("balanced", 0.31, "x"), "#111111").layout.margin.l


def test_the_word_on_the_gauge_keeps_away_from_the_thresholds_line():
    at_the_line = OperatingPoint("balanced", 0.35, "x")
    for frame, place in (((0.04, 0.68), 52.0), ((0.3, 0.4), 35.0)):
        # A narrow frame has no other place for it.
        assert gauge(0.5, at_the_line, "#111111", frame).data[0].gauge.axis.tickvals[-1] == pytest.approx(place)


def test_without_a_frame_the_gauge_has_its_numbers_alone():
    indicator = gauge(0.5, OperatingPoint("balanced", 0.31, "x"), "#111111").data[0]
    assert not indicator.gauge.steps
    assert indicator.gauge.axis.ticktext == ("0", "25", "50", "75", "100")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_viewer_has_one_picture_and_one_title_for_each_panel(count: int):
    figure = viewer(panels(count), height=90, width=120, identity="film", text_colour="#111111")
    assert [trace.source for trace in figure.data] == [f"{PICTURE}{number}" for number in range(1, count + 1)]
    assert [note.text for note in figure.layout.annotations] == [f"Panel {number}" for number in range(1, count + 1)]
    # No two panels share axes of their own, and titles stand over their panels.
    assert len({trace.xaxis for trace in figure.data}) == count
    assert len({note.x for note in figure.layout.annotations}) == count


def test_a_line_is_drawn_closed_on_each_picture_in_its_own_pixels():
    line = np.array([[0.25, 0.1], [0.5, 0.9], [0.75, 0.1]])
    figure = viewer(panels(2), height=90, width=120, identity="film", text_colour="#111111", lines=[line])
    drawn = [trace for trace in figure.data if trace.type == "scatter"]
    assert [trace.xaxis for trace in drawn] == ["x", "x2"]
    for trace in drawn:
        assert list(trace.x) == pytest.approx([30, 60, 90, 30])
        assert list(trace.y) == pytest.approx([9, 81, 9, 9])


def test_zooming_or_moving_one_panel_moves_all():
    layout = viewer(panels(3), height=90, width=120, identity="film", text_colour="#111111").layout
    assert [layout[axis].matches for axis in ("xaxis2", "xaxis3")] == ["x", "x"]
    assert [layout[axis].matches for axis in ("yaxis2", "yaxis3")] == ["y", "y"]


def test_the_viewer_shows_the_whole_film_with_its_top_at_the_top():
    layout = viewer(panels(2), height=90, width=120, identity="film", text_colour="#111111").layout
    for axis in ("xaxis", "xaxis2"):
        assert layout[axis].range == (0, 120)
    for axis in ("yaxis", "yaxis2"):
        assert layout[axis].range == (90, 0)


def test_the_zoom_is_kept_for_the_same_film_only():
    first, again, other = (
        viewer(panels(1), height=90, width=120, identity=identity, text_colour="#111111").layout.uirevision
        for identity in ("film a", "film a", "film b")
    )
    assert first == again != other


def test_the_viewers_buttons_zoom_move_and_reset_and_nothing_sends_the_picture_away():
    buttons = {button for group in VIEWER_CONFIG["modeBarButtons"] for button in group}
    assert {"zoom2d", "pan2d", "resetScale2d"} <= buttons
    # Plotly's own that save or upload what is shown, and its logo, a link to its makers.
    assert buttons.isdisjoint({"toImage", "sendDataToCloud", "editInChartStudio"})
    assert VIEWER_CONFIG["displaylogo"] is False
