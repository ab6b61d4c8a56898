"""Films a second by the number of workers on a cluster of this machine, and what deaths on the way do.

    python -m benchmarks.cluster FOLDER [--films 800] [--workers 1 --workers 2] [--record docs/benchmarks]

The films of FOLDER are copied again and again, under new names, until there are as many as asked for. Each number of
workers scores them once; then a worker is killed on the way, then the driver. Told are films/s while all
workers are at work (between the first partition of each and the last one), the time of a core that a film takes
(which other programs on the machine hardly change), and the largest difference in logit and probability from the
local engine.
"""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from pyarrow import dataset

from benchmarks.record import Cell, Table, record_option, tell
from pneumo_core.data import open_source
from pneumo_core.evaluate import (
    SCORES_FOLDER,
    Archive,
    FilmScore,
    list_archive,
    plan_job,
    ray_cluster,
    read_scores,
    run_source,
    score_archive,
)
from pneumo_core.files import ROOT, models_folder
from pneumo_core.film import prepare, read_radiograph
from pneumo_core.gate import before
from pneumo_core.keras_network import load_classifier
from pneumo_core.models import active_model_folder, read_card
from pneumo_core.stats import probabilities
from pneumo_core.wording import Progress

CLUSTER = "Films on a cluster of one machine"
COLUMNS = (
    "work",
    "films/s",
    "ms of a core for a film",
    "s in all",
    "films, each once",
    "largest difference in logit",
    "in probability",
)


def scorer_processes() -> list[int]:
    """Give the ids of the processes under this one that hold a model for Ray."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # Its second field, the name, may hold spaces and brackets.
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(status.parent.name))
    found, waiting = [], [os.getpid()]
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        try:
            title = Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            continue
        if title.startswith(b"ray::") and b"PartitionScorer" in title:
            found.append(process)
    return found


def copies(folder: Path, count: int, into: Path) -> Path:
    """Fill a folder with so many films, the same ones again and again."""
    films = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    into.mkdir()
    for number, path in enumerate(itertools.islice(itertools.cycle(films), count)):
        shutil.copy(path, into / f"{number:06}{path.suffix}")
    return into


def check(out: Path, expected: tuple[FilmScore, ...], model: Path) -> tuple[int, float, float]:
    """Compare all parts with the local engine's scores, film by film.

    Returns:
        films, and the largest differences of logits and of probabilities.

    Raises:
        SystemExit: a film is missing or there twice.
    """
    rows = dataset.dataset(out / SCORES_FOLDER, format="parquet").to_table().sort_by("number").to_pylist()
    if [row["number"] for row in rows] != list(range(len(expected))):
        raise SystemExit("a film is missing, or there twice")
    if [row["sha256"] for row in rows] != [score.sha256 for score in expected]:
        raise SystemExit("a film's hash is another's")
    ours = np.array([row["logit"] for row in rows], dtype=float)
    local = np.array([score.logit for score in expected], dtype=float)
    calibration = read_card(model).calibration
    apart = np.nanmax(np.abs(np.array([row["probability"] for row in rows]) - probabilities(local, calibration)))
    return len(rows), float(np.nanmax(np.abs(ours - local))), float(apart)


def core_seconds(process: int) -> float:
    """Give the time that a process has had on all cores."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watch:
    """Takes the times of progress, and kills a worker when asked to."""

    def __init__(self, kill_after: int | None = None) -> None:
        self.marks: list[tuple[float, float, int]] = []
        self.kill_after = kill_after
        self.killed = 0

    def __call__(self, progress: Progress) -> None:
        cores = sum(core_seconds(process) for process in scorer_processes())
        self.marks.append((time.monotonic(), cores, progress.done))
        if self.kill_after is not None and progress.done >= self.kill_after and not self.killed:
            self.killed = scorer_processes()[0]
            os.kill(self.killed, signal.SIGKILL)

    def speed(self, workers: int) -> tuple[float, float]:
        """Give films a second and seconds of a core for a film, while no worker starts or has nothing left."""
        (start, cores, before), (end, cores_then, after) = self.marks[workers], self.marks[-workers]
        return (after - before) / (end - start), (cores_then - cores) / (after - before)


def decoding(films: list[Path], model: Path) -> float:
    """Give the seconds of a core in which a film is read, decoded, checked and brought to the network's size."""
    card = read_card(model)
    started = time.process_time()
    for path in films:
        radiograph = read_radiograph(path.read_bytes(), "film")
        before(radiograph, card.years)
        prepare(radiograph.pixels, card.preprocessing)
    return (time.process_time() - started) / len(films)


def scored(
    archive: Archive, model: Path, out: Path, workers: int, partition: int, kill_after: int | None = None
) -> tuple[Watch, float]:
    """Score an archive on a cluster of this machine; give its times, and the seconds of all of it."""
    started = time.monotonic()
    watch = Watch(kill_after)
    with ray_cluster(None, workers) as count:
        job = plan_job(archive, model, False, partition)
        score_archive(archive, job, model, str(out), count, watch)
    return watch, time.monotonic() - started


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--films", default=800, show_default=True)
@click.option("--partition", default=50, show_default=True, help="Films in a partition.")
@click.option("--workers", multiple=True, type=int, default=(1, 2), show_default=True)
@record_option
def benchmark(folder: Path, films: int, partition: int, workers: tuple[int, ...], record: Path | None) -> None:
    """Time an archive on a cluster of this machine, and kill parts of it on the way."""
    model = active_model_folder(models_folder())
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        source = copies(folder, films, place / "films")
        classifier = load_classifier(model)
        run_source(open_source(copies(folder, 64, place / "warm")), classifier, place / "warm-scores")
        started = time.monotonic()
        run_source(open_source(source), classifier, place / "local")
        seconds = time.monotonic() - started
        rows: list[tuple[Cell, ...]] = [
            (
                "local engine, one process on all cores",
                round(films / seconds, 1),
                None,
                round(seconds),
                films,
                None,
                None,
            )
        ]
        alone = decoding(sorted(source.iterdir())[:200], model)
        rows.append(("reading, decoding, checks, resizing alone", None, round(1000 * alone, 1), None, None, None, None))
        local = read_scores(place / "local")
        archive = list_archive(str(source))
        for count in workers:
            watch, seconds = scored(archive, model, place / f"ray{count}", count, partition)
            speed, cores = watch.speed(count)
            name = f"Ray, {count} workers of one core"
            same = check(place / f"ray{count}", local, model)
            rows.append((name, round(speed, 1), round(1000 * cores, 1), round(seconds), *same))
        count = max(workers)
        watch, seconds = scored(archive, model, place / "killed", count, partition, films // 3)
        name = f"a worker killed after {films // 3} films"
        rows.append((name, None, None, round(seconds), *check(place / "killed", local, model)))
        out = place / "driver"
        command = [sys.executable, "-m", "pneumo_core", "score", str(source), "--out", str(out), "--model", str(model)]
        command += ["--engine", "ray", "--workers", str(count), "--partition-films", str(partition)]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as driver:
            while driver.poll() is None and len(list(out.glob(f"{SCORES_FOLDER}/part-*"))) < films // partition // 3:
                time.sleep(0.05)
            driver.kill()
        standing = len(list(out.glob(f"{SCORES_FOLDER}/part-*")))
        subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL, check=True)
        name = f"the driver killed with {standing} of {films // partition} partitions done, and started again"
        rows.append((name, None, None, None, *check(out, local, model)))
    tables = [Table(CLUSTER, COLUMNS, tuple(rows))]
    details = {"partition": partition}
    tell(record, "cluster", tables, classifier.card, classifier.device, ("ray", "pyarrow"), details)


if __name__ == "__main__":
    benchmark()
