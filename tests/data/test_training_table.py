"""Tables of X-rays to train on: what each row tells, several folders as one set."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pneumo_core.data.cases import Told, find_data_folders, table_of
from pneumo_core.data.training_table import TableRules, find_xrays, group_of, list_xrays, place_of
from pneumo_core.errors import DataError

PNG = b"\x89PNG\r\n\x1a\n"


def lay(folder: Path, rows: Sequence[Mapping[str, str]], table: str = "labels.csv") -> Path:
    """Write a table, and a file for each row that names one in `path` or `file`."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        path = folder / row.get("path", row.get("file", ""))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
    with (folder / table).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def told_of(folder: Path, **cells: str) -> Told:
    rows = [{"path": "a.png", "label": "normal", **cells}]
    (case,) = list_xrays([lay(folder, rows)]).cases
    assert case.told is not None
    return case.told


@pytest.mark.parametrize(
    ("label", "group"),
    [
        ("opacity", "finding"),
        ("Lung Opacity", "finding"),
        ("PNEUMONIA", "finding"),
        ("1", "finding"),
        ("abnormal_no_opacity", "other"),
        ("No Lung Opacity / Not Normal", "other"),
        ("normal", "normal"),
        ("no_finding", "normal"),
        ("NORMAL", "normal"),
        ("", None),
        ("N/A", None),
    ],
)
def test_a_label_means_one_of_three_groups(label: str, group: str | None, tmp_path: Path):
    assert told_of(tmp_path, label=label).group == group


def test_a_row_tells_age_sex_view_source_and_weight(tmp_path: Path):
    told = told_of(tmp_path, age="8M", sex="female", view="AP supine", source="A", view_of="lungs_only", weight="0.5")
    assert told == Told("normal", "normal", 8 / 12, "F", "AP", "A", "lungs_only", 0.5)


def test_ages_over_100_are_not_known_and_that_is_said_once(tmp_path: Path):
    ages = ("148", "155", "101", "54", "")
    rows = [{"path": f"{n}.png", "label": "normal", "age": age} for n, age in enumerate(ages)]
    listed = list_xrays([lay(tmp_path, rows)])
    assert [case.told.age_years for case in listed.cases if case.told] == [None, None, None, 54.0, None]
    assert len(listed.notes) == 1
    assert listed.notes[0].startswith("3 ages over 100 years")


@pytest.mark.parametrize(
    ("cell", "label", "shares"),
    [
        ("0.3", "abnormal_no_opacity", (0.3, 0.7, 0.0)),
        ("0.3", "opacity", (0.3, 0.0, 0.7)),
        ("0.43/0.37/0.2", "opacity", (0.43, 0.37, 0.2)),
    ],
)
def test_a_soft_label_is_one_share_or_three(cell: str, label: str, shares: tuple[float, ...], tmp_path: Path):
    assert told_of(tmp_path, soft_label=cell, label=label).soft_label == pytest.approx(shares)


@pytest.mark.parametrize(
    "cells",
    [
        {"label": "elephant"},
        {"view_of": "half"},
        {"weight": "-1"},
        {"soft_label": "0.5/0.1/0.1"},
        {"soft_label": "2"},
        {"split": "maybe"},
    ],
)
def test_a_row_that_makes_no_sense_is_left_out_and_said(cells: Mapping[str, str], tmp_path: Path):
    rows = [{"path": "a.png", "label": "normal", **cells}, {"path": "b.png", "label": "opacity"}]
    listed = list_xrays([lay(tmp_path, rows)])
    assert [case.name for case in listed.cases] == ["b.png"]
    assert listed.problems[0].startswith("Row 2 (a.png) was left out: ")


def test_rows_that_contradict_each_other_leave_their_x_ray_out(tmp_path: Path):
    rows = [{"path": "a.png", "label": label} for label in ("normal", "abnormal_no_opacity")]
    rows += [{"path": "b.png", "label": "opacity"}] * 2
    listed = list_xrays([lay(tmp_path, rows)])
    assert [case.name for case in listed.cases] == ["b.png"]
    assert "different labels" in listed.problems[0]


def test_a_plan_says_what_labels_mean_and_what_has_none(tmp_path: Path):
    rows = [{"path": f"{n}.png", "label": label} for n, label in enumerate(("no_finding", "pneumonia", ""))]
    rules = TableRules({"pneumonia": None, "no finding": "other"}, label="normal", view_of="whole", weight=2.0)
    listed = list_xrays([lay(tmp_path, rows)], rules=[rules])
    assert [(case.told.group, case.told.view_of, case.told.weight) for case in listed.cases if case.told] == [
        ("other", "whole", 2.0),
        ("normal", "whole", 2.0),
    ]


def test_a_table_without_labels_is_listed_and_not_trained_on(tmp_path: Path):
    folder = lay(tmp_path, [{"file": "a.png", "age": "40"}])
    assert list_xrays([folder]).unlabelled == 1
    assert find_xrays([folder]) == ()


def test_a_patient_is_one_over_all_folders_by_table_and_by_file_name(tmp_path: Path):
    first = lay(tmp_path / "one", [{"path": "opacity/x.png", "label": "opacity", "patient": "0012"}])
    second = lay(
        tmp_path / "two",
        [
            {"path": "y.png", "label": "normal", "patient": "12"},
            {"path": "x.png", "label": "normal", "patient": ""},
            {"path": "z.png", "label": "normal", "patient": "13"},
        ],
    )
    cases = {case.name: case.patient for case in find_xrays([first, second])}
    assert cases.keys() == {"one/opacity/x.png", "two/x.png", "two/y.png", "two/z.png"}
    assert cases["one/opacity/x.png"] == cases["two/x.png"] == cases["two/y.png"] != cases["two/z.png"]


def test_a_folder_of_classes_beside_tables_is_whole_and_of_its_own_source(tmp_path: Path):
    (tmp_path / "films" / "train" / "PNEUMONIA").mkdir(parents=True)
    (tmp_path / "films" / "train" / "PNEUMONIA" / "person1_virus_1.png").write_bytes(PNG)
    adults = lay(tmp_path / "adults", [{"path": "x.png", "label": "abnormal_no_opacity"}])
    groups = {case.name: group_of(case) for case in find_xrays([tmp_path / "films", adults])}
    assert groups == {"films/train/PNEUMONIA/person1_virus_1.png": "finding", "adults/x.png": "other"}


def test_two_folders_of_one_name_are_refused(tmp_path: Path):
    folders = [lay(tmp_path / name / "x", [{"path": "a.png", "label": "normal"}]) for name in ("one", "two")]
    with pytest.raises(DataError):
        list_xrays(folders)


def test_a_table_lies_in_the_folder_beside_it_or_is_named(tmp_path: Path):
    inside = lay(tmp_path / "inside", [{"path": "a.png", "label": "normal"}])
    beside = lay(tmp_path / "beside", [{"path": "a.png", "label": "normal"}], "../beside.csv")
    named = lay(tmp_path / "named", [{"path": "a.png", "label": "normal"}], "mine.csv") / "mine.csv"
    assert [table_of(path) for path in (inside, beside, named)] == [
        inside / "labels.csv",
        tmp_path / "beside.csv",
        named,
    ]
    assert {len(find_xrays([path])) for path in (inside, beside, named)} == {1}
    assert find_data_folders(tmp_path) == [beside, inside]


def test_a_name_leads_back_to_its_folder(tmp_path: Path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    assert place_of([one], "a/x.png") == (one, "a/x.png")
    assert place_of([one, two], "two/a/x.png") == (two, "a/x.png")
    with pytest.raises(DataError):
        place_of([one, two], "three/x.png")


def test_a_file_outside_the_folder_or_behind_a_link_is_left_out(tmp_path: Path):
    folder = lay(tmp_path / "data", [{"path": "a.png", "label": "normal"}])
    (folder / "link.png").symlink_to(folder / "a.png")
    (folder / "labels.csv").write_text("path,label\n../x.png,normal\nlink.png,opacity\na.png,normal\n")
    listed = list_xrays([folder])
    assert [case.name for case in listed.cases] == ["a.png"]
    assert len(listed.problems) == 2


def test_labels_of_1_and_2_are_refused_unless_a_plan_says_what_they_mean(tmp_path: Path):
    folder = lay(tmp_path / "data", [{"path": f"{n}.png", "label": label} for n, label in enumerate("12")])
    with pytest.raises(DataError) as refusal:
        list_xrays([folder])
    assert refusal.value.code == "labels"
    listed = list_xrays([folder], rules=[TableRules({"1": "normal", "2": "finding"})])
    assert [group_of(case) for case in listed.cases] == ["normal", "finding"]
