"""The home page: the purpose of the app, the state of the model, and the ways to the other pages."""

import streamlit as st

from pages.parts.shared.frame import frame
from pages.parts.shared.model_state import model_state
from pneumo_core.files import DEMO_SAMPLE


def home_view() -> None:
    """Draw the home page."""
    frame("Pneumo")
    st.markdown(
        "Pneumo reads a **chest X-ray** for suspected pneumonia or lung opacity. It gives a calibrated probability, a "
        "flag at an operating point that you choose, and a heat map of the evidence that the network found. "
        "Everything runs on this computer: nothing that you upload is stored or sent anywhere."
    )
    with st.container(horizontal=True):
        if st.button("**Explain an X-ray**", icon=":material/upload_file:"):
            st.switch_page("pages/explain.py")
        if st.button("Try a sample: a synthetic image, of no patient", icon=":material/play_circle:"):
            st.switch_page("pages/explain.py", query_params={"sample": DEMO_SAMPLE})
    model_state()
