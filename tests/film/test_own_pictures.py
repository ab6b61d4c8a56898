"""Pictures that Pneumo draws of an X-ray are not read as X-rays; a plain copy of an X-ray may be."""

import base64

import numpy as np
import pytest
from PIL import Image

from pneumo_core.draw.picture import Display, captioned_png, data_uri, film_picture, overlay_picture
from pneumo_core.errors import UnsuitableImageError
from pneumo_core.gate.suitability import assess
from tests.film.test_radiograph import code_of, ramp, read, saved

YEARS = ((1.0, 5.0),)
FILM = (ramp() / 255).astype(np.float32)


def overlay(opacity: float) -> np.ndarray:
    heatmap = np.zeros(FILM.shape, np.float32)
    heatmap[:20] = 1
    return overlay_picture(film_picture(FILM, Display()), heatmap, Display(opacity=opacity))


def of_uri(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])


@pytest.mark.parametrize("opacity", [0.0, 0.05, 0.6])
def test_a_film_under_its_heat_map_is_refused_however_faint_the_map_is(opacity):
    assert code_of(captioned_png(overlay(opacity), ["A line"], "0" * 64)) == "own_export"
    assert code_of(of_uri(data_uri(overlay(opacity)))) == "own_export"


def test_a_grey_picture_with_a_caption_is_refused():
    assert code_of(captioned_png(film_picture(FILM, Display()), ["A line"], "0" * 64)) == "own_export"


def png_of(picture: np.ndarray) -> bytes:
    return saved(Image.fromarray(picture))


def test_a_copy_of_the_screen_that_names_no_maker_is_refused_for_its_colour():
    for rows in (slice(40), slice(20, 60), slice(60, 100)):
        heatmap = np.zeros(FILM.shape, np.float32)
        heatmap[rows, 30:70] = 1
        shown = read(png_of(overlay_picture(film_picture(FILM, Display()), heatmap, Display())))
        with pytest.raises(UnsuitableImageError) as refused:
            assess(shown, YEARS)
        assert refused.value.code == "colour"


def test_a_tint_of_the_whole_and_small_writing_are_read():
    tinted = np.dstack([ramp() * 0.85, ramp() * 0.95, ramp() * 0.9 + 20]).astype(np.uint8)
    written_on = np.dstack([ramp()] * 3)
    written_on[5:8, 5:13] = (255, 0, 0)
    for picture in (tinted, written_on):
        assess(read(png_of(picture)), YEARS)


def test_a_plain_copy_of_a_film_is_read():
    assert np.abs(read(of_uri(data_uri(film_picture(FILM, Display())))).pixels - FILM).max() < 0.03


@pytest.mark.parametrize("maker", ["Pneumo", "Adobe Photoshop", "Pneumothorax viewer"])
def test_other_makers_are_none_of_our_business(maker):
    assert read(saved(Image.fromarray(ramp()), "JPEG", comment=maker)).origin.format == "JPEG"
