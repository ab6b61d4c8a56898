"""Whatever a zip holds, what comes out of it are the files that were asked for, or a refusal."""

import io
import struct
import warnings
import zipfile

import pytest
from hypothesis import given, strategies as st

from pneumo_core.errors import ModelError
from pneumo_core.files.safe_zip import small_zip

LIMITS = {"a.bin": 1000, "b.txt": 100}
CONTENT = {"a.bin": b"x" * 200, "b.txt": b"words"}
# Each would do alone.
IN_PLACE = ["a.bin", "b.txt", "m/a.bin", "m/b.txt", "n/b.txt", "m/"]
NAMES = st.one_of(
    st.sampled_from([*IN_PLACE, "../a.bin", "/b.txt", "m\\a.bin", "A.BIN", "a.bin/", "a.bin\0x"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)


def zip_of(names: list[str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive, warnings.catch_warnings():
        # Some names stand there twice.
        warnings.simplefilter("ignore", UserWarning)
        for name in names:
            member = zipfile.ZipInfo()
            member.filename, member.compress_type = name, method
            archive.writestr(member, CONTENT.get(name.rpartition("/")[2], b"other"))
    return file.getvalue()


def unpacked(content: bytes) -> dict[str, bytes] | None:
    """Give what a zip holds, or None where it is refused."""
    try:
        with small_zip(io.BytesIO(content), "The zip", LIMITS, in_folder=True) as archive:
            return {name: archive.read(name) for name in archive.members}
    except ModelError as refusal:
        assert refusal.code == "model"
        return None


@given(st.one_of(st.lists(st.sampled_from(IN_PLACE), max_size=3, unique=True), st.lists(NAMES, max_size=4)))
def test_any_names_give_known_files_or_a_refusal(names: list[str]):
    found = unpacked(zip_of(names))
    assert found is None or found == {name: CONTENT[name] for name in found}
    files = [(folder, file) for folder, _, file in (name.rpartition("/") for name in names) if file]
    if any(file not in LIMITS for _, file in files) or len({folder for folder, _ in files}) > 1:
        assert found is None


WHOLE = zip_of(["m/a.bin", "m/b.txt"])


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_changed_zip_gives_the_right_files_or_a_refusal(changes: list[tuple[int, int]]):
    content = bytearray(WHOLE)
    for place, value in changes:
        content[place] = value
    found = unpacked(bytes(content))
    assert found is None or found == {name: CONTENT[name] for name in found}


@given(st.binary(max_size=120))
def test_any_bytes_are_refused(content: bytes):
    assert unpacked(content) is None
    unpacked(content + WHOLE)
    unpacked(WHOLE + content)


@pytest.mark.parametrize("offset", [2**32, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_member_that_claims_to_lie_beyond_any_file_is_refused(offset: int):
    name = b"a.bin"
    extra = struct.pack("<HHQ", 1, 8, offset)
    fields = 45, 0, 45, 0, 0, 0, 0, 0, 0, 1, 1, len(name), len(extra), 0, 0, 0, 0, 2**32 - 1
    directory = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", *fields) + name + extra
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 0, 0)
    assert unpacked(directory + end) is None
