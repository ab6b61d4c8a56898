"""The one door: who may be scored, and that every way to a score asks it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pneumo_core.data.audit import audit_folder
from pneumo_core.data.sources import open_source
from pneumo_core.errors import CorrectableImageError, PneumoError, UnsuitableImageError
from pneumo_core.evaluate.pipeline import run_source
from pneumo_core.explain.survey import survey_films
from pneumo_core.explain.trust import ExplanationTester, prepared_samples
from pneumo_core.explain.what_if import Change, look_at
from pneumo_core.film.radiograph import read_radiograph
from pneumo_core.gate.admission import UNGATED, Admission, before, before_changed
from pneumo_core.gate.input_gate import LEFT, OTHER, Verdict
from pneumo_core.gate.quality import Quality
from pneumo_core.gate.suitability import FAR, UNCLEAR_AGE
from pneumo_core.keras_network.classifier import load_classifier
from pneumo_core.lungs.outline import Outline
from pneumo_core.network.classifier import Classifier
from pneumo_core.read.reading import read_xray
from pneumo_core.wording import Caution
from tests.conftest import drawn_film, png
from tests.lungs.drawn import LEFT as LEFT_LUNG, RIGHT as RIGHT_LUNG, probability
from tests.makers import FAR_AWAY, NEAR, radiograph

YEARS = ((1.0, 5.0),)
FILM = drawn_film(True, 400)
CLIPPED = np.where(np.arange(FILM.shape[1]) < 0.8 * FILM.shape[1], 255, FILM).astype(np.uint8)
PICTURES = {
    "film": FILM,
    "inverted": 255 - drawn_film(True, 401),
    "blank": (FILM // 64 + 100).astype(np.uint8),
    "clipped": CLIPPED,
}


@pytest.fixture(scope="module")
def gated(gated_model: Path) -> Classifier:
    return load_classifier(gated_model)


def is_read(classifier: Classifier, picture: np.ndarray) -> bool:
    try:
        read_xray(classifier, read_radiograph(png(picture), "film.png"))
    except UnsuitableImageError:
        return False
    return True


def folder_of(tmp_path: Path, picture: np.ndarray) -> Path:
    folder = tmp_path / "data" / "test" / "PNEUMONIA"
    folder.mkdir(parents=True)
    (folder / "film.png").write_bytes(png(picture))
    return tmp_path / "data"


def test_a_film_is_admitted_to_the_network_and_complete_after_it():
    first = before(radiograph(age_years=3.0), YEARS)
    assert (first.refusal, first.is_complete, first.is_ungated) == (None, False, False)
    then = first.after(NEAR)
    assert (then.refusal, then.is_complete, then.is_far) == (None, True, False)
    then.check()


def test_far_and_ungated_are_said_as_caution_and_as_finding():
    film = before(radiograph(age_years=3.0), YEARS)
    far, ungated = film.after(FAR_AWAY), film.after(None)
    assert (far.is_unlike_known, FAR in far.cautions, FAR.tag in far.findings) == (True, True, True)
    assert (ungated.is_ungated, UNGATED in ungated.cautions, UNGATED.tag in ungated.findings) == (True, True, True)
    assert UNGATED not in (*film.cautions, *far.cautions)


def test_a_lung_that_is_not_outlined_is_a_caution_and_never_a_refusal():
    film = before(radiograph(age_years=3.0), YEARS)
    one = film.after(NEAR, Outline.of(probability(RIGHT_LUNG), 900, 900))
    assert one.refusal is None
    assert "lung not outlined: left" in {caution.tag for caution in one.cautions}
    assert "lung not outlined: left" in one.findings
    both = film.after(NEAR, Outline.of(probability(RIGHT_LUNG, LEFT_LUNG), 900, 900))
    assert both.cautions == film.after(NEAR).cautions


def test_a_chest_that_is_cut_off_is_said_once():
    cut = Outline.of(probability(*(np.roll(lung, 30, axis=0) for lung in (RIGHT_LUNG, LEFT_LUNG))), 900, 900)
    whole = Quality(0, 0, 0.5, 0.5, 1, 0, (0, 0, 0, 0), 0, (0, 0, 0, 0))
    for quality in (whole, dataclasses.replace(whole, missing=(0, 0, 0, 0.5))):
        found = dataclasses.replace(before(radiograph(age_years=3.0), YEARS), quality=quality).after(NEAR, cut)
        assert sum("cut off" in caution.tag for caution in found.cautions) == 1


def test_a_doubt_found_while_reading_is_said_as_caution_and_as_finding():
    doubt = Caution("a doubt", "The file says something else.")
    film = before(radiograph(age_years=3.0, cautions=(doubt,)), YEARS).after(NEAR)
    assert (film.refusal, film.cautions[0], film.findings[0]) == (None, doubt, "a doubt")
    blank = before(radiograph(np.full((100, 100), 0.5, np.float32), cautions=(doubt,)), YEARS)
    assert blank.refusal is not None and doubt in blank.cautions


def test_an_age_that_is_not_understood_is_told_from_none_unless_one_is_given():
    film = radiograph(age_years=None, is_age_unclear=True)
    unclear, given = before(film, YEARS), before(film, YEARS, 3.0)
    assert [caution.tag for caution in unclear.suitability.cautions] == [UNCLEAR_AGE]
    assert (UNCLEAR_AGE in unclear.findings, given.suitability.cautions) == (True, ())


def test_a_refusal_before_the_network_outlives_it():
    blank = before(radiograph(np.full((100, 100), 0.5, np.float32)), YEARS)
    assert blank.refusal is not None
    assert blank.after(NEAR).refusal is blank.refusal
    with pytest.raises(UnsuitableImageError):
        blank.after(NEAR).check()


def test_what_the_gate_refuses_and_how_it_can_be_mended():
    film = before(radiograph(age_years=3.0), YEARS)
    with pytest.raises(CorrectableImageError) as turned:
        film.after(Verdict(LEFT, 0.1, False)).check()
    assert turned.value.correction == LEFT
    assert isinstance(film.after(Verdict(OTHER, 0.1, False)).refusal, UnsuitableImageError)


def test_the_age_of_the_file_comes_before_the_one_that_is_given():
    def tags(age: float | None, given: float | None) -> tuple[str, ...]:
        return tuple(one.tag for one in before(radiograph(age_years=age), YEARS, given).suitability.cautions)

    assert tags(None, None) == ("no age given",)
    assert tags(None, 3.0) == ()
    assert tags(None, 45.0) == ("outside population",)
    assert tags(3.0, 45.0) == ()


def test_a_changed_picture_is_judged_by_the_sharpness_it_had(gated: Classifier):
    soft = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (100, 1))
    assert "blur" in before_changed(soft, "it").findings
    assert "blur" not in before_changed(soft, "it", sharpness=1.0).findings


@pytest.mark.parametrize("name", PICTURES)
def test_every_way_to_a_score_gives_the_same_answer(name: str, gated: Classifier, tmp_path: Path):
    picture = PICTURES[name]
    expected = is_read(gated, picture)
    assert expected == (name == "film")
    data = folder_of(tmp_path, picture)

    (row,) = run_source(open_source(data), gated, tmp_path / "run")
    assert (row.logit is not None, row.reason is None, row.code is None) == (expected,) * 3

    tester = ExplanationTester(gated, prepared_samples(gated.card.preprocessing))
    try:
        surveyed = len(survey_films(tester, open_source(data), 1, lambda progress: None).films)
    except PneumoError:
        surveyed = 0
    assert surveyed == int(expected)

    look = look_at(gated, picture.astype(np.float32) / 255, Change())
    assert (not look.check.refusal) == expected


@pytest.mark.parametrize(("name", "is_usable"), [("film", True), ("blank", False), ("clipped", False)])
def test_the_audit_leaves_out_what_would_get_no_score(name: str, is_usable: bool, tmp_path: Path):
    (film,) = audit_folder(folder_of(tmp_path, PICTURES[name])).films
    assert (film.problem is None) == is_usable


def test_a_row_says_that_no_gate_judged_it(tiny_model: Path, gated: Classifier, tmp_path: Path):
    source = open_source(folder_of(tmp_path, FILM))
    (bare,) = run_source(source, load_classifier(tiny_model), tmp_path / "bare")
    (judged,) = run_source(source, gated, tmp_path / "judged")
    assert UNGATED.tag in bare.warned_of.split(", ")
    assert UNGATED.tag not in judged.warned_of.split(", ")


def test_an_admission_is_never_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Admission("film").name = "other"  # type: ignore[misc]
