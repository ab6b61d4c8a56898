"""Random changes of a film and its mask: they stay together, in range, and are many."""

import numpy as np

from pneumo_core.train.segmenter.augmentation import augmented, shrunk

SIDE = 64


def disc() -> np.ndarray:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    return (rows - 32) ** 2 + (columns - 26) ** 2 < 12**2


def test_the_mask_moves_with_its_film():
    # A lung that is dark all over: where the changes have left its grey levels alone, mask and darkness agree.
    film, random = np.where(disc(), 10, 200).astype(np.uint8), np.random.default_rng(4)
    agreed = []
    for _ in range(40):
        x, lung = augmented(film, disc(), random)
        inside, outside = shrunk(x)[lung > 0.9], shrunk(x)[(lung == 0)]
        if len(inside) and len(outside):
            agreed.append(np.median(inside) < np.median(outside))
    # A black frame may be most of what lies outside.
    assert np.mean(agreed) > 0.6
    assert len(agreed) > 35


def test_changed_films_stay_in_range_and_are_drawn_by_the_seed():
    film = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    first, again, other = (augmented(film, disc(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    for x, lung in (first, other):
        assert x.dtype == lung.dtype == np.float32
        assert (x.shape, lung.shape) == ((SIDE, SIDE), (SIDE // 2, SIDE // 2))
        assert 0 <= x.min() <= x.max() <= 255 and 0 <= lung.min() <= lung.max() <= 1
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_the_share_of_lung_in_a_cell_is_that_of_its_four_pixels():
    lung = np.zeros((4, 4), bool)
    lung[0, 0] = lung[2:, 2:] = True
    assert shrunk(lung).tolist() == [[0.25, 0], [0, 1]]
