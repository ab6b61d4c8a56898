"""Import a model from a zip; its network is loaded and tried before the import counts."""

from pathlib import Path
from typing import BinaryIO

from pneumo_core.errors import ModelError
from pneumo_core.models import Imported, take_in
from pneumo_core.network import check_known_answers


def import_model(models: Path, content: bytes | BinaryIO, name: str) -> Imported:
    """Import a model from a zip, as `models.take_in` says; the samples are scored with it.

    Args:
        content: the zip, or a seekable file of it.
        name: of the model's new folder.

    Raises:
        ModelError: a file is wrong; the known answers are not reproduced; the name is taken; the folder cannot be
            written to.
    """
    return take_in(models, content, name, _check_network)


def _check_network(folder: Path) -> str:
    """Check the files of network and input gate, load them, score the samples; name anything left unchecked."""
    # TensorFlow is imported only now: a page that lists models must not wait for it.
    from pneumo_core.keras_network.classifier import load_classifier

    answers = check_known_answers(load_classifier(folder), folder)
    if answers.largest_difference is not None and answers.problem:
        raise ModelError(answers.problem)
    return answers.problem
