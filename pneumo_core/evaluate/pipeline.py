"""Many films through the network, as a pipeline in flat memory; results go to disk as they come.

While the network scores one batch, the next films are read and decoded. A run that was cancelled or
killed goes on where it stopped: films in its folder are not read again, and nothing is written twice.
"""

import dataclasses
import hashlib
import posixpath
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pneumo_core.data import UNNAMED_FILM, Source, SourceFilm, follow_up
from pneumo_core.errors import PneumoError
from pneumo_core.evaluate.cohort import labelled_cohort
from pneumo_core.evaluate.outward import Facts, facts_of_columns, keep_outward
from pneumo_core.evaluate.patients import Whose, numbered_patients
from pneumo_core.evaluate.runs import FilmScore, Run, alone_in, append_scores, begin_run, read_scores
from pneumo_core.film import NUMBER_IN_SERIES, outward_facts, read_radiograph
from pneumo_core.gate import Admission, Verdict, before
from pneumo_core.lungs import Outline
from pneumo_core.network import Classifier
from pneumo_core.wording import Progress

BATCH_SIZE = 32
READERS = 2


class _Admitted(NamedTuple):
    """An X-ray on its way to the network: input, float32 `(height, width, 1)`, admission, the lungs' outline."""

    prepared: np.ndarray
    admission: Admission
    outline: Outline | None


_Item = tuple[FilmScore, _Admitted | None]


def run_source(
    source: Source,
    classifier: Classifier,
    folder: Path,
    report: Callable[[Progress], None] = lambda progress: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> tuple[FilmScore, ...]:
    """Score the films of a source that are not scored yet, writing to the run's folder; give all so far, in order.

    Raises:
        DataError: the folder holds a run of other films or another model, or is at work elsewhere.
    """
    card = classifier.card
    run = Run(source.listing_sha256, card.weights_sha256, len(source.films), classifier.device, source.age_years)
    with alone_in(folder):
        begin_run(run, folder)
        done = {score.number for score in read_scores(folder)}
        left = [(number, film) for number, film in enumerate(source.films) if number not in done]
        # Mixed, so that a run that stops early has films of both classes.
        random.Random(run.listing_sha256).shuffle(left)
        patients = numbered_patients((film.name, film.patient, film.has_pneumonia) for film in source.films)
        started, before = time.monotonic(), len(done)
        facts: dict[int, Facts] = {}
        for scores in score_films(left, patients, classifier, facts=facts, age_years=source.age_years):
            append_scores(folder, scores)
            done.update(score.number for score in scores)
            report(Progress(len(done), run.films, (len(done) - before) / (time.monotonic() - started)))
            if is_cancelled():
                break
        found = read_scores(folder)
        columns = facts_of_columns([film.columns for film in source.films])
        read = {number: {**of_file, **columns[number]} for number, of_file in facts.items()}
        keep_outward(folder, labelled_cohort(found, card), read)
    return found


def score_films(
    films: Sequence[tuple[int, SourceFilm]],
    patients: Sequence[Whose],
    classifier: Classifier,
    reader_threads: int = READERS,
    facts: dict[int, Facts] | None = None,
    age_years: float | None = None,
) -> Iterator[list[FilmScore]]:
    """Give the films' scores in their order, a batch at a time; one that is refused never stops the others.

    Args:
        films: each with its place in the source.
        patients: of each place in the source, whose film it is.
        reader_threads: more of them where storage answers late; each process decodes one film at a time.
        facts: takes what each film's file tells beside its picture, by the film's place.
        age_years: of all patients whose file and table tell none.
    """
    batch: list[_Item] = []
    with ThreadPoolExecutor(reader_threads, thread_name_prefix="read-film") as readers:
        try:
            read = partial(_read, classifier=classifier, facts=facts, age_years=age_years)
            for item in _read_ahead(films, patients, read, readers):
                batch.append(item)
                if len(batch) == BATCH_SIZE:
                    yield _scored(batch, classifier)
                    batch = []
            if batch:
                yield _scored(batch, classifier)
        finally:
            readers.shutdown(cancel_futures=True)


def _read_ahead(
    films: Iterable[tuple[int, SourceFilm]],
    patients: Sequence[Whose],
    read: Callable[[int, SourceFilm, Whose], _Item],
    readers: ThreadPoolExecutor,
) -> Iterator[_Item]:
    waiting: deque[Future[_Item]] = deque()
    for number, film in films:
        waiting.append(readers.submit(read, number, film, patients[number]))
        if len(waiting) > 2 * BATCH_SIZE:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _read(
    number: int,
    film: SourceFilm,
    whose: Whose,
    classifier: Classifier,
    facts: dict[int, Facts] | None,
    age_years: float | None,
) -> _Item:
    told = next(((age, of) for age, of in ((film.age_years, "table"), (age_years, "option")) if age is not None), None)
    given, age_from = told or (None, "")
    score = FilmScore(
        number,
        whose.number,
        film.has_pneumonia,
        film.kind,
        patient_from=whose.told,
        group=film.group or "",
        age_years=given,
        age_from=age_from,
    )
    try:
        content = film.read()
        score = dataclasses.replace(score, sha256=hashlib.sha256(content).hexdigest(), file_bytes=len(content))
        radiograph = read_radiograph(content, UNNAMED_FILM)
        if radiograph.origin.age_years is not None:
            score = dataclasses.replace(score, age_years=radiograph.origin.age_years, age_from="file")
        admission = before(radiograph, classifier.card.years, given)
        admission.check()
    except PneumoError as error:
        return _refused(score, error), None
    origin = radiograph.origin
    if facts is not None:
        facts[number] = outward_facts(origin) | _facts_of_name(film.name)
    framed = classifier.framed(radiograph.pixels)
    score = dataclasses.replace(
        score,
        height=origin.height,
        width=origin.width,
        samples_per_pixel=origin.samples_per_pixel,
        brightness=float(radiograph.pixels.mean()),
        fingerprint=framed.fingerprint,
        view_position=origin.view_position,
        sex=origin.sex,
    )
    return score, _Admitted(framed.film, admission, framed.outline)


def _facts_of_name(name: str) -> dict[str, float | str]:
    number = follow_up(posixpath.basename(name))
    return {} if number is None else {NUMBER_IN_SERIES: float(number)}


def _refused(score: FilmScore, error: PneumoError) -> FilmScore:
    reason = str(error)
    return dataclasses.replace(
        score, reason=reason if reason.startswith(UNNAMED_FILM) else f"{UNNAMED_FILM} {reason}", code=error.code
    )


def _scored(batch: list[_Item], classifier: Classifier) -> list[FilmScore]:
    films = [admitted.prepared for _, admitted in batch if admitted is not None]
    if not films:
        return [score for score, _ in batch]
    found = iter(zip(*classifier.logits_and_verdicts(np.stack(films)), strict=True))
    return [score if admitted is None else _judged(score, admitted, *next(found)) for score, admitted in batch]


def _judged(score: FilmScore, admitted: _Admitted, logit: float, verdict: Verdict | None) -> FilmScore:
    admission = admitted.admission.after(verdict, admitted.outline)
    # The quality that was measured of a turned film, or of no film, says nothing: a refused row carries none.
    if admission.refusal is not None:
        return _refused(score, admission.refusal)
    return dataclasses.replace(score, logit=float(logit), warned_of=", ".join(admission.findings))
