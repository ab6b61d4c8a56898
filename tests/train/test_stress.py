"""Stressed copies of films: by hand."""

import numpy as np
import pytest

from pneumo_core.train.stress import shaped_by_class, stressed_copies

FILMS = np.array([[[100, 140], [140, 100]], [[0, 255], [0, 255]]], np.uint8).repeat(4, axis=1).repeat(4, axis=2)


def test_each_stressed_copy_has_the_films_shape_and_leaves_the_films_alone():
    films = FILMS.copy()
    copies = stressed_copies(films)
    assert len(copies) == 10
    for name, changed in copies.items():
        found = changed()
        assert (found.dtype, found.shape) == (np.uint8, films.shape), name
        assert not np.array_equal(found, films), name
        np.testing.assert_array_equal(films, FILMS)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        # Around the mean, 120: 20 x 1.8 = 36, 20 x 0.5 = 10.
        ("contrast x 1.8", 84, 156),
        ("contrast x 0.5", 110, 130),
        # 255 (100/255)^1.8 = 47.3, 255 (140/255)^1.8 = 86.7; with 0.55: 152.4 and 183.4.
        ("gamma 1.8", 47, 87),
        ("gamma 0.55", 152, 183),
    ],
)
def test_a_stressed_copys_grey_levels_are_those_counted_by_hand(name: str, low: int, high: int):
    found = stressed_copies(FILMS)[name]()[0]
    np.testing.assert_array_equal(found, np.where(FILMS[0] == 100, low, high))


def test_more_contrast_is_cut_at_black_and_white_and_gamma_keeps_them():
    copies = stressed_copies(FILMS)
    for name in ("contrast x 1.8", "gamma 1.8", "gamma 0.55"):
        np.testing.assert_array_equal(copies[name]()[1], FILMS[1])


def test_a_coarser_copy_of_a_film_without_structure_is_that_film():
    even = np.full((2, 16, 12), 77, np.uint8)
    for name, changed in stressed_copies(even).items():
        if "resolution" in name or "contrast" in name:
            np.testing.assert_array_equal(changed(), even)


def test_a_third_of_the_resolution_smooths_away_what_is_one_pixel_wide():
    stripes = np.tile(np.array([0, 0, 150], np.uint8), (1, 12, 4))
    found = stressed_copies(stripes)["a third of the resolution"]()
    np.testing.assert_array_equal(found, np.full_like(stripes, 50))


def test_foreign_margins_are_the_outer_tenth_of_the_film_at_the_other_end():
    films = np.stack([np.full((20, 30), grey, np.uint8) for grey in (10, 20, 30)])
    found = stressed_copies(films)["margins of another film"]()
    for grey, margin, film in zip((10, 20, 30), (30, 20, 10), found, strict=True):
        assert (film[2:-2, 3:-3] == grey).all()
        film[2:-2, 3:-3] = margin
        assert (film == margin).all()


def test_a_cut_copy_is_the_inner_ten_twelfths_stretched_to_the_whole():
    rows = np.arange(0, 240, 10, dtype=np.uint8)[:, np.newaxis].repeat(12, axis=1)[np.newaxis]
    upright = stressed_copies(rows)["cut at top and bottom"]()[0]
    assert (upright[0, 0], upright[-1, 0]) == (20, 210)
    sideways = stressed_copies(rows.swapaxes(1, 2))["cut at the sides"]()[0]
    np.testing.assert_array_equal(sideways, upright.T[:12])
    # Across the other direction nothing changes.
    np.testing.assert_array_equal(stressed_copies(rows)["cut at the sides"]()[0], rows[0])


def test_noise_is_the_same_each_time_and_as_strong_as_said():
    grey = np.full((2, 224, 224), 128, np.uint8)
    noisy = stressed_copies(grey)["noise"]()
    np.testing.assert_array_equal(noisy, stressed_copies(grey)["noise"]())
    assert noisy.std() == pytest.approx(8, rel=0.02)


@pytest.mark.parametrize(("factor", "extents"), [(2.0, [15, 31, 31, 15]), (0.5, [31, 15, 15, 31])])
def test_each_class_is_cut_along_its_own_axis(factor: float, extents: list[int]):
    rows, columns = np.mgrid[:32, :32].astype(np.uint8)
    films = np.stack([columns, rows, columns, rows])
    changed = shaped_by_class(films, np.array([True, True, False, False]), factor)
    assert np.ptp(changed, axis=(1, 2)).tolist() == extents
    # As much is lost at one end as at the other.
    assert changed.mean(axis=(1, 2)) == pytest.approx([15.5] * 4, abs=0.3)
