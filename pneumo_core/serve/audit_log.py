"""Who did what with which film, as lines that are only added: JSON, each bound to the one before by its hash.

Written only where `PNEUMO_AUDIT_LOG` names a file. Nothing in it names a patient, a file or a person.
"""

import datetime
import fcntl
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pneumo_core.errors import DataError

AUDIT_LOG_VARIABLE = "PNEUMO_AUDIT_LOG"
# Longer than any line of ours.
TAIL_BYTES = 1 << 16
# This hash stands before the first line.
BEGINNING = "0" * 64
# All that a field may hold: no name, and no sentence that could hold one.
_ALLOWED = {
    "event": r"read|refused|run asked for|signed in|sign-in refused|signed off|promoted|rolled back",
    "user": r"not signed in|sign-in [0-9a-f]+",
    "film_sha256": r"[0-9a-f]{64}",
    "weights_sha256": r"[0-9a-f]{64}",
    "outcome": r"read|read with a warning|refused",
    "run": r"[0-9a-f]+",
}


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that was done; a field that could hold a name is a `ValueError`.

    Attributes:
        event: "read", "refused", "run asked for", "signed in", "sign-in refused", "signed off", "promoted",
            "rolled back".
        user: as `sign_in.visitor` names one.
        film_sha256: of the film's file, where there was one that could be read.
        weights_sha256: of the model in use, where it counts.
        probability: that was shown, in [0, 1].
        outcome: of the gate: "read", "read with a warning", "refused".
        run: name of a batch run, which is a hash of its films and the model; its scores are in its folder.
    """

    event: str
    user: str
    film_sha256: str | None = None
    weights_sha256: str | None = None
    probability: float | None = None
    outcome: str | None = None
    run: str | None = None

    def __post_init__(self) -> None:
        for name, pattern in _ALLOWED.items():
            value = getattr(self, name)
            if value is not None and not re.fullmatch(pattern, value):
                # The value may be the name: it is in no message.
                raise ValueError(f"the audit log does not take this {name}")


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of checking an audit log.

    Attributes:
        lines: whole ones; torn: lines that a crash cut short, each bound by the line after it or the last.
        broken: number of the first line that is not as it was written, counted from 1; None where there is none.
        end: the last line's hash; whoever noted it elsewhere sees whether lines were taken off the end.
    """

    lines: int
    torn: int
    broken: int | None
    end: str


def record_event(event: AuditEvent) -> None:
    """Add an event to the audit log, so that it stays whatever happens then; nothing where there is no log.

    A line that a crash cut short stays as it is, and the next one is bound to what is there of it.

    Raises:
        DataError: it cannot be written, so that what was to be recorded must not be shown.
    """
    named = os.environ.get(AUDIT_LOG_VARIABLE)
    if not named:
        return
    try:
        # Not by Path.open: only its owner may read it.
        number = os.open(named, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(number, "r+b") as file:
            # Several processes may write: pages, command line.
            fcntl.flock(file, fcntl.LOCK_EX)
            before, is_torn = _last_line(file)
            line = _line(event, _sha256(before) if before else BEGINNING)
            file.write(b"\n" * is_torn + line + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise DataError(
            f"The audit log cannot be written ({error.strerror}), and nothing is done without it. Please tell whoever "
            "runs Pneumo."
        ) from error


def verify_audit_log(path: Path) -> Verified:
    """Check that each line is as it was written, and bound to the one before.

    Raises:
        DataError: there is no such file.
    """
    if not path.is_file():
        raise DataError(f"There is no audit log {path}. Please name the file that {AUDIT_LOG_VARIABLE} names.")
    lines = torn = 0
    before, before_is_torn = BEGINNING, False
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            line = raw.removesuffix(b"\n")
            content = _content(line)
            if content is not None and content.get("previous") == before:
                lines, before_is_torn = lines + 1, False
            elif _is_start_of_line(line) and not before_is_torn:
                # Only the line after it, if any, shows that it was so when it was torn.
                torn, before_is_torn = torn + 1, True
            else:
                return Verified(lines, torn, number - before_is_torn, before)
            before = _sha256(line)
    return Verified(lines, torn, None, before)


def _line(event: AuditEvent, previous: str) -> bytes:
    content: dict[str, Any] = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "event": event.event,
        "user": event.user,
        "film_sha256": event.film_sha256,
        "weights_sha256": event.weights_sha256,
        "probability": event.probability,
        "outcome": event.outcome,
        "run": event.run,
        "previous": previous,
    }
    return _json(content | {"hash": _sha256(_json(content))})


def _content(line: bytes) -> dict[str, Any] | None:
    """Give what a line holds, None where it is not as it was written."""
    try:
        content = json.loads(line)
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    own = content.pop("hash", None)
    return content if own == _sha256(_json(content)) and line == _json(content | {"hash": own}) else None


def _is_start_of_line(line: bytes) -> bool:
    """Say whether a line was cut short: it begins as ours do, and is no JSON."""
    try:
        json.loads(line)
    except ValueError:
        start = b'{"time": "'
        return line.startswith(start) or start.startswith(line)
    return False


def _last_line(file: BinaryIO) -> tuple[bytes, bool]:
    """Give a file's last line without its end, and whether the end is missing."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL_BYTES))
    tail = file.read(TAIL_BYTES)
    return tail.removesuffix(b"\n").rpartition(b"\n")[2], bool(tail) and not tail.endswith(b"\n")


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, allow_nan=False).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
