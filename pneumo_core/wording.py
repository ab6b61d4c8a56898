"""Sentences that read the same on every page, in every file and on the command line; how far work is, why it ended.

No sentence about an end holds the message of an exception: it may quote a file's content or its name, which can be a
patient's.
"""

import errno
import logging
import traceback
from dataclasses import dataclass

from pneumo_core.errors import PneumoError

# `models.notice_of` adds whose X-rays the network knows, and `models.not_assessed_by` begins with what it scores.
NOTICE = "Research and teaching tool, not a medical device. It must not be used for diagnosis or treatment."
NOT_ASSESSED = (
    "No other finding was assessed, for example pneumothorax, effusion, fracture, mass, heart size, or devices and "
    "their position. Image quality and positioning were checked only as far as the warnings say. Earlier X-rays and "
    "the patient were not assessed. Not flagged does not mean no findings. No warning does not mean good image quality."
)


@dataclass(frozen=True, slots=True)
class Caution:
    """A doubt to know before a score is believed: a few words for a list, and whole sentences for the reader."""

    tag: str
    warning: str


def counted(count: int, noun: str) -> str:
    """Say "1 X-ray", "624 X-rays"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def hash_start(sha256: str) -> str:
    """Give the first 12 hexadecimal digits of a SHA-256, which identify an image on the screen and in every file."""
    return sha256[:12]


def disk_in_words(error: OSError) -> str:
    """Name the refusal of the operating system, and the remedy."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full. Everything that was there before is kept. Please make room, and try again."
    where = f" {error.filename}" if error.filename else ""
    return (
        f"A file or folder{where} cannot be read or written ({error.strerror or error}). Please check that it is there "
        "and may be read and written, and try again."
    )


def time_in_words(moment: str) -> str:
    """Write an ISO 8601 time in UTC as "2026-11-21 16:08:04 UTC"."""
    return f"{moment.removesuffix('+00:00').replace('T', ' ')} UTC"


def known_tag(part: str) -> str:
    """Shorten `known_film` to a few words."""
    return f"known from {part}"


def known_film(part: str) -> str:
    """Warn that the model knows an image from its part "training" or "validation"."""
    used = "validated with" if part == "validation" else "trained on"
    return f"The model was {used} this very X-ray (or a close copy of it), so its score here is no test."


_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far work on films is; `films_per_second` counts what this start of it has done."""

    done: int
    of: int
    films_per_second: float

    @property
    def seconds_left(self) -> float | None:
        """None as long as the speed is not known."""
        return (self.of - self.done) / self.films_per_second if self.films_per_second else None

    def in_words(self) -> str:
        """Say it in a line: "64 of 624 X-rays, 31.2 X-rays/s, 18 s left"."""
        left = self.seconds_left
        speed = f", {self.films_per_second:.1f} X-rays/s, {_time_in_words(left)} left" if left is not None else ""
        return f"{self.done} of {counted(self.of, 'X-ray')}{speed}"


def known_end(error: Exception) -> str | None:
    """Say why work has ended, where that is no fault of the program; None where it is one.

    TensorFlow's and pydantic's errors are known by their names: this imports neither.
    """
    if isinstance(error, PneumoError):
        return str(error)
    if (
        isinstance(error, MemoryError)
        or _is(error, "tensorflow", "ResourceExhaustedError")
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
    ):
        return (
            "This computer's memory does not suffice. Please close other programs, then try again. A training needs "
            "less with a smaller batch or image size."
        )
    if isinstance(error, OSError):
        return disk_in_words(error)
    if _is(error, "tensorflow", "OpError"):
        return (
            f"TensorFlow could not run the network ({type(error).__name__}). Expected are a device and a model that "
            "pass `doctor` on the command line. Please run it, then try again."
        )
    if _is(error, "pydantic", "ValidationError"):
        return (
            f"A file that Pneumo keeps is damaged or of another version (ValidationError of {_what(error)}). Expected "
            "is one as this version writes it. Please restore it from a copy, or begin anew."
        )
    return None


def end_in_words(error: Exception) -> str:
    """Say why work in the background has ended; where it is a fault of the program, log where it lies."""
    known = known_end(error)
    if known is not None:
        return known
    log_fault(error)
    return (
        f"The program has a fault ({type(error).__name__}) that ended this work. Everything on the disk is kept. "
        "Please tell whoever runs Pneumo. Its log says where the fault lies."
    )


def log_fault(error: BaseException) -> None:
    """Log the classes of an exception and of its causes, and the lines of the program that they came through."""
    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        lines += [f"{type(cause).__module__}.{type(cause).__qualname__}", *traceback.format_tb(cause.__traceback__)]
        cause = cause.__cause__ or cause.__context__
    _LOG.error("A fault of the program:\n%s", "\n".join(line.rstrip() for line in lines))


def _is(error: Exception, package: str, name: str) -> bool:
    return any(
        kind.__name__ == name and kind.__module__.partition(".")[0].startswith(package) for kind in type(error).__mro__
    )


def _what(error: Exception) -> str:
    return str(getattr(error, "title", "?"))


def _time_in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
