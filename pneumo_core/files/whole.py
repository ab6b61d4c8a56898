"""Write a file so that it is whole or not there, whenever the process or the machine stops."""

import fcntl
import glob
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def write_whole(path: Path, content: bytes) -> None:
    """Write a file's content."""
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a hidden path with the same ending to write to, its own as two may write the same file; then the name.

    Leavings of a killed process under such a path of the same file are cleared away.
    """
    _clear_away(path)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")
    try:
        with _locked(temporary) as file:
            yield temporary
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_names(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_names(folder: Path) -> None:
    """Have a folder's names on the disk, where the system can: else a power cut may bring the file before back."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _locked(path: Path) -> BinaryIO:
    """Make a file whose lock ends with the process: an unlocked file belongs to nobody."""
    while True:
        file = path.open("wb")
        # Not every file system has locks.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        # Another writer cleared it away before it was locked.
        file.close()


def _clear_away(path: Path) -> None:
    name = f".{glob.escape(path.stem)}.{'[0-9a-f]' * 32}{glob.escape(path.suffix)}"
    for left in path.parent.glob(name):
        with suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def files_stamp(paths: Iterable[Path]) -> tuple[object, ...]:
    """Give what differs as soon as a file of these is another, comes or goes; never fails.

    Time and size: a copy can keep the time of the file that it is of.
    """
    found: list[object] = []
    for path in paths:
        # One that goes at this moment is not there.
        with suppress(OSError):
            if path.is_file():
                stat = path.stat()
                found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
