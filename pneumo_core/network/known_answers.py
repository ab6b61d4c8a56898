"""The scores that a model gave to the sample films where it was made; every machine must reproduce them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.files import file_sha256, sample_files, write_whole
from pneumo_core.film import read_radiograph
from pneumo_core.models import KNOWN_ANSWERS_FILE

if TYPE_CHECKING:
    # The import is for types only, because a page draws itself before TensorFlow has been imported.
    from pneumo_core.network.classifier import Classifier

KNOWN_ANSWER_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class AnswersCheck:
    """The result of scoring the samples again.

    Attributes:
        samples: the number with a known answer.
        largest_difference: between a probability and its known answer, in [0, 1]. None where there are no known
            answers, or where they belong to other sample films.
        problem: the problem, as a sentence for the reader; "" where there is none.
    """

    samples: int
    largest_difference: float | None
    problem: str


def record_known_answers(classifier: Classifier, folder: Path) -> None:
    """Record a model's scores of the samples in its folder; the file is whole or not there.

    Raises:
        UnreadableImageError: a sample cannot be read.
    """
    answers = {
        path.name: {"sha256": file_sha256(path), "probability": _probability(classifier, path)}
        for path in sample_files()
    }
    write_whole(folder / KNOWN_ANSWERS_FILE, json.dumps(answers, indent=2).encode() + b"\n")


def check_known_answers(classifier: Classifier, folder: Path) -> AnswersCheck:
    """Score the samples again and compare with the known answers in a model's folder.

    Raises:
        UnreadableImageError: a sample cannot be read.
    """
    path, samples = folder / KNOWN_ANSWERS_FILE, sample_files()
    if not path.is_file():
        return AnswersCheck(
            0,
            None,
            f"The model {classifier.card.name} has no {KNOWN_ANSWERS_FILE}. So its scores cannot be compared with "
            "those where it was made. Please run `doctor --record` there.",
        )
    known = _read(path)
    if known.keys() != {sample.name for sample in samples} or not known:
        return AnswersCheck(
            len(known),
            None,
            f"{KNOWN_ANSWERS_FILE} covers {len(known)} samples, but {len(samples)} other ones are here. Please copy "
            "the samples and the model from the same version of the project.",
        )
    changed = [sample.name for sample in samples if known[sample.name][0] not in (None, file_sha256(sample))]
    if changed:
        return AnswersCheck(
            len(known),
            None,
            f"{KNOWN_ANSWERS_FILE} covers other sample images than those here ({len(changed)} of {len(samples)} "
            "differ). Please copy the samples and the model from the same version of the project.",
        )
    worst = max(abs(_probability(classifier, sample) - known[sample.name][1]) for sample in samples)
    problem = (
        f"The samples' scores differ by up to {worst:.3f} from their known answers (expected: at most "
        f"{KNOWN_ANSWER_TOLERANCE}). Please install the pinned requirements again, or copy the model again."
    )
    return AnswersCheck(len(known), worst, problem if worst > KNOWN_ANSWER_TOLERANCE else "")


def _probability(classifier: Classifier, sample: Path) -> float:
    film = classifier.framed(read_radiograph(sample).pixels).film
    return float(classifier.score(film[None])[0])


def _read(path: Path) -> Mapping[str, tuple[str | None, float]]:
    """Give each file's hash, if recorded (since 0.2), and the probability; nothing where damaged."""

    def answer(value: Any) -> tuple[str | None, float]:
        sha256, probability = (str(value["sha256"]), value["probability"]) if isinstance(value, dict) else (None, value)
        if not 0 <= float(probability) <= 1:
            raise ValueError("no probability")
        return sha256, float(probability)

    try:
        answers = json.loads(path.read_bytes())
        return {name: answer(value) for name, value in answers.items()}
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return {}
