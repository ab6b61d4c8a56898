"""The outline of drawn lungs: which is which, what is missing, and where things lie."""

import numpy as np
import pytest

from pneumo_core.lungs.outline import SIDES, ZONES, Outline
from tests.lungs.drawn import LEFT, RIGHT, SIDE, ellipse, probability


def outline(*shapes: np.ndarray, height: int = 1000, width: int = 800) -> Outline:
    return Outline.of(probability(*shapes), height, width)


def test_the_right_lung_lies_at_the_left_of_the_image():
    found = outline(RIGHT, LEFT)
    # Smoothing rounds the ends off.
    assert (found.right & RIGHT).sum() > 0.97 * RIGHT.sum()
    assert (found.left & LEFT).sum() > 0.97 * LEFT.sum()
    assert not (found.right & LEFT).any()
    assert not (found.left & RIGHT).any()
    assert found.missing == ()
    assert found.share == pytest.approx((RIGHT | LEFT).mean(), abs=0.01)


@pytest.mark.parametrize(("shape", "missing"), [(RIGHT, ("left",)), (LEFT, ("right",))])
def test_a_lung_that_is_not_there_is_missing(shape: np.ndarray, missing: tuple[str, ...]):
    assert outline(shape).missing == missing


def test_no_lung_is_an_outline_too():
    found = outline()
    assert found.missing == SIDES
    assert found.box is None
    assert found.contours() == []
    assert all(found.zone(side, zone) is None for side in SIDES for zone in ZONES)


def test_a_small_rest_of_a_lung_is_no_lung():
    rest = ellipse(0.35, 0.7, 0.1, 0.06)
    found = outline(RIGHT, rest)
    assert found.missing == ("left",)
    assert not found.both[rest].any()


def test_lungs_off_the_middle_are_told_apart_by_each_other():
    moved = [np.roll(lung, -SIDE // 6, axis=1) for lung in (RIGHT, LEFT)]
    found = outline(*moved)
    assert found.missing == ()
    assert np.argwhere(found.left)[:, 1].mean() < SIDE * 0.55


def test_both_parts_of_a_lung_that_a_line_cuts_in_two_are_one_lung():
    cut = RIGHT.copy()
    cut[52:60] = False
    found = outline(cut, LEFT)
    assert found.missing == ()
    assert found.right[:52].any() and found.right[60:].any()
    assert not found.left[:, : SIDE // 2].any()


def test_two_parts_of_one_lung_alone_are_not_two_lungs():
    cut = LEFT.copy()
    cut[52:60] = False
    assert outline(cut).missing == ("right",)


def test_lungs_that_touch_are_parted_where_the_bridge_is():
    bridge = np.zeros_like(RIGHT)
    bridge[50:56, 30:80] = True
    found = outline(RIGHT, LEFT, bridge)
    assert found.missing == ()
    assert found.right.sum() == pytest.approx(RIGHT.sum(), rel=0.15)
    assert found.left.sum() == pytest.approx(LEFT.sum(), rel=0.15)


def test_the_box_and_the_zones_are_shares_of_the_image():
    found = outline(RIGHT, LEFT)
    assert found.box == pytest.approx((0.16, 0.84, 0.2, 0.8), abs=0.02)
    upper, middle, lower = (found.zone("left", zone) for zone in ZONES)
    assert upper is not None and middle is not None and lower is not None
    assert (upper.top, lower.bottom) == pytest.approx((0.2, 0.8), abs=0.02)
    assert (upper.bottom, middle.bottom) == pytest.approx((middle.top, lower.top), abs=1 / SIDE)
    assert middle.bottom - middle.top == pytest.approx(0.2, abs=0.02)
    assert min(upper.left, middle.left, lower.left) > 0.5
    # An ellipse is widest in its middle.
    assert middle.right - middle.left > upper.right - upper.left


def test_the_drawn_lines_lie_on_the_lungs_own_edge():
    lines = outline(RIGHT, LEFT).contours()
    assert len(lines) == 2
    for line, across in zip(sorted(lines, key=lambda line: line[:, 0].mean()), (0.3, 0.7), strict=True):
        distance = np.hypot((line[:, 0] - across) / 0.14, (line[:, 1] - 0.5) / 0.3)
        assert 0.9 < distance.min() <= distance.max() < 1.06


@pytest.mark.parametrize(
    ("down", "across", "edges"),
    [(0, 0, ()), (-0.25, 0, ("top",)), (0.25, 0, ("bottom",)), (0, -0.2, ("left",)), (0, 0.2, ("right",))],
)
def test_an_edge_that_a_lung_runs_into_is_named(down: float, across: float, edges: tuple[str, ...]):
    shapes = [ellipse(0.5 + down, middle + across, 0.3, 0.14) for middle in (0.3, 0.7)]
    assert outline(*shapes).cut_off == edges


@pytest.mark.parametrize(
    ("bright", "opaque"), [([], ()), ([RIGHT], ("right",)), ([LEFT], ("left",)), ([RIGHT, LEFT], SIDES)]
)
@pytest.mark.parametrize("size", [1, 2])
def test_a_lung_as_bright_as_the_tissue_between_both_is_opaque(bright: list, opaque: tuple[str, ...], size: int):
    grey = np.where(RIGHT | LEFT, 60.0, 200.0)
    for lung in bright:
        grey[lung] = 195
    # Bone and marker give the thorax its range.
    grey[50:53] = 255
    film = np.repeat(np.repeat(grey, size, 0), size, 1)
    assert Outline.of(probability(RIGHT, LEFT), 1000, 800, film).opaque == opaque


def test_without_grey_levels_no_lung_is_opaque():
    assert outline(RIGHT, LEFT).opaque == ()
