"""Commands for whoever runs a server: a passphrase's hash, and whether the audit log is whole."""

from pathlib import Path

import click

from pneumo_core.cli.group import GivenPath
from pneumo_core.errors import DataError
from pneumo_core.serve import AUDIT_LOG_VARIABLE, verify_audit_log
from pneumo_core.wording import counted


@click.command("hash-passphrase")
def hash_passphrase_command() -> None:
    """Ask for a passphrase, and print what PNEUMO_PASSPHRASE_HASH is to hold for sign-in by it."""
    from pneumo_core.serve import hash_passphrase

    click.echo(hash_passphrase(click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)))


@click.group("audit-log")
def audit_log() -> None:
    """The log of who did what with which X-ray, where PNEUMO_AUDIT_LOG names one."""


@audit_log.command()
@click.argument("file", envvar=AUDIT_LOG_VARIABLE, type=GivenPath())
def verify(file: Path) -> None:
    """Check that no line of FILE (default: the log in use) was changed, moved or taken out. Exit status 0: none; 1."""
    found = verify_audit_log(file)
    if found.broken:
        raise DataError(
            f"{file}: line {found.broken} is not as it was written, or the one before it is missing. The "
            f"{counted(found.lines, 'line')} above it are whole."
        )
    torn = f", {counted(found.torn, 'line')} torn by a crash" if found.torn else ""
    click.echo(f"{counted(found.lines, 'line')}{torn}, chain whole; the last one's hash is {found.end}")
