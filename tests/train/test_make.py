"""Training runs on drawn films: what is written, what is repeatable, what goes on after a kill, what is refused."""

import csv
import dataclasses
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pneumo_core.errors import DataError, ModelError
from pneumo_core.files.hashes import file_sha256
from pneumo_core.files.places import trainings_folder
from pneumo_core.gate.input_gate import NO_GATE
from pneumo_core.keras_network.classifier import load_classifier
from pneumo_core.models import gate_record as input_gate_record
from pneumo_core.models.card import NETWORK_FILE, ModelCard, read_card
from pneumo_core.models.challenge import read_challenge
from pneumo_core.models.gate_record import gate_in_words, read_record
from pneumo_core.models.known_films import read_known_films
from pneumo_core.models.training_log import read_log
from pneumo_core.train import fit as fitting, make as training
from pneumo_core.train.fit import CHECKPOINT_FILE
from pneumo_core.train.make import run_training
from pneumo_core.train.plan import Plan, Recipe, recipe_settings
from pneumo_core.train.run import ask_to_stop, plan_run, read_state, run_of_model
from tests.conftest import drawn_film

QUICK = Recipe(architecture="SmallCNN", size=32, epochs=1, batch_size=8, frozen_normalization=False)
LONG = dataclasses.replace(QUICK, epochs=4)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give runs a folder of this test's own, and no model in use."""
    monkeypatch.setenv("PNEUMO_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("PNEUMO_MODEL_DIR", str(tmp_path / "none"))
    return tmp_path / "runs"


def planned(data: Path, out: Path, recipe: Recipe = QUICK, **more) -> Path:
    return plan_run(Plan(data, out, recipe, start="random", **more))


def trained(data: Path, out: Path, recipe: Recipe = QUICK, **more) -> ModelCard:
    card = run_training(planned(data, out, recipe, **more))
    assert card is not None
    return card


def stop_at(monkeypatch: pytest.MonkeyPatch, epoch: int, step: int, do: Callable[[], None]) -> None:
    """Let something happen after a step of an epoch."""
    tell = training._Run._step

    def watched(run, found):
        if (found.epoch, found.step) == (epoch, step):
            do()
        return tell(run, found)

    monkeypatch.setattr(training._Run, "_step", watched)


class Killed(BaseException):
    """Stands for a kill: nothing in the project catches it."""


def kill() -> None:
    raise Killed


def test_a_run_writes_network_card_log_and_scores(tiny_model: Path):
    assert {path.name for path in tiny_model.iterdir()} >= {
        "MODEL_CARD.md",
        "card.json",
        "classifier.keras",
        "known_films.csv",
        "scores.csv",
        "training_log.jsonl",
    }
    assert not [path for path in tiny_model.parent.iterdir() if path.name.startswith(".")]
    assert read_state(trainings_folder() / "tiny").stage == "done"


def test_a_run_leaves_a_list_by_which_its_films_are_known(tiny_model: Path):
    known = read_known_films(tiny_model)
    data = tiny_model.parent.parent / "data"
    seen, unseen = ([file_sha256(path) for path in (data / part).rglob("*.png")] for part in ("train", "test"))
    assert known is not None
    assert all(known.part_of(film, "ff" * 32) for film in seen)
    assert not any(known.part_of(film, "ff" * 32) for film in unseen)


def test_the_card_counts_films_and_patients_of_each_part(tiny_model: Path):
    data = read_card(tiny_model).first.training_data
    # 10 patients a class, 15 % rounded: 2 a class for validation, one film each.
    assert (data.films, data.films_with_pneumonia, data.patients) == (16, 8, 16)
    assert (data.validation_films, data.validation_films_with_pneumonia, data.validation_patients) == (4, 2, 4)
    assert [result.n for result in read_card(tiny_model).first.test] == [20]


def test_the_log_has_a_line_an_epoch_with_training_validation_and_heat_maps(tiny_model: Path):
    lines = read_log(tiny_model)
    figures = {"loss", "accuracy", "auc", "sensitivity", "specificity"}
    assert [line["epoch"] for line in lines] == [1, 2]
    for line in lines:
        assert set(line["training"]) == set(line["validation"]) == set(line["validation_averaged"]) == figures
        assert len(line["attention"]) == 4
        assert {len(film["map"]) for film in line["attention"]} == {4}
    assert [film["name"] for film in lines[0]["attention"]] == [film["name"] for film in lines[1]["attention"]]


def test_the_stored_scores_give_the_cards_figures(tiny_model: Path):
    card = read_card(tiny_model)
    with (tiny_model / "scores.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["films"] == card.first.test[0].films]
    logits = np.array([float(row["logit"]) for row in rows])
    has_pneumonia = np.array([row["has_pneumonia"] == "1" for row in rows])
    flagged = (
        1 / (1 + np.exp(-logits / card.first.calibration.temperature))
        >= card.first.operating_point("balanced").threshold
    )
    balanced = next(point.confusion for point in card.first.test[0].points if point.name == "balanced")
    assert balanced.true_positives == int(np.sum(flagged & has_pneumonia))
    assert balanced.false_positives == int(np.sum(flagged & ~has_pneumonia))


def test_the_stored_scores_give_the_bytes_of_every_films_file_and_none_of_a_stressed_copy(tiny_model: Path):
    data = tiny_model.parent.parent / "data"
    with (tiny_model / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    as_they_are = [row for row in rows if row["films"] in ("validation, the films as they are", "test, data")]
    assert len(as_they_are) == 24
    assert [int(row["file_bytes"]) for row in as_they_are] == [
        (data / row["name"]).stat().st_size for row in as_they_are
    ]
    assert {row["file_bytes"] for row in rows if row not in as_they_are} == {""}


def test_every_copy_of_the_data_gives_the_bytes_of_its_own_files(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path]
):
    data, copy = (make_data(tmp_path / name, 4) for name in ("data", "copy"))
    for path in copy.rglob("*.png"):
        Image.open(path).save(path, compress_level=1)
    trained(data, tmp_path / "model", copies=(copy,))
    with (tmp_path / "model" / "scores.csv").open() as file:
        sizes = {(row["films"], row["name"]): row["file_bytes"] for row in csv.DictReader(file)}
    name = "test/NORMAL/IM-1000-0001.png"
    assert int(sizes["test, copy", name]) == (copy / name).stat().st_size
    assert sizes["test, copy", name] != sizes["test, data", name]
    assert {size for (films, _), size in sizes.items() if films == "validation, contrast x 1.8"} == {""}


def test_the_same_plan_gives_the_same_model(runs: Path, tmp_path: Path, make_data: Callable[..., Path]):
    data = make_data(tmp_path / "data", 6)
    first, second = (trained(data, tmp_path / name, LONG) for name in ("one", "two"))
    assert first.populations == second.populations


def test_a_killed_run_goes_on_and_ends_as_one_that_never_stopped(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    data = make_data(tmp_path / "data", 6)
    recipe = dataclasses.replace(LONG, frozen_epochs=1)
    whole = trained(data, tmp_path / "whole", recipe)
    folder = planned(data, tmp_path / "killed", recipe)
    with monkeypatch.context() as patch:
        stop_at(patch, 3, 1, kill)
        with pytest.raises(Killed):
            run_training(folder)
    assert read_state(folder).stage == "interrupted"
    assert [entry["epoch"] for entry in read_log(folder)] == [1, 2]
    assert not (tmp_path / "killed").exists()
    card = run_training(folder)
    assert card is not None
    assert card.populations == whole.populations
    times = ("seconds",)
    logs = [
        [{key: value for key, value in entry.items() if key not in times} for entry in read_log(tmp_path / name)]
        for name in ("whole", "killed")
    ]
    assert logs[0] == logs[1]


def test_a_line_of_log_without_its_checkpoint_is_written_once(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    folder = planned(make_data(tmp_path / "data", 6), tmp_path / "model", LONG)
    with monkeypatch.context() as patch:
        stop_at(patch, 3, 1, kill)
        with pytest.raises(Killed):
            run_training(folder)
    with (folder / "training_log.jsonl").open("a") as log:
        log.write(json.dumps({"epoch": 3}) + "\n" + '{"epo')
    run_training(folder)
    assert [entry["epoch"] for entry in read_log(tmp_path / "model")] == [1, 2, 3, 4]


@pytest.mark.parametrize("where", ["save_network", "_describe", "write_scores", "write_card"])
def test_a_kill_while_the_model_is_written_leaves_none_and_the_run_can_end(
    where: str, runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    folder = planned(make_data(tmp_path / "data", 4), tmp_path / "models" / "model")
    with monkeypatch.context() as patch:
        patch.setattr(training, where, lambda *arguments: kill())
        with pytest.raises(Killed):
            run_training(folder)
    assert not (tmp_path / "models" / "model").exists()
    card = run_training(folder)
    assert card is not None
    assert read_card(tmp_path / "models" / "model").weights_sha256 == card.weights_sha256


def test_a_stopped_run_keeps_its_best_network_and_can_be_finished(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    folder = planned(make_data(tmp_path / "data", 6), tmp_path / "model", LONG)
    with monkeypatch.context() as patch:
        stop_at(patch, 3, 1, lambda: ask_to_stop(folder))
        assert run_training(folder) is None
    assert read_state(folder).stage == "stopped"
    (folder / "stop").unlink()
    card = run_training(folder, finish=True)
    assert card is not None
    assert len(read_log(tmp_path / "model")) == 2
    assert file_sha256(tmp_path / "model" / NETWORK_FILE) == card.weights_sha256


def test_a_run_stopped_before_its_first_epoch_has_nothing_to_finish(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path]
):
    folder = planned(make_data(tmp_path / "data", 4), tmp_path / "model")
    ask_to_stop(folder)
    assert run_training(folder) is None
    with pytest.raises(ModelError, match="no epoch behind it"):
        run_training(folder, finish=True)


def test_early_stopping_ends_a_run_that_gets_no_better(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    # Of each epoch the lower one counts: films shaped by class one way, and the other way.
    areas = iter([0.5, 0.9, 0.8, 0.8, 0.8, 0.8, 0.9, 0.7, 0.6, 0.9, 0.5, 0.5, 0.4, 0.4])
    monkeypatch.setattr(fitting, "_figures", lambda labels, logits: {"auc": next(areas)})
    recipe = dataclasses.replace(QUICK, epochs=7, early_stopping_epochs=2, averaging_momentum=0.0)
    trained(make_data(tmp_path / "data", 4), tmp_path / "model", recipe)
    log = read_log(tmp_path / "model")
    # An epoch as good as the best counts as the best.
    assert [("best" in entry) for entry in log] == [True, True, True, False, False]


def test_a_run_that_diverges_says_so_and_keeps_the_best_network(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path]
):
    recipe = dataclasses.replace(LONG, peak_learning_rate=1.0, optimizer="SGD", gradient_clip=0.0, warm_up_epochs=0.0)
    folder = planned(make_data(tmp_path / "data", 6), tmp_path / "model", recipe)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "augmentation_layers", lambda *arguments: [_Breaking()])
        with pytest.raises(ModelError, match="diverged in epoch 1"):
            run_training(folder)
    assert read_state(folder).stage == "failed"
    assert "lower learning rate" in str(read_state(folder).problem)


class _Breaking(fitting.keras.layers.Layer):
    def call(self, films, training=False):
        return films * float("inf") if training else films


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "SGD", "schedule": "constant", "label_smoothing": 0.0},
        {"optimizer": "Adam", "balance": "balanced sampling", "gradient_clip": 0.0},
        {"pooling": "flatten", "dense_units": (8,), "balance": "none", "augmentation_strength": 0.0},
        {"fine_tune_from": "block3", "averaging_momentum": 0.0, "augmentations": ("tone", "noise")},
    ],
)
def test_every_way_to_train_ends_in_a_model(settings: dict, runs: Path, tmp_path: Path, make_data: Callable[..., Path]):
    recipe = dataclasses.replace(QUICK, **settings)
    card = trained(make_data(tmp_path / "data", 4), tmp_path / "model", recipe)
    assert {name: card.recipe[name] for name in recipe_settings(recipe)} == recipe_settings(recipe)


def test_a_model_can_be_trained_further(runs: Path, tiny_model: Path, tmp_path: Path, make_data: Callable[..., Path]):
    recipe = dataclasses.replace(QUICK, peak_learning_rate=1e-9, frozen_normalization=True)
    plan = Plan(make_data(tmp_path / "data", 4), tmp_path / "model", recipe, start=str(tiny_model))
    run_training(plan_run(plan))
    before, after = (
        fitting.keras.saving.load_model(folder / NETWORK_FILE, compile=False)
        for folder in (tiny_model, tmp_path / "model")
    )
    film = drawn_film(True, 3)[np.newaxis, 10:42, 10:42, np.newaxis].astype(np.float32)
    assert np.asarray(after(film)) == pytest.approx(np.asarray(before(film)), abs=1e-3)
    assert read_card(tmp_path / "model").recipe["starts_from"].startswith("tiny, sha256 ")


def test_a_manifest_says_which_film_is_where(runs: Path, tmp_path: Path, make_data: Callable[..., Path]):
    data = make_data(tmp_path / "data", 6, ("train",))
    rows = ["file,label,patient,split"]
    for path in sorted(data.rglob("*.png")):
        number = int("".join(filter(str.isdigit, path.stem.split("_")[0].split("-")[1 if "IM" in path.stem else 0])))
        split = {0: "test", 1: "val"}.get(number, "train")
        rows.append(f"{path.relative_to(data).as_posix()},{path.parent.name},{path.stem},{split}")
    (tmp_path / "split.csv").write_text("\n".join(rows) + "\n")
    card = trained(data, tmp_path / "model", manifest=tmp_path / "split.csv")
    assert (card.first.training_data.films, card.first.training_data.validation_films) == (8, 2)
    assert [result.n for result in card.first.test] == [2]
    assert "manifest" in card.first.training_data.description


def test_a_model_is_never_overwritten(runs: Path, tiny_model: Path, tmp_path: Path, make_data: Callable[..., Path]):
    before = (tiny_model / "card.json").read_bytes()
    data = make_data(tmp_path / "data", 3)
    with pytest.raises(DataError, match="a model is never overwritten"):
        planned(data, tiny_model)
    folder = planned(data, tmp_path / "model")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "something").touch()
    with pytest.raises(ModelError, match="a model is never overwritten"):
        run_training(folder)
    assert (tiny_model / "card.json").read_bytes() == before


def test_a_run_without_test_films_reports_none(runs: Path, tmp_path: Path, make_data: Callable[..., Path]):
    assert trained(make_data(tmp_path / "data", 4, ("train",)), tmp_path / "model").first.test == ()


def test_films_that_changed_since_the_run_began_are_noticed(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    data = make_data(tmp_path / "data", 6)
    folder = planned(data, tmp_path / "model", LONG)
    with monkeypatch.context() as patch:
        stop_at(patch, 2, 1, kill)
        with pytest.raises(Killed):
            run_training(folder)
    next((data / "train" / "NORMAL").iterdir()).unlink()
    with pytest.raises(DataError, match="not those that this run began with"):
        run_training(folder)


def test_a_data_folder_that_vanishes_leaves_the_best_network(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    data = make_data(tmp_path / "data", 4)
    folder = planned(data, tmp_path / "model")
    stop_at(monkeypatch, 1, 1, lambda: data.rename(tmp_path / "gone"))
    with pytest.raises(DataError, match="stay where they are"):
        run_training(folder)
    assert (folder / NETWORK_FILE).is_file()
    (tmp_path / "gone").rename(data)
    assert run_training(folder) is not None


def test_a_full_disk_is_named_and_nothing_is_lost(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    folder = planned(make_data(tmp_path / "data", 4), tmp_path / "model")

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(training, "write_scores", full)
        with pytest.raises(ModelError, match="The disk is full"):
            run_training(folder)
    assert read_state(folder).problem is not None
    assert not (tmp_path / "model").exists()
    assert run_training(folder) is not None


def test_memory_that_does_not_suffice_is_named(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    folder = planned(make_data(tmp_path / "data", 4), tmp_path / "model")

    def exhausted(*arguments: object, **named: object) -> None:
        raise MemoryError

    monkeypatch.setattr(training, "fit", exhausted)
    with pytest.raises(ModelError, match="memory does not suffice"):
        run_training(folder)


def test_a_run_goes_on_past_a_damaged_line_of_its_log(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    folder = planned(make_data(tmp_path / "data", 4), tmp_path / "model", dataclasses.replace(QUICK, epochs=3))
    with monkeypatch.context() as patch:
        stop_at(patch, 3, 1, kill)
        with pytest.raises(Killed):
            run_training(folder)
    log = folder / "training_log.jsonl"
    log.write_text("no JSON\n" + log.read_text().splitlines(keepends=True)[1])
    assert run_training(folder) is not None
    assert [entry["epoch"] for entry in read_log(tmp_path / "model")] == [2, 3]


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (tf.errors.ResourceExhaustedError(None, None, "DOE_JANE"), "memory does not suffice"),
        (tf.errors.InternalError(None, None, "DOE_JANE"), "InternalError"),
        (KeyError("DOE_JANE"), "KeyError"),
    ],
)
def test_every_end_of_a_run_is_told_and_the_run_can_go_on(
    runs: Path,
    tmp_path: Path,
    make_data: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    word: str,
):
    folder = planned(make_data(tmp_path / "data", 4), tmp_path / "model")

    def failing(*arguments: object, **named: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(training, "fit", failing)
        with pytest.raises(ModelError, match=word):
            run_training(folder)
    state = read_state(folder)
    assert state.stage == "failed"
    assert word in str(state.problem)
    assert "DOE_JANE" not in str(state.problem) + caplog.text
    assert run_training(folder) is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_models_folder_that_cannot_be_written_to_is_named_at_once(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path]
):
    folder = planned(make_data(tmp_path / "data", 4), tmp_path / "closed" / "model")
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(ModelError, match="cannot be written to"):
        run_training(folder)


def test_a_network_that_could_not_be_loaded_again_is_refused_before_anything_is_read(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(training, "MAX_PARAMETERS", 5_000)
    monkeypatch.setattr(training, "read_films", None)
    with pytest.raises(DataError, match="makes a network of 0 million weights"):
        run_training(planned(make_data(tmp_path / "data", 4), tmp_path / "model"))


def test_mixed_precision_without_a_gpu_is_refused_before_anything_is_read(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(training.tf.config, "list_physical_devices", lambda kind=None: [])
    folder = planned(
        make_data(tmp_path / "data", 4), tmp_path / "model", dataclasses.replace(QUICK, mixed_precision=True)
    )
    with pytest.raises(DataError, match="this machine has none"):
        run_training(folder)


def test_the_model_of_a_run_in_mixed_precision_is_of_full_precision(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    cpus = training.tf.config.list_physical_devices("CPU")
    monkeypatch.setattr(training.tf.config, "list_physical_devices", lambda kind=None: cpus)
    trained(make_data(tmp_path / "data", 4), tmp_path / "model", dataclasses.replace(QUICK, mixed_precision=True))
    network = fitting.keras.saving.load_model(tmp_path / "model" / NETWORK_FILE, compile=False)
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
    assert fitting.keras.mixed_precision.global_policy().name == "float32"


def test_two_data_folders_of_one_name_are_refused(runs: Path, tmp_path: Path, make_data: Callable[..., Path]):
    data = make_data(tmp_path / "data", 3)
    copy = make_data(tmp_path / "other" / "data", 3)
    with pytest.raises(DataError, match="have the same name"):
        trained(data, tmp_path / "model", copies=(copy,))


def test_a_checkpoint_is_not_left_half_written(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    folder = planned(make_data(tmp_path / "data", 6), tmp_path / "model", LONG)
    saves = iter([False, True])
    savez = np.savez

    def killed_at_the_second(file, **arrays):
        if next(saves, False):
            file.write(b"half")
            raise Killed
        savez(file, **arrays)

    with monkeypatch.context() as patch:
        patch.setattr(fitting.np, "savez", killed_at_the_second)
        with pytest.raises(Killed):
            run_training(folder)
    with np.load(folder / CHECKPOINT_FILE) as stored:
        assert stored["counts"][0] == 1
    run_training(folder)
    assert [entry["epoch"] for entry in read_log(tmp_path / "model")] == [1, 2, 3, 4]


def test_a_new_model_is_compared_with_the_one_in_use(
    runs: Path, tiny_model: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PNEUMO_MODEL_DIR", str(tiny_model))
    folder = planned(make_data(tmp_path / "data", 8), tmp_path / "model")
    card = run_training(folder)
    gate = read_challenge(tmp_path / "model")
    assert card is not None
    assert gate is not None
    assert (gate.candidate_weights, gate.current_weights) == (card.weights_sha256, read_card(tiny_model).weights_sha256)
    # The drawn films of one number are the same in both folders: all were known to the model in use.
    assert gate.films + gate.left_out == card.first.training_data.validation_films


def test_a_run_that_is_done_only_compares_again(
    runs: Path, tiny_model: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    folder = planned(make_data(tmp_path / "data", 8), tmp_path / "model")
    card = run_training(folder)
    assert card is not None
    assert read_challenge(tmp_path / "model") is None
    monkeypatch.setenv("PNEUMO_MODEL_DIR", str(tiny_model))
    again = run_training(folder)
    assert again is not None
    assert again.weights_sha256 == card.weights_sha256
    assert read_challenge(tmp_path / "model") is not None
    assert read_card(tmp_path / "model").weights_sha256 == card.weights_sha256


def test_the_run_of_a_model_is_found_by_its_weights(runs: Path, tmp_path: Path, make_data: Callable[..., Path]):
    out = tmp_path / "model"
    folder = planned(make_data(tmp_path / "data", 4), out)
    assert run_of_model(out, "ab" * 32) is None
    card = run_training(folder)
    assert card is not None
    assert run_of_model(out, card.weights_sha256) == folder
    assert run_of_model(out, "ab" * 32) is None
    assert run_of_model(tmp_path / "elsewhere" / "model", card.weights_sha256) is None
    assert run_of_model(tmp_path / "other", card.weights_sha256) is None


@pytest.fixture
def any_gate(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let a gate be fitted on the few drawn films of a test, and kept whatever it refuses."""
    monkeypatch.setattr(input_gate_record, "LEAST_TRAINING", 2)
    monkeypatch.setattr(input_gate_record, "LEAST_VALIDATION", 2)
    monkeypatch.setattr(input_gate_record, "MOST_REFUSED", 1.0)
    monkeypatch.setattr(input_gate_record, "LEAST_FOUND", 0.0)
    return monkeypatch


def test_a_run_fits_the_input_gate_of_its_model(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], any_gate: pytest.MonkeyPatch
):
    stages = []
    tell = training._Run.tell
    any_gate.setattr(
        training._Run, "tell", lambda run, *said, **named: (stages.append(said[0]), tell(run, *said, **named))
    )
    lines: list[str] = []
    folder = planned(make_data(tmp_path / "data", 10, ("train",)), tmp_path / "model")
    card = run_training(folder, report=lines.append)
    assert card is not None
    assert "fitting the input gate" in stages
    assert load_classifier(tmp_path / "model").gate.weights_sha256 == card.weights_sha256
    fit = read_record(tmp_path / "model", card.weights_sha256)
    assert (fit.training_films, fit.validation_films) == (16, 4)
    assert [(kind.n, kind.refused <= 4) for kind in fit.made] == 6 * [(4, True)]
    words = gate_in_words(tmp_path / "model", card.weights_sha256)
    assert " ".join(words) in lines
    assert f"- {words[1]}" in (tmp_path / "model" / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("limit", "value", "why"),
    [
        ("LEAST_FOUND", 1.1, "fewer than 110 %"),
        ("LEAST_TRAINING", 17, "There were 16 training films and 4 validation films"),
    ],
)
def test_a_gate_that_is_not_worth_keeping_is_not_kept_and_it_is_said_why(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], any_gate: pytest.MonkeyPatch, limit, value, why: str
):
    any_gate.setattr(input_gate_record, limit, value)
    lines: list[str] = []
    assert run_training(planned(make_data(tmp_path / "data", 10, ("train",)), tmp_path / "model"), report=lines.append)
    assert load_classifier(tmp_path / "model").gate is None
    assert any(line.startswith(NO_GATE) and why in line for line in lines)
    assert why in (tmp_path / "model" / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_a_plan_may_leave_the_gate_out(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], any_gate: pytest.MonkeyPatch
):
    any_gate.setattr(training, "fit_gate", None)
    card = trained(
        make_data(tmp_path / "data", 4), tmp_path / "model", dataclasses.replace(QUICK, fit_input_gate=False)
    )
    assert gate_in_words(tmp_path / "model", card.weights_sha256) == (NO_GATE, "The plan of its training left it out.")


def test_a_run_stopped_or_killed_while_the_gate_is_fitted_goes_on(
    runs: Path, tmp_path: Path, make_data: Callable[..., Path], any_gate: pytest.MonkeyPatch
):
    folder = planned(make_data(tmp_path / "data", 8, ("train",)), tmp_path / "model")
    found = training._Run._fitted

    def then(do: Callable[[], None]) -> Callable[..., bool]:
        return lambda run, done, of: (do(), found(run, done, of))[1]

    with any_gate.context() as patch:
        patch.setattr(training._Run, "_fitted", then(lambda: ask_to_stop(folder)))
        assert run_training(folder) is None
    assert read_state(folder).stage == "stopped"
    assert not (tmp_path / "model").exists()
    (folder / "stop").unlink()
    with any_gate.context() as patch:
        patch.setattr(training._Run, "_fitted", then(kill))
        with pytest.raises(Killed):
            run_training(folder)
    assert not (tmp_path / "model").exists()
    assert run_training(folder) is not None
    assert load_classifier(tmp_path / "model").gate is not None
    assert len(read_log(tmp_path / "model")) == 1


def test_a_comparison_that_cannot_be_made_leaves_the_model(
    runs: Path, tiny_model: Path, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PNEUMO_MODEL_DIR", str(tiny_model))
    folder = planned(make_data(tmp_path / "data", 4), tmp_path / "model")
    monkeypatch.setattr("pneumo_core.models.known_films.KnownFilms.part_of", lambda *film: "training")
    assert run_training(folder) is not None
    state = read_state(folder)
    assert state.stage == "done"
    assert "was not compared" in str(state.problem)
