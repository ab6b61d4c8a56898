"""Twelve small changes: what each does to a film, and flips counted on a network of known scores."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from pneumo_core.explain.fragility import SMALL_CHANGES, Fragility, fragility_of, small_changes
from pneumo_core.film.preprocessing import Preprocessing, prepare
from pneumo_core.stats.calibration import Calibration
from tests.makers import film_pixels


class KnownNetwork:
    """A classifier that keeps what it is given and gives known logits."""

    def __init__(self, logits: np.ndarray) -> None:
        self.card = SimpleNamespace(preprocessing=Preprocessing(32, 48))
        self.known = logits
        self.batches: list[np.ndarray] = []

    def logits(self, films: np.ndarray) -> np.ndarray:
        self.batches.append(films)
        return self.known


def after(name: str, film: np.ndarray) -> np.ndarray:
    return SMALL_CHANGES[name](film, film.shape[1] / film.shape[0])


def test_there_are_twelve_and_each_changes_a_film_a_little():
    assert len(SMALL_CHANGES) == 12
    film = 0.2 + 0.6 * np.tile(np.sin(np.arange(224, dtype=np.float32) / 30) ** 2, (224, 1)).astype(np.float32)
    film *= np.linspace(0.7, 1, 224, dtype=np.float32)[:, np.newaxis]
    for name, change in SMALL_CHANGES.items():
        found = change(film, 1.0)
        assert (found.dtype, found.shape) == (film.dtype, film.shape), name
        assert found.min() >= 0 and found.max() <= 1, name
        assert 0 < np.abs(found - film).mean() < 0.1, name


def test_each_change_is_of_the_size_that_its_name_says():
    film = np.array([[0.2, 0.4], [0.6, 0.8]], np.float32)
    assert after("contrast +10 %", film) == pytest.approx(np.array([[0.17, 0.39], [0.61, 0.83]]), abs=1e-6)
    assert after("contrast -10 %", film) == pytest.approx(np.array([[0.23, 0.41], [0.59, 0.77]]), abs=1e-6)
    assert after("gamma 0.9", film)[1, 1] == pytest.approx(0.8**0.9)
    assert after("gamma 1.1", film)[1, 1] == pytest.approx(0.8**1.1)
    # Two in a hundred of each side, whatever the film's shape.
    wide = np.arange(100 * 200, dtype=np.float32).reshape(100, 200) / 20000
    np.testing.assert_array_equal(after("2 % to the left", wide)[:, :-4], wide[:, 4:])
    np.testing.assert_array_equal(after("2 % to the right", wide)[:, 4:], wide[:, :-4])
    np.testing.assert_array_equal(after("2 % up", wide)[:-2], wide[2:])
    np.testing.assert_array_equal(after("2 % down", wide)[2:], wide[:-2])


def test_turning_right_moves_the_top_to_the_right():
    film = np.zeros((201, 201), np.float32)
    film[10, 95:106] = 1
    # 90 pixels above the centre, 2 degrees: 3 pixels.
    for name, place in (("turned 2° right", 103), ("turned 2° left", 97)):
        assert np.average(np.arange(201), weights=after(name, film).sum(axis=0)) == pytest.approx(place, abs=0.3)


def test_all_changes_are_scored_in_one_pass_and_made_to_the_networks_input():
    pixels, network = film_pixels(300, 411), KnownNetwork(np.linspace(0, 1, 12))
    found = small_changes(network, pixels)
    (batch,) = network.batches
    assert (batch.dtype, batch.shape) == (np.float32, (12, 32, 48, 1))
    assert found == tuple(np.linspace(0, 1, 12).tolist())
    # A shift of 2 % is a pixel here.
    place = list(SMALL_CHANGES).index("2 % to the left")
    np.testing.assert_array_equal(batch[place][:, :-1], prepare(pixels, network.card.preprocessing)[:, 1:])


def test_one_scoring_serves_the_calibration_of_every_population():
    # 0.7310586 is the logistic function of 1.
    assert fragility_of(0.3, (0.0, 2.0), Calibration(2.0, 0.5)).changed == pytest.approx((0.5, 0.7310586))


@pytest.mark.parametrize(
    ("threshold", "flips", "words"),
    [
        (0.05, 0, "The flag holds under all 12 small changes."),
        (0.3, 1, "The flag flips under 1 of 12 small changes."),
        # The film itself is at the threshold, and so flagged.
        (0.5, 2, "The flag flips under 2 of 12 small changes."),
        (np.nextafter(0.5, 1), 10, "The flag flips under 10 of 12 small changes."),
    ],
)
def test_flips_are_counted_at_the_threshold(threshold: float, flips: int, words: str):
    found = Fragility(0.5, (0.2, 0.45, *[0.6] * 10))
    assert sum(found.flips(threshold)) == flips
    assert found.in_words(threshold) == words


def test_the_strip_names_every_change_and_says_flips_in_words():
    strip = Fragility(0.5, (0.2, 0.45, *[0.6] * 10)).strip(0.5)
    assert re.findall("<li.*?><span>(.*?)</span>", strip) == list(SMALL_CHANGES)
    assert strip.count("<li") == 12
    assert strip.count('<li class="flips">') == strip.count("⇄ not flagged") == 2
    assert strip.count("holds") == 10
    assert "<b>45.0 %</b>" in strip
    assert "⇄ flagged" in Fragility(0.4, (0.2, 0.6, *[0.3] * 10)).strip(0.5)
