"""Small zips: what may be in them, and what is refused before or while it is unpacked."""

import io
import struct
import warnings
import zipfile
from collections.abc import Iterable

import pytest

from pneumo_core.errors import ModelError
from pneumo_core.files.safe_zip import MAX_ENTRIES, small_zip

LIMITS = {"a.bin": 3 * 2**20, "b.txt": 100}


def zip_of(members: Iterable[tuple[str | zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def refusal_of(content: bytes, in_folder: bool = True) -> str:
    with pytest.raises(ModelError) as refusal, small_zip(io.BytesIO(content), "The zip", LIMITS, in_folder) as archive:
        for member in archive.members:
            archive.read(member)
    return str(refusal.value)


def special(name: str, mode: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    return member


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("folder", ["", "model-1/"])
def test_known_files_are_read(folder: str, method: int):
    content = zip_of([(f"{folder}a.bin", b"x" * 50), (f"{folder}b.txt", b"")], method)
    with small_zip(io.BytesIO(content), "The zip", LIMITS, in_folder=True) as archive:
        assert {name: archive.read(name) for name in archive.members} == {"a.bin": b"x" * 50, "b.txt": b""}


def test_the_folders_own_entry_is_no_file():
    with small_zip(io.BytesIO(zip_of([("m/", b""), ("m/b.txt", b"x")])), "The zip", LIMITS, in_folder=True) as archive:
        assert archive.members.keys() == {"b.txt"}


def test_a_refusal_says_what_was_found_what_is_expected_and_what_to_do():
    assert refusal_of(zip_of([("../a.bin", b"")])) == (
        "The zip holds another file ('../a.bin'). Expected are a.bin, b.txt, all in one folder or in none. Please "
        "leave everything else out, or export the model again."
    )


@pytest.mark.parametrize(
    "names",
    [
        ["c.bin"],
        ["../a.bin"],
        ["/a.bin"],
        ["./a.bin"],
        [".hidden/a.bin"],
        ["m/n/a.bin"],
        ["m\\a.bin"],
        ["C:/a.bin"],
        ["a.bin", "m/b.txt"],
        ["m/a.bin", "n/b.txt"],
        ["m/n/"],
        ["A.BIN"],
    ],
)
def test_other_names_and_places_are_refused(names: list[str]):
    assert "holds another file" in refusal_of(zip_of([(name, b"") for name in names]))


def test_where_no_folder_is_expected_none_is_taken():
    assert "holds another file ('m/a.bin')" in refusal_of(zip_of([("m/a.bin", b"")]), in_folder=False)


def test_a_name_with_a_nought_in_it_is_refused():
    content = zip_of([("a.binX.exe", b"")]).replace(b"a.binX.exe", b"a.bin\0.exe")
    assert "holds another file" in refusal_of(content)


def test_two_files_of_one_name_are_refused():
    assert "holds b.txt twice" in refusal_of(zip_of([("b.txt", b"1"), ("b.txt", b"2")]))


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o060644], ids=["link", "pipe", "device"])
def test_links_and_special_files_are_refused(mode: int):
    assert "holds b.txt as a link or a special file" in refusal_of(zip_of([(special("b.txt", mode), b"/etc/passwd")]))


def test_a_password_is_refused():
    content = bytearray(zip_of([("b.txt", b"x")]))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "holds b.txt with a password" in refusal_of(bytes(content))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(method: int):
    assert "in a compression other than deflate" in refusal_of(zip_of([("b.txt", b"x" * 90)], method))


def test_a_file_that_is_too_large_is_refused():
    assert "holds b.txt of 101 bytes, more than 100" in refusal_of(zip_of([("b.txt", b"x" * 101)]))


def test_a_bomb_is_refused_before_it_is_unpacked():
    found = refusal_of(zip_of([("a.bin", bytes(3 * 2**20))], zipfile.ZIP_DEFLATED))
    assert "holds a.bin that unpacks to more than 200 times its size" in found


def declared(content: bytes, size: int) -> bytes:
    """Let both headers of the only member declare another size."""
    changed = bytearray(content)
    struct.pack_into("<I", changed, 22, size)
    struct.pack_into("<I", changed, changed.index(b"PK\x01\x02") + 24, size)
    return bytes(changed)


@pytest.mark.parametrize("size", [10, 90], ids=["longer than declared", "shorter than declared"])
def test_a_false_size_is_found_while_unpacking(size: int):
    assert "b.txt in The zip is damaged" in refusal_of(declared(zip_of([("b.txt", b"x" * 50)]), size))


def test_damage_is_found_while_unpacking():
    assert "b.txt in The zip is damaged" in refusal_of(zip_of([("b.txt", b"1234567")]).replace(b"34567", b"76543"))


@pytest.mark.parametrize(
    "content",
    [b"", b"no zip", b"PK\x05\x06", zip_of([("b.txt", b"x")])[:-10]],
    ids=["empty", "text", "its end alone", "cut"],
)
def test_what_is_no_zip_is_refused(content: bytes):
    assert "is no zip that can be read" in refusal_of(content)


def test_too_many_files_are_refused_before_the_directory_is_parsed(monkeypatch: pytest.MonkeyPatch):
    content = zip_of([(f"{number}.txt", b"") for number in range(MAX_ENTRIES + 1)])
    monkeypatch.setattr("pneumo_core.files.safe_zip.zipfile.ZipFile", None)
    assert f"holds more than {MAX_ENTRIES} files" in refusal_of(content)


def test_too_many_bytes_are_refused_before_the_directory_is_parsed(monkeypatch: pytest.MonkeyPatch):
    content = zip_of([("c.bin", bytes(5 * 2**20))])
    monkeypatch.setattr("pneumo_core.files.safe_zip.zipfile.ZipFile", None)
    assert "holds more than 3145828 bytes" in refusal_of(content)
