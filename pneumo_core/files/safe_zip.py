"""A zip of a few files whose names are known beforehand, checked before anything of it is unpacked."""

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from pneumo_core.errors import ModelError

# Weights hardly shrink; deflate ends at 1,032.
MAX_RATIO = 200
MIN_BOMB_BYTES = 2**20
# Of the directory, and of that of a zip within it.
MAX_ENTRIES = 50
_STEP_BYTES = 2**20
_ENTRY_MARK = b"PK\x01\x02"
_FOLDER_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,59}")
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
    # A member that claims to lie beyond what any file can hold.
    OverflowError,
)


@dataclass(frozen=True, slots=True, eq=False)
class SmallZip:
    """An open zip: its members by their known names, each checked, none unpacked yet."""

    name: str
    archive: zipfile.ZipFile
    members: Mapping[str, zipfile.ZipInfo]

    def unpack(self, member: str, target: BinaryIO) -> None:
        """Unpack a member, never more of it than it declares.

        Raises:
            ModelError: it is damaged, or longer or shorter than declared.
        """
        for step in self._steps(member):
            target.write(step)

    def read(self, member: str) -> bytes:
        """Unpack a member into memory, as `unpack` does."""
        target = io.BytesIO()
        self.unpack(member, target)
        return target.getvalue()

    def _steps(self, member: str) -> Iterator[bytes]:
        left = self.members[member].file_size
        damaged = ModelError(f"{member} in {self.name} is damaged. Please export or copy the model again.")
        try:
            with self.archive.open(self.members[member]) as file:
                while step := file.read(_STEP_BYTES):
                    left -= len(step)
                    if left < 0:
                        break
                    yield step
        except _DAMAGE as error:
            raise damaged from error
        if left:
            raise damaged


@contextmanager
def small_zip(file: BinaryIO, name: str, limits: Mapping[str, int], in_folder: bool = False) -> Iterator[SmallZip]:
    """Open a zip and check what it says it holds.

    Args:
        file: seekable.
        name: for the sentences.
        limits: the members that may be there, each with its largest size in bytes.
        in_folder: they may lie in one folder, all in the same.

    Raises:
        ModelError: no zip, too large, or a member that is not expected: another name, twice, a link, encrypted,
            too large, or one that grows as a zip bomb's do.
    """
    expected = f"Expected are {', '.join(limits)}" + (", all in one folder or in none" if in_folder else "")
    _check_directory(file, name, sum(limits.values()), expected)
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGE as error:
        raise ModelError(
            f"{name} is no zip that can be read, or it is damaged. {expected}. Please export or copy the model again."
        ) from error
    with archive:
        members: dict[str, zipfile.ZipInfo] = {}
        folders = set()
        for member in archive.infolist():
            folder, slash, known = member.orig_filename.rpartition("/")
            folders.add(folder)
            is_in_place = not slash or (in_folder and _FOLDER_NAME.fullmatch(folder))
            if is_in_place and not known and not member.file_size:
                continue
            found = ""
            if not is_in_place or known not in limits or len(folders) > 1:
                found = "another file"
            elif known in members:
                found = f"{known} twice"
            elif stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
                found = f"{known} as a link or a special file"
            elif member.flag_bits & 0x1:
                found = f"{known} with a password"
            elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                found = f"{known} in a compression other than deflate"
            elif member.file_size > limits[known]:
                found = f"{known} of {member.file_size} bytes, more than {limits[known]}"
            elif member.file_size > max(MIN_BOMB_BYTES, MAX_RATIO * member.compress_size):
                found = f"{known} that unpacks to more than {MAX_RATIO} times its size"
            if found:
                shown = ascii(member.orig_filename[:60])
                raise ModelError(
                    f"{name} holds {found} ({shown}). {expected}. Please leave everything else out, or export the "
                    "model again."
                )
            members[known] = member
        yield SmallZip(name, archive, members)


def _check_directory(file: BinaryIO, name: str, most: int, expected: str) -> None:
    """Bound what `ZipFile` parses before it parses it: it believes the sizes that an archive declares."""
    file.seek(0)
    entries, size, tail = 0, 0, b""
    while step := file.read(_STEP_BYTES):
        size += len(step)
        entries += (tail + step).count(_ENTRY_MARK)
        tail = step[-len(_ENTRY_MARK) + 1 :]
        if entries > MAX_ENTRIES or size > most + _STEP_BYTES:
            found = f"more than {MAX_ENTRIES} files" if entries > MAX_ENTRIES else f"more than {most} bytes"
            raise ModelError(f"{name} holds {found}. {expected}. Please export or copy the model again.")
    file.seek(0)
