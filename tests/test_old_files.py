"""Files that commit 73af54d wrote are read, or refused with a code and a next step."""

import shutil
from pathlib import Path

import pytest

from pneumo_core.errors import DataError
from pneumo_core.evaluate.cluster import ArchiveJob, begin_job
from pneumo_core.evaluate.runs import Run, begin_run, damaged_lines, read_run, read_scores
from pneumo_core.models.card import read_card, write_card
from pneumo_core.models.training_log import check_log, read_log
from pneumo_core.serve.audit_log import AUDIT_LOG_VARIABLE, AuditEvent, record_event, verify_audit_log
from pneumo_core.train.plan import read_plan
from pneumo_core.train.run import read_state
from tests.makers import WEIGHTS, model_card

OLD = Path(__file__).parent / "old_files"


def test_the_card_of_an_own_model_is_of_one_population_with_all_that_it_said(tmp_path: Path):
    shutil.copy(OLD / "model" / "card.json", tmp_path)
    (tmp_path / "classifier.keras").write_bytes(WEIGHTS)
    before = (tmp_path / "card.json").read_bytes()
    card = read_card(tmp_path)
    assert card == model_card()
    assert (tmp_path / "card.json").read_bytes() == before
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card


def test_a_stopped_training_run_is_read_with_its_plan_and_its_log():
    folder = OLD / "training"
    plan, state = read_plan(folder), read_state(folder)
    assert (plan.out.name, plan.recipe.architecture, plan.recipe.seed, plan.population_years) == (
        "small",
        "SmallCNN",
        7,
        (1.0, 5.0),
    )
    assert (state.stage, state.epoch, state.epochs) == ("stopped", 2, 3)
    check_log(folder)
    assert [entry["epoch"] for entry in read_log(folder)] == [1, 2]


def test_an_unfinished_batch_run_goes_on_where_it_stood(tmp_path: Path):
    shutil.copytree(OLD / "batch", tmp_path, dirs_exist_ok=True)
    begin_run(Run("ab" * 32, "cd" * 32, 3), tmp_path)
    first, second = read_scores(tmp_path)
    assert (read_run(tmp_path).films, damaged_lines(tmp_path)) == (3, 0)
    assert (first.logit, first.age_years, first.warned_of) == (1.25, 3.0, "blur")
    assert (second.logit, second.has_pneumonia) == (None, False)
    with pytest.raises(DataError):
        begin_run(Run("ab" * 32, "ef" * 32, 3), tmp_path)


def test_a_job_on_ray_whose_rows_no_gate_judged_is_refused_and_stays(tmp_path: Path):
    shutil.copytree(OLD / "job", tmp_path, dirs_exist_ok=True)
    before = (tmp_path / "job.json").read_bytes()
    job = ArchiveJob("ab" * 32, "cd" * 32, None, 1.0, 8, 4, False)
    with pytest.raises(DataError, match="name another folder") as refusal:
        begin_job(job, str(tmp_path))
    assert refusal.value.code == "job"
    assert (tmp_path / "job.json").read_bytes() == before


def test_an_audit_log_holds_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    log = tmp_path / "audit.jsonl"
    shutil.copy(OLD / "audit.jsonl", log)
    assert (verify_audit_log(log).lines, verify_audit_log(log).broken) == (3, None)
    monkeypatch.setenv(AUDIT_LOG_VARIABLE, str(log))
    record_event(AuditEvent("read", "not signed in", probability=0.25))
    assert (verify_audit_log(log).lines, verify_audit_log(log).broken) == (4, None)
