"""Facts to know about a model, kept beside its weights as `card.json` and `MODEL_CARD.md`."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator, with_config

from pneumo_core.data import of_patients
from pneumo_core.errors import ModelError
from pneumo_core.files import file_sha256, files_stamp, write_whole
from pneumo_core.film import Preprocessing
from pneumo_core.gate import GATE_FILE, Years
from pneumo_core.models.known_films import KNOWN_FILMS_FILE
from pneumo_core.models.populations import CHILDREN, Population, population_name
from pneumo_core.models.results import EvaluationResult, Sha256, Text
from pneumo_core.stats import Estimate, OperatingPoint, area, number_in_words, percent

NETWORK_FILE = "classifier.keras"
CARD_FILE = "card.json"
CARD_TEXT_FILE = "MODEL_CARD.md"
LOG_FILE = "training_log.jsonl"
STORED_SCORES_FILE = "scores.csv"
KNOWN_ANSWERS_FILE = "known_answers.json"
ACTIVE_FILE = "active.txt"
PROMOTIONS_FILE = "promotions.jsonl"

# The network that outlines the lungs; a card that names its hash needs it.
LUNGS_FILE = "lungs.keras"
# How that network was made, and how well it outlines; a record that nothing is read by.
LUNGS_CARD_FILE = "lungs.json"
# Heat maps of the samples where the model was made, for comparison on other machines; a model may lack them.
KNOWN_HEAT_MAPS_FILE = "known_heat_maps.json"
# `load_classifier` reads these files of a model's folder. A model may lack the optional ones.
NEEDED_FILES, OPTIONAL_FILES = (NETWORK_FILE, CARD_FILE), (KNOWN_FILMS_FILE, GATE_FILE, LUNGS_FILE)
# Says in a card's recipe that its operating points were chosen again.
RECALIBRATED = "recalibrated"
# Thresholds that lie within this are one, near enough.
NEARLY_ONE = 0.005
# The format of `card.json`. A card without a number is of format 1, because the first cards had none.
FORMAT = 2
# A card of format 1 is of one population, and holds that population's fields itself, these by other names.
_IN_FORMAT_1 = {"description": "population", "years": "population_years"}
_OF_POPULATION = ("calibration", "operating_points", "training_data", "validation", "test", *_IN_FORMAT_1.values())
# Each population takes a verdict, a table and a set of limits on every page.
MAX_POPULATIONS = 8
_NOT_MEASURED = Estimate(math.nan, math.nan, math.nan, 0)
# In a page's Markdown, a picture would be fetched from another host.
PICTURE = "!["
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


@with_config(ConfigDict(ser_json_inf_nan="constants", extra="forbid"))
@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model's description. Its thresholds belong to the weights with `weights_sha256`, and to no others.

    `populations` are the groups of patients that it knows, each with its own calibration, points and figures.
    `limitations` hold for all of them. `lungs_sha256` is of the segmenter beside the weights; None without one.
    `recipe` holds the settings of the training run by their names, `versions` the packages it ran with.
    `format` is that of the file. What a field may hold is checked where a card is read (`read_card`).
    """

    name: Text
    created: Text
    architecture: Text
    preprocessing: Preprocessing
    explained_layer: Text
    weights_sha256: Sha256
    intended_use: Text
    limitations: tuple[Text, ...]
    recipe: dict[str, Any]
    populations: Annotated[tuple[Population, ...], Field(min_length=1, max_length=MAX_POPULATIONS)]
    versions: dict[str, str]
    lungs_sha256: Sha256 | None = None
    format: Annotated[int, Field(ge=1, le=FORMAT)] = FORMAT

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        names = [population.name for population in self.populations]
        if len({*names}) < len(names):
            raise ValueError(f"it holds the populations {', '.join(names)}. Expected is a name of its own for each")
        if PICTURE in card_text(self):
            raise ValueError("it holds a picture among its words. Expected are words alone")
        return self

    @property
    def identity(self) -> str:
        """Tell it from models that score or flag otherwise: weights, segmenter, calibration and operating points.

        Two models may have the same weights: `recalibration` makes such.
        """
        return "; ".join(
            [self.weights_sha256, f"lungs {self.lungs_sha256}", *(one.identity for one in self.populations)]
        )

    def is_of_same_model(self, other: Self) -> bool:
        """Tell whether another card is of the same model.

        Cards as a whole cannot tell: an area of one class alone is `nan`, and differs from itself.
        """
        return (self.name, self.identity) == (other.name, other.identity)

    @property
    def first(self) -> Population:
        """Give the first population, which is the only one of most models."""
        return self.populations[0]

    @property
    def years(self) -> tuple[Years, ...]:
        """Give the youngest and the oldest of each population, in whole years."""
        return tuple(population.years for population in self.populations)

    def population_of(self, name: str) -> Population:
        """Give the population of a name.

        Raises:
            ModelError: the card has none of this name.
        """
        for population in self.populations:
            if population.name == name:
                return population
        names = ", ".join(population.name for population in self.populations)
        raise ModelError(
            f"The model {self.name} knows no population '{name[:40]}'. Expected is one of: {names}. Please choose one.",
            code="population",
        )


def card_for(card: ModelCard, name: str) -> ModelCard:
    """Give a card as that of a model of one of its populations alone.

    Raises:
        ModelError: it knows none of this name.
    """
    return card if len(card.populations) == 1 else replace(card, populations=(card.population_of(name),))


_CARD = TypeAdapter(ModelCard)
_YEARS: TypeAdapter[Years] = TypeAdapter(Years)


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
    content, is_old = _in_newest_format((folder / CARD_FILE).read_bytes())
    try:
        card = _CARD.validate_json(content)
    except ValidationError as error:
        if any(found["loc"] == ("format",) and found["type"] == "less_than_equal" for found in error.errors()):
            raise ModelError(
                f"{CARD_FILE} of the model {folder.name} is of a newer format than {FORMAT}, the newest that this "
                "version of Pneumo reads. Please update Pneumo, or use a model that it made."
            ) from error
        raise ModelError(
            f"{CARD_FILE} of the model {folder.name} is not as training wrote it: {_what_is_wrong(error, is_old)}. "
            "Please copy the whole model folder again, or export the model again where it was made."
        ) from error
    if card.lungs_sha256 is not None:
        lungs = file_sha256(folder / LUNGS_FILE) if (folder / LUNGS_FILE).is_file() else "none"
        if lungs != card.lungs_sha256:
            raise ModelError(
                f"The card of the model {folder.name} belongs to another {LUNGS_FILE} ({card.lungs_sha256[:12]}) than "
                f"the one beside it ({lungs[:12]}). Please copy the whole model folder again.",
            )
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
    is_one = len(card.populations) == 1
    lines = [
        f"# Model card: {card.name}",
        "",
        "Generated from `card.json`; no figure is typed by hand.",
        "",
        "## What it is",
        "",
        f"- Network: {card.architecture}, input {card.preprocessing.height} x {card.preprocessing.width}, one logit "
        f"for {' or '.join(dict.fromkeys(population.finding for population in card.populations))}; heat maps from "
        f"layer `{card.explained_layer}`",
        f"- Weights: sha256 `{card.weights_sha256}`, made {card.created}",
        *((f"- Outline of the lungs: `{LUNGS_FILE}`, sha256 `{card.lungs_sha256}`",) if card.lungs_sha256 else ()),
        f"- Intended use: {card.intended_use}",
        *(
            f"- Population{'' if is_one else f' {population.name}'}: {population.description}"
            for population in card.populations
        ),
        "",
        "## Limitations",
        "",
        *(f"- {limitation}" for limitation in card.limitations),
        *(f"- {limitation}" for population in card.populations for limitation in population.limitations),
        "",
    ]
    for population in card.populations:
        if not is_one:
            lines += [f"## Population: {population.name}", ""]
        lines += _population_text(card, population, "##" if is_one else "###")
    lines += [
        *(("## Input gate", "", *(f"- {sentence}" for sentence in input_gate), "") if input_gate else ()),
        "## Recipe",
        "",
        *_settings(card.recipe),
        "",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in card.versions.items()),
        "",
    ]
    return "\n".join(lines)


def _population_text(card: ModelCard, population: Population, level: str) -> list[str]:
    """Give what holds for a population as lines of Markdown, under headings of a level."""
    data, calibration, sign = population.training_data, population.calibration, population.condition
    return [
        f"{level} Training data",
        "",
        f"- {data.description}",
        f"- trained on {data.films} films ({data.films_with_pneumonia} with {sign}) "
        f"{of_patients(data.patients)}, {data.views_of_each_film} file(s) of each",
        f"- validated on {data.validation_films} films ({data.validation_films_with_pneumonia} with {sign}) "
        f"{of_patients(data.validation_patients, 'other ')}",
        f"- manifest sha256 `{data.manifest_sha256}`",
        "",
        f"{level} Calibration and operating points",
        "",
        f"Probability = sigmoid(logit / {calibration.temperature:.4f}), for a group in which "
        f"{calibration.prevalence:.0%} have {sign}. A film is flagged at or above the threshold.",
        "",
        "| operating point | threshold | chosen on validation for |",
        "|---|---|---|",
        *(f"| {point.name} | {point.threshold:.4f} | {point.chosen_for} |" for point in population.operating_points),
        "",
        f"{level} Results",
        "",
        "95 % intervals: DeLong for the area under the ROC curve, Wilson for proportions; both take films for "
        "independent, and are too narrow where a patient has several. ECE: expected calibration error, 10 bins. The "
        "test films chose no epoch, no temperature and no threshold: these figures are of one reading, after these "
        "were chosen"
        + (", and before that by a model that this one was made of." if RECALIBRATED in card.recipe else ".")
        + " Where earlier models were scored on the same films, what was seen then may have shaped this one.",
        "",
        f"{level}# Test",
        "",
        *result_table(population.test, sign),
        "",
        *group_lines(population.test),
        f"{level}# Validation (chose the epoch, the temperature and the thresholds)",
        "",
        *result_table(population.validation, sign),
        "",
    ]


def _in_newest_format(content: bytes) -> tuple[bytes, bool]:
    """Give a card's JSON in the newest format, and whether it was of format 1; as it is where it is no such card.

    Nothing is checked here, and nothing lost: what no card has stays where it was.
    """
    try:
        card = json.loads(content)
    except (ValueError, RecursionError):
        return content, False
    if not isinstance(card, dict) or "populations" in card:
        return content, False
    population = {name: card.pop(name) for name in _OF_POPULATION if name in card}
    for name, old in _IN_FORMAT_1.items():
        if old in population:
            population[name] = population.pop(old)
    try:
        population["name"] = population_name(_YEARS.validate_python(population.get("years")))
    except ValidationError:
        # Years that are none are told of by the check of the whole card.
        population["name"] = CHILDREN
    if isinstance(points := population.get("operating_points"), list):
        for point in points:
            if isinstance(point, dict) and "chosen_for" in point:
                point["rule"] = point.pop("chosen_for")
    card["populations"] = [population]
    if card.get("format", 1) == 1:
        card["format"] = FORMAT
    return json.dumps(card).encode(), True


def _what_is_wrong(error: ValidationError, is_old: bool) -> str:
    """Say of the first thing that is wrong with a card where it is, what was found and what is expected.

    Nothing is repeated but numbers and names that are a card's own: the file may come from anywhere.
    """
    first = error.errors(include_url=False)[0]
    kind, context, found = first["type"], first.get("ctx", {}), first["input"]
    if kind == "json_invalid":
        return "it is no JSON"
    loc = first["loc"]
    if is_old and loc[:1] == ("populations",):
        loc = tuple({**_IN_FORMAT_1, "rule": "chosen_for"}.get(str(part), part) for part in loc[2:])
    names = [f"number {part + 1}" if isinstance(part, int) else part for part in loc]
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


def _settings(recipe: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Give settings as the lines of a list; those of a model's parts stand below the part's name."""
    for name, value in recipe.items():
        if isinstance(value, dict):
            yield f"{indent}- {name}:"
            yield from _settings(value, indent + "  ")
        else:
            yield f"{indent}- {name}: {value}"


def area_with_films(results: Sequence[EvaluationResult], condition: str = "pneumonia") -> str:
    """Give the area on the films as they are, the first of the results, with n; "none" without results."""
    if not results:
        return "none"
    return f"{area(results[0].area_under_roc)}, n = {results[0].n} ({results[0].n_pneumonia} with {condition})"


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


def group_lines(results: tuple[EvaluationResult, ...]) -> list[str]:
    """Give the rates of three groups as lines of Markdown, where results count them apart; else none."""
    apart = [(result.films, point) for result in results for point in result.points if point.groups is not None]
    if not apart:
        return []
    rows = [
        f"| {films} | {point.name} | {percent(point.rates.sensitivity or _NOT_MEASURED)} "
        f"| {percent(point.rates.specificity_other or _NOT_MEASURED)} "
        f"| {percent(point.rates.specificity_normal or _NOT_MEASURED)} |"
        for films, point in apart
    ]
    return [
        "| films | point | sensitivity % | specificity % with another abnormality | with nothing abnormal |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "A predictive value depends on how many patients are of each group. The card states no mix, and so no value.",
        "",
    ]


def result_table(results: tuple[EvaluationResult, ...], condition: str = "pneumonia") -> list[str]:
    """Give results as the lines of a Markdown table, a line an operating point, with 95 % intervals."""
    lines = [
        f"| films | n (with {condition}) | AUC | ECE | Brier | point | sensitivity % | specificity % | accuracy % "
        "| F1 |",
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
