"""How a model is made on the command line: the data's audit, a training, and what may follow it."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pneumo_core.cli.group import GivenPath, GivenWord, tell, tell_how_far, tell_progress
from pneumo_core.errors import ModelError
from pneumo_core.files import models_folder, own_models_folder, write_whole
from pneumo_core.train import SETTINGS, listed

if TYPE_CHECKING:
    from pneumo_core.data import Audit
    from pneumo_core.models import ModelCard
    from pneumo_core.train import Plan


def _recipe_option(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make an option of a setting that is a whole number."""
    setting = SETTINGS[name]
    kind = click.IntRange(int(setting.lowest or 0), int(setting.highest or 0))
    return click.option(f"--{name}", type=kind, help=f"{setting.title}. Default: {setting.default}.")


def _list_settings(context: click.Context, parameter: click.Parameter, is_asked: bool) -> None:
    if not is_asked:
        return
    for group, settings in listed(SETTINGS):
        click.echo(group)
        for setting in settings:
            how, meaning = setting.in_words()
            click.echo(click.wrap_text(how, 100, "  ", "      "))
            click.echo(click.wrap_text(meaning, 100, "      ", "      "))
    context.exit()


@click.command()
@click.argument("data", required=False, type=GivenPath())
@click.option("--out", type=GivenPath(), help="The new model's folder, named as the model.")
@click.option(
    "--copy",
    "copies",
    multiple=True,
    type=GivenPath(),
    help="A further copy of the same X-rays (another resampling): another view of each.",
)
@click.option(
    "--also",
    "more",
    multiple=True,
    type=GivenPath(),
    help="A further folder, trained on together with DATA; a patient of both is on one side of the split.",
)
@click.option("--manifest", type=GivenPath(), help="A CSV that `audit --split` wrote: who is where.")
@click.option(
    "--start",
    "--weights",
    "start",
    type=GivenWord("a file, a folder, 'imagenet' or 'random'"),
    help="Where the network starts: a .weights.h5 file of the backbone, a model's folder, 'imagenet' (Keras' own "
    "download) or 'random'. Default: the file named by PNEUMO_BACKBONE_WEIGHTS, else imagenet.",
)
@click.option("--architecture", default=SETTINGS["architecture"].default, show_default=True)
@_recipe_option("epochs")
@_recipe_option("size")
@_recipe_option("seed")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any setting of the recipe, e.g. optimizer=SGD or dense_units=64,32; --list-settings names them.",
)
@click.option(
    "--list-settings",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_settings,
    help="List the settings of the recipe with ranges and defaults, and exit.",
)
@click.option(
    "--plan",
    "plan_file",
    type=GivenPath(dir_okay=False),
    help="A plan (JSON, as in docs/plans) of several sources, groups and populations; DATA is then the folder that its "
    "sources lie in. All other words but --out are the plan's.",
)
@click.option("--population", help="Whose X-rays these are, for the model card. Default: those of Kermany et al. 2018.")
@click.option("--ages", nargs=2, type=float, help="Their lowest and highest age in years. Default: 1 5.")
@click.option(
    "--resume",
    type=GivenPath(),
    help="Go on with a run that was stopped or killed: its name, or its folder. Nothing else is named then.",
)
@click.option("--finish", is_flag=True, help="With --resume: no more epochs, make a model of the best one so far.")
@click.pass_context
def train(context: click.Context, /, resume: Path | None, finish: bool, **words: Any) -> None:
    """Train a model from DATA, a folder in the Kaggle layout (train|val|test / NORMAL|PNEUMONIA) or with labels.csv.

    Ctrl-C stops after the step at hand; --resume goes on. The run's plan, log and checkpoint lie in runs/training/.
    """
    from pneumo_core.files import trainings_folder
    from pneumo_core.train import check_plan, check_start, plan_of_file, plan_run, read_plan

    if resume:
        _refuse_what_the_plan_says(context)
        folder = resume if resume.is_dir() else trainings_folder() / resume
        # Before anything of the folder is touched: it may be no run's.
        read_plan(folder)
    elif words["plan_file"] is not None and words["out"] is not None:
        _refuse_what_the_plan_says(context, ("plan_file", "data", "out"), "A plan says all, so that")
        place = None if words["data"] is None else words["data"].resolve()
        plan = plan_of_file(words["plan_file"].resolve(), words["out"].resolve(), place)
        check_plan(plan)
        check_start(plan.recipe, plan.start)
        folder = plan_run(plan)
    elif words["data"] is None or words["out"] is None:
        raise click.UsageError("Please name the folder of films and --out, or --resume a run.")
    elif finish:
        raise click.UsageError("--finish goes with --resume.")
    else:
        plan = _plan(**{name: word for name, word in words.items() if name != "plan_file"})
        check_plan(plan)
        # It takes seconds, and comes before the run has a name.
        check_start(plan.recipe, plan.start)
        folder = plan_run(plan)
    _run(folder, finish)


def _refuse_what_the_plan_says(
    context: click.Context,
    kept: tuple[str, ...] = ("resume", "finish"),
    why: str = "A run that goes on keeps its plan, so that",
) -> None:
    """Refuse words beside --resume or --plan: the plan is written already, and they would change nothing."""
    beside = [
        parameter.opts[0] if isinstance(parameter, click.Option) else "DATA"
        for parameter in context.command.params
        if parameter.name not in kept
        and context.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE
    ]
    if beside:
        words = ["DATA" if name == "data" else f"--{name.removesuffix('_file')}" for name in kept]
        raise click.UsageError(
            f"{why} {', '.join(beside)} would change nothing. Please leave out all but {' and '.join(words)}, or begin "
            "a new run."
        )


def _plan(
    data: Path,
    out: Path,
    copies: tuple[Path, ...],
    more: tuple[Path, ...],
    manifest: Path | None,
    start: str | None,
    architecture: str,
    epochs: int | None,
    size: int | None,
    seed: int | None,
    settings: tuple[str, ...],
    population: str | None,
    ages: tuple[float, float] | None,
) -> "Plan":
    from pneumo_core.train import (
        ARCHITECTURES,
        POPULATION,
        POPULATION_YEARS,
        Plan,
        checked_recipe,
        default_start,
        settings_of_start,
        sources_of,
    )

    if architecture not in ARCHITECTURES:
        raise click.BadParameter(
            f"'{architecture}' is none of {', '.join(ARCHITECTURES)}.", param_hint="--architecture"
        )
    start = default_start(architecture) if start is None else start
    named = {"epochs": epochs, "size": size, "seed": seed}
    chosen = settings_of_start(architecture, start) | {
        name: value for name, value in named.items() if value is not None
    }
    return Plan(
        data.resolve(),
        out.resolve(),
        checked_recipe(chosen | dict(_setting(text) for text in settings)),
        tuple(copy.resolve() for copy in copies),
        None if manifest is None else manifest.resolve(),
        str(Path(start).resolve()) if Path(start).exists() else start,
        POPULATION if population is None else population,
        POPULATION_YEARS if ages is None else ages,
        sources_of(data.resolve(), [folder.resolve() for folder in more]),
    )


def _setting(text: str) -> tuple[str, Any]:
    """Take "name=value" apart; several values are parted by commas."""
    name, is_there, value = text.partition("=")
    if not is_there:
        raise click.BadParameter(f"'{text}' has no value. Please write it as NAME=VALUE.", param_hint="--set")
    several = name in SETTINGS and SETTINGS[name].is_several
    return name, [part.strip() for part in value.split(",") if part.strip()] if several else value


def _run(folder: Path, finish: bool) -> None:
    """Train as a run's folder says, until its end or Ctrl-C."""
    # Others have the machine first.
    os.nice(max(0, 10 - os.nice(0)))

    from pneumo_core.train import STOP_FILE, ask_to_stop, run_training

    (folder / STOP_FILE).unlink(missing_ok=True)
    before = signal.signal(signal.SIGINT, lambda number, frame: ask_to_stop(folder))
    try:
        run_training(folder, finish, lambda line: tell(line, err=False))
    finally:
        signal.signal(signal.SIGINT, before)


@click.command()
@click.argument("folder", type=GivenPath())
@click.option("--also", "more", multiple=True, type=GivenPath(), help="A further folder to be trained on together.")
@click.option("--out", type=GivenPath(file_okay=False), help="Write audit.json, audit.html here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
@click.option("--split", type=GivenPath(dir_okay=False), help="Write a split by patient here, as CSV.")
@click.option(
    "--validation-share", type=click.FloatRange(0, 1, True, True), default=0.15, show_default=True, help="Of patients."
)
@click.option(
    "--test-share", type=click.FloatRange(0, 1, True, True), help="Of patients. Default: the test split that is there."
)
@click.option("--seed", type=int, default=7, show_default=True)
@click.option(
    "--test-names-are-others",
    is_flag=True,
    help="Train also on X-rays whose patients' names stand in the test split. They are other people.",
)
def audit(
    folder: Path,
    more: tuple[Path, ...],
    out: Path | None,
    as_json: bool,
    split: Path | None,
    validation_share: float,
    test_share: float | None,
    seed: int,
    test_names_are_others: bool,
) -> None:
    """Say what is wrong with FOLDER before anything is trained on it.

    FOLDER is in the Kaggle layout (train|val|test / NORMAL|PNEUMONIA), or has a table labels.csv of its X-rays.

    Exit status 0: nothing alarming; 1: alarms, or no audit; 2: wrong use. No file is moved or changed.
    """
    from pneumo_core.data import audit_folder, audit_json, split_audited, summary, write_manifest

    if validation_share + (test_share or 0) >= 1:
        raise click.UsageError("--validation-share and --test-share leave nothing to train on. Please lower them.")

    found = audit_folder(folder, tell_progress, more=more)
    if out:
        _write_audit(found, out)
    # The split is wanted, whoever reads this.
    tell(audit_json(found) if as_json else "\n".join(summary(found)), err=False)
    if split:
        manifest = split_audited(found, validation_share, test_share, seed, test_names_are_others)
        write_manifest(manifest, split)
        for line in manifest.in_words():
            tell(f"{split.name}: {line}", err=as_json)
    if found.alarms:
        raise SystemExit(1)


def _write_audit(found: "Audit", out: Path) -> None:
    from pneumo_core.data import AUDIT_FILE, audit_html, write_audit

    out.mkdir(parents=True, exist_ok=True)
    write_audit(found, out / AUDIT_FILE)
    write_whole(out / "audit.html", audit_html(found))


@click.command("fit-gate")
@click.argument("data", nargs=-1, required=True, type=GivenWord("a folder, or NAME=FOLDER"))
@click.option("--model", help="A model's name, or its folder; default: the model in use.")
def fit_gate_command(data: tuple[str, ...], model: str | None) -> None:
    """Fit a model's input gate, by whole upright chest X-rays that it is to let in.

    DATA is a folder or table, or NAME=FOLDER with the name of a group of patients, such as adults=scans. Of the X-rays
    that the model's list names, those of its training fit the gate and those of its validation try it. A folder of
    which the list names none is split by patient.

    Exit status 0: the model has it; 1: it is not worth keeping, and the model is as it was; 2: wrong use.
    """
    from pneumo_core.keras_network import load_classifier
    from pneumo_core.models import gate_in_words
    from pneumo_core.train import fit_gate_of, groups_of

    # The gate is written into it.
    own_models_folder()
    folder = _model_folder(model)
    classifier = load_classifier(folder)

    def report(done: int, of: int) -> bool:
        tell_how_far(f"{done} of {of} pictures", done == of)
        return True

    fit_gate_of(classifier, folder, groups_of(classifier.known, [_named_group(given) for given in data]), report)
    click.echo("\n".join(gate_in_words(folder, classifier.card.weights_sha256)))


def _named_group(given: str) -> tuple[str, Path]:
    """Give the name of a group and its folder or table, from NAME=FOLDER or FOLDER."""
    name, equals, path = given.partition("=")
    if not equals or Path(given).exists():
        return "known X-rays", Path(given)
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,39}", name) is None:
        raise click.BadParameter(
            f"'{name[:40]}' is no name of a group. Expected are at most 40 letters, digits, spaces, _ or -, such as "
            "adults=FOLDER. Please correct it."
        )
    return name, Path(path)


@click.command("fit-lungs")
@click.argument("whole", type=GivenPath(exists=True, file_okay=False))
@click.argument("masked", type=GivenPath(exists=True, file_okay=False))
@click.option("--out", required=True, type=GivenPath(file_okay=False), help="Write lungs.keras and lungs.json here.")
@click.option("--epochs", type=click.IntRange(1, 500), default=18, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--validation-share", type=click.FloatRange(0, 1, True, True), default=0.15, show_default=True, help="Of patients."
)
def fit_lungs_command(whole: Path, masked: Path, out: Path, epochs: int, seed: int, validation_share: float) -> None:
    """Train the network that outlines the lungs, from WHOLE X-rays and the same ones MASKED to the lungs alone.

    The files of a pair have the same name. A labels.csv in WHOLE names patients and views. Ctrl-C stops the work, and
    nothing is written then.
    """
    from pneumo_core.stats import with_interval
    from pneumo_core.train import fit_lungs, read_pairs

    os.nice(max(0, 10 - os.nice(0)))
    is_wanted = True

    def stop(number: int, frame: object) -> None:
        nonlocal is_wanted
        is_wanted = False

    def telling(what: str) -> Callable[[int, int], bool]:
        def progress(done: int, of: int) -> bool:
            tell_how_far(f"{done} of {of} {what}", done == of)
            return is_wanted

        return progress

    before = signal.signal(signal.SIGINT, stop)
    try:
        pairs = read_pairs(whole, masked, progress=telling("pairs read"))
        fit = None
        if pairs is not None:
            fit = fit_lungs(
                pairs,
                out,
                epochs=epochs,
                seed=seed,
                validation_share=validation_share,
                progress=telling("steps"),
            )
    finally:
        signal.signal(signal.SIGINT, before)
    if fit is None:
        raise ModelError("The work was stopped, and nothing was written. Please begin anew.", code="stopped")
    tell(
        f"Dice {with_interval(fit.dice)} on {fit.validation} images of {fit.validation_patients} patients that it was "
        f"not fitted to. {fit.left_out} pairs were left out.",
        err=False,
    )


@click.command("recalibrate")
@click.argument("data", type=GivenPath())
@click.option("--out", required=True, type=GivenPath(), help="The new model's folder, named as it.")
@click.option("--copy", "copies", multiple=True, type=GivenPath(), help="As the model was trained with.")
@click.option("--model", help="A model's name, or its folder; default: the model in use.")
def recalibrate_command(data: Path, out: Path, copies: tuple[Path, ...], model: str | None) -> None:
    """Choose the probability and the operating points of a model again, as training does now, and test them.

    DATA is what it was trained from. The network stays; the new model is put in use by `models promote`.
    """
    from pneumo_core.train import recalibrate

    _say_points(recalibrate(_model_folder(model), data, copies, out, tell))


@click.command("blend")
@click.argument("data", type=GivenPath())
@click.option("--out", required=True, type=GivenPath(), help="The new model's folder, named as it.")
@click.option("--copy", "copies", multiple=True, type=GivenPath(), help="As the models were trained with.")
@click.option("--model", "models", multiple=True, required=True, help="A model's name, or its folder; two or more.")
def blend_command(data: Path, out: Path, copies: tuple[Path, ...], models: tuple[str, ...]) -> None:
    """Make one model of several that were trained with the same X-rays: its score is the mean of theirs.

    DATA is what they were trained from. The operating points are chosen anew, on the validation films. What their
    backbones have in common runs once. Afterwards `fit-gate` gives it an input gate, `models promote` puts it in use.
    """
    from pneumo_core.train import blend

    folders = [_model_folder(model) for model in models]
    _say_points(blend(folders, data, copies, out, tell))


@click.command("assemble")
@click.argument("plan_file", metavar="PLAN", type=GivenPath(dir_okay=False))
@click.argument("data", type=GivenPath())
@click.option("--whole", required=True, type=GivenPath(), help="The network for whole X-rays: a model, or .keras file.")
@click.option("--lungs", required=True, type=GivenPath(), help="The network for lungs views, likewise.")
@click.option("--out", required=True, type=GivenPath(), help="The new model's folder, named as it.")
@click.option(
    "--share", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Of whole X-rays in the log odds."
)
@click.option("--scores", type=GivenPath(file_okay=False), help="Keep scores here, for other points of one network.")
def assemble_command(
    plan_file: Path, data: Path, whole: Path, lungs: Path, out: Path, share: float, scores: Path | None
) -> None:
    """Make one model of a network for whole X-rays and one for lungs views, and choose its points by population.

    PLAN is as of `train --plan`, and names the segmenter. DATA is the folder that its sources lie in. Nothing is
    trained. Afterwards `fit-gate` gives the model an input gate, `models promote` puts it in use.
    """
    from pneumo_core.train import Parts, assemble, plan_of_file

    plan = plan_of_file(plan_file.resolve(), out.resolve(), data.resolve())
    if plan.segmenter is None:
        raise ModelError(
            f"{plan_file.name} names no segmenter. Expected is one, for the lungs view. Please add it.", code="plan"
        )
    _say_points(assemble(plan, Parts(whole, lungs, plan.segmenter, share), scores, tell))


def _say_points(card: "ModelCard") -> None:
    from pneumo_core.models import result_table

    for population in card.populations:
        name = f"{population.name}, " if len(card.populations) > 1 else ""
        for point in population.operating_points:
            click.echo(f"{name}{point.name}: {point.threshold:.4f}, {point.chosen_for}")
        click.echo("\n".join(result_table(population.test or population.validation)))


def _model_folder(model: str | None) -> Path:
    """Give the folder of a model by its name or path; of the model in use for None."""
    from pneumo_core.models import active_model_folder

    if model is None:
        return active_model_folder(models_folder())
    folder = next((path for path in (models_folder() / model, Path(model)) if model and path.is_dir()), None)
    if folder is None:
        raise ModelError(
            f"There is no model '{model[:60]}'. Expected is a model's folder, or a name that `models list` gives. "
            "Please correct it."
        )
    return active_model_folder(folder)
