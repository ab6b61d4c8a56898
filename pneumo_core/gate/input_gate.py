"""The learned input gate: is this an upright, uninverted, whole frontal chest X-ray?

A chest classifier alone rejects nothing. The gate is a multinomial logistic regression on the network's own features,
which the forward pass gives anyway. It is fitted on the network's training films against pictures made by `negatives`
(`input_gate_fit`).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pneumo_core.errors import ModelError
from pneumo_core.files import small_zip, written_whole

GATE_FILE = "input_gate.npz"
# Upper bounds on the unpacked arrays: the principal components, and each of the others.
MAX_GATE_BYTES, MAX_SMALL_BYTES = 64 * 2**20, 4 * 2**20
HAS_GATE = (
    "This model has a learned input gate: pictures that are no upright, whole frontal chest X-ray are mostly refused."
)
NO_GATE = (
    "This model has no learned input gate. It does not refuse all turned or inverted X-rays, or all images of "
    "something else."
)
UPRIGHT, LEFT, OVER, RIGHT, INVERTED, PART, OTHER = KINDS = (
    "upright",
    "turned left",
    "upside down",
    "turned right",
    "inverted",
    "part or several",
    "other",
)
# Features are clipped at this many standard deviations of the training images.
MOST_DEVIATIONS = 5.0
# Below this probability of an upright chest X-ray an image is refused. docs/input-gate.md says how it was set.
LEAST_PROBABILITY = 0.35
# A film is called far if it differs more from the training films than this share of the validation films does.
NEAR_SHARE = 0.995


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's judgement of one picture.

    Attributes:
        kind: the most likely one of `KINDS`.
        probability: that it is an upright, whole, uninverted frontal chest X-ray.
        is_far: whether its features are farther from the training films' features than those of `NEAR_SHARE` of the
            validation films are.
    """

    kind: str
    probability: float
    is_far: bool

    @property
    def is_refused(self) -> bool:
        # The comparison is negated so that `nan` is refused, too.
        return not self.probability >= LEAST_PROBABILITY

    @property
    def correction(self) -> str | None:
        """Name the correction that makes a refused film readable, one of `suitability.CORRECTIONS`, or None."""
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
            Verdict(KINDS[int(share.argmax())], float(share[0]), not distance <= self.far)
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
        # Half precision halves the file and changes no verdict.
        np.savez_compressed(temporary, **arrays | {"components": gate.components.astype(np.float16)})


def read_gate(folder: Path, weights_sha256: str) -> InputGate | None:
    """Read the gate in a model's folder, which may come from anywhere; None where there is none.

    Raises:
        ModelError: it is damaged, not as `write_gate` writes it, or belongs to other weights.
    """
    path = folder / GATE_FILE
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            gate = _read(file)
    except (ModelError, OSError, LookupError, MemoryError, RecursionError, SyntaxError, TypeError, ValueError) as error:
        raise ModelError(
            f"{GATE_FILE} of the model is damaged, or not as training writes it. Please copy the whole model folder "
            "again, or fit the gate again.",
            code="input_gate_damaged",
        ) from error
    if gate.weights_sha256 != weights_sha256:
        raise ModelError(
            f"{GATE_FILE} belongs to other weights than the model's. Please copy the whole model folder again, or fit "
            "the gate again.",
            code="input_gate_of_other_weights",
        )
    return gate


def _read(file: BinaryIO) -> InputGate:
    """Read a gate's arrays, none of which is made before its size is known."""
    limits = dict.fromkeys((f"{name}.npy" for name in InputGate.__slots__), MAX_SMALL_BYTES)
    limits["components.npy"] = MAX_GATE_BYTES
    with small_zip(file, GATE_FILE, limits) as archive:
        weights = _array(archive.read("weights_sha256.npy"), "<U64")
        centre, scale, coefficients, intercepts, middle, precision = (
            _array(archive.read(f"{name}.npy"), "<f4")
            for name in ("centre", "scale", "coefficients", "intercepts", "middle", "precision")
        )
        components = _array(archive.read("components.npy"), "<f2").astype(np.float32)
        far = _array(archive.read("far.npy"), "<f8")
    features, kept = components.shape
    for array, shape in (
        (weights, ()),
        (far, ()),
        (centre, (features,)),
        (scale, (features,)),
        (coefficients, (kept, len(KINDS))),
        (intercepts, (len(KINDS),)),
        (middle, (kept,)),
        (precision, (kept, kept)),
    ):
        if array.shape != shape:
            raise ValueError("shapes")
    numbers = (centre, scale, components, coefficients, intercepts, middle, precision, far)
    if not all(np.isfinite(array).all() for array in numbers) or not (scale > 0).all():
        raise ValueError("numbers")
    return InputGate(str(weights), centre, scale, components, coefficients, intercepts, middle, precision, float(far))


def _array(content: bytes, kind: str) -> np.ndarray:
    """Give the array of a .npy file of this kind of number; it is as long as its header says."""
    file = io.BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("version")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype != np.dtype(kind) or any(length < 0 for length in shape):
        raise ValueError("kind")
    return np.frombuffer(content, dtype, offset=file.tell()).reshape(shape, order="F" if is_fortran else "C")
