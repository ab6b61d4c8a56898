"""A refusal of the core becomes a message on the page; anything else is a bug and surfaces as one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from pneumo_core.errors import PneumoError


@contextmanager
def problems_shown() -> Iterator[None]:
    """Show a `PneumoError` as a message instead of the rest of the block."""
    try:
        yield
    except PneumoError as error:
        st.error(plain(str(error)), icon=":material/error:")


def plain(text: str) -> str:
    """Escape text that may hold a file's name, so that it is shown as it is and not read as Markdown."""
    return re.sub(r"([\\`*_{}\[\]()#+.!|$:~<>-])", r"\\\1", text)
