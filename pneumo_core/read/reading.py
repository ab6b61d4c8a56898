"""One X-ray read end to end: admission, preprocessing, network and heat map."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pneumo_core.film import Radiograph, fingerprint, prepare
from pneumo_core.gate import CORRECTIONS, Admission, before, corrected, population_name
from pneumo_core.models import ModelCard
from pneumo_core.stats import OperatingPoint
from pneumo_core.wording import Caution, known_film, known_tag

if TYPE_CHECKING:
    # The import is for types only, because a page draws itself before TensorFlow has been imported.
    from pneumo_core.network import Classifier, Explanation


@dataclass(frozen=True, slots=True)
class Prediction:
    """The network's result: the logit and the calibrated probability, in [0, 1]."""

    logit: float
    probability: float

    def is_flagged(self, point: OperatingPoint) -> bool:
        """True where the probability is at the operating point's threshold or above."""
        return self.probability >= point.threshold


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """An X-ray, all that was read from it, and the model that read it.

    Attributes:
        card, device: the classifier's, which read it.
        read_at: UTC, ISO 8601, to the second.
        admission: the reasons for scoring it, and the cautions about picture and patient.
        prepared: the network's input, float32 `(height, width, 1)`, as `preprocessing.prepare` gives it; read-only.
        milliseconds: the time for preprocessing, network and heat map.
        age_years: the patient's age; None where it is not given.
        age_from: the source of the age: the file, or the request for the reading ("option").
        known_from: "training" or "validation" where the model knows this film from there.
        correction: the change before reading at the reader's request, in words; None where there was none.
    """

    radiograph: Radiograph
    card: ModelCard
    device: str
    read_at: str
    admission: Admission
    prepared: np.ndarray
    prediction: Prediction
    explanation: Explanation
    milliseconds: float
    age_years: float | None = None
    age_from: Literal["file", "option"] | None = None
    known_from: str | None = None
    correction: str | None = None

    @property
    def population(self) -> str | None:
        """Name the population that the score's figures hold for, the model's.

        None where it has no short name, and for a patient who is known to be no part of it.
        """
        is_outside = self.admission.suitability.is_outside_population
        return None if is_outside else population_name(self.card.population_years)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Give all cautions before the score is used, those about this film first."""
        found = []
        if self.known_from:
            found.append(Caution(known_tag(self.known_from), known_film(self.known_from)))
        if self.correction:
            done = f"{self.correction} before reading"
            found.append(Caution(done, f"This image was {done}, at the reader's request."))
        found += self.admission.cautions
        patient = self.admission.suitability.cautions
        return (*patient, *found) if self.admission.suitability.is_outside_population else (*found, *patient)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Give the cautions in whole sentences."""
        return tuple(caution.warning for caution in self.cautions)

    @property
    def tags(self) -> tuple[str, ...]:
        """Give the cautions in a few words each."""
        return tuple(caution.tag for caution in self.cautions)

    @property
    def notes(self) -> tuple[str, ...]:
        """Say how the file's pixels and header were changed or understood on reading."""
        return self.radiograph.origin.notes


def read_xray(
    classifier: Classifier, radiograph: Radiograph, correction: str | None = None, *, age_years: float | None = None
) -> Reading:
    """Read one X-ray: admit it, score it, explain the score.

    Args:
        correction: one of `suitability.CORRECTIONS`, if the reader asked for it.
        age_years: the patient's age in years; the file's age comes first where there is one.

    Raises:
        CorrectableImageError: the picture may not be scored as it is; the error names a possible correction.
        UnsuitableImageError: the picture may not be scored; the reason is its text.
    """
    if correction is not None:
        radiograph = corrected(radiograph, correction)
    admission = before(radiograph, classifier.card.population_years, age_years)
    admission.check()
    started = time.perf_counter()
    film = prepare(radiograph.pixels, classifier.card.preprocessing)
    film.setflags(write=False)
    logit, probability, explanation, verdict = classifier.look(film)
    admission = admission.after(verdict)
    admission.check()
    milliseconds = 1000 * (time.perf_counter() - started)
    known, from_file = classifier.known, radiograph.origin.age_years
    given: Literal["option"] | None = None if age_years is None else "option"
    return Reading(
        radiograph=radiograph,
        card=classifier.card,
        device=classifier.device,
        read_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        admission=admission,
        prepared=film,
        prediction=Prediction(logit, probability),
        explanation=explanation,
        milliseconds=milliseconds,
        age_years=age_years if from_file is None else from_file,
        age_from=given if from_file is None else "file",
        known_from=known.part_of(radiograph.sha256, fingerprint(film[:, :, 0])) if known else None,
        correction=CORRECTIONS[correction][2] if correction is not None else None,
    )
