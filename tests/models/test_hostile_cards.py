"""Cards that no training run writes: each is refused in the same words, copied into the models by hand or imported."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pneumo_core.errors import ModelError
from pneumo_core.files.hashes import file_sha256
from pneumo_core.files.places import ROOT
from pneumo_core.film.preprocessing import Preprocessing
from pneumo_core.keras_network.importing import import_model
from pneumo_core.models.card import FORMAT, ModelCard, read_card, write_card
from pneumo_core.models.store import list_models
from pneumo_core.stats.calibration import Calibration
from pneumo_core.stats.metrics import Estimate
from tests.makers import WEIGHTS, evaluation_result, in_format_1, model_card, zip_of

OF_FORMAT_1 = ROOT / "tests" / "old_files" / "model"
PICTURE = "![x](https://example.org/x.png)"
RESULT = evaluation_result()
DATA = model_card().first.training_data


def refusal_of(function: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(ModelError) as refusal:
        function(*arguments)
    assert refusal.value.code == "model"
    return str(refusal.value)


def both_refusals(tmp_path: Path, card: ModelCard | bytes) -> str:
    """Give the words that refuse a card, the same whether its folder was copied or a zip of it is imported."""
    copied = tmp_path / "copied" / "new"
    copied.mkdir(parents=True)
    (copied / "classifier.keras").write_bytes(WEIGHTS)
    if isinstance(card, bytes):
        (copied / "card.json").write_bytes(card)
    else:
        write_card(card, copied)
    found = refusal_of(read_card, copied)
    (entry,) = list_models(copied.parent)
    assert (entry.card, entry.problem) == (None, found)
    models = tmp_path / "models"
    models.mkdir()
    archive = zip_of({path.name: path.read_bytes() for path in copied.iterdir()})
    assert refusal_of(import_model, models, archive, "new") == found
    assert not (models / "new").exists()
    return found


def edited(edit: Callable[[dict[str, Any]], object], tmp_path: Path, *, is_new: bool = False) -> bytes:
    """Give a right card's file, of format 1 or of the newest, changed."""
    write_card(model_card(), tmp_path)
    fields = json.loads((tmp_path / "card.json").read_text())
    if not is_new:
        fields = in_format_1(fields)
    edit(fields)
    return json.dumps(fields).encode()


def points(*values: float, names: tuple[str, ...] = ("screening", "balanced", "rule-in")):
    point = type(model_card().first.operating_points[0])
    return tuple(point(name, value, "x") for name, value in zip(names, values, strict=True))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"calibration": Calibration(0.0, 0.5)}, "calibration, temperature is 0. Expected is a number above 0"),
        ({"calibration": Calibration(math.nan, 0.5)}, "calibration, temperature is nan. Expected is a finite number"),
        ({"calibration": Calibration(math.inf, 0.5)}, "calibration, temperature is inf. Expected is a finite number"),
        ({"calibration": Calibration(1.0, 1.0)}, "calibration, prevalence is 1. Expected is a number below 1"),
        ({"calibration": Calibration(1.0, math.nan)}, "calibration, prevalence is nan. Expected is a number"),
        ({"operating_points": points(0.1, 0.2, 1.5)}, "operating_points, number 3, threshold is 1.5. Expected is a n"),
        ({"operating_points": points(0.1, math.nan, 0.5)}, "operating_points, number 2, threshold is nan. Expected is"),
        ({"operating_points": points(0.1, names=("balanced",))}, "Expected are screening, balanced, rule-in, once"),
        ({"operating_points": points(*[0.1] * 4, names=("screening", "balanced", "balanced", "rule-in"))}, "once each"),
        ({"operating_points": points(0.1, names=("best",))}, "number 1, name is something else. Expected is one of"),
        (
            {"preprocessing": Preprocessing(32, 100_000)},
            "preprocessing, width is 100000. Expected is a number of at",
        ),
        ({"preprocessing": Preprocessing(0, 32)}, "preprocessing, height is 0. Expected is a number of at least 16"),
        ({"preprocessing": Preprocessing(32, 32, "magic")}, "preprocessing, resampling is something else. Expected is"),
        ({"preprocessing": Preprocessing(32, 32, scale=math.inf)}, "preprocessing, scale is inf. Expected is a number"),
        ({"preprocessing": Preprocessing(32, 32, scale=0)}, "preprocessing, scale is 0. Expected is a number above 0"),
        ({"training_data": replace(DATA, films_with_pneumonia=501)}, "501 films with pneumonia of 500"),
        ({"training_data": replace(DATA, validation_films_with_pneumonia=64)}, "64 films with pneumonia of 63"),
        ({"training_data": replace(DATA, patients=-1)}, "training_data, patients is -1. Expected is a number of at le"),
        ({"training_data": replace(DATA, films=10**400)}, "training_data, films is something else. Expected is a num"),
        ({"training_data": replace(DATA, manifest_sha256="x")}, "Expected is a SHA-256 of 64 hexadecimal digits"),
        ({"weights_sha256": "a" * 63}, "weights_sha256 is something else. Expected is a SHA-256"),
        ({"years": (5.0, 1.0)}, "ages of 5 to 1. Expected is the lower age"),
        ({"years": (1.0, 151.0)}, "years, number 2 is 151. Expected is a number of at most 150"),
        ({"description": ""}, "description is something else. Expected is a text that is not empty"),
        ({"architecture": "x" * 2001}, "architecture is something else. Expected is a text of at most 2000 characters"),
        ({"description": PICTURE}, "a picture among its words"),
        ({"limitations": ("![x][y]",)}, "a picture among its words"),
        ({"recipe": {"parts": {"head": PICTURE}}}, "a picture among its words"),
        ({"versions": {PICTURE: "3"}}, "a picture among its words"),
    ],
)
def test_a_card_with_values_that_cannot_be_is_refused(tmp_path: Path, changes: dict[str, Any], found: str):
    assert found in both_refusals(tmp_path, model_card(**changes))


def below_0(result: dict[str, Any]) -> None:
    result["points"][0]["confusion"] |= {"true_positives": 21, "false_negatives": -1}


def with_counts(**counts: int) -> dict[str, object]:
    first, *others = RESULT.points
    return {"points": (replace(first, confusion=replace(first.confusion, **counts)), *others)}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        (
            {"area_under_roc": Estimate(0.99, 0.393, 0.907, 60)},
            "an AUC of 0.990 outside its own interval, 0.393 to 0.907",
        ),
        ({"area_under_roc": Estimate(0.3, 0.393, 0.907, 60)}, "outside its own interval"),
        ({"area_under_roc": Estimate(0.99, 0.98, 1.2, 60)}, "outside its own interval"),
        ({"area_under_roc": Estimate(1.5, math.nan, math.nan, 60)}, "an AUC of 1.500"),
        ({"area_under_roc": Estimate(0.95, 0.9, math.nan, 60)}, "half an interval"),
        ({"area_under_roc": Estimate(0.95, 0.9, 1.0, 600)}, "an AUC of 600 films among 60"),
        ({"area_under_roc": Estimate(math.nan, math.nan, math.nan, 60)}, "an AUC of one class alone, or none of both"),
        ({"n": 600, "area_under_roc": replace(RESULT.area_under_roc, n=600)}, "counts of 60 films, 20 with pneumonia"),
        ({"n_pneumonia": 21}, "20 with pneumonia, at the screening point of 60 films, 21 with pneumonia"),
        ({"n_pneumonia": 61}, "61 of 60 films with pneumonia"),
        ({"n": -1}, "n is -1. Expected is a number of at least 0"),
        ({"films": ""}, "films is something else. Expected is a text that is not empty"),
        (with_counts(true_positives=21), "counts of 61 films"),
        (with_counts(true_positives=19, true_negatives=29), "counts of 60 films, 19 with pneumonia"),
        ({"brier_score": 1.1}, "the Brier score 1.100"),
        ({"expected_calibration_error": math.nan}, "the ECE nan"),
        ({"points": RESULT.points[:2]}, "results at other points than its operating points"),
        ({"points": ()}, "results at other points than its operating points"),
        ({"points": (replace(RESULT.points[0], threshold=0.3), *RESULT.points[1:])}, "results at other points"),
    ],
)
@pytest.mark.parametrize("where", ["validation", "test"])
def test_a_card_with_figures_that_no_films_give_is_refused(
    tmp_path: Path, changes: dict[str, Any], found: str, where: str
):
    sentence = both_refusals(tmp_path, model_card(**{where: (RESULT, replace(RESULT, **changes))}))
    assert found in sentence
    assert f"{where}, number 2" in sentence


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "it is no JSON"),
        (b"{", "it is no JSON"),
        (b"\xff\xfe", "it is no JSON"),
        (b"[" * 100_000, "it is no JSON"),
        (b'{"name": 1' + b"0" * 5000 + b"}", "it is no JSON"),
        (b"[]", "the whole is something else. Expected is a group of fields"),
        (b"null", "the whole is something else. Expected is a group of fields"),
        (b"{}", "name is missing. Expected is a value"),
    ],
)
def test_a_file_that_is_no_card_is_refused(tmp_path: Path, content: bytes, found: str):
    assert f"is not as training wrote it: {found}. Please copy" in both_refusals(tmp_path, content)


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda card: card.pop("calibration"), "calibration is missing. Expected is a value"),
        (lambda card: card["test"][0].pop("points"), "test, number 1, points is missing"),
        (lambda card: card["calibration"].update(temperature="warm"), "temperature is something else. Expected is a n"),
        (lambda card: card["operating_points"][0].pop("threshold"), "operating_points, number 1, threshold is missing"),
        (lambda card: card.update(population_years=[1]), "population_years, number 2 is missing"),
        (lambda card: card.update(limitations="none"), "limitations is something else. Expected is a list"),
        (lambda card: card.update(recipe=[]), "recipe is something else. Expected is a group of fields"),
        (lambda card: card.update(test=None), "test is something else. Expected is a list"),
        (lambda card: card["test"][0].update(n=1.5), "test, number 1, n is 1.5. Expected is a whole number"),
        (lambda card: below_0(card["test"][0]), "test, number 1: it holds a count below 0 at the screening point"),
        (lambda card: card.update(format=0), "format is 0. Expected is a number of at least 1"),
        (lambda card: card.update(format="new"), "format is something else. Expected is a whole number"),
    ],
)
def test_a_card_of_another_form_is_refused(tmp_path: Path, edit: Callable[[dict[str, Any]], object], found: str):
    assert found in both_refusals(tmp_path, edited(edit, tmp_path))


def test_a_refusal_repeats_no_words_of_a_card(tmp_path: Path):
    for number, edit in enumerate(
        (
            lambda card: card.update({PICTURE: 1}),
            lambda card: card.update(versions={PICTURE: 1}),
            lambda card: card["operating_points"][0].update(name=PICTURE),
            lambda card: card["test"][0]["points"][0].update(name=PICTURE),
        )
    ):
        place = tmp_path / str(number)
        place.mkdir()
        assert "example.org" not in both_refusals(place, edited(edit, place))


def test_a_card_of_a_newer_format_asks_for_an_update(tmp_path: Path):
    # Whatever else such a card may hold.
    card = edited(lambda card: card.update(format=FORMAT + 1, segmenter="ab" * 32), tmp_path)
    found = both_refusals(tmp_path, card)
    assert f"newer format than {FORMAT}" in found
    assert "Please update Pneumo" in found


def test_a_card_without_a_format_is_read_and_a_new_one_names_its_own(tmp_path: Path):
    (tmp_path / "classifier.keras").write_bytes(WEIGHTS)
    written = json.loads((OF_FORMAT_1 / "card.json").read_bytes())
    assert "format" not in written
    written["weights_sha256"] = file_sha256(tmp_path / "classifier.keras")
    (tmp_path / "card.json").write_text(json.dumps(written))
    old = read_card(tmp_path)
    assert (old.name, old.first.name, old.format) == ("small-example", "children", FORMAT)
    write_card(old, tmp_path)
    assert json.loads((tmp_path / "card.json").read_bytes())["format"] == FORMAT
    assert read_card(tmp_path).populations == old.populations


def test_a_threshold_that_not_even_a_perfect_score_reaches_is_read(tmp_path: Path):
    # As `choose_operating_points` gives it where a film without pneumonia scores 1.
    above = math.nextafter(1.0, 2.0)
    results = tuple(
        replace(point, threshold=value) for point, value in zip(RESULT.points, (0.2, 0.5, above), strict=True)
    )
    result = replace(RESULT, points=results)
    write_card(model_card(operating_points=points(0.2, 0.5, above), validation=(result,), test=(result,)), tmp_path)
    (tmp_path / "classifier.keras").write_bytes(WEIGHTS)
    assert read_card(tmp_path).first.operating_point("rule-in").threshold == above
