"""The state of a model's input gate: whether there is one, and its refusals."""

from collections.abc import Sequence

import streamlit as st

from pages.parts.shared.problems import plain
from pneumo_core.gate import NO_GATE


def input_gate_shown(sentences: Sequence[str]) -> None:
    """Draw the sentences of `gate_in_words`."""
    first, *others = sentences
    sign = ":material/gpp_maybe:" if first == NO_GATE else ":material/verified_user:"
    st.markdown("\n".join([f"{sign} **{plain(first)}**", "", *(f"- {plain(sentence)}" for sentence in others)]))
