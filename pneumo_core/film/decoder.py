"""Untrusted files become pixels in processes of their own, which can be killed. No other way leads to pixels.

Damaged and hostile files crash decoders, hang them, and fill memory. In the server's own process one such file would
end every session. A few processes (`decoder_process`) stay at work, because a start takes longer than decoding a film.
A file may have taken a process over. So lengths and numbers of its answers are checked, and nothing is unpickled.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader, BufferedWriter
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from pneumo_core.errors import IMAGE_CODES, UnreadableImageError, UnsuitableImageError
from pneumo_core.files import ROOT
from pneumo_core.film.pixels import (
    DAMAGED,
    DECODING_SECONDS,
    STOPPING_SECONDS,
    Decoded,
    Origin,
    Scale,
    check_side_lengths,
)

# Each process holds 75 MiB while it waits, and up to 1.2 GiB while it decodes a hostile file.
MAX_PROCESSES = 4
# Imports on a machine that is busy loading the network take seconds.
STARTING_SECONDS = 60
# A process ends after this many films, with its leaks and anything that a file left in it. A start takes about 0.4 s.
FILMS_A_PROCESS = 500
# An answer's header stays below this, since notes are a few sentences.
_MAX_HEADER_BYTES = 2**16
# This is the largest pipe that Linux gives without privilege. It saves switches between the two processes.
_PIPE_BYTES = 2**20
# The interpreter and its libraries are found by these variables. No other variable is handed on.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class _Decoded:
    """The header of an answer with levels, which follow row by row, in the origin's height and width.

    Their scale comes after them, if they have one.
    """

    values: Literal["uint8", "uint16", "float32"]
    origin: Origin
    has_scale: bool


@dataclass(frozen=True, slots=True)
class _Refused:
    """A refusal that begins after the file's name.

    Attributes:
        code: one of `IMAGE_CODES`.
        is_spent: the process met damage that may have reached its own memory, so it must not decode another film.
    """

    refusal: Literal["UnreadableImageError", "UnsuitableImageError"]
    text: str
    code: str
    is_spent: bool


_ANSWER: TypeAdapter[_Decoded | _Refused] = TypeAdapter(_Decoded | _Refused)
_REFUSALS = {"UnreadableImageError": UnreadableImageError, "UnsuitableImageError": UnsuitableImageError}


class _Process:
    """One process that decodes film after film; `films` counts them."""

    def __init__(self, words: list[str]):
        self.films = 0
        self._is_late = False
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        # The process can import what this one can. It has one thread, because each thread of a library takes memory.
        paths = [str(ROOT), *filter(None, sys.path)]
        environment |= {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=os.path.abspath(os.sep),  # noqa: PTH100
            env=environment,
            # Without a session of its own, the Ctrl-C that ends the server would interrupt a film.
            start_new_session=True,
        )
        self._questions = cast("BufferedWriter", self._process.stdin)
        self._answers = cast("BufferedReader", self._process.stdout)
        _widen(self._questions)
        _widen(self._answers)
        with self._killed_after(STARTING_SECONDS):
            is_ready = self._answers.readline(_MAX_HEADER_BYTES) == b"ready\n"
        if not is_ready:
            self.end()
            raise ChildProcessError("the process that decodes films did not start")

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, content: bytes, seconds: float) -> Decoded | _Refused:
        """Give the process's answer to a file.

        Raises:
            UnreadableImageError: it took too long, or the process did not survive it.
            ValueError: `decoder_process` gives no such answer.
        """
        self.films += 1
        answer: Decoded | _Refused | None = None
        with self._killed_after(seconds), suppress(BrokenPipeError):
            self._questions.write(b"%d\n" % len(content))
            self._questions.write(content)
            self._questions.flush()
            answer = self._answer()
        if answer is None or self._is_late:
            raise self._reason_of_death(seconds)
        return answer

    def end(self) -> None:
        """Kill the process, even in the middle of a film."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._questions, self._answers):
            with suppress(OSError):
                pipe.close()

    def _answer(self) -> Decoded | _Refused | None:
        """Take an answer off the pipe; None where it ends before that."""
        header = self._answers.readline(_MAX_HEADER_BYTES)
        if not header:
            return None
        # Our own texts need no escapes, but control characters and other alphabets would.
        if b"\\" in header or not header.isascii():
            raise ValueError("an answer in unknown words")
        answer = _ANSWER.validate_json(header, strict=True)
        if isinstance(answer, _Refused):
            if answer.code not in IMAGE_CODES:
                raise ValueError("an unknown code")
            return answer
        origin = answer.origin
        check_side_lengths(origin.height, origin.width)
        levels = self._array((origin.height, origin.width), answer.values)
        if levels is None or not answer.has_scale:
            return levels if levels is None else Decoded(_in_range(levels), origin)
        count = 2 ** (8 * levels.itemsize)
        grey, values = (self._array((count,), "float32") for _ in range(2))
        if grey is None or values is None:
            return None
        if np.isinf(values).any():
            raise ValueError("values that are no numbers")
        return Decoded(levels, origin, Scale(_in_range(grey), values))

    def _array(self, shape: tuple[int, ...], kind: str) -> NDArray[Any] | None:
        """Take an array off the pipe; None where it ends before that."""
        array = np.empty(shape, dtype=kind)
        left = array.data.cast("B")
        while left:
            count = self._answers.readinto(left)
            if not count:
                return None
            left = left[count:]
        return array

    def _reason_of_death(self, seconds: float) -> UnreadableImageError:
        """Say, after the file's name, why there is no answer."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        if self._is_late:
            message = (
                f"was not decoded within {seconds:g} s and was stopped. Please try again, or export it uncompressed."
            )
            return UnreadableImageError(message, code="not_decoded")
        if sys.platform != "win32" and self._process.returncode == -signal.SIGPROF:
            message = (
                f"took longer than {DECODING_SECONDS} s of processor time and was stopped. "
                "Please export it again, uncompressed."
            )
            return UnreadableImageError(message, code="too_large")
        # SIGKILL, as from the system that runs out of memory, and SIGTERM.
        if self._process.returncode in (-9, -15):
            message = "was not read, because the system ended the process that decoded it. Please try again."
            return UnreadableImageError(message, code="not_decoded")
        return UnreadableImageError(DAMAGED, code="damaged")

    @contextmanager
    def _killed_after(self, seconds: float) -> Iterator[None]:
        timer = threading.Timer(seconds, self._stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            # The timer may be about to kill the process. After the join `_is_late` cannot change.
            timer.join()

    def _stop(self) -> None:
        self._is_late = True
        self._process.kill()


def _in_range(grey: NDArray[Any]) -> NDArray[Any]:
    """Give grey as it is where it lies in [0, 1]; integers of 8 bits always do."""
    # A value that is no number fails both comparisons.
    if grey.dtype != np.uint8 and not (grey.min() >= 0 and grey.max() <= 1):
        raise ValueError("pixels outside [0, 1]")
    return grey


class Decoder:
    """A few processes that decode, started when they are needed; any thread may ask.

    Args:
        seconds: the time by the clock after which a file's process is stopped, whatever it does. The process itself
            stops after `DECODING_SECONDS` of processor time.
        words: the command that starts a process.
    """

    def __init__(
        self,
        seconds: float = STOPPING_SECONDS,
        words: tuple[str, ...] = (sys.executable, "-P", "-m", "pneumo_core.film.decoder_process"),
    ):
        self._seconds, self._words = seconds, list(words)
        self.forget()
        # A fork of this process would share the pipes, and two films could meet in one of them.
        if sys.platform != "win32":
            os.register_at_fork(after_in_child=self.forget)
        atexit.register(self.close)

    def decode(self, content: bytes) -> Decoded:
        """Decode one file.

        Raises:
            UnreadableImageError: no image, damaged, of a forbidden size, too slow, too much memory.
            UnsuitableImageError: a DICOM of another modality or body part, or raw data of a detector.
        """
        with self._places:
            try:
                process = self._waiting()
            except OSError as error:
                message = "was not read, because no process to decode it could be started. Please try again."
                raise UnreadableImageError(message, code="not_decoded") from error
            is_usable = False
            try:
                answer = process.ask(content, self._seconds)
                is_usable = not (isinstance(answer, _Refused) and answer.is_spent) and process.films < FILMS_A_PROCESS
            except ValueError as error:
                raise UnreadableImageError(DAMAGED, code="damaged") from error
            finally:
                if is_usable:
                    self._idle.append(process)
                else:
                    process.end()
        if isinstance(answer, _Refused):
            raise _REFUSALS[answer.refusal](answer.text, code=answer.code)
        return answer

    def start(self) -> None:
        """Start one process where none is, so that the first film need not wait for it."""
        with suppress(OSError), self._places:
            self._idle.append(self._waiting())

    def close(self) -> None:
        """End the processes that wait."""
        while self._idle:
            self._idle.pop().end()

    def forget(self) -> None:
        """Leave all processes to whoever else holds them, and begin anew."""
        self._idle: list[_Process] = []
        self._places = threading.BoundedSemaphore(min(MAX_PROCESSES, os.cpu_count() or 1))

    def _waiting(self) -> _Process:
        """Give a waiting process, the last used first, or a new one."""
        while True:
            try:
                process = self._idle.pop()
            except IndexError:
                return _Process(self._words)
            if process.is_alive:
                return process
            process.end()


def _widen(pipe: BufferedReader | BufferedWriter) -> None:
    """Let a pipe hold more, if the system has room left: all pipes of a user together are bounded."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


DECODER = Decoder()
