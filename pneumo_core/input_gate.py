"""The learned input gate: is this an upright, uninverted, whole frontal chest X-ray?

A chest classifier alone rejects nothing. The gate is a multinomial logistic regression on the network's own features,
which the forward pass gives anyway, fitted on its training films against pictures made by `negatives`
(`input_gate_fit`).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumo_core.errors import ModelError
from pneumo_core.whole_file import written_whole

GATE_FILE = "input_gate.npz"
MAX_GATE_BYTES = 64 * 2**20
UPRIGHT, LEFT, OVER, RIGHT, INVERTED, PART, OTHER = KINDS = (
    "upright",
    "turned left",
    "upside down",
    "turned right",
    "inverted",
    "part or several",
    "other",
)
# A feature counts as so many standard deviations of the training pictures' at most.
MOST_DEVIATIONS = 5.0
# A picture less probably an upright chest film is refused; what was in view when it was set: docs/input-gate.md.
LEAST_PROBABILITY = 0.35
# Of the training films' distances, this share lies nearer.
NEAR_SHARE = 0.995


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of one picture.

    Attributes:
        kind: the most likely one of `KINDS`.
        probability: that it is an upright, whole, uninverted frontal chest X-ray.
        is_far: whether its features lie farther from the training films' than nearly all of these do.
    """

    kind: str
    probability: float
    is_far: bool

    @property
    def is_refused(self) -> bool:
        return self.probability < LEAST_PROBABILITY

    @property
    def correction(self) -> str | None:
        """Name what would make a refused film one to be read, one of `suitability.CORRECTIONS`; None where nothing."""
        return self.kind if self.is_refused and self.kind in (LEFT, OVER, RIGHT, INVERTED) else None


@dataclass(frozen=True, slots=True, eq=False)
class InputGate:
    """A fitted gate; it belongs to one network's weights.

    Attributes:
        weights_sha256: of the network whose features it judges.
        centre, scale: float32 `(features,)`, to standardise by.
        components: float32 `(features, kept)`: principal components, each divided by its deviation.
        coefficients: float32 `(kept, kinds)`.
        intercepts: float32 `(kinds,)`.
        middle: float32 `(kept,)`, of the training films.
        precision: float32 `(kept, kept)`, the inverse of their covariance.
        far: distance that `NEAR_SHARE` of validation films stay below.
    """

    weights_sha256: str
    centre: np.ndarray
    scale: np.ndarray
    components: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray
    middle: np.ndarray
    precision: np.ndarray
    far: float

    def judge(self, features: np.ndarray) -> list[Verdict]:
        """Judge pictures by their features, float32 `(n, features)` as `Classifier` gives them."""
        kept = self.reduced(features)
        scores = kept @ self.coefficients + self.intercepts
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return [
            Verdict(KINDS[int(share.argmax())], float(share[0]), bool(distance > self.far))
            for share, distance in zip(shares, self.distances(kept), strict=True)
        ]

    def reduced(self, features: np.ndarray) -> np.ndarray:
        """Give standardised principal components: float32 `(n, kept)`."""
        return standardised(features, self.centre, self.scale) @ self.components

    def distances(self, kept: np.ndarray) -> np.ndarray:
        """Give Mahalanobis distances from the training films: float `(n,)`."""
        off = kept - self.middle
        return np.sqrt(np.maximum(0.0, np.einsum("ij,jk,ik->i", off, self.precision, off)))


def standardised(features: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Give features in standard deviations, float32 `(n, features)`, none farther out than `MOST_DEVIATIONS`."""
    return np.clip((features - centre) / scale, -MOST_DEVIATIONS, MOST_DEVIATIONS)


def write_gate(gate: InputGate, folder: Path) -> None:
    """Write a gate into a model's folder; the file is whole or not there."""
    with written_whole(folder / GATE_FILE) as temporary:
        arrays = {name: getattr(gate, name) for name in InputGate.__slots__}
        # Half the file, and no verdict changes.
        np.savez_compressed(temporary, **arrays | {"components": gate.components.astype(np.float16)})


def read_gate(folder: Path, weights_sha256: str) -> InputGate | None:
    """Read the gate in a model's folder; None where there is none.

    Raises:
        ModelError: it is damaged, or belongs to other weights.
    """
    path = folder / GATE_FILE
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > MAX_GATE_BYTES:
            raise ValueError("too large")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in InputGate.__slots__}
        gate = InputGate(
            **arrays
            | {
                "weights_sha256": str(arrays["weights_sha256"]),
                "components": arrays["components"].astype(np.float32),
                "far": float(arrays["far"]),
            }
        )
        shapes = (gate.scale.shape, gate.components.shape, gate.coefficients.shape, gate.middle.shape)
        features, kept = gate.components.shape
        if shapes != (gate.centre.shape, (features, kept), (kept, len(KINDS)), (kept,)):
            raise ValueError("shapes")
        if not all(np.isfinite(values).all() for name, values in arrays.items() if name != "weights_sha256"):
            raise ValueError("not finite")
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is damaged. Please copy the model again, or fit its gate again.") from error
    if gate.weights_sha256 != weights_sha256:
        raise ModelError(f"{path} belongs to other weights. Please copy the model again, or fit its gate again.")
    return gate
