"""A reading at an age that the reader gives: the verdict is another's, and nothing is read again."""

from dataclasses import replace

import numpy as np
import pytest

from pneumo_core.models.card import ModelCard
from pneumo_core.read.given_age import at_age, for_population
from pneumo_core.read.reading import Reading
from pneumo_core.read.report import receipt
from pneumo_core.read.verdicts import verdicts_on
from pneumo_core.stats.calibration import Calibration
from tests.makers import model_card, population, radiograph, reading

# The logistic function of 1 and of 2.
OF_ONE, OF_TWO = 0.7310586, 0.8807971


def card_of_two() -> ModelCard:
    adults = population(
        name="adults",
        years=(18.0, 100.0),
        finding="suspected lung opacity",
        calibration=Calibration(1.0, 0.5),
        validation=(),
        test=(),
    )
    children = population(calibration=Calibration(2.0, 0.5), validation=(), test=())
    return model_card(populations=(children, adults))


def unknown(logit: float = 2.0, **origin: object) -> Reading:
    card = card_of_two()
    return replace(
        reading(card=card, film=radiograph(**origin)),
        asked="unknown",
        logit=logit,
        verdicts=verdicts_on(logit, card.populations),
    )


@pytest.mark.parametrize(
    ("age", "named", "probabilities"),
    [
        (4.0, "children", [OF_ONE]),
        (45.0, "adults", [OF_TWO]),
        (10.0, "between", [OF_ONE, OF_TWO]),
        (None, "both", [OF_ONE, OF_TWO]),
        (0.5, "none", []),
    ],
)
def test_the_verdict_follows_the_age(age: float | None, named: str, probabilities: list[float]):
    before = unknown()
    after = at_age(before, age)
    assert after.population_at("balanced") == named
    assert [one.prediction.probability for one in after.verdicts] == pytest.approx(probabilities)
    assert (after.age_years, after.age_from) == (age, None if age is None else "option")
    assert after.explanation is before.explanation
    assert after.logit == before.logit


def test_the_cautions_follow_the_age():
    tags = {age: at_age(unknown(), age).tags for age in (None, 0.5, 4.0, 10.0)}
    assert tags == {None: ("no age given",), 0.5: ("no verdict under 1 year",), 4.0: (), 10.0: ("age not measured",)}


def test_an_answer_can_be_taken_back():
    assert at_age(at_age(unknown(), 0.5), None).verdicts == unknown().verdicts


def test_the_age_of_the_file_stays():
    from_file = replace(unknown(age_years=4.0), age_years=4.0, age_from="file")
    assert at_age(from_file, 45.0) is from_file


def test_a_receipt_says_that_the_reader_gave_the_age():
    data = receipt(at_age(unknown(), 45.0), "balanced", 0.1)
    assert (data["age_years"], data["age_from"], data["population"]) == (45.0, "option", "adults")
    assert data["finding"] == "suspected lung opacity"


def test_a_lesson_is_about_one_population_whatever_the_age():
    narrowed = for_population(at_age(unknown(), 0.5), "adults")
    assert [one.name for one in narrowed.card.populations] == ["adults"]
    assert narrowed.prediction.probability == pytest.approx(OF_TWO)
    assert narrowed.card.identity != card_of_two().identity
    assert narrowed.tags == ("outside population",)
    np.testing.assert_array_equal(narrowed.prepared, unknown().prepared)
