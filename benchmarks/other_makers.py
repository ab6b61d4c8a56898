"""Whether an X-ray keeps its flag when it is stored as other makers' devices and programs store it.

    python -m benchmarks.other_makers FOLDER [--films 600]

FOLDER holds the images that the model in use was validated on; others are passed over. Each is stored anew in each of
`WAYS`, read, and compared with the same image in 8 bits. A marker is compared with a marker in 8 bits.
"""

import io
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset

from pneumo_core.errors import PneumoError
from pneumo_core.film import offered_sha256, prepare, read_radiograph
from pneumo_core.gate import before
from pneumo_core.keras_network import load_classifier
from pneumo_core.models import HASH_DIGITS
from pneumo_core.stats import proportion

SEED = 3
Levels = np.ndarray


def dicom(levels: Levels, bits: int, **elements: object) -> bytes:
    """Give a CR of 16-bit words, without any patient."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = uid.ComputedRadiographyImageStorage, "1.2.3"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition, dataset.PatientAge = "CR", "CHEST", "AP", "003Y"
    dataset.Rows, dataset.Columns = levels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.SamplesPerPixel = 16, bits, bits - 1, 1
    dataset.PixelRepresentation, dataset.PhotometricInterpretation = int(levels.min() < 0), "MONOCHROME2"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = levels.astype("<i2" if levels.min() < 0 else "<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def in_12_bits(film: Levels, highest: int = 4095) -> Levels:
    return np.rint(film / 255 * highest).astype(int)


def with_lut(film: Levels, held: int) -> bytes:
    """Declare a lookup table of 16 bits that holds fewer."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0, 16])
    item.add_new("LUTData", "OW", np.rint(np.linspace(0, 2**held - 1, 4096)).astype("<u2").tobytes())
    return dicom(in_12_bits(film), 12, VOILUTSequence=[item])


def padded(film: Levels, value: int, **elements: object) -> bytes:
    """Lay the image into a frame of padding."""
    height, width = film.shape
    levels = np.full((height + 40, width + 60), value)
    levels[20:-20, 30:-30] = np.where(in_12_bits(film) == value, abs(value - 1), in_12_bits(film))
    elements |= {"WindowCenter": "2048", "WindowWidth": "4096"}
    return dicom(levels, 16 if value > 4095 else 12, PixelPaddingValue=value, **elements)


def marked(film: Levels, marker: int) -> Levels:
    levels = film.copy()
    levels[10:16, 10:16] = marker
    return levels


def raw(film: Levels, **elements: object) -> bytes:
    """Give the exposure behind the body, by the law of Beer and Lambert, without a window."""
    return dicom(np.rint(4095 * np.exp(-3.9 * film / 255)).astype(int), 12, **elements)


# By way: how an image of 8 bits is stored, and with which image of 8 bits it is compared.
WAYS: dict[str, tuple[Callable[[Levels], bytes], Callable[[Levels], Levels]]] = {
    "lookup table of 12 bits in 16": (lambda film: with_lut(film, 12), lambda film: film),
    "lookup table of 11 bits in 16": (lambda film: with_lut(film, 11), lambda film: film),
    "lookup table of 8 bits in 16": (lambda film: with_lut(film, 8), lambda film: film),
    "padding 0": (lambda film: padded(film, 0), lambda film: film),
    "padding 65535": (lambda film: padded(film, 65535), lambda film: film),
    "no window, 0 to 1500 of 12 bits": (lambda film: dicom(in_12_bits(film, 1500), 12), lambda film: film),
    "no window, 12 bits in 16": (lambda film: dicom(in_12_bits(film), 16), lambda film: film),
    "signed 16 bits, holding 12": (lambda film: dicom(in_12_bits(film) - 1024, 16), lambda film: film),
    "marker of 65535 over 12 bits": (
        lambda film: dicom(marked(in_12_bits(film), 65535), 16),
        lambda film: marked(film, 255),
    ),
    "FOR PROCESSING": (lambda film: raw(film, PresentationIntentType="FOR PROCESSING"), lambda film: film),
    "raw data that no element names": (raw, lambda film: film),
}


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--films", "count", default=600, show_default=True, help="How many, drawn by a fixed seed.")
def main(folder: Path, count: int) -> None:
    classifier = load_classifier()
    known, point = classifier.known, classifier.card.first.operating_point("balanced")
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    paths = [
        path for path in paths if known and known.hashes.get((offered_sha256(path) or "")[:HASH_DIGITS]) == "validation"
    ]
    random.Random(SEED).shuffle(paths)
    films = [np.rint(255 * read_radiograph(path).pixels).astype(np.uint8) for path in paths[:count]]
    for way, (store, alike) in WAYS.items():
        moved, refused, differences = 0, Counter[str](), []
        for film in films:
            try:
                radiograph = read_radiograph(store(film))
                before(radiograph, classifier.card.years).check()
            except PneumoError as refusal:
                refused[refusal.code] += 1
                continue
            pair = [prepare(pixels, classifier.card.preprocessing) for pixels in (radiograph.pixels, alike(film) / 255)]
            here, there = classifier.score(np.stack(pair).astype(np.float32))
            moved += int((here >= point.threshold) != (there >= point.threshold))
            differences.append(abs(here - there))
        share = proportion(moved, len(films))
        difference = f"{np.mean(differences):.4f}" if differences else "-"
        click.echo(
            f"{way}: {moved} of {len(films)} flags moved ({100 * share.low:.1f} to {100 * share.high:.1f} %); "
            f"mean difference {difference}; refused: {dict(refused) or 0}"
        )


if __name__ == "__main__":
    main()
