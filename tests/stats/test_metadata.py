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
