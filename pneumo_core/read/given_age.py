"""A reading once more, at another age or for one population: picture, logit and heat map stay as they are."""

from dataclasses import replace

from pneumo_core.gate import suitability_of_patient
from pneumo_core.models import asked, card_for
from pneumo_core.read.reading import Reading
from pneumo_core.read.verdicts import verdicts_on


def at_age(reading: Reading, age_years: float | None) -> Reading:
    """Renew the verdict of a reading for the age that the reader gives; an age from the file stays.

    Args:
        age_years: in years; None where it is not known.
    """
    if reading.age_from == "file":
        return reading
    who = asked(reading.card, age_years)
    return replace(
        reading,
        asked=who.name,
        verdicts=verdicts_on(reading.logit, who.populations),
        age_years=age_years,
        age_from=None if age_years is None else "option",
        admission=replace(
            reading.admission, suitability=suitability_of_patient(reading.radiograph, reading.card.years, age_years)
        ),
    )


def for_population(reading: Reading, name: str) -> Reading:
    """Give a reading as by a model of one population of its card alone, whatever the patient's age; to teach from.

    Raises:
        ModelError: the card has no population of this name.
    """
    if len(reading.card.populations) == 1:
        return reading
    card = card_for(reading.card, name)
    suitability = suitability_of_patient(reading.radiograph, card.years, reading.age_years)
    return replace(
        reading,
        card=card,
        asked=asked(card, reading.age_years).name,
        verdicts=verdicts_on(reading.logit, card.populations),
        admission=replace(reading.admission, suitability=suitability),
    )
