"""A batch of children and adults: each X-ray counts by the point of its own population."""

import csv
import dataclasses
import io
import json

import pytest

from pneumo_core.evaluate.assessment import Assessment, assess_run, compare_assessments
from pneumo_core.evaluate.cohort import labelled_cohort
from pneumo_core.evaluate.report import evaluation_data, evaluation_html, honesty_lines
from pneumo_core.evaluate.routing import verdict_columns, verdict_in_words
from pneumo_core.evaluate.runs import FilmScore
from pneumo_core.evaluate.tables import (
    age_in_short,
    films_of_cell,
    label_group_rows,
    scores_csv,
    screening_rows,
    worklist_order,
)
from pneumo_core.models.card import ModelCard
from pneumo_core.models.populations import Population
from pneumo_core.stats.calibration import Calibration, OperatingPoint
from pneumo_core.stats.mix import Mix
from tests.evaluate.test_cohort import score
from tests.makers import model_card, population


def of(name: str, years: tuple[float, float], threshold: float, finding: str) -> Population:
    points = ("screening", threshold - 0.1), ("balanced", threshold), ("rule-in", threshold + 0.1)
    return population(
        name=name,
        years=years,
        finding=finding,
        calibration=Calibration(1.0, 0.5),
        operating_points=tuple(OperatingPoint(point, at, "a test") for point, at in points),
        validation=(),
        test=(),
    )


# A logit of 0 is a probability of one half: flagged by the limits for adults, and not by those for children.
CHILDREN = of("children", (1.0, 5.0), 0.7, "suspected pneumonia")
ADULTS = of("adults", (18.0, 120.0), 0.4, "suspected lung opacity")
CARD: ModelCard = dataclasses.replace(model_card(), populations=(CHILDREN, ADULTS))
FLAGGED, BETWEEN, PASSED = 2.0, 0.0, -2.0


def assessed(*scores: FilmScore, card: ModelCard = CARD) -> Assessment:
    numbered = [
        dataclasses.replace(film, number=place, patient=place, sha256=f"{place:064x}", fingerprint="")
        for place, film in enumerate(scores)
    ]
    return assess_run(numbered, len(numbered), card, None)


def film(
    has_finding: bool, logit: float | None, age: float | None = None, group: str = "", **facts: object
) -> FilmScore:
    group = group or ("finding" if has_finding else "normal")
    return score(int(has_finding), logit, age_years=age, age_from="" if age is None else "table", group=group, **facts)


@pytest.fixture(scope="module")
def mixed() -> Assessment:
    return assessed(
        film(True, BETWEEN, 3.0),
        film(False, PASSED, 4.0),
        film(True, BETWEEN, 40.0),
        film(False, BETWEEN, 70.0, "other"),
        film(False, PASSED, 30.0),
        film(True, FLAGGED, 9.0),
        film(False, BETWEEN, 12.0),
        film(True, BETWEEN),
        film(False, PASSED),
        film(True, FLAGGED, 0.5),
        film(True, None, 50.0, reason="The image is almost blank.", code="blank"),
    )


def test_each_xray_counts_by_its_own_populations_point(mixed: Assessment):
    data = evaluation_data(mixed)
    point = data["operating_points"]["balanced"]
    # The child of one half is missed, the adult of one half is found; those on whom both agree count too.
    assert [point[key] for key in ("tp", "fp", "tn", "fn", "n_without_verdict")] == [2, 1, 3, 1, 2]
    assert sum(point[key] for key in ("tp", "fp", "tn", "fn", "n_without_verdict")) == data["n"] == 9
    assert point["threshold"] is None
    children, adults = data["populations"]["children"], data["populations"]["adults"]
    counts = {
        name: [one["operating_points"]["balanced"][key] for key in ("threshold", "tp", "fp", "tn", "fn")]
        for name, one in (("children", children), ("adults", adults))
    }
    assert counts == {"children": [0.7, 0, 0, 1, 1], "adults": [0.4, 1, 1, 1, 0]}
    assert (children["finding"], adults["finding"]) == ("suspected pneumonia", "suspected lung opacity")
    assert {"n", "n_pneumonia", "auc", "auc_ci", "operating_points"} <= children.keys()


def test_who_has_no_verdict_is_counted_and_said(mixed: Assessment):
    data = evaluation_data(mixed)
    assert data["asked"] == {"adults": 3, "children": 2, "between": 2, "unknown": 2, "none": 1}
    assert (data["n_no_population"], data["n_no_population_pneumonia"], data["n_without_verdict"]) == (1, 1, 3)
    said = " ".join(honesty_lines(mixed))
    assert "differ at the balanced point on 2 X-rays (1 with the finding)" in said
    assert "1 X-ray is of a patient under 1 year (1 with the finding)" in said


def test_a_refused_xray_with_the_finding_counts_as_missed_where_that_is_said(mixed: Assessment):
    data = evaluation_data(mixed)
    # Found are 2 of 4 with the finding in the figures, 1 refused and 1 under 1 year.
    assert data["operating_points"]["balanced"]["sensitivity_refused_missed"] == pytest.approx(2 / 6)
    assert data["operating_points"]["balanced"]["sensitivity"] == pytest.approx(2 / 3)
    assert data["n_refused_pneumonia"] == 1
    assert data["populations"]["adults"]["operating_points"]["balanced"]["sensitivity_refused_missed"] == 0.5
    assert "1 refused X-ray has the finding" in " ".join(honesty_lines(mixed))


def test_three_groups_of_labels_have_their_own_specificity(mixed: Assessment):
    data = evaluation_data(mixed, mix=Mix(0.5, 0.25, 0.25))
    assert data["groups"] == {"finding": {"n": 4}, "other": {"n": 1}, "normal": {"n": 4}}
    point = data["populations"]["adults"]["operating_points"]["balanced"]
    assert (point["specificity_normal"], point["specificity_other"]) == (1.0, 0.0)
    # 50 found, 25 of the others flagged, none of those with nothing abnormal.
    assert point["positive_predictive_value_in_mix"] == pytest.approx(50 / 75)
    assert data["populations"]["children"]["operating_points"]["balanced"]["positive_predictive_value_in_mix"] is None
    assert "PPV in the mix" in label_group_rows(mixed.parts[1], Mix(0.5, 0.25, 0.25))[1]
    assert evaluation_data(mixed)["no_values_in_mix_because"]


def test_the_table_of_thresholds_weighs_the_groups_as_the_mix_does(mixed: Assessment):
    rows = screening_rows(mixed.parts[1], Mix(0.2, 0.6, 0.2), 1.0, 5.0)
    row = next(row for row in rows if row["Point"] == "balanced")
    assert row["PPV %"] == "25.0"
    without = screening_rows(mixed.parts[1], None, 1.0, 5.0)
    assert not {"PPV %", "NPV %", "Cost per case found"} & without[0].keys()


def test_labels_of_two_groups_name_no_third():
    data = evaluation_data(assessed(film(True, FLAGGED, 30.0), film(False, PASSED, 30.0)), mix=Mix(0.1, 0.3, 0.6))
    assert data["groups"] is None
    assert data["operating_points"]["balanced"]["specificity_normal"] is None
    assert data["operating_points"]["balanced"]["positive_predictive_value_in_mix"] is None


def test_the_worklist_says_population_age_and_verdict(mixed: Assessment):
    rows = list(csv.DictReader(io.StringIO(scores_csv(mixed).decode())))
    assert [row["population"] for row in rows][:4] == ["children", "children", "adults", "adults"]
    assert [row["population"] for row in rows][5:] == ["between", "between", "unknown", "unknown", "none", ""]
    assert [row["flagged_balanced"] for row in rows] == ["0", "0", "1", "1", "0", "1", "", "", "0", "", ""]
    assert (rows[2]["age"], rows[2]["age_from"], rows[7]["age"], rows[9]["age"]) == ("40Y", "table", "", "6M")
    assert (rows[2]["finding"], rows[0]["finding"]) == ("suspected lung opacity", "suspected pneumonia")
    assert (rows[9]["probability"], rows[3]["group"]) == ("", "other")
    words = [verdict_in_words(one, CARD, "balanced") for one in mixed.scores if one.logit is not None]
    assert words[0] == "Not flagged"
    assert words[2] == "Flagged: suspected lung opacity"
    assert words[5] == "Flagged: suspected pneumonia or suspected lung opacity"
    assert words[7:] == ["No single verdict", "Not flagged", "No verdict"]
    assert worklist_order(mixed)[-1][0].age_years == 0.5


def test_a_row_of_an_archive_holds_the_verdict_of_its_own_population():
    assert verdict_columns(film(True, BETWEEN, 40.0), CARD) == {
        "probability": 0.5,
        "population": "adults",
        "flagged": True,
    }
    assert verdict_columns(film(True, BETWEEN, 0.5), CARD) == {
        "probability": None,
        "population": "none",
        "flagged": None,
    }
    assert verdict_columns(film(True, BETWEEN), CARD)["flagged"] is None
    assert set(verdict_columns(film(True, None, reason="no"), CARD).values()) == {None}


def test_a_cells_films_are_of_their_own_points(mixed: Assessment):
    assert [one.number for one, _ in films_of_cell(mixed, True, False, "balanced")] == [0]
    assert {one.number for one, _ in films_of_cell(mixed, True, True, "balanced")} == {2, 5}


def test_two_models_are_compared_where_both_have_a_verdict(mixed: Assessment):
    found = compare_assessments(mixed, mixed)
    assert (found.n, found.accuracy.difference.value) == (7, 0.0)


def test_the_report_has_a_part_for_each_population(mixed: Assessment):
    page = " ".join(evaluation_html(mixed, "balanced").decode().split())
    assert "Children: suspected pneumonia" in page
    assert "Adults: suspected lung opacity" in page
    assert page.count("plotly-graph-div") == 12
    assert "nan" not in json.dumps(evaluation_data(mixed)).lower().replace("finance", "")


def test_a_model_of_one_population_counts_every_age():
    one = dataclasses.replace(CARD, populations=(CHILDREN,))
    found = assessed(film(True, FLAGGED, 40.0), film(False, PASSED), film(False, PASSED, 0.5), card=one)
    data = evaluation_data(found)
    assert (data["n"], data["populations"], data["n_without_verdict"]) == (3, {}, 0)
    assert "asked" not in data


def test_a_row_of_an_older_run_has_its_age_from_the_file():
    old = dataclasses.replace(film(True, FLAGGED, 3.0), age_from="", group="")
    row = next(csv.DictReader(io.StringIO(scores_csv(assessed(old)).decode())))
    assert (row["age_from"], row["group"], row["population"]) == ("file", "", "children")


@pytest.mark.parametrize(
    ("years", "said"), [(None, ""), (45.0, "45Y"), (2.0, "2Y"), (8 / 12, "8M"), (10 / 365.25, "10D"), (0.0, "0D")]
)
def test_an_age_is_written_as_dicom_writes_it(years: float | None, said: str):
    assert age_in_short(years) == said


def test_a_patient_whom_no_population_is_asked_of_is_in_no_cohort():
    assert len(labelled_cohort([film(True, FLAGGED, 0.5)], CARD)) == 0
