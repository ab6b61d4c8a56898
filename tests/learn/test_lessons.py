"""What stored scores teach: hand-counted, and equal to the card."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.errors import ModelError
from pneumo_core.files.places import ROOT
from pneumo_core.learn.lessons import (
    CalibrationError,
    CalibrationResult,
    KindResult,
    SplitFigure,
    calibration_lines,
    calibration_result,
    consequences,
    crowd_of,
    file_size_result,
    kind_line,
    patients_in_both,
    results_by_kind,
    split_figures,
    split_line,
)
from pneumo_core.models.card import ModelCard, active_model_folder, read_card
from pneumo_core.models.stored_scores import ScoredFilms, StoredScores, read_stored_scores
from pneumo_core.stats.calibration import Calibration, probabilities
from pneumo_core.stats.metrics import ConfusionMatrix, Estimate, brier_score, expected_calibration_error
from tests.makers import TEST, VALIDATION, score_rows, scored_card, write_scores

SHIPPED = active_model_folder(ROOT / "model")


@pytest.fixture
def card(tmp_path: Path) -> ModelCard:
    return scored_card(tmp_path)


@pytest.fixture
def scores(tmp_path: Path, card: ModelCard) -> StoredScores:
    return read_stored_scores(tmp_path, card)


@pytest.fixture(scope="module")
def shipped() -> tuple[ModelCard, StoredScores]:
    card = read_card(SHIPPED)
    return card, read_stored_scores(SHIPPED, card)


def test_a_threshold_has_its_consequences_at_a_prevalence(scores: StoredScores):
    # At 0.5: two of three pass, three of four are found (0.5 itself is flagged).
    found = consequences(scores.test, 0.5, 0.1, 1.0, 5.0)
    assert found.figures.confusion == ConfusionMatrix(3, 1, 2, 1)
    # Of 1,000: 75 of 100 are found, 300 of 900 flagged for nothing.
    assert found.crowd == ConfusionMatrix(75, 300, 600, 25)
    assert found.flagged_of_crowd == 375
    assert found.positive_predictive_value.value == pytest.approx(75 / 375)
    assert found.negative_predictive_value.value == pytest.approx(600 / 625)
    # 1,000 films and 375 confirmations for 75 cases.
    assert found.cost_per_case_found == pytest.approx((1000 + 375 * 5) / 75)
    assert found.cost_in_words == "38.33"


def test_where_nothing_is_flagged_there_is_no_cost_and_no_predictive_value(scores: StoredScores):
    found = consequences(scores.test, 1.0, 0.1, 1.0, 5.0)
    assert found.crowd == ConfusionMatrix(0, 0, 900, 100)
    assert math.isnan(found.positive_predictive_value.value)
    assert found.cost_in_words == "not defined"


@pytest.mark.parametrize("prevalence", [0.625, 0.1, 0.01, 0.333])
def test_a_crowd_is_always_of_a_thousand(prevalence: float):
    assert crowd_of(ConfusionMatrix(384, 41, 193, 6), prevalence).n == 1000


def test_the_size_of_the_files_orders_films_as_validation_says(scores: StoredScores, card: ModelCard):
    found = file_size_result(scores, card)
    assert found.smaller_is_pneumonia
    # 400 bytes: three of four found, none of three flagged for nothing; 700 finds all and flags one.
    assert found.limit_bytes == 400
    assert (found.right.value, found.right.n) == (6 / 7, 7)
    # Of 12 pairs only one is ordered wrong: 700 bytes with pneumonia, 500 without.
    assert found.areas.second.value == pytest.approx(11 / 12)
    assert found.areas.first.value == pytest.approx(9 / 12)
    assert found.areas.difference.value == pytest.approx(-2 / 12)


def test_a_direction_that_does_not_hold_on_test_films_is_kept(scores: StoredScores, card: ModelCard):
    assert scores.validation.file_bytes is not None
    turned = dataclasses.replace(scores.validation, file_bytes=1000 - scores.validation.file_bytes)
    found = file_size_result(dataclasses.replace(scores, validation_copies=(turned,)), card)
    assert not found.smaller_is_pneumonia
    assert found.limit_bytes == 600
    assert found.areas.second.value == pytest.approx(1 / 12)


def test_files_of_one_size_tell_nothing(scores: StoredScores, card: ModelCard):
    validation, test = (
        dataclasses.replace(part, file_bytes=np.full(7, 500)) for part in (scores.validation, scores.test)
    )
    found = file_size_result(StoredScores((validation,), test), card)
    assert (found.limit_bytes, found.areas.second.value, found.right.value) == (500, 0.5, 4 / 7)


def test_scores_without_sizes_serve_all_lessons_but_one(tmp_path: Path, card: ModelCard):
    write_scores(
        tmp_path, [row[:5] for row in score_rows(VALIDATION) + score_rows()], "films,name,kind,has_pneumonia,logit"
    )
    scores = read_stored_scores(tmp_path, card)
    assert scores.test.file_bytes is None
    with pytest.raises(ModelError) as refusal:
        file_size_result(scores, card)
    assert refusal.value.code == "no_file_sizes"


def test_both_splits_have_the_same_figures(scores: StoredScores):
    figures = split_figures(scores, 0.9)
    assert [figure.name for figure in figures] == [
        "Area under the ROC curve",
        "Accuracy at balanced point",
        "Sensitivity at balanced point",
        "Specificity at balanced point",
        "Accuracy at 0.5",
        "Sensitivity at 0.5",
        "Specificity at 0.5",
    ]
    assert [figure.test.value for figure in figures] == pytest.approx([9 / 12, 5 / 7, 2 / 4, 1, 5 / 7, 3 / 4, 2 / 3])
    assert [figure.test.n for figure in figures] == [7, 7, 4, 3, 7, 4, 3]
    assert all(figure.validation == figure.test for figure in figures)
    assert patients_in_both(scores) == (6, 6)


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (
            (0.97, 0.96, 0.98),
            (0.90, 0.88, 0.92),
            "The intervals do not overlap: it does better on the validation images.",
        ),
        ((0.90, 0.88, 0.92), (0.97, 0.96, 0.98), "The intervals do not overlap: it does better on the test images."),
        ((0.97, 0.92, 0.98), (0.90, 0.88, 0.93), "There are too few images to tell whether one set is easier."),
    ],
)
def test_a_split_is_called_easier_only_where_the_films_say_so(first, second, verdict: str):
    accuracy = SplitFigure("Accuracy at balanced point", Estimate(*first, 100), Estimate(*second, 100))
    line = split_line((accuracy, accuracy))
    assert line.startswith("At the balanced point the same network is right on")
    assert line.endswith(verdict)


def many(logits: np.ndarray, has_pneumonia: np.ndarray, calibration: Calibration) -> ScoredFilms:
    """Films of a patient each."""
    patients = np.array([f"person{number}" for number in range(len(logits))])
    kinds = np.where(has_pneumonia, "virus", "normal")
    return ScoredFilms(TEST, kinds, patients, has_pneumonia, logits, probabilities(logits, calibration), None)


def drawn(temperature: float) -> tuple[ScoredFilms, Calibration]:
    """Films whose true temperature is 2, scaled with another."""
    random = np.random.default_rng(1)
    truth = random.normal(0, 2, 2000)
    has_pneumonia = random.random(2000) < 1 / (1 + np.exp(-truth))
    calibration = Calibration(temperature, 0.5)
    return many(2 * truth, has_pneumonia, calibration), calibration


def test_the_right_temperature_helps_and_the_wrong_one_harms():
    helped = calibration_lines(calibration_result(*drawn(2.0)))
    assert helped[0] == "Scaling helped on these images."
    assert helped[1].startswith("The Brier score is better: ")
    harmed = calibration_lines(calibration_result(*drawn(0.5)))
    assert harmed[0] == "Scaling did not help on these images."
    assert harmed[2].startswith("The expected calibration error is worse: ")


def test_a_temperature_of_one_changes_nothing():
    assert calibration_lines(calibration_result(*drawn(1.0))) == [
        "These images cannot tell whether scaling helped.",
        "The Brier score does not change.",
        "The expected calibration error does not change.",
    ]


def test_a_verdict_needs_intervals_without_zero():
    def lines(*differences: tuple[float, float, float]) -> list[str]:
        value = Estimate(0.05, 0.04, 0.06, 10)
        errors = (CalibrationError("error", value, value, Estimate(*found, 10)) for found in differences)
        return calibration_lines(CalibrationResult(0.8, (), (), tuple(errors)))

    unclear = "The error is not clearly different: 0.050 before, 0.050 after (95 % interval of the difference "
    assert lines((0.01, -0.01, 0.02), (0.01, -0.02, 0.03)) == [
        "These images cannot tell whether scaling helped.",
        f"{unclear}-0.010 to 0.020).",
        f"{unclear}-0.020 to 0.030).",
    ]
    assert lines((0.01, 0.001, 0.02), (-0.01, -0.02, -0.001))[0] == (
        "Scaling helped by one measure and harmed by the other."
    )


def test_calibration_before_and_after_are_those_of_the_two_temperatures():
    films, calibration = drawn(2.0)
    result = calibration_result(films, calibration)
    plain = 1 / (1 + np.exp(-films.logits))
    brier, ece = result.errors
    assert brier.before.value == brier_score(films.has_pneumonia, plain)
    assert ece.after.value == expected_calibration_error(films.has_pneumonia, films.probabilities)
    assert brier.difference.value == brier.after.value - brier.before.value
    assert brier.difference.low < brier.difference.value < brier.difference.high < 0
    # The same films: their difference is known better than either.
    assert brier.difference.high - brier.difference.low < brier.before.high - brier.before.low
    assert sum(found.observed.n for found in result.before) == sum(found.observed.n for found in result.after) == 2000


def test_right_and_wrong_are_counted_by_kind(scores: StoredScores):
    assert [(found.kind, found.right.value, found.wrong) for found in results_by_kind(scores.test, 0.5)] == [
        ("normal", 2 / 3, 1),
        ("bacteria", 0.5, 1),
        ("virus", 1.0, 0),
    ]
    assert kind_line(results_by_kind(scores.test, 0.5)) == (
        "The network misses 1 of 2 bacterial and 0 of 2 viral images. There are too few images to tell whether one "
        "kind is missed more often."
    )


def test_a_kind_is_called_worse_only_where_the_films_say_so():
    def line(bacteria: tuple[float, float, float], virus: tuple[float, float, float]) -> str:
        kinds = {"bacteria": bacteria, "virus": virus}
        return kind_line(tuple(KindResult(kind, Estimate(*right, 100), 3) for kind, right in kinds.items()))

    assert line((0.97, 0.95, 0.98), (0.9, 0.88, 0.94)).endswith(
        "The intervals do not overlap: viral pneumonia is missed more often."
    )
    assert line((0.9, 0.88, 0.94), (0.97, 0.95, 0.98)).endswith(
        "The intervals do not overlap: bacterial pneumonia is missed more often."
    )
    assert (
        kind_line(results_by_kind(many(np.array([1.0, -1.0]), np.array([True, False]), Calibration(1, 0.5)), 0.5)) == ""
    )


def test_the_shipped_scores_give_the_cards_figures(shipped: tuple[ModelCard, StoredScores]):
    card, scores = shipped
    figures = split_figures(scores, card.first.operating_point("balanced").threshold)
    for part, result in (("validation", card.first.validation[0]), ("test", card.first.test[0])):
        assert getattr(figures[0], part).value == pytest.approx(result.area_under_roc.value, abs=1e-5)
        for point in result.points:
            films: ScoredFilms = getattr(scores, part)
            assert consequences(films, point.threshold, 0.1).figures.confusion == point.confusion
    for error, value in zip(
        calibration_result(scores.test, card.first.calibration).errors,
        (card.first.test[0].brier_score, card.first.test[0].expected_calibration_error),
        strict=True,
    ):
        assert error.after.value == pytest.approx(value, abs=1e-6)


def test_the_shipped_scores_hold_the_size_of_every_file(shipped: tuple[ModelCard, StoredScores]):
    card, scores = shipped
    found = file_size_result(scores, card)
    assert found.areas.first.value == pytest.approx(card.first.test[0].area_under_roc.value, abs=1e-5)
    assert 0.5 < found.areas.second.low < found.areas.second.high < found.areas.first.low
