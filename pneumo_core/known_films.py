"""The films that a model was trained on or validated with, so that it is not tested on them unnoticed."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

KNOWN_FILMS_FILE = "known_films.csv"
HASH_DIGITS = 16
# Of 256 bits. Measured on 5,232 films: two copies of one film that differ in resampling and compression are within
# 8 bits in 99 of 100; of all pairs of different films 30 are within 12, and these look alike to the eye.
SAME_FILM_BITS = 12


@dataclass(frozen=True, slots=True, eq=False)
class KnownFilms:
    """What is kept of the films: the start of each file's SHA-256, and fingerprints uint8 `(n, 32)`."""

    hashes: frozenset[str]
    fingerprints: np.ndarray

    def holds(self, sha256s: Sequence[str], fingerprints: Sequence[str]) -> np.ndarray:
        """Say of each film whether the model knows it, by its file or by its looks: bool `(n,)`."""
        known = np.array([sha256[:HASH_DIGITS] in self.hashes for sha256 in sha256s], bool)
        for number, text in enumerate(fingerprints):
            if not known[number]:
                bits = np.bitwise_count(self.fingerprints ^ np.frombuffer(bytes.fromhex(text), np.uint8))
                known[number] = bits.sum(axis=1).min(initial=SAME_FILM_BITS + 1) <= SAME_FILM_BITS
        return known


def write_known_films(folder: Path, films: Iterable[tuple[str, Sequence[str], str]]) -> None:
    """Write the list into a model's folder.

    Args:
        films: of each its part ("training" or "validation"), the SHA-256 of each of its files, its fingerprint.
    """
    with (folder / KNOWN_FILMS_FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("part", "sha256_starts", "fingerprint"))
        for part, sha256s, film in films:
            writer.writerow((part, " ".join(sha256[:HASH_DIGITS] for sha256 in sha256s), film))


def read_known_films(folder: Path) -> KnownFilms | None:
    """Read the list of a model; None where it has none."""
    path = folder / KNOWN_FILMS_FILE
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    hashes = frozenset(start for row in rows for start in row["sha256_starts"].split())
    fingerprints = np.frombuffer(bytes.fromhex("".join(row["fingerprint"] for row in rows)), np.uint8)
    return KnownFilms(hashes, fingerprints.reshape(len(rows), -1))
