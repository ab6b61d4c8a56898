"""A `.keras` file of unknown origin, checked before it is loaded.

Keras runs no code from such a file. But a small file can describe a network of many gigabytes. So all sizes are worked
out here, layer by layer, before anything is allocated.
"""

import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from pneumo_core.errors import ModelError
from pneumo_core.files import small_zip
from pneumo_core.film import Preprocessing
from pneumo_core.keras_network.keras_inside import SAVED_GRAPH, SAVED_OPERATIONS
from pneumo_core.keras_network.layers import MAX_MODEL_FILE_BYTES

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
KERAS_MEMBER_LIMITS = {"metadata.json": 2**16, CONFIG: 4 * 2**20, WEIGHTS: MAX_MODEL_FILE_BYTES}
# A file of that size can hold no more parameters. VGG16 with two dense layers of 4,096 on all its maps has 135 million.
# The other limits leave room above the largest of this project's networks: 644 layers (two EfficientNetV2B0 and a
# segmenter). At an input of 1,024 x 1,024 these are 67 million values in a layer (VGG16) and 779 million in all
# (ResNet50). The multiplications are 3.2 * 10**11 (VGG16).
MAX_PARAMETERS = MAX_MODEL_FILE_BYTES // 4
MAX_LAYERS = 1_000
MAX_VALUES = 2**26
MAX_VALUES_IN_ALL = 2**31
MAX_MULTIPLICATIONS = 10**12
MAX_STORED_OBJECTS = 20_000

LAYERS = frozenset(
    {
        "Activation",
        "Add",
        "AveragePooling2D",
        "BatchNormalization",
        "Concatenate",
        "Conv2D",
        "Dense",
        "DepthwiseConv2D",
        "Dropout",
        "Flatten",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "InputLayer",
        "MaxPooling2D",
        "Multiply",
        "Normalization",
        "ReLU",
        "Rescaling",
        "Reshape",
        "UpSampling2D",
        "ZeroPadding2D",
    }
)
# MobileNetV3 builds its activation from sums and products, the lungs view standardises its tone.
OPERATIONS = frozenset({"Add", "Divide", "Multiply", "Sqrt", "Subtract"})
INITIALIZERS = frozenset(
    {"Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Ones", "RandomNormal", "RandomUniform"}
    | {"TruncatedNormal", "VarianceScaling", "Zeros"}
)
_ALLOWED = frozenset(
    {SAVED_GRAPH, ("keras", "DTypePolicy"), (None, "__keras_tensor__")}
    | {("keras.layers", name) for name in LAYERS}
    | {(SAVED_OPERATIONS, name) for name in OPERATIONS}
    | {("keras.initializers", name) for name in INITIALIZERS}
)
# Layers and operations that are an activation alone; some are none of `LAYERS`, and have a sentence of their own.
PROBABILITIES = frozenset({"HardSigmoid", "Sigmoid", "Softmax", "hard_sigmoid", "sigmoid", "softmax", "sparsemax"})
ACTIVATIONS = PROBABILITIES | {"ELU", "LeakyReLU", "LogSigmoid", "LogSoftmax", "PReLU", "ReLU", "Tanh"}
# These hand probabilities on as such.
PASSING = frozenset({"Activation", "Dropout", "Flatten", "Identity", "Reshape", "Rescaling"}) | {
    "AveragePooling2D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "MaxPooling2D",
}
# Keras, NumPy and Python raise these where a value is of the wrong kind.
DAMAGE = (ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)

# A shape is None for the number of films, then sides and channels.
Shape = tuple[Any, ...]


def check_network_file(path: Path, preprocessing: Preprocessing, explained_layer: str) -> None:
    """Check a `.keras` file without loading it: members, layer classes, shapes, sizes.

    Args:
        preprocessing: the network must take its height and width.
        explained_layer: must be there, and give feature maps.

    Raises:
        ModelError: it is damaged, too large, or no network as this project trains them.
    """
    shapes = _checked(path, preprocessing, (None, 1), "one logit")
    if len(shapes.get(explained_layer, ())) != 4:
        raise _refusal(
            path,
            f"no layer '{explained_layer[:60]}' with feature maps, although the card names it for the heat map",
            "the network of this card",
            "network_explained_layer",
        )


def check_lungs_file(path: Path, preprocessing: Preprocessing) -> None:
    """Check the `.keras` file of a segmenter likewise: one logit for each cell of two by two pixels.

    Raises:
        ModelError: as `check_network_file`.
    """
    cells = (None, preprocessing.height // 2, preprocessing.width // 2, 1)
    _checked(path, preprocessing, cells, f"{_shown(cells)} logits, one for each cell of two by two pixels")


def _checked(path: Path, preprocessing: Preprocessing, output: Shape, expected: str) -> dict[str, Shape]:
    """Check a file's members, layers, sizes and output; give the shape of each layer."""
    with path.open("rb") as file, small_zip(file, path.name, KERAS_MEMBER_LIMITS) as archive:
        for name in KERAS_MEMBER_LIMITS:
            if name not in archive.members:
                raise _refusal(
                    path, f"no {name}", f"a .keras file with {', '.join(KERAS_MEMBER_LIMITS)}", "network_members"
                )
        # All members are read here, since Keras reads all of them.
        _, config, weights = (archive.read(name) for name in KERAS_MEMBER_LIMITS)
    _check_weights(path, weights)
    try:
        layers = _layers(path, json.loads(config))
        # A parameter takes at least one byte in the file, so the network cannot become much larger than its file.
        most_parameters = min(MAX_PARAMETERS, len(weights))
        shapes = _shapes(path, layers, (None, preprocessing.height, preprocessing.width, 1), most_parameters)
    except DAMAGE as error:
        raise _refusal(
            path, f"a {CONFIG} that describes no network", "one that Keras wrote", "network_config"
        ) from error
    if (last := shapes[layers[-1]["name"]]) != output:
        raise _refusal(path, f"an output of {_shown(last)}", expected, "network_output")
    return shapes


def _layers(path: Path, config: Any) -> list[dict[str, Any]]:
    """Give the layers of a flat functional network whose classes are all known, and which ends in a logit."""
    activation, layer = _last_activation(config)
    if activation:
        gives = "probabilities" if activation in PROBABILITIES else "no logit"
        raise ModelError(
            f"{path.name} holds a network that gives {gives}: its layer '{layer[:60]}' ends in {activation[:60]}. "
            "Expected: one logit, as it is before any sigmoid or softmax. Please remove the last activation, and "
            "export the model again.",
            code="network_activation",
        )
    # Networks are loaded without their compile settings, so these are not checked.
    config = {key: value for key, value in config.items() if key != "compile_config"}
    for module, name, registered in _classes(config):
        if (module, name) not in _ALLOWED or registered not in (None, name):
            found = ascii(f"{module}.{registered or name}")[:100]
            raise _refusal(
                path,
                f"the class {found}",
                "layers that this project's networks use, without custom ones",
                "network_class",
            )
    layers: list[dict[str, Any]] = config["config"]["layers"]
    # One model within another would be a layer here.
    if config["class_name"] != "Functional" or any(layer["class_name"] == "Functional" for layer in layers):
        raise _refusal(
            path, "a network within a network, or of another kind", "one flat functional network", "network_nested"
        )
    if len(layers) > MAX_LAYERS:
        raise _refusal(path, f"{len(layers)} layers", f"at most {MAX_LAYERS}", "network_size")
    if config.get("build_config", {}).get("input_shape") is not None:
        raise _refusal(path, "a shape of its own for the whole network", "shapes of layers only", "network_shape")
    outputs = _strings(config["config"]["output_layers"])
    inputs = [layer["name"] for layer in layers if layer["class_name"] == "InputLayer"]
    if len(outputs) != 1 or len(inputs) != 1 or _strings(config["config"]["input_layers"]) != inputs:
        raise _refusal(
            path, f"{len(inputs)} inputs and {len(outputs)} outputs", "one image in and one logit out", "network_ends"
        )
    # The output layer comes last, so that the walk through the layers ends with its shape.
    return sorted(layers, key=lambda layer: layer["name"] == outputs[0])


def _last_activation(config: Any) -> tuple[str, str]:
    """Name the activation behind the last layers with weights, and its layer; empty where there is none.

    A sum gives a logit where one of its parts does, as in the head of three classes.
    """
    try:
        layers = {layer["name"]: layer for layer in config["config"]["layers"]}
        (output,) = _strings(config["config"]["output_layers"])
        waiting, seen, found = [output], set(), ("", "")
        while waiting:
            name = waiting.pop()
            layer = layers[name]
            kind, own = layer["class_name"], layer["config"].get("activation")
            own = own["class_name"] if isinstance(own, dict) and own["class_name"] in ACTIVATIONS else own
            if kind in ACTIVATIONS or (isinstance(own, str) and own != "linear"):
                found = kind if kind in ACTIVATIONS else own, name
            elif kind not in PASSING and kind != "Add":
                return "", ""
            elif name not in seen:
                seen.add(name)
                waiting += _sources(layer["inbound_nodes"][0]["args"])
    except DAMAGE:
        # It describes no network, which is said where its layers are looked at.
        return "", ""
    return found


def _classes(value: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Give module, class and registered name of everything that a configuration names, however deep."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value or "registered_name" in value:
                yield value.get("module"), value.get("class_name"), value.get("registered_name")
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _shapes(path: Path, layers: list[dict[str, Any]], film: Shape, most_parameters: int) -> dict[str, Shape]:
    """Work out the shape that each layer gives, and refuse the network as soon as it is too large."""
    shapes: dict[str, Shape] = {}
    parameters = multiplications = values_in_all = 0
    for layer in layers:
        name, kind = layer["name"], layer["class_name"]
        if name in shapes or layer["config"].get("data_format") == "channels_first":
            raise ValueError("a name twice, or channels in front")
        if kind == "InputLayer":
            shape = tuple(layer["config"]["batch_shape"])
            if shape != film:
                raise _refusal(
                    path, f"an input of {_shown(shape)}", f"{_shown(film)}, as the card says", "network_input"
                )
            shapes[name] = shape
            continue
        (node,) = layer["inbound_nodes"]
        (given, *more), sources = node["args"], [shapes[source] for source in _sources(node["args"])]
        if _sources(node["kwargs"]) or not sources:
            raise ValueError("a layer is called in an unknown way")
        if layer["module"] == SAVED_OPERATIONS:
            shape = (None, *np.broadcast_shapes(*(source[1:] for source in sources)))
        else:
            if more or isinstance(given, list) != (kind in {"Add", "Concatenate", "Multiply"}):
                raise ValueError("a layer is called in an unknown way")
            taken = sources if isinstance(given, list) else sources[0]
            # Keras builds a layer for the shape in the file, even if another shape reaches it.
            written = layer.get("build_config")
            if written and written != {"input_shape": _in_json(taken)}:
                raise _refusal(
                    path,
                    f"the layer '{name[:60]}' for a shape that does not reach it",
                    "the same shape",
                    "network_shape",
                )
            if kind == "UpSampling2D" and layer["config"].get("interpolation") != "bilinear":
                raise _refusal(
                    path, f"the layer '{name[:60]}' that enlarges in another way", "bilinear", "network_class"
                )
            bare = {key: layer[key] for key in ("module", "class_name", "config", "registered_name")}
            built = keras.layers.deserialize(bare)
            shape = tuple(built.compute_output_shape(taken))
            added = _parameters(kind, built, sources[0])
            parameters += added
            multiplications += added * math.prod(shape[1:-1])
        values = math.prod(shape[1:])
        values_in_all += values
        if shape[0] is not None or not all(isinstance(side, int) and side > 0 for side in shape[1:]):
            raise ValueError("a shape that is none")
        for found, most, what in (
            (values, MAX_VALUES, "values of one image in a layer"),
            (values_in_all, MAX_VALUES_IN_ALL, "values of one image in all layers"),
            (parameters, most_parameters, "parameters"),
            (multiplications, MAX_MULTIPLICATIONS, "multiplications for one image"),
        ):
            if found > most:
                raise _refusal(
                    path, f"more than {most:,} {what} (up to its layer '{name[:60]}')", "fewer", "network_size"
                )
        shapes[name] = shape
    return shapes


def _parameters(kind: str, layer: Any, shape: Shape) -> int:
    """Give at least the number of a layer's parameters, from its settings and the shape that it takes."""
    channels = shape[-1]
    if kind == "Conv2D":
        return math.prod(layer.kernel_size) * channels * layer.filters + layer.filters
    if kind == "DepthwiseConv2D":
        return (math.prod(layer.kernel_size) + 1) * channels * layer.depth_multiplier
    if kind == "Dense":
        return (channels + 1) * layer.units
    if kind in {"BatchNormalization", "Normalization"}:
        axes = layer.axis if isinstance(layer.axis, list | tuple) else [] if layer.axis is None else [layer.axis]
        return 4 * math.prod(shape[axis] for axis in axes)
    return 0


def _sources(value: Any) -> list[str]:
    """Name the layers whose outputs are among the arguments of a call, in their order."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            source, node, tensor = value["config"]["keras_history"]
            if (node, tensor) != (0, 0):
                raise ValueError("a layer that is called twice")
            return [source]
        value = list(value.values())
    return [name for part in value for name in _sources(part)] if isinstance(value, list) else []


def _strings(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for part in value for name in _strings(part)]
    return [value] if isinstance(value, str) else []


def _in_json(shapes: list[Shape] | Shape) -> list[Any]:
    return [list(shape) for shape in shapes] if isinstance(shapes, list) else list(shapes)


def _check_weights(path: Path, content: bytes) -> None:
    """Refuse weights that hold more values than bytes, or that are stored outside the file."""
    expected = "weights as Keras writes them, all in this file"
    objects = size = 0
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            waiting: list[h5py.Group] = [file]
            while waiting:
                group = waiting.pop()
                for name in group:
                    objects += 1
                    link = group.get(name, getlink=True)
                    if objects > MAX_STORED_OBJECTS or not isinstance(link, h5py.HardLink):
                        raise _refusal(path, "weights with links or too many parts", expected, "network_weights")
                    item = group[name]
                    if isinstance(item, h5py.Group):
                        waiting.append(item)
                        continue
                    size += item.nbytes
                    if size > len(content) or item.external or item.is_virtual:
                        raise _refusal(
                            path, "weights that are larger than the file, or outside it", expected, "network_weights"
                        )
    except DAMAGE as error:
        raise _refusal(path, "weights that cannot be read", expected, "network_weights_damaged") from error


def _shown(shape: Shape) -> str:
    return " x ".join(str(side)[:20] for side in shape[1:5])


def _refusal(path: Path, found: str, expected: str, code: str) -> ModelError:
    return ModelError(
        f"{path.name} holds {found}. Expected: {expected}. Please use a network that this project trained.",
        code=code,
    )
