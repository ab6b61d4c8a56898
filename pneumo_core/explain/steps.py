"""The steps of Grad-CAM in words and formulas, with the shapes and numbers of one film in one network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    # The import is for types only, because a page draws itself before TensorFlow has been imported.
    from pneumo_core.explain.trace import Trace
    from pneumo_core.read import Reading


@dataclass(frozen=True, slots=True)
class Step:
    """A step: its title, its description in a sentence or two, and its formula in LaTeX."""

    title: str
    sentence: str
    formula: str


TITLES = ("Input", "Feature maps", "Gradients", "Weights", "Weighted sum", "ReLU", "Upsampling", "Overlay")


def layer_in_words(trace: Trace) -> str:
    """Name a layer with the shape of its maps: "block2b, 56 x 56, 32 maps"."""
    rows, columns, channels = trace.feature_maps.shape
    return f"{trace.layer.removesuffix('_add')}: {rows} x {columns}, {channels:,} maps"


def steps_of(trace: Trace, reading: Reading) -> tuple[Step, ...]:
    """Give the steps of a trace of a reading's film."""
    film, preprocessing = reading.pixels_read.shape, reading.card.preprocessing
    network = (preprocessing.height, preprocessing.width)
    rows, columns, channels = trace.feature_maps.shape
    grid, size = rf"{rows}\times{columns}", rf"{network[0]}\times{network[1]}"
    weights, evidence = trace.weights, trace.evidence
    favour = int((weights > 0).sum())
    is_even = np.allclose(trace.gradients, trace.gradients[:1, :1], rtol=1e-4, atol=1e-12)
    even = (
        "Here all cells of a map have the same gradient, because the later layers see no more than its average."
        if is_even
        else "Here the gradients differ from cell to cell, because later layers depend on the position."
    )
    exact = (
        f"The cells add up to {float(trace.weighted_sum.sum()):.2f}; the logit is {trace.logit:.2f}."
        if is_even
        else "At this layer the sum is a rule of thumb, because it ignores how later layers use the maps."
    )
    blank = " Nothing is left: the heat map is blank." if evidence.is_blank else ""
    return (
        Step(
            TITLES[0],
            f"The X-ray of {film[1]} x {film[0]} pixels is resized to the network's input of {network[0]} x "
            f"{network[1]}, whatever its shape was. Finer detail is lost from here on.",
            rf"x\in[0,{preprocessing.scale:g}]^{{{size}\times1}}",
        ),
        Step(
            TITLES[1],
            f"The layer gives {channels:,} maps of {rows} x {columns} cells. A map is bright where its pattern was "
            f"found. The {min(16, channels)} maps with the largest weights are shown. Each is scaled from its own "
            "darkest to its own brightest cell, so a nearly flat map looks as strong as any."
            + (f" {trace.views}" if trace.views else ""),
            rf"A=f(x)\in\mathbb{{R}}^{{{grid}\times{channels}}}",
        ),
        Step(
            TITLES[2],
            f"How much would the logit, now {trace.logit:.2f}, rise if a cell of a map were a little brighter? {even}",
            rf"G=\frac{{\partial y}}{{\partial A}}\in\mathbb{{R}}^{{{grid}\times{channels}}},\quad y={trace.logit:.2f}",
        ),
        Step(
            TITLES[3],
            f"The mean gradient of each map is its weight. {favour:,} of {channels:,} maps speak for pneumonia, the "
            "others against it.",
            rf"\alpha_k=\frac{{1}}{{{rows * columns}}}\sum_{{i,j}}G_{{ijk}},\quad\alpha\in\mathbb{{R}}^{{{channels}}}",
        ),
        Step(
            TITLES[4],
            "All maps, each times its weight, are added cell by cell. Values above 0 are evidence for pneumonia, "
            "values below 0 against it. "
            f"{exact}",
            rf"S_{{ij}}=\sum_{{k=1}}^{{{channels}}}\alpha_kA_{{ijk}},\quad S\in\mathbb{{R}}^{{{grid}}}",
        ),
        Step(
            TITLES[5],
            "Evidence against pneumonia is cut off, and the rest is the heat map. The part that was cut off is shown "
            f"beside it with its sign: it is the heat map of the negated logit.{blank}",
            rf"L=\max(0,S),\quad \max L={evidence.peak:.3g}",
        ),
        Step(
            TITLES[6],
            f"The map has only {rows} x {columns} cells. Stretched over the X-ray they look finer than they are: one "
            f"cell covers {film[1] / columns:.0f} x {film[0] / rows:.0f} of its pixels.",
            rf"{grid}\;\to\;{film[0]}\times{film[1]}",
        ),
        Step(
            TITLES[7],
            "The map L is divided by its own largest value and laid over the X-ray F in colours c. Two X-rays cannot "
            "be compared by it, and it is no outline of a lesion. The evidence against pneumonia is shown beside it.",
            r"P=(1-aL)\,F+aL\,c(L),\quad L\in[0,1]",
        ),
    )
