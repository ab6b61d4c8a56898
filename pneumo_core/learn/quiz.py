"""A reader against the network on the same films: read first, then reveal.

A quiz is a value, and every step of it gives another one. It lives as long as who holds it; nothing of it is written
down, and no film's name is in it.
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
# McNemar's exact p of five films that all speak for one side is 2 / 2**5 = 0.06: none so few can be below the level.
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
    """What reader and network said of one film.

    Attributes:
        says_pneumonia: the reader's side.
        confidence: how sure the reader was of that side, in [0.5, 0.99].
        seconds: from the film on the screen to the answer.
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
        """What the reader's side and confidence say of pneumonia, in [0.01, 0.99]."""
        return self.confidence if self.says_pneumonia else 1 - self.confidence

    def is_flagged(self, threshold: float) -> bool:
        """True where the network's probability is at the threshold or above."""
        return self.probability >= threshold

    def is_flagged_by_both(self, threshold: float) -> bool:
        """True where reader and network together speak for pneumonia: their log odds add up to more than 0.

        A logarithmic opinion pool (Genest & Zidek, Stat Sci 1:114, 1986) in which both weigh the same. The network's
        log odds are counted from its threshold, where it changes sides, so that the sum has a side and is no
        probability. Neither counts for more than a probability of 0.99 would.
        """
        reader = _log_odds(self.confidence) if self.says_pneumonia else -_log_odds(self.confidence)
        network = _log_odds(self.probability) - _log_odds(threshold)
        most = _log_odds(MOST_CONFIDENCE)
        together = max(-most, min(reader, most)) + max(-most, min(network, most))
        # 0.8 against 0.2 is 0 but for rounding.
        return round(together, 9) > 0


@dataclass(frozen=True, slots=True)
class Quiz:
    """Films to be read one after the other, and the answers so far.

    Attributes:
        questions: in the order in which they are asked.
        threshold: the network flags a film from this probability on.
        model: the identity of its card.
        place: of the film at hand among the questions; their number once the quiz is over.
        shown_at: when the film at hand came on the screen, in seconds of `time.monotonic`; None before.
        answers: in the order of the questions.
        refusals: why films were passed over, in whole sentences.
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
        """The film at hand; a quiz that is over has none."""
        return self.questions[self.place]

    @property
    def is_revealed(self) -> bool:
        """True where the film at hand has its answer."""
        return not self.is_over and bool(self.answers) and self.answers[-1].question == self.question

    def shown(self) -> "Quiz":
        """Start the clock, once a film."""
        return self if self.shown_at is not None else replace(self, shown_at=time.monotonic())

    def answered(
        self, says_pneumonia: bool, confidence: float, probability: float, film_sha256: str, is_known: bool
    ) -> "Quiz":
        """Take the answer for the film at hand, as `Answer` has it, and stop the clock; a second answer is none."""
        if self.is_over or self.is_revealed or self.shown_at is None:
            return self
        seconds = time.monotonic() - self.shown_at
        answer = Answer(self.question, says_pneumonia, confidence, seconds, probability, film_sha256, is_known)
        return replace(self, answers=(*self.answers, answer))

    def next_film(self) -> "Quiz":
        """Go on to the next film, once the one at hand has its answer."""
        return replace(self, place=self.place + 1, shown_at=None) if self.is_revealed else self

    def passed_over(self, refusal: str) -> "Quiz":
        """Go on without the film at hand, which cannot be read."""
        return replace(self, place=self.place + 1, shown_at=None, refusals=(*self.refusals, refusal))

    def finished(self) -> "Quiz":
        """End here, with the answers so far."""
        return replace(self, place=len(self.questions))


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """Reader, network, and both together on the films that were answered.

    Attributes:
        reader, network, both: against the reference standard; their rates have Wilson's intervals.
        reader_brier, network_brier: of the stated probabilities, 0 is best; `nan` without films. Both together state
            none.
        seconds: the median time for a film; `nan` without films.
        against_network: the reader (first) and the network (second), McNemar's test.
        against_both: the reader (first) and both together (second).
        known: how many of the films the network was trained on or validated with.
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
        """On how many films reader, network, and both together were right."""
        matrices = (self.reader, self.network, self.both)
        reader, network, both = (matrix.true_positives + matrix.true_negatives for matrix in matrices)
        return reader, network, both


def sample_films() -> tuple[SourceFilm, ...]:
    """Give the sample films; what one was made from is its label, and one made from both kinds has none."""
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
            f"None of {counted(len(films), 'film')} has a label. Expected are folders named NORMAL and PNEUMONIA, or "
            "a CSV with the columns file,label. Please choose labelled films."
        )
    most = len(patients[True] | patients[False])
    if not is_balanced:
        return most
    of_each = min(len(patients[True]), len(patients[False]), most // 2)
    if not of_each:
        kind = "of one patient" if all(patients.values()) else f"with{'' if patients[True] else 'out'} pneumonia"
        raise DataError(
            f"All films with a label are {kind}. For as many of each kind, films of both kinds and of two patients "
            "are needed. Please switch that off, or choose other films."
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
        count: so many at most; at least 2 where balanced.
        is_balanced: as many with pneumonia as without.
        threshold, model: as in `Quiz`.
        seed: another quiz each time unless given.
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
    # A patient with films of both kinds comes last, and stands on the side that has fewer.
    for choice in sorted(of_patient.values(), key=len):
        label = min(choice, key=lambda kind: len(kinds[kind]))
        kinds[label].append(choice[label])
    of_each = min(count // 2, *map(len, kinds.values())) if is_balanced else len(films)
    questions = [question for kind in kinds.values() for question in kind[:of_each]]
    draw.shuffle(questions)
    return Quiz(tuple(questions[:count]), threshold, model)


def read_film(quiz: Quiz, films: Sequence[SourceFilm], read: Callable[[Radiograph], Read]) -> tuple[Quiz, Read | None]:
    """Read the film at hand; those that are refused are passed over, up to the next that is not.

    Args:
        films: those that the quiz was drawn from.
        read: is given the film, which carries no name.

    Returns:
        the quiz, and what `read` gave; None where the quiz is over.
    """
    while not quiz.is_over:
        try:
            return quiz, read(read_radiograph(films[quiz.question.number].read(), UNNAMED_FILM))
        except (UnreadableImageError, UnsuitableImageError) as refusal:
            reason = str(refusal)
            # What only opens the file begins after its name.
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
    """Say in whole sentences what the films show of reader, network and both together, and what they do not."""
    if not board.n:
        return ("No film was answered: there is nothing to score.",)
    alone = board.against_network
    return (
        _finding(alone, "the network"),
        f"The network would have led you astray on {counted(alone.only_first_right, 'film')} (you right, it wrong) "
        f"and put you right on {counted(alone.only_second_right, 'film')} (it right, you wrong).",
        _finding(board.against_both, "both together"),
    )


def answers_csv(quiz: Quiz, names: Sequence[str] | None = None) -> bytes:
    """Give a row an answer, in the order of the quiz.

    Args:
        names: the films' file names by number, for a column of their own; none unless given.
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
    """Say how the reader did against another on the same films, and whether chance explains the difference."""
    n, difference = share.difference.n, share.difference
    differing = share.only_first_right + share.only_second_right
    counts = (
        f"You were right on {share.both_right + share.only_first_right} of {counted(n, 'film')}, {other} on "
        f"{share.both_right + share.only_second_right}."
    )
    if differing < FEWEST_DIFFERING:
        return (
            f"{counts} Too few to tell anything: only one of the two was right on {counted(differing, 'film')}, and "
            f"fewer than {FEWEST_DIFFERING} cannot rule out chance, whoever was right on them."
        )
    figures = (
        f"you less {other}: {100 * difference.value:+.0f} points, 95 % interval {100 * difference.low:+.0f} to "
        f"{100 * difference.high:+.0f}; McNemar's {p_in_words(share.p)}"
    )
    if share.p >= LEVEL or difference.low <= 0 <= difference.high:
        return f"{counts} These {n} films do not show a difference: it is within chance ({figures})."
    return f"{counts} On these {n} films that is more than chance would easily give ({figures})."


def _log_odds(probability: float) -> float:
    # A probability that was rounded to 0 or 1 has odds that no number holds.
    kept = min(max(probability, 1e-12), 1 - 1e-12)
    return math.log(kept / (1 - kept))
