"""The populations of a card: what one may hold, and which of them a patient of an age is asked of."""

import dataclasses
import json
from pathlib import Path

import pytest

from pneumo_core.errors import ModelError
from pneumo_core.models.card import LUNGS_FILE, ModelCard, card_text, read_card, write_card
from pneumo_core.models.importing import take_in
from pneumo_core.models.populations import Population, asked, not_assessed_by, notice_of, population_name
from pneumo_core.models.results import GroupCount, Groups
from pneumo_core.stats.calibration import Calibration, OperatingPoint, PointRule
from tests.makers import WEIGHTS, evaluation_result, model_card, population, zip_of

# sha256sum of the byte "x".
X_SHA256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"


def adults(**changes) -> Population:
    return population(
        **{
            "name": "adults",
            "years": (18.0, 120.0),
            "finding": "suspected lung opacity",
            "description": "adults of two",
        }
        | changes
    )


def both(**changes) -> ModelCard:
    return model_card(populations=(population(), adults()), **changes)


def written(folder: Path, card: ModelCard) -> Path:
    (folder / "classifier.keras").write_bytes(WEIGHTS)
    write_card(card, folder)
    return folder


@pytest.mark.parametrize(
    ("age", "name", "populations"),
    [
        (0.0, "none", []),
        (0.99, "none", []),
        (1.0, "children", ["children"]),
        (5.99, "children", ["children"]),
        (6.0, "between", ["children", "adults"]),
        (17.99, "between", ["children", "adults"]),
        (18.0, "adults", ["adults"]),
        (130.0, "adults", ["adults"]),
        (None, "unknown", ["children", "adults"]),
    ],
)
def test_a_patients_age_says_which_populations_are_asked(age: float | None, name: str, populations: list[str]):
    found = asked(both(), age)
    assert (found.name, [one.name for one in found.populations]) == (name, populations)


@pytest.mark.parametrize(("age", "name"), [(0.5, "outside"), (3.0, "children"), (40.0, "outside"), (None, "children")])
def test_a_model_of_one_population_is_asked_at_any_age(age: float | None, name: str):
    found = asked(model_card(), age)
    assert (found.name, [one.name for one in found.populations]) == (name, ["children"])


@pytest.mark.parametrize(
    ("years", "name"), [((1.0, 5.0), "children"), ((18.0, 95.0), "adults"), ((10.0, 17.0), "ages-10-to-17")]
)
def test_a_population_without_a_name_is_named_by_its_years(years: tuple[float, float], name: str):
    assert population_name(years) == name


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (
            model_card(name="pneumo-6"),
            "The network that comes with it knows chest X-rays of children of 1 to 5 years only.",
        ),
        (
            both(name="own"),
            "The network in use knows chest X-rays of children of 1 to 5 years and of adults of 18 years and "
            "over only.",
        ),
    ],
)
def test_the_standing_notice_names_everybody_whom_the_model_knows(card: ModelCard, words: str):
    assert notice_of(card).endswith(f"treatment. {words}")


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (3.0, "Only suspected pneumonia was scored."),
        (40.0, "Only suspected lung opacity was scored."),
        (None, "Only suspected pneumonia and suspected lung opacity were scored."),
        (0.5, "No finding was scored."),
    ],
)
def test_what_was_not_assessed_begins_with_what_was_scored_at_this_age(age: float | None, words: str):
    assert not_assessed_by(asked(both(), age).populations).startswith(f"{words} No other finding was assessed")


def test_a_card_of_two_populations_is_the_same_after_the_way_through_its_file(tmp_path: Path):
    rule = PointRule("sensitivity", 0.9, too_few=12, on_every_copy=False)
    first, *others = adults().operating_points
    groups = Groups(GroupCount(20, 20), None, GroupCount(12, 40))
    result = evaluation_result()
    result = dataclasses.replace(
        result, points=(dataclasses.replace(result.points[0], groups=groups), *result.points[1:])
    )
    card = model_card(
        populations=(
            population(),
            adults(operating_points=(dataclasses.replace(first, rule=rule), *others), test=(result,)),
        )
    )
    assert read_card(written(tmp_path, card)) == card
    assert "the highest sensitivity on the validation films as they are; 12 of a class are too few" in card_text(card)


def test_what_one_population_scores_or_flags_otherwise_is_another_identity():
    others = (
        model_card(populations=(population(), adults(calibration=Calibration(2.0, 0.5)))),
        model_card(populations=(population(), adults(years=(16.0, 120.0)))),
        model_card(populations=(population(),)),
        both(lungs_sha256="ab" * 32),
    )
    assert len({both().identity, *(other.identity for other in others)}) == 5


def test_the_text_of_the_card_calls_each_population_and_its_finding_by_name():
    text = card_text(both())
    assert "one logit for suspected pneumonia or suspected lung opacity;" in text
    assert text.index("## Population: children") < text.index("## Population: adults")
    assert "have lung opacity" in text.partition("## Population: adults")[2]
    assert "lung opacity" not in text.partition("## Population: children")[2].partition("## Population: adults")[0]


@pytest.mark.parametrize(
    "populations",
    [
        (),
        (population(), population()),
        (population(name="both"),),
        (population(name="Children"),),
        (population(years=(5.0, 1.0)),),
        (population(operating_points=population().operating_points[:2]),),
        (population(finding="![x](y)"),),
        (population(operating_points=(OperatingPoint("balanced", 0.5, PointRule("balance", 0.9)),)),),
        tuple(population(name=f"group-{number}") for number in range(9)),
    ],
)
def test_a_card_with_populations_that_cannot_be_is_refused(tmp_path: Path, populations: tuple[Population, ...]):
    if populations:
        written(tmp_path, model_card(populations=populations))
    else:
        fields = json.loads((written(tmp_path, model_card()) / "card.json").read_text())
        (tmp_path / "card.json").write_text(json.dumps(fields | {"populations": []}))
    with pytest.raises(ModelError) as refusal:
        read_card(tmp_path)
    assert refusal.value.code == "model"


@pytest.mark.parametrize(
    "groups",
    [
        Groups(finding=GroupCount(18, 21)),
        Groups(finding=GroupCount(17, 20)),
        Groups(other=GroupCount(2, 10), normal=GroupCount(2, 20)),
        Groups(normal=GroupCount(5, 40)),
        Groups(finding=GroupCount(-2, 20)),
    ],
)
def test_groups_that_do_not_add_up_to_the_counts_are_refused(tmp_path: Path, groups: Groups):
    result = evaluation_result()
    screening, balanced, rule_in = result.points
    points = (screening, dataclasses.replace(balanced, groups=groups), rule_in)
    written(tmp_path, model_card(test=(dataclasses.replace(result, points=points),)))
    with pytest.raises(ModelError) as refusal:
        read_card(tmp_path)
    assert refusal.value.code == "model"


def test_an_unknown_population_is_refused():
    assert both().population_of("adults").finding == "suspected lung opacity"
    with pytest.raises(ModelError) as refusal:
        both().population_of("toddlers")
    assert refusal.value.code == "population"


def test_a_segmenter_that_is_another_one_or_missing_is_refused(tmp_path: Path):
    written(tmp_path, model_card(lungs_sha256=X_SHA256))
    with pytest.raises(ModelError):
        read_card(tmp_path)
    (tmp_path / LUNGS_FILE).write_bytes(b"y")
    with pytest.raises(ModelError):
        read_card(tmp_path)
    (tmp_path / LUNGS_FILE).write_bytes(b"x")
    assert read_card(tmp_path).lungs_sha256 == X_SHA256


def test_a_segmenter_that_no_card_vouches_for_is_left_out_of_an_import(tmp_path: Path):
    written(tmp_path, model_card())
    files = {name: (tmp_path / name).read_bytes() for name in ("classifier.keras", "card.json")}
    models = tmp_path / "models"
    models.mkdir()
    take_in(models, zip_of(files | {LUNGS_FILE: b"x"}), "new", lambda folder: "")
    assert not (models / "new" / LUNGS_FILE).exists()
    written(tmp_path, model_card(lungs_sha256=X_SHA256))
    card = {"card.json": (tmp_path / "card.json").read_bytes(), LUNGS_FILE: b"x"}
    take_in(models, zip_of(files | card), "other", lambda folder: "")
    assert (models / "other" / LUNGS_FILE).read_bytes() == b"x"
