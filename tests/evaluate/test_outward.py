"""Facts that files tell beside their pictures are judged over a run, and kept as figures alone."""

import json
from pathlib import Path

import pytest

from pneumo_core.evaluate.cohort import Cohort, labelled_cohort
from pneumo_core.evaluate.outward import OUTWARD_FILE, facts_of_columns, keep_outward, outward_areas, read_outward
from pneumo_core.evaluate.report import evaluation_data, evaluation_html, honesty_lines
from pneumo_core.stats.calibration import Calibration
from tests.evaluate.test_assessment import assessed
from tests.evaluate.test_cohort import score
from tests.makers import model_card

FACTS = {n: {"manufacturer": "ACME" if n % 2 else "OTHER", "tube voltage": 70.0} for n in range(24)}


def cohort(count: int = 24) -> Cohort:
    return labelled_cohort([score(n) for n in range(count)], model_card(calibration=Calibration(1.0, 0.5)))


def test_a_headers_fact_is_kept_as_a_figure_without_its_values(tmp_path: Path):
    keep_outward(tmp_path, cohort(), FACTS)
    areas = dict(read_outward(tmp_path) or ())
    assert (areas["manufacturer"].value, areas["manufacturer"].n) == (1.0, 24)
    # The voltage is that of all.
    assert "tube voltage" not in areas
    assert list(areas)[-1] == "all of these together"
    text = (tmp_path / OUTWARD_FILE).read_text()
    assert "ACME" not in text
    assert "OTHER" not in text


def test_areas_of_more_films_stay_and_few_patients_give_none(tmp_path: Path):
    keep_outward(tmp_path, cohort(16), FACTS)
    assert read_outward(tmp_path) is None
    keep_outward(tmp_path, cohort(), FACTS)
    whole = read_outward(tmp_path)
    keep_outward(tmp_path, cohort(), {n: FACTS[n] for n in range(20)})
    assert read_outward(tmp_path) == whole
    keep_outward(tmp_path, cohort(), {})
    assert read_outward(tmp_path) == whole


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"[[1]]"])
def test_a_file_that_holds_no_areas_counts_as_none(tmp_path: Path, content: bytes):
    (tmp_path / OUTWARD_FILE).write_bytes(content)
    assert read_outward(tmp_path) is None


def test_the_view_stands_in_the_rows_and_is_always_judged():
    films = [score(n, view_position="AP" if n % 2 else "PA") for n in range(24)]
    found = assessed(films)
    assert dict(found.metadata)["view"].value == 1.0
    data = evaluation_data(found)
    assert data["metadata_alone"]["view"] == {"auc": 1.0, "auc_ci": None, "n": 24}
    assert any("Among these facts, view alone reaches most, 1.000" in line for line in honesty_lines(found))
    assert "<td>view</td>" in evaluation_html(found, 0.5).decode()
    assert json.dumps(data["metadata_alone"])


def test_further_columns_are_facts_and_identifiers_and_labels_are_none():
    rows = [
        {
            "age": f"{n},5" if n else "nan",
            "study date": f"2024010{n % 9 + 1}",
            "Scanner": "A " if n % 2 else "",
            "patient id": f"{n}",
            "PatientID": f"{n}",
            "accession": f"{n}",
            "date of birth": "19800101",
            "label 2": "1",
            "remark": f"text {n}",
            "serial": f"{1000000 + n}",
            "number": "1.2E+10",
            "Follow-up #": f"{n % 3}",
            "\u202e": "x",
        }
        for n in range(30)
    ]
    facts = facts_of_columns(rows)
    assert facts[0].keys() == {"column study date", "column follow-up #"}
    assert facts[1] == {
        "column age": 1.5,
        "column study date": facts[0]["column study date"] + 1,
        "column scanner": "a",
        "column follow-up #": 1.0,
    }
    assert facts_of_columns([]) == []
    assert facts_of_columns([{}, {"view": "AP"}]) == [{}, {"column view": "ap"}]


def test_of_films_without_facts_in_memory_nothing_is_judged():
    assert dict(outward_areas(cohort(), {n: FACTS[n] for n in range(20)}))["manufacturer"].n == 20
