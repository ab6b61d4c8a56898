"""Small values made in memory that several tests need: a film, a card, an explanation, a reading."""

import copy
import csv
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pneumo_core.files.places import ROOT
from pneumo_core.film.pixels import Origin
from pneumo_core.film.preprocessing import Preprocessing, resize
from pneumo_core.film.radiograph import Radiograph
from pneumo_core.film.window import Window
from pneumo_core.gate.admission import Admission
from pneumo_core.gate.input_gate import UPRIGHT, Verdict
from pneumo_core.gate.quality import Quality
from pneumo_core.gate.suitability import Suitability
from pneumo_core.models.card import ModelCard, active_model_folder, read_card
from pneumo_core.models.populations import Population
from pneumo_core.models.results import EvaluationResult, PointResult, TrainingData, evaluation_of
from pneumo_core.read.reading import Reading
from pneumo_core.read.verdicts import PopulationVerdict, Prediction
from pneumo_core.stats.calibration import Calibration, OperatingPoint, probabilities
from pneumo_core.stats.metrics import ConfusionMatrix, Estimate
from pneumo_core.wording import Caution

HEIGHT, WIDTH = 120, 160
# Stands where a hospital would write a name: it may appear in no file.
CANARY = "CANARY^PATIENT.dcm"
FILM_SHA256 = "f1" * 32
WEIGHTS = b"weights, as far as these tests need them"
# sha256sum of WEIGHTS.
WEIGHTS_SHA256 = "5f5cbb30c60d97586de80c4b55cf29cdcbf4af2cf1ae283482ff4cd237a22bbc"

SCREENING = OperatingPoint("screening", 0.2, "sensitivity first")
BALANCED = OperatingPoint("balanced", 0.5, "both alike")
RULE_IN = OperatingPoint("rule-in", 0.8, "specificity first")

# The fields of a card's population by which `model_card` tells them from the card's own.
OF_POPULATION = {
    "description",
    "years",
    "calibration",
    "operating_points",
    "training_data",
    "validation",
    "test",
    "finding",
}
# What an input gate says of a film that may be read, near to those known and far from them.
NEAR, FAR_AWAY = Verdict(UPRIGHT, 0.99, False), Verdict(UPRIGHT, 0.99, True)


@dataclass(frozen=True, slots=True, eq=False)
class FakeExplanation:
    """What `gradcam.Explanation` offers, without TensorFlow."""

    coarse: np.ndarray
    peak: float = 2.0
    layer: str = "last_maps"
    window: Window | None = None

    @property
    def is_blank(self) -> bool:
        return self.peak == 0

    def heatmap(self, height: int, width: int) -> np.ndarray:
        return resize(self.coarse, height, width, "nearest")


def left_half() -> FakeExplanation:
    """Full evidence in the left half, none in the right."""
    return FakeExplanation(np.array([[1.0, 0.0]], np.float32))


def no_evidence() -> FakeExplanation:
    return FakeExplanation(np.zeros((1, 2), np.float32), peak=0.0)


def zip_of(files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Give files by their names as a zip."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, file in files.items():
            archive.writestr(name, file)
    return content.getvalue()


def film_pixels(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """float32 `(height, width)`: a ramp from 0 at the left to 1 at the right, read-only."""
    pixels = np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1))
    pixels.setflags(write=False)
    return pixels


def radiograph(pixels: np.ndarray | None = None, name: str = CANARY, **origin) -> Radiograph:
    """A film; `origin` are fields of `Origin` other than what the pixels say."""
    pixels = film_pixels() if pixels is None else pixels
    facts = {"format": "PNG", "height": pixels.shape[0], "width": pixels.shape[1], "bits": 8} | origin
    return Radiograph(pixels, name, FILM_SHA256, Origin(**facts))


def reading(
    probability: float = 0.625,
    film: Radiograph | None = None,
    explanation: FakeExplanation | None = None,
    warnings: tuple[str, ...] = (),
    card: ModelCard | None = None,
) -> Reading:
    card = card or model_card()
    return Reading(
        radiograph=film or radiograph(),
        card=card,
        device="CPU",
        read_at="2026-11-20T12:00:00+00:00",
        admission=admission(cautions=tuple(Caution(f"tag of {warning}", warning) for warning in warnings)),
        prepared=np.zeros((64, 96, 1), np.float32),
        asked=card.first.name,
        verdicts=(PopulationVerdict(card.first, Prediction(logit=1.25, probability=probability)),),
        logit=1.25,
        explanation=explanation or left_half(),
        milliseconds=31.4,
    )


def admission(
    is_outside_population: bool = False,
    cautions: tuple[Caution, ...] = (),
    quality: Quality | None = None,
    verdict: Verdict | None = NEAR,
) -> Admission:
    """An admitted film, judged by a gate unless told otherwise."""
    return Admission("film", None, Suitability(is_outside_population, cautions), quality, verdict, True)


def evaluation_result(films: str = "test, of another year") -> EvaluationResult:
    """20 films with pneumonia and 40 without, counted at each point."""
    return EvaluationResult(
        films=films,
        n=60,
        n_pneumonia=20,
        area_under_roc=Estimate(0.958, 0.912, 0.991, 60),
        brier_score=0.087,
        expected_calibration_error=0.043,
        points=(
            PointResult("screening", 0.2, ConfusionMatrix(20, 12, 28, 0)),
            PointResult("balanced", 0.5, ConfusionMatrix(18, 4, 36, 2)),
            PointResult("rule-in", 0.8, ConfusionMatrix(15, 0, 40, 5)),
        ),
    )


def population(**changes) -> Population:
    fields = {
        "name": "children",
        "description": "children of one hospital",
        "years": (1.0, 5.0),
        "calibration": Calibration(temperature=1.7321, prevalence=0.5),
        "operating_points": (SCREENING, BALANCED, RULE_IN),
        "training_data": TrainingData("made-up films", 500, 371, 250, 2, 63, 41, 32, "ab" * 32),
        "validation": (evaluation_result("validation"),),
        "test": (evaluation_result(),),
    }
    return Population(**(fields | changes))


def model_card(**changes) -> ModelCard:
    """A card; what belongs to a population changes its only one."""
    fields = {
        "name": "small-example",
        "created": "2025-01-31",
        "architecture": "Example Net",
        "preprocessing": Preprocessing(height=64, width=96),
        "explained_layer": "last_maps",
        "weights_sha256": WEIGHTS_SHA256,
        "intended_use": "teaching",
        "limitations": ("Knows one hospital only.", "Knows frontal views only."),
        "recipe": {"epochs": 3, "rate": 0.001},
        "populations": (population(**{key: changes.pop(key) for key in OF_POPULATION & changes.keys()}),),
        "versions": {"keras": "3.0"},
    }
    return ModelCard(**(fields | changes))


def in_format_1(fields: dict[str, Any]) -> dict[str, Any]:
    """Give the fields of a card's file as format 1 has them: the only population's among the card's own."""
    card = {key: value for key, value in fields.items() if key not in ("populations", "lungs_sha256", "format")}
    (population,) = copy.deepcopy(fields["populations"])
    for key in ("name", "finding", "limitations"):
        population.pop(key)
    population["population"], population["population_years"] = population.pop("description"), population.pop("years")
    for point in population["operating_points"]:
        point["chosen_for"] = point.pop("rule")
    for result in (*population["validation"], *population["test"]):
        for point in result["points"]:
            point.pop("groups")
    return card | population


def with_first(card: ModelCard, **changes) -> ModelCard:
    """Give a card with changes to its first population."""
    return replace(card, populations=(replace(card.first, **changes), *card.populations[1:]))


def times(result: EvaluationResult, factor: int) -> EvaluationResult:
    """Give a result as if so many times as many films had been found the same way."""
    area = replace(result.area_under_roc, n=factor * result.n)

    def more(point: PointResult) -> PointResult:
        counts = (factor * getattr(point.confusion, name) for name in ConfusionMatrix.__dataclass_fields__)
        return replace(point, confusion=ConfusionMatrix(*counts))

    n, n_pneumonia = factor * result.n, factor * result.n_pneumonia
    return replace(result, n=n, n_pneumonia=n_pneumonia, area_under_roc=area, points=tuple(map(more, result.points)))


def with_thresholds(card: ModelCard, *thresholds: float) -> ModelCard:
    """Give a card with other thresholds, at which its results are said to be too; the counts stay."""
    points = tuple(
        replace(point, threshold=value) for point, value in zip(card.first.operating_points, thresholds, strict=True)
    )

    def moved(result: EvaluationResult) -> EvaluationResult:
        at = zip(result.points, thresholds, strict=True)
        return replace(result, points=tuple(replace(point, threshold=value) for point, value in at))

    results = {"validation": tuple(map(moved, card.first.validation)), "test": tuple(map(moved, card.first.test))}
    return with_first(card, operating_points=points, **results)


VALIDATION, TEST = "validation, the films as they are", "test, films"
# 3 films without pneumonia and 4 with it, of 6 patients: name, kind, logit, bytes.
SCORED_FILMS = (
    ("test/NORMAL/IM-0001-0001.jpeg", "normal", -2.0, 900),
    ("test/NORMAL/IM-0001-0002.jpeg", "normal", -1.0, 800),
    ("test/NORMAL/IM-0002-0001.jpeg", "normal", 1.0, 500),
    ("test/PNEUMONIA/person1_bacteria_1.jpeg", "bacteria", -1.5, 700),
    ("test/PNEUMONIA/person2_bacteria_2.jpeg", "bacteria", 2.0, 400),
    ("test/PNEUMONIA/person3_virus_3.jpeg", "virus", 0.0, 300),
    ("test/PNEUMONIA/person4_virus_4.jpeg", "virus", 3.0, 200),
)


def score_rows(films: str = TEST) -> list[list[str]]:
    """Give the films above as rows of a model's `scores.csv`."""
    return [
        [films, name, kind, str(int(kind != "normal")), f"{logit:.6f}", str(size)]
        for name, kind, logit, size in SCORED_FILMS
    ]


def write_scores(
    folder: Path, rows: list[list[str]], columns: str = "films,name,kind,has_pneumonia,logit,file_bytes"
) -> None:
    """Write rows into a model's folder, as training does."""
    with (folder / "scores.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split(","))
        writer.writerows(rows)


def scored_card(folder: Path) -> ModelCard:
    """The card of the shipped model at a fixed temperature, with results of the films above, whose scores lie there."""
    write_scores(folder, score_rows(VALIDATION) + score_rows())
    calibration = Calibration(temperature=0.8, prevalence=0.5)
    shipped = with_first(read_card(active_model_folder(ROOT / "model")), calibration=calibration)
    has_pneumonia = np.array([kind != "normal" for _, kind, _, _ in SCORED_FILMS])
    values = probabilities(np.array([logit for _, _, logit, _ in SCORED_FILMS]), shipped.first.calibration)
    results = [
        evaluation_of(films, has_pneumonia, values, shipped.first.operating_points) for films in (VALIDATION, TEST)
    ]
    return with_first(replace(shipped, name="small"), validation=(results[0],), test=(results[1],))
