"""Where first weights may come from: files, models, and whether Keras can have its own."""

import json
import shutil
import socket
import time
from pathlib import Path

import pytest

from pneumo_core.errors import ModelError
from pneumo_core.files.places import BACKBONE_WEIGHTS_VARIABLE
from pneumo_core.train import starts
from pneumo_core.train.build import BACKBONES
from pneumo_core.train.plan import ARCHITECTURES, IMAGENET, RANDOM, WEIGHTS_CODE, Recipe
from pneumo_core.train.starts import (
    KERAS_FILES,
    check_start,
    default_start,
    imagenet_problem,
    models_of,
    weights_files,
)

MOBILE = Recipe(architecture="MobileNetV3Large", size=32, dense_units=(4096,))


@pytest.fixture(autouse=True)
def no_keras_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", BACKBONE_WEIGHTS_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


def unreachable(host: str, port: int) -> None:
    raise OSError("no way")


def test_every_backbone_with_imagenet_weights_has_a_file_of_keras():
    assert KERAS_FILES.keys() == {name for name, known in ARCHITECTURES.items() if known.has_imagenet_weights}


def test_without_connection_and_file_the_problem_is_a_sentence(no_keras_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(starts, "_reach", unreachable)
    assert "storage.googleapis.com cannot be reached" in str(imagenet_problem("ResNet50"))
    (no_keras_folder / "models").mkdir(parents=True)
    (no_keras_folder / "models" / KERAS_FILES["ResNet50"]).touch()
    assert imagenet_problem("ResNet50") is None
    assert imagenet_problem("VGG16") is not None


def test_a_connection_or_a_proxy_is_enough(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        monkeypatch.setattr(starts, "KERAS_HOST", (host, port))
        assert imagenet_problem("VGG16") is None
        monkeypatch.setattr(starts, "KERAS_HOST", ("127.0.0.1", 1))
        monkeypatch.setenv("https_proxy", f"http://{host}:{port}")
        assert imagenet_problem("VGG16") is None
    assert "127.0.0.1 cannot be reached" in str(imagenet_problem("VGG16"))


def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(starts, "SECONDS", 0.05)
    monkeypatch.setattr(starts, "_reach", lambda host, port: time.sleep(3))
    assert imagenet_problem("VGG16") is not None


def test_weights_files_are_the_one_named_and_those_below_the_roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = tmp_path / "root"
    for name in ("a.weights.h5", "deep/b.weights.h5", "1/2/3/c.weights.h5", "deep/d.h5"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (tmp_path / "outside.weights.h5").touch()
    (root / "link.weights.h5").symlink_to(tmp_path / "outside.weights.h5")
    assert weights_files([root]) == [root / "a.weights.h5", root / "deep" / "b.weights.h5"]
    monkeypatch.setenv(BACKBONE_WEIGHTS_VARIABLE, str(tmp_path / "outside.weights.h5"))
    assert weights_files([root])[0] == tmp_path / "outside.weights.h5"


def test_a_run_starts_from_the_file_that_is_named_for_it_where_its_backbone_can(monkeypatch: pytest.MonkeyPatch):
    assert (default_start("EfficientNetV2B0"), default_start("SmallCNN")) == (IMAGENET, RANDOM)
    # Whether it is there is seen when the run begins, and said then: another start would be a surprise.
    monkeypatch.setenv(BACKBONE_WEIGHTS_VARIABLE, "/nowhere/named.weights.h5")
    assert (default_start("EfficientNetV2B0"), default_start("SmallCNN")) == ("/nowhere/named.weights.h5", RANDOM)


@pytest.mark.parametrize(
    ("start", "content"),
    [
        (IMAGENET, b""),
        ("named.weights.h5", b"no weights at all"),
        ("named.weights.h5", b"\x89HDF\r\n\x1a\n" + bytes(600)),
        ("nowhere/named.weights.h5", b""),
    ],
)
def test_a_start_that_will_fail_is_refused_before_the_run_has_a_name(
    start: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(starts, "_reach", unreachable)
    monkeypatch.chdir(tmp_path)
    Path("named.weights.h5").write_bytes(content)
    with pytest.raises(ModelError) as refusal:
        check_start(MOBILE, start)
    assert refusal.value.code == WEIGHTS_CODE


def test_weights_of_the_backbone_pass_as_a_file_and_as_an_upload_and_those_of_another_do_not(
    tmp_path: Path, tiny_model: Path
):
    path = tmp_path / "own.weights.h5"
    plain = BACKBONES["MobileNetV3Large"].build(include_top=False, weights=None, input_shape=(32, 32, 3))
    plain.save_weights(path)
    check_start(MOBILE, str(path))
    content = path.read_bytes()
    check_start(MOBILE, IMAGENET, content)
    for start, weights in ((IMAGENET, content[:-1000]), (str(tiny_model), None)):
        with pytest.raises(ModelError):
            check_start(MOBILE, start, weights)
    check_start(Recipe(architecture="SmallCNN", size=32), str(tiny_model))


def test_models_to_start_from_have_the_backbone_and_a_card_that_holds(tmp_path: Path, tiny_model: Path):
    for name in ("one", "two"):
        shutil.copytree(tiny_model, tmp_path / name)
    card = json.loads((tmp_path / "two" / "card.json").read_text())
    (tmp_path / "two" / "card.json").write_text(json.dumps(card | {"weights_sha256": "0" * 64}))
    assert models_of(tmp_path, "SmallCNN") == [tmp_path / "one"]
    assert models_of(tmp_path, "VGG16") == []
    assert models_of(tmp_path / "one", "SmallCNN") == [tmp_path / "one"]
