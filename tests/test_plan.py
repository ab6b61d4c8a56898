"""Plans and recipes: the default recipe, sentences for what makes no sense."""

import dataclasses
from pathlib import Path

import pytest

from pneumo_core.errors import DataError
from pneumo_core.model_card import active_model_folder, read_card
from pneumo_core.places import ROOT
from pneumo_core.plan import (
    ARCHITECTURES,
    IMAGENET,
    RANDOM,
    Plan,
    Recipe,
    checked_recipe,
    read_plan,
    recipe_settings,
    settings_of_start,
    write_plan,
)


def test_the_defaults_are_the_shipped_recipe():
    shipped = read_card(active_model_folder(ROOT / "model")).recipe
    ours = recipe_settings(Recipe()) | settings_of_start("EfficientNetV2B0", IMAGENET)
    for name in shipped.keys() & ours.keys():
        assert ours[name] == shipped[name], name
    assert len(shipped.keys() & ours.keys()) > 12


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_network_from_scratch_is_trained_whole(architecture: str):
    assert checked_recipe(settings_of_start(architecture, IMAGENET)).frozen_normalization
    scratch = checked_recipe(settings_of_start(architecture, RANDOM))
    assert (scratch.frozen_normalization, scratch.fine_tune_from) == (False, "")


def test_a_plan_is_read_as_it_was_written(tmp_path: Path):
    recipe = Recipe(dense_units=(64, 32), augmentations=("tone",), optimizer="SGD")
    plan = Plan(
        Path("/data"), Path("/model/x"), recipe, (Path("/copy"),), Path("/split.csv"), "random", "adults", (18, 90)
    )
    write_plan(plan, tmp_path)
    assert read_plan(tmp_path) == plan


@pytest.mark.parametrize("content", ["", "{}", '{"data": 3, "out": "/x"}'])
def test_a_plan_that_cannot_be_read_is_refused(content: str, tmp_path: Path):
    with pytest.raises(DataError, match="holds no plan"):
        read_plan(tmp_path)
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(DataError, match="holds no plan"):
        read_plan(tmp_path)


def test_settings_come_as_words_too():
    recipe = checked_recipe({"epochs": "3", "dropout": "0.5", "dense_units": ["64", "32"], "mixed_precision": "true"})
    assert recipe == dataclasses.replace(Recipe(), epochs=3, dropout=0.5, dense_units=(64, 32), mixed_precision=True)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"epoch": 3}, "A recipe has no setting 'epoch'"),
        ({"epochs": 0}, "The setting epochs is '0'"),
        ({"dropout": 1.0}, "The setting dropout is '1.0'"),
        ({"optimizer": "adamw"}, "The setting optimizer is 'adamw': input should be 'AdamW', 'Adam' or 'SGD'"),
        ({"augmentations": ["rain"]}, "The setting augmentations is"),
        ({"peak_learning_rate": "fast"}, "The setting peak_learning_rate is 'fast'"),
        ({"architecture": "AlexNet"}, "'AlexNet' is no backbone of this project"),
        ({"fine_tune_from": "nowhere"}, "'nowhere' is no block of EfficientNetV2B0"),
        ({"frozen_epochs": 20}, "20 epochs with a frozen backbone are more than the 14"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings: dict, sentence: str):
    with pytest.raises(DataError, match=sentence):
        checked_recipe(settings)
