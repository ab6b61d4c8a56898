"""Find faults of a folder of labelled films before anything is trained on it.

Every film is read once and let go of; what is kept are facts: hashes, sizes, a fingerprint, and why a film cannot be
used. From these follow the findings: films that lie there twice, labels that contradict each other, patients on both
sides of a split, and how far the files' outward facts alone give the class away.
"""

import hashlib
import os
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pneumo_core.data.audited import Audit, AuditedFilm
from pneumo_core.data.cases import Case, find_cases, follow_up, links_in, patient_and_kind, unknown_folders
from pneumo_core.data.findings import Facts, audit_of
from pneumo_core.data.listing import is_linked
from pneumo_core.data.manifest import SEED, VALIDATION_SHARE, Manifest, make_manifest
from pneumo_core.data.names import UNNAMED_FILM, is_hidden, is_silent, kind_by_folders, relative_name
from pneumo_core.errors import DataError, PneumoError, UnreadableImageError
from pneumo_core.film import (
    MAX_FILE_BYTES,
    NUMBER_IN_SERIES,
    Preprocessing,
    exposed_area,
    fingerprint,
    outward_facts,
    prepare,
    read_radiograph,
)
from pneumo_core.gate import before
from pneumo_core.wording import Progress

AUDIT_READERS = min(8, os.cpu_count() or 1)
AHEAD = 64
REPORT_EVERY = 32
CONFLICT = "the same X-ray lies in both classes"
COPY = "it is a copy of an X-ray that is there already"

_PREPROCESSING = Preprocessing()
# No age is outside: what a model knows is no matter of the folder.
_ALL_AGES = ((0.0, 200.0),)


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
    facts: dict[str, Facts] = {}
    with ThreadPoolExecutor(AUDIT_READERS, thread_name_prefix="audit") as readers:
        try:
            for film, of_file in _read_ahead(folder, cases, readers):
                films.append(film)
                facts[film.name] = of_file
                if is_cancelled():
                    raise DataError(
                        f"The audit was cancelled after {len(films)} of {len(cases)} X-rays, and nothing is kept of "
                        "it. Please start it again."
                    )
                if len(films) % REPORT_EVERY == 0 or len(films) == len(cases):
                    report(Progress(len(films), len(cases), len(films) / (time.monotonic() - started)))
        finally:
            readers.shutdown(cancel_futures=True)
    ignored = _ignored(folder, {film.name for film in films})
    unknown = [os.fsencode(name).decode("utf-8", "replace") for name in unknown_folders(folder)]
    return audit_of(folder.absolute().name, films, facts, ignored, started, len(links_in(folder)), unknown)


def split_audited(
    audit: Audit,
    validation_share: float = VALIDATION_SHARE,
    test_share: float | None = None,
    seed: int = SEED,
    test_names_are_others: bool = False,
) -> Manifest:
    """Split the films of an audit by patient, as `make_manifest` does; films that look the same stay on one side.

    Films with a problem or with two labels, and copies of films that are there, are left out.
    """
    left_out = {film.name: f"it cannot be used: {film.problem}" for film in audit.unusable}
    left_out |= dict.fromkeys(audit.copies, COPY)
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


# Reading the films

# A film as it is kept, and what its file tells beside the picture, which is kept for the figures only.
_Read = tuple[AuditedFilm, Facts]


def _read_ahead(folder: Path, cases: Iterable[Case], readers: ThreadPoolExecutor) -> Iterator[_Read]:
    waiting: deque[Future[_Read]] = deque()
    for case in cases:
        waiting.append(readers.submit(_read, folder, case))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _read(folder: Path, case: Case) -> _Read:
    # A name that is no text in UTF-8 could stand in no file that is written.
    name = os.fsencode(case.name).decode("utf-8", "replace")
    told, kind = patient_and_kind(name.rsplit("/", 1)[-1], case.has_pneumonia)
    film = AuditedFilm(name, case.split, case.has_pneumonia, told or name, kind_by_folders(name, kind))
    try:
        _check_name(folder, case.name, name)
        with case.views[0].open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        film = replace(film, file_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        radiograph = read_radiograph(content, UNNAMED_FILM)
        before(radiograph, _ALL_AGES).check()
    except OSError:
        return replace(film, problem=f"{UNNAMED_FILM} cannot be opened. Please check that you may read it."), {}
    except PneumoError as refusal:
        return replace(film, problem=str(refusal)), {}
    film = replace(
        film,
        fingerprint=fingerprint(prepare(radiograph.pixels, _PREPROCESSING, exposed_area(radiograph.pixels))[:, :, 0]),
        height=radiograph.origin.height,
        width=radiograph.origin.width,
        samples_per_pixel=radiograph.origin.samples_per_pixel,
        brightness=float(radiograph.pixels.mean()),
    )
    number = follow_up(name.rsplit("/", 1)[-1])
    return film, outward_facts(radiograph.origin) | ({} if number is None else {NUMBER_IN_SERIES: float(number)})


def _check_name(folder: Path, name: str, text: str) -> None:
    try:
        is_plain = relative_name(text) == name
    except DataError:
        is_plain = False
    if not is_plain:
        raise UnreadableImageError(
            f"{UNNAMED_FILM} has a name with control characters, a backslash or bytes that are no text. "
            "Please rename it."
        )
    if is_linked(folder, name):
        raise UnreadableImageError(
            f"{UNNAMED_FILM} is a link, and links are not followed. Please put the file itself there."
        )


def _ignored(folder: Path, films: set[str]) -> list[str]:
    """Name the files that are no films of the layout, but for what the system makes and texts."""
    found = []
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_hidden(name)]
        for file in (*files, *(name for name in folders if Path(top, name).is_symlink())):
            name = os.fsencode(Path(top, file).relative_to(folder).as_posix()).decode("utf-8", "replace")
            if name not in films and not is_silent(name):
                found.append(name)
    return sorted(found)
