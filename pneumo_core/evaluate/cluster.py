"""An archive of films scored on a cluster by Ray Data: listed, parted, scored and written, each film exactly once.

The way of an archive::

    archive = list_archive("s3://films/2024")           # names in a fixed order; no film is opened
    job = plan_job(archive, model, ...)                 # cut into partitions of so many films
    with ray_cluster(address, workers) as workers:
        score_archive(archive, job, models, out, workers)

A partition is one row of a Ray Data set and one call of an actor that holds the model. The actor reads, gates and
scores its films by `pipeline.score_films`, as the local engine does. It writes them as one Parquet file under the
partition's own name, whole or not at all. A finished partition is not scored again. Two workers may score one partition
at once (one of them was taken for dead), and it is one file nevertheless. So a job that was started again after any
death ends with every film once.

Films are found again by `key`, the hash of their path within the archive, as paths may carry patients' names.
"""

import dataclasses
import hashlib
import io
import json
import logging
import os
import posixpath
import re
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_type_hints

import pyarrow
from pyarrow import fs, parquet
from pydantic import TypeAdapter, ValidationError

from pneumo_core.data import (
    FilmsBelow,
    Group,
    SourceFilm,
    TableFilm,
    check_film_name,
    group_by_folders,
    head_of,
    in_listing,
    is_film_name,
    is_silent,
    kind_by_folders,
    kind_of_group,
    label_by_folders,
    list_table,
    matched_in_words,
    patient_and_kind,
    relative_name,
)
from pneumo_core.errors import DataError, ModelError, PneumoError, UnreadableImageError
from pneumo_core.evaluate.patients import Whose, numbered_patients
from pneumo_core.evaluate.routing import verdict_columns
from pneumo_core.evaluate.runs import FilmScore
from pneumo_core.files import file_sha256, write_whole
from pneumo_core.film import FILE_KINDS, MAX_FILE_BYTES
from pneumo_core.gate import GATE_FILE
from pneumo_core.models import active_model_folder, model_files, read_card
from pneumo_core.wording import Progress, counted

if TYPE_CHECKING:
    from pneumo_core.network import Classifier

FILMS_PER_PARTITION = 1_000
# Upper bound on an unpacked CSV: some ten million films.
MAX_ARCHIVE_TABLE_BYTES = 2**30
# Threads that wait for storage; decoding is one film at a time in each process.
ARCHIVE_READERS = 8
# A partition that kills its worker as often as this stops the job: else one film could keep it busy for ever.
RETRIES = 4
# Before the same file is asked for again, in seconds.
WAITS = (1, 4, 16)
JOB_FILE, SCORES_FOLDER = "job.json", "scores"
# The code of a refusal that is about the content of a folder of scores.
JOB_CODE = "job"
# The machine at --address has this long to take a connection.
CONNECT_SECONDS = 10
# In these storages a file appears under its name only when it is written to the end.
OBJECT_STORES = {"s3", "gcs", "abfs"}

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_OUTCOME = pyarrow.schema([("films", pyarrow.int64()), ("problem", pyarrow.string())])
_KINDS = {int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string(), bool: pyarrow.bool_()}


class ArchiveFilm(NamedTuple):
    """One film of an archive: its path within it, or its own address; the patient's number; the label, if known.

    `patient_from` as in `FilmScore`; `group` and `age_years` as in `SourceFilm`.
    """

    name: str
    patient: int
    has_pneumonia: bool | None
    patient_from: str
    group: Group | None = None
    age_years: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """Films of an archive, none of them opened.

    Attributes:
        root: folder or address that the names lie below.
        films: ordered by name.
        problems: whole sentences on what was left out; of a CSV as many as a `Source` has.
        listing_sha256: of names, sizes where they are known, labels, and patients' numbers.
        notes: as in `Source`.
    """

    root: str
    films: tuple[ArchiveFilm, ...]
    problems: tuple[str, ...]
    listing_sha256: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArchiveJob:
    """The job that a folder of scores belongs to.

    Attributes:
        gate_sha256: of the file of the model's input gate; None where it has none.
        temperature: of its first population; two models of one network may differ in it.
        age_years: of all patients whose file and table tell none.
        identity: a hash of all that the model flags by; "" in jobs of older versions.
    """

    listing_sha256: str
    weights_sha256: str
    gate_sha256: str | None
    temperature: float
    films: int
    films_per_partition: int
    has_names: bool
    age_years: float | None = None
    identity: str = ""

    @property
    def partitions(self) -> int:
        return -(-self.films // self.films_per_partition)


class StorageStoppedError(Exception):
    """Storage does not answer: its partition stays open, because no film may be called unreadable for it."""


_JOB = TypeAdapter(ArchiveJob)


def is_address(source: str) -> bool:
    """True for what lies in an object store, such as s3://bucket/folder."""
    return _ADDRESS.match(source) is not None


# Listing


def list_archive(source: str) -> Archive:
    """List the films of a folder, a CSV or an address of either, without opening one of them.

    A folder is labelled by the folders NORMAL and PNEUMONIA at any depth. A CSV has a column `file`, and `label` and
    `patient` if wanted; its films are addresses, or paths below its own folder. Addresses are taken as they stand,
    without percent-encoding. Its rows mean what they mean to `sources.open_source`: what cannot be used is left out and
    said. Whether a film is there is seen here where it lies on disk below the CSV, and else when it is read.

    Raises:
        DataError: none of these; a CSV that cannot be read; no film in it.
    """
    source = source if is_address(source) else str(Path(source).absolute())
    shown = posixpath.basename(source.partition("?")[0].rstrip("/")) or "The source"
    problems: list[str] = []
    notes: list[str] = []
    try:
        filesystem, path = _locate(source)
        kind = filesystem.get_file_info(path).type
        if kind == fs.FileType.Directory:
            root, films = source, _label_files(sorted(_list_files(filesystem, path, problems, notes)), problems)
        elif path.lower().removesuffix(".gz").endswith((".csv", ".tsv", ".tab", ".txt")) and kind == fs.FileType.File:
            # The address of a folder keeps the options of the CSV's: s3://bucket/films.csv?region=...
            place, mark, options = source.partition("?")
            root = posixpath.dirname(place) + mark + options
            films, problems, notes = _list_table(filesystem, path, shown)
        else:
            found = "does not exist" if kind == fs.FileType.NotFound else "is neither"
            raise DataError(f"{shown} {found}. Expected is a folder or a CSV of X-rays. Please check the path.")
    except OSError as error:
        raise DataError(f"{shown} cannot be listed. Please check that you may read it.") from error
    if not films:
        first = f"The first of what was left out: {problems[0]}" if problems else "Please check the path."
        raise DataError(f"No X-ray was found in {shown}. Expected are {FILE_KINDS} files. {first}")
    listing = hashlib.sha256()
    listed = []
    whose = numbered_patients((film.name, film.patient, film.has_pneumonia) for film in films)
    for film, (number, told) in zip(films, whose, strict=True):
        listing.update(json.dumps([film.name, film.size, film.has_pneumonia, number, *in_listing(film)]).encode())
        listed.append(ArchiveFilm(film.name, number, film.has_pneumonia, told, film.group, film.age_years))
    return Archive(root, tuple(listed), tuple(problems), listing.hexdigest(), tuple(notes))


def _list_files(
    filesystem: fs.FileSystem, folder: str, problems: list[str], notes: list[str]
) -> Iterator[tuple[str, int]]:
    """Give name and size of each film below a folder; links are not followed, and said: a film counts once.

    A file on disk is known by its start where its name does not tell. In a store that would be a request for each.
    """
    others = 0
    if isinstance(filesystem, fs.LocalFileSystem):
        for top, folders, files in os.walk(folder):
            for path in (Path(top, name) for name in sorted([*folders, *files])):
                name, is_link = path.relative_to(folder).as_posix(), path.is_symlink()
                if is_link and is_film_name(name):
                    problems.append(f"{name!r} was left out: it is a link, and links are not followed.")
                elif is_link or path.name in folders:
                    continue
                elif is_film_name(name, partial(head_of, path)):
                    yield name, path.stat().st_size
                else:
                    others += not is_silent(name)
    else:
        for info in filesystem.get_file_info(fs.FileSelector(folder, recursive=True)):
            name = info.path.removeprefix(folder).lstrip("/")
            if info.type == fs.FileType.File and is_film_name(name):
                yield name, info.size
            else:
                others += info.type == fs.FileType.File and not is_silent(name)
    if others:
        notes.append(f"{counted(others, 'file')} of other kinds {'was' if others == 1 else 'were'} passed over.")


def _label_files(files: list[tuple[str, int]], problems: list[str]) -> list[TableFilm]:
    films = []
    for name, size in files:
        try:
            name.encode()
            films.append(TableFilm(name, size, label_by_folders(name), "", group_by_folders(name)))
        except UnicodeEncodeError:
            problems.append(f"{name!a} was left out: its name is not UTF-8. Please rename it.")
        except DataError as refusal:
            problems.append(f"{name!r} was left out: {refusal}")
    return films


def _list_table(filesystem: fs.FileSystem, path: str, shown: str) -> tuple[list[TableFilm], list[str], list[str]]:
    # Unpacked where its name ends in .gz.
    with filesystem.open_input_stream(path) as stream:
        content = bytes(stream.read(MAX_ARCHIVE_TABLE_BYTES + 1))
    below = FilmsBelow(Path(path).parent) if isinstance(filesystem, fs.LocalFileSystem) else None

    def find(raw: str) -> tuple[str, int | None]:
        if is_address(raw):
            check_film_name(raw.partition("?")[0])
            return raw, None
        if below is not None:
            name, size, _ = below.find(raw)
            return name, int(size)
        # A store would be asked once for each film, which is what reading them costs.
        name = relative_name(raw)
        check_film_name(name)
        return name, None

    films, problems, notes = list_table(shown, content, find, MAX_ARCHIVE_TABLE_BYTES)
    matched = [matched_in_words(below.matched)] if below is not None and below.matched else []
    return films, list(problems), [*notes, *matched]


# The job and what stands of it


def plan_job(
    archive: Archive, model: Path, has_names: bool, films_per_partition: int, age_years: float | None = None
) -> ArchiveJob:
    """Say what a job is of; its partitions are the films in their order, so many at a time.

    Args:
        model: the model's folder.
        age_years: of all patients whose file and table tell none.

    Raises:
        ModelError: it holds no model that can be used.
    """
    model_of, identity = _model_of(model)
    return ArchiveJob(
        archive.listing_sha256, *model_of, len(archive.films), films_per_partition, has_names, age_years, identity
    )


def _model_of(folder: Path) -> tuple[tuple[str, str | None, float], str]:
    """Give what tells a model from those that give other rows: of network and gate, temperature, and of the card."""
    card, gate = read_card(folder), folder / GATE_FILE
    identity = hashlib.sha256(card.identity.encode()).hexdigest()
    gate_sha256 = file_sha256(gate) if gate.is_file() else None
    return (card.weights_sha256, gate_sha256, card.first.calibration.temperature), identity


def films_of(archive: Archive, job: ArchiveJob, partition: int) -> tuple[ArchiveFilm, ...]:
    """Give the films of a partition."""
    first = partition * job.films_per_partition
    return archive.films[first : first + job.films_per_partition]


def begin_job(job: ArchiveJob, out: str) -> list[int]:
    """Write down what a job is of, or see that what stands there is the same; give the partitions that are missing.

    A part that stands there damaged, or of another number of films, is missing: it is scored again and replaced.

    Args:
        out: a folder, or an address in an object store.

    Raises:
        DataError: the folder holds another job, or one of a version that knew no gate; files cannot appear whole in it.
        PneumoError: storage does not answer.
    """
    filesystem, folder = _locate(out)
    if filesystem.type_name not in {"local", *OBJECT_STORES}:
        raise DataError(
            f"Scores cannot be kept in {filesystem.type_name} storage. Expected is a folder, or an address such as "
            "s3://bucket/scores. Please name another place."
        )
    try:
        if filesystem.get_file_info(f"{folder}/{JOB_FILE}").type == fs.FileType.File:
            _check_same(job, _read_file(filesystem, f"{folder}/{JOB_FILE}"))
        else:
            _write_file(filesystem, f"{folder}/{JOB_FILE}", json.dumps(dataclasses.asdict(job), indent=2).encode())
        standing = filesystem.get_file_info(fs.FileSelector(f"{folder}/{SCORES_FOLDER}", allow_not_found=True))
    except OSError as error:
        # Not its own text, in which the path stands.
        raise PneumoError(
            f"The place for the scores cannot be read or written: storage gave {type(error).__name__}. Please check "
            "that it is there and that you may write to it."
        ) from error
    paths = {info.base_name: info.path for info in standing if info.type == fs.FileType.File}
    with ThreadPoolExecutor(ARCHIVE_READERS) as readers:
        is_whole = readers.map(
            lambda partition: _is_whole(job, filesystem, paths.get(_part_name(partition)), partition),
            range(job.partitions),
        )
        return [partition for partition, whole in enumerate(is_whole) if not whole]


def _is_whole(job: ArchiveJob, filesystem: fs.FileSystem, path: str | None, partition: int) -> bool:
    """Say whether a part stands and has the rows of its partition, by its last bytes alone."""
    if path is None:
        return False
    expected = min(job.films_per_partition, job.films - partition * job.films_per_partition)
    try:
        with filesystem.open_input_file(path) as file:
            return bool(parquet.read_metadata(file).num_rows == expected)
    except (OSError, pyarrow.ArrowException):
        return False


def _check_same(job: ArchiveJob, content: bytes) -> None:
    try:
        found = _JOB.validate_json(content)
    except ValidationError as error:
        problems = {(problem["type"], problem["loc"]) for problem in error.errors()}
        if problems == {("missing", ("gate_sha256",)), ("missing", ("temperature",))}:
            raise DataError(
                "The folder holds a job of an earlier version, whose X-rays no input gate has judged. Expected is a "
                "new folder, because old and new rows do not go together. Please name another folder. This one stays "
                "as it is.",
                code=JOB_CODE,
            ) from error
        raise DataError(f"{JOB_FILE} in there is damaged. Please name another folder.", code=JOB_CODE) from error
    what = {
        "films or patients": (found.listing_sha256, found.films) != (job.listing_sha256, job.films),
        "weights": found.weights_sha256 != job.weights_sha256,
        "input gate": found.gate_sha256 != job.gate_sha256,
        "calibration or operating points": found.temperature != job.temperature
        or found.identity not in ("", job.identity),
        "ages for X-rays that give none": found.age_years != job.age_years,
        "partitions": found.films_per_partition != job.films_per_partition,
        "columns (names or none)": found.has_names != job.has_names,
    }
    if differing := [word for word, differs in what.items() if differs]:
        raise DataError(
            f"The folder holds a job of other {' and '.join(differing)}. Expected is a new folder, or the one of this "
            "job. Please name another folder.",
            code=JOB_CODE,
        )


def _part_name(partition: int) -> str:
    return f"part-{partition:05}.parquet"


# The workers


class PartitionScorer:
    """Holds a model, and turns one partition after another into a file: what runs on the cluster."""

    def __init__(self, job: ArchiveJob, root: str, out: str, model: dict[str, bytes], threads: int = 1) -> None:
        # TensorFlow would take all cores for each of the workers that share a machine.
        os.environ.update(dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), str(threads)))
        os.environ["OPENCV_FOR_THREADS_NUM"] = str(threads)
        self._job, self._root, self._out = job, root, out
        self._problem = ""
        try:
            self._classifier = _classifier_of(job, model)
        except PneumoError as problem:
            # Raised in here, Ray would say that an actor died, and not why.
            self._problem = f"A worker cannot hold the model: {problem}"

    def __call__(self, rows: pyarrow.Table) -> pyarrow.Table:
        """Score and write the partitions of some rows; say of each how many films were written, or why none were."""
        return pyarrow.Table.from_pylist([self._outcome(**row) for row in rows.to_pylist()], schema=_OUTCOME)

    def _outcome(self, partition: int, films: str) -> dict[str, int | str | None]:
        if self._problem:
            return {"films": 0, "problem": self._problem}
        try:
            return {"films": self._score(partition, json.loads(films)), "problem": None}
        except StorageStoppedError as problem:
            return {"films": 0, "problem": str(problem)}
        except PneumoError as problem:
            return {"films": 0, "problem": f"Partition {partition} was not scored: {problem}"}

    def _score(self, partition: int, listed: list[list[Any]]) -> int:
        from pneumo_core.evaluate.pipeline import score_films

        films = [ArchiveFilm(*film) for film in listed]
        first = partition * self._job.films_per_partition
        sources = [
            SourceFilm(
                film.name,
                film.has_pneumonia,
                "",
                kind_of_group(
                    film.group,
                    kind_by_folders(film.name, patient_and_kind(posixpath.basename(film.name), film.has_pneumonia)[1]),
                ),
                partial(read_archive_film, self._root, film.name, first + place),
                group=film.group,
                age_years=film.age_years,
            )
            for place, film in enumerate(films)
        ]
        patients = [Whose(film.patient, film.patient_from) for film in films]
        rows = []
        numbered, age = list(enumerate(sources)), self._job.age_years
        for scores in score_films(numbered, patients, self._classifier, ARCHIVE_READERS, age_years=age):
            for score in scores:
                name = films[score.number].name
                row = {
                    "key": hashlib.sha256(name.encode()).hexdigest(),
                    **dataclasses.asdict(score),
                    "number": first + score.number,
                    **verdict_columns(score, self._classifier.card),
                    "name": name,
                }
                rows.append(row)
        filesystem, folder = _locate(self._out)
        content = io.BytesIO()
        parquet.write_table(pyarrow.Table.from_pylist(rows, schema=_schema(self._job)), content)
        try:
            _write_file(filesystem, f"{folder}/{SCORES_FOLDER}/{_part_name(partition)}", content.getvalue())
        except OSError as error:
            raise StorageStoppedError(
                f"{_part_name(partition)} could not be written: storage gave {type(error).__name__}. Please see to the "
                "storage, then start the same command again."
            ) from None
        return len(rows)


def _classifier_of(job: ArchiveJob, model: Mapping[str, bytes]) -> "Classifier":
    """Load a model from its files.

    Raises:
        ModelError: it cannot be loaded, or it is not the job's: another network, gate or calibration, or no gate.
    """
    from pneumo_core.keras_network import load_classifier

    with TemporaryDirectory() as folder:
        for name, content in model.items():
            Path(folder, name).write_bytes(content)
        model_of, identity = _model_of(Path(folder))
        if model_of != (job.weights_sha256, job.gate_sha256, job.temperature) or job.identity not in ("", identity):
            raise ModelError(
                "Its network, input gate or calibration is not the one that the job was begun with. Expected is the "
                "whole model. Please see that nobody changes its folder, then start the same command again."
            )
        return load_classifier(Path(folder))


def _schema(job: ArchiveJob) -> pyarrow.Schema:
    """Give the columns: those of `FilmScore`, the verdict at the balanced point, and what an archive needs."""
    columns = [("key", pyarrow.string())]
    for name, hint in get_type_hints(FilmScore).items():
        (kind,) = {*(get_args(hint) or (hint,))} - {NoneType}
        columns.append((name, _KINDS[kind]))
    columns += [("probability", pyarrow.float64()), ("population", pyarrow.string()), ("flagged", pyarrow.bool_())]
    if job.has_names:
        columns.append(("name", pyarrow.string()))
    return pyarrow.schema(
        columns, metadata={"weights_sha256": job.weights_sha256, "gate_sha256": job.gate_sha256 or ""}
    )


def read_archive_film(root: str, name: str, number: int) -> bytes:
    """Give a film's bytes; tell a file that is missing or closed from storage that does not answer."""
    if is_address(name):
        filesystem, path = _locate(name)
    else:
        filesystem, folder = _locate(root)
        path = f"{folder}/{name}"
    for wait in (*WAITS, None):
        try:
            return _read_file(filesystem, path)
        except (FileNotFoundError, PermissionError) as error:
            raise UnreadableImageError("cannot be opened. Please check that it is there and may be read.") from error
        except OSError as error:
            if wait is None:
                # Not its own text, in which the path stands.
                raise StorageStoppedError(
                    f"X-ray {number} of the listing could not be read: storage gave {type(error).__name__} "
                    f"{len(WAITS) + 1} times. Please see to the storage, then start the same command again."
                ) from None
            time.sleep(wait)
    raise AssertionError("unreachable")


# Storage


@lru_cache(maxsize=64)
def _filesystem(root: str) -> tuple[fs.FileSystem, str]:
    return fs.FileSystem.from_uri(root)


def _locate(location: str) -> tuple[fs.FileSystem, str]:
    """Give the storage of a path or an address, and the path in it."""
    if not is_address(location):
        return fs.LocalFileSystem(), str(Path(location).absolute())
    place, mark, options = location.partition("?")
    scheme, _, rest = place.partition("://")
    bucket, _, path = rest.partition("/")
    try:
        filesystem, root = _filesystem(f"{scheme}://{bucket}/{mark}{options}")
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
        # Not the address itself, in which a password may stand.
        raise DataError(
            f"An address of the kind {scheme}:// cannot be opened. Expected is one such as s3://bucket/folder, "
            "gs://bucket/folder or abfs://container/folder. Please check it."
        ) from error
    return filesystem, f"{root.rstrip('/')}/{path}".rstrip("/")


def _read_file(filesystem: fs.FileSystem, path: str) -> bytes:
    with filesystem.open_input_stream(path, compression=None) as stream:
        return bytes(stream.read(MAX_FILE_BYTES + 1))


def _write_file(filesystem: fs.FileSystem, path: str, content: bytes) -> None:
    """Write a file that appears under its name only when it is whole."""
    if not isinstance(filesystem, fs.LocalFileSystem):
        with filesystem.open_output_stream(path, compression=None) as stream:
            stream.write(content)
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, content)


# Ray


@contextmanager
def ray_cluster(address: str | None, workers: int | None) -> Iterator[int]:
    """Connect to a cluster, or start one on this machine; give the number of workers to use.

    Args:
        address: as `ray.init` takes it, host:port or "auto"; None starts a cluster here, for as long as the block runs.
        workers: default: one for each core of the cluster.

    Raises:
        PneumoError: Ray is not installed, or the cluster does not answer.
    """
    # Ray reports its use to its makers unless told not to; nothing of this project calls home.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address:
        _check_listening(address)
        # Ray asks twenty times, for half a minute each, whether what listens there is a cluster. It reads this once.
        os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "1")
    try:
        import ray.data
    except ImportError as error:
        raise PneumoError(
            "Ray is not installed here. The engine ray needs it on every machine of the cluster. Please run "
            "pip install '.[cluster]' in Pneumo's folder, or use --engine local."
        ) from error
    # Its plans and tables; what stops a job still comes as an exception.
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            ray.init(address="local", num_cpus=workers, include_dashboard=False, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise PneumoError(
            f"The cluster at {address or 'this machine'} does not answer ({type(error).__name__}). Expected is a "
            "running cluster of the same Ray version. If the cluster asks for a token, set RAY_AUTH_MODE=token and "
            "keep the token in ~/.ray/auth_token or RAY_AUTH_TOKEN. Please check both (docs/scaling.md)."
        ) from error
    try:
        # Ray says nothing of its types there.
        yield workers or max(1, int(ray.cluster_resources().get("CPU", 1)))  # type: ignore[no-untyped-call]
    finally:
        ray.shutdown()


def _check_listening(address: str) -> None:
    """Refuse a host and port at which nothing listens: Ray itself asks for minutes."""
    if is_address(address):
        raise PneumoError(
            f"The address {address} is for Ray Client. Ray Data does not run through it. Expected is host:port of "
            "the cluster's head, on a machine of the cluster. Please leave out everything before the host."
        )
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit()):
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise PneumoError(
            f"Nothing answers at {address}. Expected is host:port of a running Ray cluster's head, as ray start --head "
            "said it (the port is 6379 unless another was given). Please check both, and any firewall between."
        ) from error


def score_archive(
    archive: Archive,
    job: ArchiveJob,
    models: Path,
    out: str,
    workers: int,
    report: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Score what is missing of a job, inside `ray_cluster`; the same call again goes on after any death.

    Args:
        models: a model's folder, or the folder of models with `active.txt`; it travels to the workers with the job.
        out: a folder that all workers reach under this path, or an address in an object store.

    Raises:
        DataError: the folder holds another job.
        PneumoError: storage or workers failed again and again; what is finished stands.
    """
    import ray.data

    out = out if is_address(out) else str(Path(out).absolute())
    missing = begin_job(job, out)
    done = before = job.films - sum(len(films_of(archive, job, partition)) for partition in missing)
    started = time.monotonic()
    report(Progress(done, job.films, 0.0))
    if missing:
        folder = active_model_folder(models)
        model = {name: (folder / name).read_bytes() for name in model_files(folder)}
        ray.data.DataContext.get_current().enable_progress_bars = False
        rows = [
            {"partition": partition, "films": json.dumps(films_of(archive, job, partition))} for partition in missing
        ]
        with warnings.catch_warnings():
            # The last two have no other name yet; pyproject.toml holds Ray where it knows them.
            warnings.simplefilter("ignore", ray.util.annotations.RayDeprecationWarning)
            outcomes = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
                PartitionScorer,
                fn_constructor_args=(job, archive.root, out, model),
                batch_size=1,
                batch_format="pyarrow",
                # One in flight: else a partition waits behind another while a worker is idle.
                compute=ray.data.ActorPoolStrategy(size=min(workers, len(rows)), max_tasks_in_flight_per_actor=1),
                num_cpus=1,
                max_restarts=-1,
                max_task_retries=RETRIES,
            )
        problems = []
        try:
            for outcome in outcomes.iter_rows():
                if outcome["problem"]:
                    problems.append(outcome["problem"])
                done += outcome["films"]
                report(Progress(done, job.films, (done - before) / (time.monotonic() - started)))
        except ray.exceptions.RayError as error:
            raise PneumoError(
                f"The cluster stopped the job ({type(error).__name__}). Finished partitions are kept. Please look "
                "into Ray's logs, and start the same command again."
            ) from error
        if problems:
            raise PneumoError(f"{problems[0]} (Not scored: {counted(len(problems), 'partition')}.)")
    if left := begin_job(job, out):
        raise PneumoError(f"Still missing: {counted(len(left), 'partition')}. Please start the same command again.")
