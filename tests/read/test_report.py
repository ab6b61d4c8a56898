"""A reading in words and as files: what they say, and what they never say."""

import dataclasses
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from pneumo_core.draw.picture import Display
from pneumo_core.files.places import ROOT
from pneumo_core.files.site import MIX_VARIABLE
from pneumo_core.gate.admission import Admission
from pneumo_core.gate.input_gate import LEFT
from pneumo_core.gate.quality import Quality
from pneumo_core.gate.suitability import CORRECTIONS, suitability_for_age
from pneumo_core.lungs.outline import Outline
from pneumo_core.models.card import ModelCard, active_model_folder, read_card
from pneumo_core.models.conformal import NOT_THE_FLAG, Conformal, Measured, Regions
from pneumo_core.models.results import EvaluationResult, GroupCount, Groups, PointResult
from pneumo_core.read.reading import Reading
from pneumo_core.read.report import (
    RANGES_IN_WORDS,
    at_prevalence,
    case_report,
    facts,
    in_words,
    is_calibration_known,
    overlay_png,
    receipt,
    receipt_json,
    reference_result,
    scores_in_words,
    verdict,
)
from pneumo_core.stats.metrics import ConfusionMatrix, proportion
from pneumo_core.stats.mix import NO_MIX
from pneumo_core.wording import NOT_ASSESSED, NOTICE, hash_start
from tests.lungs.drawn import LEFT as LEFT_LUNG, RIGHT as RIGHT_LUNG, probability
from tests.makers import (
    BALANCED,
    CANARY,
    FAR_AWAY,
    FILM_SHA256,
    RULE_IN,
    SCREENING,
    WEIGHTS_SHA256,
    admission,
    evaluation_result,
    film_pixels,
    model_card,
    no_evidence,
    population,
    radiograph,
    reading,
    with_first,
)

CARD, YEARS = model_card(), ((1.0, 5.0),)
KNOWN = "The network in use knows chest X-rays of children of 1 to 5 years only."
SCORE_AS_A_FACT = "Among images scored like this, about 62 in 100 show pneumonia, if 50 % of the group have it."
SCORE_OF_60_FILMS = (
    "Read as a frequency this score means about 62 in 100, if 50 % of the group have pneumonia. It was checked on 60 "
    "test images only, with an expected calibration error of 0.043."
)
BLANK_IN_REPORT = "The network found no evidence in favour of pneumonia: the heat map is blank."


class Page(HTMLParser):
    """Collects a page's elements with their attributes, and its text."""

    def __init__(self, content: bytes):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(content.decode())
        self.text = " ".join(" ".join(self.pieces).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.pieces.append(data)


def report(of=None, point=BALANCED.name, card=CARD, prevalence=0.1) -> bytes:
    return case_report(of or reading(card=card), point, prevalence, Display())


def dicom_reading():
    origin = {
        "format": "DICOM",
        "bits": 12,
        "photometric_interpretation": "MONOCHROME1",
        "is_inverted": True,
        "window": (2048.0, 4096.0),
        "voi": "window",
        "transfer_syntax": "JPEG Lossless",
        "modality": "DX",
        "view_position": "AP",
        "age_years": 3.25,
        "notes": ("The film was cut to its frame.",),
    }
    return dataclasses.replace(reading(film=radiograph(**origin)), age_years=3.25, age_from="file")


def test_a_film_at_the_threshold_is_flagged_and_one_just_under_it_is_not():
    assert verdict(reading(0.5), BALANCED.name) == "Flagged: suspected pneumonia"
    assert verdict(reading(float(np.nextafter(0.5, 0))), BALANCED.name) == "Not flagged"


def test_the_same_score_is_flagged_at_one_point_and_not_at_another():
    assert [verdict(reading(0.625), point.name) for point in (SCREENING, BALANCED, RULE_IN)] == [
        "Flagged: suspected pneumonia",
        "Flagged: suspected pneumonia",
        "Not flagged",
    ]


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.0, "fewer than 1 in 100"),
        (0.0099, "fewer than 1 in 100"),
        (0.01, "about 1 in 100"),
        (0.014, "about 1 in 100"),
        (0.016, "about 2 in 100"),
        (0.83, "about 83 in 100"),
        (0.99, "about 99 in 100"),
        (0.9901, "more than 99 in 100"),
        (1.0, "more than 99 in 100"),
    ],
)
def test_a_probability_is_said_as_so_many_in_100(probability: float, words: str):
    assert in_words(probability) == words


def test_the_reader_is_told_of_test_films_and_else_of_validation_films():
    first, second = evaluation_result("test one"), evaluation_result("test two")
    assert reference_result(population(test=(first, second))) is first
    assert reference_result(population(test=())).films == "validation"
    assert reference_result(population(test=(), validation=())) is None


def calibrated_on(n: int, error: float, films: str = "test, elsewhere") -> EvaluationResult:
    return dataclasses.replace(evaluation_result(films), n=n, expected_calibration_error=error)


@pytest.mark.parametrize(
    ("n", "error", "known"),
    [
        (624, 0.041, True),
        (100, 0.1, True),
        (99, 0.041, False),
        (624, 0.1001, False),
        (36, 0.23, False),
        (0, float("nan"), False),
        (624, float("nan"), False),
    ],
)
def test_a_score_is_a_fact_only_where_its_calibration_was_measured_well_enough(n: int, error: float, known: bool):
    card = model_card(test=(calibrated_on(n, error),))
    assert is_calibration_known(card.first) is known
    assert (scores_in_words(reading(card=card)) == SCORE_AS_A_FACT) is known
    assert (SCORE_AS_A_FACT in Page(report(card=card)).text) is known
    assert receipt(reading(card=card), BALANCED.name, 0.1)["calibration_known"] is known


def test_a_score_that_is_no_fact_says_what_was_measured():
    means = "Read as a frequency this score means about 62 in 100, if 50 % of the group have pneumonia."
    for card, known in (
        (
            model_card(test=(), validation=(calibrated_on(36, 0.2314, "validation, view 1"),)),
            "It was checked on 36 validation images only, with an expected calibration error of 0.231.",
        ),
        (
            model_card(test=(calibrated_on(624, 0.2314),)),
            "Such scores were not well calibrated on 624 test images: the expected calibration error was 0.231.",
        ),
        (model_card(test=(), validation=()), "The calibration of such scores was not measured."),
    ):
        assert scores_in_words(reading(card=card)) == f"{means} {known}"
        assert f"Probability 62.5 %. {means} {known}" in Page(report(card=card)).text


@pytest.mark.parametrize("unlike", [admission(verdict=FAR_AWAY), admission(is_outside_population=True)])
def test_a_score_of_a_film_unlike_those_measured_is_no_fact_and_has_no_probability_among_ones_own_patients(unlike):
    card = model_card(test=(calibrated_on(624, 0.02),))
    film = reading(card=card)
    known, unknown = film, dataclasses.replace(film, admission=unlike)
    assert scores_in_words(unknown) == (
        "Read as a frequency this score means about 62 in 100, if 50 % of the group have pneumonia. It was checked on "
        "other kinds of images or patients than this one."
    )
    kept = receipt(unknown, BALANCED.name, 0.1)
    assert (kept["calibration_known"], kept["probability_at_prevalence"]) == (False, None)
    assert at_prevalence(unknown, BALANCED.name, 0.1) == at_prevalence(known, BALANCED.name, 0.1)[1:]


def test_the_calibration_is_that_of_the_first_test_films_and_else_of_the_validation_films_as_they_are():
    good, bad = calibrated_on(624, 0.041), calibrated_on(624, 0.23)
    assert is_calibration_known(population(test=(good, bad), validation=(bad,)))
    assert not is_calibration_known(population(test=(bad, good), validation=(good,)))
    assert is_calibration_known(population(test=(), validation=(good, bad)))
    assert not is_calibration_known(population(test=(), validation=(bad, good)))


def test_the_shipped_models_score_stands_as_a_fact():
    card = read_card(active_model_folder(ROOT / "model"))
    assert scores_in_words(reading(0.647, card=card)) == SCORE_AS_A_FACT.replace("62", "65")


@pytest.fixture
def nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """State a mix of patients in which nobody has another abnormality."""
    monkeypatch.setenv(MIX_VARIABLE, "finding 30, other 0, normal 70")


def apart(card: ModelCard | None = None) -> ModelCard:
    """Give a card whose X-rays without the finding are said to be normal."""
    card = card or model_card()

    def split(point: PointResult) -> PointResult:
        matrix = point.confusion
        normal = GroupCount(matrix.false_positives, matrix.false_positives + matrix.true_negatives)
        return dataclasses.replace(point, groups=Groups(normal=normal))

    results = (dataclasses.replace(one, points=tuple(map(split, one.points))) for one in card.first.test)
    return with_first(card, test=tuple(results))


def test_without_a_mix_of_patients_no_predictive_value_is_shown():
    rows = dict(at_prevalence(reading(0.625, card=apart()), BALANCED.name, 0.1))
    assert not any("PPV" in label for label in rows)
    assert NO_MIX in rows["Flagged or not: how many have pneumonia"]
    found = receipt(reading(0.625, card=apart()), BALANCED.name, 0.1)
    assert (found["mix"], found["positive_predictive_value"]) == (None, None)


def test_a_group_of_the_mix_that_was_not_measured_takes_the_predictive_values_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(MIX_VARIABLE, "finding 10, other 30, normal 60")
    rows = dict(at_prevalence(reading(0.625, card=apart()), BALANCED.name, 0.1))
    assert not any("PPV" in label for label in rows)
    assert "another abnormality are in the mix" in rows["Flagged or not: how many have pneumonia"]


@pytest.mark.usefixtures("nobody_else")
def test_what_a_flag_means_at_a_prevalence_of_one_in_ten():
    # Odds of 0.625 are 5/3; times 1/9 they are 5/27: 5/32. Sensitivity 18/20, specificity 36/40.
    # Of 1000: 100 sick, 90 flagged, 10 not; 900 well, 90 flagged, 810 not: PPV 50.0, NPV 98.8. At both low ends 69.9
    # and 207.9 flagged, 30.1 and 692.1 not; at both high ends 97.2 and 35.6 flagged, 2.8 and 864.4 not.
    assert at_prevalence(reading(0.625, card=apart()), BALANCED.name, 0.1) == [
        ("Probability for this X-ray in such a group", "15.6 %"),
        ("Flagged images with pneumonia (PPV)", "25.2 to 73.2 %"),
        ("Images not flagged, without pneumonia (NPV)", "98.8 % (95.8-99.7)"),
        ("Sensitivity, measured on 60 test images", "90.0 % (95 % interval 69.9 to 97.2, n = 20)"),
        (
            "Specificity with nothing abnormal, measured on 60 test images",
            "90.0 % (95 % interval 76.9 to 96.0, n = 40)",
        ),
    ]


@pytest.mark.usefixtures("nobody_else")
def test_what_a_flag_means_follows_the_operating_point_and_the_prevalence():
    # Rule-in: sensitivity 15/20, specificity 40/40; of 200, half sick: 75 flagged, all sick; 125 not, 100 well.
    # At both low ends, 53.1 and 91.2 %: 53.1 of 61.9 flagged, 91.2 of 138.1 not; at the high ends 88.8 and 100 %.
    rows = dict(at_prevalence(reading(0.625, card=apart()), RULE_IN.name, 0.5))
    assert rows["Probability for this X-ray in such a group"] == "62.5 %"
    assert rows["Flagged images with pneumonia (PPV)"] == "100.0 % (85.8-100.0)"
    assert rows["Images not flagged, without pneumonia (NPV)"] == "80.0 % (66.1-89.9)"


def counted(*counts: int) -> ModelCard:
    """A card whose test counted true and false positives, true and false negatives at the balanced point."""
    result = dataclasses.replace(evaluation_result(), points=(PointResult("balanced", 0.5, ConfusionMatrix(*counts)),))
    return apart(model_card(test=(result,)))


@pytest.mark.usefixtures("nobody_else")
@pytest.mark.parametrize(
    ("prevalence", "positive", "negative"),
    [
        # 10 of 10 each: Wilson's low end is 10 / (10 + 3.8415) = 0.72247.
        # 1 %: 0.0072247 / (0.0072247 + 0.2747547); 0.7152453 / (0.7152453 + 0.0027753). 99 %: the other way round.
        (0.01, "2.6 to 100.0 %", "100.0 % (99.6-100.0)"),
        (0.99, "100.0 % (99.6-100.0)", "2.6 to 100.0 %"),
    ],
)
def test_ten_of_ten_right_are_no_hundred_percent(prevalence: float, positive: str, negative: str):
    card = counted(10, 0, 10, 0)
    rows = dict(at_prevalence(reading(card=card), BALANCED.name, prevalence))
    assert rows["Flagged images with pneumonia (PPV)"] == positive
    assert rows["Images not flagged, without pneumonia (NPV)"] == negative
    text = Page(report(card=card, prevalence=prevalence)).text
    assert f"(PPV) {positive} Images not flagged, without pneumonia (NPV) {negative} Sensitivity" in text


@pytest.mark.usefixtures("nobody_else")
def test_the_shipped_models_ppv_keeps_its_figure():
    # 384 of 390 and 193 of 234, as on the 624 official test films: 0.0985 of 0.0985 + 0.1577.
    rows = dict(at_prevalence(reading(card=counted(384, 41, 193, 6)), BALANCED.name, 0.1))
    assert rows["Flagged images with pneumonia (PPV)"] == "38.4 % (31.9-45.6)"


@pytest.mark.usefixtures("nobody_else")
def test_a_range_is_explained_where_there_is_one():
    assert RANGES_IN_WORDS in Page(report(card=apart())).text
    assert RANGES_IN_WORDS not in Page(report()).text
    assert RANGES_IN_WORDS not in Page(report(card=model_card(test=(), validation=()))).text


@pytest.mark.usefixtures("nobody_else")
def test_the_receipt_holds_predictive_values_with_their_ranges_and_null_where_there_are_none():
    found = json.loads(receipt_json(reading(card=counted(10, 0, 10, 0)), BALANCED.name, 0.01))
    assert found["positive_predictive_value"] == pytest.approx({"value": 1, "low": 0.025621, "high": 1}, abs=1e-5)
    assert found["negative_predictive_value"] == pytest.approx({"value": 1, "low": 0.996135, "high": 1}, abs=1e-5)
    # Nothing was flagged, so of flagged films nothing is known.
    nothing_flagged = json.loads(receipt_json(reading(card=counted(0, 0, 10, 10)), BALANCED.name, 0.01))
    assert nothing_flagged["positive_predictive_value"] is None
    assert nothing_flagged["negative_predictive_value"]["value"] == pytest.approx(0.99)
    unmeasured = receipt(reading(card=model_card(test=(), validation=())), BALANCED.name, 0.01)
    assert unmeasured["positive_predictive_value"] is None
    assert unmeasured["negative_predictive_value"] is None


def test_a_model_without_an_evaluation_gives_the_probability_alone():
    card = model_card(test=(), validation=())
    assert at_prevalence(reading(0.625, card=card), BALANCED.name, 0.5) == [
        ("Probability for this X-ray in such a group", "62.5 %")
    ]


@pytest.mark.usefixtures("nobody_else")
def test_what_was_not_measured_is_called_not_defined():
    none_with_pneumonia = PointResult("balanced", 0.5, ConfusionMatrix(0, 4, 36, 0))
    result = dataclasses.replace(evaluation_result("validation, view 1"), points=(none_with_pneumonia,))
    rows = dict(at_prevalence(reading(card=apart(model_card(test=(result,)))), BALANCED.name, 0.1))
    assert rows["Sensitivity, measured on 60 validation images"] == "not defined"
    assert "the finding are in the mix and were not" in rows["Flagged or not: how many have pneumonia"]
    assert rows["Specificity with nothing abnormal, measured on 60 validation images"].startswith("90.0 %")


def test_the_facts_of_a_dicom_are_told_in_the_standards_words():
    assert facts(dicom_reading()) == [
        ("File", "DICOM, 160 x 120 pixels, 12 bits"),
        ("Image SHA-256", FILM_SHA256),
        ("PhotometricInterpretation", "MONOCHROME1"),
        ("Grey scale inverted on reading", "yes"),
        ("Window (centre, width)", "2048, 4096"),
        ("Transfer syntax", "JPEG Lossless"),
        ("Modality", "DX"),
        ("ViewPosition", "AP"),
        ("Age", "3 years, from the file"),
        ("Note", "The film was cut to its frame."),
        ("Model", "small-example (Example Net)"),
        ("Weights SHA-256", WEIGHTS_SHA256),
        ("Device", "CPU"),
        ("Preparing, network and heat map", "31 ms"),
    ]


def test_what_a_dicom_does_not_say_is_not_given():
    rows = dict(facts(reading(film=radiograph(format="DICOM"))))
    assert rows["Grey scale inverted on reading"] == "no"
    assert rows["Window (centre, width)"] == "none stored"
    for label in ("PhotometricInterpretation", "Transfer syntax", "Modality", "ViewPosition", "Age"):
        assert rows[label] == "not given"


def test_a_lookup_table_is_named_where_a_window_would_stand():
    rows = dict(facts(reading(film=radiograph(format="DICOM", voi="LUT"))))
    assert rows["Window (centre, width)"] == "LUT"


def test_the_facts_of_a_png_speak_of_no_dicom_attribute():
    assert [label for label, _ in facts(reading())] == [
        "File",
        "Image SHA-256",
        "Age",
        "Model",
        "Weights SHA-256",
        "Device",
        "Preparing, network and heat map",
    ]


def test_the_receipt_holds_hashes_score_threshold_and_what_was_read():
    found = receipt(dataclasses.replace(dicom_reading(), explanation=no_evidence()), RULE_IN.name, 0.1)
    expected = {
        "film_sha256": FILM_SHA256,
        "probability": 0.625,
        "probability_refers_to_prevalence": 0.5,
        "probability_in_words": SCORE_OF_60_FILMS,
        "calibration_known": False,
        "logit": 1.25,
        "operating_point": "rule-in",
        "threshold": 0.8,
        "flagged": False,
        "prevalence": 0.1,
        "heat_map_inside_thorax": None,
        "lungs_outlined": None,
        "heat_map_is_blank": True,
        "outside_population": False,
        "conformal": None,
        "finding": "suspected pneumonia",
        "population": "children",
        "age_years": 3.25,
        "age_from": "file",
        "known_from_training": None,
        "warnings": [],
        "quality": None,
        "format": "DICOM",
        "height": 120,
        "width": 160,
        "bits": 12,
        "inverted_on_reading": True,
        "window": (2048.0, 4096.0),
        "model": "small-example",
        "weights_sha256": WEIGHTS_SHA256,
        "notice": f"{NOTICE} {KNOWN}",
        "not_assessed": f"Only suspected pneumonia was scored. {NOT_ASSESSED}",
    }
    assert {name: found[name] for name in expected} == expected
    assert set(found) - set(expected) == {
        "read_at",
        "versions",
        "by_population",
        "probability_at_prevalence",
        "mix",
        "positive_predictive_value",
        "negative_predictive_value",
    }
    assert found["probability_at_prevalence"] == pytest.approx(5 / 32)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", found["read_at"])


def test_the_receipt_as_a_file_is_the_receipt():
    of = reading(warnings=("The file gives no age.",))
    found = json.loads(receipt_json(of, BALANCED.name, 0.1))
    assert found | {"read_at": ""} == receipt(of, BALANCED.name, 0.1) | {"read_at": ""}
    assert found["flagged"] is True
    assert found["heat_map_is_blank"] is False
    assert found["warnings"] == ["The file gives no age."]


@pytest.mark.parametrize("blank", [False, True])
@pytest.mark.parametrize("kind", ["PNG", "DICOM"])
def test_a_files_name_gets_into_no_file(blank: bool, kind: str):
    of = dicom_reading() if kind == "DICOM" else reading()
    of = dataclasses.replace(of, explanation=no_evidence()) if blank else of
    assert of.radiograph.name == CANARY
    files = (report(of), receipt_json(of, BALANCED.name, 0.1), overlay_png(of, BALANCED.name, Display()))
    for content in (*files, repr(facts(of)).encode()):
        assert FILM_SHA256.encode() in content
        for part in (b"CANARY", b"PATIENT.dcm", b"^PATIENT"):
            assert part not in content


@pytest.mark.usefixtures("nobody_else")
def test_the_report_says_verdict_score_threshold_and_meaning():
    text = Page(report(card=apart())).text
    for sentence in (
        "Flagged: suspected pneumonia",
        f"Probability 62.5 %. {SCORE_OF_60_FILMS} The balanced operating point flags probabilities of at least 50.0 % "
        "(chosen for: both alike).",
        "If 10 % of patients have pneumonia",
        "Probability for this X-ray in such a group 15.6 %",
        "Flagged images with pneumonia (PPV) 25.2 to 73.2 %",
        "Knows one hospital only. Knows frontal views only.",
        f"Image SHA-256 {FILM_SHA256}",
        f"Weights SHA-256 {WEIGHTS_SHA256}",
    ):
        assert sentence in text


def test_the_screens_twelve_digits_of_the_hash_stand_in_every_file(monkeypatch: pytest.MonkeyPatch):
    digits, of = "0123456789ab", reading()
    of = dataclasses.replace(of, radiograph=dataclasses.replace(of.radiograph, sha256=f"{digits}{'c' * 52}"))
    assert hash_start(of.radiograph.sha256) == digits
    page = case_report(of, BALANCED.name, 0.1, Display()).decode()
    assert f"X-ray {digits}" in re.search(r"<title>(.*?)</title>", page)[1]
    assert digits in re.search(r'<p class="verdict">(.*?)</p>', page, re.DOTALL)[1]
    captions = re.findall("<figcaption>(.*?)</figcaption>", page, re.DOTALL)
    assert len(captions) == 2
    assert all(f"X-ray {digits}" in caption for caption in captions)
    assert receipt(of, BALANCED.name, 0.1)["film_sha256"].startswith(digits)
    captioned = []
    monkeypatch.setattr(
        "pneumo_core.read.report.captioned_png", lambda picture, lines, sha256: captioned.append((lines, sha256))
    )
    overlay_png(of, BALANCED.name, Display())
    ((lines, sha256),) = captioned
    assert f"X-ray {digits}." in " ".join(lines)
    assert sha256 == of.radiograph.sha256


def test_the_report_says_what_it_is_and_what_was_not_assessed():
    text = Page(report()).text
    assert f"{NOTICE} {KNOWN}" in text
    assert f"Not assessed Only suspected pneumonia was scored. {NOT_ASSESSED}" in text


def test_the_report_of_a_film_that_is_not_flagged_calls_it_that_and_nothing_else():
    text = Page(report(reading(0.1))).text
    assert f"Not flagged · X-ray {FILM_SHA256[:12]} Age: not given. Population: children. Probability 10.0 %" in text
    assert "Flagged: suspected" not in text
    assert not re.search(r"\bnormal\b|\bno acute", text, re.IGNORECASE)


def test_the_report_says_blank_only_where_the_heat_map_is_blank():
    assert BLANK_IN_REPORT in Page(report(reading(explanation=no_evidence()))).text
    text = Page(report()).text
    assert "blank" not in text
    assert (
        "shows where the network found evidence. It is scaled within this X-ray. It is no outline of a lesion." in text
    )


def warned() -> Reading:
    """A film with all that may be said of it."""
    return dataclasses.replace(
        reading(),
        known_from="validation",
        correction=CORRECTIONS[LEFT][2],
        admission=Admission(
            "film",
            suitability=suitability_for_age(None, YEARS),
            quality=Quality(0.0, 0.0, 0.1, 0.5, 0.9, -17.2, (0.0, 0.0, 0.0, 0.0), 0, (0.0, 0.0, 0.0, 0.0)),
            verdict=FAR_AWAY,
            is_complete=True,
        ),
    )


def test_every_warning_stands_in_the_report():
    text = Page(report(reading(warnings=("First warning.", "Second warning.")))).text
    assert "First warning." in text
    assert "Second warning." in text


@pytest.mark.parametrize(("part", "used"), [("training", "trained on"), ("validation", "validated with")])
def test_a_film_that_the_model_knows_is_no_test_in_report_and_receipt(part: str, used: str):
    of = dataclasses.replace(reading(warnings=("The file gives no age.",)), known_from=part)
    sentence = f"The model was {used} this very X-ray (or a close copy of it), so its score here is no test."
    assert sentence in Page(report(of)).text
    found = receipt(of, BALANCED.name, 0.1)
    assert (found["known_from_training"], found["warnings"]) == (part, [sentence, "The file gives no age."])


def test_the_report_loads_nothing_from_anywhere():
    content = report()
    elements = Page(content).elements
    links = [attributes[name] for _, attributes in elements for name in ("src", "href", "srcset") if name in attributes]
    assert len(links) == 2
    assert all(link.startswith("data:image/jpeg;base64,") for link in links)
    assert not {tag for tag, _ in elements} & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert b"url(" not in content
    assert b"@import" not in content
    assert (
        "meta",
        {
            "http-equiv": "Content-Security-Policy",
            "content": "default-src 'none'; img-src data:; style-src 'unsafe-inline'",
        },
    ) in elements


def test_markup_in_warnings_notes_and_the_card_is_shown_and_never_run():
    markup = "<script>alert('x')</script>"
    image = '<img src="https://example.org/x">&amp;'
    card = model_card(name=markup, limitations=(image,))
    content = report(reading(warnings=(markup,), film=radiograph(notes=(image,)), card=card))
    page = Page(content)
    assert "script" not in {tag for tag, _ in page.elements}
    assert len([tag for tag, _ in page.elements if tag == "img"]) == 2
    assert page.text.count(markup) == 2
    assert page.text.count(image) == 2
    assert b"<script" not in content


def test_both_pictures_of_the_report_are_described_for_those_who_cannot_see_them():
    described = [attributes["alt"] for tag, attributes in Page(report()).elements if tag == "img"]
    assert described == ["The X-ray as read", "The X-ray with the heat map laid over it"]


def test_the_overlay_is_the_film_with_evidence_over_it_and_a_caption_under_it():
    large = reading(film=radiograph(film_pixels(120, 960)))
    picture = Image.open(io.BytesIO(overlay_png(large, BALANCED.name, Display(opacity=0.5))))
    assert picture.text["Film SHA-256"] == FILM_SHA256
    assert picture.height > 120
    shown = np.asarray(picture)
    film = np.rint(255 * film_pixels(120, 960))
    # Evidence lies in the left half only: the right half is the film, grey.
    for channel in range(3):
        np.testing.assert_array_equal(shown[:120, 480:, channel], film[:, 480:])
    assert (shown[:120, :480] != film[:, :480, np.newaxis]).any(axis=2).all()


def test_a_small_film_is_enlarged_until_it_fills_the_overlay():
    picture = Image.open(io.BytesIO(overlay_png(reading(), BALANCED.name, Display())))
    # 120 x 160 pixels, and what was white at the film's right border is so at the picture's.
    assert picture.width == 900
    assert picture.height > 675
    assert np.asarray(picture)[:675, -1].min() == 255
    narrow = reading(film=radiograph(film_pixels(400, 161)))
    assert Image.open(io.BytesIO(overlay_png(narrow, BALANCED.name, Display()))).height > 1600


def test_a_large_film_becomes_an_overlay_of_at_most_1600_pixels_a_side():
    large = reading(film=radiograph(film_pixels(100, 1700)))
    assert Image.open(io.BytesIO(overlay_png(large, BALANCED.name, Display()))).width == 1600


def test_the_overlays_caption_names_all_that_is_to_be_known(monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []
    monkeypatch.setattr("pneumo_core.read.report.captioned_png", lambda picture, lines, sha256: seen.extend(lines))
    overlay_png(reading(), BALANCED.name, Display())
    assert len(seen) == 3
    seen.clear()
    overlay_png(warned(), BALANCED.name, Display())
    assert " ".join(seen[3:]) == (
        "Cautions: known from validation, turned by 90 degrees to the right before reading, dark, "
        "turned about 17°, far from known films, no age given."
    )
    # As wide as the caption of a film without a warning.
    assert max(len(line) for line in seen) <= 110


def test_tags_and_warnings_go_together_and_the_patients_age_comes_first_where_the_network_does_not_know_it():
    of = warned()
    assert len(of.tags) == len(of.warnings) == 6
    assert of.tags[-1] == "no age given"
    outside = dataclasses.replace(of.admission, suitability=suitability_for_age(60.0, YEARS))
    old = dataclasses.replace(of, admission=outside)
    assert old.tags == ("outside population", *of.tags[:-1])
    assert old.warnings[0].startswith("This score is not validated for this patient")


def test_the_overlays_caption_differs_where_the_map_is_blank():
    wide = radiograph(film_pixels(100, 900))
    found, blank = (
        np.asarray(Image.open(io.BytesIO(overlay_png(of, BALANCED.name, Display()))))[100:]
        for of in (reading(film=wide), reading(film=wide, explanation=no_evidence()))
    )
    assert found.shape == blank.shape
    # What is added stands at the end of the first line of three.
    differs = (found != blank).any(axis=(1, 2))
    assert differs[: len(differs) // 3].any()
    assert not differs[len(differs) // 2 :].any()


def test_the_outcome_stands_in_report_and_receipt_where_there_is_one():
    some = proportion(9, 10)
    conformal = Conformal(Regions(0.9, 0.8, 0.2), Measured(some, some, some, some, 1, 0), (20, 1))
    of = reading()
    text = Page(case_report(of, BALANCED.name, 0.1, Display(), {"children": conformal})).text
    # Flagged at 0.5, and uncertain between 0.2 and 0.8.
    assert "Flagged: suspected pneumonia" in text
    assert "Suspected pneumonia: uncertain." in text
    assert " ".join(conformal.regions.reason(0.625).split()) in text
    assert conformal.in_words() in text
    assert NOT_THE_FLAG in text
    found = json.loads(receipt_json(of, BALANCED.name, 0.1, {"children": conformal}))
    assert found["conformal"] == {"outcome": "uncertain", "coverage": 0.9, "pneumonia_from": 0.8, "none_up_to": 0.2}


def test_without_an_outcome_the_report_says_no_word_of_it():
    text = Page(report(card=model_card())).text
    for word in ("likely", "uncertain", "Suspected pneumonia:"):
        assert word not in text


def outlined(*shapes: np.ndarray) -> Reading:
    plain = reading()
    lungs = Outline.of(probability(*shapes), 900, 900)
    return dataclasses.replace(plain, admission=dataclasses.replace(plain.admission, lungs=lungs))


def test_the_heat_maps_share_inside_the_thorax_stands_beside_it():
    both = outlined(RIGHT_LUNG, LEFT_LUNG)
    assert both.share_inside == pytest.approx(both.outline.thorax[:, :56].sum() / (112 * 56), abs=0.03)
    percent = f"{100 * both.share_inside:.0f} % of the heat map"
    assert percent in report(both).decode()
    assert percent in dict(facts(both))["Heat map and thorax"]
    found = receipt(both, BALANCED.name, 0.1)
    assert found["heat_map_inside_thorax"] == both.share_inside
    assert found["lungs_outlined"] == ["right", "left"]


def test_without_both_lungs_no_share_is_said():
    for of, lungs in ((outlined(RIGHT_LUNG), ["right"]), (reading(), None)):
        found = receipt(of, BALANCED.name, 0.1)
        assert (found["heat_map_inside_thorax"], found["lungs_outlined"]) == (None, lungs)
        assert "of the heat map's evidence" not in report(of).decode()
