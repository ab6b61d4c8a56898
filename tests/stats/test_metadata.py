"""What metadata alone can do."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pneumo_core.stats.metadata import areas_of_metadata
from pneumo_core.stats.metrics import Estimate


@dataclass(frozen=True)
class File:
    file_bytes: int = 1000
    height: int = 100
    width: int = 150
    samples_per_pixel: int = 1
    brightness: float = 0.0


def areas(files: Sequence[File]) -> dict[str, Estimate]:
    """Areas where every second film has pneumonia, and each is another patient's."""
    numbers = np.arange(len(files))
    return dict(areas_of_metadata(files, numbers % 2 == 1, numbers))


def test_a_file_size_that_goes_with_the_class_is_found_out():
    random = np.random.default_rng(1)
    found = areas(
        [File(file_bytes=int(random.normal(300 if n % 2 else 900, 60)), brightness=random.uniform()) for n in range(80)]
    )
    assert found["file size"].value > 0.99
    assert found["all of these together"].value > 0.95
    assert 0.3 < found["mean brightness"].value < 0.7
    assert found["file size"].n == 80


def test_with_few_patients_metadata_are_not_judged():
    for count in (0, 18):
        found = areas([File(file_bytes=n) for n in range(count)])
        assert [(math.isnan(area.value), area.n) for area in found.values()] == [(True, count)] * 6


def with_facts(**more: list[float | str | None]) -> dict[str, Estimate]:
    """The areas of files that are alike, with further facts of 40 patients of each class."""
    numbers = np.arange(80)
    files = [File(1000, 100, 100, 1, 0.5) for _ in numbers]
    return dict(areas_of_metadata(files, numbers % 2 == 1, numbers, more))


def test_a_device_that_takes_one_class_alone_tells_it_and_so_does_a_silent_header():
    areas = with_facts(
        manufacturer=["ACME" if n % 2 else "OTHER" for n in range(80)],
        voltage=[70.0 if n % 2 else None for n in range(80)],
        day=[float(n // 2) for n in range(80)],
    )
    assert areas["manufacturer"].value == areas["voltage"].value == areas["all of these together"].value == 1
    assert areas["day"].value < 0.7
    assert areas["day"].n == 80


def test_a_number_that_is_in_the_middle_in_one_class_tells_it():
    areas = with_facts(voltage=[70 + n % 4 if n % 2 else (50 + n % 3 if n % 4 else 120 + n % 3) for n in range(80)])
    assert areas["voltage"].value > 0.9


def test_a_fact_that_all_share_and_words_of_single_files_tell_nothing():
    areas = with_facts(
        view=["PA"] * 80, none=[None] * 80, single=[f"{n}{'sick' if n % 2 else 'well'}" for n in range(80)]
    )
    assert not {"view", "none"} & areas.keys()
    assert areas["single"].value == 0.5
