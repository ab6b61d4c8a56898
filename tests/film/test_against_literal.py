"""Random headers show the grey that a literal, independent reading of the standard finds in them.

`PNEUMO_TESTS_HEADERS=1200` draws so many. A failure names the seeds; `headers.draw(seed)` gives each of them again.
"""

import os
from collections import Counter
from functools import cache

import numpy as np
import pytest

from pneumo_core.errors import PneumoError
from pneumo_core.film.radiograph import read_radiograph
from tests.film import literal
from tests.film.headers import Drawn, draw

# What pydicom says of unusual values.
pytestmark = pytest.mark.filterwarnings("ignore")

HEADERS = int(os.environ.get("PNEUMO_TESTS_HEADERS", "160"))
IN_ONE_TEST = 10
MOST_DIFFERENCE = 2e-3
# Shares of clipped pixels so near to the limit are not held to it.
CLOSE_CALL = 0.005


@cache
def drawn(seed: int) -> tuple[Drawn, literal.Shown]:
    header = draw(seed)
    return header, literal.shown(header.dataset)


def difference(seed: int) -> str | None:
    """Say how the pixels that are read differ from the literal ones; None where they do not."""
    header, expected = drawn(seed)
    if any(share is not None and abs(share - literal.MOST_CLIPPED) < CLOSE_CALL for share in expected.clipped):
        return None
    try:
        pixels = read_radiograph(header.content()).pixels
    except PneumoError as refusal:
        return f"refused: {refusal.code}"
    if pixels.shape != expected.grey.shape:
        return f"shape {pixels.shape} instead of {expected.grey.shape}"
    most = np.abs(pixels - expected.grey).max()
    return None if most <= MOST_DIFFERENCE else f"up to {most:.4f} off view {expected.view} of {expected.clipped}"


@pytest.mark.parametrize("first", range(0, HEADERS, IN_ONE_TEST))
def test_random_headers_show_the_grey_that_the_standard_asks_for(first: int):
    seeds = range(first, min(first + IN_ONE_TEST, HEADERS))
    wrong = {seed: fault for seed in seeds if (fault := difference(seed))}
    assert not wrong, "\n".join(
        f"seed {seed}: {fault}: {'; '.join(drawn(seed)[0].facts)}" for seed, fault in wrong.items()
    )


def test_the_random_headers_hold_each_kind_many_times():
    kinds: Counter[str] = Counter()
    for seed in range(min(HEADERS, 160)):
        header, expected = drawn(seed)
        dataset = header.dataset
        whole = (dataset.Rows, dataset.Columns)
        has_outside = "PixelPaddingValue" in dataset or "ShutterShape" in dataset
        kinds.update(
            name
            for name, is_so in {
                header.syntax.name: True,
                dataset.Modality: True,
                dataset.PhotometricInterpretation: True,
                "8 bits": dataset.BitsStored == 8,
                "16 bits": dataset.BitsStored == 16,
                "signed": dataset.PixelRepresentation == 1,
                "shifted": dataset.HighBit >= dataset.BitsStored,
                "cut": expected.grey.shape != whole,
                "outside, not cut": has_outside and expected.grey.shape == whole,
                "padding": "PixelPaddingValue" in dataset,
                "shutters": "ShutterShape" in dataset,
                "rescale": "RescaleSlope" in dataset,
                "modality table": "ModalityLUTSequence" in dataset,
                "table shown": expected.view is not None and expected.view < len(dataset.get("VOILUTSequence", [])),
                "window shown": expected.view is not None and expected.view >= len(dataset.get("VOILUTSequence", [])),
                "no view": not expected.clipped,
                "no usable view": expected.view is None and bool(expected.clipped),
                "later view": expected.view not in (None, 0),
                "SIGMOID": dataset.get("VOILUTFunction") == "SIGMOID",
                "LINEAR_EXACT": dataset.get("VOILUTFunction") == "LINEAR_EXACT",
            }.items()
            if is_so
        )
    assert len(kinds) == 26
    assert min(kinds.values()) >= 4, kinds
