"""The models of an installation: listed, put in use and back, deleted, exported, imported.

`active.txt` names the model in use. `promotions.jsonl` beside it says who put it in use, when and why. The log is
written first and `active.txt` second, so that no model is ever in use that the log does not name. A stop between the
two leaves a last entry that had no effect. Each entry names the model in use before it, and `active.txt` the one in use
now. So the next reader knows (`_in_use`), also when somebody wrote `active.txt` by hand.
"""

import datetime
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from pneumo_core.errors import BusyError, ModelError
from pneumo_core.files import file_sha256, files_stamp, held, write_whole
from pneumo_core.gate import GATE_FILE, MAX_GATE_BYTES, NO_GATE
from pneumo_core.models.card import (
    ACTIVE_FILE,
    CARD_FILE,
    CARD_TEXT_FILE,
    KNOWN_ANSWERS_FILE,
    KNOWN_HEAT_MAPS_FILE,
    LOG_FILE,
    LUNGS_CARD_FILE,
    LUNGS_FILE,
    NETWORK_FILE,
    PROMOTIONS_FILE,
    STORED_SCORES_FILE,
    ModelCard,
    active_model_folder,
    check_model_name,
    read_card,
)
from pneumo_core.models.gate_record import MAX_RECORD_BYTES, RECORD_FILE, gate_in_words
from pneumo_core.models.known_films import KNOWN_FILMS_FILE

MAX_WORDS = 200
# Lies in the folder of a model that was imported, and holds when.
IMPORTED_FILE = "imported.txt"
# A zip of a model may hold these members, each up to this many bytes.
MEMBER_LIMITS = {
    NETWORK_FILE: 2**30,
    CARD_FILE: 2**20,
    CARD_TEXT_FILE: 2**20,
    KNOWN_ANSWERS_FILE: 2**16,
    KNOWN_HEAT_MAPS_FILE: 2**20,
    LUNGS_FILE: 2**26,
    LUNGS_CARD_FILE: 2**18,
    GATE_FILE: MAX_GATE_BYTES,
    RECORD_FILE: MAX_RECORD_BYTES,
    LOG_FILE: 16 * 2**20,
    KNOWN_FILMS_FILE: 64 * 2**20,
    STORED_SCORES_FILE: 64 * 2**20,
}
# Without the scores: they name each film by its file, and a file's name can carry a patient's.
EXPORTED = tuple(sorted(MEMBER_LIMITS.keys() - {STORED_SCORES_FILE}))
_LOCK_FILE = ".models.lock"
_WORK_FOLDER = ".models-at-work-"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model's folder as a list shows it.

    Attributes:
        card: None where the model cannot be used.
        problem: why it cannot be used, as a sentence; "" where it can.
        size: of all its files, in bytes.
        is_imported: its figures are those that a file claimed.
        input_gate: whether it has one, and what that refuses or why there is none, as sentences; none where the model
            cannot be used.
    """

    name: str
    folder: Path
    card: ModelCard | None
    problem: str
    is_active: bool
    size: int
    is_imported: bool
    input_gate: tuple[str, ...]

    @property
    def has_input_gate(self) -> bool:
        return NO_GATE not in self.input_gate


@dataclass(frozen=True, slots=True)
class Promotion:
    """One change of the model in use: when (UTC, ISO 8601, to the second), by whom, why, from what and to what.

    `from_model` and `from_weights` (SHA-256) are None where no model was in use.
    """

    at: str
    kind: Literal["promoted", "rolled back"]
    who: str
    note: str
    from_model: str | None
    from_weights: str | None
    to_model: str
    to_weights: str


class _Used(NamedTuple):
    """A model in use: its name and the SHA-256 of its weights; None for no model."""

    model: str | None
    weights: str | None


_PROMOTION = TypeAdapter(Promotion)


def list_models(models: Path) -> list[ModelEntry]:
    """List the models of a folder of models by name, those that cannot be used too; reads all their weights once.

    Where the folder is itself a model, that is the only one.
    """
    if not models.is_dir():
        return []
    active = _active(models)
    if (models / CARD_FILE).is_file():
        folders = [models]
    else:
        children = (path for path in models.iterdir() if path.is_dir() and not path.name.startswith("."))
        folders = sorted(path for path in children if (path / CARD_FILE).is_file() or (path / NETWORK_FILE).is_file())
    entries = []
    for folder in folders:
        card, problem = None, ""
        input_gate: tuple[str, ...] = ()
        try:
            card = read_card(folder)
            input_gate = gate_in_words(folder, card.weights_sha256)
        except ModelError as refusal:
            problem = str(refusal)
        except OSError as error:
            problem = f"The model {folder.name} cannot be read ({error.strerror}). Please check that you may read it."
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        is_imported = (folder / IMPORTED_FILE).is_file()
        is_active = folder == active
        entries.append(ModelEntry(folder.name, folder, card, problem, is_active, size, is_imported, input_gate))
    return entries


def models_stamp(models: Path) -> tuple[object, ...]:
    """Give what differs as soon as the list of the models or the log of promotions does; reads no file."""
    return files_stamp(sorted((*models.glob("[!.]*"), *models.glob("[!.]*/*"))))


def check_reason(who: str, note: str) -> None:
    """Refuse a change of the model in use without who decides it and why.

    Raises:
        ModelError: one of them is missing, too long, or more than a line.
    """
    for what, words in (("who decides it", who), ("a note that says why", note)):
        if not words.strip() or len(words.strip()) > MAX_WORDS or not words.strip().isprintable():
            raise ModelError(
                f"A change of the model in use needs {what}: one line of 1 to {MAX_WORDS} characters. Please write it.",
                "no_reason",
            )


def promote(models: Path, name: str, who: str, note: str) -> Promotion:
    """Put a model in use.

    Args:
        name: of its folder.
        who, note: who decides it, and why; one line each, of 1 to `MAX_WORDS` characters.

    Raises:
        ModelError: there is no such model, it cannot be used or is in use; a word is missing; the folder cannot be
            written to.
    """
    check_model_name(name)
    with changing(models):
        card = read_card(models / name)
        before = _used_now(models)
        if before == (name, card.weights_sha256):
            raise ModelError(f"The model {name} is in use already. Please choose another one.", "in_use")
        return _change(models, "promoted", who, note, before, name, card.weights_sha256)


def roll_back(models: Path, who: str, note: str) -> Promotion:
    """Put the model in use again that was so before the last promotion; again and again, back to the first.

    Raises:
        ModelError: there was none before, or it is gone or has other weights now; and as `promote`.
    """
    with changing(models):
        before, now = _last_two(models)
        if before is None or before.model is None or before.weights is None:
            raise ModelError(
                f"{PROMOTIONS_FILE} names no model that was in use before this one. Please promote the model that "
                "shall be in use.",
                "no_model_before",
            )
        name, weights = before.model, before.weights
        if not (models / name).is_dir():
            raise ModelError(
                f"The model {name}, which was in use before this one, is not in {models.name} any more. Please import "
                "it again, or promote another model.",
                "model_gone",
            )
        found = read_card(models / check_model_name(name)).weights_sha256
        if found != weights:
            raise ModelError(
                f"The model {name} has other weights now ({found[:12]}) than when it was in use ({weights[:12]}), so "
                "going back to it would be a new decision. Please promote it, or another model.",
                "other_weights",
            )
        return _change(models, "rolled back", who, note, now, name, weights)


def model_before(models: Path) -> str | None:
    """Name the model that `roll_back` would go to, whether it is still there or not; None where there is none.

    Raises:
        ModelError: the log of promotions is damaged.
    """
    before, _ = _last_two(models)
    return before.model if before is not None else None


def promotions(models: Path) -> tuple[Promotion, ...]:
    """Give the log of promotions, the oldest first; a last line cut short counts as not there.

    The last one had no effect where it stands alone, that is where `active.txt` does not name its `to_model`.

    Raises:
        ModelError: another line is damaged.
    """
    path = models / PROMOTIONS_FILE
    if not path.is_file():
        return ()
    found = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            found.append(_PROMOTION.validate_json(line))
        except ValidationError as error:
            raise ModelError(
                f"Line {number} of {PROMOTIONS_FILE} is not as it was written. Please mend it, or move the file away: "
                "then there is nothing to roll back to.",
                "promotions_log",
            ) from error
    return tuple(found)


def delete_model(models: Path, name: str) -> None:
    """Delete a model's folder, never that of the model in use.

    Raises:
        ModelError: there is no such model; it is in use; it is a link; the folder cannot be written to.
    """
    folder = models / check_model_name(name)
    with changing(models):
        if folder.is_symlink() or not (folder / CARD_FILE).is_file():
            raise ModelError(
                f"{models.name} holds no model '{name}' that could be deleted. Expected is a folder of its own with a "
                f"{CARD_FILE}, no link. Please check the name.",
                "no_model",
            )
        active = _active(models)
        if active is not None and active.resolve() == folder.resolve():
            raise ModelError(f"The model {name} is in use. Please promote another one, then delete it.", "in_use")
        with work_folder(models) as hidden:
            folder.rename(hidden / name)


def export_model(folder: Path) -> bytes:
    """Give a model as a zip: always the same bytes for the same files; without `scores.csv`, which can carry names.

    Raises:
        ModelError: the model cannot be used.
    """
    read_card(folder)
    target = io.BytesIO()
    # Weights do not shrink, and what is not compressed is the same with every version of zlib.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in EXPORTED:
            if (folder / name).is_file():
                member = zipfile.ZipInfo(f"{folder.resolve().name}/{name}", _ZIP_TIME)
                member.external_attr = 0o100644 << 16
                archive.writestr(member, (folder / name).read_bytes())
    return target.getvalue()


# The model in use


def _active(models: Path) -> Path | None:
    try:
        return active_model_folder(models)
    except ModelError:
        return None


def _used_now(models: Path) -> _Used:
    """Give the model in use by its weights as they lie there: a damaged one can be replaced too."""
    folder = _active(models)
    if folder is None:
        return _Used(None, None)
    weights = folder / NETWORK_FILE
    return _Used(folder.name, file_sha256(weights) if weights.is_file() else None)


def _in_use(log: tuple[Promotion, ...], now: _Used) -> list[_Used]:
    """Give the models that can be rolled back to, the oldest first, and last the one in use now."""
    used: list[_Used] = []

    def go_on_from(found: _Used) -> None:
        # Where something else is in use than the log says: an entry had no effect, or `active.txt` was written by hand.
        if found in used:
            while used[-1] != found:
                used.pop()
        else:
            used.append(found)

    for entry in log:
        go_on_from(_Used(entry.from_model, entry.from_weights))
        to = _Used(entry.to_model, entry.to_weights)
        if entry.kind == "rolled back":
            used.pop()
            go_on_from(to)
        else:
            used.append(to)
    go_on_from(now)
    return used


def _last_two(models: Path) -> tuple[_Used | None, _Used]:
    """Give the model in use before the one in use now, None where there was none, and the one in use now."""
    used = _in_use(promotions(models), _used_now(models))
    return (used[-2] if len(used) > 1 else None), used[-1]


def utc_now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _change(
    models: Path,
    kind: Literal["promoted", "rolled back"],
    who: str,
    note: str,
    before: _Used,
    name: str,
    weights: str,
) -> Promotion:
    check_reason(who, note)
    promotion = Promotion(
        at=utc_now(),
        kind=kind,
        who=who.strip(),
        note=note.strip(),
        from_model=before.model,
        from_weights=before.weights,
        to_model=name,
        to_weights=weights,
    )
    log = models / PROMOTIONS_FILE
    content = log.read_bytes() if log.is_file() else b""
    # Without a last line that was cut short.
    content = content[: content.rfind(b"\n") + 1]
    write_whole(log, content + _PROMOTION.dump_json(promotion) + b"\n")
    try:
        write_whole(models / ACTIVE_FILE, f"{name}\n".encode())
    except OSError:
        write_whole(log, content)
        raise
    return promotion


# Changes of the folder


@contextmanager
def changing(models: Path) -> Iterator[None]:
    """Hold the folder of models, so that nobody else changes it."""
    if (models / CARD_FILE).is_file():
        raise ModelError(
            f"{models.name} is a single model's folder, and always in use. Expected is a folder of models. Please "
            "name the folder above it.",
            "single_model",
        )
    if not models.is_dir():
        raise ModelError(
            f"There is no folder of models at {models}. Please make it, or name another one.", "no_models_folder"
        )
    try:
        with held(models / _LOCK_FILE):
            yield
    except BusyError as error:
        raise ModelError(
            f"The models in {models.name} are being changed at this moment. Please try again in a minute.",
            "models_busy",
        ) from error
    except OSError as error:
        raise ModelError(
            f"The folder of models {models.name} cannot be read or written to ({error.strerror or 'unknown reason'}). "
            "Nothing was changed. Please check its permissions and the free space.",
            "models_folder",
        ) from error


@contextmanager
def work_folder(models: Path) -> Iterator[Path]:
    """Give a hidden folder that is gone afterwards. No list looks two folders deep, so nothing in it is a model."""
    # A stopped process left these behind. Nobody else is at work in here.
    for left in models.glob(f"{_WORK_FOLDER}*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_WORK_FOLDER, dir=models))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
