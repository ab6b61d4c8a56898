"""The warnings about a score, in one box."""

import streamlit as st


def warnings_box(warnings: tuple[str, ...]) -> None:
    """Draw a film's warnings as one box, in the order given; draw nothing where there are none."""
    if warnings:
        st.warning(warnings[0] if len(warnings) == 1 else _list(warnings), icon=":material/info:")


def _list(warnings: tuple[str, ...]) -> str:
    return "\n".join(f"- {warning}" for warning in warnings)
