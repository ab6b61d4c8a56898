"""One batch run, at work, stopped or done; its name stands in the page's address."""

import re

import streamlit as st

from pages.parts.evaluate.comparison_view import comparison_view
from pages.parts.evaluate.evaluation_view import evaluation_view
from pages.parts.evaluate.run_start import start_job
from pages.parts.shared.cached import assessment_of_run, jobs, loading_classifier, model_with_weights, other_classifier
from pages.parts.shared.problems import plain, problems_shown
from pneumo_core.evaluate import SCORES_FILE, damaged_lines, read_run
from pneumo_core.files import runs_folder
from pneumo_core.models import ModelCard
from pneumo_core.wording import counted


def run_view(name: str, card: ModelCard) -> None:
    """Draw a run at its present state."""
    job = jobs().find(name)
    if job is not None and job.is_running:
        _at_work(name)
        return
    if job is not None and job.problem:
        st.error(plain(job.problem), icon=":material/error:")
    # The name comes from the address bar: only a name of this app's form may become part of a path.
    folder = runs_folder() / name if re.fullmatch(r"[0-9a-f]{24}", name) else None
    if folder is None or not folder.is_dir():
        st.error(
            "There is no run of this name on this server. Please choose the X-rays again.", icon=":material/error:"
        )
        return
    run = read_run(folder)
    model = model_with_weights(run.weights_sha256)
    if model is None:
        st.error(
            f"This run was scored with the weights {run.weights_sha256[:12]}, and no model of this server has them any "
            "more. Please choose the X-rays again to score them with the model in use.",
            icon=":material/error:",
        )
        return
    is_in_use = run.weights_sha256 == card.weights_sha256
    if not is_in_use:
        st.info(
            f"These X-rays were scored with {model.name}, which is not the model in use ({card.name}). All scores, "
            f"thresholds and figures below belong to {model.name}.",
            icon=":material/history:",
        )
    assessment = assessment_of_run(folder, model)
    damaged = damaged_lines(folder)
    if damaged:
        st.warning(
            plain(
                f"{counted(damaged, 'line')} of {SCORES_FILE} {'is' if damaged == 1 else 'are'} damaged and left out. "
                "When this run continues, it scores their X-rays again."
            ),
            icon=":material/healing:",
        )
    left = run.films - len(assessment.scores)
    if left:
        are = "is" if left == 1 else "are"
        st.warning(
            f"Stopped: {left} of {counted(run.films, 'X-ray')} {are} not scored yet. The figures cover the others only."
        )
        if job is None:
            first = "please " if is_in_use else f"please put {model.name} in use again, then "
            st.markdown(
                f"To continue, {first}choose the same X-rays again. Those that are already scored are not read again."
            )
        elif st.button("Continue", icon=":material/play_arrow:") and start_job(
            name,
            job.source,
            run.weights_sha256,
            loading_classifier().result if is_in_use else lambda: other_classifier(model),
        ):
            st.rerun()
    source = job.source if job is not None else None
    evaluation_view(assessment, source)
    if len(assessment.cohort):
        comparison_view(assessment, run, source)


def _at_work(name: str) -> None:
    @st.fragment(run_every=1.0)
    def progress() -> None:
        job = jobs().find(name)
        if job is None or not job.is_running:
            # Draws the whole page again, with the results.
            st.rerun()
        if job.progress is None:
            st.progress(0.0, "Loading the network and reading the first X-rays ...")
        else:
            st.progress(job.progress.done / job.progress.of, job.progress.in_words())
        if job.is_cancelled:
            st.markdown("Stopping after the current X-rays ...")
        else:
            # A callback: the whole page may answer a click, and a fragment must not be rerun from there.
            st.button("Cancel", icon=":material/stop:", on_click=job.cancel)
        st.markdown("The run continues if you reload or leave the page. The page's address leads back here.")

    with problems_shown():
        progress()
