"""Plotly figure of a comparison: two models on the same films."""

import numpy as np
import plotly.graph_objects as go

from pneumo_core.draw import CLASS_STYLES, COMPARED_COLOUR, SCORE_COLOUR, THRESHOLD_COLOUR, line_of, plain_figure


def paired_figure(
    has_pneumonia: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    thresholds: tuple[float, float],
    names: tuple[str, str],
    text_colour: str,
) -> go.Figure:
    """Draw the probabilities of two models on the same films, the first's upwards, with both thresholds.

    Args:
        has_pneumonia: bool `(n,)`; `first` and `second` likewise, in [0, 1].
        thresholds, names: of the first and the second model.
    """
    both = [0.0, 1.0]
    traces: list[go.Scatter] = [
        line_of(both, both, "equal", COMPARED_COLOUR, dash="dot"),
        line_of(both, [thresholds[0]] * 2, "thresholds", THRESHOLD_COLOUR),
        line_of([thresholds[1]] * 2, both, "thresholds", THRESHOLD_COLOUR),
    ]
    traces[2].showlegend = False
    for label, symbol in enumerate(("circle-open", "cross")):
        name = CLASS_STYLES[label][0]
        colour = SCORE_COLOUR if label else COMPARED_COLOUR
        of_class = has_pneumonia == bool(label)
        traces.append(
            go.Scatter(
                x=second[of_class],
                y=first[of_class],
                mode="markers",
                name=name,
                marker={"color": colour, "size": 9, "symbol": symbol, "line": {"width": 2, "color": colour}},
                hovertemplate=f"{names[0]} %{{y:.3f}}, {names[1]} %{{x:.3f}}<extra>{name}</extra>",
            )
        )
    axis = {"range": [-0.03, 1.03]}
    return plain_figure(
        traces,
        text_colour,
        f"Probability by {names[1]}",
        f"Probability by {names[0]}",
        x_axis=axis,
        y_axis=axis,
    )
