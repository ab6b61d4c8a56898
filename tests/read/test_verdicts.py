"""The verdicts of a model of several populations, in a reading, in a line of JSON, and in the report's files."""

import dataclasses
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import special

from pneumo_core.draw.picture import Display
from pneumo_core.errors import ModelError
from pneumo_core.gate.suitability import suitability_for_age
from pneumo_core.models.conformal import Conformal, Measured, Regions
from pneumo_core.network.classifier import Classifier
from pneumo_core.network.engine import Engine
from pneumo_core.read.line import reading_line
from pneumo_core.read.reading import Reading, read_xray
from pneumo_core.read.report import at_prevalence, case_report, receipt, scores_in_words, verdict
from pneumo_core.stats.calibration import Calibration
from pneumo_core.stats.metrics import proportion
from tests.makers import BALANCED, RULE_IN, SCREENING, left_half, model_card, population, radiograph, with_thresholds

# By the limits for children flagged from 0.5, for adults from 0.3; both temperatures are 1.
CHILDREN = population(calibration=Calibration(1.0, 0.5))
ADULTS = with_thresholds(
    model_card(years=(18.0, 120.0), finding="suspected lung opacity", calibration=Calibration(1.0, 0.4)), 0.1, 0.3, 0.6
).first
CARD = model_card(populations=(CHILDREN, dataclasses.replace(ADULTS, name="adults")))


def read_at(probability: float, age: float | None, **origin: Any) -> tuple[Classifier, Reading]:
    """Read a film by a network that gives every film the logit of a probability."""
    logit = np.full((1, 1), special.logit(probability), np.float32)
    engine = Engine("keras", lambda films: (logit, np.zeros((1, 1, 1, 1), np.float32)), "CPU")
    classifier = Classifier(CARD, engine, lambda maps: left_half())
    return classifier, read_xray(classifier, radiograph(**origin), age_years=age)


def line_at(probability: float, age: float | None, **origin: Any) -> dict[str, Any]:
    classifier, reading = read_at(probability, age, **origin)
    return json.loads(json.dumps(reading_line("film.png", "ab" * 32, reading, classifier, "balanced")))


@pytest.mark.parametrize(
    ("probability", "age", "population", "flagged"),
    [
        (0.4, 0.9, "none", None),
        (0.4, 3.0, "children", False),
        (0.6, 3.0, "children", True),
        (0.4, 40.0, "adults", True),
        (0.2, 40.0, "adults", False),
        (0.4, 8.0, "unknown", None),
        (0.6, 8.0, "between", True),
        (0.2, 15.0, "between", False),
        (0.4, None, "unknown", None),
        (0.6, None, "both", True),
        (0.2, None, "both", False),
        (0.4, 129.0, "adults", True),
    ],
)
def test_the_age_says_whose_limits_give_the_verdict(
    probability: float, age: float | None, population: str | None, flagged: bool | None
):
    line = line_at(probability, age)
    assert (line["population"], line["flagged"]) == (population, flagged)
    is_single = flagged is not None
    assert (line["probability"] is not None, line["threshold"] is not None) == (is_single, is_single)
    if is_single:
        assert (line["probability"] >= line["threshold"]) is flagged


def test_each_population_asked_has_its_own_probability_threshold_and_side():
    found = line_at(0.4, None)["by_population"]
    assert [(name, one["threshold"], one["flagged"]) for name, one in found.items()] == [
        ("children", 0.5, False),
        ("adults", 0.3, True),
    ]
    assert found["adults"]["finding"] == "suspected lung opacity"
    assert found["adults"]["probability"] == pytest.approx(0.4, abs=1e-6)
    assert line_at(0.4, 0.5)["by_population"] == {}


def test_the_age_of_the_file_wins_over_the_given_one():
    line = line_at(0.4, 40.0, age_years=3.0)
    assert (line["population"], line["age_from"], line["age_years"]) == ("children", "file", 3.0)


@pytest.mark.parametrize(
    ("age", "tags", "outside"),
    [
        (0.5, ("no verdict under 1 year",), True),
        (3.0, (), False),
        (8.0, ("age not measured",), True),
        (40.0, (), False),
        (129.0, ("outside population",), True),
        (None, ("no age given",), False),
    ],
)
def test_an_age_that_was_not_measured_is_told_before_the_score(age: float | None, tags: tuple[str, ...], outside: bool):
    found = suitability_for_age(age, CARD.years)
    assert (tuple(one.tag for one in found.cautions), found.is_outside_population) == (tags, outside)


def test_the_prediction_is_no_number_where_no_verdict_may_be_given():
    _, reading = read_at(0.99, 0.5)
    assert np.isnan(reading.prediction.probability)
    assert not reading.prediction.is_flagged(BALANCED)
    assert reading.flagged("balanced") is None
    assert verdict(reading, "balanced") == "No verdict"
    assert (scores_in_words(reading), at_prevalence(reading, "balanced", 0.1)) == ("", [])
    found = receipt(reading, "balanced", 0.1)
    assert [found[key] for key in ("probability", "flagged", "threshold", "by_population")] == [None, None, None, {}]
    assert b"nan" not in case_report(reading, "balanced", 0.1, Display())


def test_where_populations_differ_report_and_receipt_hold_both_and_no_single_flag():
    _, reading = read_at(0.4, None)
    page = case_report(reading, "balanced", 0.1, Display()).decode()
    for words in (
        "No single verdict: flagged by the limits for adults, not by those for children",
        "By the limits for children: Not flagged",
        "By the limits for adults: Flagged: suspected lung opacity",
        "Age: not given",
    ):
        assert words in page
    found = receipt(reading, "balanced", 0.1)
    assert (found["flagged"], found["probability"], found["population"]) == (None, None, "unknown")
    assert found["by_population"]["adults"]["finding"] == "suspected lung opacity"


def test_the_finding_is_called_what_the_label_of_its_population_was():
    assert verdict(read_at(0.7, 40.0)[1], "balanced") == "Flagged: suspected lung opacity"
    assert verdict(read_at(0.7, 3.0)[1], "balanced") == "Flagged: suspected pneumonia"
    assert verdict(read_at(0.7, None)[1], "balanced") == "Flagged: suspected pneumonia or suspected lung opacity"
    assert "show lung opacity" not in scores_in_words(read_at(0.7, 3.0)[1])


def test_the_words_of_a_population_with_regions_name_its_own_finding():
    some = proportion(9, 10)
    found = Conformal(Regions(0.9, 0.8, 0.2), Measured(some, some, some, some, 1, 0), (20, 1))
    page = case_report(read_at(0.4, 40.0)[1], "balanced", 0.1, Display(), {"adults": found}).decode()
    assert "Suspected lung opacity: uncertain." in page
    assert "with pneumonia score" not in page
    of_others = case_report(read_at(0.4, 3.0)[1], "balanced", 0.1, Display(), {"adults": found}).decode()
    assert "uncertain." not in of_others


def test_an_operating_point_is_each_populations_own():
    _, reading = read_at(0.15, None)
    assert [reading.flagged(point.name) for point in (SCREENING, BALANCED, RULE_IN)] == [None, False, False]
    with pytest.raises(ModelError):
        reading.flagged("best")


def test_a_refused_file_has_no_threshold_that_would_be_of_one_population_only():
    line = reading_line("x.png", None, ModelError("no"), SimpleNamespace(card=CARD, engine="keras"), "balanced")
    assert (line["threshold"], line["by_population"], line["operating_point"]) == (None, None, "balanced")
