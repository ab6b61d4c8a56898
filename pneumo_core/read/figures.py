"""Plotly figures of a reading. Colours: blue is the score, grey the scale, amber the threshold."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from pneumo_core.draw import OUTLINE_COLOUR, SCORE_COLOUR, THRESHOLD_COLOUR
from pneumo_core.stats import OperatingPoint

VIEWER_TITLE_PIXELS = 32
# A word on the gauge keeps this distance from a number, in percent. Above the scale it runs along it, so it needs more.
ROOM_ABOVE, ROOM_AT_ENDS = 15, 5
# A word nearer to the threshold, in percent, would look like its name.
ROOM_BESIDE_THRESHOLD = 10
VIEWER_CONFIG = {
    "scrollZoom": True,
    "displaylogo": False,
    "displayModeBar": True,
    "modeBarButtons": [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
}


def gauge(
    probability: float, point: OperatingPoint, text_colour: str, uncertain: tuple[float, float] | None = None
) -> go.Figure:
    """Draw the calibrated probability on a half circle, the operating point's threshold as a line on it.

    Args:
        uncertain: the two probabilities between which a film is uncertain, framed on the scale; None for nowhere.
    """
    ticks: dict[float, str] = {0: "0", 25: "25", 50: "50", 75: "75", 100: "100"}
    steps, sides = [], {"l": 30, "r": 36}
    if uncertain is not None:
        low, high = (100 * edge for edge in uncertain)
        # The word is at the frame's middle, unless it would look like the threshold's name. Numbers that it would
        # overlap are left out.
        place = (low + high) / 2
        if abs(place - 100 * point.threshold) < ROOM_BESIDE_THRESHOLD < (high - low) / 4:
            place = (low + 3 * high) / 4
        ticks = {
            tick: text
            for tick, text in ticks.items()
            if abs(tick - place) >= (ROOM_AT_ENDS if tick in (0, 100) else ROOM_ABOVE)
        }
        ticks[place] = "uncertain"
        if not 20 < place < 80:
            sides = {"l": 80, "r": 80}
        frame = {"color": text_colour, "width": 1.5}
        steps = [{"range": [low, high], "color": "rgba(0,0,0,0)", "line": frame, "thickness": 1.0}]
    figure = go.Figure(
        go.Indicator(
            mode="gauge+number",
            value=100 * probability,
            number={"suffix": " %", "valueformat": ".1f", "font": {"size": 40, "color": text_colour}},
            gauge={
                "axis": {
                    "range": [0, 100],
                    "tickvals": list(ticks),
                    "ticktext": list(ticks.values()),
                    "tickfont": {"color": text_colour, "size": 14},
                },
                "bar": {"color": SCORE_COLOUR, "thickness": 0.55},
                "bgcolor": "rgba(128,128,128,0.18)",
                "borderwidth": 0,
                "steps": steps,
                "threshold": {
                    "line": {"color": THRESHOLD_COLOUR, "width": 5},
                    "thickness": 1.0,
                    "value": 100 * point.threshold,
                },
            },
        )
    )
    figure.update_layout(height=200, margin={**sides, "t": 24, "b": 8}, paper_bgcolor="rgba(0,0,0,0)")
    return figure


def viewer(
    panels: list[tuple[str, str]],
    height: int,
    width: int,
    identity: str,
    text_colour: str,
    lines: Sequence[np.ndarray] = (),
) -> go.Figure:
    """Draw pictures of one film side by side; zooming or moving one moves all.

    Args:
        panels: title and data URI of each picture, all of one size.
        height, width: of the pictures, in pixels.
        identity: the key of the zoom, which is kept as long as this stays the same.
        lines: drawn on each picture and closed, float `(points, 2)`: across and down, in shares of its sides.
    """
    figure = make_subplots(rows=1, cols=len(panels), horizontal_spacing=0.015)
    for column, (title, picture) in enumerate(panels, start=1):
        figure.add_trace(go.Image(source=picture, hoverinfo="skip"), row=1, col=column)
        for line in lines:
            across, down = (np.append(line[:, place], line[0, place]) for place in (0, 1))
            shape = {"color": OUTLINE_COLOUR, "width": 2}
            figure.add_trace(
                go.Scatter(x=across * width, y=down * height, mode="lines", line=shape, hoverinfo="skip"),
                row=1,
                col=column,
            )
        figure.update_xaxes(matches="x", range=[0, width], row=1, col=column)
        figure.update_yaxes(matches="y", range=[height, 0], row=1, col=column)
        left = figure.layout["xaxis" if column == 1 else f"xaxis{column}"].domain[0]
        figure.add_annotation(
            text=title,
            x=left,
            y=1,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            font={"size": 14, "color": text_colour},
        )
    figure.update_xaxes(visible=False, constrain="domain", constraintoward="left")
    figure.update_yaxes(visible=False, constrain="domain", constraintoward="top")
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": VIEWER_TITLE_PIXELS, "b": 0},
        dragmode="pan",
        showlegend=False,
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": text_colour, "activecolor": SCORE_COLOUR},
        uirevision=identity,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure
