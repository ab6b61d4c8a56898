"""Where a network's first weights may come from, and whether they can be had: looked up before a run begins."""

import dataclasses
import os
import socket
import urllib.parse
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from pneumo_core.errors import DataError, ModelError, PneumoError
from pneumo_core.files import BACKBONE_WEIGHTS_VARIABLE
from pneumo_core.models import models_in, read_card
from pneumo_core.train.plan import ARCHITECTURES, IMAGENET, RANDOM, WAY_OUT, WEIGHTS_CODE, Recipe
from pneumo_core.wording import disk_in_words

WEIGHTS_SUFFIX = ".weights.h5"
# Where Keras fetches ImageNet weights from, and by which names it keeps them.
KERAS_HOST = ("storage.googleapis.com", 443)
KERAS_FILES = {
    "EfficientNetV2B0": "efficientnetv2-b0_notop.h5",
    "EfficientNetB0": "efficientnetb0_notop.h5",
    "ResNet50": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "VGG16": "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "MobileNetV3Large": "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
}
SECONDS = 2.0


def default_start(architecture: str) -> str:
    """Give where a run starts, as a plan names it, where nobody says so.

    It is the weights file that `PNEUMO_BACKBONE_WEIGHTS` names, there or not, else Keras' own; random weights for a
    backbone of which Keras has none.
    """
    if not ARCHITECTURES[architecture].has_imagenet_weights:
        return RANDOM
    return os.environ.get(BACKBONE_WEIGHTS_VARIABLE) or IMAGENET


def named_weights() -> Path | None:
    """Give the weights file that `PNEUMO_BACKBONE_WEIGHTS` names, where there is one."""
    named = os.environ.get(BACKBONE_WEIGHTS_VARIABLE)
    return Path(named).absolute() if named and Path(named).is_file() else None


def weights_files(roots: Sequence[Path], depth: int = 3) -> list[Path]:
    """List the weights files that a run may start from: the one named for it, and those at most so far below roots."""
    patterns = ["*/" * level + f"*{WEIGHTS_SUFFIX}" for level in range(depth)]
    below = {path for root in roots for pattern in patterns for path in root.glob(pattern)}
    inside = (path for path in below if any(path.resolve().is_relative_to(root.resolve()) for root in roots))
    named = named_weights()
    return [*([named] if named else []), *sorted(path for path in inside if path.is_file() and path != named)]


def models_of(models: Path, architecture: str) -> list[Path]:
    """List the models of a backbone that a run may start from; those whose card does not hold are left out."""
    found = []
    for folder in [models] if not models_in(models) else models_in(models):
        try:
            if read_card(folder).architecture == architecture:
                found.append(folder)
        except (PneumoError, OSError):
            continue
    return found


def imagenet_problem(architecture: str) -> str | None:
    """Say why Keras cannot have a backbone's ImageNet weights right now; None where it has them or can fetch them."""
    if _kept_by_keras(architecture):
        return None
    host, port = _proxy() or KERAS_HOST
    # A name server that does not answer knows no time limit.
    looking = ThreadPoolExecutor(1, thread_name_prefix="look-for-keras")
    try:
        looking.submit(_reach, host, port).result(2 * SECONDS)
        return None
    except (OSError, TimeoutError):
        return (
            f"Keras' ImageNet weights of {architecture} are not on this machine, and {host} cannot be reached from "
            f"here. Expected is a connection, or a .weights.h5 file of {architecture} without its top. {WAY_OUT}"
        )
    finally:
        looking.shutdown(wait=False)


def check_start(recipe: Recipe, start: str, weights: bytes | None = None) -> None:
    """See that a run can begin from where its plan says, before the run has a folder and a name.

    The weights are put into a network once. Of those that Keras must fetch it is only seen whether it can.

    Args:
        weights: a backbone's weights that lie in no file yet: the run would begin with these.

    Raises:
        ModelError: the weights cannot be had, are damaged, or are of another network.
        DataError: the disk refuses to keep uploaded weights for as long as that takes.
    """
    if weights is not None:
        try:
            with TemporaryDirectory() as folder:
                path = Path(folder) / f"uploaded{WEIGHTS_SUFFIX}"
                path.write_bytes(weights)
                check_start(recipe, str(path))
        except OSError as error:
            raise DataError(disk_in_words(error)) from error
        return
    if start == RANDOM:
        return
    if start == IMAGENET and ARCHITECTURES[recipe.architecture].has_imagenet_weights:
        if problem := imagenet_problem(recipe.architecture):
            raise ModelError(problem, WEIGHTS_CODE)
        if not _kept_by_keras(recipe.architecture):
            return
    # TensorFlow comes with it.
    from pneumo_core.train.build import build_network, start_from

    # The head may be large, and begins at random.
    bare = dataclasses.replace(recipe, pooling="average", dense_units=())
    start_from(build_network(bare), bare, start)


def _reach(host: str, port: int) -> None:
    socket.create_connection((host, port), timeout=SECONDS).close()


def _proxy() -> tuple[str, int] | None:
    found = urllib.parse.urlsplit(urllib.request.getproxies().get("https", ""))
    return (found.hostname, found.port or 80) if found.hostname else None


def _kept_by_keras(architecture: str) -> bool:
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    return (folder / "models" / KERAS_FILES[architecture]).is_file()
