"""Many films through the network: order, refusals, going on after a stop, and what is written down."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.data.sources import Source, SourceFilm
from pneumo_core.errors import DataError, UnreadableImageError
from pneumo_core.evaluate import pipeline as batch
from pneumo_core.evaluate.pipeline import run_source
from pneumo_core.evaluate.runs import RUN_FILE, SCORES_FILE, damaged_lines, read_run, read_scores, run_name
from pneumo_core.film.radiograph import Radiograph, read_radiograph
from pneumo_core.keras_network.classifier import KerasClassifier, load_classifier
from pneumo_core.lungs.words import lung_cautions
from pneumo_core.read.reading import read_xray
from pneumo_core.wording import Progress
from tests.conftest import drawn_film, png


@pytest.fixture(scope="module")
def classifier(tiny_model: Path) -> KerasClassifier:
    return load_classifier(tiny_model)


def film(number: int, content: bytes | None = None) -> SourceFilm:
    has_pneumonia = number % 2 == 1
    drawn = png(drawn_film(has_pneumonia, number)) if content is None else content
    kind = "bacteria" if has_pneumonia else "normal"
    return SourceFilm(f"Mueller_Anna_{number}.png", has_pneumonia, f"patient{number // 2}", kind, lambda: drawn)


def source(films: list[SourceFilm], listing: str = "listing") -> Source:
    return Source("films", tuple(films), (), listing)


@pytest.fixture
def mixed() -> Source:
    """Fifty films, of which every fifth cannot be read."""
    return source([film(number, b"no film" if number % 5 == 4 else None) for number in range(50)])


def test_scores_come_in_order_and_refused_films_among_them(mixed: Source, classifier: KerasClassifier, tmp_path: Path):
    scores = run_source(mixed, classifier, tmp_path / "run")
    assert [score.number for score in scores] == list(range(50))
    assert [score.logit is None for score in scores] == [number % 5 == 4 for number in range(50)]
    assert {score.reason for score in scores if score.reason} == {
        "The image seems to be a text file, not an X-ray. Please upload a DICOM, PNG, JPEG, TIFF or BMP file."
    }
    assert [score.has_pneumonia for score in scores] == [film.has_pneumonia for film in mixed.films]
    assert [score.patient for score in scores] == [number // 2 for number in range(50)]


def test_a_films_logit_is_that_of_reading_it_alone(mixed: Source, classifier: KerasClassifier, tmp_path: Path):
    scores = run_source(mixed, classifier, tmp_path / "run")
    alone = read_xray(classifier, read_radiograph(mixed.films[3].read(), "film"))
    assert scores[3].logit == pytest.approx(alone.prediction.logit, abs=1e-4)
    assert (scores[3].height, scores[3].width, scores[3].samples_per_pixel) == (110, 130, 1)
    assert scores[3].brightness == pytest.approx(drawn_film(True, 3).mean() / 255, abs=1e-4)


def test_no_name_of_a_file_is_written_down(mixed: Source, classifier: KerasClassifier, tmp_path: Path):
    run_source(mixed, classifier, tmp_path / "run")
    written = b"".join(path.read_bytes() for path in (tmp_path / "run").iterdir())
    assert b"sha256" in written
    assert b"Mueller" not in written
    assert b"patient0" not in written


def test_a_cancelled_run_goes_on_with_nothing_twice(mixed: Source, classifier: KerasClassifier, tmp_path: Path):
    seen: list[Progress] = []
    some = run_source(mixed, classifier, tmp_path / "run", seen.append, is_cancelled=lambda: True)
    assert len(some) == batch.BATCH_SIZE
    rest: list[Progress] = []
    scores = run_source(mixed, classifier, tmp_path / "run", rest.append)
    assert [score.number for score in scores] == list(range(50))
    assert (seen[-1].done, rest[-1].done, rest[-1].of) == (batch.BATCH_SIZE, 50, 50)
    assert rest[-1].seconds_left == 0
    lines = (tmp_path / "run" / SCORES_FILE).read_text().splitlines()
    assert sorted(json.loads(line)["number"] for line in lines) == list(range(50))


def test_a_finished_run_reads_no_film_again(classifier: KerasClassifier, tmp_path: Path):
    calls: list[int] = []

    def read() -> bytes:
        calls.append(1)
        return png(drawn_film(True, 1))

    counted = source([dataclasses.replace(film(1), read=read)])
    first = run_source(counted, classifier, tmp_path)
    assert run_source(counted, classifier, tmp_path) == first
    assert len(calls) == 1


def test_a_line_that_was_cut_short_is_scored_again(mixed: Source, classifier: KerasClassifier, tmp_path: Path):
    whole = run_source(mixed, classifier, tmp_path)
    path = tmp_path / SCORES_FILE
    path.write_bytes(path.read_bytes()[:-30])
    assert len(read_scores(tmp_path)) == 49
    again = run_source(mixed, classifier, tmp_path)
    assert [score.sha256 for score in again] == [score.sha256 for score in whole]
    # In a batch of its own it is rounded otherwise.
    assert [score.logit for score in again] == pytest.approx([score.logit for score in whole], abs=1e-5)
    assert len(path.read_text().splitlines()) == 50


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\x00" * 40, b"[]", b'{"number": 3}', b'{"number": -1, "patient": 0, "has_pneumonia": null, "kind": ""}'],
)
def test_films_of_damaged_lines_are_scored_again(
    mixed: Source, classifier: KerasClassifier, tmp_path: Path, damaged: bytes
):
    whole = run_source(mixed, classifier, tmp_path)
    path = tmp_path / SCORES_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], damaged + b"\n", *lines[3:]]))
    assert (len(read_scores(tmp_path)), damaged_lines(tmp_path)) == (49, 1)
    again = run_source(mixed, classifier, tmp_path)
    assert [score.sha256 for score in again] == [score.sha256 for score in whole]
    # It is gone from the file, which then holds each film once.
    assert (len(path.read_bytes().splitlines()), damaged_lines(tmp_path)) == (50, 0)


def test_a_film_that_stands_there_twice_counts_once(mixed: Source, classifier: KerasClassifier, tmp_path: Path):
    whole = run_source(mixed, classifier, tmp_path)
    path = tmp_path / SCORES_FILE
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(keepends=True)[0])
    assert read_scores(tmp_path) == whole


def test_a_film_whose_file_fails_only_when_it_is_read_is_refused_by_name_of_reason(
    classifier: KerasClassifier, tmp_path: Path
):
    def read() -> bytes:
        raise UnreadableImageError("is damaged in the archive. Please pack it again.")

    broken = dataclasses.replace(film(0), read=read)
    (first, second) = run_source(source([broken, film(1)]), classifier, tmp_path)
    assert first.reason == "The image is damaged in the archive. Please pack it again."
    assert second.reason is None


def test_a_folder_is_never_shared_by_runs_of_other_films_or_weights(classifier: KerasClassifier, tmp_path: Path):
    run_source(source([film(1)]), classifier, tmp_path)
    assert read_run(tmp_path).films == 1
    with pytest.raises(DataError, match="a run of other films"):
        run_source(source([film(1)], "another"), classifier, tmp_path)
    other = KerasClassifier(classifier.network, dataclasses.replace(classifier.card, weights_sha256="0" * 64))
    with pytest.raises(DataError, match="a run of other weights"):
        run_source(source([film(1)]), other, tmp_path)


def test_two_cannot_work_in_one_folder_at_once(classifier: KerasClassifier, tmp_path: Path):
    def second(progress: Progress) -> None:
        run_source(source([film(1)]), classifier, tmp_path)

    with pytest.raises(DataError, match="at work already"):
        run_source(source([film(1)]), classifier, tmp_path, second)


def test_a_folder_without_a_run_is_said(tmp_path: Path):
    with pytest.raises(DataError, match="holds no run"):
        read_run(tmp_path)
    assert read_scores(tmp_path) == ()


def test_a_runs_name_is_of_films_and_weights():
    names = {run_name(listing, weights) for listing in ("a", "b") for weights in ("1", "2", "1")}
    assert len(names) == 4


def test_films_are_read_ahead_but_not_all_at_once(
    classifier: KerasClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(batch, "BATCH_SIZE", 4)
    read: list[int] = []
    ahead: list[int] = []

    def counted(number: int) -> SourceFilm:
        def content() -> bytes:
            read.append(number)
            return png(drawn_film(False, number))

        return dataclasses.replace(film(number), read=content)

    def films() -> Iterator[SourceFilm]:
        for number in range(40):
            yield counted(number)

    run_source(source(list(films())), classifier, tmp_path, lambda progress: ahead.append(len(read) - progress.done))
    assert sorted(read) == list(range(40))
    # Two batches wait, and one more film is on its way in each reader.
    assert max(ahead) <= 2 * 4 + batch.READERS + 1


def test_an_empty_source_is_an_empty_run(classifier: KerasClassifier, tmp_path: Path):
    assert run_source(source([]), classifier, tmp_path) == ()


def test_the_classifiers_logits_and_scores_belong_together(classifier: KerasClassifier):
    films = np.random.default_rng(1).uniform(0, 255, (3, 32, 32, 1)).astype(np.float32)
    temperature = classifier.card.first.calibration.temperature
    assert classifier.score(films) == pytest.approx(1 / (1 + np.exp(-classifier.logits(films) / temperature)), abs=1e-6)


def test_a_row_is_warned_of_the_lungs_as_the_reading_is(model_with_lungs: Path, tmp_path: Path):
    outlining = load_classifier(model_with_lungs)
    films = [film(number) for number in range(3)]
    scores = run_source(source(films), outlining, tmp_path / "run")
    for score, one in zip(scores, films, strict=True):
        alone = read_xray(outlining, read_radiograph(one.read(), "film"))
        assert alone.outline is not None
        of_lungs = {caution.tag for caution in lung_cautions(alone.outline)}
        assert of_lungs
        assert of_lungs & {*alone.tags} <= {*score.warned_of.split(", ")}


def test_the_age_is_the_tables_where_the_file_tells_none_else_that_of_all(classifier: KerasClassifier, tmp_path: Path):
    told = dataclasses.replace(film(1), age_years=4.0, group="finding")
    of_all = dataclasses.replace(source([told, film(3)]), age_years=40.0)
    first, second = run_source(of_all, classifier, tmp_path)
    assert (first.age_years, first.age_from, first.group) == (4.0, "table", "finding")
    assert (second.age_years, second.age_from, second.group) == (40.0, "option", "")
    assert read_run(tmp_path).age_years == 40.0
    with pytest.raises(DataError) as refused:
        run_source(dataclasses.replace(of_all, age_years=None), classifier, tmp_path)
    assert refused.value.code == "data"
    assert run_name("a", "1") != run_name("a", "1", 40.0)


def test_the_age_of_the_file_comes_first(classifier: KerasClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def read(content: bytes, name: str) -> Radiograph:
        found = read_radiograph(content, name)
        return dataclasses.replace(found, origin=dataclasses.replace(found.origin, age_years=45.0))

    monkeypatch.setattr(batch, "read_radiograph", read)
    (found,) = run_source(source([dataclasses.replace(film(1), age_years=4.0)]), classifier, tmp_path)
    assert (found.age_years, found.age_from) == (45.0, "file")


def test_a_run_of_an_older_version_is_read_and_goes_on(mixed: Source, classifier: KerasClassifier, tmp_path: Path):
    run_source(mixed, classifier, tmp_path, is_cancelled=lambda: True)
    run = json.loads((tmp_path / RUN_FILE).read_text())
    del run["age_years"]
    (tmp_path / RUN_FILE).write_text(json.dumps(run))
    rows = [json.loads(line) for line in (tmp_path / SCORES_FILE).read_text().splitlines()]
    old = [{key: value for key, value in row.items() if key not in ("group", "age_from")} for row in rows]
    (tmp_path / SCORES_FILE).write_text("".join(json.dumps(row) + "\n" for row in old))
    assert damaged_lines(tmp_path) == 0
    assert [score.number for score in run_source(mixed, classifier, tmp_path)] == list(range(50))
