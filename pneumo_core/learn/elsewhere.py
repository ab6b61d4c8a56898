"""Scores of networks on children and on adults, kept with the lessons: no image, no name, no patient.

`networks/images.csv` lists the images. `NAME.json` describes a network, and `NAME.csv` gives its logits in the same
order. `python -m benchmarks.lesson_scores` writes them. All are development images: none is kept for a test.
"""

import csv
import functools
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from pneumo_core.errors import DataError
from pneumo_core.files import write_whole
from pneumo_core.stats import Calibration, Estimate, area_under_roc, percent, proportion

NETWORKS = Path(__file__).resolve().parent / "networks"
IMAGES_FILE = "images.csv"
IMAGE_COLUMNS = ["images", "group", "view", "lungs_share"]
CHILDREN, ADULTS, WEAK, LUNGS = "children", "adults", "weak", "lungs"
FINDING, OTHER, NORMAL = "finding", "other", "normal"
VIEWS = ("AP", "PA")
GROWN_UP = 18.0
# Whole images, by name: the kind and the group of them. The first and the third are compared at one threshold.
PLACES = {
    "normal children": (CHILDREN, NORMAL),
    "children with pneumonia": (CHILDREN, FINDING),
    "normal adults": (ADULTS, NORMAL),
    "adults, 'no finding' (weak)": (WEAK, NORMAL),
    "adults, 'pneumonia' (weak)": (WEAK, FINDING),
}
# The ends of whiskers and boxes, and the line in the box.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class StoredPopulation:
    """A group of patients on a network's card.

    Attributes:
        years: the youngest and the oldest.
        finding: what a flag is called.
        thresholds: on the calibrated probability, by the operating point's name.
    """

    name: str
    years: tuple[float, float]
    finding: str
    calibration: Calibration
    thresholds: Mapping[str, float]

    def logit_at(self, point: str) -> float:
        """Give an operating point as a logit; infinite where every image or none is flagged."""
        threshold = self.thresholds[point]
        if not 0 < threshold < 1:
            return math.inf if threshold >= 1 else -math.inf
        return self.calibration.temperature * math.log(threshold / (1 - threshold))


@dataclass(frozen=True, slots=True)
class StoredNetwork:
    """A network of a lesson, as its card describes it."""

    name: str
    created: str
    weights_sha256: str
    populations: tuple[StoredPopulation, ...]

    @property
    def for_adults(self) -> StoredPopulation:
        """Give the population that adults are of; the first where the network knows none."""
        grown_up = (one for one in self.populations if one.years[1] >= GROWN_UP)
        return next(grown_up, self.populations[0])


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """The images of the lessons.

    Attributes:
        kinds: str `(n,)`, "children" or "adults" (whole, read by radiologists), "weak" (whole adults, labels mined from
            reports) or "lungs" (adults, all but the lungs blanked).
        groups: str `(n,)`, "finding", "other" or "normal".
        views: str `(n,)`, "AP", "PA", or "" where it is not known.
        lungs_shares: float64 `(n,)`, the share of the image that is not blanked; `nan` for whole images.
    """

    kinds: np.ndarray
    groups: np.ndarray
    views: np.ndarray
    lungs_shares: np.ndarray

    def __len__(self) -> int:
        return len(self.kinds)


@dataclass(frozen=True, slots=True, eq=False)
class ScoredNetwork:
    """A network with its logits on the images, float64 `(n,)`."""

    about: StoredNetwork
    logits: np.ndarray


@dataclass(frozen=True, slots=True)
class PlaceResult:
    """Scores of one group of whole images.

    Attributes:
        quantiles: of the logits, at `QUANTILES`; `nan` without images.
        flagged: the share at or above the point of each of the network's populations, in their order.
    """

    name: str
    quantiles: tuple[float, ...]
    flagged: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Areas under ROC curves of something that orders the images that show the lungs alone."""

    name: str
    from_normal: Estimate
    from_other: Estimate


@dataclass(frozen=True, slots=True)
class ViewResult:
    """Whole normal adults of one view: the median logit, and the share flagged."""

    view: str
    median: float
    flagged: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class Elsewhere:
    """All that the lessons know of images elsewhere, the oldest network first."""

    images: Images
    networks: tuple[ScoredNetwork, ...]


_NETWORK = TypeAdapter(StoredNetwork)


@functools.cache
def read_elsewhere(folder: Path = NETWORKS) -> Elsewhere:
    """Read the images of the lessons and all networks' scores on them.

    Raises:
        DataError: a file is missing or damaged, or is of other images.
    """
    try:
        images = images_from((folder / IMAGES_FILE).read_text(encoding="utf-8"))
        found = [_scored(path, len(images)) for path in sorted(folder.glob("*.json"))]
        if not found:
            raise ValueError("no network")
    except (OSError, ValueError, KeyError, ValidationError) as error:
        raise DataError(
            "The stored scores of this lesson are not as they were written, or are not there. Expected is "
            f"{IMAGES_FILE}, and for each network its description and one score an image. Please install Pneumo again.",
            code="lesson_scores",
        ) from error
    return Elsewhere(images, tuple(sorted(found, key=lambda network: (network.about.created, network.about.name))))


def images_from(text: str) -> Images:
    """Read the list of images.

    Raises:
        ValueError: it is not as `images_csv` writes it.
    """
    table = csv.DictReader(io.StringIO(text))
    if table.fieldnames != IMAGE_COLUMNS:
        raise ValueError("columns")
    rows = list(table)
    kinds, groups, views, shares = (np.array([row[name] for row in rows]) for name in IMAGE_COLUMNS)
    if not {*kinds} <= {CHILDREN, ADULTS, WEAK, LUNGS} or not {*groups} <= {FINDING, OTHER, NORMAL}:
        raise ValueError("kinds or groups")
    return Images(kinds, groups, views, np.array([float(share) if share else math.nan for share in shares]))


def images_csv(images: Images) -> str:
    """Write the list of images as CSV."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(IMAGE_COLUMNS)
    for kind, group, view, share in zip(images.kinds, images.groups, images.views, images.lungs_shares, strict=True):
        writer.writerow([kind, group, view, "" if math.isnan(share) else f"{share:.3f}"])
    return file.getvalue()


def write_network(folder: Path, network: StoredNetwork, logits: np.ndarray) -> None:
    """Keep a network's description and its logits, two decimals each."""
    lines = ["logit", *(f"{logit:.2f}" for logit in logits)]
    write_whole(folder / f"{network.name}.csv", ("\n".join(lines) + "\n").encode())
    write_whole(folder / f"{network.name}.json", (json.dumps(asdict(network), indent=1) + "\n").encode())


def place_results(images: Images, network: ScoredNetwork, point: str) -> tuple[PlaceResult, ...]:
    """Give the spread of scores of each group of whole images, and the share flagged at each population's point."""
    limits = [population.logit_at(point) for population in network.about.populations]
    found = []
    for name, (kind, group) in PLACES.items():
        logits = network.logits[(images.kinds == kind) & (images.groups == group)]
        quantiles = np.quantile(logits, QUANTILES) if len(logits) else np.full(len(QUANTILES), math.nan)
        flagged = tuple(proportion(int((logits >= limit).sum()), len(logits)) for limit in limits)
        found.append(PlaceResult(name, tuple(map(float, quantiles)), flagged))
    return tuple(found)


def one_threshold_line(network: StoredNetwork, results: Sequence[PlaceResult]) -> str:
    """Say whether one threshold flags normal adults as often as normal children, for each population's point."""
    children, adults = results[0], results[2]
    sentences = []
    for population, of_children, of_adults in zip(network.populations, children.flagged, adults.flagged, strict=True):
        apart = of_children.low > of_adults.high or of_adults.low > of_children.high
        verdict = "One threshold does not serve both" if apart else "These images do not tell them apart"
        sentences.append(
            f"At its point for {population.name}, {network.name} flags {percent(of_children)} % of the normal children "
            f"and {percent(of_adults)} % of the normal adults. {verdict}."
        )
    return " ".join(sentences)


def shortcut_rules(images: Images, networks: Sequence[ScoredNetwork]) -> tuple[Rule, ...]:
    """Order the images that show the lungs alone by the view, by the lungs' area, and by each network.

    The directions were set before: an AP view and a smaller area mean opacity, since masks lose what is opaque.
    """
    masked = images.kinds == LUNGS
    rules = [
        _rule("the view alone (AP means opacity)", images, masked, (images.views == "AP").astype(float)),
        _rule("the lungs' area alone (smaller means opacity)", images, masked, -images.lungs_shares),
    ]
    for network in networks:
        rules.append(_rule(f"{network.about.name}, both views", images, masked, network.logits))
        rules += [
            _rule(f"{network.about.name}, {view} only", images, masked & (images.views == view), network.logits)
            for view in VIEWS
        ]
    return tuple(rules)


def ap_shares(images: Images) -> dict[str, Estimate]:
    """Give the share of AP among the images that show the lungs alone, by group."""
    found = {}
    for group in (FINDING, OTHER, NORMAL):
        views = images.views[(images.kinds == LUNGS) & (images.groups == group)]
        found[group] = proportion(int((views == "AP").sum()), len(views))
    return found


def view_results(images: Images, network: ScoredNetwork, point: str) -> tuple[ViewResult, ...]:
    """Compare whole normal adults by view, at the point of adults where the network knows them."""
    limit = network.about.for_adults.logit_at(point)
    found = []
    for view in VIEWS:
        logits = network.logits[(images.kinds == ADULTS) & (images.groups == NORMAL) & (images.views == view)]
        median = float(np.median(logits)) if len(logits) else math.nan
        found.append(ViewResult(view, median, proportion(int((logits >= limit).sum()), len(logits))))
    return tuple(found)


def _rule(name: str, images: Images, chosen: np.ndarray, scores: np.ndarray) -> Rule:
    areas = []
    for group in (NORMAL, OTHER):
        kept = chosen & np.isin(images.groups, (FINDING, group))
        areas.append(area_under_roc(images.groups[kept] == FINDING, scores[kept]))
    return Rule(name, *areas)


def _scored(path: Path, count: int) -> ScoredNetwork:
    about = _NETWORK.validate_json(path.read_bytes())
    name, *lines = path.with_suffix(".csv").read_text(encoding="utf-8").splitlines()
    logits = np.array(lines, np.float64)
    if name != "logit" or len(logits) != count or not np.isfinite(logits).all():
        raise ValueError("logits")
    return ScoredNetwork(about, logits)
