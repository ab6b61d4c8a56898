"""The shares of three classes: the first is calibrated, the rest is split as the network splits it."""

import math

import pytest

from pneumo_core.network.shares import Shares


@pytest.mark.parametrize("logit", [-2000.0, -1.5, 0.0, 0.7, 2000.0])
def test_what_is_left_is_split_by_the_odds_of_another_abnormality(logit: float):
    shares = Shares.of(0.2, logit)
    assert shares.finding == 0.2
    assert shares.finding + shares.other + shares.normal == pytest.approx(1)
    assert min(shares.other, shares.normal) >= 0
    if abs(logit) < 100:
        assert shares.other / shares.normal == pytest.approx(math.exp(logit))
    else:
        assert (shares.other if logit > 0 else shares.normal) == pytest.approx(0.8)
