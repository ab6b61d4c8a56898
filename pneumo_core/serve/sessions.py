"""A session that nobody is connected to any more lets go of what it keeps, soon and not just at some time."""

import asyncio
import gc
import time
from collections.abc import Callable, Iterable

from pneumo_core.serve.freed_memory import give_back


async def end_left_sessions(
    known: Callable[[], Iterable[str]],
    is_connected: Callable[[str], bool],
    end: Callable[[str], None],
    forgotten_seconds: float,
) -> None:
    """End each session that has been left for half the time after which the server forgets it; to be cancelled.

    A session that the server has forgotten cannot be ended any more, and lies in memory until chance lets go of it.

    Args:
        known: gives the names of the sessions that may keep something.
        is_connected: whether a browser is connected to a session.
        end: ends it.
        forgotten_seconds: after which it is forgotten; a short break of the connection is no end.
    """
    grace_seconds = forgotten_seconds / 2
    left: dict[str, float] = {}
    while True:
        await asyncio.sleep(min(grace_seconds, 10.0) / 2)
        now = time.monotonic()
        left = {name: left.get(name, now) for name in known() if not is_connected(name)}
        over = [name for name, since in left.items() if now - since >= grace_seconds]
        for name in over:
            end(name)
        if over:
            # Films and pages refer to each other in circles.
            gc.collect()
            give_back()
