"""Make one model of a network for whole X-rays, one for lungs views and one that outlines lungs, as a plan says.

Each population gets calibration and operating points on validation X-rays of its own. Where whole ones of both classes
are there, they and their stressed copies choose, as after a training. Where a population's labels are of lungs that
stand alone, no whole X-ray shows what its scores are. So the lungs view alone scores these lungs, and a line carries
its scores over to those of both views. The line is fitted on whole X-rays of the population, whatever their labels.
"""

import csv
import dataclasses
import datetime
import functools
import hashlib
import io
import itertools
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pneumo_core.data import Case, count_patients, group_of, manifest_sha256, mask_of
from pneumo_core.errors import DataError, PneumoError
from pneumo_core.files import file_sha256, models_folder, write_whole
from pneumo_core.film import Preprocessing, fingerprint
from pneumo_core.keras_network import (
    JOINED_MAPS,
    join_views,
    load_classifier,
    load_network,
    load_segmenter,
    lungs_view,
    save_network,
)
from pneumo_core.models import (
    LOG_FILE,
    LUNGS_CARD_FILE,
    LUNGS_FILE,
    NETWORK_FILE,
    STORED_SCORES_FILE,
    EvaluationResult,
    ModelCard,
    Population,
    TrainingData,
    active_model_folder,
    check_model_name,
    evaluation_of,
    gate_in_words,
    read_card,
    write_card,
    write_challenge,
    write_known_films,
)
from pneumo_core.network import record_known_answers
from pneumo_core.stats import Calibration, OperatingPoint, choose_operating_points, fit_temperature, probabilities
from pneumo_core.train.build import BACKBONES
from pneumo_core.train.challenge import Scored, compare_with_current, score_copies
from pneumo_core.train.films import Films, read_films
from pneumo_core.train.fit import predict_logits
from pneumo_core.train.mixed import composites
from pneumo_core.train.plan import Plan, PlannedPopulation, groups_in_words
from pneumo_core.train.recalibration import ScoreRow, chosen_films, write_scores
from pneumo_core.train.run import labelled, listed_xrays, partial_folder, planned_split, population_of, source_of

CODE = "assembly"
# A logit in a table of scores has so many decimals.
DECIMALS = 6
AS_THEY_ARE = "the films as they are"
LUNGS_ALONE = "validation, lungs that stand alone, by the lungs view, carried over to both views"
INTENDED_USE = (
    "research and teaching: flags chest X-rays with what its populations name, and shows where the network found "
    "evidence; not a medical device, not for diagnosis, not stand-alone"
)
LIMITATIONS = (
    "Not validated for patients of other ages or from other hospitals than those that its populations name, nor for "
    "views that are not upright and frontal.",
    "Only the findings that its populations name were taught. A film that is not flagged may show any other finding.",
    "The outline of the lungs was learnt from normal lungs. It leaves out parts of the sickest ones, which the view of "
    "the whole film alone sees then.",
    "The heat map shows where the network found evidence; it is no outline of a lesion. Evidence at side markers, in "
    "corners or along borders is a shortcut of the network, not disease.",
    "Predictive values depend on how common the finding is among the patients at hand.",
)
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """The networks of a model of two views.

    Attributes:
        whole, lungs: of three classes, for whole films and for lungs views: a model's folder, or its `.keras` file.
        segmenter: the `.keras` file of the network that outlines lungs, its card beside it where there is one.
        share: how much of the logits is the first one's, the rest the second one's.
    """

    whole: Path
    lungs: Path
    segmenter: Path
    share: float = 0.5


@dataclass(frozen=True, slots=True)
class _Carried:
    """The line from logits of the lungs view alone to those of both views, and of how many films it is."""

    slope: float
    offset: float
    n: int

    def in_words(self) -> str:
        sign = "+" if self.offset >= 0 else "-"
        return (
            f"logits of the lungs view alone, times {self.slope:.3f} {sign} {abs(self.offset):.3f}; the line has the "
            f"means and deviations of both on {self.n} whole X-rays, and knows no label"
        )


def assemble(plan: Plan, parts: Parts, scores: Path | None = None, report: Report = lambda line: None) -> ModelCard:
    """Join networks to a model of two views, choose its points by population, and write the folder that a plan names.

    Nothing is trained. The new model has no input gate yet: `fit-gate` gives it one.

    Args:
        plan: with the populations, and the sources and the split that the networks were trained with.
        scores: a folder for scores, which are computed once for a network however often its points are chosen.
        report: is called with lines for a person to read.

    Raises:
        DataError: the folder stands there already, or X-rays for a population are missing.
        ModelError: a network cannot be loaded, or they cannot be joined.
    """
    out = plan.out
    check_model_name(out.name)
    if out.exists():
        raise DataError(f"{out} stands there already, and a model is never overwritten. Please name a new folder.")
    if not plan.populations:
        raise DataError("The plan names no populations. Expected is at least one. Please add it.", CODE)
    work = _Work(plan, parts, scores, report)
    split = planned_split(plan)
    kept_out = {source.folder.name for source in plan.sources if source.is_kept_out}
    checks = [case for case in labelled(listed_xrays(plan)) if source_of(plan, case) in kept_out]
    report(f"reading {len(split.training) + len(split.validation) + len(checks)} X-rays")
    training = _films(split.training, work.preprocessing)
    made = [
        work.population(
            one,
            training,
            _of(plan, one, split.validation),
            _of(plan, one, checks),
            _of(plan, one, split.tests),
            split.notes,
        )
        for one in plan.populations
    ]
    partial = partial_folder(out)
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        work.fill(partial)
        validation = [films for one in made for films in one.films]
        known = [_known("training", training), *(_known("validation", films) for films in validation)]
        write_known_films(partial, itertools.chain.from_iterable(known))
        names = [one.population.name for one in made for _ in one.rows]
        write_scores(partial / STORED_SCORES_FILE, [row for one in made for row in one.rows], names)
        card = work.card([one.population for one in made], {one.population.name: one.how for one in made}, partial)
        write_card(card, partial, gate_in_words(partial, card.weights_sha256))
        record_known_answers(load_classifier(partial), partial)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _compare(card, {one.population.name: one.compared for one in made if one.compared is not None}, out, report)
    return card


def _compare(card: ModelCard, scored: Mapping[str, Scored], out: Path, report: Report) -> None:
    """Compare the model with the one in use, where there is one; the model stands whatever comes of it."""
    try:
        challenge = compare_with_current(card, scored, active_model_folder(models_folder()))
    except PneumoError as error:
        report(f"The model is made, but was not compared with the one in use. {error}")
        return
    write_challenge(challenge, out)
    report(challenge.in_words())


@dataclass(frozen=True, slots=True)
class _Made:
    """A population with its validation films, rows of scores, and how its points were chosen.

    `compared` are whole films of both classes with their logits, on which other models can be compared, if there are.
    """

    population: Population
    films: tuple[Films, ...]
    rows: tuple[ScoreRow, ...]
    how: str
    compared: Scored | None


class _Work:
    """The networks of one assembly."""

    def __init__(self, plan: Plan, parts: Parts, scores: Path | None, report: Report) -> None:
        self.plan, self.parts, self.report = plan, parts, report
        self.preprocessing = Preprocessing(height=plan.recipe.size, width=plan.recipe.size)
        (whole, whole_layer), self.lungs = _loaded(parts.whole, plan), _loaded(parts.lungs, plan)
        self.segmenter = load_segmenter(parts.segmenter, self.preprocessing)
        shares = parts.share, 1 - parts.share
        self.network = join_views((whole, self.lungs[0]), (whole_layer, self.lungs[1]), self.segmenter.network, shares)
        film = keras.Input(self.network.input_shape[1:])
        view = lungs_view(film, self.segmenter.network(film))
        # The lungs view of whole films, and its score alone.
        self.inside = keras.Model(film, self.lungs[0](view))
        digest = hashlib.sha256()
        for weight in self.network.get_weights():
            digest.update(np.ascontiguousarray(weight).tobytes())
        self.scores = _Scores(scores, digest.hexdigest()[:16])

    def population(
        self,
        planned: PlannedPopulation,
        training: Films,
        validation: Sequence[Case],
        checks: Sequence[Case],
        tests: Sequence[Case],
        notes: Sequence[str],
    ) -> _Made:
        """Choose calibration and points of a population, and evaluate it on all of its X-rays."""
        films = _films(validation, self.preprocessing)
        is_alone = np.array([mask_of(film.astype(np.float32) / 255) is not None for film in films.views[0]], bool)
        whole, alone = (chosen_films(films, np.flatnonzero(chosen).tolist()) for chosen in (~is_alone, is_alone))
        check = _films(checks, self.preprocessing)
        test = _films(tests, self.preprocessing)
        name = planned.name
        chosen_on: dict[str, np.ndarray]
        if len({*whole.has_pneumonia.tolist()}) == 2:
            of, how = whole, "whole X-rays and their stressed copies, by both views"
            copies = self.scores.of(name, "copies", whole, lambda: self._copies(name, whole))
            chosen_on = {f"validation, {copy}": got for copy, got in copies.items()}
        elif len({*alone.has_pneumonia.tolist()}) == 2:
            of = alone
            chosen_on, how = self._carried_over(name, alone, whole, check)
        else:
            raise DataError(
                f"The population {name} has {len(films.cases)} validation X-rays, and neither whole ones nor lungs "
                "alone of both classes among them. Please correct the plan.",
                CODE,
            )
        logits = np.concatenate(list(chosen_on.values()))
        calibration = fit_temperature(logits, np.tile(of.has_pneumonia, len(chosen_on)))
        points = choose_operating_points(
            {copy: probabilities(got, calibration) for copy, got in chosen_on.items()},
            of.has_pneumonia,
            planned.balanced_sensitivity,
        )
        if len(chosen_on) == 1:
            points = tuple(_on_one_copy(point) for point in points)  # type: ignore[assignment]
        sets = [(films_name, of, got) for films_name, got in chosen_on.items()]
        if of is alone and len(whole.cases):
            label = "validation, whole X-rays"
            sets.append((label, whole, self._both(name, label, whole)))
        if len(check.cases):
            sources = ", ".join(sorted({source_of(self.plan, case) for case in check.cases}))
            label = f"validation, {sources}, whole X-rays that were trained on nowhere"
            sets.append((label, check, self._both(name, label, check)))
        tested = list(self._tests(name, test))
        results = [_result(label, found, got, calibration, points) for label, found, got in sets]
        population = Population(
            name=name,
            description=planned.description,
            years=planned.years,
            calibration=calibration,
            operating_points=points,
            training_data=_described(_of_films(self.plan, planned, training), films, notes),
            validation=tuple(results),
            test=tuple(_result(label, test, got, calibration, points) for label, got in tested),
            finding=planned.finding,
            limitations=planned.limitations,
        )
        rows = [
            row
            for label, found, got in (*sets, *((label, test, got) for label, got in tested))
            for row in _rows(label, found, got)
        ]
        compared: Scored | None = None
        if of is whole:
            compared = whole, {label.removeprefix("validation, "): got for label, got in chosen_on.items()}
        elif len({*check.has_pneumonia.tolist()}) == 2:
            compared = check, {AS_THEY_ARE: sets[-1][2]}
        return _Made(population, (films,), tuple(rows), how, compared)

    def _copies(self, name: str, films: Films) -> dict[str, np.ndarray]:
        return score_copies(self.network, films, lambda done, of: self.report(f"{name}: {done} of {of} copies"))

    def _both(self, name: str, label: str, films: Films) -> np.ndarray:
        """Give the logits of whole films by both views."""
        return self.scores.one(name, label, films, lambda: predict_logits(self.network, films.views[0]))

    def _tests(self, name: str, test: Films) -> Iterator[tuple[str, np.ndarray]]:
        if not len(test.cases):
            return
        self.report(f"{name}: {len(test.cases)} test X-rays, once")
        copies = [self.plan.data.name, *(copy.name for copy in self.plan.copies)]
        is_in_copies = all(source_of(self.plan, case) == self.plan.data.name for case in test.cases)
        views = list(zip(copies, test.views, strict=True)) if is_in_copies else [("whole X-rays", test.views[0])]
        for copy, view in views:
            label = f"test, {copy}"
            yield label, self.scores.one(name, label, test, functools.partial(predict_logits, self.network, view))

    def _carried_over(self, name: str, alone: Films, whole: Films, check: Films) -> tuple[dict[str, np.ndarray], str]:
        """Score lungs that stand alone by the lungs view, and carry the scores over to both views."""

        def view_of(film: np.ndarray) -> np.ndarray:
            outline = composites.outline_of(film)
            around = composites.filled(film.astype(np.float32), outline)
            return np.rint(composites.lungs_view(around, composites.softened(outline))).astype(np.uint8)

        self.report(f"{name}: {len(alone.cases)} lungs that stand alone")
        by_lungs = self.scores.one(
            name,
            "lungs alone",
            alone,
            lambda: predict_logits(self.lungs[0], np.stack([view_of(film) for film in alone.views[0]])),
        )
        lines = [films for films in (whole, check) if len(films.cases)]
        if sum(len(films.cases) for films in lines) < 2:
            raise DataError(
                f"The population {name} has lungs alone, and no whole X-rays by which their scores could be carried "
                "over to both views. Please name a source of whole X-rays for it.",
                CODE,
            )
        both = [self._both(name, f"line {place}", films) for place, films in enumerate(lines)]
        inside = [
            self.scores.one(
                name, f"lungs view {place}", films, functools.partial(predict_logits, self.inside, films.views[0])
            )
            for place, films in enumerate(lines)
        ]
        line = _line(np.concatenate(inside), np.concatenate(both))
        self.report(f"{name}: {line.in_words()}")
        return {LUNGS_ALONE: line.slope * by_lungs + line.offset}, line.in_words()

    def fill(self, folder: Path) -> None:
        """Put networks and logs into a model's folder."""
        save_network(self.network, folder / NETWORK_FILE)
        shutil.copy(self.parts.segmenter, folder / LUNGS_FILE)
        beside = self.parts.segmenter.with_suffix(".json")
        if beside.is_file():
            shutil.copy(beside, folder / LUNGS_CARD_FILE)
        logs = [_beside(part, LOG_FILE) for part in (self.parts.whole, self.parts.lungs)]
        if found := [log.read_bytes() for log in logs if log.is_file()]:
            (folder / LOG_FILE).write_bytes(b"".join(found))

    def card(self, populations: Sequence[Population], how: dict[str, str], folder: Path) -> ModelCard:
        parts = {"whole X-rays": self.parts.whole, "lungs views": self.parts.lungs}
        recipe: dict[str, Any] = groups_in_words(self.plan) | {
            "assembled": f"{_today()}, both views' log odds of each class, {self.parts.share:g} of whole X-rays and "
            f"{1 - self.parts.share:g} of lungs views",
            "points chosen on": how,
        }
        for view, part in parts.items():
            recipe[f"network for {view}"] = f"sha256 {file_sha256(part / NETWORK_FILE if part.is_dir() else part)}"
            if part.is_dir():
                recipe[f"recipe for {view}"] = read_card(part).recipe
        return ModelCard(
            name=self.plan.out.name,
            created=_today(),
            architecture=f"{self.plan.recipe.architecture} of whole X-rays + {self.plan.recipe.architecture} of lungs",
            preprocessing=self.preprocessing,
            explained_layer=JOINED_MAPS,
            weights_sha256=file_sha256(folder / NETWORK_FILE),
            intended_use=INTENDED_USE,
            limitations=LIMITATIONS,
            recipe=recipe,
            populations=tuple(populations),
            versions={"python": platform.python_version()}
            | {name: metadata.version(name) for name in ("tensorflow", "keras", "numpy")},
            lungs_sha256=file_sha256(folder / LUNGS_FILE),
        )


class _Scores:
    """Logits that were computed before, in a table of the network that gave them."""

    def __init__(self, folder: Path | None, network: str) -> None:
        self.path = None if folder is None else folder / f"scores-{network}.csv"
        # By population and making: of each copy, the logits by the names of the films.
        self.known: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
        if self.path is not None and self.path.is_file():
            with self.path.open(encoding="utf-8", newline="") as file:
                for population, making, copy, name, logit in csv.reader(file):
                    self.known.setdefault((population, making), {}).setdefault(copy, {})[name] = float(logit)

    def one(self, population: str, making: str, films: Films, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Give the logits of films, float64 `(n,)`; they are made where they are not known."""
        return self.of(population, making, films, lambda: {"": make()})[""]

    def of(
        self, population: str, making: str, films: Films, make: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Give the logits of copies of films by their names; they are made where they are not known."""
        names = [case.name for case in films.cases]
        known = self.known.get((population, making), {})
        if not known or any(copy.keys() != {*names} for copy in known.values()):
            # As the table holds them, so that a choice made again is the same.
            known = {
                copy: dict(zip(names, (round(float(logit), DECIMALS) for logit in logits), strict=True))
                for copy, logits in make().items()
            }
            self.known[population, making] = known
            self._write()
        return {copy: np.array([logits[name] for name in names]) for copy, logits in known.items()}

    def _write(self) -> None:
        if self.path is None:
            return
        file = io.StringIO()
        rows = csv.writer(file, lineterminator="\n")
        for (population, making), copies in self.known.items():
            for copy, logits in copies.items():
                rows.writerows(
                    (population, making, copy, name, f"{logit:.{DECIMALS}f}") for name, logit in logits.items()
                )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, file.getvalue().encode())


def _loaded(part: Path, plan: Plan) -> tuple[keras.Model, str]:
    """Load a network, and name the layer whose maps are explained."""
    if part.is_dir():
        return load_network(part / NETWORK_FILE), read_card(part).explained_layer
    return load_network(part), BACKBONES[plan.recipe.architecture].explained_layer


def _beside(part: Path, name: str) -> Path:
    """Give a file of a model's folder, or of the folder that a network's file lies in."""
    return (part if part.is_dir() else part.parent) / name


def _of(plan: Plan, planned: PlannedPopulation, cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases if population_of(plan, case) == planned.name]


def _of_films(plan: Plan, planned: PlannedPopulation, films: Films) -> Films:
    places = [place for place, case in enumerate(films.cases) if population_of(plan, case) == planned.name]
    return chosen_films(films, places)


def _films(cases: Sequence[Case], preprocessing: Preprocessing) -> Films:
    """Read films, which may all be of one class, or none."""
    if not cases:
        nothing = np.empty((1, 0, preprocessing.height, preprocessing.width), np.uint8)
        return Films((), nothing, np.empty(0, bool), ())
    found = read_films(cases, preprocessing, needs_both=False)
    assert found is not None
    return found


def _line(inside: np.ndarray, both: np.ndarray) -> _Carried:
    slope = float(both.std() / max(float(inside.std()), 1e-9))
    return _Carried(slope, float(both.mean() - slope * inside.mean()), len(both))


def _on_one_copy(point: OperatingPoint) -> OperatingPoint:
    assert not isinstance(point.rule, str)
    return dataclasses.replace(point, rule=dataclasses.replace(point.rule, on_every_copy=False))


def _result(
    label: str, films: Films, logits: np.ndarray, calibration: Calibration, points: tuple[OperatingPoint, ...]
) -> EvaluationResult:
    groups = np.array([group_of(case) for case in films.cases])
    # Folders name the finding and normal alone.
    told = groups if all(case.told is not None for case in films.cases) else None
    return evaluation_of(label, films.has_pneumonia, probabilities(logits, calibration), points, told)


def _described(training: Films, validation: Films, notes: Sequence[str]) -> TrainingData:
    cases, sha256s = (*training.cases, *validation.cases), (*training.sha256s, *validation.sha256s)
    return TrainingData(
        description=". ".join(
            ("split by patient, as the networks were trained", *(n.removesuffix(".") for n in notes))
        ),
        films=len(training.cases),
        films_with_pneumonia=int(training.has_pneumonia.sum()),
        patients=count_patients((case.patient, case.name) for case in training.cases),
        views_of_each_film=max((len({*case.views}) for case in training.cases), default=1),
        validation_films=len(validation.cases),
        validation_films_with_pneumonia=int(validation.has_pneumonia.sum()),
        validation_patients=count_patients((case.patient, case.name) for case in validation.cases),
        manifest_sha256=manifest_sha256(cases, sha256s),
    )


def _known(part: str, films: Films) -> Iterator[tuple[str, Sequence[str], str]]:
    for sha256s, film in zip(films.sha256s, films.views[0], strict=True):
        yield part, sha256s, fingerprint(film.astype(np.float32))


def _rows(label: str, films: Films, logits: np.ndarray) -> Iterator[ScoreRow]:
    for case, positive, logit in zip(films.cases, films.has_pneumonia, logits, strict=True):
        size = str(case.views[0].stat().st_size) if case.views[0].is_file() else ""
        yield label, case.name, case.kind or "other", int(positive), f"{logit:.6f}", size


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()
