"""Two models on the same X-rays: paired differences."""

import streamlit as st

from pages.parts.evaluate.run_start import start_job
from pages.parts.shared.cached import assessment_of_run, jobs, known_models, other_classifier
from pages.parts.shared.problems import plain
from pneumo_core.data import Source
from pneumo_core.evaluate import Assessment, Run, compare_assessments, read_scores, run_name
from pneumo_core.files import models_folder, runs_folder
from pneumo_core.models import active_model_folder, read_card
from pneumo_core.stats import comparison_rows


@st.fragment
def comparison_view(assessment: Assessment, run: Run, source: Source | None) -> None:
    """Draw the choice of another model and, once it has scored these films too, the differences."""
    st.header("Against another model")
    # Weights tell models apart: an imported model's folder may have any name.
    others = [
        entry
        for entry in known_models()
        if entry.card is not None and entry.card.weights_sha256 != assessment.card.weights_sha256
    ]
    if not others:
        st.markdown("The folder of models holds no other model to compare with.")
        return
    names = [entry.name for entry in others]
    chosen = st.selectbox("Model", names, index=None, key="other_model")
    if chosen is None:
        return
    model = others[names.index(chosen)]
    card = read_card(model.folder)
    name = run_name(run.listing_sha256, card.weights_sha256, run.age_years)
    folder = runs_folder() / name
    job = jobs().find(name)
    if job is not None and job.is_running:
        st.link_button("It is scoring these X-rays now: see its progress", f"evaluate?run={name}")
        st.button("Look again", icon=":material/refresh:")
        return
    if not folder.is_dir() or len(read_scores(folder)) < run.films:
        if source is None:
            st.markdown("To score these X-rays with it too, please choose them again above.")
        elif st.button(f"Score these X-rays with {plain(model.name)} too", icon=":material/play_arrow:") and start_job(
            name, source, card.weights_sha256, lambda: other_classifier(model.folder)
        ):
            st.rerun(scope="fragment")
        return
    other = assessment_of_run(folder, model.folder)
    # Folders' names are unique; two cards may have the same name.
    used = active_model_folder(models_folder()).name
    st.table(comparison_rows(compare_assessments(assessment, other), plain(used), plain(model.name)))
    st.markdown(
        "Each model is used at its own balanced operating point. Differences are the first model minus the second, "
        "with 95 % intervals (DeLong; Newcombe) and McNemar's exact test. X-rays count as independent of each other. "
        "Where patients repeat, the intervals are too narrow."
    )
