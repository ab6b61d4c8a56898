"""Time one film scored and explained by what else could be chosen: the usual ways, and other engines.

    python -m benchmarks.engines [--films FOLDER] [--repetitions 30] [--record docs/benchmarks]

All take turns on the same film, as the network gets it. What is not installed is left out, and named:
`pip install '.[benchmarks]'` has all of it. FOLDER holds films over which probabilities are compared;
without it the samples are.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
import tensorflow as tf
from tf_keras_vis.gradcam import Gradcam

from benchmarks.record import Cell, Table, record_option, tell
from benchmarks.timing import in_turns, ratio
from pneumo_core.files import models_folder, sample_files
from pneumo_core.film import prepare, read_radiograph
from pneumo_core.keras_network import KerasClassifier, gate_features, keras_engine, load_classifier, openvino_engine
from pneumo_core.network import OPENVINO
from pneumo_core.stats import Calibration, probabilities

PASSES, RESULTS = "The pass alone", "Score and heat map"
BARE = "TensorFlow, compiled, the logit only"
TENSORFLOW = "TensorFlow, compiled"
USUAL = "the usual way: model.predict, and tf-keras-vis on the full network"
DENSENET = "torchxrayvision's DenseNet121"
# As pip calls each package, and as it is imported.
IMPORTED_AS = {
    "openvino": "openvino",
    "onnxruntime": "onnxruntime",
    "tf2onnx": "tf2onnx",
    "torchxrayvision": "torchxrayvision",
    "grad-cam": "pytorch_grad_cam",
}
MOST_FILMS = 104
Way = Callable[[np.ndarray], object]
Pass = Callable[[np.ndarray], Sequence[Any]]


def whole_network(classifier: KerasClassifier) -> keras.Model:
    """Give film -> logit, explained feature maps, gate features: all that a reading needs of the network's body."""
    network, layer = classifier.network, classifier.card.explained_layer
    return keras.Model(network.input, [network.output, network.get_layer(layer).output, gate_features(network, layer)])


def bare_pass(network: keras.Model) -> Way:
    """Let TensorFlow run a network, compiled, for its logit."""
    signature = [tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)]
    forward = tf.function(lambda films: network(films, training=False), input_signature=signature)
    return lambda films: forward(tf.constant(films)).numpy()


def onnx_pass(network: keras.Model) -> Pass:
    """Let ONNX Runtime run a network."""
    import onnxruntime
    import tf2onnx
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    signature = [tf.TensorSpec((None, *network.input_shape[1:]), tf.float32, name="films")]
    traced = tf.function(lambda films: network(films, training=False), input_signature=signature)
    frozen = convert_variables_to_constants_v2(traced.get_concrete_function())
    names = [[tensor.name for tensor in tensors] for tensors in (frozen.inputs, frozen.outputs)]
    converted, _ = tf2onnx.convert.from_graph_def(frozen.graph.as_graph_def(), None, *names, opset=18)
    session = onnxruntime.InferenceSession(converted.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda films: session.run(None, {names[0][0]: films})


def usual_way(classifier: KerasClassifier) -> Way:
    """Give what most Streamlit apps do: `model.predict`, and tf-keras-vis on the full network."""
    network, layer = classifier.network, classifier.card.explained_layer
    gradcam = Gradcam(network, clone=False)

    def score_and_explain(films: np.ndarray) -> object:
        network.predict(films, verbose=0)
        return gradcam(lambda logit: logit[:, 0], films, penultimate_layer=layer)

    return score_and_explain


def densenet() -> tuple[Way, Way]:
    """Give torchxrayvision's DenseNet121 with random weights: its score, and its score with pytorch-grad-cam."""
    import torch
    import torchxrayvision
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network = torchxrayvision.models.DenseNet(weights=None).eval()
    gradcam = GradCAM(model=network, target_layers=[network.features.norm5])
    target = ClassifierOutputTarget(torchxrayvision.datasets.default_pathologies.index("Pneumonia"))

    def tensor(films: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(torchxrayvision.utils.normalize(np.moveaxis(films, -1, 1), 255))

    def score(films: np.ndarray) -> object:
        with torch.no_grad():
            return network(tensor(films))

    def score_and_explain(films: np.ndarray) -> object:
        score(films)
        return gradcam(tensor(films), targets=[target])

    return score, score_and_explain


def installed(*packages: str) -> bool:
    """Say whether all of these are here; name on standard error those that are not."""
    missing = [package for package in packages if find_spec(IMPORTED_AS[package]) is None]
    if missing:
        click.echo(f"left out, not installed: {', '.join(missing)} (pip install '.[benchmarks]')", err=True)
    return not missing


def compared_films(classifier: KerasClassifier, folder: Path | None) -> list[np.ndarray]:
    """Give films as the network gets them, spread over a folder; without one the samples."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder else sample_files()
    spread = paths[:: -(-len(paths) // MOST_FILMS)]
    return [prepare(read_radiograph(path).pixels, classifier.card.preprocessing)[np.newaxis] for path in spread]


def largest_differences(
    passes: Mapping[str, Pass], films: Sequence[np.ndarray], calibration: Calibration
) -> dict[str, float]:
    """Give how far each pass's probabilities are from TensorFlow's, at most."""
    found = {
        name: probabilities(np.array([float(way(film)[0][0, 0]) for film in films]), calibration)
        for name, way in passes.items()
    }
    return {name: float(np.abs(scores - found[TENSORFLOW]).max()) for name, scores in found.items()}


@click.command()
@click.option("--films", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--repetitions", default=30, show_default=True)
@record_option
def benchmark(films: Path | None, repetitions: int, record: Path | None) -> None:
    """Time one film scored and explained by what else could be chosen."""
    loaded = load_classifier(models_folder())
    network, card = loaded.network, loaded.card
    # Whatever PNEUMO_ENGINE says.
    ours = KerasClassifier(network, card, gate=loaded.gate)
    compared = compared_films(ours, films)
    whole = whole_network(ours)
    passes: dict[str, Pass] = {TENSORFLOW: keras_engine(whole).forward}
    results: dict[str, Way] = {"ours": lambda film: ours.look(film[0])}
    packages = []
    if installed("openvino"):
        packages.append("openvino")
        passes["OpenVINO, float32"] = openvino_engine(whole).forward
        passes["OpenVINO, bfloat16"] = openvino_engine(whole, "bf16").forward
        chosen = KerasClassifier(network, card, gate=loaded.gate, engine=OPENVINO)
        results["ours, with PNEUMO_ENGINE=openvino"] = lambda film: chosen.look(film[0])
    if installed("onnxruntime", "tf2onnx"):
        packages += ["onnxruntime", "tf2onnx"]
        passes["ONNX Runtime, float32"] = onnx_pass(whole)
    results[USUAL] = usual_way(ours)
    scores: dict[str, Way] = {BARE: bare_pass(network), **passes}
    if installed("torchxrayvision", "grad-cam"):
        packages += ["torch", "torchxrayvision", "grad-cam"]
        scores[DENSENET], results[f"{DENSENET}, and pytorch-grad-cam"] = densenet()

    differences = largest_differences(passes, compared, card.first.calibration)
    film = compared[0]
    ways = {name: partial(way, film) for name, way in (scores | results).items()}
    times = in_turns(ways, repetitions)

    def row(name: str) -> tuple[Cell, ...]:
        return name, round(statistics.median(times[name]), 1), round(ratio(times[name], times[BARE]), 2)

    differ = f"largest difference in probability, {len(compared)} films"
    tables = [
        Table(
            PASSES,
            ("way", "ms", "times the bare pass", differ),
            tuple((*row(name), float(f"{differences[name]:.1g}") if name in differences else None) for name in scores),
        ),
        Table(RESULTS, ("way", "ms", "times the bare pass"), tuple(row(name) for name in results)),
    ]
    tell(record, "engines", tables, card, ours.device, packages, {"repetitions": repetitions, "films": len(compared)})


if __name__ == "__main__":
    benchmark()
