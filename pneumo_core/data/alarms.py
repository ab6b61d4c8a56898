"""Alarms: the facts to know before training on a folder, in plain words."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from pneumo_core.data.audit_words import area_in_words, fact_in_words
from pneumo_core.data.audited import (
    FACTS,
    Alarm,
    AuditedFilm,
    FactArea,
    FilmCount,
    PatientAcross,
    Twins,
    class_names,
)
from pneumo_core.data.cases import GROUPS, MAX_SHOWN, SPLITS
from pneumo_core.data.counts import copies_in_words, untold_patients
from pneumo_core.stats import FEW_FILMS, TOGETHER, proportion
from pneumo_core.wording import counted

# So many percent more of one group than of another are an alarm.
GROUP_GAP = 0.2
# Years between the groups' median ages.
AGE_GAP = 8.0
# An area from which on an outward fact is an alarm.
SHORTCUT_AREA = 0.7
# A class with a smaller share of all films is an alarm.
SMALL_SHARE = 1 / 3
# Fewer films than these say little of sensitivity or specificity: 90 of 100 right mean 83 to 94 %.
SMALL_SPLIT = 100
_FACT_WORDS = {
    "file size": "File size",
    "aspect ratio": "The aspect ratio",
    "pixels": "The number of pixels",
    "colour mode": "The colour mode",
    "mean brightness": "The mean brightness",
}


def alarms_of(
    films: Sequence[AuditedFilm],
    counts: Sequence[FilmCount],
    copies: Mapping[str, str],
    twins: Sequence[Twins],
    across: Sequence[PatientAcross],
    areas: Sequence[FactArea],
    ignored: Sequence[str],
    links: int = 0,
    unknown: Sequence[str] = (),
) -> Iterator[Alarm]:
    """Say what is alarming in what was found, each in the order in which a person should read it."""
    unusable = [film for film in films if film.problem]
    if unusable:
        first = unusable[0]
        yield Alarm(
            "unreadable",
            f"{len(unusable)} of {len(films)} X-rays cannot be used, the first of them {first.name}: {first.problem} "
            "They count in no figure and in no split made here.",
        )
    names = class_names(films)
    yield from _alarms_of_classes(counts, names)
    yield from _alarms_of_splits(counts, across, names)
    if untold := untold_patients(film.patient != film.name for film in films if not film.problem):
        yield Alarm("no patients", untold)
    yield from _alarms_of_both_labels(films)
    yield from _alarms_of_twins(twins, copies, names)
    for area in areas:
        if area.split == "all" and not area.against and area.area.value >= SHORTCUT_AREA and area.fact != TOGETHER:
            medians = ""
            if area.fact in FACTS:
                normal, pneumonia = (fact_in_words(area.fact, value) for value in (area.normal, area.pneumonia))
                of_class = "" if area.fact == "colour mode" else "a median of "
                medians = f"; {of_class}{normal} in {names[False]}, {pneumonia} in {names[True]}"
            yield Alarm(
                "shortcut",
                f"{_FACT_WORDS.get(area.fact, f'The fact {area.fact}')} alone tells the classes apart, where an AUC of "
                f"0.5 is chance: AUC {area_in_words(area.area)}{medians}. A network can "
                "learn this and not the lungs. Compare every figure with it, and test on X-rays from elsewhere.",
            )
    if ignored:
        are = "1 of them is a link" if links == 1 else f"{links} of them are links"
        of_links = f"{are}, and links are not followed. " if links else ""
        if unknown:
            others = " and others" if len(unknown) > MAX_SHOWN else ""
            of_links += f"No class is told by the folders' names: {', '.join(unknown[:MAX_SHOWN])}{others}. "
        yield Alarm(
            "ignored",
            f"The audit left out {counted(len(ignored), 'file')}: no X-ray in a folder of this layout. The first of "
            f"them is {ignored[0]}. {of_links}Please check that no X-ray is among them.",
        )


def _by_label(counts: Iterable[FilmCount]) -> dict[bool, int]:
    usable: dict[bool, int] = {}
    for count in counts:
        usable[count.has_pneumonia] = usable.get(count.has_pneumonia, 0) + count.usable
    return usable


def _alarms_of_classes(counts: Sequence[FilmCount], names: Mapping[bool, str]) -> Iterator[Alarm]:
    of_class = {label: sum(count.usable for count in counts if count.has_pneumonia == label) for label in (False, True)}
    total = sum(of_class.values())
    if not total:
        yield Alarm("one class", "No X-ray can be used, in either class. Nothing can be trained or measured on these.")
        return
    few, many = sorted(of_class, key=lambda label: of_class[label])
    if not of_class[few]:
        yield Alarm(
            "one class",
            f"All {total} X-rays that can be used are {names[many]}. Nothing can be learned or measured "
            f"without X-rays of {names[few]}. Please add some.",
        )
        return
    for split in SPLITS:
        there = _by_label(count for count in counts if count.split == split and count.usable)
        if len(there) == 1:
            ((label, usable),) = there.items()
            yield Alarm(
                "one class",
                f"{split} holds {usable} X-rays of {names[label]} and none of the "
                "other class. No AUC is defined on it. Please make a new split by patient.",
            )
    if of_class[few] / total < SMALL_SHARE:
        share = 100 * of_class[many] / total
        yield Alarm(
            "imbalance",
            f"{of_class[many]} of {total} X-rays are {names[many]} ({share:.0f} %). Always answering "
            f"{names[many]} would be right on {share:.0f} %. Judge by AUC, sensitivity and specificity instead "
            "of accuracy, and weigh or balance the classes in training.",
        )


def _alarms_of_splits(
    counts: Sequence[FilmCount], across: Sequence[PatientAcross], names: Mapping[bool, str]
) -> Iterator[Alarm]:
    for split in ("val", "test"):
        of_class = _by_label(count for count in counts if count.split == split)
        n = sum(of_class.values())
        if n and (n < SMALL_SPLIT or min(of_class.values()) < FEW_FILMS):
            right = proportion(round(0.875 * n), n)
            yield Alarm(
                "small split",
                f"{split} holds only {n} X-rays ({of_class[False]} {names[False]}, {of_class[True]} {names[True]}): "
                f"{round(0.875 * n)} right of {n} mean anything from {100 * right.low:.0f} to {100 * right.high:.0f} "
                "% (95 % interval). "
                + (
                    "An epoch or a threshold chosen on so few is chance. Please join it with train and make a new "
                    "split by patient."
                    if split == "val"
                    else "Please set more X-rays aside."
                ),
            )
    if not any(count.split == "test" for count in counts):
        yield Alarm(
            "no test split",
            "There is no test split. A model trained here cannot be measured on X-rays that had no part in choosing "
            "it. Please let the split set some patients aside for it (its share of test X-rays, `--test-share`).",
        )
    pairs = Counter(patient.splits for patient in across)
    if across:
        where = ", ".join(f"{n} in {' and '.join(splits)}" for splits, n in sorted(pairs.items()))
        films = sum(patient.films for patient in across)
        yield Alarm(
            "patients",
            f"{len(across)} patients ({films} X-rays) have X-rays in more than one split by their names ({where}), "
            f"the first of them {across[0].patient}. If these are the same people, figures come out too good. This "
            "is not certain, because a name may be a number that was given twice. Please make a new split by "
            "patient.",
        )


def _alarms_of_both_labels(films: Sequence[AuditedFilm]) -> Iterator[Alarm]:
    labels: defaultdict[str, set[bool]] = defaultdict(set)
    for film in films:
        if not film.problem and film.patient != film.name:
            labels[film.patient].add(film.has_pneumonia)
    both = sorted(patient for patient, found in labels.items() if len(found) > 1)
    if both:
        have = "patient has" if len(both) == 1 else "patients have"
        yield Alarm(
            "both labels",
            f"{len(both)} {have} X-rays in both classes by their names, the first of them {both[0]}. This can be "
            "right. Please check that no name stands for several people.",
        )


def _alarms_of_twins(twins: Sequence[Twins], copies: Mapping[str, str], names: Mapping[bool, str]) -> Iterator[Alarm]:
    conflicts = [group for group in twins if group.is_conflict]
    if conflicts:
        films = sum(len(group.films) for group in conflicts)
        yield Alarm(
            "conflicts",
            f"{films} X-rays lie in both classes, once as {names[False]} and once as {names[True]}, in "
            f"{counted(len(conflicts), 'group')}, the first of them {', '.join(conflicts[0].films)}. One label of "
            "each is wrong. They are left out of a split made here; please find out which label is right.",
        )
    if copies:
        copy, first = next(iter(copies.items()))
        yield Alarm(
            "copies",
            f"{copies_in_words(len(copies))} left out of the figures. Training and a split made here leave them "
            f"out, too. The first is {copy}, the same byte by byte as {first}.",
        )
    torn = [group for group in twins if len(group.splits) > 1]
    if torn:
        yield Alarm(
            "twins across splits",
            f"{len(torn)} X-rays lie in more than one split, the first of them {', '.join(torn[0].films)}. A network "
            "that learned them by heart looks skilled on them. Please make a new split by patient, which keeps such "
            "X-rays on one side.",
        )
    alike = [group for group in twins if not group.is_conflict and not group.is_exact]
    if alike:
        several = sum(len(group.patients) > 1 for group in alike)
        yield Alarm(
            "twins",
            f"{sum(len(group.films) for group in alike)} X-rays look the same as another X-ray of their class, though "
            f"their files differ, in {counted(len(alike), 'group')} ({several} under several patients' names). The "
            f"first group is {', '.join(alike[0].films)}. They count more than once in training and in figures. A "
            "split made here keeps each group on one side.",
        )


# Tables


def alarms_of_tables(films: Sequence[AuditedFilm], table: Sequence[str]) -> Iterator[Alarm]:
    """Say what a table's columns and blanked X-rays give away of the groups; nothing in a folder without a table.

    Args:
        table: sentences on how tables were read and what they leave out.
    """
    if table:
        yield Alarm("table", " ".join(table))
    told = [film for film in films if film.told is not None]
    if unlabelled := sum(not film.group for film in told):
        yield Alarm(
            "no label",
            f"{unlabelled} of {len(films)} X-rays have no label. A plan can say which group they are all of. Without "
            "that, no run uses them.",
        )
    usable = [film for film in told if film.group and film.problem is None]
    yield from _alarms_of_masks(usable)
    yield from _alarms_of_gaps(
        usable, "view by class", lambda film: film.told.view if film.told else "", "are", "Sample both views evenly"
    )
    yield from _alarms_of_gaps(
        usable,
        "source by class",
        lambda film: film.told.source if film.told else "",
        "are of the source",
        "Take each group from each source",
    )
    yield from _alarms_of_ages(usable)


def _alarms_of_masks(usable: Sequence[AuditedFilm]) -> Iterator[Alarm]:
    masked = [film for film in usable if film.mask is not None]
    if not masked:
        return
    per_group = _shares(usable, lambda film: film.mask is not None)
    in_words = ", ".join(f"{group} {_share(hits, of)}" for group, (hits, of) in per_group.items())
    of_all = f"{len(masked)} of {len(usable)} X-rays are lungs alone, all around them black"
    if _gap(per_group) > GROUP_GAP:
        yield Alarm(
            "mask by class",
            f"{of_all}: {in_words}. Whether an X-ray is masked tells its group. Train on masked and whole X-rays as "
            "one class each, or mask all groups alike.",
        )
    else:
        yield Alarm(
            "mask by class",
            f"{of_all}: {in_words}. Black outside is a sign of its own, and a mask may lose disease. Fill the outside "
            "with one bright level, and measure on whole X-rays.",
        )
    said = [film for film in masked if film.told is not None and film.told.view_of == "whole"]
    if said:
        yield Alarm(
            "mask by class",
            f"{len(said)} X-rays are lungs alone by their pixels, and whole by the table. Please correct the column "
            "view_of.",
        )
    by_name: defaultdict[str, list[AuditedFilm]] = defaultdict(list)
    for film in usable:
        by_name[film.name.rsplit("/", 1)[-1]].append(film)
    twins = [group for group in by_name.values() if len({film.mask is None for film in group}) > 1]
    if twins:
        patients = sum(len({film.patient for film in group}) > 1 for group in twins)
        torn = sum(len({film.split for film in group}) > 1 for group in twins)
        yield Alarm(
            "masked twins",
            f"{len(twins)} X-rays are there twice, whole and as lungs alone, by the same file name ({torn} of them in "
            f"more than one split, {patients} under several patients). A split made here keeps both on one side.",
        )


def _alarms_of_gaps(
    usable: Sequence[AuditedFilm], kind: str, word_of: Callable[[AuditedFilm], str], are: str, remedy: str
) -> Iterator[Alarm]:
    """Say of each word that a column holds how much more often one group has it than another."""
    known = [film for film in usable if word_of(film)]
    for word in sorted({word_of(film) for film in known}):
        per_group = _shares(known, partial(_says, word_of, word))
        # The other one of two words says the same.
        if _gap(per_group) > GROUP_GAP:
            in_words = ", ".join(f"{group} {_share(hits, of)}" for group, (hits, of) in per_group.items())
            yield Alarm(
                kind,
                f"Not all groups have as many X-rays that {are} {word}: {in_words}. A network can learn this and not "
                f"the lungs. {remedy}, and report figures for each.",
            )
            if len({word_of(film) for film in known}) == 2:
                return


def _alarms_of_ages(usable: Sequence[AuditedFilm]) -> Iterator[Alarm]:
    ages: defaultdict[str, list[float]] = defaultdict(list)
    for film in usable:
        if film.told is not None and film.told.age_years is not None:
            ages[film.group].append(film.told.age_years)
    medians = {group: statistics.median(ages[group]) for group in GROUPS if ages[group]}
    if len(medians) > 1 and max(medians.values()) - min(medians.values()) > AGE_GAP:
        in_words = ", ".join(f"{group} {median:.0f} (n = {len(ages[group])})" for group, median in medians.items())
        yield Alarm(
            "age by class",
            f"Median ages in years differ between the groups: {in_words}. A network can learn the age and not the "
            "lungs. Report figures for each age band.",
        )


def _shares(films: Iterable[AuditedFilm], is_hit: Callable[[AuditedFilm], bool]) -> dict[str, tuple[int, int]]:
    """Count of each group that is there how many films are hits, of how many."""
    found: dict[str, tuple[int, int]] = {}
    films = list(films)
    for group in GROUPS:
        of_group = [is_hit(film) for film in films if film.group == group]
        if of_group:
            found[group] = sum(of_group), len(of_group)
    return found


def _says(word_of: Callable[[AuditedFilm], str], word: str, film: AuditedFilm) -> bool:
    return word_of(film) == word


def _gap(per_group: Mapping[str, tuple[int, int]]) -> float:
    shares = [hits / of for hits, of in per_group.values()]
    return max(shares) - min(shares) if shares else 0.0


def _share(hits: int, of: int) -> str:
    return f"{100 * hits / of:.0f} % ({hits} of {of})"
