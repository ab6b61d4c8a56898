"""Network and card as one thing; a film read end to end."""

import dataclasses
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.errors import ModelError, UnsuitableImageError
from pneumo_core.files.hashes import file_sha256
from pneumo_core.film.preprocessing import Preprocessing, prepare
from pneumo_core.film.radiograph import read_radiograph
from pneumo_core.gate.input_gate import GATE_FILE
from pneumo_core.keras_network.classifier import KerasClassifier, load_classifier
from pneumo_core.keras_network.layers import save_network
from pneumo_core.models.card import LUNGS_FILE, NETWORK_FILE, model_files, read_card, write_card
from pneumo_core.models.known_films import KNOWN_FILMS_FILE
from pneumo_core.read.reading import Prediction, read_xray
from pneumo_core.stats.calibration import OperatingPoint
from pneumo_core.train.build import build_network
from pneumo_core.train.plan import Recipe
from tests.conftest import drawn_film, png


@pytest.fixture(scope="module")
def classifier(tiny_model: Path) -> KerasClassifier:
    return load_classifier(tiny_model)


def test_a_film_is_read_end_to_end(classifier: KerasClassifier):
    radiograph = read_radiograph(png(drawn_film(True, 3)), "film.png")
    reading = read_xray(classifier, radiograph)
    assert 0 <= reading.prediction.probability <= 1
    assert reading.radiograph is radiograph
    assert reading.explanation.layer == classifier.card.explained_layer
    assert reading.admission.suitability.warnings[0].startswith("The file gives no age.")


def test_a_frame_changes_no_score_and_the_map_lies_within_it(classifier: KerasClassifier):
    film = drawn_film(True, 3)
    alone = read_xray(classifier, read_radiograph(png(film), "film.png"))
    within = read_radiograph(png(np.pad(film, ((30, 20), (40, 10)))), "film.png")
    reading = read_xray(classifier, within)
    assert reading.logit == pytest.approx(alone.logit, abs=1e-4)
    assert np.array_equal(reading.pixels_read, within.pixels[30:140, 40:170])
    assert reading.radiograph is within
    assert alone.framing is None and len(reading.notes) == len(alone.notes) + 1
    assert "framed" in reading.tags and "framed" not in alone.tags
    whole = reading.explanation.heatmap(160, 180)
    assert np.array_equal(whole[30:140, 40:170], alone.explanation.heatmap(110, 130))
    whole[30:140, 40:170] = 0
    assert not whole.any()


def test_a_film_of_the_training_is_known_again_and_another_is_not(classifier: KerasClassifier, tiny_model: Path):
    seen = sorted((tiny_model.parent.parent / "data" / "train").rglob("*.png"))
    readings = [read_xray(classifier, read_radiograph(path)) for path in seen]
    assert [reading.known_from for reading in readings].count("training") == 16
    assert [reading.known_from for reading in readings].count("validation") == 4
    unseen = read_xray(classifier, read_radiograph(png(drawn_film(True, 3)[:, ::-1]), "film.png"))
    assert unseen.known_from is None


def test_the_files_of_a_model_are_all_that_loading_it_opens(gated_model: Path, tmp_path: Path):
    folder = tmp_path / "model"
    folder.mkdir()
    named = model_files(gated_model)
    assert {GATE_FILE, KNOWN_FILMS_FILE} < {*named}
    for name in named:
        shutil.copyfile(gated_model / name, folder / name)
    opened: set[str] = set()
    is_loading = True

    def note(event: str, arguments: tuple[object, ...]) -> None:
        # A hook stays for good.
        if is_loading and event == "open" and str(arguments[0]).startswith(str(gated_model)):
            opened.add(Path(str(arguments[0])).name)

    sys.addaudithook(note)
    whole = load_classifier(gated_model)
    is_loading = False
    assert opened
    assert opened <= {*named}
    alone = load_classifier(folder)
    assert alone.gate is not None and alone.known is not None
    assert (alone.known.hashes, alone.gate.far) == (whole.known.hashes, whole.gate.far)


def test_one_film_and_a_batch_give_the_same_probabilities(classifier: KerasClassifier):
    films = np.stack(
        [prepare(drawn_film(bool(n % 2), n) / np.float32(255), classifier.card.preprocessing) for n in range(5)]
    )
    alone = [classifier.score_and_explain(film)[1] for film in films]
    assert classifier.score(films) == pytest.approx(alone, abs=1e-5)


def test_the_logit_is_that_of_the_network_and_the_probability_follows_from_it(classifier: KerasClassifier):
    film = prepare(drawn_film(True, 8) / np.float32(255), classifier.card.preprocessing)
    logit, probability, _ = classifier.score_and_explain(film)
    assert logit == pytest.approx(float(classifier.network(film[np.newaxis])[0, 0]), abs=1e-4)
    assert probability == pytest.approx(1 / (1 + np.exp(-logit / classifier.card.first.calibration.temperature)))


def test_a_film_that_may_not_be_scored_is_refused(classifier: KerasClassifier):
    blank = read_radiograph(png(np.full((120, 120), 90, np.uint8)), "blank.png")
    with pytest.raises(UnsuitableImageError) as refusal:
        read_xray(classifier, blank)
    assert refusal.value.code == "blank"


@pytest.mark.parametrize(("probability", "is_flagged"), [(0.5, True), (0.4999, False)])
def test_a_film_is_flagged_from_the_threshold_on(probability: float, is_flagged: bool):
    point = OperatingPoint("balanced", 0.5, "a test")
    assert Prediction(0.0, probability).is_flagged(point) is is_flagged


def test_the_active_model_is_found(tiny_model: Path, tmp_path: Path):
    shutil.copytree(tiny_model, tmp_path / "tiny")
    (tmp_path / "active.txt").write_text("tiny\n")
    assert load_classifier(tmp_path).card == read_card(tiny_model)


def test_other_weights_beside_a_card_are_refused(tiny_model: Path, tmp_path: Path):
    shutil.copytree(tiny_model, tmp_path / "tiny")
    save_network(build_network(Recipe(architecture="SmallCNN", size=32)), tmp_path / "tiny" / "classifier.keras")
    with pytest.raises(ModelError, match="belongs to other weights"):
        load_classifier(tmp_path / "tiny")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"preprocessing": Preprocessing(64, 64)}, "network_input"),
        ({"explained_layer": "no_such_layer"}, "network_explained_layer"),
    ],
)
def test_a_card_that_does_not_fit_the_network_is_refused(
    tiny_model: Path, tmp_path: Path, change: dict[str, object], code: str
):
    shutil.copytree(tiny_model, tmp_path / "tiny")
    write_card(dataclasses.replace(read_card(tiny_model), **change), tmp_path / "tiny")
    with pytest.raises(ModelError) as refusal:
        load_classifier(tmp_path / "tiny")
    assert refusal.value.code == code


def test_a_model_with_a_segmenter_outlines_the_lungs_of_what_it_reads(model_with_lungs: Path, tiny_model: Path):
    film = read_radiograph(png(drawn_film(False, 3)), "film.png")
    whole = load_classifier(model_with_lungs)
    reading = read_xray(whole, film)
    assert whole.lungs is not None and reading.outline is not None
    assert (reading.outline.height, reading.outline.width) == film.pixels.shape
    # The drawn lungs cover a third of the film, of which the segmenter sees 16 x 16 cells.
    assert reading.outline.share == pytest.approx(0.38, abs=0.08)
    without = read_xray(load_classifier(tiny_model), film)
    assert without.outline is None and without.share_inside is None
    assert without.logit == pytest.approx(reading.logit)


def test_a_segmenter_that_is_none_is_refused_with_its_model(model_with_lungs: Path, tmp_path: Path):
    folder = tmp_path / "model"
    shutil.copytree(model_with_lungs, folder)
    shutil.copyfile(folder / NETWORK_FILE, folder / LUNGS_FILE)
    write_card(dataclasses.replace(read_card(model_with_lungs), lungs_sha256=file_sha256(folder / LUNGS_FILE)), folder)
    with pytest.raises(ModelError) as refusal:
        load_classifier(folder)
    assert refusal.value.code == "network_output"
