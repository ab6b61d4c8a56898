"""The input gate: fitted on drawn films, it refuses what is none, and what it refuses gets no probability anywhere."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.batch import run_source
from pneumo_core.classifier import Classifier, load_classifier
from pneumo_core.errors import CorrectableImageError, ModelError, UnsuitableImageError
from pneumo_core.input_gate import (
    GATE_FILE,
    INVERTED,
    KINDS,
    LEFT,
    OTHER,
    OVER,
    RIGHT,
    UPRIGHT,
    InputGate,
    Verdict,
    read_gate,
    write_gate,
)
from pneumo_core.negatives import (
    OTHERS,
    as_exported,
    inverted,
    of_a_photograph,
    on_a_screen,
    part_or_several,
    turned,
)
from pneumo_core.radiograph import Radiograph, read_radiograph
from pneumo_core.reading import read_xray
from pneumo_core.sources import Source, SourceFilm
from pneumo_core.suitability import CORRECTIONS, REFUSALS, corrected, refuse_by
from tests.conftest import drawn_film, png


@pytest.fixture(scope="module")
def classifier(gated_model: Path) -> Classifier:
    return load_classifier(gated_model)


def radiograph(pixels: np.ndarray) -> Radiograph:
    return read_radiograph(png(np.ascontiguousarray(pixels)), "film.png")


def test_upright_films_are_read(classifier: Classifier):
    refused = 0
    for seed in range(200, 220):
        try:
            read_xray(classifier, radiograph(drawn_film(seed % 2 == 0, seed)))
        except UnsuitableImageError:
            refused += 1
    assert refused <= 1


@pytest.mark.parametrize(
    ("kind", "change"), [(INVERTED, lambda film: 255 - film), (LEFT, np.rot90), (RIGHT, lambda film: np.rot90(film, 3))]
)
def test_a_turned_or_inverted_film_is_refused_and_read_once_corrected(
    classifier: Classifier, kind: str, change: Callable[[np.ndarray], np.ndarray]
):
    found = []
    for seed in range(300, 310):
        film = radiograph(change(drawn_film(True, seed)))
        with pytest.raises(UnsuitableImageError) as refusal:
            read_xray(classifier, film)
        # These drawn chests look alike when turned to either side.
        if isinstance(refusal.value, CorrectableImageError) and refusal.value.correction in (kind, LEFT, RIGHT):
            found.append(refusal.value.correction)
            reading = read_xray(classifier, film, refusal.value.correction)
            assert reading.correction == CORRECTIONS[refusal.value.correction][2]
            assert any("At the reader's request this film was" in warning for warning in reading.warnings)
            assert reading.radiograph.sha256 == film.sha256
    assert len(found) >= 8


def test_what_is_no_film_is_refused(classifier: Classifier):
    random = np.random.default_rng(3)
    for make in OTHERS[:3]:
        for _ in range(5):
            picture = make(np.zeros((128, 128), np.float32), random)
            if np.ptp(picture) > 0.2:
                with pytest.raises(UnsuitableImageError):
                    read_xray(classifier, radiograph(np.uint8(255 * picture)))


def test_a_refused_film_of_a_batch_has_a_reason_and_no_logit(classifier: Classifier, tmp_path: Path):
    contents = [png(drawn_film(True, 400)), png(255 - drawn_film(True, 401))]
    films = tuple(
        SourceFilm(f"{number}.png", True, str(number), "bacteria", lambda content=content: content)
        for number, content in enumerate(contents)
    )
    scores = run_source(Source("films", films, (), "listing"), classifier, tmp_path / "run")
    assert scores[0].logit is not None
    assert scores[1].logit is None
    assert scores[1].reason.startswith("The film ")
    assert "robability" not in scores[1].reason


def test_without_a_gate_nothing_is_judged(tiny_model: Path):
    classifier = load_classifier(tiny_model)
    assert classifier.gate is None
    film = np.zeros((1, 32, 32, 1), np.float32)
    assert classifier.logits_and_verdicts(film)[1] == [None]


def test_logits_are_the_same_with_a_gate_and_without(tiny_model: Path, classifier: Classifier):
    films = np.random.default_rng(1).uniform(0, 255, (3, 32, 32, 1)).astype(np.float32)
    logits, verdicts = classifier.logits_and_verdicts(films)
    assert logits == pytest.approx(load_classifier(tiny_model).logits(films), rel=1e-5)
    assert len(verdicts) == 3


def test_every_refusal_says_what_was_found_expected_and_to_do():
    for kind in KINDS:
        verdict = Verdict(kind, 0.1, True)
        with pytest.raises(UnsuitableImageError, match=r"^film\.png .+\. .*(Expected|Please).+\.$") as refusal:
            refuse_by(verdict, "film.png")
        assert str(refusal.value) == f"film.png {REFUSALS[kind]}"
        assert isinstance(refusal.value, CorrectableImageError) == (kind in CORRECTIONS)
    refuse_by(Verdict(UPRIGHT, 0.35, True), "film.png")
    refuse_by(Verdict(OTHER, 0.36, False), "film.png")
    refuse_by(None, "film.png")


@pytest.mark.parametrize("kind", [LEFT, OVER, RIGHT])
def test_a_correction_undoes_what_was_found(kind: str):
    film = radiograph(drawn_film(True, 1))
    quarters = {LEFT: 1, OVER: 2, RIGHT: 3}[kind]
    turned_film = radiograph(np.rot90(drawn_film(True, 1), quarters))
    assert np.array_equal(corrected(turned_film, kind).pixels, film.pixels)


def test_inverting_undoes_inversion():
    film = radiograph(drawn_film(True, 1))
    assert corrected(radiograph(255 - drawn_film(True, 1)), INVERTED).pixels == pytest.approx(film.pixels, abs=1e-6)


def test_pictures_that_are_none_keep_their_promise():
    random = np.random.default_rng(0)
    film = np.clip(np.random.default_rng(1).random((224, 224)), 0, 1).astype(np.float32)
    ways = [
        as_exported,
        inverted,
        on_a_screen,
        lambda film, random: turned(film, random, 1),
        lambda film, random: part_or_several(film, [film], random),
        lambda film, random: of_a_photograph([film[:150]], 224, random),
        *OTHERS,
    ]
    for make in ways:
        for _ in range(8):
            picture = make(film, random)
            assert picture.shape == (224, 224)
            assert picture.min() >= 0
            assert picture.max() <= 1


def gate(weights: str = "weights", kept: int = 2, kinds: int = len(KINDS)) -> InputGate:
    return InputGate(
        weights,
        np.zeros(3, np.float32),
        np.ones(3, np.float32),
        np.eye(3, kept, dtype=np.float32),
        np.zeros((kept, kinds), np.float32),
        np.arange(kinds, dtype=np.float32),
        np.zeros(kept, np.float32),
        np.eye(kept, dtype=np.float32),
        1.5,
    )


def test_a_gate_judges_by_hand_computed_shares_and_distances():
    near, far = gate().judge(np.array([[1, 1, 9], [1, 2, 9]], np.float32))
    # The seventh kind has the largest intercept; the shares are those of e to the power of 0 to 6.
    assert near.kind == KINDS[6]
    assert near.probability == pytest.approx(1 / np.exp(np.arange(7)).sum())
    assert not near.is_far
    assert far.is_far


def test_a_gate_is_kept_with_its_weights(tmp_path: Path):
    assert read_gate(tmp_path, "weights") is None
    write_gate(gate(), tmp_path)
    assert read_gate(tmp_path, "weights").far == 1.5
    with pytest.raises(ModelError, match="belongs to other weights"):
        read_gate(tmp_path, "others")
    write_gate(gate(kinds=3), tmp_path)
    with pytest.raises(ModelError, match="is damaged"):
        read_gate(tmp_path, "weights")
    (tmp_path / GATE_FILE).write_bytes(b"no archive")
    with pytest.raises(ModelError, match="is damaged"):
        read_gate(tmp_path, "weights")
