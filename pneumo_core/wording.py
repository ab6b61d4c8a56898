"""Sentences that read the same on every page, in every file and on the command line."""

import errno
from dataclasses import dataclass

NOTICE = (
    "Research and teaching tool, not a medical device. It must not be used for diagnosis or treatment. "
    "The network that comes with it knows chest X-rays of children of 1 to 5 years only."
)
NOT_ASSESSED = (
    "Only suspected pneumonia was scored. No other finding was assessed, for example pneumothorax, effusion, fracture, "
    "mass, heart size, or devices and their position. Image quality and positioning were checked only as far as the "
    "warnings say. Earlier X-rays and the patient were not assessed. Not flagged does not mean no findings. No warning "
    "does not mean good image quality."
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
