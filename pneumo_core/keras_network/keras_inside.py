"""The one home of what Keras keeps to itself.

Nothing here is promised by Keras. `tests/keras_network/test_keras_inside.py` names the version it was looked at with.
"""

import keras

# Where a .keras file says that its graph, and sums and products in it, come from.
SAVED_GRAPH = ("keras.src.models.functional", "Functional")
SAVED_OPERATIONS = "keras.src.ops.numpy"


def keep_kernels() -> None:
    """Keep TensorFlow's compiled kernels for as long as the process lives.

    Streamlit calls `keras.backend.clear_session` before each run of a page. It frees nothing that we hold, and lets
    TensorFlow prepare the whole network anew: 0.6 s in every run that reads a film, in the middle of other sessions'.
    """
    keras.backend.clear_session = _keep_session


def _keep_session() -> None:
    """Do nothing."""
