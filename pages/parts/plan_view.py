"""The plan of a training run: every setting of the recipe, what the network will see, and the start."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts.cached import augmented, keras_problem, split_to_come
from pages.parts.problems import plain, problems_shown
from pages.parts.train_steps import RUNS, ask_for_data, go_to, split_of
from pneumo_core.errors import BusyError
from pneumo_core.input_gate_record import LEAST_TRAINING, LEAST_VALIDATION, GateFit
from pneumo_core.manifest import manifest_csv
from pneumo_core.places import data_folders, models_folder
from pneumo_core.plan import (
    ARCHITECTURES,
    AUGMENTATIONS,
    IMAGENET,
    POPULATION,
    POPULATION_YEARS,
    RANDOM,
    Plan,
    Recipe,
    checked_recipe,
    recipe_settings,
    settings_of_start,
)
from pneumo_core.starts import models_of, named_weights, weights_files
from pneumo_core.training_run import (
    busy_in_words,
    free_name,
    new_model_folder,
    plan_run,
    refuse_taken_name,
    run_at_work,
    start_run,
)
from pneumo_core.web_guard import MAX_SESSION_BYTES

DEFAULT = Recipe()
STARTED = "trainings_started"
KERAS, FILE, UPLOAD, MODEL, SCRATCH = "keras", "file", "upload", "model", "scratch"
STARTS = {
    KERAS: "ImageNet: Keras' own download",
    FILE: "ImageNet: a weights file on the server",
    UPLOAD: "ImageNet: a weights file that you upload",
    MODEL: "A model of this installation",
    SCRATCH: "Random weights: from scratch",
}
BY_RUN, BY_AUDIT, BY_TABLE = "run", "audit", "table"


def plan_view() -> None:
    """Draw the plan; start its run, whose name the page's address then carries."""
    chosen = ask_for_data()
    if chosen is not None:
        _plan(*chosen)


@st.fragment
def _plan(data: Path, copies: tuple[Path, ...]) -> None:
    with problems_shown():
        manifest = _ask_for_split(data)
        start, weights, settings, can_start = _ask_for_start()
        settings |= (
            _ask_for_head()
            | _ask_for_stages(settings["architecture"], settings["fine_tune_from"])
            | _ask_for_optimizer()
        )
        settings |= _ask_for_balance()
        augmentation = st.container(border=True)
        with augmentation:
            settings |= _ask_for_augmentation()
        settings |= _ask_for_machine(manifest is None)
        recipe = checked_recipe(settings)
        counts, examples = split_to_come(data, copies, recipe.validation_share, recipe.seed, manifest)
        with augmentation:
            _augmented(examples, recipe)
        out, population, years = _ask_for_card()
        plan = Plan(data, out, recipe, copies, None, start, population, years)
        _summary(counts, plan)
        if st.button(
            "Start training", type="primary", icon=":material/play_arrow:", key="start_training", disabled=not can_start
        ):
            if run_at_work() is not None:
                raise BusyError(busy_in_words())
            folder = plan_run(plan, weights, manifest)
            st.session_state[STARTED] = st.session_state.get(STARTED, 0) + 1
            start_run(folder)
            st.query_params["run"] = folder.name
            go_to(RUNS)
        st.markdown(
            "Written to the server's disk are plan, log and networks of the run, and what you uploaded for it here "
            "(weights, split). No film is copied. No model is replaced: the new one is not in use until somebody "
            "promotes it. How long it takes is known after the first steps, and then shown."
        )


def _ask_for_split(data: Path) -> bytes | None:
    made = split_of(data)
    ways = {BY_RUN: "The run splits train and val by patient, and keeps test"}
    if made is not None:
        ways = {BY_AUDIT: "As made under 1. Data", **ways}
    ways[BY_TABLE] = "A split that you upload"
    way = st.segmented_control(
        "Which film is for what",
        list(ways),
        default=next(iter(ways)),
        required=True,
        format_func=ways.__getitem__,
        key=f"training_split_way_{made is not None}",
        help="As training does by default, unless you made a split or bring one: a CSV of file, label, patient, split.",
    )
    if way == BY_AUDIT and made is not None:
        st.markdown(" · ".join(plain(line) for line in made.in_words()))
        return manifest_csv(made)
    if way == BY_TABLE:
        table = st.file_uploader("Split (CSV)", type="csv", key="training_split_table")
        return table.getvalue() if table is not None else None
    return None


def _ask_for_start() -> tuple[str, bytes | None, dict[str, Any], bool]:
    """Give the start as a plan names it, uploaded weights, the backbone as settings, and whether this can begin."""
    start, weights, problem = RANDOM, None, None
    with st.container(border=True):
        st.header("Start and backbone")
        left, right = _columns("start", 2)
        with left:
            architecture = st.selectbox(
                "Backbone",
                list(ARCHITECTURES),
                format_func=lambda name: f"{name}: {ARCHITECTURES[name].in_words}",
                key="plan_architecture",
                persist_state="session",
                help="The network's body. Leave it unless you want to compare backbones, or need a faster one.",
            )
            size = st.number_input(
                "Image size, pixels a side",
                32,
                1024,
                DEFAULT.size,
                step=32,
                key="plan_size",
                persist_state="session",
                help="Films are resampled to such squares. Larger shows finer signs and takes longer, by the square; "
                "96 is for a quick trial.",
            )
        ways = [KERAS, FILE, UPLOAD, MODEL, SCRATCH] if ARCHITECTURES[architecture].has_imagenet_weights else [SCRATCH]
        with right:
            way = st.selectbox(
                "Start from",
                [*ways, MODEL] if ways == [SCRATCH] else ways,
                ways.index(FILE) if FILE in ways and named_weights() else 0,
                format_func=STARTS.__getitem__,
                key=f"plan_start_{architecture}",
                persist_state="session",
                help="ImageNet has taught a backbone edges and textures, so that it needs far fewer films. From a "
                "model: train it further on your films. From scratch: for teaching, or very many films.",
            )
            if way == KERAS:
                start = IMAGENET
                problem = keras_problem(architecture)
                if problem is not None:
                    st.error(plain(problem), icon=":material/cloud_off:")
            elif way == FILE:
                start = _chosen_path(
                    "Weights file",
                    weights_files(data_folders()),
                    architecture,
                    "There is no weights file. Expected is a `.weights.h5` file of this backbone without its top, "
                    "below an open data folder, or named in `PNEUMO_BACKBONE_WEIGHTS` by whoever runs the server.",
                )
            elif way == UPLOAD:
                file = st.file_uploader(
                    "Weights of this backbone without its top (.weights.h5)",
                    type="h5",
                    max_upload_size=MAX_SESSION_BYTES >> 20,
                    key="plan_weights",
                )
                start, weights = (IMAGENET, file.getvalue()) if file is not None else ("", None)
            elif way == MODEL:
                start = _chosen_path(
                    "Model",
                    models_of(models_folder(), architecture),
                    architecture,
                    f"There is no model with the backbone {architecture}. Please choose its backbone, or another "
                    "start.",
                )
            frozen_normalization = st.toggle(
                "Keep batch normalisation as it was",
                value=way != SCRATCH,
                key=f"plan_frozen_normalization_{way == SCRATCH}",
                persist_state="session",
                help="Its statistics of ImageNet or of the model hold better than those of small batches. Off from "
                "scratch: random weights have no statistics yet that are worth keeping.",
            )
        if not start:
            st.info("Please choose or upload what the network starts from.")
    settings = settings_of_start(architecture, start) | {"size": size, "frozen_normalization": frozen_normalization}
    return start, weights, settings, bool(start) and problem is None


def _chosen_path(label: str, paths: list[Path], architecture: str, none: str) -> str:
    if not paths:
        st.error(none, icon=":material/error:")
        return ""
    chosen = st.selectbox(
        label, paths, format_func=lambda path: path.name, key=f"plan_{label}_{architecture}", persist_state="session"
    )
    return str(chosen)


def _ask_for_head() -> dict[str, Any]:
    with st.container(border=True):
        st.header("Head")
        pooling, dropout, dense, activation = _columns("head", 4)
        with pooling:
            chosen = {
                "pooling": st.selectbox(
                    "Feature maps become features",
                    ["average", "max", "flatten"],
                    help="Averaged over the film, the largest value of each channel, or all of them kept. Flatten ties "
                    "evidence to its place and needs more films.",
                    **_kept("pooling"),
                )
            }
        with dense:
            units = st.text_input(
                "Dense layers",
                help="Units of each, parted by commas, as in 128, 32; empty for none. Add some where the backbone "
                "stays frozen.",
                placeholder="none",
                **_kept("dense_units"),
            )
            chosen["dense_units"] = [part.strip() for part in units.split(",") if part.strip()]
        if chosen["dense_units"]:
            with activation:
                chosen["activation"] = st.selectbox(
                    "Their activation",
                    ["relu", "gelu", "silu", "tanh"],
                    help="Of the dense layers only. Hardly matters; relu is the usual one.",
                    **_kept("activation"),
                )
        with dropout:
            chosen["dropout"] = st.number_input(
                "Dropout",
                0.0,
                0.95,
                DEFAULT.dropout,
                step=0.05,
                help="Share of features left out at random in each step. More where validation falls behind training.",
                **_kept("dropout"),
            )
    return chosen


def _ask_for_stages(architecture: str, begins: str) -> dict[str, Any]:
    blocks = ("", *ARCHITECTURES[architecture].blocks)
    with st.container(border=True):
        st.header("Stages")
        epochs, stopping, tuned, frozen, head_rate = _columns("stages", 5)
        with epochs:
            chosen: dict[str, Any] = {
                "epochs": st.number_input(
                    "Epochs, at most",
                    1,
                    1000,
                    DEFAULT.epochs,
                    help="Times that all films are seen; the best one on validation is kept. More for small sets.",
                    **_kept("epochs"),
                )
            }
        with stopping:
            chosen["early_stopping_epochs"] = st.number_input(
                "Stop early after",
                0,
                1000,
                DEFAULT.early_stopping_epochs,
                help="Epochs without a better validation AUC; 0 for never. With a cosine, late epochs are often the "
                "best ones.",
                **_kept("early_stopping_epochs"),
            )
        with frozen:
            chosen["frozen_epochs"] = st.number_input(
                "Epochs with a frozen backbone",
                0,
                1000,
                DEFAULT.frozen_epochs,
                help="So many first epochs train the head alone. A few where the head is large; 0 trains all at once.",
                **_kept("frozen_epochs"),
            )
        if chosen["frozen_epochs"]:
            with head_rate:
                chosen["head_learning_rate"] = st.number_input(
                    "Learning rate of these",
                    1e-6,
                    1.0,
                    DEFAULT.head_learning_rate,
                    step=1e-4,
                    format="%g",
                    help="The head alone bears a higher one than the whole network.",
                    **_kept("head_learning_rate"),
                )
        with tuned:
            chosen["fine_tune_from"] = st.selectbox(
                "Fine-tune the backbone from",
                blocks,
                blocks.index(begins),
                format_func=lambda block: block or "its beginning",
                help="Layers before it keep their weights. A later block where films are few, or time is.",
                **_kept(f"fine_tune_from_{architecture}_{begins}"),
            )
    return chosen


def _ask_for_optimizer() -> dict[str, Any]:
    with st.container(border=True):
        st.header("Optimiser")
        optimizer, rate, schedule, warm_up = _columns("optimizer", 4)
        batch, clip, averaging, decay = _columns("optimizer_more", 4)
        with optimizer:
            chosen: dict[str, Any] = {
                "optimizer": st.selectbox(
                    "Optimiser",
                    ["AdamW", "Adam", "SGD"],
                    help="AdamW is Adam with weight decay. SGD (momentum 0.9) needs a higher learning rate and "
                    "patience.",
                    **_kept("optimizer"),
                )
            }
        with rate:
            chosen["peak_learning_rate"] = st.number_input(
                "Peak learning rate",
                1e-6,
                1.0,
                DEFAULT.peak_learning_rate,
                step=1e-4,
                format="%g",
                help="Lower it if the loss jumps or diverges, raise it if nothing moves: tenfold up from scratch.",
                **_kept("peak_learning_rate"),
            )
        with schedule:
            chosen["schedule"] = st.selectbox(
                "Then",
                ["cosine", "constant"],
                format_func={"cosine": "falling to 0 by a cosine", "constant": "constant"}.get,
                help="Falling lets the last epochs settle. Constant where you stop a run yourself.",
                **_kept("schedule"),
            )
        with warm_up:
            chosen["warm_up_epochs"] = st.number_input(
                "Warm-up, epochs",
                0.0,
                100.0,
                DEFAULT.warm_up_epochs,
                step=0.5,
                help="The learning rate rises so long, which spares what the backbone knows. Longer for large rates.",
                **_kept("warm_up_epochs"),
            )
        with batch:
            chosen["batch_size"] = st.number_input(
                "Batch, films",
                1,
                1024,
                DEFAULT.batch_size,
                help="Films in each step. Smaller if memory does not suffice; then lower the learning rate alike.",
                **_kept("batch_size"),
            )
        if chosen["optimizer"] == "AdamW":
            with decay:
                chosen["weight_decay"] = st.number_input(
                    "Weight decay",
                    0.0,
                    1.0,
                    DEFAULT.weight_decay,
                    step=0.01,
                    format="%g",
                    help="Of AdamW: pulls weights to 0. More where validation falls behind training.",
                    **_kept("weight_decay"),
                )
        with clip:
            chosen["gradient_clip"] = st.number_input(
                "Gradient norm, at most",
                0.0,
                1000.0,
                DEFAULT.gradient_clip,
                step=0.5,
                help="A single odd batch then moves the weights no further; 0 for no bound.",
                **_kept("gradient_clip"),
            )
        with averaging:
            chosen["averaging_momentum"] = st.number_input(
                "Weight averaging",
                0.0,
                0.9999,
                DEFAULT.averaging_momentum,
                step=0.001,
                format="%g",
                help="Momentum of the moving average of all weights, a step; 0 for none. Both are validated, the "
                "better one is kept. Lower it for runs of few steps.",
                **_kept("averaging_momentum"),
            )
    return chosen


def _ask_for_balance() -> dict[str, Any]:
    with st.container(border=True):
        st.header("Balance and regularisation")
        balance, smoothing = _columns("balance", 2)
        with balance:
            chosen: dict[str, Any] = {
                "balance": st.selectbox(
                    "The rarer class is made up for by",
                    ["class weights", "balanced sampling", "none"],
                    help="Weights let its films count more in the loss; sampling shows them more often, for a class "
                    "that is very rare; none where the classes are alike.",
                    **_kept("balance"),
                )
            }
        with smoothing:
            chosen["label_smoothing"] = st.number_input(
                "Label smoothing",
                0.0,
                0.5,
                DEFAULT.label_smoothing,
                step=0.01,
                help="Labels are taken as a little less than certain, which bears wrong ones. More where you doubt "
                "them.",
                **_kept("label_smoothing"),
            )
    return chosen


def _ask_for_augmentation() -> dict[str, Any]:
    st.header("Augmentation")
    left, right = _columns("augmentation", 2)
    with left:
        strength = st.slider(
            "Strength",
            0.0,
            2.0,
            DEFAULT.augmentation_strength,
            0.1,
            help="1 is the default, 0 none at all. More where validation falls behind training, or films come "
            "from several machines; less if the films below look like nothing that you would ever read.",
            **_kept("augmentation_strength"),
        )
    with right:
        kinds = st.multiselect(
            "Kinds",
            AUGMENTATIONS,
            AUGMENTATIONS,
            help="Geometry: turn, shift, zoom, stretch, mirror. Border: margins of one grey, or of another film. "
            "Erasing: a rectangle set to grey. Tone: gamma, contrast, brightness. Take one out to see what it does, "
            "or where it breaks what matters on your films.",
            **_kept("augmentations"),
        )
    return {"augmentation_strength": strength, "augmentations": [kind for kind in AUGMENTATIONS if kind in kinds]}


def _ask_for_machine(splits_itself: bool) -> dict[str, Any]:
    with st.container(border=True):
        st.header("Repeatability, machine and input gate")
        seed, precision, gate, share = _columns("machine", 4)
        with seed:
            chosen: dict[str, Any] = {
                "seed": st.number_input(
                    "Seed of the run",
                    0,
                    2**31 - 1,
                    DEFAULT.seed,
                    help="The same plan and seed give the same model on the same machine. Another one shows how much "
                    "is chance.",
                    **_kept("seed"),
                )
            }
        if splits_itself:
            with share:
                percent = st.slider(
                    "Patients to validate with, %",
                    5,
                    50,
                    round(100 * DEFAULT.validation_share),
                    help="They choose epoch, temperature and thresholds. More of them make these choices surer, fewer "
                    "leave more to train on.",
                    **_kept("validation_share"),
                )
                chosen["validation_share"] = percent / 100
        with precision:
            chosen["mixed_precision"] = st.toggle(
                "Mixed precision",
                help="Half of the numbers' bits on a GPU: faster, less memory. Without a GPU the run refuses it.",
                **_kept("mixed_precision"),
            )
        with gate:
            chosen["fit_input_gate"] = st.toggle(
                "Fit an input gate",
                value=DEFAULT.fit_input_gate,
                help="After the last epoch the model learns to refuse what is no upright, whole chest X-ray: minutes "
                f"for thousands of films, at least {LEAST_TRAINING} to train on and {LEAST_VALIDATION} to validate "
                "with. Off for a quick lesson.",
                **_kept("fit_input_gate"),
            )
    return chosen


def _augmented(examples: tuple[Path, ...], recipe: Recipe) -> None:
    if not st.toggle(
        "Draw what the network will see",
        value=True,
        help="Drawn by the very layers of the training, at the size and seed chosen; the first time TensorFlow loads, "
        "which takes seconds.",
        **_kept("draw_augmented"),
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
        alt="A film with pneumonia and one without, and eight random variants of each at the strength and of the kinds "
        "chosen",
    )
    st.markdown(
        "Left: a film with pneumonia and one without, as the network reads them. Right: eight random variants of each; "
        "every epoch draws others."
    )


def _ask_for_card() -> tuple[Path, str, tuple[float, float]]:
    with st.container(border=True):
        st.header("The new model")
        name, lowest, highest = _columns("card", 3)
        with name:
            chosen = st.text_input(
                "Name",
                free_name(),
                help="Of its folder: letters, digits, dots, dashes and underscores.",
                # A new one for each run.
                **_kept(f"name_{st.session_state.get(STARTED, 0)}"),
            )
        with lowest:
            youngest = st.number_input(
                "Youngest patient, years", 0.0, 120.0, POPULATION_YEARS[0], step=1.0, **_kept("youngest")
            )
        with highest:
            oldest = st.number_input(
                "Oldest patient, years", 0.0, 120.0, POPULATION_YEARS[1], step=1.0, **_kept("oldest")
            )
        population = st.text_area("Whose films these are", POPULATION, height=80, **_kept("population"))
        st.markdown(
            "Ages and population go into the model card, and readers are warned by them of patients whom the model "
            "does not know. They are those of the Kermany films: for films of your own, please make them true."
        )
        out = new_model_folder(chosen.strip())
        refuse_taken_name(out)
    return out, population.strip(), (youngest, oldest)


def _summary(counts: dict[str, tuple[int, int, int]], plan: Plan) -> None:
    films = counts["train"][0]
    steps = -(-films // plan.recipe.batch_size)
    st.table(
        [
            {"Films for": name, "Films": str(n), "With pneumonia": str(sick), "Patients": str(patients)}
            for name, (n, sick, patients) in counts.items()
        ],
        alt="Films, those with pneumonia, and patients, for training, validation and test",
    )
    if not counts["test"][0]:
        st.warning("There are no test films: nothing will say how good the model is on films that chose nothing.")
    if plan.recipe.fit_input_gate and not GateFit(films, counts["validation"][0]).has_films:
        st.warning(
            "The model will have no input gate, so that it will read pictures that are no chest X-ray: to fit one "
            f"takes at least {LEAST_TRAINING} films to train on and {LEAST_VALIDATION} to validate with."
        )
    st.markdown(f"**{plan.recipe.epochs} epochs of {steps} steps.** {changes_in_words(plan)}")


def changes_in_words(plan: Plan) -> str:
    """Say in which settings a plan's recipe differs from the default one of its start."""
    chosen, default = recipe_settings(plan.recipe), recipe_settings(DEFAULT)
    default["fine_tune_from"] = settings_of_start(plan.recipe.architecture, plan.start)["fine_tune_from"]
    changed = [
        f"{field.name} {_value(chosen[field.name])} (default: {_value(default[field.name])})"
        for field in fields(Recipe)
        if chosen[field.name] != default[field.name]
    ]
    return f"Other than the defaults: {plain('; '.join(changed))}." if changed else "All settings are the defaults."


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value != "" else "beginning"


def _columns(name: str, count: int) -> list[Any]:
    with st.container(key=f"stack_{name}"):
        return st.columns(count, gap="medium", vertical_alignment="top")


def _kept(name: str) -> dict[str, Any]:
    """Keep a control's value while another step or page is drawn."""
    return {"key": f"plan_{name}", "persist_state": "session"}
