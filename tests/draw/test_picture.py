"""Films and heat maps as pictures: grey windows, overlays and captions counted by hand."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumo_core.draw.colours import colour_table
from pneumo_core.draw.picture import Display, captioned_png, data_uri, film_picture, fitted, montage, overlay_picture
from pneumo_core.film.pixels import OWN_SOFTWARE
from tests.conftest import png
from tests.makers import FILM_SHA256, film_pixels

GREYS = np.array([[0.0, 0.25, 0.5, 0.75, 1.0]], np.float32)


def test_the_whole_window_shows_the_film_as_it_is():
    found = film_picture(GREYS, Display())
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [[0, 64, 128, 191, 255]])


def test_inversion_makes_black_white():
    np.testing.assert_array_equal(film_picture(GREYS, Display(is_inverted=True)), [[255, 191, 128, 64, 0]])


def test_a_narrow_window_is_cut_at_its_ends():
    # From 0.25 to 0.75: everything under is black, everything over is white.
    pixels = np.array([[0.0, 0.25, 0.35, 0.75, 0.9]], np.float32)
    np.testing.assert_array_equal(film_picture(pixels, Display(level=0.5, width=0.5)), [[0, 0, 51, 255, 255]])
    inverted = film_picture(pixels, Display(level=0.5, width=0.5, is_inverted=True))
    np.testing.assert_array_equal(inverted, [[255, 255, 204, 0, 0]])


def test_the_level_moves_the_window():
    # From 0 to 0.5, and from 0.5 to 1.
    np.testing.assert_array_equal(film_picture(GREYS, Display(level=0.25, width=0.5)), [[0, 128, 255, 255, 255]])
    np.testing.assert_array_equal(film_picture(GREYS, Display(level=0.75, width=0.5)), [[0, 0, 0, 128, 255]])


def test_a_window_without_width_parts_black_from_white():
    np.testing.assert_array_equal(film_picture(GREYS, Display(level=0.6, width=0.0)), [[0, 0, 0, 255, 255]])


@pytest.mark.parametrize(
    ("shape", "long_side", "expected"),
    [((200, 100), 50, (50, 25)), ((100, 200), 50, (25, 50)), ((300, 100), 100, (100, 33)), ((400, 1), 40, (40, 1))],
)
def test_a_film_is_shrunk_to_its_longer_side(shape, long_side, expected):
    assert fitted(np.zeros(shape, np.float32), long_side).shape == expected


@pytest.mark.parametrize("long_side", [160, 161, 1000])
def test_a_film_that_fits_is_not_enlarged(long_side: int):
    np.testing.assert_array_equal(fitted(film_pixels(120, 160), long_side), film_pixels(120, 160))


def test_one_pixel_less_than_the_film_shrinks_it():
    assert fitted(film_pixels(120, 160), 159).shape == (119, 159)


def test_where_there_is_no_evidence_the_film_stays_as_it_is():
    film = np.arange(64, dtype=np.uint8).reshape(8, 8)
    heatmap = np.zeros((8, 8), np.float32)
    heatmap[:, :4] = 1.0
    found = overlay_picture(film, heatmap, Display(opacity=0.5))
    assert (found.dtype, found.shape) == (np.uint8, (8, 8, 3))
    for channel in range(3):
        np.testing.assert_array_equal(found[:, 4:, channel], film[:, 4:])
    assert (found[:, :4] != film[:, :4, np.newaxis]).any(axis=2).all()


@pytest.mark.parametrize(
    ("heat", "opacity", "share"),
    [(1.0, 1.0, 1.0), (1.0, 0.5, 0.5), (0.25, 1.0, 0.25), (0.5, 0.5, 0.25), (1.0, 0.0, 0.0)],
)
def test_evidence_lies_over_the_film_by_opacity_and_by_its_strength(heat, opacity, share):
    film, heatmap = np.full((2, 2), 40, np.uint8), np.full((2, 2), heat, np.float32)
    colour = colour_table("Viridis")[round(255 * heat)].astype(float)
    found = overlay_picture(film, heatmap, Display(colour_map="Viridis", opacity=opacity))
    # The map counts in 256 levels, which moves a colour by one level at most.
    np.testing.assert_allclose(found[0, 0], 40 * (1 - share) + colour * share, atol=1)


@pytest.mark.parametrize("mode", ["grey", "colour"])
def test_a_captioned_picture_is_the_picture_with_a_caption_under_it(mode: str):
    grey = film_picture(film_pixels(90, 400), Display())
    picture = grey if mode == "grey" else np.stack([grey, grey // 2, 255 - grey], axis=2)
    one, two = (Image.open(io.BytesIO(captioned_png(picture, ["A line"] * n, FILM_SHA256))) for n in (1, 2))
    assert one.format == "PNG"
    assert one.width == two.width == 400
    # Letters of 11 pixels stand in lines of 15; half a line is left free.
    assert (one.height, two.height) == (90 + 15 + 7, 90 + 30 + 7)
    shown = np.asarray(two)
    np.testing.assert_array_equal(shown[:90], picture if mode == "colour" else np.stack([grey] * 3, axis=2))
    for line in (shown[90:108], shown[108:]):
        assert line.max() > 200


def test_the_films_hash_stands_in_the_png_before_its_pixels():
    content = captioned_png(np.zeros((50, 60), np.uint8), ["A line"], FILM_SHA256)
    assert Image.open(io.BytesIO(content)).text == {"Film SHA-256": FILM_SHA256, "Software": OWN_SOFTWARE}
    assert content.index(FILM_SHA256.encode()) < content.index(b"IDAT")


def test_two_films_that_look_alike_make_two_files():
    picture = np.zeros((50, 60), np.uint8)
    first, second = (captioned_png(picture, ["A line"], letter * 64) for letter in "ab")
    assert len(first) == len(second)
    assert first != second


def test_a_data_uri_holds_the_picture_as_a_jpeg():
    picture = film_picture(film_pixels(90, 120), Display())
    kind, content = data_uri(picture).split(",")
    assert kind == "data:image/jpeg;base64"
    found = Image.open(io.BytesIO(base64.b64decode(content, validate=True)))
    assert (found.format, found.mode, found.size) == ("JPEG", "L", (120, 90))
    assert np.abs(np.asarray(found).astype(int) - picture).max() < 12


def test_a_data_uri_of_a_colour_picture_keeps_its_colour():
    red = np.zeros((40, 40, 3), np.uint8)
    red[..., 0] = 200
    found = np.asarray(Image.open(io.BytesIO(base64.b64decode(data_uri(red).split(",")[1]))))
    assert np.abs(found.astype(int) - red).max() < 6


def test_a_caption_is_never_cut_on_a_narrow_film():
    line = "Research and teaching tool, not a medical device." * 3
    narrow = Image.open(io.BytesIO(captioned_png(np.zeros((50, 100), np.uint8), [line], "0" * 64)))
    last_columns = np.asarray(narrow)[50:, -8:]
    assert narrow.width > 500
    assert last_columns.max() == 0


def test_a_montage_holds_each_film_whole_in_the_middle_of_its_square(tmp_path: Path):
    for name, shape in (("wide", (100, 200)), ("high", (200, 100)), ("square", (100, 100))):
        (tmp_path / f"{name}.png").write_bytes(png(np.full(shape, 200, np.uint8)))
    (tmp_path / "broken.png").write_bytes(b"no film")
    sheet = montage(tmp_path, ["wide.png", "broken.png", "high.png", "square.png", "gone.png"], columns=2, side=100)
    assert (sheet.shape, sheet.dtype) == ((300, 200), np.uint8)
    expected = np.zeros((300, 200), np.uint8)
    expected[25:75, 0:100] = 200
    expected[100:200, 25:75] = 200
    expected[100:200, 100:200] = 200
    np.testing.assert_array_equal(sheet, expected)


def test_a_montage_has_no_more_columns_than_films(tmp_path: Path):
    (tmp_path / "film.png").write_bytes(png(np.full((100, 100), 9, np.uint8)))
    assert montage(tmp_path, ["film.png"], columns=6, side=50).shape == (50, 50)
    assert montage(tmp_path, [], columns=6, side=50).shape == (0, 0)
