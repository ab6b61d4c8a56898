"""What came of fitting an input gate: when it is kept, what is said of it, and what is no record."""

import json
from pathlib import Path

import pytest

from pneumo_core.errors import ModelError
from pneumo_core.gate.input_gate import GATE_FILE, HAS_GATE, NO_GATE
from pneumo_core.models.gate_record import (
    RECORD_FILE,
    FittedSet,
    GateFit,
    MadePictures,
    gate_in_words,
    read_record,
    write_record,
)

WEIGHTS = "ab" * 32
GOOD = GateFit(2600, 785, 3, (MadePictures("turned left", 200, 200), MadePictures("part or several", 200, 195)))
BY_GROUP = GateFit.of(
    [
        FittedSet("children", 1300, 700, 3, 200, 8, (MadePictures("inverted", 200, 200),)),
        FittedSet("adults", 1200, 500, 9, 200, 20, (MadePictures("inverted", 150, 149),), is_known=False),
    ]
)


@pytest.mark.parametrize(
    ("fit", "problem"),
    [
        (GOOD, ""),
        (GateFit(100, 20, 1, (MadePictures("other", 10, 9),)), ""),
        (GateFit(100, 100, 2), ""),
        (GateFit(100, 100, 3), "it would refuse 3 of 100 validation films, more than 2 %."),
        (GateFit(100, 20, 2), "it would refuse 2 of 20 validation films, more than 2 %."),
        (GateFit(100, 20, 0, (MadePictures("other", 10, 8),)), "8 of 10 pictures that are no upright, whole chest"),
        (
            GateFit(99, 20),
            "There were 99 training films and 20 validation films; to fit and try one takes at least 100",
        ),
        (GateFit(100, 19), "19 validation films"),
        (BY_GROUP, ""),
        (GateFit.of([*BY_GROUP.sets, FittedSet("sick", 300, 100, 3)]), "of the group sick it would refuse 3 of 100"),
        (GateFit(5000, 500, is_wanted=False), "The plan of its training left it out."),
    ],
)
def test_a_gate_is_kept_where_it_refuses_what_it_should_and_little_else(fit: GateFit, problem: str):
    assert problem in fit.problem
    assert bool(problem) == bool(fit.problem)


def test_a_record_is_kept_with_its_gate_and_said_with_intervals(tmp_path: Path):
    assert read_record(tmp_path, WEIGHTS) is None
    (tmp_path / GATE_FILE).write_bytes(b"gate")
    assert gate_in_words(tmp_path, WEIGHTS) == (HAS_GATE,)
    write_record(GOOD, tmp_path, WEIGHTS)
    assert read_record(tmp_path, WEIGHTS) == GOOD
    first, fitted, made, honest = gate_in_words(tmp_path, WEIGHTS)
    assert first == HAS_GATE
    assert fitted == ("Fitted on 2600 training films; of 785 validation films it refuses 3, in percent 0.4 (0.1-1.1).")
    assert "turned left 100.0 (98.1-100.0) of 200; part or several 97.5 (94.3-98.9) of 200." in made
    assert "what nobody has thought of is harder" in honest


def test_a_record_by_group_holds_the_sums_and_says_each_group(tmp_path: Path):
    (tmp_path / GATE_FILE).write_bytes(b"gate")
    write_record(BY_GROUP, tmp_path, WEIGHTS)
    assert read_record(tmp_path, WEIGHTS) == BY_GROUP
    assert (BY_GROUP.training_films, BY_GROUP.validation_films, BY_GROUP.validation_refused) == (2500, 1200, 12)
    assert BY_GROUP.made == (MadePictures("inverted", 350, 349),)
    words = gate_in_words(tmp_path, WEIGHTS)
    adults = next(line for line in words if "Group adults" in line)
    assert "9, in percent 1.8" in adults and "20, in percent 10.0" in adults


def test_a_record_of_before_there_were_groups_is_read(tmp_path: Path):
    write_record(GOOD, tmp_path, WEIGHTS)
    record = json.loads((tmp_path / RECORD_FILE).read_text())
    del record["fit"]["sets"]
    (tmp_path / RECORD_FILE).write_text(json.dumps(record))
    assert read_record(tmp_path, WEIGHTS) == GOOD


def test_the_record_of_another_gate_or_other_weights_says_nothing(tmp_path: Path):
    (tmp_path / GATE_FILE).write_bytes(b"gate")
    write_record(GOOD, tmp_path, WEIGHTS)
    assert read_record(tmp_path, "cd" * 32) is None
    (tmp_path / GATE_FILE).write_bytes(b"another")
    assert gate_in_words(tmp_path, WEIGHTS) == (HAS_GATE,)


def test_a_model_without_a_gate_says_so_and_why(tmp_path: Path):
    assert gate_in_words(tmp_path, WEIGHTS) == (NO_GATE,)
    write_record(GateFit(20, 4), tmp_path, WEIGHTS)
    none, why = gate_in_words(tmp_path, WEIGHTS)
    assert none == NO_GATE
    assert why.startswith("There were 20 training films and 4 validation films;")


@pytest.mark.parametrize(
    "change",
    [
        {"validation_refused": 786},
        {"validation_refused": -1},
        {"training_films": "many"},
        {"made": [{"kind": "other", "n": 3, "refused": 4}]},
        {"sets": [{"name": "adults", "training_films": 9, "validation_films": 3, "validation_refused": 4}]},
        {"sets": [{"name": "adults", "training_films": 9, "validation_films": 3, "portable_refused": 1}]},
        {"sets": [{"name": "![x](https://example.org)", "training_films": 9, "validation_films": 3}]},
        {"made": [{"kind": "![x](https://example.org)", "n": 3, "refused": 3}]},
        {"more": 1},
    ],
)
def test_counts_that_cannot_be_are_no_record(tmp_path: Path, change: dict[str, object]):
    write_record(GOOD, tmp_path, WEIGHTS)
    record = json.loads((tmp_path / RECORD_FILE).read_text())
    record["fit"] |= change
    (tmp_path / RECORD_FILE).write_text(json.dumps(record))
    with pytest.raises(ModelError, match="is not as training writes it"):
        read_record(tmp_path, WEIGHTS)
    assert "is not as training writes it" in gate_in_words(tmp_path, WEIGHTS)[1]


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"a":' * 5000, b" " * 2**17])
def test_what_is_no_json_of_a_record_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / RECORD_FILE).write_bytes(content)
    with pytest.raises(ModelError, match="is not as training writes it"):
        read_record(tmp_path, WEIGHTS)
