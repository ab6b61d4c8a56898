"""Sentences that read the same on every page, in every file and on the command line."""

import errno
from dataclasses import dataclass

NOTICE = (
    "Research and teaching tool, not a medical device. It must not be used for diagnosis or treatment. "
    "The network that comes with it knows chest X-rays of children of 1 to 5 years only."
)
NOT_ASSESSED = (
    "Only suspected pneumonia was scored. Not assessed: any other finding (among them pneumothorax, effusion, "
    "fracture, mass, heart size, devices and their position), image quality and positioning beyond what is warned of, "
    "earlier films, and the patient. A film that is not flagged is not thereby free of findings, nor one without a "
    "warning a good one."
)


@dataclass(frozen=True, slots=True)
class Caution:
    """What is to be known before a score is believed: a few words for a list, whole sentences for the reader."""

    tag: str
    warning: str


def counted(count: int, noun: str) -> str:
    """Say "1 film", "624 films"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def hash_start(sha256: str) -> str:
    """Give the first 12 digits of a SHA-256 (hexadecimal): by them a film is known on the screen and in every file."""
    return sha256[:12]


def disk_in_words(error: OSError) -> str:
    """Say what the system has refused, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full; what stood there before stays. Please make room, and try again."
    where = f" {error.filename}" if error.filename else ""
    return (
        f"A file or folder{where} cannot be read or written ({error.strerror or error}). Please check that it is there "
        "and may be read and written, and try again."
    )


def time_in_words(moment: str) -> str:
    """Say a time of UTC, ISO 8601, as "2026-11-21 16:08:04 UTC"."""
    return f"{moment.removesuffix('+00:00').replace('T', ' ')} UTC"


def known_tag(part: str) -> str:
    """Say in a few words what `known_film` says."""
    return f"known from {part}"


def known_film(part: str) -> str:
    """Say of a film that the model knows it, from its part: "training" or "validation"."""
    used = "validated with" if part == "validation" else "trained on"
    return f"This very film (or a close copy) was among those the model was {used}: its score here is no test."
