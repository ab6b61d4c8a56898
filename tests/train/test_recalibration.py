"""Operating points chosen again, of one network and of several joined; refusals."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pneumo_core.cli.group import commands
from pneumo_core.errors import DataError, ModelError
from pneumo_core.files.hashes import file_sha256
from pneumo_core.keras_network.classifier import load_classifier
from pneumo_core.keras_network.layers import JOINED_MAPS, layers_to_walk, load_network, save_network
from pneumo_core.models.card import CARD_FILE, LUNGS_FILE, NETWORK_FILE, read_card, write_card
from pneumo_core.train.recalibration import blend, recalibrate
from tests.makers import with_thresholds


@pytest.fixture(scope="module")
def data(tiny_model: Path) -> Path:
    """Give the films that the tiny model was trained from."""
    return tiny_model.parent.parent / "data"


def test_a_choice_made_again_is_the_one_that_training_made(tiny_model: Path, data: Path, tmp_path: Path):
    old = read_card(tiny_model)
    card = recalibrate(tiny_model, data, (), tmp_path / "again")
    assert card == read_card(tmp_path / "again")
    assert (card.name, card.weights_sha256) == ("again", old.weights_sha256)
    assert card.populations == old.populations
    for name in ("scores.csv", "known_films.csv", "training_log.jsonl", NETWORK_FILE):
        assert (tmp_path / "again" / name).read_bytes() == (tiny_model / name).read_bytes(), name
    assert "its test films had been read before" in card.recipe["recalibrated"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_other_operating_points_are_replaced_by_those_of_the_validation_films(
    tiny_model: Path, data: Path, tmp_path: Path
):
    model = tmp_path / "moved"
    shutil.copytree(tiny_model, model)
    write_card(with_thresholds(read_card(model), 0.999, 0.999, 0.999), model)
    # Both go by the flag.
    for name in ("against.json", "explanation_survey.json"):
        (model / name).write_text("{}", encoding="utf-8")
    found = recalibrate(model, data, (), tmp_path / "chosen")
    assert found.first.operating_points == read_card(tiny_model).first.operating_points
    assert not {path.name for path in (tmp_path / "chosen").iterdir()} & {"against.json", "explanation_survey.json"}


def test_films_that_the_model_was_not_validated_with_are_refused(tiny_model: Path, make_data, tmp_path: Path):
    other = make_data(tmp_path / "other", 3, ("val", "test"))
    with pytest.raises(DataError, match=r"holds \d+ of the \d+ X-rays that the model was validated with"):
        recalibrate(tiny_model, other, (), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_model_is_never_overwritten(tiny_model: Path, data: Path, tmp_path: Path):
    with pytest.raises(DataError, match="stands there already"):
        recalibrate(tiny_model, data, (), tmp_path)
    with pytest.raises(ModelError, match="cannot be the name"):
        recalibrate(tiny_model, data, (), tmp_path / ".hidden")


def test_the_command_line_gives_points_and_test_results(tiny_model: Path, data: Path, tmp_path: Path):
    words = ["recalibrate", str(data), "--model", str(tiny_model), "--out", str(tmp_path / "new")]
    result = CliRunner().invoke(commands, words, catch_exceptions=False)
    assert result.exit_code == 0
    card = read_card(tmp_path / "new")
    for point in card.first.operating_points:
        assert f"{point.name}: {point.threshold:.4f}, {point.chosen_for}" in result.stdout
    assert "| test, data | 20 (10) |" in result.stdout


@pytest.fixture(scope="module")
def other_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the tiny model with another last block and head."""
    folder = tmp_path_factory.mktemp("other") / "other"
    shutil.copytree(tiny_model, folder)
    network = load_network(folder / NETWORK_FILE)
    random = np.random.default_rng(4)
    for name in ("block3_conv", "logit"):
        layer = network.get_layer(name)
        layer.set_weights([weight + random.normal(0, 0.2, weight.shape) for weight in layer.get_weights()])
    save_network(network, folder / NETWORK_FILE)
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    card |= {"name": "other", "weights_sha256": file_sha256(folder / NETWORK_FILE)}
    card["populations"][0]["calibration"]["temperature"] = 0.5
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    return folder


def test_a_blend_gives_the_mean_of_calibrated_logits(tiny_model: Path, other_model: Path, data: Path, tmp_path: Path):
    card = blend([tiny_model, other_model], data, (), tmp_path / "both")
    both, *parts = (load_classifier(folder) for folder in (tmp_path / "both", tiny_model, other_model))
    films = np.random.default_rng(5).uniform(0, 255, (3, 32, 32, 1)).astype(np.float32)
    expected = np.mean([part.logits(films) / part.card.first.calibration.temperature for part in parts], axis=0)
    np.testing.assert_allclose(both.logits(films), expected, rtol=1e-4, atol=1e-4)
    # What both have in common is there once, and what they differ in twice.
    names = [layer.name for layer in both.network.layers]
    assert [sum(name.startswith(f"block{block}_conv") for name in names) for block in (1, 2, 3)] == [1, 1, 2]
    assert card.explained_layer == JOINED_MAPS
    # A lesson walks through what explains the whole score.
    assert layers_to_walk(both.network, JOINED_MAPS) == ("block1_activation", "block2_activation", JOINED_MAPS)
    assert both.score_and_explain(films[0])[2].coarse.shape == (4, 4)
    assert list(card.recipe)[:2] == [f"{part.card.name}, sha256 {part.card.weights_sha256[:12]}" for part in parts]
    text = (tmp_path / "both" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "by a model that this one was made of" in text
    assert f"- other, sha256 {parts[1].card.weights_sha256[:12]}:\n  - architecture: SmallCNN\n" in text


def test_models_that_were_split_otherwise_or_are_the_same_are_not_blended(
    tiny_model: Path, other_model: Path, data: Path, tmp_path: Path
):
    swapped, unknown = tmp_path / "swapped", tmp_path / "unknown"
    for folder in (swapped, unknown):
        shutil.copytree(other_model, folder)
    known = (swapped / "known_films.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    first = next(place for place, line in enumerate(known) if line.startswith("validation"))
    known[first] = known[first].replace("validation", "training")
    (swapped / "known_films.csv").write_text("".join(known), encoding="utf-8")
    (unknown / "known_films.csv").unlink()
    for models in ([tiny_model, swapped], [tiny_model, unknown], [unknown, tiny_model]):
        with pytest.raises(
            DataError, match=r"tiny.* not trained and validated on the same split|other and tiny were not"
        ):
            blend(models, data, (), tmp_path / "both")
    for models in ([tiny_model], [tiny_model] * 2):
        with pytest.raises(DataError, match=r"two or more different models\. The named models are tiny"):
            blend(models, data, (), tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_a_blend_outlines_the_lungs_as_the_first_of_its_models(
    model_with_lungs: Path, other_model: Path, data: Path, tmp_path: Path
):
    blend([model_with_lungs, other_model], data, (), tmp_path / "both")
    assert (tmp_path / "both" / LUNGS_FILE).read_bytes() == (model_with_lungs / LUNGS_FILE).read_bytes()
    assert load_classifier(tmp_path / "both").lungs is not None


def test_a_blend_can_be_blended_again(tiny_model: Path, other_model: Path, data: Path, tmp_path: Path):
    blend([tiny_model, other_model], data, (), tmp_path / "both")
    blend([tmp_path / "both", other_model], data, (), tmp_path / "again")
    again, *parts = (load_classifier(folder) for folder in (tmp_path / "again", tmp_path / "both", other_model))
    film = np.random.default_rng(6).uniform(0, 255, (1, 32, 32, 1)).astype(np.float32)
    expected = np.mean([part.logits(film) / part.card.first.calibration.temperature for part in parts])
    np.testing.assert_allclose(again.logits(film)[0], expected, rtol=1e-4, atol=1e-4)


def test_a_name_that_is_none_is_refused(tmp_path: Path):
    words = ["blend", str(tmp_path), "--model", "nowhere", "--model", "nobody", "--out", str(tmp_path / "new")]
    result = CliRunner().invoke(commands, words, catch_exceptions=False)
    assert result.exit_code != 0
    assert "There is no model 'nowhere'" in result.stderr


def test_the_command_line_blends(tiny_model: Path, other_model: Path, data: Path, tmp_path: Path):
    words = [
        "blend",
        str(data),
        "--model",
        str(tiny_model),
        "--model",
        str(other_model),
        "--out",
        str(tmp_path / "new"),
    ]
    result = CliRunner().invoke(commands, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert f"balanced: {read_card(tmp_path / 'new').first.operating_point('balanced').threshold:.4f}" in result.stdout
