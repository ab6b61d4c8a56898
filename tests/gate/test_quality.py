"""Quality of a film: what each check says of drawn films, of the samples and of copies degraded by known amounts."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import DEGRADATIONS, marked, written_on
from benchmarks.quality_fit import cut, turned_by
from pneumo_core.data.sources import Source, SourceFilm
from pneumo_core.errors import UnsuitableImageError
from pneumo_core.evaluate.pipeline import run_source
from pneumo_core.files.places import SAMPLES
from pneumo_core.film.preprocessing import blurred, resize
from pneumo_core.film.radiograph import read_radiograph
from pneumo_core.gate.quality import (
    BLUR,
    CUT_OFF,
    EXPOSURE,
    FINDINGS,
    FRAME,
    ROTATION,
    SIDE,
    WRITING,
    Quality,
    measure_quality,
    position_features,
    refuse_clipped,
)
from pneumo_core.keras_network.classifier import load_classifier
from pneumo_core.network.classifier import Classifier
from pneumo_core.read.reading import read_xray
from pneumo_core.read.report import receipt
from tests.conftest import drawn_film, png
from tests.makers import reading

GOOD = Quality(0.0, 0.0, 0.5, 0.5, 0.45, 0.0, (0.0, 0.0, 0.0, 0.0), 1, (0.0, 0.0, 0.0, 0.0))


def with_(**changes) -> Quality:
    return Quality(*(changes.get(name, getattr(GOOD, name)) for name in Quality.__slots__))


@pytest.fixture(scope="module")
def samples() -> list[np.ndarray]:
    return [read_radiograph(path).pixels for path in sorted(SAMPLES.glob("synthetic_*"))]


@pytest.fixture(scope="module")
def small(samples: list[np.ndarray]) -> list[np.ndarray]:
    return [resize(film, SIDE, SIDE) for film in samples]


def test_a_film_within_all_limits_needs_no_word():
    assert GOOD.findings == ()
    assert GOOD.cautions == ()


@pytest.mark.parametrize(
    ("within", "beyond", "finding"),
    [
        ({"white": 0.05}, {"white": 0.0501}, EXPOSURE),
        ({"black": 0.05}, {"black": 0.0501}, EXPOSURE),
        ({"middle": 0.25}, {"middle": 0.2499}, EXPOSURE),
        ({"spread": 0.15}, {"spread": 0.1499}, EXPOSURE),
        ({"sharpness": 0.35}, {"sharpness": 0.3499}, BLUR),
        ({"degrees": 10.0}, {"degrees": 10.1}, ROTATION),
        ({"degrees": -10.0}, {"degrees": -10.1}, ROTATION),
        ({"missing": (0.11, 0.11, 0.17, 0.12)}, {"missing": (0.111, 0.0, 0.0, 0.0)}, CUT_OFF),
        ({"missing": (0.11, 0.11, 0.17, 0.12)}, {"missing": (0.0, 0.0, 0.0, 0.121)}, CUT_OFF),
        ({"letters": 5}, {"letters": 6}, WRITING),
        ({"frame": (0.5, 0.5, 0.0, 0.0)}, {"frame": (0.01, 0.01, 0.0, 0.001)}, FRAME),
    ],
)
def test_each_limit_has_two_sides(within: dict, beyond: dict, finding: str):
    assert with_(**within).findings == ()
    assert with_(**beyond).findings == (finding,)
    assert len(with_(**beyond).cautions) == 1


def test_each_finding_has_its_caution_in_their_order():
    quality = with_(white=0.3, sharpness=0.2, degrees=-14.2, missing=(0.2, 0.0, 0.0, 0.25), letters=12)
    quality = dataclasses.replace(quality, frame=(0.02, 0.02, 0.04, 0.0))
    assert quality.findings == FINDINGS
    assert [caution.tag for caution in quality.cautions] == [
        "30 % plain white",
        "blurred",
        "turned about 14°",
        "cut off at left and bottom",
        "writing",
        "framed",
    ]


def test_a_dark_film_and_a_flat_one_are_told_apart():
    (dark,), (flat,) = with_(middle=0.1).cautions, with_(spread=0.1).cautions
    assert (dark.tag, flat.tag) == ("dark", "little contrast")


def test_most_of_the_middle_without_detail_is_refused():
    refuse_clipped(with_(white=0.5, black=0.1), "scan.png")
    with pytest.raises(UnsuitableImageError) as refusal:
        refuse_clipped(with_(white=0.5, black=0.4), "scan.png")
    assert refusal.value.code == "clipped"


def test_exposure_is_measured_in_the_middle():
    film = np.full((SIDE, SIDE), 0.5, np.float32)
    film[:40] = 1.0
    film[:, :40] = 0.0
    assert measure_quality(film).white == measure_quality(film).black == 0.0
    film[45:112, 45:179] = 1.0
    assert measure_quality(film).white == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("grey", [0.0, 1.0])
def test_a_frame_is_found_on_films_of_any_size_and_bars_at_two_sides_are_none(samples: list[np.ndarray], grey: float):
    for film in samples:
        height, width = film.shape
        rows, columns = round(0.02 * height), round(0.02 * width)
        barred = film.copy()
        barred[:rows] = barred[-rows:] = grey
        assert FRAME not in measure_quality(barred).findings
        barred[:, :columns] = barred[:, -columns:] = grey
        quality = measure_quality(barred)
        assert FRAME in quality.findings
        assert quality.frame == pytest.approx((0.02,) * 4, abs=0.006)


@pytest.mark.parametrize("grey", [0.0, 1.0])
def test_a_frame_of_one_pixel_is_found(samples: list[np.ndarray], grey: float):
    for film in samples:
        quality = measure_quality(np.pad(film, 1, constant_values=grey))
        assert FRAME in quality.findings
        assert max(quality.frame) < 0.01


def test_the_outside_of_an_image_is_no_exposure_and_no_frame(samples: list[np.ndarray]):
    for film in samples:
        height, width = film.shape
        outside = np.zeros(film.shape, bool)
        outside[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = True
        outside[:, : width // 8] = outside[:, -width // 8 :] = outside[: height // 8] = True
        hidden = np.where(outside, np.float32(0), film)
        assert {EXPOSURE, FRAME} & {*measure_quality(hidden).findings}
        assert not {EXPOSURE, FRAME} & {*measure_quality(hidden, outside).findings}


def test_the_samples_need_no_word(samples: list[np.ndarray]):
    assert [measure_quality(film).findings for film in samples] == [()] * len(samples)


def test_a_film_and_its_small_copy_give_the_same_verdict(samples: list[np.ndarray], small: list[np.ndarray]):
    for film, copy in zip(samples, small, strict=True):
        large, little = measure_quality(film), measure_quality(copy)
        assert little.findings == large.findings
        assert little.sharpness == pytest.approx(large.sharpness, abs=0.01)
        assert little.degrees == pytest.approx(large.degrees, abs=1)
        # The deviation is of the larger film's pixels: as a share of its width it is the same.
        soft = blurred(film, 1.5 * film.shape[1] / SIDE)
        assert measure_quality(soft).findings == measure_quality(blurred(copy, 1.5)).findings == (BLUR,)


@pytest.mark.parametrize("name", [name for name, _, is_clear, _ in DEGRADATIONS if is_clear])
def test_what_is_clearly_degraded_is_found_on_the_samples(name: str, small: list[np.ndarray]):
    (finding, change), *_ = [(finding, change) for one, finding, _, change in DEGRADATIONS if one == name]
    found = [finding in measure_quality(change(film, np.random.default_rng(3))).findings for film in small]
    assert sum(found) >= 7


@pytest.mark.parametrize("degrees", [-25.0, -15.0, 15.0, 25.0])
def test_the_angle_is_about_right_on_the_samples(degrees: float, small: list[np.ndarray]):
    found = [measure_quality(turned_by(film, degrees, fill="edge")).degrees for film in small]
    assert np.median(found) == pytest.approx(degrees, abs=5)


def test_the_side_that_was_cut_off_is_named(small: list[np.ndarray]):
    for place, side in enumerate(("left", "right")):
        missing = np.median([measure_quality(cut(film, **{side: 0.25})).missing for film in small], axis=0)
        assert missing.argmax() == place
        assert missing[place] == pytest.approx(0.25, abs=0.06)


def test_a_side_marker_is_no_writing_and_a_name_is(small: list[np.ndarray]):
    random = np.random.default_rng(1)
    assert not any(WRITING in measure_quality(marked(film, random)).findings for film in small)
    assert sum(WRITING in measure_quality(written_on(film, random, 0.025)).findings for film in small) >= 7


def with_pieces_and_letters(side: str) -> np.ndarray:
    """A black picture of 600 bright pieces far from each other, and a line of 9 letters nearest to one side."""
    picture = np.zeros((1000, 1000), np.float32)
    for top in range(100, 900, 30):
        for left in range(100, 900, 35):
            picture[top : top + 8, left : left + 4] = 1
    top, left = {"left": (500, 2), "right": (500, 908), "top": (40, 500), "bottom": (940, 500)}[side]
    for place in range(left, left + 90, 10):
        picture[top : top + 12, place : place + 6] = 1
    return picture


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_writing_is_found_at_each_side_of_an_image_of_many_bright_pieces(side: str):
    quality = measure_quality(with_pieces_and_letters(side))
    assert quality.letters == 9
    assert WRITING in quality.findings


def test_a_picture_of_tens_of_thousands_of_pieces_is_measured_to_its_end():
    picture = np.zeros((1024, 1024), np.float32)
    for top in range(0, 1016, 8):
        # There are 43,434 pieces: all pairs of them would fill the memory.
        picture[top : top + 6, ::3] = 1
    assert measure_quality(picture).letters == 342


def test_a_picture_of_one_grey_can_be_measured():
    quality = measure_quality(np.zeros((100, 300), np.float32))
    assert (quality.black, quality.spread, quality.letters) == (1.0, 0.0, 0)
    assert np.isfinite(position_features(np.zeros((100, 300), np.float32))).all()


def test_a_picture_of_noise_can_be_measured():
    assert np.isfinite(measure_quality(np.random.default_rng(0).random((1500, 1200), np.float32)).degrees)


@pytest.fixture(scope="module")
def classifier(tiny_model: Path) -> Classifier:
    return load_classifier(tiny_model)


def drawn(seed: int) -> np.ndarray:
    return drawn_film(True, seed)


def test_the_warning_stays_on_the_reading_and_in_its_receipt(classifier: Classifier):
    dark = read_radiograph(png(drawn(201) // 4), "dark.png")
    found = read_xray(classifier, dark)
    assert found.admission.quality == measure_quality(dark.pixels)
    (warning,) = [one for one in found.warnings if one.startswith("This image is dark")]
    kept = receipt(found, "balanced", 0.1)
    assert warning in kept["warnings"]
    assert found.tags[: len(found.admission.quality.cautions)] == tuple(
        caution.tag for caution in found.admission.quality.cautions
    )
    assert "dark" in found.tags
    assert kept["quality"]["middle"] == found.admission.quality.middle
    json.dumps(kept)
    assert receipt(reading(), "balanced", 0.1)["quality"] is None


def test_a_batch_keeps_what_each_film_is_warned_of(classifier: Classifier, tmp_path: Path):
    films = {"dark.png": png(drawn(201) // 4), "white.png": png(np.where(drawn(202) > 100, 255, 0).astype(np.uint8))}
    source = Source(
        "test",
        tuple(SourceFilm(name, None, name, "PNG", lambda content=content: content) for name, content in films.items()),
        (),
        "ab" * 32,
    )
    dark, white = run_source(source, classifier, tmp_path / "run")
    assert EXPOSURE in dark.warned_of.split(", ")
    assert white.logit is None
    assert white.reason is not None and white.reason.startswith("The image is plain white or black in")


def test_on_real_films_a_warning_in_vain_is_rare(chest_xray_dir: Path):
    films = sorted((chest_xray_dir / "val").rglob("*.jp*g"))
    found = [measure_quality(read_radiograph(path).pixels).findings for path in films]
    assert sum(map(bool, found)) <= 1
