"""The one home of Keras internals.

Keras promises nothing of this. `tests/keras_network/test_keras_inside.py` names the version that was inspected.
"""

import keras

# A .keras file names these modules as the origin of its graph and of sums and products in it.
SAVED_GRAPH = ("keras.src.models.functional", "Functional")
SAVED_OPERATIONS = "keras.src.ops.numpy"


def keep_kernels() -> None:
    """Keep TensorFlow's compiled kernels for as long as the process lives.

    Streamlit calls `keras.backend.clear_session` before each run of a page. The call frees nothing that we hold. It
    makes TensorFlow prepare the whole network again: 0.6 s in every run that reads a film, during other sessions' runs.
    """
    keras.backend.clear_session = _keep_session


def _keep_session() -> None:
    """Do nothing."""
