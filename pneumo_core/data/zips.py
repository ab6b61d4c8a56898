"""The films of a zip, read where it lies: nothing is extracted, and what it declares of itself is not believed."""

import io
import stat
import struct
import threading
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from functools import partial
from itertools import pairwise

from pneumo_core.data.listing import Listing, check_count, left_out
from pneumo_core.data.names import HEAD_BYTES, as_shown, is_silent, may_be_table, relative_name
from pneumo_core.errors import DataError, UnreadableImageError
from pneumo_core.film import MAX_FILE_BYTES

# Upper bounds: all members together once unpacked, and the directory (50,000 entries have about 8 MiB).
MAX_UNPACKED_BYTES = 20 * 2**30
MAX_DIRECTORY_BYTES = 64 * 2**20
# Films hardly shrink, and an all-black one about a hundredfold; deflate ends at 1,032.
MAX_FILM_RATIO = 200
MIN_FILM_BOMB_BYTES = 2**20
# An Excel and a LibreOffice workbook are zips, too.
_WORKBOOK_MEMBERS = ({"xl/workbook.xml"}, {"xl/workbook.bin"}, {"mimetype", "content.xml"})
# Names in a zip that does not tell their alphabet: of Windows and DOS in Western Europe and America; of Unix.
_CODE_PAGES = ("cp850", "cp437", "cp1252")
# "Info-ZIP Unicode Path": the name in UTF-8 beside one in a code page.
_UNICODE_PATH = 0x7075
_ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError)


class _ZipReader(io.BufferedReader):
    """Bounds what `ZipFile` reads while it parses the directory, because it believes the sizes an archive declares."""

    is_parsing = True

    def read(self, size: int | None = -1, /) -> bytes:
        if not self.is_parsing:
            return super().read(size)
        content = super().read(min(size, MAX_DIRECTORY_BYTES) if size and size > 0 else size)
        # Each entry of the directory begins so.
        check_count(content.count(b"PK\x01\x02"), "The zip")
        return content

    def __del__(self) -> None:
        # Nobody else closes it: it lives as long as the films that are read from it.
        self.close()


def list_zip(name: str, file: io.FileIO | io.BytesIO, prefix: str = "") -> Listing:
    """List a zip's members under `prefix`; the file stays open as long as one of them may be read."""
    reader = _ZipReader(file)
    try:
        archive = zipfile.ZipFile(reader)
    except _ZIP_DAMAGE as error:
        reader.close()
        raise DataError(f"{name} is no zip that can be read, or it is damaged. Please pack it again.") from error
    reader.is_parsing = False
    members = archive.infolist()
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        limit = f"Zips of up to {MAX_UNPACKED_BYTES // 2**30} GiB unpacked can be read"
        raise DataError(f"{name} is too large. {limit}. Please pack it in several parts.")
    _check_overlap(name, members, archive.start_dir)
    given = {member.filename for member in members}
    if any(inside <= given for inside in _WORKBOOK_MEMBERS):
        raise DataError(f"{name} is a workbook. Please open it and save its sheet as CSV.", code="workbook")
    listing = Listing()
    # Reading moves the one position that the file has.
    lock = threading.Lock()
    names = [member_name(member) for member in members]
    if any(read not in (member.filename, _in_utf8(member)) for read, member in zip(names, members, strict=True)):
        listing.notes.append("The zip does not tell the alphabet of its names. They were read as Western European.")
    for raw, member in zip(names, members, strict=True):
        with left_out(listing.problems, as_shown(prefix + raw)):
            inside = relative_name(raw)
            is_text = may_be_table(inside)
            if raw.endswith(("/", "\\")) or (is_silent(inside) and not is_text):
                continue
            # A text that cannot be read is passed over like any other.
            with left_out([] if is_text else listing.problems, as_shown(prefix + raw)):
                _check_member(member)
                # The zip's directory has it; a member that is not of it is refused when it is read.
                content = f"{member.file_size} bytes, CRC {member.CRC:08x}"
                read, head = (partial(part, archive, lock, member) for part in (_read_member, _head_of_member))
                listing.add(prefix + inside, content, read, head)
    return listing


def member_name(member: zipfile.ZipInfo) -> str:
    """Give a member's name as it was meant.

    A name without the flag for UTF-8 is bytes in an alphabet that the zip does not tell; `zipfile` takes it for that of
    DOS (APPNOTE, appendix D). macOS writes UTF-8 there, Windows its code page.
    """
    if member.flag_bits & 0x800 or member.filename.isascii():
        return member.filename
    if (text := _in_utf8(member)) is not None:
        return text
    try:
        content = member.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return member.filename
    is_unix = member.create_system == 3
    for code_page in (_CODE_PAGES[2:] if is_unix else ()) + _CODE_PAGES:
        try:
            text = content.decode(code_page)
        except UnicodeDecodeError:
            continue
        if all(letter.isascii() or unicodedata.name(letter, "").startswith("LATIN ") for letter in text):
            return text
    return member.filename


def _in_utf8(member: zipfile.ZipInfo) -> str | None:
    """Give a name that is UTF-8 by an extra field, or by its bytes."""
    try:
        content = member.orig_filename.encode("cp437")
        extra = member.extra
        while len(extra) >= 4:
            kind, size = struct.unpack("<HH", extra[:4])
            if kind == _UNICODE_PATH and size > 5 and extra[5:9] == struct.pack("<I", zlib.crc32(content)):
                content = extra[9 : 4 + size]
                break
            extra = extra[4 + size :]
        return content.decode()
    except UnicodeError:
        return None


def _check_overlap(name: str, members: Iterable[zipfile.ZipInfo], start_of_directory: int) -> None:
    """Refuse members that share bytes: so a small zip unpacks to a huge one (Fifield, A better zip bomb, 2019)."""
    # A member takes at least 30 bytes and its content.
    spans = sorted((member.header_offset, member.header_offset + 30 + member.compress_size) for member in members)
    for (_, end), (start, _) in pairwise([(0, 0), *spans, (start_of_directory, 0)]):
        if end > start:
            raise DataError(
                f"{name} holds members that overlap or lie outside it, as in a zip bomb. Please pack the X-rays again."
            )


def _check_member(member: zipfile.ZipInfo) -> None:
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        raise DataError("it is a link or a special file. Expected are X-rays. Please pack the file itself.")
    if member.flag_bits & 0x1:
        raise DataError("it is encrypted. Please pack it without a password.")
    # bzip2 and LZMA cannot be unpacked in bounded steps by zipfile.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError("its compression is not supported. Expected is deflate, the usual one. Please pack it again.")
    if member.file_size > MAX_FILE_BYTES:
        limit = f"Files up to {MAX_FILE_BYTES // 2**20} MiB can be read"
        raise DataError(f"it is too large. {limit}. Please export a single X-ray.")
    if member.file_size > max(MIN_FILM_BOMB_BYTES, MAX_FILM_RATIO * member.compress_size):
        raise DataError(f"it unpacks to more than {MAX_FILM_RATIO} times its size. Please pack it without compression.")


def _head_of_member(archive: zipfile.ZipFile, lock: threading.Lock, member: zipfile.ZipInfo) -> bytes:
    try:
        with lock, archive.open(member) as file:
            return file.read(HEAD_BYTES)
    except _ZIP_DAMAGE:
        return b""


def _read_member(archive: zipfile.ZipFile, lock: threading.Lock, member: zipfile.ZipInfo) -> bytes:
    try:
        with lock, archive.open(member) as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) != member.file_size:
            raise EOFError("shorter than declared")
    except _ZIP_DAMAGE as error:
        raise UnreadableImageError("is damaged in the zip and cannot be read. Please pack it again.") from error
    return content
