"""A run of X-rays as it stands in its folder, evaluated and written down."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pneumo_core.data.sources import open_source
from pneumo_core.errors import DataError
from pneumo_core.evaluate.assessment import assess_folder
from pneumo_core.evaluate.pipeline import run_source
from pneumo_core.evaluate.report import evaluation_data, write_evaluation
from pneumo_core.evaluate.runs import read_run
from pneumo_core.keras_network.classifier import load_classifier


@pytest.fixture
def run(tiny_model: Path, tmp_path: Path, make_data: Callable[..., Path]) -> Path:
    """Score films that the tiny model was trained on and others; give the run's folder."""
    # Only the films of the third part are others than those of its train and val.
    data = make_data(tmp_path / "data", 2, ("train", "val", "test")) / "test"
    seen = tiny_model.parent.parent / "data" / "train" / "NORMAL" / "IM-0000-0001.png"
    (data / "NORMAL" / "seen.png").write_bytes(seen.read_bytes())
    run_source(open_source(data), load_classifier(tiny_model), tmp_path / "run")
    return tmp_path / "run"


def test_a_run_is_evaluated_by_what_stands_in_its_folder_and_its_models(run: Path, tiny_model: Path):
    found = assess_folder(run, tiny_model)
    assert (found.films, len(found.cohort), found.device) == (5, 5, read_run(run).device)
    assert found.known is not None
    assert found.known.sum() == 1


def test_a_folder_without_a_run_is_refused(tiny_model: Path, tmp_path: Path):
    with pytest.raises(DataError) as refused:
        assess_folder(tmp_path, tiny_model)
    assert refused.value.code == "data"


def test_an_evaluation_is_written_with_names_only_where_they_are_given(run: Path, tiny_model: Path, tmp_path: Path):
    found = assess_folder(run, tiny_model)
    data = evaluation_data(found, ["A file was left out."], found)
    assert "comparison" not in evaluation_data(found)
    assert (data["comparison"]["with"], data["comparison"]["n"]) == (found.card.name, 5)
    write_evaluation(run, found, data, ["A file was left out."])
    assert json.loads((run / "evaluation.json").read_text()) == data
    assert "A file was left out." in (run / "evaluation.html").read_text()
    assert (run / "films.csv").read_text().splitlines()[0].startswith("film,sha256,")
    assert "How the files were understood" not in (run / "evaluation.html").read_text()
    note = "6 labels with a decimal comma were read as 0 or 1."
    assert evaluation_data(found, notes=[note])["notes"] == [note]
    write_evaluation(run, found, data, None, notes=[note])
    assert note in (run / "evaluation.html").read_text()
    write_evaluation(run, found, data, None, [f"Mueller_{number}.png" for number in range(5)])
    assert (run / "films.csv").read_text().count("Mueller_") == 5
