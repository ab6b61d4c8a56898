"""Ways are timed in turns, each as often, and compared round by round."""

from functools import partial

from benchmarks.timing import in_turns, ratio


def test_each_way_runs_once_in_each_round_and_once_before():
    ran: list[str] = []
    times = in_turns({name: partial(ran.append, name) for name in "abc"}, 5)
    assert {name: len(taken) for name, taken in times.items()} == {"a": 5, "b": 5, "c": 5}
    rounds = [ran[first : first + 3] for first in range(0, len(ran), 3)]
    assert all(sorted(of_round) == ["a", "b", "c"] for of_round in rounds)
    # None always follows the same other.
    assert len({tuple(of_round) for of_round in rounds}) > 1


def test_a_ratio_is_the_median_of_the_rounds_ratios():
    assert ratio([10, 20, 90], [10, 10, 30]) == 2.0
