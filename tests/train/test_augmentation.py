"""Random changes of training films."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from pneumo_core.train.augmentation import (
    RandomBlur,
    RandomBorder,
    RandomErasing,
    RandomGeometry,
    RandomNoise,
    RandomTone,
    augmentation_layers,
    compress_as_jpeg,
    variants,
)
from tests.conftest import drawn_film


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    return np.stack([drawn_film(bool(n % 2), n)[:64, :72] for n in range(6)]).astype(np.float32)[..., np.newaxis]


ALL = [(type(layer).__name__, layer) for layer in augmentation_layers(1.0, seed=4)]


@pytest.mark.parametrize("layer", [layer for _, layer in ALL], ids=[name for name, _ in ALL])
def test_a_layer_does_nothing_outside_training(layer: keras.layers.Layer, films: np.ndarray):
    assert np.array_equal(np.asarray(layer(films, training=False)), films)


@pytest.mark.parametrize("layer", [layer for _, layer in ALL], ids=[name for name, _ in ALL])
def test_a_layer_keeps_shape_and_range_and_changes_films(layer: keras.layers.Layer, films: np.ndarray):
    layer.chance = 1.0
    changed = np.asarray(layer(films, training=True))
    assert changed.shape == films.shape
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert all(not np.array_equal(one, other) for one, other in zip(changed, films, strict=True))


def test_a_chance_of_nought_changes_no_film(films: np.ndarray):
    assert np.array_equal(np.asarray(RandomNoise(0.0, 1, 0.5)(films, training=True)), films)


def test_the_same_seed_gives_the_same_changes(films: np.ndarray):
    first, second = (np.asarray(RandomNoise(1.0, 9, 0.1)(films, training=True)) for _ in range(2))
    assert np.array_equal(first, second)


def test_no_strength_is_no_layer():
    assert augmentation_layers(0.0, seed=1) == []


def test_geometry_without_any_range_gives_the_film_back(films: np.ndarray):
    still = RandomGeometry(1.0, 1, degrees=0.0, shift=0.0, zoom=1.0, stretch=1.0, mirror=False)
    assert np.asarray(still(films, training=True)) == pytest.approx(films, abs=1e-3)


def test_a_stretch_is_shared_out_between_the_axes():
    columns, rows = np.meshgrid(np.arange(65, dtype=np.float32), np.arange(65, dtype=np.float32))
    ramps = np.stack([columns] * 40 + [rows] * 40)[..., np.newaxis]
    stretched = RandomGeometry(1.0, 5, degrees=0.0, shift=0.0, zoom=1.0, stretch=1.6, mirror=False)
    changed = np.concatenate([np.asarray(stretched(part, training=True)) for part in (ramps[:40], ramps[40:])])
    # The middle of the film, where no margin comes in.
    across = 8 / (changed[:40, 32, 36, 0] - changed[:40, 32, 28, 0])
    down = 8 / (changed[40:, 36, 32, 0] - changed[40:, 28, 32, 0])
    for factors in (across, down):
        assert factors.min() < 0.85
        assert factors.max() > 1.2
        assert ((factors > 1 / 1.61) & (factors < 1.61)).all()


def test_mirroring_turns_a_film_about_its_middle(films: np.ndarray):
    only_mirror = RandomGeometry(1.0, 3, degrees=0.0, shift=0.0, zoom=1.0, stretch=1.0, mirror=True)
    changed = np.asarray(only_mirror(np.repeat(films[:1], 12, axis=0), training=True))
    mirrored = films[0, :, ::-1]
    kinds = [(np.allclose(film, films[0], atol=1e-2), np.allclose(film, mirrored, atol=1e-2)) for film in changed]
    assert set(kinds) == {(True, False), (False, True)}


def test_tone_without_any_range_gives_the_film_back(films: np.ndarray):
    still = RandomTone(1.0, 1, gamma=1.0, contrast=1.0, brightness=0.0)
    assert np.asarray(still(films, training=True)) == pytest.approx(films, abs=0.02)


def test_blur_keeps_a_flat_film_and_smooths_another(films: np.ndarray):
    blur = RandomBlur(1.0, 1, 2.0)
    flat = np.full_like(films, 90.0)
    assert np.asarray(blur(flat, training=True)) == pytest.approx(flat, abs=1e-2)
    assert np.asarray(blur(films, training=True)).std() < films.std()


def test_a_border_is_one_grey_or_that_of_the_film_before(films: np.ndarray):
    flat = np.stack([np.full((40, 60, 1), 40.0 * n + 5.5, np.float32) for n in range(6)])
    foreign = 0
    for seed in range(8):
        changed = np.asarray(RandomBorder(1.0, seed, 0.2)(flat, training=True))
        for film, original, before in zip(changed, flat, np.roll(flat, 1, axis=0), strict=True):
            outside = film != original
            assert not outside[8:-8, 12:-12].any()
            assert len(np.unique(film[outside])) <= 1
            foreign += bool(outside.any() and film[outside][0] == before[0, 0, 0])
    assert 0 < foreign < 48


def test_borders_are_changed_before_films_are_made_smaller_and_once_more_after():
    # Afterwards the edge may be black, and the film's own margins would stay as they are (experiment 19); before, the
    # black that the geometry leaves would (experiment 20).
    layers = [type(layer) for layer in augmentation_layers(1.0, seed=1)]
    assert layers[:3] == [RandomBorder, RandomGeometry, RandomBorder]
    kinds = ("geometry", "noise")
    assert [type(layer) for layer in augmentation_layers(1.0, seed=1, kinds=kinds)] == [RandomGeometry, RandomNoise]


def test_a_film_made_smaller_goes_on_at_its_edges_as_often_as_it_ends_in_black():
    films = np.full((200, 32, 32, 1), 120.0, np.float32)
    turned = RandomGeometry(1.0, 2, degrees=30.0, shift=0.2, zoom=1.0, stretch=1.0, mirror=False)
    has_black = np.asarray(turned(films, training=True)).min(axis=(1, 2, 3)) < 60
    assert 0.35 < has_black.mean() < 0.65


def test_erasing_sets_one_rectangle_to_one_grey(films: np.ndarray):
    changed = np.asarray(RandomErasing(1.0, 5, 0.4)(films, training=True))
    for film, original in zip(changed, films, strict=True):
        rows, columns = np.nonzero((film != original)[..., 0])
        inside = film[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert np.ptp(inside) == 0
        assert inside.size < 0.5 * 0.5 * film.size


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_jpeg_loss_equals_that_of_a_real_encoder(films: np.ndarray, quality: int):
    file = io.BytesIO()
    Image.fromarray(films[0, ..., 0].astype(np.uint8)).save(file, "JPEG", quality=quality)
    real = np.asarray(Image.open(file)).astype(np.float32)
    ours = np.asarray(compress_as_jpeg(films[:1], np.full((1, 1, 1, 1), quality, np.float32)))[0, ..., 0]
    # Half a grey level: encoders round each step a little differently.
    assert np.abs(ours - real).mean() < 0.5
    assert np.abs(ours - real).mean() < 0.25 * np.abs(films[0, ..., 0] - real).mean()


def test_sides_that_are_no_multiple_of_eight_keep_their_rest(films: np.ndarray):
    cut = films[:, :61, :70]
    changed = np.asarray(compress_as_jpeg(cut, np.full((6, 1, 1, 1), 20.0, np.float32)))
    assert changed.shape == cut.shape
    assert np.array_equal(changed[:, 56:], cut[:, 56:])
    assert not np.array_equal(changed[:, :56, :64], cut[:, :56, :64])


def test_variants_are_those_of_each_film_and_none_at_strength_0():
    films = np.stack([np.full((32, 32), grey, np.uint8) for grey in (40, 200)])
    drawn = variants(films, augmentation_layers(1.0, seed=1, kinds=("noise", "tone")), 5)
    assert drawn.shape == (2, 5, 32, 32)
    assert drawn[0].mean() < drawn[1].mean()
    assert len({variant.tobytes() for variant in drawn[0]}) > 1
    assert (variants(films, augmentation_layers(0.0, seed=1), 3) == films[:, np.newaxis]).all()
