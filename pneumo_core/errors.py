"""Refusals in words a clinician can act on.

Each message says what was found, what is expected and what to do, in this
order. A `ValueError` is for programmers' mistakes; a `PneumoError` is for the
person in front of the screen, and pages show its text as it stands.
"""


class PneumoError(Exception):
    """Root of every refusal; its text is a whole sentence for the reader."""


class UnreadableImageError(PneumoError):
    """The file is no image that can be read: wrong type, damaged, too small or too large."""


class UnsuitableImageError(PneumoError):
    """The file is an image, but none that the network may score."""


class CorrectableImageError(UnsuitableImageError):
    """The image is a film that could be read once it is turned or inverted; `correction` names what to ask for."""

    def __init__(self, sentence: str, correction: str) -> None:
        super().__init__(sentence)
        self.correction = correction


class DataError(PneumoError):
    """A folder of labelled X-rays is not as it must be."""


class ModelError(PneumoError):
    """A model folder is missing, damaged, or its card belongs to other weights."""


class BusyError(PneumoError):
    """Another process is at the same work; it must end first."""


class AccessError(PneumoError):
    """Who asks may not, or not so often, or not so much; or how the app is to be reached is not as it must be."""
