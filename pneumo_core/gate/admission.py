"""May this X-ray be scored? The one door: header and picture before the network, the input gate after it.

Everything that scores X-rays asks here: reading, batch, What if, the survey of heat maps, the audit of a folder::

    admission = before(radiograph, card.years)
    ...                                                     # the network's pass, where there is no refusal
    admission = admission.after(verdict)
    admission.refusal, admission.cautions, admission.findings
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pneumo_core.errors import CorrectableImageError, UnsuitableImageError
from pneumo_core.film import Radiograph
from pneumo_core.gate.ages import Years
from pneumo_core.gate.input_gate import INVERTED, NO_GATE, Verdict
from pneumo_core.gate.quality import CUT_OFF, Quality, measure_quality, refuse_clipped
from pneumo_core.gate.raw import PERHAPS, raw_refusal, refuse_raw
from pneumo_core.gate.suitability import FAR, UNCLEAR_AGE, Suitability, assess, check_contrast, refuse_by
from pneumo_core.lungs import Outline, lung_cautions
from pneumo_core.wording import Caution

UNGATED = Caution("no input gate", NO_GATE)
_UNREMARKABLE = Suitability(False, ())


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether one X-ray may be scored, and what must be known before its score is believed.

    Attributes:
        name: what to call the X-ray in a refusal.
        refusal: the reason against a score; None where there is none so far.
        suitability: the cautions about the patient.
        quality: the measured quality of the picture; None where it was refused before that.
        verdict: the input gate's judgement; None before the network's pass, and where no gate judged the X-ray.
        is_complete: whether the network has run. Until then the X-ray is admitted to the network only.
        lungs: the lungs' outline; None where the model makes none.
        doubts: the cautions that were found while the file was read, and whether its pixels are perhaps raw data.
    """

    name: str
    refusal: UnsuitableImageError | None = None
    suitability: Suitability = _UNREMARKABLE
    quality: Quality | None = None
    verdict: Verdict | None = None
    is_complete: bool = False
    doubts: tuple[Caution, ...] = ()
    lungs: Outline | None = None

    def after(self, verdict: Verdict | None, lungs: Outline | None = None) -> Admission:
        """Add the input gate's judgement and the lungs' outline, each None where the model makes none.

        An outline refuses nothing: it misses the sickest lungs.
        """
        refusal = self.refusal or _refusal_by(verdict, self.name)
        if PERHAPS in self.doubts and isinstance(refusal, CorrectableImageError) and refusal.correction == INVERTED:
            # Bright air is what raw data look like without a lookup table. Inverting them makes no image for viewing.
            refusal = raw_refusal(self.name)
        return replace(self, refusal=refusal, verdict=verdict, lungs=lungs, is_complete=True)

    def check(self) -> None:
        """Let an admitted X-ray pass.

        Raises:
            CorrectableImageError: it may be scored once it is corrected; the error names the correction.
            UnsuitableImageError: it may not be scored; the reason is the text.
        """
        if self.refusal is not None:
            raise self.refusal

    @property
    def is_far(self) -> bool:
        """True where the input gate finds the X-ray far from those that the network was trained on."""
        return self.verdict is not None and self.verdict.is_far

    @property
    def is_ungated(self) -> bool:
        """True where the network has run and no gate judged the X-ray."""
        return self.is_complete and self.verdict is None

    @property
    def is_unlike_known(self) -> bool:
        """True where the X-ray or its patient is known to differ from those that the model was measured on."""
        return self.is_far or self.suitability.is_outside_population

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Give the cautions about the file and the picture, without those about the patient."""
        far = (FAR,) if self.is_far else ()
        ungated = (UNGATED,) if self.is_ungated else ()
        quality = self.quality.cautions if self.quality else ()
        return (*self.doubts, *quality, *self._of_lungs(), *far, *ungated)

    @property
    def findings(self) -> tuple[str, ...]:
        """Name the same in a word or two each, for a row: tags, and `quality.FINDINGS`."""
        far = (FAR.tag,) if self.is_far else ()
        ungated = (UNGATED.tag,) if self.is_ungated else ()
        # A row holds the age, and with it whether there is none; it cannot hold why.
        patient = (caution.tag for caution in self.suitability.cautions if caution.tag == UNCLEAR_AGE)
        doubts = (*(caution.tag for caution in self.doubts), *patient)
        lungs = (caution.tag for caution in self._of_lungs())
        return (*doubts, *far, *(self.quality.findings if self.quality else ()), *lungs, *ungated)

    def _of_lungs(self) -> tuple[Caution, ...]:
        # That a chest is cut off is said once.
        is_said = self.quality is not None and CUT_OFF in self.quality.findings
        return () if self.lungs is None else lung_cautions(self.lungs, with_edges=not is_said)


def before(radiograph: Radiograph, groups: Sequence[Years], age_years: float | None = None) -> Admission:
    """Judge an X-ray by its header and its picture, before the network sees it.

    Args:
        groups: lowest and highest age, in whole years, of each group of patients that the model knows.
        age_years: of the patient, where the file gives none.
    """
    name, doubts = radiograph.name, radiograph.origin.cautions
    try:
        suitability = assess(radiograph, groups, age_years)
        doubts = (*doubts, *refuse_raw(radiograph))
    except UnsuitableImageError as refusal:
        return Admission(name, refusal, doubts=doubts)
    return _measured(
        Admission(name, suitability=suitability, doubts=doubts), radiograph.pixels, outside=radiograph.outside
    )


def before_changed(pixels: np.ndarray, name: str, sharpness: float | None = None) -> Admission:
    """Judge a picture that was made of an admitted X-ray, before the network sees it.

    Args:
        pixels: float32 `(height, width)` in [0, 1], air dark and bone bright.
        sharpness: for judging blur where the picture's own would mislead; as in `Quality`.
    """
    try:
        check_contrast(pixels, name)
    except UnsuitableImageError as refusal:
        return Admission(name, refusal)
    return _measured(Admission(name), pixels, sharpness)


def _measured(
    admission: Admission, pixels: np.ndarray, sharpness: float | None = None, outside: np.ndarray | None = None
) -> Admission:
    quality = measure_quality(pixels, outside)
    if sharpness is not None:
        quality = replace(quality, sharpness=sharpness)
    try:
        refuse_clipped(quality, admission.name)
    except UnsuitableImageError as refusal:
        return replace(admission, refusal=refusal, quality=quality)
    return replace(admission, quality=quality)


def _refusal_by(verdict: Verdict | None, name: str) -> UnsuitableImageError | None:
    try:
        refuse_by(verdict, name)
    except UnsuitableImageError as refusal:
        return refusal
    return None
