"""What all charts share: lines of many points are thinned, and look the same."""

import numpy as np

from pneumo_core.draw.figures import MOST_POINTS, thinned
from pneumo_core.stats.curves import roc_points


def test_a_thinned_curve_draws_the_same_line():
    random = np.random.default_rng(3)
    has_pneumonia = random.random(20_000) < 0.4
    curve = roc_points(has_pneumonia, np.clip(random.normal(0.4 + 0.2 * has_pneumonia, 0.2), 0, 1))
    x, y = thinned(curve.false_positive_rate, curve.sensitivity)
    assert len(x) == len(y) <= MOST_POINTS < len(curve.sensitivity)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    # In a figure of 300 pixels, what was left out is less than a pixel from the line that is drawn.
    assert np.abs(np.interp(curve.false_positive_rate, x, y) - curve.sensitivity).max() < 1 / 300
    assert abs(np.trapezoid(y, x) - np.trapezoid(curve.sensitivity, curve.false_positive_rate)) < 1e-4


def test_a_short_curve_stays_as_it_is():
    x = np.linspace(0, 1, MOST_POINTS)
    assert thinned(x, x)[0] is x
    assert len(thinned(np.empty(0), np.empty(0))[0]) == 0
