"""An outline in words: what is a caution, and on which side of the image a lung lies."""

import numpy as np
import pytest

from pneumo_core.lungs.outline import Outline
from pneumo_core.lungs.words import lung_cautions, outline_in_words, share_in_words
from tests.lungs.drawn import LEFT, RIGHT, SIDE, probability


def outline(*shapes) -> Outline:
    return Outline.of(probability(*shapes), 900, 900)


def test_two_lungs_need_no_caution():
    assert lung_cautions(outline(RIGHT, LEFT)) == ()


@pytest.mark.parametrize(
    ("shapes", "tag", "named"),
    [
        ((RIGHT,), "lung not outlined: left", "right on the image"),
        ((LEFT,), "lung not outlined: right", "left on the image"),
        ((), "lung not outlined: both", ""),
    ],
)
def test_a_missing_lung_is_a_caution_that_names_its_side_on_the_image(shapes, tag: str, named: str):
    (caution,) = lung_cautions(outline(*shapes))
    assert caution.tag == tag
    assert named in caution.warning
    assert len({outline_in_words(outline(*shapes)), outline_in_words(outline(RIGHT, LEFT))}) == 2


def test_a_lung_that_is_opaque_or_cut_off_is_a_caution_too():
    found = Outline.of(probability(RIGHT, LEFT), 900, 900, np.where(RIGHT, 60.0, 200.0))
    assert [caution.tag for caution in lung_cautions(found)] == ["lung opaque: left"]
    higher = [np.roll(lung, -30, axis=0) * (np.arange(SIDE) < 80)[:, None] for lung in (RIGHT, LEFT)]
    assert [caution.tag for caution in lung_cautions(outline(*higher))] == ["lung cut off at top"]


def test_the_share_inside_the_thorax_is_said_only_where_it_is_known():
    assert share_in_words(0.974).startswith("97 %")
    assert share_in_words(None) == ""
