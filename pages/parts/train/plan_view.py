"""The plan of a training run: every setting of the recipe, the augmented X-rays, and the start."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts.shared.cached import augmented, split_to_come
from pages.parts.shared.problems import plain, problems_shown
from pages.parts.train.plan_start import ask_for_start
from pages.parts.train.setting_widgets import ask_for_group, columns_of, kept_as
from pages.parts.train.steps import RUNS, Chosen, ask_for_data, go_to, split_of
from pneumo_core.data import manifest_csv
from pneumo_core.errors import BusyError
from pneumo_core.models import LEAST_TRAINING, LEAST_VALIDATION, GateFit
from pneumo_core.train import (
    ARCHITECTURES,
    AUGMENTATION,
    BALANCE,
    HEAD,
    MACHINE,
    OPTIMISER,
    POPULATION,
    POPULATION_YEARS,
    SETTINGS,
    STAGES,
    Plan,
    Recipe,
    busy_in_words,
    check_start,
    checked_recipe,
    free_name,
    new_model_folder,
    plan_run,
    recipe_settings,
    refuse_taken_name,
    run_at_work,
    settings_of_start,
    sources_of,
    start_run,
)

DEFAULT = Recipe()
STARTED = "trainings_started"
# The number of settings side by side in each group.
COLUMNS = {HEAD: 4, STAGES: 5, OPTIMISER: 4, BALANCE: 2, AUGMENTATION: 2, MACHINE: 4}
BY_RUN, BY_AUDIT, BY_TABLE = "run", "audit", "table"


def plan_view() -> None:
    """Draw the plan and start its run; the page's address then carries the name of the run."""
    chosen = ask_for_data()
    if chosen is not None:
        _plan(chosen)


@st.fragment
def _plan(chosen: Chosen) -> None:
    data, copies, more = chosen
    with problems_shown():
        manifest = _ask_for_split(chosen.folders)
        start = ask_for_start()
        settings, boxes = start.settings, {}
        special = _special(settings["architecture"], settings["fine_tune_from"])
        for group, columns in COLUMNS.items():
            asked = [
                setting
                for setting in SETTINGS.values()
                if setting.group == group and (setting.name != "validation_share" or manifest is None)
            ]
            boxes[group] = st.container(border=True)
            with boxes[group]:
                settings = ask_for_group(asked, columns, settings, special)
        recipe = checked_recipe(settings)
        counts, examples, notes = split_to_come(data, copies, recipe.validation_share, recipe.seed, manifest, more)
        with boxes[AUGMENTATION]:
            _augmented(examples, recipe)
        out, population, years = _ask_for_card()
        plan = Plan(data, out, recipe, copies, None, start.name, population, years, sources_of(data, more))
        _summary(counts, notes, plan)
        if st.button(
            "Start training",
            type="primary",
            icon=":material/play_arrow:",
            key="start_training",
            disabled=not start.is_ready,
        ):
            if run_at_work() is not None:
                raise BusyError(busy_in_words())
            check_start(recipe, start.name, start.weights)
            folder = plan_run(plan, start.weights, manifest)
            st.session_state[STARTED] = st.session_state.get(STARTED, 0) + 1
            start_run(folder)
            st.query_params["run"] = folder.name
            go_to(RUNS)
        st.markdown(
            "The server's disk keeps plan, log and networks of the run, and your uploads for it (weights, split). No "
            "X-ray is copied. No model is replaced: the new one is not in use until somebody promotes it. The page "
            "shows the time left after the first steps."
        )


def _ask_for_split(folders: tuple[Path, ...]) -> bytes | None:
    made = split_of(folders)
    ways = {BY_RUN: "The run splits train and val by patient, and keeps test"}
    if made is not None:
        ways = {BY_AUDIT: "As made under 1. Data", **ways}
    ways[BY_TABLE] = "A split that you upload"
    way = st.segmented_control(
        "Split of the X-rays",
        list(ways),
        default=next(iter(ways)),
        required=True,
        format_func=ways.__getitem__,
        key=f"training_split_way_{made is not None}",
        help="The run splits by default. You can make a split under 1. Data, or upload a CSV of file, label, patient, "
        "split.",
    )
    if way == BY_AUDIT and made is not None:
        st.markdown(" · ".join(plain(line) for line in made.in_words()))
        return manifest_csv(made)
    if way == BY_TABLE:
        table = st.file_uploader("Split (CSV)", type="csv", key="training_split_table")
        return table.getvalue() if table is not None else None
    return None


def _special(architecture: str, begins: str) -> dict[str, dict[str, Any]]:
    """Give the further arguments of `ask_for`, for a backbone and its default first block to tune."""
    blocks = ("", *ARCHITECTURES[architecture].blocks)
    least = f"It needs at least {LEAST_TRAINING} X-rays to train on, and {LEAST_VALIDATION} to validate with."
    return {
        "fine_tune_from": {"value": begins, "choices": blocks, "variant": f"_{architecture}_{begins}"},
        "fit_input_gate": {"note": least},
    }


def _augmented(examples: tuple[Path, ...], recipe: Recipe) -> None:
    if not st.toggle(
        "Draw the augmented X-rays",
        value=True,
        help="The layers of the training draw them, at the chosen size and seed. The first time, TensorFlow loads, "
        "which takes seconds.",
        **kept_as("draw_augmented"),
    ):
        return
    shown = Recipe(
        size=recipe.size,
        seed=recipe.seed,
        augmentation_strength=recipe.augmentation_strength,
        augmentations=recipe.augmentations,
    )
    st.image(
        augmented(examples, shown),
        width="stretch",
        alt="An X-ray with pneumonia and one without, and eight random variants of each at the chosen strength and of "
        "the chosen kinds",
    )
    st.markdown(
        "The left side shows an X-ray with pneumonia and one without, as the network reads them. The right side shows "
        "eight random variants of each. Every epoch draws other variants."
    )


def _ask_for_card() -> tuple[Path, str, tuple[float, float]]:
    with st.container(border=True):
        st.header("The new model")
        name, lowest, highest = columns_of("card", 3)
        with name:
            chosen = st.text_input(
                "Name",
                free_name(),
                help="The model's folder gets this name, too. Use letters, digits, dots, dashes and underscores.",
                # A new name for each run.
                **kept_as(f"name_{st.session_state.get(STARTED, 0)}"),
            )
        with lowest:
            youngest = st.number_input(
                "Youngest patient, years", 0.0, 120.0, POPULATION_YEARS[0], step=1.0, **kept_as("youngest")
            )
        with highest:
            oldest = st.number_input(
                "Oldest patient, years", 0.0, 120.0, POPULATION_YEARS[1], step=1.0, **kept_as("oldest")
            )
        population = st.text_area(
            "Population: the patients of these X-rays", POPULATION, height=80, **kept_as("population")
        )
        st.markdown(
            "Ages and population go into the model card. They warn readers of patients whom the model does not know. "
            "The values given are those of Kermany et al. For X-rays of your own, please correct them."
        )
        out = new_model_folder(chosen.strip())
        refuse_taken_name(out)
    return out, population.strip(), (youngest, oldest)


def _summary(counts: dict[str, tuple[int, int, int]], notes: tuple[str, ...], plan: Plan) -> None:
    films = counts["train"][0]
    steps = -(-films // plan.recipe.batch_size)
    st.table(
        [
            {"X-rays for": name, "X-rays": str(n), "With pneumonia": str(sick), "Patients": str(patients or "not told")}
            for name, (n, sick, patients) in counts.items()
        ],
        alt="X-rays, those with pneumonia, and patients, for training, validation and test",
    )
    for note in notes:
        st.warning(note)
    if not counts["test"][0]:
        st.warning("There are no test X-rays. Nothing will show how good the model is on X-rays that chose nothing.")
    if plan.recipe.fit_input_gate and not GateFit(films, counts["validation"][0]).has_films:
        st.warning(
            "The model will have no input gate, so it will read pictures that are no chest X-ray. A gate needs at "
            f"least {LEAST_TRAINING} X-rays to train on and {LEAST_VALIDATION} to validate with."
        )
    st.markdown(f"**{plan.recipe.epochs} epochs of {steps} steps.** {changes_in_words(plan)}")


def changes_in_words(plan: Plan) -> str:
    """List the settings in which a plan's recipe differs from the default recipe of its start."""
    chosen, default = recipe_settings(plan.recipe), recipe_settings(DEFAULT)
    default["fine_tune_from"] = settings_of_start(plan.recipe.architecture, plan.start)["fine_tune_from"]
    changed = [
        f"{field.name} {_value(chosen[field.name])} (default: {_value(default[field.name])})"
        for field in fields(Recipe)
        if chosen[field.name] != default[field.name]
    ]
    return f"Changed settings: {plain('; '.join(changed))}." if changed else "All settings are the defaults."


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value != "" else "beginning"
