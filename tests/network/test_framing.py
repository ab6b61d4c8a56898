"""An image as the network is shown it: all of it, the part within its frame, or its thorax."""

import numpy as np
import pytest

from pneumo_core.film.preprocessing import Preprocessing, prepare
from pneumo_core.film.window import Window
from pneumo_core.lungs.outline import Outline
from pneumo_core.network.framing import framed

PREPROCESSING = Preprocessing(height=112, width=112)
# Middle of the right and of the left lung and half their axes, as shares of the chest's own height and width.
LUNGS = (((0.5, 0.3), (0.3, 0.14)), ((0.5, 0.7), (0.3, 0.14)))


def chest(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    film = np.random.default_rng(1).uniform(0.5, 0.7, (height, width)).astype(np.float32)
    for (down, across), (high, wide) in LUNGS:
        film[((rows / height - down) / high) ** 2 + ((columns / width - across) / wide) ** 2 < 1] = 0.3
    return film


class Dark:
    """Outlines what is dark as a segmenter outlines lungs."""

    def outline_of(self, film: np.ndarray, height: int, width: int) -> Outline:
        dark = ((film[:, :, 0] < 100) & (film[:, :, 0] > 50)).astype(np.float32)
        return Outline.of(dark, height, width, film[:, :, 0])

    def outline(self, pixels: np.ndarray) -> Outline:
        return self.outline_of(prepare(pixels, PREPROCESSING), *pixels.shape)


def on_body(top: int, left: int, height: int, width: int) -> np.ndarray:
    body = np.random.default_rng(2).uniform(0.6, 0.9, (300, 280)).astype(np.float32)
    body[top : top + height, left : left + width] = chest(height, width)
    return body


def test_a_whole_image_is_shown_whole():
    pixels = chest(300, 280)
    shown = framed(pixels, PREPROCESSING, Dark())  # type: ignore[arg-type]
    assert shown.window is None and shown.note(300, 280) is None
    assert np.array_equal(shown.film, prepare(pixels, PREPROCESSING))
    assert shown.outline is not None and shown.outline.missing == ()


@pytest.mark.parametrize(("top", "left"), [(60, 60), (10, 100), (110, 5), (40, 120)])
def test_a_chest_that_fills_part_of_an_image_is_shown_alone(top: int, left: int):
    pixels = on_body(top, left, 160, 150)
    shown = framed(pixels, PREPROCESSING, Dark())  # type: ignore[arg-type]
    assert shown.is_thorax and shown.window is not None
    rows, columns = shown.window.slices(300, 280)
    # All of both lungs is in view.
    assert rows.start <= top + 0.2 * 160 and rows.stop >= top + 0.8 * 160
    assert columns.start <= left + 0.16 * 150 and columns.stop >= left + 0.84 * 150
    assert "cropped to the thorax before reading (box: rows " in str(shown.note(300, 280))
    # The outline is of the whole image.
    assert shown.outline is not None and shown.outline.box is not None
    assert shown.outline.box.left == pytest.approx((left + 0.16 * 150) / 280, abs=0.02)


def test_nothing_is_cropped_to_a_thorax_with_a_lung_missing():
    pixels = on_body(60, 60, 160, 150)
    pixels[60:220, 135:210] = 0.65
    shown = framed(pixels, PREPROCESSING, Dark())  # type: ignore[arg-type]
    assert shown.window is None
    assert shown.outline is not None and shown.outline.missing == ("left",)


def test_a_frame_is_cut_off_with_and_without_an_outline():
    pixels = np.pad(chest(200, 180), ((30, 40), (50, 20)))
    alone = framed(pixels, PREPROCESSING)
    assert alone.window == Window(30 / 270, 50 / 250, 230 / 270, 230 / 250)
    assert alone.film == pytest.approx(prepare(chest(200, 180), PREPROCESSING))
    assert "plain frame" in str(alone.note(270, 250)) and alone.outline is None
    outlined = framed(pixels, PREPROCESSING, Dark())  # type: ignore[arg-type]
    assert np.array_equal(outlined.film, alone.film)
    assert outlined.outline is not None and outlined.outline.box is not None
    assert outlined.outline.box.left == pytest.approx((50 + 0.16 * 180) / 250, abs=0.02)
