"""The two heads of networks, from pooled maps to one logit: of two classes, and of three.

The head of three classes knows the finding, other abnormalities and normal. With a and b, the log odds of the finding
and of another abnormality, each against normal, its logit is the log odds of the finding against the other two::

    logit = a - log(1 + exp(b)) = a - softplus(b)
"""

import keras
from keras import layers

LOGIT = "logit"
# The layers of a and b.
FINDING, OTHER = "opacity", "other"


def head_of_two(pooled: keras.KerasTensor) -> keras.KerasTensor:
    """Give the logit of the finding, float32 `(n, 1)`, of features `(n, features)`."""
    return layers.Dense(1, name=LOGIT, dtype="float32")(pooled)


def head_of_three(pooled: keras.KerasTensor) -> keras.KerasTensor:
    """Give the log odds of the finding against the other two classes, float32 `(n, 1)`, of features `(n, features)`."""
    finding = layers.Dense(1, name=FINDING, dtype="float32")(pooled)
    other = layers.Dense(1, name=OTHER, dtype="float32")(pooled)
    softplus = layers.Activation("softplus", name="other_softplus", dtype="float32")(other)
    negated = layers.Rescaling(-1.0, name="other_negated", dtype="float32")(softplus)
    return layers.Add(name=LOGIT, dtype="float32")([finding, negated])


def other_logit(network: keras.Model) -> keras.KerasTensor | None:
    """Give the log odds of another abnormality against normal, float32 `(n, 1)`; None where two classes are known."""
    found = {layer.name: layer for layer in network.layers}
    end, branches = found.get(LOGIT), [found.get(FINDING), found.get(OTHER)]
    is_of_three = isinstance(end, layers.Add) and all(
        isinstance(branch, layers.Dense) and branch.units == 1 for branch in branches
    )
    return found[OTHER].output if is_of_three else None
