"""Films in memory: read once, dealt out anew in each epoch."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pneumo_core.data.cases import find_cases
from pneumo_core.errors import DataError
from pneumo_core.files.hashes import file_sha256
from pneumo_core.film.preprocessing import Preprocessing
from pneumo_core.train import films as training_films
from pneumo_core.train.films import epoch_batches, epoch_order, read_films
from pneumo_core.train.plan import Recipe
from tests.conftest import png

SMALL = Preprocessing(32, 32)
LABELS = np.arange(10) % 5 == 0


def test_films_are_read_with_labels_hashes_and_every_view(tmp_path: Path, make_data: Callable[..., Path]):
    first, second = (make_data(tmp_path / name, 3, ("train",)) for name in ("one", "two"))
    cases = find_cases(first, [second])
    films = read_films(cases, SMALL)
    assert films is not None
    assert films.views.shape == (2, 6, 32, 32)
    assert films.views.dtype == np.uint8
    assert films.has_pneumonia.tolist() == [False] * 3 + [True] * 3
    assert films.sha256s == tuple(tuple(file_sha256(view) for view in case.views) for case in cases)


def test_a_damaged_film_is_left_out_and_named(tmp_path: Path, make_data: Callable[..., Path]):
    data = make_data(tmp_path / "data", 3, ("train",))
    (data / "train" / "NORMAL" / "IM-0000-0000.png").write_bytes(b"no picture")
    whole = read_films([case for case in find_cases(data) if "0000-0000" not in case.name], SMALL)
    films = read_films(find_cases(data), SMALL)
    assert films is not None
    assert whole is not None
    assert np.array_equal(films.views, whole.views)
    assert films.left_out == (
        "train/NORMAL/IM-0000-0000.png: The image seems to be a text file, not an X-ray. Please upload a DICOM, PNG, "
        "JPEG, TIFF or BMP file.",
    )


def test_films_of_one_class_only_are_refused(tmp_path: Path, make_data: Callable[..., Path]):
    cases = [case for case in find_cases(make_data(tmp_path / "data", 3, ("train",))) if case.has_pneumonia]
    with pytest.raises(DataError, match="3 of 3 X-rays could be read, and they are not of both classes"):
        read_films(cases, SMALL)
    with pytest.raises(DataError, match="0 of 0 X-rays"):
        read_films([], SMALL)


def test_a_film_that_vanishes_is_no_film_that_is_left_out(tmp_path: Path, make_data: Callable[..., Path]):
    cases = find_cases(make_data(tmp_path / "data", 3, ("train",)))
    cases[1].views[0].unlink()
    with pytest.raises(DataError, match="stay where they are until the run has ended"):
        read_films(cases, SMALL)


def test_a_link_is_not_followed_and_said(tmp_path: Path, make_data: Callable[..., Path]):
    data = make_data(tmp_path / "data", 3, ("train",))
    cases = find_cases(data)
    first = cases[0].views[0]
    first.rename(tmp_path / "elsewhere.png")
    first.symlink_to(tmp_path / "elsewhere.png")
    films = read_films(cases, SMALL)
    assert films is not None
    assert len(films.cases) == 5
    assert len(find_cases(data)) == 5
    assert "is a link, and links are not followed" in films.left_out[0]


def test_reading_can_be_stopped(tmp_path: Path, make_data: Callable[..., Path]):
    seen: list[tuple[int, int]] = []
    cases = find_cases(make_data(tmp_path / "data", 5, ("train",)))
    assert read_films(cases, SMALL, lambda done, of: seen.append((done, of)) or done < 4) is None
    assert seen == [(1, 10), (2, 10), (3, 10), (4, 10)]


def test_films_that_do_not_fit_into_memory_are_refused_before_reading(
    tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(training_films.Path, "read_text", lambda *arguments, **named: "MemAvailable: 2000000 kB\n")
    cases = find_cases(make_data(tmp_path / "data", 3, ("train",)))
    with pytest.raises(
        DataError, match=r"6 X-rays of 32 x 32 pixels in 1 view\(s\) take about 2.0 GiB .* 1.9 GiB are free"
    ):
        read_films(cases, SMALL)


def test_an_epoch_shows_every_film_once_in_one_of_its_views():
    views = np.arange(20, dtype=np.uint8).reshape(2, 10, 1, 1)
    batches = list(epoch_batches(tf.constant(views), tf.constant(LABELS, tf.float32), Recipe(batch_size=4), 1))
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    shown = np.concatenate([films for films, _ in batches])[:, 0, 0, 0].astype(int)
    labels = np.concatenate([labels for _, labels in batches])
    assert sorted(shown % 10) == list(range(10))
    assert set(shown // 10) == {0, 1}
    assert labels.tolist() == LABELS[shown % 10].tolist()


def test_an_epoch_is_dealt_by_seed_and_number_alone():
    first, again, next_one = (epoch_order(LABELS, 2, Recipe(), epoch) for epoch in (1, 1, 2))
    other_seed = epoch_order(LABELS, 2, Recipe(seed=8), 1)
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert not np.array_equal(first[0], next_one[0])
    assert not np.array_equal(first[0], other_seed[0])


def test_balanced_sampling_shows_both_classes_equally_often():
    recipe = dataclasses.replace(Recipe(), balance="balanced sampling")
    order, _ = epoch_order(LABELS, 1, recipe, 1)
    assert len(order) == 10
    assert LABELS[order].sum() == 5
    counts = np.bincount(order, minlength=10)
    assert counts[LABELS].tolist() in ([2, 3], [3, 2])
    assert counts[~LABELS].max() == 1


def test_lungs_that_stand_alone_keep_their_place_and_a_frame_is_cut_off(tmp_path: Path):
    row, column = np.mgrid[:128, :128]
    lungs = np.any([((row - 64) / 40) ** 2 + ((column - place) / 15) ** 2 < 1 for place in (40, 88)], axis=0)
    grey = np.random.default_rng(0).integers(60, 200, (128, 128), np.uint8)
    framed = np.zeros_like(grey)
    framed[20:108, 20:108] = grey[20:108, 20:108]
    for name, pixels in (("NORMAL/a.png", np.where(lungs, grey, 0)), ("PNEUMONIA/b.png", framed)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(png(pixels.astype(np.uint8)))
    films = read_films(find_cases(tmp_path), SMALL)
    assert films is not None
    alone, whole = films.views[0]
    assert alone[:4].max() == 0
    assert whole[:4].min() > 20
