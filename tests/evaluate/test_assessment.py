"""A run evaluated: figures, groups, what is left out; and the same as JSON, CSV and HTML."""

import codecs
import csv
import dataclasses
import datetime
import io
import json
import platform
import re
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.data.sources import open_source
from pneumo_core.evaluate.assessment import Assessment, assess_run, group_results
from pneumo_core.evaluate.figures import charts
from pneumo_core.evaluate.report import content_name, evaluation_data, evaluation_html, evaluation_json, honesty_lines
from pneumo_core.evaluate.runs import FilmScore
from pneumo_core.evaluate.tables import (
    ScreeningSetting,
    figure_rows,
    films_of_cell,
    scores_csv,
    screening_rows,
    worklist_order,
)
from pneumo_core.gate.suitability import UNCLEAR_AGE
from pneumo_core.models.conformal import Regions
from pneumo_core.models.known_films import KnownFilms
from pneumo_core.stats.calibration import Calibration, OperatingPoint
from pneumo_core.stats.mix import Mix
from pneumo_core.wording import Progress
from tests.evaluate.test_cohort import score
from tests.makers import model_card

CARD = model_card(
    calibration=Calibration(1.0, 0.5),
    operating_points=tuple(
        OperatingPoint(name, threshold, "a test")
        for name, threshold in (("screening", 0.3), ("balanced", 0.5), ("rule-in", 0.7))
    ),
)
NONE_KNOWN = KnownFilms({}, np.zeros((0, 32), np.uint8), ())


def assessed(scores: list[FilmScore], known: KnownFilms | None = NONE_KNOWN) -> Assessment:
    return assess_run(scores, len(scores), CARD, known)


@pytest.fixture(scope="module")
def counted() -> Assessment:
    """Ten films each: of those with pneumonia 8 are flagged at one half, of those without 1; one more is refused."""
    sick = [score(2 * n + 1, 1.0 if n < 8 else -1.0, kind="virus" if n < 4 else "bacteria") for n in range(10)]
    well = [score(2 * n, 1.0 if n < 1 else -1.0) for n in range(10)]
    refused = score(20, None, reason="The film is empty. Please export or download it again.", code="empty")
    return assessed(sorted([*sick, *well, refused], key=lambda film: film.number))


def test_the_counts_at_one_half_are_those_counted_by_hand(counted: Assessment):
    matrix = counted.figures(0.5).confusion
    assert (matrix.true_positives, matrix.false_negatives) == (8, 2)
    assert (matrix.false_positives, matrix.true_negatives) == (1, 9)
    assert [film.number for film in counted.refused] == [20]
    assert not counted.patients_repeat


def test_the_data_hold_each_operating_point_with_counts_and_intervals(counted: Assessment):
    data = evaluation_data(counted)
    assert (data["films"], data["scored"], data["refused"], data["n"], data["prevalence"]) == (21, 20, 1, 20, 0.5)
    # 8 x 9 pairs in order, 8 x 1 and 2 x 9 ties: (72 + 26 / 2) / 100.
    assert data["auc"] == pytest.approx(0.85)
    balanced = data["operating_points"]["balanced"]
    assert [balanced[key] for key in ("threshold", "tp", "fp", "tn", "fn")] == [0.5, 8, 1, 9, 2]
    assert balanced["sensitivity"] == 0.8
    assert balanced["sensitivity_ci"] == pytest.approx([0.4902, 0.9433], abs=1e-4)
    reason = "The film is empty. Please export or download it again."
    assert data["refusals"] == [{"film": 21, "code": "empty", "reason": reason}]
    assert json.loads(evaluation_json(counted)) == json.loads(json.dumps(data))


def test_what_is_not_defined_is_null_and_never_nought():
    data = evaluation_data(assessed([score(1, 1.0), score(3, 2.0)]))
    assert data["auc"] is None
    assert data["auc_ci"] is None
    assert data["operating_points"]["balanced"]["specificity"] is None
    assert "NaN" not in evaluation_json(assessed([score(1, 1.0)])).decode()


def test_no_film_at_all_gives_empty_figures():
    data = evaluation_data(assessed([]))
    assert (data["n"], data["prevalence"], data["auc"]) == (0, None, None)


def test_a_figure_that_is_not_defined_says_so(counted: Assessment):
    one_class = assessed([score(1, 1.0), score(3, 2.0)])
    rows = {label: (value, interval) for label, value, interval, _ in figure_rows(one_class, one_class.figures(0.5))}
    assert rows["Specificity"] == ("not defined", "")
    assert rows["Area under the ROC curve"] == ("not defined", "")
    assert rows["Sensitivity (recall)"][0] == "1.000"
    assert len(rows) == 13


def test_groups_have_their_own_figures_and_small_ones_are_called_small(counted: Assessment):
    groups = {(group.attribute, group.name): group for group in group_results(counted, 0.5)}
    viral = groups["kind", "viral pneumonia or none"]
    assert (viral.n, viral.n_pneumonia, viral.sensitivity.value) == (14, 4, 1.0)
    bacterial = groups["kind", "bacterial pneumonia or none"]
    assert bacterial.sensitivity.value == pytest.approx(4 / 6)
    assert viral.is_small


def test_films_that_the_model_knows_are_taken_out_in_a_row_of_their_own(counted: Assessment):
    starts = {score.sha256[:16]: "training" for score in counted.scores[:4] if score.sha256}
    known = KnownFilms(starts, np.zeros((0, 32), np.uint8), ())
    # The tests' hashes differ in their last digits only, so that all of them are known.
    found = assessed(list(counted.scores), known)
    assert found.known is not None
    assert found.known.all()
    lines = " ".join(honesty_lines(found))
    assert "20 of 20 X-rays are known to the model from its training or validation; none is left to be a test." in lines
    # A group without films is no row.
    assert not any(group.attribute == "not known to the model" for group in group_results(found, 0.5))
    assert group_results(assessed([]), 0.5) == []
    films = [dataclasses.replace(score(n), sha256=f"{n}" * 64) for n in range(8)]
    found = assessed(films, dataclasses.replace(known, hashes={"3" * 16: "validation"}))
    assert any(line.startswith("1 of 8 X-rays is known") and "without them" in line for line in honesty_lines(found))
    assert {group.attribute: group.n for group in group_results(found, 0.5)}["not known to the model"] == 7


def test_one_of_a_thing_is_not_said_as_many():
    film = dataclasses.replace(score(1, 1.0), patient=0)
    page = evaluation_html(assessed([film]), 0.5).decode()
    assert "<p>1 X-ray: 1 with score and label" in page
    other = dataclasses.replace(film, number=2, sha256="c" * 64)
    assert "the 2 X-rays are of 1 patient with pneumonia and 0 without" in " ".join(assessed([film, other]).doubts)
    assert Progress(0, 1, 0.0).in_words() == "0 of 1 X-ray"
    known = dataclasses.replace(NONE_KNOWN, hashes={f"{1:064x}"[:16]: "training"})
    assert "1 of 1 X-ray is known" in " ".join(honesty_lines(assessed([film], known)))


def test_the_honesty_lines_name_the_threshold_in_use_and_the_best_one(counted: Assessment):
    lines = honesty_lines(counted)
    assert any("is 50.0 %; no other would have been better" in line for line in lines)
    # At 0.27 and below all are flagged; at 0.73 two of four without pneumonia are passed.
    lines = honesty_lines(assessed([score(n, 1.0 if n in (0, 2) or n % 2 else 0.5) for n in range(8)]))
    assert any("is 50.0 %; on these very X-rays 73.1 % would have been best" in line for line in lines)
    assert not any("by patient" in line for line in lines)


def test_where_patients_repeat_intervals_are_by_patient():
    films = [dataclasses.replace(score(n, float(n % 3)), patient=n // 4) for n in range(40)]
    found = assessed(films)
    assert found.patients_repeat
    # One figure has one interval, wherever it stands.
    assert found.groups[0].area_under_roc == found.overall.area_under_roc
    assert any("40 X-rays are of 10 patients" in line for line in honesty_lines(found))
    assert any(line.startswith("10 patients have X-rays with both labels.") for line in found.doubts)


def test_the_table_of_films_has_no_names_unless_asked_and_no_formula(counted: Assessment):
    plain = list(csv.DictReader(io.StringIO(scores_csv(counted).decode())))
    assert "file" not in plain[0]
    assert len(plain) == 21
    assert (plain[20]["outcome"], plain[20]["probability"]) == ("refused", "")
    assert plain[1]["flagged_balanced"] == "1"
    names = ["=1+1", *(f"film{n}.png" for n in range(20))]
    named = list(csv.DictReader(io.StringIO(scores_csv(counted, names).decode())))
    assert named[0]["file"] == "'=1+1"


def test_a_table_of_films_with_names_is_a_source_again(counted: Assessment, tmp_path: Path):
    names = ["-1.png", "=2.png", "M\u00fcller.png", *(f"film{n}.png" for n in range(18))]
    for name in names:
        (tmp_path / name).write_bytes(b"film")
    content = scores_csv(counted, names)
    # By this mark a spreadsheet knows UTF-8.
    assert content.startswith(codecs.BOM_UTF8)
    assert not scores_csv(counted).startswith(codecs.BOM_UTF8)
    (tmp_path / "films.csv").write_bytes(content)
    source = open_source(tmp_path / "films.csv")
    told = {names[one.number]: one.has_pneumonia for one in counted.scores}
    assert {film.name: film.has_pneumonia for film in source.films} == told
    assert source.problems == ()


def test_the_table_of_films_says_likely_or_not_and_what_is_to_be_known_of_each():
    films = [
        score(0, 2.0, has_pneumonia=None, warned_of="exposure, blur", age_years=3.0),
        score(1, 0.0, has_pneumonia=None, sha256="c" * 64, warned_of="far from known films"),
        score(2, -2.0, has_pneumonia=None, age_years=60.0, warned_of="blur"),
        score(3, None, has_pneumonia=None, reason="The film seems to be inverted.", warned_of="exposure"),
        score(4, -2.0, has_pneumonia=None, warned_of=UNCLEAR_AGE),
    ]
    known = KnownFilms({"c" * 16: "validation"}, np.zeros((0, 32), np.uint8), ())
    regions = Regions(0.9, pneumonia_from=0.7, none_up_to=0.3)
    found = assess_run(films, len(films), CARD, known, regions={"children": regions})
    rows = list(csv.DictReader(io.StringIO(scores_csv(found).decode())))
    assert [row["suspected_pneumonia"] for row in rows] == ["likely", "uncertain", "unlikely", "", "unlikely"]
    assert [row["warned_of"] for row in rows] == [
        "exposure, blur",
        "known from validation, far from known films, no age given",
        "outside population, blur",
        "",
        UNCLEAR_AGE,
    ]
    without = list(csv.DictReader(io.StringIO(scores_csv(assessed(films)).decode())))
    assert {row["suspected_pneumonia"] for row in without} == {""}


def test_a_cells_films_are_those_counted_in_it_the_farthest_first(counted: Assessment):
    missed = films_of_cell(counted, has_pneumonia=True, is_flagged=False, at=0.5)
    assert [film.number for film, _ in missed] == [17, 19]
    every = [films_of_cell(counted, sick, flagged, 0.5) for sick in (True, False) for flagged in (True, False)]
    assert sum(len(films) for films in every) == 20


def test_the_worklist_has_every_scored_film_the_highest_first():
    films = [score(0, -1.0, has_pneumonia=None), score(2, 2.0, has_pneumonia=None), score(4, None, reason="no")]
    found = assessed(films)
    assert [film.number for film, _ in worklist_order(found)] == [2, 0]
    assert len(found.cohort) == 0


def test_the_screening_table_counts_costs_by_hand(counted: Assessment):
    row = next(row for row in screening_rows(counted, Mix(0.1, 0.0, 0.9), 1.0, 5.0) if row["Point"] == "balanced")
    assert [row[key] for key in ("TP", "FP", "TN", "FN")] == [8, 1, 9, 2]
    # 0.08 cases flagged and 0.09 others of each patient: (1 + 0.17 x 5) / 0.08.
    assert row["Cost per case found"] == f"{(1 + 0.17 * 5) / 0.08:.2f}"
    assert row["PPV %"] == f"{100 * 0.08 / 0.17:.1f}"


def test_every_chart_has_words_and_the_report_holds_all_and_fetches_nothing(counted: Assessment):
    drawn = charts(counted, counted.figures(0.5), "#000000")
    assert len({chart.title for chart in drawn}) == 6
    assert all(chart.alt and chart.reads for chart in drawn)
    page = evaluation_html(counted, 0.5).decode()
    assert page.count("plotly-graph-div") == 6
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=\"?https?:", page)
    assert "The film is empty." in page


def test_the_report_says_when_with_what_and_where_it_was_made(counted: Assessment):
    made = dataclasses.replace(counted, device="a GPU of the test")
    page = evaluation_html(made, 0.5).decode()
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    assert f"<td>{today}</td>" in page
    assert "a GPU of the test" in page
    assert f"python {platform.python_version()}, tensorflow " in page
    assert "not written down" in evaluation_html(counted, 0.5).decode()


def test_the_report_holds_the_operating_points_and_the_table_of_thresholds(counted: Assessment):
    page = " ".join(evaluation_html(counted, 0.5, ScreeningSetting(Mix(0.25, 0.0, 0.75), 2.0, 7.5)).decode().split())
    assert "<td>rule-in</td><td>70.0</td><td>a test</td><td>8</td><td>1</td><td>9</td><td>2</td>" in page
    assert (
        "The mix of patients: 25 % with the finding, 0 % with another abnormality, 75 % with nothing abnormal." in page
    )
    assert "An X-ray and its reading cost 2, confirming a flagged patient 7.5." in page
    # 0.2 cases flagged and 0.075 others of each patient: (2 + 0.275 x 7.5) / 0.2.
    assert f"<td>20.0</td><td>{(2 + 0.275 * 7.5) / 0.2:.2f}</td>" in page


def test_table_and_decision_curve_say_that_nothing_is_recalibrated(counted: Assessment):
    page = " ".join(evaluation_html(counted, 0.5, ScreeningSetting(Mix(0.1, 0.0, 0.9))).decode().split())
    assert "not recalibrated to that mix. They stay as calibrated at a prevalence of 50 %" in page
    assert "The probabilities are not recalibrated to it (they are calibrated at a prevalence of 50 %)" in page


def test_what_was_left_out_stands_in_data_and_report(counted: Assessment):
    said = ["A file was left out: it is <no> film."]
    assert evaluation_data(counted, said)["left_out"] == said
    assert evaluation_data(counted)["left_out"] is None
    assert "A file was left out: it is &lt;no&gt; film." in evaluation_html(counted, 0.5, left_out=said).decode()


def test_charts_of_one_class_or_of_nothing_are_drawn_without_a_curve():
    for films in ([], [score(1, 1.0)], [score(0, -1.0), score(2, 1.0)]):
        found = assessed(films)
        assert len(charts(found, found.figures(0.5), "#000000")) == 6


def test_a_file_is_named_by_its_content():
    assert content_name(b"a", "csv") != content_name(b"b", "csv")
    assert content_name(b"a", "csv").endswith(".csv")
