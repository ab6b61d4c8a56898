"""A candidate against the model in use: what is compared, what is left out, what it says."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.data.cases import Case
from pneumo_core.errors import DataError
from pneumo_core.keras_network.layers import load_network
from pneumo_core.models import challenge as module
from pneumo_core.models.card import read_card
from pneumo_core.models.challenge import Challenge, CopyResult, Pair, read_challenge, why_no_evidence, write_challenge
from pneumo_core.models.report import changed_rows, films_in_words, outcome
from pneumo_core.stats.comparison import compare
from pneumo_core.stats.metrics import Estimate
from pneumo_core.train.challenge import compare_with_current, score_copies
from pneumo_core.train.films import Films
from pneumo_core.train.fit import predict_logits
from pneumo_core.train.stress import EVENED, shaped_by_class, stressed_copies
from tests.conftest import drawn_film


def films(count: int = 12, patients: int = 12) -> Films:
    """Films that the tiny model was not trained on, of alternate classes."""
    labels = np.arange(count) % 2 == 1
    views = np.stack([drawn_film(bool(label), 5000 + n)[10:42, :32] for n, label in enumerate(labels)])[np.newaxis]
    cases = tuple(
        Case(f"val/{n}.png", (Path(f"{n}.png"),), bool(label), f"p{n % patients}", "", "val")
        for n, label in enumerate(labels)
    )
    return Films(cases, views, labels, tuple((f"{n:064x}",) for n in range(count)))


def compared(tiny_model: Path, found: Films) -> Challenge:
    logits = score_copies(load_network(tiny_model / "classifier.keras"), found)
    card = read_card(tiny_model)
    return compare_with_current(card, {card.first.name: (found, logits)}, tiny_model)


def by_hand(candidate: list[float], current: list[float], labels: list[bool]) -> Challenge:
    one, other, has_pneumonia = np.array(candidate), np.array(current), np.array(labels)
    result = CopyResult("as they are", compare(has_pneumonia, one, other, 0.5, 0.4), 0.1, 0.2, 0.3, 0.4)
    pairs = tuple(Pair(f"{n}", *row) for n, row in enumerate(zip(labels, candidate, current, strict=True)))
    return Challenge("new", "aa", 0.5, "old", "bb", 0.4, "2026-01-01", len(labels), len(labels), 0, (result,), pairs)


def test_a_model_against_itself_differs_in_nothing(tiny_model: Path):
    found = compared(tiny_model, films())
    assert (found.films, found.patients, found.left_out) == (12, 12, 0)
    assert len(found.copies) == 22
    assert all(copy.comparison.area_under_roc.difference.value == 0 for copy in found.copies)
    assert found.changed_sides == found.better == found.worse == ()
    assert "better than tiny in 0 and worse in 0" in found.in_words()


def test_the_copies_are_every_view_and_every_stress(tiny_model: Path):
    found = films(4)
    two = Films(found.cases, np.concatenate([found.views, 255 - found.views]), found.has_pneumonia, found.sha256s)
    told: list[tuple[int, int]] = []
    logits = score_copies(load_network(tiny_model / "classifier.keras"), two, lambda *count: told.append(count))
    ways = list(stressed_copies(found.views[0]))
    of_evened = [f"{way}, shapes evened" for way in ways]
    assert list(logits) == ["the films as they are", "copy 2 of them, as it is", *ways, "shapes evened", *of_evened]
    network = load_network(tiny_model / "classifier.keras")
    evened = shaped_by_class(found.views[0], found.has_pneumonia, EVENED)
    np.testing.assert_array_equal(logits["shapes evened"], predict_logits(network, evened))
    noisy = stressed_copies(evened)["noise"]()
    np.testing.assert_array_equal(logits["noise, shapes evened"], predict_logits(network, noisy))
    assert told == [(done, len(logits)) for done in range(1, len(logits) + 1)]


def test_tests_are_of_one_film_a_patient_and_pairs_of_all(tiny_model: Path):
    found = compared(tiny_model, films(12, patients=4))
    assert (found.films, found.patients) == (12, 4)
    assert found.copies[0].comparison.n == 4
    assert len(found.pairs) == 12


def test_films_that_the_model_in_use_was_trained_on_are_left_out(tiny_model: Path, monkeypatch: pytest.MonkeyPatch):
    trained_on = {f"{n:064x}" for n in range(4)}
    monkeypatch.setattr(
        "pneumo_core.models.known_films.KnownFilms.part_of",
        lambda known, sha256, looks: "training" if sha256 in trained_on else "validation",
    )
    found = compared(tiny_model, films())
    assert (found.films, found.left_out) == (8, 4)
    assert [pair.name for pair in found.pairs] == [f"val/{n}.png" for n in range(4, 12)]
    # The others chose its epoch and thresholds.
    assert found.validated_by_current == 8
    assert "All of them also chose those of the model in use" in films_in_words(found)


def test_films_that_chose_for_the_model_in_use_are_counted(tiny_model: Path, monkeypatch: pytest.MonkeyPatch):
    shared = {f"{n:064x}" for n in range(5)}
    monkeypatch.setattr(
        "pneumo_core.models.known_films.KnownFilms.part_of",
        lambda known, sha256, looks: "validation" if sha256 in shared else None,
    )
    assert compared(tiny_model, films()).validated_by_current == 5
    monkeypatch.setattr("pneumo_core.train.challenge.read_known_films", lambda folder: None)
    assert compared(tiny_model, films()).validated_by_current is None


@pytest.mark.parametrize(
    ("shared", "words"),
    [
        (None, "which favours it. It is not known whether any also chose those of the model in use"),
        (0, "They chose none of those of the model in use."),
        (1, "1 of them also chose those of the model in use. Only the other 3 favour the candidate"),
        (
            3,
            "3 of them also chose those of the model in use. Only the other 1 favours the candidate",
        ),
        (4, "All of them also chose those of the model in use, which favours both"),
    ],
)
def test_a_favour_is_one_sided_only_for_films_that_chose_for_one_model(shared: int | None, words: str):
    found = by_hand([0.6, 0.45, 0.2, 0.9], [0.3, 0.45, 0.9, 0.95], [True, True, False, True])
    assert words in films_in_words(replace(found, validated_by_current=shared))


def test_without_films_of_both_classes_nothing_is_compared(tiny_model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pneumo_core.models.known_films.KnownFilms.part_of", lambda known, sha256, looks: "training")
    with pytest.raises(DataError, match="0 of 12 validation X-rays were not used to train"):
        compared(tiny_model, films())


def test_the_films_that_changed_sides_are_named_with_the_largest_difference_first():
    found = by_hand([0.6, 0.45, 0.2, 0.9], [0.3, 0.45, 0.9, 0.95], [True, True, False, True])
    assert [pair.name for pair in found.changed_sides] == ["2", "0", "1"]
    assert [found.is_right(pair) for pair in found.changed_sides] == [True, True, False]


def test_better_and_worse_are_those_whose_interval_leaves_out_zero():
    labels = [True] * 30 + [False] * 30
    good = [0.9] * 30 + [0.1] * 30
    bad = [0.1] * 20 + [0.9] * 10 + [0.1] * 30
    assert [text.split(",")[0] for text in by_hand(good, bad, labels).better] == [
        "area under the ROC curve",
        "sensitivity",
    ]
    assert by_hand(good, bad, labels).worse == ()
    assert [text.split(",")[0] for text in by_hand(bad, good, labels).worse] == [
        "area under the ROC curve",
        "sensitivity",
    ]


def test_few_films_leave_open_losses_that_many_rule_out():
    few = by_hand([0.9] * 4 + [0.1] * 4, [0.9] * 4 + [0.1] * 4, [True] * 4 + [False] * 4)
    assert few.losses_left_open == ("sensitivity up to 0.490", "specificity up to 0.490")
    assert few.losses_in_words().startswith("Not shown to be as good. The X-rays of 8 patients do not rule out a loss")
    many = by_hand([0.9] * 100 + [0.1] * 100, [0.9] * 100 + [0.1] * 100, [True] * 100 + [False] * 100)
    assert many.losses_in_words() == ""


def test_the_verdict_names_what_is_worse_before_what_is_left_open():
    labels = [True] * 100 + [False] * 100
    good = [0.9] * 100 + [0.1] * 100
    bad = [0.1] * 20 + [0.9] * 80 + [0.1] * 100
    assert by_hand(bad, good, labels).losses_left_open
    assert outcome(by_hand(bad, good, labels)) == (
        "worse",
        "Worse than the model in use by more than chance in 2 of 3 differences.",
    )
    assert outcome(by_hand(good, bad, labels)).kind == "better"
    assert "in 2 of 3 differences, and worse in none" in outcome(by_hand(good, bad, labels)).words
    assert outcome(by_hand(good, good, labels)).kind == "alike"
    few = by_hand(good[95:105], good[95:105], labels[95:105])
    assert outcome(few) == ("open", few.losses_in_words())


def test_a_difference_that_is_not_defined_rules_no_loss_out():
    found = by_hand([0.1] * 200, [0.1] * 200, [False] * 200)
    assert found.losses_left_open == (
        "area under the ROC curve of any size (no interval)",
        "sensitivity of any size (no interval)",
    )
    assert outcome(found).kind == "open"
    # No spread to judge by, and the largest loss that there is.
    labels = [True] * 200 + [False] * 200
    copy = by_hand([0.5] * 400, [0.5] * 400, labels).copies[0]
    areas = replace(copy.comparison.area_under_roc, difference=Estimate(-1.0, math.nan, math.nan, 400), p=math.nan)
    one = replace(copy, comparison=replace(copy.comparison, area_under_roc=areas))
    assert outcome(replace(found, copies=(one,))).kind == "open"


def test_a_film_that_changed_sides_is_called_by_its_files_own_name():
    found = by_hand([0.6, 0.2], [0.3, 0.9], [True, False])
    named = tuple(replace(pair, name=f"train/PNEUMONIA/person{pair.name}.jpeg") for pair in found.pairs)
    assert [row["X-ray"] for row in changed_rows(replace(found, pairs=named))] == ["person1.jpeg", "person0.jpeg"]


def test_few_films_are_neither_better_nor_worse_where_the_exact_test_finds_nothing():
    # On 4 films of a class Newcombe's interval leaves out 0, and McNemar's p is 0.125.
    found = by_hand([0.1] * 8, [0.9] * 4 + [0.1] * 4, [True] * 4 + [False] * 4)
    sensitivity = found.copies[0].comparison.sensitivity
    assert sensitivity.difference.high < 0
    assert sensitivity.p == pytest.approx(0.125)
    assert not [text for text in found.worse if text.startswith("sensitivity")]


@pytest.mark.parametrize(
    ("weights", "in_use", "why"),
    [
        ("aa", "bb", ""),
        ("aa", None, "There is no model in use"),
        ("bb", "bb", "has the same weights"),
        ("cc", "bb", "was not compared"),
        ("aa", "cc", "The comparison of 2026-01-01 is outdated. It was made with old, weights bb"),
    ],
)
def test_a_comparison_is_evidence_for_its_own_weights_against_those_in_use_only(weights: str, in_use: str, why: str):
    found = why_no_evidence(by_hand([0.6, 0.2], [0.3, 0.45], [True, False]), weights, in_use)
    assert found.startswith(why) if why.startswith("The") else why in found
    assert bool(found) == bool(why)


def test_a_comparison_is_evidence_only_where_there_is_one():
    assert "was not compared" in why_no_evidence(None, "aa", "bb")


GOOD, BAD, LABELS = [0.9] * 100 + [0.1] * 100, [0.1] * 20 + [0.9] * 80 + [0.1] * 100, [True] * 100 + [False] * 100


def of_two(children: Challenge, adults: Challenge) -> Challenge:
    return replace(children, population="children", others=(replace(adults, population="adults"),))


def test_a_candidate_better_in_one_population_and_worse_in_another_is_not_called_better():
    found = of_two(by_hand(BAD, GOOD, LABELS), by_hand(GOOD, BAD, LABELS))
    assert [(len(part.better), len(part.worse)) for part in found.by_population] == [(0, 2), (2, 0)]
    assert all("(children)" in text for text in found.worse)
    assert all("(adults)" in text for text in found.better)
    kind, words = outcome(found)
    assert kind == "worse"
    assert words.startswith("Better in adults does not make up for it: worse")
    assert "Children: better in 0, worse in 2 of 3. Adults: better in 2, worse in 0 of 3." in words
    assert outcome(of_two(by_hand(GOOD, BAD, LABELS), by_hand(GOOD, BAD, LABELS))).kind == "better"


def test_a_loss_left_open_in_one_population_is_not_ruled_out_by_another():
    few = by_hand(GOOD[95:105], GOOD[95:105], LABELS[95:105])
    found = of_two(by_hand(GOOD, BAD, LABELS), few)
    assert outcome(found).kind == "open"
    assert all("(adults)" in loss for loss in found.losses_left_open)


def test_what_one_model_alone_knows_is_said(tmp_path: Path):
    found = replace(of_two(by_hand(GOOD, GOOD, LABELS), by_hand(GOOD, GOOD, LABELS)), only_candidate=("seniors",))
    assert "The candidate alone knows seniors" in found.in_words()
    write_challenge(found, tmp_path)
    again = read_challenge(tmp_path)
    assert again is not None
    assert [part.population for part in again.by_population] == ["children", "adults"]
    assert again.only_candidate == ("seniors",)


def test_models_are_compared_in_the_populations_that_both_know(tiny_model: Path):
    card = read_card(tiny_model)
    adults = replace(card.first, name="adults", years=(18.0, 120.0))
    both = replace(card, populations=(card.first, adults))
    found = films()
    logits = score_copies(load_network(tiny_model / "classifier.keras"), found)
    scored = {one.name: (found, logits) for one in both.populations}
    against = compare_with_current(both, scored, tiny_model)
    assert (against.population, against.others) == (card.first.name, ())
    assert (against.only_candidate, against.only_current) == (("adults",), ())
    two = replace(card, populations=(replace(card.first, name="teenagers"), adults))
    with pytest.raises(DataError) as refused:
        compare_with_current(two, {}, tiny_model)
    assert refused.value.code == "population"


def test_a_comparison_is_found_again_and_a_damaged_one_is_none(tmp_path: Path):
    found = by_hand([0.6, 0.2], [0.3, 0.45], [True, False])
    write_challenge(found, tmp_path)
    again = read_challenge(tmp_path)
    assert again is not None
    assert again.pairs == found.pairs
    assert again.copies[0].comparison.accuracy == found.copies[0].comparison.accuracy
    assert again.validated_by_current is None
    # One written before these films were counted.
    older = json.loads((tmp_path / module.CHALLENGE_FILE).read_text())
    del older["validated_by_current"]
    (tmp_path / module.CHALLENGE_FILE).write_text(json.dumps(older))
    assert (old := read_challenge(tmp_path)) is not None
    assert (old.pairs, old.validated_by_current) == (found.pairs, None)
    write_challenge(replace(found, validated_by_current=2), tmp_path)
    assert (counted := read_challenge(tmp_path)) is not None
    assert counted.validated_by_current == 2
    for wrong in ({"copies": []}, {"films": -1}, {"candidate_threshold": "NaN"}, {"made": 1}):
        (tmp_path / module.CHALLENGE_FILE).write_text(json.dumps({**older, **wrong}))
        assert read_challenge(tmp_path) is None
    for content in (b"{", b"\xff", b"[" * 100_000):
        (tmp_path / module.CHALLENGE_FILE).write_bytes(content)
        assert read_challenge(tmp_path) is None
    assert read_challenge(tmp_path / "nothing") is None
