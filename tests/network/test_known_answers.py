"""Known answers: written down with a model, and found again or not."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pneumo_core.files import places
from pneumo_core.files.hashes import file_sha256
from pneumo_core.network.framing import Framed, framed
from pneumo_core.network.known_answers import AnswersCheck, check_known_answers, record_known_answers
from tests.conftest import drawn_film, png
from tests.makers import model_card


class Mean:
    """A classifier whose probability is the film's mean."""

    card = model_card()

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def framed(self, pixels: np.ndarray) -> Framed:
        return framed(pixels, self.card.preprocessing)

    def score(self, films: np.ndarray) -> np.ndarray:
        assert films.shape[1:] == (64, 96, 1)
        return films.mean(axis=(1, 2, 3)) / 255 + self.offset


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make two samples the only ones; give their folder."""
    folder = tmp_path / "samples"
    folder.mkdir()
    monkeypatch.setattr(places, "SAMPLES", folder)
    for number in (1, 2):
        (folder / f"synthetic_{number:02}.png").write_bytes(png(drawn_film(number == 1, number)))
    return folder


@pytest.fixture
def model(samples: Path, tmp_path: Path) -> Path:
    """Write down the answers; give the model's folder."""
    folder = tmp_path / "model"
    folder.mkdir()
    record_known_answers(Mean(), folder)
    return folder


def test_the_answers_are_written_with_the_samples_hashes(model: Path, samples: Path):
    answers = json.loads((model / "known_answers.json").read_text())
    assert answers.keys() == {"synthetic_01.png", "synthetic_02.png"}
    for name, answer in answers.items():
        assert answer["sha256"] == file_sha256(samples / name)
        assert 0 < answer["probability"] < 1
    assert [path.name for path in model.iterdir()] == ["known_answers.json"]


def test_the_same_model_finds_them_again(model: Path):
    assert check_known_answers(Mean(), model) == AnswersCheck(2, 0.0, "")


def test_a_small_difference_is_within_the_tolerance(model: Path):
    check = check_known_answers(Mean(0.009), model)
    assert (check.largest_difference, check.problem) == (pytest.approx(0.009), "")


def test_a_larger_one_is_said(model: Path):
    check = check_known_answers(Mean(-0.02), model)
    assert check.largest_difference == pytest.approx(0.02)
    assert check.problem.startswith("The samples' scores differ by up to 0.020 from their known answers")


def test_answers_without_hashes_as_older_versions_wrote_them_are_compared_by_name(model: Path):
    path = model / "known_answers.json"
    path.write_text(json.dumps({name: a["probability"] for name, a in json.loads(path.read_text()).items()}))
    assert check_known_answers(Mean(), model) == AnswersCheck(2, 0.0, "")
    assert check_known_answers(Mean(0.02), model).problem


def test_no_answers_is_said(tmp_path: Path, samples: Path):
    check = check_known_answers(Mean(), tmp_path)
    assert (check.samples, check.largest_difference) == (0, None)
    assert "has no known_answers.json" in check.problem


def test_other_samples_are_said(model: Path, samples: Path):
    (samples / "synthetic_02.png").unlink()
    check = check_known_answers(Mean(), model)
    assert (check.samples, check.largest_difference) == (2, None)
    assert "covers 2 samples, but 1 other ones are here" in check.problem


def test_a_sample_of_the_same_name_and_other_content_is_said(model: Path, samples: Path):
    (samples / "synthetic_02.png").write_bytes(png(drawn_film(True, 9)))
    check = check_known_answers(Mean(), model)
    assert (check.samples, check.largest_difference) == (2, None)
    assert "other sample images than those here (1 of 2 differ)" in check.problem


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'"x"',
        b"\xff",
        b'{"synthetic_01.png": NaN, "synthetic_02.png": 0.5}',
        b'{"synthetic_01.png": 1e999, "synthetic_02.png": 0.5}',
        b'{"synthetic_01.png": {"probability": 0.5}, "synthetic_02.png": 0.5}',
        b'{"synthetic_01.png": {"sha256": "", "probability": []}, "synthetic_02.png": 0.5}',
        b"[" * 100_000,
    ],
)
def test_damaged_answers_are_none(model: Path, content: bytes):
    (model / "known_answers.json").write_bytes(content)
    check = check_known_answers(Mean(), model)
    assert (check.samples, check.largest_difference) == (0, None)
    assert check.problem


def test_without_samples_nothing_is_found_well(model: Path, samples: Path):
    for path in samples.iterdir():
        path.unlink()
    (model / "known_answers.json").write_text("{}")
    assert check_known_answers(SimpleNamespace(card=model_card()), model).problem
