"""Plotly figures of what if: the changed film under a box that can be drawn, the score, a control's curve."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from pneumo_core.draw import (
    COMPARED_COLOUR,
    SCORE_COLOUR,
    TEXT_PIXELS,
    THRESHOLD_COLOUR,
    Chart,
    Display,
    data_uri,
    film_picture,
    line_of,
    overlay_picture,
    plain_figure,
)
from pneumo_core.explain.what_if import FlipCurve, Look, Region
from pneumo_core.film import resize

PICTURE_LONG_SIDE = 480
# A picture's width and its largest height, on a screen of 1440 pixels.
PICTURE_WIDTH, MOST_HEIGHT = 396, 350
TITLE_PIXELS, SCORES_HEIGHT, CURVE_HEIGHT = 26, 96, 160
# A box is read from its corners; plotly lets one be drawn over points only.
GRID = np.linspace(0, 100, 11)
# Between the pictures, as a share of the whole.
GAP = 0.02
SHOWN_PROBABILITIES = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
# At least this much of the scale is drawn, so that a curve without movement looks flat.
LEAST_RANGE = (0.005, 0.995)


def film_chart(look: Look, region: Region | None, text_colour: str) -> Chart:
    """Draw the changed film and, beside it, its heat map; a box can be drawn on either, in percent of its sides."""
    height, width = (round(side * PICTURE_LONG_SIDE / max(look.shape)) for side in look.shape)
    film = film_picture(resize(look.film, height, width, "cubic"), Display())
    overlay = overlay_picture(film, look.explanation.heatmap(height, width), Display())
    evidence = "Where the network found evidence"
    if look.explanation.is_blank:
        evidence = "Blank heat map: no evidence found"
    panels = ((film, "The X-ray as the network gets it"), (overlay, evidence))
    axis = {"visible": False, "range": [0, 100], "constrain": "domain", "fixedrange": True}
    axes: dict[str, Any] = {}
    traces, images, titles, outlines = [], [], [], []
    for number, (picture, title) in enumerate(panels, start=1):
        name = "" if number == 1 else str(number)
        domain = [0, 0.5 - GAP / 2] if number == 1 else [0.5 + GAP / 2, 1]
        here = {"xref": f"x{name}", "yref": f"y{name}"}
        axes[f"xaxis{name}"] = {**axis, "domain": domain, "constraintoward": "left"}
        axes[f"yaxis{name}"] = {
            **axis,
            "range": [100, 0],
            "anchor": f"x{name}",
            "scaleanchor": f"x{name}",
            "scaleratio": height / width,
            "constraintoward": "top",
        }
        traces.append(
            go.Scatter(
                x=np.tile(GRID, len(GRID)),
                y=np.repeat(GRID, len(GRID)),
                xaxis=f"x{name}",
                yaxis=f"y{name}",
                mode="markers",
                marker={"opacity": 0},
                selected={"marker": {"opacity": 0}},
                unselected={"marker": {"opacity": 0}},
                hoverinfo="skip",
                showlegend=False,
            )
        )
        place = {"x": 0, "y": 0, "sizex": 100, "sizey": 100, "sizing": "stretch", "layer": "below"}
        images.append({"source": data_uri(picture), **here, **place})
        words = {"text": title, "font": {"size": TEXT_PIXELS, "color": text_colour}, "showarrow": False}
        corner = {"xref": f"x{name} domain", "yref": f"y{name} domain", "x": 0, "y": 1}
        titles.append({**words, **corner, "xanchor": "left", "yanchor": "bottom"})
        if region is not None:
            corners = {"x0": region.left, "x1": region.right, "y0": region.top, "y1": region.bottom}
            # A white line on a black one is visible on every film.
            for colour, line in (("black", 4), ("white", 2)):
                outlines.append({"type": "rect", **here, **corners, "line": {"color": colour, "width": line}})
    figure = go.Figure(
        traces,
        {
            **axes,
            "images": images,
            "annotations": titles,
            "shapes": outlines,
            "height": TITLE_PIXELS + min(MOST_HEIGHT, round(PICTURE_WIDTH * height / width)),
            "margin": {"l": 0, "r": 0, "t": TITLE_PIXELS, "b": 0},
            "dragmode": "select",
            "newselection": {"line": {"color": "white", "width": 2, "dash": "solid"}},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
        },
    )
    alt = "The changed X-ray, and beside it the X-ray under its heat map"
    if region is not None:
        alt += (
            f"; a region is hidden from {region.left:.0f} to {region.right:.0f} percent of its width and from "
            f"{region.top:.0f} to {region.bottom:.0f} percent of its height"
        )
    return Chart("", figure, alt, "")


def scores_chart(before: float, after: float, threshold: float, text_colour: str) -> Chart:
    """Draw the probability of the film as it is and as changed, with the threshold across both."""
    rows = (("as changed", after, SCORE_COLOUR), ("as it is", before, COMPARED_COLOUR))
    bars = go.Bar(
        x=[100 * probability for _, probability, _ in rows],
        y=[f"{name}: {100 * probability:.1f} %" for name, probability, _ in rows],
        orientation="h",
        marker={"color": [colour for _, _, colour in rows]},
        hoverinfo="skip",
        showlegend=False,
    )
    line = {"color": THRESHOLD_COLOUR, "width": 4}
    place = {"type": "line", "x0": 100 * threshold, "x1": 100 * threshold, "y0": 0, "y1": 1, "yref": "y domain"}
    axis = _axis(text_colour)
    figure = plain_figure(
        [bars],
        text_colour,
        x_axis={**axis, "range": [0, 100], "dtick": 25, "ticksuffix": " %"},
        y_axis={**axis, "ticksuffix": " ", "showgrid": False},
        shapes=[{**place, "line": line}],
        height=SCORES_HEIGHT,
        bargap=0.25,
        margin={"l": 4, "r": 24, "t": 4, "b": 4},
        font={"color": text_colour, "size": TEXT_PIXELS},
    )
    alt = (
        f"The probability is {100 * before:.1f} percent for the X-ray as it is, {100 * after:.1f} percent as changed; "
        f"the threshold is {100 * threshold:.1f} percent"
    )
    return Chart("", figure, alt, "")


def flip_chart(curve: FlipCurve, value: float, probability: float, threshold: float, text_colour: str) -> Chart:
    """Draw the probability over a control's values, with the threshold, the flips and where the control is.

    Args:
        value, probability: the control's present value, and the probability there.
    """
    control, ends = curve.control, [curve.control.lowest, curve.control.highest]
    flips = [flip for flip in curve.flips if flip is not None]
    traces = [
        line_of(curve.values, _log_odds(curve.probabilities), "probability", SCORE_COLOUR),
        line_of(ends, _log_odds([threshold] * 2), "threshold", THRESHOLD_COLOUR),
        go.Scatter(
            x=flips,
            y=_log_odds([threshold] * len(flips)),
            text=[control.in_words(flip) for flip in flips],
            mode="markers+text",
            textposition="top center",
            name="flips",
            cliponaxis=False,
            marker={"color": THRESHOLD_COLOUR, "size": 13, "symbol": "diamond"},
        ),
        go.Scatter(
            x=[value],
            y=_log_odds([probability]),
            mode="markers",
            name="now",
            cliponaxis=False,
            marker={"color": SCORE_COLOUR, "size": 12, "line": {"color": text_colour, "width": 2}},
        ),
    ]
    for trace in traces:
        trace.hoverinfo, trace.showlegend = "skip", False
    axis, margin = _axis(text_colour), 0.08 * (control.highest - control.lowest)
    seen = _log_odds([*LEAST_RANGE, *curve.probabilities, probability, threshold])
    ticks = {"tickvals": _log_odds(SHOWN_PROBABILITIES), "ticktext": [f"{100 * p:g} %" for p in SHOWN_PROBABILITIES]}
    figure = plain_figure(
        traces,
        text_colour,
        x_axis={**axis, "range": [ends[0] - margin, ends[1] + margin], "ticksuffix": f" {control.unit}"},
        y_axis={**axis, **ticks, "range": [seen.min() - 0.5, seen.max() + 0.5]},
        height=CURVE_HEIGHT,
        margin={"l": 4, "r": 12, "t": 4, "b": 4},
        font={"color": text_colour, "size": TEXT_PIXELS},
    )
    alt = (
        f"Probability over {control.label.lower()} from {control.in_words(ends[0])} to {control.in_words(ends[1])}: "
        f"between {100 * curve.probabilities.min():.1f} and {100 * curve.probabilities.max():.1f} percent. "
        f"{curve.in_words()}"
    )
    return Chart("", figure, alt, "")


def _axis(text_colour: str) -> dict[str, Any]:
    return {"tickfont": {"color": text_colour, "size": TEXT_PIXELS}, "fixedrange": True}


def _log_odds(probabilities: Any) -> np.ndarray:
    """Give log odds, the scale that a network adds evidence on; it shows a move near 1 % as well as one near 50 %."""
    held = np.clip(np.asarray(probabilities, float), 1e-4, 1 - 1e-4)
    return np.log(held / (1 - held))
