"""How far work is, in words."""

import pytest

from pneumo_core.wording import Progress


def test_the_time_left_is_not_told_until_the_speed_is_known():
    assert Progress(0, 10, 0.0).seconds_left is None
    assert Progress(4, 10, 2.0).seconds_left == 3


@pytest.mark.parametrize(("of", "left"), [(90, "89 s"), (2101, "35 min"), (7201, "2.0 h")])
def test_the_time_left_is_said_in_the_unit_that_a_person_would_use(of: int, left: str):
    assert Progress(1, of, 1.0).in_words() == f"1 of {of} X-rays, 1.0 X-rays/s, {left} left"
