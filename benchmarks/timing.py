"""Times of several ways to do something, taken in turns: a slow minute of the machine hits all alike."""

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence


def in_turns(ways: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, list[float]]:
    """Give the milliseconds of each way in each round, after a first one that is not counted."""
    for way in ways.values():
        way()
    times: dict[str, list[float]] = {name: [] for name in ways}
    order = list(ways)
    for number in range(repetitions):
        # The run before leaves caches and threads behind, which favours one or the other.
        random.Random(number).shuffle(order)
        for name in order:
            started = time.perf_counter()
            ways[name]()
            times[name].append(1000 * (time.perf_counter() - started))
    return times


def ratio(times: Sequence[float], others: Sequence[float]) -> float:
    """Give the median of the ratios of times taken in the same rounds."""
    return statistics.median(one / other for one, other in zip(times, others, strict=True))
