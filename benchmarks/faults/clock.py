"""A clock that is set back between two things that are done, or while one is."""

import asyncio
import datetime
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from benchmarks.faults.kills import RECIPE
from benchmarks.faults.setting import IN_USE, OTHER, Case, Setting, answer, begin, command, damage, losses
from pneumo_core.cli import commands
from pneumo_core.evaluate import read_scores, scores_stamp
from pneumo_core.files import held, held_by
from pneumo_core.models import active_model_folder, model_before, model_stamp, models_stamp, promotions, read_log
from pneumo_core.serve import (
    AUDIT_LOG_VARIABLE,
    AuditEvent,
    record_event,
    sessions as session_end,
    sign_in,
    verify_audit_log,
)
from pneumo_core.train import Plan, list_runs, plan_run, read_state, run as training_run, write_state

DAY = 86400.0


def set_clock(seconds: float) -> None:
    """Let this process take the time for another one, so many seconds on; what only counts on is left alone."""
    real, now = time.time, datetime.datetime

    class Shifted(now):  # type: ignore[misc, valid-type]
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return now.now(tz) + datetime.timedelta(seconds=seconds)

    time.time = lambda: real() + seconds
    datetime.datetime = Shifted  # type: ignore[misc]


def written_ahead(*folders: Path) -> None:
    """Date all files in folders as the clock said that is to be set back by a day."""
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.utime(path, (time.time() + DAY, time.time() + DAY))


def ahead(work: Callable[[], object], *folders: Path) -> None:
    """Do something while the clock is a day ahead."""

    def go() -> None:
        set_clock(DAY)
        work()

    answer(go)
    written_ahead(*folders)


def clock_cases(setting: Setting) -> list[Case]:
    """Set the clock back by a day in the middle of all that is written with a time, or waits for one."""
    case = Case("clock set back by a day")
    for check in (_promotions, _audit_log, _batch, _training, _order_of_runs, _waiting, _locks, _sign_in, _sessions):
        case.done += 1
        case.lost += [f"{check.__name__.strip('_').replace('_', ' ')}: {problem}" for problem in check(setting)]
    case.lost += losses(lambda: damage(setting))
    case.facts = [
        "promotions and their log, audit log, batch run, training run, order of runs, the wait for a run's end, locks, "
        "sign-in, ends of sessions"
    ]
    return [case]


def _promotions(setting: Setting) -> list[str]:
    said = ("--who", "harness", "--note", "clock")
    count = len(promotions(setting.models))
    ahead(lambda: command("models", "promote", OTHER, "--yes", *said), setting.models)
    stamps = models_stamp(setting.models), model_stamp(setting.models)
    answer(lambda: command("models", "roll-back", *said))
    lost = []
    if active_model_folder(setting.models).name != IN_USE:
        lost.append("not rolled back")
    if stamps[0] == models_stamp(setting.models) or stamps[1] == model_stamp(setting.models):
        lost.append("pages do not see that another model is in use")
    added = promotions(setting.models)[count:]
    if [entry.kind for entry in added] != ["promoted", "rolled back"] or added[0].at <= added[1].at:
        lost.append("the log is not in the order of what was done, or the clock was not set back")
    answer(lambda: command("models", "promote", OTHER, "--yes", *said))
    if model_before(setting.models) != IN_USE:
        lost.append("the model to go back to is another")
    answer(lambda: command("models", "roll-back", *said))
    return lost


def _audit_log(setting: Setting) -> list[str]:
    path = setting.folder / "clock-audit.jsonl"
    event = AuditEvent("read", "not signed in")
    os.environ[AUDIT_LOG_VARIABLE] = str(path)
    try:
        ahead(lambda: record_event(event))
        written_ahead(path)
        record_event(event)
    finally:
        del os.environ[AUDIT_LOG_VARIABLE]
    verified = verify_audit_log(path)
    return [] if (verified.lines, verified.torn, verified.broken) == (2, 0, None) else [str(verified)]


def _batch(setting: Setting) -> list[str]:
    films, out = setting.data / "train", setting.folder / "clock-batch"
    out.mkdir()
    words = ["evaluate", str(films), "--out", str(out), "--resume"]

    def half() -> None:
        set_clock(DAY)
        commands(words)

    process = begin(half, setting.folder / "clock-batch.txt")
    while process.is_alive() and not read_scores(out):
        time.sleep(0.001)
    process.kill()
    process.join()
    written_ahead(out)
    before, stamp = len(read_scores(out)), scores_stamp(out)
    answer(lambda: command(*words))
    numbers = [score.number for score in read_scores(out)]
    lost = [] if numbers == list(range(len(list(films.rglob("*.png"))))) else [f"{len(numbers)} scores"]
    if len(numbers) > before and stamp == scores_stamp(out):
        lost.append("pages do not see the new scores")
    return lost


def _training(setting: Setting) -> list[str]:
    folder = plan_run(Plan(setting.data, setting.models / "clock", RECIPE, start="random"))

    def first() -> None:
        set_clock(DAY)
        commands(["train", "--resume", str(folder)])

    process = begin(first, setting.folder / "clock.txt")
    while process.is_alive() and len(read_log(folder)) < 2:
        time.sleep(0.001)
    process.kill()
    process.join()
    written_ahead(folder)
    status, printed = answer(lambda: command("train", "--resume", str(folder)))
    lost = [] if status == 0 else [printed[-300:]]
    if [entry["epoch"] for entry in read_log(folder)] != list(range(1, RECIPE.epochs + 1)):
        lost.append("epochs are missing")
    if read_state(folder).stage != "done":
        lost.append(f"the run is said to be {read_state(folder).stage}")
    shutil.rmtree(setting.models / "clock")
    return lost


def _order_of_runs(setting: Setting) -> list[str]:
    first = plan_run(Plan(setting.data, setting.models / "earlier", RECIPE, start="random"))
    written_ahead(first)
    second = plan_run(Plan(setting.data, setting.models / "later", RECIPE, start="random"))
    third = plan_run(Plan(setting.data, setting.models / "latest", RECIPE, start="random"))
    found = [folder.name for folder in list_runs()][:3]
    for folder in (first, second, third):
        shutil.rmtree(folder)
    return [] if found == ["latest", "later", "earlier"] else [f"the newest first is {', '.join(found)}"]


def _waiting(setting: Setting) -> list[str]:
    """A process that has said its last word and does not end is waited for, and not for a day."""
    folder = plan_run(Plan(setting.data, setting.models / "waited", RECIPE, start="random"))

    def wait() -> float:
        real, started = time.time, time.monotonic()
        # After the wait has begun the clock goes back.
        time.time = lambda: real() - (DAY if time.monotonic() - started > 0.5 else 0)
        with training_run.alone(folder):
            write_state(folder, training_run.State("done"))
            training_run._wait_for_its_end(folder, 2)
        return time.monotonic() - started

    process = begin(lambda: (setting.folder / "waited").write_text(str(wait())), setting.folder / "waited.txt")
    process.join(10)
    is_waiting = process.is_alive()
    process.kill()
    process.join()
    shutil.rmtree(folder)
    return ["it is still waited for after five times as long"] if is_waiting else []


def _locks(setting: Setting) -> list[str]:
    lock = setting.folder / "clock.lock"
    ahead(lambda: held(lock, "first").__enter__())
    written_ahead(lock)
    lost = [] if held_by(lock) is None else ["a lock is held by nobody"]
    with held(lock, "second"):
        if held_by(lock) != "second":
            lost.append("a lock is held by another")
    return lost


def _sign_in(setting: Setting) -> list[str]:
    words = "correct horse battery"

    def enter() -> list[str]:
        sign_in.ATTEMPT_SECONDS = 1
        door = sign_in.SignIn(sign_in.Passphrase.parse(sign_in.hash_passphrase(words)), idle_seconds=8)
        for _ in range(sign_in.ATTEMPTS_OF_AN_ADDRESS):
            door.enter("wrong horse battery", "there")
        token = door.enter(words, "here")
        set_clock(-DAY)
        lost = [] if 0 < door.seconds_left(token) <= 8 else ["signed off, or for longer"]
        time.sleep(1.2)
        if door.enter(words, "there") is None:
            lost.append("refused after the time of waiting")
        time.sleep(8)
        return lost if door.seconds_left(token) == 0 else [*lost, "never signed off"]

    return answer(enter)


def _sessions(setting: Setting) -> list[str]:
    def end() -> list[str]:
        ended: list[str] = []

        async def both() -> None:
            asyncio.get_running_loop().call_later(0.3, set_clock, -DAY)
            work = session_end.end_left_sessions(lambda: ["left"], lambda name: False, ended.append, 1.0)
            await asyncio.wait_for(work, 2.5)

        with suppress(TimeoutError):
            asyncio.run(both())
        return [] if ended else ["a session that was left is kept"]

    return answer(end)
