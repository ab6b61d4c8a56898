"""The look, the lines and the alternative text that all plotly charts share.

Each figure is made in one call from its traces and its layout, because plotly's `update_...` and `add_...` take ten
times as long. A move of a threshold draws all of them anew.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

# The classes also differ by pattern, so that no meaning depends on colour alone.
CLASS_STYLES = (("without pneumonia", "#94a3b8", ""), ("with pneumonia", "#1d4ed8", "/"))
CHART_CONFIG = {"displayModeBar": False}
HEIGHT = 360
TEXT_PIXELS = 14
# A line of more points looks the same and takes longer to send.
MOST_POINTS = 1000


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with its title, its alternative text, and a hint on how to read it."""

    title: str
    figure: go.Figure
    alt: str
    reads: str


def chart_html(chart: Chart, identity: str, with_library: bool) -> str:
    """Give a chart as a piece of HTML; the first of a page includes the drawing library of 5 MB."""
    config = {**CHART_CONFIG, "responsive": True}
    return chart.figure.to_html(full_html=False, include_plotlyjs=with_library, div_id=identity, config=config)


def plain_figure(
    traces: list[Any],
    text_colour: str,
    x_title: str = "",
    y_title: str = "",
    x_axis: dict[str, Any] | None = None,
    y_axis: dict[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """Give traces axes and a legend that are readable on the page's background."""
    # A page's own theme would draw ticks and titles too pale to read.
    text = {"color": text_colour, "size": TEXT_PIXELS}
    axis = {"tickfont": text, "gridcolor": "rgba(128,128,128,0.25)", "zeroline": False, "automargin": True}
    return go.Figure(
        traces,
        {
            "xaxis": {**axis, "title": {"text": x_title, "font": text}, **(x_axis or {})},
            "yaxis": {**axis, "title": {"text": y_title, "font": text}, **(y_axis or {})},
            "height": HEIGHT,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "font": text,
            "legend": {"orientation": "h", "y": -0.22, "font": text},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            **layout,
        },
    )


def line_of(x: Any, y: Any, name: str, colour: str, dash: str = "solid") -> go.Scatter:
    """Draw a line of at most `MOST_POINTS` points."""
    x, y = thinned(np.asarray(x, float), np.asarray(y, float))
    return go.Scatter(x=x, y=y, mode="lines", name=name, line={"color": colour, "width": 2, "dash": dash})


def thinned(x: np.ndarray, y: np.ndarray, most: int = MOST_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Leave out points that are closer to others, along the line, than 1 / `most` of its length; ends stay."""
    if len(x) <= most:
        return x, y
    along = np.append(0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
    _, kept = np.unique((along / along[-1] * (most - 1)).astype(int), return_index=True)
    return x[kept], y[kept]
