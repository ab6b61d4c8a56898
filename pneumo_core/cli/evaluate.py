"""Many X-rays on the command line: evaluated by their labels, or scored and nothing else."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from pneumo_core.cli.group import Age, GivenPath, GivenWord, tell, tell_progress
from pneumo_core.files import models_folder, site_mix
from pneumo_core.wording import counted

if TYPE_CHECKING:
    from pneumo_core.data import Source
    from pneumo_core.evaluate import Assessment
    from pneumo_core.stats import Mix


@click.command()
@click.argument("source", type=GivenPath())
@click.option("--model", type=GivenPath(), help="A model's folder; default: the model in use.")
@click.option("--out", type=GivenPath(file_okay=False), help="Write scores, tables and report here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
@click.option("--resume", is_flag=True, help="Go on with the run that stands in --out.")
@click.option("--against", type=GivenPath(), help="Another model's folder: paired differences.")
@click.option("--age", type=Age(), help="The patients' age where file and table tell none: 45, 45Y, 8M, 3W, 10D.")
@click.option("--names", is_flag=True, help="File names in the files and in JSON; they can carry a patient's name.")
def evaluate(
    source: Path,
    model: Path | None,
    out: Path | None,
    as_json: bool,
    resume: bool,
    against: Path | None,
    age: float | None,
    names: bool,
) -> None:
    """Evaluate the model on SOURCE: a folder (NORMAL, PNEUMONIA), a CSV (file,label,age) or a zip.

    Without labels (a CSV may have the column file alone) the films are listed, the highest probability first.

    Exit status 0: all scored; 1: some refused or left out; 2: wrong use.
    """
    from pneumo_core.data import open_source
    from pneumo_core.evaluate import evaluation_data, has_run, write_evaluation

    if out and has_run(out) and not resume:
        raise click.UsageError(
            f"{out} holds a run already. Please add --resume to go on with it, or name a new folder."
        )
    mix = site_mix()
    films = replace(open_source(source), age_years=age)
    _tell_left_out(films, out)
    assessment, other = _assessed(films, out, model, against)
    left_out = films.problems if names else films.nameless_problems
    listed = [film.name for film in films.films]
    data = evaluation_data(assessment, left_out, other, films.notes, mix) if out or as_json else {}
    if out:
        write_evaluation(out, assessment, data, left_out, listed if names else None, films.notes, mix)
    for score in assessment.refused:
        tell(f"refused: {listed[score.number]}: {score.reason}")
    if as_json:
        click.echo(json.dumps(data))
    else:
        _say(assessment, other, listed, mix)
    raise SystemExit(1 if assessment.refused or films.problems else 0)


def _tell_left_out(films: "Source", out: Path | None) -> None:
    """Tell of files that are not scored, how the others were understood, and which are scored again."""
    from pneumo_core.evaluate import SCORES_FILE, damaged_lines

    for problem in films.problems:
        tell(f"left out: {problem}")
    for note in films.shown_notes:
        tell(f"note: {note}")
    if out and (damaged := damaged_lines(out)):
        are = "is" if damaged == 1 else "are"
        tell(f"{counted(damaged, 'line')} of {SCORES_FILE} {are} damaged. Their X-rays are scored again.")


def _assessed(
    films: "Source", out: Path | None, model: Path | None, against: Path | None
) -> "tuple[Assessment, Assessment | None]":
    """Score X-rays with a model and, where one is named, with another; give what the runs say of them."""
    from pneumo_core.evaluate import assess_folder, run_source
    from pneumo_core.keras_network import load_classifier
    from pneumo_core.models import active_model_folder

    named = [(model or models_folder(), "")] + ([(against, "against")] if against else [])
    # All before minutes of scoring, so that a wrong path is said at once.
    folders = [(active_model_folder(path), part) for path, part in named]
    loaded = [(load_classifier(folder), folder, part) for folder, part in folders]
    found = []
    with _kept_in(out) as kept:
        for classifier, folder, part in loaded:
            run_source(films, classifier, kept / part, tell_progress)
            found.append(assess_folder(kept / part, folder))
    return found[0], found[1] if against else None


@contextmanager
def _kept_in(out: Path | None) -> Iterator[Path]:
    """Give the folder where scores are kept: the one named, else one that is gone afterwards."""
    if out:
        yield out
    else:
        with TemporaryDirectory() as temporary:
            yield Path(temporary)


def _say(assessment: "Assessment", other: "Assessment | None", listed: Sequence[str], mix: "Mix | None") -> None:
    """Print an evaluation in words; without labels, the X-rays."""
    from pneumo_core.evaluate import asked_of, verdict_in_words, worklist_order

    card, cohort = assessment.card, assessment.cohort
    click.echo(
        f"{card.name}, balanced point {_thresholds(assessment)}: "
        f"{counted(assessment.films, 'X-ray')}, {len(assessment.refused)} refused, "
        f"{len(cohort)} with score and label ({int(cohort.has_pneumonia.sum())} with pneumonia)"
    )
    if len(cohort):
        _say_figures(assessment, mix)
        if other:
            _say_comparison(assessment, other)
    else:
        for score, probability in worklist_order(assessment):
            line = f"{100 * probability:5.1f} %  " if asked_of(score, card).populations else "   none  "
            if assessment.is_mixed:
                line += f"{asked_of(score, card).name}, {verdict_in_words(score, card, 'balanced')}  "
            click.echo(f"{line}{listed[score.number]}")


def _thresholds(assessment: "Assessment") -> str:
    parts = [(part.population.name, part.threshold("balanced")) for part in assessment.parts]
    if not parts:
        return f"{100 * assessment.threshold('balanced'):.1f} %"
    return ", ".join(f"{100 * threshold:.1f} % for {name}" for name, threshold in parts)


def _say_figures(assessment: "Assessment", mix: "Mix | None") -> None:
    from pneumo_core.evaluate import (
        figure_rows,
        group_results,
        group_words,
        honesty_lines,
        label_group_rows,
        population_rows,
        why_no_values_here,
    )

    for label, value, interval, n in figure_rows(assessment, assessment.figures("balanced")):
        click.echo(f"{label}: {value}" + (f" (95 % interval {interval}, n = {n})" if interval else ""))
    for row in (*population_rows(assessment), *label_group_rows(assessment, mix)):
        click.echo(", ".join(f"{label}: {text}" for label, text in row.items() if text))
    if why := why_no_values_here(assessment, mix):
        click.echo(why)
    for group in group_results(assessment, "balanced"):
        click.echo(", ".join(f"{label}: {text}" for label, text in group_words(group).items() if text))
    for line in honesty_lines(assessment):
        click.echo(line)


def _say_comparison(assessment: "Assessment", other: "Assessment") -> None:
    from pneumo_core.evaluate import compare_assessments
    from pneumo_core.stats import comparison_lines

    both = assessment.card.name, other.card.name
    names = both if both[0] != both[1] else ("this model", "the other")
    for line in comparison_lines(compare_assessments(assessment, other), *names):
        click.echo(line)
    if assessment.patients_repeat:
        click.echo("Patients repeat, but X-rays count as independent here. These intervals are too narrow.")


@click.command()
@click.argument("source")
@click.option(
    "--out",
    required=True,
    type=GivenWord("a folder, or an address in an object store"),
    help="Where the scores go: a folder; with ray also an address (s3://...).",
)
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--model", type=GivenPath(), help="A model's folder; default: the model in use.")
@click.option(
    "--address",
    type=GivenWord("host:port, or auto"),
    help="ray: the head's host:port, or auto. Default: a cluster on this machine alone.",
)
@click.option("--workers", type=click.IntRange(min=1), help="ray: how many hold the model. Default: one a core.")
@click.option("--age", type=Age(), help="The patients' age where file and table tell none: 45, 45Y, 8M, 3W, 10D.")
@click.option("--names", is_flag=True, help="ray: add the X-rays' paths; they can carry a patient's name.")
@click.option("--partition-films", type=click.IntRange(min=1), help="ray: X-rays in one Parquet file. Default: 1,000.")
def score(
    source: str,
    out: str,
    engine: str,
    model: Path | None,
    address: str | None,
    workers: int | None,
    age: float | None,
    names: bool,
    partition_films: int | None,
) -> None:
    """Score the X-rays of SOURCE, and nothing else. The same call again goes on where it stopped.

    The local engine reads what `evaluate` reads, and writes scores.jsonl. The engine ray is for archives: it reads
    folders, CSVs (file,label) and addresses in object stores, and writes partitions of Parquet.

    Exit status 0: all scored; 1: some refused or left out (with ray, whose partitions hold the reasons of refusals:
    some left out, or the job is not complete); 2: wrong use.
    """
    from pneumo_core.models import active_model_folder

    folder = active_model_folder(model or models_folder())
    if engine == "ray":
        is_whole = _score_archive(source, folder, out, address, workers, names, partition_films, age)
    elif address is not None or workers is not None or names or partition_films is not None:
        raise click.UsageError("--address, --workers, --names and --partition-films go with --engine ray.")
    elif "://" in source or "://" in out:
        raise click.UsageError("An address in an object store is for --engine ray. Please add it, or name a folder.")
    else:
        is_whole = _score_here(Path(source), folder, Path(out), age)
    if not is_whole:
        raise SystemExit(1)


def _score_archive(
    source: str,
    model: Path,
    out: str,
    address: str | None,
    workers: int | None,
    names: bool,
    partition_films: int | None,
    age: float | None,
) -> bool:
    """Score with ray; False where files were left out."""
    from pneumo_core.evaluate import FILMS_PER_PARTITION, list_archive, plan_job, ray_cluster, score_archive

    with ray_cluster(address, workers) as count:
        archive = list_archive(source)
        for problem in archive.problems:
            tell(f"left out: {problem}")
        for note in archive.notes:
            tell(f"note: {note}")
        job = plan_job(archive, model, names, partition_films or FILMS_PER_PARTITION, age)
        score_archive(archive, job, model, out, count, tell_progress)
    return not archive.problems


def _score_here(source: Path, model: Path, out: Path, age: float | None) -> bool:
    """Score on this machine; False where X-rays were refused or files left out."""
    from pneumo_core.data import open_source
    from pneumo_core.evaluate import SCORES_FILE, run_source
    from pneumo_core.keras_network import load_classifier

    films = replace(open_source(source), age_years=age)
    _tell_left_out(films, out)
    scores = run_source(films, load_classifier(model), out, tell_progress)
    if refused := sum(score.logit is None for score in scores):
        tell(f"refused: {counted(refused, 'X-ray')}; each one's reason stands in {SCORES_FILE}.")
    return not (refused or films.problems)
