"""An archive scored in partitions, each film once; with Ray where it is installed."""

import contextlib
import csv
import dataclasses
import gzip
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from click.testing import CliRunner, Result
from pyarrow import dataset

from benchmarks.cluster import scorer_processes
from pneumo_core import evaluate
from pneumo_core.cli import group as main
from pneumo_core.data.sources import open_source
from pneumo_core.errors import DataError, PneumoError, UnreadableImageError
from pneumo_core.evaluate import cluster
from pneumo_core.evaluate.cluster import (
    CONNECT_SECONDS,
    JOB_FILE,
    SCORES_FOLDER,
    Archive,
    ArchiveJob,
    PartitionScorer,
    StorageStoppedError,
    begin_job,
    list_archive,
    plan_job,
)
from pneumo_core.evaluate.runs import read_scores
from pneumo_core.files.places import ROOT
from pneumo_core.gate.input_gate import GATE_FILE
from pneumo_core.models.card import CARD_FILE, model_files, read_card
from pneumo_core.stats.calibration import probabilities
from tests.conftest import drawn_film, png

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main.commands, [str(argument) for argument in arguments])


@pytest.fixture
def films(tmp_path: Path, make_data: Callable[..., Path]) -> Path:
    """Make sixteen labelled films, and one that cannot be read."""
    folder = make_data(tmp_path / "Mueller_Anna", 8, ("test",))
    (folder / "test" / "NORMAL" / "broken.png").write_bytes(b"no film")
    return folder


def table(out: Path) -> list[dict[str, object]]:
    """Give the rows of all parts, in the order of the films."""
    parts = dataset.dataset(out / SCORES_FOLDER, format="parquet").to_table().to_pylist()
    return sorted(parts, key=lambda row: row["number"])


def scorer(job: ArchiveJob, archive: Archive, out: Path, model: Path) -> Callable[[int], None]:
    """Give what an actor does with one partition, without Ray."""
    actor = PartitionScorer(job, archive.root, str(out), contents(model))

    def score(partition: int) -> None:
        (outcome,) = actor(rows_of(archive, job, partition)).to_pylist()
        assert outcome["problem"] is None

    return score


def contents(model: Path) -> dict[str, bytes]:
    return {name: (model / name).read_bytes() for name in model_files(model)}


def rows_of(archive: Archive, job: ArchiveJob, partition: int) -> pyarrow.Table:
    films = json.dumps(cluster.films_of(archive, job, partition))
    return pyarrow.Table.from_pylist([{"partition": partition, "films": films}])


def planned(archive: Archive, model: Path, size: int = 5, has_names: bool = False) -> ArchiveJob:
    return plan_job(archive, model, has_names, size)


def any_job() -> ArchiveJob:
    return ArchiveJob("0" * 64, "1" * 64, "2" * 64, 1.5, 17, 5, False)


# Listing


def test_a_folder_is_listed_as_the_local_engine_lists_it(films: Path):
    for name in ("a.tif", "b.tiff", "c.bmp", "d.jfif", "e.jpe", "f.dcm", "g"):
        (films / "test" / "NORMAL" / name).write_bytes(b"no film")
    (films / "test" / "NORMAL" / "h.scan").write_bytes(b"II+\0 a picture under another ending")
    archive, source = list_archive(str(films)), open_source(films)
    assert [film.name for film in archive.films] == [film.name for film in source.films]
    assert [film.has_pneumonia for film in archive.films] == [film.has_pneumonia for film in source.films]


def test_an_address_is_listed_as_the_folder_is(films: Path):
    archive, addressed = list_archive(str(films)), list_archive(f"file://{films}")
    assert (addressed.films, addressed.listing_sha256) == (archive.films, archive.listing_sha256)


def test_what_is_no_film_hidden_or_a_link_is_not_listed(films: Path):
    count = len(list_archive(str(films)).films)
    for name in ("notes.txt", ".hidden.png", "table.csv"):
        (films / name).write_bytes(b"x")
    (films / "link.png").symlink_to(films / "test" / "NORMAL" / "broken.png")
    (films / "loop").symlink_to(films)
    for archive in (list_archive(str(films)), list_archive(f"file://{films}")):
        assert len(archive.films) == count
        assert len(archive.notes) == 1


def test_a_film_under_both_labels_is_left_out_and_said(films: Path):
    folder = films / "NORMAL" / "PNEUMONIA"
    folder.mkdir(parents=True)
    (folder / "x.png").write_bytes(b"x")
    archive = list_archive(str(films))
    (problem,) = archive.problems
    assert problem.startswith("'NORMAL/PNEUMONIA/x.png' was left out: it lies under both")


def manifest(path: Path, *rows: tuple[str, ...]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def test_a_manifest_names_paths_and_addresses(films: Path):
    normal = films / "test" / "NORMAL" / "IM-0001-0001.png"
    source = manifest(
        films / "films.csv",
        ("file", "label", "patient"),
        ("test/NORMAL/IM-0000-0001.png", "normal", "a"),
        (f"file://{normal}", "", "b"),
        ("test/NORMAL/broken.png", "1", "a"),
    )
    archive = list_archive(source)
    assert [(film.patient, film.has_pneumonia) for film in archive.films] == [(0, None), (1, False), (1, True)]
    assert archive.root == str(films)
    assert list_archive(f"file://{source}").films == archive.films
    assert cluster.read_archive_film(archive.root, archive.films[0].name, 0) == normal.read_bytes()
    assert cluster.read_archive_film(archive.root, archive.films[2].name, 0) == b"no film"


def test_an_archive_on_disk_is_understood_as_any_other_source_and_that_is_said(films: Path):
    archive = list_archive(manifest(films / "films.csv", ("Image", "label"), ("TEST/normal/im-0001-0001", "1,0")))
    assert [(film.name, film.has_pneumonia) for film in archive.films] == [("test/NORMAL/IM-0001-0001.png", True)]
    assert len(archive.notes) == 3


def test_a_link_in_an_archive_is_not_followed_and_said(films: Path):
    (films / "test" / "NORMAL" / "link.png").symlink_to(films / "test" / "NORMAL" / "broken.png")
    archive = list_archive(str(films))
    assert "test/NORMAL/link.png" not in {film.name for film in archive.films}
    assert "link.png" in archive.problems[0]


@pytest.mark.parametrize("rows", [[("name",), ("x.png",)], [("file", "file"), ("x.png", "x.png")]])
def test_a_manifest_without_its_column_is_refused_before_a_film_is_read(rows, tmp_path: Path):
    with pytest.raises(DataError) as refusal:
        list_archive(manifest(tmp_path / "films.csv", *rows))
    assert refusal.value.code == "table"


def test_a_manifest_of_which_no_film_is_left_says_the_first_reason(tmp_path: Path):
    with pytest.raises(DataError, match=r"No X-ray was found in films\.csv"):
        list_archive(manifest(tmp_path / "films.csv", ("file",)))
    with pytest.raises(DataError, match=r"Row 2 \(x\.png\) was left out: there is no such file"):
        list_archive(manifest(tmp_path / "films.csv", ("file",), ("x.png",)))


def test_an_address_may_be_named_once_is_a_films_and_is_not_looked_up(tmp_path: Path):
    source = manifest(
        tmp_path / "films.csv",
        ("file", "label"),
        ("s3://bucket/a.png?region=eu", "1"),
        ("s3://bucket/a.png?region=eu", "1"),
        ("s3://bucket/notes.exe", "1"),
    )
    archive = list_archive(source)
    assert [film.name for film in archive.films] == ["s3://bucket/a.png?region=eu"]
    assert [problem.split(" (")[0] for problem in archive.problems] == ["Row 3", "Row 4"]


def test_a_compressed_manifest_is_read_and_a_manifest_has_so_many_bytes_and_no_more(
    films: Path, monkeypatch: pytest.MonkeyPatch
):
    plain = manifest(films / "films.csv", ("file",), ("test/NORMAL/broken.png",))
    packed = films / "films.csv.gz"
    packed.write_bytes(gzip.compress(Path(plain).read_bytes()))
    assert list_archive(str(packed)).listing_sha256 == list_archive(plain).listing_sha256
    # Unpacked: what is small when packed may be of any size.
    monkeypatch.setattr(cluster, "MAX_ARCHIVE_TABLE_BYTES", Path(plain).stat().st_size - 1)
    for source in (plain, str(packed)):
        with pytest.raises(DataError) as refusal:
            list_archive(source)
        assert refusal.value.code == "table"


def test_other_patients_are_another_listing(films: Path):
    def listing(*patients: str) -> str:
        rows = [(f"test/NORMAL/IM-{n:04}-0001.png", "0", patient) for n, patient in enumerate(patients)]
        return list_archive(manifest(films / "films.csv", ("file", "label", "patient"), *rows)).listing_sha256

    assert listing("a", "a", "b") != listing("a", "b", "b")
    # Only who is who counts, as in the rows that are written.
    assert listing("a", "a", "b") == listing("x", "x", "y")


def test_what_cannot_be_listed_is_refused_in_a_sentence_without_a_password(tmp_path: Path):
    (tmp_path / "films.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"films\.zip is neither"):
        list_archive(str(tmp_path / "films.zip"))
    with pytest.raises(DataError, match="nowhere does not exist"):
        list_archive(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="An address of the kind ftp://") as refusal:
        list_archive("ftp://me:secret@place/films")
    assert "secret" not in str(refusal.value)


# Partitions


def test_partitions_cover_each_film_once(films: Path):
    archive = list_archive(str(films))
    job = dataclasses.replace(any_job(), films=len(archive.films))
    parts = [cluster.films_of(archive, job, partition) for partition in range(job.partitions)]
    assert [len(part) for part in parts] == [5, 5, 5, 2]
    assert sum(parts, ()) == archive.films


def test_what_stands_is_not_scored_again_and_the_rest_is(films: Path, tiny_model: Path, tmp_path: Path):
    archive, out = list_archive(str(films)), tmp_path / "out"
    job = planned(archive, tiny_model)
    score = scorer(job, archive, out, tiny_model)
    assert begin_job(job, str(out)) == [0, 1, 2, 3]
    score(2)
    # As a worker leaves it that was killed while it wrote.
    (out / SCORES_FOLDER / ".part-00000.parquet.0.tmp").write_bytes(b"half")
    assert begin_job(job, str(out)) == [0, 1, 3]
    for partition in (0, 1, 3, 3):
        score(partition)
    assert begin_job(job, str(out)) == []
    assert [row["number"] for row in table(out)] == list(range(17))


def test_scores_are_those_of_the_local_engine(films: Path, tiny_model: Path, tmp_path: Path):
    archive, out = list_archive(str(films)), tmp_path / "out"
    job = planned(archive, tiny_model)
    score = scorer(job, archive, out, tiny_model)
    for partition in begin_job(job, str(out)):
        score(partition)
    assert_rows_are_those_of_the_local_engine(table(out), films, tiny_model, tmp_path / "local")
    assert sum(row["reason"] is not None for row in table(out)) == 1


def test_no_path_is_written_unless_asked_for(films: Path, tiny_model: Path, tmp_path: Path):
    archive = list_archive(str(films))
    for has_names in (False, True):
        out = tmp_path / str(has_names)
        job = planned(archive, tiny_model, has_names=has_names)
        score = scorer(job, archive, out, tiny_model)
        for partition in begin_job(job, str(out)):
            score(partition)
        written = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
        assert (b"person0_bacteria" in written) == has_names
        assert b"Mueller" not in written
    assert [row["name"] for row in table(out)] == [film.name for film in archive.films]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"listing_sha256": "f" * 64}, "films"),
        ({"weights_sha256": "f" * 64}, "weights"),
        ({"gate_sha256": "f" * 64}, "input gate"),
        ({"gate_sha256": None}, "input gate"),
        ({"temperature": 1.25}, "calibration"),
        ({"films_per_partition": 6}, "partitions"),
        ({"has_names": True}, "columns"),
    ],
)
def test_a_folder_is_never_shared_by_other_jobs(change: dict[str, object], what: str, tmp_path: Path):
    job = any_job()
    begin_job(job, str(tmp_path))
    with pytest.raises(DataError, match=f"a job of other {what}"):
        begin_job(dataclasses.replace(job, **change), str(tmp_path))


def test_a_damaged_job_file_is_said(tmp_path: Path):
    (tmp_path / JOB_FILE).write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        begin_job(any_job(), str(tmp_path))


# As the version before the gate travelled with the job has written it.
OLD_JOB = """{
  "listing_sha256": "0000000000000000000000000000000000000000000000000000000000000000",
  "weights_sha256": "1111111111111111111111111111111111111111111111111111111111111111",
  "films": 17,
  "films_per_partition": 5,
  "has_names": false
}"""


def test_a_job_of_a_version_that_knew_no_gate_is_refused_and_stays(tmp_path: Path):
    (tmp_path / JOB_FILE).write_text(OLD_JOB)
    for job in (any_job(), dataclasses.replace(any_job(), gate_sha256=None)):
        with pytest.raises(DataError, match="of an earlier version") as refusal:
            begin_job(job, str(tmp_path))
        assert refusal.value.code == "job"
        assert "Please name another folder" in str(refusal.value)
    assert (tmp_path / JOB_FILE).read_text() == OLD_JOB


def test_a_part_that_is_damaged_or_of_other_films_is_scored_again(films: Path, tiny_model: Path, tmp_path: Path):
    archive, out = list_archive(str(films)), tmp_path / "out"
    job = planned(archive, tiny_model)
    score = scorer(job, archive, out, tiny_model)
    for partition in begin_job(job, str(out)):
        score(partition)
    whole = table(out)
    parts = sorted((out / SCORES_FOLDER).iterdir())
    parts[0].write_bytes(b"")
    parts[1].write_bytes(parts[1].read_bytes()[:-10])
    parts[2].write_bytes(parts[3].read_bytes())
    assert begin_job(job, str(out)) == [0, 1, 2]
    for partition in (0, 1, 2):
        score(partition)
    assert begin_job(job, str(out)) == []
    assert table(out) == whole


def test_a_place_that_cannot_be_written_to_is_said_without_its_path(tmp_path: Path):
    (tmp_path / "Mueller_Anna").write_bytes(b"a file where a folder is expected")
    with pytest.raises(PneumoError, match="cannot be read or written") as refusal:
        begin_job(any_job(), str(tmp_path / "Mueller_Anna" / "out"))
    assert "Mueller" not in str(refusal.value)


def test_a_part_that_cannot_be_written_leaves_its_partition_open_with_a_sentence(
    films: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    archive, out = list_archive(str(films)), tmp_path / "out"
    job = planned(archive, tiny_model)
    begin_job(job, str(out))
    actor = PartitionScorer(job, archive.root, str(out), contents(tiny_model))

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device", "Mueller_Anna")

    monkeypatch.setattr(cluster, "_write_file", fails)
    (outcome,) = actor(rows_of(archive, job, 1)).to_pylist()
    assert outcome["films"] == 0
    assert outcome["problem"].startswith("part-00001.parquet could not be written")
    assert "Mueller" not in outcome["problem"]


# The model


@pytest.fixture(scope="module")
def odd_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make upright films, turned and inverted ones, one of noise, and one that cannot be read."""
    folder = tmp_path_factory.mktemp("odd")
    for number in range(6):
        film = drawn_film(number % 2 == 1, 400 + number)
        for name, pixels in (("upright", film), ("turned", np.rot90(film)), ("inverted", 255 - film)):
            (folder / f"{name}{number}.png").write_bytes(png(np.ascontiguousarray(pixels)))
    noise = np.random.default_rng(1).integers(0, 256, (110, 130), np.uint8)
    (folder / "noise.png").write_bytes(png(noise))
    (folder / "broken.png").write_bytes(b"no film")
    return folder


def assert_rows_are_those_of_the_local_engine(rows: list[dict[str, object]], films: Path, model: Path, out: Path):
    run("score", films, "--out", out, "--model", model)
    card = read_card(model)
    for row, expected in zip(rows, read_scores(out), strict=True):
        for name, value in dataclasses.asdict(expected).items():
            assert row[name] == (pytest.approx(value, abs=1e-5) if name == "logit" and value else value), name
        probability = None if expected.logit is None else float(probabilities(expected.logit, card.first.calibration))
        assert row["probability"] == (None if probability is None else pytest.approx(probability, abs=1e-5))


def test_a_table_tells_an_archives_ages_and_one_answer_those_of_the_others(
    films: Path, tiny_model: Path, tmp_path: Path
):
    names = sorted(path.relative_to(films).as_posix() for path in films.rglob("*.png"))[:3]
    rows = ["file,label,age", f"{names[0]},opacity,4Y", f"{names[1]},abnormal_no_opacity,", f"{names[2]},normal,"]
    (films / "list.csv").write_text("\n".join(rows))
    archive, out = list_archive(str(films / "list.csv")), tmp_path / "out"
    job = plan_job(archive, tiny_model, False, 5, 40.0)
    begin_job(job, str(out))
    scorer(job, archive, out, tiny_model)(0)
    found = table(out)
    assert [(row["age_years"], row["age_from"]) for row in found] == [
        (4.0, "table"),
        (40.0, "option"),
        (40.0, "option"),
    ]
    assert [row["group"] for row in found] == ["finding", "other", "normal"]
    with pytest.raises(DataError) as refused:
        begin_job(dataclasses.replace(job, age_years=None), str(out))
    assert refused.value.code == cluster.JOB_CODE


def test_a_job_of_an_older_version_goes_on(films: Path, tiny_model: Path, tmp_path: Path):
    archive, out = list_archive(str(films)), tmp_path / "out"
    job = planned(archive, tiny_model)
    begin_job(job, str(out))
    kept = json.loads((out / JOB_FILE).read_text())
    for name in ("age_years", "identity"):
        del kept[name]
    (out / JOB_FILE).write_text(json.dumps(kept))
    assert begin_job(job, str(out)) == list(range(job.partitions))


def assert_the_gate_judged(rows: list[dict[str, object]], films: Path):
    names = [film.name for film in open_source(films).films]
    logits = {name: row["logit"] for name, row in zip(names, rows, strict=True)}
    assert {logit for name, logit in logits.items() if name.startswith(("turned", "inverted"))} == {None}
    assert sum(logit is not None for name, logit in logits.items() if name.startswith("upright")) >= 4


def test_a_gate_judges_in_a_worker_as_it_does_here(odd_films: Path, gated_model: Path, tmp_path: Path):
    archive, out = list_archive(str(odd_films)), tmp_path / "out"
    job = planned(archive, gated_model, 7)
    score = scorer(job, archive, out, gated_model)
    for partition in begin_job(job, str(out)):
        score(partition)
    assert_rows_are_those_of_the_local_engine(table(out), odd_films, gated_model, tmp_path / "local")
    assert_the_gate_judged(table(out), odd_films)


@pytest.mark.parametrize("lacking", [GATE_FILE, CARD_FILE])
def test_a_worker_without_the_whole_model_scores_nothing_and_says_why(
    lacking: str, odd_films: Path, gated_model: Path, tmp_path: Path
):
    archive, out = list_archive(str(odd_films)), tmp_path / "out"
    job = planned(archive, gated_model)
    files = contents(gated_model)
    del files[lacking]
    (outcome,) = PartitionScorer(job, archive.root, str(out), files)(rows_of(archive, job, 0)).to_pylist()
    assert outcome["films"] == 0
    assert outcome["problem"].startswith("A worker cannot hold the model: ")
    assert not (out / SCORES_FOLDER).exists()


def test_a_worker_with_another_calibration_scores_nothing(odd_films: Path, tiny_model: Path, tmp_path: Path):
    archive = list_archive(str(odd_films))
    job = dataclasses.replace(planned(archive, tiny_model), temperature=7.0)
    actor = PartitionScorer(job, archive.root, str(tmp_path), contents(tiny_model))
    (outcome,) = actor(rows_of(archive, job, 0)).to_pylist()
    assert (outcome["films"], "calibration" in outcome["problem"]) == (0, True)


def test_a_missing_film_is_refused_and_silent_storage_stops_the_job(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(UnreadableImageError, match="cannot be opened"):
        cluster.read_archive_film(str(films), "nowhere.png", 3)
    asked: list[int] = []

    def fails(*_: object) -> bytes:
        asked.append(1)
        raise OSError(5, "Input/output error", "Mueller_Anna.png")

    monkeypatch.setattr(cluster, "WAITS", (0, 0))
    monkeypatch.setattr(cluster, "_read_file", fails)
    with pytest.raises(StorageStoppedError, match="X-ray 3 of the listing could not be read") as stopped:
        cluster.read_archive_film(str(films), "nowhere.png", 3)
    assert len(asked) == 3
    assert "Mueller" not in str(stopped.value)


# The command


def test_without_ray_the_engine_says_what_to_install(
    films: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "ray", None)
    result = run("score", films, "--out", tmp_path / "out", "--model", tiny_model, "--engine", "ray")
    assert result.exit_code == 1
    assert result.stderr == (
        "Ray is not installed here. The engine ray needs it on every machine of the cluster. Please run "
        "pip install '.[cluster]' in Pneumo's folder, or use --engine local.\n"
    )


def test_an_address_where_nothing_listens_is_refused_at_once(films: Path, tiny_model: Path, tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ("score", films, "--engine", "ray", "--out", tmp_path, "--model", tiny_model, "--address")
    for address in (f"127.0.0.1:{port}", "127.0.0.1:99999", "no host:6379"):
        started = time.monotonic()
        result = run(*arguments, address)
        assert time.monotonic() - started < CONNECT_SECONDS + 1
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Nothing answers at {address}. Expected is host:port of a running Ray cluster")
    assert "is for Ray Client" in run(*arguments, f"ray://127.0.0.1:{port}").stderr


def test_the_local_engine_goes_on_by_itself(films: Path, tiny_model: Path, tmp_path: Path):
    arguments = ("score", films, "--out", tmp_path / "out", "--model", tiny_model)
    assert run(*arguments).exit_code == 1
    written = (tmp_path / "out" / "scores.jsonl").read_bytes()
    assert run(*arguments).exit_code == 1
    assert (tmp_path / "out" / "scores.jsonl").read_bytes() == written


@pytest.mark.parametrize("extra", [("--workers", "2"), ("--names",), ("--address", "auto"), ("--partition-films", 3)])
def test_what_is_for_ray_is_wrong_use_without_it(extra: tuple[object, ...], tiny_model: Path, tmp_path: Path):
    result = run("score", tmp_path, "--out", tmp_path / "out", "--model", tiny_model, *extra)
    assert result.exit_code == 2
    assert "go with --engine ray" in result.stderr
    addressed = run("score", "s3://bucket/films", "--out", tmp_path / "out", "--model", tiny_model)
    assert addressed.exit_code == 2
    assert "--engine ray" in addressed.stderr


@pytest.mark.parametrize(("row", "status"), [("test/NORMAL/IM-0001-0001.png,1", 0), ("missing.png,1", 1)])
def test_an_archive_of_which_rows_were_left_out_ends_with_exit_status_1(
    row: str, status: int, films: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (films / "films.csv").write_text(f"file, label\ntest/NORMAL/IM-0000-0001.png, 0\n{row}\n")
    asked: list[Archive] = []
    # A cluster starts slowly, and what it does is no matter here.
    monkeypatch.setattr(evaluate, "ray_cluster", lambda *_: contextlib.nullcontext(1))
    monkeypatch.setattr(evaluate, "score_archive", lambda archive, *_: asked.append(archive))
    arguments = ("--engine", "ray", "--out", tmp_path / "out", "--model", tiny_model)
    result = run("score", films / "films.csv", *arguments)
    assert result.exit_code == status
    assert ("Row 3 (missing.png) was left out" in result.stderr) == (status == 1)
    assert asked[0].films[0].has_pneumonia is False


# With Ray


@pytest.fixture(scope="module")
def started() -> Iterator[int]:
    """Give the number of workers of a cluster that the tests share: its start takes longer than their films."""
    with cluster.ray_cluster(None, 2) as workers:
        yield workers


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Make 160 films."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(160):
        (folder / f"{number:03}.png").write_bytes(png(drawn_film(number % 2 == 1, number)))
    return folder


@needs_ray
def test_a_gate_judges_under_ray_as_it_does_here(odd_films: Path, gated_model: Path, tmp_path: Path, started: int):
    archive, out = list_archive(str(odd_films)), tmp_path / "out"
    cluster.score_archive(archive, planned(archive, gated_model, 10), gated_model, str(out), started)
    assert_rows_are_those_of_the_local_engine(table(out), odd_films, gated_model, tmp_path / "local")
    assert_the_gate_judged(table(out), odd_films)


@needs_ray
def test_a_model_that_workers_cannot_hold_ends_a_ray_job_with_its_sentence(
    odd_films: Path, gated_model: Path, tmp_path: Path, started: int
):
    archive = list_archive(str(odd_films))
    job = planned(archive, gated_model)
    # As where the gate is taken away while the job starts.
    ungated = tmp_path / "ungated"
    shutil.copytree(gated_model, ungated)
    (ungated / GATE_FILE).unlink()
    with pytest.raises(PneumoError, match="A worker cannot hold the model: "):
        cluster.score_archive(archive, job, ungated, str(tmp_path / "out"), 1)


@needs_ray
def test_ray_scores_as_the_local_engine_with_a_worker_killed_on_the_way(
    many: Path, tiny_model: Path, tmp_path: Path, started: int
):
    archive, out, local = list_archive(str(many)), tmp_path / "out", tmp_path / "local"
    assert run("score", many, "--out", local, "--model", tiny_model).exit_code == 0
    killed: list[int] = []

    def kill_one(progress: object) -> None:
        if progress.done and not killed:
            killed.append(scorer_processes()[0])
            os.kill(killed[0], signal.SIGKILL)

    job = planned(archive, tiny_model, 10)
    cluster.score_archive(archive, job, tiny_model, str(out), started, kill_one)
    assert killed
    rows = table(out)
    assert [row["number"] for row in rows] == list(range(160))
    logits = [score.logit for score in read_scores(local)]
    assert [row["logit"] for row in rows] == pytest.approx(logits, abs=1e-5)


@needs_ray
def test_a_job_whose_driver_was_killed_ends_with_each_film_once(
    many: Path, tiny_model: Path, tmp_path: Path, started: int
):
    import ray

    out, address = tmp_path / "out", ray.get_runtime_context().gcs_address
    arguments = ["score", many, "--out", out, "--engine", "ray", "--address", address, "--workers", started]
    arguments += ["--partition-films", "4", "--model", tiny_model]
    command = [sys.executable, "-m", "pneumo_core", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as driver:
        while driver.poll() is None and not list(out.glob(f"{SCORES_FOLDER}/part-*")):
            time.sleep(0.05)
        driver.kill()
    standing = {path.name: path.stat().st_mtime_ns for path in out.glob(f"{SCORES_FOLDER}/part-*")}
    assert 0 < len(standing) < 40
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    assert [row["number"] for row in table(out)] == list(range(160))
    now = {path.name: path.stat().st_mtime_ns for path in out.glob(f"{SCORES_FOLDER}/part-*")}
    assert standing.items() <= now.items()


@needs_ray
def test_silent_storage_ends_a_ray_job_with_its_sentence(
    odd_films: Path, tiny_model: Path, tmp_path: Path, started: int
):
    folder = tmp_path / "films"
    shutil.copytree(odd_films, folder)
    archive = list_archive(str(folder))
    # A folder in the place of a film: reading it is an error that is neither "missing" nor "closed".
    place = folder / archive.films[3].name
    place.unlink()
    place.mkdir()
    with pytest.raises(PneumoError, match="X-ray 3 of the listing could not be read"):
        cluster.score_archive(archive, planned(archive, tiny_model, 10), tiny_model, str(tmp_path / "out"), 1)
