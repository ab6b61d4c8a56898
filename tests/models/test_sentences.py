"""The sentences of refusals of models: what was found, what is expected, what to do."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pneumo_core.errors import ModelError
from pneumo_core.files.hashes import file_sha256
from pneumo_core.files.locks import held
from pneumo_core.models.card import write_card
from pneumo_core.models.store import MAX_WORDS, delete_model, promote, promotions, roll_back
from tests.makers import model_card


def write_model(models: Path, name: str, weights: bytes) -> None:
    folder = models / name
    folder.mkdir(exist_ok=True)
    (folder / "classifier.keras").write_bytes(weights)
    write_card(model_card(name=name, weights_sha256=file_sha256(folder / "classifier.keras")), folder)


def promote_again(models: Path) -> None:
    promote(models, "a", "Ada", "x")


def say_no_reason(models: Path) -> None:
    promote(models, "b", "Ada", " ")


def roll_back_at_the_start(models: Path) -> None:
    roll_back(models, "Ada", "x")


def roll_back_to_a_deleted_one(models: Path) -> None:
    promote(models, "b", "Ada", "x")
    shutil.rmtree(models / "a")
    roll_back(models, "Ada", "x")


def roll_back_to_other_weights(models: Path) -> None:
    promote(models, "b", "Ada", "x")
    write_model(models, "a", b"new")
    roll_back(models, "Ada", "x")


def read_a_damaged_log(models: Path) -> None:
    (models / "promotions.jsonl").write_bytes(b'{"kind": "invented"}\n')
    promotions(models)


def delete_none(models: Path) -> None:
    delete_model(models, "d")


def delete_the_one_in_use(models: Path) -> None:
    delete_model(models, "a")


def promote_in_a_model(models: Path) -> None:
    promote(models / "a", "b", "Ada", "x")


def promote_nowhere(models: Path) -> None:
    promote(models / "nowhere", "b", "Ada", "x")


def promote_beside_another(models: Path) -> None:
    with held(models / ".models.lock"):
        promote(models, "b", "Ada", "x")


@pytest.mark.parametrize(
    ("provoke", "code", "sentence"),
    [
        (promote_again, "in_use", "The model a is in use already. Please choose another one."),
        (
            say_no_reason,
            "no_reason",
            "A change of the model in use needs a note that says why: one line of 1 to {most} characters. "
            "Please write it.",
        ),
        (
            roll_back_at_the_start,
            "no_model_before",
            "promotions.jsonl names no model that was in use before this one. Please promote the model that shall be "
            "in use.",
        ),
        (
            roll_back_to_a_deleted_one,
            "model_gone",
            "The model a, which was in use before this one, is not in models any more. Please import it again, or "
            "promote another model.",
        ),
        (
            roll_back_to_other_weights,
            "other_weights",
            "The model a has other weights now ({new}) than when it was in use ({old}), so going back to it would be "
            "a new decision. Please promote it, or another model.",
        ),
        (
            read_a_damaged_log,
            "promotions_log",
            "Line 1 of promotions.jsonl is not as it was written. Please mend it, or move the file away: then there "
            "is nothing to roll back to.",
        ),
        (
            delete_none,
            "no_model",
            "models holds no model 'd' that could be deleted. Expected is a folder of its own with a card.json, no "
            "link. Please check the name.",
        ),
        (delete_the_one_in_use, "in_use", "The model a is in use. Please promote another one, then delete it."),
        (
            promote_in_a_model,
            "single_model",
            "a is a single model's folder, and always in use. Expected is a folder of models. Please name the folder "
            "above it.",
        ),
        (
            promote_nowhere,
            "no_models_folder",
            "There is no folder of models at {models}/nowhere. Please make it, or name another one.",
        ),
        (
            promote_beside_another,
            "models_busy",
            "The models in models are being changed at this moment. Please try again in a minute.",
        ),
    ],
)
def test_a_refused_change_of_models_says_what_was_found_and_what_to_do(
    tmp_path: Path, provoke: Callable[[Path], None], code: str, sentence: str
):
    models = tmp_path / "models"
    models.mkdir()
    for name in ("a", "b"):
        write_model(models, name, name.encode())
    (models / "active.txt").write_text("a\n")
    old = file_sha256(models / "a" / "classifier.keras")[:12]
    with pytest.raises(ModelError) as refusal:
        provoke(models)
    new = file_sha256(models / "a" / "classifier.keras")[:12] if (models / "a").is_dir() else ""
    expected = sentence.format(most=MAX_WORDS, models=models, old=old, new=new)
    assert (refusal.value.code, str(refusal.value)) == (code, expected)
