"""What is to be known before a score is believed: one box, however much it is."""

import streamlit as st

from pages.parts.problems import plain


def warnings_box(warnings: tuple[str, ...]) -> None:
    """Draw whole sentences in one box, as a list where there are several; nothing where there is none."""
    if not warnings:
        return
    sentences = [plain(warning) for warning in warnings]
    listed = sentences[0] if len(sentences) == 1 else "\n".join(f"- {sentence}" for sentence in sentences)
    st.warning(listed, icon=":material/info:")
