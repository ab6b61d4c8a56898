"""A model of two views and two populations, made of tiny networks: its points, its scores, and refusals."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.errors import DataError
from pneumo_core.keras_network.classifier import load_classifier
from pneumo_core.keras_network.layers import save_network
from pneumo_core.models.card import ModelCard, read_card
from pneumo_core.train.build import build_network
from pneumo_core.train.mixed import assembly
from pneumo_core.train.mixed.assembly import LUNGS_ALONE, Parts, assemble
from pneumo_core.train.plan import Plan, Recipe, plan_of_file
from tests.train.mixed.test_groups import PLAN, lay
from tests.two_views import segmenter

SIDE = 64


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """Give networks with weights at random, whose scores differ from film to film."""
    folder = tmp_path_factory.mktemp("parts")
    for place, name in enumerate(("whole", "lungs")):
        network = build_network(Recipe(architecture="SmallCNN", size=SIDE, classes=3))
        random = np.random.default_rng(place)
        for dense in ("opacity", "other"):
            network.get_layer(dense).set_weights([random.normal(0, 3, (32, 1)), random.normal(0, 1, 1)])
        save_network(network, folder / f"{name}.keras")
    save_network(segmenter(side=SIDE), folder / "lungs-of.keras")
    (folder / "lungs-of.json").write_text("{}", encoding="utf-8")
    return Parts(folder / "whole.keras", folder / "lungs.keras", folder / "lungs-of.keras")


def plan_in(folder: Path, out: Path, **changed) -> Plan:
    lay(folder / "data")
    (folder / "plan.json").write_text(json.dumps(PLAN | changed))
    return plan_of_file(folder / "plan.json", out, folder / "data")


@pytest.fixture(scope="module")
def made(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelCard, Path]:
    folder = tmp_path_factory.mktemp("assembly")
    return assemble(plan_in(folder, folder / "both"), parts, folder / "scores"), folder


def test_a_model_of_two_views_and_two_populations_can_be_loaded(made: tuple[ModelCard, Path]):
    card, folder = made
    # Films of one class have no area, which is equal to nothing.
    assert card.identity == read_card(folder / "both").identity
    assert [one.name for one in card.populations] == ["children", "adults"]
    classifier = load_classifier(folder / "both")
    assert classifier.lungs is not None
    assert (folder / "both" / "lungs.json").is_file()


def test_each_population_has_points_of_its_own_films(made: tuple[ModelCard, Path]):
    children, adults = made[0].populations
    assert [result.films for result in children.validation][:2] == [
        "validation, the films as they are",
        "validation, contrast x 1.8",
    ]
    assert [result.films for result in adults.validation] == [LUNGS_ALONE, "validation, whole X-rays"]
    assert adults.validation[1].n_pneumonia == 0
    groups = adults.validation[0].points[0].groups
    assert groups is not None and groups.other is not None and groups.normal is not None
    assert groups.other.n + groups.normal.n == adults.validation[0].n - adults.validation[0].n_pneumonia
    assert all("stressed" not in point.chosen_for for point in adults.operating_points)
    assert all("stressed" in point.chosen_for for point in children.operating_points)


def test_the_scores_of_lungs_alone_are_carried_by_a_line_that_knows_no_label(made: tuple[ModelCard, Path]):
    inside, both = np.array([-2.0, 0.0, 1.0, 5.0]), np.array([1.0, 2.0, 2.5, 4.5])
    line = assembly._line(inside, both)
    assert (line.slope, line.offset) == pytest.approx((0.5, 2.0))
    assert line.in_words() == made[0].recipe["points chosen on"]["adults"] or "times" in line.in_words()
    with (made[1] / "both" / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = next((made[1] / "scores").glob("scores-*.csv"))
    known = {
        (population, making, name): float(logit)
        for population, making, _, name, logit in csv.reader(kept.open(encoding="utf-8", newline=""))
    }
    carried = [row for row in rows if row["films"] == LUNGS_ALONE]
    alone = np.array([known["adults", "lungs alone", row["name"]] for row in carried])
    slopes = np.polyfit(alone, [float(row["logit"]) for row in carried], 1)
    made_of = [
        [logit for (population, making, _), logit in known.items() if (population, making) == ("adults", name)]
        for name in ("lungs view 0", "line 0")
    ]
    assert slopes[0] == pytest.approx(np.std(made_of[1]) / np.std(made_of[0]), rel=1e-3)


def test_points_are_chosen_again_without_a_score(
    made: tuple[ModelCard, Path], parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def never(*arguments):
        raise AssertionError("scored again")

    monkeypatch.setattr(assembly, "predict_logits", never)
    monkeypatch.setattr(assembly, "score_copies", never)
    populations = [PLAN["populations"][0], PLAN["populations"][1] | {"balanced_sensitivity": 0.2}]
    card = assemble(plan_in(tmp_path, tmp_path / "again", populations=populations), parts, made[1] / "scores")
    assert card.populations[0] == made[0].populations[0]
    assert "sensitivity of at least 0.2" in card.populations[1].operating_point("balanced").chosen_for


def test_a_population_without_films_of_both_classes_is_refused(parts: Parts, tmp_path: Path):
    plan = plan_in(tmp_path, tmp_path / "out")
    older = dataclasses.replace(plan.populations[1], years=(90.0, 120.0))
    with pytest.raises(DataError) as refused:
        assemble(dataclasses.replace(plan, populations=(plan.populations[0], older)), parts)
    assert refused.value.code == "assembly"
    assert not (tmp_path / "out").exists()
