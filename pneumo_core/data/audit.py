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
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from pneumo_core.data.audited import Audit, AuditedFilm
from pneumo_core.data.cases import Case, follow_up, links_in, table_of, unknown_folders
from pneumo_core.data.findings import Facts, audit_of
from pneumo_core.data.listing import is_linked
from pneumo_core.data.manifest import SEED, VALIDATION_SHARE, Manifest, make_manifest
from pneumo_core.data.names import UNNAMED_FILM, is_hidden, is_silent, kind_by_folders, relative_name
from pneumo_core.data.training_table import list_xrays, place_of, root_of
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
NO_LABEL = "Its label is not known. A plan can say what X-rays without a label are."
COPY = "it is a copy of an X-ray that is there already"

# Blanked pixels and what JPEG makes of them; how much of a film, of its edge and of the box around the rest they are.
BLACK = 6 / 255
MASKED_SHARE, MOST_EDGE, MASKED_BOX = 0.45, 0.12, 0.28

_PREPROCESSING = Preprocessing()
# No age is outside: what a model knows is no matter of the folder.
_ALL_AGES = ((0.0, 200.0),)


def audit_folder(
    folder: Path,
    report: Callable[[Progress], None] = lambda progress: None,
    is_cancelled: Callable[[], bool] = lambda: False,
    more: Sequence[Path] = (),
) -> Audit:
    """Read every film of a folder, as `list_xrays` lists them, and say what is wrong with it.

    Memory stays flat: no pixels are kept. The findings come in the order of the films' names, whatever order the
    files are found in.

    Args:
        report: called now and then, from this thread.
        is_cancelled: asked after every film.
        more: further folders that are to be trained on together with this one.

    Raises:
        DataError: a folder does not exist or holds no film that can be listed; the audit was cancelled.
    """
    started = time.monotonic()
    folders = (folder, *more)
    listed = list_xrays(folders)
    cases = listed.cases
    films: list[AuditedFilm] = []
    facts: dict[str, Facts] = {}
    with ThreadPoolExecutor(AUDIT_READERS, thread_name_prefix="audit") as readers:
        try:
            for film, of_file in _read_ahead(folders, cases, readers):
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
    ignored = [name for one in folders for name in _ignored(one, {film.name for film in films}, len(folders) > 1)]
    without_table = [one for one in folders if table_of(one) is None]
    unknown = [os.fsencode(name).decode("utf-8", "replace") for one in without_table for name in unknown_folders(one)]
    names = " + ".join(one.absolute().name for one in folders)
    links = sum(len(links_in(root_of(one))) for one in folders)
    table = (*listed.notes, *listed.problems)
    return audit_of(names, films, facts, ignored, started, links, unknown, table)


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
    cases = [
        Case(film.name, (), film.has_pneumonia, film.patient, film.kind, film.split, film.told) for film in audit.films
    ]
    same_looks = [twins.films for twins in audit.twins if not twins.is_conflict]
    return make_manifest(cases, left_out, same_looks, validation_share, test_share, seed, test_names_are_others)


def films_to_show(
    audit: Audit, has_pneumonia: bool, count: int, seed: int = SEED, group: str = ""
) -> tuple[AuditedFilm, ...]:
    """Draw usable films of one class, or of one group of a table, each of another patient as long as there are some."""
    films = sorted(
        (
            film
            for film in audit.films
            if film.problem is None and film.has_pneumonia == has_pneumonia and group in ("", film.group)
        ),
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


def mask_of(pixels: np.ndarray) -> tuple[float, float, float, float, float] | None:
    """Tell a film of which the lungs alone are left: black to its edges, and black between and around them.

    All of 8,526 such films are found, and none of 8,984 whole ones of four sets. Black is 60 to 90 % of such films, at
    least 90 % of their edges, and a third to three quarters of the box around the rest. Whole films reach 30 % and
    21 % there.

    Args:
        pixels: float32 `(height, width)` in [0, 1].

    Returns:
        mask: as in `AuditedFilm`; None for a whole film.
    """
    is_left = pixels > BLACK
    height, width = is_left.shape
    rows, columns = np.flatnonzero(is_left.any(1)), np.flatnonzero(is_left.any(0))
    if not len(rows) or is_left.mean() > 1 - MASKED_SHARE:
        return None
    depth = max(1, min(height, width) // 50)
    inner = is_left[depth:-depth, depth:-depth]
    if (is_left.sum() - inner.sum()) > MOST_EDGE * (is_left.size - inner.size):
        return None
    box = is_left[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if box.mean() > 1 - MASKED_BOX:
        return None
    middle = np.average(rows, weights=is_left[rows].sum(1)), np.average(columns, weights=is_left[:, columns].sum(0))
    return (
        float(is_left.mean()),
        box.shape[0] / height,
        box.shape[1] / width,
        float(middle[0] / height),
        float(middle[1] / width),
    )


# Reading the films

# A film as it is kept, and what its file tells beside the picture, which is kept for the figures only.
_Read = tuple[AuditedFilm, Facts]


def _read_ahead(folders: Sequence[Path], cases: Iterable[Case], readers: ThreadPoolExecutor) -> Iterator[_Read]:
    waiting: deque[Future[_Read]] = deque()
    for case in cases:
        waiting.append(readers.submit(_read, folders, case))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _read(folders: Sequence[Path], case: Case) -> _Read:
    # A name that is no text in UTF-8 could stand in no file that is written.
    name = os.fsencode(case.name).decode("utf-8", "replace")
    patient = name if case.patient == case.name else case.patient
    kind = kind_by_folders(name, case.kind) if case.told is None else case.kind
    film = AuditedFilm(name, case.split, case.has_pneumonia, patient, kind, told=case.told)
    try:
        _check_name(folders, case.name, name)
        if case.told is not None and case.told.group is None:
            raise DataError(NO_LABEL, code="no_label")
        with case.views[0].open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        film = replace(film, file_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        radiograph = read_radiograph(content, UNNAMED_FILM)
        mask = mask_of(radiograph.pixels)
        # The gate takes what is blanked for burnt out.
        if mask is None:
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
        mask=mask,
    )
    number = follow_up(name.rsplit("/", 1)[-1])
    return film, outward_facts(radiograph.origin) | ({} if number is None else {NUMBER_IN_SERIES: float(number)})


def _check_name(folders: Sequence[Path], name: str, text: str) -> None:
    try:
        is_plain = relative_name(text) == name
    except DataError:
        is_plain = False
    if not is_plain:
        raise UnreadableImageError(
            f"{UNNAMED_FILM} has a name with control characters, a backslash or bytes that are no text. "
            "Please rename it."
        )
    if is_linked(*place_of(folders, name)):
        raise UnreadableImageError(
            f"{UNNAMED_FILM} is a link, and links are not followed. Please put the file itself there."
        )


def _ignored(folder: Path, films: set[str], is_one_of_several: bool) -> list[str]:
    """Name the files that are no films of the folder, but for its table, what the system makes, and texts."""
    found = []
    root, table = root_of(folder), table_of(folder)
    for top, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not is_hidden(name)]
        for file in (*files, *(name for name in folders if Path(top, name).is_symlink())):
            path = Path(top, file)
            name = os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "replace")
            name = f"{folder.name}/{name}" if is_one_of_several else name
            if name not in films and not is_silent(name) and path != table:
                found.append(name)
    return sorted(found)
