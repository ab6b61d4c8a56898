"""Refusals in words a clinician can act on, each with a code that a script can act on.

Each message says what was found, what is expected and what to do, in this
order. A `ValueError` is for programmers' mistakes; a `PneumoError` is for the
person in front of the screen, and pages show its text as it stands.

Texts may change; codes do not. Each class has one, and a refusal of an image
names its reason by one of `IMAGE_CODES`.
"""

# The reason why a file gets no score, by its code.
IMAGE_CODES = {
    "blank": "no visible structure",
    "body_part": "an X-ray of another part of the body",
    "clipped": "most of the lungs' part is plain white or black",
    "colour": "a picture in colour",
    "cut_off_or_several": "part of a chest, several images, or an image small on a page",
    "damaged": "the file is damaged or cut short",
    "derived": "bone or soft tissue alone, computed from an X-ray",
    "empty": "the file has no content",
    "for_processing": "raw data of a detector, meant for further processing",
    "header": "a DICOM whose header leaves out or garbles what its pixels need",
    "inverted": "air is white and bone is black",
    "lateral_view": "no frontal view",
    "modality": "a DICOM of another modality",
    "no_pixels": "a DICOM without pixel data",
    "not_a_chest": "the input gate finds no upright frontal chest X-ray",
    "not_an_image": "no DICOM, PNG, JPEG, TIFF or BMP",
    "not_found": "no such file, or it may not be read",
    "not_decoded": "the process that decodes could not do its work",
    "own_export": "a picture that Pneumo itself made of an X-ray",
    "shape": "too long for its width",
    "several_pictures": "several pictures or frames in one file",
    "too_large": "too many bytes or pixels, or too much memory or time to decode",
    "too_small": "too few pixels",
    "turned": "turned by 90 or 180 degrees",
    "unsupported": "a way of coding pixels that is not read",
}


class PneumoError(Exception):
    """Root of every refusal; its text is a whole sentence for the reader.

    Attributes:
        code: a stable slug; of the class, or of the reason where one was given.
    """

    code = "refused"

    def __init__(self, sentence: str = "", code: str | None = None) -> None:
        super().__init__(sentence)
        if code is not None:
            self.code = code


class UnreadableImageError(PneumoError):
    """The file is no image that can be read: wrong type, damaged, too small or too large."""

    code = "unreadable_image"


class UnsuitableImageError(PneumoError):
    """The file is an image that the network may not score."""

    code = "unsuitable_image"


class CorrectableImageError(UnsuitableImageError):
    """The image could be read once it is turned or inverted; `correction` names which of these."""

    def __init__(self, sentence: str, correction: str, code: str | None = None) -> None:
        super().__init__(sentence, code)
        self.correction = correction


class DataError(PneumoError):
    """A folder of labelled X-rays does not have the expected form."""

    code = "data"


class ModelError(PneumoError):
    """A model folder is missing, damaged, or its card belongs to other weights."""

    code = "model"


class BusyError(PneumoError):
    """Another process is at the same work; it must end first."""

    code = "busy"


class AccessError(PneumoError):
    """A request is not allowed, too frequent or too large, or the settings of the app's address do not fit."""

    code = "access"
