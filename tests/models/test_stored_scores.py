"""The scores beside a model: read as they were written, and refused where they are not as they must be."""

import math
from pathlib import Path

import pytest

from pneumo_core.errors import ModelError
from pneumo_core.models.card import ModelCard
from pneumo_core.models.stored_scores import StoredScores, read_stored_scores
from tests.makers import TEST, VALIDATION, score_rows, scored_card, with_first, write_scores


@pytest.fixture
def card(tmp_path: Path) -> ModelCard:
    return scored_card(tmp_path)


@pytest.fixture
def scores(tmp_path: Path, card: ModelCard) -> StoredScores:
    return read_stored_scores(tmp_path, card)


def test_scores_are_read_with_label_kind_patient_probability_and_size(scores: StoredScores, card: ModelCard):
    films = scores.test
    assert (films.films, len(films)) == (TEST, 7)
    assert films.has_pneumonia.tolist() == [False] * 3 + [True] * 4
    assert films.kinds.tolist() == ["normal"] * 3 + ["bacteria"] * 2 + ["virus"] * 2
    assert films.patients.tolist() == ["IM-0001", "IM-0001", "IM-0002", "person1", "person2", "person3", "person4"]
    assert films.logits.tolist() == [-2.0, -1.0, 1.0, -1.5, 2.0, 0.0, 3.0]
    assert films.probabilities[5] == 0.5
    assert films.probabilities[4] == pytest.approx(1 / (1 + math.exp(-2 / card.first.calibration.temperature)))
    assert films.file_bytes is not None and films.file_bytes.tolist() == [900, 800, 500, 700, 400, 300, 200]
    assert films.prevalence == 4 / 7


def test_of_several_copies_the_films_as_they_are_count(tmp_path: Path, card: ModelCard, scores: StoredScores):
    write_scores(
        tmp_path, score_rows(VALIDATION) + score_rows("validation, gamma 1.8") + score_rows() + score_rows("test, copy")
    )
    assert len(read_stored_scores(tmp_path, card).test) == len(read_stored_scores(tmp_path, card).validation) == 7


def test_a_model_without_scores_is_refused(tmp_path: Path, card: ModelCard):
    (tmp_path / "scores.csv").unlink()
    with pytest.raises(ModelError) as refusal:
        read_stored_scores(tmp_path, card)
    assert str(refusal.value) == (
        "The model small has no scores.csv, the scores of its validation and test X-rays that are needed here; a "
        "model that was imported comes without. Please put a model in use that was trained here."
    )


def test_a_model_without_test_films_is_refused(tmp_path: Path, card: ModelCard):
    with pytest.raises(ModelError) as refusal:
        read_stored_scores(tmp_path, with_first(card, test=()))
    assert str(refusal.value) == (
        "The model small was made without test X-rays, whose scores are needed here. Please put a model in use that "
        "was trained on a folder with test X-rays."
    )


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        (2, "fungus"),
        (3, "2"),
        (3, ""),
        (4, "nan"),
        (4, "inf"),
        (4, "high"),
        (5, "0"),
        (5, "-3"),
        (5, "big"),
        (5, None),
        (5, "9" * 30),
        (5, "9" * 5000),
        (5, "1_000"),
        (4, "1_0"),
    ],
)
def test_damaged_scores_are_refused(tmp_path: Path, card: ModelCard, column: int, cell: str | None):
    rows = score_rows(VALIDATION) + score_rows()
    # Without the last cell where none is given.
    rows[3] = rows[3][:column] if cell is None else [*rows[3][:column], cell, *rows[3][column + 1 :]]
    write_scores(tmp_path, rows)
    with pytest.raises(ModelError) as refusal:
        read_stored_scores(tmp_path, card)
    assert str(refusal.value) == (
        "scores.csv of the model small is not as training writes it. Expected are the columns films, name, kind, "
        "has_pneumonia, logit and, where known, file_bytes and population, kinds among normal, bacteria, virus, "
        "pneumonia, other, 0 or 1 for has_pneumonia and a finite number for every logit. Please copy the whole model "
        "folder again."
    )


@pytest.mark.parametrize("columns", ["films,name,kind,label,logit,file_bytes", "films,name,kind,has_pneumonia", ""])
def test_other_columns_are_refused(tmp_path: Path, card: ModelCard, columns: str):
    write_scores(tmp_path, score_rows(), columns)
    with pytest.raises(ModelError, match="is not as training writes it"):
        read_stored_scores(tmp_path, card)


def test_bytes_that_are_no_text_and_cells_too_many_are_refused(tmp_path: Path, card: ModelCard):
    (tmp_path / "scores.csv").write_bytes(b"films,name\xff\xfe")
    with pytest.raises(ModelError, match="is not as training writes it"):
        read_stored_scores(tmp_path, card)
    write_scores(tmp_path, [[*row, "more"] for row in score_rows()])
    with pytest.raises(ModelError, match="is not as training writes it"):
        read_stored_scores(tmp_path, card)


def test_films_of_one_class_are_refused(tmp_path: Path, card: ModelCard):
    write_scores(tmp_path, score_rows(VALIDATION) + score_rows()[:3])
    with pytest.raises(ModelError) as refusal:
        read_stored_scores(tmp_path, card)
    assert str(refusal.value) == (
        "scores.csv of the model small holds 3 X-rays of 'test, films', 0 of them with pneumonia. Expected are "
        "X-rays of both classes. Please copy the whole model folder again, or put a model in use that was tested on "
        "both."
    )


def test_the_scores_of_another_model_are_refused(tmp_path: Path, card: ModelCard):
    rows = score_rows()
    rows[2][4] = "-3"
    write_scores(tmp_path, score_rows(VALIDATION) + rows)
    with pytest.raises(ModelError) as refusal:
        read_stored_scores(tmp_path, card)
    # Of 12 pairs 9 were ordered right; the changed film is now below all four with pneumonia.
    assert str(refusal.value) == (
        "scores.csv of the model small belongs to another model: of 'test, films' it holds 7 X-rays with an area "
        "under the ROC curve of 0.917, and the card 7 X-rays with 0.750. Please copy the whole model folder again."
    )
    write_scores(tmp_path, score_rows(VALIDATION) + score_rows()[1:])
    with pytest.raises(ModelError, match="belongs to another model: of 'test, films' it holds 6 X-rays"):
        read_stored_scores(tmp_path, card)
