"""Records of an audit: each film, the findings among the films, and the alarms before training."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from pneumo_core.data.cases import CLASS_NAMES, Told
from pneumo_core.data.counts import Content, find_doubles
from pneumo_core.errors import DataError
from pneumo_core.files import write_whole
from pneumo_core.stats import Estimate

AUDIT_FILE = "audit.json"


@dataclass(frozen=True, slots=True)
class AuditedFilm:
    """One film, as an audit keeps it.

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
        told: what a table tells of it; None in a folder without a table.
        mask: of a film whose lungs alone are left, with all around them black: share of the film that is left, height
            and width of the box around it, and height and width of its middle, as shares of the film's sides; None of
            a whole film.
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
    told: Told | None = None
    mask: tuple[float, float, float, float, float] | None = None

    @property
    def group(self) -> str:
        """The group that a table tells; "" in a folder without a table."""
        return (self.told.group or "") if self.told else ""


# The outward facts, as numbers.
FACTS: dict[str, Callable[[AuditedFilm], float]] = {
    "file size": lambda film: film.file_bytes,
    "aspect ratio": lambda film: film.width / film.height,
    "pixels": lambda film: film.width * film.height,
    "colour mode": lambda film: film.samples_per_pixel > 1,
    "mean brightness": lambda film: film.brightness,
}


@dataclass(frozen=True, slots=True)
class FilmCount:
    """Films of one class in one split: all of them, those that can be used, each content once, and their patients.

    `patients` are 0 where no name of a usable film of the whole folder tells one. `group` is that of a table.
    """

    split: str
    has_pneumonia: bool
    films: int
    usable: int
    patients: int
    group: str = ""


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
        fact: "file size", "aspect ratio", "pixels", "colour mode", "mean brightness", one of `film.outward_facts`, or
            "all of these together".
        split: "all" for the whole folder.
        area: under the ROC curve; `nan` with fewer than 10 patients of a class.
        against: "" where the area is that of the finding against all others, "normal" where it is against normal alone.
        normal, pneumonia: the fact's median in each class (bytes, width / height, pixels, the share of films in
            colour, [0, 1]); None where the class has no film, and for the other facts.
    """

    fact: str
    split: str
    area: Estimate
    normal: float | None
    pneumonia: float | None
    against: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A fact to know before training, in plain words: the finding, its meaning, the remedy.

    `kind` is "unreadable", "one class", "imbalance", "small split", "no test split", "no patients", "both labels",
    "patients", "conflicts", "copies", "twins across splits", "twins", "shortcut" or "ignored"; of a table also "table",
    "no label", "mask by class", "view by class", "source by class", "age by class" or "masked twins".
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
    counts: tuple[FilmCount, ...]
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
    def copies(self) -> dict[str, str]:
        """Give of each usable film that is a copy the film that counts instead of it; see `find_doubles`."""
        usable = (film for film in self.films if film.problem is None)
        return dict(copies_among(usable))

    @property
    def conflicts(self) -> tuple[Twins, ...]:
        """The films that lie in both classes."""
        return tuple(twins for twins in self.twins if twins.is_conflict)


_AUDIT = TypeAdapter(Audit)


def class_names(films: Iterable[AuditedFilm]) -> Mapping[bool, str]:
    """Name the films with and without the finding: as folders are called, or by the groups of a table."""
    groups = {film.group for film in films} - {""}
    if not groups:
        return CLASS_NAMES
    return {True: "finding", False: "other or normal" if "other" in groups else "normal"}


def copies_among(films: Iterable[AuditedFilm]) -> Mapping[str, str]:
    """Give of each film that is a copy the film that counts instead of it; usable films only."""
    return find_doubles(Content(film.name, film.split, film.has_pneumonia, film.sha256) for film in films).copies


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
