"""Networks joined to one graph: the same numbers as apart, and each view's evidence where it lies."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pytest
from tf_keras_vis.gradcam import Gradcam

from pneumo_core.errors import ModelError
from pneumo_core.explain.trace import Tracer
from pneumo_core.film.preprocessing import Preprocessing
from pneumo_core.keras_network.file_check import check_network_file
from pneumo_core.keras_network.gradcam import explain
from pneumo_core.keras_network.heads import other_logit
from pneumo_core.keras_network.joining import join_networks, join_views
from pneumo_core.keras_network.layers import (
    JOINED_MAPS,
    body_and_head,
    gate_features,
    layers_to_walk,
    load_network,
    save_network,
)
from pneumo_core.keras_network.lungs_view import lungs_view
from pneumo_core.train.build import build_network, start_from_model
from pneumo_core.train.plan import Recipe
from tests.two_views import DENSE, EXPLAINED, SIDE, SMALL, joined_averages, of_three_classes, segmenter


def test_networks_with_dense_layers_or_maps_of_other_sizes_are_not_joined():
    plain, dense = (build_network(Recipe(architecture="SmallCNN", size=32, dense_units=units)) for units in ((), (4,)))
    with pytest.raises(ModelError, match=r"Network 2 .* no dense layer"):
        join_networks([plain, dense], ["block3_activation"] * 2, [0.5, 0.5])
    maps = plain.get_layer("block2_activation").output
    finer = keras.Model(plain.input, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(maps)))
    with pytest.raises(ModelError, match="equally fine"):
        join_networks([plain, finer], ["block3_activation", "block2_activation"], [0.5, 0.5])


def test_what_joined_networks_have_in_common_is_there_once_whatever_its_layers_are(tmp_path: Path):
    # MobileNetV3 multiplies and adds numbers that stand in no layer.
    save_network(build_network(Recipe(architecture="MobileNetV3Large", size=32)), tmp_path / "one.keras")
    one, two = (load_network(tmp_path / "one.keras") for _ in range(2))
    joined = join_networks([one, two], ["features"] * 2, [0.5, 0.5])
    kept = sum(not isinstance(layer, keras.layers.Dropout) for layer in one.layers)
    # One layer more, that joins.
    assert len(joined.layers) == kept + 1
    film = np.random.default_rng(7).uniform(0, 255, (1, 32, 32, 1)).astype(np.float32)
    np.testing.assert_allclose(joined(film), one(film), rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module")
def parts() -> tuple[keras.Model, keras.Model, keras.Model]:
    return of_three_classes(1), of_three_classes(2), segmenter()


@pytest.fixture(scope="module")
def joined(parts: tuple[keras.Model, keras.Model, keras.Model]) -> keras.Model:
    return join_views(parts[:2], (EXPLAINED, EXPLAINED), parts[2], (0.7, 0.6))


def some_films(count: int = 4) -> np.ndarray:
    return np.random.default_rng(9).uniform(0, 255, (count, SIDE, SIDE, 1)).astype(np.float32)


def twice_as_large(cells: np.ndarray, axis: int) -> np.ndarray:
    """Halfway between two cells lie two pixels, nearer to one each; beyond the last cell its value stays."""
    first, last = cells.take([0], axis), cells.take([-1], axis)
    before, after = (np.concatenate(parts, axis) for parts in ([first, cells], [cells, last]))
    count = cells.shape[axis]
    near = [before.take(range(count), axis), after.take(range(1, count + 1), axis)]
    pair = np.stack([0.75 * cells + 0.25 * other for other in near], axis + 1)
    return pair.reshape(*cells.shape[:axis], 2 * count, *cells.shape[axis + 1 :])


def view_by_hand(film: np.ndarray, logit: np.ndarray) -> np.ndarray:
    """Give the lungs view of one film, float64 `(height, width)`, as the formula says it."""
    inside = twice_as_large(twice_as_large(1 / (1 + np.exp(-logit)), 0), 1)
    share = inside.mean() + 1e-3
    mean = (inside * film).mean() / share
    deviation = np.sqrt((inside * (film - mean) ** 2).mean() / share + 1e-3)
    tone = np.clip((film - mean) / (deviation + 8) * 45 + 110, 0, 240)
    return inside * tone + (1 - inside) * 232


def test_the_joined_graph_gives_the_numbers_of_its_parts_with_the_view_worked_out_by_hand(
    parts: tuple[keras.Model, keras.Model, keras.Model], joined: keras.Model
):
    whole, lungs, outlines = parts
    films = some_films()
    logits = np.asarray(outlines(films), np.float64)[..., 0]
    views = np.stack(
        [view_by_hand(film, cells) for film, cells in zip(films[..., 0].astype(float), logits, strict=True)]
    )
    assert np.abs(views - films[..., 0]).mean() > 10
    log_odds = []
    for network, seen in ((whole, films), (lungs, views[..., np.newaxis].astype(np.float32))):
        features = np.asarray(body_and_head(network, EXPLAINED)[0](seen), np.float64).mean((1, 2))
        log_odds.append(
            [features @ kernel + bias for kernel, bias in (network.get_layer(d).get_weights() for d in DENSE)]
        )
    a, b = (0.7 * of_whole + 0.6 * of_lungs for of_whole, of_lungs in zip(*log_odds, strict=True))
    assert np.asarray(joined(films)) == pytest.approx(a - np.log1p(np.exp(b)), rel=1e-4, abs=1e-4)
    other = other_logit(joined)
    assert np.asarray(keras.Model(joined.input, other)(films)) == pytest.approx(b, rel=1e-4, abs=1e-4)
    outline = keras.Model(joined.input, joined.get_layer("lungs_logit").output)
    assert np.asarray(outline(films))[..., 0] == pytest.approx(logits, rel=1e-4, abs=1e-4)


def test_the_joined_graph_is_flat_passes_the_check_of_files_and_is_read_back_as_it_was(
    joined: keras.Model, tmp_path: Path
):
    path = tmp_path / "classifier.keras"
    save_network(joined, path)
    check_network_file(path, Preprocessing(SIDE, SIDE), JOINED_MAPS)
    loaded = load_network(path)
    assert not any(isinstance(layer, keras.Model) for layer in loaded.layers)
    assert np.asarray(loaded(some_films())) == pytest.approx(np.asarray(joined(some_films())), abs=1e-5)
    assert other_logit(loaded) is not None


def test_the_walk_and_the_gate_see_the_whole_film_and_never_the_segmenter(
    parts: tuple[keras.Model, keras.Model, keras.Model], joined: keras.Model
):
    assert layers_to_walk(joined, JOINED_MAPS) == ("block1_activation", "block2_activation", JOINED_MAPS)
    films = some_films()
    of_joined, of_whole = (
        keras.Model(network.input, gate_features(network, layer))(films)
        for network, layer in ((joined, JOINED_MAPS), (parts[0], EXPLAINED))
    )
    assert np.asarray(of_joined) == pytest.approx(np.asarray(of_whole), rel=1e-5, abs=1e-5)


def test_the_map_and_the_trace_equal_tf_keras_vis_on_the_full_network(joined: keras.Model):
    film = some_films(1)
    maps = Gradcam(joined, clone=False)(
        lambda logit: logit[:, 0],
        film,
        penultimate_layer=JOINED_MAPS,
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    expected = np.asarray(maps[0])
    assert expected.max() > 0
    body, head = body_and_head(joined, JOINED_MAPS)
    near = {"rel": 1e-3, "abs": 1e-4 * float(expected.max())}
    assert explain(head, body(film), JOINED_MAPS).unscaled == pytest.approx(expected, **near)
    tracer = Tracer(joined, JOINED_MAPS)
    traces = tracer.trace(film[0])
    for trace in traces.values():
        assert tracer.difference_from_library(film[0], trace) < 1e-3
    assert "not shown" in traces["block2_activation"].views
    assert traces[JOINED_MAPS].views.startswith("32 of its maps see the whole X-ray, the other 32 ")


@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5)], ids=["whole", "lungs", "both"])
def test_a_blob_is_found_by_the_map_at_every_place_in_each_view(shares: tuple[float, float]):
    network = joined_averages(shares)
    body, head = body_and_head(network, JOINED_MAPS)
    places = [(row, column) for row in range(4) for column in range(4)]
    films = np.full((len(places), SIDE, SIDE, 1), 40.0, np.float32)
    for film, (row, column) in zip(films, places, strict=True):
        film[8 * row + 2 : 8 * row + 6, 8 * column + 2 : 8 * column + 6] = 200.0
    for maps, place in zip(np.asarray(body(films)), places, strict=True):
        heatmap = explain(head, maps[np.newaxis], JOINED_MAPS).heatmap(SIDE, SIDE)
        row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
        assert (row // 8, column // 8) == place


def test_a_run_may_start_from_the_body_that_sees_whole_films(
    parts: tuple[keras.Model, keras.Model, keras.Model], joined: keras.Model
):
    network = build_network(SMALL)
    start_from_model(network, SMALL, joined, JOINED_MAPS)
    found, expected = (body_and_head(one, EXPLAINED)[0](some_films()) for one in (network, parts[0]))
    assert np.asarray(found) == pytest.approx(np.asarray(expected), abs=1e-6)


def refused(networks: Sequence[keras.Model], outlines: keras.Model) -> str:
    with pytest.raises(ModelError) as refusal:
        join_views((networks[0], networks[1]), (EXPLAINED, EXPLAINED), outlines)
    return refusal.value.code


def test_views_that_do_not_belong_together_are_not_joined(parts: tuple[keras.Model, keras.Model, keras.Model]):
    whole, lungs, outlines = parts
    of_two = build_network(Recipe(architecture="SmallCNN", size=SIDE))
    deeper = build_network(Recipe(architecture="SmallCNN", size=SIDE, classes=3, dense_units=(4,)))
    assert refused((whole, of_two), outlines) == "network_join"
    assert refused((deeper, lungs), outlines) == "network_join"
    assert refused((whole, lungs), segmenter(side=64)) == "network_join"
    with pytest.raises(ModelError) as refusal:
        lungs_view(keras.Input((SIDE, SIDE, 1)), keras.Input((12, 12, 1)))
    assert refusal.value.code == "network_lungs"
