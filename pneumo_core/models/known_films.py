"""The films that a model was trained on or validated with, so that it is not tested on them unnoticed."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumo_core.errors import ModelError

KNOWN_FILMS_FILE = "known_films.csv"
KNOWN_FILMS_COLUMNS = ["part", "sha256_starts", "fingerprint"]
PARTS = ("training", "validation")
HASH_DIGITS = 16
FINGERPRINT_BYTES = 32
# Fingerprints have 256 bits. Measured on 5,232 films: two copies of one film that differ in resampling and
# compression are within 8 bits in 99 of 100. Only 30 pairs of different films are within 12, and they look alike.
SAME_FILM_BITS = 12


@dataclass(frozen=True, slots=True, eq=False)
class KnownFilms:
    """The films that a model knows, as they are kept.

    Attributes:
        hashes: of the start of each file's SHA-256 its part, "training" or "validation".
        fingerprints: uint8 `(n, 32)`.
        parts: of each fingerprint its part.
    """

    hashes: Mapping[str, str]
    fingerprints: np.ndarray
    parts: tuple[str, ...]

    def part_of(self, sha256: str, fingerprint: str) -> str | None:
        """Give the part of a film that the model knows, by its file or else by its looks; None where it does not."""
        if (part := self.hashes.get(sha256[:HASH_DIGITS])) or not self.parts:
            return part
        bits = np.bitwise_count(self.fingerprints ^ np.frombuffer(bytes.fromhex(fingerprint), np.uint8)).sum(axis=1)
        nearest = int(bits.argmin())
        return self.parts[nearest] if bits[nearest] <= SAME_FILM_BITS else None


def write_known_films(folder: Path, films: Iterable[tuple[str, Sequence[str], str]]) -> None:
    """Write the list into a model's folder.

    Args:
        films: of each its part ("training" or "validation"), the SHA-256 of each of its files, its fingerprint.
    """
    with (folder / KNOWN_FILMS_FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(KNOWN_FILMS_COLUMNS)
        for part, sha256s, film in films:
            writer.writerow((part, " ".join(sha256[:HASH_DIGITS] for sha256 in sha256s), film))


def read_known_films(folder: Path) -> KnownFilms | None:
    """Read the list of a model; None where it has none.

    Raises:
        ModelError: the list is damaged.
    """
    path = folder / KNOWN_FILMS_FILE
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            rows = list(table)
        if table.fieldnames != KNOWN_FILMS_COLUMNS or not all(_is_film(row) for row in rows):
            raise ValueError("no films")
        hashes = {start: row["part"] for row in rows for start in row["sha256_starts"].split()}
        fingerprints = np.frombuffer(bytes.fromhex("".join(row["fingerprint"] for row in rows)), np.uint8)
        parts = tuple(row["part"] for row in rows)
        return KnownFilms(hashes, fingerprints.reshape(len(rows), FINGERPRINT_BYTES), parts)
    except (AttributeError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise ModelError(
            f"{KNOWN_FILMS_FILE} of the model is not as training writes it. Please copy the whole model folder again, "
            "or leave this file out."
        ) from error


def _is_film(row: Mapping[str, str]) -> bool:
    # Each of its own: of two lengths that are wrong together, the one could make up for the other. A row with too many
    # cells has None among its keys.
    return (
        None not in row
        and row["part"] in PARTS
        and re.fullmatch(rf"[0-9a-f]{{{2 * FINGERPRINT_BYTES}}}", row["fingerprint"]) is not None
    )
