"""A session that nobody is connected to any more lets go of what it keeps, soon and not just at some time.

The memory that it frees goes back to the system: glibc, by itself, keeps what many threads have left it for good.
Where the C library is another one, nothing is done about that.
"""

import asyncio
import ctypes
import gc
import sys
import time
from collections.abc import Callable, Iterable

# The number is from glibc's malloc.h.
_M_ARENA_MAX = -8
# Each thread that allocates would get one of its own, and what it leaves there serves no other.
ARENAS = 2


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


def share_arenas() -> None:
    """Let all threads of this process allocate from the same few places; to be called before they are many."""
    library = _c_library()
    if library is not None and hasattr(library, "mallopt"):
        library.mallopt(_M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Give the memory that is free inside this process back to the system."""
    library = _c_library()
    if library is not None and hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


def _c_library() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None
