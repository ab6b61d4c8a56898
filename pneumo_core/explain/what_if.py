"""Changes to a film, as if it were covered, turned or brighter: its score, heat map, flips and refusals.

A change is made to the film at the network's own size. So the shown film is the scored one, and a curve has no jump
from resampling. Without a change the input is exactly that of `reading.read_xray`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.film import Preprocessing, blurred, prepare, rotated
from pneumo_core.gate import before_changed, measure_quality
from pneumo_core.lungs import SIDES, ZONES

if TYPE_CHECKING:
    # The import is for types only, because a page draws itself before TensorFlow has been imported.
    from pneumo_core.film import Window
    from pneumo_core.gate import Verdict
    from pneumo_core.lungs import Outline
    from pneumo_core.network import Classifier, Explanation

HIDDEN_BY = ("grey", "blur")
# The blur is this share of the longer side. It keeps the lung fields' brightness, but no rib, vessel or letter.
HIDING_BLUR = 1 / 20
LADDER_VALUES = 21


@dataclass(frozen=True, slots=True)
class Control:
    """A way to change a film by degrees; 0 leaves it as it is.

    A reader can set multiples of `step`; so is each value of the ladder between `lowest` and `highest`.
    """

    label: str
    unit: str
    lowest: float
    highest: float
    step: float

    @property
    def ladder(self) -> np.ndarray:
        """Give the scored values: float64 `(LADDER_VALUES,)`, rising, 0 among them."""
        return np.round(np.linspace(self.lowest, self.highest, LADDER_VALUES), 1)

    def in_words(self, value: float) -> str:
        """Say a value, held together on a line: "-18 %", "2.5 px"."""
        return (
            f"{value:{'+' if self.lowest and value else ''}.{0 if self.step >= 1 else 1}f}\N{NO-BREAK SPACE}{self.unit}"
        )


# The keys are the fields of `Change` that the controls set.
CONTROLS = {
    "brightness": Control("Brightness", "%", -50.0, 50.0, 1.0),
    "contrast": Control("Contrast", "%", -80.0, 80.0, 1.0),
    "rotation": Control("Rotation", "°", -30.0, 30.0, 1.0),
    "blur": Control("Blur", "px", 0.0, 8.0, 0.1),
}


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a film: its sides in percent of the film's width from the left, of its height from the top."""

    left: int
    right: int
    top: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a film, applied in this order; the defaults change nothing.

    Attributes:
        contrast: percent by which grey values move away from the film's mean, or towards it.
        brightness: percent of the whole grey range that is added.
        blur: the deviation of a Gaussian, in pixels of the network's input.
        rotation: degrees, clockwise; corners that turn in from outside are black.
        region: the hidden rectangle; None for none.
        hidden_by: "grey", the mean of the film as it then is, or "blur".
    """

    contrast: float = 0.0
    brightness: float = 0.0
    blur: float = 0.0
    rotation: float = 0.0
    region: Region | None = None
    hidden_by: str = "grey"

    def at(self, name: str, value: float) -> Change:
        """Give this change with one of `CONTROLS` at a value."""
        setting: dict[str, Any] = {name: value}
        return replace(self, **setting)


@dataclass(frozen=True, slots=True)
class Check:
    """The refusal or the warnings that a changed film would get if it were read.

    Attributes:
        refusal: the reason for a refusal, such as "it seems to be upside down"; empty where there is none.
        warned_of: the findings of its picture that would be warned of, in a word each.
    """

    refusal: str
    warned_of: tuple[str, ...]

    def in_words(self) -> str:
        """Say whether Explain would read or refuse the film."""
        if self.refusal:
            return f"Explain would refuse this image and give no probability: {self.refusal}."
        warns = f", and warn of: {', '.join(self.warned_of)}" if self.warned_of else ""
        return f"Explain would read this changed image{warns}."


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A changed film and the network's results for it, whether or not it would be read.

    Attributes:
        film: float32, of the network's input size, in [0, 1].
        shape: height and width of the film before it was resampled to that size.
    """

    film: np.ndarray
    shape: tuple[int, int]
    probability: float
    explanation: Explanation
    check: Check


@dataclass(frozen=True, slots=True, eq=False)
class FlipCurve:
    """The probability over one control with all else fixed: where the flag flips, and where a film is refused.

    Attributes:
        values, probabilities: float64 `(LADDER_VALUES,)`.
        is_flagged: with the control at 0.
        flips: below and above 0, the first value outwards, to the control's step, with the other flag. None where no
            value of the ladder has it.
        refused: below and above 0, the first value outwards, 0 among them, at which the film would be refused.
        warned: likewise, the first value at which it would get a warning that it does not get with the control at 0.
    """

    control: Control
    values: np.ndarray
    probabilities: np.ndarray
    is_flagged: bool
    flips: tuple[float | None, float | None]
    refused: tuple[float | None, float | None]
    warned: tuple[float | None, float | None]

    def in_words(self) -> str:
        """Say where the flag flips, or that it does not."""
        control, ends = self.control, (self.control.lowest, self.control.highest)
        found = [control.in_words(value) for value in self.flips if value is not None]
        if len(found) == 2:
            return f"Flips at {found[0]} and {found[1]}"
        held = [control.in_words(end) for end, value in zip(ends, self.flips, strict=True) if end and value is None]
        if found:
            return f"Flips at {found[0]}" + (f"; not up to {held[0]}" if held else "")
        return f"No flip {f'from {held[0]} to {held[1]}' if len(held) == 2 else f'up to {held[0]}'}"

    def check_in_words(self) -> str:
        """Say from which values on Explain would refuse the film, or give a new warning."""
        if 0.0 in self.refused:
            return "Explain would refuse the image even with this control at 0"
        warned, refused = (
            " and ".join(self.control.in_words(value) for value in values if value is not None)
            for values in (self.warned, self.refused)
        )
        warns = f"give a new warning first at {warned}, and " if warned else ""
        return f"Explain would {warns}refuse {f'first at {refused}' if refused else 'none'}"


def region_of(across: Sequence[float], down: Sequence[float]) -> Region:
    """Give the region of a box drawn on a film, in whole percent; its corners can come in any order."""
    left, right, top, bottom = (
        min(100, max(0, round(end))) for ends in (across, down) for end in (min(ends), max(ends))
    )
    return Region(left, right, top, bottom)


def zones_of(outline: Outline | None, window: Window | None = None) -> dict[str, Region]:
    """Give the regions of the lungs' zones by name, as "left lower zone"; none of a lung that is not outlined.

    Args:
        window: the part of the image that is shown and changed; None for the whole.
    """
    top, left, bottom, right = (0.0, 0.0, 1.0, 1.0) if window is None else astuple(window)
    found = {f"{side} {zone} zone": outline.zone(side, zone) for side in SIDES for zone in ZONES} if outline else {}
    return {
        name: region_of(
            [100 * (share - left) / (right - left) for share in (box.left, box.right)],
            [100 * (share - top) / (bottom - top) for share in (box.top, box.bottom)],
        )
        for name, box in found.items()
        if box is not None
    }


def changed(film: np.ndarray, change: Change, aspect: float) -> np.ndarray:
    """Change a film.

    Args:
        film: float32 `(height, width)` in [0, 1].
        aspect: the film's width through its height before it was resampled to this shape.

    Returns:
        float32 `(height, width)` in [0, 1]; the same pixels where nothing is changed.
    """
    if change.contrast or change.brightness:
        mean = film.mean()
        toned = (film - mean) * np.float32(1 + change.contrast / 100) + mean + np.float32(change.brightness / 100)
        film = np.clip(toned, 0.0, 1.0)
    if change.blur:
        film = blurred(film, change.blur)
    if change.rotation:
        film = rotated(film, change.rotation, aspect)
    return film if change.region is None else _hidden(film, change.region, change.hidden_by)


def as_scored(pixels: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """Give a film at the network's size, but still in [0, 1]: preparing it once more only scales it."""
    return prepare(pixels, replace(preprocessing, scale=1.0))[:, :, 0]


def look_at(classifier: Classifier, pixels: np.ndarray, change: Change) -> Look:
    """Score and explain a changed film.

    Args:
        pixels: of the radiograph, float32 `(height, width)` in [0, 1].
    """
    preprocessing = classifier.card.preprocessing
    film, aspect = as_scored(pixels, preprocessing), pixels.shape[1] / pixels.shape[0]
    shown = changed(film, change, aspect)
    logit, explanation, verdict = classifier.look(prepare(shown, preprocessing))
    probability = float(classifier.probabilities(np.array(logit)))
    found = check(shown, verdict, film, change, aspect)
    return Look(shown, (pixels.shape[0], pixels.shape[1]), probability, explanation, found)


def check(shown: np.ndarray, verdict: Verdict | None, film: np.ndarray, change: Change, aspect: float) -> Check:
    """Check a changed film as `reading.read_xray` checks a film.

    Args:
        shown: the film as changed; float32, of the network's input size, in [0, 1].
        verdict: the verdict of the model's gate; None without a gate.
        film, change, aspect: its origin, as `changed` takes them.
    """
    sharpness = None
    if change.rotation:
        # Turning keeps a film sharp at full size, but not at the network's. So the unturned film's sharpness counts.
        sharpness = measure_quality(changed(film, change.at("rotation", 0.0), aspect)).sharpness
    admission = before_changed(shown, "it", sharpness).after(verdict)
    # The rest of a refusal is advice for an uploaded film.
    refusal = str(admission.refusal).partition(". ")[0] if admission.refusal else ""
    return Check(refusal, admission.findings)


def flip_curve(classifier: Classifier, pixels: np.ndarray, change: Change, name: str, threshold: float) -> FlipCurve:
    """Score and check a film over the whole range of one control; find the flips, refusals and warnings nearest to 0.

    A flag may flip and flip back unseen between two values of the ladder that agree. So may refusals and warnings.

    Args:
        pixels: of the radiograph, float32 `(height, width)` in [0, 1].
        change: the fixed settings of all other controls.
        name: the control, one of `CONTROLS`.
        threshold: a probability of at least this is flagged.
    """
    control, preprocessing = CONTROLS[name], classifier.card.preprocessing
    film, aspect = as_scored(pixels, preprocessing), pixels.shape[1] / pixels.shape[0]

    def scored(values: np.ndarray) -> tuple[np.ndarray, list[Check]]:
        changes = [change.at(name, float(value)) for value in values]
        films = [changed(film, each, aspect) for each in changes]
        probabilities, verdicts = classifier.score_and_judge(np.stack([prepare(each, preprocessing) for each in films]))
        made = zip(films, verdicts, changes, strict=True)
        return probabilities, [check(shown, verdict, film, each, aspect) for shown, verdict, each in made]

    values = control.ladder
    probabilities, checks = scored(values)
    middle = int(np.flatnonzero(values == 0)[0])
    is_flagged, known = bool(probabilities[middle] >= threshold), checks[middle].warned_of

    def flips(probability: float, found: Check) -> bool:
        return (probability >= threshold) != is_flagged

    def is_refused(probability: float, found: Check) -> bool:
        return bool(found.refusal)

    def is_warned_of(probability: float, found: Check) -> bool:
        return not found.refusal and not set(found.warned_of) <= set(known)

    def first(outwards: np.ndarray, holds: Callable[[float, Check], bool]) -> float | None:
        """Give the first value along the ladder's places, from 0 outwards, that `holds` is true of."""
        place = next((n for n, at in enumerate(outwards) if holds(probabilities[at], checks[at])), None)
        if not place:
            return place
        inner, outer = values[outwards[place - 1]], values[outwards[place]]
        steps = np.round(np.linspace(inner, outer, round(abs(outer - inner) / control.step) + 1), 1)[1:]
        between = zip(steps, *scored(steps[:-1]), strict=False)
        return float(next((value for value, *found in between if holds(*found)), outer))

    def nearest(holds: Callable[[float, Check], bool]) -> tuple[float | None, float | None]:
        return first(np.arange(middle, -1, -1), holds), first(np.arange(middle, len(values)), holds)

    return FlipCurve(
        control, values, probabilities, is_flagged, nearest(flips), nearest(is_refused), nearest(is_warned_of)
    )


def _hidden(film: np.ndarray, region: Region, hidden_by: str) -> np.ndarray:
    height, width = film.shape
    rows = slice(round(height * region.top / 100), round(height * region.bottom / 100))
    columns = slice(round(width * region.left / 100), round(width * region.right / 100))
    cover = blurred(film, HIDING_BLUR * max(film.shape)) if hidden_by == "blur" else np.full_like(film, film.mean())
    hidden = film.copy()
    hidden[rows, columns] = cover[rows, columns]
    return hidden
