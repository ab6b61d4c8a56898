"""Pictures as of portable devices keep their promise: whole chests, large enough, the same from the same seed."""

import numpy as np
import pytest

from pneumo_core.film.window import LEAST_SIDE
from pneumo_core.train.input_gate import portable as made
from pneumo_core.train.input_gate.portable import SMALLEST, portable


@pytest.mark.parametrize("seed", range(6))
def test_a_picture_is_of_its_film_s_size_and_range_and_comes_from_its_seed(seed: int):
    film = np.random.default_rng(seed).uniform(0, 1, (64, 64)).astype(np.float32)
    first, again = (portable(film, np.random.default_rng(seed)) for _ in range(2))
    assert first.shape == film.shape and first.dtype == np.float32
    assert first.min() >= 0 and first.max() <= 1
    assert np.array_equal(first, again)


def test_a_chest_is_never_as_small_as_one_that_is_to_be_refused_and_stays_in_view():
    assert SMALLEST > LEAST_SIDE
    random = np.random.default_rng(3)
    for _ in range(300):
        turn = made._placed(100, random)
        corners = np.array([[0, 0, 1], [100, 0, 1], [100, 100, 1], [0, 100, 1]]) @ turn.T
        assert np.sqrt(np.linalg.det(turn[:, :2])) > LEAST_SIDE
        middle = corners.mean(axis=0)
        assert ((middle > 15) & (middle < 85)).all()
