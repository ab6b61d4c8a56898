"""The corruptions: their shape, their order, and what each does."""

import numpy as np
import pytest

from benchmarks.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from tests.conftest import drawn_film

FILMS = np.stack([drawn_film(number % 2 == 0, number) for number in range(3)])


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_grows_with_its_severity_and_is_drawn_the_same_again(name: str):
    off = []
    for severity in range(1, SEVERITIES + 1):
        changed = corrupted(FILMS, name, severity)
        assert changed.shape == FILMS.shape and changed.dtype == np.uint8
        assert np.array_equal(changed, corrupted(FILMS, name, severity))
        off.append(np.abs(changed.astype(float) - FILMS).mean())
    assert 0 < off[0] < off[2] < off[4]


def test_the_list_is_that_of_medmnist_c():
    assert len(CORRUPTIONS) == 13
    assert {len(strengths) for _, strengths in CORRUPTIONS.values()} == {SEVERITIES}


def test_tones_move_as_named():
    means = {name: corrupted(FILMS, name, 3).mean() - FILMS.mean() for name in CORRUPTIONS}
    assert means["brightness up"] > 10 and means["gamma down"] > 10
    assert means["brightness down"] < -10 and means["gamma up"] < -10
    spreads = {name: corrupted(FILMS, name, 3).std() / FILMS.std() for name in ("contrast up", "contrast down")}
    assert spreads["contrast down"] == pytest.approx(0.7, abs=0.02)
    assert spreads["contrast up"] > 1.1


def test_impulses_hit_their_share_black_and_white():
    changed = corrupted(FILMS, "impulse noise", 5)
    hit = changed[changed != FILMS]
    assert hit.size / FILMS.size == pytest.approx(0.02, abs=0.005)
    assert set(hit.tolist()) == {0, 255}
