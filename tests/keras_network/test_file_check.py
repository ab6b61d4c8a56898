"""A `.keras` file from elsewhere: what this project's networks look like, and what is refused before it is loaded."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from pneumo_core.errors import ModelError
from pneumo_core.film.preprocessing import Preprocessing
from pneumo_core.keras_network.file_check import check_network_file
from pneumo_core.keras_network.layers import save_network
from pneumo_core.train.build import BACKBONES, build_network, small_cnn
from pneumo_core.train.plan import Recipe

SMALL = Preprocessing(height=32, width=32)
LAYER = "block3_activation"
CONFIG, WEIGHTS = "config.json", "model.weights.h5"


def small_network(size: int = 32) -> keras.Model:
    film = keras.Input((size, size, 1), name="film")
    x = small_cnn(False, None, keras.layers.Concatenate(name="grey_to_rgb")([film, film, film])).output
    x = keras.layers.GlobalAveragePooling2D(name="pooled")(x)
    return keras.Model(film, keras.layers.Dense(1, name="logit")(keras.layers.Dropout(0.2, name="drop")(x)))


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Give the members of a right file."""
    path = tmp_path_factory.mktemp("network") / "classifier.keras"
    save_network(small_network(), path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def keras_file(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "classifier.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def refusal_of(path: Path, preprocessing: Preprocessing = SMALL, layer: str = LAYER) -> tuple[str, str]:
    with pytest.raises(ModelError) as refusal:
        check_network_file(path, preprocessing, layer)
    return refusal.value.code, str(refusal.value)


@pytest.fixture
def refused(
    members: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[str, str]]:
    """Give code and sentence for a right file in which `edit` changed the layers by their names, or the whole."""

    def refuse(edit: Callable[[Any], object], whole: bool = False) -> tuple[str, str]:
        config = json.loads(members[CONFIG])
        edit(config if whole else {layer["name"]: layer for layer in config["config"]["layers"]})
        # Nothing may be built, let alone loaded.
        monkeypatch.setattr(keras.layers.Layer, "build_from_config", None)
        monkeypatch.setattr(keras.saving, "load_model", None)
        return refusal_of(keras_file(tmp_path, members | {CONFIG: json.dumps(config).encode()}))

    return refuse


def test_a_right_file_passes(members: dict[str, bytes], tmp_path: Path):
    check_network_file(keras_file(tmp_path, members), SMALL, LAYER)


@pytest.mark.parametrize("architecture", BACKBONES)
def test_this_projects_networks_pass(architecture: str, tmp_path: Path):
    heads = {"pooling": "flatten", "dense_units": (8, 4), "activation": "gelu"} if architecture == "VGG16" else {}
    save_network(build_network(Recipe(architecture=architecture, size=64, **heads)), tmp_path / "classifier.keras")
    layer = BACKBONES[architecture].explained_layer
    check_network_file(tmp_path / "classifier.keras", Preprocessing(64, 64), layer)


def test_a_compiled_network_passes(tmp_path: Path):
    network = small_network()
    network.compile(optimizer="adamw", loss=keras.losses.BinaryCrossentropy(from_logits=True))
    save_network(network, tmp_path / "classifier.keras")
    check_network_file(tmp_path / "classifier.keras", SMALL, LAYER)


@pytest.mark.parametrize("name", ["metadata.json", CONFIG, WEIGHTS])
def test_a_member_that_is_missing_is_named(members: dict[str, bytes], tmp_path: Path, name: str):
    left = {other: content for other, content in members.items() if other != name}
    code, sentence = refusal_of(keras_file(tmp_path, left))
    assert code == "network_members"
    assert name in sentence.partition(". ")[0]


@pytest.mark.parametrize("name", ["assets/vocabulary.txt", "../config.json", "more.py", "m/config.json"])
def test_a_member_too_many_is_refused(members: dict[str, bytes], tmp_path: Path, name: str):
    assert "classifier.keras holds another file" in refusal_of(keras_file(tmp_path, members | {name: b""}))[1]


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"1", b"\xff", b'{"config": 1}', b'{"a":' * 50_000])
def test_a_config_that_is_none_is_refused(members: dict[str, bytes], tmp_path: Path, content: bytes):
    assert refusal_of(keras_file(tmp_path, members | {CONFIG: content}))[0] == "network_config"


LAMBDA = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda layers: layers["drop"].update(LAMBDA), "keras.layers.Lambda"),
        (lambda layers: layers["drop"].update(module="os", class_name="system"), "os.system"),
        (lambda layers: layers["drop"].update(registered_name="mine>Dropout"), "keras.layers.mine>Dropout"),
        (lambda layers: layers["drop"].update(module=None), "None.Dropout"),
        (lambda layers: layers["drop"].update(class_name="TFSMLayer"), "keras.layers.TFSMLayer"),
        (lambda layers: layers["drop"].update(module="keras.src.models.functional"), "keras.src.models"),
        (
            lambda layers: layers["logit"]["config"].update(
                activation={
                    "module": "builtins",
                    "class_name": "function",
                    "config": "f",
                    "registered_name": "function",
                }
            ),
            "builtins.function",
        ),
        (
            lambda layers: layers["logit"]["config"].update(kernel_initializer={"class_name": "__lambda__"}),
            "None.__lambda__",
        ),
        (lambda layers: layers["logit"]["config"].update(units=[{"registered_name": "x>y"}]), "None.x>y"),
    ],
)
def test_a_class_that_no_network_of_ours_has_is_refused(refused: Callable[..., tuple[str, str]], edit, found: str):
    code, sentence = refused(edit)
    assert code == "network_class"
    assert f"'{found}" in sentence


def test_a_network_within_a_network_is_refused(refused: Callable[..., tuple[str, str]]):
    def nest(config: dict) -> None:
        layers = config["config"]["layers"]
        layers[-2] |= {"module": "keras.src.models.functional", "class_name": "Functional"}
        layers[-2]["registered_name"] = "Functional"

    assert refused(nest, whole=True)[0] == "network_nested"


def test_too_many_layers_are_refused(refused: Callable[..., tuple[str, str]]):
    def more(config: dict) -> None:
        config["config"]["layers"] += 1000 * config["config"]["layers"][-2:-1]

    code, sentence = refused(more, whole=True)
    assert code == "network_size"
    assert "at most 1000" in sentence


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda layers: layers["block3_conv"]["config"].update(filters=10**8), "values of one image in a layer"),
        (lambda layers: layers["block3_conv"]["config"].update(kernel_size=[3000, 3000]), "parameters"),
        (lambda layers: layers["logit"]["config"].update(units=10**400), "values of one image in a layer"),
        (lambda layers: layers["logit"]["config"].update(units=5 * 10**7), "parameters"),
    ],
)
def test_what_would_be_huge_is_refused_by_its_settings(refused: Callable[..., tuple[str, str]], edit, found: str):
    code, sentence = refused(edit)
    assert code == "network_size"
    assert found in sentence


def test_many_large_layers_are_refused(refused: Callable[..., tuple[str, str]], monkeypatch: pytest.MonkeyPatch):
    # The copied film and the rescaled one.
    monkeypatch.setattr("pneumo_core.keras_network.file_check.MAX_VALUES_IN_ALL", 2 * 32 * 32 * 3 - 1)
    assert "values of one image in all layers (up to its layer 'rescaling" in refused(lambda layers: None)[1]


def test_more_parameters_than_the_weights_have_bytes_are_refused(members: dict[str, bytes], tmp_path: Path):
    path = keras_file(tmp_path, members | {WEIGHTS: h5(lambda file: None)})
    assert f"holds more than {len(h5(lambda file: None)):,} parameters" in refusal_of(path)[1]


def test_a_film_that_would_take_minutes_is_refused(
    refused: Callable[..., tuple[str, str]], monkeypatch: pytest.MonkeyPatch
):
    # Of the three convolutions: (9 * 3 * 8 + 8) * 16**2 + (9 * 8 * 16 + 16) * 8**2 + (9 * 16 * 32 + 32) * 4**2.
    most = 57_344 + 74_752 + 74_240
    monkeypatch.setattr("pneumo_core.keras_network.file_check.MAX_MULTIPLICATIONS", most - 1)
    assert "multiplications for one image (up to its layer 'block3_" in refused(lambda layers: None)[1]


def test_a_layer_built_for_a_shape_that_never_reaches_it_is_refused(refused: Callable[..., tuple[str, str]]):
    for found in (
        refused(lambda layers: layers["logit"]["build_config"].update(input_shape=[None, 10**9])),
        refused(lambda layers: layers["logit"]["build_config"].update(shapes_dict={"a": [9]})),
    ):
        assert found[0] == "network_shape"
        assert "layer 'logit'" in found[1]
    of_its_own = refused(lambda c: c.update(build_config={"input_shape": [None, 9]}), whole=True)
    assert of_its_own[0] == "network_shape"


@pytest.mark.parametrize(
    "edit",
    [
        lambda layers: layers["logit"]["config"].update(units="many"),
        lambda layers: layers["logit"]["config"].update(units=-1),
        lambda layers: layers["logit"]["config"].update(units=1e400),
        lambda layers: layers["logit"]["config"].update(surprise=1),
        lambda layers: layers["block1_conv"]["config"].update(strides=[0, 0]),
        lambda layers: layers["block1_conv"]["config"].update(data_format="channels_first"),
        lambda layers: layers["drop"].update(name="pooled"),
        lambda layers: layers["drop"].update(name=["x"]),
        lambda layers: layers["drop"].update(inbound_nodes=[]),
        lambda layers: layers["drop"].update(inbound_nodes=2 * layers["drop"]["inbound_nodes"]),
        lambda layers: layers["drop"]["inbound_nodes"][0].update(args=[]),
        lambda layers: layers["drop"]["inbound_nodes"][0].update(args=[1.0]),
        lambda layers: layers["drop"]["inbound_nodes"][0].update(
            kwargs={"training": layers["drop"]["inbound_nodes"][0]["args"][0]}
        ),
        lambda layers: layers["drop"]["inbound_nodes"][0]["args"][0]["config"].update(keras_history=["logit", 0, 0]),
        lambda layers: layers["drop"]["inbound_nodes"][0]["args"][0]["config"].update(keras_history=["pooled", 1, 0]),
        lambda layers: layers["film"]["config"].update(batch_shape=5),
    ],
)
def test_a_description_that_cannot_be_is_refused(refused: Callable[..., tuple[str, str]], edit):
    assert refused(edit)[0] == "network_config"


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda layers: layers["film"]["config"].update(batch_shape=[None, 9999, 9999, 1]), "network_input"),
        (lambda layers: layers["film"]["config"].update(batch_shape=[64, 32, 32, 1]), "network_input"),
        (lambda layers: layers["logit"]["config"].update(units=2), "network_output"),
    ],
)
def test_other_shapes_than_the_cards_are_refused(refused: Callable[..., tuple[str, str]], edit, code: str):
    assert refused(edit)[0] == code


@pytest.mark.parametrize(
    ("end", "found"),
    [
        (lambda x: keras.layers.Dense(1, "sigmoid", name="end")(x), "probabilities"),
        (lambda x: keras.layers.Dense(2, "softmax", name="end")(x), "probabilities"),
        (lambda x: keras.layers.Activation("sigmoid", name="end")(keras.layers.Dense(1)(x)), "probabilities"),
        (lambda x: keras.layers.Softmax(name="end")(keras.layers.Dense(2)(x)), "probabilities"),
        (lambda x: keras.layers.Dense(1, keras.layers.Softmax(), name="end")(x), "probabilities"),
        (lambda x: keras.layers.Reshape((1,))(keras.layers.Dense(1, "hard_sigmoid", name="end")(x)), "probabilities"),
        (lambda x: keras.ops.sigmoid(keras.layers.Dense(1)(x)), "probabilities"),
        (lambda x: keras.layers.Add()([keras.layers.Dense(1, "sigmoid")(x) for _ in range(2)]), "probabilities"),
        (lambda x: keras.layers.ReLU(name="end")(keras.layers.Dense(1)(x)), "no logit"),
        (lambda x: keras.layers.Dense(1, "tanh", name="end")(x), "no logit"),
        (lambda x: keras.layers.Rescaling(-1.0)(keras.layers.Dense(1, "softplus", name="end")(x)), "no logit"),
    ],
)
def test_a_network_that_ends_in_an_activation_is_refused(tmp_path: Path, end, found: str):
    film = keras.Input((32, 32, 1), name="film")
    x = keras.layers.Conv2D(2, 3, name=LAYER)(film)
    network = keras.Model(film, end(keras.layers.GlobalAveragePooling2D()(x)))
    save_network(network, tmp_path / "classifier.keras")
    code, sentence = refusal_of(tmp_path / "classifier.keras")
    assert code == "network_activation"
    assert f"gives {found}: " in sentence


def test_a_network_whose_last_activation_is_linear_passes(tmp_path: Path):
    film = keras.Input((32, 32, 1), name="film")
    x = keras.layers.Conv2D(1, 3, activation="relu", name=LAYER)(film)
    x = keras.layers.Dense(1)(keras.layers.Dense(2, "sigmoid")(keras.layers.GlobalAveragePooling2D()(x)))
    save_network(keras.Model(film, keras.layers.Activation("linear")(x)), tmp_path / "classifier.keras")
    check_network_file(tmp_path / "classifier.keras", SMALL, LAYER)


def test_a_head_of_three_classes_passes_though_a_part_of_it_is_an_activation(tmp_path: Path):
    save_network(build_network(Recipe(architecture="SmallCNN", size=32, classes=3)), tmp_path / "classifier.keras")
    check_network_file(tmp_path / "classifier.keras", SMALL, LAYER)


@pytest.mark.parametrize(
    ("enlarge", "code"),
    [
        (keras.layers.UpSampling2D(2, interpolation="bilinear"), None),
        (keras.layers.UpSampling2D(2, interpolation="nearest"), "network_class"),
        (keras.layers.UpSampling2D(3000, interpolation="bilinear"), "network_size"),
        (keras.ops.exp, "network_class"),
        (lambda x: keras.ops.power(x, 40.0), "network_class"),
    ],
)
def test_maps_are_enlarged_in_one_way_only_and_by_few_operations(tmp_path: Path, enlarge, code: str | None):
    film = keras.Input((32, 32, 1), name="film")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3, name=LAYER)(film))
    large = keras.layers.GlobalAveragePooling2D()(enlarge(film))
    save_network(keras.Model(film, keras.layers.Dense(1)(keras.layers.Concatenate()([x, large]))), tmp_path / "c.keras")
    if code is None:
        check_network_file(tmp_path / "c.keras", SMALL, LAYER)
    else:
        assert refusal_of(tmp_path / "c.keras")[0] == code


def test_two_outputs_are_refused(refused: Callable[..., tuple[str, str]]):
    two = [["logit", 0, 0], ["drop", 0, 0]]
    assert refused(lambda c: c["config"].update(output_layers=two), whole=True)[0] == "network_ends"


def test_a_network_for_films_of_another_size_is_refused(members: dict[str, bytes], tmp_path: Path):
    assert refusal_of(keras_file(tmp_path, members), Preprocessing(64, 96))[0] == "network_input"


@pytest.mark.parametrize("layer", ["nowhere", "pooled", ""])
def test_a_layer_that_cannot_be_explained_is_refused(members: dict[str, bytes], tmp_path: Path, layer: str):
    assert refusal_of(keras_file(tmp_path, members), layer=layer)[0] == "network_explained_layer"


def h5(fill: Callable[[h5py.File], object]) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        fill(file)
    return content.getvalue()


@pytest.mark.parametrize(
    ("fill", "found"),
    [
        (
            lambda file: file.create_dataset("x", (10**6,), "f4", chunks=True, compression="gzip"),
            "larger than the file",
        ),
        (lambda file: file.create_dataset("x", (10**12,), "f4", chunks=(1000,)), "larger than the file"),
        (lambda file: file.create_dataset("x", (2,), "f4", external=[("/etc/passwd", 0, 8)]), "outside it"),
        (lambda file: file.update({"x": h5py.ExternalLink("/etc/other.h5", "/x")}), "weights with links"),
        (lambda file: file.update({"x": h5py.SoftLink("/y")}), "weights with links"),
        (lambda file: file.create_group("x").update({"again": file["/"]}), "weights with links or too many parts"),
    ],
    ids=["shrunk", "without content", "of another file", "link to another file", "link", "circle"],
)
def test_weights_that_are_not_in_the_file_are_refused(members, tmp_path: Path, fill, found: str):
    code, sentence = refusal_of(keras_file(tmp_path, members | {WEIGHTS: h5(fill)}))
    assert code == "network_weights"
    assert found in sentence


@pytest.mark.parametrize("content", [b"", b"no weights", h5(lambda file: file.update({"x": np.ones(9)}))[:-40]])
def test_damaged_weights_are_refused(members: dict[str, bytes], tmp_path: Path, content: bytes):
    assert refusal_of(keras_file(tmp_path, members | {WEIGHTS: content}))[0] == "network_weights_damaged"
