"""Kill training runs, batch runs and saves with SIGKILL, and look at what stands."""

import hashlib
import json
import random
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from benchmarks.faults.setting import (
    IN_USE,
    OTHER,
    Case,
    Setting,
    answer,
    begin,
    command,
    damage,
    draw_films,
    kill,
    left_over,
    losses,
)
from pneumo_core.cli import commands
from pneumo_core.evaluate import SCORES_FILE, read_scores
from pneumo_core.keras_network import load_network, save_network
from pneumo_core.models import CHALLENGE_FILE, NETWORK_FILE, STORED_SCORES_FILE, read_card, read_log, write_card
from pneumo_core.network import record_known_answers
from pneumo_core.train import (
    CHECKPOINT_FILE,
    STATE_FILE,
    Plan,
    Recipe,
    State,
    partial_folder,
    plan_run,
    read_state,
    write_state,
)

RECIPE = Recipe(
    architecture="SmallCNN",
    size=32,
    epochs=6,
    batch_size=8,
    frozen_normalization=False,
    augmentations=("tone", "noise"),
)
# How often each stage of a run is to be hit; the state names all of them but one.
WRITING = "writing the model"
STAGES = {
    "waiting": 1,
    "reading the films": 3,
    "training": 8,
    "choosing thresholds": 2,
    "testing": 2,
    WRITING: 5,
    "comparing with the model in use": 3,
}
# After so many kills a run may end, and is compared with the one that was never killed.
KILLS_OF_A_RUN = 6
REPORT_FILES = ("evaluation.json", "films.csv", "evaluation.html")


def training_kills(setting: Setting, count: int, chance: random.Random) -> Case:
    """Kill training runs in all their stages; resume each until it ends."""
    case, stages = Case("training, killed"), Counter[str]()
    whole = _planned(setting, "whole")
    seconds = _timed(setting, whole)
    expected = answer(lambda: _result(setting.models / whole.name))
    runs = 0
    while case.done < count:
        runs += 1
        folder = _planned(setting, f"run-{runs}")
        epochs = kills = 0
        is_over = False
        while not is_over:
            stage = chance.choices(list(STAGES), list(STAGES.values()))[0]
            is_last = kills == KILLS_OF_A_RUN or case.done == count
            process = _resumed(setting, folder)
            if not is_last and _is_reached(setting, folder, process, stage):
                time.sleep(chance.uniform(0, seconds.get(stage, 0.5)))
                stage = _stage(setting, folder)
                if kill(process, case):
                    kills += 1
                    stages[stage] += 1
                    lost = losses(lambda folder=folder, epochs=epochs: _after_kill(setting, folder, epochs))
                    epochs = _epochs(folder)
                    case.lost += [f"{folder.name}, killed while {stage}: {problem}" for problem in lost]
                    continue
            process.join()
            is_over = True
            if process.exitcode:
                case.lost.append(f"{folder.name} cannot go on: {_tail(setting, folder)}")
        found = answer(lambda folder=folder: _result(setting.models / folder.name))
        case.lost += [f"{folder.name}: other {what}" for what in expected if found.get(what) != expected[what]]
        case.lost += [f"{folder.name}: {path} is left" for path in left_over(folder, setting.models)]
        shutil.rmtree(setting.models / folder.name, ignore_errors=True)
    case.facts = [
        f"{case.done} kills in {runs} runs: {_in_words(stages)}",
        f"{runs} of {runs} runs ended as the one that was never killed (log of epochs, weights, scores, comparison)"
        if not case.lost
        else "not all runs ended as the one that was never killed",
    ]
    return case


def batch_kills(setting: Setting, count: int, chance: random.Random) -> Case:
    """Kill batch runs while they read, score and write their report; resume each until it ends."""
    case, stages = Case("batch, killed"), Counter[str]()
    films = setting.folder / "films"
    draw_films(films, 200)
    outs = setting.folder / "batch"
    started = time.monotonic()
    _evaluated(films, outs / "whole").join()
    seconds = time.monotonic() - started
    expected = read_scores(outs / "whole")
    largest, runs = 0.0, 0
    while case.done < count:
        runs += 1
        out = outs / f"run-{runs}"
        kills = 0
        while True:
            process = _evaluated(films, out)
            if kills < KILLS_OF_A_RUN and case.done < count:
                done = len(read_scores(out))
                # Before the first new score films are read; beyond the last one lies the report.
                wanted = min(chance.randint(done, len(expected) + len(expected) // 4), len(expected))
                while process.is_alive() and len(read_scores(out)) < wanted:
                    time.sleep(0.001)
                time.sleep(chance.uniform(0, seconds / 20))
                if kill(process, case):
                    kills += 1
                    now = len(read_scores(out))
                    stages["reading" if now == done else "scoring" if now < len(expected) else "report"] += 1
                    if now < done:
                        case.lost.append(f"{out.name}: of {done} scores {now} are left")
                    case.lost += [f"{out.name}: {name} is cut short" for name in _half_reports(out, outs / "whole")]
                    continue
            process.join()
            break
        found = read_scores(out)
        if [(score.number, score.sha256) for score in found] != [(score.number, score.sha256) for score in expected]:
            case.lost.append(f"{out.name}: {len(found)} scores of {len(expected)} films, or in another order")
        else:
            largest = max([largest, *(abs(a.logit - b.logit) for a, b in zip(found, expected, strict=True))])
        lines = (out / SCORES_FILE).read_bytes().count(b"\n")
        if lines != len(expected) or process.exitcode:
            case.lost.append(f"{out.name}: {lines} lines of {len(expected)} films, exit status {process.exitcode}")
        case.lost += [f"{out.name}: {path} is left" for path in left_over(out)]
    case.facts = [
        f"{case.done} kills in {runs} runs of {len(expected)} films: {_in_words(stages)}",
        f"every film once; logits differ by at most {largest:.1e} from those of the run that was never killed",
    ]
    if largest > 1e-4:
        case.lost.append(f"logits differ by {largest:.1e}")
    return case


def save_kills(setting: Setting, count: int, chance: random.Random) -> Case:
    """Kill saves of every kind while they are done again and again."""
    case, kinds = Case("saves, killed"), Counter[str]()
    place = setting.folder / "saves"
    place.mkdir()
    shutil.copytree(setting.models / IN_USE, place / "model")
    export = setting.folder / "other.zip"
    answer(lambda: command("models", "export", OTHER, "--out", str(export)))
    saves = _saves(setting, place, export)
    left = 0
    for number in range(count):
        kind, save = list(saves.items())[number % len(saves)]
        mark = place / "begun"
        mark.unlink(missing_ok=True)
        process = begin(lambda save=save, mark=mark: _again_and_again(save, mark), setting.folder / "saves.txt")
        rounds, begun = chance.randint(2, 4), []
        while process.is_alive() and len(begun) < rounds:
            if _size(mark) > len(begun):
                begun.append(time.monotonic())
            time.sleep(0.001)
        # The round before tells how long one takes.
        time.sleep(chance.uniform(0, begun[-1] - begun[-2]) if process.is_alive() else 0)
        if not kill(process, case):
            case.lost.append(f"{kind} failed: {(setting.folder / 'saves.txt').read_text(encoding='utf-8')[-300:]}")
            continue
        kinds[kind] += 1
        left += len(left_over(place, setting.models))
        lost = losses(lambda: [*damage(setting, (IN_USE, OTHER)), *_half_saves(place, export)])
        case.lost += [f"{kind}: {problem}" for problem in lost]
        answer(save)
        lost = losses(lambda: [*damage(setting, (IN_USE, OTHER)), *_half_saves(place, export)])
        case.lost += [f"{kind}, done again: {problem}" for problem in lost]
        case.lost += [f"{kind}: {path} is left after the next save" for path in left_over(place, setting.models)]
    answer(lambda: command("models", "promote", IN_USE, "--yes", "--who", "harness", "--note", "as before"))
    case.facts = [
        f"{case.done} kills: {_in_words(kinds)}",
        f"they left {left} files or folders under hidden names; the next save of the same kind cleared all away",
    ]
    return case


def _planned(setting: Setting, name: str) -> Path:
    return plan_run(Plan(setting.data, setting.models / name, RECIPE, start="random"))


def _resumed(setting: Setting, folder: Path) -> BaseProcess:
    # As `start_run` does.
    write_state(folder, State("waiting"))
    return begin(lambda: commands(["train", "--resume", str(folder)]), setting.folder / f"{folder.name}.txt")


def _stage(setting: Setting, folder: Path) -> str:
    if partial_folder(setting.models / folder.name).exists():
        return WRITING
    return json.loads((folder / STATE_FILE).read_bytes())["stage"]


def _is_reached(setting: Setting, folder: Path, process: BaseProcess, stage: str) -> bool:
    while process.is_alive():
        if _stage(setting, folder) == stage:
            return True
        time.sleep(0.001)
    return False


def _timed(setting: Setting, folder: Path) -> dict[str, float]:
    """Let a run go from start to end, and give how long each stage took."""
    process, seconds, before = _resumed(setting, folder), Counter[str](), time.monotonic()
    while process.is_alive():
        time.sleep(0.001)
        now = time.monotonic()
        seconds[_stage(setting, folder)] += now - before
        before = now
    if process.exitcode:
        raise RuntimeError(_tail(setting, folder))
    return dict(seconds)


def _epochs(folder: Path) -> int:
    """Give how many epochs a run's checkpoint holds."""
    if not (folder / CHECKPOINT_FILE).is_file():
        return 0
    with np.load(folder / CHECKPOINT_FILE) as stored:
        return int(stored["counts"][0])


def _after_kill(setting: Setting, folder: Path, epochs_before: int) -> list[str]:
    """Say what is wrong after a kill."""
    lost, epochs = damage(setting), _epochs(folder)
    logged = [entry["epoch"] for entry in read_log(folder)]
    # The line is written before the checkpoint: one too many is taken back.
    if logged != list(range(1, len(logged) + 1)) or len(logged) not in (epochs, epochs + 1):
        lost.append(f"log of the epochs {logged} beside a checkpoint of {epochs}")
    if epochs < epochs_before:
        lost.append(f"of {epochs_before} epochs {epochs} are left")
    if (folder / NETWORK_FILE).is_file():
        load_network(folder / NETWORK_FILE)
    if (stage := read_state(folder).stage) not in ("interrupted", "done"):
        lost.append(f"the run is said to be {stage}")
    return lost


def _result(model: Path) -> dict[str, str]:
    """Give all that must be the same of a model whose run was killed, and of one whose run was not."""
    weights = hashlib.sha256(b"".join(part.tobytes() for part in load_network(model / NETWORK_FILE).get_weights()))
    log = [{name: value for name, value in entry.items() if name != "seconds"} for entry in read_log(model)]
    challenge = json.loads((model / CHALLENGE_FILE).read_bytes())
    card = read_card(model)
    return {
        "weights": weights.hexdigest(),
        "log of epochs": json.dumps(log),
        "scores": (model / STORED_SCORES_FILE).read_text(encoding="utf-8"),
        "figures": str((card.first.calibration, card.first.operating_points, card.first.validation, card.first.test)),
        "comparison": json.dumps([challenge["pairs"], challenge["copies"]]),
    }


def _tail(setting: Setting, folder: Path) -> str:
    return (setting.folder / f"{folder.name}.txt").read_text(encoding="utf-8", errors="replace")[-500:]


def _evaluated(films: Path, out: Path) -> BaseProcess:
    out.mkdir(parents=True, exist_ok=True)
    words = ["evaluate", str(films), "--out", str(out), "--resume"]
    return begin(lambda: commands(words), out.parent / f"{out.name}.txt")


def _half_reports(out: Path, whole: Path) -> list[str]:
    """Name the files of a report that are there and end otherwise than whole ones do."""
    names = [name for name in REPORT_FILES if (out / name).is_file()]
    return [name for name in names if (out / name).read_bytes()[-8:] != (whole / name).read_bytes()[-8:]]


def _saves(setting: Setting, place: Path, export: Path) -> dict[str, Callable[[], object]]:
    model = place / "model"
    taken = "taken-in"
    said = ("--who", "harness", "--note", "again")

    def promote() -> None:
        for name in (OTHER, IN_USE):
            command("models", "promote", name, "--yes", *said)

    def roll_back() -> None:
        command("models", "promote", OTHER, "--yes", *said)
        command("models", "roll-back", *said)

    def import_and_delete() -> None:
        command("models", "delete", taken, "--yes")
        command("models", "import", str(export), "--name", taken)

    def network() -> None:
        save_network(load_network(setting.models / IN_USE / NETWORK_FILE), model / NETWORK_FILE)

    def card() -> None:
        write_card(read_card(setting.models / IN_USE), model)

    def answers() -> None:
        from pneumo_core.keras_network import load_classifier

        record_known_answers(load_classifier(setting.models / IN_USE), model)

    return {
        "promote": promote,
        "roll back": roll_back,
        "import and delete": import_and_delete,
        "export": lambda: command("models", "export", OTHER, "--out", str(export)),
        "network": network,
        "card": card,
        "known answers": answers,
    }


def _again_and_again(save: Callable[[], object], mark: Path) -> None:
    while True:
        with mark.open("ab") as file:
            file.write(b".")
        save()


def _half_saves(place: Path, export: Path) -> list[str]:
    """Say which of the files that are saved again and again is not whole."""
    found = []
    load_network(place / "model" / NETWORK_FILE)
    for name in ("card.json", "known_answers.json"):
        try:
            json.loads((place / "model" / name).read_bytes())
        except ValueError:
            found.append(f"{name} is cut short")
    if not zipfile.is_zipfile(export) or zipfile.ZipFile(export).testzip():
        found.append("the exported zip is not whole")
    return found


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
