"""Shapes in a mask, checked against shapes drawn by hand."""

import numpy as np

from pneumo_core.film.shapes import contours, convex_hull, pieces, smoothed


def empty() -> np.ndarray:
    return np.zeros((20, 30), bool)


def test_pieces_come_with_the_largest_first_and_make_up_the_mask():
    mask = empty()
    mask[1:3, 1:3] = mask[8:16, 10:20] = True
    mask[3, 3] = True
    large, small = pieces(mask)
    assert (large.sum(), small.sum()) == (80, 5)
    assert np.array_equal(large | small, mask)
    assert pieces(empty()) == []


def test_specks_go_and_gaps_close_while_a_large_shape_stays():
    mask = empty()
    mask[4:16, 4:24] = True
    spoilt = mask.copy()
    spoilt[8:10, 8:11] = False
    spoilt[1, 28] = True
    assert np.array_equal(smoothed(spoilt), mask)


def test_a_hull_fills_what_lies_between_its_ends_and_nothing_beside():
    mask = empty()
    mask[2, 5] = mask[2, 25] = mask[12, 5] = mask[12, 25] = True
    expected = empty()
    expected[2:13, 5:26] = True
    assert np.array_equal(convex_hull(mask), expected)
    assert not convex_hull(empty()).any()


def test_a_contour_runs_through_the_outer_cells_in_shares_of_the_sides():
    mask = empty()
    mask[5:10, 6:18] = True
    (line,) = contours(mask)
    assert np.allclose(line.min(0), (6.5 / 30, 5.5 / 20))
    assert np.allclose(line.max(0), (17.5 / 30, 9.5 / 20))
    assert contours(empty()) == []
