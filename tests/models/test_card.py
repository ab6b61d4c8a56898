"""The model card: through files and back, and what is refused on the way."""

import dataclasses
import math
import os
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.errors import ModelError
from pneumo_core.files.hashes import file_sha256
from pneumo_core.models.card import (
    RECALIBRATED,
    active_model_folder,
    card_text,
    model_stamp,
    nearly_one_threshold,
    read_card,
    thresholds_in_words,
    write_card,
)
from pneumo_core.models.results import GroupCount, Groups, evaluation_of
from pneumo_core.stats.calibration import Calibration, OperatingPoint
from pneumo_core.stats.metrics import ConfusionMatrix
from tests.makers import (
    BALANCED,
    RULE_IN,
    SCREENING,
    WEIGHTS,
    WEIGHTS_SHA256,
    evaluation_result,
    model_card,
    with_first,
)

POINTS = (SCREENING, BALANCED, RULE_IN)


def model_folder(folder: Path, **changes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "classifier.keras").write_bytes(WEIGHTS)
    write_card(model_card(**changes), folder)
    return folder


def refusal_of(function, *arguments) -> str:
    with pytest.raises(ModelError) as refusal:
        function(*arguments)
    return str(refusal.value)


def test_a_card_is_the_same_after_the_way_through_its_file(tmp_path):
    assert read_card(model_folder(tmp_path)) == model_card()


def test_models_of_which_none_is_in_use_are_named(tmp_path: Path):
    model_folder(tmp_path / "first")
    with pytest.raises(ModelError, match=r"holds first, and no active\.txt .*models promote"):
        active_model_folder(tmp_path)


def test_models_that_score_or_flag_otherwise_have_another_identity():
    card = model_card()
    moved = dataclasses.replace(BALANCED, threshold=BALANCED.threshold + 1e-9)
    others = (
        model_card(weights_sha256="cd" * 32),
        model_card(calibration=Calibration(card.first.calibration.temperature + 1e-9, 0.5)),
        model_card(operating_points=(SCREENING, moved, RULE_IN)),
    )
    assert len({card.identity, *(other.identity for other in others)}) == 4
    assert model_card(name="other", created="2000-01-01").identity == card.identity


def test_the_cards_text_says_when_test_films_were_read_more_than_once():
    assert "by a model that this one was made of" in card_text(model_card(recipe={RECALIBRATED: "today"}))
    assert "these figures are of one reading, after these were chosen." in card_text(model_card())


def test_beside_the_card_lies_its_text_and_no_temporary_file(tmp_path):
    model_folder(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"classifier.keras", "card.json", "MODEL_CARD.md"}
    assert (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8") == card_text(model_card())


def test_a_card_written_anew_replaces_the_old_one(tmp_path):
    model_folder(tmp_path, name="first")
    model_folder(tmp_path, name="second")
    assert read_card(tmp_path).name == "second"
    assert (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8").startswith("# Model card: second\n")


def test_a_figure_that_is_not_defined_stays_so(tmp_path):
    result = evaluation_of("none with pneumonia", np.array([False, False]), np.array([0.1, 0.6]), POINTS)
    model_folder(tmp_path, test=(result,))
    (found,) = read_card(tmp_path).first.test
    assert math.isnan(found.area_under_roc.value)
    assert math.isnan(found.area_under_roc.low)
    assert found.area_under_roc.n == 2
    assert found.points[1].confusion == ConfusionMatrix(0, 1, 1, 0)


def test_two_readings_of_a_card_with_a_figure_that_is_not_defined_are_of_one_model(tmp_path: Path):
    card = model_card()
    of_one_class = evaluation_of("normal", np.zeros(4, bool), np.full(4, 0.2), card.first.operating_points)
    folder = model_folder(tmp_path, validation=(of_one_class,))
    one, two = read_card(folder), read_card(folder)
    assert math.isnan(one.first.validation[0].area_under_roc.value)
    assert one.is_of_same_model(two)
    assert not one.is_of_same_model(dataclasses.replace(two, name="other"))
    assert not one.is_of_same_model(dataclasses.replace(two, weights_sha256="0" * 64))


def test_a_threshold_keeps_its_last_bit(tmp_path):
    exact = float(np.nextafter(0.3, 1))
    moved = dataclasses.replace(BALANCED, threshold=exact)
    result = evaluation_of("two films", np.array([False, True]), np.array([0.1, 0.6]), (SCREENING, moved, RULE_IN))
    model_folder(tmp_path, operating_points=(SCREENING, moved, RULE_IN), validation=(result,), test=())
    assert read_card(tmp_path).first.operating_point("balanced").threshold == exact


def test_a_files_hash_is_that_of_its_bytes(tmp_path):
    (tmp_path / "file").write_bytes(WEIGHTS)
    assert file_sha256(tmp_path / "file") == WEIGHTS_SHA256


def test_a_card_of_other_weights_is_refused(tmp_path):
    folder = model_folder(tmp_path / "mine")
    (folder / "classifier.keras").write_bytes(b"other weights")
    # sha256sum of "other weights" and of WEIGHTS, their first 12 digits.
    found = file_sha256(folder / "classifier.keras")[:12]
    assert refusal_of(read_card, folder) == (
        f"The card of the model mine belongs to other weights ({WEIGHTS_SHA256[:12]}) than the file beside it "
        f"({found}), so its thresholds mean nothing. Please copy the whole model folder again."
    )
    assert found != WEIGHTS_SHA256[:12]


@pytest.mark.parametrize("name", ["card.json", "classifier.keras"])
def test_a_folder_without_card_or_weights_is_refused(tmp_path, name: str):
    folder = model_folder(tmp_path / "mine")
    (folder / name).unlink()
    assert refusal_of(read_card, folder) == (
        f"The model folder mine holds no {name}. Expected are classifier.keras and card.json, as training writes "
        "them. Please copy the folder again, or train a model."
    )


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    assert "The model folder nowhere holds no card.json." in refusal_of(read_card, tmp_path / "nowhere")


def test_an_operating_point_is_found_by_its_name():
    assert model_card().first.operating_point("rule-in") == RULE_IN


def test_an_unknown_operating_point_is_refused_with_the_names_there_are():
    assert refusal_of(model_card().first.operating_point, "best") == (
        "The model has no operating point 'best'. Please choose one of: screening, balanced, rule-in."
    )


def test_a_folder_that_holds_a_card_is_the_model_itself(tmp_path):
    model_folder(tmp_path / "other")
    (tmp_path / "active.txt").write_text("other")
    assert active_model_folder(tmp_path) == tmp_path / "other"
    model_folder(tmp_path)
    assert active_model_folder(tmp_path) == tmp_path


def test_else_active_txt_names_the_model(tmp_path):
    model_folder(tmp_path / "first")
    model_folder(tmp_path / "second")
    (tmp_path / "active.txt").write_text("second\n")
    assert active_model_folder(tmp_path) == tmp_path / "second"


def test_a_folder_with_neither_is_refused(tmp_path):
    assert refusal_of(active_model_folder, tmp_path) == (
        f"No model was found in {tmp_path.name}. Expected is a folder with classifier.keras and card.json, or an "
        "active.txt that names one. Please train a model, or copy one there."
    )


@pytest.mark.parametrize(
    "name", ["../x", "inner/../inner", "./inner", ".", "nowhere", "a file", "inner\nother", "\0", "..", "n" * 300]
)
def test_a_name_that_is_no_folder_of_its_own_is_refused(tmp_path, name: str):
    models = tmp_path / "model"
    (models / "inner").mkdir(parents=True)
    (models / "a file").write_text("")
    (tmp_path / "x").mkdir()
    (models / "active.txt").write_text(name)
    assert refusal_of(active_model_folder, models) == (
        f"active.txt names the model '{name[:60]}', and model holds no such folder. Please write the name of one of "
        "its folders into it."
    )


def test_an_absolute_path_is_refused(tmp_path):
    inner = tmp_path / "model" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "model" / "active.txt").write_text(str(inner))
    assert "holds no such folder" in refusal_of(active_model_folder, tmp_path / "model")


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_active_txt_is_refused(tmp_path, content: str):
    (tmp_path / "active.txt").write_text(content)
    assert refusal_of(active_model_folder, tmp_path).startswith("active.txt names the model '', and ")


def test_an_evaluation_counts_a_film_at_the_threshold_as_flagged():
    has_pneumonia = np.array([True, True, True, False, False])
    probabilities = np.array([0.9, 0.5, 0.49, 0.5, 0.1])
    result = evaluation_of("five films", has_pneumonia, probabilities, (SCREENING, BALANCED))
    assert (result.films, result.n, result.n_pneumonia) == ("five films", 5, 3)
    assert [point.name for point in result.points] == ["screening", "balanced"]
    assert result.points[0].confusion == ConfusionMatrix(3, 1, 1, 0)
    assert result.points[1].confusion == ConfusionMatrix(2, 1, 1, 1)
    # Of 3 x 2 pairs: 0.9 beats both, 0.5 beats one and ties one, 0.49 beats one.
    assert result.area_under_roc.value == pytest.approx(4.5 / 6)
    assert result.brier_score == pytest.approx((0.01 + 0.25 + 0.51**2 + 0.25 + 0.01) / 5)
    # Bins 0.1: gap 0.1; 0.4: gap 0.51; 0.5: two films, means 0.5 and 1/2, gap 0; 0.9: gap 0.1.
    assert result.expected_calibration_error == pytest.approx((0.1 + 0.51 + 0.1) / 5)


def test_the_cards_text_holds_every_operating_point_and_what_it_was_chosen_for():
    text = card_text(model_card())
    for point in (SCREENING, BALANCED, RULE_IN):
        assert f"| {point.name} | {point.threshold:.4f} | {point.chosen_for} |" in text


def test_a_card_of_films_whose_names_tell_no_patient_counts_none():
    card = model_card()
    data = dataclasses.replace(card.first.training_data, patients=0, validation_patients=0)
    text = card_text(with_first(card, training_data=data))
    assert "(371 with pneumonia) of patients whom the names do not tell, 2 file(s) of each" in text
    assert "of other patients whom the names do not tell" in text


def test_the_cards_text_holds_its_figures_word_for_word():
    text = card_text(model_card(validation=(evaluation_result("validation films"),)))
    for sentence in (
        "# Model card: small-example\n",
        "- Network: Example Net, input 64 x 96, one logit for suspected pneumonia; heat maps from layer `last_maps`\n",
        f"- Weights: sha256 `{WEIGHTS_SHA256}`, made 2025-01-31\n",
        "- Intended use: teaching\n",
        "- Population: children of one hospital\n",
        "- Knows one hospital only.\n- Knows frontal views only.\n",
        "- trained on 500 films (371 with pneumonia) of 250 patients, 2 file(s) of each\n",
        "- validated on 63 films (41 with pneumonia) of 32 other patients\n",
        f"- manifest sha256 `{'ab' * 32}`\n",
        "Probability = sigmoid(logit / 1.7321), for a group in which 50% have pneumonia.",
        "- epochs: 3\n- rate: 0.001\n",
        "Versions: keras 3.0",
    ):
        assert sentence in text
    # Wilson: 18 of 20 is 69.9 to 97.2, 36 of 40 is 76.9 to 96.0, 54 of 60 is 79.9 to 95.3; F1 = 36 / 42.
    figures = "60 (20) | 0.958 (0.912-0.991) | 0.043 | 0.087 | balanced | 90.0 (69.9-97.2) | 90.0 (76.9-96.0) "
    figures += "| 90.0 (79.9-95.3) | 0.857 |"
    assert f"| test, of another year | {figures}\n" in text
    assert f"| validation films | {figures}\n" in text


def points(*thresholds: float) -> tuple[OperatingPoint, ...]:
    return tuple(
        OperatingPoint(name, threshold, "x")
        for name, threshold in zip(("screening", "balanced", "rule-in"), thresholds, strict=True)
    )


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ((0.1, 0.5, 0.8), ("screening 10.0", "balanced 50.0", "rule-in 80.0")),
        ((0.4999, 0.5, 0.5001), ("screening 49.99", "balanced 50.00", "rule-in 50.01")),
        ((0.5, 0.5, 0.50004), ("screening 50.000", "balanced 50.000", "rule-in 50.004")),
        # Alike, all of them: no digit tells them apart.
        ((0.5, 0.5, 0.5), ("screening 50.0", "balanced 50.0", "rule-in 50.0")),
        ((0.5, 0.5 + 1e-9, 0.6), ("screening 50.0000", "balanced 50.0000", "rule-in 60.0000")),
    ],
)
def test_thresholds_have_the_digits_that_tell_them_apart(thresholds: tuple[float, ...], words: tuple[str, ...]):
    assert thresholds_in_words(points(*thresholds)) == words


def test_thresholds_that_nearly_coincide_are_said_to():
    assert nearly_one_threshold(points(0.5, 0.502, 0.5049)).startswith("The three thresholds nearly coincide")
    assert nearly_one_threshold(points(0.5, 0.502, 0.506)) == ""


def test_the_stamp_changes_with_the_model_in_use_and_with_no_other(tmp_path: Path):
    for name in ("one", "two"):
        model_folder(tmp_path / name)
    (tmp_path / "active.txt").write_text("one")
    stamp = model_stamp(tmp_path)
    assert len(stamp) == 3
    os.utime(tmp_path / "two" / "card.json", (1, 1))
    assert model_stamp(tmp_path) == stamp
    (tmp_path / "one" / "scores.csv").write_text("other")
    assert model_stamp(tmp_path) == stamp
    assert len(model_stamp(tmp_path, "scores.csv")) == 4
    os.utime(tmp_path / "one" / "classifier.keras", (1, 1))
    assert model_stamp(tmp_path) != stamp


def test_the_stamp_is_of_the_model_itself_where_a_folder_of_models_is_one(tmp_path: Path):
    model_folder(model_folder(tmp_path) / "other")
    (tmp_path / "active.txt").write_text("other")
    stamp = model_stamp(tmp_path)
    os.utime(tmp_path / "classifier.keras", (1, 1))
    assert model_stamp(tmp_path) != stamp


def test_the_stamp_differs_where_a_copy_has_the_time_of_the_file_that_it_replaces(tmp_path: Path):
    stamp, file = model_stamp(model_folder(tmp_path)), tmp_path / "known_films.csv"
    file.write_text("a")
    os.utime(file, (1, 1))
    with_list = model_stamp(tmp_path)
    file.write_text("ab")
    os.utime(file, (1, 1))
    assert len({stamp, with_list, model_stamp(tmp_path)}) == 3


@pytest.mark.parametrize("name", ["n" * 300, "nowhere", ""])
def test_the_stamp_of_what_is_no_model_never_fails(tmp_path: Path, name: str):
    (tmp_path / "active.txt").write_text(name)
    assert len(model_stamp(tmp_path)) == 1


def test_the_cards_text_holds_the_rates_of_groups_that_were_counted_apart():
    result = evaluation_result()
    groups = Groups(GroupCount(18, 20), GroupCount(3, 10), GroupCount(1, 30))
    points = tuple(
        dataclasses.replace(point, groups=groups if point.name == "balanced" else None) for point in result.points
    )
    text = card_text(model_card(test=(dataclasses.replace(result, points=points),)))
    assert "| balanced | 90.0 (69.9-97.2) | 70.0 (39.7-89.2) | 96.7 (83.3-99.4) |" in text
    assert "specificity % with another abnormality" not in card_text(model_card())
