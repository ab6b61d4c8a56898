"""Is this a frontal chest X-ray that the network may score, and of the population it knows?

What stands here are plain checks of the picture and the header. That a picture passes them does not
make it a chest X-ray; the pages say so.
"""

from dataclasses import dataclass

import numpy as np

from pneumo_core.errors import UnsuitableImageError
from pneumo_core.radiograph import Radiograph

# Grey levels between the darkest and brightest percent: under this nothing can be told apart.
MIN_CONTRAST = 0.05
# Mean distance of the colour channels; tinted film scans stay well under it.
MAX_COLOUR = 0.06
# Long side to short side; chest films are 1:1 to 2:1.
MAX_ASPECT = 2.5
# LLD and RLD are decubitus positions; LAT and LATERAL are what some devices write.
NOT_FRONTAL = {
    **dict.fromkeys(("LL", "RL", "LAT", "LATERAL"), "a lateral view"),
    **dict.fromkeys(("LLD", "RLD"), "taken lying on the side"),
    **dict.fromkeys(("LLO", "RLO"), "an oblique view"),
}


@dataclass(frozen=True, slots=True)
class Suitability:
    """What has to be said beside the score of a film that may be read; whole sentences.

    `is_outside_population` is True where the file itself says that the patient is of another age.
    """

    is_outside_population: bool
    warnings: tuple[str, ...]


def assess(radiograph: Radiograph, population_years: tuple[float, float]) -> Suitability:
    """Check whether the network may score this film.

    Args:
        population_years: lowest and highest age, in whole years, that the network was trained on.

    Raises:
        UnsuitableImageError: the picture is blank, coloured, of no film's shape, or a lateral view.
    """
    origin, name = radiograph.origin, radiograph.name
    if origin.colour > MAX_COLOUR:
        raise UnsuitableImageError(
            f"{name} is a colour picture. Expected is a greyscale X-ray. Please upload the X-ray itself, not a "
            "photograph or a coloured overlay of it."
        )
    low, high = np.percentile(radiograph.pixels[::4, ::4], (1, 99))
    if high - low < MIN_CONTRAST:
        raise UnsuitableImageError(
            f"{name} is almost blank (its grey levels span {100 * (high - low):.0f} % of the range). Expected is an "
            "X-ray with visible structure. Please check the export."
        )
    aspect = max(origin.height, origin.width) / min(origin.height, origin.width)
    if aspect > MAX_ASPECT:
        raise UnsuitableImageError(
            f"{name} is {origin.width} x {origin.height} pixels, {aspect:.1f} times as long as wide. Expected is one "
            f"whole chest X-ray, at most {MAX_ASPECT} times. Please upload the uncut film."
        )
    if origin.view_position in NOT_FRONTAL:
        raise UnsuitableImageError(
            f"{name} is {NOT_FRONTAL[origin.view_position]} ({origin.view_position}). The network knows upright "
            "frontal views only. Please upload the frontal film (AP or PA)."
        )
    return suitability_for_age(origin.age_years, population_years)


def suitability_for_age(age_years: float | None, population_years: tuple[float, float]) -> Suitability:
    """Say whether the network knows patients of this age; None where the file gives none."""
    youngest, oldest = population_years
    known = f"The network knows films of children of {youngest:.0f} to {oldest:.0f} years only"
    if age_years is None:
        return Suitability(
            False, (f"The file gives no age. {known}: for any other patient this score is not validated.",)
        )
    # "5 years" lasts until the sixth birthday.
    if youngest <= age_years < oldest + 1:
        return Suitability(False, ())
    age = f"{int(age_years)} years" if age_years >= 2 else f"{int(age_years * 12)} months"
    return Suitability(True, (f"Not validated for this patient: the file gives an age of {age}. {known}.",))
