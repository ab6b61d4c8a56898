"""Pneumo's own version, and which Python and packages are at work."""

import platform
from importlib import metadata

# The one place where Pneumo's own version is written; pyproject.toml reads it here.
PNEUMO = "0.3.0"

_PACKAGES = ("tensorflow", "keras", "tf-keras-vis", "streamlit")


def versions_at_work() -> dict[str, str]:
    """Give the versions of Pneumo, Python and the packages that a score and its pictures come from."""
    packages = {name: metadata.version(name) for name in _PACKAGES}
    return {"pneumo": PNEUMO, "python": platform.python_version(), **packages}


def versions_in_words() -> str:
    """Say them in one line."""
    return ", ".join(f"{name} {version}" for name, version in versions_at_work().items())
