"""Doubts about the count of a run: copies, look-alikes, patients who are few, the same, or not known."""

import csv
import io
import math
import re
from dataclasses import replace

import pytest

from pneumo_core.data.counts import INDEPENDENT
from pneumo_core.evaluate.assessment import Assessment, group_results
from pneumo_core.evaluate.patients import numbered_patients
from pneumo_core.evaluate.report import evaluation_data, evaluation_html
from pneumo_core.evaluate.runs import FilmScore
from pneumo_core.evaluate.tables import scores_csv
from tests.evaluate.test_assessment import assessed
from tests.evaluate.test_cohort import score


def film(number: int, **facts: object) -> FilmScore:
    """A film that looks like no other; every third is on the wrong side."""
    looks = f"{number % 256:02x}" * 32 if number else "0f" * 32
    logit = (1.0 if number % 2 else -1.0) * (-1 if number % 3 == 0 else 1)
    return score(number, logit, **{"fingerprint": looks, "patient_from": "told", **facts})


def said(assessment: Assessment, start: str) -> bool:
    return any(line.startswith(start) for line in assessment.doubts)


def test_films_of_known_and_different_patients_raise_no_doubt():
    assert assessed([film(17 * n) for n in range(8)]).doubts == ()


def test_the_same_content_counts_once_and_is_marked_and_said():
    films = [film(17 * n) for n in range(6)]
    copies = [replace(one, number=one.number + 200) for one in films]
    found = assessed([*films, *copies])
    once = assessed(films)
    assert found.doubts[0] == "6 copies of X-rays that are there already were left out of the figures."
    assert (len(found.cohort), found.patients) == (6, 6)
    assert evaluation_data(found)["auc_ci"] == evaluation_data(once)["auc_ci"]
    assert evaluation_data(found)["copies"]["201"] == 1
    rows = list(csv.DictReader(io.StringIO(scores_csv(found).decode())))
    assert [row["copy_of"] for row in rows[5:8]] == ["", "1", "18"]
    assert "copy of X-ray 18" in rows[7]["warned_of"]
    assert found.doubts[0] in evaluation_html(found, 0.5).decode()


def test_a_copy_with_the_label_counts_instead_of_one_without():
    unlabelled = film(17, has_pneumonia=None)
    found = assessed([unlabelled, replace(unlabelled, number=50, has_pneumonia=True), film(34)])
    assert [kept.number for kept in found.cohort.scores] == [50, 34]
    assert found.copies == {17: 50}
    # No figure was to hold it.
    assert not said(found, "1 copy")


def test_a_file_that_could_not_be_read_is_no_copy_of_another():
    broken = [film(n, sha256="e" * 64, reason="The image is empty.") for n in (0, 17)]
    found = assessed([replace(one, logit=None) for one in broken])
    assert found.copies == {}
    assert found.contradictory == ()


def test_a_conflict_is_said_and_marked_and_is_no_copy():
    found = assessed([film(17, sha256="a" * 64), film(34, sha256="a" * 64), film(51, sha256="a" * 64), film(68)])
    assert [kept.number for kept in found.cohort.scores] == [68]
    assert found.copies == {}
    assert said(found, "3 X-rays were given with both labels (the very same file).")
    assert {found.tags(score)[0] for score in found.scores[:3]} == {"given with both labels"}


def test_films_that_look_the_same_are_named_and_count():
    alike = film(34, fingerprint=film(17).fingerprint)
    found = assessed([film(17), alike, film(51)])
    assert found.look_alikes == ((17, 34),)
    assert len(found.cohort) == 3
    (line,) = [line for line in found.doubts if "look the same" in line]
    assert "X-rays 18 and 35" in line
    assert "The labels differ in 1 group" in line


def test_patients_that_nothing_tells_are_said_and_not_counted():
    found = assessed([film(17 * n, patient_from="nothing") for n in range(8)])
    assert said(found, INDEPENDENT)
    data = evaluation_data(found)
    assert data["patients"] is None
    assert data["warnings"] == list(found.doubts)
    assert not re.search(r"\d+ patients", " ".join(found.doubts))
    some = assessed([film(17 * n, patient_from="nothing" if n < 3 else "told") for n in range(8)])
    assert said(some, "Nothing tells the patients of 3 of 8 X-rays.")
    assert said(assessed([film(17 * n, patient_from="rounded") for n in range(8)]), "The patient ids of 8 X-rays were")


@pytest.mark.parametrize("patients", [1, 2, 3, 12])
def test_a_handful_of_patients_gives_no_interval_anywhere(patients: int):
    films = [film(n, patient=n % patients) for n in range(24)]
    found = assessed(films)
    assert found.has_few_patients
    assert said(found, "No interval by patient is given")
    data = evaluation_data(found)
    assert data["auc_ci"] is data["operating_points"]["balanced"]["sensitivity_ci"] is None
    assert data["intervals"].endswith("none where a class has fewer than 10 patients")
    group = group_results(found, 0.5)[0]
    assert group.has_few_patients
    assert math.isnan(group.sensitivity.low)


def test_one_patient_for_all_films_and_both_labels_of_a_patient_are_said():
    found = assessed([film(n, patient=0) for n in range(24)])
    assert said(found, "All 24 X-rays are of one patient")
    assert said(found, "1 patient has X-rays with both labels.")
    assert not said(assessed([film(n, patient=n % 2) for n in range(24)]), "1 patient has")


def test_patients_are_numbered_by_their_keys_and_rounded_ids_number_nobody():
    films = [
        ("a.png", "P1", True),
        ("b.png", "p1 ", True),
        ("c.png", "1.2E+10", True),
        ("d.png", "1.2E+10", True),
        ("e.png", "e.png", None),
        ("00000012_001.png", "", False),
        ("f.png", "12", False),
        ("person5_virus_1.png", "1.2E+10", True),
        ("person5_virus_2.png", "person5", True),
    ]
    found = numbered_patients(films)
    assert [whose.number for whose in found] == [0, 0, 1, 2, 3, 4, 4, 5, 5]
    assert [whose.told for whose in found] == [
        *("told", "told", "rounded", "rounded", "nothing", "told", "told", "rounded", "told"),
    ]
