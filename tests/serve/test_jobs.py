"""Runs and audits in the background: found again, cancelled, one at a time."""

import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from pydantic import TypeAdapter, ValidationError

from pneumo_core.data import audit
from pneumo_core.errors import ModelError
from pneumo_core.evaluate.runs import read_scores
from pneumo_core.keras_network.classifier import load_classifier
from pneumo_core.network.classifier import Classifier
from pneumo_core.serve import jobs as jobs_module
from pneumo_core.serve.jobs import Audits, Jobs
from tests.evaluate.test_pipeline import film, source


@pytest.fixture(scope="module")
def classifier(tiny_model: Path) -> Classifier:
    return load_classifier(tiny_model)


def test_a_job_scores_its_films_and_is_found_again(classifier: Classifier, tmp_path: Path):
    jobs = Jobs()
    job = jobs.start("a", source([film(n) for n in range(3)]), tmp_path, lambda: classifier)
    assert job is not None
    assert jobs.find("a") is job
    assert jobs.find("b") is None
    job.wait(60)
    assert not job.is_running
    assert job.problem is None
    assert job.progress is not None
    assert (job.progress.done, len(read_scores(tmp_path))) == (3, 3)


def test_only_one_run_is_at_work_and_its_own_name_gives_it_back(classifier: Classifier, tmp_path: Path):
    go = threading.Event()

    def waiting() -> Classifier:
        go.wait(60)
        return classifier

    jobs = Jobs()
    first = jobs.start("a", source([film(1)]), tmp_path / "a", waiting)
    assert jobs.start("a", source([film(1)]), tmp_path / "a", waiting) is first
    assert jobs.start("b", source([film(2)], "b"), tmp_path / "b", waiting) is None
    go.set()
    assert first is not None
    first.wait(60)
    second = jobs.start("b", source([film(2)], "b"), tmp_path / "b", waiting)
    assert second is not None
    second.wait(60)
    assert jobs.find("a") is None


def test_a_cancelled_job_keeps_what_it_has_and_another_goes_on(classifier: Classifier, tmp_path: Path):
    go = threading.Event()

    def waiting() -> Classifier:
        go.wait(60)
        return classifier

    jobs, films = Jobs(), source([film(n) for n in range(40)])
    job = jobs.start("a", films, tmp_path, waiting)
    assert job is not None
    job.cancel()
    go.set()
    job.wait(60)
    assert job.is_cancelled
    assert len(read_scores(tmp_path)) == 32
    again = jobs.start("a", films, tmp_path, lambda: classifier)
    assert again is not None
    again.wait(60)
    assert [score.number for score in read_scores(tmp_path)] == list(range(40))


def test_why_a_job_failed_is_kept_as_a_sentence(tmp_path: Path):
    def broken() -> Classifier:
        raise ModelError("No model was found. Please train one.")

    job = Jobs().start("a", source([film(1)]), tmp_path, broken)
    assert job is not None
    job.wait(60)
    assert job.problem == "No model was found. Please train one."


def test_an_audit_is_found_again_by_its_folder_and_its_refusal_is_kept(tmp_path: Path, make_data: Callable[..., Path]):
    audits, data = Audits(), make_data(tmp_path / "data", 3)
    job = audits.start(data)
    assert job is not None
    job.wait(60)
    assert job.audit is not None
    assert len(job.audit.films) == 12
    assert job.progress is not None
    assert audits.find(data) is job
    assert audits.find(tmp_path) is None
    failed = audits.start(tmp_path / "missing")
    assert failed is not None
    failed.wait(60)
    assert failed.audit is None
    assert "is not a folder" in str(failed.problem)
    assert audits.find(data) is None


def broken(error: Exception) -> jobs_module.Work:
    class Broken(jobs_module.Work):
        def work(self) -> None:
            raise error

    work = Broken("broken")
    work.wait(60)
    return work


def invalid() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(dict[str, int]).validate_python({"patient": "DOE_JANE"})
    return caught.value


@pytest.mark.parametrize(
    ("error", "what_to_do"),
    [
        (MemoryError(), "memory"),
        (OSError(errno.ENOMEM, "DOE_JANE"), "memory"),
        (tf.errors.ResourceExhaustedError(None, None, "DOE_JANE"), "memory"),
        (tf.errors.InternalError(None, None, "DOE_JANE"), "doctor"),
        (invalid(), "copy"),
    ],
)
def test_an_end_that_is_known_is_told_with_what_to_do(
    error: Exception, what_to_do: str, caplog: pytest.LogCaptureFixture
):
    problem = broken(error).problem
    assert problem is not None
    assert what_to_do in problem
    assert "DOE_JANE" not in problem
    assert caplog.text == ""


def test_a_fault_of_the_program_is_told_by_its_class_and_logged_without_a_name(caplog: pytest.LogCaptureFixture):
    error = KeyError("DOE_JANE")
    error.__cause__ = ValueError("DOE_JANE")
    problem = broken(error).problem
    assert problem is not None
    assert "KeyError" in problem
    assert "builtins.KeyError" in caplog.text
    assert "builtins.ValueError" in caplog.text
    # Where it lies.
    assert "in work" in caplog.text
    assert "DOE_JANE" not in problem + caplog.text


def test_a_batch_run_and_an_audit_that_break_off_say_why(
    classifier: Classifier, tmp_path: Path, make_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    def exhausted(*arguments: object) -> None:
        raise MemoryError

    def faulty(*arguments: object) -> None:
        raise ZeroDivisionError

    for failing, word in ((exhausted, "memory"), (faulty, "ZeroDivisionError")):
        monkeypatch.setattr(Classifier, "logits_and_verdicts", failing)
        job = Jobs().start("a", source([film(1)]), tmp_path / "run", lambda: classifier)
        assert job is not None
        job.wait(60)
        monkeypatch.setattr(audit, "_read", failing)
        looked = Audits().start(make_data(tmp_path / word, 2))
        assert looked is not None
        looked.wait(60)
        assert word in str(job.problem)
        assert word in str(looked.problem)
