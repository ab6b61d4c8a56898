"""Padding that no element names: cut off where its value lies far from all others, kept where it may be the image."""

import numpy as np
import pytest

from pneumo_core.film.radiograph import Radiograph, read_radiograph
from tests.film.test_radiograph import dicom, ramp, written

FILM = np.pad(ramp(12)[2:-2], 0).astype(np.int16) + 5


def read(levels: np.ndarray, **elements) -> Radiograph:
    return read_radiograph(written(dicom(levels, BitsStored=16, HighBit=15, **elements)), "scan")


def framed(value: int, top: int = 3, bottom: int = 3, left: int = 3, right: int = 3) -> np.ndarray:
    return np.pad(FILM, ((top, bottom), (left, right)), constant_values=value)


@pytest.mark.parametrize("sides", [(3, 3, 3, 3), (40, 40, 40, 40), (1, 0, 0, 0), (0, 0, 0, 5), (0, 20, 1, 0)])
@pytest.mark.parametrize("value", [-32768, 32767, -9000])
@pytest.mark.parametrize("window", [{}, {"WindowCenter": 2048, "WindowWidth": 4096}])
def test_an_edge_of_a_value_far_from_all_others_is_cut_off_and_said(value, sides, window):
    found, plain = read(framed(value, *sides), **window), read(FILM, **window)
    assert np.array_equal(found.pixels, plain.pixels)
    assert found.origin.cut_off == sides
    assert len(found.origin.notes) == len(plain.origin.notes) + 1


@pytest.mark.parametrize("value", [0, 4, 4200, -1000])
def test_an_edge_of_a_value_near_the_others_may_be_the_image(value):
    found = read(framed(value))
    assert found.origin.cut_off == (0, 0, 0, 0) and found.outside is None
    assert found.pixels.shape == framed(value).shape


def test_the_same_value_within_is_no_image_either():
    levels = framed(-32768)
    levels[40:50, 40:60] = -32768
    found = read(levels)
    assert found.outside is not None and found.outside.sum() == 200
    assert found.pixels[found.outside].max() == 0
    assert found.stored is not None and np.isnan(found.stored.values[found.stored.levels][found.outside]).all()


def test_an_image_of_one_value_is_left_as_it_is():
    assert read(np.full((100, 120), 7, np.int16)).pixels.shape == (100, 120)
