"""A reader against the network on the same films: read first, then reveal.

A quiz is a value, and each step gives a new one. It lives as long as its holder. Nothing of it is written down, and it
holds no film's name.
"""

import csv
import io
import json
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from pneumo_core.data import UNNAMED_FILM, SourceFilm
from pneumo_core.errors import DataError, UnreadableImageError, UnsuitableImageError
from pneumo_core.files import SAMPLES, plain_cell
from pneumo_core.film import Radiograph, read_radiograph
from pneumo_core.stats import ConfusionMatrix, ShareComparison, brier_score, compare_shares, p_in_words
from pneumo_core.wording import counted

QUIZ_HASH_DIGITS = 16
LEAST_CONFIDENCE, MOST_CONFIDENCE = 0.5, 0.99
LEVEL = 0.05
# McNemar's exact p of five films that all favour one side is 2 / 2**5 = 0.06. Fewer cannot be below the level either.
FEWEST_DIFFERING = 6
_SAMPLE_LABELS = {"made from NORMAL films": False, "made from PNEUMONIA films": True}
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Question:
    """A film to be read: its place in the source, and the reference standard."""

    number: int
    has_pneumonia: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The answers of reader and network to one film.

    Attributes:
        says_pneumonia: the reader's side.
        confidence: the reader's confidence in that side, in [0.5, 0.99].
        seconds: the time from the film's display to the answer.
        probability: the network's, calibrated, in [0, 1].
        film_sha256: hex digest of the film's file.
        is_known: the network was trained on this film or validated with it.
    """

    question: Question
    says_pneumonia: bool
    confidence: float
    seconds: float
    probability: float
    film_sha256: str
    is_known: bool

    @property
    def stated_probability(self) -> float:
        """Give the reader's probability of pneumonia, from side and confidence, in [0.01, 0.99]."""
        return self.confidence if self.says_pneumonia else 1 - self.confidence

    def is_flagged(self, threshold: float) -> bool:
        """True where the network's probability is at the threshold or above."""
        return self.probability >= threshold

    def is_flagged_by_both(self, threshold: float) -> bool:
        """True where reader and network together favour pneumonia: their log odds add up to more than 0.

        This is a logarithmic opinion pool (Genest & Zidek, Stat Sci 1:114, 1986) with equal weights. The network's log
        odds are counted from its threshold, where it changes sides. So the sum has a side and is no probability.
        Neither counts for more than a probability of 0.99 would.
        """
        reader = _log_odds(self.confidence) if self.says_pneumonia else -_log_odds(self.confidence)
        network = _log_odds(self.probability) - _log_odds(threshold)
        most = _log_odds(MOST_CONFIDENCE)
        together = max(-most, min(reader, most)) + max(-most, min(network, most))
        # The sum of 0.8 against 0.2 is 0 apart from rounding.
        return round(together, 9) > 0


@dataclass(frozen=True, slots=True)
class Quiz:
    """Films to be read one after the other, and the answers so far.

    Attributes:
        questions: in the order in which they are asked.
        threshold: the network flags a film whose probability is at least this.
        model: the identity of its card.
        place: the current film's place among the questions; their number once the quiz is over.
        shown_at: the time of the current film's display, in seconds of `time.monotonic`; None before.
        answers: in the order of the questions.
        refusals: the reasons for films that were passed over, in whole sentences.
    """

    questions: tuple[Question, ...]
    threshold: float
    model: str
    place: int = 0
    shown_at: float | None = None
    answers: tuple[Answer, ...] = ()
    refusals: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        return self.place == len(self.questions)

    @property
    def question(self) -> Question:
        """Give the current film; a quiz that is over has none."""
        return self.questions[self.place]

    @property
    def is_revealed(self) -> bool:
        """True where the current film has its answer."""
        return not self.is_over and bool(self.answers) and self.answers[-1].question == self.question

    def shown(self) -> "Quiz":
        """Start the clock, once a film."""
        return self if self.shown_at is not None else replace(self, shown_at=time.monotonic())

    def answered(
        self, says_pneumonia: bool, confidence: float, probability: float, film_sha256: str, is_known: bool
    ) -> "Quiz":
        """Take the current film's answer, as `Answer` has it, and stop the clock; a second answer is ignored."""
        if self.is_over or self.is_revealed or self.shown_at is None:
            return self
        seconds = time.monotonic() - self.shown_at
        answer = Answer(self.question, says_pneumonia, confidence, seconds, probability, film_sha256, is_known)
        return replace(self, answers=(*self.answers, answer))

    def next_film(self) -> "Quiz":
        """Go on to the next film, once the current one has its answer."""
        return replace(self, place=self.place + 1, shown_at=None) if self.is_revealed else self

    def passed_over(self, refusal: str) -> "Quiz":
        """Go on without the current film, which cannot be read."""
        return replace(self, place=self.place + 1, shown_at=None, refusals=(*self.refusals, refusal))

    def finished(self) -> "Quiz":
        """End here, with the answers so far."""
        return replace(self, place=len(self.questions))


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """Reader, network, and both together on the films that were answered.

    Attributes:
        reader, network, both: against the reference standard; their rates have Wilson's intervals.
        reader_brier, network_brier: of the stated probabilities; 0 is best; `nan` without films. Reader and network
            together state no probability.
        seconds: the median time for a film; `nan` without films.
        against_network: the reader (first) and the network (second), McNemar's test.
        against_both: the reader (first) and both together (second).
        known: the number of films that the network was trained on or validated with.
    """

    reader: ConfusionMatrix
    network: ConfusionMatrix
    both: ConfusionMatrix
    reader_brier: float
    network_brier: float
    seconds: float
    against_network: ShareComparison
    against_both: ShareComparison
    known: int

    @property
    def n(self) -> int:
        return self.reader.n

    @property
    def right(self) -> tuple[int, int, int]:
        """Count the films that reader, network, and both together were right on."""
        matrices = (self.reader, self.network, self.both)
        reader, network, both = (matrix.true_positives + matrix.true_negatives for matrix in matrices)
        return reader, network, both


def sample_films() -> tuple[SourceFilm, ...]:
    """Give the sample films, each labelled by its origin; one made from both kinds has no label."""
    return tuple(
        SourceFilm(
            entry["file"], _SAMPLE_LABELS.get(entry["kind"]), entry["file"], "", (SAMPLES / entry["file"]).read_bytes
        )
        for entry in json.loads((SAMPLES / "samples.json").read_text(encoding="utf-8"))
    )


def most_questions(films: Sequence[SourceFilm], is_balanced: bool) -> int:
    """Count the films that a quiz can ask at most: those with a label, one of each patient.

    Args:
        is_balanced: as many with pneumonia as without.

    Raises:
        DataError: there is none; the text says why.
    """
    patients = {label: {film.patient for film in films if film.has_pneumonia is label} for label in (True, False)}
    if not any(patients.values()):
        raise DataError(
            f"None of {counted(len(films), 'image')} has a label. Labels come from folders named NORMAL and PNEUMONIA, "
            "or from a CSV with the columns file,label. Please choose labelled images.",
            code="no_labels",
        )
    most = len(patients[True] | patients[False])
    if not is_balanced:
        return most
    of_each = min(len(patients[True]), len(patients[False]), most // 2)
    if not of_each:
        kind = "of one patient" if all(patients.values()) else f"with{'' if patients[True] else 'out'} pneumonia"
        raise DataError(
            f"All images with a label are {kind}. Equal numbers need images of both kinds and of two patients. Please "
            "switch equal numbers off, or choose other images.",
            code="one_patient_only" if all(patients.values()) else "one_kind_only",
        )
    return 2 * of_each


def draw_quiz(
    films: Sequence[SourceFilm],
    count: int,
    is_balanced: bool,
    threshold: float,
    model: str,
    seed: int | None = None,
) -> Quiz:
    """Draw which labelled films are asked, and in which order: at most one of each patient.

    Args:
        count: the largest number of questions; at least 2 where balanced.
        is_balanced: as many with pneumonia as without.
        threshold, model: as in `Quiz`.
        seed: of the draw; without one each quiz differs.
    """
    draw = random.Random(seed)
    numbers = list(range(len(films)))
    draw.shuffle(numbers)
    of_patient: dict[str, dict[bool, Question]] = {}
    for number in numbers:
        label = films[number].has_pneumonia
        if label is not None:
            of_patient.setdefault(films[number].patient, {}).setdefault(label, Question(number, label))
    kinds: dict[bool, list[Question]] = {True: [], False: []}
    # A patient with films of both kinds comes last, and fills up the side that has fewer.
    for choice in sorted(of_patient.values(), key=len):
        label = min(choice, key=lambda kind: len(kinds[kind]))
        kinds[label].append(choice[label])
    of_each = min(count // 2, *map(len, kinds.values())) if is_balanced else len(films)
    questions = [question for kind in kinds.values() for question in kind[:of_each]]
    draw.shuffle(questions)
    return Quiz(tuple(questions[:count]), threshold, model)


def read_film(quiz: Quiz, films: Sequence[SourceFilm], read: Callable[[Radiograph], Read]) -> tuple[Quiz, Read | None]:
    """Read the current film, or the next one that is not refused; refused ones are passed over.

    Args:
        films: those that the quiz was drawn from.
        read: gets the film, which carries no name.

    Returns:
        the quiz, and the result of `read`; None where the quiz is over.
    """
    while not quiz.is_over:
        try:
            return quiz, read(read_radiograph(films[quiz.question.number].read(), UNNAMED_FILM))
        except (UnreadableImageError, UnsuitableImageError) as refusal:
            reason = str(refusal)
            # A refusal from opening the file begins after the name.
            quiz = quiz.passed_over(reason if reason.startswith(UNNAMED_FILM) else f"{UNNAMED_FILM} {reason}")
    return quiz, None


def scoreboard(answers: Sequence[Answer], threshold: float) -> Scoreboard:
    """Score reader, network at its threshold, and both together on the same films."""
    has_pneumonia = np.array([answer.question.has_pneumonia for answer in answers], bool)
    reader = np.array([answer.says_pneumonia for answer in answers], bool)
    network = np.array([answer.is_flagged(threshold) for answer in answers], bool)
    both = np.array([answer.is_flagged_by_both(threshold) for answer in answers], bool)
    stated = np.array([answer.stated_probability for answer in answers], float)
    probabilities = np.array([answer.probability for answer in answers], float)
    reader_right = reader == has_pneumonia
    return Scoreboard(
        reader=ConfusionMatrix.count(has_pneumonia, reader),
        network=ConfusionMatrix.count(has_pneumonia, network),
        both=ConfusionMatrix.count(has_pneumonia, both),
        reader_brier=brier_score(has_pneumonia, stated),
        network_brier=brier_score(has_pneumonia, probabilities),
        seconds=statistics.median(answer.seconds for answer in answers) if answers else math.nan,
        against_network=compare_shares(reader_right, network == has_pneumonia),
        against_both=compare_shares(reader_right, both == has_pneumonia),
        known=sum(answer.is_known for answer in answers),
    )


def findings(board: Scoreboard) -> tuple[str, ...]:
    """Compare reader, network and both together in whole sentences, within the limits of the films."""
    if not board.n:
        return ("No image was answered, so there is nothing to score.",)
    alone = board.against_network
    return (
        _finding(alone, "the network"),
        f"The network would have led you astray on {counted(alone.only_first_right, 'image')} (you right, it wrong). "
        f"It would have put you right on {counted(alone.only_second_right, 'image')} (it right, you wrong).",
        _finding(board.against_both, "both together"),
    )


def answers_csv(quiz: Quiz, names: Sequence[str] | None = None) -> bytes:
    """Give one row for each answer, in the order of the quiz.

    Args:
        names: the films' file names by number, for a column of their own; without them there is no such column.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        [
            "order",
            *(["file"] if names is not None else []),
            "film_sha256_start",
            "has_pneumonia",
            "reader_says_pneumonia",
            "reader_confidence",
            "seconds",
            "network_probability",
            "network_flagged",
            "both_flagged",
            "known_to_network",
        ]
    )
    for order, answer in enumerate(quiz.answers, start=1):
        writer.writerow(
            [
                order,
                *([plain_cell(names[answer.question.number])] if names is not None else []),
                answer.film_sha256[:QUIZ_HASH_DIGITS],
                int(answer.question.has_pneumonia),
                int(answer.says_pneumonia),
                f"{answer.confidence:.2f}",
                f"{answer.seconds:.1f}",
                f"{answer.probability:.6f}",
                int(answer.is_flagged(quiz.threshold)),
                int(answer.is_flagged_by_both(quiz.threshold)),
                int(answer.is_known),
            ]
        )
    return file.getvalue().encode()


def _finding(share: ShareComparison, other: str) -> str:
    """Compare the reader with another on the same films, and say whether chance explains the difference."""
    n, difference = share.difference.n, share.difference
    differing = share.only_first_right + share.only_second_right
    counts = (
        f"You were right on {share.both_right + share.only_first_right} of {counted(n, 'image')}, {other} on "
        f"{share.both_right + share.only_second_right}."
    )
    if differing < FEWEST_DIFFERING:
        return (
            f"{counts} These are too few to tell anything. Only one of the two was right on "
            f"{counted(differing, 'image')}, and fewer than {FEWEST_DIFFERING} such images cannot rule out chance."
        )
    figures = (
        f"you less {other}: {100 * difference.value:+.0f} points, 95 % interval {100 * difference.low:+.0f} to "
        f"{100 * difference.high:+.0f}; McNemar's {p_in_words(share.p)}"
    )
    if share.p >= LEVEL or difference.low <= 0 <= difference.high:
        return f"{counts} These {n} images do not show a difference beyond chance ({figures})."
    return f"{counts} The difference on these {n} images is more than chance would easily give ({figures})."


def _log_odds(probability: float) -> float:
    # A probability that was rounded to 0 or 1 has infinite log odds.
    kept = min(max(probability, 1e-12), 1 - 1e-12)
    return math.log(kept / (1 - kept))
