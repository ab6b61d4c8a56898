"""Whether a model has an input gate, and what that refuses."""

from collections.abc import Sequence

import streamlit as st

from pages.parts.problems import plain
from pneumo_core.input_gate import NO_GATE


def input_gate_shown(sentences: Sequence[str]) -> None:
    """Draw what `gate_in_words` says of a model; that it has no gate as a warning."""
    if NO_GATE in sentences:
        st.warning(plain(" ".join(sentences)), icon=":material/gpp_maybe:")
    else:
        st.markdown(f":material/verified_user: {plain(' '.join(sentences))}")
