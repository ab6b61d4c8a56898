"""`python -m pneumo_core`: the command line."""

from pneumo_core.cli import commands

if __name__ == "__main__":
    commands(prog_name="python -m pneumo_core")
