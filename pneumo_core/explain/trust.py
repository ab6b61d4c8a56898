"""Can a heat map be trusted? Randomised weights, small changes, deletion and insertion, occlusion.

The tests say whether the map depends on the learnt weights, holds still, and shows the places that the score depends
on. None of them says whether those places show pneumonia.
"""

import re
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import keras
import numpy as np

from pneumo_core.explain.methods import occlusion, rank_correlation
from pneumo_core.files import sample_files
from pneumo_core.film import Preprocessing, prepare, read_radiograph, resize, shifted
from pneumo_core.gate import Verdict
from pneumo_core.keras_network import FINDING, LOGIT, OTHER, KerasClassifier, put_weights
from pneumo_core.models import ModelCard
from pneumo_core.network import Explanation, Framed

# These limits are conventions of this project, set before any test film was inspected. The page shows the figures, too.
MOST_AFTER_SHUFFLING = 0.5
LEAST_AFTER_SMALL_CHANGE = 0.7
LEAST_WITH_OCCLUSION = 0.3
# The shift is in pixels of a network input of 224. Other inputs scale it. The map is compared in cells of this size.
SHIFT_PIXELS = 4
# One shuffle was used at first, and five since a survey of test films (docs/experiments.md, 7).
DRAWS = 5
LEARNT = "depends on what was learnt"
# The noise's standard deviation is a share of the film's range.
NOISE = 0.02
FULL_STEPS, SHORT_STEPS = 20, 10
FULL_RANDOM_MAPS, SHORT_RANDOM_MAPS = 8, 5
# "block6h_expand_conv" belongs to block6, "conv5_block3_2_conv" to conv5, "expanded_conv_14_project" to its own.
BLOCK = re.compile(r"expanded_conv(_\d+)?|[a-z]+\d*")

TellShare = Callable[[float, str], None]


def _silent(share: float, words: str) -> None:
    """TellShare nobody."""


@dataclass(frozen=True, slots=True, eq=False)
class ShuffleStage:
    """The map after the weights were shuffled from the top of the network down to a block, this one included.

    `correlation` is the rank correlation with the trained network's map, `nan` where one of both is blank.
    """

    block: str
    explanation: Explanation
    correlation: float


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The probability as the film is removed, or put back, in the order of a map (Petsiuk 2018).

    A pixel is removed by putting the same place of an unflagged sample film there. Grey would be no absence: a network
    that knows two classes may give a grey film either.

    Attributes:
        probabilities: float64 `(steps + 1,)`, with 0, 1/steps, ... 1 of the film's pixels removed, or put back.
        random_areas: float64 `(maps,)`: the area under the same curve in the order of random maps as coarse as this.
    """

    probabilities: np.ndarray
    random_areas: np.ndarray

    @property
    def area(self) -> float:
        """Give the area under the curve, from 0 to 1."""
        return _area(self.probabilities)


@dataclass(frozen=True, slots=True)
class MapCheck:
    """One check of a film's map: its finding in a sentence, and whether the map passes it."""

    name: str
    has_passed: bool
    found: str


@dataclass(frozen=True, slots=True, eq=False)
class ExplanationTest:
    """The results of the tests of one film's heat map.

    Attributes:
        explanation: the heat map that was tested.
        empty_probability: the probability that the network gives to an evenly grey film without a chest.
        stages: from the top of the network down, every block or (the short test) the top and all of them.
        all_shuffled: the rank correlation with the map after each of `DRAWS` shuffles of all weights, `nan` where it
            vanished. There are several because one shuffled network may look at the same place by chance.
        changes: after each small change of the film, the rank correlation with the map of the film as it is.
        deletion, insertion: the film removed, and put back, the brightest of the map first. None where the film is not
            flagged, or where every sample is flagged.
        with_occlusion: rank correlation with the map of occlusion; None in the short test.
    """

    explanation: Explanation
    empty_probability: float
    stages: tuple[ShuffleStage, ...]
    all_shuffled: tuple[float, ...]
    changes: tuple[tuple[str, float], ...]
    deletion: Curve | None
    insertion: Curve | None
    with_occlusion: float | None

    @property
    def after_shuffling(self) -> float:
        """Give the median of the shuffled maps' rank correlations, whatever their sign; a map that vanished has 0."""
        return float(np.median(np.abs(np.nan_to_num(self.all_shuffled))))

    @property
    def checks(self) -> tuple[MapCheck, ...]:
        """Give the checks, in the order of the tests."""
        return tuple(_checks(self))

    @property
    def empty_in_words(self) -> str:
        """Say the score of an image without a chest, as two classes leave the network no third answer."""
        return (
            f"An evenly grey image, in this X-ray's mean grey, scores {100 * self.empty_probability:.0f} %. The "
            "network knows two classes and no 'neither'. So grey paint over a region does not always remove evidence."
        )

    @property
    def verdict(self) -> str:
        """Say in one or two sentences how far the heat map can be trusted."""
        failed = [check for check in self.checks if not check.has_passed]
        asked = len(self.checks)
        if not failed:
            return (
                f"The heat map passes all {asked} checks. This does not prove that the score depends on these places, "
                "or that they show pneumonia."
            )
        names = ", ".join(check.name for check in failed)
        if len(failed) == 1 and failed[0].name != LEARNT:
            return f"Use this heat map with care: it fails one of {asked} checks ({names})."
        return f"Do not rely on this heat map: it fails {len(failed)} of {asked} checks ({names})."


def _checks(test: ExplanationTest) -> Iterator[MapCheck]:
    after = test.after_shuffling
    yield MapCheck(
        LEARNT,
        after < MOST_AFTER_SHUFFLING,
        f"The maps of {len(test.all_shuffled)} networks with all weights shuffled were compared with this one. The "
        f"median size of the rank correlation is {after:.2f} (passes below {MOST_AFTER_SHUFFLING}).",
    )
    # A map that vanished has no correlation, and did not hold still.
    lowest = float(np.nan_to_num([correlation for _, correlation in test.changes], nan=-1.0).min())
    yield MapCheck(
        "holds still",
        bool(lowest >= LEAST_AFTER_SMALL_CHANGE),
        f"After a shift of {SHIFT_PIXELS} pixels in 224, or slight noise, the lowest rank correlation is {lowest:.2f} "
        f"(passes from {LEAST_AFTER_SMALL_CHANGE})."
        if lowest > -1
        else "The map vanishes after a small shift or slight noise.",
    )
    for name, curve, sign, way, what in (
        ("deletion", test.deletion, -1, "fall", "An image that is not flagged replaces this X-ray step by step."),
        ("insertion", test.insertion, 1, "rise", "This X-ray replaces that image step by step."),
    ):
        if curve is not None:
            better = int((sign * curve.area > sign * curve.random_areas).sum())
            yield MapCheck(
                name,
                better == len(curve.random_areas),
                f"{what} The probability should {way} sooner in the map's order than in a random one. The area is "
                f"{curve.area:.2f} against {curve.random_areas.mean():.2f}, better than {better} of "
                f"{len(curve.random_areas)} random maps (passes with all).",
            )
    if test.with_occlusion is not None:
        yield MapCheck(
            "agrees with occlusion",
            bool(test.with_occlusion >= LEAST_WITH_OCCLUSION),
            "No covered patch lowers the score."
            if np.isnan(test.with_occlusion)
            else f"Its rank correlation with the fall of the score under a covered patch is {test.with_occlusion:.2f} "
            f"(passes from {LEAST_WITH_OCCLUSION}).",
        )


class ExplanationTester:
    """Tests of one classifier's heat maps. A copy of the network is shuffled; the served one is never touched.

    Args:
        classifier: the classifier whose heat maps are tested.
        samples: films, float32 `(n, height, width, 1)` as `prepare` gives them; the one with the lowest score stands in
            for removed pixels.
    """

    def __init__(self, classifier: KerasClassifier, samples: np.ndarray) -> None:
        self._classifier = classifier
        scores = classifier.score(samples)
        self._reference, self._reference_probability = samples[scores.argmin()], float(scores.min())
        self._copy = keras.models.clone_model(classifier.network)
        self._shuffled = KerasClassifier(self._copy, classifier.card)
        self._blocks = _blocks(self._copy)
        self._one_at_a_time = threading.Lock()

    @property
    def card(self) -> ModelCard:
        return self._classifier.card

    @property
    def blocks(self) -> tuple[str, ...]:
        """Name the stages of the full test, from the top of the network."""
        return tuple(name for name, _ in self._blocks)

    def framed(self, pixels: np.ndarray) -> Framed:
        """Give what the network is shown of an image, as `Classifier.framed` does."""
        return self._classifier.framed(pixels)

    def score_and_judge(self, film: np.ndarray) -> tuple[float, Verdict | None]:
        """Give a film's calibrated probability, and the input gate's verdict; None without a gate."""
        probabilities, verdicts = self._classifier.score_and_judge(film[np.newaxis])
        return float(probabilities[0]), verdicts[0]

    def test(
        self, film: np.ndarray, threshold: float, is_short: bool, progress: TellShare = _silent
    ) -> ExplanationTest | None:
        """Test the heat map of one film.

        Args:
            film: float32 `(height, width, 1)` as `preprocessing.prepare` gives it.
            threshold: the film is flagged if its calibrated probability is at least this.
            is_short: two stages of shuffling, fewer random maps and steps, no occlusion.
            progress: gets the share done, in [0, 1], and the work at hand in words.

        Returns:
            the results; None where the heat map is blank, because there is no map to trust.
        """
        _, probability, explanation = self._classifier.score_and_explain(film)
        if explanation.is_blank:
            return None
        progress(0.05, "Shuffling the network's weights, block by block ...")
        stages, all_shuffled = self._shuffled_maps(film, explanation, is_short)
        progress(0.25, "Shifting the X-ray and adding noise ...")
        changes = tuple(self._small_changes(film, explanation))
        progress(0.35, "Replacing the X-ray step by step ...")
        deletion, insertion = None, None
        if probability >= threshold > self._reference_probability:
            deletion, insertion = self._curves(film, explanation, is_short)
        with_occlusion = None
        if not is_short:
            progress(0.75, "Covering one patch after the other ...")
            evidence = np.maximum(occlusion(self._classifier, film), 0.0)
            with_occlusion = rank_correlation(explanation.coarse, evidence)
        empty = float(self._classifier.score(np.full_like(film, film.mean())[np.newaxis])[0])
        return ExplanationTest(explanation, empty, stages, all_shuffled, changes, deletion, insertion, with_occlusion)

    def _shuffled_maps(
        self, film: np.ndarray, explanation: Explanation, is_short: bool
    ) -> tuple[tuple[ShuffleStage, ...], tuple[float, ...]]:
        # Each film seeds its own shuffles, so that a survey covers many networks and one film gives the same result.
        random = np.random.default_rng(zlib.crc32(film.tobytes()))
        stages = []

        def look(block: str) -> float:
            _, _, after = self._shuffled.score_and_explain(film)
            stages.append(ShuffleStage(block, after, rank_correlation(explanation.coarse, after.coarse)))
            return stages[-1].correlation

        with self._one_at_a_time:
            put_weights(self._copy, self._classifier.network.get_weights())
            for place, (block, layers) in enumerate(self._blocks):
                for layer in layers:
                    shuffle(layer, random)
                if not is_short or place in (0, len(self._blocks) - 1):
                    look(block)
            cascade, draws = tuple(stages), [stages[-1].correlation]
            for _ in range(DRAWS - 1):
                for _, layers in self._blocks:
                    for layer in layers:
                        shuffle(layer, random)
                draws.append(look("all"))
        return cascade, tuple(draws)

    def _small_changes(self, film: np.ndarray, explanation: Explanation) -> Iterator[tuple[str, float]]:
        height, width = film.shape[:2]
        shift = max(1, round(SHIFT_PIXELS * height / 224))
        rows, columns = height // shift, width // shift
        inside = np.s_[1:-1, 1:-1]
        here = explanation.heatmap(rows, columns)
        for name, down, right in (("down", 1, 0), ("up", -1, 0), ("right", 0, 1), ("left", 0, -1)):
            _, _, after = self._classifier.score_and_explain(shifted(film, down * shift, right * shift))
            moved_back = np.roll(after.heatmap(rows, columns), (-down, -right), axis=(0, 1))
            yield f"shifted {name}", rank_correlation(here[inside], moved_back[inside])
        for draw in (1, 2):
            noise = np.random.default_rng(draw).normal(0.0, NOISE * np.ptp(film), film.shape)
            noisy = np.clip(film + noise, 0.0, self._classifier.card.preprocessing.scale).astype(np.float32)
            _, _, after = self._classifier.score_and_explain(noisy)
            yield f"noise {draw}", rank_correlation(here[inside], after.heatmap(rows, columns)[inside])

    def _curves(self, film: np.ndarray, explanation: Explanation, is_short: bool) -> tuple[Curve, Curve]:
        steps = SHORT_STEPS if is_short else FULL_STEPS
        random = np.random.default_rng(7)
        count = SHORT_RANDOM_MAPS if is_short else FULL_RANDOM_MAPS
        coarse = [explanation.coarse, *random.random((count, *explanation.coarse.shape)).astype(np.float32)]
        height, width = film.shape[:2]
        orders = [brightest_first(resize(cells, height, width, "cubic")) for cells in coarse]
        return (
            self._curve([replaced(film, self._reference, order, steps) for order in orders]),
            self._curve([replaced(self._reference, film, order, steps) for order in orders]),
        )

    def _curve(self, films_by_order: list[np.ndarray]) -> Curve:
        first, *others = (self._classifier.score(films) for films in films_by_order)
        return Curve(first, np.array([_area(curve) for curve in others]))


def prepared_samples(preprocessing: Preprocessing) -> np.ndarray:
    """Give the sample films as a network takes them: float32 `(n, height, width, 1)`."""
    return np.stack([prepare(read_radiograph(path, path.name).pixels, preprocessing) for path in sample_files()])


def shuffle(layer: keras.layers.Layer, random: np.random.Generator) -> None:
    """Shuffle the values of each of a layer's weights: their distribution stays, their learning is lost.

    This is the parameter randomisation of Adebayo et al. 2018, by permutation.
    """
    layer.set_weights([random.permutation(weight.ravel()).reshape(weight.shape) for weight in layer.get_weights()])


def brightest_first(heatmap: np.ndarray) -> np.ndarray:
    """Give the places of a map's pixels, flattened, the brightest first: int `(height * width,)`."""
    return np.argsort(-heatmap.ravel(), kind="stable")


def replaced(film: np.ndarray, by: np.ndarray, order: np.ndarray, steps: int) -> np.ndarray:
    """Replace a film's pixels by those of another, step by step.

    Args:
        film, by: float32 `(height, width, 1)`.
        order: int `(height * width,)`: which pixels first.
        steps: in how many equal steps.

    Returns:
        float32 `(steps + 1, height, width, 1)`: from none to all replaced.
    """
    films = np.repeat(film[np.newaxis], steps + 1, axis=0)
    flat = films.reshape(steps + 1, -1)
    for step in range(1, steps + 1):
        gone = order[: round(len(order) * step / steps)]
        flat[step, gone] = by.ravel()[gone]
    return films


def _area(curve: np.ndarray) -> float:
    return float(np.trapezoid(curve, dx=1 / (len(curve) - 1)))


def _blocks(network: keras.Model) -> list[tuple[str, list[keras.layers.Layer]]]:
    """Give the layers with weights by blocks, from the logit down to the film."""
    blocks: dict[str, list[keras.layers.Layer]] = {}
    for layer in reversed(network.layers):
        if layer.weights and not isinstance(layer, keras.layers.Normalization):
            # Both layers of a head of three classes are shuffled together.
            name = BLOCK.match(LOGIT if layer.name in (FINDING, OTHER) else layer.name)
            blocks.setdefault(name.group() if name else layer.name, []).append(layer)
    return list(blocks.items())
