"""What it costs that films are decoded in processes of their own, beside decoding them in this one.

    python -m benchmarks.decoding FOLDER [FOLDER ...] [--films 100]

Both ways take turns film by film, so that a machine busy with other things slows both alike.
"""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click

from pneumo_core.decoder import DECODER
from pneumo_core.decoder_process import read_content
from pneumo_core.sources import open_source

ROUNDS = 5
THREADS = 2


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def here(content: bytes) -> None:
    """Decode in this process, to the same values as `DECODER` gives."""
    pixels, _ = read_content(content)
    if pixels.dtype == "uint8":
        pixels / pixels.dtype.type(255).astype("float32")


def all_at_once(decode: Callable[[bytes], object], contents: list[bytes]) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        # A picture that is kept would be memory, not time.
        list(threads.map(lambda content: decode(content) and None, contents))


def compare(contents: list[bytes]) -> None:
    """Time both ways over some films."""
    all_at_once(DECODER.decode, contents)
    in_process, apart, alone, together = [], [], [], []
    for _ in range(ROUNDS):
        for content in contents:
            in_process.append(seconds_of(partial(here, content)))
            apart.append(seconds_of(partial(DECODER.decode, content)))
        alone.append(len(contents) / seconds_of(lambda: [here(content) for content in contents]))
        together.append(len(contents) / seconds_of(lambda: all_at_once(DECODER.decode, contents)))
    here_ms, apart_ms = (1000 * statistics.median(seconds) for seconds in (in_process, apart))
    click.echo(f"{here_ms:7.1f} ms  median of {len(contents)} films, in this process")
    click.echo(f"{apart_ms:7.1f} ms  median, in a process of its own: {apart_ms - here_ms:+.1f} ms a film")
    click.echo(f"{statistics.median(alone):7.0f} films/s  in this process, one after the other")
    click.echo(f"{statistics.median(together):7.0f} films/s  in processes of their own, {THREADS} at a time")


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--films", default=100, show_default=True, help="At most so many of each folder.")
def benchmark(folders: tuple[Path, ...], films: int) -> None:
    """Time decoding here and apart."""
    click.echo(f"{seconds_of(DECODER.start) * 1000:7.0f} ms  to start a process that decodes")
    for folder in folders:
        click.echo(f"{folder.name}:")
        compare([film.read() for film in open_source(folder).films[:films]])


if __name__ == "__main__":
    benchmark()
