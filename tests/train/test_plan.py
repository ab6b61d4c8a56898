"""Plans and recipes: the default recipe, sentences for what makes no sense."""

import dataclasses
import json
import math
from pathlib import Path

import pytest

from pneumo_core.errors import DataError
from pneumo_core.files.places import ROOT
from pneumo_core.train.plan import (
    ARCHITECTURES,
    AUGMENTATIONS,
    IMAGENET,
    RANDOM,
    SETTINGS,
    Plan,
    Recipe,
    checked_recipe,
    read_plan,
    recipe_settings,
    settings_of_start,
    write_plan,
)


def test_the_defaults_are_the_recipe_of_the_last_network_of_one_population():
    shipped = json.loads((ROOT / "docs" / "cards" / "pneumo-6.json").read_bytes())["recipe"]
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
    ("settings", "parts"),
    [
        ({"epoch": 3}, ("'epoch'", *SETTINGS)),
        ({"epochs": 0}, ("epochs", "'0'", "from 1 to 1000")),
        ({"dropout": 1.0}, ("dropout", "'1.0'", "from 0 to 0.99")),
        ({"dropout": "nan"}, ("dropout", "'nan'")),
        ({"dense_units": ["64", "many"]}, ("dense_units", "'64, many'", "from 1 to 4096")),
        ({"optimizer": "adamw"}, ("optimizer", "'adamw'", "AdamW, Adam, SGD")),
        ({"augmentations": ["rain"]}, ("augmentations", "'rain'", *AUGMENTATIONS)),
        ({"peak_learning_rate": "fast"}, ("peak_learning_rate", "'fast'", "a number from")),
        ({"mixed_precision": "perhaps"}, ("mixed_precision", "'perhaps'", "true or false")),
        ({"architecture": "AlexNet"}, ("architecture", "'AlexNet'", *ARCHITECTURES)),
        ({"fine_tune_from": "nowhere"}, ("fine_tune_from", "'nowhere'", "EfficientNetV2B0", "block4")),
        ({"frozen_epochs": 20}, ("20 epochs", "14")),
    ],
)
def test_a_refused_setting_says_what_was_found_and_what_is_expected(settings: dict, parts: tuple[str, ...]):
    with pytest.raises(DataError) as refused:
        checked_recipe(settings)
    assert refused.value.code == "setting"
    assert [part for part in parts if part not in str(refused.value)] == []
    assert "Please" in str(refused.value)


NUMBERS = [name for name, setting in SETTINGS.items() if setting.lowest is not None]


def recipe_with(name: str, value: object) -> Recipe:
    """Check a recipe in which all else allows any value of this setting."""
    several = SETTINGS[name].is_several
    return checked_recipe({"epochs": 1000, name: [value] if several else value})


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_taken_at_both_ends_of_its_range_and_refused_beyond(name: str):
    lowest, highest = SETTINGS[name].lowest, SETTINGS[name].highest
    for value in (lowest, highest):
        assert getattr(recipe_with(name, value), name) in (value, (value,))
    whole = isinstance(lowest, int)
    below, above = (lowest - 1, highest + 1) if whole else (math.nextafter(lowest, -1), math.nextafter(highest, 2e9))
    for value in (below, above):
        with pytest.raises(DataError) as refused:
            recipe_with(name, value)
        assert refused.value.code == "setting"


@pytest.mark.parametrize("name", [name for name, setting in SETTINGS.items() if setting.choices])
def test_each_choice_is_taken_and_no_other(name: str):
    for choice in SETTINGS[name].choices:
        assert getattr(recipe_with(name, choice), name) in (choice, (choice,))
    with pytest.raises(DataError) as refused:
        recipe_with(name, "something else")
    assert refused.value.code == "setting"


def test_every_field_of_a_recipe_says_what_it_is_and_what_it_may_be():
    assert list(SETTINGS) == [field.name for field in dataclasses.fields(Recipe)]
    for name, setting in SETTINGS.items():
        assert setting.label, name
        assert setting.group, name
        assert setting.help.endswith("."), name
        assert setting.expected, name
        # A form asks for them in this order.
        assert not setting.needs or list(SETTINGS).index(setting.needs) < list(SETTINGS).index(name), name


def test_a_plan_with_a_setting_out_of_its_range_is_not_read(tmp_path: Path):
    write_plan(Plan(Path("/data"), Path("/model/x")), tmp_path)
    plan = tmp_path / "plan.json"
    plan.write_text(plan.read_text().replace('"batch_size": 32', '"batch_size": 0'))
    with pytest.raises(DataError, match="holds no plan"):
        read_plan(tmp_path)


def test_a_setting_applies_with_the_one_that_it_needs():
    settings = recipe_settings(Recipe())
    assert SETTINGS["weight_decay"].applies(settings)
    assert not SETTINGS["weight_decay"].applies(settings | {"optimizer": "SGD"})
    assert not SETTINGS["activation"].applies(settings)
    assert SETTINGS["activation"].applies(settings | {"dense_units": [8]})
