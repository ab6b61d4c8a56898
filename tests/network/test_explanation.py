"""A heat map lies in the original image's geometry, whatever part of the image the network was shown."""

import numpy as np
import pytest

from pneumo_core.film.window import Window
from pneumo_core.network.explanation import Explanation


@pytest.mark.parametrize("window", [None, Window(0.1, 0.3, 0.8, 0.9), Window(0.0, 0.45, 0.5, 1.0)])
@pytest.mark.parametrize("row", range(7))
@pytest.mark.parametrize("column", range(7))
def test_the_highest_point_lies_where_the_evidence_was(window: Window | None, row: int, column: int):
    coarse = np.zeros((7, 7), np.float32)
    coarse[row, column] = 2
    whole = Explanation.of(coarse, "maps", window).heatmap(200, 160)
    shown = window or Window(0, 0, 1, 1)
    expected = (
        200 * (shown.top + (row + 0.5) / 7 * (shown.bottom - shown.top)),
        160 * (shown.left + (column + 0.5) / 7 * (shown.right - shown.left)),
    )
    heavy = np.argwhere(whole > 0.9 * whole.max()).mean(axis=0) + 0.5
    # At the image's edge a cubic peak leans outwards by less than half a cell.
    assert heavy == pytest.approx(expected, abs=15)


def test_the_map_is_zero_outside_the_part_and_inside_as_of_that_part_alone():
    coarse = np.random.default_rng(3).uniform(0, 1, (7, 7)).astype(np.float32)
    window = Window(0.1, 0.25, 0.9, 0.75)
    whole = Explanation.of(coarse, "maps", window).heatmap(100, 80)
    inside = Explanation.of(coarse, "maps").heatmap(80, 40)
    assert np.array_equal(whole[10:90, 20:60], inside)
    whole[10:90, 20:60] = 0
    assert not whole.any()
