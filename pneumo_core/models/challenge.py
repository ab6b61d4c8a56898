"""A candidate against the model in use on the same films: the ground for a decision on a promotion.

`train.challenge` makes it; it lies in the candidate's folder. Test films have no say: whoever promotes by them has
chosen by them. The page and the command line ask once more about all doubts (`doubts`).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config

from pneumo_core.files import write_whole
from pneumo_core.gate import NO_GATE
from pneumo_core.models.card import MAX_POPULATIONS
from pneumo_core.models.results import Count
from pneumo_core.models.store import ModelEntry
from pneumo_core.stats import Comparison, Estimate, in_brackets
from pneumo_core.wording import counted

CHALLENGE_FILE = "against.json"
# The films should rule out a larger loss of sensitivity, specificity or area before a model takes another's place.
LARGE_LOSS = 0.05

Probability = Annotated[float, Field(ge=0, le=1)]
# The threshold of an operating point can lie a little above 1.
Threshold = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Pair:
    """One film with both models' probabilities, each calibrated by its own card."""

    name: str
    has_pneumonia: bool
    candidate: Probability
    current: Probability


@dataclass(frozen=True, slots=True)
class CopyResult:
    """Both models on one copy of the films; differences are candidate less current.

    Attributes:
        films: which copy.
        comparison: each at its own balanced point, on one film a patient.
        candidate_brier, current_brier: Brier scores, on all films; the others likewise.
    """

    films: str
    comparison: Comparison
    candidate_brier: float
    current_brier: float
    candidate_calibration_error: float
    current_calibration_error: float


@with_config(ConfigDict(ser_json_inf_nan="constants", extra="forbid"))
@dataclass(frozen=True, slots=True)
class Challenge:
    """The comparison of a candidate with the model in use, in one population that both know, and in the others.

    Words on better, worse and losses are of all of these populations; thresholds, films and pairs are of one.

    Attributes:
        candidate, current: names of the models, with the weights that were compared.
        made: when, UTC.
        films, patients: how many were compared.
        left_out: films that the model in use was trained on, so that they would flatter it.
        copies: the films as they are first, then every stressed copy.
        pairs: every film as it is.
        validated_by_current: films that chose epoch and thresholds of the model in use too; None where that is not
            known.
        population: the one that thresholds, films, copies and pairs are of; "" in comparisons made before models of
            several.
        others: the comparisons in further populations, each without others.
        only_candidate, only_current: populations that one model alone knows, so that nothing is compared in them.
    """

    candidate: str
    candidate_weights: str
    candidate_threshold: Threshold
    current: str
    current_weights: str
    current_threshold: Threshold
    made: str
    films: Count
    patients: Count
    left_out: Count
    copies: Annotated[tuple[CopyResult, ...], Field(min_length=1)]
    pairs: tuple[Pair, ...]
    validated_by_current: Count | None = None
    population: str = ""
    others: Annotated[tuple["Challenge", ...], Field(max_length=MAX_POPULATIONS)] = ()
    only_candidate: tuple[str, ...] = ()
    only_current: tuple[str, ...] = ()

    @property
    def by_population(self) -> tuple["Challenge", ...]:
        """Give the comparison in each population alone."""
        return (replace(self, others=(), only_candidate=(), only_current=()), *self.others)

    @property
    def changed_sides(self) -> tuple[Pair, ...]:
        """Give the films that one model flags and the other does not, the largest difference first."""
        changed = (
            pair
            for pair in self.pairs
            if (pair.candidate >= self.candidate_threshold) != (pair.current >= self.current_threshold)
        )
        return tuple(sorted(changed, key=lambda pair: -abs(pair.candidate - pair.current)))

    def is_right(self, pair: Pair) -> bool:
        """True where the candidate is right on a film."""
        return (pair.candidate >= self.candidate_threshold) == pair.has_pneumonia

    @property
    def better(self) -> tuple[str, ...]:
        """Say where the candidate is better by more than chance: the 95 % interval lies above 0, and p below 0.05.

        Both, because an interval of few films can leave out 0 where the exact test finds nothing.
        """
        return tuple(text for text, difference, p in self._differences() if difference.low > 0 and p < 0.05)

    @property
    def worse(self) -> tuple[str, ...]:
        """Say where it is worse by more than chance."""
        return tuple(text for text, difference, p in self._differences() if difference.high < 0 and p < 0.05)

    @property
    def differences(self) -> int:
        """Give the number of paired differences."""
        return len(list(self._differences()))

    @property
    def losses_left_open(self) -> tuple[str, ...]:
        """Say which losses of more than `LARGE_LOSS` these films do not rule out, by the 95 % intervals on them.

        A difference that is not defined, or one other than 0 without an interval, rules out nothing.
        """
        losses = []
        for part, beside in self._named():
            found = part.copies[0].comparison
            for what, differing in (
                ("area under the ROC curve", found.area_under_roc),
                ("sensitivity", found.sensitivity),
                ("specificity", found.specificity),
            ):
                difference = differing.difference
                if math.isnan(difference.low) and difference.value != 0:
                    losses.append(f"{what}{beside} of any size (no interval)")
                elif difference.low < -LARGE_LOSS:
                    losses.append(f"{what}{beside} up to {-difference.low:.3f}")
        return tuple(losses)

    def losses_in_words(self) -> str:
        """Say in a sentence which losses these films leave open; "" where none."""
        losses = ", ".join(self.losses_left_open)
        patients = sum(part.patients for part in self.by_population)
        return losses and (
            f"Not shown to be as good. The X-rays of {counted(patients, 'patient')} do not rule out a loss of "
            f"{losses} (lower end of the 95 % interval)."
        )

    def in_words(self) -> str:
        """Say in a sentence what the comparison says about a promotion."""
        count = self.differences
        words = (
            f"The candidate is better than {self.current} in {len(self.better)} and worse in {len(self.worse)} of "
            f"{count} paired differences, by their 95 % intervals and tests. With {count} comparisons, up to "
            f"{count * 0.025:.1f} in each direction are expected by chance even for equal models."
        )
        return " ".join(part for part in (words, self.populations_in_words()) if part)

    def populations_in_words(self) -> str:
        """Say in which populations it is better and in which worse, and which one model alone knows; "" for one."""
        said = []
        if self.others:
            said = [
                f"{part.population[:1].upper()}{part.population[1:]}: better in {len(part.better)}, worse in "
                f"{len(part.worse)} of {part.differences}."
                for part in self.by_population
            ]
        said += [
            f"{who} knows {', '.join(names)}, so that nothing is compared there."
            for who, names in (
                ("The candidate alone", self.only_candidate),
                (f"{self.current} alone", self.only_current),
            )
            if names
        ]
        return " ".join(said)

    def _named(self) -> Iterator[tuple["Challenge", str]]:
        """Give the comparison in each population, with what names it beside a figure where there are several."""
        for part in self.by_population:
            yield part, f" ({part.population})" if self.others else ""

    def _differences(self) -> Iterator[tuple[str, Estimate, float]]:
        for part, beside in self._named():
            for copy in part.copies:
                found = copy.comparison
                for what, differing in (
                    ("area under the ROC curve", found.area_under_roc),
                    ("sensitivity", found.sensitivity),
                    ("specificity", found.specificity),
                ):
                    difference = differing.difference
                    yield (
                        f"{what}{beside}, {copy.films}: {in_brackets(difference, '+.4f')}",
                        difference,
                        differing.p,
                    )


_CHALLENGE = TypeAdapter(Challenge)


def why_no_evidence(challenge: Challenge | None, weights: str, in_use: str | None) -> str:
    """Say why a comparison says nothing about these weights taking the place of those in use; "" where it does."""
    if in_use is None:
        return "There is no model in use to compare it with."
    if weights == in_use:
        return "It has the same weights as the model in use. Its probabilities and thresholds may differ."
    if challenge is None or challenge.candidate_weights != weights:
        return "It was not compared with the model in use."
    if challenge.current_weights != in_use:
        return (
            f"The comparison of {challenge.made[:10]} is outdated. It was made with {challenge.current}, weights "
            f"{challenge.current_weights[:12]}. The weights in use now are {in_use[:12]}."
        )
    return ""


def write_challenge(challenge: Challenge, folder: Path) -> None:
    """Write a comparison into the candidate's folder."""
    write_whole(folder / CHALLENGE_FILE, _CHALLENGE.dump_json(challenge, indent=2) + b"\n")


def read_challenge(folder: Path) -> Challenge | None:
    """Read the comparison in a model's folder; None where there is none, or one that cannot be read."""
    try:
        return _CHALLENGE.validate_json((folder / CHALLENGE_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def doubts(entry: ModelEntry, entries: Sequence[ModelEntry]) -> list[str]:
    """Say what speaks against putting a model in use, or that nothing speaks for it.

    Args:
        entries: all models of the installation.
    """
    weights = entry.card.weights_sha256 if entry.card else ""
    challenge = challenge_of(entry, entries)
    missing = why_no_evidence(challenge, weights, weights_in_use(entries))
    found = [missing] if missing else []
    if challenge is not None and challenge.candidate_weights == weights:
        if challenge.worse:
            found.append(f"Worse than {challenge.current} by more than chance: {'; '.join(challenge.worse)}.")
        if challenge.losses_left_open:
            found.append(challenge.losses_in_words())
        if challenge.only_current:
            found.append(
                f"{challenge.current} alone knows {', '.join(challenge.only_current)}. Points of others would be used "
                "for their X-rays."
            )
    return found if entry.has_input_gate else [*found, NO_GATE]


def challenge_of(entry: ModelEntry, entries: Sequence[ModelEntry]) -> Challenge | None:
    """Read a comparison, the model that it was made with named as it is listed: an import may have another name."""
    challenge = read_challenge(entry.folder)
    current = model_with(challenge.current_weights, entries) if challenge is not None else None
    return challenge if challenge is None or current is None else replace(challenge, current=current.name)


def model_with(weights: str, entries: Sequence[ModelEntry]) -> ModelEntry | None:
    """Find a model by its weights, the one in use first."""
    found = [entry for entry in entries if entry.card and entry.card.weights_sha256 == weights]
    return next((entry for entry in found if entry.is_active), found[0] if found else None)


def weights_in_use(entries: Sequence[ModelEntry]) -> str | None:
    """Give the weights of the model in use; None where there is none that can be used."""
    return next((entry.card.weights_sha256 for entry in entries if entry.is_active and entry.card), None)
