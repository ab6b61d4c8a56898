"""The one way from an image to what the network is shown of it: all, or the part that holds the chest.

A plain frame is cut off, and an image whose chest fills only part of it is cropped to the thorax. The network's input,
the outline of the lungs and the place of the heat map all follow from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.film import Preprocessing, Window, exposed_area, fingerprint, prepare
from pneumo_core.lungs import Outline, exposed_thorax

if TYPE_CHECKING:
    from pneumo_core.network.segmenter import Segmenter

_WHOLE = Window(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Framed:
    """The part of an image that the network is shown.

    Attributes:
        film: the network's input, float32 `(height, width, 1)`, as `prepare` gives it; read-only.
        fingerprint: of the image without its frame, as of the films in a model's list of known ones.
        window: the part of the image that it was made of; None for the whole.
        outline: the lungs in the whole image; None without a segmenter.
        is_thorax: whether the part was chosen by the lungs, too, and not by a plain frame alone.
    """

    film: np.ndarray
    fingerprint: str
    window: Window | None = None
    outline: Outline | None = None
    is_thorax: bool = False

    def note(self, height: int, width: int) -> str | None:
        """Say what part of an image of this size was read, as a sentence; None for the whole."""
        if self.window is None:
            return None
        rows, columns = self.window.slices(height, width)
        done = "was cropped to the thorax" if self.is_thorax else "lies in a plain frame, which was cut off"
        return (
            f"The image {done} before reading (box: rows {rows.start + 1} to {rows.stop} of {height}, columns "
            f"{columns.start + 1} to {columns.stop} of {width})."
        )


def framed(pixels: np.ndarray, preprocessing: Preprocessing, lungs: Segmenter | None = None) -> Framed:
    """Give what the network is shown of an image.

    Nothing is cropped to the thorax where a lung is not outlined.

    Args:
        pixels: float32 `(height, width)` in [0, 1], air dark and bone bright.
        lungs: the network that outlines the lungs; without it a plain frame alone is cut off.
    """
    area = exposed_area(pixels)
    film = prepare(pixels, preprocessing, area)
    outline, window, looks = None, area, fingerprint(film[:, :, 0])
    if lungs is not None:
        rows, columns = (area or _WHOLE).slices(*pixels.shape)
        outline = lungs.outline_of(film, rows.stop - rows.start, columns.stop - columns.start)
        if (box := exposed_thorax(outline)) is not None:
            thorax = Window(box.top, box.left, box.bottom, box.right).within(area or _WHOLE)
            # The gate refuses an X-ray that is small on its page.
            if not thorax.is_too_small:
                window, film = thorax, prepare(pixels, preprocessing, thorax)
        if area is not None:
            outline = lungs.outline(pixels)
    film.setflags(write=False)
    return Framed(film, looks, window, outline, window is not area)
