"""A training run in its folder: its plan, its films, how far it is. The page watches it without TensorFlow."""

import dataclasses
import itertools
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from pneumo_core.data import (
    SPLITS,
    Case,
    Listed,
    TableRules,
    cases_of_manifest,
    group_of,
    list_xrays,
    manifest_content,
    split_as_named,
    split_by_patient,
    table_of,
    untold_patients,
    without_doubles,
)
from pneumo_core.errors import BusyError, DataError
from pneumo_core.files import held, held_by, models_folder, start_holding, trainings_folder, write_whole
from pneumo_core.models import CARD_FILE, MAX_AGE, MAX_TEXT, PICTURE, check_model_name
from pneumo_core.train.plan import PLAN_FILE, Plan, read_plan, write_plan
from pneumo_core.wording import counted, disk_in_words

STATE_FILE, STOP_FILE, OUTPUT_FILE, LOCK_FILE = "state.json", "stop", "output.txt", "training.lock"
# The SHA-256 of the weights of the model that the run has made.
MADE_FILE = "weights.sha256"
# Uploads for a run lie in its folder under these names.
WEIGHTS_FILE, MANIFEST_FILE = "start.weights.h5", "split.csv"
Stage = Literal[
    "waiting",
    "reading the films",
    "training",
    "fitting the input gate",
    "choosing thresholds",
    "testing",
    "comparing with the model in use",
    "done",
    "stopped",
    "failed",
    "interrupted",
]
# These are the last words of a process.
ENDED = ("done", "stopped", "failed")


@dataclass(frozen=True, slots=True)
class State:
    """How far a run is.

    Attributes:
        done, of: films or pictures read, or steps of the epoch, as the stage goes.
        figures: loss and rates of the epoch so far.
        memory_bytes: held by the process.
        problem: why the run failed, as a sentence.
        left_out: films that could not be read, as sentences.
        written: seconds since 1970.
    """

    stage: Stage
    epoch: int = 0
    epochs: int = 0
    done: int = 0
    of: int = 0
    films_per_second: float | None = None
    seconds_left: float | None = None
    learning_rate: float | None = None
    figures: dict[str, float] = field(default_factory=dict)
    memory_bytes: int = 0
    problem: str | None = None
    left_out: tuple[str, ...] = ()
    written: float = 0.0


_STATE = TypeAdapter(State)


@contextmanager
def _disk_refusals_in_words() -> Iterator[None]:
    """Let what the disk refuses be a refusal in words.

    Raises:
        DataError: it refuses something.
    """
    try:
        yield
    except OSError as error:
        raise DataError(disk_in_words(error)) from error


@_disk_refusals_in_words()
def check_plan(plan: Plan) -> Path:
    """See that a plan can be that of a new run, but for where it starts; give the folder that the run would have.

    Raises:
        DataError: a run or a model of this name stands there already, the folders hold no films, the plan does not say
            whose films these are, or the disk refuses to be read.
        ModelError: the name is none.
    """
    folder = refuse_taken_name(plan.out)
    youngest, oldest = plan.population_years
    # A card may hold no more, or the model would be refused once it is trained.
    is_text = 0 < len(plan.population) <= MAX_TEXT and PICTURE not in plan.population
    if not is_text or not 0 <= youngest <= oldest <= MAX_AGE:
        raise DataError(
            f"The plan says that the X-rays are of '{plan.population[:40]}', {youngest:g} to {oldest:g} years old. A "
            "model card cannot say that. Expected are words and a lowest and a highest age. Please correct them."
        )
    # A run of mistyped folders would keep the name.
    listed = listed_xrays(plan)
    check_groups(plan, listed.cases)
    return folder


@_disk_refusals_in_words()
def plan_run(plan: Plan, weights: bytes | None = None, manifest: bytes | None = None) -> Path:
    """Make the folder of a new run, named as its model, and write the plan into it.

    Args:
        weights, manifest: a backbone's weights and a split that lie in no file yet: they are kept in the run's folder,
            and the plan names them there.

    Raises:
        DataError: as `check_plan` says, or the disk refuses to keep it.
        ModelError: the name is none.
    """
    folder = check_plan(plan)
    folder.mkdir(parents=True, exist_ok=True)
    if weights is not None:
        write_whole(folder / WEIGHTS_FILE, weights)
        plan = dataclasses.replace(plan, start=str(folder / WEIGHTS_FILE))
    if manifest is not None:
        write_whole(folder / MANIFEST_FILE, manifest)
        plan = dataclasses.replace(plan, manifest=folder / MANIFEST_FILE)
    before = max((_planned_at(other) for other in list_runs()), default=0)
    write_plan(plan, folder)
    if _planned_at(folder) <= before:
        # The clock was set back: the newest run comes first all the same.
        os.utime(folder / PLAN_FILE, ns=(before + 1, before + 1))
    return folder


class PlannedSplit(NamedTuple):
    """The films that a run trains on, validates with and tests on, and whole sentences on what is to be known of it."""

    training: Sequence[Case]
    validation: Sequence[Case]
    tests: Sequence[Case]
    notes: tuple[str, ...]


def planned_split(plan: Plan, manifest: bytes | None = None) -> PlannedSplit:
    """Give the films that a run trains on, validates with and tests on, and refuse data that cannot be split.

    One of several films with the same content is used, and none where their labels differ.

    Args:
        manifest: a split that the plan will name, as CSV, where that lies in no file yet.

    Raises:
        DataError: a folder, a copy or the split is not as it must be.
    """
    if len({folder.name for folder in (*plan.folders, *plan.copies)}) < len(plan.folders) + len(plan.copies):
        raise DataError(
            "Two of the data folders have the same name. Their results could not be told apart. Please rename one."
        )
    content = manifest
    if content is None and plan.manifest is not None:
        content = manifest_content(plan.manifest)
    table = "The split" if manifest is not None or plan.manifest is None else plan.manifest.name
    is_plain = len(plan.folders) == 1 and table_of(plan.data) is None
    said: tuple[str, ...] = ()
    if content is not None and is_plain:
        cases = cases_of_manifest(content, table, plan.data, plan.copies)
    else:
        listed = listed_xrays(plan)
        cases = labelled(listed)
        said = listed.notes
        if listed.problems:
            # Without the rows' own words: the notes go into the card.
            rows = counted(len(listed.problems), "row")
            said = (*said, f"The tables have {rows} that had to be left out, which the audit names.")
        if content is not None:
            cases = split_as_named(content, table, cases)
    kept, doubles = without_doubles(cases)
    kept, left = _without_patients_kept_out(plan, kept)
    untold = untold_patients(case.patient != case.name for case in kept)
    notes = (*said, *doubles.in_words(), *left, *((untold,) if untold else ()))
    parts = {split: [case for case in kept if case.split == split] for split in SPLITS}
    if content is not None:
        return PlannedSplit(parts["train"], parts["val"], parts["test"], notes)
    recipe = plan.recipe
    training, validation = split_by_patient((*parts["train"], *parts["val"]), recipe.validation_share, recipe.seed)
    return PlannedSplit(training, validation, parts["test"], notes)


def listed_xrays(plan: Plan) -> Listed:
    """List all X-rays of a plan's folders, by its rules for their tables.

    Raises:
        DataError: a folder, a table or a copy is not as it must be.
    """
    rules = [source.rules for source in plan.sources] or [TableRules()]
    return list_xrays(plan.folders, plan.copies, rules)


def labelled(listed: Listed) -> tuple[Case, ...]:
    """Give those of listed X-rays that have a label."""
    return tuple(case for case in listed.cases if case.told is None or case.told.group is not None)


def source_of(plan: Plan, case: Case) -> str:
    """Give the name of the folder that an X-ray of a plan lies in."""
    return case.name.partition("/")[0] if len(plan.folders) > 1 else plan.data.name


def population_of(plan: Plan, case: Case) -> str:
    """Give the planned population that an X-ray is of, by its source or its age; "" where neither tells one."""
    source = next((one for one in plan.sources if one.folder.name == source_of(plan, case)), None)
    if source is not None and source.population:
        return source.population
    age = case.told.age_years if case.told else None
    if age is None:
        return ""
    return next((one.name for one in plan.populations if one.years[0] <= age < one.years[1] + 1), "")


def check_groups(plan: Plan, cases: Sequence[Case]) -> None:
    """See that each group of a plan names sources of it, and that there are X-rays for it.

    Raises:
        DataError: it does not, or there are none.
    """
    names = {folder.name for folder in plan.folders}
    for group in plan.groups:
        if unknown := [name for name in (*group.sources, *group.bodies) if name not in names]:
            raise DataError(
                f"The group {group.name[:40]} names the source {unknown[0][:40]}. Expected is one of "
                f"{', '.join(sorted(names))}. Please correct the plan.",
                "plan",
            )
        if group.shown_as == "composites" and not group.bodies:
            raise DataError(
                f"The group {group.name[:40]} is of composites and names no bodies. Expected is a source of whole "
                "normal X-rays. Please name one.",
                "plan",
            )
        if not any(source_of(plan, case) in group.sources and group_of(case) in group.of for case in cases):
            raise DataError(
                f"There is no X-ray for the group {group.name[:40]}. Expected are X-rays of "
                f"{', '.join(group.of)} in its sources. Please correct the plan.",
                "plan",
            )
    alone = {case.name for case in cases if case.told and case.told.view_of == "lungs_only"}
    if plan.groups:
        shown: dict[bool, set[str]] = {True: set(), False: set()}
        for group in plan.groups:
            for case in cases:
                if source_of(plan, case) in group.sources and group_of(case) in group.of:
                    shown[group.shown_as == "as they are" and case.name in alone].add(group_of(case))
        if shown[True] and shown[False] and shown[True] != shown[False]:
            raise DataError(
                f"The plan shows X-rays of {' and '.join(sorted(shown[True]))} as lungs alone, and of "
                f"{' and '.join(sorted(shown[False]))} otherwise. Whether an X-ray is masked would tell its group. "
                "Expected are composites or lungs views. Please correct the plan.",
                "plan",
            )
    known = {population.name for population in plan.populations} | {""}
    if wrong := [source.population for source in plan.sources if source.population not in known]:
        raise DataError(
            f"A source is of the population {wrong[0][:40]}, which the plan does not name. Please correct the plan.",
            "plan",
        )


def _without_patients_kept_out(plan: Plan, cases: Sequence[Case]) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """Leave out sources that stay a check, and the X-rays of their patients in all others; say how many."""
    kept_out = {source.folder.name for source in plan.sources if source.is_kept_out}
    if not kept_out:
        return tuple(cases), ()
    checks = [case for case in cases if source_of(plan, case) in kept_out]
    patients = {case.patient for case in checks}
    kept = tuple(case for case in cases if case.patient not in patients)
    others = len(cases) - len(kept) - len(checks)
    return kept, (
        f"{counted(len(checks), 'X-ray')} stay a check and are trained on nowhere. {counted(others, 'X-ray')} of their "
        "patients in other folders were left out.",
    )


def refuse_taken_name(out: Path) -> Path:
    """Give the folder of a run that makes a model in `out`.

    Raises:
        DataError: a run or a model of this name stands there already.
        ModelError: the name is none.
    """
    name = check_model_name(out.name)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} is not empty, and a model is never overwritten. Please name a new folder.")
    folder = trainings_folder() / name
    if (folder / PLAN_FILE).is_file():
        raise DataError(
            f"There is a training run of the name {name} already. Please resume it, delete its folder "
            f"({folder}), or choose another name."
        )
    return folder


def new_model_folder(name: str) -> Path:
    """Give the folder of a new model: in the folder of models, or beside the one model that is named for it.

    Raises:
        ModelError: the name is none.
    """
    models = models_folder().absolute()
    return (models.parent if (models / CARD_FILE).is_file() else models) / check_model_name(name)


def free_name() -> str:
    """Suggest a model's name that neither a model nor a run has."""
    names = (f"my-model-{number}" for number in itertools.count(1))
    return next(
        name for name in names if not new_model_folder(name).exists() and not (trainings_folder() / name).exists()
    )


def find_run(name: str) -> Path:
    """Give the folder of the run of a name.

    Raises:
        DataError: there is none.
    """
    for folder in list_runs():
        if folder.name == name:
            return folder
    raise DataError("There is no training run of this name on this server. Please choose one of the list.")


def run_of_model(model: Path, weights_sha256: str) -> Path | None:
    """Give the folder of the run that made a model with these weights; None where it is gone."""
    folder = trainings_folder() / model.name
    mark = folder / MADE_FILE
    if not (folder / PLAN_FILE).is_file() or not mark.is_file():
        return None
    is_its_own = read_plan(folder).out.resolve() == model.resolve()
    return folder if is_its_own and mark.read_text(encoding="ascii", errors="replace") == weights_sha256 else None


def delete_run(folder: Path) -> None:
    """Delete a run's folder: plan, log, checkpoint; a model that it made stays.

    Raises:
        BusyError: the run is at work.
    """
    _wait_for_its_end(folder)
    if run_at_work() == folder.name:
        raise BusyError(f"The training run {folder.name} is at work. Please stop it first.")
    with suppress(DataError):
        shutil.rmtree(partial_folder(read_plan(folder).out), ignore_errors=True)
    # Without its plan it is no run, however far the rest gets.
    (folder / PLAN_FILE).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def partial_folder(out: Path) -> Path:
    """Give where a model is written until it is whole; a kill leaves it, until the run goes on or is deleted."""
    return out.with_name(f".{out.name}.partial")


def last_words(folder: Path, lines: int = 12) -> str:
    """Give the last lines that a run's process has printed, which may say why it ended."""
    try:
        with (folder / OUTPUT_FILE).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 8192))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def list_runs() -> list[Path]:
    """List the folders of all runs, the newest first."""
    found = (path.parent for path in trainings_folder().glob(f"*/{PLAN_FILE}"))
    return sorted(found, key=_planned_at, reverse=True)


@_disk_refusals_in_words()
def start_run(folder: Path, finish: bool = False) -> None:
    """Start a run, or let it go on, in a process of its own that outlives this one.

    Args:
        finish: no more epochs: make a model of the best one so far.

    Raises:
        BusyError: another run is at work.
        DataError: the disk refuses to keep that it has begun.
    """
    _wait_for_its_end(folder)
    (folder / STOP_FILE).unlink(missing_ok=True)
    words = ["train", "--resume", str(folder), *(["--finish"] if finish else [])]
    try:
        start_holding(_lock(), folder.name, words, folder / OUTPUT_FILE)
    except BusyError as error:
        raise BusyError(busy_in_words()) from error
    # The run is at work, whether this can be written or not; it says itself how far it is.
    with suppress(OSError):
        write_state(folder, State("waiting"))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the one place for a run at work.

    Raises:
        BusyError: another run is at work.
    """
    try:
        with held(_lock(), folder.name):
            yield
    except BusyError as error:
        raise BusyError(busy_in_words()) from error


def run_at_work() -> str | None:
    """Name the run that is at work; None if none is."""
    return held_by(_lock())


def ask_to_stop(folder: Path) -> None:
    """Ask a run to stop after the step at hand; its best network so far is kept."""
    (folder / STOP_FILE).touch()


def is_asked_to_stop(folder: Path) -> bool:
    """True where somebody has asked a run to stop."""
    return (folder / STOP_FILE).exists()


def write_state(folder: Path, state: State) -> None:
    """Write down how far a run is."""
    write_whole(folder / STATE_FILE, _STATE.dump_json(state) + b"\n")


def read_state(folder: Path) -> State:
    """Say how far a run is; "interrupted" where its process is gone without a word."""
    try:
        state = _STATE.validate_json((folder / STATE_FILE).read_bytes())
    except (OSError, ValidationError):
        state = State("waiting")
    if state.stage not in ENDED and run_at_work() != folder.name:
        fields = {name: getattr(state, name) for name in State.__dataclass_fields__}
        return State(**(fields | {"stage": "interrupted"}))
    return state


def busy_in_words() -> str:
    """Say that a run is at work, where one is."""
    return (
        f"The training run {run_at_work() or ''} is at work, and one at a time has the machine. Please wait for it, or "
        "stop it first."
    )


def memory_bytes() -> int:
    """Give the memory that this process holds; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def now() -> float:
    """Give the time as a state tells it."""
    return time.time()


def _planned_at(folder: Path) -> int:
    return (folder / PLAN_FILE).stat().st_mtime_ns


def _wait_for_its_end(folder: Path, seconds: float = 15) -> None:
    """Wait for the process of a run that has said its last word: TensorFlow takes a while to let go of all."""
    end = time.monotonic() + seconds
    while run_at_work() == folder.name and read_state(folder).stage in ENDED and time.monotonic() < end:
        time.sleep(0.1)


def _lock() -> Path:
    return trainings_folder() / LOCK_FILE
