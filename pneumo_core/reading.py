"""One X-ray read end to end: suitability, preprocessing, network and heat map."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.calibration import OperatingPoint
from pneumo_core.input_gate import NO_GATE
from pneumo_core.model_card import ModelCard
from pneumo_core.preprocessing import fingerprint, prepare
from pneumo_core.quality import Quality, measure_quality, refuse_clipped
from pneumo_core.radiograph import Radiograph
from pneumo_core.suitability import CORRECTIONS, FAR, Suitability, assess, corrected, refuse_by
from pneumo_core.wording import Caution, known_film, known_tag

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
        correction: what was done to the film before reading at the reader's request, in words; None: nothing.
        is_far: whether the input gate finds it far from the films that the network was trained on.
        has_gate: whether the model has an input gate.
        quality: what was measured of the film as it was read.
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
    correction: str | None = None
    is_far: bool = False
    has_gate: bool = True
    quality: Quality | None = None

    @property
    def is_unlike_known(self) -> bool:
        """True where the film or its patient is known to be unlike those that the model was measured on."""
        return self.is_far or self.suitability.is_outside_population

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What is to be known before the score is believed: what is special of this film first."""
        found = []
        if self.known_from:
            found.append(Caution(known_tag(self.known_from), known_film(self.known_from)))
        if self.correction:
            done = f"{self.correction} before reading"
            found.append(Caution(done, f"At the reader's request this film was {done}."))
        if self.quality:
            found += self.quality.cautions
        if self.is_far:
            found.append(FAR)
        if not self.has_gate:
            found.append(Caution("no input gate", NO_GATE))
        patient = self.suitability.cautions
        return (*patient, *found) if self.suitability.is_outside_population else (*found, *patient)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Give the cautions in whole sentences."""
        return tuple(caution.warning for caution in self.cautions)

    @property
    def tags(self) -> tuple[str, ...]:
        """Give the cautions in a few words each."""
        return tuple(caution.tag for caution in self.cautions)


def read_xray(classifier: Classifier, radiograph: Radiograph, correction: str | None = None) -> Reading:
    """Read one X-ray: check it, score it, explain the score.

    Args:
        correction: one of `suitability.CORRECTIONS`, if the reader asked for it.

    Raises:
        CorrectableImageError: the picture may not be scored as it is; it names a correction to be asked for.
        UnsuitableImageError: the picture may not be scored; the reason is its text.
    """
    if correction is not None:
        radiograph = corrected(radiograph, correction)
    suitability = assess(radiograph, classifier.card.population_years)
    quality = measure_quality(radiograph.pixels)
    refuse_clipped(quality, radiograph.name)
    started = time.perf_counter()
    film = prepare(radiograph.pixels, classifier.card.preprocessing)
    logit, probability, explanation, verdict = classifier.look(film)
    refuse_by(verdict, radiograph.name)
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
        correction=CORRECTIONS[correction][2] if correction is not None else None,
        is_far=verdict is not None and verdict.is_far,
        has_gate=verdict is not None,
        quality=quality,
    )
