"""The command line over the pages' functions: `pneumo read|evaluate|score|audit|train|models|doctor`.

Here stands what all commands share: how a call ends, what is told to whom, and kinds of words.
"""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import click

from pneumo_core.film import OLDEST_YEARS, age_in_years
from pneumo_core.models import PNEUMO
from pneumo_core.wording import Progress, known_end

# Each command's module and its name there: a module is imported for its own commands alone, and for the help.
_PLACES = {
    "audit": ("train", "audit"),
    "audit-log": ("serve", "audit_log"),
    "assemble": ("train", "assemble_command"),
    "blend": ("train", "blend_command"),
    "doctor": ("read", "doctor"),
    "evaluate": ("evaluate", "evaluate"),
    "fit-gate": ("train", "fit_gate_command"),
    "fit-lungs": ("train", "fit_lungs_command"),
    "hash-passphrase": ("serve", "hash_passphrase_command"),
    "models": ("models", "models"),
    "read": ("read", "read"),
    "recalibrate": ("train", "recalibrate_command"),
    "score": ("evaluate", "score"),
    "survey": ("read", "survey"),
    "train": ("train", "train"),
}


class _Commands(click.Group):
    """The commands by their names, and how each call of one ends."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # For a name that is none, click looks among all for one that was meant.
        for name in [cmd_name] if cmd_name in _PLACES else _PLACES:
            module, attribute = _PLACES[name]
            self.commands[name] = getattr(import_module(f"pneumo_core.cli.{module}"), attribute)
        return self.commands.get(cmd_name)

    def make_context(self, *arguments: Any, **named: Any) -> click.Context:
        # Help is printed in here.
        with _ended():
            return super().make_context(*arguments, **named)

    def invoke(self, ctx: click.Context) -> Any:
        with _ended():
            return super().invoke(ctx)


@contextmanager
def _ended() -> Iterator[None]:
    """End with exit status 2 at wrong use, 1 at a refusal, which is one line on standard error; 0 at a closed pipe."""
    try:
        with _ended_where_nobody_reads():
            yield
    except click.ClickException as error:
        # Without a standard error click would say it on standard output.
        if sys.stderr is not None:
            with _whoever_reads(sys.stderr):
                error.show()
        raise SystemExit(error.exit_code) from error
    except Exception as error:
        words = known_end(error)
        if words is None:
            # A fault of the program, or click's own.
            raise
        tell(words)
        raise SystemExit(1) from error


@contextmanager
def _ended_where_nobody_reads() -> Iterator[None]:
    """End with exit status 0 where whoever read the answers has gone (`... | head -1`)."""
    try:
        yield
    except BrokenPipeError as error:
        watch = select.poll()
        # Without a wish of ours it tells only that the other end is closed; some other pipe may have broken.
        watch.register(sys.stdout, 0)
        if not watch.poll(0):
            raise
        _let_go(sys.stdout)
        raise SystemExit(0) from error


def tell(line: str, *, nl: bool = True, err: bool = True) -> None:
    """Print what nobody need read: where the pipe is closed, the work goes on."""
    with _whoever_reads(sys.stderr if err else sys.stdout):
        click.echo(line, nl=nl, err=err)


@contextmanager
def _whoever_reads(stream: TextIO) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _let_go(stream)


def _let_go(stream: TextIO) -> None:
    """Let a stream with a closed pipe lead nowhere, or Python would complain of it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def tell_how_far(words: str, is_done: bool) -> None:
    """Say in the line at hand how far work is."""
    tell(f"\r{words}", nl=is_done)


def tell_progress(progress: Progress) -> None:
    """Say in the line at hand how many X-rays are done."""
    tell_how_far(progress.in_words(), progress.done == progress.of)


class Age(click.ParamType[float]):
    """A patient's age, as DICOM's AS; a bare number counts years."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Give years."""
        age = age_in_years(str(value))
        if age is None:
            self.fail(f"'{value}' is no age from 0 to {OLDEST_YEARS} years. Please write it as 45, 45Y, 8M, 3W or 10D.")
        return age


class GivenPath(click.Path[Path]):
    """A file or folder; an empty word is none, and never the folder at hand."""

    def __init__(self, **named: Any) -> None:
        super().__init__(path_type=Path, **named)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give a `Path`."""
        if value == "":
            self.fail("It is empty. Expected is a file or a folder. Please name one, or leave it out.", param, ctx)
        return super().convert(value, param, ctx)


class GivenWord(click.ParamType[str]):
    """A word that is not empty."""

    name = "text"

    def __init__(self, expected: str) -> None:
        self.expected = expected

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Give it as it is."""
        if value == "":
            self.fail(f"It is empty. Expected is {self.expected}. Please name one, or leave it out.", param, ctx)
        return str(value)


@click.group(cls=_Commands)
@click.version_option(PNEUMO, prog_name="pneumo", message="%(prog)s %(version)s")
def commands() -> None:
    """Pneumo: reads chest X-rays for suspected pneumonia or lung opacity.

    Research and teaching tool, not a medical device.
    """
