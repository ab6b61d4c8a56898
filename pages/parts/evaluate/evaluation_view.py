"""The figures of a run: one threshold moves all of them."""

import streamlit as st

from pages.parts.evaluate.film_list import film_list, film_name, is_flagged
from pages.parts.shared.frame import text_colour
from pages.parts.shared.problems import plain
from pneumo_core.data import Source
from pneumo_core.draw import CHART_CONFIG
from pneumo_core.evaluate import (
    SETTING,
    Assessment,
    ScreeningSetting,
    charts,
    content_name,
    evaluation_html,
    evaluation_json,
    figure_rows,
    films_of_cell,
    group_results,
    group_words,
    honesty_lines,
    label_group_rows,
    outward_rows,
    point_words,
    points,
    population_rows,
    scores_csv,
    screening_note,
    screening_rows,
    why_no_values_here,
    worklist_order,
)
from pneumo_core.files import site_mix
from pneumo_core.models import Population
from pneumo_core.stats import GROUP_WORDS, MIX_GROUPS, Mix
from pneumo_core.wording import counted

ALL = "all together"
# A list of more problems stays folded.
MOST_PROBLEMS = 10
# The values say: has pneumonia, is flagged.
CELLS = {
    "true positives": (True, True),
    "false negatives": (True, False),
    "false positives": (False, True),
    "true negatives": (False, False),
}

# A list of more refused X-rays than this scrolls within this height.
MANY, SCROLLED_PIXELS = 20, 600


def evaluation_view(assessment: Assessment, source: Source | None) -> None:
    """Draw an evaluation; without labels, the worklist."""
    cohort = assessment.cohort
    scored = len(assessment.scores) - len(assessment.refused)
    st.markdown(
        f"**{counted(assessment.films, 'X-ray')}**: {scored} scored, of which {len(cohort)} count in the figures "
        f"({int(cohort.has_pneumonia.sum())} with pneumonia); {len(assessment.refused)} refused."
    )
    if source is not None and source.problems:
        with st.expander(
            f"Left out or without a label: {counted(len(source.problems), 'sentence')}",
            icon=":material/block:",
            expanded=len(source.problems) <= MOST_PROBLEMS,
        ):
            st.markdown("\n".join(f"- {plain(problem)}" for problem in source.problems))
    if source is not None and source.notes:
        st.info("\n".join(f"- {plain(note)}" for note in source.shown_notes), icon=":material/fact_check:")
    if assessment.known is not None and assessment.known.any():
        others = "" if assessment.known.all() else " The table of groups gives the figures without them."
        st.warning(
            f"The model was trained on or validated with {int(assessment.known.sum())} of these X-rays. For them the "
            f"figures are no test.{others}",
            icon=":material/history_edu:",
        )
    if assessment.doubts:
        mark = "- " if len(assessment.doubts) > 1 else ""
        st.warning("\n".join(f"{mark}{plain(line)}" for line in assessment.doubts), icon=":material/groups:")
    if scored:
        _populations(assessment, source)
    if len(cohort):
        st.header("What speaks against these figures")
        st.markdown(
            "\n".join(f"- {plain(line)}" for line in honesty_lines(assessment) if line not in assessment.doubts)
        )
        with st.expander("What the files' outward facts alone can do", icon=":material/list:"):
            st.table(outward_rows(assessment), alt="How well each outward fact of the files separates the classes")
    if assessment.refused:
        st.header("Refused, and counted in no figure")
        # A table and no grid: a grid would cut a reason short, and with it the remedy.
        with st.container(height=SCROLLED_PIXELS if len(assessment.refused) > MANY else "content"):
            st.table(
                [
                    {"X-ray": plain(film_name(score.number, source)), "Reason": plain(score.reason or "")}
                    for score in assessment.refused
                ]
            )
    _downloads(assessment, source)


def _populations(assessment: Assessment, source: Source | None) -> None:
    """Draw the figures of the only population, or of all together and of each; its choice stands above them."""
    if not assessment.is_mixed:
        _at_threshold(assessment, source)
        return
    parts = {part.population.name: part for part in assessment.parts}
    st.header("By population")
    st.markdown(
        "The patient's age tells the population. Each has its own thresholds, and an X-ray counts by its own. Where "
        "the age is not known, or lies between the populations, all are asked."
    )
    if len(assessment.cohort):
        st.table(population_rows(assessment), alt="Figures of each population at its balanced operating point")
    chosen = st.segmented_control("Figures of", [ALL, *parts], default=ALL, required=True, key="population")
    if chosen == ALL:
        _all_together(assessment, source)
    elif len(parts[chosen].scores):
        _at_threshold(parts[chosen], source)
    else:
        st.markdown(f"None of these X-rays is known to be of {plain(chosen)}.")


@st.fragment
def _all_together(assessment: Assessment, source: Source | None) -> None:
    """Draw what each X-ray comes to by the point of its own population."""
    at = st.segmented_control(
        "Operating point",
        [point.name for point in assessment.population.operating_points],
        default="balanced",
        required=True,
        key="point_of_all",
        format_func=lambda name: f"{name} ({assessment.population.operating_point(name).use})",
    )
    if len(assessment.cohort):
        st.table(
            [point_words(point, figures, is_mixed=True) for point, figures in points(assessment) if point.name == at],
            alt="Counts and rates of all X-rays, each by the point of its own population",
        )
        _label_groups(assessment)
        cell = st.segmented_control("See the X-rays of a cell", list(CELLS), key="cell_of_all")
        if cell:
            films = films_of_cell(assessment, *CELLS[cell], at)
            st.header(f"{cell.capitalize()}: {len(films)}")
            if films:
                film_list(films, assessment, source, at, f"all_of_{cell}", f"{cell.capitalize()} of all ages")
        st.header("Groups")
        st.table([group_words(group) for group in group_results(assessment, at)])
    _worklist(assessment, source, at)


@st.fragment
def _at_threshold(assessment: Assessment, source: Source | None) -> None:
    threshold = _threshold(assessment.population)
    if len(assessment.cohort):
        _figures(assessment, source, threshold)
    _worklist(assessment, source, threshold)


def _label_groups(assessment: Assessment) -> None:
    """Draw the rates of three groups of labels, where these tell them, and what they come to in the site's mix."""
    mix = site_mix()
    if rows := label_group_rows(assessment, mix):
        st.header("Finding, other abnormalities and normal X-rays")
        st.table(rows, alt="Rates of X-rays with the finding, with another abnormality, and normal")
        st.markdown(why_no_values_here(assessment, mix) or f"The mix of patients: {mix.in_words() if mix else ''}.")


def _threshold(population: Population) -> float:
    with st.container(key="stack_threshold"):
        slider, presets = st.columns([3, 2], gap="large", vertical_alignment="bottom")
    # Another population has another scale: its threshold begins at its own point.
    if st.session_state.get("threshold_of") != population.name:
        st.session_state["threshold_of"] = population.name
        st.session_state["threshold"] = 100 * population.operating_point("balanced").threshold
    st.session_state.setdefault("threshold", 100 * population.operating_point("balanced").threshold)
    with presets, st.container(horizontal=True):
        for point in population.operating_points:
            st.button(
                f"{point.name} ({100 * point.threshold:.1f} %)",
                help=point.chosen_for,
                on_click=st.session_state.update,
                args=({"threshold": 100 * point.threshold},),
            )
    with slider:
        percent = st.slider(
            "Threshold: X-rays are flagged from here on, %", 0.0, 100.0, step=0.1, format="%.1f", key="threshold"
        )
    return percent / 100


def _figures(assessment: Assessment, source: Source | None, threshold: float) -> None:
    figures = assessment.figures(threshold)
    rows = figure_rows(assessment, figures)
    drawn = charts(assessment, figures, text_colour())
    with st.container(key="stack_main"):
        matrix, table = st.columns(2, gap="large")
    with matrix:
        st.header(drawn[0].title)
        st.plotly_chart(
            drawn[0].figure,
            config=CHART_CONFIG,
            key="confusion",
            on_select=_cell_was_clicked,
            selection_mode="points",
            alt=drawn[0].alt,
        )
        cell = st.segmented_control("See the X-rays of a cell: click it, or choose here", list(CELLS), key="cell")
    with table:
        st.header("Figures with 95 % intervals")
        st.table(
            [
                {"Figure": label, "Value": value, "95 % interval": interval, "n": str(n)}
                for label, value, interval, n in rows
            ]
        )
    if cell:
        films = films_of_cell(assessment, *CELLS[cell], threshold)
        st.header(f"{cell.capitalize()}: {len(films)}")
        if films:
            alt = f"{cell.capitalize()}, the farthest from the threshold first"
            film_list(films, assessment, source, threshold, f"films_of_{cell}", alt)
    for first in range(1, len(drawn), 2):
        with st.container(key=f"stack_charts_{first}"):
            columns = st.columns(2, gap="large")
        for column, chart in zip(columns, drawn[first : first + 2], strict=False):
            with column:
                st.header(chart.title)
                st.plotly_chart(chart.figure, config=CHART_CONFIG, key=chart.title, alt=chart.alt)
                st.markdown(chart.reads)
    _label_groups(assessment)
    st.header("Groups")
    st.table([group_words(group) for group in group_results(assessment, threshold)])
    setting = _screening(assessment)
    left_out, notes = (None, None) if source is None else (source.nameless_problems, source.notes)
    st.download_button(
        "Report at this threshold (HTML)",
        lambda: evaluation_html(assessment, threshold, setting, left_out, notes),
        content_name(repr((rows, setting, left_out, notes)).encode(), "html"),
        "text/html",
        on_click="ignore",
        icon=":material/description:",
    )


def _cell_was_clicked() -> None:
    for point in st.session_state["confusion"].selection.points[:1]:
        st.session_state["cell"] = next(name for name, cell in CELLS.items() if cell == tuple(point["customdata"]))


def _worklist(assessment: Assessment, source: Source | None, at: float | str) -> None:
    """Draw the films that count in no figure, since they have no label or both, or are copies."""
    in_figures = {score.number for score in assessment.cohort.scores}
    films = [film for film in worklist_order(assessment) if film[0].number not in in_figures]
    if not films:
        return
    st.header("Worklist: the highest probability first")
    flagged = sum(is_flagged(assessment, score, probability, at) for score, probability in films)
    why = " They count in no figure, since they have no label, both labels, or are copies." if in_figures else ""
    st.markdown(f"**{flagged} of {len(films)}** X-rays are flagged. All are listed, flagged or not.{why}")
    film_list(films, assessment, source, at, "worklist", "Worklist of all X-rays that count in no figure")


def _screening(assessment: Assessment) -> ScreeningSetting:
    st.header("What each threshold would mean for you")
    mix = _mix()
    with st.container(key="stack_costs"):
        films, confirmations = st.columns(2, gap="large")
    with films:
        cost_per_film = st.number_input("Cost of one X-ray and its reading", 0.0, value=SETTING.cost_per_film, step=1.0)
    with confirmations:
        cost_per_confirmation = st.number_input(
            "Cost of confirming one flagged patient", 0.0, value=SETTING.cost_per_confirmation, step=1.0
        )
    with st.container(key="threshold_table"):
        st.table(
            screening_rows(assessment, mix, cost_per_film, cost_per_confirmation),
            alt="True and false positives and negatives, rates and cost at every threshold",
        )
    st.markdown(screening_note(assessment, mix))
    return ScreeningSetting(mix, cost_per_film, cost_per_confirmation)


def _mix() -> Mix | None:
    """Draw the three shares of the site's patients; give their mix, None where they are not stated."""
    stated = site_mix()
    with st.container(key="stack_mix"):
        columns = st.columns(3, gap="large")
    shares = []
    for column, group, who in zip(columns, MIX_GROUPS, GROUP_WORDS.values(), strict=True):
        with column:
            shares.append(
                st.number_input(
                    f"Of 100 of your patients, how many have {who}?",
                    0.0,
                    100.0,
                    value=None if stated is None else 100 * getattr(stated, group),
                    step=1.0,
                    placeholder="not stated",
                    key=f"mix_{group}",
                )
            )
    known = [share for share in shares if share is not None]
    if len(known) < len(shares):
        return None
    if abs(sum(known) - 100) > 0.1:
        st.warning(f"The three shares sum to {sum(known):g}. Expected is 100. Please correct them.")
        return None
    return Mix(*(share / 100 for share in known))


def _downloads(assessment: Assessment, source: Source | None) -> None:
    st.header("Take it with you")
    with_names = source is not None and st.checkbox(
        "File names in the table of X-rays", help="File names can carry a patient's name."
    )
    names = [film.name for film in source.films] if source is not None and with_names else None
    table = scores_csv(assessment, names)
    left_out = None if source is None else source.problems if with_names else source.nameless_problems
    with st.container(horizontal=True):
        st.download_button("X-rays (CSV)", table, content_name(table, "csv"), "text/csv", on_click="ignore")
        if len(assessment.cohort):
            data = evaluation_json(assessment, left_out, None if source is None else source.notes, site_mix())
            st.download_button(
                "Figures (JSON)", data, content_name(data, "json"), "application/json", on_click="ignore"
            )
