"""From a radiograph to the network's input: averages and interpolations counted by hand."""

import numpy as np
import pytest

from pneumo_core.film.preprocessing import (
    RESAMPLINGS,
    Preprocessing,
    blurred,
    prepare,
    recompressed,
    resize,
    rotated,
    shifted,
)
from tests.makers import film_pixels

BLOCKS = np.array([[0, 2, 5, 5], [4, 6, 5, 5], [1, 1, 0, 0], [1, 1, 0, 8]], np.float32)


def test_the_networks_input_is_one_channel_of_the_cards_size_and_scale():
    found = prepare(film_pixels(100, 140), Preprocessing(height=32, width=48, scale=255.0))
    assert (found.dtype, found.shape) == (np.float32, (32, 48, 1))
    assert 0 <= found.min() < 5
    assert 250 < found.max() <= 255


def test_the_usual_input_is_224_by_224_in_0_to_255():
    found = prepare(np.ones((300, 200), np.float32), Preprocessing())
    np.testing.assert_array_equal(found, np.full((224, 224, 1), 255, np.float32))


def test_the_scale_multiplies_the_pixels():
    found = prepare(film_pixels(8, 8), Preprocessing(8, 8, scale=2.0))
    np.testing.assert_array_equal(found[:, :, 0], 2 * film_pixels(8, 8))


@pytest.mark.parametrize("resampling", RESAMPLINGS)
@pytest.mark.parametrize("size", [(20, 24), (40, 56), (90, 100)])
def test_a_film_without_structure_stays_so(resampling: str, size: tuple[int, int]):
    found = resize(np.full((40, 56), 0.25, np.float32), *size, resampling)
    assert found.shape == size
    np.testing.assert_allclose(found, 0.25, atol=1e-6)


def test_shrinking_by_area_averages_what_falls_into_each_pixel():
    np.testing.assert_array_equal(resize(BLOCKS, 2, 2), [[3, 5], [1, 2]])


def test_shrinking_to_one_pixel_gives_the_mean_of_all():
    # The sum is 44; the mean of the four in the middle alone would be 3.
    np.testing.assert_array_equal(resize(BLOCKS, 1, 1), [[44 / 16]])


def test_shrinking_one_side_only_averages_along_it():
    np.testing.assert_array_equal(resize(BLOCKS, 4, 2), [[1, 5], [5, 5], [1, 0], [1, 4]])


def test_growing_by_area_is_linear_and_keeps_the_centre():
    # Centres of the new pixels lie at -1/4, 1/4, 3/4, 5/4 of the old ones.
    step = np.array([[0, 1]], np.float32)
    np.testing.assert_allclose(resize(step, 1, 4), [[0, 0.25, 0.75, 1]], atol=1e-6)
    np.testing.assert_allclose(resize(step.T, 4, 1), [[0], [0.25], [0.75], [1]], atol=1e-6)


def test_growing_on_one_side_only_is_linear_too():
    step = np.array([[0, 1]] * 4, np.float32)
    np.testing.assert_allclose(resize(step, 2, 4), [[0, 0.25, 0.75, 1]] * 2, atol=1e-6)


@pytest.mark.parametrize("resampling", RESAMPLINGS)
def test_at_the_same_size_nothing_changes(resampling: str):
    np.testing.assert_array_equal(resize(BLOCKS, 4, 4, resampling), BLOCKS)


def test_nearest_repeats_pixels_and_makes_no_new_value():
    found = resize(np.array([[1, 2], [3, 9]], np.float32), 4, 4, "nearest")
    np.testing.assert_array_equal(found, [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 9, 9], [3, 3, 9, 9]])


def test_cubic_is_smoother_than_linear_and_passes_beyond_a_step():
    step = np.zeros((4, 8), np.float32)
    step[:, 4:] = 1
    linear, cubic = resize(step, 4, 16, "linear"), resize(step, 4, 16, "cubic")
    assert (linear.min(), linear.max()) == (0, 1)
    assert cubic.min() < -0.01
    assert cubic.max() > 1.01


def test_height_comes_before_width():
    assert resize(np.zeros((40, 60), np.float32), 10, 20).shape == (10, 20)


def test_the_film_itself_is_not_changed():
    film = film_pixels(40, 60)
    before = film.copy()
    prepare(film, Preprocessing(20, 30))
    prepare(film, Preprocessing(40, 60))
    np.testing.assert_array_equal(film, before)


def test_an_unknown_resampling_is_a_programmers_mistake():
    with pytest.raises(KeyError):
        resize(BLOCKS, 2, 2, "sharpest")


def test_a_blur_spreads_a_point_alike_to_all_sides_and_loses_nothing():
    film = np.zeros((41, 41), np.float32)
    film[20, 20] = 1
    found = blurred(film, 2.0)
    np.testing.assert_allclose(found.sum(), 1, rtol=1e-5)
    np.testing.assert_allclose(found, found.T, atol=1e-7)
    # A Gaussian falls to exp(-1/2) at one deviation.
    assert found[20, 22] / found[20, 20] == pytest.approx(np.exp(-0.5), rel=1e-3)


def test_a_quarter_turn_is_clockwise():
    film = np.arange(25, dtype=np.float32).reshape(5, 5)
    np.testing.assert_allclose(rotated(film, 90, aspect=1), np.rot90(film, -1), atol=1e-3)


def test_there_and_back_is_the_same_film_in_the_middle():
    rows, columns = np.mgrid[0:80, 0:80]
    film = (0.5 + 0.4 * np.sin(rows / 9) * np.cos(columns / 11)).astype(np.float32)
    back = rotated(rotated(film, 17, aspect=1), -17, aspect=1)
    np.testing.assert_allclose(back[20:60, 20:60], film[20:60, 20:60], atol=0.01)


def test_what_turns_in_from_outside_is_black():
    found = rotated(np.ones((40, 40), np.float32), 20, aspect=1)
    assert found[0, 0] == found[-1, -1] == 0
    assert found[20, 20] == 1


def test_a_film_that_was_squeezed_into_a_square_is_turned_and_not_sheared():
    # A film twice as wide as high, with a bar across; turned by 90 degrees the bar stands upright, as long as before.
    film = np.zeros((40, 80), np.float32)
    film[18:22, 24:56] = 1
    squeezed = rotated(resize(film, 40, 40), 90, aspect=2)
    upright = resize(squeezed, 40, 80)
    np.testing.assert_allclose(upright[8:32, 39:41], 1, atol=0.05)
    assert upright[:, :30].max() == upright[:, 50:].max() == 0


def test_a_film_is_moved_by_whole_pixels_and_its_edge_repeated():
    film = np.arange(9, dtype=np.float32).reshape(3, 3, 1)
    assert shifted(film, 1, 0)[:, :, 0].tolist() == [[0, 1, 2], [0, 1, 2], [3, 4, 5]]
    assert shifted(film, 0, -1)[:, :, 0].tolist() == [[1, 2, 2], [4, 5, 5], [7, 8, 8]]


def test_a_recompressed_film_keeps_its_shape_and_loses_little():
    film = film_pixels(32, 48)
    found = recompressed(film, 75)
    assert (found.dtype, found.shape) == (np.float32, (32, 48))
    assert 0 < np.abs(found - film).max() < 0.05
    assert np.abs(recompressed(film, 10) - film).mean() > np.abs(found - film).mean()
