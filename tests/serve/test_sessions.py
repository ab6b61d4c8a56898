"""Sessions that were left are ended, and freed memory goes back to the system."""

import asyncio
import ctypes
import subprocess
import sys

import pytest

from pneumo_core.serve import sessions
from pneumo_core.serve.sessions import end_left_sessions

# Small pieces with one in use behind them: glibc keeps such memory.
SCRIPT = """
from pathlib import Path
from pneumo_core.serve.sessions import give_back, share_arenas
def resident(): return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20
share_arenas()
pieces = [bytearray(64 << 10) for _ in range(1600)]
last = bytearray(64 << 10)
pieces.clear()
before = resident()
give_back()
print(before - resident())
"""


def test_a_session_ends_after_its_grace_and_no_other():
    connected, known, ended = {"here", "blink"}, {"here", "left", "blink"}, []

    def end(name: str) -> None:
        known.remove(name)
        ended.append(name)

    async def watch() -> None:
        work = asyncio.create_task(end_left_sessions(lambda: set(known), connected.__contains__, end, 0.4))
        await asyncio.sleep(0.15)
        assert ended == []
        connected.remove("blink")
        await asyncio.sleep(0.12)
        connected.add("blink")
        await asyncio.sleep(0.3)
        work.cancel()

    asyncio.run(watch())
    assert ended == ["left"]


@pytest.mark.skipif(not hasattr(sessions._c_library(), "malloc_trim"), reason="the C library is not glibc")
def test_memory_that_glibc_would_keep_goes_back():
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert int(found.stdout) > 80


def test_on_other_systems_no_library_is_asked(monkeypatch: pytest.MonkeyPatch):
    asked: list[str | None] = []
    monkeypatch.setattr(ctypes, "CDLL", asked.append)
    sessions.share_arenas()
    assert len(asked) == (sys.platform == "linux")
    asked.clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    sessions.share_arenas()
    sessions.give_back()
    assert asked == []
