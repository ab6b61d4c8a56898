"""The input gate: fitted on drawn films, it refuses what is none, and what it refuses gets no probability anywhere."""

import dataclasses
import io
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pneumo_core.cli.group import commands
from pneumo_core.data.sources import Source, SourceFilm
from pneumo_core.errors import CorrectableImageError, ModelError, UnsuitableImageError
from pneumo_core.evaluate.pipeline import run_source
from pneumo_core.files.places import MODELS_VARIABLE
from pneumo_core.film.preprocessing import prepare
from pneumo_core.film.radiograph import Radiograph, StoredValues, read_radiograph
from pneumo_core.gate.input_gate import (
    GATE_FILE,
    HAS_GATE,
    INVERTED,
    KINDS,
    LEFT,
    NO_GATE,
    OTHER,
    OVER,
    RIGHT,
    UPRIGHT,
    InputGate,
    Verdict,
    read_gate,
    write_gate,
)
from pneumo_core.gate.suitability import CODES, CORRECTIONS, corrected, refuse_by
from pneumo_core.keras_network.classifier import load_classifier
from pneumo_core.models import gate_record as input_gate_record
from pneumo_core.models.card import read_card
from pneumo_core.network.classifier import Classifier
from pneumo_core.read.reading import read_xray
from pneumo_core.train.input_gate.negatives import (
    OTHERS,
    as_exported,
    inverted,
    of_a_photograph,
    on_a_screen,
    part_or_several,
    turned,
)
from tests.conftest import drawn_film, png
from tests.makers import zip_of


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
    found, read = [], 0
    for seed in range(300, 310):
        film = radiograph(change(drawn_film(True, seed)))
        with pytest.raises(UnsuitableImageError) as refusal:
            read_xray(classifier, film)
        # These drawn chests look alike when turned to either side.
        if isinstance(refusal.value, CorrectableImageError) and refusal.value.correction in (kind, LEFT, RIGHT):
            found.append(refusal.value.correction)
            try:
                reading = read_xray(classifier, film, refusal.value.correction)
            except UnsuitableImageError:
                # The drawn model's gate takes some of them for another turn.
                continue
            read += 1
            assert reading.correction == CORRECTIONS[refusal.value.correction][2]
            assert any("at the reader's request" in warning for warning in reading.warnings)
            assert reading.radiograph.sha256 == film.sha256
    assert len(found) >= 8
    assert read >= 5


def test_what_is_no_film_is_refused(classifier: Classifier):
    random = np.random.default_rng(3)
    films = np.stack(
        [
            prepare(make(np.zeros((128, 128), np.float32), random), classifier.card.preprocessing)
            for make in OTHERS[:3]
            for _ in range(30)
        ]
    )
    _, verdicts = classifier.logits_and_verdicts(films)
    # At 32 x 32 pixels a page of text is hardly one.
    assert sum(verdict.is_refused for verdict in verdicts) >= 60


def test_a_refused_film_of_a_batch_has_a_reason_and_no_logit(classifier: Classifier, tmp_path: Path):
    contents = [png(drawn_film(True, 400)), png(255 - drawn_film(True, 401))]
    films = tuple(
        SourceFilm(f"{number}.png", True, str(number), "bacteria", lambda content=content: content)
        for number, content in enumerate(contents)
    )
    scores = run_source(Source("films", films, (), "listing"), classifier, tmp_path / "run")
    assert scores[0].logit is not None
    assert scores[1].logit is None
    assert scores[1].reason.startswith("The image ")
    assert "robability" not in scores[1].reason
    # A drawn film lies dark in its middle and has no fine detail; of what is refused no quality is told.
    assert "exposure" in scores[0].warned_of
    assert scores[1].warned_of == ""


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


def test_every_kind_under_the_limit_is_refused_and_only_corrections_can_be_asked_for():
    for kind in KINDS:
        verdict = Verdict(kind, 0.1, True)
        with pytest.raises(UnsuitableImageError) as refusal:
            refuse_by(verdict, "film.png")
        assert refusal.value.code == CODES[kind]
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


WEIGHTS = "ab" * 32


def gate(weights: str = WEIGHTS, kept: int = 2, kinds: int = len(KINDS)) -> InputGate:
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
    assert read_gate(tmp_path, WEIGHTS) is None
    write_gate(gate(), tmp_path)
    assert read_gate(tmp_path, WEIGHTS).far == 1.5
    with pytest.raises(ModelError) as refusal:
        read_gate(tmp_path, "cd" * 32)
    assert refusal.value.code == "input_gate_of_other_weights"


def test_a_verdict_of_no_number_is_a_refusal():
    broken = dataclasses.replace(gate(), coefficients=np.full((2, 7), np.nan, np.float32))
    (verdict,) = broken.judge(np.ones((1, 3), np.float32))
    assert verdict.is_refused
    huge = dataclasses.replace(gate(), precision=np.full((2, 2), np.inf, np.float32))
    with np.errstate(invalid="ignore"):
        assert huge.judge(np.zeros((1, 3), np.float32))[0].is_far


def arrays(**changes: np.ndarray) -> dict[str, bytes]:
    """Give the members of a right gate's file, some arrays changed."""
    members = {}
    right = {name: np.asarray(getattr(gate(), name)) for name in InputGate.__slots__}
    for name, array in (right | {"components": right["components"].astype(np.float16)} | changes).items():
        content = io.BytesIO()
        np.lib.format.write_array(content, array, (1, 0))
        members[f"{name}.npy"] = content.getvalue()
    return members


def header(shape: str, descr: str = "<f4", body: bytes = b"") -> bytes:
    """Give a .npy file whose header says what it likes."""
    words = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(words).to_bytes(2, "little") + words + body


def without(name: str) -> dict[str, bytes]:
    return {member: content for member, content in arrays().items() if member != name}


HOSTILE_GATES = {
    "no archive": b"no archive",
    "cut": zip_of(arrays())[:-100],
    "an array missing": zip_of(without("far.npy")),
    "an array too many": zip_of(arrays() | {"more.npy": b""}),
    "a path": zip_of(arrays() | {"../far.npy": b""}),
    "a bomb": zip_of(arrays(components=np.zeros((2**22, 2), np.float16)), zipfile.ZIP_DEFLATED),
    "too large": zip_of(arrays(precision=np.zeros((1100, 1100), np.float32))),
    "objects to unpickle": zip_of(arrays() | {"centre.npy": header("(3,)", "|O", pickle.dumps([1, 2, 3]))}),
    "words": zip_of(arrays(centre=np.array(["a", "b", "c"]))),
    "other numbers": zip_of(arrays(centre=np.zeros(3))),
    "numbers of the other byte order": zip_of(arrays(centre=np.zeros(3, ">f4"))),
    "a shape without content": zip_of(arrays() | {"centre.npy": header("(1000000000000,)")}),
    "a shape that overflows": zip_of(arrays() | {"centre.npy": header("(4611686018427387904, 4)")}),
    "a shape below 0": zip_of(arrays() | {"centre.npy": header("(-3,)", body=bytes(12))}),
    "a header of brackets": zip_of(arrays() | {"centre.npy": header("(" * 9000 + ")" * 9000)}),
    "a header of signs": zip_of(arrays() | {"centre.npy": header("(" + "-" * 9000 + "3,)")}),
    "a header of code": zip_of(arrays() | {"centre.npy": header("__import__('os').getpid()")}),
    "a later version": zip_of(
        arrays() | {"centre.npy": header("(3,)", body=bytes(12)).replace(b"\x01\x00", b"\x03\x00", 1)}
    ),
    "fewer kinds": zip_of(arrays(coefficients=np.zeros((2, 3), np.float32))),
    "other components": zip_of(arrays(components=np.ones((4, 2), np.float16))),
    "intercepts of another shape": zip_of(arrays(intercepts=np.zeros((7, 1), np.float32))),
    "precision that is no square": zip_of(arrays(precision=np.zeros((2, 3), np.float32))),
    "no matrix": zip_of(arrays(components=np.ones(6, np.float16))),
    "no number": zip_of(arrays(coefficients=np.full((2, 7), np.nan, np.float32))),
    "a number without an end": zip_of(arrays(components=np.full((3, 2), np.inf, np.float16))),
    "a scale of 0": zip_of(arrays(scale=np.zeros(3, np.float32))),
}


@pytest.mark.parametrize("content", HOSTILE_GATES.values(), ids=HOSTILE_GATES)
def test_a_hostile_gate_is_refused(content: bytes, tmp_path: Path):
    (tmp_path / GATE_FILE).write_bytes(content)
    with pytest.raises(ModelError) as refusal:
        read_gate(tmp_path, WEIGHTS)
    assert refusal.value.code == "input_gate_damaged"


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_right_gate_passes_the_checks(tmp_path: Path, order: str):
    components = np.array([[1, 2], [3, 4], [5, 6]], np.float16, order=order)
    (tmp_path / GATE_FILE).write_bytes(zip_of(arrays(components=components), zipfile.ZIP_DEFLATED))
    assert np.array_equal(read_gate(tmp_path, WEIGHTS).components, components)


def test_the_gate_of_another_network_is_refused(gated_model: Path, tmp_path: Path):
    folder = tmp_path / "model"
    shutil.copytree(gated_model, folder)
    write_gate(gate(read_card(folder).weights_sha256), folder)
    with pytest.raises(ModelError) as refusal:
        load_classifier(folder)
    assert refusal.value.code == "input_gate_of_other_network"


def test_a_reading_without_a_gate_keeps_a_warning(tiny_model: Path, classifier: Classifier):
    film = radiograph(drawn_film(True, 3))
    assert read_xray(load_classifier(tiny_model), film).warnings[-2] == NO_GATE
    assert NO_GATE not in read_xray(classifier, film).warnings


def test_a_gate_is_fitted_to_a_model_by_its_name_and_only_kept_where_it_is_worth_it(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(tiny_model, tmp_path / "models" / "tiny")
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    words = ["fit-gate", str(tiny_model.parent.parent / "data"), "--model"]
    before = (tmp_path / "models" / "tiny" / "input_gate.json").read_bytes()
    result = CliRunner().invoke(commands, [*words, "tiny"])
    assert result.exit_code == 1
    assert result.stderr.endswith(
        "tiny gets no input gate. There were 16 training films and 4 validation films; to fit and try one takes at "
        "least 100 and 20.\n"
    )
    assert (tmp_path / "models" / "tiny" / "input_gate.json").read_bytes() == before
    for name, limit in {"LEAST_TRAINING": 2, "LEAST_VALIDATION": 2, "MOST_REFUSED": 1.0, "LEAST_FOUND": 0.0}.items():
        monkeypatch.setattr(input_gate_record, name, limit)
    result = CliRunner().invoke(commands, [*words, str(tmp_path / "models" / "tiny")])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{HAS_GATE}\nFitted on 16 training films; of 4 validation films it refuses ")
    assert load_classifier(tmp_path / "models" / "tiny").gate is not None
    assert HAS_GATE in (tmp_path / "models" / "tiny" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert CliRunner().invoke(commands, [*words, "nowhere"]).exit_code == 1


@pytest.mark.parametrize("kind", CORRECTIONS)
def test_a_corrected_film_keeps_its_values_before_the_window(kind: str):
    levels = drawn_film(True, 1)
    values = np.arange(256, dtype=np.float32)
    film = dataclasses.replace(radiograph(levels), stored=StoredValues(levels, values))
    found = corrected(film, kind)
    assert found.stored is not None and found.stored.values is values
    shown = found.stored.levels / 255
    assert found.pixels == pytest.approx(1 - shown if found.origin.is_inverted else shown)
