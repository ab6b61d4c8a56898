"""A run of many films and what stands of it on disk: hashes, scores, labels; no pixels and no name."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pneumo_core.errors import BusyError, DataError
from pneumo_core.files import held, write_whole

RUN_FILE, SCORES_FILE, LOCK_FILE = "run.json", "scores.jsonl", "run.lock"


@dataclass(frozen=True, slots=True)
class FilmScore:
    """One film of a run, as it is kept: hashes, score, label and plain facts; no pixels and no name.

    Attributes:
        number: its place in the source, from 0.
        patient: a number that films of one patient share, from 0.
        reason: why there is no score; None where there is one.
        code: of the reason, as in `errors.PneumoError`; None where there is a score, and in rows of older runs.
        logit: None where there is a reason.
        samples_per_pixel: of the file, as in `Origin`.
        brightness: mean of the pixels, in [0, 1].
        warned_of: what the film is warned of, in one line, as in `Admission.findings`; it says when no input gate
            judged the film.
        patient_from: "told" by the film's name or a table, "nothing" tells it, or "rounded" where a spreadsheet
            destroyed the id in a table (the film's name is then asked). A film whose patient nothing tells counts as
            another patient's. "" in rows of older runs.
        group: "finding", "other" (another abnormality) or "normal"; "" where the label leaves it open, and in rows of
            older runs.
        age_from: who tells the age: the "file", the "table", or the request for all that give none ("option"). "" where
            nobody does, and in rows of older runs, where it was the file.
    """

    number: int
    patient: int
    has_pneumonia: bool | None
    kind: str
    sha256: str | None = None
    reason: str | None = None
    logit: float | None = None
    file_bytes: int = 0
    height: int = 0
    width: int = 0
    samples_per_pixel: int = 1
    brightness: float = 0.0
    fingerprint: str = ""
    view_position: str | None = None
    sex: str | None = None
    age_years: float | None = None
    warned_of: str = ""
    code: str | None = None
    patient_from: str = ""
    group: str = ""
    age_from: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """The films and the model of a run, and the device that it was begun on.

    `listing_sha256` and `age_years` are as in `Source`.
    """

    listing_sha256: str
    weights_sha256: str
    films: int
    device: str = ""
    age_years: float | None = None


_RUN, _FILM_SCORE = TypeAdapter(Run), TypeAdapter(FilmScore)


def read_run(folder: Path) -> Run:
    """Give what a run is of.

    Raises:
        DataError: the folder holds no run.
    """
    try:
        return _RUN.validate_json((folder / RUN_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"{folder.name} holds no run of a batch evaluation. Please name another folder.") from error


def read_scores(folder: Path) -> tuple[FilmScore, ...]:
    """Give the scores that stand in a run's folder, by the films' place, each film once.

    A last line cut short counts as not there. So does a damaged one (`damaged_lines` counts them): its film is scored
    again when the run goes on.
    """
    scores = {score.number: score for score in map(_score, _lines(folder)) if score is not None}
    return tuple(scores[number] for number in sorted(scores))


def damaged_lines(folder: Path) -> int:
    """Count the whole lines of a run's scores that hold none."""
    return sum(_score(line) is None for line in _lines(folder))


def _lines(folder: Path) -> list[bytes]:
    path = folder / SCORES_FILE
    return path.read_bytes().split(b"\n")[:-1] if path.is_file() else []


def _score(line: bytes) -> FilmScore | None:
    try:
        score = _FILM_SCORE.validate_json(line)
    except ValidationError:
        return None
    return score if score.number >= 0 else None


def has_run(folder: Path) -> bool:
    """True where a run stands in a folder."""
    return (folder / RUN_FILE).is_file()


def scores_stamp(folder: Path) -> tuple[float, ...]:
    """Give what differs as soon as a run has more scores."""
    path = folder / SCORES_FILE
    return (path.stat().st_size, path.stat().st_mtime) if path.is_file() else ()


def run_name(listing_sha256: str, weights_sha256: str, age_years: float | None = None) -> str:
    """Name a run by what it is of: the same films, weights and age of those that give none make the same name."""
    age = "" if age_years is None else f" {age_years!r}"
    return hashlib.sha256(f"{listing_sha256} {weights_sha256}{age}".encode()).hexdigest()[:24]


def begin_run(run: Run, folder: Path) -> None:
    """Write what the run is of, or see that what stands there is the same; drop lines that are cut short or damaged.

    Raises:
        DataError: the folder holds a run of other films or another model.
    """
    if (folder / RUN_FILE).is_file():
        found = read_run(folder)
        kept, asked = ((one.listing_sha256, one.weights_sha256, one.age_years) for one in (found, run))
        if kept != asked:
            pairs = zip(("films", "weights"), kept, asked, strict=False)
            what = next((word for word, one, other in pairs if one != other), "ages for X-rays that give none")
            raise DataError(
                f"{folder.name} holds a run of other {what}. Expected is a new folder, or the one of this run. Please "
                "name another folder."
            )
    else:
        write_whole(folder / RUN_FILE, _RUN.dump_json(run, indent=2) + b"\n")
    scores = folder / SCORES_FILE
    if scores.is_file():
        content = scores.read_bytes()
        if not content.endswith(b"\n"):
            os.truncate(scores, content.rfind(b"\n") + 1)
        if damaged_lines(folder):
            # Their films are scored again, and their lines would be told of for ever.
            write_whole(scores, b"".join(line + b"\n" for line in _lines(folder) if _score(line) is not None))


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a run's folder, made where it is missing, so that no other process writes to it.

    Raises:
        DataError: another one holds it.
    """
    try:
        with held(folder / LOCK_FILE):
            yield
    except BusyError as error:
        raise DataError(
            f"The run in {folder.name} is at work already. Please wait for it, or cancel it first."
        ) from error


def append_scores(folder: Path, scores: Sequence[FilmScore]) -> None:
    """Write scores down, so that they stand even if the machine stops the moment after."""
    with (folder / SCORES_FILE).open("ab") as file:
        file.write(b"".join(_FILM_SCORE.dump_json(score) + b"\n" for score in scores))
        file.flush()
        os.fsync(file.fileno())
