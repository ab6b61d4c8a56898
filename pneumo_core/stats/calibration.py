"""From logits to probabilities and thresholds, both chosen on validation films.

A threshold chosen on clean validation films does not carry over. Other scanners and other
resampling move the scores. The files' shape may help on validation films and not elsewhere.
So the films are also read as stressed copies (`train.stress`), and all copies once more with
the classes' shapes evened. An operating point has to hold on every copy, by the lower end of
the 95 % interval of its rate: a perfect specificity on few films promises little.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy import special

from pneumo_core.stats.metrics import proportion

SCREENING_SENSITIVITY = 0.97
RULE_IN_SPECIFICITY = 0.97
PointName = Literal["screening", "balanced", "rule-in"]
# The next number above 1: a threshold that no probability reaches, where even a perfect score must not be flagged.
NO_FLAG = math.nextafter(1.0, 2.0)
# The use of a point in words, for people; its name is for scripts.
USES: dict[PointName, str] = {"screening": "second look", "balanced": "worklist flag", "rule-in": "few false alarms"}
AS_THEY_ARE = "on the validation films as they are"
COPIES = f"{AS_THEY_ARE} and of evened shapes, and on every stressed copy of both"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Temperature scaling (Guo et al. 2017): probability = sigmoid(logit / temperature).

    `prevalence` is the share of pneumonia that the probability refers to, between 0 and 1.
    """

    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    prevalence: Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True, slots=True)
class PointRule:
    """The rule that chose a threshold. A rate counts by the lower end of its 95 % interval (Wilson).

    Attributes:
        rate: the wanted rate, or "balance": the lower one of both, as high as it can be.
        at_least: what the rate had to reach, in (0, 1); None for "balance".
        too_few: how many films of the class there were, where they cannot show `at_least`; the rate was then
            made as high as it can be.
        on_every_copy: whether the rule had to hold on every stressed copy too, and with the shapes evened.
    """

    rate: Literal["sensitivity", "specificity", "balance"]
    at_least: Annotated[float, Field(gt=0, lt=1)] | None = None
    too_few: Annotated[int, Field(ge=0, le=10**9)] | None = None
    on_every_copy: bool = True

    @model_validator(mode="after")
    def _wants_one_thing(self) -> Self:
        if (self.at_least is None) != (self.rate == "balance"):
            raise ValueError(
                f"it holds a rule for {self.rate} with the wanted rate {self.at_least}. Expected is a wanted rate for "
                "sensitivity and specificity, and none for balance"
            )
        return self

    def in_words(self) -> str:
        """Say what a threshold was chosen for."""
        films = COPIES if self.on_every_copy else AS_THEY_ARE
        if self.at_least is None:
            return f"the highest smallest lower end of the 95 % intervals of sensitivity and specificity {films}"
        if self.too_few is not None:
            few = f"{self.too_few} of a class are too few to show one of {self.at_least}"
            return f"the highest {self.rate} {films}; {few}"
        return f"{self.rate} of at least {self.at_least}, by the lower end of its 95 % interval, {films}"


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold on the calibrated probability, 0 to `NO_FLAG`, and the rule that chose it.

    Cards of format 1 give the rule as a sentence.
    """

    name: PointName
    threshold: Annotated[float, Field(ge=0, le=NO_FLAG)]
    rule: PointRule | str

    @property
    def chosen_for(self) -> str:
        """Say what the threshold was chosen for."""
        return self.rule if isinstance(self.rule, str) else self.rule.in_words()

    @property
    def use(self) -> str:
        """Name the point by its use, for people."""
        return USES[self.name]


def probabilities(logits: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Give calibrated probabilities in [0, 1], of the logits' shape, float64."""
    return special.expit(np.asarray(logits, np.float64) / calibration.temperature)


def probability_at(probability: float, calibration: Calibration, prevalence: float) -> float:
    """Give the same film's probability in a group of patients with another share of pneumonia (Bayes)."""
    if probability in (0.0, 1.0) or prevalence in (0.0, 1.0):
        return prevalence if prevalence in (0.0, 1.0) else probability
    shift = special.logit(prevalence) - special.logit(calibration.prevalence)
    return float(special.expit(special.logit(probability) + shift))


def fit_temperature(logits: np.ndarray, has_pneumonia: np.ndarray) -> Calibration:
    """Find the temperature with the smallest log loss, both classes weighing the same.

    Args:
        logits: float `(n,)`.
        has_pneumonia: bool `(n,)`, with both classes in it.

    Returns:
        calibration for a prevalence of one half, which is what equal weights mean.
    """
    from scipy import optimize  # half a second that a page need not pay

    signs = np.where(has_pneumonia, 1.0, -1.0)
    weights = np.where(has_pneumonia, 0.5 / has_pneumonia.sum(), 0.5 / (~has_pneumonia).sum())

    def weighted_log_loss(log_temperature: float) -> float:
        margins = signs * logits / np.exp(log_temperature)
        return float(np.sum(weights * np.logaddexp(0.0, -margins)))

    found = optimize.minimize_scalar(weighted_log_loss, bounds=(-3.0, 3.0), method="bounded")
    return Calibration(temperature=float(np.exp(found.x)), prevalence=0.5)


def choose_operating_points(
    scores: Mapping[str, np.ndarray], has_pneumonia: np.ndarray, balanced_sensitivity: float | None = None
) -> tuple[OperatingPoint, OperatingPoint, OperatingPoint]:
    """Choose the screening, balanced and rule-in thresholds so that each holds on every copy of the films.

    Args:
        scores: calibrated probabilities `(n,)` by the name of the copy, of the same films in the same order.
        has_pneumonia: bool `(n,)`, with both classes in it.
        balanced_sensitivity: what the balanced point's sensitivity has to reach, where the two rates are not to be
            balanced; chosen as the screening point is.

    Returns:
        screening: the highest threshold at which on every copy the lower end of the sensitivity's 95 % interval
            (Wilson) is as wanted, or none is missed where too few films can show that;
        balanced: the threshold at which the lowest of all such lower ends, of sensitivities and specificities, is
            highest;
        rule-in: the lowest threshold with the wanted specificity, as for screening.
        Where the classes lie so far apart that the first is above the last, both promises hold on the
        whole way between them, and the two change places: always in this order, never falling.
    """
    sick = np.stack([np.sort(copy[has_pneumonia]) for copy in scores.values()])
    well = np.stack([np.sort(copy[~has_pneumonia]) for copy in scores.values()])
    sick_bounds, well_bounds = _lower_bounds(sick.shape[1]), _lower_bounds(well.shape[1])

    screening = float(sick[:, _allowed_errors(sick_bounds, SCREENING_SENSITIVITY)].min())
    allowed_false = _allowed_errors(well_bounds, RULE_IN_SPECIFICITY)
    rule_in = float(np.nextafter(well[:, well.shape[1] - 1 - allowed_false].max(), 2.0))

    candidates = np.unique(np.concatenate([sick.ravel(), well.ravel()]))
    sensitivity = np.min([sick_bounds[np.searchsorted(copy, candidates, "left")] for copy in sick], axis=0)
    specificity = np.min([well_bounds[len(copy) - np.searchsorted(copy, candidates, "left")] for copy in well], axis=0)
    worst = np.minimum(sensitivity, specificity)
    # Any threshold above the score before the best stretch and up to its last one counts alike: the
    # middle is the farthest from both.
    best = np.flatnonzero(worst == worst.max())
    balanced = float((candidates[max(best[0] - 1, 0)] + candidates[best[-1]]) / 2)
    rule = PointRule("balance")
    if balanced_sensitivity is not None:
        balanced = float(sick[:, _allowed_errors(sick_bounds, balanced_sensitivity)].min())
        rule = _aim("sensitivity", balanced_sensitivity, sick_bounds)
    lowest, highest = sorted((screening, rule_in))

    return (
        OperatingPoint(
            "screening",
            lowest,
            _aim("sensitivity", SCREENING_SENSITIVITY, sick_bounds),
        ),
        OperatingPoint(
            "balanced",
            min(max(balanced, lowest), highest),
            rule,
        ),
        OperatingPoint(
            "rule-in",
            highest,
            _aim("specificity", RULE_IN_SPECIFICITY, well_bounds),
        ),
    )


def _lower_bounds(n: int) -> np.ndarray:
    """Give the lower end of a rate's 95 % interval by how many of n films are wrong: float64 `(n + 1,)`, falling."""
    return np.array([proportion(n - errors, n).low for errors in range(n + 1)])


def _allowed_errors(bounds: np.ndarray, wanted: float) -> int:
    return max(int(np.count_nonzero(bounds >= wanted)) - 1, 0)


def _aim(rate: Literal["sensitivity", "specificity"], wanted: float, bounds: np.ndarray) -> PointRule:
    """Give the rule of a threshold: the rate that was wanted, or as high as so few films can show."""
    return PointRule(rate, wanted, len(bounds) - 1 if bounds[0] < wanted else None)
