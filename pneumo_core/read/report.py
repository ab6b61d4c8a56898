"""A reading in words and as files: facts, HTML report, JSON receipt, overlay PNG.

No file name and no identifier goes into a file. The SHA-256 names a film.
"""

import dataclasses
import json
import textwrap
from collections.abc import Mapping, Sequence
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
from pneumo_core.files import site_mix
from pneumo_core.gate import age_in_words
from pneumo_core.lungs import SIDES, outline_in_words, share_in_words
from pneumo_core.models import (
    NOT_THE_FLAG,
    Conformal,
    EvaluationResult,
    PointResult,
    Population,
    not_assessed_by,
    notice_of,
    versions_at_work,
    versions_in_words,
)
from pneumo_core.read.reading import Reading
from pneumo_core.read.verdicts import PopulationVerdict, data_by_population, side_in_words, verdict_in_words
from pneumo_core.stats import (
    Mix,
    estimate_data,
    percent_or_range,
    percent_with_films,
    probability_at,
    values_in_mix,
    why_no_values,
)
from pneumo_core.wording import hash_start

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
# The facts of a verdict that stand at the top of a receipt.
_OF_VERDICT = (
    "probability",
    "probability_refers_to_prevalence",
    "threshold",
    "finding",
    "conformal",
    "probability_at_prevalence",
    "mix",
    "positive_predictive_value",
    "negative_predictive_value",
)
# Begins the label of the PPV.
_FLAGGED = "Flagged images with"
_OTHERS_ALIKE = "A probability takes all patients without the finding to be like those that the model was measured on."
RANGES_IN_WORDS = (
    "The PPV and NPV hold for the mix of patients that this site states. Their ranges combine the lower and the upper "
    "95 % limits of all groups' rates. They err on the wide side. Where a range spans more than 30 points, only the "
    "range is shown."
)


def verdict(reading: Reading, point_name: str) -> str:
    """Say in a few words whether the film is flagged at the operating point of this name."""
    return verdict_in_words(reading.verdicts, point_name)


def scores_in_short(reading: Reading) -> str:
    """Give the score of each population asked as the end of a sentence; "" where none was asked."""
    named = len(reading.verdicts) > 1
    return "".join(
        f"; probability{f' for {one.population.name}' if named else ''} {100 * one.prediction.probability:.1f} %"
        for one in reading.verdicts
    )


def in_words(probability: float) -> str:
    """Say a probability as a natural frequency: "about 83 in 100", "fewer than 1 in 100"."""
    if probability < 0.01:
        return "fewer than 1 in 100"
    if probability > 0.99:
        return "more than 99 in 100"
    return f"about {round(100 * probability)} in 100"


def reference_result(population: Population) -> EvaluationResult | None:
    """Give the evaluation to show to a reader: the first on test films, else on validation films."""
    results = population.test or population.validation
    return results[0] if results else None


def is_calibration_known(population: Population) -> bool:
    """Say whether a population's calibration was measured on enough films, with an error small enough for a fact."""
    result = reference_result(population)
    return (
        result is not None
        and result.n >= LEAST_FILMS_FOR_CALIBRATION
        and result.expected_calibration_error <= LARGEST_CALIBRATION_ERROR
    )


def is_score_a_fact(reading: Reading) -> bool:
    """Say whether the calibration is known of the one population asked, and the film is like those measured."""
    return (
        len(reading.verdicts) == 1
        and is_calibration_known(reading.verdicts[0].population)
        and not reading.admission.is_unlike_known
    )


def scores_in_words(reading: Reading) -> str:
    """Say the score for each population asked as `score_in_words` does, with its name where there are several."""
    if len(reading.verdicts) == 1:
        return score_in_words(reading, reading.verdicts[0])
    return " ".join(
        f"By the limits for {one.population.name}: {score_in_words(reading, one)}" for one in reading.verdicts
    )


def score_in_words(reading: Reading, one: PopulationVerdict) -> str:
    """Say the score for a population as a natural frequency, with the state of its calibration where it is no fact."""
    population, condition = one.population, one.population.condition
    words, result = in_words(one.prediction.probability), reference_result(population)
    group = f"{100 * population.calibration.prevalence:g} % of the group"
    if is_score_a_fact(reading):
        return f"Among images scored like this, {words} show {condition}, if {group} have it."
    means = f"Read as a frequency this score means {words}, if {group} have {condition}."
    if result is None:
        return f"{means} The calibration of such scores was not measured."
    if reading.admission.is_unlike_known:
        return f"{means} It was checked on other kinds of images or patients than this one."
    films, error = _films_in_words(result), f"{result.expected_calibration_error:.3f}"
    if result.n < LEAST_FILMS_FOR_CALIBRATION:
        return f"{means} It was checked on {films} only, with an expected calibration error of {error}."
    if is_calibration_known(population):
        return f"{means} It was checked on {films}, and holds where the patient is of this group."
    return f"{means} Such scores were not well calibrated on {films}: the expected calibration error was {error}."


def at_prevalence(reading: Reading, point_name: str, prevalence: float) -> list[tuple[str, str]]:
    """Give the meaning of a flag and of this score where `prevalence` have the finding, as label and text.

    Predictive values come from the mix of patients that the site states, at this prevalence. Without a mix, or with a
    group in it that was not measured, a row says why there are none. Where several populations were asked, the rows
    name theirs; where none was, there are no rows.
    """
    rows = []
    for one in reading.verdicts:
        of = f" ({one.population.name})" if len(reading.verdicts) > 1 else ""
        rows += [(f"{label}{of}", text) for label, text in _at_prevalence(reading, one, point_name, prevalence)]
    return rows


def _at_prevalence(
    reading: Reading, one: PopulationVerdict, point_name: str, prevalence: float
) -> list[tuple[str, str]]:
    rows, population, condition = [], one.population, one.population.condition
    if not reading.admission.is_unlike_known:
        probability = probability_at(one.prediction.probability, population.calibration, prevalence)
        rows.append(("Probability for this X-ray in such a group", f"{100 * probability:.1f} %"))
    result = reference_result(population)
    if result is not None:
        found, mix = _counted_at(point_name, result), _mix_at(prevalence)
        rates = found.rates
        if values := values_in_mix(rates, mix):
            positive, negative = (percent_or_range(value, WIDEST_RANGE_WITH_VALUE) for value in values)
            rows += [
                (f"{_FLAGGED} {condition} (PPV)", positive),
                (f"Images not flagged, without {condition} (NPV)", negative),
            ]
        else:
            rows.append((f"Flagged or not: how many have {condition}", f"{why_no_values(rates, mix)} {_OTHERS_ALIKE}"))
        films = _films_in_words(result)
        rows.append((f"Sensitivity, measured on {films}", percent_with_films(found.confusion.sensitivity)))
        for group, rate in (
            ("another abnormality", rates.specificity_other),
            ("nothing abnormal", rates.specificity_normal),
        ):
            if rate is not None:
                rows.append((f"Specificity with {group}, measured on {films}", percent_with_films(rate)))
        if rates.specificity_other is None and rates.specificity_normal is None:
            rows.append((f"Specificity, measured on {films}", percent_with_films(found.confusion.specificity)))
    return rows


def ranges_in_words(rows: Sequence[tuple[str, str]]) -> str:
    """Say how the ranges of predictive values among the rows of `at_prevalence` came about; "" where there are none."""
    return RANGES_IN_WORDS if any(label.startswith(_FLAGGED) for label, _ in rows) else ""


def _mix_at(prevalence: float) -> Mix | None:
    """Give the mix of patients that the site states, at another share of the finding."""
    mix = site_mix()
    return None if mix is None else mix.at(prevalence)


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
        ]
    return [
        *rows,
        ("Age", age_of(reading)),
        *(("Note", note) for note in origin.notes),
        ("Model", f"{reading.card.name} ({reading.card.architecture})"),
        ("Weights SHA-256", reading.card.weights_sha256),
        ("Device", reading.device),
        *_lungs_in_words(reading),
        ("Preparing, network and heat map", f"{reading.milliseconds:.0f} ms"),
    ]


def receipt(
    reading: Reading, point_name: str, prevalence: float, conformal: Mapping[str, Conformal] | None = None
) -> dict[str, Any]:
    """Give the reading as plain data: hashes, score, threshold, predictive values at the prevalence, versions.

    The values of one population stand at the top where one was asked, or where all that were asked agree; those of
    each stand under `by_population`.
    """
    origin, flagged = reading.radiograph.origin, reading.flagged(point_name)
    by_population = {
        name: data | _at_prevalence_data(reading, one, point_name, prevalence)
        for one, (name, data) in zip(
            reading.verdicts, data_by_population(reading.verdicts, point_name, conformal or {}).items(), strict=True
        )
    }
    shown = next(iter(by_population.values())) if flagged is not None else dict.fromkeys(_OF_VERDICT)
    return {
        "film_sha256": reading.radiograph.sha256,
        "read_at": reading.read_at,
        **{key: shown[key] for key in _OF_VERDICT},
        "flagged": flagged,
        "operating_point": point_name,
        "population": reading.population_at(point_name),
        "by_population": by_population,
        "age_years": reading.age_years,
        "age_from": reading.age_from,
        "probability_in_words": scores_in_words(reading),
        "calibration_known": is_score_a_fact(reading),
        "logit": reading.logit,
        "prevalence": prevalence,
        "heat_map_is_blank": reading.explanation.is_blank,
        "heat_map_inside_thorax": reading.share_inside,
        "lungs_outlined": None
        if reading.outline is None
        else [side for side in SIDES if side not in reading.outline.missing],
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
        "notice": notice_of(reading.card),
        "not_assessed": not_assessed_by(one.population for one in reading.verdicts),
    }


def _at_prevalence_data(reading: Reading, one: PopulationVerdict, point_name: str, prevalence: float) -> dict[str, Any]:
    result, positive, negative = reference_result(one.population), None, None
    mix = _mix_at(prevalence)
    if result is not None and (values := values_in_mix(_counted_at(point_name, result).rates, mix)):
        positive, negative = values
    return {
        "mix": None if mix is None else dataclasses.asdict(mix),
        "probability_at_prevalence": None
        if reading.admission.is_unlike_known
        else probability_at(one.prediction.probability, one.population.calibration, prevalence),
        "positive_predictive_value": estimate_data(positive),
        "negative_predictive_value": estimate_data(negative),
    }


def receipt_json(
    reading: Reading, point_name: str, prevalence: float, conformal: Mapping[str, Conformal] | None = None
) -> bytes:
    """Give `receipt` as a JSON file."""
    return json.dumps(receipt(reading, point_name, prevalence, conformal), indent=2).encode()


def overlay_png(reading: Reading, point_name: str, display: Display) -> bytes:
    """Give film and heat map as one PNG, at most 1,600 pixels a side, with a caption that stays with it.

    A small film is enlarged, to be as wide as its caption.
    """
    pixels = enlarged(fitted(reading.radiograph.pixels, OVERLAY_LONG_SIDE), CAPTION_WIDTH, OVERLAY_LONG_SIDE)
    film = film_picture(pixels, display)
    picture = overlay_picture(film, reading.explanation.heatmap(*film.shape), display)
    blank = " No evidence in favour was found: the map is blank." if reading.explanation.is_blank else ""
    points = [(one.population, one.population.operating_point(point_name)) for one in reading.verdicts]
    named = len(points) > 1
    thresholds = "".join(
        f"; {point_name} point{f' for {population.name}' if named else ''} {100 * point.threshold:.1f} %"
        for population, point in points
    )
    prevalences = dict.fromkeys(f"{100 * population.calibration.prevalence:g} %" for population, _ in points)
    at = f"Probability at a prevalence of {' and '.join(prevalences)}. " if points else ""
    said = f"{verdict(reading, point_name)}{scores_in_short(reading)}{thresholds}.{blank}"
    caption = [
        *(textwrap.wrap(said, CAPTION_LETTERS) if named else (said,)),
        f"The heat map shows where {reading.card.name} found evidence. It is no outline of a lesion. "
        f"X-ray {hash_start(reading.radiograph.sha256)}.",
        f"{at}Age: {age_of(reading)}. Research and teaching tool, not a medical device.",
    ]
    if reading.tags:
        caption += textwrap.wrap(f"Cautions: {', '.join(reading.tags)}.", CAPTION_LETTERS)
    return captioned_png(picture, caption, reading.radiograph.sha256)


def case_report(
    reading: Reading,
    point_name: str,
    prevalence: float,
    display: Display,
    conformal: Mapping[str, Conformal] | None = None,
) -> bytes:
    """Give the reading as one self-contained, printable HTML file; it shows the film as read, not as displayed.

    Args:
        point_name: of the operating point; each population has its own.
        conformal: regions by the population's name, of those that have any.
    """
    plain = dataclasses.replace(display, level=0.5, width=1.0, is_inverted=False)
    film = film_picture(fitted(reading.radiograph.pixels, REPORT_LONG_SIDE), plain)
    overlay = overlay_picture(film, reading.explanation.heatmap(*film.shape), plain)
    populations = [one.population for one in reading.verdicts]
    page = page_template("pneumo_core.read", "case.html").render(
        notice=notice_of(reading.card),
        not_assessed=not_assessed_by(one.population for one in reading.verdicts),
        verdict=verdict(reading, point_name),
        hash_start=hash_start(reading.radiograph.sha256),
        age=age_of(reading),
        population=population_in_words(reading, point_name),
        parts=[_part(reading, one, point_name, (conformal or {}).get(one.population.name)) for one in reading.verdicts],
        warnings=reading.warnings,
        film=data_uri(film),
        overlay=data_uri(overlay),
        is_blank=reading.explanation.is_blank,
        inside=share_in_words(reading.share_inside),
        prevalence=f"{100 * prevalence:g} %",
        condition=" or ".join(dict.fromkeys(population.condition for population in populations)),
        meaning=at_prevalence(reading, point_name, prevalence),
        ranges_in_words=ranges_in_words(at_prevalence(reading, point_name, prevalence)),
        facts=facts(reading),
        limitations=(
            *reading.card.limitations,
            *(limitation for population in populations for limitation in population.limitations),
        ),
        versions=versions_in_words(),
        read_at=reading.read_at,
    )
    return page.encode()


def _part(reading: Reading, one: PopulationVerdict, point_name: str, conformal: Conformal | None) -> dict[str, Any]:
    """Give what the report says of the verdict for one population."""
    probability, point = one.prediction.probability, one.population.operating_point(point_name)
    return {
        "heading": f"By the limits for {one.population.name}: {side_in_words(one, point_name)}"
        if len(reading.verdicts) > 1
        else "",
        "probability": f"{100 * probability:.1f} %",
        "outcome": conformal.regions.in_words(probability, one.population.finding) if conformal else "",
        "outcome_reason": f"{conformal.regions.reason(probability, one.population.condition)} {NOT_THE_FLAG}"
        if conformal
        else "",
        "outcome_trust": conformal.in_words(one.population.condition) if conformal else "",
        "score_in_words": score_in_words(reading, one),
        "point": point,
        "threshold": f"{100 * point.threshold:.1f} %",
    }


def age_of(reading: Reading) -> str:
    """Say the patient's age and where it is from."""
    if reading.age_years is None:
        return "not understood" if reading.radiograph.origin.is_age_unclear else "not given"
    source = "from the file" if reading.age_from == "file" else "given by the reader"
    return f"{age_in_words(reading.age_years)}, {source}"


def population_in_words(reading: Reading, point_name: str) -> str:
    """Say whose figures hold for the verdict."""
    found = reading.population_at(point_name)
    asked = " and ".join(one.population.name for one in reading.verdicts)
    if not reading.verdicts:
        return "none: the model gives no verdict at this age"
    if found is None:
        return f"none for this patient: the figures are those of {asked}"
    return asked if len(reading.verdicts) == 1 else f"{asked} were both asked"


def _films_in_words(result: EvaluationResult) -> str:
    """Say "624 test images" for the evaluation of "test, <folder>"."""
    return f"{result.n} {result.films.partition(',')[0]} images"


def _counted_at(point_name: str, result: EvaluationResult) -> PointResult:
    return next(found for found in result.points if found.name == point_name)


def _lungs_in_words(reading: Reading) -> list[tuple[str, str]]:
    if reading.outline is None:
        return []
    rows = [("Lungs", outline_in_words(reading.outline))]
    if inside := share_in_words(reading.share_inside):
        rows.append(("Heat map and thorax", inside))
    return rows


def _or_not_given(text: str | None) -> str:
    return text or "not given"
