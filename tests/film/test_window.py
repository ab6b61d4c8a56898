"""Where a picture lies within its frame, and that whole images have none."""

import numpy as np
import pytest

from pneumo_core.film.preprocessing import Preprocessing, prepare
from pneumo_core.film.window import Window, exposed_area


def picture(height: int = 80, width: int = 60) -> np.ndarray:
    return np.random.default_rng(1).uniform(0.1, 0.9, (height, width)).astype(np.float32)


def on_page(grey: float, top: int, left: int, height: int = 120, width: int = 100, noise: float = 0.0) -> np.ndarray:
    page = np.full((height, width), grey, np.float32)
    page += np.random.default_rng(2).uniform(-noise, noise, page.shape).astype(np.float32)
    page[top : top + 80, left : left + 60] = picture()
    return np.clip(page, 0, 1)


@pytest.mark.parametrize("grey", [0.0, 0.45, 1.0])
@pytest.mark.parametrize(("top", "left"), [(20, 20), (1, 1), (39, 39), (0, 20), (40, 5)])
def test_a_picture_on_a_plain_page_is_found_to_the_pixel(grey: float, top: int, left: int):
    window = exposed_area(on_page(grey, top, left, noise=0.015))
    assert window is not None
    assert window.slices(120, 100) == (slice(top, top + 80), slice(left, left + 60))


def test_a_frame_of_one_pixel_is_cut_off():
    framed = np.pad(picture(), 1)
    window = exposed_area(framed)
    assert window is not None
    assert np.array_equal(framed[window.slices(*framed.shape)], picture())


def test_a_side_marker_on_the_page_does_not_end_it():
    page = on_page(0.0, 20, 20)
    page[5:9, 90:94] = 1
    window = exposed_area(page)
    assert window is not None
    assert window.slices(120, 100) == (slice(20, 100), slice(20, 80))


@pytest.mark.parametrize(
    "whole",
    [
        picture(),
        np.pad(picture(), ((10, 10), (0, 0))),
        np.pad(picture(), ((0, 5), (0, 5))),
        np.zeros((80, 60), np.float32),
    ],
    ids=["no frame", "narrow bars above and below", "bars at two sides", "plain"],
)
def test_a_whole_image_has_no_window(whole: np.ndarray):
    assert exposed_area(whole) is None


def test_a_picture_that_is_small_on_its_page_is_not_cut_out():
    assert exposed_area(np.pad(picture(), ((60, 60), (45, 45)))) is not None
    assert exposed_area(np.pad(picture(), ((65, 65), (45, 45)))) is None


def test_a_frame_changes_nothing_that_the_network_sees():
    framed = np.pad(picture(), ((12, 3), (7, 9)), constant_values=1)
    alone = prepare(picture(), Preprocessing())
    assert prepare(framed, Preprocessing(), exposed_area(framed)) == pytest.approx(alone, abs=1e-3)


def test_a_part_of_a_part_is_a_part_of_the_whole():
    inner = Window(0.5, 0.25, 1.0, 0.75).within(Window(0.2, 0.0, 0.6, 0.8))
    assert (inner.top, inner.left, inner.bottom, inner.right) == pytest.approx((0.4, 0.2, 0.6, 0.6))
    assert inner.is_too_small


@pytest.mark.parametrize("shares", [(0.5, 0, 0.5, 1), (0, -0.1, 1, 1), (0, 0, 1.1, 1), (0, float("nan"), 1, 1)])
def test_what_is_no_part_of_an_image_is_no_window(shares: tuple[float, float, float, float]):
    with pytest.raises(ValueError, match="no part"):
        Window(*shares)


def test_a_part_has_a_pixel_at_least():
    assert Window(0.99, 0.99, 1, 1).slices(10, 10) == (slice(9, 10), slice(9, 10))
    assert Window(0, 0, 0.01, 0.01).slices(10, 10) == (slice(0, 1), slice(0, 1))
