"""What is found wrong with folders whose faults were put there by hand."""

import dataclasses
import io
import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pneumo_core.cli.group import commands
from pneumo_core.data.audit import COPY, audit_folder, films_to_show, split_audited
from pneumo_core.data.audit_words import area_rows, count_rows, summary, twins_in_words
from pneumo_core.data.audited import Audit, FilmCount, PatientAcross, audit_json, read_audit, write_audit
from pneumo_core.data.counts import INDEPENDENT
from pneumo_core.data.manifest import PATIENT_IN_TEST, TWIN_IN_TEST
from pneumo_core.data.report import audit_html
from pneumo_core.errors import DataError
from pneumo_core.wording import Progress

CLASSES = (("NORMAL", 0), ("PNEUMONIA", 500))


def pixels(seed: int) -> np.ndarray:
    """uint8 (204, 192): cells of random grey, so that no two films look the same."""
    cells = np.random.default_rng(seed).integers(20, 236, (17, 16), np.uint8)
    return np.kron(cells, np.ones((12, 12), np.uint8))


def encoded(image: np.ndarray, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, form, **options)
    return file.getvalue()


def film(seed: int) -> bytes:
    return encoded(pixels(seed))


def normal(patient: int, number: int = 1, split: str = "train") -> str:
    return f"{split}/NORMAL/IM-{patient:04d}-{number:04d}.png"


def sick(patient: int, number: int = 1, split: str = "train") -> str:
    return f"{split}/PNEUMONIA/person{patient}_virus_{number}.png"


def lay(folder: Path, films: dict[str, bytes]) -> Path:
    for name, content in films.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def healthy(count: int = 6) -> dict[str, bytes]:
    """So many patients of each class in train, and in test half as many other ones, with one film each."""
    films = {normal(n): film(n) for n in range(count)} | {sick(n): film(1000 + n) for n in range(count)}
    films |= {normal(500 + n, split="test"): film(2000 + n) for n in range(count // 2)}
    return films | {sick(500 + n, split="test"): film(3000 + n) for n in range(count // 2)}


def kinds(audit: Audit) -> list[str]:
    return [alarm.kind for alarm in audit.alarms]


def text_of(audit: Audit, kind: str) -> str:
    return " ".join(alarm.text for alarm in audit.alarms if alarm.kind == kind)


def test_the_facts_of_a_film_are_those_of_its_file(tmp_path):
    grey, colour = encoded(pixels(1)), encoded(np.stack([pixels(2)] * 3, axis=2))
    found = audit_folder(lay(tmp_path / "data", {normal(1): grey, sick(7, 3): colour}))
    first, second = found.films
    assert (first.name, first.split, first.has_pneumonia, first.patient, first.kind) == (
        "train/NORMAL/IM-0001-0001.png",
        "train",
        False,
        "IM-0001",
        "normal",
    )
    assert (first.file_bytes, first.height, first.width, first.samples_per_pixel) == (len(grey), 204, 192, 1)
    assert first.brightness == pytest.approx(pixels(1).mean() / 255, abs=1e-4)
    assert len(first.sha256) == len(first.fingerprint) == 64
    assert (second.patient, second.kind, second.samples_per_pixel) == ("person7", "virus", 3)
    assert (found.folder, found.n_ignored, found.unusable) == ("data", 0, ())


def test_films_and_patients_are_counted_by_split_and_class(tmp_path):
    films = {normal(1): film(1), normal(1, 2): film(2), sick(1): film(3), sick(2, split="test"): b"no film"}
    found = audit_folder(lay(tmp_path, films))
    assert found.counts == (
        FilmCount("train", False, 2, 2, 1),
        FilmCount("train", True, 1, 1, 1),
        FilmCount("test", False, 0, 0, 0),
        FilmCount("test", True, 1, 0, 0),
    )
    assert count_rows(found)[0] == {"Split": "train", "Class": "NORMAL", "X-rays": 2, "Usable": 2, "Patients": 1}


def test_a_folder_without_splits_is_all_train(tmp_path):
    found = audit_folder(lay(tmp_path, {"NORMAL/IM-0001-0001.png": film(1), "PNEUMONIA/person1_virus_1.png": film(2)}))
    assert {film.split for film in found.films} == {"train"}
    assert "no test split" in kinds(found)


def test_a_folder_with_nothing_wrong_raises_no_alarm_but_of_its_size(tmp_path):
    found = audit_folder(lay(tmp_path, healthy()))
    assert found.twins == found.patients_across == found.unusable == ()
    assert set(kinds(found)) == {"small split"}


def test_films_of_each_kind_are_audited_whatever_their_ending(tmp_path):
    forms = {"a.tif": "TIFF", "b.tiff": "TIFF", "c.bmp": "BMP", "d.jfif": "JPEG", "e.jpe": "JPEG", "f.dcm": "PNG"}
    forms |= {"g": "TIFF", "h.scan": "TIFF"}
    lay(
        tmp_path,
        {f"train/NORMAL/{name}": encoded(pixels(seed), form) for seed, (name, form) in enumerate(forms.items())},
    )
    films = audit_folder(tmp_path).films
    assert {film.name: film.problem for film in films} == {f"train/NORMAL/{name}": None for name in forms}


def test_films_that_cannot_be_used_are_named_with_the_reason(tmp_path):
    blank = encoded(np.full((204, 192), 90, np.uint8))
    bad = {normal(90): b"", normal(91): b"plain text", sick(92): film(1)[:400], sick(93): blank}
    found = audit_folder(lay(tmp_path, healthy() | bad))
    reasons = {film.name: film.problem for film in found.unusable}
    assert reasons.keys() == bad.keys()
    assert reasons[normal(90)] == "The image is empty. Please export or download it again."
    assert "a text file" in reasons[normal(91)]
    assert "The image is" in reasons[sick(92)]
    assert "almost blank" in reasons[sick(93)]
    assert text_of(found, "unreadable").startswith("4 of 22 X-rays cannot be used, the first of them")
    assert {film.fingerprint for film in found.unusable} == {""}
    assert {film.file for film in split_audited(found).left_out} == bad.keys()


def test_where_no_film_can_be_used_all_findings_are_empty_and_no_area_is_defined(tmp_path):
    found = audit_folder(lay(tmp_path, {normal(1): b"", sick(1): b"", sick(2): b"text"}))
    assert len(found.unusable) == 3
    assert found.twins == ()
    assert all(math.isnan(area.area.value) and area.normal is None for area in found.areas)
    assert text_of(found, "one class") == (
        "No X-ray can be used, in either class. Nothing can be trained or measured on these."
    )
    with pytest.raises(DataError, match=r"0 patients found in NORMAL"):
        split_audited(found)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="No X-ray was found"):
        audit_folder(tmp_path)


def test_the_same_bytes_are_exact_twins(tmp_path):
    found = audit_folder(lay(tmp_path, healthy() | {normal(80): film(0), normal(81): film(0)}))
    (twins,) = found.twins
    assert twins.films == (normal(0), normal(80), normal(81))
    assert (twins.is_exact, twins.bits, twins.is_conflict) == (True, 0, False)
    assert twins.patients == ("IM-0000", "IM-0080", "IM-0081")
    assert twins.splits == ("train",)
    assert twins_in_words(twins) == f"{', '.join(twins.films)}: the same byte by byte"
    assert found.copies == {normal(80): normal(0), normal(81): normal(0)}
    assert text_of(found, "copies").startswith("2 copies of X-rays that are there already were left out of the figures")
    # They look the same because they are the same.
    assert text_of(found, "twins") == ""


def test_copies_count_once_in_an_audit_and_in_its_split_with_their_patients_joined(tmp_path):
    copies = {normal(80): film(0), normal(80, 2): film(90), sick(0, 9): film(1000)}
    found = audit_folder(lay(tmp_path, healthy() | copies))
    assert found.counts[:2] == (FilmCount("train", False, 8, 7, 7), FilmCount("train", True, 7, 6, 6))
    assert {area.area.n for area in found.areas if area.split == "all"} == {19}
    manifest = split_audited(found)
    assert {film.file: film.reason for film in manifest.left_out} == {normal(80): COPY, sick(0, 9): COPY}
    # IM-0000 and IM-0080 are one person, as the same X-ray lies under both names.
    assert len({row.split for row in manifest.rows if row.file in (normal(0), normal(80, 2))}) == 1


def test_where_no_name_tells_a_patient_the_audit_and_its_split_say_so_and_count_none(tmp_path):
    films = {f"train/{folder}/{n}.png": film(n + seed) for n in range(4) for folder, seed in CLASSES}
    found = audit_folder(lay(tmp_path, films))
    assert "no patients" in kinds(found)
    assert {count.patients for count in found.counts} == {0}
    assert {row["Patients"] for row in count_rows(found)} == {"not told"}
    manifest = split_audited(found)
    assert {row.split for row in manifest.rows} == {"train", "val"}
    for lines in (summary(found), manifest.in_words()):
        assert not re.search(r"of \d+ patients?", " ".join(lines))
        assert INDEPENDENT in " ".join(lines)


def test_a_patient_in_both_classes_is_said(tmp_path):
    films = {"train/NORMAL/NORMAL-5-0001.png": film(1), "train/PNEUMONIA/VIRUS-5-0002.png": film(2)}
    assert "the first of them 5." in text_of(audit_folder(lay(tmp_path, healthy() | films)), "both labels")
    assert "both labels" not in kinds(audit_folder(lay(tmp_path / "other", healthy())))


def test_facts_beside_the_files_own_are_judged_and_stand_with_no_film(tmp_path):
    # NIH's names number a patient's X-rays: here the sick come back.
    films = {f"train/NORMAL/{n:08d}_000.png": film(n) for n in range(1, 12)}
    films |= {f"train/PNEUMONIA/{n:08d}_{n:03d}.png": film(n) for n in range(20, 31)}
    found = audit_folder(lay(tmp_path, films))
    assert {count.patients for count in found.counts} == {11}
    (area,) = [area for area in found.areas if area.fact == "number in the series"]
    assert (area.area.value, area.normal, area.pneumonia) == (1.0, None, None)
    assert "The fact number in the series alone tells the classes apart" in text_of(found, "shortcut")
    assert "number in the series" not in json.dumps(json.loads(audit_json(found))["films"])


def test_the_archives_names_tell_patients_and_kinds(tmp_path):
    films = {
        f"train/{folder}/{kind}-{patient}-{number:04d}.png": film(10 * patient + number)
        for folder, kind, patients in (("NORMAL", "NORMAL", (1, 2, 3)), ("PNEUMONIA", "BACTERIA", (4, 5, 6)))
        for patient in patients
        for number in (1, 2)
    } | {f"train/PNEUMONIA/virus-7-{number:04d}.png": film(70 + number) for number in (1, 2)}
    found = audit_folder(lay(tmp_path, films))
    assert [count.patients for count in found.counts] == [3, 4]
    assert {film.kind for film in found.films} == {"normal", "bacteria", "virus"}
    assert "no patients" not in kinds(found)
    for rows in ([row for row in split_audited(found).rows if row.patient == str(n)] for n in range(1, 8)):
        assert (len(rows), len({row.split for row in rows})) == (2, 1)


def test_the_summary_tells_the_kinds_of_pneumonia_and_folders_of_no_class(tmp_path):
    films = {sick(1): film(1), "train/PNEUMONIA/BACTERIA-7-0001.png": film(2), normal(1): film(3)}
    found = audit_folder(lay(tmp_path, films | {"train/COVID/a.png": film(4)}))
    assert "PNEUMONIA: 1 X-rays by bacteria, 1 by a virus" in summary(found)
    assert "train/COVID" in text_of(found, "ignored")


def test_a_film_encoded_again_and_shrunk_is_a_twin_by_its_looks(tmp_path):
    small = np.asarray(Image.fromarray(pixels(0)).resize((110, 120), Image.Resampling.BILINEAR))
    again = encoded(small, "JPEG", quality=70)
    found = audit_folder(lay(tmp_path, healthy() | {"train/NORMAL/IM-0080-0001.jpeg": again}))
    (twins,) = found.twins
    assert twins.films == (normal(0), "train/NORMAL/IM-0080-0001.jpeg")
    assert not twins.is_exact
    assert 0 <= twins.bits <= 10
    assert "of 256 bits apart" in twins_in_words(twins)


def test_twins_are_found_through_a_third_film_however_they_are_ordered(tmp_path):
    # One cell changed at a time turns two bits at most: from the first to the last there are more than ten.
    def changed(steps: int) -> bytes:
        image = pixels(0).copy()
        for row in range(steps):
            image[12 * row : 12 * row + 12, 12:24] = 255 - image[12 * row : 12 * row + 12, 12:24]
        return encoded(image)

    found = audit_folder(lay(tmp_path, {normal(1): film(0), normal(2): changed(14), normal(3): changed(7)}))
    (twins,) = found.twins
    assert twins.films == (normal(1), normal(2), normal(3))
    assert twins.bits > 10


def test_a_film_in_both_classes_is_a_conflict_and_stays_out_of_a_split(tmp_path):
    found = audit_folder(lay(tmp_path, healthy() | {sick(80): film(0)}))
    (twins,) = found.conflicts
    assert twins.films == (normal(0), sick(80))
    assert "2 X-rays lie in both classes" in text_of(found, "conflicts")
    assert {film.file for film in split_audited(found).left_out} == {normal(0), sick(80)}


def test_a_film_in_train_and_test_is_torn_and_leaves_train(tmp_path):
    found = audit_folder(lay(tmp_path, healthy() | {normal(0, 9): film(77), normal(700, split="test"): film(77)}))
    assert "1 X-rays lie in more than one split" in text_of(found, "twins across splits")
    assert found.twins[0].splits == ("train", "test")
    manifest = split_audited(found)
    # The patient's other film goes with it.
    assert {(film.file, film.reason) for film in manifest.left_out} == {
        (normal(0), TWIN_IN_TEST),
        (normal(0, 9), COPY),
    }


def test_patients_with_films_in_several_splits_are_listed(tmp_path):
    films = healthy() | {sick(0, 5, split="test"): film(71), sick(0, 6): film(72), sick(500, 7, split="val"): film(73)}
    found = audit_folder(lay(tmp_path, films))
    assert found.patients_across == (
        PatientAcross("person0", ("train", "test"), 3),
        PatientAcross("person500", ("val", "test"), 2),
    )
    assert "2 patients (5 X-rays)" in text_of(found, "patients")
    assert "(1 in train and test, 1 in val and test)" in text_of(found, "patients")
    assert {film.file for film in split_audited(found).left_out} == {sick(0), sick(0, 6), sick(500, 7, split="val")}
    assert split_audited(found).left_out[0].reason == PATIENT_IN_TEST
    assert split_audited(found, test_names_are_others=True).left_out == ()


def test_names_that_tell_no_patient_are_no_patients_across(tmp_path):
    names = [f"{split}/{name}/1.png" for split in ("train", "test") for name in ("NORMAL", "PNEUMONIA")]
    found = audit_folder(lay(tmp_path, {name: film(number) for number, name in enumerate(names)}))
    assert found.patients_across == ()
    assert [film.patient for film in found.films] == names


def test_a_validation_split_of_16_films_is_an_alarm_with_its_interval(tmp_path):
    val = {normal(600 + n, split="val"): film(600 + n) for n in range(8)}
    val |= {sick(600 + n, split="val"): film(700 + n) for n in range(8)}
    found = audit_folder(lay(tmp_path, healthy() | val))
    assert "val holds only 16 X-rays (8 NORMAL, 8 PNEUMONIA): 14 right of 16 mean anything from 64 to 97 %" in text_of(
        found, "small split"
    )


def test_one_class_only_is_an_alarm(tmp_path):
    found = audit_folder(lay(tmp_path, {normal(n): film(n) for n in range(4)}))
    assert "All 4 X-rays that can be used are NORMAL." in text_of(found, "one class")
    assert all(math.isnan(area.area.value) for area in found.areas)
    assert "imbalance" not in kinds(found)


def test_a_split_of_one_class_is_an_alarm(tmp_path):
    found = audit_folder(lay(tmp_path, healthy() | {sick(600, split="val"): film(600)}))
    assert text_of(found, "one class").startswith("val holds 1 X-rays of PNEUMONIA and none of the other class")


@pytest.mark.parametrize(("sick_films", "is_alarm"), [(12, False), (13, True)])
def test_less_than_a_third_of_a_class_is_an_imbalance(tmp_path, sick_films: int, is_alarm: bool):
    films = {normal(n): film(n) for n in range(6)} | {sick(n): film(100 + n) for n in range(sick_films)}
    found = audit_folder(lay(tmp_path, films))
    assert ("imbalance" in kinds(found)) == is_alarm
    if is_alarm:
        assert "13 of 19 X-rays are PNEUMONIA (68 %)" in text_of(found, "imbalance")


def test_a_fact_that_tells_the_classes_apart_is_a_shortcut_and_the_others_are_not(tmp_path):
    films = {normal(n): encoded(pixels(n)[:, :150]) for n in range(12)} | {sick(n): film(100 + n) for n in range(12)}
    found = audit_folder(lay(tmp_path, films))
    areas = {area.fact: area for area in found.areas}
    assert areas["aspect ratio"].area.value == 1
    assert areas["aspect ratio"].normal == pytest.approx(150 / 204)
    assert areas["aspect ratio"].pneumonia == pytest.approx(192 / 204)
    assert areas["colour mode"].area.value == 0.5
    assert areas["all of these together"].normal is None
    assert "The aspect ratio alone tells the classes apart" in text_of(found, "shortcut")
    assert "AUC 1.000 (no interval, n = 24); a median of 0.74 in NORMAL, 0.94 in PNEUMONIA" in text_of(
        found, "shortcut"
    )
    assert "colour" not in text_of(found, "shortcut")


def test_facts_are_measured_in_each_split_and_with_few_patients_not_defined(tmp_path):
    found = audit_folder(lay(tmp_path, healthy(12)))
    areas = {(area.fact, area.split): area.area for area in found.areas}
    assert {split for _, split in areas} == {"all", "train", "test"}
    assert not math.isnan(areas["file size", "train"].value)
    assert math.isnan(areas["file size", "test"].value)
    row = next(row for row in area_rows(found) if row["Split"] == "test" and row["Fact"] == "pixels")
    assert row == {
        "Fact": "pixels",
        "Split": "test",
        "AUC": "not defined (n = 12)",
        "NORMAL": "0.04 megapixels",
        "PNEUMONIA": "0.04 megapixels",
    }


def test_links_are_not_followed_and_other_files_are_counted(tmp_path):
    elsewhere = lay(tmp_path / "elsewhere", {"secret.png": film(5)})
    data = lay(tmp_path / "data", healthy() | {"train/NORMAL/a.pdf": b"%PDF", "NORMAL/b.png": film(6), "c.txt": b""})
    lay(data, {".git/x.png": b"", "train/OTHER/d.png": b"", "train/Thumbs.db": b""})
    (data / normal(90)).symlink_to(elsewhere / "secret.png")
    found = audit_folder(data)
    assert found.ignored == ("NORMAL/b.png", normal(90), "train/NORMAL/a.pdf", "train/OTHER/d.png")
    assert found.n_ignored == 4
    assert text_of(found, "ignored").startswith("The audit left out 4 files: no X-ray in a folder of this layout.")
    assert "1 of them is a link, and links are not followed." in text_of(found, "ignored")
    assert not found.unusable


@pytest.mark.parametrize("name", [b"IM-0090-0001\n.png", b"IM-0090-\xff.png", b"a\\b.png"])
def test_a_name_that_could_stand_in_no_table_is_refused(tmp_path, name: bytes):
    data = lay(tmp_path, healthy())
    path = data / "train" / "NORMAL" / name.decode("utf-8", "surrogateescape")
    path.write_bytes(film(90))
    found = audit_folder(data)
    assert "Please rename it" in found.unusable[0].problem
    assert found.n_ignored == 0
    write_audit(found, tmp_path / "audit.json")
    assert read_audit(tmp_path / "audit.json").films == found.films


def test_an_audit_reports_its_progress_and_can_be_cancelled(tmp_path):
    data = lay(tmp_path, healthy())
    reported: list[Progress] = []
    audit_folder(data, reported.append)
    assert (reported[-1].done, reported[-1].of) == (18, 18)
    with pytest.raises(DataError) as refusal:
        audit_folder(data, is_cancelled=lambda: True)
    assert str(refusal.value) == (
        "The audit was cancelled after 1 of 18 X-rays, and nothing is kept of it. Please start it again."
    )


def test_a_file_that_is_gone_meanwhile_is_a_film_with_a_problem(tmp_path, monkeypatch):
    data = lay(tmp_path, healthy())
    from pneumo_core.data import audit as module

    def listed(folders):
        found = list_xrays(folders)
        (data / normal(3)).unlink()
        return found

    list_xrays = module.list_xrays
    monkeypatch.setattr(module, "list_xrays", listed)
    found = audit_folder(data)
    assert [(film.name, film.problem) for film in found.unusable] == [
        (normal(3), "The image cannot be opened. Please check that you may read it.")
    ]


def test_an_audit_is_written_and_read_back(tmp_path):
    found = audit_folder(lay(tmp_path / "data", healthy() | {normal(80): film(0), normal(81): b""}))
    write_audit(found, tmp_path / "audit.json")
    back = read_audit(tmp_path / "audit.json")
    assert dataclasses.replace(back, areas=()) == dataclasses.replace(found, areas=())
    assert str(back.areas) == str(found.areas)
    strict = json.loads(audit_json(found), parse_constant=pytest.fail)
    assert strict["areas"][0]["area"] == {"value": None, "low": None, "high": None, "n": 18}


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[1"])
def test_what_is_no_audit_is_refused(tmp_path, content):
    path = tmp_path / "audit.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"holds no audit of this version\. Please run the audit again\."):
        read_audit(path)


def test_films_to_show_are_of_different_patients_first_and_the_same_for_a_seed(tmp_path):
    films = {normal(1, n): film(n) for n in range(8)} | {normal(2): film(90), normal(3): film(91), normal(4): b""}
    found = audit_folder(lay(tmp_path, films))
    shown = films_to_show(found, has_pneumonia=False, count=4)
    assert {film.patient for film in shown[:3]} == {"IM-0001", "IM-0002", "IM-0003"}
    assert len({film.name for film in shown}) == 4
    backwards = dataclasses.replace(found, films=found.films[::-1])
    assert films_to_show(backwards, False, 4) == shown
    assert films_to_show(found, False, 4, seed=1) != shown
    assert len(films_to_show(found, False, 99)) == 10
    assert films_to_show(found, True, 4) == ()


def test_the_page_holds_all_findings_and_runs_nothing_from_a_name(tmp_path, monkeypatch):
    bad = {"train/NORMAL/<script>alert(1)<script>.png": b"", "a&b.zip": b""}
    films = healthy() | {sick(80): film(0), sick(0, 9, split="test"): film(81)}
    found = audit_folder(lay(tmp_path, films | bad))
    page = audit_html(found).decode()
    assert "<script" not in page
    assert "http" not in page
    for said in (
        "<strong>conflicts</strong>: 2 X-rays lie in both classes",
        "X-rays that cannot be used (1)",
        "&lt;script&gt;alert(1)",
        f"<li>{normal(0)}, {sick(80)}: the same byte by byte, in both classes</li>",
        "<li>person0: 2 X-rays in train and test</li>",
        "<li>a&amp;b.zip</li>",
        "<td>PNEUMONIA</td>",
    ):
        assert said in page
    monkeypatch.setattr("pneumo_core.data.report.MAX_LISTED", 0)
    assert "<p>And 1 more.</p>" in audit_html(found).decode()


def run(*arguments: object):
    return CliRunner().invoke(commands, ["audit", *(str(argument) for argument in arguments)])


def test_the_command_says_what_is_wrong_and_writes_audit_and_split(tmp_path):
    data = lay(tmp_path / "data", healthy(12) | {normal(80): b""})
    result = run(data, "--out", tmp_path / "out", "--split", tmp_path / "split.csv")
    assert result.exit_code == 1
    assert "data: 37 X-rays, 1 cannot be used" in result.stdout
    assert "ALARM, unreadable: 1 of 37 X-rays cannot be used" in result.stdout
    assert "split.csv: val: 4 X-rays of 4 patients, 2 X-rays with pneumonia" in result.stdout
    assert "37 of 37 X-rays" in result.stderr
    assert len(read_audit(tmp_path / "out" / "audit.json").films) == 37
    assert "<h1>Audit of data</h1>" in (tmp_path / "out" / "audit.html").read_text()
    assert (tmp_path / "split.csv").read_text().startswith("file,label,patient,split\ntest/NORMAL/")


def test_the_command_gives_one_json_object(tmp_path):
    data = lay(tmp_path / "data", healthy())
    result = run(data, "--json", "--split", tmp_path / "split.csv")
    (line,) = result.stdout.splitlines()
    assert len(json.loads(line)["films"]) == 18
    assert (tmp_path / "split.csv").is_file()


def test_the_command_ends_with_0_where_nothing_is_alarming_and_2_on_wrong_use(tmp_path, monkeypatch):
    data = lay(tmp_path / "data", healthy())
    monkeypatch.setattr("pneumo_core.data.alarms.SMALL_SPLIT", 1)
    monkeypatch.setattr("pneumo_core.data.alarms.FEW_FILMS", 1)
    result = run(data)
    assert result.exit_code == 0
    assert result.stdout.endswith("Nothing alarming was found.\n")
    for wrong in (("--validation-share", 1), ("--validation-share", 0.6, "--test-share", 0.5), ("--seed", "x")):
        assert run(data, *wrong).exit_code == 2
    refused = run(tmp_path / "nowhere")
    assert (refused.exit_code, refused.stdout) == (1, "")


def test_summary_and_alarms_are_the_same_whatever_order_the_files_are_found_in(tmp_path, monkeypatch):
    first = audit_folder(lay(tmp_path / "data", healthy(12) | {normal(80): film(0)}))
    from pneumo_core.data import audit as module

    before = module.list_xrays
    monkeypatch.setattr(
        module, "list_xrays", lambda folders: before(folders)._replace(cases=before(folders).cases[::-1])
    )
    second = audit_folder(tmp_path / "data")
    assert first.films == second.films
    assert summary(first) == summary(second)
    assert split_audited(first) == split_audited(second)


def test_real_films(chest_xray_dir: Path):
    found = audit_folder(chest_xray_dir)
    assert len(found.films) == 5856
    assert found.unusable == found.conflicts == ()
    assert sum(len(twins.films) for twins in found.twins) == 62
    assert len(found.twins) == 30
    assert all(len(twins.splits) == 1 for twins in found.twins)
    assert len(found.patients_across) == 170
    assert "val holds only 16 X-rays" in text_of(found, "small split")
    manifest = split_audited(found)
    assert len(manifest.rows) + len(manifest.left_out) == 5856
    assert len(manifest.left_out) == 485
    assert sum("copy" in left_out.reason for left_out in manifest.left_out) == 32


def test_a_folder_whose_films_were_moved_away_is_refused(tmp_path):
    data = lay(tmp_path / "data", healthy())
    shutil.rmtree(data)
    with pytest.raises(DataError, match="is not a folder"):
        audit_folder(data)
