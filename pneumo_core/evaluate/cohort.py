"""The films of a run as arrays, and the groups among them."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pneumo_core.data import alike
from pneumo_core.evaluate.routing import NO_VERDICT, asked_of, flags_at, own_probabilities
from pneumo_core.evaluate.runs import FilmScore
from pneumo_core.models import ModelCard

MOST_COMPARED = 20_000
FINGERPRINT_DIGITS = 64
AGE_BANDS = ((0, 1), (1, 6), (6, 18), (18, 65), (65, math.inf))


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Films that have both a score and a label, in the order of the source.

    Attributes:
        scores: what is kept of each film.
        probabilities: float64 `(n,)`, calibrated for the film's population, the first of those asked.
        has_pneumonia: bool `(n,)`, the reference standard.
        patients: int `(n,)`, equal for films of one patient.
        flags: by the name of each operating point int8 `(n,)`, as `routing.flags_at` gives them.
    """

    scores: tuple[FilmScore, ...]
    probabilities: np.ndarray
    has_pneumonia: np.ndarray
    patients: np.ndarray
    flags: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.scores)

    def only(self, chosen: np.ndarray) -> "Cohort":
        """Give the films that a bool array `(n,)` marks."""
        scores = tuple(score for score, is_chosen in zip(self.scores, chosen, strict=True) if is_chosen)
        flags = {name: sides[chosen] for name, sides in self.flags.items()}
        return Cohort(scores, self.probabilities[chosen], self.has_pneumonia[chosen], self.patients[chosen], flags)

    def decided(self, at: float | str) -> tuple["Cohort", np.ndarray]:
        """Give the films that have a verdict, and whether each is flagged, bool `(n,)`.

        Args:
            at: a threshold on the probability, or the name of an operating point, which each population has its own of.
        """
        if not isinstance(at, str):
            return self, self.probabilities >= at
        sides = self.flags[at]
        has_verdict = sides != NO_VERDICT
        return (self if has_verdict.all() else self.only(has_verdict)), sides[has_verdict] == 1

    def of_group(self, group: str) -> np.ndarray:
        """Mark the films of a group of labels ("finding", "other", "normal"), bool `(n,)`."""
        return np.array([score.group == group for score in self.scores], bool)

    @property
    def has_three_groups(self) -> bool:
        """True where the labels tell finding, other abnormality and normal apart, and each film is of one."""
        found = {score.group for score in self.scores}
        return "other" in found and "" not in found


@dataclass(frozen=True, slots=True, eq=False)
class Subgroup:
    """Films that share something: what of (`attribute`), which (`name`), and where they are, bool `(n,)`."""

    attribute: str
    name: str
    chosen: np.ndarray


def labelled_cohort(scores: Sequence[FilmScore], card: ModelCard) -> Cohort:
    """Keep what has a score, a label and a population, each content once.

    A file that was given with both labels is in no figure, and neither is a patient whom no population is asked of.
    """
    out = {score.number for score in contradictions(scores)} | copies_among(scores).keys()
    kept = tuple(
        score
        for score in scores
        if score.logit is not None
        and score.has_pneumonia is not None
        and score.number not in out
        and asked_of(score, card).populations
    )
    return Cohort(
        kept,
        own_probabilities(kept, card),
        np.array([score.has_pneumonia for score in kept], bool),
        np.array([score.patient for score in kept], np.int64),
        {point.name: flags_at(kept, card, point.name) for point in card.first.operating_points},
    )


def contradictions(scores: Sequence[FilmScore]) -> list[FilmScore]:
    """Give the films whose very same file was given with both labels."""
    return [
        score
        for group in _same_files(scores)
        if len({score.has_pneumonia for score in group} - {None}) > 1
        for score in group
        if score.has_pneumonia is not None
    ]


def copies_among(scores: Sequence[FilmScore]) -> dict[int, int]:
    """Give of each scored film whose very same content is there already the number of the film that counts instead.

    The first of those with a label counts, else the first. Films with both labels are conflicts and no copies.
    """
    copies: dict[int, int] = {}
    for group in _same_files(scores):
        labelled = [score for score in group if score.has_pneumonia is not None]
        if len({score.has_pneumonia for score in labelled}) < 2:
            first = (labelled or group)[0].number
            copies |= {score.number: first for score in group if score.number != first}
    return copies


def look_alikes(cohort: Cohort) -> list[tuple[int, ...]]:
    """Give the numbers of films that look the same though their files differ, a group each; none where they are many.

    The pictures are compared two by two, which takes long for more than `MOST_COMPARED` films.
    """
    films = [score for score in cohort.scores if len(score.fingerprint) == FINGERPRINT_DIGITS]
    if len(films) > MOST_COMPARED:
        return []
    groups = alike([score.fingerprint for score in films])
    return [tuple(films[place].number for place in group) for group in groups]


def subgroups(cohort: Cohort) -> list[Subgroup]:
    """Give the groups that the data carry; an attribute that all films share, or none has, gives none.

    Bacterial and viral pneumonia are each taken together with all films without pneumonia.
    """
    return [group for attribute in _ATTRIBUTES for group in attribute(cohort) if group.chosen.any()]


def best_threshold(cohort: Cohort) -> float:
    """Give the threshold with the highest sensitivity + specificity on these films (Youden 1950).

    To be compared with the threshold in use, never to be used: it was chosen on the films it is measured on.

    Returns:
        `nan` where a class is missing.
    """
    if len(set(cohort.has_pneumonia.tolist())) < 2:
        return math.nan
    candidates = np.unique(cohort.probabilities)
    sick = np.sort(cohort.probabilities[cohort.has_pneumonia])
    well = np.sort(cohort.probabilities[~cohort.has_pneumonia])
    sensitivity = 1 - np.searchsorted(sick, candidates, "left") / len(sick)
    specificity = np.searchsorted(well, candidates, "left") / len(well)
    return float(candidates[np.argmax(sensitivity + specificity)])


def _same_files(scores: Sequence[FilmScore]) -> list[list[FilmScore]]:
    """Group the scored films with the same content, where there are several."""
    groups: defaultdict[str, list[FilmScore]] = defaultdict(list)
    for score in scores:
        if score.logit is not None and score.sha256 is not None:
            groups[score.sha256].append(score)
    return [group for group in groups.values() if len(group) > 1]


def _by_kind(cohort: Cohort) -> Iterator[Subgroup]:
    kinds = np.array([score.kind for score in cohort.scores])
    for kind, name in (("bacteria", "bacterial pneumonia or none"), ("virus", "viral pneumonia or none")):
        if (kinds == kind).any():
            yield Subgroup("kind", name, (kinds == kind) | ~cohort.has_pneumonia)


def _by_size(cohort: Cohort) -> Iterator[Subgroup]:
    sides = np.array([min(score.height, score.width) for score in cohort.scores], float)
    return _quarters("shorter side, pixels", sides, "{:.0f}")


def _by_aspect(cohort: Cohort) -> Iterator[Subgroup]:
    aspects = np.array([score.width / score.height for score in cohort.scores], float)
    return _quarters("width / height", aspects, "{:.2f}")


def _by_brightness(cohort: Cohort) -> Iterator[Subgroup]:
    levels = np.array([score.brightness for score in cohort.scores], float)
    return _quarters("mean brightness", levels, "{:.2f}")


def _by_view(cohort: Cohort) -> Iterator[Subgroup]:
    return _by_word("view", [score.view_position for score in cohort.scores])


def _by_sex(cohort: Cohort) -> Iterator[Subgroup]:
    return _by_word("sex", [score.sex for score in cohort.scores])


def _by_age(cohort: Cohort) -> Iterator[Subgroup]:
    ages = np.array([math.nan if score.age_years is None else score.age_years for score in cohort.scores])
    for youngest, next_band in AGE_BANDS:
        name = f"from {youngest} years" if math.isinf(next_band) else f"{youngest} to {next_band - 1} years"
        yield Subgroup("age", "under 1 year" if next_band == 1 else name, (ages >= youngest) & (ages < next_band))


_ATTRIBUTES = (_by_kind, _by_size, _by_aspect, _by_brightness, _by_view, _by_sex, _by_age)


def _by_word(attribute: str, words: Sequence[str | None]) -> Iterator[Subgroup]:
    for word in sorted({word for word in words if word}):
        yield Subgroup(attribute, word, np.array([other == word for other in words]))


def _quarters(attribute: str, values: np.ndarray, form: str) -> Iterator[Subgroup]:
    """Cut at the quartiles; equal values are never parted, so that there may be fewer than four groups."""
    if len(values) == 0 or values.min() == values.max():
        return
    edges = np.unique(np.quantile(values, (0.0, 0.25, 0.5, 0.75, 1.0)))
    for place, (low, high) in enumerate(pairwise(edges)):
        is_last = place == len(edges) - 2
        chosen = (values >= low) & ((values <= high) if is_last else (values < high))
        yield Subgroup(attribute, f"{form.format(low)} to {form.format(high)}", chosen)
