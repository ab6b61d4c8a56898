"""Fit how `quality` tells by how much a chest is turned and what is cut off: ridge regression on edges' directions.

    python -m benchmarks.quality_fit FILMS

FILMS is the folder of films that the model in use was trained on; of these, its validation films are left out. What is
fitted belongs to no network, and lies beside the code that reads it.
"""

from pathlib import Path

import click
import numpy as np

from pneumo_core.files import file_sha256, models_folder, written_whole
from pneumo_core.film import blurred, read_radiograph, resize, rotated
from pneumo_core.gate import POSITION_FILE, SIDE, position_features
from pneumo_core.models import HASH_DIGITS, active_model_folder, read_known_films

PENALTY, COPIES, SEED = 30.0, 3, 1
# Width through height of films before they were squashed to a square.
ASPECT = 1.35
FILLS = ("black", "edge", "reflect")


def films_of(folder: Path, part: str) -> list[np.ndarray]:
    """Read the films in a folder that the model in use knows from "training" or "validation"."""
    known = read_known_films(active_model_folder(models_folder()))
    if known is None:
        raise click.ClickException("The model in use has no list of its films. Please use one that has.")
    return [
        resize(read_radiograph(path).pixels, SIDE, SIDE)
        for path in sorted(folder.rglob("*.jp*g"))
        if known.hashes.get(file_sha256(path)[:HASH_DIGITS]) == part
    ]


def turned_by(film: np.ndarray, degrees: float, aspect: float = ASPECT, fill: str = "black") -> np.ndarray:
    """Turn a squashed film clockwise as it was before; `fill`, one of `FILLS`, is what turns in from outside."""
    side = len(film)
    if fill == "black":
        return rotated(film, degrees, aspect)
    larger = rotated(np.pad(film, side // 2, mode="edge" if fill == "edge" else "reflect"), degrees, aspect)
    return np.ascontiguousarray(larger[side // 2 : -(side // 2), side // 2 : -(side // 2)])


def cut(film: np.ndarray, left: float = 0, right: float = 0, top: float = 0, bottom: float = 0) -> np.ndarray:
    """Cut shares of a film off."""
    height, width = film.shape
    kept = film[
        round(top * height) : height - round(bottom * height), round(left * width) : width - round(right * width)
    ]
    return resize(np.ascontiguousarray(kept), SIDE, SIDE)


def fit(films: list[np.ndarray], seed: int = SEED) -> tuple[np.ndarray, np.ndarray]:
    """Fit to copies that are turned and cut by known amounts; give coefficients `(features, 5)`, intercepts `(5,)`."""
    random = np.random.default_rng(seed)
    features, amounts = [], []
    for film in films:
        for _ in range(COPIES):
            degrees, cuts = 0.0, np.zeros(4)
            chance = random.random()
            if chance < 0.4:
                degrees = random.uniform(-45, 45)
            elif chance < 0.8:
                cuts[random.integers(4)] = random.uniform(0, 0.4)
                degrees = random.uniform(-10, 10) if random.random() < 0.3 else 0.0
            copy = film if random.random() < 0.5 else np.ascontiguousarray(film[:, ::-1])
            copy = copy ** np.float32(np.exp(random.uniform(-0.6, 0.6)))
            copy = turned_by(copy, degrees, random.uniform(1, 1.55), FILLS[random.integers(len(FILLS))])
            copy = cut(copy, *cuts)
            if random.random() < 0.2:
                copy = blurred(copy, random.uniform(0.5, 3))
            features.append(position_features(copy))
            amounts.append([degrees, *100 * cuts])
    found, wanted = np.array(features, np.float64), np.array(amounts)
    middle, mean = found.mean(axis=0), wanted.mean(axis=0)
    found -= middle
    coefficients = np.linalg.solve(found.T @ found + PENALTY * np.eye(found.shape[1]), found.T @ (wanted - mean))
    return coefficients.astype(np.float32), (mean - middle @ coefficients).astype(np.float32)


@click.command()
@click.argument("films", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(films: Path) -> None:
    """Fit to FILMS, and write what `quality` reads."""
    coefficients, intercepts = fit(films_of(films, "training"))
    with written_whole(POSITION_FILE) as temporary:
        np.savez_compressed(temporary, coefficients=coefficients, intercepts=intercepts)
    click.echo(f"{POSITION_FILE.name}: {POSITION_FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
