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
    # Only named here: a page draws itself before TensorFlow has been imported.
    from pneumo_core.network import Classifier, Explanation


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
    """An X-ray, all that was read from it, and by what.

    Attributes:
        card, device: of the classifier that read it.
        read_at: UTC, ISO 8601, to the second.
        admission: why it was scored, and what must be known of picture and patient.
        prepared: what the network was given: float32 `(height, width, 1)`, as `preprocessing.prepare` gives it;
            read-only.
        milliseconds: for preprocessing, network and heat map.
        age_years: of the patient; None where nobody says.
        age_from: who says so: the file, or whoever asked for the reading ("option").
        known_from: "training" or "validation" where the model knows this film from there.
        correction: what was done to the film before reading at the reader's request, in words; None: nothing.
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
        """Name the population whose figures hold for the score: the model's one; None where it has no short name."""
        return population_name(self.card.population_years)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What is to be known before the score is believed: what is special of this film first."""
        found = []
        if self.known_from:
            found.append(Caution(known_tag(self.known_from), known_film(self.known_from)))
        if self.correction:
            done = f"{self.correction} before reading"
            found.append(Caution(done, f"At the reader's request this film was {done}."))
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
        """Say what was done to the file's pixels and header while they were read."""
        return self.radiograph.origin.notes


def read_xray(
    classifier: Classifier, radiograph: Radiograph, correction: str | None = None, *, age_years: float | None = None
) -> Reading:
    """Read one X-ray: admit it, score it, explain the score.

    Args:
        correction: one of `suitability.CORRECTIONS`, if the reader asked for it.
        age_years: of the patient, in years; where the file gives an age, the file's holds.

    Raises:
        CorrectableImageError: the picture may not be scored as it is; it names a correction to be asked for.
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
