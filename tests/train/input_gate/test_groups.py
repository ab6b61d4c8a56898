"""Which X-rays a gate is fitted to and which it is tried with: no patient on both sides."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.errors import DataError
from pneumo_core.models.known_films import HASH_DIGITS, KnownFilms
from pneumo_core.train.input_gate.groups import groups_of
from tests.conftest import drawn_film, png


def folder_of(path: Path, count: int, first: int = 0, more: str = "", extra: str = "") -> Path:
    path.mkdir()
    rows = [f"file,label,patient{more}"]
    for number in range(count):
        (path / f"{number}.png").write_bytes(png(drawn_film(False, first + number)))
        rows.append(f"{number}.png,normal,P{number // 2}{extra}")
    (path / "labels.csv").write_text("\n".join(rows))
    return path


def known_of(folder: Path, parts: dict[str, str]) -> KnownFilms:
    hashes = {
        hashlib.sha256((folder / name).read_bytes()).hexdigest()[:HASH_DIGITS]: part for name, part in parts.items()
    }
    return KnownFilms(hashes, np.zeros((0, 32), np.uint8), ())


def names(films) -> set[str]:
    return {film.name for film in films}


def test_known_films_keep_their_parts_and_others_are_split_by_patient(tmp_path: Path):
    trained, adults = folder_of(tmp_path / "trained", 6), folder_of(tmp_path / "adults", 40, 100)
    known = known_of(trained, {"0.png": "training", "1.png": "training", "4.png": "validation"})
    children, others = groups_of(known, [("children", trained), ("adults", adults)])
    assert (names(children.training), names(children.validation)) == ({"0.png", "1.png"}, {"4.png"})
    assert (children.is_known, others.is_known) == (True, False)
    assert len(others.training) + len(others.validation) == 40
    assert len(others.validation) >= 2
    assert not {film.patient for film in others.training} & {film.patient for film in others.validation}


def test_a_patient_is_on_one_side_in_all_folders_of_a_group(tmp_path: Path):
    trained = folder_of(tmp_path / "trained", 4)
    known = known_of(trained, {"0.png": "training", "2.png": "validation"})
    sources = [("adults", folder_of(tmp_path / f"adults {place}", 30, 100 * place)) for place in (1, 2)]
    _, adults = groups_of(known, [("children", trained), *sources])
    assert len(adults.training) + len(adults.validation) == 60
    assert not {film.patient for film in adults.training} & {film.patient for film in adults.validation}


def test_lungs_cut_out_of_their_x_ray_are_no_good_ones(tmp_path: Path):
    trained = folder_of(tmp_path / "trained", 4)
    known = known_of(trained, {"0.png": "training", "2.png": "validation"})
    masked = folder_of(tmp_path / "masked", 10, 100, ",view_of", ",lungs_only")
    whole = folder_of(tmp_path / "whole", 40, 200)
    _, group = groups_of(known, [("children", trained), ("adults", masked), ("adults", whole)])
    assert len(group.training) + len(group.validation) == 40
    with pytest.raises(DataError) as refusal:
        groups_of(known, [("children", trained), ("masked", masked)])
    assert refusal.value.code == "gate_films"


@pytest.mark.parametrize("parts", [{}, {"0.png": "training", "1.png": "training"}])
def test_a_model_without_films_of_both_parts_is_refused(tmp_path: Path, parts: dict[str, str]):
    trained = folder_of(tmp_path / "trained", 4)
    with pytest.raises(DataError) as refusal:
        groups_of(known_of(trained, parts), [("children", trained)])
    assert refusal.value.code == "gate_films"
