"""A verdict and an image carry the name of their file, and never stay on the screen for another file."""

import hashlib
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pneumo_core.wording import hash_start


def file_named(name: str, sha256: str, verdict: str = "") -> None:
    """Draw a file's name, the start of its SHA-256, and a verdict on it; no translator may touch them.

    They are one piece of HTML, which a browser replaces as a whole, so a name never stands above the verdict on another
    file.

    Args:
        sha256: of the file's bytes, in hexadecimal; empty where it is not known.
        verdict: becomes a heading.
    """
    digest = f" <span>SHA-256 <code>{hash_start(sha256)}</code></span>" if sha256 else ""
    heading = f'<h2 class="verdict">{escape(verdict)}</h2>' if verdict else ""
    st.html(f'<div class="film-name notranslate" translate="no"><p><b>{escape(name)}</b>{digest}</p>{heading}</div>')


def anew(*shown: object) -> DeltaGenerator:
    """Give a container that a browser replaces as soon as its content changes.

    A translator replaces a page's text by words of its own. A mere update then happens where nobody sees it, and the
    words about the earlier image stay.

    Args:
        shown: everything that the container's words depend on.
    """
    digest = hashlib.sha256("\n".join(map(str, shown)).encode()).hexdigest()[:16]
    # The place is emptied first: otherwise the new container begins with the content of the old one.
    return st.empty().container(key=f"anew_{digest}")
