"""No name that others wrote leads out of a folder, in a table or in a zip."""

import io
import posixpath
import warnings
import zipfile
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given, settings, strategies as st

from pneumo_core.data.names import relative_name
from pneumo_core.data.zips import list_zip
from pneumo_core.errors import DataError, UnreadableImageError

PARTS = st.sampled_from(
    ["..", ".", "", "/", "//", "\\", "C:", "c:\\", "http:", "a", "b.png", "x/", " ", "\0", "\u202e", "~"]
)
NAMES = st.one_of(
    st.text(max_size=20), st.lists(PARTS, max_size=8).map("".join), st.lists(PARTS, max_size=8).map("/".join)
)


def assert_stays_inside(name: str) -> None:
    """Check what a path means on either kind of system, by each system's own rules."""
    for kind in (PurePosixPath, PureWindowsPath):
        path = kind(name)
        assert not path.drive and not path.root and ".." not in path.parts
        assert path.parts
    assert posixpath.normpath(posixpath.join("/top", name)).startswith("/top/")
    assert "\n" not in name and "\0" not in name and "\u202e" not in name


@settings(max_examples=300)
@given(NAMES)
def test_a_name_is_refused_or_stays_in_its_folder(raw: str):
    try:
        name = relative_name(raw)
    except DataError:
        return
    assert_stays_inside(name)
    assert relative_name(name) == name


@pytest.mark.parametrize("raw", ["./C:/x.png", "a/../C:\\x.png", ".//c:x.png", "./http://x.png"])
def test_a_drive_behind_a_detour_is_refused(raw: str):
    with pytest.raises(DataError):
        relative_name(raw)


def zip_of_names(names: list[str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, warnings.catch_warnings():
        # Some names stand there twice.
        warnings.simplefilter("ignore", UserWarning)
        for name in names:
            # The file's own system may be any; names stay as they were given.
            member = zipfile.ZipInfo()
            member.filename = name
            archive.writestr(member, b"film")
    return file.getvalue()


def without_halves(name: str) -> str:
    return name.encode("utf-8", "ignore").decode()


@given(st.lists(NAMES.map(without_halves), max_size=4))
def test_each_film_of_a_zip_has_a_name_that_stays_in_its_folder(names: list[str]):
    listing = list_zip("films.zip", io.BytesIO(zip_of_names(names)))
    assert len(listing.films) + len(listing.tables) + len(listing.problems) <= len(names)
    for name, film in listing.films.items():
        assert_stays_inside(name)
        assert film.read() == b"film"


WHOLE_ZIP = zip_of_names(["a.png", "b/c.png", "table.csv"])
CHANGES = st.lists(st.tuples(st.integers(0, len(WHOLE_ZIP) - 1), st.integers(0, 255)), min_size=1, max_size=6)


@given(CHANGES, st.integers(0, len(WHOLE_ZIP)))
def test_a_changed_zip_is_refused_or_each_of_its_films_is(changes: list[tuple[int, int]], end: int):
    content = bytearray(WHOLE_ZIP)
    for place, value in changes:
        content[place] = value
    for damaged in (bytes(content), bytes(content[:end])):
        try:
            listing = list_zip("films.zip", io.BytesIO(damaged))
        except DataError:
            continue
        for name, film in listing.films.items():
            assert_stays_inside(name)
            try:
                assert film.read() == b"film"
            except UnreadableImageError as refusal:
                assert refusal.code == "unreadable_image"
