"""A dozen headers show the grey that dcmtk shows: a second opinion by people who have read the standard for themselves.

The headers keep out of where dcmtk is known to differ: results of a slope that are no whole numbers, LINEAR_EXACT,
padding, and a `PresentationLUTShape` that contradicts the polarity. dcmtk is told which window or table to apply.
"""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset

from pneumo_core.film.radiograph import read_radiograph
from tests.conftest import is_here
from tests.film.headers import picture, plain, set_words, table_item, written
from tests.film.literal import shown

pytestmark = [
    pytest.mark.skipif(not is_here("dcmtk"), reason="dcmtk is not installed"),
    # What pydicom says of unusual values.
    pytest.mark.filterwarnings("ignore"),
]

PICTURE = picture(5, 97, 102)
WINDOW, TABLE = ["+Wi", "1"], ["+Wl", "1", "+Mv"]
MOST_DIFFERENCE = 2e-3


def film(bits: int = 12, low: int = 0, high: int | None = None, **elements: object) -> Dataset:
    """The picture as values from low to high."""
    high = 2**bits - 1 if high is None else high
    return plain(np.rint(low + PICTURE * (high - low)).astype(np.int64), bits, **elements)


def windowed(center: float, width: float, dataset: Dataset | None = None, function: str | None = None) -> Dataset:
    dataset = film() if dataset is None else dataset
    dataset.WindowCenter, dataset.WindowWidth = center, width
    if function:
        dataset.VOILUTFunction = function
    return dataset


def with_table(item: Dataset, dataset: Dataset | None = None) -> Dataset:
    dataset = film() if dataset is None else dataset
    dataset.VOILUTSequence = [item]
    return dataset


def with_rubbish() -> Dataset:
    """12 bits in the middle of 16, with ones in the others."""
    dataset = windowed(1900, 2500)
    dataset.HighBit = 13
    set_words(dataset, np.rint(PICTURE * 4095).astype(np.int64) << 2 | 0xC003)
    return dataset


def with_modality_table() -> Dataset:
    dataset = windowed(30_000, 50_000)
    dataset.ModalityLUTSequence = [table_item(root(4000, 65535), 50)]
    dataset.ModalityLUTSequence[0].ModalityLUTType = "US"
    return dataset


def root(count: int, largest: int) -> np.ndarray:
    """Entries that rise from 0 to the largest, steeply at first."""
    return np.rint(np.sqrt(np.linspace(0, 1, count)) * largest).astype(np.int64)


SIGNED = {"PixelRepresentation": 1}
HEADERS: dict[str, tuple[Callable[[], Dataset], list[str], uid.UID]] = {
    "linear": (lambda: windowed(2000, 1501), WINDOW, uid.ExplicitVRLittleEndian),
    "sigmoid": (lambda: windowed(2000, 1500, function="SIGMOID"), WINDOW, uid.ImplicitVRLittleEndian),
    "signed, rescaled": (
        lambda: windowed(-900, 3000, film(12, -2000, 1900, RescaleSlope=1, RescaleIntercept=-1024, **SIGNED)),
        WINDOW,
        uid.DeflatedExplicitVRLittleEndian,
    ),
    "slope below zero": (
        lambda: windowed(-3000, 6000, film(RescaleSlope=-2, RescaleIntercept=10)),
        WINDOW,
        uid.ExplicitVRLittleEndian,
    ),
    "inverted": (
        lambda: windowed(2000, 1501, film(PhotometricInterpretation="MONOCHROME1")),
        WINDOW,
        uid.ExplicitVRLittleEndian,
    ),
    "left-aligned": (lambda: windowed(2000, 2501, film(HighBit=15)), WINDOW, uid.ExplicitVRLittleEndian),
    "rubbish in other bits": (with_rubbish, WINDOW, uid.ExplicitVRLittleEndian),
    "8 bits": (lambda: windowed(120, 200, film(8)), WINDOW, uid.ImplicitVRLittleEndian),
    "16 bits, big endian": (lambda: windowed(40_000, 40_000, film(16)), WINDOW, uid.ExplicitVRBigEndian),
    "run lengths": (lambda: windowed(2000, 2501), WINDOW, uid.RLELossless),
    "modality table": (with_modality_table, WINDOW, uid.ExplicitVRLittleEndian),
    "table": (lambda: with_table(table_item(root(3000, 4095), 400, 12)), TABLE, uid.ExplicitVRLittleEndian),
    "table that holds less than it declares": (
        lambda: with_table(table_item(root(4096, 1023), 0, 16)),
        TABLE,
        uid.ImplicitVRLittleEndian,
    ),
    "table from below zero": (
        lambda: with_table(table_item(root(3500, 65535), -1900, 16, "SS"), film(12, -2048, 2047, **SIGNED)),
        TABLE,
        uid.ExplicitVRLittleEndian,
    ),
}


def by_dcmtk(content: bytes, options: list[str], folder: Path) -> np.ndarray:
    """Give the grey that dcmtk makes of a file, float64 in [0, 1]."""
    (folder / "film.dcm").write_bytes(content)
    command = ["dcm2pnm", "--quiet", "--write-16-bit-png", *options, "film.dcm", "film.png"]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    return np.asarray(Image.open(io.BytesIO((folder / "film.png").read_bytes())), np.float64) / 65535


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_shows_the_grey_that_dcmtk_shows(name: str, tmp_path: Path):
    make, options, syntax = HEADERS[name]
    dataset = make()
    content = written(dataset, syntax)
    expected = by_dcmtk(content, options, tmp_path)
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(shown(dataset).grey, expected, atol=MOST_DIFFERENCE)
    np.testing.assert_allclose(read_radiograph(content).pixels, expected, atol=MOST_DIFFERENCE)
