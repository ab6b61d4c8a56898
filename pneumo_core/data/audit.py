"""What is wrong with a folder of labelled films, before anything is trained on it.

Every film is read once and let go of; what is kept are facts: hashes, sizes, a fingerprint, and why a film cannot be
used. From these follow the findings: films that lie there twice, labels that contradict each other, patients on both
sides of a split, and how far the files' outward facts alone give the class away.

**Films that look the same.** Two fingerprints of 256 bits that differ in at most `SAME_LOOKS_BITS` count as one film.
Measured on the 5,856 films of Kermany et al. 2018 in two copies, area and nearest-neighbour resampling: two copies of
one film differ in 2 bits (median), in at most 8 for 99.3 % and in at most 10 for 99.7 % of the films; 36 films of full
size differ from their small copies in at most 8. Of the 17.1 million pairs within a copy 34 differ in 0 bits (all of
them are also the same by a correlation over 0.999 of 32 x 32 pixels) and none in 1 to 11; from 12 on come different
films of alike chests (correlation 0.87 to 0.97). So 10 lies within the gap, and not at its edge.
"""

import datetime
import hashlib
import json
import math
import os
import random
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from pneumo_core.data.cases import CLASS_FOLDERS, SPLITS, Case, find_cases, patient_and_kind
from pneumo_core.data.manifest import SEED, VALIDATION_SHARE, Manifest, is_linked, make_manifest
from pneumo_core.data.sources import is_silent, relative_name
from pneumo_core.errors import DataError, PneumoError, UnreadableImageError
from pneumo_core.files import write_whole
from pneumo_core.film import MAX_FILE_BYTES, Preprocessing, fingerprint, prepare, read_radiograph
from pneumo_core.gate import before
from pneumo_core.stats import FEW_FILMS, Estimate, areas_of_metadata, proportion
from pneumo_core.wording import counted
from pneumo_core.work import Progress

AUDIT_FILE = "audit.json"
SAME_LOOKS_BITS = 10
# An area from which on an outward fact is an alarm.
SHORTCUT_AREA = 0.7
# Of a class among all films.
SMALL_SHARE = 1 / 3
# Fewer films than these say little of sensitivity or specificity: 90 of 100 right mean 83 to 94 %.
SMALL_SPLIT = 100
MAX_IGNORED = 1_000
READERS = min(8, os.cpu_count() or 1)
AHEAD = 64
REPORT_EVERY = 32
FILM = "The film"
CONFLICT = "the same film lies in both classes"

_CLASS_NAMES = {has_pneumonia: name for name, has_pneumonia in CLASS_FOLDERS.items()}
_PREPROCESSING = Preprocessing()
# No age is outside: what a model knows is no matter of the folder.
_ALL_AGES = (0.0, 200.0)


@dataclass(frozen=True, slots=True)
class AuditedFilm:
    """What is kept of one film.

    Attributes:
        name: path below the folder, with forward slashes.
        patient: as the file's name tells; the film's own name where it tells none.
        kind: as in `Case`.
        file_bytes: 0 where the file cannot be opened.
        sha256: of the file; "" where it cannot be opened.
        fingerprint: 256 bits in hexadecimal; "" where there is a problem.
        height, width: in pixels; 0 where there is a problem, as `brightness` is.
        samples_per_pixel: as in `Origin`.
        brightness: mean of the pixels, in [0, 1].
        problem: why the film cannot be used, as a sentence; None where it can.
    """

    name: str
    split: str
    has_pneumonia: bool
    patient: str
    kind: str
    file_bytes: int = 0
    sha256: str = ""
    fingerprint: str = ""
    height: int = 0
    width: int = 0
    samples_per_pixel: int = 1
    brightness: float = 0.0
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """Films of one class in one split: all of them, those that can be used, and their patients."""

    split: str
    has_pneumonia: bool
    films: int
    usable: int
    patients: int


@dataclass(frozen=True, slots=True)
class Twins:
    """Films that are the same, by their bytes or by their looks.

    Attributes:
        films: their names, in order.
        is_exact: True where all are the same byte by byte.
        bits: the largest distance of a fingerprint from that of the first film.
        is_conflict: True where they lie in both classes.
        patients, splits: of these films, in order.
    """

    films: tuple[str, ...]
    is_exact: bool
    bits: int
    is_conflict: bool
    patients: tuple[str, ...]
    splits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PatientAcross:
    """A patient with films in several splits, by the name alone: it may be the number of two people."""

    patient: str
    splits: tuple[str, ...]
    films: int


@dataclass(frozen=True, slots=True)
class FactArea:
    """How well one outward fact separates the classes, as `areas_of_metadata` measures it.

    Attributes:
        fact: "file size", "aspect ratio", "pixels", "colour mode", "mean brightness" or "all of these together".
        split: "all" for the whole folder.
        area: under the ROC curve; `nan` with fewer than 10 patients of a class.
        normal, pneumonia: the fact's median in each class (bytes, width / height, pixels, the share of films in
            colour, [0, 1]); None where the class has no film, and for all facts together.
    """

    fact: str
    split: str
    area: Estimate
    normal: float | None
    pneumonia: float | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """What must be known before training, in plain words: what was found, what it means, what to do.

    `kind` is "unreadable", "one class", "imbalance", "small split", "no test split", "patients", "conflicts",
    "twins across splits", "twins", "shortcut" or "ignored".
    """

    kind: str
    text: str


@with_config(ConfigDict(ser_json_inf_nan="constants", extra="forbid"))
@dataclass(frozen=True, slots=True)
class Audit:
    """The films of a folder and what was found among them; `ignored` names `MAX_IGNORED` files of `n_ignored` at most.

    `folder` is the folder's own name, without the path to it; `audited_at` is in UTC.
    """

    folder: str
    audited_at: str
    seconds: float
    films: tuple[AuditedFilm, ...]
    counts: tuple[Count, ...]
    twins: tuple[Twins, ...]
    patients_across: tuple[PatientAcross, ...]
    areas: tuple[FactArea, ...]
    n_ignored: int
    ignored: tuple[str, ...]
    alarms: tuple[Alarm, ...]

    @property
    def unusable(self) -> tuple[AuditedFilm, ...]:
        """The films with a problem."""
        return tuple(film for film in self.films if film.problem)

    @property
    def conflicts(self) -> tuple[Twins, ...]:
        """The films that lie in both classes."""
        return tuple(twins for twins in self.twins if twins.is_conflict)


_AUDIT = TypeAdapter(Audit)


def audit_folder(
    folder: Path,
    report: Callable[[Progress], None] = lambda progress: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Audit:
    """Read every film of a folder in the layout of `find_cases` and say what is wrong with it.

    Memory stays flat: no pixels are kept. The findings come in the order of the films' names, whatever order the
    files are found in.

    Args:
        report: called now and then, from this thread.
        is_cancelled: asked after every film.

    Raises:
        DataError: the folder does not exist or holds no film in this layout; the audit was cancelled.
    """
    started = time.monotonic()
    cases = find_cases(folder)
    films: list[AuditedFilm] = []
    with ThreadPoolExecutor(READERS, thread_name_prefix="audit") as readers:
        try:
            for film in _read_ahead(folder, cases, readers):
                films.append(film)
                if is_cancelled():
                    raise DataError(
                        f"The audit was cancelled after {len(films)} of {len(cases)} films, and nothing is kept of it. "
                        "Please start it again."
                    )
                if len(films) % REPORT_EVERY == 0 or len(films) == len(cases):
                    report(Progress(len(films), len(cases), len(films) / (time.monotonic() - started)))
        finally:
            readers.shutdown(cancel_futures=True)
    ignored = _ignored(folder, {film.name for film in films})
    return _found(folder.absolute().name, films, ignored, started)


def write_audit(audit: Audit, path: Path) -> None:
    """Write an audit as JSON; what is not defined is NaN."""
    write_whole(path, _AUDIT.dump_json(audit, indent=2) + b"\n")


def read_audit(path: Path) -> Audit:
    """Read what `write_audit` wrote.

    Raises:
        DataError: there is no audit.
    """
    try:
        return _AUDIT.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"{path} holds no audit of this version. Please run the audit again.") from error


def audit_json(audit: Audit) -> str:
    """Give an audit in one line of strict JSON; what is not defined is null."""
    data = _AUDIT.dump_python(audit, mode="json")
    for row in data["areas"]:
        row["area"] = {key: None if math.isnan(value) else value for key, value in row["area"].items()}
    return json.dumps(data, allow_nan=False)


def split_audited(
    audit: Audit,
    validation_share: float = VALIDATION_SHARE,
    test_share: float | None = None,
    seed: int = SEED,
    test_names_are_others: bool = False,
) -> Manifest:
    """Split the films of an audit by patient, as `make_manifest` does; films that look the same stay on one side.

    Films with a problem or with two labels are left out.
    """
    left_out = {film.name: f"it cannot be used: {film.problem}" for film in audit.unusable}
    left_out |= {name: CONFLICT for twins in audit.conflicts for name in twins.films}
    cases = [Case(film.name, (), film.has_pneumonia, film.patient, film.kind, film.split) for film in audit.films]
    same_looks = [twins.films for twins in audit.twins if not twins.is_conflict]
    return make_manifest(cases, left_out, same_looks, validation_share, test_share, seed, test_names_are_others)


def films_to_show(audit: Audit, has_pneumonia: bool, count: int, seed: int = SEED) -> tuple[AuditedFilm, ...]:
    """Draw usable films of one class, each of another patient as long as there are some."""
    films = sorted(
        (film for film in audit.films if film.problem is None and film.has_pneumonia == has_pneumonia),
        key=lambda film: film.name,
    )
    random.Random(seed).shuffle(films)
    seen: Counter[str] = Counter()
    turns = []
    for film in films:
        turns.append(seen[film.patient])
        seen[film.patient] += 1
    order = sorted(range(len(films)), key=lambda place: turns[place])
    return tuple(films[place] for place in order[:count])


def summary(audit: Audit) -> list[str]:
    """Say in lines what is there and what is wrong with it."""
    lines = [f"{audit.folder}: {len(audit.films)} films, {len(audit.unusable)} cannot be used"]
    lines += [
        f"{count.split} {_CLASS_NAMES[count.has_pneumonia]}: {count.films} films, {count.usable} of use, of "
        f"{count.patients} patients"
        for count in audit.counts
    ]
    lines += [
        f"{area.fact}{' alone' if area.fact in _FACTS else ''}: AUC {_area_in_words(area.area)}"
        for area in audit.areas
        if area.split == "all"
    ]
    lines += [f"ALARM, {alarm.kind}: {alarm.text}" for alarm in audit.alarms]
    return lines if audit.alarms else [*lines, "Nothing alarming was found."]


def count_rows(audit: Audit) -> list[dict[str, str | int]]:
    """Give the counts as rows of a table, one for each split and class."""
    return [
        {
            "Split": count.split,
            "Class": _CLASS_NAMES[count.has_pneumonia],
            "Films": count.films,
            "Usable": count.usable,
            "Patients": count.patients,
        }
        for count in audit.counts
    ]


def area_rows(audit: Audit) -> list[dict[str, str]]:
    """Give what the outward facts alone can do as rows of a table, with the medians of both classes."""
    return [
        {
            "Fact": area.fact,
            "Split": area.split,
            "AUC": _area_in_words(area.area),
            "NORMAL": _fact_in_words(area.fact, area.normal),
            "PNEUMONIA": _fact_in_words(area.fact, area.pneumonia),
        }
        for area in audit.areas
    ]


def twins_in_words(twins: Twins) -> str:
    """Say in a line which films are the same, and how sure that is."""
    how = "the same byte by byte" if twins.is_exact else f"fingerprints at most {twins.bits} of 256 bits apart"
    return f"{', '.join(twins.films)}: {how}{', in both classes' if twins.is_conflict else ''}"


# Reading the films


def _read_ahead(folder: Path, cases: Iterable[Case], readers: ThreadPoolExecutor) -> Iterator[AuditedFilm]:
    waiting: deque[Future[AuditedFilm]] = deque()
    for case in cases:
        waiting.append(readers.submit(_read, folder, case))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _read(folder: Path, case: Case) -> AuditedFilm:
    # A name that is no text in UTF-8 could stand in no file that is written.
    name = os.fsencode(case.name).decode("utf-8", "replace")
    told, kind = patient_and_kind(name.rsplit("/", 1)[-1], case.has_pneumonia)
    film = AuditedFilm(name, case.split, case.has_pneumonia, told or name, kind)
    try:
        _check_name(folder, case.name, name)
        with case.views[0].open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        film = replace(film, file_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        radiograph = read_radiograph(content, FILM)
        before(radiograph, _ALL_AGES).check()
    except OSError:
        return replace(film, problem=f"{FILM} cannot be opened. Please check that you may read it.")
    except PneumoError as refusal:
        return replace(film, problem=str(refusal))
    return replace(
        film,
        fingerprint=fingerprint(prepare(radiograph.pixels, _PREPROCESSING)[:, :, 0]),
        height=radiograph.origin.height,
        width=radiograph.origin.width,
        samples_per_pixel=radiograph.origin.samples_per_pixel,
        brightness=float(radiograph.pixels.mean()),
    )


def _check_name(folder: Path, name: str, text: str) -> None:
    try:
        is_plain = relative_name(text) == name
    except DataError:
        is_plain = False
    if not is_plain:
        raise UnreadableImageError(
            f"{FILM} has a name with control characters, a backslash or bytes that are no text. Please rename it."
        )
    if is_linked(folder, name):
        raise UnreadableImageError(f"{FILM} is a link, and links are not followed. Please put the file itself there.")


def _ignored(folder: Path, films: set[str]) -> list[str]:
    """Name the files that are no films of the layout, but for what the system makes and texts."""
    found = []
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in files:
            name = os.fsencode(Path(top, file).relative_to(folder).as_posix()).decode("utf-8", "replace")
            if name not in films and not is_silent(name):
                found.append(name)
    return sorted(found)


# The findings


def _found(folder: str, found: Iterable[AuditedFilm], ignored: Sequence[str], started: float) -> Audit:
    films = tuple(sorted(found, key=lambda film: (SPLITS.index(film.split), film.has_pneumonia, film.name)))
    usable = [film for film in films if film.problem is None]
    counts = tuple(_counts(films))
    twins = tuple(_twins(usable))
    across = tuple(_patients_across(usable))
    contradictory = {name for group in twins if group.is_conflict for name in group.films}
    areas = tuple(_areas([film for film in usable if film.name not in contradictory]))
    alarms = tuple(_alarms(films, counts, twins, across, areas, ignored))
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    seconds = round(time.monotonic() - started, 3)
    few = tuple(ignored[:MAX_IGNORED])
    return Audit(folder, now, seconds, films, counts, twins, across, areas, len(ignored), few, alarms)


def _counts(films: Sequence[AuditedFilm]) -> Iterator[Count]:
    for split in SPLITS:
        there = [film for film in films if film.split == split]
        for has_pneumonia in (False, True) if there else ():
            part = [film for film in there if film.has_pneumonia == has_pneumonia]
            usable = [film for film in part if film.problem is None]
            yield Count(split, has_pneumonia, len(part), len(usable), len({film.patient for film in usable}))


def _patients_across(usable: Sequence[AuditedFilm]) -> Iterator[PatientAcross]:
    by_patient: defaultdict[str, list[str]] = defaultdict(list)
    for film in usable:
        by_patient[film.patient].append(film.split)
    for patient, splits in sorted(by_patient.items()):
        if len(set(splits)) > 1:
            yield PatientAcross(patient, tuple(sorted(set(splits), key=SPLITS.index)), len(splits))


def _twins(usable: Sequence[AuditedFilm]) -> list[Twins]:
    """Group films that are linked by fingerprints at most `SAME_LOOKS_BITS` apart, one to the next.

    The same bytes have the same fingerprint. All pairs are compared, row by row: 0.3 s for 5,856 films.
    """
    by_print: defaultdict[str, list[AuditedFilm]] = defaultdict(list)
    for film in usable:
        by_print[film.fingerprint].append(film)
    texts = sorted(by_print)
    prints = np.frombuffer(bytes.fromhex("".join(texts)), np.uint64).reshape(len(texts), 4)
    group = np.arange(len(texts))
    for row in range(len(texts)):
        near = row + 1 + np.flatnonzero(_bits_apart(prints[row + 1 :], prints[row]) <= SAME_LOOKS_BITS)
        if len(near):
            group[np.isin(group, group[near])] = group[row]
    found = []
    for number in np.unique(group):
        places = np.flatnonzero(group == number)
        films = sorted((film for place in places for film in by_print[texts[place]]), key=lambda film: film.name)
        if len(films) > 1:
            first = prints[texts.index(films[0].fingerprint)]
            found.append(
                Twins(
                    films=tuple(film.name for film in films),
                    is_exact=len({film.sha256 for film in films}) == 1,
                    bits=int(_bits_apart(prints[places], first).max()),
                    is_conflict=len({film.has_pneumonia for film in films}) == 2,
                    patients=tuple(sorted({film.patient for film in films})),
                    splits=tuple(sorted({film.split for film in films}, key=SPLITS.index)),
                )
            )
    return sorted(found, key=lambda twins: twins.films)


def _bits_apart(prints: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.bitwise_count(prints ^ other).sum(axis=1, dtype=np.int64)


def _areas(usable: Sequence[AuditedFilm]) -> Iterator[FactArea]:
    splits = [split for split in SPLITS if any(film.split == split for film in usable)]
    for split in ("all", *splits) if len(splits) > 1 else ("all",):
        films = [film for film in usable if split in ("all", film.split)]
        has_pneumonia = np.array([film.has_pneumonia for film in films], bool)
        for fact, area in areas_of_metadata(films, has_pneumonia, _patients(films)):
            normal, pneumonia = (_median(fact, films, label) for label in (False, True))
            yield FactArea(fact, split, area, normal, pneumonia)


def _patients(films: Sequence[AuditedFilm]) -> np.ndarray:
    """Number the patients of films in the order in which they come first: int64 `(n,)`."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(film.patient, len(numbers)) for film in films], np.int64)


_FACTS: dict[str, Callable[[AuditedFilm], float]] = {
    "file size": lambda film: film.file_bytes,
    "aspect ratio": lambda film: film.width / film.height,
    "pixels": lambda film: film.width * film.height,
    "colour mode": lambda film: film.samples_per_pixel > 1,
    "mean brightness": lambda film: film.brightness,
}


_FACT_WORDS = {
    "file size": "File size",
    "aspect ratio": "The aspect ratio",
    "pixels": "The number of pixels",
    "colour mode": "The colour mode",
    "mean brightness": "The mean brightness",
}


def _median(fact: str, films: Sequence[AuditedFilm], has_pneumonia: bool) -> float | None:
    if fact not in _FACTS:
        return None
    values = [_FACTS[fact](film) for film in films if film.has_pneumonia == has_pneumonia]
    if not values:
        return None
    # Of colour or not the median says nothing.
    return float(np.mean(values) if fact == "colour mode" else np.median(values))


def _fact_in_words(fact: str, value: float | None) -> str:
    if value is None:
        return ""
    return {
        "file size": f"{value / 1024:.1f} KiB",
        "pixels": f"{value / 1e6:.2f} megapixels",
        "colour mode": f"{100 * value:.1f} % in colour",
    }.get(fact, f"{value:.2f}")


def _area_in_words(area: Estimate) -> str:
    # An interval of no width, DeLong's of a perfect order, is none: few films are no certainty.
    return str(replace(area, low=math.nan, high=math.nan) if area.low == area.high else area)


# The alarms


def _alarms(
    films: Sequence[AuditedFilm],
    counts: Sequence[Count],
    twins: Sequence[Twins],
    across: Sequence[PatientAcross],
    areas: Sequence[FactArea],
    ignored: Sequence[str],
) -> Iterator[Alarm]:
    unusable = [film for film in films if film.problem]
    if unusable:
        first = unusable[0]
        yield Alarm(
            "unreadable",
            f"{len(unusable)} of {len(films)} films cannot be used, the first of them {first.name}: {first.problem} "
            "They are in no figure and in no split that is made here.",
        )
    yield from _alarms_of_classes(counts)
    yield from _alarms_of_splits(counts, across)
    yield from _alarms_of_twins(twins)
    for area in areas:
        if area.split == "all" and area.area.value >= SHORTCUT_AREA and area.fact in _FACTS:
            normal, pneumonia = (_fact_in_words(area.fact, value) for value in (area.normal, area.pneumonia))
            median = "" if area.fact == "colour mode" else "a median of "
            yield Alarm(
                "shortcut",
                f"{_FACT_WORDS[area.fact]} alone tells the classes apart, where an AUC of 0.5 is chance: AUC "
                f"{_area_in_words(area.area)}; {median}{normal} in NORMAL, {pneumonia} in PNEUMONIA. A network can "
                "learn this and not the lungs. Hold it against every figure, and test on films from elsewhere.",
            )
    if ignored:
        yield Alarm(
            "ignored",
            f"{len(ignored)} files are no JPEG, PNG or DICOM in a folder of this layout and were not audited, the "
            f"first of them {ignored[0]}. Please see that no film is among them.",
        )


def _alarms_of_classes(counts: Sequence[Count]) -> Iterator[Alarm]:
    of_class = {label: sum(count.usable for count in counts if count.has_pneumonia == label) for label in (False, True)}
    total = sum(of_class.values())
    if not total:
        yield Alarm("one class", "No film can be used, of neither class. Nothing can be trained or measured on these.")
        return
    few, many = sorted(of_class, key=lambda label: of_class[label])
    if not of_class[few]:
        yield Alarm(
            "one class",
            f"All {total} films that can be used are {_CLASS_NAMES[many]}. Nothing can be learned or measured without "
            f"films of {_CLASS_NAMES[few]}. Please add some.",
        )
        return
    for split in SPLITS:
        there = [count for count in counts if count.split == split and count.usable]
        if len(there) == 1:
            yield Alarm(
                "one class",
                f"{split} holds {there[0].usable} films of {_CLASS_NAMES[there[0].has_pneumonia]} and none of the "
                "other class, so that no AUC is defined on it. Please make a new split by patient.",
            )
    if of_class[few] / total < SMALL_SHARE:
        share = 100 * of_class[many] / total
        yield Alarm(
            "imbalance",
            f"{of_class[many]} of {total} films are {_CLASS_NAMES[many]} ({share:.0f} %): who always says "
            f"{_CLASS_NAMES[many]} is right on {share:.0f} %. Judge by AUC, sensitivity and specificity instead of "
            "accuracy, and weigh or balance the classes in training.",
        )


def _alarms_of_splits(counts: Sequence[Count], across: Sequence[PatientAcross]) -> Iterator[Alarm]:
    for split in ("val", "test"):
        of_class = {count.has_pneumonia: count.usable for count in counts if count.split == split}
        n = sum(of_class.values())
        if n and (n < SMALL_SPLIT or min(of_class.values()) < FEW_FILMS):
            right = proportion(round(0.875 * n), n)
            yield Alarm(
                "small split",
                f"{split} holds only {n} films ({of_class[False]} NORMAL, {of_class[True]} PNEUMONIA): "
                f"{round(0.875 * n)} right of {n} mean anything from {100 * right.low:.0f} to {100 * right.high:.0f} "
                "% (95 % interval). "
                + (
                    "An epoch or threshold chosen on so few is chance. Please join it with train and make a new split "
                    "by patient."
                    if split == "val"
                    else "Please set more films aside."
                ),
            )
    if not any(count.split == "test" for count in counts):
        yield Alarm(
            "no test split",
            "There is no test split, so that what is trained here cannot be measured on films that chose nothing. "
            "Please let the split set some patients aside for it (its share of test films, `--test-share`).",
        )
    pairs = Counter(patient.splits for patient in across)
    if across:
        where = ", ".join(f"{n} in {' and '.join(splits)}" for splits, n in sorted(pairs.items()))
        films = sum(patient.films for patient in across)
        yield Alarm(
            "patients",
            f"{len(across)} patients ({films} films) have films in more than one split by their names ({where}), the "
            f"first of them {across[0].patient}. If these are the same people, figures come out too good. Whether they "
            "are is not known: a name may be a number that was given twice. Please make a new split by patient.",
        )


def _alarms_of_twins(twins: Sequence[Twins]) -> Iterator[Alarm]:
    conflicts = [group for group in twins if group.is_conflict]
    if conflicts:
        films = sum(len(group.films) for group in conflicts)
        yield Alarm(
            "conflicts",
            f"{films} films lie in both classes, the same film as NORMAL and as PNEUMONIA, in "
            f"{counted(len(conflicts), 'group')}, the first of them {', '.join(conflicts[0].films)}. One label of each "
            "is wrong. They are left out of a split made here; please find out which label is right.",
        )
    torn = [group for group in twins if len(group.splits) > 1]
    if torn:
        yield Alarm(
            "twins across splits",
            f"{len(torn)} films lie in more than one split, the first of them {', '.join(torn[0].films)}. What was "
            "learned by heart looks like skill there. Please make a new split by patient, which keeps such films on "
            "one side.",
        )
    alike = [group for group in twins if not group.is_conflict]
    if alike:
        exact = [group for group in alike if group.is_exact]
        several = sum(len(group.patients) > 1 for group in alike)
        yield Alarm(
            "twins",
            f"{sum(len(group.films) for group in alike)} films look the same as another one of their class, in "
            f"{counted(len(alike), 'group')} "
            f"({len(exact)} byte by byte; {several} under several patients' names), the first of them "
            f"{', '.join(alike[0].films)}. They count more than once in training and in figures; a split made here "
            "keeps each group on one side.",
        )
