"""One X-ray read end to end: suitability, preprocessing, network and heat map."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.calibration import OperatingPoint
from pneumo_core.preprocessing import prepare
from pneumo_core.radiograph import Radiograph
from pneumo_core.suitability import Suitability, assess

if TYPE_CHECKING:
    # Only named here: a page draws itself before TensorFlow has been imported.
    from pneumo_core.classifier import Classifier
    from pneumo_core.gradcam import Explanation


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the network gave: the logit and the calibrated probability, in [0, 1]."""

    logit: float
    probability: float

    def is_flagged(self, point: OperatingPoint) -> bool:
        """True where the probability is at the operating point's threshold or above."""
        return self.probability >= point.threshold


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A film and all that was read from it. `milliseconds` covers preprocessing, network and heat map."""

    radiograph: Radiograph
    suitability: Suitability
    prediction: Prediction
    explanation: Explanation
    milliseconds: float


def read_xray(classifier: Classifier, radiograph: Radiograph) -> Reading:
    """Read one X-ray: check it, score it, explain the score.

    Raises:
        UnsuitableImageError: the picture may not be scored; the reason is its text.
    """
    suitability = assess(radiograph, classifier.card.population_years)
    started = time.perf_counter()
    film = prepare(radiograph.pixels, classifier.card.preprocessing)
    logit, probability, explanation = classifier.score_and_explain(film)
    milliseconds = 1000 * (time.perf_counter() - started)
    return Reading(radiograph, suitability, Prediction(logit, probability), explanation, milliseconds)
