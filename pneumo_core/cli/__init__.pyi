from .group import (
    commands as commands,
)
