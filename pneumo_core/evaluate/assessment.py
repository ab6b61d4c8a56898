"""A run of labelled films evaluated: figures with intervals, groups, and what speaks against them."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pneumo_core.evaluate.cohort import (
    Cohort,
    Subgroup,
    best_threshold,
    contradictions,
    copies_among,
    labelled_cohort,
    look_alikes,
    subgroups,
)
from pneumo_core.evaluate.doubts import doubles_in_words, has_few_patients, patients_in_words
from pneumo_core.evaluate.outward import Areas, outward_areas, read_outward
from pneumo_core.evaluate.routing import NO_VERDICT, asked_of
from pneumo_core.evaluate.runs import FilmScore, read_run, read_scores
from pneumo_core.gate import UNCLEAR_AGE, suitability_for_age
from pneumo_core.models import (
    KnownFilms,
    ModelCard,
    Population,
    Regions,
    read_card,
    read_conformal,
    read_known_films,
)
from pneumo_core.stats import (
    FEW_FILMS,
    Bootstrap,
    Comparison,
    Curves,
    Estimate,
    GroupRates,
    OperatingPoint,
    OverallFigures,
    ThresholdFigures,
    all_curves,
    area_by_patient,
    area_under_roc,
    compare_flags,
    figures_at,
    figures_of_flags,
    figures_overall,
    proportion,
    sensitivity_and_specificity,
)
from pneumo_core.wording import known_tag


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Some of the films, with all that does not depend on the threshold."""

    attribute: str
    name: str
    films: Cohort
    bootstrap: Bootstrap
    patients_repeat: bool
    area_under_roc: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """The figures of a model on a run of films.

    Attributes:
        device: what the films were scored on; empty where that was not written down.
        refused: the films without a score, each with its reason, in the source's order.
        contradictory: films whose very same file was given with both labels; they are in no figure.
        copies: of each scored film whose content is there already the number of the film that counts instead of it.
        look_alikes: numbers of films in the figures that look the same though their files differ, a group each.
        cohort: the films that the figures are of.
        patients: how many patients these are of; with fewer than films, all intervals are by patient. A film whose
            patient is not known counts as another one's.
        at_points: the figures at each of the model's operating points.
        known_from: of each scored film that the model knows, by its number, "training" or "validation".
        known: bool `(n,)`: films that the model was trained on or validated with; None where the model has no list.
        metadata: how well the files' outward facts alone separate the classes: each, then all together. Their n is
            smaller than the cohort's where a run went on later, since these facts are not kept.
        groups: all films first, then (where it knows some) those that the model has not seen, then those in the data.
        best_threshold: what would have been best on these very films; `nan` where a class is missing.
        regions: where the model says likely, uncertain or unlikely, by the name of a population that it can say so of.
        population: whose calibration and operating points count: the only one, or that of a part. Where the populations
            are mixed it is the first, and no threshold on the probability holds for all films.
        no_population: films with score and label whose patients no population is asked of; they are in no figure.
        parts: one for each of the model's populations where it has several: the films of patients of it alone.
    """

    card: ModelCard
    device: str
    films: int
    scores: tuple[FilmScore, ...]
    refused: tuple[FilmScore, ...]
    contradictory: tuple[FilmScore, ...]
    copies: Mapping[int, int]
    look_alikes: tuple[tuple[int, ...], ...]
    cohort: Cohort
    patients: int
    bootstrap: Bootstrap
    overall: OverallFigures
    at_points: tuple[ThresholdFigures, ...]
    curves: Curves
    known_from: Mapping[int, str]
    known: np.ndarray | None
    metadata: tuple[tuple[str, Estimate], ...]
    groups: tuple[Group, ...]
    best_threshold: float
    regions: Mapping[str, Regions]
    population: Population
    no_population: tuple[FilmScore, ...] = ()
    parts: tuple["Assessment", ...] = ()

    @property
    def is_mixed(self) -> bool:
        """True where each film counts by the operating point of its own population."""
        return bool(self.parts)

    @property
    def asked(self) -> dict[str, int]:
        """How many of the scored films are asked of which population, or of which kind that is no single one."""
        names = Counter(asked_of(score, self.card).name for score in self.scores if score.logit is not None)
        return dict(names.most_common())

    def without_verdict(self, at: float | str) -> Cohort:
        """Give the films of the cohort that have no verdict at a point, since the populations asked differ."""
        if not isinstance(at, str):
            return self.cohort.only(np.zeros(len(self.cohort), bool))
        return self.cohort.only(self.cohort.flags[at] == NO_VERDICT)

    def rates(self, at: float | str) -> GroupRates:
        """Give the rates of the groups that labels tell apart, at a point; Wilson's intervals, none by patient."""
        decided, is_flagged = self.cohort.decided(at)

        def passed(group: str) -> Estimate | None:
            chosen = decided.of_group(group)
            if not chosen.any():
                return None
            return self._of_films(proportion(int((chosen & ~is_flagged).sum()), int(chosen.sum())))

        return GroupRates(self.figures(at).sensitivity, passed("other"), passed("normal"))

    def sensitivity_of_all(self, at: float | str) -> Estimate:
        """Give the share found of all films with the finding; refused ones and those without a verdict are missed."""
        found = self.figures(at).confusion.true_positives
        sick = int(self.cohort.has_pneumonia.sum())
        refused = sum(score.has_pneumonia is True for score in (*self.refused, *self.no_population))
        return self._of_films(proportion(found, sick + refused))

    def _of_films(self, share: Estimate) -> Estimate:
        """Take Wilson's interval from a share where patients repeat, since it would be too narrow."""
        return replace(share, low=math.nan, high=math.nan) if self.patients_repeat else share

    @property
    def patients_repeat(self) -> bool:
        return self.patients < len(self.cohort)

    @property
    def are_patients_known(self) -> bool:
        """False where no film's name and no table tells a patient."""
        return not all(score.patient_from in ("nothing", "rounded") for score in self.cohort.scores)

    @property
    def has_few_patients(self) -> bool:
        """True where patients repeat and are too few for an interval, so that the figures have none."""
        return has_few_patients(self.cohort)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Warn, in whole sentences, of X-rays that are there twice and of patients who are few or not known."""
        labelled = {score.number for score in self.scores if score.has_pneumonia is not None}
        copies = len(self.copies.keys() & labelled)
        doubles = doubles_in_words(self.cohort, copies, len(self.contradictory), self.look_alikes)
        return (*doubles, *patients_in_words(self.cohort))

    @property
    def warned_of(self) -> dict[str, int]:
        """How many of the scored films are warned of what, the most frequent first."""
        scored = [score for score in self.scores if score.logit is not None]
        return dict(Counter(name for score in scored for name in score.warned_of.split(", ") if name).most_common())

    def tags(self, score: FilmScore) -> tuple[str, ...]:
        """Say in a few words each what is to be known before a film's score is believed, as `Reading.tags` does."""
        if score.logit is None:
            return ()
        film = [known_tag(self.known_from[score.number])] if score.number in self.known_from else []
        if score.number in self.copies:
            film.append(f"copy of X-ray {self.copies[score.number] + 1}")
        if score in self.contradictory:
            film.append("given with both labels")
        film += [name for name in score.warned_of.split(", ") if name]
        patient = suitability_for_age(score.age_years, self.card.years)
        of_patient = [caution.tag for caution in patient.cautions if UNCLEAR_AGE not in film]
        return (*of_patient, *film) if patient.is_outside_population else (*film, *of_patient)

    def figures(self, at: float | str) -> ThresholdFigures:
        """Give all figures at a threshold, or at each population's own operating point of a name."""
        decided, is_flagged = self.cohort.decided(at)
        threshold = math.nan if isinstance(at, str) and self.is_mixed else self.threshold(at)
        bootstrap = self.bootstrap if decided is self.cohort else Bootstrap(decided.patients)
        return figures_of_flags(
            decided.has_pneumonia, is_flagged, threshold, bootstrap, by_patient=self.patients_repeat
        )

    def threshold(self, at: float | str) -> float:
        """Give the threshold on the population's probability that a point of a name stands for."""
        return self.population.operating_point(at).threshold if isinstance(at, str) else at


@dataclass(frozen=True, slots=True)
class GroupResult:
    """How the model did on some of the films."""

    attribute: str
    name: str
    n: int
    n_pneumonia: int
    area_under_roc: Estimate
    sensitivity: Estimate
    specificity: Estimate
    has_few_patients: bool = False

    @property
    def is_small(self) -> bool:
        """True where a class has so few films that the figures say little."""
        return min(self.n_pneumonia, self.n - self.n_pneumonia) < FEW_FILMS


def assess_run(
    scores: Sequence[FilmScore],
    films: int,
    card: ModelCard,
    known: KnownFilms | None,
    device: str = "",
    regions: Mapping[str, Regions] | None = None,
    outward: Areas | None = None,
) -> Assessment:
    """Evaluate what a run has scored so far.

    Args:
        films: how many the run's source has.
        known: the list of films that the model has seen.
        device: what they were scored on.
        regions: as in `Assessment`.
        outward: what the run has kept of its files' outward facts.
    """
    given = regions or {}
    if len(card.populations) == 1:
        return _assessed(scores, films, card, card.first, known, device, given, outward)
    parts = []
    for population in card.populations:
        own = [score for score in scores if asked_of(score, card).name == population.name]
        parts.append(_assessed(own, len(own), card, population, known, device, given, None))
    whole = _assessed(scores, films, card, card.first, known, device, given, outward)
    mixed = replace(whole, parts=tuple(parts), best_threshold=math.nan)
    at_points = tuple(mixed.figures(point.name) for point in card.first.operating_points)
    return replace(mixed, at_points=at_points)


def _assessed(
    scores: Sequence[FilmScore],
    films: int,
    card: ModelCard,
    population: Population,
    known: KnownFilms | None,
    device: str,
    regions: Mapping[str, Regions],
    outward: Areas | None,
) -> Assessment:
    cohort = labelled_cohort(scores, card)
    bootstrap = Bootstrap(cohort.patients)
    patients = len(np.unique(cohort.patients))
    by_patient = patients < len(cohort)
    known_from: dict[int, str] = {}
    has_seen = None
    if known is not None:
        for score in scores:
            if score.logit is not None and (part := known.part_of(score.sha256 or "", score.fingerprint)):
                known_from[score.number] = part
        has_seen = np.array([score.number in known_from for score in cohort.scores], bool)
    return Assessment(
        card=card,
        device=device,
        films=films,
        scores=tuple(scores),
        refused=tuple(score for score in scores if score.logit is None),
        contradictory=tuple(contradictions(scores)),
        copies=copies_among(scores),
        look_alikes=tuple(look_alikes(cohort)),
        cohort=cohort,
        patients=patients,
        bootstrap=bootstrap,
        overall=figures_overall(cohort.has_pneumonia, cohort.probabilities, bootstrap, by_patient),
        at_points=tuple(
            figures_at(cohort.has_pneumonia, cohort.probabilities, point.threshold, bootstrap, by_patient)
            for point in population.operating_points
        ),
        curves=all_curves(cohort.has_pneumonia, cohort.probabilities),
        known_from=known_from,
        known=has_seen,
        metadata=outward or outward_areas(cohort),
        groups=tuple(_groups(cohort, has_seen)),
        best_threshold=best_threshold(cohort),
        regions=regions,
        population=population,
        no_population=tuple(
            score
            for score in scores
            if score.logit is not None and score.has_pneumonia is not None and not asked_of(score, card).populations
        ),
    )


def assess_folder(folder: Path, model: Path) -> Assessment:
    """Evaluate what a run has scored so far.

    Args:
        folder: of the run, as `run_source` writes it.
        model: the folder of the model that scored it.

    Raises:
        DataError: the folder holds no run.
        ModelError: there is no such model, or its files do not belong together.
    """
    run, card = read_run(folder), read_card(model)
    conformal = {one.name: read_conformal(model, card, one)[0] for one in card.populations}
    regions = {name: found.regions for name, found in conformal.items() if found is not None}
    known, outward = read_known_films(model), read_outward(folder)
    return assess_run(read_scores(folder), run.films, card, known, run.device, regions, outward)


def compare_assessments(first: Assessment, second: Assessment) -> Comparison:
    """Compare two models on the films on which both have a verdict, each at its own balanced point."""
    (one, flagged), (other, other_flagged) = first.cohort.decided("balanced"), second.cohort.decided("balanced")
    place = {score.number: row for row, score in enumerate(other.scores)}
    rows = [row for row, score in enumerate(one.scores) if score.number in place]
    others = [place[one.scores[row].number] for row in rows]
    return compare_flags(
        one.has_pneumonia[rows],
        one.probabilities[rows],
        other.probabilities[others],
        flagged[rows],
        other_flagged[others],
    )


def group_results(assessment: Assessment, at: float | str) -> list[GroupResult]:
    """Give the figures of every group at a threshold, or at each population's own point of a name."""
    results = []
    for group in assessment.groups:
        films = group.films
        decided, is_flagged = films.decided(at)
        bootstrap = group.bootstrap if decided is films else Bootstrap(decided.patients)
        sensitivity, specificity = sensitivity_and_specificity(
            decided.has_pneumonia, is_flagged, bootstrap, by_patient=group.patients_repeat
        )
        results.append(
            GroupResult(
                group.attribute,
                group.name,
                len(films),
                int(films.has_pneumonia.sum()),
                group.area_under_roc,
                sensitivity,
                specificity,
                has_few_patients(films),
            )
        )
    return results


def points(assessment: Assessment) -> list[tuple[OperatingPoint, ThresholdFigures]]:
    """Give the figures at each of the model's operating points."""
    return list(zip(assessment.population.operating_points, assessment.at_points, strict=True))


def _groups(cohort: Cohort, known: np.ndarray | None) -> Iterator[Group]:
    everyone = np.ones(len(cohort), bool)
    found = [Subgroup("all films", "", everyone)]
    if known is not None and known.any():
        found.append(Subgroup("not known to the model", "", ~known))
    for group in [*found, *subgroups(cohort)]:
        films = cohort.only(group.chosen)
        if not len(films):
            continue
        patients_repeat = len(np.unique(films.patients)) < len(films)
        bootstrap = Bootstrap(films.patients)
        area = (
            area_by_patient(films.has_pneumonia, films.probabilities, bootstrap)
            if patients_repeat
            else area_under_roc(films.has_pneumonia, films.probabilities)
        )
        yield Group(group.attribute, group.name, films, bootstrap, patients_repeat, area)
