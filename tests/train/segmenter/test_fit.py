"""The segmenter's training on drawn pairs: it learns, says how well, and writes what can be loaded."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pneumo_core import train
from pneumo_core.cli.group import commands
from pneumo_core.errors import DataError
from pneumo_core.files.hashes import file_sha256
from pneumo_core.film.preprocessing import Preprocessing
from pneumo_core.keras_network.lungs import load_segmenter
from pneumo_core.models.card import LUNGS_CARD_FILE, LUNGS_FILE
from pneumo_core.stats.metrics import Estimate
from pneumo_core.train.segmenter.fit import LungsFit, _judged, fit_lungs, mean_by_patient
from pneumo_core.train.segmenter.pairs import LABELS_FILE, Pairs, lungs_of, read_pairs

SIZE = 32


def chest(seed: int, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Draw a chest and its lungs: uint8 and bool `(size, size)`."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:size, 0:size] / size
    middle, height = random.uniform(0.45, 0.55), random.uniform(0.25, 0.32)
    lungs = np.zeros((size, size), bool)
    for side in (-1, 1):
        lungs |= ((rows - middle) / height) ** 2 + ((columns - 0.5 - side * 0.22) / 0.15) ** 2 < 1
    film = np.where(lungs, 60, 190) + random.normal(0, 8, lungs.shape)
    return np.clip(film, 0, 255).astype(np.uint8), lungs


def drawn(count: int) -> Pairs:
    films, lungs = zip(*(chest(seed) for seed in range(count)), strict=True)
    views = tuple("AP" if place % 2 else "PA" for place in range(count))
    return Pairs(np.stack(films), np.stack(lungs), tuple(f"p{place // 2}" for place in range(count)), views, 3)


def folders(root: Path, count: int) -> tuple[Path, Path]:
    whole, masked = root / "whole", root / "lungs" / "normal"
    whole.mkdir()
    masked.mkdir(parents=True)
    for seed in range(count):
        film, lungs = chest(seed, 128)
        Image.fromarray(film).save(whole / f"{seed}.png")
        Image.fromarray(np.where(lungs, np.maximum(film, 40), 0).astype(np.uint8)).save(masked / f"{seed}.png")
    rows = "".join(f"{seed}.png,p{seed // 2},ap,of a hospital,CC BY\n" for seed in range(count))
    (whole / LABELS_FILE).write_text(f"path,patient,view,source,licence\n{rows}", encoding="utf-8")
    return whole, root / "lungs"


def test_a_segmenter_learns_from_pairs_and_can_be_loaded(tmp_path: Path):
    told: list[tuple[int, int]] = []

    def progress(done: int, of: int) -> bool:
        told.append((done, of))
        return True

    fit = fit_lungs(drawn(48), tmp_path, epochs=10, validation_share=0.3, channels=(4, 6), progress=progress)
    assert fit is not None
    assert fit.dice.value > 0.7
    assert fit.dice.low < fit.dice.value < fit.dice.high
    assert fit.training + fit.validation == 48
    assert set(fit.dice_by_view) == {"AP", "PA"}
    assert [done for done, _ in told] == list(range(told[-1][1] + 1))
    card = json.loads((tmp_path / LUNGS_CARD_FILE).read_bytes())
    assert card["sha256"] == file_sha256(tmp_path / LUNGS_FILE)
    assert (card["dice"]["value"], card["left_out"]) == (fit.dice.value, 3)
    segmenter = load_segmenter(tmp_path / LUNGS_FILE, Preprocessing(SIZE, SIZE))
    film, lungs = chest(1000)
    found = segmenter.probabilities(film[None, ..., None].astype(np.float32))[0] > 0.5
    assert (found == lungs[::2, ::2]).mean() > 0.8


def test_a_training_that_is_stopped_writes_nothing(tmp_path: Path):
    out = tmp_path / "out"
    assert fit_lungs(drawn(24), out, epochs=2, channels=(4, 6), progress=lambda done, of: False) is None
    assert not out.exists()


def test_a_patient_is_on_one_side_of_the_split_whatever_else_is_there():
    patients = [f"p{place % 40}" for place in range(120)]
    judged = _judged(patients, 0.3, 1)
    sides = {(patient, bool(side)) for patient, side in zip(patients, judged, strict=True)}
    assert len(sides) == 40
    assert np.array_equal(_judged(patients[:50], 0.3, 1), judged[:50])
    with pytest.raises(DataError):
        _judged(["one"] * 9, 0.3, 1)


def test_the_interval_of_a_mean_resamples_patients():
    # Ten patients with ten images each, all of one patient alike: as uncertain as ten images.
    values = np.linspace(0.8, 0.98, 10)
    patients = np.array([f"p{place}" for place in range(10)])
    of_many = mean_by_patient(np.repeat(values, 10), np.repeat(patients, 10))
    of_few = mean_by_patient(values, patients)
    assert of_many.value == pytest.approx(of_few.value)
    assert of_many.high - of_many.low == pytest.approx(of_few.high - of_few.low, rel=0.1)


def test_pairs_are_matched_by_name_and_take_patients_from_the_table(tmp_path: Path):
    whole, masked = folders(tmp_path, 12)
    # No pair: one name without its twin, and one twin without two lungs.
    Image.fromarray(chest(99, 128)[0]).save(whole / "alone.png")
    Image.fromarray(np.eye(128, dtype=np.uint8) * 99).save(masked / "normal" / "0.png")
    pairs = read_pairs(whole, masked, SIZE)
    assert pairs is not None
    assert (pairs.films.shape, pairs.films.dtype) == ((11, SIZE, SIZE), np.uint8)
    assert pairs.left_out == 1
    # Sorted by name: 1, 10, 11, 2 ...
    assert pairs.patients[:4] == ("p0", "p5", "p5", "p1")
    assert set(pairs.views) == {"AP"}
    assert (pairs.sources, pairs.terms) == (("of a hospital",), ("CC BY",))
    agreed = [mask == chest(seed)[1] for mask, seed in zip(pairs.lungs, (1, 10, 11), strict=False)]
    assert np.mean(agreed) > 0.93


@pytest.mark.parametrize("trouble", ["few", "twice"])
def test_folders_without_enough_pairs_or_with_a_name_twice_are_refused(tmp_path: Path, trouble: str):
    whole, masked = folders(tmp_path, 12 if trouble == "twice" else 3)
    if trouble == "twice":
        (masked / "other").mkdir()
        Image.fromarray(chest(0, 128)[0]).save(masked / "other" / "0.png")
    with pytest.raises(DataError):
        read_pairs(whole, masked, SIZE)


def test_a_mask_has_neither_specks_nor_the_noise_of_jpeg():
    blanked = np.zeros((64, 64), np.float32)
    blanked[10:50, 8:28] = 90
    blanked[2, 2] = 90
    blanked[55:, 55:] = 15
    mask = lungs_of(blanked)
    assert mask[10:50, 8:28].all()
    assert mask.sum() == 800


def test_the_command_says_how_good_the_segmenter_is_or_that_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole, masked = folders(tmp_path, 10)
    given = []

    def fit(pairs: Pairs, out: Path, **settings: object) -> LungsFit | None:
        given.append((len(pairs.films), out.name, settings["epochs"], settings["validation_share"]))
        return None if settings["epochs"] == 1 else LungsFit(8, 4, 2, 1, 0, Estimate(0.97, 0.95, 0.98, 2), {}, 2, 2, 0)

    monkeypatch.setattr(train, "fit_lungs", fit)
    words = ["fit-lungs", str(whole), str(masked), "--out", str(tmp_path / "out"), "--validation-share", "0.4"]
    done, stopped = (CliRunner().invoke(commands, [*words, "--epochs", count]) for count in ("2", "1"))
    assert (done.exit_code, stopped.exit_code) == (0, 1)
    assert "0.970 (0.950 to 0.980)" in done.stdout
    assert given == [(10, "out", 2, 0.4), (10, "out", 1, 0.4)]
