"""Groups of several sources in an epoch, and a whole run of three classes and two populations."""

import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.cli.group import commands
from pneumo_core.data.cases import Case, Told
from pneumo_core.errors import DataError
from pneumo_core.models.card import read_card
from pneumo_core.models.training_log import read_log
from pneumo_core.train.films import Films
from pneumo_core.train.mixed.groups import Mix
from pneumo_core.train.plan import Plan, PlannedGroup, PlannedPopulation, PlannedSource, Recipe, plan_of_file
from pneumo_core.train.run import check_groups, planned_split, population_of
from tests.conftest import drawn_film, png

SIDE = 64
LABELS = {"finding": "opacity", "other": "abnormal_no_opacity", "normal": "normal"}


def lungs() -> np.ndarray:
    row, column = np.mgrid[:SIDE, :SIDE]
    return np.any([((row - 32) / 20) ** 2 + ((column - place) / 9) ** 2 < 1 for place in (20, 44)], axis=0)


def whole(seed: int) -> np.ndarray:
    film = np.where(lungs(), 70, 170) + np.random.default_rng(seed).normal(0, 5, (SIDE, SIDE))
    return film.clip(0, 255).astype(np.uint8)


def alone(seed: int) -> np.ndarray:
    return np.where(lungs(), whole(seed) + 20, 0).astype(np.uint8)


def films() -> Films:
    """Four lungs alone of each group, and the whole X-rays of the normal ones."""
    cases, views = [], []
    for group, label in LABELS.items():
        for n in range(4):
            told = Told(group, label, 40.0, view="AP" if n else "PA", weight=2.0 if n == 0 else 1.0)
            name = f"masked/{group}{n}.png"
            cases.append(Case(name, (Path(name),), group == "finding", f"{group}{n}", "", "train", told))
            views.append(alone(len(views)))
    for n in range(4):
        told = Told("normal", "normal", 40.0, view="AP" if n else "PA")
        cases.append(Case(f"whole/normal{n}.png", (Path("x"),), False, f"normal{n}", "", "train", told))
        views.append(whole(100 + n))
    has_finding = np.array([case.has_pneumonia for case in cases])
    return Films(tuple(cases), np.stack(views)[np.newaxis], has_finding, tuple((case.name,) for case in cases))


def plan_of(*groups: PlannedGroup, **more) -> Plan:
    sources = (PlannedSource(Path("/x/masked")), PlannedSource(Path("/x/whole")))
    recipe = Recipe(architecture="SmallCNN", size=SIDE, classes=3)
    return Plan(Path("/x/masked"), Path("/x/out"), recipe, sources=sources, groups=groups, **more)


COMPOSITES = PlannedGroup("composites", ("masked",), images=9, shown_as="composites", bodies=("whole",))
REAL = PlannedGroup("real normals", ("whole",), ("normal",), images=6, weight=0.5)


def test_an_epoch_shows_each_group_as_often_as_planned_and_is_made_anew():
    mix = Mix(plan_of(COMPOSITES, REAL), films())
    first, again, second = mix.epoch(1), mix.epoch(1), mix.epoch(2)
    assert first == again != second
    assert Counter(item.group for item in first) == {0: 9, 1: 6}
    assert len(mix) == len(first)
    # As often as any other but for one.
    assert set(Counter(item.film for item in first if item.group == 1).values()) == {1, 2}


def test_a_group_may_show_as_many_views_as_planned():
    mix = Mix(plan_of(dataclasses.replace(REAL, images=8, ap_share=0.5)), films())
    views = Counter(mix.films.cases[item.film].told.view for item in mix.epoch(1))
    assert views == {"AP": 4, "PA": 4}


def test_composites_are_whole_and_alike_for_all_groups():
    mix = Mix(plan_of(COMPOSITES), films())
    for item in mix.epoch(1):
        film, target, weight = mix.image(item, 1)
        assert (film.dtype, film.shape, target.sum()) == (np.float32, (SIDE, SIDE), 1)
        assert film[~lungs()].mean() > 120
        assert weight == (2.0 if mix.films.cases[item.film].name.endswith("0.png") else 1.0)
    # The label has no part in it: the same lungs make the same image whatever they are called.
    renamed = films()
    told = [dataclasses.replace(case.told, group="normal") for case in renamed.cases]
    cases = tuple(dataclasses.replace(case, told=one) for case, one in zip(renamed.cases, told, strict=True))
    other = Mix(plan_of(COMPOSITES), dataclasses.replace(renamed, cases=cases))
    item = mix.epoch(1)[0]
    assert np.array_equal(mix.image(item, 1)[0], other.image(item, 1)[0])
    assert not np.array_equal(mix.image(item, 1)[0], mix.image(item, 2)[0])


def test_lungs_views_have_one_level_outside_and_whole_films_need_an_outline():
    views = PlannedGroup("lungs", ("masked",), images=4, shown_as="lungs")
    mix = Mix(plan_of(views), films())
    film, _, _ = mix.image(mix.epoch(1)[0], 1)
    assert film[:6].min() == 232
    assert 90 < film[lungs()].mean() < 130
    untwinned = PlannedGroup("lungs", ("whole",), images=4, shown_as="lungs")
    few = films()
    kept = [place for place, case in enumerate(few.cases) if case.name.startswith("whole")]
    bodies = Films(tuple(few.cases[p] for p in kept), few.views[:, kept], few.has_pneumonia[kept], ())
    without = Mix(plan_of(untwinned), bodies)
    with pytest.raises(DataError) as refusal:
        without.image(without.epoch(1)[0], 1)
    assert refusal.value.code == "plan"
    outlined = Mix(plan_of(untwinned), bodies, lambda some: np.stack([lungs().astype(np.float32)] * len(some)))
    assert outlined.image(outlined.epoch(1)[0], 1)[0][:6].min() == 232


def test_films_to_validate_with_are_each_shown_once_as_their_group():
    shown = Mix(plan_of(COMPOSITES, REAL), films()).as_shown()
    assert len(shown.cases) == 16
    assert shown.views[0][:, ~lungs()].mean(axis=1).min() > 100
    assert shown.has_pneumonia.sum() == 4


@pytest.mark.parametrize(
    "groups",
    [
        (dataclasses.replace(REAL, sources=("elsewhere",)),),
        (dataclasses.replace(COMPOSITES, bodies=()),),
        (dataclasses.replace(REAL, of=("finding",)),),
        (PlannedGroup("masked", ("masked",), ("finding",)), REAL),
    ],
)
def test_a_plan_that_cannot_be_shown_is_refused(groups: tuple[PlannedGroup, ...]):
    told = [dataclasses.replace(case.told, view_of=case.name.split("/")[0]) for case in films().cases]
    views = {"masked": "lungs_only", "whole": "whole"}
    cases = [
        dataclasses.replace(case, told=dataclasses.replace(one, view_of=views[one.view_of]))
        for case, one in zip(films().cases, told, strict=True)
    ]
    with pytest.raises(DataError) as refusal:
        check_groups(plan_of(*groups), cases)
    assert refusal.value.code == "plan"


def test_a_population_is_told_by_the_source_or_by_the_age():
    populations = (PlannedPopulation("children", "c", (1, 5)), PlannedPopulation("adults", "a", (18, 120)))
    plan = plan_of(REAL, populations=populations)
    case = films().cases[0]
    by_age = {
        age: population_of(plan, dataclasses.replace(case, told=dataclasses.replace(case.told, age_years=age)))
        for age in (0.5, 5.9, 6.0, 18.0, None)
    }
    assert by_age == {0.5: "", 5.9: "children", 6.0: "", 18.0: "adults", None: ""}
    source = dataclasses.replace(plan.sources[0], population="children")
    assert population_of(dataclasses.replace(plan, sources=(source, plan.sources[1])), case) == "children"


def lay(folder: Path) -> Path:
    """Children by folders, adults as lungs alone of three groups, and whole normal adults of the same patients."""
    for name, has_pneumonia in (("NORMAL", False), ("PNEUMONIA", True)):
        (folder / "children" / "train" / name).mkdir(parents=True)
        for n in range(6):
            film = f"person{n}_bacteria_{n}.png" if has_pneumonia else f"IM-{n:04d}-0001.png"
            (folder / "children" / "train" / name / film).write_bytes(png(drawn_film(has_pneumonia, n)))
    for source, make in (("masked", alone), ("whole", whole)):
        (folder / source).mkdir()
        rows = ["path,label,age,view,patient"]
        for place, (group, label) in enumerate(LABELS.items()):
            for n in range(6 if source == "masked" or group == "normal" else 0):
                (folder / source / f"{group}{n}.png").write_bytes(
                    png(np.kron(make(100 * place + n), np.ones((2, 2), np.uint8)))
                )
                rows.append(f"{group}{n}.png,{label},{30 + n},{'AP' if n % 2 else 'PA'},{100 * place + n}")
        (folder / source / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


PLAN = {
    "start": "random",
    "recipe": {"architecture": "SmallCNN", "size": 64, "classes": 3, "epochs": 1, "batch_size": 8}
    | {"fit_input_gate": False, "validation_share": 0.4},
    "sources": [{"folder": "children", "population": "children"}, {"folder": "masked"}, {"folder": "whole"}],
    "groups": [
        {"name": "adults", "sources": ["masked"], "images": 12, "shown_as": "composites", "bodies": ["whole"]},
        {"name": "real normals", "sources": ["whole"], "of": ["normal"], "images": 4},
        {"name": "children", "sources": ["children"], "images": 8},
    ],
    "populations": [
        {"name": "children", "description": "drawn children", "years": [1, 5]},
        {"name": "adults", "description": "drawn", "years": [18, 120], "finding": "suspected lung opacity"},
    ],
}


def test_a_plan_of_a_file_makes_a_model_of_two_populations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from click.testing import CliRunner

    monkeypatch.setenv("PNEUMO_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("PNEUMO_MODELS_DIR", str(tmp_path / "models"))
    data = lay(tmp_path / "data")
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    out = tmp_path / "models" / "both"
    arguments = ["train", str(data), "--plan", str(tmp_path / "plan.json"), "--out", str(out)]
    result = CliRunner().invoke(commands, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    card = read_card(out)
    assert [(one.name, one.finding) for one in card.populations] == [
        ("children", "suspected pneumonia"),
        ("adults", "suspected lung opacity"),
    ]
    assert [group["name"] for group in card.recipe["groups"]] == ["adults", "real normals", "children"]
    assert str(tmp_path) not in json.dumps(card.recipe)
    assert read_log(out)[0]["training"].keys() >= {"loss", "auc", "sensitivity"}
    baselines = json.loads((tmp_path / "runs" / "training" / "both" / "baselines.json").read_text())
    assert {"view", "source"} <= {row["fact"] for row in baselines}


def test_a_source_that_is_kept_out_keeps_its_patients_out_of_all_others(tmp_path: Path):
    data = lay(tmp_path)
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    plan = plan_of_file(tmp_path / "plan.json", tmp_path / "out")
    kept_out = dataclasses.replace(plan.sources[2], is_kept_out=True)
    plan = dataclasses.replace(plan, sources=(*plan.sources[:2], kept_out))
    split = planned_split(plan)
    names = {case.name for case in (*split.training, *split.validation)}
    assert {name.split("/")[0] for name in names} == {"children", "masked"}
    assert not any("masked/normal" in name for name in names)
    assert any("6 X-rays stay a check" in note and "6 X-rays of their" in note for note in split.notes)
    assert data.is_dir()


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"groups": []}', json.dumps(PLAN | {"groups": [{"name": "x"}]})])
def test_a_file_that_is_no_plan_is_refused(text: str, tmp_path: Path):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(DataError) as refusal:
        plan_of_file(tmp_path / "plan.json", tmp_path / "out")
    assert refusal.value.code == "plan"
