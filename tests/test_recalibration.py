"""Operating points chosen again: the same network, the same choice as training makes, refusals."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from pneumo_core.__main__ import commands
from pneumo_core.errors import DataError, ModelError
from pneumo_core.model_card import CARD_FILE, NETWORK_FILE, read_card
from pneumo_core.recalibration import recalibrate


@pytest.fixture(scope="module")
def data(tiny_model: Path) -> Path:
    """Give the films that the tiny model was trained from."""
    return tiny_model.parent.parent / "data"


def test_a_choice_made_again_is_the_one_that_training_made(tiny_model: Path, data: Path, tmp_path: Path):
    old = read_card(tiny_model)
    card = recalibrate(tiny_model, data, (), tmp_path / "again")
    assert card == read_card(tmp_path / "again")
    assert (card.name, card.weights_sha256) == ("again", old.weights_sha256)
    assert (card.calibration, card.operating_points) == (old.calibration, old.operating_points)
    assert (card.validation, card.test) == (old.validation, old.test)
    for name in ("scores.csv", "known_films.csv", "training_log.jsonl", NETWORK_FILE):
        assert (tmp_path / "again" / name).read_bytes() == (tiny_model / name).read_bytes(), name
    assert "its test films had been read before" in card.recipe["recalibrated"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_other_operating_points_are_replaced_by_those_of_the_validation_films(
    tiny_model: Path, data: Path, tmp_path: Path
):
    model = tmp_path / "moved"
    shutil.copytree(tiny_model, model)
    card = json.loads((model / CARD_FILE).read_text(encoding="utf-8"))
    for point in card["operating_points"]:
        point["threshold"] = 0.999
    (model / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    # Both go by the flag.
    for name in ("against.json", "explanation_survey.json"):
        (model / name).write_text("{}", encoding="utf-8")
    found = recalibrate(model, data, (), tmp_path / "chosen")
    assert found.operating_points == read_card(tiny_model).operating_points
    assert not {path.name for path in (tmp_path / "chosen").iterdir()} & {"against.json", "explanation_survey.json"}


def test_films_that_the_model_was_not_validated_with_are_refused(tiny_model: Path, make_data, tmp_path: Path):
    other = make_data(tmp_path / "other", 3, ("val", "test"))
    with pytest.raises(DataError, match=r"holds \d+ of the \d+ films that tiny was validated with"):
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
    for point in card.operating_points:
        assert f"{point.name}: {point.threshold:.4f}, {point.chosen_for}" in result.stdout
    assert "| test, data | 20 (10) |" in result.stdout
