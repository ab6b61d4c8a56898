"""Plotly figures of explanations and their tests. Purple is for pneumonia, green against it; the film is grey."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from pneumo_core.draw import COMPARED_COLOUR, SCORE_COLOUR, TEXT_PIXELS, line_of, plain_figure

FOR_COLOUR, AGAINST_COLOUR = "#9333ea", "#15803d"
SIGNED = [[0.0, AGAINST_COLOUR], [0.5, "#f8fafc"], [1.0, FOR_COLOUR]]
GREY = [[0.0, "#0b0f17"], [1.0, "#ffffff"]]
# Cells of more rows have no room for their numbers.
MOST_NUMBERED_ROWS = 7


def maps_figure(
    sheet: str, channels: Sequence[int], weights: np.ndarray, chosen: int, columns: int, text_colour: str
) -> go.Figure:
    """Draw feature maps as a sheet, each with its number and weight; a click chooses one (`customdata`).

    Args:
        sheet: data URI of the maps side by side, row by row, as `picture.maps_sheet` lays them out.
        channels: their numbers.
        weights: float32 `(all channels,)`.
        chosen: the channel to be framed.
        columns: of the sheet.
    """
    rows = -(-len(channels) // columns)
    places = [(place % columns, place // columns) for place in range(len(channels))]
    left, top = places[list(channels).index(chosen)]
    middles = go.Scatter(
        x=[column + 0.5 for column, _ in places],
        y=[row + 0.5 for _, row in places],
        mode="markers",
        marker={"size": 60, "symbol": "square", "opacity": 0},
        customdata=list(channels),
        hovertemplate="Map %{customdata}<extra></extra>",
        showlegend=False,
    )
    words = [
        {
            "x": column + 0.5,
            "y": row + 0.99,
            "yanchor": "bottom",
            "text": f"{channel}: {weights[channel]:+.2e}",
            "showarrow": False,
            "font": {"size": 12, "color": "white"},
            "bgcolor": "rgba(0,0,0,0.55)",
        }
        for channel, (column, row) in zip(channels, places, strict=True)
    ]
    return _bare(
        [middles],
        text_colour,
        [0, columns],
        [rows, 0],
        annotations=words,
        clickmode="event+select",
        dragmode=False,
        images=[
            {
                "source": sheet,
                "xref": "x",
                "yref": "y",
                "x": 0,
                "y": 0,
                "sizex": columns,
                "sizey": rows,
                "sizing": "stretch",
                "layer": "below",
            }
        ],
        shapes=[
            {
                "type": "rect",
                "x0": left,
                "x1": left + 1,
                "y0": top,
                "y1": top + 1,
                "line": {"color": FOR_COLOUR if weights[chosen] > 0 else AGAINST_COLOUR, "width": 5},
            }
        ],
    )


def cells_figure(
    values: np.ndarray, title: str, text_colour: str, limit: float | None = None, is_evidence: bool = True
) -> go.Figure:
    """Draw the cells of a map with their numbers, where there is room for them.

    Args:
        values: float32 `(rows, columns)`, of either sign.
        limit: the value that has the full colour, with either sign; default: the largest found.
        is_evidence: values above 0 are for pneumonia, below against it; otherwise values are drawn in grey.
    """
    rows, columns = values.shape
    limit = limit or float(np.abs(values).max()) or 1.0
    numbers: dict[str, Any] = {}
    if rows <= MOST_NUMBERED_ROWS:
        digits = max(0, min(6, 1 - int(np.floor(np.log10(limit)))))
        numbers = {
            "text": [[f"{value:.{digits}f}" for value in row] for row in values.round(digits) + 0.0],
            "texttemplate": "%{text}",
        }
    cells = go.Heatmap(
        z=values,
        zmin=-limit if is_evidence else float(values.min()),
        zmax=limit if is_evidence else float(values.max()),
        colorscale=SIGNED if is_evidence else GREY,
        colorbar={"thickness": 12, "tickfont": {"size": TEXT_PIXELS, "color": text_colour}, "nticks": 5},
        hovertemplate="row %{y}, column %{x}: %{z:.3g}<extra></extra>",
        textfont={"size": TEXT_PIXELS},
        **numbers,
    )
    return _bare(
        [cells],
        text_colour,
        [-0.5, columns - 0.5],
        [rows - 0.5, -0.5],
        title={"text": title, "font": {"size": 15, "color": text_colour}, "x": 0, "y": 0.99, "yanchor": "top"},
        margin={"l": 0, "r": 0, "t": 32, "b": 0},
    )


def weights_figure(weights: np.ndarray, chosen: int, text_colour: str) -> go.Figure:
    """Draw all maps' weights, the largest first: those for pneumonia up, those against it down."""
    order = np.argsort(-weights, kind="stable")
    ordered = weights[order]
    bars = [
        go.Bar(
            x=np.flatnonzero(of_sign),
            y=ordered[of_sign],
            name=name,
            marker={"color": colour, "line": {"width": 0}},
            customdata=order[of_sign],
            hovertemplate="map %{customdata}: %{y:.3g}<extra></extra>",
        )
        for name, colour, of_sign in (
            ("speaks for", FOR_COLOUR, ordered > 0),
            ("speaks against", AGAINST_COLOUR, ordered <= 0),
        )
    ]
    place = int(np.flatnonzero(order == chosen)[0])
    return plain_figure(
        bars,
        text_colour,
        "Maps, ordered by weight",
        "Weight",
        y_axis={"exponentformat": "e"},
        bargap=0,
        annotations=[
            {
                "x": place,
                "y": float(weights[chosen]),
                "text": f"map {chosen}",
                "showarrow": True,
                "arrowcolor": text_colour,
                "ax": 60 if place < len(weights) / 2 else -60,
                "ay": 0,
                "font": {"size": TEXT_PIXELS, "color": text_colour},
            }
        ],
    )


def stages_figure(names: Sequence[str], correlations: Sequence[float], text_colour: str) -> go.Figure:
    """Draw the rank correlation with the trained map, as the weights are shuffled from the top down."""
    held = [value if not np.isnan(value) else 0.0 for value in correlations]
    words = ["vanished" if np.isnan(value) else f"{value:.2f}" for value in correlations]
    bars = go.Bar(
        x=["as trained", *(f"+ {name}" if place else name for place, name in enumerate(names))],
        y=[1.0, *held],
        text=["1.00", *words],
        textposition="outside",
        textfont={"size": TEXT_PIXELS, "color": text_colour},
        marker={"color": [SCORE_COLOUR] + [COMPARED_COLOUR] * len(held)},
        hoverinfo="skip",
        showlegend=False,
    )
    return plain_figure(
        [bars],
        text_colour,
        "Weights shuffled, from the top of the network down",
        "Rank correlation",
        y_axis={"range": [-1.2, 1.4], "tickvals": [-1, 0, 1]},
        height=205,
    )


def curves_figure(own: np.ndarray, other: np.ndarray, names: tuple[str, str], text_colour: str) -> go.Figure:
    """Draw the probability as the film is replaced, and put back, in the order of the map.

    Args:
        own, other: float64 `(steps + 1,)` in [0, 1]: deletion and insertion.
        names: for the legend.
    """
    shares = np.linspace(0, 100, len(own))
    return plain_figure(
        [
            line_of(shares, own, names[0], SCORE_COLOUR),
            line_of(shares, other, names[1], SCORE_COLOUR, dash="dash"),
        ],
        text_colour,
        "% of the pixels, the brightest of the map first",
        "Probability",
        y_axis={"range": [0, 1.02]},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        height=205,
    )


def _bare(traces: list[Any], text_colour: str, x_range: list[float], y_range: list[float], **layout: Any) -> go.Figure:
    """Draw traces without axes, their units as wide as they are high."""
    return go.Figure(
        traces,
        {
            "xaxis": {"visible": False, "range": x_range, "constrain": "domain", "fixedrange": True},
            "yaxis": {
                "visible": False,
                "range": y_range,
                "scaleanchor": "x",
                "constrain": "domain",
                "fixedrange": True,
            },
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": text_colour},
            **layout,
        },
    )
