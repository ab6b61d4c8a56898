"""A reader against the network: questions drawn, the clock, the scores by hand, and when a difference is chance."""

import csv
import io
import json
import math
import time

import pytest

from pneumo_core.data.sources import SourceFilm
from pneumo_core.errors import DataError, ModelError, UnreadableImageError
from pneumo_core.learn.quiz import (
    Answer,
    Question,
    Quiz,
    answers_csv,
    draw_quiz,
    findings,
    most_questions,
    read_film,
    sample_films,
    scoreboard,
)
from pneumo_core.places import SAMPLES
from tests.conftest import drawn_film, png

SICK, WELL, YES, NO = True, False, True, False
THRESHOLD = 0.5
WEIGHTS = "ab" * 32


def film(label: bool | None, patient: str = "", content: bytes = b"no film") -> SourceFilm:
    return SourceFilm(f"{label}/{patient}.png", label, patient, "", lambda: content)


def answer(
    has_pneumonia: bool,
    says: bool,
    probability: float,
    confidence: float = 0.8,
    number: int = 0,
    is_known: bool = False,
    seconds: float = 4.0,
) -> Answer:
    return Answer(Question(number, has_pneumonia), says, confidence, seconds, probability, "f1" * 32, is_known)


def answers_where(both: int, only_reader: int, only_network: int, neither: int) -> list[Answer]:
    """Answers to films with pneumonia, of which so many found both, only one, or neither of the two."""
    return [
        *both * [answer(SICK, YES, 0.9)],
        *only_reader * [answer(SICK, YES, 0.1)],
        *only_network * [answer(SICK, NO, 0.9)],
        *neither * [answer(SICK, NO, 0.1)],
    ]


def quiz(count: int = 3) -> Quiz:
    return Quiz(tuple(Question(number, number % 2 == 0) for number in range(count)), THRESHOLD, WEIGHTS)


def answered(quiz: Quiz, says: bool = YES) -> Quiz:
    return quiz.shown().answered(says, 0.8, 0.7, "f1" * 32, False)


# Questions


def test_a_sample_is_labelled_by_what_it_was_made_from_and_one_of_both_kinds_is_not():
    labels = {film.name: film.has_pneumonia for film in sample_films()}
    kinds = {entry["file"]: entry["kind"] for entry in json.loads((SAMPLES / "samples.json").read_text())}
    assert labels.keys() == kinds.keys()
    assert labels == {
        name: None if "and" in kind else kind == "made from PNEUMONIA films" for name, kind in kinds.items()
    }
    assert {True, False, None} == set(labels.values())
    assert all(film.read() for film in sample_films())


def test_films_without_a_label_are_not_asked_and_of_a_patient_one_is():
    films = [film(SICK, "a"), film(SICK, "a"), film(None, "b"), film(WELL, "c"), film(WELL, "d")]
    asked = draw_quiz(films, 20, False, THRESHOLD, WEIGHTS).questions
    assert len(asked) == most_questions(films, False) == 3
    assert {films[question.number].patient for question in asked} == {"a", "c", "d"}
    assert all(question.has_pneumonia is films[question.number].has_pneumonia for question in asked)


def test_classes_are_balanced_where_asked_for():
    films = [film(SICK, f"s{number}") for number in range(30)] + [film(WELL, f"w{number}") for number in range(4)]
    assert most_questions(films, True) == 8
    for count, of_each in ((20, 4), (7, 3), (6, 3)):
        asked = draw_quiz(films, count, True, THRESHOLD, WEIGHTS).questions
        assert [question.has_pneumonia for question in asked].count(True) == of_each
        assert len(asked) == 2 * of_each
    assert len(draw_quiz(films, 20, False, THRESHOLD, WEIGHTS).questions) == 20


def test_a_patient_with_films_of_both_kinds_stands_on_the_side_that_has_fewer():
    films = [
        film(SICK, "a"),
        film(SICK, "b"),
        film(SICK, "both"),
        film(WELL, "both"),
        film(WELL, "too"),
        film(SICK, "too"),
    ]
    assert most_questions(films, True) == 4
    for seed in range(5):
        asked = draw_quiz(films, 20, True, THRESHOLD, WEIGHTS, seed).questions
        assert sorted(films[question.number].patient for question in asked) == ["a", "b", "both", "too"]
        assert sum(question.has_pneumonia for question in asked) == 2
    assert most_questions([film(SICK, "both"), film(WELL, "both")], False) == 1


def test_the_order_is_drawn_for_each_quiz_and_again_by_its_seed():
    films = [film(number % 2 == 0, str(number)) for number in range(40)]
    orders = {draw_quiz(films, 10, True, THRESHOLD, WEIGHTS).questions for _ in range(5)}
    assert len(orders) == 5
    assert draw_quiz(films, 10, True, THRESHOLD, WEIGHTS, 7) == draw_quiz(films, 10, True, THRESHOLD, WEIGHTS, 7)
    # Not all of one kind first.
    labels = [question.has_pneumonia for question in draw_quiz(films, 40, True, THRESHOLD, WEIGHTS, 7).questions]
    assert sorted(labels) not in (labels, labels[::-1])


def test_films_that_cannot_be_asked_are_refused_with_what_to_do():
    with pytest.raises(DataError, match=r"^None of 1 film has a label\. .* Please choose labelled films\.$"):
        most_questions([film(None)], False)
    with pytest.raises(DataError, match=r"^All films with a label are with pneumonia\. .* Please switch that off"):
        most_questions([film(SICK)], True)
    with pytest.raises(DataError, match="are without pneumonia"):
        most_questions([film(WELL)], True)
    with pytest.raises(DataError, match="are of one patient"):
        most_questions([film(SICK, "a"), film(WELL, "a")], True)
    assert most_questions([film(SICK)], False) == 1


# Steps


def test_a_quiz_goes_from_film_to_answer_to_the_next_film_and_ends():
    one = quiz(2)
    assert not one.is_revealed
    # Neither without the film on the screen nor on without an answer.
    assert one.answered(YES, 0.8, 0.7, "f1" * 32, False) is one
    assert one.next_film() is one
    first = answered(one)
    assert first.is_revealed
    assert one.answers == ()
    assert answered(first, NO) is first
    second = first.next_film()
    assert not second.is_revealed
    assert second.question == one.questions[1]
    over = answered(second, NO).next_film()
    assert over.is_over
    assert not over.is_revealed
    assert [answer.says_pneumonia for answer in over.answers] == [YES, NO]
    assert over.next_film() is over


def test_a_quiz_can_be_finished_at_any_time_with_the_answers_so_far():
    assert quiz().finished().is_over
    revealed = answered(quiz())
    assert revealed.finished().answers == revealed.answers
    assert revealed.finished().is_over


def test_the_clock_runs_from_the_film_on_the_screen_to_the_answer(monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    one = quiz().shown()
    now[0] = 103.0
    # Drawn again, as when the picture is inverted.
    one = one.shown()
    now[0] = 107.5
    one = answered(one)
    now[0] = 200.0
    assert one.answers[0].seconds == 7.5
    assert answered(one.next_film()).answers[1].seconds == 0


def test_a_film_that_is_refused_is_passed_over_with_a_word_and_without_its_name():
    def gone() -> bytes:
        raise UnreadableImageError("cannot be opened. Please check.")

    films = [
        film(SICK, "Mueller"),
        SourceFilm("NORMAL/Mueller.png", WELL, "x", "", gone),
        film(SICK, "y", png(drawn_film(True, 1))),
    ]
    after, found = read_film(quiz(3), films, lambda radiograph: radiograph)
    assert found is not None
    assert (found.name, found.pixels.shape) == ("The X-ray", (110, 130))
    assert after.place == 2
    assert len(after.refusals) == 2
    assert all(refusal.startswith("The X-ray ") for refusal in after.refusals)
    assert "Mueller" not in str(after)
    assert "NORMAL" not in str(after)


def test_a_quiz_of_which_every_film_is_refused_is_over():
    after, found = read_film(quiz(2), [film(SICK), film(WELL)], lambda radiograph: radiograph)
    assert found is None
    assert after.is_over
    assert len(after.refusals) == 2


def test_a_model_that_cannot_be_loaded_is_not_taken_for_a_refused_film():
    def no_model(radiograph: object) -> None:
        raise ModelError("There is none.")

    with pytest.raises(ModelError):
        read_film(quiz(1), [film(SICK, content=png(drawn_film(True, 1)))], no_model)


# Scores


def test_a_scoreboard_counted_by_hand():
    board = scoreboard(
        [
            answer(SICK, YES, 0.9, 0.9, seconds=2.0),
            answer(SICK, NO, 0.6, 0.6, seconds=3.0, is_known=True),
            answer(SICK, NO, 0.2, 0.7, seconds=10.0),
            answer(WELL, NO, 0.1, 0.99, seconds=4.0),
            answer(WELL, YES, 0.1, 0.5, seconds=5.0, is_known=True),
        ],
        THRESHOLD,
    )
    matrix = board.reader
    assert (matrix.true_positives, matrix.false_negatives) == (1, 2)
    assert (matrix.true_negatives, matrix.false_positives) == (1, 1)
    assert matrix.sensitivity.value == pytest.approx(1 / 3)
    assert matrix.specificity.value == 0.5
    # Wilson, 2 of 5.
    assert (matrix.accuracy.value, matrix.accuracy.low, matrix.accuracy.high) == pytest.approx(
        (0.4, 0.1176, 0.7693), abs=1e-4
    )
    assert (board.network.true_positives, board.network.true_negatives) == (2, 2)
    # The second film: -0.41 of the reader and +0.41 of the network are 0, which is no pneumonia.
    assert (board.both.true_positives, board.both.true_negatives) == (1, 2)
    assert board.right == (2, 4, 3)
    assert board.reader_brier == pytest.approx((0.1**2 + 0.6**2 + 0.7**2 + 0.01**2 + 0.5**2) / 5)
    assert board.network_brier == pytest.approx((0.1**2 + 0.4**2 + 0.8**2 + 0.1**2 + 0.1**2) / 5)
    assert board.seconds == 4.0
    assert (board.n, board.known) == (5, 2)
    assert (board.against_network.only_first_right, board.against_network.only_second_right) == (0, 2)
    assert (board.against_both.only_first_right, board.against_both.only_second_right) == (0, 1)


def test_mcnemar_by_hand():
    # 1 film against 9: p = 2 * (1 + 10) / 2**10.
    board = scoreboard(answers_where(5, 1, 9, 5), THRESHOLD)
    assert board.against_network.p == pytest.approx(22 / 1024)
    assert board.against_network.difference.value == pytest.approx(-8 / 20)


@pytest.mark.parametrize(
    ("says", "confidence", "probability", "threshold", "flagged"),
    [
        # The network speaks for pneumonia as strongly as the reader against it: the edge.
        (NO, 0.8, 0.8, 0.5, False),
        (NO, 0.8, 0.81, 0.5, True),
        (NO, 0.81, 0.8, 0.5, False),
        (YES, 0.8, 0.2, 0.5, False),
        (YES, 0.81, 0.2, 0.5, True),
        # Counted from its threshold: of odds 1 to 9 a probability of 0.5 is 9 times as much.
        (NO, 0.89, 0.5, 0.1, True),
        (NO, 0.91, 0.5, 0.1, False),
        # A reader who tosses a coin leaves it to the network, which at its very threshold has no side.
        (YES, 0.5, 0.1, 0.1, False),
        (NO, 0.5, 0.11, 0.1, True),
        (YES, 0.5, 0.09, 0.1, False),
        # Neither counts for more than 0.99 would.
        (NO, 0.99, 0.999999, 0.5, False),
        (NO, 0.98, 0.999999, 0.5, True),
        (YES, 0.99, 0.0, 0.5, False),
        (YES, 0.6, 1.0, 0.5, True),
    ],
)
def test_both_together_at_both_sides_of_the_edge(
    says: bool, confidence: float, probability: float, threshold: float, flagged: bool
):
    assert answer(SICK, says, probability, confidence).is_flagged_by_both(threshold) is flagged


def test_the_network_flags_at_its_threshold():
    assert answer(SICK, YES, 0.5).is_flagged(0.5)
    assert not answer(SICK, YES, 0.4999).is_flagged(0.5)


# Chance


def test_a_difference_within_chance_is_called_so():
    lines = findings(scoreboard(answers_where(8, 2, 5, 5), THRESHOLD))
    assert lines[0] == (
        "You were right on 10 of 20 films, the network on 13. These 20 films do not show a difference: it is within "
        "chance (you less the network: -15 points, 95 % interval -38 to +11; McNemar's p = 0.45)."
    )
    assert lines[1] == (
        "The network would have led you astray on 2 films (you right, it wrong) and put you right on 5 films (it "
        "right, you wrong)."
    )


def test_a_difference_beyond_chance_is_called_so_of_these_films():
    line = findings(scoreboard(answers_where(5, 0, 12, 3), THRESHOLD))[0]
    assert line.startswith("You were right on 5 of 20 films, the network on 17. On these 20 films that is more than ")
    assert "-60 points" in line
    assert "McNemar's p < 0.001" in line
    assert "more than chance" in findings(scoreboard(answers_where(5, 12, 0, 3), THRESHOLD))[0]


def test_films_too_few_to_tell_anything_are_called_so():
    # Five films that all speak for one side: p = 0.06. Six: 0.03.
    five, six = (findings(scoreboard(answers_where(2, 0, one_side, 0), THRESHOLD))[0] for one_side in (5, 6))
    assert "Too few to tell anything: only one of the two was right on 5 films" in five
    assert "more than chance" in six
    assert "Too few to tell anything" in findings(scoreboard(answers_where(30, 0, 0, 0), THRESHOLD))[0]


def test_without_an_answer_there_is_nothing_to_score():
    board = scoreboard([], THRESHOLD)
    assert board.n == 0
    assert math.isnan(board.seconds)
    assert findings(board) == ("No film was answered: there is nothing to score.",)


# The table


def test_the_table_has_a_row_an_answer_and_names_only_if_asked_for():
    answers = (
        answer(SICK, YES, 0.7, 0.85, number=1, seconds=6.54),
        answer(WELL, YES, 0.25, 0.5, number=0, is_known=True),
    )
    one = Quiz((), THRESHOLD, WEIGHTS, answers=answers)
    rows = list(csv.DictReader(io.StringIO(answers_csv(one).decode())))
    assert rows[0] == {
        "order": "1",
        "film_sha256_start": "f1" * 8,
        "has_pneumonia": "1",
        "reader_says_pneumonia": "1",
        "reader_confidence": "0.85",
        "seconds": "6.5",
        "network_probability": "0.700000",
        "network_flagged": "1",
        "both_flagged": "1",
        "known_to_network": "0",
    }
    assert [rows[1][name] for name in ("has_pneumonia", "network_flagged", "both_flagged", "known_to_network")] == [
        "0",
        "0",
        "0",
        "1",
    ]
    # A name that a spreadsheet would run.
    named = list(csv.DictReader(io.StringIO(answers_csv(one, ["=cmd()", "b.png"]).decode())))
    assert [row["file"] for row in named] == ["b.png", "'=cmd()"]
