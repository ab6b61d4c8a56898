"""What ships: the model in use, the samples, and what the documents say of them."""

from pathlib import Path

import numpy as np
import pytest

from pneumo_core.data.cases import find_cases
from pneumo_core.data.counts import without_doubles
from pneumo_core.explain.survey import read_survey, survey_rows
from pneumo_core.files.places import ROOT, sample_files
from pneumo_core.film.preprocessing import prepare
from pneumo_core.film.radiograph import read_radiograph
from pneumo_core.gate.input_gate import HAS_GATE
from pneumo_core.keras_network.classifier import load_classifier
from pneumo_core.models.card import active_model_folder, card_text, read_card, result_table
from pneumo_core.models.gate_record import gate_in_words
from pneumo_core.network.classifier import Classifier
from pneumo_core.read.reading import read_xray
from pneumo_core.stats.metrics import ConfusionMatrix, area_under_roc

MODEL = active_model_folder(ROOT / "model")


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load_classifier(MODEL)


def test_the_document_of_accuracy_gives_the_cards_figures():
    accuracy = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    for line in result_table(read_card(MODEL).first.test):
        assert line in accuracy


def test_the_lessons_documentation_gives_the_surveys_figures():
    survey = read_survey(MODEL, read_card(MODEL).weights_sha256)
    assert survey is not None
    text = (ROOT / "docs" / "learn.md").read_text(encoding="utf-8")
    for row in survey_rows(survey):
        assert f"| {row['Asked']} | {row['Found']} | {row['n']} |" in text


def test_the_model_card_for_people_is_generated_from_the_card():
    card = read_card(MODEL)
    words = gate_in_words(MODEL, card.weights_sha256)
    assert words[0] == HAS_GATE
    assert len(words) == 4 + len(card.populations)
    assert (MODEL / "MODEL_CARD.md").read_text(encoding="utf-8") == card_text(card, words)


def test_the_operating_points_are_in_order():
    screening, balanced, rule_in = (
        read_card(MODEL).first.operating_point(name) for name in ("screening", "balanced", "rule-in")
    )
    assert screening.threshold <= balanced.threshold <= rule_in.threshold


def test_the_samples_are_read_and_four_are_flagged_as_a_childs(classifier: Classifier):
    readings = [read_xray(classifier, read_radiograph(path)) for path in sample_files()]
    assert len(readings) == 8
    balanced = classifier.card.first.operating_point("balanced")
    assert sum(reading.prediction.is_flagged(balanced) for reading in readings) == 4
    assert [path.suffix for path in sample_files()].count(".dcm") == 1
    for reading in readings:
        assert min(reading.radiograph.pixels.shape) >= 400
        assert max(reading.radiograph.pixels.shape) >= 512


def test_the_official_test_films_give_the_cards_figures(classifier: Classifier, chest_xray_dir: Path):
    # The card counts each content once.
    films = [case for case in without_doubles(find_cases(chest_xray_dir))[0] if case.split == "test"]
    preprocessing = classifier.card.preprocessing
    scores = np.concatenate(
        [
            classifier.score(
                np.stack([prepare(read_radiograph(case.views[0]).pixels, preprocessing) for case in films[i : i + 32]])
            )
            for i in range(0, len(films), 32)
        ]
    )
    has_pneumonia = np.array([case.has_pneumonia for case in films])
    expected = next(
        (result for result in classifier.card.first.test if result.films == f"test, {chest_xray_dir.name}"), None
    )
    if expected is None:
        pytest.skip(f"the card gives no figures for films of the name {chest_xray_dir.name}")
    assert area_under_roc(has_pneumonia, scores).value == pytest.approx(expected.area_under_roc.value, abs=0.001)
    for point in expected.points:
        found = ConfusionMatrix.count(has_pneumonia, scores >= point.threshold)
        # Another processor rounds a film at the threshold to the other side.
        assert abs(found.true_positives - point.confusion.true_positives) <= 2
        assert abs(found.true_negatives - point.confusion.true_negatives) <= 2


def test_a_full_size_film_is_flagged_as_its_small_copy_is(classifier: Classifier, chest_xray_dir: Path):
    full_size = chest_xray_dir.with_name("chest_xray_fullsize")
    if not full_size.is_dir():
        pytest.skip("no full-size films beside CHEST_XRAY_DIR")
    balanced = classifier.card.first.operating_point("balanced")
    films = sorted(path for path in full_size.rglob("*") if path.suffix == ".jpeg")
    small = [chest_xray_dir / path.relative_to(full_size) for path in films]
    agree = [
        read_xray(classifier, read_radiograph(large)).prediction.is_flagged(balanced)
        == read_xray(classifier, read_radiograph(copy)).prediction.is_flagged(balanced)
        for large, copy in zip(films, small, strict=True)
    ]
    # 34 and 35 of 36 with the copies at hand.
    assert np.mean(agree) >= 0.92
