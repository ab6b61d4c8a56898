"""Likely, uncertain, unlikely: ranks and regions counted by hand, and the promise kept on films made alike."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.errors import ModelError
from pneumo_core.files.places import ROOT
from pneumo_core.models.card import STORED_SCORES_FILE, active_model_folder, read_card
from pneumo_core.models.conformal import (
    COVERAGES_TO_TEACH,
    Conformal,
    Regions,
    conformal_by_coverage,
    conformal_of,
    fit_regions,
    measure,
    read_conformal,
    too_few,
)
from pneumo_core.models.stored_scores import ScoredFilms, StoredScores, read_stored_scores

SHIPPED = active_model_folder(ROOT / "model")
NEITHER = Regions(0.9, pneumonia_from=0.7, none_up_to=0.2)
BOTH = Regions(0.9, pneumonia_from=0.2, none_up_to=0.7)


def films(with_pneumonia: list[float], without: list[float]) -> ScoredFilms:
    values = np.array([*with_pneumonia, *without])
    n = len(values)
    return ScoredFilms(
        films="films",
        kinds=np.array(["pneumonia"] * len(with_pneumonia) + ["normal"] * len(without)),
        patients=np.arange(n).astype(str),
        has_pneumonia=np.arange(n) < len(with_pneumonia),
        logits=np.zeros(n),
        probabilities=values,
        file_bytes=None,
    )


NINE = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
NINETEEN = [place / 20 for place in range(1, 20)]


def test_nine_films_of_a_class_suffice_for_90_percent_and_all_nine_are_covered():
    # ceil(10 * 0.9) = 9: the least conforming of nine.
    assert fit_regions([films(NINE, NINE)], 0.9) == Regions(0.9, pneumonia_from=0.1, none_up_to=0.9)


def test_eight_films_of_a_class_do_not_suffice_for_90_percent():
    # ceil(9 * 0.9) = 9, more than 8.
    assert fit_regions([films(NINE[:8], NINE)], 0.9) is None
    assert fit_regions([films(NINE, NINE[:8])], 0.9) is None


def test_the_rank_is_counted_from_the_most_conforming_film_of_each_class():
    # ceil(20 * 0.9) = 18: one of nineteen is left out; ceil(20 * 0.95) = 19: none.
    assert fit_regions([films(NINETEEN, NINETEEN)], 0.9) == Regions(0.9, pneumonia_from=0.1, none_up_to=0.9)
    assert fit_regions([films(NINETEEN, NINETEEN)], 0.95) == Regions(0.95, pneumonia_from=0.05, none_up_to=0.95)


def test_films_that_tie_are_covered_together():
    tied = films([0.4] * 10 + [0.9] * 9, [0.1] * 19)
    regions = fit_regions([tied], 0.9)
    assert regions == Regions(0.9, pneumonia_from=0.4, none_up_to=0.1)
    assert measure(regions, tied).with_pneumonia.value == 1


def test_of_several_copies_the_worst_counts_for_each_class_on_its_own():
    first = films([0.9] * 9, [0.3] * 9)
    second = films([0.6] * 9, [0.1] * 9)
    assert fit_regions([first, second], 0.9) == Regions(0.9, pneumonia_from=0.6, none_up_to=0.3)


@pytest.mark.parametrize(
    ("regions", "probability", "outcome"),
    [
        (NEITHER, 0.0, "unlikely"),
        (NEITHER, 0.2, "unlikely"),
        (NEITHER, np.nextafter(0.2, 1), "uncertain"),
        (NEITHER, np.nextafter(0.7, 0), "uncertain"),
        (NEITHER, 0.7, "likely"),
        (NEITHER, 1.0, "likely"),
        (BOTH, np.nextafter(0.2, 0), "unlikely"),
        (BOTH, 0.2, "uncertain"),
        (BOTH, 0.7, "uncertain"),
        (BOTH, np.nextafter(0.7, 1), "likely"),
    ],
)
def test_the_edges_of_the_regions(regions: Regions, probability: float, outcome: str):
    assert regions.outcome(probability) == outcome
    assert regions.uncertain == (0.2, 0.7)


def test_the_reason_says_where_the_score_lies_and_tells_both_from_neither():
    share = "90\N{NO-BREAK SPACE}%"
    sick = f"{share} of the validation X-rays with pneumonia score"
    well = f"{share} of the validation X-rays without pneumonia score"
    assert NEITHER.reason(0.9) == (
        f"At least {sick} 70.0 % or more, as this X-ray does, and {share} of those without pneumonia score lower "
        "than it."
    )
    assert NEITHER.reason(0.1) == (
        f"At least {well} 20.0 % or less, as this X-ray does, and {share} of those with pneumonia score higher than it."
    )
    assert BOTH.reason(0.5) == f"At least {sick} 20.0 % or more, and {well} 70.0 % or less: this X-ray does both."
    assert NEITHER.reason(0.5) == f"At least {sick} 70.0 % or more, and {well} 20.0 % or less: this X-ray does neither."
    assert NEITHER.limits_in_words == "Uncertain from 20.0 to 70.0 %, where neither class is kept."
    assert BOTH.limits_in_words == "Uncertain from 20.0 to 70.0 %, where both classes are kept."
    assert NEITHER.in_words(0.5) == "Suspected pneumonia: uncertain."


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_what_the_reason_says_is_true_of_the_films_that_set_the_regions(shift: float):
    # Without a shift both classes are kept in the middle, with it neither is.
    well = np.linspace(0.1, 0.5, 29)
    sick = well + shift
    regions = fit_regions([films(sick.tolist(), well.tolist())], 0.9)
    assert regions is not None
    assert (sick >= regions.pneumonia_from).mean() >= 0.9
    assert (well <= regions.none_up_to).mean() >= 0.9
    outcomes = {value: regions.outcome(value) for value in np.linspace(0, 1, 101)}
    assert set(outcomes.values()) == {"likely", "uncertain", "unlikely"}
    assert all((well < value).mean() >= 0.9 for value, outcome in outcomes.items() if outcome == "likely")
    assert all((sick > value).mean() >= 0.9 for value, outcome in outcomes.items() if outcome == "unlikely")


def test_what_regions_give_is_counted_by_hand():
    # With pneumonia: likely, likely, uncertain, unlikely. Without: unlikely, uncertain, likely.
    found = measure(NEITHER, films([0.7, 0.9, 0.5, 0.2], [0.1, 0.3, 0.8]))
    assert (found.with_pneumonia.value, found.with_pneumonia.n) == (0.5, 4)
    assert (found.without.value, found.without.n) == (1 / 3, 3)
    assert (found.uncertain.value, found.uncertain.n) == (2 / 7, 7)
    assert (found.wrong.value, found.wrong.n) == (2 / 5, 5)
    assert (found.missed, found.false_alarms) == (1, 1)


def test_a_film_that_keeps_both_classes_is_covered_and_uncertain():
    found = measure(BOTH, films([0.5], [0.5]))
    assert (found.with_pneumonia.value, found.without.value, found.uncertain.value, found.wrong.n) == (1, 1, 1, 0)


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_on_films_alike_the_promise_is_kept_on_average(coverage: float):
    random = np.random.default_rng(7)
    n, covered = 60, []

    def drawn(count: int) -> ScoredFilms:
        return films(random.beta(4, 2, count).tolist(), random.beta(2, 4, count).tolist())

    for _ in range(300):
        regions = fit_regions([drawn(n)], coverage)
        assert regions is not None
        found = measure(regions, drawn(200))
        covered.append((found.with_pneumonia.value, found.without.value))
    # At least the coverage, at most 1 / (n + 1) above it (Vovk 2012), within three standard errors.
    mean = np.mean(covered, axis=0)
    slack = 3 * np.std(covered, axis=0) / np.sqrt(len(covered))
    assert (mean > coverage - slack).all()
    assert (mean < coverage + 1 / (n + 1) + slack).all()


def test_words_say_what_was_meant_and_what_was_covered_less():
    # 0 of 40 without pneumonia are covered, 36 of 40 with it: the interval of 90 % holds 90 %.
    test = films([0.9] * 36 + [0.1] * 4, [0.5] * 40)
    found = Conformal(NEITHER, measure(NEITHER, test), (785, 9))
    assert found.in_words() == (
        "90 % of the X-rays of each class should be covered, on X-rays like the 785 validation X-rays that set it, "
        "each class at the worst of their 9 copies. On 80 test X-rays it covered 90.0 (76.9-96.0) % of those with "
        "pneumonia (n = 40) and 0.0 (0.0-8.8) % of those without (n = 40). Among those without pneumonia this is less "
        "than intended. The test X-rays differ from the validation X-rays, and yours may differ too. 50.0 (39.3-60.7) "
        "% were uncertain. On the others (n = 40) the word was wrong for 10.0 (4.0-23.1) % (95 % intervals)."
    )


def test_words_of_a_kept_promise_and_of_one_copy_add_nothing():
    words = Conformal(NEITHER, measure(NEITHER, films([0.9] * 40, [0.1] * 40)), (20, 1)).in_words()
    assert "less than meant" not in words
    assert "worst" not in words


def test_every_coverage_that_the_films_suffice_for_is_taught():
    scores = StoredScores((films(NINE, NINE),), films(NINE, NINE))
    found = conformal_by_coverage(scores)
    # Nine films suffice up to 90 %.
    assert [each.regions.coverage for each in found] == list(COVERAGES_TO_TEACH[:11])
    few = StoredScores((films([0.9] * 3, [0.1] * 5),), films(NINE, NINE))
    with pytest.raises(ModelError) as refusal:
        conformal_by_coverage(few)
    assert str(refusal.value) == (
        "The model was validated on 3 X-rays with pneumonia and 5 without. A coverage of 80 % takes at least 4 of "
        "each class. Please put a model in use that was validated on more."
    )


@pytest.mark.parametrize(("coverage", "needed"), [(0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)])
def test_the_least_films_that_suffice_are_the_least(coverage: float, needed: int):
    assert f"at least {needed} of each class" in too_few(films(NINE, NINE), coverage)
    enough, one_less = [0.5] * needed, [0.5] * (needed - 1)
    assert fit_regions([films(enough, enough)], coverage) is not None
    assert fit_regions([films(one_less, enough)], coverage) is None


def test_a_model_without_scores_has_no_regions_and_says_why(tmp_path: Path):
    found, why = read_conformal(tmp_path, read_card(SHIPPED))
    assert found is None
    assert f"has no {STORED_SCORES_FILE}" in why


def test_a_model_validated_on_few_films_has_no_regions_and_says_why(tiny_model: Path):
    found, why = read_conformal(tiny_model, read_card(tiny_model))
    assert found is None
    assert why == (
        "The model was validated on 2 X-rays with pneumonia and 2 without. A coverage of 90 % takes at least 9 of "
        "each class."
    )


def test_the_shipped_models_regions_cover_each_class_of_every_copy_of_its_validation_films():
    card = read_card(SHIPPED)
    scores = read_stored_scores(SHIPPED, card)
    with (SHIPPED / STORED_SCORES_FILE).open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["population"] == card.first.name]
    names = {row["films"] for row in rows if row["films"].startswith("validation")}
    assert {copy.films for copy in scores.validation_copies} == names
    found, why = read_conformal(SHIPPED, card)
    assert found is not None and not why
    assert found == conformal_of(scores, 0.9)
    assert found.set_on == (len(scores.validation), len(names))
    for copy in scores.validation_copies:
        covered = measure(found.regions, copy)
        assert min(covered.with_pneumonia.value, covered.without.value) >= 0.9


def test_test_films_set_nothing():
    card = read_card(SHIPPED)
    scores = read_stored_scores(SHIPPED, card)
    other = dataclasses.replace(scores.test, probabilities=scores.test.probabilities[::-1])
    first, second = conformal_of(scores, 0.9), conformal_of(dataclasses.replace(scores, test=other), 0.9)
    assert first is not None and second is not None
    assert first.regions == second.regions
    assert first.measured != second.measured
