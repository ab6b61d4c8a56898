"""The audit of a folder, and a split of it by patient, before anything is trained on it."""

from pathlib import Path

import streamlit as st

from pages.parts.shared.cached import audits, films_side_by_side
from pages.parts.shared.frame import rows_height
from pages.parts.shared.problems import plain, problems_shown
from pages.parts.train.steps import PLAN, ask_for_data, go_to, keep_split, named_data_folders, split_of
from pneumo_core.data import (
    CLASS_FOLDERS,
    SEED,
    VALIDATION_SHARE,
    Audit,
    area_rows,
    audit_html,
    count_rows,
    films_to_show,
    manifest_csv,
    split_audited,
    twins_in_words,
)
from pneumo_core.serve import AuditJob
from pneumo_core.wording import counted, time_in_words

FILMS_SHOWN = 12


def audit_view() -> None:
    """Draw the choice of films, the audit as far as it is, and the split."""
    chosen = ask_for_data()
    if chosen is None:
        return
    folder, _ = chosen
    job = audits().find(folder)
    if job is not None and job.is_running:
        _at_work(folder)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Audit" if job is None else "Audit again", type="primary", icon=":material/fact_check:"):
            if audits().start(folder) is None:
                st.warning("Another folder is being audited on this server. Please start yours when that has ended.")
                return
            st.query_params["data"] = next(name for name, path in named_data_folders().items() if path == folder)
            st.rerun()
        if st.button("On to the plan", icon=":material/arrow_forward:"):
            go_to(PLAN)
        st.markdown("Every film is read once; nothing is kept of it but facts.")
    if job is None:
        return
    if job.problem is not None:
        st.error(plain(job.problem), icon=":material/error:")
    if job.audit is not None:
        _found(job.audit, folder)
        _ask_for_split(job.audit, folder)


def _at_work(folder: Path) -> None:
    @st.fragment(run_every=1.0)
    def progress() -> None:
        job = audits().find(folder)
        if job is None or not job.is_running:
            # The whole page once more, with the findings.
            st.rerun()
        _progress(job)

    progress()


def _progress(job: AuditJob) -> None:
    if job.progress is None:
        st.progress(0.0, "Listing and reading the first films ...")
    elif job.progress.done < job.progress.of:
        st.progress(job.progress.done / job.progress.of, f"Audit: {job.progress.in_words()}")
    else:
        st.progress(1.0, f"All {counted(job.progress.of, 'film')} are read; comparing them ...")
    if job.is_cancelled:
        st.markdown("Stopping after the film at hand ...")
    else:
        st.button("Cancel", icon=":material/stop:", on_click=job.cancel)
    st.markdown("This goes on if you reload or leave the page; its address leads back here.")


def _found(audit: Audit, folder: Path) -> None:
    st.markdown(
        f"**{plain(audit.folder)}**: {counted(len(audit.films), 'film')}, of which {len(audit.unusable)} cannot be "
        f"used; audited in {audit.seconds:.0f} s at {time_in_words(audit.audited_at)}."
    )
    if audit.alarms:
        st.header("Alarms")
        lines = (f"- **{alarm.kind.capitalize()}**: {plain(alarm.text)}" for alarm in audit.alarms)
        st.warning("\n".join(lines), icon=":material/warning:")
    else:
        st.success("Nothing alarming was found.", icon=":material/check_circle:")
    with st.container(key="stack_counts"):
        left, right = st.columns([2, 3], gap="large")
    with left:
        st.header("Films")
        st.table(count_rows(audit), alt="Films by split and class")
    with right:
        st.header("What the files' outward facts alone can do")
        rows = area_rows(audit)
        st.dataframe(
            rows,
            hide_index=True,
            height=rows_height(len(rows)),
            alt="How well outward facts separate the classes, with 95 percent intervals, and their medians",
        )
        st.markdown(
            "AUC with its 95 % interval; 0.5 is chance. What separates the classes here, a network can learn instead "
            "of the lungs. Medians of both classes beside it."
        )
    _lists(audit)
    for label, has_pneumonia in CLASS_FOLDERS.items():
        shown = films_to_show(audit, has_pneumonia, FILMS_SHOWN)
        if shown:
            st.header(f"{label}: {len(shown)} films drawn at random")
            names = tuple(film.name for film in shown)
            st.image(
                films_side_by_side(folder, names, audit.audited_at),
                width="stretch",
                alt=f"{len(shown)} films of the class {label}, each of another patient as far as there are some",
            )
    st.download_button(
        "Audit (HTML)",
        lambda: audit_html(audit),
        f"pneumo_audit_{audit.audited_at[:10]}.html",
        "text/html",
        on_click="ignore",
        icon=":material/description:",
        help="It names files, which can carry a patient's name.",
    )


def _lists(audit: Audit) -> None:
    _list("that cannot be used", "film", [(film.name, film.problem or "") for film in audit.unusable], "Reason")
    conflicts = [(twins.films[0], twins_in_words(twins)) for twins in audit.conflicts]
    _list("of films in both classes: one label of each is wrong", "group", conflicts, "The same film")
    others = [(twins.films[0], twins_in_words(twins)) for twins in audit.twins if not twins.is_conflict]
    _list("of films that look the same", "group", others, "The same film")
    across = [
        (found.patient, f"{counted(found.films, 'film')} in {' and '.join(found.splits)}")
        for found in audit.patients_across
    ]
    _list("in more than one split, by their names", "patient", across, "Films")
    ignored = [(name, "no JPEG, PNG or DICOM in a folder of this layout") for name in audit.ignored]
    _list("that were not audited", "file", ignored, "Reason")


def _list(title: str, noun: str, rows: list[tuple[str, str]], column: str) -> None:
    if rows:
        with st.expander(f"{counted(len(rows), noun)} {title}", icon=":material/list:"):
            st.dataframe(
                [{noun.capitalize(): name, column: text} for name, text in rows],
                hide_index=True,
                height=rows_height(len(rows)),
                column_config={column: st.column_config.TextColumn(width="large")},
                alt=f"{noun}s {title}",
            )


@st.fragment
def _ask_for_split(audit: Audit, folder: Path) -> None:
    st.header("Split by patient")
    st.markdown(
        "A table says which film is for what; no file is moved. All films of a patient, and films that look the same, "
        "are on one side; films that cannot be used or lie in both classes are on none. Without a table, a run joins "
        "`train` and `val`, splits them by patient itself, and keeps `test`."
    )
    has_test = any(film.split == "test" for film in audit.films)
    with st.container(key="stack_split"):
        shares, tests, seeds = st.columns(3, gap="large")
    with shares:
        share = st.slider(
            "Patients to validate with, %",
            5,
            50,
            round(100 * VALIDATION_SHARE),
            help="They choose epoch, temperature and thresholds. More of them make these choices surer, fewer leave "
            "more to train on.",
        )
    with tests:
        keeps_test = has_test and st.toggle(
            "Keep the test films of the folder",
            value=True,
            help="On for an official test set, so that figures can be compared. Off to draw a new one by patient.",
        )
        test_share = 0
        if not keeps_test:
            test_share = st.slider(
                "Patients to test with, %",
                0,
                50,
                15,
                help="They choose nothing and are read once, at the end. With none, nothing says how good the model is "
                "on new films.",
            )
    with seeds:
        seed = st.number_input(
            "Seed", 0, value=SEED, help="Another one puts other patients on each side; the same one gives this split."
        )
    names = {film.patient for film in audit.films if film.split == "test"}
    across = {film.patient for film in audit.films if film.split != "test"} & names
    are_others = True
    if keeps_test and across:
        cost = sum(film.split != "test" and film.patient in across for film in audit.films)
        are_others = st.radio(
            f"{len(across)} of {counted(len(names), 'patient name')} in test also occur outside it. Are these the same "
            "children?",
            [True, False],
            format_func={
                True: "Others: a number was given twice. All films are used, as training does by default with the data "
                "set's official test films",
                False: f"Perhaps the same: their {counted(cost, 'film')} outside test are left out, so that no test "
                "figure comes out too good",
            }.get,
            help="The names alone do not tell. If they are the same children and their films stay, figures on test are "
            "too good; if they are others and their films go, there is less to train on for nothing.",
        )
    with problems_shown():
        if st.button("Make this split", icon=":material/call_split:"):
            manifest = split_audited(audit, share / 100, None if keeps_test else test_share / 100, seed, are_others)
            keep_split(folder, manifest)
    made = split_of(folder)
    if made is not None:
        st.success("\n".join(f"- {plain(line)}" for line in made.in_words()), icon=":material/check_circle:")
        st.markdown("The plan uses this split, and the run keeps it beside its plan.")
        with st.container(horizontal=True):
            st.download_button(
                "Split (CSV)", manifest_csv(made), "split.csv", "text/csv", on_click="ignore", icon=":material/table:"
            )
            if st.button("On to the plan with it", icon=":material/arrow_forward:"):
                go_to(PLAN)
