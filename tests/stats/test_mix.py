"""Predictive values from three groups of patients, counted by hand."""

import math

import pytest

from pneumo_core.stats.metrics import Estimate, proportion
from pneumo_core.stats.mix import GroupRates, Mix, mix_of_text, values_in_mix, why_no_values


def sure(value: float) -> Estimate:
    return Estimate(value, value, value, 100)


RATES = GroupRates(sure(0.9), sure(0.5), sure(0.95))


def test_values_of_three_groups_are_those_counted_by_hand():
    # Of 1,000: 100 with the finding, 90 flagged; 300 with others, 150 flagged; 600 with nothing, 30 flagged.
    found = values_in_mix(RATES, Mix(0.1, 0.3, 0.6))
    assert found is not None
    assert found[0].value == pytest.approx(90 / 270)
    assert found[1].value == pytest.approx(720 / 730)


def test_nothing_abnormal_alone_promises_more_than_the_mix_keeps():
    alone = values_in_mix(RATES, Mix(0.1, 0.0, 0.9))
    assert alone is not None
    assert alone[0].value == pytest.approx(90 / 135)


def test_the_range_of_a_value_joins_the_ends_of_all_rates():
    rates = GroupRates(Estimate(0.9, 0.8, 0.95, 50), Estimate(0.5, 0.4, 0.6, 60), Estimate(0.95, 0.9, 1.0, 70))
    found = values_in_mix(rates, Mix(0.2, 0.3, 0.5))
    assert found is not None
    assert (found[0].low, found[0].n) == (pytest.approx(0.16 / (0.16 + 0.18 + 0.05)), 180)
    assert found[1].high == pytest.approx((0.18 + 0.5) / (0.18 + 0.5 + 0.01))


def test_a_group_that_was_not_measured_gives_no_value_unless_nobody_is_of_it():
    rates = GroupRates(proportion(9, 10), None, proportion(19, 20))
    assert values_in_mix(rates, Mix(0.1, 0.3, 0.6)) is None
    assert "another abnormality" in why_no_values(rates, Mix(0.1, 0.3, 0.6))
    assert values_in_mix(rates, None) is None
    assert why_no_values(rates, None)
    assert why_no_values(rates, Mix(0.1, 0.0, 0.9)) == ""
    assert values_in_mix(rates, Mix(0.1, 0.0, 0.9)) is not None
    assert values_in_mix(GroupRates(proportion(0, 0), None, proportion(19, 20)), Mix(0.1, 0.0, 0.9)) is None


def test_a_value_of_nobody_is_no_number():
    found = values_in_mix(GroupRates(sure(0.0), sure(1.0), sure(1.0)), Mix(0.1, 0.3, 0.6))
    assert found is not None
    assert math.isnan(found[0].value)
    assert found[1].value == pytest.approx(0.9)


def test_another_prevalence_keeps_the_ratio_of_the_others():
    mix = Mix(0.1, 0.3, 0.6).at(0.4)
    assert (mix.finding, mix.other, mix.normal) == pytest.approx((0.4, 0.2, 0.4))
    assert Mix(1.0, 0.0, 0.0).at(0.5).normal == 0.5


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("finding 10, other 35, normal 55", (0.1, 0.35, 0.55)),
        ("normal=54.5 %; other: 35.5; FINDING 10", (0.1, 0.355, 0.545)),
        ("finding 10, other 35, normal 50", None),
        ("finding 10, other 35", None),
        ("10, 35, 55", None),
        ("finding 10, other 35, normal 55, more 3", None),
    ],
)
def test_a_mix_is_read_in_percent_or_not_at_all(text: str, shares: tuple[float, ...] | None):
    mix = mix_of_text(text)
    assert (mix and (mix.finding, mix.other, mix.normal)) == (shares and pytest.approx(shares))


@pytest.mark.parametrize("shares", [(0.5, 0.6, 0.1), (-0.1, 0.6, 0.5)])
def test_shares_that_are_none_make_no_mix(shares: tuple[float, float, float]):
    with pytest.raises(ValueError, match="sum to 100 %"):
        Mix(*shares)
