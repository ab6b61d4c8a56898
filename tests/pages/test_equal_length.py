"""Two uploads of one name and length, too large for Streamlit to look at all their bytes: none takes the other's place.

Streamlit identifies a medium of more than 1 MiB by its length and three samples of it.
"""

import csv
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.parts.shared.films import FILMS, Film
from pneumo_core.evaluate.runs import read_scores
from pneumo_core.files.places import ROOT, RUNS_VARIABLE, runs_folder
from tests.conftest import drawn_film, png
from tests.pages.test_evaluate import wait_for_the_run

BYTES = 1_200_000


def large_film(has_pneumonia: bool) -> bytes:
    """Draw a film of exactly so many bytes: noise that no PNG makes smaller, and zeros behind the picture's end."""
    pixels = np.asarray(Image.fromarray(drawn_film(has_pneumonia, 1)).resize((1300, 1100))).astype(np.int16)
    noise = np.random.default_rng(has_pneumonia).integers(-24, 24, pixels.shape)
    content = png(np.clip(pixels + noise, 0, 255).astype(np.uint8))
    assert 1 << 20 < len(content) < BYTES
    return content + bytes(BYTES - len(content))


def large_table(has_pneumonia: bool) -> bytes:
    """Give a CSV of exactly so many bytes that labels two films, the other way round where asked for."""
    rows = io.StringIO()
    table = csv.writer(rows)
    table.writerow(("file", "label", "note"))
    table.writerows((("a.png", int(has_pneumonia), ""), ("b.png", int(not has_pneumonia), "")))
    # Behind all samples of the middle and the end there is the same.
    return rows.getvalue().encode() + b"\n" * (BYTES - len(rows.getvalue()))


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model_in_use: Path) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))


def opened(page: str) -> AppTest:
    return AppTest.from_file(ROOT / "app.py", default_timeout=60).run().switch_page(page).run()


def films_of(page: AppTest) -> list[Film]:
    return list(page.session_state[FILMS].values())


def sha256_on(page: AppTest) -> str:
    facts = next(table.value for table in page.table if "Fact" in table.value)
    return dict(zip(facts["Fact"], facts["Value"], strict=True))["Image SHA-256"]


def test_two_films_of_one_name_and_length_give_two_readings_each_with_its_hash():
    page, digests = opened("pages/explain.py"), set()
    for has_pneumonia in (True, False):
        content = large_film(has_pneumonia)
        page.file_uploader[0].upload("film.png", content, "image/png")
        page.run()
        assert not page.exception
        # The newest film is the one that is shown.
        assert sha256_on(page) == hashlib.sha256(content).hexdigest()
        digests.add(sha256_on(page))
    readings = [film.reading for film in films_of(page)]
    assert {reading.radiograph.sha256 for reading in readings} == digests
    assert len({reading.prediction.logit for reading in readings}) == 2


def run_of(*files: tuple[str, bytes]) -> list[tuple[str | None, bool | None]]:
    """Evaluate an upload in a session of its own; give each film's hash and label."""
    page = opened("pages/evaluate.py")
    for name, content in files:
        page.file_uploader[0].upload(name, content, "application/octet-stream")
    page.run()
    next(button for button in page.button if button.label == "Evaluate").click().run()
    wait_for_the_run()
    page.run()
    assert not page.exception
    return [(score.sha256, score.has_pneumonia) for score in read_scores(runs_folder() / page.query_params["run"])]


def test_two_tables_of_one_name_and_length_label_the_films_as_each_says():
    films = [(f"{name}.png", png(drawn_film(name == "a", 1))) for name in "ab"]
    for has_pneumonia in (True, False):
        table = large_table(has_pneumonia)
        assert len(table) == BYTES
        scored = dict(run_of(*films, ("labels.csv", table)))
        digests = [hashlib.sha256(content).hexdigest() for _, content in films]
        assert [scored[digest] for digest in digests] == [has_pneumonia, not has_pneumonia]


def test_a_batch_of_films_of_the_same_names_and_lengths_is_another_run():
    for has_pneumonia in (True, False):
        content = large_film(has_pneumonia)
        assert run_of(("film.png", content)) == [(hashlib.sha256(content).hexdigest(), None)]
