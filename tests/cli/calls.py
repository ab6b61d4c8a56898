"""A call of the command line within the test's own process."""

from click.testing import CliRunner, Result

from pneumo_core.cli.group import commands


def run(*arguments: object) -> Result:
    """Call it with these words."""
    return CliRunner().invoke(commands, [str(argument) for argument in arguments])
