"""What if: changes counted by hand, and flips on a network whose score is a known function of the film."""

from types import SimpleNamespace

import numpy as np
import pytest

from pneumo_core.explain.what_if import (
    CONTROLS,
    LADDER_VALUES,
    Change,
    Check,
    FlipCurve,
    Region,
    changed,
    flip_curve,
    look_at,
    region_of,
    zones_of,
)
from pneumo_core.explain.what_if_figures import film_chart, flip_chart, scores_chart
from pneumo_core.film.preprocessing import Preprocessing, prepare
from pneumo_core.gate import quality
from pneumo_core.gate.admission import UNGATED
from pneumo_core.gate.input_gate import INVERTED, UPRIGHT, Verdict
from pneumo_core.gate.quality import BLUR, CUT_OFF, EXPOSURE, measure_quality
from pneumo_core.gate.suitability import FAR
from pneumo_core.lungs.outline import Outline
from pneumo_core.stats.calibration import Calibration
from tests.lungs.drawn import RIGHT, probability
from tests.makers import FakeExplanation, film_pixels, left_half, no_evidence

FILM = np.array([[0.2, 0.4], [0.6, 0.8]], np.float32)
# Just enough contrast to be read, its mean 0.5.
HALF = np.full((40, 50), 0.47, np.float32)
HALF[20:] = 0.53
FLAT = np.full((40, 50), 0.5, np.float32)


class KnownNetwork:
    """A classifier whose probability is a known function of the mean grey value of its input, in [0, 1]."""

    def __init__(
        self, probability_of_mean, explanation: FakeExplanation | None = None, verdict_of_mean=lambda mean: None
    ) -> None:
        self.card = SimpleNamespace(preprocessing=Preprocessing(32, 32), calibration=Calibration(1.0, 0.5))
        self.probability_of_mean = probability_of_mean
        self.verdict_of_mean = verdict_of_mean
        self.explanation = explanation or left_half()
        self.batches: list[int] = []

    def score(self, films: np.ndarray) -> np.ndarray:
        self.batches.append(len(films))
        return self.probability_of_mean(films.mean(axis=(1, 2, 3), dtype=np.float64) / 255)

    def score_and_judge(self, films: np.ndarray):
        return self.score(films), [self.verdict_of_mean(mean) for mean in films.mean(axis=(1, 2, 3)) / 255]

    def look(self, film: np.ndarray):
        probabilities, verdicts = self.score_and_judge(film[np.newaxis])
        return float(probabilities[0]), self.explanation, verdicts[0]

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        # Its logits are its probabilities.
        return logits


def curve(network: KnownNetwork, pixels: np.ndarray, name: str, threshold: float, **held) -> FlipCurve:
    return flip_curve(network, pixels, Change(**held), name, threshold)


def test_no_change_gives_the_very_same_pixels():
    assert changed(FILM, Change(), 1.0) is FILM


def test_without_a_change_the_network_gets_what_it_gets_when_the_film_is_read():
    pixels, got = film_pixels(300, 411), []
    network = KnownNetwork(lambda mean: mean)
    network.score = lambda films: (got.append(films[0].copy()), np.zeros(len(films)))[1]
    look = look_at(network, pixels, Change())
    np.testing.assert_array_equal(got[0], prepare(pixels, network.card.preprocessing))
    assert look.shape == (300, 411)


def test_brightness_is_added_in_percent_of_the_range_and_clipped():
    np.testing.assert_allclose(changed(FILM, Change(brightness=30), 1.0), [[0.5, 0.7], [0.9, 1.0]], rtol=1e-6)
    np.testing.assert_allclose(changed(FILM, Change(brightness=-30), 1.0), [[0, 0.1], [0.3, 0.5]], atol=1e-6)


def test_contrast_stretches_about_the_films_mean():
    np.testing.assert_allclose(changed(FILM, Change(contrast=50), 1.0), [[0.05, 0.35], [0.65, 0.95]], atol=1e-6)
    np.testing.assert_allclose(changed(FILM, Change(contrast=-100), 1.0), np.full((2, 2), 0.5), atol=1e-6)


def test_a_region_is_hidden_under_the_mean_grey_and_nothing_else_changes():
    film = film_pixels(20, 50)
    found = changed(film, Change(region=Region(20, 60, 10, 50)), 2.5)
    np.testing.assert_allclose(found[2:10, 10:30], film.mean(), rtol=1e-6)
    rest = np.ones(film.shape, bool)
    rest[2:10, 10:30] = False
    np.testing.assert_array_equal(found[rest], film[rest])


def test_a_region_is_hidden_under_its_own_blur():
    film = np.zeros((100, 100), np.float32)
    film[:, 50:] = 1
    found = changed(film, Change(region=Region(40, 60, 0, 50), hidden_by="blur"), 1.0)
    assert 0.3 < found[20, 49] < 0.5 < found[20, 50] < 0.7
    np.testing.assert_array_equal(found[:, :40], film[:, :40])
    np.testing.assert_array_equal(found[50:], film[50:])


def test_a_region_without_extent_hides_nothing():
    film = film_pixels(20, 50)
    np.testing.assert_array_equal(changed(film, Change(region=Region(30, 30, 0, 9)), 2.5), film)


@pytest.mark.parametrize("change", [Change(blur=1.5), Change(rotation=9), Change(contrast=40, brightness=20)])
def test_a_change_keeps_shape_type_and_range_and_leaves_the_film_alone(change: Change):
    film = film_pixels(40, 60)
    before = film.copy()
    found = changed(film, change, 1.5)
    assert (found.shape, found.dtype) == (film.shape, np.float32)
    assert 0 <= found.min() < found.max() <= 1
    assert not np.array_equal(found, film)
    np.testing.assert_array_equal(film, before)


def test_a_box_gives_a_region_to_whole_percent_within_the_film_whatever_its_corners():
    assert region_of([70.4, 9.6], [103.0, -2.0]) == Region(10, 70, 0, 100)


def test_every_ladder_has_0_and_both_ends_and_is_made_of_steps():
    for control in CONTROLS.values():
        assert len(control.ladder) == LADDER_VALUES
        assert (control.ladder[0], control.ladder[-1]) == (control.lowest, control.highest)
        assert 0 in control.ladder
        np.testing.assert_allclose(control.ladder % control.step % control.step, 0, atol=0.1)


def test_a_flip_is_the_first_slider_value_at_the_threshold_or_above():
    # The mean is 0.5 + brightness: at 17 % and more it reaches 0.67.
    found = curve(KnownNetwork(lambda mean: np.round(mean, 6)), FLAT, "brightness", 0.67)
    assert found.flips == (None, 17.0)
    assert not found.is_flagged
    np.testing.assert_allclose(found.probabilities, np.linspace(0, 1, 21), atol=1e-6)
    assert found.in_words().replace("\N{NO-BREAK SPACE}", " ") == "Flips at +17 %; not up to -50 %"


def test_a_flip_on_a_value_of_the_ladder_is_found_there():
    assert curve(KnownNetwork(lambda mean: np.round(mean, 6)), HALF, "brightness", 0.65).flips == (None, 15.0)


def test_a_flagged_film_flips_where_it_falls_below_the_threshold():
    found = curve(KnownNetwork(lambda mean: np.round(mean, 6)), HALF, "brightness", 0.42)
    # At -8 % it is at the threshold and still flagged.
    assert found.flips == (-9.0, None)
    assert found.is_flagged


def test_flips_are_found_on_both_sides_and_the_nearest_to_0_is_told():
    # A valley about 0.5: flagged from 12 away on, and not again from 38 on.
    def probability(mean: np.ndarray) -> np.ndarray:
        away = np.round(100 * np.abs(mean - 0.5), 4)
        return np.where((away >= 12) & (away < 38), 0.9, 0.1)

    network = KnownNetwork(probability)
    found = curve(network, HALF, "brightness", 0.5)
    assert found.flips == (-12.0, 12.0)
    assert found.in_words().replace("\N{NO-BREAK SPACE}", " ") == "Flips at -12 % and +12 %"
    # The ladder in one batch, then the steps between two of its values on either side: to the flips, and to where the
    # film is almost blank.
    assert network.batches == [21, 4, 4, 4, 4]


def test_a_film_that_does_not_flip_says_so_with_the_range():
    words = {
        name: curve(KnownNetwork(lambda mean: 0 * mean), HALF, name, 0.5).in_words().replace("\xa0", " ")
        for name in CONTROLS
    }
    assert words == {
        "brightness": "No flip from -50 % to +50 %",
        "contrast": "No flip from -80 % to +80 %",
        "rotation": "No flip from -30 ° to +30 °",
        "blur": "No flip up to 8.0 px",
    }


def test_a_blur_flips_on_one_side_only():
    pixels = np.zeros((32, 32), np.float32)
    pixels[:, ::2] = 1
    network = KnownNetwork(lambda mean: mean)
    network.score = lambda films: np.ptp(films[:, 16, 12:20, 0], axis=1) / 255
    found = curve(network, pixels, "blur", 0.5)
    assert found.is_flagged
    assert found.flips[0] is None
    assert 0.3 <= found.flips[1] <= 0.8
    assert found.in_words() == f"Flips at {found.flips[1]:.1f}\N{NO-BREAK SPACE}px"


def test_the_other_controls_are_held():
    network = KnownNetwork(lambda mean: np.round(mean, 6))
    assert curve(network, HALF, "brightness", 0.67, region=Region(0, 50, 0, 100)).flips == (None, 17.0)
    assert curve(network, HALF, "contrast", 0.67).flips == (None, None)
    # Held 20 % brighter, it is flagged whatever the contrast.
    found = curve(network, HALF, "contrast", 0.67, brightness=20.0)
    assert (found.is_flagged, found.flips) == (True, (None, None))


def test_the_flip_that_is_told_flips_the_flag_when_it_is_set():
    network = KnownNetwork(lambda mean: 1 / (1 + np.exp(-40 * (mean - 0.537))))
    for threshold in (0.05, 0.3, 0.9):
        found = curve(network, film_pixels(64, 80), "brightness", threshold)
        for flip, before in zip(found.flips, (1, -1), strict=True):
            if flip is not None:
                scores = [
                    look_at(network, film_pixels(64, 80), Change(brightness=value)).probability
                    for value in (flip, flip + before)
                ]
                assert (scores[0] >= threshold) != found.is_flagged
                assert (scores[1] >= threshold) == found.is_flagged


def test_the_figures_say_in_words_what_they_show():
    network = KnownNetwork(lambda mean: np.round(mean, 6))
    look = look_at(network, FLAT, Change(brightness=10))
    drawn = film_chart(look, Region(10, 20, 30, 40), "black")
    assert "from 10 to 20 percent of its width and from 30 to 40 percent of its height" in drawn.alt
    assert [shape["x1"] for shape in drawn.figure.layout.shapes] == [20] * 4
    assert not film_chart(look, None, "black").figure.layout.shapes
    assert "60.0 percent as changed; the threshold is 67.0 percent" in scores_chart(0.5, 0.6, 0.67, "black").alt
    found = curve(network, FLAT, "brightness", 0.67)
    drawn = flip_chart(found, 10.0, 0.6, 0.67, "black")
    assert "between 0.0 and 100.0 percent" in drawn.alt
    assert list(drawn.figure.data[2].x) == [17.0]


def test_a_blank_heat_map_is_called_blank():
    look = look_at(KnownNetwork(lambda mean: mean, no_evidence()), HALF, Change())
    titles = [words.text for words in film_chart(look, None, "black").figure.layout.annotations]
    assert titles[1] == "Blank heat map: no evidence found"


def refused_beyond(least_mean: float):
    """Give a gate that takes films of this mean or brighter for inverted."""
    return lambda mean: Verdict(INVERTED, 0.1, False) if mean >= least_mean else Verdict(UPRIGHT, 0.9, False)


def test_a_changed_film_that_would_be_refused_keeps_its_probability_and_says_so():
    network = KnownNetwork(lambda mean: mean, verdict_of_mean=refused_beyond(0.6))
    look = look_at(network, film_pixels(), Change(brightness=30))
    assert look.probability > 0.6
    assert look.check.in_words() == (
        "Explain would refuse this image and give no probability: it seems to be inverted, with air white and bone "
        "black."
    )
    assert not look_at(network, film_pixels(), Change()).check.refusal


def test_a_film_without_detail_would_be_refused_without_a_gate_too():
    film = np.full((32, 32), 0.3, np.float32)
    film[24:] = 0.9
    look = look_at(KnownNetwork(lambda mean: mean), film, Change(brightness=-50))
    assert look.check.refusal == "it is plain white or black in 90 % of its middle, without detail"


def test_a_film_that_becomes_almost_blank_would_be_refused():
    look = look_at(KnownNetwork(lambda mean: mean), HALF, Change(contrast=-80))
    assert look.check.refusal == "it is almost blank (its grey levels span 1 % of the range)"


def test_what_a_changed_film_would_be_warned_of_is_named():
    network = KnownNetwork(lambda mean: mean, verdict_of_mean=lambda mean: Verdict(UPRIGHT, 0.9, True))
    look = look_at(network, film_pixels(), Change(contrast=-80))
    assert look.check.warned_of[:2] == (FAR.tag, EXPOSURE)
    assert f"this changed image, and warn of: {FAR.tag}, {EXPOSURE}" in look.check.in_words()
    assert Check("", ()).in_words() == "Explain would read this changed image."


def test_the_first_value_that_would_be_refused_is_found_to_the_controls_step():
    network = KnownNetwork(lambda mean: 0 * mean, verdict_of_mean=refused_beyond(0.669))
    found = curve(network, film_of_stripes(), "brightness", 0.5)
    assert found.refused == (None, 17.0)
    assert found.check_in_words().replace("\xa0", " ").endswith("refuse first at +17 %")
    # Held brighter than that, it is refused with the other controls at 0.
    found = curve(network, film_of_stripes(), "contrast", 0.5, brightness=20.0)
    assert found.refused == (0.0, 0.0)
    assert found.check_in_words() == "Explain would refuse the image even with this control at 0"


def test_what_the_film_is_warned_of_as_it_is_counts_for_no_value():
    found = curve(KnownNetwork(lambda mean: 0 * mean), film_of_stripes(), "contrast", 0.5)
    # Its middle spans 40 % of the range, of which 15 are expected: 0.4 * 0.37.
    assert (found.warned, found.refused) == ((-63.0, None), (None, None))
    words = found.check_in_words().replace("\xa0", " ")
    assert words == "Explain would give a new warning first at -63 %, and refuse none"
    assert look_at(KnownNetwork(lambda mean: mean), film_of_stripes(), Change()).check.warned_of == (
        CUT_OFF,
        UNGATED.tag,
    )


def film_of_stripes() -> np.ndarray:
    """float32 (32, 32): stripes of 0.3 and 0.7, their mean 0.5."""
    film = np.full((32, 32), 0.3, np.float32)
    film[:, ::2] = 0.7
    return film


def test_a_turned_film_is_as_sharp_as_before_since_explain_would_turn_it_at_its_full_size(monkeypatch):
    network = KnownNetwork(lambda mean: mean)
    network.card.preprocessing = Preprocessing(224, 224)
    film = np.random.default_rng(3).uniform(0.2, 0.8, (224, 224)).astype(np.float32)
    turned = look_at(network, film, Change(rotation=3.0))
    before, after = measure_quality(film).sharpness, measure_quality(turned.film).sharpness
    assert after < before
    monkeypatch.setattr(quality, "LEAST_SHARPNESS", (before + after) / 2)
    assert BLUR in measure_quality(turned.film).findings
    assert BLUR not in look_at(network, film, Change(rotation=3.0)).check.warned_of


def test_the_zones_of_an_outlined_lung_can_be_hidden_and_those_of_a_missing_one_not():
    zones = zones_of(Outline.of(probability(RIGHT), 900, 700))
    assert set(zones) == {"right upper zone", "right middle zone", "right lower zone"}
    lower = zones["right lower zone"]
    # The drawn lung reaches from 16 to 44 % across and from 20 to 80 % down; its lower third is narrower.
    assert (lower.top, lower.bottom) == pytest.approx((60, 80), abs=2)
    assert 16 <= lower.left < lower.right <= 44
    assert zones_of(None) == {}
