"""Training runs: the list, and one run at work, ended or done, whose name stands in the page's address."""

from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts.shared.cached import attention_table
from pages.parts.shared.frame import rows_height
from pages.parts.shared.input_gate_state import input_gate_shown
from pages.parts.shared.problems import plain, problems_shown
from pages.parts.shared.training_curves import damage_shown, training_curves
from pages.parts.train.plan_view import changes_in_words
from pneumo_core.data import of_patients
from pneumo_core.files import ROOT
from pneumo_core.models import NETWORK_FILE, ModelCard, gate_in_words, read_card, read_log
from pneumo_core.stats import area, percent
from pneumo_core.train import (
    CURVE_TITLES,
    ENDED,
    Plan,
    State,
    ask_to_stop,
    delete_run,
    find_run,
    is_asked_to_stop,
    kept_epoch,
    last_words,
    list_runs,
    read_baselines,
    read_plan,
    read_state,
    recipe_settings,
    start_run,
)
from pneumo_core.wording import counted

MODELS_PAGE = "pages/models.py"
IN_WORDS = {
    "waiting": "starting: loading TensorFlow",
    "reading the films": "reading the X-rays",
    "training": "training",
    "fitting the input gate": "fitting the input gate, which refuses what is no chest X-ray, on the X-rays in memory",
    "choosing thresholds": "calibrating, and choosing thresholds on validation X-rays and their stressed copies",
    "testing": "scoring the test X-rays, once",
    "comparing with the model in use": "comparing with the model in use on the same X-rays",
    "done": "done",
    "stopped": "stopped by a person",
    "failed": "failed",
    "interrupted": "interrupted: its process ended and gave no reason",
}
# The things that a stage counts, where it does not count stressed copies.
COUNTED = {"reading the films": "", "fitting the input gate": " pictures"}


def training_view() -> None:
    """Draw the list of runs, and the one that the address names."""
    runs = list_runs()
    if not runs:
        st.info("There is no training run on this server yet. Please plan one.")
    else:
        _list(runs)
    if "run" in st.query_params:
        _run(find_run(st.query_params["run"]))


def _list(runs: list[Path]) -> None:
    names = [folder.name for folder in runs]
    shown = st.query_params.get("run")
    chosen = st.selectbox(
        "Training runs, the newest first",
        names,
        names.index(shown) if shown in names else None,
        format_func=lambda name: f"{name}: {IN_WORDS[read_state(runs[names.index(name)]).stage]}",
        placeholder="Choose a run",
        # A new key for each address and list, so that the box shows the run in the address.
        key=f"training_run_{shown}_{len(names)}",
    )
    if chosen is not None and chosen != shown:
        st.query_params["run"] = chosen
        st.rerun()


def _run(folder: Path) -> None:
    plan, state = read_plan(folder), read_state(folder)
    recipe = plan.recipe
    st.header(plain(folder.name))
    st.markdown(
        f"{recipe.architecture}, {recipe.size} x {recipe.size} pixels, on "
        f"{plain(', '.join(data.name for data in (*plan.folders, *plan.copies)))}. {changes_in_words(plan)}"
    )
    log = read_log(folder)
    damage_shown(folder)
    if _is_over(state):
        _ended(folder, state, log, plan)
    else:
        _at_work(folder, len(log), state.stage)
    if state.left_out:
        with st.expander(f"{counted(len(state.left_out), 'X-ray')} left out", icon=":material/block:"):
            st.markdown("\n".join(f"- {plain(line)}" for line in state.left_out))
    if log:
        _epochs(folder, log, plan)
    _baselines(folder)
    with st.expander("The plan", icon=":material/description:"):
        _plan(plan)
    if _is_over(state):
        _ask_to_delete(folder)


def _baselines(folder: Path) -> None:
    rows = read_baselines(folder)
    if not rows:
        return
    with st.expander("Baselines without the picture", icon=":material/visibility_off:"):
        st.table(
            [{"Fact": row["fact"], "Against": row["against"] or "all others", "AUC": row["in_words"]} for row in rows],
            alt="How well facts beside the picture separate the classes, with 95 percent intervals",
        )
        st.markdown(
            "Each fact alone scored the X-rays of this run, 0.5 is chance. A network that is no better than these has "
            "shown nothing."
        )


def _at_work(folder: Path, epochs: int, stage: str) -> None:
    @st.fragment(run_every=1.0)
    def progress() -> None:
        state = read_state(folder)
        if _is_over(state) or state.stage != stage or len(read_log(folder)) != epochs:
            # Draws the whole page again, with curves and heat maps of a further epoch, or with the result.
            st.rerun()
        _progress(state)
        if is_asked_to_stop(folder):
            kept = "the best network so far is kept" if epochs else "no epoch is complete yet"
            st.markdown(f"Stopping after the current step; {kept} ...")
        else:
            st.button(
                "Stop training",
                icon=":material/stop:",
                help="Complete epochs are kept, and the run can continue later.",
                on_click=ask_to_stop,
                args=(folder,),
            )
        st.markdown(
            "The run continues if you reload or leave the page, and even if the server stops. The page's address leads "
            "back here."
        )

    with problems_shown():
        progress()


def _is_over(state: State) -> bool:
    return state.stage in (*ENDED, "interrupted")


def _progress(state: State) -> None:
    stage = IN_WORDS[state.stage]
    # `capitalize` would turn TensorFlow into tensorflow.
    words = f"**{stage[0].upper()}{stage[1:]}**"
    share = state.done / state.of if state.of else 0.0
    is_training = state.stage == "training" and state.films_per_second is not None
    if is_training:
        share = (state.epoch - 1 + share) / state.epochs
        words += f": epoch {state.epoch} of {state.epochs}, step {state.done} of {state.of}"
        words += ", now validating" if state.done == state.of else f", {_time_in_words(state.seconds_left)}"
    elif state.of:
        words += f": {state.done} of {state.of}{COUNTED.get(state.stage, ' copies of the X-rays')}"
    st.progress(min(1.0, share), words)
    facts = [f"memory {state.memory_bytes / 2**30:.1f} GiB"] if state.memory_bytes else []
    if is_training:
        facts = [f"{state.films_per_second:.1f} X-rays/s", f"learning rate {state.learning_rate:.2e}", *facts]
        figures = (
            f"{title} {state.figures[name]:.3f}" for name, title in CURVE_TITLES.items() if name in state.figures
        )
        facts.append(f"this epoch so far, on training X-rays under augmentation: {', '.join(figures)}")
    st.markdown(" · ".join(facts))


def _time_in_words(seconds: float | None) -> str:
    if seconds is None:
        return "time left not known yet"
    if seconds < 90:
        return f"about {seconds:.0f} s of steps left"
    return f"about {seconds / 60:.0f} min of steps left" if seconds < 5400 else f"about {seconds / 3600:.1f} h left"


def _ended(folder: Path, state: State, log: list[dict[str, Any]], plan: Plan) -> None:
    if state.stage == "done":
        card = read_card(plan.out) if plan.out.is_dir() else None
        if card is None:
            st.warning("This run is done, but the model that it made no longer exists.")
        else:
            _made(card, plan.out)
        return
    kept = kept_epoch(log)
    so_far = (
        f"Complete epochs: {len(log)} of {plan.recipe.epochs}. The best is epoch {kept['epoch']}."
        if kept
        else "No epoch is complete yet."
    )
    if state.stage == "failed":
        st.error(plain(f"{state.problem or 'It failed.'} {so_far}"), icon=":material/error:")
    else:
        st.warning(f"This run was {IN_WORDS[state.stage]}. {so_far}", icon=":material/pause_circle:")
    if state.stage == "interrupted":
        st.markdown(
            "The system may have ended the run for lack of memory, or the computer was switched off. A run with a "
            "smaller batch or image size needs less memory."
        )
    if state.stage == "interrupted" and last_words(folder):
        with st.expander("Last output of its process", icon=":material/terminal:"):
            st.code(last_words(folder), language=None)
    with st.container(horizontal=True):
        if st.button(
            "Continue", type="primary", icon=":material/play_arrow:", help="Continue from the last complete epoch."
        ):
            start_run(folder)
            st.rerun()
        if (folder / NETWORK_FILE).is_file() and st.button(
            "Make a model of the best epoch so far",
            icon=":material/flag:",
            help="Run no more epochs: calibrate, choose thresholds, score the test X-rays once, write the model.",
        ):
            start_run(folder, finish=True)
            st.rerun()


def _made(card: ModelCard, folder: Path) -> None:
    trained = " and ".join(
        f"{data.films} X-rays {of_patients(data.patients)}"
        + (f" ({population.name})" if len(card.populations) > 1 else "")
        for population in card.populations
        for data in (population.training_data,)
    )
    st.success(
        f"Done: the model {plain(card.name)} is made (weights {card.weights_sha256[:12]}), trained on {trained}. It is "
        "not in use: a person decides that under Models.",
        icon=":material/check_circle:",
    )
    if (ROOT / MODELS_PAGE).is_file():
        st.page_link(
            MODELS_PAGE,
            label="Compare it with the model in use, and decide",
            icon=":material/compare:",
            query_params={"model": card.name},
        )
    st.table(
        [
            {
                "Population": population.name,
                "X-rays": result.films,
                "n (with pneumonia)": f"{result.n} ({result.n_pneumonia})",
                "AUC": area(result.area_under_roc),
                "Point": point.name,
                "Sensitivity %": percent(point.confusion.sensitivity),
                "Specificity %": percent(point.confusion.specificity),
            }
            for population in card.populations
            # The first result on validation films is of the unchanged films; the others are of stressed copies.
            for result in (*population.test, *population.validation[:1])
            for point in result.points
        ],
        alt="AUC, sensitivity and specificity on test and validation X-rays, with 95 percent intervals",
    )
    untested = [population.name for population in card.populations if not population.test]
    st.markdown(
        "Brackets hold 95 % intervals. Validation X-rays chose the epoch, the temperature and the thresholds, so their "
        "figures are too good. "
        + (
            "Test X-rays chose nothing and were read once."
            if not untested
            else "There were no test X-rays, so nothing here shows how good the model is on new ones."
            if len(untested) == len(card.populations)
            else f"There were no test X-rays of {' and '.join(untested)}, so nothing here shows how good the model is "
            "on new ones of these."
        )
    )
    input_gate_shown(gate_in_words(folder, card.weights_sha256))


def _epochs(folder: Path, log: list[dict[str, Any]], plan: Plan) -> None:
    st.header("Epoch by epoch")
    training_curves(log, plan.recipe.epochs)
    table = attention_table(log, plan.data, folder, (len(log), log[-1].get("seconds", 0.0)), plan.folders[1:])
    if table:
        st.header("Where it looks, epoch by epoch")
        st.html(table)
        st.markdown(
            "The table shows the same few validation X-rays after each of the latest epochs, with the weights of that "
            "epoch. Bright areas: the network found evidence in favour of pneumonia there. The scale is each picture's "
            "own, so pictures cannot be compared by brightness. A picture without evidence has no bright area. A logit "
            "over 0 is a probability over 0.5, not calibrated yet. Evidence at side markers, in corners or along "
            "borders is a shortcut, not disease."
        )


def _plan(plan: Plan) -> None:
    rows = {
        "X-rays": ", ".join(str(data) for data in (*plan.folders, *plan.copies)),
        "split": plan.manifest.name if plan.manifest else "train and val joined and split by patient; test unchanged",
        "start": plan.start,
        "population": f"{plan.population}; {plan.population_years[0]:g} to {plan.population_years[1]:g} years",
    } | {name: str(value) for name, value in recipe_settings(plan.recipe).items()}
    st.dataframe(
        [{"Setting": name, "Value": value} for name, value in rows.items()],
        hide_index=True,
        height=rows_height(len(rows), most=16),
        column_config={"Value": st.column_config.TextColumn(width="large")},
        alt="All settings of the plan",
    )


def _ask_to_delete(folder: Path) -> None:
    with st.popover("Delete this run", icon=":material/delete:"):
        st.markdown("Plan, log and checkpoint are deleted. A model that the run made stays. This cannot be undone.")
        if st.button("Delete it for good", key="delete_run"):
            delete_run(folder)
            del st.query_params["run"]
            st.rerun()
