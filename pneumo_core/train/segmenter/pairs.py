"""Pairs to learn the lungs from: whole X-rays, and the same ones with all but the lungs blanked."""

import csv
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumo_core.errors import DataError, PneumoError
from pneumo_core.film import Preprocessing, pieces, prepare, read_radiograph, smoothed

LABELS_FILE = "labels.csv"
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".dcm"})
# Grey levels, of 255: what was blanked is darker, but for the noise of JPEG.
BLANK = 20
# A part of a mask covers this share of the image, or it is a speck; lungs cover this much of an image.
LEAST_PART, LEAST_LUNGS, MOST_LUNGS = 0.02, 0.1, 0.5
LEAST_PAIRS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Films and where their lungs are.

    Attributes:
        films: uint8 `(n, size, size)`.
        lungs: bool `(n, size, size)`.
        patients: whose film each is; its file's name where nothing tells.
        views: "AP" or "PA", "" where nothing tells.
        left_out: pairs that could not be read, or whose mask is none of two lungs.
        sources, terms: what the table of the films says of them, each once.
    """

    films: np.ndarray
    lungs: np.ndarray
    patients: tuple[str, ...]
    views: tuple[str, ...]
    left_out: int
    sources: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()


def read_pairs(
    whole: Path, masked: Path, size: int = 224, progress: Callable[[int, int], bool] = lambda done, of: True
) -> Pairs | None:
    """Read the pairs of two folders, matched by their files' names; a `labels.csv` in the first names the patients.

    Args:
        size: of a film's side in pixels.
        progress: is called with how many of how many pairs are read; False stops the work.

    Returns:
        None where it was stopped.

    Raises:
        DataError: a name is there twice, or there are too few pairs.
    """
    theirs, ours = _by_name(masked), _by_name(whole)
    names = sorted(ours.keys() & theirs.keys())
    if len(names) < LEAST_PAIRS:
        raise DataError(
            f"{whole.name} and {masked.name} hold {len(names)} images of the same name. Expected are {LEAST_PAIRS} "
            "pairs or more, a whole image and its lungs alone. Please name such folders."
        )
    table = _table(whole / LABELS_FILE)
    preprocessing = Preprocessing(size, size)
    films, lungs, kept = [], [], []
    for done, name in enumerate(names, start=1):
        try:
            film, blanked = (
                prepare(read_radiograph(path).pixels, preprocessing)[:, :, 0] for path in (ours[name], theirs[name])
            )
        except PneumoError:
            continue
        finally:
            goes_on = progress(done, len(names))
        if not goes_on:
            return None
        mask = lungs_of(blanked)
        if LEAST_LUNGS < mask.mean() < MOST_LUNGS:
            films.append(np.rint(film).astype(np.uint8))
            lungs.append(mask)
            kept.append(name)
    if len(kept) < LEAST_PAIRS:
        raise DataError(
            f"{len(kept)} of {len(names)} pairs show two lungs on black. Expected are {LEAST_PAIRS} or more. Please "
            "check the folder of images with the lungs alone."
        )
    rows = [table.get(name, {}) for name in kept]
    return Pairs(
        np.stack(films),
        np.stack(lungs),
        tuple(row.get("patient") or name for row, name in zip(rows, kept, strict=True)),
        tuple((row.get("view") or "").upper() for row in rows),
        len(names) - len(kept),
        _each_once(rows, "source"),
        _each_once(rows, "licence"),
    )


def lungs_of(blanked: np.ndarray) -> np.ndarray:
    """Give where the lungs are on an image with all else blanked, float `(side, side)` in [0, 255]: bool likewise."""
    found = np.zeros(blanked.shape, bool)
    for piece in pieces(smoothed(blanked > BLANK)):
        if piece.mean() > LEAST_PART:
            found |= piece
    return found


def _by_name(folder: Path) -> dict[str, Path]:
    """Give the pictures below a folder by their names."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PICTURES and path.is_file()]
    twice = sum(count > 1 for count in Counter(path.name for path in paths).values())
    if twice:
        raise DataError(
            f"{folder.name} holds {twice} names of images more than once. Expected is each once, because pairs are "
            "matched by name. Please name a folder below it."
        )
    return {path.name: path for path in paths}


def _table(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Read the table of the films, each row by its file's name; nothing where there is none."""
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [{key.lower(): value for key, value in row.items() if key and value} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name} cannot be read as a CSV in UTF-8. Please save it so, or move it away.") from error
    return {Path(row.get("path") or row.get("file") or "").name: row for row in rows}


def _each_once(rows: list[Mapping[str, str]], column: str) -> tuple[str, ...]:
    return tuple(sorted({row[column] for row in rows if row.get(column)}))
