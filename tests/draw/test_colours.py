"""Colour maps: the scales they are named after, in steps that show no edge where there is none."""

import numpy as np
import plotly.colors
import pytest

from pneumo_core.draw.colours import COLOUR_MAPS, colour_table
from pneumo_core.draw.picture import Display


@pytest.mark.parametrize("colour_map", COLOUR_MAPS)
def test_a_colour_map_is_plotlys_scale_of_its_name(colour_map: str):
    samples = plotly.colors.sample_colorscale(colour_map, np.linspace(0, 1, 256))
    expected = np.rint([plotly.colors.unlabel_rgb(colour) for colour in samples])
    np.testing.assert_array_equal(colour_table(colour_map), expected)


@pytest.mark.parametrize(
    ("colour_map", "first", "last"),
    [
        # Plotly's own colour scales, their first and last entries.
        ("Inferno", "#000004", "#fcffa4"),
        ("Viridis", "#440154", "#fde725"),
        ("Turbo", "#30123b", "#7a0402"),
        ("Cividis", "#00224e", "#fee838"),
        ("Hot", "#000000", "#ffffff"),
    ],
)
def test_a_colour_map_runs_from_its_first_to_its_last_colour(colour_map: str, first: str, last: str):
    table = colour_table(colour_map)
    assert (table.dtype, table.shape) == (np.uint8, (256, 3))
    assert "#" + table[0].tobytes().hex() == first
    assert "#" + table[255].tobytes().hex() == last


@pytest.mark.parametrize("colour_map", COLOUR_MAPS)
def test_every_colour_map_on_offer_changes_in_small_steps(colour_map: str):
    steps = np.abs(np.diff(colour_table(colour_map).astype(int), axis=0)).max(axis=1)
    assert (steps > 0).mean() > 0.9
    assert steps.max() <= 16


def test_the_usual_colour_map_is_on_offer():
    assert Display().colour_map in COLOUR_MAPS
