"""The shares of the three classes that a network was taught, where it was taught three."""

import streamlit as st

from pages.parts.shared.model_state import ready_classifier
from pages.parts.shared.problems import problems_shown
from pages.parts.shared.session_results import kept
from pneumo_core.read import READINGS, PopulationVerdict, Reading


def shares_view(reading: Reading, one: PopulationVerdict) -> None:
    """Draw how the network shares out its classes, by one population; draw nothing for a network of two classes."""
    population = one.population

    def scored() -> tuple[float, float, float] | None:
        with READINGS.turn(lambda ahead: None, gives_way=True):
            shares = ready_classifier().shares(reading.prepared, population)
        return None if shares is None else (shares.finding, shares.other, shares.normal)

    with problems_shown():
        shares = kept(reading.card, reading.radiograph.sha256, f"shares for {population.name}", scored)
        if shares is None:
            return
        labels = (population.condition, "other abnormality", "normal")
        of = f" (limits for {population.name})" if len(reading.verdicts) > 1 else ""
        with st.expander(f"How the network shares out the three classes it was taught{of}"):
            st.markdown(
                "\n".join(f"- {label}: {100 * share:.0f} %" for label, share in zip(labels, shares, strict=True))
            )
            st.markdown(
                "The first share is the calibrated probability. The other two were never calibrated. They show which "
                "class the X-ray looks more like to the network, and are no diagnosis."
            )
