"""Films that a model was trained on are known again, by their file or by their looks."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pneumo_core.errors import ModelError
from pneumo_core.film.preprocessing import fingerprint
from pneumo_core.models.known_films import SAME_FILM_BITS, KnownFilms, read_known_films, write_known_films
from tests.conftest import drawn_film

FILM = drawn_film(True, 1).astype(np.float32)


def of_bits(count: int) -> str:
    """A fingerprint of which so many of the 256 bits are set."""
    return np.packbits(np.arange(256) < count).tobytes().hex()


def known(*fingerprints: str) -> KnownFilms:
    bits = np.frombuffer(bytes.fromhex("".join(fingerprints)), np.uint8).reshape(-1, 32)
    return KnownFilms({}, bits, tuple(f"part {place}" for place in range(len(fingerprints))))


def test_what_is_written_is_read_again(tmp_path: Path):
    write_known_films(
        tmp_path, [("training", ["a" * 64, "b" * 64], of_bits(3)), ("validation", ["c" * 64], of_bits(9))]
    )
    found = read_known_films(tmp_path)
    assert found is not None
    assert found.hashes == {"a" * 16: "training", "b" * 16: "training", "c" * 16: "validation"}
    assert found.parts == ("training", "validation")
    assert found.fingerprints.shape == (2, 32)


HEAD = b"part,sha256_starts,fingerprint\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"part\ntraining\n",
        HEAD + b"training,aa,xyz\n",
        HEAD + b"training\n",
        HEAD + b"\xff\n",
        # Of another length, and of one that only both together have.
        HEAD + b"training,aa," + b"0" * 62 + b"\n",
        HEAD + b"training,aa," + b"0" * 62 + b"\ntraining,bb," + b"0" * 66 + b"\n",
        HEAD + b"![x](y),aa," + b"0" * 64 + b"\n",
        HEAD + b"training,aa," + b"0" * 64 + b",more\n",
        HEAD + b'"' + b"x" * 200_000 + b'",aa,' + b"0" * 64 + b"\n",
    ],
)
def test_a_damaged_list_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "known_films.csv").write_bytes(content)
    with pytest.raises(ModelError, match="is not as training writes it"):
        read_known_films(tmp_path)


def test_the_part_is_that_of_the_file_and_else_of_the_nearest_film(tmp_path: Path):
    write_known_films(tmp_path, [("training", ["a" * 64], of_bits(0)), ("validation", ["c" * 64], of_bits(9))])
    found = read_known_films(tmp_path)
    assert found is not None
    assert found.part_of("a" * 64, of_bits(9)) == "training"
    assert found.part_of("d" * 64, of_bits(3)) == "training"
    assert found.part_of("d" * 64, of_bits(6)) == "validation"
    assert found.part_of("d" * 64, of_bits(90)) is None


def test_a_model_without_a_list_has_none(tmp_path: Path):
    assert read_known_films(tmp_path) is None


@pytest.mark.parametrize(("bits", "is_known"), [(0, True), (SAME_FILM_BITS, True), (SAME_FILM_BITS + 1, False)])
def test_a_film_is_known_up_to_so_many_other_bits(bits: int, is_known: bool):
    assert known(of_bits(0), of_bits(256)).part_of("x", of_bits(bits)) == ("part 0" if is_known else None)


def test_a_film_is_known_by_its_file_whatever_its_looks(tmp_path: Path):
    write_known_films(tmp_path, [("training", ["a" * 64], of_bits(0))])
    found = read_known_films(tmp_path)
    assert found is not None
    assert found.part_of("a" * 64, of_bits(200)) == "training"
    assert found.part_of("d" * 64, of_bits(200)) is None


def test_resampled_and_brighter_films_keep_their_fingerprint_and_others_do_not():
    own = fingerprint(FILM)
    for changed in (0.6 * FILM + 40, cv2.resize(FILM, (224, 224), interpolation=cv2.INTER_AREA)):
        assert known(own).part_of("x", fingerprint(changed))
    assert not known(own).part_of("x", fingerprint(FILM[:, ::-1]))
