"""Does a film's flag hold? The film is scored under twelve changes, each too small to change a reader's mind.

As in `what_if`, the changes are made to the film at the network's size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.explain.what_if import Change, as_scored, changed
from pneumo_core.film import prepare, recompressed, shifted
from pneumo_core.stats import Calibration, probabilities

if TYPE_CHECKING:
    # The import is for types only, because a page draws itself before TensorFlow has been imported.
    from pneumo_core.network import Classifier

SHIFT = 0.02
JPEG_QUALITY = 75
SmallChange = Callable[[np.ndarray, float], np.ndarray]


def _by(**settings: float) -> SmallChange:
    change = Change(**settings)  # type: ignore[arg-type]
    return lambda film, aspect: changed(film, change, aspect)


def _gamma(exponent: float) -> SmallChange:
    return lambda film, aspect: film ** np.float32(exponent)


def _shift(down: float, right: float) -> SmallChange:
    return lambda film, aspect: shifted(film, round(down * film.shape[0]), round(right * film.shape[1]))


# Each takes a film, float32 `(height, width)` in [0, 1], and its width through its height before it was resampled.
SMALL_CHANGES: dict[str, SmallChange] = {
    "contrast -10 %": _by(contrast=-10.0),
    "contrast +10 %": _by(contrast=10.0),
    "gamma 0.9": _gamma(0.9),
    "gamma 1.1": _gamma(1.1),
    "2 % to the left": _shift(0.0, -SHIFT),
    "2 % to the right": _shift(0.0, SHIFT),
    "2 % up": _shift(-SHIFT, 0.0),
    "2 % down": _shift(SHIFT, 0.0),
    "turned 2° left": _by(rotation=-2.0),
    "turned 2° right": _by(rotation=2.0),
    "blur 0.5 px": _by(blur=0.5),
    f"JPEG quality {JPEG_QUALITY}": lambda film, aspect: recompressed(film, JPEG_QUALITY),
}


@dataclass(frozen=True, slots=True)
class Fragility:
    """A film's probability as it is, and after each of `SMALL_CHANGES`."""

    probability: float
    changed: tuple[float, ...]

    def flips(self, threshold: float) -> tuple[bool, ...]:
        """Say after which changes the flag differs; probabilities of at least `threshold` are flagged."""
        is_flagged = self.probability >= threshold
        return tuple((probability >= threshold) != is_flagged for probability in self.changed)

    def in_words(self, threshold: float) -> str:
        """Say how often the flag flips."""
        count, n = sum(self.flips(threshold)), len(self.changed)
        if not count:
            return f"The flag holds under all {n} small changes."
        return f"The flag flips under {count} of {n} small changes."

    def strip(self, threshold: float) -> str:
        """Give the changes as an HTML list: name, probability, and a word and a sign where the flag flips."""
        flipped = "not flagged" if self.probability >= threshold else "flagged"
        cells = [
            f'<li class="flips"><span>{name}</span><b>{100 * probability:.1f} %</b><span>⇄ {flipped}</span></li>'
            if flips
            else f"<li><span>{name}</span><b>{100 * probability:.1f} %</b><span>holds</span></li>"
            for name, probability, flips in zip(SMALL_CHANGES, self.changed, self.flips(threshold), strict=True)
        ]
        return f'<ul class="fragility">{"".join(cells)}</ul>'


def small_changes(classifier: Classifier, pixels: np.ndarray) -> tuple[float, ...]:
    """Give the network's logits of a film after each of the small changes, in one pass.

    Args:
        pixels: the radiograph's, float32 `(height, width)` in [0, 1].
    """
    preprocessing = classifier.card.preprocessing
    film, aspect = as_scored(pixels, preprocessing), pixels.shape[1] / pixels.shape[0]
    films = np.stack([prepare(change(film, aspect), preprocessing) for change in SMALL_CHANGES.values()])
    return tuple(classifier.logits(films).tolist())


def fragility_of(probability: float, changed: Sequence[float], calibration: Calibration) -> Fragility:
    """Give the fragility of a film by the calibration of one population.

    Args:
        probability: the unchanged film's.
        changed: logits as `small_changes` gives them.
    """
    return Fragility(probability, tuple(probabilities(np.array(changed), calibration).tolist()))
