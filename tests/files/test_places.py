"""Where an installed package reads from and writes to; what the checkout does, the whole suite shows."""

import shutil
from pathlib import Path

import pytest

from pneumo_core.files import places
from pneumo_core.files.places import MODELS_VARIABLE, data_folders, models_folder, own_models_folder, runs_folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the data folder of a user whose package was shipped with the model `first`."""
    shipped = tmp_path / "package" / "shipped"
    model = shipped / "model" / "first"
    model.mkdir(parents=True)
    (shipped / "model" / "active.txt").write_text("first\n")
    (model / "card.json").write_text("{}")
    (model / "classifier.keras").write_bytes(b"weights")
    monkeypatch.setattr(places, "SHIPPED", shipped)
    monkeypatch.setattr(places, "user_data_path", lambda name, appauthor: tmp_path / "data of the user")
    for variable in (MODELS_VARIABLE, places.RUNS_VARIABLE, places.DATA_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "data of the user"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_whoever_only_reads_gets_the_shipped_models_and_nothing_is_copied(home: Path):
    assert models_folder() == places.SHIPPED / "model"
    assert not home.exists()


def test_whoever_writes_gets_a_whole_copy_of_the_users_own_and_so_do_all_after_him(home: Path):
    before = files(places.SHIPPED)
    own = own_models_folder()
    assert own.is_relative_to(home)
    assert files(own) == files(places.SHIPPED / "model")
    assert models_folder() == own
    assert files(places.SHIPPED) == before


def test_a_copy_that_fails_leaves_the_shipped_models_in_use_and_the_next_one_is_whole(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(source: str, target: str) -> None:
        if source.endswith(".keras"):
            raise OSError(28, "No space left on device")
        shutil.copyfile(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(places, "_copy_to_disk", full)
        with pytest.raises(OSError, match="No space"):
            own_models_folder()
    assert models_folder() == places.SHIPPED / "model"
    assert files(home) == {}
    assert files(own_models_folder()) == files(places.SHIPPED / "model")


def test_a_copy_that_was_stopped_before_it_counted_is_finished(home: Path):
    own = own_models_folder()
    (own / "active.txt").unlink()
    (own / "first" / "classifier.keras").write_bytes(b"of the user by now")
    assert models_folder() == own
    assert (own / "active.txt").read_text() == "first\n"
    assert (own / "first" / "classifier.keras").read_bytes() == b"of the user by now"


def test_beside_a_model_that_was_trained_into_the_own_folder_the_shipped_one_stays_in_use(home: Path):
    trained = home / "model" / "mine"
    trained.mkdir(parents=True)
    (trained / "card.json").write_text("{}")
    own = models_folder()
    assert own == home / "model"
    assert {path.name for path in own.iterdir()} == {"active.txt", "first", "mine"}
    assert (own / "active.txt").read_text() == "first\n"


def test_another_model_in_a_newer_package_leaves_the_users_own_in_use(home: Path):
    own_models_folder()
    (places.SHIPPED / "model" / "first").rename(places.SHIPPED / "model" / "second")
    (places.SHIPPED / "model" / "active.txt").write_text("second\n")
    assert (own_models_folder() / "active.txt").read_text() == "first\n"
    assert {path.name for path in models_folder().iterdir()} == {"active.txt", "first"}


def test_a_folder_that_is_named_holds_for_readers_and_writers(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "named"))
    assert models_folder() == own_models_folder() == tmp_path / "named"
    assert not (tmp_path / "named").exists()


def test_runs_and_data_lie_in_the_users_data_folder(home: Path):
    (home / "data").mkdir(parents=True)
    assert runs_folder() == home / "runs"
    assert data_folders() == [home / "data"]
