"""Shortcuts: hand-counted tables, and who is set aside."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.adults import OUTSIDE, filled_outside, validation_patients
from benchmarks.lesson_scores import chosen_adults
from benchmarks.shortcuts import Measured, chosen_cases, frame_table, places_table, verdict, with_frame
from pneumo_core.data.cases import Case, Told
from pneumo_core.stats.metrics import Estimate


def case(
    name: str, patient: str, group: str, source: str = "a", age: float | None = 40.0, split: str = "train"
) -> Case:
    told = Told(group=group, age_years=age, source=source)
    return Case(name, (Path(name),), group == "finding", patient, "", split, told)


def test_a_black_frame_is_as_wide_at_any_size_and_changes_nothing_inside():
    for height, width, rows, columns in ((224, 224, 4, 4), (448, 896, 8, 16)):
        framed = with_frame(np.ones((height, width), np.float32))
        assert framed[:rows].max() == framed[:, -columns:].max() == 0
        assert framed[rows:-rows, columns:-columns].min() == 1


def test_figures_of_two_places_stand_beside_the_same_with_the_lungs_hidden():
    groups = np.array(["finding", "finding", "normal", "normal", "normal"])
    places = np.array(["here", "here", "here", "there", "there"])
    plain = np.array([2.0, 1.0, 1.5, 0.0, 0.5])
    # Without lungs the places still differ, and within one place nothing does.
    hidden = np.array([1.0, 1.0, 1.0, 0.0, 0.0])
    of_one, of_two = places_table(Measured(groups, places, plain, plain, hidden)).rows
    assert of_one[:2] == ("here (2)", "normal, here (1)")
    assert (of_one[2].split()[0], of_one[3].split()[0], of_one[4]) == ("0.500", "0.500", "kept")
    assert of_two[:2] == ("here (2)", "normal, there (2)")
    assert (of_two[2].split()[0], of_two[3].split()[0]) == ("1.000", "1.000")
    assert of_two[4].startswith("dropped")


@pytest.mark.parametrize(("value", "word"), [(0.6, "kept"), (0.61, "dropped"), (0.4, "kept"), (0.39, "dropped")])
def test_an_area_below_a_half_tells_as_much_as_one_above(value: float, word: str):
    assert verdict(Estimate(value, value, value, 9)).startswith(word)


def test_flags_that_a_frame_turns_are_counted_by_group():
    groups = np.array(["finding", "finding", "normal", "normal", "normal", "normal"])
    plain, framed = np.array([1.0, 1.0, -1.0, -1.0, 1.0, -1.0]), np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    finding, normal = frame_table(Measured(groups, groups, plain, framed, plain), 0.0).rows
    assert [(row[0], row[1], row[2].split()[0], row[3].split()[0]) for row in (finding, normal)] == [
        ("finding", 2, "100.0", "50.0"),
        ("normal", 4, "25.0", "25.0"),
    ]


def test_so_many_of_each_place_and_group_are_chosen_and_no_test_image():
    cases = [
        case(f"{source}{group}{number}", f"{number}", group, source)
        for source in "ab"
        for group in ("finding", "normal")
        for number in range(5)
    ]
    chosen = chosen_cases([*cases, case("t", "9", "normal", split="test")], False, 3)
    assert len(chosen) == 12
    assert {one.split for one in chosen} == {"train"}
    assert chosen == chosen_cases(cases, False, 3)


def test_a_lungs_only_image_gets_a_bright_outside_and_keeps_its_lungs():
    film = np.zeros((10, 10, 1), np.float32)
    film[2:4, 2:7] = 90
    filled, share = filled_outside(film)
    assert share == 0.1
    assert (filled[2:4, 2:7] == 90).all()
    assert (filled == OUTSIDE).sum() == 90


def test_patients_are_set_aside_in_whatever_order_they_come():
    patients = [str(number) for number in range(1, 201)]
    drawn = validation_patients(patients)
    assert len(drawn) == 26
    assert drawn == validation_patients(reversed(patients * 2))


def test_adults_of_the_lessons_are_grown_up_and_of_patients_who_are_set_aside():
    ids = [str(number) for number in range(1, 101)]
    aside = validation_patients(ids[1:])
    listed = {
        "adults": [case(f"n{patient}", patient, "normal") for patient in ids],
        "weak": [case("w", "1", "finding"), case("child", "1", "finding", age=17.0)],
        "lungs": [case(f"l{patient}", patient, "finding", age=None) for patient in ids],
    }
    chosen = chosen_adults(listed)
    # Patient 1 has an image with a weak label. An age that is not known is no adult's.
    assert {image.path.name for image in chosen} == {"w", "n1", *(f"n{patient}" for patient in aside)}
