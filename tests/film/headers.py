"""Random headers of chest X-rays, as machines write them: a seed gives a data set in memory and the file made of it.

The data set is little endian and not compressed, for `literal.shown`; the file has the transfer syntax drawn with it.
Each picture has about 4 in 100 of its pixels at either end, all over the image: a range that forgives a few outliers
finds the same ends as the lowest and highest value.
"""

import copy
import io
import itertools
import random
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag

SYNTAXES = (
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.RLELossless,
)
CLASSES = {"CR": uid.ComputedRadiographyImageStorage, "DX": uid.DigitalXRayImageStorageForPresentation}
FUNCTIONS = (None, "LINEAR", "LINEAR_EXACT", "SIGMOID")
# Slope and intercept that put no value half way between two whole numbers: nobody says which entry of a table that is.
RESCALES = (
    ("1", "0"),
    ("1", "-1024"),
    ("2", "100"),
    ("-1", "4095"),
    ("0.5", "0.1"),
    ("0.25", "-0.15"),
    ("1.2", "-300"),
    ("-0.001", "0.0003"),
    ("1.0E+00", " -1 "),
    ("0", "7"),
    ("", "5"),
    ("AUTO", "5"),
)
DECLARED_BITS = (8, 10, 12, 14, 16)
LARGEST_LIST = 32_000


@dataclass
class Drawn:
    """A random header.

    Attributes:
        dataset: little endian, not compressed.
        syntax: the transfer syntax of the file.
        facts: what was drawn, for a person who looks at a failure.
    """

    dataset: Dataset
    syntax: uid.UID = uid.ExplicitVRLittleEndian
    facts: list[str] = field(default_factory=list)

    def content(self) -> bytes:
        return written(self.dataset, self.syntax)


# --- files --------------------------------------------------------------------------------------


def plain(stored: NDArray[np.integer], bits: int = 12, modality: str = "CR", **elements: object) -> Dataset:
    """Give a chest X-ray of whole numbers, without any patient; 8 bits in bytes, more in words of 16 bits."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CLASSES[modality], "1.2.3"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = modality, "CHEST", "AP"
    if modality == "DX":
        dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = 8 if bits <= 8 else 16
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, 0
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    set_words(dataset, stored.astype(np.int64) << (dataset.HighBit + 1 - dataset.BitsStored))
    return dataset


def set_words(dataset: Dataset, words: NDArray[np.int64]) -> None:
    """Store the low bits of whole numbers as the words of the pixels."""
    is_wide = dataset.BitsAllocated == 16
    pixels = (words & (0xFFFF if is_wide else 0xFF)).astype("<u2" if is_wide else "u1").tobytes()
    dataset.add_new("PixelData", "OW" if is_wide else "OB", pixels + b"\0" * (len(pixels) % 2))


def set_text(dataset: Dataset, keyword: str, *values: str) -> None:
    """Store texts where numbers belong, also those that are none."""
    content = "\\".join(values).encode()
    content += b" " * (len(content) % 2)
    # pydicom writes such an element as it is, and would refuse the value.
    dataset[keyword] = RawDataElement(Tag(keyword), "DS", len(content), content, 0, False, True)


def as_vr(value: int, vr: str) -> int:
    """Give a word of 16 bits as US or SS would say it."""
    value %= 65536
    return value - 65536 if vr == "SS" and value >= 32768 else value


def table_item(
    entries: Sequence[int] | NDArray[np.integer], first: int = 0, bits: int = 16, vr: str = "US", form: str = "OW"
) -> Dataset:
    """Give an item of a look-up table; its data as `OW` (words), `US` (numbers) or `packed` (bytes)."""
    item = Dataset()
    # The count has no sign, whatever the VR.
    item.add_new("LUTDescriptor", vr, [len(entries) % 65536, as_vr(first, vr), bits])
    values = np.asarray(entries)
    if form == "US":
        item.add_new("LUTData", "US", values.tolist())
    else:
        data = values.astype("u1" if form == "packed" else "<u2").tobytes()
        item.add_new("LUTData", "OW", data + b"\0" * (len(data) % 2))
    return item


def written(dataset: Dataset, syntax: uid.UID = uid.ExplicitVRLittleEndian) -> bytes:
    """Give the file of a data set in a transfer syntax."""
    dataset = copy.deepcopy(dataset)
    dataset.file_meta = FileMetaDataset()
    if syntax == uid.RLELossless:
        dataset.add_new("PixelData", "OB", encapsulate([run_lengths(dataset)]))
    elif syntax == uid.ExplicitVRBigEndian:
        for part in all_parts(dataset):
            for element in part:
                if element.VR == "OW":
                    element.value = np.frombuffer(element.value, "<u2").astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def run_lengths(dataset: Dataset) -> bytes:
    """Give the words of a data set as a frame of run lengths (PS3.5, annex G), one segment for each byte of a word.

    pydicom 3.0.2 writes one segment of two where 16 bits are allocated and no more than 8 stored.
    """
    size = dataset.BitsAllocated // 8
    words = np.frombuffer(dataset.PixelData, "u1")[: dataset.Rows * dataset.Columns * size]
    # The high bytes come first.
    planes = words.reshape(dataset.Rows, dataset.Columns, size)[:, :, ::-1]
    segments = [b"".join(runs_of_row(row.tobytes()) for row in planes[:, :, place]) for place in range(size)]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    offsets = [64 + sum(map(len, segments[:place])) for place in range(size)]
    return struct.pack("<16L", size, *offsets, *[0] * (15 - size)) + b"".join(segments)


def runs_of_row(row: bytes) -> bytes:
    """Give bytes as runs of one value and stretches without runs, each of at most 128."""
    packed, stretch = bytearray(), bytearray()
    for value, same in itertools.groupby(row):
        count = len([*same])
        if count == 1 and len(stretch) < 128:
            stretch.append(value)
            continue
        if stretch:
            packed += bytes([len(stretch) - 1]) + stretch
            stretch.clear()
        while count > 1:
            run = min(count, 128)
            packed += bytes([257 - run, value])
            count -= run
        if count:
            stretch.append(value)
    return bytes(packed + bytes([len(stretch) - 1]) + stretch if stretch else packed)


def all_parts(dataset: Dataset) -> Iterable[Dataset]:
    """Give the look-up tables of a data set, and its pixels alone."""
    pixels = Dataset()
    pixels["PixelData"] = dataset["PixelData"]
    yield pixels
    for keyword in ("ModalityLUTSequence", "VOILUTSequence"):
        yield from dataset.get(keyword) or []


# --- random headers -----------------------------------------------------------------------------


def picture(seed: int, rows: int, columns: int) -> NDArray[np.float64]:
    """Give a smooth picture from 0 to 1, with some hills and valleys, that reaches both ends in many places."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:columns]
    waves = sum(
        np.cos(y * down / rows + x * across / columns + phase)
        for down, across, phase in generator.uniform((4, 4, 0), (25, 25, 6.28), (5, 3))
    )
    low, high = np.quantile(waves, (0.05, 0.95))
    return np.clip((waves - low) / (high - low), 0, 1)


def draw(seed: int) -> Drawn:
    """Draw a header; the same seed gives the same."""
    chance = random.Random(seed)
    rows, columns = chance.randint(96, 131), chance.randint(96, 131)
    bits = chance.randint(8, 16)
    is_signed = chance.random() < 0.35
    lowest = -(2 ** (bits - 1)) if is_signed else 0
    highest = lowest + 2**bits - 1
    # The image leaves values free at its ends, for padding and because films do.
    room = 2**bits // 4
    low, high = (lowest + chance.choice([0, 1, room]), highest - chance.choice([0, 1, room]))
    stored = np.rint(low + picture(seed, rows, columns) * (high - low)).astype(np.int64)

    modality = chance.choice(["CR", "DX"])
    drawn = Drawn(plain(stored, bits, modality), chance.choice(SYNTAXES))
    dataset, facts = drawn.dataset, drawn.facts
    facts += [
        drawn.syntax.name,
        f"{modality} {rows} x {columns}",
        f"{bits} bits {'signed' if is_signed else 'unsigned'}",
    ]
    facts.append(f"values {low} to {high}")
    dataset.PixelRepresentation = int(is_signed)
    dataset.PhotometricInterpretation = chance.choice(["MONOCHROME1", "MONOCHROME2", "MONOCHROME2"])
    facts.append(dataset.PhotometricInterpretation)
    if shape := chance.choice([None, "IDENTITY", "INVERSE"]):
        dataset.PresentationLUTShape = shape
        facts.append(f"shape {shape}")
    if chance.random() < 0.35:
        draw_padding(chance, drawn, stored, (lowest, low, high, highest))
    if chance.random() < 0.25:
        draw_shutters(chance, drawn)
    draw_words(chance, drawn, stored)
    used, lowest_value = draw_modality(chance, drawn, (lowest, low, high, highest))
    draw_views(chance, drawn, used, lowest_value < 0)
    return drawn


def draw_words(chance: random.Random, drawn: Drawn, stored: NDArray[np.int64]) -> None:
    """Lay the values into words, with something in the bits that do not count."""
    dataset = drawn.dataset
    bits = dataset.BitsStored
    dataset.BitsAllocated = 16 if bits > 8 or chance.random() < 0.4 else 8
    spare = dataset.BitsAllocated - bits
    shift = chance.choice([0, 0, 0, 0, spare, spare // 2])
    dataset.HighBit = bits - 1 + shift
    mask = (2**bits - 1) << shift
    kind = chance.choice(["zeros", "sign", "rubbish"])
    words = stored << shift
    if kind != "sign":
        words &= mask
    if kind == "rubbish":
        rubbish = np.random.default_rng(chance.randrange(1000)).integers(0, 65536, stored.shape)
        words |= rubbish & ~mask
    set_words(dataset, words)
    drawn.facts.append(f"{dataset.BitsAllocated} allocated, high bit {dataset.HighBit}, {kind} in other bits")


def draw_padding(
    chance: random.Random, drawn: Drawn, stored: NDArray[np.int64], ends: tuple[int, int, int, int]
) -> None:
    """Overwrite part of the picture with one value, or some near to each other, that the picture lacks."""
    lowest, low, high, highest = ends
    free = [(start, stop) for start, stop in ((lowest, low - 1), (high + 1, highest)) if start <= stop]
    if not free:
        return
    start, stop = chance.choice(free)
    value = chance.choice([start, stop, chance.randint(start, stop)])
    # The range may lie to either side of the value.
    limit = chance.choice([None, start, stop, min(stop, value + 3)])
    first, last = (value, value) if limit is None else sorted((value, limit))
    rows, columns = stored.shape
    y, x = np.mgrid[0:rows, 0:columns]
    places = {
        "frame": (y < chance.randint(1, 9)) | (x >= columns - chance.randint(1, 9)) | (x < chance.choice([0, 4])),
        "thick frame": (y < rows // 4) | (x < 2),
        "block": (abs(y - rows // 2) < rows // 6) & (abs(x - columns // 3) < columns // 8),
        "corners": (y + x < 30) | (y - x > rows - 25) | (x - y > columns - 12),
        "turned": abs(0.2 * y + x - 0.1 * rows - columns / 2) > columns / 2 - 4,
    }
    names = chance.sample([*places], k=chance.choice([1, 1, 2]))
    padded = np.any([places[name] for name in names], axis=0)
    noise = np.random.default_rng(chance.randrange(1000)).integers(first, last, stored.shape, endpoint=True)
    stored[padded] = noise[padded]
    if chance.random() < 0.05:
        # Then all is padding, which can be no image.
        value, limit = lowest, highest
    vr = chance.choice(["US", "SS"])
    drawn.dataset.add_new("PixelPaddingValue", vr, as_vr(value, vr))
    if limit is not None:
        drawn.dataset.add_new("PixelPaddingRangeLimit", vr, as_vr(limit, vr))
    drawn.facts.append(f"padding {value} to {limit} as {vr}: {' and '.join(names)}")


def draw_shutters(chance: random.Random, drawn: Drawn) -> None:
    """Draw one to three shutters."""
    dataset = drawn.dataset
    rows, columns = dataset.Rows, dataset.Columns
    shapes = chance.sample(["RECTANGULAR", "CIRCULAR", "POLYGONAL"], k=chance.choice([1, 1, 1, 2, 3]))
    dataset.ShutterShape = shapes
    if "RECTANGULAR" in shapes:
        dataset.ShutterLeftVerticalEdge = chance.randint(0, 9)
        dataset.ShutterRightVerticalEdge = columns + 1 - chance.randint(0, 9)
        dataset.ShutterUpperHorizontalEdge = chance.randint(0, 9)
        dataset.ShutterLowerHorizontalEdge = rows + 1 - chance.choice([0, 1, 5, 20])
    if "CIRCULAR" in shapes:
        dataset.CenterOfCircularShutter = [rows // 2 + chance.randint(-4, 4), columns // 2 + chance.randint(-4, 4)]
        dataset.RadiusOfCircularShutter = chance.choice([46, 49, 52, 55, 60, 66, 75])
    if "POLYGONAL" in shapes:
        inset = [chance.randint(1, 9) for _ in range(8)]
        corners = [
            [inset[0], inset[1]],
            [inset[2], columns - inset[3]],
            [rows - inset[4], columns - inset[5]],
            [rows - inset[6], inset[7]],
        ]
        if chance.random() < 0.5:
            # A notch at the left, to about the middle.
            corners.append([rows // 2 + 7, columns // 2 - 11])
        if chance.random() < 0.5:
            corners.reverse()
        dataset.VerticesOfThePolygonalShutter = [number for corner in corners for number in corner]
    drawn.facts.append(f"shutters {' and '.join(shapes)}")


def draw_modality(
    chance: random.Random, drawn: Drawn, ends: tuple[int, int, int, int]
) -> tuple[tuple[float, float], float]:
    """Draw what makes values of the stored ones; give the ends of the image's values and the lowest that may be."""
    lowest, low, high, highest = ends
    dataset = drawn.dataset
    kind = chance.choice(["none", "none", "rescale", "rescale", "table"])
    if kind == "rescale":
        slope, intercept = chance.choice(RESCALES)
        set_text(dataset, "RescaleSlope", slope)
        set_text(dataset, "RescaleIntercept", intercept)
        drawn.facts.append(f"rescale {slope!r} {intercept!r}")
        try:
            factor, added = float(slope), float(intercept)
        except ValueError:
            factor = 0.0
        if factor:
            value_ends = sorted(stored * factor + added for stored in (lowest, highest))
            used = sorted(stored * factor + added for stored in (low, high))
            return (used[0], used[1]), value_ends[0]
    elif kind == "table":
        first, count = low, high - low + 1
        if dataset.BitsStored > 8:
            # A part of the image at either end may be before or behind the table.
            first = max(lowest, low + chance.choice([0, 3, -5, (high - low) // 20]))
            count = chance.choice([high - first + 1, (high - low) * 9 // 10, highest - first + 1])
        bits = chance.choice([8, 16])
        entries = curve(chance, count, 2**bits - 1)
        vr = chance.choice(["US", "SS"])
        form = data_form(chance, drawn, entries, bits)
        dataset.ModalityLUTSequence = [table_item(entries, first, bits, vr, form)]
        dataset.ModalityLUTSequence[0].ModalityLUTType = "US"
        drawn.facts.append(f"modality table {count} from {first} of {bits} bits as {vr} {form}")
        used = sorted(int(entries[min(max(stored - first, 0), count - 1)]) for stored in (low, high))
        return (used[0], used[1]), 0
    return (low, high), lowest


def curve(chance: random.Random, count: int, largest: int) -> NDArray[np.int64]:
    """Give the entries of a table from 0 to the largest, rising or, now and then, falling."""
    rising = np.linspace(0, 1, count) ** chance.choice([0.6, 1, 1, 1.7])
    entries = np.rint(rising * largest).astype(np.int64)
    return entries[::-1] if chance.random() < 0.2 else entries


def data_form(chance: random.Random, drawn: Drawn, entries: NDArray[np.int64], bits: int) -> str:
    """Choose how the entries are stored."""
    forms = ["OW"]
    if len(entries) <= LARGEST_LIST:
        forms.append("US")
    # The order of packed bytes in a word of big endian is read in two ways.
    if bits == 8 and entries.max() < 256 and len(entries) > 2 and drawn.syntax != uid.ExplicitVRBigEndian:
        forms.append("packed")
    return chance.choice(forms)


def draw_views(chance: random.Random, drawn: Drawn, used: tuple[float, float], may_be_negative: bool) -> None:
    """Draw the tables and windows that say how to look at the values."""
    dataset = drawn.dataset
    function = chance.choice(FUNCTIONS)
    kinds = chance.choice(
        [[], [], ["good"], ["good"], ["good"], ["bad", "good"], ["bad"], ["clips", "good"], ["any"] * 3]
    )
    kinds = [chance.choice(["good", "bad", "clips"]) if kind == "any" else kind for kind in kinds]
    places = sorted(chance.choice(["table", "window"]) for _ in kinds)
    items: list[Dataset] = []
    centers: list[str] = []
    widths: list[str] = []
    for kind, place in zip(kinds, places, strict=True):
        if place == "table":
            items.append(draw_table(chance, drawn, kind, used, may_be_negative))
        else:
            center, width = draw_window(chance, kind, used)
            centers.append(center)
            widths.append(width)
            drawn.facts.append(f"{kind} window {center!r} {width!r}")
    if items or chance.random() < 0.05:
        dataset.VOILUTSequence = items
    if centers:
        set_text(dataset, "WindowCenter", *centers)
        set_text(dataset, "WindowWidth", *widths[: chance.choice([1, 9, 9, 9, 9])])
        drawn.facts.append(f"function {function}")
    if function and (centers or chance.random() < 0.2):
        dataset.VOILUTFunction = function


def draw_window(chance: random.Random, kind: str, used: tuple[float, float]) -> tuple[str, str]:
    """Give centre and width as texts."""
    low, size = used[0], used[1] - used[0]
    if kind == "bad":
        far = f"{low - 6 * size:.6g}"
        return chance.choice(
            [
                ("AUTO", "AUTO"),
                ("", ""),
                ("100", "0"),
                ("100", "-5"),
                ("1E999", "10"),
                ("nan", "7"),
                (far, f"{size:.5g}"),
            ]
        )
    if kind == "clips":
        center, width = low + chance.choice([0.1, 0.5, 0.9]) * size, chance.uniform(0.05, 0.15) * size
    else:
        center, width = low + chance.uniform(0.3, 0.7) * size, chance.uniform(0.5, 1.3) * size
    as_text = chance.choice(["{:.6g}", " {:.6g} ", "{:+.6g}", "{:.4E}"])
    return as_text.format(center), f"{width:.6g}"


def draw_table(
    chance: random.Random, drawn: Drawn, kind: str, used: tuple[float, float], may_be_negative: bool
) -> Dataset:
    """Give an item of the VOI LUT sequence."""
    low, size = used[0], used[1] - used[0]
    bits = chance.choice(DECLARED_BITS)
    # Some declare more bits, or fewer, than they hold.
    held = chance.choice([bits, bits, 8, 10, 11, 12])
    largest = chance.choice([2**held - 1, 2**held - 1, int(0.7 * 2**held)])
    if kind == "clips":
        first, count = low + chance.choice([0.05, 0.45, 0.9]) * size, 0.1 * size
    else:
        first, count = low + chance.uniform(-0.2, 0.15) * size, chance.uniform(0.7, 1.2) * size
    begin = max(-32768, min(round(first), 32767)) if may_be_negative else max(0, min(round(first), 65535))
    entries = curve(chance, 65536 if chance.random() < 0.08 else max(2, min(round(count), 65536)), largest)
    vr = chance.choice(["US", "SS"])
    form = data_form(chance, drawn, entries, bits)
    item = table_item(entries, begin, bits, vr, form)
    fact = f"{kind} table {len(entries)} from {begin}, declares {bits} bits, to {largest}, as {vr} {form}"
    if kind == "bad":
        fault = chance.choice(["short", "without data", "empty", "of two numbers", "level"])
        fact += f": {fault}"
        if fault == "empty":
            item = Dataset()
        elif fault == "without data":
            del item.LUTData
        elif fault == "short":
            item = table_item(entries[: max(1, len(entries) // 3)], begin, bits, vr, "OW")
            item.LUTDescriptor = [(len(entries) + 2) % 65536, item.LUTDescriptor[1], bits]
        elif fault == "of two numbers":
            item.LUTDescriptor = item.LUTDescriptor[:2]
        else:
            item = table_item(np.full(len(entries), largest), begin, bits, vr, "OW")
    drawn.facts.append(fact)
    return item
