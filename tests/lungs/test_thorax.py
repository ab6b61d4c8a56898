"""The thorax round drawn lungs, a heat map's share in it, and the box of a chest that is small in its frame."""

import numpy as np
import pytest

from pneumo_core.lungs.outline import Outline
from pneumo_core.lungs.thorax import exposed_thorax, share_inside
from tests.lungs.drawn import LEFT, RIGHT, SIDE, ellipse, probability

BOTH = Outline.of(probability(RIGHT, LEFT), 900, 900)
ONE = Outline.of(probability(RIGHT), 900, 900)


def small(scale: float, across: float = 0.5, down: float = 0.5, left_height: float = 1.0) -> Outline:
    """Both lungs, shrunk about the middle of a frame and moved."""
    right = ellipse(down, across - 0.2 * scale, 0.3 * scale, 0.14 * scale)
    left = ellipse(down, across + 0.2 * scale, 0.3 * scale * left_height, 0.14 * scale)
    return Outline.of(probability(right, left), 900, 900)


def test_the_thorax_holds_the_lungs_and_the_heart_between_them():
    hull = BOTH.thorax
    assert hull is not None
    assert hull[BOTH.both].all()
    assert hull[SIDE // 2, SIDE // 2]
    assert not hull[: int(0.18 * SIDE)].any() and not hull[:, : int(0.14 * SIDE)].any()


def test_the_thorax_reaches_down_to_the_lower_lung_on_both_sides():
    higher = ellipse(0.4, 0.7, 0.2, 0.14)
    found = Outline.of(probability(RIGHT, higher), 900, 900)
    hull = found.thorax
    assert hull is not None
    # Below the short lung, and as low as the long one.
    assert not higher[84, 92] and hull[84, 92]


def test_without_a_lung_nobody_knows_the_thorax():
    assert ONE.thorax is None
    assert share_inside(np.ones((7, 7), np.float32), ONE) is None
    assert exposed_thorax(ONE) is None


def test_the_share_of_a_heat_map_inside_is_that_of_its_evidence():
    heat = np.zeros((SIDE, SIDE), np.float32)
    heat[50:60, 50:60] = 1.0
    assert share_inside(heat, BOTH) == pytest.approx(1.0)
    heat[0:10, 0:30] = 1.0
    assert share_inside(heat, BOTH) == pytest.approx(0.25, abs=0.01)
    assert share_inside(np.zeros((7, 7), np.float32), BOTH) is None


@pytest.mark.parametrize("size", [(7, 7), (30, 40), (500, 400)])
def test_a_heat_map_of_any_size_lies_over_the_same_image(size: tuple[int, int]):
    heat = np.zeros(size, np.float32)
    heat[: size[0] // 2] = 1.0
    upper = np.zeros((SIDE, SIDE), np.float32)
    upper[: SIDE * (size[0] // 2) // size[0]] = 1.0
    assert share_inside(heat, BOTH) == pytest.approx(share_inside(upper, BOTH), abs=0.05)


def test_a_chest_that_fills_its_image_is_not_cropped():
    assert exposed_thorax(BOTH) is None


@pytest.mark.parametrize("across", [0.35, 0.5, 0.65])
@pytest.mark.parametrize("down", [0.35, 0.6])
def test_a_chest_that_is_small_in_its_frame_is_kept_with_room_on_all_sides(across: float, down: float):
    found = small(0.6, across, down)
    box = exposed_thorax(found)
    lungs = found.box
    assert box is not None and lungs is not None
    wide, high = lungs.right - lungs.left, lungs.bottom - lungs.top
    assert lungs.left - box.left == pytest.approx(min(0.25 * wide, lungs.left))
    assert box.right - lungs.right == pytest.approx(min(0.25 * wide, 1 - lungs.right))
    assert lungs.top - box.top == pytest.approx(min(0.25 * high, lungs.top))
    assert box.bottom - lungs.bottom == pytest.approx(min(0.25 * high, 1 - lungs.bottom))


def test_a_small_chest_with_lungs_of_unlike_size_is_not_cropped():
    assert exposed_thorax(small(0.6, left_height=0.4)) is None


def test_a_small_chest_with_an_opaque_lung_is_not_cropped():
    found = small(0.6)
    grey = np.where(found.both, 0.2, 0.8)
    right, left = probability(found.right), probability(found.left)
    both = np.maximum(right, left)
    assert exposed_thorax(Outline.of(both, 900, 900, grey)) is not None
    assert exposed_thorax(Outline.of(both, 900, 900, np.where(found.left, 0.8, grey))) is None
