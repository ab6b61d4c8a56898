"""The models of an installation on the command line."""

import getpass
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pneumo_core.cli.group import GivenPath, tell
from pneumo_core.errors import DataError
from pneumo_core.files import models_folder, own_models_folder, write_whole

if TYPE_CHECKING:
    from pneumo_core.models import EvaluationResult, ModelEntry


def _user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        # A container's user need not have a name.
        return ""


def _on_terminal() -> bool:
    return sys.stdin.isatty()


_who = click.option("--who", default=_user, help="Who decides it. Default: the name of the system's user.")
_note = click.option("--note", required=True, help="Why, in one line.")


@click.group()
def models() -> None:
    """The models in the folder of models: list, promote, roll-back, delete, export, import."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of words.")
def list_command(as_json: bool) -> None:
    """List the models, the one in use with a star: AUC on test X-rays (else validation) with its 95 % interval."""
    from pneumo_core.models import list_models

    for entry in list_models(models_folder()):
        click.echo(json.dumps(_data(entry)) if as_json else _in_words(entry))


def _results(entry: "ModelEntry") -> "tuple[str, tuple[EvaluationResult, ...]]":
    """Give what a model is judged by, test or validation, and the results; none where it cannot be used."""
    card = entry.card
    if card is None:
        return "validation", ()
    return ("test", card.first.test) if card.first.test else ("validation", card.first.validation)


def _data(entry: "ModelEntry") -> dict[str, Any]:
    card = entry.card
    films, results = _results(entry)
    found = results[0].area_under_roc if results else None
    return {
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
        "thresholds": {point.name: point.threshold for point in card.first.operating_points} if card else None,
        "problem": entry.problem or None,
    }


def _in_words(entry: "ModelEntry") -> str:
    from pneumo_core.models import area_with_films, nearly_one_threshold, thresholds_in_words

    card = entry.card
    words = f"{entry.size / 1e6:.1f} MB"
    if card:
        films, results = _results(entry)
        words = (
            f"{card.architecture}, made {card.created}, weights {card.weights_sha256[:12]}, {words}; "
            f"AUC on {films} X-rays {area_with_films(results)}{' (as its file claims)' * entry.is_imported}; "
            f"flagged from {', '.join(f'{point} %' for point in thresholds_in_words(card.first.operating_points))}"
        )
        if nearly := nearly_one_threshold(card.first.operating_points):
            words = f"{words}. {nearly}"
    return f"{'*' if entry.is_active else ' '} {entry.name}: {words}{entry.problem and ': ' + entry.problem}"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


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
@click.option("--out", type=GivenPath(dir_okay=False), help="The zip. Default: NAME.zip right here.")
def export_command(name: str, out: Path | None) -> None:
    """Write the model NAME as a zip for another installation."""
    from pneumo_core.models import check_model_name, export_model

    content = export_model(models_folder() / check_model_name(name))
    out = out or Path(f"{name}.zip")
    write_whole(out, content)
    click.echo(f"{out}: {len(content) / 1e6:.1f} MB")


@models.command("import")
@click.argument("file", type=GivenPath(exists=True, dir_okay=False))
@click.option("--name", help="Of the model's new folder. Default: the zip's name without its ending.")
def import_command(file: Path, name: str | None) -> None:
    """Take a model in from FILE, a zip as `models export` writes it; it is not in use by that."""
    from pneumo_core.keras_network import import_model

    with file.open("rb") as content:
        imported = import_model(own_models_folder(), content, file.stem if name is None else name)
    click.echo(f"{imported.folder.name} is there; to put it in use: models promote {imported.folder.name} --note ...")
    tell(imported.note)
