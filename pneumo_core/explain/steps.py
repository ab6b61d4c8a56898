"""The steps of Grad-CAM in words and formulas, with the shapes and numbers of one film in one network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    # Only named here: a page draws itself before TensorFlow has been imported.
    from pneumo_core.explain.trace import Trace
    from pneumo_core.read import Reading


@dataclass(frozen=True, slots=True)
class Step:
    """A step: its title, what happens in it in a sentence or two, and the formula in LaTeX."""

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
    film, preprocessing = reading.radiograph.pixels.shape, reading.card.preprocessing
    network = (preprocessing.height, preprocessing.width)
    rows, columns, channels = trace.feature_maps.shape
    grid, size = rf"{rows}\times{columns}", rf"{network[0]}\times{network[1]}"
    weights, evidence = trace.weights, trace.evidence
    favour = int((weights > 0).sum())
    is_even = np.allclose(trace.gradients, trace.gradients[:1, :1], rtol=1e-4, atol=1e-12)
    even = (
        "Here all cells of a map have one and the same gradient, since what follows only averages each map."
        if is_even
        else "Here they differ from cell to cell, since layers follow that see where something is."
    )
    exact = (
        f"All cells together give {float(trace.weighted_sum.sum()):.2f}; the logit is {trace.logit:.2f}."
        if is_even
        else "At this layer that is a rule of thumb: what the layers after it make of it, it does not know."
    )
    blank = " Nothing is left: the heat map is blank." if evidence.is_blank else ""
    return (
        Step(
            TITLES[0],
            f"The film of {film[1]} x {film[0]} pixels becomes what the network sees: {network[0]} x {network[1]}, "
            "whatever its shape was. Finer detail is gone from here on.",
            rf"x\in[0,{preprocessing.scale:g}]^{{{size}\times1}}",
        ),
        Step(
            TITLES[1],
            f"The layer answers with {channels:,} maps of {rows} x {columns} cells, each bright where it found what "
            f"it looks for. Shown are the {min(16, channels)} with the largest weight, each from its own darkest to "
            "its own brightest cell: a nearly flat map looks as strong as any.",
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
            "All maps, each times its weight, are added cell by cell: above 0 for pneumonia, below against it. "
            f"{exact}",
            rf"S_{{ij}}=\sum_{{k=1}}^{{{channels}}}\alpha_kA_{{ijk}},\quad S\in\mathbb{{R}}^{{{grid}}}",
        ),
        Step(
            TITLES[5],
            "What speaks against is cut off: this is the heat map. Beside it, with its sign, what was cut off: the "
            f"heat map of the negated logit.{blank}",
            rf"L=\max(0,S),\quad \max L={evidence.peak:.3g}",
        ),
        Step(
            TITLES[6],
            f"{rows} x {columns} cells are all there is. Stretched over the film they look finer than they are: one "
            f"cell covers {film[1] / columns:.0f} x {film[0] / rows:.0f} pixels of it.",
            rf"{grid}\;\to\;{film[0]}\times{film[1]}",
        ),
        Step(
            TITLES[7],
            "The map L, divided by its own largest value, lies in colours c over the film F: two films cannot be "
            "compared by it, and it is no outline of a lesion. Beside it what speaks against.",
            r"P=(1-aL)\,F+aL\,c(L),\quad L\in[0,1]",
        ),
    )
