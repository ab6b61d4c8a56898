"""Alarms: the facts to know before training on a folder, in plain words."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from pneumo_core.data.audit_words import area_in_words, fact_in_words
from pneumo_core.data.audited import FACTS, Alarm, AuditedFilm, FactArea, FilmCount, PatientAcross, Twins
from pneumo_core.data.cases import CLASS_NAMES, MAX_SHOWN, SPLITS
from pneumo_core.data.counts import copies_in_words, untold_patients
from pneumo_core.stats import FEW_FILMS, TOGETHER, proportion
from pneumo_core.wording import counted

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
    yield from _alarms_of_classes(counts)
    yield from _alarms_of_splits(counts, across)
    if untold := untold_patients(film.patient != film.name for film in films if not film.problem):
        yield Alarm("no patients", untold)
    yield from _alarms_of_both_labels(films)
    yield from _alarms_of_twins(twins, copies)
    for area in areas:
        if area.split == "all" and area.area.value >= SHORTCUT_AREA and area.fact != TOGETHER:
            medians = ""
            if area.fact in FACTS:
                normal, pneumonia = (fact_in_words(area.fact, value) for value in (area.normal, area.pneumonia))
                of_class = "" if area.fact == "colour mode" else "a median of "
                medians = f"; {of_class}{normal} in NORMAL, {pneumonia} in PNEUMONIA"
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


def _alarms_of_classes(counts: Sequence[FilmCount]) -> Iterator[Alarm]:
    of_class = {label: sum(count.usable for count in counts if count.has_pneumonia == label) for label in (False, True)}
    total = sum(of_class.values())
    if not total:
        yield Alarm("one class", "No X-ray can be used, in either class. Nothing can be trained or measured on these.")
        return
    few, many = sorted(of_class, key=lambda label: of_class[label])
    if not of_class[few]:
        yield Alarm(
            "one class",
            f"All {total} X-rays that can be used are {CLASS_NAMES[many]}. Nothing can be learned or measured "
            f"without X-rays of {CLASS_NAMES[few]}. Please add some.",
        )
        return
    for split in SPLITS:
        there = [count for count in counts if count.split == split and count.usable]
        if len(there) == 1:
            yield Alarm(
                "one class",
                f"{split} holds {there[0].usable} X-rays of {CLASS_NAMES[there[0].has_pneumonia]} and none of the "
                "other class. No AUC is defined on it. Please make a new split by patient.",
            )
    if of_class[few] / total < SMALL_SHARE:
        share = 100 * of_class[many] / total
        yield Alarm(
            "imbalance",
            f"{of_class[many]} of {total} X-rays are {CLASS_NAMES[many]} ({share:.0f} %). Always answering "
            f"{CLASS_NAMES[many]} would be right on {share:.0f} %. Judge by AUC, sensitivity and specificity instead "
            "of accuracy, and weigh or balance the classes in training.",
        )


def _alarms_of_splits(counts: Sequence[FilmCount], across: Sequence[PatientAcross]) -> Iterator[Alarm]:
    for split in ("val", "test"):
        of_class = {count.has_pneumonia: count.usable for count in counts if count.split == split}
        n = sum(of_class.values())
        if n and (n < SMALL_SPLIT or min(of_class.values()) < FEW_FILMS):
            right = proportion(round(0.875 * n), n)
            yield Alarm(
                "small split",
                f"{split} holds only {n} X-rays ({of_class[False]} NORMAL, {of_class[True]} PNEUMONIA): "
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


def _alarms_of_twins(twins: Sequence[Twins], copies: Mapping[str, str]) -> Iterator[Alarm]:
    conflicts = [group for group in twins if group.is_conflict]
    if conflicts:
        films = sum(len(group.films) for group in conflicts)
        yield Alarm(
            "conflicts",
            f"{films} X-rays lie in both classes, once as NORMAL and once as PNEUMONIA, in "
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
