"""An audit of tables of X-rays finds: blanked X-rays, views, sources and ages by class, twins, baselines."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumo_core.data.audit import audit_folder, mask_of, split_audited
from pneumo_core.data.audit_words import area_rows, count_rows, summary
from pneumo_core.data.audited import Audit, read_audit, write_audit
from pneumo_core.data.manifest import manifest_csv, split_as_named
from pneumo_core.data.training_table import find_xrays

GROUPS = ("opacity", "abnormal_no_opacity", "normal")


def whole(seed: int) -> np.ndarray:
    """uint8 (102, 96): cells of random grey, so that no two X-rays look the same."""
    return np.kron(np.random.default_rng(seed).integers(20, 236, (17, 16), np.uint8), np.ones((6, 6), np.uint8))


def lungs_alone(seed: int) -> np.ndarray:
    """Two lungs of a whole X-ray, and black around them."""
    film = whole(seed)
    row, column = np.mgrid[:102, :96]
    narrow = 9 + seed % 5
    inside = [((row - 50) / 32) ** 2 + ((column - middle) / narrow) ** 2 < 1 for middle in (28, 66)]
    return np.where(inside[0] | inside[1], film, 0).astype(np.uint8)


def lay(folder: Path, rows: list[tuple[str, str, np.ndarray]]) -> Path:
    """Write X-rays and their table: file, further cells as `label,age,view,patient`, pixels."""
    folder.mkdir(parents=True)
    lines = ["path,label,age,view,patient"]
    for name, cells, pixels in rows:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        (folder / name).write_bytes(file.getvalue())
        lines.append(f"{name},{cells}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def sets(folder: Path) -> tuple[Path, Path]:
    """Lungs alone of all groups, opacity mostly AP and old, and the whole X-rays of the normal ones."""
    rows = []
    for group, label in enumerate(GROUPS):
        for n in range(12):
            view = "AP" if (n % 4 > 0) == (label == "opacity") else "PA"
            age = 70 + n if label == "opacity" else 30 + n
            rows.append((f"{label}{n}.png", f"{label},{age},{view},{100 * group + n}", lungs_alone(100 * group + n)))
    twins = [(f"normal{n}.png", f"normal,{30 + n},AP,{200 + n}", whole(200 + n)) for n in range(6)]
    return lay(folder / "masked", rows), lay(folder / "whole", twins)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return sets(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def both(folders: tuple[Path, Path]) -> Audit:
    return audit_folder(folders[0], more=folders[1:])


@pytest.fixture(scope="module")
def alone(folders: tuple[Path, Path]) -> Audit:
    return audit_folder(folders[0])


def text_of(audit: Audit, kind: str) -> str:
    return " ".join(alarm.text for alarm in audit.alarms if alarm.kind == kind)


def test_lungs_alone_are_told_from_whole_x_rays_and_from_a_collimated_one():
    assert mask_of(whole(1) / 255) is None
    collimated = np.zeros((102, 96))
    collimated[25:77, 24:72] = 0.5
    assert mask_of(collimated) is None
    assert mask_of(np.zeros((102, 96))) is None
    share, height, width, row, column = mask_of(lungs_alone(0) / 255)
    assert share == pytest.approx(np.pi * 32 * 9 * 2 / (102 * 96), rel=0.03)
    assert (height, width) == pytest.approx((63 / 102, 55 / 96), abs=0.02)
    assert (row, column) == pytest.approx((50 / 102, 47 / 96), abs=0.01)


def test_an_audit_of_two_tables_names_what_they_hide_with_counts(both: Audit):
    found = both
    assert found.folder == "masked + whole"
    assert found.unusable == ()
    assert [(count.group, count.films, count.patients) for count in found.counts] == [
        ("finding", 12, 12),
        ("other", 12, 12),
        ("normal", 18, 12),
    ]
    assert "36 of 42 X-rays are lungs alone" in text_of(found, "mask by class")
    assert "finding 100 % (12 of 12), other 100 % (12 of 12), normal 67 % (12 of 18)" in text_of(found, "mask by class")
    assert text_of(found, "masked twins").startswith("6 X-rays are there twice")
    assert "finding 75 % (9 of 12), other 25 % (3 of 12), normal 50 % (9 of 18)" in text_of(found, "view by class")
    assert "masked: finding 100 % (12 of 12), other 100 % (12 of 12), normal 67 % (12 of 18)" in text_of(
        found, "source by class"
    )
    assert "finding 76 (n = 12), other 36 (n = 12), normal 34 (n = 18)" in text_of(found, "age by class")
    assert not text_of(found, "conflicts")


def test_baselines_without_the_picture_stand_for_both_comparisons(alone: Audit):
    found = alone
    areas = {(area.fact, area.against): area.area for area in found.areas}
    assert areas["age", ""].value > 0.9
    assert areas["view", "normal"].value > 0.6
    assert areas["view", "normal"].n == 24
    assert areas["mask shape", ""].n == 36
    assert ("mask share", "") not in areas
    assert {row["Split"] for row in area_rows(found)} == {"all", "all against normal"}
    assert any(line.startswith("age alone against normal: AUC") for line in summary(found))


def test_masked_classes_alike_are_said_to_be_alike(alone: Audit):
    found = alone
    assert "Whether an X-ray is masked tells its group" not in text_of(found, "mask by class")
    assert "masked twins" not in {alarm.kind for alarm in found.alarms}


def test_x_rays_without_a_label_are_no_class(tmp_path: Path):
    folder = lay(tmp_path / "data", [("a.png", ",50,AP,1", whole(1)), ("b.png", ",50,AP,2", whole(2))])
    found = audit_folder(folder)
    assert count_rows(found)[0]["Class"] == "no label"
    assert text_of(found, "no label").startswith("2 of 2 X-rays have no label")


def test_a_split_keeps_a_patient_of_two_folders_on_one_side_and_is_read_back(folders: tuple[Path, Path], both: Audit):
    manifest = split_audited(both, 0.3, 0.2)
    sides: dict[str, set[str]] = {}
    for row in manifest.rows:
        sides.setdefault(row.file.rsplit("/", 1)[-1], set()).add(row.split)
    assert {len(side) for side in sides.values()} == {1}
    back = split_as_named(manifest_csv(manifest), "split.csv", find_xrays(folders))
    assert {(case.name, case.split) for case in back} == {(row.file, row.split) for row in manifest.rows}
    assert {case.told.group for case in back if case.told} == {"finding", "other", "normal"}


def test_an_audit_of_tables_is_written_and_read_back(both: Audit, tmp_path: Path):
    write_audit(both, tmp_path / "audit.json")
    assert read_audit(tmp_path / "audit.json").films == both.films
