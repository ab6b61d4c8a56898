"""Likely, uncertain or unlikely: words for a film at a stated coverage.

Class-conditional split conformal prediction (Vovk, Asian Conference on Machine Learning 2012; Sadinle, Lei and
Wasserman, JASA 114:223, 2019). The nonconformity of a film is 1 - probability of the class. A class is kept where
that is at most the `ceil((n + 1) * coverage)`-th smallest of n films known to be of the class. At least that share of
new films of a class that are like those n keeps it. One class kept is a word, both or neither is "uncertain".

The regions are set on the model's stored scores of validation films, each class at the worst of their copies. Clean
validation films come from where the training films come from, and chose epoch, temperature and thresholds: films to
come are no easier. On the worst copy the promise holds on every copy, as an operating point's does. This was settled
before any coverage was measured on test films (that they are harder was known). Test films set nothing, and say how far
it carries. Copies of evened shapes were added later, when coverage of test films without pneumonia was known to be too
low.

Films of one patient are alike, so that n films tell less than n patients: the promise is for films, not for patients.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumo_core.errors import ModelError
from pneumo_core.models.card import ModelCard
from pneumo_core.models.populations import FINDING, SUSPECTED, Population
from pneumo_core.models.stored_scores import ScoredFilms, StoredScores, read_stored_scores
from pneumo_core.stats import Estimate, percent, proportion

COVERAGE = 0.9
CONDITION = FINDING.removeprefix(SUSPECTED)
NOT_THE_FLAG = "The flag depends on the threshold only. An uncertain X-ray can be flagged or not flagged."
COVERAGES_TO_TEACH = tuple(percentage / 100 for percentage in range(80, 100))


@dataclass(frozen=True, slots=True)
class Regions:
    """Which probabilities keep which class.

    Attributes:
        coverage: the share of films of each class that is to keep its class.
        pneumonia_from: pneumonia is kept from this probability on.
        none_up_to: no pneumonia is kept up to this probability.
    """

    coverage: float
    pneumonia_from: float
    none_up_to: float

    @property
    def uncertain(self) -> tuple[float, float]:
        """Where both classes are kept, or neither: from, to."""
        return min(self.pneumonia_from, self.none_up_to), max(self.pneumonia_from, self.none_up_to)

    def outcome(self, probability: float) -> str:
        """Give "likely", "uncertain" or "unlikely": is pneumonia to be suspected?"""
        keeps_pneumonia, keeps_none = probability >= self.pneumonia_from, probability <= self.none_up_to
        if keeps_pneumonia == keeps_none:
            return "uncertain"
        return "likely" if keeps_pneumonia else "unlikely"

    @property
    def limits_in_words(self) -> str:
        """Say between which probabilities a film is uncertain, and whether it keeps neither class there or both."""
        low, high = self.uncertain
        kept = "neither class is" if self.pneumonia_from > self.none_up_to else "both classes are"
        return f"Uncertain from {100 * low:.1f} to {100 * high:.1f} %, where {kept} kept."

    def in_words(self, probability: float, finding: str = FINDING) -> str:
        """Say the word of a film in a sentence, of the finding that a population's flag means."""
        return f"{finding[:1].upper()}{finding[1:]}: {self.outcome(probability)}."

    def reason(self, probability: float, condition: str = CONDITION) -> str:
        """Say how a probability lies to those of the validation films with a condition and without it."""
        share = f"{100 * self.coverage:g}\N{NO-BREAK SPACE}%"
        sick = f"{share} of the validation X-rays with {condition} score {100 * self.pneumonia_from:.1f} % or more"
        well = f"{share} of the validation X-rays without {condition} score {100 * self.none_up_to:.1f} % or less"
        keeps_pneumonia, keeps_none = probability >= self.pneumonia_from, probability <= self.none_up_to
        if keeps_pneumonia and keeps_none:
            return f"At least {sick}, and {well}: this X-ray does both."
        if keeps_pneumonia:
            return f"At least {sick}, as this X-ray does, and {share} of those without {condition} score lower than it."
        if keeps_none:
            return f"At least {well}, as this X-ray does, and {share} of those with {condition} score higher than it."
        return f"At least {sick}, and {well}: this X-ray does neither."


@dataclass(frozen=True, slots=True)
class Measured:
    """Results of regions on films that did not set them.

    Attributes:
        with_pneumonia, without: the share of the class's films that kept it.
        uncertain: the share left to the reader.
        wrong: of those decided, the share whose word is wrong.
        missed, false_alarms: these in films: "unlikely" with pneumonia, "likely" without.
    """

    with_pneumonia: Estimate
    without: Estimate
    uncertain: Estimate
    wrong: Estimate
    missed: int
    false_alarms: int


@dataclass(frozen=True, slots=True)
class Conformal:
    """A model's regions and what they gave on its test films.

    Attributes:
        set_on: how many validation films, and in how many copies.
    """

    regions: Regions
    measured: Measured
    set_on: tuple[int, int]

    def in_words(self, condition: str = CONDITION) -> str:
        """Say what is meant to be covered, on films like which, and what was covered on others."""
        found, share = self.measured, f"{100 * self.regions.coverage:g} %"
        films, copies = self.set_on
        worst = f", each class at the worst of their {copies} copies" if copies > 1 else ""
        short = [
            group
            for group, covered in (("with", found.with_pneumonia), ("without", found.without))
            if covered.high < self.regions.coverage
        ]
        verdict = (
            f" Among those {' and '.join(short)} {condition} this is less than intended. The test X-rays differ from "
            "the validation X-rays, and yours may differ too."
            if short
            else ""
        )
        return (
            f"{share} of the X-rays of each class should be covered, on X-rays like the {films} validation X-rays "
            f"that set it{worst}. On {found.uncertain.n} test X-rays it covered {percent(found.with_pneumonia)} % of "
            f"those with {condition} (n = {found.with_pneumonia.n}) and {percent(found.without)} % of those without (n "
            f"= {found.without.n}).{verdict} {percent(found.uncertain)} % were uncertain. On the others (n = "
            f"{found.wrong.n}) the word was wrong for {percent(found.wrong)} % (95 % intervals)."
        )


def fit_regions(copies: Sequence[ScoredFilms], coverage: float) -> Regions | None:
    """Set regions on copies of the same films: for each class the widest that any copy asks for.

    Returns:
        None where a class has too few films for this coverage: `ceil((n + 1) * coverage)` is more than n.
    """
    pneumonia_from, none_up_to = [], []
    for copy in copies:
        # The most conforming film of each class first.
        sick = np.sort(copy.probabilities[copy.has_pneumonia])[::-1]
        well = np.sort(copy.probabilities[~copy.has_pneumonia])
        # 20 * 0.95 is a little more than 19 in floating point.
        ranks = [math.ceil((len(films) + 1) * coverage - 1e-9) for films in (sick, well)]
        if ranks[0] > len(sick) or ranks[1] > len(well):
            return None
        pneumonia_from.append(float(sick[ranks[0] - 1]))
        none_up_to.append(float(well[ranks[1] - 1]))
    return Regions(coverage, min(pneumonia_from), max(none_up_to))


def measure(regions: Regions, films: ScoredFilms) -> Measured:
    """Count what regions give on films that did not set them."""
    sick = films.has_pneumonia
    keeps_pneumonia = films.probabilities >= regions.pneumonia_from
    keeps_none = films.probabilities <= regions.none_up_to
    is_decided = keeps_pneumonia != keeps_none
    missed, false_alarms = (
        int(np.sum(is_decided & keeps_none & sick)),
        int(np.sum(is_decided & keeps_pneumonia & ~sick)),
    )
    return Measured(
        with_pneumonia=proportion(int(np.sum(keeps_pneumonia & sick)), int(sick.sum())),
        without=proportion(int(np.sum(keeps_none & ~sick)), int((~sick).sum())),
        uncertain=proportion(int(np.sum(~is_decided)), len(films)),
        wrong=proportion(missed + false_alarms, int(is_decided.sum())),
        missed=missed,
        false_alarms=false_alarms,
    )


def conformal_of(scores: StoredScores, coverage: float) -> Conformal | None:
    """Set regions on the copies of the validation films and measure them on the test films; None as `fit_regions`."""
    regions = fit_regions(scores.validation_copies, coverage)
    if regions is None:
        return None
    set_on = len(scores.validation), len(scores.validation_copies)
    return Conformal(regions, measure(regions, scores.test), set_on)


def conformal_by_coverage(scores: StoredScores) -> tuple[Conformal, ...]:
    """Give what each of `COVERAGES_TO_TEACH` comes to, as far as the films suffice.

    Raises:
        ModelError: they suffice for none.
    """
    found = [conformal_of(scores, coverage) for coverage in COVERAGES_TO_TEACH]
    enough = tuple(each for each in found if each is not None)
    if not enough:
        raise ModelError(
            f"{too_few(scores.validation, COVERAGES_TO_TEACH[0])} Please put a model in use that was validated on more."
        )
    return enough


def read_conformal(folder: Path, card: ModelCard, population: Population | None = None) -> tuple[Conformal | None, str]:
    """Give a model's regions at `COVERAGE` for a population, its first by default, or None and why it has none."""
    try:
        scores = read_stored_scores(folder, card, population)
    except ModelError as error:
        return None, str(error)
    found = conformal_of(scores, COVERAGE)
    return found, "" if found else too_few(scores.validation, COVERAGE)


def too_few(films: ScoredFilms, coverage: float) -> str:
    """Say that validation films do not suffice for a coverage."""
    sick = int(films.has_pneumonia.sum())
    # The smallest n with ceil((n + 1) * coverage) <= n.
    needed = math.ceil(coverage / (1 - coverage) - 1e-9)
    return (
        f"The model was validated on {sick} X-rays with pneumonia and {len(films) - sick} without. A coverage of "
        f"{100 * coverage:g} % takes at least {needed} of each class."
    )
