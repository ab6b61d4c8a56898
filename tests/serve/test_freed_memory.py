"""Freed memory goes back to the system."""

import subprocess
import sys

import pytest

from pneumo_core.serve import freed_memory

# Small pieces with one in use behind them: glibc keeps such memory.
SCRIPT = """
from pathlib import Path
from pneumo_core.serve.freed_memory import give_back, share_arenas
def resident(): return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20
share_arenas()
pieces = [bytearray(64 << 10) for _ in range(1600)]
last = bytearray(64 << 10)
pieces.clear()
before = resident()
give_back()
print(before - resident())
"""


@pytest.mark.skipif(not hasattr(freed_memory._c_library(), "malloc_trim"), reason="the C library is not glibc")
def test_memory_that_glibc_would_keep_goes_back():
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert int(found.stdout) > 80


def test_on_other_systems_nothing_is_done(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    freed_memory.share_arenas()
    freed_memory.give_back()
