"""Make the synthetic chest films that the app offers as samples.

No patient's film may be given away with the project, so each sample is made
from ten training films of ten patients: they are aligned to each other by
dense optical flow, averaged with random weights, and laid into a geometry that
is none of theirs. A film is kept only when its zero-mean normalised
correlation with every film of the data set, and with every mirror image of
one, is at most 0.95 at 64 x 64: what two films of two patients reach anyway.

The way of one sample::

    films = read_films(folder)                          # every film of the data set, 224 x 224
    near = find_neighbours(films, seed_film, kind)      # films of other patients that look like one
    group = align(films, seed_film, near)               # the ten that fit best, in one geometry
    film = compose(group, kind)                         # their mean, as sharp as they are
    film = finish(film)                                 # tone, grain, the word SYNTHETIC
    nearest_correlation(films, film) <= 0.95            # else thrown away
    choose(candidates, score(model_folder, ...))        # 4 that the network flags, 4 that it does not

Run it from the project's folder::

    python samples/make_samples.py chest_xray --model model --out samples

The candidates do not depend on the network; make them once, look at them, name
those that do not convince, and choose from the rest::

    python samples/make_samples.py chest_xray --candidates-only candidates
    python samples/make_samples.py chest_xray --from-candidates candidates --leave-out 7 --model model
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

SIDE = 224
SIGNATURE_SIDE = 64
MOST_CORRELATION = 0.95
FILMS_IN_ONE = 10
NEIGHBOURS_TRIED = 24
ALIGNMENT_BLUR = (5.0, 4.0, 3.0, 2.5)
MOST_TEARING = 0.09
GREY_LEVELS = 4095
SAMPLES = 8
LICENCE = "CC BY 4.0"
SOURCE = "Kermany, Zhang, Goldbaum 2018, Mendeley Data, doi:10.17632/rscbjbr9sj"
NOTE = "Synthetic: the mean of {0} aligned films of {0} patients. No patient's film, no diagnostic meaning."

# The part of a 224 x 224 film that shows ribs and lungs, where films must fit each other.
CHEST = (slice(40, 200), slice(30, 194))


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of training films: its folder, the shape its films had before they were squashed."""

    folder: str
    height: int
    width: int
    least_agreement: float


# Median width / height of the original films: 1.25 and 1.5.
# For a film near the threshold.
VEILED, VEILED_PAIRS, VEIL_BLUR, VEIL_STRENGTHS = "NORMAL and PNEUMONIA", 10, 14.0, (0.5, 0.7, 0.9, 1.1, 1.3)
KINDS = (Kind("NORMAL", 440, 550, 0.80), Kind("PNEUMONIA", 416, 592, 0.72))


@dataclass(frozen=True, slots=True, eq=False)
class Films:
    """Every film of the data set.

    Attributes:
        pixels: uint8, `(films, 224, 224)`.
        signatures: float32, `(films, 4096)`, zero mean, length 1: a product of two is their correlation.
        part: `train`, `val` or `test` for each film.
        folder: `NORMAL` or `PNEUMONIA` for each film.
        patient: what the file name says of the patient, for each film.
    """

    pixels: np.ndarray
    signatures: np.ndarray
    part: np.ndarray
    folder: np.ndarray
    patient: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Films aligned to each other.

    Attributes:
        pixels: float32, `(10, 224, 224)`, in [0, 255].
        sources: index of each in `Films`.
        flows: float32, `(10, 224, 224, 2)`, in pixels: where each pixel lies in its source (x, y).
        weights: float32, `(10,)`, sum 1.
    """

    pixels: np.ndarray
    sources: list[int]
    flows: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A synthetic film: float32 `(height, width)` in [0, 1], 12 bits deep, and its nearest correlation."""

    number: int
    folder: str
    film: np.ndarray
    nearest_correlation: float
    made_from: int = FILMS_IN_ONE


# --- films ---


def read_films(folder: Path) -> Films:
    """Read `train|val|test/NORMAL|PNEUMONIA/*.jpeg` at 224 x 224."""
    paths = [
        path
        for part in ("train", "val", "test")
        for kind in KINDS
        for path in sorted((folder / part / kind.folder).glob("*.jpeg"))
    ]
    if not paths:
        raise click.ClickException(
            f"{folder} holds no films. Expected train|val|test/NORMAL|PNEUMONIA/*.jpeg, the Kaggle layout."
        )
    pixels = np.stack([read_film(path) for path in paths])
    return Films(
        pixels=pixels,
        signatures=np.stack([signature(film) for film in pixels]),
        part=np.array([path.parts[-3] for path in paths]),
        folder=np.array([path.parts[-2] for path in paths]),
        patient=np.array([patient(path.stem) for path in paths]),
    )


def read_film(path: Path) -> np.ndarray:
    """Read one film: uint8, `(224, 224)`."""
    with Image.open(path, formats=["JPEG"]) as image:
        grey = image.convert("L")
    if grey.size != (SIDE, SIDE):
        grey = grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(grey)


def patient(name: str) -> str:
    """Tell the patient from a file name: `person12` of `person12_virus_3`, `IM-0115` of `IM-0115-0001`."""
    found = re.match(r"person\d+|(NORMAL\d-)?IM-\d+", name)
    return found[0] if found else name


def signature(film: np.ndarray) -> np.ndarray:
    """Shrink a film to 64 x 64, zero mean, length 1: float32, `(4096,)`."""
    small = cv2.resize(film, (SIGNATURE_SIDE, SIGNATURE_SIDE), interpolation=cv2.INTER_AREA)
    centred = small.astype(np.float32).ravel() - small.mean()
    return centred / (np.linalg.norm(centred) + 1e-6)


def nearest_correlation(films: Films, film: np.ndarray) -> float:
    """Find the largest correlation with any film of the data set, or with its mirror image."""
    mirrored = np.ascontiguousarray(film[:, ::-1])
    return float(max((films.signatures @ signature(view)).max() for view in (film, mirrored)))


# --- from films to one film ---


def find_neighbours(films: Films, seed_film: int, kind: Kind) -> list[int]:
    """Find the training films of one kind nearest to a film: one a patient, none of its own."""
    allowed = (films.part == "train") & (films.folder == kind.folder)
    correlations = np.where(allowed, films.signatures @ films.signatures[seed_film], -1.0)
    near: dict[str, int] = {films.patient[seed_film]: seed_film}
    for index in np.argsort(-correlations, kind="stable"):
        near.setdefault(films.patient[index], int(index))
        if len(near) > NEIGHBOURS_TRIED:
            break
    return list(near.values())[1:]


def align(films: Films, seed_film: int, near: list[int], random: np.random.Generator) -> Group:
    """Align neighbours of a film to each other, in a geometry near their mean.

    The film itself only shows the first common geometry and is no part of the
    result. Of the neighbours, the ten whose ribs fit best stay. Then, three
    times: lay them into the mean of their geometries, average them, and align
    each to the sharper average. The last geometry is the mean plus a random
    smooth part of their differences.
    """
    target = films.pixels[seed_film]
    flows = [optical_flow(target, films.pixels[index], ALIGNMENT_BLUR[0]) for index in near]
    ribs = rib_band(target.astype(np.float32)).ravel()
    fits = [
        np.corrcoef(ribs, rib_band(warp(films.pixels[index], flow).astype(np.float32)).ravel())[0, 1]
        for index, flow in zip(near, flows, strict=True)
    ]
    best = np.argsort(-np.array(fits), kind="stable")[:FILMS_IN_ONE]
    sources = [near[index] for index in best]
    flows = [flows[index] for index in best]
    weights = random.dirichlet([3.0] * FILMS_IN_ONE).astype(np.float32)

    for blur_of_flow in (*ALIGNMENT_BLUR[1:], None):
        shift = blur(mean_of(np.stack(flows), weights), 3.0)
        if blur_of_flow is None:
            shift += random_shape(np.stack(flows), random)
        back = invert(shift)
        flows = [follow(back, flow) for flow in flows]
        pixels = np.stack([warp(films.pixels[i], flow) for i, flow in zip(sources, flows, strict=True)])
        pixels = pixels.astype(np.float32)
        if blur_of_flow is not None:
            target = sharpen(mean_of(clip_outliers(pixels), weights))
            flows = [
                follow(optical_flow(target, film.astype(np.uint8), blur_of_flow), flow)
                for film, flow in zip(pixels, flows, strict=True)
            ]
    return Group(pixels, sources, np.stack(flows), weights)


def random_shape(flows: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Mix the differences between geometries at random, smooth enough to bend no rib: `(224, 224, 2)`."""
    mix = random.standard_normal(len(flows)).astype(np.float32)
    return blur(mean_of(flows, 0.18 * (mix - mix.mean())), 18.0)


def agreement(group: Group) -> float:
    """Measure how well the ribs lie on each other: 1 where all do, 0.1 for ten unrelated films."""
    bands = np.stack([rib_band(film) for film in group.pixels])
    return float((mean_of(bands, group.weights) ** 2).mean() / mean_of(bands**2, group.weights).mean())


def tearing(group: Group) -> float:
    """Measure how much of the chest was folded, or stretched beyond 3 or 1 / 4: it looks like a swirl."""
    flows = group.flows[:, *CHEST]
    across, down = np.gradient(flows, axis=2), np.gradient(flows, axis=1)
    slopes = np.eye(2, dtype=np.float32) + np.stack([across, down], axis=-1)
    stretches = np.linalg.svd(slopes, compute_uv=False)
    torn = (stretches[..., 1] < 0.25) | (stretches[..., 0] > 3.0) | (np.linalg.det(slopes) < 0.0)
    return float(mean_of(torn.mean(axis=(1, 2)), group.weights))


def compose(films: Films, group: Group, kind: Kind, random: np.random.Generator) -> np.ndarray:
    """Average aligned films, unsquashed, with as much detail as they have: float32, `(height, width)`.

    Averaging takes detail away. It is given back a frequency band at a time:
    each band is amplified, within limits, to the strength it has in the films.
    In the fine bands the weights drift over the film, so that vessels come from
    this film here and from that one there.
    """
    stack = clip_outliers(enlarge(films, group, kind))
    drift = np.stack([blur(random.standard_normal(film.shape).astype(np.float32), 45.0) for film in stack])
    drifting = group.weights[:, None, None] * np.exp(1.6 * drift / drift.std())
    drifting /= drifting.sum(axis=0)

    film = np.zeros(stack.shape[1:], np.float32)
    for scale, most_gain, drifts in ((1.2, 1.5, True), (2.4, 1.8, True), (4.8, 2.0, True), (9.6, 1.5, False)):
        coarser = np.stack([blur(source, scale) for source in stack])
        bands = stack - coarser
        band = (drifting * bands).sum(axis=0) if drifts else mean_of(bands, group.weights)
        strength = blur(band**2, 20.0)
        wanted = blur(mean_of(bands**2, group.weights), 20.0)
        gain = 1.0 + 0.85 * (np.sqrt((wanted + 1e-7) / (strength + 1e-7)) - 1.0)
        film += np.clip(gain, 1.0, most_gain) * band
        stack = coarser
    return film + mean_of(stack, group.weights)


def enlarge(films: Films, group: Group, kind: Kind) -> np.ndarray:
    """Lay the group's films into its geometry at full size: float32, `(10, height, width)`, in [0, 1]."""
    size = (kind.width, kind.height)
    per_pixel = np.array([kind.width / SIDE, kind.height / SIDE], np.float32)
    enlarged = []
    for index, flow in zip(group.sources, group.flows, strict=True):
        source = cv2.resize(films.pixels[index].astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
        enlarged.append(warp(source, cv2.resize(flow, size, interpolation=cv2.INTER_CUBIC) * per_pixel))
    return np.stack(enlarged) / 255.0


def finish(film: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Give tone, grain and the word SYNTHETIC: float32 in [0, 1], in steps of 1 / 4095."""
    dark, bright = np.percentile(film, [0.3, 99.7])
    dark, bright = 0.8 * dark, 0.5 * bright + 0.48
    toned = np.clip((film - dark) / (bright - dark), 0.0, None)
    toned = np.where(toned > 0.9, 0.9 + 0.1 * np.tanh((toned - 0.9) / 0.1), toned)
    grain = blur(random.standard_normal(film.shape).astype(np.float32), 0.7)
    grained = toned + 0.01 * grain / grain.std() * (0.4 + 0.6 * np.sqrt(toned))
    marked = mark(np.clip(grained, 0.0, 1.0).astype(np.float32))
    return (np.round(marked * GREY_LEVELS) / GREY_LEVELS).astype(np.float32)


def mark(film: np.ndarray) -> np.ndarray:
    """Burn SYNTHETIC into the darker lower corner, small and moderately bright, as a film marker."""
    text, font, scale = "SYNTHETIC", cv2.FONT_HERSHEY_SIMPLEX, 0.32
    (width, height), _ = cv2.getTextSize(text, font, scale, 1)
    left, right, top = 6, film.shape[1] - width - 6, film.shape[0] - height - 6
    x = min(left, right, key=lambda start: float(film[top:, start : start + width].mean()))
    ink = np.zeros(film.shape, np.uint8)
    cv2.putText(ink, text, (x, film.shape[0] - 6), font, scale, 255, 1, cv2.LINE_AA)
    around = blur(film, 6.0)
    level = np.where(around < 0.5, around + 0.4, around - 0.4)
    return film + (level - film) * (ink.astype(np.float32) / 255.0)


def make_candidates(films: Films, number: int, seed: int) -> Iterator[Candidate]:
    """Make synthetic films, half of each kind, each at most 0.95 near to a real one and to one another."""
    made = 0
    for place, kind in enumerate(KINDS):
        own = np.flatnonzero((films.part == "train") & (films.folder == kind.folder))
        seed_films = np.random.default_rng([seed, place]).permutation(own)
        until = made + (number // 2 if place == 0 else number - number // 2)
        signatures: list[np.ndarray] = []
        for seed_film in seed_films:
            if made == until:
                break
            random = np.random.default_rng([seed, place, int(seed_film)])
            group = align(films, int(seed_film), find_neighbours(films, int(seed_film), kind), random)
            if agreement(group) < kind.least_agreement or tearing(group) > MOST_TEARING:
                continue
            film = finish(compose(films, group, kind, random), random)
            correlation = nearest_correlation(films, film)
            own_signature = signature(film)
            if max([correlation, *(float(other @ own_signature) for other in signatures)]) > MOST_CORRELATION:
                continue
            signatures.append(own_signature)
            yield Candidate(made, kind.folder, film, correlation)
            made += 1


def veil(films: Films, candidates: list[Candidate]) -> Iterator[Candidate]:
    """Give normal candidates the soft shadows of pneumonia candidates, in several strengths: between the classes.

    Ribs, edges and the word SYNTHETIC stay those of the normal film.
    """
    normal, pneumonia = ([one for one in candidates if one.folder == kind.folder] for kind in KINDS)
    number = 1 + max(candidate.number for candidate in candidates)
    for well, sick in list(zip(normal, pneumonia, strict=False))[:VEILED_PAIRS]:
        height, width = well.film.shape
        shadows = blur(cv2.resize(sick.film, (width, height), interpolation=cv2.INTER_AREA), VEIL_BLUR)
        shadows -= blur(well.film, VEIL_BLUR)
        for strength in VEIL_STRENGTHS:
            film = np.clip(well.film + strength * shadows, 0.0, 1.0)
            film = (np.round(film * GREY_LEVELS) / GREY_LEVELS).astype(np.float32)
            yield Candidate(number, VEILED, film, nearest_correlation(films, film), 2 * FILMS_IN_ONE)
            number += 1


# --- small steps on arrays ---


def optical_flow(target: np.ndarray, source: np.ndarray, blur_of_flow: float) -> np.ndarray:
    """Find where each pixel of `target` lies in `source`: float32 `(224, 224, 2)`, (x, y) in pixels."""
    equaliser = cv2.createCLAHE(2.0, (8, 8))
    # A new object each time: a used one starts from what it computed before.
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0)
    return blur(search.calc(equaliser.apply(target), equaliser.apply(source), None), blur_of_flow)


def warp(image: np.ndarray, flow: np.ndarray, interpolation: int = cv2.INTER_CUBIC) -> np.ndarray:
    """Fetch each pixel from where the flow says that it lies."""
    rows, columns = np.indices(flow.shape[:2], dtype=np.float32)
    return cv2.remap(image, columns + flow[..., 0], rows + flow[..., 1], interpolation, borderMode=cv2.BORDER_REPLICATE)


def follow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Chain two flows: from here by the first, from there by the second."""
    return first + warp(second, first, cv2.INTER_LINEAR)


def invert(flow: np.ndarray) -> np.ndarray:
    """Find the flow that leads back, by damped fixed-point iteration."""
    back = np.zeros_like(flow)
    for _ in range(40):
        back = 0.5 * back - 0.5 * warp(flow, back, cv2.INTER_LINEAR)
    return back


def blur(image: np.ndarray, scale: float) -> np.ndarray:
    """Blur by a Gaussian of this standard deviation in pixels."""
    return cv2.GaussianBlur(image, (0, 0), scale)


def sharpen(film: np.ndarray) -> np.ndarray:
    """Sharpen a mean of films, so that edges in it can be found again in each: uint8."""
    return np.clip(film + 0.8 * (film - blur(film, 2.0)), 0, 255).astype(np.uint8)


def rib_band(film: np.ndarray) -> np.ndarray:
    """Keep what is as wide as a rib, in the chest."""
    return (blur(film, 1.5) - blur(film, 6.0))[CHEST]


def mean_of(stack: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average over the first axis."""
    return np.tensordot(weights, stack, axes=1)


def clip_outliers(stack: np.ndarray) -> np.ndarray:
    """Draw the two lowest and two highest of ten values to the third: a letter or wire in few films goes."""
    ordered = np.sort(stack, axis=0)
    return np.clip(stack, ordered[2], ordered[-3])


# --- the network's part ---


def score(model_folder: Path, films: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Score films, float32 `(height, width)` in [0, 1], as the app does.

    Returns:
        the classifier's probabilities, float64 `(films,)`, and the threshold of its balanced operating point.
    """
    # For a script, Python looks for modules beside it, not in the project's folder.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from pneumo_core.film import prepare
    from pneumo_core.keras_network import load_classifier

    classifier = load_classifier(model_folder)
    inputs = np.stack([prepare(film, classifier.card.preprocessing) for film in films])
    return classifier.score(inputs), classifier.card.first.operating_point("balanced").threshold


def choose(candidates: list[Candidate], probabilities: np.ndarray, threshold: float) -> list[Candidate]:
    """Choose 4 films above the threshold and 4 below, with scores far from each other.

    The film nearest to the threshold is always among them, and is the only one of both classes. Saturated scores
    (outside 0.02-0.98), and films whose kind and score disagree, come only when
    there are not enough others.
    """
    probabilities = np.asarray(probabilities, np.float64).ravel()
    logits = np.log(np.clip(probabilities, 1e-6, 1 - 1e-6)) - np.log1p(-np.clip(probabilities, 1e-6, 1 - 1e-6))
    edge = np.log(threshold) - np.log1p(-threshold)
    flagged = probabilities >= threshold
    is_veiled = np.array([candidate.folder == VEILED for candidate in candidates])
    agrees = is_veiled | (flagged == np.array([candidate.folder == "PNEUMONIA" for candidate in candidates]))
    saturated = (probabilities < 0.02) | (probabilities > 0.98)
    # 0: as wanted, 1: saturated, 2: the kind disagrees, 3: both
    rank = saturated + 2 * ~agrees
    nearest = int(np.lexsort((np.abs(logits - edge), rank))[0])
    rank = rank + 4 * is_veiled

    sides = []
    for side in (False, True):
        on_side = np.flatnonzero(flagged == side)
        if len(on_side) < SAMPLES // 2:
            raise click.ClickException(
                f"Only {len(on_side)} candidates are {'' if side else 'not '}flagged at {threshold:.3f}; "
                f"{SAMPLES // 2} are needed. Please make more with --candidates."
            )
        chosen = [nearest] if nearest in on_side else []
        while len(chosen) < SAMPLES // 2:
            left = [index for index in on_side if index not in chosen]
            best_rank = min(rank[index] for index in left)
            others = [*chosen, nearest]
            chosen.append(
                max(
                    (index for index in left if rank[index] == best_rank),
                    key=lambda index, others=others: min(abs(logits[index] - logits[o]) for o in others),
                )
            )
        sides.append(chosen)
    return [candidates[index] for pair in zip(*sides, strict=True) for index in pair]


# --- files ---


def write_samples(chosen: list[Candidate], out: Path, seed: int) -> None:
    """Write the films, `samples.json` and `README.md`; the last film as DICOM."""
    out.mkdir(parents=True, exist_ok=True)
    entries = []
    for place, candidate in enumerate(chosen, start=1):
        name = f"synthetic_{place:02d}.{'dcm' if place == len(chosen) else 'png'}"
        if name.endswith(".dcm"):
            write_dicom(candidate.film, out / name, seed)
        else:
            write_png(candidate.film, out / name)
        entries.append(
            {
                "file": name,
                "kind": f"made from {candidate.folder} films",
                "nearest_correlation": round(candidate.nearest_correlation, 3),
                "made_from": candidate.made_from,
                "note": NOTE.format(candidate.made_from),
            }
        )
    (out / "samples.json").write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
    (out / "README.md").write_text(readme(entries, seed), encoding="utf-8")


def write_png(film: np.ndarray, path: Path) -> None:
    """Write a film as greyscale PNG, 8 bits deep."""
    Image.fromarray(eight_bits(film)).save(path, optimize=True)


def eight_bits(film: np.ndarray) -> np.ndarray:
    """Round a film to uint8."""
    return np.round(film * 255).astype(np.uint8)


def write_dicom(film: np.ndarray, path: Path, seed: int) -> None:
    """Write a film as DICOM Digital X-Ray Image: MONOCHROME1, 12 of 16 bits, uncompressed."""

    def uid(part: str) -> str:
        return generate_uid(entropy_srcs=["pneumo synthetic sample", str(seed), path.name, part])

    # DICOM PS3.3 C.7.6.3.1.2: MONOCHROME1 shows its lowest value as white.
    stored = GREY_LEVELS - np.round(film * GREY_LEVELS).astype(np.uint16)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = uid("instance")
    dataset.StudyInstanceUID = uid("study")
    dataset.SeriesInstanceUID = uid("series")
    dataset.StudyDate = dataset.StudyTime = dataset.AccessionNumber = dataset.StudyID = ""
    dataset.ReferringPhysicianName = dataset.Manufacturer = ""
    dataset.Modality = "DX"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.PatientName = dataset.PatientBirthDate = dataset.PatientSex = ""
    dataset.PatientID = "SYNTHETIC"
    # Invented: about the age of the children in the training films.
    dataset.PatientAge = "004Y"
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = "AP"
    dataset.ImageLaterality = "U"
    dataset.PatientOrientation = ["L", "F"]
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.DerivationDescription = NOTE.format(FILMS_IN_ONE)
    dataset.BurnedInAnnotation = "NO"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.Rows, dataset.Columns = film.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LOG", 1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    # DICOM PS3.3 C.11.6: PresentationLUTShape is INVERSE with MONOCHROME1.
    dataset.PresentationLUTShape = "INVERSE"
    # DICOM PS3.3 C.11.2.1.2: these two span 0 to 4095.
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    # The training films it was made from are JPEGs: about 10 : 1.
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio, dataset.LossyImageCompressionMethod = 10, "ISO_10918_1"
    dataset.PixelData = stored.astype("<u2").tobytes()
    dataset.save_as(path, enforce_file_format=True)


def readme(entries: list[dict], seed: int) -> str:
    """Say how the samples were made, and how near each is to a real film."""
    rows = "\n".join(f"| {e['file']} | {e['kind']} | {e['nearest_correlation']:.3f} |" for e in entries)
    return f"""# Sample films

Synthetic chest films to try the app with. **They show no patient and have no diagnostic meaning**; a score
for one says something about the network only. The word SYNTHETIC is burnt into a lower corner of each.

Each is the mean of {FILMS_IN_ONE} training films of {FILMS_IN_ONE} patients (one, near the network's threshold, of
{2 * FILMS_IN_ONE} of both classes): aligned by optical flow,
weighted at random, laid into a geometry of its own, film grain added (`make_samples.py`, seed {seed}).
A film was kept only if its correlation (zero mean, normalised, {SIGNATURE_SIDE} x {SIGNATURE_SIDE})
with every film of train, val and test, and with the mirror image of every one, is at most
{MOST_CORRELATION}. A real film and the nearest one of another patient
reach 0.91 in the median and 0.95 at the 95th percentile.

| file | kind | correlation with the nearest real film |
|---|---|---|
{rows}

`{entries[-1]["file"]}` is a DICOM Digital X-Ray image (MONOCHROME1, 12 bits); its age of 4 years is invented.

The films they were made from: {SOURCE}, {LICENCE}.
"""


def save_candidates(candidates: list[Candidate], folder: Path) -> None:
    """Keep candidates for a later choice: arrays, pictures, and one sheet with all of them to look at."""
    folder.mkdir(parents=True, exist_ok=True)
    for candidate in candidates:
        name = f"candidate_{candidate.number:02d}"
        np.savez_compressed(
            folder / f"{name}.npz",
            film=np.round(candidate.film * GREY_LEVELS).astype(np.uint16),
            folder=candidate.folder,
            nearest_correlation=candidate.nearest_correlation,
        )
        write_png(candidate.film, folder / f"{name}.png")
    contact_sheet(candidates).save(folder / "contact_sheet.png")


def read_candidates(folder: Path) -> list[Candidate]:
    """Read what `save_candidates` kept."""
    candidates = []
    for path in sorted(folder.glob("candidate_*.npz")):
        with np.load(path) as kept:
            film = kept["film"].astype(np.float32) / np.float32(GREY_LEVELS)
            correlation = float(kept["nearest_correlation"])
            candidates.append(Candidate(int(path.stem[10:]), str(kept["folder"]), film, correlation))
    if not candidates:
        raise click.ClickException(f"{folder} holds no candidates. Please make them with --candidates-only.")
    return candidates


def contact_sheet(candidates: list[Candidate]) -> Image.Image:
    """Lay candidates out side by side, each with its number and its nearest correlation."""
    columns, height, width = 6, 230, 310
    sheet = np.zeros((-(-len(candidates) // columns) * height, columns * width), np.uint8)
    for place, candidate in enumerate(candidates):
        top, left = place // columns * height, place % columns * width
        small = cv2.resize(candidate.film, (width - 6, height - 6), interpolation=cv2.INTER_AREA)
        sheet[top : top + height - 6, left : left + width - 6] = np.round(small * 255)
        label = f"{candidate.number} {candidate.nearest_correlation:.3f}"
        cv2.putText(sheet, label, (left + 4, top + 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255, 1, cv2.LINE_AA)
    return Image.fromarray(sheet)


@click.command()
@click.argument("training_folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--model", "model_folder", type=click.Path(exists=True, path_type=Path), help="Model that scores.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("samples"), show_default=True)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same films.")
@click.option("--candidates", "number", default=60, show_default=True, help="Films to choose from.")
@click.option("--candidates-only", type=click.Path(path_type=Path), help="Keep all candidates here, choose none.")
@click.option("--from-candidates", type=click.Path(exists=True, path_type=Path), help="Choose from those kept.")
@click.option("--leave-out", multiple=True, type=int, help="Number of a candidate that does not convince.")
def main(
    training_folder: Path,
    model_folder: Path | None,
    out: Path,
    seed: int,
    number: int,
    candidates_only: Path | None,
    from_candidates: Path | None,
    leave_out: tuple[int, ...],
) -> None:
    """Make synthetic chest films from the films in TRAINING_FOLDER, and choose eight as samples."""
    if model_folder is None and candidates_only is None:
        raise click.UsageError("--model is needed to choose samples; --candidates-only DIR needs none.")
    cv2.setNumThreads(1)
    films = read_films(training_folder)
    candidates = read_candidates(from_candidates) if from_candidates else list(make_candidates(films, number, seed))
    click.echo(f"{len(candidates)} candidates, nearest correlation up to {nearest_of(candidates):.3f}")
    if candidates_only:
        save_candidates(candidates, candidates_only)
        return
    candidates = [candidate for candidate in candidates if candidate.number not in leave_out]
    # Each sample is checked again as an 8-bit picture, whatever a file of candidates says.
    candidates = [
        Candidate(kept.number, kept.folder, kept.film, nearest_correlation(films, eight_bits(kept.film)))
        for kept in candidates
    ]
    candidates += veil(films, candidates)
    candidates = [candidate for candidate in candidates if candidate.nearest_correlation <= MOST_CORRELATION]
    probabilities, threshold = score(model_folder, [candidate.film for candidate in candidates])
    chosen = choose(candidates, probabilities, threshold)
    write_samples(chosen, out, seed)
    for candidate in chosen:
        probability = float(np.ravel(probabilities)[candidates.index(candidate)])
        click.echo(f"candidate {candidate.number:2d}, {candidate.folder}: scored {probability:.3f}")


def nearest_of(candidates: list[Candidate]) -> float:
    """Give the largest nearest correlation of all candidates."""
    return max((candidate.nearest_correlation for candidate in candidates), default=float("nan"))


if __name__ == "__main__":
    main()
