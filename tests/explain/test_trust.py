"""The tests of a heat map: by hand on a planted network, and on a trained one."""

import dataclasses
import math
from pathlib import Path

import keras
import numpy as np
import pytest

from pneumo_core.explain.trust import (
    DRAWS,
    LEARNT,
    Curve,
    ExplanationTest,
    ExplanationTester,
    ShuffleStage,
    brightest_first,
    prepared_samples,
    replaced,
    shuffle,
)
from pneumo_core.film.preprocessing import prepare
from pneumo_core.keras_network.classifier import KerasClassifier
from pneumo_core.keras_network.layers import JOINED_MAPS
from pneumo_core.models.card import read_card
from pneumo_core.network.explanation import Explanation
from pneumo_core.stats.calibration import Calibration
from pneumo_core.train.build import build_network
from pneumo_core.train.plan import Recipe
from tests.conftest import drawn_film
from tests.makers import with_first
from tests.two_views import joined_averages

SIDE = 32


@pytest.fixture(scope="module")
def planted(tiny_model: Path) -> KerasClassifier:
    """Give a classifier whose logit is 8 times the mean over 16 cells of how far each is above 100 of 255, less 1.5."""
    film = keras.Input((SIDE, SIDE, 1), name="film")
    cells = keras.layers.AveragePooling2D(8, name="cells")(film)
    maps = keras.layers.Conv2D(1, 1, name="maps", activation="relu")(cells)
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(maps)
    network = keras.Model(film, keras.layers.Dense(1, name="logit")(pooled))
    network.get_layer("maps").set_weights([np.full((1, 1, 1, 1), 1 / 100, np.float32), np.array([-1.0], np.float32)])
    network.get_layer("logit").set_weights([np.array([[32.0]], np.float32), np.array([-1.5], np.float32)])
    card = dataclasses.replace(
        with_first(read_card(tiny_model), calibration=Calibration(1.0, 0.5)), explained_layer="maps"
    )
    return KerasClassifier(network, card)


def evidence() -> np.ndarray:
    """Give a film of one bright cell of 8 x 8 pixels, the 1 of 16 that the planted network sees."""
    film = np.full((SIDE, SIDE, 1), 40.0, np.float32)
    film[8:16, 16:24] = 200.0
    return film


def without() -> np.ndarray:
    return np.full((1, SIDE, SIDE, 1), 40.0, np.float32)


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_the_deletion_curve_of_planted_evidence_is_as_computed_by_hand(planted: KerasClassifier):
    test = ExplanationTester(planted, without()).test(evidence(), 0.4, is_short=False)
    # One cell of 16 at (200 - 100) / 100: 32 / 16 - 1.5.
    whole, gone = sigmoid(0.5), sigmoid(-1.5)
    assert test.deletion.probabilities[0] == pytest.approx(whole, rel=1e-5)
    # After a tenth of the pixels the bright cell is gone: the brightest 6.25 % of the smooth map lie in and around it.
    assert test.deletion.probabilities[4:] == pytest.approx([gone] * 17, rel=1e-4)
    assert test.deletion.area < 0.5 * (whole + gone)
    assert test.insertion.probabilities[0] == pytest.approx(gone, rel=1e-5)
    assert test.insertion.probabilities[4:] == pytest.approx([whole] * 17, rel=1e-4)
    assert (test.deletion.area < test.deletion.random_areas).all()
    assert (test.insertion.area > test.insertion.random_areas).all()
    passed = {check.name: check.has_passed for check in test.checks}
    assert passed["deletion"]
    assert passed["insertion"]
    assert passed["agrees with occlusion"]
    assert test.empty_probability == pytest.approx(sigmoid(-1.5), rel=1e-5)


def test_a_blank_map_and_a_film_that_is_not_flagged(planted: KerasClassifier):
    tester = ExplanationTester(planted, without())
    assert tester.test(without()[0], 0.4, is_short=True) is None
    probability, verdict = tester.score_and_judge(without()[0])
    assert (probability < 0.4, verdict) == (True, None)
    test = tester.test(evidence(), 0.7, is_short=True)
    assert test.deletion is None
    assert test.insertion is None
    assert [check.name for check in test.checks] == [LEARNT, "holds still"]


def test_without_a_sample_that_is_not_flagged_there_is_nothing_to_take_away(planted: KerasClassifier):
    test = ExplanationTester(planted, evidence()[np.newaxis]).test(evidence(), 0.4, is_short=True)
    assert test.deletion is None


def test_shuffled_weights_lower_the_correlation_and_the_served_network_keeps_its_own(tiny_model: Path):
    keras.utils.set_random_seed(3)
    network = build_network(Recipe(architecture="SmallCNN", size=SIDE, frozen_normalization=False))
    # All maps speak for it, so that no heat map is blank.
    kernel, bias = network.get_layer("logit").get_weights()
    network.get_layer("logit").set_weights([np.abs(kernel), bias])
    classifier = KerasClassifier(
        network, dataclasses.replace(read_card(tiny_model), explained_layer="block3_activation")
    )
    before = [weight.copy() for weight in network.get_weights()]
    tester = ExplanationTester(classifier, prepared_samples(classifier.card.preprocessing))
    assert tester.blocks == ("logit", "block3", "block2", "block1")
    correlations = []
    for seed in range(6):
        film = prepare(drawn_film(True, seed).astype(np.float32) / 255, classifier.card.preprocessing)
        test = tester.test(film, 0.0, is_short=False)
        assert [stage.block for stage in test.stages] == list(tester.blocks)
        assert test.all_shuffled[0] == pytest.approx(test.stages[-1].correlation, nan_ok=True)
        assert len(test.all_shuffled) == DRAWS
        correlations.append(test.after_shuffling)
        again = tester.test(film, 0.0, is_short=False)
        assert [stage.correlation for stage in again.stages] == pytest.approx(
            [stage.correlation for stage in test.stages], nan_ok=True
        )
    # With its own weights each map's correlation with itself is 1.
    assert np.median(correlations) < 0.8
    for weight, now in zip(before, network.get_weights(), strict=True):
        assert np.array_equal(weight, now)


def test_the_short_test_shuffles_the_top_and_all_and_tells_its_progress(planted: KerasClassifier):
    told: list[float] = []
    test = ExplanationTester(planted, without()).test(
        evidence(), 0.4, is_short=True, progress=lambda share, words: told.append(share)
    )
    assert [stage.block for stage in test.stages] == ["logit", "maps"]
    assert len(test.deletion.probabilities) == 11
    assert test.with_occlusion is None
    assert told == sorted(told)
    assert 0 <= told[0] < told[-1] <= 1


def test_shuffling_keeps_the_values_and_moves_them():
    layer = keras.layers.Dense(50)
    layer.build((None, 40))
    before = [weight.copy() for weight in layer.get_weights()]
    shuffle(layer, np.random.default_rng(1))
    kernel = layer.get_weights()[0]
    assert not np.array_equal(kernel, before[0])
    assert np.array_equal(np.sort(kernel.ravel()), np.sort(before[0].ravel()))


def test_pixels_are_replaced_brightest_first_in_equal_steps():
    order = brightest_first(np.array([[0.1, 0.9], [0.5, 0.3]], np.float32))
    assert order.tolist() == [1, 2, 3, 0]
    films = replaced(np.ones((2, 2, 1), np.float32), np.zeros((2, 2, 1), np.float32), order, 2)
    assert films.shape == (3, 2, 2, 1)
    assert films[:, :, :, 0].tolist() == [[[1, 1], [1, 1]], [[1, 0], [0, 1]], [[0, 0], [0, 0]]]


def test_the_area_under_a_curve():
    assert Curve(np.array([1.0, 0.0, 0.0]), np.array([])).area == 0.25


def found(last: float = 0.1, change: float = 0.9, own: float = 0.1, occlusion: float | None = 0.5) -> ExplanationTest:
    """Give a test whose map passes all checks, unless told otherwise."""
    explanation = Explanation(np.ones((2, 2), np.float32), 1.0, "layer")
    curve = np.array([own, own])
    return ExplanationTest(
        explanation,
        0.9,
        (ShuffleStage("logit", explanation, 0.8), ShuffleStage("stem", explanation, 0.9)),
        (0.9, last, last, -last, 0.0),
        (("shifted down", change), ("noise 1", 0.95)),
        Curve(curve, np.array([0.3, 0.2])),
        Curve(1 - curve, np.array([0.3, 0.2])),
        occlusion,
    )


def test_the_verdict_follows_from_the_checks():
    assert found().verdict.startswith("The heat map passes all 5 checks")
    assert found(occlusion=None).verdict.startswith("The heat map passes all 4 checks")
    assert found(change=0.6).verdict == "Use this heat map with care: it fails one of 5 checks (holds still)."
    # Better than one random map of two is not better than all.
    assert found(own=0.25).verdict.startswith("Use this heat map with care: it fails one of 5 checks (deletion)")
    assert found(last=0.6).verdict == f"Do not rely on this heat map: it fails 1 of 5 checks ({LEARNT})."
    assert found(last=-0.6).verdict.startswith("Do not rely")
    assert found(change=0.6, occlusion=0.2).verdict.startswith("Do not rely on this heat map: it fails 2 of 5 checks")


def test_both_sides_of_each_edge():
    def passed(test: ExplanationTest) -> list[bool]:
        return [check.has_passed for check in test.checks]

    assert passed(found(last=0.49))[0]
    assert not passed(found(last=0.5))[0]
    assert passed(found(change=0.7))[1]
    assert not passed(found(change=0.69))[1]
    assert passed(found(occlusion=0.3))[4]
    assert not passed(found(occlusion=0.29))[4]


def test_a_map_that_vanishes_has_changed_with_the_weights_and_did_not_hold_still():
    checks = found(last=math.nan, change=math.nan, occlusion=math.nan).checks
    assert [check.has_passed for check in checks] == [True, False, True, True, False]
    # Four of five shuffled networks have no map, or one that lies elsewhere.
    assert "median size of the rank correlation is 0.00" in checks[0].found
    assert checks[1].found == "The map vanishes after a small shift or slight noise."
    assert checks[4].found == "No covered patch lowers the score."


def test_an_empty_film_is_told_with_its_score():
    assert "scores 90 %" in found().empty_in_words


def test_a_network_of_two_views_and_three_classes_is_shuffled_from_its_head_to_its_segmenter(tiny_model: Path):
    card = with_first(read_card(tiny_model), calibration=Calibration(1.0, 0.5))
    card = dataclasses.replace(card, explained_layer=JOINED_MAPS)
    classifier = KerasClassifier(joined_averages(), card)
    tester = ExplanationTester(classifier, without())
    assert tester.blocks == ("logit", "block3", "block2", "block1", "lungs")
    between = float(classifier.score(np.stack([evidence(), *without()])).mean())
    test = tester.test(evidence(), between, is_short=False)
    passed = {check.name: check.has_passed for check in test.checks}
    assert passed["deletion"] and passed["insertion"] and passed["agrees with occlusion"]
    assert test.after_shuffling < 1
