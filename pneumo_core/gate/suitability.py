"""Is this a frontal chest X-ray that the network may score, and of the population it knows?

Plain checks of the picture and the header come first. The model's input gate judges the picture after them, if the
model has a gate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pneumo_core.errors import CorrectableImageError, UnsuitableImageError
from pneumo_core.film import Radiograph
from pneumo_core.gate.ages import YOUNGEST, Years, age_in_words, groups_in_words, route
from pneumo_core.gate.input_gate import INVERTED, LEFT, NEAR_SHARE, OTHER, OVER, PART, RIGHT, UPRIGHT, Verdict
from pneumo_core.wording import Caution

# Below this range of grey levels, from the 1st to the 99th percentile, no structure is visible.
MIN_CONTRAST = 0.05
# Mean distance of the colour channels; tinted film scans stay well under it.
MAX_COLOUR = 0.06
# The same of one part beside the others. Eight samples under their heat maps had 0.022 to 0.068, 5,252 training films
# none, training films tinted by hand up to 0.006, with coloured writing or an arrow drawn on them up to 0.016.
MAX_COLOUR_PATCH = 0.02
# The limit is long side to short side. Chest films are 1:1 to 2:1.
MAX_ASPECT = 2.5
NO_AGE, UNCLEAR_AGE = "no age given", "age not understood"
# By one of `film.dicom.view.VIEW_POSITIONS`; LLD and RLD are decubitus positions.
NOT_FRONTAL = {
    **dict.fromkeys(("LL", "RL", "LAT", "LATERAL"), "a lateral view"),
    **dict.fromkeys(("LLD", "RLD"), "taken lying on the side"),
    "DECUBITUS": "taken lying on the side",
    **dict.fromkeys(("LLO", "RLO", "OBLIQUE"), "an oblique view"),
    "SWIMMERS": "a swimmer's view",
    "NOT FRONTAL": "another view than a frontal one",
}


# By the kind that the gate found: the finding, the expected image, and the next step.
REFUSALS = {
    LEFT: "seems to be turned by 90 degrees to the left. The network reads upright X-rays only. Please turn it back.",
    OVER: "seems to be upside down. The network reads upright X-rays only. Please turn it over.",
    RIGHT: "seems to be turned by 90 degrees to the right. The network reads upright X-rays only. Please turn it back.",
    INVERTED: "seems to be inverted, with air white and bone black. The network reads X-rays with air black and bone "
    "white only. Please invert it back.",
    PART: "seems to show part of a chest, several X-rays, or an X-ray small on a page. The network reads one whole "
    "frontal chest X-ray only. Please upload the X-ray itself, uncut.",
    OTHER: "does not look like a chest X-ray. The network reads upright frontal chest X-rays only. Please upload one.",
    UPRIGHT: "does not look enough like an upright frontal chest X-ray. Please check the image, and upload it uncut as "
    "the device exported it.",
}
# By the kind that the gate found, one of `IMAGE_CODES`.
CODES = {
    **dict.fromkeys((LEFT, OVER, RIGHT), "turned"),
    INVERTED: "inverted",
    PART: "cut_off_or_several",
    **dict.fromkeys((OTHER, UPRIGHT), "not_a_chest"),
}
# By the kind that the gate found: quarter turns to the left, whether to invert, and the correction in words.
CORRECTIONS = {
    LEFT: (3, False, "turned by 90 degrees to the right"),
    OVER: (2, False, "turned by 180 degrees"),
    RIGHT: (1, False, "turned by 90 degrees to the left"),
    INVERTED: (0, True, "inverted"),
}
FAR = Caution(
    "far from known films",
    f"This X-ray differs more from the training images than {100 * NEAR_SHARE:g} % of the validation images do. The "
    "score was not validated for such images or this patient group.",
)


@dataclass(frozen=True, slots=True)
class Suitability:
    """The cautions about the patient that belong beside the score of an admitted film.

    `is_outside_population` is True where the age is given and the model was not measured on patients of this age.
    """

    is_outside_population: bool
    cautions: tuple[Caution, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(caution.warning for caution in self.cautions)


def assess(radiograph: Radiograph, groups: Sequence[Years], age_years: float | None = None) -> Suitability:
    """Check whether the network may score this film.

    Args:
        groups: lowest and highest age, in whole years, of each group of patients that the model knows.
        age_years: of the patient, where the file gives none.

    Raises:
        UnsuitableImageError: the picture is blank, coloured, of no film's shape, or a lateral view.
    """
    origin, name = radiograph.origin, radiograph.name
    if origin.colour > MAX_COLOUR:
        raise UnsuitableImageError(
            f"{name} is a colour picture. A greyscale X-ray is expected. Please upload the X-ray itself, not a "
            "photograph or a coloured overlay of it.",
            code="colour",
        )
    if origin.colour_patch > MAX_COLOUR_PATCH:
        raise UnsuitableImageError(
            f"{name} has a part in colour, as under a heat map or a drawing. A greyscale X-ray is expected. Please "
            "upload the X-ray itself, without anything drawn on it.",
            code="colour",
        )
    check_contrast(radiograph.pixels[::4, ::4], name)
    aspect = max(origin.height, origin.width) / min(origin.height, origin.width)
    if aspect > MAX_ASPECT:
        raise UnsuitableImageError(
            f"{name} is {origin.width} x {origin.height} pixels, {aspect:.1f} times as long as wide. A whole chest "
            f"X-ray is at most {MAX_ASPECT} times as long as wide. Please upload the uncut X-ray.",
            code="shape",
        )
    if origin.view_position in NOT_FRONTAL:
        raise UnsuitableImageError(
            f"{name} is {NOT_FRONTAL[origin.view_position]} ({origin.view_position}). The network knows upright "
            "frontal views only. Please upload the frontal X-ray (AP or PA).",
            code="lateral_view",
        )
    return suitability_of_patient(radiograph, groups, age_years)


def suitability_of_patient(
    radiograph: Radiograph, groups: Sequence[Years], age_years: float | None = None
) -> Suitability:
    """Say whether the network knows patients like this one; the arguments are those of `assess`."""
    origin = radiograph.origin
    if origin.age_years is None:
        is_unclear = age_years is None and origin.is_age_unclear
        return suitability_for_age(age_years, groups, "the given age is", is_unclear=is_unclear)
    return suitability_for_age(origin.age_years, groups)


def check_contrast(pixels: np.ndarray, name: str) -> None:
    """Refuse a picture without visible structure; float32 `(height, width)` in [0, 1].

    Raises:
        UnsuitableImageError: it is almost blank.
    """
    low, high = np.percentile(pixels, (1, 99))
    if high - low < MIN_CONTRAST:
        raise UnsuitableImageError(
            f"{name} is almost blank (its grey levels span {100 * (high - low):.0f} % of the range). An X-ray has "
            "visible structure. Please check the export.",
            code="blank",
        )


def refuse_by(verdict: Verdict | None, name: str) -> None:
    """Refuse a picture that the input gate refuses.

    Raises:
        CorrectableImageError: turned or inverted; it names the correction.
        UnsuitableImageError: anything else that is refused.
    """
    if verdict is None or not verdict.is_refused:
        return
    sentence = f"{name} {REFUSALS[verdict.kind]}"
    if verdict.correction is not None:
        raise CorrectableImageError(sentence, verdict.correction, code=CODES[verdict.kind])
    raise UnsuitableImageError(sentence, code=CODES[verdict.kind])


def corrected(radiograph: Radiograph, correction: str) -> Radiograph:
    """Turn or invert a film as one of `CORRECTIONS` says; its hash stays that of the file."""
    quarters, is_inverted, _ = CORRECTIONS[correction]
    pixels = np.rot90(radiograph.pixels, quarters)
    pixels = np.ascontiguousarray(1 - pixels if is_inverted else pixels, np.float32)
    pixels.setflags(write=False)
    stored, origin = radiograph.stored, radiograph.origin
    if stored is not None:
        stored = replace(stored, levels=np.rot90(stored.levels, quarters))
    if is_inverted:
        origin = replace(origin, is_inverted=not origin.is_inverted)
    return replace(radiograph, pixels=pixels, stored=stored, origin=origin)


def suitability_for_age(
    age_years: float | None,
    groups: Sequence[Years],
    source: str = "the file gives an age of",
    *,
    is_unclear: bool = False,
) -> Suitability:
    """Say whether the network knows patients of this age.

    Args:
        age_years: None if it is unknown.
        groups: as in `assess`.
        source: where the age is from, as the beginning of a sentence.
        is_unclear: whether the file gives an age that could not be understood.
    """
    kind = route(age_years, groups).kind
    several, known = len(groups) > 1, f"The network knows X-rays of {groups_in_words(groups)} only."
    both = "A verdict is given only where the limits for these groups agree."
    if kind == "inside":
        return Suitability(False, ())
    if age_years is None:
        tag, found = (
            (UNCLEAR_AGE, "The age that the file gives could not be understood.")
            if is_unclear
            else (NO_AGE, "The file gives no age.")
        )
        then = both if several else "For any other patient this score is not validated."
        return Suitability(False, (Caution(tag, f"{found} {known} {then}"),))
    age = f"{source} {age_in_words(age_years)}"
    if kind == "none":
        tag, sentence = (
            "no verdict under 1 year",
            f"There is no verdict for patients under {YOUNGEST:.0f} year: {age}. {known}",
        )
    elif kind == "between":
        tag, sentence = (
            "age not measured",
            f"The model was not measured on patients of this age: {age}. {known} {both}",
        )
    else:
        tag, sentence = (
            "outside population",
            f"This score is not validated for this patient: {age}. {known}",
        )
    return Suitability(True, (Caution(tag, sentence),))
