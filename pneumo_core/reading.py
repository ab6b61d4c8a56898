"""One X-ray read end to end: suitability, preprocessing, network and heat map."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.calibration import OperatingPoint
from pneumo_core.model_card import ModelCard
from pneumo_core.preprocessing import fingerprint, prepare
from pneumo_core.radiograph import Radiograph
from pneumo_core.suitability import Suitability, assess
from pneumo_core.wording import known_film

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
    """A film, all that was read from it, and by what.

    Attributes:
        card, device: of the classifier that read it.
        read_at: UTC, ISO 8601, to the second.
        milliseconds: for preprocessing, network and heat map.
        known_from: "training" or "validation" where the model knows this film from there.
    """

    radiograph: Radiograph
    card: ModelCard
    device: str
    read_at: str
    suitability: Suitability
    prediction: Prediction
    explanation: Explanation
    milliseconds: float
    known_from: str | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be known before the score is believed, in whole sentences."""
        known = (known_film(self.known_from),) if self.known_from else ()
        return (*known, *self.suitability.warnings)


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
    known = classifier.known
    return Reading(
        radiograph=radiograph,
        card=classifier.card,
        device=classifier.device,
        read_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        suitability=suitability,
        prediction=Prediction(logit, probability),
        explanation=explanation,
        milliseconds=milliseconds,
        known_from=known.part_of(radiograph.sha256, fingerprint(film[:, :, 0])) if known else None,
    )
