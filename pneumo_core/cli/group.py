"""The command line over the pages' functions: `python -m pneumo_core read|evaluate|score|audit|train|models|doctor`."""

import getpass
import json
import math
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TextIO

import click

from pneumo_core.errors import DataError, ModelError, PneumoError
from pneumo_core.evaluate import SCORES_FILE, damaged_lines
from pneumo_core.files import write_whole
from pneumo_core.film import OLDEST_YEARS, age_in_years
from pneumo_core.places import BACKBONE_WEIGHTS_VARIABLE, models_folder, own_models_folder
from pneumo_core.serve import AUDIT_LOG_VARIABLE, verify_audit_log
from pneumo_core.train import SETTINGS, listed
from pneumo_core.wording import counted
from pneumo_core.work import Progress, known_end

if TYPE_CHECKING:
    from pneumo_core.models import ModelCard


class _Commands(click.Group):
    """A refusal is one line on standard error, and exit status 1; a closed pipe is the end, and no error."""

    def make_context(self, *arguments: Any, **named: Any) -> click.Context:
        # Help is printed in here.
        with _ended_where_nobody_reads():
            return super().make_context(*arguments, **named)

    def invoke(self, context: click.Context) -> Any:
        try:
            with _ended_where_nobody_reads():
                return super().invoke(context)
        except Exception as error:
            words = known_end(error)
            if words is None:
                # A fault of the program, or click's own.
                raise
            _tell(words)
            raise SystemExit(1) from error


@contextmanager
def _ended_where_nobody_reads() -> Iterator[None]:
    """End with exit status 0 where whoever read the answers has gone (`... | head -1`)."""
    try:
        yield
    except BrokenPipeError as error:
        watch = select.poll()
        # Without a wish of ours it tells only that the other end is closed; some other pipe may have broken.
        watch.register(sys.stdout, 0)
        if not watch.poll(0):
            raise
        _let_go(sys.stdout)
        raise SystemExit(0) from error


def _tell(line: str, *, nl: bool = True, err: bool = True) -> None:
    """Print what nobody need read: where the pipe is closed, the work goes on."""
    try:
        click.echo(line, nl=nl, err=err)
    except BrokenPipeError:
        _let_go(sys.stderr if err else sys.stdout)


def _let_go(stream: TextIO) -> None:
    """Let a stream with a closed pipe lead nowhere, or Python would complain of it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _tell_progress(progress: Progress) -> None:
    _tell(f"\r{progress.in_words()}", nl=progress.done == progress.of)


class _Age(click.ParamType):
    """A patient's age, as DICOM's AS; a bare number counts years."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Give years."""
        age = age_in_years(str(value))
        if age is None:
            self.fail(f"'{value}' is no age from 0 to {OLDEST_YEARS} years. Please write it as 45, 45Y, 8M, 3W or 10D.")
        return age


@click.group(cls=_Commands)
def commands() -> None:
    """Pneumo: reads chest X-rays for suspected pneumonia. Research and teaching tool, not a medical device."""


def _tell_damaged(folder: Path) -> None:
    if damaged := damaged_lines(folder):
        are = "is" if damaged == 1 else "are"
        _tell(f"{counted(damaged, 'line')} of {SCORES_FILE} {are} damaged. Their films are scored again.")


@commands.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of words.")
@click.option("--heatmaps", type=click.Path(file_okay=False, path_type=Path), help="Write an overlay PNG of each film.")
@click.option("--model", type=click.Path(path_type=Path), help="A model's folder; default: the model in use.")
@click.option(
    "--operating-point",
    type=click.Choice(["screening", "balanced", "rule-in"]),
    default="balanced",
    show_default=True,
)
@click.option("--age", type=_Age(), help="The patients' age where a file says none: 45, 45Y, 8M, 3W, 10D.")
def read(
    files: tuple[Path, ...],
    as_json: bool,
    heatmaps: Path | None,
    model: Path | None,
    operating_point: str,
    age: float | None,
) -> None:
    """Read X-rays (JPEG, PNG, DICOM). Exit status 0: all read; 1: some refused; 2: wrong use."""
    from pneumo_core.draw import Display
    from pneumo_core.film import offered_sha256, read_radiograph
    from pneumo_core.keras_network import load_classifier
    from pneumo_core.models import active_model_folder, read_conformal
    from pneumo_core.read import Reading, overlay_png, read_xray, reading_line, verdict

    classifier = load_classifier(model or models_folder())
    point = classifier.card.operating_point(operating_point)
    conformal, _ = read_conformal(active_model_folder(model or models_folder()), classifier.card)
    if heatmaps:
        heatmaps.mkdir(parents=True, exist_ok=True)
    any_refused = False
    for file in files:
        outcome: Reading | PneumoError
        sha256: str | None
        try:
            radiograph = read_radiograph(file)
            sha256, outcome = radiograph.sha256, read_xray(classifier, radiograph, age_years=age)
        except PneumoError as error:
            any_refused = True
            sha256, outcome = offered_sha256(file), error
            words = f"refused: {error}"
        else:
            score = f"{verdict(outcome, point)}; probability {100 * outcome.prediction.probability:.1f} %"
            words = "\n    ".join([score, *outcome.warnings])
            if heatmaps:
                # Named by hash: file names may carry a patient's name, and pictures travel.
                write_whole(heatmaps / f"{sha256}.png", overlay_png(outcome, point, Display()))
        line = json.dumps(reading_line(str(file), sha256, outcome, classifier, point, conformal)) if as_json else ""
        answer = line or f"{file}: {words}"
        if heatmaps:
            # The pictures are wanted, whoever reads this.
            _tell(answer, err=False)
        else:
            click.echo(answer)
    if any_refused:
        raise SystemExit(1)


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


@commands.command()
@click.argument("data", required=False, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The new model's folder, named as the model.")
@click.option(
    "--copy",
    "copies",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A further copy of the same films (another resampling): another view of each film.",
)
@click.option("--manifest", type=click.Path(path_type=Path), help="A CSV that `audit --split` wrote: who is where.")
@click.option(
    "--start",
    "--weights",
    "start",
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
@click.option("--population", help="Whose films these are, for the model card. Default: those of Kermany et al. 2018.")
@click.option("--ages", nargs=2, type=float, help="Their lowest and highest age in years. Default: 1 5.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Go on with a run that was stopped or killed: its name, or its folder. Nothing else is named then.",
)
@click.option("--finish", is_flag=True, help="With --resume: no more epochs, make a model of the best one so far.")
def train(
    data: Path | None,
    out: Path | None,
    copies: tuple[Path, ...],
    manifest: Path | None,
    start: str | None,
    architecture: str,
    epochs: int | None,
    size: int | None,
    seed: int | None,
    settings: tuple[str, ...],
    population: str | None,
    ages: tuple[float, float] | None,
    resume: Path | None,
    finish: bool,
) -> None:
    """Train a model from DATA, a folder in the Kaggle layout (train|val|test / NORMAL|PNEUMONIA).

    Ctrl-C stops after the step at hand; --resume goes on. The run's plan, log and checkpoint lie in runs/training/.
    """
    from pneumo_core.places import trainings_folder
    from pneumo_core.train import (
        ARCHITECTURES,
        POPULATION,
        POPULATION_YEARS,
        RANDOM,
        STOP_FILE,
        Plan,
        ask_to_stop,
        checked_recipe,
        plan_run,
        read_plan,
        settings_of_start,
    )

    if resume:
        folder = resume if resume.is_dir() else trainings_folder() / resume
        # Before anything of the folder is touched: it may be no run's.
        read_plan(folder)
    elif data is None or out is None:
        raise click.UsageError("Please name the folder of films and --out, or --resume a run.")
    else:
        if architecture not in ARCHITECTURES:
            raise click.BadParameter(
                f"'{architecture}' is none of {', '.join(ARCHITECTURES)}.", param_hint="--architecture"
            )
        default = "imagenet" if ARCHITECTURES[architecture].has_imagenet_weights else RANDOM
        if start == "":
            raise click.BadParameter(
                "It is empty. Expected is a file, a folder, 'imagenet' or 'random'. Please name one, or leave it out.",
                param_hint="--start",
            )
        if start is None:
            start = os.environ.get(BACKBONE_WEIGHTS_VARIABLE) or default
        chosen = settings_of_start(architecture, start)
        named = {"epochs": epochs, "size": size, "seed": seed}
        chosen |= {name: value for name, value in named.items() if value is not None}
        recipe = checked_recipe(chosen | dict(_setting(text) for text in settings))
        folder = plan_run(
            Plan(
                data.resolve(),
                out.resolve(),
                recipe,
                tuple(copy.resolve() for copy in copies),
                None if manifest is None else manifest.resolve(),
                str(Path(start).resolve()) if Path(start).exists() else start,
                POPULATION if population is None else population,
                POPULATION_YEARS if ages is None else ages,
            )
        )
    # Others have the machine first.
    os.nice(max(0, 10 - os.nice(0)))

    from pneumo_core.train import run_training

    (folder / STOP_FILE).unlink(missing_ok=True)
    before = signal.signal(signal.SIGINT, lambda number, frame: ask_to_stop(folder))
    try:
        run_training(folder, finish, lambda line: _tell(line, err=False))
    finally:
        signal.signal(signal.SIGINT, before)


def _setting(text: str) -> tuple[str, Any]:
    """Take "name=value" apart; several values are parted by commas."""
    name, is_there, value = text.partition("=")
    if not is_there:
        raise click.BadParameter(f"'{text}' has no value. Please write it as NAME=VALUE.", param_hint="--set")
    several = name in SETTINGS and SETTINGS[name].is_several
    return name, [part.strip() for part in value.split(",") if part.strip()] if several else value


@commands.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write audit.json, audit.html here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
@click.option("--split", type=click.Path(dir_okay=False, path_type=Path), help="Write a split by patient here, as CSV.")
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
    help="Keep films to train on whose patients' names also stand in the test split: they are other people.",
)
def audit(
    folder: Path,
    out: Path | None,
    as_json: bool,
    split: Path | None,
    validation_share: float,
    test_share: float | None,
    seed: int,
    test_names_are_others: bool,
) -> None:
    """Say what is wrong with FOLDER (train|val|test / NORMAL|PNEUMONIA) before anything is trained on it.

    Exit status 0: nothing alarming; 1: alarms, or no audit; 2: wrong use. No file is moved or changed.
    """
    from pneumo_core.data import (
        AUDIT_FILE,
        audit_folder,
        audit_html,
        audit_json,
        split_audited,
        summary,
        write_audit,
        write_manifest,
    )

    if validation_share + (test_share or 0) >= 1:
        raise click.UsageError("--validation-share and --test-share leave nothing to train on. Please lower them.")

    found = audit_folder(folder, _tell_progress)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        write_audit(found, out / AUDIT_FILE)
        write_whole(out / "audit.html", audit_html(found))
    # The split is wanted, whoever reads this.
    _tell(audit_json(found) if as_json else "\n".join(summary(found)), err=False)
    if split:
        manifest = split_audited(found, validation_share, test_share, seed, test_names_are_others)
        write_manifest(manifest, split)
        for line in manifest.in_words():
            _tell(f"{split.name}: {line}", err=as_json)
    if found.alarms:
        raise SystemExit(1)


@commands.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--model", type=click.Path(path_type=Path), help="A model's folder; default: the model in use.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write scores, tables and report here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
@click.option("--resume", is_flag=True, help="Go on with the run that stands in --out.")
@click.option("--against", type=click.Path(path_type=Path), help="Another model's folder: paired differences.")
@click.option("--names", is_flag=True, help="File names in the files and in JSON; they can carry a patient's name.")
def evaluate(
    source: Path,
    model: Path | None,
    out: Path | None,
    as_json: bool,
    resume: bool,
    against: Path | None,
    names: bool,
) -> None:
    """Evaluate the model on SOURCE: a folder (NORMAL, PNEUMONIA), a CSV (file,label) or a zip.

    Without labels (a CSV may have the column file alone) the films are listed, the highest probability first.

    Exit status 0: all scored; 1: some refused or left out; 2: wrong use.
    """
    from pneumo_core.data import open_source
    from pneumo_core.evaluate import (
        SETTING,
        Assessment,
        assess_run,
        compare_assessments,
        evaluation_data,
        evaluation_html,
        figure_rows,
        group_results,
        group_words,
        has_run,
        honesty_lines,
        run_source,
        scores_csv,
        worklist_order,
    )
    from pneumo_core.keras_network import load_classifier
    from pneumo_core.models import active_model_folder, read_conformal
    from pneumo_core.network import Classifier
    from pneumo_core.stats import comparison_data, comparison_lines

    if out and has_run(out) and not resume:
        raise click.UsageError(
            f"{out} holds a run already. Please add --resume to go on with it, or name a new folder."
        )
    films = open_source(source)
    for problem in films.problems:
        _tell(f"left out: {problem}")
    if out:
        _tell_damaged(out)
    classifier = load_classifier(model or models_folder())
    # Before minutes of scoring, so that a wrong path is said at once.
    other_classifier = load_classifier(against) if against else None

    def assess(classifier: Classifier, folder: Path, part: str) -> Assessment:
        with TemporaryDirectory() as temporary:
            scores = run_source(films, classifier, (out or Path(temporary)) / part, _tell_progress)
        card = classifier.card
        conformal, _ = read_conformal(active_model_folder(folder), card)
        regions = conformal.regions if conformal else None
        return assess_run(scores, len(films.films), card, classifier.known, classifier.device, regions)

    assessment = assess(classifier, model or models_folder(), "")
    left_out = films.problems if names else films.nameless_problems
    data = evaluation_data(assessment, left_out)
    compared = None
    if other_classifier and against:
        other = assess(other_classifier, against, "against")
        compared = compare_assessments(assessment, other)
        data["comparison"] = {"with": other.card.name, **comparison_data(compared)}
    point = classifier.card.operating_point("balanced")
    listed = [film.name for film in films.films]
    if out:
        write_whole(out / "evaluation.json", json.dumps(data, indent=2).encode() + b"\n")
        write_whole(out / "films.csv", scores_csv(assessment, listed if names else None))
        write_whole(out / "evaluation.html", evaluation_html(assessment, point.threshold, SETTING, left_out))
    exit_status = 1 if assessment.refused or films.problems else 0
    if as_json:
        click.echo(json.dumps(data))
        raise SystemExit(exit_status)
    for score in assessment.refused:
        _tell(f"refused: {listed[score.number]}: {score.reason}")
    click.echo(
        f"{classifier.card.name}, {point.name} point {100 * point.threshold:.1f} %: "
        f"{counted(assessment.films, 'film')}, {len(assessment.refused)} refused, "
        f"{len(assessment.cohort)} with score and label ({int(assessment.cohort.has_pneumonia.sum())} with pneumonia)"
    )
    if len(assessment.cohort):
        for label, value, interval, n in figure_rows(assessment, assessment.figures(point.threshold)):
            click.echo(f"{label}: {value}" + (f" (95 % interval {interval}, n = {n})" if interval else ""))
        for group in group_results(assessment, point.threshold):
            click.echo(", ".join(f"{label}: {text}" for label, text in group_words(group).items() if text))
        for line in honesty_lines(assessment):
            click.echo(line)
        if compared:
            both = classifier.card.name, other.card.name
            for line in comparison_lines(compared, *(both if both[0] != both[1] else ("this model", "the other"))):
                click.echo(line)
            if assessment.patients_repeat:
                click.echo("Patients repeat, and films count as independent here: these intervals are too narrow.")
    else:
        for score, probability in worklist_order(assessment):
            click.echo(f"{100 * probability:5.1f} %  {listed[score.number]}")
    raise SystemExit(exit_status)


@commands.command()
@click.argument("source")
@click.option("--out", required=True, help="Where the scores go: a folder; with ray also an address (s3://...).")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--model", type=click.Path(path_type=Path), help="A model's folder; default: the model in use.")
@click.option("--address", help="ray: the head's host:port, or auto. Default: a cluster on this machine alone.")
@click.option("--workers", type=click.IntRange(min=1), help="ray: how many hold the model. Default: one a core.")
@click.option("--names", is_flag=True, help="ray: add the films' paths; they can carry a patient's name.")
@click.option("--partition-films", type=click.IntRange(min=1), help="ray: films in one Parquet file. Default: 1,000.")
def score(
    source: str,
    out: str,
    engine: str,
    model: Path | None,
    address: str | None,
    workers: int | None,
    names: bool,
    partition_films: int | None,
) -> None:
    """Score the films of SOURCE, and nothing else. The same call again goes on where it stopped.

    The local engine reads what `evaluate` reads, and writes scores.jsonl. The engine ray is for archives: it reads
    folders, CSVs (file,label) and addresses in object stores, and writes partitions of Parquet.

    Exit status 0: all scored; 1: some refused or left out (with ray, whose partitions hold the reasons of refusals:
    some left out, or the job is not complete); 2: wrong use.
    """
    from pneumo_core.models import active_model_folder

    if address == "":
        raise click.BadParameter(
            "It is empty. Expected is host:port, or auto. Please name one, or leave it out.", param_hint="--address"
        )
    folder = active_model_folder(model or models_folder())

    if engine == "ray":
        from pneumo_core.evaluate import FILMS_PER_PARTITION, list_archive, plan_job, ray_cluster, score_archive

        with ray_cluster(address, workers) as count:
            archive = list_archive(source)
            for problem in archive.problems:
                _tell(f"left out: {problem}")
            job = plan_job(archive, folder, names, partition_films or FILMS_PER_PARTITION)
            score_archive(archive, job, folder, out, count, _tell_progress)
        if archive.problems:
            raise SystemExit(1)
        return
    if address is not None or workers is not None or names or partition_films is not None:
        raise click.UsageError("--address, --workers, --names and --partition-films go with --engine ray.")
    if "://" in source or "://" in out:
        raise click.UsageError("An address in an object store is for --engine ray. Please add it, or name a folder.")

    from pneumo_core.data import open_source
    from pneumo_core.evaluate import run_source
    from pneumo_core.keras_network import load_classifier

    films = open_source(Path(source))
    for problem in films.problems:
        _tell(f"left out: {problem}")
    _tell_damaged(Path(out))
    scores = run_source(films, load_classifier(folder), Path(out), _tell_progress)
    if refused := sum(score.logit is None for score in scores):
        _tell(f"refused: {counted(refused, 'film')}; each one's reason stands in {SCORES_FILE}.")
    if refused or films.problems:
        raise SystemExit(1)


@commands.command()
@click.option("--record", is_flag=True, help="Write down how the model in use scores the samples: the known answers.")
def doctor(record: bool) -> None:
    """Check versions, device, model and known answers. Exit status 0: all well; 1: something is wrong."""
    from importlib import metadata

    _tell(f"Python {sys.version.split()[0]}", err=False)
    for package in ("tensorflow", "keras", "tf-keras-vis", "streamlit", "opencv-python-headless", "pydicom"):
        _tell(f"{package} {metadata.version(package)}", err=False)

    from pneumo_core.keras_network import load_classifier
    from pneumo_core.models import active_model_folder
    from pneumo_core.network import check_known_answers, record_known_answers

    folder = active_model_folder(own_models_folder() if record else models_folder())
    classifier = load_classifier(folder)
    card = classifier.card
    _tell(f"device: {classifier.device}", err=False)
    _tell(f"model: {card.name}, weights {card.weights_sha256[:12]}, and its card belongs to them", err=False)

    if record:
        record_known_answers(classifier, folder)
    answers = check_known_answers(classifier, folder)
    if answers.largest_difference is not None:
        _tell(
            f"known answers: {answers.samples} samples, largest difference in probability "
            f"{answers.largest_difference:.5f}",
            err=False,
        )
    if answers.problem:
        raise ModelError(answers.problem)
    _tell("all well", err=False)


@commands.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--films", type=click.IntRange(1), default=104, show_default=True, help="How many, spread over SOURCE.")
@click.option("--record", is_flag=True, help="Keep it in the folder of the model in use: the page Learn shows it.")
def survey(source: Path, films: int, record: bool) -> None:
    """Test the heat maps of many films of SOURCE (as in evaluate): do they depend on what the network learnt?"""
    from pneumo_core.data import open_source
    from pneumo_core.explain import (
        SURVEY_FILE,
        ExplanationTester,
        prepared_samples,
        survey_films,
        survey_rows,
        write_survey,
    )
    from pneumo_core.keras_network import load_classifier
    from pneumo_core.models import active_model_folder

    folder = active_model_folder(own_models_folder() if record else models_folder())
    classifier = load_classifier(folder)
    tester = ExplanationTester(classifier, prepared_samples(classifier.card.preprocessing))
    found = survey_films(
        tester,
        open_source(source),
        films,
        _tell_progress,
    )
    for row in survey_rows(found):
        _tell(f"{row['Asked']}: {row['Found']}, n = {row['n']}", err=False)
    if record:
        write_survey(found, folder / SURVEY_FILE)


@commands.command("fit-gate")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--model", help="A model's name, or its folder; default: the model in use.")
def fit_gate_command(data: Path, model: str | None) -> None:
    """Fit a model's input gate, by the films in DATA that it was trained on and validated with.

    Exit status 0: the model has it; 1: it is not worth keeping, and the model is as it was; 2: wrong use.
    """
    from pneumo_core.files import file_sha256
    from pneumo_core.keras_network import load_classifier
    from pneumo_core.models import HASH_DIGITS, gate_in_words
    from pneumo_core.train import fit_gate_of

    # The gate is written into it.
    own_models_folder()
    folder = _model_folder(model)
    classifier = load_classifier(folder)
    parts: dict[str, list[Path]] = {"training": [], "validation": []}
    for path in sorted(data.rglob("*")):
        if path.is_file() and classifier.known is not None:
            part = classifier.known.hashes.get(file_sha256(path)[:HASH_DIGITS])
            if part is not None:
                parts[part].append(path)
    if not all(parts.values()):
        raise DataError(
            f"{data} holds {len(parts['training'])} films that {classifier.card.name} was trained on and "
            f"{len(parts['validation'])} that it was validated with. Expected are some of both, as its list of known "
            "films names them. Please name the folder that it was trained from."
        )

    def report(done: int, of: int) -> bool:
        _tell(f"\r{done} of {of} pictures", nl=done == of)
        return True

    fit_gate_of(classifier, folder, parts["training"], parts["validation"], report)
    click.echo("\n".join(gate_in_words(folder, classifier.card.weights_sha256)))


@commands.command("recalibrate")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new model's folder, named as it.")
@click.option("--copy", "copies", multiple=True, type=click.Path(path_type=Path), help="As the model was trained with.")
@click.option("--model", help="A model's name, or its folder; default: the model in use.")
def recalibrate_command(data: Path, out: Path, copies: tuple[Path, ...], model: str | None) -> None:
    """Choose the probability and the operating points of a model again, as training does now, and test them.

    DATA is what it was trained from. The network stays; the new model is put in use by `models promote`.
    """
    from pneumo_core.train import recalibrate

    _tell_points(recalibrate(_model_folder(model), data, copies, out, _tell))


@commands.command("blend")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new model's folder, named as it.")
@click.option(
    "--copy", "copies", multiple=True, type=click.Path(path_type=Path), help="As the models were trained with."
)
@click.option("--model", "models", multiple=True, required=True, help="A model's name, or its folder; two or more.")
def blend_command(data: Path, out: Path, copies: tuple[Path, ...], models: tuple[str, ...]) -> None:
    """Make one model of several that were trained with the same films: its score is the mean of theirs.

    DATA is what they were trained from. The operating points are chosen anew, on the validation films. What their
    backbones have in common runs once. Afterwards `fit-gate` gives it an input gate, `models promote` puts it in use.
    """
    from pneumo_core.train import blend

    folders = [_model_folder(model) for model in models]
    _tell_points(blend(folders, data, copies, out, _tell))


def _tell_points(card: "ModelCard") -> None:
    from pneumo_core.models import result_table

    for point in card.operating_points:
        click.echo(f"{point.name}: {point.threshold:.4f}, {point.chosen_for}")
    click.echo("\n".join(result_table(card.test)))


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


def _user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        # A container's user need not have a name.
        return ""


def _on_terminal() -> bool:
    return sys.stdin.isatty()


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


_who = click.option("--who", default=_user, help="Who decides it. Default: the name of the system's user.")
_note = click.option("--note", required=True, help="Why, in one line.")


@commands.command("hash-passphrase")
def hash_passphrase_command() -> None:
    """Ask for a passphrase, and print what PNEUMO_PASSPHRASE_HASH is to hold for sign-in by it."""
    from pneumo_core.serve import hash_passphrase

    click.echo(hash_passphrase(click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)))


@commands.group("audit-log")
def audit_log() -> None:
    """The log of who did what with which film, where PNEUMO_AUDIT_LOG names one."""


@audit_log.command()
@click.argument("file", envvar=AUDIT_LOG_VARIABLE, type=click.Path(path_type=Path))
def verify(file: Path) -> None:
    """Check that no line of FILE (default: the log in use) was changed, moved or taken out. Exit status 0: none; 1."""
    found = verify_audit_log(file)
    if found.broken:
        raise DataError(
            f"{file}: line {found.broken} is not as it was written, or the one before it is missing. The "
            f"{counted(found.lines, 'line')} above it are whole."
        )
    torn = f", {counted(found.torn, 'line')} torn by a crash" if found.torn else ""
    click.echo(f"{counted(found.lines, 'line')}{torn}, chain whole; the last one's hash is {found.end}")


@commands.group()
def models() -> None:
    """The models in the folder of models: list, promote, roll-back, delete, export, import."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of words.")
def list_command(as_json: bool) -> None:
    """List the models, the one in use with a star: AUC on test films (else validation) with its 95 % interval."""
    from pneumo_core.models import area_with_films, list_models, nearly_one_threshold, thresholds_in_words

    for entry in list_models(models_folder()):
        card = entry.card
        films = "test" if card and card.test else "validation"
        results = (card.test or card.validation) if card else ()
        if as_json:
            found = results[0].area_under_roc if results else None
            line = {
                "name": entry.name,
                "in_use": entry.is_active,
                "imported": entry.is_imported,
                "bytes": entry.size,
                "created": card.created if card else None,
                "architecture": card.architecture if card else None,
                "weights_sha256": card.weights_sha256 if card else None,
                "auc_on": films if results else None,
                "auc": _number(found.value) if found else None,
                "auc_ci": [_number(found.low), _number(found.high)] if found else None,
                "n": results[0].n if results else None,
                "n_pneumonia": results[0].n_pneumonia if results else None,
                "thresholds": {point.name: point.threshold for point in card.operating_points} if card else None,
                "problem": entry.problem or None,
            }
            click.echo(json.dumps(line))
            continue
        star = "*" if entry.is_active else " "
        words = f"{entry.size / 1e6:.1f} MB"
        if card:
            words = (
                f"{card.architecture}, made {card.created}, weights {card.weights_sha256[:12]}, {words}; "
                f"AUC on {films} films {area_with_films(results)}{' (as its file claims)' * entry.is_imported}; "
                f"flagged from {', '.join(f'{point} %' for point in thresholds_in_words(card.operating_points))}"
            )
            if nearly := nearly_one_threshold(card.operating_points):
                words = f"{words}. {nearly}"
        click.echo(f"{star} {entry.name}: {words}{entry.problem and ': ' + entry.problem}")


@models.command("promote")
@click.argument("name")
@_who
@_note
@click.option("--yes", is_flag=True, help="Promote it whatever speaks against it.")
def promote_command(name: str, who: str, note: str, yes: bool) -> None:
    """Put the model NAME in use; it is written down who did so, when and why.

    Where something speaks against it (no comparison with the model in use, a worse one, no input gate), it is asked
    once more on a terminal, and refused elsewhere.
    """
    from pneumo_core.models import doubts, list_models, promote

    entries = list_models(models_folder())
    against = [doubt for entry in entries if entry.name == name for doubt in doubts(entry, entries)]
    if against and not yes:
        words = f"Against promoting {name}: {' '.join(against)}"
        if not _on_terminal():
            raise DataError(f"{words} To promote it all the same, please add --yes.")
        click.confirm(f"{words} Promote it all the same?", abort=True, err=True)
    promotion = promote(own_models_folder(), name, who, note)
    click.echo(f"{promotion.to_model} is in use (before: {promotion.from_model or 'none'})")


@models.command("roll-back")
@_who
@_note
def roll_back_command(who: str, note: str) -> None:
    """Put the model in use again that was so before the last promotion."""
    from pneumo_core.models import roll_back

    promotion = roll_back(own_models_folder(), who, note)
    click.echo(f"{promotion.to_model} is in use again (before: {promotion.from_model or 'none'})")


@models.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask on a terminal.")
def delete_command(name: str, yes: bool) -> None:
    """Delete the model NAME, which must not be in use. On a terminal it is asked first."""
    from pneumo_core.models import delete_model

    if not yes and _on_terminal():
        click.confirm(f"Delete {name}, its network, card, log and scores, for good?", abort=True, err=True)
    delete_model(own_models_folder(), name)
    click.echo(f"{name} is deleted")


@models.command("export")
@click.argument("name")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The zip. Default: NAME.zip right here.")
def export_command(name: str, out: Path | None) -> None:
    """Write the model NAME as a zip for another installation."""
    from pneumo_core.models import check_model_name, export_model

    content = export_model(models_folder() / check_model_name(name))
    out = out or Path(f"{name}.zip")
    write_whole(out, content)
    click.echo(f"{out}: {len(content) / 1e6:.1f} MB")


@models.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="Of the model's new folder. Default: the zip's name without its ending.")
def import_command(file: Path, name: str | None) -> None:
    """Take a model in from FILE, a zip as `models export` writes it; it is not in use by that."""
    from pneumo_core.keras_network import import_model

    with file.open("rb") as content:
        imported = import_model(own_models_folder(), content, file.stem if name is None else name)
    click.echo(f"{imported.folder.name} is there; to put it in use: models promote {imported.folder.name} --note ...")
    _tell(imported.note)
