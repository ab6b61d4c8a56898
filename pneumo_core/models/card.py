"""Facts to know about a model, kept beside its weights as `card.json` and `MODEL_CARD.md`."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self, get_args

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator, with_config

from pneumo_core.data import of_patients
from pneumo_core.errors import ModelError
from pneumo_core.files import file_sha256, files_stamp, write_whole
from pneumo_core.film import Preprocessing
from pneumo_core.gate import GATE_FILE
from pneumo_core.models.known_films import KNOWN_FILMS_FILE
from pneumo_core.stats import (
    Calibration,
    ConfusionMatrix,
    Estimate,
    OperatingPoint,
    PointName,
    area,
    area_under_roc,
    brier_score,
    expected_calibration_error,
    number_in_words,
    percent,
)

NETWORK_FILE = "classifier.keras"
CARD_FILE = "card.json"
CARD_TEXT_FILE = "MODEL_CARD.md"
LOG_FILE = "training_log.jsonl"
STORED_SCORES_FILE = "scores.csv"
KNOWN_ANSWERS_FILE = "known_answers.json"
ACTIVE_FILE = "active.txt"
PROMOTIONS_FILE = "promotions.jsonl"

# `load_classifier` reads these files of a model's folder. A model may lack the optional ones.
NEEDED_FILES, OPTIONAL_FILES = (NETWORK_FILE, CARD_FILE), (KNOWN_FILMS_FILE, GATE_FILE)
# Says in a card's recipe that its operating points were chosen again.
RECALIBRATED = "recalibrated"
# Thresholds that lie within this are one, near enough.
NEARLY_ONE = 0.005
# The format of `card.json`. A card without a number is of format 1, because the first cards had none.
FORMAT = 1
MAX_AGE = 150
MAX_TEXT = 2000
# In a page's Markdown, a picture would be fetched from another host.
PICTURE = "!["
# Rounding may add this much to a figure.
ROUNDING = 1e-9
_MODEL_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,59}")
# The expected content of a card's file by the kind of error, filled in with the values of the error.
_EXPECTED = {
    "dataclass_type": "a group of fields",
    "dict_type": "a group of fields",
    "tuple_type": "a list",
    "missing": "a value",
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "string_too_long": "a text of at most {max_length} characters",
    "string_pattern_mismatch": "a SHA-256 of 64 hexadecimal digits",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "literal_error": "one of {expected}",
}

Count = Annotated[int, Field(ge=0, le=10**9)]
Age = Annotated[float, Field(ge=0, le=MAX_AGE)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Sha256 = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]


@dataclass(frozen=True, slots=True)
class PointResult:
    """Results at one operating point: threshold on the probability, and counts of films."""

    name: PointName
    threshold: float
    confusion: ConfusionMatrix


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """How a model did on one set of labelled films; figures at the prevalence of these films."""

    films: Text
    n: Count
    n_pneumonia: Count
    area_under_roc: Estimate
    brier_score: float
    expected_calibration_error: float
    points: tuple[PointResult, ...]

    @model_validator(mode="after")
    def _is_of_films(self) -> Self:
        if problem := _why_impossible(self):
            raise ValueError(f"it holds {problem}, which no films give")
        return self


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The films that a model was fitted to and validated on; `patients` are 0 where nothing tells them."""

    description: Text
    films: Count
    films_with_pneumonia: Count
    patients: Count
    views_of_each_film: Count
    validation_films: Count
    validation_films_with_pneumonia: Count
    validation_patients: Count
    manifest_sha256: Sha256

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        for some, of in (
            (self.films_with_pneumonia, self.films),
            (self.validation_films_with_pneumonia, self.validation_films),
        ):
            if some > of:
                raise ValueError(f"it holds {some} films with pneumonia of {of}. Expected are no more than films")
        return self


@with_config(ConfigDict(ser_json_inf_nan="constants", extra="forbid"))
@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model's description. Its thresholds belong to the weights with `weights_sha256`, and to no others.

    `population_years` is the age range, in years, of the patients whose films it was trained on.
    `recipe` holds the settings of the training run by their names, `versions` the packages it ran with.
    `format` is that of the file. What a field may hold is checked where a card is read (`read_card`).
    """

    name: Text
    created: Text
    architecture: Text
    preprocessing: Preprocessing
    explained_layer: Text
    calibration: Calibration
    operating_points: tuple[OperatingPoint, ...]
    weights_sha256: Sha256
    population: Text
    population_years: tuple[Age, Age]
    intended_use: Text
    limitations: tuple[Text, ...]
    recipe: dict[str, Any]
    training_data: TrainingData
    validation: tuple[EvaluationResult, ...]
    test: tuple[EvaluationResult, ...]
    versions: dict[str, str]
    format: Annotated[int, Field(ge=1, le=FORMAT)] = FORMAT

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        points = [(point.name, point.threshold) for point in self.operating_points]
        if sorted(name for name, _ in points) != sorted(get_args(PointName)):
            found = ", ".join(name for name, _ in points) or "none"
            raise ValueError(
                f"it holds the operating points {found}. Expected are {', '.join(get_args(PointName))}, once each"
            )
        youngest, oldest = self.population_years
        if youngest > oldest:
            raise ValueError(
                f"it holds population_years of {youngest:g} to {oldest:g}. Expected is the lower age first"
            )
        for where, results in (("validation", self.validation), ("test", self.test)):
            for number, result in enumerate(results, start=1):
                if [(point.name, point.threshold) for point in result.points] != points:
                    raise ValueError(
                        f"{where}, number {number}, holds results at other points than its operating points. Expected "
                        "is one at each, in the same order"
                    )
        if PICTURE in card_text(self):
            raise ValueError("it holds a picture among its words. Expected are words alone")
        return self

    @property
    def identity(self) -> str:
        """Tell it from models that score or flag otherwise: weights, calibration and operating points.

        Two models may have the same weights: `recalibration` makes such.
        """
        points = ", ".join(f"{point.name} {point.threshold!r}" for point in self.operating_points)
        return f"{self.weights_sha256}, temperature {self.calibration.temperature!r}, {points}"

    def operating_point(self, name: str) -> OperatingPoint:
        """Give the operating point of a name.

        Raises:
            ModelError: the card has none of this name.
        """
        for point in self.operating_points:
            if point.name == name:
                return point
        names = ", ".join(point.name for point in self.operating_points)
        raise ModelError(f"Model {self.name} has no operating point '{name}'. Please choose one of: {names}.")


_CARD = TypeAdapter(ModelCard)


def evaluation_of(
    films: str,
    has_pneumonia: np.ndarray,
    probabilities: np.ndarray,
    operating_points: tuple[OperatingPoint, ...],
) -> EvaluationResult:
    """Evaluate calibrated probabilities against the reference standard.

    Args:
        films: what these films are, for the reader.
        has_pneumonia: bool `(n,)`.
        probabilities: float `(n,)` in [0, 1].
    """
    return EvaluationResult(
        films=films,
        n=len(has_pneumonia),
        n_pneumonia=int(has_pneumonia.sum()),
        area_under_roc=area_under_roc(has_pneumonia, probabilities),
        brier_score=brier_score(has_pneumonia, probabilities),
        expected_calibration_error=expected_calibration_error(has_pneumonia, probabilities),
        points=tuple(
            PointResult(
                point.name,
                point.threshold,
                ConfusionMatrix.count(has_pneumonia, probabilities >= point.threshold),
            )
            for point in operating_points
        ),
    )


def write_card(card: ModelCard, folder: Path, input_gate: Sequence[str] = ()) -> None:
    """Write `card.json` and, generated from it, `MODEL_CARD.md`; each is whole or not there.

    Args:
        input_gate: as in `card_text`.
    """
    write_whole(folder / CARD_FILE, _CARD.dump_json(card, indent=2) + b"\n")
    write_whole(folder / CARD_TEXT_FILE, card_text(card, input_gate).encode())


def read_card(folder: Path) -> ModelCard:
    """Read a model's card, and refuse it where it belongs to other weights than those beside it.

    Raises:
        ModelError: card or weights are missing, the card is damaged, or the hashes differ.
    """
    for name in (CARD_FILE, NETWORK_FILE):
        if not (folder / name).is_file():
            raise ModelError(
                f"The model folder {folder.name} holds no {name}. Expected are {NETWORK_FILE} and {CARD_FILE}, as "
                "training writes them. Please copy the folder again, or train a model."
            )
    try:
        card = _CARD.validate_json((folder / CARD_FILE).read_bytes())
    except ValidationError as error:
        if any(found["loc"] == ("format",) and found["type"] == "less_than_equal" for found in error.errors()):
            raise ModelError(
                f"{CARD_FILE} of the model {folder.name} is of a newer format than {FORMAT}, the newest that this "
                "version of Pneumo reads. Please update Pneumo, or use a model that it made."
            ) from error
        raise ModelError(
            f"{CARD_FILE} of the model {folder.name} is not as training wrote it: {_what_is_wrong(error)}. Please copy "
            "the whole model folder again, or export the model again where it was made."
        ) from error
    found = file_sha256(folder / NETWORK_FILE)
    if found != card.weights_sha256:
        raise ModelError(
            f"The card of the model {folder.name} belongs to other weights ({card.weights_sha256[:12]}) than the file "
            f"beside it ({found[:12]}), so its thresholds mean nothing. Please copy the whole model folder again."
        )
    return card


def model_files(folder: Path) -> tuple[str, ...]:
    """Name the files of a model's folder that it scores and judges by: all that has to lie where it is to be loaded.

    Other records of it (log, record of the gate, scores of its validation films) are none of them.
    """
    return (*NEEDED_FILES, *(name for name in OPTIONAL_FILES if (folder / name).is_file()))


def active_model_folder(models: Path) -> Path:
    """Give the folder of the model in use: `models` itself if it holds a card, else the one `active.txt` names.

    Raises:
        ModelError: there is none.
    """
    if (models / CARD_FILE).is_file():
        return models
    pointer = models / ACTIVE_FILE
    if not pointer.is_file():
        if names := ", ".join(folder.name for folder in models_in(models)):
            raise ModelError(
                f"No model of {models.name} is in use: it holds {names}, and no {ACTIVE_FILE} that names one. Please "
                "put one in use (models promote), or name its folder."
            )
        raise ModelError(
            f"No model was found in {models.name}. Expected is a folder with {NETWORK_FILE} and {CARD_FILE}, or "
            f"an {ACTIVE_FILE} that names one. Please train a model, or copy one there."
        )
    name = pointer.read_text(encoding="utf-8", errors="replace").strip()
    folder = models / name
    # The length first: a file system answers a name of over 255 bytes with an error of its own.
    if not name or name in {".", ".."} or Path(name).name != name or len(name) > 60 or not folder.is_dir():
        raise ModelError(
            f"{ACTIVE_FILE} names the model '{name[:60]}', and {models.name} holds no such folder. Please write the "
            "name of one of its folders into it."
        )
    return folder


def check_model_name(name: str) -> str:
    """Give the name of a model's folder back, if it is one: letters, digits, dots, dashes and underscores.

    Raises:
        ModelError: it is none.
    """
    if not _MODEL_NAME.fullmatch(name) or name in {ACTIVE_FILE, PROMOTIONS_FILE}:
        raise ModelError(
            f"'{name[:60]}' cannot be the name of a model's folder. Expected are 1 to 60 letters (a-z), digits, dots, "
            "dashes and underscores, no dot at the start. Please choose such a name."
        )
    return name


def models_in(models: Path) -> list[Path]:
    """List the models' folders in a folder of models, by name."""
    return sorted(path.parent for path in models.glob(f"*/{CARD_FILE}"))


def model_stamp(models: Path, *others: str) -> tuple[object, ...]:
    """Give what differs as soon as another model is in use, or a file of this one is another; never fails.

    Args:
        others: names of files in a model's folder, beside those that a classifier is loaded from.
    """
    pointer = models / ACTIVE_FILE
    name = pointer.read_text(encoding="utf-8", errors="replace").strip() if pointer.is_file() else ""
    # `active_model_folder` chooses in the same way.
    folder = models if (models / CARD_FILE).is_file() else models / name
    of_model = (*NEEDED_FILES, *OPTIONAL_FILES, *others) if len(name) <= 60 else ()
    return files_stamp((pointer, *(folder / file for file in of_model)))


def card_text(card: ModelCard, input_gate: Sequence[str] = ()) -> str:
    """Give the model card as Markdown, for people.

    Args:
        input_gate: what is known of the model's input gate, as sentences of `input_gate_record`.
    """
    data = card.training_data
    lines = [
        f"# Model card: {card.name}",
        "",
        "Generated from `card.json`; no figure is typed by hand.",
        "",
        "## What it is",
        "",
        f"- Network: {card.architecture}, input {card.preprocessing.height} x {card.preprocessing.width}, one logit "
        f"for suspected pneumonia; heat maps from layer `{card.explained_layer}`",
        f"- Weights: sha256 `{card.weights_sha256}`, made {card.created}",
        f"- Intended use: {card.intended_use}",
        f"- Population: {card.population}",
        "",
        "## Limitations",
        "",
        *(f"- {limitation}" for limitation in card.limitations),
        "",
        "## Training data",
        "",
        f"- {data.description}",
        f"- trained on {data.films} films ({data.films_with_pneumonia} with pneumonia) "
        f"{of_patients(data.patients)}, {data.views_of_each_film} file(s) of each",
        f"- validated on {data.validation_films} films ({data.validation_films_with_pneumonia} with pneumonia) "
        f"{of_patients(data.validation_patients, 'other ')}",
        f"- manifest sha256 `{data.manifest_sha256}`",
        "",
        "## Calibration and operating points",
        "",
        f"Probability = sigmoid(logit / {card.calibration.temperature:.4f}), for a group in which "
        f"{card.calibration.prevalence:.0%} have pneumonia. A film is flagged at or above the threshold.",
        "",
        "| operating point | threshold | chosen on validation for |",
        "|---|---|---|",
        *(f"| {point.name} | {point.threshold:.4f} | {point.chosen_for} |" for point in card.operating_points),
        "",
        "## Results",
        "",
        "95 % intervals: DeLong for the area under the ROC curve, Wilson for proportions; both take films for "
        "independent, and are too narrow where a patient has several. ECE: expected calibration error, 10 bins. The "
        "test films chose no epoch, no temperature and no threshold: these figures are of one reading, after these "
        "were chosen"
        + (", and before that by a model that this one was made of." if RECALIBRATED in card.recipe else ".")
        + " Where earlier models were scored on the same films, what was seen then may have shaped this one.",
        "",
        "### Test",
        "",
        *result_table(card.test),
        "",
        "### Validation (chose the epoch, the temperature and the thresholds)",
        "",
        *result_table(card.validation),
        "",
        *(("## Input gate", "", *(f"- {sentence}" for sentence in input_gate), "") if input_gate else ()),
        "## Recipe",
        "",
        *_settings(card.recipe),
        "",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in card.versions.items()),
        "",
    ]
    return "\n".join(lines)


def _what_is_wrong(error: ValidationError) -> str:
    """Say of the first thing that is wrong with a card where it is, what was found and what is expected.

    Nothing is repeated but numbers and names that are a card's own: the file may come from anywhere.
    """
    first = error.errors(include_url=False)[0]
    kind, context, found = first["type"], first.get("ctx", {}), first["input"]
    if kind == "json_invalid":
        return "it is no JSON"
    names = [f"number {part + 1}" if isinstance(part, int) else part for part in first["loc"]]
    # A key of a table, or a field that no card has, may be any text.
    place = ", ".join(name for name in names if re.fullmatch(r"[a-z0-9_ ]{1,40}", name))
    if kind == "value_error":
        return f"{place}: {context['error']}" if place else str(context["error"])
    if kind == "unexpected_keyword_argument":
        return "it holds a field that no card has"
    held = "missing" if kind == "missing" else "something else"
    if isinstance(found, float) or (isinstance(found, int) and abs(found) < 10**15):
        held = f"{found:g}"
    expected = _EXPECTED.get(kind, "another value").format(**context)
    return f"{place or 'the whole'} is {held}. Expected is {expected}"


def _why_impossible(result: EvaluationResult) -> str:
    """Say what figure of a result no films could give, as one that was changed by hand; "" where all could be."""
    area = result.area_under_roc
    if result.n_pneumonia > result.n:
        return f"{result.n_pneumonia} of {result.n} films with pneumonia"
    if area.n != result.n:
        return f"an AUC of {area.n} films among {result.n}"
    if math.isnan(area.value) != (result.n_pneumonia in (0, result.n)):
        return "an AUC of one class alone, or none of both"
    if not math.isnan(area.value):
        if not -ROUNDING <= area.value <= 1 + ROUNDING:
            return f"an AUC of {area.value:.3f}"
        if math.isnan(area.low) != math.isnan(area.high):
            return "an AUC with half an interval"
        if not math.isnan(area.low) and not (
            0 <= area.low <= area.value + ROUNDING and area.value - ROUNDING <= area.high <= 1
        ):
            return f"an AUC of {area.value:.3f} outside its own interval, {area.low:.3f} to {area.high:.3f}"
    for name, value in (("Brier score", result.brier_score), ("ECE", result.expected_calibration_error)):
        # Without films there is none.
        if result.n and not 0 <= value <= 1:
            return f"the {name} {value:.3f}"
    for point in result.points:
        matrix = point.confusion
        counts = matrix.true_positives, matrix.false_negatives, matrix.true_negatives, matrix.false_positives
        with_pneumonia = matrix.true_positives + matrix.false_negatives
        if min(counts) < 0:
            return f"a count below 0 at the {point.name} point"
        if (matrix.n, with_pneumonia) != (result.n, result.n_pneumonia):
            return (
                f"counts of {matrix.n} films, {with_pneumonia} with pneumonia, at the {point.name} point of {result.n} "
                f"films, {result.n_pneumonia} with pneumonia"
            )
    return ""


def _settings(recipe: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Give settings as the lines of a list; those of a model's parts stand below the part's name."""
    for name, value in recipe.items():
        if isinstance(value, dict):
            yield f"{indent}- {name}:"
            yield from _settings(value, indent + "  ")
        else:
            yield f"{indent}- {name}: {value}"


def area_with_films(results: Sequence[EvaluationResult]) -> str:
    """Give the area on the films as they are, the first of the results, with n; "none" without results."""
    if not results:
        return "none"
    return f"{area(results[0].area_under_roc)}, n = {results[0].n} ({results[0].n_pneumonia} with pneumonia)"


def thresholds_in_words(points: Sequence[OperatingPoint]) -> tuple[str, ...]:
    """Give operating points as "balanced 5.2", in percent: as many digits (1 to 4) as tell different ones apart."""
    different = len({point.threshold for point in points})
    texts: list[str] = []
    for digits in range(1, 5):
        texts = [f"{100 * point.threshold:.{digits}f}" for point in points]
        if len(set(texts)) == different:
            break
    return tuple(f"{point.name} {text}" for point, text in zip(points, texts, strict=True))


def nearly_one_threshold(points: Sequence[OperatingPoint]) -> str:
    """Say so where the thresholds lie within `NEARLY_ONE`; "" where they do not."""
    thresholds = [point.threshold for point in points]
    if max(thresholds, default=1.0) - min(thresholds, default=0.0) > NEARLY_ONE:
        return ""
    return (
        "The three thresholds nearly coincide: the scores of validation films hardly separate the classes, or one "
        "threshold meets all three aims; sensitivity and specificity on the card tell which."
    )


def result_table(results: tuple[EvaluationResult, ...]) -> list[str]:
    """Give results as the lines of a Markdown table, a line an operating point, with 95 % intervals."""
    lines = [
        "| films | n (with pneumonia) | AUC | ECE | Brier | point | sensitivity % | specificity % | accuracy % | F1 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        for point in result.points:
            matrix = point.confusion
            lines.append(
                f"| {result.films} | {result.n} ({result.n_pneumonia}) | {area(result.area_under_roc)} "
                f"| {result.expected_calibration_error:.3f} | {result.brier_score:.3f} | {point.name} "
                f"| {percent(matrix.sensitivity)} | {percent(matrix.specificity)} | {percent(matrix.accuracy)} "
                f"| {number_in_words(matrix.f1)} |"
            )
    return lines
