"""Plotly figures of a training run: what each epoch brought, on the films trained on and on those validated with."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from pneumo_core.draw import SCORE_COLOUR, Chart, line_of, plain_figure

TRAINING_COLOUR, AVERAGED_COLOUR = "#b45309", "#0d9488"
# As an entry of the log names them; told apart by dash, mark and colour.
LINES = (
    ("training", "training, augmented", TRAINING_COLOUR, "dot", "circle-open"),
    ("validation", "validation", SCORE_COLOUR, "solid", "square"),
    ("validation_averaged", "validation, averaged weights", AVERAGED_COLOUR, "dash", "triangle-up"),
)
TITLES = {
    "loss": "Loss",
    "auc": "Area under the ROC curve",
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
}
HEIGHT = 260
HOW_TO_READ = (
    "Training figures are running means over the epoch, of films under augmentation and with dropout; validation "
    "figures are taken after it, of films changed in one way each (contrast, gamma, resampling, margins, cuts, noise) "
    "and shaped by class: of two such copies, those of the lower AUC. So training may well look worse than validation. "
    "Accuracy, sensitivity and specificity are those of an uncalibrated probability of 0.5; thresholds are chosen at "
    "the end. The validation loss knows no label smoothing."
)


def training_charts(log: Sequence[Mapping[str, Any]], epochs: int, text_colour: str) -> list[Chart]:
    """Draw a run's log: loss, AUC, accuracy, sensitivity, specificity, learning rate.

    Args:
        log: the entry of each epoch so far, as `training_log.read_log` gives it; one at least.
        epochs: of the whole run.
    """
    rates = [entry["learning_rate"] for entry in log]
    places = [entry["epoch"] for entry in log]
    rate = _marked(line_of(places, rates, "learning rate", SCORE_COLOUR), "square")
    return [
        *(_chart(log, name, epochs, text_colour) for name in TITLES),
        Chart(
            "Learning rate",
            _figure([rate], epochs, text_colour, {"rangemode": "tozero", "exponentformat": "e"}),
            f"Learning rate at the end of each epoch, {rates[-1]:.2g} now",
            "At the end of each epoch.",
        ),
    ]


def legend_html() -> str:
    """Give the one legend of a run's charts, as a line of HTML in the page's own text colour."""
    dashes = {"dot": "dotted", "dash": "dashed", "solid": "solid"}
    marks = {"circle-open": "&#9675;", "square": "&#9632;", "triangle-up": "&#9650;"}
    lines = [
        f'<span><b style="border-bottom: 3px {dashes[dash]} {colour}; color: {colour}" aria-hidden="true">'
        f"&emsp;{marks[symbol]}&emsp;</b> {label}</span>"
        for _, label, colour, dash, symbol in LINES
    ]
    return f'<p class="legend">{"".join(lines)}<span><b aria-hidden="true">&#9671;</b> kept so far</span></p>'


def kept_epoch(log: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Give the entry of the epoch whose network is kept; its "best" names which figures are the network's."""
    return next((entry for entry in reversed(log) if "best" in entry), None)


def _chart(log: Sequence[Mapping[str, Any]], name: str, epochs: int, text_colour: str) -> Chart:
    traces, said, values = [], [], []
    for part, label, colour, dash, symbol in LINES:
        held = [(entry["epoch"], entry[part][name]) for entry in log if name in entry.get(part, {})]
        if held:
            epoch, value = zip(*held, strict=True)
            traces.append(_marked(line_of(epoch, value, label, colour, dash), symbol))
            said.append(f"{label} {held[-1][1]:.3f}")
            values += [value for _, value in held]
    kept = kept_epoch(log)
    if kept is not None and name in kept[kept["best"]]:
        traces.append(
            go.Scatter(
                x=[kept["epoch"]],
                y=[kept[kept["best"]][name]],
                mode="markers",
                name="kept",
                marker={"color": text_colour, "size": 15, "symbol": "diamond-open", "line": {"width": 2}},
                hovertemplate="kept: epoch %{x}, %{y:.3f}<extra></extra>",
            )
        )
    # From chance to right, so that noise near the top does not look like a fall.
    axis = {"rangemode": "tozero"} if name == "loss" else {"range": [min([0.5, *values]) - 0.04, 1.04]}
    alt = f"{TITLES[name]} over {len(log)} epochs; last: {', '.join(said)}"
    return Chart(TITLES[name], _figure(traces, epochs, text_colour, axis), alt, "")


def _marked(line: go.Scatter, symbol: str) -> go.Scatter:
    line.mode = "lines+markers"
    line.marker = {"symbol": symbol, "size": 7}
    line.hovertemplate = "epoch %{x}: %{y:.4g}<extra>" + line.name + "</extra>"
    return line


def _figure(traces: list[Any], epochs: int, text_colour: str, y_axis: dict[str, Any]) -> go.Figure:
    ticks = {"range": [0.7, epochs + 0.3], "dtick": max(1, -(-epochs // 12)), "tick0": 1}
    figure = plain_figure(traces, text_colour, "Epoch", x_axis=ticks, y_axis=y_axis)
    figure.layout.height = HEIGHT
    figure.layout.showlegend = False
    return figure
