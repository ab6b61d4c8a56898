"""Films and heat maps as pictures for the screen and for files. Nothing here touches the network's input."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from pneumo_core.draw.colours import colour_table
from pneumo_core.errors import PneumoError
from pneumo_core.film import OWN_SOFTWARE, read_radiograph, resize


@dataclass(frozen=True, slots=True)
class Display:
    """The display settings of a film. `level` and `width` are the grey window's, as shares of the range.

    `colour_map` is one of `colours.COLOUR_MAPS`. `opacity`, in [0, 1], is that of the strongest evidence.
    """

    level: float = 0.5
    width: float = 1.0
    is_inverted: bool = False
    colour_map: str = "Inferno"
    opacity: float = 0.5


def fitted(pixels: np.ndarray, long_side: int) -> np.ndarray:
    """Shrink a film, float32 `(height, width)`, until its longer side has at most `long_side` pixels."""
    share = min(1.0, long_side / max(pixels.shape))
    return resize(pixels, max(1, round(pixels.shape[0] * share)), max(1, round(pixels.shape[1] * share)))


def enlarged(pixels: np.ndarray, width: int, long_side: int) -> np.ndarray:
    """Enlarge a film, float32 `(height, its width)`, to this width, as far as its longer side allows."""
    share = max(1.0, min(width / pixels.shape[1], long_side / max(pixels.shape)))
    return resize(pixels, round(pixels.shape[0] * share), round(pixels.shape[1] * share))


def film_picture(pixels: np.ndarray, display: Display) -> np.ndarray:
    """Show a film through a grey window.

    Args:
        pixels: float32 `(height, width)` in [0, 1].

    Returns:
        uint8 `(height, width)`.
    """
    lowest = display.level - display.width / 2
    shown = np.clip((pixels - lowest) / max(display.width, 1e-6), 0.0, 1.0)
    return np.rint(255 * (1 - shown if display.is_inverted else shown)).astype(np.uint8)


def overlay_picture(film: np.ndarray, heatmap: np.ndarray, display: Display) -> np.ndarray:
    """Lay a heat map over a film; the film is unchanged where there is no evidence.

    Args:
        film: uint8 `(height, width)`.
        heatmap: float32 `(height, width)` in [0, 1], shown in 256 levels.

    Returns:
        uint8 `(height, width, 3)`.
    """
    levels = np.arange(256, dtype=np.float32)
    share = (display.opacity * levels / 255)[:, np.newaxis, np.newaxis]
    colours = colour_table(display.colour_map)[:, np.newaxis]
    # The table holds every level of heat on every grey, since a film has many more pixels than there are such pairs.
    table = np.rint(levels[:, np.newaxis] * (1 - share) + colours * share).astype(np.uint8).reshape(-1, 3)
    pairs = np.rint(255 * heatmap).astype(np.uint16) << 8 | film
    return table.take(pairs, axis=0)


def coloured(heatmap: np.ndarray, colour_map: str) -> np.ndarray:
    """Colour a map, float32 `(height, width)` in [0, 1]; give uint8 `(height, width, 3)`."""
    return colour_table(colour_map)[np.rint(255 * heatmap).astype(np.uint8)]


def maps_sheet(feature_maps: np.ndarray, channels: Sequence[int], columns: int, side: int = 120) -> np.ndarray:
    """Lay feature maps side by side in grey, each from its own smallest to its own largest value.

    Args:
        feature_maps: float32 `(rows, columns, all channels)`.
        channels: the channels, row by row of the sheet.
        columns: of the sheet.
        side: of each map on it, in pixels, a dark line between them included.

    Returns:
        uint8 `(rows * side, columns * side)`.
    """
    sheet = np.zeros((-(-len(channels) // columns) * side, columns * side), np.uint8)
    for place, channel in enumerate(channels):
        cells = feature_maps[:, :, channel]
        shown = (cells - cells.min()) / max(float(np.ptp(cells)), 1e-12)
        top, left = place // columns * side, place % columns * side
        sheet[top : top + side - 2, left : left + side - 2] = np.rint(
            255 * resize(shown, side - 2, side - 2, "nearest")
        )
    return sheet


def montage(folder: Path, names: Sequence[str], columns: int = 6, side: int = 160) -> np.ndarray:
    """Lay films side by side, each whole and in the middle of a black square; one that cannot be read stays black.

    Args:
        names: of the films, paths below the folder, row by row.
        columns: at most; fewer where there are fewer films.
        side: of each square, in pixels.

    Returns:
        uint8 `(rows * side, columns * side)`; `(0, 0)` without films.
    """
    columns = min(columns, len(names))
    sheet = np.zeros((-(-len(names) // max(columns, 1)) * side, columns * side), np.uint8)
    for number, name in enumerate(names):
        try:
            film = film_picture(fitted(read_radiograph(folder / name).pixels, side), Display())
        except PneumoError:
            continue
        top = number // columns * side + (side - film.shape[0]) // 2
        left = number % columns * side + (side - film.shape[1]) // 2
        sheet[top : top + film.shape[0], left : left + film.shape[1]] = film
    return sheet


def captioned_png(picture: np.ndarray, lines: list[str], film_sha256: str) -> bytes:
    """Encode a picture as PNG with lines of text under it, so that its caption stays with it.

    The film's hash comes early in the file, so that two pictures of equal size are never mistaken for each other.
    Its maker is in it too, so that it is never read as an X-ray.
    """
    height, width = picture.shape[:2]
    size = max(11, width // 60)
    font, line_height = ImageFont.load_default(size), round(size * 1.4)
    sheet_width = max(width, *(round(font.getlength(line)) + line_height for line in lines))
    sheet = Image.new("RGB", (sheet_width, height + line_height * len(lines) + line_height // 2), "black")
    sheet.paste(Image.fromarray(picture).convert("RGB"), (0, 0))
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        draw.text(
            (line_height // 2, height + line_height // 4 + number * line_height),
            line,
            fill="white",
            font=font,
        )
    facts = PngImagePlugin.PngInfo()
    facts.add_text("Film SHA-256", film_sha256)
    facts.add_text("Software", OWN_SOFTWARE)
    file = io.BytesIO()
    # On films a higher level saves no space and takes more than twice the time.
    sheet.save(file, "PNG", pnginfo=facts, compress_level=3)
    return file.getvalue()


def data_uri(picture: np.ndarray) -> str:
    """Give a picture as a JPEG data URI, for a page or a report that must load nothing.

    A picture in colour, as of a film under its heat map, names its maker, so that a copy is never read as an X-ray.
    """
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=90, comment=OWN_SOFTWARE if picture.ndim == 3 else "")
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
