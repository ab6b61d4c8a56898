"""Findings among the films of an audit: counts, twins, patients on both sides, and what outward facts tell.

**Films that look the same.** Two fingerprints of 256 bits that differ in at most `SAME_LOOKS_BITS` count as one film.
Measured on the 5,856 films of Kermany et al. 2018 in two copies, area and nearest-neighbour resampling: two copies of
one film differ in 2 bits (median), in at most 8 for 99.3 % and in at most 10 for 99.7 % of the films. 36 films of full
size differ from their small copies in at most 8. Among the 17.1 million pairs within a copy 34 differ in 0 bits and
none in 1 to 11. Those 34 are also the same by a correlation over 0.999 of 32 x 32 pixels. Pairs from 12 bits on are
different films of alike chests (correlation 0.87 to 0.97). So 10 lies within the gap, and not at its edge.
"""

import datetime
import time
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

import numpy as np

from pneumo_core.data.alarms import alarms_of, alarms_of_tables
from pneumo_core.data.audited import FACTS, Audit, AuditedFilm, FactArea, FilmCount, PatientAcross, Twins, copies_among
from pneumo_core.data.cases import GROUPS, SPLITS
from pneumo_core.stats import areas_of_metadata, facts_by_name

SAME_LOOKS_BITS = 10
MAX_IGNORED = 1_000

NO_GROUP = "no label"
MASK_SHAPE = "mask shape"
_MASK_FACTS = ("mask share", "mask height", "mask width", "mask row", "mask column")

Facts = Mapping[str, float | str]


def audit_of(
    folder: str,
    found: Iterable[AuditedFilm],
    facts: Mapping[str, Facts],
    ignored: Sequence[str],
    started: float,
    links: int = 0,
    unknown: Sequence[str] = (),
    table: Sequence[str] = (),
) -> Audit:
    """Put the audit of a folder together.

    Args:
        folder: its own name.
        found: its films, in any order.
        facts: of each film's name what its file tells beside the picture; kept in the areas alone.
        ignored: the files that are no films, in order.
        started: when the audit began, by `time.monotonic`.
        links: how many of `ignored` are links.
        unknown: folders that hold films and mean no class.
        table: sentences on how tables were read and what they leave out.
    """
    films = tuple(sorted(found, key=lambda film: (SPLITS.index(film.split), film.has_pneumonia, film.name)))
    usable = [film for film in films if film.problem is None]
    copies = copies_among(usable)
    counts = tuple(_counts(films, copies))
    twins = tuple(_twins(usable))
    across = tuple(_patients_across(usable))
    contradictory = {name for group in twins if group.is_conflict for name in group.films}
    once = [film for film in usable if film.name not in contradictory and film.name not in copies]
    areas = tuple(areas_of(once, facts))
    alarms = (
        *alarms_of_tables(films, table),
        *alarms_of(films, counts, copies, twins, across, areas, ignored, links, unknown),
    )
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    seconds = round(time.monotonic() - started, 3)
    few = tuple(ignored[:MAX_IGNORED])
    return Audit(folder, now, seconds, films, counts, twins, across, areas, len(ignored), few, alarms)


def _counts(films: Sequence[AuditedFilm], copies: Container[str]) -> Iterator[FilmCount]:
    are_told = any(film.patient != film.name for film in films if film.problem is None)
    for split in SPLITS:
        there = [film for film in films if film.split == split]
        groups = {film.group for film in films if film.told is not None}
        classes: list[tuple[bool, str]] = [(group == "finding", group) for group in GROUPS if group in groups]
        classes += [(False, NO_GROUP)] if "" in groups else []
        classes = classes or [(False, ""), (True, "")]
        for has_pneumonia, group in classes if there else ():
            own = "" if group == NO_GROUP else group
            part = [film for film in there if film.has_pneumonia == has_pneumonia and film.group == own]
            usable = [film for film in part if film.problem is None and film.name not in copies]
            patients = len({film.patient for film in usable}) if are_told else 0
            yield FilmCount(split, has_pneumonia, len(part), len(usable), patients, group)


def _patients_across(usable: Sequence[AuditedFilm]) -> Iterator[PatientAcross]:
    by_patient: defaultdict[str, list[str]] = defaultdict(list)
    for film in usable:
        by_patient[film.patient].append(film.split)
    for patient, splits in sorted(by_patient.items()):
        if len(set(splits)) > 1:
            yield PatientAcross(patient, tuple(sorted(set(splits), key=SPLITS.index)), len(splits))


def _twins(usable: Sequence[AuditedFilm]) -> list[Twins]:
    """Group films that are linked by their looks, as `alike` does. The same bytes have the same fingerprint.

    Lungs alone look alike where all else is black: of 8,521 such films 139 would lie in both classes. Only their bytes
    tell that they are the same, by a hash of as many bits.
    """
    found = []
    looks = {film.name: film.fingerprint if film.mask is None else film.sha256 for film in usable}
    for group in alike([looks[film.name] for film in usable]):
        films = sorted((usable[place] for place in group), key=lambda film: film.name)
        prints = _prints([looks[film.name] for film in films])
        found.append(
            Twins(
                films=tuple(film.name for film in films),
                is_exact=len({film.sha256 for film in films}) == 1,
                bits=int(_bits_apart(prints, prints[0]).max()),
                is_conflict=len({film.has_pneumonia for film in films}) == 2,
                patients=tuple(sorted({film.patient for film in films})),
                splits=tuple(sorted({film.split for film in films}, key=SPLITS.index)),
            )
        )
    return sorted(found, key=lambda twins: twins.films)


def alike(fingerprints: Sequence[str]) -> list[list[int]]:
    """Group places that are linked by fingerprints at most `SAME_LOOKS_BITS` apart, one to the next.

    All pairs are compared, row by row: 0.3 s for 5,856 films.

    Args:
        fingerprints: 256 bits each, in hexadecimal.

    Returns:
        the groups of more than one, places in order.
    """
    texts, print_of = np.unique(np.array(fingerprints, "U64"), return_inverse=True)
    prints = _prints(texts.tolist())
    group = np.arange(len(texts))
    for row in range(len(texts)):
        near = row + 1 + np.flatnonzero(_bits_apart(prints[row + 1 :], prints[row]) <= SAME_LOOKS_BITS)
        if len(near):
            group[np.isin(group, group[near])] = group[row]
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place, number in enumerate(group[print_of].tolist()):
        members[number].append(place)
    return [places for places in members.values() if len(places) > 1]


def _prints(fingerprints: Sequence[str]) -> np.ndarray:
    """Give fingerprints as uint64 `(n, 4)`."""
    return np.frombuffer(bytes.fromhex("".join(fingerprints)), np.uint64).reshape(len(fingerprints), 4)


def _bits_apart(prints: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.bitwise_count(prints ^ other).sum(axis=1, dtype=np.int64)


def areas_of(usable: Sequence[AuditedFilm], facts: Mapping[str, Facts]) -> Iterator[FactArea]:
    """Say how far facts beside the pictures separate the classes of films, in all and in each split.

    Args:
        facts: of films' names what their files tell; tables and masks are asked anyway.
    """
    splits = [split for split in SPLITS if any(film.split == split for film in usable)]
    parts = [(split, "") for split in (("all", *splits) if len(splits) > 1 else ("all",))]
    # With a third group, an area against all others hides one against normal.
    parts += [("all", "normal")] if any(film.group == "other" for film in usable) else []
    for split, against in parts:
        films = [
            film
            for film in usable
            if split in ("all", film.split) and (not against or film.group in ("finding", against))
        ]
        has_pneumonia = np.array([film.has_pneumonia for film in films], bool)
        more = facts_by_name([{**facts.get(film.name, {}), **_told_facts(film)} for film in films])
        for fact, area in areas_of_metadata(films, has_pneumonia, _patients(films), more, {MASK_SHAPE: _MASK_FACTS}):
            normal, pneumonia = (_median(fact, films, label) for label in (False, True))
            yield FactArea(fact, split, area, normal, pneumonia, against)


def _told_facts(film: AuditedFilm) -> dict[str, float | str]:
    """Give what a table and a mask tell of a film: what a network could learn instead of its lungs."""
    facts: dict[str, float | str] = {}
    if film.told is not None:
        told = {"view": film.told.view, "sex": film.told.sex, "source": film.told.source}
        facts |= {name: word for name, word in told.items() if word}
        facts |= {} if film.told.age_years is None else {"age": film.told.age_years}
    if film.mask is not None:
        facts |= dict(zip(_MASK_FACTS, film.mask, strict=True))
    return facts


def _patients(films: Sequence[AuditedFilm]) -> np.ndarray:
    """Number the patients of films in the order in which they come first: int64 `(n,)`."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(film.patient, len(numbers)) for film in films], np.int64)


def _median(fact: str, films: Sequence[AuditedFilm], has_pneumonia: bool) -> float | None:
    if fact not in FACTS:
        return None
    values = [FACTS[fact](film) for film in films if film.has_pneumonia == has_pneumonia]
    if not values:
        return None
    # The median of a yes or no says nothing.
    return float(np.mean(values) if fact == "colour mode" else np.median(values))
