"""A benchmark's results beside the machine, versions and model that gave them: tables, kept as JSON.

    @click.command()
    @record_option
    def benchmark(record: Path | None) -> None:
        ...
        tell(record, "batch", [Table("", ("work", "films/s"), rows)], classifier.card, classifier.device)

prints the tables and, with `--record docs/benchmarks`, keeps them as `docs/benchmarks/batch.json`, from which
`python -m benchmarks.tables` writes the documents. No name of a host, no path and no file name gets in.
"""

import datetime
import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter

from pneumo_core.files import ROOT, write_whole
from pneumo_core.models import ModelCard, versions_at_work

RECORDS = ROOT / "docs" / "benchmarks"
PACKAGES = ("numpy", "opencv-python-headless", "pillow")
Cell = str | int | float | None
# Other load of the machine, before this benchmark has done anything.
_LOAD_BEFORE = round(os.getloadavg()[0], 1)


@dataclass(frozen=True, slots=True)
class Table:
    """Figures by rows; the first column names the row. Floats are rounded by whoever measured them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def markdown(self) -> list[str]:
        """Give the lines of a Markdown table, numbers to the right."""
        numbers = [all(not isinstance(row[place], str) for row in self.rows) for place in range(len(self.columns))]
        lines = [self.columns, ["---:" if is_number else "---" for is_number in numbers]]
        lines += [[_in_words(cell) for cell in row] for row in self.rows]
        return [f"| {' | '.join(line)} |" for line in lines]


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine and versions that a benchmark ran on.

    Attributes:
        load_before: the system's load average of the minute before it began.
        device: that the network ran on, where the benchmark knows.
    """

    processor: str
    cores: int
    memory_gib: float
    system: str
    load_before: float
    device: str | None


@dataclass(frozen=True, slots=True)
class Record:
    """The results of a benchmark, where and with what it ran.

    Attributes:
        date: UTC.
        commit: of the code; None where more than documents had been changed since.
        model: name of the model that was measured; None where none was.
        details: figures that no table shows.
    """

    name: str
    date: str
    commit: str | None
    machine: Machine
    versions: dict[str, str]
    model: str | None
    weights_sha256: str | None
    tables: tuple[Table, ...]
    details: dict[str, Any] = field(default_factory=dict)

    def machine_in_words(self) -> str:
        """Say on what it was measured."""
        machine = self.machine
        return f"{machine.processor}, {machine.cores} cores, {machine.memory_gib} GiB of memory, {machine.system}"

    def circumstances(self) -> str:
        """Say in one line when, where and with what."""
        parts = [
            self.date,
            self.machine_in_words(),
            f"load average before: {self.machine.load_before}",
            ", ".join(f"{name} {version}" for name, version in self.versions.items()),
        ]
        if self.model and self.weights_sha256:
            parts.append(f"model {self.model} (weights {self.weights_sha256[:12]})")
        if self.machine.device:
            parts.append(f"network on {self.machine.device}")
        parts.append(f"commit {self.commit}" if self.commit else "code not committed yet")
        return "; ".join(parts)


_RECORD = TypeAdapter(Record)


def record_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option `--record FOLDER` to a command, which then gets it as `record`."""
    return click.option(
        "--record",
        type=click.Path(file_okay=False, path_type=Path),
        help="Keep the figures there as JSON; docs/benchmarks is where the documents take them from.",
    )(command)


def tell(
    folder: Path | None,
    name: str,
    tables: Sequence[Table],
    card: ModelCard | None = None,
    device: str | None = None,
    packages: Sequence[str] = (),
    details: dict[str, Any] | None = None,
) -> Record:
    """Print what was found, and keep it where a folder was named.

    Args:
        card: of the model that was measured.
        device: that its network ran on.
        packages: whose versions matter too.
    """
    record = Record(
        name=name,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        commit=_commit(),
        machine=_machine(device),
        versions=versions_at_work() | {package: metadata.version(package) for package in (*PACKAGES, *packages)},
        model=card.name if card else None,
        weights_sha256=card.weights_sha256 if card else None,
        tables=tuple(tables),
        details=details or {},
    )
    for table in tables:
        click.echo("\n".join(([table.title, ""] if table.title else []) + table.markdown()) + "\n")
    click.echo(record.circumstances())
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{name}.json", _RECORD.dump_json(record, indent=1) + b"\n")
    return record


def read_record(path: Path) -> Record:
    """Read what `tell` has kept."""
    return _RECORD.validate_json(path.read_bytes())


def _in_words(cell: Cell) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else f"{cell:,}"


def _machine(device: str | None) -> Machine:
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{platform.system()} {platform.machine()}",
        device=device,
        load_before=_LOAD_BEFORE,
    )


def _processor() -> str:
    # Python names an architecture under Linux, and no model.
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _commit() -> str | None:
    """Give the commit that the code is of; None outside a checkout, or where it was changed."""
    try:
        changed = _git("diff", "HEAD", "--quiet", "--", ".", ":!docs", ":!*.md")
        head = _git("rev-parse", "--short=12", "HEAD")
    except OSError:
        return None
    return head.stdout.strip() if changed.returncode == 0 and head.returncode == 0 else None


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
