"""The cost of decoding films in processes of their own, beside decoding them in this one.

    python -m benchmarks.decoding [FOLDER ...] [--films 100] [--record docs/benchmarks]

Both ways take turns film by film, so that a machine busy with other things slows both alike. Without FOLDER, samples
are enlarged to a film's size.
"""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click

from benchmarks.record import Cell, Table, record_option, tell
from pneumo_core.data import open_source
from pneumo_core.film import DECODER, read_content

ROUNDS = 5
THREADS = 2
DECODING = "Decoding"
COLUMNS = (
    "films",
    "n",
    "ms in this process",
    "ms in a process of its own",
    "ms more",
    "films/s in this process",
    f"films/s in processes of their own, {THREADS} at a time",
)


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def here(content: bytes) -> None:
    """Decode in this process, to the same values as `DECODER` gives."""
    _ = read_content(content).pixels


def apart_from_here(content: bytes) -> None:
    """Decode in a process of its own."""
    _ = DECODER.decode(content).pixels


def all_at_once(decode: Callable[[bytes], object], contents: list[bytes]) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        # A picture that is kept would be memory, not time.
        list(threads.map(lambda content: decode(content) and None, contents))


def compare(name: str, contents: list[bytes]) -> tuple[Cell, ...]:
    """Time both ways over some films; give them as `COLUMNS` says."""
    all_at_once(apart_from_here, contents)
    in_process, apart, alone, together = [], [], [], []
    for _ in range(ROUNDS):
        for content in contents:
            in_process.append(seconds_of(partial(here, content)))
            apart.append(seconds_of(partial(apart_from_here, content)))
        alone.append(len(contents) / seconds_of(lambda: [here(content) for content in contents]))
        together.append(len(contents) / seconds_of(lambda: all_at_once(apart_from_here, contents)))
    here_ms, apart_ms = (1000 * statistics.median(seconds) for seconds in (in_process, apart))
    speeds = (round(statistics.median(speed), 1) for speed in (alone, together))
    return name, len(contents), round(here_ms, 1), round(apart_ms, 1), round(apart_ms - here_ms, 1), *speeds


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--films", default=100, show_default=True, help="At most so many of each folder.")
@record_option
def benchmark(folders: tuple[Path, ...], films: int, record: Path | None) -> None:
    """Time decoding here and apart."""
    start = round(1000 * seconds_of(DECODER.start))
    groups = {folder.name: [film.read() for film in open_source(folder).films[:films]] for folder in folders}
    rows = [compare(name, contents) for name, contents in (groups or {"enlarged samples": enlarged()}).items()]
    tell(record, "decoding", [Table(DECODING, COLUMNS, tuple(rows))], details={"ms to start a process": start})


def enlarged() -> list[bytes]:
    """Give some samples in a film's size."""
    from benchmarks.one_xray import full_size_film

    return [full_size_film(number) for number in range(8)]


if __name__ == "__main__":
    benchmark()
