"""Plotly figures of the lessons, each described in words, and legible from the back of a hall."""

import math
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
import plotly.graph_objects as go

from pneumo_core.draw import COMPARED_COLOUR, SCORE_COLOUR, TEXT_PIXELS, THRESHOLD_COLOUR, Chart, line_of, plain_figure
from pneumo_core.evaluate import confusion_figure, reliability_figure, roc_figure
from pneumo_core.learn.elsewhere import PlaceResult, Rule, StoredNetwork
from pneumo_core.learn.lessons import Consequences, FileSizeResult, SplitFigure
from pneumo_core.models import KIND_LABELS, Conformal, ScoredFilms
from pneumo_core.stats import (
    Estimate,
    OperatingPoint,
    ReliabilityBin,
    area,
    area_under_roc,
    figures_at,
    percent,
    roc_points,
)

# The lesson with the most text beside its figures leaves them less height.
HEIGHT, LESS_HEIGHT = 370, 310
CROWD_ROWS = 25
# Each cell of a confusion matrix, in the order of its fields, has one name, colour and shape in every lesson.
OUTCOMES = (
    ("found (flagged)", SCORE_COLOUR, "square"),
    ("missed (not flagged)", "#e11d48", "x"),
    ("false alarms (flagged)", "#8b5cf6", "triangle-up"),
    ("others (not flagged)", COMPARED_COLOUR, "circle-open"),
)
# Probabilities beyond these are drawn at the edge. An axis of log odds keeps low and high ones between them apart.
LOWEST, HIGHEST = 0.0005, 0.9995
PROBABILITY_TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
# Multiples of the golden ratio spread points evenly, the same way each time.
GOLDEN = 0.6180339887498949


def threshold_charts(
    films: ScoredFilms, points: Sequence[OperatingPoint], now: Consequences, text_colour: str
) -> list[Chart]:
    """Draw all that depends on the threshold: confusion matrix, the point on the ROC curve, the crowd."""
    figures, matrix = now.figures, now.figures.confusion
    has_pneumonia, values = films.has_pneumonia, films.probabilities
    matrix_figure = _legible(confusion_figure(matrix, text_colour), LESS_HEIGHT)
    # In a lesson no cell opens its films, so the points to click on are left out and the cells have all the room.
    matrix_figure.data = matrix_figure.data[:1]
    at_points = [(point, figures_at(has_pneumonia, values, point.threshold)) for point in points]
    roc = _legible(roc_figure(roc_points(has_pneumonia, values), figures, at_points, text_colour), LESS_HEIGHT)
    # Two entries a line, below the axis' title, however narrow the figure.
    roc.layout.legend.update(y=-0.28, entrywidth=0.49, entrywidthmode="fraction")
    return [
        Chart(
            "Confusion matrix",
            matrix_figure,
            f"{matrix.true_positives} true positives, {matrix.false_negatives} false negatives, "
            f"{matrix.false_positives} false positives, {matrix.true_negatives} true negatives",
            "A row is the images' label, a column the network's decision at this threshold.",
        ),
        Chart(
            "ROC curve",
            roc,
            f"ROC curve, area {area(area_under_roc(has_pneumonia, values))}; the threshold in use flags "
            f"{percent(figures.sensitivity)} % of the images with pneumonia and leaves "
            f"{percent(figures.specificity)} % of the others unflagged",
            "Each point is a threshold. Up is more cases found, right is more false alarms.",
        ),
        crowd_chart(now, text_colour, LESS_HEIGHT),
    ]


def crowd_chart(found: Consequences, text_colour: str, height: int = HEIGHT) -> Chart:
    """Draw 1,000 patients as marks, column by column: those with pneumonia first, found and missed, then the others."""
    crowd = found.crowd
    counts = (crowd.true_positives, crowd.false_negatives, crowd.false_positives, crowd.true_negatives)
    traces, start = [], 0
    for (name, colour, symbol), count in zip(OUTCOMES, counts, strict=True):
        places = np.arange(start, start + count)
        start += count
        traces.append(
            go.Scatter(
                # An outcome without patients gets a mark that is not drawn, so that the legend still names it.
                x=places // CROWD_ROWS if count else [None],
                y=places % CROWD_ROWS if count else [None],
                mode="markers",
                name=f"{count} {name}",
                marker={"color": colour, "size": 6, "symbol": symbol, "line": {"width": 1, "color": colour}},
                hovertemplate=f"{name}<extra></extra>",
            )
        )
    hidden = {"visible": False, "range": [-1, start // CROWD_ROWS]}
    figure = plain_figure(
        traces,
        text_colour,
        x_axis=hidden,
        y_axis={"visible": False, "range": [CROWD_ROWS, -1]},
        legend={
            "orientation": "h",
            "y": -0.02,
            "font": {"color": text_colour},
            "itemsizing": "constant",
            "entrywidth": 0.49,
            "entrywidthmode": "fraction",
        },
    )
    words = "; ".join(f"{count} {name}" for (name, _, _), count in zip(OUTCOMES, counts, strict=True))
    title = f"{crowd.n:,} patients, {100 * found.prevalence:.3g} % with pneumonia"
    return Chart(title, _legible(figure, height), f"{title}: {words}", "Each mark is one patient.")


def file_size_chart(result: FileSizeResult, text_colour: str) -> Chart:
    """Draw the ROC curves of the network and of the size of the files alone."""
    traces = [line_of([0, 1], [0, 1], "chance", COMPARED_COLOUR, dash="dot")]
    for curve, name, colour, dash in (
        (result.size_curve, "size of the file alone", COMPARED_COLOUR, "dash"),
        (result.network_curve, "network", SCORE_COLOUR, "solid"),
    ):
        traces.append(line_of(curve.false_positive_rate, curve.sensitivity, name, colour, dash=dash))
    figure = plain_figure(traces, text_colour, "1 - specificity", "Sensitivity (recall)")
    areas = result.areas
    return Chart(
        "Two ROC curves on the same images",
        _legible(figure),
        f"ROC curves: the area is {area(areas.first)} by the network, {area(areas.second)} by the file size alone",
        "The farther a curve is above the dotted line, the better it separates the classes.",
    )


def splits_chart(figures: Sequence[SplitFigure], text_colour: str) -> Chart:
    """Draw each figure on validation and on test films as marks with their 95 % intervals, one above the other."""
    names = [figure.name for figure in figures]
    traces = [
        # The marks are a little apart, so that no interval hides the other.
        _marks(parts, name, colour, shift, symbol=symbol, line={"width": 2, "color": colour})
        for name, colour, symbol, shift, parts in (
            ("validation images", COMPARED_COLOUR, "circle-open", -0.14, [figure.validation for figure in figures]),
            ("test images", SCORE_COLOUR, "square", 0.14, [figure.test for figure in figures]),
        )
    ]
    figure = plain_figure(
        traces,
        text_colour,
        y_axis={"tickvals": list(range(len(names))), "ticktext": names, "range": [len(names) - 0.5, -0.5]},
        legend={"orientation": "h", "y": -0.1, "font": {"color": text_colour}},
    )
    words = "; ".join(f"{found.name}: {area(found.validation)}, {area(found.test)}" for found in figures)
    return Chart(
        "Same network, two sets of images",
        _legible(figure),
        f"On validation images and on test images: {words}",
        "A mark is the measured value, and the line through it is its 95 % interval.",
    )


def reliability_chart(bins: tuple[ReliabilityBin, ...], title: str, text_colour: str) -> Chart:
    """Draw predicted probability against the observed share."""
    words = "; ".join(
        f"{found.mean_probability:.2f} predicted, {found.observed.value:.2f} observed, n = {found.observed.n}"
        for found in bins
        if found.n
    )
    return Chart(
        title,
        _legible(reliability_figure(bins, text_colour)),
        f"{title}: {words}",
        "On the dotted line 80 in 100 images scored 80 % show pneumonia. Larger points are more images.",
    )


def uncertain_chart(found: Sequence[Conformal], now: Conformal, text_colour: str) -> Chart:
    """Draw, over the coverage, the share of films left to the reader and the share of errors among the others."""
    chosen = 100 * now.regions.coverage
    x = [100 * each.regions.coverage for each in found]
    traces: list[go.Scatter] = []
    for name, colour, dash, symbol, figure_name in (
        ("left to the reader, among all", COMPARED_COLOUR, "dash", "square", "uncertain"),
        ("wrong, among those decided", SCORE_COLOUR, "solid", "circle", "wrong"),
    ):
        shares = [100 * getattr(each.measured, figure_name).value for each in found]
        of_now = getattr(now.measured, figure_name)
        line = line_of(x, shares, name, colour, dash)
        line.update(
            mode="lines+markers",
            marker={"symbol": symbol, "size": 6, "color": colour},
            hovertemplate="%{y:.1f} % at a coverage of %{x:.0f} %<extra>" + name + "</extra>",
        )
        mark = go.Scatter(
            x=[chosen],
            y=[100 * of_now.value],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [100 * (of_now.high - of_now.value)],
                "arrayminus": [100 * (of_now.value - of_now.low)],
                "color": colour,
                "thickness": 2,
            },
            mode="markers",
            marker={"symbol": symbol, "size": 14, "color": colour, "line": {"width": 2, "color": text_colour}},
            showlegend=False,
            hoverinfo="skip",
        )
        traces += [line, mark]
    figure = plain_figure(
        traces,
        text_colour,
        "Coverage asked of each class, %",
        "Share, %",
        y_axis={"rangemode": "tozero"},
    )
    words = "; ".join(
        f"at {100 * each.regions.coverage:.0f} % {100 * each.measured.uncertain.value:.1f} % left and "
        f"{100 * each.measured.wrong.value:.1f} % wrong"
        for each in found
    )
    return Chart(
        "Left to the reader, and errors that remain",
        _legible(figure),
        f"Share of test images left to the reader, and share wrong among those decided, by coverage: {words}",
        "The large marks are the coverage that you set, with 95 % intervals.",
    )


def kinds_chart(films: ScoredFilms, threshold: float, text_colour: str) -> Chart:
    """Draw every film's probability in a row of its kind; shape and colour show its outcome at the threshold."""
    kinds = [kind for kind in KIND_LABELS if (films.kinds == kind).any()]
    rows = np.array([kinds.index(kind) for kind in films.kinds])
    spread = 0.7 * ((np.arange(len(films)) * GOLDEN) % 1 - 0.5)
    is_flagged = films.probabilities >= threshold
    sick = films.has_pneumonia
    x = _log_odds(films.probabilities)
    traces = []
    for (name, colour, symbol), chosen in zip(
        OUTCOMES, (sick & is_flagged, sick & ~is_flagged, ~sick & is_flagged, ~sick & ~is_flagged), strict=True
    ):
        traces.append(
            go.Scatter(
                x=x[chosen],
                y=(rows + spread)[chosen],
                mode="markers",
                name=name,
                marker={"color": colour, "size": 7, "symbol": symbol, "line": {"width": 1, "color": colour}},
                customdata=films.probabilities[chosen],
                hovertemplate="probability %{customdata:.3f}<extra>" + name + "</extra>",
            )
        )
    at = float(_log_odds(np.array([threshold]))[0])
    figure = plain_figure(
        traces,
        text_colour,
        "Probability (scale of log odds)",
        x_axis={
            "tickvals": _log_odds(np.array(PROBABILITY_TICKS)).tolist(),
            "ticktext": [f"{100 * tick:g} %" for tick in PROBABILITY_TICKS],
        },
        y_axis={
            "tickvals": list(range(len(kinds))),
            "ticktext": [KIND_LABELS[kind] for kind in kinds],
            "range": [len(kinds) - 0.5, -0.5],
            "showgrid": False,
        },
        legend={"orientation": "h", "y": -0.25, "font": {"color": text_colour}},
        shapes=[
            {
                "type": "line",
                "x0": at,
                "x1": at,
                "y0": 0,
                "y1": 1,
                "yref": "y domain",
                "line": {"color": THRESHOLD_COLOUR, "width": 3},
            }
        ],
    )
    flags = {kind: is_flagged[films.kinds == kind] for kind in kinds}
    words = "; ".join(
        f"{KIND_LABELS[kind]}: {flagged.sum()} of {len(flagged)} flagged" for kind, flagged in flags.items()
    )
    return Chart(
        "Scores by kind",
        _legible(figure),
        words,
        "Each mark is one image. It is flagged if it is right of the amber line.",
    )


def ages_chart(network: StoredNetwork, results: Sequence[PlaceResult], point: str, text_colour: str) -> Chart:
    """Draw the spread of a network's scores in each group as a box, and each population's point as a line."""
    spreads = np.array([found.quantiles for found in results])
    boxes = go.Box(
        y=list(range(len(results))),
        orientation="h",
        name="images",
        showlegend=False,
        **dict(zip(("lowerfence", "q1", "median", "q3", "upperfence"), spreads.T.tolist(), strict=True)),
        line={"color": SCORE_COLOUR, "width": 2},
        hoverinfo="x",
    )
    lines = [
        line_of([limit, limit], [-0.5, len(results) - 0.5], f"{point} point, {population.name}", colour, dash)
        for population, colour, dash in zip(
            network.populations, cycle((THRESHOLD_COLOUR, COMPARED_COLOUR)), cycle(("solid", "dash"))
        )
        if math.isfinite(limit := population.logit_at(point))
    ]
    figure = plain_figure(
        [boxes, *lines],
        text_colour,
        "Score of the network (log odds before calibration)",
        y_axis={
            "tickvals": list(range(len(results))),
            "ticktext": [found.name for found in results],
            "range": [len(results) - 0.5, -0.5],
            "showgrid": False,
        },
        legend={"orientation": "h", "y": -0.25, "font": {"color": text_colour}},
    )
    words = "; ".join(f"{found.name}: middle score {found.quantiles[2]:.1f}" for found in results)
    return Chart(
        f"Scores of {network.name}",
        _legible(figure, LESS_HEIGHT),
        words,
        "A box holds the middle half of a group's scores, its whiskers nine in ten. An image is flagged if it is right "
        "of its population's line.",
    )


def shortcuts_chart(rules: Sequence[Rule], text_colour: str) -> Chart:
    """Draw how well each rule tells opacity from normal, as marks with their 95 % intervals, one above the other."""
    areas = [rule.from_normal for rule in rules]
    marks = _marks(areas, "opacity against normal", SCORE_COLOUR)
    marks.update(showlegend=False)
    figure = plain_figure(
        [line_of([0.5, 0.5], [-0.5, len(rules) - 0.5], "chance", COMPARED_COLOUR, dash="dot"), marks],
        text_colour,
        "Area under the ROC curve",
        y_axis={
            "tickvals": list(range(len(rules))),
            "ticktext": [rule.name for rule in rules],
            "range": [len(rules) - 0.5, -0.5],
        },
    )
    return Chart(
        "Opacity against normal, lungs alone on the image",
        _legible(figure, LESS_HEIGHT),
        "; ".join(f"{rule.name}: {area(rule.from_normal)}" for rule in rules),
        "A mark is the measured value, and the line through it is its 95 % interval. The dotted line is chance.",
    )


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    kept = np.clip(probabilities, LOWEST, HIGHEST)
    return np.log(kept / (1 - kept))


def _legible(figure: go.Figure, height: int = HEIGHT) -> go.Figure:
    """Give a figure the height of a lesson, and text that a hall can read where its own or a theme's is smaller."""
    layout = figure.layout
    layout.height = height
    for words in (
        layout.font,
        layout.legend.font,
        *(axis for place in (layout.xaxis, layout.yaxis) for axis in (place.tickfont, place.title.font)),
        *(note.font for note in layout.annotations),
    ):
        words.size = TEXT_PIXELS
    return figure


def _marks(figures: Sequence[Estimate], name: str, colour: str, shift: float = 0.0, **marker: Any) -> go.Scatter:
    """Draw figures as marks with their 95 % intervals, one above the other."""
    return go.Scatter(
        x=[figure.value for figure in figures],
        y=[place + shift for place in range(len(figures))],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [figure.high - figure.value for figure in figures],
            "arrayminus": [figure.value - figure.low for figure in figures],
            "color": colour,
            "thickness": 2,
        },
        mode="markers",
        name=name,
        marker={"color": colour, "size": 11, **marker},
        hovertemplate="%{x:.3f}<extra>" + name + "</extra>",
    )
