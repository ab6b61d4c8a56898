"""The models of an installation: in use and back, deleted, exported, imported; and what is refused on the way."""

import dataclasses
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from pneumo_core.errors import ModelError
from pneumo_core.files import places
from pneumo_core.files.hashes import file_sha256
from pneumo_core.files.locks import held
from pneumo_core.film.preprocessing import Preprocessing
from pneumo_core.gate.input_gate import HAS_GATE, NO_GATE
from pneumo_core.keras_network import importing
from pneumo_core.keras_network.classifier import load_classifier
from pneumo_core.keras_network.importing import import_model
from pneumo_core.keras_network.layers import save_network
from pneumo_core.models import store as model_store
from pneumo_core.models.card import active_model_folder, card_text, models_in, read_card, write_card
from pneumo_core.models.importing import CLAIMED
from pneumo_core.models.known_films import write_known_films
from pneumo_core.models.results import evaluation_of
from pneumo_core.models.store import (
    MAX_WORDS,
    delete_model,
    export_model,
    list_models,
    model_before,
    models_stamp,
    promote,
    promotions,
    roll_back,
)
from pneumo_core.network.known_answers import record_known_answers
from pneumo_core.train.build import small_cnn
from tests.conftest import drawn_film, png
from tests.makers import model_card, zip_of


def refusal_of(function: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(ModelError) as refusal:
        function(*arguments)
    return str(refusal.value)


def code_of(function: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(ModelError) as refusal:
        function(*arguments)
    return refusal.value.code


def fake_model(models: Path, name: str) -> Path:
    """Make a model as far as hashes go; its weights are its name."""
    folder = models / name
    folder.mkdir()
    (folder / "classifier.keras").write_bytes(name.encode())
    write_card(model_card(name=name, weights_sha256=file_sha256(folder / "classifier.keras")), folder)
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Make models a, b, c, with a in use as a new installation has it: without a log."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in "abc":
        fake_model(folder, name)
    (folder / "active.txt").write_text("a\n")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Give every file below a folder but the lock, whose content says nothing."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".models.lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def in_use(models: Path) -> str:
    return active_model_folder(models).name


# List


def test_models_are_listed_by_name_with_the_one_in_use_marked(models: Path):
    entries = list_models(models)
    assert [(entry.name, entry.is_active, entry.problem) for entry in entries] == [
        ("a", True, ""),
        ("b", False, ""),
        ("c", False, ""),
    ]
    assert entries[0].card == read_card(models / "a")
    assert entries[0].folder == models / "a"
    assert entries[0].size == sum(path.stat().st_size for path in (models / "a").iterdir())


def test_a_model_that_cannot_be_used_is_listed_with_the_reason(models: Path):
    (models / "b" / "classifier.keras").write_bytes(b"other")
    (models / "c" / "card.json").unlink()
    (models / "no model").mkdir()
    (models / ".hidden").mkdir()
    shutil.copy(models / "a" / "card.json", models / ".hidden")
    _, other, bare = list_models(models)
    assert other.card is None
    assert "belongs to other weights" in other.problem
    assert "holds no card.json" in bare.problem


def test_a_folder_that_is_itself_a_model_lists_that_one(models: Path):
    (entry,) = list_models(models / "b")
    assert (entry.name, entry.is_active) == ("b", True)


def test_no_folder_and_no_models_are_an_empty_list(tmp_path: Path):
    assert list_models(tmp_path / "nowhere") == []
    assert list_models(tmp_path) == []


def test_models_are_listed_where_none_is_in_use(models: Path):
    (models / "active.txt").unlink()
    assert not any(entry.is_active for entry in list_models(models))


# Promote and roll back


def test_a_promotion_is_in_use_and_in_the_log(models: Path):
    promotion = promote(models, "b", " Ada ", "better on our films")
    assert in_use(models) == "b"
    assert promotions(models) == (promotion,)
    assert (promotion.kind, promotion.who, promotion.note) == ("promoted", "Ada", "better on our films")
    assert (promotion.from_model, promotion.to_model) == ("a", "b")
    assert promotion.from_weights == read_card(models / "a").weights_sha256
    assert promotion.to_weights == read_card(models / "b").weights_sha256
    assert promotion.at.endswith("+00:00")
    assert len((models / "promotions.jsonl").read_text().splitlines()) == 1


def test_rolling_back_goes_back_step_by_step_to_the_first(models: Path):
    promote(models, "b", "Ada", "x")
    promote(models, "c", "Ada", "x")
    assert roll_back(models, "Bob", "y").to_model == in_use(models) == "b"
    assert roll_back(models, "Bob", "y").to_model == in_use(models) == "a"
    assert code_of(roll_back, models, "Bob", "y") == "no_model_before"
    assert [entry.kind for entry in promotions(models)] == ["promoted", "promoted", "rolled back", "rolled back"]
    assert [entry.from_model for entry in promotions(models)] == ["a", "b", "c", "b"]


@pytest.mark.parametrize(
    ("steps", "used"),
    [
        # A letter promotes, "<" rolls back.
        ("b<c", "ac"),
        ("bc<c", "abc"),
        ("ba", "aba"),
        ("ba<", "ab"),
        ("bc<a<", "ab"),
        ("bcb<<", "ab"),
    ],
)
def test_what_can_be_rolled_back_to_is_what_was_in_use_before(models: Path, steps: str, used: str):
    for step in steps:
        roll_back(models, "Ada", "x") if step == "<" else promote(models, step, "Ada", "x")
    for expected in reversed(used[:-1]):
        assert roll_back(models, "Ada", "x").to_model == in_use(models) == expected
    assert code_of(roll_back, models, "Ada", "x") == "no_model_before"


def test_the_model_to_roll_back_to_is_named_even_where_it_is_gone(models: Path):
    assert model_before(models) is None
    promote(models, "b", "Ada", "x")
    assert model_before(models) == "a"
    shutil.rmtree(models / "a")
    assert model_before(models) == "a"


def test_the_stamp_of_the_models_differs_after_every_change_and_not_else(models: Path):
    stamps = [models_stamp(models)]
    for change in (
        lambda: promote(models, "b", "Ada", "x"),
        lambda: roll_back(models, "Ada", "x"),
        lambda: delete_model(models, "c"),
        lambda: fake_model(models, "d"),
        lambda: (models / "b" / "against.json").write_text("{}"),
    ):
        change()
        stamps.append(models_stamp(models))
    assert len(set(stamps)) == len(stamps)
    assert models_stamp(models) == stamps[-1]
    assert models_stamp(models / "missing") == ()


def test_where_no_model_was_in_use_there_is_none_to_roll_back_to(models: Path):
    (models / "active.txt").unlink()
    promotion = promote(models, "b", "Ada", "x")
    assert (promotion.from_model, promotion.from_weights) == (None, None)
    assert code_of(roll_back, models, "Ada", "x") == "no_model_before"


def test_a_damaged_model_in_use_can_be_replaced(models: Path):
    (models / "a" / "classifier.keras").unlink()
    assert promote(models, "b", "Ada", "x").from_weights is None
    assert code_of(roll_back, models, "Ada", "x") == "no_model_before"


def test_a_hand_that_writes_active_txt_is_understood(models: Path):
    promote(models, "b", "Ada", "x")
    (models / "active.txt").write_text("c\n")
    assert roll_back(models, "Ada", "x").to_model == "b"
    assert roll_back(models, "Ada", "x").to_model == "a"
    promote(models, "b", "Ada", "x")
    promote(models, "c", "Ada", "x")
    (models / "active.txt").write_text("a\n")
    assert code_of(roll_back, models, "Ada", "x") == "no_model_before"


class Killed(BaseException):
    """As if the process had ended here."""


def kill_at(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write = model_store.write_whole

    def write_unless(path: Path, content: bytes) -> None:
        if path.name == name:
            raise Killed
        write(path, content)

    monkeypatch.setattr(model_store, "write_whole", write_unless)


@pytest.mark.parametrize(
    ("before", "change"),
    [("", "promote"), ("b", "promote"), ("bc", "promote"), ("b", "roll_back"), ("bc", "roll_back")],
)
@pytest.mark.parametrize("file", ["promotions.jsonl", "active.txt"])
def test_a_change_that_was_killed_had_no_effect_and_the_next_one_works(models: Path, before: str, change, file: str):
    for name in before:
        promote(models, name, "Ada", "x")
    expected = ["a", *before]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, file)
        roll_back(models, "Ada", "x") if change == "roll_back" else promote(models, "abc"[len(before) - 2], "Ada", "x")
    assert in_use(models) == expected[-1]
    # The log names what was to be, never less than what is.
    assert len(promotions(models)) == len(before) + (file == "active.txt")
    for name in reversed(expected[:-1]):
        assert roll_back(models, "Ada", "y").to_model == in_use(models) == name
    assert code_of(roll_back, models, "Ada", "x") == "no_model_before"


def test_a_disk_that_is_full_between_the_two_leaves_both_as_they_were(models: Path, monkeypatch: pytest.MonkeyPatch):
    promote(models, "b", "Ada", "x")
    before = contents(models)
    write = model_store.write_whole

    def full(path: Path, content: bytes) -> None:
        if path.name == "active.txt":
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(model_store, "write_whole", full)
    assert code_of(promote, models, "c", "Ada", "x") == "models_folder"
    assert contents(models) == before


def test_a_last_line_cut_short_is_not_there_and_is_gone_with_the_next(models: Path):
    promote(models, "b", "Ada", "x")
    log = models / "promotions.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + whole[:40])
    assert len(promotions(models)) == 1
    promote(models, "c", "Ada", "x")
    assert [entry.to_model for entry in promotions(models)] == ["b", "c"]


def test_another_damaged_line_is_named_and_a_promotion_still_possible(models: Path):
    promote(models, "b", "Ada", "x")
    log = models / "promotions.jsonl"
    log.write_bytes(b'{"kind": "invented"}\n' + log.read_bytes())
    assert code_of(promotions, models) == "promotions_log"
    assert code_of(roll_back, models, "Ada", "x") == "promotions_log"
    promote(models, "c", "Ada", "x")
    assert in_use(models) == "c"


@pytest.mark.parametrize("words", ["", "  ", "two\nlines", "x" * (MAX_WORDS + 1), "bell\a", "a\u2028b"])
def test_who_and_why_must_be_said_in_a_line(models: Path, words: str):
    before = contents(models)
    assert code_of(promote, models, "b", words, "x") == "no_reason"
    assert code_of(promote, models, "b", "Ada", words) == "no_reason"
    assert contents(models) == before
    promote(models, "b", "Ada", "x")
    assert code_of(roll_back, models, "Ada", words) == "no_reason"


def test_a_model_whose_card_is_of_other_weights_is_not_promoted(models: Path):
    (models / "b" / "classifier.keras").write_bytes(b"other")
    assert "so its thresholds mean nothing" in refusal_of(promote, models, "b", "Ada", "x")
    assert in_use(models) == "a"
    assert promotions(models) == ()


def test_the_model_in_use_is_not_promoted_again(models: Path):
    assert code_of(promote, models, "a", "Ada", "x") == "in_use"


def test_other_weights_under_the_same_name_are_a_promotion(models: Path):
    promote(models, "b", "Ada", "x")
    (models / "a" / "classifier.keras").write_bytes(b"new")
    write_card(model_card(weights_sha256=file_sha256(models / "a" / "classifier.keras")), models / "a")
    assert code_of(roll_back, models, "Ada", "x") == "other_weights"
    assert in_use(models) == "b"
    promote(models, "a", "Ada", "x")
    assert in_use(models) == "a"


def test_a_model_that_is_gone_is_not_rolled_back_to(models: Path):
    promote(models, "b", "Ada", "x")
    shutil.rmtree(models / "a")
    assert code_of(roll_back, models, "Ada", "x") == "model_gone"
    assert in_use(models) == "b"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".b", "../b", "b/c", "/b", "b c", "ä", "b\0", "b\n", "x" * 61, "active.txt", "promotions.jsonl"],
)
def test_what_is_no_name_of_a_model_is_refused_everywhere(models: Path, name: str):
    before = contents(models)
    for change in (
        lambda: promote(models, name, "Ada", "x"),
        lambda: delete_model(models, name),
        lambda: import_model(models, b"", name),
    ):
        assert "cannot be the name of a model's folder" in refusal_of(change)
    assert contents(models) == before


def test_a_folder_that_is_itself_a_model_has_no_model_in_use(models: Path):
    for change in (
        lambda: promote(models / "a", "b", "Ada", "x"),
        lambda: roll_back(models / "a", "Ada", "x"),
        lambda: delete_model(models / "a", "b"),
        lambda: import_model(models / "a", b"", "b"),
    ):
        assert code_of(change) == "single_model"


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path):
    assert code_of(promote, tmp_path / "nowhere", "a", "Ada", "x") == "no_models_folder"
    assert not (tmp_path / "nowhere").exists()


def test_two_changes_at_once_are_one_and_a_refusal(models: Path):
    with held(models / ".models.lock"):
        assert code_of(promote, models, "b", "Ada", "x") == "models_busy"
    promote(models, "b", "Ada", "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_folder_that_is_read_only_is_a_sentence(models: Path):
    promote(models, "b", "Ada", "x")
    before = contents(models)
    models.chmod(0o555)
    try:
        for change in (
            lambda: promote(models, "c", "Ada", "x"),
            lambda: roll_back(models, "Ada", "x"),
            lambda: delete_model(models, "c"),
            lambda: import_model(models, b"", "d"),
        ):
            assert code_of(change) == "models_folder"
    finally:
        models.chmod(0o755)
    assert contents(models) == before


# Delete


def test_a_deleted_model_is_gone(models: Path):
    delete_model(models, "b")
    assert [entry.name for entry in list_models(models)] == ["a", "c"]
    assert {path.name for path in models.iterdir()} == {"a", "c", "active.txt", ".models.lock"}


def test_the_model_in_use_is_not_deleted(models: Path):
    assert code_of(delete_model, models, "a") == "in_use"
    assert in_use(models) == "a"


def test_nothing_but_a_model_is_deleted(models: Path, tmp_path: Path):
    (models / "no-model").mkdir()
    (models / "file").write_text("")
    (tmp_path / "elsewhere").mkdir()
    outside = fake_model(tmp_path / "elsewhere", "d")
    (models / "link").symlink_to(outside)
    (models / "other-name-of-a").symlink_to(models / "a")
    before = contents(tmp_path)
    for name in ("no-model", "file", "link", "other-name-of-a", "nowhere"):
        assert code_of(delete_model, models, name) == "no_model"
    assert contents(tmp_path) == before


def test_the_model_that_a_link_puts_in_use_is_not_deleted(models: Path):
    (models / "current").symlink_to(models / "b")
    (models / "active.txt").write_text("current\n")
    assert code_of(delete_model, models, "b") == "in_use"


def test_a_deletion_that_was_killed_leaves_no_model_and_the_next_change_clears_up(
    models: Path, monkeypatch: pytest.MonkeyPatch
):
    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(model_store.shutil, "rmtree", killed)
        delete_model(models, "b")
    assert [entry.name for entry in list_models(models)] == ["a", "c"]
    assert [folder.name for folder in models_in(models)] == ["a", "c"]
    assert len([path for path in models.iterdir() if path.is_dir()]) == 3
    delete_model(models, "c")
    assert [path.name for path in models.iterdir() if path.is_dir()] == ["a"]


# Export and import


@pytest.fixture(scope="module")
def whole_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a model that works, with all its files, and two samples; give its folder."""
    place = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "SAMPLES", place)
        for number in (1, 2):
            (place / f"synthetic_{number:02}.png").write_bytes(png(drawn_film(number == 1, number)))
        keras.utils.set_random_seed(3)
        film = keras.Input((32, 32, 1), name="film")
        x = small_cnn(False, None, keras.layers.Concatenate()([film, film, film])).output
        x = keras.layers.GlobalAveragePooling2D()(x)
        folder = place / "small-1"
        folder.mkdir()
        save_network(keras.Model(film, keras.layers.Dense(1, name="logit")(x)), folder / "classifier.keras")
        write_card(small_card(folder), folder)
        record_known_answers(load_classifier(folder), folder)
        write_known_films(folder, [("training", ["ab" * 32], "cd" * 32)])
        (folder / "training_log.jsonl").write_text('{"epoch": 1, "learning_rate": 0.1}\n')
        (folder / "scores.csv").write_text("films,name\ntest,CANARY^PATIENT.png\n")
        yield folder


def small_card(folder: Path, **changes):
    fields = {
        "name": "small-1",
        "preprocessing": Preprocessing(32, 32),
        "explained_layer": "block3_activation",
        "weights_sha256": file_sha256(folder / "classifier.keras"),
    }
    return model_card(**(fields | changes))


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def refused(models: Path) -> Callable[..., str]:
    """Give the sentence with which the import of some files is refused, and see that nothing is left behind."""

    def refuse(files: dict[str, bytes] | bytes) -> str:
        before = contents(models)
        sentence = refusal_of(import_model, models, files if isinstance(files, bytes) else zip_of(files), "new")
        assert contents(models) == before
        assert {path.name for path in models.iterdir()} <= {"a", "b", "c", "active.txt", ".models.lock"}
        return sentence

    return refuse


def test_an_export_imported_again_scores_the_same(whole_model: Path, models: Path):
    imported = import_model(models, export_model(whole_model), "new")
    assert (imported.folder, imported.unchecked, imported.note) == (models / "new", "", f"{NO_GATE} {CLAIMED}")
    assert [entry.name for entry in list_models(models) if entry.is_imported] == ["new"]
    films = np.random.default_rng(4).uniform(0, 255, (3, 32, 32, 1)).astype(np.float32)
    assert load_classifier(models / "new").score(films) == pytest.approx(load_classifier(whole_model).score(films))
    made_anew = {name: files_of(models / "new")[name] for name in ("imported.txt", "MODEL_CARD.md", "card.json")}
    left_out = {name: content for name, content in files_of(whole_model).items() if name != "scores.csv"}
    assert files_of(models / "new") == left_out | made_anew
    assert read_card(models / "new") == dataclasses.replace(read_card(whole_model), name="new")
    assert in_use(models) == "a"
    promote(models, "new", "Ada", "x")


def test_an_export_has_always_the_same_bytes_and_no_film_name(whole_model: Path, tmp_path: Path):
    copy = tmp_path / whole_model.name
    copy.mkdir()
    for name, content in reversed(files_of(whole_model).items()):
        (copy / name).write_bytes(content)
    assert export_model(copy) == export_model(whole_model)
    assert b"CANARY" not in export_model(whole_model)


def test_a_model_that_cannot_be_used_is_not_exported(models: Path):
    (models / "b" / "classifier.keras").write_bytes(b"other")
    assert "belongs to other weights" in refusal_of(export_model, models / "b")


def test_network_and_card_alone_are_enough_and_it_is_said_what_was_not_checked(whole_model: Path, models: Path):
    files = {name: files_of(whole_model)[name] for name in ("classifier.keras", "card.json")}
    imported = import_model(models, io.BytesIO(zip_of(files, zipfile.ZIP_DEFLATED)), "new")
    assert "has no known_answers.json. So its scores cannot be compared" in imported.note
    assert imported.note == f"Not checked: {imported.unchecked} {NO_GATE} {CLAIMED}"
    assert files_of(imported.folder).keys() == {"classifier.keras", "card.json", "MODEL_CARD.md", "imported.txt"}


def test_other_sample_films_are_said(whole_model: Path, models: Path, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(places, "SAMPLES", tmp_path)
    for number in (1, 2):
        (tmp_path / f"synthetic_{number:02}.png").write_bytes(png(drawn_film(True, 50 + number)))
    note = import_model(models, export_model(whole_model), "new").note
    assert "other sample images than those here (2 of 2 differ)" in note


def test_known_answers_that_are_not_found_again_are_refused(whole_model: Path, refused):
    answers = json.loads((whole_model / "known_answers.json").read_text())
    answers["synthetic_01.png"]["probability"] += 0.02
    found = refused(files_of(whole_model) | {"known_answers.json": json.dumps(answers).encode()})
    assert "The samples' scores differ by up to 0.020 from their known answers" in found


def test_the_cards_text_is_made_of_the_card(whole_model: Path, models: Path):
    files = files_of(whole_model) | {"MODEL_CARD.md": b"The best model of all."}
    folder = import_model(models, zip_of(files), "new").folder
    assert (folder / "MODEL_CARD.md").read_text(encoding="utf-8") == card_text(read_card(folder), (NO_GATE,))


def test_an_input_gate_goes_with_its_model(gated_model: Path, models: Path):
    imported = import_model(models, export_model(gated_model), "new")
    assert NO_GATE not in imported.note
    for name in ("input_gate.npz", "input_gate.json"):
        assert (imported.folder / name).read_bytes() == (gated_model / name).read_bytes()
    assert load_classifier(imported.folder).gate is not None
    (words,) = (entry.input_gate for entry in list_models(models) if entry.name == "new")
    assert words[0] == HAS_GATE
    assert len(words) == 5
    assert f"- {words[1]}" in (imported.folder / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"input_gate.npz": b"no archive"}, "input_gate.npz of the model is damaged"),
        ({"input_gate.json": b"{}"}, "input_gate.json of the model is not as training writes it"),
        ({"input_gate.json": bytes(2**17)}, "holds input_gate.json of 131072 bytes, more than 65536"),
    ],
)
def test_a_hostile_input_gate_is_not_imported(gated_model: Path, refused, changes: dict[str, bytes], found: str):
    assert found in refused(files_of(gated_model) | changes)


def test_what_is_known_of_another_input_gate_is_left_behind(gated_model: Path, models: Path):
    files = {name: content for name, content in files_of(gated_model).items() if name != "scores.csv"}
    record = json.loads(files["input_gate.json"]) | {"gate_sha256": "ab" * 32}
    imported = import_model(models, zip_of(files | {"input_gate.json": json.dumps(record).encode()}), "new")
    assert imported.has_input_gate
    assert not (imported.folder / "input_gate.json").exists()


def test_half_an_input_gate_is_not_imported(gated_model: Path, refused):
    files = {name: content for name, content in files_of(gated_model).items() if name != "input_gate.npz"}
    assert "without its input_gate.npz" in refused(files)


def test_the_input_gate_of_other_weights_is_not_imported(gated_model: Path, whole_model: Path, refused):
    files = files_of(whole_model) | {"input_gate.npz": (gated_model / "input_gate.npz").read_bytes()}
    assert "input_gate.npz belongs to other weights" in refused(files)


def test_a_model_without_an_input_gate_is_listed_so(models: Path):
    assert [(entry.has_input_gate, entry.input_gate) for entry in list_models(models)] == 3 * [(False, (NO_GATE,))]


@pytest.mark.parametrize("name", ["a", "linked", "file"])
def test_nothing_is_overwritten(whole_model: Path, models: Path, name: str):
    (models / "linked").symlink_to(models / "nowhere")
    (models / "file").write_text("")
    before = contents(models)
    assert f"models holds '{name}' already" in refusal_of(import_model, models, export_model(whole_model), name)
    assert contents(models) == before


@pytest.mark.parametrize("more", ["run.py", "../a/card.json", "m/n/card.json", "/etc/passwd"])
def test_a_file_too_many_is_refused(whole_model: Path, refused, more: str):
    assert "The zip holds another file" in refused(files_of(whole_model) | {more: b""})


def test_a_bomb_is_refused(whole_model: Path, refused):
    bomb = zip_of(files_of(whole_model) | {"known_films.csv": bytes(30 * 2**20)}, zipfile.ZIP_DEFLATED)
    assert "holds known_films.csv that unpacks to more than 200 times its size" in refused(bomb)


@pytest.mark.parametrize("content", [b"", b"no zip"])
def test_what_is_no_zip_is_refused(refused, content: bytes):
    assert "The zip is no zip that can be read" in refused(content)


@pytest.mark.parametrize("name", ["classifier.keras", "card.json"])
def test_without_network_or_card_there_is_no_model(whole_model: Path, refused, name: str):
    files = {other: content for other, content in files_of(whole_model).items() if other != name}
    assert f"The model folder new holds no {name}" in refused(files)


def test_a_card_of_other_weights_is_refused(whole_model: Path, models: Path, refused):
    card = (models / "b" / "card.json").read_bytes()
    assert "The card of the model new belongs to other weights" in refused(files_of(whole_model) | {"card.json": card})


def with_card(folder: Path, place: Path, **changes) -> dict[str, bytes]:
    """Give a model's files with another card."""
    write_card(small_card(folder, **changes), place)
    return files_of(folder) | {"card.json": (place / "card.json").read_bytes()}


def test_figures_that_are_not_defined_are_taken_in(whole_model: Path, models: Path, tmp_path: Path):
    points = model_card().first.operating_points
    labels, scores = np.array([True, False, False]), np.array([0.9, 0.1, 0.3])
    results = tuple(evaluation_of("few", labels[:n], scores[:n], points) for n in range(4))
    files = with_card(whole_model, tmp_path, test=results)
    import_model(models, zip_of({name: files[name] for name in files if name != "scores.csv"}), "new")
    assert len(read_card(models / "new").first.test) == 4


def test_a_network_that_does_not_fit_its_card_is_refused(whole_model: Path, refused, tmp_path: Path):
    found = refused(with_card(whole_model, tmp_path, explained_layer="nowhere"))
    assert "holds no layer 'nowhere' with feature maps" in found
    found = refused(with_card(whole_model, tmp_path, preprocessing=Preprocessing(64, 32)))
    assert "holds an input of 32 x 32 x 1. Expected: 64 x 32 x 1" in found


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("training_log.jsonl", b"no json\n"),
        ("training_log.jsonl", b"[]\n"),
        ("training_log.jsonl", b'{"epoch": 1}\n'),
        ("training_log.jsonl", b'{"epoch": "1", "learning_rate": 0.1}\n'),
        ("training_log.jsonl", b'{"epoch": 1, "learning_rate": 0.1, "training": {"loss": "x"}}\n'),
        ("training_log.jsonl", b'{"epoch": 1, "learning_rate": 0.1, "best": "validation"}\n'),
        ("training_log.jsonl", b"\xff\n"),
        ("known_films.csv", b"a,b\n1,2\n"),
        ("known_films.csv", b"part,sha256_starts,fingerprint\ntraining,ab,cd\n"),
        ("known_films.csv", b"part,sha256_starts,fingerprint\ntraining\n"),
    ],
)
def test_a_list_that_could_not_be_read_later_is_refused(whole_model: Path, refused, name: str, content: bytes):
    assert "is not as training writes it" in refused(files_of(whole_model) | {name: content})


def changed_network(whole_model: Path, place: Path, edit: Callable[[dict], object]) -> dict[str, bytes]:
    """Give a model's files with another config in its network, and a card that belongs to it."""
    folder = place / "changed"
    folder.mkdir()
    with zipfile.ZipFile(whole_model / "classifier.keras") as old:
        members = {name: old.read(name) for name in old.namelist()}
    config = json.loads(members["config.json"])
    edit({layer["name"]: layer for layer in config["config"]["layers"]})
    network = zip_of(members | {"config.json": json.dumps(config).encode()})
    (folder / "classifier.keras").write_bytes(network)
    return with_card(folder, place) | {"classifier.keras": network}


def test_hostile_networks_are_refused_before_they_are_loaded(
    whole_model: Path, refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(keras.saving, "load_model", None)

    def custom(layers: dict) -> None:
        layers["logit"]["class_name"] = "Lambda"

    def huge(layers: dict) -> None:
        layers["block3_conv"]["config"]["filters"] = 10**9

    def probable(layers: dict) -> None:
        layers["logit"]["config"]["activation"] = "sigmoid"

    for number, (edit, found) in enumerate(
        ((custom, "the class 'keras.layers.Lambda'"), (huge, "more than 67,108,864"), (probable, "gives probabilities"))
    ):
        (tmp_path / str(number)).mkdir()
        assert found in refused(changed_network(whole_model, tmp_path / str(number), edit))


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_a_network_that_keras_refuses_is_refused(whole_model: Path, refused, tmp_path: Path):
    def wider(layers: dict) -> None:
        for name in ("block3_conv", "block3_normalization", "block3_activation", "logit"):
            layers[name].pop("build_config", None)
        layers["block3_conv"]["config"]["filters"] = 33

    # The weights in the file are of another shape than the settings.
    assert "could not be loaded" in refused(changed_network(whole_model, tmp_path, wider))


def test_weights_that_are_not_there_are_refused(whole_model: Path, refused, tmp_path: Path):
    with zipfile.ZipFile(whole_model / "classifier.keras") as old:
        members = {name: old.read(name) for name in old.namelist()}
    empty = io.BytesIO()
    h5py.File(empty, "w").close()
    folder = tmp_path / "changed"
    folder.mkdir()
    (folder / "classifier.keras").write_bytes(zip_of(members | {"model.weights.h5": empty.getvalue()}))
    assert "parameters (up to its layer" in refused(with_card(folder, tmp_path) | files_of(folder))


def test_weights_that_are_no_numbers_are_refused(whole_model: Path, refused, tmp_path: Path):
    network = load_classifier(whole_model).network
    broken = keras.models.clone_model(network)
    broken.set_weights([np.full_like(weight, np.nan) for weight in network.get_weights()])
    folder = tmp_path / "changed"
    folder.mkdir()
    save_network(broken, folder / "classifier.keras")
    assert "not finite" in refused(with_card(folder, tmp_path) | files_of(folder))


def test_an_import_that_was_killed_leaves_no_model_and_the_next_change_clears_up(
    whole_model: Path, models: Path, monkeypatch: pytest.MonkeyPatch
):
    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(importing, "_check_network", killed)
        patch.setattr(model_store.shutil, "rmtree", killed)
        import_model(models, export_model(whole_model), "new")
    assert [folder.name for folder in models_in(models)] == ["a", "b", "c"]
    assert [entry.name for entry in list_models(models)] == ["a", "b", "c"]
    import_model(models, export_model(whole_model), "new")
    assert {path.name for path in models.iterdir() if path.is_dir()} == {"a", "b", "c", "new"}


def test_a_full_disk_is_named_and_nothing_is_left(whole_model: Path, refused, monkeypatch: pytest.MonkeyPatch):
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "cannot be read or written to (No space left on device)" in refused(files_of(whole_model))
