"""The survey: medians and shares by hand, kept with the weights that they belong to."""

import json
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.data.sources import open_source
from pneumo_core.errors import DataError, ModelError
from pneumo_core.explain.survey import (
    SURVEY_FILE,
    Survey,
    SurveyedFilm,
    SurveyedMap,
    mean,
    median,
    read_survey,
    spread,
    survey_films,
    survey_rows,
    write_survey,
)
from pneumo_core.explain.trust import ExplanationTester, prepared_samples
from pneumo_core.keras_network.classifier import load_classifier


def surveyed(last: float | None, deletion: tuple[float, float] | None = (0.1, 0.4), failed: tuple[str, ...] = ()):
    names = ("learnt", "still")
    return SurveyedMap(
        (0.5, last),
        0.3,
        0.8,
        deletion,
        deletion,
        0.3,
        0.95,
        tuple(name for name in names if name not in failed),
        failed,
    )


def example() -> Survey:
    return Survey(
        "weights",
        "films",
        "listing",
        "2026-01-01",
        ("logit", "stem"),
        (
            SurveyedFilm(True, True, surveyed(0.1)),
            SurveyedFilm(True, True, surveyed(0.2, (0.2, 0.3), ("still",))),
            SurveyedFilm(True, True, None),
            SurveyedFilm(False, False, surveyed(None, None)),
            SurveyedFilm(False, False, None),
            SurveyedFilm(False, False, None),
        ),
        1,
    )


def test_shares_and_medians_are_as_counted_by_hand():
    survey = example()
    assert (survey.blank(True).value, survey.blank(True).n) == (pytest.approx(1 / 3), 3)
    assert (survey.blank(False).value, survey.blank(False).n) == (pytest.approx(2 / 3), 3)
    assert (survey.vanished(1).value, survey.vanished(1).n) == (pytest.approx(1 / 3), 3)
    assert (survey.correlation(1).value, survey.correlation(1).n) == (pytest.approx(0.15), 2)
    own, random, difference = survey.areas("deletion")
    assert (own.value, random.value, difference.value) == pytest.approx((0.15, 0.35, -0.2))
    assert difference.n == 2
    assert survey.passed("still").value == pytest.approx(2 / 3)
    assert survey.checks == ("learnt", "still")
    assert survey.empty.value == 0.95
    rows = {row["Asked"]: row for row in survey_rows(survey)}
    assert rows["Flagged images with a blank heat map, %"]["Found"].startswith("33.3 (")
    assert rows["Rank correlation, all weights shuffled once, median"]["n"] == "2"
    assert rows["Passes: learnt, %"]["Found"].startswith("100.0 (")


def test_a_median_has_the_interval_of_its_order():
    # 100 values: the 40th to the 61st, by the normal limit of the binomial.
    estimate = median(list(range(1, 101)))
    assert (estimate.value, estimate.low, estimate.high) == (50.5, 40, 61)
    assert np.isnan(median([]).value)


def test_a_mean_has_the_interval_of_its_standard_error():
    estimate = mean(np.array([1.0, 3.0]))
    assert estimate.value == 2
    assert estimate.high - 2 == pytest.approx(1.96, abs=0.001)
    assert np.isnan(mean(np.array([0.5])).low)


def test_films_are_spread_evenly():
    assert spread(list("abcdefgh"), 4) == ["a", "c", "e", "g"]
    assert spread(list("abc"), 9) == ["a", "b", "c"]


def test_a_survey_is_kept_with_its_weights(tmp_path: Path):
    assert read_survey(tmp_path, "weights") is None
    write_survey(example(), tmp_path / SURVEY_FILE)
    assert read_survey(tmp_path, "weights") == example()
    assert read_survey(tmp_path, "others") is None
    content = json.loads((tmp_path / SURVEY_FILE).read_text())
    tested = content["films"][0]["tested"]
    for wrong in (
        {"more": 1},
        {"blocks": []},
        {"blocks": ["one more", *content["blocks"]]},
        {"refused": -1},
        {"films": [{**content["films"][0], "tested": {**tested, "empty_probability": 1.5}}]},
        {"films": [{**content["films"][0], "tested": {**tested, "after_shuffling": 10**400}}]},
        {"films": [{**content["films"][0], "tested": {**tested, "deletion": [0.1]}}]},
    ):
        (tmp_path / SURVEY_FILE).write_text(json.dumps({**content, **wrong}))
        with pytest.raises(ModelError) as refusal:
            read_survey(tmp_path, "weights")
        assert refusal.value.code == "survey_damaged"


def test_a_survey_of_films_is_of_those_that_can_be_read_and_names_none(tiny_model: Path, tmp_path: Path, make_data):
    make_data(tmp_path / "data", 3, ("test",))
    (tmp_path / "data" / "test" / "NORMAL" / "broken.png").write_bytes(b"text")
    classifier = load_classifier(tiny_model)
    tester = ExplanationTester(classifier, prepared_samples(classifier.card.preprocessing))
    told = []
    survey = survey_films(tester, open_source(tmp_path / "data"), 7, told.append)
    assert (len(survey.films), survey.refused) == (6, 1)
    assert survey.weights_sha256 == classifier.card.weights_sha256
    assert sum(film.has_pneumonia for film in survey.films) == 3
    assert (told[0].done, told[-1].done, told[-1].of) == (0, 7, 7)
    write_survey(survey, tmp_path / SURVEY_FILE)
    assert b"person" not in (tmp_path / SURVEY_FILE).read_bytes()
    assert read_survey(tmp_path, survey.weights_sha256) == survey


def test_films_that_cannot_be_read_give_no_survey(tiny_model: Path, tmp_path: Path):
    (tmp_path / "NORMAL").mkdir()
    (tmp_path / "NORMAL" / "broken.png").write_bytes(b"text")
    classifier = load_classifier(tiny_model)
    tester = ExplanationTester(classifier, prepared_samples(classifier.card.preprocessing))
    with pytest.raises(DataError) as refusal:
        survey_films(tester, open_source(tmp_path), 5, lambda progress: None)
    assert refusal.value.code == "no_readable_image"
