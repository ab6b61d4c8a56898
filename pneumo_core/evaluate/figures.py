"""Plotly figures of an evaluation. Blue is the model, amber the threshold in use, grey what it is compared with."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from pneumo_core.draw import CLASS_STYLES, COMPARED_COLOUR, SCORE_COLOUR, THRESHOLD_COLOUR, Chart, line_of, plain_figure
from pneumo_core.evaluate.assessment import Assessment, points
from pneumo_core.evaluate.tables import calibrated_at
from pneumo_core.stats import (
    ConfusionMatrix,
    DecisionCurve,
    OperatingPoint,
    PrecisionRecallPoints,
    ReliabilityBin,
    RocPoints,
    ThresholdFigures,
    value_in_words,
)


def charts(assessment: Assessment, figures: ThresholdFigures, text_colour: str) -> list[Chart]:
    """Draw all figures of an evaluation at a threshold, the confusion matrix first."""
    cohort, matrix, curves = assessment.cohort, figures.confusion, assessment.curves
    at_points = points(assessment)
    return [
        Chart(
            "Confusion matrix",
            confusion_figure(matrix, text_colour),
            f"{matrix.true_positives} true positives, {matrix.false_negatives} false negatives, "
            f"{matrix.false_positives} false positives, {matrix.true_negatives} true negatives",
            "A row is the label of the X-rays, a column the answer of the network at this threshold.",
        ),
        Chart(
            "ROC curve",
            roc_figure(curves.roc, figures, at_points, text_colour),
            f"ROC curve, area {value_in_words(assessment.overall.area_under_roc)}",
            "Each point is a threshold: up is more cases found, right is more false alarms. The area is the chance "
            "that an X-ray with pneumonia scores higher than one without.",
        ),
        Chart(
            "Precision and recall",
            precision_recall_figure(curves.precision_recall, figures, at_points, text_colour),
            f"Precision over recall, average precision {value_in_words(assessment.overall.average_precision)}",
            "The share of flagged X-rays that have pneumonia, over the share of cases found. It holds at the "
            "prevalence of these X-rays only.",
        ),
        Chart(
            "Reliability",
            reliability_figure(curves.reliability, text_colour),
            "Predicted probability against observed share, expected calibration error "
            + value_in_words(assessment.overall.expected_calibration_error),
            "On the dotted line, 80 in 100 X-rays scored 80 % have pneumonia. It holds at the prevalence of these "
            "X-rays. Larger points are more X-rays.",
        ),
        Chart(
            "Scores by class",
            histogram_figure(cohort.has_pneumonia, cohort.probabilities, figures.threshold, text_colour),
            f"Histogram of probabilities by class, threshold {figures.threshold:.3f}",
            "The amber line is the threshold: all to its right is flagged.",
        ),
        Chart(
            "Decision curve",
            decision_figure(curves.decision, figures.threshold, text_colour),
            "Net benefit of the model, of flagging all and of flagging none, over threshold probabilities",
            "True positives per X-ray, less false alarms weighted by the threshold. Where the model lies above both "
            "other lines, acting on it is better than flagging all or none. It holds at the prevalence of these "
            "X-rays. The probabilities are not recalibrated to it (they are calibrated at "
            f"{calibrated_at(assessment)}).",
        ),
    ]


def confusion_figure(matrix: ConfusionMatrix, text_colour: str) -> go.Figure:
    """Draw the confusion matrix: counts and the share of each row; `customdata` is (has pneumonia, flagged)."""
    counts = np.array(
        [
            [matrix.true_positives, matrix.false_negatives],
            [matrix.false_positives, matrix.true_negatives],
        ]
    )
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)
    names = [["true positives", "false negatives"], ["false positives", "true negatives"]]
    x, y = ["Flagged", "Not flagged"], ["With<br>pneumonia", "Without<br>pneumonia"]
    cells = go.Heatmap(
        z=shares,
        x=x,
        y=y,
        zmin=0,
        zmax=1,
        colorscale=[[0, "rgba(37,99,235,0.06)"], [1, "rgba(37,99,235,0.45)"]],
        showscale=False,
        hoverinfo="skip",
        xgap=4,
        ygap=4,
    )
    # Points in the middle of the cells: a click on a heat map's cell reaches no page.
    middles = go.Scatter(
        x=[x[0], x[1], x[0], x[1]],
        y=[y[0], y[0], y[1], y[1]],
        mode="markers",
        marker={"size": 110, "symbol": "square", "opacity": 0},
        customdata=[[1, 1], [1, 0], [0, 1], [0, 0]],
        hovertemplate="Show these films<extra></extra>",
        showlegend=False,
    )
    words = []
    for row in range(2):
        for column in range(2):
            share = f"{100 * shares[row, column]:.1f} % of row" if rows[row, 0] else "no films"
            words.append(
                {
                    "x": x[column],
                    "y": y[row],
                    "text": f"<b style='font-size:22px'>{counts[row, column]}</b><br>{names[row][column]}<br>{share}",
                    "showarrow": False,
                    "font": {"size": 13, "color": text_colour},
                }
            )
    return plain_figure(
        [cells, middles],
        text_colour,
        x_axis={"showgrid": False, "side": "top"},
        y_axis={"showgrid": False, "autorange": "reversed"},
        annotations=words,
        clickmode="event+select",
        dragmode=False,
    )


def roc_figure(
    curve: RocPoints, now: ThresholdFigures, points: list[tuple[OperatingPoint, ThresholdFigures]], text_colour: str
) -> go.Figure:
    """Draw the ROC curve with the operating points and the threshold in use on it."""
    traces = [
        line_of([0, 1], [0, 1], "chance", COMPARED_COLOUR, dash="dot"),
        line_of(curve.false_positive_rate, curve.sensitivity, "model", SCORE_COLOUR),
        *_points(
            [(point.name, 1 - found.specificity.value, found.sensitivity.value) for point, found in points],
            ("in use", 1 - now.specificity.value, now.sensitivity.value),
        ),
    ]
    return plain_figure(traces, text_colour, "1 - specificity", "Sensitivity (recall)")


def precision_recall_figure(
    curve: PrecisionRecallPoints,
    now: ThresholdFigures,
    points: list[tuple[OperatingPoint, ThresholdFigures]],
    text_colour: str,
) -> go.Figure:
    """Draw precision over recall; the dotted line is what flagging by chance gives: the prevalence of these films."""
    matrix = now.confusion
    prevalence = (matrix.true_positives + matrix.false_negatives) / matrix.n if matrix.n else 0.0
    traces = [
        line_of([0, 1], [prevalence, prevalence], "chance", COMPARED_COLOUR, dash="dot"),
        line_of(curve.sensitivity, curve.positive_predictive_value, "model", SCORE_COLOUR),
        *_points(
            [(point.name, found.sensitivity.value, found.positive_predictive_value.value) for point, found in points],
            ("in use", now.sensitivity.value, now.positive_predictive_value.value),
        ),
    ]
    return plain_figure(traces, text_colour, "Sensitivity (recall)", "Positive predictive value (precision)")


def reliability_figure(bins: tuple[ReliabilityBin, ...], text_colour: str) -> go.Figure:
    """Draw predicted probability against the observed share, with Wilson's intervals; size tells the films."""
    held = [found for found in bins if found.n]
    most = max((found.n for found in held), default=1)
    measured = go.Scatter(
        x=[found.mean_probability for found in held],
        y=[found.observed.value for found in held],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [found.observed.high - found.observed.value for found in held],
            "arrayminus": [found.observed.value - found.observed.low for found in held],
            "color": SCORE_COLOUR,
        },
        mode="markers",
        name="model",
        marker={"color": SCORE_COLOUR, "size": [8 + 14 * (found.n / most) ** 0.5 for found in held]},
        customdata=[found.n for found in held],
        hovertemplate="predicted %{x:.2f}, observed %{y:.2f}, %{customdata} X-rays<extra></extra>",
    )
    perfect = line_of([0, 1], [0, 1], "perfect", COMPARED_COLOUR, dash="dot")
    return plain_figure([perfect, measured], text_colour, "Predicted probability", "Observed share with pneumonia")


def histogram_figure(
    has_pneumonia: np.ndarray, probabilities: np.ndarray, threshold: float, text_colour: str
) -> go.Figure:
    """Draw how many films of each class have which probability, and the threshold in use."""
    edges = np.linspace(0, 1, 21)
    bars = []
    for label, (name, colour, pattern) in enumerate(CLASS_STYLES):
        counts, _ = np.histogram(probabilities[has_pneumonia == bool(label)], edges)
        bars.append(
            go.Bar(
                x=(edges[:-1] + edges[1:]) / 2,
                y=counts,
                name=name,
                marker={"color": colour, "pattern": {"shape": pattern}},
                hovertemplate="%{y} X-rays " + name + "<extra></extra>",
            )
        )
    return plain_figure(
        bars,
        text_colour,
        "Probability",
        "X-rays",
        x_axis={"range": [-0.01, 1.01]},
        bargap=0.05,
        shapes=[_threshold_line(threshold)],
    )


def decision_figure(curve: DecisionCurve, threshold: float, text_colour: str) -> go.Figure:
    """Draw the net benefit of acting on the model, on all films and on none."""
    traces = [
        line_of(curve.thresholds, curve.flag_all, "flag all", COMPARED_COLOUR, dash="dash"),
        line_of(curve.thresholds, curve.flag_none, "flag none", COMPARED_COLOUR, dash="dot"),
        line_of(curve.thresholds, curve.model, "model", SCORE_COLOUR),
    ]
    top = float(np.nanmax(curve.model)) if np.isfinite(curve.model).any() else 1.0
    return plain_figure(
        traces,
        text_colour,
        "Threshold probability",
        "Net benefit",
        y_axis={"range": [-0.05, max(0.1, 1.1 * top)]},
        shapes=[_threshold_line(threshold)],
    )


def _points(points: list[tuple[str, float, float]], now: tuple[str, float, float]) -> list[go.Scatter]:
    """Draw the operating points hollow, and the threshold in use as an amber diamond on top."""
    return [
        go.Scatter(
            x=[x for _, x, _ in points],
            y=[y for _, _, y in points],
            text=[name for name, _, _ in points],
            mode="markers",
            name="operating points",
            marker={"color": SCORE_COLOUR, "size": 10, "symbol": "circle-open", "line": {"width": 2}},
            hovertemplate="%{text}: %{x:.3f}, %{y:.3f}<extra></extra>",
        ),
        go.Scatter(
            x=[now[1]],
            y=[now[2]],
            mode="markers",
            name=now[0],
            marker={"color": THRESHOLD_COLOUR, "size": 13, "symbol": "diamond"},
            hovertemplate="in use: %{x:.3f}, %{y:.3f}<extra></extra>",
        ),
    ]


def _threshold_line(threshold: float) -> dict[str, Any]:
    """Draw the threshold in use from bottom to top of a figure whose x is the probability."""
    line = {"color": THRESHOLD_COLOUR, "width": 3}
    return {"type": "line", "x0": threshold, "x1": threshold, "y0": 0, "y1": 1, "yref": "y domain", "line": line}
