"""`python -m pneumo_core`: the command line."""

from pneumo_core.cli.group import commands

if __name__ == "__main__":
    commands(prog_name="python -m pneumo_core")
