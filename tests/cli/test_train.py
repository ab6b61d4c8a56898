"""train, and what may follow it, on the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pneumo_core import train
from pneumo_core.errors import DataError
from pneumo_core.files.places import MODELS_VARIABLE, RUNS_VARIABLE
from pneumo_core.models.card import read_card
from pneumo_core.train.plan import SETTINGS, Plan, read_plan
from tests.cli.calls import run


def test_an_unknown_architecture_is_wrong_use(tmp_path: Path):
    result = run("train", tmp_path, "--out", tmp_path / "out", "--architecture", "NoSuchNet")
    assert result.exit_code == 2
    assert "EfficientNetV2B0" in result.stderr


def test_training_on_a_folder_that_is_none_is_refused_in_a_sentence(tmp_path: Path):
    result = run("train", tmp_path / "nowhere", "--out", tmp_path / "out", "--architecture", "SmallCNN")
    assert result.exit_code == 1
    assert "is not a folder" in result.stderr


def test_the_list_of_settings_names_each_with_its_range_and_default():
    result = run("train", "--list-settings")
    assert result.exit_code == 0
    listed = " ".join(result.stdout.split())
    for name, setting in SETTINGS.items():
        assert f" {name}: {setting.expected}; default: " in listed, name
        assert setting.help in listed, name
    assert "weight_decay: a number from 0 to 1; default: 0.01; only with optimizer=AdamW" in listed


def test_the_help_of_train_gives_the_ranges_of_its_own_options():
    said = " ".join(run("train", "--help").stdout.split())
    for name in ("epochs", "size", "seed"):
        setting = SETTINGS[name]
        assert f"[{setting.lowest}<=x<={setting.highest}]" in said.split(f"--{name} ")[1].split("--")[0], name
    assert "--list-settings" in said


@pytest.mark.parametrize(("option", "value"), [("--seed", -1), ("--size", 31), ("--size", 1025), ("--epochs", 1001)])
def test_an_option_of_train_out_of_its_range_is_wrong_use(option: str, value: int, tmp_path: Path):
    assert run("train", tmp_path, "--out", tmp_path / "out", option, value).exit_code == 2


def test_a_seed_of_zero_is_a_seed(tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    planned: list[Plan] = []

    def stop(plan: Plan) -> Path:
        planned.append(plan)
        raise DataError("Enough.")

    monkeypatch.setattr(train, "check_plan", stop)
    run("train", tmp_path, "--out", tmp_path / "out", "--seed", 0, "--set", "augmentations=tone,jpeg")
    assert (planned[0].recipe.seed, planned[0].recipe.augmentations) == (0, ("tone", "jpeg"))


@pytest.fixture
def planned(
    tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Result, Plan | None]]:
    """Give a function that calls train with further words, up to where the run begins: its result, and its plan."""
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    monkeypatch.setattr(train, "run_training", lambda folder, finish, report: None)
    data = make_data(tmp_path / "data", 2)

    def call(*words: object) -> tuple[Result, Plan | None]:
        result = run("train", data, "--out", tmp_path / "models" / "new", "--architecture", "SmallCNN", *words)
        folder = tmp_path / "runs" / "training" / "new"
        return result, read_plan(folder) if folder.is_dir() else None

    return call


def test_nought_is_a_seed_and_an_age(planned: Callable[..., tuple[Result, Plan | None]]):
    result, plan = planned(
        "--seed", 0, "--ages", 0, 0, "--set", "averaging_momentum=0", "--set", "fit_input_gate=false"
    )
    assert result.exit_code == 0, result.output
    assert plan is not None
    assert (plan.recipe.seed, plan.population_years) == (0, (0, 0))
    assert (plan.recipe.averaging_momentum, plan.recipe.fit_input_gate) == (0, False)


@pytest.mark.parametrize(
    ("words", "exit_status"),
    [(("--population", ""), 1), (("--start", ""), 2), (("--weights", ""), 2), (("--set", "fine_tune_from"), 2)],
)
def test_an_empty_word_is_refused_and_never_the_default(
    planned: Callable[..., tuple[Result, Plan | None]], words: tuple[str, str], exit_status: int
):
    result, plan = planned(*words)
    assert (result.exit_code, plan) == (exit_status, None)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--seed", 3), "--seed"),
        (("--architecture", SETTINGS["architecture"].default), "--architecture"),
        (("--out", "other", "--set", "epochs=2"), "--out, --set"),
        (("data", "--ages", 1, 5), "DATA, --ages"),
    ],
    ids=str,
)
def test_words_beside_resume_are_wrong_use_and_named(
    planned: Callable[..., tuple[Result, Plan | None]],
    words: tuple[object, ...],
    named: str,
    monkeypatch: pytest.MonkeyPatch,
):
    planned()
    monkeypatch.setattr(train, "run_training", lambda folder, finish, report: pytest.fail("It went on."))
    result = run("train", "--resume", "new", *words)
    assert result.exit_code == 2
    assert f" {named} " in " ".join(result.stderr.split())


@pytest.mark.parametrize("start", ["nowhere.weights.h5", "nowhere"])
def test_a_start_that_cannot_be_had_takes_no_name_and_is_one_sentence(
    planned: Callable[..., tuple[Result, Plan | None]], start: str
):
    result, plan = planned("--start", start)
    assert (result.exit_code, plan) == (1, None)
    assert len(result.stderr.splitlines()) == 1


def test_a_run_goes_on_by_its_name_and_finishes_where_asked(
    planned: Callable[..., tuple[Result, Plan | None]], monkeypatch: pytest.MonkeyPatch
):
    planned()
    asked: list[tuple[str, bool]] = []
    monkeypatch.setattr(train, "run_training", lambda folder, finish, report: asked.append((folder.name, finish)))
    assert run("train", "--resume", "new").exit_code == 0
    assert run("train", "--resume", "new", "--finish").exit_code == 0
    assert asked == [("new", False), ("new", True)]


def test_only_a_run_that_goes_on_can_be_finished(planned: Callable[..., tuple[Result, Plan | None]]):
    result, plan = planned("--finish")
    assert (result.exit_code, plan) == (2, None)


def test_a_folder_that_is_no_run_is_left_as_it_is(tmp_path: Path):
    (tmp_path / "stop").touch()
    assert run("train", "--resume", tmp_path).exit_code == 1
    assert (tmp_path / "stop").exists()


def test_a_copy_of_the_films_is_trained_on_and_tested_separately(tmp_path: Path, make_data: Callable[..., Path]):
    first, second = (make_data(tmp_path / name, 4) for name in ("one", "two"))
    out = tmp_path / "model"
    settings = ["--architecture", "SmallCNN", "--size", 32, "--epochs", 1, "--seed", 3]
    result = run("train", first, "--copy", second, "--out", out, *settings)
    assert result.exit_code == 0, result.output
    card = read_card(out)
    assert card.first.training_data.views_of_each_film == 2
    assert [evaluated.films for evaluated in card.first.test] == ["test, one", "test, two"]
    assert (card.recipe["seed"], card.recipe["epochs"]) == (3, 1)
