"""Names of files that are no X-ray, told by their first bytes, and the advice that fits each."""

from typing import NamedTuple

from pneumo_core.errors import UnreadableImageError
from pneumo_core.film.pixels import FILE_KINDS


class Kind(NamedTuple):
    """A kind of file in words, and what to do about it."""

    words: str
    advice: str


_UPLOAD = f"Please upload a {FILE_KINDS} file."
_SAVE = "Please save the picture as JPEG or PNG, and upload that."
_SINGLE = "Please upload the X-ray as a single picture."
_UNPACK = "Please unpack it, and upload the X-ray itself."
_EXPORT = "Please export the X-ray itself from the program that made it."
_FETCH = "Please fetch the file itself."

# By offset and magic bytes.
_MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"%PDF", Kind("a PDF document", _EXPORT)),
    (0, b"{\\rtf", Kind("an RTF document", _EXPORT)),
    (0, b"%!PS", Kind("a PostScript document", _EXPORT)),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind("an older Office document", _EXPORT)),
    (0, b"7z\xbc\xaf", Kind("a 7-Zip archive", _UNPACK)),
    (0, b"Rar!", Kind("a RAR archive", _UNPACK)),
    (0, b"\x1f\x8b", Kind("a gzip archive, as NIfTI volumes often are", _UNPACK)),
    (0, b"BZh", Kind("a bzip2 archive", _UNPACK)),
    (0, b"\xfd7zXZ\x00", Kind("an xz archive", _UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", Kind("a Zstandard archive", _UNPACK)),
    (257, b"ustar", Kind("a tar archive", _UNPACK)),
    (344, b"n+1\x00", Kind("a NIfTI volume", _UPLOAD)),
    (0, b"NRRD", Kind("an NRRD volume", _UPLOAD)),
    (0, b"\x89HDF\r\n\x1a\n", Kind("an HDF5 file", _UPLOAD)),
    (0, b"\x93NUMPY", Kind("a NumPy array", _UPLOAD)),
    (0, b"GIF8", Kind("a GIF image", _SAVE)),
    (8, b"WEBP", Kind("a WebP image", _SAVE)),
    (8, b"AVI ", Kind("an AVI video", _SINGLE)),
    (0, b"8BPS", Kind("a Photoshop document", _SAVE)),
    (0, b"\xff\x0a", Kind("a JPEG XL image", _SAVE)),
    (4, b"JXL ", Kind("a JPEG XL image", _SAVE)),
    (4, b"jP  ", Kind("a JPEG 2000 image", _SAVE)),
    (0, b"\xff\x4f\xff\x51", Kind("a JPEG 2000 image", _SAVE)),
    (0, b"II\xbc\x01", Kind("a JPEG XR image", _SAVE)),
    (0, b"\xff\xd8\xff\xf7", Kind("a JPEG-LS image", _SAVE)),
    (0, b"\x8aMNG\r\n\x1a\n", Kind("an MNG animation", _SINGLE)),
    (0, b"\x00\x00\x01\x00", Kind("an icon", _UPLOAD)),
    (0, b"FUJIFILMCCD-RAW", Kind("a camera's raw photo", _SAVE)),
    (0, b"IIRO", Kind("a camera's raw photo", _SAVE)),
    (0, b"IIU\x00", Kind("a camera's raw photo", _SAVE)),
    (0, b"\x1aE\xdf\xa3", Kind("a Matroska or WebM video", _SINGLE)),
    (0, b"\x00\x00\x01\xba", Kind("an MPEG video", _SINGLE)),
    (0, b"\x00\x00\x01\xb3", Kind("an MPEG video", _SINGLE)),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind("a Windows Media video", _SINGLE)),
    # QuickTime films of before 2001 have no `ftyp`.
    (4, b"moov", Kind("a QuickTime video", _SINGLE)),
    (4, b"mdat", Kind("a QuickTime video", _SINGLE)),
    (0, b"\x00\x05\x16\x07", Kind("a side file of a Mac, which holds no picture", _UPLOAD)),
    (0, b"version https://git-lfs", Kind("a pointer of Git LFS to a file", _FETCH)),
)
_HEIC, _HEIF, _AVIF = (Kind(f"{words} photo", _SAVE) for words in ("a HEIC", "a HEIF", "an AVIF"))
_SEQUENCE, _VIDEO = Kind("a sequence of HEIF pictures", _SINGLE), Kind("an MP4 video", _SINGLE)
# ISO/IEC 23008-12 and AV1 Image File Format: the brand says what an ISO media file holds.
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis"), _HEIC),
    **dict.fromkeys((b"hevc", b"hevx", b"hevm", b"hevs"), _SEQUENCE),
    b"avif": _AVIF,
    b"avis": Kind("a sequence of AVIF pictures", _SINGLE),
    b"crx ": Kind("a camera's raw photo", _SAVE),
    b"qt  ": Kind("a QuickTime video", _SINGLE),
}
_GENERAL_BRANDS = {b"mif1": _HEIF, b"mif2": _HEIF, b"miaf": _HEIF, b"msf1": _SEQUENCE}
_OFFICE = (
    (b"word/", "a Word document"),
    (b"ppt/", "a PowerPoint document"),
    (b"xl/", "an Excel document"),
    (b"mimetypeapplication/vnd.oasis.opendocument", "an OpenDocument file"),
)


def refusal_of_kind(content: bytes) -> UnreadableImageError:
    """Give the refusal of a file that is of none of the kinds that are read."""
    kind = _kind_of(content)
    return UnreadableImageError(f"seems to be {kind.words}, not an X-ray. {kind.advice}", code="not_an_image")


def _kind_of(content: bytes) -> Kind:
    for offset, magic, kind in _MAGIC:
        if content.startswith(magic, offset):
            return kind
    if content.startswith(b"ftyp", 4):
        return _kind_by_brand(content)
    if content.startswith(b"PK\x03\x04"):
        return _kind_of_zip(content)
    if not content.strip(b"\0"):
        return Kind("a file of zeros alone", "Please export or download it again.")
    return _kind_of_text(content)


def _kind_by_brand(content: bytes) -> Kind:
    """Name an ISO media file by its brands: the first one, and those that it is compatible with after a general one."""
    length = min(int.from_bytes(content[:4]), 256)
    first, *others = [content[8:12], *(content[place : place + 4] for place in range(16, length - 3, 4))]
    if first in _BRANDS:
        return _BRANDS[first]
    if first in _GENERAL_BRANDS:
        return next((_BRANDS[brand] for brand in others if brand in _BRANDS), _GENERAL_BRANDS[first])
    return _VIDEO


def _kind_of_zip(content: bytes) -> Kind:
    # The names of the first files in a ZIP archive come first, and all names are at the end.
    names = content[:4096] + content[-65536:]
    for mark, words in _OFFICE:
        if mark in names:
            return Kind(words, _EXPORT)
    return Kind("a ZIP archive", _UNPACK)


def _kind_of_text(content: bytes) -> Kind:
    start = content[:1024]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        start = start.decode("utf-16", "replace").encode()
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if any(byte < 32 and byte not in b"\t\r\n\f" for byte in start):
        return Kind("a file of an unknown kind", _UPLOAD)
    if b"<svg" in start:
        return Kind("an SVG drawing", _SAVE)
    if start.startswith((b"<!doctype html", b"<html")) or b"<html" in start:
        return Kind("a web page", _UPLOAD)
    if start.startswith(b"<?xml"):
        return Kind("an XML file", _UPLOAD)
    if start.startswith((b"{", b"[")):
        return Kind("a JSON file", _UPLOAD)
    return Kind("a text file", _UPLOAD)
