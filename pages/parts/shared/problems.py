"""A refusal of the core becomes a message on the page; anything else is a bug and surfaces as one."""

import re
from collections.abc import Callable, Iterator
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


def unless_refused(give: Callable[[], str], instead: str) -> str:
    """Give a text, or another one where the core refuses: the part of the page that needs it says why."""
    try:
        return give()
    except PneumoError:
        return instead


def plain(text: str) -> str:
    """Escape text that may hold a file's name, so that it is shown as it is and not read as Markdown."""
    return re.sub(r"([\\`*_{}\[\]()#+.!|$:~<>-])", r"\\\1", text)
