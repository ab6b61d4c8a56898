"""The version of Pneumo, and which Python and packages are at work."""

import platform
from importlib import metadata

PNEUMO = "0.2.0"
_PACKAGES = ("tensorflow", "keras", "tf-keras-vis", "streamlit")


def versions_at_work() -> dict[str, str]:
    """Give the versions of Python and of the packages that a score and its pictures come from."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in _PACKAGES}}


def versions_in_words() -> str:
    """Say them in one line."""
    return ", ".join(f"{name} {version}" for name, version in versions_at_work().items())
