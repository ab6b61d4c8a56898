"""The command: all faults, one after the other, and the table of counts."""

import random
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from benchmarks.faults.clock import clock_cases
from benchmarks.faults.full_disk import full_disk_cases
from benchmarks.faults.kills import batch_kills, save_kills, training_kills
from benchmarks.faults.read_only import read_only_cases
from benchmarks.faults.setting import Case, make_setting


@click.command()
@click.option("--training", default=50, show_default=True, help="Kills of training runs.")
@click.option("--batch", default=20, show_default=True, help="Kills of batch runs.")
@click.option("--save", default=25, show_default=True, help="Kills of saves.")
@click.option("--seed", default=1, show_default=True, help="Of the moments.")
@click.option("--only", help="Faults whose name holds this word: save, batch, training, disk, read-only, clock.")
def benchmark(training: int, batch: int, save: int, seed: int, only: str | None) -> None:
    """Do harm, and count what is lost."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="pneumo-faults-") as temporary:
        setting = make_setting(Path(temporary))
        parts: dict[str, Callable[[], Iterable[Case]]] = {
            "save": lambda: [save_kills(setting, save, chance)],
            "batch": lambda: [batch_kills(setting, batch, chance)],
            "disk": lambda: full_disk_cases(setting),
            "read-only": lambda: read_only_cases(setting),
            "clock": lambda: clock_cases(setting),
            "training": lambda: [training_kills(setting, training, chance)],
        }
        cases: list[Case] = []
        for name, part in parts.items():
            if only and only not in name:
                continue
            started = time.monotonic()
            for case in part():
                cases.append(case)
                click.echo(f"{case.name}: {'; '.join(case.facts)}")
                for problem in case.lost:
                    click.echo(f"    LOST {problem}")
            click.echo(f"    {time.monotonic() - started:.0f} s")
    click.echo(f"\n{'fault':<34}{'done':>6}{'lost':>6}")
    for case in cases:
        click.echo(f"{case.name:<34}{case.done:>6}{len(case.lost):>6}")
    lost = sum(len(case.lost) for case in cases)
    click.echo(f"{'in all':<34}{sum(case.done for case in cases):>6}{lost:>6}")
    raise SystemExit(1 if lost else 0)


if __name__ == "__main__":
    benchmark()
