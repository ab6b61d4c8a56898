"""Films of a run as arrays: who counts, and which groups there are."""

import math

import numpy as np
import pytest

from pneumo_core.evaluate.cohort import best_threshold, contradictions, labelled_cohort, subgroups
from pneumo_core.evaluate.runs import FilmScore
from pneumo_core.stats.calibration import Calibration
from tests.makers import model_card

PLAIN = model_card(calibration=Calibration(1.0, 0.5))


def score(number: int, logit: float | None = 0.0, **facts: object) -> FilmScore:
    has_pneumonia = number % 2 == 1
    given: dict[str, object] = {
        "patient": number,
        "has_pneumonia": has_pneumonia,
        "kind": "bacteria" if has_pneumonia else "normal",
        "group": "finding" if has_pneumonia else "normal",
        "sha256": f"{number:064x}",
        "logit": logit,
        "file_bytes": 1000,
        "height": 100,
        "width": 150,
        "fingerprint": f"{number:064x}",
    }
    return FilmScore(number=number, **{**given, **facts})  # type: ignore[arg-type]


def test_films_without_score_or_label_are_in_no_figure():
    scores = [score(0, 1.0), score(1, None, reason="no"), score(2, 2.0, has_pneumonia=None), score(3, -1.0)]
    cohort = labelled_cohort(scores, model_card(calibration=Calibration(2.0, 0.5)))
    assert [kept.number for kept in cohort.scores] == [0, 3]
    assert cohort.probabilities == pytest.approx(1 / (1 + np.exp([-0.5, 0.5])))
    assert cohort.has_pneumonia.tolist() == [False, True]


def test_the_very_same_file_with_both_labels_is_said_and_counts_nowhere():
    scores = [score(0, sha256="a" * 64), score(1, sha256="a" * 64), score(2), score(4, sha256="b" * 64)]
    assert [film.number for film in contradictions(scores)] == [0, 1]
    assert [film.number for film in labelled_cohort(scores, PLAIN).scores] == [2, 4]


def test_no_film_at_all_is_an_empty_cohort():
    cohort = labelled_cohort([], PLAIN)
    assert len(cohort) == 0
    assert subgroups(cohort) == []
    assert math.isnan(best_threshold(cohort))


def test_what_all_films_share_makes_no_group_and_each_kind_stands_against_all_without():
    groups = subgroups(labelled_cohort([score(n) for n in range(8)], PLAIN))
    assert [(group.attribute, group.name) for group in groups] == [("kind", "bacterial pneumonia or none")]
    assert groups[0].chosen.all()


def test_quarters_cover_every_film_once():
    films = [score(n, height=100 + n, width=150 + 3 * n, brightness=n / 40) for n in range(40)]
    cohort = labelled_cohort(films, PLAIN)
    for attribute in ("shorter side, pixels", "width / height", "mean brightness"):
        parts = [group.chosen for group in subgroups(cohort) if group.attribute == attribute]
        assert len(parts) == 4
        assert (np.sum(parts, axis=0) == 1).all()


def test_equal_values_are_never_parted():
    films = [score(n, brightness=0.1 if n < 30 else 0.9) for n in range(40)]
    groups = [group for group in subgroups(labelled_cohort(films, PLAIN)) if group.attribute == "mean brightness"]
    assert sum(group.chosen.sum() for group in groups) == 40
    assert all(len({films[n].brightness for n in np.flatnonzero(group.chosen)}) == 1 for group in groups)


@pytest.mark.parametrize(
    ("age", "band"),
    [(0.9, "under 1 year"), (1.0, "1 to 5 years"), (5.9, "1 to 5 years"), (6, "6 to 17 years"), (90, "from 65 years")],
)
def test_an_age_falls_into_its_band(age: float, band: str):
    groups = subgroups(labelled_cohort([score(0, age_years=age), score(1)], PLAIN))
    assert [group.name for group in groups if group.attribute == "age"] == [band]


def test_view_and_sex_are_groups_where_the_header_gives_them():
    groups = subgroups(labelled_cohort([score(0, view_position="AP", sex="F"), score(1, view_position="PA")], PLAIN))
    assert {(group.attribute, group.name) for group in groups} >= {("view", "AP"), ("view", "PA"), ("sex", "F")}


def test_the_best_threshold_is_youdens():
    logits = {0: -2.0, 2: -1.0, 4: 0.5, 6: -3.0, 1: 0.4, 3: 1.0, 5: 2.0}
    cohort = labelled_cohort([score(n, logit) for n, logit in logits.items()], PLAIN)
    # At 0.4: 3 of 3 found and 3 of 4 passed; at 1.0: 2 of 3 and 4 of 4.
    assert best_threshold(cohort) == pytest.approx(1 / (1 + math.exp(-0.4)))


def test_one_class_has_no_best_threshold():
    assert math.isnan(best_threshold(labelled_cohort([score(1), score(3)], PLAIN)))
