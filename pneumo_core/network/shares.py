"""The shares of three classes in one film's score: the first one is calibrated, the other two are not."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shares:
    """The three classes of a network, as it sees one film. No share is a diagnosis.

    Attributes:
        finding: the calibrated probability of the finding, in [0, 1].
        other, normal: the rest, split as the network splits it. The split was never calibrated: it shows which of the
            two the film looks more like, and no more. All three add up to 1.
    """

    finding: float
    other: float
    normal: float

    @classmethod
    def of(cls, probability: float, other_logit: float) -> Shares:
        """Split the rest of a calibrated probability by the log odds of another abnormality against normal."""
        # Neither exponential can overflow, whatever the logit's sign.
        towards = math.exp(-abs(other_logit))
        smaller, larger = towards / (1 + towards), 1 / (1 + towards)
        other, normal = (larger, smaller) if other_logit >= 0 else (smaller, larger)
        rest = 1 - probability
        return cls(probability, rest * other, rest * normal)
