"""The input of a network and its focus, as pictures: augmented films, and heat maps epoch by epoch."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pneumo_core.data import place_of
from pneumo_core.draw import Display, data_uri, film_picture, fitted, overlay_picture
from pneumo_core.errors import PneumoError
from pneumo_core.film import Preprocessing, exposed_area, prepare, read_radiograph, resize
from pneumo_core.train.plan import Recipe

_SIDE = 176
_GAP = 6


@dataclass(frozen=True, slots=True)
class WatchedFilm:
    """A validation film that is looked at after every epoch.

    `pictures` holds for each epoch shown: the epoch, the logit, and the film under its heat map as a data URI.
    """

    name: str
    has_pneumonia: bool
    pictures: tuple[tuple[int, float, str], ...]


def augmented_sheet(films: Sequence[Path], recipe: Recipe, count: int = 8) -> np.ndarray:
    """Draw what training would show the network: a row a film, the film itself first, then random variants of it.

    Args:
        films: readable ones; several, since some changes take the margins of another film.
        recipe: its size, seed, strength and kinds of augmentation count here.

    Returns:
        uint8 `(height, width)`.

    Raises:
        PneumoError: a film cannot be read.
    """
    # Imported here: TensorFlow takes seconds.
    from pneumo_core.train.augmentation import augmentation_layers, variants

    preprocessing = Preprocessing(height=recipe.size, width=recipe.size)
    pixels = [read_radiograph(path).pixels for path in films]
    prepared = [prepare(of_film, preprocessing, exposed_area(of_film))[:, :, 0] for of_film in pixels]
    originals = np.rint(np.stack(prepared)).astype(np.uint8)
    layers = augmentation_layers(recipe.augmentation_strength, recipe.seed, recipe.augmentations)
    rows = np.concatenate([originals[:, np.newaxis], variants(originals, layers, count)], axis=1)
    sheet = np.zeros(
        (
            len(rows) * (_SIDE + _GAP) - _GAP,
            (count + 1) * (_SIDE + _GAP) - _GAP,
        ),
        np.uint8,
    )
    for row, column in np.ndindex(rows.shape[:2]):
        film = resize(rows[row, column].astype(np.float32), _SIDE, _SIDE)
        top, left = row * (_SIDE + _GAP), column * (_SIDE + _GAP)
        sheet[top : top + _SIDE, left : left + _SIDE] = np.rint(np.clip(film, 0, 255))
    return sheet


def watched_films(
    log: Sequence[Mapping[str, Any]], data: Path, most: int = 6, more: Sequence[Path] = ()
) -> list[WatchedFilm]:
    """Draw the heat maps of the latest epochs on the films of the data folders; a film that is gone is left black."""
    entries = [entry for entry in log if entry.get("attention")][-most:]
    rows = []
    for place, watched in enumerate(entries[-1]["attention"] if entries else ()):
        name = watched["name"]
        try:
            root, below = place_of((data, *more), name)
            film = film_picture(fitted(read_radiograph(root / below).pixels, _SIDE), Display())
        except PneumoError:
            film = np.zeros((_SIDE, _SIDE), np.uint8)
        pictures = []
        for entry in entries:
            found = entry["attention"][place]
            coarse = np.array(found["map"], np.float32)
            heatmap = np.clip(resize(coarse, film.shape[0], film.shape[1], "cubic"), 0.0, 1.0)
            pictures.append((entry["epoch"], found["logit"], data_uri(overlay_picture(film, heatmap, Display()))))
        rows.append(WatchedFilm(name, watched["has_pneumonia"], tuple(pictures)))
    return rows


def watched_table(films: Sequence[WatchedFilm]) -> str:
    """Give watched films as an HTML table, a row a film and a column an epoch."""
    if not films:
        return ""
    head = "".join(f'<th scope="col">Epoch {epoch}</th>' for epoch, _, _ in films[0].pictures)
    rows = []
    for film in films:
        label = "With pneumonia" if film.has_pneumonia else "Without pneumonia"
        name = html.escape(film.name.rsplit("/", 1)[-1])
        cells = "".join(
            f'<td><img src="{picture}" alt="{name} under its heat map after epoch {epoch}">'
            f"<span>logit {logit:+.2f}</span></td>"
            for epoch, logit, picture in film.pictures
        )
        rows.append(f'<tr><th scope="row">{label}<span>{name}</span></th>{cells}</tr>')
    # No wider than the pictures are sharp.
    width = 9 + 11 * len(films[0].pictures)
    return (
        f'<table class="watched" style="width: min(100%, {width}rem)"><thead><tr><th scope="col">Validation film</th>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
