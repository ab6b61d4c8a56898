"""The tests of a model's heat maps over many films, because a median says more than one picture."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator, with_config

from pneumo_core.data import Source, SourceFilm
from pneumo_core.errors import DataError, ModelError, PneumoError
from pneumo_core.files import write_whole
from pneumo_core.film import read_radiograph
from pneumo_core.gate import before
from pneumo_core.stats import Z_95, Estimate, in_brackets, number_or_none, proportion
from pneumo_core.wording import Progress

if TYPE_CHECKING:
    # The import is for types only, because a page draws itself before TensorFlow has been imported.
    from pneumo_core.explain.trust import Curve, ExplanationTest, ExplanationTester

SURVEY_FILE = "explanation_survey.json"

Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class SurveyedMap:
    """The results of the full test of one film's heat map.

    Attributes:
        stages: rank correlation after each stage of shuffling, from the top; None where the map vanished.
        after_shuffling: the median size of the rank correlation over several shuffles of all weights.
        lowest_after_change: the lowest rank correlation after a small change; None where the map vanished.
        deletion, insertion: the area under the curve in the map's order, and the mean area of random maps; None where
            the film is not flagged.
        with_occlusion: rank correlation; None where no patch lowers the score.
        empty_probability: the probability of an evenly grey film.
        passed, failed: names of the checks.
    """

    stages: tuple[Number | None, ...]
    after_shuffling: Number
    lowest_after_change: Number | None
    deletion: tuple[Number, Number] | None
    insertion: tuple[Number, Number] | None
    with_occlusion: Number | None
    empty_probability: Annotated[float, Field(ge=0, le=1)]
    passed: tuple[str, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SurveyedFilm:
    """A film of the survey; `tested` is None where its heat map is blank."""

    has_pneumonia: bool | None
    is_flagged: bool
    tested: SurveyedMap | None


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Survey:
    """The tests of a model's heat maps over many films.

    Attributes:
        weights_sha256: the network's.
        films_from: name of the source, with the SHA-256 of its listing.
        made: date.
        blocks: names of the stages of shuffling, from the top.
        films: one after the other.
        refused: the number of films that could not be read or may not be scored.
    """

    weights_sha256: str
    films_from: str
    listing_sha256: str
    made: str
    blocks: Annotated[tuple[str, ...], Field(min_length=1)]
    films: tuple[SurveyedFilm, ...]
    refused: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _has_every_stage(self) -> Self:
        if any(len(film.stages) != len(self.blocks) for film in self.tested):
            raise ValueError("a film has other stages than the survey")
        return self

    @property
    def tested(self) -> tuple[SurveyedMap, ...]:
        """Give the maps that are not blank."""
        return tuple(film.tested for film in self.films if film.tested is not None)

    def blank(self, is_flagged: bool) -> Estimate:
        """Give the share of films, flagged or not, whose map is blank."""
        films = [film for film in self.films if film.is_flagged == is_flagged]
        return proportion(sum(film.tested is None for film in films), len(films))

    def vanished(self, stage: int) -> Estimate:
        """Give the share of maps that vanish at a stage of shuffling."""
        return proportion(sum(film.stages[stage] is None for film in self.tested), len(self.tested))

    def correlation(self, stage: int) -> Estimate:
        """Give the median rank correlation at a stage, of the maps that did not vanish."""
        return median([value for film in self.tested if (value := film.stages[stage]) is not None])

    @property
    def after_shuffling(self) -> Estimate:
        """Give the median of each film's size of rank correlation after shuffling all weights."""
        return median([film.after_shuffling for film in self.tested])

    @property
    def after_change(self) -> Estimate:
        """Give the median of each film's lowest rank correlation after a small change."""
        return median([value for film in self.tested if (value := film.lowest_after_change) is not None])

    @property
    def empty(self) -> Estimate:
        """Give the median probability of evenly grey films, each in the mean grey of a film."""
        return median([film.empty_probability for film in self.tested])

    @property
    def agreement(self) -> Estimate:
        """Give the median rank correlation with occlusion."""
        return median([value for film in self.tested if (value := film.with_occlusion) is not None])

    def areas(self, name: str) -> tuple[Estimate, Estimate, Estimate]:
        """Give the mean area of "deletion" or "insertion" in the map's order, in random ones, and the difference."""
        own, random = np.array([areas for film in self.tested if (areas := getattr(film, name))]).reshape(-1, 2).T
        return mean(own), mean(random), mean(own - random)

    def passed(self, check: str) -> Estimate:
        """Give the share of maps that pass a check, among those that it applies to."""
        passed = sum(check in film.passed for film in self.tested)
        return proportion(passed, passed + sum(check in film.failed for film in self.tested))

    @property
    def checks(self) -> tuple[str, ...]:
        """Name the checks, in the order of the test."""
        return tuple(dict.fromkeys(name for film in self.tested for name in (*film.passed, *film.failed)))


def survey_films(tester: ExplanationTester, source: Source, count: int, progress: Callable[[Progress], None]) -> Survey:
    """Test the heat maps of `count` films of a source, evenly spread over it.

    Raises:
        DataError: none of them could be read.
    """
    card = tester.card
    threshold = card.first.operating_point("balanced").threshold
    chosen = spread(source.films, count)
    films: list[SurveyedFilm] = []
    started = time.perf_counter()
    for number, film in enumerate(chosen):
        progress(Progress(number, len(chosen), number / (time.perf_counter() - started)))
        try:
            radiograph = read_radiograph(film.read(), film.name)
            admission = before(radiograph, card.years)
            admission.check()
            pixels = tester.framed(radiograph.pixels).film
            probability, verdict = tester.score_and_judge(pixels)
            admission.after(verdict).check()
        except PneumoError:
            continue
        test = tester.test(pixels, threshold, is_short=False)
        is_flagged = probability >= threshold
        films.append(SurveyedFilm(film.has_pneumonia, is_flagged, None if test is None else _surveyed(test)))
    progress(Progress(len(chosen), len(chosen), len(chosen) / (time.perf_counter() - started)))
    if not films:
        message = f"{source.name} has no X-ray that could be read. Please name a folder of chest X-rays."
        raise DataError(message, code="no_readable_image")
    return Survey(
        card.weights_sha256,
        source.name,
        source.listing_sha256,
        datetime.datetime.now(datetime.UTC).date().isoformat(),
        tester.blocks,
        tuple(films),
        len(chosen) - len(films),
    )


def spread(films: Sequence[SourceFilm], count: int) -> list[SourceFilm]:
    """Choose `count` films, evenly spread over their order, or all where there are fewer."""
    count = min(count, len(films))
    return [films[place * len(films) // count] for place in range(count)]


def median(values: Sequence[float]) -> Estimate:
    """Give the median with an interval from the order of the values, by the normal limit of the binomial."""
    ordered, n = np.sort(np.asarray(values, float)), len(values)
    if not n:
        return Estimate(np.nan, np.nan, np.nan, 0)
    half = Z_95 * np.sqrt(n) / 2
    low, high = max(0, int(np.floor((n - 1) / 2 - half))), min(n - 1, int(np.ceil((n - 1) / 2 + half)))
    return Estimate(float(np.median(ordered)), float(ordered[low]), float(ordered[high]), n)


def mean(values: np.ndarray) -> Estimate:
    """Give the mean of values, float `(n,)`, with its interval by the normal limit."""
    n = len(values)
    if n < 2:
        return Estimate(float(values[0]) if n else np.nan, np.nan, np.nan, n)
    centre, half = float(values.mean()), Z_95 * float(values.std(ddof=1)) / np.sqrt(n)
    return Estimate(centre, float(centre - half), float(centre + half), n)


def survey_rows(survey: Survey) -> list[dict[str, str]]:
    """Give a survey's results as rows of a table: the question, the figure with its interval, and n."""
    last = len(survey.blocks) - 1
    rows = [
        ("Flagged images with a blank heat map, %", survey.blank(True), 100),
        ("Images not flagged with a blank heat map, %", survey.blank(False), 100),
        (f"Rank correlation, {survey.blocks[0]} shuffled, median", survey.correlation(0), 1),
        ("Rank correlation, all weights shuffled once, median", survey.correlation(last), 1),
        ("Its size over five shuffles of all weights, median of medians", survey.after_shuffling, 1),
        ("Maps that vanish when all weights are shuffled, %", survey.vanished(last), 100),
        ("Lowest rank correlation after small changes, median", survey.after_change, 1),
        ("Rank correlation with occlusion, median", survey.agreement, 1),
    ]
    for name in ("deletion", "insertion"):
        own, random, difference = survey.areas(name)
        rows += [
            (f"{name.capitalize()}: area in the map's order, mean", own, 1),
            (f"{name.capitalize()}: in the order of random maps, mean", random, 1),
            (f"{name.capitalize()}: difference, image by image, mean", difference, 1),
        ]
    rows.append(("Probability of an evenly grey image, median %", survey.empty, 100))
    rows += [(f"Passes: {check}, %", survey.passed(check), 100) for check in survey.checks]
    return [
        {
            "Asked": asked,
            "Found": in_brackets(found, ".1f" if times == 100 else ".2f", times=times, none=""),
            "n": str(found.n),
        }
        for asked, found, times in rows
    ]


def write_survey(survey: Survey, path: Path) -> None:
    """Write a survey as JSON; the file is whole or not there."""
    write_whole(path, TypeAdapter(Survey).dump_json(survey, indent=1) + b"\n")


def read_survey(folder: Path, weights_sha256: str) -> Survey | None:
    """Read the survey in a model's folder; None where there is none, or it is of other weights.

    Raises:
        ModelError: it is damaged.
    """
    path = folder / SURVEY_FILE
    if not path.is_file():
        return None
    try:
        survey = TypeAdapter(Survey).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(
            f"{path} is damaged. It should be as `survey` writes it. Please delete it, or run the survey again.",
            code="survey_damaged",
        ) from error
    return survey if survey.weights_sha256 == weights_sha256 else None


def _surveyed(test: ExplanationTest) -> SurveyedMap:
    lowest = min((number_or_none(value) for _, value in test.changes), key=lambda value: -2 if value is None else value)
    return SurveyedMap(
        tuple(number_or_none(stage.correlation) for stage in test.stages),
        test.after_shuffling,
        lowest,
        _areas(test.deletion),
        _areas(test.insertion),
        None if test.with_occlusion is None else number_or_none(test.with_occlusion),
        test.empty_probability,
        tuple(check.name for check in test.checks if check.has_passed),
        tuple(check.name for check in test.checks if not check.has_passed),
    )


def _areas(curve: Curve | None) -> tuple[float, float] | None:
    return None if curve is None else (curve.area, float(curve.random_areas.mean()))
