"""Predictive values from three groups of patients: with the finding, with another abnormality, and normal.

A specificity on normal X-rays alone promises too much wherever patients have other abnormalities, which a network flags
far more often. So the values come from the rates of all three groups, in the mix that a site states. Where a group of
the mix was not measured there are none.
"""

import math
import re
from dataclasses import dataclass
from typing import Literal

from pneumo_core.stats.metrics import Estimate

MIX_GROUPS: tuple[Literal["finding", "other", "normal"], ...] = ("finding", "other", "normal")
# The state of a patient of each group.
GROUP_WORDS = {"finding": "the finding", "other": "another abnormality", "normal": "nothing abnormal"}
NO_MIX = (
    "No predictive value is shown, because nobody has stated the mix of patients: how many of 100 have the finding, "
    "another abnormality, or nothing abnormal."
)
_PART = re.compile(r"(finding|other|normal)\s*[:=]?\s*([0-9]{1,3}(?:\.[0-9]+)?)\s*%?")


@dataclass(frozen=True, slots=True)
class Mix:
    """The shares of three groups among a site's patients, each in [0, 1]; they sum to 1."""

    finding: float
    other: float
    normal: float

    def __post_init__(self) -> None:
        """Refuse shares that are none.

        Raises:
            ValueError: a share lies outside [0, 1], or their sum is not 1.
        """
        shares = (self.finding, self.other, self.normal)
        if not all(0 <= share <= 1 for share in shares) or not math.isclose(sum(shares), 1, abs_tol=0.001):
            found = ", ".join(f"{100 * share:g}" for share in shares)
            raise ValueError(f"The shares are {found} %. Expected are three from 0 to 100 % that sum to 100 %.")

    def at(self, prevalence: float) -> "Mix":
        """Give the mix with another share of the finding; the other two keep their ratio.

        Args:
            prevalence: in [0, 1]. A mix of the finding alone has no such ratio: all others are then normal.
        """
        rest = self.other + self.normal
        other = (1 - prevalence) * (self.other / rest if rest else 0.0)
        return Mix(prevalence, other, 1 - prevalence - other)

    def in_words(self) -> str:
        """Say the shares in percent."""
        return (
            f"{100 * self.finding:.3g} % with the finding, {100 * self.other:.3g} % with another abnormality, "
            f"{100 * self.normal:.3g} % with nothing abnormal"
        )


@dataclass(frozen=True, slots=True)
class GroupRates:
    """The rates of three groups at a threshold; None where a group was not measured.

    Attributes:
        sensitivity: of X-rays with the finding.
        specificity_other, specificity_normal: the share not flagged of the other two groups.
    """

    sensitivity: Estimate | None
    specificity_other: Estimate | None
    specificity_normal: Estimate | None

    def of(self, group: Literal["finding", "other", "normal"]) -> Estimate | None:
        """Give the rate of a group."""
        found = {
            "finding": self.sensitivity,
            "other": self.specificity_other,
            "normal": self.specificity_normal,
        }[group]
        return None if found is None or math.isnan(found.value) else found


def mix_of_text(text: str) -> Mix | None:
    """Read a mix in percent: "finding 10, other 35, normal 55"; None where it names no three shares that sum to 100."""
    found = {name: float(number) / 100 for name, number in _PART.findall(text.lower())}
    if found.keys() != {*MIX_GROUPS} or _PART.sub("", text.lower()).strip(" ,;/"):
        return None
    try:
        return Mix(**found)
    except ValueError:
        return None


def why_no_values(rates: GroupRates, mix: Mix | None) -> str:
    """Say why there are no predictive values; "" where there are."""
    if mix is None:
        return NO_MIX
    missing = [group for group in MIX_GROUPS if getattr(mix, group) > 0 and rates.of(group) is None]
    if not missing:
        return ""
    named = " and ".join(GROUP_WORDS[group] for group in missing)
    return f"No predictive value is shown, because patients with {named} are in the mix and were not measured apart."


def values_in_mix(rates: GroupRates, mix: Mix | None) -> tuple[Estimate, Estimate] | None:
    """Give positive and negative predictive value in a mix of patients (Bayes); None where `why_no_values` says why.

    The range of each combines the lower and the upper ends of the groups' 95 % intervals: both values rise with all
    rates. It errs on the wide side. Where a value is not defined it is `nan`, as where nobody is flagged.
    """
    if mix is None or why_no_values(rates, mix):
        return None
    measured = [(getattr(mix, group), rates.of(group)) for group in MIX_GROUPS]
    used = [(share, rate) for share, rate in measured if rate is not None]
    n = sum(rate.n for _, rate in used)
    ends = []
    for end in ("value", "low", "high"):
        right = [share * getattr(rate, end) if rate is not None else 0.0 for share, rate in measured]
        found, missed = right[0], mix.finding - right[0]
        passed = right[1] + right[2]
        alarms = max(0.0, mix.other + mix.normal - passed)
        ends.append((_share(found, found + alarms), _share(passed, passed + missed)))
    positive, negative = (
        Estimate(math.nan, math.nan, math.nan, n) if math.isnan(value) else Estimate(value, low, high, n)
        for value, low, high in zip(*ends, strict=True)
    )
    return positive, negative


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
