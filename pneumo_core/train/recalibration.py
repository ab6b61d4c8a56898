"""Choose probability and operating points on validation films, and test them: after a fit, again, of a blend."""

import csv
import dataclasses
import datetime
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from pneumo_core.data import Case, find_xrays, without_doubles
from pneumo_core.errors import DataError
from pneumo_core.files import file_sha256
from pneumo_core.film import Preprocessing, fingerprint
from pneumo_core.gate import GATE_FILE
from pneumo_core.keras_network import JOINED_MAPS, KerasClassifier, join_networks, load_classifier, save_network
from pneumo_core.models import (
    KNOWN_FILMS_FILE,
    LOG_FILE,
    LUNGS_CARD_FILE,
    LUNGS_FILE,
    NETWORK_FILE,
    POPULATION_COLUMN,
    RECALIBRATED,
    RECORD_FILE,
    STORED_SCORES_FILE,
    EvaluationResult,
    KnownFilms,
    ModelCard,
    check_model_name,
    evaluation_of,
    gate_in_words,
    write_card,
)
from pneumo_core.network import record_known_answers
from pneumo_core.stats import Calibration, OperatingPoint, choose_operating_points, fit_temperature, probabilities
from pneumo_core.train.challenge import score_copies
from pneumo_core.train.films import Films, read_films
from pneumo_core.train.fit import predict_logits
from pneumo_core.train.run import partial_folder

# These files belong to the network, whatever its operating points are.
OF_THE_LUNGS = (LUNGS_FILE, LUNGS_CARD_FILE)
OF_THE_NETWORK = (NETWORK_FILE, *OF_THE_LUNGS, LOG_FILE, KNOWN_FILMS_FILE, GATE_FILE, RECORD_FILE)
ScoreRow = tuple[str, str, str, int, str, str]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choice of the validation films, and its results.

    Attributes:
        scores: rows for `write_scores`, of validation and of test films.
    """

    calibration: Calibration
    operating_points: tuple[OperatingPoint, ...]
    validation: tuple[EvaluationResult, ...]
    test: tuple[EvaluationResult, ...]
    scores: tuple[ScoreRow, ...]


def choose_and_test(
    network: keras.Model,
    preprocessing: Preprocessing,
    validation: Films,
    logits: Mapping[str, np.ndarray],
    tests: Sequence[Case],
    copies: Sequence[str],
    report: Callable[[str], None] = lambda line: None,
) -> Chosen:
    """Choose calibration and operating points on validation films; then read the test films, once.

    Args:
        logits: of the validation films, as `challenge.score_copies` gives them.
        tests: may be none.
        copies: the names of the test films' views.
    """
    has_pneumonia = validation.has_pneumonia
    calibration = fit_temperature(np.concatenate(list(logits.values())), np.tile(has_pneumonia, len(logits)))
    scores = {name: probabilities(copy, calibration) for name, copy in logits.items()}
    points = choose_operating_points(scores, has_pneumonia)
    rows = list(_score_rows(validation, {f"validation, {name}": copy for name, copy in logits.items()}))
    test_results = []
    if tests:
        report(f"reading {len(tests)} test X-rays, once")
        films = read_films(tests, preprocessing)
        assert films is not None
        test_logits = {
            f"test, {name}": predict_logits(network, view) for name, view in zip(copies, films.views, strict=True)
        }
        rows += _score_rows(films, test_logits)
        test_results = [
            evaluation_of(name, films.has_pneumonia, probabilities(copy, calibration), points)
            for name, copy in test_logits.items()
        ]
    of_validation = tuple(
        evaluation_of(f"validation, {name}", has_pneumonia, copy, points) for name, copy in scores.items()
    )
    return Chosen(calibration, points, of_validation, tuple(test_results), tuple(rows))


def recalibrate(
    folder: Path,
    data: Path,
    copies: Sequence[Path],
    out: Path,
    report: Callable[[str], None] = lambda line: None,
) -> ModelCard:
    """Make a model of the network of another one, with calibration and operating points chosen again.

    The films are those that the model was validated with, found in `data` by its list of known films. Tests of its
    heat maps and its comparison with another model are not taken over: both go by the flag.

    Args:
        folder: the model's.
        data, copies: what it was trained from, in the Kaggle layout, and further copies of the same films.
        out: the new model's folder, named as the model.

    Raises:
        DataError: `out` stands there already, or the model's validation films are not in `data`.
        ModelError: the model cannot be loaded, or the name is none.
    """
    _refuse_name(out)
    classifier = load_classifier(folder)
    old = classifier.card
    how = f"{_today()}, the network of {old.name}; its test films had been read before, with its own points"
    card = dataclasses.replace(old, name=out.name, recipe=old.recipe | {RECALIBRATED: how})

    def fill(partial: Path) -> None:
        for name in OF_THE_NETWORK:
            if (folder / name).is_file():
                shutil.copy(folder / name, partial / name)

    return _make(classifier.network, card, classifier.known, data, copies, out, fill, report)


def blend(
    folders: Sequence[Path],
    data: Path,
    copies: Sequence[Path],
    out: Path,
    report: Callable[[str], None] = lambda line: None,
) -> ModelCard:
    """Make one model of several: its logit is the mean of their calibrated ones, its points are chosen anew.

    The common part of their backbones runs once (`join_networks`). The new model has no input gate yet:
    `fit-gate` gives it one.

    Args:
        folders: the models', trained and validated with the same films.
        data, copies, out: as of `recalibrate`.

    Raises:
        DataError: `out` stands there already, the models were validated with different films, or these are not in
            `data`.
        ModelError: a model cannot be loaded, or they cannot be joined.
    """
    _refuse_name(out)
    classifiers = [load_classifier(folder) for folder in folders]
    cards = [classifier.card for classifier in classifiers]
    first = cards[0]
    for classifier in classifiers[1:]:
        if problem := _difference(classifiers[0], classifier):
            raise DataError(f"These models cannot be blended: {problem}. Please choose others.")
    if len({card.weights_sha256 for card in cards}) < max(len(cards), 2):
        names = ", ".join(card.name for card in cards)
        raise DataError(f"A blend needs two or more different models. The named models are {names}. Please name them.")
    network = join_networks(
        [classifier.network for classifier in classifiers],
        [card.explained_layer for card in cards],
        [1 / (len(cards) * card.first.calibration.temperature) for card in cards],
    )
    recipe: dict[str, object] = {f"{card.name}, sha256 {card.weights_sha256[:12]}": card.recipe for card in cards} | {
        "blended": f"{_today()}, the mean of the calibrated logits of {', '.join(card.name for card in cards)}"
    }
    if any(card.first.test for card in cards):
        recipe[RECALIBRATED] = "the test films had been read before, by models that this one was made of"
    card = dataclasses.replace(
        first,
        name=out.name,
        created=_today(),
        architecture=" + ".join(card.architecture for card in cards),
        explained_layer=JOINED_MAPS,
        recipe=recipe,
    )

    def fill(partial: Path) -> None:
        save_network(network, partial / NETWORK_FILE)
        # Its outline of the lungs is the first one's, too, as its card says.
        for name in (KNOWN_FILMS_FILE, *OF_THE_LUNGS):
            if (folders[0] / name).is_file():
                shutil.copy(folders[0] / name, partial / name)

    return _make(network, card, classifiers[0].known, data, copies, out, fill, report)


def _make(
    network: keras.Model,
    card: ModelCard,
    known: KnownFilms | None,
    data: Path,
    copies: Sequence[Path],
    out: Path,
    fill: Callable[[Path], None],
    report: Callable[[str], None],
) -> ModelCard:
    """Choose and test, and write the model's folder.

    Args:
        card: all of it but what is chosen and tested.
        known: the films that it knows.
        fill: puts what belongs to the network into the folder.
    """
    cases = find_xrays((data,), copies)
    films = read_films([case for case in cases if case.split != "test"], card.preprocessing)
    assert films is not None
    validation = validated_with(films, known)
    if len(validation.cases) > card.first.training_data.validation_films:
        # The model counted films that are there twice once; earlier models did not.
        validation = _once_each(validation)
    expected = card.first.training_data.validation_films
    if len(validation.cases) != expected:
        raise DataError(
            f"{data} holds {len(validation.cases)} of the {expected} X-rays that the model was validated with. "
            "Expected are all of them. Please name the folder that it was trained from."
        )
    tests = [case for case in without_doubles(cases)[0] if case.split == "test"]
    logits = score_copies(network, validation, lambda done, of: report(f"{done} of {of} copies"))
    names = [one.name for one in (data, *copies)]
    chosen = choose_and_test(network, card.preprocessing, validation, logits, tests, names, report)
    partial = partial_folder(out)
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        fill(partial)
        population = dataclasses.replace(
            card.first,
            calibration=chosen.calibration,
            operating_points=chosen.operating_points,
            validation=chosen.validation,
            test=chosen.test,
        )
        card = dataclasses.replace(
            card,
            weights_sha256=file_sha256(partial / NETWORK_FILE),
            populations=(population, *card.populations[1:]),
        )
        write_scores(partial / STORED_SCORES_FILE, chosen.scores)
        write_card(card, partial, gate_in_words(partial, card.weights_sha256))
        record_known_answers(load_classifier(partial), partial)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return card


def _difference(first: KerasClassifier, other: KerasClassifier) -> str:
    """Say what keeps two models from being parts of one; "" where nothing does."""
    one, two = first.card, other.card
    if one.preprocessing != two.preprocessing:
        sizes = " and ".join(
            f"{card.name} takes {card.preprocessing.height} x {card.preprocessing.width} pixels" for card in (one, two)
        )
        return f"{sizes}, or prepare X-rays in other ways; expected is the same of all"
    if first.known is None or other.known is None or first.known.hashes != other.known.hashes:
        return (
            f"{one.name} and {two.name} were not trained and validated on the same split. One would be validated "
            "with X-rays that the other was trained on"
        )
    return ""


def _refuse_name(out: Path) -> None:
    check_model_name(out.name)
    if out.exists():
        raise DataError(f"{out} stands there already, and a model is never overwritten. Please name a new folder.")


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def validated_with(films: Films, known: KnownFilms | None) -> Films:
    """Give those of films that a model was validated with, by its list of known films; none without a list."""
    kept = [
        place
        for place, (sha256s, film) in enumerate(zip(films.sha256s, films.views[0], strict=True))
        if known is not None and known.part_of(sha256s[0], fingerprint(film.astype(np.float32))) == "validation"
    ]
    return chosen_films(films, kept)


def chosen_films(films: Films, places: Sequence[int]) -> Films:
    """Give some of the films, in the order of their places."""
    return Films(
        tuple(films.cases[place] for place in places),
        films.views[:, places],
        films.has_pneumonia[places],
        tuple(films.sha256s[place] for place in places),
    )


def _once_each(films: Films) -> Films:
    """Leave out films whose content is that of an earlier one."""
    _, kept = np.unique([sha256s[0] for sha256s in films.sha256s], return_index=True)
    return chosen_films(films, sorted(kept.tolist()))


def write_scores(path: Path, rows: Sequence[ScoreRow], populations: Sequence[str] = ()) -> None:
    """Write the scores of a model's validation and test films as CSV.

    Args:
        populations: that of each row, of a model of several.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        columns = ("films", "name", "kind", "has_pneumonia", "logit", "file_bytes")
        if populations:
            writer.writerow((*columns, POPULATION_COLUMN))
            writer.writerows((*row, name) for row, name in zip(rows, populations, strict=True))
        else:
            writer.writerow(columns)
            writer.writerows(rows)


def _score_rows(films: Films, logits: Mapping[str, np.ndarray]) -> Iterator[ScoreRow]:
    """Give a row a film and copy; the copies come in the order of a film's files, then those that have no file.

    A file that has vanished since it was read has no size: the model does not wait for it.
    """
    for place, (copy, values) in enumerate(logits.items()):
        for case, positive, logit in zip(films.cases, films.has_pneumonia, values, strict=True):
            has_file = place < len(case.views) and case.views[place].is_file()
            size = str(case.views[place].stat().st_size) if has_file else ""
            yield copy, case.name, case.kind, int(positive), f"{logit:.6f}", size
