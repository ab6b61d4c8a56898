"""For tests of what other libraries keep to themselves: an upgrade is to be looked at before it is believed."""

from importlib.metadata import version


def assert_version(package: str, looked_at: str, file: str) -> None:
    """Fail where another major or minor version is installed than the one that a file was looked at with."""
    installed = ".".join(version(package).split(".")[:2])
    assert installed == looked_at, (
        f"{package} {installed} is installed. {file} uses what {package} promises nobody, and was looked at with "
        f"{looked_at}. Please look whether it still holds, then name {installed} here."
    )
