"""A network and its card, as one thing that scores X-rays and explains its scores. An engine runs the network."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from pneumo_core.gate import InputGate, Verdict
from pneumo_core.models import KnownFilms, ModelCard, Population, card_for
from pneumo_core.network.engine import Engine
from pneumo_core.network.explanation import Explanation
from pneumo_core.network.framing import Framed, framed
from pneumo_core.network.segmenter import Segmenter
from pneumo_core.network.shares import Shares
from pneumo_core.stats import probabilities


class Classifier:
    """A loaded model. It is never changed after loading, so that all sessions may share it.

    Attributes:
        card: the model's card.
        known: the films that it was trained on or validated with; None where there is no list of them.
        gate: the judge of whether a picture is a readable chest X-ray; None where the model has none.
        lungs: the network that outlines the lungs; None where the model has none.
        engine, device: the engine, `KERAS` or `OPENVINO`, and its device in words.
        knows_others: whether the network tells other abnormalities from normal, too.
    """

    def __init__(
        self,
        card: ModelCard,
        engine: Engine,
        explain: Callable[[Any], Explanation],
        known: KnownFilms | None = None,
        gate: InputGate | None = None,
        lungs: Segmenter | None = None,
        *,
        knows_others: bool = False,
    ) -> None:
        """Join a card, an engine, a list of known films, an input gate and a segmenter.

        Args:
            engine: its outputs are the logit `(n, 1)`, the explained layer's maps `(n, rows, columns, channels)`, the
                gate's features `(n, features)` where there is a gate, and the log odds of another abnormality against
                normal `(n, 1)` where the network knows others.
            explain: turns one film's maps, float32 `(1, rows, columns, channels)`, into its heat map.
        """
        self.card, self.known, self.gate, self.lungs = card, known, gate, lungs
        self.knows_others = knows_others
        self.engine, self.device = engine.name, engine.device
        self._forward, self._explain = engine.forward, explain

    def of(self, population: Population) -> Self:
        """Give the same network as a model of one population of its card: scores are calibrated for that one."""
        narrowed = copy.copy(self)
        narrowed.card = card_for(self.card, population.name)
        return narrowed

    def framed(self, pixels: np.ndarray) -> Framed:
        """Give what the network is shown of an image, float32 `(height, width)` in [0, 1]."""
        return framed(pixels, self.card.preprocessing, self.lungs)

    def logits(self, films: np.ndarray) -> np.ndarray:
        """Give the network's logits, float32 `(n,)`.

        Args:
            films: float32 `(n, height, width, 1)` as `preprocessing.prepare` gives them.
        """
        return np.asarray(self._forward(films)[0])[:, 0]

    def logits_and_verdicts(self, films: np.ndarray) -> tuple[np.ndarray, list[Verdict | None]]:
        """Give logits, float32 `(n,)`, and the gate's verdict on each film; None without a gate."""
        logits, _, *features = self._forward(films)
        return np.asarray(logits)[:, 0], self._judge(features) or [None] * len(films)

    def probabilities(self, logits: np.ndarray, population: Population | None = None) -> np.ndarray:
        """Give a population's calibrated probabilities of logits, float64 of their shape, in [0, 1].

        Args:
            population: one of the card's; the first where none is named.
        """
        return probabilities(logits, (population or self.card.first).calibration)

    def score(self, films: np.ndarray, population: Population | None = None) -> np.ndarray:
        """Give a population's calibrated probabilities, float64 `(n,)`, of films as `logits` takes them."""
        return self.probabilities(self.logits(films), population)

    def score_and_judge(
        self, films: np.ndarray, population: Population | None = None
    ) -> tuple[np.ndarray, list[Verdict | None]]:
        """Give calibrated probabilities as `score` does, and the gate's verdict on each film; None without a gate."""
        logits, verdicts = self.logits_and_verdicts(films)
        return self.probabilities(logits, population), verdicts

    def score_and_explain(
        self, film: np.ndarray, population: Population | None = None
    ) -> tuple[float, float, Explanation]:
        """Give logit, calibrated probability and Grad-CAM map of one film, whatever the gate's verdict.

        Args:
            film: float32 `(height, width, 1)` as `preprocessing.prepare` gives it.
        """
        logit, explanation, _ = self.look(film)
        return logit, float(self.probabilities(np.array(logit), population)), explanation

    def look(self, film: np.ndarray) -> tuple[float, Explanation, Verdict | None]:
        """Give logit, Grad-CAM map and the gate's verdict, from one pass through the body.

        None of these depends on the population; the probability does.
        """
        logits, feature_maps, *features = self._forward(film[np.newaxis])
        return float(logits[0, 0]), self._explain(feature_maps), next(iter(self._judge(features)), None)

    def shares(self, film: np.ndarray, population: Population | None = None) -> Shares | None:
        """Give the shares of the three classes in one film, from a pass of their own; None where two are known.

        Args:
            film: float32 `(height, width, 1)` as `preprocessing.prepare` gives it.
            population: one of the card's, which calibrates the first share; the first where none is named.
        """
        if not self.knows_others:
            return None
        logits, *_, others = self._forward(film[np.newaxis])
        return Shares.of(float(self.probabilities(np.asarray(logits)[0, 0], population)), float(others[0, 0]))

    def _judge(self, features: Sequence[Any]) -> list[Verdict | None]:
        return [] if self.gate is None else list(self.gate.judge(np.asarray(features[0])))
