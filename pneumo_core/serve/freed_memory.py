"""What is freed goes back to the system: glibc, by itself, keeps what many threads have left it for good.

Does nothing where the C library is another one.
"""

import ctypes
import sys

# From glibc's malloc.h.
_M_ARENA_MAX = -8
# Each thread that allocates would get one of its own, and what it leaves there serves no other.
ARENAS = 2


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
