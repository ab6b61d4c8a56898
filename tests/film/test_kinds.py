"""Files that are no X-ray are named for what they are, by their first bytes."""

import io
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from pneumo_core.film.kinds import refusal_of_kind
from tests.film.test_radiograph import code_of, ramp, refusal, saved

GREY = Image.fromarray(ramp())


def media(brand: bytes, *compatible: bytes) -> bytes:
    """The first box of an ISO media file."""
    body = b"ftyp" + brand + bytes(4) + b"".join(compatible)
    return struct.pack(">I", 4 + len(body)) + body + bytes(100)


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return file.getvalue()


KINDS: dict[str, list[bytes]] = {
    "HEIC": [media(b"heic", b"mif1"), media(b"heix"), media(b"mif1", b"mif1", b"heic")],
    "HEIF photo": [media(b"mif1", b"mif1", b"miaf")],
    "AVIF photo": [media(b"avif", b"mif1"), media(b"mif1", b"miaf", b"avif"), saved(GREY, "AVIF")],
    "sequence of AVIF": [media(b"avis")],
    "sequence of HEIF": [media(b"msf1"), media(b"hevc"), media(b"msf1", b"hevc")],
    "MP4 video": [media(b"isom", b"mp42"), media(b"mp42"), media(b"M4V ")],
    "QuickTime": [media(b"qt  "), struct.pack(">I", 8) + b"moov" + bytes(100)],
    "raw photo": [media(b"crx ")],
    "WebP": [saved(GREY, "WEBP")],
    "GIF": [saved(GREY, "GIF")],
    "JPEG 2000": [saved(GREY, "JPEG2000"), saved(GREY, "JPEG2000", no_jp2=True)],
    "JPEG XL": [b"\xff\x0a" + bytes(50), b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(50)],
    "JPEG-LS": [b"\xff\xd8\xff\xf7\0\x0b" + bytes(50)],
    "Photoshop": [b"8BPS\0\1" + bytes(50)],
    "PDF": [b"%PDF-1.7"],
    "ZIP": [zipped("NORMAL/a.png")],
    "Word": [zipped("[Content_Types].xml", "word/document.xml")],
    "PowerPoint": [zipped("[Content_Types].xml", "ppt/presentation.xml")],
    "Excel": [zipped("[Content_Types].xml", "xl/workbook.xml")],
    "older Office": [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(50)],
    "tar": [bytes(257) + b"ustar\x0000" + bytes(50)],
    "Matroska": [b"\x1aE\xdf\xa3" + bytes(50)],
    "AVI": [b"RIFF\0\0\0\0AVI LIST"],
    "SVG": [b'<?xml version="1.0"?>\n<svg width="9">', b"<svg>"],
    "XML": [b'<?xml version="1.0"?><a/>'],
    "web page": [b"<!DOCTYPE html><p>", b"\n  <HTML>", "\ufeff<!doctype html>".encode(), b"<!-- x -->\n<html>"],
    "JSON": [b'{"a": 1}', b"[1]", b"\xef\xbb\xbf {}"],
    "text file": [b"patient;age\n", "Müller;Größe".encode("latin-1"), "name\n".encode("utf-16"), b"BMI;age\n20;5\n"],
    "NumPy": [b"\x93NUMPY\1\0" + bytes(50)],
    "zeros": [bytes(1000)],
    "Git LFS": [b"version https://git-lfs.github.com/spec/v1\noid sha256:0"],
    "side file of a Mac": [b"\x00\x05\x16\x07\0\2\0\0Mac OS X"],
    "unknown kind": [np.random.default_rng(0).bytes(500), b"\1"],
}


@pytest.mark.parametrize(("word", "contents"), KINDS.items(), ids=KINDS)
def test_a_file_is_named_for_what_it_is(word, contents):
    for content in contents:
        assert word in str(refusal_of_kind(content))
        assert code_of(content) == "not_an_image"


def test_nothing_of_a_text_is_quoted():
    assert "Doe" not in refusal(b"Doe;John;1960\n") + refusal(b'{"Doe": 1}') + refusal(media(b"Doe "))
