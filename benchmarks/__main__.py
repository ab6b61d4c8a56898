"""Run the benchmarks that take minutes, keep what they find, and write the documents anew.

    python -m benchmarks [--long] [--data chest_xray --copy chest_xray_nearest] [--films chest_xray_fullsize]

Each runs in a process of its own, one after the other: a machine with nothing else to do gives the truest figures.
`--long` adds what takes an hour: a batch of 10,000 films, 1 to 20 people at once, 10,000 films one after the other.
`--data` adds robustness, on the test and the validation films of that folder. What fails is told, and stops nothing.
"""

import subprocess
import sys
import time
from pathlib import Path

import click

from benchmarks.record import RECORDS
from pneumo_core.files import ROOT

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def commands(is_long: bool, data: Path | None, copies: tuple[Path, ...], films: Path | None) -> list[list[str]]:
    """Give the words of each benchmark, in the order in which they are run."""
    full_size = [str(films)] if films else []
    found = [
        ["one_xray"],
        ["engines"],
        ["two_views"],
        ["batch", *full_size, *(["--most", "10000"] if is_long else ["--most", "1000"])],
        ["decoding", *full_size],
        ["threshold"],
        ["imports"],
        ["cold_start"],
    ]
    if is_long:
        # The last of them read 1,000 films in two rounds.
        people = [word for count in (1, 2, 5, 10, 20) for word in ("--people", str(count))]
        found.append(["load", *people, "--films", "25"])
        found.append(["load", "--soak", "10000"])
    if data:
        views = [word for copy in copies for word in ("--copy", str(copy))]
        found += [["robustness", str(data), *views, "--part", part] for part in ("validation", "test")]
    return found


@click.command()
@click.option("--long", "is_long", is_flag=True, help="An hour more: 10,000 films, 1 to 20 people at once.")
@click.option("--data", type=FOLDER, help="In the Kaggle layout; robustness is measured on its films.")
@click.option("--copy", "copies", multiple=True, type=FOLDER, help="A further copy of the same films.")
@click.option("--films", type=FOLDER, help="Films at full size; without, samples are enlarged.")
def main(is_long: bool, data: Path | None, copies: tuple[Path, ...], films: Path | None) -> None:
    """Run benchmarks, and write the documents from what they find."""
    failed = []
    for name, *words in commands(is_long, data, copies, films):
        click.echo(f"--- {' '.join((name, *words))}", err=True)
        started = time.monotonic()
        command = [sys.executable, "-m", f"benchmarks.{name}", *words, "--record", str(RECORDS)]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(name)
        click.echo(f"--- {name}: {time.monotonic() - started:.0f} s", err=True)
    subprocess.run([sys.executable, "-m", "benchmarks.tables"], cwd=ROOT, check=True)
    if failed:
        raise click.ClickException(f"These failed: {', '.join(failed)}. What they found before stands.")


if __name__ == "__main__":
    main()
