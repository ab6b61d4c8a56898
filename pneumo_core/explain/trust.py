"""Can a heat map be trusted? Randomised weights, small changes, deletion and insertion, occlusion.

The tests say whether the map depends on what the network learnt, holds still, and names what the score
rests on. None of them says whether that is pneumonia.
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
from pneumo_core.keras_network import KerasClassifier, put_weights
from pneumo_core.models import ModelCard
from pneumo_core.network import Explanation

# Conventions of this project, set before any test film was looked at; the figures stand beside them.
MOST_AFTER_SHUFFLING = 0.5
LEAST_AFTER_SMALL_CHANGE = 0.7
LEAST_WITH_OCCLUSION = 0.3
# In pixels of the network's input of 224; other inputs in proportion. The map is compared in cells of this size.
SHIFT_PIXELS = 4
# One was asked at first, and five since a survey of test films (docs/experiments.md, 7).
DRAWS = 5
LEARNT = "depends on what was learnt"
# Standard deviation, as a share of the film's range.
NOISE = 0.02
FULL_STEPS, SHORT_STEPS = 20, 10
FULL_RANDOM_MAPS, SHORT_RANDOM_MAPS = 8, 5
# "block6h_expand_conv" is of block6, "conv5_block3_2_conv" of conv5, "expanded_conv_14_project" of that.
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
    """How the probability moves as the film is taken away, or given back, in the order of a map (Petsiuk 2018).

    Taken away is what is replaced by the same place of a sample film that is not flagged. Grey would be no absence: a
    network that knows two classes may give a grey film either.

    Attributes:
        probabilities: float64 `(steps + 1,)`, of the film with 0, 1/steps, ... 1 of its pixels gone, or given back.
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
    """One check of a film's map: what was found, in a sentence, and whether the map passes it."""

    name: str
    has_passed: bool
    found: str


@dataclass(frozen=True, slots=True, eq=False)
class ExplanationTest:
    """What the tests found about the heat map of one film.

    Attributes:
        explanation: the heat map that was tested.
        empty_probability: what the network gives to a film that is grey all over, with no chest in it.
        stages: from the top of the network down, every block or (the short test) the top and all of them.
        all_shuffled: the rank correlation with the map after each of `DRAWS` shuffles of all weights, `nan` where it
            vanished; one shuffled network may look at the same place by chance.
        changes: after each small change of the film, the rank correlation with the map of the film as it is.
        deletion, insertion: the film taken away, and given back, the brightest of the map first; None where the film
            is not flagged, or no sample is at hand that is not: there is nothing to take away.
        with_occlusion: rank correlation with what occlusion finds; None in the short test.
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
        """Say what the network gives to no chest at all, as two classes leave it no third answer."""
        return (
            f"A film that is grey all over, in this film's mean grey, scores {100 * self.empty_probability:.0f} %: the "
            "network knows two classes and no 'neither', so painting a region grey need not take evidence away."
        )

    @property
    def verdict(self) -> str:
        """Say in one or two sentences how far the picture can be trusted."""
        failed = [check for check in self.checks if not check.has_passed]
        asked = len(self.checks)
        if not failed:
            return (
                f"The picture passes all {asked} checks: nothing here speaks against it. That proves neither that the "
                "score rests on these places nor that they show pneumonia."
            )
        names = ", ".join(check.name for check in failed)
        if len(failed) == 1 and failed[0].name != LEARNT:
            return f"Lean on this picture with care: it fails one of {asked} checks ({names})."
        return f"Do not lean on this picture: it fails {len(failed)} of {asked} checks ({names})."


def _checks(test: ExplanationTest) -> Iterator[MapCheck]:
    after = test.after_shuffling
    yield MapCheck(
        LEARNT,
        after < MOST_AFTER_SHUFFLING,
        f"Of {len(test.all_shuffled)} networks with all weights shuffled, the maps' rank correlation with this one has "
        f"a median size of {after:.2f} (passes below {MOST_AFTER_SHUFFLING}).",
    )
    # A map that vanished has no correlation, and is no map that held still.
    lowest = float(np.nan_to_num([correlation for _, correlation in test.changes], nan=-1.0).min())
    yield MapCheck(
        "holds still",
        bool(lowest >= LEAST_AFTER_SMALL_CHANGE),
        f"After a shift of {SHIFT_PIXELS} pixels in 224, or slight noise, its rank correlation is {lowest:.2f} at the "
        f"lowest (passes from {LEAST_AFTER_SMALL_CHANGE})."
        if lowest > -1
        else "After a small shift or slight noise the map vanishes.",
    )
    for name, curve, sign, way, what in (
        ("deletion", test.deletion, -1, "fall", "A film that is not flagged takes this one's place, bit by bit."),
        ("insertion", test.insertion, 1, "rise", "This film takes that one's place."),
    ):
        if curve is not None:
            better = int((sign * curve.area > sign * curve.random_areas).sum())
            yield MapCheck(
                name,
                better == len(curve.random_areas),
                f"{what} The probability should {way} sooner in the map's order than in a random one: area "
                f"{curve.area:.2f} against {curve.random_areas.mean():.2f}, better than {better} of "
                f"{len(curve.random_areas)} random maps (passes with all).",
            )
    if test.with_occlusion is not None:
        yield MapCheck(
            "agrees with occlusion",
            bool(test.with_occlusion >= LEAST_WITH_OCCLUSION),
            "Covering any patch lowers the score nowhere."
            if np.isnan(test.with_occlusion)
            else f"Its rank correlation with how far covering a patch lowers the score is {test.with_occlusion:.2f} "
            f"(passes from {LEAST_WITH_OCCLUSION}).",
        )


class ExplanationTester:
    """Tests of one classifier's heat maps. It has a copy of the network to shuffle; the served one is never touched.

    Args:
        classifier: whose heat maps are tested.
        samples: films to take one from that is not flagged, float32 `(n, height, width, 1)`, as `prepare` gives them.
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

    def score_and_judge(self, film: np.ndarray) -> tuple[float, Verdict | None]:
        """Give a film's calibrated probability, and what the input gate says of it; None without a gate."""
        probabilities, verdicts = self._classifier.score_and_judge(film[np.newaxis])
        return float(probabilities[0]), verdicts[0]

    def test(
        self, film: np.ndarray, threshold: float, is_short: bool, progress: TellShare = _silent
    ) -> ExplanationTest | None:
        """Test the heat map of one film.

        Args:
            film: float32 `(height, width, 1)` as `preprocessing.prepare` gives it.
            threshold: the film is flagged from this calibrated probability on.
            is_short: two stages of shuffling, fewer random maps and steps, no occlusion.
            progress: is told the share done, in [0, 1], and what is at work.

        Returns:
            None where the heat map is blank: there is no picture to trust.
        """
        _, probability, explanation = self._classifier.score_and_explain(film)
        if explanation.is_blank:
            return None
        progress(0.05, "Shuffling the network's weights, block by block ...")
        stages, all_shuffled = self._shuffled_maps(film, explanation, is_short)
        progress(0.25, "Shifting the film and adding noise ...")
        changes = tuple(self._small_changes(film, explanation))
        progress(0.35, "Taking the film away, and giving it back ...")
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
        # Of each film's own, so that a survey is of many shuffled networks; the same each time for one film.
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
    """Shuffle the values of each of a layer's weights: their distribution stays, what they learnt does not.

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
            name = BLOCK.match(layer.name)
            blocks.setdefault(name.group() if name else layer.name, []).append(layer)
    return list(blocks.items())
