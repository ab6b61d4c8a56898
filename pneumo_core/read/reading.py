"""One X-ray read end to end: admission, preprocessing, network and heat map."""

from __future__ import annotations

import datetime
import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from pneumo_core.film import Radiograph
from pneumo_core.gate import CORRECTIONS, Admission, before, corrected
from pneumo_core.lungs import Outline, share_inside
from pneumo_core.models import BOTH, OUTSIDE, UNKNOWN, ModelCard, asked
from pneumo_core.read.verdicts import PopulationVerdict, Prediction, verdicts_on
from pneumo_core.wording import Caution, known_film, known_tag

if TYPE_CHECKING:
    # The import is for types only, because a page draws itself before TensorFlow has been imported.
    from pneumo_core.network import Classifier, Explanation


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """An X-ray, all that was read from it, and the model that read it.

    Attributes:
        card, device: the classifier's, which read it.
        read_at: UTC, ISO 8601, to the second.
        admission: the reasons for scoring it, and the cautions about picture and patient.
        asked: the name of the group that the patient's age belongs to, as `models.Asked` has it.
        verdicts: one a population asked, in the card's order; none where no verdict may be given.
        prepared: the network's input, float32 `(height, width, 1)`, as `preprocessing.prepare` gives it; read-only.
        logit: the network's, which no population changes.
        milliseconds: the time for preprocessing, network and heat map.
        age_years: the patient's age; None where it is not given.
        age_from: the source of the age: the file, or the request for the reading ("option").
        known_from: "training" or "validation" where the model knows this film from there.
        correction: the change before reading at the reader's request, in words; None where there was none.
        framing: the part of the image that was read, as a sentence; None where that was all of it.
    """

    radiograph: Radiograph
    card: ModelCard
    device: str
    read_at: str
    admission: Admission
    asked: str
    verdicts: tuple[PopulationVerdict, ...]
    logit: float
    prepared: np.ndarray
    explanation: Explanation
    milliseconds: float
    age_years: float | None = None
    age_from: Literal["file", "option"] | None = None
    known_from: str | None = None
    correction: str | None = None
    framing: str | None = None

    @property
    def prediction(self) -> Prediction:
        """Give the prediction for the first population asked; its probability is no number where none was asked."""
        return self.verdicts[0].prediction if self.verdicts else Prediction(self.logit, math.nan)

    @property
    def shown(self) -> PopulationVerdict | None:
        """Give the verdict of the one population asked; None where several were asked, or none."""
        return self.verdicts[0] if len(self.verdicts) == 1 else None

    def flagged(self, point_name: str) -> bool | None:
        """Say whether the populations asked flag it; None where they differ, or none was asked.

        Raises:
            ModelError: a population has no operating point of this name.
        """
        sides = {verdict.is_flagged(point_name) for verdict in self.verdicts}
        return sides.pop() if len(sides) == 1 else None

    @property
    def population(self) -> str | None:
        """Name the population whose figures hold for the verdict at the balanced point, as `population_at` does."""
        return self.population_at("balanced")

    def population_at(self, point_name: str) -> str | None:
        """Name the population whose figures hold for the verdict at an operating point.

        "both" (age not known) and "between" where several were asked and agree, "unknown" where they differ, "none"
        where none was asked. None for a patient who is of none of them.
        """
        if self.asked == OUTSIDE:
            return None
        if len(self.verdicts) < 2:
            return self.asked
        if self.flagged(point_name) is None:
            return UNKNOWN
        return BOTH if self.asked == UNKNOWN else self.asked

    @property
    def pixels_read(self) -> np.ndarray:
        """Give the pixels of the part that was read, float32 `(height, width)` in [0, 1]."""
        window, pixels = self.explanation.window, self.radiograph.pixels
        return pixels if window is None else pixels[window.slices(*pixels.shape)]

    @property
    def outline(self) -> Outline | None:
        """Give the lungs' outline; None where the model makes none."""
        return self.admission.lungs

    @property
    def share_inside(self) -> float | None:
        """Give the share of the heat map inside the thorax, in [0, 1]; None where that is not known."""
        if self.outline is None or self.explanation.is_blank:
            return None
        return share_inside(self.explanation.heatmap(*self.outline.both.shape), self.outline)

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
        return (*self.radiograph.origin.notes, *((self.framing,) if self.framing else ()))


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
    admission = before(radiograph, classifier.card.years, age_years)
    admission.check()
    started = time.perf_counter()
    framed = classifier.framed(radiograph.pixels)
    logit, explanation, verdict = classifier.look(framed.film)
    admission = admission.after(verdict, framed.outline)
    admission.check()
    milliseconds = 1000 * (time.perf_counter() - started)
    known, from_file = classifier.known, radiograph.origin.age_years
    given: Literal["option"] | None = None if age_years is None else "option"
    age = age_years if from_file is None else from_file
    who = asked(classifier.card, age)
    return Reading(
        radiograph=radiograph,
        card=classifier.card,
        device=classifier.device,
        read_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        admission=admission,
        asked=who.name,
        verdicts=verdicts_on(logit, who.populations),
        logit=logit,
        prepared=framed.film,
        explanation=replace(explanation, window=framed.window),
        milliseconds=milliseconds,
        age_years=age,
        age_from=given if from_file is None else "file",
        known_from=known.part_of(radiograph.sha256, framed.fingerprint) if known else None,
        correction=CORRECTIONS[correction][2] if correction is not None else None,
        framing=framed.note(*radiograph.pixels.shape),
    )
