"""A reading in words and as files: facts, HTML report, JSON receipt, overlay PNG.

No file name and no identifier goes into a file. The SHA-256 names a film.
"""

import dataclasses
import json
import textwrap
from typing import Any

from pneumo_core.draw import (
    Display,
    captioned_png,
    data_uri,
    enlarged,
    film_picture,
    fitted,
    overlay_picture,
    page_template,
)
from pneumo_core.models import NOT_THE_FLAG, Conformal, EvaluationResult, ModelCard, versions_at_work, versions_in_words
from pneumo_core.read.reading import Reading
from pneumo_core.stats import (
    ConfusionMatrix,
    Estimate,
    OperatingPoint,
    estimate_data,
    percent_or_range,
    percent_with_films,
    predictive_value_estimates,
    probability_at,
)
from pneumo_core.wording import NOT_ASSESSED, NOTICE, hash_start

REPORT_LONG_SIDE = 1000
OVERLAY_LONG_SIDE = 1600
# These keep the overlay's caption readable.
CAPTION_WIDTH, CAPTION_LETTERS = 900, 90
# The calibration error is summed over 10 bins. With fewer films a bin holds under 10 on average, and chance decides.
LEAST_FILMS_FOR_CALIBRATION = 100
# With an error of more than 10 points on average, a score is no more exact than a word like "likely".
LARGEST_CALIBRATION_ERROR = 0.1
# Beyond 30 points from end to end a single figure would look like a finding, so only the range is shown.
WIDEST_RANGE_WITH_VALUE = 0.3
RANGES_IN_WORDS = (
    "The PPV and NPV ranges combine the lower and the upper 95 % limits of sensitivity and specificity. They err on "
    "the wide side. Where a range spans more than 30 points, only the range is shown."
)


def verdict(reading: Reading, point: OperatingPoint) -> str:
    """Say in a few words whether the film is flagged at the operating point."""
    return "Flagged: suspected pneumonia" if reading.prediction.is_flagged(point) else "Not flagged"


def in_words(probability: float) -> str:
    """Say a probability as a natural frequency: "about 83 in 100", "fewer than 1 in 100"."""
    if probability < 0.01:
        return "fewer than 1 in 100"
    if probability > 0.99:
        return "more than 99 in 100"
    return f"about {round(100 * probability)} in 100"


def reference_result(card: ModelCard) -> EvaluationResult | None:
    """Give the evaluation to show to a reader: the first on test films, else on validation films."""
    results = card.test or card.validation
    return results[0] if results else None


def is_calibration_known(card: ModelCard) -> bool:
    """Say whether the model's calibration was measured on enough films, and its error is small enough for a fact."""
    result = reference_result(card)
    return (
        result is not None
        and result.n >= LEAST_FILMS_FOR_CALIBRATION
        and result.expected_calibration_error <= LARGEST_CALIBRATION_ERROR
    )


def is_score_a_fact(reading: Reading) -> bool:
    """Say whether the model's calibration is known, and this film is not known to differ from those measured."""
    return is_calibration_known(reading.card) and not reading.admission.is_unlike_known


def score_in_words(reading: Reading) -> str:
    """Say the score as a natural frequency, with the state of its calibration where it is no fact."""
    words, result = in_words(reading.prediction.probability), reference_result(reading.card)
    group = f"{100 * reading.card.calibration.prevalence:g} % of the group"
    if is_score_a_fact(reading):
        return f"Among images scored like this, {words} show pneumonia, if {group} have it."
    means = f"Read as a frequency this score means {words}, if {group} have pneumonia."
    if result is None:
        return f"{means} The calibration of such scores was not measured."
    if reading.admission.is_unlike_known:
        return f"{means} It was checked on other kinds of images or patients than this one."
    films, error = _films_in_words(result), f"{result.expected_calibration_error:.3f}"
    if result.n < LEAST_FILMS_FOR_CALIBRATION:
        return f"{means} It was checked on {films} only, with an expected calibration error of {error}."
    return f"{means} Such scores were not well calibrated on {films}: the expected calibration error was {error}."


def at_prevalence(reading: Reading, point: OperatingPoint, prevalence: float) -> list[tuple[str, str]]:
    """Give the meaning of a flag and of this score where `prevalence` have pneumonia, as label and text."""
    rows = []
    if not reading.admission.is_unlike_known:
        probability = probability_at(reading.prediction.probability, reading.card.calibration, prevalence)
        rows.append(("Probability for this X-ray in such a group", f"{100 * probability:.1f} %"))
    result = reference_result(reading.card)
    if result is not None:
        matrix = _counted_at(point, result)
        sensitivity, specificity = matrix.sensitivity, matrix.specificity
        positive, negative = predictive_value_estimates(sensitivity, specificity, prevalence)
        rows += [
            ("Flagged images with pneumonia (PPV)", percent_or_range(positive, WIDEST_RANGE_WITH_VALUE)),
            ("Images not flagged, without pneumonia (NPV)", percent_or_range(negative, WIDEST_RANGE_WITH_VALUE)),
            (f"Sensitivity, measured on {_films_in_words(result)}", percent_with_films(sensitivity)),
            (f"Specificity, measured on {_films_in_words(result)}", percent_with_films(specificity)),
        ]
    return rows


def facts(reading: Reading) -> list[tuple[str, str]]:
    """List the image, the model and the device as label and text; nothing in it identifies a patient."""
    origin = reading.radiograph.origin
    depth = f"{origin.format}, {origin.width} x {origin.height} pixels, {origin.bits} bits"
    rows = [("File", depth), ("Image SHA-256", reading.radiograph.sha256)]
    if origin.format == "DICOM":
        rows += [
            ("PhotometricInterpretation", _or_not_given(origin.photometric_interpretation)),
            ("Grey scale inverted on reading", "yes" if origin.is_inverted else "no"),
            (
                "Window (centre, width)",
                "{:g}, {:g}".format(*origin.window) if origin.window else origin.voi or "none stored",
            ),
            ("Transfer syntax", _or_not_given(origin.transfer_syntax)),
            ("Modality", _or_not_given(origin.modality)),
            ("ViewPosition", _or_not_given(origin.view_position)),
            ("Age", _age_in_words(origin.age_years, is_unclear=origin.is_age_unclear)),
        ]
    return [
        *rows,
        *(("Note", note) for note in origin.notes),
        ("Model", f"{reading.card.name} ({reading.card.architecture})"),
        ("Weights SHA-256", reading.card.weights_sha256),
        ("Device", reading.device),
        ("Preparing, network and heat map", f"{reading.milliseconds:.0f} ms"),
    ]


def conformal_outcome(conformal: Conformal | None, probability: float) -> dict[str, Any] | None:
    """Give likely, uncertain or unlikely as plain data, with its two probability limits."""
    if conformal is None:
        return None
    regions = conformal.regions
    return {"outcome": regions.outcome(probability), **dataclasses.asdict(regions)}


def receipt(
    reading: Reading, point: OperatingPoint, prevalence: float, conformal: Conformal | None = None
) -> dict[str, Any]:
    """Give the reading as plain data: hashes, score, threshold, predictive values at the prevalence, versions."""
    origin, result = reading.radiograph.origin, reference_result(reading.card)
    positive: Estimate | None = None
    negative: Estimate | None = None
    if result is not None:
        matrix = _counted_at(point, result)
        positive, negative = predictive_value_estimates(matrix.sensitivity, matrix.specificity, prevalence)
    return {
        "film_sha256": reading.radiograph.sha256,
        "read_at": reading.read_at,
        "probability": reading.prediction.probability,
        "probability_refers_to_prevalence": reading.card.calibration.prevalence,
        "probability_in_words": score_in_words(reading),
        "calibration_known": is_score_a_fact(reading),
        "logit": reading.prediction.logit,
        "operating_point": point.name,
        "threshold": point.threshold,
        "flagged": reading.prediction.is_flagged(point),
        "conformal": conformal_outcome(conformal, reading.prediction.probability),
        "prevalence": prevalence,
        "probability_at_prevalence": None
        if reading.admission.is_unlike_known
        else probability_at(reading.prediction.probability, reading.card.calibration, prevalence),
        "positive_predictive_value": estimate_data(positive),
        "negative_predictive_value": estimate_data(negative),
        "heat_map_is_blank": reading.explanation.is_blank,
        "outside_population": reading.admission.suitability.is_outside_population,
        "known_from_training": reading.known_from,
        "warnings": list(reading.warnings),
        "quality": dataclasses.asdict(quality) if (quality := reading.admission.quality) else None,
        "format": origin.format,
        "height": origin.height,
        "width": origin.width,
        "bits": origin.bits,
        "inverted_on_reading": origin.is_inverted,
        "window": origin.window,
        "model": reading.card.name,
        "weights_sha256": reading.card.weights_sha256,
        "versions": versions_at_work(),
        "notice": NOTICE,
        "not_assessed": NOT_ASSESSED,
    }


def receipt_json(
    reading: Reading, point: OperatingPoint, prevalence: float, conformal: Conformal | None = None
) -> bytes:
    """Give `receipt` as a JSON file."""
    return json.dumps(receipt(reading, point, prevalence, conformal), indent=2).encode()


def overlay_png(reading: Reading, point: OperatingPoint, display: Display) -> bytes:
    """Give film and heat map as one PNG, at most 1,600 pixels a side, with a caption that stays with it.

    A small film is enlarged, to be as wide as its caption.
    """
    pixels = enlarged(fitted(reading.radiograph.pixels, OVERLAY_LONG_SIDE), CAPTION_WIDTH, OVERLAY_LONG_SIDE)
    film = film_picture(pixels, display)
    picture = overlay_picture(film, reading.explanation.heatmap(*film.shape), display)
    blank = " No evidence in favour was found: the map is blank." if reading.explanation.is_blank else ""
    caption = [
        f"{verdict(reading, point)}; probability {100 * reading.prediction.probability:.1f} %, "
        f"{point.name} point {100 * point.threshold:.1f} %.{blank}",
        f"The heat map shows where {reading.card.name} found evidence. It is no outline of a lesion. "
        f"X-ray {hash_start(reading.radiograph.sha256)}.",
        f"Probability at a prevalence of {100 * reading.card.calibration.prevalence:g} %. Research and teaching tool, "
        "not a medical device.",
    ]
    if reading.tags:
        caption += textwrap.wrap(f"Cautions: {', '.join(reading.tags)}.", CAPTION_LETTERS)
    return captioned_png(picture, caption, reading.radiograph.sha256)


def case_report(
    reading: Reading,
    point: OperatingPoint,
    prevalence: float,
    display: Display,
    conformal: Conformal | None = None,
) -> bytes:
    """Give the reading as one self-contained, printable HTML file; it shows the film as read, not as displayed."""
    probability = reading.prediction.probability
    card, plain = reading.card, dataclasses.replace(display, level=0.5, width=1.0, is_inverted=False)
    film = film_picture(fitted(reading.radiograph.pixels, REPORT_LONG_SIDE), plain)
    overlay = overlay_picture(film, reading.explanation.heatmap(*film.shape), plain)
    page = page_template("pneumo_core.read", "case.html").render(
        notice=NOTICE,
        not_assessed=NOT_ASSESSED,
        verdict=verdict(reading, point),
        hash_start=hash_start(reading.radiograph.sha256),
        probability=f"{100 * probability:.1f} %",
        outcome=conformal.regions.in_words(probability) if conformal else "",
        outcome_reason=f"{conformal.regions.reason(probability)} {NOT_THE_FLAG}" if conformal else "",
        outcome_trust=conformal.in_words() if conformal else "",
        score_in_words=score_in_words(reading),
        point=point,
        threshold=f"{100 * point.threshold:.1f} %",
        warnings=reading.warnings,
        film=data_uri(film),
        overlay=data_uri(overlay),
        is_blank=reading.explanation.is_blank,
        prevalence=f"{100 * prevalence:g} %",
        meaning=at_prevalence(reading, point, prevalence),
        ranges_in_words=RANGES_IN_WORDS if reference_result(card) else "",
        facts=facts(reading),
        limitations=card.limitations,
        versions=versions_in_words(),
        read_at=reading.read_at,
    )
    return page.encode()


def _films_in_words(result: EvaluationResult) -> str:
    """Say "624 test images" for the evaluation of "test, <folder>"."""
    return f"{result.n} {result.films.partition(',')[0]} images"


def _counted_at(point: OperatingPoint, result: EvaluationResult) -> ConfusionMatrix:
    return next(found.confusion for found in result.points if found.name == point.name)


def _age_in_words(years: float | None, *, is_unclear: bool) -> str:
    if years is None:
        return "not understood" if is_unclear else "not given"
    return f"{years:.1f} years"


def _or_not_given(text: str | None) -> str:
    return text or "not given"
