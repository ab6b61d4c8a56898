"""Hostile `.keras` files by kind: each is refused in a sentence, imported or laid into the folder of models by hand.

None of its code is run, and none takes the server's time or memory.
"""

import base64
import dataclasses
import io
import json
import marshal
import pickle
import shutil
import struct
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from pneumo_core.errors import ModelError
from pneumo_core.files.hashes import file_sha256
from pneumo_core.keras_network.classifier import load_classifier
from pneumo_core.keras_network.importing import import_model
from pneumo_core.models.card import read_card, write_card
from tests.files.test_safe_zip import special

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MOST_SECONDS, MOST_BYTES = 10, 1.5 * 2**30
# Is there as soon as any code of these files has run.
MARK = Path(tempfile.gettempdir()) / "pneumo-hostile-model-ran"

Members = dict[str, bytes]
Make = Callable[[Members], bytes]


@dataclass(frozen=True, slots=True)
class Hostile:
    """How a file is made of a right one's members, and what its refusal names.

    Attributes:
        is_loaded: it is refused only by what Keras, or a first run, makes of it.
        only_imported: no check of the file alone can tell: at import the known answers do.
        keeps_card: its card is of other weights.
    """

    make: Make
    found: str
    is_loaded: bool = False
    only_imported: bool = False
    keeps_card: bool = False


def zipped(members: Members, method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def also(*more: tuple[str | zipfile.ZipInfo, bytes]) -> Make:
    """Add members to a right file."""

    def make(members: Members) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            for name, content in (*members.items(), *more):
                archive.writestr(name, content)
        return file.getvalue()

    return make


def config(edit: Callable[[Any], object]) -> Make:
    """Change the description of the network."""

    def make(members: Members) -> bytes:
        changed = json.loads(members[CONFIG])
        edit(changed)
        return zipped(members | {CONFIG: json.dumps(changed).encode()})

    return make


def layer(name: str, edit: Callable[[dict[str, Any]], object]) -> Make:
    """Change the description of one layer."""
    return config(lambda whole: edit(next(one for one in whole["config"]["layers"] if one["name"] == name)))


def setting(name: str, **values: object) -> Make:
    return layer(name, lambda found: found["config"].update(values))


def weights(edit: Callable[[h5py.File], object]) -> Make:
    """Change the file of the weights."""

    def make(members: Members) -> bytes:
        file = io.BytesIO(members[WEIGHTS])
        with h5py.File(file, "r+") as stored:
            edit(stored)
        return zipped(members | {WEIGHTS: file.getvalue()})

    return make


def of_logit(edit: Callable[[h5py.Dataset], object]) -> Make:
    """Change the weights of the last layer."""

    def change(stored: h5py.File) -> None:
        for number in ("0", "1"):
            edit(stored["layers/dense/vars"][number])

    return weights(change)


def replaced(stored: h5py.File, make: Callable[[h5py.Group], object]) -> None:
    """Put something else where the last layer's kernel lies."""
    group = stored["layers/dense/vars"]
    del group["0"]
    make(group)


def virtual(stored: h5py.File) -> None:
    layout = h5py.VirtualLayout((8,), "f4")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "x", (8,))
    stored.create_virtual_dataset("x", layout)


def negate(weight: h5py.Dataset) -> None:
    # The tiny network is hardly sure of any sample; one that is gives itself away.
    weight[...] = -30 * weight[...]


def lied_about(members: Members) -> bytes:
    """Declare the first member, stored, smaller than it is."""
    content = bytearray(zipped(members))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(mark) + offset, 3)
    return bytes(content)


def locked(members: Members) -> bytes:
    content = bytearray(zipped(members))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


class Gadget:
    """Touches the mark when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(MARK), "w")


CODE = compile(f"lambda film: open({str(MARK)!r}, 'w')", "x", "eval").co_consts[0]
LAMBDA = {
    "class_name": "__lambda__",
    "config": {"value": base64.b64encode(marshal.dumps(CODE)).decode(), "defaults": None, "closure": None},
}


def function(module: str, name: str) -> dict[str, str]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": "function"}


def a_layer(module: str | None, name: str, registered: str | None = None, /, **settings: object) -> Make:
    """Make a layer one of another class."""
    named = {"module": module, "class_name": name, "registered_name": registered}
    return layer("head_dropout", lambda found: (found.update(named), found["config"].update(settings)))


KINDS = {
    # Code in the description.
    "lambda layer": Hostile(a_layer("keras.layers", "Lambda", function=LAMBDA), "the class"),
    "lambda as an activation": Hostile(setting("logit", activation=LAMBDA), "the class"),
    "module of the system": Hostile(a_layer("os", "system"), "the class 'os.system'"),
    "function of the system": Hostile(setting("logit", activation=function("builtins", "exec")), "the class"),
    "function of Keras that fetches": Hostile(
        setting("logit", activation=function("keras.utils", "get_file")), "the class"
    ),
    "registered name": Hostile(a_layer("keras.layers", "Dropout", "mine>Dropout"), "mine>Dropout"),
    "custom object": Hostile(a_layer("mine.layers", "Mine", "Mine"), "the class 'mine.layers.Mine'"),
    "class without a module": Hostile(a_layer(None, "Dropout"), "the class 'None.Dropout'"),
    "layer that loads a SavedModel": Hostile(
        a_layer("keras.layers", "TFSMLayer", filepath="/tmp/x"), "the class 'keras.layers.TFSMLayer'"
    ),
    "layer that unpickles": Hostile(
        a_layer("keras.layers", "TorchModuleWrapper", module=base64.b64encode(pickle.dumps(Gadget())).decode()),
        "the class 'keras.layers.TorchModuleWrapper'",
    ),
    "layer that reads a file": Hostile(
        a_layer("keras.layers", "StringLookup", vocabulary="/etc/passwd"), "the class 'keras.layers.StringLookup'"
    ),
    "initializer of one's own": Hostile(
        setting("logit", kernel_initializer={"module": "mine", "class_name": "Mine", "config": {}}), "the class"
    ),
    "network within a network": Hostile(
        a_layer("keras.src.models.functional", "Functional", "Functional"), "a network within a network"
    ),
    "pickle for a file": Hostile(lambda members: pickle.dumps(Gadget()), "is no zip that can be read"),
    # Weights that lie elsewhere.
    "external link": Hostile(weights(lambda h5: h5.update(x=h5py.ExternalLink("/etc/other.h5", "/x"))), "links"),
    "soft link": Hostile(weights(lambda h5: h5.update(x=h5py.SoftLink("/layers"))), "links"),
    "circle of links": Hostile(weights(lambda h5: h5.create_group("x").update(again=h5["/"])), "links or too many"),
    "external dataset": Hostile(
        weights(lambda h5: h5.create_dataset("x", (2,), "f4", external=[("/etc/passwd", 0, 8)])), "outside it"
    ),
    "virtual dataset": Hostile(weights(virtual), "outside it"),
    # Bombs.
    "bomb of a layer": Hostile(setting("block3_conv", filters=10**9), "values of one film in a layer"),
    "bomb of a kernel": Hostile(setting("block3_conv", kernel_size=[9000, 9000]), "parameters"),
    "bomb of an input": Hostile(setting("film", batch_shape=[None, 30_000, 30_000, 1]), "an input of 30000 x 30000"),
    "bomb of a written shape": Hostile(
        layer("logit", lambda found: found.update(build_config={"input_shape": [None, 10**9]})), "does not reach it"
    ),
    "bomb of layers": Hostile(
        config(lambda whole: whole["config"].update(layers=whole["config"]["layers"] * 100)), "layers"
    ),
    "bomb of brackets": Hostile(
        lambda members: zipped(members | {CONFIG: b'{"a":' * 100_000 + b"1" + b"}" * 100_000}), "describes no network"
    ),
    "bomb of declared weights": Hostile(
        weights(lambda h5: h5.create_dataset("x", (10**12,), "f4", chunks=(1000,))), "larger than the file"
    ),
    "bomb of shrunk weights": Hostile(
        weights(lambda h5: h5.create_dataset("x", data=np.zeros(10**7, "f4"), compression="gzip")),
        "larger than the file",
    ),
    "zip bomb": Hostile(
        lambda members: zipped(members | {CONFIG: bytes(4 * 2**20)}, zipfile.ZIP_DEFLATED), "times its size"
    ),
    # Weights that are none.
    "weights that are no numbers": Hostile(
        of_logit(lambda weight: weight.write_direct(np.full(weight.shape, np.nan, "f4"))), "not finite", is_loaded=True
    ),
    "weights without an end": Hostile(
        of_logit(lambda weight: weight.write_direct(np.full(weight.shape, np.inf, "f4"))), "not finite", is_loaded=True
    ),
    "weights of other shapes": Hostile(
        weights(lambda h5: replaced(h5, lambda group: group.create_dataset("0", data=np.zeros((7, 3), "f4")))),
        "could not be loaded",
        is_loaded=True,
    ),
    "weights of words": Hostile(
        weights(lambda h5: replaced(h5, lambda group: group.create_dataset("0", data=np.full((32, 1), b"x")))),
        "could not be loaded",
        is_loaded=True,
    ),
    "weights of one layer missing": Hostile(
        weights(lambda h5: replaced(h5, lambda group: None)), "could not be loaded", is_loaded=True
    ),
    "weights cut": Hostile(lambda members: zipped(members | {WEIGHTS: members[WEIGHTS][:-500]}), "cannot be read"),
    # Another network than the card's.
    "two classes out": Hostile(setting("logit", units=2), "an output of 2"),
    "two outputs": Hostile(
        config(lambda whole: whole["config"].update(output_layers=[["logit", 0, 0], ["pooled", 0, 0]])), "2 outputs"
    ),
    "classes swapped": Hostile(of_logit(negate), "off their known answers", is_loaded=True, only_imported=True),
    "other weights than the card's": Hostile(of_logit(negate), "belongs to other weights", keeps_card=True),
    # Members.
    "path upwards": Hostile(also(("../config.json", b"{}")), "another file"),
    "path from the root": Hostile(also(("/etc/cron.d/x", b"")), "another file"),
    "path of another system": Hostile(also(("..\\config.json", b"{}")), "another file"),
    "member that is a link": Hostile(also((special("metadata.json", 0o120777), b"/etc/passwd")), "metadata.json"),
    "member twice": Hostile(also((CONFIG, b"{}")), "config.json twice"),
    "member of assets": Hostile(also(("assets/vocabulary.txt", b"x")), "another file"),
    "member with a password": Hostile(locked, "with a password"),
    "member of a false size": Hostile(lied_about, "damaged"),
    "thousands of members": Hostile(also(*((f"{number}", b"") for number in range(5_000))), "more than 50 files"),
    "file cut": Hostile(lambda members: zipped(members)[:-300], "no zip that can be read"),
    "empty file": Hostile(lambda members: b"", "no zip that can be read"),
}


@pytest.fixture(scope="module")
def right(tiny_model: Path) -> tuple[Members, Members]:
    """Give the files of a model that works, and the members of its network."""
    with zipfile.ZipFile(tiny_model / "classifier.keras") as archive:
        return (
            {path.name: path.read_bytes() for path in tiny_model.iterdir() if path.name != "scores.csv"},
            {name: archive.read(name) for name in archive.namelist()},
        )


@pytest.fixture
def folder(right: tuple[Members, Members], tiny_model: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Lay a model with a hostile network, and a card of that, into a folder of models."""
    kind: Hostile = request.param
    folder = tmp_path / "models" / "hostile"
    shutil.copytree(tiny_model, folder)
    (folder / "classifier.keras").write_bytes(kind.make(right[1]))
    if not kind.keeps_card:
        card = read_card(tiny_model)
        write_card(dataclasses.replace(card, weights_sha256=file_sha256(folder / "classifier.keras")), folder)
    # It is of other weights.
    (folder / "input_gate.json").unlink()
    return folder


def kinds(*, by_hand: bool) -> list[Any]:
    chosen = {name: kind for name, kind in KINDS.items() if not (by_hand and kind.only_imported)}
    return [pytest.param(kind, kind, id=name) for name, kind in chosen.items()]


@dataclass(slots=True)
class Watched:
    """What a refusal took: whether Keras was asked to load, processor seconds, and bytes at most."""

    loads: int = 0
    seconds: float = 0.0
    more_bytes: int = 0


def watched(monkeypatch: pytest.MonkeyPatch, refuse: Callable[[], object]) -> tuple[str, Watched]:
    found, load = Watched(), keras.saving.load_model

    def counted(*arguments: object, **named: object) -> object:
        found.loads += 1
        return load(*arguments, **named)

    MARK.unlink(missing_ok=True)
    monkeypatch.setattr(keras.saving, "load_model", counted)
    before, started = memory("VmRSS"), time.process_time()
    # Linux then counts the peak anew.
    Path("/proc/self/clear_refs").write_text("5")
    with pytest.raises(ModelError) as refusal, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refuse()
    found.seconds, found.more_bytes = time.process_time() - started, memory("VmHWM") - before
    assert not MARK.exists()
    return str(refusal.value), found


def memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) << 10


def is_a_refusal(sentence: str, found: Watched, kind: Hostile) -> None:
    assert kind.found in sentence
    assert "Please " in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert bool(found.loads) == kind.is_loaded
    assert found.seconds < MOST_SECONDS
    assert found.more_bytes < MOST_BYTES


@pytest.mark.parametrize(("folder", "kind"), kinds(by_hand=False), indirect=["folder"])
def test_a_hostile_network_is_not_imported(
    folder: Path, kind: Hostile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    content = zipped({path.name: path.read_bytes() for path in folder.iterdir() if path.name != "scores.csv"})
    models = tmp_path / "others"
    models.mkdir()
    sentence, found = watched(monkeypatch, lambda: import_model(models, content, "new"))
    is_a_refusal(sentence, found, kind)
    assert {path.name for path in models.iterdir()} == {".models.lock"}


@pytest.mark.parametrize(("folder", "kind"), kinds(by_hand=True), indirect=["folder"])
def test_a_hostile_network_laid_in_by_hand_is_not_loaded(folder: Path, kind: Hostile, monkeypatch: pytest.MonkeyPatch):
    is_a_refusal(*watched(monkeypatch, lambda: load_classifier(folder)), kind)


def test_the_right_file_is_imported_and_loaded(right: tuple[Members, Members], tiny_model: Path, tmp_path: Path):
    files, _ = right
    assert import_model(tmp_path, zipped(files), "new").folder == tmp_path / "new"
    load_classifier(tiny_model)
