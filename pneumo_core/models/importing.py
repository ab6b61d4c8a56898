"""A model taken in from a zip: unpacked within bounds, checked, and only then there.

Whoever can load a network checks it: `keras_network.import_model` is the way in.
"""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from pneumo_core.errors import ModelError
from pneumo_core.files import small_zip, write_whole
from pneumo_core.gate import GATE_FILE, NO_GATE
from pneumo_core.models.card import LUNGS_FILE, check_model_name, read_card, write_card
from pneumo_core.models.gate_record import RECORD_FILE, gate_in_words, lacks_its_gate, read_record
from pneumo_core.models.known_films import read_known_films
from pneumo_core.models.store import IMPORTED_FILE, MEMBER_LIMITS, changing, utc_now, work_folder
from pneumo_core.models.training_log import check_log

# No check of a file can tell whether what was measured elsewhere is so.
CLAIMED = "Its figures (AUC, counts, calibration error) are claims of the file. They were not measured here."


@dataclass(frozen=True, slots=True)
class Imported:
    """A model that was taken in: its folder, and what is to be known of its figures.

    Attributes:
        unchecked: what could not be checked, as a sentence; "" where all could.
        has_input_gate: it brought one.
    """

    folder: Path
    unchecked: str
    has_input_gate: bool

    @property
    def note(self) -> str:
        """Say what could not be checked, that there is no input gate, and always whose word the figures are."""
        unchecked = self.unchecked and f"Not checked: {self.unchecked} "
        return f"{unchecked}{'' if self.has_input_gate else f'{NO_GATE} '}{CLAIMED}"


def take_in(models: Path, content: bytes | BinaryIO, name: str, check_network: Callable[[Path], str]) -> Imported:
    """Take a model in from a zip as `export_model` gives it, or one of `classifier.keras` and `card.json` alone.

    Nothing of it is loaded before it has been checked, and nothing is left behind where it is refused.

    Args:
        content: the zip, or a seekable file of it.
        name: of the model's new folder.
        check_network: loads a folder's network and gate and scores the samples; gives what could not be checked, as a
            sentence, or "". It raises `ModelError` where they are not as they must be.

    Raises:
        ModelError: the zip, the card, the network or another file is not as it must be; the known answers are not
            found again; the name is taken; the folder cannot be written to.
    """
    target = models / check_model_name(name)
    with changing(models):
        # A link to nowhere is no folder, and a name all the same.
        if target.exists() or target.is_symlink():
            raise ModelError(f"{models.name} holds '{name}' already. Please choose another name.")
        with work_folder(models) as hidden:
            folder = hidden / name
            folder.mkdir()
            _unpack(content, folder)
            card = read_card(folder)
            # These files must be readable now, because the pages show and use them later.
            check_log(folder)
            read_known_films(folder)
            if lacks_its_gate(folder):
                raise ModelError(
                    f"The zip holds {RECORD_FILE} without its {GATE_FILE}. Expected are both or neither. Please "
                    "export the model again where it was made, or leave out both. The model then has no input gate."
                )
            if read_record(folder, card.weights_sha256) is None:
                # This record belongs to another gate: an interrupted `fit-gate` leaves it behind.
                (folder / RECORD_FILE).unlink(missing_ok=True)
            if card.lungs_sha256 is None:
                # No card vouches for it.
                (folder / LUNGS_FILE).unlink(missing_ok=True)
            # Here it is called as its folder is, and the card's text is made of the card, whatever text came with it.
            card, input_gate = replace(card, name=name), gate_in_words(folder, card.weights_sha256)
            write_card(card, folder, input_gate)
            unchecked = check_network(folder)
            write_whole(folder / IMPORTED_FILE, f"{utc_now()}\n".encode())
            folder.rename(target)
    return Imported(target, unchecked, (target / GATE_FILE).is_file())


def _unpack(content: bytes | BinaryIO, folder: Path) -> None:
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    with small_zip(file, "The zip", MEMBER_LIMITS, in_folder=True) as archive:
        for member in archive.members:
            with (folder / member).open("wb") as target:
                archive.unpack(member, target)
                target.flush()
                os.fsync(target.fileno())
