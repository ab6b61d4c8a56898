"""What `./run` installs: each package in one version per Python, by its hash, and as pyproject.toml allows."""

import re
import tomllib
from collections.abc import Iterator

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from pneumo_core.files.places import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))


def lines(name: str) -> list[str]:
    """Give a file's requirements, each in one line."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def named(lock: str) -> Iterator[Requirement]:
    """Give what a lock is made from."""
    yield from map(Requirement, lines("requirements.txt"))
    if lock == "requirements-dev.lock":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        for extra in ("dev", "cluster", "openvino"):
            asked = map(Requirement, project["optional-dependencies"][extra])
            yield from (requirement for requirement in asked if requirement.name != project["name"])


def pinned(lock: str, python: str, platform: str, machine: str) -> dict[str, str]:
    """Give the version of each package that a lock names for a computer."""
    computer = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": platform,
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
    }
    found: dict[str, str] = {}
    for line in lines(lock):
        pin, _, marker = line.split(" --hash=")[0].strip().partition(" ; ")
        name, version = pin.split("==")
        if not marker or Marker(marker).evaluate(computer):
            assert name not in found
            found[name] = version
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_of_a_lock_has_hashes_and_no_address(lock: str):
    assert all(re.fullmatch(r"[a-z0-9.-]+==[^ /:]+( ; [^/:]+)?( +--hash=sha256:[0-9a-f]{64})+", x) for x in lines(lock))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_is_asked_for_in_a_version_that_is_allowed(lock: str):
    for python in PYTHONS:
        for computer in PLATFORMS:
            versions = pinned(lock, python, *computer)
            refused = [str(wish) for wish in named(lock) if not wish.specifier.contains(versions.get(wish.name, "0"))]
            assert refused == [], (python, computer)


def test_the_tests_run_with_the_versions_that_users_get():
    users, developers = map(lines, LOCKS)
    assert set(users) <= set(developers)
