"""The patient's age: from the file, or from the reader, for one image."""

import hashlib

import streamlit as st

from pages.parts.shared.films import ARRIVALS, Film, say_age, without_age
from pages.parts.shared.problems import problems_shown
from pneumo_core.errors import DataError
from pneumo_core.film import age_in_years
from pneumo_core.read import Reading, age_of

YEARS, MONTHS, NOT_KNOWN = "years", "months", "not known"
LETTERS = {YEARS: "Y", MONTHS: "M"}
# Below this age, in years, it is asked in months.
MONTHS_BELOW = 2


def age_view(film: Film, reading: Reading) -> None:
    """Draw the age with its source; where the file gives none, ask for it, and renew the verdict by the answer."""
    st.markdown(f"**Age: {age_of(reading)}.** {asked_in_words(reading)}")
    if reading.age_from == "file":
        return
    label = "How old is the patient?" if reading.age_years is None else "Change the age"
    with st.expander(label, expanded=reading.age_years is None, key=f"ask_age_{_of(film)}_{reading.age_years}"):
        _form(film, reading)


def asked_in_words(reading: Reading) -> str:
    """Say whose limits the verdict is by."""
    names = [verdict.population.name for verdict in reading.verdicts]
    if not names:
        return "No population of the model holds the patient, so no verdict is given."
    if len(names) > 1:
        return f"The limits for {' and '.join(names)} were both asked."
    return f"The verdict is by the limits for {names[0]}."


def _form(film: Film, reading: Reading) -> None:
    others = [other for other in without_age() if other.identity != film.identity]
    years = reading.age_years
    in_months = years is not None and years < MONTHS_BELOW
    given = None if years is None else round(12 * years) if in_months else int(years)
    with st.form(f"age_{_of(film)}", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            number = st.number_input(
                "Age", 0, 999, given, 1, width=120, help="It holds for this X-ray, and never for a later upload."
            )
            unit = st.segmented_control(
                "In",
                [YEARS, MONTHS, NOT_KNOWN],
                default=MONTHS if in_months else YEARS,
                required=True,
            )
        with st.container(horizontal=True):
            is_said = st.form_submit_button("Use for this X-ray", type="primary")
            is_for_all = bool(others) and st.form_submit_button(
                f"Use for all that give none ({len(others) + 1})",
                help="For this X-ray and the others here whose files give no age. An age that you gave to one X-ray "
                "alone stays.",
            )
    if is_said or is_for_all:
        with problems_shown():
            say_age([film, *others] if is_for_all else [film], _answer(number, unit), is_for_all=is_for_all)
            # The list and the verdict are drawn anew.
            st.rerun()


def _answer(number: int | None, unit: str) -> float | None:
    """Give the age in years; None for "not known".

    Raises:
        DataError: there is no number, or no patient can have this age.
    """
    if unit == NOT_KNOWN:
        return None
    if number is None:
        raise DataError("There is no age yet. Please give a number, or choose 'not known'.", code="no_age")
    years = age_in_years(f"{number}{LETTERS[unit]}")
    if years is None:
        raise DataError(
            f"The age is {number} {unit}. Expected is an age of 0 to 130 years. Please correct the number.", code="age"
        )
    return years


def _of(film: Film) -> str:
    """Name a film's widgets: a new upload, even of the same file, has new ones."""
    return f"{st.session_state.get(ARRIVALS)}_{hashlib.sha256(film.identity.encode()).hexdigest()[:16]}"
