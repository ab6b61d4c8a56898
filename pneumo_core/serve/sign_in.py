"""Sign-in by a shared passphrase: its hash, who is signed in and for how long, how often one may try."""

import base64
import hashlib
import hmac
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pneumo_core.errors import AccessError

PASSPHRASE_VARIABLE = "PNEUMO_PASSPHRASE_HASH"
IDLE_VARIABLE = "PNEUMO_IDLE_MINUTES"
IDLE_MINUTES = 30
# However busy: someone may have taken over the browser.
LONGEST_SECONDS = 12 * 3600
MIN_CHARACTERS = 12
# OWASP's parameters for scrypt (Password Storage Cheat Sheet): 32 MiB, and a tenth of a second, for each attempt.
COST, BLOCK, PARALLEL = 1 << 15, 8, 3
ATTEMPT_SECONDS = 300
ATTEMPTS_OF_AN_ADDRESS, ATTEMPTS_IN_ALL = 5, 50
_EXPECTED = "Expected is what `python -m pneumo_core hash-passphrase` prints. Please make it anew."


def hash_passphrase(passphrase: str) -> str:
    """Give what may be written into `PNEUMO_PASSPHRASE_HASH`: scrypt (RFC 7914) with a salt of its own.

    Raises:
        AccessError: the passphrase is too short.
    """
    if len(passphrase) < MIN_CHARACTERS:
        raise AccessError(
            f"The passphrase has {len(passphrase)} characters. Expected are {MIN_CHARACTERS} or more. "
            "Please choose several words."
        )
    salt = secrets.token_bytes(16)
    parts = (_text(salt), _text(_scrypt(passphrase, salt, COST, BLOCK, PARALLEL)))
    return ":".join(("scrypt", str(COST), str(BLOCK), str(PARALLEL), *parts))


@dataclass(frozen=True, slots=True)
class Passphrase:
    """The hash of a passphrase, with what it was made with."""

    cost: int
    block: int
    parallel: int
    salt: bytes
    digest: bytes

    @classmethod
    def parse(cls, written: str) -> "Passphrase":
        """Read what `hash_passphrase` gives.

        Raises:
            AccessError: it is something else.
        """
        try:
            kind, cost, block, parallel, salt, digest = written.strip().split(":")
            found = cls(int(cost), int(block), int(parallel), _bytes(salt), _bytes(digest))
        except ValueError:
            kind, found = "", cls(0, 0, 0, b"", b"")
        if (
            kind != "scrypt"
            or len(found.digest) != 32
            or (found.cost, found.block, found.parallel)
            != (
                COST,
                BLOCK,
                PARALLEL,
            )
        ):
            raise AccessError(f"{PASSPHRASE_VARIABLE} holds no hash of a passphrase. {_EXPECTED}")
        return found

    def is_it(self, attempt: str) -> bool:
        """Say whether an attempt is the passphrase; takes as long either way."""
        return hmac.compare_digest(_scrypt(attempt, self.salt, self.cost, self.block, self.parallel), self.digest)


@dataclass(slots=True)
class _Visit:
    began: float
    seen: float


@dataclass(slots=True, eq=False)
class SignIn:
    """Who is signed in to this server, in its memory only: a restart signs everybody off.

    Tokens are random, and kept as their hashes. May be used from several threads.
    """

    passphrase: Passphrase
    idle_seconds: float = 60.0 * IDLE_MINUTES
    clock: Callable[[], float] = time.monotonic
    _visits: dict[str, _Visit] = field(default_factory=dict)
    _attempts: deque[tuple[float, str]] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, attempt: str, address: str) -> str | None:
        """Give a new token for the right passphrase, None for a wrong one; slow by intent.

        Raises:
            AccessError: there were too many wrong attempts lately, from this address or in all.
        """
        now = self.clock()
        with self._lock:
            while self._attempts and self._attempts[0][0] <= now - ATTEMPT_SECONDS:
                self._attempts.popleft()
            from_here = sum(other == address for _, other in self._attempts)
            if from_here >= ATTEMPTS_OF_AN_ADDRESS or len(self._attempts) >= ATTEMPTS_IN_ALL:
                raise AccessError(
                    f"There were too many attempts to sign in. Please wait {ATTEMPT_SECONDS // 60} minutes, then try "
                    "again."
                )
            # Counted before it is known to be wrong: many at the same time are many.
            counted = (now, address)
            self._attempts.append(counted)
        if not self.passphrase.is_it(attempt):
            return None
        token = secrets.token_urlsafe(32)
        with self._lock:
            if counted in self._attempts:
                self._attempts.remove(counted)
            for key in [key for key, visit in self._visits.items() if self._left(visit) <= 0]:
                del self._visits[key]
            self._visits[_hash(token)] = _Visit(now, now)
        return token

    def seconds_left(self, token: str | None) -> float:
        """Give for how many seconds a token holds if nothing is done; 0 where it does not hold."""
        with self._lock:
            visit = self._visits.get(_hash(token)) if token else None
            return max(0.0, self._left(visit)) if visit else 0.0

    def seen(self, token: str) -> None:
        """Begin the idle time of a token anew, because its holder did something."""
        with self._lock:
            visit = self._visits.get(_hash(token))
            if visit and self._left(visit) > 0:
                visit.seen = self.clock()

    def leave(self, token: str) -> None:
        """Sign off."""
        with self._lock:
            self._visits.pop(_hash(token), None)

    def _left(self, visit: _Visit) -> float:
        return min(visit.seen + self.idle_seconds, visit.began + LONGEST_SECONDS) - self.clock()


def is_sign_in_asked_for() -> bool:
    """Say whether the environment asks for sign-in."""
    return bool(os.environ.get(PASSPHRASE_VARIABLE))


def sign_in_asked_for() -> SignIn | None:
    """Give the sign-in that the environment asks for, with nobody signed in; None where it asks for none.

    Raises:
        AccessError: it asks for one that cannot be.
    """
    written = os.environ.get(PASSPHRASE_VARIABLE)
    if not written:
        return None
    minutes = os.environ.get(IDLE_VARIABLE, str(IDLE_MINUTES))
    if not minutes.isdecimal() or not 1 <= int(minutes) <= 24 * 60:
        raise AccessError(
            f"{IDLE_VARIABLE} is '{minutes}'. Expected is a whole number of minutes from 1 to 1440. Please change it."
        )
    return SignIn(Passphrase.parse(written), 60.0 * int(minutes))


def visitor(token: str | None) -> str:
    """Give what an audit log calls the holder of a token: the same for one sign-in, and nobody's name."""
    return f"sign-in {_hash(token)[:12]}" if token else "not signed in"


def _scrypt(passphrase: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    return hashlib.scrypt(
        passphrase.encode(), salt=salt, n=cost, r=block, p=parallel, maxmem=256 * cost * block, dklen=32
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
