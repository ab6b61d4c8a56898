"""Seven methods on one network: each finds planted evidence, none changes the network."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
from tf_keras_vis.saliency import Saliency

from pneumo_core.explain.methods import METHODS, Methods, occlusion, rank_correlation
from pneumo_core.film.preprocessing import prepare
from pneumo_core.keras_network.classifier import KerasClassifier, load_classifier
from pneumo_core.keras_network.layers import JOINED_MAPS
from pneumo_core.models.card import read_card
from tests.conftest import drawn_film
from tests.two_views import joined_averages

SIDE = 32


@pytest.fixture(scope="module")
def planted(tiny_model: Path) -> KerasClassifier:
    """Give a classifier whose logit is the brightness of the film, cell by cell of 4 x 4 pixels."""
    film = keras.Input((SIDE, SIDE, 1), name="film")
    cells = keras.layers.AveragePooling2D(4, name="cells")(film)
    maps = keras.layers.Conv2D(2, 1, name="maps", activation="relu")(cells)
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(maps)
    network = keras.Model(film, keras.layers.Dense(1, name="logit")(pooled))
    network.get_layer("maps").set_weights([np.array([[[[1.0, 0.5]]]], np.float32), np.zeros(2, np.float32)])
    network.get_layer("logit").set_weights([np.array([[0.5], [0.1]], np.float32), np.array([-1.0], np.float32)])
    return KerasClassifier(network, dataclasses.replace(read_card(tiny_model), explained_layer="maps"))


@pytest.fixture(scope="module")
def methods(planted: KerasClassifier) -> Methods:
    return Methods(planted)


def bright_patch() -> np.ndarray:
    film = np.full((SIDE, SIDE, 1), 5.0, np.float32)
    film[8:16, 20:28] = 250.0
    return film


@pytest.mark.parametrize("method", [method.name for method in METHODS])
def test_every_method_finds_planted_evidence(method: str, methods: Methods):
    explanation = methods.explain(method, bright_patch())
    assert explanation.peak > 0
    heatmap = explanation.heatmap(SIDE, SIDE)
    if method in ("Saliency", "SmoothGrad"):
        # The logit rises with each pixel alike, but for cells that noise takes below 0.
        assert heatmap.min() > 0.3
    else:
        row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
        assert 8 <= row < 16
        assert 20 <= column < 28
        assert heatmap[24:, :8].max() < 0.2


@pytest.fixture(scope="module")
def methods_of_two_views(tiny_model: Path) -> Methods:
    card = dataclasses.replace(read_card(tiny_model), explained_layer=JOINED_MAPS)
    return Methods(KerasClassifier(joined_averages(), card))


@pytest.mark.parametrize("method", [method.name for method in METHODS if method.name not in ("Saliency", "SmoothGrad")])
def test_every_method_that_names_places_finds_evidence_that_both_views_see(method: str, methods_of_two_views: Methods):
    heatmap = methods_of_two_views.explain(method, bright_patch()).heatmap(SIDE, SIDE)
    row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
    assert 8 <= row < 16
    assert 16 <= column < 32


def test_all_methods_in_one_go_with_progress_and_the_network_untouched(tiny_model: Path):
    classifier = load_classifier(tiny_model)
    before = [weight.copy() for weight in classifier.network.get_weights()]
    film = prepare(drawn_film(True, 3).astype(np.float32) / 255, classifier.card.preprocessing)
    told: list[tuple[float, str]] = []
    results = Methods(classifier).explain_all(film, lambda share, words: told.append((share, words)))
    assert [result.method for result in results] == list(METHODS)
    assert [words for _, words in told] == [f"{method.name} ..." for method in METHODS]
    assert all(0 <= share < 1 for share, _ in told)
    assert results[-1].agreement_in_words == (
        "" if results[-1].explanation.peak else " The map is blank: nothing in favour was found."
    )
    for weight, now in zip(before, classifier.network.get_weights(), strict=True):
        assert np.array_equal(weight, now)


def test_grad_cam_among_them_is_the_heat_map_of_the_reading(tiny_model: Path):
    classifier = load_classifier(tiny_model)
    film = prepare(drawn_film(True, 3).astype(np.float32) / 255, classifier.card.preprocessing)
    _, _, explanation = classifier.score_and_explain(film)
    assert np.array_equal(Methods(classifier).explain("Grad-CAM", film).coarse, explanation.coarse)


def test_saliency_equals_tf_keras_vis(tiny_model: Path):
    classifier = load_classifier(tiny_model)
    film = prepare(drawn_film(True, 3).astype(np.float32) / 255, classifier.card.preprocessing)
    expected = Saliency(classifier.network, clone=False)(
        lambda logit: logit[:, 0], film[np.newaxis], normalize_map=False
    )[0]
    own = Methods(classifier).explain("Saliency", film)
    assert own.unscaled == pytest.approx(np.asarray(expected), rel=1e-4, abs=1e-7)


def test_occlusion_is_the_fall_of_the_logit_computed_by_hand(planted: KerasClassifier):
    film = bright_patch()
    found = occlusion(planted, film)
    patch, stride = 5, 2
    assert found.shape == ((SIDE - patch) // stride + 1,) * 2
    covered = film.copy()
    covered[8 : 8 + patch, 20 : 20 + patch] = film.mean()
    fall = planted.logits(film[np.newaxis]) - planted.logits(covered[np.newaxis])
    assert found[4, 10] == pytest.approx(float(fall[0]), rel=1e-4)
    assert found[4, 10] == pytest.approx(0.55 * 25 * (250 - film.mean()) / SIDE**2, rel=1e-4)


def test_rank_correlation_knows_order_only():
    up = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert rank_correlation(up, up**3) == pytest.approx(1)
    assert rank_correlation(up, -up) == pytest.approx(-1)
    assert np.isnan(rank_correlation(up, np.zeros((3, 4), np.float32)))
    # The larger one is brought to the smaller one's cells.
    assert rank_correlation(np.kron(up, np.ones((2, 2), np.float32)), up) == pytest.approx(1)
