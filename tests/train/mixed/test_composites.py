"""Lungs pasted into bodies, on drawn shapes: what is kept of each, and that no seam is left."""

import numpy as np
import pytest

from pneumo_core.train.mixed.composites import compose, filled, fit_of, lungs_view, outline_of, softened

SIDE = 96


def ellipses(rows: float, columns: float, middle: float = 48.0) -> np.ndarray:
    row, column = np.mgrid[:SIDE, :SIDE]
    parts = [((row - middle) / rows) ** 2 + ((column - place) / columns) ** 2 < 1 for place in (30, 66)]
    return parts[0] | parts[1]


def textured(base: float, seed: int) -> np.ndarray:
    return base + np.random.default_rng(seed).normal(0, 4, (SIDE, SIDE))


def lungs_alone(seed: int = 1, rows: float = 28.0, columns: float = 11.0) -> tuple[np.ndarray, np.ndarray]:
    mask = ellipses(rows, columns)
    return np.where(mask, textured(90, seed), 0).clip(0, 255).astype(np.uint8), mask


def whole(seed: int = 2, rows: float = 28.0, columns: float = 11.0) -> tuple[np.ndarray, np.ndarray]:
    mask = ellipses(rows, columns)
    return np.where(mask, textured(60, seed), textured(170, seed)).clip(0, 255).astype(np.uint8), mask


def shrunk(mask: np.ndarray, by: int) -> np.ndarray:
    kept = mask.copy()
    for _ in range(by):
        kept = kept & np.roll(kept, 1, 0) & np.roll(kept, -1, 0) & np.roll(kept, 1, 1) & np.roll(kept, -1, 1)
    return kept


@pytest.mark.parametrize("seed", range(4))
def test_the_lungs_are_those_of_the_one_and_all_else_is_of_the_body(seed: int):
    (lungs, mask), (body, body_mask) = lungs_alone(), whole()
    made = compose(lungs, mask, body, body_mask, np.random.default_rng(seed))
    assert made is not None
    assert (made.dtype, made.shape) == (np.float32, (SIDE, SIDE))
    inside, outside = shrunk(mask, 3), shrunk(~mask, 4)
    # One tone each for all of it: a gain and a shift, and no other change of any pixel.
    for part, source in ((inside, lungs), (outside, body)):
        gain, shift = np.polyfit(source[part].astype(float), made[part], 1)
        assert 0.7 < gain < 1.2
        assert np.abs(gain * source[part].astype(float) + shift - made[part]).max() < 1


@pytest.mark.parametrize("seed", range(4))
def test_no_seam_is_left_where_the_outlines_differ(seed: int):
    (lungs, mask), (body, body_mask) = lungs_alone(rows=28, columns=9), whole(rows=28, columns=12)
    made = compose(lungs, mask, body, body_mask, np.random.default_rng(seed))
    assert made is not None
    steps = max(np.abs(np.diff(made, axis=axis)).max() for axis in (0, 1))
    # The body's own lungs end with a step of 110; texture alone makes steps of about 25.
    assert np.abs(np.diff(body.astype(float), axis=1)).max() > 100
    assert steps < 75
    assert made.min() > 20


def test_greys_are_matched_at_the_10th_percentile():
    (lungs, mask), (body, body_mask) = lungs_alone(), whole()
    inside, outside = shrunk(mask, 3), shrunk(~mask, 4)
    levels = []
    for seed in range(8):
        made = compose(lungs, mask, body, body_mask, np.random.default_rng(seed))
        assert made is not None
        levels.append((np.percentile(made[inside], 10) > 75, np.median(made[outside]) > 180))
    # Either the body is brightened to these brighter lungs, or the lungs are darkened to the body's.
    assert set(levels) == {(True, True), (False, False)}


def test_a_smaller_body_is_stretched_to_the_box_of_the_lungs():
    (lungs, mask), (body, body_mask) = lungs_alone(rows=28, columns=11), whole(rows=20, columns=9)
    assert 0 < fit_of(mask, body_mask) < 0.5
    made = compose(lungs, mask, body, body_mask, np.random.default_rng(0))
    assert made is not None
    assert np.median(made[48, :10]) > 150
    assert np.corrcoef(lungs[shrunk(mask, 3)], made[shrunk(mask, 3)])[0, 1] > 0.99


def test_what_does_not_fit_is_not_pasted():
    (lungs, mask), (body, _) = lungs_alone(), whole()
    for other in (ellipses(12, 11), np.zeros((SIDE, SIDE), bool)):
        assert fit_of(mask, other) == float("inf")
        assert compose(lungs, mask, body, other, np.random.default_rng(0)) is None


def test_a_seed_makes_the_same_composite_and_another_one_another():
    (lungs, mask), (body, body_mask) = lungs_alone(), whole()
    first, again, other = (compose(lungs, mask, body, body_mask, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first is not None
    assert other is not None
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_outline_of_lungs_that_stand_alone_leaves_specks_out():
    lungs, mask = lungs_alone()
    lungs[2:6, 2:6] = 200
    found = outline_of(lungs)
    assert not found[:8, :8].any()
    assert 2 * (found & mask).sum() / (found.sum() + mask.sum()) > 0.97
    assert not outline_of(np.zeros((SIDE, SIDE), np.uint8)).any()


def test_the_lungs_view_has_one_tone_inside_whatever_the_film_and_one_level_outside():
    film, mask = whole()
    views = [
        lungs_view((gain * film + shift).astype(np.float32), mask.astype(np.float32))
        for gain, shift in ((1.0, 0.0), (0.6, 60.0))
    ]
    for view in views:
        assert np.all(view[~mask] == 232)
        assert view[mask].mean() == pytest.approx(110, abs=2)
    # Weak contrast is not blown up to full.
    assert views[0][mask].std() > views[1][mask].std() > 0.5 * views[0][mask].std()


def test_the_lungs_view_is_that_of_the_network():
    import keras

    from pneumo_core.keras_network.lungs_view import lungs_view as in_graph

    film, _ = whole()
    logit = np.random.default_rng(3).normal(0, 3, (SIDE // 2, SIDE // 2)).astype(np.float32)
    inputs = keras.Input((SIDE, SIDE, 1)), keras.Input((SIDE // 2, SIDE // 2, 1))
    view = keras.Model(inputs, in_graph(*inputs))((film[None, ..., None].astype(np.float32), logit[None, ..., None]))
    grown = keras.layers.UpSampling2D(2, interpolation="bilinear")(1 / (1 + np.exp(-logit[None, ..., None])))
    ours = lungs_view(film.astype(np.float32), np.asarray(grown)[0, ..., 0])
    assert ours == pytest.approx(np.asarray(view)[0, ..., 0], abs=1e-3)


def test_lungs_that_stand_alone_lose_their_edge():
    lungs, mask = lungs_alone()
    around = filled(lungs.astype(np.float32), mask)
    assert np.array_equal(around[mask], lungs[mask])
    assert around[~mask].min() > 60
    soft = softened(mask)
    assert soft[shrunk(mask, 3)].min() > 0.95
    assert soft[shrunk(~mask, 3)].max() < 0.05
