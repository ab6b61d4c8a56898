"""The images of an epoch of several sources, by groups: X-rays as they are, lungs views, composites made anew."""

import posixpath
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pneumo_core.data import GROUPS, Case, group_of, mask_of
from pneumo_core.errors import DataError
from pneumo_core.train.films import Films
from pneumo_core.train.mixed.composites import (
    Grey,
    Outline,
    compose,
    filled,
    fit_of,
    lungs_view,
    outline_of,
    softened,
)
from pneumo_core.train.plan import Plan, PlannedGroup
from pneumo_core.train.run import source_of

# A composite has a body of its lungs' own view so often: else the body would tell the view, and the view the group.
SAME_VIEW = 0.7
# So many bodies are drawn, and the one whose lungs fit best is taken.
BODIES = 4
# Bodies with lungs of another share of the image are badly outlined ones.
LEAST_LUNGS, MOST_LUNGS = 0.1, 0.45
PLAN_CODE = "plan"

# Gives the probability of lung of films uint8 `(n, height, width)`, float32 `(n, height, width)` in [0, 1].
Outliner = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class Item(NamedTuple):
    """One image of an epoch: its group's place in the plan, its film's place, and its place in the epoch."""

    group: int
    film: int
    number: int


class Mix:
    """The films of a plan in memory, dealt out by its groups; the same epoch of the same seed is the same.

    Args:
        films: those to train on, or those to validate with; bodies are taken from them alone.
        outliner: outlines the lungs of whole films; None where only twins of films are outlined, by the lungs of the
            same film that stand alone.

    Raises:
        DataError: a group has no film, or needs outlines that cannot be had.
    """

    def __init__(self, plan: Plan, films: Films, outliner: Outliner | None = None) -> None:
        self.plan, self.films, self.outliner = plan, films, outliner
        self.seed = plan.recipe.seed
        self.targets = np.stack([target_of(case) for case in films.cases])
        self.weights = np.array([case.told.weight if case.told else 1.0 for case in films.cases], np.float32)
        self._is_alone = [mask_of(film.astype(np.float32) / 255) is not None for film in films.views[0]]
        self._twins = {
            posixpath.basename(case.name): place
            for place, (case, is_alone) in enumerate(zip(films.cases, self._is_alone, strict=True))
            if is_alone
        }
        self._outlines: dict[int, Grey | None] = {}
        self.places = [self._places_of(group) for group in plan.groups]
        self.bodies = [self._bodies_of(group) for group in plan.groups]

    def __len__(self) -> int:
        """Count the images of an epoch."""
        return sum(group.images for group in self.plan.groups)

    def epoch(self, epoch: int) -> list[Item]:
        """Draw the images of an epoch, in their order."""
        rng = np.random.default_rng((self.seed, epoch, 2))
        drawn = [
            (number, int(place))
            for number, group in enumerate(self.plan.groups)
            for place in self._drawn(group, self.places[number], rng)
        ]
        order = rng.permutation(len(drawn))
        return [Item(drawn[place][0], drawn[place][1], number) for number, place in enumerate(order)]

    def image(self, item: Item, epoch: int) -> tuple[Grey, NDArray[np.float32], np.float32]:
        """Make an image of an epoch: float32 `(height, width)` in [0, 255], the groups' shares `(3,)`, its weight."""
        group = self.plan.groups[item.group]
        rng = np.random.default_rng((self.seed, epoch, item.number, 3))
        shown = self._shown(group, item.group, item.film, rng)
        return shown, self.targets[item.film], np.float32(group.weight * self.weights[item.film])

    def as_shown(self) -> Films:
        """Give each film of the groups once, as the first of its groups shows it: films to validate with."""
        first: dict[int, int] = {}
        for number, places in enumerate(self.places):
            for place in places:
                first.setdefault(int(place), number)
        kept = sorted(first)
        rng = np.random.default_rng((self.seed, 4))
        shown = [self._shown(self.plan.groups[first[place]], first[place], place, rng) for place in kept]
        return Films(
            tuple(self.films.cases[place] for place in kept),
            np.clip(np.rint(np.stack(shown)), 0, 255).astype(np.uint8)[np.newaxis],
            self.films.has_pneumonia[kept],
            tuple(self.films.sha256s[place] for place in kept),
            self.films.left_out,
        )

    def _places_of(self, group: PlannedGroup) -> NDArray[np.int64]:
        found = [
            place
            for place, case in enumerate(self.films.cases)
            if source_of(self.plan, case) in group.sources and group_of(case) in group.of
            # Composites are made of lungs that stand alone; a body of its own needs none.
            if group.shown_as != "composites" or self._is_alone[place]
        ]
        if not found:
            raise DataError(
                f"No X-ray of the group {group.name[:40]} can be shown as the plan says. Expected are X-rays of "
                f"{', '.join(group.of)}, for composites with their lungs alone. Please correct the plan.",
                PLAN_CODE,
            )
        return np.array(found, np.int64)

    def _bodies_of(self, group: PlannedGroup) -> dict[str, NDArray[np.int64]]:
        """Give whole normal films with an outline by their view; those of no known view stand under ""."""
        if group.shown_as != "composites":
            return {}
        whole = [
            place
            for place, case in enumerate(self.films.cases)
            if source_of(self.plan, case) in group.bodies and group_of(case) == "normal" and not self._is_alone[place]
        ]
        found: dict[str, list[int]] = {}
        for place in whole:
            outline = self._outline(place)
            if outline is not None and LEAST_LUNGS < float((outline > 0.5).mean()) < MOST_LUNGS:
                found.setdefault(_view(self.films.cases[place]), []).append(place)
        if not found:
            raise DataError(
                f"The group {group.name[:40]} has no body. Expected are whole normal X-rays whose lungs are outlined: "
                "by a segmenter, or by the lungs of the same X-ray that stand alone under the same name. Please name "
                "a segmenter in the plan.",
                PLAN_CODE,
            )
        return {view: np.array(places, np.int64) for view, places in found.items()}

    def _drawn(self, group: PlannedGroup, places: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        if group.ap_share is None:
            return _some(places, group.images, rng)
        is_ap = np.array([_view(self.films.cases[place]) == "AP" for place in places])
        parts, count = (places[is_ap], places[~is_ap]), round(group.ap_share * group.images)
        counts = (count, group.images - count)
        return np.concatenate(
            [_some(part if len(part) else places, n, rng) for part, n in zip(parts, counts, strict=True)]
        )

    def _shown(self, group: PlannedGroup, number: int, place: int, rng: np.random.Generator) -> Grey:
        views = self.films.views
        film = views[rng.integers(len(views)), place]
        if group.shown_as == "lungs":
            outline = self._outline(place)
            if outline is None:
                raise DataError(
                    f"The lungs of an X-ray of the group {group.name[:40]} are not outlined. Please name a segmenter "
                    "in the plan.",
                    PLAN_CODE,
                )
            around = film.astype(np.float32)
            return lungs_view(filled(around, outline > 0.5) if self._is_alone[place] else around, outline)
        if group.shown_as == "composites":
            return self._composite(number, place, film, rng)
        return film.astype(np.float32)

    def _composite(self, number: int, place: int, film: NDArray[np.uint8], rng: np.random.Generator) -> Grey:
        """Put lungs that stand alone into a body; where none of those drawn fits, all around them gets their grey."""
        lungs = outline_of(film)
        bodies, own = self.bodies[number], _view(self.films.cases[place])
        view = own if own in bodies and rng.random() < SAME_VIEW else sorted(bodies)[rng.integers(len(bodies))]
        drawn = rng.choice(bodies[view], min(BODIES, len(bodies[view])), replace=False)
        outlines = {int(body): self._sure_outline(int(body)) for body in drawn}
        best = min(outlines, key=lambda body: fit_of(lungs, outlines[body]))
        made = compose(film, lungs, self.films.views[0, best], outlines[best], rng)
        return filled(film.astype(np.float32), lungs) if made is None else made

    def _sure_outline(self, place: int) -> Outline:
        outline = self._outline(place)
        assert outline is not None
        return outline > 0.5

    def _outline(self, place: int) -> Grey | None:
        """Give the lungs of a film, float32 `(height, width)` in [0, 1]; None where nothing outlines them."""
        if place not in self._outlines:
            film = self.films.views[0, place]
            twin = self._twins.get(posixpath.basename(self.films.cases[place].name))
            if self._is_alone[place]:
                self._outlines[place] = softened(outline_of(film))
            elif self.outliner is not None:
                # Before a twin: a frame of the whole film was cut off, and no frame of lungs that stand alone.
                self._outlines[place] = self.outliner(film[np.newaxis])[0]
            elif twin is not None:
                self._outlines[place] = softened(outline_of(self.films.views[0, twin]))
            else:
                self._outlines[place] = None
        return self._outlines[place]


def target_of(case: Case) -> NDArray[np.float32]:
    """Give the shares of the three groups that an X-ray is taught as: float32 `(3,)`, finding first."""
    if case.told is not None and case.told.soft_label is not None:
        return np.array(case.told.soft_label, np.float32)
    return np.array([group_of(case) == group for group in GROUPS], np.float32)


def _view(case: Case) -> str:
    return case.told.view if case.told else ""


def _some(places: Sequence[int] | NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw so many places: each as often as any other but for one, so that a small group is not drawn by chance."""
    places = np.asarray(places, np.int64)
    whole = np.tile(places, count // len(places))
    return np.concatenate([whole, rng.permutation(places)[: count - len(whole)]])
