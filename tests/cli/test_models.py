"""The command line over the models of an installation."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pneumo_core.cli import models as main
from pneumo_core.cli.group import commands
from pneumo_core.files.hashes import file_sha256
from pneumo_core.files.places import MODELS_VARIABLE
from pneumo_core.models.card import active_model_folder, write_card
from pneumo_core.models.store import promotions
from tests.makers import model_card, with_first, with_thresholds


def run(*arguments: object, answer: str | None = None) -> Result:
    return CliRunner().invoke(commands, ["models", *(str(argument) for argument in arguments)], input=answer)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make models a and b, with a in use, as far as hashes go."""
    folder = tmp_path / "models"
    for name in "ab":
        (folder / name).mkdir(parents=True)
        (folder / name / "classifier.keras").write_bytes(name.encode())
        card = model_card(name=name, weights_sha256=file_sha256(folder / name / "classifier.keras"))
        write_card(card, folder / name)
    (folder / "active.txt").write_text("a\n")
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    return folder


def test_models_are_listed_in_words_and_as_json(models: Path):
    (models / "b" / "classifier.keras").write_bytes(b"other")
    first, second = run("list").stdout.splitlines()
    assert first.startswith("* a: Example Net, made 2025-01-31, weights ")
    assert "; AUC on test X-rays 0.958 (0.912-0.991), n = 60 (20 with pneumonia); flagged from " in first
    assert first.endswith("flagged from screening 20.0 %, balanced 50.0 %, rule-in 80.0 %")
    assert second.startswith("  b: ")
    assert "belongs to other weights" in second
    good, bad = (json.loads(line) for line in run("list", "--json").stdout.splitlines())
    assert (good["name"], good["in_use"], good["problem"]) == ("a", True, None)
    assert good["weights_sha256"] == file_sha256(models / "a" / "classifier.keras")
    assert (good["auc_on"], good["auc"], good["auc_ci"]) == ("test", 0.958, [0.912, 0.991])
    assert (good["n"], good["thresholds"]["rule-in"]) == (60, 0.8)
    assert (bad["auc"], bad["thresholds"]) == (None, None)
    assert (bad["name"], bad["in_use"], bad["weights_sha256"]) == ("b", False, None)
    assert "belongs to other weights" in bad["problem"]


def test_a_model_without_test_films_is_listed_by_its_validation_films(models: Path):
    card = model_card(name="b", weights_sha256=file_sha256(models / "b" / "classifier.keras"), test=())
    changed = with_thresholds(card, 0.5, 0.50001, 0.50002)
    write_card(changed, models / "b")
    second = run("list").stdout.splitlines()[1]
    assert "AUC on validation X-rays 0.958 (0.912-0.991), n = 60" in second
    assert "screening 50.000 %, balanced 50.001 %, rule-in 50.002 %. The three thresholds nearly coincide" in second
    write_card(with_first(changed, validation=()), models / "b")
    assert "AUC on validation X-rays none; " in run("list").stdout
    assert json.loads(run("list", "--json").stdout.splitlines()[1])["auc_on"] is None


def test_a_model_is_promoted_and_rolled_back_by_the_systems_user(models: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(main.getpass, "getuser", lambda: "ada")
    assert run("promote", "b", "--yes", "--note", "better").stdout == "b is in use (before: a)\n"
    assert active_model_folder(models).name == "b"
    result = run("roll-back", "--who", "Bob", "--note", "worse")
    assert result.stdout == "a is in use again (before: b)\n"
    assert [(entry.who, entry.note) for entry in promotions(models)] == [("ada", "better"), ("Bob", "worse")]


def test_what_speaks_against_a_promotion_is_asked_about_once_more(models: Path, monkeypatch: pytest.MonkeyPatch):
    refused = run("promote", "b", "--note", "better", "--who", "Ada")
    assert refused.exit_code == 1
    assert "Against promoting b: It was not compared with the model in use. This model has no learned" in refused.stderr
    assert "add --yes" in refused.stderr
    monkeypatch.setattr(main, "_on_terminal", lambda: True)
    assert run("promote", "b", "--note", "better", "--who", "Ada", answer="n\n").exit_code == 1
    assert active_model_folder(models).name == "a"
    assert run("promote", "b", "--note", "better", "--who", "Ada", answer="y\n").exit_code == 0
    assert active_model_folder(models).name == "b"


def test_a_user_without_a_name_has_to_say_who(models: Path, monkeypatch: pytest.MonkeyPatch):
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(main.getpass, "getuser", nobody)
    result = run("promote", "b", "--yes", "--note", "better")
    assert result.exit_code == 1
    assert "needs who decides it" in result.stderr
    assert run("promote", "b", "--yes", "--note", "better", "--who", "Ada").exit_code == 0


def test_a_promotion_without_a_note_is_wrong_use(models: Path):
    assert run("promote", "b").exit_code == 2


def test_a_refusal_is_one_line_and_exit_status_one(models: Path):
    result = run("delete", "a")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "The model a is in use" in result.stderr


def test_a_model_is_deleted(models: Path):
    assert run("delete", "b").stdout == "b is deleted\n"
    assert not (models / "b").exists()


def test_a_deletion_is_asked_about_on_a_terminal(models: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(main, "_on_terminal", lambda: True)
    refused = CliRunner().invoke(commands, ["models", "delete", "b"], input="n\n")
    assert refused.exit_code == 1
    assert "Delete b, its network, card, log and scores, for good?" in refused.stderr
    assert (models / "b").exists()
    assert CliRunner().invoke(commands, ["models", "delete", "b"], input="y\n").stdout.endswith("b is deleted\n")
    assert not (models / "b").exists()


def test_a_deletion_with_yes_is_not_asked_about(models: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(main.click, "confirm", lambda *_, **__: pytest.fail("asked"))
    monkeypatch.setattr(main, "_on_terminal", lambda: True)
    assert run("delete", "b", "--yes").stdout == "b is deleted\n"


def test_a_model_is_exported_and_a_network_that_is_none_not_imported(models: Path, tmp_path: Path):
    result = run("export", "b", "--out", tmp_path / "b-2.zip")
    assert result.exit_code == 0, result.output
    assert "b-2.zip: 0.0 MB" in result.stdout
    result = run("import", tmp_path / "b-2.zip")
    assert result.exit_code == 1
    assert "classifier.keras is no zip that can be read" in result.stderr
    assert {path.name for path in models.iterdir() if path.is_dir()} == {"a", "b"}


def test_an_imported_model_has_the_zips_name_and_what_was_not_checked_is_said(
    models: Path, tmp_path: Path, monkeypatch
):
    run("export", "b", "--out", tmp_path / "b-2.zip")
    # The checks of a network have tests of their own.
    monkeypatch.setattr("pneumo_core.keras_network.importing._check_network", lambda folder: "Nothing was scored.")
    result = run("import", tmp_path / "b-2.zip")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("b-2 is there; to put it in use: models promote b-2")
    assert result.stderr.startswith("Not checked: Nothing was scored. This model has no learned input gate. ")
    assert "something else. Its figures (AUC, " in result.stderr
    assert "(20 with pneumonia) (as its file claims); flagged" in run("list").stdout.splitlines()[2]
    assert [json.loads(line)["imported"] for line in run("list", "--json").stdout.splitlines()] == [False, False, True]
    assert run("import", tmp_path / "b-2.zip", "--name", "b-3").exit_code == 0
    assert run("import", tmp_path / "b-2.zip", "--name", "b-3").exit_code == 1
    assert {path.name for path in models.iterdir() if path.is_dir()} == {"a", "b", "b-2", "b-3"}
