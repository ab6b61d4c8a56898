"""Scores of networks elsewhere: written and read, hand-counted, and what ships."""

import math
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.errors import DataError
from pneumo_core.learn.elsewhere import (
    ADULTS,
    CHILDREN,
    FINDING,
    IMAGES_FILE,
    LUNGS,
    NETWORKS,
    NORMAL,
    OTHER,
    Images,
    ScoredNetwork,
    StoredNetwork,
    StoredPopulation,
    ap_shares,
    images_csv,
    one_threshold_line,
    place_results,
    read_elsewhere,
    shortcut_rules,
    view_results,
    write_network,
)
from pneumo_core.stats.calibration import Calibration

CHILD = StoredPopulation("children", (1, 5), "suspected pneumonia", Calibration(1.0, 0.5), {"balanced": 0.5})
GROWN = StoredPopulation("adults", (18, 120), "suspected lung opacity", Calibration(2.0, 0.5), {"balanced": 0.9})
NETWORK = StoredNetwork("tiny", "2026-11-30", "0" * 64, (CHILD, GROWN))


def images(rows: list[tuple[str, str, str, float]]) -> Images:
    kinds, groups, views, shares = zip(*rows, strict=True)
    return Images(np.array(kinds), np.array(groups), np.array(views), np.array(shares))


def masked(*rows: tuple[str, str, float]) -> Images:
    return images([(LUNGS, *row) for row in rows])


def whole(*rows: tuple[str, str, str]) -> Images:
    return images([(*row, math.nan) for row in rows])


def test_what_is_written_is_read_with_the_oldest_network_first(tmp_path: Path):
    listed = images([(CHILDREN, FINDING, "", math.nan), (LUNGS, OTHER, "AP", 0.25)])
    (tmp_path / IMAGES_FILE).write_text(images_csv(listed))
    older = StoredNetwork("z", "2026-01-01", "1" * 64, (CHILD,))
    write_network(tmp_path, NETWORK, np.array([0.5, -1.25]))
    write_network(tmp_path, older, np.array([3.0, 2.0]))
    found = read_elsewhere(tmp_path)
    assert [network.about for network in found.networks] == [older, NETWORK]
    assert found.networks[1].logits.tolist() == [0.5, -1.25]
    assert found.images.views.tolist() == ["", "AP"]
    np.testing.assert_array_equal(found.images.lungs_shares, [math.nan, 0.25])


@pytest.mark.parametrize("scores", ["logit\n1.0\n", "logit\n1.0\nnan\n", "score\n1.0\n2.0\n", "logit\n1.0\nx\n"])
def test_scores_that_do_not_fit_the_images_are_refused(tmp_path: Path, scores: str):
    (tmp_path / IMAGES_FILE).write_text(images_csv(whole((CHILDREN, NORMAL, ""), (ADULTS, NORMAL, "AP"))))
    write_network(tmp_path, NETWORK, np.zeros(2))
    (tmp_path / "tiny.csv").write_text(scores)
    with pytest.raises(DataError) as refusal:
        read_elsewhere(tmp_path)
    assert refusal.value.code == "lesson_scores"


def test_flags_are_counted_at_each_populations_own_point():
    listed = whole(*[(CHILDREN, NORMAL, "")] * 2, *[(ADULTS, NORMAL, "PA")] * 4)
    # As a logit the point for children is 0, and that for adults 2 ln 9 = 4.39.
    found = place_results(listed, ScoredNetwork(NETWORK, np.array([-1.0, 0.0, 1.0, 4.3, 4.4, -9.0])), "balanced")
    children, _, adults, *weak = found
    assert [(rate.value, rate.n) for rate in children.flagged] == [(0.5, 2), (0.0, 2)]
    assert [(rate.value, rate.n) for rate in adults.flagged] == [(0.75, 4), (0.25, 4)]
    assert children.quantiles[2] == -0.5
    assert all(math.isnan(place.quantiles[2]) and place.flagged[0].n == 0 for place in weak)


@pytest.mark.parametrize(("count", "verdict"), [(30, "does not serve both"), (2, "do not tell them apart")])
def test_one_threshold_is_judged_by_intervals(count: int, verdict: str):
    listed = whole(*[(CHILDREN, NORMAL, "")] * count, *[(ADULTS, NORMAL, "PA")] * count)
    about = StoredNetwork("tiny", "2026-11-30", "0" * 64, (CHILD,))
    network = ScoredNetwork(about, np.repeat([-1.0, 1.0], count))
    assert verdict in one_threshold_line(about, place_results(listed, network, "balanced"))


def test_a_rule_that_knows_the_view_alone_tells_nothing_within_a_view():
    listed = masked(
        (FINDING, "AP", 0.1), (FINDING, "AP", 0.2), (FINDING, "PA", 0.4), (NORMAL, "PA", 0.3), (NORMAL, "PA", 0.5),
        (NORMAL, "AP", 0.6), (OTHER, "AP", 0.05), (OTHER, "PA", 0.05),
    )  # fmt: skip
    view = (listed.views == "AP").astype(float)
    by_view, by_area, both, ap_only, pa_only = shortcut_rules(listed, [ScoredNetwork(NETWORK, view)])
    # Nine pairs: four ordered right, one wrong, four that tie.
    assert by_view.from_normal.value == both.from_normal.value == pytest.approx(6 / 9)
    assert ap_only.from_normal.value == pa_only.from_normal.value == 0.5
    # Only the largest finding and the smallest normal are the wrong way round.
    assert by_area.from_normal.value == pytest.approx(8 / 9)
    assert by_area.from_other.value == 0.0
    assert [(share.value, share.n) for share in ap_shares(listed).values()] == [(2 / 3, 3), (0.5, 2), (1 / 3, 3)]


def test_normal_adults_are_flagged_by_view_at_the_point_for_adults():
    listed = whole((ADULTS, NORMAL, "AP"), (ADULTS, NORMAL, "AP"), (ADULTS, NORMAL, "PA"), (CHILDREN, NORMAL, "PA"))
    ap, pa = view_results(listed, ScoredNetwork(NETWORK, np.array([5.0, 4.0, 1.0, 9.0])), "balanced")
    assert (ap.median, ap.flagged.value, ap.flagged.n) == (4.5, 0.5, 2)
    assert (pa.median, pa.flagged.value, pa.flagged.n) == (1.0, 0.0, 1)


def test_the_shipped_scores_are_read_and_small():
    found = read_elsewhere()
    assert found.networks[0].about.name == "pneumo-6"
    assert {*found.images.kinds} == {CHILDREN, ADULTS, "weak", LUNGS}
    # Whole images have no area, and masked ones have.
    assert np.array_equal(np.isnan(found.images.lungs_shares), found.images.kinds != LUNGS)
    assert all(path.stat().st_size < 100_000 for path in NETWORKS.iterdir())
