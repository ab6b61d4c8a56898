"""The audit of a folder, and a split of it by patient, before anything is trained on it."""

from pathlib import Path

import streamlit as st

from pages.parts.shared.cached import audits, films_side_by_side
from pages.parts.shared.frame import rows_height
from pages.parts.shared.problems import plain, problems_shown
from pages.parts.train.steps import PLAN, Chosen, ask_for_data, go_to, keep_split, named_data_folders, split_of
from pneumo_core.data import (
    CLASS_FOLDERS,
    GROUPS,
    SEED,
    VALIDATION_SHARE,
    Audit,
    area_rows,
    audit_html,
    count_rows,
    films_to_show,
    manifest_csv,
    place_of,
    split_audited,
    twins_in_words,
)
from pneumo_core.serve import AuditJob
from pneumo_core.wording import counted, time_in_words

FILMS_SHOWN = 12


def audit_view() -> None:
    """Draw the choice of films, the audit at its present state, and the split."""
    chosen = ask_for_data()
    if chosen is None:
        return
    job = audits().find(chosen.folder, chosen.more)
    if job is not None and job.is_running:
        _at_work(chosen)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Audit" if job is None else "Audit again", type="primary", icon=":material/fact_check:"):
            if audits().start(chosen.folder, chosen.more) is None:
                st.warning("Another folder is being audited on this server. Please start yours after that has ended.")
                return
            st.query_params["data"] = next(name for name, path in named_data_folders().items() if path == chosen.folder)
            st.rerun()
        if st.button("On to the plan", icon=":material/arrow_forward:"):
            go_to(PLAN)
        st.markdown("Every X-ray is read once. Only facts about it are kept.")
    if job is None:
        return
    if job.problem is not None:
        st.error(plain(job.problem), icon=":material/error:")
    if job.audit is not None:
        _found(job.audit, chosen.folders)
        _ask_for_split(job.audit, chosen.folders)


def _at_work(chosen: Chosen) -> None:
    @st.fragment(run_every=1.0)
    def progress() -> None:
        job = audits().find(chosen.folder, chosen.more)
        if job is None or not job.is_running:
            # Draws the whole page again, with the findings.
            st.rerun()
        _progress(job)

    progress()


def _progress(job: AuditJob) -> None:
    if job.progress is None:
        st.progress(0.0, "Listing and reading the first X-rays ...")
    elif job.progress.done < job.progress.of:
        st.progress(job.progress.done / job.progress.of, f"Audit: {job.progress.in_words()}")
    else:
        st.progress(1.0, f"All {counted(job.progress.of, 'X-ray')} are read; comparing them ...")
    if job.is_cancelled:
        st.markdown("Stopping after the current X-ray ...")
    else:
        st.button("Cancel", icon=":material/stop:", on_click=job.cancel)
    st.markdown("The audit continues if you reload or leave the page. The page's address leads back here.")


def _found(audit: Audit, folders: tuple[Path, ...]) -> None:
    st.markdown(
        f"**{plain(audit.folder)}**: {counted(len(audit.films), 'X-ray')}, of which {len(audit.unusable)} cannot be "
        f"used. The audit at {time_in_words(audit.audited_at)} took {audit.seconds:.0f} s."
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
        st.header("X-rays")
        st.table(count_rows(audit), alt="X-rays by split and class")
    with right:
        st.header("How well outward facts of the files alone separate the classes")
        rows = area_rows(audit)
        st.dataframe(
            rows,
            hide_index=True,
            height=rows_height(len(rows)),
            alt="How well outward facts separate the classes, with 95 percent intervals, and their medians",
        )
        st.markdown(
            "The table gives the AUC with its 95 % interval, where 0.5 is chance, and the medians of both classes. A "
            "network can learn any fact that separates the classes here instead of the lungs."
        )
    _lists(audit)
    for label, has_pneumonia, group in _classes(audit):
        shown = films_to_show(audit, has_pneumonia, FILMS_SHOWN, group=group)
        if shown:
            st.header(f"{label}: {len(shown)} X-rays drawn at random")
            places = (place_of(folders, film.name) for film in shown)
            names = tuple(str(root / below) for root, below in places)
            st.image(
                films_side_by_side(folders[0], names, audit.audited_at),
                width="stretch",
                alt=f"{len(shown)} X-rays of the class {label}, each of another patient where there are enough",
            )
    st.download_button(
        "Audit (HTML)",
        lambda: audit_html(audit),
        f"pneumo_audit_{audit.audited_at[:10]}.html",
        "text/html",
        on_click="ignore",
        icon=":material/description:",
        help="The audit holds file names, which can carry a patient's name.",
    )


def _classes(audit: Audit) -> list[tuple[str, bool, str]]:
    """Give title, label and group of each class: the groups of a table, else those that folders are called by."""
    groups = {film.group for film in audit.films} - {""}
    if groups:
        return [(group.capitalize(), group == "finding", group) for group in GROUPS if group in groups]
    return [(label, has_pneumonia, "") for label, has_pneumonia in CLASS_FOLDERS.items()]


def _lists(audit: Audit) -> None:
    _list("that cannot be used", "X-ray", [(film.name, film.problem or "") for film in audit.unusable], "Reason")
    conflicts = [(twins.films[0], twins_in_words(twins)) for twins in audit.conflicts]
    _list("of X-rays in both classes: one label of each is wrong", "group", conflicts, "The same X-ray")
    others = [(twins.films[0], twins_in_words(twins)) for twins in audit.twins if not twins.is_conflict]
    _list("of X-rays that look the same", "group", others, "The same X-ray")
    across = [
        (found.patient, f"{counted(found.films, 'X-ray')} in {' and '.join(found.splits)}")
        for found in audit.patients_across
    ]
    _list("in more than one split, by their names", "patient", across, "X-rays")
    ignored = [(name, "no X-ray in a folder of this layout") for name in audit.ignored]
    _list("left out of the audit", "file", ignored, "Reason")


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
def _ask_for_split(audit: Audit, folders: tuple[Path, ...]) -> None:
    st.header("Split by patient")
    st.markdown(
        "A split is a table that assigns each X-ray to training, validation or test. No file is moved. All X-rays of a "
        "patient, and X-rays that look the same, are on one side. X-rays that cannot be used, or are in both classes, "
        "are on none. Without a table, a run joins `train` and `val`, splits them by patient itself, and keeps `test`."
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
            help="They choose epoch, temperature and thresholds. More patients make these choices surer. Fewer "
            "patients leave more to train on.",
        )
    with tests:
        keeps_test = has_test and st.toggle(
            "Keep the test X-rays of the folder",
            value=True,
            help="Switch it on for an official test set, so that figures can be compared. Switch it off to draw a new "
            "test set by patient.",
        )
        test_share = 0
        if not keeps_test:
            test_share = st.slider(
                "Patients to test with, %",
                0,
                50,
                15,
                help="They choose nothing and are read once, at the end. Without test patients, nothing says how good "
                "the model is on new X-rays.",
            )
    with seeds:
        seed = st.number_input(
            "Seed",
            0,
            value=SEED,
            help="Another seed puts other patients on each side. The same seed gives the same split.",
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
                True: "No: a number was given twice. All X-rays are used, as training does by default with the data "
                "set's official test X-rays",
                False: f"Perhaps: their {counted(cost, 'X-ray')} outside test are left out, so that no test "
                "figure is too good",
            }.get,
            help="The names alone do not tell. If they are the same children and their X-rays stay, test figures are "
            "too good. If they are others and their X-rays are left out, training data are lost for nothing.",
        )
    with problems_shown():
        if st.button("Make this split", icon=":material/call_split:"):
            manifest = split_audited(audit, share / 100, None if keeps_test else test_share / 100, seed, are_others)
            keep_split(folders, manifest)
    made = split_of(folders)
    if made is not None:
        st.success("\n".join(f"- {plain(line)}" for line in made.in_words()), icon=":material/check_circle:")
        st.markdown("The plan uses this split. The run keeps it beside its plan.")
        with st.container(horizontal=True):
            st.download_button(
                "Split (CSV)", manifest_csv(made), "split.csv", "text/csv", on_click="ignore", icon=":material/table:"
            )
            if st.button("On to the plan with it", icon=":material/arrow_forward:"):
                go_to(PLAN)
