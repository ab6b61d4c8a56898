"""Lessons with real numbers: what the model in use gave on test films.

Each has a question, one picture, what to take home, and the source of its figures; it fits a screen.
"""

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.learn.film import kept
from pages.parts.shared.cached import card_of_active_model, stored_scores
from pages.parts.shared.frame import text_colour
from pages.parts.shared.problems import plain
from pneumo_core.draw import CHART_CONFIG, Chart
from pneumo_core.evaluate import SETTING
from pneumo_core.learn import (
    KIND_LABELS,
    OTHER_PREVALENCES,
    FileSizeResult,
    ScoredFilms,
    StoredScores,
    calibration_lines,
    calibration_result,
    consequences,
    crowd_chart,
    file_size_chart,
    file_size_result,
    kind_line,
    kinds_chart,
    patients_in_both,
    reliability_chart,
    results_by_kind,
    split_figures,
    split_line,
    splits_chart,
    threshold_charts,
    uncertain_chart,
)
from pneumo_core.models import COVERAGE, Conformal, ModelCard, conformal_by_coverage, thresholds_in_words
from pneumo_core.stats import Estimate, area, finely, percent, with_interval

# Headings, tables and gaps are tighter than Streamlit's, so that a lesson fits a screen.
STYLE = """<style>
[class*="st-key-stack_lesson"] .stVerticalBlock { gap: 0.5rem; }
[data-testid="stMainBlockContainer"] :is(h2, h3) { padding: 0.2rem 0 !important; }
[class*="st-key-stack_lesson"] :is(th, td), .st-key-lesson_figures :is(th, td) { padding: 0.25rem 0.5rem; }
</style>"""
AS_ON_THE_CARD = "95 % intervals as on the model card: each film counts as another patient's."


def threshold_lesson() -> None:
    """Draw what one threshold decides: matrix, point on the ROC curve, predictive values, cost, a crowd."""
    _threshold(card_of_active_model(), stored_scores().test)


def prevalence_lesson() -> None:
    """Draw the same test where pneumonia is common, less common and rare."""
    _prevalence(card_of_active_model(), stored_scores().test)


def file_size_lesson() -> None:
    """Let the reader guess how well the size of the files does, then show it against the network."""
    card, scores = card_of_active_model(), stored_scores()
    _file_size(card, scores, kept(card, "stored scores", "file size", lambda: file_size_result(scores, card)))


def two_splits_lesson() -> None:
    """Draw the same network on validation films, set aside from train, and on the official test films."""
    card, scores = card_of_active_model(), stored_scores()
    figures = split_figures(scores, card.operating_point("balanced").threshold)
    _ask("Why can 99 % in a paper be 85 % at work?")
    with st.container(key="stack_lesson_splits"):
        picture, numbers = st.columns([6, 5], gap="large")
    with picture:
        _draw(splits_chart(figures, text_colour()))
    with numbers:
        st.table(
            [
                {
                    "Figure (% but for the area)": figure.name,
                    "Validation films": _cell(area if place == 0 else percent, figure.validation),
                    "Test films": _cell(area if place == 0 else percent, figure.test),
                }
                for place, figure in enumerate(figures)
            ]
        )
    shared, names = patients_in_both(scores)
    st.markdown(
        f"{split_line(figures)} Validation films were set aside from those to train on, and chose the epoch, the "
        "temperature and the thresholds: they flatter. A paper that pools all films and splits them anew tests on "
        f"films of that kind. {shared} of {names} patients' names among the test films occur among validation films "
        "too; whether they are the same patients is not established."
    )
    st.markdown(f"How the films were split: {plain(card.training_data.description)}.")
    _source(card, scores.validation, scores.test)


def calibration_lesson() -> None:
    """Draw reliability before and after temperature scaling, and say whether it helped."""
    card, films = card_of_active_model(), stored_scores().test
    result = kept(
        card, "stored scores", "calibration of test films", lambda: calibration_result(films, card.calibration)
    )
    _ask("Does a score of 80 % mean 80 of 100?")
    with st.container(key="stack_lesson_calibration"):
        before, after, words = st.columns(3, gap="large")
    with before:
        _draw(reliability_chart(result.before, "Before: temperature 1", text_colour()))
    with after:
        _draw(reliability_chart(result.after, f"After: temperature {result.temperature:.3f}", text_colour()))
    with words:
        st.table(
            [
                {"Measure": error.name, "Before": with_interval(error.before), "After": with_interval(error.after)}
                for error in result.errors
            ]
        )
        verdict, *lines = calibration_lines(result)
        st.markdown(f"**{verdict}**\n" + "\n".join(f"- {line}" for line in lines))
    st.markdown(
        "Temperature scaling divides every logit by one number, fitted on validation films and their stressed copies "
        f"so that probabilities hold where {100 * card.calibration.prevalence:.0f} % have pneumonia; of these test "
        f"films {100 * films.prevalence:.1f} % have it. It changes no order and no ROC curve. What was fitted on other "
        "films need not carry over: look at the points, not at the word 'calibrated'."
    )
    _source(card, films, intervals="95 % intervals: bootstrap by patient; of points Wilson's.")


def uncertain_lesson() -> None:
    """Let the reader set a coverage, and show how many films are left to him and how many errors remain."""
    card, scores = card_of_active_model(), stored_scores()
    found = kept(card, "stored scores", "regions by coverage", lambda: conformal_by_coverage(scores))
    _uncertain(card, scores, {each.regions.coverage: each for each in found})


def kinds_lesson() -> None:
    """Draw the scores of bacterial and viral pneumonia, and where the misses are."""
    _kinds(card_of_active_model(), stored_scores().test)


@st.fragment
def _threshold(card: ModelCard, films: ScoredFilms) -> None:
    _ask("What does one threshold decide?")
    with st.container(key="stack_lesson_settings"):
        place, presets, settings = st.columns([30, 35, 35], gap="medium", vertical_alignment="bottom")
    threshold = _threshold_slider(card, "lesson_threshold", place, presets)
    with settings:
        prevalences, costs, confirmations = st.columns(3, vertical_alignment="bottom")
    prevalence = prevalences.number_input("Prevalence, 1-99 %", 1, 99, round(100 * SETTING.prevalence))
    cost_per_film = costs.number_input("Cost of a film", 0.0, value=SETTING.cost_per_film, step=1.0)
    cost_per_confirmation = confirmations.number_input(
        "Cost to confirm", 0.0, value=SETTING.cost_per_confirmation, step=1.0
    )
    now = consequences(films, threshold, prevalence / 100, cost_per_film, cost_per_confirmation)
    with st.container(key="stack_lesson_threshold"):
        columns = st.columns([10, 9, 10], gap="medium")
    for column, chart in zip(columns, threshold_charts(films, card.operating_points, now, text_colour()), strict=True):
        with column:
            _draw(chart)
    with st.container(key="lesson_figures"):
        st.table(
            [
                {
                    "Sensitivity %": _cell(percent, now.figures.sensitivity),
                    "Specificity %": _cell(percent, now.figures.specificity),
                    f"PPV % at {prevalence} %": finely(now.positive_predictive_value),
                    f"NPV % at {prevalence} %": finely(now.negative_predictive_value),
                    f"Cost per case found at {prevalence} %": now.cost_in_words,
                }
            ]
        )
    st.markdown(
        "A lower threshold finds more and alarms more: the point moves along the curve, the curve stays. Predictive "
        "values, cost and crowd hold at the prevalence that you set, not at that of the test films "
        f"({100 * films.prevalence:.1f} %); the probabilities are not recalibrated to it. The range of a predictive "
        "value is what the intervals of both rates leave it."
    )
    _source(card, films)


@st.fragment
def _prevalence(card: ModelCard, films: ScoredFilms) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _ask("What is the same test worth where pneumonia is rare?")
        names = [point.name for point in card.operating_points]
        name = st.segmented_control("Operating point", names, default="balanced", required=True, key="lesson_point")
    threshold = card.operating_point(name).threshold
    found = [consequences(films, threshold, prevalence) for prevalence in (films.prevalence, *OTHER_PREVALENCES)]
    with st.container(key="stack_lesson_prevalence"):
        columns = st.columns(3, gap="large")
    for column, now in zip(columns, found, strict=True):
        with column:
            _draw(crowd_chart(now, text_colour()))
            st.markdown(
                f"**{now.flagged_of_crowd} flagged, {now.crowd.true_positives} of them with pneumonia.**  \n"
                f"PPV {finely(now.positive_predictive_value)} %, NPV {finely(now.negative_predictive_value)} %"
            )
    figures = found[0].figures
    st.markdown(
        f"The test is the same three times: sensitivity {percent(figures.sensitivity)} %, specificity "
        f"{percent(figures.specificity)} %, measured on the test films. Only how many come with pneumonia differs, and "
        "with it what a flag means. The probabilities are not recalibrated, and patients elsewhere are taken to look "
        "alike on film, which must be measured, not believed."
    )
    _source(card, films)


@st.fragment
def _file_size(card: ModelCard, scores: StoredScores, result: FileSizeResult) -> None:
    _ask("How well does the size of a file tell pneumonia?")
    said = st.session_state.get("size_said")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if said is None:
            guess = st.slider(
                "Of 100 pairs of test films, one with pneumonia and one without: in how many would the size of the "
                "files alone tell which is which? (50: a coin's toss)",
                50,
                100,
            )
            _say("Reveal", guess)
        else:
            areas = result.areas
            st.markdown(
                f"Of 100 pairs, one film with pneumonia and one without, you said that the size alone tells {said}. It "
                f"tells **{percent(areas.second)}**; the network {percent(areas.first)}."
            )
            _say("Ask again", None)
    if said is not None:
        with st.container(key="stack_lesson_size"):
            picture, words = st.columns(2, gap="large")
        with picture:
            _draw(file_size_chart(result, text_colour()))
        with words:
            st.table(
                [
                    {"Told apart by": what, "Area under the ROC curve": with_interval(figure)}
                    for what, figure in (
                        ("the size of the file alone", areas.second),
                        ("the network", areas.first),
                        ("difference (DeLong)", areas.difference),
                    )
                ]
            )
            st.markdown(
                f"Taking every file of at {'most' if result.smaller_is_pneumonia else 'least'} "
                f"{result.limit_bytes:,} bytes for pneumonia, as the validation films say, is right on "
                f"{percent(result.right)} % of the test films; taking all for pneumonia, on "
                f"{100 * scores.test.prevalence:.1f} %."
            )
            st.markdown(
                "The network is not shown the size, but what makes sizes differ (detail, noise, borders, an earlier "
                "compression) is in the pixels. Films whose files differ by class cannot show that a network looks at "
                "lungs."
            )
            st.markdown(
                "Of the 5,856 originals of Kermany's films, 'over 386 kB means NORMAL' is right on at least 91 % "
                "(calculated). The model that comes with this app knows copies of them, encoded anew at 224 x 224."
            )
    _source(card, scores.test)


@st.fragment
def _uncertain(card: ModelCard, scores: StoredScores, found: dict[float, Conformal]) -> None:
    _ask("Which films should be left to you?")
    coverage = st.select_slider(
        "Coverage: the share of films of each class that is to keep its class",
        list(found),
        value=COVERAGE if COVERAGE in found else max(found),
        format_func=lambda share: f"{100 * share:.0f} %",
        key="lesson_coverage",
    )
    now = found[coverage]
    measured = now.measured
    with st.container(key="stack_lesson_uncertain"):
        picture, numbers = st.columns([6, 5], gap="large")
    with picture:
        _draw(uncertain_chart(list(found.values()), now, text_colour()))
    with numbers:
        st.table(
            [
                {"Of the test films, %": label, f"At a coverage of {100 * coverage:.0f} %": _cell(percent, figure)}
                for label, figure in (
                    ("left to the reader: uncertain", measured.uncertain),
                    ("wrong, of those decided", measured.wrong),
                    ("covered, with pneumonia", measured.with_pneumonia),
                    ("covered, without", measured.without),
                )
            ]
        )
        st.markdown(
            f"**{now.regions.limits_in_words}** Wrong are {measured.missed} missed (unlikely, with pneumonia) and "
            f"{measured.false_alarms} false alarms (likely, without)."
        )
        st.markdown(
            "A class is kept where the score is no stranger than those of so many of its validation films. A film is "
            "decided where one class is kept, and left to you where neither is (its score is unlike most of both) or "
            "both are (it is like many of both). The fewer films are left to you, the more errors tend to remain."
        )
    st.markdown(
        "The promise (split conformal prediction: Vovk 2012, Sadinle 2019) is for films like those that set it: "
        f"validation films, each class at the worst of {len(scores.validation_copies)} copies. Where less was covered "
        "than asked, the test films are not like them. A film may be flagged and uncertain: the flag follows the "
        "threshold alone."
    )
    _source(card, scores.validation, scores.test)


@st.fragment
def _kinds(card: ModelCard, films: ScoredFilms) -> None:
    _ask("Where are the misses: bacterial or viral?")
    with st.container(key="stack_lesson_settings"):
        place, presets = st.columns([3, 2], gap="large", vertical_alignment="bottom")
    threshold = _threshold_slider(card, "lesson_kinds_threshold", place, presets)
    results = results_by_kind(films, threshold)
    with st.container(key="stack_lesson_kinds"):
        picture, numbers = st.columns([3, 2], gap="large")
    with picture:
        _draw(kinds_chart(films, threshold, text_colour()))
    with numbers:
        st.table(
            [
                {
                    "Kind": KIND_LABELS[result.kind],
                    "Wrong": f"{result.wrong} {'false alarms' if result.kind == 'normal' else 'missed'}",
                    "Right, %": _cell(percent, result.right),
                }
                for result in results
            ]
        )
        st.markdown(kind_line(results))
    st.markdown(
        "Right are films with pneumonia that are flagged (sensitivity) and others that are not (specificity). Kinds "
        "come from the names of the data set's files; how each was established is not known here. A score does not "
        "tell bacterial from viral: the network was taught pneumonia alone."
    )
    _source(card, films)


def _say(label: str, guess: int | None) -> None:
    st.button(
        label,
        type="secondary" if guess is None else "primary",
        on_click=st.session_state.update,
        args=({"size_said": guess},),
        key="size_reveal",
    )


def _ask(question: str) -> None:
    st.html(STYLE)
    st.header(question)


def _threshold_slider(card: ModelCard, key: str, place: DeltaGenerator, presets: DeltaGenerator) -> float:
    """Draw a slider of the threshold with a button an operating point; give the threshold in [0, 1]."""
    st.session_state.setdefault(key, 100 * card.operating_point("balanced").threshold)
    with presets, st.container(horizontal=True):
        for point, label in zip(card.operating_points, thresholds_in_words(card.operating_points), strict=True):
            st.button(
                f"{label} %",
                help=point.chosen_for,
                on_click=st.session_state.update,
                args=({key: 100 * point.threshold},),
                key=f"{key}_{point.name}",
            )
    with place:
        percent_of_one: float = st.slider(
            "Threshold: flagged from this probability on, %", 0.0, 100.0, step=0.1, format="%.1f", key=key
        )
    return percent_of_one / 100


def _draw(chart: Chart) -> None:
    st.subheader(chart.title, help=chart.reads)
    st.plotly_chart(chart.figure, config=CHART_CONFIG, key=f"lesson_{chart.title}", alt=chart.alt)


def _cell(in_words: Callable[[Estimate], str], figure: Estimate) -> str:
    return f"{in_words(figure)}, n = {figure.n}"


def _source(card: ModelCard, *parts: ScoredFilms, intervals: str = AS_ON_THE_CARD) -> None:
    films = "; ".join(
        f"'{part.films}', {len(part)} films ({part.has_pneumonia.sum()} with pneumonia)" for part in parts
    )
    st.markdown(f":small[{plain(f'Source: stored scores of {card.name}: {films}. {intervals}')}]")
